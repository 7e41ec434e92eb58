//! Tables of the schedule: when a cycle closes by the calendar, and when it does not.

use std::time::Duration;

use feiqian_core::calendar::{Calendar, Date};
use feiqian_core::command::Command;
use feiqian_core::outcome::RejectReason::{
    BadCalendar, CutOffNotReached, CycleState, FourEyesRequired, MalformedCommand, UnknownCycle,
};
use feiqian_core::schedule::ScheduleCommand;
use feiqian_tests::world::{Expected, Eyes, cleared, currency, rejected};

use crate::trial::Trial;

const MINUTE: u64 = 60_000_000_000;

/// Every day at the minute of the day that comes so many minutes after the world's time, and an hour later.
fn in_minutes(trial: &Trial, minutes: u64) -> Calendar {
    let minute = u16::try_from((trial.world.now() / MINUTE + minutes) % 1_440).expect("of a day");
    let mut cut_offs = vec![minute, (minute + 60) % 1_440];
    cut_offs.sort_unstable();
    Calendar { weekdays: 0x7F, holidays: Vec::new(), cut_offs, offset: 0 }
}

fn set(calendar: Calendar) -> Command {
    Command::Schedule(ScheduleCommand::SetCalendar(calendar))
}

fn close(trial: &mut Trial, cycle: u64, expected: Expected) {
    let command = Command::Schedule(ScheduleCommand::CloseScheduled { cycle });
    trial.order_with(command, Eyes::None, expected);
}

#[test]
fn a_cycle_closes_by_itself_when_its_cut_off_has_come_and_not_before() {
    let mut trial = Trial::standard();
    close(&mut trial, 1, rejected(CutOffNotReached));
    let calendar = in_minutes(&trial, 30);
    trial.order(set(calendar), cleared());
    let next = trial.serial.state.registry().next_cut_off().expect("a cut-off");
    let left = next - trial.world.now();
    assert!((29 * MINUTE..=30 * MINUTE).contains(&left), "{left}");
    trial.world.wait(Duration::from_nanos(left - 1));
    close(&mut trial, 1, rejected(CutOffNotReached));
    trial.world.wait(Duration::from_nanos(1));
    close(&mut trial, 7, rejected(UnknownCycle));
    close(&mut trial, 1, cleared());
    close(&mut trial, 1, rejected(CycleState));
    close(&mut trial, 2, rejected(CutOffNotReached));
    trial.wait(60 * 60);
    close(&mut trial, 2, cleared());
    let cycles = trial.picture().cycles;
    assert_eq!(
        (cycles.len(), cycles[0].closed_at, cycles[1].closed_at >= next + 60 * MINUTE),
        (3, next, true)
    );
}

#[test]
fn a_close_by_hand_leaves_the_next_cut_off_to_the_next_cycle() {
    let mut trial = Trial::standard();
    let calendar = in_minutes(&trial, 30);
    trial.order(set(calendar), cleared());
    let next = trial.serial.state.registry().next_cut_off();
    trial.order(Command::CloseCycle { cycle: 1 }, cleared());
    assert_eq!(trial.serial.state.registry().next_cut_off(), next);
    trial.wait(30 * 60);
    close(&mut trial, 2, cleared());
}

#[test]
fn each_open_cycle_is_due_at_the_cut_off_whatever_its_currency() {
    let mut trial = Trial::standard();
    trial.order(Command::SplitStream { currency: currency("USD") }, cleared());
    let calendar = in_minutes(&trial, 30);
    trial.order(set(calendar), cleared());
    let due = |trial: &Trial| trial.serial.state.registry().due_cycles(trial.world.now()).collect::<Vec<_>>();
    assert_eq!(due(&trial), []);
    trial.wait(30 * 60);
    assert_eq!(due(&trial), [1]);
    close(&mut trial, 1, cleared());
    assert_eq!(due(&trial), []);
    trial.wait(60 * 60);
    assert_eq!(due(&trial), [3, 2]);
    close(&mut trial, 3, cleared());
    assert_eq!(due(&trial), [2]);
    close(&mut trial, 2, cleared());
    assert_eq!(due(&trial), []);
    let scopes: Vec<_> = trial.picture().cycles.iter().map(|it| (it.scope, it.state.name())).collect();
    let usd = Some(currency("USD"));
    assert_eq!(scopes, [(None, "closed"), (usd, "closed"), (None, "closed"), (None, "open"), (usd, "open")]);
}

#[test]
fn no_cut_off_of_before_the_calendar_was_set_binds() {
    let mut trial = Trial::standard();
    let calendar = in_minutes(&trial, 1_430);
    trial.order(set(calendar), cleared());
    close(&mut trial, 1, rejected(CutOffNotReached));
}

#[test]
fn the_calendar_takes_four_eyes_and_sense_and_nobody_proposes_the_engines_own() {
    let mut trial = Trial::standard();
    let good = in_minutes(&trial, 5);
    let leap = Date { year: 2026, month: 2, day: 29 };
    trial.order_with(set(good.clone()), Eyes::Two, rejected(FourEyesRequired));
    trial.order(set(Calendar { weekdays: 0, ..good.clone() }), rejected(BadCalendar));
    trial.order(set(Calendar { cut_offs: vec![], ..good.clone() }), rejected(BadCalendar));
    trial.order(set(Calendar { holidays: vec![leap], ..good }), rejected(BadCalendar));
    let inner = Command::Schedule(ScheduleCommand::CloseScheduled { cycle: 1 });
    let propose =
        feiqian_core::authority::ProposalCommand::Propose { command: Box::new(inner), expires_after: 60 };
    trial.order_with(Command::Proposal(propose), Eyes::Two, rejected(MalformedCommand));
}
