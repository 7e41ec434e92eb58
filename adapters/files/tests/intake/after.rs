//! After the payment: returns go back the way the money came, once; status requests are answered from the journal.

use feiqian_core::money::Amount;
use feiqian_files::{Disposition, FileReport, intake};
use feiqian_iso20022::codes::{self, ReasonCode};
use feiqian_iso20022::payment::{Agent, CreditTransfer, Entry, MessageHead};
use feiqian_iso20022::returns::{PaymentReturn, ReturnEntry, ReturnReader};
use feiqian_iso20022::status::StatusReport;
use feiqian_iso20022::status_request::{RequestedGroup, RequestedStatus, StatusRequest};
use feiqian_iso20022::transfers::TransferReader;
use feiqian_iso20022::write::{pacs004, pacs028};
use feiqian_iso20022::{Kept, Limits, MessageType};

use crate::crashes::balances;
use crate::house::{House, bic};
use crate::shared::{demo, files, validate};

pub(crate) const AT: &str = "2026-03-16T09:00:00Z";

pub(crate) fn message_type(id: &str) -> MessageType {
    MessageType::parse(id).expect("supported")
}

pub(crate) fn agent(code: &str) -> Option<Agent> {
    Some(Agent::of_bic(bic(code)))
}

/// The first payment of a file of the demo.
pub(crate) fn payment(name: &str) -> (MessageHead, CreditTransfer) {
    let bytes = std::fs::read(demo().join("inbox").join(name)).expect("there");
    let mut reader = TransferReader::new(bytes.as_slice(), Limits::default()).expect("readable");
    let Some(Entry::Transfer(transfer)) = reader.next_transfer().expect("readable") else {
        panic!("a payment")
    };
    (reader.head().clone(), *transfer)
}

/// Puts a file in and takes it in.
pub(crate) fn send(house: &House, name: &str, bytes: &[u8]) -> FileReport {
    house.put(name, bytes);
    let report = intake(house.engine(), &house.options).expect("taken in");
    report.files.into_iter().find(|file| file.name == name).expect("reported")
}

pub(crate) fn answer(house: &House, report: &FileReport) -> StatusReport {
    let name = report.answer.as_ref().expect("answered");
    let bytes = std::fs::read(house.options.work.outbox().join(name)).expect("there");
    StatusReport::read(bytes.as_slice(), Limits::default()).expect("readable")
}

/// Status and first reason of each transaction.
pub(crate) fn statuses(report: &StatusReport) -> Vec<(String, Option<String>)> {
    let reason = |one: &feiqian_iso20022::status::TransactionStatus| {
        one.reasons.first().and_then(|reason| reason.code.clone())
    };
    report.transactions.iter().map(|one| (one.status.clone().unwrap_or_default(), reason(&one))).collect()
}

pub(crate) fn told(status: &str, reason: Option<&str>) -> (String, Option<String>) {
    (status.to_owned(), reason.map(str::to_owned))
}

/// A return of so many cents by a bank.
pub(crate) fn return_of(file: &str, by: &str, (id, cents): (&str, u64), reason: ReasonCode) -> Vec<u8> {
    let (head, mut transfer) = payment(file);
    transfer.details.instructed_agent = agent(by);
    let amount = Amount::new(cents).expect("an amount");
    let one = PaymentReturn::of(&head, &transfer, (id, amount), reason);
    let head = MessageHead::new(message_type("pacs.004.001.09"), &format!("RTR-{id}"), AT);
    let mut bytes = Vec::new();
    pacs004(&mut bytes, &head, &[one]).expect("written");
    bytes
}

pub(crate) fn request(file: &str, by: &str) -> Vec<u8> {
    let (head, transfer) = payment(file);
    let request = StatusRequest {
        message_type: message_type("pacs.028.001.03"),
        business: None,
        message_id: format!("ASK-{by}"),
        creation: AT.to_owned(),
        instructing_agent: agent(by),
        instructed_agent: agent("CLRHXXAAXXX"),
        groups: Kept::default(),
        transactions: vec![RequestedStatus::of(&head, &transfer, "ASK-1")].into(),
    };
    let mut bytes = Vec::new();
    pacs028(&mut bytes, &request).expect("written");
    bytes
}

