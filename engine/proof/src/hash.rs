//! Keyed BLAKE3: the digest type, one input, many inputs in SIMD lanes, and an incremental form.
//!
//! Everything is hashed under a [`Domain`]'s key; there is no hash without one. The lanes use BLAKE3's own
//! many-inputs routine, which its authors hide from the documentation: a test holds it equal to the public
//! `keyed_hash`, and the manifest pins the version that it was tried with.

use alloc::vec::Vec;
use core::fmt;

use blake3::IncrementCounter;
use blake3::platform::Platform;

pub use crate::domain::Domain;
use crate::hex;

/// Bytes of a digest.
pub const HASH_BYTES: usize = 32;

/// A 32-byte digest. Its text is 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Hash(pub [u8; HASH_BYTES]);

impl Hash {
    /// Reads 64 lower-case hexadecimal digits; none for any other text.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        hex::parse(text).map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The digest of `input` in `domain`.
#[must_use]
pub fn keyed(domain: Domain, input: &[u8]) -> Hash {
    Hash(*blake3::keyed_hash(domain.key(), input).as_bytes())
}

/// [`keyed`] for input that comes in pieces; how it is cut makes no difference.
#[derive(Clone, Debug)]
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// A hasher in `domain` that has seen nothing.
    #[must_use]
    pub fn new(domain: Domain) -> Self {
        Self(blake3::Hasher::new_keyed(domain.key()))
    }

    /// Takes the next piece.
    pub fn update(&mut self, input: &[u8]) -> &mut Self {
        self.0.update(input);
        self
    }

    /// The digest of all pieces so far.
    #[must_use]
    pub fn finish(&self) -> Hash {
        Hash(*self.0.finalize().as_bytes())
    }
}

/// A digest's bytes, as rows of trees keep them: two neighbours are a node's input as they lie.
pub type Digest = [u8; HASH_BYTES];

/// Appends the digest of each input to `out`, in order, many at a time.
///
/// `N` is a multiple of 64 and at most 1,024 (whole blocks of a single BLAKE3 chunk), checked when compiled.
pub fn hash_many<const N: usize>(domain: Domain, inputs: &[[u8; N]], out: &mut Vec<Hash>) {
    let lanes = Lanes::new(domain.key());
    out.reserve(inputs.len());
    for group in inputs.chunks(LANES) {
        let mut digests = [[0; HASH_BYTES]; LANES];
        lanes.hash(group, &mut digests);
        out.extend(digests.iter().take(group.len()).map(|digest| Hash(*digest)));
    }
}

/// [`hash_many`] into digests that are there already: the first of `out`, one for each input.
///
/// # Panics
/// If `out` is shorter than `inputs`.
pub fn hash_into<const N: usize>(domain: Domain, inputs: &[[u8; N]], out: &mut [Digest]) {
    Lanes::new(domain.key()).hash(inputs, out);
}

/// Inputs handed to BLAKE3 at a time: the widest SIMD that it has (AVX-512).
pub(crate) const LANES: usize = 16;

// Flags of BLAKE3's compression function (its paper, table 3).
const CHUNK_START: u8 = 1 << 0;
const CHUNK_END: u8 = 1 << 1;
const ROOT: u8 = 1 << 3;
const KEYED_HASH: u8 = 1 << 4;

/// The SIMD lanes of this machine under one key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lanes {
    platform: Platform,
    key: [u32; 8],
}

impl Lanes {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self { platform: Platform::detect(), key: blake3::platform::words_from_le_bytes_32(key) }
    }

    /// Writes the digest of each input to the front of `out`, in order. Inputs are read where they lie.
    #[inline]
    pub(crate) fn hash<const N: usize>(&self, inputs: &[[u8; N]], out: &mut [Digest]) {
        for (group, digests) in inputs.chunks(LANES).zip(out[..inputs.len()].chunks_mut(LANES)) {
            let mut lanes = [&group[0]; LANES];
            for (lane, input) in lanes.iter_mut().zip(group) {
                *lane = input;
            }
            self.hash_group(&lanes[..group.len()], digests);
        }
    }

    /// [`Lanes::hash`] for at most [`LANES`] inputs that lie apart.
    #[inline]
    pub(crate) fn hash_group<const N: usize>(&self, inputs: &[&[u8; N]], out: &mut [Digest]) {
        const { assert!(N > 0 && N <= 1024 && N.is_multiple_of(64), "whole blocks of one chunk") };
        self.platform.hash_many(
            inputs,
            &self.key,
            0,
            IncrementCounter::No,
            KEYED_HASH,
            CHUNK_START,
            CHUNK_END | ROOT,
            out[..inputs.len()].as_flattened_mut(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    fn many_equals_one<const N: usize>() {
        for count in 0..70_usize {
            let inputs: Vec<[u8; N]> = (0..count)
                .map(|at| core::array::from_fn(|byte| u8::try_from((at * 31 + byte * 7) % 251).unwrap_or(0)))
                .collect();
            let mut many = alloc::vec![Hash::default()];
            hash_many(Domain::TransferLeaf, &inputs, &mut many);
            let one: Vec<Hash> = inputs.iter().map(|input| keyed(Domain::TransferLeaf, input)).collect();
            assert_eq!(many[1..], one, "{count} inputs of {N} bytes");
        }
    }

    #[test]
    fn hashing_many_equals_hashing_each() {
        many_equals_one::<64>();
        many_equals_one::<128>();
        many_equals_one::<192>();
        many_equals_one::<1024>();
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn narrower_machines_hash_alike() {
        let inputs: Vec<[u8; 192]> = (0..45).map(|at| [at; 192]).collect();
        let narrower = [Platform::sse2(), Platform::sse41(), Platform::avx2(), Some(Platform::portable())];
        for platform in narrower.into_iter().flatten() {
            let lanes = Lanes { platform, ..Lanes::new(Domain::TransferLeaf.key()) };
            let expected: Vec<_> = inputs.iter().map(|input| keyed(Domain::TransferLeaf, input).0).collect();
            let mut digests = [[0; HASH_BYTES]; 46];
            lanes.hash(&inputs, &mut digests);
            assert_eq!(digests[..45], expected, "{platform:?}");
            assert_eq!(digests[45], [0; HASH_BYTES], "nothing behind the last");
        }
    }

    #[test]
    fn pieces_hash_as_the_whole() {
        let whole = [7; 3000];
        let mut hasher = Hasher::new(Domain::Payload);
        hasher.update(&whole[..1]).update(&whole[1..1700]).update(&[]).update(&whole[1700..]);
        assert_eq!(hasher.finish(), keyed(Domain::Payload, &whole));
        assert_ne!(hasher.finish(), keyed(Domain::Frame, &whole));
    }

    #[test]
    fn the_text_of_a_hash_round_trips_and_has_one_form() {
        let hash = keyed(Domain::Header, b"x");
        let text = hash.to_string();
        assert_eq!(Hash::from_hex(&text), Some(hash));
        for bad in ["", &text[1..], &text.to_uppercase(), &text.replace(&text[..1], "g")] {
            assert_eq!(Hash::from_hex(bad), None, "{bad}");
        }
    }
}
