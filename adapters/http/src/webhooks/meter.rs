//! What is counted of each target. Names are the operator's, and of registered ones their places, so there are as many
//! series as it allows.

use metrics::{Counter, Gauge, counter, gauge};

/// A target's metrics: handles made once.
pub(super) struct Meter {
    /// Events that were taken.
    pub(super) delivered: Counter,
    /// Requests that were not.
    pub(super) failed: Counter,
    /// Sealed entries that lie behind the place.
    lag: Gauge,
    /// 1 once the receiver is gone.
    stopped: Gauge,
}

impl Meter {
    pub(super) fn new(target: &str) -> Self {
        let label = || target.to_owned();
        Self {
            delivered: counter!("feiqian_webhook_delivered_events_total", "target" => label()),
            failed: counter!("feiqian_webhook_failed_requests_total", "target" => label()),
            lag: gauge!("feiqian_webhook_lag_entries", "target" => label()),
            stopped: gauge!("feiqian_webhook_stopped", "target" => label()),
        }
    }

    pub(super) fn lag(&self, entries: u64) {
        // A gauge has no other numbers; above 2^53 it is round.
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and shows no money")]
        self.lag.set(entries as f64);
    }

    pub(super) fn stopped(&self, is_stopped: bool) {
        self.stopped.set(if is_stopped { 1.0 } else { 0.0 });
    }
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meter")
    }
}
