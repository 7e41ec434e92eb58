//! A small certificate authority, for trials and tests: ECDSA P-256, one root, no levels between. A house with a register
//! of its own keys uses that one instead; nothing else here knows where a certificate came from.

use feiqian_core::calendar::Date;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, SerialNumber,
    date_time_ymd,
};

/// Why nothing was issued.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityFault {
    /// A key, name or certificate can't be used.
    #[error("the certificate authority: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A serial number is not hexadecimal.
    #[error("{0}: a serial number is an even number of hexadecimal digits")]
    Serial(String),
    /// The system gives no randomness.
    #[error("no randomness: {0}")]
    Random(getrandom::Error),
    /// A date beyond the year 9999.
    #[error("the time is not between 1970 and 9999")]
    Time,
}

/// What is issued: two PEM texts, and the serial number by which it is revoked.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// The certificate.
    pub certificate_pem: String,
    /// Its private key: a secret.
    pub key_pem: String,
    /// Hexadecimal digits.
    pub serial: String,
    /// SHA-256 of the SubjectPublicKeyInfo, 64 hexadecimal digits: what a file of identities pins.
    pub spki_sha256: String,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Issued(serial {})", self.serial)
    }
}

/// For which end of a connection a certificate is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The clearing house's.
    Server,
    /// A participant's.
    Client,
}

/// A day's begin, as certificates write it.
macro_rules! midnight {
    ($day:expr) => {{
        let Date { year, month, day } = $day;
        date_time_ymd(year.into(), month, day)
    }};
}

/// A root that can sign.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

/// From when, in seconds since 1970, and for how many days.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Validity {
    /// Begin; rounded down to a day in UTC.
    pub from_s: u64,
    /// Days.
    pub days: u16,
}

impl Authority {
    /// A new root of this common name.
    ///
    /// # Errors
    /// [`AuthorityFault`].
    pub fn root(name: &str, validity: Validity) -> Result<Issued, AuthorityFault> {
        let mut params = params(name, &[], validity)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        Ok(issued(certificate.pem(), &key, &params))
    }

    /// A root as it was issued.
    ///
    /// # Errors
    /// [`AuthorityFault::Certificate`] where the texts are no certificate and its key.
    pub fn load(certificate_pem: &str, key_pem: &str) -> Result<Self, AuthorityFault> {
        let key = KeyPair::from_pem(key_pem)?;
        Ok(Self { issuer: Issuer::from_ca_cert_pem(certificate_pem, key)? })
    }

    /// A certificate with these subjectAltNames (DNS names or IP addresses), with a new key.
    ///
    /// # Errors
    /// [`AuthorityFault`].
    pub fn issue(&self, end: End, names: &[String], validity: Validity) -> Result<Issued, AuthorityFault> {
        let mut params = params(names.first().map_or("client", String::as_str), names, validity)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match end {
            End::Server => ExtendedKeyUsagePurpose::ServerAuth,
            End::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(issued(certificate.pem(), &key, &params))
    }

    /// The list (PEM) of these serial numbers, good from a time for so many days. `number` grows from list to list.
    ///
    /// # Errors
    /// [`AuthorityFault`].
    pub fn revoke(
        &self,
        serials: &[String],
        number: u64,
        validity: Validity,
    ) -> Result<String, AuthorityFault> {
        let this_update = day(validity.from_s, 0)?;
        let revoked = |serial: &String| {
            Ok(RevokedCertParams {
                serial_number: SerialNumber::from(serial_bytes(serial)?),
                revocation_time: midnight!(this_update),
                reason_code: Some(RevocationReason::Unspecified),
                invalidity_date: None,
            })
        };
        let list = CertificateRevocationListParams {
            this_update: midnight!(this_update),
            next_update: midnight!(day(validity.from_s, validity.days)?),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect::<Result<_, AuthorityFault>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.issuer)?.pem()?)
    }
}

fn params(name: &str, names: &[String], validity: Validity) -> Result<CertificateParams, AuthorityFault> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = midnight!(day(validity.from_s, 0)?);
    params.not_after = midnight!(day(validity.from_s, validity.days)?);
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(AuthorityFault::Random)?;
    // Positive, and no leading zero byte (RFC 5280, 4.1.2.2).
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn issued(certificate_pem: String, key: &KeyPair, params: &CertificateParams) -> Issued {
    use rcgen::PublicKeyData as _;
    use sha2::Digest as _;
    let serial = params.serial_number.as_ref().map(SerialNumber::to_bytes).unwrap_or_default();
    Issued {
        certificate_pem,
        key_pem: key.serialize_pem(),
        serial: crate::hex::encode(&serial),
        spki_sha256: crate::hex::encode(&sha2::Sha256::digest(key.subject_public_key_info())),
    }
}

fn serial_bytes(text: &str) -> Result<Vec<u8>, AuthorityFault> {
    let fault = || AuthorityFault::Serial(text.to_owned());
    if text.is_empty() || !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return Err(fault());
    }
    let digits = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..text.len()).step_by(2).map(|at| digits(at).ok_or_else(fault)).collect()
}

/// The day in UTC so many days after a time's.
fn day(seconds: u64, later: u16) -> Result<Date, AuthorityFault> {
    let days = i32::try_from(seconds / 86_400).map_err(|_| AuthorityFault::Time)?;
    Date::of_days(days.saturating_add(i32::from(later))).ok_or(AuthorityFault::Time)
}
