//! The frame header: what the journal, every reader of it and every later replicated log agree upon.
//!
//! Owns the header's bytes (engine/runtime/FORMAT.md draws them), its hash, and the rule by which a reader
//! accepts a frame as the next one. It never looks into a payload: what transfers and commands mean is the
//! rules' matter. It reads no clock: the timestamp is the sequencer's.

pub mod parts;

use core::fmt;
use core::ops::Range;

use feiqian_proof::hash::{Domain, Hash, keyed};

use self::parts::{Division, Parts};
use crate::limits::{FRAME_PAYLOAD_BYTES_MAX, RECORD_BYTES};

/// Bytes of an encoded header. Like everything in the journal a multiple of 128.
pub const FRAME_HEADER_BYTES: usize = 256;

/// The first eight bytes of every frame.
pub const FRAME_MAGIC: [u8; 8] = *b"FQFRAME1";

/// The version that is written: its payload is stored packed or not, and each of its parts can be checked alone.
pub const FRAME_VERSION: u16 = 3;
/// The version, read for ever, of a frame whose payload is stored as it is and checked as a whole.
pub const FRAME_VERSION_PLAIN: u16 = 1;
/// The version, read for ever, of a frame whose payload is stored packed and checked as a whole.
pub const FRAME_VERSION_PACKED: u16 = 2;

/// Bytes of a chain's id.
pub const CHAIN_ID_BYTES: usize = 16;

const _: () = assert!(FRAME_HEADER_BYTES.is_multiple_of(RECORD_BYTES));
const _: () = assert!(FRAME_PAYLOAD_BYTES_MAX.is_multiple_of(RECORD_BYTES));

// Offsets in the encoded header; what lies between RESERVED_AT and HASH_AT is zero, before version 3 the parts too.
const VERSION_AT: usize = 8;
const KIND_AT: usize = 10;
const EPOCH_AT: usize = 12;
const CHAIN_AT: usize = 16;
const SEGMENT_AT: usize = 32;
const COUNT_AT: usize = 36;
const SEQUENCE_AT: usize = 40;
const TIMESTAMP_AT: usize = 48;
const DURABLE_AT: usize = 56;
const PAYLOAD_BYTES_AT: usize = 64;
const BEHIND_AT: usize = 68;
const PREVIOUS_AT: usize = 72;
const PAYLOAD_HASH_AT: usize = 104;
const PLAIN_BYTES_AT: usize = 136;
const PARTS_AT: usize = 140;
const RESERVED_AT: usize = PARTS_AT + parts::TABLE_BYTES;
const HASH_AT: usize = 224;

/// What a frame's payload holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameKind {
    /// Batches of transfers.
    Transfers = 1,
    /// One administrative command.
    Command = 2,
}

impl FrameKind {
    /// The number that stands for this kind, for ever.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Transfers => 1,
            Self::Command => 2,
        }
    }

    /// The kind of a number.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::Transfers),
            2 => Some(Self::Command),
            _ => None,
        }
    }
}

/// Everything that a frame says besides its payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameHeader {
    /// What the payload is.
    pub kind: FrameKind,
    /// The chain that the frame belongs to.
    pub chain_id: [u8; CHAIN_ID_BYTES],
    /// The leader's epoch; never falls along the chain.
    pub epoch: u32,
    /// Number of the journal segment that it was written in: a recycled segment's leftovers show by it.
    pub segment: u32,
    /// The first sequence number that the frame takes; the first frame of a chain has 1.
    pub first_sequence: u64,
    /// How many it takes, at least 1.
    pub count: u32,
    /// Bytes of the payload as it is stored: a multiple of 128, at most [`FRAME_PAYLOAD_BYTES_MAX`].
    pub payload_bytes: u32,
    /// Where it is stored packed, its bytes before that: more, a multiple of 128, and at most the same; else 0.
    pub plain_bytes: u32,
    /// Nanoseconds since 1970; never falls along the chain.
    pub timestamp: u64,
    /// The highest sequence number that was known durable when the frame was written.
    pub durable: u64,
    /// Frames of the same group (one write, one sync) that follow this one directly.
    pub group_behind: u32,
    /// Hash of the frame before; zeros for the first.
    pub previous: Hash,
    /// The hash of the payload as stored: see [`Parts::seal`].
    pub payload_hash: Hash,
    /// Of a frame of version 3, what checks each part of the payload; none before, where only the whole is checked.
    pub parts: Option<Parts>,
}

