//! Properties of the sharded execution: at any number of shards and any schedule it equals the plain loop, in
//! every row, cell and block (I5), also when it takes over in the midst of a story or behind a restart.

use std::panic::{AssertUnwindSafe, catch_unwind};

use feiqian_core::block::Sealer;
use feiqian_core::identify::restore_id;
use feiqian_core::ids::IdIndex;
use feiqian_core::mirror::Mirror;
use feiqian_core::shard::Shard;
use feiqian_core::state::State;
use feiqian_tests::dice::Dice;
use feiqian_tests::generator::story;
use feiqian_tests::world::World;

use crate::schedule::Schedule;
use crate::serial::{Applied, Serial};
use crate::stories::each;

/// The index of all ids that a world's entries have taken, as recovery fills it.
pub(crate) fn ids_of(world: &World) -> IdIndex {
    ids_before(world, world.next_sequence())
}

fn ids_before(world: &World, end: u64) -> IdIndex {
    let mut ids = IdIndex::new(99);
    for (record, sequence) in world.records().iter().zip(1..end) {
        restore_id(&mut ids, (record.uetr.get(), sequence), world).expect("the world holds all entries");
    }
    ids
}

fn assert_equal(applied: &[Applied], wanted: &[Applied]) {
    assert_eq!(applied.len(), wanted.len());
    for (frame, (applied, wanted)) in applied.iter().zip(wanted).enumerate() {
        for (at, (row, wanted)) in applied.rows.iter().zip(&wanted.rows).enumerate() {
            assert_eq!(row, wanted, "frame {frame}, entry {at}");
        }
        assert_eq!(applied, wanted, "frame {frame}");
    }
}

fn assert_equal_cells(shards: &[Shard], serial: &Serial) {
    let accounts = serial.state.registry().accounts().len() as u64;
    for handle in 0..accounts {
        let owner = usize::try_from(handle % shards.len() as u64).expect("few");
        for (number, shard) in shards.iter().enumerate() {
            let wanted = serial.state.account(handle).filter(|_| number == owner);
            assert_eq!(shard.account(handle), wanted, "account {handle} at shard {number}");
        }
    }
    assert!(shards.iter().all(|shard| shard.registry() == serial.state.registry()));
}

fn check(seed: u64, shards: u64) {
    let world = story(seed);
    let (serial, wanted) = Serial::of(&world);
    let mut sealer = Sealer::default();
    let schedule = Schedule::new(&world, (0, &State::default()), shards, seed ^ shards << 32);
    let (applied, shards) = schedule.run(&mut sealer);
    assert_equal(&applied, &wanted);
    assert_equal_cells(&shards, &serial);
    assert_eq!(sealer.mirror(), serial.sealer.mirror());
}

#[test]
fn i5_one_shard_equals_the_plain_loop() {
    each(100, |seed| check(seed, 1));
}

#[test]
fn i5_two_shards_equal_the_plain_loop() {
    each(300, |seed| check(seed, 2));
}

#[test]
fn i5_three_shards_equal_the_plain_loop() {
    each(300, |seed| check(seed, 3));
}

#[test]
fn i5_eight_shards_equal_the_plain_loop() {
    each(200, |seed| check(seed, 8));
}

#[test]
fn i5_sixty_four_shards_equal_the_plain_loop() {
    each(40, |seed| check(seed, 64));
}

/// The plain loop up to a frame, and what it gave for all.
fn cut(world: &World, at: usize) -> (Serial, Vec<Applied>) {
    let mut serial = Serial::default();
    for frame in &world.frames()[..at] {
        serial.apply(world, frame);
    }
    (serial, Serial::of(world).1)
}

#[test]
fn i5_shards_take_over_in_the_midst_of_a_block() {
    each(150, |seed| {
        let (world, mut dice) = (story(seed), Dice::new(seed));
        let at = usize::try_from(dice.below(world.frames().len() as u64)).expect("few");
        let (serial, wanted) = cut(&world, at);
        let shards = [1, 2, 3, 8][usize::try_from(dice.below(4)).expect("few")];
        let mut sealer = serial.sealer.clone();
        let (applied, _) = Schedule::new(&world, (at, &serial.state), shards, seed).run(&mut sealer);
        assert_equal(&applied, &wanted[at..]);
    });
}

#[test]
fn i4_a_restart_behind_any_block_goes_on_as_if_nothing_had_been() {
    each(150, |seed| {
        let (world, mut dice) = (story(seed), Dice::new(seed));
        let (_, all) = Serial::of(&world);
        let blocks: Vec<_> = (0..all.len()).filter(|at| all[*at].header.is_some()).collect();
        let at = blocks[usize::try_from(dice.below(blocks.len() as u64)).expect("few")] + 1;
        let (serial, wanted) = cut(&world, at);
        let mirror = Mirror::decode(&serial.sealer.mirror().encode()).expect("its own bytes");
        assert_eq!(&mirror, serial.sealer.mirror());
        let next = world.frames().get(at).map_or(world.next_sequence(), |frame| frame.first_sequence);
        let state = State::restored(&mirror, ids_before(&world, next), next);
        let header = wanted[at - 1].header.as_ref().expect("cut behind a block");
        let mut sealer = Sealer::restored(mirror, next, header.height, header.hash());
        let shards = [1, 2, 3, 8][usize::try_from(dice.below(4)).expect("few")];
        let (applied, _) = Schedule::new(&world, (at, &state), shards, seed).run(&mut sealer);
        assert_equal(&applied, &wanted[at..]);
    });
}

#[test]
fn a_lost_objection_is_found() {
    let is_found = |seed| {
        let world = story(seed);
        let (_, wanted) = Serial::of(&world);
        let schedule = Schedule::new(&world, (0, &State::default()), 3, seed).deafened();
        let result = catch_unwind(AssertUnwindSafe(|| schedule.run(&mut Sealer::default())));
        result.is_err() || result.is_ok_and(|(applied, _)| applied != wanted)
    };
    assert!((1..=50).any(is_found), "a vote that nobody hears goes unnoticed");
}
