//! The demo's generated load: full batches of plain transfers between hosted accounts, several in flight. The
//! same seed makes the same load but for its ids, which are a run's own. Counts outcomes; judges none.

use std::collections::{BTreeMap, VecDeque};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use feiqian_core::account::AccountHandle;
use feiqian_core::batch::Batch;
use feiqian_core::currency::Currency;
use feiqian_core::limits::BATCH_TRANSFERS_MAX;
use feiqian_core::outcome::{Outcome, OutcomeRow};
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::Record;
use feiqian_runtime::admission::{BatchOutcome, Busy, Ticket};
use feiqian_runtime::pipeline::Engine;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::config::DemoConfig;
use crate::fault::Fault;
use crate::founding::nameless_accounts;
use crate::keys::random;
use crate::session::Session;

/// Batches made ahead of the one that is submitted, so that making them is not measured.
const BATCHES_AHEAD: usize = 8;
/// The largest usual transfer of the load, minor units: no account runs dry of them.
const AMOUNT_MAX: u64 = 50_000;
/// One transfer in so many is a large one, and may ask for more than its account has.
const LARGE_EVERY: u64 = 500;
/// The largest of those, minor units: twice what the demo's accounts begin with.
const LARGE_AMOUNT_MAX: u64 = 20_000_000;

/// What a load did.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct LoadResult {
    /// Transfers submitted and answered.
    pub transfers: u64,
    /// By outcome, and for rejected ones by reason.
    pub outcomes: BTreeMap<String, u64>,
    /// From the first submission to the last durable outcome.
    #[serde(rename = "elapsed_ms", serialize_with = "milliseconds")]
    pub elapsed: Duration,
    /// From a batch's submission to its durable outcome, ascending.
    #[serde(skip)]
    pub latencies: Vec<Duration>,
    /// Journal, rows and blocks that it wrote.
    pub disk_bytes: u64,
}

fn milliseconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

impl LoadResult {
    /// Rounded down.
    pub(super) fn transfers_per_second(&self) -> u64 {
        let nanoseconds = self.elapsed.as_nanos().max(1);
        u64::try_from(u128::from(self.transfers) * 1_000_000_000 / nanoseconds).unwrap_or(u64::MAX)
    }

    /// The latency that `percent` of the batches stay within, milliseconds.
    pub(super) fn latency_ms(&self, percent: usize) -> f64 {
        let rank = (self.latencies.len() * percent).div_ceil(100).max(1);
        self.latencies.get(rank - 1).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }

    /// Rounded up.
    pub(super) fn disk_bytes_per_transfer(&self) -> u64 {
        self.disk_bytes.div_ceil(self.transfers.max(1))
    }

    fn count(&mut self, rows: &[OutcomeRow]) {
        self.transfers += rows.len() as u64;
        for row in rows {
            let name = match (row.outcome(), row.reason()) {
                (Some(Outcome::Rejected), Some(reason)) => reason.name(),
                (outcome, _) => outcome.map_or("unknown", Outcome::name),
            };
            match self.outcomes.get_mut(name) {
                Some(count) => *count += 1,
                None => drop(self.outcomes.insert(name.to_owned(), 1)),
            }
        }
    }
}

/// Numbers that follow from a seed: splitmix64.
#[derive(Clone, Debug)]
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, which is not zero.
    fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(end.max(1));
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(usize::try_from(self.below(from.len() as u64)).ok()?)
    }
}

/// One participant's accounts in one currency, and whom they may pay.
#[derive(Clone, Debug)]
struct Payers {
    participant: ParticipantHandle,
    currency: Currency,
    own: Vec<AccountHandle>,
    /// All accounts of the load in that currency.
    all: Vec<AccountHandle>,
}

/// Makes the batches of a load.
#[derive(Clone, Debug)]
struct Maker {
    payers: Vec<Payers>,
    numbers: Numbers,
    /// Upper half of the ids of this run.
    run: u64,
    made: u64,
}

