//! What the documents say is so: paths exist, tests that hold invariants exist, commands and options exist, and the
//! second verifier of proofs, written from `FORMAT.md`, agrees with the first. And what no input of a parser may cost.

#[path = "documents/cost.rs"]
mod cost;
#[path = "documents/memory.rs"]
mod memory;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use feiqian_core::outcome::{Outcome, RejectReason};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).expect("the document is there")
}

/// What stands between backticks on one line.
fn quoted(text: &str) -> Vec<String> {
    let fence = "```";
    let prose = text.split(fence).step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

fn sources(folder: &Path, found: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder of the repository").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push_str(&std::fs::read_to_string(&path).expect("source text"));
        }
    }
}

fn all_sources() -> String {
    let mut found = String::new();
    for folder in ["engine", "adapters", "tests", "benches"] {
        sources(&root().join(folder), &mut found);
    }
    found
}

#[test]
fn paths_that_documents_name_exist() {
    for document in ["ARCHITECTURE.md", "README.md", "CONTRIBUTING.md"] {
        for name in quoted(&read(document)) {
            let is_path = name.contains('/')
                && !name.contains(' ')
                && ["engine/", "adapters/", "tests/", "benches/", "config/"]
                    .iter()
                    .any(|top| name.starts_with(top));
            assert!(!is_path || root().join(&name).exists(), "{document} names {name}, which is not there");
        }
    }
}

#[test]
fn every_invariant_names_tests_that_exist() {
    let sources = all_sources();
    let text = read("ARCHITECTURE.md");
    let mut seen = BTreeSet::new();
    for name in quoted(&text) {
        let Some(rest) = name.strip_prefix('i') else { continue };
        let Some((number, _)) = rest.split_once('_').filter(|(number, _)| number.len() == 1) else {
            continue;
        };
        assert!(sources.contains(&format!("fn {name}()")), "ARCHITECTURE.md names the test {name}");
        seen.insert(number.to_owned());
    }
    assert_eq!(seen.len(), 9, "each of I1 to I9 names a test: {seen:?}");
}

/// The page says how many wrong rules the oracle can be given; each of them is found by a test of its own.
#[test]
fn the_number_of_planted_faults_is_the_one_that_the_document_gives() {
    let count = feiqian_tests::oracle::Planted::ALL.len();
    let text = read("ARCHITECTURE.md");
    assert!(text.contains(&format!("{count} wrong rules in the oracle")), "there are {count}");
}

#[test]
fn links_between_documents_lead_somewhere() {
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"] {
        let text = read(document);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let is_here = !link.starts_with("http") && !link.starts_with('#');
            let (file, _) = link.split_once('#').unwrap_or((link, ""));
            assert!(!is_here || root().join(file).exists(), "{document} links to {link}");
        }
    }
}

/// A Python that has the packages of `tests/verifier/requirements.txt`, if there is one.
fn python() -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let named = std::env::var_os("FEIQIAN_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| target.join("venv/bin/python"));
    let has_packages = Command::new(&python).args(["-c", "import blake3, nacl.signing"]).output();
    has_packages.is_ok_and(|tried| tried.status.success()).then_some(python)
}

#[test]
fn the_format_of_proofs_names_every_outcome_and_every_reason() {
    let format = read("engine/proof/FORMAT.md");
    for outcome in Outcome::ALL {
        let row = format!("| {} | {} |", outcome.number(), outcome.name());
        assert!(format.contains(&row), "FORMAT.md lacks {row}");
    }
    let listed = format.split("\nReasons: ").nth(1).and_then(|rest| rest.split(". ").next());
    let reasons = RejectReason::ALL.iter().map(|reason| format!("{} {}", reason.number(), reason.name()));
    assert_eq!(listed, Some(reasons.collect::<Vec<_>>().join(", ").as_str()));
}

#[test]
fn the_second_verifier_is_short_and_agrees_on_every_vector() {
    let verifier = root().join("tests/verifier/verify.py");
    let source = read("tests/verifier/verify.py");
    assert!(source.lines().count() <= 300, "a second implementation stays small enough to be read");
    let Some(python) = python() else {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: no Python with blake3 and PyNaCl (in target/venv, or named by FEIQIAN_PYTHON)"
        );
        return;
    };
    let vectors = root().join("engine/proof/tests/vectors.json");
    let run = Command::new(python).arg(verifier).arg("--vectors").arg(vectors).output();
    let run = run.expect("Python runs");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    assert!(said.ends_with(" vectors, 0 disagreements\n"), "{said}");
}
