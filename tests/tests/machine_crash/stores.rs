//! What blocks, snapshots and the identity vouch for, each in the smallest case that shows it.

use feiqian_core::account::AccountState;
use feiqian_core::command::Command;
use feiqian_core::secrets::SaltSecret;
use feiqian_runtime::machine::{Machine, command_frame};
use feiqian_runtime::stores::{BlockStore, StoredBlock};
use feiqian_tests::picture::Picture;
use feiqian_tests::sim_storage::{Plan, SimStorage};
use feiqian_tests::story::Story;
use feiqian_tests::world::{BEGINNING, Eyes, bic, currency, entry, operator_key};

use crate::life::{lengths, stored_rows};

const SEGMENT_BYTES: u32 = 65_536;

/// A snapshot that is asked for while commands have followed on the last block must be of that block, or not
/// be taken: commands in it would be executed again behind it.
#[test]
fn i9_a_snapshot_asked_for_between_two_blocks_holds_no_later_command() {
    let eur = currency("EUR");
    let later = [
        Command::RegisterAlias { alias: "OTHR:0".into(), account: 0 },
        Command::OpenAccounts { bic: bic("A"), currency: eur, count: 2, credit_line: 0 },
        Command::SetAccountState { account: 0, state: AccountState::Frozen },
        Command::SetNetDebitCap { bic: bic("A"), currency: eur, cap: 7 },
        Command::RotateSalts { secret: SaltSecret([7; 32]) },
        Command::RegisterParticipant { bic: bic("B"), name: "Bank B".into(), key: None },
    ];
    for later in later {
        let storage = SimStorage::new(1, Plan::default());
        let (genesis, timestamp) = Story::genesis();
        let created =
            Machine::create(storage.clone(), lengths(SEGMENT_BYTES), operator_key(), (&genesis, timestamp));
        let mut machine = created.expect("an empty disk");
        let commands = [
            Command::RegisterParticipant { bic: bic("A"), name: "Bank A".into(), key: None },
            Command::OpenPosition { bic: bic("A"), currency: eur, cap: 1 },
            Command::Seal { height: 1 },
            later.clone(),
        ];
        for (command, sequence) in commands.into_iter().zip(2..) {
            let entry = entry(sequence.into(), command, Eyes::Four);
            machine.run(vec![command_frame(sequence, BEGINNING, &entry)]).expect("a good disk");
        }
        let (state, rows) = (Picture::of_state(machine.state()), stored_rows(&storage, 5));
        machine.snapshot().expect("a good disk");
        drop(machine);
        let recovered = Machine::recover(storage.clone(), lengths(SEGMENT_BYTES), operator_key());
        let (machine, report) = recovered.unwrap_or_else(|fault| panic!("{later:?}: {fault}"));
        assert!(report.bad_snapshots.is_empty(), "{later:?}: {:?}", report.bad_snapshots);
        assert_eq!(Picture::of_state(machine.state()), state, "{later:?}");
        assert_eq!(stored_rows(&storage, 5), rows, "{later:?}");
    }
}

/// A creation that was cut off before its first entry can be done again; one that was not can be opened.
#[test]
fn i9_a_creation_that_was_cut_off_anywhere_can_be_repeated() {
    let (genesis, timestamp) = Story::genesis();
    let create = |storage: &SimStorage| {
        Machine::create(storage.clone(), lengths(SEGMENT_BYTES), operator_key(), (&genesis, timestamp))
    };
    let whole = SimStorage::new(1, Plan::default());
    create(&whole).expect("an empty disk");
    for (cut_at, seed) in (1..=whole.operations()).flat_map(|cut_at| (0..6).map(move |seed| (cut_at, seed))) {
        let first = SimStorage::new(seed, Plan { cut_at: Some(cut_at), ..Plan::default() });
        assert!(create(&first).is_err(), "operation {cut_at}");
        let second = first.power_cut(Plan::default());
        let created = create(&second).map(drop).map_err(|fault| fault.to_string());
        let opened = Machine::recover(second, lengths(SEGMENT_BYTES), operator_key());
        let head = opened.map(|(machine, _)| machine.journal().head().sequence);
        assert_eq!(head.ok(), Some(1), "operation {cut_at}, seed {seed}: created again: {created:?}");
    }
}

/// What a killed process wrote is in the page cache: the next one must sync it before it calls it durable, or
/// a power cut makes torn entries look like damaged ones.
#[test]
fn i9_blocks_that_a_killed_process_left_unsynced_are_not_called_durable() {
    let block = StoredBlock { header: [7; 320], signature: [8; 64] };
    for seed in 0..50 {
        let first = SimStorage::new(seed, Plan::default());
        let (blocks, _) = BlockStore::open(first.clone()).expect("an empty disk");
        (1..=3).for_each(|height| blocks.append(height, &block).expect("a good disk"));
        let second = first.kill(Plan::default());
        let (blocks, found) = BlockStore::open(second.clone()).expect("nothing is wrong");
        assert_eq!(found.last, 3);
        blocks.append(4, &block).expect("a good disk");
        let third = second.power_cut(Plan::default());
        let opened = BlockStore::open(third).map(|(_, found)| found.last);
        assert!(opened.as_ref().is_ok_and(|last| *last >= 3), "seed {seed}: {opened:?}");
    }
}
