//! One request to a target: signed, bounded in time, sent to no other host than its own. Follows no redirect and uses no
//! proxy; of the answer only the status counts. What failed is said without address, headers or body.

use std::fmt;
use std::io::ErrorKind;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use feiqian_identity::signed::sign_covering;
use feiqian_identity::{Presented, hex};
use feiqian_proof::signature::{PublicKey, SigningKey};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Error};

use super::batch::Batch;
use super::reach::{GuardedResolver, OutOfReach};
use super::secret::Secret;
use super::target::Target;
use crate::limits::WEBHOOK_ANSWER_BYTES_MAX;

/// Names a request: the same events, the same id.
const ID_HEADER: &str = "webhook-id";

/// What became of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Attempt {
    /// Taken: any 2xx.
    Taken,
    /// 410: nobody wants to be told any more.
    Gone,
    /// Anything else.
    Failed(Failure),
}

/// Why a request was not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// Answered with this status.
    Status(u16),
    /// Not answered in time.
    TimedOut,
    /// The name is not known, or leads where it may not.
    Name(&'static str),
    /// No connection, or one that broke off.
    Connection(ErrorKind),
    /// The receiver's certificate is not believed, or it speaks no TLS of 1.2 or 1.3.
    Tls,
    /// Not of HTTP's form.
    Protocol,
    /// Not sent: the system gives no randomness.
    Random,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status @ 300..400) => {
                write!(f, "it answers {status}, and redirects are not followed")
            }
            Self::Status(status) => write!(f, "it answers {status}"),
            Self::TimedOut => f.write_str("it does not answer in time"),
            Self::Name(what) => f.write_str(what),
            Self::Connection(kind) => write!(f, "the connection fails: {kind}"),
            Self::Tls => f.write_str(
                "its certificate is not believed under the roots in [webhooks], or it speaks no TLS",
            ),
            Self::Protocol => f.write_str("it does not speak HTTP/1.1"),
            Self::Random => f.write_str("the system gives no randomness"),
        }
    }
}

/// Sends the requests of one target.
pub(super) struct Poster {
    agent: Agent,
    target: Target,
    key: SigningKey,
    key_id: String,
    /// Of one that its participant has registered.
    secret: Option<Secret>,
}

impl Poster {
    pub(super) fn new(
        target: Target,
        (key, secret): (&SigningKey, Option<Secret>),
        (roots, timeout): (&[Certificate<'static>], Duration),
    ) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(roots))
            .unversioned_rustls_crypto_provider(rustls::crypto::ring::default_provider().into())
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(timeout))
            .user_agent("feiqian")
            .build();
        let resolver = GuardedResolver::new(target.reach);
        let agent = Agent::with_parts(config, DefaultConnector::new(), resolver);
        let key_id = hex::encode(PublicKey::of(key).as_bytes());
        Self { agent, target, key: key.clone(), key_id, secret }
    }

    pub(super) fn post(&self, batch: &Batch) -> Attempt {
        let Some(headers) = self.headers(batch) else { return Attempt::Failed(Failure::Random) };
        let request = self.agent.post(self.target.url.clone()).header("content-type", "application/json");
        let request = request.header(ID_HEADER, &batch.id);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        match request.send(&batch.body[..]) {
            Err(error) => Attempt::Failed(failure(&error)),
            Ok(mut answer) => {
                // Read, so that the connection can be used again; a status that has come counts whatever follows it.
                let _ = answer.body_mut().with_config().limit(WEBHOOK_ANSWER_BYTES_MAX).read_to_vec();
                match answer.status().as_u16() {
                    200..300 => Attempt::Taken,
                    410 => Attempt::Gone,
                    status => Attempt::Failed(Failure::Status(status)),
                }
            }
        }
    }

    /// Signed anew for each attempt, so that receivers need not take old signatures.
    fn headers(&self, batch: &Batch) -> Option<Vec<(&'static str, String)>> {
        let url = &self.target.url;
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).ok()?;
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        let own = |name: &str| (name == ID_HEADER).then_some(batch.id.as_bytes());
        let shown = Presented {
            method: "POST",
            scheme: url.scheme_str()?,
            authority: url.authority()?.as_str(),
            path: url.path(),
            query: url.query(),
            headers: &own,
            body: &batch.body,
            certificate: None,
        };
        let of = (self.key_id.as_str(), hex::encode(&nonce), now_s);
        let mut headers = sign_covering(&shown, &[ID_HEADER], &self.key, (of.0, &of.1, of.2));
        if let Some(secret) = &self.secret {
            headers.push(("webhook-timestamp", now_s.to_string()));
            headers.push(("webhook-signature", secret.sign((&batch.id, now_s), &batch.body)));
        }
        Some(headers)
    }
}

impl fmt::Debug for Poster {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Poster({:?})", self.target)
    }
}

fn failure(error: &Error) -> Failure {
    match error {
        Error::Timeout(_) => Failure::TimedOut,
        Error::HostNotFound => Failure::Name("its name is not known"),
        Error::Other(other) if other.is::<OutOfReach>() => {
            Failure::Name("its name leads to an address that its list in [webhooks] does not allow")
        }
        // So a handshake ends that rustls refuses.
        Error::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => Failure::Tls,
        Error::Io(error) => Failure::Connection(error.kind()),
        Error::ConnectionFailed => Failure::Connection(ErrorKind::NotConnected),
        Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) | Error::TlsRequired => Failure::Tls,
        _ => Failure::Protocol,
    }
}
