//! One shard's part of the execution: the same rules as the plain loop, over its own cells alone (I5).
//!
//! Every shard walks every frame in order. A transfer is decided by its voters, the shards that own the
//! checked cells (the debtor account's funds, the debtor position's cap); where no limit binds there is none.
//! A voter votes from bounds while earlier transfers are undecided: `low` counts all undecided debits and no
//! undecided credit, `high` the opposite. Only in between does it wait, and always for votes on smaller
//! sequences, which their shards have published before they wait themselves: so there is no deadlock.
//!
//! This module knows no thread and never waits: [`Shard::advance`] returns where it needs another shard's
//! word, and is called again. So a test can drive any schedule.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::account::{AccountCell, AccountHandle, SlotHandle, UNLIMITED};
use crate::batch::{Payload, command_bytes};
use crate::claim::{Claim, Kind, Member, chain_at, check_chained, examine};
use crate::command::{Command, Entry};
use crate::controls::SlotControls;
use crate::controls::usage::Usage;
use crate::delta::Delta;
use crate::exchange::trades::Trades;
use crate::frame::FrameKind;
use crate::fraud::Helds;
use crate::hold::Holds;
use crate::identify::{Context, find_id, original_of, reported_by, take_id};
use crate::ids::{FilterPart, FullIds, IdIndex, IdTable};
use crate::ledger::{Ledger, Share};
use crate::liquidity::queue::Queue;
use crate::number::{index, number};
use crate::outcome::{Outcome, OutcomeRow, RejectReason};
use crate::participant::ParticipantHandle;
use crate::postings::Carried;
use crate::registry::{Asked, Effect, Registry};
use crate::returns::{Original, Returns};
use crate::state::{Fault, FrameView, History, State, poses_as_command};
use crate::tables::{Tables, answer};
use crate::transfer::flags;

mod decide;
mod exchange;
mod unit;

pub use exchange::{Exchange, IdWord, Side};
use unit::{Claims, Pending, Undecided, Unit};

/// Entries between two publications of votes, where nothing forces one earlier.
const PUBLISH_EVERY: usize = 512;

/// How far [`Shard::advance`] has come.
#[derive(Debug)]
pub enum Advance {
    /// The frame is done, as far as this shard is concerned.
    Done(Box<ShardApplied>),
    /// Another shard must publish first.
    Blocked,
    /// The budget is used up.
    Paused,
}

/// What one shard did for a frame beside its answers.
#[derive(Debug, Default)]
pub struct ShardApplied {
    /// Holds, amounts held for fraud cases and waiting payments of this shard's accounts that the frame's time has ended.
    pub expired: u32,
    /// This shard's part of what changed since the last block, where the frame seals one.
    pub delta: Option<Delta>,
    /// Per currency, the sum of all balances of this shard (I2: zero over all shards).
    pub sums: Vec<(u16, i128)>,
    /// Ids of this shard that are to be stored now: see [`Shard::ids_stored`].
    pub full_ids: Option<FullIds>,
}

/// Where this shard stands in the frame.
#[derive(Debug, Default)]
struct Walk {
    is_begun: bool,
    at: usize,
    /// Batches entered so far, and where the last of them ends.
    batches: usize,
    batch_end: usize,
    published: usize,
    /// Entries that repeat earlier ids, ascending.
    known: Vec<(u32, OutcomeRow)>,
    /// What returns name, ascending by the return's index.
    originals: Vec<(u32, Original)>,
    pending: VecDeque<Pending>,
    /// Entries that post on accounts of this shard.
    posts: Vec<(usize, Claim)>,
    expired: u32,
    full_ids: Option<FullIds>,
}

