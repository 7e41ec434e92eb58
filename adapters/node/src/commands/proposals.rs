//! `feiqian order`, `propose`, `approve`, `withdraw` and `proposals`: four eyes on the command line. Shows what the
//! registry holds; who may do what, the engine decides.

use std::fmt;
use std::path::PathBuf;

use feiqian_core::authority::{Proposal, ProposalCommand};
use feiqian_core::registry::Registry;
use serde::Serialize;

use super::pay::Submitted;
use super::{Context, posting};
use crate::cli::OneOfficer;
use crate::fault::Fault;
use crate::names::{time_text, uetr_text};
use crate::orders::{Order, words};
use crate::output::Table;
use crate::session::{Session, now};

#[derive(Serialize)]
struct ProposalLine {
    proposal: String,
    what: String,
    proposer: u16,
    proposed_at: String,
    /// Who has approved what waits.
    approved_by: Option<u16>,
    /// From when on what waits is put in force.
    in_force_from: Option<String>,
    expires: String,
}

impl ProposalLine {
    fn of(proposal: &Proposal, registry: &Registry) -> Self {
        Self {
            proposal: uetr_text(proposal.id),
            what: words(&proposal.command, registry),
            proposer: proposal.proposer.0,
            proposed_at: time_text(proposal.proposed_at),
            approved_by: proposal.approved.map(|approved| approved.officer),
            in_force_from: proposal.approved.map(|approved| time_text(approved.due)),
            expires: time_text(proposal.expires),
        }
    }
}

#[derive(Serialize)]
struct ProposalsReport {
    /// Seconds.
    delay: u32,
    officers: Vec<u16>,
    proposals: Vec<ProposalLine>,
}

impl fmt::Display for ProposalsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let officers: Vec<_> = self.officers.iter().map(u16::to_string).collect();
        let waits = match self.delay {
            0 => "loosenings are not delayed".to_owned(),
            seconds => format!("an approved loosening waits {seconds} s"),
        };
        writeln!(f, "officers {}; {waits}", officers.join(", "))?;
        if self.proposals.is_empty() {
            return writeln!(f, "nothing is proposed");
        }
        let mut table = Table::new(&["proposal", "by", "what", "state", "until"]);
        for line in &self.proposals {
            let state = match (line.approved_by, &line.in_force_from) {
                (Some(officer), Some(from)) => format!("approved by {officer}, in force from {from}"),
                _ => "proposed".to_owned(),
            };
            table.row(vec![
                line.proposal.clone(),
                line.proposer.to_string(),
                line.what.clone(),
                state,
                line.expires.clone(),
            ]);
        }
        write!(f, "{table}")
    }
}

/// One step, done.
#[derive(Serialize)]
struct StepReport {
    #[serde(skip_serializing_if = "Option::is_none")]
    proposal: Option<String>,
    what: String,
    /// `proposed`, `approved, waits`, `done` or `withdrawn`.
    state: &'static str,
    /// Of what is proposed or waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_force_from: Option<String>,
    /// How a posting that was ordered has been carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    posting: Option<Submitted>,
}

impl StepReport {
    fn of(what: String, state: &'static str) -> Self {
        Self { proposal: None, what, state, until: None, in_force_from: None, posting: None }
    }
}

