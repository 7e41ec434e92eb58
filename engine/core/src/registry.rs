//! The registry: participants, positions, accounts, aliases, cycles and officers as commands have made them.
//! Decides commands; holds no balance. Every shard keeps one of its own, equal to all others.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use feiqian_proof::leaf::SaltSeed;

use crate::account::{AccountHandle, AccountKind, AccountState, AccountTerms, SlotHandle, UNLIMITED};
use crate::authority::{Authority, ProposalCommand, check_proposable};
use crate::bic::Bic;
use crate::command::{Command, Entry, Genesis};
use crate::controls::{CapRule, Controls, SlotControls, Spender};
use crate::currency::Currency;
use crate::default::Defaults;
use crate::exchange::book::ExchangeBook;
use crate::fees::Tariffs;
use crate::fraud::Cases;
use crate::limits::{ACCOUNTS_MAX, ACCOUNTS_OPENED_MAX, PARTICIPANTS_MAX, SLOTS_MAX, UNSETTLED_CYCLES_MAX};
use crate::model::Models;
use crate::number::{index, number, number32};
use crate::outcome::RejectReason;
use crate::paid::PaidMarks;
use crate::participant::{
    Cycle, CycleNumber, CycleState, Participant, ParticipantHandle, ParticipantState, SlotTerms,
};
use crate::postings::Orders;
use crate::schedule::{Schedule, ScheduleCommand};
use crate::secrets::{SaltSecret, SaltSecrets};
use crate::streams::Streams;

/// What commands have made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Registry {
    pub(crate) genesis: Option<Genesis>,
    pub(crate) participants: Vec<Participant>,
    pub(crate) by_bic: BTreeMap<Bic, ParticipantHandle>,
    pub(crate) slots: Vec<SlotTerms>,
    pub(crate) by_currency: BTreeMap<(ParticipantHandle, Currency), SlotHandle>,
    pub(crate) accounts: Vec<AccountTerms>,
    pub(crate) aliases: BTreeMap<String, AccountHandle>,
    pub(crate) cycles: Vec<Cycle>,
    pub(crate) open_block: u64,
    pub(crate) secrets: SaltSecrets,
    pub(crate) authority: Authority,
    pub(crate) exchange: ExchangeBook,
    pub(crate) fees: Tariffs,
    pub(crate) models: Models,
    pub(crate) controls: Controls,
    pub(crate) streams: Streams,
    pub(crate) defaults: Defaults,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) paid: PaidMarks,
    pub(crate) orders: Orders,
    pub(crate) cases: Cases,
}

/// What an accepted command does to cells, once the registry has taken it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Nothing beyond the registry.
    Registered,
    /// An account's leaf changes.
    AccountChanged(AccountHandle),
    /// Accounts from `first` up to the registry's end are new; so is the slot, if one is named.
    AccountsOpened {
        /// The first new handle.
        first: AccountHandle,
        /// A new slot.
        slot: Option<SlotHandle>,
    },
    /// The block of this height ends; a cycle may end with it.
    Sealed {
        /// The block.
        height: u64,
        /// The cycle.
        closes: Option<CycleNumber>,
    },
    /// A cycle's net positions are booked to the clearing accounts.
    Settled(CycleNumber),
    /// A cycle's net positions change by the registry's last step of a default.
    Recast,
    /// What is held for a fraud case is to be what the registry asks.
    HeldChanged {
        /// The case.
        case: u128,
        /// On which account; none for all.
        account: Option<AccountHandle>,
    },
    /// Limits have changed.
    Limited(Metering),
}

/// What a change of limits does to what is counted for them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Metering {
    /// Nothing.
    Same,
    /// A position's nets with others are counted from now on.
    Begun(SlotHandle),
    /// A position's nets with others are counted no more.
    Ended(SlotHandle),
    /// What was paid is counted anew, or no more.
    Anew(Spender),
}

