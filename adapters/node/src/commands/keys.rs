//! `feiqian keys`: certificates, API keys and signing keys of callers. Makes files and tells entries of the file of
//! identities; changes none that is there, but for the list of what was revoked.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use feiqian_core::calendar::Date;
use feiqian_identity::Role;
use feiqian_identity::api_key::ApiKey;
use feiqian_identity::authority::{Authority, AuthorityFault, End, Issued, Validity};
use feiqian_proof::signature::PublicKey;
use serde::Serialize;

use crate::cli::{CertificateArgs, KeysStep};
use crate::fault::Fault;
use crate::keys::{random, write_new_text, write_secret};
use crate::output::Output;
use crate::session::now;
use feiqian_identity::hex;

const ROOT: &str = "ca.pem";
const ROOT_KEY: &str = "ca.key";
const REVOKED: &str = "revoked.pem";
/// Serial numbers, one a line: what the list is made from.
const REVOKED_SERIALS: &str = "revoked.txt";
/// Days for which a new authority's empty list is good.
const LIST_DAYS: u16 = 30;
const DAY_S: u64 = 86_400;

/// What was made.
#[derive(Serialize)]
struct Made {
    /// Files that were written.
    files: Vec<String>,
    /// Shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<String>,
    /// By which a certificate is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    /// For the file of identities, below the caller's entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<String>,
}

impl Made {
    fn files(paths: &[&Path]) -> Self {
        let files = paths.iter().map(|path| path.display().to_string()).collect();
        Self { files, api_key: None, serial: None, entry: None }
    }
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.files.iter().try_for_each(|file| writeln!(f, "written: {file}"))?;
        if let Some(serial) = &self.serial {
            writeln!(f, "serial number: {serial}")?;
        }
        if let Some(key) = &self.api_key {
            writeln!(f, "the key, shown this once: {key}")?;
        }
        self.entry.as_ref().map_or(Ok(()), |entry| write!(f, "\n{entry}"))
    }
}

pub(super) fn step(output: Output, step: &KeysStep) -> Result<(), Fault> {
    let made = match step {
        KeysStep::Ca { folder, name, days } => found(folder, name, *days)?,
        KeysStep::Server(arguments) => certificate(arguments, End::Server)?,
        KeysStep::Client(arguments) => certificate(arguments, End::Client)?,
        KeysStep::Revoke { ca, serials, days } => revoke(ca, serials, *days)?,
        KeysStep::Api { roles, days } => api_key(roles, *days)?,
        KeysStep::Signing { file, id } => signing_key(file, id)?,
    };
    output.report(&made);
    Ok(())
}

fn now_s() -> u64 {
    now() / 1_000_000_000
}

fn validity(days: u16) -> Validity {
    Validity { from_s: now_s(), days }
}

fn authority_fault(fault: &AuthorityFault) -> Fault {
    Fault::Usage(fault.to_string())
}

fn found(folder: &Path, name: &str, days: u16) -> Result<Made, Fault> {
    fs::create_dir_all(folder).map_err(|error| Fault::file(folder, "make the folder", &error))?;
    let root = Authority::root(name, validity(days)).map_err(|fault| authority_fault(&fault))?;
    let (certificate, key) = write_pair(folder, ("ca", ROOT), &root)?;
    let list = write_list(folder, &[], LIST_DAYS)?;
    Ok(Made::files(&[&certificate, &key, &list]))
}

fn open(folder: &Path) -> Result<Authority, Fault> {
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(|error| Fault::file(&path, "read the authority", &error))
    };
    Authority::load(&read(ROOT)?, &read(ROOT_KEY)?).map_err(|fault| authority_fault(&fault))
}

fn certificate(arguments: &CertificateArgs, end: End) -> Result<Made, Fault> {
    let authority = open(&arguments.ca)?;
    let issued = authority.issue(end, &arguments.names, validity(arguments.days));
    let issued = issued.map_err(|fault| authority_fault(&fault))?;
    let first = arguments.names.first().map_or("client", String::as_str);
    if first.contains('/') || first.starts_with('.') {
        return Err(Fault::Usage(format!("{first:?}: a DNS name or an IP address")));
    }
    let stem = if end == End::Server { "server" } else { first };
    let to = arguments.to.as_ref().unwrap_or(&arguments.ca);
    fs::create_dir_all(to).map_err(|error| Fault::file(to, "make the folder", &error))?;
    let (certificate, key) = write_pair(to, (stem, &format!("{stem}.pem")), &issued)?;
    let entry = || format!("[[caller.certificate]]\nspki_sha256 = \"{}\"\n", issued.spki_sha256);
    Ok(Made {
        serial: Some(issued.serial.clone()),
        entry: (end == End::Client).then(entry),
        ..Made::files(&[&certificate, &key])
    })
}

