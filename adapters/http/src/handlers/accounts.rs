//! Accounts of the caller's own, their postings, and the names that anybody who pays must resolve.

use actix_web::HttpResponse;
use feiqian_core::account::{AccountHandle, UNLIMITED};
use feiqian_core::block::Sealer;
use feiqian_core::currency::Currency;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::registry::Registry;
use feiqian_core::transfer::flags;
use feiqian_files::timestamp::date_time;
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::query::{HistoryStart, Posting};

use super::paging;
use super::shown::{account_seen, agent, fault};
use crate::api::{Call, answer};
use crate::instruct::{id_text, shown, shown_signed};
use crate::limits::ACCOUNTS_SCANNED_MAX;
use crate::model::{AccountView, Accounts, Alias, PostingView, Postings};
use crate::problem::{Outcome, Problem};

/// `GET /v1/accounts`.
pub(crate) async fn list(call: Call) -> Outcome<HttpResponse> {
    let query: paging::OwnPage = call.query()?;
    let owner = call.whose(query.participant.as_deref())?;
    let limit = query.limit()?;
    let after: Option<AccountHandle> = paging::number(query.cursor.as_deref())?;
    let from = after.map_or(0, |last| last.saturating_add(1));
    let page = call.ask(move |engine| {
        Ok(engine.ask(move |sealer| {
            let (found, next) = scan(&sealer.mirror().registry, owner, from, limit);
            let views = found.into_iter().filter_map(|handle| view(sealer, handle)).collect();
            Accounts { accounts: views, next: next.map(|last| last.to_string()) }
        }))
    });
    answer(&page.await?)
}

/// Accounts of an owner (or of all) from a handle on, and the last one that was looked at where more follow.
fn scan(
    registry: &Registry,
    owner: Option<ParticipantHandle>,
    from: AccountHandle,
    limit: usize,
) -> (Vec<AccountHandle>, Option<AccountHandle>) {
    let all = registry.accounts();
    let first = usize::try_from(from).unwrap_or(usize::MAX).min(all.len());
    let mut found = Vec::new();
    let mut last = from;
    for (terms, handle) in all[first..].iter().zip(from..).take(ACCOUNTS_SCANNED_MAX) {
        let slot = registry.slots().get(terms.slot as usize);
        last = handle;
        if owner.is_none() || slot.map(|slot| slot.participant) == owner {
            found.push(handle);
        }
        if found.len() == limit {
            break;
        }
    }
    let is_end = usize::try_from(last).unwrap_or(usize::MAX).saturating_add(1) >= all.len();
    (found, (!is_end).then_some(last))
}

fn view(sealer: &Sealer, handle: AccountHandle) -> Option<AccountView> {
    let mirror = sealer.mirror();
    let terms = mirror.registry.account(handle)?;
    // Opened since the last block: nothing has moved on it as of that.
    let cell = mirror.account(handle).copied().unwrap_or_default();
    let currency = Currency::from_numeric(terms.currency)?;
    let is_bound = terms.credit_line != UNLIMITED;
    Some(AccountView {
        account: handle,
        participant: agent(&mirror.registry, handle)?,
        kind: terms.kind.name(),
        state: terms.state.name(),
        balance: shown_signed(cell.balance, currency),
        reserved: shown(cell.reserved, currency),
        credit_line: is_bound.then(|| shown(terms.credit_line, currency)),
        available: is_bound.then(|| shown_signed(cell.available(terms.credit_line), currency)),
        block: sealer.height(),
    })
}

/// `GET /v1/accounts/{account}`.
pub(crate) async fn one(call: Call) -> Outcome<HttpResponse> {
    let handle = account_seen(&call, call.part("account"))?;
    let found = call.ask(move |engine| Ok(engine.ask(move |sealer| view(sealer, handle)))).await?;
    answer(&found.ok_or_else(Problem::fault)?)
}

/// `GET /v1/accounts/{account}/postings`.
pub(crate) async fn postings(call: Call) -> Outcome<HttpResponse> {
    let query: paging::Page = call.query()?;
    let handle = account_seen(&call, call.part("account"))?;
    let limit = query.limit()?;
    let from: Option<u64> = paging::number(query.cursor.as_deref())?;
    let page = call.ask(move |engine| history(engine, handle, from, limit)).await?;
    answer(&page)
}

/// The postings from a sequence on, which must be one of the account's: a chain that is entered elsewhere is another's.
fn history(engine: &Engine, account: AccountHandle, from: Option<u64>, limit: usize) -> Outcome<Postings> {
    let start = engine.ask(move |sealer| HistoryStart::of(sealer.mirror(), account));
    let Some(mut start) = start else { return Ok(Postings { postings: Vec::new(), next: None }) };
    if let Some(sequence) = from {
        let found = engine.entry(sequence).map_err(fault)?.filter(|_| sequence <= start.last_posting);
        let is_own = found.is_some_and(|(entry, row)| {
            let record = &entry.record;
            let is_command = record.flags.get() & flags::COMMAND != 0;
            let moves = row.outcome() == Some(feiqian_core::outcome::Outcome::Cleared);
            is_command || moves && [record.debtor.get(), record.creditor.get()].contains(&account)
        });
        if !is_own {
            return Err(paging::unknown());
        }
        start.last_posting = sequence;
    }
    let mut postings = engine.archive().history(&start, limit + 1).map_err(fault)?;
    let next = (postings.len() > limit).then(|| postings.pop()).flatten();
    let (_, currency, _) = engine.directory().account(account).ok_or_else(Problem::fault)?;
    let shown = engine.directory().registry(|registry| {
        postings.iter().map(|posting| posting_view(registry, currency, posting)).collect()
    });
    Ok(Postings { postings: shown, next: next.map(|posting| posting.sequence.to_string()) })
}

fn posting_view(registry: &Registry, currency: Currency, posting: &Posting) -> PostingView {
    let minor = i128::try_from(posting.amount).unwrap_or(i128::MAX);
    PostingView {
        sequence: posting.sequence,
        time: date_time(posting.timestamp),
        uetr: id_text(posting.uetr),
        amount: shown_signed(if posting.is_debit { -minor } else { minor }, currency),
        counterparty: posting.counterparty,
        counterparty_agent: posting.counterparty.and_then(|other| agent(registry, other)),
        settles_cycle: posting.settles,
    }
}

/// `GET /v1/aliases/{alias}`.
pub(crate) async fn alias(call: Call) -> Outcome<HttpResponse> {
    let directory = call.api.engine.directory();
    let name = call.part("alias");
    let absent = || Problem::absent("no account has that name");
    let account = directory.alias(name).ok_or_else(absent)?;
    let (_, currency, _) = directory.account(account).ok_or_else(absent)?;
    let participant = directory.registry(|registry| agent(registry, account)).ok_or_else(absent)?;
    answer(&Alias { alias: name.to_owned(), account, participant, currency: currency.code() })
}
