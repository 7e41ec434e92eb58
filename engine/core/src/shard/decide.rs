//! How a shard votes on a unit, waits for other votes, and puts what is decided in force.

use alloc::vec::Vec;

use super::unit::{Bounds, Claims, Failure, Pending, Unit, Word};
use super::{Exchange, Shard};
use crate::batch::Payload;
use crate::claim::{Claim, Kind, Member};
use crate::controls::SlotControls;
use crate::fees::Dues;
use crate::fees::decide::check_fee;
use crate::hold::Freed;
use crate::liquidity::group::{Nets, check_turns};
use crate::liquidity::queue::Queued;
use crate::number::number;
use crate::outcome::{OutcomeRow, RejectReason};
use crate::overlay::{NO_EARLIER, Overlay};
use crate::postings::decide::{case_of, check_held, check_ordered, commit_held, commit_ordered};
use crate::returns::Original;
use crate::state::FrameView;
use crate::tables::{
    check_controls, check_hold, check_queue, check_return, check_trade, commit_queue, commit_trade,
    failed_chain, hold_of, may_wait, note_attempts, note_hold,
};
use crate::transfer::Record;

/// A shard's word on one check.
enum Vote {
    Pass,
    Fail(RejectReason),
    /// Between the bounds: an undecided transfer decides it.
    Unknown,
}

impl Shard {
    /// Votes on a unit that concerns this shard, and concludes it or lets it wait. False: it can't be voted
    /// on before an earlier one is decided.
    pub(super) fn decide_unit(
        &mut self,
        unit: &Unit<'_>,
        frame: &FrameView<'_>,
        exchange: &impl Exchange,
    ) -> bool {
        // Holds and queues are looked up, not bounded: whoever touches one knows all before it.
        if unit.asks_tables() && !self.walk.pending.is_empty() {
            return false;
        }
        let Some((freed, objection)) = self.vote(unit, frame.timestamp) else { return false };
        let is_voter = self.is_voter(unit.voters);
        if let Some((at, reason)) = objection.filter(|_| is_voter) {
            exchange.object(self.share.number, unit.first.saturating_add(at), reason.number());
        }
        let fails = objection.map(|(at, reason)| (Some(at), reason)).or(unit.refused);
        let me = 1_u64.checked_shl(u32::try_from(self.share.number).unwrap_or(0)).unwrap_or(0);
        if unit.voters & !me == 0 {
            self.conclude(unit, &unit.claims, &freed, fails, (frame, exchange));
            return true;
        }
        // Who may wait does so for what another objects to as well.
        let is_needed = fails.is_none() || unit.may_wait();
        let claims = is_needed.then(|| (unit.claims.clone(), freed));
        if fails.is_none()
            && let Some((claims, freed)) = &claims
        {
            self.shift_undecided(claims, freed, 1);
        }
        self.walk.pending.push_back(Pending {
            first: unit.first,
            submitter: unit.submitter,
            is_shifted: fails.is_none(),
            length: unit.records.len(),
            voters: unit.voters,
            voted: unit.claims.as_slice().len(),
            refused: unit.refused,
            claims,
        });
        true
    }

