//! Returns, recalls, their answers and status requests of our own: every version is written and read back, what a
//! version lacks is left out, and what no version can hold is refused.

use feiqian_core::money::Amount;
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::case::{Case, CaseParty};
use feiqian_iso20022::codes::{self, RecallStatus};
use feiqian_iso20022::derive::return_id;
use feiqian_iso20022::original::OriginalMessage;
use feiqian_iso20022::payment::{Agent, Charge, MessageHead, Party, PaymentIds, ToldAmount, TransferDetails};
use feiqian_iso20022::recall::{Recall, RecalledGroup, RecalledPayment};
use feiqian_iso20022::resolution::{Resolution, ResolvedGroup, ResolvedPayment};
use feiqian_iso20022::returns::{PaymentReturn, ReturnDetails, ReturnEntry};
use feiqian_iso20022::status::{StatusReason, TransactionStatus};
use feiqian_iso20022::status_request::{RequestedGroup, RequestedStatus, StatusRequest};
use feiqian_iso20022::{Family, Limits, MessageType, Verbatim, write};

use crate::after::read_returns;
use crate::data;
use crate::fixtures::clean;
use crate::round_trip::{bic, business, currency, full_cover, full_transfer};

const CREATION: &str = "2026-03-16T12:00:00Z";

fn owned(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn told(text: &str) -> Option<ToldAmount> {
    Some(ToldAmount { text: text.to_owned(), currency: "KWD".to_owned() })
}

pub(crate) fn versions(family: Family, from: u8) -> impl Iterator<Item = MessageType> {
    MessageType::all().filter(move |one| one.family() == family && one.version() >= from)
}

/// The references of a payment, with a UETR where the version has one.
fn ids(has_uetr: bool) -> PaymentIds {
    let ids = full_transfer().details.ids;
    PaymentIds { uetr: ids.uetr.filter(|_| has_uetr), ..ids }
}

fn original() -> OriginalMessage {
    OriginalMessage {
        message_id: "ORIGINAL-1".to_owned(),
        message_type: "pacs.008.001.08".to_owned(),
        creation: owned("2026-03-16T08:00:00Z"),
    }
}

/// The parties of a payment, with LEIs and a purpose where the generation has them, and an institution as such.
fn reference(is_new: bool) -> Option<Box<TransferDetails>> {
    let mut details = full_transfer().details.to_reference();
    // See `said`: here it stands in another order, and is not read of messages that are kept whole.
    details.said = Verbatim::default();
    details.priority = owned("HIGH");
    if is_new {
        details.creditor = Party {
            bic: Some(bic("BNKBXXAAXXX")),
            name: owned("Bank B"),
            member: details.debtor_agent.as_ref().and_then(|agent| agent.member.clone()),
            ..Party::default()
        };
        return Some(Box::new(details));
    }
    details.purpose = None;
    let parties = [&mut details.ultimate_debtor, &mut details.ultimate_creditor];
    parties.into_iter().flatten().chain([&mut details.debtor]).for_each(|party| party.lei = None);
    let agents = [&mut details.debtor_agent, &mut details.creditor_agent];
    agents.into_iter().flatten().for_each(|agent| agent.lei = None);
    Some(Box::new(details))
}

/// The same of a cover, where the version has a place for what it is for.
fn of_cover(reference: Option<Box<TransferDetails>>, is_told: bool) -> Option<Box<TransferDetails>> {
    reference.map(|mut reference| {
        reference.underlying = full_cover().1.details.underlying.filter(|_| is_told);
        reference
    })
}

/// A reason with all that it may say, as the version has the code.
fn reason(code: &str, is_listed: bool) -> StatusReason {
    let (listed, own) = if is_listed { (owned(code), None) } else { (None, owned(code)) };
    StatusReason {
        originator: Some(Box::new(Party { name: owned("Bank B & sons"), ..Party::default() })),
        code: listed,
        proprietary: own,
        additional: vec!["because of <this>".to_owned(), "and that".to_owned()],
    }
}

/// Version, and the values as that version holds them.
pub(crate) fn returns(message: MessageType) -> (MessageHead, Vec<PaymentReturn>) {
    let is_new = message.version() >= 9;
    let mut head = MessageHead::new(message, "RETURN-1", CREATION);
    head.business = Some(business(message.identifier()));
    head.number_of_transactions = Some(2);
    head.control_sum = owned("12.345");
    head.total = told("12.345");
    head.settlement_date = owned("2026-03-16");
    head.settlement_method = owned("CLRG");
    head.clearing_system = owned("a clearing house");
    head.instructing_agent = Some(Agent::of_bic(bic("CLRHXXAAXXX")));
    head.instructed_agent = Some(Agent::of_bic(bic("BNKAXXAAXXX")));
    let full = ReturnDetails {
        id: owned("RTR-1"),
        original_message: Some(original()),
        original: ids(is_new),
        original_clearing_reference: owned("CLR-0"),
        original_amount: told("20.000"),
        original_settlement_date: owned("2026-03-15").filter(|_| is_new),
        settlement_date: owned("2026-03-17"),
        returned_instructed_amount: told("12.4"),
        exchange_rate: owned("1.5"),
        compensation: told("0.1"),
        charge_bearer: owned("SLEV"),
        charges: vec![
            Charge {
                amount: told("0.055").expect("an amount"),
                agent: Some(Box::new(Agent::of_bic(bic("BNKBXXAAXXX")))),
            },
            Charge {
                amount: told("1234567890123.45").expect("an amount"),
                agent: Some(Box::new(Agent {
                    name: owned("Charging bank"),
                    other: owned("0815"),
                    ..Agent::default()
                })),
            },
        ],
        clearing_reference: owned("CLR-1").filter(|_| is_new),
        instructing_agent: Some(Agent::of_bic(bic("CLRHXXAAXXX"))),
        instructed_agent: Some(Agent::of_bic(bic("BNKCXXAAXXX"))),
        reasons: vec![reason("AC04", true)],
        original_reference: of_cover(reference(is_new), message.version() >= 10),
        said: Verbatim::from(CHAIN.to_owned()).only(if is_new { &["RtrChain"] } else { &[] }),
    };
    let short = ReturnDetails {
        original: PaymentIds { transaction: owned("TX-9"), ..PaymentIds::default() },
        reasons: vec![StatusReason { proprietary: owned("OWN-1"), ..StatusReason::default() }],
        settlement_date: head.settlement_date.clone(),
        instructing_agent: head.instructing_agent.clone(),
        instructed_agent: head.instructed_agent.clone(),
        ..ReturnDetails::default()
    };
    let one = |index, minor, details| PaymentReturn {
        index,
        amount: Amount::new(minor).expect("not zero"),
        currency: currency("KWD"),
        details,
    };
    (head, vec![one(1, 12_300, full), one(2, 45, short)])
}

/// The way that a payment came.
const CHAIN: &str = "\
RtrChain
 Dbtr
  Pty
   Nm=Anna Example
 Cdtr
  Pty
   Nm=Karl
";

fn without_said(mut entry: ReturnEntry) -> ReturnEntry {
    if let ReturnEntry::Return(one) = &mut entry
        && let Some(reference) = &mut one.details.original_reference
    {
        reference.said = Verbatim::default();
    }
    entry
}

#[test]
fn returns_of_every_written_version_are_read_back() {
    for message in versions(Family::Pacs004, 2) {
        let (head, returns) = returns(message);
        let text = write::to_text(|out| write::pacs004(out, &head, &returns)).expect("written");
        let (summary, entries) =
            read_returns(text.as_bytes()).unwrap_or_else(|error| panic!("{message}: {error}\n{text}"));
        assert_eq!((summary.refusals.as_slice(), summary.refused), ([].as_slice(), 0), "{message}");
        assert_eq!(summary.head, head);
        let expected: Vec<ReturnEntry> =
            returns.into_iter().map(|one| ReturnEntry::Return(Box::new(one))).collect();
        let entries: Vec<ReturnEntry> = entries.into_iter().map(without_said).collect();
        assert_eq!(entries, expected, "{message}");
    }
    let old = MessageType::parse("pacs.004.001.01").expect("supported");
    let (head, one) = returns(old);
    assert!(write::to_text(|out| write::pacs004(out, &head, &one)).is_err());
}

#[test]
fn a_return_is_made_of_the_payment_that_it_returns() {
    let (summary, transfers) = clean(&data::text(&data::fixtures().join("pacs.008.xml")));
    let part = Amount::new(1_00).expect("not zero");
    let one = PaymentReturn::of(&summary.head, &transfers[0], ("R-1", part), codes::FOCR);
    let details = &one.details;
    assert_eq!((one.amount.minor(), one.currency.code()), (100, "EUR"));
    assert_eq!(details.original, transfers[0].details.ids);
    assert_eq!(details.original_amount.as_ref().map(|told| told.text.as_str()), Some("1234.50"));
    assert_eq!(details.instructed_agent, transfers[0].details.instructing_agent, "it goes back");
    assert_eq!(details.reasons[0].known(), Some(codes::FOCR));
    let version = MessageType::parse("pacs.004.001.09").expect("supported");
    let head = MessageHead::new(version, "RETURN-1", CREATION);
    let text = write::to_text(|out| write::pacs004(out, &head, std::slice::from_ref(&one))).expect("written");
    let (summary, entries) = read_returns(text.as_bytes()).expect("valid");
    assert_eq!((summary.refusals.len(), entries), (0, vec![ReturnEntry::Return(Box::new(one.clone()))]));
    assert_eq!(
        return_id(&summary.head, &one.details, 1).to_string(),
        "2d26c425-ba19-4120-84c3-ecbd4c4babda",
        "the derivation is a promise: never change it"
    );
    let answer = TransactionStatus::of_return(&one.details, codes::Status::Acsc);
    assert_eq!(
        (answer.original.instruction.as_deref(), answer.status.as_deref()),
        (Some("R-1"), Some("ACSC"))
    );
    assert_eq!(answer.original.uetr, one.details.original.uetr);
    let mut other = one.details.clone();
    other.id = owned("R-2");
    assert_ne!(return_id(&head, &other, 1), return_id(&head, &one.details, 1));
}

pub(crate) fn recall(message: MessageType) -> Recall {
    let is_listed = message.version() >= 2;
    let case = |id: &str| {
        let creator = CaseParty::Party(Party { name: owned("Anna Example"), ..Party::default() });
        Some(Case { id: id.to_owned(), creator, is_reopened: Some(false) })
    };
    let agent = |code| CaseParty::of_bic(bic(code));
    Recall {
        message_type: message,
        business: Some(business(message.identifier())),
        assignment: feiqian_iso20022::case::Assignment {
            id: "RECALL-1".to_owned(),
            assigner: agent("CLRHXXAAXXX"),
            assignee: agent("BNKBXXAAXXX"),
            creation: CREATION.to_owned(),
        },
        case: case("CASE-0"),
        number_of_transactions: Some(1),
        control_sum: owned("12.5"),
        groups: vec![RecalledGroup {
            id: owned("GROUP-1"),
            case: case("CASE-1"),
            original: original(),
            payment_information_id: None,
            number_of_transactions: Some(3),
            control_sum: owned("7"),
            is_whole: true,
            reasons: vec![reason("TECH", is_listed)],
        }]
        .into(),
        transactions: vec![RecalledPayment {
            id: owned("CXL-1"),
            case: case("CASE-2"),
            original_message: Some(original()),
            payment_information_id: None,
            original: ids(message.version() >= 8),
            original_clearing_reference: owned("CLR-0"),
            original_amount: told("12.5"),
            original_settlement_date: owned("2026-03-16"),
            reasons: vec![reason("FRAD", is_listed), reason("OWN-REASON", false)],
            original_reference: reference(message.version() >= 8),
        }]
        .into(),
    }
}

#[test]
fn recalls_of_every_version_are_read_back() {
    for message in versions(Family::Camt056, 1) {
        let mut sent = recall(message);
        for group_count in [1, 0] {
            sent.groups.values_mut().truncate(group_count);
            let text = write::to_text(|out| write::camt056(out, &sent)).expect("written");
            let read = Recall::read(text.as_bytes(), Limits::default());
            assert_eq!(read.unwrap_or_else(|error| panic!("{message}: {error}\n{text}")), sent);
            assert_eq!(sent.refusals(), []);
            assert_eq!(sent.transactions.first().expect("one").refusal(), None);
        }
    }
}

#[test]
fn what_a_group_says_stands_for_its_payments() {
    let message = MessageType::parse("camt.056.001.08").expect("supported");
    let mut sent = recall(message);
    sent.case = None;
    sent.groups.values_mut()[0].case = None;
    let text = write::to_text(|out| write::camt056(out, &sent)).expect("written");
    let alone = "<Undrlyg><TxInf><OrgnlTxId>TX-1</OrgnlTxId></TxInf></Undrlyg>";
    let inside = "</OrgnlGrpInfAndCxl><TxInf><OrgnlTxId>TX-2</OrgnlTxId></TxInf>";
    let text = text.replacen("<Undrlyg>", &format!("{alone}<Undrlyg>"), 1);
    let text = text.replacen("</OrgnlGrpInfAndCxl>", inside, 1);
    let read =
        Recall::read(text.as_bytes(), Limits::default()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let payments: Vec<_> = read.transactions.iter().collect();
    let [first, second, _] = payments.as_slice() else { panic!("three payments") };
    assert_eq!((first.original_message.as_ref(), first.reasons.len()), (None, 0), "no group");
    assert_eq!(second.original_message, Some(original()));
    assert_eq!(second.reasons[0].known(), Some(codes::TECH));
    assert!(second.reasons[0].additional.is_empty(), "a long story is not copied");
    let refused = first.refusal().map(|refusal| refusal.code);
    assert_eq!((refused, second.refusal()), (Some(codes::CH21), None));
}

pub(crate) fn resolution(message: MessageType) -> Resolution {
    let asked = recall(MessageType::parse("camt.056.001.08").expect("supported"));
    let is_listed = message.version() >= 8;
    let answer = Resolution::of(&asked, "ANSWER-1", CREATION, RecallStatus::Rjcr);
    let mut payment =
        ResolvedPayment::of(&asked.transactions.first().expect("one"), "CXS-1", RecallStatus::Rjcr);
    payment.original = ids(message.version() >= 9);
    payment.original_reference = reference(message.version() >= 9);
    payment.reasons = vec![reason("CUST", true), reason("PTNA", is_listed)];
    let mut header = business(message.identifier());
    header.from = Agent::of_bic(bic("BNKBXXAAXXX"));
    Resolution {
        message_type: message,
        business: Some(header),
        groups: vec![ResolvedGroup {
            recall_id: owned("GROUP-1"),
            case: asked.groups.first().expect("one").case.clone(),
            original: original(),
            payment_information_id: None,
            status: owned("PACR"),
            reasons: vec![reason("LEGL", true)],
        }]
        .into(),
        transactions: vec![payment].into(),
        ..answer
    }
}

#[test]
fn answers_to_recalls_of_every_written_version_are_read_back() {
    for message in versions(Family::Camt029, 3) {
        let sent = resolution(message);
        let text = write::to_text(|out| write::camt029(out, &sent)).expect("written");
        let read = Resolution::read(text.as_bytes(), Limits::default());
        assert_eq!(read.unwrap_or_else(|error| panic!("{message}: {error}\n{text}")), sent);
        assert_eq!(sent.verdict(&sent.transactions.first().expect("one")), Some(codes::Verdict::Rejected));
        assert_eq!(sent.refusals(), []);
    }
    let mut wrong = resolution(MessageType::parse("camt.029.001.09").expect("supported"));
    wrong.transactions.values_mut()[0].status = owned("CNCL");
    assert!(write::to_text(|out| write::camt029(out, &wrong)).is_err(), "CNCL is no status of a payment");
    wrong.transactions.values_mut().clear();
    wrong.confirmation = None;
    assert!(write::to_text(|out| write::camt029(out, &wrong)).is_err(), "an answer needs one");
}

#[test]
fn an_answer_goes_back_in_the_generation_of_the_recall() {
    let asked = recall(MessageType::parse("camt.056.001.06").expect("supported"));
    let answer = Resolution::of(&asked, "ANSWER-1", CREATION, RecallStatus::Cncl);
    assert_eq!(answer.message_type.identifier(), "camt.029.001.07");
    assert_eq!(answer.assignment.assigner, asked.assignment.assignee);
    assert_eq!(answer.assignment.assignee, asked.assignment.assigner);
    let rows = [
        (Some("ACCR"), Some(codes::Verdict::Accepted)),
        (Some("PDCR"), Some(codes::Verdict::Pending)),
        (Some("RJCR"), Some(codes::Verdict::Rejected)),
        (None, Some(codes::Verdict::Accepted)),
        (Some("XXXX"), None),
    ];
    for (status, verdict) in rows {
        let payment = ResolvedPayment { status: status.map(str::to_owned), ..ResolvedPayment::default() };
        assert_eq!(answer.verdict(&payment), verdict, "{status:?}");
    }
}

#[test]
fn the_first_answers_to_recalls_say_why() {
    let text = "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.029.001.01\"><camt.029.001.01><Assgnmt>\
                <Id>A-1</Id><Assgnr>BNKBXXAAXXX</Assgnr><Assgne>BNKAXXAAXXX</Assgne>\
                <CreDtTm>2026-03-16T12:00:00Z</CreDtTm></Assgnmt><RslvdCase><Id>CASE-1</Id>\
                <Cretr>BNKAXXAAXXX</Cretr></RslvdCase><Sts><RjctdCxl><RsnCd>LEGL</RsnCd>\
                <Rsn>not allowed</Rsn></RjctdCxl></Sts></camt.029.001.01></Document>";
    let read = Resolution::read(text.as_bytes(), Limits::default()).expect("valid");
    assert_eq!(read.assignment.assigner.bic(), Some(bic("BNKBXXAAXXX")));
    assert_eq!(
        read.case.map(|case| (case.id, case.creator.bic())),
        Some(("CASE-1".to_owned(), Some(bic("BNKAXXAAXXX"))))
    );
    assert_eq!(read.reasons[0].known(), Some(codes::LEGL));
    assert_eq!(read.reasons[0].additional, ["not allowed"]);
}

pub(crate) fn status_request(message: MessageType) -> StatusRequest {
    StatusRequest {
        message_type: message,
        business: Some(business(message.identifier())),
        message_id: "ASK-1".to_owned(),
        creation: CREATION.to_owned(),
        instructing_agent: Some(Agent::of_bic(bic("CLRHXXAAXXX"))),
        instructed_agent: Some(Agent::of_bic(bic("CLRHXXAAXXX"))),
        groups: vec![RequestedGroup {
            original: original(),
            number_of_transactions: Some(2),
            control_sum: owned("3.5"),
        }]
        .into(),
        transactions: vec![RequestedStatus {
            id: owned("SR-1"),
            original_message: Some(original()),
            original: ids(message.version() >= 3),
            acceptance: owned("2026-03-16T08:00:00.5Z"),
            clearing_reference: owned("CLR-1"),
            instructing_agent: Some(Agent::of_bic(bic("BNKAXXAAXXX"))),
            instructed_agent: Some(Agent::of_bic(bic("CLRHXXAAXXX"))),
            original_reference: reference(message.version() >= 3),
        }]
        .into(),
    }
}

#[test]
fn status_requests_of_every_version_are_read_back() {
    for message in versions(Family::Pacs028, 1) {
        let mut sent = status_request(message);
        // The first versions ask for one message at most.
        let text = write::to_text(|out| write::pacs028(out, &sent)).expect("written");
        let read = StatusRequest::read(text.as_bytes(), Limits::default());
        assert_eq!(read.unwrap_or_else(|error| panic!("{message}: {error}\n{text}")), sent);
        assert_eq!((sent.refusals(), sent.transactions.first().expect("one").refusal()), (Vec::new(), None));
        sent.groups.values_mut().clear();
        sent.transactions.values_mut().clear();
        assert_eq!(sent.refusals().iter().map(|refusal| refusal.code).collect::<Vec<_>>(), [codes::CH21]);
    }
    let (summary, transfers) = clean(&data::text(&data::fixtures().join("pacs.008.xml")));
    let asked = RequestedStatus::of(&summary.head, &transfers[0], "SR-1");
    assert_eq!(asked.original.uetr, transfers[0].details.ids.uetr);
    assert_eq!(asked.original_message.map(|message| message.message_id).as_deref(), Some("FIXTURE-0001"));
    let recalled = RecalledPayment::of(&summary.head, &transfers[0], "CXL-1", codes::DUPL);
    assert_eq!((recalled.refusal(), recalled.original), (None, transfers[0].details.ids.clone()));
}

#[test]
fn a_bad_date_or_amount_is_refused_when_written() {
    let message = MessageType::parse("camt.056.001.08").expect("supported");
    let spoil: [fn(&mut Recall); 5] = [
        |recall| recall.assignment.creation = "yesterday".to_owned(),
        |recall| recall.transactions.values_mut()[0].original_settlement_date = owned("16.3.2026"),
        |recall| recall.transactions.values_mut()[0].original_amount = Some(ToldAmount::default()),
        |recall| recall.transactions.values_mut()[0].original_amount = told("1,5"),
        |recall| recall.message_type = MessageType::parse("camt.029.001.09").expect("supported"),
    ];
    for spoil in spoil {
        let mut sent = recall(message);
        spoil(&mut sent);
        let written = write::to_text(|out| write::camt056(out, &sent));
        assert_eq!(written.map_err(|error| error.kind()), Err(std::io::ErrorKind::InvalidInput));
    }
    let mut sent = recall(message);
    sent.transactions.values_mut()[0].original =
        PaymentIds { uetr: Some(Uetr::from_digest([1; 16])), ..PaymentIds::default() };
    assert!(write::to_text(|out| write::camt056(out, &sent)).is_ok_and(|text| text.contains("<OrgnlUETR>")));
}
