//! What all handlers share, and what one call is.

use std::sync::Arc;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use feiqian_core::bic::Bic;
use feiqian_core::command::Genesis;
use feiqian_core::participant::ParticipantHandle;
use feiqian_files::IntakeOptions;
use feiqian_runtime::pipeline::Engine;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::caller::{Asker, Identify};
use crate::codes::CodeKey;
use crate::handlers::Streaming;
use crate::meter::Meter;
use crate::options::HttpOptions;
use crate::problem::{Outcome, Problem};
use crate::scanner::Scanner;
use crate::webhooks::desk::Desk;

/// What all calls share.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) engine: Engine,
    pub(crate) genesis: Genesis,
    /// What QR codes are sealed with.
    pub(crate) codes: CodeKey,
    /// Who sends statements.
    pub(crate) operator: Bic,
    /// How messages are taken in, and where those to banks lie.
    pub(crate) files: Arc<IntakeOptions>,
    /// Messages without payments that are worked on at once, and looks into the outbox.
    pub(crate) messages: Arc<Semaphore>,
    /// Where participants register webhooks; none where nobody is told.
    pub(crate) webhooks: Option<Arc<Desk>>,
    /// What reads pictures of codes; none where nothing does.
    pub(crate) scanner: Option<Scanner>,
    /// Pictures that may still be read at once.
    pub(crate) scans: Semaphore,
    pub(crate) options: HttpOptions,
    pub(crate) meter: Meter,
    pub(crate) identify: Arc<dyn Identify>,
    /// KiB of large bodies that may still be taken in at once.
    pub(crate) bodies: Arc<Semaphore>,
    /// Lists that go through everybody's things, on the thread that seals: one at a time.
    pub(crate) lists: Arc<Semaphore>,
    /// Streams that each caller has open.
    pub(crate) streaming: Arc<Streaming>,
    /// Proofs that may still be made at once.
    pub(crate) proofs: Arc<Semaphore>,
    /// Streams of events that may still be opened.
    pub(crate) streams: Arc<Semaphore>,
    /// The description, as it is served.
    pub(crate) description: Vec<u8>,
}

/// One request that has passed the front.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) api: Arc<Api>,
    pub(crate) asker: Asker,
    pub(crate) request: HttpRequest,
    pub(crate) body: Bytes,
}

impl Call {
    /// The body as JSON, strictly: no field that is not known, none twice.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Outcome<T> {
        read_json(&self.body)
    }

    /// The query, which has been held to the table.
    pub(crate) fn query<T: DeserializeOwned>(&self) -> Outcome<T> {
        let read = web::Query::<T>::from_query(self.request.query_string());
        read.map(web::Query::into_inner).map_err(|_| Problem::query())
    }

    /// A part of the path.
    pub(crate) fn part(&self, name: &'static str) -> &str {
        self.request.match_info().get(name).unwrap_or_default()
    }

    /// The turn to go through everybody's things, once it comes.
    pub(crate) async fn scan(&self) -> Outcome<OwnedSemaphorePermit> {
        Arc::clone(&self.api.lists).acquire_owned().await.map_err(|_| Problem::fault())
    }

    /// The participant that the caller acts for.
    pub(crate) fn own(&self) -> Outcome<ParticipantHandle> {
        let detail = "the caller acts for no participant";
        self.asker.participant.ok_or_else(|| Problem::forbidden(detail))
    }

    /// The participant whose things are asked for: the caller's, or, for those who see all, the one that is named; none
    /// there for all.
    pub(crate) fn whose(&self, named: Option<&str>) -> Outcome<Option<ParticipantHandle>> {
        let Some(text) = named else { return Ok(self.asker.participant) };
        let found = Bic::parse(text).ok().and_then(|bic| self.api.engine.directory().participant(bic));
        found
            .filter(|found| self.asker.sees(*found))
            .map(Some)
            .ok_or_else(|| Problem::absent("no such participant"))
    }

    /// Asks something that waits for disks or for the engine, away from the threads that serve.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Engine) -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        let engine = self.api.engine.clone();
        web::block(move || question(&engine)).await.map_err(|_| Problem::fault())?
    }
}

/// Reads JSON; what is wrong is looked for again, with its place.
pub(crate) fn read_json<T: DeserializeOwned>(body: &[u8]) -> Outcome<T> {
    serde_json::from_slice(body).map_err(|first| {
        let from = &mut serde_json::Deserializer::from_slice(body);
        match serde_path_to_error::deserialize::<_, T>(from) {
            Err(error) => Problem::body(pointer(error.path()), error.inner().to_string()),
            Ok(_) => Problem::body(String::new(), first.to_string()),
        }
    })
}

/// A path as a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut text = String::new();
    for segment in path {
        let token = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { .. } | Segment::Unknown => continue,
        };
        text.push('/');
        text.push_str(&token);
    }
    text
}

/// An answer in JSON.
pub(crate) fn answer<T: Serialize>(body: &T) -> Outcome<HttpResponse> {
    let bytes = serde_json::to_vec(body).map_err(|_| Problem::fault())?;
    Ok(HttpResponse::Ok().content_type("application/json").body(bytes))
}
