//! Message authentication of a link: its keys, the check of what comes, the code of what goes, and the change of the key.
//! Shows no key.

use std::fmt;

use des::TdesEde2;
use des::cipher::generic_array::GenericArray;
use des::cipher::{BlockDecrypt as _, KeyInit as _};
use feiqian_iso8583::{Builder, Error, Message, mac};

/// How codes are computed, over all bytes from the MTI to the field before the code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// ANSI X9.9 under the first half of the key.
    X9_9,
    /// ANSI X9.19, the retail MAC.
    X9_19,
    /// UnionPay's terminals. Follows from the XOR of the message's blocks alone: who has seen one message with its code can
    /// write others that have the same.
    UnionPayEcb,
}

/// A link's keys.
#[derive(Clone, Copy)]
pub struct MacKeys {
    algorithm: Algorithm,
    key: [u8; 16],
    exchange: Option<[u8; 16]>,
}

impl fmt::Debug for MacKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "MacKeys({:?})", self.algorithm)
    }
}

impl MacKeys {
    /// Keys of double length; the exchange key is what new keys come encrypted under (triple DES, ECB), and without one
    /// none is taken.
    #[must_use]
    pub const fn new(algorithm: Algorithm, key: [u8; 16], exchange: Option<[u8; 16]>) -> Self {
        Self { algorithm, key, exchange }
    }

    fn compute(&self, covered: &[u8]) -> [u8; 8] {
        match self.algorithm {
            Algorithm::X9_9 => {
                let mut half = [0; 8];
                half.copy_from_slice(&self.key[..8]);
                mac::x9_9(&half, covered)
            }
            Algorithm::X9_19 => mac::x9_19(&self.key, covered),
            Algorithm::UnionPayEcb => mac::unionpay_ecb(&self.key, covered),
        }
    }

    /// Whether a message was written by who has the key.
    pub(crate) fn holds(&self, message: &Message<'_>) -> bool {
        message.check_mac(|covered| self.compute(covered)).is_ok()
    }

    /// An answer's bytes with its code in field 64, or in 128 where fields of the second bitmap stand before it.
    pub(crate) fn encode(&self, answer: Builder<'_>) -> Result<Vec<u8>, Error> {
        let field = answer.mac_field();
        answer.encode_with_mac(field, |covered| self.compute(covered))
    }

    /// The keys after a change: field 96 has a new key of single length, else field 48 one of double length in
    /// hexadecimal, either encrypted under the exchange key. None without one, or where neither is there.
    pub(crate) fn changed(&self, message: &Message<'_>) -> Option<Self> {
        let exchange = TdesEde2::new(&GenericArray::from(self.exchange?));
        let clear = |block: &[u8]| -> Option<[u8; 8]> {
            let mut block = GenericArray::from(<[u8; 8]>::try_from(block).ok()?);
            exchange.decrypt_block(&mut block);
            Some(block.into())
        };
        let mut key = [0; 16];
        match message.field(96) {
            Some(field) => {
                let single = clear(field.bytes())?;
                key[..8].copy_from_slice(&single);
                key[8..].copy_from_slice(&single);
            }
            None => {
                let digits: Vec<u8> = message.field(48)?.characters().take(32).collect();
                let encrypted = unhex(&digits)?;
                key[..8].copy_from_slice(&clear(&encrypted[..8])?);
                key[8..].copy_from_slice(&clear(&encrypted[8..])?);
            }
        }
        Some(Self { key, ..*self })
    }
}

/// 16 bytes of 32 hexadecimal digits.
fn unhex(digits: &[u8]) -> Option<[u8; 16]> {
    let value = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != 16 || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; 16];
    for (to, [high, low]) in bytes.iter_mut().zip(pairs) {
        *to = value(high)? << 4 | value(low)?;
    }
    Some(bytes)
}
