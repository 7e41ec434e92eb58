//! What the server counts: handles made once, no ids in labels.

use metrics::{Counter, Gauge, counter, gauge};

/// The server's metrics.
pub(super) struct Meter {
    pub(super) sessions: Gauge,
    pub(super) batches: Counter,
    pub(super) transfers: Counter,
    pub(super) busy: Counter,
    pub(super) refusals: Counter,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            sessions: gauge!("feiqian_wire_sessions"),
            batches: counter!("feiqian_wire_batches_total"),
            transfers: counter!("feiqian_wire_transfers_total"),
            busy: counter!("feiqian_wire_busy_total"),
            refusals: counter!("feiqian_wire_refusals_total"),
        }
    }
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meter")
    }
}
