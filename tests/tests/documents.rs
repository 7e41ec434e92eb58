//! What the documents say is so: paths exist, tests that hold invariants exist, commands and options exist.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

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

#[test]
fn links_between_documents_lead_somewhere() {
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"] {
        let text = read(document);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let is_here = !link.starts_with("http") && !link.starts_with('#');
            assert!(!is_here || root().join(link).exists(), "{document} links to {link}");
        }
    }
}
