//! The files that say who may call: read at the start, and again whenever one of them has changed. What can't be read is
//! told and counted, and the last good reading stays in force.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix_web::{rt, web};
use feiqian_http::Identify;
use feiqian_identity::tls::Tls;
use feiqian_identity::{Identities, IdentityFile};
use metrics::counter;
use rustls::ServerConfig;

use crate::config::ApiConfig;
use crate::fault::Fault;
use crate::output::Output;
use crate::session::now;

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(5);

/// Who may call, by files.
#[derive(Clone)]
pub(super) struct Credentials {
    identities: Option<Arc<IdentityFile>>,
    tls: Option<Arc<Tls>>,
    files: Vec<PathBuf>,
    /// As they were before they were first read.
    first: Vec<Mark>,
}

/// What tells that a file is another one: its time in seconds and nanoseconds, its length and its place on the disk.
type Mark = Option<(i64, i64, u64, u64)>;

impl Credentials {
    /// Reads them for the first time. Where no file of identities is named, nobody is answered.
    pub(super) fn open(config: &ApiConfig, data: &Path) -> Result<Self, Fault> {
        let (file, of_tls) = (config.identities(data), config.tls(data));
        let mut files: Vec<_> = file.clone().into_iter().collect();
        files.extend(of_tls.iter().flat_map(|files| files.all().map(Path::to_path_buf)));
        let first = marks(&files);
        let identities = file.map(|file| IdentityFile::open(file, now() / 1_000_000_000)).transpose();
        let identities = identities.map_err(|fault| Fault::Usage(fault.to_string()))?;
        let tls = of_tls.map(Tls::open).transpose();
        let tls = tls.map_err(|fault| Fault::Usage(format!("[api] {fault}")))?;
        Ok(Self { identities: identities.map(Arc::new), tls, files, first })
    }

    pub(super) fn identify(&self) -> Arc<dyn Identify> {
        match &self.identities {
            Some(file) => Arc::<IdentityFile>::clone(file),
            None => Arc::new(Identities::nobody()),
        }
    }

    pub(super) fn server_config(&self) -> Result<Option<ServerConfig>, Fault> {
        let config = self.tls.as_ref().map(Tls::config).transpose();
        config.map_err(|fault| Fault::Usage(format!("[api] {fault}")))
    }

    /// Looks at the files again and again; for ever.
    pub(super) async fn follow(self, output: Output) {
        let mut last = self.first.clone();
        loop {
            rt::time::sleep(LOOK).await;
            let credentials = self.clone();
            let Ok((marks, read)) = web::block(move || credentials.look(last)).await else { return };
            last = marks;
            let Some(read) = read else { continue };
            let outcome = if read.is_ok() { "taken" } else { "refused" };
            counter!("feiqian_api_credentials_read_total", "outcome" => outcome).increment(1);
            if let Err(fault) = read {
                output.fault(&format_args!("[api] {fault}; what was read before stays in force"));
            }
        }
    }

    /// Reads all again if one is another than at the last look.
    fn look(&self, last: Vec<Mark>) -> (Vec<Mark>, Option<Result<(), String>>) {
        let marks = marks(&self.files);
        if marks == last {
            return (last, None);
        }
        let of_file = self.identities.as_ref().map_or(Ok(()), |file| file.read_again());
        let of_tls = self.tls.as_ref().map_or(Ok(()), |tls| tls.read_again());
        let read = of_file.map_err(|fault| fault.to_string()).and(of_tls.map_err(|fault| fault.to_string()));
        (marks, Some(read))
    }
}

fn marks(files: &[PathBuf]) -> Vec<Mark> {
    let mark = |file: &PathBuf| {
        let found = std::fs::metadata(file).ok()?;
        Some((found.mtime(), found.mtime_nsec(), found.len(), found.ino()))
    };
    files.iter().map(mark).collect()
}
