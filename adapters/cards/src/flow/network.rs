//! Network management: sign-on, sign-off, echo, key change, cut-over. Changes the session it comes on, and but for a cut-over
//! nothing else. Without its code a message is told nothing but that.

use feiqian_iso8583::spec::Edition;

use super::{Begun, Desk, Heard, Standing, is_of_edition};
use crate::code::Code;

/// What field 70 (1987) or function code 24 (1993) asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    SignOn,
    SignOff,
    Echo,
    KeyChange,
    CutOver,
}

fn asked(heard: Heard<'_>) -> Result<Asked, Code> {
    if !is_of_edition(heard.message) {
        return Err(Code::NotSupported);
    }
    let is_1993 = heard.message.spec().edition == Edition::E1993;
    let field = heard.message.field(if is_1993 { 24 } else { 70 }).ok_or(Code::FormatError)?;
    match (is_1993, field.number()) {
        (false, Some(1)) | (true, Some(801)) => Ok(Asked::SignOn),
        (false, Some(2)) | (true, Some(802)) => Ok(Asked::SignOff),
        (false, Some(301)) | (true, Some(831)) => Ok(Asked::Echo),
        (false, Some(101)) | (true, Some(811)) => Ok(Asked::KeyChange),
        (false, Some(201 | 202)) | (true, Some(821)) => Ok(Asked::CutOver),
        _ => Err(Code::NotSupported),
    }
}

impl Desk {
    /// Answers a network management request, and makes of the session what it asks for.
    pub(super) fn manage(&self, heard: Heard<'_>, standing: &mut Standing) -> Result<Begun, Code> {
        let asked = asked(heard);
        if let (Ok(Asked::KeyChange), Some(keys)) = (asked, standing.keys) {
            let changed = keys.changed(heard.message).ok_or(Code::Security)?;
            // Who has made the new key shows it by the code of the very message that brings it.
            if !changed.holds(heard.message) {
                return Err(Code::Security);
            }
            standing.keys = Some(changed);
            return Ok(Begun::Answered(Code::Managed.into()));
        }
        if standing.keys.is_some_and(|keys| !keys.holds(heard.message)) {
            return Err(Code::Security);
        }
        match asked? {
            Asked::SignOn => standing.is_signed_on = true,
            Asked::SignOff => standing.is_signed_on = false,
            Asked::Echo => {}
            Asked::CutOver if heard.link.needs_sign_on && !standing.is_signed_on => {
                return Err(Code::Unavailable);
            }
            // An acquirer's own day; the operator closes cycles, by the calendar or with two officers.
            Asked::CutOver => return self.cut_over(heard),
            // Of a key that there is not.
            Asked::KeyChange => return Err(Code::NotSupported),
        }
        Ok(Begun::Answered(Code::Managed.into()))
    }
}
