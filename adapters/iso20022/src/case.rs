//! What recalls and their answers share: who assigns the case to whom (`Assgnmt`), and the case itself (`Case`).

use feiqian_core::bic::Bic;

use crate::fields;
use crate::payment::{Agent, Party};
use crate::schema::names::*;

/// A bank, or a customer or other party, in a case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CaseParty {
    /// An institution (`Agt`).
    Agent(Agent),
    /// Any other party (`Pty`).
    Party(Party),
}

impl Default for CaseParty {
    fn default() -> Self {
        Self::Agent(Agent::default())
    }
}

impl CaseParty {
    /// An institution known by its BIC alone.
    #[must_use]
    pub fn of_bic(bic: Bic) -> Self {
        Self::Agent(Agent::of_bic(bic))
    }

    /// The BIC, of whatever kind of party.
    #[must_use]
    pub fn bic(&self) -> Option<Bic> {
        match self {
            Self::Agent(agent) => agent.bic,
            Self::Party(party) => party.bic,
        }
    }

    /// The institution, if it is one.
    #[must_use]
    pub fn agent(&self) -> Option<&Agent> {
        match self {
            Self::Agent(agent) => Some(agent),
            Self::Party(_) => None,
        }
    }

    pub(crate) fn value(&mut self, path: &[u16], text: &str) {
        match (path, &mut *self) {
            // The first version of camt.029 knows BICs alone.
            ([], _) => *self = Self::Agent(Agent { bic: Bic::parse(text).ok(), ..Agent::default() }),
            ([AGT, rest @ ..], Self::Agent(agent)) => fields::agent(agent, rest, text),
            ([PTY, rest @ ..], Self::Party(party)) => fields::party(party, rest, text),
            ([PTY, rest @ ..], Self::Agent(_)) => {
                let mut party = Party::default();
                fields::party(&mut party, rest, text);
                *self = Self::Party(party);
            }
            _ => {}
        }
    }
}

/// Who hands the case to whom (`Assgnmt`); its `Id` is what a message id is to other messages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Assignment {
    /// `Id`.
    pub id: String,
    /// `Assgnr`: who sends the message.
    pub assigner: CaseParty,
    /// `Assgne`: who shall act on it.
    pub assignee: CaseParty,
    /// `CreDtTm`, an ISO date and time.
    pub creation: String,
}

impl Assignment {
    pub(crate) fn value(&mut self, path: &[u16], text: &str) {
        match path {
            [ID] => text.clone_into(&mut self.id),
            [ASSGNR, rest @ ..] => self.assigner.value(rest, text),
            [ASSGNE, rest @ ..] => self.assignee.value(rest, text),
            [CRE_DT_TM] => text.clone_into(&mut self.creation),
            _ => {}
        }
    }

    /// The assignment back to who assigned, as an answer has it.
    #[must_use]
    pub fn answered(&self, id: &str, creation: &str) -> Self {
        Self {
            id: id.to_owned(),
            assigner: self.assignee.clone(),
            assignee: self.assigner.clone(),
            creation: creation.to_owned(),
        }
    }
}

/// An investigation case (`Case`, `RslvdCase`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Case {
    /// `Id`, given by the creator and kept over all messages.
    pub id: String,
    /// `Cretr`.
    pub creator: CaseParty,
    /// `ReopCaseIndctn`, where said.
    pub is_reopened: Option<bool>,
}

impl Case {
    pub(crate) fn value(to: &mut Option<Self>, path: &[u16], text: &str) {
        let case = to.get_or_insert_default();
        match path {
            [ID] => text.clone_into(&mut case.id),
            [CRETR, rest @ ..] => case.creator.value(rest, text),
            [REOP_CASE_INDCTN] => case.is_reopened = Some(matches!(text, "true" | "1")),
            _ => {}
        }
    }
}
