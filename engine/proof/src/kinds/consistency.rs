//! That a block is an ancestor of a later one: the headers from the one to the other, each named by the next.
//!
//! For near blocks. For far ones there is the [`LogConsistencyProof`](super::LogConsistencyProof).

use alloc::vec::Vec;

use crate::bytes::Reader;
use crate::header::{BlockHeader, HEADER_BYTES};
use crate::kinds::Proven;
use crate::kinds::parts::{SignedHeader, read_file, read_items, write_count};
use crate::kinds::refusal::Refusal;
use crate::signature::{PublicKey, Signature};

/// Headers in one proof.
pub const CHAIN_HEADERS_MAX: usize = 65_536;
const BOUNDS: (usize, usize) = (2, CHAIN_HEADERS_MAX);

/// The headers of adjoining blocks, and the operator's signature over the last: it covers all before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsistencyProof {
    /// The headers, ascending by height; 2 to [`CHAIN_HEADERS_MAX`].
    pub headers: Vec<BlockHeader>,
    /// The operator's signature over the last header.
    pub signature: Signature,
}

impl ConsistencyProof {
    pub(crate) const MAGIC: &[u8; 8] = b"FQCONS01";

    /// The bytes of the file.
    ///
    /// # Errors
    /// [`Refusal::Length`] for fewer or more headers than can be read.
    pub fn encode(&self) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Self::MAGIC.to_vec();
        write_count(self.headers.len(), BOUNDS, &mut bytes)?;
        self.headers.iter().for_each(|header| bytes.extend_from_slice(&header.encode()));
        bytes.extend_from_slice(&self.signature.0);
        Ok(bytes)
    }

    /// Reads a file's bytes, all of them; nothing is verified yet.
    ///
    /// # Errors
    /// [`Refusal`] says where the bytes leave the format.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        read_file(bytes, Self::MAGIC, Self::read)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Refusal> {
        let rows = read_items::<HEADER_BYTES>(from, BOUNDS)?;
        let headers: Result<Vec<_>, _> = rows.iter().map(|row| BlockHeader::decode(row)).collect();
        Ok(Self { headers: headers?, signature: Signature(from.array().ok_or(Refusal::Truncated)?) })
    }

    /// The first and the last header; none without a header.
    #[must_use]
    pub fn ends(&self) -> Option<(&BlockHeader, &BlockHeader)> {
        Some((self.headers.first()?, self.headers.last()?))
    }

    /// Checks that each header is followed by the next, and the signature over the last.
    ///
    /// `chain_id` is the chain that the reader expects; without one the proof's own word stands.
    ///
    /// # Errors
    /// [`Refusal`] names the first check that fails.
    pub fn verify(&self, key: &PublicKey, chain_id: Option<&[u8; 16]>) -> Result<Proven<'_, Self>, Refusal> {
        if self.headers.len() < BOUNDS.0 || self.headers.len() > BOUNDS.1 {
            return Err(Refusal::Length);
        }
        let last = *self.headers.last().ok_or(Refusal::Length)?;
        let last = SignedHeader { header: last, signature: self.signature };
        last.check_chain(chain_id)?;
        for pair in self.headers.windows(2) {
            check_link(&pair[0], &pair[1])?;
        }
        last.check_signature(key)?;
        Ok(Proven(self))
    }
}

/// Refuses a header that is not the one behind `before`.
pub(crate) fn check_link(before: &BlockHeader, header: &BlockHeader) -> Result<(), Refusal> {
    before.check_count()?;
    let follows = header.chain_id == before.chain_id
        && before.height.checked_add(1) == Some(header.height)
        && before.first_sequence.checked_add(before.count) == Some(header.first_sequence)
        && before.cycle <= header.cycle
        && header.previous == before.hash();
    if follows { Ok(()) } else { Err(Refusal::Link) }
}
