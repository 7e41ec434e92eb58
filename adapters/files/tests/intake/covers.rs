//! Covers (pacs.009 COV): what a bank says of its customer's transfer goes with the money, into the journal, to the bank that is
//! paid, and into statements; and what a message says of charges is kept with its payment.

use feiqian_core::batch::Batch;
use feiqian_core::command::Command;
use feiqian_core::transfer::Record;
use feiqian_files::details::Details;
use feiqian_files::intake;
use feiqian_files::resolve::{Resolved, resolve};
use feiqian_files::settlement::write_cycle;
use feiqian_iso20022::Limits;
use feiqian_iso20022::payment::{CreditTransfer, Entry, MessageHead};
use feiqian_iso20022::transfers::TransferReader;

use crate::after::{answer, demo_file, send, statuses, told};
use crate::crashes::balances;
use crate::house::{House, bic, currency};
use crate::shared::{files, validate};
use crate::statements::texts;

const ID: &str = "7c562c67-ca16-48ba-b074-65581be6f0c1";
/// Karl Kurz, who has no funds: of BNKA.
const UNFUNDED: &str = "DE67500105170001000029";

/// What stands below a cover.
const BELOW: &str = "<UndrlygCstmrCdtTrf><UltmtDbtr><Nm>Anna's mother</Nm></UltmtDbtr><Dbtr><Nm>Anna Müller</Nm>\
    <PstlAdr><StrtNm>Hauptstraße</StrtNm><TwnNm>Bonn</TwnNm><Ctry>DE</Ctry><AdrLine>second floor</AdrLine></PstlAdr></Dbtr>\
    <DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct>\
    <DbtrAgt><FinInstnId><BICFI>BNKXXXAAXXX</BICFI><PstlAdr><Ctry>DE</Ctry></PstlAdr></FinInstnId></DbtrAgt>\
    <DbtrAgtAcct><Id><Othr><Id>0815</Id></Othr></Id></DbtrAgtAcct>\
    <PrvsInstgAgt1><FinInstnId><ClrSysMmbId><ClrSysId><Cd>USABA</Cd></ClrSysId><MmbId>021040078</MmbId></ClrSysMmbId>\
    <Nm>Previous &amp; Co</Nm></FinInstnId></PrvsInstgAgt1>\
    <CdtrAgt><FinInstnId><BICFI>BNKYXXAAXXX</BICFI></FinInstnId></CdtrAgt>\
    <Cdtr><Nm>Société Générique SA</Nm></Cdtr>\
    <CdtrAcct><Id><Othr><Id>0042</Id></Othr></Id></CdtrAcct>\
    <Tax><RefNb>T-1</RefNb></Tax>\
    <RmtInf><Ustrd>Invoice 42</Ustrd><Strd><RfrdDocInf><Nb>42</Nb></RfrdDocInf><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf>\
    <InstdAmt Ccy=\"USD\">49.95</InstdAmt></UndrlygCstmrCdtTrf>";

/// A payment of BNKA to BNKB, a cover of what stands `below`.
fn cover(account: &str, below: &str) -> String {
    let bank = |code: &str| format!("<FinInstnId><BICFI>{code}</BICFI></FinInstnId>");
    let (payer, payee) = (bank("BNKAXXAAXXX"), bank("BNKBXXAAXXX"));
    let number = match account {
        "" => String::new(),
        iban => format!("<DbtrAcct><Id><IBAN>{iban}</IBAN></Id></DbtrAcct>"),
    };
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.009.001.08\"><FICdtTrf><GrpHdr><MsgId>COV-1</MsgId>\
         <CreDtTm>2026-03-16T08:00:00Z</CreDtTm><NbOfTxs>1</NbOfTxs><SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf>\
         </GrpHdr><CdtTrfTxInf><PmtId><InstrId>I-1</InstrId><EndToEndId>E-1</EndToEndId><UETR>{ID}</UETR></PmtId>\
         <IntrBkSttlmAmt Ccy=\"EUR\">47.86</IntrBkSttlmAmt><IntrBkSttlmDt>2026-03-16</IntrBkSttlmDt>\
         <InstgAgt>{payer}</InstgAgt><Dbtr>{payer}</Dbtr>{number}<Cdtr>{payee}</Cdtr>{below}</CdtTrfTxInf></FICdtTrf>\
         </Document>"
    )
}

fn read(bytes: &[u8]) -> (MessageHead, CreditTransfer) {
    let mut reader = TransferReader::new(bytes, Limits::default()).expect("readable");
    let entry = reader.next_transfer().expect("readable").expect("a payment");
    let Entry::Transfer(transfer) = entry else { panic!("{entry:?}") };
    (reader.head().clone(), *transfer)
}

