//! Random stories: all that may happen to an engine, and much that must not, decided by a seed alone.
//!
//! The generator looks at the oracle's books to aim (at what is just covered, at a hold that is pending), and
//! never at the engine. It says nothing about what must become of its entries.

use std::time::Duration;

use feiqian_core::account::{AccountHandle, AccountKind, AccountState, UNLIMITED};
use feiqian_core::batch::Batch;
use feiqian_core::bic::Bic;
use feiqian_core::claim::ENGINE;
use feiqian_core::command::Command;
use feiqian_core::currency::Currency;
use feiqian_core::hold::Hold;
use feiqian_core::liquidity::queue::{Priority, Queued};
use feiqian_core::model::Model;
use feiqian_core::participant::{Cycle, CycleState, ParticipantHandle, ParticipantState};
use feiqian_core::secrets::SaltSecret;
use feiqian_core::transfer::{Record, flags};
use feiqian_proof::signature::PublicKey;

use crate::dice::Dice;
use crate::oracle::Oracle;
use crate::picture::Picture;
use crate::world::{Eyes, NOWHERE, World, bank_key, bic, currency, entry, genesis};

mod default;
mod exchange;
mod fraud;
mod postings;
mod fees;
mod proposals;
mod schedule;

mod limits;

const BANKS: [&str; 5] = ["A", "B", "C", "D", "E"];
const CODES: [&str; 4] = ["EUR", "JPY", "EUR.1", "KWD"];
const ALIASES: [&str; 4] = ["IBAN:XX00", "IBAN:XX01", "PAN:token", "OTHR:+100"];

/// A random story: a journal that begins with genesis and ends with a sealed block.
#[must_use]
pub fn story(seed: u64) -> World {
    let mut teller = Teller::new(seed);
    teller.found();
    if teller.dice.once_in(2) {
        teller.limits();
    }
    if teller.dice.once_in(4) {
        teller.tariffs();
    }
    let frames = 6 + teller.dice.below(12);
    for _ in 0..frames {
        if teller.dice.once_in(2) {
            teller.world.wait(Duration::from_millis(teller.dice.below(4) * 500));
        }
        if teller.dice.below(10) < 6 {
            teller.transfers();
        } else {
            teller.administer();
        }
    }
    let height = teller.picture.open_block;
    teller.command(Command::Seal { height }, Eyes::None);
    teller.world
}

#[derive(Debug)]
struct Teller {
    dice: Dice,
    world: World,
    oracle: Oracle,
    picture: Picture,
    /// Records of the frame that is being made.
    fresh: Vec<Record>,
    /// One transfer in so many is a chain's first.
    chains: u64,
    /// One transfer in so many is two-phase.
    holds: u64,
    /// One transfer in so many may wait, or changes what waits.
    waits: u64,
    /// One account in so many is the hot one.
    heat: u64,
    /// One field in so many is wrong.
    faults: u64,
}

