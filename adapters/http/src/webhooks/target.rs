//! To whom events go: a name, a participant, an address on the list of hosts. What is not right here is refused before
//! anything is sent. An address is shown by its host alone, for the rest of it may hold a secret.

use std::net::IpAddr;

use feiqian_core::bic::Bic;
use serde::{Deserialize, Serialize};
use ureq::http::Uri;
use utoipa::ToSchema;

use super::reach::{Reach, is_public, is_reachable};
use crate::limits::{WEBHOOK_NAME_MAX, WEBHOOK_URL_BYTES_MAX};
use crate::model::{State, words};

/// The hosts that may be told, each in full and in lower case: a name or an IP address, without a port.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hosts {
    /// Those with public addresses.
    pub public: Vec<String>,
    /// Those that may have an address of a private network, or of this machine.
    pub private: Vec<String>,
}

/// Which events a target is told: by what was decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case", remote = "Self")]
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

words!(EventKind);

impl Serialize for EventKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
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

impl TargetFault {
    /// The same, said of another name.
    pub(super) fn of(self, name: String) -> Self {
        match self {
            Self::Name(_) => Self::Name(name),
            Self::Url { what, .. } => Self::Url { name, what },
            Self::Host { host, .. } => Self::Host { name, host },
            Self::NotPublic { host, .. } => Self::NotPublic { name, host },
        }
    }
}

/// To whom events go.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    pub(super) name: String,
    pub(super) participant: Bic,
    pub(super) url: Uri,
    pub(super) reach: Reach,
    pub(super) kinds: Vec<EventKind>,
    /// None of one that the operator has named.
    registered: Option<Enrolment>,
}

/// What one that its participant has registered is told apart by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Enrolment {
    /// Given once and never again: names its files, and its requests.
    pub(super) number: u64,
    /// Its place among the participant's, from 1: what is counted of it goes by that, for names come and go.
    pub(super) slot: usize,
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
        Ok(Self { name: name.to_owned(), participant, url, reach, kinds, registered: None })
    }

    /// The same, registered by its participant.
    pub(super) fn registered(self, as_what: Enrolment) -> Self {
        Self { registered: Some(as_what), ..self }
    }

    /// What its files are called.
    pub(super) fn file_name(&self) -> String {
        self.registered.map_or_else(|| self.name.clone(), |own| own.number.to_string())
    }

    /// What it is counted by.
    pub(super) fn label(&self) -> String {
        match self.registered {
            None => self.name.clone(),
            Some(own) => format!("{}/{}", self.participant, own.slot),
        }
    }

    /// What the operator knows it by.
    pub(super) fn shown(&self) -> String {
        match self.registered {
            None => self.name.clone(),
            Some(_) => format!("{}/{}", self.participant, self.name),
        }
    }

    /// The id of a request that tells this range: of one webhook and no other, though it had the same name.
    pub(super) fn request_id(&self, first: u64, last: u64) -> String {
        let (participant, name) = (self.participant, &self.name);
        match self.registered {
            None => format!("{participant}.{name}.{first}-{last}"),
            Some(own) => format!("{participant}.{name}.{}.{first}-{last}", own.number),
        }
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
