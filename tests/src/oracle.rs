//! The whole behaviour once more, written naively: maps and lists, one transfer at a time, and a copy of all
//! books that is thrown away where a chain fails. Sums of holds and positions are counted anew when asked.
//!
//! It must share no code with the ledger, the registry or the plain loop, only the types of values; where the
//! two differ, one of them is wrong. [`Planted`] makes it wrong on purpose: a harness that does not notice
//! that notices nothing.

use std::collections::{BTreeMap, BTreeSet};

use feiqian_core::account::{AccountKind, AccountState, UNLIMITED};
use feiqian_core::authority::Proposal;
use feiqian_core::command::{Command, Entry, Genesis, OfficerNumber};
use feiqian_core::currency::Currency;
use feiqian_core::default::Step;
use feiqian_core::exchange::book::{Quote, Rate, RateKey};
use feiqian_core::fees::Tariff;
use feiqian_core::fraud::{Case, FraudCommand, Held};
use feiqian_core::hold::Hold;
use feiqian_core::limits::{ACCOUNT_HOLDS_MAX, BATCH_TRANSFERS_MAX, CHAIN_TRANSFERS_MAX};
use feiqian_core::liquidity::queue::Queued;
use feiqian_core::model::Model;
use feiqian_core::outcome::{Outcome, OutcomeRow, RejectReason};
use feiqian_core::participant::{Cycle, Participant, ParticipantState};
use feiqian_core::postings::{CarriedBy, Order};
use feiqian_core::schedule::Schedule;
use feiqian_core::transfer::{Record, flags};
use feiqian_proof::signature::PublicKey;

use crate::picture::{Announced, Picture};
use crate::world::{Content, Frame};

mod commands;
mod default;
mod exchange;
mod fraud;
mod postings;
mod fees;
mod proposals;
mod limits;
mod queue;
mod schedule;

use exchange::is_paired;
use postings::is_ordered;
use queue::{ENGINE, Wish, is_release, wish_of};

/// A rule turned wrong on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Planted {
    /// The cap may be passed by one minor unit.
    CapOffByOne,
    /// Funds that holds reserve may be spent.
    HeldFundsSpendable,
    /// A hold outlives its deadline by a frame.
    ExpiryLate,
    /// What a failed chain's first members did stays.
    ChainKeepsItsHead,
    /// An id that comes again with other content is taken for a repetition.
    ReuseUnnoticed,
    /// A frozen account is credited.
    FrozenReceives,
    /// A claim of a closed cycle extends the cap before it is paid.
    ClaimsExtendCap,
    /// One officer is enough.
    TwoEyes,
    /// The creditor's posting chain is not followed.
    CreditorUnlinked,
    /// What a post leaves of its hold stays reserved.
    RestStaysReserved,
    /// What a post keeps of its hold is given back.
    KeptRestFreed,
    /// A void that keeps a part held frees nothing.
    ReductionForgotten,
    /// A payment overtakes those of its account that go out in order.
    QueueOvertaken,
    /// A payment waits beyond its latest time by a frame.
    WaitingForEver,
    /// Releases that settle at once must each be funded alone.
    GroupOneByOne,
    /// What has come back of a payment may come back again.
    ReturnsForget,
    /// A quote serves twice.
    QuoteTwice,
    /// A provider's foreign exchange limit is not asked.
    ProviderUnbound,
    /// What was bought and sold in a cycle counts in the next one.
    FxOutlivesCycle,
    /// A short in a currency that nobody has valued counts nothing.
    UnvaluedIsFree,
    /// Locking takes nothing of a rate's size.
    RateForGranted,
    /// A closing cycle sets aside what was final.
    GrossIsSetAside,
    /// Who proposed may approve.
    SelfApproval,
    /// A proposal that has expired may be approved.
    ExpiredApproval,
    /// A loosening is put in force before its time.
    LooseningEarly,
    /// Cover adds nothing to a cap.
    CoverIgnored,
    /// What holds reserve does not count against sender limits.
    NetsForgetHolds,
    /// The multilateral limit counts those with a bilateral one too.
    OthersAreAll,
    /// A cycle's nets count in the next one.
    NetsOutliveCycle,
    /// A hold counts for no velocity limit.
    VelocityForgetsHolds,
    /// Normal payments use what is kept for urgent ones.
    ReservationIgnored,
    /// Nobody need approve what loosens a limit.
    LooseningUnseen,
    /// A participant that only sends is paid.
    SendOnlyReceives,
    /// A recast may leave debts without claims.
    UnevenRecast,
    /// The fund is taken from while there is collateral.
    FundBeforeCollateral,
    /// A cycle closes half an hour before its cut-off.
    CutOffEarly,
    /// A cycle settles though a participant has not paid.
    FailedSettles,
    /// What was ordered once is carried out twice.
    OrderTwice,
    /// What is carried out need not be what was ordered.
    OrderOfAnyAmount,
    /// A payment passes without its fee.
    FeeUnpaid,
    /// A fee's half unit is rounded down.
    FeeHalfDown,
    /// Of equal remainders the last beneficiary's is rounded up.
    RemainderToTheLast,
    /// Of tariffs that cover a payment, the one that says least charges.
    BroadTariffFirst,
    /// A fee of the other side is more than it is paid.
    FeeBeyondPayment,
    /// Fees that others' payments bring use up what a bank may pay by its own orders.
    OthersFeesUseLimits,
    /// The post of a hold is for something else than the hold.
    PostForOther,
    /// What began to wait before a tariff goes out without its fee.
    ReleaseUncharged,
    /// What can't go out without a fee goes on waiting.
    ChargedLateStays,
    /// An account that gets fees may be closed.
    FeeAccountCloses,
    /// What is announced is in force a moment late.
    TariffLate,
    /// Once a new tariff is in force, what was right until then passes no more.
    NoGrace,
    /// It passes for ever.
    GraceForEver,
    /// Any bank frees what is held for another's case.
    StrangerReleases,
    /// What is asked is held, whether it is there or not.
    HeldMoreThanIsLeft,
    /// What is held outlives its case by a frame.
    HeldTooLong,
    /// What has been returned stays held.
    ReturnedStaysHeld,
    /// What a case has returned does not count as come back.
    CaseReturnsForget,
    /// What is ordered back for a case may come back by a return too.
    OrderedBackForgotten,
    /// Of what is held on an account, a second part may be ordered back before the first is carried out.
    OrdersAbreast,
    /// One officer may ask less than before.
    TwoEyesAskLess,
    /// A trace of what is to come is taken.
    TraceOfTomorrow,
    /// What has gone back since a trace is held again.
    GoneBackIsHeld,
}

