//! The state and its `apply`: a plain loop that takes the entries of a frame one by one, in journal order.
//! If you read one function of this project, read [`State::apply`]; every other execution must equal it (I5).

use alloc::sync::Arc;
use alloc::vec::Vec;

use feiqian_proof::hash::Hash;

use crate::account::{AccountCell, AccountHandle, SlotHandle};
use crate::batch::{Payload, command_bytes};
use crate::claim::{Claim, Kind, Member, chain_at, check_chained, examine};
use crate::command::Entry;
use crate::controls::SlotControls;
use crate::controls::usage::{Meters, Usage};
use crate::delta::Delta;
use crate::exchange::trades::Trades;
use crate::fees::decide::check_fee;
use crate::frame::FrameKind;
use crate::fraud::Helds;
use crate::hold::{Freed, Holds};
use crate::identify::{Context, find_id, original_of, reported_by, restore_id, take_id};
use crate::ids::{FilterPart, FullIds, IdIndex, IdTable, SequenceRange};
use crate::ledger::Ledger;
use crate::liquidity::group::{Nets, check_turns};
use crate::liquidity::queue::{Queue, Queued};
use crate::mirror::Mirror;
use crate::number::number;
use crate::outcome::{Outcome, OutcomeRow, RejectReason};
use crate::overlay::{NO_EARLIER, Overlay};
use crate::participant::ParticipantHandle;
use crate::postings::Carried;
use crate::postings::decide::{case_of, check_held, check_ordered, commit_held, commit_ordered};
use crate::registry::{Effect, Registry};
use crate::returns::{Original, Returns};
use crate::tables::{
    ChainFailure, Tables, answer, check_controls, check_hold, check_queue, check_return, check_trade,
    commit_queue, commit_trade, failed_chain, hold_of, may_wait, note_attempts, note_hold,
};
use crate::transfer::{Record, flags};

/// So many records ahead memory is asked for what a record needs: long enough for a miss to be served.
const AHEAD: usize = 12;
/// Hashes of ids that are kept from asking memory until the ids are taken.
const RING: usize = 16;
const _: () = assert!(AHEAD < RING && RING.is_power_of_two());

/// A durable frame, as the core reads it.
#[derive(Clone, Copy, Debug)]
pub struct FrameView<'a> {
    /// Transfers or a command.
    pub kind: FrameKind,
    /// Sequence of its first entry.
    pub first_sequence: u64,
    /// Number of its entries.
    pub count: u32,
    /// Nanoseconds since 1970: the only clock of the core.
    pub timestamp: u64,
    /// Its hash.
    pub hash: Hash,
    /// Batches, or one command.
    pub payload: &'a [u8],
}

impl FrameView<'_> {
    /// A command takes one sequence.
    pub(crate) fn has_right_count(&self) -> bool {
        self.kind != FrameKind::Command || self.count == 1
    }
}

/// What the machine lends the core: the journal behind the frame, and a hint to memory.
pub trait History {
    /// The entry at `sequence`, as submitted (a command's as [`Entry::record`]). Asked only when an id comes
    /// again.
    fn record(&self, sequence: u64) -> Option<Record>;

    /// The sequences that stored runs of ids have for the hash of an id, in any order; none where a run can't be
    /// read. Asked only where a filter says that there may be one.
    fn stored_ids(&self, hash: u64, range: SequenceRange) -> Option<Vec<u64>>;

    /// The memory at this address will be used soon. Decides nothing; doing nothing is right.
    fn prefetch(&self, _at: *const u8) {}
}

/// The frame can't be applied: the process must stop, since the journal holds what the engine never writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The payload's lengths do not add up, or a frame is not the next one.
    Malformed {
        /// First sequence of the frame.
        sequence: u64,
    },
    /// The journal does not give an entry that it must hold.
    HistoryMissing {
        /// The entry.
        sequence: u64,
    },
    /// A stored run of ids can't be read.
    IdsUnreadable,
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Malformed { sequence } => write!(f, "the frame at sequence {sequence} is malformed"),
            Self::HistoryMissing { sequence } => write!(f, "the journal has no entry at sequence {sequence}"),
            Self::IdsUnreadable => f.write_str("a stored run of ids can't be read"),
        }
    }
}

impl core::error::Error for Fault {}