/// One shard: its cells, its ids, and the terms, which all shards know.
#[derive(Debug)]
pub struct Shard {
    share: Share,
    registry: Registry,
    ledger: Ledger,
    /// Those whose debtor account or debtor position is here.
    holds: Holds,
    /// Those whose debtor account is here.
    queue: Queue,
    /// Of those that credited an account that is here.
    returns: Returns,
    /// Of those whose target amount an account here pays.
    trades: Trades,
    /// Those whose debtor account is here.
    carried: Carried,
    /// On accounts that are here.
    held: Helds,
    /// Of the accounts and positions that are here.
    usage: Usage,
    ids: IdIndex,
    undecided: Undecided,
    next_sequence: u64,
    walk: Walk,
}

impl Shard {
    /// A shard of an engine without any journal yet.
    #[must_use]
    pub fn new(share: Share) -> Self {
        Self::of(share, &State::default())
    }

    /// The part of a whole state, in the midst of a block too: where recovery hands over to the shards.
    #[must_use]
    pub fn of(share: Share, state: &State) -> Self {
        let registry = state.registry.clone();
        let holds = state.holds.part(|hold| {
            let owner_of_slot = registry
                .account(hold.debtor)
                .and_then(|terms| registry.slots().get(index(terms.slot.into())))
                .map(|slot| share.owner(slot.clearing_account));
            share.holds(hold.debtor) || owner_of_slot == Some(share.number)
        });
        Self {
            share,
            ledger: state.ledger.part(share, &registry),
            usage: state.usage.part(share, &registry),
            registry,
            holds,
            queue: state.queue.part(|debtor| share.holds(debtor)),
            returns: state.returns.part(share.number == 0),
            trades: state.trades.part(share.number == 0),
            carried: state.carried.part(share.number == 0),
            held: state.held.part(|account| share.holds(account)),
            ids: state.ids.part(share.number, share.shards),
            undecided: Undecided::default(),
            next_sequence: state.next_sequence,
            walk: Walk::default(),
        }
    }

    /// What commands have made.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The sequence that has taken an id, if the id is this shard's.
    ///
    /// # Errors
    /// [`Fault`] where the journal or a stored run can't be read.
    pub fn find_id(&self, id: u128, history: &impl History) -> Result<Option<u64>, Fault> {
        find_id(&self.ids, id, history)
    }

    /// As [`State::ids_stored`].
    pub fn ids_stored(&mut self, end: u64) -> Vec<Arc<IdTable>> {
        self.ids.stored(end)
    }

    /// Takes an empty table for the ids of the next run.
    pub fn offer_spare_ids(&mut self, spare: IdTable) {
        self.ids.offer_spare(spare);
    }

    /// As [`State::take_id_part`].
    pub fn take_id_part(&mut self, part: FilterPart) -> FilterPart {
        self.ids.take_part(part)
    }

    /// The same shard with an index of all its ids that another filter knows, see [`IdIndex::part_behind`].
    #[must_use]
    pub fn with_ids(self, ids: IdIndex) -> Self {
        Self { ids, ..self }
    }

    /// An account's cell, if it is here.
    #[must_use]
    pub fn account(&self, handle: AccountHandle) -> Option<&AccountCell> {
        self.ledger.account(handle)
    }

    /// Takes the ids of the frame that are this shard's, and tells which are no first use. Once for each
    /// frame, in order, at the latest before [`Shard::advance`]; earlier, it lets other shards begin sooner.
    ///
    /// # Errors
    /// [`Fault`] where the frame or the journal behind it is damaged.
    pub fn take_ids(
        &mut self,
        frame: &FrameView<'_>,
        history: &impl History,
        exchange: &impl Exchange,
    ) -> Result<(), Fault> {
        let malformed = Fault::Malformed { sequence: frame.first_sequence };
        let word = match frame.kind {
            FrameKind::Transfers => {
                let records = Payload::parse(frame.payload, frame.count).map_err(|_| malformed)?.records;
                self.take_record_ids(&Context { frame, earlier: records, history })?
            }
            FrameKind::Command => {
                let bytes = command_bytes(frame.payload).map_err(|_| malformed)?;
                self.take_command_id(bytes, &Context { frame, earlier: &[], history })?
            }
        };
        exchange.give_ids(self.share.number, word);
        Ok(())
    }

