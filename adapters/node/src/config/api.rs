//! `[api]`: the JSON API's listener and its bounds.

use std::net::SocketAddr;
use std::time::Duration;

use feiqian_core::limits::BATCH_TRANSFERS_MAX;
use feiqian_http::HttpOptions;
use serde::Deserialize;

use super::{Rule, is_milliseconds, one_to_minute};

/// `[api]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiConfig {
    /// Loopback address and port.
    pub listen: SocketAddr,
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
            ("api", "listen", self.listen.ip().is_loopback(), loopback_rule()),
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
        }
    }
}

/// Why only loopback: without TLS everyone on the way could read along, and a key that is read is a key that is taken.
fn loopback_rule() -> String {
    "a loopback address such as 127.0.0.1:9472, for it is not encrypted; put a proxy with TLS before it to reach it from \
     elsewhere"
        .to_owned()
}
