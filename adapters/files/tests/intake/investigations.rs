//! Investigations go to the payment's other bank as they are, from its two banks alone.

use feiqian_files::{Disposition, FileReport};
use feiqian_iso20022::Limits;
use feiqian_iso20022::investigation::Investigation;

use crate::after::{answer, demo_file, send, statuses};
use crate::crashes::balances;
use crate::house::{House, bic};
use crate::recalls::passed;
use crate::shared::validate;
use crate::statements::texts;

const A: &str = "BNKAXXAAXXX";
const B: &str = "BNKBXXAAXXX";
const C: &str = "BNKCXXAAXXX";
const UETR: &str = "<OrgnlUETR>c3b4489a-a5d0-4f0a-a25a-8eb87e205f35</OrgnlUETR>";

fn message(kind: &str, (by, to): (&str, &str), (ids, rest): (&str, &str)) -> Vec<u8> {
    let root = if kind.starts_with("camt.026") { "UblToApply" } else { "AddtlPmtInf" };
    let agent = |bic: &str| format!("<Agt><FinInstnId><BICFI>{bic}</BICFI></FinInstnId></Agt>");
    let (from, to) = (agent(by), agent(to));
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:{kind}\"><{root}><Assgnmt><Id>INV-1</Id><Assgnr>{from}</Assgnr>\
         <Assgne>{to}</Assgne><CreDtTm>2026-03-16T09:00:00Z</CreDtTm></Assgnmt><Case><Id>CASE-1</Id><Cretr>{from}</Cretr></Case>\
         <Undrlyg><IntrBk><OrgnlGrpInf><OrgnlMsgId>DEMO01</OrgnlMsgId><OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId></OrgnlGrpInf>\
         {ids}<OrgnlIntrBkSttlmAmt Ccy=\"EUR\">4786.23</OrgnlIntrBkSttlmAmt><OrgnlIntrBkSttlmDt>2026-03-16</OrgnlIntrBkSttlmDt>\
         </IntrBk></Undrlyg>{rest}</{root}></Document>"
    )
    .into_bytes()
}

const QUESTION: &str = "<Justfn><MssngOrIncrrctInf><MssngInf><Cd>MS01</Cd><AddtlMssngInf>whose?</AddtlMssngInf></MssngInf>\
                        </MssngOrIncrrctInf></Justfn>";
const OLD_QUESTION: &str = "<Justfn><AnyInf>true</AnyInf></Justfn>";
const INFORMATION: &str =
    "<Inf><EndToEndId>E2E-DEMO01-1</EndToEndId><RmtInf><Ustrd>for Société</Ustrd></RmtInf></Inf>";

fn refused(house: &House, report: &FileReport) -> String {
    let path = house.options.work.outbox().join(report.answer.as_ref().expect("answered"));
    texts(&std::fs::read_to_string(path).expect("there"), "RjctgPtyRsn")[0].to_owned()
}

#[test]
fn a_question_about_a_payment_and_what_answers_it_go_to_its_other_bank() {
    let house = House::demo("investigation");
    send(&house, "01.xml", &demo_file("01-single.xml"));
    let money = balances(&house);
    let rows = [
        ("camt.026.001.07", (B, "CLRHXXAAXXX"), (UETR, QUESTION), A),
        ("camt.028.001.09", (A, "CLRHXXAAXXX"), (UETR, INFORMATION), B),
        // Before 2019 there was no UETR: the message that brought the payment, of a bank that is named, has it.
        ("camt.026.001.05", (B, A), ("<OrgnlEndToEndId>E2E-DEMO01-1</OrgnlEndToEndId>", OLD_QUESTION), A),
        ("camt.028.001.06", (A, B), ("<OrgnlTxId>TX-DEMO01-1</OrgnlTxId>", INFORMATION), B),
    ];
    for (kind, (by, to), body, other) in rows {
        let report = send(&house, &format!("{kind}.xml"), &message(kind, (by, to), body));
        assert_eq!((report.disposition, report.forwarded), (Disposition::Noted, 1), "{kind}: {report:?}");
        let family = &kind[..8];
        let letters = passed(&house, &format!(".{other}.{family}.xml"));
        let letter =
            letters.iter().find(|bytes| String::from_utf8_lossy(bytes).contains(kind)).expect("passed on");
        let read = match family {
            "camt.026" => Investigation::read_unable_to_apply(letter.as_slice(), Limits::default()),
            _ => Investigation::read_additional(letter.as_slice(), Limits::default()),
        };
        let read = read.expect("readable");
        assert_eq!(read.refusals(), []);
        assert_eq!(read.assignment.assigner.bic(), Some(bic("CLRHXXAAXXX")), "the clearing house assigns it");
        assert_eq!(read.assignment.assignee.bic(), Some(bic(other)));
        let case = read.case.expect("kept");
        assert_eq!((case.id.as_str(), case.creator.bic()), ("CASE-1", Some(bic(by))));
        let text = String::from_utf8(letter.clone()).expect("UTF-8");
        assert!(text.contains(body.1), "{text}");
        let again = send(&house, &format!("{kind}-again.xml"), &message(kind, (by, to), body));
        assert_eq!(again.forwarded, 1);
        assert_eq!(
            passed(&house, &format!(".{other}.{family}.xml")).len(),
            letters.len(),
            "the same message"
        );
    }
    assert_eq!(balances(&house), money, "no money moves");
    validate(&house.options.work.outbox());
}

