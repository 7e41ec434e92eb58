//! Passing messages on: each goes to the outbox under a name made of its own id, which follows from what it carries. So
//! whoever gets it twice, over a crash or because a bank repeats itself, gets the same message id with the same content.

use feiqian_core::bic::Bic;
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::case::{Assignment, CaseParty};
use feiqian_iso20022::payment::{Agent, BusinessHead};
use feiqian_iso20022::{Family, MessageType};

use crate::intake::Intake;
use crate::timestamp::date_time;

const CONTEXT: &str = "feiqian 2026 files forwarded v1";

/// How a message is addressed that goes to one bank.
pub(crate) struct Letter {
    /// `MsgId` or `Assgnmt/Id`.
    pub(crate) id: String,
    /// `CreDtTm`.
    pub(crate) creation: String,
    /// The business application header.
    pub(crate) business: BusinessHead,
    /// Name in the outbox.
    pub(crate) name: String,
}

impl Letter {
    /// A letter of `kind` to a bank that carries what `ids` names.
    pub(crate) fn new(
        intake: &Intake<'_>,
        kind: MessageType,
        to: Bic,
        ids: impl Iterator<Item = u128>,
    ) -> Self {
        Self::with_id(intake, kind, to, digest(kind.family(), to, ids))
    }

    /// A letter that carries one payment, whose id can be read from the letter's: see [`payment_of`].
    pub(crate) fn of_payment(intake: &Intake<'_>, kind: MessageType, to: Bic, payment: u128) -> Self {
        Self::with_id(intake, kind, to, format!("FQ{payment:032x}"))
    }

    /// A letter of an id that is known already, 35 characters at the most.
    pub(crate) fn with_id(intake: &Intake<'_>, kind: MessageType, to: Bic, id: String) -> Self {
        let creation = date_time(intake.now);
        let from = Agent::of_bic(intake.options.operator);
        let business = BusinessHead::new(from, Agent::of_bic(to), &id, kind, &creation);
        let name = format!("{id}.{to}.{}.xml", family_text(kind));
        Self { id, creation, business, name }
    }

    /// The assignment of a case by which it goes to that bank.
    pub(crate) fn assignment(&self, intake: &Intake<'_>, to: Bic) -> Assignment {
        Assignment {
            id: self.id.clone(),
            assigner: CaseParty::of_bic(intake.options.operator),
            assignee: CaseParty::of_bic(to),
            creation: self.creation.clone(),
        }
    }
}

/// `pacs.004` of a type.
fn family_text(kind: MessageType) -> &'static str {
    let identifier = kind.identifier();
    identifier.get(..8).unwrap_or(identifier)
}

/// 27 characters: `FQF` and 24 hexadecimal digits.
fn digest(family: Family, to: Bic, ids: impl Iterator<Item = u128>) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(format!("{family:?} {to}").as_bytes());
    ids.for_each(|id| {
        hasher.update(&id.to_le_bytes());
    });
    let hex = hasher.finalize().to_hex();
    format!("FQF{}", hex.get(..24).unwrap_or_default())
}

/// The payment that a letter of one payment carries.
pub(crate) fn payment_of(message_id: &str) -> Option<Uetr> {
    let hex = message_id.strip_prefix("FQ").filter(|hex| hex.len() == 32)?;
    Uetr::new(u128::from_str_radix(hex, 16).ok()?)
}