    fn take_record_ids(&mut self, context: &Context<'_, impl History>) -> Result<IdWord, Fault> {
        let IdWord { mut repeated, mut originals } = IdWord::default();
        for ((record, at), sequence) in
            context.earlier.iter().zip(0_u32..).zip(context.frame.first_sequence..)
        {
            if poses_as_command(record) {
                return Err(Fault::Malformed { sequence: context.frame.first_sequence });
            }
            if record.flags.get() & flags::RETURN != 0 && self.owns_id(record.related.get()) {
                originals.extend(original_of(&self.ids, record, context)?.map(|original| (at, original)));
            }
            if !self.owns_id(record.uetr.get()) {
                continue;
            }
            let hash = self.ids.hash(record.uetr.get());
            if let Some(row) = take_id(&mut self.ids, record, (hash, sequence), context)? {
                repeated.push((at, row));
            }
        }
        Ok(IdWord { repeated, originals })
    }

    fn take_command_id(
        &mut self,
        bytes: &[u8],
        context: &Context<'_, impl History>,
    ) -> Result<IdWord, Fault> {
        let Ok(entry) = Entry::decode(bytes) else { return Ok(IdWord::default()) };
        let sequence = context.frame.first_sequence;
        if let Command::Genesis(genesis) = &entry.command
            && sequence == 1
        {
            self.ids = core::mem::take(&mut self.ids).rekeyed(genesis.id_key);
            self.holds = Holds::new(genesis.id_key);
        }
        if !self.owns_id(entry.id) {
            return Ok(IdWord::default());
        }
        let record = Entry::record(entry.id, bytes);
        let place = (self.ids.hash(entry.id), sequence);
        let repeated = take_id(&mut self.ids, &record, place, context)?.map(|row| (0, row));
        let originals = reported_by(&entry, context)?.map(|original| (0, original));
        Ok(IdWord { repeated: repeated.into_iter().collect(), originals: originals.into_iter().collect() })
    }

    fn owns_id(&self, id: u128) -> bool {
        self.ids.shard_of(id, self.share.shards) == self.share.number
    }

    fn slot_owner(&self, slot: SlotHandle) -> u64 {
        let terms = self.registry.slots().get(index(slot.into()));
        terms.map_or(0, |terms| self.share.owner(terms.clearing_account))
    }

    fn owns_slot(&self, slot: SlotHandle) -> bool {
        self.slot_owner(slot) == self.share.number
    }

    /// Goes on with the frame, for at most `budget` units.
    ///
    /// # Errors
    /// [`Fault`] where the frame is damaged; the shard is then of no further use.
    pub fn advance(
        &mut self,
        frame: &FrameView<'_>,
        exchange: &impl Exchange,
        budget: usize,
    ) -> Result<Advance, Fault> {
        if !self.walk.is_begun && !self.begin(frame, exchange)? {
            return Ok(Advance::Blocked);
        }
        match frame.kind {
            FrameKind::Transfers => self.advance_transfers(frame, exchange, budget),
            FrameKind::Command => self.advance_command(frame, exchange),
        }
    }

    /// Collects what is known of repeated ids, and lets the frame's time pass. False: not all is known yet.
    fn begin(&mut self, frame: &FrameView<'_>, exchange: &impl Exchange) -> Result<bool, Fault> {
        if frame.first_sequence != self.next_sequence || !frame.has_right_count() {
            return Err(Fault::Malformed { sequence: frame.first_sequence });
        }
        let (mut known, mut originals) = (Vec::new(), Vec::new());
        for shard in 0..self.share.shards {
            let Some(word) = exchange.ids_of(shard) else { return Ok(false) };
            known.extend_from_slice(&word.repeated);
            originals.extend_from_slice(&word.originals);
        }
        known.sort_unstable_by_key(|(at, _)| *at);
        originals.sort_unstable_by_key(|(at, _)| *at);
        self.next_sequence = frame.first_sequence.saturating_add(u64::from(frame.count));
        let expired = self.expire(frame.timestamp);
        // The frame's own ids have been taken by now.
        let full_ids = self.ids.take_full(self.next_sequence);
        self.walk = Walk { is_begun: true, known, originals, expired, full_ids, ..Walk::default() };
        Ok(true)
    }