/// What applying one frame did beside its rows.
#[derive(Debug, Default)]
pub struct Applied {
    /// Holds, amounts held for fraud cases and waiting payments that the frame's time has ended.
    pub expired: u32,
    /// What changed since the last block, where the frame seals one; none where that is copied later.
    pub delta: Option<Delta>,
    /// Ids that are to be stored now: see [`State::ids_stored`].
    pub full_ids: Option<FullIds>,
}

/// All that decides: terms, cells, holds and ids.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) registry: Registry,
    pub(crate) ledger: Ledger,
    pub(crate) holds: Holds,
    pub(crate) queue: Queue,
    pub(crate) returns: Returns,
    pub(crate) trades: Trades,
    pub(crate) carried: Carried,
    pub(crate) held: Helds,
    pub(crate) usage: Usage,
    pub(crate) ids: IdIndex,
    pub(crate) next_sequence: u64,
    /// Whether a block's delta is given by [`State::copy_changed`].
    copies_later: bool,
    /// Of the last sealed block, while its accounts are copied.
    ended: Option<Delta>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            registry: Registry::default(),
            ledger: Ledger::default(),
            holds: Holds::default(),
            queue: Queue::default(),
            returns: Returns::default(),
            trades: Trades::default(),
            carried: Carried::default(),
            held: Helds::default(),
            usage: Usage::default(),
            ids: IdIndex::new(0),
            next_sequence: 1,
            copies_later: false,
            ended: None,
        }
    }
}

impl State {
    /// Goes on behind a block: the cells and terms of `mirror`, all ids taken so far, the next sequence.
    #[must_use]
    pub fn restored(mirror: &Mirror, ids: IdIndex, next_sequence: u64) -> Self {
        let holds = Holds::restored(&mirror.holds);
        let ledger = Ledger::restored(mirror);
        let queue = Queue::restored(&mirror.queue);
        let (returns, trades) = (mirror.returns.clone(), Trades::restored(&mirror.trades, &mirror.fx));
        let usage = Usage::restored(&mirror.usage);
        Self {
            registry: mirror.registry.clone(),
            ledger,
            holds,
            queue,
            returns,
            trades,
            carried: Carried::restored(&mirror.carried),
            held: Helds::restored(&mirror.held),
            usage,
            ids,
            next_sequence,
            copies_later: false,
            ended: None,
        }
    }

    /// From now on a frame that seals a block gives no delta: [`State::copy_changed`] does, some frames later.
    pub fn copy_later(&mut self) {
        self.copies_later = true;
    }

    /// Whether the delta of a sealed block is still to be copied. No other block may be sealed before.
    #[must_use]
    pub fn is_copying(&self) -> bool {
        self.ended.is_some()
    }

    /// Copies a `share`th of what the last sealed block changed; gives it once it has all. Between frames; where, and in
    /// how many parts, makes no difference.
    pub fn copy_changed(&mut self, share: usize) -> Option<Delta> {
        let accounts = self.ledger.copy_accounts(share)?;
        let mut delta = self.ended.take()?;
        delta.accounts = accounts;
        Some(delta)
    }

    /// Applies the next frame; appends one row for each of its entries to `rows`.
    ///
    /// # Errors
    /// [`Fault`] where the frame is not one that this engine journals; the state is then of no further use.
    ///
    /// # Panics
    /// If debits and credits differ after the frame (I2).
    pub fn apply(
        &mut self,
        frame: &FrameView<'_>,
        history: &impl History,
        rows: &mut Vec<OutcomeRow>,
    ) -> Result<Applied, Fault> {
        if frame.first_sequence != self.next_sequence || !frame.has_right_count() {
            return Err(Fault::Malformed { sequence: frame.first_sequence });
        }
        self.next_sequence = frame.first_sequence.saturating_add(u64::from(frame.count));
        let full_ids = self.ids.take_full(frame.first_sequence);
        let expired = self.expire(frame.timestamp);
        let delta = match frame.kind {
            FrameKind::Transfers => self.apply_transfers(frame, history, rows)?,
            FrameKind::Command => self.apply_command(frame, history, rows)?,
        };
        self.ledger.assert_conserved(&self.registry);
        Ok(Applied { expired, delta, full_ids })
    }

