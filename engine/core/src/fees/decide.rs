//! What commands about tariffs must fulfil, what a payment owes, and whether a chain carries just that.

use alloc::vec::Vec;

use super::change::Change;
use super::command::FeeCommand;
use super::tariff::{Bearer, Beneficiary, Tariff, TariffNumber};
use super::{NO_PURPOSE, Tariffs};
use crate::account::AccountHandle;
use crate::claim::{Claim, Kind, Member, kind_of};
use crate::controls::SlotControls;
use crate::hold::deadline;
use crate::limits::TARIFF_NOTICE_SECONDS;
use crate::money::AMOUNT_MAX;
use crate::number::index;
use crate::outcome::RejectReason;
use crate::participant::SlotTerms;
use crate::registry::{Decision, Effect, Registry, refuse};
use crate::transfer::{Record, flags};

/// A part of a fee: what must stand behind its payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leg {
    /// By which tariff.
    pub tariff: TariffNumber,
    /// Who bears it.
    pub bearer: Bearer,
    /// The clearing account of whoever bears it.
    pub debtor: AccountHandle,
    /// The beneficiary's account.
    pub creditor: AccountHandle,
    /// Minor units, not zero.
    pub amount: u64,
}

impl Leg {
    /// The record that is submitted behind the payment.
    #[must_use]
    pub fn record(&self, payment: &Record, id: u128) -> Record {
        let mut record = Record::new(id, self.debtor, self.creditor, self.amount, payment.currency.get());
        (record.flags, record.related) = (flags::FEE.into(), payment.uetr);
        record
    }

    fn is(&self, record: &Record, payment: &Record) -> bool {
        let said = (self.debtor, self.creditor, self.amount);
        (record.debtor.get(), record.creditor.get(), record.amount.get()) == said
            && record.currency == payment.currency
            && record.related == payment.uetr
    }
}

/// Payments.
impl Registry {
    /// What a payment owes by the tariffs in force at a time: first what its debtor's participant bears, then what its
    /// creditor's does; each in the order of the beneficiaries, without parts of nothing and parts that stay where they
    /// are. Nothing for what moves no money between two participants for the first time: holds, returns, trades, other
    /// legs.
    #[must_use]
    pub fn fee_legs(&self, payment: &Record, time: u64) -> Vec<Leg> {
        let mut legs = Vec::new();
        let is_charged = !self.fees.is_idle() && kind_of(payment).is_some_and(Kind::is_charged);
        let has_amount = (1..=AMOUNT_MAX).contains(&payment.amount.get());
        let slot = |account| {
            let terms = self.account(account)?;
            self.slots().get(index(terms.slot.into()))
        };
        if is_charged
            && has_amount
            && let (Some(debtor), Some(creditor)) = (slot(payment.debtor.get()), slot(payment.creditor.get()))
            && debtor.participant != creditor.participant
            && debtor.currency == creditor.currency
            && debtor.currency.numeric() == payment.currency.get()
        {
            for bearer in [Bearer::Debtor, Bearer::Creditor] {
                self.add_legs((bearer, time), payment, [debtor, creditor], &mut legs);
            }
        }
        legs
    }

    fn add_legs(
        &self,
        (bearer, time): (Bearer, u64),
        payment: &Record,
        [debtor, creditor]: [&SlotTerms; 2],
        legs: &mut Vec<Leg>,
    ) {
        let bic = |slot: &SlotTerms| self.participant_at(slot.participant).map(|found| found.bic);
        let (Some(from), Some(to)) = (bic(debtor), bic(creditor)) else { return };
        let asked = (payment.purpose, time);
        let found = self.fees.of((debtor.currency, bearer), [from, to], asked);
        let Some((number, tariff)) = found else { return };
        let pays = match bearer {
            Bearer::Debtor => debtor.clearing_account,
            Bearer::Creditor => creditor.clearing_account,
        };
        let fee = tariff.fee(payment.amount.get()).min(most(bearer, payment));
        for (who, amount) in tariff.parts(fee) {
            let gets = match who {
                Beneficiary::Account(account) => account,
                Beneficiary::DebtorParticipant => debtor.clearing_account,
                Beneficiary::CreditorParticipant => creditor.clearing_account,
            };
            if amount > 0 && gets != pays {
                legs.push(Leg { tariff: number, bearer, debtor: pays, creditor: gets, amount });
            }
        }
    }

