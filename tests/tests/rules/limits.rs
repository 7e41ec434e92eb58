//! Tables of limits beyond cap and credit line: cover, sender limits, velocity, reservations, and who must approve.

use feiqian_core::account::UNLIMITED;
use feiqian_core::batch::Batch;
use feiqian_core::claim::ENGINE;
use feiqian_core::command::Command;
use feiqian_core::controls::usage::Pair;
use feiqian_core::controls::{LimitCommand, Payer, Spender};
use feiqian_core::liquidity::plan::Plan;
use feiqian_core::liquidity::queue::Priority;
use feiqian_core::outcome::RejectReason::{
    BilateralLimitExceeded, ChainFailed, CreditorParticipantSuspended, DebtorParticipantSuspended,
    FourEyesRequired, HoldMismatch, InsufficientFunds, LimitInvalid, LiquidityReserved, MalformedRecord,
    MultilateralLimitExceeded, NetDebitCapExceeded, NoPendingHold, UnknownAccount, UnknownParticipant,
    UnknownPosition, VelocityExceeded,
};
use feiqian_core::participant::ParticipantState;
use feiqian_core::transfer::flags;
use feiqian_tests::world::{
    Expected, Eyes, NOWHERE, bic, cleared, currency, held, queued, rejected, row, voided,
};

use crate::trial::Trial;

fn set(trial: &mut Trial, limit: LimitCommand) {
    trial.order(Command::Limit(limit), cleared());
}

fn set_with(trial: &mut Trial, limit: LimitCommand, eyes: Eyes, expected: Expected) {
    trial.order_with(Command::Limit(limit), eyes, expected);
}

fn bilateral(bank: &str, towards: &str, limit: u64) -> LimitCommand {
    let (bic, towards) = (bic(bank), bic(towards));
    LimitCommand::SetBilateralLimit { bic, currency: currency("EUR"), towards, limit }
}

fn multilateral(bank: &str, limit: u64) -> LimitCommand {
    LimitCommand::SetMultilateralLimit { bic: bic(bank), currency: currency("EUR"), limit }
}

fn cover(bank: &str, amount: u64) -> LimitCommand {
    LimitCommand::SetCover { bic: bic(bank), currency: currency("EUR"), amount }
}

fn cap_rule(bank: &str, fixed: u64, basis_points: u32) -> LimitCommand {
    LimitCommand::SetCapRule { bic: bic(bank), currency: currency("EUR"), fixed, basis_points }
}

fn reservation(bank: &str, class: Priority, amount: u64) -> LimitCommand {
    LimitCommand::SetReservation { bic: bic(bank), currency: currency("EUR"), class, amount }
}

fn velocity(payer: Payer, amount: u64, count: u32, period_seconds: u32) -> LimitCommand {
    LimitCommand::SetVelocityLimit { payer, amount, count, period_seconds }
}

fn of_bank(bank: &str) -> Payer {
    Payer::Position(bic(bank), currency("EUR"))
}

fn cap(trial: &Trial, bank: &str) -> u64 {
    let registry = trial.serial.state.registry();
    let slot = registry.slot_of(bic(bank), currency("EUR")).expect("open");
    registry.slots()[slot as usize].cap
}

/// What counts of one bank towards another, if anything does.
fn pair(trial: &Trial, bank: &str, towards: &str) -> Option<Pair> {
    let registry = trial.serial.state.registry();
    let slot = |bank| registry.slot_of(bic(bank), currency("EUR")).expect("open");
    trial.serial.state.usage().pairs.get(&(slot(bank), slot(towards))).copied()
}

#[test]
fn a_cap_follows_cover_and_the_share_of_it_that_counts() {
    let mut trial = Trial::standard();
    set(&mut trial, cover("A", 1_999));
    assert_eq!(cap(&trial, "A"), 1_000, "no share of it counts yet");
    set(&mut trial, cap_rule("A", 100, 9_000));
    assert_eq!(cap(&trial, "A"), 1_899);
    trial.check(&[row("A", "B", 1_900, rejected(NetDebitCapExceeded)), row("A", "B", 1_899, cleared())]);
    set(&mut trial, cover("A", 1_000));
    trial.check(&[row("A", "B", 1, rejected(NetDebitCapExceeded))]);
    set(&mut trial, cover("A", 3_000));
    trial.check(&[row("A", "B", 902, rejected(NetDebitCapExceeded)), row("A", "B", 901, cleared())]);
    trial.set_cap("A", 5_000);
    assert_eq!(cap(&trial, "A"), 5_000, "a net debit cap is a fixed part alone");
    set(&mut trial, cap_rule("A", 1, 10_000));
    assert_eq!(cap(&trial, "A"), 3_001, "cover stays known");
    set(&mut trial, cap_rule("A", UNLIMITED, 10_000));
    trial.check(&[row("A", "B", 1_000_000, cleared())]);
}

