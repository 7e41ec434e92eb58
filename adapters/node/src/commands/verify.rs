//! `feiqian verify FILE --key KEY`: checks a receipt, or a proof of another kind, from the file and the public key alone.
//! Opens no engine.

use std::fmt;
use std::path::Path;

use feiqian_core::currency::Currency;
use feiqian_core::money::decimal;
use feiqian_core::outcome::{Outcome, RejectReason};
use feiqian_core::transfer::Record;
use feiqian_proof::kinds::{LogInclusionProof, Proof};
use feiqian_proof::receipt::{Receipt, ReceiptError};
use feiqian_proof::signature::PublicKey;
use serde::Serialize;

use super::proof_file;
use super::verify_kinds::{LoggedBlock, VerifiedProof};
use crate::fault::Fault;
use crate::keys::read_public;
use crate::names::{time_text, uetr_text};
use crate::output::Output;
use crate::witnesses::read_policy;

/// What a receipt proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifiedTransfer {
    /// Always true: nothing else is made from a receipt that does not verify.
    pub is_valid: bool,
    /// The transfer's id.
    pub uetr: String,
    /// What became of it.
    pub outcome: String,
    /// Why it was rejected, if it was.
    pub reason: Option<String>,
    /// As submitted, decimal.
    pub amount: String,
    /// Currency code.
    pub currency: String,
    /// Handle of the account that pays.
    pub debtor: u64,
    /// Handle of the account that is paid.
    pub creditor: u64,
    /// Its place in the journal.
    pub sequence: u64,
    /// When it was journaled.
    pub time: String,
    /// Height of its block.
    pub block: u64,
    /// The chain.
    pub chain_id: String,
    /// The payment's details, where the receipt discloses them.
    pub details: Option<serde_json::Value>,
    /// The log that holds the block, where the file shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logged: Option<LoggedBlock>,
}

impl fmt::Display for VerifiedTransfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        writeln!(f, "valid: transfer {} was {}{reason}", self.uetr, self.outcome)?;
        writeln!(f, "  {} {}, account {} to {}", self.amount, self.currency, self.debtor, self.creditor)?;
        writeln!(
            f,
            "  block {} of chain {}, sequence {}, {}",
            self.block, self.chain_id, self.sequence, self.time
        )?;
        self.logged.as_ref().map_or(Ok(()), |logged| logged.fmt(f))
    }
}

pub(super) fn verify(
    output: Output,
    file: &Path,
    (key, chain): (&str, Option<&str>),
    policy: Option<&Path>,
) -> Result<(), Fault> {
    let key = read_public(key)?;
    let chain = chain.map(parse_chain).transpose()?;
    let bytes = proof_file::read(file)?;
    let refused = |error: String| Fault::Check(format!("{}: not valid: {error}", file.display()));
    let proof = proof_file::decode(&bytes).map_err(refused)?;
    let proven = proof.verify(&key, chain.as_ref()).map_err(|refusal| refused(refusal.to_string()))?;
    let policy = policy.map(read_policy).transpose()?;
    let logged = match proven.get() {
        Proof::LogInclusion(logged) => Some(LoggedBlock::of(logged, policy.as_ref())),
        _ => None,
    };
    match proven.get() {
        // What became of a transfer is told in full.
        Proof::Receipt(receipt) => output.report(&told(receipt, None, &key).map_err(refused)?),
        Proof::LogInclusion(LogInclusionProof { proof, .. }) if let Proof::Receipt(receipt) = &**proof => {
            output.report(&told(receipt, logged.clone(), &key).map_err(refused)?);
        }
        _ => output.report(&VerifiedProof::of(&proven, logged.clone())),
    }
    match (policy, logged) {
        (Some(policy), None) => Err(refused(format!("it has no checkpoint that could meet `{policy}`"))),
        (Some(policy), Some(logged)) if !logged.is_witnessed => {
            Err(Fault::Check(format!("{}: the cosignatures do not meet `{policy}`", file.display())))
        }
        _ => Ok(()),
    }
}

fn told(receipt: &Receipt, logged: Option<LoggedBlock>, key: &PublicKey) -> Result<VerifiedTransfer, String> {
    let told = check_receipt(receipt, key).map_err(|error| error.to_string())?;
    Ok(VerifiedTransfer { logged, ..told })
}

fn parse_chain(text: &str) -> Result<[u8; 16], Fault> {
    let wrong = || Fault::Usage(format!("--chain {text}: takes 32 lower-case hexadecimal digits"));
    feiqian_identity::hex::decode(text).ok_or_else(wrong)
}

/// Checks a receipt's bytes under a key.
///
/// # Errors
/// [`ReceiptError`], the first check that fails.
pub fn check(bytes: &[u8], key: &PublicKey) -> Result<VerifiedTransfer, ReceiptError> {
    check_receipt(&Receipt::decode(bytes)?, key)
}

fn check_receipt(receipt: &Receipt, key: &PublicKey) -> Result<VerifiedTransfer, ReceiptError> {
    let verified = receipt.verify(key)?;
    // Infallible: both are 128 bytes, and every bit pattern is a record.
    let Record { uetr, debtor, creditor, amount, currency, sequence, timestamp, outcome, reason, .. } =
        zerocopy::transmute!(*verified.record());
    let known = Currency::from_numeric(currency.get());
    let minor = amount.get();
    let header = verified.header();
    Ok(VerifiedTransfer {
        is_valid: true,
        uetr: uetr_text(uetr.get()),
        outcome: Outcome::from_number(outcome).map_or("unknown", Outcome::name).to_owned(),
        reason: RejectReason::from_number(reason).map(|reason| reason.name().to_owned()),
        amount: known.map_or_else(|| minor.to_string(), |known| decimal(minor.into(), known)),
        currency: known.map_or_else(|| currency.to_string(), |known| known.code().to_owned()),
        debtor: debtor.get(),
        creditor: creditor.get(),
        sequence: sequence.get(),
        time: time_text(timestamp.get()),
        block: header.height,
        chain_id: feiqian_identity::hex::encode(&header.chain_id),
        details: verified.details().and_then(|bytes| serde_json::from_slice(bytes).ok()),
        logged: None,
    })
}
