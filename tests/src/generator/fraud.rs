//! Fraud in random stories: transfers that are reported, rightly and wrongly, amounts that are held, freed and returned
//! by those who may and those who may not.

use feiqian_core::account::AccountKind;
use feiqian_core::batch::Batch;
use feiqian_core::claim::ENGINE;
use feiqian_core::command::Command;
use feiqian_core::fraud::{Case, FraudCommand, Traced};

use super::{BANKS, Teller};
use crate::world::{Eyes, bic};

impl Teller {
    /// Some steps of cases.
    pub(super) fn fraud(&mut self) {
        for _ in 0..=self.dice.below(8) {
            let Some((command, account)) = self.fraud_step() else { continue };
            let eyes = self.eyes_of(&command, account);
            // Ordered twice, it is not held any more the second time.
            if matches!(command, FraudCommand::Return { .. }) && self.dice.once_in(2) {
                self.command(Command::Fraud(command.clone()), eyes);
            }
            self.command(Command::Fraud(command), eyes);
            if self.dice.once_in(3)
                && let Some(records) = self.ordered()
            {
                self.world.push_transfers(vec![Batch::new(ENGINE, records)]);
                self.told();
            }
        }
    }

    /// One of them, and the account whose bank may say it.
    pub(super) fn fraud_step(&mut self) -> Option<(FraudCommand, u64)> {
        let cases = self.picture.cases.clone();
        let at = usize::try_from(self.dice.below(cases.len().max(1) as u64)).unwrap_or(0);
        match (cases.get(at), self.dice.below(8)) {
            (None, _) | (_, 0) => self.report(),
            (Some((id, case)), 1..=3) => match self.hold_anew(*id, case) {
                Some(anew) if self.dice.once_in(2) => Some(anew),
                _ => self.hold(*id, case),
            },
            (Some((id, case)), 4) => Some(self.release(*id, case)),
            (Some((id, _)), _) => self.give_back(*id),
        }
    }

    fn eyes_of(&mut self, command: &FraudCommand, account: u64) -> Eyes {
        let owner = usize::try_from(account).ok().and_then(|at| self.picture.accounts.get(at));
        let owner = owner.map(|(terms, _)| self.picture.slots[terms.slot as usize].0.participant);
        let owner = owner.map(|at| self.picture.participants[at as usize].bic);
        let bank = BANKS.iter().find(|name| Some(bic(name)) == owner).copied().unwrap_or("Z");
        let is_officers = matches!(command, FraudCommand::Hold { .. });
        match self.dice.below(12) {
            0 => Eyes::Bank(self.pick(&BANKS).unwrap_or("Z")),
            1 => self.pick(&[Eyes::None, Eyes::TwoTwice, Eyes::Stranger]).unwrap_or(Eyes::None),
            2 => Eyes::Of(1),
            3 => Eyes::Four,
            // Some ask less than before, which takes two.
            _ if is_officers && self.dice.once_in(2) => Eyes::Of(2),
            _ if is_officers => Eyes::Four,
            _ => Eyes::Bank(bank),
        }
    }

    fn report(&mut self) -> Option<(FraudCommand, u64)> {
        let credited = self.picture.credited.clone();
        let sequence = self.pick(&credited)?;
        let record = self.world.records()[sequence - 1];
        let paid = record.amount.get();
        let amount = match self.dice.below(8) {
            0 => paid + 1,
            1 | 2 => 1 + paid / 2,
            _ => paid,
        };
        let (debtor, creditor) = (record.debtor.get(), record.creditor.get());
        let slot = self.picture.accounts[usize::try_from(debtor).ok()?].0.slot;
        let owner = self.picture.slots[slot as usize].0.participant;
        let own = self.picture.participants[owner as usize].bic;
        let reporter = if self.is_faulty() { self.some_bic() } else { own };
        let wrong = u64::from(self.is_faulty());
        let command = FraudCommand::Report {
            reporter,
            transfer: record.uetr.get(),
            sequence: sequence as u64 + wrong,
            debtor: if self.is_faulty() { self.some_account() } else { debtor },
            creditor,
            paid: paid + u64::from(self.is_faulty()),
            amount,
            hops: u8::try_from(if self.is_faulty() { 6 } else { 1 + self.dice.below(5) }).unwrap_or(0),
            seconds: u32::try_from(self.dice.below(9)).unwrap_or(0),
        };
        Some((command, debtor))
    }

