//! What is written is read back equal, by our own validating reader; the samples' transfers too.

use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::money::Amount;
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::codes::{self, Status};
use feiqian_iso20022::payment::{
    AccountId, Agent, BusinessHead, Charge, CreditTransfer, Entry, MessageHead, Party, PaymentIds,
    ToldAmount, TransferDetails,
};
use feiqian_iso20022::reject::MessageReject;
use feiqian_iso20022::status::{
    GroupStatus, PaymentStatus, StatusHead, StatusReason, StatusReport, TransactionStatus, answer_type,
};
use feiqian_iso20022::transfers::TRANSFER_FAMILIES;
use feiqian_iso20022::write::{
    self, AccountReport, Balance, BankTransactionCode, EntrySummary, EntryTransaction, Obligation,
    ReportEntry,
};
use feiqian_iso20022::{Family, Kept, Limits, MessageType, Verbatim};

use crate::data::{self, say};
use crate::domain;
use crate::facts;
use crate::fixtures::clean;

pub(crate) fn bic(text: &str) -> Bic {
    Bic::parse(text).expect("a BIC")
}

pub(crate) fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("a currency")
}

fn owned(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub(crate) fn business(message: &str) -> BusinessHead {
    BusinessHead {
        message_type: MessageType::parse("head.001.001.02").expect("supported"),
        from: Agent::of_bic(bic("CLRHXXAAXXX")),
        to: Agent::of_bic(bic("BNKAXXAAXXX")),
        business_message_id: "BIZ-1".to_owned(),
        message_definition: message.to_owned(),
        business_service: owned("feiqian.clearing.01"),
        creation: "2026-03-16T08:00:01Z".to_owned(),
        copy_duplicate: None,
        possible_duplicate: true,
        priority: owned("NORM"),
        has_signature: false,
    }
}

pub(crate) fn report(version: &str) -> StatusReport {
    let (summary, transfers) = clean(&data::text(&data::fixtures().join("pacs.008.xml")));
    let version = MessageType::parse(version).expect("supported");
    let mut group = GroupStatus::of(&summary.head, Status::Part);
    group.reasons.push(StatusReason::new(codes::NARR, &"a long story & more ".repeat(10)));
    let mut accepted = TransactionStatus::of(&transfers[0].details, Status::Acsp);
    accepted.id = owned("STS-1");
    accepted.acceptance = owned("2026-03-16T08:00:00.5Z");
    accepted.clearing_reference = owned("CLR-1");
    accepted.instructing_agent = Some(Agent::of_bic(bic("BNKAXXAAXXX")));
    let mut rejected = TransactionStatus::of(&transfers[1].details, Status::Rjct);
    rejected.reasons.push(StatusReason::new(codes::AM04, "the funds do not suffice; fund the account"));
    let originator = Party { bic: Some(bic("CLRHXXAAXXX")), name: owned("Clearing"), ..Party::default() };
    rejected.reasons[0].originator = Some(Box::new(originator));
    rejected.reasons.push(StatusReason { proprietary: owned("OWN-7"), ..StatusReason::default() });
    if version.version() >= 10 {
        accepted.effective_settlement_date = owned("2026-03-16");
    } else {
        accepted.original.uetr = None;
    }
    let head = StatusHead {
        message_type: version,
        business: Some(business(version.identifier())),
        message_id: "ANSWER-1".to_owned(),
        creation: "2026-03-16T08:00:01Z".to_owned(),
        instructing_agent: Some(Agent::of_bic(bic("CLRHXXAAXXX"))),
        instructed_agent: Some(Agent::of_bic(bic("BNKAXXAAXXX"))),
        groups: vec![group].into(),
    };
    StatusReport { head, payments: Kept::default(), transactions: vec![accepted, rejected].into() }
}

#[test]
fn status_reports_of_every_written_version_are_read_back() {
    let versions = MessageType::all().filter(|message| message.family() == Family::Pacs002);
    for version in versions.filter(|version| version.version() >= 3) {
        let report = report(version.identifier());
        let text = write::to_text(|out| write::pacs002(out, &report)).expect("written");
        let read = StatusReport::read(text.as_bytes(), Limits::default());
        assert_eq!(read.unwrap_or_else(|error| panic!("{version}: {error}\n{text}")), report);
    }
    let mut old = report("pacs.002.001.03");
    old.head.message_type = MessageType::parse("pacs.002.001.02").expect("supported");
    assert!(write::to_text(|out| write::pacs002(out, &old)).is_err());
    for message in MessageType::all() {
        assert!(answer_type(message).is_none_or(|answer| answer.version() >= 3));
    }
}

/// A report on two payment informations, as a pain.002 of that version can tell it.
pub(crate) fn customers_report(version: &str) -> StatusReport {
    let mut report = report("pacs.002.001.10");
    let version = MessageType::parse(version).expect("supported");
    report.head.message_type = version;
    report.head.business = Some(business(version.identifier()));
    report.head.instructed_agent = None;
    for (one, id) in report.transactions.values_mut().iter_mut().zip(["PMT-1", "PMT-2"]) {
        one.payment_information_id = owned(id);
        one.original.transaction = None;
        one.original_message = None;
        one.effective_settlement_date = None;
        (one.instructing_agent, one.instructed_agent) = (None, None);
        if version.version() < 10 {
            one.original.uetr = None;
        }
        let status = PaymentStatus {
            id: id.to_owned(),
            original_count: owned("1"),
            status: one.status.clone(),
            reasons: Vec::new(),
        };
        report.payments.values_mut().push(status);
    }
    report.payments.values_mut()[1].reasons.push(StatusReason::new(codes::AM04, "the funds do not suffice"));
    report
}

#[test]
fn customers_status_reports_of_every_written_version_are_read_back() {
    let versions = MessageType::all().filter(|message| message.family() == Family::Pain002);
    for version in versions.filter(|version| version.version() >= 3) {
        let report = customers_report(version.identifier());
        let text = write::to_text(|out| write::pacs002(out, &report)).expect("written");
        let read = StatusReport::read(text.as_bytes(), Limits::default());
        assert_eq!(read.unwrap_or_else(|error| panic!("{version}: {error}\n{text}")), report);
    }
}

#[test]
fn a_report_survives_every_text_that_a_bank_may_send() {
    let mut report = report("pacs.002.001.10");
    report.head.business = None;
    report.head.message_id = "é".repeat(80);
    report.transactions.values_mut()[1].reasons =
        vec![StatusReason::new(codes::NARR, "<a> & \u{1}\u{FFFF}\r\n\"quoted\"\t]]>")];
    report.transactions.values_mut()[1].original.end_to_end = owned("");
    let text = write::to_text(|out| write::pacs002(out, &report)).expect("written");
    let read = StatusReport::read(text.as_bytes(), Limits::default()).expect("valid");
    assert_eq!(read.head.message_id, "é".repeat(35));
    let second = read.transactions.get(1).expect("there");
    assert_eq!(second.reasons[0].additional, ["<a> & ??\r\n\"quoted\"\t]]>"]);
    assert_eq!(second.original.end_to_end, None);
}

#[test]
fn rejects_are_read_back() {
    let broken = data::text(&data::fixtures().join("pacs.008.xml")).replacen("<GrpHdr>", "<GrpHdr>x", 1);
    let error = domain::read(broken.as_bytes()).expect_err("text between elements");
    let mut reject = MessageReject::of(&error, "2026-03-16T08:00:01Z");
    assert_eq!((reject.reference.as_str(), reject.reason.as_str()), ("UNKNOWN", "UnexpectedText"));
    reject.additional = owned("more");
    let text = write::to_text(|out| write::admi002(out, &reject)).expect("written");
    assert_eq!(MessageReject::read(text.as_bytes(), Limits::default()), Ok(reject.clone()));
    reject.business = Some(business("admi.002.001.01"));
    reject.description = Some("x".repeat(400));
    reject.additional = None;
    let text = write::to_text(|out| write::admi002(out, &reject)).expect("written");
    reject.description = Some("x".repeat(350));
    assert_eq!(MessageReject::read(text.as_bytes(), Limits::default()), Ok(reject));
}

pub(crate) fn obligation() -> Obligation {
    Obligation {
        message_id: "CYCLE-7-EUR-1".to_owned(),
        creation: "2026-03-16T18:00:00Z".to_owned(),
        settlement_date: "2026-03-16".to_owned(),
        operator: bic("CLRHXXAAXXX"),
        debtor: bic("BNKAXXAAXXX"),
        creditor: bic("BNKBXXAAXXX"),
        amount: Amount::new(123_456_789).expect("not zero"),
        currency: currency("EUR"),
        reference: "CYCLE-7".to_owned(),
        uetr: Uetr::from_digest([9; 16]),
    }
}

#[test]
fn obligations_are_read_back() {
    let (head, transfer) = obligation().to_message().expect("supported");
    let transfers = [transfer];
    let text = write::to_text(|out| write::pacs009(out, &head, &transfers)).expect("written");
    let (summary, read) = clean(&text);
    assert_eq!((&summary.head, read.as_slice()), (&head, transfers.as_slice()));
}

/// What a pacs.008.001.08 can say beyond its fields, in its order: some of each.
const SAID: &str = "\
ChrgsInf[2]/PstlAdr
 StrtNm=Second street
 Ctry=FR
PrvsInstgAgt1/PstlAdr
 AdrLine=one
 AdrLine=two
PrvsInstgAgt1Acct
 Id
  Othr
   Id=0042
IntrmyAgt3/BrnchId
 Nm=Branch
IntrmyAgt3Acct
 Id
  IBAN=DE89370400440532013000
UltmtDbtr/PstlAdr
 TwnNm=Bonn
 Ctry=DE
InitgPty/PstlAdr
 TwnNm=Bonn
 Ctry=DE
Dbtr/PstlAdr
 AdrTp
  Cd=ADDR
 StrtNm=Hauptstraße
 BldgNb=1
 TwnNm=Bonn
 Ctry=DE
 AdrLine=a line with = and
|a break in it
Dbtr/CtryOfRes=DE
DbtrAgtAcct
 Id
  IBAN=DE89370400440532013000
 Ccy=KWD
CdtrAgt/PstlAdr
 Ctry=GB
CdtrAgtAcct
 Id
  Othr
   Id=0815
   Issr=Issuer & Co
Cdtr/CtctDtls
 NmPrfx=DOCT
 PhneNb=+49-123456
UltmtCdtr/PstlAdr
 TwnNm=Bonn
 Ctry=DE
InstrForCdtrAgt
 Cd=PHOB
 InstrInf=call
+
 InstrInf=once more
RgltryRptg
 DbtCdtRptgInd=BOTH
Tax
 Cdtr
  TaxId=1
 TtlTaxAmt EUR=1.50
 Rcrd
  Tp=VAT
 Rcrd
  Ctgy=second
RltdRmtInf
 RmtId=R-1
RmtInf/Strd
 RfrdDocInf
  Tp
   CdOrPrtry
    Cd=CINV
  Nb=4711
  RltdDt=2026-03-01
 RfrdDocInf
  Nb=4712
 RfrdDocAmt
  DuePyblAmt EUR=12.50
  AdjstmntAmtAndRsn
   Amt EUR=1
   CdtDbtInd=CRDT
   Rsn=late
 CdtrRefInf
  Ref=RF18539007547034
 Invcr
  Nm=Invoicer
  PstlAdr
   Ctry=DE
+
 AddtlRmtInf=more
 AddtlRmtInf=and more
";

/// Every field that pacs.008.001.08 can carry.
pub(crate) fn full_transfer() -> CreditTransfer {
    let party = |name: &str| Party {
        name: owned(name),
        lei: owned("529900T8BM49AURSDO55"),
        bic: Some(bic("CORPDEFFXXX")),
        organisation_id: owned("4711"),
        country: owned("DE"),
        town: owned("Bonn"),
        ..Party::default()
    };
    let agent = |code: &str| Agent {
        bic: Some(bic(code)),
        member: Some(feiqian_iso20022::payment::ClearingMember {
            system: owned("USABA"),
            id: "021040078".to_owned(),
        }),
        lei: owned("529900T8BM49AURSDO55"),
        name: owned("Bank & Co"),
        other: owned("other-1"),
    };
    let named = |agent: Agent| Agent { name: owned("Charging bank"), ..agent };
    let told = |text: &str| ToldAmount { text: text.to_owned(), currency: "USD".to_owned() };
    let details = TransferDetails {
        ids: PaymentIds {
            instruction: owned("I-1"),
            end_to_end: owned("E-1"),
            transaction: owned("T-1"),
            uetr: Some(Uetr::from_digest([7; 16])),
        },
        payment_information_id: None,
        debtor: party("Debtor <1>"),
        debtor_account: Some(AccountId::Iban("DE89370400440532013000".to_owned())),
        debtor_agent: Some(agent("BNKAXXAAXXX")),
        creditor_agent: Some(agent("BNKBXXAAXXX")),
        creditor: Party { private_id: owned("P-1"), ..Party::default() },
        creditor_account: Some(AccountId::Other { id: "0042".to_owned(), scheme: owned("Own scheme") }),
        ultimate_debtor: Some(party("Ultimate debtor")),
        ultimate_creditor: Some(party("Ultimate creditor")),
        instructing_agent: Some(agent("BNKAXXAAXXX")),
        instructed_agent: Some(agent("BNKBXXAAXXX")),
        intermediaries: vec![agent("BNKCXXAAXXX"), agent("BNKDXXAAXXX"), agent("BNKEXXAAXXX")],
        previous_agents: vec![agent("BNKFXXAAXXX"), agent("BNKGXXAAXXX"), agent("BNKHXXAAXXX")],
        initiating_party: Some(party("Initiator")),
        purpose: owned("SALA"),
        category_purpose: owned("a proprietary purpose"),
        charge_bearer: owned("SHAR"),
        service_level: owned("SEPA"),
        local_instrument: owned("INST"),
        priority: owned("URGT"),
        remittance: vec!["one".to_owned(), "two & three".to_owned()],
        remittance_references: vec!["RF18539007547034".to_owned()],
        settlement_date: owned("2026-03-16"),
        requested_execution_date: None,
        instructed_amount: Some(told("12.34")),
        exchange_rate: owned("1.2345"),
        charges: vec![
            Charge { amount: told("0.50"), agent: Some(Box::new(agent("BNKCXXAAXXX"))) },
            Charge {
                amount: told("12345678901234.5"),
                agent: Some(Box::new(named(Agent { bic: None, ..agent("BNKDXXAAXXX") }))),
            },
            Charge { amount: told("0"), agent: Some(Box::new(named(Agent::default()))) },
        ],
        clearing_reference: owned("C-1"),
        underlying: None,
        said: Verbatim::from(SAID.to_owned()),
    };
    CreditTransfer {
        index: 1,
        amount: Amount::new(1_000).expect("not zero"),
        currency: currency("KWD"),
        details,
    }
}

#[test]
fn every_field_of_a_transfer_is_read_back() {
    let (mut head, _) = obligation().to_message().expect("supported");
    head.message_type = MessageType::parse("pacs.008.001.08").expect("supported");
    head.business = None;
    head.total = None;
    head.settlement_date = None;
    head.instructing_agent = None;
    head.instructed_agent = None;
    head.clearing_system = owned("a clearing house");
    let transfers = [full_transfer()];
    let text = write::to_text(|out| write::pacs008(out, &head, &transfers)).expect("written");
    let (summary, read) = clean(&text);
    assert_eq!((&summary.head, read.as_slice()), (&head, transfers.as_slice()));
}

/// A pacs.009 COV with every field of the customer's transfer below it that is kept.
pub(crate) fn full_cover() -> (MessageHead, CreditTransfer) {
    let (head, mut transfer) = obligation().to_message().expect("supported");
    let of = full_transfer().details;
    // Agents in a row stand behind the debtor's there.
    transfer.details.said = of.said.moved(|path| {
        let is_below =
            !["Chrgs", "Prvs", "Intrmy", "Rgltry", "Rltd"].iter().any(|name| path.starts_with(name));
        is_below.then(|| format!("UndrlygCstmrCdtTrf/{path}"))
    });
    transfer.details.underlying = Some(Box::new(TransferDetails {
        ultimate_debtor: of.ultimate_debtor,
        initiating_party: of.initiating_party,
        debtor: of.debtor,
        debtor_account: of.debtor_account,
        debtor_agent: of.debtor_agent,
        previous_agents: of.previous_agents,
        intermediaries: of.intermediaries,
        creditor_agent: of.creditor_agent,
        creditor: of.creditor,
        creditor_account: of.creditor_account,
        ultimate_creditor: of.ultimate_creditor,
        remittance: of.remittance,
        remittance_references: of.remittance_references,
        instructed_amount: of.instructed_amount,
        ..TransferDetails::default()
    }));
    (head, transfer)
}

#[test]
fn a_cover_is_read_back_with_the_customers_transfer_below_it() {
    let (head, transfer) = full_cover();
    let transfers = [transfer];
    let text = write::to_text(|out| write::pacs009(out, &head, &transfers)).expect("written");
    let (summary, read) = clean(&text);
    assert_eq!((&summary.head, read.as_slice()), (&head, transfers.as_slice()));
}

#[test]
fn what_no_cover_can_say_is_left_out_of_it() {
    let (head, mut transfer) = full_cover();
    let amount =
        |text: &str, currency: &str| ToldAmount { text: text.to_owned(), currency: currency.to_owned() };
    for told in [amount("1e5", "EUR"), amount("12.34", "US,"), amount("", "")] {
        transfer.details.said = Verbatim::default();
        let below = transfer.details.underlying.as_deref_mut().expect("a cover");
        below.instructed_amount = Some(told);
        below.debtor.lei = owned("no LEI");
        below.debtor.country = owned("D<");
        below.debtor_account = Some(AccountId::Iban("0042".to_owned()));
        below.debtor_agent = Some(Agent { other: owned(""), ..Agent::default() });
        let text = write::to_text(|out| write::pacs009(out, &head, &[transfer.clone()])).expect("written");
        let (_, read) = clean(&text);
        let read = read[0].details.underlying.as_deref().expect("a cover");
        assert_eq!((&read.instructed_amount, &read.debtor.lei, &read.debtor.country), (&None, &None, &None));
        assert_eq!(read.debtor_account, Some(AccountId::Other { id: "0042".to_owned(), scheme: None }));
    }
}

#[test]
fn covers_of_the_samples_are_written_and_read_back() {
    let Some(folder) = data::folder("samples") else { return };
    let mut count = 0;
    for sample in data::samples(&folder).into_iter().filter(|sample| sample.is_valid) {
        if domain::family(&sample) != Some(Family::Pacs009) {
            continue;
        }
        let (summary, entries) = domain::read(&data::read(&folder.join(&sample.file))).expect("valid");
        for entry in entries {
            let Entry::Transfer(transfer) = entry else { continue };
            if !transfer.details.is_cover() {
                continue;
            }
            let head = MessageHead { business: None, total: None, ..summary.head.clone() };
            let text =
                write::to_text(|out| write::pacs009(out, &head, &[*transfer.clone()])).expect("written");
            let (_, read) = clean(&text);
            let without = |of: &CreditTransfer| {
                let of = of.details.underlying.clone().expect("a cover");
                // Told by an address alone: mandatory, so it is there, but it names nobody.
                let agent = |agent: Option<Agent>| agent.filter(|agent| *agent != Agent::default());
                TransferDetails {
                    debtor_agent: agent(of.debtor_agent.clone()),
                    creditor_agent: agent(of.creditor_agent.clone()),
                    ..*of
                }
            };
            assert_eq!(without(&read[0]), without(&transfer), "{}", sample.file);
            count += 1;
        }
    }
    say(&format!("checked {count} covers written and read back"));
    assert!(count >= 4);
}

#[test]
fn an_initiation_is_read_back_in_its_blocks() {
    let (summary, mut transfers) = clean(&data::text(&data::fixtures().join("pain.001.xml")));
    let head = MessageHead {
        message_type: MessageType::parse("pain.001.001.09").expect("supported"),
        ..summary.head
    };
    transfers[1].details.ids.uetr = Some(Uetr::from_digest([3; 16]));
    let text = write::to_text(|out| write::pain001(out, &head, &transfers)).expect("written");
    assert_eq!(text.matches("<PmtInf>").count(), 2);
    let (summary, read) = clean(&text);
    assert_eq!((&summary.head, &read), (&head, &transfers));
    transfers[0].details.requested_execution_date = None;
    assert!(write::to_text(|out| write::pain001(out, &head, &transfers)).is_err());
}

pub(crate) fn account_report() -> AccountReport {
    let balance = |kind, minor| Balance { kind, minor, date: "2026-03-16".to_owned() };
    AccountReport {
        business: Some(business("camt.053.001.08")),
        message_id: "STMT-1".to_owned(),
        creation: "2026-03-16T18:00:00Z".to_owned(),
        id: "STMT-1-BNKA".to_owned(),
        sequence: Some(7),
        period: Some(("2026-03-16T00:00:00Z".to_owned(), "2026-03-16T18:00:00Z".to_owned())),
        account: AccountId::Other { id: "BNKAXXAA-EUR".to_owned(), scheme: None },
        currency: currency("EUR"),
        owner: Some(Party { bic: Some(bic("BNKAXXAAXXX")), ..Party::default() }),
        servicer: Some(Agent::of_bic(bic("CLRHXXAAXXX"))),
        balances: vec![balance("OPBD", 0), balance("CLBD", -12_345)],
        summary: Some(EntrySummary { credits: 1, credit_sum: 5, debits: 2, debit_sum: 12_350 }),
        entries: vec![ReportEntry {
            reference: owned("1"),
            minor: 12_350,
            is_credit: false,
            booked: "2026-03-16T18:00:00Z".to_owned(),
            value_date: owned("2026-03-16"),
            servicer_reference: owned("CYCLE-7"),
            code: BankTransactionCode::ISSUED,
            transactions: vec![EntryTransaction {
                message_id: owned("FIXTURE-0001"),
                ids: full_transfer().details.ids,
                minor: Some(12_350),
                instructed_amount: Some(ToldAmount { text: "124".to_owned(), currency: "EUR".to_owned() }),
                ultimate_debtor: Some(Party { name: owned("Anna's mother"), ..Party::default() }),
                ultimate_creditor: full_transfer().details.ultimate_creditor,
                debtor: Some(Party { name: owned("Anna Example"), ..Party::default() }),
                creditor_account: Some(AccountId::Iban("FR1420041010050500013M02606".to_owned())),
                debtor_agent: Some(Agent::of_bic(bic("BNKAXXAAXXX"))),
                creditor_agent: Some(Agent::of_bic(bic("BNKBXXAAXXX"))),
                remittance: vec!["Invoice 1".to_owned()],
                said: Verbatim::from(SAID.to_owned()).only(&["RmtInf", "Tax"]),
                ..EntryTransaction::default()
            }],
            information: owned("net of the cycle"),
        }],
    }
}

/// The same with an entry that is a charge, and addresses.
pub(crate) fn charged_report() -> AccountReport {
    let mut report = account_report();
    report.entries[0].transactions[0].said = Verbatim::from(SAID.to_owned());
    let mut charge = report.entries[0].clone();
    charge.code = BankTransactionCode::CHARGES_PAID;
    charge.transactions.clear();
    report.entries.push(charge);
    report
}

#[test]
fn statements_and_notifications_say_what_happened() {
    let report = account_report();
    let statement = write::to_text(|out| write::camt053(out, &report)).expect("written");
    let facts = facts::of(statement.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{statement}"));
    let stated = &facts["stmts"][0];
    assert_eq!(stated["bal"][1]["amt"]["amt"], "123.45");
    assert_eq!(stated["bal"][1]["ind"], "DBIT");
    assert_eq!(stated["entries"][0]["btc"], "PMNT/ICDT/DMCT");
    assert_eq!(stated["entries"][0]["txs"][0]["e2e_id"], "E-1");
    let instructed = "<AmtDtls><InstdAmt><Amt Ccy=\"EUR\">124</Amt></InstdAmt></AmtDtls>";
    assert!(statement.contains(instructed));
    assert!(statement.contains("<UltmtDbtr><Pty><Nm>Anna's mother</Nm></Pty></UltmtDbtr>"), "{statement}");
    assert!(!statement.contains("<Chrgs>"), "what others have charged is not of this entry");
    let charged = write::to_text(|out| write::camt053(out, &charged_report())).expect("written");
    let address = "<StrtNm>Hauptstraße</StrtNm><BldgNb>1</BldgNb>";
    let invoice = "<Nb>4711</Nb><RltdDt>2026-03-01</RltdDt>";
    let tax = "</RmtInf><Tax><Cdtr><TaxId>1</TaxId></Cdtr>";
    assert_eq!([address, invoice, tax].map(|part| charged.matches(part).count()), [1, 1, 1], "{charged}");
    let amount = "Ccy=\"EUR\">123.50</";
    let charges = format!(
        "<Chrgs><TtlChrgsAndTaxAmt {amount}TtlChrgsAndTaxAmt><Rcrd><Amt {amount}Amt><CdtDbtInd>DBIT</CdtDbtInd>\
         <ChrgInclInd>true</ChrgInclInd></Rcrd></Chrgs>"
    );
    assert_eq!(charged.matches(&charges).count(), 1, "{charged}");
    let notification = write::to_text(|out| write::camt054(out, &report)).expect("written");
    let facts = facts::of(notification.as_bytes()).expect("valid");
    assert_eq!(facts["msg_type"], "camt.054.001.08");
    assert_eq!(facts["stmts"][0]["entries"], stated["entries"]);
}

#[test]
fn what_no_schema_can_hold_is_refused_when_written() {
    let mut report = account_report();
    let told = [("1e5", "EUR"), ("1.123456", "EUR"), ("1", "EU\"R"), ("", "EUR"), ("-1", "EUR")];
    for (text, currency) in told {
        let told = ToldAmount { text: text.to_owned(), currency: currency.to_owned() };
        report.entries[0].transactions[0].instructed_amount = Some(told);
        let text = write::to_text(|out| write::camt053(out, &report)).expect("all but that is written");
        assert!(!text.contains("InstdAmt"), "{text}");
    }
    report.balances[0].minor = 1_000_000_000_000_000_000;
    assert!(write::to_text(|out| write::camt053(out, &report)).is_err());
    report.balances.clear();
    assert!(write::to_text(|out| write::camt053(out, &report)).is_err());
    assert!(write::to_text(|out| write::camt054(out, &report)).is_ok());
}

/// The details as version 08 can carry them, and as the interbank and initiation writers write them.
fn as_written(transfer: &CreditTransfer) -> CreditTransfer {
    let mut transfer = transfer.clone();
    let details = &mut transfer.details;
    details.requested_execution_date = None;
    details.payment_information_id = None;
    details.underlying = None;
    details.said = Verbatim::default();
    details.charge_bearer.get_or_insert_with(|| "SLEV".to_owned());
    for agent in [&mut details.debtor_agent, &mut details.creditor_agent] {
        // Told by an address alone: mandatory, so it is there, but it names nobody.
        agent.take_if(|agent| *agent == Agent::default());
    }
    transfer
}

#[test]
fn transfers_of_the_samples_are_written_and_read_back() {
    let Some(folder) = data::folder("samples") else { return };
    let mut count = 0;
    for sample in data::samples(&folder).into_iter().filter(|sample| sample.is_valid) {
        let is_wanted = domain::family(&sample)
            .is_some_and(|family| TRANSFER_FAMILIES.contains(&family) && family != Family::Pacs009);
        if !is_wanted {
            continue;
        }
        let (summary, entries) = domain::read(&data::read(&folder.join(&sample.file))).expect("valid");
        let transfers: Vec<CreditTransfer> = entries
            .iter()
            .filter_map(|entry| match entry {
                Entry::Transfer(transfer) => Some(as_written(transfer)),
                Entry::Refused(_) => None,
            })
            .collect();
        let mut head = MessageHead { total: None, control_sum: None, ..summary.head };
        if transfers.is_empty() {
            continue;
        }
        head.number_of_transactions = None;
        head.business = None;
        let text = write::to_text(|out| write::pacs008(out, &head, &transfers)).expect("written");
        let (_, read) =
            domain::read(text.as_bytes()).unwrap_or_else(|error| panic!("{}: {error}", sample.file));
        for (entry, transfer) in read.iter().zip(&transfers) {
            let Entry::Transfer(read) = entry else { panic!("{}: {entry:?}", sample.file) };
            // What it says beyond its fields stands in another order: see `said`.
            let details = TransferDetails { said: Verbatim::default(), ..read.details.clone() };
            assert_eq!((&details, read.amount), (&transfer.details, transfer.amount), "{}", sample.file);
            count += 1;
        }
    }
    say(&format!("checked {count} transfers written and read back"));
}
