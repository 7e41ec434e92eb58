//! `feiqian statement ID`: writes statements of a cycle (camt.052, camt.053, camt.054): of a participant's positions, or of
//! an account.

use std::fmt;

use feiqian_core::bic::Bic;
use feiqian_core::participant::{CycleNumber, CycleState};
use feiqian_files::settlement::{StatementLine, StatementMessage, StatementOf, write_statements};
use serde::Serialize;

use super::Context;
use crate::cli::StatementArgs;
use crate::fault::Fault;
use crate::names::find_account;
use crate::output::{Table, grouped};
use crate::session::Session;

#[derive(Serialize)]
struct StatementsReport {
    statements: Vec<StatementLine>,
}

impl fmt::Display for StatementsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&["statement", ">cycle", "", ">opening", ">entries", ">closing"]);
        for line in &self.statements {
            table.row(vec![
                line.file.display().to_string(),
                line.cycle.to_string(),
                line.currency.to_owned(),
                line.opening.clone(),
                grouped(line.transfers),
                line.closing.clone(),
            ]);
        }
        write!(f, "{table}")
    }
}

pub(super) fn statement(context: &Context, arguments: StatementArgs) -> Result<(), Fault> {
    let StatementArgs { id, message, cycle, output } = arguments;
    let statements = context.with_session(&[], |session| {
        let options = session.intake_options(&context.config)?;
        let folder = output.unwrap_or_else(|| options.work.settlement());
        std::fs::create_dir_all(&folder).map_err(|error| Fault::file(&folder, "make the folder", &error))?;
        let cycle = match (cycle, message) {
            (Some(cycle), _) => cycle,
            (None, StatementMessage::Statement) => last_closed(session)?,
            (None, _) => session.engine.directory().registry(|registry| registry.open_cycle()),
        };
        let of = what(session, &id)?;
        Ok(write_statements(&session.engine, (&folder, options.operator), cycle, (of, message))?)
    })?;
    context.output.report(&StatementsReport { statements });
    Ok(())
}

/// Reads the name of a message from the command line.
///
/// # Errors
/// The names that there are.
pub fn parse_message(text: &str) -> Result<StatementMessage, String> {
    let all = [StatementMessage::Report, StatementMessage::Statement, StatementMessage::Notification];
    let found = all.into_iter().find(|message| message.name() == text);
    found.ok_or_else(|| "give camt.052, camt.053 or camt.054".to_owned())
}

/// A participant by its BIC, or an account by any of its names.
pub(super) fn what(session: &Session, id: &str) -> Result<StatementOf, Fault> {
    let directory = session.engine.directory();
    match Bic::parse(id).ok().filter(|bic| directory.participant(*bic).is_some()) {
        Some(bic) => Ok(StatementOf::Participant(bic)),
        None => find_account(directory, id).map(StatementOf::Account),
    }
}

/// The newest cycle that is closed, whatever has become of it since.
pub(super) fn last_closed(session: &Session) -> Result<CycleNumber, Fault> {
    let closed = session.engine.directory().registry(|registry| {
        let mut closed = registry.cycles().iter().filter(|cycle| cycle.state != CycleState::Open);
        closed.next_back().map(|cycle| cycle.number)
    });
    closed.ok_or_else(|| Fault::Absent("no cycle is closed: see `feiqian cycle close`".to_owned()))
}
