//! Many transfers in one request: all or none, each on its own, or in order until one is refused.

use actix_web::HttpResponse;
use feiqian_core::limits::{BATCH_TRANSFERS_MAX, CHAIN_TRANSFERS_MAX};
use feiqian_core::outcome::Outcome as Decision;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::flags;
use feiqian_files::status;

use crate::api::{Call, answer};
use crate::instruct::{self, Instruction, Kind, id_text};
use crate::limits::STOP_TRANSFERS_MAX;
use crate::model::{Bulk, BulkItem, BulkMode, BulkReport, BulkStatus, ItemState, PaymentRequest};
use crate::outcome::Decided;
use crate::problem::{Outcome, Place, Problem};
use crate::usage;

/// `POST /v1/transfers/bulk`.
pub(crate) async fn pay(call: Call) -> Outcome<HttpResponse> {
    let bulk: Bulk = call.json()?;
    let own = call.own()?;
    let most = match bulk.mode {
        BulkMode::Atomic => CHAIN_TRANSFERS_MAX,
        BulkMode::Continue => call.api.options.bulk_transfers_max,
        BulkMode::Stop => STOP_TRANSFERS_MAX.min(call.api.options.bulk_transfers_max),
    };
    if !(1..=most).contains(&bulk.transfers.len()) {
        return Err(Problem::field("/transfers", format!("1 to {most} transfers in this mode")));
    }
    let items = match bulk.mode {
        BulkMode::Atomic => atomic(&call, own, &bulk.transfers).await?,
        BulkMode::Continue => each(&call, own, &bulk.transfers).await?,
        BulkMode::Stop => in_order(&call, own, &bulk.transfers).await?,
    };
    answer(&BulkReport { status: status_of(&items), transfers: items })
}

fn read(
    call: &Call,
    own: ParticipantHandle,
    (at, request): (usize, &PaymentRequest),
) -> Outcome<Instruction> {
    let (directory, at) = (call.api.engine.directory(), format!("/transfers/{at}"));
    let instruction = instruct::payment(directory, own, (request, Kind::Transfer), &at)?;
    usage::hold(&call.api, own, (request, &instruction), &at)?;
    Ok(instruction)
}

/// A chain. One that can't be read makes none of it: nothing is submitted.
async fn atomic(call: &Call, own: ParticipantHandle, all: &[Box<PaymentRequest>]) -> Outcome<Vec<BulkItem>> {
    let read: Outcome<Vec<_>> =
        all.iter().map(Box::as_ref).enumerate().map(|item| read(call, own, item)).collect();
    let mut instructions = read?;
    if instructions.iter().any(|one| one.record.flags.get() & flags::QUEUE != 0) {
        return Err(Problem::field("/transfers", "what must succeed at once with others can't wait"));
    }
    check_records(call, &instructions, CHAIN_TRANSFERS_MAX)?;
    let last = instructions.len() - 1;
    for one in instructions.iter_mut().take(last) {
        one.record.flags = (one.record.flags.get() | flags::LINKED).into();
    }
    let places = (0..instructions.len()).collect();
    submit(call, own, (places, instructions))
        .await
        .map(|items| items.into_iter().map(|(_, item)| item).collect())
}

/// One batch of all that can be read.
async fn each(call: &Call, own: ParticipantHandle, all: &[Box<PaymentRequest>]) -> Outcome<Vec<BulkItem>> {
    let mut items: Vec<Option<BulkItem>> = Vec::with_capacity(all.len());
    let (mut places, mut instructions) = (Vec::new(), Vec::new());
    for (at, request) in all.iter().map(Box::as_ref).enumerate() {
        match read(call, own, (at, request)) {
            Ok(instruction) => {
                places.push(at);
                instructions.push(instruction);
                items.push(None);
            }
            Err(problem) => items.push(Some(unreadable(request, &problem))),
        }
    }
    check_records(call, &instructions, BATCH_TRANSFERS_MAX)?;
    if !instructions.is_empty() {
        for (at, item) in submit(call, own, (places, instructions)).await? {
            items[at] = Some(item);
        }
    }
    Ok(items.into_iter().flatten().collect())
}

