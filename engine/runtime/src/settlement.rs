//! From net positions to obligations: deferred net multilateral settlement as a pure function that every bank
//! can recompute. Books nothing; the cycle's commands do.

use feiqian_core::account::SlotHandle;
use feiqian_core::currency::Currency;
use feiqian_core::participant::{CycleNumber, ParticipantHandle};
use feiqian_core::registry::Registry;

/// What one participant pays another to settle a cycle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Obligation {
    /// The closed cycle.
    pub cycle: CycleNumber,
    /// The currency of both.
    pub currency: Currency,
    /// Pays.
    pub debtor: ParticipantHandle,
    /// Is paid.
    pub creditor: ParticipantHandle,
    /// Minor units, above zero.
    pub amount: u128,
}

/// Net positions that no obligations can settle.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("net positions in {currency} sum to {sum} instead of zero")]
pub struct Unbalanced {
    /// In which currency.
    pub currency: Currency,
    /// Their sum, minor units.
    pub sum: i128,
}

/// The obligations that settle net positions, currency by currency in the order of their codes: debtors by
/// slot are matched with creditors by slot, so at most `participants - 1` obligations in each currency.
///
/// # Errors
/// [`Unbalanced`] if the positions of a currency do not sum to zero.
pub fn obligations(
    cycle: CycleNumber,
    nets: &[(SlotHandle, i128)],
    registry: &Registry,
) -> Result<Vec<Obligation>, Unbalanced> {
    let mut rows: Vec<(Currency, SlotHandle, ParticipantHandle, i128)> = nets
        .iter()
        .filter_map(|(slot, net)| {
            let terms = registry.slots().get(*slot as usize)?;
            Some((terms.currency, *slot, terms.participant, *net))
        })
        .collect();
    rows.sort_unstable_by_key(|(currency, slot, ..)| (currency.code(), *slot));
    let mut all = Vec::new();
    for group in rows.chunk_by(|a, b| a.0 == b.0) {
        let Some((currency, ..)) = group.first().copied() else { continue };
        let sum: i128 = group.iter().map(|(.., net)| *net).sum();
        if sum != 0 {
            return Err(Unbalanced { currency, sum });
        }
        match_sides(cycle, currency, group, &mut all);
    }
    Ok(all)
}

/// The obligations that settle a cycle bilaterally: of each two positions, what the first has got from the second less
/// what it has paid it, in the order given.
pub fn bilateral_obligations(
    cycle: CycleNumber,
    pairs: impl Iterator<Item = (SlotHandle, SlotHandle, i128)>,
    registry: &Registry,
) -> Vec<Obligation> {
    let terms = |slot: SlotHandle| registry.slots().get(slot as usize);
    let obligation = |(first, second, net): (SlotHandle, SlotHandle, i128)| {
        let (first, second) = (terms(first)?, terms(second)?);
        let (debtor, creditor) = if net < 0 { (first, second) } else { (second, first) };
        let (currency, amount) = (debtor.currency, net.unsigned_abs());
        (amount > 0).then_some(Obligation {
            cycle,
            currency,
            debtor: debtor.participant,
            creditor: creditor.participant,
            amount,
        })
    };
    pairs.filter_map(obligation).collect()
}

fn match_sides(
    cycle: CycleNumber,
    currency: Currency,
    group: &[(Currency, SlotHandle, ParticipantHandle, i128)],
    all: &mut Vec<Obligation>,
) {
    let side = |is_debtor: bool| {
        let of_side = group.iter().filter(move |(.., net)| *net != 0 && (*net < 0) == is_debtor);
        of_side.map(|(_, _, participant, net)| (*participant, net.unsigned_abs()))
    };
    let mut creditors = side(false);
    let mut creditor = creditors.next();
    for (debtor, mut owed) in side(true) {
        while let Some((paid, claim)) = creditor.as_mut().filter(|_| owed > 0) {
            let amount = owed.min(*claim);
            all.push(Obligation { cycle, currency, debtor, creditor: *paid, amount });
            owed -= amount;
            *claim -= amount;
            if *claim == 0 {
                creditor = creditors.next();
            }
        }
    }
}
