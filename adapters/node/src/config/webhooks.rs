//! `[webhooks]`: which hosts may be told, and a `[[webhooks.target]]` for each address that is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use feiqian_core::bic::Bic;
use feiqian_http::webhooks::desk::DeskOptions;
use feiqian_http::webhooks::prefix::Prefix;
use feiqian_http::webhooks::target::{EventKind, Hosts, Target};
use feiqian_http::webhooks::{Retry, WebhookFault, WebhookOptions};
use serde::Deserialize;

use super::{Rule, is_milliseconds, one_to_minute};
use crate::fault::Fault;

/// More of one participant's would leave the others few of all that may be.
const REGISTERED_MAX: usize = 16;
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
    /// Webhooks that each participant under `registered` may register.
    pub registered_max: usize,
    /// Beginnings of addresses under which participants may register webhooks of their own, by BIC.
    pub registered: BTreeMap<String, Vec<String>>,
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
            registered_max: 4,
            registered: BTreeMap::new(),
            target: Vec::new(),
        }
    }
}

impl WebhooksConfig {
    pub(super) fn rules(&self) -> Vec<Rule> {
        let is_number = (1..=REGISTERED_MAX).contains(&self.registered_max);
        vec![
            ("webhooks", "request_timeout_ms", is_milliseconds(self.request_timeout_ms), one_to_minute()),
            ("webhooks", "registered_max", is_number, format!("1 to {REGISTERED_MAX}")),
        ]
    }

    /// Where the places of targets are kept.
    #[must_use]
    pub fn directory(data: &Path) -> PathBuf {
        data.join(FOLDER)
    }

    /// Where participants may register.
    fn desk(&self, hosts: Hosts) -> Result<DeskOptions, Fault> {
        let mut prefixes: BTreeMap<Bic, Vec<Prefix>> = BTreeMap::new();
        for (participant, texts) in &self.registered {
            for text in texts {
                let (bic, prefix) = prefix(participant, text, &hosts)?;
                prefixes.entry(bic).or_default().push(prefix);
            }
        }
        Ok(DeskOptions { hosts, prefixes, each_max: self.registered_max })
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
            desk: self.desk(hosts)?,
            directory: Self::directory(data),
            roots: has_roots.then(|| data.join(&self.roots)),
            timeout: Duration::from_millis(self.request_timeout_ms),
            retry: Retry::default(),
        };
        options.check().map_err(|fault| Fault::from(&fault))?;
        Ok(options)
    }
}

/// A beginning of an address, with its place in errors.
fn prefix(participant: &str, text: &str, hosts: &Hosts) -> Result<(Bic, Prefix), Fault> {
    let usage = |what: &dyn std::fmt::Display| Fault::Usage(format!("registered in [webhooks]: {what}"));
    let bic =
        Bic::parse(participant).map_err(|error| usage(&format!("participant {participant}: {error}")))?;
    let prefix = Prefix::new(bic, text, hosts).map_err(|fault| usage(&fault))?;
    Ok((bic, prefix))
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
            WebhookFault::Place { .. } | WebhookFault::Book(_) | WebhookFault::Thread { .. } => {
                Self::File(fault.to_string())
            }
            _ => Self::Usage(fault.to_string()),
        }
    }
}
