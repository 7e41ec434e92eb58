//! Firm rates, quotes that lock them, and trades on quotes. A quote is a participant's word: it is signed with its own key,
//! which never comes here.

use actix_web::{HttpResponse, rt};
use feiqian_core::bic::Bic;
use feiqian_core::command::{APPROVAL_CONTEXT, Approval, Command, Entry};
use feiqian_core::currency::Currency;
use feiqian_core::exchange::book::{Quote, Rate};
use feiqian_core::exchange::command::{ExchangeCommand, Fixed};
use feiqian_core::exchange::decide::PARTICIPANT_SIGNER;
use feiqian_core::outcome::Outcome as Decision;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::registry::Registry;
use feiqian_core::uetr::Uetr;
use feiqian_files::timestamp::date_time;
use feiqian_identity::hex;
use feiqian_proof::hash::{Domain, keyed};
use feiqian_proof::signature::{Signature, message};
use feiqian_runtime::instructions;

use super::shown::{bic, path_id};
use crate::api::{Call, answer};
use crate::instruct::{self, Instruction, account_named, id_text, own_account, shown};
use crate::model::{Draft, QuoteOrder, QuoteRequest, QuoteView, RateView, Rates, TradeRequest, TradeView};
use crate::outcome::Decided;
use crate::problem::{Outcome, Problem};

/// `GET /v1/fx/rates`.
pub(crate) async fn rates(call: Call) -> Outcome<HttpResponse> {
    let rates = call.api.engine.directory().registry(|registry| {
        registry.exchange().rates().iter().map(|(key, rate)| rate_view(registry, *key, rate)).collect()
    });
    answer(&Rates { rates })
}

fn rate_view(
    registry: &Registry,
    (provider, base, quote): (ParticipantHandle, Currency, Currency),
    rate: &Rate,
) -> RateView {
    RateView {
        provider: bic(registry, provider),
        base: base.code(),
        quote: quote.code(),
        bid: rate.bid.to_decimal(),
        ask: rate.ask.to_decimal(),
        left: shown(rate.left, base),
        expires: date_time(rate.expires),
    }
}

/// The entry that locks a quote for the caller's participant, unsigned.
fn entry(call: &Call, request: &QuoteRequest, at: &str) -> Outcome<Entry> {
    let own = call.own()?;
    let id = instruct::id(Some(&request.uetr), &format!("{at}/uetr"))?;
    let provider = Bic::parse(&request.provider)
        .map_err(|error| Problem::field(format!("{at}/provider"), error.to_string()))?;
    let other = |code: &Option<String>, name: &str| {
        let missing = || Problem::field(format!("{at}/{name}"), "say the other currency");
        instruct::currency(code.as_deref().ok_or_else(missing)?, &format!("{at}/{name}"))
    };
    let (source, target, fixed) = match (&request.pay, &request.get) {
        (Some(pay), None) => {
            let (source, amount) = instruct::money(pay, &format!("{at}/pay"))?;
            (source, other(&request.target, "target")?, Fixed::Source(amount))
        }
        (None, Some(get)) => {
            let (target, amount) = instruct::money(get, &format!("{at}/get"))?;
            (other(&request.source, "source")?, target, Fixed::Target(amount))
        }
        _ => return Err(Problem::field(format!("{at}/pay"), "fix pay or get, one of them")),
    };
    let registered = |registry: &Registry| registry.participants().get(own as usize).map(|at| at.bic);
    let requester = call.api.engine.directory().registry(registered).ok_or_else(Problem::fault)?;
    let valid_seconds = request.valid_s.get();
    let command = ExchangeCommand::LockQuote { requester, provider, source, target, fixed, valid_seconds };
    Ok(Entry::new(id, Command::Exchange(command)))
}

/// `POST /v1/fx/quotes/draft`.
pub(crate) async fn draft(call: Call) -> Outcome<HttpResponse> {
    let request: QuoteRequest = call.json()?;
    let entry = entry(&call, &request, "")?;
    let message = message(APPROVAL_CONTEXT, &entry.signed_bytes(&call.api.genesis.chain_id));
    answer(&Draft { uetr: id_text(entry.id), message: hex::encode(&message) })
}

