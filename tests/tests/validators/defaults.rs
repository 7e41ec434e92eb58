//! Operators that cheat in a default: what they order has the form and the sums that the rules ask for, so that every
//! root of theirs replays, but not the numbers that the cycle's transfers give. Found in the block that has them.

use feiqian_core::batch::Batch;
use feiqian_core::command::Command;
use feiqian_core::default::command::DefaultCommand;
use feiqian_core::fees::{Bearer, Beneficiary, FeeCommand, Scope, Tariff, Tier};
use feiqian_proof::header::BlockHeader;
use feiqian_proof::signature::PublicKey;
use feiqian_runtime::audit::{AuditFault, audit};
use feiqian_runtime::follow::{
    Evidence, EvidenceError, FollowFault, Follower, Trust, Verdict, judge, start_from_snapshot,
};
use feiqian_tests::sim_storage::SimStorage;
use feiqian_tests::story::sequenced;
use feiqian_tests::world::{Eyes, Row, World, bic, cleared, currency, held, operator_key, row};

use crate::house::{COPY_SEGMENT_BYTES, Operator, disk, follow, follower, identity};
use crate::lives::newest_snapshot;

/// Slots of a standard world.
const B: u32 = 1;
const C: u32 = 2;

/// Each chain in a frame of its own.
fn pay(world: &mut World, rows: &[Row]) {
    let mut chain = Vec::new();
    for row in rows {
        let (submitter, record) = world.draft(row);
        chain.push(record);
        if !record.is_linked() {
            world.push_transfers(vec![Batch::new(submitter, std::mem::take(&mut chain))]);
        }
    }
}

/// What A pays bears 2 to C.
fn tariff(world: &World) -> Command {
    let tier = Tier { from: 0, flat: 2, millionths: 0, least: 0, most: u64::MAX };
    let (currency, debtor) = (currency("EUR"), Some(bic("A")));
    let scope = Scope { currency, bearer: Bearer::Debtor, debtor, creditor: None, purpose: None };
    let beneficiaries = vec![(Beneficiary::Account(world.account("C")), 1)];
    Command::Fee(FeeCommand::SetTariff {
        number: 1,
        tariff: Tariff { scope, tiers: vec![tier], beneficiaries },
    })
}

fn waterfall(survivors: &[(u32, u64)]) -> DefaultCommand {
    let (bic, currency, survivors) = (bic("A"), currency("EUR"), survivors.to_vec());
    DefaultCommand::Waterfall { cycle: 1, bic, currency, own: 60, fund: 40, survivors }
}

fn recast(nets: &[(u32, i128)]) -> DefaultCommand {
    DefaultCommand::Recast { cycle: 1, without: bic("A"), nets: nets.to_vec() }
}

/// An operator in whose first cycle A has come to owe B 100 and C 50, and B to owe C 30, and that orders this; with the
/// sequence of the order. What is paid in the second cycle is none of the first's.
fn ordering(step: DefaultCommand) -> (Operator, u64) {
    ordering_with(step, false)
}

/// As [`ordering`]; where A's payments bear fees, it owes C 54.
fn ordering_with(step: DefaultCommand, bears_fees: bool) -> (Operator, u64) {
    let mut world = World::standard();
    let order = |world: &mut World, command| world.push_command(command, Eyes::Four).first_sequence;
    let default = |command| Command::Default(command);
    if bears_fees {
        let tariff = tariff(&world);
        order(&mut world, tariff);
        pay(
            &mut world,
            &[
                row("A", "B", 110, cleared()).id(41).linked(),
                row("A", "C", 2, cleared()).fee_on(41),
                row("A", "C", 60, held()).hold(31),
                row("A", "C", 50, cleared()).post(31).id(42).linked(),
                row("A", "C", 2, cleared()).fee_on(42),
            ],
        );
        order(&mut world, Command::Fee(FeeCommand::EndTariff { number: 1 }));
    } else {
        pay(
            &mut world,
            &[
                row("A", "B", 110, cleared()),
                row("A", "C", 60, held()).hold(31),
                row("A", "C", 50, cleared()).post(31),
            ],
        );
    }
    order(&mut world, Command::Seal { height: 1 });
    pay(
        &mut world,
        &[row("B", "A", 10, cleared()), row("B", "C", 30, cleared()), row("A", "A", 5, cleared())],
    );
    order(&mut world, Command::CloseCycle { cycle: 1 });
    pay(&mut world, &[row("A", "C", 400, cleared()), row("C", "B", 7, cleared())]);
    let (bic, currency) = (bic("A"), currency("EUR"));
    order(&mut world, default(DefaultCommand::SetCollateral { bic, currency, amount: 60 }));
    order(&mut world, default(DefaultCommand::SetDefaultFund { currency, amount: 40 }));
    order(&mut world, Command::Seal { height: 3 });
    let sequence = order(&mut world, default(step));
    pay(&mut world, &[row("C", "B", 8, cleared())]);
    order(&mut world, Command::Seal { height: 4 });
    order(&mut world, Command::Seal { height: 5 });
    let mut operator = Operator::begun();
    let frames = world.frames().iter().skip(1).map(|frame| vec![sequenced(frame)]);
    for group in frames {
        operator.run(&[group]);
        if operator.blocks().last() == 2 {
            operator.machine.snapshot().expect("a good disk");
        }
    }
    assert_eq!(operator.machine.state().registry().defaults().steps().len(), 1, "the rules accept it");
    (operator, sequence)
}

