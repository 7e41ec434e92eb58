//! From element paths to fields: which value of a message becomes which field of [`crate::payment`].
//!
//! One table for all versions and families: a version that lacks an element never reaches its arm, and older names
//! of the same thing (`BIC`, `BICFI`) stand side by side. Paths are relative to the part that they describe.

use feiqian_core::bic::Bic;
use feiqian_core::uetr::Uetr;

use crate::kept::push;
use crate::original::OriginalMessage;
use crate::payment::{
    AccountId, Agent, BusinessHead, Charge, ClearingMember, MessageHead, Party, PaymentIds, ToldAmount,
    TransferDetails,
};
use crate::schema::names::*;
use crate::verbatim::root_at;

fn owned(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Of several identifications the first is the one that the sender leads with.
fn keep_first(to: &mut Option<String>, text: &str) {
    to.get_or_insert_with(|| text.to_owned());
}

pub(crate) fn told(text: &str, currency: &str) -> ToldAmount {
    ToldAmount { text: text.to_owned(), currency: currency.to_owned() }
}

/// A value below `AppHdr`.
pub(crate) fn business_head(head: &mut BusinessHead, path: &[u16], text: &str) {
    match path {
        [FR, rest @ ..] => header_party(&mut head.from, rest, text),
        [TO, rest @ ..] => header_party(&mut head.to, rest, text),
        [BIZ_MSG_IDR] => text.clone_into(&mut head.business_message_id),
        [MSG_DEF_IDR] => text.clone_into(&mut head.message_definition),
        [BIZ_SVC] => head.business_service = owned(text),
        [CRE_DT] => text.clone_into(&mut head.creation),
        [CPY_DPLCT] => head.copy_duplicate = owned(text),
        [PSSBL_DPLCT] => head.possible_duplicate = matches!(text, "true" | "1"),
        [PRTY] => head.priority = owned(text),
        _ => {}
    }
}

fn header_party(party: &mut Agent, path: &[u16], text: &str) {
    match path {
        [FIID, rest @ ..] => agent(party, rest, text),
        [ORG_ID, ID, ORG_ID, ANY_BIC | BICOR_BEI] => party.bic = Bic::parse(text).ok(),
        [ORG_ID, ID, ORG_ID, LEI] => party.lei = owned(text),
        [ORG_ID, ID, ORG_ID, OTHR, ID] => party.other = owned(text),
        [ORG_ID, NM] => party.name = owned(text),
        _ => {}
    }
}

/// A value below `GrpHdr`.
pub(crate) fn group_head(head: &mut MessageHead, path: &[u16], text: &str, currency: &str) {
    match path {
        [MSG_ID] => text.clone_into(&mut head.message_id),
        [CRE_DT_TM] => text.clone_into(&mut head.creation),
        [NB_OF_TXS] => head.number_of_transactions = text.parse().ok(),
        [CTRL_SUM] => head.control_sum = owned(text),
        [TTL_INTR_BK_STTLM_AMT | TTL_RTRD_INTR_BK_STTLM_AMT] => head.total = Some(told(text, currency)),
        [INTR_BK_STTLM_DT] => head.settlement_date = owned(text),
        [STTLM_INF, STTLM_MTD] => head.settlement_method = owned(text),
        [STTLM_INF, CLR_SYS, ..] => head.clearing_system = owned(text),
        [INSTG_AGT, rest @ ..] => agent(head.instructing_agent.get_or_insert_default(), rest, text),
        [INSTD_AGT, rest @ ..] => agent(head.instructed_agent.get_or_insert_default(), rest, text),
        [INITG_PTY, rest @ ..] => party(head.initiating_party.get_or_insert_default(), rest, text),
        _ => {}
    }
}

/// A value below a transaction, or below what stands for all transactions of a block.
pub(crate) fn details(to: &mut TransferDetails, path: &[u16], text: &str, currency: &str) {
    match path {
        [PMT_ID, rest @ ..] => payment_ids(to, rest, text),
        [PMT_TP_INF, rest @ ..] => payment_type(to, rest, text),
        [PMT_INF_ID] => to.payment_information_id = owned(text),
        [DBTR, rest @ ..] => party(&mut to.debtor, rest, text),
        [DBTR_ACCT, rest @ ..] => account(&mut to.debtor_account, rest, text),
        [DBTR_AGT, rest @ ..] => agent(to.debtor_agent.get_or_insert_default(), rest, text),
        [CDTR_AGT, rest @ ..] => agent(to.creditor_agent.get_or_insert_default(), rest, text),
        [CDTR, rest @ ..] => party(&mut to.creditor, rest, text),
        [CDTR_ACCT, rest @ ..] => account(&mut to.creditor_account, rest, text),
        [ULTMT_DBTR, rest @ ..] => party(to.ultimate_debtor.get_or_insert_default(), rest, text),
        [ULTMT_CDTR, rest @ ..] => party(to.ultimate_creditor.get_or_insert_default(), rest, text),
        [INSTG_AGT, rest @ ..] => agent(to.instructing_agent.get_or_insert_default(), rest, text),
        [INSTD_AGT, rest @ ..] => agent(to.instructed_agent.get_or_insert_default(), rest, text),
        [INTRMY_AGT1, rest @ ..] => agent(at(&mut to.intermediaries, 0), rest, text),
        [INTRMY_AGT2, rest @ ..] => agent(at(&mut to.intermediaries, 1), rest, text),
        [INTRMY_AGT3, rest @ ..] => agent(at(&mut to.intermediaries, 2), rest, text),
        [PRVS_INSTG_AGT | PRVS_INSTG_AGT1, rest @ ..] => agent(at(&mut to.previous_agents, 0), rest, text),
        [PRVS_INSTG_AGT2, rest @ ..] => agent(at(&mut to.previous_agents, 1), rest, text),
        [PRVS_INSTG_AGT3, rest @ ..] => agent(at(&mut to.previous_agents, 2), rest, text),
        [INITG_PTY, rest @ ..] => party(to.initiating_party.get_or_insert_default(), rest, text),
        [PURP, ..] => to.purpose = owned(text),
        [CHRG_BR] => to.charge_bearer = owned(text),
        [STTLM_PRTY] => to.priority = owned(text),
        [RMT_INF, USTRD] => push(&mut to.remittance, text.to_owned()),
        [RMT_INF, STRD, CDTR_REF_INF, REF | CDTR_REF] => {
            push(&mut to.remittance_references, text.to_owned());
        }
        [INTR_BK_STTLM_DT] => to.settlement_date = owned(text),
        [REQD_EXCTN_DT, ..] => to.requested_execution_date = owned(text),
        [INSTD_AMT] => to.instructed_amount = Some(told(text, currency)),
        [XCHG_RATE] => to.exchange_rate = owned(text),
        [CHRGS_INF, rest @ ..] => charge(&mut to.charges, rest, text, currency),
        [UNDRLYG_CSTMR_CDT_TRF, rest @ ..] => {
            details(to.underlying.get_or_insert_default(), rest, text, currency);
        }
        _ => {}
    }
}

/// An element of a transaction begins: what it replaces, said for all transactions before, is forgotten.
pub(crate) fn details_open(to: &mut TransferDetails, path: &[u16]) {
    match path {
        [PMT_TP_INF] => {
            (to.service_level, to.local_instrument, to.category_purpose) = (None, None, None);
        }
        [INSTG_AGT] => to.instructing_agent = None,
        [INSTD_AGT] => to.instructed_agent = None,
        [UNDRLYG_CSTMR_CDT_TRF] => {
            to.underlying.get_or_insert_default();
        }
        _ => {}
    }
}

/// An element begins that has no field: it is kept as it is said.
pub(crate) fn said_open(to: &mut TransferDetails, path: &[u16]) {
    if let Some(at) = root_at(path) {
        to.said.open(path, at, to.charges.len());
    }
}

/// The same of a value.
pub(crate) fn said_value(to: &mut TransferDetails, path: &[u16], text: &str, currency: &str) {
    if let Some(at) = root_at(path) {
        to.said.value(path, (at, to.charges.len()), (text, currency));
    }
}

fn at(agents: &mut Vec<Agent>, place: usize) -> &mut Agent {
    while agents.len() <= place {
        agents.push(Agent::default());
    }
    &mut agents[place]
}

fn payment_ids(to: &mut TransferDetails, path: &[u16], text: &str) {
    match path {
        [INSTR_ID] => to.ids.instruction = owned(text),
        [END_TO_END_ID] => to.ids.end_to_end = owned(text),
        [TX_ID] => to.ids.transaction = owned(text),
        [UETR] => to.ids.uetr = Uetr::parse(text).ok(),
        [CLR_SYS_REF] => to.clearing_reference = owned(text),
        _ => {}
    }
}

fn payment_type(to: &mut TransferDetails, path: &[u16], text: &str) {
    match path {
        [INSTR_PRTY] => to.priority = owned(text),
        [SVC_LVL, ..] if to.service_level.is_none() => to.service_level = owned(text),
        [LCL_INSTRM, ..] => to.local_instrument = owned(text),
        [CTGY_PURP, ..] => to.category_purpose = owned(text),
        _ => {}
    }
}

/// Charges come as amount first, then agent: an amount begins the next.
pub(crate) fn charge(to: &mut Vec<Charge>, path: &[u16], text: &str, currency: &str) {
    match path {
        [AMT | CHRGS_AMT] => {
            push(to, Charge { amount: told(text, currency), agent: None });
        }
        [AGT | CHRGS_PTY | PTY, rest @ ..] => {
            if let Some(charge) = to.last_mut() {
                agent(charge.agent.get_or_insert_default(), rest, text);
            }
        }
        _ => {}
    }
}

/// A value below `OrgnlGrpInf` and what holds the same.
pub(crate) fn original_message(to: &mut OriginalMessage, path: &[u16], text: &str) {
    match path {
        [ORGNL_MSG_ID] => text.clone_into(&mut to.message_id),
        [ORGNL_MSG_NM_ID] => text.clone_into(&mut to.message_type),
        [ORGNL_CRE_DT_TM] => to.creation = owned(text),
        _ => {}
    }
}

/// A reference of an original transaction.
pub(crate) fn original_ids(to: &mut PaymentIds, path: &[u16], text: &str) {
    match path {
        [ORGNL_INSTR_ID] => to.instruction = owned(text),
        [ORGNL_END_TO_END_ID] => to.end_to_end = owned(text),
        [ORGNL_TX_ID] => to.transaction = owned(text),
        [ORGNL_UETR] => to.uetr = Uetr::parse(text).ok(),
        _ => {}
    }
}

/// What [`TransferDetails::to_reference`] keeps.
const REFERENCED: [u16; 15] = [
    INTR_BK_STTLM_DT,
    PMT_TP_INF,
    RMT_INF,
    ULTMT_DBTR,
    DBTR,
    DBTR_ACCT,
    DBTR_AGT,
    DBTR_AGT_ACCT,
    CDTR_AGT,
    CDTR_AGT_ACCT,
    CDTR,
    CDTR_ACCT,
    ULTMT_CDTR,
    PURP,
    UNDRLYG_CSTMR_CDT_TRF,
];

/// An element below `OrgnlTxRef` begins that has no field.
pub(crate) fn original_reference_open(to: &mut Option<Box<TransferDetails>>, path: &[u16]) {
    if root_at(path).is_some() && REFERENCED.contains(path.first().unwrap_or(&u16::MAX)) {
        said_open(to.get_or_insert_default(), path);
    }
}

/// A value below `OrgnlTxRef` that has none.
pub(crate) fn original_reference_said(
    to: &mut Option<Box<TransferDetails>>,
    path: &[u16],
    text: &str,
    currency: &str,
) {
    if root_at(path).is_some() && REFERENCED.contains(path.first().unwrap_or(&u16::MAX)) {
        said_value(to.get_or_insert_default(), path, text, currency);
    }
}

/// A value below `OrgnlTxRef`.
pub(crate) fn original_reference(
    to: &mut Option<Box<TransferDetails>>,
    path: &[u16],
    text: &str,
    currency: &str,
) {
    if REFERENCED.contains(path.first().unwrap_or(&u16::MAX)) {
        details(to.get_or_insert_default(), path, text, currency);
    }
}

/// A value below an agent (`DbtrAgt`, `FIId`).
pub(crate) fn agent(to: &mut Agent, path: &[u16], text: &str) {
    let [FIN_INSTN_ID, path @ ..] = path else { return };
    let path = if let [CMBND_ID, rest @ ..] = path { rest } else { path };
    match path {
        [BICFI | BIC] => to.bic = Bic::parse(text).ok(),
        [CLR_SYS_MMB_ID, rest @ ..] => member(to.member.get_or_insert_default(), rest, text),
        [LEI] => to.lei = owned(text),
        [NM] | [NM_AND_ADR, NM] => to.name = owned(text),
        [OTHR | PRTRY_ID, ID] => to.other = owned(text),
        _ => {}
    }
}

fn member(to: &mut ClearingMember, path: &[u16], text: &str) {
    match path {
        [CLR_SYS_ID, ..] => to.system = owned(text),
        [MMB_ID | ID | PRTRY] => text.clone_into(&mut to.id),
        _ => {}
    }
}

/// A value below a party: a customer, or an institution in the customer's place.
pub(crate) fn party(to: &mut Party, path: &[u16], text: &str) {
    // Where either may stand: `Dbtr/Pty`, `Dbtr/Agt`.
    let path = if let [PTY | AGT, rest @ ..] = path { rest } else { path };
    match path {
        [NM] | [FIN_INSTN_ID, NM] => to.name = owned(text),
        [ID, ORG_ID, ANY_BIC | BICOR_BEI | BIC | BEI] | [FIN_INSTN_ID, BICFI | BIC] => {
            to.bic = Bic::parse(text).ok();
        }
        [ID, ORG_ID, LEI] | [FIN_INSTN_ID, LEI] => to.lei = owned(text),
        [ID, ORG_ID, OTHR, ID] => keep_first(&mut to.organisation_id, text),
        [ID, PRVT_ID, OTHR, ID] => keep_first(&mut to.private_id, text),
        [FIN_INSTN_ID, CLR_SYS_MMB_ID, rest @ ..] => member(to.member.get_or_insert_default(), rest, text),
        [PSTL_ADR, CTRY] | [FIN_INSTN_ID, PSTL_ADR, CTRY] => to.country = owned(text),
        [PSTL_ADR, TWN_NM] | [FIN_INSTN_ID, PSTL_ADR, TWN_NM] => to.town = owned(text),
        _ => {}
    }
}

/// A value below an account. A number wins over an alias.
pub(crate) fn account(to: &mut Option<AccountId>, path: &[u16], text: &str) {
    match path {
        [ID, IBAN] => *to = Some(AccountId::Iban(text.to_owned())),
        [ID, BBAN | UPIC] | [ID, OTHR | PRTRY_ACCT, ID] => {
            *to = Some(AccountId::Other { id: text.to_owned(), scheme: None });
        }
        [ID, OTHR, SCHME_NM, ..] => {
            if let Some(AccountId::Other { scheme, .. }) = to {
                *scheme = owned(text);
            }
        }
        [PRXY, ID] => match to {
            None | Some(AccountId::Proxy { .. }) => {
                let kind = match to.take() {
                    Some(AccountId::Proxy { kind, .. }) => kind,
                    _ => None,
                };
                *to = Some(AccountId::Proxy { id: text.to_owned(), kind });
            }
            Some(_) => {}
        },
        [PRXY, TP, ..] => match to {
            None => *to = Some(AccountId::Proxy { id: String::new(), kind: owned(text) }),
            Some(AccountId::Proxy { kind, .. }) => *kind = owned(text),
            Some(_) => {}
        },
        _ => {}
    }
}
