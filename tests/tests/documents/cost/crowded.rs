//! Messages whose repeated elements are as small as the schema allows, up to what a reader keeps: each costs the most.

use super::readers;
use super::{Case, Reader, case, hold};

/// A message of a family with a body of so many repetitions.
pub(super) fn message(
    name: &str,
    root: &str,
    (head, item, tail): (&str, &str, &str),
    count: usize,
) -> String {
    let namespace = format!("urn:iso:std:iso:20022:tech:xsd:{name}");
    format!("<Document xmlns=\"{namespace}\"><{root}>{head}{}{tail}</{root}></Document>", item.repeat(count))
}

pub(super) const GROUP: &str = "<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-03-16T08:00:00Z</CreDtTm></GrpHdr>";
pub(super) const ASSIGNMENT: &str = "<Assgnmt><Id>A</Id><Assgnr><Agt><FinInstnId><BICFI>BNKAXXAAXXX</BICFI></FinInstnId></Agt></Assgnr>\
    <Assgne><Agt><FinInstnId><BICFI>BNKBXXAAXXX</BICFI></FinInstnId></Agt></Assgne><CreDtTm>2026-03-16T08:00:00Z</CreDtTm></Assgnmt>";
pub(super) const ACCOUNT: &str = "<Acct><Id><Othr><Id>1</Id></Othr></Id></Acct>";

/// An element that says nothing, of the size that readers of whole messages ask of each.
fn empty(name: &str) -> String {
    format!("<{name}>{}</{name}>", " ".repeat(64 - 5 - 2 * name.len()))
}

/// Messages whose repeated elements are as small as the schema allows, up to what a reader keeps: each costs the most.
fn crowded() -> Vec<Case> {
    let transaction = "<CdtTrfTxInf><PmtId><EndToEndId>E</EndToEndId><TxId>T</TxId></PmtId><IntrBkSttlmAmt Ccy=\"EUR\">1\
        </IntrBkSttlmAmt><ChrgBr>SLEV</ChrgBr><Dbtr/><DbtrAgt><FinInstnId/></DbtrAgt><CdtrAgt><FinInstnId/></CdtrAgt><Cdtr/>\
        </CdtTrfTxInf>";
    let payments = "<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-03-16T08:00:00Z</CreDtTm><NbOfTxs>30000</NbOfTxs><SttlmInf>\
        <SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>";
    let statement = format!("{GROUP}<Ntfctn><Id>N</Id><CreDtTm>2026-03-16T08:00:00Z</CreDtTm>{ACCOUNT}");
    let entry =
        "<Ntry><Amt Ccy=\"EUR\">1</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BkTxCd/></Ntry>";
    let batch = "<Ntry><Amt Ccy=\"EUR\">1</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BkTxCd/><NtryDtls>";
    let text = |kind: &str, root: &str, parts, count| message(kind, root, parts, count);
    vec![
        case(
            "transfers: many",
            text("pacs.008.001.08", "FIToFICstmrCdtTrf", (payments, transaction, ""), 30_000),
            |bytes| {
                readers::transfers(bytes).expect("a right message");
            },
        ),
        case(
            "recalls: many",
            text(
                "camt.056.001.08",
                "FIToFIPmtCxlReq",
                (&format!("{ASSIGNMENT}<Undrlyg>"), &empty("TxInf"), "</Undrlyg>"),
                19_900,
            ),
            |bytes| {
                readers::recalls(bytes).expect("a right message");
            },
        ),
        case(
            "resolutions: many",
            text(
                "camt.029.001.09",
                "RsltnOfInvstgtn",
                (
                    &format!("{ASSIGNMENT}<Sts><Conf>RJCR</Conf></Sts><CxlDtls>"),
                    &empty("TxInfAndSts"),
                    "</CxlDtls>",
                ),
                19_900,
            ),
            |bytes| {
                readers::resolutions(bytes).expect("a right message");
            },
        ),
        case(
            "status reports: many",
            text("pacs.002.001.10", "FIToFIPmtStsRpt", (GROUP, &empty("TxInfAndSts"), ""), 99_000),
            |bytes| {
                readers::status_reports(bytes).expect("a right message");
            },
        ),
        case(
            "status requests: many",
            text("pacs.028.001.03", "FIToFIPmtStsReq", (GROUP, &empty("TxInf"), ""), 19_900),
            |bytes| {
                readers::status_requests(bytes).expect("a right message");
            },
        ),
        case(
            "statements: many entries",
            text("camt.054.001.08", "BkToCstmrDbtCdtNtfctn", (&statement, entry, "</Ntfctn>"), 99_000),
            |bytes| {
                readers::statements(bytes).expect("a right message");
            },
        ),
        case(
            "statements: many statements",
            text(
                "camt.054.001.08",
                "BkToCstmrDbtCdtNtfctn",
                (GROUP, &format!("<Ntfctn><Id>N</Id>{}{ACCOUNT}</Ntfctn>", " ".repeat(40)), ""),
                30_000,
            ),
            |bytes| {
                readers::statements(bytes).expect("a right message");
            },
        ),
        case(
            "statements: many transactions",
            text(
                "camt.054.001.08",
                "BkToCstmrDbtCdtNtfctn",
                (&format!("{statement}{batch}"), &empty("TxDtls"), "</NtryDtls></Ntry></Ntfctn>"),
                19_900,
            ),
            |bytes| {
                readers::statements(bytes).expect("a right message");
            },
        ),
    ]
}