    /// What a hold or a payment that waits is for, as it is kept: nothing as long as there is no tariff to name it.
    pub(crate) fn kept_purpose(&self, record: &Record) -> [u8; 4] {
        if self.fees.is_idle() { NO_PURPOSE } else { record.purpose }
    }

    /// What the payments of a chain, or one alone, owe: each reckoned once. Nothing where there is no tariff.
    #[inline]
    pub(crate) fn dues(&self, chain: &[Record], timestamp: u64) -> Dues {
        if self.fees.is_idle() { Dues::default() } else { self.dues_of(chain, timestamp) }
    }

    fn dues_of(&self, chain: &[Record], timestamp: u64) -> Dues {
        let mut dues = Dues::default();
        for (at, payment) in chain.iter().enumerate().filter(|(_, record)| !is_leg(record)) {
            let behind = chain.get(at.saturating_add(1)..).unwrap_or_default();
            let carried = behind.iter().take_while(|record| is_leg(record)).count();
            let carried = behind.get(..carried).unwrap_or_default();
            if carried.is_empty() && !self.is_covered(payment) {
                continue;
            }
            let legs = self.owed(payment, carried, timestamp);
            if !legs.is_empty() {
                dues.0.push((at, legs));
            }
        }
        dues
    }

    /// What a payment owes that carries these legs: by the tariffs in force; or, where they are what it owed before an
    /// announced change that has just come, that.
    fn owed(&self, payment: &Record, carried: &[Record], timestamp: u64) -> Vec<Leg> {
        let is_right = |legs: &[Leg]| {
            legs.len() == carried.len()
                && legs.iter().zip(carried).all(|(leg, record)| leg.is(record, payment))
        };
        let legs = self.fee_legs(payment, timestamp);
        if is_right(&legs) {
            return legs;
        }
        let mut others = self.fees.moments(payment, timestamp).map(|time| self.fee_legs(payment, time));
        others.find(|legs| is_right(legs)).unwrap_or(legs)
    }

    /// Whether a tariff may charge for what an account pays.
    fn is_covered(&self, payment: &Record) -> bool {
        let terms = self.account(payment.debtor.get());
        let slot = terms.and_then(|terms| self.slots().get(index(terms.slot.into())));
        slot.is_some_and(|slot| slot.controls.has(SlotControls::FEES))
    }
}

/// What the payments of a chain owe, by their places in it; of one that is not here, nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Dues(Vec<(usize, Vec<Leg>)>);

impl Dues {
    /// Of the payment at a place.
    #[must_use]
    pub fn of(&self, at: usize) -> &[Leg] {
        let found = self.0.iter().find(|(payment, _)| *payment == at);
        found.map_or(&[], |(_, legs)| legs.as_slice())
    }
}

impl Member<'_> {
    /// Whether the record is, to the unit, the leg that is due at its place in the chain: behind its payment and the legs
    /// before it.
    pub(crate) fn is_fee_due(&self) -> bool {
        let before = self.chain.get(..self.at).unwrap_or_default();
        let earlier = before.iter().rev().take_while(|record| is_leg(record)).count();
        let Some(at) = before.len().checked_sub(earlier.saturating_add(1)) else { return false };
        let leg = self.dues.of(at).get(earlier);
        leg.zip(before.get(at)).is_some_and(|(leg, payment)| leg.is(self.record, payment))
    }
}

/// Checks a claim that asks for tariffs: a leg must be due, and a payment must have all of its legs behind it.
///
/// # Errors
/// [`RejectReason::FeeMissing`], [`RejectReason::FeeMismatch`].
pub(crate) fn check_fee(claim: &Claim, member: Member<'_>) -> Decision<()> {
    if claim.kind == Kind::Fee {
        return refuse(!member.is_fee_due(), RejectReason::FeeMismatch);
    }
    let behind = member.chain.get(member.at.saturating_add(1)..).unwrap_or_default();
    let carried = behind.iter().take_while(|record| is_leg(record)).count();
    refuse(carried < member.dues.of(member.at).len(), RejectReason::FeeMissing)
}

