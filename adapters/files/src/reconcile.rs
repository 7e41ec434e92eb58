//! Two statements of one account held against each other: which entries are in both, which only in one, where amounts
//! differ, and where balances do. A pure function over lists; [`ours`] and [`theirs`] make them of a statement that is
//! written and of one that was read. Reads no file and books nothing.
//!
//! Entries are the same if they share a reference, the strongest kind first, whatever their amounts; those without a
//! common reference if amount, side and date are equal. Two that differ in a stronger reference are never the same. Each
//! entry is matched once, in the order of the lists.

mod sides;

use std::collections::BTreeMap;

pub use sides::{NotComparable, ours, theirs};

/// Kinds of references, the strongest first.
pub const REFERENCES: usize = 4;
/// The servicer's own, the weakest: two servicers give two, so that a difference says nothing.
const SERVICER: usize = REFERENCES - 1;

/// An entry as one side has it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Entry {
    /// UETR, end-to-end id, transaction id and the servicer's reference, where given.
    pub references: [Option<String>; REFERENCES],
    /// Minor units.
    pub minor: u128,
    /// Credit or debit.
    pub is_credit: bool,
    /// ISO date of booking.
    pub date: String,
}

impl Entry {
    fn signed(&self) -> (bool, u128) {
        (self.is_credit, self.minor)
    }

    fn reference(&self, kind: usize) -> Option<&str> {
        // What ISO 20022 writes where there is none is no reference.
        self.references.get(kind)?.as_deref().filter(|text| !text.is_empty() && *text != "NOTPROVIDED")
    }
}

/// A statement as one side has it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Statement {
    /// By code (`OPBD`, `CLBD`), minor units.
    pub balances: BTreeMap<String, i128>,
    /// In their order.
    pub entries: Vec<Entry>,
}

/// Places of two entries that are the same, in ours and in theirs.
pub type Pair = (usize, usize);

/// A balance of which both speak, or one alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BalanceDifference {
    /// Its code.
    pub kind: String,
    /// In minor units, if we have it.
    pub ours: Option<i128>,
    /// If they have it.
    pub theirs: Option<i128>,
}

/// What came of it; places ascend by ours, then theirs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reconciliation {
    /// The same on both sides.
    pub matched: Vec<Pair>,
    /// The same reference, but another amount or side.
    pub differing: Vec<Pair>,
    /// Only in ours.
    pub only_ours: Vec<usize>,
    /// Only in theirs.
    pub only_theirs: Vec<usize>,
    /// Opening and closing balances that differ. One that only one side has is one.
    pub balances: Vec<BalanceDifference>,
}

impl Reconciliation {
    /// Whether all is the same.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.differing.is_empty()
            && self.only_ours.is_empty()
            && self.only_theirs.is_empty()
            && self.balances.is_empty()
    }
}

/// Holds two statements of one account against each other.
#[must_use]
pub fn reconcile(ours: &Statement, theirs: &Statement) -> Reconciliation {
    let mut matching = Matching::of(&ours.entries, &theirs.entries);
    for kind in 0..REFERENCES {
        // Equal amounts first: one reference may stand for a payment and its return.
        for is_exact in [true, false] {
            matching.pair(kind, |entry| {
                let reference = entry.reference(kind)?.to_owned();
                Some((reference, is_exact.then(|| entry.signed())))
            });
        }
    }
    matching.pair(SERVICER, |entry| Some((entry.date.clone(), entry.signed())));
    let is_same = |(a, b): &Pair| {
        let of = |entries: &[Entry], at: usize| entries.get(at).map(Entry::signed);
        of(&ours.entries, *a) == of(&theirs.entries, *b)
    };
    matching.pairs.sort_unstable();
    let (matched, differing) = matching.pairs.iter().partition(|pair| is_same(pair));
    let places =
        |free: &[bool]| free.iter().enumerate().filter(|(_, is_free)| **is_free).map(|(at, _)| at).collect();
    Reconciliation {
        matched,
        differing,
        only_ours: places(&matching.ours_free),
        only_theirs: places(&matching.theirs_free),
        balances: balances(ours, theirs),
    }
}

struct Matching<'a> {
    ours: &'a [Entry],
    theirs: &'a [Entry],
    /// Which entries are in no pair yet.
    ours_free: Vec<bool>,
    theirs_free: Vec<bool>,
    pairs: Vec<Pair>,
}

impl<'a> Matching<'a> {
    fn of(ours: &'a [Entry], theirs: &'a [Entry]) -> Self {
        let (ours_free, theirs_free) = (vec![true; ours.len()], vec![true; theirs.len()]);
        Self { ours, theirs, ours_free, theirs_free, pairs: Vec::new() }
    }

    /// Pairs what is free on both sides, has the same key, and does not differ in a reference of a kind below
    /// `stronger`; in the order of the lists.
    fn pair<K: Ord>(&mut self, stronger: usize, key: impl Fn(&Entry) -> Option<K>) {
        let mut open: BTreeMap<K, Vec<usize>> = BTreeMap::new();
        // Last first, so that the first is taken first.
        let free =
            self.theirs.iter().zip(&self.theirs_free).enumerate().filter(|(_, (_, is_free))| **is_free);
        for (at, (entry, _)) in free.rev() {
            if let Some(key) = key(entry) {
                open.entry(key).or_default().push(at);
            }
        }
        for (at, (entry, is_free)) in self.ours.iter().zip(&mut self.ours_free).enumerate() {
            let places = key(entry).filter(|_| *is_free).and_then(|key| open.get_mut(&key));
            let Some(places) = places else { continue };
            let may_be =
                |at: &usize| self.theirs.get(*at).is_some_and(|their| !differs(entry, their, stronger));
            let Some(found) = places.iter().rposition(may_be) else { continue };
            let their = places.remove(found);
            *is_free = false;
            if let Some(is_free) = self.theirs_free.get_mut(their) {
                *is_free = false;
            }
            self.pairs.push((at, their));
        }
    }
}

