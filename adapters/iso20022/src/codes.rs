//! The external codes that statuses and reasons carry, with what they mean here. One table, read by everyone.
//!
//! Source: ISO 20022 external code sets (ExternalStatusReason1Code, ExternalReturnReason1Code,
//! ExternalCancellationReason1Code, ExternalPaymentCancellationRejection1Code, ExternalPaymentTransactionStatus1Code,
//! ExternalPaymentGroupStatus1Code, ExternalInvestigationExecutionConfirmation1Code, ExternalRejectReason of
//! admi.002). The wording is ours, the codes are theirs. The sets are larger and grow: a code that is not here is
//! read and kept as text.

use std::fmt;

/// A reason code of one or more of the external code sets ([`CodeSet`]).
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

    /// Whether a code set has the code.
    #[must_use]
    pub fn is_in(self, set: CodeSet) -> bool {
        CODE_SETS.iter().any(|(code, sets)| *code == self && sets.contains(&set))
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

/// The external code sets that reason codes come from; one code may be in several.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum CodeSet {
    /// ExternalStatusReason1Code: why a message or transaction has its status (pacs.002).
    Status,
    /// ExternalReturnReason1Code: why a payment is returned (pacs.004).
    Return,
    /// ExternalCancellationReason1Code: why a payment is recalled (camt.056).
    Recall,
    /// ExternalPaymentCancellationRejection1Code: why a recall is rejected or pending (camt.029).
    Answer,
}

macro_rules! reasons {
    ($($code:ident $($set:ident)+ $meaning:literal),+ $(,)?) => {
        $(
            #[doc = $meaning]
            pub const $code: ReasonCode = ReasonCode(stringify!($code));
        )+
        /// Every reason code in use, ascending, with its meaning.
        pub const REASONS: &[(ReasonCode, &str)] = &[$(($code, $meaning)),+];
        /// The code sets of every reason code, in the same order.
        pub const CODE_SETS: &[(ReasonCode, &[CodeSet])] = &[$(($code, &[$(CodeSet::$set),+])),+];
    };
}