    fn apply_transfers(
        &mut self,
        frame: &FrameView<'_>,
        history: &impl History,
        rows: &mut Vec<OutcomeRow>,
    ) -> Result<Option<Delta>, Fault> {
        let malformed = Fault::Malformed { sequence: frame.first_sequence };
        let payload = Payload::parse(frame.payload, frame.count).map_err(|_| malformed)?;
        rows.reserve(payload.records.len());
        let context = Context { frame, earlier: payload.records, history };
        let mut ahead = Ahead::default();
        for (first, batch, records) in payload.by_batch() {
            let submitter = batch.participant.get();
            let mut at: usize = 0;
            while let Some(record) = records.get(at) {
                if poses_as_command(record) {
                    return Err(malformed);
                }
                let place = first.saturating_add(at);
                self.look_ahead(&mut ahead, place, payload.records, history);
                let sequence = frame.first_sequence.saturating_add(number(place));
                if record.is_linked() {
                    let rest = records.get(at..).unwrap_or_default();
                    let (length, broken) = chain_at(rest);
                    let chain = rest.get(..length).unwrap_or_default();
                    self.apply_chain((submitter, sequence), chain, broken, &context, rows)?;
                    at = at.saturating_add(length);
                } else {
                    self.apply_one((submitter, sequence), record, ahead.hash_of(place), &context, rows)?;
                    at = at.saturating_add(1);
                }
            }
        }
        Ok(None)
    }

    /// Asks memory for what the records up to [`AHEAD`] behind `place` will need: their ids' slots, their two
    /// accounts' lines, and the holds that they begin or end.
    #[inline]
    fn look_ahead(&self, ahead: &mut Ahead, place: usize, records: &[Record], history: &impl History) {
        while ahead.asked <= place.saturating_add(AHEAD) {
            let Some(record) = records.get(ahead.asked) else { return };
            let hash = self.ids.hash(record.uetr.get());
            self.ids.addresses(hash, |at| history.prefetch(at));
            history.prefetch(self.holds.address(record));
            history.prefetch(self.ledger.address(record.debtor.get()));
            history.prefetch(self.ledger.address(record.creditor.get()));
            ahead.note(hash);
        }
    }

    #[inline(always)]
    fn apply_one(
        &mut self,
        (submitter, sequence): (ParticipantHandle, u64),
        record: &Record,
        hash: u64,
        context: &Context<'_, impl History>,
        rows: &mut Vec<OutcomeRow>,
    ) -> Result<(), Fault> {
        if (record.uetr.get() == 0 || !self.ids.take_unseen(hash, sequence))
            && let Some(row) = take_id(&mut self.ids, record, (hash, sequence), context)?
        {
            rows.push(row);
            return Ok(());
        }
        let row = match self.ledger.clear_plain(record, submitter, sequence) {
            Some(row) => {
                self.returns.credit(sequence);
                row
            }
            None => self.decide_one((submitter, sequence), record, context)?,
        };
        rows.push(row);
        Ok(())
    }

    fn decide_one(
        &mut self,
        (submitter, sequence): (ParticipantHandle, u64),
        record: &Record,
        context: &Context<'_, impl History>,
    ) -> Result<OutcomeRow, Fault> {
        let timestamp = context.frame.timestamp;
        let chain = core::slice::from_ref(record);
        let dues = &self.registry.dues(chain, timestamp);
        let member = Member { record, chain, at: 0, dues };
        let claim = check_chained(record, member.chain)
            .and_then(|()| examine(member, submitter, &self.registry, |at| self.ledger.terms(at)));
        let claim = match claim {
            Ok(claim) => claim,
            Err(reason) => return Ok(self.refuse_one(submitter, record, (reason, timestamp))),
        };
        let original = match claim.kind {
            Kind::Return => original_of(&self.ids, record, context)?,
            _ => None,
        };
        let decision = match claim.kind {
            Kind::Release => self.decide_group(&[claim], core::slice::from_ref(record), timestamp),
            _ => Ok(()),
        };
        let decision = match decision {
            Ok(()) => self.decide(&claim, member, &NO_EARLIER, timestamp),
            Err((_, reason)) => Err(reason),
        };
        let decision = match (decision, claim.kind) {
            (Ok(freed), Kind::Return) => {
                let tables = (&self.returns, &self.carried);
                check_return(tables, &self.registry, (&claim, record), (original.as_ref(), timestamp))
                    .map(|()| freed)
            }
            (decision, _) => decision,
        };
        Ok(match decision {
            Ok(freed) => self.commit(&claim, freed, record, sequence, timestamp),
            Err(reason) if may_wait(&self.queue, &claim, reason) => {
                let queued = Queued::of(&claim, record, &self.registry, (sequence, timestamp));
                self.queue.insert(record.uetr.get(), queued);
                OutcomeRow::queued(claim.amount, Some(reason))
            }
            Err(reason) => self.refuse_one(submitter, record, (reason, timestamp)),
        })
    }

