//! Statements and cycle reports add up: opening, entries and closing, one cycle to the next, one bank to the other.

use std::collections::BTreeMap;
use std::path::Path;

use feiqian_core::account::AccountHandle;
use feiqian_core::batch::Batch;
use feiqian_core::command::Command;
use feiqian_core::currency::Currency;
use feiqian_core::frame::FrameKind;
use feiqian_core::outcome::{Outcome, OutcomeRow};
use feiqian_core::transfer::Record;
use feiqian_files::intake;
use feiqian_files::settlement::{
    CycleReport, StatementLine, StatementMessage, StatementOf, cycle_report, write_cycle, write_statements,
};
use feiqian_runtime::history::records_of;
use zerocopy::FromBytes as _;

use crate::house::{House, bic, currency};
use crate::shared::{demo, files, validate};

const OPERATOR: &str = "CLRHXXAAXXX";

pub(crate) fn minor(decimal: &str) -> i128 {
    decimal.replace('.', "").parse().expect("a number")
}

/// The texts of all elements of a name.
pub(crate) fn texts<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (begin, end) = (format!("<{name}"), format!("</{name}>"));
    let found = xml.match_indices(&begin).filter_map(|(at, _)| xml.get(at + begin.len()..));
    found
        .filter(|rest| rest.starts_with(['>', ' ']))
        .filter_map(|rest| rest.split_once('>')?.1.split(&end).next())
        .collect()
}

/// Amount of a balance or an entry: the first in it, with its side.
fn amount(xml: &str) -> i128 {
    let amount = minor(texts(xml, "Amt")[0]);
    if texts(xml, "CdtDbtInd")[0] == "CRDT" { amount } else { -amount }
}

/// Opening, sum of the entries, closing; and the summary says what the entries do.
fn told(xml: &str) -> [i128; 3] {
    let balances: BTreeMap<_, _> = texts(xml, "Bal")
        .into_iter()
        .map(|balance| (texts(texts(balance, "CdOrPrtry")[0], "Cd")[0], amount(balance)))
        .collect();
    let entries: Vec<_> = texts(xml, "Ntry").into_iter().map(amount).collect();
    let sums: Vec<_> = texts(xml, "Sum").into_iter().map(minor).collect();
    let side = |is_credit: bool| entries.iter().filter(|entry| (**entry > 0) == is_credit).sum::<i128>();
    assert_eq!(sums, [side(true), -side(false)], "{xml}");
    let closing = balances.get("CLBD").or(balances.get("ITBD")).expect("a balance");
    [balances["OPBD"], entries.iter().sum(), *closing]
}

fn close(house: &House, cycle: u64) {
    house.command(Command::CloseCycle { cycle });
}

fn settle(house: &House, cycle: u64) {
    house.command(Command::InstructCycle { cycle });
    house.command(Command::SettleCycle { cycle });
}

fn clearing(house: &House, code: &str) -> AccountHandle {
    let directory = house.engine().directory();
    let bank = directory.participant(bic(code)).expect("there");
    directory.clearing_account(bank, currency("EUR")).expect("open")
}

pub(crate) fn pay(house: &House, (debtor, creditor): (&str, &str), amounts: &[u64]) {
    let (from, to) = (clearing(house, debtor), clearing(house, creditor));
    let bank = house.engine().directory().participant(bic(debtor)).expect("there");
    let record = |(id, amount): (u128, &u64)| Record::new((1 << 90) + id, from, to, *amount, 978);
    let first = u128::from(from) << 40;
    let records = (first..).zip(amounts).map(record).collect();
    house.engine().submit(Batch::new(bank, records)).expect("admitted").wait().expect("answered");
}

fn written(house: &House, folder: &Path, cycle: u64, of: StatementOf) -> Vec<StatementLine> {
    let statement = (of, StatementMessage::Statement);
    write_statements(house.engine(), (folder, bic(OPERATOR)), cycle, statement).expect("written")
}

