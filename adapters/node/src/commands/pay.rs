//! `feiqian pay`, `post`, `void` and `return`: single transfers by hand, for the participant that owns the debtor account. Builds
//! records and shows what became of them; decides nothing.

use std::fmt;

use feiqian_core::account::AccountHandle;
use feiqian_core::batch::Batch;
use feiqian_core::currency::Currency;
use feiqian_core::fees::chain_of;
use feiqian_core::liquidity::resolve::Priority;
use feiqian_core::money::{Amount, decimal};
use feiqian_core::outcome::{Outcome, OutcomeRow, RejectReason};
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::{Record, flags};
use feiqian_core::uetr::Uetr;
use feiqian_runtime::admission::Busy;
use serde::Serialize;

use super::Context;
use super::fee::LegLine;
use crate::cli::{PayArgs, PostArgs};
use crate::fault::Fault;
use crate::keys::random;
use crate::names::{find_account, parse_uetr, uetr_text};
use crate::session::{Session, now};
use crate::tariffs::purpose_named;

/// What became of a transfer that was just submitted.
#[derive(Serialize)]
pub(crate) struct Submitted {
    uetr: String,
    sequence: u64,
    outcome: &'static str,
    reason: Option<&'static str>,
    /// Moved, reserved or waiting.
    amount: String,
    currency: &'static str,
    /// What was charged with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fees: Vec<LegLine>,
}

impl Submitted {
    /// What became of a record at a sequence.
    pub(super) fn of(record: &Record, currency: Currency, (sequence, row): (u64, &OutcomeRow)) -> Self {
        Self {
            uetr: uetr_text(record.uetr.get()),
            sequence,
            outcome: row.outcome().map_or("unknown", Outcome::name),
            reason: row.reason().map(|reason| reason.name()),
            amount: decimal(row.amount.get().into(), currency),
            currency: currency.code(),
            fees: Vec::new(),
        }
    }
}

impl fmt::Display for Submitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let Self { uetr, sequence, outcome, amount, currency, .. } = self;
        write!(f, "{uetr}  {outcome}{reason}  {amount} {currency}  sequence {sequence}")?;
        self.fees.iter().try_for_each(|leg| write!(f, "\n  {leg}"))
    }
}

/// Submits one record for a participant, with the legs of the fee that it owes behind it.
///
/// # Errors
/// [`Fault::Refused`] with the reason where the engine rejects it.
pub(crate) fn submit(
    session: &Session,
    participant: ParticipantHandle,
    (record, currency): (Record, Currency),
) -> Result<Submitted, Fault> {
    let now = now();
    let (chain, fees) = session.engine.directory().registry(|registry| {
        (chain_of(registry, &record, now), LegLine::of(registry, (&record, now), currency))
    });
    let may_wait = record.flags.get() & flags::QUEUE != 0;
    if may_wait && let Some(leg) = fees.first() {
        return Err(Fault::Usage(format!("what may wait can bear no fee, and this owes {leg}")));
    }
    let ticket = session.engine.submit(Batch::new(participant, chain))?;
    let outcome = ticket.wait().ok_or(Busy::Closing)?;
    let row = outcome.rows.first().copied().unwrap_or_else(|| OutcomeRow::duplicate(0));
    let uetr = uetr_text(record.uetr.get());
    match (row.outcome(), row.reason()) {
        (Some(Outcome::Rejected), Some(reason)) => {
            Err(Fault::Refused(format!("{uetr}: {}", refusal(reason, &outcome.rows))))
        }
        _ => Ok(Submitted { fees, ..Submitted::of(&record, currency, (outcome.first_sequence, &row)) }),
    }
}

/// Why a payment was refused; where its chain failed, which leg of its fee was to blame.
fn refusal(reason: RejectReason, rows: &[OutcomeRow]) -> String {
    let others = rows.iter().skip(1).filter_map(OutcomeRow::reason);
    match others.into_iter().find(|other| *other != RejectReason::ChainFailed) {
        Some(other) if reason == RejectReason::ChainFailed => format!("its fee: {}", other.name()),
        _ => reason.name().to_owned(),
    }
}

/// The owner and the currency of an account.
pub(super) fn owner_of(
    session: &Session,
    account: AccountHandle,
) -> Result<(ParticipantHandle, Currency), Fault> {
    let found = session.engine.directory().account(account);
    found
        .map(|(owner, currency, _)| (owner, currency))
        .ok_or_else(|| Fault::Absent(format!("account {account}")))
}

/// A new id, unless one is given.
pub(crate) fn new_id(uetr: Option<&str>) -> Result<Uetr, Fault> {
    match uetr {
        Some(text) => parse_uetr(text),
        None => Ok(Uetr::from_digest(random()?)),
    }
}

