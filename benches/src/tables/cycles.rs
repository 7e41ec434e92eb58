//! Closing a settlement cycle behind ten million transfers, while others go on: how long it takes, and what live
//! transfers feel of it.

use std::sync::Arc;
use std::time::Duration;

use super::Settings;
use super::cases::{options, plain};
use super::results::Results;
use crate::run::driver::Plan;
use crate::run::place::Server;
use crate::run::report::Latency;
use crate::run::server::{OwnServer, ServerSpec};
use crate::run::verify::{Expectation, Sent, check_directory};
use crate::run::{Driven, LoadOptions, drive_noting, own_credentials, scratch};
use crate::workload::Workload;
use crate::workload::layout::Layout;
use crate::workload::maker::Shape;

/// Live transfers before and while the cycle closes: so many seconds of this rate, or of half the full speed.
const LIVE_SECONDS: u64 = 4;
const LIVE_RATE: u64 = 500_000;

/// A server with all that it was sent.
struct House {
    own: OwnServer,
    server: Server,
    layout: Layout,
    loads: Vec<Sent>,
}

impl House {
    /// Sends one more load; of another seed than those before, so that no id comes again.
    fn send(&mut self, workload: &Workload, plan: Plan) -> Result<Driven, String> {
        let seed = self.loads.len() as u64 + 1;
        let shape = Shape::new(Workload { seed, ..workload.clone() }, self.layout.clone());
        let mut driven = drive_noting(plan, &shape, &self.server, None, &mut |_| {});
        let acknowledged = std::mem::take(&mut driven.measured.acknowledged);
        self.loads.push(Sent { shape: Arc::clone(&shape), plan, acknowledged });
        match driven.measured.faults.first() {
            None => Ok(driven),
            Some(fault) => Err(fault.clone()),
        }
    }

    /// As [`House::send`], and closes the cycle in the middle; gives also how long that took, milliseconds.
    fn send_closing(
        &mut self,
        workload: &Workload,
        plan: Plan,
        after: Duration,
    ) -> Result<(Driven, f64), String> {
        let seed = self.loads.len() as u64 + 1;
        let shape = Shape::new(Workload { seed, ..workload.clone() }, self.layout.clone());
        let (server, own) = (&self.server, &mut self.own);
        let (mut driven, closed) = std::thread::scope(|scope| {
            let closing = scope.spawn(move || {
                std::thread::sleep(after);
                own.close_cycle()
            });
            let driven = drive_noting(plan, &shape, server, None, &mut |_| {});
            (driven, closing.join())
        });
        let acknowledged = std::mem::take(&mut driven.measured.acknowledged);
        self.loads.push(Sent { shape: Arc::clone(&shape), plan, acknowledged });
        let closed = closed.map_err(|_| "the closing thread has panicked")??;
        match driven.measured.faults.first() {
            None => Ok((driven, closed)),
            Some(fault) => Err(fault.clone()),
        }
    }
}

pub(super) fn closing(settings: &Settings, results: &mut Results) -> Result<(), String> {
    let workload = plain(settings, 1_000_000);
    let text = |fault: crate::run::LoadFault| fault.to_string();
    let folder = scratch::folder(&settings.folder).map_err(|fault| fault.to_string())?;
    let (data, layout) = (folder.join("data"), Layout::fresh(&workload));
    let own = OwnServer::start(&settings.program, &ServerSpec::new(data.clone(), workload.clone()))?;
    let server = own_credentials(&own.ready.address, workload.participants).map_err(text)?;
    let begin = own.ready.next_sequence;
    let mut house = House { own, server, layout: layout.clone(), loads: Vec::new() };

    let full = options(settings, workload.clone());
    let driven = house.send(&workload, full.plan().map_err(text)?)?;
    #[expect(clippy::cast_sign_loss, reason = "a rate is not below zero")]
    let half = (full.transfers as f64 / driven.elapsed.as_secs_f64() / 2.0) as u64;
    let rate = half.clamp(1_000, LIVE_RATE);
    let transfers = settings.count(rate * LIVE_SECONDS, 60_000);
    let live = LoadOptions { rate: Some(rate), batch: 1_000, transfers, ..full }.plan().map_err(text)?;
    let before = house.send(&workload, live)?;
    let middle = Duration::from_secs_f64(transfers as f64 / rate as f64 / 2.0);
    let (during, closed) = house.send_closing(&workload, live, middle)?;

    let House { own, loads, .. } = house;
    own.stop()?;
    let findings = check_directory(&data, &Expectation { layout, begin, loads, is_all: true });
    if !findings.all_hold() {
        return Err(findings.faults.join("; "));
    }
    let [before, during] = [before, during].map(|driven| Latency::of(&driven.measured.latency));
    results.note(
        "cycle_close_ms",
        "closing a cycle behind 10 million transfers, under 500,000 transfers/s",
        "ms",
        closed,
    );
    let what = "… live batches of 1,000, open loop, p99 before";
    results.note("cycle_p99_before_ms", what, "ms", before.p99);
    results.note("cycle_p99_during_ms", "… p99 of the seconds in which it closes", "ms", during.p99);
    results.note("cycle_max_during_ms", "… and p100", "ms", during.max);
    std::fs::remove_dir_all(&data).map_err(|fault| fault.to_string())
}
