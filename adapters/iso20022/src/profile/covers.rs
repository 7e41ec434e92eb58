//! What a profile asks of covers (pacs.009 COV): that they are announced as such, and who is named below them.

use super::checks::{Checked, Texts, agent_name, named, party_name, refuse};
use super::{AgentRule, Profile};
use crate::codes;
use crate::payment::{AccountId, CreditTransfer, MessageHead, Party, TransferDetails};
use crate::schema::Family;

/// How CBPR+ names its usages in `BizSvc`.
const SERVICE: &str = "swift.cbprplus.";
const COVER_SERVICE: &str = "swift.cbprplus.cov.";

impl Profile {
    /// A cover, and what is announced as one.
    pub(super) fn check_cover(&self, head: &MessageHead, transfer: &CreditTransfer) -> Checked {
        if !self.has_covers || head.family() != Family::Pacs009 {
            return Ok(());
        }
        let service = head.business.as_ref().and_then(|business| business.business_service.as_deref());
        let service = service.filter(|service| service.starts_with(SERVICE));
        let is_announced = service.is_some_and(|service| service.starts_with(COVER_SERVICE));
        let Some(below) = transfer.details.underlying.as_deref() else {
            return self.needs("UndrlygCstmrCdtTrf", !is_announced);
        };
        if service.is_some() && !is_announced {
            let text = format!(
                "BizSvc announces no cover, which UndrlygCstmrCdtTrf makes it; give {COVER_SERVICE}03, as {} asks",
                self.name
            );
            return refuse("BizSvc", codes::CH16, text);
        }
        self.check_parties_below(below)?;
        self.check_characters_of(&references_below(below), &texts_below(below))
    }

    fn check_parties_below(&self, below: &TransferDetails) -> Checked {
        self.needs("UndrlygCstmrCdtTrf/Dbtr/Nm", is_named(&below.debtor))?;
        self.needs("UndrlygCstmrCdtTrf/Cdtr/Nm", is_named(&below.creditor))?;
        let sides = [
            ("UndrlygCstmrCdtTrf/DbtrAgt", &below.debtor_agent, codes::RC03),
            ("UndrlygCstmrCdtTrf/CdtrAgt", &below.creditor_agent, codes::RC04),
        ];
        for (element, agent, code) in sides {
            self.check_agent(element, agent.as_ref(), AgentRule::BicOrName, code)?;
        }
        Ok(())
    }
}

/// A customer goes by a name, an organisation also by its BIC.
fn is_named(party: &Party) -> bool {
    party.name.is_some() || party.bic.is_some()
}

fn references_below(below: &TransferDetails) -> Texts<'_> {
    named([
        ("UndrlygCstmrCdtTrf/DbtrAcct", number_of(below.debtor_account.as_ref())),
        ("UndrlygCstmrCdtTrf/CdtrAcct", number_of(below.creditor_account.as_ref())),
    ])
}

fn number_of(account: Option<&AccountId>) -> Option<&str> {
    match account {
        Some(AccountId::Other { id, .. }) => Some(id),
        _ => None,
    }
}

fn texts_below(below: &TransferDetails) -> Texts<'_> {
    let mut all = named([
        ("UndrlygCstmrCdtTrf/Dbtr/Nm", below.debtor.name.as_deref()),
        ("UndrlygCstmrCdtTrf/Dbtr/PstlAdr/TwnNm", below.debtor.town.as_deref()),
        ("UndrlygCstmrCdtTrf/Cdtr/Nm", below.creditor.name.as_deref()),
        ("UndrlygCstmrCdtTrf/Cdtr/PstlAdr/TwnNm", below.creditor.town.as_deref()),
        ("UndrlygCstmrCdtTrf/UltmtDbtr/Nm", party_name(below.ultimate_debtor.as_ref())),
        ("UndrlygCstmrCdtTrf/UltmtCdtr/Nm", party_name(below.ultimate_creditor.as_ref())),
        ("UndrlygCstmrCdtTrf/DbtrAgt/FinInstnId/Nm", agent_name(below.debtor_agent.as_ref())),
        ("UndrlygCstmrCdtTrf/CdtrAgt/FinInstnId/Nm", agent_name(below.creditor_agent.as_ref())),
    ]);
    all.extend(below.remittance.iter().map(|line| ("UndrlygCstmrCdtTrf/RmtInf/Ustrd", line.as_str())));
    all
}
