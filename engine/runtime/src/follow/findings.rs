//! What a replica says of a difference, with what can be shown of it: from its copy of the frames, its blocks, and what the
//! operator has signed for. Decides nothing: whoever calls has found the difference.

use feiqian_core::frame::{FRAME_HEADER_BYTES, FrameHeader, NotNext};
use feiqian_core::state::Fault;
use feiqian_proof::header::BlockHeader;

use super::evidence::{Evidence, ServedChain};
use super::replay::WrongNumbers;
use super::{Finding, FollowFault, Replica, Statement};
use crate::journal::StoredFrame;
use crate::machine::MachineFault;
use crate::storage::Storage;
use crate::stores::StoredBlock;

/// Frames that evidence holds at the most, bytes.
const EVIDENCE_BYTES_MAX: usize = 256 << 20;

impl<S: Storage> Replica<S> {
    /// What the operator signs for now does not continue what it has signed for before: both of it together say so.
    pub(super) fn two_journals(&self, frames: &[StoredFrame], statement: Statement) -> Option<Finding> {
        let known = self.signed?;
        let first = frames.first()?;
        let reason = first.header.follows(&known.header.head(known.statement.hash)).err()?;
        if matches!(reason, NotNext::Sequence { .. } | NotNext::Chain) {
            return None;
        }
        let headers = |headers: &mut dyn Iterator<Item = &FrameHeader>| {
            headers.flat_map(|header| header.encode().0).collect::<Vec<u8>>()
        };
        let first_chain =
            ServedChain { headers: headers(&mut std::iter::once(&known.header)), statement: known.statement };
        let second_chain =
            ServedChain { headers: headers(&mut frames.iter().map(|frame| &frame.header)), statement };
        let (old, new) = (known.header.epoch, first.header.epoch);
        let what = if old == new {
            format!("the operator has signed for two journals: {reason}")
        } else {
            format!(
                "the operator's journal goes on in epoch {new}, and not from what it signed for in epoch {old}: {reason}"
            )
        };
        let chains = Box::new([first_chain, second_chain]);
        let evidence = Evidence::Journals { identity: self.identity, chains };
        Some(Finding { sequence: first.header.first_sequence, height: self.height() + 1, what, evidence })
    }

    pub(super) fn broken_chain(&self, frame: &StoredFrame, why: &str) -> FollowFault {
        let mut frames = Vec::new();
        frame.write(&mut frames);
        self.suspected(self.journal.head().sequence + 1, why, frames)
    }

    /// As [`Replica::served`], of what could be the source's doing alone.
    pub(super) fn suspected(&self, sequence: u64, why: &str, bytes: Vec<u8>) -> FollowFault {
        FollowFault::Suspected(Box::new(self.served(sequence, why, bytes)))
    }

    /// A finding about what was served and nobody has signed.
    pub(super) fn served(&self, sequence: u64, why: &str, frames: Vec<u8>) -> Finding {
        let last = self.blocks.read(self.height()).ok();
        let told = format!("{why} (own head: sequence {})", self.journal.head().sequence);
        let evidence = Evidence::Served {
            identity: self.identity,
            told: told.clone(),
            last: last.map(Box::new),
            frames,
        };
        Finding { sequence, height: self.height() + 1, what: told, evidence }
    }

    /// The header of the frame that seals a block of the own copy; empty where it can't be read.
    pub(super) fn seal_of(&self, block: &StoredBlock) -> Vec<u8> {
        let seal = BlockHeader::decode(&block.header).ok();
        let seal = seal.and_then(|header| self.stored_from(header.first_sequence + (header.count - 1)).ok());
        seal.and_then(|frame| frame.get(..FRAME_HEADER_BYTES).map(<[u8]>::to_vec)).unwrap_or_default()
    }

    pub(super) fn wrong_block(
        &self,
        signed: &StoredBlock,
        own: &BlockHeader,
        field: &str,
    ) -> Result<Finding, FollowFault> {
        let height = own.height;
        let what = format!(
            "the operator's block {height} differs from its replay in {field}: the first entry that can differ is \
             sequence {}",
            own.first_sequence
        );
        let evidence = Evidence::Block {
            identity: self.identity,
            signed: Box::new(*signed),
            own: Box::new(*own),
            frames: self.stored_between(own.first_sequence, own.first_sequence + own.count)?,
            served: self.served_behind(own.first_sequence + own.count)?,
        };
        Ok(Finding { sequence: own.first_sequence, height, what, evidence })
    }

    /// The operator has signed a block with a step of a default, or a trace, whose numbers are wrong.
    pub(super) fn wrong_numbers(
        &self,
        signed: &StoredBlock,
        own: &BlockHeader,
        wrong: &WrongNumbers,
    ) -> Result<Finding, FollowFault> {
        let evidence = Evidence::Numbers {
            identity: self.identity,
            signed: Box::new(*signed),
            frames: self.stored_between(own.first_sequence, own.first_sequence + own.count)?,
        };
        let what = wrong.what.clone();
        Ok(Finding { sequence: wrong.sequence, height: own.height, what, evidence })
    }

    /// The headers of the frames from `next` up to the one that the operator has signed for, and its signature.
    fn served_behind(&self, next: u64) -> Result<Option<ServedChain>, FollowFault> {
        let statement = self.signed.map(|signed| signed.statement);
        let Some(statement) = statement.filter(|statement| statement.sequence + 1 >= next) else {
            return Ok(None);
        };
        let mut headers = Vec::new();
        let stored = self.stored_between(next, self.journal.head().sequence + 1)?;
        for frame in StoredFrame::read_all(&stored).unwrap_or_default().iter().chain(&self.partial) {
            if frame.header.last_sequence() <= statement.sequence {
                headers.extend_from_slice(&frame.header.encode().0);
            }
        }
        Ok(Some(ServedChain { headers, statement }))
    }

    pub(super) fn stored_from(&self, sequence: u64) -> Result<Vec<u8>, FollowFault> {
        self.stored_between(sequence, sequence + 1)
    }

    /// The copied frames that begin from `first` to before `end`, as stored.
    fn stored_between(&self, first: u64, end: u64) -> Result<Vec<u8>, FollowFault> {
        let reader = self.journal.reader();
        let (mut bytes, mut next) = (Vec::new(), first);
        while next < end && bytes.len() < EVIDENCE_BYTES_MAX {
            let frame = reader.stored_from(next, 0).map_err(read_fault)?;
            let Ok((stored, _)) = StoredFrame::read(&frame) else { break };
            next = stored.header.last_sequence() + 1;
            bytes.extend(frame);
        }
        Ok(bytes)
    }
}

fn read_fault(fault: crate::journal::ReadFault) -> FollowFault {
    match fault {
        crate::journal::ReadFault::Storage(fault) => FollowFault::Storage(fault),
        crate::journal::ReadFault::NotThere(sequence)
        | crate::journal::ReadFault::Damaged { sequence, .. } => {
            FollowFault::Own(MachineFault::Frame(Fault::HistoryMissing { sequence }))
        }
    }
}