    fn refuse_one(
        &mut self,
        submitter: ParticipantHandle,
        record: &Record,
        (reason, timestamp): (RejectReason, u64),
    ) -> OutcomeRow {
        let records = core::slice::from_ref(record);
        note_attempts(&mut self.queue, submitter, (records, &[]), ((Some(0), reason), timestamp));
        OutcomeRow::rejected(reason)
    }

    /// Decides the members on top of each other, then commits all or none.
    fn apply_chain(
        &mut self,
        (submitter, first_sequence): (ParticipantHandle, u64),
        chain: &[Record],
        broken: Option<RejectReason>,
        context: &Context<'_, impl History>,
        rows: &mut Vec<OutcomeRow>,
    ) -> Result<(), Fault> {
        let mut known = Vec::with_capacity(chain.len());
        for (record, sequence) in chain.iter().zip(first_sequence..) {
            let hash = self.ids.hash(record.uetr.get());
            known.push(take_id(&mut self.ids, record, (hash, sequence), context)?);
        }
        let verdict = match broken {
            Some(reason) => Err((None, reason)),
            None => self.decide_chain(submitter, chain, &known, context.frame.timestamp),
        };
        match verdict {
            Ok(claims) => {
                for ((record, (claim, held)), sequence) in chain.iter().zip(claims).zip(first_sequence..) {
                    rows.push(self.commit(&claim, held, record, sequence, context.frame.timestamp));
                }
            }
            Err(failure) => {
                let failed = (failure, context.frame.timestamp);
                note_attempts(&mut self.queue, submitter, (chain, &known), failed);
                rows.extend(failed_chain(&known, failure));
            }
        }
        Ok(())
    }

    fn decide_chain(
        &self,
        submitter: ParticipantHandle,
        chain: &[Record],
        known: &[Option<OutcomeRow>],
        timestamp: u64,
    ) -> Result<Vec<(Claim, Freed)>, ChainFailure> {
        let mut overlay = Overlay::default();
        let dues = &self.registry.dues(chain, timestamp);
        let mut claims = Vec::with_capacity(chain.len());
        let mut group = Vec::new();
        for (at, (record, known)) in chain.iter().zip(known).enumerate() {
            let fail = |reason| (Some(at), reason);
            let member = Member { record, chain, at, dues };
            let claim = match known {
                Some(_) => Err(RejectReason::ChainFailed),
                None => check_chained(record, chain)
                    .and_then(|()| examine(member, submitter, &self.registry, |at| self.ledger.terms(at))),
            };
            let claim = match claim {
                Ok(claim) => claim,
                Err(reason) => {
                    // Of releases, an earlier one whose turn it is not is named first.
                    check_turns(&self.queue, (&group, chain), timestamp, |_| true).map_err(of_member)?;
                    return Err(fail(reason));
                }
            };
            if claim.kind == Kind::Release {
                group.push(claim);
                continue;
            }
            let freed = self.decide(&claim, member, &overlay, timestamp).map_err(fail)?;
            overlay.add(&claim, freed);
            note_hold(&mut overlay, (&claim, freed), record, (&self.holds, &self.registry, timestamp));
            claims.push((claim, freed));
        }
        if !group.is_empty() {
            self.decide_group(&group, chain, timestamp).map_err(of_member)?;
            claims.extend(group.into_iter().map(|claim| (claim, Freed::default())));
        }
        Ok(claims)
    }

