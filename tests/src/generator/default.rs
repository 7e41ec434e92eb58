//! Defaults in random stories: recasts of closed cycles, collateral and funds, waterfalls that cover just what is owed, and
//! some that do not.

use feiqian_core::command::Command;
use feiqian_core::currency::Currency;
use feiqian_core::default::command::DefaultCommand;
use feiqian_core::participant::CycleState;

use super::Teller;
use crate::world::Eyes;

impl Teller {
    /// One command, or a short run of them.
    pub(super) fn default(&mut self) {
        use CycleState::{Closed, Failed, Instructed};
        if let Some(open) = self.picture.cycles.last().filter(|_| self.dice.once_in(2)) {
            self.command(Command::CloseCycle { cycle: open.number }, Eyes::Four);
        }
        let cycle = self.some_cycle(&[Closed, Instructed, Failed]);
        for _ in 0..=self.dice.below(4) {
            let command = match self.dice.below(7) {
                0 => {
                    let (bic, currency) = (self.some_bic(), self.some_currency());
                    DefaultCommand::SetCollateral { bic, currency, amount: self.dice.below(40) }
                }
                1 => {
                    let currency = self.some_currency();
                    DefaultCommand::SetDefaultFund { currency, amount: self.dice.below(40) }
                }
                2 => self.endowed(cycle),
                3 | 4 => self.recast(cycle),
                _ => self.waterfall(cycle),
            };
            let eyes = if self.dice.once_in(12) { Eyes::Two } else { Eyes::Four };
            self.command(Command::Default(command), eyes);
        }
    }

    /// Collateral of somebody who owes, a fund, and what they cover.
    fn endowed(&mut self, cycle: u64) -> DefaultCommand {
        let owing: Vec<_> = self.nets_of(cycle).into_iter().filter(|(.., net)| *net < 0).collect();
        let Some(debt) = self.pick(&owing) else { return self.waterfall(cycle) };
        let (_, currency, at, _) = debt;
        let bic = self.picture.participants[at as usize].bic;
        let (amount, pot) = (1 + self.dice.below(20), 1 + self.dice.below(30));
        self.command(Command::Default(DefaultCommand::SetCollateral { bic, currency, amount }), Eyes::Four);
        self.command(Command::Default(DefaultCommand::SetDefaultFund { currency, amount: pot }), Eyes::Four);
        self.covered(cycle, &[debt])
    }

    fn nets_of(&self, cycle: u64) -> Vec<(u32, Currency, u32, i128)> {
        let slots = (0..).zip(&self.picture.slots);
        let all = slots
            .map(|(slot, (terms, cell))| (slot, terms.currency, terms.participant, cell.closed_net(cycle)));
        all.collect()
    }

    /// What the failing one had is somebody else's now.
    fn recast(&mut self, cycle: u64) -> DefaultCommand {
        let known: Vec<_> = self.picture.participants.iter().map(|at| at.bic).collect();
        let without = self.pick(&known).unwrap_or_else(|| self.some_bic());
        let failing = self.picture.participants.iter().position(|at| at.bic == without);
        let all = self.nets_of(cycle);
        let mut nets: Vec<(u32, i128)> = Vec::new();
        for (slot, currency, participant, net) in &all {
            if failing == Some(*participant as usize) {
                continue;
            }
            let first =
                all.iter().find(|(_, other, at, _)| other == currency && failing != Some(*at as usize));
            let lost: i128 = all
                .iter()
                .filter(|(_, other, at, _)| other == currency && failing == Some(*at as usize))
                .map(|(.., net)| *net)
                .sum();
            let is_first = first.is_some_and(|(at, ..)| at == slot);
            let net = if is_first { net + lost } else { *net };
            if net != 0 {
                nets.push((*slot, net));
            }
        }
        if self.dice.once_in(3) {
            match self.dice.below(4) {
                0 => nets.reverse(),
                1 => nets.push((99, 1)),
                2 => nets.push((0, 0)),
                _ => nets.iter_mut().take(1).for_each(|(_, net)| *net += if *net == -1 { 2 } else { 1 }),
            }
        }
        DefaultCommand::Recast { cycle, without, nets }
    }

    /// Covers what somebody owes, in order mostly.
    fn waterfall(&mut self, cycle: u64) -> DefaultCommand {
        let owing: Vec<_> = self.nets_of(cycle).into_iter().filter(|(.., net)| *net < 0).collect();
        self.covered(cycle, &owing)
    }

    fn covered(&mut self, cycle: u64, owing: &[(u32, Currency, u32, i128)]) -> DefaultCommand {
        let all = self.nets_of(cycle);
        let (bic, currency, participant, net) = match self.pick(owing).filter(|_| !self.is_faulty()) {
            Some((_, currency, participant, net)) => {
                (self.picture.participants[participant as usize].bic, currency, participant, net)
            }
            None => (self.some_bic(), self.some_currency(), 0, -5),
        };
        let owed = u64::try_from(net.unsigned_abs()).unwrap_or(0);
        let there = self.picture.collateral.get(&(participant, currency)).copied().unwrap_or(0);
        let pot = self.picture.fund.get(&currency).copied().unwrap_or(0);
        let mut own = owed.min(there);
        let mut fund = (owed - own).min(pot);
        let mut rest = owed - own - fund;
        let step = self.dice.below(4);
        if step == 0 && own > 0 && rest > 0 {
            (own, rest) = (own - 1, rest + 1);
        }
        let other = all.iter().find(|(_, at, by, _)| *at == currency && *by != participant);
        let survivors = other.filter(|_| rest > 0).map(|(slot, ..)| (*slot, rest)).into_iter().collect();
        match step {
            0 if rest == 0 && own > 0 && fund < pot => (own, fund) = (own - 1, fund + 1),
            1 => fund += 1,
            _ => {}
        }
        DefaultCommand::Waterfall { cycle, bic, currency, own, fund, survivors }
    }
}
