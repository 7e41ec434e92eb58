//! `/log/…`: the log of blocks as static files (C2SP tlog-tiles with the prefix `/log`). Reads files of the log's folder
//! by their own names alone, so no path leads elsewhere; changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use feiqian_proof::tiles::TileId;
use feiqian_runtime::stores::LOG_DIRECTORY;

/// Files that change, and what they are.
const TEXTS: [&str; 3] = ["checkpoint", "witnessed", "key"];
const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";
/// A new checkpoint comes with each block.
const FRESH: &str = "no-cache";
/// A tile never changes.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// The folder of the log.
#[derive(Clone, Debug)]
pub(super) struct Files(Arc<PathBuf>);

impl Files {
    /// Of a data directory.
    pub(super) fn of(data: &Path) -> Self {
        Self(Arc::new(data.join(LOG_DIRECTORY)))
    }

    /// Adds the route.
    pub(super) fn configure(self, config: &mut web::ServiceConfig) {
        config.route(
            "/log/{name:.+}",
            web::get().to(move |name: web::Path<String>| self.clone().answer(name.into_inner())),
        );
    }

    async fn answer(self, name: String) -> HttpResponse {
        // Whatever is no name of the log's is not looked for.
        let (name, kind, caching) = match TEXTS.iter().find(|text| **text == name) {
            Some(text) => ((*text).to_owned(), TEXT, FRESH),
            None => match TileId::parse(&name) {
                Some(tile) => (tile.to_string(), BYTES, FOREVER),
                None => return HttpResponse::NotFound().finish(),
            },
        };
        let path = self.0.join(name);
        match web::block(move || std::fs::read(path)).await {
            Ok(Ok(bytes)) => HttpResponse::Ok()
                .insert_header((CONTENT_TYPE, kind))
                .insert_header((CACHE_CONTROL, caching))
                .body(bytes),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                HttpResponse::NotFound().finish()
            }
            _ => HttpResponse::InternalServerError().finish(),
        }
    }
}
