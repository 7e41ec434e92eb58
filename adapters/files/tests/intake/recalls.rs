//! Recalls go to the bank that was paid, and its answer comes back to the bank that asked: each once, in time, and nobody
//! else's.

use feiqian_files::after::cases::{RecallState, all};
use feiqian_files::{Disposition, FileReport, intake};
use feiqian_iso20022::case::{Assignment, CaseParty};
use feiqian_iso20022::codes::{self, ReasonCode, RecallStatus};
use feiqian_iso20022::original::OriginalMessage;
use feiqian_iso20022::payment::MessageHead;
use feiqian_iso20022::recall::{Recall, RecalledGroup, RecalledPayment};
use feiqian_iso20022::resolution::{Resolution, ResolvedPayment};
use feiqian_iso20022::returns::{PaymentReturn, ReturnDetails};
use feiqian_iso20022::status::StatusReason;
use feiqian_iso20022::write::{camt029, camt056, pacs004};
use feiqian_iso20022::{Kept, Limits};

use crate::after::{AT, demo_file, message_type, payment, return_of, send, told};
use crate::crashes::balances;
use crate::house::{House, bic};
use crate::shared::{files, validate};

const DAY: u64 = 86_400 * 1_000_000_000;

pub(crate) fn recall_by(by: &str, id: &str, transactions: Vec<RecalledPayment>) -> Recall {
    Recall {
        message_type: message_type("camt.056.001.08"),
        business: None,
        assignment: Assignment {
            id: id.to_owned(),
            assigner: CaseParty::of_bic(bic(by)),
            assignee: CaseParty::of_bic(bic("CLRHXXAAXXX")),
            creation: AT.to_owned(),
        },
        case: None,
        number_of_transactions: None,
        control_sum: None,
        groups: Kept::default(),
        transactions: transactions.into(),
    }
}

pub(crate) fn written(recall: &Recall) -> Vec<u8> {
    let mut bytes = Vec::new();
    camt056(&mut bytes, recall).expect("written");
    bytes
}

fn recall(file: &str, by: &str, id: &str, reason: ReasonCode) -> Vec<u8> {
    let (head, transfer) = payment(file);
    written(&recall_by(by, id, vec![RecalledPayment::of(&head, &transfer, &format!("C-{id}"), reason)]))
}

/// Status and first reason of each payment of an answer.
fn resolved(bytes: &[u8]) -> Vec<(String, Option<String>)> {
    let answer = Resolution::read(bytes, Limits::default()).expect("readable");
    let one = |one: &ResolvedPayment| {
        let reason = one.reasons.first().and_then(|reason| reason.code.clone());
        (one.status.clone().unwrap_or_default(), reason)
    };
    answer.transactions.iter().map(|each| one(&each)).collect()
}

pub(crate) fn answer(house: &House, report: &FileReport) -> Vec<(String, Option<String>)> {
    let name = report.answer.as_ref().expect("answered");
    resolved(&std::fs::read(house.options.work.outbox().join(name)).expect("there"))
}

/// What has been passed on to a bank, in messages of a type.
pub(crate) fn passed(house: &House, end: &str) -> Vec<Vec<u8>> {
    let all = files(&house.options.work.outbox());
    all.into_iter().filter(|(name, _)| name.ends_with(end)).map(|(_, bytes)| bytes).collect()
}

/// The answer of the bank that was asked, to what was passed on to it.
pub(crate) fn reply(recall: &[u8], id: &str, (conf, status): (RecallStatus, RecallStatus)) -> Vec<u8> {
    let recall = Recall::read(recall, Limits::default()).expect("readable");
    let mut resolution = Resolution::of(&recall, id, AT, conf);
    for one in &recall.transactions {
        let mut resolved = ResolvedPayment::of(&one, id, status);
        if status != RecallStatus::Accr {
            resolved.reasons = vec![StatusReason::new(codes::CUST, "")];
        }
        resolution.transactions.values_mut().push(resolved);
    }
    let mut bytes = Vec::new();
    camt029(&mut bytes, &resolution).expect("written");
    bytes
}

