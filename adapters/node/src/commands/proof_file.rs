//! A proof as a file, binary or JSON: read within a bound, and written only where it verifies. Knows no kind.

use std::io::Read as _;
use std::path::Path;

use feiqian_proof::json::{from_file, to_json};
use feiqian_proof::kinds::{Proof, ProofKind};

use crate::cli::ProofForm;
use crate::fault::Fault;
use crate::session::Session;

/// The longest proof that is read. A transfer of a completeness takes 144 bytes, as JSON 312: that is all transfers of a
/// participant in a block of 3.4 million entries as JSON. A block is sealed at 1,048,576 entries, and holds what is in
/// flight at that moment besides.
pub(super) const PROOF_BYTES_MAX: u64 = 1 << 30;

/// Reads a proof's file.
///
/// # Errors
/// [`Fault::File`]; [`Fault::Check`] if it is longer than any proof.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file);
    // One byte more, to see that there is more.
    let all = opened.and_then(|opened| opened.take(PROOF_BYTES_MAX + 1).read_to_end(&mut bytes));
    all.map_err(|error| Fault::file(file, "read the proof", &error))?;
    if bytes.len() as u64 > PROOF_BYTES_MAX {
        let what = format!("{}: not valid: longer than any proof", file.display());
        return Err(Fault::Check(what));
    }
    Ok(bytes)
}

/// Whether a file says that it is a proof, in either form, in whatever order of members: so that one which is not right is
/// refused, and not passed over.
pub(super) fn is_proof(bytes: &[u8]) -> bool {
    if ProofKind::of(bytes).is_some() {
        return true;
    }
    let is_object = bytes.trim_ascii_start().first() == Some(&b'{');
    let text = if is_object { String::from_utf8_lossy(bytes) } else { "".into() };
    text.split("\"kind\"").skip(1).any(|after| {
        let value = after.trim_start().strip_prefix(':').map(str::trim_start);
        let name = value.and_then(|value| value.strip_prefix('"')?.split('"').next());
        ProofKind::ALL.into_iter().any(|kind| name == Some(kind.name()))
    })
}

/// The proof that a file's bytes are, binary or JSON; nothing is verified yet.
///
/// # Errors
/// Where they leave the format.
pub(super) fn decode(bytes: &[u8]) -> Result<Proof, String> {
    from_file(bytes).map_err(|error| error.to_string())
}

/// The file's bytes, JSON or binary, of a proof about a block of the session's chain, with its inclusion in the log where
/// that is asked for; the last check before it leaves the house.
///
/// # Errors
/// [`Fault::Absent`] where no checkpoint holds the block yet; [`Fault::Data`] where it does not verify under the operator's
/// key: the data directory is damaged.
pub(super) fn encode(
    session: &Session,
    (proof, block): (Proof, u64),
    form: &ProofForm,
) -> Result<Vec<u8>, Fault> {
    let kind = proof.kind().name();
    let proof = if form.checkpoint { in_log(session, (proof, block))? } else { proof };
    let refused = |refusal| {
        let way = "nothing was written; run `feiqian audit`";
        Fault::Data(format!("the {kind} of block {block} does not verify: {refusal}; {way}"))
    };
    proof.verify(&session.genesis.operator_key, Some(&session.genesis.chain_id)).map_err(refused)?;
    if form.text { to_json(&proof).map(String::into_bytes) } else { proof.encode() }.map_err(refused)
}

fn in_log(session: &Session, (proof, block): (Proof, u64)) -> Result<Proof, Fault> {
    let logged = session.engine.log().inclusion(proof).map_err(|fault| Fault::Data(fault.to_string()))?;
    let absent = || Fault::Absent(format!("block {block}: no checkpoint of the log holds it yet"));
    logged.map(Proof::LogInclusion).ok_or_else(absent)
}

/// Writes a proof's file.
///
/// # Errors
/// [`Fault::File`].
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    std::fs::write(path, bytes).map_err(|error| Fault::file(path, "write the proof", &error))
}
