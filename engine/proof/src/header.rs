//! The block header: 320 bytes that stand for a block's every transfer, position, account and rule.
//!
//! Fixed layout, little endian, each byte in use; `FORMAT.md` draws it. A header says nothing of who signed
//! it: see [`signature`](crate::signature).

use core::fmt;

use crate::bytes::{Reader, Writer};
use crate::hash::{Domain, Hash, Hasher, keyed};

/// Bytes of a header.
pub const HEADER_BYTES: usize = 320;

const MAGIC: &[u8; 8] = b"FQBLOCK1";

/// A tree's root and its number of leaves: neither proves anything without the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Root {
    /// The root hash.
    pub hash: Hash,
    /// The number of leaves.
    pub size: u64,
}

/// What a sealed block commits to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockHeader {
    /// The chain that the block belongs to.
    pub chain_id: [u8; 16],
    /// 1 for the chain's first block, then one more for each.
    pub height: u64,
    /// Hash of the header at `height - 1`; zeros for the first block.
    pub previous: Hash,
    /// Sequence of the first entry in the block.
    pub first_sequence: u64,
    /// Sequences that the block spans: each is a leaf of `transfers`, so the two sizes are equal.
    pub count: u64,
    /// Nanoseconds since 1970-01-01 UTC, of the seal.
    pub timestamp: u64,
    /// The settlement cycle.
    pub cycle: u64,
    /// Debits and credits by currency: [`totals_digest`].
    pub totals: Hash,
    /// Every transfer with its outcome.
    pub transfers: Root,
    /// Every participant's position in every currency.
    pub positions: Root,
    /// Every account after the block.
    pub accounts: Root,
    /// The configuration in force.
    pub config: Root,
    /// Hash of the journal's last frame in the block.
    pub journal_head: Hash,
}

/// Why bytes are no block header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderError {
    /// Not 320 bytes.
    Length,
    /// Another kind of file, or a version that this code doesn't know.
    Magic,
    /// Spans another number of sequences than its tree of transfers has leaves.
    Count,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "a block header has 320 bytes",
            Self::Magic => "the block header does not begin with FQBLOCK1",
            Self::Count => "the block header's count is not the size of its tree of transfers",
        })
    }
}

impl core::error::Error for HeaderError {}

impl BlockHeader {
    /// The 320 bytes of the header.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut fields = Writer::new();
        fields
            .put(MAGIC)
            .put(&self.chain_id)
            .u64(self.height)
            .put(&self.previous.0)
            .u64(self.first_sequence)
            .u64(self.count)
            .u64(self.timestamp)
            .u64(self.cycle)
            .put(&self.totals.0);
        [self.transfers, self.positions, self.accounts, self.config]
            .iter()
            .fold(&mut fields, |fields, root| fields.put(&root.hash.0).u64(root.size))
            .put(&self.journal_head.0)
            .finish()
    }

    /// The header of exactly 320 bytes.
    ///
    /// # Errors
    /// [`HeaderError`] for another length, another magic, or a count that is not the tree's size.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        let bytes: &[u8; HEADER_BYTES] = bytes.try_into().map_err(|_| HeaderError::Length)?;
        let mut fields = Reader::new(bytes);
        if fields.slice(MAGIC.len()) != Some(MAGIC) {
            return Err(HeaderError::Magic);
        }
        let header = Self::read(&mut fields).ok_or(HeaderError::Length)?;
        header.check_count()?;
        Ok(header)
    }

    /// Refuses a header whose count is not the size of its tree of transfers.
    pub(crate) fn check_count(&self) -> Result<(), HeaderError> {
        if self.count == self.transfers.size { Ok(()) } else { Err(HeaderError::Count) }
    }

    fn read(fields: &mut Reader<'_>) -> Option<Self> {
        let header = Self {
            chain_id: fields.array()?,
            height: fields.u64()?,
            previous: Hash(fields.array()?),
            first_sequence: fields.u64()?,
            count: fields.u64()?,
            timestamp: fields.u64()?,
            cycle: fields.u64()?,
            totals: Hash(fields.array()?),
            transfers: Root::read(fields)?,
            positions: Root::read(fields)?,
            accounts: Root::read(fields)?,
            config: Root::read(fields)?,
            journal_head: Hash(fields.array()?),
        };
        fields.is_at_end().then_some(header)
    }

    /// The header's digest: what the operator signs and the next header names.
    #[must_use]
    pub fn hash(&self) -> Hash {
        keyed(Domain::Header, &self.encode())
    }
}

