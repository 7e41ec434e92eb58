//! Cycles that a running engine closes by itself when the calendar says so.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use feiqian_core::calendar::Calendar;
use feiqian_core::command::Command;
use feiqian_core::outcome::Outcome;
use feiqian_core::participant::{Cycle, CycleState};
use feiqian_core::schedule::ScheduleCommand;
use feiqian_runtime::audit::audit;
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::storage::files::FileStorage;
use feiqian_tests::world::{Eyes, World, currency, entry};

use crate::house::{House, command, in_time};

const MINUTE: u64 = 60_000_000_000;

/// Nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_nanos()).expect("before 2554")
}

fn order(engine: &Engine, world: &mut World, wanted: Command) {
    let row = command(engine, &entry(world.new_id(), wanted, Eyes::Four));
    assert_eq!((row.outcome(), row.reason()), (Some(Outcome::Cleared), None));
}

/// The dollar's cycle 2 and the general cycle 3 are open, and end at this minute.
fn schedule(engine: &Engine, world: &mut World, minute: u64) {
    order(engine, world, Command::SplitStream { currency: currency("USD") });
    order(engine, world, Command::CloseCycle { cycle: 1 });
    let cut_offs = vec![u16::try_from(minute % 1_440).expect("of a day")];
    let calendar = Calendar { weekdays: 0x7F, holidays: Vec::new(), cut_offs, offset: 0 };
    order(engine, world, Command::Schedule(ScheduleCommand::SetCalendar(calendar)));
}

/// Waits until cycles 2 and 3 are over; gives all cycles.
fn wait_for_closes(engine: &Engine) -> Vec<Cycle> {
    let begun = Instant::now();
    loop {
        let cycles = engine.ask(|sealer| sealer.mirror().registry.cycles().to_vec());
        if cycles.iter().take(3).all(|cycle| cycle.state != CycleState::Open) {
            return cycles;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "never closed: {cycles:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn each_open_cycle_closes_by_itself_at_the_cut_off_and_after_a_stop_that_missed_it() {
    // Cut-offs are whole minutes, and what hangs is told from what waits for one: up to its last quarter, outside.
    let to_quarter = (MINUTE * 7 / 4 - now() % MINUTE) % MINUTE;
    std::thread::sleep(Duration::from_nanos(to_quarter));
    let minute = now() / MINUTE + 1;
    in_time(move || {
        let houses = [1, 3].map(|shards| {
            let mut house = House::new(shards);
            house.options.seal_interval = Duration::from_millis(20);
            house
        });
        let begin = |house: &House| {
            let (engine, mut world) = house.furnished();
            schedule(&engine, &mut world, minute);
            engine
        };
        let running = begin(&houses[0]);
        begin(&houses[1]).shutdown();
        let closed = wait_for_closes(&running);
        running.shutdown();
        let reopened = houses[1].open();
        let made_up_for = wait_for_closes(&reopened);
        reopened.shutdown();
        for cycles in [closed, made_up_for] {
            assert_eq!(cycles.len(), 5, "each closed once: {cycles:?}");
            for cycle in &cycles[1..3] {
                assert!(cycle.closed_at >= minute * MINUTE, "not before its time: {cycle:?}");
            }
        }
        drop((running, reopened));
        for house in &houses {
            audit(FileStorage::open(&house.options.data).expect("free again")).expect("nothing is wrong");
        }
    });
}
