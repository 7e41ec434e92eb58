//! Pages of lists: a cursor says where to go on. It is the key of what was shown last, so that a list that grows or
//! shrinks meanwhile shows nothing twice and leaves nothing out.

use std::collections::BTreeMap;
use std::str::FromStr;

use feiqian_core::uetr::Uetr;
use serde::Deserialize;

use crate::limits::{PAGE_ITEMS, PAGE_ITEMS_MAX};
use crate::number::{Digits, optional, strict};
use crate::problem::{Outcome, Problem};

/// The query of a list that is alike for everybody.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    pub(super) cursor: Option<String>,
    limit: Option<Digits>,
}

/// The query of a list of a participant's own things.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnPage {
    pub(super) participant: Option<String>,
    pub(super) cursor: Option<String>,
    limit: Option<Digits>,
}

impl Page {
    /// Items that it may hold.
    pub(super) fn limit(&self) -> Outcome<usize> {
        limit(self.limit.as_ref())
    }
}

impl OwnPage {
    /// Items that it may hold.
    pub(super) fn limit(&self) -> Outcome<usize> {
        limit(self.limit.as_ref())
    }
}

pub(super) fn limit(asked: Option<&Digits>) -> Outcome<usize> {
    let limit = optional(asked, "limit")?.unwrap_or(PAGE_ITEMS);
    let detail = format!("1 to {PAGE_ITEMS_MAX}");
    (1..=PAGE_ITEMS_MAX).contains(&limit).then_some(limit).ok_or_else(|| Problem::parameter("limit", detail))
}

/// A cursor that is a number.
pub(super) fn number<T: FromStr>(cursor: Option<&str>) -> Outcome<Option<T>> {
    let parse = |text: &str| strict(text).ok_or_else(unknown);
    cursor.map(parse).transpose()
}

/// A cursor that is an id.
pub(super) fn id(cursor: Option<&str>) -> Outcome<u128> {
    cursor.map_or(Ok(0), |text| Uetr::parse(text).map(Uetr::bits).map_err(|_| unknown()))
}

pub(super) fn unknown() -> Problem {
    Problem::parameter("cursor", "not one that a list has given")
}

/// The first `limit` of what comes behind a key, ascending, and the key of the last of them where more follow. Keeps no
/// more than a page of what it is given.
pub(super) fn ascending<T>(
    all: impl Iterator<Item = (u128, T)>,
    after: u128,
    limit: usize,
) -> (Vec<(u128, T)>, Option<u128>) {
    let mut page: BTreeMap<u128, T> = BTreeMap::new();
    for (key, item) in all.filter(|(key, _)| *key > after) {
        if page.len() > limit && page.last_key_value().is_some_and(|(last, _)| *last < key) {
            continue;
        }
        page.insert(key, item);
        if page.len() > limit + 1 {
            page.pop_last();
        }
    }
    let has_more = page.len() > limit;
    if has_more {
        page.pop_last();
    }
    let next = page.last_key_value().filter(|_| has_more).map(|(key, _)| *key);
    (page.into_iter().collect(), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let keys = [9_u128, 3, 7, 1, 8, 2, 5];
        let (mut after, mut seen) = (0, Vec::new());
        loop {
            let (page, next) = ascending(keys.iter().map(|key| (*key, *key)), after, 3);
            seen.extend(page.into_iter().map(|(key, _)| key));
            let Some(last) = next else { break };
            after = last;
        }
        assert_eq!(seen, [1, 2, 3, 5, 7, 8, 9]);
        assert_eq!(ascending(keys.iter().map(|key| (*key, ())), 0, 7).1, None);
    }
}
