//! Runs a journal twice on the engine, side by side in memory: as it was, and as it is asked. The second run gets the
//! same frames with the same times, but for what a left-out bank had to do with; its commands are the real ones, with
//! their real approvals, and what they set is overridden right behind them. Payments that wait are released after each
//! block, by the core's own plan on the queue as it then is, at the block's time; the real releases are left out.

use std::collections::BTreeMap;

use feiqian_core::account::AccountHandle;
use feiqian_core::batch::{Batch, Payload, PayloadBuilder, command_bytes};
use feiqian_core::claim::ENGINE;
use feiqian_core::command::{Command, Entry};
use feiqian_core::delta::Delta;
use feiqian_core::frame::FrameKind;
use feiqian_core::liquidity::plan::Plan;
use feiqian_core::liquidity::queue::Queued;
use feiqian_core::outcome::{Outcome, OutcomeRow};
use feiqian_core::participant::CycleNumber;
use feiqian_core::state::{Fault as Broken, FrameView, History, State};
use feiqian_core::suppose::Supposition;
use feiqian_core::transfer::Record;
use feiqian_runtime::history::JournalHistory;
use feiqian_runtime::journal::{Frame, JournalReader};
use feiqian_runtime::storage::Storage;

use super::omission::{MovedUp, Places, Remainder, without};
use super::question::Question;
use super::tally::{Decided, Tally, held_before};
use crate::fault::Fault;

/// A release that came to nothing is asked for again after 2, 4, 8 and at the most two to this power blocks.
const RESTS_MAX: u32 = 8;

/// One execution with its count.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Where it stands.
    pub state: State,
    /// What it did.
    pub tally: Tally,
}

/// A command that one run accepted and the other did not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OtherDecision {
    /// Its sequence in the journal.
    pub sequence: u64,
    /// What became of it there.
    pub real: String,
    /// And in the supposed run.
    pub supposed: String,
}

/// Both runs, at the journal's end.
#[derive(Debug)]
pub struct Day {
    /// As it was.
    pub real: Run,
    /// As it is asked.
    pub supposed: Run,
    /// Entries of the journal from where the two began to differ.
    pub entries: u64,
    /// Records that were left out.
    pub left_out: u64,
    /// Commands that were decided otherwise.
    pub other_decisions: Vec<OtherDecision>,
}

/// Runs a journal from its first entry; the question is put from the opening of a cycle on, or from the beginning.
///
/// # Errors
/// [`Fault::Data`] where a frame can't be read or executed; [`Fault::Absent`] for a cycle or a participant that the
/// journal doesn't have.
pub fn run<S: Storage>(
    reader: &JournalReader<S>,
    question: &Question,
    from: Option<CycleNumber>,
) -> Result<Day, Fault> {
    let history = JournalHistory::new(reader.clone());
    let mut runs = Runs::new(question);
    for frame in reader.frames_from(1) {
        let frame = frame.map_err(|error| Fault::Data(format!("{error}: run `feiqian audit`")))?;
        if runs.supposed.is_none() && runs.real.state.registry().open_cycle() >= from.unwrap_or(0) {
            runs.begin(frame.header.first_sequence);
        }
        let sequence = frame.header.first_sequence;
        runs.step(&frame, &history)
            .map_err(|broken| Fault::Data(format!("sequence {sequence}: {broken}")))?;
    }
    question.check(runs.real.state.registry())?;
    let Some(supposed) = runs.supposed else {
        return Err(Fault::Absent(format!("cycle {} has not opened", from.unwrap_or(0))));
    };
    Ok(Day {
        real: runs.real,
        supposed: supposed.run,
        entries: runs.entries,
        left_out: supposed.left_out,
        other_decisions: runs.other_decisions,
    })
}

struct Runs<'a> {
    question: &'a Question,
    real: Run,
    supposed: Option<Supposed>,
    entries: u64,
    other_decisions: Vec<OtherDecision>,
}

/// The run that is asked for, and how it differs from the journal.
struct Supposed {
    run: Run,
    places: Places,
    /// Releases that are not in the journal, by sequence.
    own: BTreeMap<u64, Record>,
    left_out: u64,
}

