//! The oracle's commands: who must approve them, what speaks against them, what they do; and the picture of
//! its books. As naive as the rest, and as strange to the registry.

use std::collections::{BTreeMap, BTreeSet};

use feiqian_core::account::{AccountCell, AccountKind, AccountState, AccountTerms, UNLIMITED};
use feiqian_core::bic::Bic;
use feiqian_core::command::{APPROVAL_CONTEXT, Command, Entry, Genesis, OfficerNumber};
use feiqian_core::controls::CapRule;
use feiqian_core::currency::Currency;
use feiqian_core::fraud::FraudCommand;
use feiqian_core::limits::{
    ACCOUNTS_MAX, ACCOUNTS_OPENED_MAX, PARTICIPANTS_MAX, SLOTS_MAX, UNSETTLED_CYCLES_MAX,
};
use feiqian_core::outcome::RejectReason;
use feiqian_core::paid::PaidCommand;
use feiqian_core::participant::{Cycle, CycleState, Participant, ParticipantState, SlotCell, SlotTerms};
use feiqian_core::schedule::ScheduleCommand;
use feiqian_proof::signature::verify_message;

use super::{Account, Books, Planted, Position, Reasons, note};
use crate::picture::Picture;

impl Books {
    pub(super) fn refusals_of_command(&self, entry: &Entry, (now, sequence): (u64, u64)) -> Reasons {
        let mut reasons = Reasons::new();
        let Some(genesis) = &self.genesis else {
            match &entry.command {
                Command::Genesis(genesis) => {
                    let numbers: BTreeSet<_> = genesis.officers.iter().map(|officer| officer.0).collect();
                    let keys: BTreeSet<_> = genesis.officers.iter().map(|officer| officer.1).collect();
                    let is_distinct = numbers.len().min(keys.len()) == genesis.officers.len();
                    note(&mut reasons, !is_distinct, RejectReason::MalformedCommand);
                }
                _ => note(&mut reasons, true, RejectReason::GenesisMisplaced),
            }
            return reasons;
        };
        let signers = self.signers(genesis, entry);
        if let Command::Proposal(step) = &entry.command {
            return self.refusals_of_step(&signers, entry.approvals.len(), step, (now, sequence));
        }
        if let Command::Fraud(command) = &entry.command {
            return self.refusals_of_fraud(entry, command, (now, sequence));
        }
        if let Command::Exchange(command) = &entry.command {
            return self.refusals_of_exchange(entry, command, now);
        }
        if let Command::Schedule(ScheduleCommand::CloseScheduled { cycle }) = &entry.command {
            return self.refusals_of_close(*cycle, now);
        }
        let needed = if self.is_planted(Planted::TwoEyes) { 1 } else { 2 };
        let needed = needed.min(self.eyes(&entry.command));
        note(&mut reasons, signers.len() < needed, RejectReason::FourEyesRequired);
        self.note_command(&mut reasons, &entry.command);
        let is_delayed = reasons.is_empty() && self.delay > 0 && self.loosens(&entry.command);
        note(&mut reasons, is_delayed, RejectReason::ProposalRequired);
        reasons
    }

    pub(super) fn signers(&self, genesis: &Genesis, entry: &Entry) -> BTreeSet<OfficerNumber> {
        let bytes = entry.signed_bytes(&genesis.chain_id);
        let keys: BTreeMap<_, _> = self.officers.iter().copied().collect();
        let valid = entry.approvals.iter().filter(|approval| {
            keys.get(&approval.officer)
                .is_some_and(|key| verify_message(key, APPROVAL_CONTEXT, &bytes, &approval.signature))
        });
        valid.map(|approval| approval.officer).collect()
    }

