//! Tables of foreign exchange: rates, quotes, and trades whose two legs clear as one or not at all.

use feiqian_core::account::UNLIMITED;
use feiqian_core::command::Command;
use feiqian_core::controls::LimitCommand;
use feiqian_core::exchange::command::{ExchangeCommand, Fixed};
use feiqian_core::exchange::price::Price;
use feiqian_core::outcome::RejectReason::{
    BadRate, ChainFailed, FourEyesRequired, FxLimitExceeded, InsufficientFunds, LimitInvalid,
    MalformedRecord, NetDebitCapExceeded, NotOwner, ParticipantSignature, QuoteExpired, RateExhausted,
    UnknownParticipant, UnknownPosition, UnknownRate,
};
use feiqian_tests::world::{Expected, Eyes, bic, cleared, currency, rejected, row};

use crate::trial::Trial;

/// B buys a euro for 1.08 dollars and sells it for 1.10.
fn publish(size: u64, seconds: u32) -> ExchangeCommand {
    ExchangeCommand::PublishRate {
        provider: bic("B"),
        base: currency("EUR"),
        quote: currency("USD"),
        bid: Price::new(10_800_000_000).expect("a price"),
        ask: Price::new(11_000_000_000).expect("a price"),
        size,
        valid_seconds: seconds,
    }
}

fn lock(source: &str, target: &str, fixed: Fixed, seconds: u32) -> ExchangeCommand {
    ExchangeCommand::LockQuote {
        requester: bic("A"),
        provider: bic("B"),
        source: currency(source),
        target: currency(target),
        fixed,
        valid_seconds: seconds,
    }
}

impl Trial {
    /// Orders it under the bank's key; gives the entry's id.
    fn exchange(&mut self, bank: &'static str, command: ExchangeCommand, expected: Expected) -> u128 {
        self.order_with(Command::Exchange(command), Eyes::Bank(bank), expected);
        self.world.records().last().expect("just pushed").uetr.get()
    }

    fn amounts(&self, quote: u128) -> (u64, u64) {
        let quote = self.serial.state.registry().exchange().quotes()[&quote];
        (quote.source_amount, quote.target_amount)
    }
}

#[test]
fn a_quote_fixes_both_amounts_and_a_trade_on_it_clears_both_legs_or_none() {
    let mut trial = Trial::standard();
    trial.exchange("B", publish(10_000, 60), cleared());
    let quote = trial.exchange("A", lock("EUR", "USD", Fixed::Source(500), 30), cleared());
    assert_eq!(trial.amounts(quote), (500, 540));
    trial.check(&[
        row("A", "B", 501, rejected(NotOwner)).on_quote(quote).linked(),
        row("B/USD", "A/USD", 540, rejected(ChainFailed)).on_quote(quote).by("A"),
        row("A", "B", 500, rejected(MalformedRecord)).on_quote(quote),
        row("A", "B", 500, rejected(ChainFailed)).on_quote(quote).linked(),
        row("B/USD", "B/USD", 540, rejected(feiqian_core::outcome::RejectReason::SameAccount))
            .on_quote(quote)
            .by("A"),
        row("A", "B", 500, rejected(NotOwner)).on_quote(quote).linked().by("C"),
        row("B/USD", "A/USD", 540, rejected(ChainFailed)).on_quote(quote).by("C"),
        row("a1", "B", 500, rejected(InsufficientFunds)).on_quote(quote).linked(),
        row("B/USD", "A/USD", 540, rejected(ChainFailed)).on_quote(quote).by("A"),
    ]);
    trial.check(&[
        row("A", "B", 500, cleared()).on_quote(quote).linked(),
        row("B/USD", "A/USD", 540, cleared()).on_quote(quote).by("A"),
        row("A", "B", 500, rejected(ChainFailed)).on_quote(quote).linked(),
        row("B/USD", "A/USD", 540, rejected(QuoteExpired)).on_quote(quote).by("A"),
    ]);
    assert_eq!((trial.position("A"), trial.balance("A/USD")), (-500, 540));
}