#[test]
fn a_bilateral_limit_bounds_the_net_with_one_other() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "B", 500, cleared())]);
    set(&mut trial, bilateral("A", "B", 100));
    assert_eq!(pair(&trial, "A", "B"), None, "what was paid before counts for nothing");
    trial.check(&[
        row("A", "B", 101, rejected(BilateralLimitExceeded)),
        row("A", "b1", 60, cleared()),
        row("A", "B", 41, rejected(BilateralLimitExceeded)),
        row("B", "A", 1, cleared()),
        row("A", "B", 41, cleared()),
        row("A", "C", 150, cleared()),
        row("A", "B", 1, rejected(BilateralLimitExceeded)),
        row("b1", "A", 30, cleared()),
        row("A", "B", 31, queued(Some(BilateralLimitExceeded))).queue(1),
        row("A", "a1", 1_000, cleared()),
        row("a1", "B", 30, cleared()),
    ]);
    assert_eq!(pair(&trial, "A", "B"), Some(Pair { net: 100, reserved: 0 }));
    assert_eq!(pair(&trial, "B", "A"), None, "only for who has a limit");
    trial.check(&[
        row("A", "B", 31, rejected(BilateralLimitExceeded)).release(1),
        row("B", "A", 31, cleared()).apart(),
        row("A", "B", 31, cleared()).release(1).apart(),
    ]);
    set(&mut trial, bilateral("A", "B", UNLIMITED));
    assert_eq!(pair(&trial, "A", "B"), None);
    trial.check(&[row("A", "B", 150, cleared())]);
}

#[test]
fn a_cap_comes_before_a_sender_limit_and_a_sender_limit_before_velocity() {
    let mut trial = Trial::standard();
    set(&mut trial, bilateral("A", "B", 10));
    set(&mut trial, multilateral("A", 10));
    set(&mut trial, velocity(of_bank("A"), 10, u32::MAX, 60));
    set(&mut trial, reservation("A", Priority::Urgent, 995));
    trial.check(&[
        row("a1", "B", 2_000, rejected(InsufficientFunds)),
        row("A", "B", 2_000, rejected(NetDebitCapExceeded)),
        row("A", "B", 1_000, rejected(BilateralLimitExceeded)),
        row("A", "C", 1_000, rejected(MultilateralLimitExceeded)),
    ]);
    set(&mut trial, bilateral("A", "B", UNLIMITED));
    set(&mut trial, multilateral("A", UNLIMITED));
    trial.check(&[
        row("A", "B", 1_000, rejected(VelocityExceeded)),
        row("A", "B", 6, rejected(LiquidityReserved)),
        row("A", "B", 5, cleared()),
    ]);
}

#[test]
fn a_multilateral_limit_bounds_the_net_with_all_that_have_no_bilateral_one() {
    let mut trial = Trial::standard();
    set(&mut trial, multilateral("A", 100));
    trial.check(&[
        row("A", "B", 60, cleared()),
        row("A", "C", 41, rejected(MultilateralLimitExceeded)),
        row("A", "C", 40, cleared()),
        row("C", "A", 10, cleared()),
        row("A", "B", 11, rejected(MultilateralLimitExceeded)),
        row("A", "B", 10, cleared()),
    ]);
    set(&mut trial, bilateral("A", "B", 75));
    trial.check(&[
        row("A", "B", 6, rejected(BilateralLimitExceeded)),
        row("A", "B", 5, cleared()),
        row("A", "C", 71, rejected(MultilateralLimitExceeded)),
        row("A", "C", 70, cleared()),
    ]);
}

