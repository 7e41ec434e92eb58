//! The follower: a replica, a witness and a source, one turn after the other. It has no clock and no thread: whoever
//! drives it says what time it is, waits between turns, and asks again when a source fails.

use std::collections::VecDeque;

use feiqian_proof::header::BlockHeader;

use super::{Evidence, Finding, FollowFault, Replica, Source, SourceFault, Witness};
use crate::journal::StoredFrame;
use crate::storage::Storage;
use crate::stores::StoredBlock;

/// Answers in a row by which an accusation that nobody has signed becomes a finding.
pub const SUSPICION_ANSWERS: u32 = 8;
/// And the time that they must span: an operator that restarts, or whose disk is restored, is not accused at once.
pub const SUSPICION_SECONDS: u64 = 30;

/// What the source has said since when, and how often, that nobody has signed.
#[derive(Clone, Copy, Debug)]
struct Suspicion {
    since: u64,
    answers: u32,
}

/// What a turn did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Turn {
    /// Frames executed.
    pub frames: u64,
    /// Blocks compared.
    pub blocks: u64,
    /// The size that was cosigned.
    pub signed: Option<u64>,
    /// The snapshot that was written.
    pub snapshot: Option<u64>,
}

impl Turn {
    /// Whether there was nothing to do.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.frames == 0 && self.blocks == 0 && self.signed.is_none()
    }
}

/// Follows a source into a directory.
#[derive(Debug)]
pub struct Follower<S: Storage> {
    replica: Replica<S>,
    witness: Option<Witness<S>>,
    /// Blocks between two snapshots.
    snapshot_blocks: u64,
    /// Served ahead of their comparison.
    blocks: VecDeque<StoredBlock>,
    /// The newest cosigned checkpoint is still to be handed in, or again: after a start and after a failure nobody
    /// knows whether it is there.
    is_owing: bool,
    is_relayed: bool,
    suspicion: Option<Suspicion>,
}

impl<S: Storage> Follower<S> {
    /// A follower that goes on with a replica; without a witness it only compares.
    #[must_use]
    pub const fn new(replica: Replica<S>, witness: Option<Witness<S>>, snapshot_blocks: u64) -> Self {
        Self {
            replica,
            witness,
            snapshot_blocks,
            blocks: VecDeque::new(),
            is_owing: true,
            is_relayed: false,
            suspicion: None,
        }
    }

    /// Takes frames that the operator has not signed too, as another validator gives them: then nobody can show later
    /// what the operator has served. One that is behind, or says what nobody has signed, is asked again for ever.
    #[must_use]
    pub fn relayed(self) -> Self {
        Self { is_relayed: true, ..self }
    }

    /// The replica.
    #[must_use]
    pub const fn replica(&self) -> &Replica<S> {
        &self.replica
    }

    /// The witness.
    #[must_use]
    pub const fn witness(&self) -> Option<&Witness<S>> {
        self.witness.as_ref()
    }

