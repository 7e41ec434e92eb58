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
use feiqian_iso20022::Family;
use feiqian_iso20022::codes::{self, ReasonCode};
use feiqian_iso20022::derive::transfer_id;
use feiqian_iso20022::payment::{
    AccountId, Agent, BusinessHead, ClearingMember, CreditTransfer, MessageHead, Party, Refusal,
    TransferDetails,
};
use feiqian_proof::hash::{Domain, keyed};
use feiqian_runtime::directory::Directory;

use crate::details::Details;

/// What names stand for; the engine's directory, or a table in a test.
pub trait Names {
    /// A participant by its BIC.
    fn participant(&self, bic: Bic) -> Option<ParticipantHandle>;
    /// A participant's clearing account.
    fn clearing_account(&self, participant: ParticipantHandle, currency: Currency) -> Option<AccountHandle>;
    /// The account of an alias, with its owner and its currency, which may be a product's.
    fn alias(&self, alias: &str) -> Option<(AccountHandle, ParticipantHandle, Currency)>;
}

impl Names for Directory {
    fn participant(&self, bic: Bic) -> Option<ParticipantHandle> {
        Directory::participant(self, bic)
    }

    fn clearing_account(&self, participant: ParticipantHandle, currency: Currency) -> Option<AccountHandle> {
        Directory::clearing_account(self, participant, currency)
    }

    fn alias(&self, alias: &str) -> Option<(AccountHandle, ParticipantHandle, Currency)> {
        let account = Directory::alias(self, alias)?;
        Directory::account(self, account).map(|(owner, currency, _)| (account, owner, currency))
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
    /// The references that the record had while details had earlier versions, the newest first: a payment that was taken in
    /// then is the same payment (I3).
    pub earlier_references: Vec<[u8; 32]>,
}

/// The digest by which a record names its details.
#[must_use]
pub(crate) fn reference(details: &[u8]) -> [u8; 32] {
    keyed(Domain::Document, details).0
}

/// [`Resolved::earlier_references`] of details.
#[must_use]
pub(crate) fn earlier_references(details: &Details) -> Vec<[u8; 32]> {
    let earlier = std::iter::successors(details.in_version_before(), Details::in_version_before);
    earlier.map(|details| reference(&details.encode())).collect()
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
    let debtor = hosted(submitter, details.debtor_account.as_ref(), names);
    let creditor = hosted(receiver, details.creditor_account.as_ref(), names);
    let currency = product(transfer.currency, [creditor, debtor]);
    let debtor = account(debtor, submitter, currency, names)?;
    let creditor = account(creditor, receiver, currency, names)?;
    let uetr = transfer_id(head, details, transfer.index);
    let told = Details::of(head, transfer);
    let earlier_references = earlier_references(&told);
    let bytes = told.encode();
    let record = Record {
        purpose: purpose(details),
        reference: reference(&bytes),
        ..Record::new(uetr.bits(), debtor, creditor, transfer.amount.minor(), currency.numeric())
    };
    Ok(Resolved { participant: submitter.handle, record, details: bytes, earlier_references })
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
pub(crate) struct Bank<'a> {
    pub(crate) handle: ParticipantHandle,
    pub(crate) name: &'a str,
}

pub(crate) fn find<'a>(agent: &'a Agent, names: &impl Names) -> Option<Bank<'a>> {
    let by_bic = agent.bic.and_then(|bic| names.participant(bic));
    let by_member = || names.alias(&member_alias(agent.member.as_ref()?)?).map(|(_, owner, _)| owner);
    let handle = by_bic.or_else(by_member)?;
    Some(Bank { handle, name: agent.identifier().unwrap_or("") })
}

pub(crate) fn refuse<T>(code: ReasonCode, text: String) -> Result<T, Refusal> {
    Err(Refusal { code, text })
}

