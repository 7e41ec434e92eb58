//! ISO 8583 codec: card messages to values and back, by field tables that are data.
//!
//! Reading order: [`spec`] (the tables), [`message`] (decode), [`builder`] (encode), [`values`] (what fields mean), then
//! [`framing`], [`mti`], [`mac`], [`pan`]. Pure: no file, socket, clock or randomness, and no rule of clearing. A card
//! number is shown masked only, and what authenticates a cardholder not at all.
#![forbid(unsafe_code)]

pub mod spec;
mod reader;
pub mod message;
pub mod builder;
pub mod values;
pub mod mti;
pub mod response_code;
pub mod framing;
pub mod mac_block;
pub mod mac;
pub mod pan;
pub mod error;
pub mod limits;
mod ebcdic;

pub use builder::{Builder, Draft};
pub use error::{Error, FrameError};
pub use message::{Field, Message};
pub use mti::{Class, Function, Mti};
pub use pan::Pan;
pub use spec::{Spec, SpecError};

/// The session of the README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
