//! Commands of fraud cases and their byte form.

use alloc::vec::Vec;

use crate::account::AccountHandle;
use crate::bic::Bic;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::command::decode_bic;
use crate::limits::{TRACED_ACCOUNTS_MAX, TRACED_TRANSFERS_MAX};

/// What a trace says of one account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Traced {
    /// Which account.
    pub account: AccountHandle,
    /// What is left on it of the money that is followed, minor units.
    pub amount: u64,
    /// How far it is from the reported transfer, whose own creditor is at one.
    pub hop: u8,
    /// Sequences of the transfers that brought it, ascending.
    pub via: Vec<u64>,
}

/// What is asked for. Numbers of the byte form are for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FraudCommand {
    /// 61: a cleared transfer is reported as fraud. The entry's id is the case's.
    Report {
        /// Whose customer paid; signs this, if no officer does.
        reporter: Bic,
        /// The transfer's id.
        transfer: u128,
        /// The sequence at which it cleared.
        sequence: u64,
        /// The account that paid.
        debtor: AccountHandle,
        /// The account that was paid.
        creditor: AccountHandle,
        /// What was paid, minor units.
        paid: u64,
        /// In dispute, minor units: at most what was paid and has not come back.
        amount: u64,
        /// So many hops are followed.
        hops: u8,
        /// Seconds of frame time until all that is held is free again.
        seconds: u32,
    },
    /// 62: what a trace has found is held. One officer signs it, as for all that only stops; two, where for an account
    /// less is asked than before.
    Hold {
        /// The case.
        case: u128,
        /// The last sequence that the trace has looked at.
        as_of: u64,
        /// Ascending by account.
        traced: Vec<Traced>,
    },
    /// 63: what is held is free again.
    Release {
        /// The case.
        case: u128,
        /// On one account; none ends the case.
        account: Option<AccountHandle>,
    },
    /// 64: a part of what is held on an account goes back to the one that paid.
    Return {
        /// The case.
        case: u128,
        /// The account.
        account: AccountHandle,
        /// Minor units.
        amount: u64,
    },
}

impl FraudCommand {
    pub(crate) fn encode(&self, to: &mut Encoder) {
        match self {
            Self::Report { reporter, transfer, sequence, debtor, creditor, paid, amount, hops, seconds } => {
                to.u8(61);
                to.raw(reporter.as_bytes());
                to.u128(*transfer);
                [*sequence, *debtor, *creditor, *paid, *amount].into_iter().for_each(|value| to.u64(value));
                to.u8(*hops);
                to.u32(*seconds);
            }
            Self::Hold { case, as_of, traced } => {
                to.u8(62);
                to.u128(*case);
                to.u64(*as_of);
                to.count(traced.len());
                traced.iter().for_each(|at| at.encode(to));
            }
            Self::Release { case, account } => {
                to.u8(63);
                to.u128(*case);
                to.u8(u8::from(account.is_some()));
                account.iter().for_each(|account| to.u64(*account));
            }
            Self::Return { case, account, amount } => {
                to.u8(64);
                to.u128(*case);
                to.u64(*account);
                to.u64(*amount);
            }
        }
    }

    pub(crate) fn decode(kind: u8, from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(match kind {
            61 => Self::Report {
                reporter: decode_bic(from)?,
                transfer: from.u128()?,
                sequence: from.u64()?,
                debtor: from.u64()?,
                creditor: from.u64()?,
                paid: from.u64()?,
                amount: from.u64()?,
                hops: from.u8()?,
                seconds: from.u32()?,
            },
            62 => {
                let (case, as_of) = (from.u128()?, from.u64()?);
                let count = from.count(TRACED_ACCOUNTS_MAX)?;
                let traced = (0..count).map(|_| Traced::decode(from)).collect::<Result<Vec<_>, _>>()?;
                Self::Hold { case, as_of, traced }
            }
            63 => Self::Release {
                case: from.u128()?,
                account: if from.flag()? { Some(from.u64()?) } else { None },
            },
            64 => Self::Return { case: from.u128()?, account: from.u64()?, amount: from.u64()? },
            _ => return Err(Malformed),
        })
    }
}

impl Traced {
    fn encode(&self, to: &mut Encoder) {
        to.u64(self.account);
        to.u64(self.amount);
        to.u8(self.hop);
        to.count(self.via.len());
        self.via.iter().for_each(|sequence| to.u64(*sequence));
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let (account, amount, hop) = (from.u64()?, from.u64()?, from.u8()?);
        let count = from.count(TRACED_TRANSFERS_MAX)?;
        let via = (0..count).map(|_| from.u64()).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { account, amount, hop, via })
    }
}
