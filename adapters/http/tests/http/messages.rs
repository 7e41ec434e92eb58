//! ISO 20022 messages that are no payments: answered in the connection as files are, for who has sent them and nobody else; and
//! what they cause for other banks, which those fetch.

use serde_json::Value;

use crate::fences::pacs008;
use crate::house::{Answer, House};

const A: &str = "BNKAXXAAXXX";
const B: &str = "BNKBXXAAXXX";
const C: &str = "BNKCXXAAXXX";
/// Of the demo's first payment, from A to B.
const UETR: &str = "c3b4489a-a5d0-4f0a-a25a-8eb87e205f35";
const AT: &str = "2026-03-16T09:00:00Z";

fn document(kind: &str, body: &str) -> String {
    format!("<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:{kind}\">{body}</Document>")
}

fn agent(name: &str, bic: &str) -> String {
    format!("<{name}><FinInstnId><BICFI>{bic}</BICFI></FinInstnId></{name}>")
}

fn party(name: &str, bic: &str) -> String {
    format!("<{name}>{}</{name}>", agent("Agt", bic))
}

fn assignment(id: &str, by: &str) -> String {
    let (from, to) = (party("Assgnr", by), party("Assgne", "BNKZXXAAXXX"));
    format!("<Assgnmt><Id>{id}</Id>{from}{to}<CreDtTm>{AT}</CreDtTm></Assgnmt>")
}

/// A pacs.028 about the payment, by a bank.
fn status_request(by: &str) -> String {
    let head =
        format!("<GrpHdr><MsgId>ASK-{by}</MsgId><CreDtTm>{AT}</CreDtTm>{}</GrpHdr>", agent("InstgAgt", by));
    let one = format!("<TxInf><StsReqId>S1</StsReqId><OrgnlUETR>{UETR}</OrgnlUETR></TxInf>");
    document("pacs.028.001.03", &format!("<FIToFIPmtStsReq>{head}{one}</FIToFIPmtStsReq>"))
}

fn underlying() -> String {
    let group = "<OrgnlGrpInf><OrgnlMsgId>DEMO01</OrgnlMsgId><OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId></OrgnlGrpInf>";
    let why = "<CxlRsnInf><Rsn><Cd>DUPL</Cd></Rsn></CxlRsnInf>";
    format!(
        "<Undrlyg><TxInf><CxlId>C-1</CxlId>{group}<OrgnlUETR>{UETR}</OrgnlUETR>\
         <OrgnlIntrBkSttlmAmt Ccy=\"EUR\">4786.23</OrgnlIntrBkSttlmAmt>{why}</TxInf></Undrlyg>"
    )
}

/// A camt.056 of the payment, by a bank.
fn recall(id: &str, by: &str) -> String {
    let body = format!("<FIToFIPmtCxlReq>{}{}</FIToFIPmtCxlReq>", assignment(id, by), underlying());
    document("camt.056.001.08", &body)
}

/// A camt.056 of all payments of the message DEMO01.
fn recall_of_message(by: &str) -> String {
    let group = "<OrgnlGrpInfAndCxl><GrpCxlId>G-1</GrpCxlId><OrgnlMsgId>DEMO01</OrgnlMsgId>\
                 <OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId><GrpCxl>true</GrpCxl>\
                 <CxlRsnInf><Rsn><Cd>DUPL</Cd></Rsn></CxlRsnInf></OrgnlGrpInfAndCxl>";
    let body =
        format!("<FIToFIPmtCxlReq>{}<Undrlyg>{group}</Undrlyg></FIToFIPmtCxlReq>", assignment("RG", by));
    document("camt.056.001.08", &body)
}

/// A camt.029 that declines the recall, by a bank.
fn refusal(by: &str) -> String {
    let one = format!(
        "<CxlDtls><TxInfAndSts><CxlStsId>N-1</CxlStsId><OrgnlUETR>{UETR}</OrgnlUETR><TxCxlSts>RJCR</TxCxlSts>\
         <CxlStsRsnInf><Rsn><Cd>CUST</Cd></Rsn></CxlStsRsnInf></TxInfAndSts></CxlDtls>"
    );
    let status = "<Sts><Conf>RJCR</Conf></Sts>";
    let body = format!("<RsltnOfInvstgtn>{}{status}{one}</RsltnOfInvstgtn>", assignment("N1", by));
    document("camt.029.001.09", &body)
}