    /// Releases that settle at once. What remains of all is blamed on the last member: whoever's turn it is not, is
    /// said first.
    fn decide_group(
        &self,
        claims: &[Claim],
        records: &[Record],
        timestamp: u64,
    ) -> Result<(), (usize, RejectReason)> {
        check_turns(&self.queue, (claims, records), timestamp, |_| true)?;
        let last = claims.len().saturating_sub(1);
        self.ledger.check_group(&Nets::of(claims)).map_err(|reason| (last, reason))?;
        self.check_controls(claims, &NO_EARLIER, timestamp).map_err(|reason| (last, reason))
    }

    fn check_controls(
        &self,
        claims: &[Claim],
        overlay: &Overlay,
        timestamp: u64,
    ) -> Result<(), RejectReason> {
        check_controls((&self.usage, &self.ledger), claims, overlay, (&self.registry, timestamp))
    }

    /// The rules that need cells: holds, queue, funds, cap. Gives what is freed of the hold that is posted or voided.
    #[inline(always)]
    fn decide(
        &self,
        claim: &Claim,
        member: Member<'_>,
        overlay: &Overlay,
        timestamp: u64,
    ) -> Result<Freed, RejectReason> {
        let record = member.record;
        if claim.kind.is_fresh() {
            self.ledger.check_funds(claim, overlay)?;
            self.ledger.check_cap(claim, overlay)?;
            if claim.kind == Kind::Hold {
                self.ledger.check_reserve(claim, overlay)?;
            }
        } else if claim.kind.asks_cap() {
            self.ledger.check_cap(claim, overlay)?;
        }
        if claim.kind.is_ordered() {
            check_ordered(&self.carried, &self.registry.orders, record, timestamp)?;
        }
        let freed = match claim.kind {
            Kind::Restitution => check_held(&self.held, &self.registry.orders, (claim, record)),
            Kind::Post | Kind::Void => check_hold(&self.holds, claim, record, overlay),
            Kind::Direct
            | Kind::Hold
            | Kind::Release
            | Kind::Return
            | Kind::Trade
            | Kind::Ordered
            | Kind::Fee => Ok(Freed::default()),
            _ => check_queue(&self.queue, claim, record, timestamp).map(|()| Freed::default()),
        }?;
        if claim.is_controlled() && claim.kind != Kind::Release {
            self.check_controls(core::slice::from_ref(claim), overlay, timestamp)?;
        }
        if claim.kind == Kind::Trade {
            let earlier = member.chain.get(..member.at).unwrap_or_default();
            check_trade(&self.trades, &self.registry, (record, earlier), timestamp)?;
        }
        if claim.asks_tariffs() {
            check_fee(claim, member)?;
        }
        Ok(freed)
    }

    /// Puts an accepted claim in force. Cannot fail.
    #[inline(always)]
    fn commit(
        &mut self,
        claim: &Claim,
        freed: Freed,
        record: &Record,
        sequence: u64,
        timestamp: u64,
    ) -> OutcomeRow {
        match claim.kind {
            Kind::Direct | Kind::Fee => {}
            Kind::Hold => {
                let hold = hold_of(claim, record, &self.registry, (sequence, timestamp));
                self.holds.insert(record.uetr.get(), hold);
            }
            Kind::Post | Kind::Void => self.holds.free(record.related.get(), freed),
            Kind::Return => self.returns.add(claim, record),
            Kind::Trade => commit_trade(&mut self.trades, &self.registry, record, true),
            Kind::Ordered | Kind::Restitution => self.commit_order(claim, record, sequence),
            _ => commit_queue(&mut self.queue, claim, record, (&self.registry, sequence, timestamp)),
        }
        if claim.moves() {
            self.returns.credit(sequence);
        }
        if claim.controls != SlotControls::NONE {
            self.usage.commit(claim, freed, (&self.registry, timestamp));
        }
        let [debtor_previous, creditor_previous] = self.ledger.commit_linked(claim, freed, sequence);
        OutcomeRow {
            debtor_previous: debtor_previous.into(),
            creditor_previous: creditor_previous.into(),
            ..claim.accepted()
        }
    }

    /// An order has been carried out; a return for a fraud case counts as come back of the reported transfer.
    #[cold]
    fn commit_order(&mut self, claim: &Claim, record: &Record, sequence: u64) {
        commit_ordered(&mut self.carried, &self.registry.orders, (claim, record), (sequence, true));
        if claim.kind.is_restitution() {
            commit_held(&mut self.held, &self.registry.orders, (claim, record));
            if let Some(case) = case_of(&self.registry, record) {
                self.returns.add_to(case.transfer, claim.amount);
            }
        }
    }

