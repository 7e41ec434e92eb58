//! Which chain a data directory holds: a small text file, written once, before the journal.
//!
//! ```text
//! feiqian data directory, version 1
//! chain 00112233445566778899aabbccddeeff
//! operator 64 hexadecimal digits
//! ```

use feiqian_proof::signature::PublicKey;

use crate::storage::{Storage, StorageFault, read_whole};

/// The file, in the data directory.
pub const IDENTITY_FILE: &str = "IDENTITY";
const TITLE: &str = "feiqian data directory, version 1";
const BYTES_MAX: u64 = 4_096;

/// The chain and who signs its blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The chain.
    pub chain_id: [u8; 16],
    /// The operator's public key.
    pub operator: PublicKey,
}

/// Why a directory's identity is not known.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IdentityFault {
    /// There is no data directory here.
    #[error("{IDENTITY_FILE} is missing: this is no data directory yet (run `feiqian init`)")]
    Missing,
    /// The file is not what `init` writes.
    #[error("{IDENTITY_FILE} is damaged in line {line}")]
    Damaged {
        /// Counted from 1.
        line: usize,
    },
    /// There is one already.
    #[error("{IDENTITY_FILE} is there already: the directory holds a journal")]
    Exists,
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

impl Identity {
    /// Writes the file, durably.
    ///
    /// # Errors
    /// [`IdentityFault::Exists`], or the storage's faults.
    pub fn write(&self, storage: &impl Storage) -> Result<(), IdentityFault> {
        match Self::read(storage) {
            Err(IdentityFault::Missing) => {}
            Ok(_) | Err(IdentityFault::Damaged { .. }) => return Err(IdentityFault::Exists),
            Err(fault) => return Err(fault),
        }
        let chain = u128::from_be_bytes(self.chain_id);
        let text = format!("{TITLE}\nchain {chain:032x}\noperator {}\n", self.operator);
        storage.write_atomically(IDENTITY_FILE, text.as_bytes())?;
        Ok(())
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`IdentityFault`].
    pub fn read(storage: &impl Storage) -> Result<Self, IdentityFault> {
        let bytes = match read_whole(storage, IDENTITY_FILE, BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(fault) if fault.is_absent() => return Err(IdentityFault::Missing),
            Err(fault) => return Err(fault.into()),
        };
        let damaged = |line| IdentityFault::Damaged { line };
        let text = String::from_utf8(bytes).map_err(|_| damaged(1))?;
        let [TITLE, chain, operator, ""] = text.split('\n').collect::<Vec<_>>()[..] else {
            return Err(damaged(1));
        };
        let chain = chain.strip_prefix("chain ").filter(|hex| hex.len() == 32 && is_lower_hex(hex));
        let chain = chain.and_then(|hex| u128::from_str_radix(hex, 16).ok()).ok_or(damaged(2))?;
        let operator = operator.strip_prefix("operator ").and_then(|hex| PublicKey::parse(hex).ok());
        Ok(Self { chain_id: chain.to_be_bytes(), operator: operator.ok_or(damaged(3))? })
    }
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
