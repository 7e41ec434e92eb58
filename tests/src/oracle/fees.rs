//! Fees, told naively: tariffs searched from end to end, fees as fractions, remainders handed out unit by unit.

use std::collections::{BTreeMap, BTreeSet};

use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::fees::{Bearer, Beneficiary, FeeCommand, Scope, Tariff, Tier};
use feiqian_core::outcome::RejectReason;
use feiqian_core::transfer::{Record, flags};

use super::queue::{Wish, wish_of};
use super::{Books, Planted, Reasons, note};
use crate::picture::Announced;

const SECOND: u64 = 1_000_000_000;
const MOST: u128 = 999_999_999_999_999_999;

fn is_leg(record: &&Record) -> bool {
    record.flags.get() & flags::FEE != 0
}

impl Books {
    /// Who pays whom how much for a payment at a time: what must stand behind it.
    pub(super) fn fees_on(&self, record: &Record, time: u64) -> Vec<[u64; 3]> {
        let moves_otherwise = flags::RETURN | flags::QUOTE | flags::FEE | flags::ORDERED;
        let others = flags::HOLD | flags::VOID | moves_otherwise;
        let is_charged = record.flags.get() & others == 0 && wish_of(record) != Wish::Amend;
        let (Some(from), Some(to)) = (self.find(record.debtor.get()), self.find(record.creditor.get()))
        else {
            return Vec::new();
        };
        let [from, to] = [from, to].map(|account| &self.positions[account.position]);
        let currency = record.currency.get();
        let is_between = from.participant != to.participant
            && [from, to].iter().all(|position| position.currency.numeric() == currency);
        if !is_charged || !is_between {
            return Vec::new();
        }
        let tariffs = self.tariffs_at(time);
        let mut legs = Vec::new();
        for bearer in [Bearer::Debtor, Bearer::Creditor] {
            let bics = [from, to].map(|position| self.participants[position.participant as usize].bic);
            let payment = (from.currency, bics, record.purpose);
            let Some(tariff) = self.tariff_for(&tariffs, bearer, payment) else { continue };
            let pays = if bearer == Bearer::Debtor { from.clearing } else { to.clearing };
            let is_bounded = bearer == Bearer::Creditor || record.flags.get() & flags::POST != 0;
            let is_bounded = is_bounded && !self.is_planted(Planted::FeeBeyondPayment);
            for (who, amount) in self.parts(tariff, (record.amount.get(), is_bounded)) {
                let gets = match who {
                    Beneficiary::Account(account) => account,
                    Beneficiary::DebtorParticipant => from.clearing,
                    Beneficiary::CreditorParticipant => to.clearing,
                };
                legs.push([pays, gets, amount]);
            }
        }
        legs.retain(|[pays, gets, amount]| *amount > 0 && pays != gets);
        legs
    }

    /// Those that are in force at a time.
    fn tariffs_at(&self, time: u64) -> BTreeMap<u32, Tariff> {
        let mut tariffs = self.tariffs.clone();
        for (from, number, after) in &self.announced {
            if *from + u64::from(self.is_planted(Planted::TariffLate)) <= time {
                tariffs.remove(number);
                tariffs.extend(after.clone().map(|tariff| (*number, tariff)));
            }
        }
        tariffs
    }

    /// What a payment owes that carries these legs: what it owes now, or where these are what it owed at some time of the
    /// last minute with an announced change behind it, that.
    fn owed(&self, record: &Record, carried: &[[u64; 3]]) -> Vec<[u64; 3]> {
        let legs = self.fees_on(record, self.now);
        let grace = if self.is_planted(Planted::GraceForEver) { 3_600 * SECOND } else { 60 * SECOND };
        for (from, _, _) in &self.announced {
            let is_fresh = *from <= self.now && self.now < from + grace && !self.is_planted(Planted::NoGrace);
            if is_fresh && self.fees_on(record, from - 1) == carried {
                return carried.to_vec();
            }
        }
        legs
    }