impl fmt::Display for StepReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.state, self.what)?;
        if let Some(posting) = &self.posting {
            return writeln!(f, "{posting}");
        }
        match (&self.proposal, &self.in_force_from, &self.until) {
            (_, Some(from), _) => writeln!(f, "in force from {from}; until then: feiqian withdraw"),
            (Some(proposal), None, Some(until)) => {
                writeln!(f, "until {until}, another officer: feiqian approve {proposal} --officer N")
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn order(context: &Context, keys: &[PathBuf], order: &Order) -> Result<(), Fault> {
    let report = context.with_session(keys, |session| {
        let command = order.command(session)?;
        let what = session.engine.directory().registry(|registry| words(&command, registry));
        let outcome = session.command(command.clone())?;
        let posting = posting::carried_out(session, &command, outcome.sequence)?;
        Ok(StepReport { posting, ..StepReport::of(what, "done") })
    })?;
    context.output.report(&report);
    Ok(())
}

pub(super) fn propose(
    context: &Context,
    by: &OneOfficer,
    expires_after: u32,
    order: &Order,
) -> Result<(), Fault> {
    let report = context.with_session(keys(by), |session| {
        let command = Box::new(order.command(session)?);
        let propose = ProposalCommand::Propose { command, expires_after };
        let id = session.step(propose, by.officer)?.0;
        let line = find(session, |proposal| proposal.id == id)?.1;
        let (proposal, until) = (Some(line.proposal), Some(line.expires));
        Ok(StepReport { proposal, until, ..StepReport::of(line.what, "proposed") })
    })?;
    context.output.report(&report);
    Ok(())
}

pub(super) fn approve(context: &Context, named: &str, by: &OneOfficer) -> Result<(), Fault> {
    let report = context.with_session(keys(by), |session| {
        let (proposal, line) = find(session, is_named(named))?;
        let content = proposal.command.content();
        let approve = ProposalCommand::Approve { proposal: proposal.id, content };
        let outcome = session.step(approve, by.officer)?.1;
        let waits = find(session, |other| other.id == proposal.id).ok();
        let state = if waits.is_some() { "approved, waits" } else { "done" };
        let in_force_from = waits.and_then(|(_, line)| line.in_force_from);
        let posting = posting::carried_out(session, &proposal.command, outcome.sequence)?;
        let proposal = Some(line.proposal);
        Ok(StepReport { proposal, in_force_from, posting, ..StepReport::of(line.what, state) })
    })?;
    context.output.report(&report);
    Ok(())
}

pub(super) fn withdraw(context: &Context, named: &str, by: &OneOfficer) -> Result<(), Fault> {
    let report = context.with_session(keys(by), |session| {
        let (proposal, line) = find(session, is_named(named))?;
        session.step(ProposalCommand::Withdraw { proposal: proposal.id }, by.officer)?;
        Ok(StepReport { proposal: Some(line.proposal), ..StepReport::of(line.what, "withdrawn") })
    })?;
    context.output.report(&report);
    Ok(())
}

pub(super) fn list(context: &Context) -> Result<(), Fault> {
    let now = now();
    let report = context.with_session(&[], |session| {
        Ok(session.engine.directory().registry(|registry| {
            let authority = registry.authority();
            let proposals = authority.proposals().iter().filter(|proposal| proposal.expires > now);
            ProposalsReport {
                delay: authority.delay(),
                officers: authority.officers().iter().map(|(number, _)| *number).collect(),
                proposals: proposals.map(|proposal| ProposalLine::of(proposal, registry)).collect(),
            }
        }))
    })?;
    context.output.report(&report);
    Ok(())
}

fn keys(by: &OneOfficer) -> &[PathBuf] {
    by.key.as_slice()
}

fn is_named(named: &str) -> impl Fn(&Proposal) -> bool {
    move |proposal| uetr_text(proposal.id).starts_with(named)
}

/// The one proposal that fits.
fn find(session: &Session, fits: impl Fn(&Proposal) -> bool) -> Result<(Proposal, ProposalLine), Fault> {
    let found: Vec<_> = session.engine.directory().registry(|registry| {
        let fitting = registry.authority().proposals().iter().filter(|proposal| fits(proposal));
        fitting.map(|proposal| (proposal.clone(), ProposalLine::of(proposal, registry))).collect()
    });
    match <[_; 1]>::try_from(found) {
        Ok([only]) => Ok(only),
        Err(none) if none.is_empty() => {
            Err(Fault::Absent("no such proposal stands: see `feiqian proposals`".to_owned()))
        }
        Err(_) => Err(Fault::Usage("several proposals begin so: give more of the id".to_owned())),
    }
}
