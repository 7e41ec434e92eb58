//! Limits beyond cap and credit line, told naively: every payment since a limit was set is kept, and summed when asked.

use std::collections::BTreeMap;

use feiqian_core::account::UNLIMITED;
use feiqian_core::controls::usage::{Pair, Spent};
use feiqian_core::controls::{
    CapRule, DEFAULT_LEVELS, Levels, LimitCommand, Payer, Reservation, SlotControls, Spender, Velocity,
};
use feiqian_core::currency::Currency;
use feiqian_core::exchange::price::Price;
use feiqian_core::liquidity::queue::Priority;
use feiqian_core::outcome::RejectReason;
use feiqian_core::transfer::{Record, flags};

use super::queue::class_of;
use super::{Books, Planted, Reasons, note};
use crate::picture::LimitsPicture;

/// An amount that left an account: posted, or held.
#[derive(Clone, Copy, Debug)]
struct Debit {
    at: u64,
    account: u64,
    /// From and to; equal where it stays within a position.
    positions: (u32, u32),
    amount: u64,
    /// Whether it was posted, as a hold itself is not.
    is_posted: bool,
    /// Whether it counts as paid in its period, as the post of a hold does not.
    is_fresh: bool,
}

/// All that is set, by position, and what has happened since.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    rules: BTreeMap<u32, CapRule>,
    bilateral: BTreeMap<(u32, u32), u64>,
    multilateral: BTreeMap<u32, u64>,
    velocity: BTreeMap<Spender, Velocity>,
    reserved: BTreeMap<(u32, bool), u64>,
    levels: BTreeMap<u32, Levels>,
    /// On shorts in all currencies, by participant.
    pub(super) fx: BTreeMap<u32, (Currency, u64)>,
    pub(super) valuations: BTreeMap<(Currency, Currency), Price>,
    debits: Vec<Debit>,
    /// The first debit that counts for a position's nets, or for a velocity limit.
    nets_from: BTreeMap<u32, usize>,
    spent_from: BTreeMap<Spender, usize>,
}

impl Limits {
    fn is_sender(&self, position: u32) -> bool {
        self.multilateral.contains_key(&position) || self.bilateral.keys().any(|(from, _)| *from == position)
    }

    fn kept(&self, position: u32, class: Priority) -> i128 {
        let of = |is_urgent| i128::from(self.reserved.get(&(position, is_urgent)).copied().unwrap_or(0));
        match class {
            Priority::Urgent => 0,
            Priority::High => of(true),
            Priority::Normal => of(true) + of(false),
        }
    }

    /// Paid to the other less got from it since the limit was set and the cycle began.
    fn net(&self, (position, other): (u32, u32)) -> i128 {
        let Some(first) = self.nets_from.get(&position) else { return 0 };
        let posted = self.debits[*first..].iter().filter(|debit| debit.is_posted);
        posted
            .map(|debit| match debit.positions {
                pair if pair == (position, other) => i128::from(debit.amount),
                pair if pair == (other, position) => -i128::from(debit.amount),
                _ => 0,
            })
            .sum()
    }

    /// What was paid in the last period in which anything was, of those that `now` does not end.
    fn spent(&self, spender: Spender, now: Option<u64>) -> Option<Spent> {
        let velocity = self.velocity.get(&spender)?;
        let period_of = |at: u64| at / (u64::from(velocity.period_seconds) * 1_000_000_000);
        let debits = self.debits[self.spent_from[&spender]..].iter().filter(|debit| {
            let is_own = match spender {
                Spender::Account(account) => debit.account == account,
                Spender::Position(position) => debit.positions.0 == position && debit.positions.1 != position,
            };
            is_own && debit.is_fresh
        });
        let last = debits.clone().next_back().map(|debit| period_of(debit.at));
        let period = now.map(period_of).or(last)?;
        let debits = debits.filter(|debit| period_of(debit.at) == period);
        let (amount, count) = (debits.clone().map(|debit| u128::from(debit.amount)).sum(), debits.count());
        Some(Spent { period, amount, count: u32::try_from(count).expect("tests pay few") })
    }
}

