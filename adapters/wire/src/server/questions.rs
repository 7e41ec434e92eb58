//! Answers from the engine: directory, balances, positions, transfers. A participant is told of its own alone,
//! but for aliases, which everyone who pays must resolve. What is another's and what is not there look alike.

use feiqian_core::account::{AccountHandle, AccountTerms, SlotHandle};
use feiqian_core::currency::Currency;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::registry::Registry;
use feiqian_runtime::pipeline::Engine;
use zerocopy::IntoBytes as _;

use super::writer::wire_row;
use crate::layout::{
    AccountBody, AccountRangeBody, BalanceBody, Header, Kind, PositionBody, RANGES_MAX, TransferBody,
};

/// Accounts that one question looks through: bounds how long the registry is held.
const ACCOUNTS_SCANNED_MAX: usize = 1_000_000;

/// What a client asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Question {
    Alias(String),
    Balance(AccountHandle),
    Position(u32),
    Accounts(AccountHandle),
    Transfer(u128),
}

type Answer = (Header, Vec<u8>);

/// Answers `asker`; waits for the engine's batcher, so not to be called on a runtime's thread.
pub(super) fn answer(engine: &Engine, asker: ParticipantHandle, question: Question) -> Answer {
    let found = match question {
        Question::Alias(alias) => of_alias(engine, &alias),
        Question::Balance(account) => balance(engine, asker, account),
        Question::Position(currency) => position(engine, asker, currency),
        Question::Accounts(from) => Some(accounts(engine, asker, from)),
        Question::Transfer(uetr) => transfer(engine, asker, uetr),
    };
    found.unwrap_or_else(|| (Header::new(Kind::Unknown, 0), Vec::new()))
}

fn of_alias(engine: &Engine, alias: &str) -> Option<Answer> {
    let account = engine.directory().alias(alias)?;
    let (_, currency, _) = engine.directory().account(account)?;
    let body = AccountBody { account: account.into(), currency: currency.numeric().into(), zeros: [0; 6] };
    Some((Header::new(Kind::Account, 0), body.as_bytes().to_vec()))
}

fn owner(engine: &Engine, account: AccountHandle) -> Option<ParticipantHandle> {
    engine.directory().account(account).map(|(owner, ..)| owner)
}

fn balance(engine: &Engine, asker: ParticipantHandle, account: AccountHandle) -> Option<Answer> {
    owner(engine, account).filter(|owner| *owner == asker)?;
    let terms = engine.directory().registry(|registry| registry.account(account).copied())?;
    let (cell, block) =
        engine.ask(move |sealer| (sealer.mirror().account(account).copied(), sealer.height()));
    // Opened since the last block: nothing has moved on it as of that.
    let cell = cell.unwrap_or_default();
    let body = BalanceBody {
        account: account.into(),
        currency: terms.currency.into(),
        state: terms.state.number(),
        account_kind: terms.kind.number(),
        holds: cell.holds.into(),
        balance: cell.balance.into(),
        reserved: cell.reserved.into(),
        credit_line: terms.credit_line.into(),
        block: block.into(),
        zeros: [0; 8],
    };
    Some((Header::new(Kind::Balance, 0), body.as_bytes().to_vec()))
}

fn slot(registry: &Registry, asker: ParticipantHandle, currency: Currency) -> Option<SlotHandle> {
    let bic = registry.participants().get(asker as usize)?.bic;
    registry.slot_of(bic, currency)
}

fn position(engine: &Engine, asker: ParticipantHandle, currency: u32) -> Option<Answer> {
    let currency = Currency::from_numeric(u16::try_from(currency).ok()?)?;
    let (slot, cap) = engine.directory().registry(|registry| {
        let slot = slot(registry, asker, currency)?;
        Some((slot, registry.slots().get(slot as usize)?.cap))
    })?;
    let (cell, block) =
        engine.ask(move |sealer| (sealer.mirror().slots.get(slot as usize).cloned(), sealer.height()));
    let cell = cell.unwrap_or_default();
    let body = PositionBody {
        position: cell.position.into(),
        unsettled: cell.unsettled().into(),
        reserved: cell.reserved.into(),
        cap: cap.into(),
        block: block.into(),
        currency: currency.numeric().into(),
        zeros: [0; 6],
    };
    Some((Header::new(Kind::Position, 0), body.as_bytes().to_vec()))
}

/// The asker's accounts from a handle on, as ranges; the header's id is where to ask on, zero at the end.
fn accounts(engine: &Engine, asker: ParticipantHandle, from: AccountHandle) -> Answer {
    let (ranges, next) = engine.directory().registry(|registry| ranges(registry, asker, from));
    let count = u32::try_from(ranges.len()).expect("bounded by RANGES_MAX");
    let header =
        Header { count: count.into(), id: u128::from(next).into(), ..Header::new(Kind::Accounts, 0) };
    (header, ranges.as_bytes().to_vec())
}

fn ranges(
    registry: &Registry,
    asker: ParticipantHandle,
    from: AccountHandle,
) -> (Vec<AccountRangeBody>, AccountHandle) {
    let mut ranges: Vec<AccountRangeBody> = Vec::new();
    let all = registry.accounts();
    let first = usize::try_from(from).unwrap_or(usize::MAX).min(all.len());
    let is_own = |slot: SlotHandle| {
        registry.slots().get(slot as usize).is_some_and(|terms| terms.participant == asker)
    };
    for (terms, handle) in all[first..].iter().zip(from..).take(ACCOUNTS_SCANNED_MAX) {
        if !is_own(terms.slot) {
            continue;
        }
        let is_full = ranges.len() == RANGES_MAX;
        match ranges.last_mut() {
            Some(last) if goes_on(last, terms, handle) => last.count += 1,
            _ if is_full => return (ranges, handle),
            _ => ranges.push(AccountRangeBody {
                first: handle.into(),
                count: 1.into(),
                currency: terms.currency.into(),
                account_kind: terms.kind.number(),
                zeros: [0; 5],
            }),
        }
    }
    let scanned = first.saturating_add(ACCOUNTS_SCANNED_MAX);
    (ranges, if scanned < all.len() { from + ACCOUNTS_SCANNED_MAX as u64 } else { 0 })
}

fn goes_on(range: &AccountRangeBody, terms: &AccountTerms, handle: AccountHandle) -> bool {
    range.first.get() + range.count.get() == handle
        && range.currency.get() == terms.currency
        && range.account_kind == terms.kind.number()
}

/// Of the two banks whose accounts it moves between, and of the one that has submitted it.
fn transfer(engine: &Engine, asker: ParticipantHandle, uetr: u128) -> Option<Answer> {
    let sequence = engine.find(uetr)?;
    let (entry, row) = engine.entry(sequence).ok()??;
    let submitter = entry.submitter?;
    let parties = [entry.record.debtor.get(), entry.record.creditor.get()];
    let is_own = submitter == asker || parties.iter().any(|account| owner(engine, *account) == Some(asker));
    let body = TransferBody {
        sequence: sequence.into(),
        timestamp: entry.timestamp.into(),
        row: wire_row(&row),
        record: entry.record,
    };
    is_own.then(|| (Header::new(Kind::Transfer, 0), body.as_bytes().to_vec()))
}
