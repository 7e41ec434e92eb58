//! Who takes part in a load and which accounts there are: participants with TEST KEYS, positions, hosted accounts,
//! one of each position frozen. Handles follow from the order of the founding commands.

use feiqian_core::account::{AccountHandle, AccountState};
use feiqian_core::batch::Batch;
use feiqian_core::bic::Bic;
use feiqian_core::command::{Command, Entry};
use feiqian_core::currency::Currency;
use feiqian_core::limits::BATCH_TRANSFERS_MAX;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::Record;
use feiqian_identity::api_key::ApiKey;
use feiqian_proof::signature::{PublicKey, SigningKey};
use serde::{Deserialize, Serialize};

use super::Workload;
use crate::chain::{CHAIN_ID, approved, genesis, test_officer_keys};
use crate::generator::Numbers;

/// The currencies of loads, in the order in which they are taken.
pub const CODES: [&str; 8] = ["EUR", "USD", "CHF", "SEK", "JPY", "GBP", "CNY", "KWD"];
/// What each hosted account begins with, minor units: a thousand million transfers of the usual size from one of
/// them do not empty it, and ten million such accounts stay within 64 bits.
pub const FUNDS: u64 = 900_000_000_000;
/// Net debit cap of every position, minor units: no load reaches it.
const CAP: u64 = 1 << 60;
/// Ids of founding entries are made from this seed and no load's.
const FOUNDING_SEED: u64 = 0xF0_17D1;

/// The accounts of one participant in one currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Range {
    /// ISO 4217 numeric code.
    pub currency: u16,
    /// The clearing account.
    pub clearing: AccountHandle,
    /// The first hosted account; the others follow.
    pub first: AccountHandle,
    /// How many hosted accounts there are, the frozen one not among them.
    pub count: u64,
    /// A frozen hosted account, if there is one.
    pub frozen: Option<AccountHandle>,
}

/// Participants by handle, each with a range for each currency, in the same order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Layout {
    /// Ranges of each participant.
    pub ranges: Vec<Vec<Range>>,
}

impl Layout {
    /// Of a workload, on a fresh engine. Rounds accounts down to as many for every position.
    ///
    /// # Panics
    /// If the workload is not one that [`Workload::check`] passes.
    #[must_use]
    pub fn fresh(workload: &Workload) -> Self {
        let (participants, currencies) = (u64::from(workload.participants), u64::from(workload.currencies));
        let count = workload.accounts / (participants * currencies);
        assert!(count >= 2, "each position has two accounts");
        let range = |position: u64| {
            let clearing = position * (count + 2);
            let (first, frozen) = (clearing + 1, clearing + 1 + count);
            let code = CODES[(position % currencies) as usize];
            let currency = currency(code).numeric();
            Range { currency, clearing, first, count, frozen: Some(frozen) }
        };
        let of = |participant| (0..currencies).map(|at| range(participant * currencies + at)).collect();
        Self { ranges: (0..participants).map(of).collect() }
    }

    /// All accounts that a load uses, the clearing accounts too.
    pub fn accounts(&self) -> impl Iterator<Item = AccountHandle> {
        let all = self.ranges.iter().flatten();
        all.flat_map(|range| {
            let hosted = range.first..range.first + range.count;
            [range.clearing].into_iter().chain(range.frozen).chain(hosted)
        })
    }

    /// The highest handle and one.
    #[must_use]
    pub fn end(&self) -> AccountHandle {
        self.accounts().max().map_or(0, |last| last + 1)
    }

    /// The first entry of a founding.
    #[must_use]
    pub fn genesis() -> Entry {
        genesis(&mut Numbers::new(FOUNDING_SEED))
    }

    /// The commands that follow it, approved by the test officers.
    #[must_use]
    pub fn commands(&self) -> Vec<Entry> {
        let mut numbers = Numbers::new(FOUNDING_SEED ^ 1);
        let officers = test_officer_keys();
        let mut commands = Vec::new();
        for (number, ranges) in (0..).zip(&self.ranges) {
            let bic = bic(number);
            let key = Some(PublicKey::of(&test_participant_key(number)));
            commands.push(Command::RegisterParticipant { bic, name: format!("Load bank {number}"), key });
            for (range, code) in ranges.iter().zip(CODES) {
                let (currency, count) =
                    (currency(code), (range.count + u64::from(range.frozen.is_some())) as u32);
                commands.push(Command::OpenPosition { bic, currency, cap: CAP });
                commands.push(Command::OpenAccounts { bic, currency, count, credit_line: 0 });
                let frozen = range.frozen.map(|account| (account, AccountState::Frozen));
                commands.extend(frozen.map(|(account, state)| Command::SetAccountState { account, state }));
            }
        }
        commands.into_iter().map(|command| approved(numbers.id(), command, &CHAIN_ID, &officers)).collect()
    }

    /// The batches that give every hosted account its [`FUNDS`], from the clearing account.
    pub fn funding(&self) -> impl Iterator<Item = Batch> {
        let mut numbers = Numbers::new(FOUNDING_SEED ^ 2);
        let of = |(participant, ranges)| std::iter::repeat(participant).zip(ranges);
        let ranges = (0..).zip(&self.ranges).flat_map(of);
        let parts = ranges.flat_map(|(participant, range): (ParticipantHandle, &Range)| {
            let end = range.first + range.count;
            let parts = (range.first..end).step_by(BATCH_TRANSFERS_MAX);
            parts.map(move |from| (participant, range, from..end.min(from + BATCH_TRANSFERS_MAX as u64)))
        });
        parts.map(move |(participant, range, accounts)| {
            let fund = |to| Record::new(numbers.id(), range.clearing, to, FUNDS, range.currency);
            Batch::new(participant, accounts.map(fund).collect())
        })
    }
}

fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("the currencies of loads are in the table")
}

/// The code of a load's participant.
///
/// # Panics
/// From 100 on.
#[must_use]
pub fn bic(participant: ParticipantHandle) -> Bic {
    Bic::parse(&format!("LOADXX{participant:02}")).expect("a BIC of eight characters")
}

/// TEST KEY of a load's participant. Never use it for anything else.
#[must_use]
pub fn test_participant_key(participant: ParticipantHandle) -> SigningKey {
    let mut secret = *b"TEST KEY: load participant 0000.";
    for (digit, place) in secret[27..31].iter_mut().zip([1_000, 100, 10, 1]) {
        *digit = b'0' + (participant / place % 10) as u8;
    }
    SigningKey::from_bytes(&secret)
}

/// TEST KEY of a load's participant for the JSON API. Never use it for anything else.
#[must_use]
pub fn test_api_key(participant: ParticipantHandle) -> ApiKey {
    let mut secret = *b"TEST KEY: API of a load's bank .";
    secret[31] = participant as u8;
    ApiKey::new([participant as u8; 8], secret)
}
