//! A server that is killed after a full load: how long the next start takes, and that all it had answered is there.

use std::path::PathBuf;
use std::sync::Arc;

use super::Settings;
use super::cases::{options, plain};
use super::questions;
use super::results::Results;
use crate::run::scratch;
use crate::run::server::{OwnServer, ServerSpec};
use crate::run::verify::{Expectation, Findings, Sent, check_directory};
use crate::run::{drive_noting, own_credentials};
use crate::workload::Workload;
use crate::workload::layout::Layout;
use crate::workload::maker::Shape;

/// Loads a server at full speed, kills it, and checks that all it had answered is there. Gives its data directory, which the
/// caller removes.
pub(super) fn killed_after(settings: &Settings, workload: &Workload) -> Result<(PathBuf, Findings), String> {
    let plan = options(settings, workload.clone()).plan().map_err(|fault| fault.to_string())?;
    let folder = scratch::folder(&settings.folder).map_err(|fault| fault.to_string())?;
    let (data, layout) = (folder.join("data"), Layout::fresh(workload));
    let own = OwnServer::start(&settings.program, &ServerSpec::new(data.clone(), workload.clone()))?;
    let server =
        own_credentials(&own.ready.address, workload.participants).map_err(|fault| fault.to_string())?;
    let shape = Shape::new(workload.clone(), layout.clone());
    let driven = drive_noting(plan, &shape, &server, None, &mut |_| {});
    let begin = own.ready.next_sequence;
    own.kill()?;
    let acknowledged = driven.measured.acknowledged;
    let loads = vec![Sent { shape: Arc::clone(&shape), plan, acknowledged }];
    let findings = check_directory(&data, &Expectation { layout, begin, loads, is_all: true });
    if !findings.all_hold() || !driven.measured.faults.is_empty() {
        return Err(format!("{:?} {:?}", findings.faults, driven.measured.faults));
    }
    Ok((data, findings))
}

pub(super) fn restart(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let (data, findings) = killed_after(settings, &plain(settings, 1_000_000))?;
    let recovered = findings.recovered.unwrap_or_default();
    let seconds = recovered.elapsed.as_secs_f64();
    results.note("restart_ms", "start after a SIGKILL behind 10 million transfers", "ms", seconds * 1e3);
    results.note(
        "restart_frames",
        "… frames executed again since the last snapshot",
        "frames",
        recovered.frames as f64,
    );
    results.note(
        "restart_per_second",
        "… journaled entries by the time of the start",
        "entries/s",
        recovered.entries as f64 / seconds,
    );
    questions::ask(settings, &data, results)?;
    std::fs::remove_dir_all(&data).map_err(|fault| fault.to_string())
}
