//! What a credit transfer message says, as plain values: the same for pacs.008, pacs.009 and pain.001, any version.
//!
//! Values only: no reading, no writing, no rule. Texts are as received; amounts are exact; dates stay texts, for
//! the engine's time is not theirs.

use std::borrow::Cow;

use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::money::{Amount, AmountError};
use feiqian_core::uetr::Uetr;

use crate::codes::{self, ReasonCode};
use crate::schema::{Family, MessageType};
use crate::totals::NOT_PROVIDED;
use crate::verbatim::Verbatim;

/// Why something that could be read is refused: a code for machines, a text for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// ExternalStatusReason1Code.
    pub code: ReasonCode,
    /// What is wrong and the way out, at most 105 characters each when written.
    pub text: String,
}

/// A member of a clearing system (`ClrSysMmbId`), such as a routing number.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClearingMember {
    /// Code or proprietary name of the system (`USABA`, `CHSIC`), where given.
    pub system: Option<String>,
    /// The member's number.
    pub id: String,
}

/// A bank or other institution (`FinInstnId`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Agent {
    /// Its BIC.
    pub bic: Option<Bic>,
    /// Its membership in a clearing system.
    pub member: Option<ClearingMember>,
    /// Its legal entity identifier.
    pub lei: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Another identification.
    pub other: Option<String>,
}

impl Agent {
    /// An agent known by its BIC alone.
    #[must_use]
    pub fn of_bic(bic: Bic) -> Self {
        Self { bic: Some(bic), ..Self::default() }
    }

    /// The text that names it: BIC, else member number, else another identification, else LEI.
    #[must_use]
    pub fn identifier(&self) -> Option<&str> {
        self.bic
            .as_ref()
            .map(Bic::as_str)
            .or(self.member.as_ref().map(|member| member.id.as_str()))
            .or(self.other.as_deref())
            .or(self.lei.as_deref())
    }
}

/// A customer, or in a pacs.009 the institution that pays or is paid.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Party {
    /// Name.
    pub name: Option<String>,
    /// BIC of the organisation or institution.
    pub bic: Option<Bic>,
    /// Membership in a clearing system, where the party is an institution.
    pub member: Option<ClearingMember>,
    /// Legal entity identifier.
    pub lei: Option<String>,
    /// Another identification of the organisation.
    pub organisation_id: Option<String>,
    /// An identification of the person.
    pub private_id: Option<String>,
    /// Country of the postal address, two letters.
    pub country: Option<String>,
    /// Town of the postal address.
    pub town: Option<String>,
}

/// How an account is named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccountId {
    /// International bank account number, check digits not yet looked at.
    Iban(String),
    /// Any other number, with the name of its scheme where given.
    Other {
        /// The number.
        id: String,
        /// Code or proprietary name of the scheme.
        scheme: Option<String>,
    },
    /// An alias such as a phone number, where no number of the account is given.
    Proxy {
        /// The alias.
        id: String,
        /// Code or proprietary name of its kind.
        kind: Option<String>,
    },
}

impl AccountId {
    /// The number or alias.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Iban(id) | Self::Other { id, .. } | Self::Proxy { id, .. } => id,
        }
    }
}

/// The references of a transaction (`PmtId`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PaymentIds {
    /// `InstrId`, between two neighbours of the chain.
    pub instruction: Option<String>,
    /// `EndToEndId`, from the debtor; `NOTPROVIDED` where there is none.
    pub end_to_end: Option<String>,
    /// `TxId`, from the first agent.
    pub transaction: Option<String>,
    /// `UETR`, where the version has one and it is given.
    pub uetr: Option<Uetr>,
}

impl PaymentIds {
    /// Whether nothing tells the payment: an end-to-end id that says `NOTPROVIDED` does not.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let end_to_end = self.end_to_end.as_deref().filter(|id| *id != NOT_PROVIDED);
        self.uetr.is_none()
            && self.transaction.is_none()
            && self.instruction.is_none()
            && end_to_end.is_none()
    }
}

/// An amount that is told, not cleared: exact text and currency code.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ToldAmount {
    /// Decimal text as received.
    pub text: String,
    /// Currency code as received.
    pub currency: String,
}

impl ToldAmount {
    /// An amount as it is told in a message.
    #[must_use]
    pub fn of(amount: Amount, currency: Currency) -> Self {
        Self { text: amount.to_decimal(currency), currency: currency.iso_code().to_owned() }
    }

    /// The amount in minor units, with its currency.
    ///
    /// # Errors
    /// The refusal of an amount that can't be cleared: currency AM03, zero AM01, too large AM02, not whole minor units
    /// AM12.
    pub fn to_minor(&self) -> Result<(Amount, Currency), Refusal> {
        let Self { text, currency: code } = self;
        let Some(currency) = Currency::from_code(code) else {
            let text = format!("currency {code} is not cleared here; use one with a minor unit");
            return Err(Refusal { code: codes::AM03, text });
        };
        let amount = Amount::from_decimal(text, currency).map_err(|error| {
            let code = match error {
                AmountError::Zero => codes::AM01,
                AmountError::TooLarge => codes::AM02,
                AmountError::NotDecimal | AmountError::Negative | AmountError::TooManyDecimals => codes::AM12,
            };
            Refusal { code, text: format!("amount {text} {currency} {error}; send it in whole minor units") }
        })?;
        Ok((amount, currency))
    }
}

