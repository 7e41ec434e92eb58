//! Requests to pay go to the debtor's bank and its answer comes back to the creditor's: each once, in time, nobody else's,
//! over any crash, and without a cent that moves before the debtor's bank pays.

use feiqian_core::uetr::Uetr;
use feiqian_files::after::request_cases::{RequestState, all};
use feiqian_files::{Disposition, FileReport, intake};
use feiqian_iso20022::Limits;
use feiqian_iso20022::payment_request::PaymentRequest;
use feiqian_iso20022::status::StatusReport;

use crate::after::{demo_file, send, statuses, told};
use crate::crashes::balances;
use crate::house::House;
use crate::recalls::passed;
use crate::shared::{files, validate};
use crate::statements::texts;

const A: &str = "BNKAXXAAXXX";
const B: &str = "BNKBXXAAXXX";
const C: &str = "BNKCXXAAXXX";

/// The moment of the house's clock, 2026-03-16T08:30:00Z, and two hours later.
const NOW: u64 = 1_773_649_800_000_000_000;
const LATER: u64 = NOW + 2 * 3_600_000_000_000;

fn agent(name: &str, bic: &str) -> String {
    format!("<{name}><FinInstnId><BICFI>{bic}</BICFI></FinInstnId></{name}>")
}

/// A request of bank B's customer, for 12.50 EUR unless said otherwise.
fn one(end_to_end: &str, amount: &str) -> String {
    let creditor = agent("CdtrAgt", B);
    format!(
        "<CdtTrfTx><PmtId><InstrId>I-{end_to_end}</InstrId><EndToEndId>{end_to_end}</EndToEndId></PmtId>\
         <Amt><InstdAmt Ccy=\"EUR\">{amount}</InstdAmt></Amt><ChrgBr>SLEV</ChrgBr>{creditor}\
         <Cdtr><Nm>Shop &amp; Söhne</Nm></Cdtr><RmtInf><Ustrd>Invoice 7</Ustrd></RmtInf></CdtTrfTx>"
    )
}

/// What is asked of the customers of one bank, with its `XpryDt`.
fn block(version: u8, (id, debtor_bank): (&str, &str), expiry: &str, requests: &str) -> String {
    let date = if version < 6 { "2026-03-17".to_owned() } else { "<Dt>2026-03-17</Dt>".to_owned() };
    let expiry = if expiry.is_empty() { String::new() } else { format!("<XpryDt>{expiry}</XpryDt>") };
    let debtor = agent("DbtrAgt", debtor_bank);
    format!(
        "<PmtInf><PmtInfId>{id}</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt>{date}</ReqdExctnDt>{expiry}\
         <Dbtr><Nm>Anna</Nm></Dbtr>{debtor}{requests}</PmtInf>"
    )
}

fn message(version: u8, id: &str, blocks: &str) -> Vec<u8> {
    let count = blocks.matches("<CdtTrfTx>").count();
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.013.001.{version:02}\"><CdtrPmtActvtnReq><GrpHdr>\
         <MsgId>{id}</MsgId><CreDtTm>2026-03-16T08:00:00Z</CreDtTm><NbOfTxs>{count}</NbOfTxs>\
         <InitgPty><Nm>Shop</Nm></InitgPty></GrpHdr>{blocks}</CdtrPmtActvtnReq></Document>"
    )
    .into_bytes()
}

/// One request of B at A, which expires at 10:00.
fn simple(id: &str) -> Vec<u8> {
    let expiry = "<DtTm>2026-03-16T10:00:00Z</DtTm>";
    message(7, id, &block(7, ("P-1", A), expiry, &one("E-1", "12.50")))
}

/// The pain.014 of a debtor's bank to a message that was passed on to it.
fn reply(version: u8, (by, asked): (&str, &str), statuses: &str) -> Vec<u8> {
    let by = agent("DbtrAgt", by);
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.014.001.{version:02}\"><CdtrPmtActvtnReqStsRpt>\
         <GrpHdr><MsgId>ANSWER</MsgId><CreDtTm>2026-03-16T09:00:00Z</CreDtTm><InitgPty><Nm>Bank</Nm></InitgPty>\
         {by}</GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>{asked}</OrgnlMsgId><OrgnlMsgNmId>pain.013</OrgnlMsgNmId>\
         </OrgnlGrpInfAndSts>{statuses}</CdtrPmtActvtnReqStsRpt></Document>"
    )
    .into_bytes()
}

