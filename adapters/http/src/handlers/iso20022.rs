//! ISO 20022 messages: whatever a bank would have put into the inbox, answered in the same connection; and what the house has
//! to say to a bank by itself, which it fetches.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, rt};
use feiqian_core::bic::Bic;
use feiqian_core::participant::ParticipantHandle;
use feiqian_files::handed::{self, Handed, Handling, Taken, is_of_payments};
use feiqian_files::mailbox::{self, LetterName, Place, Posted};
use feiqian_files::timestamp::date_time;
use feiqian_files::{Disposition, FilesError};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;

use super::paging;
use crate::api::{Call, answer};
use crate::model::{MessageView, Messages};
use crate::number::Digits;
use crate::problem::{Outcome, Problem};
use crate::usage;

const NANOS_PER_MICRO: u64 = 1_000;

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Asked {
    Instant,
    Queued,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendQuery {
    handling: Option<Asked>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    participant: Option<String>,
    after: Option<String>,
    limit: Option<Digits>,
}

/// `POST /v1/iso20022`.
pub(crate) async fn take(call: Call) -> Outcome<HttpResponse> {
    let query: SendQuery = call.query()?;
    let handling = match query.handling {
        None => Handling::Plain,
        Some(Asked::Instant) => Handling::Instant,
        Some(Asked::Queued) => Handling::Queued,
    };
    let handed = Handed { by: call.own()?, text: call.body.to_vec(), handling };
    let files = Arc::clone(&call.api.files);
    // What is no payment may look through much of the journal: a few at a time, in the order in which they came.
    let turn = match is_of_payments(&handed.text, &files.limits) {
        true => None,
        false => Some(turn(&call).await?),
    };
    let taken = call.ask(move |engine| {
        let _turn = turn;
        handed::take(engine, &files, handed).map_err(|fault| told(&fault))
    });
    answered(taken.await?)
}

fn answered(taken: Taken) -> Outcome<HttpResponse> {
    let Taken { report, answer } = taken;
    match (answer, report.disposition) {
        (Some(text), Disposition::Rejected) => Ok(xml(StatusCode::BAD_REQUEST, text)),
        (Some(text), _) => Ok(xml(StatusCode::OK, text)),
        // A reject is never answered by a reject.
        (None, Disposition::Rejected) => {
            Err(Problem::body(String::new(), report.reason.unwrap_or_else(|| "it can't be read".to_owned())))
        }
        (None, _) => Ok(HttpResponse::NoContent().finish()),
    }
}

fn xml(status: StatusCode, text: Vec<u8>) -> HttpResponse {
    HttpResponse::build(status).content_type("application/xml").body(text)
}

/// `GET /v1/iso20022/messages`.
pub(crate) async fn list(call: Call) -> Outcome<HttpResponse> {
    let query: ListQuery = call.query()?;
    let limit = paging::limit(query.limit.as_ref())?;
    let to = call.whose(query.participant.as_deref())?.map(|whose| bic(&call, whose)).transpose()?;
    let unknown = || Problem::parameter("after", "not a `next` or a `place` that a list has given");
    let after = query.after.as_deref().map(|text| Place::parse(text).ok_or_else(unknown)).transpose()?;
    // The outbox is read through.
    let (turn, files, from) = (turn(&call).await?, Arc::clone(&call.api.files), after.clone());
    let listed = call.ask(move |_| {
        let _turn = turn;
        mailbox::list(&files.work, to, (from.as_ref(), limit)).map_err(|fault| told(&fault))
    });
    let listed = listed.await?;
    let next = listed.last().map(|last| last.place.clone()).or(after).map(|place| place.to_string());
    answer(&Messages { messages: listed.into_iter().map(view).collect(), next })
}

/// `GET /v1/iso20022/messages/{message}`.
pub(crate) async fn one(call: Call) -> Outcome<HttpResponse> {
    let absent = || Problem::absent("there is no such message for the caller, or none any more");
    let name = LetterName::parse(call.part("message")).ok_or_else(absent)?;
    let to = name.to().and_then(|bic| call.api.engine.directory().participant(bic));
    to.filter(|to| call.asker.sees(*to)).ok_or_else(absent)?;
    let (turn, files) = (turn(&call).await?, Arc::clone(&call.api.files));
    let text = call.ask(move |_| {
        let _turn = turn;
        mailbox::read(&files.work, &name).map_err(|fault| told(&fault))
    });
    Ok(xml(StatusCode::OK, text.await?.ok_or_else(absent)?))
}

/// A place among what looks through much. It goes along to where the work is done, which goes on where a caller has gone.
async fn turn(call: &Call) -> Outcome<OwnedSemaphorePermit> {
    let busy = || Problem::busy("too many messages at once: send it again");
    let place = Arc::clone(&call.api.messages).acquire_owned();
    let waited = rt::time::timeout(call.api.options.answer_timeout, place).await;
    waited.map_err(|_| busy())?.map_err(|_| busy())
}

fn bic(call: &Call, participant: ParticipantHandle) -> Outcome<Bic> {
    usage::bic(call.api.engine.directory(), participant).ok_or_else(Problem::fault)
}

fn view(posted: Posted) -> MessageView {
    let Posted { place, bytes } = posted;
    MessageView {
        message: place.name.to_string(),
        kind: place.name.kind().to_owned(),
        to: place.name.to().map(|bic| bic.to_string()).unwrap_or_default(),
        bytes,
        posted_at: date_time(place.posted.saturating_mul(NANOS_PER_MICRO)),
        place: place.to_string(),
    }
}

fn told(fault: &FilesError) -> Problem {
    match fault {
        FilesError::Busy => Problem::busy("too many transfers are in flight: send it again"),
        FilesError::Closing => Problem::from(feiqian_runtime::admission::Busy::Closing),
        _ => Problem::fault(),
    }
}
