//! The leaves of a block's four trees, to the byte. Little endian; `FORMAT.md` draws them.
//!
//! Every leaf begins with its salt, so that a sibling in another bank's proof reveals nothing. Bytes that
//! are not in use are zero, and a leaf where they are not is refused: they are room for later versions.
//! Balances have 128 bits: 2^64 amounts below 2^60 sum up to less than 2^124, so none can overflow.

use core::fmt;

use crate::bytes::{Reader, Writer};
use crate::hash::{Domain, Hash, Hasher, keyed};

pub use crate::salt::{SALT_BYTES, SaltKind, SaltSeed, salt, salts};

/// Bytes of a transfer's record.
pub const RECORD_BYTES: usize = 128;
/// Bytes of a transfer's leaf: three BLAKE3 blocks.
pub const TRANSFER_LEAF_BYTES: usize = 192;
/// Bytes of an account's leaf: two blocks.
pub const ACCOUNT_LEAF_BYTES: usize = 128;
/// Bytes of a position's leaf: three blocks.
pub const POSITION_LEAF_BYTES: usize = 192;

/// A leaf has a non-zero byte where the layout has none in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReservedBytes;

impl fmt::Display for ReservedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the leaf has reserved bytes that are not zero")
    }
}

impl core::error::Error for ReservedBytes {}

/// The leaf of a transfer: its salt, its record with the outcome, 48 zeros.
#[must_use]
pub fn transfer_leaf(salt: &[u8; SALT_BYTES], record: &[u8; RECORD_BYTES]) -> [u8; TRANSFER_LEAF_BYTES] {
    Writer::new().put(salt).put(record).zeros(48).finish()
}

/// Writes salt and record into a transfer's leaf whose last 48 bytes are zero; gives the record in it.
#[inline]
pub fn fill_transfer_leaf<'a>(
    leaf: &'a mut [u8; TRANSFER_LEAF_BYTES],
    salt: &[u8; SALT_BYTES],
    record: &[u8; RECORD_BYTES],
) -> &'a mut [u8; RECORD_BYTES] {
    let (salt_at, rest) = leaf.split_at_mut(SALT_BYTES);
    salt_at.copy_from_slice(salt);
    let record_at = rest.first_chunk_mut().expect("a leaf has room for the record");
    *record_at = *record;
    record_at
}

/// The digest of one transfer's leaf. For many, pass [`transfer_leaf`]s to [`hash_many`](crate::hash::hash_many).
#[must_use]
pub fn transfer_leaf_hash(salt: &[u8; SALT_BYTES], record: &[u8; RECORD_BYTES]) -> Hash {
    keyed(Domain::TransferLeaf, &transfer_leaf(salt, record))
}

/// The digest of a configuration entry's leaf. `entry` is the core's encoding of it, of any length.
#[must_use]
pub fn config_leaf(salt: &[u8; SALT_BYTES], entry: &[u8]) -> Hash {
    Hasher::new(Domain::ConfigLeaf).update(salt).update(entry).finish()
}

/// An account after a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccountLeaf {
    /// The salt of this slot.
    pub salt: [u8; SALT_BYTES],
    /// The account's handle, which is also its index in the tree.
    pub handle: u64,
    /// The slot of the participant that it belongs to.
    pub slot: u32,
    /// ISO 4217 numeric code.
    pub currency: u16,
    /// The core's number of the account's state.
    pub state: u8,
    /// The core's number of the account's kind.
    pub kind: u8,
    /// Credits less debits, in minor units.
    pub balance: i128,
    /// Reserved by holds, in minor units.
    pub reserved: u64,
    /// How far below zero the balance may go, in minor units.
    pub credit_line: u64,
    /// Sequence of the last transfer posted to the account; 0 for none.
    pub last_posting: u64,
}

impl AccountLeaf {
    /// The 128 bytes of the leaf.
    #[must_use]
    pub fn encode(&self) -> [u8; ACCOUNT_LEAF_BYTES] {
        Writer::new()
            .put(&self.salt)
            .u64(self.handle)
            .put(&self.slot.to_le_bytes())
            .put(&self.currency.to_le_bytes())
            .put(&[self.state, self.kind])
            .put(&self.balance.to_le_bytes())
            .u64(self.reserved)
            .u64(self.credit_line)
            .u64(self.last_posting)
            .zeros(56)
            .finish()
    }

    /// The account of a leaf.
    ///
    /// # Errors
    /// [`ReservedBytes`] if one of the 56 bytes that are not in use is not zero.
    pub fn decode(bytes: &[u8; ACCOUNT_LEAF_BYTES]) -> Result<Self, ReservedBytes> {
        // The fields fill the bytes exactly, so nothing but a reserved byte can stop the reading.
        Self::read(&mut Reader::new(bytes)).ok_or(ReservedBytes)
    }

