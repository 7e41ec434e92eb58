//! The rules that need terms only: whether a record may be decided at all, and what it then claims. The same
//! for the plain loop and for every shard; funds, caps and holds are asked afterwards, of cells.

use crate::account::{AccountHandle, AccountState, AccountTerms, SlotHandle};
use crate::controls::SlotControls;
use crate::exchange::trades::has_both_legs;
use crate::fees::Dues;
use crate::liquidity::queue::priority_of;
use crate::liquidity::resolve::Priority;
use crate::money::AMOUNT_MAX;
use crate::number::index;
use crate::outcome::{Outcome, OutcomeRow, RejectReason};
use crate::participant::{ParticipantHandle, ParticipantState, SlotTerms};
use crate::registry::Registry;
use crate::transfer::{Record, flags};

/// Who submits the engine's own entries; no participant has this handle.
pub const ENGINE: ParticipantHandle = ParticipantHandle::MAX;
/// Who owns what no quote or order says; nobody submits under this handle.
const NOBODY: ParticipantHandle = ParticipantHandle::MAX - 1;

/// What kind of transfer a record is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Moves the amount.
    Direct,
    /// Reserves it.
    Hold,
    /// Moves what was reserved, or a part, and releases the rest.
    Post,
    /// Releases what was reserved, or what of it is above an amount.
    Void,
    /// Moves the amount, or waits where it can't.
    Queueable,
    /// Waits for its time.
    Scheduled,
    /// Changes how a payment waits.
    Amend,
    /// Ends its waiting.
    Revoke,
    /// Moves the amount of a payment that waits.
    Release,
    /// Moves back what an earlier one has moved, or a part.
    Return,
    /// Moves a leg of a trade.
    Trade,
    /// Moves what a command has ordered.
    Ordered,
    /// Moves what a command has ordered, out of what is held for a fraud case.
    Restitution,
    /// Moves a part of a fee.
    Fee,
}

impl Kind {
    /// The outcome of a transfer of this kind that is accepted.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Direct
            | Self::Post
            | Self::Queueable
            | Self::Release
            | Self::Return
            | Self::Trade
            | Self::Ordered
            | Self::Restitution
            | Self::Fee => Outcome::Cleared,
            Self::Hold => Outcome::Held,
            Self::Void | Self::Revoke => Outcome::Voided,
            Self::Scheduled | Self::Amend => Outcome::Queued,
        }
    }

    /// Whether it takes the amount out of the debtor's funds and headroom.
    #[must_use]
    pub const fn is_fresh(self) -> bool {
        matches!(
            self,
            Self::Direct
                | Self::Hold
                | Self::Queueable
                | Self::Return
                | Self::Trade
                | Self::Ordered
                | Self::Fee
        )
    }

    /// Whether tariffs charge for it: what is paid for the first time, or would be after a wait.
    #[must_use]
    pub const fn is_charged(self) -> bool {
        matches!(self, Self::Direct | Self::Post | Self::Queueable | Self::Scheduled | Self::Release)
    }

    /// Whether it takes the amount out of the debtor's headroom.
    #[must_use]
    pub const fn asks_cap(self) -> bool {
        self.is_fresh() || self.is_restitution()
    }

    /// Whether it moves what is held for a fraud case.
    #[must_use]
    pub const fn is_restitution(self) -> bool {
        matches!(self, Self::Restitution)
    }

    /// Whether a command has ordered it.
    #[must_use]
    pub const fn is_ordered(self) -> bool {
        matches!(self, Self::Ordered | Self::Restitution)
    }

    /// Whether it asks the queue of its debtor account.
    #[must_use]
    pub const fn asks_queue(self) -> bool {
        matches!(self, Self::Queueable | Self::Scheduled | Self::Amend | Self::Revoke | Self::Release)
    }

    /// Whether it names an earlier one, and moves or reserves nothing of its own.
    const fn only_changes(self) -> bool {
        matches!(self, Self::Void | Self::Amend | Self::Revoke)
    }
}

/// A record that passed every check that needs terms only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// What it asks for.
    pub kind: Kind,
    /// The account that pays.
    pub debtor: AccountHandle,
    /// The account that is paid.
    pub creditor: AccountHandle,
    /// The debtor's position.
    pub debtor_slot: SlotHandle,
    /// The creditor's position.
    pub creditor_slot: SlotHandle,
    /// Minor units; zero where a hold or a waiting payment is ended or changed only.
    pub amount: u64,
    /// Of a post: whether what is not posted stays held. Of a void: whether the amount does.
    pub keeps: bool,
    /// The debtor account's credit line.
    pub credit_line: u64,
    /// The debtor participant's net debit cap.
    pub cap: u64,
    /// The class that it is paid in; normal without one.
    pub class: Priority,
    /// Which other limits it is checked against or counted for.
    pub controls: SlotControls,
}