/// Commands.
impl Books {
    /// Who must approve: two for what is the operator's, and for what loosens a participant's own limit.
    pub(super) fn is_limit_risky(&self, command: &LimitCommand) -> bool {
        if self.is_planted(Planted::LooseningUnseen) {
            return false;
        }
        let at = |bic, currency| self.position_of(bic, currency);
        match *command {
            LimitCommand::SetBilateralLimit { bic, currency, towards, limit } => {
                let (Some(from), Some(to)) = (at(bic, currency), at(towards, currency)) else { return false };
                let before = self.limits.bilateral.get(&(from, to)).copied();
                let leaves_the_others = limit != UNLIMITED && self.limits.multilateral.contains_key(&from);
                before.map_or(leaves_the_others, |before| limit > before)
            }
            LimitCommand::SetMultilateralLimit { bic, currency, limit } => {
                let before = at(bic, currency).and_then(|at| self.limits.multilateral.get(&at));
                before.is_some_and(|before| limit > *before)
            }
            LimitCommand::SetReservation { bic, currency, class, amount } => {
                let key = at(bic, currency).map(|at| (at, class == Priority::Urgent));
                let before = key.and_then(|key| self.limits.reserved.get(&key).copied()).unwrap_or(0);
                class != Priority::Normal && amount < before
            }
            _ => true,
        }
    }

    /// Whether somebody may pay more, where no cap says it.
    pub(super) fn loosens_limit(&self, command: &LimitCommand) -> Option<bool> {
        match *command {
            LimitCommand::SetCover { .. } | LimitCommand::SetCapRule { .. } => None,
            LimitCommand::SetThresholds { .. } => Some(false),
            LimitCommand::SetVelocityLimit { payer, amount, count, period_seconds } => {
                let spender = match payer {
                    Payer::Account(account) => Some(Spender::Account(account)),
                    Payer::Position(bic, currency) => self.position_of(bic, currency).map(Spender::Position),
                };
                let before = spender.and_then(|spender| self.limits.velocity.get(&spender));
                Some(before.is_some_and(|before| {
                    amount > before.amount || count > before.count || period_seconds != before.period_seconds
                }))
            }
            LimitCommand::SetFxLimit { bic, base, limit } => {
                let before = self.participant(bic).and_then(|at| self.limits.fx.get(&at));
                Some(before.is_some_and(|before| before.0 != base || limit > before.1))
            }
            LimitCommand::SetValuation { currency, base, price } => {
                let before = self.limits.valuations.get(&(currency, base)).map(|price| price.scaled());
                Some(price.is_some_and(|price| before.is_none_or(|before| price.scaled() < before)))
            }
            _ => Some(self.is_limit_risky(command)),
        }
    }