    fn read(bytes: &mut Reader<'_>) -> Option<Self> {
        let salt = bytes.array()?;
        let handle = bytes.u64()?;
        let slot = u32::from_le_bytes(bytes.array()?);
        let currency = u16::from_le_bytes(bytes.array()?);
        let [state, kind] = bytes.array()?;
        let balance = i128::from_le_bytes(bytes.array()?);
        let [reserved, credit_line, last_posting] = [bytes.u64()?, bytes.u64()?, bytes.u64()?];
        bytes.zeros(56)?;
        bytes.is_at_end().then_some(Self {
            salt,
            handle,
            slot,
            currency,
            state,
            kind,
            balance,
            reserved,
            credit_line,
            last_posting,
        })
    }

    /// The digest of the leaf.
    #[must_use]
    pub fn hash(&self) -> Hash {
        keyed(Domain::AccountLeaf, &self.encode())
    }
}

/// A participant's position in a currency, in one block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PositionLeaf {
    /// The salt of this slot.
    pub salt: [u8; SALT_BYTES],
    /// The participant's BIC, 11 characters (ISO 9362).
    pub bic: [u8; 11],
    /// ISO 4217 numeric code.
    pub currency: u16,
    /// The slot of the participant.
    pub slot: u32,
    /// Transfers of this participant and currency in this block.
    pub count: u64,
    /// Debits of this block, in minor units.
    pub debits: u128,
    /// Credits of this block, in minor units.
    pub credits: u128,
    /// Credits less debits of the open cycle, in minor units.
    pub position: i128,
    /// The settlement cycle.
    pub cycle: u64,
    /// Position of closed cycles that are not settled yet, in minor units.
    pub unsettled: i128,
    /// The net debit cap, in minor units.
    pub cap: u64,
    /// Root of the participant's own sub-tree of this block's transfers.
    pub transfers_root: Hash,
}

impl PositionLeaf {
    /// The 192 bytes of the leaf.
    #[must_use]
    pub fn encode(&self) -> [u8; POSITION_LEAF_BYTES] {
        Writer::new()
            .put(&self.salt)
            .put(&self.bic)
            .zeros(1)
            .put(&self.currency.to_le_bytes())
            .zeros(2)
            .put(&self.slot.to_le_bytes())
            .zeros(4)
            .u64(self.count)
            .put(&self.debits.to_le_bytes())
            .put(&self.credits.to_le_bytes())
            .put(&self.position.to_le_bytes())
            .u64(self.cycle)
            .put(&self.unsettled.to_le_bytes())
            .u64(self.cap)
            .put(&self.transfers_root.0)
            .zeros(32)
            .finish()
    }

    /// The position of a leaf.
    ///
    /// # Errors
    /// [`ReservedBytes`] if one of the 39 bytes that are not in use is not zero.
    pub fn decode(bytes: &[u8; POSITION_LEAF_BYTES]) -> Result<Self, ReservedBytes> {
        // The fields fill the bytes exactly, so nothing but a reserved byte can stop the reading.
        Self::read(&mut Reader::new(bytes)).ok_or(ReservedBytes)
    }

    fn read(bytes: &mut Reader<'_>) -> Option<Self> {
        let salt = bytes.array()?;
        let bic = bytes.array()?;
        bytes.zeros(1)?;
        let currency = u16::from_le_bytes(bytes.array()?);
        bytes.zeros(2)?;
        let slot = u32::from_le_bytes(bytes.array()?);
        bytes.zeros(4)?;
        let count = bytes.u64()?;
        let [debits, credits] = [bytes.array()?, bytes.array()?].map(u128::from_le_bytes);
        let position = i128::from_le_bytes(bytes.array()?);
        let cycle = bytes.u64()?;
        let unsettled = i128::from_le_bytes(bytes.array()?);
        let cap = bytes.u64()?;
        let transfers_root = Hash(bytes.array()?);
        bytes.zeros(32)?;
        bytes.is_at_end().then_some(Self {
            salt,
            bic,
            currency,
            slot,
            count,
            debits,
            credits,
            position,
            cycle,
            unsettled,
            cap,
            transfers_root,
        })
    }

