//! The log of blocks as static files: signed checkpoint, tiles of hashes, bundles of headers (feiqian-proof `log`,
//! `tiles`, `checkpoint`), and the cosignatures that witnesses hand in.
//!
//! Owns the files below `log/` and the order in which they become durable: tiles and blocks first, the checkpoint over them
//! last, so what is signed can always be proved. Everything but the cosignatures follows from the blocks and is made
//! again where it is missing or torn. It never signs a smaller log than it signed before, nor another of that size.

use std::collections::BTreeSet;
use std::sync::Arc;

use feiqian_core::frame::Head;
use feiqian_proof::Hash;
use feiqian_proof::checkpoint::{Checkpoint, log_key};
use feiqian_proof::cosignature_book::{CosignatureBook, CosignatureRefusal};
use feiqian_proof::log::{LogHead, empty_root, leaf_hash, origin_of};
use feiqian_proof::note::{NOTE_BYTES_MAX, Note, VerifierKey};
use feiqian_proof::policy::WitnessPolicy;
use feiqian_proof::signature::{PublicKey, Signature, SigningKey};
use feiqian_proof::tiles::{
    Edge, Stack, TILE_WIDTH, TileId, TileProver, append_entry, decode_tile, encode_tile,
};
use feiqian_proof::witness::AddCheckpoint;
use parking_lot::Mutex;

use super::{BlockStore, StoreFault};
use crate::follow::sign_served;
use crate::storage::{ASIDE_SUFFIX, Access, Cause, Storage, StorageFile, parent, read_whole};

mod proofs;

/// The directory of the log in the data directory.
pub const LOG_DIRECTORY: &str = "log";
/// The newest checkpoint: the operator's line, then those of witnesses that have cosigned this very size.
pub const CHECKPOINT_FILE: &str = "log/checkpoint";
/// The largest checkpoint whose cosignatures meet the policy, with all lines.
pub const WITNESSED_FILE: &str = "log/witnessed";
/// The verifier key of the operator, as a line.
pub const LOG_KEY_FILE: &str = "log/key";

/// Blocks that may follow a checkpoint while it is [offered](LogStore::offered) and not WITNESSED.
pub const OFFER_BLOCKS: u64 = 64;

/// Bytes of a full tile, and of a bundle of 256 headers and their lengths: no file of the log is longer.
const TILE_FILE_BYTES_MAX: u64 = TILE_WIDTH * (2 + feiqian_proof::header::HEADER_BYTES as u64);

/// Makes proofs from the log's files.
pub type LogProver = TileProver<ReadTile>;
/// Reads a tile's hashes.
type ReadTile = Box<dyn FnMut(TileId) -> Result<Vec<Hash>, StoreFault> + Send>;

