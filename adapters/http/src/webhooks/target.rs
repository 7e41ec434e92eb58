//! To whom events go: a name, a participant, an address on the list of hosts. What is not right here is refused before
//! anything is sent. An address is shown by its host alone, for the rest of it may hold a secret.

use std::net::IpAddr;

use feiqian_core::bic::Bic;
use serde::Deserialize;
use ureq::http::Uri;

use super::reach::{Reach, is_public, is_reachable};
use crate::limits::{WEBHOOK_NAME_MAX, WEBHOOK_URL_BYTES_MAX};
use crate::model::State;

/// The hosts that may be told, each in full and in lower case: a name or an IP address, without a port.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hosts {
    /// Those with public addresses.
    pub public: Vec<String>,
    /// Those that may have an address of a private network, or of this machine.
    pub private: Vec<String>,
}

/// Which events a target is told: by what was decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// An amount has moved.
    Cleared,
    /// It is reserved.
    Held,
    /// A payment waits.
    Queued,
    /// Nothing changed.
    Rejected,
    /// A hold was given back.
    Voided,
}

/// Why a target is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TargetFault {
    /// Not a name for a file.
    #[error("webhook {0:?}: a name has 1 to {WEBHOOK_NAME_MAX} of a to z, 0 to 9 and -")]
    Name(String),
    /// The address can't be used.
    #[error("webhook {name}: its url {what}")]
    Url {
        /// The target's name.
        name: String,
        /// What is wrong.
        what: &'static str,
    },
    /// The host is not one of those that may be told.
    #[error(
        "webhook {name}: the host {host} is on neither list in [webhooks]: add it to hosts, or to private_hosts where its \
         address is not public"
    )]
    Host {
        /// The target's name.
        name: String,
        /// The host.
        host: String,
    },
    /// An address that is not public stands among those that are.
    #[error("webhook {name}: {host} is no public address, which in [webhooks] belongs into private_hosts")]
    NotPublic {
        /// The target's name.
        name: String,
        /// The address.
        host: String,
    },
}

/// To whom events go.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    pub(super) name: String,
    pub(super) participant: Bic,
    pub(super) url: Uri,
    pub(super) reach: Reach,
    pub(super) kinds: Vec<EventKind>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Target({} of {} at {})", self.name, self.participant, self.host())
    }
}

impl Target {
    /// A target of a participant's, at an `https` address; at an `http` one on this machine alone. Of no `kinds`, all events
    /// go there.
    ///
    /// # Errors
    /// [`TargetFault`].
    pub fn new(
        (name, participant): (&str, Bic),
        (url, hosts): (&str, &Hosts),
        kinds: Vec<EventKind>,
    ) -> Result<Self, TargetFault> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=WEBHOOK_NAME_MAX).contains(&name.len()) || !name.bytes().all(is_name) {
            return Err(TargetFault::Name(name.chars().take(2 * WEBHOOK_NAME_MAX).collect()));
        }
        let url = parse(url).map_err(|what| TargetFault::Url { name: name.to_owned(), what })?;
        let reach = reach(name, &url, hosts)?;
        Ok(Self { name: name.to_owned(), participant, url, reach, kinds })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose events it is told.
    #[must_use]
    pub const fn participant(&self) -> Bic {
        self.participant
    }

    /// The host of its address.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host().unwrap_or_default()
    }

    /// Whether it is told over TLS.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.url.scheme_str() == Some("https")
    }

    /// Whether it is told what was decided so.
    pub(super) fn wants(&self, outcome: Option<State>) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|kind| outcome == Some(kind.state()))
    }
}

impl EventKind {
    const fn state(self) -> State {
        match self {
            Self::Cleared => State::Cleared,
            Self::Held => State::Held,
            Self::Queued => State::Queued,
            Self::Rejected => State::Rejected,
            Self::Voided => State::Voided,
        }
    }
}

fn parse(text: &str) -> Result<Uri, &'static str> {
    if text.len() > WEBHOOK_URL_BYTES_MAX {
        return Err("is longer than 2,048 bytes");
    }
    if text.contains('#') {
        return Err("has a fragment, which is sent to nobody");
    }
    let url: Uri = text.parse().map_err(|_| "can't be read")?;
    let authority = url.authority().ok_or("must begin with https:// and a host")?;
    if authority.as_str().contains('@') {
        return Err("has a user or a password: they would be sent in clear text to whoever answers there");
    }
    match url.scheme_str() {
        Some("https" | "http") if !authority.host().is_empty() => Ok(url),
        _ => Err("must begin with https:// and a host"),
    }
}

