//! All that can be seen of a state, in one form for the plain loop, the mirror and the oracle, so that a test
//! compares everything at once. Decides nothing.

use std::collections::BTreeMap;

use feiqian_core::account::{AccountCell, AccountTerms};
use feiqian_core::authority::Proposal;
use feiqian_core::command::OfficerNumber;
use feiqian_core::controls::usage::{Meters, Pair, Spent};
use feiqian_core::controls::{CapRule, Controls, Levels, Reservation, Spender, Velocity};
use feiqian_core::currency::Currency;
use feiqian_core::default::Step;
use feiqian_core::exchange::book::{Quote, Rate, RateKey};
use feiqian_core::exchange::positions::FxKey;
use feiqian_core::exchange::price::Price;
use feiqian_core::fees::Tariff;
use feiqian_core::fraud::{Case, Held, HeldKey};
use feiqian_core::hold::Hold;
use feiqian_core::liquidity::queue::Queued;
use feiqian_core::mirror::Mirror;
use feiqian_core::participant::{Cycle, Participant, SlotCell, SlotTerms};
use feiqian_core::postings::{CarriedBy, Order, OrderNumber};
use feiqian_core::registry::Registry;
use feiqian_core::returns::Returns;
use feiqian_core::schedule::Schedule;
use feiqian_core::state::State;
use feiqian_proof::signature::PublicKey;

/// Ascending by id.
pub type ById<T> = Vec<(u128, T)>;

/// A change of a tariff: from when, of which, and what it is then.
pub type Announced = (u64, u32, Option<Tariff>);

/// What can be seen of limits, by position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LimitsPicture {
    /// What caps are made of.
    pub cap_rules: BTreeMap<u32, CapRule>,
    /// Towards one other.
    pub bilateral: BTreeMap<(u32, u32), u64>,
    /// Towards all others.
    pub multilateral: BTreeMap<u32, u64>,
    /// In a period.
    pub velocity: BTreeMap<Spender, Velocity>,
    /// Kept for classes.
    pub reservations: BTreeMap<u32, Reservation>,
    /// Where somebody is told.
    pub thresholds: BTreeMap<u32, Levels>,
    /// On shorts in all currencies together, by participant.
    pub fx_limits: BTreeMap<u32, (Currency, u64)>,
    /// What currencies count as there.
    pub valuations: BTreeMap<(Currency, Currency), Price>,
    /// Nets with others.
    pub pairs: BTreeMap<(u32, u32), Pair>,
    /// Paid in a period.
    pub spent: BTreeMap<Spender, Spent>,
}

impl LimitsPicture {
    fn of(controls: &Controls, meters: &Meters) -> Self {
        Self {
            cap_rules: controls.cap_rules().clone(),
            bilateral: controls.bilateral().clone(),
            multilateral: controls.multilateral().clone(),
            velocity: controls.velocity().clone(),
            reservations: controls.reservations().clone(),
            thresholds: controls.thresholds().clone(),
            fx_limits: controls.fx_limits().clone(),
            valuations: controls.valuations().clone(),
            pairs: meters.pairs.clone(),
            spent: meters.spent.clone(),
        }
    }
}

/// What can be seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picture {
    /// Participants by handle.
    pub participants: Vec<Participant>,
    /// Positions by slot.
    pub slots: Vec<(SlotTerms, SlotCell)>,
    /// Accounts by handle.
    pub accounts: Vec<(AccountTerms, AccountCell)>,
    /// Pending holds, ascending by id.
    pub holds: ById<Hold>,
    /// Payments that wait, ascending by id.
    pub queue: ById<Queued>,
    /// Rates by provider and pair.
    pub rates: Vec<(RateKey, Rate)>,
    /// Quotes, ascending by id.
    pub quotes: ById<Quote>,
    /// Quotes that have been traded on, with the time at which they expire.
    pub trades: ById<u64>,
    /// Bought less sold by trades, ascending by participant and currency.
    pub fx: Vec<(FxKey, i128)>,
    /// Postings that officers have ordered, oldest first.
    pub orders: Vec<(OrderNumber, Order)>,
    /// Which of them have been carried out.
    pub carried: Vec<(OrderNumber, CarriedBy)>,
    /// Fraud cases, ascending by id.
    pub cases: ById<Case>,
    /// What is held for them where.
    pub held: Vec<(HeldKey, Held)>,
    /// What has come back of transfers, ascending by id.
    pub returned: ById<u64>,
    /// The sequences of all transfers that have moved money.
    pub credited: Vec<usize>,
    /// Limits, and what is counted for them.
    pub limits: LimitsPicture,
    /// Aliases.
    pub aliases: BTreeMap<String, u64>,
    /// Cycles, oldest first.
    pub cycles: Vec<Cycle>,
    /// Currencies that get cycles of their own when the general one closes.
    pub splitting: Vec<Currency>,
    /// Height of the open block.
    pub open_block: u64,
    /// Secrets of rotated salts, by their first block.
    pub secrets: BTreeMap<u64, [u8; 32]>,
    /// The secret that waits for the next cycle.
    pub next_secret: Option<[u8; 32]>,
    /// Officers, in the order in which they came.
    pub officers: Vec<(OfficerNumber, PublicKey)>,
    /// Seconds that a loosening waits.
    pub delay: u32,
    /// Proposals, oldest first.
    pub proposals: Vec<Proposal>,
    /// What participants have put up against their default.
    pub collateral: BTreeMap<(u32, Currency), u64>,
    /// What is in default funds.
    pub fund: BTreeMap<Currency, u64>,
    /// Recasts and waterfalls of cycles that are not settled, oldest first.
    pub steps: Vec<Step>,
    /// The calendar.
    pub schedule: Option<Schedule>,
    /// Who has paid for a cycle that is not settled, and who has failed to.
    pub paid: BTreeMap<(u64, u32), bool>,
    /// Tariffs, by number.
    pub tariffs: BTreeMap<u32, Tariff>,
    /// What is announced of them.
    pub announced: Vec<Announced>,
}

