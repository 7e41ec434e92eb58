//! Key files: the operator's key, which signs blocks, and two officers' keys, which approve risky commands.
//!
//! One key a file, 64 hexadecimal digits, readable by its owner alone; a file that others can read is refused.
//! For real money the second officer's key belongs on another medium (`--officer-key FILE`): two keys in one
//! directory are one pair of eyes. A secret is never printed.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use feiqian_core::bic::Bic;
use feiqian_core::command::{APPROVAL_CONTEXT, Approval, Command, Entry, OfficerNumber};
use feiqian_proof::signature::{PublicKey, SigningKey, sign_message};

use crate::fault::Fault;
use feiqian_identity::hex;

const FOLDER: &str = "keys";
/// Names of the officers' files in the data directory, in the order of their numbers from 1.
const OFFICER_FILES: [&str; 2] = ["officer-1.key", "officer-2.key"];

/// Where the operator's secret key lies.
#[must_use]
pub fn operator_key_path(data: &Path) -> PathBuf {
    data.join(FOLDER).join("operator.key")
}

/// Where the operator's public key lies: what banks are given.
#[must_use]
pub fn operator_public_path(data: &Path) -> PathBuf {
    data.join(FOLDER).join("operator.pub")
}

/// The keys that a new chain begins with.
#[derive(Debug)]
pub struct KeySet {
    /// Signs blocks.
    pub operator: SigningKey,
    /// Approve commands; their numbers are 1 and 2.
    pub officers: [SigningKey; 2],
}

impl KeySet {
    /// New keys from the operating system's randomness.
    ///
    /// # Errors
    /// [`Fault::File`] if there is none.
    pub fn random() -> Result<Self, Fault> {
        let key = || random::<32>().map(|secret| SigningKey::from_bytes(&secret));
        Ok(Self { operator: key()?, officers: [key()?, key()?] })
    }

    /// Keys that everyone knows, so that demos are alike. Never for money.
    #[must_use]
    pub fn test() -> Self {
        Self {
            operator: SigningKey::from_bytes(b"TEST KEY: operator, not for real"),
            officers: [
                SigningKey::from_bytes(b"TEST KEY: officer 1 not for real"),
                SigningKey::from_bytes(b"TEST KEY: officer 2 not for real"),
            ],
        }
    }

    /// The officers as a genesis names them.
    #[must_use]
    pub fn officer_terms(&self) -> Vec<(OfficerNumber, PublicKey)> {
        (1..).zip(self.officers.iter().map(PublicKey::of)).collect()
    }

    /// Writes all keys into a data directory; a file that is there is never replaced.
    ///
    /// # Errors
    /// [`Fault::File`] naming the file.
    pub fn write(&self, data: &Path) -> Result<(), Fault> {
        let folder = data.join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(|error| Fault::file(&folder, "make the folder", &error))?;
        write_new(&operator_key_path(data), &self.operator.to_bytes(), 0o600)?;
        for (name, key) in OFFICER_FILES.iter().zip(&self.officers) {
            write_new(&folder.join(name), &key.to_bytes(), 0o600)?;
        }
        write_new(&operator_public_path(data), PublicKey::of(&self.operator).as_bytes(), 0o644)?;
        let sync = std::fs::File::open(&folder).and_then(|opened| opened.sync_all());
        sync.map_err(|error| Fault::file(&folder, "sync the folder", &error))
    }
}

/// Makes a key of its own in a file for its owner alone; gives it, or the one that is there.
///
/// # Errors
/// [`Fault::File`], or [`Fault::Data`] for a file that holds no key.
pub fn read_or_make(path: &Path) -> Result<SigningKey, Fault> {
    if path.exists() {
        return read_secret(path);
    }
    write_secret(path)
}

/// Makes a key in a new file for its owner alone.
///
/// # Errors
/// [`Fault::File`], also where there is such a file already.
pub fn write_secret(path: &Path) -> Result<SigningKey, Fault> {
    let secret = random::<32>()?;
    write_new(path, &secret, 0o600)?;
    Ok(SigningKey::from_bytes(&secret))
}

