//! Both sides as lists: our statement as it would be written, and one that was read. An entry that a bank has booked for
//! several payments at once stands for each of them, where it tells their amounts; what is only announced is left out.

use std::fmt;

use feiqian_core::currency::Currency;
use feiqian_iso20022::payment::{AccountId, PaymentIds};
use feiqian_iso20022::statement::{AccountStatement, StatedEntry};
use feiqian_iso20022::write::{AccountReport, EntrySummary, ReportEntry};

use super::{Entry, REFERENCES, Statement};

/// Why two statements can't be held against each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotComparable {
    /// Ours has more entries than are kept one by one.
    TooMany(u64),
    /// No statement in the file is in our currency.
    Currency(Currency),
    /// Several are, and none or several are of our account.
    Several(usize),
    /// An amount is in another currency than the account.
    Mixed {
        /// The statement's place in the file, from 1.
        statement: u64,
        /// The entry's place in it, from 1; 0 for a balance.
        entry: u64,
    },
}

impl fmt::Display for NotComparable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(count) => {
                write!(f, "ours has {count} entries, more than can be matched one by one")
            }
            Self::Currency(currency) => write!(f, "no statement in the file is in {currency}"),
            Self::Several(count) => {
                write!(
                    f,
                    "{count} statements in the file could be meant, and their accounts don't tell which"
                )
            }
            Self::Mixed { statement, entry } => {
                write!(f, "statement {statement}, entry {entry}: another currency than the account's")
            }
        }
    }
}

impl std::error::Error for NotComparable {}

/// Our statement as a list.
///
/// # Errors
/// [`NotComparable::TooMany`] where its entries are summed up.
pub fn ours(report: &AccountReport) -> Result<Statement, NotComparable> {
    let EntrySummary { credits, debits, .. } = report.summary.unwrap_or_default();
    if report.entries.len() as u64 != credits + debits {
        return Err(NotComparable::TooMany(credits + debits));
    }
    let balances = report.balances.iter().map(|balance| (balance.kind.to_owned(), balance.minor));
    Ok(Statement { balances: balances.collect(), entries: report.entries.iter().map(our_entry).collect() })
}

fn our_entry(entry: &ReportEntry) -> Entry {
    let ids = entry.transactions.first().map(|transaction| &transaction.ids);
    Entry {
        references: references(ids, entry.servicer_reference.as_ref()),
        minor: entry.minor,
        is_credit: entry.is_credit,
        date: day(&entry.booked),
    }
}

/// The statement of our account among those of a file: the only one in its currency, or the only one of these that
/// names it.
///
/// # Errors
/// [`NotComparable`], but for `TooMany`.
pub fn theirs(statements: &[AccountStatement], report: &AccountReport) -> Result<Statement, NotComparable> {
    let currency = report.currency.iso();
    let candidates: Vec<_> = statements.iter().filter(|one| currency_of(one) == Some(currency)).collect();
    let named: Vec<_> = candidates.iter().copied().filter(|one| is_account(one, &report.account)).collect();
    match (candidates.as_slice(), named.as_slice()) {
        ([], _) => Err(NotComparable::Currency(currency)),
        ([only], _) | (_, [only]) => listed(only, currency),
        (several, _) => Err(NotComparable::Several(several.len())),
    }
}

fn currency_of(statement: &AccountStatement) -> Option<Currency> {
    let told = statement.head.currency.as_deref().and_then(Currency::from_code);
    let balance = || statement.head.balances.first().map(|balance| balance.currency);
    told.or_else(balance).or_else(|| statement.entries.first().map(|entry| entry.currency))
}

fn is_account(statement: &AccountStatement, ours: &AccountId) -> bool {
    match (&statement.head.account, ours) {
        (Some(AccountId::Other { id, .. }), AccountId::Other { id: our, .. }) => id == our,
        (Some(account), ours) => account == ours,
        (None, _) => false,
    }
}

fn listed(statement: &AccountStatement, currency: Currency) -> Result<Statement, NotComparable> {
    let mixed = |entry| NotComparable::Mixed { statement: statement.head.index, entry };
    let balances = [("OPBD", statement.opening()), ("CLBD", statement.closing())];
    let mut list = Statement::default();
    for (kind, balance) in balances.into_iter().filter_map(|(kind, found)| Some((kind, found?))) {
        if balance.currency != currency {
            return Err(mixed(0));
        }
        list.balances.insert(kind.to_owned(), balance.minor);
    }
    for entry in statement.entries.iter().filter(|entry| entry.is_booked()) {
        if entry.currency != currency {
            return Err(mixed(entry.index));
        }
        list.entries.extend(their_entries(entry));
    }
    Ok(list)
}

/// One for each payment that the entry stands for and whose amounts make it up, or else one for all.
fn their_entries(entry: &StatedEntry) -> Vec<Entry> {
    let date = entry.booked.as_deref().or(entry.value_date.as_deref()).map_or_else(String::new, day);
    let whole = |ids: Option<&PaymentIds>, servicer: Option<&String>| Entry {
        references: references(ids, servicer.or(entry.servicer_reference.as_ref())),
        minor: entry.minor,
        is_credit: entry.is_credit,
        date: date.clone(),
    };
    match entry.transactions.only() {
        Some(only) => vec![whole(Some(&only.ids), only.servicer_reference.as_ref())],
        None => {
            let parts: Vec<_> = entry
                .transactions
                .iter()
                .filter_map(|one| {
                    let minor = one.minor(entry.currency)?;
                    let is_credit = one.is_credit.unwrap_or(entry.is_credit);
                    let references = references(Some(&one.ids), one.servicer_reference.as_ref());
                    Some(Entry { references, minor, is_credit, date: date.clone() })
                })
                .collect();
            let sum = parts.iter().map(|part| part.minor).try_fold(0_u128, u128::checked_add);
            let is_same_side = parts.iter().all(|part| part.is_credit == entry.is_credit);
            let is_whole =
                parts.len() == entry.transactions.len() && is_same_side && sum == Some(entry.minor);
            if is_whole && !parts.is_empty() { parts } else { vec![whole(None, None)] }
        }
    }
}

