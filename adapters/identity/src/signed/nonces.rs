//! Each signature once. What was seen is remembered for as long as it could be shown again, in two spans: the one that
//! runs and the one before; bounded, and what no longer fits is refused rather than forgotten.

use std::collections::{HashMap, HashSet};
use std::mem;

use parking_lot::Mutex;

use super::SignatureFault;
use crate::limits::{CLOCK_AHEAD_S_MAX, NONCE_SPAN_S, NONCES_MAX, NONCES_OF_KEY_MAX};

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
    /// How many of them are each key's.
    of_key: HashMap<Box<str>, usize>,
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
        // One that is dated ahead may have been used before what is remembered began.
        if created_s < self.since_s.saturating_add(CLOCK_AHEAD_S_MAX) {
            return Err(SignatureFault::Window);
        }
        let seen = digest(key_id, nonce);
        let mut spans = self.spans.lock();
        spans.turn(now_s);
        if spans.running.contains(&seen) || spans.before.contains(&seen) {
            return Err(SignatureFault::Replayed);
        }
        if spans.running.len() >= NONCES_MAX
            || spans.of_key.get(key_id).is_some_and(|of| *of >= NONCES_OF_KEY_MAX)
        {
            return Err(SignatureFault::Full);
        }
        spans.running.insert(seen);
        match spans.of_key.get_mut(key_id) {
            Some(of) => *of += 1,
            None => drop(spans.of_key.insert(key_id.into(), 1)),
        }
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
        self.of_key.clear();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_uses_up_its_own_share_alone_and_has_it_again_after_a_span() {
        let nonces = Nonces::since(0);
        let take = |key: &str, nonce: usize, now_s| nonces.take(key, &nonce.to_string(), now_s, now_s);
        for nonce in 0..NONCES_OF_KEY_MAX {
            take("a", nonce, 100).expect("its share");
        }
        assert_eq!(take("a", NONCES_OF_KEY_MAX, 100), Err(SignatureFault::Full));
        assert_eq!(take("b", 0, 100), Ok(()));
        assert_eq!(take("a", NONCES_OF_KEY_MAX, 100 + NONCE_SPAN_S), Ok(()));
        assert_eq!(take("a", 0, 100 + NONCE_SPAN_S), Err(SignatureFault::Replayed), "still remembered");
    }
}
