//! Holding a payment to its profile: element by element, the first fault alone. Says what is wrong and the way out; never
//! writes a character of a text into an answer that the text's set does not have.

use crate::codes::{self, ReasonCode};
use crate::payment::{AccountId, Agent, CreditTransfer, MessageHead, Party, Refusal};
use crate::profile::{AgentRule, CharacterSet, Form, Profile, Reference, is_routing_number};
use crate::schema::Family;

/// What of a payment is not as its profile asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stray {
    /// The element of a message, or what stands for it in another form.
    pub element: &'static str,
    /// Why, and the way out.
    pub refusal: Refusal,
}

pub(super) type Checked = Result<(), Stray>;

pub(super) fn refuse(element: &'static str, code: ReasonCode, text: String) -> Checked {
    Err(Stray { element, refusal: Refusal { code, text } })
}

impl Profile {
    /// Asks a payment of a message with so many `transactions` all that the profile asks.
    ///
    /// # Errors
    /// The first [`Refusal`], which names the element and the way out: the message's type AG03, more than one payment
    /// AM18, currency AM03, amount AM02, something that is missing CH21, another service or instrument AG03, charge
    /// bearer CH16, charges that may not be there CH17, banks RC03 and RC04 (neighbours RC01, others CH16), accounts AC02
    /// and AC03, a cover that is not announced as one CH16, characters CH16.
    pub fn check(
        &self,
        head: &MessageHead,
        transfer: &CreditTransfer,
        transactions: u64,
    ) -> Result<(), Refusal> {
        self.check_all(head, transfer, transactions).map_err(|stray| stray.refusal)
    }

    /// Asks a payment that came in another form what a message of it would be asked, but for what the form has no place for.
    ///
    /// # Errors
    /// As [`Profile::check`], with the element.
    pub fn check_form(&self, form: Form, transfer: &CreditTransfer) -> Result<(), Stray> {
        self.check_amount(transfer)?;
        self.check_references(transfer, form.references)?;
        self.check_banks(transfer, false)?;
        self.check_accounts(transfer)?;
        self.check_characters("", transfer)
    }

    fn check_all(&self, head: &MessageHead, transfer: &CreditTransfer, transactions: u64) -> Checked {
        self.check_message(head, transactions)?;
        self.check_amount(transfer)?;
        if head.family() != Family::Pain001 {
            self.check_references(transfer, self.references)?;
            self.check_payment_type(transfer)?;
            self.check_bearer(head.family(), transfer)?;
            self.check_charges(transfer)?;
            self.check_neighbours(transfer)?;
            self.check_banks(transfer, head.family() == Family::Pacs009)?;
            self.check_accounts(transfer)?;
            self.check_cover(head, transfer)?;
        }
        self.check_characters(&head.message_id, transfer)
    }

    fn check_message(&self, head: &MessageHead, transactions: u64) -> Checked {
        let (name, max) = (self.name, self.transactions_max);
        if !self.families.contains(&head.family()) {
            let text = format!("{name} has no {}; send a pacs.008", head.message_type);
            return refuse("Document", codes::AG03, text);
        }
        if transactions > max {
            let text = format!("NbOfTxs is {transactions}, {name} allows {max}; send each payment by itself");
            return refuse("NbOfTxs", codes::AM18, text);
        }
        Ok(())
    }

    fn check_amount(&self, transfer: &CreditTransfer) -> Checked {
        let (name, currency) = (self.name, transfer.currency.iso_code());
        if let Some(own) = self.currency.filter(|own| *own != currency) {
            let text = format!("the amount's Ccy is {currency}, {name} pays {own}; send it another way");
            return refuse("Ccy", codes::AM03, text);
        }
        match self.amount_max {
            Some(max) if transfer.amount > max => {
                let max = max.to_decimal(transfer.currency);
                let text =
                    format!("the amount is above {max} {currency}, the most of {name}; send it another way");
                refuse("Amt", codes::AM02, text)
            }
            _ => Ok(()),
        }
    }