impl Maker {
    fn batch(&mut self, number: u64, count: u64) -> Option<Batch> {
        let turn = usize::try_from(number % self.payers.len() as u64).ok()?;
        let payers = self.payers.get(turn)?;
        let mut records = Vec::with_capacity(BATCH_TRANSFERS_MAX);
        for _ in 0..count {
            let debtor = *self.numbers.pick(&payers.own)?;
            let mut creditor = *self.numbers.pick(&payers.all)?;
            while creditor == debtor {
                creditor = *self.numbers.pick(&payers.all)?;
            }
            self.made += 1;
            let id = (u128::from(self.run) << 64) | u128::from(self.made);
            let largest = if self.numbers.below(LARGE_EVERY) == 0 { LARGE_AMOUNT_MAX } else { AMOUNT_MAX };
            let amount = 1 + self.numbers.below(largest);
            records.push(Record::new(id, debtor, creditor, amount, payers.currency.numeric()));
        }
        Some(Batch::new(payers.participant, records))
    }
}

/// A load over the accounts that no alias names.
#[derive(Debug)]
pub(super) struct Load {
    engine: Engine,
    maker: Maker,
    in_flight: usize,
    /// A batch that was answered, to be sent again.
    pub(super) sample: Option<(Batch, BatchOutcome)>,
}

impl Load {
    /// Of all participants that have such accounts.
    pub(super) fn new(session: &Session, config: &DemoConfig) -> Result<Self, Fault> {
        let payers = payers(session);
        if payers.is_empty() {
            let way = "give a position hosted_accounts = 1250 in the participants file";
            return Err(Fault::Usage(format!("no accounts for the generated load; {way}")));
        }
        // Never zero, whatever the system's randomness says.
        let run = u64::from_le_bytes(random()?) | 1;
        let maker = Maker { payers, numbers: Numbers(config.seed), run, made: 0 };
        Ok(Self { engine: session.engine.clone(), maker, in_flight: config.batches_in_flight, sample: None })
    }

    /// Accounts of the load.
    pub(super) fn accounts(&self) -> u64 {
        self.maker.payers.iter().map(|payers| payers.own.len() as u64).sum()
    }

    /// Clears `transfers` transfers and waits until all are durable and executed.
    pub(super) fn run(&mut self, transfers: u64, is_for_people: bool) -> Result<LoadResult, Fault> {
        let bar = progress(transfers, is_for_people);
        let (made, batches) = std::sync::mpsc::sync_channel(BATCHES_AHEAD);
        let mut maker = self.maker.clone();
        let result = std::thread::scope(|scope| {
            scope.spawn(move || {
                let size = BATCH_TRANSFERS_MAX as u64;
                for number in 0..transfers.div_ceil(size) {
                    let batch = maker.batch(number, size.min(transfers - number * size));
                    // The receiver has stopped with a fault of its own.
                    if batch.is_none_or(|batch| made.send(batch).is_err()) {
                        return;
                    }
                }
            });
            self.submit_all(batches.into_iter(), &bar)
        });
        bar.finish_and_clear();
        result
    }

    fn submit_all(
        &mut self,
        batches: impl Iterator<Item = Batch>,
        bar: &ProgressBar,
    ) -> Result<LoadResult, Fault> {
        let mut result = LoadResult::default();
        let mut waiting: VecDeque<(Instant, Ticket)> = VecDeque::new();
        let mut begun = None;
        for batch in batches {
            let begun = *begun.get_or_insert_with(Instant::now);
            let sample = self.sample.is_none().then(|| batch.clone());
            while waiting.len() >= self.in_flight {
                self.finish_first(&mut waiting, &mut result, bar)?;
            }
            let submitted = Instant::now();
            let ticket = self.submit(&batch, &mut waiting, &mut result, bar)?;
            waiting.push_back((submitted, ticket));
            if let Some(batch) = sample {
                let outcome = self.finish_first(&mut waiting, &mut result, bar)?;
                self.sample = outcome.map(|outcome| (batch, outcome));
            }
            result.elapsed = begun.elapsed();
        }
        while self.finish_first(&mut waiting, &mut result, bar)?.is_some() {
            result.elapsed = begun.map_or(Duration::ZERO, |begun| begun.elapsed());
        }
        result.latencies.sort_unstable();
        Ok(result)
    }

