//! A chain of frames made ahead: genesis, eight participants, their accounts with funds, then transfers.

use feiqian_core::batch::{Batch, PayloadBuilder, command_payload};
use feiqian_core::bic::Bic;
use feiqian_core::command::{APPROVAL_CONTEXT, Approval, Command, Entry, Genesis};
use feiqian_core::currency::Currency;
use feiqian_core::frame::FrameKind;
use feiqian_core::state::{FrameView, History};
use feiqian_core::transfer::Record;
use feiqian_proof::Hash;
use feiqian_proof::signature::{PublicKey, SigningKey, sign_message};

use crate::generator::{Accounts, Numbers};

/// Participants of every load.
pub const PARTICIPANTS: u32 = 8;
/// What each account begins with, minor units: no load empties it.
const FUNDS: u64 = 100_000_000_000;
/// Frame time of the first frame, and the step to each next: nanoseconds since 1970.
const BEGIN: u64 = 1_767_225_600_000_000_000;
const STEP: u64 = 1_000_000;

/// Names the chain of every load.
pub const CHAIN_ID: [u8; 16] = *b"feiqian-load-001";

/// TEST KEY: signs the blocks of loads. Never use it for anything else.
#[must_use]
pub fn test_operator_key() -> SigningKey {
    SigningKey::from_bytes(&[0x11; 32])
}

/// TEST KEYS: approve the commands of loads. Never use them for anything else.
#[must_use]
pub fn test_officer_keys() -> [(u16, SigningKey); 2] {
    [(1, SigningKey::from_bytes(&[0x22; 32])), (2, SigningKey::from_bytes(&[0x33; 32]))]
}

/// A frame made ahead.
#[derive(Clone, Debug)]
pub struct Made {
    /// Transfers or a command.
    pub kind: FrameKind,
    /// Its first sequence.
    pub first_sequence: u64,
    /// Its entries.
    pub count: u32,
    /// Its time, nanoseconds since 1970.
    pub timestamp: u64,
    /// Its bytes.
    pub payload: Vec<u8>,
}

impl Made {
    /// As the core reads it. Hashes are the journal's; here they are zero.
    #[must_use]
    pub fn view(&self) -> FrameView<'_> {
        FrameView {
            kind: self.kind,
            first_sequence: self.first_sequence,
            count: self.count,
            timestamp: self.timestamp,
            hash: Hash::default(),
            payload: &self.payload,
        }
    }
}

/// No id of a load comes twice. Holds how memory is asked for ahead of its use: the engine's way is an instruction that
/// has no safe form, so it is given by who depends on the engine.
#[derive(Clone, Copy, Debug)]
pub struct NoRepetition<F>(pub F);

impl<F: Fn(*const u8)> History for NoRepetition<F> {
    fn record(&self, _: u64) -> Option<Record> {
        None
    }

    fn stored_ids(&self, _: u64, _: (u64, u64)) -> Option<Vec<u64>> {
        Some(Vec::new())
    }

    #[inline]
    fn prefetch(&self, at: *const u8) {
        (self.0)(at);
    }
}

/// Makes frames.
#[derive(Debug)]
pub struct ChainMaker {
    next: u64,
    turn: u32,
    timestamp: u64,
    numbers: Numbers,
    accounts: Vec<Accounts>,
    officers: [(u16, SigningKey); 2],
}

/// The entry that begins every load's journal.
#[must_use]
pub fn genesis(numbers: &mut Numbers) -> Entry {
    let officers = test_officer_keys().iter().map(|(number, key)| (*number, PublicKey::of(key))).collect();
    let genesis = Genesis {
        chain_id: CHAIN_ID,
        id_key: 0x5EED,
        salt_secret: [0x44; 32],
        operator_key: PublicKey::of(&test_operator_key()),
        officers,
    };
    Entry::new(numbers.id(), Command::Genesis(genesis))
}

/// Adds the approvals of both officers.
#[must_use]
pub fn approved(id: u128, command: Command, chain_id: &[u8; 16], officers: &[(u16, SigningKey); 2]) -> Entry {
    let mut entry = Entry::new(id, command);
    let bytes = entry.signed_bytes(chain_id);
    entry.approvals = officers
        .iter()
        .map(|(officer, key)| Approval {
            officer: *officer,
            signature: sign_message(key, APPROVAL_CONTEXT, &bytes),
        })
        .collect();
    entry
}

