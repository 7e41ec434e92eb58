//! `feiqian audit --participant BIC --files DIR`: what one bank can check of the clearing house from its own files and
//! the operator's public key alone. Opens no engine, asks nobody, changes nothing but for evidence that it finds.
//!
//! Proofs of any kind are verified, and held against each other: their blocks are one chain, and a position goes on from
//! block to block by what moved. Receipts don't prove that nothing is missing; proofs of completeness do, block by block.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::money::decimal;
use feiqian_core::outcome::Outcome;
use feiqian_core::transfer::Record;
use feiqian_proof::checkpoint::{Checkpoint, log_key};
use feiqian_proof::header::BlockHeader;
use feiqian_proof::kinds::{Proof, SignedHeader};
use feiqian_proof::leaf::PositionLeaf;
use feiqian_proof::log::origin_of;
use feiqian_proof::note::VerifierKey;
use feiqian_proof::receipt::Receipt;
use feiqian_proof::signature::PublicKey;
use feiqian_runtime::follow::Evidence;
use feiqian_runtime::identity::Identity;
use feiqian_runtime::stores::StoredBlock;
use serde::Serialize;

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
    /// Verified.
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
    /// Different blocks that proofs show, each signed.
    blocks: u64,
    /// Pairs of neighbours among them, each of which names the one before.
    links: u64,
    /// Checkpoints, each signed by the operator.
    checkpoints: u64,
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
        writeln!(
            f,
            "  {blocks} blocks, {links} links between neighbours, {checkpoints} checkpoints: one chain"
        )?;
        let (all, moved) = (grouped(self.complete_blocks), grouped(self.complete_transfers));
        writeln!(
            f,
            "  complete for {all} blocks and currencies, {moved} transfers; {} positions",
            self.positions_continued
        )?;
        writeln!(f, "  go on from block to block; of other blocks nothing proves that there is no more")?;
        if !self.other_files.is_empty() {
            writeln!(f, "  not looked into: {}", self.other_files.join(", "))?;
        }
        Ok(())
    }
}

/// What has been seen, for comparison with what comes.
#[derive(Default)]
struct Seen {
    blocks: BTreeMap<u64, (BlockHeader, StoredBlock)>,
    /// Signed roots of the log by size.
    log: BTreeMap<u64, (feiqian_proof::Hash, PathBuf)>,
    cleared: BTreeMap<u16, u128>,
    /// The participant's, by currency and height.
    positions: BTreeMap<(u16, u64), PositionLeaf>,
}

pub(in crate::commands) fn audit_files(output: Output, arguments: &AuditArgs) -> Result<(), Fault> {
    let usage = || Fault::Usage("audit --participant BIC --files DIR --key KEY: all three".to_owned());
    let (Some(bic), Some(files), Some(key)) = (&arguments.participant, &arguments.files, &arguments.key)
    else {
        return Err(usage());
    };
    let bic = Bic::parse(bic).map_err(|error| Fault::Usage(format!("--participant {bic} {error}")))?;
    let key = read_public(key)?;
    let mut audit = FilesAudit { is_good: true, participant: bic.to_string(), ..FilesAudit::default() };
    let mut seen = Seen::default();
    let mut notes = Vec::new();
    for path in names(files)? {
        match read(&path)? {
            Some(bytes) if proof_file::is_proof(&bytes) => {
                take_proof(&mut audit, &mut seen, (&path, &bytes), (&bic, &key))?;
            }
            Some(bytes) if bytes.starts_with(b"feiqian/") => notes.push((path, bytes)),
            _ => audit.other_files.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned()),
        }
    }
    let Some((header, _)) = seen.blocks.values().next() else {
        return Err(Fault::Absent(format!("{}: there is no proof", files.display())));
    };
    audit.chain_id = feiqian_identity::hex::encode(&header.chain_id);
    let log = log_key(&origin_of(&header.chain_id), key).map_err(|error| Fault::Usage(error.to_string()))?;
    for (path, bytes) in notes {
        take_checkpoint(&mut seen, &log, path, &bytes)?;
        audit.checkpoints += 1;
    }
    audit.links = links(&seen)?;
    audit.positions_continued = continued(&seen)?;
    audit.blocks = seen.blocks.len() as u64;
    audit.cleared = seen.cleared.iter().map(|(currency, amount)| amount_text(*currency, *amount)).collect();
    output.report(&audit);
    Ok(())
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
    (bic, key): (&Bic, &PublicKey),
) -> Result<(), Fault> {
    let refused = |what: &dyn fmt::Display| Fault::Check(format!("{}: not valid: {what}", path.display()));
    let proof = proof_file::decode(bytes).map_err(|error| refused(&error))?;
    proof.verify(key, None).map_err(|error| refused(&error))?;
    if let Some(SignedHeader { header, signature }) = block_of(&proof) {
        take_block(
            seen,
            path,
            (header, StoredBlock { header: header.encode(), signature: signature.0 }),
            key,
        )?;
    }
    *audit.proofs.entry(proof.kind().name().to_owned()).or_default() += 1;
    match &proof {
        Proof::Receipt(receipt) => {
            count_receipt(audit, seen, receipt, bic);
        }
        Proof::Position(position) if position.leaf.bic == *bic.as_bytes() => {
            let leaf = &position.leaf;
            seen.positions.insert((leaf.currency, position.block.header.height), *leaf);
        }
        Proof::Completeness(all) if all.position.leaf.bic == *bic.as_bytes() => {
            let leaf = &all.position.leaf;
            seen.positions.insert((leaf.currency, all.position.block.header.height), *leaf);
            audit.complete_blocks += 1;
            audit.complete_transfers += leaf.count;
        }
        _ => {}
    }
    Ok(())
}

