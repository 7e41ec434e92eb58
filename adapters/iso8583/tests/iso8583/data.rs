//! Where the shared vectors lie, the tables that they are written by, and a seeded generator.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use feiqian_iso8583::Spec;
use feiqian_iso8583::framing::{InterchangeHeader, split_terminal};
use serde_json::Value;

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().map(|digit| u8::try_from(digit.to_digit(16).expect("hex")).expect("a digit")).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// One vector: bytes and what an independent decoder made of them.
#[derive(Debug)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) json: Value,
}

impl Vector {
    pub(crate) fn dialect(&self) -> &str {
        self.json["dialect"].as_str().expect("a dialect")
    }

    pub(crate) fn frame(&self) -> Vec<u8> {
        unhex(self.json["hex"].as_str().expect("hex"))
    }

    /// The message behind the dialect's header.
    pub(crate) fn message(&self) -> Vec<u8> {
        let frame = self.frame();
        match self.dialect() {
            "cups" => InterchangeHeader::split(&frame).expect("a header").1.to_vec(),
            "pos-bcd" => split_terminal(&frame).expect("a header").2.to_vec(),
            _ => frame,
        }
    }
}

/// All vectors of messages, by name; none where the folder is absent.
pub(crate) fn vectors() -> Vec<Vector> {
    let Some(folder) = folder() else { return Vec::new() };
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = entries.filter(|path| !path.ends_with("crypto_mac_pin.json")).collect();
    files.sort();
    files.iter().map(|path| read(path)).collect()
}

/// The vectors of MACs.
pub(crate) fn macs() -> Option<Vector> {
    Some(read(&folder()?.join("crypto_mac_pin.json")))
}

fn read(path: &Path) -> Vector {
    let text = std::fs::read_to_string(path).expect("a file");
    let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    Vector { name, json: serde_json::from_str(&text).expect("JSON") }
}

fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("FEIQIAN_DATA").map_or(beside, PathBuf::from);
    let folder = root.join("iso8583/vectors");
    if folder.is_dir() {
        return Some(folder);
    }
    let _ = writeln!(std::io::stderr(), "skipped: {} is not there (set FEIQIAN_DATA)", folder.display());
    None
}

/// The table of a dialect: built in, or as a configuration would give it.
pub(crate) fn table(dialect: &str) -> Spec {
    let head = "name = \"other\"\nbase = \"generic-1987\"\n";
    let text = match dialect {
        // One vector has three letters Æ for a track, which `z` refuses: its network would declare text.
        "ascii-hexbitmap" => "[fields]\n35 = \"ans..37\"\n55 = \"ans...999\"",
        "ascii-binbitmap" => "bitmap = \"binary\"\n[fields]\n55 = \"b...999\"",
        "basei-demo" => "bitmap = \"hex16\"\n[fields]\n28 = \"ans 9\"\n55 = \"b...999\"",
        "mc-ebcdic" => {
            "mti = \"ebcdic\"\nbitmap = \"binary\"\ndigits = \"ebcdic\"\nlengths = \"ebcdic\"\ntext = \"ebcdic\"\n\
             [fields]\n48 = \"ans...999\""
        }
        "jcb-bcd-ebcdic" => {
            "mti = \"ebcdic\"\nbitmap = \"binary\"\ndigits = \"bcd\"\nlengths = \"binary\"\ntext = \"ebcdic\"\n\
             [fields]\n44 = \"ans..99\"\n48 = \"ans...999\""
        }
        "cups" | "cups-nohdr" => return Spec::built_in("unionpay").expect("a table").clone(),
        "pos-bcd" | "pos-bcd-nohdr" => return Spec::built_in("unionpay-terminal").expect("a table").clone(),
        other => panic!("no table for {other}"),
    };
    Spec::from_toml(&format!("{head}{text}")).expect("a table")
}

/// SplitMix64: the same seed throws the same numbers.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).expect("a bound")).expect("below the bound")
    }
}
