//! How payloads are stored: without their zeros. A plain transfer's record is 128 bytes, of which some thirty say
//! something, and what limits a journal is the disk.
//!
//! ```text
//! unit   := lengths 8 │ bytes …        for each 128 bytes of payload, as 16 little-endian words of 8 bytes
//! lengths:  16 times 4 bits, the lower half of a byte first: how many bytes of the word follow, 0 to 8
//! bytes:    of each word its lowest ones; those that are left out are zero
//! ```
//! The units stand behind each other, then zeros up to a multiple of 128. One payload has one packed form.

use std::cell::RefCell;

use feiqian_core::limits::RECORD_BYTES;

const WORDS: usize = RECORD_BYTES / 8;
const LENGTHS_BYTES: usize = WORDS / 2;
/// A unit without any zero to leave out.
const UNIT_BYTES_MAX: usize = LENGTHS_BYTES + RECORD_BYTES;

thread_local! {
    /// Where payloads are packed, before what they have become is copied out: one place for all of a thread.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The packed form, if it is shorter.
pub(super) fn pack(payload: &[u8]) -> Option<Vec<u8>> {
    let (units, rest) = payload.as_chunks::<RECORD_BYTES>();
    if !rest.is_empty() {
        return None;
    }
    SCRATCH.with_borrow_mut(|scratch| {
        // A word is written whole and only its length counted, so the last one may reach behind its end.
        let room = units.len() * UNIT_BYTES_MAX + 8;
        if scratch.len() < room {
            scratch.resize(room, 0);
        }
        let end = pack_units(units, scratch)?;
        let length = end.next_multiple_of(RECORD_BYTES);
        (length < payload.len()).then(|| {
            let mut packed = Vec::with_capacity(length);
            packed.extend_from_slice(&scratch[..end]);
            packed.resize(length, 0);
            packed
        })
    })
}

fn pack_units(units: &[[u8; RECORD_BYTES]], into: &mut [u8]) -> Option<usize> {
    let mut end = 0;
    for unit in units {
        let (lengths, bytes) = into[end..].split_first_chunk_mut::<LENGTHS_BYTES>()?;
        end += LENGTHS_BYTES + pack_unit(unit, lengths, bytes);
    }
    Some(end)
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

/// The payload of `length` bytes whose packed form this is; none for bytes that [`pack`] does not make.
pub(super) fn unpack(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    if !length.is_multiple_of(RECORD_BYTES) {
        return None;
    }
    let mut payload = Vec::with_capacity(length);
    let mut rest = packed;
    for _ in 0..length / RECORD_BYTES {
        let (lengths, bytes) = rest.split_first_chunk::<LENGTHS_BYTES>()?;
        let lengths = u64::from_le_bytes(*lengths);
        let (unit, end) = match bytes.first_chunk::<RECORD_BYTES>() {
            Some(bytes) => unpack_unit(lengths, bytes)?,
            // The last ones: zeros behind them, so that there is as much to read.
            None => {
                let mut padded = [0; RECORD_BYTES];
                padded[..bytes.len()].copy_from_slice(bytes);
                unpack_unit(lengths, &padded)?
            }
        };
        payload.extend_from_slice(&unit);
        rest = bytes.get(end..)?;
    }
    (rest.len() < RECORD_BYTES && rest.iter().all(|byte| *byte == 0)).then_some(payload)
}

/// One unit's words, and where its bytes end.
#[inline]
fn unpack_unit(lengths: u64, bytes: &[u8; RECORD_BYTES]) -> Option<([u8; RECORD_BYTES], usize)> {
    let mut unit = [0; RECORD_BYTES];
    let (mut at, mut is_canonical) = (0, true);
    for (number, word) in unit.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let length = (lengths >> (4 * number) & 0xF) as usize;
        // Read whole where that is possible, and cut to its length.
        let from = at.min(RECORD_BYTES - 8);
        let read = u64::from_le_bytes(*bytes.get(from..)?.first_chunk()?) >> (8 * (at - from)).min(63);
        let value = read & MASKS.get(length)?;
        // The highest byte that is stored is never zero: else a shorter form would say the same.
        is_canonical &= length == 8 - value.leading_zeros() as usize / 8;
        *word = value.to_le_bytes();
        at += length;
        if at > RECORD_BYTES {
            return None;
        }
    }
    is_canonical.then_some((unit, at))
}

/// What a word of each length may hold.
const MASKS: [u64; 9] = [
    0,
    0xFF,
    0xFFFF,
    0xFF_FFFF,
    0xFFFF_FFFF,
    0xFF_FFFF_FFFF,
    0xFFFF_FFFF_FFFF,
    0xFF_FFFF_FFFF_FFFF,
    u64::MAX,
];

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

    #[test]
    fn what_is_packed_comes_back_whatever_its_words() {
        for seed in 0..300 {
            // One unit alone takes a whole one packed, too.
            for units in [2, 3, 17] {
                let payload = payload(units, seed);
                let packed = pack(&payload).expect("it has zeros");
                assert!(packed.len().is_multiple_of(RECORD_BYTES) && packed.len() < payload.len());
                assert_eq!(unpack(&packed, payload.len()).as_ref(), Some(&payload), "seed {seed}");
            }
        }
    }

    #[test]
    fn what_would_not_become_shorter_is_not_packed() {
        assert_eq!(pack(&[0xFF; 1_280]), None);
        assert_eq!(pack(&[1; 100]), None);
        assert_eq!(pack(&[]), None);
        assert_eq!(pack(&[0; 128]), None, "one unit takes a whole one");
    }

    #[test]
    fn a_plain_transfer_takes_about_a_quarter() {
        let records: Vec<_> =
            (0..1_000).map(|at| Record::new(u128::MAX / 3 - at, 70_000, 900_000, 12_345, 978)).collect();
        let payload: Vec<_> = records.iter().flat_map(|record| *record.bytes()).collect();
        let packed = pack(&payload).expect("it has zeros");
        assert!(packed.len() <= 1_000 * 34 + RECORD_BYTES, "{}", packed.len());
    }

    #[test]
    fn no_other_bytes_unpack_and_none_panic() {
        let payload = payload(9, 5);
        let packed = pack(&payload).expect("it has zeros");
        for length in 0..packed.len() {
            let unpacked = unpack(&packed[..length], payload.len());
            let is_padding = packed[length..].iter().all(|byte| *byte == 0);
            assert!(unpacked.is_none() || is_padding, "cut at {length}");
        }
        for at in 0..packed.len() {
            for bit in 0..8 {
                let mut flipped = packed.clone();
                flipped[at] ^= 1 << bit;
                assert_ne!(unpack(&flipped, payload.len()).as_ref(), Some(&payload), "byte {at}, bit {bit}");
            }
        }
        // The length is the header's to vouch for: padding may pass for units of zeros, and for nothing else.
        let longer = unpack(&packed, payload.len() + RECORD_BYTES);
        assert!(longer.is_none_or(|longer| longer == [&payload[..], &[0; RECORD_BYTES]].concat()));
        assert_eq!(unpack(&packed, payload.len() - 128), None);
    }
}
