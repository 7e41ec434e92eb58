//! The replica: a data directory that follows from another's journal. Copies frames, executes them, and holds each
//! block that it makes against the operator's signed one before it goes on.
//!
//! It is a whole data directory: `Machine::recover` with the operator's key opens it. It signs nothing.

use std::collections::VecDeque;

use feiqian_core::block::Sealer;
use feiqian_core::frame::{FrameHeader, Head};
use feiqian_core::state::{Fault, State};
use feiqian_proof::Hash;
use feiqian_proof::header::BlockHeader;
use feiqian_proof::log::leaf_hash;
use feiqian_proof::signature::{Signature, verify_header};
use feiqian_proof::tiles::Edge;
use zerocopy::IntoBytes as _;

use super::evidence::Evidence;
use super::replay::{Replay, WrongNumbers, restore_ids, store_ids, wrong_trace};
use super::unsigned;
use super::{Finding, FollowFault, SourceFault, Statement};
use crate::book::first_difference;
use crate::default_check::{self, Sources};
use crate::execution::view_of;
use crate::fraud_trace::JournaledTrace;
use crate::history::JournalHistory;
use crate::identity::{Identity, IdentityFault};
use crate::journal::{
    Durable, Frame, Journal, JournalFault, JournalOptions, JournalReader, StoredFrame, Tail,
    forget_torn_group,
};
use crate::machine::{
    Beginning, MachineFault, MachineOptions, OpenError, RecoveryReport, begin, behind_runs, last_sealed,
};
use crate::storage::Storage;
use crate::stores::{
    BlockStore, GroupStore, IdRuns, OutcomeStore, SnapshotOf, SnapshotStore, StoreFault, StoredBlock,
};

/// Bytes of a group that is still to be completed: no operator writes a longer one.
const GROUP_BYTES_MAX: usize = 32 << 20;
/// Roots of the log that are kept: a checkpoint is rarely older than some seconds of blocks.
const ROOTS_KEPT: usize = 1_024;

/// A copy of an operator's directory, as far as it has been compared.
#[derive(Debug)]
pub struct Replica<S: Storage> {
    pub(super) identity: Identity,
    pub(super) journal: Journal<S>,
    history: JournalHistory<S>,
    state: State,
    sealer: Sealer,
    ids: IdRuns<S>,
    pub(super) blocks: BlockStore<S>,
    pub(super) outcomes: OutcomeStore<S>,
    pub(super) groups: GroupStore<S>,
    snapshots: SnapshotStore<S>,
    snapshot_height: u64,
    /// The beginning of a group, not written yet.
    pub(super) partial: Vec<StoredFrame>,
    partial_bytes: usize,
    /// On disk, not executed: a block before them is to be compared first.
    waiting: VecDeque<Durable<Frame>>,
    /// Made here, not compared yet.
    awaiting: VecDeque<BlockHeader>,
    /// The first step of a default or trace whose numbers are wrong: told when its block is there, signed.
    wrong: Option<WrongNumbers>,
    /// The last executed frame, where it has sealed a block.
    sealed_head: Option<Head>,
    log: Edge,
    roots: VecDeque<(u64, Hash)>,
    /// Of the last answer that was signed.
    pub(super) signed: Option<Signed>,
    /// The last frames were taken without the operator's signature.
    has_unsigned: bool,
}

/// What the operator has signed for last, and that frame's header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed {
    pub(super) statement: Statement,
    pub(super) header: FrameHeader,
}

