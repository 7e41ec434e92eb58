//! `feiqian audit --participant BIC --files DIR`: what one bank can check of the clearing house from its own files and
//! the operator's public key alone. Opens no engine, asks nobody, changes nothing but for evidence that it finds.
//!
//! Proofs of any kind are verified, and held against each other: blocks and the log's checkpoints ([`held`](super::held)),
//! lists, positions and receipts ([`own`](super::own)). Receipts don't prove that nothing is missing; proofs of completeness
//! do, block by block.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::money::decimal;
use feiqian_core::outcome::Outcome;
use feiqian_core::transfer::Record;
use feiqian_proof::checkpoint::{Checkpoint, log_key};
use feiqian_proof::kinds::Proof;
use feiqian_proof::log::origin_of;
use feiqian_proof::receipt::Receipt;
use feiqian_proof::signature::PublicKey;
use serde::Serialize;

use super::held::HeldChain;
use super::own::{Compared, OwnMoney};
use crate::cli::AuditArgs;
use crate::commands::proof_file::{self, PROOF_BYTES_MAX};
use crate::fault::Fault;
use crate::keys::read_public;
use crate::output::{Output, grouped};

#[derive(Serialize, Default)]
struct FilesAudit {
    is_good: bool,
    participant: String,
    chain_id: String,
    /// Verified, each transfer once.
    receipts: u64,
    /// Of those whose disclosed details name the participant.
    receipts_that_name_it: u64,
    /// Receipts by outcome.
    outcomes: BTreeMap<String, u64>,
    /// Amounts that cleared, by currency.
    cleared: BTreeMap<String, String>,
    /// Proofs by kind, receipts among them, each verified.
    proofs: BTreeMap<String, u64>,
    /// Blocks of which a proof says: these are all of the participant's transfers, in one currency.
    complete_blocks: u64,
    /// The transfers of those.
    complete_transfers: u64,
    /// Pairs of the participant's positions in neighbouring blocks, each of which goes on from the other.
    positions_continued: u64,
    /// Receipts whose transfers stand in a list that is complete.
    receipts_listed: u64,
    /// Lists that add up to their position, every account in them being known.
    lists_added_up: u64,
    /// Different blocks that proofs show, each signed or covered by a signature.
    blocks: u64,
    /// Pairs of neighbours among them, each of which names the one before.
    links: u64,
    /// Heads of the log, each signed by the operator.
    checkpoints: u64,
    /// In how many parts blocks and checkpoints fall, between which nothing here tells that they are of one chain.
    parts: u64,
    /// Files that are neither.
    other_files: Vec<String>,
}

impl fmt::Display for FilesAudit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { participant, receipts, receipts_that_name_it: own, blocks, links, checkpoints, .. } = self;
        writeln!(f, "{participant}: no difference in what its files prove, chain {}", self.chain_id)?;
        writeln!(f, "  {} receipts hold, {} of them name it", grouped(*receipts), grouped(*own))?;
        for (outcome, count) in &self.outcomes {
            writeln!(f, "    {outcome} {}", grouped(*count))?;
        }
        for (currency, amount) in &self.cleared {
            writeln!(f, "    {amount} {currency} cleared")?;
        }
        write!(f, "  {blocks} blocks, {links} links between neighbours, {checkpoints} checkpoints: ")?;
        match self.parts {
            1 => writeln!(f, "one chain")?,
            parts => writeln!(
                f,
                "in {parts} parts; that they are of one chain nothing here tells\n    (ask for receipts with \
                 --checkpoint, and for proofs of consistency between checkpoints)"
            )?,
        }
        let (all, moved) = (grouped(self.complete_blocks), grouped(self.complete_transfers));
        writeln!(
            f,
            "  complete for {all} blocks and currencies, {moved} transfers, {} receipts of",
            self.receipts_listed
        )?;
        writeln!(
            f,
            "  them; {} add up to their position with every account known; {} positions",
            self.lists_added_up, self.positions_continued
        )?;
        writeln!(f, "  go on from block to block; of other blocks nothing proves that there is no more")?;
        if !self.other_files.is_empty() {
            writeln!(f, "  not looked into: {}", self.other_files.join(", "))?;
        }
        Ok(())
    }
}

/// What the files tell, held against each other.
struct Seen {
    key: PublicKey,
    chain: HeldChain,
    own: OwnMoney,
    cleared: BTreeMap<u16, u128>,
}

pub(in crate::commands) fn audit_files(output: Output, arguments: &AuditArgs) -> Result<(), Fault> {
    let usage = || Fault::Usage("audit --participant BIC --files DIR --key KEY: all three".to_owned());
    let (Some(bic), Some(files), Some(key)) = (&arguments.participant, &arguments.files, &arguments.key)
    else {
        return Err(usage());
    };
    let bic = Bic::parse(bic).map_err(|error| Fault::Usage(format!("--participant {bic} {error}")))?;
    let accounts = (!arguments.accounts.is_empty()).then(|| arguments.accounts.iter().copied().collect());
    let mut audit = FilesAudit { is_good: true, participant: bic.to_string(), ..FilesAudit::default() };
    let mut seen = Seen {
        key: read_public(key)?,
        chain: HeldChain::default(),
        own: OwnMoney::new(bic, accounts),
        cleared: BTreeMap::new(),
    };
    take_all(&mut audit, &mut seen, (files, &bic))?;
    audit.links = seen.chain.check()?;
    (audit.blocks, audit.checkpoints, audit.parts) =
        (seen.chain.blocks(), seen.chain.heads(), seen.chain.parts());
    let Compared { continued, listed, added_up } = seen.own.compare()?;
    (audit.positions_continued, audit.receipts_listed, audit.lists_added_up) = (continued, listed, added_up);
    audit.cleared = seen.cleared.iter().map(|(currency, amount)| amount_text(*currency, *amount)).collect();
    output.report(&audit);
    Ok(())
}

