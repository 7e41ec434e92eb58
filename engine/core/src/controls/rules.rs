//! What commands about limits must fulfil, and what they do to the registry.

use super::command::{LimitCommand, Owner, Payer, Velocity};
use super::{CapRule, DEFAULT_LEVELS, Reservation, SlotControls, Spender};
use crate::account::{AccountHandle, SlotHandle, UNLIMITED};
use crate::currency::Currency;
use crate::limits::LIMITS_MAX;
use crate::liquidity::resolve::Priority;
use crate::number::index;
use crate::outcome::RejectReason;
use crate::registry::{Effect, Metering, Registry};

/// All of a cap.
const WHOLE: u16 = 10_000;

type Decision<T> = Result<T, RejectReason>;

fn refuse(condition: bool, reason: RejectReason) -> Decision<()> {
    if condition { Err(reason) } else { Ok(()) }
}

impl Registry {
    /// What a position's cap is made of.
    #[must_use]
    pub fn cap_rule(&self, slot: SlotHandle) -> CapRule {
        self.controls.cap_rules.get(&slot).copied().unwrap_or_else(|| CapRule {
            fixed: self.slots.get(index(slot.into())).map_or(0, |terms| terms.cap),
            ..CapRule::default()
        })
    }

    pub(crate) fn check_limit(&self, command: &LimitCommand) -> Decision<()> {
        let is_cap = |slot, change: &dyn Fn(CapRule) -> CapRule| {
            refuse(change(self.cap_rule(slot)).cap().is_none(), RejectReason::LimitInvalid)
        };
        match *command {
            LimitCommand::SetCover { bic, currency, amount } => {
                is_cap(self.slot(bic, currency)?, &|rule| CapRule { cover: amount, ..rule })
            }
            LimitCommand::SetCapRule { bic, currency, fixed, basis_points } => {
                is_cap(self.slot(bic, currency)?, &|rule| CapRule { fixed, basis_points, ..rule })
            }
            LimitCommand::SetBilateralLimit { bic, currency, towards, .. } => {
                self.participant(bic)?;
                self.participant(towards)?;
                let pair = (self.slot(bic, currency)?, self.slot(towards, currency)?);
                let is_new = !self.controls.bilateral.contains_key(&pair);
                refuse(is_new && self.controls.bilateral.len() >= LIMITS_MAX, RejectReason::LimitReached)?;
                refuse(bic == towards, RejectReason::LimitInvalid)
            }
            LimitCommand::SetMultilateralLimit { bic, currency, .. } => self.slot(bic, currency).map(drop),
            LimitCommand::SetVelocityLimit { payer, period_seconds, .. } => {
                let spender = match payer {
                    Payer::Account(account) => {
                        self.account(account).ok_or(RejectReason::UnknownAccount)?;
                        Spender::Account(account)
                    }
                    Payer::Position(bic, currency) => Spender::Position(self.slot(bic, currency)?),
                };
                let is_new = !self.controls.velocity.contains_key(&spender);
                refuse(is_new && self.controls.velocity.len() >= LIMITS_MAX, RejectReason::LimitReached)?;
                refuse(period_seconds == 0, RejectReason::LimitInvalid)
            }
            LimitCommand::SetReservation { bic, currency, class, .. } => {
                self.slot(bic, currency)?;
                refuse(class == Priority::Normal, RejectReason::LimitInvalid)
            }
            LimitCommand::SetThresholds { bic, currency, levels: [first, second] } => {
                self.slot(bic, currency)?;
                let is_ascending = first == 0 || second == 0 || first < second;
                refuse(!is_ascending || first.max(second) > WHOLE, RejectReason::LimitInvalid)
            }
            LimitCommand::SetFxLimit { bic, .. } => self.participant(bic).map(drop),
            LimitCommand::SetValuation { currency, base, .. } => {
                let is_new = !self.controls.valuations.contains_key(&(currency, base));
                refuse(is_new && self.controls.valuations.len() >= LIMITS_MAX, RejectReason::LimitReached)?;
                refuse(currency == base, RejectReason::LimitInvalid)
            }
        }
    }

