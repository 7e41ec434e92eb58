//! What asks and moves nothing: account verifications, account queries and system events.

use feiqian_core::account::AccountState;
use feiqian_core::command::Command;
use feiqian_core::money::decimal;
use feiqian_files::{FileReport, intake};

use crate::after::{demo_file, send};
use crate::house::{House, bic, currency};
use crate::shared::validate;

/// An IBAN that the demo does not have.
const NEW: &str = "DE89370400440532013000";

fn request(version: &str, assigner: &str, accounts: &[(&str, &str, &str)]) -> String {
    let agent = |bic: &str| format!("<Agt><FinInstnId><BICFI>{bic}</BICFI></FinInstnId></Agt>");
    let rows: String = accounts
        .iter()
        .enumerate()
        .map(|(at, (party, iban, bank))| {
            let party = if party.is_empty() { String::new() } else { format!("<Pty><Nm>{party}</Nm></Pty>") };
            let account = if version == "02" {
                format!("<Acct><IBAN>{iban}</IBAN></Acct>")
            } else {
                format!("<Acct><Id><IBAN>{iban}</IBAN></Id></Acct>")
            };
            let bank = if bank.is_empty() { String::new() } else { agent(bank) };
            format!("<Vrfctn><Id>V{at}</Id><PtyAndAcctId>{party}{account}{bank}</PtyAndAcctId></Vrfctn>")
        })
        .collect();
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:acmt.023.001.{version}\"><IdVrfctnReq><Assgnmt>\
         <MsgId>ASK-1</MsgId><CreDtTm>2026-03-16T08:00:00Z</CreDtTm><Assgnr>{}</Assgnr><Assgne>{}</Assgne>\
         </Assgnmt>{rows}</IdVrfctnReq></Document>",
        agent(assigner),
        agent("CLRHXXAAXXX"),
    )
}

pub(crate) fn answered(house: &House, name: &str, text: &str) -> (FileReport, String) {
    house.put(name, text.as_bytes());
    let report = intake(house.engine(), &house.options).expect("taken in");
    let file = report.files.into_iter().next().expect("one file");
    let path = house.options.work.outbox().join(file.answer.as_ref().expect("answered"));
    (file, std::fs::read_to_string(path).expect("there"))
}

#[test]
fn accounts_are_verified_by_yes_or_no_in_the_version_asked() {
    let house = House::demo("verify");
    let own = std::fs::read_to_string(crate::shared::demo().join("participants.toml")).expect("there");
    let at = own.find("IBAN:").expect("the demo has an account by IBAN") + 5;
    let iban: String = own[at..].chars().take_while(char::is_ascii_alphanumeric).collect();
    let rows =
        [("", iban.as_str(), ""), ("", NEW, ""), ("Ann", iban.as_str(), ""), ("", &iban, "BNKZXXAAXXX")];
    for version in ["02", "03", "04"] {
        let (file, text) =
            answered(&house, &format!("ask-{version}.xml"), &request(version, "BNKAXXAAXXX", &rows));
        assert_eq!(file.message_id.as_deref(), Some("ASK-1"));
        assert!(text.contains(&format!("acmt.024.001.{version}\"")), "{text}");
        let verdicts = [
            "<OrgnlId>V0</OrgnlId><Vrfctn>true</Vrfctn></Rpt>",
            "<OrgnlId>V1</OrgnlId><Vrfctn>false</Vrfctn><Rsn><Cd>AC01</Cd></Rsn></Rpt>",
            "<OrgnlId>V2</OrgnlId><Vrfctn>true</Vrfctn><Rsn><Prtry>NAME NOT CHECKED</Prtry></Rsn></Rpt>",
            "<OrgnlId>V3</OrgnlId><Vrfctn>false</Vrfctn><Rsn><Cd>AC01</Cd></Rsn></Rpt>",
        ];
        assert!(text.contains(&verdicts.join("<Rpt>")), "{text}");
        assert!(!text.contains(&iban), "nothing of the account is said again");
    }
    validate(&house.options.work.outbox());
}

