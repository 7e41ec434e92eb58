//! What the JSON API says became of a request's transfers, held against what must have become of each.

use std::borrow::Cow;

use feiqian_core::outcome::RejectReason;
use feiqian_core::transfer::Record;
use feiqian_files::status;
use serde::Deserialize;

use super::connection::Answer;
use super::request::{amount_of, id_text};
use crate::workload::maker::MadeBatch;
use crate::workload::model::Expected;

/// What became of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Told {
    /// All was decided as it must be; the sequence of the first.
    Decided(u64),
    /// It was not taken.
    Busy,
}

/// One transfer of an answer, of a single request or a bulk.
#[derive(Debug, Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    uetr: Option<Cow<'a, str>>,
    #[serde(borrow)]
    state: Cow<'a, str>,
    sequence: Option<u64>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    detail: Option<Cow<'a, str>>,
    #[serde(borrow)]
    amount: Option<Money<'a>>,
}

#[derive(Debug, Deserialize)]
struct Money<'a> {
    #[serde(borrow)]
    amount: Cow<'a, str>,
    #[serde(borrow)]
    currency: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
struct Bulk<'a> {
    #[serde(borrow)]
    transfers: Vec<Item<'a>>,
}

#[derive(Debug, Deserialize)]
struct Problem<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    detail: Cow<'a, str>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    uetr: Option<Cow<'a, str>>,
    sequence: Option<u64>,
}

/// Reads the answer to a batch. One that was decided before, from `first` on, must be answered the same once more.
///
/// # Errors
/// What is not as it must be.
pub(in super::super) fn read(
    answer: Answer<'_>,
    made: &MadeBatch,
    first: Option<u64>,
) -> Result<Told, String> {
    let text = || format!("{}: {}", answer.status, String::from_utf8_lossy(answer.body));
    let items = match answer.status {
        200 | 201 if made.records.len() == 1 => {
            vec![serde_json::from_slice(answer.body).map_err(|_| text())?]
        }
        200 => serde_json::from_slice::<Bulk<'_>>(answer.body).map_err(|_| text())?.transfers,
        409 | 422 => vec![refused(serde_json::from_slice(answer.body).map_err(|_| text())?)],
        429 | 503 => {
            let problem: Problem<'_> = serde_json::from_slice(answer.body).map_err(|_| text())?;
            let is_end = problem.kind.ends_with(":closing");
            return if is_end { Err(problem.detail.into_owned()) } else { Ok(Told::Busy) };
        }
        _ => return Err(text()),
    };
    if items.len() != made.records.len() {
        return Err(format!("{} answers to {} transfers", items.len(), made.records.len()));
    }
    let begin = first.or_else(|| items.first()?.sequence).ok_or_else(text)?;
    let is_again = first.is_some();
    match (0..items.len()).find(|at| !is_met(&items, made, (*at, begin, is_again))) {
        None => Ok(Told::Decided(begin)),
        Some(at) => Err(format!("{:?}, not {:?} from {begin} on", items.get(at), made.expected(at))),
    }
}

