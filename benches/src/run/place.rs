//! Where a load goes and as whom: addresses of both protocols, and the keys of the participants that it speaks for.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use feiqian_core::bic::Bic;
use feiqian_identity::api_key::ApiKey;
use feiqian_proof::signature::SigningKey;
use feiqian_wire::Address;
use feiqian_wire::client::{Client, Credentials};

use super::http::connection::{Caller, Connection};
use super::load::LoadFault;
use crate::workload::layout::{bic, test_api_key, test_participant_key};
use crate::workload::{Door, PARTICIPANTS_MAX};

/// What names an address of the JSON API.
const SCHEME: &str = "http://";

/// The address of a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// Of the bulk protocol.
    Wire(Address),
    /// Of the JSON API.
    Http(SocketAddr),
}

impl Place {
    /// Through which door it lets transfers in.
    #[must_use]
    pub const fn door(&self) -> Door {
        match self {
            Self::Wire(_) => Door::Wire,
            Self::Http(_) => Door::Http,
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("https://") {
            return Err(format!(
                "{text:?}: a load speaks no TLS; name a listener without it, {SCHEME}HOST:PORT"
            ));
        }
        let Some(rest) = text.strip_prefix(SCHEME) else {
            return text
                .parse()
                .map(Self::Wire)
                .map_err(|fault: feiqian_wire::address::NoAddress| fault.to_string());
        };
        let found =
            rest.strip_suffix('/').unwrap_or(rest).to_socket_addrs().ok().and_then(|mut all| all.next());
        found.map(Self::Http).ok_or_else(|| format!("{text:?} is no address: write {SCHEME}127.0.0.1:9472"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wire(address) => write!(f, "{address}"),
            Self::Http(address) => write!(f, "{SCHEME}{address}"),
        }
    }
}

/// As whom a load speaks to a server that runs.
#[derive(Clone, Debug)]
pub enum Keys {
    /// As those whose keys lie in a folder: `BIC.key`, 64 hexadecimal digits each; for the JSON API `BIC.api-key`, an API
    /// key each.
    Folder(PathBuf),
    /// As the participants of a load's own server; where the server does not know the first of those, as these, whose keys
    /// the bulk protocol knows and the JSON API does not.
    Known(Vec<Credentials>),
}

/// Where sessions connect to, and as whom: by participant, in the layout's order.
#[derive(Clone, Debug)]
pub enum Server {
    /// The bulk protocol.
    Wire {
        /// The address.
        address: Address,
        /// The participants.
        credentials: Vec<Credentials>,
    },
    /// The JSON API.
    Http {
        /// The address.
        address: SocketAddr,
        /// A caller of each participant.
        callers: Vec<Caller>,
    },
}

/// A session's connection.
#[derive(Debug)]
pub(super) enum Line {
    Wire(Box<Client>),
    Http(Box<Connection>),
}

impl Server {
    /// The participants of a load's own server.
    #[must_use]
    pub fn own(place: &Place, participants: u32) -> Self {
        let all = 0..participants;
        match place {
            Place::Wire(address) => Self::Wire {
                address: address.clone(),
                credentials: all
                    .map(|at| Credentials { bic: bic(at), key: test_participant_key(at) })
                    .collect(),
            },
            Place::Http(address) => Self::Http {
                address: *address,
                callers: all.map(|at| Caller { bic: bic(at), key: test_api_key(at) }).collect(),
            },
        }
    }

    /// Groups of participants of whom those of the first that is known there are spoken for.
    pub(super) fn groups(place: &Place, keys: &Keys) -> Result<Vec<Self>, LoadFault> {
        Ok(match (place, keys) {
            (Place::Wire(address), Keys::Folder(folder)) => {
                vec![Self::Wire { address: address.clone(), credentials: wire_keys(folder)? }]
            }
            (Place::Wire(address), Keys::Known(known)) => {
                let known = Self::Wire { address: address.clone(), credentials: known.clone() };
                vec![Self::own(place, PARTICIPANTS_MAX), known]
            }
            (Place::Http(address), Keys::Folder(folder)) => {
                vec![Self::Http { address: *address, callers: api_keys(folder)? }]
            }
            (Place::Http(_), Keys::Known(_)) => vec![Self::own(place, PARTICIPANTS_MAX)],
        })
    }

    /// The address.
    #[must_use]
    pub fn place(&self) -> Place {
        match self {
            Self::Wire { address, .. } => Place::Wire(address.clone()),
            Self::Http { address, .. } => Place::Http(*address),
        }
    }

    /// The participants.
    pub(super) fn bics(&self) -> Vec<Bic> {
        match self {
            Self::Wire { credentials, .. } => credentials.iter().map(|one| one.bic).collect(),
            Self::Http { callers, .. } => callers.iter().map(|one| one.bic).collect(),
        }
    }

    /// Speaks for the first participants alone.
    pub(super) fn keep(&mut self, participants: usize) {
        match self {
            Self::Wire { credentials, .. } => credentials.truncate(participants),
            Self::Http { callers, .. } => callers.truncate(participants),
        }
    }

    /// Connects as a participant, and proves to be it.
    pub(super) async fn connect(&self, participant: usize) -> Result<Line, String> {
        let absent = || "no such participant".to_owned();
        match self {
            Self::Wire { address, credentials } => {
                let one = credentials.get(participant).ok_or_else(absent)?;
                let client = Client::connect(address, one).await.map_err(|fault| fault.to_string())?;
                Ok(Line::Wire(Box::new(client)))
            }
            Self::Http { address, callers } => {
                let one = callers.get(participant).ok_or_else(absent)?;
                Connection::open(*address, one).await.map(|line| Line::Http(Box::new(line)))
            }
        }
    }
}

/// `BIC.key` files with 64 hexadecimal digits each.
fn wire_keys(folder: &Path) -> Result<Vec<Credentials>, LoadFault> {
    let what = "a key file holds 64 lower-case hexadecimal digits and nothing else";
    let read =
        |bic, text: &str| secret_of(text).map(|key| Credentials { bic, key: SigningKey::from_bytes(&key) });
    keys(folder, (".key", what), read)
}

/// `BIC.api-key` files with an API key each.
fn api_keys(folder: &Path) -> Result<Vec<Caller>, LoadFault> {
    let what = "such a file holds an API key, as `feiqian keys api` shows it, and nothing else";
    keys(folder, (".api-key", what), |bic, text| ApiKey::parse(text).ok().map(|key| Caller { bic, key }))
}

/// What `read` makes of each file `BIC` and `ending`, ascending by BIC; `what` such a file holds.
fn keys<T>(
    folder: &Path,
    (ending, what): (&str, &str),
    read: impl Fn(Bic, &str) -> Option<T>,
) -> Result<Vec<T>, LoadFault> {
    let fault = |text: String| LoadFault::File(format!("{}: {text}", folder.display()));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| fault(error.to_string()))? {
        let path = entry.map_err(|error| fault(error.to_string()))?.path();
        let code = path.file_name().and_then(|name| name.to_str()?.strip_suffix(ending));
        let Some(bic) = code.and_then(|code| Bic::parse(code).ok()) else { continue };
        let text = std::fs::read_to_string(&path).map_err(|error| fault(error.to_string()))?;
        let one = read(bic, text.trim_end());
        found.push((bic, one.ok_or_else(|| fault(format!("{}{ending}: {what}", bic.as_str())))?));
    }
    found.sort_by_key(|(bic, _)| *bic);
    match found.is_empty() {
        true => Err(fault(format!("no BIC{ending} in it"))),
        false => Ok(found.into_iter().map(|(_, one)| one).collect()),
    }
}

fn secret_of(text: &str) -> Option<[u8; 32]> {
    let mut secret = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in secret.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_of_the_api_by_its_scheme_and_written_as_it_is_read() {
        for (text, door) in [
            ("127.0.0.1:9471", Door::Wire),
            ("unix:/tmp/feiqian.sock", Door::Wire),
            ("http://127.0.0.1:9472", Door::Http),
            ("http://[::1]:9472", Door::Http),
        ] {
            let place: Place = text.parse().expect("an address");
            assert_eq!((place.door(), place.to_string()), (door, text.to_owned()));
        }
        assert_eq!("http://127.0.0.1:9472/".parse(), Ok(Place::Http(([127, 0, 0, 1], 9472).into())));
        for (text, word) in [
            ("https://127.0.0.1:9472", "TLS"),
            ("http://127.0.0.1", "address"),
            ("http://127.0.0.1:9472/v1", "address"),
            ("nowhere", "address"),
        ] {
            assert!(text.parse::<Place>().is_err_and(|fault| fault.contains(word)), "{text}");
        }
    }
}
