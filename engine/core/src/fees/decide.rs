//! What commands about tariffs must fulfil, what a payment owes, and whether a chain carries just that.

use alloc::vec::Vec;

use super::NO_PURPOSE;
use super::command::FeeCommand;
use super::tariff::{Bearer, Beneficiary, Tariff, TariffNumber};
use crate::account::AccountHandle;
use crate::claim::{Claim, Kind, Member, kind_of};
use crate::limits::TARIFFS_MAX;
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
    /// What a payment owes by the tariffs in force: first what its debtor's participant bears, then what its creditor's
    /// does; each in the order of the beneficiaries, without parts of nothing and parts that stay where they are. Nothing
    /// for what moves no money between two participants for the first time: holds, returns, trades, other legs.
    #[must_use]
    pub fn fee_legs(&self, payment: &Record) -> Vec<Leg> {
        let mut legs = Vec::new();
        let is_charged = !self.fees.is_empty() && kind_of(payment).is_some_and(Kind::is_charged);
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
                self.add_legs(bearer, payment, [debtor, creditor], &mut legs);
            }
        }
        legs
    }

    fn add_legs(
        &self,
        bearer: Bearer,
        payment: &Record,
        [debtor, creditor]: [&SlotTerms; 2],
        legs: &mut Vec<Leg>,
    ) {
        let bic = |slot: &SlotTerms| self.participant_at(slot.participant).map(|found| found.bic);
        let (Some(from), Some(to)) = (bic(debtor), bic(creditor)) else { return };
        let found = self.fees.of((debtor.currency, bearer), [from, to], payment.purpose);
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
        if self.fees.is_empty() { NO_PURPOSE } else { record.purpose }
    }

    /// Whether a record is, to the unit, the leg that a tariff wants at its place in the chain: behind its payment and the
    /// legs before it.
    pub(crate) fn is_fee_due(&self, member: Member<'_>) -> bool {
        let before = member.chain.get(..member.at).unwrap_or_default();
        let earlier = before.iter().rev().take_while(|record| is_leg(record)).count();
        let payment = before.len().checked_sub(earlier.saturating_add(1)).and_then(|at| before.get(at));
        payment.is_some_and(|payment| {
            self.fee_legs(payment).get(earlier).is_some_and(|leg| leg.is(member.record, payment))
        })
    }

    /// Checks a claim that asks for tariffs: a leg must be due, and a payment must have all of its legs behind it.
    ///
    /// # Errors
    /// [`RejectReason::FeeMissing`], [`RejectReason::FeeMismatch`].
    pub(crate) fn check_fee(&self, claim: &Claim, member: Member<'_>) -> Decision<()> {
        if claim.kind == Kind::Fee {
            return refuse(!self.is_fee_due(member), RejectReason::FeeMismatch);
        }
        let behind = member.chain.get(member.at.saturating_add(1)..).unwrap_or_default();
        let carried = behind.iter().take_while(|record| is_leg(record)).count();
        refuse(carried < self.fee_legs(member.record).len(), RejectReason::FeeMissing)
    }
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
    pub(crate) fn check_fee_command(&self, command: &FeeCommand) -> Decision<()> {
        let (number, tariff) = match command {
            FeeCommand::EndTariff { number } => {
                let is_there = self.fees.by_number().contains_key(number);
                return refuse(!is_there, RejectReason::UnknownTariff);
            }
            FeeCommand::SetTariff { number, tariff } => (*number, tariff),
        };
        for bic in [tariff.scope.debtor, tariff.scope.creditor].into_iter().flatten() {
            self.participant(bic)?;
        }
        let holder = self.fees.number_of(&tariff.scope);
        refuse(holder.is_some_and(|other| other != number), RejectReason::AlreadyRegistered)?;
        let is_right_currency = self.check_accounts(tariff)?;
        let is_new = !self.fees.by_number().contains_key(&number);
        refuse(is_new && self.fees.by_number().len() >= TARIFFS_MAX, RejectReason::LimitReached)?;
        refuse(number == 0 || !is_right_currency || !tariff.is_valid(), RejectReason::BadTariff)
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
    pub(crate) fn commit_fee_command(&mut self, command: &FeeCommand) -> Effect {
        let before = match command {
            FeeCommand::SetTariff { number, tariff } => {
                let before = self.fees.remove(*number);
                self.fees.set(*number, tariff.clone());
                self.follow_tariffs(tariff.scope.currency);
                before
            }
            FeeCommand::EndTariff { number } => self.fees.remove(*number),
        };
        if let Some(before) = before {
            self.follow_tariffs(before.scope.currency);
        }
        Effect::Registered
    }
}
