//! Requests to pay over kills: a running process is killed somewhere on the way of the request, of the debtor's answer and of the
//! payment, and goes on. Each request reaches the debtor's bank once, each answer the creditor's once, and the money moves once.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::house::{House, names, wait_for};

const ASKER: &str = "BNKBXXAAXXX";
const ASKED: &str = "BNKAXXAAXXX";
/// Requests, each with three kills.
const REQUESTS: u64 = 6;

fn bank(name: &str, bic: &str) -> String {
    format!("<{name}><FinInstnId><BICFI>{bic}</BICFI></FinInstnId></{name}>")
}

/// What the creditor's bank asks for.
fn request(number: u64) -> String {
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.013.001.07\"><CdtrPmtActvtnReq><GrpHdr>\
         <MsgId>ASK-{number}</MsgId><CreDtTm>2026-03-16T08:00:00Z</CreDtTm><NbOfTxs>1</NbOfTxs><InitgPty/></GrpHdr>\
         <PmtInf><PmtInfId>P-{number}</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt><Dt>2026-03-17</Dt></ReqdExctnDt>\
         <Dbtr><Nm>Anna</Nm></Dbtr>{}<CdtTrfTx><PmtId><EndToEndId>E-{number}</EndToEndId></PmtId>\
         <Amt><InstdAmt Ccy=\"EUR\">12.50</InstdAmt></Amt><ChrgBr>SLEV</ChrgBr>{}<Cdtr><Nm>Shop</Nm></Cdtr></CdtTrfTx>\
         </PmtInf></CdtrPmtActvtnReq></Document>",
        bank("DbtrAgt", ASKED),
        bank("CdtrAgt", ASKER)
    )
}

/// The debtor's yes to the message that its bank has got.
fn yes(number: u64, asked: &str) -> String {
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.014.001.07\"><CdtrPmtActvtnReqStsRpt><GrpHdr>\
         <MsgId>YES-{number}</MsgId><CreDtTm>2026-03-16T09:00:00Z</CreDtTm><InitgPty/>{}</GrpHdr><OrgnlGrpInfAndSts>\
         <OrgnlMsgId>{asked}</OrgnlMsgId><OrgnlMsgNmId>pain.013.001.07</OrgnlMsgNmId></OrgnlGrpInfAndSts>\
         <OrgnlPmtInfAndSts><OrgnlPmtInfId>P-{number}</OrgnlPmtInfId><TxInfAndSts>\
         <OrgnlEndToEndId>E-{number}</OrgnlEndToEndId><TxSts>ACCP</TxSts></TxInfAndSts></OrgnlPmtInfAndSts>\
         </CdtrPmtActvtnReqStsRpt></Document>",
        bank("DbtrAgt", ASKED)
    )
}

/// The payment of the debtor's bank, by the request's UETR.
fn payment(number: u64, uetr: &str) -> String {
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08\"><FIToFICstmrCdtTrf><GrpHdr>\
         <MsgId>PAY-{number}</MsgId><CreDtTm>2026-03-16T10:00:00Z</CreDtTm><NbOfTxs>1</NbOfTxs><SttlmInf>\
         <SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr><CdtTrfTxInf><PmtId><EndToEndId>E-{number}</EndToEndId>\
         <UETR>{uetr}</UETR></PmtId><IntrBkSttlmAmt Ccy=\"EUR\">12.50</IntrBkSttlmAmt><ChrgBr>SLEV</ChrgBr>{}\
         <Dbtr><Nm>Anna</Nm></Dbtr>{}{}<Cdtr><Nm>Shop</Nm></Cdtr></CdtTrfTxInf></FIToFICstmrCdtTrf></Document>",
        bank("InstgAgt", ASKED),
        bank("DbtrAgt", ASKED),
        bank("CdtrAgt", ASKER)
    )
}

/// Puts a file in, whole, and kills the process somewhere on its way, by a number between 0 and 1,000.
fn put_and_kill(house: &House, (name, text): (&str, &str), moment: u64) {
    let serving = house.serve();
    let inbox = house.files("inbox");
    let aside = inbox.join(format!(".{name}"));
    std::fs::write(&aside, text).expect("written");
    std::fs::rename(aside, inbox.join(name)).expect("renamed");
    let until = Instant::now() + Duration::from_micros(moment * 15);
    while Instant::now() < until {
        std::hint::spin_loop();
    }
    serving.kill();
}

