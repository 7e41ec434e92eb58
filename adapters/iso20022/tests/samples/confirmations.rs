//! A creditor's bank confirms or rejects: what statuses of transactions and groups decide, and hostile variants of what
//! comes after a payment.

use feiqian_iso20022::codes::{self, Verdict};
use feiqian_iso20022::recall::Recall;
use feiqian_iso20022::resolution::Resolution;
use feiqian_iso20022::status::StatusReport;
use feiqian_iso20022::status_request::StatusRequest;
use feiqian_iso20022::{ErrorCode, Limits, MessageType, write};

use crate::after::read_returns;
use crate::after_written;

fn report(version: &str, body: &str) -> StatusReport {
    let text = format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:{version}\"><FIToFIPmtStsRpt><GrpHdr><MsgId>M-1</MsgId>\
         <CreDtTm>2026-03-16T08:00:01Z</CreDtTm></GrpHdr>{body}</FIToFIPmtStsRpt></Document>"
    );
    StatusReport::read(text.as_bytes(), Limits::default()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// `OrgnlGrpInfAndSts` of the message `id`, and `TxInfAndSts` of the payment `id`, each with more inside.
fn group(id: &str, more: &str) -> String {
    format!(
        "<OrgnlGrpInfAndSts><OrgnlMsgId>{id}</OrgnlMsgId><OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId>{more}\
         </OrgnlGrpInfAndSts>"
    )
}

fn payment(id: &str, more: &str) -> String {
    format!("<TxInfAndSts><OrgnlTxId>{id}</OrgnlTxId>{more}</TxInfAndSts>")
}

fn reason(code: &str) -> String {
    format!("<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>")
}

/// What is decided, with the first reason's code; or why the status is refused.
type Decided<'a> = Result<(Verdict, Option<&'a str>), codes::ReasonCode>;

#[test]
fn a_status_confirms_rejects_or_leaves_a_payment_waiting() {
    let accepted = |sts: &str| payment("T-1", &format!("<TxSts>{sts}</TxSts>"));
    let rows: Vec<(String, Decided<'_>)> = vec![
        (accepted("ACCP"), Ok((Verdict::Accepted, None))),
        (accepted("ACSC"), Ok((Verdict::Accepted, None))),
        (accepted("ACWP"), Ok((Verdict::Accepted, None))),
        (accepted("ACCC"), Ok((Verdict::Accepted, None))),
        (accepted("ACTC"), Ok((Verdict::Pending, None))),
        (accepted("PDNG"), Ok((Verdict::Pending, None))),
        (accepted("XXXX"), Err(codes::CH16)),
        (accepted("RJCT"), Err(codes::CH21)),
        (
            payment("T-1", &format!("<TxSts>RJCT</TxSts>{}", reason("AC04"))),
            Ok((Verdict::Rejected, Some("AC04"))),
        ),
        (payment("T-1", ""), Err(codes::CH21)),
        (group("G-1", "<GrpSts>ACCP</GrpSts>") + &payment("T-1", ""), Ok((Verdict::Accepted, None))),
        (
            group("G-1", &format!("<GrpSts>RJCT</GrpSts>{}", reason("AB05"))) + &payment("T-1", ""),
            Ok((Verdict::Rejected, Some("AB05"))),
        ),
        (group("G-1", "<GrpSts>RJCT</GrpSts>") + &accepted("ACCP"), Ok((Verdict::Accepted, None))),
        (group("G-1", "<GrpSts>ACCP</GrpSts>"), Ok((Verdict::Accepted, None))),
        (group("G-1", "<GrpSts>RJCT</GrpSts>"), Err(codes::CH21)),
        ("<TxInfAndSts><TxSts>ACCP</TxSts></TxInfAndSts>".to_owned(), Err(codes::CH21)),
        (payment("T-1", "<ClrSysRef>C-1</ClrSysRef>"), Err(codes::CH21)),
    ];
    for version in ["pacs.002.001.03", "pacs.002.001.10", "pacs.002.001.16"] {
        // In the old version a report must name the message.
        for (body, expected) in
            rows.iter().filter(|row| version >= "pacs.002.001.10" || row.0.starts_with("<Orgnl"))
        {
            let report = report(version, body);
            let confirmations = report.confirmations();
            let [found] = confirmations.as_slice() else { panic!("one confirmation: {body}") };
            let found = found.as_ref().map_err(|refusal| refusal.code).map(|found| {
                let code = found.reasons.first().and_then(|reason| reason.code.as_deref());
                assert_eq!(found.verdict, found.status.verdict());
                assert_eq!(found.is_of_message(), report.transactions.is_empty());
                (found.verdict, code)
            });
            assert_eq!(found, *expected, "{version} {body}");
            assert_eq!(report.refusals(), []);
        }
    }
}

