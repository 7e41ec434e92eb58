//! Answers of field 39: one table from the engine's reasons to the codes of 1987 and 1993. README.md shows it; a test holds
//! the two together.

use feiqian_core::outcome::RejectReason;
use feiqian_iso8583::spec::Edition;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $old:literal, $new:literal;)*) => {
        /// What a request is answered.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Field 39 in an edition: a response code of two characters (1987), an action code of three digits (1993).
            #[must_use]
            pub const fn text(self, edition: Edition) -> &'static str {
                match (self, edition) { $(
                    (Self::$name, Edition::E1987) => $old,
                    (Self::$name, Edition::E1993) => $new,
                )* }
            }
        }
    };
}

codes! {
    /// Approved, or completed.
    Approved = "00", "000";
    /// A reversal has been carried out.
    Reversed = "00", "400";
    /// Reconciled; whether in balance, field 66 says.
    InBalance = "00", "500";
    /// Reconciled, and out of balance.
    OutOfBalance = "00", "501";
    /// A network management request was accepted.
    Managed = "00", "800";
    /// What the fields ask for together is no transaction.
    InvalidTransaction = "12", "902";
    /// Zero, or beyond 18 digits.
    InvalidAmount = "13", "110";
    /// No card of that number is enrolled.
    UnknownCard = "14", "111";
    /// Nothing was left to be taken back.
    NoAction = "21", "902";
    /// The original is not here, or not as the message says.
    NoOriginal = "25", "914";
    /// A file action has been carried out.
    FileChanged = "00", "300";
    /// A file action is about no card or account of the issuer's.
    NoRecord = "25", "302";
    /// A file action that can't be carried out.
    FileUnchanged = "29", "306";
    /// A field that it takes is missing, or has no such meaning.
    FormatError = "30", "904";
    /// This kind of message is not served.
    NotSupported = "40", "115";
    /// Balance and credit line do not cover it.
    Funds = "51", "116";
    /// The account may not do this.
    NotPermitted = "57", "119";
    /// The card stands for no account in the message's currencies.
    NoAccount = "57", "114";
    /// Over a limit of amounts.
    AmountLimit = "61", "121";
    /// The account is frozen or closed.
    Restricted = "62", "104";
    /// The card's enrolment has ended.
    Withdrawn = "62", "125";
    /// The message authentication code is missing or wrong.
    Security = "63", "916";
    /// More than the original's amount.
    OriginalAmount = "64", "110";
    /// Over a limit of a period.
    FrequencyLimit = "65", "123";
    /// Its reversal has come before it.
    TooLate = "68", "913";
    /// Not taken; try again.
    Unavailable = "91", "907";
    /// The institution is not known on this link.
    NoRoute = "92", "908";
    /// The same trace number stands for another request.
    Duplicate = "94", "913";
    /// Totals can't be given.
    NoTotals = "95", "503";
    /// Something that must not be.
    Malfunction = "96", "909";
}

impl Code {
    /// What a reason of the engine is answered as.
    #[must_use]
    pub const fn of(reason: RejectReason) -> Self {
        use RejectReason as Reason;
        match reason {
            Reason::IdReused => Self::Duplicate,
            Reason::InvalidAmount => Self::InvalidAmount,
            Reason::SameAccount | Reason::CurrencyMismatch => Self::InvalidTransaction,
            Reason::UnknownDebtor => Self::UnknownCard,
            Reason::UnknownCreditor => Self::NoRoute,
            Reason::NotOwner | Reason::CreditorClosed | Reason::CreditorBlocked => Self::NotPermitted,
            Reason::DebtorParticipantSuspended
            | Reason::CreditorParticipantSuspended
            | Reason::TooManyHolds
            // A leg of its fee could not be paid.
            | Reason::ChainFailed => Self::Unavailable,
            Reason::DebtorClosed | Reason::DebtorBlocked => Self::Restricted,
            Reason::NoPendingHold | Reason::HoldMismatch | Reason::NotReturnable => Self::NoOriginal,
            Reason::ExceedsHold | Reason::ExceedsOriginal => Self::OriginalAmount,
            Reason::InsufficientFunds | Reason::LiquidityReserved | Reason::QueuedAhead => Self::Funds,
            Reason::NetDebitCapExceeded
            | Reason::BilateralLimitExceeded
            | Reason::MultilateralLimitExceeded => Self::AmountLimit,
            Reason::VelocityExceeded => Self::FrequencyLimit,
            _ => Self::Malfunction,
        }
    }