#[test]
fn a_hold_counts_against_a_sender_limit_until_it_ends() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "B", 40, held()).hold(1), row("A", "a1", 1, held()).hold(9)]);
    set(&mut trial, bilateral("A", "B", 100));
    assert_eq!(pair(&trial, "A", "B"), Some(Pair { net: 0, reserved: 40 }), "one that was pending too");
    trial.check(&[
        row("A", "B", 61, rejected(BilateralLimitExceeded)).hold(2),
        row("A", "B", 60, held()).hold(3).expiring(2),
        row("A", "B", 1, rejected(BilateralLimitExceeded)),
        row("A", "B", 10, cleared()).post(1),
        row("A", "B", 30, cleared()),
        row("A", "B", 1, rejected(BilateralLimitExceeded)),
    ]);
    assert_eq!(pair(&trial, "A", "B"), Some(Pair { net: 40, reserved: 60 }));
    trial.wait(2);
    trial.check(&[
        row("A", "B", 60, rejected(NoPendingHold)).post(3),
        row("A", "B", 59, held()).hold(4),
        row("A", "B", 0, voided()).void(4),
        row("A", "B", 60, cleared()),
    ]);
}

#[test]
fn nets_begin_at_zero_with_the_cycle_and_what_holds_reserve_stays() {
    let mut trial = Trial::standard();
    set(&mut trial, bilateral("A", "B", 100));
    trial.check(&[row("A", "B", 70, cleared()), row("A", "B", 30, held()).hold(1)]);
    trial.order(Command::CloseCycle { cycle: 1 }, cleared());
    assert_eq!(pair(&trial, "A", "B"), Some(Pair { net: 0, reserved: 30 }));
    trial.check(&[
        row("A", "B", 71, rejected(BilateralLimitExceeded)),
        row("A", "B", 70, cleared()),
        row("A", "B", 30, cleared()).post(1),
        row("A", "B", 1, rejected(BilateralLimitExceeded)),
    ]);
}

#[test]
fn a_chain_is_borne_member_by_member_and_releases_at_once_by_what_remains_of_each_pair() {
    let mut trial = Trial::standard();
    set(&mut trial, bilateral("A", "B", 100));
    set(&mut trial, bilateral("B", "A", 0));
    trial.check(&[
        row("A", "B", 100, rejected(ChainFailed)).linked(),
        row("A", "B", 1, rejected(BilateralLimitExceeded)),
        row("A", "B", 90, cleared()).linked(),
        row("A", "b1", 10, cleared()),
        row("A", "B", 50, queued(Some(BilateralLimitExceeded))).queue(1),
        row("A", "B", 51, queued(Some(BilateralLimitExceeded))).queue(2),
        row("B", "A", 101, queued(Some(BilateralLimitExceeded))).queue(3),
    ]);
    trial.check(&[
        row("A", "B", 50, rejected(ChainFailed)).release(1).linked(),
        row("A", "B", 51, rejected(BilateralLimitExceeded)).release(2),
        row("A", "B", 50, rejected(ChainFailed)).release(1).linked(),
        row("B", "A", 101, rejected(ChainFailed)).release(3).linked(),
        row("A", "B", 52, rejected(HoldMismatch)).release(2),
        row("A", "B", 50, cleared()).release(1).linked(),
        row("B", "A", 101, cleared()).release(3).linked(),
        row("A", "B", 51, cleared()).release(2),
    ]);
    assert_eq!(pair(&trial, "A", "B"), Some(Pair { net: 100, reserved: 0 }));
    assert_eq!(pair(&trial, "B", "A"), Some(Pair { net: -100, reserved: 0 }));
}