/// Whether both have a reference of one of the first kinds, and not the same.
fn differs(ours: &Entry, theirs: &Entry, kinds: usize) -> bool {
    (0..kinds).any(|kind| match (ours.reference(kind), theirs.reference(kind)) {
        (Some(our), Some(their)) => our != their,
        _ => false,
    })
}

fn balances(ours: &Statement, theirs: &Statement) -> Vec<BalanceDifference> {
    let compared = ["OPBD", "CLBD"].into_iter().map(|kind| BalanceDifference {
        kind: kind.to_owned(),
        ours: ours.balances.get(kind).copied(),
        theirs: theirs.balances.get(kind).copied(),
    });
    compared.filter(|balance| balance.ours != balance.theirs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `E2E amount`, a debit with a minus; a reference `-` is none.
    fn statement(opening: i128, lines: &[(&str, i128)]) -> Statement {
        let entry = |(reference, amount): &(&str, i128)| Entry {
            references: [None, (*reference != "-").then(|| (*reference).to_owned()), None, None],
            minor: amount.unsigned_abs(),
            is_credit: *amount >= 0,
            date: "2026-11-27".to_owned(),
        };
        let closing = opening + lines.iter().map(|(_, amount)| amount).sum::<i128>();
        Statement {
            balances: [("OPBD".to_owned(), opening), ("CLBD".to_owned(), closing)].into(),
            entries: lines.iter().map(entry).collect(),
        }
    }

    #[test]
    fn entries_are_matched_by_reference_then_by_amount_and_date() {
        type Row<'a> = (&'a [(&'a str, i128)], &'a [(&'a str, i128)], [&'a [Pair]; 2], [&'a [usize]; 2]);
        let rows: [Row<'_>; 9] = [
            (&[("A", 5), ("B", -7)], &[("B", -7), ("A", 5)], [&[(0, 1), (1, 0)], &[]], [&[], &[]]),
            (&[("A", 5)], &[("A", 6)], [&[], &[(0, 0)]], [&[], &[]]),
            (&[("A", 5)], &[("A", -5)], [&[], &[(0, 0)]], [&[], &[]]),
            (&[("A", 5)], &[], [&[], &[]], [&[0], &[]]),
            (&[], &[("A", 5)], [&[], &[]], [&[], &[0]]),
            // A payment and its return under one reference, in the other order there.
            (&[("A", 5), ("A", -5)], &[("A", -5), ("A", 5)], [&[(0, 1), (1, 0)], &[]], [&[], &[]]),
            // Twice here, once there.
            (&[("A", 5), ("A", 5)], &[("A", 5)], [&[(0, 0)], &[]], [&[1], &[]]),
            // Without a reference on one side, or with another one.
            (&[("-", 5), ("A", 6)], &[("Z", 6), ("B", 5)], [&[(0, 1)], &[]], [&[1], &[0]]),
            (&[("NOTPROVIDED", 5)], &[("NOTPROVIDED", 6)], [&[], &[]], [&[0], &[0]]),
        ];
        for (ours, theirs, [matched, differing], [only_ours, only_theirs]) in rows {
            let found = reconcile(&statement(0, ours), &statement(0, theirs));
            let text = format!("{ours:?} against {theirs:?}: {found:?}");
            assert_eq!((&*found.matched, &*found.differing), (matched, differing), "{text}");
            assert_eq!((&*found.only_ours, &*found.only_theirs), (only_ours, only_theirs), "{text}");
            assert_eq!(found.agrees(), matched.len() == ours.len().max(theirs.len()), "{text}");
        }
    }

    #[test]
    fn a_stronger_reference_decides_before_a_weaker_one() {
        let entry = |uetr: &str, end_to_end: &str| Entry {
            references: [Some(uetr.into()), Some(end_to_end.into()), None, None],
            minor: 5,
            is_credit: true,
            date: "2026-11-27".into(),
        };
        let side = |entries| Statement { entries, ..Statement::default() };
        let found = reconcile(
            &side(vec![entry("u1", "same"), entry("u2", "same")]),
            &side(vec![entry("u2", "same"), entry("u1", "same")]),
        );
        assert_eq!(found.matched, [(0, 1), (1, 0)]);
        let found = reconcile(&side(vec![entry("u1", "same")]), &side(vec![entry("u2", "same")]));
        assert_eq!((found.only_ours, found.only_theirs), (vec![0], vec![0]));
    }

    #[test]
    fn another_day_is_another_entry_where_no_reference_says_otherwise() {
        let ours = statement(0, &[("-", 5)]);
        let mut theirs = ours.clone();
        theirs.entries[0].date = "2026-11-28".into();
        let found = reconcile(&ours, &theirs);
        assert_eq!((found.only_ours, found.only_theirs), (vec![0], vec![0]));
    }

    #[test]
    fn balances_that_differ_or_are_missing_are_listed() {
        let ours = statement(100, &[("A", 5)]);
        let mut theirs = statement(90, &[("A", 5)]);
        theirs.balances.remove("CLBD");
        let found = reconcile(&ours, &theirs);
        let told: Vec<_> =
            found.balances.iter().map(|line| (line.kind.as_str(), line.ours, line.theirs)).collect();
        assert_eq!(told, [("OPBD", Some(100), Some(90)), ("CLBD", Some(105), None)]);
        assert!(!found.agrees() && found.matched == [(0, 0)]);
        assert!(reconcile(&ours, &ours).agrees());
    }
}
