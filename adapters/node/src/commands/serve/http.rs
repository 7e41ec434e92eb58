//! `/metrics`, `/health` and the log of blocks on one loopback listener. Reads the recorder and asks the engine one question at a
//! time; changes nothing and knows nobody.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::dev::ServerHandle;
use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, HttpServer, rt, web};
use feiqian_runtime::pipeline::Engine;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde::Serialize;

use super::log;
use crate::fault::Fault;
use crate::follow::FollowServer;

/// Connections at once: a scraper, a probe or two, and an operator.
const CONNECTIONS_MAX: usize = 64;
/// Between two clean-ups of the recorder's histograms; without them they grow.
const UPKEEP: Duration = Duration::from_secs(5);
/// Bounds of the histograms of times, seconds: a sync takes from fractions of a millisecond to stalls.
const SECONDS: [f64; 12] = [1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.5, 2.0];
/// Bounds of the histogram of entries in a frame.
const ENTRIES: [f64; 8] = [1.0, 8.0, 64.0, 256.0, 1_024.0, 2_048.0, 4_096.0, 8_190.0];
/// Bounds of the histogram of frames in a group.
const FRAMES: [f64; 5] = [1.0, 2.0, 4.0, 8.0, 16.0];

/// The recorder's text.
pub(in crate::commands) type Metrics = PrometheusHandle;

/// Makes the recorder that all metrics go to. Once in a process.
pub(in crate::commands) fn install_recorder() -> Result<Metrics, Fault> {
    let buckets = |builder: PrometheusBuilder, matcher: Matcher, bounds: &[f64]| {
        builder.set_buckets_for_metric(matcher, bounds)
    };
    let builder = buckets(PrometheusBuilder::new(), Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(|builder| buckets(builder, Matcher::Suffix("_entries".to_owned()), &ENTRIES))
        .and_then(|builder| buckets(builder, Matcher::Suffix("_frames".to_owned()), &FRAMES));
    builder
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| Fault::File(format!("the metrics recorder can't be installed: {error}")))
}

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

/// The running listener.
pub(super) struct Server {
    handle: ServerHandle,
    address: SocketAddr,
    upkeep: rt::task::JoinHandle<()>,
}

impl Server {
    /// Listens; call it inside an actix system.
    pub(super) fn start(
        listen: SocketAddr,
        metrics: Metrics,
        health: Health,
        (log, follow): (log::Files, FollowServer),
    ) -> Result<Self, Fault> {
        let upkeep = rt::spawn(keep_up(metrics.clone()));
        let server = HttpServer::new(move || {
            let (metrics, health, log) = (metrics.clone(), health.clone(), log.clone());
            let follow = follow.clone();
            let text = move || {
                let body = metrics.render();
                async move { HttpResponse::Ok().content_type(ContentType::plaintext()).body(body) }
            };
            App::new()
                .route("/metrics", web::get().to(text))
                .route("/health", web::get().to(move || health.clone().answer()))
                .configure(|config| log.configure(config))
                .configure(|config| follow.configure(config))
        });
        let fault =
            |error| Fault::Usage(format!("can't listen on {listen}: {error}; choose another --listen"));
        let server = server
            .workers(1)
            .max_connections(CONNECTIONS_MAX)
            .disable_signals()
            .shutdown_timeout(1)
            .bind(listen)
            .map_err(fault)?;
        let address = server.addrs().first().copied().unwrap_or(listen);
        let running = server.run();
        let handle = running.handle();
        rt::spawn(running);
        Ok(Self { handle, address, upkeep })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening and lets open requests end.
    pub(super) async fn stop(self) {
        self.upkeep.abort();
        self.handle.stop(true).await;
    }
}

pub(in crate::commands) async fn keep_up(metrics: Metrics) {
    let mut tick = rt::time::interval(UPKEEP);
    loop {
        tick.tick().await;
        metrics.run_upkeep();
    }
}
