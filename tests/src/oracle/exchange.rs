//! Foreign exchange, told naively: rates and quotes in lists, conversions by trying what fits.

use std::collections::BTreeMap;

use feiqian_core::command::{APPROVAL_CONTEXT, Entry};
use feiqian_core::currency::Currency;
use feiqian_core::exchange::book::{Quote, Rate, RateKey};
use feiqian_core::exchange::command::{ExchangeCommand, Fixed};
use feiqian_core::exchange::decide::PARTICIPANT_SIGNER;
use feiqian_core::exchange::price::Price;
use feiqian_core::limits::{QUOTES_MAX, RATES_MAX};
use feiqian_core::outcome::RejectReason;
use feiqian_core::participant::ParticipantState;
use feiqian_core::transfer::{Record, flags};
use feiqian_proof::signature::verify_message;

use super::{Books, Planted, Reasons, note};

const MOST: u128 = 999_999_999_999_999_999;

fn power(digits: u32) -> u128 {
    10_u128.pow(digits)
}

/// The quote amount that `base` is worth, as a fraction.
fn worth(base: u64, price: Price, (from, to): (Currency, Currency)) -> (u128, u128) {
    let (up, down) = (power(to.exponent().into()), power(10) * power(from.exponent().into()));
    (u128::from(base) * u128::from(price.scaled()) * up, down)
}

/// The base amount that `quote` is worth, as a fraction.
fn cost(quote: u64, price: Price, (from, to): (Currency, Currency)) -> (u128, u128) {
    let (up, down) = (power(10) * power(from.exponent().into()), power(to.exponent().into()));
    (u128::from(quote) * up, u128::from(price.scaled()) * down)
}

fn floor((up, down): (u128, u128)) -> u128 {
    up / down
}

fn ceiling((up, down): (u128, u128)) -> u128 {
    up.div_ceil(down)
}

impl Books {
    pub(super) fn refusals_of_exchange(&self, entry: &Entry, command: &ExchangeCommand, now: u64) -> Reasons {
        let mut reasons = Reasons::new();
        let Some(signer) = self.participant(command.signer()) else {
            reasons.insert(RejectReason::UnknownParticipant);
            return reasons;
        };
        let participant = &self.participants[signer as usize];
        let bytes = entry.signed_bytes(&self.genesis.as_ref().expect("begun").chain_id);
        let is_signed = entry.approvals.len() == 1
            && entry.approvals[0].officer == PARTICIPANT_SIGNER
            && participant.state == ParticipantState::Active
            && participant.key.is_some_and(|key| {
                verify_message(&key, APPROVAL_CONTEXT, &bytes, &entry.approvals[0].signature)
            });
        note(&mut reasons, !is_signed, RejectReason::ParticipantSignature);
        match command {
            ExchangeCommand::PublishRate { provider, base, quote, bid, ask, size, valid_seconds } => {
                for currency in [base, quote] {
                    let is_without = self.position(*provider, *currency).is_none();
                    note(&mut reasons, is_without, RejectReason::UnknownPosition);
                }
                let is_new = !self.rates.contains_key(&(signer, *base, *quote));
                note(&mut reasons, is_new && self.rates.len() >= RATES_MAX, RejectReason::LimitReached);
                let is_size = *size > 0 && u128::from(*size) <= MOST;
                let is_right = base != quote && bid.scaled() <= ask.scaled() && is_size && *valid_seconds > 0;
                note(&mut reasons, !is_right, RejectReason::BadRate);
            }
            ExchangeCommand::WithdrawRate { base, quote, .. } => {
                let is_there = self.rates.contains_key(&(signer, *base, *quote));
                note(&mut reasons, !is_there, RejectReason::UnknownRate);
            }
            ExchangeCommand::LockQuote { requester, provider, source, target, valid_seconds, .. } => {
                note(&mut reasons, *valid_seconds == 0, RejectReason::BadRate);
                let Some(standing) = self.participant(*provider) else {
                    reasons.insert(RejectReason::UnknownParticipant);
                    return reasons;
                };
                note(&mut reasons, standing == signer, RejectReason::BadRate);
                for (bic, currency) in
                    [(requester, source), (requester, target), (provider, source), (provider, target)]
                {
                    let is_without = self.position(*bic, *currency).is_none();
                    note(&mut reasons, is_without, RejectReason::UnknownPosition);
                }
                if let Err(reason) = self.lock(command, now) {
                    reasons.insert(reason);
                }
            }
        }
        reasons
    }

