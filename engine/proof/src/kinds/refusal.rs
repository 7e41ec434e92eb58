//! Why a proof is refused: one list for all kinds, a sentence for each.

use core::fmt;

use crate::header::HeaderError;
use crate::receipt::ReceiptError;

/// Why a proof is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Another kind of file, or a version that this code doesn't know.
    Magic,
    /// Ends before its last field.
    Truncated,
    /// Goes on behind its last field.
    TrailingBytes,
    /// A list, a path or an entry is longer, or shorter, than this kind of proof allows.
    Length,
    /// A header can't be read.
    Header(HeaderError),
    /// A leaf has a reserved byte that is not zero, or a BIC of other characters.
    Leaf,
    /// The receipt within is refused.
    Receipt(ReceiptError),
    /// The block belongs to another chain.
    Chain,
    /// The key did not sign the header.
    Signature,
    /// Leaf, index and path don't lead to the header's root.
    NotIncluded,
    /// A position is of another cycle than its block.
    Cycle,
    /// The configuration entry is not of the kind that the proof needs.
    Entry,
    /// The configuration does not say that the cycle ended with this block.
    NotClosed,
    /// Not as many transfers, or positions, as the leaf or the header says.
    Count,
    /// A transfer's sequence is not in the block, or not above the one before it.
    Sequence,
    /// The transfers don't add up to the root that the position's leaf holds.
    TransfersRoot,
    /// Sums differ from what transfers or positions add up to.
    Sums,
    /// Credits and debits, or the positions of a currency, don't balance.
    Unbalanced,
    /// The obligation does not follow from the positions.
    Obligation,
    /// A header doesn't follow the one before it.
    Link,
    /// The path doesn't lead to both roots of the log.
    Inconsistent,
    /// The batch doesn't hold the receipt's transfer at the place.
    NotInBatch,
    /// The participant has no usable key in the configuration.
    ParticipantKey,
    /// The participant's key did not sign the batch.
    BatchSignature,
    /// The proof within is about no block.
    NoBlock,
    /// The path doesn't lead from the block to the checkpoint's root.
    NotLogged,
    /// The key did not sign the checkpoint.
    Checkpoint,
    /// Cosignatures out of order, of no usable key or time, or one that its key did not make.
    Cosignatures,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Magic => "the file does not begin with the magic of a proof that this version knows",
            Self::Truncated => "the proof ends too early",
            Self::TrailingBytes => "the proof has bytes behind its end",
            Self::Length => "a list, a path or an entry of the proof is longer or shorter than allowed",
            Self::Header(error) => return fmt::Display::fmt(error, f),
            Self::Leaf => "a leaf has reserved bytes that are not zero, or a BIC of other characters",
            Self::Receipt(error) => return fmt::Display::fmt(error, f),
            Self::Chain => "the block belongs to another chain",
            Self::Signature => "the block header is not signed by this key",
            Self::NotIncluded => "the leaf does not lead to the block's root: leaf, index or path differ",
            Self::Cycle => "a position is of another cycle than its block",
            Self::Entry => "the configuration entry is not of the kind that the proof needs",
            Self::NotClosed => "the configuration does not say that the cycle ended with this block",
            Self::Count => "there are not as many transfers, or positions, as the block says",
            Self::Sequence => "a transfer's sequence is not in the block, or not above the one before it",
            Self::TransfersRoot => "the transfers are not those that the participant's position stands for",
            Self::Sums => "debits and credits are not what the block's transfers or positions add up to",
            Self::Unbalanced => "debits and credits, or the positions of a currency, do not balance",
            Self::Obligation => "the obligation does not follow from the positions",
            Self::Link => "a block header does not follow the one before it",
            Self::Inconsistent => "the later log does not begin with the earlier one, or the path differs",
            Self::NotInBatch => "the batch does not hold the receipt's transfer at this place",
            Self::ParticipantKey => "the participant has no usable key in the configuration",
            Self::BatchSignature => "the batch is not signed by the participant's key",
            Self::NoBlock => "the proof within is of a kind that is about no block",
            Self::NotLogged => "the block is not in the log of this checkpoint, or the path differs",
            Self::Checkpoint => "the checkpoint is not signed by this key",
            Self::Cosignatures => "a cosignature is not made by the key beside it, or is out of order",
        })
    }
}

impl core::error::Error for Refusal {}

impl From<ReceiptError> for Refusal {
    fn from(error: ReceiptError) -> Self {
        Self::Receipt(error)
    }
}

impl From<HeaderError> for Refusal {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}
