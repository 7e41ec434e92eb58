//! One session over the JSON API: makes a batch, sends it when it is due, checks the answer, and makes the next. What was
//! not taken is sent again.

use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::answer::{self, Told};
use super::connection::Connection;
use super::request;
use crate::run::driver::Acknowledged;
use crate::run::pacer::Due;
use crate::run::session::Surroundings;
use crate::workload::maker::{MadeBatch, Maker};

/// How long a session waits before it sends again what was not taken.
const PATIENCE: Duration = Duration::from_millis(1);

/// A session, connected.
pub(in super::super) struct HttpSession {
    pub(in super::super) number: u64,
    pub(in super::super) connection: Connection,
    pub(in super::super) maker: Maker,
    pub(in super::super) due: Rc<Due>,
}

/// Runs a session to its end; what goes wrong is noted in what is measured.
pub(in super::super) async fn run(mut session: HttpSession, around: Surroundings) {
    let mut made = MadeBatch::default();
    for number in 0..around.plan.batches_of(session.number) {
        session.wait_for(number, &around).await;
        let place = around.plan.place_of(session.number, number);
        session.maker.fill(around.plan.size_of(place), &mut made);
        // At full speed a batch is due when it is made; at a given rate when the plan says, however late it is.
        let due = around.schedule.map_or_else(Instant::now, |schedule| schedule.due(place));
        match session.send(&made, &around).await {
            Err(fault) => {
                around.measured.borrow_mut().fail(format!("session {}: {fault}", session.number));
                return;
            }
            Ok(Err(fault)) => {
                around
                    .measured
                    .borrow_mut()
                    .differ(format!("batch {number} has other outcomes than it must: {fault}"));
            }
            Ok(Ok(first)) => session.finish((number, first, due), &made, &around),
        }
    }
}

impl HttpSession {
    async fn wait_for(&self, number: u64, around: &Surroundings) {
        if around.schedule.is_some() {
            while self.due.batches.get() <= number {
                self.due.bell.notified().await;
            }
        }
    }

    /// The first sequence, or what is not as it must be.
    async fn send(&mut self, made: &MadeBatch, around: &Surroundings) -> Result<Result<u64, String>, String> {
        let request = request::of(made);
        loop {
            let answer = self.connection.ask("POST", &request.path, &request.body).await?;
            match answer::read(answer, made, None) {
                Ok(Told::Decided(first)) => return Ok(Ok(first)),
                Ok(Told::Busy) => around.measured.borrow_mut().busy += 1,
                Err(fault) => return Ok(Err(fault)),
            }
            tokio::time::sleep(PATIENCE).await;
        }
    }

    fn finish(
        &self,
        (number, first_sequence, due): (u64, u64, Instant),
        made: &MadeBatch,
        around: &Surroundings,
    ) {
        let now = Instant::now();
        let mut measured = around.measured.borrow_mut();
        measured.record(now.saturating_duration_since(due), now);
        let (session, number) = (self.number as u32, number as u32);
        measured.acknowledged.push(Acknowledged { first_sequence, session, number });
        around.answered.fetch_add(made.records.len() as u64, Ordering::Relaxed);
    }
}