/// A pacs.004 of the payment in full, by a bank.
fn give_back(by: &str) -> String {
    let head = format!(
        "<GrpHdr><MsgId>RTR</MsgId><CreDtTm>{AT}</CreDtTm><NbOfTxs>1</NbOfTxs><SttlmInf><SttlmMtd>CLRG</SttlmMtd>\
         </SttlmInf></GrpHdr>"
    );
    let one = format!(
        "<TxInf><RtrId>RT-1</RtrId><OrgnlUETR>{UETR}</OrgnlUETR>\
         <RtrdIntrBkSttlmAmt Ccy=\"EUR\">4786.23</RtrdIntrBkSttlmAmt><IntrBkSttlmDt>2026-03-16</IntrBkSttlmDt>\
         {}<RtrRsnInf><Rsn><Cd>AC04</Cd></Rsn></RtrRsnInf></TxInf>",
        agent("InstgAgt", by)
    );
    document("pacs.004.001.09", &format!("<PmtRtr>{head}{one}</PmtRtr>"))
}

/// A pacs.002 that accepts the payment, by a bank.
fn acceptance(by: &str) -> String {
    let head =
        format!("<GrpHdr><MsgId>CONF</MsgId><CreDtTm>{AT}</CreDtTm>{}</GrpHdr>", agent("InstgAgt", by));
    let one = format!("<TxInfAndSts><OrgnlUETR>{UETR}</OrgnlUETR><TxSts>ACSP</TxSts></TxInfAndSts>");
    document("pacs.002.001.10", &format!("<FIToFIPmtStsRpt>{head}{one}</FIToFIPmtStsRpt>"))
}

/// An acmt.023 about Alice's account, by a bank.
fn verification(by: &str) -> String {
    let head = format!(
        "<Assgnmt><MsgId>V</MsgId><CreDtTm>{AT}</CreDtTm>{}{}</Assgnmt>",
        party("Assgnr", by),
        party("Assgne", "BNKZXXAAXXX")
    );
    let one = "<Vrfctn><Id>V1</Id><PtyAndAcctId><Acct><Id><Othr><Id>ALICE</Id></Othr></Id></Acct></PtyAndAcctId></Vrfctn>";
    document("acmt.023.001.03", &format!("<IdVrfctnReq>{head}{one}</IdVrfctnReq>"))
}

const EVENT: &str = "<SysEvtNtfctn><EvtInf><EvtCd>PING</EvtCd></EvtInf></SysEvtNtfctn>";

/// A camt.003 without a header: it has no other place for a sender.
fn account_query(account: u64) -> String {
    let criteria = format!(
        "<AcctQryDef><AcctCrit><NewCrit><SchCrit><AcctId><EQ><Othr><Id>{account}</Id></Othr></EQ></AcctId></SchCrit>\
         </NewCrit></AcctCrit></AcctQryDef>"
    );
    let head = format!("<MsgHdr><MsgId>Q{account}</MsgId><CreDtTm>{AT}</CreDtTm></MsgHdr>");
    document("camt.003.001.07", &format!("<GetAcct>{head}{criteria}</GetAcct>"))
}

/// A camt.060 for the position of a bank in EUR, by that bank.
fn reports(by: &str) -> String {
    let head = format!("<GrpHdr><MsgId>REP</MsgId><CreDtTm>{AT}</CreDtTm>{}</GrpHdr>", party("MsgSndr", by));
    let asked = format!(
        "<RptgReq><ReqdMsgNmId>camt.052.001.08</ReqdMsgNmId><Acct><Ccy>EUR</Ccy></Acct>{}</RptgReq>",
        party("AcctOwnr", by)
    );
    document("camt.060.001.07", &format!("<AcctRptgReq>{head}{asked}</AcctRptgReq>"))
}

