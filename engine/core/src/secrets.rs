//! The secrets that salts come from: the one that the chain began with, and those that took its place for the blocks of
//! later cycles. A secret that comes out opens the blocks of its own cycles, and no others.
//!
//! Accounts and the configuration keep the chain's first secret: their leaves live on from block to block, and drawing
//! new salts for all of them would hash every account again.

use alloc::vec::Vec;
use core::fmt;

use feiqian_proof::leaf::SaltSeed;

use crate::codec::{Decoder, Encoder, Malformed};

/// A secret; never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SaltSecret(pub [u8; 32]);

impl fmt::Debug for SaltSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaltSecret(secret)")
    }
}

/// What has taken the place of the chain's first secret.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SaltSecrets {
    /// From which block on, ascending.
    pub(crate) rotated: Vec<(u64, SaltSecret)>,
    /// Waits for the next cycle.
    pub(crate) next: Option<SaltSecret>,
}

impl SaltSecrets {
    /// Those in force or once in force, each with its first block.
    #[must_use]
    pub fn rotated(&self) -> &[(u64, SaltSecret)] {
        &self.rotated
    }

    /// The one for the next cycle, if there is one.
    #[must_use]
    pub fn next(&self) -> Option<SaltSecret> {
        self.next
    }

    pub(crate) fn has(&self, secret: &SaltSecret) -> bool {
        self.next.as_ref() == Some(secret) || self.rotated.iter().any(|(_, other)| other == secret)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rotated.is_empty() && self.next.is_none()
    }

    /// A cycle begins with the block at `height`.
    pub(crate) fn begin_cycle(&mut self, height: u64) {
        self.rotated.extend(self.next.take().map(|secret| (height, secret)));
    }

    /// The seed of the block at `height`, in a chain that began with `first`.
    pub(crate) fn seed_of(&self, height: u64, (first, chain_id): (&[u8; 32], &[u8; 16])) -> SaltSeed {
        let rotated = self.rotated.iter().rev().find(|(from, _)| *from <= height);
        let secret = rotated.map_or(first, |(_, secret)| &secret.0);
        SaltSeed::of_chain(secret, chain_id).of_block(height)
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        to.count(self.rotated.len());
        for (from, secret) in &self.rotated {
            to.u64(*from);
            to.raw(&secret.0);
        }
        to.u8(u8::from(self.next.is_some()));
        if let Some(secret) = &self.next {
            to.raw(&secret.0);
        }
    }

    /// Not none: those have no byte form.
    pub(crate) fn decode(from: &mut Decoder<'_>, count_max: usize) -> Result<Self, Malformed> {
        let mut secrets = Self::default();
        for _ in 0..from.count(count_max)? {
            let first = from.u64()?;
            if secrets.rotated.last().is_some_and(|(last, _)| *last >= first) {
                return Err(Malformed);
            }
            secrets.rotated.push((first, SaltSecret(from.array()?)));
        }
        secrets.next = if from.flag()? { Some(SaltSecret(from.array()?)) } else { None };
        if secrets.is_empty() { Err(Malformed) } else { Ok(secrets) }
    }
}
