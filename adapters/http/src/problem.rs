//! What went wrong, as `application/problem+json` (RFC 9457), with its place in the request and the ISO reason code.

use std::borrow::Cow;
use std::ops::Deref;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use feiqian_core::outcome::RejectReason;
use feiqian_files::status;
use feiqian_identity::Unidentified;
use feiqian_identity::signed::SignatureFault;
use feiqian_iso20022::codes::{self, ReasonCode};
use feiqian_runtime::admission::Busy;
use serde::Serialize;
use utoipa::ToSchema;

/// What is sent with it.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Something that went wrong (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// A URN that names the kind of problem: `urn:feiqian:problem:insufficient_funds`.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem, for people.
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong with this request, and the way out.
    detail: &'a str,
    /// The code of the external code set ExternalStatusReason1Code, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 4, max_length = 4)]
    reason: Option<&'a str>,
    /// Where the request is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<PlaceError<'a>>,
    /// The UETR of the transfer that was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    uetr: Option<&'a str>,
    /// Its sequence in the journal, where it came so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
}

/// A place that is wrong: one of `pointer`, `parameter` and `header` says which.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct PlaceError<'a> {
    /// Of the body: a JSON pointer (RFC 6901); empty for the whole of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
    /// Of the path or the query: the parameter's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
    /// The header's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<&'a str>,
    /// What is wrong with it.
    detail: &'a str,
}

/// Where a request is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// In its body: a JSON pointer (RFC 6901).
    Pointer(String),
    /// A parameter of its path or query, by name.
    Parameter(String),
    /// A header, by name.
    Header(&'static str),
}

impl Place {
    fn told<'a>(&'a self, detail: &'a str) -> PlaceError<'a> {
        let told = PlaceError { detail, ..PlaceError::default() };
        match self {
            Self::Pointer(pointer) => PlaceError { pointer: Some(pointer), ..told },
            Self::Parameter(name) => PlaceError { parameter: Some(name), ..told },
            Self::Header(name) => PlaceError { header: Some(name), ..told },
        }
    }
}

/// Something that went wrong. Behind a pointer, for it is rare and every result has room for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem(Box<Wrong>);

impl Deref for Problem {
    type Target = Wrong;

    fn deref(&self) -> &Wrong {
        &self.0
    }
}

/// What a problem says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Wrong {
    pub(crate) status: u16,
    /// Its kind, in `snake_case`.
    pub(crate) kind: &'static str,
    pub(crate) title: &'static str,
    pub(crate) detail: Cow<'static, str>,
    pub(crate) reason: Option<ReasonCode>,
    pub(crate) place: Option<Place>,
    pub(crate) uetr: Option<String>,
    pub(crate) sequence: Option<u64>,
    retry_after_s: Option<u32>,
}

pub(crate) type Outcome<T> = Result<T, Problem>;

impl Problem {
    fn new(
        status: u16,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let detail = detail.into();
        Self(Box::new(Wrong {
            status,
            kind,
            title,
            detail,
            reason: None,
            place: None,
            uetr: None,
            sequence: None,
            retry_after_s: None,
        }))
    }

    fn at(mut self, pointer: String) -> Self {
        debug_assert!(pointer.is_empty() || pointer.starts_with('/'), "{pointer} is no JSON pointer");
        self.0.place = Some(Place::Pointer(pointer));
        self
    }

    fn within(mut self, place: Place) -> Self {
        self.0.place = Some(place);
        self
    }

    fn after(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// A field of the body that can't be read, or means nothing here.
    pub(crate) fn field(pointer: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::invalid(detail).at(pointer.into())
    }

    /// The same of a parameter of the path or the query.
    pub(crate) fn parameter(name: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::invalid(detail).within(Place::Parameter(name.into()))
    }

    /// The same of a header.
    pub(crate) fn header(name: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::invalid(detail).within(Place::Header(name))
    }

    fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(422, "invalid_field", "A field can't be taken", detail)
    }

    /// A QR code that is not taken, or not so.
    pub(crate) fn code(
        kind: &'static str,
        pointer: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(422, kind, "The QR code can't be paid", detail).at(pointer.to_owned())
    }

    /// A picture in which no code is found.
    pub(crate) fn picture(detail: impl Into<Cow<'static, str>>) -> Self {
        let problem = Self::new(422, "picture_unreadable", "No QR code can be read", detail);
        problem.at(String::new()).because(codes::CH16)
    }

    /// A QR code that another payment has paid.
    pub(crate) fn code_paid() -> Self {
        let detail = "it was paid before, by another payment; ask for a new one";
        let problem = Self::new(409, "code_paid", "The QR code can't be paid", detail).because(codes::AM05);
        problem.at("/payload".to_owned())
    }

    /// A webhook for which there is no place, or no name.
    pub(crate) fn webhook_taken(pointer: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(409, "webhook_taken", "The webhook can't be registered", detail).at(pointer.to_owned())
    }

