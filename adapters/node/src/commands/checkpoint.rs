//! `feiqian checkpoint`: checks the log of blocks from its files alone, which may be a copy: the operator's signature,
//! the witnesses' policy, a block in it, and that it extends an older one. Opens no engine.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use feiqian_proof::Hash;
use feiqian_proof::checkpoint::{Checkpoint, log_key};
use feiqian_proof::cosignature::time_of;
use feiqian_proof::header::BlockHeader;
use feiqian_proof::kinds::{LogConsistencyProof, SignedHead};
use feiqian_proof::log::{LogHead, verify_inclusion};
use feiqian_proof::note::{KeyKind, NOTE_BYTES_MAX, Note, VerifierKey};
use feiqian_proof::policy::WitnessPolicy;
use feiqian_proof::signature::Signature;
use feiqian_proof::tiles::{Stack, TILE_WIDTH, TileId, TileProver, decode_bundle, decode_tile};
use feiqian_runtime::stores::LOG_DIRECTORY;
use serde::Serialize;

use super::{Context, proof_file};
use crate::cli::CheckpointArgs;
use crate::fault::Fault;
use crate::keys::read_public;
use crate::names::time_text;
use crate::witnesses::read_policy;

/// No file of a log is longer.
const FILE_BYTES_MAX: u64 = NOTE_BYTES_MAX as u64;

#[derive(Serialize)]
struct CheckpointReport {
    file: String,
    origin: String,
    size: u64,
    root: String,
    /// Verifier key of the operator, whose signature holds: nothing is reported of a checkpoint where it doesn't.
    signed_by: String,
    witnesses: Vec<WitnessLine>,
    policy: Option<String>,
    is_witnessed: bool,
    block: Option<BlockLine>,
    extends: Option<u64>,
}

#[derive(Serialize)]
struct WitnessLine {
    name: String,
    time: String,
}

#[derive(Serialize)]
struct BlockLine {
    height: u64,
    hash: String,
    /// Hashes of the path from the header to the root, all checked.
    path: usize,
}

impl BlockLine {
    fn of(header: &BlockHeader, path: usize) -> Self {
        Self { height: header.height, hash: header.hash().to_string(), path }
    }
}

impl fmt::Display for CheckpointReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: valid, {} blocks", self.file, self.size)?;
        writeln!(f, "  root        {}", self.root)?;
        writeln!(f, "  signed by   {}", self.signed_by)?;
        for WitnessLine { name, time } in &self.witnesses {
            writeln!(f, "  cosigned    {time} by {name}")?;
        }
        if let Some(policy) = &self.policy {
            writeln!(
                f,
                "  state       {}: {policy}",
                if self.is_witnessed { "WITNESSED" } else { "SEALED" }
            )?;
        }
        if let Some(BlockLine { height, hash, path }) = &self.block {
            writeln!(f, "  block       {height} is in it, {path} hashes: {hash}")?;
        }
        match self.extends {
            Some(size) => writeln!(f, "  extends     the log of {size} blocks"),
            None => Ok(()),
        }
    }
}

pub(super) fn checkpoint(context: &Context, arguments: &CheckpointArgs) -> Result<(), Fault> {
    let own = context.data.join(LOG_DIRECTORY);
    let folder = Folder(arguments.log.clone().unwrap_or(own));
    let policy = arguments.policy.as_deref().map(read_policy).transpose()?;
    let report = folder.check(arguments, policy.as_ref())?;
    context.output.report(&report);
    match (&report.policy, report.is_witnessed) {
        (Some(policy), false) => {
            Err(Fault::Check(format!("{}: the cosignatures do not meet `{policy}`", report.file)))
        }
        _ => Ok(()),
    }
}

/// A block as a log's signed checkpoint holds it.
pub(super) struct Logged {
    pub(super) header: BlockHeader,
    /// Blocks in the checkpoint.
    pub(super) size: u64,
}

/// The header of a block, proven from a log's files and its newest checkpoint.
///
/// # Errors
/// [`Fault::Absent`] for a block that it does not hold; [`Fault::Check`] where something does not verify.
pub(super) fn header_in_log(log: PathBuf, key: Option<&str>, height: u64) -> Result<Logged, Fault> {
    let folder = Folder(log);
    let (checkpoint, ..) = folder.open(&folder.0.join("checkpoint"), key)?;
    let (header, _) = folder.prove(&checkpoint.head, height)?;
    Ok(Logged { header, size: checkpoint.head.size })
}

