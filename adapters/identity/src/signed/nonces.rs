//! Each signature once. What was seen is remembered for as long as it could be shown again, in two spans: the one that
//! runs and the one before; bounded, and what no longer fits is refused rather than forgotten.

use std::collections::HashSet;
use std::mem;

use parking_lot::Mutex;

use super::SignatureFault;
use crate::limits::{NONCE_SPAN_S, NONCES_MAX};

const CONTEXT: &str = "feiqian 2026-11-27 nonce of a signed request";

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    /// Seconds since 1970: of what was signed before, nothing is known.
    since_s: u64,
    spans: Mutex<Spans>,
}

#[derive(Debug, Default)]
struct Spans {
    begun_s: u64,
    running: HashSet<[u8; 16]>,
    before: HashSet<[u8; 16]>,
}

impl Nonces {
    pub(crate) fn since(since_s: u64) -> Self {
        Self { since_s, spans: Mutex::new(Spans { begun_s: since_s, ..Spans::default() }) }
    }

    /// Uses a nonce of a key up.
    pub(crate) fn take(
        &self,
        key_id: &str,
        nonce: &str,
        created_s: u64,
        now_s: u64,
    ) -> Result<(), SignatureFault> {
        if created_s < self.since_s {
            return Err(SignatureFault::Window);
        }
        let seen = digest(key_id, nonce);
        let mut spans = self.spans.lock();
        spans.turn(now_s);
        if spans.running.contains(&seen) || spans.before.contains(&seen) {
            return Err(SignatureFault::Replayed);
        }
        if spans.running.len() >= NONCES_MAX {
            return Err(SignatureFault::Full);
        }
        spans.running.insert(seen);
        Ok(())
    }
}

impl Spans {
    fn turn(&mut self, now_s: u64) {
        let passed = now_s.saturating_sub(self.begun_s);
        if passed < NONCE_SPAN_S {
            return;
        }
        self.before = if passed < 2 * NONCE_SPAN_S { mem::take(&mut self.running) } else { HashSet::new() };
        self.running.clear();
        self.begun_s = now_s;
    }
}

fn digest(key_id: &str, nonce: &str) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(&(key_id.len() as u64).to_le_bytes()).update(key_id.as_bytes()).update(nonce.as_bytes());
    let mut digest = [0; 16];
    hasher.finalize_xof().fill(&mut digest);
    digest
}
