//! `feiqian prove …`: makes the file that proves a position, all transfers of a participant, a balance, an obligation,
//! a signed batch, or that one block is an ancestor of another, of any sealed block.

use std::fmt;
use std::path::PathBuf;

use feiqian_core::account::SlotHandle;
use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_proof::kinds::{Obligation, Proof, SettlementProof};
use feiqian_runtime::prover::{Prover, ProverFault, consistency};
use feiqian_runtime::query::Archive;
use feiqian_runtime::storage::files::FileStorage;
use serde::Serialize;

use super::{Context, proof_file};
use crate::cli::{ProveArgs, ProveWhat};
use crate::fault::Fault;
use crate::names::{find_account, parse_uetr};
use crate::session::Session;

#[derive(Serialize)]
struct ProofReport {
    kind: &'static str,
    file: String,
    bytes: u64,
    block: u64,
    operator_key: String,
}

impl fmt::Display for ProofReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, file, bytes, block, operator_key } = self;
        writeln!(f, "{file}: {kind}, {bytes} bytes, block {block}")?;
        writeln!(f, "check it anywhere: feiqian verify {file} --key {operator_key}")
    }
}

impl From<ProverFault> for Fault {
    fn from(fault: ProverFault) -> Self {
        match fault {
            ProverFault::Absent(_) | ProverFault::NoBlock(_) => Self::Absent(fault.to_string()),
            _ => Self::Data(fault.to_string()),
        }
    }
}

pub(super) fn prove(context: &Context, arguments: &ProveArgs) -> Result<(), Fault> {
    let report = context.with_session(&[], |session| {
        let (proof, block) = make(session, arguments)?;
        let kind = proof.kind().name();
        let bytes = proof_file::encode(session, (proof, block), &arguments.form)?;
        let suffix = if arguments.form.text { "json" } else { "proof" };
        let path = arguments.form.output.clone();
        let path = path.unwrap_or_else(|| PathBuf::from(format!("{kind}-{block}.{suffix}")));
        proof_file::write(&path, &bytes)?;
        Ok(ProofReport {
            kind,
            file: path.display().to_string(),
            bytes: bytes.len() as u64,
            block,
            operator_key: session.genesis.operator_key.to_string(),
        })
    })?;
    context.output.report(&report);
    Ok(())
}

/// The proof, and the height of its block.
fn make(session: &Session, arguments: &ProveArgs) -> Result<(Proof, u64), Fault> {
    let archive = session.engine.archive();
    let last = archive.blocks.last();
    let height = arguments.block.unwrap_or(last);
    let at = |height| Prover::at(archive.clone(), height);
    Ok(match &arguments.what {
        ProveWhat::Position { participant, currency } => {
            let prover = at(height)?;
            (Proof::Position(prover.position(slot_of(&prover, participant, currency)?)?), height)
        }
        ProveWhat::Completeness { participant, currency } => {
            let prover = at(height)?;
            (Proof::Completeness(prover.completeness(slot_of(&prover, participant, currency)?)?), height)
        }
        ProveWhat::Balance { account } => {
            let account = find_account(session.engine.directory(), account)?;
            (Proof::Balance(at(height)?.balance(account)?), height)
        }
        ProveWhat::Consistency { old, log: true } => {
            let proof = session.engine.log().consistency(*old, height);
            let proof = proof.map_err(|fault| Fault::Data(fault.to_string()))?;
            let absent = || Fault::Absent(format!("the log has no blocks 1 to {old} before {height}"));
            (Proof::LogConsistency(proof.ok_or_else(absent)?), height)
        }
        ProveWhat::Consistency { old, log: false } => {
            (Proof::Consistency(consistency(archive, *old, height)?), height)
        }
        ProveWhat::Settlement { currency, debtor, creditor } => {
            let height = match arguments.block {
                Some(height) => height,
                None => last_closing(archive)?,
            };
            let prover = at(height)?;
            let sides = (slot_of(&prover, debtor, currency)?, slot_of(&prover, creditor, currency)?);
            (Proof::Settlement(settlement(&prover, parse_currency(currency)?, sides)?), height)
        }
        ProveWhat::Batch { uetr } => {
            let id = parse_uetr(uetr)?.bits();
            let absent = || Fault::Absent(format!("{uetr}: never journaled"));
            let sequence = session.engine.find(id).ok_or_else(absent)?;
            let open = || Fault::Absent(format!("{uetr}: its block is still open"));
            let block = archive.block_of(sequence)?.ok_or_else(open)?.header.height;
            (at(block)?.signed_batch(sequence)?, block)
        }
    })
}

/// The last block that ended a cycle: the next one is of another.
fn last_closing(archive: &Archive<FileStorage>) -> Result<u64, Fault> {
    let mut behind = None;
    for height in (1..=archive.blocks.last()).rev() {
        let Some(block) = archive.block(height)? else { break };
        if behind.is_some_and(|cycle| cycle != block.header.cycle) {
            return Ok(height);
        }
        behind = Some(block.header.cycle);
    }
    Err(Fault::Absent("no cycle has ended yet, or no block has followed it: say --block".to_owned()))
}

/// The obligation between two positions, as everyone computes it from all of them.
fn settlement(
    prover: &Prover<FileStorage>,
    currency: Currency,
    (debtor, creditor): (SlotHandle, SlotHandle),
) -> Result<SettlementProof, Fault> {
    let sought = Obligation { currency: currency.numeric(), debtor, creditor, amount: 0 };
    let proof = prover.settlement(sought)?;
    let all = proof.obligations().map_err(|refusal| Fault::Data(refusal.to_string()))?;
    let found = all.into_iter().find(|one| (one.debtor, one.creditor) == (debtor, creditor));
    let obligation = found.ok_or_else(|| Fault::Absent("no such obligation settles the cycle".to_owned()))?;
    Ok(SettlementProof { obligation, ..proof })
}

fn parse_currency(text: &str) -> Result<Currency, Fault> {
    Currency::from_code(text).ok_or_else(|| Fault::Usage(format!("{text}: no currency that is known here")))
}

fn slot_of(prover: &Prover<FileStorage>, participant: &str, currency: &str) -> Result<SlotHandle, Fault> {
    let bic = Bic::parse(participant).map_err(|_| Fault::Usage(format!("{participant}: no BIC")))?;
    let registry = &prover.sealer().mirror().registry;
    let slot = registry.slot_of(bic, parse_currency(currency)?);
    slot.ok_or_else(|| Fault::Absent(format!("{participant} had no position in {currency} at that block")))
}
