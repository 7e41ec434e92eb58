//! What the operator sets: address, threads, bounds and deadlines.

use std::net::SocketAddr;
use std::time::Duration;

use feiqian_files::usage::Usage;

/// How the API is served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpOptions {
    /// Where it listens; port 0 for any free one.
    pub listen: SocketAddr,
    /// Threads that serve connections.
    pub workers: usize,
    /// Connections at once, over all threads; one more waits to be let in.
    pub connections_max: usize,
    /// From the first byte of a request to its last.
    pub read_timeout: Duration,
    /// From a whole request to its answer.
    pub answer_timeout: Duration,
    /// Between two requests of a connection.
    pub keep_alive: Duration,
    /// Transfers of one bulk.
    pub bulk_transfers_max: usize,
    /// Streams of events at once.
    pub streams_max: usize,
    /// Proofs that are made at once: each may replay up to a snapshot's distance.
    pub proofs_max: usize,
    /// Which profiles messages of ISO 20022 are held to.
    pub usage: Usage,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9472)),
            workers: 1,
            connections_max: 4_096,
            read_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(60),
            bulk_transfers_max: feiqian_core::limits::BATCH_TRANSFERS_MAX,
            streams_max: 64,
            proofs_max: 1,
            usage: Usage::default(),
        }
    }
}