/// The most that a fee may be, minor units. Who bears it must have had a say in how often it is charged: the creditor's
/// side has none in what it is paid, nor the debtor's in how many parts the other side posts a hold, so what either bears
/// then is no more than the amount itself.
fn most(bearer: Bearer, payment: &Record) -> u64 {
    let is_post = payment.flags.get() & flags::POST != 0;
    match bearer {
        Bearer::Debtor if !is_post => AMOUNT_MAX,
        Bearer::Debtor | Bearer::Creditor => payment.amount.get(),
    }
}

fn is_leg(record: &Record) -> bool {
    record.flags.get() & flags::FEE != 0
}

/// Commands.
impl Registry {
    pub(crate) fn check_fee_command(&self, command: &FeeCommand, timestamp: u64) -> Decision<()> {
        let tariff = command.tariff();
        let named = tariff.map(|tariff| [tariff.scope.debtor, tariff.scope.creditor]);
        for bic in named.into_iter().flatten().flatten() {
            self.participant(bic)?;
        }
        let after = self.fees.after(command, timestamp);
        refuse(after.clashes(timestamp), RejectReason::AlreadyRegistered)?;
        let is_right_currency = tariff.map_or(Ok(true), |tariff| self.check_accounts(tariff))?;
        refuse(after.is_overfull(), RejectReason::LimitReached)?;
        let earliest = deadline(timestamp, TARIFF_NOTICE_SECONDS);
        let is_valid = command.number() != 0
            && is_right_currency
            && command.from().is_none_or(|from| from >= earliest)
            && tariff.is_none_or(Tariff::is_valid);
        refuse(!is_valid, RejectReason::BadTariff)?;
        let is_unknown = tariff.is_none() && !self.fees.knows(command.number(), timestamp);
        refuse(is_unknown, RejectReason::UnknownTariff)
    }

    /// Whether an account gets a part of some fee, or will.
    pub(crate) fn gets_fees(&self, account: AccountHandle, timestamp: u64) -> bool {
        let mut fees = self.fees.clone();
        fees.settle(timestamp);
        fees.pays(account)
    }

    /// Whether all accounts that get something, which must be open, are kept in the tariff's currency.
    fn check_accounts(&self, tariff: &Tariff) -> Decision<bool> {
        let named = tariff.beneficiaries.iter().filter_map(|(who, _)| match who {
            Beneficiary::Account(account) => Some(self.usable(*account)),
            _ => None,
        });
        let named: Vec<_> = named.collect();
        // All are there before one is blamed for its state.
        named.iter().filter_map(|account| account.err()).min().map_or(Ok(()), Err)?;
        Ok(named.iter().flatten().all(|terms| terms.currency == tariff.scope.currency.numeric()))
    }

    /// Puts a command in force that [`Registry::check_fee_command`] has accepted.
    pub(crate) fn commit_fee_command(&mut self, command: &FeeCommand, timestamp: u64) -> Effect {
        let before = self.fees.currencies_of(command.number());
        self.fees = self.fees.after(command, timestamp);
        let after = self.fees.currencies_of(command.number());
        before.into_iter().chain(after).for_each(|currency| self.follow_tariffs(currency));
        Effect::Registered
    }

    /// Forgets what was in force before announced changes, where it passes no longer.
    pub(crate) fn settle_tariffs(&mut self, timestamp: u64) {
        let is_over = |change: &Change| change.until() <= timestamp;
        let over = self.fees.changes().iter().filter(|change| is_over(change));
        let currencies: Vec<_> = over.flat_map(|change| self.fees.currencies_of(change.number)).collect();
        if !currencies.is_empty() {
            self.fees.settle(timestamp);
            currencies.into_iter().for_each(|currency| self.follow_tariffs(currency));
        }
    }
}

impl Tariffs {
    /// As a command makes them.
    fn after(&self, command: &FeeCommand, timestamp: u64) -> Self {
        let mut after = self.clone();
        after.settle(timestamp);
        match command {
            FeeCommand::SetTariff { number, tariff } => after.put(*number, Some(tariff.clone())),
            FeeCommand::EndTariff { number } => after.put(*number, None),
            FeeCommand::Announce(change) => after.announce(change.clone(), timestamp),
        }
        after
    }
}
