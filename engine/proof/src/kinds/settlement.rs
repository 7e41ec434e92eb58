//! That an obligation of a closed cycle follows from the positions at its end.
//!
//! Carries every position of the block: who pays whom depends on all of them, and only the whole tree shows that
//! none was left out. So this proof is for those who may see all positions: a settlement agent, an auditor, a
//! validator. With all of them at hand the block's totals are recomputed too.

use alloc::vec::Vec;

use crate::bytes::Reader;
use crate::hash::Domain;
use crate::header::{BlockHeader, totals_digest};
use crate::kinds::Proven;
use crate::kinds::config::ConfigProof;
use crate::kinds::parts::{SignedHeader, check_bic, read_file, read_items, read_position, write_count};
use crate::kinds::refusal::Refusal;
use crate::leaf::{POSITION_LEAF_BYTES, PositionLeaf};
use crate::signature::PublicKey;
use crate::tree::root_of;

/// Positions in one proof: no chain has more.
pub const POSITIONS_MAX: usize = 262_144;
const BOUNDS: (usize, usize) = (1, POSITIONS_MAX);

/// What one participant pays another to settle a cycle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Obligation {
    /// ISO 4217 numeric code.
    pub currency: u16,
    /// Slot of the position that pays.
    pub debtor: u32,
    /// Slot of the position that is paid.
    pub creditor: u32,
    /// Minor units, above zero.
    pub amount: u128,
}

/// All positions at the end of a cycle, and an obligation that settles a part of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettlementProof {
    /// The cycle's last block.
    pub block: SignedHeader,
    /// The configuration's entry of the cycle, which says that this block ended it.
    pub closing: ConfigProof,
    /// What follows.
    pub obligation: Obligation,
    /// Every position of the block, by slot; at most [`POSITIONS_MAX`].
    pub positions: Vec<PositionLeaf>,
}

impl SettlementProof {
    pub(crate) const MAGIC: &[u8; 8] = b"FQSETL01";

    /// The bytes of the file.
    ///
    /// # Errors
    /// [`Refusal`]: nothing that can't be read is written.
    pub fn encode(&self) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Self::MAGIC.to_vec();
        self.block.write(&mut bytes);
        self.closing.write(&mut bytes)?;
        bytes.extend_from_slice(&self.obligation.currency.to_le_bytes());
        bytes.extend_from_slice(&self.obligation.debtor.to_le_bytes());
        bytes.extend_from_slice(&self.obligation.creditor.to_le_bytes());
        bytes.extend_from_slice(&self.obligation.amount.to_le_bytes());
        write_count(self.positions.len(), BOUNDS, &mut bytes)?;
        for leaf in &self.positions {
            check_bic(&leaf.bic)?;
            bytes.extend_from_slice(&leaf.encode());
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
        let block = SignedHeader::read(from)?;
        let closing = ConfigProof::read(from)?;
        let obligation = read_obligation(from).ok_or(Refusal::Truncated)?;
        let rows = read_items::<POSITION_LEAF_BYTES>(from, BOUNDS)?;
        let positions: Result<Vec<_>, _> = rows.iter().map(read_position).collect();
        Ok(Self { block, closing, obligation, positions: positions? })
    }

    /// Checks the cycle's end, number and places of the positions, both sums, the obligation, the two roots and the
    /// signature.
    ///
    /// `chain_id` is the chain that the reader expects; without one the proof's own word stands.
    ///
    /// # Errors
    /// [`Refusal`] names the first check that fails.
    pub fn verify(&self, key: &PublicKey, chain_id: Option<&[u8; 16]>) -> Result<Proven<'_, Self>, Refusal> {
        let header = &self.block.header;
        self.block.check_chain(chain_id)?;
        let currency = self.obligation.currency;
        let cycle = self.closing.check_closes(header, currency)?;
        check_places(&self.positions, header)?;
        check_cycles(&self.positions, (currency, cycle))?;
        check_totals(&self.positions, header)?;
        if !obligations(&self.positions, self.obligation.currency)?.contains(&self.obligation) {
            return Err(Refusal::Obligation);
        }
        self.closing.check(header)?;
        let leaves: Vec<_> = self.positions.iter().map(PositionLeaf::hash).collect();
        if root_of(Domain::PositionNode, &leaves) != header.positions.hash {
            return Err(Refusal::NotIncluded);
        }
        self.block.check_signature(key)?;
        Ok(Proven(self))
    }

    /// All obligations that settle the proof's currency, in the order of their making.
    ///
    /// # Errors
    /// [`Refusal::Unbalanced`] if the positions don't sum to zero.
    pub fn obligations(&self) -> Result<Vec<Obligation>, Refusal> {
        obligations(&self.positions, self.obligation.currency)
    }
}

