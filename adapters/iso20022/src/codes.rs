//! The external codes that statuses and reasons carry, with what they mean here. One table, read by everyone.
//!
//! Source: ISO 20022 external code sets (ExternalStatusReason1Code, ExternalPaymentTransactionStatus1Code,
//! ExternalPaymentGroupStatus1Code, ExternalRejectReason of admi.002). The wording is ours, the codes are theirs.

use std::fmt;

/// A reason code of ExternalStatusReason1Code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReasonCode(&'static str);

impl ReasonCode {
    /// The code of that text, if it is one of [`REASONS`].
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        REASONS.iter().find(|row| row.0.0 == code).map(|row| row.0)
    }

    /// The four characters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// What the code says, for a person.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        REASONS.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

macro_rules! reasons {
    ($($code:ident $meaning:literal),+ $(,)?) => {
        $(
            #[doc = $meaning]
            pub const $code: ReasonCode = ReasonCode(stringify!($code));
        )+
        /// Every reason code in use, ascending, with its meaning.
        pub const REASONS: &[(ReasonCode, &str)] = &[$(($code, $meaning)),+];
    };
}

reasons! {
    AB03 "Settlement was stopped by a timeout.",
    AB05 "The transaction timed out at the creditor agent.",
    AB08 "The creditor agent is not online.",
    AC01 "The account number is wrong or missing.",
    AC02 "The debtor's account number is wrong or missing.",
    AC03 "The creditor's account number is wrong or missing.",
    AC04 "The account is closed.",
    AC05 "The debtor's account is closed.",
    AC06 "The account is blocked.",
    AC07 "The creditor's account is closed.",
    AC09 "The account's currency is wrong or missing.",
    AC10 "The currency of the debtor's account is wrong or missing.",
    AC11 "The currency of the creditor's account is wrong or missing.",
    AC14 "The kind of the creditor's account does not fit.",
    AG01 "The transaction is forbidden on this account.",
    AG03 "This kind of transaction is not supported.",
    AG08 "The sender may not act for this account.",
    AG10 "The agent is suspended.",
    AG11 "The creditor agent is suspended.",
    AGNT "An agent in the chain of the payment is wrong.",
    AM01 "The amount is zero.",
    AM02 "The amount is larger than allowed.",
    AM03 "The currency is not cleared here.",
    AM04 "The funds do not suffice.",
    AM05 "The message or transaction is a duplicate.",
    AM06 "The amount is smaller than agreed.",
    AM07 "The amount is blocked.",
    AM09 "The amount is not the one agreed.",
    AM10 "The sum of the amounts differs from the control sum.",
    AM11 "The transaction's currency is wrong or missing.",
    AM12 "The amount is wrong or missing.",
    AM13 "The amount exceeds the limit of the clearing system.",
    AM14 "The amount exceeds the limit agreed.",
    AM16 "The control sum of the group is wrong.",
    AM17 "The control sum of the payment information is wrong.",
    AM18 "The number of transactions is wrong or missing.",
    AM19 "The number of transactions of the group is wrong.",
    AM20 "The number of transactions of the payment information is wrong.",
    AM21 "The amount exceeds a limit agreed with the customer.",
    AM23 "The amount exceeds the settlement limit.",
    BE01 "The customer does not fit the account.",
    CNOR "The creditor's bank is not registered here.",
    CURR "The currency of the payment is wrong.",
    DNOR "The debtor's bank is not registered here.",
    DT01 "A date is wrong or missing.",
    DT02 "The creation date is wrong.",
    DU01 "The message identification is not unique.",
    DU02 "The payment information identification is not unique.",
    DU03 "The transaction is not unique.",
    DU04 "The end-to-end identification is not unique.",
    DU05 "The instruction identification is not unique.",
    DUPL "The payment duplicates another.",
    ED05 "Settlement of the transaction failed.",
    FF01 "The file's format is incomplete or wrong.",
    FF10 "A technical fault at the bank.",
    MS03 "The agent gave no reason.",
    NARR "The reason is in the text.",
    RC01 "The bank's identifier is wrong.",
    RC03 "The identifier of the debtor's bank is wrong or missing.",
    RC04 "The identifier of the creditor's bank is wrong or missing.",
    RR04 "A regulatory reason.",
    TM01 "It came after the cut-off time.",
    TS01 "The transmission stopped before the whole file was there.",
}

/// A status of a group or of a transaction (ExternalPaymentGroupStatus1Code,
/// ExternalPaymentTransactionStatus1Code).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Status {
    /// Settled on the creditor's account.
    Accc,
    /// Accepted: the customer's profile was checked too.
    Accp,
    /// Settled on the debtor's account: cleared and final.
    Acsc,
    /// Accepted, settlement in process: cleared, its cycle not yet settled.
    Acsp,
    /// Accepted: authentication, syntax and semantics are right.
    Actc,
    /// Accepted with a change.
    Acwc,
    /// Some transactions were accepted, some rejected (groups only).
    Part,
    /// Waiting: held, or queued for funds.
    Pdng,
    /// Received (groups only).
    Rcvd,
    /// Rejected.
    Rjct,
}

const STATUSES: [(Status, &str); 10] = [
    (Status::Accc, "ACCC"),
    (Status::Accp, "ACCP"),
    (Status::Acsc, "ACSC"),
    (Status::Acsp, "ACSP"),
    (Status::Actc, "ACTC"),
    (Status::Acwc, "ACWC"),
    (Status::Part, "PART"),
    (Status::Pdng, "PDNG"),
    (Status::Rcvd, "RCVD"),
    (Status::Rjct, "RJCT"),
];

impl Status {
    /// The status of a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        STATUSES.iter().find(|row| row.1 == code).map(|row| row.0)
    }

    /// The four characters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        STATUSES.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_sorted_and_found_again() {
        assert!(REASONS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (code, meaning) in REASONS {
            assert_eq!(ReasonCode::parse(code.as_str()), Some(*code));
            assert_eq!((code.as_str().len(), code.meaning()), (4, *meaning));
        }
        for (status, code) in STATUSES {
            assert_eq!((Status::parse(code), status.as_str()), (Some(status), code));
        }
        assert_eq!(ReasonCode::parse("XXXX"), None);
    }
}
