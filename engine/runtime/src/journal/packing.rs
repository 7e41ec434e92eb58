//! How payloads are stored: without their zeros. A plain transfer's record is 128 bytes, of which some thirty say
//! something, and what limits a journal is the disk.
//!
//! ```text
//! unit   := lengths 8 │ bytes …        for each 128 bytes of payload, as 16 little-endian words of 8 bytes
//! lengths:  16 times 4 bits, the lower half of a byte first: how many bytes of the word follow, 0 to 8
//! bytes:    of each word its lowest ones; those that are left out are zero
//! ```
//! The units stand behind each other, then zeros up to a multiple of 128. One payload has one packed form. No unit depends
//! on another one, so each of the parts that a header names is unpacked alone.

use std::cell::RefCell;

use feiqian_core::frame::parts::{Division, PARTS_MAX};
use feiqian_core::limits::RECORD_BYTES;

const WORDS: usize = RECORD_BYTES / 8;
const LENGTHS_BYTES: usize = WORDS / 2;
/// A unit without any zero to leave out.
const UNIT_BYTES_MAX: usize = LENGTHS_BYTES + RECORD_BYTES;
/// What is read of a unit's bytes, at the most: its last word whole, wherever that begins.
const READ_BYTES: usize = RECORD_BYTES + 8;

thread_local! {
    /// Where payloads are packed, before what they have become is copied out: one place for all of a thread.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A payload in the form that is stored, and where its parts end in that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Packed {
    /// None: as it is.
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) ends: Ends,
}

/// Where the parts of a stored payload end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Ends {
    ends: [u32; PARTS_MAX],
    count: usize,
}

impl Ends {
    fn push(&mut self, end: usize) {
        self.ends[self.count] = u32::try_from(end).expect("a payload's length fits 32 bits");
        self.count += 1;
    }

    /// The last part takes what stands behind its units too.
    fn stretch(&mut self, end: usize) {
        self.count -= 1;
        self.push(end);
    }

    pub(super) fn as_slice(&self) -> &[u32] {
        &self.ends[..self.count]
    }
}

/// The form in which a payload is stored: packed, if that is shorter.
pub(super) fn pack(payload: &[u8]) -> Packed {
    let (units, rest) = payload.as_chunks::<RECORD_BYTES>();
    let division = Division::of(units.len());
    let plain = || {
        let mut ends = Ends::default();
        (0..division.count()).for_each(|part| ends.push(division.units_of(part).end * RECORD_BYTES));
        ends.stretch(payload.len());
        Packed { bytes: None, ends }
    };
    if !rest.is_empty() {
        return plain();
    }
    SCRATCH.with_borrow_mut(|scratch| {
        // A word is written whole and only its length counted, so the last one may reach behind its end.
        let room = units.len() * UNIT_BYTES_MAX + 8;
        if scratch.len() < room {
            scratch.resize(room, 0);
        }
        let (mut end, mut ends) = (0, Ends::default());
        for part in 0..division.count() {
            end += pack_units(&units[division.units_of(part)], &mut scratch[end..]);
            ends.push(end);
        }
        let length = end.next_multiple_of(RECORD_BYTES);
        if length >= payload.len() {
            return plain();
        }
        ends.stretch(length);
        let mut packed = Vec::with_capacity(length);
        packed.extend_from_slice(&scratch[..end]);
        packed.resize(length, 0);
        Packed { bytes: Some(packed), ends }
    })
}

/// Packs units into the beginning of `into`, which has room; gives how many bytes they take.
fn pack_units(units: &[[u8; RECORD_BYTES]], into: &mut [u8]) -> usize {
    let mut end = 0;
    for unit in units {
        let (lengths, bytes) =
            into[end..].split_first_chunk_mut::<LENGTHS_BYTES>().expect("room for every unit");
        end += LENGTHS_BYTES + pack_unit(unit, lengths, bytes);
    }
    end
}

#[inline]
fn pack_unit(unit: &[u8; RECORD_BYTES], lengths: &mut [u8; LENGTHS_BYTES], bytes: &mut [u8]) -> usize {
    let mut at = 0;
    let mut all = 0_u64;
    for (number, word) in unit.as_chunks::<8>().0.iter().enumerate() {
        let length = 8 - u64::from_le_bytes(*word).leading_zeros() as usize / 8;
        bytes[at..at + 8].copy_from_slice(word);
        all |= (length as u64) << (4 * number);
        at += length;
    }
    *lengths = all.to_le_bytes();
    at
}