/// What remains to be asked of a cell before a command may pass. The shard that owns the account has the cell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// Whether nothing is on the account and nothing reserved.
    Empty(AccountHandle),
    /// Whether a participant owes just so much of a cycle.
    Owes {
        /// The position's clearing account.
        account: AccountHandle,
        /// The position.
        slot: SlotHandle,
        /// Of which cycle.
        cycle: CycleNumber,
        /// Minor units.
        amount: u128,
    },
    /// Whether a transfer has cleared as it is reported.
    Reported {
        /// The account that was paid.
        account: AccountHandle,
        /// The account that paid.
        debtor: AccountHandle,
        /// Its id.
        transfer: u128,
        /// Its sequence.
        sequence: u64,
        /// What was paid, minor units.
        paid: u64,
        /// In dispute, minor units.
        amount: u64,
    },
    /// Whether so much is held on an account with no order to return it, and may still come back.
    Held {
        /// The account.
        account: AccountHandle,
        /// For which case.
        case: u128,
        /// Minor units.
        amount: u64,
        /// The account that the reported transfer credited: its owner knows what has come back.
        creditor: AccountHandle,
        /// The reported transfer's id.
        transfer: u128,
        /// What was paid, minor units.
        paid: u64,
    },
}

impl Asked {
    /// The accounts whose owners answer, each for its own; twice the same, where one answers.
    #[must_use]
    pub fn accounts(&self) -> [AccountHandle; 2] {
        match self {
            Self::Empty(account) | Self::Owes { account, .. } | Self::Reported { account, .. } => {
                [*account, *account]
            }
            Self::Held { account, creditor, .. } => [*account, *creditor],
        }
    }

    /// What a no means.
    #[must_use]
    pub fn reason(&self) -> RejectReason {
        match self {
            Self::Empty(_) => RejectReason::AccountNotEmpty,
            Self::Owes { .. } => RejectReason::ShortfallMismatch,
            Self::Reported { .. } | Self::Held { .. } => RejectReason::BadCase,
        }
    }
}

pub(crate) type Decision<T> = Result<T, RejectReason>;

impl Registry {
    /// Checks a command at the time of its frame against the registry; changes nothing. Gives what
    /// remains to be asked of a cell for the command to pass.
    ///
    /// # Errors
    /// The first [`RejectReason`] that applies; of what is approved or enacted only where that step itself may pass.
    pub fn decide(&self, entry: &Entry, (timestamp, number): (u64, u64)) -> Decision<Option<Asked>> {
        let command = &entry.command;
        match command {
            Command::Genesis(genesis) => check_genesis(genesis)?,
            Command::Proposal(ProposalCommand::Propose { command, .. }) => check_proposable(command)?,
            _ => {}
        }
        if matches!(command, Command::Genesis(_)) != self.genesis.is_none() {
            return Err(RejectReason::GenesisMisplaced);
        }
        self.check_approvals(entry)?;
        match command {
            Command::Proposal(step) => {
                let signer = entry.approvals.first().map_or(0, |approval| approval.officer);
                self.check_proposal(step, signer, (timestamp, number))?;
            }
            Command::Exchange(exchange) => self.check_exchange(entry, exchange, timestamp)?,
            Command::Fraud(fraud) => self.check_fraud(entry, fraud, (timestamp, number))?,
            Command::Schedule(ScheduleCommand::CloseScheduled { cycle }) => {
                self.check_scheduled_close(*cycle, timestamp)?;
            }
            command => self.check_direct(command, timestamp)?,
        }
        Ok(match self.puts_in_force(command) {
            Some(Command::SetAccountState { account, state: AccountState::Closed }) => {
                Some(Asked::Empty(*account))
            }
            Some(Command::Default(command)) => self.asks_of_default(command),
            Some(Command::Fraud(command)) => self.asks_of_fraud(command),
            _ => None,
        })
    }

