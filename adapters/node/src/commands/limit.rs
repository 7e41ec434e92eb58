//! `feiqian limit`: shows and sets limits beyond caps and credit lines, as commands in the journal. What a participant
//! tightens for itself needs no approval; the rest is approved by two officers.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use feiqian_core::account::{SlotHandle, UNLIMITED};
use feiqian_core::bic::Bic;
use feiqian_core::command::Command;
use feiqian_core::controls::threshold::use_of_cap;
use feiqian_core::controls::usage::{Meters, Spent};
use feiqian_core::controls::{LimitCommand, Payer, Spender, Velocity};
use feiqian_core::currency::Currency;
use feiqian_core::mirror::Mirror;
use feiqian_core::money::{Amount, decimal, signed_decimal};
use serde::Serialize;

use super::Context;
use super::fx::{parse_pair, parse_price};
use crate::cli::{LimitArgs, LimitStep, Period, Place};
use crate::fault::Fault;
use crate::names::{Aliases, find_account};
use crate::output::Table;
use crate::session::Session;

#[derive(Serialize)]
struct LimitLine {
    /// Whom it binds: `BIC/CURRENCY`, or an account.
    payer: String,
    currency: &'static str,
    kind: &'static str,
    /// Towards whom, in which class, or in which period.
    scope: String,
    /// Decimal; none for no limit of this kind.
    limit: Option<String>,
    /// What counts against it now.
    used: Option<String>,
}

#[derive(Serialize)]
struct LimitsReport {
    limits: Vec<LimitLine>,
}

impl fmt::Display for LimitsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.limits.is_empty() {
            return write!(f, "no limit is set beyond net debit caps and credit lines");
        }
        let mut table = Table::new(&["whose", "", "limit", "", ">at the most", ">used"]);
        let cell = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        for line in &self.limits {
            table.row(vec![
                line.payer.clone(),
                line.currency.to_owned(),
                line.kind.to_owned(),
                line.scope.clone(),
                cell(&line.limit),
                cell(&line.used),
            ]);
        }
        write!(f, "{table}")
    }
}

pub(super) fn step(context: &Context, step: &LimitStep) -> Result<(), Fault> {
    match step {
        LimitStep::List => list(context),
        LimitStep::Cover { place, amount, with } => order(context, with, |_| {
            let Place { bic, currency } = *place;
            Ok(LimitCommand::SetCover { bic, currency, amount: minor(amount, currency)? })
        }),
        LimitStep::Cap { place, fixed, percent, with } => order(context, with, |_| {
            let Place { bic, currency } = *place;
            let (fixed, basis_points) = (minor(fixed, currency)?, *percent);
            Ok(LimitCommand::SetCapRule { bic, currency, fixed, basis_points })
        }),
        LimitStep::Bilateral { place, towards, limit, with } => order(context, with, |_| {
            let Place { bic, currency } = *place;
            let (towards, limit) = (parse_bic(towards)?, minor(limit, currency)?);
            Ok(LimitCommand::SetBilateralLimit { bic, currency, towards, limit })
        }),
        LimitStep::Multilateral { place, limit, with } => order(context, with, |_| {
            let Place { bic, currency } = *place;
            Ok(LimitCommand::SetMultilateralLimit { bic, currency, limit: minor(limit, currency)? })
        }),
        LimitStep::Velocity { payer, amount, count, period, with } => order(context, with, |session| {
            let (payer, currency) = parse_payer(session, payer)?;
            let amount = amount.as_deref().map_or(Ok(UNLIMITED), |text| minor(text, currency))?;
            let (count, Period(period_seconds)) = (count.unwrap_or(u32::MAX), *period);
            Ok(LimitCommand::SetVelocityLimit { payer, amount, count, period_seconds })
        }),
        LimitStep::Reserve { place, class, amount, with } => order(context, with, |_| {
            let (Place { bic, currency }, class) = (*place, *class);
            Ok(LimitCommand::SetReservation { bic, currency, class, amount: minor(amount, currency)? })
        }),
        LimitStep::Fx { place, limit, with } => order(context, with, |_| {
            let Place { bic, currency: base } = *place;
            Ok(LimitCommand::SetFxLimit { bic, base, limit: minor(limit, base)? })
        }),
        LimitStep::Valuation { pair, price, with } => order(context, with, |_| {
            let (currency, base) = parse_pair(pair)?;
            let price = (price != "none").then(|| parse_price(price)).transpose()?;
            Ok(LimitCommand::SetValuation { currency, base, price })
        }),
        LimitStep::Thresholds { place, low, high, with } => order(context, with, |_| {
            let Place { bic, currency } = *place;
            let level = |basis_points: u32| {
                let far = "a threshold is at most 100 per cent";
                u16::try_from(basis_points).map_err(|_| Fault::Usage(far.to_owned()))
            };
            Ok(LimitCommand::SetThresholds { bic, currency, levels: [level(*low)?, level(*high)?] })
        }),
    }
}