/// Where its connections may lead.
fn reach(name: &str, url: &Uri, hosts: &Hosts) -> Result<Reach, TargetFault> {
    let host = url.host().unwrap_or_default().to_ascii_lowercase();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let address: Option<IpAddr> = host.parse().ok();
    let is_listed = |list: &[String]| list.contains(&host);
    let (is_private, is_plain) = (is_listed(&hosts.private), url.scheme_str() == Some("http"));
    if !is_private && !is_listed(&hosts.public) {
        return Err(TargetFault::Host { name: name.to_owned(), host });
    }
    let is_loopback = address.map_or(host == "localhost", |address| address.is_loopback());
    let reach = match (is_plain, is_private) {
        (true, _) if !is_loopback => {
            let what = "must begin with https:// unless its host is localhost or a loopback address";
            return Err(TargetFault::Url { name: name.to_owned(), what });
        }
        (true, true) => Reach::Loopback,
        (false, true) => Reach::Private,
        (_, false) => Reach::Public,
    };
    match address {
        Some(address) if !is_reachable(reach, address) && reach == Reach::Public && !is_public(address) => {
            Err(TargetFault::NotPublic { name: name.to_owned(), host })
        }
        Some(address) if !is_reachable(reach, address) => {
            let what = "is of no machine that could be told";
            Err(TargetFault::Url { name: name.to_owned(), what })
        }
        _ if host == "localhost" && reach == Reach::Public => {
            Err(TargetFault::NotPublic { name: name.to_owned(), host })
        }
        _ => Ok(reach),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<Target, TargetFault> {
        let list = |all: &[&str]| all.iter().map(|host| (*host).to_owned()).collect();
        let hosts = Hosts {
            public: list(&["hooks.bank.example", "192.168.0.1", "8.8.8.8", "localhost"]),
            private: list(&[
                "127.0.0.1",
                "::1",
                "10.0.0.7",
                "hooks.bank.internal",
                "169.254.169.254",
                "0.0.0.0",
            ]),
        };
        let bic = Bic::parse("BNKAXXAAXXX").expect("a BIC");
        Target::new(("bank-a", bic), (url, &hosts), Vec::new())
    }

    #[test]
    fn only_listed_hosts_are_told_over_tls_unless_they_are_on_this_machine() {
        let rows = [
            ("https://hooks.bank.example/a?b=c", Some(Reach::Public)),
            ("https://HOOKS.bank.example:8443/", Some(Reach::Public)),
            ("https://8.8.8.8/", Some(Reach::Public)),
            ("https://hooks.bank.internal/", Some(Reach::Private)),
            ("https://10.0.0.7/", Some(Reach::Private)),
            ("http://127.0.0.1:9000/", Some(Reach::Loopback)),
            ("http://[::1]:9000/", Some(Reach::Loopback)),
            ("http://hooks.bank.example/", None),
            ("http://10.0.0.7/", None),
            ("http://hooks.bank.internal/", None),
            ("https://192.168.0.1/", None),
            ("https://localhost/", None),
            ("https://169.254.169.254/latest", None),
            ("https://0.0.0.0/", None),
            ("https://evil.example/", None),
            ("https://hooks.bank.example.evil.example/", None),
            ("https://hooks.bank.example@evil.example/", None),
            ("https://hooks.bank.example:secret@hooks.bank.example/", None),
            ("https://hooks.bank.example./", None),
            ("https://127.0.0.2/", None),
            ("https://2130706433/", None),
            ("ftp://hooks.bank.example/", None),
            ("hooks.bank.example", None),
            ("https:///path", None),
            ("/path", None),
            ("", None),
            ("https://hooks.bank.example/#part", None),
        ];
        for (url, expected) in rows {
            let found = target(url);
            assert_eq!(found.as_ref().ok().map(|target| target.reach), expected, "{url}: {found:?}");
        }
    }

    #[test]
    fn what_is_refused_is_said_without_the_secrets_of_an_address() {
        let text = target("https://evil.example/token-4711").expect_err("refused").to_string();
        assert!(text.contains("bank-a") && text.contains("evil.example") && text.contains("hosts"), "{text}");
        let shown = format!("{:?}", target("https://hooks.bank.example/token-4711").expect("a target"));
        for text in [&text, &shown] {
            assert!(!text.contains("4711"), "{text}");
        }
        for name in ["", "../a", "A", "a b", "abcdefghijklmnopqrstuvwxyz-0123456"] {
            let bic = Bic::parse("BNKAXXAAXXX").expect("a BIC");
            let refused = Target::new((name, bic), ("https://a.example", &Hosts::default()), Vec::new());
            assert!(matches!(refused, Err(TargetFault::Name(_))), "{name}");
        }
    }
}