fn status(information: &str, end_to_end: &str, rest: &str) -> String {
    format!(
        "<OrgnlPmtInfAndSts><OrgnlPmtInfId>{information}</OrgnlPmtInfId><TxInfAndSts>\
         <OrgnlEndToEndId>{end_to_end}</OrgnlEndToEndId>{rest}</TxInfAndSts></OrgnlPmtInfAndSts>"
    )
}

const YES: &str = "<TxSts>ACCP</TxSts>";
const NO: &str = "<TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>CUST</Cd></Rsn></StsRsnInf>";

fn answered(house: &House, report: &FileReport) -> StatusReport {
    let path = house.options.work.outbox().join(report.answer.as_ref().expect("answered"));
    StatusReport::read(std::fs::read(path).expect("there").as_slice(), Limits::default()).expect("readable")
}

/// The code of the admi.002 that an answer was refused by.
fn refused(house: &House, report: &FileReport) -> String {
    let path = house.options.work.outbox().join(report.answer.as_ref().expect("answered"));
    texts(&std::fs::read_to_string(path).expect("there"), "RjctgPtyRsn")[0].to_owned()
}

/// What bank B was told after its request, message by message.
fn told_back(house: &House) -> Vec<StatusReport> {
    let letters = passed(house, &format!(".{B}.pain.014.xml"));
    letters
        .iter()
        .map(|bytes| StatusReport::read(bytes.as_slice(), Limits::default()).expect("readable"))
        .collect()
}

fn states(house: &House) -> Vec<RequestState> {
    let cases = all(&house.options.work).expect("readable");
    cases.iter().flat_map(|case| &case.requests).map(|one| one.state).collect()
}

fn asked_id(house: &House) -> String {
    all(&house.options.work).expect("readable")[0].id.clone()
}

#[test]
fn requests_of_every_version_go_to_the_debtors_banks_and_their_answers_come_back() {
    for version in 1..=12 {
        let house = House::demo(&format!("request-{version}"));
        let money = balances(&house);
        let blocks = [
            block(version, ("P-1", A), "", &(one("E-1", "12.50") + &one("E-2", "1.00"))),
            block(version, ("P-2", C), "", &one("E-3", "2.00")),
            block(version, ("P-3", "NOPEXXAAXXX"), "", &one("E-4", "2.00")),
        ];
        let report = send(&house, "ask.xml", &message(version, "ASK-1", &blocks.concat()));
        assert_eq!(
            (report.forwarded, report.pending, report.transactions),
            (2, 3, 4),
            "{version} {report:?}"
        );
        assert_eq!(report.status.as_deref(), Some("PART"));
        let answer = answered(&house, &report);
        assert_eq!(answer.head.message_type.identifier(), format!("pain.014.001.{version:02}"));
        let passed_on = || told("ACTC", None);
        let expected = [passed_on(), passed_on(), passed_on(), told("RJCT", Some("DNOR"))];
        assert_eq!(statuses(&answer), expected);
        assert_eq!(answer.head.groups.get(0).expect("there").original_message_id, "ASK-1");

        let letters = passed(&house, &format!(".{A}.pain.013.xml"));
        let received = PaymentRequest::read(letters[0].as_slice(), Limits::default()).expect("readable");
        assert_eq!(received.refusals(), []);
        let ids: Vec<_> =
            received.requests.iter().map(|one| one.details.ids.end_to_end.clone().expect("told")).collect();
        assert_eq!((letters.len(), ids), (1, vec!["E-1".to_owned(), "E-2".to_owned()]), "its own alone");
        let text = String::from_utf8(letters[0].clone()).expect("UTF-8");
        assert!(text.contains("<Nm>Shop &amp; Söhne</Nm>") && text.contains("<Ustrd>Invoice 7</Ustrd>"));
        let uetr = received.requests.get(0).expect("there").details.ids.uetr;
        assert_eq!(uetr.is_some(), version >= 7, "{version}: the payment can name it");

        let id = received.message_id.as_str();
        let statuses_of_a = status("P-1", "E-1", YES) + &status("P-1", "E-2", NO);
        let yes = send(&house, "yes.xml", &reply(version, (A, id), &statuses_of_a));
        assert_eq!((yes.forwarded, yes.disposition), (1, Disposition::Noted), "{version} {yes:?}");
        let back = told_back(&house);
        assert_eq!(statuses(&back[0]), [told("ACCP", None), told("RJCT", Some("CUST"))]);
        assert_eq!(
            back[0].head.groups.get(0).expect("there").original_message_id,
            "ASK-1",
            "in the asker's words"
        );
        assert_eq!(
            back[0].transactions.get(0).expect("there").payment_information_id.as_deref(),
            Some("P-1")
        );
        use RequestState::{Accepted, Open, Refused, Rejected};
        assert_eq!(states(&house), [Accepted, Rejected, Open, Refused]);
        assert_eq!(balances(&house), money, "no money moves by a request");
        validate(&house.options.work.outbox());
    }
}