    /// Any accounts: whether a trace is true is no matter of the rules.
    fn hold(&mut self, id: u128, case: &Case) -> Option<(FraudCommand, u64)> {
        let currency = self.currency_of(case.creditor);
        let all: Vec<_> = (0..).zip(self.picture.accounts.clone()).collect();
        let fit = all.iter().filter(|(account, (terms, _))| {
            *account != case.debtor && terms.currency == currency && terms.kind == AccountKind::Hosted
        });
        let mut accounts: Vec<u64> = fit.map(|(account, _)| *account).collect();
        accounts.retain(|_| self.dice.once_in(2));
        if self.is_faulty() {
            accounts.insert(0, case.debtor);
        }
        let mut left = case.amount + u64::from(self.is_faulty());
        let mut traced = Vec::new();
        for account in accounts {
            let amount = if self.dice.once_in(2) { left } else { 1 + left / 2 }.min(left);
            left -= amount;
            let hop = 1 + u8::try_from(self.dice.below(u64::from(case.hops))).unwrap_or(0);
            if amount > 0 {
                traced.push(Traced { account, amount, hop, via: vec![case.sequence] });
            }
        }
        let last = self.world.next_sequence() - 1;
        let as_of = match self.dice.below(12) {
            0..=3 => last - self.dice.below(9).min(last - 1),
            4 => last + self.dice.below(3),
            _ => last,
        };
        if self.is_faulty()
            && let Some(first) = traced.first_mut()
        {
            first.via = vec![as_of + 1];
        }
        Some((FraudCommand::Hold { case: id, as_of, traced }, case.debtor))
    }

    /// A trace of what an account had just before a part of it went back.
    fn hold_anew(&mut self, id: u128, case: &Case) -> Option<(FraudCommand, u64)> {
        let (account, sequence) = self.returned_for(id)?;
        let amount = 1 + self.dice.below(case.amount);
        let traced = vec![Traced { account, amount, hop: 1, via: vec![case.sequence] }];
        Some((FraudCommand::Hold { case: id, as_of: sequence - 1, traced }, account))
    }

    /// An account from which a part has gone back for a case, and the sequence at which it has.
    fn returned_for(&mut self, id: u128) -> Option<(u64, u64)> {
        let order = |number: u64| self.picture.orders.iter().find(|at| at.0 == number).map(|at| at.1);
        let carried =
            self.picture.carried.iter().filter_map(|(number, by)| Some((order(*number)?, by.sequence)));
        let own: Vec<_> = carried.filter(|(at, _)| at.case == id).map(|(at, by)| (at.debtor, by)).collect();
        self.pick(&own)
    }

    fn release(&mut self, id: u128, case: &Case) -> (FraudCommand, u64) {
        let asked: Vec<u64> = case.asked.iter().map(|ask| ask.account).collect();
        let account = if self.dice.once_in(3) { None } else { self.pick(&asked) };
        let id = if self.dice.once_in(4) { id ^ 1 } else { id };
        (FraudCommand::Release { case: id, account }, account.unwrap_or(case.debtor))
    }

    fn give_back(&mut self, id: u128) -> Option<(FraudCommand, u64)> {
        let held = self.picture.held.clone();
        let held: Vec<_> = held.into_iter().filter(|((case, _), _)| *case == id).collect();
        let ((case, account), held) = self.pick(&held)?;
        let amount = match self.dice.below(6) {
            0 => held.amount + 1,
            1 | 2 => 1 + held.amount / 2,
            _ => held.amount,
        };
        Some((FraudCommand::Return { case, account, amount }, account))
    }
}
