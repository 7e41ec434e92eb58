//! A seeded scheduler: any order in which threads might run the shards, on one thread, and so again for the
//! same seed. Finds deadlocks: when nobody can go on and nothing was said since everyone looked.

use feiqian_core::block::Sealer;
use feiqian_core::delta::Delta;
use feiqian_core::ledger::{Share, assert_zero};
use feiqian_core::shard::{Advance, Shard, ShardApplied};
use feiqian_core::state::State;
use feiqian_tests::dice::Dice;
use feiqian_tests::world::{Past, World};

use crate::board::Board;
use crate::serial::Applied;

/// How many frames a shard may take ids ahead of the one that it executes.
const IDS_AHEAD: usize = 3;

/// A shard and how far it has come, in frames of the world.
struct Seat {
    shard: Shard,
    ids_taken: usize,
    done: usize,
    applied: Vec<ShardApplied>,
    /// It was blocked, and nothing has been said since.
    is_stuck: bool,
}

/// The shards of an engine, at work on a world's frames from one of them on.
pub(crate) struct Schedule<'a> {
    world: &'a World,
    first: usize,
    boards: Vec<Board>,
    seats: Vec<Seat>,
    dice: Dice,
    /// Who runs most of the time for the moment, as where one thread is starved and another is not.
    favourite: usize,
}

impl<'a> Schedule<'a> {
    /// `state` is as of `first`, an index of the world's frames.
    pub(crate) fn new(world: &'a World, (first, state): (usize, &State), shards: u64, seed: u64) -> Self {
        let seat = |number| Seat {
            shard: Shard::of(Share { number, shards }, state),
            ids_taken: first,
            done: first,
            applied: Vec::new(),
            is_stuck: false,
        };
        let frames = world.frames()[first..].iter();
        let boards = frames.map(|frame| Board::new(shards, frame.count, false)).collect();
        let seats = (0..shards).map(seat).collect();
        Self { world, first, boards, seats, dice: Dice::new(seed), favourite: 0 }
    }

    /// Nobody hears an objection: a fault that must not go unnoticed.
    pub(crate) fn deafened(self) -> Self {
        let shards = self.seats.len() as u64;
        let frames = self.world.frames()[self.first..].iter();
        let boards = frames.map(|frame| Board::new(shards, frame.count, true)).collect();
        Self { boards, ..self }
    }

    /// Runs all shards to the end of the world, and seals with `sealer`.
    pub(crate) fn run(mut self, sealer: &mut Sealer) -> (Vec<Applied>, Vec<Shard>) {
        let end = self.world.frames().len();
        while let Some(at) = self.pick(end) {
            self.step(at, end);
        }
        let applied = (self.first..end).map(|frame| self.gather(frame, sealer)).collect();
        (applied, self.seats.into_iter().map(|seat| seat.shard).collect())
    }

    /// A shard that can do something; none when all are done.
    fn pick(&mut self, end: usize) -> Option<usize> {
        let is_able = |seat: &Seat| seat.done < end && (!seat.is_stuck || may_take(seat, end));
        if !self.seats.iter().any(is_able) {
            assert!(self.seats.iter().all(|seat| seat.done == end), "deadlock: every shard waits");
            return None;
        }
        let count = self.seats.len() as u64;
        if self.dice.once_in(20) {
            self.favourite = below(&mut self.dice, count);
        }
        let start = if self.dice.once_in(3) { below(&mut self.dice, count) } else { self.favourite };
        (0..self.seats.len())
            .map(|step| (start + step) % self.seats.len())
            .find(|at| is_able(&self.seats[*at]))
    }

    fn step(&mut self, at: usize, end: usize) {
        let seat = &mut self.seats[at];
        let is_due = seat.ids_taken == seat.done || seat.is_stuck;
        if may_take(seat, end) && (is_due || self.dice.once_in(3)) {
            let frame = &self.world.frames()[seat.ids_taken];
            let past = Past { world: self.world, before: frame.first_sequence };
            let board = &self.boards[seat.ids_taken - self.first];
            board.turn_to(at as u64);
            seat.shard.take_ids(&frame.view(), &past, board).expect("the world makes whole frames");
            seat.ids_taken += 1;
            return self.wake();
        }
        let frame = self.world.frames()[seat.done].view();
        let board = &self.boards[seat.done - self.first];
        let budget = [1, 2, 3, 10, 100, 10_000][below(&mut self.dice, 6)];
        let before = board.changes();
        board.turn_to(at as u64);
        match seat.shard.advance(&frame, board, budget).expect("the world makes whole frames") {
            Advance::Done(applied) => {
                seat.applied.push(*applied);
                seat.done += 1;
                self.wake();
            }
            Advance::Paused => self.wake(),
            Advance::Blocked if board.changes() == before => seat.is_stuck = true,
            Advance::Blocked => {
                self.wake();
                self.seats[at].is_stuck = true;
            }
        }
    }

    fn wake(&mut self) {
        self.seats.iter_mut().for_each(|seat| seat.is_stuck = false);
    }

    /// What the shards did for a frame, as one; I2 over all of them.
    fn gather(&mut self, frame: usize, sealer: &mut Sealer) -> Applied {
        let at = frame - self.first;
        let parts: Vec<_> = self.seats.iter_mut().map(|seat| std::mem::take(&mut seat.applied[at])).collect();
        let mut sums = parts[0].sums.clone();
        for part in &parts[1..] {
            assert_eq!(part.sums.len(), sums.len(), "all shards list the same currencies");
            sums.iter_mut().zip(&part.sums).for_each(|((_, sum), (_, more))| *sum += more);
        }
        assert_zero(&sums);
        let expired = parts.iter().map(|part| part.expired).sum();
        let deltas: Vec<_> = parts.into_iter().filter_map(|part| part.delta).collect();
        assert!(deltas.is_empty() || deltas.len() == self.seats.len(), "a block is sealed by all or none");
        let (frame, rows) = (&self.world.frames()[frame], self.boards[at].rows());
        let delta = Delta::merge(deltas);
        let header = sealer.absorb(&frame.view(), &rows, delta.as_ref()).expect("whole");
        Applied { expired, rows, header }
    }
}

fn may_take(seat: &Seat, end: usize) -> bool {
    seat.ids_taken < end && seat.ids_taken < seat.done + 1 + IDS_AHEAD
}

fn below(dice: &mut Dice, bound: u64) -> usize {
    usize::try_from(dice.below(bound)).expect("below a small bound")
}
