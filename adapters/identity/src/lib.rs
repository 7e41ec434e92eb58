//! Who sends a request, proven: by the certificate of its connection, by a signature over it, or by an API key.
//!
//! Knows HTTP's words (method, path, headers) and no HTTP library; reads its files when it is asked to, and opens no socket. What a caller may do is said by its roles and its participant; whether that suffices is the transport's to ask,
//! and the engine's to refuse.
//!
//! ```text
//!  connection's certificate ─┐
//!  Signature, Content-Digest ─┼─▶ Identities::identify ─▶ Caller { name, participant, roles } or Unidentified
//!  Authorization: Bearer …  ─┘
//! ```

pub mod api_key;
pub mod authority;
mod caller;
mod certificate;
pub mod hex;
mod identities;
pub mod limits;
mod register;
pub mod signed;
pub mod tls;

pub use caller::{Caller, Presented, Role, Roles};
pub use certificate::CertificateFault;
pub use identities::{Identities, IdentityFile, Unidentified};
pub use register::RegisterFault;