fn list(context: &Context) -> Result<(), Fault> {
    let report =
        context.with_session(&[], |session| Ok(session.engine.ask(|sealer| report_of(sealer.mirror()))))?;
    context.output.report(&report);
    Ok(())
}

/// Runs the command, seals it, and shows all limits as they are then.
fn order(
    context: &Context,
    with: &LimitArgs,
    command: impl FnOnce(&Session) -> Result<LimitCommand, Fault>,
) -> Result<(), Fault> {
    let report = context.with_session(&with.officers.keys, |session| {
        session.command(Command::Limit(command(session)?))?;
        session.engine.seal()?;
        Ok(session.engine.ask(|sealer| report_of(sealer.mirror())))
    })?;
    context.output.report(&report);
    Ok(())
}

/// Minor units of a decimal that may be zero, or of `none`, which never binds.
fn minor(text: &str, currency: Currency) -> Result<u64, Fault> {
    match text {
        "none" => Ok(UNLIMITED),
        text if text.bytes().all(|byte| matches!(byte, b'0' | b'.')) && text.contains('0') => Ok(0),
        text => Amount::from_decimal(text, currency)
            .map(Amount::minor)
            .map_err(|fault| Fault::Usage(format!("{text}: {fault}"))),
    }
}

fn parse_bic(text: &str) -> Result<Bic, Fault> {
    Bic::parse(text).map_err(|_| Fault::Usage(format!("{text}: not a BIC")))
}

/// `BIC/CURRENCY` is a participant's position, all else an account.
fn parse_payer(session: &Session, text: &str) -> Result<(Payer, Currency), Fault> {
    if let Ok(Place { bic, currency }) = text.parse() {
        return Ok((Payer::Position(bic, currency), currency));
    }
    let account = find_account(session.engine.directory(), text)?;
    let (_, currency) = super::pay::owner_of(session, account)?;
    Ok((Payer::Account(account), currency))
}

/// Makes lines out of a mirror.
struct Lines<'a> {
    mirror: &'a Mirror,
    aliases: Aliases,
    limits: Vec<LimitLine>,
}

fn report_of(mirror: &Mirror) -> LimitsReport {
    let mut lines = Lines { mirror, aliases: Aliases::of(&mirror.registry), limits: Vec::new() };
    lines.caps();
    lines.senders();
    lines.velocities();
    lines.reservations();
    lines.fx_limits();
    LimitsReport { limits: lines.limits }
}

