//! ISO 20022 codec: bytes to payments and answers to bytes.
//!
//! Reading order: [`payment`] (what a message says), [`transfers`] (streaming it out of a file), [`status`] and
//! [`reject`] (the answers), [`confirmation`] (an answer that decides), [`returns`], [`recall`], [`resolution`] and
//! [`status_request`] and [`investigation`] (what comes after a payment), [`payment_request`] (what comes before one), [`direct_debit`], [`verification`], [`account_query`], [`reporting_request`] and
//! [`system_event`] (what asks and moves nothing), [`statement`] (accounts as another bank keeps them), [`mod@write`] (all that is written),
//! [`profile`] (what a scheme asks beyond the schema), [`generation`] (which version answers which), then below them
//! [`events`] (the validating reader) and the tables of the schemas. Pure: no file, socket, clock or randomness; times
//! and ids come in as values.
#![forbid(unsafe_code)]

pub mod account_query;
pub mod case;
pub mod codes;
pub mod confirmation;
pub mod derive;
pub mod direct_debit;
pub mod error;
pub mod events;
mod fields;
pub mod generation;
pub mod investigation;
mod kept;
mod lexical;
pub mod limits;
mod namespace;
pub mod original;
pub mod payment;
pub mod payment_request;
pub mod profile;
pub mod recall;
pub mod reject;
pub mod reporting_request;
pub mod resolution;
pub mod returns;
mod schema;
pub mod statement;
pub mod status;
pub mod status_request;
pub mod system_event;
mod totals;
pub mod transfers;
mod verbatim;
pub mod verification;
mod whole;
pub mod write;
mod xml;

pub use error::{ErrorCode, ReadError};
pub use kept::Kept;
pub use limits::Limits;
pub use schema::{Family, MessageType};
pub use verbatim::Verbatim;