    fn expire(&mut self, timestamp: u64) -> u32 {
        let mut expired: u32 = 0;
        while let Some(hold) = self.holds.expire_next(timestamp) {
            self.ledger.release(&hold, &self.registry);
            self.usage.release(&hold, &self.registry);
            expired = expired.saturating_add(u32::from(self.share.holds(hold.debtor)));
        }
        while self.held.expire_next(timestamp, &mut self.ledger) {
            expired = expired.saturating_add(1);
        }
        while self.queue.expire_next(timestamp).is_some() {
            expired = expired.saturating_add(1);
        }
        expired
    }

    fn advance_transfers(
        &mut self,
        frame: &FrameView<'_>,
        exchange: &impl Exchange,
        budget: usize,
    ) -> Result<Advance, Fault> {
        let malformed = Fault::Malformed { sequence: frame.first_sequence };
        let payload = Payload::parse(frame.payload, frame.count).map_err(|_| malformed)?;
        for _ in 0..budget {
            self.conclude_decided(frame, &payload, exchange);
            if self.walk.at >= payload.records.len() {
                return Ok(self.drain(frame, &payload, exchange));
            }
            if !self.walk_unit(frame, &payload, exchange) {
                self.publish(exchange);
                return Ok(Advance::Blocked);
            }
            if self.walk.at >= self.walk.published.saturating_add(PUBLISH_EVERY) {
                self.publish(exchange);
            }
        }
        Ok(Advance::Paused)
    }

    fn publish(&mut self, exchange: &impl Exchange) {
        if self.walk.published < self.walk.at {
            self.walk.published = self.walk.at;
            exchange.publish(self.share.number, self.walk.at);
        }
    }

    fn drain(&mut self, frame: &FrameView<'_>, payload: &Payload<'_>, exchange: &impl Exchange) -> Advance {
        self.publish(exchange);
        self.conclude_decided(frame, payload, exchange);
        if !self.walk.pending.is_empty() {
            return Advance::Blocked;
        }
        self.link_posts(frame, exchange);
        self.done(None)
    }

    /// Links what was posted here, in journal order, which need not be the order of decisions.
    fn link_posts(&mut self, frame: &FrameView<'_>, exchange: &impl Exchange) {
        self.walk.posts.sort_unstable_by_key(|(at, _)| *at);
        for (at, claim) in &self.walk.posts {
            let sequence = frame.first_sequence.saturating_add(number(*at));
            for (side, account) in [(Side::Debtor, claim.debtor), (Side::Creditor, claim.creditor)] {
                if let Some(previous) = self.ledger.link(account, sequence) {
                    exchange.link(*at, side, previous);
                }
            }
        }
    }

    fn done(&mut self, delta: Option<Delta>) -> Advance {
        let Walk { expired, full_ids, .. } = core::mem::take(&mut self.walk);
        let sums = self.ledger.sums(&self.registry);
        Advance::Done(Box::new(ShardApplied { expired, delta, sums, full_ids }))
    }

    /// Walks the unit at `walk.at`. False: an earlier one must be decided first.
    fn walk_unit(&mut self, frame: &FrameView<'_>, payload: &Payload<'_>, exchange: &impl Exchange) -> bool {
        let (submitter, batch_end) = self.batch_at(payload);
        let at = self.walk.at;
        let rest = payload.records.get(at..batch_end).unwrap_or_default();
        let (length, broken) = match rest.first() {
            Some(record) if record.is_linked() => chain_at(rest),
            _ => (1, None),
        };
        let records = rest.get(..length).unwrap_or_default();
        let known = self.known_of(at, length);
        let (claims, dues) = (Claims::None, self.registry.dues(records, frame.timestamp));
        let mut unit = Unit { first: at, submitter, records, known, claims, refused: None, voters: 0, dues };
        self.examine_unit(&mut unit, submitter, broken);
        if self.concerns(&unit) && !self.decide_unit(&unit, frame, exchange) {
            return false;
        }
        self.walk.at = at.saturating_add(length);
        true
    }

