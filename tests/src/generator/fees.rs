//! Tariffs in random stories, and the legs behind what they charge for: mostly right, and wrong in every way.

use std::time::Duration;

use feiqian_core::account::{AccountState, UNLIMITED};
use feiqian_core::bic::Bic;
use feiqian_core::command::Command;
use feiqian_core::fees::{Bearer, Beneficiary, Change, FeeCommand, Scope, Tariff, Tier};
use feiqian_core::transfer::{Record, flags};

use super::{BANKS, CODES, Teller};
use crate::world::{Eyes, NOWHERE, bic, currency};

const SECOND: u64 = 1_000_000_000;

impl Teller {
    /// Some tariffs, one after the other.
    pub(super) fn tariffs(&mut self) {
        for _ in 0..=self.dice.below(5) {
            let number = u32::try_from(self.dice.below(9)).unwrap_or(0);
            let after = if self.dice.once_in(5) { None } else { Some(self.some_tariff()) };
            let command = match after {
                after if self.dice.once_in(2) => {
                    FeeCommand::Announce(Change { from: self.some_time(), number, after })
                }
                Some(tariff) => FeeCommand::SetTariff { number, tariff },
                None => FeeCommand::EndTariff { number },
            };
            let eyes = if self.is_faulty() { Eyes::Two } else { Eyes::Four };
            self.command(Command::Fee(command), eyes);
        }
        if self.dice.once_in(2) {
            self.wait_for_tariffs();
        }
        if self.dice.once_in(3) {
            self.close_one_that_gets_fees();
        }
    }

    fn close_one_that_gets_fees(&mut self) {
        let announced = self.picture.announced.iter().filter_map(|(_, _, after)| after.as_ref());
        let tariffs = self.picture.tariffs.values().chain(announced);
        let all = tariffs.flat_map(|tariff| &tariff.beneficiaries).filter_map(|(who, _)| match who {
            Beneficiary::Account(account) => Some(*account),
            _ => None,
        });
        let all: Vec<_> = all.collect();
        if let Some(account) = self.pick(&all) {
            let command = Command::SetAccountState { account, state: AccountState::Closed };
            self.command(command, Eyes::Four);
        }
    }

    /// Ahead by the notice, by more, or by too little.
    fn some_time(&mut self) -> u64 {
        let ahead = if self.is_faulty() { 59 } else { 60 + self.dice.below(3) };
        self.world.now() + ahead * SECOND
    }

    /// To the moment from which an announced tariff is in force, or from which only what is right by it passes, or about it.
    fn wait_for_tariffs(&mut self) {
        let announced = self.picture.announced.iter();
        let times: Vec<_> = announced.flat_map(|(from, _, _)| [*from, from + 60 * SECOND]).collect();
        let (about, now) = (self.dice.below(3), self.world.now());
        let to = self.pick(&times).map_or(now, |time| time - 1 + about);
        self.world.wait(Duration::from_nanos(to.saturating_sub(now)));
    }

    fn some_tariff(&mut self) -> Tariff {
        let scope = Scope {
            currency: currency(CODES[usize::from(self.dice.once_in(6))]),
            bearer: if self.dice.once_in(2) { Bearer::Debtor } else { Bearer::Creditor },
            debtor: self.some_bank(),
            creditor: self.some_bank(),
            purpose: if self.dice.once_in(3) { self.pick(&[*b"SALA", *b"SUPP"]) } else { None },
        };
        let mut tiers = vec![self.some_tier(0)];
        for _ in 0..self.dice.below(3) {
            let from = tiers.last().map_or(0, |tier: &Tier| tier.from) + self.dice.below(60);
            tiers.push(self.some_tier(from));
        }
        tiers.dedup_by_key(|tier| tier.from);
        if self.is_faulty() {
            tiers[0].from = 1;
        }
        let mut beneficiaries = Vec::new();
        for _ in 0..=self.dice.below(3) {
            let share = u32::try_from(1 + self.dice.below(3)).unwrap_or(1);
            beneficiaries.push((self.some_beneficiary(scope), share));
        }
        Tariff { scope, tiers, beneficiaries }
    }

    fn some_bank(&mut self) -> Option<Bic> {
        let bank = self.pick(&BANKS[..2]);
        bank.filter(|_| self.dice.once_in(3)).map(bic)
    }

    /// Odd shares of small amounts, so that halves and remainders come up.
    fn some_tier(&mut self, from: u64) -> Tier {
        let millionths = self.pick(&[0, 1_500, 25_000, 100_000, 125_000, 500_000]).unwrap_or(0);
        let least = if self.dice.once_in(4) { self.dice.below(4) } else { 0 };
        let most = if self.dice.once_in(4) { least + self.dice.below(9) } else { UNLIMITED };
        let flat = self.dice.below(4);
        Tier { from, flat, millionths, least, most }
    }

    fn some_beneficiary(&mut self, scope: Scope) -> Beneficiary {
        let accounts = self.accounts_of(|_| true);
        let alike: Vec<_> =
            accounts.into_iter().filter(|at| self.currency_of(*at) == scope.currency.numeric()).collect();
        let other = match scope.bearer {
            Bearer::Debtor => Beneficiary::CreditorParticipant,
            Bearer::Creditor => Beneficiary::DebtorParticipant,
        };
        match self.dice.below(4) {
            0 => other,
            _ if self.is_faulty() => Beneficiary::Account(NOWHERE),
            _ => Beneficiary::Account(self.pick(&alike).unwrap_or(NOWHERE)),
        }
    }

    /// A record of the frame that is being made, with what it owes behind it; gives how many they are.
    pub(super) fn push(&mut self, record: Record) -> usize {
        let first = self.fresh.len();
        self.fresh.push(record);
        let now = self.world.now();
        let ago = if self.dice.once_in(3) { self.dice.below(63) * SECOND } else { 0 };
        for [debtor, creditor, amount] in self.oracle.fees_on(&record, now - ago) {
            let currency = record.currency.get();
            let mut leg = Record::new(self.world.new_id(), debtor, creditor, amount, currency);
            (leg.flags, leg.related) = (flags::FEE.into(), record.uetr);
            self.fresh.push(leg);
        }
        let has_legs = self.fresh.len() > first + 1;
        if has_legs && self.dice.once_in(6) {
            self.spoil_legs(first + 1);
        } else if self.dice.once_in(120) {
            let mut leg = record;
            (leg.uetr, leg.related) = (self.world.new_id().into(), record.uetr);
            leg.flags = flags::FEE.into();
            self.fresh.push(leg);
        }
        self.fresh.len() - first
    }

    fn spoil_legs(&mut self, first: usize) {
        let last = self.fresh.len() - 1;
        match self.dice.below(7) {
            0 => drop(self.fresh.pop()),
            1 => self.fresh[last].amount = (self.fresh[last].amount.get() + 1).into(),
            2 => self.fresh.swap(first, last),
            3 => self.fresh[last].related = 77_u128.into(),
            4 => self.fresh[last].creditor = self.fresh[last].debtor,
            5 => self.fresh.truncate(first),
            _ => {
                let mut more = self.fresh[last];
                more.uetr = self.world.new_id().into();
                self.fresh.push(more);
            }
        }
    }
}
