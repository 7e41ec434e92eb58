//! I8, I9: a bit that is turned anywhere in what the engine has written is found by the audit.

use std::path::PathBuf;

use crate::house::{Answer, House};

/// Flips in one file, spread over what is written of it.
const FLIPS: usize = 12;

#[test]
fn i9_an_audit_finds_a_turned_bit_in_every_kind_of_file() {
    let house = House::founded("flips");
    house.import(&["01-single.xml", "09-bulk-500.xml", "14-unfunded.xml"]);
    house.run(&["cycle", "close"]).json();
    house.run(&["audit"]).json();
    let mut flipped = 0;
    for folder in ["journal", "outcomes", "blocks", "snapshots", "IDENTITY"] {
        for path in files(&house.data().join(folder)) {
            let bytes = std::fs::read(&path).expect("there");
            let Some(last) = bytes.iter().rposition(|byte| *byte != 0) else { continue };
            for at in (0..=last).step_by((last / FLIPS).max(1)) {
                let mut wrong = bytes.clone();
                wrong[at] ^= 1 << (at % 8);
                std::fs::write(&path, wrong).expect("written");
                let answer = house.run(&["audit"]);
                assert!(is_found(&answer), "byte {at} of {}: {answer:?}", path.display());
                flipped += 1;
            }
            std::fs::write(&path, bytes).expect("written");
        }
    }
    assert!(flipped >= 4 * FLIPS, "{flipped}");
    house.run(&["audit"]).json();
}

/// A difference; or, in the last mark or block, behind which nothing vouches for it, an end as of a crash.
fn is_found(answer: &Answer) -> bool {
    let is_told = |key: &str| answer.json()[key].as_u64() > Some(0);
    match answer.code {
        0 => is_told("torn_bytes") || is_told("torn_blocks"),
        code => code == 1 && answer.stderr.contains("first difference"),
    }
}

fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    if folder.is_file() {
        return vec![folder.to_owned()];
    }
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("read").path()).filter(|path| path.is_file()).collect()
}
