//! The posting chains of the journal and its rows, as traces of reported money read them; and the check of a trace that
//! was journaled, by tracing again: for the audit and for a replica. Reads only; the rule is the core's
//! (`feiqian_core::fraud::trace`).

use feiqian_core::account::{AccountHandle, AccountKind};
use feiqian_core::batch::command_bytes;
use feiqian_core::command::{Command, Entry};
use feiqian_core::frame::FrameKind;
use feiqian_core::fraud::trace::{Payment, Payments, trace};
use feiqian_core::fraud::{Case, FraudCommand, Traced};
use feiqian_core::limits::TRACED_POSTINGS_MAX;
use feiqian_core::outcome::{Outcome, OutcomeRow};
use feiqian_core::postings::brought_back_by;
use feiqian_core::registry::Registry;
use feiqian_core::state::{Fault, History, State};
use feiqian_core::transfer::flags;
use feiqian_core::uetr::Uetr;
use zerocopy::FromBytes as _;

use crate::execution::view_of_copy;
use crate::history::{frame_holding, record_in, records_of};
use crate::journal::{Frame, JournalReader};
use crate::query::QueryFault;
use crate::storage::Storage;
use crate::stores::{OutcomeStore, StoreFault};

/// What is known of an account: whether it is kept here, and its last posting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Known {
    pub(crate) is_hosted: bool,
    pub(crate) last_posting: u64,
}

impl Known {
    pub(crate) fn of(registry: &Registry, account: AccountHandle, last_posting: u64) -> Option<Self> {
        let terms = registry.account(account)?;
        Some(Self { is_hosted: terms.kind == AccountKind::Hosted, last_posting })
    }
}

/// Postings of an account behind the last sequence of a trace that a question walks over: some seconds.
pub(crate) const NEWER_POSTINGS_MAX: u64 = 1 << 20;

/// Walks back from the last postings that `known` says, over at most `newer_max` of an account that are behind the trace.
pub(crate) struct Chains<'a, S: Storage, K> {
    pub(crate) journal: &'a JournalReader<S>,
    pub(crate) outcomes: &'a OutcomeStore<S>,
    pub(crate) known: K,
    pub(crate) newer_max: u64,
}

impl<S: Storage, K: Fn(AccountHandle) -> Option<Known>> Payments for Chains<'_, S, K> {
    type Fault = QueryFault;

    fn is_hosted(&mut self, account: AccountHandle) -> bool {
        (self.known)(account).is_some_and(|known| known.is_hosted)
    }

    fn payments(
        &mut self,
        account: AccountHandle,
        after: u64,
        until: u64,
    ) -> Result<Option<Vec<Payment>>, QueryFault> {
        let mut sequence = (self.known)(account).map_or(0, |known| known.last_posting);
        let (mut paid, mut seen, mut newer) = (Vec::new(), 0, 0);
        let mut held = None;
        while sequence > after {
            let count = if sequence <= until { &mut seen } else { &mut newer };
            *count += 1;
            if seen > TRACED_POSTINGS_MAX as u64 {
                return Ok(None);
            }
            if newer > self.newer_max {
                return Err(QueryFault::TooManyNewer(account));
            }
            let frame = frame_holding(self.journal, &mut held, sequence)?;
            let record = record_in(frame, sequence)?.ok_or(QueryFault::Unreadable(sequence))?;
            let row = row_of(self.outcomes, sequence)?;
            let is_debit = record.debtor.get() == account;
            if record.flags.get() & flags::COMMAND != 0 || !(is_debit || record.creditor.get() == account) {
                return Err(QueryFault::Unreadable(sequence));
            }
            if is_debit && sequence <= until {
                let (creditor, amount) = (record.creditor.get(), row.amount.get());
                paid.push(Payment { sequence, creditor, amount, back: brought_back_by(&record) });
            }
            sequence = if is_debit { row.debtor_previous } else { row.creditor_previous }.get();
        }
        Ok(Some(paid))
    }
}

fn row_of<S: Storage>(outcomes: &OutcomeStore<S>, sequence: u64) -> Result<OutcomeRow, QueryFault> {
    let bytes = outcomes.read_row(sequence)?;
    let row = OutcomeRow::read_from_bytes(&bytes).map_err(|_| QueryFault::Unreadable(sequence))?;
    // Not written before a crash: the next start writes it.
    if row.outcome == 0 { Err(StoreFault::Absent(sequence).into()) } else { Ok(row) }
}

/// A trace that a frame holds, with the case that it is of, as the state before the frame has it.
pub(crate) struct JournaledTrace {
    case: (u128, Case),
    as_of: u64,
    traced: Vec<Traced>,
}

impl JournaledTrace {
    /// Of a command frame that submits one for a case which runs, or that approves what does.
    pub(crate) fn of(frame: &Frame, state: &State) -> Option<Self> {
        if frame.header.kind != FrameKind::Command {
            return None;
        }
        let entry = Entry::decode(command_bytes(&frame.payload).ok()?).ok()?;
        let command = state.registry().puts_in_force(&entry.command)?;
        let Command::Fraud(FraudCommand::Hold { case, as_of, traced }) = command else { return None };
        let found = state.registry().cases().get(*case)?.clone();
        Some(Self { case: (*case, found), as_of: *as_of, traced: traced.clone() })
    }

