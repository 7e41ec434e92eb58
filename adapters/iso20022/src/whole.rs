//! Reading a message that is kept whole, as recalls, their answers and status requests are: short, and answered as
//! one. Drives the validating reader, counts what repeats, and knows no message.

use std::io::BufRead;

use crate::error::{ErrorCode, ReadError};
use crate::events::{Event, Events};
use crate::limits::{ITEM_BYTES_MIN, Limits, ORIGINATOR_ITEMS, SMALL_ITEMS, WHOLE_ITEMS_MAX};
use crate::payment::BusinessHead;
use crate::schema::names::{ORGTR, RTR_ORGTR, STS_ORGTR};
use crate::schema::{Family, MessageType};
use crate::transfers::{read_until_document, with_reference};

/// A message that is filled element by element. Paths start below the document's only child.
pub(crate) trait Whole: Sized {
    const FAMILY: Family;
    /// What the message is, for a sentence that refuses another: "no status request".
    const WHAT: &'static str;

    /// The empty message.
    fn begin(message_type: MessageType, business: Option<BusinessHead>) -> Self;
    /// An element begins; whether it is one of those that are kept by themselves.
    fn open(&mut self, path: &[u16]) -> bool;
    fn value(&mut self, path: &[u16], text: &str, currency: &str);
    /// What an error names the message by: its header, and its own id as far as it is read.
    fn reference(&self) -> (Option<&BusinessHead>, &str);
}

/// What a part of a message says so far that becomes one value: the head of a message, or one of its transactions.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    /// Its repeated elements, and what else takes as much as some of these.
    items: usize,
    /// Where it begins.
    start: u64,
}

impl Crowd {
    /// The next part begins.
    pub(crate) fn restart<R: BufRead>(&mut self, events: &Events<R>) {
        *self = Self { items: 0, start: events.position() };
    }

    /// Counts an event of the part; gives how many items it adds to the message.
    pub(crate) fn count<R: BufRead>(&mut self, event: Event, events: &Events<R>) -> usize {
        if !matches!(event, Event::Open | Event::Value) {
            return 0;
        }
        let own = usize::from(events.is_repeated());
        let is_originator = matches!(events.path(), [.., ORGTR | STS_ORGTR | RTR_ORGTR]);
        self.items += own + if is_originator { ORIGINATOR_ITEMS } else { 0 };
        own
    }

    /// Whether the part says too little for the number of its items.
    pub(crate) fn is_over<R: BufRead>(&self, events: &Events<R>) -> bool {
        let bytes = events.position().saturating_sub(self.start);
        let said = usize::try_from(bytes / ITEM_BYTES_MIN).unwrap_or(usize::MAX);
        self.items > SMALL_ITEMS.saturating_add(said)
    }
}

/// Reads a whole message with at most [`WHOLE_ITEMS_MAX`] repeated elements.
pub(crate) fn read<M: Whole>(input: impl BufRead, limits: Limits) -> Result<M, ReadError> {
    let mut events = Events::new(input, &limits);
    let (message_type, business) = read_until_document(&mut events)?;
    let mut message = M::begin(message_type, business);
    let read = fill(&mut events, &mut message, message_type);
    read.map_err(|error| {
        let (business, id) = message.reference();
        with_reference(error, business, id)
    })?;
    Ok(message)
}

fn fill<R: BufRead, M: Whole>(
    events: &mut Events<R>,
    message: &mut M,
    message_type: MessageType,
) -> Result<(), ReadError> {
    if message_type.family() != M::FAMILY {
        let wanted = format!("{:?}", M::FAMILY).to_lowercase();
        let wanted = wanted.split_at_checked(4).map_or(wanted.clone(), |(area, id)| format!("{area}.{id}"));
        let text = format!("{message_type} is no {}; send a {wanted}", M::WHAT);
        return Err(events.located(ReadError::new(ErrorCode::WrongMessage, text)));
    }
    let (mut items, mut crowd) = (0, Crowd::default());
    loop {
        let event = events.next_event()?;
        items += crowd.count(event, events);
        if items > WHOLE_ITEMS_MAX || crowd.is_over(events) {
            let text = format!(
                "more than {WHOLE_ITEMS_MAX} repeated elements, or many in one that say nothing; split the message"
            );
            return Err(events.located(ReadError::new(ErrorCode::TooMany, text)));
        }
        match (event, events.path()) {
            (Event::End, _) => return Ok(()),
            (Event::Open, [_, _, path @ ..]) if message.open(path) => crowd.restart(events),
            (Event::Value, [_, _, path @ ..]) => {
                let currency = events.attribute().map_or("", |(_, currency)| currency);
                message.value(path, events.text(), currency);
            }
            _ => {}
        }
    }
}
