//! Merchant-presented mode: the text that a merchant shows and a consumer's application scans.
//!
//! Source: EMV QR Code Specification for Payment Systems (EMV QRCPS), Merchant-Presented Mode, version 1.1. Reading
//! borrows from the text. [`Builder`] writes, and reads what it wrote before it hands it out.

mod account;
mod additional;
mod builder;
mod check;
mod code;
mod elements;

pub use account::{Account, Network, Template, UnionPayAccount};
pub use additional::{AdditionalData, AdditionalField, Label, LocalName, PROMPT};
pub use builder::{Builder, TemplateBuilder};
pub use code::{Initiation, MerchantCode, Percentage, Tip};
pub use elements::{Element, Elements};

/// How much of the standard a payload has to keep. Structure, CRC, currency, amounts and fees are never negotiable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Profile {
    /// EMV QRCPS to the letter.
    Emvco,
    /// As above, but mandatory ids may be missing: PromptPay and VietQR leave out category, name and city.
    Scheme,
    /// For reading what is printed on counters: too long or accented names, templates that hold something else, a CRC in
    /// lower case. Each such deviation is listed ([`MerchantCode::deviations`]). The builder takes it as
    /// [`Profile::Scheme`].
    Lenient,
}
