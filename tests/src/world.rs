//! The world that tests play in: a fixed operator with its officers, banks and accounts with short names, and
//! a journal in memory that makes frames as the sequencer does and gives them back as [`History`].
//!
//! Every key here is a fixed test key and worth nothing. Knows no rule of clearing: whether an entry is
//! accepted, the engine and the oracle say.

use std::collections::BTreeMap;
use std::time::Duration;

use feiqian_core::account::{AccountHandle, UNLIMITED};
use feiqian_core::batch::{Batch, PayloadBuilder, command_payload};
use feiqian_core::bic::Bic;
use feiqian_core::claim::ENGINE;
use feiqian_core::command::{APPROVAL_CONTEXT, Approval, Command, Entry, Genesis, OfficerNumber};
use feiqian_core::currency::Currency;
use feiqian_core::exchange::decide::PARTICIPANT_SIGNER;
use feiqian_core::frame::FrameKind;
use feiqian_core::outcome::{Outcome, OutcomeRow, RejectReason};
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::state::{FrameView, History};
use feiqian_core::transfer::{Record, flags};
use feiqian_proof::hash::{Domain, Hash, keyed};
use feiqian_proof::signature::{PublicKey, SigningKey, sign_message};

/// Names the journal of all tests.
pub const CHAIN_ID: [u8; 16] = *b"TEST CHAIN, ONLY";
/// When the world begins, nanoseconds since 1970.
pub const BEGINNING: u64 = 1_750_000_000_000_000_000;
/// A handle that no test opens.
pub const NOWHERE: AccountHandle = 999_999_999;
const OFFICERS: [OfficerNumber; 3] = [1, 2, 3];

/// TEST KEY, NEVER FOR REAL MONEY: an officer's.
#[must_use]
pub fn officer_key(officer: OfficerNumber) -> SigningKey {
    let [low, high] = officer.to_le_bytes();
    let mut secret = [0x0F; 32];
    (secret[0], secret[1]) = (low, high);
    SigningKey::from_bytes(&secret)
}

/// TEST KEY, NEVER FOR REAL MONEY: that of the bank called `name`.
#[must_use]
pub fn bank_key(name: &str) -> SigningKey {
    SigningKey::from_bytes(&[name.as_bytes()[0]; 32])
}

/// TEST KEY, NEVER FOR REAL MONEY: the operator's.
#[must_use]
pub fn operator_key() -> SigningKey {
    SigningKey::from_bytes(&[0x09; 32])
}

/// The genesis of all tests; `id_key` must decide nothing.
#[must_use]
pub fn genesis(id_key: u128) -> Genesis {
    Genesis {
        chain_id: CHAIN_ID,
        id_key,
        salt_secret: [0x5A; 32],
        operator_key: PublicKey::of(&operator_key()),
        officers: OFFICERS.map(|number| (number, PublicKey::of(&officer_key(number)))).to_vec(),
    }
}

/// The code of the bank called `name`, one capital letter or digit.
#[must_use]
pub fn bic(name: &str) -> Bic {
    Bic::parse(&format!("BNK{name}XXAA")).expect("one capital letter or digit makes a BIC")
}

/// The currency of an alphabetic code.
#[must_use]
pub fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("tests use ISO 4217 codes")
}

/// Who looks at a command, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Eyes {
    /// Two officers sign, as they must.
    Four,
    /// Nobody signs.
    None,
    /// One officer signs.
    Two,
    /// This officer signs, alone.
    Of(OfficerNumber),
    /// One officer signs twice.
    TwoTwice,
    /// One officer signs under two numbers.
    Borrowed,
    /// The second is nobody's officer.
    Stranger,
    /// The second signs another command.
    Elsewhere,
    /// This bank signs, for itself.
    Bank(&'static str),
}

