//! Messages of the house to a participant, which it fetches.

use serde::Serialize;
use utoipa::ToSchema;

/// A message to a participant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Message)]
pub(crate) struct MessageView {
    /// Its name: the message's own id, who it is for, and what it is.
    #[schema(example = "FQF0123456789abcdef01234567.BNKBXXAAXXX.camt.056")]
    pub(crate) message: String,
    /// What it is: `camt.056`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// BIC of who it is for.
    pub(crate) to: String,
    /// Of its XML.
    pub(crate) bytes: u64,
    /// When it was put there, UTC.
    pub(crate) posted_at: String,
    /// What `after` takes to go on behind it.
    pub(crate) place: String,
}

/// Messages, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Messages {
    pub(crate) messages: Vec<MessageView>,
    /// Where to go on, now or later; none where there has been no message yet.
    pub(crate) next: Option<String>,
}