/// The flag of a priority class.
pub(super) fn class_flag(priority: Priority) -> u16 {
    match priority {
        Priority::Urgent => flags::URGENT,
        Priority::High => flags::HIGH,
        Priority::Normal => 0,
    }
}

pub(super) fn amount_of(text: &str, currency: Currency) -> Result<u64, Fault> {
    let amount = Amount::from_decimal(text, currency);
    amount.map(Amount::minor).map_err(|error| Fault::Usage(format!("{text} {}: {error}", currency.code())))
}

pub(super) fn pay(context: &Context, arguments: &PayArgs) -> Result<(), Fault> {
    let report = context.with_session(&[], |session| {
        let directory = session.engine.directory();
        let debtor = find_account(directory, &arguments.from)?;
        let creditor = find_account(directory, &arguments.to)?;
        let (owner, currency) = owner_of(session, debtor)?;
        let amount = amount_of(&arguments.amount, currency)?;
        let id = new_id(arguments.uetr.as_deref())?.bits();
        let mut record = Record::new(id, debtor, creditor, amount, currency.numeric());
        let may_wait = arguments.queue || arguments.priority.is_some() || arguments.after.is_some();
        let class = arguments.priority.map_or(0, class_flag);
        record.flags = match (arguments.hold, may_wait) {
            (true, _) => flags::HOLD,
            (false, true) => flags::QUEUE | class,
            (false, false) => 0,
        }
        .into();
        record.purpose = arguments.purpose.as_deref().map_or(Ok([0; 4]), purpose_named)?;
        record.timeout = arguments.until.unwrap_or(0).into();
        record.delay = arguments.after.unwrap_or(0).into();
        submit(session, owner, (record, currency))
    })?;
    context.output.report(&report);
    Ok(())
}

pub(super) fn post(context: &Context, arguments: &PostArgs) -> Result<(), Fault> {
    let id = parse_uetr(&arguments.uetr)?.bits();
    let amount = arguments.amount.as_deref();
    finish(context, id, |held, currency| {
        let posted = amount.map_or(Ok(held), |text| amount_of(text, currency))?;
        Ok((posted, if arguments.keep { flags::POST | flags::KEEP } else { flags::POST }))
    })
}

pub(super) fn void(context: &Context, uetr: &str) -> Result<(), Fault> {
    finish(context, parse_uetr(uetr)?.bits(), |_, _| Ok((0, flags::VOID)))
}

/// Finishes a pending hold, with the amount and flags that `how` makes of what is held.
fn finish(
    context: &Context,
    id: u128,
    how: impl FnOnce(u64, Currency) -> Result<(u64, u16), Fault>,
) -> Result<(), Fault> {
    let report = context.with_session(&[], |session| {
        let hold = session.engine.ask(move |sealer| sealer.mirror().holds.get(id));
        let way = "no hold of that id is pending: see `feiqian transfer UETR`";
        let hold = hold.ok_or_else(|| Fault::Absent(format!("{}: {way}", uetr_text(id))))?;
        let (owner, currency) = owner_of(session, hold.debtor)?;
        let (amount, bits) = how(hold.amount, currency)?;
        let own = new_id(None)?.bits();
        let mut record = Record::new(own, hold.debtor, hold.creditor, amount, currency.numeric());
        (record.flags, record.related) = (bits.into(), id.into());
        if bits & flags::POST != 0 {
            record.purpose =
                session.engine.entry(hold.sequence)?.map_or([0; 4], |found| found.0.record.purpose);
        }
        submit(session, owner, (record, currency))
    })?;
    context.output.report(&report);
    Ok(())
}

/// Sends back what a payment brought, or its release where it had waited.
pub(super) fn give_back(context: &Context, uetr: &str, amount: Option<&str>) -> Result<(), Fault> {
    let named = parse_uetr(uetr)?.bits();
    let report = context.with_session(&[], |session| {
        let absent = || Fault::Absent(format!("{uetr}: never journaled"));
        let engine = &session.engine;
        let sequence = match engine.released(named)? {
            Some(released) => released,
            None => engine.find(named).ok_or_else(absent)?,
        };
        let paid = engine.entry(sequence)?.ok_or_else(absent)?.0.record;
        let id = paid.uetr.get();
        let (owner, currency) = owner_of(session, paid.creditor.get())?;
        let returned = engine.ask(move |sealer| sealer.mirror().returns.returned(id));
        let left = paid.amount.get().saturating_sub(returned);
        let amount = amount.map_or(Ok(left), |text| amount_of(text, currency))?;
        let own = new_id(None)?.bits();
        let mut record = Record::new(own, paid.creditor.get(), paid.debtor.get(), amount, currency.numeric());
        (record.flags, record.related) = (flags::RETURN.into(), paid.uetr);
        submit(session, owner, (record, currency))
    })?;
    context.output.report(&report);
    Ok(())
}