/// Reads all files of the folder: proofs first, for a checkpoint does not say whose key it is signed with.
fn take_all(audit: &mut FilesAudit, seen: &mut Seen, (files, bic): (&Path, &Bic)) -> Result<(), Fault> {
    let mut notes = Vec::new();
    for path in names(files)? {
        match read(&path)? {
            Some(bytes) if proof_file::is_proof(&bytes) => take_proof(audit, seen, (&path, &bytes), bic)?,
            Some(bytes) if bytes.starts_with(b"feiqian/") => notes.push((path, bytes)),
            _ => audit.other_files.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned()),
        }
    }
    let absent = || Fault::Absent(format!("{}: there is no proof", files.display()));
    let chain_id = seen.chain.chain_id().ok_or_else(absent)?;
    audit.chain_id = feiqian_identity::hex::encode(&chain_id);
    let log = log_key(&origin_of(&chain_id), seen.key).map_err(|error| Fault::Usage(error.to_string()))?;
    notes.iter().try_for_each(|(path, bytes)| {
        let refused = |what: &dyn fmt::Display| Fault::Check(format!("{}: {what}", path.display()));
        let (checkpoint, _) = Checkpoint::open(bytes, &log).map_err(|error| refused(&error))?;
        seen.chain.take_head(&checkpoint.head, path)
    })
}

fn names(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let fault = |error: std::io::Error| Fault::file(folder, "read the folder", &error);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        if path.is_file() {
            names.push(path);
        }
    }
    names.sort();
    Ok(names)
}

/// None for a file that is longer than any that is looked into.
fn read(path: &Path) -> Result<Option<Vec<u8>>, Fault> {
    let fault = |error: std::io::Error| Fault::file(path, "read the file", &error);
    let length = std::fs::metadata(path).map_err(fault)?.len();
    if length > PROOF_BYTES_MAX {
        return Ok(None);
    }
    std::fs::read(path).map(Some).map_err(fault)
}

fn take_proof(
    audit: &mut FilesAudit,
    seen: &mut Seen,
    (path, bytes): (&Path, &[u8]),
    bic: &Bic,
) -> Result<(), Fault> {
    let refused = |what: &dyn fmt::Display| Fault::Check(format!("{}: not valid: {what}", path.display()));
    let proof = proof_file::decode(bytes).map_err(|error| refused(&error))?;
    proof.verify(&seen.key, None).map_err(|error| refused(&error))?;
    seen.chain.take(&proof, (path, &seen.key))?;
    let is_new = seen.own.take(&proof, path)?;
    *audit.proofs.entry(proof.kind().name().to_owned()).or_default() += 1;
    let within = match &proof {
        Proof::LogInclusion(logged) => &*logged.proof,
        proof => proof,
    };
    match within {
        Proof::Receipt(receipt) if is_new => count_receipt(audit, seen, receipt, bic),
        Proof::Completeness(all) if all.position.leaf.bic == *bic.as_bytes() => {
            audit.complete_blocks += 1;
            audit.complete_transfers += all.position.leaf.count;
        }
        _ => {}
    }
    Ok(())
}

fn count_receipt(audit: &mut FilesAudit, seen: &mut Seen, receipt: &Receipt, bic: &Bic) {
    // Infallible: both are 128 bytes, and every bit pattern is a record.
    let Record { currency, amount, outcome, .. } = zerocopy::transmute!(receipt.record);
    let outcome = Outcome::from_number(outcome);
    if outcome == Some(Outcome::Cleared) {
        *seen.cleared.entry(currency.get()).or_default() += u128::from(amount.get());
    }
    *audit.outcomes.entry(outcome.map_or("unknown", Outcome::name).to_owned()).or_default() += 1;
    audit.receipts += 1;
    let details = serde_json::from_slice(&receipt.details).ok();
    audit.receipts_that_name_it += u64::from(details.is_some_and(|details| has_bic(&details, bic)));
}

/// Whether a BIC stands anywhere in a payment's details.
fn has_bic(details: &serde_json::Value, bic: &Bic) -> bool {
    match details {
        serde_json::Value::String(text) => Bic::parse(text).is_ok_and(|found| found == *bic),
        serde_json::Value::Array(values) => values.iter().any(|value| has_bic(value, bic)),
        serde_json::Value::Object(fields) => fields.values().any(|value| has_bic(value, bic)),
        _ => false,
    }
}

fn amount_text(numeric: u16, minor: u128) -> (String, String) {
    match Currency::from_numeric(numeric) {
        Some(currency) => (currency.code().to_owned(), decimal(minor, currency)),
        None => (numeric.to_string(), minor.to_string()),
    }
}