    /// This shard's checks of all members, each on top of the earlier ones: what they free of holds, and the first
    /// objection. None: undecided.
    fn vote(&self, unit: &Unit<'_>, timestamp: u64) -> Option<Word> {
        let mut overlay = Overlay::default();
        let mut all_freed = Vec::new();
        let claims = unit.claims.as_slice();
        if claims.first().is_some_and(|claim| claim.kind == Kind::Release) {
            return Some((
                claims.iter().map(|_| Freed::default()).collect(),
                self.vote_group(unit, timestamp),
            ));
        }
        for (at, (claim, record)) in claims.iter().zip(unit.records).enumerate() {
            let mut freed = Freed::default();
            if matches!(claim.kind, Kind::Post | Kind::Void) && self.knows_holds_of(claim) {
                match check_hold(&self.holds, claim, record, &overlay) {
                    Ok(found) => freed = found,
                    Err(reason) => return Some((all_freed, Some((at, reason)))),
                }
            } else {
                match self.check(claim, &overlay) {
                    Vote::Pass => {}
                    Vote::Fail(reason) => return Some((all_freed, Some((at, reason)))),
                    Vote::Unknown => return None,
                }
            }
            if claim.kind.asks_queue()
                && self.share.holds(claim.debtor)
                && let Err(reason) = check_queue(&self.queue, claim, record, timestamp)
            {
                return Some((all_freed, Some((at, reason))));
            }
            if claim.is_controlled()
                && let Err(reason) = self.check_controls(core::slice::from_ref(claim), &overlay, timestamp)
            {
                return Some((all_freed, Some((at, reason))));
            }
            if claim.kind == Kind::Return
                && self.share.holds(claim.debtor)
                && let Err(reason) = self.check_return(claim, record, (unit.first, timestamp))
            {
                return Some((all_freed, Some((at, reason))));
            }
            if claim.kind == Kind::Trade
                && self.share.holds(claim.debtor)
                && let Err(reason) =
                    self.check_trade((record, unit.records.get(..at).unwrap_or_default()), timestamp)
            {
                return Some((all_freed, Some((at, reason))));
            }
            if claim.kind.is_ordered() && self.share.holds(claim.debtor) {
                match self.check_order(claim, record, timestamp) {
                    Ok(held) => freed = held,
                    Err(reason) => return Some((all_freed, Some((at, reason)))),
                }
            }
            if claim.asks_tariffs()
                && self.share.holds(claim.debtor)
                && let Err(reason) =
                    check_fee(claim, Member { record, chain: unit.records, at, dues: &unit.dues })
            {
                return Some((all_freed, Some((at, reason))));
            }
            all_freed.push(freed);
            if claims.len() > 1 {
                overlay.add(claim, freed);
                let tables = (&self.holds, &self.registry, timestamp);
                note_hold(&mut overlay, (claim, freed), record, tables);
            }
        }
        Some((all_freed, None))
    }

    /// Whether an order may be carried out, of the debtor account's tables; gives what it frees of what is held.
    fn check_order(&self, claim: &Claim, record: &Record, timestamp: u64) -> Result<Freed, RejectReason> {
        check_ordered(&self.carried, &self.registry.orders, record, timestamp)?;
        match claim.kind {
            Kind::Restitution => check_held(&self.held, &self.registry.orders, (claim, record)),
            _ => Ok(Freed::default()),
        }
    }

    /// Whether the return at an index of the frame may come to pass, of the debtor account's tables.
    fn check_return(
        &self,
        claim: &Claim,
        record: &Record,
        (at, timestamp): (usize, u64),
    ) -> Result<(), RejectReason> {
        let (tables, original) = ((&self.returns, &self.carried), self.original_of(at));
        check_return(tables, &self.registry, (claim, record), (original, timestamp))
    }

    fn check_trade(&self, member: (&Record, &[Record]), timestamp: u64) -> Result<(), RejectReason> {
        check_trade(&self.trades, &self.registry, member, timestamp)
    }

    /// Whether a claim brings money back of a transfer that has credited an account which is here.
    pub(super) fn counts_back(&self, claim: &Claim, record: &Record) -> bool {
        claim.kind.is_restitution()
            && case_of(&self.registry, record).is_some_and(|case| self.share.holds(case.creditor))
    }

    /// An order has been carried out: noted where the money is, and where what has come back is counted.
    fn commit_order(&mut self, claim: &Claim, record: &Record, sequence: u64) {
        let (is_payer, counts) = (self.share.holds(claim.debtor), self.counts_back(claim, record));
        if is_payer || counts {
            let orders = &self.registry.orders;
            commit_ordered(&mut self.carried, orders, (claim, record), (sequence, is_payer));
        }
        if is_payer && claim.kind.is_restitution() {
            commit_held(&mut self.held, &self.registry.orders, (claim, record));
        }
        if counts && let Some(case) = case_of(&self.registry, record) {
            self.returns.add_to(case.transfer, claim.amount);
        }
    }

    /// What the return at an index of the frame names.
    fn original_of(&self, at: usize) -> Option<&Original> {
        let originals = &self.walk.originals;
        let found = originals.binary_search_by_key(&number(at), |(at, _)| u64::from(*at)).ok()?;
        originals.get(found).map(|(_, original)| original)
    }