    pub(super) fn note_command(&self, reasons: &mut Reasons, command: &Command) {
        use RejectReason::{AccountNotEmpty, AlreadyRegistered, CycleState as WrongState, LimitReached};
        match command {
            Command::Genesis(_) => note(reasons, true, RejectReason::GenesisMisplaced),
            Command::RegisterParticipant { bic, .. } => {
                note(reasons, self.participant(*bic).is_some(), AlreadyRegistered);
                note(reasons, self.participants.len() >= PARTICIPANTS_MAX, LimitReached);
            }
            Command::SetParticipantState { bic, .. } => self.note_participant(reasons, *bic),
            Command::OpenPosition { bic, currency, .. } => {
                self.note_participant(reasons, *bic);
                note(reasons, self.position(*bic, *currency).is_some(), AlreadyRegistered);
                note(reasons, self.positions.len() >= SLOTS_MAX, LimitReached);
                note(reasons, self.accounts.len() >= ACCOUNTS_MAX, LimitReached);
            }
            Command::SetNetDebitCap { bic, currency, .. } => self.note_position(reasons, *bic, *currency),
            Command::OpenAccounts { bic, currency, count, .. } => {
                self.note_position(reasons, *bic, *currency);
                note(reasons, *count == 0 || *count > ACCOUNTS_OPENED_MAX, LimitReached);
                note(reasons, self.accounts.len() + *count as usize > ACCOUNTS_MAX, LimitReached);
            }
            Command::SetAccountState { account, state } => {
                let Some(found) = self.find(*account) else {
                    return note(reasons, true, RejectReason::UnknownAccount);
                };
                let closes = *state == AccountState::Closed;
                let is_stuck = found.state == AccountState::Closed;
                let is_needed = found.kind == AccountKind::Clearing || self.is_beneficiary(*account);
                note(reasons, is_stuck || (closes && is_needed), RejectReason::AccountState);
                let is_empty = found.balance == 0 && self.reserved(*account).1 == 0;
                note(reasons, *state == AccountState::Closed && !is_empty, AccountNotEmpty);
            }
            Command::SetCreditLine { account, .. } => {
                note(reasons, self.find(*account).is_none(), RejectReason::UnknownAccount);
            }
            Command::RegisterAlias { alias, account } => {
                note(reasons, self.aliases.contains_key(alias), AlreadyRegistered);
                note(reasons, self.find(*account).is_none(), RejectReason::UnknownAccount);
            }
            Command::Seal { height } => note(reasons, *height != self.height, WrongState),
            Command::CloseCycle { cycle } => self.note_close(reasons, *cycle),
            Command::InstructCycle { cycle } => {
                self.note_cycle(reasons, *cycle, &[CycleState::Closed, CycleState::Failed]);
            }
            Command::SettleCycle { cycle } => {
                self.note_cycle(reasons, *cycle, &[CycleState::Instructed]);
                let mut marks = self.paid_in.iter().filter(|((at, _), _)| at == cycle);
                let has_failed =
                    marks.any(|(_, has_paid)| !has_paid) && !self.is_planted(Planted::FailedSettles);
                note(reasons, has_failed, RejectReason::ParticipantFailed);
            }
            Command::FailCycle { cycle } => self.note_cycle(reasons, *cycle, &[CycleState::Instructed]),
            Command::Paid(PaidCommand::Paid { cycle, bic } | PaidCommand::Failed { cycle, bic }) => {
                self.note_participant(reasons, *bic);
                self.note_cycle(reasons, *cycle, &[CycleState::Instructed]);
            }
            Command::RotateSalts { secret } => {
                let first = self.genesis.as_ref().map(|genesis| genesis.salt_secret);
                let mut used = self.secrets.values().copied().chain(self.next_secret).chain(first);
                note(reasons, used.any(|other| other == secret.0), AlreadyRegistered);
            }
            Command::SplitStream { currency } => {
                let is_split = self.cycles.iter().any(|cycle| cycle.scope == Some(*currency));
                note(reasons, is_split || self.splitting.contains(currency), AlreadyRegistered);
            }
            Command::Posting(command) => self.note_posting(reasons, command),
            Command::Authority(command) => self.note_authority(reasons, command),
            Command::Default(command) => self.note_default(reasons, command),
            Command::Schedule(command) => Self::note_schedule(reasons, command),
            Command::SetModel { currency, .. } => {
                let is_fixed = self.positions.iter().any(|position| position.currency == *currency);
                note(reasons, is_fixed, RejectReason::ModelFixed);
            }
            Command::Proposal(_) | Command::Exchange(_) | Command::Fraud(_) => {
                note(reasons, true, RejectReason::MalformedCommand);
            }
            Command::Limit(limit) => self.note_limit_command(reasons, limit),
            Command::Fee(command) => self.note_fee_command(reasons, command),
        }
    }

