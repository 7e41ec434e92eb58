//! Foreign samples, whose banks are registered for the purpose, and hostile files.

use std::collections::BTreeMap;

use feiqian_files::agents::agents_of;
use feiqian_files::{Disposition, IntakeOptions, import, intake};
use feiqian_iso20022::Limits;

use crate::house::House;
use crate::shared::{files, folder, say, validate};

#[test]
fn hostile_files_end_as_expected() {
    let Some(hostile) = folder("samples/hostile") else { return };
    let house = House::empty("hostile");
    house.register(&agents_of(&hostile, Limits::default()).expect("read"));
    let options = house.options.clone().reading(hostile.clone());
    let before = files(&hostile);
    let report = intake(house.engine(), &options).expect("taken in");
    assert_eq!(files(&hostile), before, "a foreign inbox is only read");
    let text = std::fs::read_to_string(hostile.join("EXPECT.tsv")).expect("there");
    let expected: BTreeMap<&str, &str> = text
        .lines()
        .skip(1)
        .filter_map(|line| Some((line.split('\t').next()?, line.split('\t').nth(3)?)))
        .collect();
    for file in &report.files {
        let is_refused = file.disposition == Disposition::Rejected || file.accepted == 0;
        match expected.get(file.name.as_str()).copied() {
            Some("accept") => assert_eq!(file.disposition, Disposition::Answered, "{file:?}"),
            Some(verdict) if verdict.starts_with("accept") => {}
            _ => assert!(is_refused, "{file:?}"),
        }
        assert!(file.answer.is_some(), "{file:?}");
    }
    say(&format!("taken in: {} hostile files", report.files.len()));
    validate(&house.options.work.outbox());
}

#[test]
fn all_samples_are_answered_or_noted_and_every_answer_is_valid() {
    let Some(samples) = folder("samples") else { return };
    let house = House::empty("samples");
    let agents = agents_of(&samples, Limits::default()).expect("read");
    house.register(&agents);
    let options = house.options.clone().reading(samples);
    let report = intake(house.engine(), &options).expect("taken in");
    assert_eq!((report.count(Disposition::Left), report.left), (0, 0));
    assert!(report.skipped > 0, "the expected facts beside the samples are no messages");
    let cleared = report.sum(|file| file.accepted);
    assert!(cleared > 500, "{cleared} cleared");
    validate(&house.options.work.outbox());
    let rejected = report.rejected();
    let rejects = report.count(Disposition::Rejected);
    say(&format!(
        "{} files: {cleared} cleared, rejected {rejected:?}, {rejects} unreadable",
        report.files.len()
    ));
}

#[test]
fn single_files_are_imported_and_left_where_they_are() {
    let house = House::demo("import");
    let inbox = crate::shared::demo().join("inbox");
    let options = IntakeOptions { inbox: inbox.clone(), ..house.options.clone() };
    let before = files(&inbox);
    let report =
        import(house.engine(), &options, &[inbox.join("01-single.xml"), inbox.join("10-broken.xml")])
            .expect("taken in");
    assert_eq!(report.files[0].accepted, 1);
    assert_eq!(report.files[1].disposition, Disposition::Rejected);
    assert_eq!(files(&inbox), before);
    assert_eq!(files(&house.options.work.rejected()).len(), 2, "a copy and its reason");
    assert!(import(house.engine(), &options, &[inbox.join("none.xml")]).is_err());
}
