//! The process that reads one picture of a code for `serve`: from standard input, within limits that the kernel holds it to.
//! It has no data directory, no configuration and no key, and what it says is a line and a payload; see the API's `scanner`.

use std::io::{self, Read as _, Write as _};

use feiqian_emvqr::pictures::PictureError;
use feiqian_emvqr::scan::scan_png;
use feiqian_http::limits::PICTURE_BYTES_MAX;
use feiqian_http::scanner::{FOUND, NO_CODE, NO_PICTURE};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::fault::Fault;

/// Bytes of all that it maps: several times what the largest picture takes.
const MEMORY_BYTES_MAX: u64 = 1 << 30;
/// Seconds of the processor's time: above what the server waits on an idle machine.
const CPU_S_MAX: u64 = 5;

/// Reads the picture and says what is in it.
pub(super) fn scan_picture() -> Result<(), Fault> {
    let fault = |error: io::Error| Fault::File(format!("standard input and output: {error}"));
    confine().map_err(|error| fault(error.into()))?;
    let mut picture = Vec::new();
    io::stdin().lock().take(PICTURE_BYTES_MAX as u64 + 1).read_to_end(&mut picture).map_err(fault)?;
    let said = match scan_png(&picture) {
        _ if picture.len() > PICTURE_BYTES_MAX => format!("{NO_PICTURE}\n"),
        Ok(payload) => format!("{FOUND}\n{payload}"),
        Err(PictureError::NoCode) => format!("{NO_CODE}\n"),
        Err(_) => format!("{NO_PICTURE}\n"),
    };
    let mut out = io::stdout().lock();
    out.write_all(said.as_bytes()).and_then(|()| out.flush()).map_err(fault)
}

/// What a stranger's picture may cost, and that it writes no file.
fn confine() -> rustix::io::Result<()> {
    let limits = [
        (Resource::As, MEMORY_BYTES_MAX),
        (Resource::Cpu, CPU_S_MAX),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
    ];
    limits.into_iter().try_for_each(|(resource, most)| {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
    })
}
