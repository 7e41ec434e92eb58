//! What each profile asks: a payment that has it all, one fault after another, and the shared samples of each scheme.

use std::path::Path;

use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::money::Amount;
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::payment::{
    AccountId, Agent, BusinessHead, Charge, ClearingMember, CreditTransfer, Entry, MessageHead, Party,
    PaymentIds, ToldAmount, TransferDetails,
};
use feiqian_iso20022::profile::{CharacterSet, PROFILES, Profile, is_routing_number};
use feiqian_iso20022::transfers::{TransferReader, check};
use feiqian_iso20022::{Limits, MessageType};

use crate::data;

type Case = (MessageHead, CreditTransfer, u64);

fn profile(name: &str) -> Profile {
    Profile::named(name).expect("a profile")
}

fn of_bic(text: &str) -> Option<Agent> {
    Some(Agent::of_bic(Bic::parse(text).expect("a BIC")))
}

fn routed(number: &str) -> Option<Agent> {
    let member = ClearingMember { system: Some("USABA".to_owned()), id: number.to_owned() };
    Some(Agent { member: Some(member), ..Agent::default() })
}

fn named(name: &str) -> Party {
    Party { name: Some(name.to_owned()), ..Party::default() }
}

fn iban(text: &str) -> Option<AccountId> {
    Some(AccountId::Iban(text.to_owned()))
}

fn set(message: &str) -> MessageHead {
    let message_type = MessageType::parse(message).expect("supported");
    MessageHead::new(message_type, "MSG-1", "2026-03-16T08:00:00Z")
}

/// A pacs.008 that has all that a profile asks for.
fn good(profile: &str) -> Case {
    let text = |text: &str| Some(text.to_owned());
    let banks = match profile {
        "fednow" => [routed("021040078"), routed("091000019")],
        _ => [of_bic("BNKAXXAAXXX"), of_bic("BNKBXXAAXXX")],
    };
    let is_sepa = profile == "sct-inst";
    let details = TransferDetails {
        ids: PaymentIds {
            instruction: text("INSTR-1"),
            end_to_end: text("E2E/1"),
            transaction: text("TX-1"),
            uetr: Uetr::parse("8a562c67-ca16-48ba-b074-65581be6f001").ok(),
        },
        debtor: named("Anna Muller"),
        creditor: named("Generique S.A."),
        debtor_account: iban("DE89370400440532013000"),
        creditor_account: iban("FR1420041010050500013M02606"),
        instructing_agent: banks[0].clone(),
        debtor_agent: banks[0].clone(),
        creditor_agent: banks[1].clone(),
        instructed_agent: banks[1].clone(),
        service_level: is_sepa.then(|| "SEPA".to_owned()),
        local_instrument: is_sepa.then(|| "INST".to_owned()),
        charge_bearer: text(if is_sepa { "SLEV" } else { "SHAR" }),
        remittance: vec!["Invoice 1".to_owned()],
        ..TransferDetails::default()
    };
    let code = match profile {
        "fednow" => "USD",
        _ => "EUR",
    };
    let currency = Currency::from_code(code).expect("a currency");
    let transfer = CreditTransfer { index: 1, amount: Amount::new(100).expect("one"), currency, details };
    (set("pacs.008.001.08"), transfer, 1)
}

/// Makes it a payment with so many charges.
fn charged(it: &mut Case, bearer: &str, charges: usize) {
    let told = |text: &str| ToldAmount { text: text.to_owned(), currency: "EUR".to_owned() };
    let details = &mut it.1.details;
    details.charge_bearer = Some(bearer.to_owned());
    details.instructed_amount = (charges > 0).then(|| told("9.99"));
    let agent = of_bic("BNKCXXAAXXX").map(Box::new);
    details.charges = vec![Charge { amount: told("0"), agent }; charges];
}

/// Makes it a cover of what it was, as CBPR+ announces one.
fn cover(it: &mut Case) {
    it.0 = set("pacs.009.001.08");
    let [from, to] = [&it.1.details.instructing_agent, &it.1.details.instructed_agent];
    let [from, to] = [from, to].map(|agent| agent.clone().expect("one"));
    let mut business = BusinessHead::new(from, to, "MSG-1", it.0.message_type, "2026-03-16T08:00:00Z");
    business.business_service = Some("swift.cbprplus.cov.03".to_owned());
    it.0.business = Some(business);
    let details = &mut it.1.details;
    details.underlying = Some(Box::new(details.to_reference()));
    details.debtor = institution("BNKAXXAAXXX");
    details.creditor = institution("BNKBXXAAXXX");
    details.charge_bearer = None;
    (details.debtor_agent, details.creditor_agent) = (None, None);
}