fn state(house: &House) -> Vec<RecallState> {
    all(&house.options.work).expect("readable").iter().map(|case| case.state).collect()
}

fn paid(name: &str) -> House {
    let house = House::demo(name);
    for file in ["01-single.xml", "14-unfunded.xml"] {
        send(&house, file, &demo_file(file));
    }
    house
}

/// Now and so many days later.
pub(crate) fn later<const DAYS: u64>() -> u64 {
    feiqian_files::timestamp::now() + DAYS * DAY
}

#[test]
fn a_recall_goes_to_the_bank_that_was_paid_and_its_answer_comes_back() {
    let mut house = paid("recall");
    house.options.clock = later::<0>;
    let money = balances(&house);
    let rows = [
        ("01-single.xml", "BNKBXXAAXXX", "NOOR"),
        ("01-single.xml", "BNKCXXAAXXX", "NOOR"),
        ("14-unfunded.xml", "BNKAXXAAXXX", "NOOR"),
        ("05-jpy-no-decimals.xml", "BNKAXXAAXXX", "NOOR"),
    ];
    for (file, by, code) in rows {
        let report = send(&house, &format!("{by}-{file}"), &recall(file, by, "X1", codes::DUPL));
        assert_eq!(answer(&house, &report), [told("RJCR", Some(code))], "{file} by {by}");
        assert_eq!((report.forwarded, report.status.as_deref()), (0, Some("RJCR")));
    }
    let asked = recall("01-single.xml", "BNKAXXAAXXX", "R1", codes::DUPL);
    let report = send(&house, "recall.xml", &asked);
    assert_eq!((report.forwarded, report.pending, report.status.as_deref()), (1, 1, Some("PDCR")));
    assert_eq!(answer(&house, &report), [told("PDCR", Some("PTNA"))]);
    let other = send(&house, "other.xml", &recall("01-single.xml", "BNKAXXAAXXX", "R2", codes::FRAD));
    assert_eq!(answer(&house, &other), [told("RJCR", Some("NARR"))], "one recall at a time");

    let asked = passed(&house, ".BNKBXXAAXXX.camt.056.xml");
    let received = Recall::read(asked[0].as_slice(), Limits::default()).expect("readable");
    assert_eq!(received.refusals(), []);
    let payment = received.transactions.get(0).expect("there");
    let case = payment.case.as_ref().expect("a case");
    assert_eq!((case.id.as_str(), case.creator.bic()), ("C-R1", Some(bic("BNKAXXAAXXX"))));
    assert_eq!(received.transactions.get(0).expect("there").reasons[0].code.as_deref(), Some("DUPL"));

    let mut stranger = Resolution::read(
        reply(&asked[0], "S1", (RecallStatus::Cncl, RecallStatus::Accr)).as_slice(),
        Limits::default(),
    )
    .expect("readable");
    stranger.assignment.assigner = CaseParty::of_bic(bic("BNKCXXAAXXX"));
    let mut bytes = Vec::new();
    camt029(&mut bytes, &stranger).expect("written");
    let noted = send(&house, "stranger.xml", &bytes);
    assert_eq!((noted.disposition, noted.forwarded), (Disposition::Noted, 0));
    assert_eq!(state(&house), [RecallState::Open]);

    let steps = [
        ("pending", (RecallStatus::Pdcr, RecallStatus::Pdcr), RecallState::Pending, 1),
        ("accepted", (RecallStatus::Cncl, RecallStatus::Accr), RecallState::Accepted, 1),
        ("rejected", (RecallStatus::Rjcr, RecallStatus::Rjcr), RecallState::Accepted, 0),
    ];
    for (name, statuses, expected, forwarded) in steps {
        let report = send(&house, &format!("{name}.xml"), &reply(&asked[0], name, statuses));
        assert_eq!((state(&house), report.forwarded), (vec![expected], forwarded), "{name}");
    }
    let mut back: Vec<_> =
        passed(&house, ".BNKAXXAAXXX.camt.029.xml").iter().flat_map(|bytes| resolved(bytes)).collect();
    back.sort();
    assert_eq!(back, [told("ACCR", None), told("PDCR", Some("CUST"))]);
    assert_eq!(balances(&house), money, "a recall moves no money");
    let returned = return_of("01-single.xml", "BNKBXXAAXXX", ("RT", 478_623), codes::FOCR);
    assert_eq!(send(&house, "return.xml", &returned).accepted, 1);
    validate(&house.options.work.outbox());
}

