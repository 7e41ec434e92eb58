//! EMV QR codec: payloads of merchant-presented and consumer-presented codes to values and back, and their pictures.
//!
//! Reading order: [`mpm`] (what a merchant shows), [`cpm`] (what a consumer shows), then what both stand on: [`error`],
//! [`decimal`], [`limits`]. Pure: no file, socket, clock or randomness, and no rule of clearing. Whether a code is
//! expired, was paid before, or asks for another amount than the invoice is for whoever keeps the invoices.
#![forbid(unsafe_code)]

mod crc;
pub mod cpm;
pub mod decimal;
pub mod error;
pub mod limits;
mod mask;
pub mod mpm;
#[cfg(feature = "pictures")]
pub mod pictures;
#[cfg(feature = "scan")]
pub mod scan;

pub use crc::crc16;
pub use error::{Error, ErrorCode, Place};

/// The session of the README, as a test.
#[cfg(all(doctest, feature = "pictures"))]
#[doc = include_str!("../README.md")]
mod readme {}