/// The payload of `length` bytes whose packed form this is, its parts ending at `ends` if it has several; none for bytes
/// that [`pack`] does not make.
pub(super) fn unpack(packed: &[u8], length: usize, division: Division, ends: &[u32]) -> Option<Vec<u8>> {
    if !length.is_multiple_of(RECORD_BYTES) {
        return None;
    }
    // Zeros stand there already: of each unit only what says something is written.
    let mut payload = vec![0; length];
    let (units, _) = payload.as_chunks_mut::<RECORD_BYTES>();
    let mut rest = packed;
    for part in 0..division.count() {
        rest = unpack_units(rest, units.get_mut(division.units_of(part))?)?;
        let is_last = part + 1 == division.count();
        let at = u32::try_from(packed.len() - rest.len()).ok()?;
        if !is_last && ends.get(part) != Some(&at) {
            return None;
        }
    }
    is_padding(rest).then_some(payload)
}

/// The units of one part, which is followed by padding if it is the last.
pub(super) fn unpack_part(packed: &[u8], units: usize, is_last: bool) -> Option<Vec<u8>> {
    let mut plain = vec![0; units * RECORD_BYTES];
    let rest = unpack_units(packed, plain.as_chunks_mut().0)?;
    let is_end = if is_last { is_padding(rest) } else { rest.is_empty() };
    is_end.then_some(plain)
}

fn is_padding(rest: &[u8]) -> bool {
    rest.len() < RECORD_BYTES && rest.iter().all(|byte| *byte == 0)
}

/// Unpacks into `units`, which are zero; gives what stands behind them.
fn unpack_units<'a>(packed: &'a [u8], units: &mut [[u8; RECORD_BYTES]]) -> Option<&'a [u8]> {
    let mut rest = packed;
    for unit in units {
        rest = unpack_first(rest, unit)?;
    }
    Some(rest)
}

/// Unpacks the first unit into `unit`, which is zero; gives what stands behind it.
#[inline]
fn unpack_first<'a>(packed: &'a [u8], unit: &mut [u8; RECORD_BYTES]) -> Option<&'a [u8]> {
    let (lengths, bytes) = packed.split_first_chunk::<LENGTHS_BYTES>()?;
    let lengths = u64::from_le_bytes(*lengths);
    let end = match bytes.first_chunk::<READ_BYTES>() {
        Some(bytes) => unpack_unit(lengths, bytes, unit)?,
        // The last ones: zeros behind them, so that there is as much to read.
        None => {
            let mut padded = [0; READ_BYTES];
            padded[..bytes.len()].copy_from_slice(bytes);
            unpack_unit(lengths, &padded, unit)?
        }
    };
    bytes.get(end..)
}

/// One unit of a part, those before it passed over by their lengths; none where they lead out of the part.
pub(super) fn unit_of_part(packed: &[u8], unit: usize) -> Option<[u8; RECORD_BYTES]> {
    let mut rest = packed;
    for _ in 0..unit {
        let (lengths, bytes) = rest.split_first_chunk::<LENGTHS_BYTES>()?;
        rest = bytes.get(sum_of_halves(u64::from_le_bytes(*lengths))..)?;
    }
    let mut plain = [0; RECORD_BYTES];
    unpack_first(rest, &mut plain).map(|_| plain)
}

/// The sum of sixteen numbers of four bits each.
fn sum_of_halves(lengths: u64) -> usize {
    const LOWER: u64 = 0x0F0F_0F0F_0F0F_0F0F;
    let bytes = (lengths & LOWER) + (lengths >> 4 & LOWER);
    // Eight bytes of at most 30: their sum fits the highest byte of the product.
    (bytes.wrapping_mul(0x0101_0101_0101_0101) >> 56) as usize
}

