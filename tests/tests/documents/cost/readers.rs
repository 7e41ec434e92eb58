//! Every reader of ISO 20022, each with a look at all that it keeps: what was read, or why not.

use feiqian_iso20022::account_query::AccountQuery;
use feiqian_iso20022::direct_debit::DirectDebits;
use feiqian_iso20022::investigation::Investigation;
use feiqian_iso20022::payment_request::PaymentRequest;
use feiqian_iso20022::recall::Recall;
use feiqian_iso20022::reject::MessageReject;
use feiqian_iso20022::reporting_request::ReportingRequest;
use feiqian_iso20022::resolution::Resolution;
use feiqian_iso20022::returns::ReturnReader;
use feiqian_iso20022::statement::read_statements;
use feiqian_iso20022::status::StatusReport;
use feiqian_iso20022::status_request::StatusRequest;
use feiqian_iso20022::system_event::SystemEventNotice;
use feiqian_iso20022::transfers::check;
use feiqian_iso20022::verification::VerificationRequest;
use feiqian_iso20022::{Limits, ReadError};

use super::Reader;

/// The elements that a message keeps, or why it can't be read.
pub(super) type Read = Result<usize, ReadError>;

fn limits() -> Limits {
    Limits::default()
}

pub(super) fn transfers(bytes: &[u8]) -> Read {
    check(bytes, limits()).map(|summary| usize::try_from(summary.transactions).unwrap_or(usize::MAX))
}

pub(super) fn returns(bytes: &[u8]) -> Read {
    let mut reader = ReturnReader::new(bytes, limits())?;
    let mut count = 0;
    while reader.next_return()?.is_some() {
        count += 1;
    }
    reader.finish().map(|_| count)
}

pub(super) fn recalls(bytes: &[u8]) -> Read {
    let read = Recall::read(bytes, limits())?;
    Ok(read.groups.iter().count() + read.transactions.iter().count())
}

pub(super) fn customers_recalls(bytes: &[u8]) -> Read {
    let read = Recall::read_customers(bytes, limits())?;
    Ok(read.groups.iter().count() + read.transactions.iter().count())
}

pub(super) fn resolutions(bytes: &[u8]) -> Read {
    let read = Resolution::read(bytes, limits())?;
    Ok(read.groups.iter().count() + read.transactions.iter().count())
}

pub(super) fn status_reports(bytes: &[u8]) -> Read {
    let read = StatusReport::read(bytes, limits())?;
    Ok(read.head.groups.iter().count() + read.payments.iter().count() + read.transactions.iter().count())
}

pub(super) fn status_requests(bytes: &[u8]) -> Read {
    let read = StatusRequest::read(bytes, limits())?;
    Ok(read.groups.iter().count() + read.transactions.iter().count())
}

pub(super) fn statements(bytes: &[u8]) -> Read {
    let (_, all) = read_statements(bytes, limits())?;
    let entries = all.iter().flat_map(|statement| &statement.entries);
    Ok(all.len() + entries.map(|entry| entry.transactions.iter().count() + 1).sum::<usize>())
}

pub(super) fn verifications(bytes: &[u8]) -> Read {
    VerificationRequest::read(bytes, limits()).map(|read| read.accounts.iter().count())
}

pub(super) fn account_queries(bytes: &[u8]) -> Read {
    AccountQuery::read(bytes, limits()).map(|read| read.criteria.len())
}

pub(super) fn reporting_requests(bytes: &[u8]) -> Read {
    ReportingRequest::read(bytes, limits()).map(|read| read.reports.iter().count())
}

pub(super) fn direct_debits(bytes: &[u8]) -> Read {
    DirectDebits::read(bytes, limits()).map(|read| read.debits.iter().count())
}

pub(super) fn requests_to_pay(bytes: &[u8]) -> Read {
    PaymentRequest::read(bytes, limits()).map(|read| read.requests.iter().count())
}

pub(super) fn unable_to_apply(bytes: &[u8]) -> Read {
    Investigation::read_unable_to_apply(bytes, limits()).map(|_| 1)
}

pub(super) fn additional_information(bytes: &[u8]) -> Read {
    Investigation::read_additional(bytes, limits()).map(|_| 1)
}

pub(super) const READERS: &[(&str, Reader)] = &[
    ("transfers", |bytes| drop(transfers(bytes))),
    ("returns", |bytes| drop(returns(bytes))),
    ("recalls", |bytes| drop(recalls(bytes))),
    ("customers' recalls", |bytes| drop(customers_recalls(bytes))),
    ("resolutions", |bytes| drop(resolutions(bytes))),
    ("status reports", |bytes| drop(status_reports(bytes))),
    ("status requests", |bytes| drop(status_requests(bytes))),
    ("statements", |bytes| drop(statements(bytes))),
    ("verifications", |bytes| drop(verifications(bytes))),
    ("account queries", |bytes| drop(account_queries(bytes))),
    ("reporting requests", |bytes| drop(reporting_requests(bytes))),
    ("system events", |bytes| drop(SystemEventNotice::read(bytes, limits()))),
    ("rejects", |bytes| drop(MessageReject::read(bytes, limits()))),
    ("direct debits", |bytes| drop(direct_debits(bytes))),
    ("requests to pay", |bytes| drop(requests_to_pay(bytes))),
    ("unable to apply", |bytes| drop(unable_to_apply(bytes))),
    ("additional information", |bytes| drop(additional_information(bytes))),
];