    pub(crate) fn check_command(&self, command: &Command, timestamp: u64) -> Decision<()> {
        match command {
            Command::Genesis(_) => Ok(()),
            Command::RegisterParticipant { bic, .. } => {
                refuse(self.by_bic.contains_key(bic), RejectReason::AlreadyRegistered)?;
                refuse(self.participants.len() >= PARTICIPANTS_MAX, RejectReason::LimitReached)
            }
            Command::SetParticipantState { bic, .. } => self.participant(*bic).map(drop),
            Command::OpenPosition { bic, currency, .. } => {
                let key = (self.participant(*bic)?, *currency);
                refuse(self.by_currency.contains_key(&key), RejectReason::AlreadyRegistered)?;
                refuse(self.slots.len() >= SLOTS_MAX, RejectReason::LimitReached)?;
                self.check_room(1)
            }
            Command::SetNetDebitCap { bic, currency, .. } => self.slot(*bic, *currency).map(drop),
            Command::OpenAccounts { bic, currency, count, .. } => {
                self.slot(*bic, *currency)?;
                refuse(*count == 0 || *count > ACCOUNTS_OPENED_MAX, RejectReason::LimitReached)?;
                self.check_room(*count)
            }
            Command::SetAccountState { account, state } => {
                let terms = self.account(*account).ok_or(RejectReason::UnknownAccount)?;
                // A cycle is settled on the clearing account, whenever that is; and without the account that gets a fee nothing
                // could be paid that owes it.
                let is_needed = terms.kind == AccountKind::Clearing || self.gets_fees(*account, timestamp);
                let closes = *state == AccountState::Closed && is_needed;
                refuse(closes || terms.state == AccountState::Closed, RejectReason::AccountState)
            }
            Command::SetCreditLine { account, .. } => {
                self.account(*account).map(drop).ok_or(RejectReason::UnknownAccount)
            }
            Command::RegisterAlias { alias, account } => {
                refuse(self.aliases.contains_key(alias), RejectReason::AlreadyRegistered)?;
                self.account(*account).map(drop).ok_or(RejectReason::UnknownAccount)
            }
            Command::Seal { height } => refuse(*height != self.open_block, RejectReason::CycleState),
            Command::CloseCycle { cycle } => self.check_close(*cycle),
            Command::InstructCycle { cycle } => {
                self.check_cycle(*cycle, &[CycleState::Closed, CycleState::Failed])
            }
            Command::SettleCycle { cycle } => {
                self.check_cycle(*cycle, &[CycleState::Instructed])?;
                self.check_all_paid(*cycle)
            }
            Command::FailCycle { cycle } => self.check_cycle(*cycle, &[CycleState::Instructed]),
            Command::RotateSalts { secret } => {
                let is_first = self.genesis.as_ref().is_some_and(|genesis| genesis.salt_secret == secret.0);
                refuse(is_first || self.secrets.has(secret), RejectReason::AlreadyRegistered)
            }
            Command::SetModel { currency, .. } => {
                refuse(self.slots.iter().any(|slot| slot.currency == *currency), RejectReason::ModelFixed)
            }
            Command::SplitStream { currency } => {
                refuse(self.streams.has(*currency), RejectReason::AlreadyRegistered)
            }
            Command::Authority(command) => self.check_authority(command),
            Command::Default(command) => self.check_default(command),
            Command::Paid(command) => self.check_paid(*command),
            Command::Posting(command) => self.check_posting(command),
            Command::Schedule(command) => self.check_schedule(command),
            // Checked apart, since they ask who signed and when.
            Command::Proposal(_) | Command::Exchange(_) | Command::Fraud(_) => {
                Err(RejectReason::MalformedCommand)
            }
            Command::Limit(limit) => self.check_limit(limit),
            Command::Fee(command) => self.check_fee_command(command, timestamp),
        }
    }

    fn check_room(&self, count: u32) -> Decision<()> {
        let room = ACCOUNTS_MAX.saturating_sub(self.accounts.len());
        refuse(index(count.into()) > room, RejectReason::LimitReached)
    }

    pub(crate) fn check_close(&self, cycle: CycleNumber) -> Decision<()> {
        self.check_cycle(cycle, &[CycleState::Open])?;
        let unsettled =
            self.cycles.iter().filter(|c| !matches!(c.state, CycleState::Open | CycleState::Settled)).count();
        refuse(unsettled >= UNSETTLED_CYCLES_MAX, RejectReason::LimitReached)
    }

    pub(crate) fn check_cycle(&self, cycle: CycleNumber, allowed: &[CycleState]) -> Decision<()> {
        let found = self.cycle(cycle).ok_or(RejectReason::UnknownCycle)?;
        refuse(!allowed.contains(&found.state), RejectReason::CycleState)
    }

    /// Puts a command in force that [`Registry::decide`] has accepted. `timestamp` and `sequence` are those of its frame.
    pub fn commit(&mut self, entry: &Entry, timestamp: u64, sequence: u64) -> Effect {
        self.expire_proposals(timestamp);
        for case in self.orders.expire(timestamp) {
            self.cases.note_change(case, sequence);
        }
        self.cases.expire(timestamp);
        self.settle_tariffs(timestamp);
        match &entry.command {
            Command::Proposal(step) => self.commit_proposal(entry, step, (timestamp, sequence)),
            Command::Exchange(command) => self.commit_exchange(entry.id, command, timestamp),
            Command::Fraud(command) => self.commit_fraud(entry.id, command, (timestamp, sequence)),
            command => self.put_in_force(command, timestamp, sequence),
        }
    }

