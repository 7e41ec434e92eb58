//! Tables of cycles: closing, instructing, settling, failing, and what unsettled positions do to caps.

use feiqian_core::command::Command;
use feiqian_core::limits::UNSETTLED_CYCLES_MAX;
use feiqian_core::outcome::RejectReason::{
    CycleState, LimitReached, NetDebitCapExceeded, ParticipantFailed, UnknownParticipant,
};
use feiqian_core::paid::PaidCommand;
use feiqian_tests::world::{Expected, bic, cleared, rejected, row};

use crate::trial::Trial;

fn close(cycle: u64) -> Command {
    Command::CloseCycle { cycle }
}

fn instruct(cycle: u64) -> Command {
    Command::InstructCycle { cycle }
}

fn settle(cycle: u64) -> Command {
    Command::SettleCycle { cycle }
}

#[test]
fn what_is_owed_from_a_closed_cycle_uses_the_cap_until_it_is_settled() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "B", 600, cleared())]);
    trial.order(close(1), cleared());
    assert_eq!(trial.position("A"), 0);
    trial.check(&[row("A", "B", 401, rejected(NetDebitCapExceeded)), row("A", "B", 400, cleared())]);
    trial.order(instruct(1), cleared());
    trial.check(&[row("A", "B", 1, rejected(NetDebitCapExceeded))]);
    trial.order(settle(1), cleared());
    assert_eq!((trial.balance("A"), trial.balance("B"), trial.position("A")), (-400, 400, -400));
    trial.check(&[row("A", "B", 601, rejected(NetDebitCapExceeded)), row("A", "B", 600, cleared())]);
}

#[test]
fn a_claim_from_a_closed_cycle_does_not_extend_the_cap() {
    let mut trial = Trial::standard();
    trial.check(&[row("B", "A", 300, cleared())]);
    trial.check(&[row("A", "B", 1_301, rejected(NetDebitCapExceeded))]);
    trial.order(close(1), cleared());
    trial.check(&[row("A", "B", 1_001, rejected(NetDebitCapExceeded)), row("A", "B", 1_000, cleared())]);
}

#[test]
fn a_cycle_goes_through_its_states_and_no_other_way() {
    let mut trial = Trial::standard();
    let fail = |cycle| Command::FailCycle { cycle };
    trial.check(&[row("A", "B", 1, cleared())]);
    let rows = [
        (instruct(1), rejected(CycleState)),
        (close(1), cleared()),
        (close(1), rejected(CycleState)),
        (settle(1), rejected(CycleState)),
        (fail(1), rejected(CycleState)),
        (instruct(1), cleared()),
        (instruct(1), rejected(CycleState)),
        (fail(1), cleared()),
        (settle(1), rejected(CycleState)),
        (instruct(1), cleared()),
        (settle(1), cleared()),
        (settle(1), rejected(CycleState)),
        (fail(1), rejected(CycleState)),
        (instruct(1), rejected(CycleState)),
        (close(2), cleared()),
    ];
    for (command, expected) in rows {
        trial.order(command, expected);
    }
}

#[test]
fn cycles_settle_in_any_order_each_with_its_own_net() {
    let mut trial = Trial::standard();
    for (cycle, amount) in [(1, 100), (2, 20), (3, 3)] {
        trial.check(&[row("A", "B", amount, cleared())]);
        trial.order(close(cycle), cleared());
        trial.order(instruct(cycle), cleared());
    }
    for (cycle, left) in [(2, -103), (3, -100), (1, 0)] {
        trial.order(settle(cycle), cleared());
        assert_eq!((trial.balance("A"), trial.balance("B")), (left, -left));
    }
    assert_eq!(trial.cell("A").last_posting, trial.world.last().first_sequence);
}

#[test]
fn closing_a_cycle_seals_its_block_and_opens_the_next_of_both() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "B", 7, cleared())]);
    trial.world.push_command(close(1), feiqian_tests::world::Eyes::Four);
    let applied = trial.apply();
    assert_eq!(Expected::of(&applied.rows[0]), cleared());
    let header = applied.header.expect("a closed cycle ends a block");
    assert_eq!((header.height, header.cycle, header.first_sequence), (1, 1, 1));
    assert_eq!(header.count, trial.world.next_sequence() - 1);
    let closing = trial.serial.sealer.mirror().closing(1).expect("kept").nets.clone();
    assert_eq!(closing, [(0, -7), (1, 7)]);
    let picture = trial.picture();
    assert_eq!((picture.open_block, picture.cycles.len()), (2, 2));
    assert_eq!((picture.cycles[0].end_block, picture.cycles[1].first_block), (2, 2));
}

#[test]
fn i6_unsettled_cycles_are_bounded() {
    let mut trial = Trial::standard();
    let most = UNSETTLED_CYCLES_MAX as u64;
    for cycle in 1..=most {
        trial.order(close(cycle), cleared());
    }
    trial.order(close(most + 1), rejected(LimitReached));
    trial.order(instruct(5), cleared());
    trial.order(close(most + 1), rejected(LimitReached));
    trial.order(settle(5), cleared());
    trial.order(close(most + 1), cleared());
}

#[test]
fn a_cycle_does_not_settle_while_a_participant_has_failed_to_pay() {
    let mut trial = Trial::standard();
    let paid = |bank| Command::Paid(PaidCommand::Paid { cycle: 1, bic: bic(bank) });
    let failed = |bank| Command::Paid(PaidCommand::Failed { cycle: 1, bic: bic(bank) });
    trial.check(&[row("A", "B", 1, cleared())]);
    let rows = [
        (failed("A"), rejected(CycleState)),
        (close(1), cleared()),
        (failed("A"), rejected(CycleState)),
        (instruct(1), cleared()),
        (failed("Z"), rejected(UnknownParticipant)),
        (failed("A"), cleared()),
        (paid("B"), cleared()),
        (settle(1), rejected(ParticipantFailed)),
        (Command::FailCycle { cycle: 1 }, cleared()),
        (instruct(1), cleared()),
        (failed("A"), cleared()),
        (settle(1), rejected(ParticipantFailed)),
        (paid("A"), cleared()),
        (settle(1), cleared()),
    ];
    for (command, expected) in rows {
        trial.order(command, expected);
    }
    assert!(trial.picture().paid.is_empty());
}
