//! Everybody who may call, and the question who does.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ed25519_dalek::VerifyingKey;
use parking_lot::RwLock;

use crate::api_key::{ApiKey, ApiKeyFault, ApiKeyHash, ApiKeyId};
use crate::caller::{Caller, Presented, Roles};
use crate::certificate::{CertificateFault, Named};
use crate::register::{self, RegisterFault};
use crate::signed::{Nonces, SignatureFault, Signed};

/// Why a request is nobody's. Says nothing that the sender did not show, so that it may be told.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unidentified {
    /// It shows nothing.
    #[error("the request shows no client certificate, no Signature and no Authorization")]
    NothingShown,
    /// Its certificate names nobody.
    #[error(transparent)]
    Certificate(#[from] CertificateFault),
    /// Its signature does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureFault),
    /// Its API key opens nothing.
    #[error(transparent)]
    ApiKey(#[from] ApiKeyFault),
    /// It shows two proofs, of two callers.
    #[error("what the request shows belongs to different callers")]
    Several,
}

/// One who may call. Its place in [`Identities::callers`] is what proofs point to.
pub(crate) type CallerIndex = usize;

#[derive(Debug)]
pub(crate) struct SigningKey {
    pub(crate) caller: CallerIndex,
    pub(crate) key: VerifyingKey,
    /// Seconds since 1970; none for as long as it stands in the file.
    pub(crate) expires_s: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct StoredKey {
    pub(crate) caller: CallerIndex,
    pub(crate) hash: ApiKeyHash,
    pub(crate) roles: Roles,
    pub(crate) expires_s: u64,
}

/// Everybody who may call, with what proves it.
#[derive(Debug, Default)]
pub struct Identities {
    pub(crate) callers: Vec<Caller>,
    /// Hosts by which this house is called, in lower case: what is signed for another is not for it.
    pub(crate) authorities: Vec<String>,
    pub(crate) certificate_keys: HashMap<[u8; 32], CallerIndex>,
    pub(crate) certificate_names: HashMap<String, CallerIndex>,
    pub(crate) signing_keys: HashMap<String, SigningKey>,
    pub(crate) api_keys: HashMap<ApiKeyId, StoredKey>,
    pub(crate) nonces: Arc<Nonces>,
}

/// What one proof gives: whom, and for which of its roles.
type Proven = (CallerIndex, Roles);

impl Identities {
    /// Nobody: every request is refused.
    #[must_use]
    pub fn nobody() -> Self {
        Self::default()
    }

    /// Reads the file of identities; [README.md](../README.md) says what stands in it. `now_s`, seconds since 1970, is
    /// the beginning of what is remembered: no signature made before it is taken, since whether it was used is not known.
    ///
    /// # Errors
    /// [`RegisterFault`] naming the file and what is wrong with it.
    pub fn load(file: &Path, now_s: u64) -> Result<Self, RegisterFault> {
        let mut read = register::read(file)?;
        read.nonces = Arc::new(Nonces::since(now_s));
        Ok(read)
    }

    /// Reads the text of a file of identities, as [`Identities::load`].
    ///
    /// # Errors
    /// [`RegisterFault`].
    pub fn parse(text: &str, now_s: u64) -> Result<Self, RegisterFault> {
        let mut read = register::parse(text)?;
        read.nonces = Arc::new(Nonces::since(now_s));
        Ok(read)
    }

    /// Who has sent a request; `now_s` is seconds since 1970. Every proof that is shown must hold, and all must be of one
    /// caller; its roles are those for which each of them is good.
    ///
    /// # Errors
    /// [`Unidentified`].
    pub fn identify(&self, shown: &Presented<'_>, now_s: u64) -> Result<Caller, Unidentified> {
        let certificate = shown.certificate.map(|der| self.of_certificate(der)).transpose()?;
        let authorization = shown.header("authorization");
        let key = authorization.map(|value| self.of_api_key(value, now_s)).transpose()?;
        // Last, for it uses a nonce up.
        let signature =
            Signed::shown(shown)?.map(|signed| self.of_signature(&signed, shown, now_s)).transpose()?;
        let mut proven = [certificate, key, signature].into_iter().flatten();
        let (caller, roles) = proven.next().ok_or(Unidentified::NothingShown)?;
        let roles = proven.try_fold(roles, |roles, (other, its)| {
            if other == caller { Ok(roles.and(its)) } else { Err(Unidentified::Several) }
        })?;
        Ok(Caller { roles, ..self.callers[caller].clone() })
    }

    fn of_certificate(&self, der: &[u8]) -> Result<Proven, CertificateFault> {
        let named = Named::of(der)?;
        let by_name = named.names.iter().filter_map(|name| self.certificate_names.get(name));
        let mut found = self.certificate_keys.get(&named.spki).into_iter().chain(by_name);
        let caller = *found.next().ok_or(CertificateFault::Unknown)?;
        if found.any(|other| *other != caller) {
            return Err(CertificateFault::Several);
        }
        Ok((caller, self.callers[caller].roles))
    }

    fn of_api_key(&self, header: &[u8], now_s: u64) -> Result<Proven, ApiKeyFault> {
        let key = ApiKey::of_header(header)?;
        let stored = self.api_keys.get(&key.id()).filter(|stored| stored.hash == key.hash());
        let stored = stored.ok_or(ApiKeyFault::Unknown)?;
        if now_s >= stored.expires_s {
            return Err(ApiKeyFault::Expired);
        }
        Ok((stored.caller, stored.roles.and(self.callers[stored.caller].roles)))
    }

    fn of_signature(
        &self,
        signed: &Signed<'_>,
        shown: &Presented<'_>,
        now_s: u64,
    ) -> Result<Proven, SignatureFault> {
        let known = |key_id: &str| self.signing_keys.get(key_id);
        let (signature, stored) = signed.of_known_key(known).ok_or(SignatureFault::UnknownKey)?;
        if stored.expires_s.is_some_and(|expires_s| now_s >= expires_s) {
            return Err(SignatureFault::UnknownKey);
        }
        let host = host(shown.authority).to_ascii_lowercase();
        if !self.authorities.contains(&host) {
            return Err(SignatureFault::Authority);
        }
        signature.check(shown, &stored.key, now_s)?;
        self.nonces.take(signature.key_id(), signature.nonce(), signature.created(), now_s)?;
        Ok((stored.caller, self.callers[stored.caller].roles))
    }
}

/// The identities of a file that is read again while the house runs. A request is judged by the reading that was last good
/// when it came.
#[derive(Debug)]
pub struct IdentityFile {
    file: PathBuf,
    last: RwLock<Arc<Identities>>,
}

impl IdentityFile {
    /// Reads it for the first time, as [`Identities::load`].
    ///
    /// # Errors
    /// [`RegisterFault`].
    pub fn open(file: PathBuf, now_s: u64) -> Result<Self, RegisterFault> {
        let last = RwLock::new(Arc::new(Identities::load(&file, now_s)?));
        Ok(Self { file, last })
    }

    /// Reads it again. What signatures have used up stays used up.
    ///
    /// # Errors
    /// [`RegisterFault`], and the last good reading stays.
    pub fn read_again(&self) -> Result<(), RegisterFault> {
        let mut read = register::read(&self.file)?;
        let mut last = self.last.write();
        read.nonces = Arc::clone(&last.nonces);
        *last = Arc::new(read);
        Ok(())
    }

    /// As [`Identities::identify`].
    ///
    /// # Errors
    /// [`Unidentified`].
    pub fn identify(&self, shown: &Presented<'_>, now_s: u64) -> Result<Caller, Unidentified> {
        let last = Arc::clone(&self.last.read());
        last.identify(shown, now_s)
    }
}

/// An authority without its port.
fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}
