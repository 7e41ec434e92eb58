//! Where the demo and the shared data lie, and xmllint; what is missing is said in one line.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

pub(crate) fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/demo")
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

/// The files of a folder by name, without those that are written aside.
pub(crate) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("listed"))
        .filter(|entry| entry.path().is_file())
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(entry.path()).expect("readable"))
        })
        .collect();
    files.sort();
    files
}

/// Validates each header and document of the XML files in a folder against its schema.
pub(crate) fn validate(folder_of_files: &Path) {
    let Some(schemas) = folder("xsd") else { return };
    if Command::new("xmllint").arg("--version").output().is_err() {
        return say("skipped: xmllint is not installed");
    }
    let (mut count, part) = (0, folder_of_files.join(".part-of-a-file"));
    for (name, bytes) in files(folder_of_files) {
        if !name.ends_with(".xml") {
            continue;
        }
        let text = String::from_utf8(bytes).expect("UTF-8");
        for root in ["AppHdr", "Document"] {
            let Some(start) = text.find(&format!("<{root} ")) else { continue };
            let end = text.rfind(&format!("</{root}>")).expect("closed") + root.len() + 3;
            let part_text = &text[start..end];
            let prefix = "urn:iso:std:iso:20022:tech:xsd:";
            let id =
                part_text.split(prefix).nth(1).and_then(|rest| rest.split('"').next()).expect("a namespace");
            std::fs::write(&part, part_text).expect("written");
            let schema = schemas.join(format!("{id}.xsd"));
            let mut run = Command::new("xmllint");
            run.args(["--noout", "--nonet", "--schema"]).arg(schema).arg(&part);
            let output = run.output().expect("xmllint runs");
            assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
            count += 1;
        }
    }
    let _ = std::fs::remove_file(part);
    say(&format!("xmllint: {count} headers and documents of {} are valid", folder_of_files.display()));
}
