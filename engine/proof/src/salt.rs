//! Salts: 16 secret bytes for each leaf, derived from the chain's secret, so that none has to be kept.
//!
//! The secret stands in the journal's first entry, so whoever replays the journal (operator, validators,
//! auditors) can derive every salt. It is as secret as the journal itself: neither it nor a seed may ever
//! stand in a block, a proof, a log or a message. The one exception is a block's seed, given to an auditor of
//! that block. Two neighbours share one compression, a half each; who has one salt learns no other.

use alloc::vec::Vec;
use core::fmt;

use crate::bytes::Writer;
use crate::hash::{Domain, Hasher, LANES, Lanes};

/// Bytes of a salt.
pub const SALT_BYTES: usize = 16;

const BLOCK_BYTES: usize = 64;
/// Where a block has the number of its pair of salts.
const PAIR_AT: usize = 8;
/// Compressions prepared at a time.
const BLOCKS: usize = 2 * LANES;

/// The secret that salts come from: a chain's for accounts and configuration entries, a block's for its
/// transfers and positions.
#[derive(Clone, PartialEq, Eq)]
pub struct SaltSeed(pub [u8; 32]);

impl SaltSeed {
    /// The seed of one chain, from the secret in its journal's first entry.
    #[must_use]
    pub fn of_chain(secret: &[u8; 32], chain_id: &[u8; 16]) -> Self {
        Self(Hasher::new(Domain::Salt).update(secret).update(chain_id).finish().0)
    }

    /// The seed of the chain's block at `height`: it opens this block's transfers and positions, and tells
    /// nothing of another block, of the accounts or of the configuration.
    #[must_use]
    pub fn of_block(&self, height: u64) -> Self {
        Self(Hasher::new(Domain::Salt).update(&self.0).update(&height.to_le_bytes()).finish().0)
    }
}

impl fmt::Debug for SaltSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaltSeed(secret)")
    }
}

/// Which tree a salt is for. The numbers are part of the format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SaltKind {
    /// Transfers, by their sequence, from the block's seed.
    Transfer = 1,
    /// Positions, by their slot, from the block's seed.
    Position = 2,
    /// Accounts, by their handle, from the chain's seed.
    Account = 3,
    /// Configuration entries, by their index, from the chain's seed.
    Config = 4,
}

/// The salt number `index` of a kind.
#[must_use]
pub fn salt(seed: &SaltSeed, kind: SaltKind, index: u64) -> [u8; SALT_BYTES] {
    let both = blake3::keyed_hash(&seed.0, &block(kind, index >> 1));
    half(both.as_bytes(), index)
}

/// Appends the salts `first`, `first + 1`, … (`count` of them) to `out`, many at a time.
pub fn salts(seed: &SaltSeed, kind: SaltKind, first: u64, count: usize, out: &mut Vec<[u8; SALT_BYTES]>) {
    let lanes = Lanes::new(&seed.0);
    let end = out.len() + count;
    out.reserve(count);
    let mut blocks = [block(kind, 0); BLOCKS];
    let mut digests = [[0; 32]; BLOCKS];
    let mut pair = first >> 1;
    let mut skipped = usize::from(first & 1 == 1);
    while out.len() < end {
        let left = (end - out.len() + skipped).div_ceil(2).min(BLOCKS);
        for (block, pair) in blocks[..left].iter_mut().zip(pair..) {
            block[PAIR_AT..PAIR_AT + 8].copy_from_slice(&pair.to_le_bytes());
        }
        lanes.hash(&blocks[..left], &mut digests);
        let halves = digests[..left].as_flattened().as_chunks::<SALT_BYTES>().0;
        let wanted = halves.iter().skip(core::mem::take(&mut skipped)).take(end - out.len());
        out.extend(wanted);
        pair += left as u64;
    }
}

fn block(kind: SaltKind, pair: u64) -> [u8; BLOCK_BYTES] {
    Writer::new().u64(kind as u64).u64(pair).zeros(48).finish()
}

fn half(both: &[u8; 32], index: u64) -> [u8; SALT_BYTES] {
    let halves = both.as_chunks::<SALT_BYTES>().0;
    halves[usize::from(index & 1 == 1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn salts_of_a_range_equal_each_one() {
        let seed = SaltSeed([9; 32]);
        for first in [0, 1, 2, 3, 62, 63, 1 << 40, u64::MAX - 80, u64::MAX - 79] {
            for count in 0..80_usize {
                let mut many = alloc::vec![[0; SALT_BYTES]];
                salts(&seed, SaltKind::Account, first, count, &mut many);
                let each = (0..count).map(|at| salt(&seed, SaltKind::Account, first + at as u64));
                assert!(each.eq(many[1..].iter().copied()), "{count} from {first}");
                assert_eq!(many.len(), count + 1);
            }
        }
    }

    #[test]
    fn salts_differ_by_seed_kind_and_index() {
        let kinds = [SaltKind::Transfer, SaltKind::Position, SaltKind::Account, SaltKind::Config];
        let mut seen = Vec::new();
        let chains = [[0; 16], [1; 16]].map(|id| SaltSeed::of_chain(&[1; 32], &id));
        let blocks = chains.each_ref().map(|chain| [0, 1, 1 << 32].map(|height| chain.of_block(height)));
        let seeds = [SaltSeed([1; 32])].into_iter().chain(chains).chain(blocks.into_iter().flatten());
        for seed in seeds {
            for kind in kinds {
                salts(&seed, kind, 0, 100, &mut seen);
            }
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 9 * 4 * 100);
    }

    #[test]
    fn a_seed_does_not_show_itself() {
        assert_eq!(format!("{:?}", SaltSeed([0x5A; 32])), "SaltSeed(secret)");
    }
}
