//! Reports asked for by message (camt.060): an owner gets its own, for the cycles asked for, and nobody another's.

use std::collections::BTreeSet;

use feiqian_core::batch::Batch;
use feiqian_core::command::Command;
use feiqian_core::outcome::Outcome;
use feiqian_core::participant::CycleState;
use feiqian_core::transfer::Record;
use feiqian_files::agents::AgentToRegister;
use feiqian_files::settlement::{StatementMessage, StatementOf, statement_text};

use crate::after::{demo_file, send};
use crate::house::{House, bic, currency};
use crate::inquiries::answered;
use crate::shared::{files as shared_files, validate};
use crate::statements::{pay, texts};

const OPERATOR: &str = "CLRHXXAAXXX";
const A: &str = "BNKAXXAAXXX";
const B: &str = "BNKBXXAAXXX";

fn agent(bic: &str) -> String {
    format!("<Agt><FinInstnId><BICFI>{bic}</BICFI></FinInstnId></Agt>")
}

/// A camt.060 whose `RptgReq` ask for `rows`: message name, account, owner, and what stands behind them.
fn request(version: &str, asker: &str, rows: &[(&str, &str, &str, &str)]) -> String {
    let rows: String = rows
        .iter()
        .enumerate()
        .map(|(at, (name, account, owner, rest))| {
            format!(
                "<RptgReq><Id>R{at}</Id><ReqdMsgNmId>{name}</ReqdMsgNmId>{account}<AcctOwnr>{}</AcctOwnr>{rest}</RptgReq>",
                agent(owner)
            )
        })
        .collect();
    let sender =
        if asker.is_empty() { String::new() } else { format!("<MsgSndr>{}</MsgSndr>", agent(asker)) };
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.060.001.{version}\"><AcctRptgReq><GrpHdr>\
         <MsgId>REP-1</MsgId><CreDtTm>2026-03-16T08:00:00Z</CreDtTm>{sender}</GrpHdr>{rows}</AcctRptgReq></Document>"
    )
}

fn numbered(account: u64) -> String {
    format!("<Acct><Id><Othr><Id>{account}</Id></Othr></Id></Acct>")
}

fn period(from: &str, until: &str) -> String {
    format!("<RptgPrd><FrToDt><FrDt>{from}</FrDt>{until}</FrToDt><Tp>ALLL</Tp></RptgPrd>")
}

fn clearing(house: &House, code: &str) -> u64 {
    let directory = house.engine().directory();
    let bank = directory.participant(bic(code)).expect("registered");
    directory.clearing_account(bank, currency("EUR")).expect("open")
}

/// A house with a payment from A to B in cycle 1, which is closed, and in cycle 2, which is open.
fn two_cycles(name: &str) -> House {
    let house = House::demo(name);
    send(&house, "01.xml", &demo_file("01-single.xml"));
    house.command(Command::CloseCycle { cycle: 1 });
    house.engine().seal().expect("sealed");
    house
}

#[test]
fn an_owner_gets_the_statement_that_the_operator_writes_in_the_version_asked() {
    let house = two_cycles("reports");
    let own = clearing(&house, A);
    for version in ["03", "04", "05", "06", "07"] {
        for (name, written) in [
            ("camt.053", "camt.053.001.08"),
            ("camt.053.001.02", "camt.053.001.02"),
            ("camt.053.001.14", "camt.053.001.14"),
        ] {
            let text = request(version, A, &[(name, &numbered(own), A, "")]);
            let (file, answer) = answered(&house, &format!("{version}-{name}.xml"), &text);
            assert_eq!(file.message_id.as_deref(), Some("REP-1"));
            assert!(answer.contains(&format!("tech:xsd:{written}\"")), "{answer}");
            let query = format!("<MsgNmId>camt.060.001.{version}</MsgNmId>");
            assert_eq!(answer.contains(&query), written != "camt.053.001.02", "{answer}");
            assert_eq!(texts(&answer, "ElctrncSeqNb"), ["1"]);
        }
    }
    let of = (StatementOf::Account(own), None, StatementMessage::Statement);
    let expected = statement_text(house.engine(), bic(OPERATOR), 1, of).expect("written");
    let expected = String::from_utf8(expected).expect("UTF-8");
    let (_, answer) = answered(&house, "same.xml", &request("05", A, &[("camt.053", &numbered(own), A, "")]));
    assert_eq!(texts(&answer, "Stmt"), texts(&expected, "Stmt"));
    assert!(!texts(&answer, "Ntry").is_empty(), "{answer}");
    validate(&house.options.work.outbox());
}

