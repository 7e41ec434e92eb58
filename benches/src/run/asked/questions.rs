//! What a load asks a server that runs, over either protocol: accounts, balances, a batch once more, a transfer by its id.

use std::time::Duration;

use feiqian_core::account::AccountHandle;
use feiqian_core::currency::Currency;
use feiqian_core::outcome::{Outcome, RejectReason};
use feiqian_core::transfer::Record;
use feiqian_wire::client::{AccountRange, BusyReason, Client, Outcomes, Row, Verdict};
use serde::Deserialize;

use crate::run::http::answer::{self, Told};
use crate::run::http::connection::Connection;
use crate::run::http::request::{self, amount_of, id_text};
use crate::run::place::Line;
use crate::workload::maker::MadeBatch;
use crate::workload::model::Expected;

/// How long a batch that was not taken waits before it is sent again.
const PAUSE: Duration = Duration::from_millis(1);

impl Line {
    /// The participant's accounts, in ranges of one currency and kind.
    pub(super) async fn accounts(&mut self) -> Result<Vec<AccountRange>, String> {
        match self {
            Self::Wire(client) => client.accounts().await.map_err(|fault| fault.to_string()),
            Self::Http(connection) => accounts(connection).await,
        }
    }

    /// An account's balance as of the last block, minor units.
    pub(super) async fn balance(&mut self, account: AccountHandle) -> Result<Option<i128>, String> {
        match self {
            Self::Wire(client) => {
                let found = client.balance(account).await.map_err(|fault| fault.to_string())?;
                Ok(found.map(|found| found.balance))
            }
            Self::Http(connection) => {
                let found: Option<Account> = connection.get(&format!("/v1/accounts/{account}")).await?;
                found.map(|found| found.balance.minor()).transpose()
            }
        }
    }

    /// Sends a batch again that was acknowledged at `first`.
    ///
    /// # Errors
    /// If it is not answered as at first.
    pub(super) async fn send_again(&mut self, first: u64, made: &MadeBatch) -> Result<(), String> {
        match self {
            Self::Wire(client) => {
                let outcomes = submit(client, made).await?;
                let unknown = || format!("the batch at sequence {first} is not known at that sequence");
                are_repetitions(first, made, &outcomes).then_some(()).ok_or_else(unknown)
            }
            Self::Http(connection) => post_again(connection, first, made).await,
        }
    }

    /// Whether a cleared transfer is found by its id, at its sequence and with its parties.
    pub(super) async fn is_found(&mut self, record: &Record, sequence: u64) -> Result<bool, String> {
        match self {
            Self::Wire(client) => {
                let found = client.transfer(record.uetr.get()).await.map_err(|fault| fault.to_string())?;
                Ok(found.is_some_and(|found| {
                    let parties = |of: &Record| (of.debtor, of.creditor, of.amount);
                    let is_cleared = found.outcome == Outcome::Cleared && found.sequence == sequence;
                    is_cleared && parties(&found.record) == parties(record)
                }))
            }
            Self::Http(connection) => {
                let path = format!("/v1/transfers/{}", id_text(record.uetr.get()));
                let found: Option<Transfer> = connection.get(&path).await?;
                Ok(found.is_some_and(|found| found.is(record, sequence)))
            }
        }
    }
}

/// Sends a batch until it is taken.
async fn submit(client: &mut Client, made: &MadeBatch) -> Result<Outcomes, String> {
    loop {
        match client.submit(&made.records).await.map_err(|fault| fault.to_string())? {
            Verdict::Outcomes(outcomes) => return Ok(outcomes),
            Verdict::Busy(BusyReason::Closing) => return Err("the server is shutting down".to_owned()),
            Verdict::Busy(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// What a batch that is sent again must be answered.
fn are_repetitions(first_sequence: u64, made: &MadeBatch, outcomes: &Outcomes) -> bool {
    let is_right = |((record, expected), row): ((&Record, Expected), Row), sequence: u64| match expected {
        Expected::Rejected(reason @ (RejectReason::MissingId | RejectReason::IdReused)) => {
            row.reason == Some(reason)
        }
        Expected::Duplicate(back) => row.detail == Some(sequence - u64::from(back)),
        _ => row.outcome == Outcome::Duplicate && row.detail.unwrap_or(record.amount.get()) == sequence,
    };
    outcomes.rows.len() == made.records.len()
        && made.iter().zip(outcomes.rows.iter()).zip(first_sequence..).all(|(pair, at)| is_right(pair, at))
}

async fn post_again(connection: &mut Connection, first: u64, made: &MadeBatch) -> Result<(), String> {
    let request = request::of(made);
    loop {
        let answer = connection.ask("POST", &request.path, &request.body).await?;
        let told = answer::read(answer, made, Some(first));
        match told.map_err(|fault| format!("the batch at sequence {first} is answered otherwise: {fault}"))? {
            Told::Decided(_) => return Ok(()),
            Told::Busy => tokio::time::sleep(PAUSE).await,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Accounts {
    accounts: Vec<Account>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Account {
    account: AccountHandle,
    kind: String,
    balance: Money,
}

#[derive(Debug, Deserialize)]
struct Money {
    amount: String,
    currency: String,
}

impl Money {
    /// The API writes as many decimals as the currency has.
    fn minor(&self) -> Result<i128, String> {
        self.amount.replace('.', "").parse().map_err(|_| format!("{:?} is no amount", self.amount))
    }
}

#[derive(Debug, Deserialize)]
struct Transfer {
    outcome: Option<String>,
    sequence: Option<u64>,
    debtor: AccountHandle,
    creditor: AccountHandle,
    instructed_amount: Option<Money>,
}

impl Transfer {
    fn is(&self, record: &Record, sequence: u64) -> bool {
        let (amount, currency) = amount_of(record);
        let is_amount = |said: &Money| said.amount == amount && said.currency == currency;
        self.outcome.as_deref() == Some("CLEARED")
            && self.sequence == Some(sequence)
            && (self.debtor, self.creditor) == (record.debtor.get(), record.creditor.get())
            && self.instructed_amount.as_ref().is_some_and(is_amount)
    }
}

/// All pages of a participant's accounts.
async fn accounts(connection: &mut Connection) -> Result<Vec<AccountRange>, String> {
    let mut ranges = Vec::new();
    let mut path = "/v1/accounts?limit=1000".to_owned();
    loop {
        let page: Accounts = connection.get(&path).await?.ok_or("it has no list of accounts")?;
        for account in &page.accounts {
            push(&mut ranges, account)?;
        }
        match page.next {
            Some(next) => path = format!("/v1/accounts?limit=1000&cursor={next}"),
            None => return Ok(ranges),
        }
    }
}

fn push(ranges: &mut Vec<AccountRange>, account: &Account) -> Result<(), String> {
    let code = &account.balance.currency;
    let currency = Currency::from_code(code).ok_or_else(|| format!("{code:?} is no currency"))?;
    let one =
        AccountRange { first: account.account, count: 1, currency, is_clearing: account.kind == "clearing" };
    match ranges.last_mut() {
        Some(last)
            if (last.currency, last.is_clearing) == (one.currency, one.is_clearing)
                && last.first + last.count == one.first =>
        {
            last.count += 1;
        }
        _ => ranges.push(one),
    }
    Ok(())
}
