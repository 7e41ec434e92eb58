//! Tables of single rules, and properties over seeded cases against the naive model.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers; an overflow fails the test")]
#![expect(clippy::print_stdout, reason = "says how near the best was, for who asks with --nocapture")]

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use std::{println, vec};

use super::gridlock::{Funds, gridlock};
use super::model::{Best, best, releasable, replay, value};
use super::resolve::{Bounds, Priority, Waiting, resolve};
use Priority::{High, Normal, Urgent};

const FREE: i128 = i128::MAX;

/// A payment between the clearing accounts of two banks, whose account and slot have one number.
fn pays(id: u128, debtor: u32, creditor: u32, amount: u64, priority: Priority) -> Waiting {
    let (debtor_slot, creditor_slot) = (debtor, creditor);
    let (debtor, creditor) = (debtor.into(), creditor.into());
    let order = u64::try_from(id).expect("small");
    Waiting { id, debtor, creditor, debtor_slot, creditor_slot, amount, priority, order, earliest: 0 }
}

fn funds(available: &[i128]) -> Funds {
    Funds { available: available.to_vec(), headroom: Vec::new() }
}

/// Resolves at time 10, and replays what was released with the model.
fn sets(waiting: &[Waiting], funds: &Funds) -> Vec<Vec<u128>> {
    let sets = resolve(waiting, 10, funds, Bounds::default());
    let released = replay(waiting, 10, funds, &sets);
    assert_eq!(releasable(waiting, 10, funds, &released), []);
    sets
}

#[test]
fn three_banks_that_wait_for_each_other_are_released_together() {
    let ring = [pays(1, 0, 1, 100, High), pays(2, 1, 2, 90, Urgent), pays(3, 2, 0, 95, Normal)];
    // Each is short alone: the first by 5, the second gains 10, the third has to find 5.
    assert_eq!(sets(&ring, &funds(&[5, 0, 5])), [[2, 1, 3]]);
    assert_eq!(sets(&ring, &funds(&[4, 0, 5])), [[0_u128; 0]; 0]);
    assert_eq!(sets(&ring, &funds(&[5, 0, 4])), [[0_u128; 0]; 0]);
}

#[test]
fn two_banks_that_owe_each_other_are_offset_although_a_third_payment_is_not_borne() {
    let queue = [pays(1, 0, 2, 500, Normal), pays(2, 0, 1, 100, Normal), pays(3, 1, 0, 98, Normal)];
    assert_eq!(sets(&queue, &funds(&[2, 0, 0])), [[2, 3]]);
}

#[test]
fn pairs_are_offset_before_all_and_tried_again_after_each_change() {
    let mut queue = [pays(1, 0, 1, 100, Normal), pays(2, 1, 0, 90, High)].to_vec();
    queue.extend([pays(3, 2, 3, 70, High), pays(4, 3, 4, 70, Normal), pays(5, 4, 2, 70, Urgent)]);
    assert_eq!(sets(&queue, &funds(&[10, 0, 0, 0, 0])), [vec![2, 1], vec![5, 3, 4]]);
    // The first pair lacks 5, and finds them once another pair has brought 6.
    queue.extend([pays(6, 0, 5, 50, Normal), pays(7, 5, 0, 56, Normal)]);
    assert_eq!(sets(&queue, &funds(&[5, 0, 0, 0, 0, 6])), [vec![6, 7], vec![2, 1], vec![5, 3, 4]]);
    // A high payment to a third bank has to leave before: only all together.
    let queue = [pays(1, 0, 2, 10, High), pays(2, 0, 1, 50, High), pays(3, 1, 0, 50, High)];
    assert_eq!(sets(&queue, &funds(&[9, 0, 0])), [[0_u128; 0]; 0]);
    let back = pays(4, 2, 0, 10, High);
    let queue = [queue[0], queue[1], queue[2], back];
    assert_eq!(sets(&queue, &funds(&[0, 0, 0])), [vec![1, 4], vec![2, 3]]);
}