/// Makes it a cover, and gives what stands below.
fn below(it: &mut Case) -> &mut TransferDetails {
    cover(it);
    it.1.details.underlying.as_deref_mut().expect("a cover")
}

fn institution(bic: &str) -> Party {
    Party { bic: Bic::parse(bic).ok(), ..Party::default() }
}

/// The code that a profile refuses a payment with, and the text.
fn refused(profile: &Profile, (head, transfer, transactions): &Case) -> Option<(&'static str, String)> {
    let refusal = profile.check(head, transfer, *transactions).err()?;
    Some((refusal.code.as_str(), refusal.text))
}

type Change = fn(&mut Case);
/// The code, and the element that the text names; none for what is not refused.
type Expected<'a> = Option<(&'a str, &'a str)>;

/// Profile, what is wrong, and the code and element that it is answered with; none for what is not asked.
const ROWS: &[(&str, Change, Expected<'_>)] = &[
    ("cbpr+", |_| {}, None),
    ("cbpr+", |it| it.2 = 2, Some(("AM18", "NbOfTxs is 2"))),
    ("cbpr+", |it| it.1.details.ids.uetr = None, Some(("CH21", "PmtId/UETR"))),
    ("cbpr+", |it| it.1.details.ids.instruction = None, Some(("CH21", "PmtId/InstrId"))),
    ("cbpr+", |it| it.1.details.charge_bearer = Some("SLEV".to_owned()), Some(("CH16", "ChrgBr is SLEV"))),
    ("cbpr+", |it| it.1.details.instructing_agent = None, Some(("RC01", "InstgAgt"))),
    ("cbpr+", |it| it.1.details.instructed_agent = routed("021040078"), Some(("RC01", "InstdAgt"))),
    ("cbpr+", |it| it.1.details.debtor_agent = routed("021040078"), Some(("RC03", "DbtrAgt"))),
    ("cbpr+", |it| it.1.details.creditor_agent = None, Some(("RC04", "CdtrAgt"))),
    (
        "cbpr+",
        |it| {
            let name = Some("Bank".to_owned());
            it.1.details.creditor_agent = Some(Agent { name, ..Agent::default() });
        },
        None,
    ),
    ("cbpr+", |it| it.1.details.debtor = named("A & B <C> {D} \\`~"), None),
    ("cbpr+", |it| it.1.details.debtor = named("Müller"), Some(("CH16", "Dbtr/Nm has the character U+00FC"))),
    ("cbpr+", |it| it.1.details.remittance[0].push('\n'), Some(("CH16", "RmtInf/Ustrd"))),
    ("cbpr+", |it| it.1.details.ids.end_to_end = Some("E&1".to_owned()), Some(("CH16", "PmtId/EndToEndId"))),
    ("cbpr+", |it| it.0.message_id = "M_1".to_owned(), Some(("CH16", "MsgId"))),
    ("cbpr+", |it| it.1.details.charge_bearer = None, Some(("CH16", "ChrgBr is missing"))),
    ("cbpr+", |it| charged(it, "CRED", 0), Some(("CH21", "ChrgsInf"))),
    ("cbpr+", |it| charged(it, "CRED", 1), None),
    ("cbpr+", |it| charged(it, "CRED", 3), None),
    ("cbpr+", |it| charged(it, "DEBT", 0), None),
    ("cbpr+", |it| charged(it, "DEBT", 1), None),
    ("cbpr+", |it| charged(it, "DEBT", 2), Some(("CH17", "ChrgsInf"))),
    ("cbpr+", |it| charged(it, "SHAR", 2), None),
    (
        "cbpr+",
        |it| {
            charged(it, "SHAR", 2);
            it.1.details.instructed_amount = None;
        },
        Some(("CH21", "InstdAmt")),
    ),
    (
        "cbpr+",
        |it| {
            charged(it, "SHAR", 2);
            it.1.details.charges[1].agent = routed("021040078").map(Box::new);
        },
        Some(("CH16", "ChrgsInf/Agt")),
    ),
    ("cbpr+", cover, None),
    (
        "cbpr+",
        |it| {
            cover(it);
            it.0.business.as_mut().expect("one").business_service = Some("swift.cbprplus.03".to_owned());
        },
        Some(("CH16", "BizSvc")),
    ),
    (
        "cbpr+",
        |it| {
            cover(it);
            it.0.business.as_mut().expect("one").business_service = Some("own.service".to_owned());
        },
        None,
    ),
    (
        "cbpr+",
        |it| {
            cover(it);
            it.1.details.underlying = None;
        },
        Some(("CH21", "UndrlygCstmrCdtTrf")),
    ),
    ("cbpr+", |it| below(it).debtor.name = None, Some(("CH21", "UndrlygCstmrCdtTrf/Dbtr/Nm"))),
    ("cbpr+", |it| below(it).creditor = Party::default(), Some(("CH21", "UndrlygCstmrCdtTrf/Cdtr/Nm"))),
    ("cbpr+", |it| below(it).creditor = institution("BNKBXXAAXXX"), None),
    ("cbpr+", |it| below(it).debtor_agent = None, Some(("RC03", "UndrlygCstmrCdtTrf/DbtrAgt"))),
    (
        "cbpr+",
        |it| below(it).creditor_agent = routed("021040078"),
        Some(("RC04", "UndrlygCstmrCdtTrf/CdtrAgt")),
    ),
    (
        "cbpr+",
        |it| below(it).debtor = named("Müller"),
        Some(("CH16", "UndrlygCstmrCdtTrf/Dbtr/Nm has the character U+00FC")),
    ),
    (
        "cbpr+",
        |it| below(it).remittance.push("é".to_owned()),
        Some(("CH16", "UndrlygCstmrCdtTrf/RmtInf/Ustrd")),
    ),
    (
        "cbpr+",
        |it| below(it).debtor_account = Some(AccountId::Other { id: "1_2".to_owned(), scheme: None }),
        Some(("CH16", "UndrlygCstmrCdtTrf/DbtrAcct")),
    ),
    ("sct-inst", |_| {}, None),
    ("sct-inst", |it| charged(it, "SLEV", 1), Some(("CH17", "ChrgsInf"))),
    ("sct-inst", |it| it.1.details.charge_bearer = Some("SHAR".to_owned()), Some(("CH16", "ChrgBr is SHAR"))),
    ("sct-inst", |it| it.2 = 500, None),
    ("sct-inst", |it| it.0 = set("pacs.009.001.08"), Some(("AG03", "pacs.009.001.08"))),
    ("sct-inst", |it| it.1.currency = Currency::from_code("CHF").expect("one"), Some(("AM03", "Ccy is CHF"))),
    ("sct-inst", |it| it.1.amount = Amount::new(99_999_999_999).expect("one"), None),
    ("sct-inst", |it| it.1.details.ids.end_to_end = None, Some(("CH21", "PmtId/EndToEndId"))),
    ("sct-inst", |it| it.1.details.ids.transaction = None, Some(("CH21", "PmtId/TxId"))),
    ("sct-inst", |it| it.1.details.ids.uetr = None, None),
    ("sct-inst", |it| it.1.details.service_level = None, Some(("CH21", "PmtTpInf/SvcLvl"))),
    (
        "sct-inst",
        |it| it.1.details.service_level = Some("URGP".to_owned()),
        Some(("AG03", "PmtTpInf/SvcLvl is URGP")),
    ),
    ("sct-inst", |it| it.1.details.local_instrument = None, Some(("CH21", "PmtTpInf/LclInstrm"))),
    ("sct-inst", |it| it.1.details.charge_bearer = None, Some(("CH16", "ChrgBr is missing"))),
    ("sct-inst", |it| it.1.details.instructing_agent = None, None),
    ("sct-inst", |it| it.1.details.debtor_agent = None, Some(("RC03", "DbtrAgt"))),
    ("sct-inst", |it| it.1.details.creditor_agent = routed("021040078"), Some(("RC04", "CdtrAgt"))),
    ("sct-inst", |it| it.1.details.debtor_account = None, Some(("AC02", "DbtrAcct"))),
    (
        "sct-inst",
        |it| it.1.details.creditor_account = Some(AccountId::Other { id: "1".to_owned(), scheme: None }),
        Some(("AC03", "CdtrAcct")),
    ),
    (
        "sct-inst",
        |it| it.1.details.creditor = named("A & B"),
        Some(("CH16", "Cdtr/Nm has the character U+0026")),
    ),
    (
        "sct-inst",
        |it| it.1.details.ids.instruction = Some("/A".to_owned()),
        Some(("CH16", "PmtId/InstrId begins")),
    ),
    (
        "sct-inst",
        |it| it.1.details.ids.end_to_end = Some("A//B".to_owned()),
        Some(("CH16", "PmtId/EndToEndId")),
    ),
    ("fednow", |_| {}, None),
    ("fednow", |it| charged(it, "CRED", 0), None),
    ("fednow", |it| it.1.currency = Currency::from_code("EUR").expect("one"), Some(("AM03", "Ccy is EUR"))),
    ("fednow", |it| it.1.amount = Amount::new(1_000_000_000).expect("one"), None),
    (
        "fednow",
        |it| it.1.amount = Amount::new(1_000_000_001).expect("one"),
        Some(("AM02", "10000000.00 USD")),
    ),
    ("fednow", |it| it.1.details.debtor_agent = of_bic("BNKAXXAAXXX"), Some(("RC03", "DbtrAgt"))),
    ("fednow", |it| it.1.details.creditor_agent = routed("021040079"), Some(("RC04", "CdtrAgt"))),
    ("fednow", |it| it.1.details.instructing_agent = routed("21040078"), Some(("RC01", "InstgAgt"))),
    ("fednow", |it| it.1.details.debtor = named("Müller"), None),
];

#[test]
fn each_profile_asks_what_its_scheme_asks_and_no_more() {
    for (at, (name, change, expected)) in ROWS.iter().enumerate() {
        let mut case = good(name);
        change(&mut case);
        let found = refused(&profile(name), &case);
        let is_it = match (&found, expected) {
            (None, None) => true,
            (Some((code, text)), Some((wanted, element))) => code == wanted && text.contains(element),
            _ => false,
        };
        assert!(is_it, "row {at} of {name}: {found:?}, expected {expected:?}");
        assert!(
            found.is_none_or(|(_, text)| text.is_ascii() && text.contains(name) || text.contains("slash"))
        );
    }
}

#[test]
fn an_instant_scheme_has_its_time_to_confirm_and_correspondents_have_none() {
    for (name, seconds) in [("cbpr+", None), ("sct-inst", Some(10)), ("fednow", Some(20))] {
        assert_eq!(profile(name).confirmation_s, seconds, "{name}");
    }
}

#[test]
fn a_customers_initiation_is_asked_for_currency_amount_and_characters_alone() {
    for Profile { name, .. } in PROFILES {
        let mut case = good(name);
        case.0 = set("pain.001.001.09");
        case.1.details = TransferDetails { debtor: named("Anna"), ..TransferDetails::default() };
        assert_eq!(refused(&profile(name), &case), None, "{name}");
    }
    let mut case = good("sct-inst");
    case.0 = set("pain.001.001.09");
    case.1.details.debtor = named("Müller");
    assert_eq!(refused(&profile("sct-inst"), &case).map(|found| found.0), Some("CH16"));
}

#[test]
fn the_banks_of_a_pacs_009_are_its_parties() {
    let mut case = good("cbpr+");
    case.0 = set("pacs.009.001.08");
    (case.1.details.debtor_agent, case.1.details.creditor_agent) = (None, None);
    assert_eq!(refused(&profile("cbpr+"), &case), None);
    case.1.details.creditor = Party::default();
    assert!(
        refused(&profile("cbpr+"), &case)
            .is_some_and(|(code, text)| code == "RC04" && text.contains("Cdtr "))
    );
    let mut case = good("fednow");
    case.0 = set("pacs.009.001.08");
    case.1.details.debtor_agent = None;
    assert!(refused(&profile("fednow"), &case).is_some_and(|(code, _)| code == "RC03"));
    case.1.details.debtor.member = routed("021040078").and_then(|agent| agent.member);
    assert_eq!(refused(&profile("fednow"), &case), None);
}

#[test]
fn character_sets_have_what_their_guidelines_say() {
    let fin_x = "azAZ09/-?:().,'+ ";
    let extended = "!#$%&*=^_`{|}~\";<>@[\\]";
    assert_eq!(CharacterSet::FinX.stranger(fin_x), None);
    for character in extended.chars() {
        assert_eq!(CharacterSet::FinX.stranger(&character.to_string()), Some(character));
    }
    assert_eq!(CharacterSet::Printable.stranger(&format!("{fin_x}{extended}")), None);
    for character in ['\t', '\n', '\u{7f}', 'é', '飞'] {
        assert_eq!(CharacterSet::Printable.stranger(&character.to_string()), Some(character));
        assert_eq!(CharacterSet::Any.stranger(&character.to_string()), None);
    }
}

#[test]
fn a_routing_number_has_nine_digits_and_a_check_digit() {
    let rows = [
        ("021040078", true),
        ("091000019", true),
        ("021000021", true),
        ("021000022", false),
        ("012000021", false),
        ("000000000", false),
        ("02100002", false),
        ("0210000210", false),
        ("02100002A", false),
    ];
    for (number, expected) in rows {
        assert_eq!(is_routing_number(number), expected, "{number}");
    }
}

/// Samples of CBPR+ that break one of its rules, which is none of the profile's.
const BROKEN_ELSEWHERE: &str = "viol_";

/// Profile, sample, and the code and element that the one refuses the other with.
type Row<'a> = (&'a str, &'a str, Expected<'a>);