#[test]
fn the_numbers_that_the_transfers_give_are_found_right_by_all() {
    for (step, bears_fees) in [
        (waterfall(&[(B, 33), (C, 17)]), false),
        (recast(&[(B, -30), (C, 30)]), false),
        (waterfall(&[(B, 35), (C, 19)]), true),
        (recast(&[(B, -30), (C, 30)]), true),
    ] {
        let (operator, _) = ordering_with(step, bears_fees);
        let storage = disk(3);
        let mut validator = follower(&storage).expect("an empty disk");
        let turn = follow(&mut validator, &mut operator.serve()).expect("an honest operator");
        assert_eq!(turn.signed, Some(5));
        validator.close().expect("a good disk");
        assert_eq!(audit(storage).expect("no difference").blocks, 5);
        let Operator { storage, machine, .. } = operator;
        drop(machine);
        assert_eq!(audit(storage).expect("no difference").blocks, 5);
    }
}

#[test]
fn other_numbers_are_found_at_their_block_and_convict() {
    let cheats = [
        (waterfall(&[(B, 25), (C, 25)]), "waterfall", "has 25 minor units for"),
        (waterfall(&[(B, 50)]), "waterfall", "where the cycle's transfers give 33"),
        (recast(&[(B, -20), (C, 20)]), "recast", "where the cycle's transfers give -30"),
        (recast(&[]), "recast", "has 0 minor units"),
    ];
    for (step, kind, words) in cheats {
        let (operator, sequence) = ordering(step);
        let storage = disk(3);
        let mut validator = follower(&storage).expect("an empty disk");
        // What is not written down is looked at again after a restart.
        for _ in 0..2 {
            let error = follow(&mut validator, &mut operator.serve());
            let Err(FollowFault::Found(finding)) = error else { panic!("not found: {error:?}") };
            assert_eq!((finding.sequence, finding.height), (sequence, 4));
            assert!(finding.what.contains(kind) && finding.what.contains(words), "{finding}");
            assert_eq!(validator.replica().height(), 3, "nothing is kept of it");
            let evidence = Evidence::decode(&finding.evidence.encode()).expect("evidence");
            assert_eq!(evidence, finding.evidence);
            let key = PublicKey::of(&operator_key());
            assert!(matches!(judge(&evidence, &key, None::<SimStorage>), Ok(Verdict::Undecided(_))));
            let verdict = judge(&evidence, &key, Some(operator.storage.clone()));
            assert!(matches!(&verdict, Ok(Verdict::Convicts(what)) if what.contains(words)), "{verdict:?}");
            drop(validator);
            validator = follower(&storage).expect("what it has");
        }
        let Operator { storage, machine, .. } = operator;
        drop(machine);
        let Err(AuditFault::Default(found, what)) = audit(storage) else { panic!("an audit finds it too") };
        assert!(found == sequence && what.contains(kind), "{what}");
    }
}

/// A follower that begins behind the newest snapshot of an operator, with none of the rows before it.
fn begun_behind_the_snapshot(operator: &Operator) -> Follower<SimStorage> {
    let last = operator.blocks().last();
    let header =
        BlockHeader::decode(&operator.blocks().read(last).expect("stored").header).expect("a header");
    let storage = disk(4);
    let begun = start_from_snapshot(
        storage.clone(),
        (identity(), COPY_SEGMENT_BYTES),
        &mut operator.serve(),
        (Trust::Block(last, header.hash()), newest_snapshot(operator)),
    );
    assert_eq!(begun.expect("trusted"), 2);
    follower(&storage).expect("a directory")
}

#[test]
fn a_validator_without_the_cycles_rows_replays_them_and_tells_right_numbers_from_wrong_ones() {
    let (operator, _) = ordering(waterfall(&[(B, 33), (C, 17)]));
    let turn = follow(&mut begun_behind_the_snapshot(&operator), &mut operator.serve());
    assert_eq!(turn.expect("an honest operator").signed, Some(5));
    let (operator, sequence) = ordering(waterfall(&[(B, 25), (C, 25)]));
    let error = follow(&mut begun_behind_the_snapshot(&operator), &mut operator.serve());
    let Err(FollowFault::Found(finding)) = error else { panic!("not found: {error:?}") };
    assert_eq!((finding.sequence, finding.height), (sequence, 4));
}

#[test]
fn right_numbers_can_not_be_made_to_look_wrong() {
    let (operator, sequence) = ordering(waterfall(&[(B, 33), (C, 17)]));
    let signed = Box::new(operator.blocks().read(4).expect("stored"));
    let reader = operator.machine.journal().reader();
    let frames: Vec<u8> =
        (sequence..sequence + 3).flat_map(|at| reader.stored_from(at, 0).expect("journaled")).collect();
    let accusing = |frames: &[u8]| {
        let evidence =
            Evidence::Numbers { identity: identity(), signed: signed.clone(), frames: frames.to_vec() };
        judge(&evidence, &identity().operator, Some(operator.storage.clone()))
    };
    assert!(matches!(accusing(&frames), Ok(Verdict::Refuted(_))));
    let others = reader.stored_from(sequence, 0).expect("journaled");
    assert!(matches!(accusing(&others), Err(EvidenceError::Frames(_))), "not the block's");
    let mut forged = signed.clone();
    forged.header[200] ^= 1;
    let evidence = Evidence::Numbers { identity: identity(), signed: forged, frames };
    let verdict = judge(&evidence, &identity().operator, Some(operator.storage.clone()));
    assert_eq!(verdict, Err(EvidenceError::NotSigned));
}
