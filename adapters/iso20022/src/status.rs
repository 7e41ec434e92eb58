//! Payment status reports: the answer to a file, as values, and reading them. Between banks that is a pacs.002; to who
//! initiated payments for customers (pain.001) a pain.002, which groups its transactions by payment information; to who
//! asks to be paid (pain.013) a pain.014, built in the same way.
//!
//! Values and reading only; `write::pacs002` writes both. Codes stay texts here, since a report may carry any code
//! of the external code sets; those that the engine gives stand in `codes.rs`.

use std::io::BufRead;

use crate::codes::{self, CodeSet, ReasonCode, Status};
use crate::error::{ErrorCode, ReadError};
use crate::events::{Event, Events};
use crate::fields;
use crate::generation::in_generation;
use crate::kept::{Element, Kept, push};
use crate::limits::{Limits, REPORT_ITEMS_MAX};
use crate::payment::{
    Agent, BusinessHead, MessageHead, Party, PaymentIds, Refusal, ToldAmount, TransferDetails,
};
use crate::returns::ReturnDetails;
use crate::schema::names::*;
use crate::schema::{Family, MessageType};
use crate::transfers::{read_until_document, with_reference};
use crate::whole::Crowd;

/// Characters of one `AddtlInf` (`Max105Text`); longer texts are written as several.
pub const ADDITIONAL_CHARS_MAX: usize = 105;

/// Why a status is what it is (`StsRsnInf`), or why a payment is returned (`RtrRsnInf`), recalled (`CxlRsnInf`) or
/// a recall answered so (`CxlStsRsnInf`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StatusReason {
    /// Who gives the reason (`Orgtr`), where said.
    pub originator: Option<Box<Party>>,
    /// A code of the external set that belongs to the message ([`CodeSet`]).
    pub code: Option<String>,
    /// A code of the sender's own.
    pub proprietary: Option<String>,
    /// Additional information, piece by piece.
    pub additional: Vec<String>,
}

impl StatusReason {
    /// A reason by its code, with a text for people (cut into pieces when written).
    #[must_use]
    pub fn new(code: ReasonCode, text: &str) -> Self {
        let characters: Vec<char> = text.chars().collect();
        let additional = characters.chunks(ADDITIONAL_CHARS_MAX).map(String::from_iter).collect();
        Self { code: Some(code.as_str().to_owned()), additional, ..Self::default() }
    }

    /// The reason of a refusal in the code set of the message that carries it: a code that the set lacks becomes
    /// NARR, the code standing before the text.
    #[must_use]
    pub fn of(refusal: &Refusal, set: CodeSet) -> Self {
        if refusal.code.is_in(set) {
            return Self::from(refusal);
        }
        Self::new(codes::NARR, &format!("{}: {}", refusal.code, refusal.text))
    }

    /// The code, where it is one that this crate knows.
    #[must_use]
    pub fn known(&self) -> Option<ReasonCode> {
        self.code.as_deref().and_then(ReasonCode::parse)
    }
}

impl From<&Refusal> for StatusReason {
    fn from(refusal: &Refusal) -> Self {
        Self::new(refusal.code, &refusal.text)
    }
}

/// The status of a whole message (`OrgnlGrpInfAndSts`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GroupStatus {
    /// `MsgId` of the message that is answered.
    pub original_message_id: String,
    /// Its type (`pacs.008.001.08`).
    pub original_message_type: String,
    /// Its `CreDtTm`.
    pub original_creation: Option<String>,
    /// Its `NbOfTxs`.
    pub original_count: Option<String>,
    /// `GrpSts`.
    pub status: Option<String>,
    /// Why.
    pub reasons: Vec<StatusReason>,
}