#[test]
fn within_a_day_a_report_tells_what_the_blocks_have_and_a_notification_the_entries_alone() {
    let house = House::demo("within");
    let folder = house.options.work.settlement();
    let account = StatementOf::Account(clearing(&house, "BNKAXXAAXXX"));
    let position = StatementOf::Participant(bic("BNKAXXAAXXX"));
    let read = |of, message| {
        house.engine().seal().expect("sealed");
        let lines = write_statements(house.engine(), (&folder, bic(OPERATOR)), 1, (of, message));
        std::fs::read_to_string(&lines.expect("written")[0].file).expect("there")
    };
    pay(&house, ("BNKAXXAAXXX", "BNKBXXAAXXX"), &[500]);
    let first = read(position, StatementMessage::Report);
    assert_eq!(told(&first), [0, -500, -500]);
    pay(&house, ("BNKBXXAAXXX", "BNKAXXAAXXX"), &[200]);
    let second = read(position, StatementMessage::Report);
    assert_eq!(told(&second), [0, -300, -300]);
    assert_ne!(texts(&first, "MsgId")[0], texts(&second, "MsgId")[0]);
    let [opening, entries, now] = told(&read(account, StatementMessage::Report));
    assert_eq!((opening, entries), (0, now));
    let notified = read(position, StatementMessage::Notification);
    assert_eq!((texts(&notified, "Ntry").len(), texts(&notified, "Bal").len()), (2, 0));
    let statement = (position, StatementMessage::Statement);
    assert!(write_statements(house.engine(), (&folder, bic(OPERATOR)), 1, statement).is_err(), "not closed");
    validate(&folder);
}

#[test]
fn opening_entries_and_closing_agree_in_every_statement_and_from_cycle_to_cycle() {
    let house = House::demo("statements");
    let options = house.options.clone().reading(demo().join("inbox"));
    intake(house.engine(), &options).expect("taken in");
    close(&house, 1);
    let work = &house.options.work;
    write_cycle(house.engine(), work, bic(OPERATOR), 1).expect("written");
    let mut with_entries = 0;
    for (name, bytes) in files(&work.settlement()).iter().filter(|(name, _)| name.contains("camt.053")) {
        let [opening, entries, closing] = told(&String::from_utf8_lossy(bytes));
        assert_eq!((opening, entries), (0, closing), "{name}");
        with_entries += u32::from(entries != 0);
    }
    assert!(with_entries > 5, "{with_entries}");
    // Cycle 2: the settlement of cycle 1, another payment; cycle 3: that of cycle 2 alone.
    settle(&house, 1);
    pay(&house, ("BNKAXXAAXXX", "BNKBXXAAXXX"), &[12_345]);
    close(&house, 2);
    settle(&house, 2);
    close(&house, 3);
    let folder = work.settlement().join("accounts");
    std::fs::create_dir_all(&folder).expect("made");
    for code in ["BNKAXXAAXXX", "BNKBXXAAXXX"] {
        let of = StatementOf::Account(clearing(&house, code));
        let mut expected = 0;
        for cycle in 1..=3 {
            let lines = written(&house, &folder, cycle, of);
            let xml = std::fs::read_to_string(&lines[0].file).expect("there");
            let [opening, entries, closing] = told(&xml);
            assert_eq!((opening, opening + entries), (expected, closing), "{code}, cycle {cycle}");
            let reported = [&lines[0].opening, &lines[0].closing].map(|text| minor(text));
            assert_eq!(reported, [opening, closing]);
            assert_eq!(xml.contains("settlement of cycle"), cycle > 1, "{xml}");
            expected = closing;
        }
    }
    // A hosted account is named by its IBAN.
    let hosted = house.engine().directory().alias("IBAN:DE68500105170001000011").expect("there");
    let of = StatementOf::Account(hosted);
    let lines = written(&house, &folder, 1, of);
    let xml = std::fs::read_to_string(&lines[0].file).expect("there");
    let [opening, entries, closing] = told(&xml);
    assert_eq!((opening, entries), (0, closing));
    assert!(texts(&xml, "Acct")[0].contains("<IBAN>DE68500105170001000011</IBAN>"), "{xml}");
    validate(&folder);
}