#[test]
fn a_velocity_limit_bounds_what_an_account_pays_and_how_often_in_a_period() {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "a1", 1_000, cleared()), row("A", "a2", 1_000, cleared())]);
    let account = trial.world.account("a1");
    set(&mut trial, velocity(Payer::Account(account), 100, 3, 4));
    let elapsed = trial.world.now() / 1_000_000_000 % 4;
    trial.wait(4 - elapsed);
    trial.check(&[
        row("a1", "B", 101, rejected(VelocityExceeded)),
        row("a1", "B", 101, rejected(VelocityExceeded)).queue(1),
        row("a1", "a2", 60, cleared()),
        row("a1", "B", 41, rejected(VelocityExceeded)),
        row("a2", "B", 500, cleared()),
        row("B", "a1", 500, cleared()),
        row("a1", "B", 10, held()).hold(2),
        row("a1", "B", 0, voided()).void(2),
        row("a1", "A", 1, cleared()),
        row("a1", "A", 1, rejected(VelocityExceeded)),
    ]);
    let spent = trial.serial.state.usage().spent[&Spender::Account(account)];
    assert_eq!((spent.amount, spent.count), (71, 3), "a hold counts when it is made");
    trial.wait(3);
    trial.check(&[row("a1", "A", 1, rejected(VelocityExceeded))]);
    trial.wait(1);
    trial.check(&[
        row("a1", "A", 50, held()).hold(3),
        row("a1", "A", 50, cleared()).post(3),
        row("a1", "A", 50, cleared()),
        row("a1", "A", 1, rejected(VelocityExceeded)),
    ]);
    // Another length of period begins anew; another bound does not.
    set(&mut trial, velocity(Payer::Account(account), 101, 3, 4));
    trial.check(&[row("a1", "A", 2, rejected(VelocityExceeded)), row("a1", "A", 1, cleared())]);
    set(&mut trial, velocity(Payer::Account(account), 101, 3, 1_000));
    trial.check(&[row("a1", "A", 101, cleared()), row("a1", "A", 1, rejected(VelocityExceeded))]);
    set(&mut trial, velocity(Payer::Account(account), UNLIMITED, u32::MAX, 1_000));
    trial.check(&[row("a1", "A", 1, cleared())]);
}

#[test]
fn a_velocity_limit_of_a_participant_counts_what_leaves_it_in_chains_and_releases_too() {
    let mut trial = Trial::standard();
    trial.set_cap("A", 0);
    set(&mut trial, velocity(of_bank("A"), 100, 2, 1_000_000));
    trial.check(&[
        row("A", "a1", 5_000, cleared()),
        row("B", "A", 50, cleared()),
        row("A", "B", 60, queued(Some(NetDebitCapExceeded))).queue(1),
        row("A", "B", 61, queued(Some(NetDebitCapExceeded))).queue(2),
        row("B", "A", 2_000, cleared()),
        row("A", "B", 60, rejected(ChainFailed)).release(1).linked(),
        row("A", "B", 61, rejected(VelocityExceeded)).release(2),
        row("A", "B", 60, cleared()).release(1),
        row("A", "B", 61, rejected(VelocityExceeded)).release(2),
        row("A", "B", 20, rejected(ChainFailed)).linked(),
        row("a1", "B", 21, rejected(VelocityExceeded)),
        row("A", "B", 1, rejected(ChainFailed)).linked(),
        row("A", "B", 1, rejected(VelocityExceeded)),
        row("A", "B", 40, cleared()),
        row("A", "B", 1, rejected(VelocityExceeded)),
    ]);
    assert_eq!(trial.picture().queue.len(), 1, "a release that fails leaves its payment in the queue");
}

#[test]
fn headroom_is_kept_for_more_urgent_payments() {
    let mut trial = Trial::standard();
    set(&mut trial, reservation("A", Priority::Urgent, 300));
    set(&mut trial, reservation("A", Priority::High, 200));
    trial.check(&[
        row("A", "B", 501, rejected(LiquidityReserved)),
        row("A", "B", 501, rejected(LiquidityReserved)).hold(9),
        row("A", "B", 500, cleared()),
        row("A", "B", 1, queued(Some(LiquidityReserved))).queue(1),
        row("A", "B", 201, queued(Some(LiquidityReserved))).queue(2).flagged(flags::HIGH),
        row("A", "B", 100, cleared()).queue(3).flagged(flags::URGENT),
        row("A", "B", 401, queued(Some(NetDebitCapExceeded))).queue(4).flagged(flags::URGENT),
        row("A", "a1", 1_000, cleared()),
    ]);
    trial.check(&[
        row("B", "A", 101, cleared()),
        row("A", "B", 201, rejected(NoPendingHold)).release(2).flagged(flags::HIGH),
        row("A", "B", 401, rejected(LiquidityReserved)).release(4),
        row("A", "B", 401, rejected(MalformedRecord)).release(4).flagged(flags::URGENT | flags::HIGH),
        row("A", "B", 401, cleared()).release(4).flagged(flags::URGENT),
        row("A", "B", 201, rejected(HoldMismatch)).release(2).flagged(flags::URGENT),
        row("A", "B", 1, rejected(HoldMismatch)).release(1).flagged(flags::HIGH),
    ]);
    trial.check(&[
        row("B", "A", 401, cleared()),
        row("A", "B", 201, rejected(LiquidityReserved)).release(2),
        row("A", "B", 201, rejected(ChainFailed)).release(2).flagged(flags::HIGH).linked(),
        row("A", "B", 1, rejected(LiquidityReserved)).release(1),
        row("A", "B", 201, cleared()).release(2).flagged(flags::HIGH),
    ]);
    set(&mut trial, reservation("A", Priority::Urgent, 0));
    set(&mut trial, reservation("A", Priority::High, 299));
    trial.check(&[row("A", "B", 1, cleared()).release(1)]);
}