/// A frame's rows, and what it sealed.
type Applied = (Vec<OutcomeRow>, Option<Delta>);

impl<'a> Runs<'a> {
    fn new(question: &'a Question) -> Self {
        Self { question, real: Run::default(), supposed: None, entries: 0, other_decisions: Vec::new() }
    }

    /// From here on there are two, and both are counted.
    fn begin(&mut self, sequence: u64) {
        self.real.tally = Tally::beginning_at(&self.real.state);
        let run = self.real.clone();
        let mut supposed = Supposed { run, places: Places::default(), own: BTreeMap::new(), left_out: 0 };
        supposed.places.note(1, 1);
        debug_assert_eq!(supposed.run.state.next_sequence(), sequence);
        let accounts = self.real.state.registry().accounts().len() as u64;
        supposed.run.state.suppose(&self.limits(0..accounts));
        self.supposed = Some(supposed);
    }

    fn step(&mut self, frame: &Frame, history: &impl History) -> Result<(), Broken> {
        let accounts_before = self.real.state.registry().accounts().len() as u64;
        let payload = match frame.header.kind {
            FrameKind::Transfers => Payload::parse(&frame.payload, frame.header.count).ok(),
            FrameKind::Command => None,
        };
        // Asked before the frame is applied: nothing in it opens an account.
        let bank = match self.question {
            Question::Without(bic) => self.real.state.registry().participant_of(*bic),
            _ => None,
        };
        let registry = self.real.state.registry();
        let remainder = self.supposed.as_ref().and(payload.as_ref());
        let remainder = remainder.and_then(|payload| without(payload, bank, registry));
        let (real_rows, _) =
            self.real.apply(&whole(frame, frame.header.first_sequence), payload.as_ref(), history)?;
        let Some(supposed) = &mut self.supposed else { return Ok(()) };
        self.entries += u64::from(frame.header.count);
        let (rows, seals) = supposed.step(frame, (payload.as_ref(), remainder.as_ref()), history)?;
        if frame.header.kind == FrameKind::Command {
            self.compare(frame, &real_rows, &rows);
            self.follow(frame, accounts_before);
        }
        match &mut self.supposed {
            Some(supposed) if seals => supposed.release(frame, history),
            _ => Ok(()),
        }
    }

    fn compare(&mut self, frame: &Frame, real: &[OutcomeRow], supposed: &[OutcomeRow]) {
        let text = |rows: &[OutcomeRow]| {
            let row = rows.first()?;
            Some(
                row.reason()
                    .map_or_else(|| row.outcome().map_or("unknown", Outcome::name), |reason| reason.name()),
            )
        };
        if let (Some(real), Some(supposed)) = (text(real), text(supposed))
            && real != supposed
        {
            let (real, supposed) = (real.to_owned(), supposed.to_owned());
            self.other_decisions.push(OtherDecision {
                sequence: frame.header.first_sequence,
                real,
                supposed,
            });
        }
    }

    /// Overrides what a command has set.
    fn follow(&mut self, frame: &Frame, accounts_before: u64) {
        let accounts = self.real.state.registry().accounts().len() as u64;
        let command = command_bytes(&frame.payload).ok().and_then(|bytes| Entry::decode(bytes).ok());
        let limits = match command.map(|entry| entry.command) {
            Some(Command::Seal { .. } | Command::RegisterAlias { .. }) | None => return,
            Some(Command::SetCreditLine { account, .. }) => {
                self.limits(account..account.saturating_add(1).min(accounts))
            }
            // A command of commands may change any: a proposal that is approved.
            Some(
                Command::OpenPosition { .. } | Command::OpenAccounts { .. } | Command::SetNetDebitCap { .. },
            ) => self.limits(accounts_before..accounts),
            Some(_) => self.limits(0..accounts),
        };
        if let Some(supposed) = &mut self.supposed {
            supposed.run.state.suppose(&limits);
        }
    }

    /// What is supposed of all positions and of these accounts, from what commands have set.
    fn limits(&self, accounts: std::ops::Range<AccountHandle>) -> Supposition {
        let registry = self.real.state.registry();
        let slots = (0..).zip(registry.slots());
        let caps = slots.filter_map(|(slot, terms)| Some((slot, self.question.cap(terms, registry)?)));
        let line = |account| {
            let terms = registry.account(account)?;
            Some((account, self.question.credit_line(terms.credit_line)?))
        };
        Supposition { caps: caps.collect(), credit_lines: accounts.filter_map(line).collect() }
    }
}

