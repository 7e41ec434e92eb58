//! ISO 20022 codec: bytes to payments and answers to bytes.
//!
//! Reading order: [`payment`] (what a message says), [`transfers`] (streaming it out of a file), [`status`] and
//! [`reject`] (the answers), [`write`] (all that is written), then below them [`events`] (the validating reader) and
//! the tables of the schemas. Pure: no file, socket, clock or randomness; times and ids come in as values.
#![forbid(unsafe_code)]

pub mod codes;
pub mod derive;
pub mod error;
pub mod events;
mod fields;
mod lexical;
pub mod limits;
mod namespace;
pub mod payment;
pub mod reject;
mod schema;
pub mod status;
mod totals;
pub mod transfers;
pub mod write;
mod xml;

pub use error::{ErrorCode, ReadError};
pub use limits::Limits;
pub use schema::{Family, MessageType};
