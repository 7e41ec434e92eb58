//! Founds a load's house on a running engine: participants, positions, accounts, funds. Through commands and
//! transfers alone, as an operator would.

use std::collections::VecDeque;

use feiqian_core::command::Entry;
use feiqian_core::outcome::Outcome;
use feiqian_runtime::admission::Ticket;
use feiqian_runtime::pipeline::Engine;

use crate::workload::layout::Layout;

/// Batches of funding in flight: as many as one participant may have by default.
const IN_FLIGHT: usize = 8;

/// Gives the layout's commands and funding to an engine that has its genesis, and seals.
///
/// # Errors
/// What was refused, in words.
pub fn found(engine: &Engine, layout: &Layout) -> Result<(), String> {
    for entry in layout.commands() {
        command(engine, &entry)?;
    }
    let mut waiting = VecDeque::new();
    for batch in layout.funding() {
        if waiting.len() >= IN_FLIGHT {
            finish_first(&mut waiting)?;
        }
        waiting.push_back(engine.submit(batch).map_err(|busy| busy.to_string())?);
    }
    while !waiting.is_empty() {
        finish_first(&mut waiting)?;
    }
    engine.seal().map(drop).map_err(|busy| busy.to_string())
}

/// Gives a command and waits until it is in force.
///
/// # Errors
/// Why it is not.
pub fn command(engine: &Engine, entry: &Entry) -> Result<(), String> {
    let ticket = engine.command(entry).map_err(|busy| busy.to_string())?;
    let outcome = ticket.wait().ok_or("the engine has been shut down")?;
    match outcome.row.reason() {
        None => Ok(()),
        Some(reason) => Err(format!("{:?} was refused: {}", entry.command, reason.name())),
    }
}

fn finish_first(waiting: &mut VecDeque<Ticket>) -> Result<(), String> {
    let Some(ticket) = waiting.pop_front() else { return Ok(()) };
    let outcome = ticket.wait().ok_or("the engine has been shut down")?;
    match outcome.rows.iter().all(|row| row.outcome() == Some(Outcome::Cleared)) {
        true => Ok(()),
        false => Err("an account could not be funded".to_owned()),
    }
}
