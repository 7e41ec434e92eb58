//! One story of a clearing house, written once: what is submitted, group by group, and what must become of it.
//!
//! Its frames carry their own times, so every telling of it is the same to the last bit that the core decides.
//! It runs nothing and knows no storage: crash tests cut it wherever they like, and tell the rest.

use std::time::Duration;

use feiqian_core::account::AccountState;
use feiqian_core::authority::ProposalCommand;
use feiqian_core::batch::Batch;
use feiqian_core::command::{Command, Entry};
use feiqian_core::exchange::command::{ExchangeCommand, Fixed};
use feiqian_core::exchange::price::Price;
use feiqian_core::outcome::RejectReason::{
    ChainFailed, CreditorBlocked, CycleState, ExceedsHold, ExceedsOriginal, FourEyesRequired, IdReused,
    InsufficientFunds, NetDebitCapExceeded, NoPendingHold, NotOwner, QueuedAhead, QuoteExpired,
    UnknownCreditor,
};
use feiqian_core::transfer::flags;
use feiqian_runtime::journal::SequencedFrame;
use feiqian_runtime::machine::FIRST_EPOCH;

use crate::world::{
    BEGINNING, Expected, Eyes, Frame, Row, World, bic, cleared, currency, duplicate, genesis, held, queued,
    rejected, row, voided,
};

/// Frames that are made durable together.
#[derive(Clone, Debug)]
pub struct Group {
    /// In order; the first of all is the genesis.
    pub frames: Vec<SequencedFrame>,
    /// What must become of each entry.
    pub expected: Vec<Expected>,
}

impl Group {
    /// The last sequence that the group takes.
    ///
    /// # Panics
    /// If it is empty, as none of a story is.
    #[must_use]
    pub fn last_sequence(&self) -> u64 {
        self.frames.last().map(last_sequence).expect("a group has frames")
    }
}

/// A world's frame as the sequencer would hand it on, in the first epoch.
#[must_use]
pub fn sequenced(frame: &Frame) -> SequencedFrame {
    let view = frame.view();
    SequencedFrame {
        kind: view.kind,
        epoch: FIRST_EPOCH,
        first_sequence: view.first_sequence,
        count: view.count,
        timestamp: view.timestamp,
        payload: view.payload.to_vec(),
    }
}

/// The last sequence that a frame takes.
#[must_use]
pub fn last_sequence(frame: &SequencedFrame) -> u64 {
    frame.first_sequence + u64::from(frame.count) - 1
}

/// What happens next.
#[derive(Clone, Debug)]
pub enum Chapter {
    /// A group is submitted.
    Group(Group),
    /// A snapshot is taken.
    Snapshot,
}

/// The whole of it. Its last groups submit every entry of the others once more.
#[derive(Clone, Debug)]
pub struct Story {
    /// In order.
    pub chapters: Vec<Chapter>,
    /// Entries that are submitted for the first time; as many follow that repeat them.
    pub entries: usize,
}

impl Story {
    /// The story with every rule in it.
    #[must_use]
    pub fn told() -> Self {
        let mut teller = Teller::begin(World::standard());
        teller.funds_and_plain_transfers();
        teller.refusals();
        teller.chains_and_holds();
        teller.holds_end();
        teller.payments_wait_come_back_and_are_traded();
        teller.terms_change_between_two_blocks();
        teller.cycles();
        teller.everything_again()
    }

    /// A short one in few groups, closed with a snapshot: small enough to damage each of its bytes.
    #[must_use]
    pub fn short() -> Self {
        let mut world = World::begun();
        world.admit("A");
        world.admit("B");
        world.open_position("A", "EUR", 1_000);
        world.open_position("B", "EUR", 1_000);
        world.open_accounts(&["a1"], "A", 0);
        world.open_accounts(&["b1"], "B", 0);
        let mut teller = Teller::begin(world);
        teller.transfers(&[
            row("A", "a1", 500, cleared()),
            row("a1", "b1", 120, cleared()).id(11),
            row("a1", "b1", 50, held()).hold(21),
        ]);
        teller.seal();
        teller.group();
        teller.snapshot();
        teller.transfers(&[
            row("a1", "b1", 35, cleared()).post(21),
            row("a1", "b1", 120, duplicate()).id(11),
            row("a1", "b1", 9_000, rejected(InsufficientFunds)),
        ]);
        teller.seal();
        teller.group();
        teller.transfers(&[row("b1", "a1", 5, cleared())]);
        teller.seal();
        teller.group();
        teller.snapshot();
        teller.end()
    }

