//! The posting chains of the journal and its rows, as traces of reported money read them; and the check of a trace that
//! was journaled, by tracing again. Reads only; the rule is the core's (`feiqian_core::fraud::trace`).

use feiqian_core::account::{AccountHandle, AccountKind};
use feiqian_core::batch::command_bytes;
use feiqian_core::command::{Command, Entry};
use feiqian_core::frame::FrameKind;
use feiqian_core::fraud::trace::{Payment, Payments, trace};
use feiqian_core::fraud::{Case, FraudCommand, Traced};
use feiqian_core::limits::TRACED_POSTINGS_MAX;
use feiqian_core::outcome::OutcomeRow;
use feiqian_core::registry::Registry;
use feiqian_core::state::State;
use feiqian_core::transfer::flags;
use zerocopy::FromBytes as _;

use crate::history::entry_of;
use crate::journal::{Durable, Frame, JournalReader};
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

/// Walks back from the last postings that `known` says.
pub(crate) struct Chains<'a, S: Storage, K> {
    pub(crate) journal: &'a JournalReader<S>,
    pub(crate) outcomes: &'a OutcomeStore<S>,
    pub(crate) known: K,
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
        let (mut paid, mut seen) = (Vec::new(), 0);
        let mut frame: Option<Durable<Frame>> = None;
        while sequence > after {
            seen += 1;
            if seen > TRACED_POSTINGS_MAX {
                return Ok(None);
            }
            let held = frame.take().filter(|frame| frame.header.first_sequence <= sequence);
            let held = frame.insert(match held {
                Some(held) => held,
                None => self.journal.frame_at(sequence)?,
            });
            let record = entry_of(held, sequence).ok_or(QueryFault::Unreadable(sequence))?.record;
            let row = row_of(self.outcomes, sequence)?;
            let is_debit = record.debtor.get() == account;
            if record.flags.get() & flags::COMMAND != 0 || !(is_debit || record.creditor.get() == account) {
                return Err(QueryFault::Unreadable(sequence));
            }
            if is_debit && sequence <= until {
                let (creditor, amount) = (record.creditor.get(), row.amount.get());
                paid.push(Payment { sequence, creditor, amount });
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
    sequence: u64,
    case: Case,
    as_of: u64,
    traced: Vec<Traced>,
}

impl JournaledTrace {
    /// Of a command frame that submits one for a case which runs.
    pub(crate) fn of(frame: &Frame, state: &State) -> Option<Self> {
        if frame.header.kind != FrameKind::Command {
            return None;
        }
        let entry = Entry::decode(command_bytes(&frame.payload).ok()?).ok()?;
        let Command::Fraud(FraudCommand::Hold { case, as_of, traced }) = entry.command else { return None };
        let case = state.registry().cases().get(case)?.clone();
        Some(Self { sequence: frame.header.first_sequence, case, as_of, traced })
    }

    /// Whether tracing again gives the same; `state` has applied the frame.
    ///
    /// # Errors
    /// [`QueryFault`] where journal or rows can't be read.
    pub(crate) fn is_right<S: Storage>(
        &self,
        state: &State,
        (journal, outcomes): (&JournalReader<S>, &OutcomeStore<S>),
    ) -> Result<bool, QueryFault> {
        let known = |account| {
            let last = state.account(account)?.last_posting;
            Known::of(state.registry(), account, last)
        };
        let again = trace(&self.case, self.as_of, &mut Chains { journal, outcomes, known })?;
        Ok(self.as_of < self.sequence && again.traced == self.traced)
    }
}
