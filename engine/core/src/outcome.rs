//! What became of a transfer or a command, and why. The order of the reasons is their precedence; their
//! numbers are journaled, sealed and answered, so they are for ever.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What became of a journaled entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// The amount has moved; or the command is in force.
    Cleared = 1,
    /// The amount is reserved.
    Held = 2,
    /// A hold was given back.
    Voided = 3,
    /// Nothing changed; a [`RejectReason`] says why.
    Rejected = 4,
    /// The same transfer was journaled before: its outcome stands.
    Duplicate = 5,
    /// It waits: for its time, or, where a [`RejectReason`] stands beside, for what that says.
    Queued = 6,
}

impl Outcome {
    /// All outcomes, ascending.
    pub const ALL: [Self; 6] =
        [Self::Cleared, Self::Held, Self::Voided, Self::Rejected, Self::Duplicate, Self::Queued];

    /// The outcome of a stored number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.number() == number)
    }

    /// The stored number.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "a fieldless enum with u8 representation")]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Lower-case name for metrics and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cleared => "cleared",
            Self::Held => "held",
            Self::Voided => "voided",
            Self::Rejected => "rejected",
            Self::Duplicate => "duplicate",
            Self::Queued => "queued",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// Why an entry was rejected, in order of precedence: where several apply, the first is answered.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
        #[repr(u8)]
        pub enum RejectReason { $($(#[$doc])* $name = $number,)* }

        impl RejectReason {
            /// All reasons in order of precedence.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Lower-case name for metrics and reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

reasons! {
    /// The id is zero.
    MissingId = 1, "missing_id";
    /// The id stands for another transfer already.
    IdReused = 2, "id_reused";
    /// A reserved or engine-owned field is set, a flag is unknown, flags exclude each other, or what may wait owes a fee.
    MalformedRecord = 3, "malformed_record";
    /// The amount is zero where it must not be, not zero in a void that keeps nothing held, or over 18 digits.
    InvalidAmount = 4, "invalid_amount";
    /// Debtor and creditor are the same account.
    SameAccount = 5, "same_account";
    /// No such debtor account.
    UnknownDebtor = 6, "unknown_debtor";
    /// No such creditor account.
    UnknownCreditor = 7, "unknown_creditor";
    /// The submitting participant does not own the debtor account, and no quote of its own and no tariff says just that
    /// transfer; or no command has ordered just that.
    NotOwner = 8, "not_owner";
    /// The currency is not the one of both accounts.
    CurrencyMismatch = 9, "currency_mismatch";
    /// The debtor's participant is suspended.
    DebtorParticipantSuspended = 10, "debtor_participant_suspended";
    /// The creditor's participant is suspended.
    CreditorParticipantSuspended = 11, "creditor_participant_suspended";
    /// The debtor account is closed.
    DebtorClosed = 12, "debtor_closed";
    /// The creditor account is closed.
    CreditorClosed = 13, "creditor_closed";
    /// The debtor account is frozen or receive-only.
    DebtorBlocked = 14, "debtor_blocked";
    /// The creditor account is frozen or send-only.
    CreditorBlocked = 15, "creditor_blocked";
    /// No hold or waiting payment of that id is pending on the debtor account: never was, is ended, or its time or turn
    /// has not come.
    NoPendingHold = 16, "no_pending_hold";
    /// The hold or waiting payment is for another creditor account, or of another amount.
    HoldMismatch = 17, "hold_mismatch";
    /// More is posted than was held, or more is to stay held.
    ExceedsHold = 18, "exceeds_hold";
    /// Available balance and credit line do not cover the amount.
    InsufficientFunds = 19, "insufficient_funds";
    /// The participant's position would go below its net debit cap.
    NetDebitCapExceeded = 20, "net_debit_cap_exceeded";
    /// Sums of holds have reached what 64 bits hold, or too many holds or waiting payments are pending.
    TooManyHolds = 21, "too_many_holds";
    /// A chain's last record is linked to nothing.
    ChainOpen = 22, "chain_open";
    /// A chain has more members than allowed.
    ChainTooLong = 23, "chain_too_long";
    /// Another member of the chain was not accepted.
    ChainFailed = 24, "chain_failed";
    /// Payments of the same account that go out in order wait before it: it waits behind them.
    QueuedAhead = 25, "queued_ahead";
    /// The participant's limit towards the other one would be passed.
    BilateralLimitExceeded = 26, "bilateral_limit_exceeded";
    /// The participant's limit towards all that have no bilateral one would be passed.
    MultilateralLimitExceeded = 27, "multilateral_limit_exceeded";
    /// The account or participant has paid as much, or as often, as it may in the period.
    VelocityExceeded = 28, "velocity_exceeded";
    /// What is left of the headroom is kept for more urgent payments.
    LiquidityReserved = 29, "liquidity_reserved";
    /// The quote has expired, or has been traded on.
    QuoteExpired = 31, "quote_expired";
    /// One side of the trade would be shorter, in all currencies together, than its foreign exchange limit lets it.
    FxLimitExceeded = 32, "fx_limit_exceeded";
    /// No transfer of that id has cleared from the creditor account to the debtor account of the return, or it is a return
    /// itself.
    NotReturnable = 34, "not_returnable";
    /// More would come back than was paid.
    ExceedsOriginal = 35, "exceeds_original";
    /// The order has been carried out, or its time is over.
    OrderSpent = 36, "order_spent";
    /// So much is not held on the account for the case.
    NotHeld = 37, "not_held";
    /// A tariff charges for the payment, and not all legs of the fee stand behind it in its chain.
    FeeMissing = 38, "fee_missing";
    /// A fee's leg is not what a tariff says at its place in the chain.
    FeeMismatch = 39, "fee_mismatch";
    /// A command can't be read, or is of an unknown kind.
    MalformedCommand = 40, "malformed_command";
    /// The command lacks the valid approvals that it takes: of two different officers, or of one; or a proposal is
    /// approved by its proposer.
    FourEyesRequired = 41, "four_eyes_required";
    /// The engine's genesis has been journaled already, or is missing.
    GenesisMisplaced = 42, "genesis_misplaced";
    /// The command names an unknown participant.
    UnknownParticipant = 43, "unknown_participant";
    /// The participant, position or alias exists already.
    AlreadyRegistered = 44, "already_registered";
    /// The command names an unknown account.
    UnknownAccount = 45, "unknown_account";
    /// The participant has no position in that currency.
    UnknownPosition = 46, "unknown_position";
    /// The command names an unknown cycle.
    UnknownCycle = 47, "unknown_cycle";
    /// The cycle is not in the state that the command needs.
    CycleState = 48, "cycle_state";
    /// The account is closed, which is for ever, or can't be closed: a clearing account, or one that a tariff pays.
    AccountState = 49, "account_state";
    /// The account is not empty, or has pending holds.
    AccountNotEmpty = 50, "account_not_empty";
    /// The command would pass a bound of the engine.
    LimitReached = 51, "limit_reached";
    /// The currency has a position already, and settles as it does.
    ModelFixed = 52, "model_fixed";
    /// The cycle's cut-off has not come, or no calendar is set.
    CutOffNotReached = 53, "cut_off_not_reached";
    /// A participant is marked as not having paid for the cycle.
    ParticipantFailed = 54, "participant_failed";
    /// No business day, no cut-off, or days or times that there are not, or not once each and ascending.
    BadCalendar = 55, "bad_calendar";
    /// The numbers of a limit make no sense: towards itself, of no period, of a class that is none, or too large.
    LimitInvalid = 56, "limit_invalid";
    /// The provider has no rate for the pair, or it has expired.
    UnknownRate = 59, "unknown_rate";
    /// More is asked for than the rate has left.
    RateExhausted = 60, "rate_exhausted";
    /// The participant whose word the command is has not signed it, or is suspended.
    ParticipantSignature = 61, "participant_signature";
    /// One currency, one participant, no time, no size, or a bid above the ask.
    BadRate = 62, "bad_rate";
    /// A posting between one account or two currencies, of no reason, or of no amount that there may be.
    BadPosting = 64, "bad_posting";
    /// No such fraud case runs: never did, is ended, or its deadline has passed.
    UnknownCase = 65, "unknown_case";
    /// The reported transfer has not cleared so, or less of it is left; a trace is not one of the case, names accounts that
    /// can't be, or more than is in dispute; or so much is not held on the account.
    BadCase = 66, "bad_case";
    /// A recast's or waterfall's positions are not listed once each and ascending, are zero, of the failing participant,
    /// of no position that defers, or do not sum to zero.
    BadNets = 67, "bad_nets";
    /// The cycle has been recast without that participant, or its debt covered.
    AlreadyRecast = 68, "already_recast";
    /// More is taken than collateral or fund holds, or something later before the earlier is used up.
    WaterfallOrder = 69, "waterfall_order";
    /// What is covered is not what the participant owes of the cycle.
    ShortfallMismatch = 70, "shortfall_mismatch";
    /// The command names an unknown officer.
    UnknownOfficer = 71, "unknown_officer";
    /// No such proposal stands: never did, is decided, withdrawn or expired, or is of other content.
    UnknownProposal = 72, "unknown_proposal";
    /// The approved proposal waits, and its time has not come.
    ProposalEarly = 73, "proposal_early";
    /// The command loosens something while loosenings are delayed: it must be proposed.
    ProposalRequired = 74, "proposal_required";
    /// The numbers of a tariff make no sense, an account that gets something is kept in another currency, or it is
    /// announced too shortly before.
    BadTariff = 90, "bad_tariff";
    /// The command names an unknown tariff.
    UnknownTariff = 91, "unknown_tariff";
}

impl RejectReason {
    /// Whether a payment that may wait waits for this to change.
    #[must_use]
    pub const fn is_of_liquidity(self) -> bool {
        matches!(
            self,
            Self::InsufficientFunds
                | Self::NetDebitCapExceeded
                | Self::QueuedAhead
                | Self::BilateralLimitExceeded
                | Self::MultilateralLimitExceeded
                | Self::LiquidityReserved
        )
    }

    /// The stored number.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "a fieldless enum with u8 representation")]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The reason of a stored number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.number() == number)
    }
}

/// The engine's answer to one journaled entry, 32 bytes, kept by sequence.
///
/// `amount` is what moved or was reserved, in minor units; for a duplicate, the original's sequence. The
/// two `previous` fields make an account's history a walk back: the sequence of the last posting before
/// this one on the debtor's and on the creditor's account, zero for none.
/// Aligned to 8 bytes, so that rows move in whole words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C, align(8))]
pub struct OutcomeRow {
    /// [`Outcome`].
    pub outcome: u8,
    /// [`RejectReason`] of what is rejected or waits, or zero.
    pub reason: u8,
    /// Zero.
    pub zeros: [u8; 2],
    /// Zero.
    pub zero: U32,
    /// Minor units moved or reserved, or the original's sequence.
    pub amount: U64,
    /// Previous posting of the debtor account.
    pub debtor_previous: U64,
    /// Previous posting of the creditor account.
    pub creditor_previous: U64,
}

/// Bytes of an [`OutcomeRow`].
pub const ROW_BYTES: usize = 32;
const _: () = assert!(size_of::<OutcomeRow>() == ROW_BYTES);

impl OutcomeRow {
    /// An accepted entry of `amount` minor units; the links are set when it is posted.
    #[must_use]
    pub fn accepted(outcome: Outcome, amount: u64) -> Self {
        Self { amount: amount.into(), ..Self::of(outcome, 0) }
    }

    /// A payment of `amount` minor units that waits, and what keeps it.
    #[must_use]
    pub fn queued(amount: u64, reason: Option<RejectReason>) -> Self {
        Self { amount: amount.into(), ..Self::of(Outcome::Queued, reason.map_or(0, RejectReason::number)) }
    }

    /// A rejected entry.
    #[must_use]
    pub fn rejected(reason: RejectReason) -> Self {
        Self::of(Outcome::Rejected, reason.number())
    }

    /// A repetition of the entry at `original`.
    #[must_use]
    pub fn duplicate(original: u64) -> Self {
        Self { amount: original.into(), ..Self::of(Outcome::Duplicate, 0) }
    }

    fn of(outcome: Outcome, reason: u8) -> Self {
        Self { outcome: outcome.number(), reason, ..zerocopy::FromZeros::new_zeroed() }
    }

    /// The outcome; rows are written by the engine alone, so an unknown number is damage.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        Outcome::from_number(self.outcome)
    }

    /// Why it was rejected, if it was.
    #[must_use]
    pub fn reason(&self) -> Option<RejectReason> {
        RejectReason::from_number(self.reason)
    }

    /// Where the original of a duplicate stands.
    #[must_use]
    pub fn original(&self) -> Option<u64> {
        (self.outcome() == Some(Outcome::Duplicate)).then(|| self.amount.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_ascend_with_precedence() {
        assert!(RejectReason::ALL.windows(2).all(|pair| pair[0].number() < pair[1].number()));
        for reason in RejectReason::ALL {
            assert_eq!(RejectReason::from_number(reason.number()), Some(*reason));
        }
        assert_eq!(RejectReason::from_number(0), None);
        assert_eq!(Outcome::from_number(0), None);
    }

    #[test]
    fn numbers_never_change() {
        assert_eq!(RejectReason::InsufficientFunds.number(), 19);
        assert_eq!(RejectReason::NetDebitCapExceeded.number(), 20);
        assert_eq!(RejectReason::ChainFailed.number(), 24);
        assert_eq!(RejectReason::LimitReached.number(), 51);
        assert_eq!(Outcome::Cleared.number(), 1);
    }
}