    /// The genesis and its time: what a directory is created with.
    #[must_use]
    pub fn genesis() -> (Entry, u64) {
        // The id that a new world gives first.
        (Entry::new((1 << 100) + 1, Command::Genesis(genesis(7))), BEGINNING)
    }

    /// All groups, in order.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.chapters.iter().filter_map(|chapter| match chapter {
            Chapter::Group(group) => Some(group),
            Chapter::Snapshot => None,
        })
    }

    /// All frames, in order.
    pub fn frames(&self) -> impl Iterator<Item = &SequencedFrame> {
        self.groups().flat_map(|group| &group.frames)
    }

    /// What must become of each entry, in order.
    #[must_use]
    pub fn expected(&self) -> Vec<Expected> {
        self.groups().flat_map(|group| &group.expected).copied().collect()
    }
}

/// Writes the story down in a world's journal.
struct Teller {
    world: World,
    chapters: Vec<Chapter>,
    /// Frames that stand in a chapter already.
    grouped: usize,
    expected: Vec<Expected>,
    height: u64,
}

impl Teller {
    /// What the world holds already, banks and accounts, in three groups.
    fn begin(world: World) -> Self {
        let expected = vec![cleared(); 1];
        let mut teller = Self { world, chapters: Vec::new(), grouped: 0, expected, height: 0 };
        teller.group_of(1);
        let setup = teller.world.frames().len() - 1;
        teller.expected = vec![cleared(); setup / 2];
        teller.group_of(setup / 2);
        teller.expected = vec![cleared(); setup - setup / 2];
        teller.group();
        teller
    }

    /// All frames since the last group go out together.
    fn group(&mut self) {
        self.group_of(self.world.frames().len() - self.grouped);
    }

    fn group_of(&mut self, count: usize) {
        let frames = self.world.frames()[self.grouped..][..count].iter().map(sequenced);
        let group = Group { frames: frames.collect(), expected: std::mem::take(&mut self.expected) };
        assert_eq!(
            group.frames.iter().map(|frame| frame.count as usize).sum::<usize>(),
            group.expected.len(),
            "every entry has its expectation"
        );
        self.grouped += count;
        self.chapters.push(Chapter::Group(group));
        self.world.wait(Duration::from_millis(3));
    }

    fn snapshot(&mut self) {
        self.chapters.push(Chapter::Snapshot);
    }

    fn end(self) -> Story {
        Story { entries: self.world.records().len(), chapters: self.chapters }
    }

    /// One frame of transfers; neighbours of one submitter share a batch.
    fn transfers(&mut self, rows: &[Row]) {
        let mut batches: Vec<Batch> = Vec::new();
        for row in rows {
            let (submitter, record) = self.world.draft(row);
            self.expected.push(row.expected);
            match batches.last_mut() {
                Some(batch) if batch.participant == submitter => batch.records.push(record),
                _ => batches.push(Batch::new(submitter, vec![record])),
            }
        }
        self.world.push_transfers(batches);
    }

    fn command(&mut self, command: Command, expected: Expected) {
        self.expected.push(expected);
        self.world.push_command(command, Eyes::Four);
    }

    fn seal(&mut self) {
        self.height += 1;
        self.expected.push(cleared());
        self.world.push_command(Command::Seal { height: self.height }, Eyes::None);
    }
}

/// The chapters.
impl Teller {
    fn funds_and_plain_transfers(&mut self) {
        self.transfers(&[
            row("A", "a1", 500, cleared()),
            row("A", "a2", 300, cleared()),
            row("B", "b1", 400, cleared()),
        ]);
        self.group();
        self.transfers(&[
            row("a1", "b1", 120, cleared()).id(11),
            row("b1", "a2", 40, cleared()),
            row("A/USD", "B/USD", 75, cleared()),
            row("C", "A", 60, cleared()),
        ]);
        self.transfers(&[row("a3", "b1", 50, cleared())]);
        self.group();
    }