/// Covers that were passed on: to whom by the name of the file.
fn passed_on(house: &House) -> Vec<(String, MessageHead, CreditTransfer)> {
    let all = files(&house.options.work.outbox());
    let covers = all.iter().filter(|(name, _)| name.ends_with(".pacs.009.xml"));
    let read = covers.map(|(name, bytes)| {
        let (head, transfer) = read(bytes);
        (name.clone(), head, transfer)
    });
    read.collect()
}

fn check_passed_on(house: &House, sent: &str) {
    let all = passed_on(house);
    let [(name, head, transfer)] = all.as_slice() else { panic!("{all:?}") };
    assert!(name.contains(".BNKBXXAAXXX."), "{name}");
    let operator = head.instructing_agent.as_ref().and_then(|agent| agent.bic);
    let business = head.business.as_ref().expect("a header");
    assert_eq!((operator, business.to.bic), (Some(bic("CLRHXXAAXXX")), Some(bic("BNKBXXAAXXX"))));
    let (_, original) = read(sent.as_bytes());
    assert_eq!(transfer.details.underlying, original.details.underlying);
    assert_eq!((&transfer.details.said, transfer.details.said.len()), (&original.details.said, 5));
    assert_eq!((transfer.amount, transfer.currency), (original.amount, original.currency));
    let ids = &transfer.details.ids;
    assert_eq!((ids.end_to_end.as_deref(), ids.uetr), (Some("E-1"), original.details.ids.uetr));
    let sequence = house.engine().find(ids.uetr.expect("a UETR").bits()).expect("journaled");
    assert_eq!(transfer.details.clearing_reference, Some(sequence.to_string()));
    assert_eq!(transfer.details.debtor.bic, Some(bic("BNKAXXAAXXX")));
    assert_eq!(transfer.details.creditor.bic, Some(bic("BNKBXXAAXXX")));
    validate(&house.options.work.outbox());
}

#[test]
fn a_paid_cover_goes_to_the_bank_that_it_pays_with_the_customers_transfer_below_it() {
    let mut house = House::demo("cover");
    let sent = cover("", BELOW);
    let report = send(&house, "cover.xml", sent.as_bytes());
    assert_eq!((report.forwarded, report.accepted), (1, 1), "{report:?}");
    check_passed_on(&house, &sent);
    let sequence = house.engine().find(read(sent.as_bytes()).1.details.ids.uetr.expect("one").bits());
    let entry = house.engine().entry(sequence.expect("journaled")).expect("readable").expect("there").0;
    let details = Details::decode(&entry.details.expect("told")).expect("readable");
    let below = details.underlying.expect("a cover").details();
    assert_eq!(Some(Box::new(below)), read(sent.as_bytes()).1.details.underlying);

    let (paid, outbox) = (balances(&house), files(&house.options.work.outbox()));
    house.restart();
    let report = send(&house, "cover.xml", sent.as_bytes());
    assert_eq!((report.duplicates, report.forwarded), (1, 1), "{report:?}");
    assert_eq!((balances(&house), files(&house.options.work.outbox())), (paid.clone(), outbox));
    let other = cover("", &BELOW.replace("Anna Müller", "Karl Kurz"));
    let report = send(&house, "other.xml", other.as_bytes());
    assert_eq!(
        (report.accepted, report.forwarded),
        (0, 0),
        "another customer is another payment: {report:?}"
    );
    assert_eq!(balances(&house), paid);
}

#[test]
fn a_payment_between_banks_that_covers_nothing_is_not_passed_on_nor_a_cover_that_is_not_paid() {
    let house = House::demo("core");
    let report = send(&house, "core.xml", cover("", "").as_bytes());
    assert_eq!((report.forwarded, report.accepted), (0, 1), "{report:?}");
    let house = House::demo("unpaid");
    let report = send(&house, "unpaid.xml", cover(UNFUNDED, BELOW).as_bytes());
    assert_eq!(statuses(&answer(&house, &report)), [told("RJCT", Some("AM04"))]);
    assert_eq!((report.forwarded, passed_on(&house).len()), (0, 0));
}

