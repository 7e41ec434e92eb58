//! The envelope: a business application header (head.001.001.02) beside the document, in one wrapper element.

use std::io::{self, Write};

use crate::payment::{Agent, BusinessHead};
use crate::schema::{self, Family, MessageType};
use crate::write::ENVELOPE;
use crate::write::parts::{self, ID_MAX};
use crate::write::xml::XmlWriter;

/// Version of the header that is written, whatever version came in.
const HEADER: &str = "head.001.001.02";

/// The supported type of a constant identifier.
pub(crate) fn known(identifier: &str) -> io::Result<MessageType> {
    MessageType::parse(identifier).ok_or_else(|| io::Error::other(format!("{identifier} has no table")))
}

/// Refuses a message of another family, or of an older version than is written.
pub(crate) fn written(message: MessageType, family: Family, from: u8) -> io::Result<MessageType> {
    if message.family() == family && message.version() >= from {
        return Ok(message);
    }
    let family = format!("{family:?}").to_lowercase();
    let text = format!("{message} is not written; use version {from:02} or later of {family}");
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

/// Starts a file with a message whose document has the child that its version names.
pub(crate) fn start_versioned<W: Write>(
    out: W,
    business: Option<&BusinessHead>,
    message: MessageType,
) -> io::Result<XmlWriter<W>> {
    start_message(out, business, message, schema::first_child(message.root_type()).unwrap_or_default())
}

/// Starts a file: with a header in an envelope if there is one, then the document, then its only child.
pub(crate) fn start_message<W: Write>(
    out: W,
    business: Option<&BusinessHead>,
    message: MessageType,
    child: &'static str,
) -> io::Result<XmlWriter<W>> {
    let mut to = XmlWriter::new(out)?;
    if let Some(business) = business {
        to.start(ENVELOPE)?;
        header(&mut to, business)?;
    }
    to.start_root("Document", message)?;
    to.start(child)?;
    Ok(to)
}

fn header<W: Write>(to: &mut XmlWriter<W>, head: &BusinessHead) -> io::Result<()> {
    to.start_root("AppHdr", known(HEADER)?)?;
    side(to, "Fr", &head.from)?;
    side(to, "To", &head.to)?;
    to.text("BizMsgIdr", &head.business_message_id, ID_MAX)?;
    to.text("MsgDefIdr", &head.message_definition, ID_MAX)?;
    to.optional("BizSvc", head.business_service.as_deref(), ID_MAX)?;
    to.value("CreDt", &head.creation)?;
    to.optional("CpyDplct", head.copy_duplicate.as_deref(), 4)?;
    if head.possible_duplicate {
        to.value("PssblDplct", "true")?;
    }
    to.optional("Prty", head.priority.as_deref(), 4)?;
    to.end()
}

fn side<W: Write>(to: &mut XmlWriter<W>, name: &'static str, agent: &Agent) -> io::Result<()> {
    to.start(name)?;
    parts::agent(to, "FIId", agent)?;
    to.end()
}