    /// Whether blocks are compared that are not cosigned yet: their checkpoint must come soon.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.witness.as_ref().is_some_and(|witness| witness.signed() < self.replica.height())
    }

    /// One turn: takes the frames that there are, compares the blocks that they make, and considers the checkpoint on offer,
    /// at `now` in seconds since 1970.
    ///
    /// # Errors
    /// [`FollowFault`]: of its kinds [`FollowFault::Source`] alone allows another turn.
    pub fn turn(&mut self, source: &mut impl Source, now: u64) -> Result<Turn, FollowFault> {
        let turn = match self.take_turn(source, now) {
            Err(FollowFault::Suspected(finding)) => Err(self.suspect(finding, now)),
            Err(fault) => Err(fault),
            Ok(turn) => {
                self.suspicion = None;
                Ok(turn)
            }
        };
        self.is_owing |= matches!(turn, Err(FollowFault::Source(_)));
        turn
    }

    /// Forgets what the source gave last, to ask again; or holds that against it, once it has said so for long enough.
    fn suspect(&mut self, finding: Box<Finding>, now: u64) -> FollowFault {
        self.blocks.clear();
        self.replica.forget_partial();
        let Suspicion { since, answers } = self.suspicion.unwrap_or(Suspicion { since: now, answers: 0 });
        let suspicion = Suspicion { since, answers: answers.saturating_add(1) };
        self.suspicion = Some(suspicion);
        let is_kept_up =
            suspicion.answers >= SUSPICION_ANSWERS && now.saturating_sub(since) >= SUSPICION_SECONDS;
        if is_kept_up && !self.is_relayed {
            FollowFault::Found(finding)
        } else {
            SourceFault::Unproven(finding.what).into()
        }
    }

    fn take_turn(&mut self, source: &mut impl Source, now: u64) -> Result<Turn, FollowFault> {
        let mut turn = Turn::default();
        if self.compare(source, &mut turn)? {
            let sequence = self.replica.next_sequence();
            let served = match source.frames(sequence) {
                Err(SourceFault::EndsBefore(end)) if sequence > 1 && !self.is_relayed => {
                    let why = format!(
                        "the source's journal ends before sequence {end}, and it went further: it was cut"
                    );
                    return Err(self.replica.suspected(end, &why, Vec::new()));
                }
                frames => frames?,
            };
            let frames = StoredFrame::read_all(&served.bytes);
            let frames = frames.map_err(|bad| SourceFault::Malformed(bad.to_string()))?;
            if !frames.is_empty() && served.signature.is_none() && !self.is_relayed {
                return Err(
                    SourceFault::Malformed("frames that the operator has not signed".to_owned()).into()
                );
            }
            self.replica.take_statement(&frames, served.signature)?;
            self.replica.take_frames(frames)?;
            self.replica.settle_unsigned()?;
            self.compare(source, &mut turn)?;
        }
        turn.signed = self.sign(source, now)?;
        turn.snapshot = self.replica.snapshot(self.snapshot_blocks)?;
        Ok(turn)
    }

    /// Executes and compares by turns; gives whether nothing is left to be compared.
    fn compare(&mut self, source: &mut impl Source, turn: &mut Turn) -> Result<bool, FollowFault> {
        loop {
            turn.frames += self.replica.execute()?;
            let Some(height) = self.replica.awaited() else { return Ok(true) };
            if self.blocks.is_empty() {
                self.fetch_blocks(source, height)?;
            }
            let Some(block) = self.blocks.pop_front() else { return Ok(false) };
            let taken = self.replica.take_block(&block);
            taken.map_err(|fault| self.narrowed(source, fault))?;
            turn.blocks += 1;
            if turn.blocks.is_multiple_of(self.snapshot_blocks.max(1)) {
                turn.snapshot = self.replica.snapshot(self.snapshot_blocks)?.or(turn.snapshot);
            }
        }
    }

    /// A false block's first entry that differs, instead of its first entry, where the source has what the operator signed.
    fn narrowed(&self, source: &mut impl Source, fault: FollowFault) -> FollowFault {
        let FollowFault::Found(mut finding) = fault else { return fault };
        if let Evidence::Block { signed, own, .. } = &finding.evidence
            && let Ok(header) = BlockHeader::decode(&signed.header)
            && let Some(sequence) = self.replica.first_that_differs(source, (&header, own))
        {
            let (what, _) = finding.what.rsplit_once(": ").unwrap_or((&finding.what, ""));
            finding.what = format!("{what}: the first entry that differs is sequence {sequence}");
            finding.sequence = sequence;
        }
        FollowFault::Found(finding)
    }

    /// With the block before, so that one which the operator has signed anew shows as a fork.
    fn fetch_blocks(&mut self, source: &mut impl Source, height: u64) -> Result<(), FollowFault> {
        let known = height - 1;
        let mut blocks = source.blocks(known.max(1))?.into_iter();
        if known > 0 {
            match blocks.next() {
                Some(block) => {
                    let checked = self.replica.recheck_block(known, &block);
                    checked.map_err(|fault| self.with_seal(source, fault))?;
                }
                None if self.is_relayed => {
                    let why = format!("the copy does not go up to block {known}");
                    return Err(SourceFault::Unreachable(why).into());
                }
                None => {
                    let sequence = self.replica.first_sequence_behind(known - 1);
                    let why = format!("the source has no block {known} any more");
                    return Err(self.replica.suspected(sequence, &why, Vec::new()));
                }
            }
        }
        self.blocks.extend(blocks);
        Ok(())
    }

    fn sign(&mut self, source: &mut impl Source, now: u64) -> Result<Option<u64>, FollowFault> {
        let Some(witness) = self.witness.as_mut() else { return Ok(None) };
        let mut signed = None;
        if let Some(note) = source.checkpoint()? {
            match witness.consider(&self.replica, &note, now) {
                Ok(None) => {}
                Ok(Some(_)) => {
                    self.is_owing = true;
                    signed = Some(witness.signed());
                }
                // A copy may be behind.
                Err(FollowFault::Suspected(_)) if self.is_relayed => {}
                Err(fault @ (FollowFault::Found(_) | FollowFault::Suspected(_))) => {
                    return Err(self.say_more(source, fault));
                }
                Err(fault) => return Err(fault),
            }
        }
        if let Some(cosigned) = witness.cosigned().filter(|_| self.is_owing) {
            source.hand_in(cosigned)?;
            self.is_owing = false;
        }
        Ok(signed)
    }

    /// A block that was signed anew says more than a root that differs.
    fn say_more(&self, source: &mut impl Source, fault: FollowFault) -> FollowFault {
        let (FollowFault::Found(finding) | FollowFault::Suspected(finding)) = &fault else { return fault };
        let height = finding.height.min(self.replica.height());
        let served = if height > 0 { source.blocks(height).unwrap_or_default() } else { Vec::new() };
        match served.first().map(|block| self.replica.recheck_block(height, block)) {
            Some(Err(found @ FollowFault::Found(_))) => self.with_seal(source, found),
            _ => fault,
        }
    }

    /// The frame that seals the other block of a fork says of which epoch that is: a takeover is no fork.
    fn with_seal(&self, source: &mut impl Source, fault: FollowFault) -> FollowFault {
        let FollowFault::Found(mut finding) = fault else { return fault };
        if let Evidence::Fork { blocks, seals, .. } = &mut finding.evidence
            && let Ok(other) = BlockHeader::decode(&blocks[1].header)
            && let Ok(served) = source.frames(other.first_sequence + (other.count - 1))
            && let Ok((frame, _)) = StoredFrame::read(&served.bytes)
            && frame.hash == other.journal_head
        {
            seals[1] = frame.header.encode().0.to_vec();
        }
        FollowFault::Found(finding)
    }

    /// Ends in order.
    ///
    /// # Errors
    /// Faults of the own stores.
    pub fn close(self) -> Result<(), FollowFault> {
        self.replica.close()
    }
}
