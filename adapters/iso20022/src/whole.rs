//! Reading a message that is kept whole, as recalls, their answers and status requests are: short, and answered as
//! one. Drives the validating reader, counts what repeats, and knows no message.

use std::io::BufRead;

use crate::error::{ErrorCode, ReadError};
use crate::events::{Event, Events};
use crate::limits::{ITEM_BYTES_MIN, Limits, SMALL_ITEMS, WHOLE_ITEMS_MAX};
use crate::payment::BusinessHead;
use crate::schema::{Family, MessageType};
use crate::transfers::{read_until_document, with_reference};

/// A message that is filled element by element. Paths start below the document's only child.
pub(crate) trait Whole: Sized {
    const FAMILY: Family;
    /// What the message is, for a sentence that refuses another: "no status request".
    const WHAT: &'static str;

    /// The empty message.
    fn begin(message_type: MessageType, business: Option<BusinessHead>) -> Self;
    fn open(&mut self, path: &[u16]);
    fn value(&mut self, path: &[u16], text: &str, currency: &str);
    /// What an error names the message by: its header, and its own id as far as it is read.
    fn reference(&self) -> (Option<&BusinessHead>, &str);
}

/// Whether a message that is kept whole has more repeated elements than `most`, or than its size so far lets it have.
pub(crate) fn is_crowded(items: usize, most: usize, position: u64) -> bool {
    let said = usize::try_from(position / ITEM_BYTES_MIN).unwrap_or(usize::MAX);
    items > most.min(SMALL_ITEMS.saturating_add(said))
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
    let mut items = 0;
    loop {
        let event = events.next_event()?;
        if matches!(event, Event::Open | Event::Value) && events.is_repeated() {
            items += 1;
        }
        if is_crowded(items, WHOLE_ITEMS_MAX, events.position()) {
            let text =
                format!("more than {WHOLE_ITEMS_MAX} repeated elements, or empty ones; split the message");
            return Err(events.located(ReadError::new(ErrorCode::TooMany, text)));
        }
        match (event, events.path()) {
            (Event::End, _) => return Ok(()),
            (Event::Open, [_, _, path @ ..]) => message.open(path),
            (Event::Value, [_, _, path @ ..]) => {
                let currency = events.attribute().map_or("", |(_, currency)| currency);
                message.value(path, events.text(), currency);
            }
            _ => {}
        }
    }
}
