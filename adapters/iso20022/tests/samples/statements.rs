//! Statements, reports and notifications: those of the samples against their facts, our own written in every version
//! and read back, and what a statement that disagrees with itself looks like.

use feiqian_iso20022::payment::AccountId;
use feiqian_iso20022::statement::{
    AccountStatement, StatedEntry, StatementItem, StatementReader, read_statements,
};
use feiqian_iso20022::write::{self, AccountReport};
use feiqian_iso20022::{ErrorCode, Family, Limits, MessageType};
use serde_json::Value;

use crate::after_written::versions;
use crate::data::{self, say};
use crate::domain::{expected, family, same, same_told};
use crate::round_trip::account_report;

fn read(bytes: &[u8]) -> Vec<AccountStatement> {
    read_statements(bytes, Limits::default()).expect("valid").1
}

/// An amount of the facts in minor units of its currency, and whether it is told in `currency`.
fn minor(told: &Value, currency: feiqian_core::currency::Currency) -> Option<u128> {
    let amount = feiqian_iso20022::statement::StatedTransaction {
        amount: Some(feiqian_iso20022::payment::ToldAmount {
            text: told["amt"].as_str()?.to_owned(),
            currency: told["ccy"].as_str()?.to_owned(),
        }),
        ..Default::default()
    };
    amount.minor(currency)
}

fn same_entry(problems: &mut Vec<String>, facts: &Value, ours: &StatedEntry) {
    let texts = [
        ("ref", ours.reference.as_deref()),
        ("sts", Some(ours.status.as_str())),
        ("book_dt", ours.booked.as_deref()),
        ("val_dt", ours.value_date.as_deref()),
        ("acct_svcr_ref", ours.servicer_reference.as_deref()),
        ("btc", ours.code.as_deref()),
        ("ind", Some(if ours.is_credit { "CRDT" } else { "DBIT" })),
    ];
    for (key, ours) in texts {
        same(problems, key, &facts[key], ours);
    }
    assert_eq!(minor(&facts["amt"], ours.currency), Some(ours.minor));
    assert_eq!(ours.is_reversal, matches!(facts["rvsl"].as_str(), Some("true" | "1")));
    let rows = facts["txs"].as_array().map_or(&[][..], Vec::as_slice);
    assert_eq!(rows.len(), ours.transactions.len());
    for (row, ours) in rows.iter().zip(&ours.transactions) {
        let uetr = ours.ids.uetr.map(|uetr| uetr.to_string());
        let texts = [
            ("instr_id", ours.ids.instruction.as_deref()),
            ("e2e_id", ours.ids.end_to_end.as_deref()),
            ("tx_id", ours.ids.transaction.as_deref()),
            ("uetr", uetr.as_deref()),
            ("ind", ours.is_credit.map(|is_credit| if is_credit { "CRDT" } else { "DBIT" })),
        ];
        for (key, ours) in texts {
            same(problems, key, &row[key], ours);
        }
        same_told(problems, "amt", &row["amt"], ours.amount.as_ref());
        for (at, line) in row["rmt"]["ustrd"].as_array().into_iter().flatten().enumerate() {
            same(problems, "rmt", line, ours.remittance.get(at).map(String::as_str));
        }
        for (at, reference) in row["rmt"]["strd_ref"].as_array().into_iter().flatten().enumerate() {
            same(problems, "rmt", reference, ours.remittance_references.get(at).map(String::as_str));
        }
    }
}

fn same_statement(problems: &mut Vec<String>, facts: &Value, ours: &AccountStatement) {
    let head = &ours.head;
    same(problems, "id", &facts["id"], Some(&head.id));
    // The facts keep a number as it is written: `03`, `1000.00`.
    let number = |text: &Value| text.as_str().and_then(|text| text.trim_end_matches(".00").parse().ok());
    assert_eq!((head.sequence, head.legal_sequence), (number(&facts["seq"]), number(&facts["lgl_seq"])));
    same(problems, "acct", &facts["acct"], head.account.as_ref().map(AccountId::text));
    same(problems, "acct_ccy", &facts["acct_ccy"], head.currency.as_deref());
    let balances = facts["bal"].as_array().map_or(&[][..], Vec::as_slice);
    assert_eq!(balances.len(), head.balances.len());
    for (row, ours) in balances.iter().zip(&head.balances) {
        same(problems, "type", &row["type"], Some(&ours.kind));
        same(problems, "dt", &row["dt"], Some(&ours.date));
        let is_debit = row["ind"] == "DBIT";
        let amount = minor(&row["amt"], ours.currency).map(|minor| i128::try_from(minor).expect("fits"));
        assert_eq!(amount.map(|minor| if is_debit { -minor } else { minor }), Some(ours.minor));
    }
    let entries = facts["entries"].as_array().map_or(&[][..], Vec::as_slice);
    assert_eq!(entries.len(), ours.entries.len());
    for (row, ours) in entries.iter().zip(&ours.entries) {
        same_entry(problems, row, ours);
    }
}