    /// The submitter of the batch that `walk.at` is in, and where the batch ends.
    fn batch_at(&mut self, payload: &Payload<'_>) -> (ParticipantHandle, usize) {
        while self.walk.at >= self.walk.batch_end
            && let Some(batch) = payload.batches.get(self.walk.batches)
        {
            self.walk.batch_end = self.walk.batch_end.saturating_add(index(batch.count.get().into()));
            self.walk.batches = self.walk.batches.saturating_add(1);
        }
        let batch = payload.batches.get(self.walk.batches.saturating_sub(1));
        (batch.map_or(0, |batch| batch.participant.get()), self.walk.batch_end)
    }

    /// The rows of those members that repeat earlier ids; empty where none does.
    fn known_of(&self, first: usize, length: usize) -> Vec<Option<OutcomeRow>> {
        let known = &self.walk.known;
        let begin = known.partition_point(|(at, _)| index((*at).into()) < first);
        let mut rows = Vec::new();
        for (at, row) in known.get(begin..).unwrap_or_default() {
            let Some(member) = index((*at).into()).checked_sub(first).filter(|member| *member < length)
            else {
                break;
            };
            rows.resize(length, None);
            if let Some(slot) = rows.get_mut(member) {
                *slot = Some(*row);
            }
        }
        rows
    }

    /// Checks members against terms, up to the first refusal, and finds the voters.
    fn examine_unit(&self, unit: &mut Unit<'_>, submitter: ParticipantHandle, broken: Option<RejectReason>) {
        if let Some(reason) = broken {
            unit.refused = Some((None, reason));
            return;
        }
        for (at, record) in unit.records.iter().enumerate() {
            let decision = match unit.known.get(at) {
                Some(Some(_)) => Err(RejectReason::ChainFailed),
                _ => check_chained(record, unit.records).and_then(|()| {
                    let member = Member { record, chain: unit.records, at, dues: &unit.dues };
                    examine(member, submitter, &self.registry, |at| self.registry.account(at).copied())
                }),
            };
            match decision {
                Ok(claim) => {
                    unit.voters |= self.voters_of(&claim);
                    unit.claims.push(claim);
                }
                Err(reason) => {
                    unit.refused = Some((Some(at), reason));
                    return;
                }
            }
        }
    }

    /// The shards whose cells a claim must be checked against.
    fn voters_of(&self, claim: &Claim) -> u64 {
        let bit = |shard: u64| 1_u64.checked_shl(u32::try_from(shard).unwrap_or(0)).unwrap_or(0);
        let is_direct = claim.kind == Kind::Direct;
        let mut voters = 0;
        let limits_account = claim.controls.has(SlotControls::ACCOUNT);
        if !is_direct || claim.credit_line != UNLIMITED || limits_account || claim.asks_tariffs() {
            voters |= bit(self.share.owner(claim.debtor));
        }
        let asks_position = match claim.kind {
            Kind::Direct
            | Kind::Queueable
            | Kind::Release
            | Kind::Return
            | Kind::Trade
            | Kind::Ordered
            | Kind::Restitution
            | Kind::Fee => claim.cap != UNLIMITED || claim.is_controlled(),
            Kind::Hold => true,
            Kind::Post | Kind::Void | Kind::Scheduled | Kind::Amend | Kind::Revoke => false,
        };
        if asks_position && claim.crosses() {
            voters |= bit(self.slot_owner(claim.debtor_slot));
        }
        voters
    }

    fn is_voter(&self, voters: u64) -> bool {
        voters.checked_shr(u32::try_from(self.share.number).unwrap_or(0)).unwrap_or(0) & 1 == 1
    }

