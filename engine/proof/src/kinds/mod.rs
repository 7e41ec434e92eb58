//! The kinds of proofs beside the [`Receipt`](crate::receipt): what each states, its bytes, and its one verifier.
//!
//! Every kind has a magic of its own and one encoding for each value. Reading bounds every length before it is
//! used and never reserves more than the file is long; nothing that is read is true before `verify` said so, and a
//! [`Proven`] can be made by nothing else. `FORMAT.md` draws the bytes and numbers the steps of each check.

mod balance;
mod completeness;
mod config;
mod consistency;
mod former_key;
mod log_consistency;
mod log_inclusion;
mod parts;
mod position;
mod proof;
mod refusal;
mod settlement;
mod signed_batch;

pub use balance::BalanceProof;
pub use completeness::{CompletenessProof, Moved, OwnTransfer};
pub use config::{ConfigProof, CycleEntry, ENTRY_BYTES_MAX, ParticipantEntry};
pub use consistency::{CHAIN_HEADERS_MAX, ConsistencyProof};
pub use former_key::FormerKeyProof;
pub use log_consistency::{LogConsistencyProof, SignedHead};
pub use log_inclusion::{COSIGNATURES_MAX, Cosignature, LogInclusionProof};
pub use parts::SignedHeader;
pub use position::PositionProof;
pub use proof::{Proof, ProofKind};
pub use refusal::Refusal;
pub use settlement::{Obligation, POSITIONS_MAX, SettlementProof};
pub use signed_batch::{BATCH_CONTEXT, BATCH_RECORDS_MAX, SignedBatchProof};

/// A proof whose every statement holds under the key that it was verified with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Proven<'a, T>(&'a T);

impl<'a, T> Proven<'a, T> {
    /// What was proven.
    #[must_use]
    pub const fn get(&self) -> &'a T {
        self.0
    }
}