    /// This shard's checks of releases that settle at once. Nothing is undecided: they ask tables.
    fn vote_group(&self, unit: &Unit<'_>, timestamp: u64) -> Option<(usize, RejectReason)> {
        let claims = unit.claims.as_slice();
        let is_here = |account| self.share.holds(account);
        if let Err(objection) = check_turns(&self.queue, (claims, unit.records), timestamp, is_here) {
            return Some(objection);
        }
        // A member that terms refuse is named before what remains of the others.
        if unit.refused.is_some() {
            return None;
        }
        let last = claims.len().saturating_sub(1);
        let checked = self.ledger.check_group(&Nets::of(claims));
        let checked = checked.and_then(|()| self.check_controls(claims, &NO_EARLIER, timestamp));
        checked.err().map(|reason| (last, reason))
    }

    /// Nothing is undecided: limits ask tables.
    fn check_controls(
        &self,
        claims: &[Claim],
        overlay: &Overlay,
        timestamp: u64,
    ) -> Result<(), RejectReason> {
        check_controls((&self.usage, &self.ledger), claims, overlay, (&self.registry, timestamp))
    }

    fn knows_holds_of(&self, claim: &Claim) -> bool {
        self.share.holds(claim.debtor) || self.owns_slot(claim.debtor_slot)
    }

    /// Funds, cap and reserve, as far as their cells are here.
    fn check(&self, claim: &Claim, overlay: &Overlay) -> Vote {
        if !claim.kind.asks_cap() {
            return Vote::Pass;
        }
        if claim.kind.is_fresh()
            && let Some(cell) = self.ledger.account(claim.debtor)
        {
            let available = cell.available(claim.credit_line);
            let available = available.saturating_add(overlay.account(claim.debtor).available);
            let bounds = self.undecided.account(claim.debtor);
            match compare(available, bounds, claim.amount, RejectReason::InsufficientFunds) {
                Vote::Pass => {}
                other => return other,
            }
        }
        if claim.crosses()
            && let Some(cell) = self.ledger.slot(claim.debtor_slot)
        {
            let headroom = cell.headroom(claim.cap);
            let headroom = headroom.saturating_add(overlay.slot(claim.debtor_slot).available);
            let bounds = self.undecided.slot(claim.debtor_slot);
            match compare(headroom, bounds, claim.amount, RejectReason::NetDebitCapExceeded) {
                Vote::Pass => {}
                other => return other,
            }
        }
        if claim.kind == Kind::Hold
            && let Err(reason) = self.ledger.check_reserve(claim, overlay)
        {
            return Vote::Fail(reason);
        }
        Vote::Pass
    }

    /// Concludes waiting units, oldest first, as far as all their voters have published.
    pub(super) fn conclude_decided(
        &mut self,
        frame: &FrameView<'_>,
        payload: &Payload<'_>,
        exchange: &impl Exchange,
    ) {
        while let Some(pending) = self.walk.pending.front() {
            let end = pending.first.saturating_add(pending.length);
            let is_decided = voters(pending.voters)
                .all(|voter| voter == self.share.number || exchange.progress_of(voter) >= end);
            if !is_decided {
                return;
            }
            let Some(pending) = self.walk.pending.pop_front() else { return };
            let fails = failure_of(&pending, exchange);
            let (claims, freed) = pending.claims.unwrap_or((Claims::None, Vec::new()));
            if pending.is_shifted {
                self.shift_undecided(&claims, &freed, -1);
            }
            let unit = Unit {
                first: pending.first,
                submitter: pending.submitter,
                records: payload.records.get(pending.first..end).unwrap_or_default(),
                known: self.known_of(pending.first, pending.length),
                claims: Claims::None,
                refused: None,
                voters: pending.voters,
                dues: Dues::default(),
            };
            self.conclude(&unit, &claims, &freed, fails, (frame, exchange));
        }
    }

    fn shift_undecided(&mut self, claims: &Claims, all_freed: &[Freed], sign: i128) {
        for (claim, freed) in claims.as_slice().iter().zip(all_freed) {
            self.undecided.shift(claim, *freed, sign);
        }
    }