impl GroupStatus {
    /// The status of the message with that head.
    #[must_use]
    pub fn of(head: &MessageHead, status: Status) -> Self {
        Self {
            original_message_id: head.message_id.clone(),
            original_message_type: head.message_type.identifier().to_owned(),
            original_creation: Some(head.creation.clone()),
            original_count: head.number_of_transactions.map(|count| count.to_string()),
            status: Some(status.as_str().to_owned()),
            reasons: Vec::new(),
        }
    }
}

/// The status of the payments of one payment information (`OrgnlPmtInfAndSts` of a pain.002).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PaymentStatus {
    /// `OrgnlPmtInfId`.
    pub id: String,
    /// `OrgnlNbOfTxs`.
    pub original_count: Option<String>,
    /// `PmtInfSts`.
    pub status: Option<String>,
    /// Why.
    pub reasons: Vec<StatusReason>,
}

/// The status of one transaction (`TxInfAndSts`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TransactionStatus {
    /// `StsId`.
    pub id: Option<String>,
    /// `OrgnlPmtInfId` of what it stands in; a pacs.002 has none.
    pub payment_information_id: Option<String>,
    /// Message that the transaction came in (`OrgnlGrpInf`), by `MsgId` and type.
    pub original_message: Option<(String, String)>,
    /// Its references.
    pub original: PaymentIds,
    /// `TxSts`.
    pub status: Option<String>,
    /// Why.
    pub reasons: Vec<StatusReason>,
    /// `AccptncDtTm`.
    pub acceptance: Option<String>,
    /// `FctvIntrBkSttlmDt`, from version 10 on.
    pub effective_settlement_date: Option<String>,
    /// `ClrSysRef`.
    pub clearing_reference: Option<String>,
    /// `InstgAgt`.
    pub instructing_agent: Option<Agent>,
    /// `InstdAgt`.
    pub instructed_agent: Option<Agent>,
    /// `PmtCondSts`, which a pain.014 alone has.
    pub condition: Option<ConditionStatus>,
    /// `DbtrDcsnDtTm`, which a pain.014 alone has.
    pub debtor_decision: Option<String>,
}

/// What a debtor says to the conditions of a request to pay (`PmtCondSts`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConditionStatus {
    /// `AccptdAmt`: the debtor will pay that.
    pub accepted_amount: Option<ToldAmount>,
    /// `GrntedPmt`: `true` or `false`, as told.
    pub is_guaranteed: Option<String>,
    /// `EarlyPmt`: `true` or `false`, as told.
    pub is_early: Option<String>,
}

impl TransactionStatus {
    /// The status of the transaction with those details.
    #[must_use]
    pub fn of(details: &TransferDetails, status: Status) -> Self {
        Self {
            payment_information_id: details.payment_information_id.clone(),
            original: details.ids.clone(),
            status: Some(status.as_str().to_owned()),
            ..Self::default()
        }
    }

    /// The status of a return (pacs.004): `OrgnlInstrId` is its `RtrId`, all else tells the payment that it
    /// returns.
    #[must_use]
    pub fn of_return(details: &ReturnDetails, status: Status) -> Self {
        let mut original = details.original.clone();
        if details.id.is_some() {
            original.instruction.clone_from(&details.id);
        }
        Self { original, status: Some(status.as_str().to_owned()), ..Self::default() }
    }
}

/// All of a status report but its transactions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatusHead {
    /// The report's own type, `pacs.002.001.10`.
    pub message_type: MessageType,
    /// Its business application header, if any.
    pub business: Option<BusinessHead>,
    /// `MsgId`.
    pub message_id: String,
    /// `CreDtTm`.
    pub creation: String,
    /// Who sends the report.
    pub instructing_agent: Option<Agent>,
    /// Who receives it.
    pub instructed_agent: Option<Agent>,
    /// Statuses of whole messages; one, in what is written here.
    pub groups: Kept<GroupStatus>,
}

/// A status report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatusReport {
    /// All but the transactions.
    pub head: StatusHead,
    /// Statuses of payment informations, in the order of their transactions; none in a pacs.002.
    pub payments: Kept<PaymentStatus>,
    /// Statuses of transactions, in order.
    pub transactions: Kept<TransactionStatus>,
}

