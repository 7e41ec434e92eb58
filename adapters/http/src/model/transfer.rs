//! Transfers, holds, returns, queued payments: what is asked for, and what became of it.

use feiqian_core::limits::BATCH_TRANSFERS_MAX;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use super::Seconds;
use super::form::{bounded, objects, words};

/// An amount in its currency.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(crate) struct Money {
    /// Decimal, with a point and at most as many decimals as the currency has; above zero, at most 18 digits of minor units.
    #[schema(pattern = "^[0-9]{1,18}([.][0-9]{1,5})?$", example = "125.00")]
    pub(crate) amount: String,
    /// ISO 4217 code, with the number of a product that is cleared apart: `EUR.1`.
    #[schema(pattern = "^[A-Z]{3}([.][1-9][0-9]?)?$", example = "EUR")]
    pub(crate) currency: String,
}

/// An amount in its currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct MoneyView {
    /// Decimal, with as many decimals as the currency has.
    #[schema(pattern = "^-?[0-9]+([.][0-9]{1,5})?$", example = "125.00")]
    pub(crate) amount: String,
    /// ISO 4217 code, with the number of a product that is cleared apart: `EUR.1`.
    #[schema(pattern = "^[A-Z]{3}([.][1-9][0-9]?)?$", example = "EUR")]
    pub(crate) currency: &'static str,
}

/// The classes in which payments wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", remote = "Self")]
pub(crate) enum PriorityWord {
    /// Before all others, strictly in order.
    Urgent,
    /// Before normal ones, strictly in order.
    High,
    /// One may bypass another that is too large.
    #[default]
    Normal,
}

/// How a payment waits that can't be paid at once.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default, remote = "Self")]
pub(crate) struct QueueTerms {
    /// Its class.
    pub(crate) priority: PriorityWord,
    /// Seconds before which it is not paid; 0 for at once.
    #[schema(value_type = u32)]
    pub(crate) earliest_s: Seconds,
    /// Seconds after which it is given up; 0 for never.
    #[schema(value_type = u32)]
    pub(crate) latest_s: Seconds,
}

/// A credit transfer, or the first half of one: a hold.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(crate) struct PaymentRequest {
    /// Its id; made here where there is none. The same id with the same content is one transfer, however often it is sent.
    #[serde(default)]
    #[schema(pattern = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")]
    pub(crate) uetr: Option<String>,
    /// The account that pays, the caller's own: a handle, an alias such as `IBAN:…`, or `BIC/CURRENCY`.
    #[schema(min_length = 1, max_length = 64, example = "BNKAXXAAXXX/EUR")]
    pub(crate) debtor: String,
    /// The account that is paid.
    #[schema(min_length = 1, max_length = 64, example = "BNKBXXAAXXX/EUR")]
    pub(crate) creditor: String,
    /// How much.
    pub(crate) amount: Money,
    /// ExternalPurpose1Code.
    #[serde(default)]
    #[schema(pattern = "^[A-Za-z0-9]{1,4}$", example = "SALA")]
    pub(crate) purpose: Option<String>,
    /// The debtor's own reference.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 35)]
    pub(crate) end_to_end_id: Option<String>,
    /// For the creditor.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 140)]
    pub(crate) remittance: Option<String>,
    /// Of a transfer: that it may wait, and how.
    #[serde(default)]
    pub(crate) queue: Option<QueueTerms>,
    /// Of a hold: seconds after which it is given back; 0 for never.
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    pub(crate) timeout_s: Option<Seconds>,
}

