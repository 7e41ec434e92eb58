//! Changes of tariffs that have been announced: whoever charges by the tariffs can see them come, and what was on its way
//! when one comes into force passes too. Decides nothing.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Tariffs;
use super::tariff::{Scope, Tariff, TariffNumber};
use crate::codec::{Decoder, Encoder, Malformed};
use crate::currency::Currency;
use crate::hold::deadline;
use crate::limits::{TARIFF_CHANGES_MAX, TARIFF_GRACE_SECONDS, TARIFFS_MAX};
use crate::transfer::Record;

/// What becomes of one tariff, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// Frame time from which it is in force, nanoseconds since 1970.
    pub from: u64,
    /// Of which tariff.
    pub number: TariffNumber,
    /// As it is from then on; none where it has ended.
    pub after: Option<Tariff>,
}

impl Change {
    /// Frame time from which only what is right by it passes: [`TARIFF_GRACE_SECONDS`] behind its beginning.
    #[must_use]
    pub fn until(&self) -> u64 {
        deadline(self.from, TARIFF_GRACE_SECONDS)
    }

    fn is_in_grace(&self, timestamp: u64) -> bool {
        self.from <= timestamp && timestamp < self.until()
    }

    fn place(&self) -> (u64, TariffNumber) {
        (self.from, self.number)
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        to.u64(self.from);
        to.u32(self.number);
        to.u8(u8::from(self.after.is_some()));
        self.after.iter().for_each(|tariff| tariff.encode(to));
    }

    pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let (begins, number) = (from.u64()?, from.u32()?);
        let after = if from.flag()? { Some(Tariff::decode(from)?) } else { None };
        Ok(Self { from: begins, number, after })
    }
}

/// From when until before when a tariff has a scope.
type Tenure<'a> = (&'a Scope, u64, u64);

impl Tariffs {
    /// What has been announced, in order of time and number; those among them that have come stay for as long as what was
    /// right before passes too.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// All that are in force at a time, ascending by number.
    #[must_use]
    pub fn in_force(&self, time: u64) -> BTreeMap<TariffNumber, &Tariff> {
        let numbers = self.numbers();
        numbers.filter_map(|number| Some((number, self.tariff_at(number, time)?))).collect()
    }

    /// Which tariff has a scope at a time.
    pub(super) fn holder(&self, scope: &Scope, time: u64) -> Option<(TariffNumber, &Tariff)> {
        let number = self.by_scope.get(scope);
        let first = number.and_then(|number| Some((*number, self.by_number.get(number)?)));
        let come = self.changes.iter().take_while(|change| change.from <= time);
        come.fold(first, |found, change| match &change.after {
            Some(tariff) if tariff.scope == *scope => Some((change.number, tariff)),
            _ => found.filter(|(number, _)| *number != change.number),
        })
    }