/// Bytes that are no header of this version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameError {
    /// They don't begin with [`FRAME_MAGIC`].
    Magic,
    /// The header's own hash differs: torn, or damaged.
    Checksum,
    /// A version that this code doesn't know.
    Version(u16),
    /// A kind that this version doesn't have.
    Kind(u16),
    /// Reserved bytes are not zero.
    Reserved,
    /// The payload's length, stored or before it was packed, is no multiple of 128, over the bound, or of another
    /// version.
    PayloadBytes(u32),
    /// The table of parts is not one that a payload of this length can have.
    Parts,
    /// No sequence number is taken, it starts at 0, or it ends past 2^64 - 1.
    Sequence,
    /// The durable mark doesn't end before the frame.
    Durable(u64),
    /// The payload isn't the one that the header was made for.
    Payload,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("no frame begins here"),
            Self::Checksum => f.write_str("the frame header's checksum differs"),
            Self::Version(version) => write!(f, "frame version {version} is not known"),
            Self::Kind(kind) => write!(f, "frame kind {kind} is not known"),
            Self::Reserved => f.write_str("reserved bytes of the frame header are not zero"),
            Self::PayloadBytes(bytes) => write!(f, "a payload of {bytes} bytes is not possible"),
            Self::Parts => f.write_str("the frame's table of parts is not possible"),
            Self::Sequence => f.write_str("the frame's sequence numbers are not possible"),
            Self::Durable(mark) => write!(f, "the durable mark {mark} doesn't end before the frame"),
            Self::Payload => f.write_str("the payload's checksum differs"),
        }
    }
}

impl core::error::Error for FrameError {}

/// Where a chain stands: what the next frame must continue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// The chain.
    pub chain_id: [u8; CHAIN_ID_BYTES],
    /// The last sequence number taken; 0 before the first frame.
    pub sequence: u64,
    /// The last frame's hash; zeros before the first.
    pub hash: Hash,
    /// The last frame's epoch.
    pub epoch: u32,
    /// The last frame's timestamp, in nanoseconds since 1970.
    pub timestamp: u64,
}

impl Head {
    /// The head of a chain that has no frame.
    #[must_use]
    pub const fn genesis(chain_id: [u8; CHAIN_ID_BYTES]) -> Self {
        Self { chain_id, sequence: 0, hash: Hash([0; 32]), epoch: 0, timestamp: 0 }
    }
}

/// Why a frame is void for every reader at this head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotNext {
    /// It belongs to another chain.
    Chain,
    /// It was written by a leader that has been replaced.
    Epoch { head: u32, frame: u32 },
    /// Its sequence isn't the next.
    Sequence { next: u64, frame: u64 },
    /// It continues another frame than the head.
    Previous,
    /// Its time lies before the head's.
    Timestamp { head: u64, frame: u64 },
}

impl fmt::Display for NotNext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain => f.write_str("the frame belongs to another chain"),
            Self::Epoch { head, frame } => write!(f, "the frame's epoch {frame} is before the head's {head}"),
            Self::Sequence { next, frame } => {
                write!(f, "the frame's first sequence is {frame}, where {next} is the next")
            }
            Self::Previous => f.write_str("the frame continues another one than the head"),
            Self::Timestamp { head, frame } => {
                write!(f, "the frame's timestamp {frame} is before the head's {head}")
            }
        }
    }
}

impl core::error::Error for NotNext {}

impl FrameHeader {
    /// The last sequence number that the frame takes.
    #[must_use]
    pub fn last_sequence(&self) -> u64 {
        self.first_sequence.saturating_add(u64::from(self.count).saturating_sub(1))
    }

    /// The head after this frame, whose hash the caller has from [`FrameHeader::encode`] or `decode`.
    #[must_use]
    pub fn head(&self, hash: Hash) -> Head {
        Head {
            chain_id: self.chain_id,
            sequence: self.last_sequence(),
            hash,
            epoch: self.epoch,
            timestamp: self.timestamp,
        }
    }

