//! The byte form of a [`Mirror`]: what a snapshot file carries. Versioned; ids are not in it, since the
//! journal and its id runs hold them.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use crate::account::{AccountCell, AccountKind, AccountState, AccountTerms};
use crate::authority::Authority;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::command::{Genesis, decode_bic, decode_currency, decode_genesis, decode_key, encode_genesis};
use crate::controls::usage::Meters;
use crate::controls::{Controls, SlotControls};
use crate::default::{Adjustment, Defaults};
use crate::delta::Settlement;
use crate::exchange::book::ExchangeBook;
use crate::exchange::positions::FxPositions;
use crate::fees::{NO_PURPOSE, Tariffs};
use crate::fraud::Cases;
use crate::fraud::held::{decode_held, encode_held};
use crate::hold::{Hold, HoldTable};
use crate::limits::{
    ACCOUNTS_MAX, ALIAS_BYTES_MAX, CLOSED_CYCLES_KEPT, NAME_BYTES_MAX, PARTICIPANTS_MAX, SLOTS_MAX,
    UNSETTLED_CYCLES_MAX,
};
use crate::liquidity::queue::{Priority, Queued};
use crate::mirror::{Closing, Mirror};
use crate::model::{Model, Models};
use crate::number::{index, number, number32};
use crate::paid::{PaidMarks, decode_marks, encode_marks};
use crate::participant::{Cycle, CycleState, Participant, ParticipantState, SlotCell, SlotTerms};
use crate::postings::Orders;
use crate::postings::carried::{decode_carried, encode_carried};
use crate::registry::Registry;
use crate::returns::Returns;
use crate::schedule::Schedule;
use crate::secrets::SaltSecrets;
use crate::streams::Streams;

const VERSION: u8 = 1;
/// As version 1, with the parts of [`part`] behind it; where all of them are empty, version 1 stands.
const VERSION_PARTS: u8 = 2;
/// What stands behind version 1, each with its length, ascending by number; an empty one is left out. Numbers are for
/// ever.
mod part {
    /// Secrets of rotated salts.
    pub(super) const SECRETS: u8 = 1;
    /// How currencies settle, and which have cycles of their own.
    pub(super) const MODELS: u8 = 2;
    /// Limits, and what is counted for them.
    pub(super) const LIMITS: u8 = 3;
    /// Rates, quotes, and which of those have been traded on.
    pub(super) const EXCHANGE: u8 = 4;
    /// Which transfers have cleared, and how much of them has come back.
    pub(super) const RETURNS: u8 = 6;
    /// Collateral, default funds, recasts and waterfalls, and what those have booked.
    pub(super) const DEFAULTS: u8 = 7;
    /// Officers, proposals and the delay, where they are not as the chain began.
    pub(super) const AUTHORITY: u8 = 8;
    /// Payments that wait.
    pub(super) const QUEUE: u8 = 9;
    /// The calendar, if there is one, and who has paid.
    pub(super) const SCHEDULE: u8 = 10;
    /// Ordered postings, and which of them have been carried out.
    pub(super) const ORDERS: u8 = 14;
    /// Fraud cases, what is held for them, and which orders are paid out of that.
    pub(super) const CASES: u8 = 15;
    /// Tariffs.
    pub(super) const FEES: u8 = 20;
    /// What pending holds and waiting payments are for.
    pub(super) const PURPOSES: u8 = 21;
    /// Changes of tariffs that are announced.
    pub(super) const FEE_CHANGES: u8 = 22;
    /// Foreign exchange positions.
    pub(super) const FX_POSITIONS: u8 = 23;
}
/// Bytes of one part.
const PART_BYTES_MAX: usize = 0xFFFF_FFFF;
/// Lists that only the journal's length bounds.
const COUNT_MAX: usize = 0xFFFF_FFFF;