    /// Those of the profile that can be given.
    fn check_references(&self, transfer: &CreditTransfer, can_be: &[Reference]) -> Checked {
        let ids = &transfer.details.ids;
        for reference in self.references.iter().filter(|reference| can_be.contains(reference)) {
            let (element, is_there) = match reference {
                Reference::Instruction => ("PmtId/InstrId", ids.instruction.is_some()),
                Reference::EndToEnd => ("PmtId/EndToEndId", ids.end_to_end.is_some()),
                Reference::Transaction => ("PmtId/TxId", ids.transaction.is_some()),
                Reference::Uetr => ("PmtId/UETR", ids.uetr.is_some()),
            };
            self.needs(element, is_there)?;
        }
        Ok(())
    }

    fn check_payment_type(&self, transfer: &CreditTransfer) -> Checked {
        let details = &transfer.details;
        self.needs_code("PmtTpInf/SvcLvl", details.service_level.as_deref(), self.service_level)?;
        self.needs_code("PmtTpInf/LclInstrm", details.local_instrument.as_deref(), self.local_instrument)
    }

    fn check_neighbours(&self, transfer: &CreditTransfer) -> Checked {
        let details = &transfer.details;
        self.check_agent("InstgAgt", details.instructing_agent.as_ref(), self.neighbours, codes::RC01)?;
        self.check_agent("InstdAgt", details.instructed_agent.as_ref(), self.neighbours, codes::RC01)
    }

    fn check_banks(&self, transfer: &CreditTransfer, is_between_banks: bool) -> Checked {
        let details = &transfer.details;
        let sides = [
            ("Dbtr", "DbtrAgt", &details.debtor, &details.debtor_agent, codes::RC03),
            ("Cdtr", "CdtrAgt", &details.creditor, &details.creditor_agent, codes::RC04),
        ];
        for (party_element, element, party, agent, code) in sides {
            match agent {
                None if is_between_banks => {
                    self.check_agent(party_element, Some(&institution(party)), self.banks, code)?;
                }
                agent => self.check_agent(element, agent.as_ref(), self.banks, code)?,
            }
        }
        Ok(())
    }

    pub(super) fn check_agent(
        &self,
        element: &'static str,
        agent: Option<&Agent>,
        rule: AgentRule,
        code: ReasonCode,
    ) -> Checked {
        let (is_good, wanted) = match rule {
            AgentRule::Any => return Ok(()),
            AgentRule::Bic => (agent.is_some_and(|agent| agent.bic.is_some()), "its BICFI"),
            AgentRule::BicOrName => (
                agent.is_some_and(|agent| agent.bic.is_some() || agent.name.is_some()),
                "its BICFI, or its name",
            ),
            AgentRule::RoutingNumber => {
                (agent.is_some_and(has_routing_number), "a USABA member number with the right check digit")
            }
        };
        if is_good {
            return Ok(());
        }
        refuse(element, code, format!("{element} is not named as {} asks; give {wanted}", self.name))
    }

    fn check_accounts(&self, transfer: &CreditTransfer) -> Checked {
        let details = &transfer.details;
        let sides = [
            ("DbtrAcct", &details.debtor_account, codes::AC02),
            ("CdtrAcct", &details.creditor_account, codes::AC03),
        ];
        for (element, account, code) in sides {
            if self.needs_iban && !matches!(account, Some(AccountId::Iban(_))) {
                let text = format!("{element} has no IBAN, which {} asks for; give it", self.name);
                return refuse(element, code, text);
            }
        }
        Ok(())
    }

    fn check_characters(&self, message_id: &str, transfer: &CreditTransfer) -> Checked {
        self.check_characters_of(&references(message_id, transfer), &texts(transfer))
    }

    pub(super) fn check_characters_of(&self, references: &Texts<'_>, texts: &Texts<'_>) -> Checked {
        for (element, text) in references {
            self.check_text(element, text, self.reference_characters)?;
            let is_plain = !text.starts_with('/') && !text.ends_with('/') && !text.contains("//");
            if self.has_plain_slashes && !is_plain {
                let text =
                    format!("{element} begins or ends with a slash or has two in a row; write it without");
                return refuse(element, codes::CH16, text);
            }
        }
        texts.iter().try_for_each(|(element, text)| self.check_text(element, text, self.text_characters))
    }

