//! Cycles and blocks.

use serde::Serialize;
use utoipa::ToSchema;

/// A settlement cycle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Cycle)]
pub(crate) struct CycleView {
    /// 1, 2, 3 …
    pub(crate) cycle: u64,
    /// The one currency that it counts; none for all that have no cycles of their own.
    #[schema(value_type = Option<String>)]
    pub(crate) currency: Option<&'static str>,
    /// `open`, `closed`, `instructed`, `settled` or `failed`.
    #[schema(value_type = String)]
    pub(crate) state: &'static str,
    /// Height of its first block.
    pub(crate) first_block: u64,
    /// Height of the first block behind it; none while open.
    pub(crate) end_block: Option<u64>,
    /// When it closed.
    pub(crate) closed_at: Option<String>,
}

/// Cycles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Cycles {
    /// Newest first.
    pub(crate) cycles: Vec<CycleView>,
    /// Where to go on; none at the end.
    pub(crate) next: Option<String>,
}

/// The root of a tree of a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Root)]
pub(crate) struct RootView {
    /// 64 hexadecimal digits.
    pub(crate) hash: String,
    /// Leaves.
    pub(crate) size: u64,
}

/// The header of a sealed block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Block)]
pub(crate) struct BlockView {
    /// 1, 2, 3 …
    pub(crate) height: u64,
    /// Of the header.
    pub(crate) hash: String,
    /// Hash of the header before it.
    pub(crate) previous: String,
    /// 32 hexadecimal digits.
    pub(crate) chain_id: String,
    /// Sequence of its first entry.
    pub(crate) first_sequence: u64,
    /// Entries.
    pub(crate) count: u64,
    /// When it was sealed.
    pub(crate) time: String,
    /// The cycle that was open.
    pub(crate) cycle: u64,
    /// Of the transfers.
    pub(crate) transfers: RootView,
    /// Of the positions.
    pub(crate) positions: RootView,
    /// Of the accounts.
    pub(crate) accounts: RootView,
    /// Of the configuration in force.
    pub(crate) config: RootView,
    /// The header as it is signed, hexadecimal.
    pub(crate) header: String,
    /// The operator's, over the header's hash.
    pub(crate) signature: String,
    /// `SEALED` or `WITNESSED`.
    #[schema(value_type = String)]
    pub(crate) state: &'static str,
}

/// Blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Blocks {
    /// Newest first.
    pub(crate) blocks: Vec<BlockView>,
    /// Where to go on; none at the end.
    pub(crate) next: Option<String>,
}

/// What an engine is, and how far it has come: what a client checks answers with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Checkpoint)]
pub(crate) struct CheckpointView {
    /// 32 hexadecimal digits.
    pub(crate) chain_id: String,
    /// The key that signs blocks, 64 hexadecimal digits.
    pub(crate) operator_key: String,
    /// Height of the last sealed block.
    pub(crate) sealed: u64,
    /// Height of the last block that enough validators have cosigned.
    pub(crate) witnessed: u64,
}