/// A camt.028 about the payment, by a bank.
fn additional(by: &str) -> String {
    let case = format!("<Case><Id>I-1</Id>{}</Case>", party("Cretr", by));
    let of = format!(
        "<Undrlyg><IntrBk><OrgnlUETR>{UETR}</OrgnlUETR><OrgnlIntrBkSttlmAmt Ccy=\"EUR\">4786.23\
         </OrgnlIntrBkSttlmAmt><OrgnlIntrBkSttlmDt>2026-03-16</OrgnlIntrBkSttlmDt></IntrBk></Undrlyg>"
    );
    let body = format!(
        "<AddtlPmtInf>{}{case}{of}<Inf><RmtInf><Ustrd>for invoice 7</Ustrd></RmtInf></Inf></AddtlPmtInf>",
        assignment("I1", by)
    );
    document("camt.028.001.10", &body)
}

/// A pain.013: the creditor's bank asks a customer of the debtor's bank for 12.50 EUR.
fn request_to_pay(by: &str, debtor: &str) -> String {
    let one = format!(
        "<CdtTrfTx><PmtId><InstrId>I-1</InstrId><EndToEndId>E-1</EndToEndId></PmtId><Amt>\
         <InstdAmt Ccy=\"EUR\">12.50</InstdAmt></Amt><ChrgBr>SLEV</ChrgBr>{}<Cdtr><Nm>Shop</Nm></Cdtr></CdtTrfTx>",
        agent("CdtrAgt", by)
    );
    let block = format!(
        "<PmtInf><PmtInfId>P-1</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt><Dt>2026-03-17</Dt></ReqdExctnDt>\
         <Dbtr><Nm>Anna</Nm></Dbtr>{}{one}</PmtInf>",
        agent("DbtrAgt", debtor)
    );
    let head = format!(
        "<GrpHdr><MsgId>RTP</MsgId><CreDtTm>{AT}</CreDtTm><NbOfTxs>1</NbOfTxs><InitgPty><Nm>Shop</Nm></InitgPty></GrpHdr>"
    );
    document("pain.013.001.07", &format!("<CdtrPmtActvtnReq>{head}{block}</CdtrPmtActvtnReq>"))
}

/// The pain.014 that accepts it, to the message under which it was passed on.
fn consent(by: &str, asked: &str) -> String {
    let head = format!(
        "<GrpHdr><MsgId>YES</MsgId><CreDtTm>{AT}</CreDtTm><InitgPty><Nm>Bank</Nm></InitgPty>{}</GrpHdr>",
        agent("DbtrAgt", by)
    );
    let group = format!(
        "<OrgnlGrpInfAndSts><OrgnlMsgId>{asked}</OrgnlMsgId><OrgnlMsgNmId>pain.013</OrgnlMsgNmId></OrgnlGrpInfAndSts>"
    );
    let one = "<OrgnlPmtInfAndSts><OrgnlPmtInfId>P-1</OrgnlPmtInfId><TxInfAndSts><OrgnlEndToEndId>E-1\
               </OrgnlEndToEndId><TxSts>ACCP</TxSts></TxInfAndSts></OrgnlPmtInfAndSts>";
    document(
        "pain.014.001.07",
        &format!("<CdtrPmtActvtnReqStsRpt>{head}{group}{one}</CdtrPmtActvtnReqStsRpt>"),
    )
}

fn send_to(house: &House, who: &str, path: &str, text: &[u8]) -> Answer {
    let who = format!("Bearer {who}");
    house.send("POST", path, &[("authorization", &who), ("content-type", "application/xml")], text)
}

fn send(house: &House, who: &str, text: &str) -> Answer {
    send_to(house, who, "/v1/iso20022", text.as_bytes())
}

/// The text of an answer with a status.
fn text(answer: Answer, status: u16) -> String {
    let text = String::from_utf8(answer.body).expect("UTF-8");
    assert_eq!(answer.status, status, "{text}");
    text
}

fn assert_says(text: &str, all: &[&str]) {
    all.iter().for_each(|one| assert!(text.contains(one), "{one} in {text}"));
}

