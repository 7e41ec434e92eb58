//! The receiver's confirmation: a payment of `instant/` is held, passed on, and paid or given back as the receiver's bank
//! says in time; its sender is told once.

use std::time::{Duration, Instant};

use feiqian_core::batch::Batch;
use feiqian_core::outcome::Outcome;
use feiqian_core::transfer::{Record, flags};
use feiqian_files::intake;
use feiqian_iso20022::codes::{self, ReasonCode, Status};
use feiqian_iso20022::payment::{Entry, MessageHead};
use feiqian_iso20022::status::{GroupStatus, StatusHead, StatusReason, StatusReport, TransactionStatus};
use feiqian_iso20022::transfers::TransferReader;
use feiqian_iso20022::write::pacs002;
use feiqian_iso20022::{Kept, Limits};

use crate::after::{
    AT, agent, answer, demo_file, message_type, payment, request, request_by, return_of, send, statuses, told,
};
use crate::crashes::balances;
use crate::house::{House, bic};
use crate::shared::{files, validate};

/// A bank's pacs.002 on the payment of `01-single.xml`.
pub(crate) fn confirmation(by: &str, status: Status, reason: Option<ReasonCode>) -> Vec<u8> {
    let (head, transfer) = payment("01-single.xml");
    let head = MessageHead { message_id: "PASSED-ON".to_owned(), ..head };
    let one = TransactionStatus {
        reasons: reason.map(|code| StatusReason::new(code, "")).into_iter().collect(),
        ..TransactionStatus::of(&transfer.details, status)
    };
    let report = StatusReport {
        head: StatusHead {
            message_type: message_type("pacs.002.001.10"),
            business: None,
            message_id: format!("CONF-{by}-{}", status.as_str()),
            creation: AT.to_owned(),
            instructing_agent: agent(by),
            instructed_agent: agent("CLRHXXAAXXX"),
            groups: vec![GroupStatus { status: None, ..GroupStatus::of(&head, status) }].into(),
        },
        payments: Kept::default(),
        transactions: vec![one].into(),
    };
    let mut bytes = Vec::new();
    pacs002(&mut bytes, &report).expect("written");
    bytes
}

/// The files of the outbox whose names end so.
fn outbox(house: &House, end: &str) -> Vec<(String, Vec<u8>)> {
    let all = files(&house.options.work.outbox());
    all.into_iter().filter(|(name, _)| !name.starts_with('.') && name.ends_with(end)).collect()
}

/// What the payer's bank was told in the end.
fn finals(house: &House) -> Vec<(String, Option<String>)> {
    let read = |(_, bytes): &(String, Vec<u8>)| {
        StatusReport::read(bytes.as_slice(), Limits::default()).expect("readable")
    };
    outbox(house, ".BNKAXXAAXXX.pacs.002.xml").iter().flat_map(|file| statuses(&read(file))).collect()
}

fn held(name: &str, seconds: u32) -> House {
    let mut house = House::demo(name);
    house.options.deadlines.instant_s = seconds;
    let report = send(&house, "instant/01.xml", &demo_file("01-single.xml"));
    assert_eq!((report.pending, report.forwarded), (1, 1), "{report:?}");
    assert_eq!(report.status.as_deref(), Some("PDNG"));
    house
}

/// What `01-single.xml` says further, each behind the last of the elements that stand before it.
const FURTHER: [(&str, &str); 4] = [
    (
        "<Nm>Anna Müller</Nm>",
        "<PstlAdr><StrtNm>Hauptstraße</StrtNm><BldgNb>1</BldgNb><PstCd>53113</PstCd><TwnNm>Bonn</TwnNm>\
     <Ctry>DE</Ctry><AdrLine>second floor</AdrLine></PstlAdr>",
    ),
    ("</DbtrAgt>", "<DbtrAgtAcct><Id><Othr><Id>0815</Id></Othr></Id><Ccy>EUR</Ccy></DbtrAgtAcct>"),
    ("</Purp>", "<Tax><Cdtr><TaxId>DE1</TaxId></Cdtr><TtlTaxAmt Ccy=\"EUR\">1.50</TtlTaxAmt></Tax>"),
    (
        "</Ustrd>",
        "<Strd><RfrdDocInf><Tp><CdOrPrtry><Cd>CINV</Cd></CdOrPrtry></Tp><Nb>4711</Nb><RltdDt>2026-03-01</RltdDt>\
     </RfrdDocInf><RfrdDocAmt><DuePyblAmt Ccy=\"EUR\">4786.23</DuePyblAmt></RfrdDocAmt><CdtrRefInf><Ref>RF18539007547034\
     </Ref></CdtrRefInf><Invcr><Nm>Invoicer &amp; Co</Nm></Invcr></Strd>",
    ),
];