#[test]
fn what_can_not_be_asked_is_refused_with_its_reason_and_goes_nowhere() {
    let house = House::demo("request-refused");
    let request = |requests: &str, expiry: &str| message(7, "ASK", &block(7, ("P-1", A), expiry, requests));
    let fine = one("E-1", "12.50");
    let rows = [
        ("other-creditor", request(&fine.replace(B, C), ""), "AGNT"),
        ("unknown-sender", request(&fine.replace(B, "NOPEXXAAXXX"), ""), "AGNT"),
        ("expired", request(&fine, "<DtTm>2026-03-16T08:30:00Z</DtTm>"), "AEXR"),
        ("expired-day", request(&fine, "<Dt>2026-03-15</Dt>"), "AEXR"),
        ("no-date", request(&fine, "<Dt>9999-12-31</Dt>"), "DT01"),
        ("twice", request(&(fine.clone() + &fine), ""), "DU04"),
        ("yen", request(&fine.replace("EUR", "JPY").replace("12.50", "12"), ""), "AM03"),
        ("fraction", request(&fine.replace("12.50", "12.505"), ""), "AM12"),
        ("nothing", request(&fine.replace("12.50", "0"), ""), "AM01"),
        (
            "count",
            String::from_utf8(request(&fine, "")).expect("text").replace("<NbOfTxs>1", "<NbOfTxs>2").into(),
            "AM18",
        ),
        ("cheque", String::from_utf8(request(&fine, "")).expect("text").replace("TRF", "CHK").into(), "AG03"),
    ];
    for (name, bytes, code) in rows {
        // The other creditor's bank has to be told from the sender: a header says who that is.
        let bytes = if name == "other-creditor" { headed(&bytes, B) } else { bytes };
        let bytes = String::from_utf8(bytes).expect("text").replace(">ASK<", &format!(">ASK-{name}<"));
        let report = send(&house, &format!("{name}.xml"), bytes.as_bytes());
        let told = statuses(&answered(&house, &report));
        assert_eq!(told.last(), Some(&("RJCT".to_owned(), Some(code.to_owned()))), "{name}: {report:?}");
        assert_eq!(report.forwarded, u64::from(name == "twice"), "{name}");
    }
    let first = send(&house, "first.xml", &simple("ASK-ONCE"));
    let again = send(&house, "again.xml", &simple("ASK-ONCE"));
    assert_eq!((first.pending, again.pending), (1, 1), "the same message is the same requests");
    let text = String::from_utf8(simple("ASK-ONCE")).expect("text").replace("12.50", "99.99");
    let other = send(&house, "other.xml", text.as_bytes());
    assert_eq!(statuses(&answered(&house, &other)), [told("RJCT", Some("DU01"))]);
    validate(&house.options.work.outbox());
}

/// The message in an envelope with a header of that sender.
fn headed(document: &[u8], from: &str) -> Vec<u8> {
    let side = |name: &str, bic: &str| {
        format!("<{name}><FIId><FinInstnId><BICFI>{bic}</BICFI></FinInstnId></FIId></{name}>")
    };
    let head = format!(
        "<BizMsgEnvlp><AppHdr xmlns=\"urn:iso:std:iso:20022:tech:xsd:head.001.001.02\">{}{}<BizMsgIdr>H</BizMsgIdr>\
         <MsgDefIdr>pain.013.001.07</MsgDefIdr><CreDt>2026-03-16T08:00:00Z</CreDt></AppHdr>",
        side("Fr", from),
        side("To", "CLRHXXAAXXX"),
    );
    [head.as_bytes(), document, b"</BizMsgEnvlp>"].concat()
}