    /// Puts a limit in force that [`Registry::check_limit`] has accepted.
    pub(crate) fn commit_limit(&mut self, command: &LimitCommand) -> Effect {
        let metering = match *command {
            LimitCommand::SetCover { bic, currency, amount } => {
                self.change_cap((bic, currency), |rule| CapRule { cover: amount, ..rule })
            }
            LimitCommand::SetCapRule { bic, currency, fixed, basis_points } => {
                self.change_cap((bic, currency), |rule| CapRule { fixed, basis_points, ..rule })
            }
            LimitCommand::SetBilateralLimit { bic, currency, towards, limit } => {
                let Ok(other) = self.slot(towards, currency) else { return Effect::Registered };
                self.change_sender((bic, currency), |controls, slot| {
                    set(&mut controls.bilateral, (slot, other), (limit != UNLIMITED).then_some(limit));
                })
            }
            LimitCommand::SetMultilateralLimit { bic, currency, limit } => {
                self.change_sender((bic, currency), |controls, slot| {
                    set(&mut controls.multilateral, slot, (limit != UNLIMITED).then_some(limit));
                })
            }
            LimitCommand::SetVelocityLimit { payer, amount, count, period_seconds } => {
                let velocity = Velocity { amount, count, period_seconds };
                match payer {
                    Payer::Account(account) => self.limit_account(account, velocity),
                    Payer::Position(bic, currency) => match self.slot(bic, currency) {
                        Ok(slot) => self.limit_velocity(slot, Spender::Position(slot), velocity),
                        Err(_) => Metering::Same,
                    },
                }
            }
            LimitCommand::SetReservation { bic, currency, class, amount } => {
                if let Ok(slot) = self.slot(bic, currency) {
                    let mut reserved = self.controls.reservations.get(&slot).copied().unwrap_or_default();
                    match class {
                        Priority::Urgent => reserved.urgent = amount,
                        Priority::High => reserved.high = amount,
                        Priority::Normal => {}
                    }
                    let is_set = reserved != Reservation::default();
                    set(&mut self.controls.reservations, slot, is_set.then_some(reserved));
                    self.note_controls(slot);
                }
                Metering::Same
            }
            LimitCommand::SetThresholds { bic, currency, levels } => {
                if let Ok(slot) = self.slot(bic, currency) {
                    set(&mut self.controls.thresholds, slot, (levels != DEFAULT_LEVELS).then_some(levels));
                }
                Metering::Same
            }
            LimitCommand::SetFxLimit { bic, base, limit } => {
                if let Ok(participant) = self.participant(bic) {
                    let limit = (limit != UNLIMITED).then_some((base, limit));
                    set(&mut self.controls.fx_limits, participant, limit);
                }
                Metering::Same
            }
            LimitCommand::SetValuation { currency, base, price } => {
                set(&mut self.controls.valuations, (currency, base), price);
                Metering::Same
            }
        };
        Effect::Limited(metering)
    }

    /// Changes what a cap is made of, and the cap with it.
    pub(crate) fn change_cap(
        &mut self,
        (bic, currency): Owner,
        change: impl Fn(CapRule) -> CapRule,
    ) -> Metering {
        if let Ok(slot) = self.slot(bic, currency) {
            let rule = change(self.cap_rule(slot));
            if let (Some(terms), Some(cap)) = (self.slots.get_mut(index(slot.into())), rule.cap()) {
                terms.cap = cap;
                set(&mut self.controls.cap_rules, slot, (!rule.is_plain()).then_some(rule));
            }
        }
        Metering::Same
    }

    fn change_sender(
        &mut self,
        (bic, currency): Owner,
        change: impl Fn(&mut super::Controls, SlotHandle),
    ) -> Metering {
        let Ok(slot) = self.slot(bic, currency) else { return Metering::Same };
        let was = self.controls.is_sender(slot);
        change(&mut self.controls, slot);
        self.note_controls(slot);
        match (was, self.controls.is_sender(slot)) {
            (false, true) => Metering::Begun(slot),
            (true, false) => Metering::Ended(slot),
            _ => Metering::Same,
        }
    }

    fn limit_account(&mut self, account: AccountHandle, velocity: Velocity) -> Metering {
        let Some(slot) = self.account(account).map(|terms| terms.slot) else { return Metering::Same };
        let was = self.controls.limits_account(account);
        let limited = self.controls.limited_accounts.get(&slot).copied().unwrap_or(0);
        let limited = match (was, velocity.binds()) {
            (false, true) => limited.saturating_add(1),
            (true, false) => limited.saturating_sub(1),
            _ => limited,
        };
        set(&mut self.controls.limited_accounts, slot, (limited > 0).then_some(limited));
        self.limit_velocity(slot, Spender::Account(account), velocity)
    }

    /// What was counted stands while the periods stay the same.
    fn limit_velocity(&mut self, slot: SlotHandle, spender: Spender, velocity: Velocity) -> Metering {
        let was = self.controls.velocity.get(&spender).copied();
        set(&mut self.controls.velocity, spender, velocity.binds().then_some(velocity));
        self.note_controls(slot);
        let is_same = was.is_some_and(|was| was.period_seconds == velocity.period_seconds);
        if is_same && velocity.binds() { Metering::Same } else { Metering::Anew(spender) }
    }

    /// Notes in a position's terms which limits it has.
    fn note_controls(&mut self, slot: SlotHandle) {
        let controls = self.controls.of_slot(slot);
        if let Some(terms) = self.slots.get_mut(index(slot.into())) {
            terms.controls =
                controls.with(SlotControls::FEES.only_if(terms.controls.has(SlotControls::FEES)));
        }
    }