/// The version of pacs.002 that belongs to the generation of a message: a pacs.008.001.08 is answered by a
/// pacs.002.001.10. Versions below 03 (another structure) get 03. A pain.001 is answered by the pain.002 that was
/// published with it.
///
/// A return (pacs.004) and a status request (pacs.028) are answered in the version of their generation, a direct debit of
/// banks (pacs.010) by a pacs.002.001.10.
///
/// `None` only for families that are not answered by a status report.
#[must_use]
pub fn answer_type(original: MessageType) -> Option<MessageType> {
    let version = original.version();
    let answer = match original.family() {
        Family::Pacs004 | Family::Pacs028 => return in_generation(original, Family::Pacs002),
        Family::Pacs008 | Family::Pacs009 if version <= 5 => version.saturating_add(1).max(3),
        Family::Pacs008 | Family::Pacs009 => version.saturating_add(2),
        Family::Pacs010 => 10,
        Family::Pain001 => {
            let row = CUSTOMER_VERSIONS.iter().rfind(|row| row.0 <= version).unwrap_or(&CUSTOMER_VERSIONS[0]);
            return Some(Family::Pain002.version(row.1));
        }
        _ => return None,
    };
    MessageType::parse(&format!("pacs.002.001.{answer:02}")).or(MessageType::parse("pacs.002.001.10"))
}

/// Versions of pain.001, each with the version of pain.002 that belongs to it; below 03 it has another structure.
const CUSTOMER_VERSIONS: [(u8, u8); 12] =
    [(2, 3), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 8), (9, 10), (10, 11), (11, 12), (12, 14), (13, 15)];

impl StatusReport {
    /// Reads a pacs.002, pain.002 or pain.014 of at most [`REPORT_ITEMS_MAX`] statuses, reasons and lines of additional information.
    ///
    /// # Errors
    /// [`ReadError`] where it can't be read, is another message, or is larger.
    pub fn read(input: impl BufRead, limits: Limits) -> Result<Self, ReadError> {
        let mut events = Events::new(input, &limits);
        let (message_type, business) = read_until_document(&mut events)?;
        let mut report = Self {
            head: StatusHead {
                message_type,
                business,
                message_id: String::new(),
                creation: String::new(),
                instructing_agent: None,
                instructed_agent: None,
                groups: Kept::default(),
            },
            payments: Kept::default(),
            transactions: Kept::default(),
        };
        let read = report.read_body(&mut events);
        read.map_err(|error| with_reference(error, report.head.business.as_ref(), &report.head.message_id))?;
        report.head.groups.end(());
        report.payments.end(());
        report.transactions.end(report.payments.clone());
        Ok(report)
    }

    fn read_body<R: BufRead>(&mut self, events: &mut Events<R>) -> Result<(), ReadError> {
        let family = self.head.message_type.family();
        if !matches!(family, Family::Pacs002 | Family::Pain002 | Family::Pain014) {
            let text = format!("{} is no status report; send a pacs.002 or pain.002", self.head.message_type);
            return Err(events.located(ReadError::new(ErrorCode::WrongMessage, text)));
        }
        let (mut items, mut crowd) = (0, Crowd::default());
        loop {
            let event = events.next_event()?;
            crowd.count(event, events);
            match (event, events.path()) {
                (Event::End, _) => return Ok(()),
                (Event::Open, [_, _, rest @ ..]) => {
                    items += usize::from(is_item(rest));
                    if self.open(rest) {
                        crowd.restart(events);
                    }
                }
                (Event::Value, [_, _, rest @ ..]) => {
                    items += usize::from(is_item(rest));
                    let currency = events.attribute().map_or("", |(_, currency)| currency);
                    self.value(rest, events.text(), currency);
                }
                _ => {}
            }
            if items > REPORT_ITEMS_MAX || crowd.is_over(events) {
                let text = format!(
                    "more than {REPORT_ITEMS_MAX} statuses and reasons, or many in one that say nothing; split the report"
                );
                return Err(events.located(ReadError::new(ErrorCode::TooMany, text)));
            }
        }
    }

