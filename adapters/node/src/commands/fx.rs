//! `feiqian fx`: firm rates, quotes that lock them, and trades on quotes, each under the key of the participant whose word
//! it is. Builds commands and records; decides nothing.

use std::fmt;
use std::path::Path;

use feiqian_core::batch::Batch;
use feiqian_core::bic::Bic;
use feiqian_core::command::Command;
use feiqian_core::currency::Currency;
use feiqian_core::exchange::book::{Quote, Rate};
use feiqian_core::exchange::command::{ExchangeCommand, Fixed};
use feiqian_core::exchange::price::{PRICE_DIGITS, Price};
use feiqian_core::money::decimal;
use feiqian_core::outcome::Outcome;
use feiqian_core::registry::Registry;
use feiqian_core::transfer::{Record, flags};
use feiqian_proof::signature::SigningKey;
use feiqian_runtime::admission::Busy;
use serde::Serialize;

use super::Context;
use super::pay::{amount_of, new_id, owner_of};
use crate::cli::{FxStep, SignerArgs};
use crate::fault::Fault;
use crate::keys::{participant_test_key, read_secret};
use crate::names::{find_account, parse_uetr, time_text, uetr_text};
use crate::output::Table;
use crate::session::Session;

#[derive(Serialize)]
struct RateLine {
    provider: String,
    base: &'static str,
    quote: &'static str,
    bid: String,
    ask: String,
    /// Of the base currency, that may still be locked.
    left: String,
    expires: String,
}

impl RateLine {
    fn of(
        registry: &Registry,
        (provider, base, quote): (u32, Currency, Currency),
        rate: &Rate,
    ) -> Option<Self> {
        Some(Self {
            provider: registry.participants().get(provider as usize)?.bic.as_str().to_owned(),
            base: base.code(),
            quote: quote.code(),
            bid: price_text(rate.bid),
            ask: price_text(rate.ask),
            left: decimal(rate.left.into(), base),
            expires: time_text(rate.expires),
        })
    }
}

#[derive(Serialize)]
struct RatesReport {
    rates: Vec<RateLine>,
}

impl fmt::Display for RatesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&["provider", "pair", ">bid", ">ask", ">left", "", "expires"]);
        for line in &self.rates {
            table.row(vec![
                line.provider.clone(),
                format!("{}/{}", line.base, line.quote),
                line.bid.clone(),
                line.ask.clone(),
                line.left.clone(),
                line.base.to_owned(),
                line.expires.clone(),
            ]);
        }
        if self.rates.is_empty() { write!(f, "no rate is published") } else { write!(f, "{table}") }
    }
}

/// A quote as it is locked.
#[derive(Serialize)]
struct QuoteReport {
    quote: String,
    pays: String,
    gets: String,
    provider: String,
    expires: String,
}

impl QuoteReport {
    fn of(registry: &Registry, id: u128, quote: &Quote) -> Option<Self> {
        let amount = |minor: u64, currency: Currency| {
            format!("{} {}", decimal(minor.into(), currency), currency.code())
        };
        Some(Self {
            quote: uetr_text(id),
            pays: amount(quote.source_amount, quote.source),
            gets: amount(quote.target_amount, quote.target),
            provider: registry.participants().get(quote.provider as usize)?.bic.as_str().to_owned(),
            expires: time_text(quote.expires),
        })
    }
}

impl fmt::Display for QuoteReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { quote, pays, gets, provider, expires } = self;
        write!(f, "{quote}  pays {pays}, gets {gets} from {provider}, until {expires}")
    }
}

#[derive(Serialize)]
pub(crate) struct TradeReport {
    quote: String,
    /// Of both legs.
    sequences: [u64; 2],
    paid: String,
    got: String,
}

impl fmt::Display for TradeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { quote, sequences: [first, second], paid, got } = self;
        write!(f, "{quote}  traded: paid {paid}, got {got}, sequences {first} and {second}")
    }
}

#[derive(Serialize)]
struct Done {
    done: String,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.done)
    }
}