/// Openings.
impl Teller {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let (chains, holds, waits) = (3 + dice.below(12), 2 + dice.below(8), 2 + dice.below(12));
        let (heat, faults) = (2 + dice.below(6), 12 + dice.below(60));
        let (world, oracle) = (World::default(), Oracle::default());
        let picture = oracle.picture();
        Self { dice, world, oracle, picture, fresh: Vec::new(), chains, holds, waits, heat, faults }
    }

    fn told(&mut self) {
        self.oracle.apply(self.world.last());
        self.picture = self.oracle.picture();
    }

    fn command(&mut self, command: Command, eyes: Eyes) {
        self.world.push_command(command, eyes);
        self.told();
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let length = u64::try_from(from.len()).ok().filter(|length| *length > 0)?;
        from.get(usize::try_from(self.dice.below(length)).ok()?).copied()
    }

    fn is_faulty(&mut self) -> bool {
        self.dice.once_in(self.faults)
    }

    /// Genesis, banks, positions and hosted accounts.
    fn found(&mut self) {
        let id_key = u128::from(self.dice.roll());
        self.command(Command::Genesis(genesis(id_key)), Eyes::None);
        let banks = 2 + usize::try_from(self.dice.below(3)).unwrap_or(0);
        let codes = 1 + usize::try_from(self.dice.below(3)).unwrap_or(0);
        for code in CODES {
            if self.dice.once_in(4) {
                let model = self.pick(&[Model::Bilateral, Model::Gross, Model::Hybrid, Model::Multilateral]);
                let model = model.unwrap_or_default();
                self.command(Command::SetModel { currency: currency(code), model }, Eyes::Four);
            }
        }
        for bank in BANKS.iter().take(banks) {
            let name = format!("Bank {bank}");
            let key = Some(PublicKey::of(&bank_key(bank)));
            self.command(Command::RegisterParticipant { bic: bic(bank), name, key }, Eyes::Four);
            for code in CODES.iter().take(codes) {
                let (currency, cap) = (currency(code), self.limit());
                self.command(Command::OpenPosition { bic: bic(bank), currency, cap }, Eyes::Four);
                let most = if self.dice.once_in(8) { 40 } else { 4 };
                let count = u32::try_from(self.dice.below(most)).unwrap_or(0);
                let credit_line = if self.dice.once_in(3) { self.limit() } else { 0 };
                let command = Command::OpenAccounts { bic: bic(bank), currency, count, credit_line };
                self.command(command, Eyes::Four);
            }
        }
        self.delay();
    }

    fn limit(&mut self) -> u64 {
        match self.dice.below(5) {
            0 => 0,
            1 => self.dice.below(300),
            2 => self.dice.below(5_000),
            3 => UNLIMITED - self.dice.below(2),
            _ => UNLIMITED,
        }
    }
}

/// Frames of transfers.
impl Teller {
    fn transfers(&mut self) {
        self.fresh.clear();
        let batches = 1 + self.dice.below(4);
        // Some frames are longer than what shards publish at once.
        let length = match self.dice.below(80) {
            0 => 900,
            1..=6 => 150,
            7..=26 => 4,
            _ => 25,
        };
        let batches = (0..batches).map(|_| {
            if self.dice.once_in(6)
                && let Some(releases) = self.releases()
            {
                return Batch::new(ENGINE, releases);
            }
            if self.dice.once_in(6)
                && let Some(ordered) = self.ordered()
            {
                return Batch::new(ENGINE, ordered);
            }
            let submitter = self.submitter();
            let wanted = 1 + self.dice.below(length);
            Batch::new(submitter, self.batch(submitter, wanted))
        });
        let batches = batches.collect();
        self.world.push_transfers(batches);
        self.told();
    }

    fn submitter(&mut self) -> ParticipantHandle {
        let banks = u64::try_from(self.picture.participants.len()).unwrap_or(1);
        ParticipantHandle::try_from(self.dice.below(banks)).unwrap_or(0)
    }

    fn batch(&mut self, submitter: ParticipantHandle, wanted: u64) -> Vec<Record> {
        let first = self.fresh.len();
        while u64::try_from(self.fresh.len() - first).unwrap_or(0) < wanted {
            let trade = if self.dice.once_in(self.waits) { self.trade(submitter) } else { None };
            if let Some(legs) = trade {
                // A quote serves once; now and then it is tried twice.
                for _ in 0..1 + u64::from(self.dice.once_in(3)) {
                    let id = [self.world.new_id(), self.world.new_id()];
                    self.fresh
                        .extend(legs.iter().zip(id).map(|(leg, id)| Record { uetr: id.into(), ..*leg }));
                    self.link(self.fresh.len() - 2);
                }
            } else if self.dice.once_in(self.chains) {
                self.chain(submitter);
            } else {
                let record = self.record(submitter);
                let length = self.push(record);
                let end = self.fresh.len();
                (end - length..end - 1).for_each(|at| self.link(at));
            }
        }
        if self.is_faulty() {
            self.link(self.fresh.len() - 1);
        }
        self.fresh[first..].to_vec()
    }

    fn link(&mut self, at: usize) {
        let record = &mut self.fresh[at];
        record.flags = (record.flags.get() | flags::LINKED).into();
    }

