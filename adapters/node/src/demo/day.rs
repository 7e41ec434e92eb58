//! A clearing day's business, once each: two payments that only together can be paid, a trade of currencies, a return, a
//! hold that nobody finishes. Between two banks of the house that have two currencies and the demo's test keys.

use std::time::{Duration, Instant};

use feiqian_core::account::{AccountHandle, UNLIMITED};
use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::exchange::command::{ExchangeCommand, Fixed};
use feiqian_core::exchange::price::Price;
use feiqian_core::mirror::Mirror;
use feiqian_core::money::decimal;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::{Record, flags};
use feiqian_proof::signature::PublicKey;
use serde::Serialize;

use super::checks::Checks;
use crate::commands::fx;
use crate::commands::pay::{new_id, submit};
use crate::fault::Fault;
use crate::keys::participant_test_key;
use crate::session::Session;

/// Seconds after which the hold expires.
const HOLD_SECONDS: u32 = 1;
/// Far above what a resolution takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// In major units.
const PAID: u64 = 10;
const RETURNED: u64 = 4;
const EXCHANGED: u64 = 500;

/// One of the two banks: its clearing accounts and what its positions have left, in both currencies.
#[derive(Clone, Copy, Debug)]
struct Bank {
    handle: ParticipantHandle,
    bic: Bic,
    accounts: [AccountHandle; 2],
    headroom: u64,
}

/// Two banks and two currencies.
#[derive(Clone, Copy, Debug)]
struct Pair {
    banks: [Bank; 2],
    currencies: [Currency; 2],
}

/// What was done, a line for people each.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Day(pub(super) Vec<String>);

impl Day {
    /// Does all of it, unless the house has no two such banks.
    pub(super) fn run(session: &Session, checks: &mut Checks) -> Result<Self, Fault> {
        session.engine.seal()?;
        let Some(pair) = session.engine.ask(|sealer| Pair::of(sealer.mirror())) else {
            return Ok(Self(vec!["no two banks here have two currencies, limits and test keys".to_owned()]));
        };
        let mut day = Self::default();
        day.queue(session, &pair, checks)?;
        day.trade(session, &pair, checks)?;
        day.give_back(session, &pair, checks)?;
        day.hold(session, &pair, checks)?;
        Ok(day)
    }

    /// Each pays the other more than it may owe: neither payment can be paid alone, both can at once.
    fn queue(&mut self, session: &Session, pair: &Pair, checks: &mut Checks) -> Result<(), Fault> {
        let [one, other] = pair.banks;
        let mut ids = Vec::new();
        let mut texts = Vec::new();
        for (from, to) in [(one, other), (other, one)] {
            let amount = from.headroom.saturating_add(pair.major(0, 100));
            let record = pair.record((from, to), amount, flags::QUEUE)?;
            ids.push(record.uetr.get());
            let text = decimal(amount.into(), pair.currencies[0]);
            texts.push(format!("{} pays {} {text} {}", from.bic, to.bic, pair.currencies[0].code()));
            submit(session, from.handle, (record, pair.currencies[0]))?;
        }
        self.0.push(format!("queued: {} and {}, each beyond its cap", texts[0], texts[1]));
        let begun = Instant::now();
        let mut released = Vec::new();
        while released.len() < ids.len() && begun.elapsed() < PATIENCE {
            session.engine.resolve()?;
            session.engine.seal()?;
            let found: Result<Vec<_>, _> = ids.iter().map(|id| session.engine.released(*id)).collect();
            released = found?.into_iter().flatten().collect();
        }
        checks.add("a_queue_that_no_order_clears_is_offset", released.len() == ids.len());
        let sequences: Vec<_> = released.iter().map(u64::to_string).collect();
        self.0.push(format!("offset: both released at once, sequences {}", sequences.join(" and ")));
        Ok(())
    }

    fn trade(&mut self, session: &Session, pair: &Pair, checks: &mut Checks) -> Result<(), Fault> {
        let [requester, provider] = pair.banks;
        let [source, target] = pair.currencies;
        // A unit of the first for 1.08 and 1.10 of the second.
        let prices = [10_800_000_000, 11_000_000_000].map(Price::new);
        let [Some(bid), Some(ask)] = prices else { return Ok(()) };
        let publish = ExchangeCommand::PublishRate {
            provider: provider.bic,
            base: source,
            quote: target,
            bid,
            ask,
            size: pair.major(0, EXCHANGED * 1_000),
            valid_seconds: 60,
        };
        fx::order(session, &participant_test_key(provider.bic), publish)?;
        let lock = ExchangeCommand::LockQuote {
            requester: requester.bic,
            provider: provider.bic,
            source,
            target,
            fixed: Fixed::Source(pair.major(0, EXCHANGED)),
            valid_seconds: 60,
        };
        let quote = fx::order(session, &participant_test_key(requester.bic), lock)?;
        let accounts = requester.accounts;
        let traded = fx::trade(session, quote, accounts)?;
        let again = fx::trade(session, quote, accounts);
        checks.add("a_quote_is_traded_once_both_legs_in_one", matches!(again, Err(Fault::Refused(_))));
        self.0.push(format!("PvP: {} trades with {}: {traded}", requester.bic, provider.bic));
        Ok(())
    }