/// A request that names the payment by an entry of the journal alone.
pub(crate) fn request_by(clearing_reference: Option<String>, by: &str) -> Vec<u8> {
    let bytes = request("01-single.xml", by);
    let mut request = StatusRequest::read(bytes.as_slice(), Limits::default()).expect("readable");
    request.transactions = vec![RequestedStatus { clearing_reference, ..RequestedStatus::default() }].into();
    let mut bytes = Vec::new();
    pacs028(&mut bytes, &request).expect("written");
    bytes
}

fn request_of_message(file: &str, by: &str) -> Vec<u8> {
    let bytes = request(file, by);
    let mut request = StatusRequest::read(bytes.as_slice(), Limits::default()).expect("readable");
    let original = request.transactions.values_mut().remove(0).original_message.expect("told");
    request.groups = vec![RequestedGroup { original, ..RequestedGroup::default() }].into();
    let mut bytes = Vec::new();
    pacs028(&mut bytes, &request).expect("written");
    bytes
}

pub(crate) fn demo_file(name: &str) -> Vec<u8> {
    std::fs::read(demo().join("inbox").join(name)).expect("there")
}

#[test]
fn a_payment_comes_back_in_parts_and_never_more_than_was_paid() {
    let house = House::demo("returns");
    send(&house, "01.xml", &demo_file("01-single.xml"));
    let paid = balances(&house);
    let rows = [
        ("BNKCXXAAXXX", "R0", 100, told("RJCT", Some("AG09"))),
        ("BNKAXXAAXXX", "R1", 100, told("RJCT", Some("AG09"))),
        ("BNKBXXAAXXX", "R2", 100_000, told("ACSP", None)),
        ("BNKBXXAAXXX", "R3", 378_624, told("RJCT", Some("FF12"))),
        ("BNKBXXAAXXX", "R4", 378_623, told("ACSP", None)),
        ("BNKBXXAAXXX", "R5", 1, told("RJCT", Some("FF12"))),
    ];
    for (by, id, cents, expected) in rows {
        let report =
            send(&house, &format!("{id}.xml"), &return_of("01-single.xml", by, (id, cents), codes::AC04));
        assert_eq!(report.forwarded, u64::from(expected.0 == "ACSP"), "{id}");
        let status = answer(&house, &report);
        assert_eq!(statuses(&status), [expected], "{id}");
        assert_eq!(status.transactions.get(0).expect("there").original.instruction.as_deref(), Some(id));
    }
    assert_ne!(balances(&house), paid);
    let report =
        send(&house, "ask.xml", &return_of("02-enveloped.xml", "BNKBXXAAXXX", ("R6", 1), codes::AC04));
    assert_eq!(statuses(&answer(&house, &report)), [told("RJCT", Some("AG09"))], "never paid");
    assert!(house.options.work.outbox().is_dir());
    validate(&house.options.work.outbox());
}

#[test]
fn a_cleared_return_is_passed_on_to_the_bank_that_paid() {
    let house = House::demo("forward");
    send(&house, "01.xml", &demo_file("01-single.xml"));
    let report =
        send(&house, "r.xml", &return_of("01-single.xml", "BNKBXXAAXXX", ("R1", 478_623), codes::AC04));
    assert_eq!((report.disposition, report.accepted, report.forwarded), (Disposition::Answered, 1, 1));
    let all = files(&house.options.work.outbox());
    let (_, bytes) = all.iter().find(|(name, _)| name.ends_with(".BNKAXXAAXXX.pacs.004.xml")).expect("there");
    let mut reader = ReturnReader::new(bytes.as_slice(), Limits::default()).expect("readable");
    let to = reader.head().business.as_ref().and_then(|head| head.to.bic).expect("addressed");
    assert_eq!(to, bic("BNKAXXAAXXX"));
    let Some(ReturnEntry::Return(one)) = reader.next_return().expect("readable") else { panic!("a return") };
    assert_eq!((one.amount.minor(), one.details.id.as_deref()), (478_623, Some("R1")));
    assert_eq!(one.details.original.uetr, payment("01-single.xml").1.details.ids.uetr);
    assert_eq!(one.details.reasons[0].code.as_deref(), Some("AC04"));
    let answered = answer(&house, &report);
    assert_eq!(
        one.details.clearing_reference,
        answered.transactions.get(0).expect("there").clearing_reference
    );
}

