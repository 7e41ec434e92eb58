//! A customer's recall (camt.055), forwarded by its bank, goes on as its bank's own would: to the bank that was paid.

use feiqian_core::uetr::Uetr;
use feiqian_files::after::cases::{RecallState, all};
use feiqian_files::intake;
use feiqian_iso20022::Limits;
use feiqian_iso20022::codes::RecallStatus;
use feiqian_iso20022::recall::Recall;

use crate::after::{demo_file, payment, send, told};
use crate::crashes::balances;
use crate::house::{House, bic};
use crate::recalls::{answer, later, passed, reply};
use crate::shared::validate;
use crate::statements::texts;

const A: &str = "BNKAXXAAXXX";
const MESSAGE: &str = "<OrgnlMsgId>DEMO07</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.03</OrgnlMsgNmId>";
const REASON: &str = "<CxlRsnInf><Rsn><Cd>CUST</Cd></Rsn></CxlRsnInf>";

/// A camt.055 of a customer of `by`, with what stands in its `Undrlyg`.
fn request(version: &str, (by, id): (&str, &str), underlying: &str) -> Vec<u8> {
    let name = if version == "01" { "BIC" } else { "BICFI" };
    let agent = |bic: &str| format!("<Agt><FinInstnId><{name}>{bic}</{name}></FinInstnId></Agt>");
    let text = format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.055.001.{version}\"><CstmrPmtCxlReq><Assgnmt>\
         <Id>{id}</Id><Assgnr>{}</Assgnr><Assgne>{}</Assgne><CreDtTm>2026-03-16T09:00:00Z</CreDtTm></Assgnmt>\
         <Undrlyg>{underlying}</Undrlyg></CstmrPmtCxlReq></Document>",
        agent(by),
        agent("CLRHXXAAXXX"),
    );
    text.into_bytes()
}

/// What stands below the payment information of the demo's salary message of 2009.
fn instruction(information: &str, rest: &str) -> String {
    format!(
        "<OrgnlPmtInfAndCxl><PmtCxlId>PI-1</PmtCxlId><OrgnlPmtInfId>{information}</OrgnlPmtInfId>\
         <OrgnlGrpInf>{MESSAGE}</OrgnlGrpInf>{rest}</OrgnlPmtInfAndCxl>"
    )
}

fn named(end_to_end: &str) -> String {
    let case = "<Case><Id>C-7</Id><Cretr><Pty><Nm>Anna</Nm></Pty></Cretr></Case>";
    let one = format!("<CxlId>X-7</CxlId>{case}<OrgnlEndToEndId>{end_to_end}</OrgnlEndToEndId>{REASON}");
    instruction("DEMO07-P1", &format!("<TxInf>{one}</TxInf>"))
}

fn paid(name: &str) -> House {
    let mut house = House::demo(name);
    house.options.clock = later::<0>;
    let report = send(&house, "paid.xml", &demo_file("07-initiation-2009.xml"));
    assert_eq!(report.accepted, 2, "{report:?}");
    house
}

#[test]
fn a_customers_recall_is_passed_on_as_one_of_its_bank_in_the_version_that_belongs_to_it() {
    let house = paid("customer");
    let money = balances(&house);
    let rows =
        [("01", "01", "03"), ("02", "02", "04"), ("08", "08", "09"), ("11", "10", "12"), ("13", "12", "14")];
    for (version, recall, answered) in rows {
        let asked = request(version, (A, "CUST-1"), &named("E2E-DEMO07-1"));
        let report = send(&house, &format!("asked-{version}.xml"), &asked);
        assert_eq!((report.forwarded, report.pending, report.message_id.as_deref()), (1, 1, Some("CUST-1")));
        // A version that does not list PTNA has it as a proprietary reason.
        let listed = (version >= "08").then_some("PTNA");
        assert_eq!(answer(&house, &report), [told("PDCR", listed)]);
        let path = house.options.work.outbox().join(report.answer.expect("answered"));
        let text = std::fs::read_to_string(path).expect("there");
        assert!(text.contains(&format!("camt.029.001.{answered}\"")), "{text}");
        let letters = passed(&house, ".BNKBXXAAXXX.camt.056.xml");
        assert_eq!(letters.len(), 1, "the same message, whatever the version");
        let received = Recall::read(letters[0].as_slice(), Limits::default()).expect("readable");
        assert_eq!(received.message_type.identifier(), format!("camt.056.001.{recall}"));
        assert_eq!(received.refusals(), []);
        let one = received.transactions.get(0).expect("there");
        assert_eq!(one.original.end_to_end.as_deref(), Some("E2E-DEMO07-1"));
        assert_eq!(one.original_amount.as_ref().map(|amount| amount.text.as_str()), Some("60.00"));
        assert_eq!(one.reasons[0].code.as_deref(), Some("CUST"));
        assert_eq!(one.case.as_ref().map(|case| case.id.as_str()), Some("C-7"));
    }
    let letters = passed(&house, ".BNKBXXAAXXX.camt.056.xml");
    let yes = reply(&letters[0], "YES", (RecallStatus::Cncl, RecallStatus::Accr));
    assert_eq!(send(&house, "yes.xml", &yes).forwarded, 1);
    assert_eq!(passed(&house, &format!(".{A}.camt.029.xml")).len(), 1, "to the bank that asked");
    let cases = all(&house.options.work).expect("readable");
    assert_eq!((cases[0].state, cases[0].requester.as_str()), (RecallState::Accepted, A));
    assert_eq!(balances(&house), money, "no money moves by a recall");
    validate(&house.options.work.outbox());
}