#[test]
fn a_recall_is_in_time_by_its_reason_and_only_of_what_has_not_come_back() {
    let mut house = paid("limits");
    house.options.clock = later::<60>;
    let report = send(&house, "late.xml", &recall("01-single.xml", "BNKAXXAAXXX", "R1", codes::TECH));
    assert_eq!(answer(&house, &report), [told("RJCR", Some("NARR"))]);
    let returned = return_of("01-single.xml", "BNKBXXAAXXX", ("RT", 478_623), codes::AC04);
    assert_eq!(send(&house, "return.xml", &returned).accepted, 1);
    house.engine().seal().expect("sealed");
    let report = send(&house, "gone.xml", &recall("01-single.xml", "BNKAXXAAXXX", "R2", codes::FRAD));
    assert_eq!(answer(&house, &report), [told("RJCR", Some("ARDT"))]);
    assert_eq!(state(&house), []);

    let mut house = paid("fraud");
    house.options.clock = later::<60>;
    let report = send(&house, "fraud.xml", &recall("01-single.xml", "BNKAXXAAXXX", "R1", codes::FRAD));
    assert_eq!(answer(&house, &report), [told("PDCR", Some("PTNA"))]);
    // Nobody answers.
    house.options.clock = later::<80>;
    assert_eq!(intake(house.engine(), &house.options).expect("taken in").overdue, 0);
    house.options.clock = later::<90>;
    assert_eq!(intake(house.engine(), &house.options).expect("taken in").overdue, 1);
    assert_eq!(intake(house.engine(), &house.options).expect("taken in").overdue, 0, "once");
    assert_eq!(state(&house), [RecallState::Overdue]);
    let late = passed(&house, ".BNKAXXAAXXX.camt.029.xml");
    assert_eq!(resolved(&late[0]), [told("PDCR", Some("ARPL"))]);
    // An answer after that still counts.
    let asked = passed(&house, ".BNKBXXAAXXX.camt.056.xml");
    send(&house, "no.xml", &reply(&asked[0], "N1", (RecallStatus::Rjcr, RecallStatus::Rjcr)));
    assert_eq!(state(&house), [RecallState::Rejected]);
    assert_eq!(passed(&house, ".BNKAXXAAXXX.camt.029.xml").len(), 2);
    validate(&house.options.work.outbox());
}

#[test]
fn i9_a_recall_after_a_crash_is_passed_on_and_answered_as_before() {
    let mut house = paid("recall-crash");
    house.options.clock = later::<0>;
    let work = house.options.work.clone();
    let asked = recall("01-single.xml", "BNKAXXAAXXX", "R1", codes::DUPL);
    let names = |house: &House| -> Vec<String> {
        files(&house.options.work.outbox()).into_iter().map(|(name, _)| name).collect()
    };
    let before = names(&house);
    send(&house, "recall.xml", &asked);
    let (after, case) = (names(&house), files(&work.recalls()));
    assert_eq!(after.len(), before.len() + 2);
    // Killed before its note, before it was passed on, before its answer, before it was moved.
    for lost in 0..4 {
        house.restart();
        if lost == 3 {
            std::fs::remove_file(work.recalls().join(&case[0].0)).expect("there");
        }
        for name in after.iter().filter(|name| !before.contains(name)).take(lost) {
            std::fs::remove_file(work.outbox().join(name)).expect("there");
        }
        let report = send(&house, "recall.xml", &asked);
        assert_eq!((names(&house), report.forwarded), (after.clone(), 1), "{lost} lost");
        assert_eq!(state(&house), [RecallState::Open]);
    }
    let yes = reply(
        &passed(&house, ".BNKBXXAAXXX.camt.056.xml")[0],
        "Y1",
        (RecallStatus::Cncl, RecallStatus::Accr),
    );
    send(&house, "yes.xml", &yes);
    let answered = names(&house);
    let own = answered.iter().find(|name| name.ends_with(".BNKAXXAAXXX.camt.029.xml")).expect("there");
    // Killed after the note: before it was passed on, before it was moved.
    for is_lost in [true, false] {
        house.restart();
        if is_lost {
            std::fs::remove_file(work.outbox().join(own)).expect("there");
        }
        let report = send(&house, "yes.xml", &yes);
        assert_eq!((names(&house), report.forwarded), (answered.clone(), 1));
    }
    assert_eq!(state(&house), [RecallState::Accepted]);
}

