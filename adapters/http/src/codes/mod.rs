//! QR codes that this house stands for: what a merchant or a person shows to be paid (EMV merchant-presented), and what a
//! cardholder shows to be charged (consumer-presented). A code carries all that it means under a seal of the house, so
//! nothing is remembered of it: a restart forgets none, and what pays once does so by its id, which is the transfer's.
//!
//! The seal's key follows from the genesis: the operator and those who follow the journal know it, no participant does.

mod charge;
mod payment;

use std::fmt;

use feiqian_core::command::Genesis;

pub(crate) use charge::ChargeToken;
pub(crate) use payment::{Once, PaymentCode, Shown};

/// Domain of the seals.
const CONTEXT: &str = "feiqian 2026-11-27 seal of a QR code";
/// Names this house's templates in a code.
const IDENTIFIER: &str = "org.feiqian";

/// What seals codes. Never shown.
#[derive(Clone)]
pub(crate) struct CodeKey([u8; 32]);

impl CodeKey {
    pub(crate) fn of(genesis: &Genesis) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&genesis.chain_id).update(&genesis.salt_secret);
        Self(*hasher.finalize().as_bytes())
    }

    /// 16 bytes over a code's content.
    fn seal(&self, kind: Kind, content: &[u8]) -> Seal {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&[kind as u8]).update(content);
        let mut seal = [0; 16];
        hasher.finalize_xof().fill(&mut seal);
        Seal(seal)
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeKey")
    }
}

/// Which of the two a seal is of: one must not pass for the other.
#[derive(Clone, Copy)]
enum Kind {
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