/// A refusal of a single request, as a bulk says it.
fn refused(problem: Problem<'_>) -> Item<'_> {
    let Problem { detail, reason, uetr, sequence, .. } = problem;
    Item { uetr, state: Cow::Borrowed("REJECTED"), sequence, reason, detail: Some(detail), amount: None }
}

fn is_met(items: &[Item<'_>], made: &MadeBatch, (at, begin, is_again): (usize, u64, bool)) -> bool {
    let (Some(item), Some(record)) = (items.get(at), made.records.get(at)) else { return false };
    // A repetition is answered with what became of the original.
    let decided = match made.expected(at) {
        Expected::Duplicate(back) => at - usize::from(back),
        _ => at,
    };
    let expected = made.expected(decided);
    let is_there = match (expected, is_again) {
        // Other content under a known id is refused anew each time.
        (Expected::Rejected(RejectReason::IdReused), true) => item.sequence.is_some(),
        _ => item.sequence == Some(begin + decided as u64),
    };
    is_there && item.uetr.as_deref() == Some(&id_text(record.uetr.get())) && is_said(item, record, expected)
}

fn is_said(item: &Item<'_>, record: &Record, expected: Expected) -> bool {
    let reason = match expected {
        Expected::Rejected(reason) => Some(status::reason(reason)),
        _ => None,
    };
    let state = match expected {
        Expected::Cleared => "CLEARED",
        Expected::Held => "HELD",
        Expected::Voided => "VOIDED",
        // A repetition repeats no repetition.
        Expected::Rejected(_) | Expected::Duplicate(_) => "REJECTED",
    };
    let is_amount = item.amount.as_ref().is_none_or(|said| {
        let (amount, currency) = amount_of(record);
        said.amount == amount && said.currency == currency
    });
    let said = (item.reason.as_deref(), item.detail.as_deref());
    item.state == state && is_amount && said == (reason.map(|it| it.0.as_str()), reason.map(|it| it.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(expected: &[Expected]) -> MadeBatch {
        let mut records: Vec<Record> =
            (1..=expected.len()).map(|at| Record::new(at as u128, 1, 2, 500, 978)).collect();
        for (at, one) in expected.iter().enumerate() {
            if matches!(one, Expected::Duplicate(_) | Expected::Rejected(RejectReason::IdReused)) {
                records[at].uetr = records[at - 1].uetr;
            }
        }
        MadeBatch { records, expected: expected.to_vec() }
    }

    fn told(status: u16, body: &str, made: &MadeBatch, first: Option<u64>) -> Result<Told, String> {
        read(Answer { status, body: body.as_bytes() }, made, first)
    }

    fn id(at: u128) -> String {
        id_text(at)
    }

    #[test]
    fn a_single_answer_counts_only_with_its_id_state_and_amount() {
        let cleared = made(&[Expected::Cleared]);
        let text = |id: &str, state: &str, amount: &str| {
            format!(
                "{{\"uetr\":\"{id}\",\"state\":\"{state}\",\"outcome\":\"{state}\",\"sequence\":40,\
                 \"amount\":{{\"amount\":\"{amount}\",\"currency\":\"EUR\"}}}}"
            )
        };
        let good = text(&id(1), "CLEARED", "5.00");
        assert_eq!(told(201, &good, &cleared, None), Ok(Told::Decided(40)));
        assert_eq!(told(200, &good, &cleared, Some(40)), Ok(Told::Decided(40)));
        assert!(told(200, &good, &cleared, Some(41)).is_err(), "acknowledged where it is not");
        for bad in
            [text(&id(2), "CLEARED", "5.00"), text(&id(1), "HELD", "5.00"), text(&id(1), "CLEARED", "5.01")]
        {
            assert!(told(201, &bad, &cleared, None).is_err(), "{bad}");
        }
        let undecided = format!("{{\"uetr\":\"{}\",\"state\":\"RECEIVED\"}}", id(1));
        assert!(told(202, &undecided, &cleared, None).is_err());
    }

    #[test]
    fn a_refusal_counts_only_with_its_reason() {
        let frozen = made(&[Expected::Rejected(RejectReason::DebtorBlocked)]);
        let problem = |reason: RejectReason| {
            let (code, detail) = status::reason(reason);
            format!(
                "{{\"type\":\"urn:feiqian:problem:{}\",\"title\":\"x\",\"status\":422,\"detail\":\"{detail}\",\
                 \"reason\":\"{}\",\"uetr\":\"{}\",\"sequence\":7}}",
                reason.name(),
                code.as_str(),
                id(1)
            )
        };
        assert_eq!(told(422, &problem(RejectReason::DebtorBlocked), &frozen, None), Ok(Told::Decided(7)));
        assert!(told(422, &problem(RejectReason::InsufficientFunds), &frozen, None).is_err());
        assert!(told(422, &problem(RejectReason::DebtorBlocked), &made(&[Expected::Cleared]), None).is_err());
        let busy = "{\"type\":\"urn:feiqian:problem:busy\",\"title\":\"x\",\"status\":503,\"detail\":\"x\"}";
        assert_eq!(told(503, busy, &frozen, None), Ok(Told::Busy));
        assert!(told(503, &busy.replace("busy", "closing"), &frozen, None).is_err());
    }

    #[test]
    fn a_bulk_counts_only_whole_in_order_and_with_repetitions_at_their_originals() {
        let expected =
            [Expected::Cleared, Expected::Duplicate(1), Expected::Rejected(RejectReason::IdReused)];
        let made = made(&expected);
        let (code, detail) = status::reason(RejectReason::IdReused);
        let text = |sequences: [u64; 3]| {
            let [first, second, third] = sequences;
            format!(
                "{{\"status\":\"PARTIALLY_ACCEPTED\",\"transfers\":[\
                 {{\"uetr\":\"{0}\",\"state\":\"CLEARED\",\"sequence\":{first}}},\
                 {{\"uetr\":\"{0}\",\"state\":\"CLEARED\",\"sequence\":{second}}},\
                 {{\"uetr\":\"{0}\",\"state\":\"REJECTED\",\"sequence\":{third},\"reason\":\"{1}\",\
                 \"detail\":\"{detail}\"}}]}}",
                id(1),
                code.as_str()
            )
        };
        assert_eq!(told(200, &text([9, 9, 11]), &made, None), Ok(Told::Decided(9)));
        assert_eq!(told(200, &text([9, 9, 30]), &made, Some(9)), Ok(Told::Decided(9)), "refused anew");
        for sequences in [[9, 10, 11], [9, 9, 12], [9, 9, 9]] {
            assert!(told(200, &text(sequences), &made, None).is_err(), "{sequences:?}");
        }
        let short = MadeBatch { records: made.records[..2].to_vec(), expected: expected[..2].to_vec() };
        assert!(told(200, &text([9, 9, 11]), &short, None).is_err(), "three answers to two");
    }
}