#[test]
fn where_the_last_payments_do_not_help_normal_ones_leave_an_offset_by_size() {
    // The last of the first bank is what the others need; its large one is what it can't bear.
    let mut ring =
        [pays(1, 0, 3, 500, Normal), pays(2, 0, 1, 80, Normal), pays(3, 0, 1, 100, Normal)].to_vec();
    ring.extend([pays(4, 1, 2, 100, Normal), pays(5, 2, 0, 100, Normal)]);
    assert_eq!(sets(&ring, &funds(&[0, 0, 0, 0])), [[3, 4, 5]]);
    // Of equals the last is removed; a set that the last ones can leave is taken as it is.
    ring[1].amount = 100;
    assert_eq!(sets(&ring, &funds(&[0, 0, 0, 0])), [[2, 4, 5]]);
    ring[0].amount = 90;
    assert_eq!(sets(&ring, &funds(&[90, 0, 0, 0])), [vec![1], vec![2, 4, 5]]);
    let queue = [pays(1, 0, 1, 500, Normal), pays(2, 0, 1, 100, Normal), pays(3, 1, 0, 98, Normal)];
    assert_eq!(sets(&queue, &funds(&[2, 0])), [[2, 3]], "two banks alike");
    let queue = queue.map(|payment| Waiting { priority: High, ..payment });
    assert_eq!(sets(&queue, &funds(&[2, 0])), [[0_u128; 0]; 0], "strict order is kept");
}

#[test]
fn a_normal_payment_bypasses_a_larger_one_and_an_urgent_or_high_one_does_not() {
    let queue = |class| [pays(1, 0, 1, 100, class), pays(2, 0, 1, 60, class), pays(3, 0, 1, 30, class)];
    assert_eq!(sets(&queue(Normal), &funds(&[95, 0])), [[2], [3]]);
    assert_eq!(sets(&queue(High), &funds(&[95, 0])), [[0_u128; 0]; 0]);
    assert_eq!(sets(&queue(Urgent), &funds(&[189, 0])), [[1], [2]]);
}

#[test]
fn classes_leave_in_their_order_whatever_the_owners_order_says() {
    let mut queue = [pays(1, 0, 1, 10, Normal), pays(2, 0, 1, 20, High), pays(3, 0, 1, 30, Urgent)];
    assert_eq!(sets(&queue, &funds(&[60, 0])), [[3], [2], [1]]);
    assert_eq!(sets(&queue, &funds(&[59, 0])), [[3], [2]]);
    // The first of the higher class holds up all that is behind it.
    assert_eq!(sets(&queue, &funds(&[29, 0])), [[0_u128; 0]; 0]);
    queue[0].priority = Urgent;
    assert_eq!(sets(&queue, &funds(&[29, 0])), [[1]]);
    queue[0].order = 9;
    assert_eq!(sets(&queue, &funds(&[29, 0])), [[0_u128; 0]; 0], "reordered by its owner");
}

#[test]
fn one_account_does_not_hold_up_another_of_the_same_participant() {
    let mut queue = [pays(1, 0, 1, 100, Urgent), pays(2, 5, 1, 50, Normal)];
    queue[1].debtor_slot = 0;
    let mut funds = Funds { available: vec![99, 0, 0, 0, 0, 50], headroom: vec![200] };
    assert_eq!(sets(&queue, &funds), [[2]]);
    funds.headroom = vec![49];
    assert_eq!(sets(&queue, &funds), [[0_u128; 0]; 0], "the participant's cap binds both");
}