    fn chain(&mut self, submitter: ParticipantHandle) {
        let members = match self.dice.below(120) {
            0 => 62 + self.dice.below(5),
            _ => 2 + self.dice.below(5),
        };
        let first = self.fresh.len();
        for _ in 0..members {
            let record = self.record(submitter);
            self.push(record);
        }
        (first..self.fresh.len() - 1).for_each(|at| self.link(at));
        // A record that came again may be linked itself; the chain's end is where it is meant to be.
        if let Some(last) = self.fresh.last_mut()
            && !self.dice.once_in(30)
        {
            last.flags = (last.flags.get() & !flags::LINKED).into();
        }
    }

    fn record(&mut self, submitter: ParticipantHandle) -> Record {
        if self.dice.once_in(15)
            && let Some(again) = self.again()
        {
            return again;
        }
        let halves = if self.dice.once_in(self.holds) { self.second_half() } else { None };
        let waits = if self.dice.once_in(self.waits) { self.waiting(submitter) } else { None };
        let back = if self.dice.once_in(self.waits) { self.return_of(submitter) } else { None };
        let mut record = halves.or(waits).or(back).unwrap_or_else(|| self.first_half(submitter));
        if self.is_faulty() {
            self.spoil(&mut record);
        }
        record
    }

    /// A record that was there before: as it was, or under its id another one.
    fn again(&mut self) -> Option<Record> {
        let is_near = self.dice.once_in(2);
        let mut record = match is_near {
            true => self.pick(&self.fresh.clone())?,
            false => {
                let count = u64::try_from(self.world.records().len()).ok()?;
                self.world.records()[usize::try_from(self.dice.below(count)).ok()?]
            }
        };
        // A command's stand-in can't be submitted.
        if record.flags.get() & flags::COMMAND != 0 {
            record = Record::new(record.uetr.get(), 0, 1, 1, 978);
        }
        match self.dice.below(5) {
            0 => record.amount = (record.amount.get() ^ 1).into(),
            1 => record.reference[0] ^= 1,
            2 => record.flags = (record.flags.get() & !flags::LINKED).into(),
            _ => {}
        }
        Some(record)
    }

    /// A plain transfer or a hold.
    fn first_half(&mut self, submitter: ParticipantHandle) -> Record {
        let owned = self.accounts_of(|owner| owner == submitter);
        let debtor = self.account_of(&owned);
        let currency = self.currency_of(debtor);
        let alike: Vec<_> = self.accounts_of(|_| true);
        let alike: Vec<_> =
            alike.into_iter().filter(|at| *at != debtor && self.currency_of(*at) == currency).collect();
        let creditor = self.account_of(&alike);
        let amount = self.amount(debtor);
        let mut record = Record::new(self.world.new_id(), debtor, creditor, amount, currency);
        if self.dice.once_in(self.holds) {
            record.flags = flags::HOLD.into();
            record.timeout = u32::try_from(self.dice.below(4)).unwrap_or(0).into();
        }
        record.purpose = *self.pick(&[b"SALA", b"SUPP", b"\0\0\0\0"]).unwrap_or(b"CASH");
        record
    }

    fn accounts_of(&self, is_wanted: impl Fn(ParticipantHandle) -> bool) -> Vec<AccountHandle> {
        let owner = |slot: u32| self.picture.slots[slot as usize].0.participant;
        let accounts = (0..).zip(&self.picture.accounts);
        accounts.filter(|(_, (terms, _))| is_wanted(owner(terms.slot))).map(|(handle, _)| handle).collect()
    }

    /// Often the first: so it is hot.
    fn account_of(&mut self, accounts: &[AccountHandle]) -> AccountHandle {
        if self.dice.once_in(self.heat) {
            return accounts.first().copied().unwrap_or(0);
        }
        self.pick(accounts).unwrap_or(NOWHERE)
    }

    fn currency_of(&self, account: AccountHandle) -> u16 {
        let found = usize::try_from(account).ok().and_then(|at| self.picture.accounts.get(at));
        found.map_or(978, |(terms, _)| terms.currency)
    }

