//! A closed cycle's instructions and statements add up, are valid, and are the same when written again.

use std::collections::BTreeMap;

use feiqian_core::batch::Batch;
use feiqian_core::command::Command;
use feiqian_core::transfer::Record;
use feiqian_files::intake;
use feiqian_files::settlement::write_cycle;
use feiqian_iso20022::Limits;
use feiqian_iso20022::transfers::check;

use crate::house::{House, bic};
use crate::shared::{demo, files, validate};

fn cents(decimal: &str) -> i128 {
    decimal.replace('.', "").parse().expect("a number")
}

#[test]
fn what_a_cycle_sends_sums_to_zero_and_is_valid() {
    let house = House::demo("settling");
    let options = house.options.clone().reading(demo().join("inbox"));
    intake(house.engine(), &options).expect("taken in");
    let operator = bic("CLRHXXAAXXX");
    let work = &house.options.work;
    assert!(write_cycle(house.engine(), work, operator, 1).is_err(), "the cycle is still open");
    house.command(Command::CloseCycle { cycle: 1 });
    let report = write_cycle(house.engine(), work, operator, 1).expect("written");

    let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
    let mut owed: BTreeMap<(&str, &str), i128> = BTreeMap::new();
    for line in &report.positions {
        *sums.entry(&line.currency).or_default() += cents(&line.net);
        *owed.entry((&line.participant, &line.currency)).or_default() += cents(&line.net);
    }
    assert_eq!(sums.keys().copied().collect::<Vec<_>>(), ["EUR", "JPY", "KWD", "USD"]);
    assert!(sums.values().all(|sum| *sum == 0), "{sums:?}");
    for line in &report.obligations {
        *owed.entry((&line.debtor, &line.currency)).or_default() += cents(&line.amount);
        *owed.entry((&line.creditor, &line.currency)).or_default() -= cents(&line.amount);
    }
    assert!(owed.values().all(|left| *left == 0), "the obligations settle the positions: {owed:?}");
    assert_eq!(report.statements.len(), 8 + 5 + 2 + 2);

    let written = files(&work.settlement());
    assert_eq!(written.len(), report.obligations.len() + report.statements.len());
    for line in &report.obligations {
        let bytes = std::fs::read(work.settlement().join(&line.file)).expect("there");
        let summary = check(bytes.as_slice(), Limits::default()).expect("our own reader takes it");
        assert_eq!((summary.transactions, summary.refusals.len()), (1, 0));
    }
    let statement = written.iter().find(|(name, _)| name.contains("BNKBXXAAXXX.EUR.camt")).expect("there");
    let text = String::from_utf8_lossy(&statement.1);
    assert!(text.contains("E2E-DEMO01-1") && text.contains("CLBD"), "{text}");
    validate(&work.settlement());
    let again = write_cycle(house.engine(), work, operator, 1).expect("written");
    assert_eq!((again, files(&work.settlement())), (report, written));
}

#[test]
fn a_busy_position_is_summed_up_by_counterparty() {
    let house = House::demo("busy");
    let directory = house.engine().directory();
    let [a, b] = ["BNKAXXAAXXX", "BNKBXXAAXXX"].map(|code| directory.participant(bic(code)).expect("there"));
    let eur = crate::house::currency("EUR");
    let [from, to] = [a, b].map(|bank| directory.clearing_account(bank, eur).expect("open"));
    let records = (1..=1_100_u128).map(|id| Record::new(id, from, to, 7, eur.numeric())).collect();
    house.engine().submit(Batch::new(a, records)).expect("admitted").wait().expect("answered");
    house.command(Command::CloseCycle { cycle: 1 });
    let work = &house.options.work;
    let report = write_cycle(house.engine(), work, bic("CLRHXXAAXXX"), 1).expect("written");
    assert_eq!((report.obligations.len(), report.obligations[0].amount.as_str()), (1, "77.00"));
    let statement = std::fs::read_to_string(work.settlement().join("cycle-1.BNKAXXAAXXX.EUR.camt.053.xml"));
    let statement = statement.expect("there");
    assert!(statement.contains("1100 transfers to BNKBXXAAXXX"), "{statement}");
    assert_eq!(statement.matches("<Ntry>").count(), 1);
    validate(&work.settlement());
}