#[test]
fn a_cap_binds_only_what_leaves_the_participant() {
    let mut inside = pays(1, 0, 7, 80, Normal);
    inside.creditor_slot = 0;
    let queue = [inside, pays(2, 0, 1, 30, Normal)];
    let funds = Funds { available: vec![FREE; 8], headroom: vec![29, 0] };
    assert_eq!(sets(&queue, &funds), [[1]]);
    let funds = Funds { available: vec![100; 8], headroom: vec![30, 0] };
    assert_eq!(sets(&queue, &funds), [[1]], "20 are left on the account");
    let funds = Funds { available: vec![110; 8], headroom: vec![30, 0] };
    assert_eq!(sets(&queue, &funds), [[1], [2]]);
}

#[test]
fn what_arrives_pays_what_waits_whoever_is_first_in_the_queue() {
    let queue = [pays(1, 2, 3, 40, High), pays(2, 1, 2, 40, Normal), pays(3, 0, 1, 40, Normal)];
    assert_eq!(sets(&queue, &funds(&[40, 0, 0, 0])), [[3], [2], [1]]);
}

#[test]
fn a_cell_below_zero_gains_and_is_debited_only_by_a_set_that_does_not_lower_it() {
    let queue = [pays(1, 1, 0, 30, Normal), pays(2, 0, 1, 30, Normal)];
    assert_eq!(sets(&queue, &funds(&[-50, 30])), [[1]]);
    assert_eq!(sets(&queue, &funds(&[-50, 0])), [[1, 2]]);
}

#[test]
fn before_its_earliest_time_a_payment_neither_leaves_nor_holds_up_others() {
    let mut queue = [pays(1, 0, 1, 100, Urgent), pays(2, 0, 1, 50, High)];
    queue[0].earliest = 11;
    assert_eq!(sets(&queue, &funds(&[200, 0])), [[2]]);
    queue[0].earliest = 10;
    assert_eq!(sets(&queue, &funds(&[200, 0])), [[1], [2]]);
    assert_eq!(sets(&queue, &funds(&[99, 0])), [[0_u128; 0]; 0]);
}

#[test]
fn a_payment_of_an_account_to_itself_needs_nothing_but_its_turn() {
    let queue = [pays(1, 0, 0, 70, Normal), pays(2, 0, 1, 10, Normal)];
    assert_eq!(sets(&queue, &funds(&[0, 0])), [[1]]);
    let queue = [pays(1, 0, 1, 10, High), pays(2, 0, 0, 70, Normal)];
    assert_eq!(sets(&queue, &funds(&[0, 0])), [[0_u128; 0]; 0]);
}

#[test]
fn nothing_waiting_or_nothing_feasible_releases_nothing() {
    assert_eq!(sets(&[], &funds(&[])), [[0_u128; 0]; 0]);
    let queue = [pays(1, 0, 1, 10, Normal), pays(2, 0, 1, 11, High), pays(3, 1, 2, 5, Normal)];
    assert_eq!(sets(&queue, &funds(&[9, 0, 50])), [[0_u128; 0]; 0]);
}

/// `rings` rings of `banks` banks each, in which nothing can be released but a whole ring.
fn rings(rings: u32, banks: u32) -> (Vec<Waiting>, Funds) {
    let payment = |at: u32| {
        let next = at / banks * banks + (at + 1) % banks;
        pays(u128::from(at), at, next, 7, if at.is_multiple_of(3) { Urgent } else { Normal })
    };
    ((0..rings * banks).map(payment).collect(), funds(&vec![0; 1 << 16]))
}

#[test]
fn an_offset_above_the_bound_is_cut_to_sets_that_settle_and_one_that_needs_more_stays() {
    let released = |(waiting, funds): (Vec<Waiting>, Funds), set_max| {
        let bounds = Bounds { set_max, ..Bounds::default() };
        let sets = resolve(&waiting, 0, &funds, bounds);
        assert!(sets.iter().all(|set| set.len() <= set_max));
        replay(&waiting, 0, &funds, &sets).len()
    };
    assert_eq!(released(rings(5, 4), 20), 20);
    assert_eq!(released(rings(5, 4), 9), 20, "some rings in each set");
    assert_eq!(released(rings(1, 4), 3), 0, "a ring needs all of its payments");
    assert_eq!(released(rings(1, 8_190), Bounds::default().set_max), 8_190);
    assert_eq!(released(rings(1, 8_191), Bounds::default().set_max), 0);
    assert_eq!(released(rings(2_000, 5), Bounds::default().set_max), 10_000);
}

