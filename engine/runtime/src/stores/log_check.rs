//! The comparison of the log's files with the blocks that they are made of, for an audit. Changes nothing.

use feiqian_proof::checkpoint::{Checkpoint, log_key};
use feiqian_proof::log::{leaf_hash, origin_of};
use feiqian_proof::note::NOTE_BYTES_MAX;
use feiqian_proof::signature::PublicKey;
use feiqian_proof::tiles::{Edge, Stack, TILE_WIDTH, TileId, append_entry, encode_tile};

use super::log::{CHECKPOINT_FILE, LOG_DIRECTORY, LOG_KEY_FILE, WITNESSED_FILE, path_of};
use super::{BlockStore, StoreFault};
use crate::storage::{Storage, read_whole};

/// Compares the verifier key that is served, the checkpoints, every tile and bundle that the newest one needs, and those that
/// older ones needed and that are served still; gives its size, 0 if there is none.
///
/// # Errors
/// [`StoreFault::Log`] names the first file that differs; [`StoreFault::LogAhead`], [`StoreFault::LogDiffers`].
pub fn check_log<S: Storage>(
    storage: &S,
    blocks: &BlockStore<S>,
    (chain_id, operator): (&[u8; 16], PublicKey),
) -> Result<u64, StoreFault> {
    let key = log_key(&origin_of(chain_id), operator).expect("a chain's origin has no spaces and no +");
    let mut checkpoints = Vec::new();
    for file in [CHECKPOINT_FILE, WITNESSED_FILE] {
        let Some(bytes) = read_if_there(storage, file, NOTE_BYTES_MAX as u64)? else { continue };
        let (checkpoint, _) = Checkpoint::open(&bytes, &key).map_err(|_| StoreFault::Log(file.to_owned()))?;
        checkpoints.push((checkpoint.head, file));
    }
    // Who takes the operator's key from there would believe another's checkpoints.
    let served = read_if_there(storage, LOG_KEY_FILE, NOTE_BYTES_MAX as u64)?;
    let is_own = served.as_ref().is_some_and(|bytes| *bytes == format!("{key}\n").into_bytes());
    if !is_own && (served.is_some() || !checkpoints.is_empty()) {
        return Err(StoreFault::Log(LOG_KEY_FILE.to_owned()));
    }
    let Some((newest, _)) = checkpoints.first().filter(|(_, file)| *file == CHECKPOINT_FILE).copied() else {
        return Ok(0);
    };
    if newest.size > blocks.last() {
        return Err(StoreFault::LogAhead { size: newest.size, blocks: blocks.last() });
    }
    let (mut edge, mut bundle) = (Edge::default(), Vec::new());
    for height in 1..=newest.size {
        let header = blocks.read(height)?.header;
        append_entry(&mut bundle, &header);
        for (id, hashes) in edge.push(leaf_hash(&header)) {
            if id.stack == Stack::Level(0) {
                compare(storage, TileId { stack: Stack::Entries, ..id }, &std::mem::take(&mut bundle))?;
            }
            compare(storage, id, &encode_tile(&hashes))?;
        }
        if checkpoints.iter().any(|(head, _)| head.size == height && head.root != edge.root()) {
            return Err(StoreFault::LogDiffers { size: height });
        }
    }
    for (id, hashes) in (0..edge.levels()).filter_map(|level| edge.partial(level)) {
        compare(storage, id, &encode_tile(hashes))?;
    }
    if let Some(id) = TileId::in_log(Stack::Entries, newest.size / TILE_WIDTH, newest.size) {
        compare(storage, id, &bundle)?;
    }
    Ok(newest.size)
}

/// Compares a file with what it must hold, and with that the partial ones that older sizes have left in its place.
fn compare<S: Storage>(storage: &S, id: TileId, bytes: &[u8]) -> Result<(), StoreFault> {
    compare_one(storage, id, bytes)?;
    // Headers are of one length, as hashes are.
    let each = bytes.len().checked_div(usize::try_from(id.width).unwrap_or(0)).unwrap_or(0);
    let directory = format!("{LOG_DIRECTORY}/{}", id.partial_directory());
    for name in storage.list(&directory)? {
        // Wider ones a crash has left before any checkpoint needed them, as it has what is named otherwise.
        let Some(width) = name.parse().ok().filter(|width| (1..id.width).contains(width)) else { continue };
        let begin = bytes.get(..each.saturating_mul(usize::try_from(width).unwrap_or(0)));
        compare_one(storage, TileId { width, ..id }, begin.unwrap_or_default())?;
    }
    Ok(())
}

fn compare_one<S: Storage>(storage: &S, id: TileId, bytes: &[u8]) -> Result<(), StoreFault> {
    let path = path_of(id);
    match read_if_there(storage, &path, bytes.len() as u64) {
        Ok(Some(stored)) if stored == bytes => Ok(()),
        Ok(_) => Err(StoreFault::Log(path)),
        Err(fault) => Err(fault),
    }
}

/// A file's bytes; none if it isn't there, or is longer than it may be.
fn read_if_there<S: Storage>(storage: &S, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, StoreFault> {
    match read_whole(storage, path, bytes_max) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(fault) if fault.is_absent() || fault.cause == crate::storage::Cause::EndsEarly => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}