#[test]
fn a_confirmation_belongs_to_the_group_that_it_names() {
    let named =
        "<OrgnlGrpInf><OrgnlMsgId>G-2</OrgnlMsgId><OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId></OrgnlGrpInf>";
    let body = group("G-1", "<GrpSts>ACCP</GrpSts>")
        + &group("G-2", &format!("<GrpSts>RJCT</GrpSts>{}", reason("AC06")))
        + &format!("<TxInfAndSts>{named}<OrgnlTxId>T-1</OrgnlTxId></TxInfAndSts>")
        + &payment("T-2", "");
    let confirmations = report("pacs.002.001.10", &body).confirmations();
    let [first, second] = confirmations.as_slice() else { panic!("two") };
    let first = first.as_ref().expect("the second group's");
    assert_eq!(first.original_message.as_ref().map(|message| message.message_id.as_str()), Some("G-2"));
    assert_eq!((first.verdict, first.reasons[0].known()), (Verdict::Rejected, Some(codes::AC06)));
    assert_eq!(second.as_ref().map_err(|refusal| refusal.code).map(|_| ()), Err(codes::CH21), "whose is it?");
}

/// A message of each kind, as written.
pub(crate) fn texts() -> [String; 4] {
    let message = |id| MessageType::parse(id).expect("supported");
    let (head, returns) = after_written::returns(message("pacs.004.001.09"));
    let recall = after_written::recall(message("camt.056.001.08"));
    let answer = after_written::resolution(message("camt.029.001.09"));
    let request = after_written::status_request(message("pacs.028.001.03"));
    [
        write::to_text(|out| write::pacs004(out, &head, &returns)).expect("written"),
        write::to_text(|out| write::camt056(out, &recall)).expect("written"),
        write::to_text(|out| write::camt029(out, &answer)).expect("written"),
        write::to_text(|out| write::pacs028(out, &request)).expect("written"),
    ]
}

/// What each reader says of the bytes.
pub(crate) fn codes_of(bytes: &[u8]) -> [Option<ErrorCode>; 4] {
    let limits = Limits::default();
    [
        read_returns(bytes).err().map(|error| error.code),
        Recall::read(bytes, limits).err().map(|error| error.code),
        Resolution::read(bytes, limits).err().map(|error| error.code),
        StatusRequest::read(bytes, limits).err().map(|error| error.code),
    ]
}

#[test]
fn each_reader_takes_its_own_message_and_no_other() {
    for (own, text) in texts().iter().enumerate() {
        for (reader, code) in codes_of(text.as_bytes()).into_iter().enumerate() {
            let expected = (reader != own).then_some(ErrorCode::WrongMessage);
            assert_eq!(code, expected, "reader {reader} of message {own}");
        }
    }
    let error = Recall::read(texts()[3].as_bytes(), Limits::default()).expect_err("no recall");
    assert_eq!(error.message, "pacs.028.001.03 is no recall; send a camt.056");
}