#[test]
fn i9_a_return_after_a_crash_ends_in_the_same_answers_and_pays_once() {
    let mut house = House::demo("return-crash");
    send(&house, "01.xml", &demo_file("01-single.xml"));
    let returned = return_of("01-single.xml", "BNKBXXAAXXX", ("R1", 200_000), codes::AC04);
    send(&house, "r.xml", &returned);
    let outbox = house.options.work.outbox();
    let (before, money) = (files(&outbox), balances(&house));
    assert_eq!(before.len(), 3);
    // Killed after the journal had the return: before its message was passed on, then before its answer, then before it
    // was moved.
    for lost in [3, 2, 1, 0] {
        house.restart();
        let names = before.iter().filter(|(name, _)| !name.starts_with("01.")).map(|(name, _)| name);
        for name in names.take(lost) {
            std::fs::remove_file(outbox.join(name)).expect("there");
        }
        let report = send(&house, "r.xml", &returned);
        assert_eq!((report.accepted, report.duplicates), (1, 1));
        assert_eq!(files(&outbox), before);
        assert_eq!(balances(&house), money, "it was paid once");
    }
    // Under another name it is answered again, and passed on as the message that it was.
    let report = send(&house, "again.xml", &returned);
    assert_eq!((report.accepted, report.duplicates, report.forwarded), (1, 1, 1));
    assert_eq!(files(&outbox).len(), before.len() + 1);
    assert_eq!(balances(&house), money);
}

#[test]
fn a_status_request_is_answered_from_the_journal_to_the_banks_of_the_payment_alone() {
    let house = House::demo("requests");
    for name in ["01-single.xml", "14-unfunded.xml"] {
        send(&house, name, &demo_file(name));
    }
    let ask = |file: &str, by: &str| {
        let report = send(&house, &format!("{by}-{file}"), &request(file, by));
        statuses(&answer(&house, &report))
    };
    assert_eq!(ask("01-single.xml", "BNKAXXAAXXX"), [told("ACSP", None)]);
    assert_eq!(ask("01-single.xml", "BNKBXXAAXXX"), [told("ACSP", None)]);
    assert_eq!(ask("01-single.xml", "BNKCXXAAXXX"), [told("RJCT", Some("AG09"))]);
    assert_eq!(ask("01-single.xml", "BNKZXXAAXXX"), [told("RJCT", Some("AGNT"))]);
    assert_eq!(ask("14-unfunded.xml", "BNKAXXAAXXX"), [told("RJCT", Some("AM04"))]);
    assert_eq!(ask("05-jpy-no-decimals.xml", "BNKAXXAAXXX"), [told("RJCT", Some("AG09"))]);
    house.engine().seal().expect("sealed");
    house.command(feiqian_core::command::Command::CloseCycle { cycle: 1 });
    house.command(feiqian_core::command::Command::InstructCycle { cycle: 1 });
    house.command(feiqian_core::command::Command::SettleCycle { cycle: 1 });
    let whole = send(&house, "whole.xml", &request_of_message("01-single.xml", "BNKAXXAAXXX"));
    assert_eq!(statuses(&answer(&house, &whole)), [told("ACSC", None)], "all payments of the message");
    let strange = send(&house, "strange.xml", &request_of_message("01-single.xml", "BNKBXXAAXXX"));
    assert_eq!((strange.transactions, strange.status.as_deref()), (0, Some("RJCT")), "not its message");
    let report = send(&house, "settled.xml", &request("01-single.xml", "BNKAXXAAXXX"));
    let status = answer(&house, &report);
    assert_eq!(statuses(&status), [told("ACSC", None)]);
    assert_eq!(status.transactions.get(0).expect("there").id.as_deref(), Some("ASK-1"));
    assert!(status.transactions.get(0).expect("there").clearing_reference.is_some());
    validate(&house.options.work.outbox());
}