fn write_pair(
    folder: &Path,
    (stem, certificate_name): (&str, &str),
    issued: &Issued,
) -> Result<(PathBuf, PathBuf), Fault> {
    let (certificate, key) = (folder.join(certificate_name), folder.join(format!("{stem}.key")));
    write_new_text(&key, &marked(&issued.key_pem), 0o600)?;
    write_new_text(&certificate, &marked(&issued.certificate_pem), 0o644)?;
    Ok((certificate, key))
}

/// What stands before a PEM block is passed over by those that read it.
fn marked(pem: &str) -> String {
    format!("TEST KEY or certificate, made by `feiqian keys`. Not for real money.\n{pem}")
}

fn revoke(folder: &Path, serials: &[String], days: u16) -> Result<Made, Fault> {
    let path = folder.join(REVOKED_SERIALS);
    let mut all: Vec<String> = match fs::read_to_string(&path) {
        Ok(text) => text.lines().map(str::to_owned).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Fault::file(&path, "read the serial numbers", &error)),
    };
    all.extend(serials.iter().filter(|serial| !all.contains(serial)).cloned().collect::<Vec<_>>());
    let list = write_list(folder, &all, days)?;
    Ok(Made::files(&[&list]))
}

/// Writes both files aside and renames them, the list last: a server that starts meanwhile reads a whole one.
fn write_list(folder: &Path, serials: &[String], days: u16) -> Result<PathBuf, Fault> {
    let authority = open(folder)?;
    let list = authority.revoke(serials, now(), validity(days)).map_err(|fault| authority_fault(&fault))?;
    let lines: String = serials.iter().map(|serial| format!("{serial}\n")).collect();
    for (name, text) in [(REVOKED_SERIALS, &lines), (REVOKED, &list)] {
        let (path, aside) = (folder.join(name), folder.join(format!("{name}.tmp")));
        let written = fs::write(&aside, text).and_then(|()| fs::rename(&aside, &path));
        written.map_err(|error| Fault::file(&path, "write the list", &error))?;
    }
    Ok(folder.join(REVOKED))
}

fn api_key(roles: &[String], days: u16) -> Result<Made, Fault> {
    let known = |role: &String| Role::ALL.iter().any(|known| known.name() == role);
    if let Some(unknown) = roles.iter().find(|role| !known(role)) {
        let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
        return Err(Fault::Usage(format!("{unknown}: a role is one of {}", names.join(", "))));
    }
    let key = ApiKey::new(random()?, random()?);
    // The end of the last day: a key for one day is good for one at least.
    let end = now_s().saturating_add(DAY_S.saturating_mul(days.into()));
    let expires = if days == 0 { end / DAY_S } else { end.div_ceil(DAY_S) };
    let date = i32::try_from(expires).ok().and_then(Date::of_days);
    let date = date.ok_or_else(|| Fault::Usage("--days leads beyond the year 9999".to_owned()))?;
    let quoted: Vec<String> = roles.iter().map(|role| format!("{role:?}")).collect();
    let entry = format!(
        "[[caller.api_key]]\nid = \"{}\"\nhash = \"{}\"\nroles = [{}]\nexpires = {:04}-{:02}-{:02}T00:00:00Z\n",
        key.id(),
        key.hash(),
        quoted.join(", "),
        date.year,
        date.month,
        date.day
    );
    Ok(Made { api_key: Some(key.reveal()), entry: Some(entry), ..Made::files(&[]) })
}

fn signing_key(file: &Path, id: &str) -> Result<Made, Fault> {
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
        return Err(Fault::Usage(format!("--id {id:?}: visible ASCII without spaces and quotes")));
    }
    let key = write_secret(file)?;
    let public = hex::encode(PublicKey::of(&key).as_bytes());
    let entry = format!("[[caller.signing_key]]\nid = \"{id}\"\npublic_key = \"{public}\"\n");
    Ok(Made { entry: Some(entry), ..Made::files(&[file]) })
}