/// A command as an operator's desk sends it.
#[must_use]
pub fn entry(id: u128, command: Command, eyes: Eyes) -> Entry {
    let bytes = Entry::new(id, command.clone()).signed_bytes(&CHAIN_ID);
    let sign = |officer, key, bytes: &[u8]| Approval {
        officer,
        signature: sign_message(&officer_key(key), APPROVAL_CONTEXT, bytes),
    };
    let approvals = match eyes {
        Eyes::Four => vec![sign(1, 1, &bytes), sign(2, 2, &bytes)],
        Eyes::None => vec![],
        Eyes::Two => vec![sign(3, 3, &bytes)],
        Eyes::Of(officer) => vec![sign(officer, officer, &bytes)],
        Eyes::TwoTwice => vec![sign(1, 1, &bytes), sign(1, 1, &bytes)],
        Eyes::Borrowed => vec![sign(1, 1, &bytes), sign(2, 1, &bytes)],
        Eyes::Stranger => vec![sign(1, 1, &bytes), sign(9, 9, &bytes)],
        Eyes::Bank(name) => vec![Approval {
            officer: PARTICIPANT_SIGNER,
            signature: sign_message(&bank_key(name), APPROVAL_CONTEXT, &bytes),
        }],
        Eyes::Elsewhere => vec![sign(1, 1, &bytes), sign(2, 2, &[&bytes[..], &[0]].concat())],
    };
    Entry { approvals, ..Entry::new(id, command) }
}

/// What a frame was made from: what the oracle reads, while the engine reads the payload.
#[derive(Clone, Debug)]
pub enum Content {
    /// Batches, in order.
    Transfers(Vec<Batch>),
    /// An encoded command, or bytes that are none.
    Command(Vec<u8>),
}

/// A frame of the world's journal.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What it was made from.
    pub content: Content,
    /// Sequence of its first entry.
    pub first_sequence: u64,
    /// Its entries.
    pub count: u32,
    /// Nanoseconds since 1970.
    pub timestamp: u64,
    hash: Hash,
    payload: Vec<u8>,
}

impl Frame {
    /// The frame as the core reads it.
    #[must_use]
    pub fn view(&self) -> FrameView<'_> {
        let kind = match self.content {
            Content::Transfers(_) => FrameKind::Transfers,
            Content::Command(_) => FrameKind::Command,
        };
        FrameView {
            kind,
            first_sequence: self.first_sequence,
            count: self.count,
            timestamp: self.timestamp,
            hash: self.hash,
            payload: &self.payload,
        }
    }
}

/// A journal in memory, and the names of what its commands were meant to open.
#[derive(Clone, Debug)]
pub struct World {
    frames: Vec<Frame>,
    records: Vec<Record>,
    now: u64,
    next_id: u128,
    banks: BTreeMap<String, ParticipantHandle>,
    accounts: BTreeMap<String, (AccountHandle, ParticipantHandle, Currency)>,
    next_account: AccountHandle,
}

impl Default for World {
    fn default() -> Self {
        Self {
            frames: Vec::new(),
            records: Vec::new(),
            now: BEGINNING,
            next_id: 1 << 100,
            banks: BTreeMap::new(),
            accounts: BTreeMap::new(),
            next_account: 0,
        }
    }
}

impl World {
    /// A world whose journal has begun.
    #[must_use]
    pub fn begun() -> Self {
        let mut world = Self::default();
        world.push_command(Command::Genesis(genesis(7)), Eyes::None);
        world
    }

    /// All frames so far.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// All entries so far, as submitted; the first has sequence 1.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The last frame.
    ///
    /// # Panics
    /// Before the first.
    #[must_use]
    pub fn last(&self) -> &Frame {
        self.frames.last().expect("a frame was pushed")
    }