impl Picture {
    /// Of the plain loop's state.
    ///
    /// # Panics
    /// If a cell is missing.
    #[must_use]
    pub fn of_state(state: &State) -> Self {
        let account = |handle| *state.account(handle).expect("every account has a cell");
        let slot = |slot| state.slot(slot).cloned().expect("every position has a cell");
        let holds = state.holds().iter().collect();
        let queue = state.queue().iter().map(|(id, queued)| (id, *queued)).collect();
        let picture = Self::of(state.registry(), account, slot, (holds, queue), state.usage());
        let carried = state.carried().iter().collect();
        let held = state.held().iter().collect();
        let fx = state.trades().positions().iter().collect();
        Self { trades: state.trades().iter().collect(), fx, carried, held, ..picture.with(state.returns()) }
    }

    /// Of the mirror, at the end of a block.
    ///
    /// # Panics
    /// If a cell is missing.
    #[must_use]
    pub fn of_mirror(mirror: &Mirror) -> Self {
        let account = |handle| *mirror.account(handle).expect("every account has a cell");
        let slot = |slot| mirror.slots[slot as usize].clone();
        let picture = Self::of(
            &mirror.registry,
            account,
            slot,
            (mirror.holds.iter().collect(), mirror.queue.iter().map(|(id, queued)| (*id, *queued)).collect()),
            &mirror.usage,
        );
        let trades = mirror.trades.iter().map(|(id, expires)| (*id, *expires)).collect();
        let carried = mirror.carried.iter().map(|(number, by)| (*number, *by)).collect();
        let held = mirror.held.iter().map(|(key, held)| (*key, *held)).collect();
        Self { trades, fx: mirror.fx.iter().collect(), carried, held, ..picture.with(&mirror.returns) }
    }

    fn with(self, returns: &Returns) -> Self {
        Self { returned: returns.iter().collect(), credited: returns.credited().collect(), ..self }
    }

    fn of(
        registry: &Registry,
        account: impl Fn(u64) -> AccountCell,
        slot: impl Fn(u32) -> SlotCell,
        (holds, queue): (ById<Hold>, ById<Queued>),
        usage: &Meters,
    ) -> Self {
        let changes = registry.fees().changes().iter();
        let changes = changes.map(|change| (change.from, change.number, change.after.clone()));
        Self {
            participants: registry.participants().to_vec(),
            slots: registry.slots().iter().zip(0..).map(|(terms, at)| (*terms, slot(at))).collect(),
            accounts: registry.accounts().iter().zip(0..).map(|(terms, at)| (*terms, account(at))).collect(),
            holds,
            queue,
            rates: registry.exchange().rates().iter().map(|(key, rate)| (*key, *rate)).collect(),
            quotes: registry.exchange().quotes().iter().map(|(id, quote)| (*id, *quote)).collect(),
            trades: Vec::new(),
            fx: Vec::new(),
            orders: registry.orders().iter().map(|(number, order)| (number, *order)).collect(),
            carried: Vec::new(),
            cases: registry.cases().iter().map(|(id, case)| (id, case.clone())).collect(),
            held: Vec::new(),
            returned: Vec::new(),
            credited: Vec::new(),
            limits: LimitsPicture::of(registry.controls(), usage),
            aliases: registry.aliases().clone(),
            cycles: registry.cycles().to_vec(),
            splitting: registry.streams().waiting().collect(),
            open_block: registry.open_block(),
            secrets: registry
                .salt_secrets()
                .rotated()
                .iter()
                .map(|(from, secret)| (*from, secret.0))
                .collect(),
            next_secret: registry.salt_secrets().next().map(|secret| secret.0),
            officers: registry.authority().officers().to_vec(),
            delay: registry.authority().delay(),
            proposals: registry.authority().proposals().to_vec(),
            collateral: registry.defaults().collaterals().clone(),
            fund: registry.defaults().funds().clone(),
            steps: registry.defaults().steps().to_vec(),
            schedule: registry.schedule().cloned(),
            paid: registry.paid().clone(),
            tariffs: registry.fees().by_number().clone(),
            announced: changes.collect(),
        }
    }
}