reasons! {
    AB03 Status "Settlement was stopped by a timeout.",
    AB05 Status "The transaction timed out at the creditor agent.",
    AB08 Status "The creditor agent is not online.",
    AC01 Status Return "The account number is wrong or missing.",
    AC02 Status Return Recall "The debtor's account number is wrong or missing.",
    AC03 Status Return Recall "The creditor's account number is wrong or missing.",
    AC04 Status Return Answer "The account is closed.",
    AC05 Status "The debtor's account is closed.",
    AC06 Status Return "The account is blocked.",
    AC07 Status Return "The creditor's account is closed.",
    AC09 Status "The account's currency is wrong or missing.",
    AC10 Status "The currency of the debtor's account is wrong or missing.",
    AC11 Status "The currency of the creditor's account is wrong or missing.",
    AC13 Status Return "The kind of the debtor's account is wrong or missing.",
    AC14 Status Return "The kind of the creditor's account does not fit.",
    AC15 Status Return "The account's details have changed.",
    AC16 Return "The account is in sequestration.",
    AC17 Return "The account is in liquidation.",
    ADAC Answer "The customer has not yet given authority to debit the account.",
    AEXR Status "The request to pay has expired.",
    AG01 Status Return "The transaction is forbidden on this account.",
    AG02 Status Return "The operation code is not valid for the receiver.",
    AG03 Status "This kind of transaction is not supported.",
    AG07 Status Return "The debtor's account can't be debited.",
    AG08 Status "The sender may not act for this account.",
    AG09 Status "The original payment never came.",
    AG10 Status "The agent is suspended.",
    AG11 Status "The creditor agent is suspended.",
    AG13 Status "A return is not returned.",
    AGNT Status Return Recall Answer "An agent in the chain of the payment is wrong.",
    ALAC Status "The request to pay was accepted before.",
    AM01 Status Return "The amount is zero.",
    AM02 Status Return "The amount is larger than allowed.",
    AM03 Status Return "The currency is not cleared here.",
    AM04 Status Return Answer "The funds do not suffice.",
    AM05 Status Return "The message or transaction is a duplicate.",
    AM06 Status Return "The amount is smaller than agreed.",
    AM07 Status Return "The amount is blocked.",
    AM09 Status Return Recall "The amount is not the one agreed.",
    AM10 Status Return "The sum of the amounts differs from the control sum.",
    AM11 Status "The transaction's currency is wrong or missing.",
    AM12 Status "The amount is wrong or missing.",
    AM13 Status "The amount exceeds the limit of the clearing system.",
    AM14 Status "The amount exceeds the limit agreed.",
    AM16 Status "The control sum of the group is wrong.",
    AM17 Status "The control sum of the payment information is wrong.",
    AM18 Status "The number of transactions is wrong or missing.",
    AM19 Status "The number of transactions of the group is wrong.",
    AM20 Status "The number of transactions of the payment information is wrong.",
    AM21 Status "The amount exceeds a limit agreed with the customer.",
    AM23 Status "The amount exceeds the settlement limit.",
    ARDT Return Answer "The payment was returned before.",
    ARFR Status "The request to pay was refused by the debtor before.",
    ARPL Answer "The receiver of the request has not replied yet.",
    BE01 Status Return "The customer does not fit the account.",
    BE04 Status Return "The creditor's address is wrong or missing.",
    BE05 Status Return "The party that initiated the payment is not known.",
    BE06 Status Return "The customer is not known at the bank.",
    BE07 Status Return "The debtor's address is wrong or missing.",
    BE08 Return "A fault of the bank.",
    CH16 Status "An element's content is wrong.",
    CH17 Status "An element is there that may not be.",
    CH20 Status "The amount has other decimals than its currency.",
    CH21 Status "An element that is needed is missing.",
    CNOR Status Return "The creditor's bank is not registered here.",
    COVR Recall "The cover was returned or cancelled.",
    CURR Status Return Recall "The currency of the payment is wrong.",
    CUST Status Return Recall Answer "The customer asks for it, or decided so.",
    CUTA Recall "An enquiry could not be resolved.",
    DNOR Status Return "The debtor's bank is not registered here.",
    DS24 Recall "The payment order timed out.",
    DS28 Return "A technical fault made the payment wrong.",
    DT01 Status Return Recall "A date is wrong or missing.",
    DT02 Status "The creation date is wrong.",
    DU01 Status "The message identification is not unique.",
    DU02 Status "The payment information identification is not unique.",
    DU03 Status "The transaction is not unique.",
    DU04 Status "The end-to-end identification is not unique.",
    DU05 Status "The instruction identification is not unique.",
    DUPL Status Return Recall "The payment duplicates another.",
    ED05 Status Return "Settlement of the transaction failed.",
    FF01 Status "The file's format is incomplete or wrong.",
    FF10 Status "A technical fault at the bank.",
    FF12 Status "The original payment can't be returned as it stands.",
    FF13 Status "No request for cancellation is known.",
    FOCR Status Return "It follows a request for cancellation.",
    FR01 Status Return "A fraud.",
    FRAD Status Recall "The payment was made by fraud.",
    FRNA Recall "The request should go on to the next agent.",
    IDMN Answer "An indemnity must be agreed first.",
    INDM Recall "The sender offers an indemnity.",
    IRNR Status "No such request to pay ever came.",
    LEGL Answer "The law forbids it.",
    MD07 Status Return "The customer is deceased.",
    MS02 Status Return "The customer gave no reason.",
    MS03 Status Return "The agent gave no reason.",
    NARR Status Return Recall Answer "The reason is in the text.",
    NFNA Recall "The request should not go on to the next agent.",
    NOAS Status Return Answer "The customer did not answer.",
    NOOR Return Answer "The original payment never came.",
    PTNA Answer "The payment was passed on to the next agent.",
    RC01 Status Return "The bank's identifier is wrong.",
    RC03 Status Return "The identifier of the debtor's bank is wrong or missing.",
    RC04 Status Return "The identifier of the creditor's bank is wrong or missing.",
    RC07 Status Return "The BIC of the creditor's bank is wrong.",
    RQDA Answer "The creditor's authority is needed to return the payment.",
    RR01 Status Return "The debtor's account or identification is missing.",
    RR02 Status Return "The debtor's name or address is missing.",
    RR03 Status Return "The creditor's name or address is missing.",
    RR04 Status Return "A regulatory reason.",
    RUTA Status Return "An enquiry could not be resolved, so the payment is returned.",
    SVNR Return Recall "A service was not rendered.",
    SYAD Recall "The request is for the settlement system and goes no further.",
    TA01 Status "The transmission stopped before the whole file was there.",
    TECH Recall "A technical fault made the payment wrong.",
    TM01 Status Return "It came after the cut-off time.",
    TS01 Status "The transmission of the file succeeded.",
    UAPA Recall "The payment was not authorised.",
    UPAY Status Return Recall "The payment is not justified.",
    WSEQ Answer "The sequence that the request names is wrong.",
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
    /// Accepted, not yet posted on the creditor's account.
    Acwp,
    /// Accepted, but the money is blocked.
    Blck,
    /// Cancelled.
    Canc,
    /// Some transactions were accepted, some rejected (groups only).
    Part,
    /// Waiting: held, or queued for funds.
    Pdng,
    /// Received (groups only).
    Rcvd,
    /// Rejected.
    Rjct,
}