pub(super) fn step(context: &Context, step: &FxStep) -> Result<(), Fault> {
    match step {
        FxStep::Rates => {
            let rates = context.with_session(&[], |session| {
                Ok(session.engine.directory().registry(|registry| RatesReport {
                    rates: registry
                        .exchange()
                        .rates()
                        .iter()
                        .filter_map(|(key, rate)| RateLine::of(registry, *key, rate))
                        .collect(),
                }))
            })?;
            context.output.report(&rates);
        }
        FxStep::Publish { pair, bid, ask, size, valid, signer } => {
            let (base, quote) = parse_pair(pair)?;
            let command = ExchangeCommand::PublishRate {
                provider: signer_bic(signer)?,
                base,
                quote,
                bid: parse_price(bid)?,
                ask: parse_price(ask)?,
                size: amount_of(size, base)?,
                valid_seconds: *valid,
            };
            let done = format!(
                "{} buys {} at {bid} and sells it at {ask} {}",
                signer.bic,
                base.code(),
                quote.code()
            );
            context.with_session(&[], |session| order(session, &key_of(signer)?, command))?;
            context.output.report(&Done { done });
        }
        FxStep::Withdraw { pair, signer } => {
            let (base, quote) = parse_pair(pair)?;
            let command = ExchangeCommand::WithdrawRate { provider: signer_bic(signer)?, base, quote };
            context.with_session(&[], |session| order(session, &key_of(signer)?, command))?;
            context
                .output
                .report(&Done { done: format!("{} has withdrawn its rate for {pair}", signer.bic) });
        }
        FxStep::Quote { provider, pair, pay, get, valid, signer } => {
            let (source, target) = parse_pair(pair)?;
            let fixed = match (pay, get) {
                (Some(text), _) => Fixed::Source(amount_of(text, source)?),
                (None, Some(text)) => Fixed::Target(amount_of(text, target)?),
                (None, None) => return Err(Fault::Usage("say --pay AMOUNT or --get AMOUNT".to_owned())),
            };
            let command = ExchangeCommand::LockQuote {
                requester: signer_bic(signer)?,
                provider: parse_bic(provider)?,
                source,
                target,
                fixed,
                valid_seconds: *valid,
            };
            let quote = context.with_session(&[], |session| lock(session, signer, command))?;
            context.output.report(&quote);
        }
        FxStep::Trade { quote, from, to } => {
            let quote = parse_uetr(quote)?.bits();
            let report = context.with_session(&[], |session| {
                let directory = session.engine.directory();
                let (from, to) = (find_account(directory, from)?, find_account(directory, to)?);
                trade(session, quote, [from, to])
            })?;
            context.output.report(&report);
        }
    }
    Ok(())
}

/// Orders a command under the participant's own key; gives the entry's id.
pub(crate) fn order(session: &Session, key: &SigningKey, command: ExchangeCommand) -> Result<u128, Fault> {
    session.command_of_participant(Command::Exchange(command), key)
}

/// Locks a quote and says what it fixes.
fn lock(session: &Session, signer: &SignerArgs, command: ExchangeCommand) -> Result<QuoteReport, Fault> {
    let id = order(session, &key_of(signer)?, command)?;
    let report = session.engine.directory().registry(|registry| {
        registry.exchange().quotes().get(&id).and_then(|quote| QuoteReport::of(registry, id, quote))
    });
    report.ok_or_else(|| Fault::Absent(format!("{}: the quote has gone", uetr_text(id))))
}