impl Planted {
    /// All of them.
    pub const ALL: [Self; 62] = [
        Self::CapOffByOne,
        Self::HeldFundsSpendable,
        Self::ExpiryLate,
        Self::ChainKeepsItsHead,
        Self::ReuseUnnoticed,
        Self::FrozenReceives,
        Self::ClaimsExtendCap,
        Self::TwoEyes,
        Self::CreditorUnlinked,
        Self::RestStaysReserved,
        Self::KeptRestFreed,
        Self::ReductionForgotten,
        Self::QueueOvertaken,
        Self::WaitingForEver,
        Self::GroupOneByOne,
        Self::ReturnsForget,
        Self::QuoteTwice,
        Self::ProviderUnbound,
        Self::FxOutlivesCycle,
        Self::UnvaluedIsFree,
        Self::RateForGranted,
        Self::GrossIsSetAside,
        Self::SelfApproval,
        Self::ExpiredApproval,
        Self::LooseningEarly,
        Self::CoverIgnored,
        Self::NetsForgetHolds,
        Self::OthersAreAll,
        Self::NetsOutliveCycle,
        Self::VelocityForgetsHolds,
        Self::ReservationIgnored,
        Self::LooseningUnseen,
        Self::SendOnlyReceives,
        Self::UnevenRecast,
        Self::FundBeforeCollateral,
        Self::CutOffEarly,
        Self::FailedSettles,
        Self::OrderTwice,
        Self::OrderOfAnyAmount,
        Self::FeeUnpaid,
        Self::FeeHalfDown,
        Self::RemainderToTheLast,
        Self::BroadTariffFirst,
        Self::FeeBeyondPayment,
        Self::PostForOther,
        Self::ReleaseUncharged,
        Self::ChargedLateStays,
        Self::FeeAccountCloses,
        Self::TariffLate,
        Self::NoGrace,
        Self::GraceForEver,
        Self::OthersFeesUseLimits,
        Self::StrangerReleases,
        Self::HeldMoreThanIsLeft,
        Self::HeldTooLong,
        Self::ReturnedStaysHeld,
        Self::CaseReturnsForget,
        Self::OrderedBackForgotten,
        Self::OrdersAbreast,
        Self::TwoEyesAskLess,
        Self::TraceOfTomorrow,
        Self::GoneBackIsHeld,
    ];
}

