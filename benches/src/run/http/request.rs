//! From a batch to a request of the JSON API: path and body. One transfer, hold, posting or voiding is a request of its own;
//! several transfers are a bulk in which each stands on its own.

use std::fmt::Write as _;

use feiqian_core::currency::Currency;
use feiqian_core::money::decimal;
use feiqian_core::transfer::{Record, flags};
use feiqian_core::uetr::Uetr;

use crate::workload::maker::MadeBatch;

/// What is posted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in super::super) struct Request {
    pub(in super::super) path: String,
    pub(in super::super) body: String,
}

/// Of a batch.
pub(in super::super) fn of(made: &MadeBatch) -> Request {
    match made.records.as_slice() {
        [record] => single(record),
        records => bulk(records),
    }
}

fn single(record: &Record) -> Request {
    let bits = record.flags.get();
    let mut body = String::with_capacity(256);
    let path = match bits & (flags::HOLD | flags::POST | flags::VOID) {
        flags::HOLD => {
            push_payment(&mut body, record);
            "/v1/holds".to_owned()
        }
        flags::POST => {
            let _ = write!(body, "{{\"uetr\":\"{}\",", id_text(record.uetr.get()));
            push_amount(&mut body, record);
            body.push('}');
            format!("/v1/holds/{}/post", id_text(record.related.get()))
        }
        flags::VOID => {
            let _ = write!(body, "{{\"uetr\":\"{}\"}}", id_text(record.uetr.get()));
            format!("/v1/holds/{}/void", id_text(record.related.get()))
        }
        _ => {
            push_payment(&mut body, record);
            "/v1/transfers".to_owned()
        }
    };
    Request { path, body }
}

fn bulk(records: &[Record]) -> Request {
    let mut body = String::with_capacity(64 + 192 * records.len());
    body.push_str("{\"mode\":\"continue\",\"transfers\":[");
    for (at, record) in records.iter().enumerate() {
        if at > 0 {
            body.push(',');
        }
        push_payment(&mut body, record);
    }
    body.push_str("]}");
    Request { path: "/v1/transfers/bulk".to_owned(), body }
}

fn push_payment(body: &mut String, record: &Record) {
    let (debtor, creditor) = (record.debtor.get(), record.creditor.get());
    let id = id_text(record.uetr.get());
    let _ = write!(body, "{{\"uetr\":\"{id}\",\"debtor\":\"{debtor}\",\"creditor\":\"{creditor}\",");
    push_amount(body, record);
    if record.timeout.get() > 0 {
        let _ = write!(body, ",\"timeout_s\":{}", record.timeout.get());
    }
    body.push('}');
}

fn push_amount(body: &mut String, record: &Record) {
    let (amount, currency) = amount_of(record);
    let _ = write!(body, "\"amount\":{{\"amount\":\"{amount}\",\"currency\":\"{currency}\"}}");
}

/// A record's amount and currency, as the API writes them.
pub(in super::super) fn amount_of(record: &Record) -> (String, &'static str) {
    match Currency::from_numeric(record.currency.get()) {
        Some(currency) => (decimal(record.amount.get().into(), currency), currency.code()),
        // No load over HTTP has another.
        None => (record.amount.get().to_string(), ""),
    }
}

/// An id as the API writes it.
pub(in super::super) fn id_text(bits: u128) -> String {
    Uetr::new(bits).map(|id| id.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: u128 = 0x0001_0203_0405_4607_8809_0A0B_0C0D_0E0F;
    const EUR: u16 = 978;
    const JPY: u16 = 392;

    fn request(records: Vec<Record>) -> (String, serde_json::Value) {
        let request = of(&MadeBatch { records, expected: Vec::new() });
        (request.path, serde_json::from_str(&request.body).expect("JSON"))
    }

    #[test]
    fn each_kind_of_transfer_has_its_route_and_says_what_the_record_says() {
        let plain = Record::new(ID, 7, 8, 1_205, EUR);
        let id = "00010203-0405-4607-8809-0a0b0c0d0e0f";
        let (path, body) = request(vec![plain]);
        assert_eq!(path, "/v1/transfers");
        assert_eq!(
            body,
            serde_json::json!({"uetr": id, "debtor": "7", "creditor": "8",
                "amount": {"amount": "12.05", "currency": "EUR"}})
        );
        let mut hold = Record { flags: flags::HOLD.into(), timeout: 9.into(), ..plain };
        let (path, body) = request(vec![hold]);
        assert_eq!((path.as_str(), &body["timeout_s"]), ("/v1/holds", &9.into()));
        (hold.flags, hold.related, hold.uetr) = (flags::POST.into(), ID.into(), (ID + 1).into());
        let (path, body) = request(vec![hold]);
        assert_eq!((path, &body["amount"]["amount"]), (format!("/v1/holds/{id}/post"), &"12.05".into()));
        hold.flags = flags::VOID.into();
        let (path, body) = request(vec![hold]);
        assert_eq!(path, format!("/v1/holds/{id}/void"));
        assert_eq!(body, serde_json::json!({"uetr": id_text(ID + 1)}));
        let (path, body) = request(vec![plain, Record::new(ID + 1, 8, 7, 5, JPY)]);
        assert_eq!((path.as_str(), &body["mode"]), ("/v1/transfers/bulk", &"continue".into()));
        assert_eq!(body["transfers"][1]["amount"], serde_json::json!({"amount": "5", "currency": "JPY"}));
    }
}