/// What becomes of the releases that the engine would ask for after a block: by payment, its outcome.
fn resolve(trial: &mut Trial) -> Vec<(u128, Expected)> {
    let height = trial.picture().open_block;
    trial.order_with(Command::Seal { height }, Eyes::None, cleared());
    let plan = Plan::of(trial.serial.sealer.mirror(), trial.world.now(), |_, _| false);
    let records = plan.map(|plan| plan.releases().concat()).unwrap_or_default();
    if records.is_empty() {
        return Vec::new();
    }
    trial.world.push_transfers(vec![Batch::new(ENGINE, records.clone())]);
    let rows = trial.apply().rows;
    records.iter().zip(&rows).map(|(record, row)| (record.related.get(), Expected::of(row))).collect()
}

#[test]
fn a_resolution_sets_aside_what_a_limit_would_refuse_and_keeps_what_stands_behind() {
    let mut trial = Trial::standard();
    set(&mut trial, bilateral("A", "B", 100));
    trial.check(&[
        row("A", "B", 101, queued(Some(BilateralLimitExceeded))).queue(1),
        row("A", "B", 60, cleared()).queue(9),
        row("A", "B", 41, queued(Some(BilateralLimitExceeded))).queue(2).flagged(flags::HIGH),
    ]);
    trial.check(&[row("B", "A", 30, cleared())]);
    assert_eq!(resolve(&mut trial), [(2, cleared())]);
    assert_eq!(resolve(&mut trial), [(1, rejected(BilateralLimitExceeded))], "tried where nothing else goes");
    trial.check(&[row("B", "A", 72, cleared())]);
    assert_eq!(resolve(&mut trial), [(1, cleared())]);
    assert_eq!(resolve(&mut trial), []);
}

#[test]
fn payments_that_only_their_way_back_makes_room_for_go_out_at_once() {
    let mut trial = Trial::standard();
    set(&mut trial, bilateral("A", "B", 0));
    set(&mut trial, multilateral("B", 0));
    trial.check(&[
        row("A", "B", 50, queued(Some(BilateralLimitExceeded))).queue(1).flagged(flags::URGENT),
        row("B", "A", 50, queued(Some(MultilateralLimitExceeded))).queue(2),
    ]);
    trial.set_cap("A", 0);
    trial.set_cap("B", 0);
    assert_eq!(resolve(&mut trial), [(1, cleared()), (2, cleared())]);
}

#[test]
fn a_resolution_leaves_what_its_period_has_no_room_for_and_the_kept_headroom_to_urgent_payments() {
    let mut trial = Trial::standard();
    trial.set_cap("A", 0);
    trial.check(&[
        row("A", "C", 70, queued(Some(NetDebitCapExceeded))).queue(1),
        row("A", "C", 40, queued(Some(NetDebitCapExceeded))).queue(2),
        row("A", "C", 20, queued(Some(NetDebitCapExceeded))).queue(3).flagged(flags::URGENT),
        row("A", "C", 20, queued(Some(NetDebitCapExceeded))).queue(4).flagged(flags::URGENT),
    ]);
    set(&mut trial, velocity(of_bank("A"), 100, u32::MAX, 1_000_000));
    set(&mut trial, reservation("A", Priority::Urgent, 500));
    trial.set_cap("A", 550);
    assert_eq!(
        resolve(&mut trial),
        [(3, cleared()), (4, cleared())],
        "the others are too large for what is left"
    );
    trial.set_cap("A", 580);
    assert_eq!(resolve(&mut trial), [(2, cleared())], "70 has no room in the period");
    assert_eq!(resolve(&mut trial), []);
}