/// What took an id.
#[derive(Clone, PartialEq, Debug)]
enum Submitted {
    Transfer(Box<Record>),
    Command(Vec<u8>),
}

/// A participant's position in a currency.
#[derive(Clone, Debug)]
struct Position {
    participant: u32,
    currency: Currency,
    cap: u64,
    clearing: u64,
    /// Net by cycle, unsettled ones alone.
    nets: BTreeMap<u64, i128>,
}

#[derive(Clone, Debug)]
struct Account {
    position: usize,
    kind: AccountKind,
    state: AccountState,
    credit_line: u64,
    balance: i128,
    last_posting: u64,
    touched: u64,
}

/// A transfer that has moved money.
#[derive(Clone, Debug)]
struct Paid {
    sequence: u64,
    sides: [u64; 2],
    amount: u64,
    is_return: bool,
    returned: u64,
}

/// Everything but the ids, which a failed chain keeps.
#[derive(Clone, Debug, Default)]
struct Books {
    genesis: Option<Genesis>,
    participants: Vec<Participant>,
    positions: Vec<Position>,
    accounts: Vec<Account>,
    aliases: BTreeMap<String, u64>,
    cycles: Vec<Cycle>,
    /// Currencies that get cycles of their own when the general one closes.
    splitting: BTreeSet<Currency>,
    holds: BTreeMap<u128, Hold>,
    queue: BTreeMap<u128, Queued>,
    /// What has moved, by the id that moved it.
    paid: BTreeMap<u128, Paid>,
    rates: BTreeMap<RateKey, Rate>,
    models: BTreeMap<Currency, Model>,
    quotes: BTreeMap<u128, Quote>,
    trades: BTreeMap<u128, u64>,
    /// What trades have changed since the cycles of their currencies began.
    fx: Vec<exchange::FxChange>,
    /// Postings that officers have ordered, by the sequence of the command.
    orders: BTreeMap<u64, Order>,
    carried: BTreeMap<u64, CarriedBy>,
    tariffs: BTreeMap<u32, Tariff>,
    /// What was announced of them: from when, which, and what then.
    announced: Vec<Announced>,
    /// Of the frame.
    now: u64,
    /// Fraud cases, and what is held for them where.
    cases: BTreeMap<u128, Case>,
    held: BTreeMap<(u128, u64), Held>,
    limits: limits::Limits,
    height: u64,
    secrets: BTreeMap<u64, [u8; 32]>,
    next_secret: Option<[u8; 32]>,
    officers: Vec<(OfficerNumber, PublicKey)>,
    delay: u32,
    proposals: Vec<Proposal>,
    collateral: BTreeMap<(u32, Currency), u64>,
    fund: BTreeMap<Currency, u64>,
    /// Recasts and waterfalls of cycles that are not settled.
    steps: Vec<Step>,
    schedule: Option<Schedule>,
    /// Who has paid for a cycle that is not settled, and who has failed to.
    paid_in: BTreeMap<(u64, u32), bool>,
    planted: Option<Planted>,
}

/// The naive engine.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    books: Books,
    ids: BTreeMap<u128, (u64, Submitted)>,
}

type Reasons = BTreeSet<RejectReason>;

impl Oracle {
    /// An oracle that is wrong in one point.
    #[must_use]
    pub fn wrong(planted: Planted) -> Self {
        Self { books: Books { planted: Some(planted), ..Books::default() }, ..Self::default() }
    }

    /// Applies the next frame: the holds that its time ends, and the rows of its entries.
    pub fn apply(&mut self, frame: &Frame) -> (u32, Vec<OutcomeRow>) {
        self.books.now = frame.timestamp;
        let late = u64::from(self.books.is_planted(Planted::WaitingForEver));
        let held = self.books.expire_held(frame.timestamp);
        let expired =
            held + self.books.expire(frame.timestamp) + self.books.expire_waiting(frame.timestamp - late);
        let mut sequence = frame.first_sequence;
        let mut rows = Vec::new();
        match &frame.content {
            Content::Command(bytes) => rows.push(self.command(frame.timestamp, sequence, bytes)),
            Content::Transfers(batches) => {
                for batch in batches {
                    let mut rest = batch.records.as_slice();
                    while !rest.is_empty() {
                        let end = rest.iter().position(|record| record.flags.get() & flags::LINKED == 0);
                        let (members, behind) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
                        rest = behind;
                        let stamp = (frame.timestamp, sequence);
                        rows.extend(self.chain(stamp, batch.participant, members, end.is_none()));
                        sequence += members.len() as u64;
                    }
                }
            }
        }
        (expired, rows)
    }