fn read_obligation(from: &mut Reader<'_>) -> Option<Obligation> {
    Some(Obligation {
        currency: u16::from_le_bytes(from.array()?),
        debtor: u32::from_le_bytes(from.array()?),
        creditor: u32::from_le_bytes(from.array()?),
        amount: u128::from_le_bytes(from.array()?),
    })
}

/// All positions of the block, each in its slot.
fn check_places(positions: &[PositionLeaf], header: &BlockHeader) -> Result<(), Refusal> {
    if positions.len() as u64 != header.positions.size {
        return Err(Refusal::Count);
    }
    for (leaf, slot) in positions.iter().zip(0_u32..) {
        check_bic(&leaf.bic)?;
        if leaf.slot != slot {
            return Err(Refusal::NotIncluded);
        }
    }
    Ok(())
}

/// All positions of one currency are of one cycle, those of `currency` of `cycle`.
fn check_cycles(positions: &[PositionLeaf], (currency, cycle): (u16, u64)) -> Result<(), Refusal> {
    let mut cycles: Vec<_> = positions.iter().map(|leaf| (leaf.currency, leaf.cycle)).collect();
    cycles.push((currency, cycle));
    cycles.sort_unstable();
    cycles.dedup();
    let is_one_each = cycles.windows(2).all(|pair| pair[0].0 != pair[1].0);
    if is_one_each { Ok(()) } else { Err(Refusal::Cycle) }
}

/// The block's debits and credits by currency, from its positions: balanced, and those of the header.
fn check_totals(positions: &[PositionLeaf], header: &BlockHeader) -> Result<(), Refusal> {
    let mut rows: Vec<(u16, u128, u128)> = Vec::new();
    for leaf in positions {
        let at = rows.binary_search_by_key(&leaf.currency, |row| row.0);
        let at = at.unwrap_or_else(|at| {
            rows.insert(at, (leaf.currency, 0, 0));
            at
        });
        let (_, debits, credits) = &mut rows[at];
        *debits = debits.checked_add(leaf.debits).ok_or(Refusal::Sums)?;
        *credits = credits.checked_add(leaf.credits).ok_or(Refusal::Sums)?;
    }
    if rows.iter().any(|(_, debits, credits)| debits != credits) {
        return Err(Refusal::Unbalanced);
    }
    if totals_digest(&rows) == header.totals { Ok(()) } else { Err(Refusal::Sums) }
}

/// The obligations that settle a currency: debtors by slot are matched with creditors by slot, so there are fewer
/// of them than positions.
///
/// # Errors
/// [`Refusal::Unbalanced`] if the positions don't sum to zero.
fn obligations(positions: &[PositionLeaf], currency: u16) -> Result<Vec<Obligation>, Refusal> {
    let side = |pays: bool| {
        let own = positions.iter().filter(move |leaf| leaf.currency == currency && leaf.position != 0);
        let of_side = own.filter(move |leaf| (leaf.position < 0) == pays);
        of_side.map(|leaf| (leaf.slot, leaf.position.unsigned_abs()))
    };
    let sum = |pays| side(pays).try_fold(0_u128, |sum, (_, amount)| sum.checked_add(amount));
    if sum(true).is_none() || sum(true) != sum(false) {
        return Err(Refusal::Unbalanced);
    }
    let mut all = Vec::new();
    let mut creditors = side(false);
    let mut creditor = creditors.next();
    for (debtor, mut owed) in side(true) {
        while let Some((paid, claim)) = creditor.as_mut().filter(|_| owed > 0) {
            let amount = owed.min(*claim);
            all.push(Obligation { currency, debtor, creditor: *paid, amount });
            owed -= amount;
            *claim -= amount;
            if *claim == 0 {
                creditor = creditors.next();
            }
        }
    }
    Ok(all)
}