    pub(super) fn note_close(&self, reasons: &mut Reasons, cycle: u64) {
        self.note_cycle(reasons, cycle, &[CycleState::Open]);
        let over = [CycleState::Open, CycleState::Settled];
        let waiting = self.cycles.iter().filter(|cycle| !over.contains(&cycle.state)).count();
        note(reasons, waiting >= UNSETTLED_CYCLES_MAX, RejectReason::LimitReached);
    }

    pub(super) fn note_participant(&self, reasons: &mut Reasons, bic: Bic) {
        note(reasons, self.participant(bic).is_none(), RejectReason::UnknownParticipant);
    }

    pub(super) fn note_position(&self, reasons: &mut Reasons, bic: Bic, currency: Currency) {
        self.note_participant(reasons, bic);
        note(reasons, self.position(bic, currency).is_none(), RejectReason::UnknownPosition);
    }

    pub(super) fn note_cycle(&self, reasons: &mut Reasons, cycle: u64, states: &[CycleState]) {
        match self.cycles.iter().find(|found| found.number == cycle) {
            None => note(reasons, true, RejectReason::UnknownCycle),
            Some(found) => note(reasons, !states.contains(&found.state), RejectReason::CycleState),
        }
    }

    pub(super) fn participant(&self, bic: Bic) -> Option<u32> {
        (0..).zip(&self.participants).find(|(_, participant)| participant.bic == bic).map(|(at, _)| at)
    }

    pub(super) fn position(&self, bic: Bic, currency: Currency) -> Option<usize> {
        let participant = self.participant(bic)?;
        self.positions.iter().position(|at| (at.participant, at.currency) == (participant, currency))
    }

    pub(super) fn position_of(&self, bic: Bic, currency: Currency) -> Option<u32> {
        self.position(bic, currency).map(|at| u32::try_from(at).expect("few"))
    }

    pub(super) fn execute(&mut self, now: u64, sequence: u64, command: &Command) {
        match command {
            Command::Genesis(genesis) => {
                self.genesis = Some(genesis.clone());
                self.officers.clone_from(&genesis.officers);
                self.height = 1;
                self.begin_cycle(None);
            }
            Command::RegisterParticipant { bic, name, key } => self.participants.push(Participant {
                bic: *bic,
                name: name.clone(),
                state: ParticipantState::Active,
                key: *key,
            }),
            Command::SetParticipantState { bic, state } => {
                let at = self.participant(*bic).expect("checked");
                self.participants[at as usize].state = *state;
            }
            Command::OpenPosition { bic, currency, cap } => {
                let (participant, clearing) =
                    (self.participant(*bic).expect("checked"), self.accounts.len() as u64);
                let nets = BTreeMap::new();
                self.positions.push(Position { participant, currency: *currency, cap: *cap, clearing, nets });
                self.open(self.positions.len() - 1, AccountKind::Clearing, UNLIMITED);
            }
            Command::SetNetDebitCap { bic, currency, cap } => {
                let at = self.position_of(*bic, *currency).expect("checked");
                self.set_rule(at, CapRule { fixed: *cap, basis_points: 0, ..self.rule_of(at) });
            }
            Command::OpenAccounts { bic, currency, count, credit_line } => {
                let at = self.position(*bic, *currency).expect("checked");
                (0..*count).for_each(|_| self.open(at, AccountKind::Hosted, *credit_line));
            }
            Command::SetAccountState { account, state } => self.changed(*account).state = *state,
            Command::SetCreditLine { account, credit_line } => {
                self.changed(*account).credit_line = *credit_line;
            }
            Command::RegisterAlias { alias, account } => {
                self.aliases.insert(alias.clone(), *account);
            }
            Command::Seal { .. } => self.end_block(now),
            Command::CloseCycle { cycle } => self.close_cycle(now, *cycle),
            Command::Schedule(command) => self.execute_schedule(now, command),
            Command::InstructCycle { cycle } => {
                self.cycle(*cycle).state = CycleState::Instructed;
                self.paid_in.retain(|(at, _), has_paid| at != cycle || *has_paid);
            }
            Command::Paid(command) => {
                let (cycle, bic, has_paid) = command.parts();
                let participant = self.participant(bic).expect("checked");
                self.paid_in.insert((cycle, participant), has_paid);
            }
            Command::FailCycle { cycle } => self.cycle(*cycle).state = CycleState::Failed,
            Command::SettleCycle { cycle } => self.settle(*cycle, sequence),
            Command::RotateSalts { secret } => self.next_secret = Some(secret.0),
            Command::SplitStream { currency } => {
                self.splitting.insert(*currency);
            }
            Command::Posting(command) => self.execute_posting(now, sequence, command),
            Command::Authority(command) => self.execute_authority(command),
            Command::Default(command) => self.execute_default(sequence, command),
            Command::SetModel { currency, model } => {
                self.models.insert(*currency, *model);
            }
            Command::Exchange(_) | Command::Fraud(FraudCommand::Report { .. }) => {}
            Command::Fraud(command) => self.fraud((now, sequence), 0, command),
            Command::Proposal(_) => unreachable!("steps are executed apart"),
            Command::Limit(limit) => self.execute_limit(limit),
            Command::Fee(command) => self.execute_fee_command(command),
        }
    }