#[test]
fn sums_that_no_message_holds_are_refused_and_no_file_is_left() {
    let house = House::demo("reports-large");
    let banks = ["LRGAXXAAXXX", "LRGBXXAAXXX"].map(|code| AgentToRegister {
        bic: bic(code),
        name: code.to_owned(),
        currencies: [currency("EUR")].into(),
        aliases: BTreeSet::new(),
    });
    house.register(&banks);
    pay(&house, ("LRGAXXAAXXX", "LRGBXXAAXXX"), &[600_000_000_000_000_000; 2]);
    house.engine().seal().expect("sealed");
    for asker in ["LRGAXXAAXXX", "LRGBXXAAXXX"] {
        let name = format!("{asker}.xml");
        let (file, answer) = answered(&house, &name, &request("05", asker, &[("camt.052", "", asker, "")]));
        assert_eq!(texts(&answer, "RjctgPtyRsn"), ["AM02"], "{file:?}");
    }
    assert!(shared_files(&house.options.work.inbox()).is_empty());
    validate(&house.options.work.outbox());
}

#[test]
fn positions_are_told_in_all_currencies_or_one_and_the_open_cycle_within_the_day() {
    let house = two_cycles("reports-positions");
    pay(&house, (A, B), &[500]);
    house.engine().seal().expect("sealed");
    let (_, all) = answered(&house, "all.xml", &request("05", B, &[("camt.052", "", B, "")]));
    assert_eq!(texts(&all, "ElctrncSeqNb"), vec!["2"; texts(&all, "Rpt").len()], "the open cycle alone");
    assert!(texts(&all, "Rpt").len() > 1 && all.contains("<Cd>ITBD</Cd>"), "{all}");
    let euro = "<Acct><Ccy>EUR</Ccy></Acct>";
    let (_, one) = answered(&house, "one.xml", &request("07", B, &[("camt.054", euro, B, "")]));
    assert_eq!((texts(&one, "Ntfctn").len(), texts(&one, "Bal").len()), (1, 0), "{one}");
    // Several in one message, and without a sender the owner asks.
    let own = numbered(clearing(&house, B));
    let rows = [("camt.053", "", B, ""), ("camt.053", own.as_str(), B, "")];
    let (_, both) = answered(&house, "both.xml", &request("05", "", &rows));
    assert_eq!(texts(&both, "Stmt").len(), texts(&all, "Rpt").len() + 1, "{both}");
    validate(&house.options.work.outbox());
}

