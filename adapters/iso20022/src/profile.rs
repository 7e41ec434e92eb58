//! Usage profiles: what a scheme asks of a payment beyond the schema. One table, [`PROFILES`]; one question,
//! [`Profile::check`].
//!
//! | asked | `cbpr+` | `sct-inst` | `fednow` |
//! |---|---|---|---|
//! | payments of a message | one | any | any |
//! | currency, most of one payment | any | EUR | USD, 10,000,000.00 |
//! | references | `UETR`, `InstrId` | `EndToEndId`, `TxId` | `EndToEndId` |
//! | payment type | any | `SvcLvl` SEPA, `LclInstrm` INST | any |
//! | charge bearer | not SLEV | SLEV | any |
//! | charges (`ChrgsInf`) | by the bearer | none | any |
//! | cover (pacs.009 COV) | announced, parties and agents below named | no such message | any |
//! | `InstgAgt`, `InstdAgt` | BIC | any | `USABA` |
//! | `DbtrAgt`, `CdtrAgt` | BIC or name | BIC | `USABA` |
//! | accounts | any | IBAN | any |
//! | characters of references; of names and remittance | FIN X; printable | FIN X | any |
//! | confirmed by the receiver's bank in | no such time | 10 s | 20 s |
//!
//! Charges by the bearer: `CRED` must say them, if only 0; `DEBT` may say one, what is paid in advance; `InstdAmt` goes with
//! them, and who takes them is named as banks are. A cover has a `BizSvc` of `swift.cbprplus.cov.…` where it has one of CBPR+,
//! and what is announced so has `UndrlygCstmrCdtTrf`, whose debtor and creditor have a name or BIC, and their agents too.
//!
//! A payment in another form, a line of a table or an instruction over the API, is asked the same, but for what its form has
//! no place for ([`Form`]): payments of a message, payment type, charge bearer, charges, neighbours, and references that it can't say.
//!
//! A pain.001 is a customer's and not yet a scheme's: only messages, currency, amount and characters are asked of it.
//!
//! Sources: CBPR+ usage guidelines SR2025 (types `CBPR_RestrictedFINXMax35Text` and
//! `CBPR_RestrictedFINXMax140Text_Extended`; UETR and one transaction are mandatory, SLEV is removed; rules on charges by `ChrgBr`; `BizSvc` by usage); EPC SCT Inst
//! rulebook 2025 v1.0 with its inter-PSP implementation guidelines (EPC122-16) and EPC217-08 on characters, which allows
//! others where banks agree: they then do without this profile; Regulation (EU) 2024/886 (ten seconds, and no
//! maximum amount any more); ABA routing number policy (nine digits, weights 3, 7, 1); the announcement of Federal Reserve
//! Financial Services of September 2025 on FedNow's limit from November 2025 on, and their readiness guide on its payment timeout
//! clock, which runs for 20 seconds from when the service has the payment. A payment between correspondents has no clock:
//! CBPR+ is a usage of messages, not a scheme that clears.
//!
//! Never looks at an account, a clock or a directory. What a profile does not name is not asked: addresses, regulatory
//! reporting, and the dates and hours of a scheme.

mod charges;
mod checks;
mod covers;

pub use checks::Stray;

use feiqian_core::money::Amount;

use crate::schema::Family;
use crate::transfers::TRANSFER_FAMILIES;

/// Which characters a text may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CharacterSet {
    /// What XML may carry.
    Any,
    /// SWIFT's FIN X without line breaks, which is also the EPC's Latin set: letters, digits, space and `/-?:().,'+`.
    FinX,
    /// FIN X and the rest of printable ASCII: CBPR+'s extended set.
    Printable,
}

impl CharacterSet {
    /// The first character of a text that is not of the set.
    #[must_use]
    pub fn stranger(self, text: &str) -> Option<char> {
        text.chars().find(|character| !self.has(*character))
    }

    fn has(self, character: char) -> bool {
        match self {
            Self::Any => true,
            Self::FinX => character.is_ascii_alphanumeric() || " /-?:().,'+".contains(character),
            Self::Printable => character == ' ' || character.is_ascii_graphic(),
        }
    }

    pub(crate) fn wording(self) -> &'static str {
        match self {
            Self::Any => "any characters",
            Self::FinX => "letters A to Z, digits, space and /-?:().,'+",
            Self::Printable => "printable ASCII characters",
        }
    }
}

/// How a bank must be named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AgentRule {
    /// Any way, or not at all.
    Any,
    /// By its BIC.
    Bic,
    /// By its BIC, or at least by its name.
    BicOrName,
    /// By its ABA routing number (`ClrSysMmbId` of `USABA`).
    RoutingNumber,
}

/// A reference that must be given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reference {
    /// `InstrId`.
    Instruction,
    /// `EndToEndId`; `NOTPROVIDED` is one.
    EndToEnd,
    /// `TxId`.
    Transaction,
    /// `UETR`.
    Uetr,
}

/// Who must bear the charges.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BearerRule {
    /// Anyone.
    Any,
    /// `SLEV` alone: as the scheme says.
    ServiceLevel,
    /// Anyone but `SLEV`: there is no scheme to say it.
    NotServiceLevel,
}