#[test]
fn a_cover_that_waited_is_passed_on_when_it_is_paid_also_behind_a_restart() {
    let mut house = House::demo("late-cover");
    house.options.deadlines.queued_s = 0;
    let sent = cover(UNFUNDED, BELOW);
    let report = send(&house, "queued/cover.xml", sent.as_bytes());
    assert_eq!((report.pending, report.forwarded), (1, 0), "{report:?}");
    house.restart();
    let bank = house.engine().directory().participant(bic("BNKAXXAAXXX")).expect("registered");
    let from = house.engine().directory().clearing_account(bank, currency("EUR")).expect("open");
    let to = house.engine().directory().alias(&format!("IBAN:{UNFUNDED}")).expect("an account");
    let funding = Batch::new(bank, vec![Record::new(99, from, to, 4_786, 978)]);
    house.engine().submit(funding).expect("admitted").wait().expect("answered");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while intake(house.engine(), &house.options).expect("taken in").decided == 0 {
        assert!(std::time::Instant::now() < until, "the cover waits for ever");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    check_passed_on(&house, &sent);
}

/// What the first version of details had made of a payment.
fn in_first_version(house: &House, bytes: &[u8]) -> Resolved {
    let (head, transfer) = read(bytes);
    let resolved = resolve(&head, &transfer, house.engine().directory()).expect("resolved");
    let details =
        Details::decode(&resolved.details).expect("readable").in_version_before().expect("the third");
    let details = details.in_version_before().expect("the second");
    let [_, reference] = resolved.earlier_references[..] else { panic!("two versions before") };
    let record = Record { reference, ..resolved.record };
    Resolved { record, details: details.encode(), earlier_references: Vec::new(), ..resolved }
}

#[test]
fn i3_a_cover_that_was_journaled_before_its_customer_was_kept_is_the_same_payment() {
    let mut house = House::demo("earlier");
    let sent = cover("", BELOW);
    let Resolved { participant, record, details, .. } = in_first_version(&house, sent.as_bytes());
    assert!(!String::from_utf8_lossy(&details).contains("Anna"), "it knew nothing of her");
    let mut batch = Batch::new(participant, vec![record]);
    batch.details.push((0, details));
    house.engine().submit(batch).expect("admitted").wait().expect("answered");
    let paid = balances(&house);
    house.restart();
    let report = send(&house, "cover.xml", sent.as_bytes());
    assert_eq!((report.duplicates, report.accepted), (1, 1), "{report:?}");
    assert_eq!(statuses(&answer(&house, &report)), [told("ACSP", None)]);
    let other = sent.replace("47.86", "47.87");
    let report = send(&house, "other.xml", other.as_bytes());
    assert_eq!((report.duplicates, report.accepted), (0, 0), "{report:?}");
    assert_eq!(balances(&house), paid);
}

#[test]
fn what_a_cover_settles_is_not_settled_again() {
    let house = House::demo("cove");
    let before = balances(&house);
    let text = String::from_utf8(demo_file("01-single.xml")).expect("UTF-8");
    let end = text.find("</SttlmMtd>").expect("a method");
    let start = text[..end].rfind('>').expect("a tag") + 1;
    let sent = format!("{}COVE{}", &text[..start], &text[end..]);
    let report = send(&house, "cove.xml", sent.as_bytes());
    assert_eq!(statuses(&answer(&house, &report)), [told("RJCT", Some("AG03"))]);
    assert_eq!(balances(&house), before);
}

#[test]
fn statements_name_the_customers_of_a_cover_and_what_was_instructed() {
    let house = House::demo("cover-statement");
    send(&house, "cover.xml", cover("", BELOW).as_bytes());
    house.command(Command::CloseCycle { cycle: 1 });
    write_cycle(house.engine(), &house.options.work, bic("CLRHXXAAXXX"), 1).expect("written");
    let all = files(&house.options.work.settlement());
    let own = |bank: &str| {
        let is_own = |name: &str| name.contains(bank) && name.contains("camt.053");
        let found =
            all.iter().find(|(name, bytes)| is_own(name) && String::from_utf8_lossy(bytes).contains(ID));
        String::from_utf8(found.expect("a statement").1.clone()).expect("UTF-8")
    };
    for bank in ["BNKAXXAAXXX", "BNKBXXAAXXX"] {
        let statement = own(bank);
        let entry = texts(&statement, "TxDtls").into_iter().find(|entry| entry.contains(ID)).expect("there");
        assert_eq!(texts(texts(entry, "UltmtDbtr")[0], "Nm"), ["Anna Müller"], "{entry}");
        assert_eq!(texts(texts(entry, "UltmtCdtr")[0], "Nm"), ["Société Générique SA"]);
        assert_eq!(texts(entry, "Ustrd"), ["Invoice 42"]);
        assert_eq!(texts(texts(entry, "RfrdDocInf")[0], "Nb"), ["42"]);
        assert_eq!(texts(texts(entry, "UltmtDbtr")[0], "StrtNm"), ["Hauptstraße"]);
        assert_eq!(texts(texts(entry, "InstdAmt")[0], "Amt"), ["49.95"]);
    }
    validate(&house.options.work.settlement());
}