impl Root {
    fn read(fields: &mut Reader<'_>) -> Option<Self> {
        Some(Self { hash: Hash(fields.array()?), size: fields.u64()? })
    }
}

/// The digest of a block's debits and credits: rows of (ISO 4217 numeric code, debits, credits) in minor
/// units, ascending by currency.
///
/// # Panics
/// If the rows are not ascending, or a currency stands twice: the digest would not be the only one.
#[must_use]
pub fn totals_digest(rows: &[(u16, u128, u128)]) -> Hash {
    assert!(rows.is_sorted_by(|a, b| a.0 < b.0), "totals ascend by currency");
    let mut hasher = Hasher::new(Domain::Totals);
    for (currency, debits, credits) in rows {
        hasher.update(&currency.to_le_bytes());
        hasher.update(&debits.to_le_bytes());
        hasher.update(&credits.to_le_bytes());
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use core::ops::Range;

    const COUNT: Range<usize> = 72..80;
    const TRANSFERS_SIZE: Range<usize> = 160..168;

    fn header_bytes() -> [u8; HEADER_BYTES] {
        let mut bytes = core::array::from_fn(|at| u8::try_from(at % 253 + 1).unwrap_or(0));
        bytes[..8].copy_from_slice(MAGIC);
        bytes.copy_within(COUNT, TRANSFERS_SIZE.start);
        bytes
    }

    #[test]
    fn a_header_round_trips_and_its_every_byte_is_significant() {
        let bytes = header_bytes();
        let header = BlockHeader::decode(&bytes).expect("a header");
        assert_eq!(header.encode(), bytes);
        let mut seen = Vec::from([header.hash()]);
        for at in 0..HEADER_BYTES {
            let mut other = bytes;
            other[at] ^= 1;
            let read = BlockHeader::decode(&other);
            if at < MAGIC.len() {
                assert_eq!(read, Err(HeaderError::Magic));
                continue;
            }
            if COUNT.contains(&at) || TRANSFERS_SIZE.contains(&at) {
                assert_eq!(read, Err(HeaderError::Count), "byte {at}");
                continue;
            }
            let hash = read.expect("a header").hash();
            assert!(!seen.contains(&hash), "byte {at}");
            seen.push(hash);
        }
    }

    #[test]
    fn a_header_counts_each_leaf_of_its_transfers() {
        let header = BlockHeader::decode(&header_bytes()).expect("a header");
        for count in [0, 1, header.count - 1, header.count + 1, u64::MAX] {
            let unequal = BlockHeader { count, ..header };
            assert_eq!(BlockHeader::decode(&unequal.encode()), Err(HeaderError::Count), "{count}");
            let equal = BlockHeader { count, transfers: Root { size: count, ..header.transfers }, ..header };
            assert_eq!(BlockHeader::decode(&equal.encode()), Ok(equal));
        }
    }

    #[test]
    fn a_header_of_another_length_is_refused() {
        let bytes = header_bytes();
        for length in 0..HEADER_BYTES {
            assert_eq!(BlockHeader::decode(&bytes[..length]), Err(HeaderError::Length));
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(BlockHeader::decode(&longer), Err(HeaderError::Length));
    }

    #[test]
    fn totals_differ_by_currency_side_and_amount() {
        let rows = [(756, 1, 2), (978, 3, 4)];
        let digests = [
            totals_digest(&[]),
            totals_digest(&rows),
            totals_digest(&rows[..1]),
            totals_digest(&rows[1..]),
            totals_digest(&[(756, 2, 1), (978, 3, 4)]),
            totals_digest(&[(757, 1, 2), (978, 3, 4)]),
            totals_digest(&[(756, 1, 2), (978, 3, 1 << 127)]),
        ];
        for (at, digest) in digests.iter().enumerate() {
            assert!(!digests[at + 1..].contains(digest));
        }
    }

    #[test]
    #[should_panic(expected = "totals ascend by currency")]
    fn totals_with_a_currency_twice_are_a_bug() {
        let _ = totals_digest(&[(978, 1, 1), (978, 1, 1)]);
    }
}
