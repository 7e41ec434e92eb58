//! Foreign exchange in random stories: rates that come and go, quotes, and trades on them in time, twice and too late.

use feiqian_core::batch::Batch;
use feiqian_core::command::Command;
use feiqian_core::controls::LimitCommand;
use feiqian_core::exchange::command::{ExchangeCommand, Fixed};
use feiqian_core::exchange::price::Price;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::{Record, flags};

use super::{BANKS, CODES, Teller};
use crate::world::{Eyes, bic, currency};

impl Teller {
    /// Some commands of foreign exchange.
    pub(super) fn exchange(&mut self) {
        for _ in 0..=self.dice.below(3) {
            let Some(bank) = self.pick(&BANKS[..3]) else { return };
            if self.dice.once_in(4) {
                self.fx_limit(bank);
            }
            let command = self.exchange_command(bank);
            let eyes = match self.dice.below(12) {
                0 => Eyes::Four,
                1 => Eyes::Bank("Z"),
                _ => Eyes::Bank(bank),
            };
            self.command(Command::Exchange(command), eyes);
        }
        self.trade_at_once();
    }

    /// One or two trades of one requester as one chain, while the quotes hold.
    fn trade_at_once(&mut self) {
        let quotes = self.picture.quotes.clone();
        let Some((_, quote)) = self.pick(&quotes) else { return };
        let trades = 1 + self.dice.below(2);
        let mut legs: Vec<_> = (0..trades).filter_map(|_| self.trade(quote.requester)).flatten().collect();
        if let Some((_, earlier)) = legs.split_last_mut() {
            earlier.iter_mut().for_each(|leg| leg.flags |= flags::LINKED);
            self.world.push_transfers(vec![Batch::new(quote.requester, legs)]);
            self.told();
        }
    }

    /// A small limit on a bank's shorts, and what currencies count as there.
    fn fx_limit(&mut self, bank: &str) {
        let [base, other] =
            if self.dice.once_in(2) { [0, 1] } else { [1, 0] }.map(|at: usize| currency(CODES[at]));
        let limit = LimitCommand::SetFxLimit { bic: bic(bank), base, limit: self.dice.below(100) };
        self.command(Command::Limit(limit), Eyes::Four);
        let price = Price::new(1 + self.dice.below(20_000_000_000));
        let valuation = LimitCommand::SetValuation { currency: other, base, price };
        self.command(Command::Limit(valuation), Eyes::Four);
    }

    fn exchange_command(&mut self, bank: &str) -> ExchangeCommand {
        let [base, quote] =
            if self.dice.once_in(2) { [0, 1] } else { [1, 0] }.map(|at: usize| currency(CODES[at]));
        let base = if self.is_faulty() { quote } else { base };
        let seconds = |teller: &mut Self| u32::try_from(teller.dice.below(6)).unwrap_or(0);
        let bid = 1 + self.dice.below(40_000_000_000);
        let price = |scaled| Price::new(scaled).expect("in bounds");
        match self.dice.below(8) {
            0..=2 => ExchangeCommand::PublishRate {
                provider: bic(bank),
                base,
                quote,
                bid: price(bid + self.dice.below(2) * u64::from(self.is_faulty())),
                ask: price(bid + self.dice.below(1_000_000)),
                size: self.dice.below(2_000),
                valid_seconds: seconds(self),
            },
            3 => ExchangeCommand::WithdrawRate { provider: bic(bank), base, quote },
            _ => {
                let rates: Vec<_> = self.picture.rates.clone();
                let other = self.pick(&BANKS[..3]).unwrap_or("A");
                let provider = match self.pick(&rates) {
                    Some(((provider, ..), _)) => self.picture.participants[provider as usize].bic,
                    None => bic(other),
                };
                let most = if self.dice.once_in(2) { 60 } else { 900 };
                let amount = 1 + self.dice.below(most);
                let fixed = if self.dice.once_in(2) { Fixed::Source(amount) } else { Fixed::Target(amount) };
                let valid_seconds = seconds(self);
                ExchangeCommand::LockQuote {
                    requester: bic(bank),
                    provider,
                    source: base,
                    target: quote,
                    fixed,
                    valid_seconds,
                }
            }
        }
    }

    /// Both legs of a quote, mostly right.
    pub(super) fn trade(&mut self, submitter: ParticipantHandle) -> Option<[Record; 2]> {
        let own: Vec<_> =
            self.picture.quotes.iter().filter(|(_, quote)| quote.requester == submitter).copied().collect();
        let all = self.picture.quotes.clone();
        let (id, quote) = if self.dice.once_in(8) { self.pick(&all) } else { self.pick(&own) }?;
        let owned = self.accounts_of(|owner| owner == submitter);
        let of = |teller: &Self, code: u16| -> Vec<u64> {
            owned.iter().copied().filter(|at| teller.currency_of(*at) == code).collect()
        };
        let (paying, getting) = (of(self, quote.source.numeric()), of(self, quote.target.numeric()));
        let (from, to) = (self.pick(&paying)?, self.pick(&getting)?);
        let leg = |teller: &mut Self, debtor, creditor, amount, code: u16| {
            let mut record = Record::new(teller.world.new_id(), debtor, creditor, amount, code);
            (record.flags, record.related) = (flags::QUOTE.into(), id.into());
            record
        };
        let more = u64::from(self.is_faulty());
        let pays = leg(self, from, quote.source_account, quote.source_amount + more, quote.source.numeric());
        let gets = leg(self, quote.target_account, to, quote.target_amount, quote.target.numeric());
        Some(if self.dice.once_in(2) { [pays, gets] } else { [gets, pays] })
    }
}
