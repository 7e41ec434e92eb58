//! `[webhooks]`: which hosts may be told, and a `[[webhooks.target]]` for each address that is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use feiqian_core::bic::Bic;
use feiqian_http::webhooks::target::{EventKind, Hosts, Target};
use feiqian_http::webhooks::{Retry, WebhookFault, WebhookOptions};
use serde::Deserialize;

use super::{Rule, is_milliseconds, one_to_minute};
use crate::fault::Fault;

/// Where places are kept, in the data directory.
const FOLDER: &str = "webhooks";

/// `[webhooks]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhooksConfig {
    /// Hosts with public addresses.
    pub hosts: Vec<String>,
    /// Hosts that may have others.
    pub private_hosts: Vec<String>,
    /// Path of a PEM file, relative to the data directory.
    pub roots: PathBuf,
    /// Milliseconds.
    pub request_timeout_ms: u64,
    /// Who is told; nobody by default.
    pub target: Vec<TargetConfig>,
}

/// `[[webhooks.target]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetConfig {
    /// For reports, errors and files.
    pub name: String,
    /// BIC.
    pub participant: String,
    /// Its address.
    pub url: String,
    /// Which events; all by default.
    #[serde(default)]
    pub kinds: Vec<EventKind>,
}

impl Default for WebhooksConfig {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            private_hosts: Vec::new(),
            roots: PathBuf::new(),
            request_timeout_ms: 10_000,
            target: Vec::new(),
        }
    }
}

impl WebhooksConfig {
    pub(super) fn rules(&self) -> Vec<Rule> {
        vec![("webhooks", "request_timeout_ms", is_milliseconds(self.request_timeout_ms), one_to_minute())]
    }

    /// Where the places of targets are kept.
    #[must_use]
    pub fn directory(data: &Path) -> PathBuf {
        data.join(FOLDER)
    }

    /// Who is told, and how.
    ///
    /// # Errors
    /// [`Fault::Usage`] naming the target, and what is wrong with it.
    pub fn options(&self, data: &Path) -> Result<WebhookOptions, Fault> {
        let hosts = Hosts { public: self.hosts.clone(), private: self.private_hosts.clone() };
        let targets = self.target.iter().map(|target| target.read(&hosts)).collect::<Result<_, _>>()?;
        let has_roots = !self.roots.as_os_str().is_empty();
        let options = WebhookOptions {
            targets,
            directory: Self::directory(data),
            roots: has_roots.then(|| data.join(&self.roots)),
            timeout: Duration::from_millis(self.request_timeout_ms),
            retry: Retry::default(),
        };
        options.check().map_err(|fault| Fault::from(&fault))?;
        Ok(options)
    }
}

impl TargetConfig {
    fn read(&self, hosts: &Hosts) -> Result<Target, Fault> {
        let participant = Bic::parse(&self.participant).map_err(|error| {
            Fault::Usage(format!(
                "[[webhooks.target]] {}: participant {}: {error}",
                self.name, self.participant
            ))
        })?;
        let read = Target::new((&self.name, participant), (&self.url, hosts), self.kinds.clone());
        read.map_err(|fault| Fault::Usage(format!("[[webhooks.target]]: {fault}")))
    }
}

impl From<&WebhookFault> for Fault {
    fn from(fault: &WebhookFault) -> Self {
        match fault {
            WebhookFault::Place { .. } | WebhookFault::Thread { .. } => Self::File(fault.to_string()),
            _ => Self::Usage(fault.to_string()),
        }
    }
}
