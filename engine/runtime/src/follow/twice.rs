//! The judge of what an operator has signed twice: two blocks of one height, or two journals. Of one epoch they convict; of two
//! they are a takeover, which replaces what the lost leader wrote behind the last block that was copied.

use feiqian_core::frame::{FRAME_HEADER_BYTES, FrameHeader, Head};
use feiqian_proof::header::BlockHeader;

use super::evidence::{EvidenceError, ServedChain};
use super::judge::{Verdict, check_signed};
use crate::book::first_difference;
use crate::identity::Identity;
use crate::journal::{Journal, JournalOptions, RecoveryFault};
use crate::storage::Storage;
use crate::storage::frozen::Frozen;
use crate::stores::StoredBlock;

pub(super) fn judge_fork<S: Storage>(
    identity: &Identity,
    blocks: &[StoredBlock; 2],
    seals: &[Vec<u8>; 2],
    data: Option<S>,
) -> Result<Verdict, EvidenceError> {
    let [first, second] = [&blocks[0], &blocks[1]].map(|block| check_signed(identity, block));
    let (first, second) = (first?, second?);
    if first.height != second.height || first == second {
        return Err(EvidenceError::NoFork);
    }
    let height = first.height;
    let mut epochs = [sealed_in(&first, &seals[0])?, sealed_in(&second, &seals[1])?];
    if let Some(storage) = data {
        find_epochs(identity, [&first, &second], storage, &mut epochs)?;
    }
    if let [Some(one), Some(other)] = epochs
        && one != other
    {
        return Ok(Verdict::Undecided(format!(
            "block {height} was signed in epoch {one} and in epoch {other}: a takeover has replaced the earlier one, which \
             is void. That is no fork; whoever was given a receipt from it has lost what it says, and one that was \
             WITNESSED can't be lost"
        )));
    }
    let field = first_difference(&first, &second).unwrap_or("their bytes");
    let epoch = match epochs {
        [Some(epoch), Some(_)] => format!(" in epoch {epoch}"),
        _ => " (unless one is of a later epoch, behind a takeover: --data DIR of either chain shows that)"
            .to_owned(),
    };
    Ok(Verdict::Convicts(format!(
        "the operator signed two headers of height {height}{epoch}, which differ in {field}: {} and {}",
        first.hash(),
        second.hash()
    )))
}

/// The epoch of the frame that seals a block: its header is the one whose hash the block names.
fn sealed_in(header: &BlockHeader, seal: &[u8]) -> Result<Option<u32>, EvidenceError> {
    if seal.is_empty() {
        return Ok(None);
    }
    let bad = || EvidenceError::Frames(format!("what is given does not seal block {}", header.height));
    let seal = seal.try_into().map_err(|_| bad())?;
    let (frame, hash) = FrameHeader::decode(seal).map_err(|_| bad())?;
    if hash == header.journal_head { Ok(Some(frame.epoch)) } else { Err(bad()) }
}

/// Looks for the seals in a data directory, where they are not known.
fn find_epochs<S: Storage>(
    identity: &Identity,
    headers: [&BlockHeader; 2],
    storage: S,
    epochs: &mut [Option<u32>; 2],
) -> Result<(), EvidenceError> {
    if epochs.iter().all(Option::is_some) {
        return Ok(());
    }
    let options = JournalOptions::new(identity.chain_id);
    let read = Journal::recover(Frozen(storage), options, 0, None, |frame| {
        for (header, epoch) in headers.iter().zip(epochs.iter_mut()) {
            if frame.hash == header.journal_head {
                *epoch = Some(frame.header.epoch);
            }
        }
        Ok::<(), std::convert::Infallible>(())
    });
    match read {
        Err(RecoveryFault::Storage(fault)) => Err(EvidenceError::Data(fault.to_string())),
        Err(RecoveryFault::Refused(refusal)) => Err(EvidenceError::Data(refusal.to_string())),
        _ => Ok(()),
    }
}

/// The operator has signed for having served both, and at some sequence they have different frames.
pub(super) fn judge_journals(
    identity: &Identity,
    chains: &[ServedChain; 2],
) -> Result<Verdict, EvidenceError> {
    let [first, second] = [&chains[0], &chains[1]].map(|chain| served_heads(identity, chain));
    let (first, second) = (first?, second?);
    let differ =
        |one: &&Head| second.iter().find(|other| other.sequence == one.sequence && other.hash != one.hash);
    let Some((one, other)) = first.iter().find_map(|one| Some((one, differ(&one)?))) else {
        return Err(EvidenceError::NoTwoJournals);
    };
    let (sequence, epochs) = (one.sequence, (one.epoch, other.epoch));
    if epochs.0 != epochs.1 {
        return Ok(Verdict::Undecided(format!(
            "the operator signed for a journal of epoch {} and for one of epoch {}, which differ up to sequence {sequence}: \
             a takeover has replaced what the earlier one wrote behind its last block",
            epochs.0, epochs.1
        )));
    }
    Ok(Verdict::Convicts(format!(
        "the operator signed for having served two journals of epoch {}, which have different frames that end in sequence \
         {sequence}: {} and {}",
        epochs.0, one.hash, other.hash
    )))
}

/// The heads behind the frames whose headers are given, up to the signed one, and the one before them, under the epoch of the
/// first.
fn served_heads(identity: &Identity, served: &ServedChain) -> Result<Vec<Head>, EvidenceError> {
    if !served.statement.verifies(identity) {
        return Err(EvidenceError::NotSigned);
    }
    let bad = |why: &dyn std::fmt::Display| EvidenceError::Frames(why.to_string());
    let (headers, rest) = served.headers.as_chunks::<FRAME_HEADER_BYTES>();
    if headers.is_empty() || !rest.is_empty() {
        return Err(bad(&"headers are cut or missing"));
    }
    let mut heads: Vec<Head> = Vec::new();
    for bytes in headers {
        let (next, hash) = FrameHeader::decode(bytes).map_err(|error| bad(&error))?;
        let before = Head {
            chain_id: identity.chain_id,
            sequence: next.first_sequence.saturating_sub(1),
            hash: next.previous,
            epoch: next.epoch,
            timestamp: 0,
        };
        let last = *heads.last().unwrap_or(&before);
        next.follows(&last).map_err(|reason| bad(&reason))?;
        if heads.is_empty() {
            heads.push(before);
        }
        heads.push(next.head(hash));
    }
    let last = heads[heads.len() - 1];
    if (last.sequence, last.hash) != (served.statement.sequence, served.statement.hash) {
        return Err(bad(&"they do not lead to the one that was signed for"));
    }
    Ok(heads)
}