    fn give_back(&mut self, session: &Session, pair: &Pair, checks: &mut Checks) -> Result<(), Fault> {
        let [payer, payee] = pair.banks;
        let currency = pair.currencies[0];
        let paid = pair.record((payer, payee), pair.major(0, PAID), 0)?;
        submit(session, payer.handle, (paid, currency))?;
        let back = |amount: u64| -> Result<_, Fault> {
            let mut record = pair.record((payee, payer), pair.major(0, amount), flags::RETURN)?;
            record.related = paid.uetr;
            submit(session, payee.handle, (record, currency))
        };
        let first = back(RETURNED)?;
        let too_much = back(PAID - RETURNED + 1);
        checks.add("no_more_comes_back_than_was_paid", matches!(too_much, Err(Fault::Refused(_))));
        self.0.push(format!("return: {first}; more than was paid is refused"));
        Ok(())
    }

    fn hold(&mut self, session: &Session, pair: &Pair, checks: &mut Checks) -> Result<(), Fault> {
        let [holder, other] = pair.banks;
        let mut record = pair.record((holder, other), pair.major(0, PAID), flags::HOLD)?;
        record.timeout = HOLD_SECONDS.into();
        let id = record.uetr.get();
        let held = submit(session, holder.handle, (record, pair.currencies[0]))?;
        let is_pending =
            |session: &Session| session.engine.ask(move |sealer| sealer.mirror().holds.get(id).is_some());
        session.engine.seal()?;
        let was_pending = is_pending(session);
        let begun = Instant::now();
        while is_pending(session) && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(100));
            // Time passes with frames alone: this one's ends the hold.
            let tick = pair.record((holder, other), 1, flags::HOLD)?;
            let mut void = pair.record((holder, other), 0, flags::VOID)?;
            void.related = tick.uetr;
            submit(session, holder.handle, (tick, pair.currencies[0]))?;
            submit(session, holder.handle, (void, pair.currencies[0]))?;
            session.engine.seal()?;
        }
        checks.add("a_hold_expires_by_the_time_of_frames", was_pending && !is_pending(session));
        self.0.push(format!("hold: {held}; expired after {HOLD_SECONDS} s, the funds are free again"));
        Ok(())
    }
}

impl Pair {
    /// The first two banks with limits in two currencies and the demo's test keys.
    fn of(mirror: &Mirror) -> Option<Self> {
        let registry = &mirror.registry;
        let is_tried = |handle: ParticipantHandle| {
            let found = registry.participants().get(handle as usize)?;
            (found.key? == PublicKey::of(&participant_test_key(found.bic))).then_some(found.bic)
        };
        let slot = |participant: ParticipantHandle, currency: Currency| {
            let slots = registry.slots().iter().zip(&mirror.slots);
            let mut own =
                slots.filter(|(terms, _)| terms.participant == participant && terms.currency == currency);
            own.find(|(terms, _)| terms.cap != UNLIMITED && terms.cap > 0)
        };
        let bank = |handle: ParticipantHandle, [first, second]: [Currency; 2]| {
            let (terms, cell) = slot(handle, first)?;
            let headroom = u64::try_from(cell.headroom(terms.cap)).ok()?;
            let accounts = [terms.clearing_account, slot(handle, second)?.0.clearing_account];
            Some(Bank { handle, bic: is_tried(handle)?, accounts, headroom })
        };
        let mut currencies: Vec<Currency> = registry.slots().iter().map(|terms| terms.currency).collect();
        currencies.sort_unstable();
        currencies.dedup();
        // The most used first.
        let users =
            |currency: &Currency| registry.slots().iter().filter(|terms| terms.currency == *currency).count();
        currencies.sort_by_key(|currency| std::cmp::Reverse(users(currency)));
        let all = 0..ParticipantHandle::try_from(registry.participants().len()).ok()?;
        for first in &currencies {
            for second in currencies.iter().filter(|second| *second != first) {
                let both = [*first, *second];
                let mut banks = all.clone().filter_map(|handle| bank(handle, both));
                if let (Some(one), Some(other)) = (banks.next(), banks.next()) {
                    return Some(Self { banks: [one, other], currencies: both });
                }
            }
        }
        None
    }

    /// Whole units as minor ones.
    fn major(&self, at: usize, units: u64) -> u64 {
        units.saturating_mul(10_u64.pow(self.currencies[at].exponent().into()))
    }

    fn record(&self, (from, to): (Bank, Bank), amount: u64, bits: u16) -> Result<Record, Fault> {
        let id = new_id(None)?.bits();
        let mut record =
            Record::new(id, from.accounts[0], to.accounts[0], amount, self.currencies[0].numeric());
        record.flags = bits.into();
        Ok(record)
    }
}
