//! What was taken from a copy without the operator's signature, in a data directory: whoever relays frames can write some of
//! its own behind the last block, for their chain is made with keys that everybody has. A block covers those before it.
//!
//! Owns `validator/unsigned`, which is there as long as the journal's last frames were taken so.

use feiqian_core::frame::Head;

use super::witness::VALIDATOR_DIRECTORY;
use crate::journal::{Journal, JournalOptions, RecoveryFault};
use crate::machine::last_sealed;
use crate::storage::frozen::Frozen;
use crate::storage::{Access, Storage, StorageFault};
use crate::stores::{BlockStore, StoreFault};

const UNSIGNED_FILE: &str = "validator/unsigned";
const ACCEPTED_FILE: &str = "validator/unsigned-accepted";
const TEXT: &[u8] = b"frames were taken from a copy, without the operator's signature\n";

/// Whether the journal's last frames may have been taken without the operator's signature.
pub(super) fn has_unsigned(storage: &impl Storage) -> Result<bool, StorageFault> {
    match storage.open(UNSIGNED_FILE, Access::Buffered) {
        Ok(_) => Ok(true),
        Err(fault) if fault.is_absent() => Ok(false),
        Err(fault) => Err(fault),
    }
}

/// Writes down, durably, that frames are taken so: before the first of them is.
pub(super) fn note(storage: &impl Storage) -> Result<(), StorageFault> {
    if has_unsigned(storage)? {
        return Ok(());
    }
    storage.create_directory(VALIDATOR_DIRECTORY)?;
    storage.write_atomically(UNSIGNED_FILE, TEXT)
}

/// The operator has signed for what comes behind them.
pub(super) fn forget(storage: &impl Storage) -> Result<(), StorageFault> {
    storage.remove(UNSIGNED_FILE)?;
    storage.sync_directory(VALIDATOR_DIRECTORY)
}

/// The last sequence that a block vouches for and the journal's last one, where frames between them were taken from a copy
/// and nothing shows that the operator has written them. Changes nothing.
///
/// # Errors
/// The stores' faults; of a journal that can't be read the recovery will say more, so it gives none.
pub fn unsigned_behind<S: Storage>(
    storage: &S,
    options: JournalOptions,
) -> Result<Option<(u64, u64)>, StoreFault> {
    if !has_unsigned(storage)? {
        return Ok(None);
    }
    let frozen = Frozen(storage.clone());
    let (blocks, _) = BlockStore::open(frozen.clone())?;
    let (sealed, mut head) = (last_sealed(&blocks)?, Head::genesis(options.chain_id));
    let read = Journal::recover(frozen, options, sealed, None, |frame| {
        head = frame.header.head(frame.hash);
        Ok::<(), std::convert::Infallible>(())
    });
    match read {
        Err(RecoveryFault::Storage(fault)) => Err(fault.into()),
        _ => Ok((head.sequence > sealed).then_some((sealed, head.sequence))),
    }
}

/// Somebody has looked at those frames, and vouches for them.
///
/// # Errors
/// The storage's faults.
pub fn accept_unsigned(storage: &impl Storage) -> Result<(), StorageFault> {
    if !has_unsigned(storage)? {
        return Ok(());
    }
    storage.rename(UNSIGNED_FILE, ACCEPTED_FILE)?;
    storage.sync_directory(VALIDATOR_DIRECTORY)
}
