//! Investigations of a payment: a bank that can't apply it asks (camt.026, unable to apply), the bank that paid adds what was
//! missing (camt.028, additional payment information). Values and reading of what tells the payment and the banks;
//! `write::passed_investigation` writes the message again for the other bank, with all that it says.

use std::io::BufRead;

use crate::case::{Assignment, Case};
use crate::error::ReadError;
use crate::fields::{original_ids, original_message};
use crate::limits::Limits;
use crate::original::OriginalMessage;
use crate::payment::{BusinessHead, PaymentIds, Refusal, header_refusals};
use crate::schema::names::*;
use crate::schema::{Family, MessageType};
use crate::whole::{self, Whole};

/// An investigation, `camt.026.001.07` or `camt.028.001.09`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Investigation {
    /// Its type.
    pub message_type: MessageType,
    /// Its business application header, if any.
    pub business: Option<BusinessHead>,
    /// `Assgnmt`.
    pub assignment: Assignment,
    /// `Case`.
    pub case: Option<Case>,
    /// `Undrlyg/IntrBk/OrgnlGrpInf` or `Undrlyg/Initn/OrgnlGrpInf`.
    pub original_message: Option<OriginalMessage>,
    /// The payment's references: `OrgnlInstrId`, `OrgnlEndToEndId`, `OrgnlTxId`, `OrgnlUETR`.
    pub original: PaymentIds,
}

impl Investigation {
    /// Reads a camt.026 of at most [`WHOLE_ITEMS_MAX`](crate::limits::WHOLE_ITEMS_MAX) repeated elements.
    ///
    /// # Errors
    /// [`ReadError`] where it can't be read, is another message, or is larger.
    pub fn read_unable_to_apply(input: impl BufRead, limits: Limits) -> Result<Self, ReadError> {
        whole::read(input, limits)
    }

    /// Reads a camt.028 in the same way.
    ///
    /// # Errors
    /// As [`read_unable_to_apply`](Self::read_unable_to_apply).
    pub fn read_additional(input: impl BufRead, limits: Limits) -> Result<Self, ReadError> {
        whole::read(input, limits).map(|Additional(investigation)| investigation)
    }

    /// What speaks against the message as a whole: header against document (FF01) or assigner (AGNT).
    #[must_use]
    pub fn refusals(&self) -> Vec<Refusal> {
        let assigner = ("Assgnr", self.assignment.assigner.agent());
        header_refusals(self.business.as_ref(), self.message_type, assigner)
    }
}

impl Whole for Investigation {
    const FAMILY: Family = Family::Camt026;
    const WHAT: &'static str = "unable to apply";

    fn begin(message_type: MessageType, business: Option<BusinessHead>) -> Self {
        Self {
            message_type,
            business,
            assignment: Assignment::default(),
            case: None,
            original_message: None,
            original: PaymentIds::default(),
        }
    }

    fn open(&mut self, _: &[u16]) -> bool {
        false
    }

    fn value(&mut self, path: &[u16], text: &str, _: &str) {
        match path {
            [ASSGNMT, rest @ ..] => self.assignment.value(rest, text),
            [CASE, rest @ ..] => Case::value(&mut self.case, rest, text),
            [UNDRLYG, INTR_BK | INITN | STMT_NTRY, ORGNL_GRP_INF, rest @ ..] => {
                original_message(self.original_message.get_or_insert_default(), rest, text);
            }
            [UNDRLYG, INTR_BK | INITN | STMT_NTRY, rest @ ..] => {
                original_ids(&mut self.original, rest, text);
            }
            _ => {}
        }
    }

    fn reference(&self) -> (Option<&BusinessHead>, &str) {
        (self.business.as_ref(), &self.assignment.id)
    }
}

/// A camt.028 being read.
struct Additional(Investigation);

impl Whole for Additional {
    const FAMILY: Family = Family::Camt028;
    const WHAT: &'static str = "additional payment information";

    fn begin(message_type: MessageType, business: Option<BusinessHead>) -> Self {
        Self(Investigation::begin(message_type, business))
    }

    fn open(&mut self, _: &[u16]) -> bool {
        false
    }

    fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        self.0.value(path, text, currency);
    }

    fn reference(&self) -> (Option<&BusinessHead>, &str) {
        self.0.reference()
    }
}
