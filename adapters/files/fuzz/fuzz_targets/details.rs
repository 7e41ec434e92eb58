//! Any bytes as a payment's details, as a bank may hand them in over the bulk protocol: never a panic; what is read is written
//! again as it was, fits, and has each version before it once; and the statement of the other bank that names it is right.
#![no_main]

use feiqian_core::currency::Currency;
use feiqian_core::limits::DETAILS_BYTES_MAX;
use feiqian_files::details::{Details, Underlying};
use feiqian_iso20022::Limits;
use feiqian_iso20022::payment::{AccountId, CreditTransfer, Entry};
use feiqian_iso20022::statement::read_statements;
use feiqian_iso20022::transfers::TransferReader;
use feiqian_iso20022::write::{
    AccountReport, Balance, BankTransactionCode, Obligation, ReportEntry, camt053, pacs009, to_text,
};
use libfuzzer_sys::fuzz_target;

const AT: &str = "2026-03-16T08:00:00Z";
const DAY: &str = "2026-03-16";

fn statement(details: &Details, currency: Currency) -> String {
    let balance = |kind| Balance { kind, minor: 100, date: DAY.to_owned() };
    let entry = ReportEntry {
        reference: None,
        minor: 100,
        is_credit: true,
        booked: AT.to_owned(),
        value_date: Some(DAY.to_owned()),
        servicer_reference: None,
        code: BankTransactionCode::RECEIVED,
        transactions: vec![details.entry_transaction(7)],
        information: None,
    };
    let report = AccountReport {
        business: None,
        message_id: "S-1".to_owned(),
        creation: AT.to_owned(),
        id: "S-1".to_owned(),
        sequence: None,
        period: None,
        account: AccountId::Other { id: "1".to_owned(), scheme: None },
        currency,
        owner: None,
        servicer: None,
        balances: vec![balance("OPBD"), balance("CLBD")],
        summary: None,
        entries: vec![entry],
    };
    to_text(|out| camt053(out, &report)).expect("a statement can be written")
}

/// A cover with a customer's transfer of any content.
fn cover(below: &Underlying, said: String) -> (String, CreditTransfer) {
    let bic = |text| feiqian_core::bic::Bic::parse(text).expect("a BIC");
    let obligation = Obligation {
        message_id: "M-1".to_owned(),
        creation: AT.to_owned(),
        settlement_date: DAY.to_owned(),
        operator: bic("CLRHXXAAXXX"),
        debtor: bic("BNKAXXAAXXX"),
        creditor: bic("BNKBXXAAXXX"),
        amount: feiqian_core::money::Amount::new(100).expect("not zero"),
        currency: Currency::from_code("EUR").expect("a currency"),
        reference: "C-1".to_owned(),
        uetr: feiqian_core::uetr::Uetr::from_digest([7; 16]),
    };
    let (head, mut transfer) = obligation.to_message().expect("supported");
    transfer.details.underlying = Some(Box::new(below.details()));
    transfer.details.said = said.into();
    let text = to_text(|out| pacs009(out, &head, std::slice::from_ref(&transfer)));
    (text.expect("a cover can be written"), transfer)
}

fuzz_target!(|bytes: &[u8]| {
    let Some(details) = Details::decode(bytes) else { return };
    let written = details.clone().encode();
    let is_whole = bytes.len() <= DETAILS_BYTES_MAX / 8;
    if is_whole {
        assert_eq!(Details::decode(&written).as_ref(), Some(&details), "as it was");
    }
    let mut version = details.version;
    for before in std::iter::successors(details.in_version_before(), Details::in_version_before) {
        assert!(before.version < version && before.version > 0);
        version = before.version;
        let written = before.clone().encode();
        assert!(!is_whole || Details::decode(&written) == Some(before));
    }
    let text = statement(&details, Currency::from_code("EUR").expect("a currency"));
    read_statements(text.as_bytes(), Limits::default()).unwrap_or_else(|error| panic!("{error}: {text}"));
    if let Some(below) = details.underlying.as_deref() {
        let (text, sent) = cover(below, details.said.clone());
        let mut reader = TransferReader::new(text.as_bytes(), Limits::default()).expect("readable");
        let read = reader.next_transfer().unwrap_or_else(|error| panic!("{error}: {text}"));
        let Some(Entry::Transfer(read)) = read else { panic!("{read:?}") };
        assert_eq!((read.amount, read.details.ids), (sent.amount, sent.details.ids));
    }
});