impl Mirror {
    /// The byte form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        let parts = self.encode_parts();
        to.u8(if parts.is_empty() { VERSION } else { VERSION_PARTS });
        encode_registry(&self.registry, &mut to);
        to.count(self.accounts.len());
        for cell in &self.accounts {
            to.i128(cell.balance);
            to.u64(cell.reserved);
            to.u32(cell.holds);
            to.u64(cell.last_posting);
            to.u64(cell.touched);
        }
        to.count(self.slots.len());
        for cell in &self.slots {
            to.i128(cell.position);
            to.u64(cell.reserved);
            to.count(cell.closed.len());
            for (cycle, net) in &cell.closed {
                to.u64(*cycle);
                to.i128(*net);
            }
        }
        to.count(self.holds.len());
        for (id, hold) in self.holds.iter() {
            to.u128(id);
            for value in [hold.debtor, hold.creditor, hold.amount, hold.sequence, hold.deadline] {
                to.u64(value);
            }
        }
        to.count(self.closings.len());
        self.closings.iter().for_each(|closing| encode_closing(closing, &mut to));
        for (number, bytes) in &parts {
            to.u8(*number);
            to.bytes(bytes);
        }
        to.0
    }

    /// Those that are not empty, ascending.
    fn encode_parts(&self) -> Vec<(u8, Vec<u8>)> {
        let mut parts = Vec::new();
        let mut add = |number, is_empty: bool, encode: &dyn Fn(&mut Encoder)| {
            if !is_empty {
                let mut to = Encoder::default();
                encode(&mut to);
                parts.push((number, to.0));
            }
        };
        let secrets = &self.registry.secrets;
        add(part::SECRETS, secrets.is_empty(), &|to| secrets.encode(to));
        let (models, streams) = (&self.registry.models, &self.registry.streams);
        add(part::MODELS, models.is_empty() && streams.is_general(), &|to| {
            models.encode(to);
            if !streams.is_general() {
                streams.encode(&self.registry.cycles, to);
            }
        });
        let controls = &self.registry.controls;
        add(part::LIMITS, controls.is_empty(), &|to| {
            controls.encode(to);
            self.usage.encode(to);
        });
        let is_without_exchange = self.registry.exchange.is_empty() && self.trades.is_empty();
        add(part::EXCHANGE, is_without_exchange, &|to| {
            self.registry.exchange.encode(to);
            to.count(self.trades.len());
            for (id, expires) in &self.trades {
                to.u128(*id);
                to.u64(*expires);
            }
        });
        add(part::RETURNS, self.returns.is_empty(), &|to| self.returns.encode(to));
        let is_without_defaults = self.registry.defaults.is_empty() && self.adjustments.is_empty();
        add(part::DEFAULTS, is_without_defaults, &|to| {
            self.registry.defaults.encode(to);
            to.count(self.adjustments.len());
            self.adjustments.iter().for_each(|adjustment| adjustment.encode(to));
        });
        let authority = &self.registry.authority;
        let is_as_begun = authority.is_as_begun(self.registry.genesis.as_ref());
        add(part::AUTHORITY, is_as_begun, &|to| authority.encode(to));
        add(part::QUEUE, self.queue.is_empty(), &|to| encode_queue(&self.queue, to));
        let schedule = &self.registry.schedule;
        let paid = &self.registry.paid;
        add(part::SCHEDULE, schedule.is_none() && paid.is_empty(), &|to| {
            to.u8(u8::from(schedule.is_some()));
            schedule.iter().for_each(|at| at.encode(to));
            encode_marks(paid, to);
        });
        let orders = &self.registry.orders;
        add(part::ORDERS, orders.is_empty() && self.carried.is_empty(), &|to| {
            orders.encode(to);
            encode_carried(&self.carried, to);
        });
        let cases = &self.registry.cases;
        let is_without_cases = cases.is_empty() && self.held.is_empty() && !orders.has_cases();
        add(part::CASES, is_without_cases, &|to| {
            cases.encode(to);
            encode_held(&self.held, to);
            orders.encode_cases(to);
        });
        let fees = &self.registry.fees;
        add(part::FEES, fees.is_empty(), &|to| fees.encode(to));
        let held = purposes(self.holds.iter().map(|(id, hold)| (id, hold.purpose)));
        let queued = purposes(self.queue.iter().map(|(id, queued)| (*id, queued.purpose)));
        add(part::PURPOSES, held.is_empty() && queued.is_empty(), &|to| {
            encode_purposes(&held, to);
            encode_purposes(&queued, to);
        });
        add(part::FEE_CHANGES, fees.changes().is_empty(), &|to| fees.encode_changes(to));
        add(part::FX_POSITIONS, self.fx.is_empty(), &|to| self.fx.encode(to));
        parts
    }

    fn decode_part(&mut self, number: u8, from: &mut Decoder<'_>) -> Result<(), Malformed> {
        match number {
            part::SECRETS => self.registry.secrets = SaltSecrets::decode(from, COUNT_MAX)?,
            part::MODELS => {
                let models = Models::decode(from, COUNT_MAX)?;
                for terms in &mut self.registry.slots {
                    terms.model = models.of(terms.currency);
                }
                if !from.rest().is_empty() {
                    self.registry.streams = Streams::decode(from, COUNT_MAX, &mut self.registry.cycles)?;
                } else if models.is_empty() {
                    return Err(Malformed);
                }
                self.registry.models = models;
            }
            part::LIMITS => {
                let accounts = &self.registry.accounts;
                let slot_of = |account| accounts.get(index(account)).map(|terms| terms.slot);
                self.registry.controls = Controls::decode(from, slot_of)?;
                self.registry.follow_controls();
                self.usage = Meters::decode(from, COUNT_MAX)?;
            }
            part::EXCHANGE => {
                self.registry.exchange = ExchangeBook::decode(from, COUNT_MAX)?;
                self.trades = decode_trades(from)?;
                if self.registry.exchange.is_empty() && self.trades.is_empty() {
                    return Err(Malformed);
                }
            }
            part::RETURNS => self.returns = Returns::decode(from, COUNT_MAX)?,
            part::DEFAULTS => {
                self.registry.defaults = Defaults::decode(from, COUNT_MAX)?;
                self.adjustments = list(from, COUNT_MAX, Adjustment::decode)?;
                if self.registry.defaults.is_empty() && self.adjustments.is_empty() {
                    return Err(Malformed);
                }
            }
            part::AUTHORITY => {
                self.registry.authority = Authority::decode(from, self.registry.genesis.as_ref())?;
            }
            part::QUEUE => self.queue = decode_queue(from)?,
            part::SCHEDULE => {
                self.registry.schedule = if from.flag()? { Some(Schedule::decode(from)?) } else { None };
                self.registry.paid = decode_marks(from, COUNT_MAX)?;
                if self.registry.schedule.is_none() && self.registry.paid.is_empty() {
                    return Err(Malformed);
                }
            }
            part::ORDERS => {
                self.registry.orders = Orders::decode(from)?;
                self.carried = decode_carried(from)?;
                if self.registry.orders.is_empty() && self.carried.is_empty() {
                    return Err(Malformed);
                }
            }
            part::CASES => {
                self.registry.cases = Cases::decode(from)?;
                self.held = decode_held(from, COUNT_MAX)?;
                self.registry.orders.decode_cases(from)?;
                let has_cases = !self.registry.cases.is_empty() || self.registry.orders.has_cases();
                if !has_cases && self.held.is_empty() {
                    return Err(Malformed);
                }
            }
            part::FEES => {
                self.registry.fees = Tariffs::decode(from)?;
                self.follow_tariffs();
            }
            part::FEE_CHANGES => {
                self.registry.fees.decode_changes(from)?;
                self.follow_tariffs();
            }
            part::PURPOSES => self.decode_purposes(from)?,
            part::FX_POSITIONS => self.fx = FxPositions::decode(from, COUNT_MAX)?,
            _ => return Err(Malformed),
        }
        Ok(())
    }

    fn follow_tariffs(&mut self) {
        let currencies: BTreeSet<_> = self.registry.slots.iter().map(|slot| slot.currency).collect();
        currencies.into_iter().for_each(|currency| self.registry.follow_tariffs(currency));
    }

    fn decode_purposes(&mut self, from: &mut Decoder<'_>) -> Result<(), Malformed> {
        let (held, queued) = (decode_purposes(from)?, decode_purposes(from)?);
        if held.is_empty() && queued.is_empty() {
            return Err(Malformed);
        }
        for (id, purpose) in held {
            let hold = self.holds.get(id).ok_or(Malformed)?;
            self.holds.insert(id, Hold { purpose, ..hold });
        }
        for (id, purpose) in queued {
            self.queue.get_mut(&id).ok_or(Malformed)?.purpose = purpose;
        }
        Ok(())
    }

    /// Reads the byte form.
    ///
    /// # Errors
    /// [`Malformed`] for another version or anything out of bounds or left over.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(bytes);
        let from = &mut from;
        let version = from.u8()?;
        if version != VERSION && version != VERSION_PARTS {
            return Err(Malformed);
        }
        let registry = decode_registry(from)?;
        let key = registry.genesis().map_or(0, |genesis| genesis.id_key);
        let mut mirror = Self {
            registry,
            accounts: list(from, ACCOUNTS_MAX, |from| {
                Ok(AccountCell {
                    balance: from.i128()?,
                    reserved: from.u64()?,
                    holds: from.u32()?,
                    last_posting: from.u64()?,
                    touched: from.u64()?,
                })
            })?,
            slots: list(from, SLOTS_MAX, |from| {
                Ok(SlotCell {
                    position: from.i128()?,
                    reserved: from.u64()?,
                    closed: list(from, UNSETTLED_CYCLES_MAX, |from| Ok((from.u64()?, from.i128()?)))?,
                })
            })?,
            holds: decode_holds(from, key)?,
            queue: BTreeMap::new(),
            returns: Returns::default(),
            trades: BTreeMap::new(),
            fx: FxPositions::default(),
            carried: BTreeMap::new(),
            held: BTreeMap::new(),
            usage: Meters::default(),
            closings: VecDeque::from(list(from, CLOSED_CYCLES_KEPT, decode_closing)?),
            adjustments: Vec::new(),
        };
        let mut last = 0;
        while version == VERSION_PARTS && !from.rest().is_empty() {
            let number = from.u8()?;
            let mut part = Decoder::new(from.bytes(PART_BYTES_MAX)?);
            mirror.decode_part(number, &mut part)?;
            part.finish()?;
            // Ascending, so that a state has one byte form.
            if core::mem::replace(&mut last, number) >= number {
                return Err(Malformed);
            }
        }
        from.clone().finish()?;
        let is_whole = mirror.accounts.len() == mirror.registry.accounts.len()
            && mirror.slots.len() == mirror.registry.slots.len();
        if is_whole { Ok(mirror) } else { Err(Malformed) }
    }
}

