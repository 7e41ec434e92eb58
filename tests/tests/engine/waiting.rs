//! Payments that wait in a running engine: released after a block by entries of its own, alone, at once, and in time.

use std::time::{Duration, Instant};

use feiqian_core::batch::Batch;
use feiqian_core::command::Command;
use feiqian_core::outcome::{Outcome, OutcomeRow};
use feiqian_core::transfer::{Record, flags};
use feiqian_runtime::audit::audit;
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::storage::files::FileStorage;
use feiqian_tests::world::{Eyes, World, bic, currency, entry};

use crate::house::{House, command, in_time};

const EUR: u16 = 978;

fn submit(engine: &Engine, world: &World, bank: &str, records: Vec<Record>) -> Vec<OutcomeRow> {
    let batch = Batch::new(world.bank(bank), records);
    engine.submit(batch).expect("room").wait().expect("it runs").rows.to_vec()
}

fn payment(world: &World, (id, from, to): (u128, &str, &str), amount: u64, bits: u16) -> Record {
    let mut record = Record::new(id, world.account(from), world.account(to), amount, EUR);
    record.flags = bits.into();
    record
}

/// Seals until the payment has been released; gives the release's sequence.
fn released(engine: &Engine, id: u128) -> u64 {
    let begun = Instant::now();
    loop {
        engine.seal().expect("room");
        match engine.released(id).expect("readable") {
            Some(sequence) => return sequence,
            None => assert!(begun.elapsed() < Duration::from_secs(30), "never released"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn cap(engine: &Engine, id: u128, bank: &str, cap: u64) {
    let order = Command::SetNetDebitCap { bic: bic(bank), currency: currency("EUR"), cap };
    assert_eq!(command(engine, &entry(id, order, Eyes::Four)).outcome(), Some(Outcome::Cleared));
}

#[test]
fn what_waits_is_released_when_it_can_be_and_its_release_has_a_receipt() {
    in_time(|| {
        for shards in [1, 3] {
            let house = House::new(shards);
            let (engine, world) = house.furnished();
            for (id, bank) in (900..).zip(["A", "B", "C"]) {
                cap(&engine, id, bank, 0);
            }
            let wait = |bank, id, from, to, amount| {
                let rows = submit(
                    &engine,
                    &world,
                    bank,
                    vec![payment(&world, (id, from, to), amount, flags::QUEUE)],
                );
                assert_eq!(rows[0].outcome(), Some(Outcome::Queued));
            };
            // A ring that no order clears, and one that only new headroom does.
            wait("A", 1, "A", "B", 500);
            wait("B", 2, "B", "C", 500);
            wait("C", 3, "C", "A", 500);
            wait("A", 4, "A", "C", 70);
            let last = (1..=3).map(|id| released(&engine, id)).max().expect("three");
            assert_eq!(engine.released(4).expect("readable"), None);
            engine.seal().expect("room");
            let receipt = engine.receipt(last).expect("sealed");
            assert_eq!(receipt.record[120], Outcome::Cleared.number());
            cap(&engine, 950, "A", 70);
            released(&engine, 4);
            // The sealer sees what the shards have done no later than in the next block.
            engine.seal().expect("room");
            let position = engine.ask(|sealer| sealer.mirror().slots[0].position);
            assert_eq!(position, -70);
            engine.shutdown();
            drop(engine);
            let engine = house.open();
            assert!(engine.released(4).expect("readable").is_some());
            engine.shutdown();
            drop(engine);
            let storage = FileStorage::open(&house.options.data).expect("free");
            audit(storage).expect("as it was");
        }
    });
}

#[test]
fn a_payment_with_a_time_goes_out_when_it_has_come_without_other_traffic() {
    in_time(|| {
        let mut house = House::new(1);
        house.options.seal_interval = Duration::from_millis(20);
        let (engine, world) = house.furnished();
        let mut later = payment(&world, (1, "A", "B"), 5, flags::QUEUE | flags::URGENT);
        later.delay = 1.into();
        assert_eq!(submit(&engine, &world, "A", vec![later])[0].outcome(), Some(Outcome::Queued));
        let begun = Instant::now();
        while engine.released(1).expect("readable").is_none() {
            assert!(begun.elapsed() < Duration::from_secs(30), "never released");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(begun.elapsed() > Duration::from_millis(900), "{:?}", begun.elapsed());
        engine.shutdown();
    });
}

#[test]
fn what_waits_is_there_after_a_restart_and_released_then() {
    in_time(|| {
        let house = House::new(2);
        let (engine, world) = house.furnished();
        let records = vec![payment(&world, (1, "A", "B"), 1_001, flags::QUEUE)];
        assert_eq!(submit(&engine, &world, "A", records)[0].outcome(), Some(Outcome::Queued));
        engine.shutdown();
        drop(engine);
        let engine = house.open();
        cap(&engine, 900, "A", 1_001);
        released(&engine, 1);
        engine.shutdown();
    });
}
