//! The keyed hash of ids that the id index and the tables of holds are ordered by. Pinned here, since sealed runs of
//! ids on disk are sorted by it. It need not resist who knows the key: equal hashes cost time, never exactness.

/// A key that submitters do not know, from the journal's first entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct IdKey {
    low: u64,
    high: u64,
}

impl IdKey {
    /// The two halves of a key.
    #[must_use]
    pub fn new(key: u128) -> Self {
        let [low, high] = halves(key);
        Self { low, high }
    }

    /// The hash of an id: a keyed multiplication, folded, and one more that spreads it over all bits.
    #[inline]
    #[must_use]
    pub fn hash(self, id: u128) -> u64 {
        let [low, high] = halves(id);
        let folded = fold(low ^ self.low, high ^ self.high ^ 0x9E37_79B9_7F4A_7C15);
        fold(folded ^ 0xA076_1D64_78BD_642F, 0xE703_7ED1_A0B4_28DB)
    }
}

/// Where `hash` lies on a scale of `size` equal parts: larger hashes never lie before smaller ones.
#[inline]
pub(super) fn scale(hash: u64, size: usize) -> usize {
    part(hash, size).0
}

/// Which of so many equal parts `hash` lies in, and where in it, on the scale of all hashes again.
#[inline]
pub(super) fn part(hash: u64, parts: usize) -> (usize, u64) {
    let [low, high] = halves(u128::from(hash).wrapping_mul(u128::from(crate::number::number(parts))));
    (crate::number::index(high), low)
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let [low, high] = halves(u128::from(a).wrapping_mul(u128::from(b)));
    low ^ high
}

#[inline]
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "splits 128 bits in two")]
const fn halves(wide: u128) -> [u64; 2] {
    [wide as u64, (wide >> 64) as u64]
}