    /// The header's bytes and the frame's hash, which are their last 32.
    #[must_use]
    pub fn encode(&self) -> ([u8; FRAME_HEADER_BYTES], Hash) {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        put(&mut bytes, 0, FRAME_MAGIC);
        let version = match (self.parts, self.plain_bytes) {
            (Some(_), _) => FRAME_VERSION,
            (None, 0) => FRAME_VERSION_PLAIN,
            (None, _) => FRAME_VERSION_PACKED,
        };
        put(&mut bytes, VERSION_AT, version.to_le_bytes());
        put(&mut bytes, KIND_AT, self.kind.number().to_le_bytes());
        put(&mut bytes, EPOCH_AT, self.epoch.to_le_bytes());
        put(&mut bytes, CHAIN_AT, self.chain_id);
        put(&mut bytes, SEGMENT_AT, self.segment.to_le_bytes());
        put(&mut bytes, COUNT_AT, self.count.to_le_bytes());
        put(&mut bytes, SEQUENCE_AT, self.first_sequence.to_le_bytes());
        put(&mut bytes, TIMESTAMP_AT, self.timestamp.to_le_bytes());
        put(&mut bytes, DURABLE_AT, self.durable.to_le_bytes());
        put(&mut bytes, PAYLOAD_BYTES_AT, self.payload_bytes.to_le_bytes());
        put(&mut bytes, BEHIND_AT, self.group_behind.to_le_bytes());
        put(&mut bytes, PREVIOUS_AT, self.previous.0);
        put(&mut bytes, PAYLOAD_HASH_AT, self.payload_hash.0);
        put(&mut bytes, PLAIN_BYTES_AT, self.plain_bytes.to_le_bytes());
        if let Some(parts) = &self.parts {
            parts.put(&mut bytes, PARTS_AT);
        }
        let hash = keyed(Domain::Frame, &bytes[..HASH_AT]);
        put(&mut bytes, HASH_AT, hash.0);
        (bytes, hash)
    }

    /// Reads a header and gives the frame's hash with it. The payload is not looked at.
    ///
    /// # Errors
    /// The first of [`FrameError`]'s variants, in their order, that holds.
    pub fn decode(bytes: &[u8; FRAME_HEADER_BYTES]) -> Result<(Self, Hash), FrameError> {
        if get::<8>(bytes, 0) != FRAME_MAGIC {
            return Err(FrameError::Magic);
        }
        let hash = keyed(Domain::Frame, &bytes[..HASH_AT]);
        if get::<32>(bytes, HASH_AT) != hash.0 {
            return Err(FrameError::Checksum);
        }
        let version = u16::from_le_bytes(get(bytes, VERSION_AT));
        if ![FRAME_VERSION, FRAME_VERSION_PLAIN, FRAME_VERSION_PACKED].contains(&version) {
            return Err(FrameError::Version(version));
        }
        let kind = u16::from_le_bytes(get(bytes, KIND_AT));
        let header = Self {
            kind: FrameKind::from_number(kind).ok_or(FrameError::Kind(kind))?,
            chain_id: get(bytes, CHAIN_AT),
            epoch: u32::from_le_bytes(get(bytes, EPOCH_AT)),
            segment: u32::from_le_bytes(get(bytes, SEGMENT_AT)),
            first_sequence: u64::from_le_bytes(get(bytes, SEQUENCE_AT)),
            count: u32::from_le_bytes(get(bytes, COUNT_AT)),
            payload_bytes: u32::from_le_bytes(get(bytes, PAYLOAD_BYTES_AT)),
            timestamp: u64::from_le_bytes(get(bytes, TIMESTAMP_AT)),
            durable: u64::from_le_bytes(get(bytes, DURABLE_AT)),
            group_behind: u32::from_le_bytes(get(bytes, BEHIND_AT)),
            previous: Hash(get(bytes, PREVIOUS_AT)),
            payload_hash: Hash(get(bytes, PAYLOAD_HASH_AT)),
            plain_bytes: u32::from_le_bytes(get(bytes, PLAIN_BYTES_AT)),
            parts: (version == FRAME_VERSION).then(|| Parts::get(bytes, PARTS_AT)),
        };
        if header.parts.is_none() && (header.plain_bytes > 0) != (version == FRAME_VERSION_PACKED) {
            return Err(FrameError::PayloadBytes(header.plain_bytes));
        }
        let reserved_at = if header.parts.is_some() { RESERVED_AT } else { PARTS_AT };
        if bytes[reserved_at..HASH_AT].iter().any(|byte| *byte != 0) {
            return Err(FrameError::Reserved);
        }
        header.check().map(|()| (header, hash))
    }

