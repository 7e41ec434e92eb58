//! Writes message rejects (admi.002.001.01).

use std::io::{self, Write};

use crate::reject::MessageReject;
use crate::write::head::{known, start_message};
use crate::write::parts::ID_MAX;

const LOCATION_MAX: usize = 350;
const ADDITIONAL_MAX: usize = 20_000;

/// Writes a message reject.
///
/// # Errors
/// Those of `out`.
pub fn admi002(out: impl Write, reject: &MessageReject) -> io::Result<()> {
    let message = known("admi.002.001.01")?;
    let mut to = start_message(out, reject.business.as_ref(), message, "admi.002.001.01")?;
    to.start("RltdRef")?;
    to.text("Ref", &reject.reference, ID_MAX)?;
    to.end()?;
    to.start("Rsn")?;
    to.text("RjctgPtyRsn", &reject.reason, ID_MAX)?;
    to.optional("RjctnDtTm", reject.rejected_at.as_deref(), ID_MAX)?;
    to.optional("ErrLctn", reject.location.as_deref(), LOCATION_MAX)?;
    to.optional("RsnDesc", reject.description.as_deref(), LOCATION_MAX)?;
    to.optional("AddtlData", reject.additional.as_deref(), ADDITIONAL_MAX)?;
    to.finish().map(drop)
}
