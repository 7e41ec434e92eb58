//! That these are all transfers of one participant and currency in a block, in order; or that there were none.
//!
//! The position's leaf holds their number and the root of the participant's own tree over their leaves, the very
//! leaves of the block's tree of transfers. A record names accounts, not participants: so the sums in the leaf are
//! bounded by what was cleared, and checked in full by [`CompletenessProof::check_sums`] with the accounts that the
//! participant knows to be its own.

use alloc::vec::Vec;

use crate::bytes::Reader;
use crate::hash::Domain;
use crate::kinds::Proven;
use crate::kinds::parts::{read_file, read_items, write_count};
use crate::kinds::position::PositionProof;
use crate::kinds::refusal::Refusal;
use crate::leaf::{RECORD_BYTES, SALT_BYTES, transfer_leaf_hash};
use crate::record;
use crate::signature::PublicKey;
use crate::tree::root_of;

const ITEM_BYTES: usize = SALT_BYTES + RECORD_BYTES;
const BOUNDS: (usize, usize) = (0, u32::MAX as usize);

/// One of the participant's transfers, with the salt of its leaf.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OwnTransfer {
    /// The salt.
    pub salt: [u8; SALT_BYTES],
    /// The transfer with its outcome.
    pub record: [u8; RECORD_BYTES],
}

/// A participant's position in a currency, and all transfers that moved it in the block or tried to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompletenessProof {
    /// The position after the block.
    pub position: PositionProof,
    /// The transfers with the participant on either side, ascending by sequence. Empty: nothing happened.
    pub transfers: Vec<OwnTransfer>,
}

/// Cleared between the participant and others, in minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Moved {
    /// Out of its accounts.
    pub debits: u128,
    /// Into them.
    pub credits: u128,
}

impl CompletenessProof {
    pub(crate) const MAGIC: &[u8; 8] = b"FQCOMP01";

    /// The bytes of the file.
    ///
    /// # Errors
    /// [`Refusal`]: nothing that can't be read is written.
    pub fn encode(&self) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Self::MAGIC.to_vec();
        self.position.write(&mut bytes)?;
        write_count(self.transfers.len(), BOUNDS, &mut bytes)?;
        for transfer in &self.transfers {
            bytes.extend_from_slice(&transfer.salt);
            bytes.extend_from_slice(&transfer.record);
        }
        Ok(bytes)
    }

    /// Reads a file's bytes, all of them; nothing is verified yet.
    ///
    /// # Errors
    /// [`Refusal`] says where the bytes leave the format.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        read_file(bytes, Self::MAGIC, Self::read)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Refusal> {
        let position = PositionProof::read(from)?;
        let items = read_items::<ITEM_BYTES>(from, BOUNDS)?;
        let transfers: Option<Vec<_>> = items.iter().map(read_transfer).collect();
        Ok(Self { position, transfers: transfers.ok_or(Refusal::Truncated)? })
    }

    /// Checks number, order, currency and bound of the sums, then position, the transfers' root and signature.
    ///
    /// `chain_id` is the chain that the reader expects; without one the proof's own word stands.
    ///
    /// # Errors
    /// [`Refusal`] names the first check that fails.
    pub fn verify(&self, key: &PublicKey, chain_id: Option<&[u8; 16]>) -> Result<Proven<'_, Self>, Refusal> {
        self.check_transfers()?;
        self.position.check(chain_id)?;
        let hash = |transfer: &OwnTransfer| transfer_leaf_hash(&transfer.salt, &transfer.record);
        let leaves: Vec<_> = self.transfers.iter().map(hash).collect();
        if root_of(Domain::ParticipantNode, &leaves) != self.position.leaf.transfers_root {
            return Err(Refusal::TransfersRoot);
        }
        self.position.block.check_signature(key)?;
        Ok(Proven(self))
    }

    fn check_transfers(&self) -> Result<(), Refusal> {
        let (header, leaf) = (&self.position.block.header, &self.position.leaf);
        if self.transfers.len() as u64 != leaf.count {
            return Err(Refusal::Count);
        }
        let mut cleared: u128 = 0;
        let mut next = 0;
        for OwnTransfer { record, .. } in &self.transfers {
            let place = record::sequence(record).checked_sub(header.first_sequence);
            let place =
                place.filter(|place| (next..header.count).contains(place)).ok_or(Refusal::Sequence)?;
            next = place + 1;
            if record::is_cleared(record) {
                if record::currency(record) != leaf.currency {
                    return Err(Refusal::Sums);
                }
                cleared = cleared.saturating_add(u128::from(record::amount(record)));
            }
        }
        let moved = leaf.debits.checked_add(leaf.credits);
        if moved.is_some_and(|moved| moved <= cleared) { Ok(()) } else { Err(Refusal::Sums) }
    }

    /// The leaf's sums again, from the transfers and from what the reader knows of its own accounts: `is_own`
    /// tells by its handle whether an account is one of the participant in this currency.
    ///
    /// # Errors
    /// [`Refusal::Sums`] if they are not those of the leaf.
    pub fn check_sums(&self, is_own: impl Fn(u64) -> bool) -> Result<Moved, Refusal> {
        let mut moved = Moved::default();
        for OwnTransfer { record, .. } in self.transfers.iter().filter(|own| record::is_cleared(&own.record))
        {
            let amount = u128::from(record::amount(record));
            match (is_own(record::debtor(record)), is_own(record::creditor(record))) {
                (true, false) => moved.debits = moved.debits.saturating_add(amount),
                (false, true) => moved.credits = moved.credits.saturating_add(amount),
                (true, true) => {}
                (false, false) => return Err(Refusal::Sums),
            }
        }
        let leaf = &self.position.leaf;
        let said = Moved { debits: leaf.debits, credits: leaf.credits };
        if moved == said { Ok(moved) } else { Err(Refusal::Sums) }
    }
}

fn read_transfer(item: &[u8; ITEM_BYTES]) -> Option<OwnTransfer> {
    let mut from = Reader::new(item);
    Some(OwnTransfer { salt: from.array()?, record: from.array()? })
}
