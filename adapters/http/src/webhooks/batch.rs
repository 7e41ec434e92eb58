//! What one request tells: consecutive events of a target, as JSON, under an id that follows from them.

use std::collections::VecDeque;
use std::fmt::Write as _;

use super::target::Target;
use crate::limits::{WEBHOOK_BYTES_MAX, WEBHOOK_EVENTS_MAX};

/// Events that were read and not yet told, oldest first: sequence and JSON.
pub(super) type Ahead = VecDeque<(u64, String)>;

/// What one request tells.
#[derive(Debug)]
pub(super) struct Batch {
    /// The participant, the target, and the range: the same events are the same request.
    pub(super) id: String,
    /// Sequence of the last event.
    pub(super) last: u64,
    /// Events.
    pub(super) count: usize,
    pub(super) body: Vec<u8>,
}

/// How many of the events that were read make the next request: one at least, within the bounds and up to a sequence.
fn fits(ahead: &Ahead, upto: Option<u64>) -> usize {
    let mut bytes = 0;
    let within = ahead.iter().take(WEBHOOK_EVENTS_MAX).take_while(|(sequence, json)| {
        bytes += json.len() + 1;
        (bytes <= WEBHOOK_BYTES_MAX || bytes == json.len() + 1) && upto.is_none_or(|upto| *sequence <= upto)
    });
    within.count()
}

/// Sequence of the last event of the next request; none where there is nothing to tell.
pub(super) fn next_last(ahead: &Ahead, upto: Option<u64>) -> Option<u64> {
    let count = fits(ahead, upto);
    count.checked_sub(1).and_then(|at| ahead.get(at)).map(|(sequence, _)| *sequence)
}

impl Batch {
    /// The next request, of events up to a sequence; `after` is that of the event told before.
    pub(super) fn of(target: &Target, ahead: &Ahead, after: u64, upto: Option<u64>) -> Option<Self> {
        let count = fits(ahead, upto);
        let (first, last) = (ahead.front()?.0, next_last(ahead, upto)?);
        let id = target.request_id(first, last);
        let mut body = format!(
            r#"{{"id":"{id}","webhook":"{}","participant":"{}","after":{after},"first":{first},"last":{last},"events":["#,
            target.name, target.participant
        );
        for (at, (_, json)) in ahead.iter().take(count).enumerate() {
            // Writing into a String cannot fail.
            let _ = write!(body, "{}{json}", if at > 0 { "," } else { "" });
        }
        body.push_str("]}");
        Some(Self { id, last, count, body: body.into_bytes() })
    }
}

#[cfg(test)]
mod tests {
    use feiqian_core::bic::Bic;

    use super::*;
    use crate::webhooks::target::Hosts;

    fn target() -> Target {
        let hosts = Hosts { public: vec!["a.example".to_owned()], private: Vec::new() };
        let bic = Bic::parse("BNKAXXAAXXX").expect("a BIC");
        Target::new(("own", bic), ("https://a.example", &hosts), Vec::new()).expect("a target")
    }

    #[test]
    fn a_request_is_bounded_and_says_its_range() {
        let ahead: Ahead = (0..250).map(|at| (1_000 + 2 * at, format!("{{\"n\":{at}}}"))).collect();
        let batch = Batch::of(&target(), &ahead, 7, None).expect("events");
        assert_eq!((batch.count, batch.last, batch.id.as_str()), (100, 1_198, "BNKAXXAAXXX.own.1000-1198"));
        let json: serde_json::Value = serde_json::from_slice(&batch.body).expect("JSON");
        assert_eq!(
            (&json["id"], &json["after"], &json["first"], &json["last"]),
            (&batch.id.clone().into(), &7.into(), &1_000.into(), &1_198.into())
        );
        assert_eq!(json["events"][99]["n"], 99);
        let part = Batch::of(&target(), &ahead, 7, Some(1_005)).expect("events");
        assert_eq!((part.count, part.last), (3, 1_004), "up to a sequence");
        assert!(Batch::of(&target(), &ahead, 7, Some(999)).is_none());
        assert!(Batch::of(&target(), &Ahead::new(), 7, None).is_none());
        let large: Ahead = (1..=10).map(|at| (at, "x".repeat(WEBHOOK_BYTES_MAX / 4))).collect();
        assert_eq!(Batch::of(&target(), &large, 0, None).expect("events").count, 3);
        let huge: Ahead = [(1, "x".repeat(2 * WEBHOOK_BYTES_MAX))].into_iter().collect();
        assert_eq!(Batch::of(&target(), &huge, 0, None).expect("events").count, 1, "nothing is stuck");
    }
}