    /// Whether a status begins.
    fn open(&mut self, path: &[u16]) -> bool {
        match path {
            // The debtor's bank goes before the party that made a pain.014.
            [GRP_HDR, DBTR_AGT] => self.head.instructing_agent = None,
            [ORGNL_PMT_INF_AND_STS] => self.payments.begin(0),
            [ORGNL_GRP_INF_AND_STS] => self.head.groups.begin(0),
            [TX_INF_AND_STS] => self.transactions.begin(0),
            [ORGNL_PMT_INF_AND_STS, TX_INF_AND_STS] => self.transactions.begin(self.payments.place()),
            [ORGNL_PMT_INF_AND_STS, TX_INF_AND_STS, rest @ ..] | [TX_INF_AND_STS, rest @ ..] => {
                self.transactions.open(rest);
            }
            [ORGNL_PMT_INF_AND_STS, rest @ ..] => self.payments.open(rest),
            [ORGNL_GRP_INF_AND_STS, rest @ ..] => self.head.groups.open(rest),
            _ => {}
        }
        matches!(
            path,
            [ORGNL_GRP_INF_AND_STS | ORGNL_PMT_INF_AND_STS | TX_INF_AND_STS]
                | [ORGNL_PMT_INF_AND_STS, TX_INF_AND_STS]
        )
    }

    fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        let head = &mut self.head;
        match path {
            [GRP_HDR, MSG_ID] => text.clone_into(&mut head.message_id),
            [GRP_HDR, CRE_DT_TM] => text.clone_into(&mut head.creation),
            // Who makes a pain.002 stands there as a party.
            [GRP_HDR, INITG_PTY, ID, ORG_ID, ANY_BIC | BICOR_BEI] => {
                head.instructing_agent = feiqian_core::bic::Bic::parse(text).ok().map(Agent::of_bic);
            }
            [GRP_HDR, INSTG_AGT | DBTR_AGT, rest @ ..] => {
                fields::agent(head.instructing_agent.get_or_insert_default(), rest, text);
            }
            [GRP_HDR, INSTD_AGT, rest @ ..] => {
                fields::agent(head.instructed_agent.get_or_insert_default(), rest, text);
            }
            [ORGNL_PMT_INF_AND_STS, TX_INF_AND_STS, rest @ ..] | [TX_INF_AND_STS, rest @ ..] => {
                self.transactions.value(rest, text, currency);
            }
            [ORGNL_PMT_INF_AND_STS, rest @ ..] => self.payments.value(rest, text, currency),
            [ORGNL_GRP_INF_AND_STS, rest @ ..] => head.groups.value(rest, text, currency),
            _ => {}
        }
    }
}

/// Whether an element adds to what the report keeps without a bound of its own.
fn is_item(path: &[u16]) -> bool {
    let path = match path {
        [ORGNL_PMT_INF_AND_STS, TX_INF_AND_STS, ..] => &path[1..],
        path => path,
    };
    matches!(
        path,
        [ORGNL_GRP_INF_AND_STS | ORGNL_PMT_INF_AND_STS | TX_INF_AND_STS]
            | [_, STS_RSN_INF]
            | [_, STS_RSN_INF, ADDTL_INF | ADDTL_STS_RSN_INF]
    )
}

impl Element for GroupStatus {
    type Above = ();
    type Shared = ();

    fn shared(_: &(), _: u32) {}

    fn open(&mut self, path: &[u16]) {
        if let [STS_RSN_INF] = path {
            begin_reason(&mut self.reasons);
        }
    }