impl<S: Storage> Replica<S> {
    /// Opens the directory, making it if there is none, for the chain and operator of `identity`.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::Key`] where the directory is another operator's, and as for `Machine::recover`.
    pub fn open(
        storage: S,
        options: MachineOptions,
        identity: Identity,
    ) -> Result<(Self, RecoveryReport), OpenError> {
        match identity.write(&storage) {
            Err(IdentityFault::Exists) if Identity::read(&storage)? == identity => {}
            Err(IdentityFault::Exists) => return Err(OpenError::Key),
            written => written?,
        }
        let (blocks, _) = BlockStore::open(storage.clone())?;
        let outcomes = OutcomeStore::open(storage.clone())?;
        let groups = GroupStore::open(storage.clone())?;
        let snapshots = SnapshotStore::open(storage.clone())?;
        let has_unsigned = unsigned::has_unsigned(&storage).map_err(StoreFault::from)?;
        let mut report = RecoveryReport::default();
        let acknowledged = last_sealed(&blocks)?;
        forget_torn_group(&storage, acknowledged).map_err(StoreFault::from)?;
        let Beginning { mut state, sealer, ids, until } = begin(&snapshots, &blocks, &mut report)?;
        let (id_runs, bad_id_runs) = IdRuns::open(storage.clone(), identity.chain_id, until)?;
        report.bad_id_runs = bad_id_runs;
        let end = id_runs.end();
        state.replace_ids(behind_runs(ids.with_runs_of(options.id_run_entries), &id_runs)?);
        let mut replay = Replay {
            state,
            sealer,
            ids: id_runs,
            blocks,
            outcomes,
            groups,
            operator: identity.operator,
            awaiting: VecDeque::new(),
            wrong: None,
            sealed_head: None,
        };
        let journal_options =
            JournalOptions { chain_id: identity.chain_id, segment_bytes: options.segment_bytes };
        let visit = |frame: Durable<Frame>, reader: &JournalReader<S>| -> Result<(), MachineFault> {
            if frame.header.last_sequence() < end {
                // The snapshot holds what it did, and stored runs its ids.
                return Ok(());
            }
            let history = JournalHistory::with_ids(reader.clone(), replay.ids.clone());
            if frame.header.last_sequence() <= until {
                return restore_ids(&mut replay.state, &replay.ids, &history, &frame);
            }
            report.frames += 1;
            replay.execute((&history, reader), &frame)
        };
        let (journal, recovered) =
            Journal::recover_reading(storage, journal_options, acknowledged, None, visit)
                .map_err(OpenError::Journal)?;
        report.entries = recovered.head.sequence;
        if let Tail::Torn { segment, offset, bytes } = recovered.tail {
            report.torn = Some((segment, offset, bytes));
        }
        let Replay { state, sealer, ids, blocks, outcomes, groups, awaiting, wrong, sealed_head, .. } =
            replay;
        let history = JournalHistory::with_ids(journal.reader(), ids.clone());
        let mut replica = Self {
            identity,
            journal,
            history,
            state,
            sealer,
            ids,
            blocks,
            outcomes,
            groups,
            snapshots,
            snapshot_height: report.snapshot.unwrap_or(0),
            partial: Vec::new(),
            partial_bytes: 0,
            waiting: VecDeque::new(),
            awaiting,
            wrong,
            sealed_head,
            log: Edge::default(),
            roots: VecDeque::new(),
            signed: None,
            has_unsigned,
        };
        replica.load_log()?;
        Ok((replica, report))
    }