/// The messages that wait for a bank: names and kinds, in order.
fn waiting(house: &House, who: &str) -> Vec<(String, String)> {
    let listed = house.get(who, "/v1/iso20022/messages").with(200);
    let one = |message: &Value| {
        let field = |name: &str| message[name].as_str().expect("a text").to_owned();
        (field("message"), field("type"))
    };
    listed["messages"].as_array().expect("a list").iter().map(one).collect()
}

fn kinds(house: &House, who: &str) -> Vec<String> {
    waiting(house, who).into_iter().map(|(_, kind)| kind).collect()
}

/// The text of a bank's newest message.
fn newest(house: &House, who: &str) -> String {
    let (name, _) = waiting(house, who).pop().expect("a message");
    let answer = house.get(who, &format!("/v1/iso20022/messages/{name}"));
    assert_eq!(answer.head("content-type"), Some("application/xml"));
    text(answer, 200)
}

fn paid() -> House {
    let house = House::new();
    assert_says(&text(send_to(&house, "a", "/v1/iso20022", &pacs008()), 200), &["<TxSts>ACSP</TxSts>"]);
    house.seal();
    house
}

#[test]
fn what_only_asks_is_answered_in_the_connection_and_leaves_no_file() {
    let house = paid();
    let rows = [
        (
            status_request(A),
            vec!["pacs.002.001", "<TxSts>ACSP</TxSts>", "<OrgnlMsgId>ASK-BNKAXXAAXXX</OrgnlMsgId>"],
        ),
        (verification(A), vec!["acmt.024.001.03", "<Vrfctn>true</Vrfctn>"]),
        (document("admi.004.001.02", EVENT), vec!["admi.011.001.01", "<EvtCd>PING</EvtCd>"]),
        (account_query(0), vec!["camt.004.001", "<Cd>BOOK</Cd>"]),
        (account_query(1), vec!["camt.004.001", "UNKNOWN ACCOUNT"]),
        (reports(A), vec!["camt.052.001.08", "<ElctrncSeqNb>1</ElctrncSeqNb>"]),
    ];
    let before = files(&house);
    for (message, told) in &rows {
        let told_to_a = text(send(&house, "a", message), 200);
        assert_says(&told_to_a, told);
    }
    assert_eq!(files(&house), before);
    assert_eq!(send(&house, "a", &document("camt.054.001.08", "<x/>")).status, 400);
}

/// All files of the work directory.
fn files(house: &House) -> Vec<String> {
    let mut names = Vec::new();
    for folder in std::fs::read_dir(house.files().work.root()).expect("there") {
        let folder = folder.expect("there").path();
        for file in std::fs::read_dir(&folder).expect("a folder") {
            names.push(file.expect("there").path().display().to_string());
        }
    }
    names.sort();
    names
}

#[test]
fn a_recall_waits_for_the_other_bank_and_its_answer_for_the_first() {
    let house = paid();
    let asked = recall("R1", A);
    let first = text(send(&house, "a", &asked), 200);
    assert_says(&first, &["camt.029.001", "PDCR", "PTNA"]);
    assert_says(&text(send(&house, "a", &asked), 200), &["PDCR", "PTNA"]);
    assert_eq!(
        (kinds(&house, "b"), kinds(&house, "a"), kinds(&house, "c")),
        (vec!["camt.056".into()], vec![], vec![])
    );
    assert_says(&newest(&house, "b"), &["camt.056.001.08", UETR, "<Cd>DUPL</Cd>", "<Id>C-1</Id>"]);
    for _ in 0..2 {
        assert_eq!(text(send(&house, "b", &refusal(B)), 204), "");
    }
    assert_eq!(kinds(&house, "a"), ["camt.029"], "the same answer again is the same message");
    assert_says(&newest(&house, "a"), &["RJCR", "<Cd>CUST</Cd>"]);
    assert_says(&text(send(&house, "b", &give_back(B)), 200), &["pacs.002.001", "<TxSts>ACSP</TxSts>"]);
    assert_eq!(kinds(&house, "a"), ["camt.029", "pacs.004"], "oldest first");
    assert_says(&newest(&house, "a"), &["pacs.004.001.09", "<Cd>AC04</Cd>"]);
}