/// Why cosignatures are not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TakeFault {
    /// The node knows no witnesses.
    #[error("no witnesses are configured here")]
    NoPolicy,
    /// The cosigned checkpoint is not to be counted.
    #[error(transparent)]
    Refused(#[from] CosignatureRefusal),
    /// The log can't be read or written; the process must stop.
    #[error(transparent)]
    Store(#[from] StoreFault),
}

/// The log; clones are the same log. One thread follows the blocks, any may read, prove and hand in cosignatures.
#[derive(Clone, Debug)]
pub struct LogStore<S: Storage> {
    storage: S,
    blocks: BlockStore<S>,
    key: Arc<SigningKey>,
    log_key: VerifierKey,
    chain_id: [u8; 16],
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// The tree's right edge, of all entries whose tiles are written.
    edge: Edge,
    /// The unfinished bundle.
    bundle: Vec<u8>,
    /// What the newest checkpoint says.
    signed: LogHead,
    /// Of the checkpoint that witnesses are asked to cosign.
    offered: LogHead,
    book: Option<CosignatureBook>,
}

impl<S: Storage> LogStore<S> {
    /// Opens the log of a chain. What is behind the blocks or not whole is made by the next [`LogStore::follow`].
    ///
    /// # Errors
    /// [`StoreFault::LogAhead`] where the checkpoint is signed for more blocks than there are; the storage's faults.
    pub fn open(
        storage: S,
        blocks: BlockStore<S>,
        (key, chain_id): (SigningKey, &[u8; 16]),
        policy: Option<WitnessPolicy>,
    ) -> Result<Self, StoreFault> {
        let origin = origin_of(chain_id);
        let log_key = log_key(&origin, PublicKey::of(&key)).expect("a chain's origin has no spaces and no +");
        storage.create_directory(LOG_DIRECTORY)?;
        storage.write_atomically(LOG_KEY_FILE, format!("{log_key}\n").as_bytes())?;
        let signed = read_checkpoint(&storage, CHECKPOINT_FILE, &log_key)?
            .map_or(LogHead { size: 0, root: empty_root() }, |(checkpoint, _)| checkpoint.head);
        if signed.size > blocks.last() {
            return Err(StoreFault::LogAhead { size: signed.size, blocks: blocks.last() });
        }
        let book = policy.map(|policy| CosignatureBook::new(&origin, policy));
        let offered = LogHead { size: 0, root: empty_root() };
        let state = State { edge: Edge::default(), bundle: Vec::new(), signed, offered, book };
        let (key, state) = (Arc::new(key), Arc::new(Mutex::new(state)));
        let log = Self { storage, blocks, key, log_key, chain_id: *chain_id, state };
        log.load_edge()?;
        log.load_witnessed()?;
        Ok(log)
    }

    /// Goes on from the tiles if they have the signed root, else from nothing.
    fn load_edge(&self) -> Result<(), StoreFault> {
        let mut state = self.state.lock();
        let signed = state.signed;
        let loaded = Edge::load(signed.size, |id| read_tile(&self.storage, id));
        let Some(edge) = absent_or_damaged(loaded)?.filter(|edge| edge.root() == signed.root) else {
            return Ok(());
        };
        let first = signed.size - signed.size % TILE_WIDTH;
        let mut bundle = Vec::new();
        for height in first + 1..=signed.size {
            append_entry(&mut bundle, &self.blocks.read(height)?.header);
        }
        (state.edge, state.bundle) = (edge, bundle);
        Ok(())
    }

    /// Takes what was witnessed before the last stop into the book.
    fn load_witnessed(&self) -> Result<(), StoreFault> {
        let found = read_checkpoint(&self.storage, WITNESSED_FILE, &self.log_key)?;
        let mut state = self.state.lock();
        let State { book: Some(book), signed, .. } = &mut *state else { return Ok(()) };
        let Some((checkpoint, note)) = found.filter(|(checkpoint, _)| checkpoint.head.size <= signed.size)
        else {
            return Ok(());
        };
        // Signed by the operator, so no other root can stand there; one by other witnesses counts for nothing.
        let _ = book.take(note.to_string().as_bytes(), |_| Some(checkpoint.head.root));
        Ok(())
    }

    /// The key that the log's checkpoints verify with.
    #[must_use]
    pub const fn key(&self) -> &VerifierKey {
        &self.log_key
    }

    /// Signs for having served all frames up to the one at this head.
    #[must_use]
    pub fn sign_served(&self, head: &Head) -> Signature {
        sign_served(&self.key, head)
    }

    /// Blocks in the newest checkpoint and the root over them.
    #[must_use]
    pub fn head(&self) -> LogHead {
        self.state.lock().signed
    }

    /// The largest height that is WITNESSED, 0 if there is none or no policy.
    #[must_use]
    pub fn witnessed(&self) -> u64 {
        self.state.lock().book.as_ref().map_or(0, CosignatureBook::witnessed)
    }

    /// Appends all blocks that were sealed since the last call and publishes a checkpoint over them, durably; gives its
    /// size.
    ///
    /// # Errors
    /// [`StoreFault::LogDiffers`] where the blocks are not those that the last checkpoint was signed for; the stores'
    /// faults.
    pub fn follow(&self) -> Result<u64, StoreFault> {
        let mut state = self.state.lock();
        let last = self.blocks.last();
        if state.edge.size() == last && state.signed.size == last {
            return Ok(last);
        }
        let mut written = Written { storage: &self.storage, directories: BTreeSet::new(), full: Vec::new() };
        let is_whole = state.edge.size() == state.signed.size;
        let there = if is_whole { partial_tiles(&state.edge) } else { Vec::new() };
        while state.edge.size() < last {
            self.append_next(&mut state, &mut written)?;
        }
        for level in 0..state.edge.levels() {
            if let Some((id, hashes)) = state.edge.partial(level).filter(|(id, _)| !there.contains(id)) {
                written.put(id, &encode_tile(hashes))?;
            }
        }
        if let Some(id) = TileId::in_log(Stack::Entries, last / TILE_WIDTH, last) {
            written.put(id, &state.bundle)?;
        }
        let full = written.make_durable()?;
        // So that no disk ever holds a checkpoint over blocks that it does not hold.
        self.blocks.sync()?;
        state.signed = LogHead { size: last, root: state.edge.root() };
        self.publish(&state)?;
        remove_partial(&self.storage, &full)?;
        Ok(last)
    }

    fn append_next(&self, state: &mut State, written: &mut Written<'_, S>) -> Result<(), StoreFault> {
        let height = state.edge.size() + 1;
        let header = self.blocks.read(height)?.header;
        append_entry(&mut state.bundle, &header);
        for (id, hashes) in state.edge.push(leaf_hash(&header)) {
            if id.stack == Stack::Level(0) {
                written.put(TileId { stack: Stack::Entries, ..id }, &std::mem::take(&mut state.bundle))?;
            }
            written.put(id, &encode_tile(&hashes))?;
        }
        if height == state.signed.size && state.edge.root() != state.signed.root {
            return Err(StoreFault::LogDiffers { size: height });
        }
        Ok(())
    }

    /// Writes the newest checkpoint with all lines that there are for it.
    fn publish(&self, state: &State) -> Result<(), StoreFault> {
        let note = self.note(state, state.signed);
        Ok(self.storage.write_atomically(CHECKPOINT_FILE, note.to_string().as_bytes())?)
    }

    /// The operator's and the witnesses' lines under a head of this log.
    fn note(&self, state: &State, head: LogHead) -> Note {
        let checkpoint = Checkpoint::new(self.log_key.name(), head);
        let mut lines = vec![checkpoint.sign(&self.key).expect("a chain's origin names a key")];
        lines.extend(state.book.as_ref().map_or_else(Vec::new, |book| book.lines(head.size)));
        Note::new(checkpoint.to_string(), lines).expect("a checkpoint's text is a note's")
    }

    /// The checkpoint that witnesses are asked to cosign, with the lines that there are for it; none before the first. A policy
    /// is met at one size alone, so all are asked for the same until it is WITNESSED, or [`OFFER_BLOCKS`] have followed; then
    /// for the newest, never for a smaller one.
    #[must_use]
    pub fn offered(&self) -> Option<Vec<u8>> {
        self.offer().map(|(_, note)| note)
    }

    fn offer(&self) -> Option<(LogHead, Vec<u8>)> {
        let mut state = self.state.lock();
        let (newest, offered) = (state.signed, state.offered.size);
        let is_over = state.book.as_ref().is_none_or(|book| offered <= book.witnessed());
        if is_over || newest.size - offered > OFFER_BLOCKS {
            state.offered = newest;
        }
        let head = state.offered;
        (head.size > 0).then(|| (head, self.note(&state, head).to_string().into_bytes()))
    }

    /// Takes a checkpoint that witnesses have cosigned, with the operator's line or without; gives its size. Durable
    /// where it makes more blocks WITNESSED.
    ///
    /// # Errors
    /// [`TakeFault`]; after [`TakeFault::Store`] the process must stop.
    pub fn take(&self, cosigned: &[u8]) -> Result<u64, TakeFault> {
        let mut state = self.state.lock();
        let mut fault = None;
        let signed = state.signed;
        let book = state.book.as_mut().ok_or(TakeFault::NoPolicy)?;
        let taken = book.take(cosigned, |size| match self.root_at(size, signed.size) {
            Ok(root) => root,
            Err(why) => {
                fault = Some(why);
                None
            }
        });
        if let Some(why) = fault {
            return Err(why.into());
        }
        let (size, is_witnessed) = (taken?, book.witnessed());
        if size == signed.size {
            self.publish(&state)?;
        }
        if size == is_witnessed {
            let root = self.root_at(size, signed.size)?.unwrap_or(signed.root);
            let note = self.note(&state, LogHead { size, root }).to_string();
            self.storage.write_atomically(WITNESSED_FILE, note.as_bytes()).map_err(StoreFault::from)?;
        }
        Ok(size)
    }

    /// The root that the log had at a size, from the tiles of `signed` entries.
    fn root_at(&self, size: u64, signed: u64) -> Result<Option<Hash>, StoreFault> {
        if size > signed {
            return Ok(None);
        }
        self.prover_of(size, signed).root().map(Some)
    }

    /// Proofs about the log of a size that is not above the newest checkpoint's; none for a larger one.
    #[must_use]
    pub fn prover(&self, size: u64) -> Option<LogProver> {
        let signed = self.head().size;
        (size <= signed).then(|| self.prover_of(size, signed))
    }

    /// The partial tile of an older size may be gone: its hashes are the first ones of what is there now.
    fn prover_of(&self, size: u64, signed: u64) -> LogProver {
        let storage = self.storage.clone();
        let read = move |id: TileId| {
            let now = TileId::in_log(id.stack, id.index, signed).unwrap_or(id);
            // A tile may be filled and its partial form removed between the look at the head and this one.
            let mut hashes = read_tile(&storage, now).or_else(|fault| {
                read_tile(&storage, TileId { width: TILE_WIDTH, ..id }).map_err(|_| fault)
            })?;
            hashes.truncate(usize::try_from(id.width).unwrap_or(usize::MAX));
            Ok(hashes)
        };
        TileProver::new(size, Box::new(read))
    }

    /// What a witness that cosigned `old_size` last is asked next, for the checkpoint that is [offered](Self::offered); none if
    /// that is smaller.
    ///
    /// # Errors
    /// The storage's faults, and [`StoreFault::Damaged`] where a tile is.
    pub fn request_for(&self, old_size: u64) -> Result<Option<AddCheckpoint>, StoreFault> {
        let Some((head, checkpoint)) = self.offer().filter(|(head, _)| old_size <= head.size) else {
            return Ok(None);
        };
        let path = match old_size {
            0 => Vec::new(),
            _ => self.prover_of(head.size, self.head().size).consistency(old_size)?,
        };
        Ok(Some(AddCheckpoint { old_size, path, checkpoint }))
    }
}

/// Files on their way to the disk: each synced and named, their directories yet to be.
struct Written<'a, S> {
    storage: &'a S,
    directories: BTreeSet<String>,
    full: Vec<TileId>,
}

