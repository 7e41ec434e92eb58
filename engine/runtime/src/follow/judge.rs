//! The judge of evidence: what it convicts the operator of, and before whom.
//!
//! It believes nothing that the accuser says: what convicts is the operator's own signature, over two things that can't
//! both be.
//!
//! | evidence | convicts before | because |
//! |---|---|---|
//! | fork | whoever has the operator's public key | two signed headers of one height and epoch |
//! | two journals | the same | two signatures for having served them, and different frames at one sequence of one epoch |
//! | block over other frames than were served | the same | the operator signs for each answer with frames, too |
//! | block | whoever has the journal up to it, whose last block is the one that the signed header names | the header names these frames and that block, and their replay has other roots |
//! | checkpoint | whoever has the signed blocks | the checkpoint is signed over other blocks than those that are signed |
//! | numbers of a default or a trace | whoever has the journal up to the block | the header names the frame that orders them, and the transfers before it give others |
//! | served | nobody | what is missing or does not fit is an alarm to look into |
//!
//! A takeover begins an epoch behind the last block that its leader had: what the lost one wrote behind that is void, though
//! it was signed. Which epoch a block is of, the frame that seals it says, whose hash the header names. Two of different
//! epochs convict nobody.

use feiqian_core::block::Sealer;
use feiqian_core::frame::{FRAME_HEADER_BYTES, FrameHeader, Head};
use feiqian_core::ids::SequenceRange;
use feiqian_core::outcome::Outcome;
use feiqian_core::state::{History, State};
use feiqian_core::transfer::Record;
use feiqian_proof::Hash;
use feiqian_proof::checkpoint::{Checkpoint, log_key};
use feiqian_proof::header::BlockHeader;
use feiqian_proof::log::{leaf_hash, origin_of};
use feiqian_proof::signature::{PublicKey, Signature, verify_header};
use feiqian_proof::tiles::Edge;

use super::evidence::{Evidence, EvidenceError, ServedChain};
use super::twice;
use crate::book::first_difference;
use crate::default_check::{self, Sources};
use crate::execution::{view_of, view_of_copy};
use crate::fraud_trace::JournaledTrace;
use crate::history::{JournalHistory, entry_of};
use crate::identity::Identity;
use crate::journal::{Durable, Frame, Journal, JournalOptions, JournalReader, RecoveryFault, StoredFrame};
use crate::storage::Storage;
use crate::storage::frozen::Frozen;
use crate::stores::{BlockStore, StoredBlock};

/// What comes of judging.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The operator has signed what can't be; this is what.
    Convicts(String),
    /// It may; what it takes to say more.
    Undecided(String),
    /// What the operator signed is what the replay gives: the accusation is false.
    Refuted(String),
}

/// Judges evidence under the operator's public key, which the caller has from elsewhere; `data` is a data directory of
/// the same chain, for evidence that needs one. It is not changed.
///
/// # Errors
/// [`EvidenceError`] where the file accuses nobody.
pub fn judge<S: Storage>(
    evidence: &Evidence,
    operator: &PublicKey,
    data: Option<S>,
) -> Result<Verdict, EvidenceError> {
    let identity = evidence.identity();
    if identity.operator != *operator {
        return Err(EvidenceError::Operator(identity.operator));
    }
    match evidence {
        Evidence::Fork { blocks, seals, .. } => twice::judge_fork(identity, blocks, seals, data),
        Evidence::Journals { chains, .. } => twice::judge_journals(identity, chains),
        Evidence::Block { signed, frames, served, .. } => {
            judge_block(identity, signed, (frames, served.as_ref()), data)
        }
        Evidence::Numbers { signed, frames, .. } => judge_numbers(identity, signed, frames, data),
        Evidence::Checkpoint { note, .. } => judge_checkpoint(identity, note, data),
        Evidence::Served { told, .. } => {
            let way = "nobody has signed what was served, so this convicts nobody by itself";
            Ok(Verdict::Undecided(format!("{told}; {way}")))
        }
    }
}