/// Samples, and what a profile says of each. Some samples of CBPR+ are skeletons that name no bank, or have no UETR.
const SAMPLES: &[Row<'_>] = &[
    ("cbpr+", "pacs.008/pacs.008.001.08--cbprur--pacs_008_2026_valid.xml", Some(("CH21", "PmtId/UETR"))),
    ("cbpr+", "pacs.008/pacs.008.001.08--cbprur--y2026_pacs.008.min.xml", Some(("RC03", "DbtrAgt"))),
    ("cbpr+", "pacs.009/pacs.009.001.08--cbprur--y2026_pacs.009_adv.min.xml", Some(("RC03", "Dbtr"))),
    ("cbpr+", "pacs.009/pacs.009.001.08--cbprur--y2026_pacs.009_cov.min.xml", Some(("RC03", "Dbtr"))),
    ("cbpr+", "pacs.008/pacs.008.001.08--synth--bulk500.xml", Some(("AM18", "NbOfTxs is 500"))),
    ("cbpr+", "pacs.008/pacs.008.001.13--mx20022--invalid_missing_uetr.xml", Some(("CH21", "PmtId/UETR"))),
    ("cbpr+", "pacs.008/pacs.008.001.08--fednowoss--pacs008_valid.xml", Some(("CH16", "ChrgBr is SLEV"))),
    ("fednow", "pacs.008/pacs.008.001.08--fednowoss--pacs008_valid.xml", None),
    ("fednow", "pacs.008/pacs.008.001.08--fednowoss--envelope_incoming_pacs008.xml", None),
    ("fednow", "pacs.008/pacs.008.001.08--cbprur--cbprplus_pacs008_2025.xml", Some(("AM03", "Ccy is RON"))),
    ("sct-inst", "pacs.008/pacs.008.001.13--mx20022--valid_pacs008_3.xml", Some(("CH21", "PmtId/TxId"))),
    ("sct-inst", "pacs.008/pacs.008.001.08--synth--single_instant.xml", Some(("CH16", "Dbtr/Nm"))),
];

