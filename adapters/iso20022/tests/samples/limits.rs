//! Bounds: what is over one is refused with a reason, and a long file streams in little memory (I6).

use std::io::{BufReader, Read};

use feiqian_iso20022::limits::{
    ATTRIBUTES_MAX, DEPTH_MAX, NAME_BYTES_MAX, NAMESPACES_MAX, REPORT_ITEMS_MAX, TOKEN_BYTES_MAX,
};
use feiqian_iso20022::status::StatusReport;
use feiqian_iso20022::transfers::{TransferReader, check, identify};
use feiqian_iso20022::write;
use feiqian_iso20022::{ErrorCode, Limits};

use crate::data;

fn fixture() -> String {
    data::text(&data::fixtures().join("pacs.008.xml"))
}

fn code(text: &str, limits: Limits) -> Option<ErrorCode> {
    check(text.as_bytes(), limits).err().map(|error| error.code)
}

#[test]
fn nesting_deeper_than_the_limit_is_refused_wherever_it_is() {
    let deep = |levels: usize| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
    assert_eq!(code(&deep(DEPTH_MAX), Limits::default()), Some(ErrorCode::NoDocument));
    assert_eq!(code(&deep(DEPTH_MAX + 1), Limits::default()), Some(ErrorCode::TooDeep));
    let supplementary = |levels| {
        let data = format!("<SplmtryData><Envlp>{}</Envlp></SplmtryData></CdtTrfTxInf>", deep(levels));
        fixture().replacen("</CdtTrfTxInf>", &data, 1)
    };
    assert_eq!(code(&supplementary(20), Limits::default()), None);
    assert_eq!(code(&supplementary(5_000), Limits::default()), Some(ErrorCode::TooDeep));
}

#[test]
fn a_token_over_the_limit_is_refused_before_it_is_held() {
    let long = "x".repeat(TOKEN_BYTES_MAX + 1);
    let spots = [
        ("Anna Example", long.clone()),
        ("<GrpHdr>", format!("<!--{long}--><GrpHdr>")),
        ("<GrpHdr>", format!("<GrpHdr a=\"{long}\">")),
        ("<GrpHdr>", format!("<?x {long}?><GrpHdr>")),
        ("Anna Example", format!("<![CDATA[{long}]]>")),
        ("Anna Example", "&#120;".repeat(TOKEN_BYTES_MAX + 1)),
    ];
    for (from, to) in spots {
        assert_eq!(code(&fixture().replacen(from, &to, 1), Limits::default()), Some(ErrorCode::TooLarge));
    }
}

#[test]
fn attributes_and_namespaces_are_counted() {
    let attributes: String = (0..=ATTRIBUTES_MAX).map(|number| format!(" a{number}=\"1\"")).collect();
    let attributed = fixture().replacen("<GrpHdr>", &format!("<GrpHdr{attributes}>"), 1);
    assert_eq!(code(&attributed, Limits::default()), Some(ErrorCode::TooMany));
    let wrappers = |count: usize| {
        let open: String = (0..count).map(|number| format!("<a xmlns=\"urn:{number}\"></a>")).collect();
        format!("<w>{open}</w>")
    };
    assert_eq!(code(&wrappers(NAMESPACES_MAX - 2), Limits::default()), Some(ErrorCode::NoDocument));
    assert_eq!(code(&wrappers(NAMESPACES_MAX), Limits::default()), Some(ErrorCode::TooMany));
}

#[test]
fn names_and_long_reports_are_bounded() {
    let long = "n".repeat(NAME_BYTES_MAX + 1);
    assert_eq!(code(&format!("<w><{long}/></w>"), Limits::default()), Some(ErrorCode::TooLarge));
    assert_eq!(code(&format!("<w xmlns=\"{long}\"/>"), Limits::default()), Some(ErrorCode::TooLarge));
    assert_eq!(code(&format!("<w xmlns:{long}=\"a\"/>"), Limits::default()), Some(ErrorCode::TooLarge));
    let report = crate::round_trip::report("pacs.002.001.10");
    let text = write::to_text(|out| write::pacs002(out, &report)).expect("written");
    let lines = "<AddtlInf>x</AddtlInf>".repeat(REPORT_ITEMS_MAX);
    let text = text.replacen("<AddtlInf>", &format!("{lines}<AddtlInf>"), 1);
    let error = StatusReport::read(text.as_bytes(), Limits::default()).expect_err("too many lines");
    assert_eq!(error.code, ErrorCode::TooMany);
}

