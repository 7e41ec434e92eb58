//! Rates, quotes, trades.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::form::objects;
use super::{Money, MoneyView, Seconds};

/// A firm two-way rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Rate)]
pub(crate) struct RateView {
    /// BIC of who stands by it.
    pub(crate) provider: String,
    /// The currency whose price it is.
    #[schema(value_type = String)]
    pub(crate) base: &'static str,
    /// The currency that the price is in.
    #[schema(value_type = String)]
    pub(crate) quote: &'static str,
    /// For so much the provider buys one unit of the base currency: decimal.
    pub(crate) bid: String,
    /// For so much it sells one.
    pub(crate) ask: String,
    /// What may still be locked.
    pub(crate) left: MoneyView,
    /// When it ends.
    pub(crate) expires: String,
}

/// The rates in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Rates {
    /// By provider and pair.
    pub(crate) rates: Vec<RateView>,
}

/// A quote that is asked for: one of the two amounts is fixed, the other follows.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(crate) struct QuoteRequest {
    /// Id of the quote.
    #[schema(pattern = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")]
    pub(crate) uetr: String,
    /// BIC of who publishes the rate.
    #[schema(example = "BNKCXXAAXXX")]
    pub(crate) provider: String,
    /// The currency that is paid, where `get` is fixed.
    #[serde(default)]
    #[schema(pattern = "^[A-Z]{3}([.][1-9][0-9]?)?$")]
    pub(crate) source: Option<String>,
    /// The currency that is got, where `pay` is fixed.
    #[serde(default)]
    #[schema(pattern = "^[A-Z]{3}([.][1-9][0-9]?)?$")]
    pub(crate) target: Option<String>,
    /// What is paid.
    #[serde(default)]
    pub(crate) pay: Option<Money>,
    /// What is got.
    #[serde(default)]
    pub(crate) get: Option<Money>,
    /// Seconds for which it is locked.
    #[schema(value_type = u32, minimum = 1)]
    pub(crate) valid_s: Seconds,
}

/// What a participant signs to lock a quote with its own key, and nobody else can.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Draft {
    /// Id of the quote.
    pub(crate) uetr: String,
    /// The message that is signed with Ed25519, hexadecimal.
    pub(crate) message: String,
}

/// A quote that is asked for, signed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(crate) struct QuoteOrder {
    /// As it was drafted.
    pub(crate) quote: QuoteRequest,
    /// Ed25519 over the draft's message with the participant's key, 128 hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{128}$")]
    pub(crate) signature: String,
}

/// A locked quote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Quote)]
pub(crate) struct QuoteView {
    /// Its id.
    pub(crate) uetr: String,
    /// BIC of who may trade on it.
    pub(crate) requester: String,
    /// BIC of who stands by it.
    pub(crate) provider: String,
    /// What the requester pays.
    pub(crate) pay: MoneyView,
    /// What it gets.
    pub(crate) get: MoneyView,
    /// When it ends.
    pub(crate) expires: String,
}

/// A trade on a quote: both legs or none.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(crate) struct TradeRequest {
    /// Id of the quote.
    #[schema(pattern = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")]
    pub(crate) quote: String,
    /// Id of the leg that pays; made here where there is none. That of the other follows from it.
    #[serde(default)]
    #[schema(pattern = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")]
    pub(crate) uetr: Option<String>,
    /// The account that pays, the caller's own.
    #[schema(min_length = 1, max_length = 64)]
    pub(crate) debtor: String,
    /// The account that gets.
    #[schema(min_length = 1, max_length = 64)]
    pub(crate) creditor: String,
}

/// A trade that has cleared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Trade)]
pub(crate) struct TradeView {
    /// Id of the quote.
    pub(crate) quote: String,
    /// Ids of the legs: what was paid, what was got.
    pub(crate) uetrs: [String; 2],
    /// Their places in the journal.
    pub(crate) sequences: [u64; 2],
    /// What was paid.
    pub(crate) paid: MoneyView,
    /// What was got.
    pub(crate) got: MoneyView,
}

objects!(QuoteRequest, QuoteOrder, TradeRequest);
