//! Consumer-presented mode: base64 of BER-TLV that a consumer's application shows and a merchant scans.
//!
//! Source: EMV QR Code Specification for Payment Systems (EMV QRCPS), Consumer-Presented Mode, version 1.1; the coding
//! of tags, lengths and card data is that of EMV Book 3. No cryptogram is verified here: that is the issuer's.

mod ber;
mod builder;
mod card;
mod code;

pub use ber::{Object, Objects, Tag};
pub use builder::DataObjects;
pub use card::{Pan, Track2};
pub use code::{CardTemplate, ConsumerCode};
