//! What a frame is without its releases of payments that waited, which follow from the queue as it was, and without a
//! bank: what it submits, pays or is paid, is not submitted. A chain of which one member goes goes as a whole, since its
//! members succeed together or not at all. Entries behind move up, so this also knows where in the real journal each of
//! the entries stands: the engine asks for it when an id comes again.

use std::collections::BTreeMap;

use feiqian_core::batch::{Batch, Payload, PayloadBuilder};
use feiqian_core::claim::{ENGINE, chain_at};
use feiqian_core::ids::SequenceRange;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::registry::Registry;
use feiqian_core::state::History;
use feiqian_core::transfer::Record;

/// What is left of a frame of transfers.
#[derive(Debug)]
pub struct Remainder {
    /// Its payload, as the core's builder makes it: without signatures and details, which decide nothing.
    pub payload: Vec<u8>,
    /// Places in the frame of the records that are left, ascending.
    pub kept: Vec<usize>,
    /// Places of those that the bank has to do with.
    pub left_out: Vec<usize>,
}

/// The frame without releases, and without a participant if one is named; none where nothing of them is in it.
#[must_use]
pub fn without(
    payload: &Payload<'_>,
    bank: Option<ParticipantHandle>,
    registry: &Registry,
) -> Option<Remainder> {
    let is_owned = |account: u64| {
        let owner = registry.account(account).and_then(|terms| registry.owner_of(terms));
        owner.is_some_and(|(handle, _)| Some(handle) == bank)
    };
    let is_its = |record: &Record| is_owned(record.debtor.get()) || is_owned(record.creditor.get());
    let mut builder = PayloadBuilder::default();
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    for (first, batch, records) in payload.by_batch() {
        let submitter = batch.participant.get();
        if submitter == ENGINE {
            continue;
        }
        let mut stay = Vec::new();
        let mut at = 0;
        while at < records.len() {
            let rest = records.get(at..).unwrap_or_default();
            let chain = rest.get(..chain_at(rest).0.max(1)).unwrap_or(rest);
            let places = first + at..first + at + chain.len();
            if Some(submitter) == bank || (bank.is_some() && chain.iter().any(is_its)) {
                left_out.extend(places);
            } else {
                kept.extend(places);
                stay.extend_from_slice(chain);
            }
            at += chain.len();
        }
        if !stay.is_empty() {
            builder.push(Batch::new(submitter, stay));
        }
    }
    if kept.len() == payload.records.len() {
        return None;
    }
    Some(Remainder { payload: builder.finish().0, kept, left_out })
}

/// Where entries that moved up stand in the real journal: runs of entries that moved by the same distance.
#[derive(Debug, Default)]
pub struct Places {
    /// First sequence of a run here, and in the real journal.
    runs: Vec<(u64, u64)>,
}

impl Places {
    /// The entry at `here` is the real journal's at `real`, and so on from both until another is noted; in ascending
    /// order.
    pub fn note(&mut self, here: u64, real: u64) {
        if self.real(here) != Some(real) {
            self.runs.push((here, real));
        }
    }

    /// Where the entry at `here` stands.
    #[must_use]
    pub fn real(&self, here: u64) -> Option<u64> {
        let run = self.runs.partition_point(|(first, _)| *first <= here).checked_sub(1)?;
        let (first, real) = self.runs.get(run)?;
        Some(real + (here - first))
    }
}

/// The journal as those who moved up see it. All their ids are in memory.
#[derive(Debug)]
pub struct MovedUp<'a, H> {
    /// The real journal.
    pub journal: &'a H,
    /// Where entries stand in it.
    pub places: &'a Places,
    /// Entries that are not in it, by sequence here.
    pub own: &'a BTreeMap<u64, Record>,
}