pub(crate) fn find_or_refuse<'a>(
    role: &str,
    agent: &'a Agent,
    codes: (ReasonCode, ReasonCode),
    names: &impl Names,
) -> Result<Bank<'a>, Refusal> {
    let (unregistered, missing) = codes;
    match (find(agent, names), agent.identifier()) {
        (Some(bank), _) => Ok(bank),
        (None, Some(name)) => refuse(
            unregistered,
            format!("{role} {name} is not registered here; correct it, or pay another way"),
        ),
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
    check_header(head.business.as_ref(), submitter, names)
}

/// As for payments, for any message.
pub(crate) fn check_header(
    business: Option<&BusinessHead>,
    submitter: Bank<'_>,
    names: &impl Names,
) -> Result<(), Refusal> {
    let Some(business) = business else { return Ok(()) };
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

/// An account that the house keeps for a bank, and its currency.
type Hosted = Option<(AccountHandle, Currency)>;

fn hosted(bank: Bank<'_>, named: Option<&AccountId>, names: &impl Names) -> Hosted {
    let aliases = named.map(aliases_of).unwrap_or_default();
    let found = aliases.into_iter().find_map(|alias| names.alias(&alias));
    found.filter(|(_, owner, _)| *owner == bank.handle).map(|(account, _, currency)| (account, currency))
}

/// A message says the ISO code alone: its payment is of the product that the first of its accounts is of.
fn product(told: Currency, accounts: [Hosted; 2]) -> Currency {
    let mut currencies = accounts.into_iter().flatten().map(|(_, currency)| currency);
    currencies.find(|currency| currency.iso() == told.iso()).filter(|_| told.product() == 0).unwrap_or(told)
}

fn account(
    hosted: Hosted,
    bank: Bank<'_>,
    currency: Currency,
    names: &impl Names,
) -> Result<AccountHandle, Refusal> {
    if let Some((account, _)) = hosted {
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

#[cfg(test)]
mod tests {
    use super::*;
    use feiqian_core::money::Amount;
    use feiqian_iso20022::MessageType;
    use feiqian_iso20022::payment::PaymentIds;

    /// Banks A (0) and B (1) clear EUR on accounts 10 and 11, and its product 1 on 30 and 31; A keeps account 20, B account
    /// 21, and of the product 41, by IBAN.
    struct Table;

    impl Names for Table {
        fn participant(&self, bic: Bic) -> Option<ParticipantHandle> {
            [("BNKAXXAAXXX", 0), ("BNKBXXAAXXX", 1)]
                .iter()
                .find(|(own, _)| *own == bic.as_str())
                .map(|row| row.1)
        }

        fn clearing_account(&self, bank: ParticipantHandle, currency: Currency) -> Option<AccountHandle> {
            match currency.code() {
                "EUR" => Some(10 + u64::from(bank)),
                "EUR.1" => Some(30 + u64::from(bank)),
                _ => None,
            }
        }

        fn alias(&self, alias: &str) -> Option<(AccountHandle, ParticipantHandle, Currency)> {
            let currency = |code| Currency::from_code(code).expect("a currency");
            match alias {
                "IBAN:A" | "OTHR:A" => Some((20, 0, currency("EUR"))),
                "IBAN:B" | "MBNO:B" => Some((21, 1, currency("EUR"))),
                "IBAN:B1" => Some((41, 1, currency("EUR.1"))),
                "USABA:021040078" => Some((11, 1, currency("EUR"))),
                _ => None,
            }
        }
    }

    fn agent(text: &str) -> Option<Agent> {
        match text.strip_prefix('#') {
            Some(id) => {
                let member = ClearingMember { system: Some("USABA".to_owned()), id: id.to_owned() };
                Some(Agent { member: Some(member), ..Agent::default() })
            }
            None if text.is_empty() => None,
            None => Some(Agent::of_bic(Bic::parse(&format!("BNK{text}XXAA")).expect("a BIC"))),
        }
    }

    fn iban(text: &str) -> Option<AccountId> {
        (!text.is_empty()).then(|| AccountId::Iban(text.to_owned()))
    }

    fn head(message: &str, sender: &str) -> MessageHead {
        let message_type = MessageType::parse(message).expect("supported");
        let business = agent(sender).map(|from| BusinessHead {
            message_type: MessageType::parse("head.001.001.02").expect("supported"),
            from,
            to: Agent::default(),
            business_message_id: "B".to_owned(),
            message_definition: message.to_owned(),
            business_service: None,
            creation: String::new(),
            copy_duplicate: None,
            possible_duplicate: false,
            priority: None,
            has_signature: false,
        });
        MessageHead {
            message_type,
            business,
            message_id: "M".to_owned(),
            creation: String::new(),
            number_of_transactions: None,
            control_sum: None,
            total: None,
            settlement_date: None,
            settlement_method: None,
            clearing_system: None,
            instructing_agent: None,
            instructed_agent: None,
            initiating_party: None,
        }
    }

    /// Instructing, debtor, creditor and instructed agent; debtor and creditor account.
    type Row<'a> = ([&'a str; 4], [&'a str; 2]);

    fn transfer((agents, accounts): Row<'_>, currency: &str) -> CreditTransfer {
        let details = TransferDetails {
            ids: PaymentIds { end_to_end: Some("E".to_owned()), ..PaymentIds::default() },
            instructing_agent: agent(agents[0]),
            debtor_agent: agent(agents[1]),
            creditor_agent: agent(agents[2]),
            instructed_agent: agent(agents[3]),
            debtor_account: iban(accounts[0]),
            creditor_account: iban(accounts[1]),
            purpose: Some("SALA".to_owned()),
            ..TransferDetails::default()
        };
        let currency = Currency::from_code(currency).expect("a currency");
        CreditTransfer { index: 1, amount: Amount::new(5).expect("an amount"), currency, details }
    }

    /// Participant, debtor and creditor account, or the code.
    type Found = Result<(u32, u64, u64), &'static str>;

    fn resolved(head: &MessageHead, transfer: &CreditTransfer) -> Found {
        let found = resolve(head, transfer, &Table).map_err(|refusal| refusal.code.as_str())?;
        assert_eq!(found.record.purpose, *b"SALA");
        Ok((found.participant, found.record.debtor.get(), found.record.creditor.get()))
    }

    #[test]
    fn agents_and_accounts_lead_to_handles_or_to_a_code() {
        let rows: [(Row<'_>, Found); 14] = [
            ((["", "A", "B", ""], ["", ""]), Ok((0, 10, 11))),
            ((["A", "Z", "B", ""], ["", ""]), Ok((0, 10, 11))),
            ((["Z", "A", "B", ""], ["", ""]), Err("AGNT")),
            ((["", "Z", "B", ""], ["", ""]), Err("DNOR")),
            ((["", "", "B", ""], ["", ""]), Err("RC03")),
            ((["", "A", "Z", ""], ["", ""]), Err("CNOR")),
            ((["", "A", "", ""], ["", ""]), Err("RC04")),
            ((["", "A", "Z", "B"], ["", ""]), Ok((0, 10, 11))),
            ((["", "A", "B", "A"], ["", ""]), Ok((0, 10, 11))),
            ((["", "A", "#021040078", ""], ["", ""]), Ok((0, 10, 11))),
            ((["", "A", "#999999999", ""], ["", ""]), Err("CNOR")),
            ((["", "A", "B", ""], ["A", "B"]), Ok((0, 20, 21))),
            // Accounts of other banks than the payment's are on nobody's books here: the clearing accounts.
            ((["", "A", "B", ""], ["B", "A"]), Ok((0, 10, 11))),
            ((["", "A", "B", ""], ["C", "D"]), Ok((0, 10, 11))),
        ];
        for (row, expected) in rows {
            assert_eq!(resolved(&head("pacs.008.001.08", ""), &transfer(row, "EUR")), expected, "{row:?}");
        }
        let row = (["", "A", "B", ""], ["", ""]);
        assert_eq!(resolved(&head("pacs.008.001.08", ""), &transfer(row, "USD")), Err("AM03"));
        let initiation = (["Z", "A", "B", ""], ["", ""]);
        assert_eq!(resolved(&head("pain.001.001.09", ""), &transfer(initiation, "EUR")), Ok((0, 10, 11)));
    }

    #[test]
    fn a_message_says_no_product_and_is_of_that_of_the_accounts_that_it_names() {
        let found = |accounts, currency| {
            let transfer = transfer((["", "A", "B", ""], accounts), currency);
            let record = resolve(&head("pacs.008.001.08", ""), &transfer, &Table).map(|found| found.record);
            record.map(|record| (record.debtor.get(), record.creditor.get(), record.currency.get()))
        };
        let refused = |found: Result<_, Refusal>| found.map_err(|refusal| refusal.code.as_str());
        assert_eq!(found(["", "B1"], "EUR"), Ok((30, 41, 1978)));
        assert_eq!(found(["", "B"], "EUR"), Ok((10, 21, 978)));
        // A's account is of no product, so the core refuses the pair.
        assert_eq!(found(["A", "B1"], "EUR"), Ok((20, 41, 1978)));
        assert_eq!(refused(found(["", "B1"], "USD")), Err("AM03"));
        // A table of payments may say it.
        assert_eq!(found(["", ""], "EUR.1"), Ok((30, 31, 1978)));
        assert_eq!(refused(found(["", ""], "EUR.2")), Err("AM03"));
    }

    #[test]
    fn i7_a_header_may_not_speak_for_another_bank() {
        let payment = transfer((["", "A", "B", ""], ["", ""]), "EUR");
        let rows = [
            ("A", Ok((0, 10, 11))),
            ("B", Err("AGNT")),
            ("Z", Err("AGNT")),
            ("#021040078", Err("AGNT")),
            ("#111111111", Ok((0, 10, 11))),
        ];
        for (sender, expected) in rows {
            assert_eq!(resolved(&head("pacs.008.001.08", sender), &payment), expected, "{sender}");
        }
    }

    #[test]
    fn a_bank_pays_for_itself_in_a_pacs_009() {
        let mut payment = transfer((["", "", "", ""], ["", ""]), "EUR");
        payment.details.debtor.bic = Bic::parse("BNKAXXAA").ok();
        payment.details.creditor.bic = Bic::parse("BNKBXXAA").ok();
        assert_eq!(resolved(&head("pacs.009.001.08", ""), &payment), Ok((0, 10, 11)));
        assert_eq!(resolved(&head("pacs.008.001.08", ""), &payment), Err("RC03"), "a customer is no bank");
        payment.details.creditor.bic = Bic::parse("BNKZXXAA").ok();
        assert_eq!(resolved(&head("pacs.009.001.08", ""), &payment), Err("CNOR"));
    }

    #[test]
    fn the_same_payment_gives_the_same_record_and_another_one_does_not() {
        let head = head("pacs.008.001.08", "");
        let payment = transfer((["", "A", "B", ""], ["", ""]), "EUR");
        let first = resolve(&head, &payment, &Table).expect("resolved");
        assert_eq!(resolve(&head, &payment, &Table).as_ref(), Ok(&first));
        let mut other = payment;
        other.details.remittance = vec!["other".to_owned()];
        let second = resolve(&head, &other, &Table).expect("resolved");
        assert_eq!(second.record.uetr, first.record.uetr);
        assert_ne!(second.record.reference, first.record.reference);
    }

    #[test]
    fn an_alias_has_a_scheme_and_a_bounded_length() {
        let other = AccountId::Other { id: "A".to_owned(), scheme: Some("BBAN".to_owned()) };
        assert_eq!(aliases_of(&other), ["BBAN:A", "OTHR:A"]);
        let proxy = AccountId::Proxy { id: "B".to_owned(), kind: Some("MBNO".to_owned()) };
        assert_eq!(aliases_of(&proxy), ["MBNO:B", "PRXY:B"]);
        assert!(aliases_of(&AccountId::Proxy { id: "x".repeat(2048), kind: None }).is_empty());
    }
}
