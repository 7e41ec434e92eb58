//! The listener: threads, bounds of connections, and the routes on them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::http::KeepAlive;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt};
use feiqian_files::IntakeOptions;
use feiqian_iso20022::Limits;
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::query::QueryFault;
use rustls::ServerConfig;
use tokio::sync::Semaphore;

use crate::api::Api;
use crate::caller::Identify;
use crate::codes::CodeKey;
use crate::limits::{LARGE_BODIES_KIB_MAX, MESSAGES_AT_ONCE, SCANS_AT_ONCE, XML_BYTES_MAX};
use crate::meter::Meter;
use crate::options::HttpOptions;
use crate::problem::Problem;
use crate::routes::{ROUTES, Route};
use crate::scanner::Scanner;
use crate::webhooks::desk::Desk;
use crate::{certificate, front, openapi, page};

/// Why the API can't be served.
#[derive(Debug, thiserror::Error)]
pub enum HttpServerFault {
    /// The address can't be listened on.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The journal has no beginning.
    #[error(transparent)]
    Journal(#[from] QueryFault),
}

/// What stands behind the API beside the engine.
#[derive(Clone, Debug)]
pub struct House {
    /// How messages are taken in: in which directory, within which limits, and who sends statements. The profiles that they
    /// are held to are those of [`HttpOptions`].
    pub files: IntakeOptions,
    /// What QR codes are sealed with.
    pub codes: CodeKey,
    /// What reads pictures of codes; none where a client has to.
    pub scanner: Option<Scanner>,
    /// Where participants register webhooks; none where they can't.
    pub webhooks: Option<Arc<Desk>>,
}

/// The running listener.
#[derive(Debug)]
pub struct Server {
    handle: ServerHandle,
    address: SocketAddr,
}

impl Server {
    /// Listens; call it inside an actix system. `identify` tells who is asking.
    ///
    /// # Errors
    /// [`HttpServerFault`].
    pub fn start(
        engine: Engine,
        house: House,
        identify: Arc<dyn Identify>,
        options: HttpOptions,
    ) -> Result<Self, HttpServerFault> {
        Self::listen(engine, house, identify, (options, None))
    }

    /// As [`Server::start`], over TLS: `identify` is told the certificate that a client has shown and `tls` has verified.
    ///
    /// # Errors
    /// [`HttpServerFault`].
    pub fn start_tls(
        engine: Engine,
        house: House,
        identify: Arc<dyn Identify>,
        (options, tls): (HttpOptions, ServerConfig),
    ) -> Result<Self, HttpServerFault> {
        Self::listen(engine, house, identify, (options, Some(tls)))
    }

    fn listen(
        engine: Engine,
        house: House,
        identify: Arc<dyn Identify>,
        (options, tls): (HttpOptions, Option<ServerConfig>),
    ) -> Result<Self, HttpServerFault> {
        let House { files, codes, scanner, webhooks } = house;
        let file_bytes_max = files.limits.file_bytes_max.min(XML_BYTES_MAX as u64);
        let files = IntakeOptions {
            limits: Limits { file_bytes_max, ..files.limits },
            usage: options.usage.clone(),
            ..files
        };
        let api = Arc::new(Api {
            codes,
            webhooks,
            bodies: Arc::new(Semaphore::new(LARGE_BODIES_KIB_MAX)),
            lists: Arc::new(Semaphore::new(1)),
            streaming: Arc::default(),
            meter: Meter::new(),
            genesis: engine.archive().genesis()?,
            engine,
            operator: files.operator,
            files: Arc::new(files),
            messages: Arc::new(Semaphore::new(MESSAGES_AT_ONCE)),
            scanner,
            scans: Semaphore::new(SCANS_AT_ONCE),
            identify,
            proofs: Arc::new(Semaphore::new(options.proofs_max)),
            streams: Arc::new(Semaphore::new(options.streams_max)),
            description: openapi::text().into_bytes(),
            options: options.clone(),
        });
        let address = options.listen;
        let server = HttpServer::new(move || {
            let api = Arc::clone(&api);
            App::new().configure(move |config| configure(config, &api))
        });
        let server = server
            .workers(options.workers)
            .max_connections(options.connections_max.div_ceil(options.workers))
            .keep_alive(KeepAlive::Timeout(options.keep_alive))
            .client_request_timeout(options.read_timeout)
            .disable_signals()
            .shutdown_timeout(1)
            .on_connect(certificate::keep);
        let bound = match tls {
            Some(tls) => server.bind_rustls_0_23(address, tls),
            None => server.bind(address),
        };
        let server = bound.map_err(|source| HttpServerFault::Listen { address, source })?;
        let address = server.addrs().first().copied().unwrap_or(address);
        let running = server.run();
        let handle = running.handle();
        rt::spawn(running);
        Ok(Self { handle, address })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening and lets open requests end.
    pub async fn stop(self) {
        self.handle.stop(true).await;
    }
}

/// Serves every route of the table, its description, and nothing else.
fn configure(config: &mut ServiceConfig, api: &Arc<Api>) {
    let description = Arc::clone(api);
    let describe = move || {
        let body = description.description.clone();
        async move { HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(body) }
    };
    config.service(page::resource("/v1/openapi.json", describe));
    page::configure(config);
    let mut paths: BTreeMap<usize, (&str, Vec<&'static Route>)> = BTreeMap::new();
    for (at, route) in ROUTES.iter().enumerate() {
        // In the table's order, so that a fixed path stands before one with a part that varies.
        let first = ROUTES.iter().position(|other| other.path == route.path).unwrap_or(at);
        paths.entry(first).or_insert((route.path, Vec::new())).1.push(route);
    }
    for (path, routes) in paths.into_values() {
        let methods = || {
            routes.iter().flat_map(|route| route.method.of_http().iter().map(move |of| (*route, of.clone())))
        };
        let mut resource = web::resource(path);
        for (route, method) in methods() {
            let api = Arc::clone(api);
            let to = move |request: HttpRequest, payload: Payload| {
                front::answer(route, Arc::clone(&api), request, payload)
            };
            resource = resource.route(web::method(method).to(to));
        }
        let allowed: Vec<String> = methods().map(|(_, method)| method.to_string()).collect();
        let allowed = allowed.join(", ");
        config.service(resource.default_service(web::to(move || other_method(allowed.clone()))));
    }
    let absent = || async { Problem::absent("there is no such route; see /v1/openapi.json").response() };
    config.default_service(web::to(absent));
}

/// A method that a path does not take; which it does is said in `Allow` (RFC 9110, 15.5.6).
pub(crate) async fn other_method(allowed: String) -> HttpResponse {
    let mut response = Problem::method().response();
    if let Ok(allowed) = HeaderValue::from_str(&allowed) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}
