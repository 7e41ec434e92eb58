//! The batcher's book: executed frames become outcome rows, signed blocks and snapshots. One thread writes
//! it. Everything in it follows from the journal, so a block that is there already must come out the same.

use feiqian_core::block::Sealer;
use feiqian_core::delta::Delta;
use feiqian_core::frame::Head;
use feiqian_core::outcome::OutcomeRow;
use feiqian_core::state::Fault;
use feiqian_proof::header::BlockHeader;
use feiqian_proof::signature::{PublicKey, Signature, SigningKey, sign_header, verify_header};
use zerocopy::IntoBytes as _;

use crate::execution::view_of;
use crate::journal::{Durable, Frame};
use crate::storage::Storage;
use crate::stores::{
    BlockStore, GroupStore, OutcomeStore, SnapshotOf, SnapshotStore, StoreFault, StoredBlock,
};

/// A block that was sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SealedBlock {
    /// Its header.
    pub header: BlockHeader,
    /// The operator's signature over the header's hash.
    pub signature: Signature,
}

/// Why the book can't go on.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BookFault {
    /// The frame can't be one of this journal.
    #[error(transparent)]
    Frame(#[from] Fault),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// Replay makes another block than the one that is stored: tampering, or a fault of the engine.
    #[error(
        "block {height} differs from its replay in {what}: the first entry that can differ is sequence {sequence}"
    )]
    Differs {
        /// The block.
        height: u64,
        /// Its first sequence.
        sequence: u64,
        /// The first field that differs.
        what: &'static str,
    },
    /// A stored block's signature is not the operator's.
    #[error("block {height} is not signed by the operator's key")]
    Signature {
        /// The block.
        height: u64,
    },
}

/// Stores and the sealer that fills them.
#[derive(Debug)]
pub struct Book<S: Storage> {
    sealer: Sealer,
    pub(crate) key: SigningKey,
    pub(crate) blocks: BlockStore<S>,
    pub(crate) outcomes: OutcomeStore<S>,
    pub(crate) groups: GroupStore<S>,
    pub(crate) snapshots: SnapshotStore<S>,
    /// The last frame that was absorbed.
    head: Option<Head>,
    /// The state after the last block, where a snapshot of it would belong.
    sealed_head: Option<Head>,
}

impl<S: Storage> Book<S> {
    pub(crate) fn new(
        sealer: Sealer,
        key: SigningKey,
        (blocks, outcomes, groups, snapshots): (
            BlockStore<S>,
            OutcomeStore<S>,
            GroupStore<S>,
            SnapshotStore<S>,
        ),
    ) -> Self {
        Self { sealer, key, blocks, outcomes, groups, snapshots, head: None, sealed_head: None }
    }

    /// The sealer with the mirror of the last block.
    #[must_use]
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// The signed blocks.
    #[must_use]
    pub fn blocks(&self) -> &BlockStore<S> {
        &self.blocks
    }

    /// Takes the next executed frame; gives the block where it seals one.
    ///
    /// # Errors
    /// [`BookFault`]; the process must then stop, or refuse to start.
    pub fn absorb(
        &mut self,
        frame: &Durable<Frame>,
        rows: &[OutcomeRow],
        delta: Option<&Delta>,
    ) -> Result<Option<SealedBlock>, BookFault> {
        self.write_rows(frame, rows)?;
        let header = self.sealer.absorb(&view_of(frame), rows, delta)?;
        self.head = Some(frame.header.head(frame.hash));
        let Some(header) = header else { return Ok(None) };
        self.groups.write(&header, self.sealer.groups())?;
        self.sealed_head = self.head;
        let signature = match self.blocks.last() >= header.height {
            true => self.check_stored(&header)?,
            false => self.store(&header)?,
        };
        Ok(Some(SealedBlock { header, signature }))
    }

    /// Only keeps the rows of a frame.
    pub(crate) fn write_rows(&self, frame: &Durable<Frame>, rows: &[OutcomeRow]) -> Result<(), StoreFault> {
        self.outcomes.write_rows(frame.header.first_sequence, rows.as_bytes())
    }

    fn store(&self, header: &BlockHeader) -> Result<Signature, BookFault> {
        let signature = sign_header(&self.key, &header.hash());
        let block = StoredBlock { header: header.encode(), signature: signature.0 };
        self.blocks.append(header.height, &block)?;
        Ok(signature)
    }