/// The log's files.
struct Folder(PathBuf);

impl Folder {
    fn check(
        &self,
        arguments: &CheckpointArgs,
        policy: Option<&WitnessPolicy>,
    ) -> Result<CheckpointReport, Fault> {
        // What is witnessed is older than the newest checkpoint, and what a policy is asked for.
        let witnessed = self.0.join("witnessed");
        let own = if policy.is_some() && witnessed.exists() { witnessed } else { self.0.join("checkpoint") };
        let file = arguments.file.clone().unwrap_or(own);
        let (checkpoint, note, key) = self.open(&file, arguments.key.as_deref())?;
        let head = checkpoint.head;
        let block = arguments.block.map(|height| self.prove(&head, height)).transpose()?;
        let extends = arguments.extends.as_deref();
        let extends = extends.map(|old| self.prove_extends((&head, &note), old, &key)).transpose()?;
        if let (Some(proof), Some(to)) = (&extends, &arguments.output) {
            let bytes = proof.encode().map_err(|refusal| Fault::Check(refusal.to_string()))?;
            proof_file::write(to, &bytes)?;
        }
        Ok(CheckpointReport {
            file: file.display().to_string(),
            origin: checkpoint.origin,
            size: head.size,
            root: head.root.to_string(),
            signed_by: key.to_string(),
            witnesses: policy.map_or_else(Vec::new, |policy| witnesses(&note, policy)),
            policy: policy.map(ToString::to_string),
            is_witnessed: policy.is_some_and(|policy| policy.is_met_by(&note)),
            block: block.map(|(header, path)| BlockLine::of(&header, path)),
            extends: extends.map(|proof| proof.old.head.size),
        })
    }

    /// A checkpoint that the operator signed.
    fn open(&self, file: &Path, key: Option<&str>) -> Result<(Checkpoint, Note, VerifierKey), Fault> {
        let bytes = read(file)?;
        let invalid =
            |error: &dyn fmt::Display| Fault::Check(format!("{}: not valid: {error}", file.display()));
        let key = match key {
            None => parse_key(&String::from_utf8_lossy(&read(&self.0.join("key"))?))?,
            Some(text) if text.contains('+') => parse_key(text)?,
            Some(text) => {
                let note = Note::parse(&bytes).map_err(|error| invalid(&error))?;
                let stated = Checkpoint::parse(note.text()).map_err(|error| invalid(&error))?;
                log_key(&stated.origin, read_public(text)?).map_err(|error| invalid(&error))?
            }
        };
        let (checkpoint, note) = Checkpoint::open(&bytes, &key).map_err(|error| invalid(&error))?;
        Ok((checkpoint, note, key))
    }