#[test]
fn a_payment_information_or_a_message_is_recalled_as_a_whole() {
    let whole = instruction("DEMO07-P1", &format!("<PmtInfCxl>true</PmtInfCxl>{REASON}"));
    let group = format!("<OrgnlGrpInfAndCxl>{MESSAGE}<GrpCxl>true</GrpCxl>{REASON}</OrgnlGrpInfAndCxl>");
    for (name, underlying) in [("customer-information", &whole), ("customer-message", &group)] {
        let house = paid(name);
        let report = send(&house, "asked.xml", &request("08", (A, "CUST-2"), underlying));
        assert_eq!((report.forwarded, report.pending), (2, 2), "one bank each");
        assert_eq!(answer(&house, &report), vec![told("PDCR", Some("PTNA")); 2]);
        let path = house.options.work.outbox().join(report.answer.expect("answered"));
        let text = std::fs::read_to_string(path).expect("there");
        let information = texts(&text, "OrgnlPmtInfAndSts");
        assert_eq!(information.len(), usize::from(underlying == &whole), "{text}");
        for one in information {
            assert_eq!(
                (texts(one, "OrgnlPmtInfCxlId"), texts(one, "OrgnlPmtInfId")),
                (vec!["PI-1"], vec!["DEMO07-P1"])
            );
            assert_eq!(
                (texts(one, "PmtInfCxlSts"), texts(one, "OrgnlMsgId")),
                (vec!["PDCR"], vec!["DEMO07"])
            );
        }
        validate(&house.options.work.outbox());
    }
}

#[test]
fn a_customers_recall_that_names_no_payment_of_its_bank_is_refused() {
    let house = paid("customer-refused");
    let other = instruction("DEMO07-P2", &format!("<PmtInfCxl>1</PmtInfCxl>{REASON}"));
    let wrong_information = named("E2E-DEMO07-1").replace("DEMO07-P1", "DEMO07-P2");
    let rows = [
        ("BNKBXXAAXXX", named("E2E-DEMO07-1"), "NOOR"),
        (A, named("E2E-DEMO07-3"), "NOOR"),
        (A, named("E2E-DEMO07-1").replace("<OrgnlMsgId>DEMO07<", "<OrgnlMsgId>DEMO08<"), "NOOR"),
        (A, wrong_information, "NOOR"),
        (A, other, "NOOR"),
    ];
    for (at, (by, underlying, code)) in rows.into_iter().enumerate() {
        let name = format!("{at}.xml");
        let report = send(&house, &name, &request("08", (by, "CUST-3"), &underlying));
        assert_eq!((report.forwarded, report.status.as_deref()), (0, Some("RJCR")), "{at}");
        let path = house.options.work.outbox().join(report.answer.expect("answered"));
        let text = std::fs::read_to_string(path).expect("there");
        assert_eq!(texts(texts(&text, "CxlStsRsnInf")[0], "Cd"), [code], "{at}: {text}");
    }
    assert!(all(&house.options.work).expect("readable").is_empty());
    validate(&house.options.work.outbox());
}

#[test]
fn a_payment_that_has_an_uetr_is_named_by_it_alone() {
    let house = House::demo("customer-uetr");
    send(&house, "paid.xml", &demo_file("01-single.xml"));
    let (_, transfer) = payment("01-single.xml");
    let uetr: Uetr = transfer.details.ids.uetr.expect("it has one");
    let underlying = format!(
        "<OrgnlPmtInfAndCxl><OrgnlPmtInfId>P</OrgnlPmtInfId><TxInf><OrgnlUETR>{uetr}</OrgnlUETR>{REASON}</TxInf></OrgnlPmtInfAndCxl>"
    );
    let mut house = house;
    house.options.clock = later::<0>;
    let report = send(&house, "asked.xml", &request("08", (A, "CUST-4"), &underlying));
    assert_eq!((report.forwarded, report.pending), (1, 1), "{report:?}");
    let letters = passed(&house, ".BNKBXXAAXXX.camt.056.xml");
    let received = Recall::read(letters[0].as_slice(), Limits::default()).expect("readable");
    assert_eq!(received.transactions.get(0).expect("there").original.uetr, Some(uetr));
    assert_eq!(received.assignment.assignee.bic(), Some(bic("BNKBXXAAXXX")));

    house.options.clock = later::<60>;
    let report = intake(house.engine(), &house.options).expect("taken in");
    assert_eq!(
        (report.overdue, all(&house.options.work).expect("readable")[0].state),
        (1, RecallState::Overdue)
    );
    let told = passed(&house, &format!(".{A}.camt.029.xml"));
    let text = String::from_utf8(told[0].clone()).expect("UTF-8");
    assert!(text.contains("camt.029.001.09") && text.contains("<Cd>ARPL</Cd>"), "{text}");
    validate(&house.options.work.outbox());
}