/// How far a transfer has come. Each state implies those before it; of the outcomes (CLEARED, HELD, QUEUED, REJECTED,
/// VOIDED) a transfer has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum State {
    /// Taken in; its outcome was not known when this was answered.
    Received,
    /// Durable: it will take effect. Passed within the time of an answer: what can be found has been decided.
    #[expect(
        dead_code,
        reason = "described, for clients know all states; an answer comes before it or after it"
    )]
    Journaled,
    /// Its amount has moved.
    Cleared,
    /// Its amount is reserved.
    Held,
    /// It waits.
    Queued,
    /// Nothing changed.
    Rejected,
    /// A hold was given back.
    Voided,
    /// Its outcome is in a signed block.
    Sealed,
    /// Enough validators have cosigned that block.
    Witnessed,
    /// Its cycle has been paid.
    Settled,
}

/// What became of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Transfer)]
pub(crate) struct TransferView {
    /// Its id.
    #[schema(format = "uuid")]
    pub(crate) uetr: String,
    /// How far it has come.
    pub(crate) state: State,
    /// What was decided; none while only RECEIVED.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<State>,
    /// Its place in the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sequence: Option<u64>,
    /// When it was journaled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<String>,
    /// What moved, is reserved, or waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<MoneyView>,
    /// Why it waits or was rejected: ExternalStatusReason1Code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) reason: Option<&'static str>,
    /// The same reason by this clearing house's own name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) reason_name: Option<&'static str>,
}

/// A transfer with all that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct TransferDetail {
    /// What became of it.
    #[serde(flatten)]
    pub(crate) transfer: TransferView,
    /// BIC of who submitted it.
    pub(crate) submitter: String,
    /// Handle of the account that pays.
    pub(crate) debtor: u64,
    /// BIC of its participant; none for an account that does not exist.
    pub(crate) debtor_agent: Option<String>,
    /// Handle of the account that is paid.
    pub(crate) creditor: u64,
    /// BIC of its participant.
    pub(crate) creditor_agent: Option<String>,
    /// As it was submitted; none in a currency that there is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instructed_amount: Option<MoneyView>,
    /// The transfer that this posts, voids, returns, or changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) related: Option<String>,
    /// Of one that waited and was released: the sequence of its release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) released: Option<u64>,
    /// Height of its block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) block: Option<u64>,
    /// Number of the cycle that counts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cycle: Option<u64>,
    /// What its adapter journaled beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) details: Option<serde_json::Value>,
}

/// What happens to the other transfers of a bulk where one is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub(crate) enum BulkMode {
    /// All succeed or all fail: a chain, of 64 transfers at the most.
    Atomic,
    /// Each on its own.
    Continue,
    /// In order; what comes behind the first that is refused is not sent.
    Stop,
}

/// Many transfers at once.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(crate) struct Bulk {
    /// What happens to the others where one is refused.
    pub(crate) mode: BulkMode,
    /// In order.
    #[serde(deserialize_with = "bounded::<BATCH_TRANSFERS_MAX, _, _>")]
    #[schema(min_items = 1, max_items = 8190)]
    #[expect(clippy::vec_box, reason = "a list that grows moves boxes, not all that each transfer may say")]
    pub(crate) transfers: Vec<Box<PaymentRequest>>,
}

/// What became of a bulk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum BulkStatus {
    /// All were accepted.
    Accepted,
    /// Some were.
    PartiallyAccepted,
    /// None was.
    Rejected,
}

/// What became of one transfer of a bulk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ItemState {
    /// Its outcome was not known in time.
    Received,
    /// Its amount has moved.
    Cleared,
    /// It waits.
    Queued,
    /// It was refused, before or by the engine.
    Rejected,
    /// One before it was refused.
    NotSent,
}

/// One transfer of a bulk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct BulkItem {
    /// Its id; none where it was refused before it had one.
    pub(crate) uetr: Option<String>,
    /// What became of it.
    pub(crate) state: ItemState,
    /// Its place in the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sequence: Option<u64>,
    /// ExternalStatusReason1Code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) reason: Option<&'static str>,
    /// The field that is wrong: a JSON pointer into the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pointer: Option<String>,
    /// What is wrong, and the way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

/// What became of many transfers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct BulkReport {
    /// Of all together.
    pub(crate) status: BulkStatus,
    /// In the order of the request.
    pub(crate) transfers: Vec<BulkItem>,
}