#[test]
fn a_cut_takes_the_first_of_every_bank_wherever_banks_stand_in_the_queue() {
    for class in [High, Normal] {
        // Ten payments of each bank to the next, one bank's all before another's.
        let queue: Vec<_> = (0..40).map(|at| pays(at.into(), at / 10, (at / 10 + 1) % 4, 7, class)).collect();
        let bounds = Bounds { set_max: 20, ..Bounds::default() };
        let sets = resolve(&queue, 0, &funds(&[0, 0, 0, 0]), bounds);
        let half = |first: u128| (0..4).flat_map(move |bank| bank * 10 + first..bank * 10 + first + 5);
        assert_eq!(sets, [0, 5].map(|first| half(first).collect::<Vec<_>>()));
    }
}

#[test]
fn what_a_cut_leaves_of_a_pair_is_offset_before_all_too() {
    let mut queue = [pays(1, 2, 3, 9, Normal), pays(2, 3, 4, 9, Normal), pays(3, 4, 2, 9, Normal)].to_vec();
    queue.extend((4..10).map(|at| pays(at.into(), at % 2, 1 - at % 2, 7, Normal)));
    let bounds = Bounds { set_max: 4, ..Bounds::default() };
    let sets = resolve(&queue, 0, &funds(&[0, 0, 0, 0, 0]), bounds);
    assert_eq!(sets, [vec![4, 5, 6, 7], vec![8, 9], vec![1, 2, 3]]);
}

#[test]
fn ten_thousand_payments_that_wait_for_one_another_in_turn_are_released_one_by_one() {
    // Two banks with money for one payment, one's queue all before the other's.
    let there_and_back =
        |at: u32| pays(u128::from(at), u32::from(at < 5_000), u32::from(at >= 5_000), 5, Normal);
    let queue: Vec<_> = (0..10_000).map(there_and_back).collect();
    assert_eq!(resolve(&queue, 0, &funds(&[5, 0]), Bounds::default()).len(), 10_000);
    // One cap over thousands of accounts, with room for one payment at a time.
    let wallets = (0..10_000_u32).map(|at| {
        let (bank, other) = (at % 2, 1 - at % 2);
        let (debtor, creditor) = ((10 + at).into(), other.into());
        Waiting {
            debtor,
            creditor,
            debtor_slot: bank,
            creditor_slot: other,
            ..pays(at.into(), 0, 1, 5, High)
        }
    });
    let room = Funds { available: Vec::new(), headroom: vec![5, 0] };
    assert_eq!(resolve(&wallets.collect::<Vec<_>>(), 0, &room, Bounds::default()).len(), 10_000);
}

#[test]
fn rounds_are_bounded_and_the_rest_is_left_to_the_next_resolution() {
    let (waiting, funds) = rings(5, 4);
    let bounds = Bounds { set_max: 9, rounds_max: 1 };
    assert_eq!(replay(&waiting, 0, &funds, &resolve(&waiting, 0, &funds, bounds)).len(), 4);
    let bounds = Bounds { set_max: 9, rounds_max: 0 };
    assert_eq!(resolve(&waiting, 0, &funds, bounds), [[0_u128; 0]; 0]);
}

#[test]
fn priorities_keep_their_numbers_and_names() {
    for (number, priority, name) in [(0, Urgent, "urgent"), (1, High, "high"), (2, Normal, "normal")] {
        assert_eq!((priority.number(), priority.name()), (number, name));
        assert_eq!(Priority::from_number(number), Ok(priority));
    }
    assert!(Priority::from_number(3).is_err());
}

