//! Operators that say that reported money went where it did not: the rules take such a trace, and hold what it asks. Found
//! in the block that has it.

use feiqian_core::authority::ProposalCommand;
use feiqian_core::batch::Batch;
use feiqian_core::claim::ENGINE;
use feiqian_core::command::Command;
use feiqian_core::fraud::{FraudCommand, Traced};
use feiqian_core::transfer::{Record, flags};
use feiqian_proof::signature::PublicKey;
use feiqian_runtime::audit::{AuditFault, audit};
use feiqian_runtime::follow::{Evidence, FollowFault, Verdict, judge};
use feiqian_tests::sim_storage::SimStorage;
use feiqian_tests::story::sequenced;
use feiqian_tests::world::{Eyes, Row, World, bic, cleared, operator_key, row};

use crate::house::{Operator, disk, follow, follower};

/// ISO 4217.
const EUR: u16 = 978;
const STOLEN: u128 = 77;

fn pay(world: &mut World, row: &Row) -> u64 {
    let (submitter, record) = world.draft(row);
    world.push_transfers(vec![Batch::new(submitter, vec![record])]).first_sequence
}

fn say(world: &mut World, command: FraudCommand) -> (u128, u64) {
    let sequence = world.push_command(Command::Fraud(command), Eyes::Four).first_sequence;
    (world.records().last().expect("just pushed").uetr.get(), sequence)
}

/// One officer proposes it, and another approves it: gives the sequence of that.
fn propose(world: &mut World, command: FraudCommand) -> (u128, u64) {
    let command = Box::new(Command::Fraud(command));
    let content = command.content();
    let propose = ProposalCommand::Propose { command, expires_after: 60 };
    world.push_command(Command::Proposal(propose), Eyes::Of(1));
    let proposal = world.records().last().expect("just pushed").uetr.get();
    let approve = ProposalCommand::Approve { proposal, content };
    let sequence = world.push_command(Command::Proposal(approve), Eyes::Of(2)).first_sequence;
    (proposal, sequence)
}

/// Amounts on b1 and a2, at hops one and two.
fn trace(world: &World, (case, as_of): (u128, u64), [b1, a2]: [(u64, Vec<u64>); 2]) -> FraudCommand {
    let places = [("b1", 1, b1), ("a2", 2, a2)];
    let traced = places.map(|(name, hop, (amount, via))| {
        let account = world.account(name);
        Traced { account, amount, hop, via }
    });
    let mut traced = Vec::from(traced);
    traced.retain(|at| at.amount > 0);
    traced.sort_by_key(|at| at.account);
    FraudCommand::Hold { case, as_of, traced }
}

/// An operator under whom a1 has lost 100 to b1, which has passed 60 on to a2. That is traced and held; then b1 gets and
/// pays 70 of its own, a2 gives 20 back out of what is held, and a second trace, in block 3, says what is left on the two.
/// Gives the sequence of that trace too.
fn tracing(second: [u64; 2]) -> (Operator, u64) {
    tracing_with(second, say)
}

/// As [`tracing`]; `say_second` puts the second trace in force.
fn tracing_with(
    second: [u64; 2],
    say_second: impl Fn(&mut World, FraudCommand) -> (u128, u64),
) -> (Operator, u64) {
    let mut world = World::standard();
    pay(&mut world, &row("A", "a1", 100, cleared()));
    let stolen = pay(&mut world, &row("a1", "b1", 100, cleared()).id(STOLEN));
    let passed = pay(&mut world, &row("b1", "a2", 60, cleared()));
    let report = FraudCommand::Report {
        reporter: bic("A"),
        transfer: STOLEN,
        sequence: stolen,
        debtor: world.account("a1"),
        creditor: world.account("b1"),
        paid: 100,
        amount: 100,
        hops: 3,
        seconds: 600,
    };
    let (case, as_of) = say(&mut world, report);
    world.push_command(Command::Seal { height: 1 }, Eyes::Four);
    let first = trace(&world, (case, as_of), [(40, vec![stolen]), (60, vec![passed])]);
    say(&mut world, first);
    pay(&mut world, &row("B", "b1", 70, cleared()));
    pay(&mut world, &row("b1", "a3", 70, cleared()));
    let account = world.account("a2");
    let (_, number) = say(&mut world, FraudCommand::Return { case, account, amount: 20 });
    world.push_command(Command::Seal { height: 2 }, Eyes::Four);
    let mut record = Record::new(world.new_id(), account, world.account("a1"), 20, EUR);
    record.related = u128::from(number).into();
    record.flags = (flags::ORDERED | flags::POST).into();
    record.reference[..16].copy_from_slice(&case.to_le_bytes());
    let as_of = world.push_transfers(vec![Batch::new(ENGINE, vec![record])]).first_sequence;
    let [b1, a2] = second;
    let second = trace(&world, (case, as_of), [(b1, vec![stolen]), (a2, vec![passed])]);
    let (_, sequence) = say_second(&mut world, second);
    world.push_command(Command::Seal { height: 3 }, Eyes::Four);
    world.push_command(Command::Seal { height: 4 }, Eyes::Four);
    (run(&world), sequence)
}

