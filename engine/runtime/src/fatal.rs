//! How the machine stops when it can't keep its promises: one line on standard error, then abort.
//!
//! After a failed sync, a broken invariant or a damaged frame nothing may be acknowledged any more, and no
//! destructor may run that could. Recovery is the next start.

use std::fmt::Display;
use std::io::Write as _;

/// Says why, and ends the process at once.
pub(crate) fn stop(what: &str, why: &dyn Display) -> ! {
    // Nobody is left to tell if standard error is gone too.
    let _ = writeln!(std::io::stderr().lock(), "feiqian: stopping: {what}: {why}");
    std::process::abort();
}
