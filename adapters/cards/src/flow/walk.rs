//! Walks back through an account's postings, page by page, no further than they are asked about. Reads files, on threads
//! for that; a few at once.

use feiqian_core::account::AccountHandle;
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::query::{HistoryStart, Posting};

use crate::code::Code;

/// Postings that one walk goes through: bounds its time.
const POSTINGS_MAX: usize = 1_000_000;
/// Postings that are read, and held, at a time.
const PAGE: usize = 4_096;

/// Seals what is open, and tells `each` of the account's postings since a frame time, newest first; false where they are more
/// than a walk may go through.
///
/// # Errors
/// 91 where nothing can be sealed now, 96 where a file can't be read.
pub(super) fn walk(
    engine: &Engine,
    (account, since): (AccountHandle, u64),
    mut each: impl FnMut(&Posting),
) -> Result<bool, Code> {
    engine.seal().map_err(|_| Code::Unavailable)?;
    let start = engine.ask(move |sealer| HistoryStart::of(sealer.mirror(), account));
    let Some(mut start) = start else { return Ok(false) };
    // A page begins with the last posting of the one before.
    let (mut walked, mut seen) = (0, 0);
    while walked < POSTINGS_MAX {
        let page = engine.archive().history(&start, PAGE + seen).map_err(|_| Code::Malfunction)?;
        for posting in page.iter().skip(seen) {
            if posting.timestamp < since {
                return Ok(true);
            }
            each(posting);
        }
        let Some(oldest) = page.get(PAGE + seen - 1) else { return Ok(true) };
        start.last_posting = oldest.sequence;
        (walked, seen) = (walked + PAGE, 1);
    }
    Ok(false)
}
