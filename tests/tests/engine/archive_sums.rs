//! The archive against the engine: positions summed up from the files, cycle by cycle, and what kind of entry each row is.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use feiqian_archive::schema::Table;
use feiqian_archive::{ExportOptions, export};
use feiqian_core::account::{SlotHandle, UNLIMITED};
use feiqian_core::batch::Batch;
use feiqian_core::command::Command;
use feiqian_core::fees::{Bearer, Beneficiary, FeeCommand, Scope, Tariff, Tier};
use feiqian_core::fraud::FraudCommand;
use feiqian_core::postings::PostingCommand;
use feiqian_runtime::pipeline::Engine;
use feiqian_tests::sim_storage::{Plan, SimStorage};
use feiqian_tests::world::{Expected, Eyes, Row, World, bic, cleared, currency, entry, row};
use parquet::record::{Field, RowAccessor as _};

use super::archive::{rows_in, table_of};
use super::house::{House, command, in_time};

/// Net positions in minor units, by cycle, currency and bank; those that are not zero.
pub(crate) type Nets = BTreeMap<(u64, String, String), i128>;

/// What the rows of `positions` add up to.
pub(crate) fn archived(disk: &SimStorage) -> Nets {
    let mut nets = Nets::new();
    for path in disk.files().into_iter().filter(|path| table_of(path) == Some(Table::Positions)) {
        let currency = path.split("currency=").nth(1).and_then(|rest| rest.split('/').next());
        for row in rows_in(&path, disk.content(&path).expect("there")) {
            let bank = row.get_string(2).expect("a bank").clone();
            let key = (row.get_ulong(1).expect("counted"), currency.expect("a partition").to_owned(), bank);
            let net = row.get_decimal(8).expect("a sum").data().try_into().expect("16 bytes");
            *nets.entry(key).or_default() += i128::from_be_bytes(net);
        }
    }
    nets.retain(|_, net| *net != 0);
    nets
}

/// The same as the engine has it, as of the last block: of closed cycles at their close, of open ones as they stand.
pub(crate) fn engines(engine: &Engine) -> Nets {
    engine.ask(|sealer| {
        let (mirror, mut nets) = (sealer.mirror(), Nets::new());
        let registry = &mirror.registry;
        let mut note = |cycle, slot: SlotHandle, net: i128| {
            let terms = &registry.slots()[slot as usize];
            let bank = registry.participants()[terms.participant as usize].bic;
            if net != 0 {
                nets.insert((cycle, terms.currency.code().to_owned(), bank.as_str().to_owned()), net);
            }
        };
        for cycle in registry.cycles() {
            if let Some(closed) = mirror.nets_at_close(cycle.number) {
                closed.into_iter().for_each(|(slot, net)| note(cycle.number, slot, net));
                continue;
            }
            for ((cell, terms), slot) in mirror.slots.iter().zip(registry.slots()).zip(0..) {
                if registry.streams().is_counted(cycle, terms.currency) {
                    note(cycle.number, slot, cell.position);
                }
            }
        }
        nets
    })
}

/// A chain, or a transfer, of one bank.
fn pay(engine: &Engine, world: &mut World, rows: &[Row]) {
    let drafts: Vec<_> = rows.iter().map(|row| world.draft(row)).collect();
    let batch = Batch::new(drafts[0].0, drafts.iter().map(|draft| draft.1).collect());
    let answered = engine.submit(batch).expect("room").wait().expect("it runs").rows;
    let found: Vec<_> = answered.iter().map(Expected::of).collect();
    assert_eq!(found, rows.iter().map(|row| row.expected).collect::<Vec<_>>());
}

/// Gives the entry's id.
fn order(engine: &Engine, world: &mut World, order: &Command, eyes: Eyes) -> u128 {
    let id = world.new_id();
    assert_eq!(command(engine, &entry(id, order.clone(), eyes)).reason(), None, "{order:?}");
    id
}