    pub(super) fn note_limit_command(&self, reasons: &mut Reasons, command: &LimitCommand) {
        use RejectReason::{LimitInvalid, UnknownAccount, UnknownParticipant};
        match *command {
            LimitCommand::SetCover { bic, currency, amount } => {
                self.note_position(reasons, bic, currency);
                if let Some(at) = self.position_of(bic, currency) {
                    let rule = CapRule { cover: amount, ..self.rule_of(at) };
                    note(reasons, cap_of(&rule).is_none(), LimitInvalid);
                }
            }
            LimitCommand::SetCapRule { bic, currency, fixed, basis_points } => {
                self.note_position(reasons, bic, currency);
                if let Some(at) = self.position_of(bic, currency) {
                    let rule = CapRule { fixed, basis_points, ..self.rule_of(at) };
                    note(reasons, cap_of(&rule).is_none(), LimitInvalid);
                }
            }
            LimitCommand::SetBilateralLimit { bic, currency, towards, .. } => {
                self.note_position(reasons, bic, currency);
                self.note_position(reasons, towards, currency);
                note(reasons, bic == towards, LimitInvalid);
            }
            LimitCommand::SetMultilateralLimit { bic, currency, .. } => {
                self.note_position(reasons, bic, currency);
            }
            LimitCommand::SetVelocityLimit { payer, period_seconds, .. } => {
                match payer {
                    Payer::Account(account) => {
                        note(reasons, self.find(account).is_none(), UnknownAccount);
                    }
                    Payer::Position(bic, currency) => self.note_position(reasons, bic, currency),
                }
                note(reasons, period_seconds == 0, LimitInvalid);
            }
            LimitCommand::SetReservation { bic, currency, class, .. } => {
                self.note_position(reasons, bic, currency);
                note(reasons, class == Priority::Normal, LimitInvalid);
            }
            LimitCommand::SetThresholds { bic, currency, levels: [low, high] } => {
                self.note_position(reasons, bic, currency);
                let is_wrong = low > 10_000 || high > 10_000 || (low >= high && low > 0 && high > 0);
                note(reasons, is_wrong, LimitInvalid);
            }
            LimitCommand::SetFxLimit { bic, .. } => {
                note(reasons, self.participant(bic).is_none(), UnknownParticipant);
            }
            LimitCommand::SetValuation { currency, base, .. } => {
                note(reasons, currency == base, LimitInvalid);
            }
        }
    }

    pub(super) fn rule_of(&self, position: u32) -> CapRule {
        let plain = CapRule { fixed: self.positions[position as usize].cap, ..CapRule::default() };
        self.limits.rules.get(&position).copied().unwrap_or(plain)
    }

    pub(super) fn set_rule(&mut self, position: u32, rule: CapRule) {
        let is_ignored = self.is_planted(Planted::CoverIgnored);
        let cap = if is_ignored { rule.fixed } else { cap_of(&rule).expect("checked") };
        self.positions[position as usize].cap = cap;
        let is_plain = rule.cover == 0 && rule.basis_points == 0;
        keep(&mut self.limits.rules, position, rule, !is_plain);
    }

    pub(super) fn execute_limit(&mut self, command: &LimitCommand) {
        let at = |books: &Self, bic, currency| books.position_of(bic, currency).expect("checked");
        match *command {
            LimitCommand::SetCover { bic, currency, amount } => {
                let at = at(self, bic, currency);
                self.set_rule(at, CapRule { cover: amount, ..self.rule_of(at) });
            }
            LimitCommand::SetCapRule { bic, currency, fixed, basis_points } => {
                let at = at(self, bic, currency);
                self.set_rule(at, CapRule { fixed, basis_points, ..self.rule_of(at) });
            }
            LimitCommand::SetBilateralLimit { bic, currency, towards, limit } => {
                let pair = (at(self, bic, currency), at(self, towards, currency));
                keep(&mut self.limits.bilateral, pair, limit, limit != UNLIMITED);
                self.follow_sender(pair.0);
            }
            LimitCommand::SetMultilateralLimit { bic, currency, limit } => {
                let at = at(self, bic, currency);
                keep(&mut self.limits.multilateral, at, limit, limit != UNLIMITED);
                self.follow_sender(at);
            }
            LimitCommand::SetVelocityLimit { payer, amount, count, period_seconds } => {
                let spender = match payer {
                    Payer::Account(account) => Spender::Account(account),
                    Payer::Position(bic, currency) => Spender::Position(at(self, bic, currency)),
                };
                let (now, limits) = (self.limits.debits.len(), &mut self.limits);
                let before = limits.velocity.get(&spender).map(|before| before.period_seconds);
                let is_set = amount != UNLIMITED || count != u32::MAX;
                let velocity = Velocity { amount, count, period_seconds };
                keep(&mut limits.velocity, spender, velocity, is_set);
                if before != Some(period_seconds) || !is_set {
                    limits.spent_from.insert(spender, now);
                }
            }
            LimitCommand::SetReservation { bic, currency, class, amount } => {
                let key = (at(self, bic, currency), class == Priority::Urgent);
                keep(&mut self.limits.reserved, key, amount, amount > 0);
            }
            LimitCommand::SetThresholds { bic, currency, levels } => {
                let at = at(self, bic, currency);
                keep(&mut self.limits.levels, at, levels, levels != DEFAULT_LEVELS);
            }
            LimitCommand::SetFxLimit { bic, base, limit } => {
                let at = self.participant(bic).expect("checked");
                keep(&mut self.limits.fx, at, (base, limit), limit != UNLIMITED);
            }
            LimitCommand::SetValuation { currency, base, price } => {
                self.limits.valuations.remove(&(currency, base));
                self.limits.valuations.extend(price.map(|price| ((currency, base), price)));
            }
        }
    }