    /// What is wrong with it, for people, where it has been accepted and tracing again gives another one; `state` has
    /// applied the frame.
    ///
    /// # Errors
    /// [`QueryFault`] where journal or rows can't be read.
    pub(crate) fn wrong<S: Storage>(
        &self,
        state: &State,
        (journal, outcomes): (&JournalReader<S>, &OutcomeStore<S>),
    ) -> Result<Option<String>, QueryFault> {
        let known = |account| {
            let last = state.account(account)?.last_posting;
            Known::of(state.registry(), account, last)
        };
        // However old it is: it must not go unchecked for that.
        let mut chains = Chains { journal, outcomes, known, newer_max: u64::MAX };
        let again = trace((self.case.0, &self.case.1), self.as_of, &mut chains)?;
        Ok(self.difference(&again.traced))
    }

    /// As [`JournaledTrace::wrong`], by a replay of the journal up to `frames` and of those, which believes no stored row.
    ///
    /// # Errors
    /// Faults of the replay.
    pub(crate) fn wrong_by_replay<S: Storage>(
        &self,
        registry: &Registry,
        (reader, frames): (&JournalReader<S>, &[Frame]),
        history: &impl History,
    ) -> Result<Option<String>, Fault> {
        let from = self.case.1.as_of.max(self.case.1.sequence);
        let moved = moved(reader, frames, history, (from, self.as_of))?;
        let Ok(again) = trace((self.case.0, &self.case.1), self.as_of, &mut Replayed { moved, registry });
        Ok(self.difference(&again.traced))
    }

    /// In words: the first account that differs.
    fn difference(&self, again: &[Traced]) -> Option<String> {
        if again == self.traced {
            return None;
        }
        let of = |list: &[Traced], account| list.iter().find(|at| at.account == account).cloned();
        let accounts = self.traced.iter().chain(again).map(|at| at.account);
        let first = accounts.filter(|at| of(&self.traced, *at) != of(again, *at)).min();
        let case = Uetr::new(self.case.0).map_or_else(String::new, |id| id.to_string());
        let what = format!("the trace of case {case}");
        Some(first.map_or_else(
            || format!("{what} is in no order"),
            |account| {
                let left = |list| of(list, account).map_or(0, |at| at.amount);
                let (said, is) = (left(&self.traced), left(again));
                format!("{what} has {said} minor units on account {account}, where the postings leave {is}")
            },
        ))
    }
}

/// A transfer that has moved money.
struct Moved {
    payment: Payment,
    debtor: AccountHandle,
}

/// What has moved behind `from` and up to `until`, by a replay from nothing: one number for each, in memory.
fn moved<S: Storage>(
    reader: &JournalReader<S>,
    frames: &[Frame],
    history: &impl History,
    (from, until): (u64, u64),
) -> Result<Vec<Moved>, Fault> {
    let end = frames.first().map_or(u64::MAX, |frame| frame.header.first_sequence);
    let (mut state, mut all) = (State::default(), Vec::new());
    for frame in reader.frames_from(1) {
        let sequence = state.next_sequence();
        if sequence >= end || sequence > until {
            break;
        }
        let frame = frame.map_err(|_| Fault::HistoryMissing { sequence })?;
        move_frame(&mut state, &frame, history, &mut all)?;
    }
    for frame in frames.iter().take_while(|frame| frame.header.first_sequence <= until) {
        move_frame(&mut state, frame, history, &mut all)?;
    }
    all.retain(|at| at.payment.sequence > from && at.payment.sequence <= until);
    Ok(all)
}

fn move_frame(
    state: &mut State,
    frame: &Frame,
    history: &impl History,
    all: &mut Vec<Moved>,
) -> Result<(), Fault> {
    let mut rows = Vec::new();
    state.apply(&view_of_copy(frame), history, &mut rows)?;
    if frame.header.kind == FrameKind::Command {
        return Ok(());
    }
    let records = records_of(frame).unwrap_or_default();
    for ((record, row), sequence) in records.iter().zip(&rows).zip(frame.header.first_sequence..) {
        if row.outcome() != Some(Outcome::Cleared) {
            continue;
        }
        let (creditor, amount, back) = (record.creditor.get(), row.amount.get(), brought_back_by(record));
        all.push(Moved {
            payment: Payment { sequence, creditor, amount, back },
            debtor: record.debtor.get(),
        });
    }
    Ok(())
}

/// What a replay has moved.
struct Replayed<'a> {
    moved: Vec<Moved>,
    registry: &'a Registry,
}

impl Payments for Replayed<'_> {
    type Fault = std::convert::Infallible;

    fn is_hosted(&mut self, account: AccountHandle) -> bool {
        self.registry.account(account).is_some_and(|terms| terms.kind == AccountKind::Hosted)
    }

    fn payments(
        &mut self,
        account: AccountHandle,
        after: u64,
        until: u64,
    ) -> Result<Option<Vec<Payment>>, Self::Fault> {
        let timely =
            self.moved.iter().filter(|at| at.payment.sequence > after && at.payment.sequence <= until);
        let own: Vec<_> = timely.filter(|at| [at.debtor, at.payment.creditor].contains(&account)).collect();
        let paid = own.iter().filter(|at| at.debtor == account).map(|at| at.payment);
        Ok((own.len() <= TRACED_POSTINGS_MAX).then(|| paid.collect()))
    }
}
