//! Whose accounts a payment means: from BICs, routing numbers and account numbers to handles, or a refusal with its
//! code. Asks the directory only; whether the accounts may pay is the engine's to say.
//!
//! Who submits: the instructing agent where one is given, else the debtor agent (always so in a pain.001). Whose
//! account is credited: the creditor agent's, or the instructed agent's where only that one takes part. On either
//! side the account is the one that the payment names, if the directory has it as that bank's, else the bank's
//! clearing account in the payment's currency, which stands for all customers on the bank's own books.

use feiqian_core::account::AccountHandle;
use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::limits::ALIAS_BYTES_MAX;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::Record;
use feiqian_iso20022::codes::{self, ReasonCode};
use feiqian_iso20022::derive::transfer_id;
use feiqian_iso20022::payment::{
    AccountId, Agent, ClearingMember, CreditTransfer, MessageHead, Party, Refusal, TransferDetails,
};
use feiqian_iso20022::Family;
use feiqian_proof::hash::{Domain, keyed};
use feiqian_runtime::directory::Directory;

use crate::details::Details;

/// What names stand for; the engine's directory, or a table in a test.
pub trait Names {
    /// A participant by its BIC.
    fn participant(&self, bic: Bic) -> Option<ParticipantHandle>;
    /// A participant's clearing account.
    fn clearing_account(&self, participant: ParticipantHandle, currency: Currency) -> Option<AccountHandle>;
    /// The account of an alias, with its owner.
    fn alias(&self, alias: &str) -> Option<(AccountHandle, ParticipantHandle)>;
}

impl Names for Directory {
    fn participant(&self, bic: Bic) -> Option<ParticipantHandle> {
        Directory::participant(self, bic)
    }

    fn clearing_account(&self, participant: ParticipantHandle, currency: Currency) -> Option<AccountHandle> {
        Directory::clearing_account(self, participant, currency)
    }

    fn alias(&self, alias: &str) -> Option<(AccountHandle, ParticipantHandle)> {
        let account = Directory::alias(self, alias)?;
        Directory::account(self, account).map(|(owner, ..)| (account, owner))
    }
}

/// A payment that the engine can be asked to clear.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolved {
    /// Who submits it.
    pub participant: ParticipantHandle,
    /// What is submitted.
    pub record: Record,
    /// What is journaled beside it.
    pub details: Vec<u8>,
}

/// Resolves one payment.
///
/// # Errors
/// The [`Refusal`] of a payment whose banks or currencies are not of this clearing house.
pub fn resolve(
    head: &MessageHead,
    transfer: &CreditTransfer,
    names: &impl Names,
) -> Result<Resolved, Refusal> {
    let submitter = submitter(head, transfer, names)?;
    check_sender(head, submitter, names)?;
    let receiver = receiver(head, transfer, names)?;
    let details = &transfer.details;
    let debtor = account(submitter, details.debtor_account.as_ref(), transfer.currency, names)?;
    let creditor = account(receiver, details.creditor_account.as_ref(), transfer.currency, names)?;
    let uetr = transfer_id(head, details, transfer.index);
    let bytes = Details::of(head, transfer).encode();
    let record = Record {
        purpose: purpose(details),
        reference: keyed(Domain::Document, &bytes).0,
        ..Record::new(
            uetr.bits(),
            debtor,
            creditor,
            transfer.amount.minor(),
            transfer.currency.numeric(),
        )
    };
    Ok(Resolved { participant: submitter.handle, record, details: bytes })
}

/// The names under which the directory may have an account, the most exact first.
#[must_use]
pub fn aliases_of(account: &AccountId) -> Vec<String> {
    let names = match account {
        AccountId::Iban(iban) => vec![format!("IBAN:{iban}")],
        AccountId::Other { id, scheme } => {
            scheme.iter().map(|scheme| format!("{scheme}:{id}")).chain([format!("OTHR:{id}")]).collect()
        }
        AccountId::Proxy { id, kind } => {
            kind.iter().map(|kind| format!("{kind}:{id}")).chain([format!("PRXY:{id}")]).collect()
        }
    };
    names.into_iter().filter(|name| name.len() <= ALIAS_BYTES_MAX).collect()
}

/// The name under which the directory has the clearing account of a clearing system's member: `USABA:021040078`.
#[must_use]
pub fn member_alias(member: &ClearingMember) -> Option<String> {
    let alias = format!("{}:{}", member.system.as_ref()?, member.id);
    (alias.len() <= ALIAS_BYTES_MAX).then_some(alias)
}

/// A bank of this clearing house, with the name that the payment gives it.
#[derive(Clone, Copy)]
struct Bank<'a> {
    handle: ParticipantHandle,
    name: &'a str,
}

fn find<'a>(agent: &'a Agent, names: &impl Names) -> Option<Bank<'a>> {
    let by_bic = agent.bic.and_then(|bic| names.participant(bic));
    let by_member = || names.alias(&member_alias(agent.member.as_ref()?)?).map(|(_, owner)| owner);
    let handle = by_bic.or_else(by_member)?;
    Some(Bank { handle, name: agent.identifier().unwrap_or("") })
}