/// The header, if it is the chain's and signed by its operator.
pub(super) fn check_signed(identity: &Identity, block: &StoredBlock) -> Result<BlockHeader, EvidenceError> {
    let header = BlockHeader::decode(&block.header).map_err(|_| EvidenceError::NotSigned)?;
    let is_signed = header.chain_id == identity.chain_id
        && verify_header(&identity.operator, &header.hash(), &Signature(block.signature));
    if is_signed { Ok(header) } else { Err(EvidenceError::NotSigned) }
}

fn judge_block<S: Storage>(
    identity: &Identity,
    signed: &StoredBlock,
    (frames, served): (&[u8], Option<&ServedChain>),
    data: Option<S>,
) -> Result<Verdict, EvidenceError> {
    let header = check_signed(identity, signed)?;
    let frames = read_frames(frames)?;
    let last = frames.last().map(|frame| frame.hash);
    if last != Some(header.journal_head) || frames[0].header.first_sequence != header.first_sequence {
        if let Some(served) = served
            && let Some(what) = judge_served(identity, &header, &frames, served)?
        {
            return Ok(Verdict::Convicts(what));
        }
        // What was served for the block is not what the header names; unsigned it is only an alarm.
        return Ok(Verdict::Undecided(format!(
            "the frames that were served for block {} are not those that its signed header names ({}), but nothing \
             that the operator has signed says that it served them",
            header.height, header.journal_head
        )));
    }
    let Some(storage) = data else {
        return Ok(Verdict::Undecided(format!(
            "the operator signed block {} over these very frames; name a data directory of this chain that goes up \
             to block {} (--data DIR) to replay them",
            header.height,
            header.height - 1
        )));
    };
    let own = replay(identity, &header, &frames, storage)?;
    match first_difference(&header, &own) {
        None => {
            Ok(Verdict::Refuted(format!("the replay of block {} gives the signed header", header.height)))
        }
        Some(field) => Ok(Verdict::Convicts(format!(
            "the operator signed block {} over these frames, and their replay differs in {field}: signed {}, replayed {}",
            header.height,
            header.hash(),
            own.hash()
        ))),
    }
}

fn judge_numbers<S: Storage>(
    identity: &Identity,
    signed: &StoredBlock,
    frames: &[u8],
    data: Option<S>,
) -> Result<Verdict, EvidenceError> {
    let header = check_signed(identity, signed)?;
    let frames = read_frames(frames)?;
    let last = frames.last().map(|frame| frame.hash);
    if last != Some(header.journal_head) || frames[0].header.first_sequence != header.first_sequence {
        return Err(EvidenceError::Frames(format!("block {} is over others", header.height)));
    }
    let height = header.height;
    let Some(storage) = data else {
        return Ok(Verdict::Undecided(format!(
            "the operator signed block {height} over these very frames; name a data directory of this chain that goes \
             up to block {} (--data DIR) to compute the numbers of its defaults and traces",
            height - 1
        )));
    };
    let (mut state, _, reader) = replay_before(identity, &header, storage)?;
    let history = Both { journal: JournalHistory::new(reader.clone()), frames: &frames };
    let fault = |fault: feiqian_core::state::Fault| EvidenceError::Frames(fault.to_string());
    for frame in &frames {
        let before = default_check::before(&state, frame.header.kind);
        let (trace, mut rows) = (JournaledTrace::of(frame, &state), Vec::new());
        state.apply(&view_of_copy(frame), &history, &mut rows).map_err(fault)?;
        let Some(before) = before else { continue };
        let sources = Sources { reader: &reader, stored: None, ids: None };
        let is_accepted = rows.first().is_some_and(|row| row.outcome() == Some(Outcome::Cleared));
        let wrong = match (default_check::wrong_step(&before, &state, &sources), trace) {
            (Ok(None), Some(trace)) if is_accepted => {
                trace.wrong_by_replay(state.registry(), (&reader, &frames), &history)
            }
            (wrong, _) => wrong,
        };
        if let Some(what) = wrong.map_err(fault)? {
            let sequence = frame.header.first_sequence;
            return Ok(Verdict::Convicts(format!(
                "the operator signed block {height}, in which at sequence {sequence} {what}"
            )));
        }
    }
    Ok(Verdict::Refuted(format!(
        "the defaults and traces in block {height} have the numbers that the transfers give"
    )))
}