    /// Notes in all positions' terms which limits they have, behind a snapshot.
    pub(crate) fn follow_controls(&mut self) {
        let controls = &self.controls;
        for (terms, slot) in self.slots.iter_mut().zip(0..) {
            let fees = SlotControls::FEES.only_if(terms.controls.has(SlotControls::FEES));
            terms.controls = controls.of_slot(slot).with(fees);
        }
    }

    /// Notes in the terms of a currency's positions whether a tariff covers what they pay.
    pub(crate) fn follow_tariffs(&mut self, currency: Currency) {
        let covered = self.fees.covered(currency);
        for terms in self.slots.iter_mut().filter(|terms| terms.currency == currency) {
            let owner = self.participants.get(index(terms.participant.into()));
            let is_covered = owner.is_some_and(|owner| covered.has(owner.bic));
            terms.controls =
                terms.controls.without(SlotControls::FEES).with(SlotControls::FEES.only_if(is_covered));
        }
    }
}

impl LimitCommand {
    /// Whether somebody may pay more when it is in force: what waits where loosenings are delayed.
    #[must_use]
    pub(crate) fn lets_pay_more(&self, registry: &Registry) -> bool {
        let raises = |bic, currency, change: &dyn Fn(CapRule) -> CapRule| {
            let slot = registry.slot_of(bic, currency);
            let terms =
                slot.and_then(|slot| registry.slots.get(index(slot.into())).map(|terms| (slot, terms)));
            terms.is_some_and(|(slot, terms)| {
                change(registry.cap_rule(slot)).cap().is_some_and(|cap| cap > terms.cap)
            })
        };
        match *self {
            Self::SetCover { bic, currency, amount } => {
                raises(bic, currency, &|rule| CapRule { cover: amount, ..rule })
            }
            Self::SetCapRule { bic, currency, fixed, basis_points } => {
                raises(bic, currency, &|rule| CapRule { fixed, basis_points, ..rule })
            }
            Self::SetThresholds { .. } => false,
            _ => self.loosens(registry),
        }
    }

    /// Whether somebody may pay more, or is told later, when it is in force. What names nothing that exists loosens
    /// nothing.
    #[must_use]
    pub fn loosens(&self, registry: &Registry) -> bool {
        let controls = &registry.controls;
        let of = |bic, currency, exceeds: &dyn Fn(SlotHandle) -> bool| {
            registry.slot_of(bic, currency).is_some_and(exceeds)
        };
        match *self {
            Self::SetCover { bic, currency, amount } => {
                of(bic, currency, &|slot| amount > registry.cap_rule(slot).cover)
            }
            Self::SetCapRule { bic, currency, fixed, basis_points } => of(bic, currency, &|slot| {
                let rule = registry.cap_rule(slot);
                fixed > rule.fixed || basis_points > rule.basis_points
            }),
            Self::SetBilateralLimit { bic, currency, towards, limit } => of(bic, currency, &|slot| {
                let Some(other) = registry.slot_of(towards, currency) else { return false };
                match controls.bilateral.get(&(slot, other)) {
                    Some(before) => limit > *before,
                    // It takes the other out of those that a multilateral limit is for.
                    None => limit != UNLIMITED && controls.multilateral.contains_key(&slot),
                }
            }),
            Self::SetMultilateralLimit { bic, currency, limit } => of(bic, currency, &|slot| {
                controls.multilateral.get(&slot).is_some_and(|before| limit > *before)
            }),
            Self::SetVelocityLimit { payer, amount, count, period_seconds } => {
                let spender = match payer {
                    Payer::Account(account) => Some(Spender::Account(account)),
                    Payer::Position(bic, currency) => registry.slot_of(bic, currency).map(Spender::Position),
                };
                let before = spender.and_then(|spender| controls.velocity.get(&spender));
                before.is_some_and(|before| {
                    amount > before.amount || count > before.count || period_seconds != before.period_seconds
                })
            }
            Self::SetReservation { bic, currency, class, amount } => of(bic, currency, &|slot| {
                let reserved = controls.reservations.get(&slot).copied().unwrap_or_default();
                let before = match class {
                    Priority::Urgent => reserved.urgent,
                    Priority::High => reserved.high,
                    Priority::Normal => 0,
                };
                amount < before
            }),
            Self::SetThresholds { bic, currency, levels } => of(bic, currency, &|slot| {
                let before = controls.levels_of(slot);
                before.iter().zip(levels).any(|(before, now)| *before > 0 && (now == 0 || now > *before))
            }),
            Self::SetFxLimit { bic, base, limit } => {
                let before = registry.participant_of(bic).and_then(|at| controls.fx_limits.get(&at));
                before.is_some_and(|(before, most)| *before != base || limit > *most)
            }
            // Without one no short is borne.
            Self::SetValuation { currency, base, price } => {
                let before = controls.valuations.get(&(currency, base));
                price.is_some_and(|price| before.is_none_or(|before| price < *before))
            }
        }
    }
}

fn set<K: Ord, V>(map: &mut alloc::collections::BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}