#[test]
fn addresses_agents_accounts_tax_and_structured_remittance_go_on_to_the_bank_that_is_asked() {
    let mut house = House::demo("further");
    house.options.deadlines.instant_s = 600;
    let mut text = String::from_utf8(demo_file("01-single.xml")).expect("UTF-8");
    for (behind, more) in FURTHER {
        let at = text.find(behind).expect("there") + behind.len();
        text.insert_str(at, more);
    }
    let report = send(&house, "instant/01.xml", text.as_bytes());
    assert_eq!((report.pending, report.forwarded), (1, 1), "{report:?}");
    let passed = outbox(&house, ".BNKBXXAAXXX.pacs.008.xml");
    let passed = String::from_utf8(passed[0].1.clone()).expect("UTF-8");
    for (_, more) in FURTHER {
        assert!(passed.contains(more), "{more} is missing in {passed}");
    }
    validate(&house.options.work.outbox());

    let again = send(&house, "instant/again.xml", text.as_bytes());
    assert_eq!((again.duplicates, again.accepted + again.pending), (1, 1), "{again:?}");
    let other = send(&house, "instant/other.xml", text.replace(">Bonn<", ">Bern<").as_bytes());
    assert_eq!((other.duplicates, other.pending), (0, 0), "another address is another payment: {other:?}");
}

#[test]
fn what_the_receivers_bank_accepts_is_paid_once_and_both_banks_are_told() {
    let house = held("accept", 600);
    let passed = outbox(&house, ".BNKBXXAAXXX.pacs.008.xml");
    let mut reader = TransferReader::new(passed[0].1.as_slice(), Limits::default()).expect("readable");
    let Some(Entry::Transfer(one)) = reader.next_transfer().expect("readable") else { panic!("a payment") };
    let (_, sent) = payment("01-single.xml");
    assert_eq!((one.amount, &one.details.creditor), (sent.amount, &sent.details.creditor));
    assert_eq!(one.details.ids, sent.details.ids);

    let before = balances(&house);
    let asked = send(&house, "ask.xml", &request("01-single.xml", "BNKAXXAAXXX"));
    assert_eq!(statuses(&answer(&house, &asked)), [told("PDNG", None)]);
    let early = send(&house, "early.xml", &return_of("01-single.xml", "BNKBXXAAXXX", ("R0", 5), codes::AC04));
    assert_eq!(statuses(&answer(&house, &early)), [told("RJCT", Some("FF12"))], "nothing has moved yet");
    for other in ["BNKAXXAAXXX", "BNKCXXAAXXX"] {
        let report = send(&house, &format!("{other}.xml"), &confirmation(other, Status::Accp, None));
        assert_eq!(statuses(&answer(&house, &report)), [told("RJCT", Some("AG09"))], "{other}");
    }
    assert_eq!((balances(&house), finals(&house)), (before.clone(), vec![]));

    let report = send(&house, "yes.xml", &confirmation("BNKBXXAAXXX", Status::Accp, None));
    let post = answer(&house, &report).transactions.values_mut().remove(0);
    assert_eq!(statuses(&answer(&house, &report)), [told("ACSP", None)]);
    assert_eq!(finals(&house), [told("ACSP", None)]);
    let by_post = send(&house, "by-post.xml", &request_by(post.clearing_reference, "BNKBXXAAXXX"));
    assert_eq!(statuses(&answer(&house, &by_post)), [told("ACSP", None)], "by the entry that moved it");
    let after = balances(&house);
    assert_ne!(after, before);

    let no = confirmation("BNKBXXAAXXX", Status::Rjct, Some(codes::AC04));
    let report = send(&house, "no.xml", &no);
    assert_eq!(statuses(&answer(&house, &report)), [told("ACSP", Some("NARR"))], "the first one stands");
    assert_eq!((balances(&house), finals(&house)), (after, vec![told("ACSP", None)]));
    let back = return_of("01-single.xml", "BNKBXXAAXXX", ("R1", 478_623), codes::AC04);
    let report = send(&house, "back.xml", &back);
    assert_eq!(statuses(&answer(&house, &report)), [told("ACSP", None)], "by the post that moved it");
    assert_eq!(balances(&house), before);
    validate(&house.options.work.outbox());
}

#[test]
fn what_the_receivers_bank_rejects_is_given_back_with_its_reason() {
    let house = held("reject", 600);
    let before = balances(&house);
    let no = confirmation("BNKBXXAAXXX", Status::Rjct, Some(codes::AC06));
    let report = send(&house, "no.xml", &no);
    assert_eq!(statuses(&answer(&house, &report)), [told("RJCT", Some("AC06"))]);
    assert_eq!(finals(&house), [told("RJCT", Some("AC06"))]);
    let report = send(&house, "yes.xml", &confirmation("BNKBXXAAXXX", Status::Acsp, None));
    assert_eq!(statuses(&answer(&house, &report)), [told("RJCT", Some("NARR"))], "the first one stands");
    let other = confirmation("BNKBXXAAXXX", Status::Rjct, Some(codes::AC04));
    let report = send(&house, "other.xml", &other);
    assert_eq!(statuses(&answer(&house, &report)), [told("RJCT", Some("AC06"))], "the first reason stands");
    assert_eq!(balances(&house), before);
    assert_eq!(files(&house.options.work.waiting()), []);
    validate(&house.options.work.outbox());
}

