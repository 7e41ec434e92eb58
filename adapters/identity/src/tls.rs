//! The server's end of TLS: its certificate, whose clients' certificates it believes, and which of those were revoked.
//! TLS 1.2 and 1.3 by rustls with ring. Certificates, keys and lists are PEM files, which may be read again while the
//! server runs: each handshake is held against the reading that was last good, so no session is resumed without one.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, VerifierBuilderError, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{
    DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme, crypto,
};

use crate::limits::PEM_BYTES_MAX;

/// The files of a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// The server's certificate, and those between it and its root.
    pub certificate: PathBuf,
    /// Its private key (PKCS #8, PKCS #1 or SEC 1).
    pub key: PathBuf,
    /// The roots of clients' certificates; none where no client shows one.
    pub client_roots: Option<PathBuf>,
    /// Lists of revoked certificates of those roots. With roots, a list of each is needed: a client whose status is not
    /// known is refused, and so is one by a list that is past its next update.
    pub revoked: Vec<PathBuf>,
    /// Whether a client must show a certificate; else it may, and others prove themselves by signatures or API keys.
    pub needs_client_certificate: bool,
}

/// Why TLS can't be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// A file can't be read.
    #[error("{file}: {source}")]
    File {
        /// Which.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file is no PEM of the kind that is expected, or is over 16 MiB.
    #[error("{file}: {what}")]
    Content {
        /// Which.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// The files do not fit each other.
    #[error("the TLS files do not fit each other: {0}")]
    Files(#[from] rustls::Error),
    /// The roots or lists of clients can't be used.
    #[error("the clients' roots and lists of revocations: {0}")]
    Clients(#[from] VerifierBuilderError),
    /// Clients must show a certificate, and no roots are given.
    #[error("clients must show a certificate, and no roots are given to hold it against")]
    NoRoots,
    /// There are roots, and nothing tells what was revoked: rustls would then take everything.
    #[error(
        "clients' certificates need a list of revocations of their root, an empty one where none was revoked"
    )]
    NoList,
}

/// A server's end that reads its files again.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    /// Names of the roots, as they were first: clients may choose by them which certificate to show.
    hints: Vec<DistinguishedName>,
    provider: Arc<CryptoProvider>,
    last: RwLock<Reading>,
}

/// What the files have said.
#[derive(Clone, Debug)]
struct Reading {
    /// None where no client shows a certificate.
    clients: Option<Arc<dyn ClientCertVerifier>>,
    own: Arc<CertifiedKey>,
}

impl Tls {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// [`TlsFault`] naming the file.
    pub fn open(files: TlsFiles) -> Result<Arc<Self>, TlsFault> {
        let provider = Arc::new(crypto::ring::default_provider());
        let last = files.reading(&provider)?;
        let hints = last.clients.as_ref().map(|clients| clients.root_hint_subjects().to_vec());
        Ok(Arc::new(Self { files, hints: hints.unwrap_or_default(), provider, last: RwLock::new(last) }))
    }

    /// Reads the files again, for all handshakes from now on. What is connected stays.
    ///
    /// # Errors
    /// [`TlsFault`] naming the file, and the last good reading stays.
    pub fn read_again(&self) -> Result<(), TlsFault> {
        let reading = self.files.reading(&self.provider)?;
        *self.last.write() = reading;
        Ok(())
    }

    /// What serves by the last good reading. Speaks HTTP/1.1.
    ///
    /// # Errors
    /// [`TlsFault::Files`].
    pub fn config(self: &Arc<Self>) -> Result<ServerConfig, TlsFault> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?;
        let clients: Arc<dyn ClientCertVerifier> = Arc::<Self>::clone(self);
        let own: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
        let mut config = builder.with_client_cert_verifier(clients).with_cert_resolver(own);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A resumed session would not ask whether its certificate has been revoked meanwhile.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    fn last(&self) -> Reading {
        self.last.read().clone()
    }

    /// Who is asked about a certificate. One that is shown to a server that asks for none is nobody's.
    fn clients(&self) -> Result<Arc<dyn ClientCertVerifier>, rustls::Error> {
        self.last().clients.ok_or_else(|| rustls::Error::General("no certificate was asked for".to_owned()))
    }
}

impl ResolvesServerCert for Tls {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.last().own)
    }
}

impl ClientCertVerifier for Tls {
    fn offer_client_auth(&self) -> bool {
        self.last().clients.is_some()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.files.needs_client_certificate
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.clients()?.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.clients()?.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.clients()?.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.last().clients.map_or_else(Vec::new, |clients| clients.supported_verify_schemes())
    }
}

impl TlsFiles {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Path> {
        let own = [&self.certificate, &self.key];
        own.into_iter().chain(&self.client_roots).chain(&self.revoked).map(PathBuf::as_path)
    }

    fn reading(&self, provider: &Arc<CryptoProvider>) -> Result<Reading, TlsFault> {
        let chain = certificates(&self.certificate)?;
        let text = read(&self.key)?;
        let key = PrivateKeyDer::from_pem_slice(&text).map_err(|error| content(&self.key, &error))?;
        let own = Arc::new(CertifiedKey::from_der(chain, key, provider)?);
        Ok(Reading { clients: self.clients(provider)?, own })
    }

    fn clients(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsFault> {
        let roots = match &self.client_roots {
            Some(roots) => self.roots(roots)?,
            None if self.needs_client_certificate => return Err(TlsFault::NoRoots),
            None => return Ok(None),
        };
        let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider))
            .with_crls(self.revocations()?)
            .enforce_revocation_expiration();
        let builder = if self.needs_client_certificate { builder } else { builder.allow_unauthenticated() };
        Ok(Some(builder.build()?))
    }

    fn roots(&self, file: &Path) -> Result<Arc<RootCertStore>, TlsFault> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(file)? {
            roots.add(certificate)?;
        }
        Ok(Arc::new(roots))
    }

    fn revocations(&self) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsFault> {
        let mut lists = Vec::new();
        for file in &self.revoked {
            let text = read(file)?;
            for list in CertificateRevocationListDer::pem_slice_iter(&text) {
                lists.push(list.map_err(|error| content(file, &error))?);
            }
        }
        if lists.is_empty() { Err(TlsFault::NoList) } else { Ok(lists) }
    }
}

/// The certificates of a PEM file; at least one.
///
/// # Errors
/// [`TlsFault::File`] or [`TlsFault::Content`].
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let text = read(file)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let all = all.map_err(|error| content(file, &error))?;
    if all.is_empty() {
        return Err(content(file, &PemError::NoItemsFound));
    }
    Ok(all)
}

fn content(file: &Path, error: &PemError) -> TlsFault {
    TlsFault::Content {
        file: file.display().to_string(),
        what: format!("no PEM of the kind expected: {error}"),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsFault> {
    let fault = |source| TlsFault::File { file: file.display().to_string(), source };
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(fault)?;
    opened.take(PEM_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > PEM_BYTES_MAX {
        return Err(TlsFault::Content { file: file.display().to_string(), what: "over 16 MiB".to_owned() });
    }
    Ok(bytes)
}
