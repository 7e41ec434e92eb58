//! Milestones: blocks of 4096 bytes that say where the chain stands. One opens each segment, and one, the
//! mark, follows a group once its sync has returned and nothing else came.
//!
//! Owns their bytes. A milestone states only what is durable: whoever finds one behind a bad place knows
//! that everything up to its head was on disk before.

use feiqian_core::frame::{CHAIN_ID_BYTES, Head};
use feiqian_proof::hash::{Domain, Hash, keyed};

use crate::storage::BLOCK_BYTES;

const VERSION: u16 = 1;
const VERSION_AT: usize = 8;
const CHAIN_AT: usize = 16;
const SEGMENT_AT: usize = 32;
const EPOCH_AT: usize = 36;
const SEQUENCE_AT: usize = 40;
const HEAD_HASH_AT: usize = 48;
const TIMESTAMP_AT: usize = 80;
const LENGTH_AT: usize = 88;
const RESERVED_AT: usize = 92;
const HASH_AT: usize = BLOCK_BYTES - 32;

/// Which of the two a milestone is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// At offset 0 of a segment.
    Start,
    /// Behind a group.
    Mark,
}

impl Place {
    const fn magic(self) -> [u8; 8] {
        match self {
            Self::Start => *b"FQSTART1",
            Self::Mark => *b"FQMARK01",
        }
    }
}

/// Where the chain stands at a place of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Milestone {
    pub(super) place: Place,
    /// Number of the segment that it was written in.
    pub(super) segment: u32,
    /// Length of that segment in bytes.
    pub(super) segment_bytes: u32,
    /// The last durable frame.
    pub(super) head: Head,
}

impl Milestone {
    /// Fills `block`, which is [`BLOCK_BYTES`] long.
    pub(super) fn encode(&self, block: &mut [u8]) {
        block.fill(0);
        block[..8].copy_from_slice(&self.place.magic());
        block[VERSION_AT..VERSION_AT + 2].copy_from_slice(&VERSION.to_le_bytes());
        block[CHAIN_AT..SEGMENT_AT].copy_from_slice(&self.head.chain_id);
        block[SEGMENT_AT..EPOCH_AT].copy_from_slice(&self.segment.to_le_bytes());
        block[EPOCH_AT..SEQUENCE_AT].copy_from_slice(&self.head.epoch.to_le_bytes());
        block[SEQUENCE_AT..HEAD_HASH_AT].copy_from_slice(&self.head.sequence.to_le_bytes());
        block[HEAD_HASH_AT..TIMESTAMP_AT].copy_from_slice(&self.head.hash.0);
        block[TIMESTAMP_AT..LENGTH_AT].copy_from_slice(&self.head.timestamp.to_le_bytes());
        block[LENGTH_AT..RESERVED_AT].copy_from_slice(&self.segment_bytes.to_le_bytes());
        let hash = checksum(block);
        block[HASH_AT..].copy_from_slice(&hash.0);
    }

    /// Reads a block; none if it is no milestone of this version, torn or damaged.
    pub(super) fn decode(block: &[u8]) -> Option<Self> {
        if block.len() != BLOCK_BYTES {
            return None;
        }
        let place = [Place::Start, Place::Mark].into_iter().find(|place| block[..8] == place.magic())?;
        let is_sound = block[HASH_AT..] == checksum(block).0
            && field(block, VERSION_AT) == VERSION.to_le_bytes()
            && block[VERSION_AT + 2..CHAIN_AT].iter().all(|byte| *byte == 0)
            && block[RESERVED_AT..HASH_AT].iter().all(|byte| *byte == 0);
        is_sound.then(|| Self {
            place,
            segment: u32::from_le_bytes(field(block, SEGMENT_AT)),
            segment_bytes: u32::from_le_bytes(field(block, LENGTH_AT)),
            head: Head {
                chain_id: field::<CHAIN_ID_BYTES>(block, CHAIN_AT),
                sequence: u64::from_le_bytes(field(block, SEQUENCE_AT)),
                hash: Hash(field(block, HEAD_HASH_AT)),
                epoch: u32::from_le_bytes(field(block, EPOCH_AT)),
                timestamp: u64::from_le_bytes(field(block, TIMESTAMP_AT)),
            },
        })
    }
}

/// The frames' domain serves here too: it covers 4,064 bytes, a frame header's hash 224, so neither can pass
/// for the other.
fn checksum(block: &[u8]) -> Hash {
    keyed(Domain::Frame, &block[..HASH_AT])
}

fn field<const N: usize>(block: &[u8], at: usize) -> [u8; N] {
    block[at..].first_chunk::<N>().copied().expect("fields lie within the block, whose length was checked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milestones_round_trip_and_no_bit_of_them_may_change() {
        let head =
            Head { chain_id: [1; 16], sequence: 77, hash: Hash([5; 32]), epoch: 2, timestamp: 1_234_567 };
        for place in [Place::Start, Place::Mark] {
            let milestone = Milestone { place, segment: 9, segment_bytes: 1 << 20, head };
            let mut block = [0xFF; BLOCK_BYTES];
            milestone.encode(&mut block);
            assert_eq!(Milestone::decode(&block), Some(milestone));
            for byte in (0..200).chain(HASH_AT - 100..BLOCK_BYTES) {
                let mut flipped = block;
                flipped[byte] ^= 1 << (byte % 8);
                assert_eq!(Milestone::decode(&flipped), None, "byte {byte}");
            }
        }
        assert_eq!(Milestone::decode(&[0; BLOCK_BYTES]), None);
    }
}