/// One after the other, each only once the one before is accepted.
async fn in_order(
    call: &Call,
    own: ParticipantHandle,
    all: &[Box<PaymentRequest>],
) -> Outcome<Vec<BulkItem>> {
    let mut items = Vec::with_capacity(all.len());
    for (at, request) in all.iter().map(Box::as_ref).enumerate() {
        let item = match read(call, own, (at, request)) {
            Ok(instruction) => {
                let id = instruction.record.uetr.get();
                match submit(call, own, (vec![at], vec![instruction])).await {
                    Ok(mut done) => done.pop().map(|(_, item)| item).ok_or_else(Problem::fault)?,
                    // Nothing of the others has been sent yet; of the first nothing at all.
                    Err(problem) if at == 0 => return Err(problem),
                    Err(problem) => refused(Some(id), &problem),
                }
            }
            Err(problem) => unreadable(request, &problem),
        };
        let is_accepted = matches!(item.state, ItemState::Cleared | ItemState::Queued);
        items.push(item);
        if !is_accepted {
            break;
        }
    }
    for request in &all[items.len()..] {
        let sent = BulkItem { state: ItemState::NotSent, ..empty(request.uetr.clone()) };
        items.push(sent);
    }
    Ok(items)
}

/// Refuses what is over a bound once the legs of its fees are counted.
fn check_records(call: &Call, instructions: &[Instruction], most: usize) -> Outcome<()> {
    let records: usize = instructions.iter().map(|one| call.chain(&one.record).len()).sum();
    if records <= most {
        return Ok(());
    }
    let detail = format!("with the fees that they owe these are {records} transfers, of {most} at the most");
    Err(Problem::field("/transfers", detail))
}

/// Submits as one batch; gives what became of each with its place.
async fn submit(
    call: &Call,
    own: ParticipantHandle,
    (places, instructions): (Vec<usize>, Vec<Instruction>),
) -> Outcome<Vec<(usize, BulkItem)>> {
    let ids: Vec<u128> = instructions.iter().map(|one| one.record.uetr.get()).collect();
    let Some(outcome) = call.submit(own, instructions).await? else {
        let received = |id: u128| BulkItem { state: ItemState::Received, ..empty(Some(id_text(id))) };
        return Ok(places.into_iter().zip(ids.into_iter().map(received)).collect());
    };
    let mut items = Vec::with_capacity(ids.len());
    for (at, (place, id)) in places.into_iter().zip(ids).enumerate() {
        items.push((place, decided(id, &call.decided(&outcome, at).await?)));
    }
    Ok(items)
}

fn decided(id: u128, decided: &Decided) -> BulkItem {
    let state = match decided.row.outcome() {
        Some(Decision::Cleared) => ItemState::Cleared,
        Some(Decision::Queued) => ItemState::Queued,
        _ => ItemState::Rejected,
    };
    let reason = decided.row.reason().map(status::reason);
    BulkItem {
        state,
        sequence: Some(decided.sequence),
        reason: reason.map(|(code, _)| code.as_str()),
        detail: reason.map(|(_, text)| text.to_owned()),
        ..empty(Some(id_text(id)))
    }
}

fn unreadable(request: &PaymentRequest, problem: &Problem) -> BulkItem {
    let pointer = match &problem.place {
        Some(Place::Pointer(pointer)) => Some(pointer.clone()),
        _ => None,
    };
    BulkItem { uetr: request.uetr.clone(), pointer, ..refused(None, problem) }
}

fn refused(id: Option<u128>, problem: &Problem) -> BulkItem {
    BulkItem {
        reason: problem.reason.map(|code| code.as_str()),
        detail: Some(problem.detail.clone().into_owned()),
        ..empty(id.map(id_text))
    }
}

fn empty(uetr: Option<String>) -> BulkItem {
    BulkItem { uetr, state: ItemState::Rejected, sequence: None, reason: None, pointer: None, detail: None }
}

fn status_of(items: &[BulkItem]) -> BulkStatus {
    let is_accepted = |item: &&BulkItem| !matches!(item.state, ItemState::Rejected | ItemState::NotSent);
    match items.iter().filter(is_accepted).count() {
        0 => BulkStatus::Rejected,
        some if some == items.len() => BulkStatus::Accepted,
        _ => BulkStatus::PartiallyAccepted,
    }
}
