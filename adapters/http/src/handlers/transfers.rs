//! Single transfers: paid, returned, looked up.

use actix_web::HttpResponse;
use feiqian_core::currency::Currency;
use feiqian_core::outcome::{Outcome as Decision, OutcomeRow};
use feiqian_core::participant::CycleState;
use feiqian_core::registry::Registry;
use feiqian_runtime::history::JournaledEntry;
use feiqian_runtime::instructions::give_back;
use feiqian_runtime::pipeline::Engine;

use super::shown::{agent, amount_before, bic, fault, find, path_id};
use crate::api::{Call, answer};
use crate::instruct::{self, Instruction, Kind, id_text, shown};
use crate::model::{PaymentRequest, ReturnRequest, State, TransferDetail};
use crate::outcome::{Decided, view};
use crate::problem::{Outcome, Problem};
use crate::usage;

/// `POST /v1/transfers`.
pub(crate) async fn pay(call: Call) -> Outcome<HttpResponse> {
    let request: PaymentRequest = call.json()?;
    let own = call.own()?;
    let instruction = instruct::payment(call.api.engine.directory(), own, (&request, Kind::Transfer), "")?;
    usage::hold(&call.api, own, (&request, &instruction), "")?;
    call.pay(own, instruction).await
}

/// `POST /v1/returns`.
pub(crate) async fn give_back_to(call: Call) -> Outcome<HttpResponse> {
    let request: ReturnRequest = call.json()?;
    let (own, asker) = (call.own()?, call.asker);
    let original = instruct::id(Some(&request.original), "/original")?;
    let id = instruct::id(request.uetr.as_deref(), "/uetr")?;
    let paid = call.ask(move |engine| {
        let paid = match engine.released(original).map_err(fault)? {
            Some(sequence) => engine.entry(sequence).map_err(fault)?.map(|(entry, _)| entry),
            None => Some(find(engine, asker, original)?.1),
        };
        let absent = || Problem::absent("no such payment to an account of the caller's was journaled");
        let record = paid.ok_or_else(absent)?.record;
        let owner = engine.directory().account(record.creditor.get()).map(|(owner, ..)| owner);
        if owner != Some(own) {
            return Err(absent());
        }
        let paid_id = record.uetr.get();
        let left = match amount_before(engine, id, original)? {
            None => {
                let returned = engine.ask(move |sealer| sealer.mirror().returns.returned(paid_id));
                record.amount.get().saturating_sub(returned)
            }
            Some(before) => before,
        };
        Ok((record, left))
    });
    let (record, left) = paid.await?;
    let currency = Currency::from_numeric(record.currency.get()).ok_or_else(Problem::fault)?;
    let amount = match &request.amount {
        Some(amount) => instruct::money_in(amount, currency, "/amount")?,
        None => left,
    };
    let instruction = Instruction { record: give_back(&record, id, amount), details: None };
    call.pay(own, instruction).await
}

/// `GET /v1/transfers/{uetr}`.
pub(crate) async fn one(call: Call) -> Outcome<HttpResponse> {
    let (id, asker) = (path_id(call.part("uetr"))?, call.asker);
    let found = call.ask(move |engine| {
        let (sequence, entry, row) = find(engine, asker, id)?;
        detail(engine, id, sequence, (&entry, &row))
    });
    answer(&found.await?)
}

fn detail(
    engine: &Engine,
    id: u128,
    sequence: u64,
    (entry, row): (&JournaledEntry, &OutcomeRow),
) -> Outcome<TransferDetail> {
    let record = &entry.record;
    let currency = Currency::from_numeric(record.currency.get());
    let decided = Decided { sequence, timestamp: entry.timestamp, row: *row, is_repeated: true };
    let released = match row.outcome() {
        Some(Decision::Queued) => engine.released(id).map_err(fault)?,
        _ => None,
    };
    // What waited counts where it went out.
    let counted = released.unwrap_or(sequence);
    let block = engine.archive().block_of(counted).map_err(fault)?.map(|block| block.header.height);
    let is_moved = row.outcome() == Some(Decision::Cleared) || released.is_some();
    let mut transfer = view(id, &decided, currency);
    let related = record.related.get();
    Ok(engine.directory().registry(|registry| {
        let cycle = block.zip(currency).filter(|_| is_moved);
        let cycle = cycle.and_then(|(height, currency)| cycle_of(registry, height, currency));
        let witnessed = engine.log().witnessed();
        transfer.state = furthest(transfer.state, block, (witnessed, cycle.is_some_and(|(_, paid)| paid)));
        TransferDetail {
            transfer,
            submitter: entry.submitter.map(|handle| bic(registry, handle)).unwrap_or_default(),
            debtor: record.debtor.get(),
            debtor_agent: agent(registry, record.debtor.get()),
            creditor: record.creditor.get(),
            creditor_agent: agent(registry, record.creditor.get()),
            instructed_amount: currency.map(|known| shown(record.amount.get(), known)),
            related: (related != 0).then(|| id_text(related)),
            released,
            block,
            cycle: cycle.map(|(number, _)| number),
            details: entry.details.as_deref().and_then(|bytes| serde_json::from_slice(bytes).ok()),
        }
    }))
}

/// The state that a transfer has come to: that of its outcome, of its block, of its cycle.
fn furthest(outcome: State, block: Option<u64>, (witnessed, is_paid): (u64, bool)) -> State {
    match block {
        None => outcome,
        Some(_) if is_paid => State::Settled,
        Some(height) if height <= witnessed => State::Witnessed,
        Some(_) => State::Sealed,
    }
}

/// The cycle that counts a currency's transfers of a block, and whether it has been paid.
fn cycle_of(registry: &Registry, height: u64, currency: Currency) -> Option<(u64, bool)> {
    let mut cycles = registry.cycles().iter().rev();
    let found = cycles.find(|cycle| {
        let is_in =
            cycle.first_block <= height && (cycle.state == CycleState::Open || height < cycle.end_block);
        is_in && registry.is_counted(cycle.number, currency)
    })?;
    Some((found.number, found.state == CycleState::Settled))
}