    pub(crate) fn put_in_force(&mut self, command: &Command, timestamp: u64, sequence: u64) -> Effect {
        match command {
            Command::Genesis(genesis) => self.begin(genesis),
            Command::RegisterParticipant { bic, name, key } => self.register(*bic, name, *key),
            Command::SetParticipantState { bic, state } => {
                if let Some(participant) = self.participant_mut(*bic) {
                    participant.state = *state;
                }
                Effect::Registered
            }
            Command::OpenPosition { bic, currency, cap } => self.open_position(*bic, *currency, *cap),
            Command::SetNetDebitCap { bic, currency, cap } => {
                self.change_cap((*bic, *currency), |rule| CapRule { fixed: *cap, basis_points: 0, ..rule });
                Effect::Registered
            }
            Command::OpenAccounts { bic, currency, count, credit_line } => {
                self.open_accounts((*bic, *currency), *count, *credit_line)
            }
            Command::SetAccountState { account, state } => {
                self.change_account(*account, |terms| terms.state = *state)
            }
            Command::SetCreditLine { account, credit_line } => {
                self.change_account(*account, |terms| terms.credit_line = *credit_line)
            }
            Command::RegisterAlias { alias, account } => {
                self.aliases.insert(alias.clone(), *account);
                Effect::Registered
            }
            Command::Seal { .. } => self.seal(None, timestamp),
            Command::CloseCycle { cycle } => self.seal(Some(*cycle), timestamp),
            Command::InstructCycle { cycle } => {
                // Who has failed is asked again.
                self.paid.retain(|(at, _), has_paid| at != cycle || *has_paid);
                self.move_cycle(*cycle, CycleState::Instructed, 0)
            }
            Command::FailCycle { cycle } => self.move_cycle(*cycle, CycleState::Failed, 0),
            Command::SettleCycle { cycle } => {
                self.move_cycle(*cycle, CycleState::Settled, sequence);
                self.defaults.forget(*cycle);
                self.paid.retain(|(at, _), _| at != cycle);
                Effect::Settled(*cycle)
            }
            Command::RotateSalts { secret } => self.rotate(*secret),
            Command::SetModel { currency, model } => {
                self.models.set(*currency, *model);
                Effect::Registered
            }
            Command::SplitStream { currency } => {
                self.streams.waiting.insert(*currency);
                Effect::Registered
            }
            Command::Authority(command) => self.commit_authority(command),
            Command::Default(command) => self.commit_default(command),
            Command::Paid(command) => self.commit_paid(*command),
            Command::Posting(command) => self.commit_posting(command, timestamp, sequence),
            Command::Schedule(command) => self.commit_schedule(command, timestamp),
            // A report can't be proposed, and the others take no id.
            Command::Fraud(command) => self.commit_fraud(0, command, (timestamp, sequence)),
            Command::Proposal(_) | Command::Exchange(_) => Effect::Registered,
            Command::Limit(limit) => self.commit_limit(limit),
            Command::Fee(command) => self.commit_fee_command(command, timestamp),
        }
    }

    fn rotate(&mut self, secret: SaltSecret) -> Effect {
        self.secrets.next = Some(secret);
        Effect::Registered
    }

    fn begin(&mut self, genesis: &Genesis) -> Effect {
        self.genesis = Some(genesis.clone());
        self.authority = Authority::of(genesis);
        self.open_block = 1;
        self.begin_cycle(None);
        Effect::Registered
    }

    fn register(&mut self, bic: Bic, name: &str, key: Option<feiqian_proof::signature::PublicKey>) -> Effect {
        self.by_bic.insert(bic, number32(self.participants.len()));
        self.participants.push(Participant {
            bic,
            name: String::from(name),
            state: ParticipantState::Active,
            key,
        });
        Effect::Registered
    }