#[test]
fn nobody_but_the_bank_that_was_asked_answers_and_its_first_answer_stands() {
    let house = House::demo("request-answers");
    send(&house, "ask.xml", &simple("ASK-1"));
    let id = asked_id(&house);
    let answer = |name: &str, by: &str, id: &str, statuses: &str| {
        send(&house, &format!("{name}.xml"), &reply(7, (by, id), statuses))
    };
    let yes = status("P-1", "E-1", YES);
    let rows = [
        ("stranger", C, id.as_str(), yes.clone(), "IRNR"),
        ("asker", B, &id, yes.clone(), "IRNR"),
        ("nobody", "NOPEXXAAXXX", &id, yes.clone(), "AGNT"),
        ("unknown", A, "FQP000000000000000000000000", yes.clone(), "IRNR"),
        ("path", A, "../../etc/passwd", yes.clone(), "IRNR"),
        ("other-id", A, &id, status("P-1", "E-9", YES), "IRNR"),
        ("other-block", A, &id, status("P-9", "E-1", YES), "IRNR"),
        ("no-status", A, &id, status("P-1", "E-1", ""), "CH21"),
        ("no-such-status", A, &id, status("P-1", "E-1", "<TxSts>YEAH</TxSts>"), "CH16"),
    ];
    for (name, by, id, statuses, code) in rows {
        let report = answer(name, by, id, &statuses);
        assert_eq!(refused(&house, &report), code, "{name}");
        assert_eq!((report.forwarded, states(&house)), (0, vec![RequestState::Open]), "{name}");
    }
    let waits = answer("waits", A, &id, &status("P-1", "E-1", "<TxSts>PDNG</TxSts>"));
    assert_eq!((waits.forwarded, states(&house)), (1, vec![RequestState::Open]));
    let change = "<TxSts>ACWC</TxSts><PmtCondSts><AccptdAmt Ccy=\"EUR\">10.00</AccptdAmt>\
                  <GrntedPmt>false</GrntedPmt><EarlyPmt>true</EarlyPmt></PmtCondSts>";
    let changed = answer("changed", A, &id, &status("P-1", "E-1", change));
    assert_eq!((changed.forwarded, states(&house)), (1, vec![RequestState::Accepted]));
    let back = told_back(&house);
    let condition = back
        .iter()
        .find_map(|report| report.transactions.get(0).expect("there").condition.clone())
        .expect("passed on");
    assert_eq!(condition.accepted_amount.map(|amount| amount.text).as_deref(), Some("10.00"));
    let no = answer("no", A, &id, &status("P-1", "E-1", NO));
    assert_eq!((refused(&house, &no).as_str(), states(&house)), ("ALAC", vec![RequestState::Accepted]));
    validate(&house.options.work.outbox());

    // A whole message, or a whole payment information, is answered in one word.
    for (name, statuses) in [
        (
            "all",
            "<OrgnlPmtInfAndSts><OrgnlPmtInfId>P-1</OrgnlPmtInfId><PmtInfSts>RJCT</PmtInfSts></OrgnlPmtInfAndSts>",
        ),
        ("message", ""),
    ] {
        let house = House::demo(&format!("request-{name}"));
        send(&house, "ask.xml", &simple("ASK-1"));
        let text = String::from_utf8(reply(7, (A, &asked_id(&house)), statuses)).expect("text");
        let end = "</OrgnlGrpInfAndSts>";
        let text = text.replace(end, &format!("<GrpSts>RJCT</GrpSts>{end}"));
        assert_eq!(send(&house, "no.xml", text.as_bytes()).forwarded, 1);
        assert_eq!(states(&house), [RequestState::Rejected], "{name}");
    }
}

#[test]
fn a_request_that_nobody_answers_in_time_expires_once_and_a_late_answer_is_refused() {
    let mut house = House::demo("request-late");
    send(&house, "ask.xml", &simple("ASK-1"));
    let id = asked_id(&house);
    house.options.clock = || LATER;
    let late = send(&house, "late.xml", &reply(7, (A, &id), &status("P-1", "E-1", YES)));
    assert_eq!((refused(&house, &late).as_str(), late.forwarded), ("AEXR", 0));
    assert_eq!(states(&house), [RequestState::Expired]);
    let back = told_back(&house);
    assert_eq!(back.len(), 1);
    assert_eq!(statuses(&back[0]), [told("RJCT", Some("AEXR"))]);
    let report = intake(house.engine(), &house.options).expect("looked at");
    assert_eq!((report.expired, told_back(&house).len()), (0, 1), "told once");

    let mut house = House::demo("request-expires");
    send(&house, "ask.xml", &simple("ASK-1"));
    house.options.clock = || LATER;
    let report = intake(house.engine(), &house.options).expect("looked at");
    assert_eq!((report.expired, states(&house)), (1, vec![RequestState::Expired]));
    let again = send(&house, "again.xml", &simple("ASK-1"));
    assert_eq!(statuses(&answered(&house, &again)), [told("RJCT", Some("AEXR"))], "as it stands");
    assert_eq!(again.forwarded, 0);
    validate(&house.options.work.outbox());
}