impl<S: Storage> Written<'_, S> {
    fn put(&mut self, id: TileId, bytes: &[u8]) -> Result<(), StoreFault> {
        let path = path_of(id);
        let directory = parent(&path);
        if !self.directories.contains(directory) {
            self.storage.create_directory(directory)?;
            self.directories.insert(directory.to_owned());
        }
        let aside = format!("{path}{ASIDE_SUFFIX}");
        let file = self.storage.create(&aside, Access::Buffered)?;
        file.write_at(0, bytes)?;
        file.sync_data()?;
        self.storage.rename(&aside, &path)?;
        if id.is_full() {
            self.full.push(id);
        }
        Ok(())
    }

    /// Makes the names durable; gives the tiles that are full now.
    fn make_durable(self) -> Result<Vec<TileId>, StoreFault> {
        for directory in &self.directories {
            self.storage.sync_directory(directory)?;
        }
        Ok(self.full)
    }
}

fn partial_tiles(edge: &Edge) -> Vec<TileId> {
    (0..edge.levels()).filter_map(|level| edge.partial(level)).map(|(id, _)| id).collect()
}

/// A partial tile has no use once the full one is durable.
fn remove_partial<S: Storage>(storage: &S, full: &[TileId]) -> Result<(), StoreFault> {
    for id in full {
        let directory = format!("{LOG_DIRECTORY}/{}", id.partial_directory());
        let names = storage.list(&directory)?;
        for name in &names {
            storage.remove(&format!("{directory}/{name}"))?;
        }
        if !names.is_empty() {
            storage.remove_directory(&directory)?;
        }
    }
    Ok(())
}

pub(super) fn path_of(id: TileId) -> String {
    format!("{LOG_DIRECTORY}/{id}")
}

fn read_tile<S: Storage>(storage: &S, id: TileId) -> Result<Vec<Hash>, StoreFault> {
    let path = path_of(id);
    let bytes = read_whole(storage, &path, TILE_FILE_BYTES_MAX)?;
    decode_tile(id, &bytes).map_err(|_| StoreFault::Damaged { file: path, offset: 0, number: id.index })
}

/// The operator's checkpoint in a file; none if it isn't there or is not the operator's.
fn read_checkpoint<S: Storage>(
    storage: &S,
    path: &str,
    key: &VerifierKey,
) -> Result<Option<(Checkpoint, Note)>, StoreFault> {
    match read_whole(storage, path, NOTE_BYTES_MAX as u64) {
        Ok(bytes) => Ok(Checkpoint::open(&bytes, key).ok()),
        Err(fault) if fault.is_absent() => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

fn absent_or_damaged<T>(read: Result<T, StoreFault>) -> Result<Option<T>, StoreFault> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(StoreFault::Storage(fault)) if !fault.is_absent() && fault.cause != Cause::EndsEarly => {
            Err(fault.into())
        }
        Err(_) => Ok(None),
    }
}
