//! What of a client's certificate names its holder: its key, or one of its subject alternative names. TLS has verified
//! the certificate before; nothing here does.

use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use webpki::EndEntityCert;

/// Why a certificate names nobody.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CertificateFault {
    /// It can't be read.
    #[error("the client's certificate can't be read")]
    Malformed,
    /// Neither its key nor one of its names is anybody's.
    #[error("the client's certificate is nobody's: neither its key nor one of its names is known")]
    Unknown,
    /// Its names are those of more than one caller.
    #[error("the client's certificate names more than one caller")]
    Several,
}

/// A certificate's key and names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Named {
    /// SHA-256 of the SubjectPublicKeyInfo (DER), as RFC 7469 pins it.
    pub(crate) spki: [u8; 32],
    /// DNS names and URIs of the subjectAltName, as they stand there; no wildcards are resolved.
    pub(crate) names: Vec<String>,
}

impl Named {
    pub(crate) fn of(der: &[u8]) -> Result<Self, CertificateFault> {
        let der = CertificateDer::from(der);
        let certificate = EndEntityCert::try_from(&der).map_err(|_| CertificateFault::Malformed)?;
        let spki = Sha256::digest(certificate.subject_public_key_info()).into();
        let names = certificate.valid_dns_names().chain(certificate.valid_uri_names());
        Ok(Self { spki, names: names.map(str::to_owned).collect() })
    }
}
