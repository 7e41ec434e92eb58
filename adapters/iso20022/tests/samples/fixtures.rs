//! Our own messages: what they say, what the checks of a file say of their variants, and the ids derived from them.

use feiqian_core::currency::Currency;
use feiqian_iso20022::derive::{derive_uetr, transfer_id};
use feiqian_iso20022::payment::{AccountId, CreditTransfer, Entry, FileSummary};
use feiqian_iso20022::transfers::check;
use feiqian_iso20022::{ErrorCode, Limits};

use crate::data;
use crate::domain;

fn fixture(name: &str) -> String {
    data::text(&data::fixtures().join(name))
}

pub(crate) fn clean(text: &str) -> (FileSummary, Vec<CreditTransfer>) {
    let (summary, entries) = domain::read(text.as_bytes()).expect("readable");
    assert_eq!((summary.refused, summary.refusals.as_slice()), (0, [].as_slice()));
    let transfers = entries.into_iter().map(|entry| match entry {
        Entry::Transfer(transfer) => *transfer,
        Entry::Refused(refused) => panic!("{:?}", refused.refusal),
    });
    (summary, transfers.collect())
}

#[test]
fn an_interbank_file_is_read_with_what_its_group_says_for_all() {
    let (summary, transfers) = clean(&fixture("pacs.008.xml"));
    assert_eq!((summary.transactions, summary.head.message_id.as_str()), (2, "FIXTURE-0001"));
    let [first, second] = transfers.as_slice() else { panic!("two transfers") };
    assert_eq!((first.amount.minor(), first.currency), (123_450, Currency::from_code("EUR").expect("known")));
    assert_eq!(first.details.service_level.as_deref(), Some("SEPA"));
    assert_eq!(first.details.settlement_date.as_deref(), Some("2026-03-16"));
    assert_eq!(first.details.instructing_agent, summary.head.instructing_agent);
    assert_eq!(first.details.remittance, ["Invoice 1 & 2"]);
    let scheme = Some("BBAN".to_owned());
    assert_eq!(second.details.debtor_account, Some(AccountId::Other { id: "4711".to_owned(), scheme }));
    let agent = second.details.instructing_agent.as_ref().expect("its own");
    assert_eq!((agent.bic, agent.identifier()), (None, Some("084004")), "it replaces the group's");
    assert_eq!(second.details.creditor.name.as_deref(), Some("东方贸易有限公司"));
    assert_eq!(second.details.remittance_references, ["RF18539007547034"]);
}

#[test]
fn an_initiation_gives_each_transfer_the_debtor_of_its_block() {
    let (summary, transfers) = clean(&fixture("pain.001.xml"));
    let seen: Vec<(&str, &str, u64, &str)> = transfers
        .iter()
        .map(|transfer| {
            let details = &transfer.details;
            let block = details.payment_information_id.as_deref().unwrap_or("");
            let debtor = details.debtor.name.as_deref().unwrap_or("");
            (block, debtor, transfer.amount.minor(), details.service_level.as_deref().unwrap_or(""))
        })
        .collect();
    let expected = [
        ("BLOCK-1", "Example Holding", 150, "SEPA"),
        ("BLOCK-1", "Example Holding", 500, "URGP"),
        ("BLOCK-2", "Example Asia", 1500, ""),
    ];
    assert_eq!(seen, expected);
    assert_eq!(transfers[2].details.charge_bearer, None, "nothing of a block reaches the next");
    let initiator = summary.head.initiating_party.expect("there is one");
    assert_eq!(initiator.organisation_id.as_deref(), Some("CUST-1"));
}

