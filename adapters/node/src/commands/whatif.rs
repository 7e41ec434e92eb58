//! `feiqian whatif`: replays the journal with other limits or one bank less, and prints what would have been. Changes
//! nothing in the data directory.

use std::path::Path;

use super::Context;
use super::replay::open;
use crate::cli::WhatIfArgs;
use crate::fault::Fault;
use crate::whatif::day::run;
use crate::whatif::plots;
use crate::whatif::question::Question;
use crate::whatif::report::Comparison;

pub(super) fn whatif(context: &Context, arguments: &WhatIfArgs) -> Result<(), Fault> {
    let question = question(arguments)?;
    let (reader, _) = open(&context.data)?;
    let day = run(&reader, &question, arguments.from_cycle)?;
    let mut comparison = Comparison::of(&day, &question, arguments.from_cycle);
    if let Some(folder) = &arguments.plots {
        comparison.plots = write_plots(folder, &plots::of(&day, &comparison))?;
    }
    context.output.report(&comparison);
    Ok(())
}

fn question(arguments: &WhatIfArgs) -> Result<Question, Fault> {
    match (&arguments.caps, &arguments.without, &arguments.liquidity) {
        (Some(file), None, None) => Question::caps(file),
        (None, Some(bic), None) => Question::without(bic),
        (None, None, Some(text)) => Question::liquidity(text),
        _ => Err(Fault::Usage("ask one of --caps, --without and --liquidity".to_owned())),
    }
}

fn write_plots(folder: &Path, plots: &[(String, String)]) -> Result<Vec<String>, Fault> {
    std::fs::create_dir_all(folder).map_err(|error| Fault::file(folder, "make the folder", &error))?;
    let write = |(name, svg): &(String, String)| {
        let path = folder.join(name);
        std::fs::write(&path, svg).map_err(|error| Fault::file(&path, "write the plot", &error))?;
        Ok(path.display().to_string())
    };
    plots.iter().map(write).collect()
}