    /// A transfer alone is a chain of one.
    fn chain(
        &mut self,
        (now, first): (u64, u64),
        submitter: u32,
        members: &[Record],
        is_open: bool,
    ) -> Vec<OutcomeRow> {
        let known: Vec<_> = members
            .iter()
            .zip(first..)
            .map(|(record, at)| self.take_id(record.uetr.get(), at, Submitted::Transfer(Box::new(*record))))
            .collect();
        let most = if is_release(&members[0]) { BATCH_TRANSFERS_MAX } else { CHAIN_TRANSFERS_MAX };
        if is_open || members.len() > most {
            if submitter == ENGINE {
                self.books.count_attempts(members, &known);
            }
            let reason = if is_open { RejectReason::ChainOpen } else { RejectReason::ChainTooLong };
            return known.into_iter().map(|row| row.unwrap_or(OutcomeRow::rejected(reason))).collect();
        }
        let mut trial = self.books.clone();
        if is_release(&members[0]) && (members.len() > 1 || known[0].is_none()) {
            return match trial.release((now, first), submitter, (members, &known)) {
                Ok(rows) => {
                    self.books = trial;
                    rows
                }
                Err((at, reason)) => {
                    if submitter == ENGINE {
                        self.books.count_attempts(members, &known);
                        self.books.give_up(now, &members[at], reason);
                    }
                    failed(&known, at, reason)
                }
            };
        }
        let mut rows = Vec::new();
        for ((record, standing), sequence) in members.iter().zip(&known).zip(first..) {
            let result = match standing {
                Some(_) => Err(RejectReason::ChainFailed),
                None => trial.transfer((now, sequence), submitter, (record, members)),
            };
            match result {
                Ok(row) => rows.push(row),
                Err(reason) => {
                    if self.books.planted == Some(Planted::ChainKeepsItsHead) {
                        self.books = trial;
                    }
                    if submitter == ENGINE {
                        self.books.count_attempts(members, &known);
                    }
                    return failed(&known, rows.len(), reason);
                }
            }
        }
        self.books = trial;
        rows
    }

    fn take_id(&mut self, id: u128, sequence: u64, submitted: Submitted) -> Option<OutcomeRow> {
        if id == 0 {
            return Some(OutcomeRow::rejected(RejectReason::MissingId));
        }
        let Some((original, first)) = self.ids.get(&id) else {
            self.ids.insert(id, (sequence, submitted));
            return None;
        };
        if *first == submitted || self.books.planted == Some(Planted::ReuseUnnoticed) {
            Some(OutcomeRow::duplicate(*original))
        } else {
            Some(OutcomeRow::rejected(RejectReason::IdReused))
        }
    }

    fn command(&mut self, now: u64, sequence: u64, bytes: &[u8]) -> OutcomeRow {
        let Ok(entry) = Entry::decode(bytes) else {
            return OutcomeRow::rejected(RejectReason::MalformedCommand);
        };
        if let Some(row) = self.take_id(entry.id, sequence, Submitted::Command(bytes.to_vec())) {
            return row;
        }
        match self.books.refusals_of_command(&entry, (now, sequence)).first() {
            Some(reason) => OutcomeRow::rejected(*reason),
            None => {
                if let Command::Exchange(command) = &entry.command {
                    self.books.exchange(now, entry.id, command);
                }
                self.books.execute_entry(now, sequence, &entry);
                if let Command::Fraud(command @ FraudCommand::Report { .. }) = &entry.command {
                    self.books.fraud((now, sequence), entry.id, command);
                }
                OutcomeRow::accepted(Outcome::Cleared, 0)
            }
        }
    }

    /// Payer, payee and amount of each leg that must stand behind a payment at a time.
    #[must_use]
    pub fn fees_on(&self, record: &Record, time: u64) -> Vec<[u64; 3]> {
        self.books.fees_on(record, time)
    }

    /// All that can be seen.
    #[must_use]
    pub fn picture(&self) -> Picture {
        self.books.picture()
    }
}

fn failed(known: &[Option<OutcomeRow>], at: usize, reason: RejectReason) -> Vec<OutcomeRow> {
    let row = |member: usize| if member == at { reason } else { RejectReason::ChainFailed };
    let rows = known.iter().enumerate();
    rows.map(|(member, known)| known.unwrap_or(OutcomeRow::rejected(row(member)))).collect()
}

/// Transfers.
impl Books {
    fn is_planted(&self, planted: Planted) -> bool {
        self.planted == Some(planted)
    }