fn list<T>(
    from: &mut Decoder<'_>,
    max: usize,
    mut read: impl FnMut(&mut Decoder<'_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = from.count(max)?;
    // A count alone must not reserve memory: every entry takes a byte at least.
    let mut values = Vec::with_capacity(count.min(from.rest().len()));
    for _ in 0..count {
        values.push(read(from)?);
    }
    Ok(values)
}

fn decode_holds(from: &mut Decoder<'_>, key: u128) -> Result<HoldTable, Malformed> {
    let mut holds = HoldTable::new(key);
    for _ in 0..from.count(COUNT_MAX)? {
        let id = from.u128()?;
        let (debtor, creditor, amount) = (from.u64()?, from.u64()?, from.u64()?);
        let (sequence, deadline) = (from.u64()?, from.u64()?);
        let is_open = |account| account <= number(ACCOUNTS_MAX);
        if !(is_open(debtor) && is_open(creditor)) {
            return Err(Malformed);
        }
        holds.insert(id, Hold { debtor, creditor, amount, sequence, deadline, purpose: NO_PURPOSE });
    }
    Ok(holds)
}

fn decode_trades(from: &mut Decoder<'_>) -> Result<BTreeMap<u128, u64>, Malformed> {
    let mut trades = BTreeMap::new();
    for _ in 0..from.count(COUNT_MAX)? {
        let (id, expires) = (from.u128()?, from.u64()?);
        if trades.last_key_value().is_some_and(|(last, _)| *last >= id) {
            return Err(Malformed);
        }
        trades.insert(id, expires);
    }
    Ok(trades)
}

fn encode_queue(queue: &BTreeMap<u128, Queued>, to: &mut Encoder) {
    to.count(queue.len());
    for (id, queued) in queue {
        to.u128(*id);
        for value in
            [queued.debtor, queued.creditor, queued.amount, queued.order, queued.earliest, queued.latest]
        {
            to.u64(value);
        }
        to.u8(queued.priority.number());
        to.u64(queued.sequence);
        to.u32(queued.attempts);
    }
}

fn decode_queue(from: &mut Decoder<'_>) -> Result<BTreeMap<u128, Queued>, Malformed> {
    let mut queue = BTreeMap::new();
    for _ in 0..from.count(COUNT_MAX)? {
        let id = from.u128()?;
        let (debtor, creditor, amount) = (from.u64()?, from.u64()?, from.u64()?);
        let (order, earliest, latest) = (from.u64()?, from.u64()?, from.u64()?);
        let priority = Priority::from_number(from.u8()?)?;
        let (sequence, attempts) = (from.u64()?, from.u32()?);
        let queued = Queued {
            debtor,
            creditor,
            amount,
            priority,
            order,
            earliest,
            latest,
            sequence,
            attempts,
            purpose: NO_PURPOSE,
        };
        if queue.last_key_value().is_some_and(|(last, _)| *last >= id) {
            return Err(Malformed);
        }
        queue.insert(id, queued);
    }
    if queue.is_empty() { Err(Malformed) } else { Ok(queue) }
}

/// Those that are kept.
fn purposes(all: impl Iterator<Item = (u128, [u8; 4])>) -> Vec<(u128, [u8; 4])> {
    all.filter(|(_, purpose)| *purpose != NO_PURPOSE).collect()
}

fn encode_purposes(purposes: &[(u128, [u8; 4])], to: &mut Encoder) {
    to.count(purposes.len());
    for (id, purpose) in purposes {
        to.u128(*id);
        to.raw(purpose);
    }
}

/// Ascending by id, so that a state has one byte form.
fn decode_purposes(from: &mut Decoder<'_>) -> Result<Vec<(u128, [u8; 4])>, Malformed> {
    let purposes = list(from, COUNT_MAX, |from| Ok((from.u128()?, from.array()?)))?;
    let is_ascending = purposes.is_sorted_by(|(before, _), (after, _)| before < after);
    let is_kept = purposes.iter().all(|(_, purpose)| *purpose != NO_PURPOSE);
    if is_ascending && is_kept { Ok(purposes) } else { Err(Malformed) }
}

fn encode_closing(closing: &Closing, to: &mut Encoder) {
    to.u64(closing.cycle);
    to.count(closing.nets.len());
    for (slot, net) in &closing.nets {
        to.u32(*slot);
        to.i128(*net);
    }
    to.count(closing.settlements.len());
    for settlement in &closing.settlements {
        to.u64(settlement.account);
        to.i128(settlement.net);
        to.u64(settlement.previous);
    }
}

fn decode_closing(from: &mut Decoder<'_>) -> Result<Closing, Malformed> {
    let cycle = from.u64()?;
    let nets = list(from, SLOTS_MAX, |from| Ok((from.u32()?, from.i128()?)))?;
    let settlements = list(from, SLOTS_MAX, |from| {
        Ok(Settlement { cycle, account: from.u64()?, net: from.i128()?, previous: from.u64()? })
    })?;
    Ok(Closing { cycle, nets, settlements })
}

fn encode_registry(registry: &Registry, to: &mut Encoder) {
    to.u8(u8::from(registry.genesis.is_some()));
    if let Some(genesis) = &registry.genesis {
        encode_genesis(genesis, to);
    }
    to.count(registry.participants.len());
    for participant in &registry.participants {
        to.raw(participant.bic.as_bytes());
        to.bytes(participant.name.as_bytes());
        to.u8(participant.state.number());
        to.u8(u8::from(participant.key.is_some()));
        if let Some(key) = &participant.key {
            to.raw(key.as_bytes());
        }
    }
    to.count(registry.slots.len());
    for slot in &registry.slots {
        to.u32(slot.participant);
        to.u16(slot.currency.numeric());
        to.u64(slot.cap);
        to.u64(slot.clearing_account);
    }
    to.count(registry.accounts.len());
    for terms in &registry.accounts {
        to.u32(terms.slot);
        to.u16(terms.currency);
        to.u8(terms.state.number());
        to.u8(terms.kind.number());
        to.u64(terms.credit_line);
    }
    to.count(registry.aliases.len());
    for (alias, account) in &registry.aliases {
        to.bytes(alias.as_bytes());
        to.u64(*account);
    }
    to.count(registry.cycles.len());
    for cycle in &registry.cycles {
        to.u8(cycle.state.number());
        for value in [cycle.number, cycle.first_block, cycle.end_block, cycle.closed_at, cycle.settled_by] {
            to.u64(value);
        }
    }
    to.u64(registry.open_block);
}

fn decode_registry(from: &mut Decoder<'_>) -> Result<Registry, Malformed> {
    let genesis: Option<Genesis> = match from.flag()? {
        // The genesis entry's kind byte stands before its body.
        true if from.u8()? == 1 => Some(decode_genesis(from)?),
        true => return Err(Malformed),
        false => None,
    };
    let participants = list(from, PARTICIPANTS_MAX, |from| {
        Ok(Participant {
            bic: decode_bic(from)?,
            name: from.text(NAME_BYTES_MAX)?,
            state: ParticipantState::from_number(from.u8()?)?,
            key: if from.flag()? { Some(decode_key(from)?) } else { None },
        })
    })?;
    let slots = list(from, SLOTS_MAX, |from| {
        Ok(SlotTerms {
            participant: from.u32()?,
            currency: decode_currency(from)?,
            cap: from.u64()?,
            clearing_account: from.u64()?,
            model: Model::default(),
            controls: SlotControls::NONE,
        })
    })?;
    let accounts = list(from, ACCOUNTS_MAX, |from| {
        Ok(AccountTerms {
            slot: from.u32()?,
            currency: from.u16()?,
            state: AccountState::from_number(from.u8()?)?,
            kind: AccountKind::from_number(from.u8()?)?,
            credit_line: from.u64()?,
        })
    })?;
    let aliases: Vec<(String, u64)> =
        list(from, COUNT_MAX, |from| Ok((from.text(ALIAS_BYTES_MAX)?, from.u64()?)))?;
    let cycles: Vec<Cycle> = list(from, COUNT_MAX, decode_cycle)?;
    let by_bic = participants.iter().zip(0..).map(|(participant, at)| (participant.bic, at)).collect();
    let by_currency = slots
        .iter()
        .enumerate()
        .map(|(at, slot)| ((slot.participant, slot.currency), number32(at)))
        .collect();
    Ok(Registry {
        authority: genesis.as_ref().map(Authority::of).unwrap_or_default(),
        genesis,
        participants,
        by_bic,
        slots,
        by_currency,
        accounts,
        aliases: aliases.into_iter().collect(),
        streams: Streams::of(&cycles),
        cycles,
        open_block: from.u64()?,
        exchange: ExchangeBook::default(),
        fees: Tariffs::default(),
        defaults: Defaults::default(),
        models: Models::default(),
        schedule: None,
        paid: PaidMarks::new(),
        orders: Orders::default(),
        cases: Cases::default(),
        secrets: SaltSecrets::default(),
        controls: Controls::default(),
    })
}

fn decode_cycle(from: &mut Decoder<'_>) -> Result<Cycle, Malformed> {
    let state = CycleState::from_number(from.u8()?)?;
    let (number, first_block, end_block) = (from.u64()?, from.u64()?, from.u64()?);
    let (closed_at, settled_by) = (from.u64()?, from.u64()?);
    Ok(Cycle { number, state, first_block, end_block, closed_at, settled_by, scope: None })
}
