//! Writes acknowledgements of system events (admi.011.001.01).

use std::io::{self, Write};

use crate::system_event::SystemEventReceipt;
use crate::write::head::{known, start_versioned};
use crate::write::parts::ID_MAX;

/// A notification's description may have 1,000 characters, an acknowledgement's 350.
const DESCRIPTION_MAX: usize = 350;

/// Writes an admi.011.
///
/// # Errors
/// Those of `out`; `InvalidInput` for an event's code that no schema allows.
pub fn admi011(out: impl Write, receipt: &SystemEventReceipt) -> io::Result<()> {
    let mut to = start_versioned(out, receipt.business.as_ref(), known("admi.011.001.01")?)?;
    to.text("MsgId", &receipt.message_id, ID_MAX)?;
    to.optional("OrgtrRef", receipt.original_reference.as_deref(), ID_MAX)?;
    to.start("AckDtls")?;
    to.checked("EvtCd", &receipt.event.code)?;
    for parameter in &receipt.event.parameters {
        to.text("EvtParam", parameter, ID_MAX)?;
    }
    to.optional("EvtDesc", receipt.event.description.as_deref(), DESCRIPTION_MAX)?;
    to.optional("EvtTm", receipt.event.time.as_deref(), usize::MAX)?;
    to.finish().map(drop)
}
