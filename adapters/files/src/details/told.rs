//! What statements say of a payment by its details.

use feiqian_core::uetr::Uetr;
use feiqian_iso20022::Verbatim;
use feiqian_iso20022::payment::Party;
use feiqian_iso20022::write::EntryTransaction;

use super::{AgentText, AmountText, Details, Side};

impl Details {
    /// The transaction of an entry, of the payment with that id. Details may be of a bank's own making: the writer leaves out what
    /// its schema does not allow.
    #[must_use]
    pub fn entry_transaction(&self, id: u128) -> EntryTransaction {
        // The message takes UUIDs of version 4 alone; the engine takes any id.
        let uetr = Some(Uetr::from_digest(id.to_be_bytes())).filter(|uetr| uetr.bits() == id);
        let mut ids = self.ids(uetr);
        if uetr.is_none() && ids.transaction.is_none() {
            ids.transaction = Some(format!("{id:032x}"));
        }
        let party = |side: &Side| Some(side.party()).filter(|party| *party != Party::default());
        let ultimate =
            |side: &Side| side.ultimate.clone().map(|name| Party { name: Some(name), ..Party::default() });
        // The customers of a cover are those for whom its banks pay and are paid.
        let covered = self.underlying.as_deref();
        let remittance = match covered {
            Some(covered) if self.remittance.is_empty() => covered.remittance.iter().collect(),
            _ => self.remittance.iter().collect(),
        };
        let instructed = self.instructed_amount.as_ref();
        EntryTransaction {
            message_id: Some(self.message_id.clone()).filter(|id| !id.is_empty()),
            ids,
            minor: None,
            instructed_amount: instructed
                .or(covered.and_then(|covered| covered.instructed_amount.as_ref()))
                .map(AmountText::told),
            ultimate_debtor: covered.map(|of| of.debtor.party()).or_else(|| ultimate(&self.debtor)),
            ultimate_creditor: covered.map(|of| of.creditor.party()).or_else(|| ultimate(&self.creditor)),
            debtor: party(&self.debtor),
            debtor_account: self.debtor.account_id(),
            creditor: party(&self.creditor),
            creditor_account: self.creditor.account_id(),
            debtor_agent: self.debtor.agent.as_ref().map(AgentText::agent),
            creditor_agent: self.creditor.agent.as_ref().map(AgentText::agent),
            remittance,
            said: self.said_of_entry(),
        }
    }

    /// What has no field, by the paths of an entry.
    fn said_of_entry(&self) -> Verbatim {
        let said = Verbatim::from(self.said.clone());
        if self.underlying.is_none() {
            return said;
        }
        let has_own = !self.remittance.is_empty();
        said.moved(|path| match path.strip_prefix("UndrlygCstmrCdtTrf/") {
            Some(below) => match below.split_once('/') {
                Some(("Dbtr", part)) => Some(format!("UltmtDbtr/{part}")),
                Some(("Cdtr", part)) => Some(format!("UltmtCdtr/{part}")),
                Some(("RmtInf", _)) if !has_own => Some(below.to_owned()),
                _ => (below == "Tax").then(|| below.to_owned()),
            },
            None => Some(path.to_owned()),
        })
    }
}