/// `POST /v1/fx/quotes`.
pub(crate) async fn lock(call: Call) -> Outcome<HttpResponse> {
    let request: QuoteOrder = call.json()?;
    let mut entry = entry(&call, &request.quote, "/quote")?;
    let signature = Signature::from_hex(&request.signature)
        .ok_or_else(|| Problem::field("/signature", "128 hexadecimal digits"))?;
    entry.approvals = vec![Approval { officer: PARTICIPANT_SIGNER, signature }];
    let ticket = call.api.engine.command(&entry)?;
    let unknown = || Problem::outcome_unknown("ask for the quote under its id, or send this again");
    let answered = rt::time::timeout(call.api.options.answer_timeout, ticket.outcome()).await;
    let outcome = answered.ok().flatten().ok_or_else(unknown)?;
    if let (Some(Decision::Rejected), Some(reason)) = (outcome.row.outcome(), outcome.row.reason()) {
        return Err(Problem::refused(reason, id_text(entry.id), Some(outcome.sequence)));
    }
    let (_, view) = found(&call, entry.id)?;
    answer(&view)
}

/// A quote that the caller sees: as its requester or its provider.
fn found(call: &Call, id: u128) -> Outcome<(Quote, QuoteView)> {
    let asker = call.asker;
    let quote = call.api.engine.directory().registry(|registry| {
        let quote = registry.exchange().quotes().get(&id).copied()?;
        let is_own = asker.sees(quote.requester) || asker.sees(quote.provider);
        is_own.then(|| (quote, quote_view(registry, id, &quote)))
    });
    quote.ok_or_else(|| Problem::absent("no such quote of the caller's is locked"))
}

fn quote_view(registry: &Registry, id: u128, quote: &Quote) -> QuoteView {
    QuoteView {
        uetr: id_text(id),
        requester: bic(registry, quote.requester),
        provider: bic(registry, quote.provider),
        pay: shown(quote.source_amount, quote.source),
        get: shown(quote.target_amount, quote.target),
        expires: date_time(quote.expires),
    }
}

/// `GET /v1/fx/quotes/{uetr}`.
pub(crate) async fn quote(call: Call) -> Outcome<HttpResponse> {
    let (_, view) = found(&call, path_id(call.part("uetr"))?)?;
    answer(&view)
}

/// `POST /v1/fx/trades`.
pub(crate) async fn trade(call: Call) -> Outcome<HttpResponse> {
    let request: TradeRequest = call.json()?;
    let own = call.own()?;
    let id = instruct::id(Some(&request.quote), "/quote")?;
    let (quote, _) = found(&call, id)?;
    let directory = call.api.engine.directory();
    let debtor = own_account(directory, own, &request.debtor, "/debtor")?;
    let creditor = account_named(directory, &request.creditor)
        .ok_or_else(|| Problem::field("/creditor", "there is no such account; correct it"))?;
    let first = instruct::id(request.uetr.as_deref(), "/uetr")?;
    let ids = [first, second_leg(first)];
    let records = instructions::trade((id, &quote), ids, [debtor, creditor]);
    let legs = records.into_iter().map(|record| Instruction { record, details: None }).collect();
    let unknown = || Problem::outcome_unknown("ask for the transfer of the first leg, or send this again");
    let outcome = call.submit(own, legs).await?.ok_or_else(unknown)?;
    let decided = [call.decided(&outcome, 0).await?, call.decided(&outcome, 1).await?];
    refused(ids, decided)?;
    answer(&TradeView {
        quote: id_text(id),
        uetrs: ids.map(id_text),
        sequences: decided.map(|leg| leg.sequence),
        paid: shown(quote.source_amount, quote.source),
        got: shown(quote.target_amount, quote.target),
    })
}

/// The id of what is got, from that of what is paid: so that a trade that is sent again is the same one.
fn second_leg(first: u128) -> u128 {
    let digest = keyed(Domain::Document, &[b"fx leg 2".as_slice(), &first.to_be_bytes()].concat()).0;
    let mut short = [0; 16];
    short.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    Uetr::from_digest(short).bits()
}

/// The leg that failed by itself says more than the one that failed with it.
fn refused(ids: [u128; 2], decided: [Decided; 2]) -> Outcome<()> {
    let reasons = decided.iter().zip(ids).filter(|(leg, _)| leg.row.outcome() == Some(Decision::Rejected));
    let chosen = reasons
        .max_by_key(|(leg, _)| leg.row.reason() != Some(feiqian_core::outcome::RejectReason::ChainFailed));
    match chosen {
        Some((leg, id)) => crate::outcome::refused(id, leg),
        None => Ok(()),
    }
}