    /// Small, or just at what the account or the position still has.
    fn amount(&mut self, debtor: AccountHandle) -> u64 {
        let near = self.dice.below(3);
        let found = usize::try_from(debtor).ok().and_then(|at| self.picture.accounts.get(at));
        let available = found.map_or(0, |(terms, cell)| cell.available(terms.credit_line));
        let headroom = found.map_or(0, |(terms, _)| {
            let (terms, cell) = &self.picture.slots[terms.slot as usize];
            cell.headroom(terms.cap)
        });
        let aimed = |limit: i128| limit.saturating_add(i128::from(near) - 1).clamp(1, 1_000_000_000);
        match self.dice.below(40) {
            9..=12 => u64::try_from(aimed(self.slack(debtor))).unwrap_or(1),
            0..=3 => u64::try_from(aimed(available)).unwrap_or(1),
            4..=7 => u64::try_from(aimed(headroom)).unwrap_or(1),
            8 => 999_999_999_999_999_999,
            _ => 1 + self.dice.below(120),
        }
    }

    /// Finishes a hold: mostly one that is pending, or was made in this frame.
    fn second_half(&mut self) -> Option<Record> {
        let fresh = self.fresh.iter().filter(|record| record.flags.get() & flags::HOLD != 0);
        let fresh: Vec<_> = fresh.map(|record| (record.uetr.get(), hold_of(record))).collect();
        let pending = self.picture.holds.clone();
        let is_fresh = self.dice.once_in(2);
        let (id, hold) = if is_fresh { self.pick(&fresh) } else { self.pick(&pending) }?;
        let amount = match self.dice.below(6) {
            0 => hold.amount.saturating_add(1),
            1 | 2 => 1 + hold.amount / 2,
            _ => hold.amount,
        };
        let (kind, amount) = match self.dice.below(7) {
            0 | 1 => (flags::VOID, 0),
            6 => (flags::VOID | flags::KEEP, amount),
            2 => (flags::POST | flags::KEEP, amount.max(1)),
            _ => (flags::POST, amount.max(1)),
        };
        let currency = self.currency_of(hold.debtor);
        let mut record = Record::new(self.world.new_id(), hold.debtor, hold.creditor, amount, currency);
        record.flags = kind.into();
        record.related = id.into();
        record.purpose = if record.uetr.get().is_multiple_of(8) { *b"SUPP" } else { hold.purpose };
        self.stray(&mut record);
        Some(record)
    }

    /// A payment that may wait, or a change to one that does.
    fn waiting(&mut self, submitter: ParticipantHandle) -> Option<Record> {
        let seconds = |dice: &mut Dice| u32::try_from(dice.below(4)).unwrap_or(0).into();
        let class = self.class();
        let mut record = match self.dice.below(4) {
            0 | 1 => {
                let back = if self.dice.once_in(2) { self.back(submitter) } else { None };
                let mut record = back.unwrap_or_else(|| self.first_half(submitter));
                (record.flags, record.timeout) = ((flags::QUEUE | class).into(), 0.into());
                record
            }
            other => {
                let (id, queued) = self.pick(&self.picture.queue.clone())?;
                let mut record = self.naming(id, &queued);
                let place = [0, flags::FIRST, flags::LAST][usize::try_from(self.dice.below(3)).unwrap_or(0)];
                let bits = if other == 2 { flags::VOID } else { class | place };
                (record.flags, record.amount) = ((flags::QUEUE | bits).into(), 0.into());
                if other == 2 {
                    return Some(record);
                }
                record
            }
        };
        (record.timeout, record.delay) = (seconds(&mut self.dice), 0.into());
        if self.dice.once_in(3) {
            record.delay = seconds(&mut self.dice);
        }
        Some(record)
    }