impl Run {
    fn apply(
        &mut self,
        view: &FrameView<'_>,
        payload: Option<&Payload<'_>>,
        history: &impl History,
    ) -> Result<Applied, Broken> {
        let records = payload.map_or(&[][..], |payload| payload.records);
        let held = held_before(&self.state, records);
        let mut rows = Vec::new();
        let applied = self.state.apply(view, history, &mut rows)?;
        let decided = payload.map(|_| Decided { records, rows: &rows, held: &held });
        self.tally.take(&self.state, view.timestamp, decided, applied.delta.as_ref());
        Ok((rows, applied.delta))
    }
}

impl Supposed {
    fn step(
        &mut self,
        frame: &Frame,
        (payload, remainder): (Option<&Payload<'_>>, Option<&Remainder>),
        history: &impl History,
    ) -> Result<(Vec<OutcomeRow>, bool), Broken> {
        let (first, real) = (self.run.state.next_sequence(), frame.header.first_sequence);
        let Some(left) = remainder else {
            self.places.note(first, real);
            let history = MovedUp { journal: history, places: &self.places, own: &self.own };
            let (rows, delta) = self.run.apply(&whole(frame, first), payload, &history)?;
            return Ok((rows, delta.is_some()));
        };
        let records = payload.map_or(&[][..], |payload| payload.records);
        for record in left.left_out.iter().filter_map(|at| records.get(*at)) {
            self.left_out += 1;
            self.run.tally.leave_out(&self.run.state, record);
        }
        for (at, here) in left.kept.iter().zip(first..) {
            self.places.note(here, real + *at as u64);
        }
        let rows = self.apply(frame, (&left.payload, left.kept.len()), history)?;
        Ok((rows, false))
    }

    /// Releases what can go out of the queue as the block has left it. One that came to nothing is asked for again
    /// after twice as many blocks each time.
    fn release(&mut self, frame: &Frame, history: &impl History) -> Result<(), Broken> {
        let state = &self.run.state;
        if state.queue().is_empty() {
            return Ok(());
        }
        let height = state.registry().open_block();
        let rests = |_, queued: &Queued| !height.is_multiple_of(1 << queued.attempts.min(RESTS_MAX));
        let Some(plan) = Plan::of(state, frame.header.timestamp, rests) else { return Ok(()) };
        for set in plan.releases() {
            self.own.extend((self.run.state.next_sequence()..).zip(set.iter().copied()));
            let mut builder = PayloadBuilder::default();
            builder.push(Batch::new(ENGINE, set));
            let (payload, count) = builder.finish();
            self.apply(frame, (&payload, count as usize), history)?;
        }
        Ok(())
    }

    /// Executes transfers of a payload of its own, at a frame's time.
    fn apply(
        &mut self,
        frame: &Frame,
        (bytes, count): (&[u8], usize),
        history: &impl History,
    ) -> Result<Vec<OutcomeRow>, Broken> {
        let first = self.run.state.next_sequence();
        let malformed = Broken::Malformed { sequence: frame.header.first_sequence };
        let count = u32::try_from(count).map_err(|_| malformed)?;
        if count == 0 {
            return Ok(Vec::new());
        }
        let payload = Payload::parse(bytes, count).map_err(|_| malformed)?;
        let view = FrameView { kind: FrameKind::Transfers, count, payload: bytes, ..whole(frame, first) };
        let history = MovedUp { journal: history, places: &self.places, own: &self.own };
        Ok(self.run.apply(&view, Some(&payload), &history)?.0)
    }
}

/// A frame as the core reads it, at a sequence of its own.
fn whole(frame: &Frame, first_sequence: u64) -> FrameView<'_> {
    FrameView {
        kind: frame.header.kind,
        first_sequence,
        count: frame.header.count,
        timestamp: frame.header.timestamp,
        hash: frame.hash,
        payload: &frame.payload,
    }
}