    fn refusals(&mut self) {
        self.transfers(&[
            row("a1", "b1", 10_000, rejected(InsufficientFunds)).id(12),
            row("A", "B", 5_000, rejected(NetDebitCapExceeded)),
            row("a1", "a2", 5, rejected(NotOwner)).by("C"),
            row("a1", "?", 5, rejected(UnknownCreditor)),
        ]);
        self.transfers(&[
            row("a1", "b1", 120, duplicate()).id(11),
            row("a1", "b1", 121, rejected(IdReused)).id(11),
            row("a1", "b1", 10_000, duplicate()).id(12),
        ]);
        self.seal();
        self.group();
    }

    fn chains_and_holds(&mut self) {
        self.transfers(&[
            row("a1", "b1", 10, cleared()).linked(),
            row("a1", "C", 20, cleared()),
            row("a1", "b1", 10, rejected(ChainFailed)).linked(),
            row("a2", "b1", 99_999, rejected(InsufficientFunds)),
        ]);
        self.transfers(&[
            row("a1", "b1", 50, held()).hold(21),
            row("a2", "C", 30, held()).hold(22),
            row("A", "B", 40, held()).hold(23).expiring(30),
            row("A", "C", 15, held()).hold(24),
        ]);
        self.group();
        self.seal();
        self.group();
        self.snapshot();
    }

    fn holds_end(&mut self) {
        self.transfers(&[
            row("a1", "b1", 60, rejected(ExceedsHold)).post(21),
            row("a1", "b1", 35, cleared()).post(21),
            row("a2", "C", 0, voided()).void(22),
            row("a1", "b1", 10, rejected(NoPendingHold)).post(21),
        ]);
        self.group();
        self.world.wait(Duration::from_secs(31));
        self.transfers(&[
            row("A", "B", 40, rejected(NoPendingHold)).post(23),
            row("a1", "b1", 120, duplicate()).id(11),
        ]);
        self.group();
    }

    /// What waits to the story's end is beyond any cap; what is released is so before the block is sealed, lest a running
    /// engine does it by itself.
    fn payments_wait_come_back_and_are_traded(&mut self) {
        self.transfers(&[
            row("A", "B", 5_000, queued(Some(NetDebitCapExceeded))).queue(31).flagged(flags::HIGH),
            row("A", "B", 1, queued(Some(QueuedAhead))).queue(32).expiring(5),
            row("a2", "b1", 900, queued(Some(InsufficientFunds))).queue(33),
            row("A", "C", 6_000, queued(Some(NetDebitCapExceeded))).queue(34).flagged(flags::HIGH),
        ]);
        self.group();
        self.transfers(&[
            row("A", "C", 0, voided()).revoke(34),
            row("A", "B", 0, queued(None)).amend(31).flagged(flags::URGENT),
            row("b1", "a1", 20, cleared()).returning(11),
            row("b1", "a1", 101, rejected(ExceedsOriginal)).returning(11),
            row("B", "a2", 890, cleared()),
        ]);
        self.group();
        self.world.wait(Duration::from_secs(6));
        self.transfers(&[
            row("A", "B", 1, rejected(NoPendingHold)).release(32),
            row("a2", "b1", 900, cleared()).release(33),
        ]);
        self.group();
        let rate = ExchangeCommand::PublishRate {
            provider: bic("B"),
            base: currency("EUR"),
            quote: currency("USD"),
            bid: Price::new(10_800_000_000).expect("a price"),
            ask: Price::new(11_000_000_000).expect("a price"),
            size: 1_000,
            valid_seconds: 86_400,
        };
        self.expected.push(cleared());
        self.world.push_command(Command::Exchange(rate), Eyes::Bank("B"));
        let lock = ExchangeCommand::LockQuote {
            requester: bic("A"),
            provider: bic("B"),
            source: currency("EUR"),
            target: currency("USD"),
            fixed: Fixed::Source(50),
            valid_seconds: 86_400,
        };
        self.expected.push(cleared());
        self.world.push_command(Command::Exchange(lock), Eyes::Bank("A"));
        let quote = self.world.records().last().expect("just pushed").uetr.get();
        self.group();
        self.transfers(&[
            row("A", "B", 50, cleared()).on_quote(quote).linked(),
            row("B/USD", "A/USD", 54, cleared()).on_quote(quote).by("A"),
            row("A", "B", 50, rejected(ChainFailed)).on_quote(quote).linked(),
            row("B/USD", "A/USD", 54, rejected(QuoteExpired)).on_quote(quote).by("A"),
        ]);
        self.group();
    }