impl Claim {
    /// Whether it moves money between participants, and so positions.
    #[must_use]
    pub const fn crosses(&self) -> bool {
        self.debtor_slot != self.creditor_slot
    }

    /// Whether a limit beyond cap and credit line must bear it.
    #[inline]
    #[must_use]
    pub const fn is_controlled(&self) -> bool {
        self.takes() && self.controls.has(DEBTOR_CONTROLS)
    }

    /// Whether it is a fee's leg, or a payment that may owe one.
    #[inline]
    #[must_use]
    pub const fn asks_tariffs(&self) -> bool {
        matches!(self.kind, Kind::Fee) || (self.kind.is_charged() && self.controls.has(SlotControls::FEES))
    }

    /// Whether it takes the amount by the debtor's own order, with or without having waited.
    #[must_use]
    pub const fn takes(&self) -> bool {
        (self.kind.is_fresh() && !matches!(self.kind, Kind::Ordered)) || matches!(self.kind, Kind::Release)
    }

    /// Whether it posts on the two accounts.
    #[must_use]
    pub const fn moves(&self) -> bool {
        matches!(
            self.kind,
            Kind::Direct
                | Kind::Post
                | Kind::Queueable
                | Kind::Release
                | Kind::Return
                | Kind::Trade
                | Kind::Ordered
                | Kind::Restitution
                | Kind::Fee
        )
    }

    /// The row of this claim where it is accepted; its links are set when it is posted.
    #[must_use]
    pub fn accepted(&self) -> OutcomeRow {
        OutcomeRow::accepted(self.kind.outcome(), self.amount)
    }
}

/// A record at its place in its chain; alone it is a chain of one.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// The record.
    pub record: &'a Record,
    /// Its chain.
    pub chain: &'a [Record],
    /// Its place there.
    pub at: usize,
    /// What the payments of its chain owe.
    pub dues: &'a Dues,
}

/// Checks a record against terms; the id has been checked before. Order is precedence. `terms_of` gives an
/// account's terms from where they are nearest: beside its cell, or in the registry.
///
/// # Errors
/// The first [`RejectReason`] that applies.
#[inline(always)]
pub fn examine(
    member: Member<'_>,
    submitter: ParticipantHandle,
    registry: &Registry,
    terms_of: impl Fn(AccountHandle) -> Option<AccountTerms>,
) -> Result<Claim, RejectReason> {
    let record = member.record;
    let kind = kind_of(record).ok_or(RejectReason::MalformedRecord)?;
    let may_wait = matches!(kind, Kind::Queueable | Kind::Scheduled);
    if may_wait && !registry.models().may_queue(record.currency.get()) {
        return Err(RejectReason::MalformedRecord);
    }
    let (amount, keeps) = (record.amount.get(), record.flags.get() & flags::KEEP != 0);
    let is_without_amount = kind.only_changes() && !keeps;
    let is_amount_right = if is_without_amount { amount == 0 } else { (1..=AMOUNT_MAX).contains(&amount) };
    if !is_amount_right {
        return Err(RejectReason::InvalidAmount);
    }
    let (debtor, creditor) = (record.debtor.get(), record.creditor.get());
    if debtor == creditor {
        return Err(RejectReason::SameAccount);
    }
    let debtor_terms = terms_of(debtor).ok_or(RejectReason::UnknownDebtor)?;
    let creditor_terms = terms_of(creditor).ok_or(RejectReason::UnknownCreditor)?;
    let debtor_slot = slot_of(registry, &debtor_terms).ok_or(RejectReason::UnknownDebtor)?;
    let creditor_slot = slot_of(registry, &creditor_terms).ok_or(RejectReason::UnknownCreditor)?;
    // Its legs could not wait with it.
    let owes = !member.dues.of(member.at).is_empty();
    if may_wait && owes {
        return Err(RejectReason::MalformedRecord);
    }
    // The hold itself was the debtor's word, so either side may finish it.
    let is_finishing = matches!(kind, Kind::Post | Kind::Void);
    let owner = match kind {
        Kind::Release => ENGINE,
        Kind::Trade if registry.is_leg(record, submitter, [&debtor_terms, &creditor_terms]) => submitter,
        // A trade that its quote does not say is nobody's.
        Kind::Trade => ENGINE,
        kind if kind.is_ordered() && registry.orders.of_record(record).is_some() => ENGINE,
        kind if kind.is_ordered() => NOBODY,
        Kind::Fee if member.is_fee_due() => submitter,
        _ => debtor_slot.participant,
    };
    if submitter != owner && !(is_finishing && submitter == creditor_slot.participant) {
        return Err(RejectReason::NotOwner);
    }
    let currency = record.currency.get();
    if currency != debtor_terms.currency || currency != creditor_terms.currency {
        return Err(RejectReason::CurrencyMismatch);
    }
    if kind.is_ordered() {
        check_not_closed(&debtor_terms, &creditor_terms)?;
    } else if !kind.only_changes() {
        check_states(registry, (&debtor_terms, debtor_slot), (&creditor_terms, creditor_slot))?;
    }
    // What a tariff of after it began to wait charges for can bring no fee.
    if kind == Kind::Release && owes {
        return Err(RejectReason::FeeMissing);
    }
    let slots = (debtor_slot, creditor_slot);
    let controls = controls_of(registry, (debtor, &debtor_terms), slots, &creditor_terms);
    let is_by_other = kind == Kind::Fee && submitter != debtor_slot.participant;
    Ok(Claim {
        kind,
        debtor,
        creditor,
        debtor_slot: debtor_terms.slot,
        creditor_slot: creditor_terms.slot,
        amount,
        keeps,
        credit_line: debtor_terms.credit_line,
        cap: debtor_slot.cap,
        class: priority_of(record),
        controls: match kind {
            // Bounded by nothing that its payer has set for its own orders; nor do a fee's legs use that up, which another's
            // payments bring.
            kind if kind.is_ordered() || is_by_other => controls.without(DEBTOR_OWN_CONTROLS),
            _ => controls,
        },
    })
}

