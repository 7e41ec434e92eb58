//! The page that shows the description to people, at `/v1/docs`. One file with its script and its colours: it loads
//! nothing from anywhere else.

use std::future::Future;

use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{self, ServiceConfig};
use actix_web::{Handler, HttpResponse, Resource};

use crate::server::other_method;

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");
/// Nothing but this server's own, and no one else's frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

pub(crate) fn configure(config: &mut ServiceConfig) {
    let page = || async { text("text/html; charset=utf-8", PAGE) };
    let script = || async { text("text/javascript; charset=utf-8", SCRIPT) };
    config.service(resource("/v1/docs", page)).service(resource("/v1/docs/page.js", script));
}

/// What everybody may read, by GET and by HEAD.
pub(crate) fn resource<H, F>(path: &str, read: H) -> Resource
where
    H: Handler<(), Output = HttpResponse, Future = F> + Clone,
    F: Future<Output = HttpResponse> + 'static,
{
    let other = || other_method("GET, HEAD".to_owned());
    let read = web::resource(path).route(web::get().to(read.clone())).route(web::head().to(read));
    read.default_service(web::to(other))
}

fn text(kind: &str, body: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, kind))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(body)
}