#[test]
fn the_period_and_the_sequence_numbers_choose_the_cycles() {
    let house = two_cycles("reports-period");
    house.command(Command::CloseCycle { cycle: 2 });
    house.engine().seal().expect("sealed");
    let cycles = house.engine().directory().registry(|registry| registry.cycles().to_vec());
    assert_eq!(cycles.iter().filter(|cycle| cycle.state == CycleState::Closed).count(), 2);
    let day = feiqian_files::timestamp::date(cycles[0].closed_at);
    let own = numbered(clearing(&house, A));
    let told = |at: &str, name: &str, rest: &str| {
        let (_, answer) = answered(&house, at, &request("05", A, &[(name, &own, A, rest)]));
        texts(&answer, "ElctrncSeqNb").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(told("newest.xml", "camt.053", ""), ["2"]);
    assert_eq!(told("since.xml", "camt.053", &period(&day, "")), ["1", "2"]);
    assert_eq!(told("before.xml", "camt.053", &period("2020-01-01", "<ToDt>2020-01-31</ToDt>")), [""; 0]);
    // The house's clock, which ends the open cycle, is at 2026-03-16.
    let open = period("2026-03-16", "<ToDt>2026-03-16</ToDt>");
    assert_eq!(told("open.xml", "camt.052", &open), ["3"]);
    assert_eq!(told("not-open.xml", "camt.053", &open), [""; 0], "a statement is of closed cycles");
    let by_number = |range: &str| format!("<RptgSeq>{range}</RptgSeq>");
    for (range, expected) in [
        ("<EQSeq>1</EQSeq>", vec!["1"]),
        ("<FrSeq>2</FrSeq>", vec!["2"]),
        ("<ToSeq>2</ToSeq>", vec!["1", "2"]),
        ("<FrToSeq><FrSeq>1</FrSeq><ToSeq>2</ToSeq></FrToSeq>", vec!["1", "2"]),
        ("<EQSeq>1</EQSeq><EQSeq>2</EQSeq>", vec!["1", "2"]),
        ("<NEQSeq>1</NEQSeq>", vec!["2"]),
    ] {
        assert_eq!(told(&format!("{}.xml", range.len()), "camt.053", &by_number(range)), expected, "{range}");
    }
    validate(&house.options.work.outbox());
}

#[test]
fn i7_reports_are_told_to_the_accounts_owner_alone() {
    let house = two_cycles("reports-own");
    let (own, other) = (numbered(clearing(&house, A)), numbered(clearing(&house, B)));
    let missing = numbered(999_999);
    let all_or_nothing = [("camt.053", own.as_str(), A, ""), ("camt.053", other.as_str(), A, "")];
    let rows: [(&str, &[_]); 5] = [
        (A, &[("camt.053", other.as_str(), A, "")]),
        (A, &[("camt.053", missing.as_str(), A, "")]),
        (A, &[("camt.053", other.as_str(), B, "")]),
        (A, &[("camt.053", "", B, "")]),
        (A, &all_or_nothing),
    ];
    let mut said = Vec::new();
    for (at, (asker, rows)) in rows.into_iter().enumerate() {
        let (file, text) = answered(&house, &format!("{at}.xml"), &request("05", asker, rows));
        assert!(file.answer.is_some_and(|name| name.ends_with(".admi.002.xml")), "{at}");
        assert_eq!(texts(&text, "RjctgPtyRsn"), ["AC01"], "{text}");
        assert!(!text.contains("Ntry") && !text.contains("Bal"), "{text}");
        said.push(texts(&text, "RsnDesc")[0].to_owned());
    }
    assert_eq!(said[0], said[1], "an account of another is as one that there is not");
    validate(&house.options.work.outbox());
}

#[test]
fn what_can_not_be_told_is_refused_with_the_way_out() {
    let house = two_cycles("reports-refused");
    let own = numbered(clearing(&house, A));
    let ask = |rest: &'static str| vec![("camt.053", own.as_str(), A, rest)];
    let pending = "<ReqdTxTp><Sts><Cd>PDNG</Cd></Sts><CdtDbtInd>CRDT</CdtDbtInd></ReqdTxTp>";
    let floor = "<ReqdTxTp><Sts><Cd>BOOK</Cd></Sts><CdtDbtInd>CRDT</CdtDbtInd><FlrLmt><Amt Ccy=\"EUR\">5</Amt>\
                 <CdtDbtInd>CRED</CdtDbtInd></FlrLmt></ReqdTxTp>";
    let backwards = "<RptgPrd><FrToDt><FrDt>2026-03-16</FrDt><ToDt>2026-03-16</ToDt></FrToDt><FrToTm>\
                     <FrTm>12:00:00</FrTm><ToTm>08:00:00</ToTm></FrToTm><Tp>ALLL</Tp></RptgPrd>";
    let rows = [
        ("BNKZXXAAXXX", ask(""), "AGNT"),
        (A, vec![("camt.003", own.as_str(), A, "")], "AG03"),
        (A, vec![("camt.053.001.01", own.as_str(), A, "")], "AG03"),
        (A, vec![("camt.053", own.as_str(), A, ""), ("camt.054", own.as_str(), A, "")], "AG03"),
        (A, ask(pending), "AG03"),
        (A, ask(floor), "AG03"),
        (A, ask(backwards), "DT01"),
        (A, ask("<RptgSeq><NEQSeq>1</NEQSeq></RptgSeq>"), "DT01"),
        (A, ask("<RptgSeq><NEQSeq>ONE</NEQSeq></RptgSeq>"), "AG03"),
        (A, ask("<RptgSeq><EQSeq>ONE</EQSeq></RptgSeq>"), "AG03"),
        (A, ask("<RptgPrd><FrToDt><FrDt>2026-03-16</FrDt></FrToDt><Tp>CHNG</Tp></RptgPrd>"), "AG03"),
        (A, ask("<RptgPrd><FrToDt><FrDt>2026-03-16+08:00</FrDt></FrToDt><Tp>ALLL</Tp></RptgPrd>"), "DT01"),
        (A, ask("<ReqdBalTp><CdOrPrtry><Cd>FWAV</Cd></CdOrPrtry></ReqdBalTp>"), "AG03"),
        (A, vec![("camt.053", own.as_str(), A, ""); 32], "AG03"),
        (A, ask("<RptgSeq><EQSeq>2</EQSeq></RptgSeq>"), "DT01"),
    ];
    for (at, (asker, rows, code)) in rows.into_iter().enumerate() {
        let (_, text) = answered(&house, &format!("{at}.xml"), &request("05", asker, &rows));
        assert_eq!(texts(&text, "RjctgPtyRsn"), [code], "{at}: {text}");
        assert!(!text.contains("<Stmt>"), "{text}");
    }
    let (_, told) = answered(
        &house,
        "balances.xml",
        &request("05", A, &ask("<ReqdBalTp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></ReqdBalTp>")),
    );
    assert!(told.contains("<Cd>CLBD</Cd>"), "{told}");
    validate(&house.options.work.outbox());
}

#[test]
fn a_report_within_the_day_is_told_while_blocks_are_sealed() {
    let house = two_cycles("reports-racing");
    let euro = "<Acct><Ccy>EUR</Ccy></Acct>";
    for round in 1..=20_u64 {
        pay(&house, if round % 2 == 0 { (A, B) } else { (B, A) }, &[round]);
        let name = format!("{round}.xml");
        let text =
            request("07", A, &[("camt.052", euro, A, &period("2026-03-16", ""))]).replace("REP-1", &name);
        let (_, answer) = answered(&house, &name, &text);
        assert_eq!(texts(&answer, "ElctrncSeqNb").last(), Some(&"2"), "{round}: {answer}");
    }
}

/// Two banks without a payment but those that a test makes.
const P: &str = "PRTPXXAAXXX";
const Q: &str = "PRTQXXAAXXX";

/// 1.00 EUR from P to Q, 0.40 back, and 0.07 again, each in a frame of its own.
fn paid(name: &str) -> House {
    let house = House::empty(name);
    let banks = [P, Q].map(|code| AgentToRegister {
        bic: bic(code),
        name: code.to_owned(),
        currencies: [currency("EUR")].into(),
        aliases: BTreeSet::new(),
    });
    house.register(&banks);
    for (id, (from, to), amount) in [(1_u128 << 91, (P, Q), 100), (2 << 91, (Q, P), 40), (3 << 91, (P, Q), 7)]
    {
        let record = Record::new(id, clearing(&house, from), clearing(&house, to), amount, 978);
        let bank = house.engine().directory().participant(bic(from)).expect("there");
        let ticket = house.engine().submit(Batch::new(bank, vec![record])).expect("admitted");
        assert_eq!(ticket.wait().expect("answered").rows[0].outcome(), Some(Outcome::Cleared));
    }
    house
}

/// A moment as date and time, to the nanosecond.
fn moment(at: u64) -> (String, String) {
    let text = feiqian_files::timestamp::date_time(at);
    (text[..10].to_owned(), format!("{}.{:09}Z", &text[11..19], at % 1_000_000_000))
}

/// The period from a moment on, before another one.
fn part(from: u64, until: u64) -> String {
    let ((from_day, from), (until_day, until)) = (moment(from), moment(until));
    format!(
        "<RptgPrd><FrToDt><FrDt>{from_day}</FrDt><ToDt>{until_day}</ToDt></FrToDt>\
         <FrToTm><FrTm>{from}</FrTm><ToTm>{until}</ToTm></FrToTm><Tp>ALLL</Tp></RptgPrd>"
    )
}

/// What a report says: kind, amount and side of each balance, and of each entry amount and side.
fn said(answer: &str) -> (Vec<String>, Vec<String>) {
    let one = |part: &&str| format!("{} {}", texts(part, "Amt")[0], texts(part, "CdtDbtInd")[0]);
    let balance = |part: &&str| format!("{} {}", texts(part, "Cd")[0], one(part));
    (texts(answer, "Bal").iter().map(balance).collect(), texts(answer, "Ntry").iter().map(one).collect())
}

/// Time and outcome of all payments between P and Q that are in the journal, and what each does to Q.
fn journaled(house: &House) -> Vec<(u64, i128)> {
    let (a, b) = (clearing(house, P), clearing(house, Q));
    let entry = |sequence| house.engine().entry(sequence).expect("readable");
    (1..)
        .map_while(entry)
        .filter_map(|(entry, row)| {
            let (debtor, creditor) = (entry.record.debtor.get(), entry.record.creditor.get());
            let amount = i128::from(entry.record.amount.get());
            let is_cleared = row.outcome() == Some(Outcome::Cleared);
            match (debtor, creditor) {
                pair if is_cleared && pair == (a, b) => Some((entry.timestamp, amount)),
                pair if is_cleared && pair == (b, a) => Some((entry.timestamp, -amount)),
                _ => None,
            }
        })
        .collect()
}

#[test]
fn parts_of_a_cycle_follow_each_other_and_add_up_to_the_whole_as_the_journal_says() {
    let mut house = paid("reports-parts");
    house.options.clock = feiqian_files::timestamp::now;
    house.command(Command::CloseCycle { cycle: 1 });
    house.engine().seal().expect("sealed");
    let moved = journaled(&house);
    assert_eq!(moved.iter().map(|(_, amount)| *amount).collect::<Vec<_>>(), [100, -40, 7]);
    let [first, second, third] = [moved[0].0, moved[1].0, moved[2].0];
    assert!(first < second && second < third, "each in a frame of its own");
    let (euro, own) = ("<Acct><Ccy>EUR</Ccy></Acct>".to_owned(), numbered(clearing(&house, Q)));
    let day = 86_400_000_000_000;
    let rows = [
        (part(first - day, second), ["OPBD 0.00 CRDT", "ITBD 1.00 CRDT"], vec!["1.00 CRDT"]),
        (part(second, third), ["ITBD 1.00 CRDT", "ITBD 0.60 CRDT"], vec!["0.40 DBIT"]),
        (part(third, third + day), ["ITBD 0.60 CRDT", "CLBD 0.67 CRDT"], vec!["0.07 CRDT"]),
        (
            part(first - day, third + day),
            ["OPBD 0.00 CRDT", "CLBD 0.67 CRDT"],
            vec!["1.00 CRDT", "0.40 DBIT", "0.07 CRDT"],
        ),
    ];
    let mut ids = BTreeSet::new();
    for (at, (period, balances, entries)) in rows.iter().enumerate() {
        for (of, account) in [("position", &euro), ("account", &own)] {
            let text = request("07", Q, &[("camt.053", account, Q, period)]);
            let (_, answer) = answered(&house, &format!("{at}-{of}.xml"), &text);
            let (said_balances, said_entries) = said(&answer);
            assert_eq!(
                (said_balances.as_slice(), &said_entries),
                (
                    balances.map(str::to_owned).as_slice(),
                    &entries.iter().map(|one| (*one).to_owned()).collect()
                ),
                "{at} {of}: {answer}"
            );
            assert_eq!(texts(&answer, "ElctrncSeqNb"), ["1"]);
            ids.insert(texts(texts(&answer, "Stmt")[0], "Id")[0].to_owned());
        }
    }
    assert_eq!(ids.len(), 8, "each has an id of its own: {ids:?}");
    // Before the journal began there was no cycle.
    let (_, none) = answered(
        &house,
        "none.xml",
        &request("05", Q, &[("camt.053", &own, Q, &part(first - 9 * day, first - 8 * day))]),
    );
    assert_eq!(texts(&none, "RjctgPtyRsn"), ["DT01"], "{none}");
    validate(&house.options.work.outbox());
}

#[test]
fn entries_of_one_side_are_told_with_the_balances_of_all() {
    let mut house = paid("reports-sides");
    house.options.clock = feiqian_files::timestamp::now;
    house.command(Command::CloseCycle { cycle: 1 });
    house.engine().seal().expect("sealed");
    let (euro, own) = ("<Acct><Ccy>EUR</Ccy></Acct>".to_owned(), numbered(clearing(&house, Q)));
    let rows = [
        ("CRDT", vec!["1.00 CRDT", "0.07 CRDT"], ["2", "1.07", "0", "0.00"]),
        ("DBIT", vec!["0.40 DBIT"], ["0", "0.00", "1", "0.40"]),
    ];
    for (side, entries, sums) in rows {
        for (at, (version, account)) in [("03", &own), ("07", &euro)].into_iter().enumerate() {
            let status = if version == "03" { "BOOK" } else { "<Cd>BOOK</Cd>" };
            // That version needs times; these leave the day whole.
            let days = (
                moment(feiqian_files::timestamp::now() - 86_400_000_000_000).0,
                moment(feiqian_files::timestamp::now()).0,
            );
            let period = format!(
                "<RptgPrd><FrToDt><FrDt>{}</FrDt><ToDt>{}</ToDt></FrToDt><FrToTm><FrTm>00:00:00</FrTm>\
                 <ToTm>23:59:59</ToTm></FrToTm><Tp>ALLL</Tp></RptgPrd>",
                days.0, days.1
            );
            let period = if version == "03" { period } else { String::new() };
            let asked =
                format!("{period}<ReqdTxTp><Sts>{status}</Sts><CdtDbtInd>{side}</CdtDbtInd></ReqdTxTp>");
            let text = request(version, Q, &[("camt.053", account, Q, &asked)]);
            let (_, answer) = answered(&house, &format!("{side}-{at}.xml"), &text);
            let expected: Vec<String> = entries.iter().map(|one| (*one).to_owned()).collect();
            assert_eq!(
                said(&answer),
                (vec!["OPBD 0.00 CRDT".to_owned(), "CLBD 0.67 CRDT".to_owned()], expected),
                "{answer}"
            );
            let summary = texts(&answer, "TxsSummry")[0];
            let told: Vec<_> = texts(summary, "NbOfNtries")
                .into_iter()
                .zip(texts(summary, "Sum"))
                .flat_map(|(count, sum)| [count, sum])
                .collect();
            assert_eq!(told, sums, "{answer}");
        }
    }
    validate(&house.options.work.outbox());
}

#[test]
fn a_part_of_the_open_cycle_ends_with_what_is_sealed() {
    let mut house = paid("reports-open-part");
    house.options.clock = feiqian_files::timestamp::now;
    house.engine().seal().expect("sealed");
    let third = journaled(&house)[2].0;
    let own = numbered(clearing(&house, Q));
    let text = request("05", Q, &[("camt.052", &own, Q, &part(third, third + 86_400_000_000_000))]);
    let (_, answer) = answered(&house, "open.xml", &text);
    let (balances, entries) = said(&answer);
    assert_eq!(
        (balances, entries),
        (vec!["ITBD 0.60 CRDT".to_owned(), "ITBD 0.67 CRDT".to_owned()], vec!["0.07 CRDT".to_owned()]),
        "{answer}"
    );
    validate(&house.options.work.outbox());
}