    /// The acceptance rule of every reader: chain, epoch, sequence, previous hash and time continue `head`.
    ///
    /// # Errors
    /// The first of [`NotNext`]'s variants, in their order, that holds; the frame is void then.
    pub fn follows(&self, head: &Head) -> Result<(), NotNext> {
        if self.chain_id != head.chain_id {
            return Err(NotNext::Chain);
        }
        if self.epoch < head.epoch {
            return Err(NotNext::Epoch { head: head.epoch, frame: self.epoch });
        }
        if Some(self.first_sequence) != head.sequence.checked_add(1) {
            let next = head.sequence.saturating_add(1);
            return Err(NotNext::Sequence { next, frame: self.first_sequence });
        }
        if self.previous != head.hash {
            return Err(NotNext::Previous);
        }
        if self.timestamp < head.timestamp {
            return Err(NotNext::Timestamp { head: head.timestamp, frame: self.timestamp });
        }
        Ok(())
    }

    /// Checks that `payload` is the one that this header was made for.
    ///
    /// # Errors
    /// [`FrameError::Payload`] if not.
    pub fn check_payload(&self, payload: &[u8]) -> Result<(), FrameError> {
        if u32::try_from(payload.len()) != Ok(self.payload_bytes) {
            return Err(FrameError::Payload);
        }
        let is_payload = match &self.parts {
            Some(parts) => Parts::seal(payload, parts.ends(self.division())) == (*parts, self.payload_hash),
            None => keyed(Domain::Payload, payload) == self.payload_hash,
        };
        if is_payload { Ok(()) } else { Err(FrameError::Payload) }
    }

    /// How the payload is divided into parts that can be checked alone.
    #[must_use]
    pub fn division(&self) -> Division {
        let bytes = if self.plain_bytes == 0 { self.payload_bytes } else { self.plain_bytes };
        let units = crate::number::index(bytes.into()).checked_div(RECORD_BYTES).unwrap_or_default();
        if self.parts.is_some() { Division::of(units) } else { Division::whole(units) }
    }

    /// Where a part's bytes lie in the payload as stored.
    #[must_use]
    pub fn part_bytes(&self, part: usize) -> Range<u32> {
        match &self.parts {
            Some(parts) if self.division().count() > 1 => parts.bytes_of(part),
            _ => 0..self.payload_bytes,
        }
    }

    /// Checks that `stored` is a part of the payload that this header was made for.
    ///
    /// # Errors
    /// [`FrameError::Payload`] if not.
    pub fn check_part(&self, part: usize, stored: &[u8]) -> Result<(), FrameError> {
        match &self.parts {
            Some(parts) if self.division().count() > 1 => {
                if parts.is_part(part, stored) {
                    Ok(())
                } else {
                    Err(FrameError::Payload)
                }
            }
            _ => self.check_payload(stored),
        }
    }