/// a1's payment to b1 is reported as fraud, what is left of it is held, and 40 go back.
fn give_back(engine: &Engine, world: &mut World) {
    pay(engine, world, &[row("A", "a1", 100, cleared())]);
    pay(engine, world, &[row("a1", "b1", 100, cleared()).id(77)]);
    let report = FraudCommand::Report {
        reporter: bic("A"),
        transfer: 77,
        sequence: engine.find(77).expect("journaled"),
        debtor: world.account("a1"),
        creditor: world.account("b1"),
        paid: 100,
        amount: 100,
        hops: 1,
        seconds: 600,
    };
    let case = order(engine, world, &Command::Fraud(report), Eyes::Of(1));
    engine.seal().expect("room");
    let (_, as_of, found) = engine.trace(case).expect("readable").expect("it runs");
    let hold = FraudCommand::Hold { case, as_of, traced: found.traced };
    order(engine, world, &Command::Fraud(hold), Eyes::Of(1));
    let back = FraudCommand::Return { case, account: world.account("b1"), amount: 40 };
    order(engine, world, &Command::Fraud(back), Eyes::Four);
}

/// C is the network, and charges 3 for each payment in euros.
fn charge(engine: &Engine, world: &mut World) {
    let scope = Scope {
        currency: currency("EUR"),
        bearer: Bearer::Debtor,
        debtor: None,
        creditor: None,
        purpose: None,
    };
    let tier = Tier { from: 0, flat: 3, millionths: 0, least: 0, most: UNLIMITED };
    let network = (Beneficiary::Account(world.account("C")), 1);
    let tariff = Tariff { scope, tiers: vec![tier], beneficiaries: vec![network] };
    order(engine, world, &Command::Fee(FeeCommand::SetTariff { number: 1, tariff }), Eyes::Four);
    pay(
        engine,
        world,
        &[row("A", "B", 100, cleared()).id(2).linked(), row("A", "C", 3, cleared()).fee_on(2)],
    );
}

/// Seals until so many orders have been carried out.
fn until_carried(engine: &Engine, orders: usize) {
    let until = Instant::now() + Duration::from_secs(30);
    while engine.ask(|sealer| sealer.mirror().carried.len()) < orders {
        assert!(Instant::now() < until, "never carried out");
        engine.seal().expect("room");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Of each kind of row whether it refers to another entry's id.
fn kinds(disk: &SimStorage) -> BTreeMap<String, Vec<bool>> {
    let mut kinds = BTreeMap::<String, Vec<bool>>::new();
    for path in disk.files().into_iter().filter(|path| table_of(path) == Some(Table::Transfers)) {
        for row in rows_in(&path, disk.content(&path).expect("there")) {
            let refers = row.get_column_iter().nth(18).is_some_and(|(_, related)| *related != Field::Null);
            kinds.entry(row.get_string(13).expect("a kind").clone()).or_default().push(refers);
        }
    }
    kinds
}

#[test]
fn fees_postings_and_restitutions_are_kinds_of_their_own_and_all_of_them_are_in_the_positions() {
    in_time(|| {
        let mut house = House::new(2);
        // The engine carries orders out by its own clock.
        house.options.seal_interval = Duration::from_millis(20);
        let (engine, mut world) = house.furnished();
        order(&engine, &mut world, &Command::SplitStream { currency: currency("USD") }, Eyes::Four);
        order(&engine, &mut world, &Command::CloseCycle { cycle: 1 }, Eyes::Four);
        give_back(&engine, &mut world);
        let (debtor, creditor) = (world.account("A"), world.account("C"));
        let posting =
            PostingCommand { debtor, creditor, amount: 5, reason: "booked twice".into(), valid_seconds: 60 };
        order(&engine, &mut world, &Command::Posting(posting), Eyes::Four);
        until_carried(&engine, 2);
        charge(&engine, &mut world);
        pay(&engine, &mut world, &[row("A/USD", "B/USD", 5, cleared())]);
        engine.seal().expect("room");

        let disk = SimStorage::new(1, Plan::default());
        export(&engine, disk.clone(), &ExportOptions::default()).expect("a sound disk");
        let kinds = kinds(&disk);
        assert_eq!(kinds.keys().collect::<Vec<_>>(), ["fee", "posting", "restitution", "transfer"]);
        assert_eq!((&kinds["fee"], &kinds["transfer"]), (&vec![true], &vec![false; 4]));
        // What ordered them is a command: it has a sequence, and no row here.
        assert!(!kinds["posting"].contains(&true) && !kinds["restitution"].contains(&true), "{kinds:?}");
        let nets = archived(&disk);
        assert_eq!(nets, engines(&engine));
        let cycles: Vec<_> = nets.keys().map(|(cycle, currency, _)| (*cycle, currency.as_str())).collect();
        assert_eq!(cycles, [(2, "USD"), (2, "USD"), (3, "EUR"), (3, "EUR"), (3, "EUR")]);
        engine.shutdown();
    });
}