    fn open_position(&mut self, bic: Bic, currency: Currency, cap: u64) -> Effect {
        let Ok(participant) = self.participant(bic) else { return Effect::Registered };
        let slot = number32(self.slots.len());
        let first = number(self.accounts.len());
        self.by_currency.insert((participant, currency), slot);
        let is_covered = self.fees.covered(currency).has(bic);
        let (model, controls) = (self.models.of(currency), SlotControls::FEES.only_if(is_covered));
        self.slots.push(SlotTerms { participant, currency, cap, clearing_account: first, model, controls });
        self.accounts.push(AccountTerms {
            slot,
            currency: currency.numeric(),
            state: AccountState::Open,
            kind: AccountKind::Clearing,
            credit_line: UNLIMITED,
        });
        Effect::AccountsOpened { first, slot: Some(slot) }
    }

    fn open_accounts(&mut self, owner: (Bic, Currency), count: u32, credit_line: u64) -> Effect {
        let Ok(slot) = self.slot(owner.0, owner.1) else { return Effect::Registered };
        let first = number(self.accounts.len());
        let terms = AccountTerms {
            slot,
            currency: owner.1.numeric(),
            state: AccountState::Open,
            kind: AccountKind::Hosted,
            credit_line,
        };
        self.accounts.resize(self.accounts.len().saturating_add(index(count.into())), terms);
        Effect::AccountsOpened { first, slot: None }
    }

    fn change_account(&mut self, account: AccountHandle, change: impl Fn(&mut AccountTerms)) -> Effect {
        if let Some(terms) = self.accounts.get_mut(index(account)) {
            change(terms);
        }
        Effect::AccountChanged(account)
    }

    pub(crate) fn seal(&mut self, closes: Option<CycleNumber>, timestamp: u64) -> Effect {
        let height = self.open_block;
        let next = height.saturating_add(1);
        self.open_block = next;
        if let Some(cycle) = closes {
            let scope = self.cycle(cycle).and_then(|open| open.scope);
            if let Some(open) = self.cycle_mut(cycle) {
                open.state = CycleState::Closed;
                open.end_block = next;
                open.closed_at = timestamp;
            }
            if scope.is_none() {
                // Before the general stream's next: by the numbers, that is behind them and counts them no more.
                for currency in core::mem::take(&mut self.streams.waiting) {
                    self.begin_cycle(Some(currency));
                }
                self.secrets.begin_cycle(next);
            }
            self.begin_cycle(scope);
        }
        Effect::Sealed { height, closes }
    }

    /// Opens the next cycle of a stream, with the open block.
    fn begin_cycle(&mut self, scope: Option<Currency>) {
        let (number, first_block) = (number(self.cycles.len()).saturating_add(1), self.open_block);
        let state = CycleState::Open;
        self.streams.begin(number, scope);
        self.cycles.push(Cycle {
            number,
            state,
            first_block,
            end_block: 0,
            closed_at: 0,
            settled_by: 0,
            scope,
        });
    }

    fn move_cycle(&mut self, cycle: CycleNumber, state: CycleState, settled_by: u64) -> Effect {
        if let Some(found) = self.cycle_mut(cycle) {
            found.state = state;
            found.settled_by = settled_by;
        }
        Effect::Registered
    }

    fn cycle_mut(&mut self, cycle: CycleNumber) -> Option<&mut Cycle> {
        self.cycles.get_mut(index(cycle.checked_sub(1)?))
    }

    pub(crate) fn participant_mut(&mut self, bic: Bic) -> Option<&mut Participant> {
        let at = *self.by_bic.get(&bic)?;
        self.participants.get_mut(index(at.into()))
    }

    pub(crate) fn participant_at(&self, participant: ParticipantHandle) -> Option<&Participant> {
        self.participants.get(index(participant.into()))
    }

    pub(crate) fn participant(&self, bic: Bic) -> Decision<ParticipantHandle> {
        self.by_bic.get(&bic).copied().ok_or(RejectReason::UnknownParticipant)
    }

    pub(crate) fn slot(&self, bic: Bic, currency: Currency) -> Decision<SlotHandle> {
        let participant = self.participant(bic)?;
        self.by_currency.get(&(participant, currency)).copied().ok_or(RejectReason::UnknownPosition)
    }
}

