//! `feiqian cards enrol`: cards to accounts in the directory, by their tokens. Card numbers come on standard input, so that
//! they are in no history and no list of processes, and are forgotten once their tokens are made.

use std::fmt;
use std::io::BufRead as _;

use feiqian_cards::Vault;
use feiqian_core::command::Command;
use feiqian_iso8583::Pan;
use serde::Serialize;

use super::Context;
use crate::cli::CardsStep;
use crate::fault::Fault;
use crate::keys::read_or_make;
use crate::names::find_account;
use crate::session::Session;

/// Card numbers that one run takes: bounds its memory.
const CARDS_MAX: usize = 1_000_000;

#[derive(Serialize)]
struct Enrolled {
    /// First six and last four digits.
    card: String,
    alias: String,
    account: u64,
    /// False where it stood for the account before.
    is_new: bool,
}

#[derive(Serialize)]
struct Report {
    cards: Vec<Enrolled>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Enrolled { card, alias, account, is_new } in &self.cards {
            let word = if *is_new { "stands for" } else { "stood already for" };
            writeln!(f, "{card} {word} account {account} as {alias}")?;
        }
        Ok(())
    }
}

pub(super) fn step(context: &Context, step: &CardsStep) -> Result<(), Fault> {
    let CardsStep::Enrol { account } = step;
    let cards = read_cards()?;
    let report = context.with_session(&[], |session| enrol(context, session, account, &cards))?;
    context.output.report(&report);
    Ok(())
}

fn read_cards() -> Result<Vec<Pan>, Fault> {
    let mut cards = Vec::new();
    for (line, number) in std::io::stdin().lock().lines().zip(1..) {
        let line = line.map_err(|error| Fault::File(format!("standard input: {error}")))?;
        let pan = Pan::new(line.trim().bytes().filter(|byte| *byte != b' '));
        let pan = pan.filter(Pan::has_check_digit);
        // Without the digits: what is wrong may still be most of a card number.
        cards.push(pan.ok_or_else(|| {
            Fault::Usage(format!(
                "standard input, line {number}: no card number of 12 to 19 digits with its check digit"
            ))
        })?);
        if cards.len() > CARDS_MAX {
            return Err(Fault::Usage(format!("standard input: more than {CARDS_MAX} cards")));
        }
    }
    match cards.is_empty() {
        true => Err(Fault::Usage("standard input has no card number: one on a line".to_owned())),
        false => Ok(cards),
    }
}

fn enrol(context: &Context, session: &Session, account: &str, cards: &[Pan]) -> Result<Report, Fault> {
    let directory = session.engine.directory();
    let account = find_account(directory, account)?;
    let vault = Vault::new(&read_or_make(&context.data.join(&context.config.cards.token_key))?.to_bytes());
    let mut report = Report { cards: Vec::new() };
    for pan in cards {
        let alias = vault.alias(pan);
        let is_new = match directory.alias(&alias) {
            None => {
                session.command(Command::RegisterAlias { alias: alias.clone(), account })?;
                true
            }
            Some(same) if same == account => false,
            Some(other) => {
                return Err(Fault::Refused(format!("card {pan} stands for account {other} already")));
            }
        };
        report.cards.push(Enrolled { card: pan.to_string(), alias, account, is_new });
    }
    Ok(report)
}
