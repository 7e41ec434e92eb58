//! What the port counts: handles made once, no numbers of cards or institutions in labels.

use metrics::{Counter, Gauge, counter, gauge};

/// The port's metrics.
pub(crate) struct Meter {
    pub(crate) sessions: Gauge,
    pub(crate) requests: Counter,
    pub(crate) declined: Counter,
    pub(crate) busy: Counter,
    pub(crate) faults: Counter,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            sessions: gauge!("feiqian_cards_sessions"),
            requests: counter!("feiqian_cards_requests_total"),
            declined: counter!("feiqian_cards_declined_total"),
            busy: counter!("feiqian_cards_busy_total"),
            faults: counter!("feiqian_cards_session_faults_total"),
        }
    }
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meter")
    }
}