#[test]
fn an_envelope_of_any_name_and_prefix_is_opened() {
    let (summary, transfers) = clean(&fixture("pacs.009.enveloped.xml"));
    let business = summary.head.business.as_ref().expect("a header");
    assert!(summary.head.is_possible_duplicate() && business.has_signature);
    assert_eq!(business.business_message_id, "FIXTURE-0003");
    let transfer = &transfers[0];
    assert_eq!((transfer.amount.minor(), transfer.currency.code()), (12_345, "KWD"));
    assert_eq!(transfer.details.creditor.name.as_deref(), Some("Bank B"));
    assert_eq!(transfer.details.creditor.bic.map(|bic| bic.to_string()).as_deref(), Some("BNKBXXAAXXX"));
    assert_eq!(transfer.details.priority.as_deref(), Some("URGT"));
}

/// Fixture, what is replaced by what, refusals as `place:code`.
const VARIANTS: &[(&str, &str, &str, &str)] = &[
    ("pacs.008.xml", "<NbOfTxs>2<", "<NbOfTxs>3<", "file:AM18"),
    ("pacs.008.xml", "<CtrlSum>1334.51<", "<CtrlSum>1334.510000001<", "file:AM10"),
    (
        "pacs.008.xml",
        "<TtlIntrBkSttlmAmt Ccy=\"EUR\">1334.51<",
        "<TtlIntrBkSttlmAmt Ccy=\"EUR\">1<",
        "file:AM10",
    ),
    (
        "pacs.008.xml",
        "<TtlIntrBkSttlmAmt Ccy=\"EUR\">1334.51<",
        "<TtlIntrBkSttlmAmt Ccy=\"USD\">1334.51<",
        "file:CURR",
    ),
    (
        "pacs.008.xml",
        "<IntrBkSttlmAmt Ccy=\"EUR\">1234.50<",
        "<IntrBkSttlmAmt Ccy=\"XAU\">1234.50<",
        "file:CURR 1:AM03",
    ),
    ("pacs.008.xml", "<IntrBkSttlmAmt Ccy=\"EUR\">1234.50<", "<IntrBkSttlmAmt Ccy=\"EUR\">1234.500<", ""),
    ("pacs.008.xml", "1334.51", "1334.512", "file:AM10"),
    ("pacs.008.xml", "DE89370400440532013000", "DE88370400440532013000", "1:AC02"),
    ("pacs.008.xml", "FR1420041010050500013M02606", "FR1520041010050500013M02606", "1:AC03"),
    ("pacs.008.xml", "TX-2", "TX-1", "2:DU03"),
    (
        "pacs.008.xml",
        "<TxId>TX-2</TxId>",
        "<TxId>TX-2</TxId><UETR>dfcd3679-e024-4e98-804a-e04346230aa6</UETR>",
        "2:DU03",
    ),
    ("pain.001.xml", "<NbOfTxs>2<", "<NbOfTxs>1<", "file:AM20"),
    ("pain.001.xml", "<CtrlSum>6.50<", "<CtrlSum>6.51<", "file:AM17"),
    ("pain.001.xml", "<CtrlSum>1506.5<", "<CtrlSum>1506.51<", "file:AM10"),
    ("pain.001.xml", "Ccy=\"JPY\">1500<", "Ccy=\"JPY\">1500.00<", ""),
    ("pain.001.xml", "<EndToEndId>E-3<", "<EndToEndId>E-1<", "3:DU04"),
    (
        "pain.001.xml",
        "<InstdAmt Ccy=\"JPY\">1500</InstdAmt>",
        "<EqvtAmt><Amt Ccy=\"JPY\">1500</Amt><CcyOfTrf>USD</CcyOfTrf></EqvtAmt>",
        "3:AG03",
    ),
    ("pacs.009.enveloped.xml", "MsgDefIdr>pacs.009.001.08", "MsgDefIdr>pacs.008.001.08", "file:FF01"),
    ("pacs.009.enveloped.xml", "BNKAXXAAXXX", "BNKDXXAAXXX", "1:AGNT"),
    ("pacs.009.enveloped.xml", ">12.345<", ">12.3451<", "1:AM12"),
    ("pacs.009.enveloped.xml", ">12.345<", ">0.000<", "1:AM01"),
    ("pacs.009.enveloped.xml", ">12.345<", ">999999999999999999<", "1:AM02"),
];