#[test]
fn amounts_round_to_the_provider_and_either_side_may_be_fixed() {
    let mut trial = Trial::standard();
    trial.exchange("B", publish(10_000, 60), cleared());
    for (source, target, fixed, amounts) in [
        ("EUR", "USD", Fixed::Source(333), (333, 359)),
        ("EUR", "USD", Fixed::Target(359), (333, 359)),
        ("EUR", "USD", Fixed::Target(360), (334, 360)),
        ("USD", "EUR", Fixed::Source(111), (111, 100)),
        ("USD", "EUR", Fixed::Target(101), (112, 101)),
    ] {
        let quote = trial.exchange("A", lock(source, target, fixed, 30), cleared());
        assert_eq!(trial.amounts(quote), amounts, "{source} to {target}, {fixed:?}");
    }
}

#[test]
fn a_rate_holds_up_to_its_size_and_for_its_time_under_its_providers_key_alone() {
    let mut trial = Trial::standard();
    trial.order_with(Command::Exchange(publish(100, 5)), Eyes::Four, rejected(ParticipantSignature));
    trial.exchange("A", publish(100, 5), rejected(ParticipantSignature));
    trial.exchange("A", lock("EUR", "USD", Fixed::Source(1), 5), rejected(UnknownRate));
    trial.exchange("B", publish(0, 5), rejected(BadRate));
    trial.exchange("B", publish(100, 0), rejected(BadRate));
    trial.exchange("B", publish(100, 5), cleared());
    trial.exchange("A", lock("EUR", "USD", Fixed::Source(60), 0), rejected(BadRate));
    trial.exchange("A", lock("EUR", "USD", Fixed::Source(60), 60), cleared());
    trial.exchange("A", lock("EUR", "USD", Fixed::Source(41), 60), rejected(RateExhausted));
    trial.exchange("A", lock("EUR", "JPY", Fixed::Source(1), 60), rejected(UnknownPosition));
    let last = trial.exchange("A", lock("EUR", "USD", Fixed::Source(40), 60), cleared());
    trial.wait(5);
    trial.exchange("A", lock("EUR", "USD", Fixed::Source(1), 60), rejected(UnknownRate));
    trial.check(&[
        row("A", "B", 40, rejected(ChainFailed)).on_quote(last).linked(),
        row("B/USD", "A/USD", 43, rejected(QuoteExpired)).on_quote(last).by("A"),
    ]);
    let withdraw =
        ExchangeCommand::WithdrawRate { provider: bic("B"), base: currency("EUR"), quote: currency("USD") };
    trial.exchange("B", withdraw.clone(), cleared());
    trial.exchange("B", withdraw, rejected(UnknownRate));
}

#[test]
fn limits_hold_for_both_sides_of_a_trade() {
    let mut trial = Trial::standard();
    trial.exchange("B", publish(100_000, 60), cleared());
    let quote = trial.exchange("A", lock("EUR", "USD", Fixed::Source(1_001), 30), cleared());
    trial.check(&[
        row("A", "B", 1_001, rejected(NetDebitCapExceeded)).on_quote(quote).linked(),
        row("B/USD", "A/USD", 1_081, rejected(ChainFailed)).on_quote(quote).by("A"),
    ]);
    trial.set_cap("A", 1_001);
    let order = Command::SetNetDebitCap { bic: bic("B"), currency: currency("USD"), cap: 1_080 };
    trial.order(order, cleared());
    trial.check(&[
        row("A", "B", 1_001, rejected(ChainFailed)).on_quote(quote).linked(),
        row("B/USD", "A/USD", 1_081, rejected(NetDebitCapExceeded)).on_quote(quote).by("A"),
    ]);
}

fn fx_limit(bank: &str, base: &str, limit: u64) -> Command {
    Command::Limit(LimitCommand::SetFxLimit { bic: bic(bank), base: currency(base), limit })
}

/// Hundredths of a unit.
fn valuation(of: &str, base: &str, hundredths: Option<u64>) -> Command {
    let price = hundredths.and_then(|hundredths| Price::new(hundredths * 100_000_000));
    Command::Limit(LimitCommand::SetValuation { currency: currency(of), base: currency(base), price })
}

impl Trial {
    /// A trades with B: sells euros for dollars, or buys them back.
    fn trade(&mut self, source: &str, fixed: Fixed, expected: Expected) {
        let target = if source == "EUR" { "USD" } else { "EUR" };
        let quote = self.exchange("A", lock(source, target, fixed, 60), cleared());
        let (pays, gets) = self.amounts(quote);
        let first = if expected == cleared() { cleared() } else { rejected(ChainFailed) };
        let [from, to] =
            if source == "EUR" { [["A", "B"], ["B/USD", "A/USD"]] } else { [["A/USD", "B/USD"], ["B", "A"]] };
        self.check(&[
            row(from[0], from[1], pays, first).on_quote(quote).linked(),
            row(to[0], to[1], gets, expected).on_quote(quote).by("A"),
        ]);
    }