/// The operator's statement against its header: the chain that it served goes past the header's last sequence, and the
/// frame that the header names is not in it.
fn judge_served(
    identity: &Identity,
    header: &BlockHeader,
    frames: &[Frame],
    served: &ServedChain,
) -> Result<Option<String>, EvidenceError> {
    if !served.statement.verifies(identity) {
        return Err(EvidenceError::NotSigned);
    }
    let bad = |why: String| EvidenceError::Frames(why);
    let mut heads: Vec<Head> = frames.iter().map(|frame| frame.header.head(frame.hash)).collect();
    let (headers, rest) = served.headers.as_chunks::<FRAME_HEADER_BYTES>();
    if !rest.is_empty() {
        return Err(bad("a header is cut".to_owned()));
    }
    for bytes in headers {
        let (next, hash) = FrameHeader::decode(bytes).map_err(|error| bad(error.to_string()))?;
        next.follows(&heads[heads.len() - 1]).map_err(|reason| bad(reason.to_string()))?;
        heads.push(next.head(hash));
    }
    let last = heads[heads.len() - 1];
    let is_ours = heads[0].chain_id == identity.chain_id;
    if (last.sequence, last.hash) != (served.statement.sequence, served.statement.hash) || !is_ours {
        return Err(bad("they do not lead to the one that was signed for".to_owned()));
    }
    let end = header.first_sequence + (header.count - 1);
    let is_named = heads.iter().any(|head| head.sequence == end && head.hash == header.journal_head);
    let is_covered = frames[0].header.first_sequence <= end && last.sequence >= end;
    Ok((is_covered && !is_named).then(|| {
        format!(
            "the operator signed block {} over a journal whose sequence {end} ends in frame {}, and signed for having \
             served another one there",
            header.height, header.journal_head
        )
    }))
}

fn read_frames(bytes: &[u8]) -> Result<Vec<Frame>, EvidenceError> {
    let stored = StoredFrame::read_all(bytes).map_err(|bad| EvidenceError::Frames(bad.to_string()))?;
    for pair in stored.windows(2) {
        let head = pair[0].header.head(pair[0].hash);
        pair[1].header.follows(&head).map_err(|reason| EvidenceError::Frames(reason.to_string()))?;
    }
    if stored.is_empty() {
        return Err(EvidenceError::Frames("there are none".to_owned()));
    }
    Ok(stored.iter().map(StoredFrame::frame).collect())
}

/// The directory's journal, and behind it the frames of the evidence.
struct Both<'a, S: Storage> {
    journal: JournalHistory<S>,
    frames: &'a [Frame],
}

impl<S: Storage> History for Both<'_, S> {
    fn record(&self, sequence: u64) -> Option<Record> {
        let holds =
            |frame: &&Frame| (frame.header.first_sequence..=frame.header.last_sequence()).contains(&sequence);
        match self.frames.iter().find(holds) {
            Some(frame) => entry_of(frame, sequence).map(|entry| entry.record),
            None => self.journal.record(sequence),
        }
    }

    fn stored_ids(&self, hash: u64, range: SequenceRange) -> Option<Vec<u64>> {
        self.journal.stored_ids(hash, range)
    }
}

/// Replays the directory's journal up to the block before, and then the frames.
fn replay<S: Storage>(
    identity: &Identity,
    signed: &BlockHeader,
    frames: &[Frame],
    storage: S,
) -> Result<BlockHeader, EvidenceError> {
    let (mut state, mut sealer, reader) = replay_before(identity, signed, storage)?;
    let history = Both { journal: JournalHistory::new(reader), frames };
    replay_frames(&mut state, &mut sealer, &history, frames)
}

type ReplayedBefore<S> = (State, Sealer, JournalReader<Frozen<S>>);