    fn check_stored(&self, header: &BlockHeader) -> Result<Signature, BookFault> {
        let stored = self.blocks.read(header.height)?;
        check_block(&stored, header, &PublicKey::of(&self.key))
    }

    /// Makes rows and groups durable.
    pub(crate) fn sync_rows(&self) -> Result<(), StoreFault> {
        self.outcomes.sync()?;
        self.groups.sync()
    }

    /// The last block's state, to be written as a snapshot by whoever has the time; none in the midst of a block.
    #[must_use]
    pub fn pending_snapshot(&self) -> Option<PendingSnapshot<S>> {
        let head = self.sealed_head.filter(|_| self.sealer.open_entries() == 0)?;
        Some(PendingSnapshot {
            rows: (self.outcomes.clone(), self.groups.clone()),
            stores: (self.blocks.clone(), self.snapshots.clone()),
            of: SnapshotOf { height: self.sealer.height(), head },
            state: self.sealer.mirror().encode(),
        })
    }

    /// Makes all rows and blocks durable, then writes a snapshot of the last block, if there is one newer
    /// than the newest snapshot.
    ///
    /// # Errors
    /// [`BookFault::Store`].
    pub fn snapshot(&self) -> Result<Option<u64>, BookFault> {
        match self.pending_snapshot() {
            Some(snapshot) => snapshot.write().map(Some),
            None => {
                self.outcomes.sync()?;
                self.groups.sync()?;
                self.blocks.sync()?;
                Ok(None)
            }
        }
    }
}

/// A copy of the state after a block, not yet on disk.
#[derive(Debug)]
pub struct PendingSnapshot<S: Storage> {
    rows: (OutcomeStore<S>, GroupStore<S>),
    stores: (BlockStore<S>, SnapshotStore<S>),
    of: SnapshotOf,
    state: Vec<u8>,
}

impl<S: Storage> PendingSnapshot<S> {
    /// Makes rows and blocks durable, then writes the snapshot; gives its height.
    ///
    /// # Errors
    /// [`BookFault::Store`].
    pub fn write(&self) -> Result<u64, BookFault> {
        let ((outcomes, groups), (blocks, snapshots)) = (&self.rows, &self.stores);
        outcomes.sync()?;
        groups.sync()?;
        blocks.sync()?;
        snapshots.write(&self.of, &self.state)?;
        Ok(self.of.height)
    }
}

/// Compares a stored block with the header that replay makes; gives its signature.
///
/// # Errors
/// [`BookFault::Differs`] names the first field that differs; [`BookFault::Signature`].
pub fn check_block(
    stored: &StoredBlock,
    header: &BlockHeader,
    key: &PublicKey,
) -> Result<Signature, BookFault> {
    let (height, sequence) = (header.height, header.first_sequence);
    let differs = |what| BookFault::Differs { height, sequence, what };
    let found = BlockHeader::decode(&stored.header).map_err(|_| differs("its layout"))?;
    if let Some(what) = first_difference(&found, header) {
        return Err(differs(what));
    }
    let signature = Signature(stored.signature);
    match verify_header(key, &header.hash(), &signature) {
        true => Ok(signature),
        false => Err(BookFault::Signature { height }),
    }
}

/// The first field in which two headers differ, in the order of what a difference says most about.
#[must_use]
pub fn first_difference(a: &BlockHeader, b: &BlockHeader) -> Option<&'static str> {
    let fields = [
        ("chain", a.chain_id != b.chain_id),
        ("height", a.height != b.height),
        ("first sequence", a.first_sequence != b.first_sequence),
        ("count", a.count != b.count),
        ("transfers root", a.transfers != b.transfers),
        ("accounts root", a.accounts != b.accounts),
        ("positions root", a.positions != b.positions),
        ("config root", a.config != b.config),
        ("totals", a.totals != b.totals),
        ("cycle", a.cycle != b.cycle),
        ("timestamp", a.timestamp != b.timestamp),
        ("journal head", a.journal_head != b.journal_head),
        ("previous header", a.previous != b.previous),
    ];
    fields.into_iter().find(|(_, differs)| *differs).map(|(what, _)| what)
}
