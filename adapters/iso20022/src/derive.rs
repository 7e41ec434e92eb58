//! Transfer ids for messages that carry none: a digest of what makes the transaction unique to its sender.
//!
//! The same file gives the same ids whenever and wherever it is read, so a redelivery is recognised. The amount is
//! left out on purpose: the same references with another amount must be seen as a reused id, not as a new payment.

use feiqian_core::uetr::Uetr;

use crate::payment::{Agent, MessageHead, TransferDetails};
use crate::returns::ReturnDetails;
use crate::schema::Family;

const CONTEXT: &str = "feiqian 2026 iso20022 derived uetr v1";
const RETURN_CONTEXT: &str = "feiqian 2026 iso20022 derived return v1";

/// The transaction's id: its UETR, or else one derived from who sent it, its message and its references.
///
/// `index` is its place in the file, from 1.
#[must_use]
pub fn transfer_id(head: &MessageHead, details: &TransferDetails, index: u64) -> Uetr {
    details.ids.uetr.unwrap_or_else(|| derive_uetr(head, details, index))
}

/// The derived id alone, whether or not the transaction has a UETR.
#[must_use]
pub fn derive_uetr(head: &MessageHead, details: &TransferDetails, index: u64) -> Uetr {
    let family: &[u8] = match head.family() {
        Family::Pain001 => b"pain.001",
        Family::Pacs009 => b"pacs.009",
        _ => b"pacs.008",
    };
    let sender = details.instructing_agent.as_ref().or(head.sender()).or(details.debtor_agent.as_ref());
    let initiator = head.initiating_party.as_ref();
    let initiator = initiator.and_then(|party| party.organisation_id.as_deref().or(party.name.as_deref()));
    let ids = &details.ids;
    let fields = [
        sender.and_then(Agent::identifier),
        initiator,
        Some(head.message_id.as_str()),
        details.payment_information_id.as_deref(),
        ids.instruction.as_deref(),
        ids.end_to_end.as_deref(),
        ids.transaction.as_deref(),
    ];
    digest(CONTEXT, family, &fields, index)
}

/// The id of a return (pacs.004), which carries only the id of what it returns: derived from who sent it, its
/// message, its `RtrId` and the references of the payment.
///
/// `index` is its place in the file, from 1.
#[must_use]
pub fn return_id(head: &MessageHead, details: &ReturnDetails, index: u64) -> Uetr {
    let sender = details.instructing_agent.as_ref().or(head.sender());
    let original = &details.original;
    let uetr = original.uetr.map(|uetr| uetr.to_string());
    let fields = [
        sender.and_then(Agent::identifier),
        Some(head.message_id.as_str()),
        details.id.as_deref(),
        uetr.as_deref(),
        original.instruction.as_deref(),
        original.end_to_end.as_deref(),
        original.transaction.as_deref(),
    ];
    digest(RETURN_CONTEXT, b"pacs.004", &fields, index)
}

fn digest(context: &str, family: &[u8], fields: &[Option<&str>], index: u64) -> Uetr {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    hasher.update(family);
    for field in fields {
        push(&mut hasher, *field);
    }
    hasher.update(&index.to_le_bytes());
    let mut digest = [0; 16];
    digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    Uetr::from_digest(digest)
}

/// Presence, length, bytes: no two lists of fields run into the same bytes.
fn push(hasher: &mut blake3::Hasher, field: Option<&str>) {
    let bytes = field.unwrap_or("").as_bytes();
    hasher.update(&[u8::from(field.is_some())]);
    hasher.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
    hasher.update(bytes);
}
