//! Where a table was made: processor, memory, kernel, file system, commit, day.

use std::path::Path;
use std::process::Command;

use serde::Serialize;

/// A machine, as it describes itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Machine {
    pub(super) date: String,
    pub(super) commit: String,
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) memory_gib: u64,
    pub(super) kernel: String,
    pub(super) file_system: String,
}

impl Machine {
    /// This one; `folder` is where the measured files lie. What can't be found is "unknown".
    pub(super) fn here(folder: &Path) -> Self {
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib = field(&memory, "MemTotal").and_then(|text| text.strip_suffix(" kB")?.parse::<u64>().ok());
        let changed = output("git", &["status", "--porcelain", "--untracked-files=no"]);
        let commit = output("git", &["rev-parse", "--short", "HEAD"]).unwrap_or_else(unknown);
        let is_changed = changed.is_some_and(|lines| !lines.is_empty());
        let path = folder.display().to_string();
        Self {
            date: output("date", &["-u", "+%Y-%m-%d"]).unwrap_or_else(unknown),
            commit: if is_changed { format!("{commit} with changes") } else { commit },
            processor: field(&cpu, "model name").unwrap_or("unknown").to_owned(),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_gib: kib.unwrap_or(0).div_ceil(1 << 20),
            kernel: output("uname", &["-r"]).unwrap_or_else(unknown),
            file_system: output("stat", &["-f", "-c", "%T", &path]).unwrap_or_else(unknown),
        }
    }
}

/// Bytes that are free where a folder lies.
pub(super) fn free_bytes(folder: &Path) -> Result<u64, String> {
    let text = output("stat", &["-f", "-c", "%a %S", &folder.display().to_string()]);
    let numbers = text.as_deref().and_then(|text| text.split_once(' '));
    let bytes =
        numbers.and_then(|(blocks, size)| blocks.parse::<u64>().ok()?.checked_mul(size.parse().ok()?));
    bytes.ok_or_else(|| format!("{}: how much is free can't be told", folder.display()))
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