/// Trades on a quote: both legs in one chain, for the requester.
pub(crate) fn trade(session: &Session, id: u128, [from, to]: [u64; 2]) -> Result<TradeReport, Fault> {
    let absent = || Fault::Absent(format!("{}: no such quote", uetr_text(id)));
    let found =
        session.engine.directory().registry(|registry| registry.exchange().quotes().get(&id).copied());
    let quote = found.ok_or_else(absent)?;
    let leg = |debtor, creditor, amount, currency: Currency, bits: u16| -> Result<Record, Fault> {
        let mut record = Record::new(new_id(None)?.bits(), debtor, creditor, amount, currency.numeric());
        (record.flags, record.related) = ((flags::QUOTE | bits).into(), id.into());
        Ok(record)
    };
    let legs = vec![
        leg(from, quote.source_account, quote.source_amount, quote.source, flags::LINKED)?,
        leg(quote.target_account, to, quote.target_amount, quote.target, 0)?,
    ];
    let (owner, _) = owner_of(session, from)?;
    let outcome = session.engine.submit(Batch::new(owner, legs))?.wait().ok_or(Busy::Closing)?;
    let refused = outcome.rows.iter().find(|row| row.outcome() != Some(Outcome::Cleared));
    if let Some(row) = refused {
        let reasons = outcome.rows.iter().filter_map(|row| row.reason().map(|reason| reason.name()));
        let why = reasons.collect::<Vec<_>>().join(" and ");
        let outcome = row.outcome().map_or("unknown", Outcome::name);
        return Err(Fault::Refused(format!("{}: {outcome}: {why}", uetr_text(id))));
    }
    let amount =
        |minor: u64, currency: Currency| format!("{} {}", decimal(minor.into(), currency), currency.code());
    Ok(TradeReport {
        quote: uetr_text(id),
        sequences: [outcome.first_sequence, outcome.first_sequence + 1],
        paid: amount(quote.source_amount, quote.source),
        got: amount(quote.target_amount, quote.target),
    })
}

fn key_of(signer: &SignerArgs) -> Result<SigningKey, Fault> {
    participant_key(&signer.bic, signer.key.as_deref(), signer.test_key)
}

/// The secret key by which a participant gives its word.
///
/// # Errors
/// [`Fault::Usage`] where none is named.
pub(super) fn participant_key(bic: &str, key: Option<&Path>, is_test: bool) -> Result<SigningKey, Fault> {
    match (key, is_test) {
        (Some(path), _) => read_secret(path),
        (None, true) => Ok(participant_test_key(parse_bic(bic)?)),
        (None, false) => {
            let way = "name the participant's secret key with --key FILE; the demo's banks have --test-key";
            Err(Fault::Usage(way.to_owned()))
        }
    }
}

fn signer_bic(signer: &SignerArgs) -> Result<Bic, Fault> {
    parse_bic(&signer.bic)
}

fn parse_bic(text: &str) -> Result<Bic, Fault> {
    Bic::parse(text).map_err(|error| Fault::Usage(format!("{text}: {error}")))
}

pub(super) fn parse_pair(text: &str) -> Result<(Currency, Currency), Fault> {
    let currencies = text
        .split_once('/')
        .and_then(|(first, second)| Some((Currency::from_code(first)?, Currency::from_code(second)?)));
    currencies.ok_or_else(|| Fault::Usage(format!("{text}: two currencies, such as EUR/USD")))
}

/// A decimal price with at most ten digits behind the point.
pub(super) fn parse_price(text: &str) -> Result<Price, Fault> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = PRICE_DIGITS as usize;
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_decimal = !whole.is_empty() && is_number(whole) && is_number(fraction) && fraction.len() <= digits;
    let scaled = format!("{whole}{fraction:0<digits$}");
    let price = scaled.parse().ok().filter(|_| is_decimal).and_then(Price::new);
    price.ok_or_else(|| Fault::Usage(format!("{text}: a price above zero with at most ten decimals")))
}

fn price_text(price: Price) -> String {
    let one = 10_u64.pow(PRICE_DIGITS);
    let text = format!("{}.{:010}", price.scaled() / one, price.scaled() % one);
    let trimmed = text.trim_end_matches('0');
    if trimmed.ends_with('.') { format!("{trimmed}0") } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_and_written_alike() {
        for (text, scaled, back) in [
            ("1.085", 10_850_000_000, "1.085"),
            ("163", 1_630_000_000_000, "163.0"),
            ("0.0000000001", 1, "0.0000000001"),
        ] {
            let price = parse_price(text).expect("a price");
            assert_eq!((price.scaled(), price_text(price).as_str()), (scaled, back));
        }
        for text in ["", ".5", "0", "1.00000000001", "-1", "1e3", "1,5"] {
            assert!(parse_price(text).is_err(), "{text}");
        }
    }
}
