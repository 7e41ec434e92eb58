//! From the engine's outcomes and reasons to ISO 20022 statuses and reason codes: the one table.
//!
//! Decides nothing. Every reason has its row, and a new one does not compile without.

use std::collections::BTreeMap;

use feiqian_core::outcome::{Outcome, OutcomeRow, RejectReason};
use feiqian_iso20022::codes::{self, ReasonCode, Status};
use feiqian_iso20022::payment::Refusal;

use crate::limits::REASONS_MAX;

/// The external status reason code of a reason, and what is wrong and the way out for people.
#[must_use]
pub fn reason(reason: RejectReason) -> (ReasonCode, &'static str) {
    use RejectReason as Reason;
    match reason {
        Reason::IdReused => (codes::DU03, "the id stands for another payment already; send a new UETR"),
        Reason::InvalidAmount => (codes::AM12, "the amount is zero or too large; correct it"),
        Reason::SameAccount => {
            (codes::AG01, "both sides are one account here; book it at the bank that keeps both customers")
        }
        Reason::UnknownDebtor => (codes::AC02, "there is no such debtor account; correct it"),
        Reason::UnknownCreditor => (codes::AC03, "there is no such creditor account; correct it"),
        Reason::NotOwner => (codes::AG08, "the sender does not own the debtor account; send from its owner"),
        Reason::CurrencyMismatch => {
            (codes::AM03, "the account is kept in another currency; pay in the account's currency")
        }
        Reason::DebtorParticipantSuspended => {
            (codes::AG10, "the debtor's bank is suspended; ask the operator")
        }
        Reason::CreditorParticipantSuspended => {
            (codes::AG11, "the creditor's bank is suspended; pay another way")
        }
        Reason::DebtorClosed => (codes::AC05, "the debtor account is closed; use another"),
        Reason::CreditorClosed => (codes::AC07, "the creditor account is closed; use another"),
        Reason::DebtorBlocked => (codes::AC06, "the debtor account may not pay out; ask its bank"),
        Reason::CreditorBlocked => (codes::AC06, "the creditor account may not be paid; ask its bank"),
        Reason::InsufficientFunds => {
            (codes::AM04, "the funds do not suffice; fund the account and send a new payment")
        }
        Reason::NetDebitCapExceeded => {
            (codes::AM23, "the bank's net debit cap does not suffice; wait for credits or settlement")
        }
        Reason::QueuedAhead => {
            (codes::AM04, "payments of the same account that go out in order wait before it")
        }
        Reason::QuoteExpired => (codes::NARR, "the quote has expired or was traded on; ask for another"),
        Reason::OrderSpent => (codes::NARR, "the order has been carried out, or its time is over"),
        Reason::FeeMissing | Reason::FeeMismatch => {
            (codes::NARR, "the tariffs have changed since the fee was reckoned; send a new payment")
        }
        Reason::NotHeld => (codes::AG03, "so much is not held on the account for the case"),
        Reason::NotReturnable => (codes::AG03, "nothing was paid so that could come back this way"),
        Reason::ExceedsOriginal => {
            (codes::FF12, "more would come back than is left of what was paid; return what is left")
        }
        Reason::BilateralLimitExceeded | Reason::MultilateralLimitExceeded => (
            codes::AM23,
            "the bank's own limit towards the other does not suffice; wait for credits or raise it",
        ),
        Reason::FxLimitExceeded => (
            codes::AM23,
            "the trade would leave a side shorter than its limit over all currencies; trade less, or back",
        ),
        Reason::VelocityExceeded => {
            (codes::AM14, "as much, or as often, was paid in the period as may be; send it in the next one")
        }
        Reason::LiquidityReserved => {
            (codes::AM23, "what is left is kept for more urgent payments; wait, or raise its priority")
        }
        Reason::NoPendingHold => (codes::AG03, "there is no such reservation; it was used or has expired"),
        Reason::HoldMismatch => (codes::AG03, "the reservation is between other accounts"),
        Reason::ExceedsHold => (codes::AM09, "more is asked for than was reserved"),
        Reason::TooManyHolds => (codes::AM14, "too much is reserved on the account; release some"),
        Reason::ChainOpen | Reason::ChainTooLong => (codes::NARR, "the chain is incomplete or too long"),
        Reason::ChainFailed => (codes::NARR, "another part of its chain was rejected"),
        Reason::MissingId | Reason::MalformedRecord => {
            (codes::NARR, "the record has no id, is not clean, or may wait but owes a fee")
        }
        Reason::MalformedCommand
        | Reason::FourEyesRequired
        | Reason::GenesisMisplaced
        | Reason::UnknownParticipant
        | Reason::AlreadyRegistered
        | Reason::UnknownAccount
        | Reason::UnknownPosition
        | Reason::UnknownCycle
        | Reason::CycleState
        | Reason::AccountState
        | Reason::AccountNotEmpty
        | Reason::ModelFixed
        | Reason::UnknownRate
        | Reason::RateExhausted
        | Reason::ParticipantSignature
        | Reason::BadRate
        | Reason::LimitReached
        | Reason::LimitInvalid
        | Reason::CutOffNotReached
        | Reason::ParticipantFailed
        | Reason::BadCalendar
        | Reason::BadPosting
        | Reason::UnknownCase
        | Reason::BadCase
        | Reason::BadNets
        | Reason::AlreadyRecast
        | Reason::WaterfallOrder
        | Reason::ShortfallMismatch
        | Reason::UnknownOfficer
        | Reason::UnknownProposal
        | Reason::ProposalEarly
        | Reason::ProposalRequired
        | Reason::BadTariff
        | Reason::UnknownTariff => (codes::NARR, "a command's reason: no payment is rejected so"),
    }
}