    fn expire(&mut self, now: u64) -> u32 {
        let is_late = self.is_planted(Planted::ExpiryLate);
        let is_over = |hold: &Hold| hold.deadline != u64::MAX && hold.deadline + u64::from(is_late) <= now;
        let over: Vec<_> =
            self.holds.iter().filter(|(_, hold)| is_over(hold)).map(|(id, hold)| (*id, *hold)).collect();
        for (id, hold) in &over {
            self.holds.remove(id);
            self.account(hold.debtor).touched = self.height;
        }
        u32::try_from(over.len()).expect("tests hold few")
    }

    fn account(&mut self, handle: u64) -> &mut Account {
        &mut self.accounts[usize::try_from(handle).expect("64 bits")]
    }

    fn find(&self, handle: u64) -> Option<&Account> {
        self.accounts.get(usize::try_from(handle).ok()?)
    }

    fn known(&self, handle: u64) -> &Account {
        self.find(handle).expect("looked for before")
    }

    fn position_at(&self, handle: u64) -> Option<usize> {
        self.find(handle).map(|account| account.position)
    }

    /// What pending holds reserve on an account, and how many they are.
    fn reserved(&self, handle: u64) -> (u128, u32) {
        let holds = self.holds.values().filter(|hold| hold.debtor == handle);
        holds.fold(self.held_on(handle), |(sum, count), hold| (sum + u128::from(hold.amount), count + 1))
    }

    /// What pending holds towards others reserve of a position.
    fn position_reserved(&self, position: usize) -> u128 {
        let holds = self.holds.values().filter(|hold| {
            self.position_at(hold.debtor) == Some(position)
                && self.position_at(hold.creditor) != Some(position)
        });
        holds.map(|hold| u128::from(hold.amount)).sum()
    }

    /// The cycle that a currency is counted in: the newest of its own, else the newest general one.
    fn open_cycle(&self, currency: Currency) -> u64 {
        let newest = |scope| self.cycles.iter().rev().find(|cycle| cycle.scope == scope);
        newest(Some(currency)).or_else(|| newest(None)).map_or(0, |cycle| cycle.number)
    }