    /// A return of a transfer that is in the journal or in this frame: mostly of one that has brought money.
    fn return_of(&mut self, submitter: ParticipantHandle) -> Option<Record> {
        let owned = self.accounts_of(|owner| owner == submitter);
        let credited: Vec<_> =
            self.picture.credited.iter().map(|sequence| self.world.records()[sequence - 1]).collect();
        let near = self.fresh.iter().chain(self.world.records().iter().rev().take(20));
        let pool: Vec<_> = match self.dice.below(4) {
            0 => near.copied().collect(),
            _ => credited,
        };
        let pool: Vec<_> = pool.into_iter().filter(|record| owned.contains(&record.creditor.get())).collect();
        let original = self.pick(&pool)?;
        let amount = match self.dice.below(4) {
            0 => original.amount.get().saturating_add(1),
            1 => 1 + original.amount.get() / 2,
            _ => original.amount.get(),
        };
        let (debtor, creditor) = (original.creditor.get(), original.debtor.get());
        let mut record =
            Record::new(self.world.new_id(), debtor, creditor, amount.max(1), original.currency.get());
        (record.flags, record.related) = (flags::RETURN.into(), original.uetr);
        self.stray(&mut record);
        Some(record)
    }

    fn class(&mut self) -> u16 {
        [0, 0, flags::HIGH, flags::URGENT][usize::try_from(self.dice.below(4)).unwrap_or(0)]
    }

    /// The way back of a payment which waits: the two can go out at once where neither can alone.
    fn back(&mut self, submitter: ParticipantHandle) -> Option<Record> {
        let owned = self.accounts_of(|owner| owner == submitter);
        let queue = self.picture.queue.iter().map(|(_, queued)| *queued);
        let to_owned: Vec<_> = queue.filter(|queued| owned.contains(&queued.creditor)).collect();
        let queued = self.pick(&to_owned)?;
        let (currency, amount) = (self.currency_of(queued.creditor), queued.amount + self.dice.below(2));
        Some(Record::new(self.world.new_id(), queued.creditor, queued.debtor, amount, currency))
    }

    /// A record that names a payment which waits.
    fn naming(&mut self, id: u128, queued: &Queued) -> Record {
        let currency = self.currency_of(queued.debtor);
        let mut record =
            Record::new(self.world.new_id(), queued.debtor, queued.creditor, queued.amount, currency);
        record.related = id.into();
        record.purpose = if record.uetr.get().is_multiple_of(12) { *b"SALA" } else { queued.purpose };
        self.stray(&mut record);
        record
    }

    /// What the engine may release, alone or at once, and now and then must not.
    fn releases(&mut self) -> Option<Vec<Record>> {
        let mut queue = self.picture.queue.clone();
        queue.sort_by_key(|(_, queued)| (queued.debtor, queued.place()));
        let (most, skips) = match self.dice.below(2) {
            0 => (1 + self.dice.below(4), 1 + self.dice.below(5)),
            _ => (16, 1),
        };
        let links = self.dice.once_in(2);
        let mut records = Vec::new();
        for (id, queued) in queue {
            if u64::try_from(records.len()).unwrap_or(0) < most && self.dice.once_in(skips) {
                let mut record = self.naming(id, &queued);
                let class = if self.dice.once_in(6) { self.class() } else { class_flag(queued.priority) };
                let class = if self.dice.once_in(4) { 0 } else { class };
                record.flags = (flags::RELEASE | class).into();
                if links {
                    record.flags = (record.flags.get() | flags::LINKED).into();
                }
                if self.is_faulty() {
                    self.spoil(&mut record);
                }
                records.push(record);
            }
        }
        if let Some(last) = records.last_mut().filter(|_| !self.dice.once_in(20)) {
            last.flags = (last.flags.get() & !flags::LINKED).into();
        }
        (!records.is_empty()).then_some(records)
    }

    /// Now and then, names another account than the hold does.
    fn stray(&mut self, record: &mut Record) {
        let alike = self.accounts_of(|_| true);
        let alike: Vec<_> =
            alike.into_iter().filter(|at| self.currency_of(*at) == record.currency.get()).collect();
        match (self.dice.below(24), self.pick(&alike)) {
            (0, Some(other)) => record.debtor = other.into(),
            (1, Some(other)) => record.creditor = other.into(),
            _ => {}
        }
    }

