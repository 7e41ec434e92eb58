//! The loopback listener of the commands that go on running: `/metrics`, and the routes that its command adds. Reads the
//! recorder; changes nothing and knows nobody.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::header::ContentType;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpResponse, HttpServer, rt, web};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::fault::Fault;

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
pub(super) type Metrics = PrometheusHandle;

/// Makes the recorder that all metrics go to. Once in a process.
pub(super) fn install_recorder() -> Result<Metrics, Fault> {
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

/// The running listener.
pub(super) struct Listener {
    handle: ServerHandle,
    address: SocketAddr,
    upkeep: rt::task::JoinHandle<()>,
}

impl Listener {
    /// Listens; call it inside an actix system. `routes` are the command's own.
    pub(super) fn start(
        listen: SocketAddr,
        metrics: Metrics,
        routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Result<Self, Fault> {
        let upkeep = rt::spawn(keep_up(metrics.clone()));
        let server = HttpServer::new(move || {
            let metrics = metrics.clone();
            let text = move || {
                let body = metrics.render();
                async move { HttpResponse::Ok().content_type(ContentType::plaintext()).body(body) }
            };
            App::new().route("/metrics", web::get().to(text)).configure(routes.clone())
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

async fn keep_up(metrics: Metrics) {
    let mut tick = rt::time::interval(UPKEEP);
    loop {
        tick.tick().await;
        metrics.run_upkeep();
    }
}
