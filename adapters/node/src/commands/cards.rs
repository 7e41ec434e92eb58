//! `feiqian cards`: cards to accounts in the directory, by their tokens, and no more. Card numbers come on standard input,
//! so that they are in no history and no list of processes, and are forgotten once their tokens are made.

use std::fmt;
use std::io::BufRead as _;

use feiqian_cards::Vault;
use feiqian_cards::enrolment::{Enrolment, end_name, enrolments, further_name};
use feiqian_cards::vault::{ALIAS_PREFIX, is_alias};
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

/// A line of standard input.
enum Line {
    Number(Pan),
    /// As a report of an enrolment has shown it.
    Alias(String),
}

/// A card by its token.
struct Card {
    /// First six and last four digits, or the alias where no more is known.
    shown: String,
    alias: String,
}

/// A card that was enrolled or withdrawn.
#[derive(Serialize)]
struct CardRow {
    /// First six and last four digits, or the alias where that was given.
    card: String,
    alias: String,
    account: u64,
    currency: &'static str,
    /// False where it was so before.
    is_new: bool,
}

#[derive(Serialize)]
struct Enrolments {
    cards: Vec<CardRow>,
}

impl fmt::Display for Enrolments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for CardRow { card, alias, account, is_new, .. } in &self.cards {
            let word = if *is_new { "stands for" } else { "stood already for" };
            writeln!(f, "{card} {word} account {account} as {alias}")?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Withdrawals {
    cards: Vec<CardRow>,
}

impl fmt::Display for Withdrawals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for CardRow { card, account, is_new, .. } in &self.cards {
            let word = if *is_new { "stands no more for" } else { "stood no more for" };
            writeln!(f, "{card} {word} account {account}")?;
        }
        Ok(())
    }
}

pub(super) fn step(context: &Context, step: &CardsStep) -> Result<(), Fault> {
    let lines = read_lines()?;
    match step {
        CardsStep::Enrol { account } => {
            let enrol = |session: &Session| enrol(session, account, &cards(context, lines)?);
            context.output.report(&context.with_session(&[], enrol)?);
        }
        CardsStep::Withdraw { account } => {
            let withdraw = |session: &Session| withdraw(session, account.as_deref(), &cards(context, lines)?);
            context.output.report(&context.with_session(&[], withdraw)?);
        }
    }
    Ok(())
}

fn read_lines() -> Result<Vec<Line>, Fault> {
    let mut lines = Vec::new();
    for (line, number) in std::io::stdin().lock().lines().zip(1..) {
        let line = line.map_err(|error| Fault::File(format!("standard input: {error}")))?;
        // Without the digits: what is wrong may still be most of a card number.
        lines.push(read_line(line.trim()).ok_or_else(|| {
            Fault::Usage(format!(
                "standard input, line {number}: no card number of 12 to 19 digits with its check digit, \
                 and no token as an enrolment shows it"
            ))
        })?);
        if lines.len() > CARDS_MAX {
            return Err(Fault::Usage(format!("standard input: more than {CARDS_MAX} cards")));
        }
    }
    match lines.is_empty() {
        true => Err(Fault::Usage("standard input has no card number: one on a line".to_owned())),
        false => Ok(lines),
    }
}

fn read_line(text: &str) -> Option<Line> {
    if text.starts_with(ALIAS_PREFIX) {
        return is_alias(text).then(|| Line::Alias(text.to_owned()));
    }
    let pan = Pan::new(text.bytes().filter(|byte| *byte != b' '));
    pan.filter(Pan::has_check_digit).map(Line::Number)
}

/// By their tokens; the numbers are forgotten.
fn cards(context: &Context, lines: Vec<Line>) -> Result<Vec<Card>, Fault> {
    let vault = Vault::new(&read_or_make(&context.data.join(&context.config.cards.token_key))?.to_bytes());
    let card = |line| match line {
        Line::Number(pan) => Card { shown: pan.to_string(), alias: vault.alias(&pan) },
        Line::Alias(alias) => Card { shown: alias.clone(), alias },
    };
    Ok(lines.into_iter().map(card).collect())
}

fn enrol(session: &Session, account: &str, cards: &[Card]) -> Result<Enrolments, Fault> {
    let directory = session.engine.directory();
    let account = find_account(directory, account)?;
    let currency = directory.account(account).map_or("", |(_, currency, _)| currency.code());
    let mut report = Enrolments { cards: Vec::new() };
    for Card { shown, alias } in cards {
        // Whose number nobody has shown here may be no card's.
        if shown == alias && enrolments(directory, alias).next().is_none() {
            return Err(Fault::Refused(format!("no card was ever enrolled as {alias}")));
        }
        let name = further_name(directory, alias, account);
        let name = name.map_err(|refused| Fault::Refused(format!("card {shown}: {refused}")))?;
        let is_new = name.is_some();
        if let Some(alias) = name {
            session.command(Command::RegisterAlias { alias, account })?;
        }
        let (card, alias) = (shown.clone(), alias.clone());
        report.cards.push(CardRow { card, alias, account, currency, is_new });
    }
    Ok(report)
}

fn withdraw(session: &Session, account: Option<&str>, cards: &[Card]) -> Result<Withdrawals, Fault> {
    let directory = session.engine.directory();
    let account = account.map(|account| find_account(directory, account)).transpose()?;
    let mut report = Withdrawals { cards: Vec::new() };
    for Card { shown, alias } in cards {
        let all =
            enrolments(directory, alias).filter(|at| account.is_none_or(|account| account == at.account));
        let all: Vec<_> = all.collect();
        if all.is_empty() {
            let what = account.map_or("any account".to_owned(), |account| format!("account {account}"));
            return Err(Fault::Refused(format!("card {shown} never stood for {what}")));
        }
        for Enrolment { number, account, currency, is_in_force, .. } in newest(&all) {
            if is_in_force {
                let alias = end_name(alias, number);
                session.command(Command::RegisterAlias { alias, account })?;
            }
            let (card, alias, currency) = (shown.clone(), alias.clone(), currency.code());
            report.cards.push(CardRow { card, alias, account, currency, is_new: is_in_force });
        }
    }
    Ok(report)
}

/// Of each account the newest enrolment: those before it have ended.
fn newest(all: &[Enrolment]) -> impl Iterator<Item = Enrolment> + '_ {
    all.iter().enumerate().filter_map(|(at, one)| {
        let is_newest = all.iter().skip(at + 1).all(|later| later.account != one.account);
        is_newest.then_some(*one)
    })
}
