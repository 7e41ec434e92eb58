//! Where a connection may lead, whatever a name resolves to. The addresses that are looked at are those that are connected
//! to: nobody can show one and have another taken.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Which addresses a target may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reach {
    /// Public ones.
    Public,
    /// Those of private networks and of this machine too.
    Private,
    /// Those of this machine.
    Loopback,
}

/// A name leads where its target may not be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the name leads to an address that its list of hosts does not allow")]
pub(super) struct OutOfReach;

/// Resolves names, and refuses those of which any address is out of reach.
#[derive(Debug)]
pub(super) struct GuardedResolver {
    inner: DefaultResolver,
    reach: Reach,
}

impl GuardedResolver {
    pub(super) fn new(reach: Reach) -> Self {
        Self { inner: DefaultResolver::default(), reach }
    }
}

impl Resolver for GuardedResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.inner.resolve(uri, config, timeout).map_err(|error| match error {
            // The system's words for it are no kind of error that could be told.
            Error::Io(_) => Error::HostNotFound,
            error => error,
        })?;
        match found.iter().all(|address| is_reachable(self.reach, address.ip())) {
            true => Ok(found),
            false => Err(Error::Other(Box::new(OutOfReach))),
        }
    }
}

/// Whether an address is within reach.
pub(super) fn is_reachable(reach: Reach, address: IpAddr) -> bool {
    let address = address.to_canonical();
    match reach {
        Reach::Public => is_public(address),
        Reach::Private => !is_nobody(address),
        Reach::Loopback => address.is_loopback(),
    }
}

/// Addresses of no machine, of several, or of whatever is on the same wire: the metadata of cloud providers among them.
fn is_nobody(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets()[0] == 0 || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast(),
        IpAddr::V6(v6) => {
            v6.is_unspecified() || v6.is_unicast_link_local() || v6.is_multicast() || translated(v6).is_some()
        }
    }
}

/// Whether an address is one of the internet's.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match translated(v6) {
            Some(v4) => is_public_v4(v4),
            None => is_public_v6(v6),
        },
    }
}

/// The blocks of IANA's registry of special-purpose addresses that are not globally reachable (RFC 6890).
fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224.., ..)
    )
}

/// Global unicast without what is set apart in it: protocol assignments and Teredo, documentation, 6to4.
fn is_public_v6(v6: Ipv6Addr) -> bool {
    let [a, b, ..] = v6.segments();
    let is_special = matches!((a, b), (0x2001, 0..=0x01ff | 0x0db8) | (0x2002, _) | (0x3fff, 0..=0x0fff));
    (a & 0xe000) == 0x2000 && !is_special
}

/// The IPv4 address behind a translator's well-known prefix (RFC 6052).
fn translated(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn no_special_address_passes_for_a_public_one_in_any_writing() {
        let special = [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for text in special {
            assert!(!is_public(address(text)), "{text}");
        }
        let public = [
            "8.8.8.8",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.3.1",
            "198.20.0.1",
            "2606:4700::1",
            "64:ff9b::808:808",
        ];
        for text in public {
            assert!(is_public(address(text)), "{text}");
        }
    }

    #[test]
    fn a_private_host_is_still_no_neighbour_on_the_wire() {
        for text in ["10.0.0.1", "127.0.0.1", "fd00::1", "::1", "8.8.8.8"] {
            assert!(is_reachable(Reach::Private, address(text)), "{text}");
        }
        for text in ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1"] {
            assert!(!is_reachable(Reach::Private, address(text)), "{text}");
        }
        assert!(is_reachable(Reach::Loopback, address("127.0.0.1")));
        assert!(!is_reachable(Reach::Loopback, address("10.0.0.1")));
    }
}