    fn check_text(&self, element: &'static str, text: &str, set: CharacterSet) -> Checked {
        let Some(stranger) = set.stranger(text) else { return Ok(()) };
        // Told by its number: what a line can't carry is never written into one.
        let number = u32::from(stranger);
        let (name, allowed) = (self.name, set.wording());
        let text = format!("{element} has the character U+{number:04X}; {name} allows {allowed}");
        refuse(element, codes::CH16, text)
    }

    pub(super) fn needs(&self, element: &'static str, is_there: bool) -> Checked {
        if is_there {
            return Ok(());
        }
        refuse(element, codes::CH21, format!("{element} is missing, which {} asks for; give it", self.name))
    }

    fn needs_code(&self, element: &'static str, given: Option<&str>, wanted: Option<&str>) -> Checked {
        let Some(wanted) = wanted else { return Ok(()) };
        self.needs(element, given.is_some())?;
        match given.filter(|given| *given != wanted) {
            Some(given) => refuse(
                element,
                codes::AG03,
                format!("{element} is {given}, {} asks for {wanted}; give that", self.name),
            ),
            None => Ok(()),
        }
    }
}

/// The bank that stands in a customer's place.
fn institution(party: &Party) -> Agent {
    Agent { bic: party.bic, member: party.member.clone(), name: party.name.clone(), ..Agent::default() }
}

fn has_routing_number(agent: &Agent) -> bool {
    let member = agent.member.as_ref();
    member.is_some_and(|member| member.system.as_deref() == Some("USABA") && is_routing_number(&member.id))
}

pub(super) type Texts<'a> = Vec<(&'static str, &'a str)>;

/// References and numbers, with their elements.
fn references<'a>(message_id: &'a str, transfer: &'a CreditTransfer) -> Texts<'a> {
    let details = &transfer.details;
    let other = |account: &'a Option<AccountId>| match account {
        Some(AccountId::Other { id, .. }) => Some(id.as_str()),
        _ => None,
    };
    let all = [
        ("MsgId", Some(message_id)),
        ("PmtInfId", details.payment_information_id.as_deref()),
        ("PmtId/InstrId", details.ids.instruction.as_deref()),
        ("PmtId/EndToEndId", details.ids.end_to_end.as_deref()),
        ("PmtId/TxId", details.ids.transaction.as_deref()),
        ("DbtrAcct", other(&details.debtor_account)),
        ("CdtrAcct", other(&details.creditor_account)),
    ];
    named(all)
}

/// Names, towns and remittance information, with their elements.
fn texts(transfer: &CreditTransfer) -> Texts<'_> {
    let details = &transfer.details;
    let mut all = named([
        ("Dbtr/Nm", details.debtor.name.as_deref()),
        ("Dbtr/PstlAdr/TwnNm", details.debtor.town.as_deref()),
        ("Cdtr/Nm", details.creditor.name.as_deref()),
        ("Cdtr/PstlAdr/TwnNm", details.creditor.town.as_deref()),
        ("UltmtDbtr/Nm", party_name(details.ultimate_debtor.as_ref())),
        ("UltmtCdtr/Nm", party_name(details.ultimate_creditor.as_ref())),
        ("DbtrAgt/FinInstnId/Nm", agent_name(details.debtor_agent.as_ref())),
        ("CdtrAgt/FinInstnId/Nm", agent_name(details.creditor_agent.as_ref())),
    ]);
    all.extend(details.remittance.iter().map(|line| ("RmtInf/Ustrd", line.as_str())));
    let references = details.remittance_references.iter();
    all.extend(references.map(|reference| ("RmtInf/Strd/CdtrRefInf/Ref", reference.as_str())));
    all
}

pub(super) fn party_name(party: Option<&Party>) -> Option<&str> {
    party.and_then(|party| party.name.as_deref())
}

pub(super) fn agent_name(agent: Option<&Agent>) -> Option<&str> {
    agent.and_then(|agent| agent.name.as_deref())
}

pub(super) fn named<'a, const N: usize>(all: [(&'static str, Option<&'a str>); N]) -> Texts<'a> {
    all.into_iter().filter_map(|(element, text)| Some((element, text?))).collect()
}
