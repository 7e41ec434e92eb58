//! `/health` of a running house: asks the engine one question at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::{HttpResponse, rt, web};
use feiqian_runtime::pipeline::Engine;
use serde::Serialize;

/// What `/health` asks.
#[derive(Clone, Debug)]
pub(super) struct Health {
    engine: Engine,
    timeout: Duration,
    /// A question that was not answered yet: a second one would only wait behind it.
    is_asking: Arc<AtomicBool>,
}

#[derive(Serialize)]
struct HealthReport {
    state: &'static str,
    block_height: Option<u64>,
    block_age_seconds: Option<u64>,
    open_entries: Option<u64>,
}

impl Health {
    pub(super) fn new(engine: Engine, timeout: Duration) -> Self {
        Self { engine, timeout, is_asking: Arc::default() }
    }

    /// Adds the route.
    pub(super) fn configure(self, config: &mut web::ServiceConfig) {
        config.route("/health", web::get().to(move || self.clone().answer()));
    }

    async fn answer(self) -> HttpResponse {
        if self.is_asking.swap(true, Ordering::AcqRel) {
            return unavailable("busy");
        }
        let (engine, is_asking) = (self.engine, self.is_asking);
        let question = web::block(move || {
            let report = ask(&engine);
            is_asking.store(false, Ordering::Release);
            report
        });
        match rt::time::timeout(self.timeout, question).await {
            Ok(Ok(report)) => HttpResponse::Ok().json(report),
            _ => unavailable("stalled"),
        }
    }
}

fn ask(engine: &Engine) -> HealthReport {
    let (height, open) = engine.ask(|sealer| (sealer.height(), sealer.open_entries()));
    let sealed = engine.archive().block(height).ok().flatten().map(|block| block.header.timestamp);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let age = sealed.map(|timestamp| now.saturating_sub(Duration::from_nanos(timestamp)).as_secs());
    HealthReport {
        state: "serving",
        block_height: Some(height),
        block_age_seconds: age,
        open_entries: Some(open),
    }
}

fn unavailable(state: &'static str) -> HttpResponse {
    let report = HealthReport { state, block_height: None, block_age_seconds: None, open_entries: None };
    HttpResponse::ServiceUnavailable().json(report)
}