/// The same of what comes before payments and beside them: requests to pay and their answers, investigations, direct debits,
/// customers' recalls, questions about accounts.
fn crowded_beside_payments() -> Vec<Case> {
    let head = "<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-03-16T08:00:00Z</CreDtTm><NbOfTxs>1</NbOfTxs><InitgPty/></GrpHdr>";
    let block = "<PmtInf><PmtMtd>TRF</PmtMtd><ReqdExctnDt><Dt>2026-03-16</Dt></ReqdExctnDt><Dbtr/><DbtrAgt><FinInstnId/></DbtrAgt>";
    let request = "<CdtTrfTx><PmtId><EndToEndId>E</EndToEndId></PmtId><Amt><InstdAmt Ccy=\"EUR\">1</InstdAmt></Amt>\
        <ChrgBr>SLEV</ChrgBr><CdtrAgt><FinInstnId/></CdtrAgt><Cdtr/></CdtTrfTx>";
    let of_pain_013 = |name: &str, (head, item, tail): (&str, &str, &str), count| {
        let read: Reader = |bytes| {
            readers::requests_to_pay(bytes).expect("a right message");
        };
        let text = message("pain.013.001.07", "CdtrPmtActvtnReq", (head, item, tail), count);
        case(&format!("requests to pay: {name}"), text, read)
    };
    let answered = "<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-03-16T08:00:00Z</CreDtTm><InitgPty/></GrpHdr><OrgnlGrpInfAndSts>\
        <OrgnlMsgId>M</OrgnlMsgId><OrgnlMsgNmId>pain.013</OrgnlMsgNmId></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts>\
        <OrgnlPmtInfId>P</OrgnlPmtInfId>";
    let initiation =
        format!("{ASSIGNMENT}<Undrlyg><Initn><OrgnlInstdAmt Ccy=\"EUR\">1</OrgnlInstdAmt></Initn></Undrlyg>");
    let debit = "<DrctDbtTxInf><PmtId><EndToEndId>E</EndToEndId></PmtId><IntrBkSttlmAmt Ccy=\"EUR\">1</IntrBkSttlmAmt>\
        <Dbtr><FinInstnId/></Dbtr></DrctDbtTxInf>";
    let debits = "<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-03-16T08:00:00Z</CreDtTm><NbOfTxs>1</NbOfTxs></GrpHdr><CdtInstr>\
        <CdtId>C</CdtId><Cdtr><FinInstnId/></Cdtr>";
    let of_whole = |name: &str, (kind, root): (&str, &str), parts: (&str, &str, &str), read: Reader| {
        case(name, message(kind, root, parts, 19_900), read)
    };
    vec![
        of_pain_013("many blocks", (head, &format!("{block}{request}</PmtInf>"), ""), 9_900),
        of_pain_013("many of one block", (&format!("{head}{block}"), request, "</PmtInf>"), 19_900),
        case(
            "answers to requests to pay: many",
            message(
                "pain.014.001.07",
                "CdtrPmtActvtnReqStsRpt",
                (answered, &empty("TxInfAndSts"), "</OrgnlPmtInfAndSts>"),
                99_000,
            ),
            |bytes| {
                readers::status_reports(bytes).expect("a right message");
            },
        ),
        of_whole(
            "unable to apply: much supplementary data",
            ("camt.026.001.07", "UblToApply"),
            (
                &format!("{initiation}<Justfn><AnyInf>true</AnyInf></Justfn>"),
                &format!("<SplmtryData><Envlp><x>{}</x></Envlp></SplmtryData>", "y".repeat(20)),
                "",
            ),
            |bytes| {
                {
                    readers::unable_to_apply(bytes).expect("a right message");
                };
            },
        ),
        of_whole(
            "additional information: many lines",
            ("camt.028.001.09", "AddtlPmtInf"),
            (
                &format!("{initiation}<Inf><RmtInf>"),
                "<Ustrd>a line of remittance information that says next to nothing</Ustrd>",
                "</RmtInf></Inf>",
            ),
            |bytes| {
                readers::additional_information(bytes).expect("a right message");
            },
        ),
        of_whole(
            "direct debits: many",
            ("pacs.010.001.03", "FIDrctDbt"),
            (debits, debit, "</CdtInstr>"),
            |bytes| {
                readers::direct_debits(bytes).expect("a right message");
            },
        ),
        of_whole(
            "customers' recalls: many",
            ("camt.055.001.08", "CstmrPmtCxlReq"),
            (
                &format!("{ASSIGNMENT}<Undrlyg><OrgnlPmtInfAndCxl><OrgnlPmtInfId>P</OrgnlPmtInfId>"),
                &empty("TxInf"),
                "</OrgnlPmtInfAndCxl></Undrlyg>",
            ),
            |bytes| {
                readers::customers_recalls(bytes).expect("a right message");
            },
        ),
        of_whole(
            "verifications: many",
            ("acmt.023.001.02", "IdVrfctnReq"),
            (
                "<Assgnmt><MsgId>M</MsgId><CreDtTm>2026-03-16T08:00:00Z</CreDtTm><Assgnr><Pty/></Assgnr><Assgne><Pty/>\
                 </Assgne></Assgnmt>",
                "<Vrfctn><Id>V</Id><PtyAndAcctId>                  </PtyAndAcctId></Vrfctn>",
                "",
            ),
            |bytes| {
                readers::verifications(bytes).expect("a right message");
            },
        ),
        case(
            "account queries: many accounts",
            message(
                "camt.003.001.07",
                "GetAcct",
                (
                    "<MsgHdr><MsgId>M</MsgId></MsgHdr><AcctQryDef><AcctCrit><NewCrit>",
                    // Two elements that repeat, in the bytes of two.
                    &format!(
                        "<SchCrit>{}<AcctId><EQ><Othr><Id>1</Id></Othr></EQ></AcctId></SchCrit>",
                        " ".repeat(64)
                    ),
                    "</NewCrit></AcctCrit></AcctQryDef>",
                ),
                9_900,
            ),
            |bytes| {
                readers::account_queries(bytes).expect("a right message");
            },
        ),
        of_whole(
            "reporting requests: many",
            ("camt.060.001.05", "AcctRptgReq"),
            (GROUP, "<RptgReq><ReqdMsgNmId>camt.053</ReqdMsgNmId><AcctOwnr><Pty/></AcctOwnr></RptgReq>", ""),
            |bytes| {
                readers::reporting_requests(bytes).expect("a right message");
            },
        ),
    ]
}