    /// Checks what an encoded header must hold beyond its form; [`FrameHeader::decode`] has done it.
    ///
    /// # Errors
    /// [`FrameError::PayloadBytes`], [`FrameError::Parts`], [`FrameError::Sequence`] or [`FrameError::Durable`].
    pub fn check(&self) -> Result<(), FrameError> {
        let is_payload = usize::try_from(self.payload_bytes)
            .is_ok_and(|bytes| bytes <= FRAME_PAYLOAD_BYTES_MAX && bytes.is_multiple_of(RECORD_BYTES));
        if !is_payload {
            return Err(FrameError::PayloadBytes(self.payload_bytes));
        }
        let is_plain = self.plain_bytes == 0
            || (self.plain_bytes > self.payload_bytes
                && usize::try_from(self.plain_bytes).is_ok_and(|bytes| {
                    bytes <= FRAME_PAYLOAD_BYTES_MAX && bytes.is_multiple_of(RECORD_BYTES)
                }));
        if !is_plain {
            return Err(FrameError::PayloadBytes(self.plain_bytes));
        }
        if let Some(parts) = &self.parts {
            parts.check(self.division(), self.payload_bytes)?;
        }
        let last =
            u64::from(self.count).checked_sub(1).and_then(|more| self.first_sequence.checked_add(more));
        if self.first_sequence == 0 || last.is_none() {
            return Err(FrameError::Sequence);
        }
        if self.durable >= self.first_sequence {
            return Err(FrameError::Durable(self.durable));
        }
        Ok(())
    }
}

fn put<const N: usize>(bytes: &mut [u8; FRAME_HEADER_BYTES], at: usize, value: [u8; N]) {
    if let Some(field) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<N>()) {
        *field = value;
    }
}