#[test]
fn investigations_and_requests_to_pay_go_to_the_other_bank_and_come_back() {
    let house = paid();
    assert_eq!(text(send(&house, "a", &additional(A)), 204), "");
    assert_says(&newest(&house, "b"), &["camt.028.001.10", "for invoice 7"]);
    assert_says(&text(send(&house, "b", &request_to_pay(B, A)), 200), &["pain.014.001.07", "ACTC"]);
    let (name, kind) = waiting(&house, "a").pop().expect("a message");
    assert_eq!(kind, "pain.013");
    let asked = name.split('.').next().expect("an id");
    assert_eq!(text(send(&house, "a", &consent(A, asked)), 204), "");
    assert_says(&newest(&house, "b"), &["pain.014.001.07", "ACCP", "E-1"]);
    let said = text(send(&house, "a", &consent(A, "FQP00")), 200);
    assert_says(&said, &["admi.002.001", "IRNR"]);
}

#[test]
fn an_instant_payment_is_confirmed_over_the_connection_and_its_sender_told() {
    let house = House::new();
    let sent = text(send_to(&house, "a", "/v1/iso20022?handling=instant", &pacs008()), 200);
    assert_says(&sent, &["<TxSts>PDNG</TxSts>"]);
    assert_eq!((kinds(&house, "b"), kinds(&house, "a")), (vec!["pacs.008".into()], vec![]));
    house.seal();
    // As if there were no such payment, whoever C says that it is.
    for by in [C, B] {
        assert_eq!(text(send(&house, "c", &acceptance(by)), 204), "", "{by}");
    }
    assert_says(&text(send(&house, "b", &acceptance(B)), 200), &["pacs.002.001.10", "<TxSts>ACSP</TxSts>"]);
    house.seal();
    let round = feiqian_files::intake(house.engine(), house.files()).expect("a round of the watch");
    assert_eq!((round.decided, kinds(&house, "a")), (1, vec!["pacs.002".into()]));
    assert_says(&newest(&house, "a"), &["<TxSts>ACSP</TxSts>", UETR]);
    assert_eq!(
        house
            .send(
                "POST",
                "/v1/iso20022?handling=later",
                &[("authorization", "Bearer a"), ("content-type", "text/xml")],
                b"<x/>"
            )
            .status,
        422
    );
}

#[test]
fn i7_a_message_is_its_senders_who_has_proven_to_be() {
    let house = paid();
    let nobody = |answer: Answer| {
        let said = text(answer, 200);
        assert!(said.contains("AGNT"), "{said}");
        assert!(!said.contains("PDCR") && !said.contains("ACSP") && !said.contains("ACTC"), "{said}");
        assert!(!said.contains("4786.23<") || said.contains("OrgnlIntrBkSttlmAmt"), "{said}");
    };
    // C says that it is another bank.
    nobody(send(&house, "c", &status_request(A)));
    nobody(send(&house, "c", &recall("R1", A)));
    nobody(send(&house, "c", &recall_of_message(A)));
    nobody(send(&house, "c", &give_back(B)));
    nobody(send(&house, "c", &verification(A)));
    nobody(send(&house, "c", &reports(A)));
    nobody(send(&house, "c", &additional(A)));
    nobody(send(&house, "c", &request_to_pay(B, A)));
    // C says who it is, of what is another's: as if it were not there.
    for (message, code) in [
        (status_request(C), "AG09"),
        (recall("R1", C), "NOOR"),
        (give_back(C), "AG09"),
        (additional(C), "NOOR"),
    ] {
        let said = text(send(&house, "c", &message), 200);
        assert!(said.contains(code), "{said}");
    }
    assert_says(&text(send(&house, "c", &account_query(0)), 200), &["UNKNOWN ACCOUNT"]);
    assert!([("a"), ("b"), ("c")].iter().all(|bank| waiting(&house, bank).is_empty()));
    // The recall is A's; C can't answer it in B's name, nor is told of it.
    assert_says(&text(send(&house, "a", &recall("R1", A)), 200), &["PDCR"]);
    for by in [B, C] {
        assert_eq!(text(send(&house, "c", &refusal(by)), 204), "");
    }
    assert_eq!(kinds(&house, "a"), [""; 0]);
    let (name, _) = waiting(&house, "b").pop().expect("the recall");
    for (who, status) in
        [("b", 200), ("b-viewer", 200), ("a", 404), ("c", 404), ("auditor", 200), ("nobody", 401)]
    {
        assert_eq!(house.get(who, &format!("/v1/iso20022/messages/{name}")).status, status, "{who}");
    }
    house.get("c", &format!("/v1/iso20022/messages?participant={B}")).problem(404);
    assert_eq!(waiting(&house, "auditor").len(), 1);
    for none in ["FQF1.BNKBXXAAXXX.camt.056", "..%2Foutbox%2Fx", "FQF1.BNKNXXAAXXX.camt.056"] {
        house.get("b", &format!("/v1/iso20022/messages/{none}")).problem(404);
    }
}