    fn expire(&mut self, timestamp: u64) -> u32 {
        let mut expired: u32 = 0;
        while let Some(hold) = self.holds.expire_next(timestamp) {
            self.ledger.release(&hold, &self.registry);
            self.usage.release(&hold, &self.registry);
            expired = expired.saturating_add(1);
        }
        while self.held.expire_next(timestamp, &mut self.ledger) {
            expired = expired.saturating_add(1);
        }
        while self.queue.expire_next(timestamp).is_some() {
            expired = expired.saturating_add(1);
        }
        expired
    }

    fn apply_command(
        &mut self,
        frame: &FrameView<'_>,
        history: &impl History,
        rows: &mut Vec<OutcomeRow>,
    ) -> Result<Option<Delta>, Fault> {
        let malformed = Fault::Malformed { sequence: frame.first_sequence };
        let bytes = command_bytes(frame.payload).map_err(|_| malformed)?;
        let Ok(entry) = Entry::decode(bytes) else {
            rows.push(OutcomeRow::rejected(RejectReason::MalformedCommand));
            return Ok(None);
        };
        if let crate::command::Command::Genesis(genesis) = &entry.command
            && frame.first_sequence == 1
        {
            self.ids = core::mem::take(&mut self.ids).rekeyed(genesis.id_key);
            self.holds = Holds::new(genesis.id_key);
        }
        let record = Entry::record(entry.id, bytes);
        let context = Context { frame, earlier: &[], history };
        let hash = self.ids.hash(record.uetr.get());
        if let Some(row) = take_id(&mut self.ids, &record, (hash, frame.first_sequence), &context)? {
            rows.push(row);
            return Ok(None);
        }
        let reported = reported_by(&entry, &context)?;
        let (row, delta) = match self.decide_command(&entry, frame, reported.as_ref()) {
            Ok(()) => (OutcomeRow::accepted(Outcome::Cleared, 0), self.commit_command(&entry, frame)),
            Err(reason) => (OutcomeRow::rejected(reason), None),
        };
        rows.push(row);
        Ok(delta)
    }

    fn decide_command(
        &self,
        entry: &Entry,
        frame: &FrameView<'_>,
        reported: Option<&Original>,
    ) -> Result<(), RejectReason> {
        let tables = Tables {
            ledger: &self.ledger,
            returns: &self.returns,
            held: &self.held,
            carried: &self.carried,
            orders: &self.registry.orders,
            timestamp: frame.timestamp,
        };
        match self.registry.decide(entry, (frame.timestamp, frame.first_sequence))? {
            Some(asked) if !answer(&tables, &asked, reported, |_| true) => Err(asked.reason()),
            _ => Ok(()),
        }
    }

    fn commit_command(&mut self, entry: &Entry, frame: &FrameView<'_>) -> Option<Delta> {
        let effect = self.registry.commit(entry, frame.timestamp, frame.first_sequence);
        self.ledger.take_effect(effect, &self.registry, frame.first_sequence);
        self.usage.take_effect(effect, &self.registry, &self.holds);
        if let Effect::HeldChanged { case, account } = effect {
            self.held.follow((case, account), (&self.registry, &self.carried), &mut self.ledger);
        }
        match effect {
            Effect::Sealed { height, closes } => {
                assert!(!self.is_copying(), "the block before is copied before the next one is sealed");
                let mut delta = self.ledger.take_delta((height, closes), &self.registry);
                delta.holds = self.holds.take_changed();
                delta.queue = self.queue.take_changed();
                delta.returned = self.returns.take_changed();
                delta.traded = self.trades.take_changed();
                delta.fx = self.trades.take_moved(&self.registry, closes);
                self.trades.forget(frame.timestamp);
                delta.carried = self.carried.take_changed();
                delta.held = self.held.take_changed();
                self.carried.forget(frame.timestamp);
                delta.usage = self.usage.take_changed(&self.registry, closes);
                self.ended = Some(delta);
                if self.copies_later { None } else { self.copy_changed(1) }
            }
            _ => None,
        }
    }
}

