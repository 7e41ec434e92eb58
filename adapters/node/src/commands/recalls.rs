//! `feiqian recalls`: the recalls that the file transport has passed on, and how each stands. Reads its files and opens no
//! engine, so that it answers beside a running `serve`.

use std::fmt;

use feiqian_files::WorkDir;
use feiqian_files::after::cases::{RecallCase, RecallState, all};
use feiqian_files::timestamp::date_time;
use serde::Serialize;

use super::Context;
use crate::fault::Fault;
use crate::output::Table;
use crate::session::check_is_there;

#[derive(Serialize)]
struct RecallsReport {
    recalls: Vec<RecallCase>,
}

impl fmt::Display for RecallsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.recalls.is_empty() {
            return write!(f, "no payment has been recalled");
        }
        let mut table = Table::new(&["uetr", "asks", "is asked", "why", "since", "state", "because"]);
        for case in &self.recalls {
            table.row(vec![
                case.uetr.clone(),
                case.requester.clone(),
                case.receiver.clone(),
                case.reasons.join(" "),
                date_time(case.asked_at),
                state(case.state).to_owned(),
                case.answer_reasons.join(" "),
            ]);
        }
        write!(f, "{table}")
    }
}

const fn state(state: RecallState) -> &'static str {
    match state {
        RecallState::Open => "open",
        RecallState::Pending => "pending",
        RecallState::Overdue => "overdue",
        RecallState::Accepted => "accepted",
        RecallState::Rejected => "rejected",
    }
}

pub(super) fn list(context: &Context) -> Result<(), Fault> {
    check_is_there(&context.data)?;
    let work = WorkDir::create(context.data.join(&context.config.inbox.directory))?;
    context.output.report(&RecallsReport { recalls: all(&work)? });
    Ok(())
}