    /// The chain and its operator.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The last block that was compared, 0 before the first.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.blocks.last()
    }

    /// The sequence that the next frame must begin with.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.partial.last().map_or(self.journal.head().sequence, |frame| frame.header.last_sequence()) + 1
    }

    /// The height of the block that must be compared before anything else; none if there is nothing to wait for.
    #[must_use]
    pub fn awaited(&self) -> Option<u64> {
        self.awaiting.front().map(|header| header.height)
    }

    /// The state after the last executed frame.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Reads the copied journal.
    #[must_use]
    pub fn reader(&self) -> JournalReader<S> {
        self.journal.reader()
    }

    /// The blocks that were compared.
    #[must_use]
    pub const fn blocks(&self) -> &BlockStore<S> {
        &self.blocks
    }

    /// The outcome rows and the roots of groups of what was executed.
    #[must_use]
    pub const fn rows(&self) -> (&OutcomeStore<S>, &GroupStore<S>) {
        (&self.outcomes, &self.groups)
    }

    /// Takes the next frames, in order; those of whole groups become durable. They are executed by
    /// [`Replica::execute`].
    ///
    /// # Errors
    /// [`FollowFault::Found`] for a frame that does not continue the chain; faults of the own storage.
    pub fn take_frames(&mut self, frames: Vec<StoredFrame>) -> Result<(), FollowFault> {
        for frame in frames {
            if self.partial.last().is_some_and(|last| !frame.is_in_group_of(last)) {
                // A recovery of the operator's has cut the group here.
                self.append()?;
            }
            self.partial_bytes += frame.header.payload_bytes as usize;
            let is_last = frame.header.group_behind == 0;
            if self.partial_bytes > GROUP_BYTES_MAX {
                return Err(self.broken_chain(&frame, "its group is longer than any operator writes"));
            }
            self.partial.push(frame);
            if is_last {
                self.append()?;
            }
        }
        Ok(())
    }

    /// Forgets the beginning of a group that is not written yet: it is asked for again.
    pub(super) fn forget_partial(&mut self) {
        self.partial.clear();
        self.partial_bytes = 0;
    }

    /// Keeps the operator's signature under the frames that are taken next; where the source has none to give, it is written
    /// down that they are taken without.
    ///
    /// # Errors
    /// [`SourceFault::Malformed`] where it is not the operator's under the last of them; [`FollowFault::Found`] where it
    /// has signed for another journal before.
    pub fn take_statement(
        &mut self,
        frames: &[StoredFrame],
        signature: Option<Signature>,
    ) -> Result<(), FollowFault> {
        let Some(last) = frames.last() else { return Ok(()) };
        let Some(signature) = signature else {
            if !self.has_unsigned {
                unsigned::note(self.reader().storage())?;
                self.has_unsigned = true;
            }
            return Ok(());
        };
        let sequence = last.header.last_sequence();
        let statement = Statement { sequence, hash: last.hash, signature };
        if !statement.verifies(&self.identity) {
            let why = "frames with a signature that is not the operator's".to_owned();
            return Err(SourceFault::Malformed(why).into());
        }
        if let Some(finding) = self.two_journals(frames, statement) {
            return Err(finding.into());
        }
        self.signed = Some(Signed { statement, header: last.header });
        Ok(())
    }

    /// Once what was taken without the operator's signature lies before what it has signed for, it has signed for that too.
    pub(super) fn settle_unsigned(&mut self) -> Result<(), FollowFault> {
        let head = self.journal.head();
        let is_covered = |signed: &Signed| {
            (signed.statement.sequence, signed.statement.hash) == (head.sequence, head.hash)
        };
        if self.has_unsigned && self.signed.as_ref().is_some_and(is_covered) {
            unsigned::forget(self.reader().storage())?;
            self.has_unsigned = false;
        }
        Ok(())
    }

    fn append(&mut self) -> Result<(), FollowFault> {
        self.partial_bytes = 0;
        let group = std::mem::take(&mut self.partial);
        let first = group.first().cloned();
        match self.journal.append_copies(group) {
            Ok(frames) => {
                self.waiting.extend(frames);
                Ok(())
            }
            Err(fault @ (JournalFault::NotNext(_) | JournalFault::OtherCopy)) => match first {
                Some(frame) => Err(self.broken_chain(&frame, &fault.to_string())),
                None => Err(fault.into()),
            },
            Err(fault) => Err(fault.into()),
        }
    }

    /// Executes durable frames until a block must be compared or none is left; gives how many.
    ///
    /// # Errors
    /// [`FollowFault::Found`] for a frame that no engine writes; faults of the own stores.
    pub fn execute(&mut self) -> Result<u64, FollowFault> {
        let mut executed = 0;
        while self.awaiting.is_empty()
            && let Some(frame) = self.waiting.pop_front()
        {
            let mut rows = Vec::new();
            let before = default_check::before(&self.state, frame.header.kind);
            let trace = JournaledTrace::of(&frame, &self.state);
            let applied = match self.state.apply(&view_of(&frame), &self.history, &mut rows) {
                Ok(applied) => applied,
                Err(fault @ Fault::Malformed { sequence }) => {
                    let frames = self.stored_from(sequence)?;
                    return Err(self.served(sequence, &fault.to_string(), frames).into());
                }
                Err(fault) => return Err(MachineFault::Frame(fault).into()),
            };
            store_ids(&mut self.state, &self.ids, applied.full_ids)?;
            self.outcomes.write_rows(frame.header.first_sequence, rows.as_bytes())?;
            if let Some(before) = before {
                let reader = self.journal.reader();
                let sources = Sources {
                    reader: &reader,
                    stored: Some((&self.blocks, &self.outcomes)),
                    ids: Some(&self.ids),
                };
                let wrong = default_check::wrong_step(&before, &self.state, &sources);
                let wrong = match wrong.map_err(MachineFault::Frame)? {
                    None => wrong_trace(trace, &rows, &self.state, (&reader, &self.outcomes))?,
                    wrong => wrong,
                };
                self.wrong = self.wrong.take().or_else(|| WrongNumbers::of(wrong?, &self.state, &frame));
            }
            let header = self.sealer.absorb(&view_of(&frame), &rows, applied.delta.as_ref());
            let header = header.map_err(MachineFault::Frame)?;
            if let Some(header) = &header {
                self.groups.write(header, self.sealer.groups())?;
            }
            self.sealed_head = header.is_some().then(|| frame.header.head(frame.hash));
            self.awaiting.extend(header);
            executed += 1;
        }
        Ok(executed)
    }

    /// Holds the operator's signed block against the own one of the awaited height, and keeps it if they are equal.
    ///
    /// # Errors
    /// [`FollowFault::Found`] if they differ, [`FollowFault::Suspected`] if the signature is not the operator's; faults of the
    /// own stores.
    pub fn take_block(&mut self, signed: &StoredBlock) -> Result<(), FollowFault> {
        let Some(own) = self.awaiting.front().copied() else { return Ok(()) };
        let found = self.check_signed(signed, own.height)?;
        if let Some(field) = first_difference(&found, &own) {
            return Err(self.wrong_block(signed, &own, field)?.into());
        }
        if let Some(wrong) = self.wrong.as_ref().filter(|wrong| wrong.height == own.height) {
            return Err(self.wrong_numbers(signed, &own, wrong)?.into());
        }
        self.blocks.append(own.height, signed)?;
        self.grow_log(own.height, &signed.header);
        self.awaiting.pop_front();
        Ok(())
    }

    /// Holds a block that the operator serves now against the one of the same height that it served before.
    ///
    /// # Errors
    /// [`FollowFault::Found`] with a fork if they differ.
    pub fn recheck_block(&self, height: u64, served: &StoredBlock) -> Result<(), FollowFault> {
        let known = self.blocks.read(height)?;
        let found = self.check_signed(served, height)?;
        if known.header == served.header {
            return Ok(());
        }
        let sequence = found.first_sequence;
        let what = format!("the operator has signed two headers of height {height}");
        let seals = Box::new([self.seal_of(&known), Vec::new()]);
        let evidence = Evidence::Fork { identity: self.identity, blocks: Box::new([known, *served]), seals };
        Err(Finding { sequence, height, what, evidence }.into())
    }

    fn check_signed(&self, signed: &StoredBlock, height: u64) -> Result<BlockHeader, FollowFault> {
        let header = BlockHeader::decode(&signed.header)
            .ok()
            .filter(|header| header.height == height && header.chain_id == self.identity.chain_id);
        let is_signed = |header: &BlockHeader| {
            verify_header(&self.identity.operator, &header.hash(), &Signature(signed.signature))
        };
        header.filter(is_signed).ok_or_else(|| {
            let why = format!("what is served as block {height} is not signed by the operator's key");
            let bytes = [&signed.header[..], &signed.signature].concat();
            self.suspected(self.journal.head().sequence, &why, bytes)
        })
    }

    /// Roots cost more than leaves: of old sizes they are made when somebody asks.
    fn load_log(&mut self) -> Result<(), StoreFault> {
        let last = self.blocks.last();
        for height in 1..=last {
            let header = self.blocks.read(height)?.header;
            if height + ROOTS_KEPT as u64 > last {
                self.grow_log(height, &header);
            } else {
                drop(self.log.push(leaf_hash(&header)));
            }
        }
        Ok(())
    }

    fn grow_log(&mut self, height: u64, header: &[u8]) {
        drop(self.log.push(leaf_hash(header)));
        self.roots.push_back((height, self.log.root()));
        if self.roots.len() > ROOTS_KEPT {
            self.roots.pop_front();
        }
    }

    /// The root of the log of the first `size` blocks, which have been compared.
    ///
    /// # Errors
    /// Faults of the own stores, among them that there are fewer.
    pub fn log_root(&self, size: u64) -> Result<Hash, FollowFault> {
        if let Some((_, root)) = self.roots.iter().find(|(height, _)| *height == size) {
            return Ok(*root);
        }
        let mut log = Edge::default();
        for height in 1..=size {
            drop(log.push(leaf_hash(&self.blocks.read(height)?.header)));
        }
        Ok(log.root())
    }

    /// The first sequence behind block `height`, as far as it has been compared.
    pub(super) fn first_sequence_behind(&self, height: u64) -> u64 {
        let header = self.blocks.read(height).ok().and_then(|block| BlockHeader::decode(&block.header).ok());
        header.map_or(1, |header| header.first_sequence + header.count)
    }

    /// Makes rows and blocks durable: before anything is said about them outside.
    ///
    /// # Errors
    /// Faults of the own stores.
    pub fn sync(&self) -> Result<(), FollowFault> {
        self.outcomes.sync()?;
        self.groups.sync()?;
        Ok(self.blocks.sync()?)
    }

    /// Writes a snapshot if the last one is `interval` blocks old and the replay stands at a compared block's end;
    /// gives its height.
    ///
    /// # Errors
    /// Faults of the own stores.
    pub fn snapshot(&mut self, interval: u64) -> Result<Option<u64>, FollowFault> {
        let height = self.height();
        let is_due = height >= self.snapshot_height.saturating_add(interval);
        let Some(head) = self.sealed_head.filter(|_| is_due && self.awaiting.is_empty()) else {
            return Ok(None);
        };
        if self.sealer.open_entries() > 0 || self.sealer.height() != height {
            return Ok(None);
        }
        self.sync()?;
        self.snapshots.write(&SnapshotOf { height, head }, &self.sealer.mirror().encode())?;
        self.snapshot_height = height;
        Ok(Some(height))
    }

    /// Ends in order: everything durable, a snapshot where one can be, the journal marked.
    ///
    /// # Errors
    /// Faults of the own stores.
    pub fn close(mut self) -> Result<(), FollowFault> {
        self.sync()?;
        self.snapshot(1)?;
        Ok(self.journal.close()?)
    }
}
