//! Fees and interchange: what a payment between two participants owes by the tariffs in force, charged in its own chain.
//!
//! A tariff is a command under four eyes. Whoever submits a payment that it covers puts the fee's legs right behind it in
//! the same chain, one for each beneficiary, and the rules let the chain pass only if they are, to the minor unit, what
//! the tariff says ([`decide`]): so a fee is entries with rows and leaves like any other, cleared with its payment or not
//! at all, and settled with the positions of its cycle. [`chain_of`] makes that chain, so that a bank needs not know.
//! A leg is the tariff's word, not its submitter's: it may debit the other side, as interchange does.
//!
//! Where no tariff covers a position's payments, its [`crate::controls::SlotControls`] say so and nothing is asked.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use feiqian_proof::hash::{Domain, Hash, keyed};

use crate::account::AccountHandle;
use crate::bic::Bic;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::currency::Currency;
use crate::limits::TARIFFS_MAX;
use crate::registry::Registry;
use crate::transfer::{Record, flags};
use crate::uetr::Uetr;

pub mod tariff;
pub mod change;
pub mod command;
pub mod decide;

pub use change::Change;
pub use command::FeeCommand;
pub use decide::{Dues, Leg};
pub use tariff::{Bearer, Beneficiary, Scope, Tariff, TariffNumber, Tier};

/// That of a payment that names none.
pub(crate) const NO_PURPOSE: [u8; 4] = [0; 4];

/// Which of debtor, creditor and purpose a tariff may name, in the order in which they are looked for: the more the
/// first, and of equally many one that names the debtor, then one that names the creditor.
const BY_RANK: [[bool; 3]; 8] = [
    [true, true, true],
    [true, true, false],
    [true, false, true],
    [false, true, true],
    [true, false, false],
    [false, true, false],
    [false, false, true],
    [false, false, false],
];

/// The tariffs in force, and what is announced of them. No two have one scope at once, so that there is never a choice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tariffs {
    by_number: BTreeMap<TariffNumber, Tariff>,
    /// Follows from the others.
    by_scope: BTreeMap<Scope, TariffNumber>,
    /// In order of time and number.
    changes: Vec<Change>,
}

impl Tariffs {
    /// Whether there is no tariff but what is announced.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// Whether nothing is charged, nor announced.
    #[inline]
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.by_number.is_empty() && self.changes.is_empty()
    }

    /// All of them but for what is announced, ascending by number.
    #[must_use]
    pub fn by_number(&self) -> &BTreeMap<TariffNumber, Tariff> {
        &self.by_number
    }

    /// Whether an account gets a part of some fee, or is announced to.
    pub(crate) fn pays(&self, account: AccountHandle) -> bool {
        let announced = self.changes.iter().filter_map(|change| change.after.as_ref());
        let tariffs = self.by_number.values().chain(announced);
        let mut beneficiaries = tariffs.flat_map(|tariff| &tariff.beneficiaries);
        beneficiaries.any(|(who, _)| *who == Beneficiary::Account(account))
    }

    /// The tariff that charges `bearer` at a time for a payment between two participants: the one that says most about
    /// it. What a payment does not name (a purpose of zeros) no tariff can name.
    #[must_use]
    pub fn of(
        &self,
        (currency, bearer): (Currency, Bearer),
        [debtor, creditor]: [Bic; 2],
        (purpose, time): ([u8; 4], u64),
    ) -> Option<(TariffNumber, &Tariff)> {
        BY_RANK.into_iter().find_map(|[names_debtor, names_creditor, names_purpose]| {
            let scope = Scope {
                currency,
                bearer,
                debtor: names_debtor.then_some(debtor),
                creditor: names_creditor.then_some(creditor),
                purpose: names_purpose.then_some(purpose),
            };
            self.holder(&scope, time)
        })
    }

    /// Who may be charged for, or bear a charge with, what it pays in a currency, by what is in force or announced.
    #[must_use]
    pub fn covered(&self, currency: Currency) -> Covered {
        let announced = self.changes.iter().filter_map(|change| Some(&change.after.as_ref()?.scope));
        let scopes = self.by_scope.keys().chain(announced).filter(|scope| scope.currency == currency);
        let mut covered = Covered::default();
        for scope in scopes {
            match scope.debtor {
                Some(bic) => drop(covered.named.insert(bic)),
                None => covered.all = true,
            }
        }
        covered
    }

    /// Each by itself: for the configuration that a block proves.
    pub(crate) fn config_entries(&self, kind: u8) -> impl Iterator<Item = Vec<u8>> {
        self.by_number.iter().map(move |(number, tariff)| {
            let mut to = Encoder::default();
            to.u8(kind);
            to.u32(*number);
            tariff.encode(&mut to);
            to.0
        })
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        to.count(self.by_number.len());
        for (number, tariff) in &self.by_number {
            to.u32(*number);
            tariff.encode(to);
        }
    }

    /// Not none: those have no byte form. Ascending, so that a state has one.
    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let mut tariffs = Self::default();
        for _ in 0..from.count(TARIFFS_MAX)? {
            let (number, tariff) = (from.u32()?, Tariff::decode(from)?);
            let is_behind = tariffs.by_number.last_key_value().is_none_or(|(last, _)| *last < number);
            let is_new = !tariffs.by_scope.contains_key(&tariff.scope);
            if !(is_behind && is_new && tariff.is_valid()) {
                return Err(Malformed);
            }
            tariffs.put(number, Some(tariff));
        }
        if tariffs.is_empty() { Err(Malformed) } else { Ok(tariffs) }
    }
}

/// Whose payments in a currency some tariff covers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Covered {
    all: bool,
    named: BTreeSet<Bic>,
}

impl Covered {
    /// Whether those of a participant are.
    #[must_use]
    pub fn has(&self, debtor: Bic) -> bool {
        self.all || self.named.contains(&debtor)
    }
}

/// A payment with the legs of its fees behind it, as it must be submitted: alone where nothing is charged, else as a chain,
/// whose last record is linked if the payment was. The ids of the legs follow from the payment's, so that a payment that comes again brings the same ones.
#[must_use]
pub fn chain_of(registry: &Registry, payment: &Record, now: u64) -> Vec<Record> {
    let legs = registry.fee_legs(payment, now);
    let mut chain = Vec::with_capacity(legs.len().saturating_add(1));
    chain.push(*payment);
    chain.extend((0..).zip(&legs).map(|(at, leg)| leg.record(payment, leg_id(payment.uetr.get(), at))));
    let last = chain.len().saturating_sub(1);
    let linked = if payment.is_linked() { chain.len() } else { last };
    for record in chain.iter_mut().take(linked) {
        record.flags = (record.flags.get() | flags::LINKED).into();
    }
    chain
}

/// The id of a payment's leg, by its place among them.
fn leg_id(payment: u128, at: u32) -> u128 {
    let bytes = [b"fee leg".as_slice(), &payment.to_le_bytes(), &at.to_le_bytes()].concat();
    let Hash(digest) = keyed(Domain::Document, &bytes);
    Uetr::from_digest(digest.first_chunk().copied().unwrap_or_default()).bits()
}
