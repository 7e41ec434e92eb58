//! The API's listener, told who is who, and over TLS where there is a certificate.

use std::path::Path;
use std::sync::Arc;

use feiqian_core::bic::Bic;
use feiqian_http::{CodeKey, HttpOptions, HttpServerFault, Server};
use feiqian_identity::Identities;
use feiqian_runtime::pipeline::Engine;

use crate::config::{ApiConfig, Config};
use crate::fault::Fault;
use crate::keys::read_or_make;
use crate::session::now;

/// What QR codes are sealed with: made at the first start, in no journal, and no validator's.
const CODES_KEY_FILE: &str = "keys/codes.key";

/// Listens; call it inside an actix system. Where no file of identities is named, nobody is answered.
pub(super) fn start(engine: Engine, operator: Bic, (whole, data): (&Config, &Path)) -> Result<Server, Fault> {
    let config = &whole.api;
    let options = HttpOptions { usage: whole.messages.usage(), ..config.options() };
    let identities = match config.identities(data) {
        Some(file) => Identities::load(&file, now() / 1_000_000_000),
        None => Ok(Identities::nobody()),
    };
    let identities = Arc::new(identities.map_err(|fault| Fault::Usage(fault.to_string()))?);
    let codes = CodeKey::new(&read_or_make(&data.join(CODES_KEY_FILE))?.to_bytes());
    let tls = config.tls(data).map(|files| files.load()).transpose();
    let tls = tls.map_err(|fault| Fault::Usage(format!("[api] {fault}")))?;
    let started = match tls {
        Some(tls) => Server::start_tls(engine, (operator, codes), identities, (options, tls)),
        None => Server::start(engine, (operator, codes), identities, options),
    };
    started.map_err(|fault| match fault {
        HttpServerFault::Listen { .. } => {
            Fault::Usage(format!("{fault}; choose another address under [api]"))
        }
        HttpServerFault::Journal(fault) => Fault::from(fault),
    })
}

/// Where the API begins.
pub(super) fn url(config: &ApiConfig, server: &Server) -> String {
    let scheme = if config.tls(Path::new("")).is_some() { "https" } else { "http" };
    format!("{scheme}://{}/v1", server.address())
}