#[test]
fn a_message_is_recalled_as_a_whole_by_who_has_sent_it_and_nobody_takes_its_name() {
    let house = House::new();
    // C hands in A's message first: each payment is refused, and the name stays free.
    assert_says(&text(send_to(&house, "c", "/v1/iso20022", &pacs008()), 200), &["AGNT"]);
    assert_says(&text(send_to(&house, "a", "/v1/iso20022", &pacs008()), 200), &["ACSP"]);
    house.seal();
    assert_says(&text(send(&house, "a", &recall_of_message(A)), 200), &["PDCR"]);
    assert_eq!(kinds(&house, "b"), ["camt.056"]);
}

#[test]
fn messages_come_page_by_page_and_go_on_where_one_has_stopped() {
    let house = paid();
    assert_eq!(house.get("b", "/v1/iso20022/messages").with(200)["next"], Value::Null);
    send(&house, "a", &additional(A));
    send(&house, "a", &recall("R1", A));
    let first = house.get("b", "/v1/iso20022/messages?limit=1").with(200);
    let next = first["next"].as_str().expect("a place").to_owned();
    assert_eq!(
        (&first["messages"][0]["type"], &first["messages"][0]["place"]),
        (&"camt.028".into(), &first["next"])
    );
    let second = house.get("b", &format!("/v1/iso20022/messages?limit=1&after={next}")).with(200);
    assert_eq!(second["messages"][0]["type"], "camt.056");
    let next = second["next"].as_str().expect("a place").to_owned();
    let at_end = house.get("b", &format!("/v1/iso20022/messages?after={next}")).with(200);
    assert_eq!((&at_end["messages"], &at_end["next"]), (&Value::Array(vec![]), &second["next"]));
    assert_eq!(house.get("b", "/v1/iso20022/messages?after=7").problem(422).2, "parameter after");
}

#[test]
fn what_can_not_be_read_is_answered_as_the_house_does() {
    let house = House::new();
    let before = files(&house);
    assert_says(&text(send(&house, "a", "<Document>"), 400), &["admi.002.001"]);
    // A reject is never answered by a reject.
    let (kind, ..) = send(&house, "a", &document("admi.002.001.01", "<admi.002.001.01/>")).problem(400);
    assert_eq!(kind, "malformed_body");
    assert_eq!(files(&house), before);
}

#[test]
fn one_recall_of_many_at_once_is_taken_and_all_others_are_told_so() {
    let house = paid();
    let answers: Vec<String> = std::thread::scope(|scope| {
        let house = &house;
        let sending: Vec<_> = (0..8)
            .map(|number| scope.spawn(move || text(send(house, "a", &recall(&format!("R{number}"), A)), 200)))
            .collect();
        sending.into_iter().map(|sent| sent.join().expect("answered")).collect()
    });
    let taken = answers.iter().filter(|said| said.contains("PTNA")).count();
    assert_eq!((taken, kinds(&house, "b").len()), (1, 1), "{answers:?}");
    assert!(answers.iter().all(|said| said.contains("PTNA") || said.contains("NARR")));
}