#[test]
fn without_an_answer_in_time_the_money_is_given_back_and_a_late_answer_is_refused() {
    let house = held("late", 1);
    let before = balances(&house);
    let until = Instant::now() + Duration::from_secs(20);
    while intake(house.engine(), &house.options).expect("taken in").decided == 0 {
        assert!(Instant::now() < until, "the payment's time never ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(finals(&house), [told("RJCT", Some("AB05"))]);
    let report = send(&house, "yes.xml", &confirmation("BNKBXXAAXXX", Status::Accp, None));
    assert_eq!(statuses(&answer(&house, &report)), [told("RJCT", Some("AB03"))]);
    let report = send(&house, "no.xml", &confirmation("BNKBXXAAXXX", Status::Rjct, Some(codes::AC04)));
    assert_eq!(statuses(&answer(&house, &report)), [told("RJCT", Some("AB03"))]);
    assert_eq!((balances(&house), finals(&house)), (before, vec![told("RJCT", Some("AB05"))]));
    validate(&house.options.work.outbox());
}

#[test]
fn i9_a_crash_between_any_two_steps_ends_in_the_same_messages_and_pays_once() {
    for (accepts, name) in [(true, "crash-yes"), (false, "crash-no")] {
        let mut house = held(name, 600);
        let work = house.options.work.clone();
        let paths = |house: &House| outbox(house, ".xml");
        let noted = files(&work.waiting());
        let first = paths(&house);
        // Killed after the hold: before its note, before it was passed on, before its answer, before it was moved.
        for lost in 0..4 {
            house.restart();
            if lost == 3 {
                std::fs::remove_file(work.waiting().join(&noted[0].0)).expect("there");
            }
            for (name, _) in first.iter().rev().take(lost) {
                std::fs::remove_file(work.outbox().join(name)).expect("there");
            }
            let report = send(&house, "instant/01.xml", &demo_file("01-single.xml"));
            assert_eq!((report.pending, report.duplicates, report.forwarded), (1, 1, 1));
            assert_eq!((paths(&house), files(&work.waiting())), (first.clone(), noted.clone()));
        }
        let status = if accepts { Status::Accp } else { Status::Rjct };
        let bytes = confirmation("BNKBXXAAXXX", status, (!accepts).then_some(codes::AC04));
        send(&house, "answer.xml", &bytes);
        let (all, money) = (paths(&house), balances(&house));
        assert_eq!(all.len(), first.len() + 2, "one to each bank");
        assert_eq!(files(&work.waiting()), []);
        // Killed after the post or void: before its answer, before the sender was told, before that was struck out.
        for lost in 0..3 {
            house.restart();
            let new = all.iter().filter(|file| !first.contains(file));
            for (name, _) in new.take(lost) {
                std::fs::remove_file(work.outbox().join(name)).expect("there");
            }
            std::fs::write(work.waiting().join(&noted[0].0), &noted[0].1).expect("written");
            send(&house, "answer.xml", &bytes);
            assert_eq!((paths(&house), balances(&house)), (all.clone(), money.clone()));
            assert_eq!(files(&work.waiting()), []);
        }
    }
}

#[test]
fn a_post_by_another_way_than_files_counts_too() {
    let house = held("otherwise", 600);
    let id = payment("01-single.xml").1.details.ids.uetr.expect("a UETR").bits();
    let engine = house.engine();
    let sequence = engine.find(id).expect("journaled");
    let hold = engine.entry(sequence).expect("readable").expect("there").0.record;
    let post = Record {
        flags: flags::POST.into(),
        related: hold.uetr,
        ..Record::new(97, hold.debtor.get(), hold.creditor.get(), hold.amount.get(), hold.currency.get())
    };
    let bank = engine.directory().participant(bic("BNKBXXAAXXX")).expect("registered");
    let outcome = engine.submit(Batch::new(bank, vec![post])).expect("admitted").wait().expect("answered");
    assert_eq!(outcome.rows[0].outcome(), Some(Outcome::Cleared));
    engine.seal().expect("sealed");
    assert_eq!(intake(engine, &house.options).expect("taken in").decided, 1);
    assert_eq!(finals(&house), [told("ACSP", None)]);
    let report = send(&house, "no.xml", &confirmation("BNKBXXAAXXX", Status::Rjct, Some(codes::AC04)));
    assert_eq!(statuses(&answer(&house, &report)), [told("ACSP", Some("NARR"))], "too late to reject");
    let back = return_of("01-single.xml", "BNKBXXAAXXX", ("R1", 478_623), codes::AC04);
    assert_eq!(send(&house, "back.xml", &back).accepted, 1);
}
