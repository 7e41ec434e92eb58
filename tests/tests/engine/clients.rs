//! Many clients at once, resubmissions, restarts, and a shutdown in the midst of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use feiqian_core::batch::Batch;
use feiqian_core::outcome::{Outcome, OutcomeRow};
use feiqian_core::transfer::Record;
use feiqian_runtime::admission::{BatchOutcome, Busy};
use feiqian_runtime::history::records_of;
use feiqian_runtime::pipeline::Engine;
use feiqian_tests::dice::Dice;
use feiqian_tests::world::World;
use zerocopy::IntoBytes as _;

use crate::house::{House, in_time, picture};

/// Accounts that each of two banks pays from, and all are paid to.
const PAYERS: [(&str, &[&str]); 2] = [("A", &["A", "a1", "a2", "a3"]), ("B", &["B", "b1"])];

/// The batches of one client: small payments between all accounts, funded or not.
pub(crate) fn batches(world: &World, client: u64, count: u64) -> Vec<Batch> {
    let mut dice = Dice::new(client + 1);
    let (bank, own) = PAYERS[usize::try_from(client % 2).expect("small")];
    let all: Vec<u64> =
        PAYERS.iter().flat_map(|(_, names)| *names).chain(&["C"]).map(|name| world.account(name)).collect();
    let mut pick = |from: &[u64]| from[usize::try_from(dice.below(from.len() as u64)).expect("small")];
    let own: Vec<u64> = own.iter().map(|name| world.account(name)).collect();
    let mut batch = |number: u64| {
        let record = |at: u64| {
            let id = (u128::from(client) + 1) << 64 | u128::from(number) << 32 | u128::from(at);
            Record::new(id, pick(&own), pick(&all), 1 + at % 30, 978)
        };
        Batch::new(world.bank(bank), (0..40).map(record).collect())
    };
    (0..count).map(&mut batch).collect()
}

/// Sends all, four in flight at a time; a client that is told to wait takes an answer first.
fn send_all(engine: &Engine, batches: &[Batch]) -> Vec<BatchOutcome> {
    let (mut answers, mut tickets) = (Vec::new(), std::collections::VecDeque::new());
    for batch in batches {
        let ticket = loop {
            match engine.submit(batch.clone()) {
                Ok(ticket) => break ticket,
                Err(Busy::Engine | Busy::Participant) => thread::yield_now(),
                Err(fault) => panic!("{fault}"),
            }
        };
        tickets.push_back(ticket);
        if tickets.len() == 4 {
            answers.extend(tickets.pop_front().map(|ticket| ticket.wait().expect("it runs")));
        }
    }
    answers.extend(tickets.into_iter().map(|ticket| ticket.wait().expect("it runs")));
    answers
}

/// All clients at once.
pub(crate) fn send_at_once(engine: &Engine, clients: &[Vec<Batch>]) -> Vec<Vec<BatchOutcome>> {
    thread::scope(|scope| {
        let threads: Vec<_> = clients.iter().map(|own| scope.spawn(|| send_all(engine, own))).collect();
        threads.into_iter().map(|client| client.join().expect("it ends")).collect()
    })
}

/// What the accounts must hold after what has cleared.
fn check_balances(engine: &Engine, sent: &[Vec<Batch>], answers: &[Vec<BatchOutcome>]) {
    engine.seal().expect("room");
    let picture = picture(engine);
    let mut balances = vec![0_i128; picture.accounts.len()];
    let records = sent.iter().flatten().flat_map(|batch| &batch.records);
    let rows = answers.iter().flatten().flat_map(|answer| &answer.rows);
    let mut cleared = 0;
    for (record, _) in records.zip(rows).filter(|(_, row)| row.outcome() == Some(Outcome::Cleared)) {
        cleared += 1;
        balances[usize::try_from(record.debtor.get()).expect("small")] -= i128::from(record.amount.get());
        balances[usize::try_from(record.creditor.get()).expect("small")] += i128::from(record.amount.get());
    }
    assert!(cleared > 1_000, "{cleared}");
    assert_eq!(balances.iter().sum::<i128>(), 0);
    let held: Vec<i128> = picture.accounts.iter().map(|(_, cell)| cell.balance).collect();
    assert_eq!(held, balances);
}

/// Each row names the sequence that its record had first.
fn check_repeated(answers: &[Vec<BatchOutcome>], first: &[Vec<BatchOutcome>]) {
    for (again, first) in answers.iter().flatten().zip(first.iter().flatten()) {
        for (row, original) in again.rows.iter().zip(first.first_sequence..) {
            assert_eq!(row, &OutcomeRow::duplicate(original));
        }
    }
}

#[test]
fn i2_i3_many_clients_conserve_and_are_answered_exactly_once_over_restarts() {
    in_time(|| {
        for shards in [1, 3] {
            let mut house = House::new(shards);
            // So short that runs are merged, and that the filter of ids grows several times while they come.
            house.options.id_run_entries = 100;
            let (engine, world) = house.furnished();
            let clients: Vec<_> = (0..4).map(|client| batches(&world, client, 25)).collect();
            let first = send_at_once(&engine, &clients);
            check_balances(&engine, &clients, &first);
            // Each twice, at once.
            let twice = [clients.clone(), clients.clone()].concat();
            let again = send_at_once(&engine, &twice);
            check_repeated(&again[..4], &first);
            check_repeated(&again[4..], &first);
            check_balances(&engine, &clients, &first);
            engine.shutdown();
            drop(engine);
            let engine = house.open();
            check_repeated(&send_at_once(&engine, &clients), &first);
            check_balances(&engine, &clients, &first);
            engine.shutdown();
            drop(engine);
            // And with no snapshot to start from, at another number of shards.
            house.lose("snapshots");
            house.options.shards = 4 - shards;
            let engine = house.open();
            check_repeated(&send_at_once(&engine, &clients), &first);
            check_balances(&engine, &clients, &first);
            engine.shutdown();
        }
    });
}