    /// All reasons against a transfer in its chain; the first is answered.
    fn refusals(&self, now: u64, submitter: u32, (record, chain): (&Record, &[Record])) -> Reasons {
        let mut reasons = Reasons::new();
        let bits = record.flags.get();
        let has = |flag: u16| bits & flag != 0;
        let wish = wish_of(record);
        let is_ordered = is_ordered(record);
        let (is_hold, is_post) = (has(flags::HOLD), has(flags::POST) && !is_ordered);
        let is_void = has(flags::VOID) && wish == Wish::None;
        let (is_finishing, amount) = (is_post || is_void, record.amount.get());
        let only_changes = is_void || matches!(wish, Wish::Amend | Wish::Revoke);
        let may_wait = matches!(wish, Wish::Pay | Wish::PayLater | Wish::Amend);
        let is_among_others = chain.len() > 1
            && (has(flags::QUEUE)
                || has(flags::RETURN)
                || has(flags::ORDERED)
                || is_release(record) != is_release(&chain[0]));
        let (is_return, is_trade, is_fee) = (has(flags::RETURN), has(flags::QUOTE), has(flags::FEE));
        let kinds =
            [is_hold, is_post, has(flags::VOID), is_release(record), is_return, is_trade, is_ordered, is_fee];
        let is_malformed = kinds.iter().filter(|is| **is).count() > 1
            || bits & !0x7FFF != 0
            || (has(flags::KEEP) && !is_finishing)
            || (has(flags::QUEUE)
                && (is_hold
                    || is_post
                    || is_return
                    || is_trade
                    || is_ordered
                    || is_fee
                    || is_release(record)))
            || (has(flags::URGENT | flags::HIGH) && !may_wait && wish != Wish::Release)
            || (has(flags::URGENT) && has(flags::HIGH))
            || (has(flags::FIRST | flags::LAST) && wish != Wish::Amend)
            || (has(flags::FIRST) && has(flags::LAST))
            || is_among_others
            || (matches!(wish, Wish::Pay | Wish::PayLater) && self.is_gross(record.currency.get()))
            || (is_trade && !is_paired(record, chain))
            || (record.zeros, record.outcome, record.reason) != ([0; 6], 0, 0)
            || (record.sequence.get(), record.timestamp.get()) != (0, 0)
            || (record.related.get() != 0)
                != (is_finishing
                    || is_return
                    || is_trade
                    || is_ordered
                    || is_fee
                    || matches!(wish, Wish::Amend | Wish::Revoke | Wish::Release))
            || (record.timeout.get() != 0 && !is_hold && !may_wait)
            || (record.delay.get() != 0 && !may_wait);
        let is_right = if only_changes && !has(flags::KEEP) {
            amount == 0
        } else {
            amount > 0 && amount < 10_u64.pow(18)
        };
        note(&mut reasons, is_malformed, RejectReason::MalformedRecord);
        note(&mut reasons, !is_right, RejectReason::InvalidAmount);
        let (debtor, creditor) = (record.debtor.get(), record.creditor.get());
        note(&mut reasons, debtor == creditor, RejectReason::SameAccount);
        note(&mut reasons, self.find(debtor).is_none(), RejectReason::UnknownDebtor);
        note(&mut reasons, self.find(creditor).is_none(), RejectReason::UnknownCreditor);
        if !reasons.is_empty() {
            return reasons;
        }
        self.note_fees(&mut reasons, (record, chain));
        let positions = [debtor, creditor].map(|handle| &self.positions[self.known(handle).position]);
        let owner = if wish == Wish::Release { ENGINE } else { positions[0].participant };
        let is_sender = match (is_trade, is_ordered) {
            (true, _) => self.is_leg(submitter, record),
            (_, true) => self.is_as_ordered(submitter, record),
            _ => submitter == owner,
        };
        let is_owner = is_sender
            || (is_finishing && submitter == positions[1].participant)
            || (is_fee && self.is_due((record, chain)));
        note(&mut reasons, !is_owner, RejectReason::NotOwner);
        let is_currency = positions.iter().all(|at| at.currency.numeric() == record.currency.get());
        note(&mut reasons, !is_currency, RejectReason::CurrencyMismatch);
        if !only_changes && !is_ordered {
            self.note_states(&mut reasons, [debtor, creditor]);
        }
        if is_finishing {
            self.note_hold(&mut reasons, record);
        } else if matches!(wish, Wish::None | Wish::Pay) {
            if is_ordered && has(flags::POST) {
                self.note_cap(&mut reasons, record, false);
            } else {
                self.note_funds(&mut reasons, record, is_hold);
            }
            if !is_ordered {
                self.note_limits(&mut reasons, now, (record, self.is_own_order(submitter, record)));
            }
        }
        if is_ordered {
            self.note_ordered(&mut reasons, now, record);
        }
        self.note_queue(&mut reasons, now, record);
        if is_trade {
            self.note_quote(&mut reasons, now, record);
        }
        if is_return {
            self.note_return(&mut reasons, now, record);
        }
        reasons
    }

    fn note_states(&self, reasons: &mut Reasons, handles: [u64; 2]) {
        use AccountState::{Closed, Frozen, ReceiveOnly, SendOnly};
        let [debtor, creditor] = handles.map(|handle| self.known(handle));
        let is_suspended = |account: &Account, other: ParticipantState| {
            let owner = self.positions[account.position].participant;
            [ParticipantState::Suspended, other].contains(&self.participants[owner as usize].state)
        };
        let no_credit = match self.is_planted(Planted::SendOnlyReceives) {
            true => ParticipantState::Suspended,
            false => ParticipantState::SendOnly,
        };
        let is_frozen_for_credit = creditor.state == Frozen && !self.is_planted(Planted::FrozenReceives);
        note(
            reasons,
            is_suspended(debtor, ParticipantState::ReceiveOnly),
            RejectReason::DebtorParticipantSuspended,
        );
        note(reasons, is_suspended(creditor, no_credit), RejectReason::CreditorParticipantSuspended);
        note(reasons, debtor.state == Closed, RejectReason::DebtorClosed);
        note(reasons, creditor.state == Closed, RejectReason::CreditorClosed);
        note(reasons, [Frozen, ReceiveOnly].contains(&debtor.state), RejectReason::DebtorBlocked);
        let is_blocked = is_frozen_for_credit || creditor.state == SendOnly;
        note(reasons, is_blocked, RejectReason::CreditorBlocked);
    }

    fn note_hold(&self, reasons: &mut Reasons, record: &Record) {
        let hold = self.holds.get(&record.related.get());
        let Some(hold) = hold.filter(|hold| hold.debtor == record.debtor.get()) else {
            reasons.insert(RejectReason::NoPendingHold);
            return;
        };
        let position = self.position_number(hold.debtor);
        let is_posted_to_others = record.flags.get() & flags::POST != 0
            && self.position_at(record.creditor.get()) != self.position_at(hold.debtor);
        let is_for_other = hold.purpose != [0; 4]
            && hold.purpose != record.purpose
            && is_posted_to_others
            && self.is_covered(position)
            && !self.is_planted(Planted::PostForOther);
        note(reasons, hold.creditor != record.creditor.get() || is_for_other, RejectReason::HoldMismatch);
        note(reasons, record.amount.get() > hold.amount, RejectReason::ExceedsHold);
    }