/// Limits of the debtor's side.
const DEBTOR_CONTROLS: SlotControls = SlotControls::SENDER.with(DEBTOR_OWN_CONTROLS);
/// Those that count or bound the debtor's own orders, and not what stands between two positions.
const DEBTOR_OWN_CONTROLS: SlotControls =
    SlotControls::VELOCITY.with(SlotControls::ACCOUNT).with(SlotControls::RESERVED);

/// Which limits bear or count a transfer: between two positions those of both, else the debtor account's alone.
#[inline(always)]
fn controls_of(
    registry: &Registry,
    (debtor, debtor_terms): (AccountHandle, &AccountTerms),
    (debtor_slot, creditor_slot): (&SlotTerms, &SlotTerms),
    creditor_terms: &AccountTerms,
) -> SlotControls {
    let (own, other) = (debtor_slot.controls, creditor_slot.controls);
    if (own, other) == (SlotControls::NONE, SlotControls::NONE) {
        return own;
    }
    let limits_account = own.has(SlotControls::ACCOUNT) && registry.controls().limits_account(debtor);
    let account = SlotControls::ACCOUNT.only_if(limits_account);
    if debtor_terms.slot == creditor_terms.slot {
        return account;
    }
    let counts = SlotControls::CREDITOR.only_if(other.has(SlotControls::SENDER));
    own.without(SlotControls::ACCOUNT).with(account).with(counts)
}

fn slot_of<'a>(registry: &'a Registry, terms: &AccountTerms) -> Option<&'a SlotTerms> {
    registry.slots.get(index(terms.slot.into()))
}

pub(crate) fn kind_of(record: &Record) -> Option<Kind> {
    const QUEUE: u16 = flags::QUEUE;
    let (names, delay) = (record.related.get() != 0, record.delay.get());
    let bits = record.flags.get() & !flags::LINKED;
    let kind = match (bits, names) {
        (0, false) => Kind::Direct,
        (flags::HOLD, false) => Kind::Hold,
        (flags::POST, true) => Kind::Post,
        (_, true) if bits == flags::POST | flags::KEEP => Kind::Post,
        (flags::VOID, true) => Kind::Void,
        (_, true) if bits == flags::VOID | flags::KEEP => Kind::Void,
        (flags::RETURN, true) => Kind::Return,
        (flags::QUOTE, true) => Kind::Trade,
        (flags::ORDERED, true) => Kind::Ordered,
        (flags::FEE, true) => Kind::Fee,
        (_, true) if bits == flags::ORDERED | flags::POST => Kind::Restitution,
        (_, true)
            if bits & !(flags::URGENT | flags::HIGH) == flags::RELEASE
                && !has_both(bits, flags::URGENT | flags::HIGH) =>
        {
            Kind::Release
        }
        (_, true) if bits == QUEUE | flags::VOID => Kind::Revoke,
        (_, true)
            if has_class(bits & !(flags::FIRST | flags::LAST))
                && !has_both(bits, flags::FIRST | flags::LAST) =>
        {
            Kind::Amend
        }
        (_, false) if has_class(bits) => {
            if delay == 0 {
                Kind::Queueable
            } else {
                Kind::Scheduled
            }
        }
        _ => return None,
    };
    let may_wait = matches!(kind, Kind::Queueable | Kind::Scheduled | Kind::Amend);
    let is_timeout_right = may_wait || kind == Kind::Hold || record.timeout.get() == 0;
    let is_delay_right = may_wait || delay == 0;
    (record.is_clean() && is_timeout_right && is_delay_right).then_some(kind)
}

