//! System events: the notification (admi.004) read, and its acknowledgement (admi.011), which says the event again.
//!
//! Values and reading only; `write::admi011` writes the acknowledgement.

use std::io::BufRead;

use crate::error::ReadError;
use crate::kept::push;
use crate::limits::Limits;
use crate::payment::BusinessHead;
use crate::schema::names::*;
use crate::schema::{Family, MessageType};
use crate::whole::{self, Whole};

/// A notification, `admi.004.001.02`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SystemEventNotice {
    /// Its type.
    pub message_type: MessageType,
    /// Its business application header, if any; the message has no id of its own.
    pub business: Option<BusinessHead>,
    /// `EvtInf`.
    pub event: SystemEvent,
}

/// An event of a system: a test of the line (`PING`), a cut-off, a broadcast.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SystemEvent {
    /// `EvtCd`, the systems' own codes.
    pub code: String,
    /// `EvtParam`, in order.
    pub parameters: Vec<String>,
    /// `EvtDesc`.
    pub description: Option<String>,
    /// `EvtTm`, an ISO date and time.
    pub time: Option<String>,
}

/// An acknowledgement, `admi.011.001.01`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SystemEventReceipt {
    /// Its business application header, if any.
    pub business: Option<BusinessHead>,
    /// `MsgId`, at most 35 characters.
    pub message_id: String,
    /// `OrgtrRef`: the `BizMsgIdr` of the notification, where it had one.
    pub original_reference: Option<String>,
    /// The event that is acknowledged.
    pub event: SystemEvent,
}

impl SystemEventNotice {
    /// Reads an admi.004 of at most [`WHOLE_ITEMS_MAX`](crate::limits::WHOLE_ITEMS_MAX) repeated elements.
    ///
    /// # Errors
    /// [`ReadError`] where it can't be read, is another message, or is larger.
    pub fn read(input: impl BufRead, limits: Limits) -> Result<Self, ReadError> {
        whole::read(input, limits)
    }
}

impl Whole for SystemEventNotice {
    const FAMILY: Family = Family::Admi004;
    const WHAT: &'static str = "system event";

    fn begin(message_type: MessageType, business: Option<BusinessHead>) -> Self {
        Self { message_type, business, event: SystemEvent::default() }
    }

    fn open(&mut self, _path: &[u16]) -> bool {
        false
    }

    fn value(&mut self, path: &[u16], text: &str, _currency: &str) {
        match path {
            [EVT_INF, EVT_CD] => text.clone_into(&mut self.event.code),
            [EVT_INF, EVT_PARAM] => push(&mut self.event.parameters, text.to_owned()),
            [EVT_INF, EVT_DESC] => self.event.description = Some(text.to_owned()),
            [EVT_INF, EVT_TM] => self.event.time = Some(text.to_owned()),
            _ => {}
        }
    }

    fn reference(&self) -> (Option<&BusinessHead>, &str) {
        (self.business.as_ref(), "")
    }
}