    fn value(&mut self, path: &[u16], text: &str, _currency: &str) {
        let owned = || Some(text.to_owned());
        match path {
            [ORGNL_MSG_ID] => text.clone_into(&mut self.original_message_id),
            [ORGNL_MSG_NM_ID] => text.clone_into(&mut self.original_message_type),
            [ORGNL_CRE_DT_TM] => self.original_creation = owned(),
            [ORGNL_NB_OF_TXS] => self.original_count = owned(),
            [GRP_STS] => self.status = owned(),
            [STS_RSN_INF, rest @ ..] => reason_value(self.reasons.last_mut(), rest, text),
            _ => {}
        }
    }
}

impl Element for PaymentStatus {
    type Above = ();
    type Shared = ();

    fn shared(_: &(), _: u32) {}

    fn open(&mut self, path: &[u16]) {
        if let [STS_RSN_INF] = path {
            begin_reason(&mut self.reasons);
        }
    }

    fn value(&mut self, path: &[u16], text: &str, _currency: &str) {
        match path {
            [ORGNL_PMT_INF_ID] => text.clone_into(&mut self.id),
            [ORGNL_NB_OF_TXS] => self.original_count = Some(text.to_owned()),
            [PMT_INF_STS] => self.status = Some(text.to_owned()),
            [STS_RSN_INF, rest @ ..] => reason_value(self.reasons.last_mut(), rest, text),
            _ => {}
        }
    }
}

impl Element for TransactionStatus {
    /// The payment informations; of that in which a transaction stands, its id.
    type Above = Kept<PaymentStatus>;
    type Shared = Option<String>;

    fn shared(above: &Self::Above, place: u32) -> Self::Shared {
        above.above(place).map(|payment| payment.id)
    }

    fn inherit(&mut self, id: &Self::Shared) {
        if self.payment_information_id.is_none() {
            self.payment_information_id.clone_from(id);
        }
    }

    fn open(&mut self, path: &[u16]) {
        if let [STS_RSN_INF] = path {
            begin_reason(&mut self.reasons);
        }
    }

    fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        let owned = || Some(text.to_owned());
        match path {
            [STS_ID] => self.id = owned(),
            [ORGNL_PMT_INF_ID] => self.payment_information_id = owned(),
            [ORGNL_GRP_INF, ORGNL_MSG_ID] => {
                text.clone_into(&mut self.original_message.get_or_insert_default().0);
            }
            [ORGNL_GRP_INF, ORGNL_MSG_NM_ID] => {
                text.clone_into(&mut self.original_message.get_or_insert_default().1);
            }
            [TX_STS] => self.status = owned(),
            [STS_RSN_INF, rest @ ..] => reason_value(self.reasons.last_mut(), rest, text),
            [ACCPTNC_DT_TM] => self.acceptance = owned(),
            [FCTV_INTR_BK_STTLM_DT, ..] => self.effective_settlement_date = owned(),
            [CLR_SYS_REF] => self.clearing_reference = owned(),
            [INSTG_AGT, rest @ ..] => {
                fields::agent(self.instructing_agent.get_or_insert_default(), rest, text);
            }
            [INSTD_AGT, rest @ ..] => {
                fields::agent(self.instructed_agent.get_or_insert_default(), rest, text);
            }
            [DBTR_DCSN_DT_TM] => self.debtor_decision = owned(),
            [PMT_COND_STS, rest @ ..] => {
                self.condition.get_or_insert_default().value(rest, text, currency);
            }
            _ => fields::original_ids(&mut self.original, path, text),
        }
    }
}

impl ConditionStatus {
    fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        match path {
            [ACCPTD_AMT] => self.accepted_amount = Some(fields::told(text, currency)),
            [GRNTED_PMT] => self.is_guaranteed = Some(text.to_owned()),
            [EARLY_PMT] => self.is_early = Some(text.to_owned()),
            _ => {}
        }
    }
}

