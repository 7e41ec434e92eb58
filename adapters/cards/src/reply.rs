//! Answers: from what became of a request to the frame that says so.

use feiqian_iso8583::{Builder, Class, Error, FrameError, Message};

use crate::code::Code;
use crate::envelope::Cover;
use crate::link::Link;
use crate::security::MacKeys;

/// What an answer says beyond the fields that repeat the request's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) code: Code,
    /// Field 38.
    pub(crate) approval: Option<String>,
    /// Fields that are numbers.
    pub(crate) numbers: Vec<(u8, u64)>,
    /// Field 97, signed.
    pub(crate) net: Option<String>,
}

impl From<Code> for Answer {
    fn from(code: Code) -> Self {
        Self { code, approval: None, numbers: Vec::new(), net: None }
    }
}

/// Why an answer can't be written: a field that the table hasn't, or a frame too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// The message.
    #[error(transparent)]
    Message(#[from] Error),
    /// The frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// What a request is answered under: its frame's cover and the keys as of its arrival.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Return {
    pub(crate) cover: Cover,
    pub(crate) keys: Option<MacKeys>,
}

/// The frame of an answer to a request.
pub(crate) fn frame(
    link: &Link,
    back: Return,
    request: &Message<'_>,
    answer: &Answer,
) -> Result<Vec<u8>, Unwritable> {
    let spec = &*link.spec;
    let Some(mut builder) = Builder::response_to(request) else { return Ok(Vec::new()) };
    builder = builder.text(39, answer.code.text(spec.edition));
    if let Some(approval) = answer.approval.as_ref().filter(|_| spec.field(38).is_some()) {
        builder = builder.text(38, approval);
    }
    for (field, value) in answer.numbers.iter().filter(|(field, _)| spec.field(*field).is_some()) {
        builder = builder.number(*field, *value);
    }
    if let Some(net) = answer.net.as_ref().filter(|_| spec.field(97).is_some()) {
        builder = builder.text(97, net);
    }
    // Fields 66 to 97 are of these two.
    let has_second_bitmap = matches!(request.mti().class(), Class::NetworkManagement | Class::Reconciliation);
    let message = match back.keys {
        Some(keys) => keys.encode(builder, has_second_bitmap)?,
        None => builder.encode()?,
    };
    let mut out = Vec::with_capacity(message.len() + 64);
    link.framing.write(back.cover, &message, &mut out)?;
    Ok(out)
}
