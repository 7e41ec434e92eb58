//! The archive's directory, and how a part becomes visible as a whole and once.
//!
//! ```text
//! archive.json   how far the archive goes, and where files belong that are in and not yet there
//! staging/       files that are being written; nobody reads them
//! transfers/day=2026-03-16/currency=EUR/000000000001-000000000042.parquet      outcomes/ and positions/ alike
//! blocks/day=2026-03-16/000000000001-000000000042.parquet
//! ```
//! A part is written aside and synced. Then `archive.json` is replaced in one step: from here on the part is in, wherever
//! its files lie. Then they are renamed into place, the blocks last, their directories synced, and `archive.json` says that
//! no file is left to be placed. A start does those renames again that a crash has left, and throws away what else lies in
//! `staging/`. So the mark and the files can't differ: a part is not in and leaves no trace, or it is in and gets to its
//! place. What is in its place is not looked for again: old days, and the newest too, may be moved away.
//!
//! Files without `archive.json` are no archive to go on with: begun anew, it would have every row of theirs twice.

use feiqian_proof::hash::Hash;
use feiqian_runtime::storage::{Access, Storage, StorageFault, parent, read_whole};
use serde::{Deserialize, Serialize};

use crate::error::ArchiveError;
use crate::limits::STATE_BYTES_MAX;
use crate::part::Finished;
use crate::schema::{Table, VERSION};

/// Where files are written aside.
pub(crate) const STAGING: &str = "staging";
const STATE: &str = "archive.json";

/// A file of the newest part.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Placed {
    /// Where it was written.
    pub(crate) staged: String,
    /// Where it belongs.
    pub(crate) path: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    version: u32,
    /// Whose blocks; hexadecimal.
    chain: String,
    first_block: u64,
    last_block: u64,
    /// Of the last block's header; hexadecimal.
    last_hash: String,
    /// The files of the newest part as long as they are to be placed; then none.
    newest_part: Vec<Placed>,
}

/// An archive that is being continued.
#[derive(Debug)]
pub(crate) struct Directory<S> {
    storage: S,
    chain: String,
    first: u64,
    /// The last block that is in.
    last: u64,
    last_hash: String,
}

impl<S: Storage> Directory<S> {
    /// Opens an archive of the chain, or begins one with block `first` (1 if that is not said), and ends what a crash
    /// has left.
    ///
    /// # Errors
    /// [`ArchiveError`]: of the disk, or of an archive that is another's.
    pub(crate) fn open(storage: S, chain: &[u8; 16], first: Option<u64>) -> Result<Self, ArchiveError> {
        let chain = hex(chain);
        storage.create_directory(STAGING)?;
        let Some(state) = read(&storage)? else {
            check_bare(&storage)?;
            let first = first.unwrap_or(1).max(1);
            let last_hash = String::new();
            let directory = Self { storage, chain, first, last: first - 1, last_hash };
            directory.clean()?;
            return Ok(directory);
        };
        if state.chain != chain {
            return Err(ArchiveError::OtherChain { found: state.chain, expected: chain });
        }
        if first.is_some_and(|first| first != state.first_block) {
            return Err(ArchiveError::OtherBegin { begins: state.first_block });
        }
        let State { first_block: first, last_block: last, last_hash, newest_part, .. } = state;
        let directory = Self { storage, chain, first, last, last_hash };
        if !newest_part.is_empty() {
            directory.place(&newest_part)?;
            directory.write(Vec::new())?;
        }
        directory.clean()?;
        Ok(directory)
    }

    /// The last block that is in; the one before the first where there is none.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Whether the last block that is in has that hash; true where there is none.
    pub(crate) fn ends_with(&self, hash: &Hash) -> bool {
        self.last_hash.is_empty() || self.last_hash == hex(&hash.0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.last_hash.is_empty()
    }

    pub(crate) fn storage(&self) -> &S {
        &self.storage
    }

    /// Takes in a part whose last block is `last`.
    pub(crate) fn commit(&mut self, part: &Finished, (last, hash): (u64, &Hash)) -> Result<(), ArchiveError> {
        (self.last, self.last_hash) = (last, hex(&hash.0));
        self.write(part.files.clone())?;
        self.place(&part.files)?;
        self.write(Vec::new())
    }

    /// Says durably how far the archive goes, and which files are to be placed.
    fn write(&self, newest_part: Vec<Placed>) -> Result<(), ArchiveError> {
        let state = State {
            version: VERSION,
            chain: self.chain.clone(),
            first_block: self.first,
            last_block: self.last,
            last_hash: self.last_hash.clone(),
            newest_part,
        };
        let text =
            serde_json::to_vec_pretty(&state).map_err(|error| ArchiveError::State(error.to_string()))?;
        Ok(self.storage.write_atomically(STATE, &text)?)
    }

    /// Renames files to where they belong, those that are not there yet.
    fn place(&self, files: &[Placed]) -> Result<(), ArchiveError> {
        for file in files {
            if self.is_there(&file.staged)? {
                self.storage.create_directory(parent(&file.path))?;
                self.storage.rename(&file.staged, &file.path)?;
            } else if !self.is_there(&file.path)? {
                return Err(ArchiveError::Gone(file.path.clone()));
            }
            // Durable before the next: the blocks, which come last, vouch for the rest.
            self.storage.sync_directory(parent(&file.path))?;
        }
        Ok(())
    }

    fn is_there(&self, path: &str) -> Result<bool, StorageFault> {
        match self.storage.open(path, Access::Buffered) {
            Ok(_) => Ok(true),
            Err(fault) if fault.is_absent() => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Throws away what an attempt has left that was not committed.
    fn clean(&self) -> Result<(), StorageFault> {
        for name in self.storage.list(STAGING)? {
            self.storage.remove(&format!("{STAGING}/{name}"))?;
        }
        Ok(())
    }
}

/// An archive begins where nothing of one lies.
fn check_bare<S: Storage>(storage: &S) -> Result<(), ArchiveError> {
    for table in Table::ALL {
        if !storage.list(table.name())?.is_empty() {
            return Err(ArchiveError::NoState(table.name()));
        }
    }
    Ok(())
}

fn read<S: Storage>(storage: &S) -> Result<Option<State>, ArchiveError> {
    let bytes = match read_whole(storage, STATE, STATE_BYTES_MAX) {
        Err(fault) if fault.is_absent() => return Ok(None),
        read => read?,
    };
    let state: State =
        serde_json::from_slice(&bytes).map_err(|error| ArchiveError::State(error.to_string()))?;
    if state.version != VERSION {
        return Err(ArchiveError::State(format!("version {} is not {VERSION}", state.version)));
    }
    let is_sound =
        state.first_block > 0 && state.last_block >= state.first_block && !state.last_hash.is_empty();
    if is_sound { Ok(Some(state)) } else { Err(ArchiveError::State("its blocks make no sense".to_owned())) }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