    /// The last moments before changes after which what was right before still passes, that may concern a payment; the
    /// latest first.
    pub(super) fn moments<'a>(
        &'a self,
        payment: &'a Record,
        timestamp: u64,
    ) -> impl Iterator<Item = u64> + 'a {
        let in_grace = self.changes.iter().rev().filter(move |change| change.is_in_grace(timestamp));
        let concerns = move |tariff: &Tariff| tariff.scope.currency.numeric() == payment.currency.get();
        let in_grace = in_grace.filter(move |change| {
            let before = self.tariff_at(change.number, change.from.saturating_sub(1));
            change.after.as_ref().is_some_and(concerns) || before.is_some_and(concerns)
        });
        in_grace.map(|change| change.from.saturating_sub(1))
    }

    /// At once, another tariff, or none, in the place of one and of what was announced for it.
    pub(super) fn put(&mut self, number: TariffNumber, after: Option<Tariff>) {
        self.changes.retain(|change| change.number != number);
        self.replace(number, after);
    }

    fn replace(&mut self, number: TariffNumber, after: Option<Tariff>) {
        if let Some(before) = self.by_number.remove(&number)
            && self.by_scope.get(&before.scope) == Some(&number)
        {
            self.by_scope.remove(&before.scope);
        }
        if let Some(tariff) = after {
            self.by_scope.insert(tariff.scope, number);
            self.by_number.insert(number, tariff);
        }
    }

    /// A change takes the place of what was announced for its tariff and has not come.
    pub(super) fn announce(&mut self, change: Change, timestamp: u64) {
        self.changes.retain(|other| other.number != change.number || other.from <= timestamp);
        let at = self.changes.partition_point(|other| other.place() < change.place());
        self.changes.insert(at, change);
    }

    /// Makes the tariffs of what has come so long ago that only what is right by it passes.
    pub(super) fn settle(&mut self, timestamp: u64) {
        // All are in force for as long as each other.
        let count = self.changes.partition_point(|change| change.until() <= timestamp);
        let settled: Vec<_> = self.changes.drain(..count).collect();
        settled.into_iter().for_each(|change| self.replace(change.number, change.after));
    }

    /// In which currencies a tariff, or one that is announced, charges.
    pub(super) fn currencies_of(&self, number: TariffNumber) -> Vec<Currency> {
        let announced = self.changes.iter().filter(|change| change.number == number);
        let all = self.by_number.get(&number).into_iter().chain(announced.filter_map(|c| c.after.as_ref()));
        all.map(|tariff| tariff.scope.currency).collect()
    }

    /// Whether there is such a tariff, or one is announced.
    pub(super) fn knows(&self, number: TariffNumber, time: u64) -> bool {
        let mut announced =
            self.changes.iter().filter(|change| change.number == number && change.from > time);
        self.tariff_at(number, time).is_some() || announced.any(|change| change.after.is_some())
    }

    /// Whether there are more than may be.
    pub(super) fn is_overfull(&self) -> bool {
        self.changes.len() > TARIFF_CHANGES_MAX || self.numbers().count() > TARIFFS_MAX
    }

    /// Whether from a time on two would have one scope at once, or one has it in which another stays for as long as what
    /// was right before passes.
    pub(super) fn clashes(&self, time: u64) -> bool {
        let mut tenures: Vec<Tenure<'_>> =
            self.numbers().flat_map(|number| self.tenures(number, time)).collect();
        tenures.sort_unstable();
        let is_shared = |pair: &[Tenure<'_>]| match pair {
            [(scope, _, end), (next, begin, _)] => scope == next && begin < end,
            _ => false,
        };
        tenures.windows(2).any(is_shared) || self.by_scope.len() != self.by_number.len()
    }

    /// Those of one tariff, from a time on.
    fn tenures(&self, number: TariffNumber, time: u64) -> Vec<Tenure<'_>> {
        let coming = self.changes.iter().filter(|change| change.number == number && change.from > time);
        let coming = coming.map(|change| (change.from, change.after.as_ref()));
        let all: Vec<_> = [(time, self.tariff_at(number, time))].into_iter().chain(coming).collect();
        let ends = all.iter().skip(1).map(|(begin, _)| *begin).chain([u64::MAX]);
        let tenures = all.iter().zip(ends);
        tenures.filter_map(|((begin, tariff), end)| Some((&(*tariff)?.scope, *begin, end))).collect()
    }

    fn tariff_at(&self, number: TariffNumber, time: u64) -> Option<&Tariff> {
        let mut come =
            self.changes.iter().rev().filter(|change| change.number == number && change.from <= time);
        come.next().map_or_else(|| self.by_number.get(&number), |change| change.after.as_ref())
    }

    /// Of all that are there or announced, ascending.
    fn numbers(&self) -> impl Iterator<Item = TariffNumber> {
        let mut numbers: Vec<_> = self.changes.iter().map(|change| change.number).collect();
        numbers.extend(self.by_number.keys());
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter()
    }

    /// Each by itself: for the configuration that a block proves.
    pub(crate) fn change_entries(&self, kind: u8) -> impl Iterator<Item = Vec<u8>> {
        self.changes.iter().map(move |change| {
            let mut to = Encoder::default();
            to.u8(kind);
            change.encode(&mut to);
            to.0
        })
    }

    pub(crate) fn encode_changes(&self, to: &mut Encoder) {
        to.count(self.changes.len());
        self.changes.iter().for_each(|change| change.encode(to));
    }

    /// Not none, and in order, so that a state has one byte form.
    pub(crate) fn decode_changes(&mut self, from: &mut Decoder<'_>) -> Result<(), Malformed> {
        let changes = (0..from.count(TARIFF_CHANGES_MAX)?).map(|_| Change::decode(from));
        self.changes = changes.collect::<Result<_, _>>()?;
        let is_in_order = self.changes.is_sorted_by(|before, after| before.place() < after.place());
        let is_valid = |change: &Change| change.after.as_ref().is_none_or(Tariff::is_valid);
        let is_right = is_in_order && self.changes.iter().all(is_valid) && !self.changes.is_empty();
        if is_right { Ok(()) } else { Err(Malformed) }
    }
}