    /// The sequence that the next entry gets.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.records.len() as u64 + 1
    }

    /// The time of the next frame, nanoseconds since 1970.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Lets time pass.
    pub fn wait(&mut self, time: Duration) {
        self.now += u64::try_from(time.as_nanos()).expect("tests wait less than centuries");
    }

    /// An id that was never used here.
    pub fn new_id(&mut self) -> u128 {
        self.next_id += 1;
        self.next_id
    }

    /// Journals batches as one frame.
    pub fn push_transfers(&mut self, batches: Vec<Batch>) -> &Frame {
        let mut builder = PayloadBuilder::default();
        let mut records = Vec::new();
        for batch in &batches {
            assert!(batch.is_within_limits() && builder.has_room_for(batch), "the frame is over its bounds");
            builder.push(batch.clone());
            records.extend_from_slice(&batch.records);
        }
        let (payload, _) = builder.finish();
        self.push(Content::Transfers(batches), payload, records)
    }

    /// Journals a command with a new id.
    pub fn push_command(&mut self, command: Command, eyes: Eyes) -> &Frame {
        let id = self.new_id();
        self.push_bytes(entry(id, command, eyes).encode())
    }

    /// Journals the bytes of a command, readable or not.
    pub fn push_bytes(&mut self, bytes: Vec<u8>) -> &Frame {
        let id = Entry::decode(&bytes).map_or(0, |entry| entry.id);
        let record = Entry::record(id, &bytes);
        let payload = command_payload(&bytes);
        self.push(Content::Command(bytes), payload, vec![record])
    }

    /// Journals what `frame` holds, here and at the present time.
    pub fn push_again(&mut self, frame: &Frame) -> &Frame {
        match &frame.content {
            Content::Transfers(batches) => self.push_transfers(batches.clone()),
            Content::Command(bytes) => self.push_bytes(bytes.clone()),
        }
    }

    fn push(&mut self, content: Content, payload: Vec<u8>, records: Vec<Record>) -> &Frame {
        let first_sequence = self.next_sequence();
        let count = u32::try_from(records.len()).expect("a frame's bounds are far below");
        let previous = self.frames.last().map_or([0; 32], |frame| frame.hash.0);
        let hash = keyed(Domain::Frame, &[&previous[..], &self.now.to_le_bytes(), &payload].concat());
        self.records.extend(records);
        let frame = Frame { content, first_sequence, count, timestamp: self.now, hash, payload };
        self.frames.push(frame);
        self.last()
    }
}

impl History for World {
    fn record(&self, sequence: u64) -> Option<Record> {
        let at = usize::try_from(sequence.checked_sub(1)?).ok()?;
        self.records.get(at).copied()
    }

    fn stored_ids(&self, _: u64, _: (u64, u64)) -> Option<Vec<u64>> {
        Some(Vec::new())
    }
}

/// What lies before a sequence: an engine that asks for more asks for what is not journaled yet.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// The journal.
    pub world: &'a World,
    /// The first sequence that is out of reach.
    pub before: u64,
}

impl History for Past<'_> {
    fn record(&self, sequence: u64) -> Option<Record> {
        assert!(sequence < self.before, "sequence {sequence} lies ahead of {}", self.before);
        self.world.record(sequence)
    }

    fn stored_ids(&self, hash: u64, range: (u64, u64)) -> Option<Vec<u64>> {
        self.world.stored_ids(hash, range)
    }
}

/// Banks and accounts by name; the methods push the command that opens what they name.
impl World {
    /// Banks A, B and C with EUR, the first two with USD as well; A may owe 1,000 EUR and has hosted accounts
    /// `a1` and `a2` without credit and `a3` with 50; B, who may owe any sum, has `b1`.
    #[must_use]
    pub fn standard() -> Self {
        let mut world = Self::begun();
        for bank in ["A", "B", "C"] {
            world.admit(bank);
        }
        world.open_position("A", "EUR", 1_000);
        world.open_position("B", "EUR", UNLIMITED);
        world.open_position("C", "EUR", UNLIMITED);
        world.open_position("A", "USD", UNLIMITED);
        world.open_position("B", "USD", UNLIMITED);
        world.open_accounts(&["a1", "a2"], "A", 0);
        world.open_accounts(&["a3"], "A", 50);
        world.open_accounts(&["b1"], "B", 0);
        world
    }

    /// Admits the bank called `name`, one capital letter.
    pub fn admit(&mut self, name: &str) {
        let handle = ParticipantHandle::try_from(self.banks.len()).expect("tests admit few");
        self.banks.insert(name.into(), handle);
        let name = format!("Bank {name}");
        let bic = bic(&name[5..]);
        let key = Some(PublicKey::of(&bank_key(&name[5..])));
        self.push_command(Command::RegisterParticipant { bic, name, key }, Eyes::Four);
    }