/// Finishes a hold by moving it.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(crate) struct PostRequest {
    /// Id of this transfer; made here where there is none.
    #[serde(default)]
    #[schema(pattern = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")]
    pub(crate) uetr: Option<String>,
    /// How much; all that is held where there is none.
    #[serde(default)]
    pub(crate) amount: Option<Money>,
    /// Whether the rest stays held; else it is given back.
    #[serde(default)]
    pub(crate) keep: bool,
}

/// An id for what is asked for.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default, remote = "Self")]
pub(crate) struct OptionalId {
    /// Id of this transfer; made here where there is none.
    #[schema(pattern = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")]
    pub(crate) uetr: Option<String>,
}

/// A pending hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Hold)]
pub(crate) struct HoldView {
    /// Id of the hold.
    pub(crate) uetr: String,
    /// Handle of the account that pays.
    pub(crate) debtor: u64,
    /// Handle of the account that is paid.
    pub(crate) creditor: u64,
    /// What is still reserved.
    pub(crate) amount: MoneyView,
    /// When it is given back; none for never.
    pub(crate) expires: Option<String>,
}

/// Pending holds, as of the last block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Holds {
    /// Ascending by id.
    pub(crate) holds: Vec<HoldView>,
    /// Where to go on; none at the end.
    pub(crate) next: Option<String>,
}

/// Sends back what a payment brought.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(crate) struct ReturnRequest {
    /// Id of the payment that comes back.
    #[schema(pattern = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")]
    pub(crate) original: String,
    /// Id of this transfer; made here where there is none.
    #[serde(default)]
    #[schema(pattern = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")]
    pub(crate) uetr: Option<String>,
    /// How much; all that has not come back where there is none.
    #[serde(default)]
    pub(crate) amount: Option<Money>,
}

/// A payment that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct QueueView {
    /// Its id.
    pub(crate) uetr: String,
    /// Handle of the account that pays.
    pub(crate) debtor: u64,
    /// Handle of the account that is paid.
    pub(crate) creditor: u64,
    /// How much.
    pub(crate) amount: MoneyView,
    /// Its class.
    pub(crate) priority: PriorityWord,
    /// Not paid before; none for at once.
    pub(crate) earliest: Option<String>,
    /// Given up then; none for never.
    pub(crate) latest: Option<String>,
}

/// Payments that wait, as of the last block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Queue)]
pub(crate) struct Queued {
    /// Ascending by id.
    pub(crate) queue: Vec<QueueView>,
    /// Where to go on; none at the end.
    pub(crate) next: Option<String>,
}

/// Gives a payment that waits another class, time, or place.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default, remote = "Self")]
pub(crate) struct Amend {
    /// Id of this change; made here where there is none.
    #[schema(pattern = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")]
    pub(crate) uetr: Option<String>,
    /// Its class.
    pub(crate) priority: PriorityWord,
    /// Seconds before which it is not paid; 0 for at once.
    #[schema(value_type = u32)]
    pub(crate) earliest_s: Seconds,
    /// Seconds after which it is given up; 0 for never.
    #[schema(value_type = u32)]
    pub(crate) latest_s: Seconds,
    /// Before all others of its class.
    pub(crate) first: bool,
    /// Behind all others of its class.
    pub(crate) last: bool,
}

/// The data of one server-sent event; the event's id is the sequence.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventView {
    /// The transfer.
    #[serde(flatten)]
    pub(crate) transfer: TransferView,
    /// Handle of the account that pays.
    pub(crate) debtor: u64,
    /// Handle of the account that is paid.
    pub(crate) creditor: u64,
    /// Height of its block.
    pub(crate) block: u64,
}

objects!(Money, QueueTerms, PaymentRequest, Bulk, PostRequest, OptionalId, ReturnRequest, Amend);
words!(PriorityWord, BulkMode);

impl Serialize for PriorityWord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}