#[test]
fn a_closed_account_is_none() {
    let house = House::demo("verify-closed");
    let terms = (bic("BNKAXXAAXXX"), currency("EUR"));
    let open = Command::OpenAccounts { bic: terms.0, currency: terms.1, count: 1, credit_line: 0 };
    let account = house.command(open).first_account.expect("opened");
    house.command(Command::RegisterAlias { alias: format!("IBAN:{NEW}"), account });
    let ask = |name: &str| answered(&house, name, &request("03", "BNKBXXAAXXX", &[("", NEW, "")])).1;
    assert!(ask("open.xml").contains("<Vrfctn>true</Vrfctn>"));
    house.command(Command::SetAccountState { account, state: AccountState::Closed });
    assert!(ask("closed.xml").contains("<Vrfctn>false</Vrfctn><Rsn><Cd>AC01</Cd></Rsn>"));
    validate(&house.options.work.outbox());
}

#[test]
fn who_is_no_participant_or_asks_for_too_much_learns_nothing_of_any_account() {
    let house = House::demo("verify-refused");
    let many = vec![("", NEW, ""); 101];
    let rows = [("BNKZXXAAXXX", &many[..1], "AGNT"), ("BNKAXXAAXXX", &many[..], "AG03")];
    for (assigner, accounts, code) in rows {
        let name = format!("{code}.xml");
        let (file, text) = answered(&house, &name, &request("03", assigner, accounts));
        assert!(file.answer.is_some_and(|name| name.ends_with(".admi.002.xml")));
        assert!(text.contains(&format!("<RjctgPtyRsn>{code}</RjctgPtyRsn>")), "{text}");
        assert!(!text.contains("Vrfctn"), "{text}");
    }
    validate(&house.options.work.outbox());
}

#[test]
fn a_system_event_is_acknowledged() {
    let house = House::demo("event");
    let text = "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:admi.004.001.02\"><SysEvtNtfctn><EvtInf>\
                <EvtCd>PING</EvtCd><EvtParam>A</EvtParam><EvtDesc>Line test</EvtDesc>\
                <EvtTm>2026-03-16T08:00:00Z</EvtTm></EvtInf></SysEvtNtfctn></Document>";
    let (_, answer) = answered(&house, "ping.xml", text);
    let told = "<AckDtls><EvtCd>PING</EvtCd><EvtParam>A</EvtParam><EvtDesc>Line test</EvtDesc>\
                <EvtTm>2026-03-16T08:00:00Z</EvtTm></AckDtls>";
    assert!(answer.contains("admi.011.001.01") && answer.contains(told), "{answer}");
    validate(&house.options.work.outbox());
}

/// A camt.003 with criteria, in an envelope whose header says who asks.
fn query(version: &str, asker: Option<&str>, criteria: &str) -> String {
    let agent = |bic: &str| format!("<FIId><FinInstnId><BICFI>{bic}</BICFI></FinInstnId></FIId>");
    let head = asker.map_or_else(String::new, |asker| {
        format!(
            "<AppHdr xmlns=\"urn:iso:std:iso:20022:tech:xsd:head.001.001.02\"><Fr>{}</Fr><To>{}</To>\
             <BizMsgIdr>Q-1</BizMsgIdr><MsgDefIdr>camt.003.001.{version}</MsgDefIdr>\
             <CreDt>2026-03-16T08:00:00Z</CreDt></AppHdr>",
            agent(asker),
            agent("CLRHXXAAXXX"),
        )
    });
    format!(
        "<BizMsgEnvlp>{head}<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.003.001.{version}\"><GetAcct>\
         <MsgHdr><MsgId>Q-1</MsgId></MsgHdr><AcctQryDef><AcctCrit><NewCrit>{criteria}</NewCrit></AcctCrit>\
         </AcctQryDef></GetAcct></Document></BizMsgEnvlp>"
    )
}

fn by_iban(iban: &str) -> String {
    format!("<SchCrit><AcctId><EQ><IBAN>{iban}</IBAN></EQ></AcctId></SchCrit>")
}

