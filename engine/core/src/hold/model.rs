//! Properties: the table and the wheel against BTrees, with seeds.

use alloc::collections::{BTreeMap, BTreeSet};
use std::vec::Vec;

use super::{Hold, HoldTable, Holds};

/// A seeded generator (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)).checked_rem(below).unwrap_or(0)
    }

    fn hold(&mut self, sequence: u64, deadline: u64) -> Hold {
        let (debtor, creditor, amount) = (self.roll(9), self.roll(9), self.roll(1 << 59));
        let purpose = [u8::try_from(self.roll(4)).unwrap_or(0); 4];
        Hold { debtor, creditor, amount, sequence, deadline, purpose }
    }
}

/// Ids that differ in few bits of either half: chosen, not random.
fn id(number: u64) -> u128 {
    u128::from(number & 0xFF) << 120 | u128::from(number >> 8) << 3 | 1
}

#[test]
fn the_table_equals_a_tree_through_growth_and_ends_in_any_order() {
    for seed in 0..40 {
        let mut dice = Dice(seed);
        let mut table = HoldTable::new(u128::from(dice.roll(u64::MAX)) << 40);
        let mut model = BTreeMap::new();
        let ids = [3, 40, 700, 20_000][usize::try_from(seed % 4).expect("small")];
        for step in 0..20_000 {
            let id = id(dice.roll(ids));
            // Waves: mostly beginning, then mostly ending.
            if dice.roll(10) < if step / 5_000 % 2 == 0 { 7 } else { 3 } {
                let hold = dice.hold(step, step);
                assert_eq!(table.insert(id, hold), model.insert(id, hold), "seed {seed}");
            } else {
                assert_eq!(table.remove(id), model.remove(&id), "seed {seed}");
            }
            assert_eq!((table.get(id), table.len()), (model.get(&id).copied(), model.len()), "seed {seed}");
        }
        assert!(
            table.iter().eq(model.iter().map(|(id, hold)| (*id, *hold))),
            "seed {seed}: all, ascending by id"
        );
        assert_eq!(table.next_deadline(), model.values().map(|hold| hold.deadline).min());
        let mut copy = HoldTable::new(7);
        model.iter().rev().for_each(|(id, hold)| assert_eq!(copy.insert(*id, *hold), None));
        assert_eq!(copy, table, "seed {seed}: neither key nor order matters");
        if let Some((id, hold)) = model.pop_first() {
            copy.insert(id, Hold { amount: hold.amount.wrapping_add(1), ..hold });
            assert_ne!(copy, table);
            copy.remove(id);
            assert_ne!(copy, table);
        }
    }
}

#[test]
fn a_table_finds_holds_whose_ids_all_fall_on_one_slot() {
    let mut table = HoldTable::new(0);
    // A high half equal to the pinned constant makes the product, and so the hash, zero.
    let same = |low: u64| 0x9E37_79B9_7F4A_7C15_u128 << 64 | u128::from(low);
    let mut dice = Dice(5);
    let hold = dice.hold(1, 2);
    (0..300).for_each(|low| assert_eq!(table.insert(same(low), hold), None));
    for low in (0..300).step_by(3) {
        assert_eq!(table.remove(same(low)), Some(hold));
    }
    for low in 0..300 {
        assert_eq!(table.get(same(low)).is_some(), low % 3 != 0, "{low}");
    }
}

/// Today's behaviour, written with trees.
#[derive(Default)]
struct Model {
    by_id: BTreeMap<u128, Hold>,
    by_deadline: BTreeSet<(u64, u128)>,
}

impl Model {
    fn insert(&mut self, id: u128, hold: Hold) {
        if let Some(old) = self.by_id.insert(id, hold) {
            self.by_deadline.remove(&(old.deadline, id));
        }
        self.by_deadline.insert((hold.deadline, id));
    }

    fn remove(&mut self, id: u128) -> Option<Hold> {
        let hold = self.by_id.remove(&id)?;
        self.by_deadline.remove(&(hold.deadline, id));
        Some(hold)
    }

    fn expire_next(&mut self, timestamp: u64) -> Option<Hold> {
        let (deadline, id) = *self.by_deadline.first()?;
        if deadline > timestamp || deadline == u64::MAX { None } else { self.remove(id) }
    }
}

fn expired(next: impl FnMut() -> Option<Hold>) -> Vec<Hold> {
    core::iter::from_fn(next).collect()
}