    fn tariff_for<'a>(
        &self,
        tariffs: &'a BTreeMap<u32, Tariff>,
        bearer: Bearer,
        (currency, [debtor, creditor], purpose): (Currency, [Bic; 2], [u8; 4]),
    ) -> Option<&'a Tariff> {
        let fits = |scope: &Scope| {
            scope.bearer == bearer
                && scope.currency == currency
                && scope.debtor.is_none_or(|bic| bic == debtor)
                && scope.creditor.is_none_or(|bic| bic == creditor)
                && scope.purpose.is_none_or(|code| code == purpose)
        };
        let rank = |scope: &Scope| {
            let named = [scope.debtor.is_some(), scope.creditor.is_some(), scope.purpose.is_some()];
            let count = named.iter().filter(|is| **is).count();
            if self.is_planted(Planted::BroadTariffFirst) { (8 - count, [false; 3]) } else { (count, named) }
        };
        let fitting = tariffs.values().filter(|tariff| fits(&tariff.scope));
        fitting.max_by_key(|tariff| rank(&tariff.scope))
    }

    /// Of a fee that may be no more than the amount, where it is bounded.
    fn parts(&self, tariff: &Tariff, (amount, is_bounded): (u64, bool)) -> Vec<(Beneficiary, u64)> {
        let reached = tariff.tiers.iter().filter(|tier| tier.from <= amount);
        let Some(tier) = reached.max_by_key(|tier| tier.from) else { return Vec::new() };
        let fee = self.fee(tier, amount);
        let fee = if is_bounded && fee > u128::from(amount) { amount.into() } else { fee };
        let total: u128 = tariff.beneficiaries.iter().map(|(_, share)| u128::from(*share)).sum();
        let exact = |share: u32| fee * u128::from(share);
        let mut parts: Vec<u128> =
            tariff.beneficiaries.iter().map(|(_, share)| exact(*share) / total).collect();
        let mut remainders: Vec<u128> =
            tariff.beneficiaries.iter().map(|(_, share)| exact(*share) % total).collect();
        while parts.iter().sum::<u128>() < fee {
            let greatest = *remainders.iter().max().expect("somebody gets it");
            let is_greatest = |remainder: &u128| *remainder == greatest;
            let at = match self.is_planted(Planted::RemainderToTheLast) {
                true => remainders.iter().rposition(is_greatest),
                false => remainders.iter().position(is_greatest),
            };
            let at = at.expect("it is one of them");
            parts[at] += 1;
            remainders[at] = 0;
        }
        let parts = parts.into_iter().map(|part| u64::try_from(part).expect("18 digits"));
        tariff.beneficiaries.iter().map(|(who, _)| *who).zip(parts).collect()
    }

    /// The share of the amount to the nearest unit, a half to the greater one, and the flat part.
    fn fee(&self, tier: &Tier, amount: u64) -> u128 {
        let (up, down) = (u128::from(amount) * u128::from(tier.millionths), 1_000_000);
        let is_half = up % down * 2 == down;
        let rounds_up = up % down * 2 > down || (is_half && !self.is_planted(Planted::FeeHalfDown));
        let fee = up / down + u128::from(rounds_up) + u128::from(tier.flat);
        fee.max(tier.least.into()).min(tier.most.into()).min(MOST)
    }

    /// Whether a leg is the one that its payment, or the leg before it, is followed by.
    pub(super) fn is_due(&self, (record, chain): (&Record, &[Record])) -> bool {
        let before: Vec<_> = chain.iter().take_while(|member| !std::ptr::eq(*member, record)).collect();
        let Some(at) = before.iter().rposition(|member| !is_leg(member)) else { return false };
        let payment = before[at];
        let wanted = self.owed(payment, &carried((payment, chain)));
        let said = [record.debtor.get(), record.creditor.get(), record.amount.get()];
        wanted.get(before.len() - at - 1) == Some(&said)
            && (record.related, record.currency) == (payment.uetr, payment.currency)
    }

    pub(super) fn note_fees(&self, reasons: &mut Reasons, (record, chain): (&Record, &[Record])) {
        if is_leg(&record) {
            return note(reasons, !self.is_due((record, chain)), RejectReason::FeeMismatch);
        }
        let carried = carried((record, chain));
        let wanted = self.owed(record, &carried).len();
        let may_wait = matches!(wish_of(record), Wish::Pay | Wish::PayLater);
        note(reasons, may_wait && wanted > 0, RejectReason::MalformedRecord);
        let is_unnoticed = self.is_planted(Planted::FeeUnpaid)
            || (self.is_planted(Planted::ReleaseUncharged) && wish_of(record) == Wish::Release);
        let is_missing = carried.len() < wanted && !is_unnoticed;
        note(reasons, is_missing, RejectReason::FeeMissing);
    }

    /// What a hold or waiting payment is for is kept where there is a tariff.
    pub(super) fn kept_purpose(&self, record: &Record) -> [u8; 4] {
        if self.tariffs.is_empty() && self.announced.is_empty() { [0; 4] } else { record.purpose }
    }

    /// Whether a tariff covers what a position pays to others.
    pub(super) fn is_covered(&self, position: u32) -> bool {
        let position = &self.positions[position as usize];
        let bic = self.participants[position.participant as usize].bic;
        let mut scopes = self.all_tariffs().map(|tariff| tariff.scope);
        scopes.any(|scope| {
            scope.currency == position.currency && scope.debtor.is_none_or(|debtor| debtor == bic)
        })
    }
}

