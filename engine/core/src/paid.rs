//! Which participants have paid what they owe of an instructed cycle, and which have failed to: said by officers, since
//! that money moves outside. A cycle does not settle while one is marked failed.

use alloc::collections::BTreeMap;

use crate::bic::Bic;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::command::decode_bic;
use crate::outcome::RejectReason;
use crate::participant::{CycleNumber, CycleState, ParticipantHandle};
use crate::registry::{Decision, Effect, Registry, refuse};

/// What is said. Numbers of the byte form are for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PaidCommand {
    /// 22: a participant has paid what it owes of an instructed cycle.
    Paid {
        /// The cycle.
        cycle: CycleNumber,
        /// Who.
        bic: Bic,
    },
    /// 23: a participant has not paid.
    Failed {
        /// The cycle.
        cycle: CycleNumber,
        /// Who.
        bic: Bic,
    },
}

impl PaidCommand {
    /// Cycle, participant, and whether it has paid.
    #[must_use]
    pub const fn parts(self) -> (CycleNumber, Bic, bool) {
        match self {
            Self::Paid { cycle, bic } => (cycle, bic, true),
            Self::Failed { cycle, bic } => (cycle, bic, false),
        }
    }

    pub(crate) fn encode(self, to: &mut Encoder) {
        let (cycle, bic, has_paid) = self.parts();
        to.u8(if has_paid { 22 } else { 23 });
        to.u64(cycle);
        to.raw(bic.as_bytes());
    }

    pub(crate) fn decode(kind: u8, from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let (cycle, bic) = (from.u64()?, decode_bic(from)?);
        match kind {
            22 => Ok(Self::Paid { cycle, bic }),
            23 => Ok(Self::Failed { cycle, bic }),
            _ => Err(Malformed),
        }
    }
}

/// Marks of cycles that are not settled: true for paid.
pub type PaidMarks = BTreeMap<(CycleNumber, ParticipantHandle), bool>;

impl Registry {
    /// What is known of participants' payments for cycles that are not settled: true for paid.
    #[must_use]
    pub fn paid(&self) -> &PaidMarks {
        &self.paid
    }

    pub(crate) fn check_paid(&self, command: PaidCommand) -> Decision<()> {
        let (cycle, bic, _) = command.parts();
        self.participant(bic)?;
        self.check_cycle(cycle, &[CycleState::Instructed])
    }

    pub(crate) fn check_all_paid(&self, cycle: CycleNumber) -> Decision<()> {
        let has_failed = self.paid.iter().any(|((at, _), has_paid)| *at == cycle && !has_paid);
        refuse(has_failed, RejectReason::ParticipantFailed)
    }

    pub(crate) fn commit_paid(&mut self, command: PaidCommand) -> Effect {
        let (cycle, bic, has_paid) = command.parts();
        if let Ok(participant) = self.participant(bic) {
            self.paid.insert((cycle, participant), has_paid);
        }
        Effect::Registered
    }
}

pub(crate) fn encode_marks(marks: &PaidMarks, to: &mut Encoder) {
    to.count(marks.len());
    for ((cycle, participant), has_paid) in marks {
        to.u64(*cycle);
        to.u32(*participant);
        to.u8(u8::from(*has_paid));
    }
}

/// Ascending, so that a state has one byte form.
pub(crate) fn decode_marks(from: &mut Decoder<'_>, count_max: usize) -> Result<PaidMarks, Malformed> {
    let mut marks = PaidMarks::new();
    for _ in 0..from.count(count_max)? {
        let (key, has_paid) = ((from.u64()?, from.u32()?), from.flag()?);
        if marks.last_key_value().is_some_and(|(last, _)| *last >= key) {
            return Err(Malformed);
        }
        marks.insert(key, has_paid);
    }
    Ok(marks)
}