    fn prover(&self, size: u64) -> TileProver<impl FnMut(TileId) -> Result<Vec<Hash>, Fault> + '_> {
        TileProver::new(size, |id| {
            let (path, bytes) = self.tile(id)?;
            decode_tile(id, &bytes).map_err(|_| damaged(&path))
        })
    }

    /// A tile's or bundle's bytes; of a full one, where that has taken a partial one's place, as many as asked for.
    fn tile(&self, id: TileId) -> Result<(PathBuf, Vec<u8>), Fault> {
        let path = self.0.join(id.to_string());
        let full = TileId { width: TILE_WIDTH, ..id };
        if path.exists() || id.is_full() {
            return Ok((path.clone(), read(&path)?));
        }
        let path = self.0.join(full.to_string());
        let bytes = read(&path)?;
        let cut = match id.stack {
            Stack::Level(_) => {
                let hashes = decode_tile(full, &bytes).map_err(|_| damaged(&path))?;
                feiqian_proof::tiles::encode_tile(&hashes[..usize::try_from(id.width).unwrap_or(0)])
            }
            Stack::Entries => {
                let mut cut = Vec::new();
                let entries = decode_bundle(full, &bytes).map_err(|_| damaged(&path))?;
                let first = entries.into_iter().take(usize::try_from(id.width).unwrap_or(0));
                first.for_each(|entry| feiqian_proof::tiles::append_entry(&mut cut, entry));
                cut
            }
        };
        Ok((path, cut))
    }

    /// A block's header that is in the log with this head, and how long the path is that proves it.
    fn prove(&self, head: &LogHead, height: u64) -> Result<(BlockHeader, usize), Fault> {
        let index = height.checked_sub(1).filter(|index| *index < head.size);
        let absent =
            || Fault::Absent(format!("block {height}: the checkpoint has blocks 1 to {}", head.size));
        let index = index.ok_or_else(absent)?;
        let bundle = TileId::in_log(Stack::Entries, index / TILE_WIDTH, head.size).ok_or_else(absent)?;
        let (path, bytes) = self.tile(bundle)?;
        let entries = decode_bundle(bundle, &bytes).map_err(|_| damaged(&path))?;
        let entry = usize::try_from(index % TILE_WIDTH).ok().and_then(|at| entries.get(at).copied());
        let entry = entry.ok_or_else(|| damaged(&path))?;
        let proof = self.prover(head.size).inclusion(index)?;
        let header = BlockHeader::decode(entry).ok().filter(|header| header.height == height);
        match header.filter(|_| verify_inclusion(entry, index, head, &proof)) {
            Some(header) => Ok((header, proof.len())),
            None => Err(Fault::Check(format!("{}: block {height} is not the signed one", path.display()))),
        }
    }

    /// That the log with this head begins with that of an older checkpoint.
    fn prove_extends(
        &self,
        (head, note): (&LogHead, &Note),
        file: &Path,
        key: &VerifierKey,
    ) -> Result<LogConsistencyProof, Fault> {
        let (old, old_note, _) = self.open(file, Some(&key.to_string()))?;
        let old = old.head;
        let differs = || Fault::Check(format!("{}: the log does not extend this one", file.display()));
        if old.size == 0 || old.size > head.size {
            return Err(differs());
        }
        let path = match old.size == head.size {
            true => Vec::new(),
            false => self.prover(head.size).consistency(old.size)?,
        };
        let signed = |head: LogHead, note| {
            signature(key, note).map(|signature| SignedHead { head, signature }).ok_or_else(differs)
        };
        let chain_id = chain_of(key.name()).ok_or_else(differs)?;
        let (old, new) = (signed(old, &old_note)?, signed(*head, note)?);
        let proof = LogConsistencyProof { chain_id, old, new, path };
        match proof.verify(key.public(), None) {
            Ok(_) => Ok(proof),
            Err(_) => Err(differs()),
        }
    }
}

fn witnesses(note: &Note, policy: &WitnessPolicy) -> Vec<WitnessLine> {
    let line = |key: &VerifierKey| {
        let time = note.signatures.iter().find_map(|line| time_of(key, note.text(), line))?;
        let nanoseconds = u64::try_from(Duration::from_secs(time).as_nanos()).unwrap_or(u64::MAX);
        Some(WitnessLine { name: key.name().to_owned(), time: time_text(nanoseconds) })
    };
    policy.keys().iter().filter_map(line).collect()
}

/// The log's own signature under a note that was opened with its key.
fn signature(key: &VerifierKey, note: &Note) -> Option<Signature> {
    let line = note.signatures.iter().find(|line| key.verifies(note.text(), line))?;
    line.bytes.as_slice().try_into().ok().map(Signature)
}

/// The chain that a log's name tells.
fn chain_of(origin: &str) -> Option<[u8; 16]> {
    feiqian_identity::hex::decode(origin.strip_prefix("feiqian/")?)
}

fn parse_key(text: &str) -> Result<VerifierKey, Fault> {
    let key =
        VerifierKey::parse(text.trim_end()).map_err(|error| Fault::Usage(format!("{text}: {error}")))?;
    match key.kind() {
        KeyKind::Note => Ok(key),
        KeyKind::Cosignature => Err(Fault::Usage(format!("{text}: a witness's key, not a log's"))),
    }
}

fn damaged(path: &Path) -> Fault {
    Fault::Check(format!("{}: not what its name says", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let all =
        std::fs::File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    all.map_err(|error| Fault::file(path, "read the log", &error))?;
    Ok(bytes)
}
