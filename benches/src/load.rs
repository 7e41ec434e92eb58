//! A load on a running engine: eight participants submit full batches, several in flight, and the result is
//! checked: all clear, positions sum to zero.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use feiqian_core::batch::Batch;
use feiqian_core::bic::Bic;
use feiqian_core::command::{Command, Entry};
use feiqian_core::currency::Currency;
use feiqian_core::limits::BATCH_TRANSFERS_MAX;
use feiqian_core::outcome::Outcome;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::Record;
use feiqian_proof::signature::SigningKey;
use feiqian_runtime::admission::Ticket;
use feiqian_runtime::options::EngineOptions;
use feiqian_runtime::pipeline::Engine;

use crate::chain::{CHAIN_ID, PARTICIPANTS, approved, genesis, test_officer_keys};
use crate::generator::{Accounts, Numbers};

/// Batches in flight: enough that every stage of the pipeline has one.
const IN_FLIGHT: usize = 16;
/// What each account begins with, minor units: no load empties it.
const FUNDS: u64 = 100_000_000_000;

/// An engine with accounts, and the numbers of its load.
#[derive(Debug)]
pub struct Load {
    engine: Engine,
    numbers: Numbers,
    /// Submitting participants, each with its accounts.
    accounts: Vec<(ParticipantHandle, Accounts)>,
}

/// What a run measured.
#[derive(Clone, Debug)]
pub struct Run {
    /// From the first submission to the last durable outcome and the seal of the last block.
    pub elapsed: Duration,
    /// Of each batch, from submission to durable outcome; ascending.
    pub latencies: Vec<Duration>,
}

impl Load {
    /// Begins an engine in a fresh directory and opens `accounts` funded accounts over eight participants.
    ///
    /// # Panics
    /// If the engine does not do what it is told: a benchmark has nobody to tell.
    #[must_use]
    pub fn begin(options: &EngineOptions, key: &SigningKey, accounts: u32) -> Self {
        let mut numbers = Numbers::new(11);
        let first = genesis(&mut numbers);
        let engine = Engine::create(options, key.clone(), &first).expect("a fresh directory");
        let mut load = Self { engine, numbers, accounts: Vec::new() };
        let currency = Currency::from_code("EUR").expect("EUR is in the table");
        let owners: Vec<_> =
            (0..PARTICIPANTS).map(|number| load.open(number, currency, accounts / PARTICIPANTS)).collect();
        let all: Vec<_> = owners.iter().flat_map(|(_, own)| own.clone()).collect();
        for (number, (clearing, own)) in owners.into_iter().enumerate() {
            let participant = number as u32;
            load.fund(participant, clearing, &own, currency);
            let accounts = Accounts { own, all: all.clone(), currency: currency.numeric() };
            load.accounts.push((participant, accounts));
        }
        load
    }

    fn open(&mut self, number: u32, currency: Currency, count: u32) -> (u64, Vec<u64>) {
        let bic = Bic::parse(&format!("LOADXX0{number}")).expect("a BIC of eight characters");
        let name = format!("Load bank {number}");
        self.command(Command::RegisterParticipant { bic, name, key: None });
        let clearing = self.command(Command::OpenPosition { bic, currency, cap: 1 << 60 });
        let first = self.command(Command::OpenAccounts { bic, currency, count, credit_line: 0 });
        (clearing, (first..first + u64::from(count)).collect())
    }

    fn command(&mut self, command: Command) -> u64 {
        let id = self.numbers.id();
        let entry: Entry = approved(id, command, &CHAIN_ID, &test_officer_keys());
        let outcome = self.engine.command(&entry).expect("room for a command").wait().expect("running");
        assert_eq!(outcome.row.outcome(), Some(Outcome::Cleared), "{:?}", outcome.row.reason());
        outcome.first_account.unwrap_or(0)
    }

    fn fund(&mut self, participant: u32, clearing: u64, own: &[u64], currency: Currency) {
        for accounts in own.chunks(BATCH_TRANSFERS_MAX) {
            let records = accounts
                .iter()
                .map(|account| Record::new(self.numbers.id(), clearing, *account, FUNDS, currency.numeric()));
            let batch = Batch::new(participant, records.collect());
            check(self.engine.submit(batch).expect("nothing else is in flight"));
        }
    }

    /// The engine under load.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Sends `transfers` in full batches, made before the clock starts, and waits until all are sealed.
    ///
    /// # Panics
    /// If not all clear, or positions do not sum to zero.
    pub fn run(&mut self, transfers: usize) -> Run {
        let batches: Vec<_> = (0..transfers.div_ceil(BATCH_TRANSFERS_MAX))
            .map(|number| {
                let count = (transfers - number * BATCH_TRANSFERS_MAX).min(BATCH_TRANSFERS_MAX);
                self.batch(number % self.accounts.len(), count)
            })
            .collect();
        let mut waiting = VecDeque::new();
        let mut latencies = Vec::with_capacity(batches.len());
        let begun = Instant::now();
        for batch in batches {
            waiting.push_back((Instant::now(), self.engine.submit(batch).expect("within the bounds")));
            if waiting.len() >= IN_FLIGHT {
                latencies.extend(finish_first(&mut waiting));
            }
        }
        while let Some(latency) = finish_first(&mut waiting) {
            latencies.push(latency);
        }
        self.engine.seal().expect("room for a command");
        let elapsed = begun.elapsed();
        latencies.sort_unstable();
        self.check_positions();
        Run { elapsed, latencies }
    }

    fn check_positions(&self) {
        let sum: i128 =
            self.engine.ask(|sealer| sealer.mirror().slots.iter().map(|slot| slot.position).sum());
        assert_eq!(sum, 0, "positions sum to zero");
    }

    fn batch(&mut self, at: usize, count: usize) -> Batch {
        let (participant, accounts) = &self.accounts[at];
        let records = (0..count).map(|_| accounts.transfer(&mut self.numbers)).collect();
        Batch::new(*participant, records)
    }
}

fn finish_first(waiting: &mut VecDeque<(Instant, Ticket)>) -> Option<Duration> {
    let (begun, ticket) = waiting.pop_front()?;
    check(ticket);
    Some(begun.elapsed())
}

fn check(ticket: Ticket) {
    let outcome = ticket.wait().expect("the engine runs");
    assert!(outcome.rows.iter().all(|row| row.outcome() == Some(Outcome::Cleared)), "all of the load clears");
}