impl Lines<'_> {
    fn meters(&self) -> &Meters {
        &self.mirror.usage
    }

    fn place(&self, slot: SlotHandle) -> Option<(String, Currency)> {
        let terms = self.mirror.registry.slots().get(slot as usize)?;
        let participant = self.mirror.registry.participants().get(terms.participant as usize)?;
        Some((participant.bic.as_str().to_owned(), terms.currency))
    }

    fn add(
        &mut self,
        slot: SlotHandle,
        (kind, scope): (&'static str, String),
        (limit, used): (u64, Option<i128>),
    ) {
        let Some((payer, currency)) = self.place(slot) else { return };
        self.limits.push(LimitLine {
            payer,
            currency: currency.code(),
            kind,
            scope,
            limit: (limit != UNLIMITED).then(|| decimal(limit.into(), currency)),
            used: used.map(|used| signed_decimal(used, currency)),
        });
    }

    fn caps(&mut self) {
        let (mirror, controls) = (self.mirror, self.mirror.registry.controls());
        for (slot, rule) in controls.cap_rules() {
            let Some((_, currency)) = self.place(*slot) else { continue };
            let fixed = decimal(rule.fixed.into(), currency);
            let cover = decimal(rule.cover.into(), currency);
            let scope = format!("{fixed} and {} of {cover}", percent(rule.basis_points));
            let cap = rule.cap().unwrap_or(UNLIMITED);
            let cell = mirror.slots.get(*slot as usize);
            let used = cell.filter(|_| cap != UNLIMITED);
            let used = used.map(|cell| i128::from(cap) - cell.headroom(cap));
            self.add(*slot, ("net debit cap", scope), (cap, used));
        }
        for (slot, levels) in controls.thresholds() {
            let cap = mirror.registry.slots().get(*slot as usize).map_or(UNLIMITED, |terms| terms.cap);
            let in_use = mirror.slots.get(*slot as usize).map_or(0, |cell| use_of_cap(cell, cap));
            let levels = levels.iter().filter(|level| **level > 0).map(|level| percent((*level).into()));
            let scope = format!("{} (now {})", levels.collect::<Vec<_>>().join(", "), percent(in_use));
            self.add(*slot, ("thresholds", scope), (UNLIMITED, None));
        }
    }

    fn senders(&mut self) {
        let controls = self.mirror.registry.controls();
        for ((slot, towards), limit) in controls.bilateral() {
            let other = self.place(*towards).map(|(bic, _)| bic).unwrap_or_default();
            let used = self.meters().exposure((*slot, *towards));
            self.add(*slot, ("bilateral", format!("towards {other}")), (*limit, Some(used)));
        }
        for (slot, limit) in controls.multilateral() {
            let pairs = self.meters().pairs.range((*slot, 0)..=(*slot, SlotHandle::MAX));
            let pairs = pairs.filter(|(pair, _)| !controls.bilateral().contains_key(pair));
            let used = pairs.map(|(_, pair)| pair.exposure()).sum();
            let scope = "towards all others".to_owned();
            self.add(*slot, ("multilateral", scope), (*limit, Some(used)));
        }
    }

    /// What trades have made, and what it counts as.
    fn fx_limits(&mut self) {
        let (registry, fx) = (&self.mirror.registry, &self.mirror.fx);
        let controls = registry.controls();
        for (participant, (base, limit)) in controls.fx_limits() {
            let Some(owner) = registry.participants().get(*participant as usize) else { continue };
            let positions =
                fx.of(*participant).map(|(at, net)| format!("{} {}", signed_decimal(net, at), at.code()));
            let used = fx.short(*participant, *base, controls).and_then(|used| i128::try_from(used).ok());
            self.limits.push(LimitLine {
                payer: owner.bic.as_str().to_owned(),
                currency: base.code(),
                kind: "shorts by trades",
                scope: positions.collect::<Vec<_>>().join(", "),
                limit: Some(decimal((*limit).into(), *base)),
                used: used.map(|used| signed_decimal(used, *base)),
            });
        }
        for ((currency, base), price) in controls.valuations() {
            self.limits.push(LimitLine {
                payer: format!("1 {}", currency.code()),
                currency: base.code(),
                kind: "valuation",
                scope: format!("counts as {}", price.to_decimal()),
                limit: None,
                used: None,
            });
        }
    }

    /// As of now: a period may have ended without a block.
    fn velocities(&mut self) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let registry = &self.mirror.registry;
        for (spender, velocity) in registry.controls().velocity() {
            let slot = match spender {
                Spender::Position(slot) => Some(*slot),
                Spender::Account(account) => registry.account(*account).map(|terms| terms.slot),
            };
            let Some(slot) = slot else { continue };
            let spent = self.meters().spent(*spender, velocity.period_of(now));
            let scope = velocity_text(velocity, &spent);
            let used = i128::try_from(spent.amount).unwrap_or(i128::MAX);
            self.add(slot, ("velocity", scope), (velocity.amount, Some(used)));
            let name = match spender {
                Spender::Account(account) => self.aliases.name(registry, *account),
                Spender::Position(_) => None,
            };
            if let (Some(line), Some(name)) = (self.limits.last_mut(), name) {
                line.payer = name.to_string();
            }
        }
    }

    fn reservations(&mut self) {
        let controls = self.mirror.registry.controls();
        for (slot, reserved) in controls.reservations() {
            for (class, amount) in [("urgent", reserved.urgent), ("urgent and high", reserved.high)] {
                if amount > 0 {
                    self.add(*slot, ("kept", format!("for {class} payments")), (amount, None));
                }
            }
        }
    }
}

fn velocity_text(velocity: &Velocity, spent: &Spent) -> String {
    let period = velocity.period_seconds;
    match velocity.count {
        u32::MAX => format!("every {period} s"),
        count => format!("every {period} s, {} of {count} payments", spent.count),
    }
}

fn percent(basis_points: u32) -> String {
    format!("{}.{:02} %", basis_points / 100, basis_points % 100)
}