#[test]
fn a_fault_is_repeated_and_nothing_is_read_past_it() {
    let broken = fixture().replacen("<ChrgBr>SLEV</ChrgBr>", "<ChrgBr>NONE</ChrgBr>", 1);
    let mut reader = TransferReader::new(broken.as_bytes(), Limits::default()).expect("a good head");
    let first = reader.next_transfer().expect_err("no such code");
    assert_eq!(first.code, ErrorCode::InvalidValue);
    for _ in 0..3 {
        assert_eq!(reader.next_transfer().map(|_| ()), Err(first.clone()));
    }
    assert_eq!(reader.finish(), Err(first));
    let few = Limits { transactions_max: 1, ..Limits::default() };
    let text = fixture();
    let mut reader = TransferReader::new(text.as_bytes(), few).expect("a good head");
    assert!(reader.next_transfer().is_ok_and(|entry| entry.is_some()));
    let over = reader.next_transfer().expect_err("a second one");
    assert_eq!((over.code, reader.finish().map(|_| ())), (ErrorCode::TooMany, Err(over)));
}

#[test]
fn a_message_is_identified_without_reading_on() {
    let text = fixture();
    let head = text.split_once("<GrpHdr>").expect("a group header").0;
    let (message, business) = identify(head.as_bytes(), Limits::default()).expect("enough");
    assert_eq!((message.identifier(), business), ("pacs.008.001.08", None));
}

#[test]
fn the_limits_of_an_operator_are_kept() {
    let text = fixture();
    let size = u64::try_from(text.len()).expect("small");
    assert_eq!(code(&text, Limits { file_bytes_max: size, ..Limits::default() }), None);
    let over = Limits { file_bytes_max: size / 2, ..Limits::default() };
    assert_eq!(code(&text, over), Some(ErrorCode::TooLarge));
    let few = Limits { transactions_max: 1, ..Limits::default() };
    assert_eq!(code(&text, few), Some(ErrorCode::TooMany));
    let short = Limits { transaction_bytes_max: 500, ..Limits::default() };
    assert_eq!(code(&text, short), Some(ErrorCode::TooLarge));
}

#[test]
fn a_transaction_without_end_is_stopped() {
    let lines = "<Ustrd>line</Ustrd>".repeat(300_000);
    let endless = fixture().replacen("<Ustrd>", &format!("{lines}<Ustrd>"), 1);
    assert_eq!(code(&endless, Limits::default()), Some(ErrorCode::TooLarge));
}

/// Makes a file on the fly: a head, one transaction again and again, a tail.
struct Generated {
    head: Vec<u8>,
    count: u32,
    next: u32,
    buffer: Vec<u8>,
    at: usize,
}

impl Read for Generated {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.buffer.len() {
            self.buffer.clear();
            self.at = 0;
            if self.next == 0 {
                self.buffer.append(&mut self.head);
            } else if self.next <= self.count {
                self.buffer.extend_from_slice(transaction(self.next).as_bytes());
            } else if self.next == self.count + 1 {
                self.buffer.extend_from_slice(b"</FIToFICstmrCdtTrf></Document>");
            }
            self.next += 1;
        }
        let count = out.len().min(self.buffer.len() - self.at);
        out[..count].copy_from_slice(&self.buffer[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

fn transaction(number: u32) -> String {
    let agent = "<FinInstnId><BICFI>BNKAXXAAXXX</BICFI></FinInstnId>";
    format!(
        "<CdtTrfTxInf><PmtId><EndToEndId>E{number}</EndToEndId><TxId>T{number}</TxId></PmtId>\
         <IntrBkSttlmAmt Ccy=\"EUR\">0.01</IntrBkSttlmAmt><ChrgBr>SLEV</ChrgBr><Dbtr><Nm>A</Nm></Dbtr>\
         <DbtrAgt>{agent}</DbtrAgt><CdtrAgt>{agent}</CdtrAgt><Cdtr><Nm>B</Nm></Cdtr></CdtTrfTxInf>\n"
    )
}

#[test]
fn a_long_file_streams_transaction_by_transaction() {
    let count = 30_000;
    let head = format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08\"><FIToFICstmrCdtTrf><GrpHdr>\
         <MsgId>LONG</MsgId><CreDtTm>2026-03-16T08:00:00Z</CreDtTm><NbOfTxs>{count}</NbOfTxs>\
         <CtrlSum>300.00</CtrlSum><SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>"
    );
    let input = Generated { head: head.into_bytes(), count, next: 0, buffer: Vec::new(), at: 0 };
    let mut reader = TransferReader::new(BufReader::new(input), Limits::default()).expect("a good head");
    assert_eq!(reader.head().message_id, "LONG");
    let before = reader.position();
    reader.next_transfer().expect("readable").expect("a transfer");
    assert!(reader.position() - before < 1_000, "no more is read than the transfer needs");
    let summary = reader.finish().expect("readable");
    assert_eq!((summary.transactions, summary.refused), (u64::from(count), 0));
    assert_eq!(summary.refusals, []);
}
