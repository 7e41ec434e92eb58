//! Webhooks that participants register for themselves. What they are told, and how, is in `webhooks/`.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use feiqian_core::bic::Bic;
use feiqian_core::participant::ParticipantHandle;
use serde::Deserialize;

use crate::api::{Call, answer};
use crate::model::{NewWebhook, ReplayRequest, WebhookRequest, WebhookState, WebhookView, Webhooks};
use crate::problem::{Outcome, Problem};
use crate::usage;
use crate::webhooks::desk::{Asked, Desk, Refused, Seen, Standing};
use crate::webhooks::target::TargetFault;

/// Kinds that there are.
const KINDS: usize = 5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    participant: Option<String>,
}

/// `POST /v1/webhooks`.
pub(crate) async fn register(call: Call) -> Outcome<HttpResponse> {
    let WebhookRequest { name, url, kinds, from } = call.json()?;
    if kinds.len() > KINDS {
        return Err(Problem::field("/kinds", format!("{KINDS} at the most")));
    }
    let own = own(&call)?;
    let asked = Asked { name, url, kinds, from: from.map(|from| from.get()) };
    let (seen, secret) =
        at_desk((&call, Refused::NotAllowed), move |desk| desk.register(own, &asked)).await?;
    answer(&NewWebhook { webhook: view(seen), secret })
}

/// `GET /v1/webhooks`.
pub(crate) async fn list(call: Call) -> Outcome<HttpResponse> {
    let query: Query = call.query()?;
    let whose = call.whose(query.participant.as_deref())?.map(|whose| bic(&call, whose)).transpose()?;
    let Some(_) = &call.api.webhooks else { return answer(&Webhooks { webhooks: Vec::new() }) };
    let seen = at_desk((&call, Refused::Absent), move |desk| desk.list(whose)).await?;
    answer(&Webhooks { webhooks: seen.into_iter().map(view).collect() })
}

/// `DELETE /v1/webhooks/{webhook}`.
pub(crate) async fn remove(call: Call) -> Outcome<HttpResponse> {
    let (own, name) = (own(&call)?, call.part("webhook").to_owned());
    at_desk((&call, Refused::Absent), move |desk| desk.remove(own, &name)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /v1/webhooks/{webhook}/replay`.
pub(crate) async fn replay(call: Call) -> Outcome<HttpResponse> {
    let request: ReplayRequest = call.json()?;
    let (own, name) = (own(&call)?, call.part("webhook").to_owned());
    let seen =
        at_desk((&call, Refused::Absent), move |desk| desk.replay(own, &name, request.from.get())).await?;
    answer(&view(seen))
}

fn own(call: &Call) -> Outcome<Bic> {
    bic(call, call.own()?)
}

fn bic(call: &Call, participant: ParticipantHandle) -> Outcome<Bic> {
    usage::bic(call.api.engine.directory(), participant).ok_or_else(Problem::fault)
}

/// Asks the desk, on a thread that may wait for disks; where there is none, `none` is said.
async fn at_desk<T: Send + 'static>(
    (call, none): (&Call, Refused),
    question: impl FnOnce(&Desk) -> Result<T, Refused> + Send + 'static,
) -> Outcome<T> {
    let Some(desk) = &call.api.webhooks else { return Err(refused(&none)) };
    let desk = Arc::clone(desk);
    let asked = web::block(move || question(&desk)).await.map_err(|_| Problem::fault())?;
    asked.map_err(|found| refused(&found))
}

fn refused(found: &Refused) -> Problem {
    let detail = found.to_string();
    match found {
        Refused::Target(TargetFault::Name(_)) => Problem::field("/name", detail),
        Refused::Target(_) | Refused::NotAllowed | Refused::NoRoots => Problem::field("/url", detail),
        Refused::Taken => Problem::webhook_taken("/name", detail),
        Refused::Full(_) => Problem::webhook_taken("", detail),
        Refused::Leaving => Problem::busy(detail),
        Refused::Absent => Problem::absent(detail),
        Refused::Ahead(_) => Problem::field("/from", detail),
        Refused::Closed => Problem::closing(detail),
        Refused::Fault(_) => Problem::fault(),
    }
}

fn view(seen: Seen) -> WebhookView {
    let Seen { registration, delivered, next, standing, wrong } = seen;
    let host = registration.host();
    WebhookView {
        name: registration.name,
        participant: registration.participant,
        host,
        kinds: registration.kinds,
        state: match standing {
            Standing::Told => WebhookState::Told,
            Standing::Stopped => WebhookState::Stopped,
            Standing::Barred => WebhookState::Barred,
        },
        delivered,
        next,
        wrong,
    }
}
