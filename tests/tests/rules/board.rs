//! The board on which shards write, for one thread. It holds the shards to what they promise each other: each
//! thing is said once, by who may say it, and nothing is read before it was published.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;

use feiqian_core::outcome::OutcomeRow;
use feiqian_core::shard::{Exchange, IdWord, Side};

#[derive(Debug)]
pub(crate) struct Board {
    ids: Vec<OnceCell<IdWord>>,
    votes: RefCell<BTreeMap<(u64, usize), u8>>,
    progress: Vec<Cell<usize>>,
    rows: RefCell<Vec<Option<OutcomeRow>>>,
    links: RefCell<BTreeMap<(usize, bool), u64>>,
    changes: Cell<u64>,
    /// Whose turn it is.
    speaker: Cell<u64>,
    /// A planted fault: nobody hears an objection.
    is_deaf: bool,
}

fn at(shard: u64) -> usize {
    usize::try_from(shard).expect("at most 64")
}

impl Board {
    pub(crate) fn new(shards: u64, entries: u32, is_deaf: bool) -> Self {
        Self {
            ids: (0..shards).map(|_| OnceCell::new()).collect(),
            votes: RefCell::default(),
            progress: (0..shards).map(|_| Cell::new(0)).collect(),
            rows: RefCell::new(vec![None; entries as usize]),
            links: RefCell::default(),
            changes: Cell::new(0),
            speaker: Cell::new(0),
            is_deaf,
        }
    }

    /// How often anything was said: who is blocked needs to look again only after that.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.get()
    }

    /// From now on, `shard` speaks.
    pub(crate) fn turn_to(&self, shard: u64) {
        self.speaker.set(shard);
    }

    fn note(&self, shard: u64) {
        assert_eq!(shard, self.speaker.get(), "a shard speaks for another");
        self.changes.set(self.changes.get() + 1);
    }

    /// The rows with their links, once all shards are done.
    pub(crate) fn rows(&self) -> Vec<OutcomeRow> {
        let links = self.links.borrow();
        let link = |at, is_debtor| links.get(&(at, is_debtor)).copied().unwrap_or(0).into();
        let rows = self.rows.borrow();
        let rows = rows.iter().enumerate().map(|(at, row)| {
            let row = row.unwrap_or_else(|| panic!("entry {at} was not answered"));
            OutcomeRow { debtor_previous: link(at, true), creditor_previous: link(at, false), ..row }
        });
        rows.collect()
    }
}

impl Exchange for Board {
    fn give_ids(&self, shard: u64, word: IdWord) {
        assert!(word.repeated.windows(2).all(|pair| pair[0].0 < pair[1].0), "ids out of order");
        assert!(self.ids[at(shard)].set(word).is_ok(), "shard {shard} gave its ids twice");
        self.note(shard);
    }

    fn ids_of(&self, shard: u64) -> Option<&IdWord> {
        self.ids[at(shard)].get()
    }

    fn object(&self, shard: u64, entry: usize, reason: u8) {
        assert_eq!(shard, self.speaker.get(), "a shard speaks for another");
        assert!(entry >= self.progress[at(shard)].get(), "shard {shard} objects to {entry} after its word");
        let earlier = self.votes.borrow_mut().insert((shard, entry), reason);
        assert_eq!(earlier, None, "shard {shard} objects to {entry} twice");
    }

    fn objection_of(&self, shard: u64, entry: usize) -> u8 {
        // Its own word a shard knows before it publishes it.
        let is_said = entry < self.progress[at(shard)].get() || shard == self.speaker.get();
        assert!(is_said, "shard {shard} has not published {entry}");
        let vote = self.votes.borrow().get(&(shard, entry)).copied().unwrap_or(0);
        if self.is_deaf { 0 } else { vote }
    }

    fn publish(&self, shard: u64, progress: usize) {
        let earlier = self.progress[at(shard)].replace(progress);
        assert!(earlier < progress, "shard {shard} takes its word back");
        self.note(shard);
    }

    fn progress_of(&self, shard: u64) -> usize {
        self.progress[at(shard)].get()
    }

    fn answer(&self, entry: usize, row: &OutcomeRow) {
        assert_eq!((row.debtor_previous.get(), row.creditor_previous.get()), (0, 0), "links come apart");
        let earlier = self.rows.borrow_mut()[entry].replace(*row);
        assert_eq!(earlier, None, "entry {entry} was answered twice");
    }

    fn link(&self, entry: usize, side: Side, previous: u64) {
        let earlier = self.links.borrow_mut().insert((entry, side == Side::Debtor), previous);
        assert_eq!(earlier, None, "entry {entry} was linked twice on the side {side:?}");
    }
}