/// Charges taken by an agent (`ChrgsInf`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Charge {
    /// How much.
    pub amount: ToldAmount,
    /// By whom; none where nothing is said of it.
    pub agent: Option<Box<Agent>>,
}

impl Charge {
    /// By whom.
    #[must_use]
    pub fn agent(&self) -> Cow<'_, Agent> {
        self.agent.as_deref().map_or_else(Cow::default, Cow::Borrowed)
    }
}

/// All that a transaction says beside its amount; what the group or payment information says for all is filled in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TransferDetails {
    /// References.
    pub ids: PaymentIds,
    /// `PmtInfId` of the pain.001 block that the transaction stands in.
    pub payment_information_id: Option<String>,
    /// Who pays.
    pub debtor: Party,
    /// From which account.
    pub debtor_account: Option<AccountId>,
    /// The debtor's bank.
    pub debtor_agent: Option<Agent>,
    /// The creditor's bank.
    pub creditor_agent: Option<Agent>,
    /// Who is paid.
    pub creditor: Party,
    /// To which account.
    pub creditor_account: Option<AccountId>,
    /// For whom the debtor pays.
    pub ultimate_debtor: Option<Party>,
    /// For whom the creditor is paid.
    pub ultimate_creditor: Option<Party>,
    /// Who instructs the receiver of the message.
    pub instructing_agent: Option<Agent>,
    /// Who is instructed.
    pub instructed_agent: Option<Agent>,
    /// Banks between the two agents, in order.
    pub intermediaries: Vec<Agent>,
    /// Banks that the instruction has passed before the instructing agent, in order.
    pub previous_agents: Vec<Agent>,
    /// Who initiated the payment for the debtor; in a pain.001 the group header says it for all.
    pub initiating_party: Option<Party>,
    /// Purpose, code or proprietary.
    pub purpose: Option<String>,
    /// Category purpose, code or proprietary.
    pub category_purpose: Option<String>,
    /// Who bears the charges: DEBT, CRED, SHAR or SLEV.
    pub charge_bearer: Option<String>,
    /// Service level, code or proprietary; the first where there are several.
    pub service_level: Option<String>,
    /// Local instrument, code or proprietary.
    pub local_instrument: Option<String>,
    /// Instruction or settlement priority.
    pub priority: Option<String>,
    /// Unstructured remittance information, line by line.
    pub remittance: Vec<String>,
    /// Creditor references of structured remittance information.
    pub remittance_references: Vec<String>,
    /// `IntrBkSttlmDt`.
    pub settlement_date: Option<String>,
    /// `ReqdExctnDt`, date or date and time.
    pub requested_execution_date: Option<String>,
    /// `InstdAmt` of an interbank message, before charges and exchange.
    pub instructed_amount: Option<ToldAmount>,
    /// `XchgRate`.
    pub exchange_rate: Option<String>,
    /// Charges, in order.
    pub charges: Vec<Charge>,
    /// `ClrSysRef`.
    pub clearing_reference: Option<String>,
    /// `UndrlygCstmrCdtTrf`: the customer's transfer that a pacs.009 covers. It has parties, accounts, agents, remittance
    /// information and `InstdAmt`, and nothing else.
    pub underlying: Option<Box<TransferDetails>>,
    /// What it says beyond these fields, of the customer's transfer below it too: addresses, agents' accounts, structured
    /// remittance information, tax. Only of payments and returns that are read one by one.
    pub said: Verbatim,
}

impl TransferDetails {
    /// Whether it covers a customer's transfer (pacs.009 COV), which goes to the creditor's bank by another message.
    #[must_use]
    pub fn is_cover(&self) -> bool {
        self.underlying.is_some()
    }
}

/// A transaction that passed every check of form; funds, limits and accounts are the engine's to check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreditTransfer {
    /// Place in the file, from 1.
    pub index: u64,
    /// Amount to clear (`IntrBkSttlmAmt`, or `InstdAmt` of a pain.001).
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// Everything else.
    pub details: TransferDetails,
}

/// A transaction that can't be cleared whatever the accounts say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusedTransfer {
    /// Place in the file, from 1.
    pub index: u64,
    /// The amount as received.
    pub amount: ToldAmount,
    /// Everything else, so that an answer can name it.
    pub details: TransferDetails,
    /// Why.
    pub refusal: Refusal,
}

/// One transaction of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entry {
    /// To be cleared.
    Transfer(Box<CreditTransfer>),
    /// To be answered with a rejection.
    Refused(Box<RefusedTransfer>),
}

