//! What a cap is made of, and the byte form of limits.

use super::*;
use std::vec;

fn rule(fixed: u64, basis_points: u32, cover: u64) -> CapRule {
    CapRule { fixed, basis_points, cover }
}

#[test]
fn a_cap_is_its_fixed_part_and_a_share_of_cover_without_the_fraction() {
    let rows = [
        (rule(100, 0, 1_000), Some(100)),
        (rule(100, 5_000, 1_001), Some(600)),
        (rule(0, 1, 9_999), Some(0)),
        (rule(0, 1, 10_000), Some(1)),
        (rule(7, 20_000, 10), Some(27)),
        (rule(UNLIMITED, 9_000, 10), Some(UNLIMITED)),
        (rule(0, 10_000, UNLIMITED), None),
        (rule(1, 10_000, UNLIMITED - 1), None),
        (rule(0, u32::MAX, UNLIMITED), None),
        (rule(UNLIMITED - 1, 10_000, 1), None),
    ];
    for (rule, cap) in rows {
        assert_eq!(rule.cap(), cap, "{rule:?}");
    }
}

#[test]
fn a_class_may_not_use_what_is_kept_for_more_urgent_ones() {
    let reserved = Reservation { urgent: 30, high: 12 };
    let withheld = [Priority::Urgent, Priority::High, Priority::Normal].map(|class| reserved.withheld(class));
    assert_eq!(withheld, [0, 30, 42]);
}

fn some() -> Controls {
    let mut controls = Controls::default();
    controls.cap_rules.insert(3, rule(1, 2, 3));
    controls.bilateral.insert((0, 1), 5);
    controls.bilateral.insert((0, 2), 0);
    controls.multilateral.insert(7, 9);
    let velocity = Velocity { amount: UNLIMITED, count: 3, period_seconds: 60 };
    controls.velocity.insert(Spender::Account(11), velocity);
    controls.velocity.insert(Spender::Position(2), velocity);
    controls.limited_accounts.insert(4, 1);
    controls.reservations.insert(1, Reservation { urgent: 0, high: 8 });
    controls.thresholds.insert(1, [0, 5]);
    controls
}

fn decode(bytes: &[u8]) -> Result<Controls, Malformed> {
    let mut from = Decoder::new(bytes);
    let controls = Controls::decode(&mut from, |_| Some(4))?;
    from.finish().map(|()| controls)
}

#[test]
fn limits_come_back_from_their_bytes_which_are_the_only_ones() {
    let controls = some();
    let mut to = Encoder::default();
    controls.encode(&mut to);
    assert_eq!(decode(&to.0), Ok(controls.clone()));
    for length in 0..to.0.len() {
        assert!(decode(&to.0[..length]).is_err(), "{length} bytes");
    }
    let mut entries = controls.entries();
    assert_eq!(entries.len(), 8);
    let bytes = |entries: &[Vec<u8>]| {
        let mut to = Encoder::default();
        to.count(entries.len());
        entries.iter().for_each(|entry| to.raw(entry));
        to.0
    };
    assert!(decode(&bytes(&entries)).is_ok());
    for at in 1..entries.len() {
        entries.swap(at - 1, at);
        assert!(decode(&bytes(&entries)).is_err(), "out of order at {at}");
        entries.swap(at - 1, at);
    }
    assert!(decode(&bytes(&vec![entries[1].clone(); 2])).is_err(), "twice");
    assert!(decode(&bytes(&[])).is_err(), "none");
}

#[test]
fn a_limit_that_limits_nothing_has_no_byte_form() {
    let mut all = vec![Controls::default(); 6];
    all[0].cap_rules.insert(1, rule(5, 0, 0));
    all[1].bilateral.insert((1, 2), UNLIMITED);
    all[2].multilateral.insert(1, UNLIMITED);
    let none = Velocity { amount: UNLIMITED, count: u32::MAX, period_seconds: 1 };
    all[3].velocity.insert(Spender::Position(1), none);
    all[4].reservations.insert(1, Reservation::default());
    all[5].thresholds.insert(1, DEFAULT_LEVELS);
    for controls in all {
        let mut to = Encoder::default();
        controls.encode(&mut to);
        assert!(decode(&to.0).is_err(), "{controls:?}");
    }
}

#[test]
fn periods_follow_each_other_from_1970_on() {
    let velocity = Velocity { amount: 1, count: 1, period_seconds: 60 };
    let minute = 60_000_000_000;
    let periods = [0, minute - 1, minute, 5 * minute + 1].map(|at| velocity.period_of(at));
    assert_eq!(periods, [0, 0, 1, 5]);
}
