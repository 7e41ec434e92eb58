//! The command that orders a posting, and its byte form.

use alloc::string::String;

use feiqian_proof::hash::{Domain, Hash, keyed};

use crate::account::AccountHandle;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::limits::REASON_BYTES_MAX;

/// 60: two officers order one transfer between two accounts of one currency.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PostingCommand {
    /// The account that pays.
    pub debtor: AccountHandle,
    /// The account that is paid.
    pub creditor: AccountHandle,
    /// Minor units.
    pub amount: u64,
    /// Why, in words: at least one byte and at most [`REASON_BYTES_MAX`].
    pub reason: String,
    /// Seconds of frame time in which it may be carried out.
    pub valid_seconds: u32,
}

impl PostingCommand {
    /// The digest of the reason: the reference of the transfer that is ordered.
    #[must_use]
    pub fn reference(&self) -> Hash {
        keyed(Domain::Command, &[b"posted because".as_slice(), self.reason.as_bytes()].concat())
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        to.u8(60);
        [self.debtor, self.creditor, self.amount].into_iter().for_each(|value| to.u64(value));
        to.bytes(self.reason.as_bytes());
        to.u32(self.valid_seconds);
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            debtor: from.u64()?,
            creditor: from.u64()?,
            amount: from.u64()?,
            reason: from.text(REASON_BYTES_MAX)?,
            valid_seconds: from.u32()?,
        })
    }
}
