//! QR codes: what is asked to be paid or charged, and what a scanned one says.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::form::{objects, words};
use super::seconds::Seconds;
use super::transfer::{Money, MoneyView};

/// How a code is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase", remote = "Self")]
pub(crate) enum PictureKind {
    /// SVG, as text.
    Svg,
    /// PNG, as base64.
    Png,
}

/// A code by which a merchant or a person is paid.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(crate) struct CodeRequest {
    /// The account to be paid, the caller's own.
    #[schema(min_length = 1, max_length = 64, example = "OTHR:TEA-HOUSE")]
    pub(crate) creditor: String,
    /// How much, once. Without it the code may be paid any number of times, and the payer says how much.
    #[serde(default)]
    pub(crate) amount: Option<Money>,
    /// Of a code with an amount: seconds until it expires; 900 where it is missing, a day at the most.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 86400)]
    pub(crate) expires_s: Option<Seconds>,
    /// Who is paid, as the payer is shown it (EMV 59).
    #[schema(min_length = 1, max_length = 25, example = "TEA HOUSE")]
    pub(crate) name: String,
    /// Where (EMV 60).
    #[schema(min_length = 1, max_length = 15, example = "SHANGHAI")]
    pub(crate) city: String,
    /// ISO 3166-1 alpha-2 (EMV 58).
    #[schema(pattern = "^[A-Z]{2}$", example = "CN")]
    pub(crate) country: String,
    /// Merchant category code, ISO 18245 (EMV 52); `0000` where it is missing: nobody trades.
    #[serde(default)]
    #[schema(pattern = "^[0-9]{4}$", example = "5812")]
    pub(crate) category: Option<String>,
    /// The payee's reference (EMV 62.05): the payment's `end_to_end_id`.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 25)]
    pub(crate) reference: Option<String>,
    /// Draw it too.
    #[serde(default)]
    pub(crate) picture: Option<PictureKind>,
}

/// A code that was made.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Code)]
pub(crate) struct CodeView {
    /// What is in the picture.
    pub(crate) payload: String,
    /// Until when, of codes that pay once and of tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<String>,
    /// The picture, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) picture: Option<String>,
}

/// A code that was scanned.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(crate) struct ScannedCode {
    /// What was scanned.
    #[schema(min_length = 1, max_length = 2953)]
    pub(crate) payload: String,
}

/// What a scanned code says, under the seal of this house.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct CodeMeaning {
    /// What is in the picture, where that was what came: `/v1/codes/pay` takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payload: Option<String>,
    /// The account to be paid.
    pub(crate) creditor: u64,
    /// BIC of its participant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) creditor_agent: Option<String>,
    /// Who is paid.
    pub(crate) name: String,
    /// Where.
    pub(crate) city: String,
    /// ISO 3166-1 alpha-2.
    pub(crate) country: String,
    /// Merchant category code.
    pub(crate) category: String,
    /// ISO 4217 code.
    pub(crate) currency: &'static str,
    /// How much, of a code that pays once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<MoneyView>,
    /// The payee's reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<String>,
    /// Until when, of a code that pays once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<String>,
    /// The transfer that has paid it, of a code that pays once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub(crate) paid_by: Option<String>,
}

/// The payment of a scanned code.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(crate) struct CodePayment {
    /// What was scanned.
    #[schema(min_length = 1, max_length = 2953)]
    pub(crate) payload: String,
    /// The account that pays, the caller's own.
    #[schema(min_length = 1, max_length = 64)]
    pub(crate) debtor: String,
    /// How much: needed where the code does not say; where it does, the same or nothing.
    #[serde(default)]
    pub(crate) amount: Option<Money>,
    /// Of a code that may be paid many times: this payment's id; made here where there is none.
    #[serde(default)]
    #[schema(pattern = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")]
    pub(crate) uetr: Option<String>,
}

/// A token by which a cardholder lets be charged once.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(crate) struct TokenRequest {
    /// The account to be charged, the caller's own.
    #[schema(min_length = 1, max_length = 64)]
    pub(crate) debtor: String,
    /// How much at the most.
    pub(crate) limit: Money,
    /// Seconds until it expires; 300 where it is missing, an hour at the most.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 3600)]
    pub(crate) expires_s: Option<Seconds>,
    /// Draw it too.
    #[serde(default)]
    pub(crate) picture: Option<PictureKind>,
}

/// A charge on a token that was scanned.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(crate) struct Charge {
    /// What was scanned.
    #[schema(min_length = 1, max_length = 2953)]
    pub(crate) payload: String,
    /// The account to be paid, the caller's own.
    #[schema(min_length = 1, max_length = 64)]
    pub(crate) creditor: String,
    /// How much: the token's limit at the most.
    pub(crate) amount: Money,
    /// The merchant's reference: the payment's `end_to_end_id`.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 35)]
    pub(crate) reference: Option<String>,
}

objects!(CodeRequest, ScannedCode, CodePayment, TokenRequest, Charge);
words!(PictureKind);