#[test]
fn i3_one_batch_sent_by_many_at_once_takes_effect_once() {
    in_time(|| {
        let house = House::new(2);
        let (engine, world) = house.furnished();
        let same: Vec<_> = (0..6).map(|_| batches(&world, 0, 10)).collect();
        let answers = send_at_once(&engine, &same);
        for batch in 0..10 {
            for at in 0..40 {
                let rows = answers.iter().map(|client| client[batch].rows[at]);
                let originals = rows.clone().filter(|row| row.original().is_none()).count();
                assert_eq!(originals, 1, "record {at} of batch {batch}: {:?}", rows.collect::<Vec<_>>());
            }
        }
        engine.shutdown();
    });
}

#[test]
fn i1_a_shutdown_with_work_in_flight_loses_nothing_that_was_answered() {
    in_time(|| {
        for round in 0..12 {
            let house = House::new(1 + round % 3);
            let (engine, world) = house.furnished();
            let answered = AtomicUsize::new(0);
            let answers: Vec<(Record, u64, OutcomeRow)> = thread::scope(|scope| {
                let client = |client| {
                    let (engine, answered, own) = (&engine, &answered, batches(&world, client, 2_000));
                    scope.spawn(move || send_until_closed(engine, &own, answered))
                };
                let threads: Vec<_> = (0..4).map(client).collect();
                while answered.load(Ordering::Relaxed) < 10 {
                    thread::yield_now();
                }
                engine.shutdown();
                threads.into_iter().flat_map(|client| client.join().expect("it ends")).collect()
            });
            drop(engine);
            let engine = house.open();
            assert!(engine.recovered().torn.is_none());
            // One walk: an entry by its sequence would read its frame anew.
            let mut journaled = BTreeMap::new();
            engine.ask(|_| ());
            for frame in engine.archive().journal.frames_from(1) {
                let frame = frame.expect("readable");
                let records = records_of(&frame).expect("well formed");
                journaled.extend((frame.header.first_sequence..).zip(records));
            }
            for (record, sequence, row) in answers {
                assert_eq!(journaled.get(&sequence), Some(&record), "sequence {sequence}");
                let stored = engine.archive().outcomes.read_row(sequence).expect("readable");
                assert_eq!(stored, row.as_bytes(), "sequence {sequence}");
            }
            engine.shutdown();
        }
    });
}

/// Keeps up to eight batches in flight until the engine closes; gives what was answered. A ticket without an
/// answer promises nothing.
fn send_until_closed(
    engine: &Engine,
    batches: &[Batch],
    answered: &AtomicUsize,
) -> Vec<(Record, u64, OutcomeRow)> {
    let mut answers = Vec::new();
    let mut tickets = std::collections::VecDeque::new();
    for batch in batches {
        match engine.submit(batch.clone()) {
            Ok(ticket) => tickets.push_back((batch, ticket)),
            Err(Busy::Closing) => break,
            Err(Busy::Engine | Busy::Participant) => thread::yield_now(),
            Err(fault) => panic!("{fault}"),
        }
        if tickets.len() == 8
            && let Some((batch, ticket)) = tickets.pop_front()
        {
            answers.extend(ticket.wait().map(|outcome| (batch, outcome)));
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
    answers.extend(tickets.into_iter().filter_map(|(batch, ticket)| Some((batch, ticket.wait()?))));
    let rows = |(batch, outcome): (&Batch, BatchOutcome)| {
        let records = batch.records.clone().into_iter().zip(outcome.first_sequence..);
        records
            .zip(outcome.rows.to_vec())
            .map(|((record, sequence), row)| (record, sequence, row))
            .collect::<Vec<_>>()
    };
    answers.into_iter().flat_map(rows).collect()
}

/// Submissions that pass the door in the instant that it closes must be answered or let go: nobody waits for
/// ever on a ticket.
#[test]
fn i6_no_ticket_is_left_waiting_when_the_engine_closes() {
    in_time(|| {
        for round in 0..40_u128 {
            let house = House::new(1);
            let (engine, world) = house.furnished();
            let hammer = |client: u128| {
                let (engine, world) = (&engine, &world);
                move || {
                    let mut tickets = Vec::new();
                    for id in (client + 1) << 64.. {
                        let record = Record::new(id, world.account("A"), world.account("C"), 1, 978);
                        match engine.submit(Batch::new(world.bank("A"), vec![record])) {
                            Err(Busy::Closing) => break,
                            ticket => tickets.extend(ticket.ok()),
                        }
                    }
                    tickets.into_iter().filter_map(|ticket| ticket.wait()).count()
                }
            };
            let answered: usize = thread::scope(|scope| {
                let threads: Vec<_> = (0..3).map(|client| scope.spawn(hammer(client))).collect();
                for _ in 0..round % 5 {
                    engine.seal().expect("room");
                }
                engine.shutdown();
                threads.into_iter().map(|client| client.join().expect("it ends")).sum()
            });
            drop(engine);
            assert!(house.open().archive().journal.durable() >= answered as u64);
        }
    });
}
