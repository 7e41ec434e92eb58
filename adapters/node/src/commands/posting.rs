//! How a posting that officers have ordered was carried out by the engine; waits for it a little.

use std::time::{Duration, Instant};

use feiqian_core::command::Command;
use feiqian_core::fraud::FraudCommand;
use feiqian_core::limits::ORDER_SECONDS_MAX;
use feiqian_core::outcome::Outcome;

use super::pay::{Submitted, owner_of};
use crate::fault::Fault;
use crate::session::Session;

/// The engine asks for it within its interval of seals.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOKS: Duration = Duration::from_millis(20);

/// None for another command. `order` is the sequence of the command that put it in force.
///
/// # Errors
/// [`Fault::Refused`] with the reason for which it could not be carried out at once.
pub(super) fn carried_out(
    session: &Session,
    command: &Command,
    order: u64,
) -> Result<Option<Submitted>, Fault> {
    let seconds = match command {
        Command::Posting(posting) => posting.valid_seconds,
        Command::Fraud(FraudCommand::Return { .. }) => ORDER_SECONDS_MAX,
        _ => return Ok(None),
    };
    await_entry(session, order, seconds).map(Some)
}

/// What became of the entry that carries an order out.
///
/// # Errors
/// [`Fault::Refused`] with the reason, or where the engine has not come to it.
pub(super) fn await_entry(session: &Session, order: u64, seconds: u32) -> Result<Submitted, Fault> {
    let begun = Instant::now();
    loop {
        if let Some((sequence, record, row)) = session.engine.carried_out(order)? {
            let currency = owner_of(session, record.debtor.get())?.1;
            return match (row.outcome(), row.reason()) {
                (Some(Outcome::Rejected), Some(reason)) => Err(Fault::Refused(format!(
                    "ordered, and not carried out: {}; tried again while the engine runs, for {seconds} s in all",
                    reason.name()
                ))),
                _ => Ok(Submitted::of(&record, currency, (sequence, &row))),
            };
        }
        if begun.elapsed() > PATIENCE {
            let way =
                "ordered, and not carried out yet; it is as long as its time is not over and the engine runs";
            return Err(Fault::Refused(way.to_owned()));
        }
        std::thread::sleep(LOOKS);
    }
}