/// Writes the operator's key into a data directory that has none: a validator's that takes over.
///
/// # Errors
/// [`Fault::File`] naming the file.
pub fn write_operator_key(data: &Path, key: &SigningKey) -> Result<(), Fault> {
    let folder = data.join(FOLDER);
    std::fs::create_dir_all(&folder).map_err(|error| Fault::file(&folder, "make the folder", &error))?;
    write_new(&operator_key_path(data), &key.to_bytes(), 0o600)?;
    write_new(&operator_public_path(data), PublicKey::of(key).as_bytes(), 0o644)
}

/// TEST KEY of a demo's bank: `TEST KEY: `, its BIC, and dots up to 32 bytes, so that whoever tries the bulk
/// protocol can log in. Everyone knows it. Never for money.
#[must_use]
pub fn participant_test_key(bic: Bic) -> SigningKey {
    let mut secret = [b'.'; 32];
    secret[..10].copy_from_slice(b"TEST KEY: ");
    secret[10..21].copy_from_slice(bic.as_bytes());
    SigningKey::from_bytes(&secret)
}

/// `N` bytes of the operating system's randomness.
///
/// # Errors
/// [`Fault::File`] if there is none.
pub fn random<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Fault::File(format!("the operating system gives no randomness: {error}")))?;
    Ok(bytes)
}

fn write_new(path: &Path, bytes: &[u8; 32], mode: u32) -> Result<(), Fault> {
    write_new_text(path, &format!("{}\n", hex::encode(bytes)), mode)
}

/// Writes a key's text into a new file with these permissions.
///
/// # Errors
/// [`Fault::File`], also where there is such a file already.
pub fn write_new_text(path: &Path, text: &str, mode: u32) -> Result<(), Fault> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| Fault::file(path, "write the key", &error))
}

/// Reads a secret key.
///
/// # Errors
/// [`Fault::Data`] naming the file and what is wrong with it.
pub fn read_secret(path: &Path) -> Result<SigningKey, Fault> {
    read_key_bytes(path).map(|secret| SigningKey::from_bytes(&secret))
}

/// Reads a secret of `N` bytes.
///
/// # Errors
/// As [`read_secret`].
pub fn read_key_bytes<const N: usize>(path: &Path) -> Result<[u8; N], Fault> {
    let fault = |what: String| Fault::Data(format!("{}: {what}", path.display()));
    let metadata = std::fs::metadata(path).map_err(|error| fault(format!("can't read the key: {error}")))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(fault(format!("others can read this key (mode {mode:03o}): chmod 600 it")));
    }
    let text =
        std::fs::read_to_string(path).map_err(|error| fault(format!("can't read the key: {error}")))?;
    let way = || fault(format!("a key file holds {} lower-case hexadecimal digits and nothing else", 2 * N));
    hex::decode(text.trim_end()).ok_or_else(way)
}

/// A public key given as its 64 digits or as a file that holds them.
///
/// # Errors
/// [`Fault::Usage`] for anything else.
pub fn read_public(text_or_file: &str) -> Result<PublicKey, Fault> {
    let path = Path::new(text_or_file);
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(_) if hex::decode::<32>(text_or_file).is_some() => text_or_file.to_owned(),
        Err(error) => {
            let way = "--key takes 64 lower-case hexadecimal digits, or a file that holds them";
            return Err(Fault::Usage(format!("{text_or_file}: {error}; {way}")));
        }
    };
    PublicKey::parse(text.trim_end()).map_err(|error| Fault::Usage(format!("{text_or_file}: {error}")))
}

/// The officers whose keys are at hand, with their numbers.
#[derive(Debug, Default)]
pub struct Officers(Vec<(OfficerNumber, SigningKey)>);