/// Questions; none of them changes anything.
impl Registry {
    /// What began the journal.
    #[must_use]
    pub fn genesis(&self) -> Option<&Genesis> {
        self.genesis.as_ref()
    }
    /// All participants, by handle.
    #[must_use]
    pub fn participants(&self) -> &[Participant] {
        &self.participants
    }
    /// A participant's handle.
    #[must_use]
    pub fn participant_of(&self, bic: Bic) -> Option<ParticipantHandle> {
        self.participant(bic).ok()
    }
    /// All positions, by slot.
    #[must_use]
    pub fn slots(&self) -> &[SlotTerms] {
        &self.slots
    }
    /// The slot of a participant in a currency.
    #[must_use]
    pub fn slot_of(&self, bic: Bic, currency: Currency) -> Option<SlotHandle> {
        self.slot(bic, currency).ok()
    }
    /// All accounts, by handle.
    #[must_use]
    pub fn accounts(&self) -> &[AccountTerms] {
        &self.accounts
    }
    /// One account.
    #[must_use]
    pub fn account(&self, handle: AccountHandle) -> Option<&AccountTerms> {
        self.accounts.get(index(handle))
    }
    /// The participant that an account belongs to.
    #[must_use]
    pub fn owner_of(&self, terms: &AccountTerms) -> Option<(ParticipantHandle, &Participant)> {
        let slot = self.slots.get(index(terms.slot.into()))?;
        self.participants.get(index(slot.participant.into())).map(|found| (slot.participant, found))
    }
    /// All aliases, ascending.
    #[must_use]
    pub fn aliases(&self) -> &BTreeMap<String, AccountHandle> {
        &self.aliases
    }
    /// All cycles of all streams, in the order of their opening; one of each stream is open.
    #[must_use]
    pub fn cycles(&self) -> &[Cycle] {
        &self.cycles
    }
    /// One cycle.
    #[must_use]
    pub fn cycle(&self, cycle: CycleNumber) -> Option<&Cycle> {
        self.cycles.get(index(cycle.checked_sub(1)?))
    }
    /// How currencies settle.
    #[must_use]
    pub fn models(&self) -> &Models {
        &self.models
    }
    /// The calendar in force.
    #[must_use]
    pub fn schedule(&self) -> Option<&Schedule> {
        self.schedule.as_ref()
    }
    /// What there is against a default.
    #[must_use]
    pub fn defaults(&self) -> &Defaults {
        &self.defaults
    }
    /// Rates and quotes.
    #[must_use]
    pub fn exchange(&self) -> &ExchangeBook {
        &self.exchange
    }
    /// Tariffs.
    #[must_use]
    pub fn fees(&self) -> &Tariffs {
        &self.fees
    }
    /// The number of the general stream's open cycle; zero before genesis.
    #[must_use]
    pub fn open_cycle(&self) -> CycleNumber {
        self.streams.general
    }
    /// Which cycles count which currencies.
    #[must_use]
    pub fn streams(&self) -> &Streams {
        &self.streams
    }
    /// Whether a currency is counted in a cycle.
    #[must_use]
    pub fn is_counted(&self, cycle: CycleNumber, currency: Currency) -> bool {
        self.cycle(cycle).is_some_and(|found| self.streams.is_counted(found, currency))
    }
    /// Limits beyond caps and credit lines.
    #[must_use]
    pub fn controls(&self) -> &Controls {
        &self.controls
    }
    /// The secrets that have taken the place of the first one.
    #[must_use]
    pub fn salt_secrets(&self) -> &SaltSecrets {
        &self.secrets
    }
    /// What the salts of the transfers and positions of the block at `height` come from, for every block up to the open
    /// one.
    #[must_use]
    pub fn block_seed(&self, height: u64) -> SaltSeed {
        let Some(genesis) = &self.genesis else { return SaltSeed([0; 32]).of_block(height) };
        self.secrets.seed_of(height, (&genesis.salt_secret, &genesis.chain_id))
    }
    /// The height of the block that is being filled; zero before genesis.
    #[must_use]
    pub fn open_block(&self) -> u64 {
        self.open_block
    }
}

pub(crate) fn refuse(condition: bool, reason: RejectReason) -> Decision<()> {
    if condition { Err(reason) } else { Ok(()) }
}

fn check_genesis(genesis: &Genesis) -> Decision<()> {
    let officers = &genesis.officers;
    let is_distinct = officers.iter().enumerate().all(|(at, (number, key))| {
        officers.iter().take(at).all(|(other, other_key)| other != number && other_key != key)
    });
    refuse(!is_distinct, RejectReason::MalformedCommand)
}