#[test]
fn a_group_pays_its_least_urgent_from_what_is_not_kept() {
    let mut trial = Trial::standard();
    trial.set_cap("A", 0);
    trial.check(&[
        row("A", "C", 10, queued(Some(NetDebitCapExceeded))).queue(1),
        row("A", "C", 300, queued(Some(NetDebitCapExceeded))).queue(2).flagged(flags::URGENT),
    ]);
    set(&mut trial, reservation("A", Priority::Urgent, 291));
    trial.set_cap("A", 300);
    let urgent = row("A", "C", 300, rejected(ChainFailed)).release(2).flagged(flags::URGENT).linked();
    trial.check(&[urgent, row("A", "C", 10, rejected(NetDebitCapExceeded)).release(1)]);
    trial.set_cap("A", 310);
    set(&mut trial, reservation("A", Priority::Urgent, 301));
    trial.check(&[urgent, row("A", "C", 10, rejected(LiquidityReserved)).release(1)]);
    set(&mut trial, reservation("A", Priority::Urgent, 300));
    trial.check(&[
        row("A", "C", 300, cleared()).release(2).flagged(flags::URGENT).linked(),
        row("A", "C", 10, cleared()).release(1),
    ]);
}

#[test]
fn a_reservation_binds_nobody_whose_position_has_no_cap() {
    let mut trial = Trial::standard();
    set(&mut trial, reservation("B", Priority::Urgent, UNLIMITED));
    trial.check(&[row("B", "A", 1_000_000, cleared())]);
}

#[test]
fn a_participant_may_be_bound_to_sending_or_to_receiving() {
    let mut trial = Trial::standard();
    let state = |state| Command::SetParticipantState { bic: bic("A"), state };
    trial.check(&[row("A", "B", 10, held()).hold(1)]);
    trial.order(state(ParticipantState::SendOnly), cleared());
    trial.check(&[
        row("A", "B", 1, cleared()),
        row("B", "A", 1, rejected(CreditorParticipantSuspended)),
        row("A", "a1", 1, rejected(CreditorParticipantSuspended)),
    ]);
    trial.order(state(ParticipantState::ReceiveOnly), cleared());
    trial.check(&[
        row("A", "B", 1, rejected(DebtorParticipantSuspended)),
        row("A", "B", 10, rejected(DebtorParticipantSuspended)).post(1),
        row("A", "B", 0, voided()).void(1),
        row("B", "A", 1, cleared()),
    ]);
    trial.order(state(ParticipantState::Active), cleared());
    trial.check(&[row("A", "B", 1, cleared()), row("B", "A", 1, cleared())]);
}

#[test]
fn who_tightens_its_own_limit_needs_nobody_and_who_loosens_it_two_officers() {
    let mut trial = Trial::standard();
    let refused = rejected(FourEyesRequired);
    set_with(&mut trial, multilateral("A", 100), Eyes::None, cleared());
    set_with(&mut trial, multilateral("A", 90), Eyes::None, cleared());
    set_with(&mut trial, multilateral("A", 91), Eyes::Two, refused);
    set_with(&mut trial, multilateral("A", UNLIMITED), Eyes::None, refused);
    // It takes B out of those that share the multilateral limit.
    set_with(&mut trial, bilateral("A", "B", 1), Eyes::None, refused);
    set_with(&mut trial, bilateral("A", "B", 50), Eyes::Four, cleared());
    set_with(&mut trial, bilateral("A", "B", 49), Eyes::None, cleared());
    set_with(&mut trial, bilateral("A", "B", 50), Eyes::TwoTwice, refused);
    set_with(&mut trial, bilateral("B", "A", 7), Eyes::None, cleared());
    set_with(&mut trial, reservation("A", Priority::High, 5), Eyes::None, cleared());
    set_with(&mut trial, reservation("A", Priority::High, 4), Eyes::None, refused);
    set_with(&mut trial, reservation("A", Priority::Urgent, 1), Eyes::None, cleared());
}