/// A seeded generator (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % below
    }

    fn roll32(&mut self, below: u32) -> u32 {
        u32::try_from(self.roll(below.into())).expect("below 2^32")
    }
}

/// What a random case may contain.
#[derive(Clone, Copy)]
struct Shape {
    payments: u64,
    banks: u32,
    /// Accounts of each bank.
    accounts: u32,
    classes: &'static [Priority],
    /// Whether accounts and caps may be below zero, and payments before their time.
    is_odd: bool,
}

const MIXED: Shape = Shape {
    payments: 10,
    banks: 4,
    accounts: 2,
    classes: &[Urgent, High, Normal, Normal, Normal],
    is_odd: true,
};
const STRICT: Shape = Shape { banks: 3, accounts: 1, classes: &[High], is_odd: false, ..MIXED };

/// Account `a` belongs to slot `a % banks`.
fn case(dice: &mut Dice, shape: Shape) -> (Vec<Waiting>, Funds) {
    let accounts = shape.banks * shape.accounts;
    let count = 1 + dice.roll(shape.payments);
    let payments = (0..count).map(|_| {
        let (debtor, creditor) = (dice.roll32(accounts), dice.roll32(accounts));
        Waiting {
            id: u128::from(dice.roll(u64::MAX)),
            debtor: debtor.into(),
            creditor: creditor.into(),
            debtor_slot: debtor % shape.banks,
            creditor_slot: creditor % shape.banks,
            amount: 1 + dice.roll(20),
            priority: shape.classes[usize::try_from(dice.roll(9)).expect("small") % shape.classes.len()],
            order: dice.roll(6),
            earliest: if shape.is_odd && dice.roll(9) == 0 { 11 } else { dice.roll(11) },
        }
    });
    let payments = payments.collect();
    let has = |dice: &mut Dice| match dice.roll(8) {
        0 => FREE,
        1 if shape.is_odd => -i128::from(dice.roll(9)),
        2..5 => 0,
        _ => i128::from(dice.roll(25)),
    };
    let available = (0..accounts).map(|_| has(dice)).collect();
    (payments, Funds { available, headroom: (0..shape.banks).map(|_| has(dice)).collect() })
}

#[test]
fn every_set_fits_and_keeps_order_and_nothing_that_could_leave_alone_is_left() {
    let mut seen = BTreeSet::new();
    for seed in 0..40_000 {
        let mut dice = Dice(seed);
        let shape = Shape { payments: 3 + seed % 40, accounts: 1 + dice.roll32(3), ..MIXED };
        let (waiting, funds) = case(&mut dice, shape);
        let set_max = 1 + usize::try_from(dice.roll(12)).expect("small");
        let bounds = Bounds { set_max, rounds_max: usize::try_from(dice.roll(5)).expect("small") };
        let sets = resolve(&waiting, 10, &funds, bounds);
        assert!(sets.iter().all(|set| set.len() <= set_max), "seed {seed}");
        seen.extend(sets.iter().map(Vec::len));
        let released = replay(&waiting, 10, &funds, &sets);
        assert_eq!(releasable(&waiting, 10, &funds, &released), [], "seed {seed}");
    }
    assert!((1..=8).all(|size| seen.contains(&size)), "sets of all sizes: {seen:?}");
}

#[test]
fn without_offsets_it_is_a_loop_that_releases_the_first_that_can_leave() {
    let mut released_in_all = 0;
    for seed in 0..4_000 {
        let (mut waiting, funds) = case(&mut Dice(seed), Shape { payments: 30, accounts: 1, ..MIXED });
        let bounds = Bounds { rounds_max: 0, ..Bounds::default() };
        let sets = resolve(&waiting, 10, &funds, bounds);
        waiting.sort_by_key(|payment| (payment.priority, payment.order, payment.debtor, payment.id));
        let (mut released, mut expected) = (BTreeSet::new(), Vec::new());
        while let Some(next) = releasable(&waiting, 10, &funds, &released).first() {
            released.insert(*next);
            expected.push(vec![*next]);
        }
        assert_eq!(sets, expected, "seed {seed}");
        released_in_all += sets.len();
    }
    assert!(released_in_all > 4_000);
}

