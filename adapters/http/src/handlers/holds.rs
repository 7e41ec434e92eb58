//! Holds: placed, listed, posted in full or in part, given back.

use actix_web::HttpResponse;
use feiqian_core::currency::Currency;
use feiqian_core::hold::Hold;
use feiqian_core::transfer::flags;
use feiqian_files::timestamp::date_time;
use feiqian_runtime::instructions;

use super::paging;
use super::shown::{amount_before, find_debit, is_of, path_id};
use crate::api::{Call, answer};
use crate::instruct::{self, Instruction, Kind, id_text, shown};
use crate::model::{HoldView, Holds, OptionalId, PaymentRequest, PostRequest};
use crate::problem::{Outcome, Problem};
use crate::usage;

/// `POST /v1/holds`.
pub(crate) async fn place(call: Call) -> Outcome<HttpResponse> {
    let request: PaymentRequest = call.json()?;
    let own = call.own()?;
    let instruction = instruct::payment(call.api.engine.directory(), own, (&request, Kind::Hold), "")?;
    usage::hold(&call.api, own, (&request, &instruction), "")?;
    call.pay(own, instruction).await
}

/// `GET /v1/holds`.
pub(crate) async fn list(call: Call) -> Outcome<HttpResponse> {
    let query: paging::OwnPage = call.query()?;
    let owner = call.whose(query.participant.as_deref())?;
    let (limit, after) = (query.limit()?, paging::id(query.cursor.as_deref())?);
    let scan = call.scan().await?;
    let page = call.ask(move |engine| {
        // Until it is done, whether or not somebody still waits for it.
        let _scan = scan;
        Ok(engine.ask(move |sealer| {
            let mirror = sealer.mirror();
            let is_own = |account| is_of(&mirror.registry, account, owner);
            let all = mirror.holds.iter().filter(|(_, hold)| is_own(hold.debtor) || is_own(hold.creditor));
            let (page, next) = paging::ascending(all, after, limit);
            let views = page.iter().filter_map(|(id, hold)| {
                let terms = mirror.registry.account(hold.debtor)?;
                view(*id, hold, Currency::from_numeric(terms.currency)?)
            });
            Holds { holds: views.collect(), next: next.map(id_text) }
        }))
    });
    answer(&page.await?)
}

fn view(id: u128, hold: &Hold, currency: Currency) -> Option<HoldView> {
    Some(HoldView {
        uetr: id_text(id),
        debtor: hold.debtor,
        creditor: hold.creditor,
        amount: shown(hold.amount, currency),
        expires: (hold.deadline != u64::MAX).then(|| date_time(hold.deadline)),
    })
}

/// `POST /v1/holds/{uetr}/post`.
pub(crate) async fn post(call: Call) -> Outcome<HttpResponse> {
    let request: PostRequest = call.json()?;
    let (own, held_id) = (call.own()?, path_id(call.part("uetr"))?);
    let id = instruct::id(request.uetr.as_deref(), "/uetr")?;
    let found = call.ask(move |engine| {
        let record = find_debit(engine, own, held_id)?;
        // As of the last block; what has been posted since, the engine knows.
        let left = match amount_before(engine, id, held_id)? {
            None => engine.ask(move |sealer| sealer.mirror().holds.get(held_id).map(|hold| hold.amount)),
            before => before,
        };
        Ok((record, left))
    });
    let (record, left) = found.await?;
    check_hold(record.flags.get())?;
    let currency = Currency::from_numeric(record.currency.get()).ok_or_else(Problem::fault)?;
    let amount = match &request.amount {
        Some(amount) => instruct::money_in(amount, currency, "/amount")?,
        None => left.unwrap_or(record.amount.get()),
    };
    let record = instructions::post(&record, id, amount, request.keep);
    call.pay(own, Instruction { record, details: None }).await
}

/// `POST /v1/holds/{uetr}/void`.
pub(crate) async fn void(call: Call) -> Outcome<HttpResponse> {
    let request: OptionalId = call.json()?;
    let (own, held_id) = (call.own()?, path_id(call.part("uetr"))?);
    let id = instruct::id(request.uetr.as_deref(), "/uetr")?;
    let record = call.ask(move |engine| find_debit(engine, own, held_id)).await?;
    check_hold(record.flags.get())?;
    call.pay(own, Instruction { record: instructions::void(&record, id), details: None }).await
}

fn check_hold(bits: u16) -> Outcome<()> {
    let absent = || Problem::absent("that transfer is no hold");
    (bits & flags::HOLD != 0).then_some(()).ok_or_else(absent)
}