#[test]
fn a_busy_account_is_summed_up_and_its_statement_still_agrees() {
    let house = House::demo("busy-account");
    pay(&house, ("BNKAXXAAXXX", "BNKBXXAAXXX"), &[7; 2_500]);
    close(&house, 1);
    pay(&house, ("BNKBXXAAXXX", "BNKAXXAAXXX"), &[9; 1_200]);
    close(&house, 2);
    let folder = house.options.work.settlement();
    let account = clearing(&house, "BNKBXXAAXXX");
    let of = StatementOf::Account(account);
    let read = |cycle| {
        let lines = written(&house, &folder, cycle, of);
        (lines[0].transfers, told(&std::fs::read_to_string(&lines[0].file).expect("there")))
    };
    let (transfers, [opening, entries, closing]) = read(1);
    assert_eq!((transfers, opening + entries), (2_500 + opening_postings(&house), closing));
    let (transfers, [next, entries, last]) = read(2);
    assert_eq!((transfers, next, entries, last), (1_200, closing, -9 * 1_200, closing - 9 * 1_200));
    let positions = StatementOf::Participant(bic("BNKBXXAAXXX"));
    let lines = written(&house, &folder, 2, positions);
    assert_eq!(lines.iter().map(|line| line.currency).collect::<Vec<_>>(), ["EUR", "USD"]);
    assert_eq!((lines[0].closing.as_str(), lines[1].closing.as_str()), ("-108.00", "0.00"));
    let statement = (positions, StatementMessage::Statement);
    let open = write_statements(house.engine(), (&folder, bic(OPERATOR)), 3, statement);
    assert!(open.expect_err("open").to_string().contains("close it first"));
    assert!(cycle_report(house.engine(), bic(OPERATOR), 3).is_err());
    validate(&folder);
}

/// Postings on B's clearing account that funded its hosted accounts.
fn opening_postings(house: &House) -> u64 {
    let account = clearing(house, "BNKBXXAAXXX");
    let all = house.engine().history(account, 10_000).expect("read").expect("sealed");
    u64::try_from(all.len()).expect("few") - 2_500 - 1_200
}

#[test]
fn a_cycles_report_balances_and_each_sees_of_the_other_what_the_other_sees() {
    let house = House::demo("report");
    let options = house.options.clone().reading(demo().join("inbox"));
    intake(house.engine(), &options).expect("taken in");
    close(&house, 1);
    let sent = write_cycle(house.engine(), &house.options.work, bic(OPERATOR), 1).expect("written");
    let report = cycle_report(house.engine(), bic(OPERATOR), 1).expect("reported");
    assert_eq!((report.cycle, report.state, report.settled_by), (1, "closed", None));
    let nets: Vec<_> = report
        .positions
        .iter()
        .filter(|line| minor(&line.movements.net) != 0)
        .map(|line| (line.participant.clone(), line.currency.to_owned(), line.closing.clone()))
        .collect();
    let told: Vec<_> = sent
        .positions
        .iter()
        .map(|line| (line.participant.clone(), line.currency.clone(), line.net.clone()))
        .collect();
    assert_eq!(nets, told);
    check_balances(&report);
    let mut owed: BTreeMap<&str, i128> = BTreeMap::new();
    for line in &sent.obligations {
        *owed.entry(&line.currency).or_default() += minor(&line.amount);
    }
    for line in &report.totals {
        assert_eq!(owed.get(line.currency).copied(), Some(minor(&line.to_settle)), "{}", line.currency);
    }
    check_turnover(&house, &report);
    settle(&house, 1);
    let settled = cycle_report(house.engine(), bic(OPERATOR), 1).expect("reported");
    assert_eq!((settled.state, settled.positions[0].state), ("settled", "settled"));
    assert!(settled.settled_by > Some(1) && settled.totals == report.totals);
}