    fn is_gross(&self, numeric: u16) -> bool {
        self.models.iter().any(|(currency, model)| currency.numeric() == numeric && *model == Model::Gross)
    }

    /// Whether a cycle leaves something to pay in a currency.
    fn is_deferred(&self, currency: Currency) -> bool {
        let model = self.models.get(&currency).copied().unwrap_or(Model::Multilateral);
        matches!(model, Model::Multilateral | Model::Bilateral) || self.is_planted(Planted::GrossIsSetAside)
    }

    fn note_return(&self, reasons: &mut Reasons, now: u64, record: &Record) {
        let sides = [record.creditor.get(), record.debtor.get()];
        let paid = self.paid.get(&record.related.get());
        let Some(paid) = paid.filter(|paid| paid.sides == sides && !paid.is_return) else {
            reasons.insert(RejectReason::NotReturnable);
            return;
        };
        let returned = if self.is_planted(Planted::ReturnsForget) { 0 } else { paid.returned };
        let returned = returned + self.ordered_back(record.related.get(), now);
        note(reasons, returned + record.amount.get() > paid.amount, RejectReason::ExceedsOriginal);
    }

    fn note_funds(&self, reasons: &mut Reasons, record: &Record, is_hold: bool) {
        let (handle, amount) = (record.debtor.get(), i128::from(record.amount.get()));
        let (reserved, holds) = self.reserved(handle);
        let account = self.known(handle);
        let counted = if self.is_planted(Planted::HeldFundsSpendable) { 0 } else { as_signed(reserved) };
        let available = account.balance - counted + i128::from(account.credit_line);
        let is_bound = account.credit_line != UNLIMITED;
        note(reasons, is_bound && amount > available, RejectReason::InsufficientFunds);
        let overflows = |sum: u128| is_hold && sum + u128::from(record.amount.get()) > u128::from(u64::MAX);
        note(reasons, overflows(reserved), RejectReason::TooManyHolds);
        note(reasons, is_hold && holds >= ACCOUNT_HOLDS_MAX, RejectReason::TooManyHolds);
        self.note_cap(reasons, record, is_hold);
    }

    fn note_cap(&self, reasons: &mut Reasons, record: &Record, is_hold: bool) {
        let amount = i128::from(record.amount.get());
        let account = self.known(record.debtor.get());
        if self.position_at(record.creditor.get()) == Some(account.position) {
            return;
        }
        let overflows = |sum: u128| is_hold && sum + u128::from(record.amount.get()) > u128::from(u64::MAX);
        let (position, reserved) =
            (&self.positions[account.position], self.position_reserved(account.position));
        let headroom = self.headroom(position) - as_signed(reserved);
        let is_over = position.cap != UNLIMITED && amount > headroom;
        note(reasons, is_over, RejectReason::NetDebitCapExceeded);
        note(reasons, overflows(reserved), RejectReason::TooManyHolds);
    }

    /// Cap and position of the open cycle, less what is owed from closed ones.
    fn headroom(&self, position: &Position) -> i128 {
        let counts = |cycle: u64, net: i128| {
            cycle == self.open_cycle(position.currency)
                || net < 0
                || self.is_planted(Planted::ClaimsExtendCap)
        };
        let nets = position.nets.iter().filter(|(cycle, net)| counts(**cycle, **net));
        let slack = i128::from(self.is_planted(Planted::CapOffByOne));
        i128::from(position.cap) + nets.map(|(_, net)| *net).sum::<i128>() + slack
    }

