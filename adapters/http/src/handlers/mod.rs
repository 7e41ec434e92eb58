//! What each route does: unpacks, asks or calls the engine, answers. No rule of clearing stands here.

pub(crate) mod accounts;
pub(crate) mod positions;
pub(crate) mod transfers;
pub(crate) mod bulk;
pub(crate) mod holds;
pub(crate) mod codes;
pub(crate) mod queue;
pub(crate) mod exchange;
pub(crate) mod cycles;
pub(crate) mod blocks;
pub(crate) mod proofs;
pub(crate) mod statements;
pub(crate) mod events;
pub(crate) mod webhooks;
pub(crate) mod iso20022;
pub(crate) use events::Streaming;

mod paging;
pub(crate) mod shown;