#[test]
fn nobody_asks_about_another_banks_payment_or_learns_of_it() {
    let house = House::demo("investigation-refused");
    send(&house, "01.xml", &demo_file("01-single.xml"));
    let operator = "CLRHXXAAXXX";
    let unknown = UETR.replace("c3b4489a", "c3b4489b");
    let rows = [
        ("stranger", "camt.026.001.07", (C, operator), UETR, "NOOR"),
        (
            "stranger-by-message",
            "camt.026.001.05",
            (C, A),
            "<OrgnlEndToEndId>E2E-DEMO01-1</OrgnlEndToEndId>",
            "NOOR",
        ),
        ("unknown", "camt.026.001.07", (B, operator), unknown.as_str(), "NOOR"),
        ("nobody", "camt.026.001.07", ("NOPEXXAAXXX", operator), UETR, "AGNT"),
        ("no-reference", "camt.026.001.05", (B, A), "", "NOOR"),
    ];
    let mut texts_of = Vec::new();
    for (name, kind, of, ids, code) in rows {
        let rest = if kind.ends_with("05") { OLD_QUESTION } else { QUESTION };
        let report = send(&house, &format!("{name}.xml"), &message(kind, of, (ids, rest)));
        assert_eq!((refused(&house, &report).as_str(), report.forwarded), (code, 0), "{name}");
        texts_of.push(report.reason);
    }
    assert_eq!(texts_of[0], texts_of[2], "another's payment is as one that there is not");
    assert!(passed(&house, ".camt.026.xml").is_empty());
    validate(&house.options.work.outbox());
}

#[test]
fn a_direct_debit_of_banks_is_refused_and_moves_nothing() {
    let house = House::demo("direct-debit");
    let money = balances(&house);
    for version in ["02", "03", "04", "05", "06"] {
        let bank =
            |name: &str, bic: &str| format!("<{name}><FinInstnId><BICFI>{bic}</BICFI></FinInstnId></{name}>");
        let debit = |id: &str| {
            format!(
                "<DrctDbtTxInf><PmtId><InstrId>I-{id}</InstrId><EndToEndId>{id}</EndToEndId><TxId>{id}</TxId></PmtId>\
                 <IntrBkSttlmAmt Ccy=\"EUR\">100.00</IntrBkSttlmAmt>{}</DrctDbtTxInf>",
                bank("Dbtr", A)
            )
        };
        let text = format!(
            "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.010.001.{version}\"><FIDrctDbt><GrpHdr><MsgId>DD</MsgId>\
             <CreDtTm>2026-03-16T08:00:00Z</CreDtTm><NbOfTxs>2</NbOfTxs>{}</GrpHdr><CdtInstr><CdtId>C</CdtId>{}{}{}\
             </CdtInstr></FIDrctDbt></Document>",
            bank("InstgAgt", B),
            bank("Cdtr", B),
            debit("D-1"),
            debit("D-2"),
        );
        let report = send(&house, &format!("debit-{version}.xml"), text.as_bytes());
        let told = answer(&house, &report);
        assert_eq!(
            statuses(&told),
            vec![crate::after::told("RJCT", Some("AG03")); 2],
            "{version}: {report:?}"
        );
        assert_eq!(told.transactions.get(1).expect("there").original.end_to_end.as_deref(), Some("D-2"));
    }
    assert_eq!(balances(&house), money);
    validate(&house.options.work.outbox());
}