/// One unit's words into `unit`, which is zero; gives where its bytes end.
///
/// Only words that are not zero are looked at: of a plain transfer's sixteen these are six, and mostly the same ones as of
/// the transfer before, so that the processor knows the way.
#[inline]
fn unpack_unit(lengths: u64, bytes: &[u8; READ_BYTES], unit: &mut [u8; RECORD_BYTES]) -> Option<usize> {
    if has_overlong(lengths) {
        return None;
    }
    let words = unit.as_chunks_mut::<8>().0;
    let (mut at, mut is_canonical, mut left) = (0, true, lengths);
    while left != 0 {
        let number = left.trailing_zeros() as usize / 4;
        let length = (left >> (4 * number) & 0xF) as usize;
        left &= !(0xF << (4 * number));
        // Read whole, and cut to its length.
        let value = u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?) & MASKS[length];
        // The highest byte that is stored is never zero: else a shorter form would say the same.
        is_canonical &= value >= LEAST[length];
        *words.get_mut(number)? = value.to_le_bytes();
        at += length;
    }
    is_canonical.then_some(at)
}

/// Whether any of sixteen lengths is above eight.
fn has_overlong(lengths: u64) -> bool {
    const LOWEST: u64 = 0x1111_1111_1111_1111;
    let (eight, less) = (lengths >> 3, lengths | lengths >> 1 | lengths >> 2);
    eight & less & LOWEST != 0
}

/// What a word of each length may hold; there are none above eight.
const MASKS: [u64; 16] = {
    let mut masks = [u64::MAX; 16];
    let mut length = 0;
    while length < 8 {
        masks[length] = (1 << (8 * length)) - 1;
        length += 1;
    }
    masks
};

/// The least that a word of each length holds.
const LEAST: [u64; 16] = {
    let mut least = [0; 16];
    let mut length = 1;
    while length <= 8 {
        least[length] = 1 << (8 * (length - 1));
        length += 1;
    }
    least
};

#[cfg(test)]
mod tests {
    use super::*;
    use feiqian_core::transfer::Record;

    /// Words of every length, by a fixed pattern; the last one is not zero.
    fn payload(units: usize, seed: u64) -> Vec<u8> {
        let mut state = seed | 1;
        let words = (0..units * WORDS).map(|_| {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            // Mostly short words, and zeros among them.
            state >> 17 >> ((state >> 58) + (state & 7) * 8).min(63)
        });
        let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
        *bytes.last_mut().expect("a unit or more") = 1;
        bytes
    }

    fn packed(payload: &[u8]) -> Vec<u8> {
        pack(payload).bytes.expect("it has zeros")
    }

    fn whole(packed: &[u8], length: usize) -> Option<Vec<u8>> {
        unpack(packed, length, Division::whole(length / RECORD_BYTES), &[])
    }

    #[test]
    fn what_is_packed_comes_back_whatever_its_words() {
        for seed in 0..300 {
            // One unit alone takes a whole one packed, too.
            for units in [2, 3, 17] {
                let payload = payload(units, seed);
                let packed = packed(&payload);
                assert!(packed.len().is_multiple_of(RECORD_BYTES) && packed.len() < payload.len());
                assert_eq!(whole(&packed, payload.len()).as_ref(), Some(&payload), "seed {seed}");
            }
        }
    }

    #[test]
    fn every_part_unpacks_alone_and_all_together_only_where_they_end() {
        for units in [256, 257, 600, 2_600, 8_192] {
            let (payload, division) = (payload(units, 11), Division::of(units));
            let Packed { bytes, ends } = pack(&payload);
            let (packed, ends) = (bytes.expect("it has zeros"), ends.as_slice());
            assert_eq!(ends.len(), division.count());
            assert_eq!(ends.last().copied(), u32::try_from(packed.len()).ok());
            assert_eq!(unpack(&packed, payload.len(), division, ends).as_ref(), Some(&payload));
            let mut begin = 0;
            for (part, end) in ends.iter().enumerate() {
                let (stored, units) = (&packed[begin..*end as usize], division.units_of(part));
                let is_last = part + 1 == division.count();
                let plain = &payload[units.start * RECORD_BYTES..units.end * RECORD_BYTES];
                assert_eq!(unpack_part(stored, units.len(), is_last).as_deref(), Some(plain), "part {part}");
                assert_eq!(unpack_part(&stored[..stored.len() / 2], units.len(), is_last), None);
                for (at, unit) in plain.as_chunks().0.iter().enumerate() {
                    assert_eq!(unit_of_part(stored, at).as_ref(), Some(unit), "part {part}, unit {at}");
                }
                assert_eq!(unit_of_part(stored, 2 * RECORD_BYTES * units.len()), None);
                if !is_last {
                    assert_eq!(unpack_part(&packed[begin..], units.len(), false), None, "part {part}");
                    let mut moved = ends.to_vec();
                    moved[part] += 1;
                    assert_eq!(unpack(&packed, payload.len(), division, &moved), None, "part {part}");
                }
                begin = *end as usize;
            }
        }
    }

