//! A small seeded generator of numbers and transfers. Not for secrets.

use feiqian_core::account::AccountHandle;
use feiqian_core::transfer::Record;

/// `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// The numbers of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which must not be zero.
    pub const fn below(&mut self, end: u64) -> u64 {
        // The upper half of a 64 by 64 bit product; its bias is below end / 2^64.
        ((self.next() as u128 * end as u128) >> 64) as u64
    }

    /// A random 128-bit id in the shape of a version 4 UUID.
    pub const fn id(&mut self) -> u128 {
        let bits = (self.next() as u128) << 64 | self.next() as u128;
        (bits & !(0xF << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62)
    }
}

/// The accounts that one participant's load debits, and all that it credits.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// Handles of the participant's own.
    pub own: Vec<AccountHandle>,
    /// Handles of everyone's.
    pub all: Vec<AccountHandle>,
    /// ISO 4217 numeric code of all of them.
    pub currency: u16,
}

impl Accounts {
    /// A transfer of 1 to 1,000 minor units from an own account to any other.
    #[must_use]
    pub fn transfer(&self, numbers: &mut Numbers) -> Record {
        let debtor = self.own[numbers.below(self.own.len() as u64) as usize];
        let mut at = numbers.below(self.all.len() as u64) as usize;
        if self.all[at] == debtor {
            at = (at + 1) % self.all.len();
        }
        Record::new(numbers.id(), debtor, self.all[at], 1 + numbers.below(1_000), self.currency)
    }
}
