//! What an audit compares beside the execution: outcome rows on one thread; blocks, groups and snapshots, which are sealed
//! again for that, on another. Each sees all frames in order and ends with its first difference.

use std::sync::Arc;

use feiqian_core::block::Sealer;
use feiqian_core::delta::Delta;
use feiqian_core::outcome::{OutcomeRow, ROW_BYTES};
use feiqian_proof::header::BlockHeader;
use feiqian_proof::signature::PublicKey;
use zerocopy::IntoBytes as _;

use super::{AuditFault, StoredState};
use crate::book::check_block;
use crate::execution::view_of;
use crate::journal::{Durable, Frame};
use crate::storage::Storage;
use crate::stores::{BlockStore, GroupStore, OutcomeStore, StoreFault};

/// A frame's rows, with its first sequence.
pub(super) type FrameRows = (u64, Arc<Vec<OutcomeRow>>);

/// A frame that has been executed.
pub(super) struct Replayed {
    pub(super) frame: Durable<Frame>,
    pub(super) rows: Arc<Vec<OutcomeRow>>,
    pub(super) delta: Option<Delta>,
}

/// A difference, and the first sequence of the frame at which it was found.
pub(super) type Found = (u64, AuditFault);

/// Compares outcome rows.
pub(super) struct Rows<S: Storage> {
    outcomes: OutcomeStore<S>,
    /// Rows up to here were durable when a snapshot was taken: none may be missing.
    vouched: u64,
    /// Rows up to here need not be there.
    begun: u64,
    /// What was read last: room for what comes next.
    stored: Vec<u8>,
    pub(super) equal: u64,
    pub(super) missing: u64,
    pub(super) before: u64,
}

impl<S: Storage> Rows<S> {
    pub(super) fn new(outcomes: OutcomeStore<S>, (vouched, begun): (u64, u64)) -> Self {
        Self { outcomes, vouched, begun, stored: Vec::new(), equal: 0, missing: 0, before: 0 }
    }

    pub(super) fn take(&mut self, (first, rows): FrameRows) -> Result<(), Found> {
        self.check(first, &rows).map_err(|fault| (first, fault))
    }

    fn check(&mut self, first: u64, rows: &[OutcomeRow]) -> Result<(), AuditFault> {
        // All at once; where anything is amiss, one by one says what.
        let read = self.outcomes.read_into(first, rows.len(), &mut self.stored);
        if read.is_ok() && self.stored == rows.as_bytes() {
            self.equal += rows.len() as u64;
            return Ok(());
        }
        (first..).zip(rows).try_for_each(|(sequence, row)| self.check_row(sequence, row))
    }

    fn check_row(&mut self, sequence: u64, row: &OutcomeRow) -> Result<(), AuditFault> {
        let is_missing = match self.outcomes.read_row(sequence) {
            Ok(stored) if stored == row.as_bytes() => {
                self.equal += 1;
                return Ok(());
            }
            Ok(stored) => stored == [0; ROW_BYTES],
            Err(StoreFault::Absent(_)) => true,
            Err(fault) => return Err(fault.into()),
        };
        if is_missing && sequence <= self.begun {
            self.before += 1;
            return Ok(());
        }
        if !is_missing || sequence <= self.vouched {
            return Err(AuditFault::Row(sequence));
        }
        self.missing += 1;
        Ok(())
    }
}

/// Seals again, and compares blocks, groups and snapshots.
pub(super) struct Seals<S: Storage> {
    key: PublicKey,
    sealer: Sealer,
    blocks: BlockStore<S>,
    groups: GroupStore<S>,
    /// Those that no block has been found for yet.
    snapshots: Vec<StoredState>,
    pub(super) equal_blocks: u64,
    pub(super) equal_groups: u64,
    pub(super) equal_snapshots: u64,
}

impl<S: Storage> Seals<S> {
    pub(super) fn new(
        key: PublicKey,
        (blocks, groups): (BlockStore<S>, GroupStore<S>),
        snapshots: Vec<StoredState>,
    ) -> Self {
        let sealer = Sealer::default();
        Self { key, sealer, blocks, groups, snapshots, equal_blocks: 0, equal_groups: 0, equal_snapshots: 0 }
    }

    pub(super) fn take(&mut self, replayed: &Replayed) -> Result<(), Found> {
        self.seal(replayed).map_err(|fault| (replayed.frame.header.first_sequence, fault))
    }

    fn seal(&mut self, Replayed { frame, rows, delta }: &Replayed) -> Result<(), AuditFault> {
        match self.sealer.absorb(&view_of(frame), rows, delta.as_ref())? {
            Some(header) => self.check(&header, frame),
            None => Ok(()),
        }
    }

    fn check(&mut self, header: &BlockHeader, frame: &Durable<Frame>) -> Result<(), AuditFault> {
        let height = header.height;
        if height <= self.blocks.last() {
            check_block(&self.blocks.read(height)?, header, &self.key)?;
            self.equal_blocks += 1;
        }
        match self.groups.compare(header, self.sealer.groups())? {
            Some(true) => self.equal_groups += 1,
            Some(false) => return Err(AuditFault::Groups(height)),
            None => {}
        }
        let Some(at) = self.snapshots.iter().position(|(of, _)| of.height == height) else { return Ok(()) };
        let (of, state) = self.snapshots.remove(at);
        let head = frame.header.head(frame.hash);
        if of.head != head || state != self.sealer.mirror().encode() {
            let what = format!("the snapshot of block {height} differs from its replay");
            return Err(AuditFault::Snapshot(what));
        }
        self.equal_snapshots += 1;
        Ok(())
    }

    /// Whatever is stored must have been made again.
    pub(super) fn check_all_found(&self) -> Result<(), AuditFault> {
        if let Some((of, _)) = self.snapshots.first() {
            let what = format!("the snapshot of block {} has no block in the journal", of.height);
            return Err(AuditFault::Snapshot(what));
        }
        if self.equal_blocks < self.blocks.last() {
            return Err(StoreFault::Absent(self.equal_blocks + 1).into());
        }
        Ok(())
    }
}