    /// Nets are counted from the first limit on, and no more after the last one.
    fn follow_sender(&mut self, position: u32) {
        let now = self.limits.debits.len();
        if self.limits.is_sender(position) {
            self.limits.nets_from.entry(position).or_insert(now);
        } else {
            self.limits.nets_from.remove(&position);
        }
    }

    /// The next cycle's nets begin at zero.
    /// Nets of these positions begin anew.
    pub(super) fn begin_nets(&mut self, positions: &[usize]) {
        if !self.is_planted(Planted::NetsOutliveCycle) {
            let now = self.limits.debits.len();
            let ended = |at: u32| positions.contains(&(at as usize));
            self.limits.nets_from.iter_mut().filter(|(at, _)| ended(**at)).for_each(|(_, from)| *from = now);
        }
    }
}

/// Transfers.
impl Books {
    pub(super) fn note_debit(&mut self, at: u64, record: &Record, (is_posted, is_fresh): (bool, bool)) {
        let limits = &self.limits;
        if limits.nets_from.is_empty() && limits.velocity.is_empty() {
            return;
        }
        let (account, amount) = (record.debtor.get(), record.amount.get());
        let positions = (self.position_number(account), self.position_number(record.creditor.get()));
        self.limits.debits.push(Debit { at, account, positions, amount, is_posted, is_fresh });
    }

    pub(super) fn position_number(&self, account: u64) -> u32 {
        u32::try_from(self.known(account).position).expect("few")
    }

    /// Reserved by holds of one position towards another.
    fn held(&self, (position, other): (u32, u32)) -> i128 {
        let holds = self.holds.values().filter(|hold| {
            self.position_number(hold.debtor) == position && self.position_number(hold.creditor) == other
        });
        holds.map(|hold| i128::from(hold.amount)).sum()
    }

    fn exposure(&self, pair: (u32, u32)) -> i128 {
        let held = if self.is_planted(Planted::NetsForgetHolds) { 0 } else { self.held(pair) };
        self.limits.net(pair) + held
    }

    /// Towards all that have no bilateral limit.
    fn exposure_to_others(&self, position: u32) -> i128 {
        let all = 0..u32::try_from(self.positions.len()).expect("few");
        let is_free = |pair: &(u32, u32)| {
            self.is_planted(Planted::OthersAreAll) || !self.limits.bilateral.contains_key(pair)
        };
        let pairs = all.filter(|other| *other != position).map(|other| (position, other));
        pairs.filter(is_free).map(|pair| self.exposure(pair)).sum()
    }