#[test]
fn limits_that_the_operator_sets_need_two_officers() {
    let mut trial = Trial::standard();
    let (account, eur) = (trial.world.account("a1"), currency("EUR"));
    let before = trial.picture();
    for limit in [
        cover("A", 1),
        cap_rule("A", 1, 1),
        velocity(Payer::Account(account), 1, 1, 1),
        LimitCommand::SetThresholds { bic: bic("A"), currency: eur, levels: [1, 2] },
    ] {
        for eyes in [Eyes::None, Eyes::Two, Eyes::TwoTwice, Eyes::Stranger] {
            set_with(&mut trial, limit, eyes, rejected(FourEyesRequired));
        }
    }
    assert_eq!(trial.picture(), before);
}

#[test]
fn what_loosens_is_told_by_what_stands() {
    let mut trial = Trial::standard();
    let account = Payer::Account(trial.world.account("a1"));
    let levels = |levels| LimitCommand::SetThresholds { bic: bic("A"), currency: currency("EUR"), levels };
    set(&mut trial, cover("A", 100));
    set(&mut trial, cap_rule("A", 10, 5_000));
    set(&mut trial, velocity(account, 10, 10, 10));
    let registry = trial.serial.state.registry();
    let rows = [
        (cover("A", 101), true),
        (cover("A", 100), false),
        (cover("Z", 101), false),
        (cap_rule("A", 11, 0), true),
        (cap_rule("A", 0, 5_001), true),
        (cap_rule("A", 10, 5_000), false),
        (velocity(account, 9, 10, 10), false),
        (velocity(account, 9, 11, 10), true),
        (velocity(account, 1, 1, 11), true),
        (velocity(of_bank("A"), 1, 1, 1), false),
        (levels([8_000, 9_501]), true),
        (levels([7_000, 0]), true),
        (levels([7_000, 9_500]), false),
        (reservation("A", Priority::Urgent, 0), false),
    ];
    for (limit, loosens) in rows {
        assert_eq!(limit.loosens(registry), loosens, "{limit:?}");
    }
}

#[test]
fn a_limit_is_refused_for_what_it_names_wrongly() {
    let mut trial = Trial::standard();
    let (eur, usd) = (currency("EUR"), currency("USD"));
    let levels = |levels| LimitCommand::SetThresholds { bic: bic("A"), currency: eur, levels };
    let rows = [
        (cover("Z", 1), UnknownParticipant),
        (LimitCommand::SetCover { bic: bic("C"), currency: usd, amount: 1 }, UnknownPosition),
        (cap_rule("Z", 1, 1), UnknownParticipant),
        (bilateral("Z", "A", 1), UnknownParticipant),
        (bilateral("A", "Z", 1), UnknownParticipant),
        (bilateral("A", "A", 1), LimitInvalid),
        (
            LimitCommand::SetBilateralLimit { bic: bic("A"), currency: usd, towards: bic("C"), limit: 1 },
            UnknownPosition,
        ),
        (multilateral("Z", 1), UnknownParticipant),
        (velocity(Payer::Account(NOWHERE), 1, 1, 1), UnknownAccount),
        (velocity(of_bank("Z"), 1, 1, 1), UnknownParticipant),
        (velocity(of_bank("A"), 1, 1, 0), LimitInvalid),
        (reservation("Z", Priority::High, 1), UnknownParticipant),
        (reservation("A", Priority::Normal, 1), LimitInvalid),
        (levels([10_001, 0]), LimitInvalid),
        (levels([5_000, 5_000]), LimitInvalid),
        (levels([9_000, 5_000]), LimitInvalid),
    ];
    let before = trial.picture();
    for (limit, reason) in rows {
        trial.order(Command::Limit(limit), rejected(reason));
    }
    assert_eq!(trial.picture(), before);
    set(&mut trial, cap_rule("A", 0, 20_000));
    trial.order(Command::Limit(cover("A", UNLIMITED)), rejected(LimitInvalid));
    set(&mut trial, cover("A", UNLIMITED / 4));
    trial.order(Command::Limit(cap_rule("A", UNLIMITED - 1, 20_000)), rejected(LimitInvalid));
}