/// Questions; none of them changes anything.
impl State {
    /// What commands have made.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
    /// An account's cell.
    #[must_use]
    pub fn account(&self, handle: AccountHandle) -> Option<&AccountCell> {
        self.ledger.account(handle)
    }
    /// A position's cell.
    #[must_use]
    pub fn slot(&self, slot: SlotHandle) -> Option<&crate::participant::SlotCell> {
        self.ledger.slot(slot)
    }
    /// All pending holds.
    #[must_use]
    pub fn holds(&self) -> &Holds {
        &self.holds
    }
    /// All payments that wait.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.queue
    }
    /// Which transfers have cleared, and how much of them has come back.
    #[must_use]
    pub fn returns(&self) -> &Returns {
        &self.returns
    }
    /// Which quotes have been traded on.
    #[must_use]
    pub fn trades(&self) -> &Trades {
        &self.trades
    }
    /// Which orders have been carried out.
    #[must_use]
    pub fn carried(&self) -> &Carried {
        &self.carried
    }
    /// What is held for fraud cases.
    #[must_use]
    pub fn held(&self) -> &Helds {
        &self.held
    }
    /// What is counted for limits.
    #[must_use]
    pub fn usage(&self) -> &Meters {
        self.usage.meters()
    }
    /// The index of ids.
    #[must_use]
    pub fn ids(&self) -> &IdIndex {
        &self.ids
    }
    /// The sequence that has taken an id.
    ///
    /// # Errors
    /// [`Fault`] where the journal or a stored run can't be read.
    pub fn find_id(&self, id: u128, history: &impl History) -> Result<Option<u64>, Fault> {
        find_id(&self.ids, id, history)
    }
    /// The sequence that the next frame must begin with.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }
    /// Takes over an index of all ids taken so far: one that recovery has filled, or one with room for more.
    pub fn replace_ids(&mut self, ids: IdIndex) {
        self.ids = ids;
    }
    /// Gives its index of ids away: to shards that go on in its place.
    pub fn give_ids(&mut self) -> IdIndex {
        let empty = self.ids.empty_copy();
        core::mem::replace(&mut self.ids, empty)
    }
    /// Gives the index an id that an entry has taken, unless an earlier one has: how recovery fills it. The id zero
    /// is never taken.
    ///
    /// # Errors
    /// [`Fault`] where the journal or a stored run can't be read.
    pub fn restore_id(&mut self, (id, sequence): (u128, u64), history: &impl History) -> Result<(), Fault> {
        restore_id(&mut self.ids, (id, sequence), history)
    }
    /// As [`IdIndex::take_full`]: for recovery, which takes ids without applying frames.
    pub fn take_full_ids(&mut self, next: u64) -> Option<FullIds> {
        self.ids.take_full(next)
    }
    /// The ids of all entries below `end` are in stored runs now. When this is said makes no difference to any
    /// outcome.
    pub fn ids_stored(&mut self, end: u64) -> Vec<Arc<IdTable>> {
        self.ids.stored(end)
    }

    /// Takes an empty table for the ids of the next run.
    pub fn offer_spare_ids(&mut self, spare: IdTable) {
        self.ids.offer_spare(spare);
    }

    /// As [`IdIndex::take_part`]. When makes no difference to any outcome.
    pub fn take_id_part(&mut self, part: FilterPart) -> FilterPart {
        self.ids.take_part(part)
    }
}

/// How far memory has been asked ahead in a frame, and the hashes of the ids that it was asked for.
#[derive(Debug, Default)]
struct Ahead {
    asked: usize,
    hashes: [u64; RING],
}

impl Ahead {
    #[inline]
    fn note(&mut self, hash: u64) {
        if let Some(at) = self.hashes.get_mut(self.asked & RING.wrapping_sub(1)) {
            *at = hash;
        }
        self.asked = self.asked.saturating_add(1);
    }

    /// Of an entry that was asked for and is at most [`AHEAD`] behind.
    #[inline]
    fn hash_of(&self, place: usize) -> u64 {
        self.hashes.get(place & RING.wrapping_sub(1)).copied().unwrap_or(0)
    }
}

/// Only the record that stands for a command has that flag, and admission lets none through.
#[inline]
pub(crate) fn poses_as_command(record: &Record) -> bool {
    record.flags.get() & flags::COMMAND != 0
}

fn of_member((at, reason): (usize, RejectReason)) -> ChainFailure {
    (Some(at), reason)
}
