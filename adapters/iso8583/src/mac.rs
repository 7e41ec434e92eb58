//! Message authentication: over which bytes, and three ways to compute it. Keys are the caller's.

use std::borrow::Cow;
use std::fmt;

use des::Des;
use des::cipher::generic_array::GenericArray;
use des::cipher::{BlockDecrypt, BlockEncrypt, KeyInit};

use crate::error::Error;
use crate::message::Message;

/// A message's code and what it is made over.
#[derive(Clone)]
pub struct Mac<'m> {
    /// 64 or 128.
    pub field: u8,
    /// From the MTI to the field before it, or the block of chosen fields that the table says.
    pub covered: Cow<'m, [u8]>,
    /// As it stands in its field.
    pub code: &'m [u8],
}

impl fmt::Debug for Mac<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Mac({}, {} bytes covered)", self.field, self.covered.len())
    }
}

impl Message<'_> {
    /// Field 128 or 64 with what it covers; none where neither is there, or it isn't the last.
    #[must_use]
    pub fn mac(&self) -> Option<Mac<'_>> {
        let field = self.field(128).or_else(|| self.field(64))?;
        let is_last = field.offset() + field.bytes().len() == self.bytes().len();
        let covered = match &self.spec().mac {
            None => Cow::Borrowed(self.bytes().get(..field.offset())?),
            Some(block) => Cow::Owned(block.of(self)),
        };
        is_last.then(|| Mac { field: field.number, covered, code: field.bytes() })
    }

    /// Compares the MAC with what `compute` makes of the covered bytes, in constant time.
    ///
    /// # Errors
    /// There is none, or it differs.
    pub fn check_mac(&self, compute: impl FnOnce(&[u8]) -> [u8; 8]) -> Result<(), Error> {
        let Mac { field, covered, code: mac } = self.mac().ok_or(Error::NoMac)?;
        let computed = compute(&covered);
        let computed = self.spec().mac.as_ref().map_or(computed, |block| block.written(computed));
        let difference = computed.iter().zip(mac).fold(0_u8, |sum, (left, right)| sum | (left ^ right));
        if mac.len() == computed.len() && std::hint::black_box(difference) == 0 {
            Ok(())
        } else {
            Err(Error::MacDiffers { field })
        }
    }
}

fn encrypt(key: &[u8; 8], block: [u8; 8]) -> [u8; 8] {
    let mut block = GenericArray::from(block);
    Des::new(&GenericArray::from(*key)).encrypt_block(&mut block);
    block.into()
}

fn decrypt(key: &[u8; 8], block: [u8; 8]) -> [u8; 8] {
    let mut block = GenericArray::from(block);
    Des::new(&GenericArray::from(*key)).decrypt_block(&mut block);
    block.into()
}

fn halves(key: &[u8; 16]) -> ([u8; 8], [u8; 8]) {
    let (mut left, mut right) = ([0; 8], [0; 8]);
    left.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    right.iter_mut().zip(key.iter().skip(8)).for_each(|(to, from)| *to = *from);
    (left, right)
}

fn xor(sum: [u8; 8], block: &[u8]) -> [u8; 8] {
    let mut sum = sum;
    sum.iter_mut().zip(block).for_each(|(to, from)| *to ^= from);
    sum
}

/// ANSI X9.9: DES in CBC over blocks filled with zeros, the last block.
#[must_use]
pub fn x9_9(key: &[u8; 8], covered: &[u8]) -> [u8; 8] {
    covered.chunks(8).fold([0; 8], |sum, block| encrypt(key, xor(sum, block)))
}

/// ANSI X9.19, the retail MAC (ISO 9797-1 algorithm 3, padding 1): as X9.9, the last block decrypted under the second
/// half of the key and encrypted under the first.
#[must_use]
pub fn x9_19(key: &[u8; 16], covered: &[u8]) -> [u8; 8] {
    let (left, right) = halves(key);
    encrypt(&left, decrypt(&right, x9_9(&left, covered)))
}

/// UnionPay's terminals (ECB): all blocks are added, written as 16 hexadecimal characters, and these encrypted by halves
/// under the double-length key; the MAC is the first eight hexadecimal characters of the result.
#[must_use]
pub fn unionpay_ecb(key: &[u8; 16], covered: &[u8]) -> [u8; 8] {
    let (left, right) = halves(key);
    let triple = |block: [u8; 8]| encrypt(&left, decrypt(&right, encrypt(&left, block)));
    let sum = covered.chunks(8).fold([0; 8], xor);
    let text: Vec<u8> = sum.iter().flat_map(|byte| format!("{byte:02X}").into_bytes()).collect();
    let (front, behind) = text.split_at(8);
    let last = triple(xor(triple(xor([0; 8], front)), behind));
    let hex: Vec<u8> = last.iter().take(4).flat_map(|byte| format!("{byte:02X}").into_bytes()).collect();
    xor([0; 8], &hex)
}