/// The files of the outbox whose names begin and end so.
fn found(house: &House, (begin, end): (&str, &str)) -> Vec<String> {
    let all = names(&house.files("outbox"));
    all.into_iter().filter(|name| name.starts_with(begin) && name.ends_with(end)).collect()
}

fn text(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).expect("an answer is whole")
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).expect("there").0
}

/// Serves until the inbox is empty and all that is due was told.
fn catch_up(house: &House, (begin, end): (&str, &str), count: u64) {
    let serving = house.serve();
    wait_for("an empty inbox and its answers", || {
        let is_empty = names(&house.files("inbox")).iter().all(|name| !name.ends_with(".xml"));
        (is_empty && found(house, (begin, end)).len() as u64 >= count).then_some(())
    });
    assert_eq!(serving.terminate(), 0);
}

#[test]
fn a_request_is_passed_on_answered_and_paid_once_over_kills_at_any_moment() {
    let house = House::founded("requests");
    let outbox = house.files("outbox");
    let seed: u64 =
        std::env::var("FEIQIAN_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_128);
    for number in 0..REQUESTS {
        // Spread over the way of a file, and others with another seed.
        let moment = |step: u64| (seed + number * 397 + step * 131) % 1_000;
        put_and_kill(&house, (&format!("ask-{number}.xml"), &request(number)), moment(0));
        let to_asked = ("FQP", ".BNKAXXAAXXX.pain.013.xml");
        catch_up(&house, to_asked, number + 1);
        let mine = |name: &String| text(&outbox, name).contains(&format!("<EndToEndId>E-{number}<"));
        let passed: Vec<_> = found(&house, to_asked).into_iter().filter(mine).collect();
        assert_eq!(passed.len(), 1, "seed {seed}: passed on once");
        let passed = text(&outbox, &passed[0]);
        let (id, uetr) = (between(&passed, "<MsgId>", "<"), between(&passed, "<UETR>", "<"));

        put_and_kill(&house, (&format!("yes-{number}.xml"), &yes(number, id)), moment(1));
        catch_up(&house, ("", ".BNKBXXAAXXX.pain.014.xml"), number + 1);
        put_and_kill(&house, (&format!("pay-{number}.xml"), &payment(number, uetr)), moment(2));
        catch_up(&house, (&format!("pay-{number}."), ".pacs.002.xml"), 1);
    }
    check(&house, seed);
}

fn check(house: &House, seed: u64) {
    let outbox = house.files("outbox");
    let kinds = [
        ("FQP", ".BNKAXXAAXXX.pain.013.xml", ""),
        ("ask-", ".pain.014.xml", "<TxSts>ACTC<"),
        ("FQ", ".BNKBXXAAXXX.pain.014.xml", "<TxSts>ACCP<"),
        ("pay-", ".pacs.002.xml", "<TxSts>ACSP<"),
    ];
    for (begin, end, says) in kinds {
        let all = found(house, (begin, end));
        assert_eq!(all.len() as u64, REQUESTS, "seed {seed}: {begin}…{end}: {all:?}");
        for name in &all {
            assert!(text(&outbox, name).contains(says), "seed {seed}: {name}");
        }
    }
    let asked = house.run(&["requests"]).json();
    let messages = asked["messages"].as_array().expect("a list");
    let states: Vec<_> = messages.iter().map(|one| &one["requests"][0]["state"]).collect();
    assert_eq!(states.len() as u64, REQUESTS, "seed {seed}: {asked}");
    assert!(states.iter().all(|state| **state == "accepted"), "seed {seed}: {asked}");
    let positions = house.run(&["positions"]).json();
    let lines = positions["positions"].as_array().expect("lines");
    let own = lines.iter().find(|line| line["participant"] == ASKER && line["currency"] == "EUR");
    let cents = REQUESTS * 1_250;
    let expected = Value::from(format!("{}.{:02}", cents / 100, cents % 100));
    assert_eq!(own.map(|line| &line["position"]), Some(&expected), "seed {seed}: each paid once");
    house.run(&["audit"]).json();
}