    /// Puts a decided unit in force here, and answers for the members whose debtor account is here.
    fn conclude(
        &mut self,
        unit: &Unit<'_>,
        claims: &Claims,
        all_freed: &[Freed],
        fails: Option<Failure>,
        (frame, exchange): (&FrameView<'_>, &impl Exchange),
    ) {
        let Some(failure) = fails else {
            let members = claims.as_slice().iter().zip(all_freed).zip(unit.records);
            for (((claim, freed), record), at) in members.zip(unit.first..) {
                self.commit(claim, *freed, (record, at), frame);
                if self.share.holds(claim.debtor) {
                    exchange.answer(at, &claim.accepted());
                }
            }
            return;
        };
        if let ([claim], (_, reason)) = (claims.as_slice(), failure)
            && self.share.holds(claim.debtor)
            && may_wait(&self.queue, claim, reason)
            && let [record] = unit.records
        {
            let sequence = frame.first_sequence.saturating_add(number(unit.first));
            let queued = Queued::of(claim, record, &self.registry, (sequence, frame.timestamp));
            self.queue.insert(record.uetr.get(), queued);
            exchange.answer(unit.first, &OutcomeRow::queued(claim.amount, Some(reason)));
            return;
        }
        let mut known = unit.known.clone();
        known.resize(unit.records.len(), None);
        let failed = (failure, frame.timestamp);
        note_attempts(&mut self.queue, unit.submitter, (unit.records, &known), failed);
        for ((row, record), at) in failed_chain(&known, failure).zip(unit.records).zip(unit.first..) {
            if self.share.holds(record.debtor.get()) {
                exchange.answer(at, &row);
            }
        }
    }

    fn commit(&mut self, claim: &Claim, freed: Freed, (record, at): (&Record, usize), frame: &FrameView<'_>) {
        match claim.kind {
            Kind::Direct | Kind::Fee => {}
            Kind::Hold if self.knows_holds_of(claim) => {
                let sequence = frame.first_sequence.saturating_add(number(at));
                let hold = hold_of(claim, record, &self.registry, (sequence, frame.timestamp));
                self.holds.insert(record.uetr.get(), hold);
            }
            Kind::Hold => {}
            Kind::Post | Kind::Void => self.holds.free(record.related.get(), freed),
            Kind::Return if self.share.holds(claim.debtor) => self.returns.add(claim, record),
            Kind::Trade => {
                let reports = self.share.holds(claim.debtor);
                commit_trade(&mut self.trades, &self.registry, record, reports);
            }
            Kind::Ordered | Kind::Restitution => {
                self.commit_order(claim, record, frame.first_sequence.saturating_add(number(at)));
            }
            _ if self.share.holds(claim.debtor) => {
                let sequence = frame.first_sequence.saturating_add(number(at));
                commit_queue(&mut self.queue, claim, record, (&self.registry, sequence, frame.timestamp));
            }
            _ => {}
        }
        if claim.controls != SlotControls::NONE {
            self.usage.commit(claim, freed, (&self.registry, frame.timestamp));
        }
        self.ledger.commit(claim, freed);
        if claim.moves() && self.share.holds(claim.creditor) {
            self.returns.credit(frame.first_sequence.saturating_add(number(at)));
        }
        if claim.moves() && (self.share.holds(claim.debtor) || self.share.holds(claim.creditor)) {
            self.walk.posts.push((at, *claim));
        }
    }
}

#[expect(clippy::arithmetic_side_effects, reason = "sums of at most 2^64 amounts below 2^60")]
fn compare(available: i128, bounds: Bounds, amount: u64, reason: RejectReason) -> Vote {
    let amount = i128::from(amount);
    if available == i128::MAX || amount <= available - bounds.debits {
        Vote::Pass
    } else if amount > available + bounds.credits {
        Vote::Fail(reason)
    } else {
        Vote::Unknown
    }
}

/// The first member that a voter objects to, with the reason that takes precedence; else what terms refuse.
fn failure_of(pending: &Pending, exchange: &impl Exchange) -> Option<Failure> {
    let objection = (0..pending.voted).find_map(|member| {
        let at = pending.first.saturating_add(member);
        let reasons = voters(pending.voters).map(|voter| exchange.objection_of(voter, at));
        let reason = reasons.filter(|reason| *reason != 0).min()?;
        RejectReason::from_number(reason).map(|reason| (Some(member), reason))
    });
    objection.or(pending.refused)
}

/// The shards of a set.
fn voters(mut set: u64) -> impl Iterator<Item = u64> {
    core::iter::from_fn(move || {
        if set == 0 {
            return None;
        }
        let shard = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        Some(u64::from(shard))
    })
}
