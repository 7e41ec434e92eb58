//! ISO 20022 codec: bytes to payments and answers to bytes.
#![forbid(unsafe_code)]

pub mod error;
pub mod events;
mod lexical;
pub mod limits;
mod namespace;
mod schema;
mod xml;

pub use schema::{Family, MessageType};