    /// The snapshot comes while commands have changed the terms, but not yet the sealed block.
    fn terms_change_between_two_blocks(&mut self) {
        let unsigned = Command::SetNetDebitCap { bic: bic("A"), currency: currency("EUR"), cap: 2_000 };
        self.expected.push(rejected(FourEyesRequired));
        self.world.push_command(unsigned, Eyes::Two);
        // Stands in the next snapshot, and to the story's end.
        let command =
            Box::new(Command::SetNetDebitCap { bic: bic("A"), currency: currency("EUR"), cap: 2_000 });
        let propose = ProposalCommand::Propose { command, expires_after: 86_400 };
        self.expected.push(cleared());
        self.world.push_command(Command::Proposal(propose), Eyes::Of(1));
        self.expected.push(cleared());
        self.world.open_accounts(&["c1", "c2"], "C", 10);
        let account = self.world.account("a3");
        self.command(Command::RegisterAlias { alias: "OTHR:a3".into(), account }, cleared());
        self.group();
        self.command(Command::SetAccountState { account, state: AccountState::Frozen }, cleared());
        self.transfers(&[
            row("c1", "c2", 7, cleared()),
            row("c1", "c2", 7, rejected(InsufficientFunds)),
            row("a1", "a3", 1, rejected(CreditorBlocked)),
        ]);
        self.group();
        self.seal();
        self.group();
        self.snapshot();
    }

    fn cycles(&mut self) {
        self.transfers(&[row("B", "A", 33, cleared()), row("C", "c1", 90, cleared())]);
        self.command(Command::CloseCycle { cycle: 1 }, cleared());
        self.height += 1;
        self.transfers(&[row("A", "C", 15, cleared()).post(24), row("c1", "b1", 12, cleared())]);
        self.group();
        self.command(Command::SettleCycle { cycle: 1 }, rejected(CycleState));
        self.command(Command::InstructCycle { cycle: 1 }, cleared());
        self.group();
        self.command(Command::SettleCycle { cycle: 1 }, cleared());
        self.transfers(&[row("b1", "a1", 80, cleared()), row("B/USD", "A/USD", 5, cleared())]);
        self.group();
        self.seal();
        self.command(Command::CloseCycle { cycle: 2 }, cleared());
        self.height += 1;
        self.group();
        self.snapshot();
        self.command(Command::InstructCycle { cycle: 2 }, cleared());
        self.command(Command::FailCycle { cycle: 2 }, cleared());
        self.group();
        self.transfers(&[row("a1", "c2", 3, cleared())]);
        self.seal();
        self.group();
    }

    /// I3: an id that was taken stays taken, whatever lies between.
    fn everything_again(mut self) -> Story {
        let told = self.world.frames().to_vec();
        let expected: Vec<Expected> = self
            .chapters
            .iter()
            .filter_map(|chapter| match chapter {
                Chapter::Group(group) => Some(group.expected.clone()),
                Chapter::Snapshot => None,
            })
            .flatten()
            .map(|was| if was == rejected(IdReused) { was } else { duplicate() })
            .collect();
        let entries = expected.len();
        let mut expected = expected.into_iter();
        for (frame, at) in told.iter().zip(1..) {
            self.expected.extend(expected.by_ref().take(frame.count as usize));
            self.world.push_again(frame);
            if at % 6 == 0 {
                self.group();
            }
        }
        self.seal();
        self.group();
        Story { entries, ..self.end() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_created_with_the_entry_that_the_story_begins_with() {
        let (genesis, timestamp) = Story::genesis();
        let frame = feiqian_runtime::machine::command_frame(1, timestamp, &genesis);
        assert_eq!(Story::told().frames().next(), Some(&frame));
        assert_eq!(Story::short().frames().next(), Some(&frame));
    }
}
