//! Rules that look things up in tables (holds, queues, trades, limits), and what they put in force there: the same for
//! the plain loop and for each shard.

use crate::account::AccountHandle;
use crate::claim::{Claim, ENGINE, Kind};
use crate::controls::usage::Usage;
use crate::exchange::book::Quote;
use crate::exchange::trades::Trades;
use crate::fees::NO_PURPOSE;
use crate::fraud::{HeldKey, Helds};
use crate::hold::{Freed, Hold, Holds, deadline};
use crate::ledger::Ledger;
use crate::liquidity::queue::{Queue, Queued, priority_of};
use crate::outcome::{OutcomeRow, RejectReason};
use crate::overlay::Overlay;
use crate::participant::ParticipantHandle;
use crate::postings::{Carried, Orders};
use crate::registry::{Asked, Registry};
use crate::returns::{Original, Returns};
use crate::transfer::{Record, flags};

/// What is looked up to answer for a command.
#[derive(Clone, Copy)]
pub(crate) struct Tables<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) returns: &'a Returns,
    pub(crate) held: &'a Helds,
    pub(crate) carried: &'a Carried,
    pub(crate) orders: &'a Orders,
    /// The frame's.
    pub(crate) timestamp: u64,
}

/// Answers what remains to be asked for a command; of the accounts whose cells and tables are these.
pub(crate) fn answer(
    tables: &Tables<'_>,
    asked: &Asked,
    original: Option<&Original>,
    is_here: impl Fn(AccountHandle) -> bool,
) -> bool {
    match asked {
        Asked::Reported { account, debtor, transfer, sequence, paid, amount } => {
            original.is_some_and(|original| {
                let left = original.amount.saturating_sub(tables.returns.returned(*transfer));
                (original.sequence, original.debtor, original.creditor) == (*sequence, *debtor, *account)
                    && original.amount == *paid
                    && *amount <= left
                    && tables.returns.is_credited(*sequence)
            })
        }
        Asked::Held { account, case, amount, creditor, transfer, paid } => {
            (!is_here(*account) || tables.is_held((*case, *account), *amount))
                && (!is_here(*creditor) || tables.may_come_back((*case, *transfer), (*amount, *paid)))
        }
        asked => tables.ledger.answer(asked),
    }
}

impl Tables<'_> {
    /// Whether so much is held, and none of it ordered to go back.
    fn is_held(&self, key: HeldKey, amount: u64) -> bool {
        let (case, account) = key;
        let mut standing = self.carried.standing(self.orders, case, self.timestamp);
        self.held.covers(key, amount) && !standing.any(|order| order.debtor == account)
    }

    /// Whether, with what has come back of a transfer and what is ordered to, so much more is within what was paid.
    fn may_come_back(&self, (case, transfer): (u128, u128), (amount, paid): (u64, u64)) -> bool {
        let ordered = ordered(self.carried, self.orders, case, self.timestamp);
        let back = self.returns.returned(transfer).saturating_add(ordered);
        amount <= paid.saturating_sub(back)
    }
}

/// What orders of a fraud case are still to bring back, minor units.
fn ordered(carried: &Carried, orders: &Orders, case: u128, timestamp: u64) -> u64 {
    let standing = carried.standing(orders, case, timestamp);
    standing.fold(0, |sum, order| sum.saturating_add(order.amount))
}

/// Whether a return may come to pass, with what is ordered back of its original for a fraud case.
pub(crate) fn check_return(
    (returns, carried): (&Returns, &Carried),
    registry: &Registry,
    (claim, record): (&Claim, &Record),
    (original, timestamp): (Option<&Original>, u64),
) -> Result<(), RejectReason> {
    let case = registry.cases.of_transfer(record.related.get(), timestamp);
    let ordered = case.map_or(0, |(case, _)| ordered(carried, &registry.orders, case, timestamp));
    returns.check(claim, record, original, ordered)
}

/// Why a chain fails: at one member, or (none) as a whole.
pub(crate) type ChainFailure = (Option<usize>, RejectReason);

/// The rows of a chain that failed at member `at` (none: as a whole) for `reason`: that member answers the
/// reason, repetitions answer what they repeat, and the others that the chain failed.
pub(crate) fn failed_chain(
    known: &[Option<OutcomeRow>],
    (at, reason): ChainFailure,
) -> impl Iterator<Item = OutcomeRow> {
    known.iter().enumerate().map(move |(member, known)| match known {
        Some(row) => *row,
        None if at.is_none_or(|at| at == member) => OutcomeRow::rejected(reason),
        None => OutcomeRow::rejected(RejectReason::ChainFailed),
    })
}

/// The pending hold that a post or a void names, if it may: gives what is freed of it. One on another debtor account is
/// none, so that the debtor account's shard can tell alone.
pub(crate) fn check_hold(
    holds: &Holds,
    claim: &Claim,
    record: &Record,
    overlay: &Overlay,
) -> Result<Freed, RejectReason> {
    let id = record.related.get();
    let hold = overlay.hold(id).unwrap_or_else(|| holds.get(id));
    let hold = hold.filter(|hold| hold.debtor == claim.debtor).ok_or(RejectReason::NoPendingHold)?;
    // A tariff may name what a hold is for: its posts can't be for something else.
    let is_for_other = claim.asks_tariffs() && hold.purpose != NO_PURPOSE && hold.purpose != record.purpose;
    if hold.creditor != claim.creditor || is_for_other {
        return Err(RejectReason::HoldMismatch);
    }
    if claim.amount > hold.amount {
        return Err(RejectReason::ExceedsHold);
    }
    Ok(match (claim.kind, claim.keeps) {
        (Kind::Void, true) => hold.freed_down_to(claim.amount),
        _ => hold.freed(claim.amount, claim.keeps),
    })
}