#[test]
fn i9_a_crash_between_any_two_steps_of_a_request_ends_in_the_same_messages() {
    let mut house = House::demo("request-crash");
    let work = house.options.work.clone();
    let empty = |of: &House| {
        let outbox = of.options.work.outbox();
        files(&outbox).iter().for_each(|(name, _)| std::fs::remove_file(outbox.join(name)).expect("there"));
    };
    let ask = simple("ASK-1");
    send(&house, "ask.xml", &ask);
    let (messages, noted) = (files(&work.outbox()), files(&work.requests()));
    assert_eq!((messages.len(), noted.len()), (2, 1), "passed on and answered");

    // Killed when the request was noted, before anything was written; then after all was, before the file was moved.
    for is_written in [false, true] {
        if !is_written {
            empty(&house);
        }
        house.restart();
        house.put("ask.xml", &ask);
        intake(house.engine(), &house.options).expect("taken in");
        assert_eq!(files(&work.outbox()), messages);
        assert_eq!(files(&work.requests()), noted);
    }

    // The answer was noted in time, and killed before the asker was told; taken in again when the request would have expired.
    let yes = reply(7, (A, &asked_id(&house)), &status("P-1", "E-1", YES));
    send(&house, "yes.xml", &yes);
    let noted = files(&work.requests());
    let told_names = |house: &House| -> Vec<String> {
        files(&house.options.work.outbox()).into_iter().map(|(name, _)| name).collect()
    };
    let names = told_names(&house);
    assert_eq!(names.len(), 3, "and passed back");
    let back = passed(&house, &format!(".{B}.pain.014.xml"));
    for (name, _) in files(&work.outbox()).iter().filter(|(_, bytes)| *bytes == back[0]) {
        std::fs::remove_file(work.outbox().join(name)).expect("there");
    }
    house.restart();
    house.options.clock = || LATER;
    for name in ["yes.xml", "ask.xml"] {
        house.put(name, if name == "yes.xml" { &yes } else { &ask });
        let report = intake(house.engine(), &house.options).expect("taken in");
        assert_eq!((report.count(Disposition::Left), report.expired), (0, 0), "{name}");
        assert_eq!(files(&work.requests()), noted, "{name}: what was decided stays decided");
        assert_eq!(told_names(&house), names, "{name}: the same messages and no other");
    }
    assert_eq!(statuses(&told_back(&house)[0]), [told("ACCP", None)]);
}

#[test]
fn the_payment_names_the_request_by_its_uetr_and_is_made_once() {
    let house = House::demo("request-paid");
    send(&house, "ask.xml", &simple("ASK-1"));
    let letters = passed(&house, &format!(".{A}.pain.013.xml"));
    let received = PaymentRequest::read(letters[0].as_slice(), Limits::default()).expect("readable");
    let uetr: Uetr =
        received.requests.get(0).expect("there").details.ids.uetr.expect("of the clearing house");
    let paid = String::from_utf8(demo_file("01-single.xml")).expect("text");
    let paid = paid
        .replace("4786.23", "12.50")
        .replace("c3b4489a-a5d0-4f0a-a25a-8eb87e205f35", &uetr.to_string())
        .replace("E2E-DEMO01-1", "E-1");
    let before = balances(&house);
    let report = send(&house, "pay.xml", paid.as_bytes());
    assert_eq!((report.accepted, report.duplicates), (1, 0), "{report:?}");
    let after = balances(&house);
    assert_ne!(before, after);
    let again = send(&house, "pay-again.xml", paid.as_bytes());
    assert_eq!((again.accepted, again.duplicates), (1, 1), "the same payment");
    assert_eq!(balances(&house), after);
}