fn references(ids: Option<&PaymentIds>, servicer: Option<&String>) -> [Option<String>; REFERENCES] {
    [
        ids.and_then(|ids| ids.uetr).map(|uetr| uetr.to_string()),
        ids.and_then(|ids| ids.end_to_end.clone()),
        ids.and_then(|ids| ids.transaction.clone()),
        servicer.cloned(),
    ]
}

/// The day of an ISO date, or date and time.
fn day(text: &str) -> String {
    text.get(..10).unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use feiqian_iso20022::payment::ToldAmount;
    use feiqian_iso20022::statement::{StatedBalance, StatedTransaction, StatementHead};

    fn eur() -> Currency {
        Currency::from_code("EUR").expect("there")
    }

    fn entry(minor: u128, status: &str, parts: &[(&str, Option<&str>)]) -> StatedEntry {
        let part = |(end_to_end, amount): &(&str, Option<&str>)| StatedTransaction {
            ids: PaymentIds { end_to_end: Some((*end_to_end).into()), ..PaymentIds::default() },
            amount: amount.map(|text| ToldAmount { text: text.into(), currency: "EUR".into() }),
            ..StatedTransaction::default()
        };
        StatedEntry {
            statement: 1,
            index: 1,
            reference: None,
            minor,
            currency: eur(),
            is_credit: true,
            is_reversal: false,
            status: status.into(),
            booked: Some("2026-11-27T10:00:00Z".into()),
            value_date: None,
            servicer_reference: Some("S".into()),
            code: None,
            transactions: parts.iter().map(part).collect(),
            information: None,
        }
    }

    fn statement(account: &str, currency: &str, entries: Vec<StatedEntry>) -> AccountStatement {
        let head = StatementHead {
            index: 1,
            account: Some(AccountId::Other { id: account.into(), scheme: None }),
            currency: Some(currency.into()),
            ..StatementHead::default()
        };
        let entries = entries.into_iter().map(Box::new).collect();
        AccountStatement { head: Box::new(head), entries }
    }

    fn report(account: &str) -> AccountReport {
        AccountReport {
            business: None,
            message_id: "M".into(),
            creation: "2026-11-27T10:00:00Z".into(),
            id: "M".into(),
            sequence: None,
            period: None,
            account: AccountId::Other { id: account.into(), scheme: None },
            currency: eur(),
            owner: None,
            servicer: None,
            balances: Vec::new(),
            summary: Some(EntrySummary { credits: 2, ..EntrySummary::default() }),
            entries: Vec::new(),
        }
    }

    #[test]
    fn an_entry_stands_for_its_payments_where_their_amounts_make_it_up() {
        // Minor units, status, parts; then what it stands for: amount and end-to-end id.
        type Row<'a> = (u128, &'a str, &'a [(&'a str, Option<&'a str>)], &'a [(u128, Option<&'a str>)]);
        let rows: [Row<'_>; 6] = [
            (500, "BOOK", &[], &[(500, None)]),
            (500, "BOOK", &[("A", None)], &[(500, Some("A"))]),
            (500, "BOOK", &[("A", Some("2.00")), ("B", Some("3.00"))], &[(200, Some("A")), (300, Some("B"))]),
            (500, "BOOK", &[("A", Some("2.00")), ("B", None)], &[(500, None)]),
            (500, "BOOK", &[("A", Some("2.00")), ("B", Some("3.01"))], &[(500, None)]),
            (500, "PDNG", &[("A", None)], &[]),
        ];
        for (minor, status, parts, expected) in rows {
            let read = [statement("7", "EUR", vec![entry(minor, status, parts)])];
            let list = theirs(&read, &report("7")).expect("comparable");
            let found: Vec<_> =
                list.entries.iter().map(|one| (one.minor, one.references[1].as_deref())).collect();
            assert_eq!(found, expected, "{status} {parts:?}");
            assert!(list.entries.iter().all(|one| one.date == "2026-11-27" && one.is_credit));
        }
    }

    #[test]
    fn the_statement_that_is_meant_is_found_or_the_file_is_refused() {
        let one = |account: &str, currency: &str| statement(account, currency, Vec::new());
        assert_eq!(theirs(&[one("9", "USD"), one("8", "EUR")], &report("7")), Ok(Statement::default()));
        assert_eq!(theirs(&[one("9", "EUR"), one("7", "EUR")], &report("7")), Ok(Statement::default()));
        assert_eq!(theirs(&[one("7", "USD")], &report("7")), Err(NotComparable::Currency(eur())));
        let twice = theirs(&[one("8", "EUR"), one("9", "EUR")], &report("7"));
        assert_eq!(twice, Err(NotComparable::Several(2)));
        let mut mixed = one("7", "EUR");
        let usd = Currency::from_code("USD").expect("there");
        let balance = StatedBalance { kind: "CLBD".into(), minor: 1, currency: usd, date: String::new() };
        mixed.head.balances.push(balance);
        let found = theirs(&[mixed], &report("7"));
        assert_eq!(found, Err(NotComparable::Mixed { statement: 1, entry: 0 }));
        assert_eq!(ours(&report("7")), Err(NotComparable::TooMany(2)));
    }
}