/// The liquidity of each currency, once more from the entries alone: of each position the deepest that it stood below zero.
fn check_turnover(house: &House, report: &CycleReport) {
    let engine = house.engine();
    let mut positions: BTreeMap<(u16, u32), (i128, i128)> = BTreeMap::new();
    let archive = engine.archive();
    for frame in archive.journal.frames_from(1) {
        let frame = frame.expect("readable");
        let header = &frame.header;
        if header.kind != FrameKind::Transfers {
            continue;
        }
        let count = usize::try_from(header.count).expect("few");
        let rows = archive.outcomes.read(header.first_sequence, count).expect("written");
        let rows = rows.chunks_exact(32).map(|row| OutcomeRow::read_from_bytes(row).expect("a row"));
        for (record, row) in records_of(&frame).expect("records").iter().zip(rows) {
            let slot = |handle: u64| engine.directory().registry(|all| all.account(handle).map(|at| at.slot));
            let sides = [slot(record.debtor.get()), slot(record.creditor.get())];
            let ([Some(debtor), Some(creditor)], true) = (sides, row.outcome() == Some(Outcome::Cleared))
            else {
                continue;
            };
            for (slot, sign) in [(debtor, -1), (creditor, 1)].into_iter().filter(|_| debtor != creditor) {
                let (position, deepest) = positions.entry((record.currency.get(), slot)).or_default();
                *position += sign * i128::from(row.amount.get());
                *deepest = (*deepest).min(*position);
            }
        }
    }
    for line in &report.totals {
        let numeric = Currency::from_code(line.currency).expect("a currency").numeric();
        let own = positions.range((numeric, 0)..=(numeric, u32::MAX));
        let liquidity: i128 = own.map(|(_, (_, deepest))| -deepest).sum();
        assert_eq!(minor(&line.liquidity), liquidity, "{}", line.currency);
        assert!(liquidity > 0 && liquidity >= minor(&line.to_settle));
        let times = line.turnover.as_ref().map(|times| minor(times));
        assert_eq!(times, Some(minor(&line.movements.debit_sum) * 100 / liquidity), "{}", line.currency);
    }
}

fn check_balances(report: &CycleReport) {
    let mut between: BTreeMap<(&str, &str, &str), [i128; 2]> = BTreeMap::new();
    let mut totals: BTreeMap<&str, [i128; 2]> = BTreeMap::new();
    for line in &report.positions {
        let own = [minor(&line.movements.credit_sum), minor(&line.movements.debit_sum)];
        assert_eq!(own[0] - own[1], minor(&line.movements.net));
        assert_eq!(minor(&line.opening) + minor(&line.movements.net), minor(&line.closing));
        let mut sums = [0, 0];
        for other in &line.counterparties {
            let both = [minor(&other.movements.credit_sum), minor(&other.movements.debit_sum)];
            sums = [sums[0] + both[0], sums[1] + both[1]];
            between.insert((&line.participant, &other.counterparty, line.currency), both);
        }
        assert_eq!(sums, own, "{}", line.participant);
        let total = totals.entry(line.currency).or_default();
        *total = [total[0] + own[0], total[1] + own[1]];
    }
    assert!(!between.is_empty());
    for ((one, other, currency), [credits, debits]) in &between {
        assert_eq!(between.get(&(*other, *one, *currency)), Some(&[*debits, *credits]), "{one} and {other}");
    }
    for line in &report.totals {
        let [credits, debits] = totals[line.currency];
        assert_eq!(credits, debits);
        assert_eq!(minor(&line.movements.credit_sum), credits, "{}", line.currency);
        assert_eq!((minor(&line.movements.debit_sum), minor(&line.movements.net)), (debits, 0));
    }
}
