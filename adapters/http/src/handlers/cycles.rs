//! Settlement cycles, which everybody sees.

use actix_web::HttpResponse;
use feiqian_core::participant::{Cycle, CycleNumber, CycleState};
use feiqian_files::timestamp::date_time;

use super::paging;
use crate::api::{Call, answer};
use crate::model::{CycleView, Cycles};
use crate::number;
use crate::problem::{Outcome, Problem};

/// `GET /v1/cycles`.
pub(crate) async fn list(call: Call) -> Outcome<HttpResponse> {
    let query: paging::Page = call.query()?;
    let limit = query.limit()?;
    let before = paging::number(query.cursor.as_deref())?.unwrap_or(CycleNumber::MAX);
    let mut cycles: Vec<_> = call.api.engine.directory().registry(|registry| {
        let newest = registry.cycles().iter().rev().filter(|cycle| cycle.number < before);
        newest.take(limit + 1).map(view).collect()
    });
    let has_more = cycles.len() > limit;
    cycles.truncate(limit);
    let next = cycles.last().filter(|_| has_more).map(|cycle| cycle.cycle.to_string());
    answer(&Cycles { cycles, next })
}

/// `GET /v1/cycles/{cycle}`.
pub(crate) async fn one(call: Call) -> Outcome<HttpResponse> {
    let absent = || Problem::absent("there is no such cycle");
    let number: CycleNumber = number::read(call.part("cycle"), "cycle")?;
    let found = call.api.engine.directory().registry(|registry| registry.cycle(number).map(view));
    answer(&found.ok_or_else(absent)?)
}

fn view(cycle: &Cycle) -> CycleView {
    let is_over = cycle.state != CycleState::Open;
    CycleView {
        cycle: cycle.number,
        currency: cycle.scope.map(|scope| scope.code()),
        state: cycle.state.name(),
        first_block: cycle.first_block,
        end_block: is_over.then_some(cycle.end_block),
        closed_at: is_over.then(|| date_time(cycle.closed_at)),
    }
}