    fn concerns(&self, unit: &Unit<'_>) -> bool {
        unit.records.iter().any(|record| self.share.holds(record.debtor.get()))
            || unit.claims.as_slice().iter().zip(unit.records).any(|(claim, record)| {
                self.share.holds(claim.creditor)
                    || self.owns_slot(claim.debtor_slot)
                    || self.owns_slot(claim.creditor_slot)
                    || self.counts_back(claim, record)
                    // Every shard counts what is bought and sold.
                    || claim.kind == Kind::Trade
            })
    }

    fn advance_command(&mut self, frame: &FrameView<'_>, exchange: &impl Exchange) -> Result<Advance, Fault> {
        let malformed = Fault::Malformed { sequence: frame.first_sequence };
        let bytes = command_bytes(frame.payload).map_err(|_| malformed)?;
        let decision = match (Entry::decode(bytes), self.walk.known.first()) {
            (Err(_), _) => Err(OutcomeRow::rejected(RejectReason::MalformedCommand)),
            (Ok(_), Some((_, row))) => Err(*row),
            (Ok(entry), None) => {
                match self.registry.decide(&entry, (frame.timestamp, frame.first_sequence)) {
                    Err(reason) => Err(OutcomeRow::rejected(reason)),
                    Ok(None) => Ok(entry),
                    Ok(Some(asked)) => match self.ask(&asked, frame.timestamp, exchange) {
                        None => return Ok(Advance::Blocked),
                        Some(true) => Ok(entry),
                        Some(false) => Err(OutcomeRow::rejected(asked.reason())),
                    },
                }
            }
        };
        let (row, delta) = match decision {
            Ok(entry) => (OutcomeRow::accepted(Outcome::Cleared, 0), self.commit_command(&entry, frame)),
            Err(row) => (row, None),
        };
        if self.share.number == 0 {
            exchange.answer(0, &row);
        }
        Ok(self.done(delta))
    }

    /// Whether it is so, by the word of the cells' owners; none until all of that is given.
    fn ask(&self, asked: &Asked, timestamp: u64, exchange: &impl Exchange) -> Option<bool> {
        let owners = asked.accounts().map(|account| self.share.owner(account));
        let me = self.share.number;
        // Said once, though it may be asked again for another's word.
        if owners.contains(&me) && exchange.progress_of(me) < 1 {
            if !self.answer(asked, timestamp) {
                exchange.object(me, 0, asked.reason().number());
            }
            exchange.publish(me, 1);
        }
        let is_said = owners.iter().all(|owner| exchange.progress_of(*owner) >= 1);
        is_said.then(|| owners.iter().all(|owner| exchange.objection_of(*owner, 0) == 0))
    }

    /// This shard's own word.
    fn answer(&self, asked: &Asked, timestamp: u64) -> bool {
        let reported = self.walk.originals.first().map(|(_, original)| original);
        let tables = Tables {
            ledger: &self.ledger,
            returns: &self.returns,
            held: &self.held,
            carried: &self.carried,
            orders: &self.registry.orders,
            timestamp,
        };
        answer(&tables, asked, reported, |account| self.share.holds(account))
    }

    fn commit_command(&mut self, entry: &Entry, frame: &FrameView<'_>) -> Option<Delta> {
        let effect = self.registry.commit(entry, frame.timestamp, frame.first_sequence);
        self.ledger.take_effect(effect, &self.registry, frame.first_sequence);
        self.usage.take_effect(effect, &self.registry, &self.holds);
        if let Effect::HeldChanged { case, account } = effect {
            self.held.follow((case, account), (&self.registry, &self.carried), &mut self.ledger);
        }
        let Effect::Sealed { height, closes } = effect else { return None };
        let mut delta = self.ledger.take_delta((height, closes), &self.registry);
        delta.accounts = self.ledger.copy_accounts(1).unwrap_or_default();
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
        // Each hold is reported once, by its debtor account's owner. An ended one is reported by all that
        // knew it: its end is the same for all.
        let share = self.share;
        delta.holds.retain(|(_, hold)| hold.is_none_or(|hold| share.holds(hold.debtor)));
        Some(delta)
    }
}