impl Officers {
    /// The keys in `files`; where none is named those in the data directory of officers `in_office`.
    ///
    /// # Errors
    /// [`Fault::Data`] for a key that can't be read, or that is named and is no officer's.
    pub fn load(
        data: &Path,
        files: &[PathBuf],
        in_office: &[(OfficerNumber, PublicKey)],
    ) -> Result<Self, Fault> {
        let own = in_office.iter().map(|(number, _)| data.join(FOLDER).join(format!("officer-{number}.key")));
        let paths: Vec<PathBuf> =
            if files.is_empty() { own.filter(|path| path.exists()).collect() } else { files.to_vec() };
        let mut officers = Vec::new();
        for path in paths {
            let key = read_secret(&path)?;
            let public = PublicKey::of(&key);
            match in_office.iter().find(|(_, officer)| *officer == public) {
                Some((number, _)) => officers.push((*number, key)),
                // One that has left, and whose number another has.
                None if files.is_empty() => {}
                None => {
                    let what = "not the key of an officer of this chain";
                    return Err(Fault::Data(format!("{}: {what}", path.display())));
                }
            }
        }
        Ok(Self(officers))
    }

    /// An entry that one officer signs: the one named, or the only one whose key is at hand.
    ///
    /// # Errors
    /// [`Fault::Usage`] where that is nobody.
    pub fn sign_alone(
        &self,
        mut entry: Entry,
        chain_id: &[u8; 16],
        named: Option<OfficerNumber>,
    ) -> Result<Entry, Fault> {
        let mut fitting = self.0.iter().filter(|(number, _)| named.is_none_or(|named| named == *number));
        let (Some(officer), None) = (fitting.next(), fitting.next()) else {
            let way = "say who you are with --officer N (keys/officer-N.key of the data directory) or \
                       --officer-key FILE";
            return Err(Fault::Usage(way.to_owned()));
        };
        entry.approvals = vec![approval(officer, &entry.signed_bytes(chain_id))];
        Ok(entry)
    }

    /// An entry, approved by the officers where its command may need that.
    #[must_use]
    pub fn approve(&self, mut entry: Entry, chain_id: &[u8; 16]) -> Entry {
        if entry.command.is_risky() || matches!(entry.command, Command::Fraud(_)) {
            let bytes = entry.signed_bytes(chain_id);
            entry.approvals = self.0.iter().take(2).map(|officer| approval(officer, &bytes)).collect();
        }
        entry
    }
}

fn approval((officer, key): &(OfficerNumber, SigningKey), bytes: &[u8]) -> Approval {
    Approval { officer: *officer, signature: sign_message(key, APPROVAL_CONTEXT, bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("feiqian-keys-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("made");
        path
    }

    #[test]
    fn keys_are_written_once_and_for_their_owner_alone() {
        let data = folder("once");
        let keys = KeySet::random().expect("randomness");
        keys.write(&data).expect("written");
        assert!(keys.write(&data).is_err(), "a key is never replaced");
        let path = operator_key_path(&data);
        assert_eq!(read_secret(&path).expect("read").to_bytes(), keys.operator.to_bytes());
        let public = operator_public_path(&data).display().to_string();
        assert_eq!(read_public(&public).expect("read"), PublicKey::of(&keys.operator));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("changed");
        let text = read_secret(&path).expect_err("refused").to_string();
        assert!(text.contains("operator.key") && text.contains("chmod 600"), "{text}");
        std::fs::remove_dir_all(data).expect("removed");
    }

    #[test]
    fn the_test_keys_say_what_they_are_and_differ() {
        let keys = KeySet::test();
        for key in [&keys.operator, &keys.officers[0], &keys.officers[1]] {
            assert!(key.to_bytes().starts_with(b"TEST KEY:"));
        }
        assert_ne!(keys.officers[0].to_bytes(), keys.officers[1].to_bytes());
    }

    #[test]
    fn a_text_that_is_neither_key_nor_file_is_refused_with_the_way_out() {
        let text = read_public("no-such-file").expect_err("refused").to_string();
        assert!(text.contains("no-such-file") && text.contains("64 lower-case"), "{text}");
    }
}