    /// The rate's key, the base amount that it takes, and what is paid and got.
    fn lock(&self, command: &ExchangeCommand, now: u64) -> Result<(RateKey, [u64; 3]), RejectReason> {
        let ExchangeCommand::LockQuote { provider, source, target, fixed, .. } = command else {
            unreachable!()
        };
        let provider = self.participant(*provider).expect("known");
        let running = self.quotes.values().filter(|quote| quote.expires > now).count();
        if self.quotes.len() >= QUOTES_MAX && running == self.quotes.len() {
            return Err(RejectReason::LimitReached);
        }
        let rate = |key: &(u32, Currency, Currency)| self.rates.get(key).filter(|rate| rate.expires > now);
        let (forth, back) = ((provider, *source, *target), (provider, *target, *source));
        let (key, found) = [forth, back]
            .into_iter()
            .find_map(|key| rate(&key).map(|rate| (key, rate)))
            .ok_or(RejectReason::UnknownRate)?;
        let pair = (key.1, key.2);
        let (base, paid, got) = match (key == forth, *fixed) {
            (true, Fixed::Source(base)) => (base.into(), base.into(), floor(worth(base, found.bid, pair))),
            (true, Fixed::Target(quote)) => {
                let base = ceiling(cost(quote, found.bid, pair));
                (base, base, quote.into())
            }
            (false, Fixed::Source(quote)) => {
                let base = floor(cost(quote, found.ask, pair));
                (base, quote.into(), base)
            }
            (false, Fixed::Target(base)) => (base.into(), ceiling(worth(base, found.ask, pair)), base.into()),
        };
        if [base, paid, got].into_iter().any(|amount| amount == 0 || amount > MOST) {
            return Err(RejectReason::LimitReached);
        }
        if base > found.left.into() {
            return Err(RejectReason::RateExhausted);
        }
        Ok((key, [base, paid, got].map(|amount| u64::try_from(amount).expect("18 digits"))))
    }

    pub(super) fn exchange(&mut self, now: u64, id: u128, command: &ExchangeCommand) {
        let signer = self.participant(command.signer()).expect("checked");
        let until = |seconds: u32| now + u64::from(seconds) * 1_000_000_000;
        match command {
            ExchangeCommand::PublishRate { base, quote, bid, ask, size, valid_seconds, .. } => {
                let rate = Rate { bid: *bid, ask: *ask, left: *size, expires: until(*valid_seconds) };
                self.rates.insert((signer, *base, *quote), rate);
            }
            ExchangeCommand::WithdrawRate { base, quote, .. } => {
                self.rates.remove(&(signer, *base, *quote));
            }
            ExchangeCommand::LockQuote { provider, source, target, valid_seconds, .. } => {
                let (key, [base, source_amount, target_amount]) = self.lock(command, now).expect("checked");
                let clearing =
                    |currency| self.positions[self.position(*provider, currency).expect("checked")].clearing;
                let (source_account, target_account) = (clearing(*source), clearing(*target));
                let rate = self.rates.get_mut(&key).expect("checked");
                if self.planted != Some(Planted::RateForGranted) {
                    rate.left -= base;
                }
                let quote = Quote {
                    requester: signer,
                    provider: key.0,
                    source: *source,
                    source_amount,
                    source_account,
                    target: *target,
                    target_amount,
                    target_account,
                    expires: rate.expires.min(until(*valid_seconds)),
                };
                self.quotes.insert(id, quote);
            }
        }
    }

    /// Whether a record is a leg that its submitter may have.
    pub(super) fn is_leg(&self, submitter: u32, record: &Record) -> bool {
        let Some(quote) = self.quotes.get(&record.related.get()) else { return false };
        let owner = |handle: u64| self.positions[self.known(handle).position].participant;
        let (debtor, creditor) = (record.debtor.get(), record.creditor.get());
        let (currency, amount) = (record.currency.get(), record.amount.get());
        let pays = (quote.source.numeric(), quote.source_amount, quote.source_account);
        let gets = (quote.target.numeric(), quote.target_amount, quote.target_account);
        let is_paying = (currency, amount, creditor) == pays && owner(debtor) == quote.requester;
        let is_getting = (currency, amount, debtor) == gets && owner(creditor) == quote.requester;
        submitter == quote.requester && (is_paying || is_getting)
    }