    /// An engine that is busy is given time to answer what it has.
    fn submit(
        &self,
        batch: &Batch,
        waiting: &mut VecDeque<(Instant, Ticket)>,
        result: &mut LoadResult,
        bar: &ProgressBar,
    ) -> Result<Ticket, Fault> {
        loop {
            match self.engine.submit(batch.clone()) {
                Err(Busy::Participant | Busy::Engine) => {
                    if self.finish_first(waiting, result, bar)?.is_none() {
                        std::thread::yield_now();
                    }
                }
                other => return Ok(other?),
            }
        }
    }

    fn finish_first(
        &self,
        waiting: &mut VecDeque<(Instant, Ticket)>,
        result: &mut LoadResult,
        bar: &ProgressBar,
    ) -> Result<Option<BatchOutcome>, Fault> {
        let Some((begun, ticket)) = waiting.pop_front() else { return Ok(None) };
        let outcome = ticket.wait().ok_or(Busy::Closing)?;
        result.latencies.push(begun.elapsed());
        result.count(&outcome.rows);
        bar.inc(outcome.rows.len() as u64);
        Ok(Some(outcome))
    }

    /// Sends the sample again; gives the rows.
    pub(super) fn repeat(&mut self) -> Result<Option<(BatchOutcome, BatchOutcome)>, Fault> {
        let Some((batch, first)) = self.sample.take() else { return Ok(None) };
        let again = self.engine.submit(batch)?.wait().ok_or(Busy::Closing)?;
        Ok(Some((first, again)))
    }
}

fn payers(session: &Session) -> Vec<Payers> {
    let slots = session.engine.directory().registry(|registry| registry.slots().to_vec());
    let mut payers: Vec<Payers> = Vec::new();
    for (slot, terms) in (0..).zip(slots) {
        let own = nameless_accounts(session, slot);
        if !own.is_empty() {
            let (participant, currency) = (terms.participant, terms.currency);
            payers.push(Payers { participant, currency, own, all: Vec::new() });
        }
    }
    let mut all: BTreeMap<Currency, Vec<AccountHandle>> = BTreeMap::new();
    for one in &payers {
        all.entry(one.currency).or_default().extend(&one.own);
    }
    for one in &mut payers {
        one.all = all.get(&one.currency).cloned().unwrap_or_default();
    }
    // An account alone in its currency has nobody to pay.
    payers.retain(|one| one.all.len() > 1);
    payers
}

/// On a terminal alone, and only for people.
fn progress(transfers: u64, is_for_people: bool) -> ProgressBar {
    if !is_for_people || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(transfers);
    match ProgressStyle::with_template("   {bar:40} {human_pos}/{human_len}  {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maker(run: u64) -> Maker {
        let currency = Currency::from_code("EUR").expect("a currency");
        let payers = |participant, own: Vec<u64>| Payers { participant, currency, own, all: vec![1, 2, 3] };
        Maker { payers: vec![payers(0, vec![1]), payers(1, vec![2, 3])], numbers: Numbers(7), run, made: 0 }
    }

    #[test]
    fn the_same_seed_makes_the_same_load_under_other_ids() {
        let [mut a, mut b] = [maker(1), maker(3)];
        for number in 0..4 {
            let [a, b] = [a.batch(number, 50), b.batch(number, 50)].map(|batch| batch.expect("made"));
            assert_eq!(a.participant, b.participant);
            for (a, b) in a.records.iter().zip(&b.records) {
                assert_eq!((a.debtor, a.creditor, a.amount), (b.debtor, b.creditor, b.amount));
                assert_ne!(a.uetr, b.uetr);
                assert!(a.debtor != a.creditor && (1..=LARGE_AMOUNT_MAX).contains(&a.amount.get()));
            }
        }
    }

    #[test]
    fn a_percentile_is_the_latency_that_so_many_stay_within() {
        let latencies = (1..=200).map(Duration::from_millis).collect();
        let result = LoadResult { latencies, ..LoadResult::default() };
        assert_eq!(
            (result.latency_ms(50), result.latency_ms(99), result.latency_ms(100)),
            (100.0, 198.0, 200.0)
        );
    }
}
