//! `feiqian block HEIGHT`: a sealed block's header, whether the operator's signature holds, and whether enough
//! witnesses have cosigned a checkpoint of the log that has it. With `--log` from the log's files alone.

use std::fmt;
use std::path::PathBuf;

use feiqian_proof::header::{BlockHeader, Root};
use feiqian_proof::leaf::SaltSeed;
use feiqian_proof::signature::{PublicKey, verify_header};
use feiqian_runtime::book::SealedBlock;
use serde::Serialize;

use super::Context;
use super::checkpoint::{Logged, header_in_log};
use crate::fault::Fault;
use crate::names::time_text;
use crate::output::Output;

#[derive(Serialize)]
struct RootLine {
    hash: String,
    size: u64,
}

impl From<Root> for RootLine {
    fn from(root: Root) -> Self {
        Self { hash: root.hash.to_string(), size: root.size }
    }
}

#[derive(Serialize)]
struct BlockReport {
    height: u64,
    hash: String,
    previous: String,
    chain_id: String,
    first_sequence: u64,
    count: u64,
    time: String,
    cycle: u64,
    totals: String,
    transfers: RootLine,
    positions: RootLine,
    accounts: RootLine,
    config: RootLine,
    journal_head: String,
    /// Of the header alone; none from a log, whose checkpoint is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    /// Blocks of the signed checkpoint that holds it, where it was read from a log.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<u64>,
    is_signed_by_operator: bool,
    /// `SEALED` or `WITNESSED`.
    state: &'static str,
    /// Of its salts, where it was asked for: a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    salt_seed: Option<String>,
}

impl BlockReport {
    fn of(block: &SealedBlock, key: &PublicKey, witnessed: u64, seed: Option<&SaltSeed>) -> Self {
        Self {
            signature: Some(block.signature.to_string()),
            is_signed_by_operator: verify_header(key, &block.header.hash(), &block.signature),
            state: state_name(block.header.height, witnessed),
            salt_seed: seed.map(|seed| feiqian_identity::hex::encode(&seed.0)),
            ..Self::of_header(&block.header)
        }
    }

    /// Of one that a signed checkpoint holds. Who must have cosigned that, a policy says, which is not asked for here.
    fn logged(Logged { header, size }: &Logged) -> Self {
        Self { checkpoint: Some(*size), is_signed_by_operator: true, ..Self::of_header(header) }
    }

    /// Signed by nobody.
    fn of_header(header: &BlockHeader) -> Self {
        let BlockHeader { height, first_sequence, count, cycle, .. } = *header;
        Self {
            height,
            hash: header.hash().to_string(),
            previous: header.previous.to_string(),
            chain_id: feiqian_identity::hex::encode(&header.chain_id),
            first_sequence,
            count,
            time: time_text(header.timestamp),
            cycle,
            totals: header.totals.to_string(),
            transfers: header.transfers.into(),
            positions: header.positions.into(),
            accounts: header.accounts.into(),
            config: header.config.into(),
            journal_head: header.journal_head.to_string(),
            signature: None,
            checkpoint: None,
            is_signed_by_operator: false,
            state: "SEALED",
            salt_seed: None,
        }
    }
}

impl fmt::Display for BlockReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.first_sequence + self.count.saturating_sub(1);
        writeln!(f, "block {}  {}", self.height, self.hash)?;
        writeln!(f, "  previous    {}", self.previous)?;
        writeln!(f, "  entries     {} to {last} ({})", self.first_sequence, self.count)?;
        writeln!(f, "  sealed      {}, cycle {}", self.time, self.cycle)?;
        writeln!(f, "  state       {}", self.state)?;
        let trees = [
            ("transfers", &self.transfers),
            ("positions", &self.positions),
            ("accounts", &self.accounts),
            ("config", &self.config),
        ];
        for (name, root) in trees {
            writeln!(f, "  {name:<10}  {} over {}", root.hash, root.size)?;
        }
        writeln!(f, "  totals      {}", self.totals)?;
        writeln!(f, "  journal     {}", self.journal_head)?;
        let word = if self.is_signed_by_operator { "valid" } else { "NOT VALID" };
        match self.checkpoint {
            Some(size) => writeln!(f, "  signature   {word}, of the log's checkpoint over {size} blocks")?,
            None => writeln!(f, "  signature   {word}")?,
        }
        match &self.salt_seed {
            Some(seed) => {
                writeln!(f, "  salt seed   {seed} (secret: it opens this block's transfers and positions)")
            }
            None => Ok(()),
        }
    }
}

/// What a sealed block is, where all to the height `witnessed` are WITNESSED: a log's checkpoint stands for all
/// blocks before it.
pub(super) const fn state_name(height: u64, witnessed: u64) -> &'static str {
    if height <= witnessed { "WITNESSED" } else { "SEALED" }
}

pub(super) fn block(context: &Context, height: u64, with_seed: bool) -> Result<(), Fault> {
    let report = context.with_session(&[], |session| {
        let archive = session.engine.archive();
        let block = archive.block(height)?.ok_or_else(|| {
            Fault::Absent(format!("block {height}: there are blocks 1 to {}", archive.blocks.last()))
        })?;
        let seed = session.engine.directory().registry(|registry| registry.block_seed(height));
        let seed = with_seed.then_some(&seed);
        Ok(BlockReport::of(&block, &session.genesis.operator_key, session.engine.log().witnessed(), seed))
    })?;
    context.output.report(&report);
    match report.is_signed_by_operator {
        true => Ok(()),
        false => Err(Fault::Check(format!("block {height} is not signed by the operator's key"))),
    }
}

pub(super) fn block_in_log(
    output: Output,
    height: u64,
    (log, key): (PathBuf, Option<&str>),
) -> Result<(), Fault> {
    output.report(&BlockReport::logged(&header_in_log(log, key, height)?));
    Ok(())
}
