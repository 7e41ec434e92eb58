//! `feiqian requests`: the requests to pay that the file transport has passed on, and how each stands. Reads its files and
//! opens no engine, so that it answers beside a running `serve`.

use std::fmt;

use feiqian_files::WorkDir;
use feiqian_files::after::request_cases::{RequestCase, RequestState, all};
use feiqian_files::timestamp::date_time;
use serde::Serialize;

use super::Context;
use crate::fault::Fault;
use crate::output::Table;
use crate::session::check_is_there;

#[derive(Serialize)]
struct RequestsReport {
    messages: Vec<RequestCase>,
}

impl fmt::Display for RequestsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.messages.is_empty() {
            return write!(f, "nobody has been asked to pay");
        }
        let mut table = Table::new(&[
            "uetr",
            "asks",
            "is asked",
            ">amount",
            "currency",
            "end to end",
            "until",
            "state",
            "because",
        ]);
        for (case, one) in
            self.messages.iter().flat_map(|case| case.requests.iter().map(move |one| (case, one)))
        {
            table.row(vec![
                one.uetr.clone(),
                case.requester.clone(),
                one.receiver.clone(),
                one.amount.clone(),
                one.currency.clone(),
                one.end_to_end.clone().unwrap_or_default(),
                one.expires_at.map(date_time).unwrap_or_default(),
                state(one.state).to_owned(),
                one.reasons.join(" "),
            ]);
        }
        write!(f, "{table}")
    }
}

const fn state(state: RequestState) -> &'static str {
    match state {
        RequestState::Open => "open",
        RequestState::Accepted => "accepted",
        RequestState::Rejected => "rejected",
        RequestState::Expired => "expired",
        RequestState::Refused => "refused",
    }
}

pub(super) fn list(context: &Context) -> Result<(), Fault> {
    check_is_there(&context.data)?;
    let work = WorkDir::create(context.data.join(&context.config.inbox.directory))?;
    context.output.report(&RequestsReport { messages: all(&work)? });
    Ok(())
}