    /// Something was handed to the engine, and what became of it is not known in time.
    pub(crate) fn outcome_unknown(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(504, "outcome_unknown", "It may still take effect", detail)
    }

    /// With a code of the ISO code set.
    pub(crate) fn because(mut self, reason: ReasonCode) -> Self {
        self.0.reason = Some(reason);
        self
    }

    /// The body is not the JSON that the route takes.
    pub(crate) fn body(pointer: String, detail: String) -> Self {
        let problem = Self::new(400, "malformed_body", "The body is not what the route takes", detail);
        problem.at(pointer)
    }

    /// The query is not what the route takes, though each of its parameters may be.
    pub(crate) fn query() -> Self {
        Self::malformed_query("see /v1/openapi.json for what it takes")
    }

    /// A parameter that the query must not have, or not again.
    pub(crate) fn parameter_misplaced(name: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::malformed_query(detail).within(Place::Parameter(name.into()))
    }

    fn malformed_query(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "malformed_query", "The query is not what the route takes", detail)
    }

    pub(crate) fn too_large(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(413, "too_large", "The body is over a bound", detail)
    }

    pub(crate) fn media_type(wanted: &'static str) -> Self {
        Self::new(415, "media_type", "The body is of another type", format!("send it as {wanted}"))
    }

    pub(crate) fn unidentified(fault: &Unidentified) -> Self {
        let detail = fault.to_string();
        if *fault == Unidentified::Signature(SignatureFault::Full) {
            return Self::new(429, "caller_busy", "The caller signs too many requests", detail).after(1);
        }
        Self::new(401, "unidentified", "Nobody is known to have sent this", detail)
    }

    /// Somebody is known to have sent it, for a participant who is not.
    pub(crate) fn stranger() -> Self {
        let detail = "the caller's participant does not take part here";
        Self::new(401, "unidentified", "Nobody is known to have sent this", detail)
    }

    pub(crate) fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(403, "forbidden", "The caller may not do this", detail)
    }

    /// What is not there, and what is another's, alike.
    pub(crate) fn absent(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(404, "not_found", "There is no such thing for the caller", detail)
    }

    pub(crate) fn method() -> Self {
        Self::new(405, "method", "The route does not take this method", "see /v1/openapi.json")
    }

    pub(crate) fn read_timeout() -> Self {
        Self::new(408, "read_timeout", "The request did not come in time", "send it again, in one go")
    }

    /// The answer did not come in time; nothing was to be changed.
    pub(crate) fn answer_timeout() -> Self {
        Self::new(503, "answer_timeout", "No answer in time", "ask again").after(1)
    }

    /// Too many of a kind at once.
    pub(crate) fn busy(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(503, "busy", "Too much at once", detail).after(1)
    }

    pub(crate) fn closing(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(503, "closing", "The clearing house is shutting down", detail).after(10)
    }

    /// Something is wrong with the files or the engine.
    pub(crate) fn fault() -> Self {
        let detail = "the operator has to look into this; nothing is known to have been changed";
        Self::new(500, "fault", "The clearing house can't answer", detail)
    }

    /// The engine refused a transfer: its reason, by the one table.
    pub(crate) fn refused(reason: RejectReason, uetr: String, sequence: Option<u64>) -> Self {
        let (code, detail) = status::reason(reason);
        let status = if reason == RejectReason::IdReused { 409 } else { 422 };
        let mut problem = Self::new(status, reason.name(), "The transfer was refused", detail).because(code);
        (problem.0.uetr, problem.0.sequence) = (Some(uetr), sequence);
        problem
    }

    pub(crate) fn response(&self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        response.insert_header((CONTENT_TYPE, PROBLEM_JSON));
        if let Some(seconds) = self.retry_after_s {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if self.status == 401 {
            response.insert_header((WWW_AUTHENTICATE, "Bearer, Signature"));
        }
        let body = ProblemBody {
            kind: format!("urn:feiqian:problem:{}", self.kind),
            title: self.title,
            status: self.status,
            detail: &self.detail,
            reason: self.reason.map(|code| code.as_str()),
            errors: self.place.as_ref().map(|place| place.told(&self.detail)).into_iter().collect(),
            uetr: self.uetr.as_deref(),
            sequence: self.sequence,
        };
        response.body(serde_json::to_vec(&body).unwrap_or_default())
    }
}

impl From<Busy> for Problem {
    fn from(busy: Busy) -> Self {
        let detail = busy.to_string();
        match busy {
            Busy::Participant => {
                Self::new(429, "participant_busy", "The participant has too much in flight", detail).after(1)
            }
            Busy::Engine => Self::busy(detail),
            Busy::Batch => Self::too_large(detail),
            Busy::Closing => Self::closing(detail),
        }
    }
}