/// The block that a proof is about, as the operator signed it.
fn block_of(proof: &Proof) -> Option<SignedHeader> {
    let of_receipt =
        |receipt: &Receipt| SignedHeader { header: receipt.header, signature: receipt.signature };
    Some(match proof {
        Proof::Receipt(receipt) => of_receipt(receipt),
        Proof::Position(proof) => proof.block,
        Proof::Completeness(proof) => proof.position.block,
        Proof::Balance(proof) => proof.block,
        Proof::Settlement(proof) => proof.block,
        Proof::SignedBatch(proof) => of_receipt(&proof.receipt),
        // Of sizes of the log, not of a block.
        Proof::LogConsistency(_) => return None,
        Proof::Consistency(proof) => {
            SignedHeader { header: *proof.headers.last()?, signature: proof.signature }
        }
    })
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

/// A position is that of the block before and what moved; at the beginning of a cycle what moved alone.
fn continued(seen: &Seen) -> Result<u64, Fault> {
    let mut pairs = 0;
    for ((currency, height), leaf) in &seen.positions {
        let before = height.checked_sub(1).and_then(|before| seen.positions.get(&(*currency, before)));
        let Some(before) = before else { continue };
        let from = if before.cycle == leaf.cycle { before.position } else { 0 };
        let moved = i128::try_from(leaf.credits).ok().zip(i128::try_from(leaf.debits).ok());
        let position = moved.and_then(|(credits, debits)| from.checked_add(credits)?.checked_sub(debits));
        if position != Some(leaf.position) {
            let what = format!(
                "the position after block {height} is not that after the block before and what moved"
            );
            return Err(Fault::Check(what));
        }
        pairs += 1;
    }
    Ok(pairs)
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

/// Two signed headers of one height are a fork: evidence is written, and convicts with the key alone.
fn take_block(
    seen: &mut Seen,
    path: &Path,
    (header, block): (BlockHeader, StoredBlock),
    key: &PublicKey,
) -> Result<(), Fault> {
    if let Some((other, _)) = seen.blocks.values().next()
        && other.chain_id != header.chain_id
    {
        let chain = feiqian_identity::hex::encode(&header.chain_id);
        return Err(Fault::Check(format!("{}: of another chain, {chain}", path.display())));
    }
    let Some((known, known_block)) = seen.blocks.insert(header.height, (header, block)) else {
        return Ok(());
    };
    if known == header {
        return Ok(());
    }
    let identity = Identity { chain_id: header.chain_id, operator: *key };
    let evidence = Evidence::Fork { identity, blocks: Box::new([known_block, block]), seals: Box::default() };
    let file = path.with_file_name(format!("fork-{}.fqe", header.height));
    std::fs::write(&file, evidence.encode())
        .map_err(|error| Fault::file(&file, "write the evidence", &error))?;
    let what = format!("the operator has signed two headers of height {}", header.height);
    Err(Fault::Check(format!("{}: {what}; evidence in {}", path.display(), file.display())))
}

fn take_checkpoint(seen: &mut Seen, log: &VerifierKey, path: PathBuf, bytes: &[u8]) -> Result<(), Fault> {
    let refused = |what: &dyn fmt::Display| Fault::Check(format!("{}: {what}", path.display()));
    let (checkpoint, _) = Checkpoint::open(bytes, log).map_err(|error| refused(&error))?;
    let head = checkpoint.head;
    match seen.log.get(&head.size) {
        Some((root, other)) if *root != head.root => {
            let other = other.display();
            Err(refused(&format!("the operator has signed another root at size {} in {other}", head.size)))
        }
        _ => {
            seen.log.insert(head.size, (head.root, path));
            Ok(())
        }
    }
}

fn links(seen: &Seen) -> Result<u64, Fault> {
    let mut links = 0;
    for (height, (header, _)) in &seen.blocks {
        let Some((before, _)) = height.checked_sub(1).and_then(|before| seen.blocks.get(&before)) else {
            continue;
        };
        if header.previous != before.hash() || before.first_sequence + before.count != header.first_sequence {
            return Err(Fault::Check(format!("block {height} does not continue the block before it")));
        }
        links += 1;
    }
    Ok(links)
}

fn amount_text(numeric: u16, minor: u128) -> (String, String) {
    match Currency::from_numeric(numeric) {
        Some(currency) => (currency.code().to_owned(), decimal(minor, currency)),
        None => (numeric.to_string(), minor.to_string()),
    }
}