/// A deadline from now on: within the frame's own interval, seconds, minutes, turns of the wheel, or never.
fn some_deadline(dice: &mut Dice, now: u64) -> u64 {
    let ahead = match dice.roll(6) {
        0 => dice.roll(1 << 27),
        1 | 2 => [1_000_000_000, 2_000_000_000, 3_000_000_000][usize::try_from(dice.roll(3)).expect("small")],
        3 => dice.roll(1 << 40),
        4 => 604_800_000_000_000,
        _ => return u64::MAX,
    };
    now.saturating_add(ahead)
}

#[test]
fn holds_expire_in_order_of_deadline_and_id_and_the_log_of_changes_tells_all() {
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let (mut holds, mut model) = (Holds::new(u128::from(seed)), Model::default());
        let mut mirror = HoldTable::default();
        let mut now = 1_700_000_000_000_000_000 * (seed % 2);
        for frame in 0..120 {
            now = now.saturating_add(match dice.roll(8) {
                0 => 0,
                1 => dice.roll(1 << 42),
                _ => dice.roll(1 << 28),
            });
            let (is, should) = (expired(|| holds.expire_next(now)), expired(|| model.expire_next(now)));
            assert_eq!(is, should, "seed {seed}, frame {frame}");
            for step in 0..dice.roll(200) {
                let id = id(dice.roll(2_000));
                if dice.roll(2) == 0 {
                    let deadline = some_deadline(&mut dice, now);
                    let hold = dice.hold(frame * 200 + step, deadline);
                    holds.insert(id, hold);
                    model.insert(id, hold);
                } else {
                    assert_eq!(holds.remove(id), model.remove(id), "seed {seed}");
                }
            }
            assert!(holds.iter().eq(model.by_id.iter().map(|(id, hold)| (*id, *hold))), "seed {seed}");
            match dice.roll(12) {
                0 => holds = Holds { changed: holds.changed.clone(), ..Holds::restored(&holds.table) },
                1 => holds = holds.part(|_| true),
                2..6 => {
                    absorb(&mut mirror, &holds.take_changed());
                    assert!(
                        mirror.iter().eq(model.by_id.iter().map(|(id, hold)| (*id, *hold))),
                        "seed {seed}, frame {frame}"
                    );
                }
                _ => {}
            }
        }
    }
}

fn absorb(mirror: &mut HoldTable, changes: &[(u128, Option<Hold>)]) {
    for (id, hold) in changes {
        match hold {
            Some(hold) => mirror.insert(*id, *hold),
            None => mirror.remove(*id),
        };
    }
}

#[test]
fn parts_expire_what_the_whole_does_in_the_same_order() {
    let mut dice = Dice(77);
    let mut whole = Holds::new(1);
    for number in 0..5_000 {
        let deadline = 1_000_000_000 * dice.roll(20);
        whole.insert(id(number), dice.hold(number, deadline));
    }
    let mut parts: Vec<_> = (0..3).map(|shard| whole.part(|hold| hold.debtor % 3 == shard)).collect();
    for second in 0..20 {
        let all = expired(|| whole.expire_next(second * 1_000_000_000));
        for (part, shard) in parts.iter_mut().zip(0..) {
            let own = expired(|| part.expire_next(second * 1_000_000_000));
            assert!(own.iter().eq(all.iter().filter(|hold| hold.debtor % 3 == shard)), "{second}");
        }
    }
    assert!(whole.is_empty() && parts.iter().all(Holds::is_empty));
}

#[test]
fn i6_what_has_ended_leaves_no_memory_behind() {
    let mut holds = Holds::new(3);
    let mut dice = Dice(9);
    let (mut pending, mut most) = (Vec::new(), 0);
    for number in 0..400_000 {
        let now = number * 50_000;
        // Card holds: a week, posted within the second; one in a thousand stays.
        holds.insert(id(number), dice.hold(number, now + 604_800_000_000_000));
        pending.push(number);
        if pending.len() > 500 {
            let at = usize::try_from(dice.roll(500)).expect("small");
            let ended = pending.swap_remove(at);
            if ended % 1_000 != 0 {
                assert!(holds.remove(id(ended)).is_some());
            }
        }
        most = most.max(holds.wheel.len());
        holds.changed.clear();
        assert!(holds.expire_next(now).is_none());
    }
    assert_eq!(holds.len(), pending.len() + 400 - pending.iter().filter(|at| *at % 1_000 == 0).count());
    // Four entries for each that is pending, and short spokes: 20 s of frame time reach 150 of those.
    assert!(most <= 4 * 1_000 + 150 * 64, "{most} entries for {} holds", holds.len());
}
