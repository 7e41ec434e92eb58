//! The server's end of TLS: its certificate, whose clients' certificates it believes, and which of those were revoked.
//! TLS 1.2 and 1.3 by rustls with ring. Certificates, keys and lists are PEM files, read once.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, crypto};

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

impl TlsFiles {
    /// Reads the files. Speaks HTTP/1.1.
    ///
    /// # Errors
    /// [`TlsFault`] naming the file.
    pub fn load(&self) -> Result<ServerConfig, TlsFault> {
        let provider = Arc::new(crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let verifier = match &self.client_roots {
            Some(roots) => {
                let builder = WebPkiClientVerifier::builder_with_provider(self.roots(roots)?, provider)
                    .with_crls(self.revocations()?)
                    .enforce_revocation_expiration();
                let builder =
                    if self.needs_client_certificate { builder } else { builder.allow_unauthenticated() };
                builder.build()?
            }
            None if self.needs_client_certificate => return Err(TlsFault::NoRoots),
            None => WebPkiClientVerifier::no_client_auth(),
        };
        let chain = certificates(&self.certificate)?;
        let text = read(&self.key)?;
        let key = PrivateKeyDer::from_pem_slice(&text).map_err(|error| content(&self.key, &error))?;
        let mut config = builder.with_client_cert_verifier(verifier).with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
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