    /// Opens a position; its clearing account is called `BANK/CODE`, in EUR also `BANK` alone.
    pub fn open_position(&mut self, bank: &str, code: &str, cap: u64) {
        let (owner, currency) = (self.bank(bank), currency(code));
        self.name_account(format!("{bank}/{code}"), owner, currency);
        if code == "EUR" {
            self.accounts.insert(bank.into(), (self.next_account - 1, owner, currency));
        }
        self.push_command(Command::OpenPosition { bic: bic(bank), currency, cap }, Eyes::Four);
    }

    /// Opens hosted EUR accounts.
    pub fn open_accounts(&mut self, names: &[&str], bank: &str, credit_line: u64) {
        let (owner, currency) = (self.bank(bank), currency("EUR"));
        names.iter().for_each(|name| self.name_account((*name).into(), owner, currency));
        let count = u32::try_from(names.len()).expect("tests name few");
        let command = Command::OpenAccounts { bic: bic(bank), currency, count, credit_line };
        self.push_command(command, Eyes::Four);
    }

    fn name_account(&mut self, name: String, owner: ParticipantHandle, currency: Currency) {
        self.accounts.insert(name, (self.next_account, owner, currency));
        self.next_account += 1;
    }

    /// The handle of a bank.
    ///
    /// # Panics
    /// For a name that was never admitted.
    #[must_use]
    pub fn bank(&self, name: &str) -> ParticipantHandle {
        *self.banks.get(name).expect("the bank was admitted")
    }

    /// The handle of an account; `?` is one that does not exist.
    ///
    /// # Panics
    /// For a name that was never opened.
    #[must_use]
    pub fn account(&self, name: &str) -> AccountHandle {
        if name == "?" {
            return NOWHERE;
        }
        self.accounts.get(name).expect("the account was opened").0
    }

    /// The record that a row of a table stands for, and who submits it.
    pub fn draft(&mut self, row: &Row) -> (ParticipantHandle, Record) {
        let terms = [row.debtor, row.creditor].iter().find_map(|name| self.accounts.get(*name)).copied();
        let (_, owner, own_currency) = terms.unwrap_or((0, 0, currency("EUR")));
        let id = row.id.unwrap_or_else(|| self.new_id());
        let numeric = row.currency.map_or(own_currency, currency).numeric();
        let (debtor, creditor) = (self.account(row.debtor), self.account(row.creditor));
        let mut record = Record::new(id, debtor, creditor, row.amount, numeric);
        record.flags = row.flags.into();
        record.related = row.related.into();
        record.timeout = row.timeout.into();
        record.delay = row.delay.into();
        if let Some(change) = row.change {
            change(&mut record);
        }
        let submitter = match row.by {
            Some("engine") => ENGINE,
            Some(bank) => self.bank(bank),
            None => owner,
        };
        (submitter, record)
    }
}

/// One line of a table: a transfer, and what must become of it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    debtor: &'static str,
    creditor: &'static str,
    amount: u64,
    /// What must become of it.
    pub expected: Expected,
    id: Option<u128>,
    by: Option<&'static str>,
    currency: Option<&'static str>,
    flags: u16,
    related: u128,
    timeout: u32,
    delay: u32,
    change: Option<fn(&mut Record)>,
    /// Whether a new batch begins with it.
    pub is_apart: bool,
}

/// What must become of a transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expected {
    outcome: Outcome,
    reason: Option<RejectReason>,
}

impl Expected {
    /// What a row of the engine says.
    ///
    /// # Panics
    /// If the row's outcome is no number of an outcome.
    #[must_use]
    pub fn of(row: &OutcomeRow) -> Self {
        Self { outcome: row.outcome().expect("rows carry known outcomes"), reason: row.reason() }
    }
}

/// The amount moves.
#[must_use]
pub fn cleared() -> Expected {
    Expected { outcome: Outcome::Cleared, reason: None }
}
/// The amount is reserved.
#[must_use]
pub fn held() -> Expected {
    Expected { outcome: Outcome::Held, reason: None }
}
/// The hold is given back.
#[must_use]
pub fn voided() -> Expected {
    Expected { outcome: Outcome::Voided, reason: None }
}
/// It waits, for what the reason says or for its time.
#[must_use]
pub fn queued(reason: Option<RejectReason>) -> Expected {
    Expected { outcome: Outcome::Queued, reason }
}
/// The original outcome stands.
#[must_use]
pub fn duplicate() -> Expected {
    Expected { outcome: Outcome::Duplicate, reason: None }
}
/// Nothing changes.
#[must_use]
pub fn rejected(reason: RejectReason) -> Expected {
    Expected { outcome: Outcome::Rejected, reason: Some(reason) }
}