    pub(super) fn close_cycle(&mut self, now: u64, cycle: u64) {
        let counted = |at: &usize| self.open_cycle(self.positions[*at].currency) == cycle;
        let counted: Vec<usize> = (0..self.positions.len()).filter(counted).collect();
        self.end_fx(cycle);
        self.end_block(now);
        let (end_block, closed) = (self.height, self.cycle(cycle));
        *closed = Cycle { state: CycleState::Closed, end_block, closed_at: now, ..*closed };
        let scope = closed.scope;
        if scope.is_none() {
            if let Some(secret) = self.next_secret.take() {
                self.secrets.insert(end_block, secret);
            }
            for currency in std::mem::take(&mut self.splitting) {
                self.begin_cycle(Some(currency));
            }
        }
        self.begin_cycle(scope);
        self.carry_over(cycle);
        self.begin_nets(&counted);
    }

    /// What is final at once stays where it is.
    fn carry_over(&mut self, closed: u64) {
        for at in 0..self.positions.len() {
            let open = self.open_cycle(self.positions[at].currency);
            if !self.is_deferred(self.positions[at].currency)
                && let Some(net) = self.positions[at].nets.remove(&closed)
            {
                self.positions[at].nets.insert(open, net);
            }
        }
    }

    fn end_block(&mut self, now: u64) {
        self.height += 1;
        self.trades.retain(|_, expires| *expires > now);
        self.carried.retain(|_, by| by.expires > now);
    }

    fn settle(&mut self, number: u64, sequence: u64) {
        self.steps.retain(|step| step.cycle != number);
        self.paid_in.retain(|(cycle, _), _| *cycle != number);
        let cycle = self.cycle(number);
        *cycle = Cycle { state: CycleState::Settled, settled_by: sequence, ..*cycle };
        for at in 0..self.positions.len() {
            let clearing = self.positions[at].clearing;
            let net = self.positions[at].nets.remove(&number).unwrap_or(0);
            if net != 0 {
                let account = self.changed(clearing);
                account.balance -= net;
                account.last_posting = sequence;
            }
        }
    }

    pub(super) fn changed(&mut self, handle: u64) -> &mut Account {
        let height = self.height;
        let account = self.account(handle);
        account.touched = height;
        account
    }

    fn open(&mut self, position: usize, kind: AccountKind, credit_line: u64) {
        let (state, touched) = (AccountState::Open, self.height);
        let account = Account { position, kind, state, credit_line, balance: 0, last_posting: 0, touched };
        self.accounts.push(account);
    }

    fn cycle(&mut self, number: u64) -> &mut Cycle {
        self.cycles.iter_mut().find(|cycle| cycle.number == number).expect("checked")
    }

