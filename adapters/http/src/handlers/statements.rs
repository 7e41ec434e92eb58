//! Statements of a cycle as ISO 20022 messages: of the caller's position in a currency, or of an account of its own.

use actix_web::HttpResponse;
use feiqian_core::participant::{CycleNumber, CycleState};
use feiqian_files::FilesError;
use feiqian_files::settlement::{StatementMessage, StatementOf, statement_text};
use serde::Deserialize;

use super::shown::account_seen;
use crate::api::Call;
use crate::instruct;
use crate::number::{Digits, optional};
use crate::problem::{Outcome, Problem};

#[derive(Clone, Copy, Default, Deserialize)]
enum Message {
    #[serde(rename = "camt.052")]
    Report,
    #[default]
    #[serde(rename = "camt.053")]
    Statement,
    #[serde(rename = "camt.054")]
    Notification,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    #[serde(default)]
    message: Message,
    participant: Option<String>,
    currency: Option<String>,
    account: Option<String>,
    cycle: Option<Digits>,
}

/// `GET /v1/statements`.
pub(crate) async fn one(call: Call) -> Outcome<HttpResponse> {
    let query: Query = call.query()?;
    let (of, currency) = what(&call, &query)?;
    let message = match query.message {
        Message::Report => StatementMessage::Report,
        Message::Statement => StatementMessage::Statement,
        Message::Notification => StatementMessage::Notification,
    };
    let asked: Option<CycleNumber> = optional(query.cycle.as_ref(), "cycle")?;
    let operator = call.api.operator;
    let text = call.ask(move |engine| {
        let cycle = match (asked, message) {
            (Some(cycle), _) => cycle,
            (None, StatementMessage::Statement) => engine
                .directory()
                .registry(|registry| {
                    let mut over = registry.cycles().iter().rev().filter(|at| at.state != CycleState::Open);
                    over.next().map(|cycle| cycle.number)
                })
                .ok_or_else(|| Problem::absent("no cycle is closed yet; ask for camt.052"))?,
            (None, _) => engine.directory().registry(|registry| registry.open_cycle()),
        };
        statement_text(engine, operator, cycle, (of, currency, message)).map_err(told)
    });
    Ok(HttpResponse::Ok().content_type("application/xml").body(text.await?))
}

fn what(call: &Call, query: &Query) -> Outcome<(StatementOf, Option<feiqian_core::currency::Currency>)> {
    let directory = call.api.engine.directory();
    let Some(name) = &query.account else {
        let missing = || Problem::parameter("participant", "say whose, or name an account");
        let owner = call.whose(query.participant.as_deref())?.ok_or_else(missing)?;
        let code = query.currency.as_deref();
        let code = code.ok_or_else(|| Problem::parameter("currency", "say in which, or name an account"))?;
        let found =
            directory.registry(|registry| registry.participants().get(owner as usize).map(|at| at.bic));
        let bic = found.ok_or_else(Problem::fault)?;
        return Ok((StatementOf::Participant(bic), Some(instruct::currency_asked(code)?)));
    };
    let account = account_seen(call, name)?;
    Ok((StatementOf::Account(account), None))
}

fn told(found: FilesError) -> Problem {
    match found {
        FilesError::Unknown(text) => Problem::absent(text),
        _ => Problem::fault(),
    }
}