    /// What limits say against one transfer, and against its debtor's own order those for such.
    pub(super) fn note_limits(&self, reasons: &mut Reasons, now: u64, (record, is_own): (&Record, bool)) {
        let (account, amount) = (record.debtor.get(), i128::from(record.amount.get()));
        let pair = (self.position_number(account), self.position_number(record.creditor.get()));
        if is_own {
            self.note_speed(reasons, Spender::Account(account), (now, amount, 1));
        }
        if pair.0 == pair.1 {
            return;
        }
        if is_own {
            self.note_speed(reasons, Spender::Position(pair.0), (now, amount, 1));
        }
        let bilateral = self.limits.bilateral.get(&pair);
        let is_over = bilateral.is_some_and(|limit| self.exposure(pair) + amount > i128::from(*limit));
        note(reasons, is_over, RejectReason::BilateralLimitExceeded);
        let is_over = bilateral.is_none()
            && self
                .limits
                .multilateral
                .get(&pair.0)
                .is_some_and(|limit| self.exposure_to_others(pair.0) + amount > i128::from(*limit));
        note(reasons, is_over, RejectReason::MultilateralLimitExceeded);
        let kept = self.limits.kept(pair.0, class_of(record));
        let headroom = self.available(account).1;
        let is_kept = is_own
            && headroom != i128::MAX
            && headroom - amount < kept
            && !self.is_planted(Planted::ReservationIgnored)
            && self.limits.reserved.keys().any(|(position, _)| *position == pair.0);
        note(reasons, is_kept, RejectReason::LiquidityReserved);
    }

    fn note_speed(&self, reasons: &mut Reasons, spender: Spender, (now, amount, count): (u64, i128, u32)) {
        let Some(velocity) = self.limits.velocity.get(&spender) else { return };
        let spent = self.limits.spent(spender, Some(now)).expect("it is set");
        let sum = i128::try_from(spent.amount).expect("tests pay little") + amount;
        let is_over = velocity.amount != UNLIMITED && sum > i128::from(velocity.amount);
        let is_often = velocity.count != u32::MAX && spent.count + count > velocity.count;
        note(reasons, is_over || is_often, RejectReason::VelocityExceeded);
    }

    /// What limits say against a group that has been posted here; `before` is as it was.
    pub(super) fn over_limits(&self, before: &Self, now: u64, group: &[Record]) -> Reasons {
        let mut reasons = Reasons::new();
        for record in group {
            let account = record.debtor.get();
            let pair = (self.position_number(account), self.position_number(record.creditor.get()));
            self.note_speed(&mut reasons, Spender::Account(account), (now, 0, 0));
            if pair.0 == pair.1 {
                continue;
            }
            self.note_speed(&mut reasons, Spender::Position(pair.0), (now, 0, 0));
            let (old, new) = (before.exposure(pair), self.exposure(pair));
            let limit = self.limits.bilateral.get(&pair);
            let is_over = limit.is_some_and(|limit| new > old && new > i128::from(*limit));
            note(&mut reasons, is_over, RejectReason::BilateralLimitExceeded);
            let (old, new) = (before.exposure_to_others(pair.0), self.exposure_to_others(pair.0));
            let limit = self.limits.multilateral.get(&pair.0);
            let is_over = limit.is_some_and(|limit| new > old && new > i128::from(*limit));
            note(&mut reasons, is_over, RejectReason::MultilateralLimitExceeded);
            let is_kept = self.takes_what_is_kept(before.available(account).1, pair.0, group);
            note(&mut reasons, is_kept, RejectReason::LiquidityReserved);
        }
        reasons
    }

    /// Whether a group would go below what is kept, if credits came first, then the least urgent payments. `headroom` is
    /// what there was before.
    fn takes_what_is_kept(&self, headroom: i128, position: u32, group: &[Record]) -> bool {
        let is_reserved = self.limits.reserved.keys().any(|(at, _)| *at == position);
        if self.is_planted(Planted::ReservationIgnored) || !is_reserved || headroom == i128::MAX {
            return false;
        }
        let sum = |is_wanted: &dyn Fn(u32, u32, Priority) -> bool| -> i128 {
            let wanted = group.iter().filter(|record| {
                let [from, to] =
                    [record.debtor.get(), record.creditor.get()].map(|at| self.position_number(at));
                from != to && is_wanted(from, to, class_of(record))
            });
            wanted.map(|record| i128::from(record.amount.get())).sum()
        };
        let gained = sum(&|_, to, _| to == position);
        [Priority::Normal, Priority::High].into_iter().any(|class| {
            let own = sum(&|from, _, other| from == position && other == class);
            let paid = sum(&|from, _, other| from == position && other >= class) - gained;
            own > 0 && paid > 0 && headroom - paid < self.limits.kept(position, class)
        })
    }