/// Attacks on each of the four, in the order of [`texts`]: what is replaced by what, and how that must end.
const ATTACKS: &[(usize, &str, &str, ErrorCode)] = &[
    (
        0,
        "<RtrdIntrBkSttlmAmt Ccy=\"KWD\">12.300<",
        "<RtrdIntrBkSttlmAmt Ccy=\"KWD\">-1<",
        ErrorCode::InvalidValue,
    ),
    (0, "<RtrdIntrBkSttlmAmt Ccy=\"KWD\">", "<RtrdIntrBkSttlmAmt>", ErrorCode::MissingAttribute),
    (0, "<OrgnlUETR>", "<OrgnlUETR>x", ErrorCode::InvalidValue),
    (0, "<Cd>AC04</Cd>", "<Cd>AC040</Cd>", ErrorCode::InvalidValue),
    (0, "<Cd>AC04</Cd>", "<Cd>AC04</Cd><Prtry>x</Prtry>", ErrorCode::UnexpectedElement),
    (0, "<RtrRsnInf>", "<Rsn>", ErrorCode::UnexpectedElement),
    (1, "<Undrlyg>", "<Undrlyg>text", ErrorCode::UnexpectedText),
    (1, "<CxlId>", "<CaseId>1</CaseId><CxlId>", ErrorCode::UnexpectedElement),
    (1, "<Assgnr>", "<Assgnr><Agt/>", ErrorCode::MissingElement),
    (1, "<Id>RECALL-1</Id>", "", ErrorCode::MissingElement),
    (1, "<GrpCxl>true<", "<GrpCxl>yes<", ErrorCode::InvalidValue),
    (2, "<Conf>RJCR<", "<Conf>REJECTED<", ErrorCode::InvalidValue),
    (2, "<TxCxlSts>RJCR<", "<TxCxlSts>CNCL<", ErrorCode::InvalidValue),
    (2, "<Sts>", "<Sts><AssgnmtCxlConf>true</AssgnmtCxlConf>", ErrorCode::UnexpectedElement),
    (3, "<OrgnlUETR>", "<OrgnlUETR>&bomb;", ErrorCode::Entity),
    (3, "<AccptncDtTm>2026", "<AccptncDtTm>26", ErrorCode::InvalidValue),
    (3, "<StsReqId>SR-1<", "<StsReqId>0123456789012345678901234567890123456<", ErrorCode::InvalidValue),
    (3, "</Document>", "</Document><Document/>", ErrorCode::UnsupportedMessage),
];

#[test]
fn attacks_on_what_comes_after_a_payment_fail_with_their_code() {
    let texts = texts();
    for (place, from, to, code) in ATTACKS {
        let attacked = texts[*place].replacen(from, to, 1);
        assert_ne!(attacked, texts[*place], "{from} is not there");
        assert_eq!(codes_of(attacked.as_bytes())[*place], Some(*code), "{from} as {to}");
    }
    for text in &texts {
        let end = text.rfind('>').expect("it ends with a tag");
        for length in (0..=end).filter(|length| text.is_char_boundary(*length)) {
            assert!(codes_of(&text.as_bytes()[..length]).iter().all(Option::is_some), "cut at {length}");
        }
    }
}

/// What is replaced by what in a pacs.004, and the refusals as `place:code`.
const VARIANTS: &[(&str, &str, &str)] = &[
    ("<NbOfTxs>2<", "<NbOfTxs>3<", "file:AM18"),
    ("<CtrlSum>12.345<", "<CtrlSum>12.3<", "file:AM10"),
    ("<TtlRtrdIntrBkSttlmAmt Ccy=\"KWD\">", "<TtlRtrdIntrBkSttlmAmt Ccy=\"EUR\">", "file:CURR"),
    ("Ccy=\"KWD\">12.300<", "Ccy=\"KWD\">12.3001<", "file:AM10 file:AM10 1:AM12"),
    ("<RtrId>RTR-1</RtrId>", "", ""),
    ("<OrgnlTxId>TX-9</OrgnlTxId>", "<OrgnlEndToEndId>NOTPROVIDED</OrgnlEndToEndId>", "2:CH21"),
    ("<RtrRsnInf><Rsn><Prtry>OWN-1</Prtry></Rsn></RtrRsnInf>", "", "2:CH21"),
    ("<TxInf><OrgnlTxId>TX-9", "<TxInf><RtrId>RTR-1</RtrId><OrgnlTxId>TX-9", "2:DU03"),
    (
        "<BICFI>CLRHXXAAXXX</BICFI></FinInstnId></InstgAgt><InstdAgt><FinInstnId><BICFI>BNKA",
        "<BICFI>BNKDXXAAXXX</BICFI></FinInstnId></InstgAgt><InstdAgt><FinInstnId><BICFI>BNKA",
        "file:AGNT 1:AGNT 2:AGNT",
    ),
    ("<MsgDefIdr>pacs.004.001.09<", "<MsgDefIdr>pacs.004.001.10<", "file:FF01"),
];