    /// The digest of the leaf.
    #[must_use]
    pub fn hash(&self) -> Hash {
        keyed(Domain::PositionLeaf, &self.encode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ops::Range;

    const ACCOUNT_RESERVED: Range<usize> = 72..128;
    const POSITION_RESERVED: [Range<usize>; 4] = [27..28, 30..32, 36..40, 160..192];

    fn pattern<const N: usize>() -> [u8; N] {
        core::array::from_fn(|at| u8::try_from(at + 1).unwrap_or(0))
    }

    #[test]
    fn a_transfer_leaf_is_salt_record_and_zeros() {
        let (salt, record) = (pattern(), pattern());
        let leaf = transfer_leaf(&salt, &record);
        assert_eq!((&leaf[..16], &leaf[16..144], &leaf[144..]), (&salt[..], &record[..], &[0; 48][..]));
        assert_eq!(transfer_leaf_hash(&salt, &record), keyed(Domain::TransferLeaf, &leaf));
        let mut filled = [0; TRANSFER_LEAF_BYTES];
        assert_eq!(fill_transfer_leaf(&mut filled, &salt, &record), &record);
        assert_eq!(filled, leaf);
    }

    /// Counting bytes, zero where the layout has none in use.
    fn in_use<const N: usize>(reserved: &[Range<usize>]) -> [u8; N] {
        let mut bytes = pattern();
        reserved.iter().for_each(|range| bytes[range.clone()].fill(0));
        bytes
    }

    /// `N` bytes of the pattern from offset `at` on.
    fn field<const N: usize>(at: u8) -> [u8; N] {
        core::array::from_fn(|byte| u8::try_from(byte).unwrap_or(0) + at + 1)
    }

    #[test]
    fn an_account_leaf_round_trips_with_each_field_in_its_place() {
        let bytes = in_use(&[ACCOUNT_RESERVED]);
        let leaf = AccountLeaf::decode(&bytes).expect("reserved bytes are zero");
        assert_eq!(leaf.encode(), bytes);
        assert_eq!(leaf.salt, field(0));
        assert_eq!(leaf.handle.to_le_bytes(), field(16));
        assert_eq!((leaf.slot.to_le_bytes(), leaf.currency.to_le_bytes()), (field(24), field(28)));
        assert_eq!([leaf.state, leaf.kind], field(30));
        assert_eq!(leaf.balance.to_le_bytes(), field(32));
        assert_eq!(leaf.reserved.to_le_bytes(), field(48));
        assert_eq!(leaf.credit_line.to_le_bytes(), field(56));
        assert_eq!(leaf.last_posting.to_le_bytes(), field(64));
        assert_eq!(leaf.hash(), keyed(Domain::AccountLeaf, &bytes));
    }

    #[test]
    fn a_position_leaf_round_trips_with_each_field_in_its_place() {
        let bytes = in_use(&POSITION_RESERVED);
        let leaf = PositionLeaf::decode(&bytes).expect("reserved bytes are zero");
        assert_eq!(leaf.encode(), bytes);
        assert_eq!((leaf.salt, leaf.bic), (field(0), field(16)));
        assert_eq!((leaf.currency.to_le_bytes(), leaf.slot.to_le_bytes()), (field(28), field(32)));
        assert_eq!(leaf.count.to_le_bytes(), field(40));
        assert_eq!((leaf.debits.to_le_bytes(), leaf.credits.to_le_bytes()), (field(48), field(64)));
        assert_eq!(leaf.position.to_le_bytes(), field(80));
        assert_eq!(leaf.cycle.to_le_bytes(), field(96));
        assert_eq!(leaf.unsettled.to_le_bytes(), field(104));
        assert_eq!(leaf.cap.to_le_bytes(), field(120));
        assert_eq!(leaf.transfers_root.0, field(128));
        assert_eq!(leaf.hash(), keyed(Domain::PositionLeaf, &bytes));
    }

    #[test]
    fn a_leaf_with_any_reserved_byte_not_zero_is_refused() {
        for at in ACCOUNT_RESERVED {
            let mut bad = in_use(&[ACCOUNT_RESERVED]);
            bad[at] = 0x80;
            assert_eq!(AccountLeaf::decode(&bad), Err(ReservedBytes), "byte {at}");
        }
        for at in POSITION_RESERVED.into_iter().flatten() {
            let mut bad = in_use(&POSITION_RESERVED);
            bad[at] = 0x01;
            assert_eq!(PositionLeaf::decode(&bad), Err(ReservedBytes), "byte {at}");
        }
    }

    #[test]
    fn the_widest_sums_fit() {
        let account = AccountLeaf::decode(&[0; ACCOUNT_LEAF_BYTES]).expect("zeros are an account");
        let position = PositionLeaf::decode(&[0; POSITION_LEAF_BYTES]).expect("zeros are a position");
        for wide in [i128::MIN, -(1 << 124), 1 << 124, i128::MAX] {
            let account = AccountLeaf { balance: wide, ..account };
            assert_eq!(AccountLeaf::decode(&account.encode()), Ok(account));
            let (debits, credits) = (wide.unsigned_abs(), u128::MAX);
            let position = PositionLeaf { debits, credits, position: wide, unsettled: wide, ..position };
            assert_eq!(PositionLeaf::decode(&position.encode()), Ok(position));
        }
    }
}