#[test]
fn statements_say_what_the_samples_say() {
    let Some(folder) = data::folder("samples") else { return };
    let (mut problems, mut files, mut entries, mut agreeing) = (Vec::new(), 0, 0, 0);
    for sample in data::samples(&folder).into_iter().filter(|sample| sample.is_valid) {
        if !matches!(family(&sample), Some(Family::Camt052 | Family::Camt053 | Family::Camt054)) {
            continue;
        }
        let bytes = data::read(&folder.join(&sample.file));
        let (file, statements) = read_statements(bytes.as_slice(), Limits::default()).expect("valid");
        assert_eq!(file.message_type.identifier(), sample.message);
        let facts = expected(&folder, &sample);
        let rows = facts["stmts"].as_array().map_or(&[][..], Vec::as_slice);
        assert_eq!(rows.len(), statements.len(), "{}", sample.file);
        let mut found = Vec::new();
        for (row, ours) in rows.iter().zip(&statements) {
            same_statement(&mut found, row, ours);
            entries += ours.entries.len();
            agreeing += usize::from(ours.difference() == Some(0));
        }
        problems.extend(found.into_iter().map(|problem| format!("{} {problem}", sample.file)));
        files += 1;
    }
    say(&format!("checked {files} files of statements, {entries} entries; {agreeing} agree with themselves"));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn written(message: &str, report: &AccountReport) -> String {
    let message = MessageType::parse(message).expect("supported");
    write::to_text(|out| write::account_report(out, message, report)).expect("written")
}

#[test]
fn account_reports_of_every_written_version_are_read_back() {
    for family in [Family::Camt052, Family::Camt053, Family::Camt054] {
        for message in versions(family, 2) {
            let report = account_report();
            let text = written(message.identifier(), &report);
            let (file, statements) = read_statements(text.as_bytes(), Limits::default())
                .unwrap_or_else(|error| panic!("{message}: {error}\n{text}"));
            assert_eq!((file.message_type, file.message_id.as_str()), (message, "STMT-1"));
            assert_eq!(file.business, report.business);
            let [statement] = statements.as_slice() else { panic!("one statement") };
            check_statement(statement, &report, message);
        }
    }
}

fn check_statement(statement: &AccountStatement, report: &AccountReport, message: MessageType) {
    let (head, is_new) = (&statement.head, message.version() >= 8);
    assert_eq!((head.id.as_str(), head.sequence), (report.id.as_str(), report.sequence));
    assert_eq!(
        (head.period.as_deref(), head.account.as_ref()),
        (report.period.as_ref(), Some(&report.account))
    );
    assert_eq!(head.currency.as_deref(), Some("EUR"));
    let (owner, servicer) = (head.owner.as_deref(), head.servicer.as_deref());
    assert_eq!((owner, servicer), (report.owner.as_ref(), report.servicer.as_ref()), "{message}");
    let balances: Vec<(&str, i128)> =
        head.balances.iter().map(|balance| (balance.kind.as_str(), balance.minor)).collect();
    if message.family() == Family::Camt054 {
        assert_eq!((balances.as_slice(), statement.difference()), ([].as_slice(), None));
    } else {
        assert_eq!(balances, [("OPBD", 0), ("CLBD", -12_345)]);
        assert_eq!(statement.difference(), Some(5), "the report of the test says less than it sums up");
    }
    let debits = head.debits.as_ref().expect("summed up");
    assert_eq!((debits.count, debits.sum.as_deref()), (Some(2), Some("123.50")));
    let ([entry], [sent]) = (statement.entries.as_slice(), report.entries.as_slice()) else { panic!("one") };
    assert_eq!((entry.minor, entry.signed(), entry.is_booked()), (12_350, -12_350, true));
    assert_eq!((&entry.reference, &entry.servicer_reference), (&sent.reference, &sent.servicer_reference));
    assert_eq!((&entry.booked, &entry.value_date), (&Some(sent.booked.clone()), &sent.value_date));
    assert_eq!((entry.code.as_deref(), &entry.information), (Some("PMNT/ICDT/DMCT"), &sent.information));
    let (Some(one), [sent]) = (entry.transactions.only(), sent.transactions.as_slice()) else {
        panic!("one")
    };
    assert_eq!(one.ids.uetr, sent.ids.uetr.filter(|_| is_new), "{message}");
    assert_eq!((&one.ids.end_to_end, &one.ids.transaction), (&sent.ids.end_to_end, &sent.ids.transaction));
    assert_eq!(one.minor(entry.currency), sent.minor);
    assert_eq!((&one.debtor, &one.creditor_account), (&sent.debtor, &sent.creditor_account));
    assert_eq!((&one.debtor_agent, &one.creditor_agent), (&sent.debtor_agent, &sent.creditor_agent));
    assert_eq!((&one.message_id, &one.remittance), (&sent.message_id, &sent.remittance));
}

#[test]
fn a_statement_agrees_with_itself_or_says_by_how_much_not() {
    let mut report = account_report();
    report.entries[0].minor = 12_345;
    report.entries[0].transactions.clear();
    let text = written("camt.053.001.08", &report);
    assert_eq!(read(text.as_bytes())[0].difference(), Some(0));
    let rows = [
        ("<Cd>BOOK</Cd>", "<Cd>PDNG</Cd>", Some(-12_345)),
        ("<Cd>OPBD</Cd>", "<Cd>PRCD</Cd>", Some(0)),
        ("<Cd>OPBD</Cd>", "<Cd>OPAV</Cd>", None),
        ("<Cd>CLBD</Cd>", "<Prtry>CLBD</Prtry>", Some(0)),
        (
            ">123.45</Amt><CdtDbtInd>DBIT</CdtDbtInd><Dt>",
            ">0.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Dt>",
            Some(12_345),
        ),
        (
            "<Amt Ccy=\"EUR\">123.45</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>",
            "<Amt Ccy=\"USD\">123.45</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>",
            None,
        ),
    ];
    for (from, to, difference) in rows {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from} is not there");
        assert_eq!(read(changed.as_bytes())[0].difference(), difference, "{to}");
    }
}