    pub(super) fn note_quote(&self, reasons: &mut Reasons, now: u64, record: &Record) {
        let Some(quote) = self.quotes.get(&record.related.get()) else { return };
        if quote.target_account != record.debtor.get() {
            return;
        }
        let is_used =
            self.trades.contains_key(&record.related.get()) && !self.is_planted(Planted::QuoteTwice);
        note(reasons, is_used || quote.expires <= now, RejectReason::QuoteExpired);
        let sides = if self.is_planted(Planted::ProviderUnbound) { 1 } else { 2 };
        for side in [quote.requester, quote.provider].into_iter().take(sides) {
            let Some((base, limit)) = self.limits.fx.get(&side) else { continue };
            let [before, after] =
                [&[][..], &changes(quote)].map(|more| self.short_of(side, *base, more).unwrap_or(u128::MAX));
            note(reasons, after > u128::from(*limit) && after >= before, RejectReason::FxLimitExceeded);
        }
    }

    /// What a participant is short of in all currencies, with some changes more; none where one has no valuation.
    fn short_of(&self, participant: u32, base: Currency, more: &[FxChange]) -> Option<u128> {
        let mut nets: BTreeMap<Currency, i128> = BTreeMap::new();
        for (_, currency, change) in self.fx.iter().chain(more).filter(|(at, ..)| *at == participant) {
            *nets.entry(*currency).or_default() += change;
        }
        let mut sum = 0;
        for (currency, net) in nets.into_iter().filter(|(_, net)| *net < 0) {
            let amount = u64::try_from(-net).expect("tests trade little");
            sum += match self.limits.valuations.get(&(currency, base)) {
                _ if currency == base => u128::from(amount),
                Some(price) => ceiling(worth(amount, *price, (currency, base))),
                None if self.is_planted(Planted::UnvaluedIsFree) => 0,
                None => return None,
            };
        }
        Some(sum)
    }

    /// What was bought and sold in the currencies of a cycle that ends counts no more.
    pub(super) fn end_fx(&mut self, cycle: u64) {
        if !self.is_planted(Planted::FxOutlivesCycle) {
            let mut all = std::mem::take(&mut self.fx);
            all.retain(|(_, currency, _)| self.open_cycle(*currency) != cycle);
            self.fx = all;
        }
    }

    pub(super) fn fx_picture(&self) -> Vec<((u32, Currency), i128)> {
        let mut nets = BTreeMap::new();
        for (participant, currency, change) in &self.fx {
            *nets.entry((*participant, *currency)).or_default() += change;
        }
        nets.into_iter().filter(|(_, net)| *net != 0).collect()
    }

    pub(super) fn trade(&mut self, record: &Record) {
        let id = record.related.get();
        if let Some(quote) = self.quotes.get(&id).filter(|quote| quote.target_account == record.debtor.get())
        {
            self.trades.insert(id, quote.expires);
            self.fx.extend(changes(quote));
        }
    }
}

/// A participant, a currency, and what a trade has made more or less of it.
pub(super) type FxChange = (u32, Currency, i128);

fn changes(quote: &Quote) -> [FxChange; 4] {
    let (source, target) = (i128::from(quote.source_amount), i128::from(quote.target_amount));
    [
        (quote.requester, quote.source, -source),
        (quote.provider, quote.source, source),
        (quote.provider, quote.target, -target),
        (quote.requester, quote.target, target),
    ]
}

/// Whether a chain has the two legs of a quote, in two currencies, and no third.
pub(super) fn is_paired(record: &Record, chain: &[Record]) -> bool {
    let legs =
        chain.iter().filter(|leg| leg.flags.get() & flags::QUOTE != 0 && leg.related == record.related);
    let currencies: Vec<_> = legs.map(|leg| leg.currency.get()).collect();
    currencies.len() == 2 && currencies[0] != currencies[1]
}
