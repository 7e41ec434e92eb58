//! Corners that a reading of the rules against their descriptions has found; each was wrong once.

use crate::board::Board;
use crate::trial::Trial;
use feiqian_core::account::AccountState;
use feiqian_core::batch::{Batch, PayloadBuilder};
use feiqian_core::command::Command;
use feiqian_core::frame::FrameKind;
use feiqian_core::ledger::Share;
use feiqian_core::outcome::RejectReason::{self, AlreadyRegistered, MalformedCommand};
use feiqian_core::shard::Shard;
use feiqian_core::state::{Fault, FrameView, State};
use feiqian_tests::world::{Expected, Eyes, NOWHERE, World, cleared, genesis, rejected};

#[test]
fn a_closed_account_is_not_opened_again() {
    let mut trial = Trial::standard();
    let account = trial.world.account("a1");
    trial.order(Command::SetAccountState { account, state: AccountState::Closed }, cleared());
    trial.world.push_command(Command::SetAccountState { account, state: AccountState::Open }, Eyes::Four);
    assert_ne!(Expected::of(&trial.apply().rows[0]), cleared(), "reopened");
}

#[test]
fn a_closed_account_is_not_left_by_one_pair_of_eyes() {
    let mut trial = Trial::standard();
    let account = trial.world.account("a1");
    trial.order(Command::SetAccountState { account, state: AccountState::Closed }, cleared());
    trial.world.push_command(Command::SetAccountState { account, state: AccountState::Frozen }, Eyes::None);
    assert_ne!(Expected::of(&trial.apply().rows[0]), cleared(), "closed account made frozen by nobody");
}

#[test]
fn a_clearing_account_is_not_closed_since_cycles_settle_on_it() {
    let mut trial = Trial::standard();
    let account = trial.world.account("A");
    trial.order(
        Command::SetAccountState { account, state: AccountState::Closed },
        rejected(RejectReason::AccountState),
    );
}

#[test]
fn a_known_alias_is_answered_before_an_unknown_account() {
    let mut trial = Trial::standard();
    let account = trial.world.account("a1");
    trial.order(Command::RegisterAlias { alias: "IBAN:X".into(), account }, cleared());
    trial.order(
        Command::RegisterAlias { alias: "IBAN:X".into(), account: NOWHERE },
        rejected(AlreadyRegistered),
    );
}

#[test]
fn a_command_frame_of_two_entries_is_a_fault() {
    let world = World::begun();
    let frame = world.last();
    let view = FrameView { kind: FrameKind::Command, count: 2, ..frame.view() };
    let mut rows = Vec::new();
    assert!(State::default().apply(&view, &world, &mut rows).is_err(), "{} rows for 2 entries", rows.len());
}

#[test]
fn a_transfer_that_poses_as_a_command_is_a_fault_and_never_admitted() {
    let trial = Trial::standard();
    let batch = Batch::new(0, vec![trial.world.records()[1]]);
    assert!(!batch.is_within_limits(), "admission refuses it");
    let mut builder = PayloadBuilder::default();
    builder.push(batch);
    let (payload, count) = builder.finish();
    let frame = trial.world.last().view();
    let first_sequence = trial.serial.state.next_sequence();
    let view = FrameView { kind: FrameKind::Transfers, first_sequence, count, payload: &payload, ..frame };
    let fault = Some(Fault::Malformed { sequence: first_sequence });
    let mut rows = Vec::new();
    let applied = trial.serial.state.clone().apply(&view, &trial.world, &mut rows);
    assert_eq!(applied.err(), fault, "and no journaled frame may hold it");
    let mut shard = Shard::of(Share { number: 0, shards: 2 }, &trial.serial.state);
    assert_eq!(
        shard.take_ids(&view, &trial.world, &Board::new(2, count, false)).err(),
        fault,
        "nor may it for a shard"
    );
}

#[test]
fn a_malformed_genesis_is_answered_before_a_misplaced_one() {
    let mut trial = Trial::standard();
    let mut twin = genesis(7);
    twin.officers = vec![twin.officers[0], twin.officers[0]];
    trial.world.push_command(Command::Genesis(twin), Eyes::None);
    let rows = trial.serial.clone().apply(&trial.world, &trial.world.last().clone()).rows;
    assert_eq!(Expected::of(&rows[0]), rejected(MalformedCommand));
}
