//! The smallest messages of many that a bank may mean: elements that say what they must, and no more. All are read, within
//! what their size allows; so are those that say everything in many small parts, or they are refused.

use feiqian_iso20022::ErrorCode;

use super::crowded::{ACCOUNT, ASSIGNMENT, GROUP, message};
use super::readers::{self, Read};
use super::{case, hold};

/// Of each kind, as many as a bulk of salaries has.
const COUNT: usize = 10_000;

/// A case's name, its message's type and root, what stands before, is repeated and stands behind, and its reader.
type Row<'a> = (&'a str, (&'a str, &'a str), (&'a str, &'a str, &'a str), fn(&[u8]) -> Read);

/// Reads a message of repetitions within its cost; gives what was read.
fn read(
    name: &str,
    kind: (&str, &str),
    parts: (&str, &str, &str),
    count: usize,
    read: fn(&[u8]) -> Read,
) -> Read {
    let text = message(kind.0, kind.1, parts, count);
    let found = read(text.as_bytes());
    // The same as a function that gives nothing, for the bounds.
    let held = readers::READERS.iter().find(|(own, _)| name.starts_with(own)).expect("a reader");
    hold(&[case(name, text, held.1)]);
    found
}

#[test]
fn ten_thousand_of_the_smallest_that_mean_anything_are_read_within_their_size() {
    let uetr = "00000000-0000-4000-8000-000000000001";
    let recalled = format!(
        "<TxInf><OrgnlUETR>{uetr}</OrgnlUETR><CxlRsnInf><Rsn><Cd>DUPL</Cd></Rsn></CxlRsnInf></TxInf>"
    );
    let answered =
        format!("<TxInfAndSts><OrgnlUETR>{uetr}</OrgnlUETR><TxCxlSts>RJCR</TxCxlSts></TxInfAndSts>");
    let status = "<TxInfAndSts><OrgnlEndToEndId>E</OrgnlEndToEndId><TxSts>ACSC</TxSts></TxInfAndSts>";
    let rejected = "<TxInfAndSts><OrgnlTxId>T</OrgnlTxId><TxSts>RJCT</TxSts><StsRsnInf><Orgtr><Nm>B</Nm></Orgtr>\
        <Rsn><Cd>AC04</Cd></Rsn></StsRsnInf></TxInfAndSts>";
    let asked = "<TxInf><OrgnlEndToEndId>E</OrgnlEndToEndId></TxInf>";
    let entry = "<Ntry><Amt Ccy=\"EUR\">1</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BkTxCd/>";
    let details = "<TxDtls><Refs><EndToEndId>E</EndToEndId></Refs><Amt Ccy=\"EUR\">1</Amt></TxDtls>";
    let notified = format!("{GROUP}<Ntfctn><Id>N</Id><CreDtTm>2026-03-16T08:00:00Z</CreDtTm>{ACCOUNT}");
    let block = "<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-03-16T08:00:00Z</CreDtTm><NbOfTxs>10000</NbOfTxs><InitgPty/></GrpHdr>\
        <PmtInf><PmtMtd>TRF</PmtMtd><ReqdExctnDt><Dt>2026-03-16</Dt></ReqdExctnDt><Dbtr/><DbtrAgt><FinInstnId/></DbtrAgt>";
    let request = "<CdtTrfTx><PmtId><EndToEndId>E</EndToEndId></PmtId><Amt><InstdAmt Ccy=\"EUR\">1</InstdAmt></Amt>\
        <ChrgBr>SLEV</ChrgBr><CdtrAgt><FinInstnId/></CdtrAgt><Cdtr/></CdtTrfTx>";
    let debit = "<DrctDbtTxInf><PmtId><EndToEndId>E</EndToEndId></PmtId><IntrBkSttlmAmt Ccy=\"EUR\">1</IntrBkSttlmAmt>\
        <Dbtr><FinInstnId/></Dbtr></DrctDbtTxInf>";
    let debits = "<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-03-16T08:00:00Z</CreDtTm><NbOfTxs>10000</NbOfTxs></GrpHdr><CdtInstr>\
        <CdtId>C</CdtId><Cdtr><FinInstnId/></Cdtr>";
    let rows: [Row<'_>; 10] = [
        (
            "recalls: smallest",
            ("camt.056.001.08", "FIToFIPmtCxlReq"),
            (&format!("{ASSIGNMENT}<Undrlyg>"), &recalled, "</Undrlyg>"),
            readers::recalls,
        ),
        (
            "resolutions: smallest",
            ("camt.029.001.09", "RsltnOfInvstgtn"),
            (&format!("{ASSIGNMENT}<Sts><Conf>RJCR</Conf></Sts><CxlDtls>"), &answered, "</CxlDtls>"),
            readers::resolutions,
        ),
        (
            "status reports: smallest",
            ("pacs.002.001.10", "FIToFIPmtStsRpt"),
            (GROUP, status, ""),
            readers::status_reports,
        ),
        (
            "status reports: rejected",
            ("pacs.002.001.10", "FIToFIPmtStsRpt"),
            (GROUP, rejected, ""),
            readers::status_reports,
        ),
        (
            "status requests: smallest",
            ("pacs.028.001.03", "FIToFIPmtStsReq"),
            (GROUP, asked, ""),
            readers::status_requests,
        ),
        (
            "statements: smallest of one entry",
            ("camt.054.001.08", "BkToCstmrDbtCdtNtfctn"),
            (&format!("{notified}{entry}<NtryDtls>"), details, "</NtryDtls></Ntry></Ntfctn>"),
            readers::statements,
        ),
        (
            "statements: smallest",
            ("camt.054.001.08", "BkToCstmrDbtCdtNtfctn"),
            (&notified, &format!("{entry}<NtryDtls>{details}</NtryDtls></Ntry>"), "</Ntfctn>"),
            readers::statements,
        ),
        (
            "requests to pay: smallest",
            ("pain.013.001.07", "CdtrPmtActvtnReq"),
            (block, request, "</PmtInf>"),
            readers::requests_to_pay,
        ),
        (
            "direct debits: smallest",
            ("pacs.010.001.03", "FIDrctDbt"),
            (debits, debit, "</CdtInstr>"),
            readers::direct_debits,
        ),
        (
            "verifications: smallest",
            ("acmt.023.001.02", "IdVrfctnReq"),
            (
                "<Assgnmt><MsgId>M</MsgId><CreDtTm>2026-03-16T08:00:00Z</CreDtTm><Assgnr><Pty/></Assgnr><Assgne><Pty/></Assgne></Assgnmt>",
                "<Vrfctn><Id>V</Id><PtyAndAcctId><Acct><Othr><Id>1</Id></Othr></Acct></PtyAndAcctId></Vrfctn>",
                "",
            ),
            readers::verifications,
        ),
    ];
    for (name, kind, parts, reader) in rows {
        let count = read(name, kind, parts, COUNT, reader).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(count >= COUNT, "{name}: {count}");
    }
}

/// One element in which another is repeated: as often as a reader keeps, and once more.
fn limit_of(kind: (&str, &str), parts: (&str, &str, &str), reader: fn(&[u8]) -> Read) -> (usize, String) {
    let of = |count: usize| message(kind.0, kind.1, parts, count);
    let (mut least, mut most) = (1, 20_000);
    while most - least > 1 {
        let count = usize::midpoint(least, most);
        match reader(of(count).as_bytes()) {
            Ok(_) => least = count,
            Err(error) => {
                assert_eq!(error.code, ErrorCode::TooMany, "{error}");
                most = count;
            }
        }
    }
    (least, of(least))
}

#[test]
fn what_repeats_in_one_element_is_kept_up_to_its_bound_and_refused_beyond() {
    let inside =
        |head: &str, tail: &str| (format!("{GROUP}<TxInfAndSts>{head}"), format!("{tail}</TxInfAndSts>"));
    let report = ("pacs.002.001.10", "FIToFIPmtStsRpt");
    let rows = [
        ("reasons", "<StsRsnInf><Rsn><Cd>A</Cd></Rsn></StsRsnInf>", ("", "")),
        ("originators", "<StsRsnInf><Orgtr><Nm>A</Nm></Orgtr></StsRsnInf>", ("", "")),
        ("texts", "<StsRsnInf><AddtlInf>a</AddtlInf></StsRsnInf>", ("", "")),
        ("lines", "<AddtlInf>a</AddtlInf>", ("<StsRsnInf>", "</StsRsnInf>")),
    ];
    for (name, item, (head, tail)) in rows {
        let (head, tail) = inside(head, tail);
        let (count, _) = limit_of(report, (&head, item, &tail), readers::status_reports);
        assert!((100..5_000).contains(&count), "{name}: {count}");
        let many = |count| message(report.0, report.1, (&head, item, &tail), count);
        let cases: Vec<_> = (1..=12)
            .map(|part| {
                case(&format!("status reports: {name}"), many(count * part / 12), readers::READERS[5].1)
            })
            .chain([case(&format!("status reports: too many {name}"), many(20_000), readers::READERS[5].1)])
            .collect();
        hold(&cases);
    }
}
