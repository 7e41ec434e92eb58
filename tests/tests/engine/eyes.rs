//! Four eyes in a running engine: what is approved and waits is put in force by the engine itself, in time, at any
//! number of shards, and the journal says so to whoever replays it.

use std::time::{Duration, Instant};

use feiqian_core::authority::{AuthorityCommand, ProposalCommand};
use feiqian_core::command::{Command, Entry, OfficerNumber};
use feiqian_core::outcome::RejectReason;
use feiqian_runtime::audit::audit;
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::storage::files::FileStorage;
use feiqian_tests::world::{Eyes, World, bic, currency, entry};

use crate::house::{House, command, in_time};

/// Officers' desk.
struct Desk<'a> {
    engine: &'a Engine,
    world: World,
}

impl Desk<'_> {
    fn order(&mut self, wanted: Command, eyes: Eyes) -> (Entry, Option<RejectReason>) {
        let entry = entry(self.world.new_id(), wanted, eyes);
        let row = command(self.engine, &entry);
        (entry, row.reason())
    }

    fn propose(&mut self, officer: OfficerNumber, wanted: Command) -> (u128, ProposalCommand) {
        let content = wanted.content();
        let propose = ProposalCommand::Propose { command: Box::new(wanted), expires_after: 600 };
        let (entry, reason) = self.order(Command::Proposal(propose), Eyes::Of(officer));
        assert_eq!(reason, None);
        (entry.id, ProposalCommand::Approve { proposal: entry.id, content })
    }

    fn cap(&self) -> u64 {
        self.engine.directory().registry(|registry| registry.slots()[0].cap)
    }
}

fn run(shards: usize) {
    let mut house = House::new(shards);
    house.options.seal_interval = Duration::from_millis(20);
    let (engine, world) = house.furnished();
    let mut desk = Desk { engine: &engine, world };
    let delay = Command::Authority(AuthorityCommand::SetDelay { seconds: 1 });
    assert_eq!(desk.order(delay, Eyes::Four).1, None);
    let raise = Command::SetNetDebitCap { bic: bic("A"), currency: currency("EUR"), cap: 2_000 };
    assert_eq!(desk.order(raise.clone(), Eyes::Four).1, Some(RejectReason::ProposalRequired));
    let (_, approve) = desk.propose(1, raise);
    assert_eq!(
        desk.order(Command::Proposal(approve.clone()), Eyes::Of(1)).1,
        Some(RejectReason::FourEyesRequired)
    );
    let begun = Instant::now();
    assert_eq!(desk.order(Command::Proposal(approve), Eyes::Of(2)).1, None);
    assert_eq!(desk.cap(), 1_000);
    while desk.cap() == 1_000 {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(begun.elapsed() >= Duration::from_secs(1), "not before its time");
    assert_eq!(desk.cap(), 2_000);
    // What is approved at once moves the directory too.
    let lower = Command::SetNetDebitCap { bic: bic("A"), currency: currency("EUR"), cap: 10 };
    let (_, approve) = desk.propose(2, lower);
    assert_eq!(desk.order(Command::Proposal(approve), Eyes::Of(3)).1, None);
    assert_eq!(desk.cap(), 10);
    engine.shutdown();
    drop(engine);
    let storage = FileStorage::open(&house.options.data).expect("free again");
    audit(storage).expect("nothing is wrong");
}

#[test]
fn an_approved_loosening_is_put_in_force_by_the_engine_when_its_time_has_come() {
    in_time(|| [1, 3].into_iter().for_each(run));
}
