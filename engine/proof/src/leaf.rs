//! The leaves of a block's four trees, to the byte. Little endian; `FORMAT.md` draws them.
//!
//! Every leaf begins with its salt, so that a sibling in another bank's proof reveals nothing. Bytes that
//! are not in use are zero, and a leaf where they are not is refused: they are room for later versions.

use core::fmt;

use crate::bytes::{Reader, Writer};
use crate::hash::{Domain, Hash, Hasher, keyed};

pub use crate::salt::{SALT_BYTES, SaltKind, SaltSeed, salt, salts};

/// Bytes of a transfer's record.
pub const RECORD_BYTES: usize = 128;
/// Bytes of a transfer's leaf: three BLAKE3 blocks.
pub const TRANSFER_LEAF_BYTES: usize = 192;
/// Bytes of an account's leaf: one block.
pub const ACCOUNT_LEAF_BYTES: usize = 64;
/// Bytes of a position's leaf: two blocks.
pub const POSITION_LEAF_BYTES: usize = 128;

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
    pub balance: i64,
    /// Reserved by holds, in minor units.
    pub reserved: u64,
    /// How far below zero the balance may go, in minor units.
    pub credit_line: u64,
    /// Sequence of the last transfer posted to the account; 0 for none.
    pub last_posting: u64,
}

impl AccountLeaf {
    /// The 64 bytes of the leaf.
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
            .finish()
    }

    /// The account of a leaf. Every one of its 64 bytes is in use, so each value of them is one account.
    #[must_use]
    pub fn decode(bytes: &[u8; ACCOUNT_LEAF_BYTES]) -> Self {
        Self::read(&mut Reader::new(bytes)).expect("an account leaf's fields fill its 64 bytes")
    }

    fn read(bytes: &mut Reader<'_>) -> Option<Self> {
        let salt = bytes.array()?;
        let handle = bytes.u64()?;
        let slot = u32::from_le_bytes(bytes.array()?);
        let currency = u16::from_le_bytes(bytes.array()?);
        let [state, kind] = bytes.array()?;
        let balance = i64::from_le_bytes(bytes.array()?);
        let [reserved, credit_line, last_posting] = [bytes.u64()?, bytes.u64()?, bytes.u64()?];
        let whole = bytes.is_at_end();
        whole.then_some(Self {
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
    /// Debits, in minor units.
    pub debits: u64,
    /// Credits, in minor units.
    pub credits: u64,
    /// Credits less debits of the open cycle, in minor units.
    pub position: i64,
    /// The settlement cycle.
    pub cycle: u64,
    /// Position of closed cycles that are not settled yet, in minor units.
    pub unsettled: i64,
    /// The net debit cap, in minor units.
    pub cap: u64,
    /// Root of the participant's own sub-tree of this block's transfers.
    pub transfers_root: Hash,
}

impl PositionLeaf {
    /// The 128 bytes of the leaf.
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
            .u64(self.debits)
            .u64(self.credits)
            .put(&self.position.to_le_bytes())
            .u64(self.cycle)
            .put(&self.unsettled.to_le_bytes())
            .u64(self.cap)
            .put(&self.transfers_root.0)
            .finish()
    }

    /// The position of a leaf.
    ///
    /// # Errors
    /// [`ReservedBytes`] if one of the seven bytes that are not in use is not zero.
    pub fn decode(bytes: &[u8; POSITION_LEAF_BYTES]) -> Result<Self, ReservedBytes> {
        let (leaf, reserved) =
            Self::read(&mut Reader::new(bytes)).expect("a position leaf's fields fill its 128 bytes");
        if reserved == [0; 7] { Ok(leaf) } else { Err(ReservedBytes) }
    }

    fn read(bytes: &mut Reader<'_>) -> Option<(Self, [u8; 7])> {
        let salt = bytes.array()?;
        let bic = bytes.array()?;
        let [a] = bytes.array()?;
        let currency = u16::from_le_bytes(bytes.array()?);
        let [b, c] = bytes.array()?;
        let slot = u32::from_le_bytes(bytes.array()?);
        let [d, e, f, g] = bytes.array()?;
        let [count, debits, credits] = [bytes.u64()?, bytes.u64()?, bytes.u64()?];
        let position = i64::from_le_bytes(bytes.array()?);
        let cycle = bytes.u64()?;
        let unsettled = i64::from_le_bytes(bytes.array()?);
        let cap = bytes.u64()?;
        let transfers_root = Hash(bytes.array()?);
        let leaf = Self {
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
        };
        bytes.is_at_end().then_some((leaf, [a, b, c, d, e, f, g]))
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

    fn pattern<const N: usize>() -> [u8; N] {
        core::array::from_fn(|at| u8::try_from(at + 1).unwrap_or(0))
    }

    #[test]
    fn a_transfer_leaf_is_salt_record_and_zeros() {
        let (salt, record) = (pattern(), pattern());
        let leaf = transfer_leaf(&salt, &record);
        assert_eq!((&leaf[..16], &leaf[16..144], &leaf[144..]), (&salt[..], &record[..], &[0; 48][..]));
        assert_eq!(transfer_leaf_hash(&salt, &record), keyed(Domain::TransferLeaf, &leaf));
    }

    #[test]
    fn an_account_leaf_round_trips_with_each_field_in_its_place() {
        let bytes = pattern::<ACCOUNT_LEAF_BYTES>();
        let leaf = AccountLeaf::decode(&bytes);
        assert_eq!(leaf.encode(), bytes);
        assert_eq!(leaf.handle, u64::from_le_bytes([17, 18, 19, 20, 21, 22, 23, 24]));
        assert_eq!((leaf.slot, leaf.currency), (0x1C1B_1A19, 0x1E1D));
        assert_eq!((leaf.state, leaf.kind), (31, 32));
        assert_eq!(leaf.balance, i64::from_le_bytes([33, 34, 35, 36, 37, 38, 39, 40]));
        assert_eq!(leaf.reserved.to_le_bytes()[0], 41);
        assert_eq!(leaf.credit_line.to_le_bytes()[0], 49);
        assert_eq!(leaf.last_posting.to_le_bytes()[7], 64);
        assert_eq!(leaf.hash(), keyed(Domain::AccountLeaf, &bytes));
    }

    #[test]
    fn a_position_leaf_round_trips_and_its_reserved_bytes_must_be_zero() {
        let reserved = [27, 30, 31, 36, 37, 38, 39];
        let mut bytes = pattern::<POSITION_LEAF_BYTES>();
        reserved.iter().for_each(|at| bytes[*at] = 0);
        let leaf = PositionLeaf::decode(&bytes).expect("reserved bytes are zero");
        assert_eq!(leaf.encode(), bytes);
        assert_eq!(leaf.bic, [17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27]);
        assert_eq!((leaf.currency, leaf.slot), (0x1E1D, 0x2423_2221));
        assert_eq!(leaf.count.to_le_bytes()[0], 41);
        assert_eq!(leaf.debits.to_le_bytes()[0], 49);
        assert_eq!(leaf.credits.to_le_bytes()[0], 57);
        assert_eq!(leaf.position.to_le_bytes()[0], 65);
        assert_eq!(leaf.cycle.to_le_bytes()[0], 73);
        assert_eq!(leaf.unsettled.to_le_bytes()[0], 81);
        assert_eq!(leaf.cap.to_le_bytes()[0], 89);
        assert_eq!(leaf.transfers_root.0[0], 97);
        for at in reserved {
            let mut bad = bytes;
            bad[at] = 1;
            assert_eq!(PositionLeaf::decode(&bad), Err(ReservedBytes), "byte {at}");
        }
    }
}
