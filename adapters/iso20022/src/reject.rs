//! Message rejects (admi.002): the answer to a file that can't be read at all, as a value, and reading it.

use std::io::BufRead;

use crate::error::{ErrorCode, ReadError};
use crate::events::{Event, Events};
use crate::limits::Limits;
use crate::payment::BusinessHead;
use crate::schema::names::*;
use crate::schema::{Family, MessageType};
use crate::transfers::read_until_document;

/// What stands for the reference of a file that shows none.
pub const UNKNOWN_REFERENCE: &str = "UNKNOWN";

/// A message reject, `admi.002.001.01`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MessageReject {
    /// Its business application header, if any.
    pub business: Option<BusinessHead>,
    /// Reference of the rejected message.
    pub reference: String,
    /// Reason code of the rejecting party, at most 35 characters.
    pub reason: String,
    /// When it was rejected.
    pub rejected_at: Option<String>,
    /// Where the fault is, at most 350 characters.
    pub location: Option<String>,
    /// What the fault is, at most 350 characters.
    pub description: Option<String>,
    /// More, at most 20,000 characters.
    pub additional: Option<String>,
}

impl MessageReject {
    /// The reject of a file that failed with `error`; `rejected_at` is an ISO date and time.
    #[must_use]
    pub fn of(error: &ReadError, rejected_at: &str) -> Self {
        let location = if error.path.is_empty() {
            format!("byte {}", error.position)
        } else {
            format!("{} at byte {}", error.path, error.position)
        };
        Self {
            business: None,
            reference: error.reference.clone().unwrap_or_else(|| UNKNOWN_REFERENCE.to_owned()),
            reason: format!("{:?}", error.code),
            rejected_at: Some(rejected_at.to_owned()),
            location: Some(location),
            description: Some(error.message.clone()),
            additional: None,
        }
    }

    /// Reads an admi.002.
    ///
    /// # Errors
    /// [`ReadError`] where it can't be read or is another message.
    pub fn read(input: impl BufRead, limits: Limits) -> Result<Self, ReadError> {
        let mut events = Events::new(input, &limits);
        let (message_type, business) = read_until_document(&mut events)?;
        if message_type.family() != Family::Admi002 {
            let text = format!("{message_type} is no message reject; send an admi.002");
            return Err(events.located(ReadError::new(ErrorCode::WrongMessage, text)));
        }
        let mut reject = Self { business, ..Self::default() };
        loop {
            let event = events.next_event()?;
            match (event, events.path()) {
                (Event::End, _) => return Ok(reject),
                (Event::Value, [_, _, rest @ ..]) => reject.value(rest, events.text()),
                _ => {}
            }
        }
    }

    /// The type that is read and written.
    #[must_use]
    pub fn message_type() -> Option<MessageType> {
        MessageType::parse("admi.002.001.01")
    }

    fn value(&mut self, path: &[u16], text: &str) {
        let owned = || Some(text.to_owned());
        match path {
            [RLTD_REF, REF] => text.clone_into(&mut self.reference),
            [RSN, RJCTG_PTY_RSN] => text.clone_into(&mut self.reason),
            [RSN, RJCTN_DT_TM] => self.rejected_at = owned(),
            [RSN, ERR_LCTN] => self.location = owned(),
            [RSN, RSN_DESC] => self.description = owned(),
            [RSN, ADDTL_DATA] => self.additional = owned(),
            _ => {}
        }
    }
}
