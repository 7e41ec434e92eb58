//! Receipts: a file that proves offline that one transfer, with its outcome, stands in a signed block.
//!
//! Each byte is significant and each receipt has one encoding. Reading bounds every length before it is
//! used. A [`Verified`] can be made only by [`Receipt::verify`], so whoever holds one need check nothing.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::bytes::Reader;
use crate::hash::{Domain, HASH_BYTES, Hash, keyed};
use crate::header::{BlockHeader, HEADER_BYTES, HeaderError};
use crate::inclusion::{PATH_MAX, verify_inclusion};
use crate::leaf::{RECORD_BYTES, SALT_BYTES, transfer_leaf_hash};
use crate::signature::{PublicKey, Signature, verify_header};

/// Bytes of details that a receipt may carry.
pub const DETAILS_BYTES_MAX: usize = 64 * 1024;
/// Bytes of the longest receipt.
pub const RECEIPT_BYTES_MAX: usize = FIXED_BYTES + PATH_MAX * HASH_BYTES + DETAILS_BYTES_MAX;
/// Bytes of a receipt with neither path nor details.
const FIXED_BYTES: usize = MAGIC.len() + HEADER_BYTES + 64 + 8 + SALT_BYTES + RECORD_BYTES + 1 + 4;
const _: () = assert!(PATH_MAX <= 255, "the path's length is one byte");

pub(crate) const MAGIC: &[u8; 8] = b"FQRCPT01";
/// Where the record holds the digest of its details.
const DETAILS_DIGEST: Range<usize> = 72..104;
/// Where the record holds its sequence, a little-endian u64.
const SEQUENCE: Range<usize> = 104..112;

/// A receipt, not yet verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The block's header.
    pub header: BlockHeader,
    /// The operator's signature over the header.
    pub signature: Signature,
    /// The transfer's index among the block's transfers.
    pub index: u64,
    /// The salt of the transfer's leaf.
    pub salt: [u8; SALT_BYTES],
    /// The transfer with its outcome.
    pub record: [u8; RECORD_BYTES],
    /// The siblings from the leaf to the root, lowest first; at most [`PATH_MAX`].
    pub path: Vec<Hash>,
    /// The payment's details; empty where they are not disclosed. At most [`DETAILS_BYTES_MAX`].
    pub details: Vec<u8>,
}

/// A receipt whose every statement holds under the key that it was verified with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verified<'a>(&'a Receipt);

/// Why a receipt is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReceiptError {
    /// Another kind of file, or a version that this code doesn't know.
    Magic,
    /// Ends before its last field.
    Truncated,
    /// Goes on behind its last field.
    TrailingBytes,
    /// More nodes than any tree's path has.
    PathTooLong,
    /// More details than a receipt may carry.
    DetailsTooLong,
    /// The header can't be read.
    Header(HeaderError),
    /// The block has no transfer at the index.
    Index,
    /// The record's sequence is not the one that the block has at the index.
    Sequence,
    /// The details are not those that the record names.
    DetailsDiffer,
    /// Record, salt, index and path don't lead to the header's root of transfers.
    NotIncluded,
    /// The key did not sign the header.
    Signature,
}

impl fmt::Display for ReceiptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Magic => "the file does not begin with FQRCPT01: it is no receipt of this version",
            Self::Truncated => "the receipt ends too early",
            Self::TrailingBytes => "the receipt has bytes behind its end",
            Self::PathTooLong => "the receipt's path has more than 64 nodes",
            Self::DetailsTooLong => "the receipt's details have more than 65536 bytes",
            Self::Header(error) => return fmt::Display::fmt(error, f),
            Self::Index => "the receipt's index is not below the block's count of transfers",
            Self::Sequence => "the record's sequence is not the block's first sequence plus the index",
            Self::DetailsDiffer => "the details are not those that the transfer's record names",
            Self::NotIncluded => {
                "the transfer does not lead to the block's root: record, salt, index or path differ"
            }
            Self::Signature => "the block header is not signed by this key",
        })
    }
}

impl core::error::Error for ReceiptError {}

impl Receipt {
    /// The bytes of the file.
    ///
    /// # Errors
    /// [`ReceiptError::PathTooLong`] or [`ReceiptError::DetailsTooLong`]: nothing that can't be read is written.
    pub fn encode(&self) -> Result<Vec<u8>, ReceiptError> {
        let mut bytes = Vec::with_capacity(FIXED_BYTES + self.path.len() * HASH_BYTES + self.details.len());
        bytes.extend_from_slice(MAGIC);
        self.write(&mut bytes)?;
        Ok(bytes)
    }