#[test]
fn the_order_of_the_input_changes_nothing() {
    for seed in 0..4_000 {
        let mut dice = Dice(seed);
        let (mut waiting, funds) = case(&mut dice, Shape { payments: 30, ..MIXED });
        let sets = resolve(&waiting, 10, &funds, Bounds::default());
        for _ in 0..3 {
            for at in (1..waiting.len()).rev() {
                let other = dice.roll(u64::try_from(at).expect("small") + 1);
                waiting.swap(at, usize::try_from(other).expect("small"));
            }
            assert_eq!(resolve(&waiting, 10, &funds, Bounds::default()), sets, "seed {seed}");
        }
    }
}

#[test]
fn with_one_strict_queue_a_bank_no_other_set_is_larger() {
    let mut gained = 0;
    for seed in 0..2_000 {
        let mut dice = Dice(seed);
        let (waiting, funds) = case(&mut dice, STRICT);
        let sets = resolve(&waiting, 10, &funds, Bounds::default());
        let Best { count, value: most, set } = best(&waiting, 10, &funds);
        let released = replay(&waiting, 10, &funds, &sets);
        assert_eq!((released.len(), value(&waiting, &released)), (count, most), "seed {seed}");
        assert_eq!(released, set, "seed {seed}: the one largest set");
        gained += usize::from(sets.iter().any(|set| set.len() > 2));
    }
    assert!(gained > 50, "{gained} cases needed the multilateral offset");
}

#[test]
fn with_bypass_nearly_all_that_any_set_could_release_is_released() {
    let (mut ours, mut most, mut equal, mut cases) = ((0, 0), (0, 0), 0_u32, 0_u32);
    for seed in 0..1_500 {
        let (waiting, funds) = case(&mut Dice(seed), Shape { is_odd: false, ..MIXED });
        let sets = resolve(&waiting, 10, &funds, Bounds::default());
        let released = replay(&waiting, 10, &funds, &sets);
        let best = best(&waiting, 10, &funds);
        let worth = value(&waiting, &released);
        assert!(released.len() <= best.count && worth <= best.value, "seed {seed}");
        ours = (ours.0 + released.len(), ours.1 + worth);
        most = (most.0 + best.count, most.1 + best.value);
        equal += u32::from(released.len() == best.count);
        cases += 1;
    }
    println!("payments {} of at most {}, value {} of {}", ours.0, most.0, ours.1, most.1);
    println!("as many as possible in {equal} of {cases} cases");
    assert!(ours.0 * 100 >= most.0 * 90, "{ours:?} of {most:?}");
}

#[test]
fn a_gridlock_of_a_hundred_banks_is_released_in_sets_that_settle() {
    for (payments, permille, least) in [(2_000, 20, 1_800), (10_000, 5, 9_000), (10_000, 20, 10_000)] {
        let (waiting, funds) = gridlock(7, 100, payments, permille);
        let none = Bounds { rounds_max: 0, ..Bounds::default() };
        assert_eq!(resolve(&waiting, 0, &funds, none), [[0_u128; 0]; 0], "nothing leaves alone");
        let begun = std::time::Instant::now();
        let sets = resolve(&waiting, 0, &funds, Bounds::default());
        let took = begun.elapsed();
        let released = replay(&waiting, 0, &funds, &sets);
        assert_eq!(releasable(&waiting, 0, &funds, &released), []);
        let largest = sets.iter().map(Vec::len).max();
        println!("{permille} per mille: {} of {payments} released in {took:?}", released.len());
        println!("value {}, {} sets, the largest of {largest:?}", value(&waiting, &released), sets.len());
        assert!(released.len() >= least, "{} of {payments}", released.len());
    }
}