#[test]
fn a_file_is_reversed_by_one_recall_of_its_message() {
    let mut house = House::demo("reversal");
    house.options.clock = later::<0>;
    let untouched = balances(&house);
    assert_eq!(send(&house, "bulk.xml", &demo_file("09-bulk-500.xml")).accepted, 500);
    let (head, first) = payment("09-bulk-500.xml");
    let by = first.details.debtor_agent.and_then(|agent| agent.bic).expect("a BIC");
    let group = RecalledGroup {
        id: Some("REVERSE-ALL".to_owned()),
        original: OriginalMessage::of(&head),
        is_whole: true,
        reasons: vec![StatusReason::new(codes::DUPL, "")],
        ..RecalledGroup::default()
    };
    let whole =
        |by: &str, id: &str| Recall { groups: vec![group.clone()].into(), ..recall_by(by, id, vec![]) };
    let report = send(&house, "strange.xml", &written(&whole("BNKZXXAAXXX", "W0")));
    assert_eq!((report.forwarded, report.status.as_deref()), (0, Some("RJCR")), "not its message");
    let asked = written(&whole(by.as_str(), "W1"));
    let report = send(&house, "reverse.xml", &asked);
    assert_eq!((report.pending, report.forwarded), (500, 7), "{report:?}");
    assert!(answer(&house, &report).iter().all(|one| *one == told("PDCR", Some("PTNA"))));
    let again = send(&house, "reverse.xml", &asked);
    assert_eq!((again.pending, again.forwarded), (500, 7));
    let letters = passed(&house, ".camt.056.xml");
    assert_eq!(letters.len(), 7, "the same messages");

    for (number, letter) in letters.iter().enumerate() {
        let yes = reply(letter, &format!("Y{number}"), (RecallStatus::Cncl, RecallStatus::Accr));
        assert_eq!(send(&house, &format!("yes-{number}.xml"), &yes).forwarded, 1);
        let report = send(&house, &format!("back-{number}.xml"), &returns_of(letter, number));
        assert_eq!((report.rejected.len(), report.forwarded), (0, 1), "{report:?}");
    }
    assert!(state(&house).iter().all(|state| *state == RecallState::Accepted));
    assert_eq!(state(&house).len(), 500);
    assert_eq!(balances(&house), untouched, "the whole file came back");
    let report = send(&house, "late.xml", &written(&whole(by.as_str(), "W2")));
    assert_eq!(report.rejected.get("NARR"), Some(&500), "each was recalled before");
    validate(&house.options.work.outbox());
}

/// The returns of all payments that a bank was asked for.
fn returns_of(letter: &[u8], number: usize) -> Vec<u8> {
    let recall = Recall::read(letter, Limits::default()).expect("readable");
    let one = |recalled: &RecalledPayment| {
        let (amount, currency) =
            recalled.original_amount.clone().expect("told").to_minor().expect("an amount");
        let details = ReturnDetails {
            id: recalled.id.clone(),
            original: recalled.original.clone(),
            reasons: vec![StatusReason::new(codes::FOCR, "")],
            ..ReturnDetails::default()
        };
        PaymentReturn { index: 1, amount, currency, details }
    };
    let all: Vec<PaymentReturn> = recall.transactions.iter().map(|each| one(&each)).collect();
    let to = recall.assignment.assignee.agent().cloned();
    let head = MessageHead {
        instructing_agent: to,
        ..MessageHead::new(message_type("pacs.004.001.09"), &format!("BACK-{number}"), AT)
    };
    let mut bytes = Vec::new();
    pacs004(&mut bytes, &head, &all).expect("written");
    bytes
}
