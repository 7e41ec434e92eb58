//! ISO 20022 messages of payments: what a bank would have put into the inbox, answered in the same connection.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use feiqian_files::document::{Answered, take_document};
use feiqian_files::{FilesError, timestamp};
use feiqian_iso20022::Limits;

use crate::api::Call;
use crate::limits::XML_BYTES_MAX;
use crate::problem::{Outcome, Problem};

/// `POST /v1/iso20022`.
pub(crate) async fn take(call: Call) -> Outcome<HttpResponse> {
    let (own, operator, bytes) = (call.own()?, call.api.operator, call.body.to_vec());
    let usage = call.api.options.usage.clone();
    let limits = Limits { file_bytes_max: XML_BYTES_MAX as u64, ..Limits::default() };
    let answered = call.ask(move |engine| {
        take_document(engine, (operator, own), (bytes, &usage), (limits, timestamp::now()))
            .map_err(|fault| told(&fault))
    });
    let (status, text) = match answered.await? {
        Answered::Statuses(text) => (StatusCode::OK, text),
        Answered::Rejected(text) => (StatusCode::BAD_REQUEST, text),
    };
    Ok(HttpResponse::build(status).content_type("application/xml").body(text))
}

fn told(fault: &FilesError) -> Problem {
    match fault {
        FilesError::Busy => Problem::busy("too many transfers are in flight: send it again"),
        FilesError::Closing => Problem::from(feiqian_runtime::admission::Busy::Closing),
        _ => Problem::fault(),
    }
}
