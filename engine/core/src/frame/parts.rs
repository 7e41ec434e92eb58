//! The parts of a stored payload: which units each holds, where it ends, and what checks it alone.
//!
//! Owns how a payload is divided and the table that a header of version 3 has of it, so that one record is read by its
//! header and one part. It never looks into a unit; how a unit is stored is the journal's matter.

use feiqian_proof::hash::{Domain, Hash, Hasher, keyed};

use core::ops::Range;

use super::{FrameError, get, put};

/// Parts of a payload at the most: what a header has room for.
pub const PARTS_MAX: usize = 10;
/// Units of the first of several parts: the preamble and the usual batch entries, for which nobody reads records.
pub const FIRST_PART_UNITS: usize = 32;
/// Units of every other part but the last, at least; a payload of no more is one part. Some 8 KiB of packed transfers:
/// what is less takes as long to read.
pub const PART_UNITS_MIN: usize = 256;
/// Bytes of a part's check.
pub const PART_CHECK_BYTES: usize = 4;

/// Bytes of an entry of the table: the part's end, and its check.
const ENTRY_BYTES: usize = 4 + PART_CHECK_BYTES;
/// Bytes of the table.
pub(super) const TABLE_BYTES: usize = PARTS_MAX * ENTRY_BYTES;

/// How a payload of so many units is divided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Division {
    units: usize,
    /// Units of each part behind the first.
    later: usize,
    count: usize,
}

impl Division {
    /// The division of a payload of `units` times 128 bytes, before it is packed.
    #[must_use]
    pub const fn of(units: usize) -> Self {
        if units <= PART_UNITS_MIN {
            return Self::whole(units);
        }
        let rest = units.saturating_sub(FIRST_PART_UNITS);
        let even = rest.div_ceil(PARTS_MAX - 1);
        let later = if even < PART_UNITS_MIN { PART_UNITS_MIN } else { even };
        Self { units, later, count: rest.div_ceil(later).saturating_add(1) }
    }

    /// Not divided: one part.
    #[must_use]
    pub const fn whole(units: usize) -> Self {
        Self { units, later: 0, count: 1 }
    }

    /// How many parts there are, 1 to [`PARTS_MAX`].
    #[must_use]
    pub const fn count(self) -> usize {
        self.count
    }

    /// The part that holds a unit; none behind the last unit.
    #[must_use]
    pub const fn part_of(self, unit: usize) -> Option<usize> {
        if unit >= self.units {
            return None;
        }
        if self.count == 1 || unit < FIRST_PART_UNITS {
            return Some(0);
        }
        match unit.saturating_sub(FIRST_PART_UNITS).checked_div(self.later) {
            Some(later) => Some(later.saturating_add(1)),
            None => None,
        }
    }

    /// The units of a part; none of no part.
    #[must_use]
    pub fn units_of(self, part: usize) -> Range<usize> {
        if self.count == 1 {
            return if part == 0 { 0..self.units } else { self.units..self.units };
        }
        let begin = |part: usize| match part.checked_sub(1) {
            None => 0,
            Some(later) => later.saturating_mul(self.later).saturating_add(FIRST_PART_UNITS).min(self.units),
        };
        begin(part)..begin(part.saturating_add(1))
    }
}

/// What a header says of the parts of its payload as stored. Of a payload that is one part, nothing: the payload's own
/// hash checks it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Parts {
    ends: [u32; PARTS_MAX],
    checks: [[u8; PART_CHECK_BYTES]; PARTS_MAX],
}

impl Parts {
    /// The table of a stored payload whose parts end at `ends`, the last at its own end, and the payload's hash. Every
    /// byte is hashed once, whatever the number of parts: of several, the payload's hash is that of theirs.
    #[must_use]
    pub fn seal(stored: &[u8], ends: &[u32]) -> (Self, Hash) {
        let mut parts = Self::default();
        if ends.len() < 2 {
            return (parts, keyed(Domain::Payload, stored));
        }
        let mut all = Hasher::new(Domain::Parts);
        let mut begin = 0;
        for ((end, to), check) in ends.iter().zip(&mut parts.ends).zip(&mut parts.checks) {
            let until = crate::number::index((*end).into());
            let hash = keyed(Domain::Payload, stored.get(begin..until).unwrap_or_default());
            all.update(&hash.0);
            (*to, *check) = (*end, check_of(&hash));
            begin = until;
        }
        (parts, all.finish())
    }

    /// Where the parts of a divided payload end.
    #[must_use]
    pub fn ends(&self, division: Division) -> &[u32] {
        self.ends.get(..division.count()).unwrap_or_default()
    }

    /// The stored bytes of a part of a divided payload.
    pub(super) fn bytes_of(&self, part: usize) -> Range<u32> {
        let end = |part: usize| self.ends.get(part).copied().unwrap_or_default();
        part.checked_sub(1).map_or(0, end)..end(part)
    }

    /// Whether these are the bytes of a part of a divided payload.
    pub(super) fn is_part(&self, part: usize, stored: &[u8]) -> bool {
        let bytes = self.bytes_of(part);
        let is_long = u32::try_from(stored.len()).ok() == bytes.end.checked_sub(bytes.start);
        is_long && self.checks.get(part) == Some(&check_of(&keyed(Domain::Payload, stored)))
    }