/// What a claim that asks the queue must find there.
pub(crate) fn check_queue(
    queue: &Queue,
    claim: &Claim,
    record: &Record,
    timestamp: u64,
) -> Result<(), RejectReason> {
    let refuse = |is_so, reason| if is_so { Err(reason) } else { Ok(()) };
    match claim.kind {
        Kind::Queueable => {
            let is_behind = queue.is_behind(claim.debtor, priority_of(record), timestamp);
            refuse(is_behind, RejectReason::QueuedAhead)
        }
        Kind::Scheduled => refuse(!queue.has_room(claim.debtor), RejectReason::TooManyHolds),
        _ => queue.named(claim, record).map(drop),
    }
}

/// Limits beyond cap and credit line, as far as their cells are in these tables.
pub(crate) fn check_controls(
    (usage, ledger): (&Usage, &Ledger),
    claims: &[Claim],
    overlay: &Overlay,
    (registry, timestamp): (&Registry, u64),
) -> Result<(), RejectReason> {
    if !claims.iter().any(Claim::is_controlled) {
        return Ok(());
    }
    usage.check(claims, overlay, (registry, timestamp))?;
    ledger.check_reservations(claims, overlay, registry)
}

/// Of the leg that the provider pays, whether its quote still holds, and the limits of both sides bear it behind what
/// stands before it in its chain.
pub(crate) fn check_trade(
    trades: &Trades,
    registry: &Registry,
    (record, earlier): (&Record, &[Record]),
    timestamp: u64,
) -> Result<(), RejectReason> {
    let Some(quote) = paid_quote(registry, record) else { return Ok(()) };
    trades.check(record.related.get(), quote, timestamp)?;
    let earlier = earlier.iter().filter_map(|record| paid_quote(registry, record));
    trades.positions().check(quote, earlier, registry.controls())
}

/// Notes a trade with the leg that the provider pays; `reports` where the block is told of it from here.
pub(crate) fn commit_trade(trades: &mut Trades, registry: &Registry, record: &Record, reports: bool) {
    if let Some(quote) = paid_quote(registry, record) {
        trades.add(record.related.get(), quote, reports);
    }
}

/// The quote whose target amount a record pays.
fn paid_quote<'a>(registry: &'a Registry, record: &Record) -> Option<&'a Quote> {
    let is_leg = record.flags.get() & flags::QUOTE != 0;
    let quote = registry.exchange().quotes().get(&record.related.get()).filter(|_| is_leg);
    quote.filter(|quote| quote.target_account == record.debtor.get())
}

/// Whether a claim that can't be cleared for that reason waits.
pub(crate) fn may_wait(queue: &Queue, claim: &Claim, reason: RejectReason) -> bool {
    claim.kind == Kind::Queueable && reason.is_of_liquidity() && queue.has_room(claim.debtor)
}

/// Puts in force what an accepted claim does to the queue of its debtor account.
pub(crate) fn commit_queue(
    queue: &mut Queue,
    claim: &Claim,
    record: &Record,
    (registry, sequence, timestamp): (&Registry, u64, u64),
) {
    match claim.kind {
        Kind::Scheduled => {
            let queued = Queued::of(claim, record, registry, (sequence, timestamp));
            queue.insert(record.uetr.get(), queued);
        }
        Kind::Amend => queue.amend(record, sequence, timestamp),
        Kind::Revoke | Kind::Release => drop(queue.remove(record.related.get())),
        _ => {}
    }
}

/// Counts the engine's releases among the records of a unit that failed, but for those that only repeat earlier ones; and
/// gives up the payment for which it failed, if that is since it owes a fee by now: left where it is, it would keep back
/// what waits behind it and goes out with it.
pub(crate) fn note_attempts(
    queue: &mut Queue,
    submitter: ParticipantHandle,
    (records, known): (&[Record], &[Option<OutcomeRow>]),
    ((at, reason), timestamp): (ChainFailure, u64),
) {
    if submitter != ENGINE {
        return;
    }
    let failed = at.and_then(|at| records.get(at));
    if let Some(release) = failed.filter(|record| record.flags.get() & flags::RELEASE != 0)
        && reason == RejectReason::FeeMissing
    {
        queue.give_up(release, timestamp);
    }
    for (at, record) in records.iter().enumerate() {
        if record.flags.get() & flags::RELEASE != 0 && !matches!(known.get(at), Some(Some(_))) {
            queue.note_attempt(record);
        }
    }
}

/// Notes in a chain's overlay what a member does to holds.
pub(crate) fn note_hold(
    overlay: &mut Overlay,
    (claim, freed): (&Claim, Freed),
    record: &Record,
    (holds, registry, timestamp): (&Holds, &Registry, u64),
) {
    let id = record.related.get();
    match claim.kind {
        Kind::Hold => {
            let hold = hold_of(claim, record, registry, (0, timestamp));
            overlay.set_hold(record.uetr.get(), Some(hold));
        }
        Kind::Post | Kind::Void => {
            let hold = overlay.hold(id).unwrap_or_else(|| holds.get(id));
            overlay.set_hold(id, hold.and_then(|hold| hold.rest(freed)));
        }
        _ => {}
    }
}

/// The hold that an accepted claim makes pending.
pub(crate) fn hold_of(
    claim: &Claim,
    record: &Record,
    registry: &Registry,
    (sequence, timestamp): (u64, u64),
) -> Hold {
    Hold {
        debtor: claim.debtor,
        creditor: claim.creditor,
        amount: claim.amount,
        sequence,
        deadline: deadline(timestamp, record.timeout.get()),
        purpose: registry.kept_purpose(record),
    }
}
