//! How the follower stands, for the validator's `/health` and its metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use actix_web::{HttpResponse, web};
use feiqian_runtime::follow::{Follower, SourceFault};
use feiqian_runtime::storage::files::FileStorage;
use metrics::{counter, gauge};
use serde::Serialize;

use crate::follow::Client;

/// How the follower stands, for whoever asks.
#[derive(Debug, Default)]
pub(super) struct Standing {
    height: AtomicU64,
    lag: AtomicU64,
    signed: AtomicU64,
    is_connected: AtomicBool,
    is_alarmed: AtomicBool,
}

#[derive(Serialize)]
struct HealthReport {
    state: &'static str,
    height: u64,
    lag_blocks: u64,
    signed: u64,
}

#[expect(clippy::cast_precision_loss, reason = "heights stay far below 2^52")]
#[expect(clippy::as_conversions, reason = "a gauge is a float")]
const fn float(number: u64) -> f64 {
    number as f64
}

impl Standing {
    pub(super) fn tell(&self, follower: &Follower<FileStorage>, client: &Client) {
        let height = follower.replica().height();
        let lag = client.height().saturating_sub(height);
        let signed = follower.witness().map_or(0, feiqian_runtime::follow::Witness::signed);
        self.height.store(height, Ordering::Release);
        self.lag.store(lag, Ordering::Release);
        self.signed.store(signed, Ordering::Release);
        gauge!("feiqian_validator_height").set(float(height));
        gauge!("feiqian_validator_lag_blocks").set(float(lag));
        gauge!("feiqian_validator_signed_size").set(float(signed));
        gauge!("feiqian_validator_alarm").set(if self.is_alarmed.load(Ordering::Acquire) {
            1.0
        } else {
            0.0
        });
    }

    pub(super) fn set_connected(&self, is_connected: bool) {
        self.is_connected.store(is_connected, Ordering::Release);
        gauge!("feiqian_validator_connected").set(if is_connected { 1.0 } else { 0.0 });
    }

    /// Counts answers that contradict what the operator has signed, without being signed.
    pub(super) fn count(&self, fault: &SourceFault) {
        let is_unproven = matches!(fault, SourceFault::Unproven(_));
        counter!("feiqian_validator_unproven_answers_total").increment(u64::from(is_unproven));
    }

    /// For ever: until somebody has looked and cleared it.
    pub(super) fn set_alarm(&self) {
        self.is_alarmed.store(true, Ordering::Release);
        gauge!("feiqian_validator_alarm").set(1.0);
    }

    /// Adds the route.
    pub(super) fn configure(self: Arc<Self>, config: &mut web::ServiceConfig) {
        let health = move || {
            let answer = self.answer();
            async move { answer }
        };
        config.route("/health", web::get().to(health));
    }

    fn answer(&self) -> HttpResponse {
        let state = match (self.is_alarmed.load(Ordering::Acquire), self.is_connected.load(Ordering::Acquire))
        {
            (true, _) => "alarm",
            (false, true) => "following",
            (false, false) => "disconnected",
        };
        let report = HealthReport {
            state,
            height: self.height.load(Ordering::Acquire),
            lag_blocks: self.lag.load(Ordering::Acquire),
            signed: self.signed.load(Ordering::Acquire),
        };
        if state == "following" {
            HttpResponse::Ok().json(report)
        } else {
            HttpResponse::ServiceUnavailable().json(report)
        }
    }
}