/// A reason begins; one before it that says nothing is none.
pub(crate) fn begin_reason(reasons: &mut Vec<StatusReason>) {
    if reasons.last() != Some(&StatusReason::default()) {
        push(reasons, StatusReason::default());
    }
}

/// What of a group's reasons stands for a transaction that gives none: the first one's code, without its texts, so
/// that a long story told once is not copied into each of many transactions.
pub(crate) fn inherited(group: &[StatusReason]) -> Vec<StatusReason> {
    let told = group.first().filter(|reason| reason.code.is_some() || reason.proprietary.is_some());
    let code = |reason: &StatusReason| StatusReason {
        code: reason.code.clone(),
        proprietary: reason.proprietary.clone(),
        ..StatusReason::default()
    };
    told.map(code).into_iter().collect()
}

pub(crate) fn reason_value(reason: Option<&mut StatusReason>, path: &[u16], text: &str) {
    let Some(reason) = reason else { return };
    match path {
        [ORGTR | STS_ORGTR | RTR_ORGTR, rest @ ..] => {
            fields::party(reason.originator.get_or_insert_default(), rest, text);
        }
        [RSN | STS_RSN | RTR_RSN, CD] => reason.code = Some(text.to_owned()),
        [RSN | STS_RSN | RTR_RSN, PRTRY] => reason.proprietary = Some(text.to_owned()),
        [ADDTL_INF | ADDTL_STS_RSN_INF | ADDTL_RTR_RSN_INF] => {
            push(&mut reason.additional, text.to_owned());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_generation_is_answered_in_its_own_version() {
        let rows = [
            ("pacs.008.001.01", "pacs.002.001.03"),
            ("pacs.008.001.02", "pacs.002.001.03"),
            ("pacs.008.001.08", "pacs.002.001.10"),
            ("pacs.008.001.13", "pacs.002.001.15"),
            ("pacs.009.001.08", "pacs.002.001.10"),
            ("pain.001.001.02", "pain.002.001.03"),
            ("pain.001.001.03", "pain.002.001.03"),
            ("pain.001.001.09", "pain.002.001.10"),
            ("pain.001.001.13", "pain.002.001.15"),
            ("pacs.004.001.02", "pacs.002.001.03"),
            ("pacs.004.001.09", "pacs.002.001.10"),
            ("pacs.028.001.03", "pacs.002.001.10"),
            ("pacs.010.001.02", "pacs.002.001.10"),
        ];
        for (original, answer) in rows {
            let original = MessageType::parse(original).expect("supported");
            assert_eq!(answer_type(original).map(MessageType::identifier), Some(answer));
        }
        for original in MessageType::all() {
            let is_answered = matches!(
                original.family(),
                Family::Pacs004
                    | Family::Pacs008
                    | Family::Pacs009
                    | Family::Pacs010
                    | Family::Pacs028
                    | Family::Pain001
            );
            assert_eq!(answer_type(original).is_some(), is_answered, "{original}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_the_codes_of_the_message() {
        let refusal = |code| Refusal { code, text: "no reason".to_owned() };
        let rows = [
            (codes::CH21, CodeSet::Status, "CH21", "no reason"),
            (codes::CH21, CodeSet::Answer, "NARR", "CH21: no reason"),
            (codes::NOOR, CodeSet::Answer, "NOOR", "no reason"),
        ];
        for (code, set, told, text) in rows {
            let reason = StatusReason::of(&refusal(code), set);
            assert_eq!((reason.code.as_deref(), reason.additional), (Some(told), vec![text.to_owned()]));
        }
    }

    #[test]
    fn a_long_reason_is_cut_into_pieces_on_character_boundaries() {
        let reason = StatusReason::new(codes::NARR, &"é".repeat(211));
        let lengths: Vec<usize> = reason.additional.iter().map(|piece| piece.chars().count()).collect();
        assert_eq!(lengths, [105, 105, 1]);
    }
}