    /// Whether a debit is its payer's own order: a part of a fee is its submitter's alone.
    pub(super) fn is_own_order(&self, submitter: u32, record: &Record) -> bool {
        record.flags.get() & flags::FEE == 0
            || self.positions[self.known(record.debtor.get()).position].participant == submitter
            || self.is_planted(Planted::OthersFeesUseLimits)
    }

    /// Whether a transfer counts as paid in its period: a hold does, its post does not.
    pub(super) fn is_fresh(&self, record: &Record) -> bool {
        let bits = record.flags.get();
        bits & (flags::POST | flags::ORDERED) == 0
            && !(bits & flags::HOLD != 0 && self.is_planted(Planted::VelocityForgetsHolds))
    }
}

/// The picture.
impl Books {
    pub(super) fn controls_of(&self, position: u32) -> SlotControls {
        let limits = &self.limits;
        let set = |controls, is_so: bool| if is_so { controls } else { SlotControls::NONE };
        let limits_account = limits.velocity.keys().any(|spender| match spender {
            Spender::Account(account) => self.position_number(*account) == position,
            Spender::Position(_) => false,
        });
        let is_reserved = limits.reserved.keys().any(|(at, _)| *at == position);
        set(SlotControls::SENDER, limits.is_sender(position))
            .with(set(SlotControls::VELOCITY, limits.velocity.contains_key(&Spender::Position(position))))
            .with(set(SlotControls::ACCOUNT, limits_account))
            .with(set(SlotControls::RESERVED, is_reserved))
            .with(set(SlotControls::FEES, self.is_covered(position)))
    }

    pub(super) fn limits_picture(&self) -> LimitsPicture {
        let limits = &self.limits;
        let mut pairs = BTreeMap::new();
        let positions = 0..u32::try_from(self.positions.len()).expect("few");
        for position in positions.clone().filter(|at| limits.is_sender(*at)) {
            for other in positions.clone().filter(|other| *other != position) {
                let pair = (position, other);
                let reserved = u64::try_from(self.held(pair)).expect("bounded by TooManyHolds");
                let seen = Pair { net: limits.net(pair), reserved };
                keep(&mut pairs, pair, seen, seen != Pair::default());
            }
        }
        let spent = limits.velocity.keys();
        let spent = spent.filter_map(|at| Some((*at, limits.spent(*at, None)?))).collect();
        let mut reservations: BTreeMap<u32, Reservation> = BTreeMap::new();
        for ((position, is_urgent), amount) in &limits.reserved {
            let reservation = reservations.entry(*position).or_default();
            *(if *is_urgent { &mut reservation.urgent } else { &mut reservation.high }) = *amount;
        }
        LimitsPicture {
            cap_rules: limits.rules.clone(),
            bilateral: limits.bilateral.clone(),
            multilateral: limits.multilateral.clone(),
            velocity: limits.velocity.clone(),
            reservations,
            thresholds: limits.levels.clone(),
            fx_limits: limits.fx.clone(),
            valuations: limits.valuations.clone(),
            pairs,
            spent,
        }
    }
}

fn cap_of(rule: &CapRule) -> Option<u64> {
    if rule.fixed == u64::MAX {
        return Some(u64::MAX);
    }
    let cap = u128::from(rule.fixed) + u128::from(rule.cover) * u128::from(rule.basis_points) / 10_000;
    (cap < u128::from(u64::MAX)).then(|| u64::try_from(cap).expect("below"))
}

fn keep<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: V, is_set: bool) {
    map.remove(&key);
    if is_set {
        map.insert(key, value);
    }
}