fn run(world: &World) -> Operator {
    let mut operator = Operator::begun();
    let frames = world.frames().iter().skip(1).map(|frame| vec![sequenced(frame)]);
    operator.run(&frames.collect::<Vec<_>>());
    operator
}

#[test]
fn a_true_trace_is_found_true_by_all() {
    let (operator, sequence) = tracing([40, 40]);
    let (_, case) = operator.machine.state().registry().cases().iter().next().expect("it runs");
    assert_eq!(case.held_at, sequence, "the rules accept it");
    let storage = disk(3);
    let mut validator = follower(&storage).expect("an empty disk");
    let turn = follow(&mut validator, &mut operator.serve()).expect("an honest operator");
    assert_eq!(turn.signed, Some(4));
    validator.close().expect("a good disk");
    let report = audit(storage).expect("no difference");
    assert_eq!((report.blocks, report.traces, report.traces_unchecked), (4, 2, 0));
}

#[test]
fn a_false_trace_is_found_at_its_block_and_convicts() {
    // As if b1 had paid the 70 out of what is held; as if nothing had gone back; and an account left out.
    for second in [[0, 40], [40, 60], [40, 0]] {
        let (operator, sequence) = tracing(second);
        let storage = disk(3);
        let mut validator = follower(&storage).expect("an empty disk");
        // What is not written down is looked at again after a restart.
        for _ in 0..2 {
            let error = follow(&mut validator, &mut operator.serve());
            let Err(FollowFault::Found(finding)) = error else { panic!("not found: {error:?}") };
            assert_eq!((finding.sequence, finding.height), (sequence, 3));
            assert!(finding.what.contains("the trace of case"), "{finding}");
            assert_eq!(validator.replica().height(), 2, "nothing is kept of it");
            let evidence = Evidence::decode(&finding.evidence.encode()).expect("evidence");
            let key = PublicKey::of(&operator_key());
            assert!(matches!(judge(&evidence, &key, None::<SimStorage>), Ok(Verdict::Undecided(_))));
            let verdict = judge(&evidence, &key, Some(operator.storage.clone()));
            let said = &finding.what;
            assert!(matches!(&verdict, Ok(Verdict::Convicts(what)) if what.contains(said)), "{verdict:?}");
            drop(validator);
            validator = follower(&storage).expect("what it has");
        }
        let Operator { storage, machine, .. } = operator;
        drop(machine);
        let Err(AuditFault::Trace(found, _)) = audit(storage) else { panic!("an audit finds it too") };
        assert_eq!(found, sequence);
    }
}

#[test]
fn a_trace_that_is_proposed_is_looked_at_where_it_is_approved() {
    let (operator, sequence) = tracing_with([0, 40], propose);
    let error = follow(&mut follower(&disk(3)).expect("an empty disk"), &mut operator.serve());
    let Err(FollowFault::Found(finding)) = error else { panic!("not found: {error:?}") };
    assert_eq!((finding.sequence, finding.height), (sequence, 3));
    let key = PublicKey::of(&operator_key());
    let verdict = judge(&finding.evidence, &key, Some(operator.storage.clone()));
    assert!(matches!(verdict, Ok(Verdict::Convicts(_))), "{verdict:?}");
    let (operator, _) = tracing_with([40, 40], propose);
    let turn = follow(&mut follower(&disk(4)).expect("an empty disk"), &mut operator.serve());
    assert_eq!(turn.expect("an honest operator").signed, Some(4));
    let Operator { storage, machine, .. } = operator;
    drop(machine);
    assert_eq!(audit(storage).expect("no difference").traces, 2);
}

#[test]
fn a_true_trace_can_not_be_made_to_look_false() {
    let (operator, sequence) = tracing([40, 40]);
    let signed = Box::new(operator.blocks().read(3).expect("stored"));
    let reader = operator.machine.journal().reader();
    let frames = (sequence - 1..sequence + 2).flat_map(|at| reader.stored_from(at, 0).expect("journaled"));
    let evidence = Evidence::Numbers { identity: crate::house::identity(), signed, frames: frames.collect() };
    let verdict = judge(&evidence, &PublicKey::of(&operator_key()), Some(operator.storage.clone()));
    assert!(matches!(verdict, Ok(Verdict::Refuted(_))), "{verdict:?}");
}
