//! What stands for a card and for a request: keyed hashes under one secret, so that neither a card number nor a trace
//! number can be found by trying. Holds the secret; shows nothing of it.

use std::fmt;

use feiqian_core::bic::Bic;
use feiqian_core::uetr::Uetr;
use feiqian_iso8583::Pan;

use crate::named::Named;

/// In front of a token in the directory.
pub const ALIAS_PREFIX: &str = "CARD:";
/// Bytes of a token in an alias: 192 bits in 48 digits, for an alias has 64 bytes at the most.
const TOKEN_BYTES: usize = 24;
/// Characters of field 38.
const APPROVAL_CHARACTERS: &[u8; 32] = b"0123456789ABCDEFGHJKLMNPQRSTUVWX";

/// Whether a text is a card's alias as [`Vault::alias`] makes it.
#[must_use]
pub fn is_alias(text: &str) -> bool {
    let token = text.strip_prefix(ALIAS_PREFIX).unwrap_or_default();
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    token.len() == 2 * TOKEN_BYTES && token.bytes().all(is_digit)
}

/// The keys that tokens and ids are derived under, all from one secret of 32 bytes: the same secret, the same tokens and
/// ids, after any restart.
#[derive(Clone)]
pub struct Vault {
    tokens: [u8; 32],
    ids: [u8; 32],
    digests: [u8; 32],
}

impl fmt::Debug for Vault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Vault")
    }
}

impl Vault {
    /// Of a secret.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        let derive = |context| blake3::derive_key(context, secret);
        Self {
            tokens: derive("feiqian 2026 cards: tokens of card numbers"),
            ids: derive("feiqian 2026 cards: ids of requests"),
            digests: derive("feiqian 2026 cards: digests of requests"),
        }
    }

    /// The alias that stands for a card in the directory: `CARD:` and 48 hexadecimal digits.
    #[must_use]
    pub fn alias(&self, pan: &Pan) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let token = pan.token(&self.tokens);
        let digits = token.iter().take(TOKEN_BYTES).flat_map(|byte| [byte >> 4, byte & 0x0F]);
        let digits = digits.filter_map(|digit| DIGITS.get(usize::from(digit))).copied().map(char::from);
        ALIAS_PREFIX.chars().chain(digits).collect()
    }

    /// The UETR of a request that a participant's message names.
    pub(crate) fn id(&self, participant: Bic, named: &Named) -> u128 {
        let mut hasher = blake3::Hasher::new_keyed(&self.ids);
        hasher.update(participant.as_bytes());
        hasher.update(named.bytes());
        uetr(&hasher)
    }

    /// The UETR of the n-th attempt to take a request back: each can take effect once, whoever asks for it, how often, and
    /// for how much.
    pub(crate) fn reversal_id(&self, original: u128, attempt: u64) -> u128 {
        let mut hasher = blake3::Hasher::new_keyed(&self.ids);
        hasher.update(b"reversal");
        hasher.update(&original.to_le_bytes());
        hasher.update(&attempt.to_le_bytes());
        uetr(&hasher)
    }

    /// The UETR of a participant's cut-over to a business day, in days since 1970.
    pub(crate) fn cut_over_id(&self, participant: Bic, day: u32) -> u128 {
        let mut hasher = blake3::Hasher::new_keyed(&self.ids);
        hasher.update(b"cut-over");
        hasher.update(participant.as_bytes());
        hasher.update(&day.to_le_bytes());
        uetr(&hasher)
    }

    /// The id of the command that registers a name of an enrolment: whoever asks for it, it is registered once.
    pub(crate) fn enrolment_id(&self, name: &str) -> u128 {
        let mut hasher = blake3::Hasher::new_keyed(&self.ids);
        hasher.update(b"enrolment");
        hasher.update(name.as_bytes());
        uetr(&hasher)
    }

    /// Six characters for field 38, the same whenever the request is answered.
    pub(crate) fn approval(&self, id: u128) -> String {
        let digest = blake3::keyed_hash(&self.digests, &id.to_le_bytes());
        let characters = digest.as_bytes().iter().take(6);
        characters.map(|byte| char::from(APPROVAL_CHARACTERS[usize::from(byte % 32)])).collect()
    }

    /// What a record keeps of the fields that a repetition must not change: a digest.
    pub(crate) fn digest<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.digests);
        for part in parts {
            hasher.update(&part.len().to_le_bytes());
            hasher.update(part);
        }
        *hasher.finalize().as_bytes()
    }
}

fn uetr(hasher: &blake3::Hasher) -> u128 {
    let mut digest = [0; 16];
    hasher.finalize_xof().fill(&mut digest);
    Uetr::from_digest(digest).bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_cards_own_under_one_secret_and_holds_no_digit_run_of_it() {
        let vault = Vault::new(&[1; 32]);
        let pan = |text: &str| Pan::new(text.bytes()).expect("digits");
        let alias = vault.alias(&pan("6250947000000014"));
        assert_eq!(alias.len(), 53);
        assert!(alias.len() <= feiqian_core::limits::ALIAS_BYTES_MAX);
        assert_eq!(alias, Vault::new(&[1; 32]).alias(&pan("6250947000000014")));
        assert_ne!(alias, Vault::new(&[2; 32]).alias(&pan("6250947000000014")));
        assert_ne!(alias, vault.alias(&pan("6250947000000022")));
        assert!(is_alias(&alias) && !is_alias(&alias[1..]) && !is_alias(&alias.to_uppercase()));
        assert!(!alias.contains("6250947") && format!("{vault:?}") == "Vault");
    }
}
