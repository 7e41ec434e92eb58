//! Webhooks that participants register: what is asked for, and how far each was told.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::form::objects;
use super::sequence::Sequence;
use crate::webhooks::target::EventKind;

/// A webhook to be registered.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(crate) struct WebhookRequest {
    /// Of the caller's choice, once among the participant's.
    #[schema(pattern = "^[a-z0-9-]{1,32}$", example = "ledger")]
    pub(crate) name: String,
    /// Where to tell: `https`, under a beginning that the operator has named for the participant.
    #[schema(min_length = 1, max_length = 2048, example = "https://hooks.bank.example/feiqian")]
    pub(crate) url: String,
    /// Which events; all where it is missing or empty.
    #[serde(default)]
    #[schema(max_items = 5)]
    pub(crate) kinds: Vec<EventKind>,
    /// Sequence from which on to tell; from now on where it is missing.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 9007199254740991u64)]
    pub(crate) from: Option<Sequence>,
}

/// From where to tell again.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(crate) struct ReplayRequest {
    /// Sequence of the first event; at the most what is `next`.
    #[schema(value_type = u64, minimum = 1, maximum = 9007199254740991u64)]
    pub(crate) from: Sequence,
}

/// Whether a webhook is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WebhookState {
    /// It is.
    Told,
    /// Its receiver has answered 410; a replay sets it going again.
    Stopped,
    /// The operator allows its address no more, or it can't be told.
    Barred,
}

/// A registered webhook. Of its address the host alone is shown: the rest may hold a secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(crate) struct WebhookView {
    pub(crate) name: String,
    /// BIC of the participant whose events it is told.
    pub(crate) participant: String,
    /// The host of its address.
    pub(crate) host: String,
    /// Which events; all where it is empty.
    pub(crate) kinds: Vec<EventKind>,
    pub(crate) state: WebhookState,
    /// Sequence of the last event that was told; 0 before the first.
    pub(crate) delivered: u64,
    /// Where it goes on.
    pub(crate) next: u64,
    /// What is wrong with its receiver, while it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wrong: Option<String>,
}

/// A webhook that was registered just now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct NewWebhook {
    #[serde(flatten)]
    pub(crate) webhook: WebhookView,
    /// The key of `webhook-signature` (HMAC-SHA256, Standard Webhooks), shown this once.
    #[schema(pattern = "^whsec_[A-Za-z0-9+/]{43}=$")]
    pub(crate) secret: String,
}

/// Registered webhooks, oldest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Webhooks {
    pub(crate) webhooks: Vec<WebhookView>,
}

objects!(WebhookRequest, ReplayRequest);