    #[test]
    fn halves_of_bytes_are_summed_as_one_by_one() {
        for lengths in [0, u64::MAX, 0x8888_8888_8888_8888, 0x0123_4567_8012_3456, 0x8000_0000_0000_0001] {
            let one_by_one: u64 = (0..16).map(|at| lengths >> (4 * at) & 0xF).sum();
            assert_eq!(sum_of_halves(lengths) as u64, one_by_one, "{lengths:x}");
        }
    }

    #[test]
    fn a_length_above_eight_is_found_wherever_it_stands() {
        for at in 0..16 {
            for length in 0..16_usize {
                let lengths = (length as u64) << (4 * at) | 0x8888_8888_8888_8888 & !(0xF << (4 * at));
                assert_eq!(has_overlong(lengths), length > 8, "{length} at {at}");
                let mut unit = [0; RECORD_BYTES];
                let unpacked = unpack_unit(lengths, &[0xFF; READ_BYTES], &mut unit);
                let sum = 8 * 15 + length;
                assert_eq!(unpacked, (length <= 8).then_some(sum), "{length} at {at}");
            }
        }
    }

    #[test]
    fn a_word_with_a_leading_zero_byte_is_refused() {
        for length in 1..=8 {
            let mut bytes = [0; READ_BYTES];
            bytes[length - 1] = 1;
            let mut unit = [0; RECORD_BYTES];
            assert_eq!(unpack_unit(length as u64, &bytes, &mut unit), Some(length));
            bytes = [0; READ_BYTES];
            bytes[..length - 1].fill(0xFF);
            assert_eq!(unpack_unit(length as u64, &bytes, &mut [0; RECORD_BYTES]), None, "{length}");
        }
    }

    #[test]
    fn what_would_not_become_shorter_is_not_packed() {
        for plain in [&[0xFF; 1_280][..], &[1; 100], &[], &[0; 128]] {
            // A unit of zeros takes a whole one packed.
            let Packed { bytes, ends } = pack(plain);
            assert_eq!((bytes, ends.count, ends.as_slice()[0] as usize), (None, 1, plain.len()));
        }
        let ends = pack(&[0xFF; 600 * RECORD_BYTES]).ends;
        assert_eq!(ends.as_slice(), [32, 288, 544, 600].map(|units| units * 128));
    }

    #[test]
    fn a_plain_transfer_takes_about_a_quarter() {
        let records: Vec<_> =
            (0..1_000).map(|at| Record::new(u128::MAX / 3 - at, 70_000, 900_000, 12_345, 978)).collect();
        let payload: Vec<_> = records.iter().flat_map(|record| *record.bytes()).collect();
        let packed = packed(&payload);
        assert!(packed.len() <= 1_000 * 34 + RECORD_BYTES, "{}", packed.len());
    }

    #[test]
    fn no_other_bytes_unpack_and_none_panic() {
        let payload = payload(9, 5);
        let packed = packed(&payload);
        for length in 0..packed.len() {
            let unpacked = whole(&packed[..length], payload.len());
            let is_padding = packed[length..].iter().all(|byte| *byte == 0);
            assert!(unpacked.is_none() || is_padding, "cut at {length}");
        }
        for at in 0..packed.len() {
            for bit in 0..8 {
                let mut flipped = packed.clone();
                flipped[at] ^= 1 << bit;
                assert_ne!(whole(&flipped, payload.len()).as_ref(), Some(&payload), "byte {at}, bit {bit}");
            }
        }
        // The length is the header's to vouch for: padding may pass for units of zeros, and for nothing else.
        let longer = whole(&packed, payload.len() + RECORD_BYTES);
        assert!(longer.is_none_or(|longer| longer == [&payload[..], &[0; RECORD_BYTES]].concat()));
        assert_eq!(whole(&packed, payload.len() - 128), None);
    }
}