    /// Checks that the table can be that of a payload of so many stored bytes.
    pub(super) fn check(&self, division: Division, payload_bytes: u32) -> Result<(), FrameError> {
        let used = if division.count() == 1 { 0 } else { division.count() };
        let (ends, unused) = self.ends.split_at_checked(used).ok_or(FrameError::Parts)?;
        let is_ascending = ends.first().is_none_or(|first| *first > 0)
            && ends.windows(2).all(|pair| matches!(pair, [before, end] if before < end));
        let is_whole = ends.last().is_none_or(|last| *last == payload_bytes);
        let is_rest_zero = unused.iter().all(|end| *end == 0)
            && self.checks.iter().skip(used).all(|check| *check == [0; PART_CHECK_BYTES]);
        if is_ascending && is_whole && is_rest_zero { Ok(()) } else { Err(FrameError::Parts) }
    }

    pub(super) fn put(&self, bytes: &mut [u8; super::FRAME_HEADER_BYTES], at: usize) {
        for ((end, check), at) in self.ends.iter().zip(&self.checks).zip((at..).step_by(ENTRY_BYTES)) {
            put(bytes, at, end.to_le_bytes());
            put(bytes, at.saturating_add(4), *check);
        }
    }

    pub(super) fn get(bytes: &[u8; super::FRAME_HEADER_BYTES], at: usize) -> Self {
        let mut parts = Self::default();
        for ((end, check), at) in
            parts.ends.iter_mut().zip(&mut parts.checks).zip((at..).step_by(ENTRY_BYTES))
        {
            *end = u32::from_le_bytes(get(bytes, at));
            *check = get(bytes, at.saturating_add(4));
        }
        parts
    }
}

/// The first bytes of a part's hash: they find damage. Who would forge a part finds the payload's whole hash in its way,
/// which recovery, replay, audit and followers check.
fn check_of(hash: &Hash) -> [u8; PART_CHECK_BYTES] {
    let [a, b, c, d, ..] = hash.0;
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{FRAME_PAYLOAD_BYTES_MAX, RECORD_BYTES};

    #[test]
    fn every_unit_is_in_one_part_and_no_payload_has_more_parts_than_the_table() {
        for units in (0..=2_400).chain([8_190, 8_192, 9_216, FRAME_PAYLOAD_BYTES_MAX / RECORD_BYTES]) {
            let division = Division::of(units);
            assert!((1..=PARTS_MAX).contains(&division.count()), "{units} units");
            let mut next = 0;
            for part in 0..division.count() {
                let of_part = division.units_of(part);
                assert_eq!(of_part.start, next, "{units} units, part {part}");
                assert!(!of_part.is_empty() || units == 0, "{units} units, part {part}");
                let ends = [of_part.start, of_part.end.saturating_sub(1)];
                assert!(ends.iter().all(|unit| units == 0 || division.part_of(*unit) == Some(part)));
                next = of_part.end;
            }
            assert_eq!((next, division.part_of(units)), (units, None));
            assert!(division.units_of(division.count()).is_empty());
        }
    }

    #[test]
    fn a_part_is_checked_alone_and_the_hash_of_all_depends_on_each() {
        let stored: alloc::vec::Vec<u8> = (0..640).map(|at| u8::try_from(at % 251).unwrap_or(0)).collect();
        let ends = [100, 300, 640];
        let (parts, hash) = Parts::seal(&stored, &ends);
        for (part, bytes) in [0..100, 100..300, 300..640].into_iter().enumerate() {
            assert!(parts.is_part(part, &stored[bytes.clone()]));
            assert!(!parts.is_part(part, &stored[bytes.start..bytes.end - 1]));
            for at in bytes.clone() {
                let mut damaged = stored.clone();
                damaged[at] ^= 1;
                assert!(!parts.is_part(part, &damaged[bytes.clone()]), "byte {at}");
                assert_ne!(Parts::seal(&damaged, &ends), (parts, hash));
            }
        }
        assert_ne!(Parts::seal(&stored, &[100, 301, 640]).1, hash);
        assert_eq!(Parts::seal(&stored, &[640]), (Parts::default(), keyed(Domain::Payload, &stored)));
    }

    #[test]
    fn a_table_that_no_payload_has_is_refused() {
        let division = Division::of(600);
        assert_eq!(division.count(), 4);
        let with = |ends: [u32; 5]| {
            let mut parts = Parts::default();
            parts.ends[..5].copy_from_slice(&ends);
            parts.check(division, 1_280)
        };
        assert_eq!(with([1, 2, 3, 1_280, 0]), Ok(()));
        for refused in [[0, 2, 3, 1_280, 0], [1, 1, 3, 1_280, 0], [1, 2, 3, 1_279, 0], [1, 2, 3, 1_280, 1]] {
            assert_eq!(with(refused), Err(FrameError::Parts), "{refused:?}");
        }
        let mut one = Parts::default();
        assert_eq!(one.check(Division::of(256), 1_280), Ok(()));
        one.checks[0] = [1; PART_CHECK_BYTES];
        assert_eq!(one.check(Division::of(256), 1_280), Err(FrameError::Parts));
    }
}