const STATUSES: [(Status, &str); 13] = [
    (Status::Accc, "ACCC"),
    (Status::Accp, "ACCP"),
    (Status::Acsc, "ACSC"),
    (Status::Acsp, "ACSP"),
    (Status::Actc, "ACTC"),
    (Status::Acwc, "ACWC"),
    (Status::Acwp, "ACWP"),
    (Status::Blck, "BLCK"),
    (Status::Canc, "CANC"),
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

    /// What the status decides on a payment that waits for its receiver's confirmation. A technical acceptance
    /// (ACTC) and an acceptance with a change (ACWC) decide nothing.
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Accc | Self::Accp | Self::Acsc | Self::Acsp | Self::Acwp => Verdict::Accepted,
            Self::Canc | Self::Rjct => Verdict::Rejected,
            Self::Actc | Self::Acwc | Self::Blck | Self::Part | Self::Pdng | Self::Rcvd => Verdict::Pending,
        }
    }

    /// The four characters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        STATUSES.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }
}

/// What an answer decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Verdict {
    /// Yes, finally.
    Accepted,
    /// No, finally.
    Rejected,
    /// Nothing yet: another answer follows, or a time-out.
    Pending,
}

/// How a recall is answered: of a message (`Conf`), a group (`GrpCxlSts`) or a transaction (`TxCxlSts`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum RecallStatus {
    /// Accepted (groups and transactions).
    Accr,
    /// Cancelled as requested (whole messages).
    Cncl,
    /// Accepted in part (groups).
    Pacr,
    /// Pending.
    Pdcr,
    /// Executed in part (whole messages).
    Pecr,
    /// Rejected.
    Rjcr,
}

const RECALL_STATUSES: [(RecallStatus, &str); 6] = [
    (RecallStatus::Accr, "ACCR"),
    (RecallStatus::Cncl, "CNCL"),
    (RecallStatus::Pacr, "PACR"),
    (RecallStatus::Pdcr, "PDCR"),
    (RecallStatus::Pecr, "PECR"),
    (RecallStatus::Rjcr, "RJCR"),
];

impl RecallStatus {
    /// The status of a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        RECALL_STATUSES.iter().find(|row| row.1 == code).map(|row| row.0)
    }

    /// The four characters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        RECALL_STATUSES.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    /// What the status decides on a recalled payment. Accepted in part decides nothing of a single payment.
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Accr | Self::Cncl => Verdict::Accepted,
            Self::Rjcr => Verdict::Rejected,
            Self::Pacr | Self::Pdcr | Self::Pecr => Verdict::Pending,
        }
    }
}

impl fmt::Display for RecallStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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
        for (status, code) in RECALL_STATUSES {
            assert_eq!((RecallStatus::parse(code), status.as_str()), (Some(status), code));
        }
        let order = |codes: &mut dyn Iterator<Item = &str>| codes.collect::<Vec<&str>>().is_sorted();
        assert!(order(&mut STATUSES.iter().map(|row| row.1)));
        assert!(order(&mut RECALL_STATUSES.iter().map(|row| row.1)));
    }

    #[test]
    fn each_code_stands_in_its_sets() {
        let rows: [(ReasonCode, &[CodeSet]); 6] = [
            (AM04, &[CodeSet::Status, CodeSet::Return, CodeSet::Answer]),
            (DUPL, &[CodeSet::Status, CodeSet::Return, CodeSet::Recall]),
            (FOCR, &[CodeSet::Status, CodeSet::Return]),
            (FRAD, &[CodeSet::Status, CodeSet::Recall]),
            (LEGL, &[CodeSet::Answer]),
            (CUST, &[CodeSet::Status, CodeSet::Return, CodeSet::Recall, CodeSet::Answer]),
        ];
        for (code, expected) in rows {
            for set in [CodeSet::Status, CodeSet::Return, CodeSet::Recall, CodeSet::Answer] {
                assert_eq!(code.is_in(set), expected.contains(&set), "{code} {set:?}");
            }
        }
        assert!(CODE_SETS.iter().zip(REASONS).all(|(sets, reason)| sets.0 == reason.0 && !sets.1.is_empty()));
    }
}