    fn begin_cycle(&mut self, scope: Option<Currency>) {
        let (number, first_block) = (self.cycles.len() as u64 + 1, self.height);
        let state = CycleState::Open;
        let (end_block, closed_at, settled_by) = (0, 0, 0);
        self.cycles.push(Cycle { number, state, first_block, end_block, closed_at, settled_by, scope });
    }

    fn returned(&self) -> Vec<(u128, u64)> {
        let returned = self.paid.iter().filter(|(_, paid)| paid.returned > 0);
        returned.map(|(id, paid)| (*id, paid.returned)).collect()
    }

    fn credited(&self) -> Vec<usize> {
        let mut all: Vec<_> =
            self.paid.values().map(|paid| usize::try_from(paid.sequence).expect("few")).collect();
        all.sort_unstable();
        all
    }

    pub(super) fn picture(&self) -> Picture {
        let narrow = |sum: u128| u64::try_from(sum).expect("bounded by TooManyHolds");
        let slot = |(at, position): (usize, &Position)| {
            let open = self.open_cycle(position.currency);
            let closed = position.nets.iter().filter(|(cycle, net)| **cycle != open && **net != 0);
            let terms = SlotTerms {
                participant: position.participant,
                currency: position.currency,
                cap: position.cap,
                clearing_account: position.clearing,
                model: self.models.get(&position.currency).copied().unwrap_or_default(),
                controls: self.controls_of(u32::try_from(at).expect("few")),
            };
            let cell = SlotCell {
                position: position.nets.get(&open).copied().unwrap_or(0),
                reserved: narrow(self.position_reserved(at)),
                closed: closed.map(|(cycle, net)| (*cycle, *net)).collect(),
            };
            (terms, cell)
        };
        let account = |(handle, account): (u64, &Account)| {
            let (reserved, holds) = self.reserved(handle);
            let terms = AccountTerms {
                slot: u32::try_from(account.position).expect("few"),
                currency: self.positions[account.position].currency.numeric(),
                state: account.state,
                kind: account.kind,
                credit_line: account.credit_line,
            };
            let (balance, last_posting, touched) = (account.balance, account.last_posting, account.touched);
            (terms, AccountCell { balance, reserved: narrow(reserved), holds, last_posting, touched })
        };
        Picture {
            participants: self.participants.clone(),
            slots: self.positions.iter().enumerate().map(slot).collect(),
            accounts: (0..).zip(&self.accounts).map(account).collect(),
            holds: self.holds.iter().map(|(id, hold)| (*id, *hold)).collect(),
            queue: self.queue.iter().map(|(id, queued)| (*id, *queued)).collect(),
            rates: self.rates.iter().map(|(key, rate)| (*key, *rate)).collect(),
            quotes: self.quotes.iter().map(|(id, quote)| (*id, *quote)).collect(),
            trades: self.trades.iter().map(|(id, expires)| (*id, *expires)).collect(),
            fx: self.fx_picture(),
            orders: self.orders.iter().map(|(number, order)| (*number, *order)).collect(),
            carried: self.carried.iter().map(|(number, by)| (*number, *by)).collect(),
            cases: self.cases.iter().map(|(id, case)| (*id, case.clone())).collect(),
            held: self.held.iter().map(|(key, held)| (*key, *held)).collect(),
            returned: self.returned(),
            credited: self.credited(),
            limits: self.limits_picture(),
            aliases: self.aliases.clone(),
            cycles: self.cycles.clone(),
            splitting: self.splitting.iter().copied().collect(),
            open_block: self.height,
            secrets: self.secrets.clone(),
            next_secret: self.next_secret,
            officers: self.officers.clone(),
            delay: self.delay,
            proposals: self.proposals.clone(),
            collateral: self.collateral.clone().into_iter().filter(|(_, amount)| *amount > 0).collect(),
            fund: self.fund.clone().into_iter().filter(|(_, amount)| *amount > 0).collect(),
            steps: self.steps.clone(),
            schedule: self.schedule.clone(),
            paid: self.paid_in.clone(),
            tariffs: self.tariffs.clone(),
            announced: self.announced.clone(),
        }
    }
}