#[test]
fn variants_of_a_return_are_refused_with_their_code_and_nothing_else() {
    let text = &texts()[0];
    for (from, to, expected) in VARIANTS {
        let variant = text.replacen(from, to, 1);
        assert_ne!(variant, *text, "{from} is not there");
        let (summary, entries) =
            read_returns(variant.as_bytes()).unwrap_or_else(|error| panic!("{to}: {error}"));
        let file = summary.refusals.iter().map(|refusal| format!("file:{}", refusal.code));
        let single = entries.iter().filter_map(|entry| match entry {
            feiqian_iso20022::returns::ReturnEntry::Refused(one) => {
                Some(format!("{}:{}", one.index, one.refusal.code))
            }
            feiqian_iso20022::returns::ReturnEntry::Return(_) => None,
        });
        assert_eq!(file.chain(single).collect::<Vec<String>>().join(" "), *expected, "{to}");
    }
    let group = "<OrgnlGrpInf><OrgnlMsgId>G-1</OrgnlMsgId><OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId><RtrRsnInf><Rsn>\
                 <Cd>FOCR</Cd></Rsn><AddtlInf>long</AddtlInf></RtrRsnInf><RtrRsnInf><Rsn><Cd>AC06</Cd></Rsn></RtrRsnInf>\
                 </OrgnlGrpInf>";
    let inherited = text.replacen("<RtrRsnInf><Rsn><Prtry>OWN-1</Prtry></Rsn></RtrRsnInf>", "", 1);
    let inherited = inherited.replacen("<TxInf>", &format!("{group}<TxInf>"), 1);
    let (_, entries) = read_returns(inherited.as_bytes()).expect("readable");
    let feiqian_iso20022::returns::ReturnEntry::Return(one) = &entries[1] else { panic!("{:?}", entries[1]) };
    let reasons: Vec<Option<codes::ReasonCode>> = one.details.reasons.iter().map(|one| one.known()).collect();
    assert_eq!(
        (reasons.as_slice(), one.details.reasons[0].additional.len()),
        ([Some(codes::FOCR)].as_slice(), 0)
    );
    assert_eq!(one.details.original_message.as_ref().map(|message| message.message_id.as_str()), Some("G-1"));
    let body_start = text.find("<TxInf>").expect("a return");
    let body_end = text.rfind("</TxInf>").expect("a return") + "</TxInf>".len();
    let whole = format!("{}{}", &text[..body_start], &text[body_end..]);
    let whole = whole.replacen("</CtrlSum>", "</CtrlSum><GrpRtr>true</GrpRtr>", 1);
    let (summary, entries) = read_returns(whole.as_bytes()).expect("readable");
    assert_eq!(
        (summary.refusals[0].code, entries.len()),
        (codes::AG03, 0),
        "a group is not returned unnamed"
    );
}

#[test]
fn what_is_read_whole_is_bounded() {
    let texts = texts();
    let many = feiqian_iso20022::limits::WHOLE_ITEMS_MAX;
    let crowds = [
        (1, "<TxInf>", "<TxInf></TxInf>"),
        (2, "<TxInfAndSts>", "<TxInfAndSts></TxInfAndSts>"),
        (3, "<TxInf>", "<TxInf></TxInf>"),
        (1, "<AddtlInf>", "<AddtlInf>x</AddtlInf>"),
    ];
    for (place, at, item) in crowds {
        let crowded = texts[place].replacen(at, &format!("{}{at}", item.repeat(many)), 1);
        assert_eq!(codes_of(crowded.as_bytes())[place], Some(ErrorCode::TooMany), "{at}");
    }
    let lines = "<RtrRsnInf></RtrRsnInf>".repeat(feiqian_iso20022::limits::ENTRY_ITEMS_MAX);
    let crowded = texts[0].replacen("<RtrRsnInf>", &format!("{lines}<RtrRsnInf>"), 1);
    assert_eq!(codes_of(crowded.as_bytes())[0], Some(ErrorCode::TooMany));
    let few = Limits { transactions_max: 1, ..Limits::default() };
    let mut reader =
        feiqian_iso20022::returns::ReturnReader::new(texts[0].as_bytes(), few).expect("a good head");
    assert!(reader.next_return().is_ok_and(|entry| entry.is_some()));
    assert_eq!(reader.next_return().map_err(|error| error.code), Err(ErrorCode::TooMany));
}