#[test]
fn a_bank_is_told_what_is_on_its_own_accounts_alone() {
    let house = House::demo("query");
    house.engine().seal().expect("sealed");
    let criteria = by_iban("DE68500105170001000011") + &by_iban("FR1420041010050500013M02606");
    for (version, answer) in [("07", "camt.004.001.08"), ("08", "camt.004.001.10")] {
        let (file, text) =
            answered(&house, &format!("{version}.xml"), &query(version, Some("BNKAXXAAXXX"), &criteria));
        assert_eq!(file.message_id.as_deref(), Some("Q-1"));
        assert!(text.contains(&format!("{answer}\"")) && text.contains("<MsgDefIdr>camt.004"), "{text}");
        for kind in ["BOOK", "AVLB"] {
            let told = format!("<Amt>2500.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Tp><Cd>{kind}</Cd></Tp>");
            assert!(text.contains(&told), "{text}");
        }
        let other = "<AcctId><IBAN>FR1420041010050500013M02606</IBAN></AcctId><AcctOrErr><BizErr><Err>\
                     <Prtry>UNKNOWN ACCOUNT</Prtry></Err></BizErr></AcctOrErr>";
        assert!(text.contains(other), "{text}");
        assert_eq!(text.matches("<MulBal>").count(), 2, "of one account");
    }
    validate(&house.options.work.outbox());
}

#[test]
fn i7_balances_are_told_to_their_owner_and_are_those_of_the_engine() {
    let house = House::demo("query-own");
    send(&house, "01.xml", &demo_file("01-single.xml"));
    house.engine().seal().expect("sealed");
    let by_currency = "<SchCrit><Ccy>EUR</Ccy></SchCrit>";
    let text = answered(&house, "all.xml", &query("08", Some("BNKBXXAAXXX"), by_currency)).1;
    let directory = house.engine().directory();
    let own = directory.participant(bic("BNKBXXAAXXX")).expect("registered");
    let account = directory.clearing_account(own, currency("EUR")).expect("open");
    let balance =
        house.engine().ask(move |sealer| sealer.mirror().account(account).expect("it moved").balance);
    let expected = format!(
        "<AcctRpt><AcctId><Othr><Id>{account}</Id></Othr></AcctId><AcctOrErr><Acct><Ccy>EUR</Ccy><MulBal><Amt>{}</Amt>\
         <CdtDbtInd>{}</CdtDbtInd><Tp><Cd>BOOK</Cd></Tp></MulBal></Acct></AcctOrErr></AcctRpt>",
        decimal(balance.unsigned_abs(), currency("EUR")),
        if balance < 0 { "DBIT" } else { "CRDT" },
    );
    assert!(text.contains(&expected) && text.matches("<AcctRpt>").count() == 1, "{text}");
    assert_ne!(balance, 0);

    let by_number = format!("<SchCrit><AcctId><EQ><Othr><Id>{account}</Id></Othr></EQ></AcctId></SchCrit>");
    for (asker, is_told) in [("BNKBXXAAXXX", true), ("BNKAXXAAXXX", false), ("BNKCXXAAXXX", false)] {
        let text = answered(&house, &format!("{asker}.xml"), &query("08", Some(asker), &by_number)).1;
        assert_eq!(text.contains("<MulBal>"), is_told, "{asker}: {text}");
    }
    validate(&house.options.work.outbox());
}

#[test]
fn what_is_not_told_is_refused_with_the_way_out() {
    let house = House::demo("query-refused");
    let many = by_iban(NEW).repeat(101);
    let rows = [
        (None, by_iban(NEW), "AGNT"),
        (Some("BNKZXXAAXXX"), by_iban(NEW), "AGNT"),
        (Some("BNKAXXAAXXX"), many, "AG03"),
        (Some("BNKAXXAAXXX"), "<SchCrit><AcctId><CTTxt>DE</CTTxt></AcctId></SchCrit>".to_owned(), "AG03"),
        (Some("BNKAXXAAXXX"), "<SchCrit><Ccy>ZAR</Ccy></SchCrit>".to_owned(), "AC01"),
    ];
    for (at, (asker, criteria, code)) in rows.into_iter().enumerate() {
        let text = answered(&house, &format!("{at}.xml"), &query("08", asker, &criteria)).1;
        assert!(text.contains(&format!("<OprlErr><Err><Prtry>{code}</Prtry></Err><Desc>")), "{at}: {text}");
        assert!(!text.contains("<AcctRpt>"), "{text}");
    }
    validate(&house.options.work.outbox());
}