#[test]
fn variants_are_refused_with_their_code_and_nothing_else() {
    for (name, from, to, expected) in VARIANTS {
        let variant = fixture(name).replacen(from, to, 1);
        assert!(*from == *to || variant != fixture(name), "{name}: {from} is not there");
        let (summary, entries) =
            domain::read(variant.as_bytes()).unwrap_or_else(|error| panic!("{to}: {error}"));
        let file = summary.refusals.iter().map(|refusal| format!("file:{}", refusal.code));
        let single = entries.iter().filter_map(|entry| match entry {
            Entry::Refused(refused) => Some(format!("{}:{}", refused.index, refused.refusal.code)),
            Entry::Transfer(_) => None,
        });
        // Where the amount itself was changed, the sums of the file follow; that is another row's matter.
        let found: Vec<String> = file.chain(single).collect();
        assert_eq!(found.join(" "), *expected, "{name}: {to}");
        let refused = entries.iter().filter(|entry| matches!(entry, Entry::Refused(_))).count();
        assert_eq!(summary.refused, u64::try_from(refused).expect("few"));
    }
}

#[test]
fn a_redelivered_file_derives_the_same_ids_and_any_other_reference_another() {
    let text = fixture("pain.001.xml");
    let (summary, transfers) = clean(&text);
    let ids = |summary: &FileSummary, transfers: &[CreditTransfer]| -> Vec<String> {
        let id = |transfer: &CreditTransfer| transfer_id(&summary.head, &transfer.details, transfer.index);
        transfers.iter().map(|transfer| id(transfer).to_string()).collect()
    };
    let first = ids(&summary, &transfers);
    let (again, repeated) = clean(&text);
    assert_eq!(ids(&again, &repeated), first);
    assert_eq!(first.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
    assert_eq!(
        first[0], "c5d951c2-743f-413e-b773-04053ffa1443",
        "the derivation is a promise: never change it"
    );
    let changes = [
        ("FIXTURE-0002", "FIXTURE-0009"),
        ("BLOCK-1", "BLOCK-9"),
        ("<EndToEndId>E-1", "<EndToEndId>E-9"),
        ("CUST-1", "CUST-2"),
    ];
    for (from, to) in changes {
        let (other, changed) = clean(&text.replacen(from, to, 1));
        assert_ne!(ids(&other, &changed)[0], first[0], "{to}");
    }
    let (other, changed) =
        clean(&text.replacen("<InstdAmt Ccy=\"JPY\">1500", "<InstdAmt Ccy=\"JPY\">1500.0", 1));
    assert_eq!(ids(&other, &changed), first, "the amount is no part of the id");
}

#[test]
fn a_given_uetr_is_the_id() {
    let (summary, transfers) = clean(&fixture("pacs.008.xml"));
    let first = &transfers[0];
    assert_eq!(Some(transfer_id(&summary.head, &first.details, 1)), first.details.ids.uetr);
    assert_ne!(Some(derive_uetr(&summary.head, &first.details, 1)), first.details.ids.uetr);
}

#[test]
fn an_error_names_the_message_the_element_and_the_way_out() {
    let broken = fixture("pacs.008.xml").replacen(">100.01<", ">100,01<", 1);
    let error = check(broken.as_bytes(), Limits::default()).expect_err("a comma is no point");
    assert_eq!(error.code, ErrorCode::InvalidValue);
    assert_eq!(error.path, "/Document/FIToFICstmrCdtTrf/CdtTrfTxInf[2]/IntrBkSttlmAmt");
    assert_eq!(error.reference.as_deref(), Some("FIXTURE-0001"));
    assert!(error.position > 1000 && error.message.ends_with("; correct it"), "{error}");
}