/// The business application header (head.001).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BusinessHead {
    /// The header's own type, `head.001.001.02`.
    pub message_type: MessageType,
    /// Sender.
    pub from: Agent,
    /// Receiver.
    pub to: Agent,
    /// `BizMsgIdr`.
    pub business_message_id: String,
    /// `MsgDefIdr`, which must name the document's type.
    pub message_definition: String,
    /// `BizSvc`.
    pub business_service: Option<String>,
    /// `CreDt`.
    pub creation: String,
    /// `CpyDplct`.
    pub copy_duplicate: Option<String>,
    /// `PssblDplct`: the sender may have sent it before.
    pub possible_duplicate: bool,
    /// `Prty`.
    pub priority: Option<String>,
    /// A signature is there; it was not verified.
    pub has_signature: bool,
}

impl BusinessHead {
    /// The header (head.001.001.02) of a message of type `of`, made at `creation` (an ISO date and time).
    ///
    /// # Panics
    /// Never: the header's table is part of this crate.
    #[must_use]
    pub fn new(from: Agent, to: Agent, id: &str, of: MessageType, creation: &str) -> Self {
        let message_type = MessageType::parse("head.001.001.02").expect("its table is committed");
        Self {
            from,
            to,
            business_message_id: id.to_owned(),
            message_definition: of.identifier().to_owned(),
            creation: creation.to_owned(),
            ..Self::empty(message_type)
        }
    }

    /// A header to be filled.
    pub(crate) fn empty(message_type: MessageType) -> Self {
        Self {
            message_type,
            from: Agent::default(),
            to: Agent::default(),
            business_message_id: String::new(),
            message_definition: String::new(),
            business_service: None,
            creation: String::new(),
            copy_duplicate: None,
            possible_duplicate: false,
            priority: None,
            has_signature: false,
        }
    }
}

/// What speaks against a header and its document, whatever else they say: another type announced (FF01), another
/// sender than the agent in the element `name` (AGNT).
pub(crate) fn header_refusals(
    business: Option<&BusinessHead>,
    message_type: MessageType,
    (name, agent): (&str, Option<&Agent>),
) -> Vec<Refusal> {
    let Some(business) = business else { return Vec::new() };
    let mut refusals = Vec::new();
    if business.message_definition != message_type.identifier() {
        let text = format!(
            "the header announces {}, the document is {message_type}; make them agree",
            business.message_definition
        );
        refusals.push(Refusal { code: codes::FF01, text });
    }
    let agent = agent.and_then(|agent| agent.bic);
    if let (Some(sender), Some(agent)) = (business.from.bic, agent)
        && sender != agent
    {
        let text = format!("{name} {agent} differs from the header's sender {sender}; make them agree");
        refusals.push(Refusal { code: codes::AGNT, text });
    }
    refusals
}

/// The group header (`GrpHdr`) of a message, with its business header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageHead {
    /// `pacs.008.001.08`.
    pub message_type: MessageType,
    /// The business application header, where there is one.
    pub business: Option<BusinessHead>,
    /// `MsgId`.
    pub message_id: String,
    /// `CreDtTm`.
    pub creation: String,
    /// `NbOfTxs`.
    pub number_of_transactions: Option<u64>,
    /// `CtrlSum`.
    pub control_sum: Option<String>,
    /// `TtlIntrBkSttlmAmt`.
    pub total: Option<ToldAmount>,
    /// `IntrBkSttlmDt`.
    pub settlement_date: Option<String>,
    /// `SttlmMtd`: CLRG, INDA, INGA or COVE.
    pub settlement_method: Option<String>,
    /// Clearing system, code or proprietary.
    pub clearing_system: Option<String>,
    /// `InstgAgt`.
    pub instructing_agent: Option<Agent>,
    /// `InstdAgt`.
    pub instructed_agent: Option<Agent>,
    /// `InitgPty` of a pain.001.
    pub initiating_party: Option<Party>,
}

impl MessageHead {
    /// A header with nothing but what every message has; `creation` is an ISO date and time.
    #[must_use]
    pub fn new(message_type: MessageType, message_id: &str, creation: &str) -> Self {
        Self {
            message_type,
            business: None,
            message_id: message_id.to_owned(),
            creation: creation.to_owned(),
            number_of_transactions: None,
            control_sum: None,
            total: None,
            settlement_date: None,
            settlement_method: None,
            clearing_system: None,
            instructing_agent: None,
            instructed_agent: None,
            initiating_party: None,
        }
    }

    /// The kind of message.
    #[must_use]
    pub fn family(&self) -> Family {
        self.message_type.family()
    }

    /// Whether the sender says that it may have sent this before.
    #[must_use]
    pub fn is_possible_duplicate(&self) -> bool {
        self.business.as_ref().is_some_and(|business| business.possible_duplicate)
    }

    /// Who sent the file: the header's sender, else the instructing agent.
    #[must_use]
    pub fn sender(&self) -> Option<&Agent> {
        self.business.as_ref().map(|business| &business.from).or(self.instructing_agent.as_ref())
    }
}

/// What a whole file amounts to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileSummary {
    /// Its headers.
    pub head: MessageHead,
    /// Transactions, refused ones included.
    pub transactions: u64,
    /// Transactions refused one by one.
    pub refused: u64,
    /// Why the file as a whole must be refused; empty if it may be cleared.
    pub refusals: Vec<Refusal>,
    /// Bytes read.
    pub bytes: u64,
}
