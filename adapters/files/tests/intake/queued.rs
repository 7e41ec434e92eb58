//! Payments of `queued/` wait for funds: answered PDNG, and once more when they are released, given up or revoked.

use std::time::{Duration, Instant};

use feiqian_core::batch::Batch;
use feiqian_core::transfer::{Record, flags};
use feiqian_files::intake;
use feiqian_iso20022::Limits;
use feiqian_iso20022::codes;
use feiqian_iso20022::status::StatusReport;

use crate::after::{answer, demo_file, payment, request, return_of, send, statuses, told};
use crate::crashes::balances;
use crate::house::{House, bic};
use crate::shared::{files, validate};

const FILE: &str = "14-unfunded.xml";

/// What the payer's bank was told in the end: it is BNKA's payment.
fn finals(house: &House) -> Vec<(String, Option<String>)> {
    let all = files(&house.options.work.outbox());
    let own = all.iter().filter(|(name, _)| name.ends_with(".BNKAXXAAXXX.pacs.002.xml"));
    own.flat_map(|(_, bytes)| statuses(&report(bytes))).collect()
}

fn report(bytes: &[u8]) -> StatusReport {
    StatusReport::read(bytes, Limits::default()).expect("readable")
}

fn waiting(name: &str, seconds: u32) -> House {
    let mut house = House::demo(name);
    house.options.deadlines.queued_s = seconds;
    let report = send(&house, "queued/14.xml", &demo_file(FILE));
    assert_eq!((report.pending, report.status.as_deref()), (1, Some("PDNG")), "{report:?}");
    house
}

/// The record of the payment that waits.
fn record(house: &House) -> Record {
    let id = payment(FILE).1.details.ids.uetr.expect("a UETR").bits();
    let sequence = house.engine().find(id).expect("journaled");
    house.engine().entry(sequence).expect("readable").expect("there").0.record
}

fn submit(house: &House, record: Record) {
    let directory = house.engine().directory();
    let bank = directory.participant(bic("BNKAXXAAXXX")).expect("registered");
    house.engine().submit(Batch::new(bank, vec![record])).expect("admitted").wait().expect("answered");
}

