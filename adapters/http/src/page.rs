//! The page that shows the description to people, at `/v1/docs`. One file with its script and its colours: it loads
//! nothing from anywhere else.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{self, ServiceConfig};

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");
/// Nothing but this server's own, and no one else's frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

pub(crate) fn configure(config: &mut ServiceConfig) {
    let page = || async { text("text/html; charset=utf-8", PAGE) };
    let script = || async { text("text/javascript; charset=utf-8", SCRIPT) };
    config.route("/v1/docs", web::get().to(page)).route("/v1/docs/page.js", web::get().to(script));
}

fn text(kind: &str, body: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, kind))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(body)
}