/// Which charges a message may say (`ChrgsInf`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChargesRule {
    /// Any.
    Any,
    /// None: what the scheme's banks charge, each charges its own customer.
    None,
    /// As `ChrgBr` says: `CRED` at least one, `DEBT` at most one.
    ByBearer,
}

/// What a scheme asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Profile {
    /// As it is configured.
    pub name: &'static str,
    /// Messages with payments that the scheme has.
    pub families: &'static [Family],
    /// Payments of one message.
    pub transactions_max: u64,
    /// The one currency, ISO 4217.
    pub currency: Option<&'static str>,
    /// The most that one payment may be, in minor units of that currency.
    pub amount_max: Option<Amount>,
    /// References that must be given.
    pub references: &'static [Reference],
    /// `SvcLvl`.
    pub service_level: Option<&'static str>,
    /// `LclInstrm`.
    pub local_instrument: Option<&'static str>,
    /// `ChrgBr`.
    pub bearer: BearerRule,
    /// `ChrgsInf`.
    pub charges: ChargesRule,
    /// Whether something is asked of covers (`UndrlygCstmrCdtTrf` of a pacs.009).
    pub has_covers: bool,
    /// `InstgAgt` and `InstdAgt`.
    pub neighbours: AgentRule,
    /// `DbtrAgt` and `CdtrAgt`; in a pacs.009 without them the two parties.
    pub banks: AgentRule,
    /// Customers' accounts are named by IBAN.
    pub needs_iban: bool,
    /// Characters of message id, references and account numbers.
    pub reference_characters: CharacterSet,
    /// References neither begin nor end with a slash, nor have two in a row.
    pub has_plain_slashes: bool,
    /// Characters of names, towns and remittance information.
    pub text_characters: CharacterSet,
    /// Seconds in which the bank that is to be paid must confirm.
    pub confirmation_s: Option<u32>,
}

/// A form other than a message in which a payment comes. It says no payment type, no charge bearer and no neighbours, and
/// each payment stands for itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Form {
    /// References that it has a place for.
    pub references: &'static [Reference],
}

impl Form {
    /// A line of a table.
    pub const TABLE: Self =
        Self { references: &[Reference::Instruction, Reference::EndToEnd, Reference::Uetr] };
    /// An instruction over the JSON API.
    pub const JSON: Self = Self { references: &[Reference::EndToEnd, Reference::Uetr] };
}

/// All profiles.
pub const PROFILES: [Profile; 3] = [
    Profile {
        name: "cbpr+",
        families: &[Family::Pacs008, Family::Pacs009, Family::Pain001],
        transactions_max: 1,
        references: &[Reference::Uetr, Reference::Instruction],
        bearer: BearerRule::NotServiceLevel,
        charges: ChargesRule::ByBearer,
        has_covers: true,
        neighbours: AgentRule::Bic,
        banks: AgentRule::BicOrName,
        reference_characters: CharacterSet::FinX,
        text_characters: CharacterSet::Printable,
        ..NOTHING
    },
    Profile {
        name: "sct-inst",
        families: &[Family::Pacs008, Family::Pain001],
        currency: Some("EUR"),
        references: &[Reference::EndToEnd, Reference::Transaction],
        service_level: Some("SEPA"),
        local_instrument: Some("INST"),
        bearer: BearerRule::ServiceLevel,
        charges: ChargesRule::None,
        banks: AgentRule::Bic,
        needs_iban: true,
        reference_characters: CharacterSet::FinX,
        has_plain_slashes: true,
        text_characters: CharacterSet::FinX,
        confirmation_s: Some(10),
        ..NOTHING
    },
    Profile {
        name: "fednow",
        families: &[Family::Pacs008, Family::Pacs009, Family::Pain001],
        currency: Some("USD"),
        amount_max: Amount::new(1_000_000_000),
        references: &[Reference::EndToEnd],
        neighbours: AgentRule::RoutingNumber,
        banks: AgentRule::RoutingNumber,
        confirmation_s: Some(20),
        ..NOTHING
    },
];

const NOTHING: Profile = Profile {
    name: "none",
    families: &TRANSFER_FAMILIES,
    transactions_max: u64::MAX,
    currency: None,
    amount_max: None,
    references: &[],
    service_level: None,
    local_instrument: None,
    bearer: BearerRule::Any,
    charges: ChargesRule::Any,
    has_covers: false,
    neighbours: AgentRule::Any,
    banks: AgentRule::Any,
    needs_iban: false,
    reference_characters: CharacterSet::Any,
    has_plain_slashes: false,
    text_characters: CharacterSet::Any,
    confirmation_s: None,
};

impl Profile {
    /// The profile of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        PROFILES.into_iter().find(|profile| profile.name == name)
    }
}

/// Whether a text is an ABA routing number: nine digits whose sum, weighted 3, 7, 1, is a multiple of ten.
#[must_use]
pub fn is_routing_number(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).map(|digit| u32::from(digit - b'0'));
    let sum: u32 = digits.zip([3, 7, 1].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum();
    text.len() == 9 && text.bytes().all(|byte| byte.is_ascii_digit()) && sum > 0 && sum.is_multiple_of(10)
}
