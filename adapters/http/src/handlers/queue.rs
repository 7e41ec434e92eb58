//! Payments that wait: listed, given another class or time, taken back.

use actix_web::HttpResponse;
use feiqian_core::currency::Currency;
use feiqian_core::liquidity::queue::Queued as Waiting;
use feiqian_core::liquidity::resolve::Priority;
use feiqian_core::transfer::{Record, flags};
use feiqian_files::timestamp::date_time;
use feiqian_runtime::instructions;

use super::paging;
use super::shown::{find_debit, is_of, path_id};
use crate::api::{Call, answer};
use crate::instruct::{self, Instruction, id_text, shown};
use crate::model::{Amend, OptionalId, PriorityWord, QueueView, Queued};
use crate::problem::{Outcome, Problem};

/// `GET /v1/queue`.
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
            let all = mirror.queue.iter().filter(|(_, waiting)| is_own(waiting.debtor));
            let (page, next) = paging::ascending(all.map(|(id, at)| (*id, *at)), after, limit);
            let views = page.iter().filter_map(|(id, waiting)| {
                let terms = mirror.registry.account(waiting.debtor)?;
                Some(view(*id, waiting, Currency::from_numeric(terms.currency)?))
            });
            Queued { queue: views.collect(), next: next.map(id_text) }
        }))
    });
    answer(&page.await?)
}

fn view(id: u128, waiting: &Waiting, currency: Currency) -> QueueView {
    QueueView {
        uetr: id_text(id),
        debtor: waiting.debtor,
        creditor: waiting.creditor,
        amount: shown(waiting.amount, currency),
        priority: match waiting.priority {
            Priority::Urgent => PriorityWord::Urgent,
            Priority::High => PriorityWord::High,
            Priority::Normal => PriorityWord::Normal,
        },
        earliest: (waiting.earliest > 0).then(|| date_time(waiting.earliest)),
        latest: (waiting.latest != u64::MAX).then(|| date_time(waiting.latest)),
    }
}

/// The record of the payment of the path, which must have been one that may wait.
async fn waiting(call: &Call) -> Outcome<Record> {
    let (own, id) = (call.own()?, path_id(call.part("uetr"))?);
    let record = call.ask(move |engine| find_debit(engine, own, id)).await?;
    let bits = record.flags.get();
    let is_payment = bits & flags::QUEUE != 0 && record.related.get() == 0;
    is_payment.then_some(record).ok_or_else(|| Problem::absent("that transfer is none that may wait"))
}

/// `POST /v1/queue/{uetr}/amend`.
pub(crate) async fn amend(call: Call) -> Outcome<HttpResponse> {
    let request: Amend = call.json()?;
    let id = instruct::id(request.uetr.as_deref(), "/uetr")?;
    let place = match (request.first, request.last) {
        (true, true) => return Err(Problem::field("/last", "it can't be the first and the last")),
        (true, false) => flags::FIRST,
        (false, true) => flags::LAST,
        (false, false) => 0,
    };
    let own = call.own()?;
    let queued = waiting(&call).await?;
    let priority = instruct::priority(request.priority);
    let times = (request.earliest_s.get(), request.latest_s.get());
    let record = instructions::amend(&queued, id, (priority, place), times);
    call.pay(own, Instruction { record, details: None }).await
}

/// `POST /v1/queue/{uetr}/revoke`.
pub(crate) async fn revoke(call: Call) -> Outcome<HttpResponse> {
    let request: OptionalId = call.json()?;
    let id = instruct::id(request.uetr.as_deref(), "/uetr")?;
    let own = call.own()?;
    let queued = waiting(&call).await?;
    call.pay(own, Instruction { record: instructions::revoke(&queued, id), details: None }).await
}