/// Commands.
impl Books {
    pub(super) fn note_fee_command(&self, reasons: &mut Reasons, command: &FeeCommand) {
        use RejectReason::{AlreadyRegistered, BadTariff, LimitReached, UnknownTariff};
        let mut after = self.clone();
        after.settle_tariffs();
        after.execute_fee_command(command);
        note(reasons, after.has_scope_twice(), AlreadyRegistered);
        let mut numbers: Vec<_> = after.announced.iter().map(|(_, number, _)| *number).collect();
        numbers.extend(after.tariffs.keys());
        numbers.sort_unstable();
        numbers.dedup();
        note(reasons, numbers.len() > 4_096 || after.announced.len() > 256, LimitReached);
        let is_early = command.from().is_some_and(|from| from < self.now + 60 * SECOND);
        note(reasons, command.number() == 0 || is_early, BadTariff);
        let Some(tariff) = command.tariff() else {
            let coming = |(from, number, after): &Announced| {
                *number == command.number() && *from > self.now && after.is_some()
            };
            let is_there = self.tariffs_at(self.now).contains_key(&command.number());
            let is_known = is_there || self.announced.iter().any(coming);
            return note(reasons, !is_known, UnknownTariff);
        };
        let scope = tariff.scope;
        for bic in [scope.debtor, scope.creditor].into_iter().flatten() {
            self.note_participant(reasons, bic);
        }
        for (who, _) in &tariff.beneficiaries {
            let Beneficiary::Account(account) = who else { continue };
            let found = self.find(*account).map(|found| self.positions[found.position].currency);
            self.note_usable(reasons, *account);
            note(reasons, found.is_some_and(|currency| currency != scope.currency), BadTariff);
        }
        note(reasons, !makes_sense(tariff), BadTariff);
    }

    /// Whether some time from now on two tariffs cover just the same; or one at once what another did until just now.
    fn has_scope_twice(&self) -> bool {
        let times = self.announced.iter().map(|(from, _, _)| *from).filter(|from| *from > self.now);
        let mut all: Vec<_> = times.chain([self.now]).map(|time| self.tariffs_at(time)).collect();
        all.push(self.tariffs.clone());
        all.iter().any(|tariffs| {
            let scopes: BTreeSet<_> = tariffs.values().map(|tariff| tariff.scope).collect();
            scopes.len() < tariffs.len()
        })
    }

