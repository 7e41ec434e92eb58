//! What happens to every request before its handler, in this order: its size and time, who has sent it, whether that one
//! may, its query, its deadline. A handler runs for none that fails here.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse, rt};
use feiqian_identity::Presented;
use tokio::sync::SemaphorePermit;

use crate::api::{Api, Call};
use crate::caller::Asker;
use crate::certificate;
use crate::limits::BODY_BYTES_MAX;
use crate::problem::{Outcome, Problem};
use crate::query;
use crate::routes::Route;

/// Answers a request for a route.
pub(crate) async fn answer(
    route: &'static Route,
    api: Arc<Api>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let counting = Arc::clone(&api);
    let response = match passed(route, api, request, payload).await {
        Ok(response) => response,
        Err(problem) => problem.response(),
    };
    counting.meter.count(response.status().as_u16());
    response
}

async fn passed(
    route: &'static Route,
    api: Arc<Api>,
    request: HttpRequest,
    payload: Payload,
) -> Outcome<HttpResponse> {
    let body = body(route, &api, &request, payload).await?;
    let asker = identify(&api, &request, &body)?;
    if !asker.has_any(route.roles) {
        return Err(Problem::forbidden("the caller has none of the roles that may use this route"));
    }
    query::check(route, request.query_string())?;
    let deadline = api.options.answer_timeout;
    let running = (route.run)(Call { api, asker, request, body });
    // A transfer answers its own deadline: it may still take effect.
    if route.keeps_own_deadline {
        return running.await;
    }
    rt::time::timeout(deadline, running).await.map_err(|_| Problem::answer_timeout())?
}

async fn body(route: &Route, api: &Api, request: &HttpRequest, payload: Payload) -> Outcome<Bytes> {
    let Some(wanted) = &route.body else { return Ok(Bytes::new()) };
    let sent = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = sent.split(';').next().unwrap_or_default().trim();
    if !wanted.media_types.iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        return Err(Problem::media_type(wanted.media_types[0]));
    }
    let _room = room_for(api, request, wanted.bytes_max).await?;
    let collected = rt::time::timeout(api.options.read_timeout, payload.to_bytes_limited(wanted.bytes_max));
    let over = || Problem::too_large(format!("{} bytes at the most", wanted.bytes_max));
    let bytes = collected.await.map_err(|_| Problem::read_timeout())?.map_err(|_| over())?;
    bytes.map_err(|_| Problem::body(String::new(), "the body ended early, or is encoded".to_owned()))
}

/// A place for a large body: what all of them hold at once is bounded, for nobody has proven yet who they are.
async fn room_for<'a>(
    api: &'a Api,
    request: &HttpRequest,
    most: usize,
) -> Outcome<Option<SemaphorePermit<'a>>> {
    if most <= BODY_BYTES_MAX {
        return Ok(None);
    }
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let bytes = length.and_then(|text| text.parse().ok()).unwrap_or(most).min(most);
    let kib = u32::try_from(bytes.div_ceil(1_024)).unwrap_or(u32::MAX);
    let busy = || Problem::busy("too many large bodies at once");
    let place = rt::time::timeout(api.options.read_timeout, api.bodies.acquire_many(kib)).await;
    place.map_err(|_| busy())?.map(Some).map_err(|_| busy())
}

fn identify(api: &Api, request: &HttpRequest, body: &[u8]) -> Outcome<Asker> {
    // Of the connection and the request itself: what a proxy's header says proves nothing.
    let host = request.headers().get(HOST).and_then(|value| value.to_str().ok());
    let header = |name: &str| request.headers().get(name).map(|value| value.as_bytes());
    let presented = Presented {
        method: request.method().as_str(),
        scheme: if request.app_config().secure() { "https" } else { "http" },
        authority: host.or_else(|| request.uri().authority().map(|at| at.as_str())).unwrap_or_default(),
        path: request.path(),
        query: (!request.query_string().is_empty()).then(|| request.query_string()),
        headers: &header,
        body,
        certificate: certificate::of(request),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let identified = api.identify.identify(&presented, now);
    let caller = identified.map_err(|fault| Problem::unidentified(&fault))?;
    Asker::of(&caller, api.engine.directory()).ok_or_else(Problem::stranger)
}