/// Whether the flags are those of a payment that may wait, of one class.
fn has_class(bits: u16) -> bool {
    matches!(bits & !(flags::URGENT | flags::HIGH), flags::QUEUE)
        && !has_both(bits, flags::URGENT | flags::HIGH)
}

fn has_both(bits: u16, pair: u16) -> bool {
    bits & pair == pair
}

/// Whether a record may stand in its chain: releases stand among themselves, since they settle at once; and what may
/// wait, or changes what waits, stands alone, since the others could not wait with it. So does a return, which is held to
/// the journal, and what a command has ordered. A leg of a trade stands with the other one.
///
/// # Errors
/// [`RejectReason::MalformedRecord`].
pub fn check_chained(record: &Record, chain: &[Record]) -> Result<(), RejectReason> {
    let has = |record: &Record, bits: u16| record.flags.get() & bits != 0;
    let is_among_releases = chain.first().is_some_and(|first| has(first, flags::RELEASE));
    let fits = has(record, flags::RELEASE) == is_among_releases
        && !has(record, flags::QUEUE | flags::RETURN | flags::ORDERED);
    let is_whole = !has(record, flags::QUOTE) || has_both_legs(record, chain);
    if is_whole && (chain.len() <= 1 || fits) { Ok(()) } else { Err(RejectReason::MalformedRecord) }
}

#[inline(always)]
fn check_states(
    registry: &Registry,
    (debtor, debtor_slot): (&AccountTerms, &SlotTerms),
    (creditor, creditor_slot): (&AccountTerms, &SlotTerms),
) -> Result<(), RejectReason> {
    let state_of = |slot: &SlotTerms| {
        let participant = registry.participants.get(index(slot.participant.into()));
        participant.map_or(ParticipantState::Suspended, |participant| participant.state)
    };
    if !state_of(debtor_slot).may_send() {
        return Err(RejectReason::DebtorParticipantSuspended);
    }
    if !state_of(creditor_slot).may_receive() {
        return Err(RejectReason::CreditorParticipantSuspended);
    }
    match (debtor.state, creditor.state) {
        (AccountState::Closed, _) => Err(RejectReason::DebtorClosed),
        (_, AccountState::Closed) => Err(RejectReason::CreditorClosed),
        (state, _) if !state.may_send() => Err(RejectReason::DebtorBlocked),
        (_, state) if !state.may_receive() => Err(RejectReason::CreditorBlocked),
        _ => Ok(()),
    }
}

/// Two officers may reach what is blocked, and nothing reaches what is closed.
fn check_not_closed(debtor: &AccountTerms, creditor: &AccountTerms) -> Result<(), RejectReason> {
    match (debtor.state, creditor.state) {
        (AccountState::Closed, _) => Err(RejectReason::DebtorClosed),
        (_, AccountState::Closed) => Err(RejectReason::CreditorClosed),
        _ => Ok(()),
    }
}

/// Length of the chain that begins at the first of `records` (1 for a plain transfer), and why the whole of
/// it must fail, if it must. A chain ends at the first record that is not linked.
#[must_use]
pub fn chain_at(records: &[Record]) -> (usize, Option<RejectReason>) {
    let linked = records.iter().take_while(|record| record.is_linked()).count();
    let length = linked.saturating_add(1);
    if length > records.len() {
        (linked, Some(RejectReason::ChainOpen))
    } else if length > chain_max(records) {
        (length, Some(RejectReason::ChainTooLong))
    } else {
        (length, None)
    }
}

/// Releases settle at once and are checked in one go, so a whole batch may be a chain of them.
fn chain_max(records: &[Record]) -> usize {
    let is_release = records.first().is_some_and(|first| first.flags.get() & flags::RELEASE != 0);
    if is_release { crate::limits::BATCH_TRANSFERS_MAX } else { crate::limits::CHAIN_TRANSFERS_MAX }
}
