//! `[api]`: the JSON API's listener and its bounds.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use feiqian_core::limits::BATCH_TRANSFERS_MAX;
use feiqian_http::HttpOptions;
use feiqian_identity::tls::TlsFiles;
use serde::Deserialize;

use super::{Rule, is_milliseconds, one_to_minute};

/// `[api]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiConfig {
    /// Address and port; other than loopback only with TLS and callers.
    pub listen: SocketAddr,
    /// The file of identities, relative to the data directory; empty where nobody calls.
    pub identities: PathBuf,
    /// The server's certificate, and with it TLS.
    pub certificate: PathBuf,
    /// Its private key.
    pub certificate_key: PathBuf,
    /// The roots of clients' certificates.
    pub client_roots: PathBuf,
    /// Lists of revocations of those roots.
    pub revoked: Vec<PathBuf>,
    /// Whether a client must show a certificate.
    pub client_certificate_required: bool,
    /// Threads.
    pub worker_threads: usize,
    /// Connections.
    pub connections_max: usize,
    /// Milliseconds.
    pub read_timeout_ms: u64,
    /// Milliseconds.
    pub answer_timeout_ms: u64,
    /// Milliseconds.
    pub idle_timeout_ms: u64,
    /// Transfers.
    pub bulk_transfers_max: usize,
    /// Streams.
    pub streams_max: usize,
    /// Proofs.
    pub proofs_max: usize,
}

impl Default for ApiConfig {
    fn default() -> Self {
        let options = HttpOptions::default();
        Self {
            listen: options.listen,
            identities: PathBuf::new(),
            certificate: PathBuf::new(),
            certificate_key: PathBuf::new(),
            client_roots: PathBuf::new(),
            revoked: Vec::new(),
            client_certificate_required: false,
            worker_threads: options.workers,
            connections_max: options.connections_max,
            read_timeout_ms: 10_000,
            answer_timeout_ms: 10_000,
            idle_timeout_ms: 60_000,
            bulk_transfers_max: options.bulk_transfers_max,
            streams_max: options.streams_max,
            proofs_max: options.proofs_max,
        }
    }
}

impl ApiConfig {
    pub(super) fn rules(&self) -> Vec<Rule> {
        let count =
            |key, value: usize, max: usize| ("api", key, (1..=max).contains(&value), format!("1 to {max}"));
        let time = |key, value| ("api", key, is_milliseconds(value), one_to_minute());
        vec![
            (
                "api",
                "listen",
                self.listen.ip().is_loopback() || (has(&self.certificate) && has(&self.identities)),
                loopback_rule(),
            ),
            (
                "api",
                "certificate_key",
                has(&self.certificate) == has(&self.certificate_key),
                together("certificate"),
            ),
            (
                "api",
                "client_roots",
                has(&self.certificate) || !has(&self.client_roots),
                together("certificate"),
            ),
            ("api", "revoked", has(&self.client_roots) != self.revoked.is_empty(), revoked_rule()),
            (
                "api",
                "client_certificate_required",
                has(&self.client_roots) || !self.client_certificate_required,
                together("client_roots"),
            ),
            count("worker_threads", self.worker_threads, 256),
            count("connections_max", self.connections_max, 65_536),
            time("read_timeout_ms", self.read_timeout_ms),
            time("answer_timeout_ms", self.answer_timeout_ms),
            time("idle_timeout_ms", self.idle_timeout_ms),
            count("bulk_transfers_max", self.bulk_transfers_max, BATCH_TRANSFERS_MAX),
            count("streams_max", self.streams_max, 4_096),
            count("proofs_max", self.proofs_max, 64),
        ]
    }

    /// The file of identities; none where nobody calls.
    #[must_use]
    pub fn identities(&self, data: &Path) -> Option<PathBuf> {
        has(&self.identities).then(|| data.join(&self.identities))
    }

    /// The files of TLS; none without.
    #[must_use]
    pub fn tls(&self, data: &Path) -> Option<TlsFiles> {
        has(&self.certificate).then(|| TlsFiles {
            certificate: data.join(&self.certificate),
            key: data.join(&self.certificate_key),
            client_roots: has(&self.client_roots).then(|| data.join(&self.client_roots)),
            revoked: self.revoked.iter().map(|file| data.join(file)).collect(),
            needs_client_certificate: self.client_certificate_required,
        })
    }

    /// As the listener takes them.
    #[must_use]
    pub fn options(&self) -> HttpOptions {
        HttpOptions {
            listen: self.listen,
            workers: self.worker_threads,
            connections_max: self.connections_max,
            read_timeout: Duration::from_millis(self.read_timeout_ms),
            answer_timeout: Duration::from_millis(self.answer_timeout_ms),
            keep_alive: Duration::from_millis(self.idle_timeout_ms),
            bulk_transfers_max: self.bulk_transfers_max,
            streams_max: self.streams_max,
            proofs_max: self.proofs_max,
            ..HttpOptions::default()
        }
    }
}

fn has(file: &Path) -> bool {
    !file.as_os_str().is_empty()
}

fn together(other: &str) -> String {
    format!("a file together with {other}, or neither")
}

fn revoked_rule() -> String {
    "a list together with client_roots, be it one in which nothing is revoked, or neither".to_owned()
}

/// Why only loopback: without TLS everyone on the way could read along, and a key that is read is a key that is taken.
fn loopback_rule() -> String {
    "a loopback address such as 127.0.0.1:9472, unless certificate, certificate_key and identities are given: it would not \
     be encrypted, or answer nobody"
        .to_owned()
}