/// Covers and charges: what of one transaction repeats without a bound of its own.
fn crowded_transactions() -> Vec<Case> {
    let group = "<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-03-16T08:00:00Z</CreDtTm><NbOfTxs>1</NbOfTxs><SttlmInf>\
        <SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr><CdtTrfTxInf><PmtId><EndToEndId>E</EndToEndId><TxId>T</TxId></PmtId>\
        <IntrBkSttlmAmt Ccy=\"EUR\">1</IntrBkSttlmAmt>";
    let bank = "<FinInstnId/>";
    let of_pacs_008 = message(
        "pacs.008.001.08",
        "FIToFICstmrCdtTrf",
        (
            &format!("{group}<ChrgBr>SHAR</ChrgBr>"),
            "<ChrgsInf><Amt Ccy=\"EUR\">0</Amt><Agt><FinInstnId/></Agt></ChrgsInf>",
            "<Dbtr/><DbtrAgt><FinInstnId/></DbtrAgt><CdtrAgt><FinInstnId/></CdtrAgt><Cdtr/></CdtTrfTxInf>",
        ),
        60_000,
    );
    let below = format!(
        "{group}<Dbtr>{bank}</Dbtr><Cdtr>{bank}</Cdtr><UndrlygCstmrCdtTrf><Dbtr/><DbtrAgt>{bank}</DbtrAgt><CdtrAgt>{bank}\
         </CdtrAgt><Cdtr/><RmtInf>"
    );
    let of_pacs_009 = message(
        "pacs.009.001.08",
        "FICdtTrf",
        (&below, "<Ustrd>a</Ustrd>", "</RmtInf></UndrlygCstmrCdtTrf></CdtTrfTxInf>"),
        200_000,
    );
    let read: Reader = |bytes| {
        readers::transfers(bytes).expect("a right message");
    };
    // What has no field and is kept as it is said: elements that say nothing, or next to it, or take most to be kept.
    let breaks = format!("<Strd><AddtlRmtInf>{}</AddtlRmtInf></Strd>", "\n".repeat(140));
    let structured = [
        "<Strd/>",
        "<Strd><RfrdDocInf/></Strd>",
        "<Strd><AddtlRmtInf>a</AddtlRmtInf></Strd>",
        "<Strd><RfrdDocInf><LineDtls><Id><Nb>1</Nb></Id></LineDtls></RfrdDocInf></Strd>",
        "<Strd><CdtrRefInf><Ref>a</Ref></CdtrRefInf></Strd>",
        &breaks,
    ]
    .map(|item| {
        let parts = (below.as_str(), item, "</RmtInf></UndrlygCstmrCdtTrf></CdtTrfTxInf>");
        let text = message("pacs.009.001.08", "FICdtTrf", parts, 3_000_000 / item.len());
        case(&format!("transfers: structured, {:.40}", item.trim()), text, read)
    });
    let mut cases = Vec::from(structured);
    cases.extend([
        case("transfers: charges", of_pacs_008, read),
        case("transfers: a cover's lines", of_pacs_009, read),
    ]);
    cases
}

#[test]
fn no_crowded_message_costs_more_than_its_size_allows() {
    hold(&crowded());
}

#[test]
fn no_crowded_message_beside_payments_costs_more_than_its_size_allows() {
    hold(&crowded_beside_payments());
}

#[test]
fn no_crowded_transaction_costs_more_than_its_size_allows() {
    hold(&crowded_transactions());
}
