//! The API's listener, told who is who, and over TLS where there is a certificate.

use std::path::Path;
use std::sync::Arc;

use actix_web::rt;
use feiqian_files::IntakeOptions;
use feiqian_http::webhooks::desk::Desk;
use feiqian_http::{CodeKey, House, HttpOptions, HttpServerFault, Scanner, Server};
use feiqian_runtime::pipeline::Engine;

use super::credentials::Credentials;
use crate::config::Config;
use crate::fault::Fault;
use crate::keys::read_or_make;
use crate::output::Output;

/// What QR codes are sealed with: made at the first start, in no journal, and no validator's.
const CODES_KEY_FILE: &str = "keys/codes.key";

/// How long a picture may take: many times what a large one does on an idle machine.
#[cfg(feature = "scan")]
const SCAN_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(3);

/// This program itself, whatever has become of its file since it was started.
#[cfg(feature = "scan")]
fn scanner() -> Option<Scanner> {
    let arguments = vec!["scan-picture".to_owned()];
    Some(Scanner { program: "/proc/self/exe".into(), arguments, time_max: SCAN_TIME_MAX })
}

#[cfg(not(feature = "scan"))]
const fn scanner() -> Option<Scanner> {
    None
}

/// The running API.
pub(super) struct Api {
    server: Server,
    reading: rt::task::JoinHandle<()>,
    scheme: &'static str,
}

impl Api {
    /// Listens; call it inside an actix system.
    pub(super) fn start(
        engine: Engine,
        (files, webhooks): (IntakeOptions, Arc<Desk>),
        (config, data): (&Config, &Path),
        output: Output,
    ) -> Result<Self, Fault> {
        let credentials = Credentials::open(&config.api, data)?;
        let options = HttpOptions { usage: config.messages.usage(), ..config.api.options() };
        let codes = CodeKey::new(&read_or_make(&data.join(CODES_KEY_FILE))?.to_bytes());
        let house = House { files, codes, scanner: scanner(), webhooks: Some(webhooks) };
        let (identify, tls) = (credentials.identify(), credentials.server_config()?);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let started = match tls {
            Some(tls) => Server::start_tls(engine, house, identify, (options, tls)),
            None => Server::start(engine, house, identify, options),
        };
        let server = started.map_err(|fault| match fault {
            HttpServerFault::Listen { .. } => {
                Fault::Usage(format!("{fault}; choose another address under [api]"))
            }
            HttpServerFault::Journal(fault) => Fault::from(fault),
        })?;
        Ok(Self { server, reading: rt::spawn(credentials.follow(output)), scheme })
    }

    /// Where it begins.
    pub(super) fn url(&self) -> String {
        format!("{}://{}/v1", self.scheme, self.server.address())
    }

    /// Stops listening and lets open requests end.
    pub(super) async fn stop(self) {
        self.reading.abort();
        self.server.stop().await;
    }
}