/// `amount` minor units from one named account to another, submitted by the debtor's bank.
#[must_use]
pub fn row(debtor: &'static str, creditor: &'static str, amount: u64, expected: Expected) -> Row {
    Row {
        debtor,
        creditor,
        amount,
        expected,
        id: None,
        by: None,
        currency: None,
        flags: 0,
        related: 0,
        timeout: 0,
        delay: 0,
        change: None,
        is_apart: false,
    }
}

impl Row {
    /// With this id.
    #[must_use]
    pub fn id(self, id: u128) -> Self {
        Self { id: Some(id), ..self }
    }
    /// Submitted by this bank.
    #[must_use]
    pub fn by(self, bank: &'static str) -> Self {
        Self { by: Some(bank), ..self }
    }
    /// In this currency.
    #[must_use]
    pub fn in_currency(self, code: &'static str) -> Self {
        Self { currency: Some(code), ..self }
    }
    /// As the first half of a two-phase transfer.
    #[must_use]
    pub fn hold(self, id: u128) -> Self {
        Self { flags: self.flags | flags::HOLD, id: Some(id), ..self }
    }
    /// Which expires after so many seconds.
    #[must_use]
    pub fn expiring(self, timeout: u32) -> Self {
        Self { timeout, ..self }
    }
    /// Posting this hold.
    #[must_use]
    pub fn post(self, hold: u128) -> Self {
        Self { flags: self.flags | flags::POST, related: hold, ..self }
    }
    /// Voiding this hold.
    #[must_use]
    pub fn void(self, hold: u128) -> Self {
        Self { flags: self.flags | flags::VOID, related: hold, ..self }
    }
    /// As one that may wait.
    #[must_use]
    pub fn queue(self, id: u128) -> Self {
        Self { flags: self.flags | flags::QUEUE, id: Some(id), ..self }
    }
    /// Changing how this payment waits.
    #[must_use]
    pub fn amend(self, queued: u128) -> Self {
        Self { flags: self.flags | flags::QUEUE, related: queued, ..self }
    }
    /// Revoking this payment.
    #[must_use]
    pub fn revoke(self, queued: u128) -> Self {
        Self { flags: self.flags | flags::QUEUE | flags::VOID, related: queued, ..self }
    }
    /// Releasing this payment, by the engine.
    #[must_use]
    pub fn release(self, queued: u128) -> Self {
        Self { flags: self.flags | flags::RELEASE, related: queued, by: Some("engine"), ..self }
    }
    /// Sending back what this transfer brought.
    #[must_use]
    pub fn returning(self, original: u128) -> Self {
        Self { flags: self.flags | flags::RETURN, related: original, ..self }
    }
    /// As a leg of a trade on this quote.
    #[must_use]
    pub fn on_quote(self, quote: u128) -> Self {
        Self { flags: self.flags | flags::QUOTE, related: quote, ..self }
    }
    /// As a leg of the fee on this payment.
    #[must_use]
    pub fn fee_on(self, payment: u128) -> Self {
        Self { flags: self.flags | flags::FEE, related: payment, ..self }
    }
    /// With these flags too.
    #[must_use]
    pub fn flagged(self, bits: u16) -> Self {
        Self { flags: self.flags | bits, ..self }
    }
    /// Not before so many seconds.
    #[must_use]
    pub fn after(self, delay: u32) -> Self {
        Self { delay, ..self }
    }
    /// In one chain with the next.
    #[must_use]
    pub fn linked(self) -> Self {
        Self { flags: self.flags | flags::LINKED, ..self }
    }
    /// With this change to its record.
    #[must_use]
    pub fn with(self, change: fn(&mut Record)) -> Self {
        Self { change: Some(change), ..self }
    }
    /// As the first of a new batch.
    #[must_use]
    pub fn apart(self) -> Self {
        Self { is_apart: true, ..self }
    }
}