#[test]
fn statements_stream_and_their_bounds_hold() {
    let text = written("camt.053.001.08", &account_report());
    let start = text.find("<Ntry>").expect("an entry");
    let end = text.find("</Ntry>").expect("an entry") + "</Ntry>".len();
    let (head, entry, tail) = (&text[..start], &text[start..end], &text[end..]);
    let many = format!("{head}{}{tail}", entry.repeat(300));
    let mut reader = StatementReader::new(many.as_bytes(), Limits::default()).expect("a good head");
    let first = reader.next_item().expect("readable").expect("a statement");
    assert!(matches!(first, StatementItem::Statement(head) if head.balances.len() == 2));
    let mut count = 0;
    while let Some(item) = reader.next_item().expect("readable") {
        let StatementItem::Entry(entry) = item else { panic!("one statement") };
        count += 1;
        assert_eq!((entry.statement, entry.index), (1, count));
    }
    assert_eq!(count, 300);
    let code =
        |text: &str, limits| read_statements(text.as_bytes(), limits).map(|_| ()).map_err(|error| error.code);
    let few = Limits { transactions_max: 299, ..Limits::default() };
    assert_eq!(code(&many, few), Err(ErrorCode::TooMany));
    let short = Limits { transaction_bytes_max: 400, ..Limits::default() };
    assert_eq!(code(&text, short), Err(ErrorCode::TooLarge));
    let details = "<TxDtls></TxDtls>".repeat(feiqian_iso20022::limits::ENTRY_ITEMS_MAX);
    let crowded = text.replacen("<TxDtls>", &format!("{details}<TxDtls>"), 1);
    assert_eq!(code(&crowded, Limits::default()), Err(ErrorCode::TooMany));
    let roomy = format!("<TxDtls>{}</TxDtls>", " ".repeat(64));
    let full = entry.replacen("<TxDtls>", &format!("{}<TxDtls>", roomy.repeat(19_000)), 1);
    let kept = format!("{head}{}{tail}", full.repeat(6));
    assert_eq!(code(&kept, Limits::default()), Err(ErrorCode::TooMany), "what is kept is bounded over all");
    let empty = format!("{head}{tail}");
    assert_eq!(read(empty.as_bytes())[0].entries, []);
}

#[test]
fn amounts_that_are_no_minor_units_are_named() {
    let text = written("camt.053.001.08", &account_report());
    let rows = [
        (
            "<Ntry><NtryRef>1</NtryRef><Amt Ccy=\"EUR\">123.50",
            "<Ntry><NtryRef>1</NtryRef><Amt Ccy=\"EUR\">123.505",
            "/Document/BkToCstmrStmt/Stmt[1]/Ntry[1]/Amt",
        ),
        (
            "<Ntry><NtryRef>1</NtryRef><Amt Ccy=\"EUR\">123.50",
            "<Ntry><NtryRef>1</NtryRef><Amt Ccy=\"XAU\">1",
            "/Document/BkToCstmrStmt/Stmt[1]/Ntry[1]/Amt",
        ),
        ("<Amt Ccy=\"EUR\">0.00", "<Amt Ccy=\"JPY\">0.5", "/Document/BkToCstmrStmt/Stmt[1]/Bal[1]/Amt"),
    ];
    for (from, to, path) in rows {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from} is not there");
        let error = read_statements(changed.as_bytes(), Limits::default()).expect_err("no minor units");
        assert_eq!((error.code, error.path.as_str()), (ErrorCode::InvalidValue, path));
        assert_eq!(error.reference.as_deref(), Some("BIZ-1"));
    }
}