fn refuse<T>(code: ReasonCode, text: String) -> Result<T, Refusal> {
    Err(Refusal { code, text })
}

fn find_or_refuse<'a>(
    role: &str,
    agent: &'a Agent,
    codes: (ReasonCode, ReasonCode),
    names: &impl Names,
) -> Result<Bank<'a>, Refusal> {
    let (unregistered, missing) = codes;
    match (find(agent, names), agent.identifier()) {
        (Some(bank), _) => Ok(bank),
        (None, Some(name)) => {
            refuse(unregistered, format!("{role} {name} is not registered here; correct it, or pay another way"))
        }
        (None, None) => refuse(missing, format!("{role} has no BIC or routing number; name it")),
    }
}

fn submitter<'a>(
    head: &MessageHead,
    transfer: &'a CreditTransfer,
    names: &impl Names,
) -> Result<Bank<'a>, Refusal> {
    let details = &transfer.details;
    if let Some(agent) = details.instructing_agent.as_ref().filter(|_| head.family() != Family::Pain001) {
        return find_or_refuse("instructing agent", agent, (codes::AGNT, codes::AGNT), names);
    }
    match institution(head, details.debtor_agent.as_ref(), &details.debtor) {
        Some(BankOf::Agent(agent)) => {
            find_or_refuse("debtor agent", agent, (codes::DNOR, codes::RC03), names)
        }
        Some(BankOf::Party(party)) => find_party("debtor", party, codes::DNOR, names),
        None => refuse(codes::RC03, "the debtor agent is missing; name it".to_owned()),
    }
}

fn receiver<'a>(
    head: &MessageHead,
    transfer: &'a CreditTransfer,
    names: &impl Names,
) -> Result<Bank<'a>, Refusal> {
    let details = &transfer.details;
    let instructed = || details.instructed_agent.as_ref().and_then(|agent| find(agent, names));
    let found = match institution(head, details.creditor_agent.as_ref(), &details.creditor) {
        Some(BankOf::Agent(agent)) => {
            find_or_refuse("creditor agent", agent, (codes::CNOR, codes::RC04), names)
        }
        Some(BankOf::Party(party)) => find_party("creditor", party, codes::CNOR, names),
        None => refuse(codes::RC04, "the creditor agent is missing; name it".to_owned()),
    };
    found.or_else(|refusal| instructed().ok_or(refusal))
}

/// A customer's bank; in a pacs.009 the party is a bank itself.
enum BankOf<'a> {
    Agent(&'a Agent),
    Party(&'a Party),
}

fn institution<'a>(head: &MessageHead, agent: Option<&'a Agent>, party: &'a Party) -> Option<BankOf<'a>> {
    let own = (head.family() == Family::Pacs009).then_some(BankOf::Party(party));
    agent.map(BankOf::Agent).or(own)
}

fn find_party<'a>(
    role: &str,
    party: &'a Party,
    code: ReasonCode,
    names: &impl Names,
) -> Result<Bank<'a>, Refusal> {
    let agent = Agent { bic: party.bic, member: party.member.clone(), ..Agent::default() };
    let name = party.bic.as_ref().map(Bic::as_str).or(party.member.as_ref().map(|member| member.id.as_str()));
    let name = name.or(party.name.as_deref()).unwrap_or("");
    match find(&agent, names) {
        Some(bank) => Ok(Bank { handle: bank.handle, name }),
        None => refuse(code, format!("{role} {name} is not registered here; correct it")),
    }
}

/// I7: what a header says about its sender must not contradict whose money is to move. A number that this
/// directory does not have (an operator's own, as FedNow's) says nothing about a participant.
fn check_sender(head: &MessageHead, submitter: Bank<'_>, names: &impl Names) -> Result<(), Refusal> {
    let Some(business) = &head.business else { return Ok(()) };
    let is_other = match find(&business.from, names) {
        Some(sender) => sender.handle != submitter.handle,
        None => business.from.bic.is_some(),
    };
    if !is_other {
        return Ok(());
    }
    let (sender, own) = (business.from.identifier().unwrap_or(""), submitter.name);
    refuse(codes::AGNT, format!("the header's sender {sender} may not send for {own}; send it from {own}"))
}

fn account(
    bank: Bank<'_>,
    named: Option<&AccountId>,
    currency: Currency,
    names: &impl Names,
) -> Result<AccountHandle, Refusal> {
    let hosted = named.map(aliases_of).unwrap_or_default().into_iter().find_map(|alias| names.alias(&alias));
    if let Some((account, _)) = hosted.filter(|(_, owner)| *owner == bank.handle) {
        return Ok(account);
    }
    names.clearing_account(bank.handle, currency).ok_or_else(|| Refusal {
        code: codes::AM03,
        text: format!("{} does not clear {currency} here; use another currency", bank.name),
    })
}

/// An external purpose code has one to four characters; a proprietary one stays in the details.
fn purpose(details: &TransferDetails) -> [u8; 4] {
    let mut code = [0; 4];
    let text = details.purpose.as_deref().unwrap_or("").as_bytes();
    if text.len() <= code.len() && text.iter().all(u8::is_ascii_alphanumeric) {
        code.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
    }
    code
}
