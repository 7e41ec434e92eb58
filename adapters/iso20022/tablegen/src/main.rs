//! Compiles the XSDs of the supported messages into the Rust tables that `feiqian-iso20022` commits.
//!
//! `feiqian-iso20022-tablegen XSD_DIR OUT_DIR` reads `XSD_DIR/<message>.xsd` and writes `names.rs`,
//! `types.rs`, `values.rs` and `patterns.rs` into `OUT_DIR`. The output depends on the XSDs alone, so a
//! second run changes nothing. It refuses whatever part of XSD the tables can't express; it never guesses.
#![forbid(unsafe_code)]

mod emit;
mod intern;
mod pattern;
mod xsd;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The message families that the engine reads or writes; every version with an XSD is compiled.
const FAMILIES: [&str; 28] = [
    "acmt.023", "acmt.024", "admi.002", "admi.004", "admi.007", "admi.011", "camt.003", "camt.004",
    "camt.026", "camt.028", "camt.029", "camt.052", "camt.053", "camt.054", "camt.055", "camt.056",
    "camt.060", "head.001", "pacs.002", "pacs.004", "pacs.008", "pacs.009", "pacs.010", "pacs.028",
    "pain.001", "pain.002", "pain.013", "pain.014",
];

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [schemas, out] = arguments.as_slice() else {
        return fail("usage: feiqian-iso20022-tablegen XSD_DIR OUT_DIR");
    };
    match generate(schemas, out) {
        Ok(summary) => {
            let _ = writeln!(std::io::stderr(), "{summary}");
            ExitCode::SUCCESS
        }
        Err(problem) => fail(&problem),
    }
}

fn fail(problem: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{problem}");
    ExitCode::FAILURE
}

fn compile(schemas: &Path) -> Result<intern::Tables, String> {
    let mut tables = intern::Tables::default();
    for file in schema_files(schemas)? {
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let schema = xsd::parse(&text).map_err(|problem| format!("{}: {problem}", file.display()))?;
        tables.add(&schema).map_err(|problem| format!("{}: {problem}", file.display()))?;
    }
    Ok(tables)
}

fn generate(schemas: &Path, out: &Path) -> Result<String, String> {
    let tables = compile(schemas)?;
    let mut bytes = 0;
    for (name, text) in emit::files(&tables)? {
        let path = out.join(name);
        bytes += text.len();
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(format!("{}, {bytes} bytes of source", tables.summary()))
}

fn schema_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| format!("{}: {error}", folder.display()))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        if name.ends_with(".xsd") && FAMILIES.iter().any(|family| name.starts_with(family)) {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(format!("{}: holds no XSD of {}", folder.display(), FAMILIES.join(", ")));
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_tables_are_those_of_the_schemas() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let beside = here.join("../../../../shared/data");
        let data = std::env::var_os("FEIQIAN_DATA").map_or(beside, PathBuf::from);
        let schemas = data.join("iso20022/xsd");
        if !schemas.is_dir() {
            let _ =
                writeln!(std::io::stderr(), "skipped: {} is not there (set FEIQIAN_DATA)", schemas.display());
            return;
        }
        let tables = compile(&schemas).expect("the schemas are supported");
        for (name, text) in emit::files(&tables).expect("the tables fit") {
            let committed =
                std::fs::read_to_string(here.join("../src/schema").join(name)).expect("committed");
            assert!(committed == text, "{name} is not what the schemas give: run the generator");
        }
    }
}
