//! Where the shared vectors lie, and a seeded generator; a missing folder is reported once per test.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The folder of the shared EMV QR vectors, or none with a line that says so.
pub(crate) fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("FEIQIAN_DATA").map_or(beside, PathBuf::from);
    let folder = root.join("emvqr/vectors");
    if folder.is_dir() {
        return Some(folder);
    }
    say(&format!("skipped: {} is not there (set FEIQIAN_DATA)", folder.display()));
    None
}

/// One vector: a payload and what an independent parser made of it.
#[derive(Debug)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) json: Value,
}

impl Vector {
    pub(crate) fn text(&self, key: &str) -> &str {
        self.json[key].as_str().unwrap_or_default()
    }

    pub(crate) fn payload(&self) -> &str {
        self.text("payload")
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.json["valid"].as_bool().expect("a boolean")
    }
}

/// All vectors of a kind (`mpm`, `cpm`), by name; none where the folder is absent.
pub(crate) fn vectors(kind: &str) -> Vec<Vector> {
    let Some(folder) = folder() else { return Vec::new() };
    let entries = std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    let vectors = files.iter().map(|path| {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Vector { name: path.file_stem().expect("a name").to_string_lossy().into_owned(), json }
    });
    let vectors: Vec<Vector> = vectors.filter(|vector| vector.text("kind") == kind).collect();
    assert!(!vectors.is_empty(), "no {kind} vectors in {}", folder.display());
    vectors
}

/// A linear congruential generator: the same numbers on every run.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bound = u64::try_from(bound.max(1)).expect("fits");
        usize::try_from((self.0 >> 33) % bound).expect("fits")
    }

    pub(crate) fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("a byte")
    }

    pub(crate) fn is_one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    /// 1 to `longest` characters out of `alphabet`.
    pub(crate) fn text(&mut self, alphabet: &str, longest: usize) -> String {
        let signs: Vec<char> = alphabet.chars().collect();
        let length = self.below(longest) + 1;
        (0..length).map(|_| signs[self.below(signs.len())]).collect()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.byte()).collect()
    }
}