/// The first payment of a file, with its head and how many there are.
fn first(bytes: &[u8]) -> Option<Case> {
    let transactions = check(bytes, Limits::default()).ok()?.transactions;
    let mut reader = TransferReader::new(bytes, Limits::default()).ok()?;
    match reader.next_transfer().ok()?? {
        Entry::Transfer(transfer) => Some((reader.head().clone(), *transfer, transactions)),
        Entry::Refused(_) => None,
    }
}

fn problem(folder: &Path, (name, file, expected): Row<'_>) -> Option<String> {
    let Some(case) = first(&data::read(&folder.join(file))) else {
        return Some(format!("{file} has no payment that can be read"));
    };
    let found = refused(&profile(name), &case);
    let is_it = match (&found, expected) {
        (None, None) => true,
        (Some((code, text)), Some((wanted, element))) => *code == wanted && text.contains(element),
        _ => false,
    };
    (!is_it).then(|| format!("{name} {file}: {found:?}"))
}

#[test]
fn samples_of_a_scheme_pass_its_own_profile() {
    let Some(folder) = data::folder("samples") else { return };
    let all = data::samples(&folder);
    let own = all.iter().filter(|sample| {
        let is_payment =
            ["pacs.008", "pacs.009", "pain.001"].iter().any(|kind| sample.file.starts_with(kind));
        is_payment
            && sample.is_valid
            && sample.file.contains("--cbprur--")
            && !sample.file.contains(BROKEN_ELSEWHERE)
            && SAMPLES.iter().all(|(name, file, _)| (*name, *file) != ("cbpr+", sample.file.as_str()))
    });
    let own: Vec<Row<'_>> = own.map(|sample| ("cbpr+", sample.file.as_str(), None)).collect();
    assert!(own.len() >= 15, "{}", own.len());
    let rows = own.into_iter().chain(SAMPLES.iter().copied());
    let problems: Vec<_> = rows.filter_map(|row| problem(&folder, row)).collect();
    assert!(problems.is_empty(), "{problems:#?}");
}