    /// Appends all that stands behind the magic.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) -> Result<(), ReceiptError> {
        let (path_length, details_length) = self.lengths()?;
        bytes.extend_from_slice(&self.header.encode());
        bytes.extend_from_slice(&self.signature.0);
        bytes.extend_from_slice(&self.index.to_le_bytes());
        bytes.extend_from_slice(&self.salt);
        bytes.extend_from_slice(&self.record);
        bytes.push(path_length);
        self.path.iter().for_each(|node| bytes.extend_from_slice(&node.0));
        bytes.extend_from_slice(&details_length.to_le_bytes());
        bytes.extend_from_slice(&self.details);
        Ok(())
    }

    fn lengths(&self) -> Result<(u8, u32), ReceiptError> {
        let path = u8::try_from(self.path.len()).ok().filter(|nodes| usize::from(*nodes) <= PATH_MAX);
        let details =
            u32::try_from(self.details.len()).ok().filter(|_| self.details.len() <= DETAILS_BYTES_MAX);
        Ok((path.ok_or(ReceiptError::PathTooLong)?, details.ok_or(ReceiptError::DetailsTooLong)?))
    }

    /// Reads a file's bytes, all of them; nothing is verified yet.
    ///
    /// # Errors
    /// [`ReceiptError`] says where the bytes leave the format.
    pub fn decode(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let mut fields = Reader::new(bytes);
        if fields.slice(MAGIC.len()) != Some(MAGIC) {
            return Err(ReceiptError::Magic);
        }
        let receipt = Self::read(&mut fields)?;
        if fields.is_at_end() { Ok(receipt) } else { Err(ReceiptError::TrailingBytes) }
    }

    /// Reads all that stands behind the magic.
    pub(crate) fn read(fields: &mut Reader<'_>) -> Result<Self, ReceiptError> {
        const SHORT: ReceiptError = ReceiptError::Truncated;
        let header = fields.slice(HEADER_BYTES).ok_or(SHORT)?;
        Ok(Self {
            header: BlockHeader::decode(header).map_err(ReceiptError::Header)?,
            signature: Signature(fields.array().ok_or(SHORT)?),
            index: fields.u64().ok_or(SHORT)?,
            salt: fields.array().ok_or(SHORT)?,
            record: fields.array().ok_or(SHORT)?,
            path: read_path(fields)?,
            details: read_details(fields)?,
        })
    }

    /// Checks the place in the block, the details, the inclusion and the signature, in this order: the cheap
    /// ones first.
    ///
    /// # Errors
    /// [`ReceiptError`] names the first check that fails.
    pub fn verify(&self, key: &PublicKey) -> Result<Verified<'_>, ReceiptError> {
        self.lengths()?;
        self.check_place()?;
        if !self.details.is_empty() && keyed(Domain::Document, &self.details).0 != self.record[DETAILS_DIGEST]
        {
            return Err(ReceiptError::DetailsDiffer);
        }
        let leaf = transfer_leaf_hash(&self.salt, &self.record);
        let tree = self.header.transfers;
        if !verify_inclusion(Domain::TransferNode, leaf, self.index, tree.size, &self.path, &tree.hash) {
            return Err(ReceiptError::NotIncluded);
        }
        if !verify_header(key, &self.header.hash(), &self.signature) {
            return Err(ReceiptError::Signature);
        }
        Ok(Verified(self))
    }

    /// The record says for itself where it stands: its sequence is the one that header and index give.
    fn check_place(&self) -> Result<(), ReceiptError> {
        let BlockHeader { first_sequence, count, .. } = self.header;
        self.header.check_count().map_err(ReceiptError::Header)?;
        if self.index >= count {
            return Err(ReceiptError::Index);
        }
        let sequence = first_sequence.checked_add(self.index).map(u64::to_le_bytes);
        let is_at_place = sequence.is_some_and(|sequence| sequence == self.record[SEQUENCE]);
        if is_at_place { Ok(()) } else { Err(ReceiptError::Sequence) }
    }
}

fn read_path(fields: &mut Reader<'_>) -> Result<Vec<Hash>, ReceiptError> {
    let [nodes] = fields.array().ok_or(ReceiptError::Truncated)?;
    let nodes = usize::from(nodes);
    if nodes > PATH_MAX {
        return Err(ReceiptError::PathTooLong);
    }
    let bytes = fields.slice(nodes * HASH_BYTES).ok_or(ReceiptError::Truncated)?;
    Ok(bytes.as_chunks::<HASH_BYTES>().0.iter().map(|node| Hash(*node)).collect())
}

fn read_details(fields: &mut Reader<'_>) -> Result<Vec<u8>, ReceiptError> {
    let length = fields.array().map(u32::from_le_bytes).ok_or(ReceiptError::Truncated)?;
    let length = usize::try_from(length).ok().filter(|length| *length <= DETAILS_BYTES_MAX);
    let length = length.ok_or(ReceiptError::DetailsTooLong)?;
    fields.slice(length).map(<[u8]>::to_vec).ok_or(ReceiptError::Truncated)
}

impl<'a> Verified<'a> {
    /// The header of the block that the transfer stands in.
    #[must_use]
    pub const fn header(&self) -> &'a BlockHeader {
        &self.0.header
    }

    /// The transfer's record with its outcome.
    #[must_use]
    pub const fn record(&self) -> &'a [u8; RECORD_BYTES] {
        &self.0.record
    }

    /// The payment's details, if the receipt discloses them.
    #[must_use]
    pub fn details(&self) -> Option<&'a [u8]> {
        (!self.0.details.is_empty()).then_some(&self.0.details)
    }

    /// The transfer's index among the block's transfers.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.0.index
    }
}