    fn all_tariffs(&self) -> impl Iterator<Item = &Tariff> {
        self.tariffs.values().chain(self.announced.iter().filter_map(|(_, _, after)| after.as_ref()))
    }

    /// Whether an account gets a part of some fee, or will.
    pub(super) fn is_beneficiary(&self, account: u64) -> bool {
        let mut settled = self.clone();
        settled.settle_tariffs();
        let named = |tariff: &Tariff| {
            tariff.beneficiaries.iter().any(|(who, _)| *who == Beneficiary::Account(account))
        };
        settled.all_tariffs().any(named) && !self.is_planted(Planted::FeeAccountCloses)
    }

    /// What was announced and is so old that nothing of before passes is as if it had always been.
    pub(super) fn settle_tariffs(&mut self) {
        let is_old = |from: u64| from + 60 * SECOND <= self.now;
        let last = self.announced.iter().map(|(from, _, _)| *from).filter(|from| is_old(*from)).max();
        if let Some(last) = last {
            self.tariffs = self.tariffs_at(last);
            self.announced.retain(|(from, _, _)| *from > last);
        }
    }

    pub(super) fn execute_fee_command(&mut self, command: &FeeCommand) {
        let now = self.now;
        match command {
            FeeCommand::SetTariff { number, tariff } => {
                self.announced.retain(|(_, other, _)| other != number);
                self.tariffs.insert(*number, tariff.clone());
            }
            FeeCommand::EndTariff { number } => {
                self.announced.retain(|(_, other, _)| other != number);
                self.tariffs.remove(number);
            }
            FeeCommand::Announce(change) => {
                self.announced.retain(|(from, other, _)| *other != change.number || *from <= now);
                self.announced.push((change.from, change.number, change.after.clone()));
                self.announced.sort_by_key(|(from, number, _)| (*from, *number));
            }
        }
    }
}

/// Payer, payee and amount of the legs behind a payment; of one that names another payment or currency, nonsense.
fn carried((payment, chain): (&Record, &[Record])) -> Vec<[u64; 3]> {
    let behind = chain.iter().skip_while(|member| !std::ptr::eq(*member, payment)).skip(1);
    let legs = behind.take_while(is_leg).map(|leg| {
        let is_its = (leg.related, leg.currency) == (payment.uetr, payment.currency);
        if is_its { [leg.debtor.get(), leg.creditor.get(), leg.amount.get()] } else { [u64::MAX; 3] }
    });
    legs.collect()
}

fn makes_sense(tariff: &Tariff) -> bool {
    let froms: Vec<_> = tariff.tiers.iter().map(|tier| tier.from).collect();
    let mut sorted = froms.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let fits = |amount: u64| u128::from(amount) <= MOST;
    let whos: Vec<_> = tariff.beneficiaries.iter().map(|(who, _)| *who).collect();
    let is_once = |who: &Beneficiary| whos.iter().filter(|other| *other == who).count() == 1;
    let own = match tariff.scope.bearer {
        Bearer::Debtor => Beneficiary::DebtorParticipant,
        Bearer::Creditor => Beneficiary::CreditorParticipant,
    };
    let Scope { debtor, creditor, purpose, .. } = tariff.scope;
    froms.first() == Some(&0)
        && froms == sorted
        && froms.len() <= 16
        && tariff.tiers.iter().all(|tier| {
            tier.millionths <= 1_000_000 && tier.least <= tier.most && fits(tier.flat) && fits(tier.least)
        })
        && (1..=8).contains(&whos.len())
        && whos.iter().all(|who| is_once(who) && *who != own)
        && tariff.beneficiaries.iter().all(|(_, share)| *share > 0)
        && !(debtor.is_some() && debtor == creditor)
        && purpose.is_none_or(|code| code.iter().all(u8::is_ascii_alphanumeric))
}
