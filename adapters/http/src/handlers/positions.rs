//! Positions of the caller's own in a cycle; of everybody for those who see all.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use feiqian_core::account::UNLIMITED;
use feiqian_core::currency::Currency;
use feiqian_core::mirror::Mirror;
use feiqian_core::participant::{CycleNumber, CycleState, ParticipantHandle};
use serde::Deserialize;

use super::shown::bic;
use crate::api::{Call, answer};
use crate::instruct::{self, shown, shown_signed};
use crate::model::{Position, Positions};
use crate::number::{Digits, optional};
use crate::problem::{Outcome, Problem};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    participant: Option<String>,
    cycle: Option<Digits>,
    currency: Option<String>,
}

/// `GET /v1/positions`.
pub(crate) async fn list(call: Call) -> Outcome<HttpResponse> {
    let query: Query = call.query()?;
    let owner = call.whose(query.participant.as_deref())?;
    let currency = query.currency.as_deref().map(instruct::currency_asked).transpose()?;
    let cycle = optional(query.cycle.as_ref(), "cycle")?;
    let found = call.ask(move |engine| {
        Ok(engine.ask(move |sealer| positions(sealer.mirror(), cycle, (owner, currency))))
    });
    let absent = || Problem::absent("that cycle is not there, or no longer at hand; see /v1/cycles");
    answer(&found.await?.ok_or_else(absent)?)
}

fn positions(
    mirror: &Mirror,
    cycle: Option<CycleNumber>,
    (owner, currency): (Option<ParticipantHandle>, Option<Currency>),
) -> Option<Positions> {
    let registry = &mirror.registry;
    let number = cycle.unwrap_or_else(|| registry.open_cycle());
    let state = registry.cycle(number)?.state;
    let is_open = state == CycleState::Open;
    let nets: BTreeMap<u32, i128> = match is_open {
        true => (0..).zip(&mirror.slots).map(|(slot, cell)| (slot, cell.position)).collect(),
        false => mirror.closing(number)?.nets.iter().copied().collect(),
    };
    let mut positions = Vec::new();
    for (slot, net) in nets {
        let terms = registry.slots().get(slot as usize)?;
        let is_wanted = owner.is_none_or(|owner| terms.participant == owner)
            && currency.is_none_or(|currency| terms.currency == currency)
            && (cycle.is_none() || registry.is_counted(number, terms.currency));
        if !is_wanted {
            continue;
        }
        let (cell, known) = (mirror.slots.get(slot as usize)?, terms.currency);
        let cap = (is_open && terms.cap != UNLIMITED).then_some(terms.cap);
        positions.push(Position {
            participant: bic(registry, terms.participant),
            position: shown_signed(net, known),
            unsettled: is_open.then(|| shown_signed(cell.unsettled(), known)),
            reserved: is_open.then(|| shown(cell.reserved, known)),
            net_debit_cap: cap.map(|cap| shown(cap, known)),
            headroom: cap.map(|cap| shown_signed(cell.headroom(cap), known)),
        });
    }
    Some(Positions { cycle: number, state: state.name(), positions })
}