fn get<const N: usize>(bytes: &[u8; FRAME_HEADER_BYTES], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk::<N>()).copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> FrameHeader {
        FrameHeader {
            kind: FrameKind::Transfers,
            chain_id: [7; 16],
            epoch: 3,
            segment: 4,
            first_sequence: 101,
            count: 20,
            payload_bytes: 2_560,
            plain_bytes: 0,
            timestamp: 1_750_000_000_000_000_000,
            durable: 90,
            group_behind: 2,
            previous: Hash([9; 32]),
            payload_hash: Hash([8; 32]),
            parts: None,
        }
    }

    /// Of version 3, with four parts.
    fn divided() -> FrameHeader {
        let (parts, payload_hash) = Parts::seal(&[7; 2_560], &[128, 1_000, 2_000, 2_560]);
        FrameHeader { plain_bytes: 600 * 128, payload_hash, parts: Some(parts), ..header() }
    }

    fn head() -> Head {
        Head { chain_id: [7; 16], sequence: 100, hash: Hash([9; 32]), epoch: 3, timestamp: 1_749_999 }
    }

    #[test]
    fn a_header_round_trips_and_names_its_hash() {
        let (bytes, hash) = header().encode();
        assert_eq!(FrameHeader::decode(&bytes), Ok((header(), hash)));
        assert_eq!(bytes[HASH_AT..], hash.0);
        assert_eq!(header().head(hash).sequence, 120);
        let packed = FrameHeader { plain_bytes: 5_120, ..header() };
        let (packed_bytes, hash) = packed.encode();
        assert_eq!(FrameHeader::decode(&packed_bytes), Ok((packed, hash)));
        let (divided_bytes, hash) = divided().encode();
        assert_eq!(FrameHeader::decode(&divided_bytes), Ok((divided(), hash)));
        let versions = [bytes, packed_bytes, divided_bytes].map(|bytes| bytes[VERSION_AT]);
        assert_eq!(versions, [1, 2, 3]);
    }

    #[test]
    fn a_divided_payload_is_checked_as_a_whole_and_by_each_part() {
        let (header, stored) = (divided(), [7; 2_560]);
        assert_eq!(header.check_payload(&stored), Ok(()));
        assert_eq!(header.check_payload(&stored[..2_432]), Err(FrameError::Payload));
        for part in 0..4 {
            let index = |at: u32| crate::number::index(at.into());
            let bytes = header.part_bytes(part);
            let bytes = &stored[index(bytes.start)..index(bytes.end)];
            assert_eq!(header.check_part(part, bytes), Ok(()));
            assert_eq!(header.check_part(part + 1, bytes), Err(FrameError::Payload));
        }
        // A right payload under a table that is not its own: whoever read by parts would be told otherwise.
        let other = Parts::seal(&[7; 2_560], &[128, 1_001, 2_000, 2_560]).0;
        let header = FrameHeader { parts: Some(other), ..header };
        assert_eq!(header.check_payload(&stored), Err(FrameError::Payload));
    }

    #[test]
    fn every_flipped_bit_is_found() {
        for bytes in [header(), divided()].map(|header| header.encode().0) {
            for bit in 0..FRAME_HEADER_BYTES * 8 {
                let mut flipped = bytes;
                flipped[bit / 8] ^= 1 << (bit % 8);
                let wanted = if bit < 64 { FrameError::Magic } else { FrameError::Checksum };
                assert_eq!(FrameHeader::decode(&flipped), Err(wanted), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_well_hashed_header_that_makes_no_sense_is_refused() {
        let refused = |change: fn(&mut FrameHeader)| {
            let mut changed = header();
            change(&mut changed);
            FrameHeader::decode(&changed.encode().0).err()
        };
        assert_eq!(refused(|h| h.payload_bytes = 100), Some(FrameError::PayloadBytes(100)));
        assert_eq!(refused(|h| h.payload_bytes = 4 << 20), Some(FrameError::PayloadBytes(4 << 20)));
        assert_eq!(refused(|h| h.plain_bytes = 2_560), Some(FrameError::PayloadBytes(2_560)));
        assert_eq!(refused(|h| h.plain_bytes = 2_561), Some(FrameError::PayloadBytes(2_561)));
        assert_eq!(refused(|h| h.plain_bytes = 4 << 20), Some(FrameError::PayloadBytes(4 << 20)));
        assert_eq!(refused(|h| h.parts = divided().parts), Some(FrameError::Parts));
        assert_eq!(refused(|h| h.count = 0), Some(FrameError::Sequence));
        assert_eq!(refused(|h| h.first_sequence = 0), Some(FrameError::Sequence));
        assert_eq!(refused(|h| h.first_sequence = u64::MAX), Some(FrameError::Sequence));
        assert_eq!(refused(|h| h.durable = 101), Some(FrameError::Durable(101)));
    }

    #[test]
    fn version_kind_and_reserved_bytes_are_checked_even_under_a_right_hash() {
        let rehashed = |of: FrameHeader, at: usize, value: u8| {
            let (mut bytes, _) = of.encode();
            bytes[at] = value;
            let hash = keyed(Domain::Frame, &bytes[..HASH_AT]);
            put(&mut bytes, HASH_AT, hash.0);
            FrameHeader::decode(&bytes).err()
        };
        for of in [header(), divided()] {
            assert_eq!(rehashed(of, VERSION_AT, 4), Some(FrameError::Version(4)));
            assert_eq!(rehashed(of, KIND_AT, 9), Some(FrameError::Kind(9)));
            assert_eq!(rehashed(of, HASH_AT - 1, 1), Some(FrameError::Reserved));
        }
        assert_eq!(rehashed(header(), VERSION_AT, 2), Some(FrameError::PayloadBytes(0)));
        assert_eq!(rehashed(header(), PLAIN_BYTES_AT + 1, 20), Some(FrameError::PayloadBytes(5_120)));
        // What version 3 has there is zero in the versions before, and the other way round.
        assert_eq!(rehashed(header(), PARTS_AT, 1), Some(FrameError::Reserved));
        assert_eq!(rehashed(divided(), VERSION_AT, 2), Some(FrameError::Reserved));
        assert_eq!(rehashed(divided(), PARTS_AT + 4 * 8, 1), Some(FrameError::Parts));
    }

    #[test]
    fn only_the_frame_that_continues_the_head_follows() {
        let refused = |change: fn(&mut FrameHeader)| {
            let mut changed = header();
            change(&mut changed);
            changed.follows(&head()).err()
        };
        assert_eq!(refused(|_| ()), None);
        assert_eq!(refused(|h| h.epoch = 4), None);
        assert_eq!(refused(|h| h.chain_id = [8; 16]), Some(NotNext::Chain));
        assert_eq!(refused(|h| h.epoch = 2), Some(NotNext::Epoch { head: 3, frame: 2 }));
        assert_eq!(refused(|h| h.first_sequence = 102), Some(NotNext::Sequence { next: 101, frame: 102 }));
        assert_eq!(refused(|h| h.previous = Hash([1; 32])), Some(NotNext::Previous));
        assert_eq!(refused(|h| h.timestamp = 5), Some(NotNext::Timestamp { head: 1_749_999, frame: 5 }));
    }
}
