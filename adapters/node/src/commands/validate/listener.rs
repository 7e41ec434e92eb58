//! The validator's own loopback listener: `/metrics`, `/health`, and `/follow` for those who may ask it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use actix_web::dev::ServerHandle;
use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, HttpServer, rt, web};
use feiqian_runtime::follow::Follower;
use feiqian_runtime::storage::files::FileStorage;
use metrics::gauge;
use serde::Serialize;

use crate::commands::serve::http::{Metrics, keep_up};
use crate::fault::Fault;
use crate::follow::{Client, FollowServer};

const CONNECTIONS_MAX: usize = 64;

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

    /// For ever: until somebody has looked and started it again.
    pub(super) fn set_alarm(&self) {
        self.is_alarmed.store(true, Ordering::Release);
        gauge!("feiqian_validator_alarm").set(1.0);
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

/// The running listener.
pub(super) struct Listener {
    handle: ServerHandle,
    address: SocketAddr,
    upkeep: rt::task::JoinHandle<()>,
}

impl Listener {
    /// Listens; call it inside an actix system.
    pub(super) fn start(
        listen: SocketAddr,
        metrics: Metrics,
        standing: Arc<Standing>,
        follow: FollowServer,
    ) -> Result<Self, Fault> {
        let upkeep = rt::spawn(keep_up(metrics.clone()));
        let server = HttpServer::new(move || {
            let (metrics, standing, follow) = (metrics.clone(), Arc::clone(&standing), follow.clone());
            let text = move || {
                let body = metrics.render();
                async move { HttpResponse::Ok().content_type(ContentType::plaintext()).body(body) }
            };
            let health = move || {
                let answer = standing.answer();
                async move { answer }
            };
            App::new()
                .route("/metrics", web::get().to(text))
                .route("/health", web::get().to(health))
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
