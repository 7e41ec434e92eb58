//! What the shards tell each other about one frame. Owns no memory: the machine that runs the shards does.

use alloc::vec::Vec;

use crate::outcome::OutcomeRow;
use crate::returns::Original;

/// What a shard says of a frame's ids before the frame is walked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct IdWord {
    /// The rows of this shard's ids that are no first use, ascending by index.
    pub repeated: Vec<(u32, OutcomeRow)>,
    /// The originals that returns name by ids of this shard, ascending by the return's index.
    pub originals: Vec<(u32, Original)>,
}

/// The board on which shards write about one frame. What a shard has written, all others see no later than
/// the progress (or the ids) that it publishes afterwards.
pub trait Exchange {
    /// Gives what this shard knows of the frame's ids.
    fn give_ids(&self, shard: u64, word: IdWord);
    /// What another shard has given; none until then.
    fn ids_of(&self, shard: u64) -> Option<&IdWord>;
    /// Votes against an entry with the number of a [`crate::outcome::RejectReason`]; silence is consent.
    fn object(&self, shard: u64, at: usize, reason: u8);
    /// Another shard's objection, or zero; meaningful below its progress.
    fn objection_of(&self, shard: u64, at: usize) -> u8;
    /// All votes of this shard below `progress` are given.
    fn publish(&self, shard: u64, progress: usize);
    /// How far a shard has published.
    fn progress_of(&self, shard: u64) -> usize;
    /// The row of an entry, without links; said by one shard alone.
    fn answer(&self, at: usize, row: &OutcomeRow);
    /// The previous posting of the debtor's or creditor's account; said by the account's owner.
    fn link(&self, at: usize, side: Side, previous: u64);
}

/// A side of a posting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Pays.
    Debtor,
    /// Is paid.
    Creditor,
}
