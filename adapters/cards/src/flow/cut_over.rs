//! Cut-over: an acquirer's business day ends and the next begins, where the message's record stands in the journal
//! (business_day.rs). Once for each day, however often it is sent, after a restart too.

use std::sync::Arc;

use feiqian_core::bic::Bic;
use feiqian_core::outcome::{Outcome, RejectReason};
use feiqian_core::participant::ParticipantHandle;

use super::business_day::{Day, HORIZON_DAYS, TOLD_DAYS, day_at, nearest, told};
use super::reversal::tombstone;
use super::{Begun, Desk, Due, Heard};
use crate::code::Code;
use crate::gate::Verdict;
use crate::reply::Answer;

/// Whose day begins, and which.
#[derive(Debug)]
pub(crate) struct CutOver {
    whose: Vec<(Bic, ParticipantHandle)>,
    day: Day,
}

impl Desk {
    /// Begins a cut-over: of the institution in field 32, else of all that the link is for.
    pub(super) fn cut_over(&self, heard: Heard<'_>) -> Result<Begun, Code> {
        let message = heard.message;
        let acquirer = message.acquirer().map_err(|_| Code::FormatError)?;
        let named = heard.link.institution(acquirer).map(|institution| vec![institution]);
        let all = named.or_else(|| acquirer.is_none().then(|| heard.link.institutions.clone()));
        let mut whose = Vec::new();
        for institution in all.ok_or(Code::NoRoute)? {
            let bic = institution.participant;
            let participant = self.engine.directory().participant(bic).ok_or(Code::NoRoute)?;
            if !whose.contains(&(bic, participant)) {
                whose.push((bic, participant));
            }
        }
        let day = match told(message, heard.now)? {
            Some(day) => day,
            None => nearest(message, heard.now)?,
        };
        let today = day_at(heard.now);
        if !(today.saturating_sub(1)..=today.saturating_add(TOLD_DAYS)).contains(&day) {
            return Err(Code::FormatError);
        }
        Ok(Begun::Due(Due::CutOver(CutOver { whose, day })))
    }
}

impl CutOver {
    /// The answer; none where the engine has ended.
    pub(super) async fn finish(self, desk: &Arc<Desk>) -> Option<Answer> {
        if let Err(code) = self.checked(desk).await {
            return Some(code.into());
        }
        let submit = |(bic, participant): &(Bic, ParticipantHandle)| {
            let id = desk.vault.cut_over_id(*bic, self.day);
            desk.gate.submit(*participant, tombstone(id))
        };
        let claims: Vec<_> = self.whose.iter().map(submit).collect();
        for claim in claims {
            match claim.verdict().await {
                Verdict::Decided { row, .. } => {
                    let is_known = row.outcome() == Some(Outcome::Duplicate)
                        || row.reason() == Some(RejectReason::IdReused);
                    desk.cut_overs.increment(u64::from(!is_known));
                }
                Verdict::Busy => return Some(Code::Unavailable.into()),
                Verdict::Unknown => return None,
            }
        }
        Some(Code::Managed.into())
    }

    /// No day begins behind a later one.
    async fn checked(&self, desk: &Arc<Desk>) -> Result<(), Code> {
        let (whose, later) = (self.whose.clone(), self.day.saturating_add(1));
        let desk = Arc::clone(desk);
        let look = move || {
            for (bic, _) in whose {
                if desk.last_begun(bic, (later, later.saturating_add(HORIZON_DAYS)))?.is_some() {
                    return Err(Code::InvalidTransaction);
                }
            }
            Ok(())
        };
        tokio::task::spawn_blocking(look).await.map_err(|_| Code::Malfunction)?
    }
}