impl<H: History> History for MovedUp<'_, H> {
    fn record(&self, sequence: u64) -> Option<Record> {
        self.own.get(&sequence).copied().or_else(|| self.journal.record(self.places.real(sequence)?))
    }

    fn stored_ids(&self, _hash: u64, _range: SequenceRange) -> Option<Vec<u64>> {
        None
    }

    fn prefetch(&self, at: *const u8) {
        self.journal.prefetch(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use feiqian_core::bic::Bic;
    use feiqian_core::command::{Command, Entry};
    use feiqian_core::currency::Currency;
    use feiqian_core::transfer::flags;

    /// Three banks A, B, C with the clearing accounts 0, 1, 2.
    fn registry() -> Registry {
        let mut registry = Registry::default();
        let currency = Currency::from_code("EUR").expect("there");
        for code in ["BNKAXXAA", "BNKBXXAA", "BNKCXXAA"] {
            let bic = Bic::parse(code).expect("a BIC");
            let admitted = Command::RegisterParticipant { bic, name: code.into(), key: None };
            for command in [admitted, Command::OpenPosition { bic, currency, cap: 1 }] {
                registry.commit(&Entry::new(1, command), 0, 1);
            }
        }
        registry
    }

    fn record(debtor: u32, creditor: u32, is_linked: bool) -> Record {
        let flags = if is_linked { flags::LINKED } else { 0 };
        Record { flags: flags.into(), ..Record::new(1, debtor.into(), creditor.into(), 1, 978) }
    }

    #[test]
    fn what_a_bank_submits_pays_or_is_paid_goes_with_its_chains() {
        let [a, b, c] = [0, 1, 2];
        // Batches: submitter, records (debtor, creditor, is linked); then the places that go if C is not there.
        let rows = [
            (vec![(a, vec![(a, b, false), (a, c, false), (a, b, false)])], vec![1]),
            (vec![(a, vec![(a, b, true), (a, c, false), (a, b, true), (a, b, false)])], vec![0, 1]),
            (vec![(c, vec![(a, b, false)]), (a, vec![(a, b, false)])], vec![0]),
            (vec![(b, vec![(b, a, false), (c, a, false)]), (a, vec![(a, c, true)])], vec![1, 2]),
            (vec![(a, vec![(a, b, false), (a, 99, false)])], vec![]),
            // Releases go in any case, and are nobody's.
            (vec![(a, vec![(a, c, false)]), (ENGINE, vec![(a, b, true), (b, c, false)])], vec![0]),
        ];
        for (batches, gone) in rows {
            let mut builder = PayloadBuilder::default();
            let mut all = Vec::new();
            for (submitter, records) in &batches {
                let records: Vec<_> =
                    records.iter().map(|(from, to, linked)| record(*from, *to, *linked)).collect();
                all.extend(records.iter().map(|record| (*submitter, *record)));
                builder.push(Batch::new(*submitter, records));
            }
            let (bytes, count) = builder.finish();
            let payload = Payload::parse(&bytes, count).expect("well formed");
            let Some(left) = without(&payload, Some(2), &registry()) else {
                assert!(gone.is_empty(), "{batches:?}");
                continue;
            };
            assert_eq!(left.left_out, gone, "{batches:?}");
            let parsed = Payload::parse(&left.payload, u32::try_from(left.kept.len()).expect("few"))
                .expect("well formed");
            let stay: Vec<_> = parsed
                .by_batch()
                .flat_map(|(_, batch, records)| {
                    records.iter().map(|record| (batch.participant.get(), *record))
                })
                .collect();
            let expected: Vec<_> = left.kept.iter().map(|at| all[*at]).collect();
            assert_eq!(stay, expected, "{batches:?}");
        }
    }

    #[test]
    fn an_entry_that_moved_up_is_found_where_it_really_stands() {
        let mut places = Places::default();
        for (here, real) in [(1, 1), (2, 2), (3, 5), (4, 6), (5, 7), (6, 20)] {
            places.note(here, real);
        }
        assert_eq!(places.runs, [(1, 1), (3, 5), (6, 20)]);
        let found: Vec<_> = [0, 1, 2, 3, 5, 6, 8].map(|here| places.real(here)).to_vec();
        assert_eq!(found, [None, Some(1), Some(2), Some(5), Some(7), Some(20), Some(22)]);
    }
}