/// Replays the directory's journal up to the block before, which must be the one that the signed header names.
fn replay_before<S: Storage>(
    identity: &Identity,
    signed: &BlockHeader,
    storage: S,
) -> Result<ReplayedBefore<S>, EvidenceError> {
    let storage = Frozen(storage);
    let data = |why: String| EvidenceError::Data(why);
    let (mut state, mut sealer) = (State::default(), Sealer::default());
    let mut previous = None;
    let mut kept = None;
    let visit = |frame: Durable<Frame>, reader: &JournalReader<Frozen<S>>| -> Result<(), Option<String>> {
        kept = Some(reader.clone());
        if frame.header.first_sequence >= signed.first_sequence {
            return Err(None);
        }
        let history = JournalHistory::new(reader.clone());
        let mut rows = Vec::new();
        let view = view_of(&frame);
        let applied = state.apply(&view, &history, &mut rows).map_err(|fault| Some(fault.to_string()))?;
        let header = sealer.absorb(&view, &rows, applied.delta.as_ref());
        previous = header.map_err(|fault| Some(fault.to_string()))?.or(previous);
        Ok(())
    };
    let options = JournalOptions::new(identity.chain_id);
    match Journal::recover_reading(storage, options, 0, None, visit) {
        Ok(_) | Err(RecoveryFault::Stopped(None)) => {}
        Err(RecoveryFault::Stopped(Some(fault))) => return Err(data(fault)),
        Err(RecoveryFault::Refused(refusal)) => return Err(data(refusal.to_string())),
        Err(RecoveryFault::Storage(fault)) => return Err(data(fault.to_string())),
    }
    let found = previous.as_ref().map_or(Hash::default(), BlockHeader::hash);
    if found != signed.previous || state.next_sequence() != signed.first_sequence {
        let why = format!("its journal does not come to block {} as signed", signed.height - 1);
        return Err(data(why));
    }
    let reader = kept.ok_or_else(|| data("its journal is empty".to_owned()))?;
    Ok((state, sealer, reader))
}

fn replay_frames(
    state: &mut State,
    sealer: &mut Sealer,
    history: &impl History,
    frames: &[Frame],
) -> Result<BlockHeader, EvidenceError> {
    let fault = |fault: feiqian_core::state::Fault| EvidenceError::Frames(fault.to_string());
    let mut header = None;
    for frame in frames {
        if header.is_some() {
            return Err(EvidenceError::Frames("they go on behind the block's seal".to_owned()));
        }
        let (view, mut rows) = (view_of_copy(frame), Vec::new());
        let applied = state.apply(&view, history, &mut rows).map_err(fault)?;
        header = sealer.absorb(&view, &rows, applied.delta.as_ref()).map_err(fault)?;
    }
    header.ok_or_else(|| EvidenceError::Frames("they do not seal the block".to_owned()))
}

fn judge_checkpoint<S: Storage>(
    identity: &Identity,
    note: &[u8],
    data: Option<S>,
) -> Result<Verdict, EvidenceError> {
    let key = log_key(&origin_of(&identity.chain_id), identity.operator).map_err(|_| EvidenceError::Form)?;
    let (checkpoint, _) = Checkpoint::open(note, &key).map_err(|_| EvidenceError::NotSigned)?;
    let head = checkpoint.head;
    let Some(storage) = data else {
        return Ok(Verdict::Undecided(format!(
            "the operator signed this checkpoint of size {}; name a data directory with its signed blocks (--data DIR)",
            head.size
        )));
    };
    let fault = |fault: crate::stores::StoreFault| EvidenceError::Data(fault.to_string());
    let (blocks, _) = BlockStore::open(Frozen(storage)).map_err(fault)?;
    let (mut log, mut previous) = (Edge::default(), Hash::default());
    for height in 1..=head.size {
        let block = blocks.read(height).map_err(fault)?;
        let header = check_signed(identity, &block)?;
        if header.previous != previous || header.height != height {
            return Err(EvidenceError::Data(format!("block {height} does not follow the one before")));
        }
        previous = header.hash();
        drop(log.push(leaf_hash(&block.header)));
    }
    if log.root() == head.root {
        let size = head.size;
        return Ok(Verdict::Refuted(format!("the signed blocks have the checkpoint's root at size {size}")));
    }
    Ok(Verdict::Convicts(format!(
        "the operator signed {} blocks with the root {} and a checkpoint of that size with another, {}",
        head.size,
        log.root(),
        head.root
    )))
}