    fn fx(&self, bank: &str, code: &str) -> i128 {
        let owner = self.serial.state.registry().participant_of(bic(bank)).expect("registered");
        self.serial.state.trades().positions().get((owner, currency(code)))
    }
}

#[test]
fn a_limit_bounds_what_trades_leave_short_in_all_currencies_together() {
    let mut trial = Trial::standard();
    trial.exchange("B", publish(100_000, 6_000), cleared());
    trial.trade("EUR", Fixed::Source(100), cleared());
    assert_eq!((trial.fx("A", "EUR"), trial.fx("A", "USD"), trial.fx("B", "USD")), (-100, 108, -108));

    // What was traded before counts; a currency that nobody has valued is borne by no limit, not even on its way back.
    trial.order(fx_limit("A", "USD", 600), cleared());
    trial.trade("EUR", Fixed::Source(1), rejected(FxLimitExceeded));
    trial.trade("USD", Fixed::Target(1), rejected(FxLimitExceeded));
    trial.order(valuation("EUR", "USD", Some(120)), cleared());
    trial.trade("EUR", Fixed::Source(400), cleared());
    trial.trade("EUR", Fixed::Source(1), rejected(FxLimitExceeded));

    // Who is over it may trade back.
    trial.order(valuation("EUR", "USD", Some(200)), cleared());
    trial.trade("EUR", Fixed::Source(1), rejected(FxLimitExceeded));
    trial.trade("USD", Fixed::Target(50), cleared());
    assert_eq!(trial.fx("A", "EUR"), -450);

    // The provider's counts too, and a base currency needs no valuation.
    trial.order(fx_limit("A", "USD", UNLIMITED), cleared());
    assert_eq!(trial.fx("B", "USD"), -485);
    trial.order(fx_limit("B", "USD", 496), cleared());
    trial.trade("EUR", Fixed::Source(10), cleared());
    trial.trade("EUR", Fixed::Source(10), rejected(FxLimitExceeded));

    // Of one chain's trades each counts on top of those before it.
    trial.order(fx_limit("B", "USD", 520), cleared());
    let quotes = [10, 20].map(|euros| {
        let quote = lock("EUR", "USD", Fixed::Source(euros), 60);
        trial.exchange("A", quote, cleared())
    });
    trial.check(&[
        row("A", "B", 10, rejected(ChainFailed)).on_quote(quotes[0]).linked(),
        row("B/USD", "A/USD", 10, rejected(ChainFailed)).on_quote(quotes[0]).by("A").linked(),
        row("A", "B", 20, rejected(ChainFailed)).on_quote(quotes[1]).by("A").linked(),
        row("B/USD", "A/USD", 21, rejected(FxLimitExceeded)).on_quote(quotes[1]).by("A"),
    ]);
    trial.check(&[
        row("A", "B", 20, cleared()).on_quote(quotes[1]).linked(),
        row("B/USD", "A/USD", 21, cleared()).on_quote(quotes[1]).by("A"),
    ]);

    // A cycle's end sets positions to zero.
    trial.order(Command::CloseCycle { cycle: 1 }, cleared());
    assert_eq!((trial.fx("A", "EUR"), trial.fx("B", "USD")), (0, 0));
    trial.trade("EUR", Fixed::Source(40), cleared());
}

#[test]
fn fx_limits_and_valuations_take_two_officers_and_sense() {
    let mut trial = Trial::standard();
    for command in
        [fx_limit("A", "USD", 5), valuation("EUR", "USD", Some(110)), valuation("EUR", "USD", None)]
    {
        trial.order_with(command.clone(), Eyes::Two, rejected(FourEyesRequired));
        trial.order(command, cleared());
    }
    trial.order(fx_limit("Z", "USD", 5), rejected(UnknownParticipant));
    trial.order(valuation("EUR", "EUR", Some(100)), rejected(LimitInvalid));
    let registry = trial.serial.state.registry();
    assert_eq!((registry.controls().fx_limits().len(), registry.controls().valuations().len()), (1, 0));
}
