//! One position of a cycle as a camt.053: opening at zero, every movement, closing at the net position. Few movements
//! stand one by one with their references; many are summed up by counterparty.

use feiqian_core::account::SlotHandle;
use feiqian_core::participant::{Participant, SlotTerms};
use feiqian_core::transfer::flags;
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::payment::{AccountId, Agent, Party};
use feiqian_iso20022::write::{AccountReport, Balance, BankTransactionCode, EntrySummary, ReportEntry};
use feiqian_runtime::history::{JournaledEntry, entry_of};
use feiqian_runtime::journal::{Durable, Frame};
use feiqian_runtime::pipeline::Engine;

use super::Context;
use super::book::{CycleBook, Item, SlotBook, Sums};
use crate::details::Details;
use crate::error::FilesError;
use crate::timestamp::{date, date_time};

pub(super) fn report(
    context: &Context,
    engine: &Engine,
    book: &CycleBook,
    slot: SlotHandle,
) -> Result<AccountReport, FilesError> {
    let missing = || FilesError::Unknown(format!("slot {slot} is not known"));
    let terms = context.slots.get(slot as usize).ok_or_else(missing)?;
    let participant = context.participants.get(terms.participant as usize).ok_or_else(missing)?;
    let sums = book.sums(slot);
    let entries = match book.slot(slot) {
        Some(own) if own.is_itemised() => items(context, engine, &own.items)?,
        Some(own) => summed_up(context, own),
        None => Vec::new(),
    };
    let opening = book.before(slot).net();
    let balances = [opening, opening + sums.net()];
    let sums = book.told(slot);
    let id = context.message_id('S', slot.into());
    Ok(told(context, (terms, participant), (id, account(terms)), (balances, sums, entries)))
}

/// A statement of the cycle: whose, its id and account, opening and closing balance, sums and entries.
pub(super) fn told(
    context: &Context,
    (terms, participant): (&SlotTerms, &Participant),
    (id, account): (String, AccountId),
    ([opening, closing], sums, entries): ([i128; 2], Sums, Vec<ReportEntry>),
) -> AccountReport {
    let ((opened, is_later), (closed, is_interim)) = (context.begin(), context.end());
    // Within a cycle, where several may be of one day, a balance is of a moment; that of the open one as a whole, of its day.
    let is_within = is_interim && context.choice.part.is_some();
    let at = |is_within: bool, moment: u64| if is_within { date_time(moment) } else { date(moment) };
    let owner =
        Party { name: Some(participant.name.clone()), bic: Some(participant.bic), ..Party::default() };
    AccountReport {
        business: None,
        message_id: id.clone(),
        creation: date_time(closed),
        id,
        sequence: Some(context.cycle.number),
        period: Some((date_time(opened), date_time(closed))),
        account,
        currency: terms.currency,
        owner: Some(owner),
        servicer: Some(Agent::of_bic(context.operator)),
        balances: vec![
            Balance {
                kind: if is_later { "ITBD" } else { "OPBD" },
                minor: opening,
                date: at(is_later, opened),
            },
            Balance {
                kind: if is_interim { "ITBD" } else { "CLBD" },
                minor: closing,
                date: at(is_within, closed),
            },
        ],
        summary: Some(summary(sums)),
        entries,
    }
}

fn account(terms: &SlotTerms) -> AccountId {
    AccountId::Other { id: terms.clearing_account.to_string(), scheme: None }
}

fn summary(sums: Sums) -> EntrySummary {
    EntrySummary {
        credits: sums.credits,
        credit_sum: sums.credit_sum,
        debits: sums.debits,
        debit_sum: sums.debit_sum,
    }
}

pub(super) fn code(is_credit: bool) -> BankTransactionCode {
    if is_credit { BankTransactionCode::RECEIVED } else { BankTransactionCode::ISSUED }
}

fn charge(is_credit: bool) -> BankTransactionCode {
    if is_credit { BankTransactionCode::CHARGES_RECEIVED } else { BankTransactionCode::CHARGES_PAID }
}

/// Transfers one by one, with their references.
pub(super) fn items(
    context: &Context,
    engine: &Engine,
    items: &[Item],
) -> Result<Vec<ReportEntry>, FilesError> {
    let mut frame: Option<Durable<Frame>> = None;
    items
        .iter()
        .map(|item| journaled(engine, &mut frame, item.sequence).map(|found| entry(context, item, &found)))
        .collect()
}

/// The entry of a sequence; its frame is kept, as the next item is likely to be in it.
fn journaled(
    engine: &Engine,
    kept: &mut Option<Durable<Frame>>,
    sequence: u64,
) -> Result<JournaledEntry, FilesError> {
    let fault = |reason: String| FilesError::Journal { sequence, reason };
    let holds = |frame: &Durable<Frame>| {
        (frame.header.first_sequence..=frame.header.last_sequence()).contains(&sequence)
    };
    let frame = match kept.take().filter(holds) {
        Some(frame) => frame,
        None => engine.archive().journal.frame_at(sequence).map_err(|error| fault(error.to_string()))?,
    };
    let found = entry_of(&frame, sequence).ok_or_else(|| fault("its frame is malformed".to_owned()));
    *kept = Some(frame);
    found
}

fn entry(context: &Context, item: &Item, journaled: &JournaledEntry) -> ReportEntry {
    let details = journaled.details.as_deref().and_then(Details::decode);
    let record = &journaled.record;
    let id = record.uetr.get();
    let fee_on = Uetr::new(record.related.get()).filter(|_| record.flags.get() & flags::FEE != 0);
    ReportEntry {
        reference: Some(item.sequence.to_string()),
        minor: item.amount.into(),
        is_credit: item.is_credit,
        booked: date_time(item.timestamp),
        value_date: Some(date(context.cycle.closed_at)),
        servicer_reference: Some(item.sequence.to_string()),
        code: if fee_on.is_some() { charge(item.is_credit) } else { code(item.is_credit) },
        transactions: vec![details.unwrap_or_default().entry_transaction(id)],
        information: fee_on.map(|payment| format!("fee on {payment}")),
    }
}

/// Up to two entries for each counterparty: what came from it and what went to it.
fn summed_up(context: &Context, own: &SlotBook) -> Vec<ReportEntry> {
    let sides = own.by_counterparty.iter().flat_map(|(counterparty, sums)| {
        [
            (counterparty, sums.credits, sums.credit_sum, true),
            (counterparty, sums.debits, sums.debit_sum, false),
        ]
    });
    let entries = sides.filter(|(_, count, ..)| *count > 0).map(|(counterparty, count, sum, is_credit)| {
        let terms = context.slots.get(*counterparty as usize);
        let bic = terms.and_then(|terms| context.bic(terms.participant).ok());
        let name = bic.map_or_else(String::new, |bic| bic.as_str().to_owned());
        let direction = if is_credit { "from" } else { "to" };
        total(context, (sum, is_credit), format!("{count} transfers {direction} {name}"))
    });
    entries.collect()
}

/// An entry for all of a cycle's transfers of one kind, `sum` in minor units.
pub(super) fn total(context: &Context, (sum, is_credit): (u128, bool), information: String) -> ReportEntry {
    ReportEntry {
        reference: None,
        minor: sum,
        is_credit,
        booked: date_time(context.end().0),
        value_date: Some(date(context.cycle.closed_at)),
        servicer_reference: None,
        code: code(is_credit),
        transactions: Vec::new(),
        information: Some(information),
    }
}