impl ChainMaker {
    /// The frames that set up `accounts` hosted accounts over eight participants, each with 10,000.00 EUR,
    /// and a maker of the load that follows.
    ///
    /// # Panics
    /// If `accounts` is not a multiple of eight.
    #[must_use]
    pub fn set_up(seed: u64, accounts: u32) -> (Self, Vec<Made>) {
        assert!(accounts.is_multiple_of(PARTICIPANTS), "every participant has as many");
        let mut maker = Self {
            next: 1,
            turn: 0,
            timestamp: BEGIN,
            numbers: Numbers::new(seed),
            accounts: Vec::new(),
            officers: test_officer_keys(),
        };
        let currency = Currency::from_code("EUR").expect("EUR is in the table");
        let first = genesis(&mut maker.numbers);
        let mut frames = vec![maker.command(&first)];
        let each = accounts / PARTICIPANTS;
        for number in 0..PARTICIPANTS {
            let bic = Bic::parse(&format!("BNK{}XX0{number}", (b'A' + number as u8) as char));
            let bic = bic.expect("a BIC of eight characters");
            let commands = [
                Command::RegisterParticipant { bic, name: format!("Bank {number}"), key: None },
                Command::OpenPosition { bic, currency, cap: 1 << 58 },
                Command::OpenAccounts { bic, currency, count: each, credit_line: 0 },
            ];
            for command in commands {
                let entry = approved(maker.numbers.id(), command, &CHAIN_ID, &maker.officers);
                frames.push(maker.command(&entry));
            }
        }
        maker.accounts = maker.account_ranges(each, currency.numeric());
        for number in 0..PARTICIPANTS {
            frames.extend(maker.fund(number, each));
        }
        (maker, frames)
    }

    /// Each participant's clearing account is followed by its hosted accounts.
    fn account_ranges(&self, each: u32, currency: u16) -> Vec<Accounts> {
        let stride = u64::from(each) + 1;
        let own = |number: u64| (number * stride + 1..(number + 1) * stride).collect::<Vec<_>>();
        let all: Vec<_> = (0..u64::from(PARTICIPANTS)).flat_map(own).collect();
        (0..u64::from(PARTICIPANTS))
            .map(|number| Accounts { own: own(number), all: all.clone(), currency })
            .collect()
    }

    fn fund(&mut self, participant: u32, each: u32) -> Vec<Made> {
        let stride = u64::from(each) + 1;
        let clearing = u64::from(participant) * stride;
        let currency = self.accounts[participant as usize].currency;
        let own = self.accounts[participant as usize].own.clone();
        own.chunks(8_190)
            .map(|accounts| {
                let records = accounts
                    .iter()
                    .map(|account| Record::new(self.numbers.id(), clearing, *account, FUNDS, currency))
                    .collect();
                self.frame(&Batch::new(participant, records))
            })
            .collect()
    }

    /// A frame with one command.
    pub fn command(&mut self, entry: &Entry) -> Made {
        self.made(FrameKind::Command, 1, command_payload(&entry.encode()))
    }

    /// A frame with one batch of `count` random transfers of the next participant in turn.
    pub fn transfers(&mut self, count: usize) -> Made {
        let participant = self.turn % PARTICIPANTS;
        self.turn += 1;
        let records =
            (0..count).map(|_| self.accounts[participant as usize].transfer(&mut self.numbers)).collect();
        self.frame(&Batch::new(participant, records))
    }

    /// A frame that seals the block at `height`.
    pub fn seal(&mut self, height: u64) -> Made {
        let entry = Entry::new(self.numbers.id(), Command::Seal { height });
        self.command(&entry)
    }

    fn frame(&mut self, batch: &Batch) -> Made {
        let mut builder = PayloadBuilder::default();
        builder.push(batch.clone());
        let (payload, count) = builder.finish();
        self.made(FrameKind::Transfers, count, payload)
    }

    fn made(&mut self, kind: FrameKind, count: u32, payload: Vec<u8>) -> Made {
        let (first_sequence, timestamp) = (self.next, self.timestamp);
        self.next += u64::from(count);
        self.timestamp += STEP;
        Made { kind, first_sequence, count, timestamp, payload }
    }
}
