//! QR codes that this house stands for: what a merchant or a person shows to be paid (EMV merchant-presented), and what a
//! cardholder shows to be charged (consumer-presented). A code carries all that it means under a seal of the house, so
//! nothing is remembered of it: a restart forgets none.
//!
//! A token is a participant's word that its account may be charged, so the seal's key is the house's alone: it is in no
//! journal, and no validator has it. A code pays once because the ids of the transfers that may pay it follow from it, one
//! after another: the next is tried only when the one before was refused, and nobody without the key knows any of them, so
//! nobody can use them up.

mod charge;
mod payment;

use std::fmt;

use feiqian_core::uetr::Uetr;
use feiqian_iso20022::codes::{self as iso, ReasonCode};

pub(crate) use charge::ChargeToken;
pub(crate) use payment::{Once, PaymentCode, Shown};

/// Domain of the seals.
const CONTEXT: &str = "feiqian 2026-11-27 seal of a QR code";
/// Names this house's templates in a code.
const IDENTIFIER: &str = "org.feiqian";

/// What seals codes. Never shown.
#[derive(Clone)]
pub struct CodeKey([u8; 32]);

impl CodeKey {
    /// The key that follows from a secret of the house.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(blake3::derive_key(CONTEXT, secret))
    }

    /// The id of the transfer that pays a code, as the `attempt`-th that is tried.
    pub(crate) fn transfer(&self, kind: Kind, code: u128, attempt: u8) -> u128 {
        let content = [&[attempt][..], &code.to_be_bytes()].concat();
        Uetr::from_digest(self.digest((kind, Use::Transfer), &content)).bits()
    }

    /// Over a code's content.
    fn seal(&self, kind: Kind, content: &[u8]) -> Seal {
        Seal(self.digest((kind, Use::Seal), content))
    }

    fn digest(&self, (kind, purpose): (Kind, Use), content: &[u8]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&[kind as u8, purpose as u8]).update(content);
        let mut digest = [0; 16];
        hasher.finalize_xof().fill(&mut digest);
        digest
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeKey")
    }
}

/// What a digest is for: one must not pass for the other.
#[derive(Clone, Copy)]
enum Use {
    Seal = 1,
    Transfer = 2,
}

/// Which of the two codes a digest is of: one must not pass for the other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Payment = 1,
    Charge = 2,
}

/// A seal; two are compared in constant time.
#[derive(Clone, Copy, Debug)]
struct Seal([u8; 16]);

impl PartialEq for Seal {
    fn eq(&self, other: &Self) -> bool {
        let difference = self.0.iter().zip(&other.0).fold(0_u8, |sum, (left, right)| sum | (left ^ right));
        std::hint::black_box(difference) == 0
    }
}

/// Why a code is not taken. Each is a kind of problem of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum CodeFault {
    /// It can't be read: where and why. A wrong CRC is one of these.
    Unreadable(feiqian_emvqr::Error),
    /// It is another house's.
    Foreign,
    /// Something in it was changed after it was made.
    Altered,
}

impl CodeFault {
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "code_unreadable",
            Self::Foreign => "code_foreign",
            Self::Altered => "code_altered",
        }
    }

    /// Of the code set ExternalStatusReason1Code: what is not a code as it should be is formally wrong, another house's
    /// creditor is not registered here, and a broken seal is no accident.
    pub(crate) const fn reason(&self) -> ReasonCode {
        match self {
            Self::Unreadable(_) => iso::CH16,
            Self::Foreign => iso::CNOR,
            Self::Altered => iso::FR01,
        }
    }
}

impl fmt::Display for CodeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "{error}: scan it again"),
            Self::Foreign => f.write_str("the code is not of this house"),
            Self::Altered => f.write_str("the code was changed after it was made: do not pay it"),
        }
    }
}