    /// Makes one thing wrong.
    fn spoil(&mut self, record: &mut Record) {
        let bits = record.flags.get();
        match self.dice.below(18) {
            0 => record.uetr = 0_u128.into(),
            1 => record.zeros[5] = 1,
            2 => record.flags = (bits | 1 << (4 + self.dice.below(11))).into(),
            3 => record.flags = (bits | flags::HOLD | flags::POST).into(),
            4 => record.delay = 1_u32.into(),
            5 => record.sequence = 1_u64.into(),
            6 => record.timestamp = 1_u64.into(),
            7 => (record.outcome, record.reason) = (u8::from(self.dice.once_in(2)), 1),
            8 => record.zeros[5] = 1,
            9 => record.related = 77_u128.into(),
            10 => record.timeout = 9_u32.into(),
            11 => record.amount = 0_u64.into(),
            12 => record.amount = (u64::MAX - self.dice.below(2)).into(),
            13 => record.creditor = record.debtor,
            14 => record.debtor = (NOWHERE + self.dice.below(9)).into(),
            15 => record.creditor = u64::MAX.into(),
            16 => record.currency = if self.dice.once_in(2) { 840_u16 } else { 0 }.into(),
            _ => (record.debtor, record.creditor) = (record.creditor, record.debtor),
        }
    }
}

fn class_flag(class: Priority) -> u16 {
    match class {
        Priority::Urgent => flags::URGENT,
        Priority::High => flags::HIGH,
        Priority::Normal => 0,
    }
}

fn hold_of(record: &Record) -> Hold {
    let (debtor, creditor, amount) = (record.debtor.get(), record.creditor.get(), record.amount.get());
    Hold { debtor, creditor, amount, sequence: 0, deadline: 0, purpose: record.purpose }
}

/// Frames of one command.
impl Teller {
    fn administer(&mut self) {
        if self.dice.once_in(4) {
            return self.exchange();
        }
        let has_tariffs = !self.picture.tariffs.is_empty() || !self.picture.announced.is_empty();
        if self.dice.once_in(if has_tariffs { 8 } else { 60 }) {
            return self.tariffs();
        }
        if self.dice.once_in(6) {
            return self.fraud();
        }
        if self.dice.once_in(16) {
            return self.schedule();
        }
        if self.dice.once_in(7) {
            return self.default();
        }
        if self.dice.once_in(12) {
            return self.misadminister();
        }
        if self.dice.once_in(3) {
            return self.propose();
        }
        if self.dice.once_in(12) {
            return self.limits();
        }
        let Some(command) = self.ordinary() else { return };
        let eyes = match self.dice.below(10) {
            0 => self.pick(&[
                Eyes::None,
                Eyes::Two,
                Eyes::TwoTwice,
                Eyes::Borrowed,
                Eyes::Stranger,
                Eyes::Elsewhere,
            ]),
            _ => None,
        };
        self.command(command, eyes.unwrap_or(Eyes::Four));
    }

    /// A command that came before, its id with another one, or bytes that are none.
    fn misadminister(&mut self) {
        let (height, is_repeated) = (self.picture.open_block, self.dice.once_in(2));
        let earlier: Vec<_> = self.world.records().iter().map(|record| record.uetr.get()).collect();
        let id = self.pick(&earlier).unwrap_or(0);
        let mut bytes = entry(id, Command::Seal { height }, Eyes::None).encode();
        if is_repeated {
            let commands = self.world.frames().iter().filter_map(|frame| match &frame.content {
                crate::world::Content::Command(bytes) => Some(bytes.clone()),
                crate::world::Content::Transfers(_) => None,
            });
            let commands: Vec<_> = commands.collect();
            let count = u64::try_from(commands.len()).unwrap_or(1);
            bytes.clone_from(&commands[usize::try_from(self.dice.below(count)).unwrap_or(0)]);
        } else if self.dice.once_in(2) {
            bytes.truncate(usize::try_from(self.dice.below(20)).unwrap_or(0));
        }
        self.world.push_bytes(bytes);
        self.told();
    }

    fn some_bic(&mut self) -> Bic {
        bic(self.pick(&BANKS).unwrap_or("Z"))
    }

    fn some_currency(&mut self) -> Currency {
        currency(self.pick(&CODES).unwrap_or("USD"))
    }

    fn some_account(&mut self) -> AccountHandle {
        let open = (0..).zip(&self.picture.accounts);
        let open = open.filter(|(_, (terms, _))| terms.state != AccountState::Closed);
        let open: Vec<_> = open.map(|(handle, _)| handle).collect();
        if self.is_faulty() { NOWHERE } else { self.pick(&open).unwrap_or(NOWHERE) }
    }

