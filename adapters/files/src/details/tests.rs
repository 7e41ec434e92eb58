//! What stands in the journal for ever, what was added, and what does not fit.

use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::money::Amount;
use feiqian_iso20022::MessageType;
use feiqian_iso20022::payment::{
    AccountId, Agent, Charge, ClearingMember, CreditTransfer, MessageHead, Party, ToldAmount, TransferDetails,
};

use super::*;

fn owned(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn told(text: &str) -> ToldAmount {
    ToldAmount { text: text.to_owned(), currency: "EUR".to_owned() }
}

fn bank(name: &str) -> Agent {
    Agent {
        bic: Bic::parse("BNKAXXAAXXX").ok(),
        member: Some(ClearingMember { system: owned("USABA"), id: "021040078".to_owned() }),
        lei: owned("529900T8BM49AURSDO55"),
        name: owned(name),
        other: owned("0815"),
    }
}

fn customer(name: &str) -> Party {
    Party {
        name: owned(name),
        bic: Bic::parse("CORPDEFFXXX").ok(),
        member: None,
        lei: owned("529900T8BM49AURSDO55"),
        organisation_id: owned("4711"),
        private_id: owned("P-1"),
        country: owned("DE"),
        town: owned("Bonn"),
    }
}

fn proxy(text: &str) -> Option<AccountId> {
    Some(AccountId::Proxy { id: text.to_owned(), kind: owned("TELE") })
}

/// A customer's transfer that says all that one below a cover can say, each text as long as `text`.
fn underlying(text: &str) -> TransferDetails {
    TransferDetails {
        debtor: customer(text),
        debtor_account: proxy(text),
        debtor_agent: Some(bank(text)),
        ultimate_debtor: Some(customer(text)),
        initiating_party: Some(customer(text)),
        previous_agents: vec![bank(text), Agent { lei: None, ..bank(text) }],
        intermediaries: vec![Agent { other: None, ..bank(text) }],
        creditor_agent: Some(bank(text)),
        creditor: customer(text),
        creditor_account: proxy(text),
        ultimate_creditor: Some(customer(text)),
        remittance: vec![text.to_owned(), "two".to_owned()],
        remittance_references: vec!["RF18539007547034".to_owned()],
        instructed_amount: Some(told("12.34")),
        ..TransferDetails::default()
    }
}

fn payment(details: TransferDetails) -> Details {
    let message = MessageType::parse("pacs.009.001.08").expect("supported");
    let transfer = CreditTransfer {
        index: 1,
        amount: Amount::new(1_234).expect("not zero"),
        currency: Currency::from_code("EUR").expect("a currency"),
        details,
    };
    Details::of(&MessageHead::new(message, "M-1", "2026-03-16T08:00:00Z"), &transfer)
}

fn plain() -> TransferDetails {
    TransferDetails {
        debtor: Party { name: owned("Anna"), lei: owned("529900T8BM49AURSDO55"), ..Party::default() },
        debtor_account: Some(AccountId::Iban("DE89370400440532013000".to_owned())),
        debtor_agent: Some(bank("Bank A")),
        creditor_agent: Some(Agent { lei: None, ..bank("Bank B") }),
        charge_bearer: owned("SHAR"),
        remittance: vec!["Invoice 1".to_owned()],
        ..TransferDetails::default()
    }
}

#[test]
fn what_the_first_version_can_say_is_said_in_it_byte_for_byte() {
    let bytes = payment(plain()).encode();
    let first = concat!(
        r#"{"version":1,"message_type":"pacs.009.001.08","message_id":"M-1","#,
        r#""debtor":{"name":"Anna","id":"529900T8BM49AURSDO55","account":{"iban":"DE89370400440532013000"},"#,
        r#""agent":{"bic":"BNKAXXAAXXX","member":["USABA","021040078"],"name":"Bank A","id":"529900T8BM49AURSDO55"}},"#,
        r#""creditor":{"agent":{"bic":"BNKAXXAAXXX","member":["USABA","021040078"],"name":"Bank B","id":"0815"}},"#,
        r#""charge_bearer":"SHAR","remittance":["Invoice 1"]}"#,
    );
    assert_eq!(String::from_utf8(bytes.clone()).expect("UTF-8"), first);
    let read = Details::decode(&bytes).expect("readable");
    assert_eq!((read.version, read.in_version_before()), (1, None));
    let agents = [&read.debtor, &read.creditor].map(|side| side.agent.as_ref().expect("told").agent());
    assert_eq!(agents[0].lei.as_deref(), Some("529900T8BM49AURSDO55"));
    assert_eq!(agents[1].other.as_deref(), Some("0815"));
}

#[test]
fn what_was_added_is_kept_in_full_and_the_first_form_of_the_payment_is_known() {
    let charges = vec![
        Charge { amount: told("0.50"), agent: Some(Box::new(bank("Bank C"))) },
        Charge {
            amount: told("1234567890123.45"),
            agent: Some(Box::new(Agent { bic: None, ..bank("Bank D") })),
        },
    ];
    let of = TransferDetails {
        instructed_amount: Some(told("99.90")),
        exchange_rate: owned("1.2345"),
        charges: charges.clone(),
        intermediaries: vec![bank("Bank E")],
        underlying: Some(Box::new(underlying("Text"))),
        ..plain()
    };
    let details = payment(of);
    let read = Details::decode(&details.clone().encode()).expect("readable");
    assert_eq!((read.version, &read), (2, &details));
    assert_eq!(read.underlying.as_ref().expect("a cover").details(), underlying("Text"));
    assert_eq!(read.charges, charges.iter().map(ChargeText::of).collect());
    assert_eq!(read.intermediaries[0].agent(), bank("Bank E"));
    assert_eq!(read.in_version_before(), Some(payment(plain())));
    let one_more = Details { charges: read.charges.iter().take(1).collect(), ..read };
    assert_ne!(one_more.encode(), details.encode(), "charges tell payments apart");
}

#[test]
fn long_remittance_is_cut_but_never_forgotten() {
    let long = |last: &str| {
        let mut remittance = vec!["x".repeat(140); 1_000];
        remittance.push(last.to_owned());
        Details { version: FIRST, remittance: remittance.into_iter().collect(), ..Details::default() }
            .encode()
    };
    let (one, other) = (long("one"), long("other"));
    assert!(one.len() <= DETAILS_BYTES_MAX);
    assert_ne!(one, other, "what was cut off still tells payments apart");
    let details = Details::decode(&one).expect("readable");
    assert!(details.remittance_digest.is_some() && details.remittance.len() > 100);
    let mut hasher = blake3::Hasher::new();
    for line in vec!["x".repeat(140); 1_000].into_iter().chain(["one".to_owned()]) {
        hasher.update(&(line.len() as u64).to_le_bytes()).update(line.as_bytes());
    }
    let lines = vec![format!("\"{}\"", "x".repeat(140)); 250].join(",");
    let first = format!(
        r#"{{"version":1,"message_type":"","message_id":"","debtor":{{}},"creditor":{{}},"remittance":[{lines}],"remittance_digest":"{}"}}"#,
        hasher.finalize().to_hex()
    );
    assert_eq!(String::from_utf8(one).expect("UTF-8"), first, "the first version's bytes never change");
}

#[test]
fn any_payment_that_a_message_can_carry_fits_and_what_is_left_out_tells_payments_apart() {
    let long = |last: &str| {
        let mut of = underlying(&"\u{1F4B6}".repeat(2_048));
        of.remittance.extend(vec!["x".repeat(140); 1_000]);
        of.remittance.push(last.to_owned());
        let charges = (0..1_000)
            .map(|_| Charge { amount: told("0.01"), agent: Some(Box::new(bank("Bank C"))) })
            .collect();
        payment(TransferDetails { underlying: Some(Box::new(of)), charges, ..plain() }).encode()
    };
    let (one, other) = (long("one"), long("other"));
    assert!(one.len() <= DETAILS_BYTES_MAX && one != other);
    let details = Details::decode(&one).expect("readable");
    assert!(details.underlying.is_none() && details.remittance_digest.is_some());
    let many = payment(TransferDetails {
        charges: (0..1_000)
            .map(|_| Charge { amount: told("0.01"), agent: Some(Box::new(bank("Bank C"))) })
            .collect(),
        underlying: Some(Box::new(underlying("Text"))),
        ..plain()
    });
    let kept = Details::decode(&many.encode()).expect("readable");
    assert!(kept.underlying.is_some() && kept.charges.len() > 100);
}

/// What a message says beyond its fields.
const SAID: &str =
    "Dbtr/PstlAdr\n StrtNm=Hauptstraße\n AdrLine=a line with\n|a break\nRmtInf/Strd\n AddtlRmtInf=more\n";

#[test]
fn what_has_no_field_is_kept_as_it_was_said_and_each_version_before_is_known() {
    let said = |of: TransferDetails| payment(TransferDetails { said: SAID.to_owned().into(), ..of });
    let details = said(plain());
    let read = Details::decode(&details.clone().encode()).expect("readable");
    assert_eq!((read.version, &read, read.said.as_str()), (3, &details, SAID));
    assert_eq!(read.in_version_before(), Some(payment(plain())), "of the first");
    let more = |of: TransferDetails| TransferDetails { instructed_amount: Some(told("99.90")), ..of };
    let second = said(more(plain())).in_version_before().expect("the second");
    assert_eq!((second.version, &second), (2, &payment(more(plain()))));
    assert_eq!(second.in_version_before(), Some(payment(plain())));
    assert_eq!(Details::decode(b"{\"version\":2,\"said\":\"Tax\"}"), None);
}

#[test]
fn what_has_no_field_is_cut_but_never_forgotten() {
    let long = |last: &str| {
        let part = "RmtInf/Strd\n AddtlRmtInf=\"quoted\"\n";
        let said = format!("{SAID}{}{}", part.repeat(10_000), part.replace("quoted", last));
        payment(TransferDetails { said: said.into(), ..plain() }).encode()
    };
    let (one, other) = (long("one"), long("other"));
    assert!(one.len() <= DETAILS_BYTES_MAX && one != other, "what was cut off still tells payments apart");
    let details = Details::decode(&one).expect("readable");
    assert!(details.remittance_digest.is_some() && details.said.starts_with(SAID));
    assert!(details.said.len() > DETAILS_BYTES_MAX / 4 && details.said.ends_with("\"quoted\"\n"));
}

#[test]
fn other_versions_are_nobodys() {
    assert_eq!(Details::decode(b"{\"version\":4}"), None);
    assert_eq!(Details::decode(b"{\"version\":1,\"exchange_rate\":\"1\"}"), None);
    assert_eq!(Details::decode(b"\0"), None);
    let between = |count: usize| {
        let agents = vec!["{}"; count].join(",");
        Details::decode(format!("{{\"version\":2,\"intermediaries\":[{agents}]}}").as_bytes())
    };
    assert_eq!(between(3).map(|details| details.intermediaries.len()), Some(3));
    assert_eq!(between(4), None, "no message names so many");
    assert_eq!(Details::decode(b"{\"version\":2,\"charges\":[{}]}"), None, "of how much?");
}
