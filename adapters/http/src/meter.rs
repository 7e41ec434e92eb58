//! What the API counts: handles made once, no ids of anything in labels. A fault is counted where its cause is not told to
//! the caller, so that the operator sees that there was one.

use metrics::{Counter, counter};

/// The API's metrics.
pub(crate) struct Meter {
    answered: Counter,
    refused: Counter,
    busy: Counter,
    faults: Counter,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            answered: counter!("feiqian_api_answered_total"),
            refused: counter!("feiqian_api_refused_total"),
            busy: counter!("feiqian_api_busy_total"),
            faults: counter!("feiqian_api_faults_total"),
        }
    }

    /// Counts an answer by its HTTP status.
    pub(crate) fn count(&self, status: u16) {
        match status {
            500 => &self.faults,
            429 | 503 => &self.busy,
            400.. => &self.refused,
            _ => &self.answered,
        }
        .increment(1);
    }
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meter")
    }
}
