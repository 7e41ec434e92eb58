//! Tables of cycles: closing, instructing, settling, failing, and what unsettled positions do to caps.

use feiqian_core::command::Command;
use feiqian_core::limits::UNSETTLED_CYCLES_MAX;
use feiqian_core::mirror::Mirror;
use feiqian_core::outcome::RejectReason::{
    AlreadyRegistered, CurrencyMismatch, CycleState, LimitReached, NetDebitCapExceeded, ParticipantFailed,
    UnknownParticipant,
};
use feiqian_core::paid::PaidCommand;
use feiqian_tests::world::{Expected, Eyes, Row, bic, cleared, currency, rejected, row};

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
    trial.world.push_command(close(1), Eyes::Four);
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

fn split(code: &str) -> Command {
    Command::SplitStream { currency: currency(code) }
}

fn usd(debtor: &'static str, creditor: &'static str, amount: u64) -> Row {
    row(debtor, creditor, amount, cleared())
}

fn scopes(trial: &Trial) -> Vec<(u64, Option<&'static str>, &'static str)> {
    let cycles = trial.picture().cycles;
    cycles.iter().map(|it| (it.number, it.scope.map(|scope| scope.code()), it.state.name())).collect()
}

/// What each position shows: the open cycle's, and those set aside.
fn cells(trial: &Trial) -> Vec<(i128, Vec<(u64, i128)>)> {
    let slots = trial.picture().slots;
    slots.into_iter().map(|(_, cell)| (cell.position, cell.closed)).collect()
}

#[test]
fn a_currency_gets_cycles_of_its_own_when_the_general_cycle_closes() {
    let mut trial = Trial::standard();
    trial.order(split("USD"), cleared());
    trial.order(split("USD"), rejected(AlreadyRegistered));
    trial.check(&[row("A", "B", 3, cleared()), usd("A/USD", "B/USD", 5)]);
    assert_eq!(scopes(&trial), [(1, None, "open")]);
    trial.order(close(1), cleared());
    assert_eq!(scopes(&trial), [(1, None, "closed"), (2, Some("USD"), "open"), (3, None, "open")]);
    trial.order(split("USD"), rejected(AlreadyRegistered));
    let nets = |cycle| trial.serial.sealer.mirror().closing(cycle).expect("kept").nets.clone();
    assert_eq!(nets(1).iter().map(|(_, net)| *net).collect::<Vec<_>>(), [-3, 3, -5, 5]);
}

#[test]
fn a_closing_cycle_sets_aside_the_positions_that_it_counts_and_no_others() {
    let mut trial = Trial::standard();
    trial.order(split("USD"), cleared());
    trial.order(close(1), cleared());
    trial.check(&[row("A", "B", 3, cleared()), usd("A/USD", "B/USD", 5)]);
    trial.order(close(2), cleared());
    assert_eq!(
        scopes(&trial)[1..],
        [(2, Some("USD"), "closed"), (3, None, "open"), (4, Some("USD"), "open")]
    );
    let eur = |amount| (amount, vec![]);
    let zero = eur(0);
    let aside = |net| (0, vec![(2, net)]);
    let at = |trial: &Trial| cells(trial).into_iter().filter(|cell| *cell != zero).collect::<Vec<_>>();
    assert_eq!(at(&trial), [eur(-3), eur(3), aside(-5), aside(5)]);
    trial.order(close(2), rejected(CycleState));
    trial.order(instruct(2), cleared());
    trial.order(settle(2), cleared());
    assert_eq!((trial.balance("A/USD"), trial.position("A")), (0, -3));
    trial.check(&[usd("B/USD", "A/USD", 7)]);
    trial.order(close(3), cleared());
    assert_eq!(scopes(&trial)[4], (5, None, "open"));
    assert_eq!(at(&trial), [(0, vec![(3, -3)]), (0, vec![(3, 3)]), eur(7), eur(-7)]);
}

#[test]
fn the_header_has_the_general_cycle_and_each_position_its_own() {
    let mut trial = Trial::standard();
    trial.order(split("USD"), cleared());
    let block_of = |trial: &mut Trial, cycle| {
        trial.world.push_command(close(cycle), Eyes::Four);
        let header = trial.apply().header.expect("a closed cycle ends a block");
        let mut cycles: Vec<_> =
            trial.serial.sealer.positions().iter().map(|leaf| (leaf.currency, leaf.cycle)).collect();
        cycles.sort_unstable();
        cycles.dedup();
        (header.cycle, cycles)
    };
    let (usd, eur) = (currency("USD").numeric(), currency("EUR").numeric());
    assert_eq!(block_of(&mut trial, 1), (1, vec![(usd, 1), (eur, 1)]));
    assert_eq!(block_of(&mut trial, 2), (3, vec![(usd, 2), (eur, 3)]));
    assert_eq!(block_of(&mut trial, 3), (3, vec![(usd, 4), (eur, 3)]));
    assert_eq!(block_of(&mut trial, 4), (5, vec![(usd, 4), (eur, 5)]));
}

#[test]
fn streams_are_in_a_snapshot_and_in_the_configuration() {
    let mut trial = Trial::standard();
    let same = |trial: &Trial| {
        let mirror = trial.serial.sealer.mirror();
        let read = Mirror::decode(&mirror.encode()).expect("readable");
        assert_eq!(read.registry, mirror.registry);
    };
    trial.order(close(1), cleared());
    trial.order(split("USD"), cleared());
    same(&trial);
    trial.order(close(2), cleared());
    same(&trial);
    trial.order(close(3), cleared());
    same(&trial);
    let entries = trial.serial.sealer.config_entries();
    let of_cycles: Vec<_> = entries.iter().filter(|(_, entry)| entry[0] == 4).collect();
    let lengths: Vec<_> = of_cycles.iter().map(|(_, entry)| entry.len()).collect();
    assert_eq!(lengths, [26, 26, 28, 26, 28]);
    assert_eq!(of_cycles[2].1[26..], currency("USD").numeric().to_le_bytes());
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

#[test]
fn a_product_has_positions_caps_and_cycles_apart_from_its_currency() {
    let mut trial = Trial::standard();
    for bank in ["A", "B"] {
        trial.world.open_position(bank, "EUR.1", 50);
        trial.apply();
    }
    trial.order(split("EUR.1"), cleared());
    trial.order(close(1), cleared());
    assert_eq!(scopes(&trial), [(1, None, "closed"), (2, Some("EUR.1"), "open"), (3, None, "open")]);
    // Money of a product does not pay for another's, and each has its own cap.
    trial.check(&[
        row("A", "B", 1_000, cleared()),
        row("A/EUR.1", "B", 1, rejected(CurrencyMismatch)),
        row("A/EUR.1", "B/EUR.1", 51, rejected(NetDebitCapExceeded)),
        row("A/EUR.1", "B/EUR.1", 50, cleared()),
    ]);
    trial.order(close(2), cleared());
    let nets = |cycle| trial.serial.sealer.mirror().closing(cycle).expect("kept").nets.clone();
    assert_eq!(nets(2).iter().map(|(_, net)| *net).collect::<Vec<_>>(), [-50, 50]);
    trial.order(instruct(2), cleared());
    trial.order(settle(2), cleared());
    trial.check(&[row("A/EUR.1", "B/EUR.1", 50, cleared()), row("A", "B", 1, rejected(NetDebitCapExceeded))]);
}
