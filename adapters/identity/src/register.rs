//! The file of identities: read strictly, whole or not at all.

use std::io::Read as _;
use std::path::Path;

use ed25519_dalek::VerifyingKey;
use feiqian_core::bic::Bic;
use feiqian_core::calendar::Date;
use serde::Deserialize;
use toml::value::{Datetime, Offset};

use crate::api_key::{ApiKeyHash, ApiKeyId};
use crate::caller::{Caller, Role, Roles};
use crate::hex;
use crate::identities::{CallerIndex, Identities, SigningKey, StoredKey};
use crate::limits::{AUTHORITIES_MAX, CALLERS_MAX, NAME_BYTES_MAX, PROOFS_MAX, REGISTER_BYTES_MAX};

/// What is wrong with the file of identities.
#[derive(Debug, thiserror::Error)]
pub enum RegisterFault {
    /// It can't be read.
    #[error("identities {file}: {source}")]
    File {
        /// Which.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is no TOML of this form.
    #[error("identities: {0}")]
    Text(#[from] toml::de::Error),
    /// A caller's entry is wrong.
    #[error("identities, caller {caller:?}: {what}")]
    Caller {
        /// Its name.
        caller: String,
        /// What is wrong.
        what: &'static str,
    },
    /// Requests may be signed, and it is not said for which hosts.
    #[error("identities: name this house's hosts in authorities, for signatures must be for one of them")]
    NoAuthority,
    /// A host of this house is none.
    #[error("identities: authorities take host names without a port, in lower case: {0:?}")]
    Authority(String),
    /// More than a bound.
    #[error("identities: more than {0}")]
    TooMany(&'static str),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    authorities: Vec<String>,
    #[serde(default)]
    caller: Vec<CallerText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallerText {
    name: String,
    participant: Option<String>,
    roles: Vec<Role>,
    #[serde(default)]
    certificate: Vec<CertificateText>,
    #[serde(default)]
    signing_key: Vec<SigningKeyText>,
    #[serde(default)]
    api_key: Vec<ApiKeyText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificateText {
    spki_sha256: Option<String>,
    san: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SigningKeyText {
    id: String,
    public_key: String,
    expires: Option<Datetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApiKeyText {
    id: String,
    hash: String,
    roles: Vec<Role>,
    expires: Datetime,
}

pub(crate) fn read(file: &Path) -> Result<Identities, RegisterFault> {
    let fault = |source| RegisterFault::File { file: file.display().to_string(), source };
    let mut text = String::new();
    let opened = std::fs::File::open(file).map_err(fault)?;
    let bytes = opened.take(REGISTER_BYTES_MAX + 1).read_to_string(&mut text).map_err(fault)?;
    if bytes as u64 > REGISTER_BYTES_MAX {
        return Err(RegisterFault::TooMany("4 MiB"));
    }
    parse(&text)
}

pub(crate) fn parse(text: &str) -> Result<Identities, RegisterFault> {
    let File { authorities, caller: callers } = toml::from_str(text)?;
    if authorities.len() > AUTHORITIES_MAX {
        return Err(RegisterFault::TooMany("64 authorities"));
    }
    if let Some(wrong) = authorities.iter().find(|host| !is_host(host)) {
        return Err(RegisterFault::Authority(wrong.clone()));
    }
    if callers.len() > CALLERS_MAX {
        return Err(RegisterFault::TooMany("16,384 callers"));
    }
    let mut identities = Identities { authorities, ..Identities::default() };
    for caller in &callers {
        let fault = |what| RegisterFault::Caller { caller: caller.name.clone(), what };
        add(&mut identities, caller).map_err(fault)?;
    }
    if !identities.signing_keys.is_empty() && identities.authorities.is_empty() {
        return Err(RegisterFault::NoAuthority);
    }
    Ok(identities)
}

fn add(to: &mut Identities, text: &CallerText) -> Result<(), &'static str> {
    if !is_name(&text.name) || to.callers.iter().any(|other| *other.name == *text.name) {
        return Err("the name is empty, over 128 bytes, not printable, or another's");
    }
    if [text.certificate.len(), text.signing_key.len(), text.api_key.len()]
        .iter()
        .any(|len| *len > PROOFS_MAX)
    {
        return Err("over 64 proofs of a kind");
    }
    let participant = text.participant.as_deref().map(Bic::parse).transpose();
    let participant = participant.map_err(|_| "the participant is no BIC")?;
    let roles = Roles::of(&text.roles);
    if roles.is_empty() {
        return Err("it has no role");
    }
    if participant.is_none() && (roles.has(Role::Submitter) || roles.has(Role::Viewer)) {
        return Err("submitters and viewers act for a participant, and none is named");
    }
    let index = to.callers.len();
    to.callers.push(Caller { name: text.name.as_str().into(), participant, roles });
    text.certificate.iter().try_for_each(|one| add_certificate(to, index, one))?;
    text.signing_key.iter().try_for_each(|one| add_signing_key(to, index, one))?;
    text.api_key.iter().try_for_each(|one| add_api_key(to, index, one))
}

fn add_certificate(
    to: &mut Identities,
    caller: CallerIndex,
    text: &CertificateText,
) -> Result<(), &'static str> {
    let before = match (&text.spki_sha256, &text.san) {
        (Some(spki), None) => {
            let pin = hex::decode(spki).ok_or("spki_sha256 takes 64 lower-case hexadecimal digits")?;
            to.certificate_keys.insert(pin, caller)
        }
        (None, Some(name)) if is_name(name) && !name.contains('*') => {
            to.certificate_names.insert(name.clone(), caller)
        }
        (None, Some(_)) => return Err("san takes one whole DNS name or URI, without wildcards"),
        _ => return Err("a certificate is named by spki_sha256 or by san, one of them"),
    };
    before.map_or(Ok(()), |_| Err("the certificate's key or name is there twice"))
}

fn add_signing_key(
    to: &mut Identities,
    caller: CallerIndex,
    text: &SigningKeyText,
) -> Result<(), &'static str> {
    if !is_name(&text.id) {
        return Err("a signing key's id is empty, over 128 bytes or not printable");
    }
    let bytes = hex::decode(&text.public_key).ok_or("public_key takes 64 lower-case hexadecimal digits")?;
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| "public_key is no Ed25519 key")?;
    if key.is_weak() {
        return Err("public_key is of small order: anyone could sign");
    }
    let expires_s = text.expires.as_ref().map(seconds).transpose()?;
    let before = to.signing_keys.insert(text.id.clone(), SigningKey { caller, key, expires_s });
    before.map_or(Ok(()), |_| Err("a signing key's id is there twice"))
}

fn add_api_key(to: &mut Identities, caller: CallerIndex, text: &ApiKeyText) -> Result<(), &'static str> {
    let id = ApiKeyId::parse(&text.id).ok_or("an API key's id takes 16 lower-case hexadecimal digits")?;
    let hash = ApiKeyHash::parse(&text.hash).ok_or("an API key's hash takes 64 hexadecimal digits")?;
    let roles = Roles::of(&text.roles);
    if roles.and(to.callers[caller].roles) != roles || roles.is_empty() {
        return Err("an API key has no role, or one that its caller has not");
    }
    let expires_s = seconds(&text.expires)?;
    let before = to.api_keys.insert(id, StoredKey { caller, hash, roles, expires_s });
    before.map_or(Ok(()), |_| Err("an API key's id is there twice"))
}

/// A DNS name or an IP address, in brackets where it has colons.
fn is_host(text: &str) -> bool {
    let inside = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    let is_address = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
    is_name(text) && inside.map_or_else(|| text.bytes().all(is_known), is_address)
}

fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Seconds since 1970 of a time in UTC (`2027-06-30T00:00:00Z`).
fn seconds(time: &Datetime) -> Result<u64, &'static str> {
    let fault = "a time is given whole and in UTC: 2027-06-30T00:00:00Z";
    let (Some(date), Some(time), Some(Offset::Z)) = (time.date, time.time, time.offset) else {
        return Err(fault);
    };
    let days = Date { year: date.year, month: date.month, day: date.day }.days().ok_or(fault)?;
    let days = u64::try_from(days).map_err(|_| fault)?;
    let of_day = u64::from(time.hour) * 3_600 + u64::from(time.minute) * 60 + u64::from(time.second);
    Ok(days * 86_400 + of_day)
}
