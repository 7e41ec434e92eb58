//! The caller's transfers as server-sent events, in journal order, once their block is sealed. An event's id is the
//! sequence; a client that comes back with `Last-Event-ID` goes on behind it, after any restart of either side.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::Method;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::rt;
use actix_web::web::Bytes;
use feiqian_core::participant::ParticipantHandle;
use feiqian_runtime::pipeline::Engine;
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::api::Call;
use crate::caller::Asker;
use crate::feed;
use crate::limits::{STREAM_LASTS, STREAMS_SHARE};
use crate::number::{Digits, optional, strict};
use crate::problem::{Outcome, Problem};

/// Between two looks for a new block.
const PAUSE: Duration = Duration::from_millis(100);
/// Looks without an event after which a comment is sent, so that a connection that has gone is noticed.
const LOOKS_TO_COMMENT: u32 = 100;
/// Rounds of events that may wait for a slow reader; a slower one is waited for.
const ROUNDS: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    /// As `Last-Event-ID`, for clients that can't send that.
    after: Option<Digits>,
}

/// `GET /v1/events`.
pub(crate) async fn stream(call: Call) -> Outcome<HttpResponse> {
    let query: Query = call.query()?;
    let header = call.request.headers().get("last-event-id");
    let unreadable = || Problem::header("Last-Event-ID", "a sequence, as the id of an event");
    let resumed = match header {
        Some(value) => {
            let text = value.to_str().map_err(|_| unreadable())?;
            Some(strict::<u64>(text.trim()).ok_or_else(unreadable)?)
        }
        None => optional(query.after.as_ref(), "after")?,
    };
    if call.request.method() == Method::HEAD {
        let (_, none) = mpsc::channel(ROUNDS);
        return Ok(told(Received(none)));
    }
    let room = Arc::clone(&call.api.streams).try_acquire_owned();
    let room = room.map_err(|_| Problem::busy("as many streams as may be are open"))?;
    let share = call.api.streaming.open(call.asker.participant)?;
    let after = match resumed {
        Some(sequence) => sequence,
        // From now on.
        None => call.ask(feed::sealed).await?,
    };
    let (events, received) = mpsc::channel(ROUNDS);
    let patience = call.api.options.read_timeout;
    let following = follow(call.api.engine.clone(), call.asker, after, (events, patience));
    rt::spawn(async move {
        // Whoever comes back proves again who it is.
        let _ = rt::time::timeout(STREAM_LASTS, following).await;
        drop((room, share));
    });
    Ok(told(Received(received)))
}

fn told(events: Received) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(events)
}

/// How many streams each participant has open; those who act for nobody share one count.
#[derive(Debug, Default)]
pub(crate) struct Streaming(Mutex<HashMap<Option<ParticipantHandle>, usize>>);

impl Streaming {
    fn open(self: &Arc<Self>, participant: Option<ParticipantHandle>) -> Outcome<Share> {
        let mut open = self.0.lock();
        let count = open.entry(participant).or_default();
        if *count == STREAMS_SHARE {
            return Err(Problem::busy("the caller has as many streams open as it may"));
        }
        *count += 1;
        Ok(Share { streaming: Arc::clone(self), participant })
    }
}

/// A participant's place among its own; gives it back when dropped.
struct Share {
    streaming: Arc<Streaming>,
    participant: Option<ParticipantHandle>,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut open = self.streaming.0.lock();
        if let Entry::Occupied(mut count) = open.entry(self.participant) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// What a connection sends: rounds of events as they come.
struct Received(mpsc::Receiver<Bytes>);

impl MessageBody for Received {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.0.poll_recv(context).map(|round| round.map(Ok))
    }
}

/// Reads on until the client has gone or the files can't be read.
async fn follow(
    engine: Engine,
    asker: Asker,
    mut after: u64,
    (events, patience): (mpsc::Sender<Bytes>, Duration),
) {
    let mut looks = 0;
    loop {
        let reader = engine.clone();
        let read = rt::task::spawn_blocking(move || round(&reader, asker, after)).await;
        let Ok(Ok((text, reached))) = read else { return };
        let is_moving = reached > after;
        after = reached;
        looks = if text.is_empty() { looks + 1 } else { 0 };
        let told = match (text.is_empty(), looks >= LOOKS_TO_COMMENT) {
            (false, _) => Some(Bytes::from(text)),
            (true, true) => {
                looks = 0;
                Some(Bytes::from_static(b": still here\n\n"))
            }
            (true, false) => None,
        };
        if let Some(told) = told {
            // Who reads nothing holds no place.
            let sent = rt::time::timeout(patience, events.send(told)).await;
            if !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
        if events.is_closed() {
            return;
        }
        if !is_moving {
            rt::time::sleep(PAUSE).await;
        }
    }
}

/// The events behind a sequence as they are sent, within a bound, and how far was read.
fn round(engine: &Engine, asker: Asker, after: u64) -> Outcome<(String, u64)> {
    let mut text = String::new();
    let read = feed::read(engine, asker, after, &mut |sequence, event| {
        let json = serde_json::to_string(event).map_err(|_| Problem::fault())?;
        // Writing into a String cannot fail.
        let _ = write!(text, "id: {sequence}\nevent: transfer\ndata: {json}\n\n");
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((text, read.reached))
}