    fn transfer(
        &mut self,
        (now, sequence): (u64, u64),
        submitter: u32,
        (record, chain): (&Record, &[Record]),
    ) -> Result<OutcomeRow, RejectReason> {
        use RejectReason::{
            BilateralLimitExceeded, InsufficientFunds, LiquidityReserved, MultilateralLimitExceeded,
            NetDebitCapExceeded, QueuedAhead,
        };
        let wish = wish_of(record);
        let first = self.refusals(now, submitter, (record, chain)).first().copied();
        match (first, wish) {
            (None, Wish::PayLater) => {
                self.wait((now, sequence), record);
                return Ok(OutcomeRow::queued(record.amount.get(), None));
            }
            (None, Wish::Amend | Wish::Revoke) => return Ok(self.rearrange((now, sequence), record)),
            (
                Some(
                    reason @ (InsufficientFunds
                    | NetDebitCapExceeded
                    | QueuedAhead
                    | BilateralLimitExceeded
                    | MultilateralLimitExceeded
                    | LiquidityReserved),
                ),
                Wish::Pay,
            ) => {
                self.wait((now, sequence), record);
                return Ok(OutcomeRow::queued(record.amount.get(), Some(reason)));
            }
            (Some(reason), _) => return Err(reason),
            (None, _) => {}
        }
        let (debtor, creditor, amount) = (record.debtor.get(), record.creditor.get(), record.amount.get());
        let (bits, related) = (record.flags.get(), record.related.get());
        self.account(debtor).touched = self.height;
        if bits & flags::VOID == 0 {
            let is_fresh = self.is_fresh(record) && self.is_own_order(submitter, record);
            self.note_debit(now, record, (bits & flags::HOLD == 0, is_fresh));
        }
        if bits & flags::HOLD != 0 {
            let seconds = u64::from(record.timeout.get());
            let deadline = if seconds == 0 { u64::MAX } else { now + seconds * 1_000_000_000 };
            let purpose = self.kept_purpose(record);
            let hold = Hold { debtor, creditor, amount, sequence, deadline, purpose };
            self.holds.insert(record.uetr.get(), hold);
            return Ok(OutcomeRow::accepted(Outcome::Held, amount));
        }
        let hold = if is_ordered(record) { None } else { self.holds.remove(&related) };
        if bits & flags::VOID != 0 {
            if let Some(hold) = hold.filter(|_| bits & flags::KEEP != 0) {
                let held = if self.is_planted(Planted::ReductionForgotten) { hold.amount } else { amount };
                self.holds.insert(related, Hold { amount: held, ..hold });
            }
            return Ok(OutcomeRow::accepted(Outcome::Voided, amount));
        }
        let keeps = bits & flags::KEEP != 0 && !self.is_planted(Planted::KeptRestFreed);
        let is_more = hold.is_some_and(|hold| hold.amount > amount);
        let stays = (keeps && is_more) || self.is_planted(Planted::RestStaysReserved);
        if let Some(hold) = hold.filter(|_| stays) {
            self.holds.insert(related, Hold { amount: hold.amount - amount, ..hold });
        }
        if bits & flags::QUOTE != 0 {
            self.trade(record);
        }
        if bits & flags::ORDERED != 0 {
            self.carry(sequence, record);
        }
        if bits & flags::RETURN != 0 {
            self.paid.get_mut(&related).expect("checked").returned += amount;
        }
        Ok(self.post(sequence, record))
    }

    fn post(&mut self, sequence: u64, record: &Record) -> OutcomeRow {
        let (debtor, creditor, amount) = (record.debtor.get(), record.creditor.get(), record.amount.get());
        let (sides, is_return) = ([debtor, creditor], record.flags.get() & flags::RETURN != 0);
        self.paid.insert(record.uetr.get(), Paid { sequence, sides, amount, is_return, returned: 0 });
        let (height, amount_signed) = (self.height, i128::from(amount));
        let position = self.position_at(debtor).expect("known");
        let cycle = self.open_cycle(self.positions[position].currency);
        let is_unlinked = self.is_planted(Planted::CreditorUnlinked);
        let mut row = OutcomeRow::accepted(Outcome::Cleared, amount);
        let payer = self.account(debtor);
        payer.balance -= amount_signed;
        row.debtor_previous = std::mem::replace(&mut payer.last_posting, sequence).into();
        let payee = self.account(creditor);
        payee.balance += amount_signed;
        payee.touched = height;
        if !is_unlinked {
            row.creditor_previous = std::mem::replace(&mut payee.last_posting, sequence).into();
        }
        let (from, to) = (self.position_at(debtor), self.position_at(creditor));
        if from != to {
            *self.positions[from.expect("known")].nets.entry(cycle).or_default() -= amount_signed;
            *self.positions[to.expect("known")].nets.entry(cycle).or_default() += amount_signed;
        }
        row
    }
}

fn note(reasons: &mut Reasons, applies: bool, reason: RejectReason) {
    if applies {
        reasons.insert(reason);
    }
}

fn as_signed(sum: u128) -> i128 {
    i128::try_from(sum).expect("sums of 64-bit amounts")
}