    /// Whether the request was granted.
    #[must_use]
    pub const fn is_granted(self) -> bool {
        matches!(
            self,
            Self::Approved
                | Self::Reversed
                | Self::InBalance
                | Self::OutOfBalance
                | Self::Managed
                | Self::FileChanged
        )
    }
}

/// Whether field 39 of an advice says that it was granted elsewhere; none for what has no known meaning, or is no decision.
/// Of 1987 with UnionPay's: A2, A4, A5 and A6 are successes that the issuer has still to confirm. Of 1993: 000 to 007 approved, 100 to 299 denied, 902 to 922
/// not carried out.
pub(crate) fn was_granted(text: &str, edition: Edition) -> Option<bool> {
    let number = text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse::<u16>().ok()).flatten();
    match (edition, number) {
        (Edition::E1987, Some(0 | 8 | 10 | 11 | 16)) | (Edition::E1993, Some(0..=7)) => Some(true),
        (Edition::E1987, Some(1..=7 | 12..=15 | 17..=31 | 33..=44 | 51..=68 | 75 | 90..=99))
        | (Edition::E1993, Some(100..=299 | 902..=922)) => Some(false),
        (Edition::E1987, None) => match text {
            "A2" | "A4" | "A5" | "A6" => Some(true),
            "A0" | "A1" | "A3" | "A7" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows `| reason | 1987 | 1993 | …` of README.md.
    fn rows() -> Vec<(&'static str, &'static str, &'static str)> {
        let cells = |line: &'static str| line.split('|').map(str::trim).collect::<Vec<_>>();
        let rows = include_str!("../README.md").lines().filter(|line| line.starts_with("| `")).map(cells);
        rows.filter(|cells| cells.len() > 4).map(|cells| (cells[1], cells[2], cells[3])).collect()
    }

    #[test]
    fn the_readmes_table_says_what_each_reason_is_answered_as() {
        let rows = rows();
        for reason in RejectReason::ALL {
            let code = Code::of(*reason);
            let name = format!("`{}`", reason.name());
            let row = rows.iter().find(|(reasons, ..)| reasons.split(' ').any(|at| at == name));
            match row {
                Some((_, old, new)) => {
                    assert_eq!(
                        (*old, *new),
                        (code.text(Edition::E1987), code.text(Edition::E1993)),
                        "{name}"
                    );
                }
                None => assert_eq!(code, Code::Malfunction, "{name} is not in the table"),
            }
        }
        assert!(rows.len() > 10);
    }

    #[test]
    fn what_was_decided_elsewhere_is_read_by_its_edition_and_an_unknown_code_is_none() {
        let rows = [
            (Edition::E1987, "00 08 10 11 16 A2 A4 A5 A6", Some(true)),
            (Edition::E1987, "01 05 14 51 61 68 91 96 99 A0 A1 A3 A7", Some(false)),
            (Edition::E1987, "09 32 45 70 85 A8 0A N7", None),
            (Edition::E1993, "000 001 002 003 004 005 006 007", Some(true)),
            (Edition::E1993, "100 116 200 902 909 916", Some(false)),
            (Edition::E1993, "008 099 300 400 500 800 900 901 923 950", None),
        ];
        for (edition, texts, granted) in rows {
            for text in texts.split(' ') {
                assert_eq!(was_granted(text, edition), granted, "{text}");
            }
        }
        // What the port itself answers to payments is what it would understand.
        for code in [Code::Approved, Code::Funds, Code::UnknownCard, Code::Malfunction, Code::NoAction] {
            for edition in [Edition::E1987, Edition::E1993] {
                assert_eq!(was_granted(code.text(edition), edition), Some(code.is_granted()), "{code:?}");
            }
        }
    }

    #[test]
    fn texts_have_the_editions_width() {
        for code in Code::ALL {
            assert_eq!(
                (code.text(Edition::E1987).len(), code.text(Edition::E1993).len()),
                (2, 3),
                "{code:?}"
            );
        }
    }
}
