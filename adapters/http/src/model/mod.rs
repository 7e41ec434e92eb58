//! What is read and written as JSON, as the description says it. Amounts are decimal texts beside their currency; ids are
//! UETRs; times are UTC texts. An unknown field is refused.

mod account;
mod book;
mod code;
mod exchange;
mod form;
mod message;
mod seconds;
mod sequence;
mod transfer;
mod webhook;

pub(crate) use account::{AccountView, Accounts, Alias, Position, Positions, PostingView, Postings};
pub(crate) use book::{BlockView, Blocks, CheckpointView, CycleView, Cycles, RootView};
pub(crate) use code::{
    Charge, CodeMeaning, CodePayment, CodeRequest, CodeView, PictureKind, ScannedCode, TokenRequest,
};
pub(crate) use exchange::{
    Draft, QuoteOrder, QuoteRequest, QuoteView, RateView, Rates, TradeRequest, TradeView,
};
pub(crate) use form::words;
pub(crate) use message::{MessageView, Messages};
pub(crate) use seconds::Seconds;
pub(crate) use transfer::{
    Amend, Bulk, BulkItem, BulkMode, BulkReport, BulkStatus, EventView, HoldView, Holds, ItemState, Money,
    MoneyView, OptionalId, PaymentRequest, PostRequest, PriorityWord, QueueView, Queued, ReturnRequest,
    State, TransferDetail, TransferView,
};
pub(crate) use webhook::{NewWebhook, ReplayRequest, WebhookRequest, WebhookState, WebhookView, Webhooks};
