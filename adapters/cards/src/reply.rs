//! Answers: from what became of a request to the frame that says so.

use feiqian_iso8583::{Builder, Draft, Error, FrameError};

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

/// What is kept of a request until its answer: its frame's cover, the keys as of its arrival, and the fields that the answer
/// repeats, the card number among them.
#[derive(Debug)]
pub(crate) struct Return {
    pub(crate) cover: Cover,
    pub(crate) keys: Option<MacKeys>,
    pub(crate) repeated: Draft,
}

/// The frame of an answer to a request.
pub(crate) fn frame(link: &Link, back: Return, answer: &Answer) -> Result<Vec<u8>, Unwritable> {
    let spec = &*link.spec;
    let mut builder = Builder::of_draft(spec, back.repeated).text(39, answer.code.text(spec.edition));
    if let Some(approval) = answer.approval.as_ref().filter(|_| spec.field(38).is_some()) {
        builder = builder.text(38, approval);
    }
    for (field, value) in answer.numbers.iter().filter(|(field, _)| spec.field(*field).is_some()) {
        builder = builder.number(*field, *value);
    }
    if let Some(net) = answer.net.as_ref().filter(|_| spec.field(97).is_some()) {
        builder = builder.text(97, net);
    }
    // Nobody without the key may have codes made over bytes of his own choice.
    let keys = back.keys.filter(|_| answer.code != Code::Security);
    let message = match keys {
        Some(keys) => keys.encode(builder)?,
        None => builder.encode()?,
    };
    let mut out = Vec::with_capacity(message.len() + 64);
    link.framing.write(back.cover, &message, &mut out)?;
    Ok(out)
}
