//! Where a participant may have itself told: the beginnings of addresses that the operator has named for it. An address that
//! a receiver could read as another than it looks is under none.

use feiqian_core::bic::Bic;
use ureq::http::Uri;

use super::target::{Hosts, Target, TargetFault};

/// The beginning of addresses: a scheme, a host with its port, and the first parts of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prefix {
    origin: Origin,
    path: String,
}

/// Scheme, host in lower case, and port.
type Origin = (String, String, Option<u16>);

impl Prefix {
    /// The prefix that a text says, on one of the hosts that may be told.
    ///
    /// # Errors
    /// [`TargetFault`] as of a target at this address, under the participant's name.
    pub fn new(participant: Bic, text: &str, hosts: &Hosts) -> Result<Self, TargetFault> {
        let target = Target::new(("prefix", participant), (text, hosts), Vec::new());
        let target = target.map_err(|fault| fault.of(participant.to_string()))?;
        let what = |what| TargetFault::Url { name: participant.to_string(), what };
        if target.url.query().is_some() {
            return Err(what("has a query, which no beginning of an address ends with"));
        }
        match is_plain(target.url.path()) {
            true => Ok(Self { origin: origin(&target.url), path: target.url.path().to_owned() }),
            false => Err(what(NOT_PLAIN)),
        }
    }

    /// Whether an address begins with it, part by part.
    pub(super) fn covers(&self, url: &Uri) -> bool {
        let rest = url.path().strip_prefix(&self.path);
        let is_under =
            rest.is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'));
        is_under && is_plain(url.path()) && origin(url) == self.origin
    }
}

/// Why a path is none that could be compared.
pub(super) const NOT_PLAIN: &str = "has a path with . or .. or an encoded dot, slash or backslash in it";

fn origin(url: &Uri) -> Origin {
    let scheme = url.scheme_str().unwrap_or_default().to_owned();
    let usual = if scheme == "http" { 80 } else { 443 };
    let host = url.host().unwrap_or_default().to_ascii_lowercase();
    (scheme, host, Some(url.port_u16().unwrap_or(usual)))
}

/// Whether a path means what it says to every server.
pub(super) fn is_plain(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let is_hidden = ["%2e", "%2f", "%5c", "\\"].iter().any(|hidden| lower.contains(hidden));
    !is_hidden && !path.split('/').any(|part| part == "." || part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bank() -> Bic {
        Bic::parse("BNKAXXAAXXX").expect("a BIC")
    }

    fn hosts() -> Hosts {
        Hosts { public: vec!["hooks.bank.example".to_owned()], private: vec!["127.0.0.1".to_owned()] }
    }

    #[test]
    fn an_address_is_covered_part_by_part_and_by_its_origin() {
        let prefix = |text| Prefix::new(bank(), text, &hosts()).expect("a prefix");
        let rows = [
            ("https://hooks.bank.example/a", "https://hooks.bank.example/a", true),
            ("https://hooks.bank.example/a", "https://HOOKS.bank.example:443/a/b?c=d", true),
            ("https://hooks.bank.example/a", "https://hooks.bank.example/a?c=d", true),
            ("https://hooks.bank.example/a", "https://hooks.bank.example/ab", false),
            ("https://hooks.bank.example/a", "https://hooks.bank.example/", false),
            ("https://hooks.bank.example/a/", "https://hooks.bank.example/a/b", true),
            ("https://hooks.bank.example/a/", "https://hooks.bank.example/a", false),
            ("https://hooks.bank.example", "https://hooks.bank.example/any", true),
            ("https://hooks.bank.example", "https://hooks.bank.example:8443/any", false),
            ("https://hooks.bank.example", "https://hooks.bank.example.evil.example/", false),
            ("https://hooks.bank.example/a", "https://hooks.bank.example/a/../b", false),
            ("https://hooks.bank.example/a", "https://hooks.bank.example/a/%2E%2e/b", false),
            ("https://hooks.bank.example/a", "https://hooks.bank.example/a%2fb", false),
            ("https://hooks.bank.example/a", "https://hooks.bank.example/a/%5c../b", false),
            ("http://127.0.0.1:9000/", "http://127.0.0.1:9000/a", true),
            ("http://127.0.0.1:9000/", "http://127.0.0.1:9001/a", false),
            ("http://127.0.0.1:9000/", "https://127.0.0.1:9000/a", false),
        ];
        for (beginning, url, expected) in rows {
            let url: Uri = url.parse().expect("an address");
            assert_eq!(prefix(beginning).covers(&url), expected, "{beginning} {url}");
        }
    }

    #[test]
    fn a_prefix_is_on_a_listed_host_and_plain() {
        for text in [
            "https://evil.example/",
            "http://hooks.bank.example/",
            "https://hooks.bank.example/?a=b",
            "https://hooks.bank.example/a/../b",
            "hooks.bank.example",
        ] {
            let refused = Prefix::new(bank(), text, &hosts()).expect_err(text).to_string();
            assert!(refused.contains("BNKAXXAAXXX"), "{refused}");
        }
    }
}