/// The status of a row that is no duplicate, with its reason if it was rejected.
///
/// Cleared is `ACSP`, settlement in process: its cycle is yet to be settled.
#[must_use]
pub fn of_row(row: &OutcomeRow) -> (Status, Option<Refusal>) {
    let refusal = |code, text: &str| Some(Refusal { code, text: text.to_owned() });
    match (row.outcome(), row.reason()) {
        (Some(Outcome::Cleared), _) => (Status::Acsp, None),
        (Some(Outcome::Held | Outcome::Queued), _) => (Status::Pdng, None),
        (Some(Outcome::Voided), _) => (Status::Rjct, refusal(codes::NARR, "the reservation was given back")),
        (_, Some(found)) => {
            let (code, text) = reason(found);
            (Status::Rjct, refusal(code, text))
        }
        _ => (Status::Rjct, refusal(codes::NARR, "the outcome has no meaning here")),
    }
}

/// What became of one transaction of a file; small, as a file has up to millions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Verdict {
    kind: u32,
    /// The journal's entry; zero for a transaction that never came so far.
    sequence: u64,
}

impl Verdict {
    /// The entry's number, if there is one.
    pub(crate) fn sequence(self) -> Option<u64> {
        (self.sequence > 0).then_some(self.sequence)
    }
}

type Kind = (Status, Option<(ReasonCode, String)>);

/// The verdicts on a file's transactions, in file order. Equal statuses and reasons are kept once.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    kinds: Vec<Kind>,
    numbers: BTreeMap<Kind, u32>,
    all: Vec<Verdict>,
    pub(crate) duplicates: u64,
}

const PENDING: Verdict = Verdict { kind: u32::MAX, sequence: 0 };

impl Verdicts {
    /// Makes room for the next transaction; gives its place.
    pub(crate) fn reserve(&mut self) -> usize {
        self.all.push(PENDING);
        self.all.len() - 1
    }

    /// Number of transactions.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn set(&mut self, place: usize, sequence: u64, status: Status, refusal: Option<Refusal>) {
        let verdict = Verdict { kind: self.kind(status, refusal), sequence };
        if let Some(slot) = self.all.get_mut(place) {
            *slot = verdict;
        }
    }

    pub(crate) fn reject(&mut self, place: usize, refusal: Refusal) {
        self.set(place, 0, Status::Rjct, Some(refusal));
    }

    fn kind(&mut self, status: Status, refusal: Option<Refusal>) -> u32 {
        let mut kind = (status, refusal.map(|refusal| (refusal.code, refusal.text)));
        if let Some(number) = self.numbers.get(&kind) {
            return *number;
        }
        if self.kinds.len() >= REASONS_MAX
            && let Some((code, text)) = &mut kind.1
        {
            code.meaning().clone_into(text);
        }
        let next = u32::try_from(self.kinds.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(kind.clone()).or_insert_with(|| {
            self.kinds.push(kind);
            next
        })
    }

    pub(crate) fn verdict(&self, place: usize) -> Option<Verdict> {
        self.all.get(place).copied().filter(|verdict| *verdict != PENDING)
    }

    pub(crate) fn status(&self, verdict: Verdict) -> (Status, Option<Refusal>) {
        let kind = usize::try_from(verdict.kind).ok().and_then(|kind| self.kinds.get(kind));
        let (status, reason) = kind.cloned().unwrap_or((Status::Pdng, None));
        (status, reason.map(|(code, text)| Refusal { code, text }))
    }

    /// How many transactions have which status and reason.
    pub(crate) fn counts(&self) -> BTreeMap<(Status, Option<ReasonCode>), u64> {
        let mut by_kind: BTreeMap<u32, (Verdict, u64)> = BTreeMap::new();
        for verdict in &self.all {
            by_kind.entry(verdict.kind).or_insert((*verdict, 0)).1 += 1;
        }
        let mut counts = BTreeMap::new();
        for (verdict, number) in by_kind.into_values() {
            let (status, refusal) = self.status(verdict);
            *counts.entry((status, refusal.map(|refusal| refusal.code))).or_insert(0) += number;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_code_and_a_way_out() {
        for found in RejectReason::ALL {
            let (code, text) = reason(*found);
            assert!(ReasonCode::parse(code.as_str()).is_some(), "{found:?}");
            assert!((15..=105).contains(&text.len()), "{found:?}");
            let (status, refusal) = of_row(&OutcomeRow::rejected(*found));
            assert_eq!((status, refusal.map(|refusal| refusal.code)), (Status::Rjct, Some(code)));
        }
        assert_eq!(of_row(&OutcomeRow::accepted(Outcome::Cleared, 1)), (Status::Acsp, None));
        assert_eq!(of_row(&OutcomeRow::accepted(Outcome::Held, 1)), (Status::Pdng, None));
    }

    #[test]
    fn reasons_beyond_the_bound_keep_their_code() {
        let mut verdicts = Verdicts::default();
        for number in 0..REASONS_MAX + 10 {
            let place = verdicts.reserve();
            verdicts.reject(place, Refusal { code: codes::CNOR, text: format!("bank {number}") });
        }
        assert_eq!(verdicts.kinds.len(), REASONS_MAX + 1);
        let last = verdicts.verdict(REASONS_MAX + 9).expect("set");
        let text = codes::CNOR.meaning().to_owned();
        assert_eq!(verdicts.status(last), (Status::Rjct, Some(Refusal { code: codes::CNOR, text })));
        assert_eq!(verdicts.counts().into_values().sum::<u64>(), REASONS_MAX as u64 + 10);
    }
}
