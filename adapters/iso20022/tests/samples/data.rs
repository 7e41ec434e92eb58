//! Where the shared samples lie, and reading them; a missing folder is reported once per test.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// One row of `MANIFEST.tsv` for an XML sample.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) file: String,
    pub(crate) message: String,
    /// xmllint found every part valid.
    pub(crate) is_valid: bool,
}

pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A folder of the shared ISO 20022 data, or none with a line that says so.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("FEIQIAN_DATA").map_or(beside, PathBuf::from);
    let folder = root.join("iso20022").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    say(&format!("skipped: {} is not there (set FEIQIAN_DATA)", folder.display()));
    None
}

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

pub(crate) fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn text(path: &Path) -> String {
    String::from_utf8(read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The XML samples, of families that are read here and of others.
pub(crate) fn samples(folder: &Path) -> Vec<Sample> {
    let manifest = text(&folder.join("MANIFEST.tsv"));
    let rows = manifest.lines().skip(1).map(|line| line.split('\t').collect::<Vec<&str>>());
    rows.filter(|row| row[0].ends_with(".xml"))
        .map(|row| Sample {
            file: row[0].to_owned(),
            message: row[1].to_owned(),
            is_valid: row[3] == "valid",
        })
        .collect()
}
