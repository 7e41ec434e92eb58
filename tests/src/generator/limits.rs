//! Limits in random stories: small ones, so that they bind, and amounts that just pass them.

use feiqian_core::account::{AccountHandle, UNLIMITED};
use feiqian_core::bic::Bic;
use feiqian_core::command::Command;
use feiqian_core::controls::usage::Pair;
use feiqian_core::controls::{LimitCommand, Payer, Spender};
use feiqian_core::currency::Currency;
use feiqian_core::exchange::price::Price;
use feiqian_core::liquidity::queue::Priority;

use super::Teller;
use crate::dice::Dice;
use crate::world::Eyes;

impl Teller {
    /// Some limits, one after the other.
    pub(super) fn limits(&mut self) {
        for _ in 0..self.dice.below(9) {
            if let Some(limit) = self.some_limit() {
                self.command(Command::Limit(limit), Eyes::Four);
            }
        }
    }

    /// What a limit of the debtor's side leaves, of those that there are one.
    pub(super) fn slack(&mut self, debtor: AccountHandle) -> i128 {
        let found = usize::try_from(debtor).ok().and_then(|at| self.picture.accounts.get(at));
        let Some(slot) = found.map(|(terms, _)| terms.slot) else { return 1 };
        let (terms, cell) = &self.picture.slots[slot as usize];
        let limits = &self.picture.limits;
        let exposure = |pair: &(u32, u32)| limits.pairs.get(pair).map_or(0, Pair::exposure);
        let bilateral = limits.bilateral.iter().filter(|((from, _), _)| *from == slot);
        let mut slack: Vec<i128> =
            bilateral.map(|(pair, limit)| i128::from(*limit) - exposure(pair)).collect();
        let others =
            limits.pairs.keys().filter(|pair| pair.0 == slot && !limits.bilateral.contains_key(pair));
        let others: i128 = others.map(exposure).sum();
        slack.extend(limits.multilateral.get(&slot).map(|limit| i128::from(*limit) - others));
        let reserved = limits.reservations.get(&slot);
        slack.extend(reserved.map(|kept| cell.headroom(terms.cap) - kept.withheld(Priority::Normal)));
        for spender in [Spender::Account(debtor), Spender::Position(slot)] {
            let spent = limits.spent.get(&spender).map_or(0, |spent| spent.amount);
            let left = |limit: u64| i128::from(limit) - i128::try_from(spent).unwrap_or(0);
            slack.extend(limits.velocity.get(&spender).map(|velocity| left(velocity.amount)));
        }
        self.pick(&slack).unwrap_or(1)
    }

    /// One that is open, and whose cap has a rule where there is one and that is wanted.
    fn some_position(&mut self, has_rule: bool) -> Option<(Bic, Currency)> {
        let rules = &self.picture.limits.cap_rules;
        let is_wanted = |slot: u32| !has_rule || rules.is_empty() || rules.contains_key(&slot);
        let slots = (0..).zip(&self.picture.slots).filter(|(slot, _)| is_wanted(*slot));
        let slots: Vec<_> = slots.map(|(_, (terms, _))| (terms.participant, terms.currency)).collect();
        let (participant, currency) = self.pick(&slots)?;
        Some((self.picture.participants[participant as usize].bic, currency))
    }

    /// Small limits, so that they bind.
    pub(super) fn some_limit(&mut self) -> Option<LimitCommand> {
        let kind = self.dice.below(15);
        let (bic, currency) = match self.dice.below(6) {
            0 => (self.some_bic(), self.some_currency()),
            _ => self.some_position(kind < 2)?,
        };
        let small = match self.dice.below(8) {
            0 => UNLIMITED,
            1 => 0,
            2 => self.limit(),
            _ => self.dice.below(600),
        };
        let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Some(match kind {
            0 => {
                let amount = if self.dice.once_in(4) { self.limit() } else { self.dice.below(2_000) };
                LimitCommand::SetCover { bic, currency, amount }
            }
            1 => {
                let basis_points = narrow(self.dice.below(3) * 5_001);
                let fixed = if self.dice.once_in(3) { self.limit() } else { self.dice.below(500) };
                LimitCommand::SetCapRule { bic, currency, fixed, basis_points }
            }
            2..=4 => {
                let towards = self.some_bic();
                LimitCommand::SetBilateralLimit { bic, currency, towards, limit: small }
            }
            5 | 6 => LimitCommand::SetMultilateralLimit { bic, currency, limit: small },
            7 | 8 => {
                let is_account = self.dice.once_in(2);
                let payer = if is_account {
                    Payer::Account(self.some_account())
                } else {
                    Payer::Position(bic, currency)
                };
                let (amount, count) = match self.dice.below(4) {
                    0 => (small, u32::MAX),
                    1 => (UNLIMITED, narrow(self.dice.below(9))),
                    2 => (UNLIMITED, u32::MAX),
                    _ => (small, narrow(self.dice.below(9))),
                };
                let period_seconds = narrow(self.dice.below(4));
                LimitCommand::SetVelocityLimit { payer, amount, count, period_seconds }
            }
            9 | 10 => {
                let class =
                    self.pick(&[Priority::Urgent, Priority::High, Priority::Urgent, Priority::Normal])?;
                LimitCommand::SetReservation { bic, currency, class, amount: self.dice.below(200) }
            }
            11 => {
                let level = |dice: &mut Dice| u16::try_from(dice.below(5) * 2_600).unwrap_or(0);
                let levels = [level(&mut self.dice), level(&mut self.dice)];
                LimitCommand::SetThresholds { bic, currency, levels }
            }
            12 => LimitCommand::SetFxLimit { bic, base: currency, limit: small },
            _ => {
                let scaled = 1 + self.dice.below(40_000_000_000);
                let price = if self.dice.once_in(5) { None } else { Price::new(scaled) };
                LimitCommand::SetValuation { currency, base: self.some_currency(), price }
            }
        })
    }
}