    fn some_cycle(&mut self, states: &[CycleState]) -> u64 {
        let fit: Vec<Cycle> =
            self.picture.cycles.iter().filter(|cycle| states.contains(&cycle.state)).copied().collect();
        if self.is_faulty() {
            return self.dice.below(4);
        }
        self.pick(&fit).map_or(1, |cycle| cycle.number)
    }

    fn ordinary(&mut self) -> Option<Command> {
        use CycleState::{Closed, Failed, Instructed, Open};
        Some(match self.dice.below(40) {
            37.. => self.some_posting(),
            28.. => Command::Limit(self.some_limit()?),
            0..=2 => Command::SetAccountState { account: self.some_account(), state: self.some_state()? },
            3 => {
                let is_any = self.dice.once_in(2);
                let account = if is_any { self.some_account() } else { self.empty_account()? };
                Command::SetAccountState { account, state: AccountState::Closed }
            }
            4 | 5 => Command::SetNetDebitCap {
                bic: self.some_bic(),
                currency: self.some_currency(),
                cap: self.limit(),
            },
            6 | 7 => Command::SetCreditLine { account: self.some_account(), credit_line: self.limit() },
            8 | 9 => {
                use ParticipantState::{Active, ReceiveOnly, SendOnly, Suspended};
                let states = [Suspended, SendOnly, ReceiveOnly, Active, Active, Active, Active];
                Command::SetParticipantState { bic: self.some_bic(), state: self.pick(&states)? }
            }
            10 | 11 => {
                let wrong = u64::from(self.is_faulty());
                Command::Seal { height: self.picture.open_block + wrong }
            }
            12..=14 => Command::CloseCycle { cycle: self.some_cycle(&[Open]) },
            15 | 16 => Command::InstructCycle { cycle: self.some_cycle(&[Closed, Failed]) },
            17 => self.paying(),
            18 => Command::SettleCycle { cycle: self.some_cycle(&[Instructed]) },
            19 => Command::FailCycle { cycle: self.some_cycle(&[Instructed]) },
            20 => Command::OpenAccounts {
                bic: self.some_bic(),
                currency: self.some_currency(),
                count: u32::try_from(self.dice.below(4)).unwrap_or(0),
                credit_line: self.limit(),
            },
            21 => Command::OpenPosition {
                bic: self.some_bic(),
                currency: self.some_currency(),
                cap: self.limit(),
            },
            25 => Command::SplitStream { currency: self.some_currency() },
            24 => Command::SetModel { currency: self.some_currency(), model: Model::Gross },
            // One of few, so that one comes again.
            23 => Command::RotateSalts {
                secret: SaltSecret([u8::try_from(self.dice.below(40)).unwrap_or(0); 32]),
            },
            22 => Command::RegisterParticipant { bic: self.some_bic(), name: "Late".into(), key: None },
            _ => {
                let alias = self.pick(&ALIASES)?.into();
                Command::RegisterAlias { alias, account: self.known_account()? }
            }
        })
    }

    fn some_state(&mut self) -> Option<AccountState> {
        use AccountState::{Closed, Frozen, Open, ReceiveOnly, SendOnly};
        self.pick(&[Open, Open, Frozen, SendOnly, ReceiveOnly, Closed])
    }

    /// A hosted account that can be closed, so that some are.
    fn empty_account(&mut self) -> Option<AccountHandle> {
        let empty = (0..).zip(&self.picture.accounts).filter(|(_, (terms, cell))| {
            terms.kind == AccountKind::Hosted
                && terms.state != AccountState::Closed
                && cell.balance == 0
                && cell.holds == 0
        });
        let empty: Vec<_> = empty.map(|(handle, _)| handle).collect();
        self.pick(&empty)
    }

    fn known_account(&mut self) -> Option<AccountHandle> {
        let known = u64::try_from(self.picture.accounts.len()).ok().filter(|count| *count > 0)?;
        Some(self.dice.below(known))
    }
}