fn until_decided(house: &House) {
    let until = Instant::now() + Duration::from_secs(20);
    while intake(house.engine(), &house.options).expect("taken in").decided == 0 {
        assert!(Instant::now() < until, "the payment waits for ever");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_payment_that_waited_is_answered_again_when_it_is_released_and_can_come_back() {
    let mut house = waiting("released", 0);
    assert_eq!(record(&house).flags.get(), flags::QUEUE);
    let asked = send(&house, "ask.xml", &request(FILE, "BNKAXXAAXXX"));
    assert_eq!(statuses(&answer(&house, &asked)), [told("PDNG", None)]);
    assert_eq!(finals(&house), []);
    house.restart();
    let of = record(&house);
    let directory = house.engine().directory();
    let bank = directory.participant(bic("BNKAXXAAXXX")).expect("registered");
    let from = directory.clearing_account(bank, crate::house::currency("EUR")).expect("open");
    let funding = Record::new(99, from, of.debtor.get(), of.amount.get(), of.currency.get());
    submit(&house, funding);
    until_decided(&house);
    assert_eq!(finals(&house), [told("ACSP", None)]);
    assert_eq!(files(&house.options.work.waiting()), []);

    let (cleared, by) = (balances(&house), "BNKBXXAAXXX");
    let creditor = payment(FILE).1.details.creditor_agent.and_then(|agent| agent.bic).expect("a BIC");
    assert_eq!(creditor, bic(by));
    let back = return_of(FILE, by, ("R1", of.amount.get()), codes::AC04);
    let report = send(&house, "back.xml", &back);
    assert_eq!(statuses(&answer(&house, &report)), [told("ACSP", None)], "by the release that moved it");
    assert_ne!(balances(&house), cleared);
    validate(&house.options.work.outbox());
}

#[test]
fn a_payment_that_is_given_up_or_revoked_is_rejected_with_the_reason() {
    let house = waiting("given-up", 1);
    until_decided(&house);
    assert_eq!(finals(&house), [told("RJCT", Some("TM01"))]);
    validate(&house.options.work.outbox());

    let house = waiting("revoked", 0);
    let of = record(&house);
    let revoke = Record {
        flags: (flags::QUEUE | flags::VOID).into(),
        related: of.uetr,
        ..Record::new(98, of.debtor.get(), of.creditor.get(), 0, of.currency.get())
    };
    submit(&house, revoke);
    until_decided(&house);
    assert_eq!(finals(&house), [told("RJCT", Some("MS03"))]);
    // A crash before it was struck out tells the same once more.
    let before = files(&house.options.work.outbox());
    send(&house, "queued/14.xml", &demo_file(FILE));
    assert_eq!(files(&house.options.work.outbox()), before);
}

/// Two payment informations of one payment each, neither of which has funds: the name of each stands in its own report, and a
/// status of it, which depends on all of its payments, in none.
#[test]
fn a_customers_payment_that_waited_is_told_with_the_payment_information_that_it_stood_in() {
    let mut house = House::demo("initiated");
    house.options.deadlines.queued_s = 1;
    let text = String::from_utf8(demo_file("07-initiation-2009.xml")).expect("UTF-8");
    let sums = text
        .replace("105.50", "18000000.00")
        .replace(">60.00<", ">9000000.00<")
        .replace(">45.50<", ">9000000.00<");
    let (begin, end) = (sums.find("<PmtInf>").expect("one"), sums.find("</PmtInf>").expect("one") + 9);
    let block = &sums[begin..end];
    let split = block.find("<CdtTrfTxInf>").expect("two");
    let second = block.rfind("<CdtTrfTxInf>").expect("two");
    let head = block[..split].replace("<NbOfTxs>2<", "<NbOfTxs>1<").replace("18000000.00", "9000000.00");
    let first = format!("{head}{}</PmtInf>", &block[split..second]);
    let other = format!("{}{}", head.replace("DEMO07-P1", "DEMO07-P2"), &block[second..]);
    let sent =
        send(&house, "queued/07.xml", format!("{}{first}{other}{}", &sums[..begin], &sums[end..]).as_bytes());
    assert_eq!((sent.pending, sent.transactions), (2, 2), "{sent:?}");
    let answer = answer(&house, &sent);
    let told_of = |report: &StatusReport| {
        report.payments.iter().map(|payment| (payment.id.clone(), payment.status.clone())).collect::<Vec<_>>()
    };
    let named = ["DEMO07-P1", "DEMO07-P2"].map(str::to_owned);
    assert_eq!(told_of(&answer), named.clone().map(|id| (id, Some("PDNG".to_owned()))));
    while !files(&house.options.work.waiting()).is_empty() {
        until_decided(&house);
    }
    let all = files(&house.options.work.outbox());
    let own = all.iter().filter(|(name, _)| name.ends_with(".BNKAXXAAXXX.pain.002.xml"));
    let reports: Vec<_> = own.map(|(_, bytes)| report(bytes)).collect();
    let mut told: Vec<_> = reports.iter().flat_map(told_of).collect();
    told.sort();
    assert_eq!(told, named.map(|id| (id, None)));
    assert!(
        reports
            .iter()
            .all(|report| report.transactions.get(0).expect("there").status.as_deref() == Some("RJCT"))
    );
    validate(&house.options.work.outbox());
}

#[test]
fn the_priority_of_a_payment_is_its_class_in_the_queue() {
    let plain = String::from_utf8(demo_file(FILE)).expect("UTF-8");
    let rows = [
        ("<PmtTpInf><InstrPrty>HIGH</InstrPrty></PmtTpInf>", "", flags::QUEUE | flags::HIGH),
        ("<PmtTpInf><InstrPrty>NORM</InstrPrty></PmtTpInf>", "", flags::QUEUE),
        ("", "<SttlmPrty>URGT</SttlmPrty>", flags::QUEUE | flags::URGENT),
    ];
    for (number, (instruction, settlement, expected)) in rows.into_iter().enumerate() {
        let house = House::demo(&format!("class-{number}"));
        let text = plain.replacen("<IntrBkSttlmAmt", &format!("{instruction}<IntrBkSttlmAmt"), 1);
        let text = text.replacen("<ChrgBr>", &format!("{settlement}<ChrgBr>"), 1);
        let report = send(&house, "queued/14.xml", text.as_bytes());
        assert_eq!(report.pending, 1, "{report:?}");
        assert_eq!(record(&house).flags.get(), expected);
    }
}
