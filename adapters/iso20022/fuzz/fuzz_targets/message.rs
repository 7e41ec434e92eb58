//! Any bytes as a file: no reader panics, each reads the same however the bytes come in, only the reader of its family
//! takes a message, and whatever can't be read has an answer that is itself read.
#![no_main]

use std::io::{BufRead, BufReader};

use feiqian_iso20022::account_query::AccountQuery;
use feiqian_iso20022::direct_debit::DirectDebits;
use feiqian_iso20022::investigation::Investigation;
use feiqian_iso20022::payment_request::PaymentRequest;
use feiqian_iso20022::recall::Recall;
use feiqian_iso20022::reject::MessageReject;
use feiqian_iso20022::reporting_request::ReportingRequest;
use feiqian_iso20022::resolution::Resolution;
use feiqian_iso20022::returns::{ReturnEntry, ReturnReader};
use feiqian_iso20022::statement::read_statements;
use feiqian_iso20022::status::StatusReport;
use feiqian_iso20022::status_request::StatusRequest;
use feiqian_iso20022::system_event::SystemEventNotice;
use feiqian_iso20022::transfers::{TransferReader, check, identify};
use feiqian_iso20022::verification::VerificationRequest;
use feiqian_iso20022::{Limits, ReadError, write};
use libfuzzer_sys::fuzz_target;

/// What one reader makes of a file, as text.
type Read = Result<String, ReadError>;

fn transfers(input: impl BufRead, limits: Limits) -> Read {
    let mut reader = TransferReader::new(input, limits)?;
    let mut text = String::new();
    while let Some(entry) = reader.next_transfer()? {
        text.push_str(&format!("{entry:?}"));
    }
    Ok(format!("{text}{:?}", reader.finish()?))
}

fn returns(input: impl BufRead, limits: Limits) -> Read {
    let mut reader = ReturnReader::new(input, limits)?;
    let mut text = String::new();
    while let Some(entry) = reader.next_return()? {
        if let ReturnEntry::Refused(refused) = &entry {
            assert!(!refused.refusal.text.is_empty(), "a refusal says why");
        }
        text.push_str(&format!("{entry:?}"));
    }
    Ok(format!("{text}{:?}", reader.finish()?))
}

fn recalls(input: impl BufRead, limits: Limits) -> Read {
    let recall = Recall::read(input, limits)?;
    Ok(format!("{:?}{:?}", recall.refusals(), recall))
}

fn customers_recalls(input: impl BufRead, limits: Limits) -> Read {
    let recall = Recall::read_customers(input, limits)?;
    Ok(format!("{:?}{}{:?}", recall.refusals(), recall.passed_type(), recall))
}

fn reports(input: impl BufRead, limits: Limits) -> Read {
    let report = StatusReport::read(input, limits)?;
    Ok(format!("{:?}{:?}{:?}", report.refusals(), report.confirmations(), report))
}

fn resolutions(input: impl BufRead, limits: Limits) -> Read {
    let answer = Resolution::read(input, limits)?;
    let verdicts: Vec<_> = answer.transactions.iter().map(|one| answer.verdict(&one)).collect();
    Ok(format!("{verdicts:?}{:?}{answer:?}", answer.refusals()))
}

fn requests(input: impl BufRead, limits: Limits) -> Read {
    let request = PaymentRequest::read(input, limits)?;
    let amounts: Vec<_> = request.requests.iter().map(|one| one.to_minor()).collect();
    Ok(format!("{amounts:?}{:?}{request:?}", request.refusals()))
}

fn read_all(input: impl Fn() -> Box<dyn BufRead>) -> Vec<Read> {
    let limits = Limits::default();
    vec![
        transfers(input(), limits),
        returns(input(), limits),
        recalls(input(), limits),
        customers_recalls(input(), limits),
        reports(input(), limits),
        resolutions(input(), limits),
        read_statements(input(), limits).map(|read| format!("{read:?}")),
        StatusRequest::read(input(), limits).map(|read| format!("{:?}{read:?}", read.refusals())),
        VerificationRequest::read(input(), limits).map(|read| format!("{read:?}")),
        AccountQuery::read(input(), limits).map(|read| format!("{}{read:?}", read.answer_type())),
        ReportingRequest::read(input(), limits).map(|read| format!("{read:?}")),
        SystemEventNotice::read(input(), limits).map(|read| format!("{read:?}")),
        MessageReject::read(input(), limits).map(|read| format!("{read:?}")),
        requests(input(), limits),
        Investigation::read_unable_to_apply(input(), limits).map(|read| format!("{read:?}")),
        Investigation::read_additional(input(), limits).map(|read| format!("{read:?}")),
        DirectDebits::read(input(), limits).map(|read| format!("{read:?}")),
    ]
}

fuzz_target!(|bytes: &[u8]| {
    let owned = bytes.to_vec();
    let whole = read_all(|| Box::new(std::io::Cursor::new(owned.clone())));
    let pieces = read_all(|| Box::new(BufReader::with_capacity(7, std::io::Cursor::new(owned.clone()))));
    assert_eq!(whole, pieces, "what comes in pieces is read like what comes at once");
    assert!(whole.iter().filter(|read| read.is_ok()).count() <= 1, "a message has one reader");
    assert_eq!(check(bytes, Limits::default()).is_ok(), whole[0].is_ok());
    if whole.iter().any(Result::is_ok) {
        assert!(identify(bytes, Limits::default()).is_ok());
    }
    for error in whole.iter().filter_map(|read| read.as_ref().err()) {
        assert!(error.position <= bytes.len() as u64 && !error.message.is_empty());
        let answer = MessageReject::of(error, "2026-03-16T08:00:00Z");
        let text = write::to_text(|out| write::admi002(out, &answer)).expect("an answer can be written");
        MessageReject::read(text.as_bytes(), Limits::default()).expect("and read");
    }
});
