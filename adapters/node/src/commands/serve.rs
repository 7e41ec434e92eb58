//! `feiqian serve`: the engine with its inbox watched, the bulk protocol and its metrics on loopback, until a
//! signal ends it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use feiqian_archive::Follower;
use feiqian_files::IntakeOptions;
use feiqian_files::watch::Watch;
use feiqian_http::webhooks::WebhookOptions;
use feiqian_runtime::identity::Identity;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::Context;
use super::export::ExportReport;
use super::import::Intake;
use super::listener::{Listener, Metrics, install_recorder};
use crate::config::loopback_rule;
use crate::fault::Fault;
use crate::follow::{Cosigning, FollowServer};
use crate::session::Session;

mod api;
mod cards;
mod credentials;
mod health;
mod log;
mod webhooks;
mod wire;

#[derive(Serialize)]
struct Ready {
    is_ready: bool,
    data: String,
    inbox: String,
    outbox: String,
    metrics: String,
    health: String,
    log: String,
    wire: String,
    /// Where the JSON API begins.
    api: String,
    /// Links and addresses; empty where there is none.
    cards: String,
    /// Who is told; empty where there is nobody.
    webhooks: String,
    recovered_frames: u64,
    recovered_entries: u64,
    torn_bytes: u64,
}

impl std::fmt::Display for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { data, inbox, metrics, health, log, wire, api, recovered_frames: frames, .. } = self;
        write!(
            f,
            "serving {data} (replayed {frames} frames): inbox {inbox}, API {api}, bulk protocol {wire}, \
             metrics {metrics}, health {health}, log {log}"
        )?;
        for (what, those) in [("cards", &self.cards), ("webhooks", &self.webhooks)] {
            if !those.is_empty() {
                write!(f, ", {what} {those}")?;
            }
        }
        Ok(())
    }
}

pub(super) fn serve(
    context: &Context,
    inbox: Option<PathBuf>,
    listen: Option<SocketAddr>,
) -> Result<(), Fault> {
    let listen = listen.unwrap_or(context.config.http.listen);
    if !listen.ip().is_loopback() {
        return Err(Fault::Usage(format!("--listen {listen}: must be {}", loopback_rule())));
    }
    let hooks = context.config.webhooks.options(&context.data)?;
    // Before the engine, which takes its handles when it starts.
    let metrics = install_recorder()?;
    let session = Session::open(&context.data, &context.config, &[])?;
    let result = run(context, &session, inbox, (listen, metrics, &hooks));
    session.close();
    result
}

fn run(
    context: &Context,
    session: &Session,
    inbox: Option<PathBuf>,
    (listen, metrics, hooks): (SocketAddr, Metrics, &WebhookOptions),
) -> Result<(), Fault> {
    let mut options = session.intake_options(&context.config)?;
    if let Some(inbox) = inbox {
        std::fs::create_dir_all(&inbox).map_err(|error| Fault::file(&inbox, "make the inbox", &error))?;
        options.inbox = inbox;
    }
    let health = health::Health::new(
        session.engine.clone(),
        Duration::from_millis(context.config.http.health_timeout_ms),
    );
    let archive = session.engine.archive();
    let identity = Identity { chain_id: session.genesis.chain_id, operator: session.genesis.operator_key };
    let follow = FollowServer::new(
        identity,
        (archive.journal.clone(), archive.blocks.clone()),
        (archive.outcomes.clone(), archive.groups.clone()),
        (context.config.callers()?, Cosigning::Operator(session.engine.clone())),
    );
    let archived = keep_archive(context, session)?;
    let told = webhooks::start(&session.engine, (hooks, &context.data), context.output)?;
    let wire = wire::Wire::start(session.engine.clone(), &context.config.wire)?;
    let cards =
        cards::Cards::start(session.engine.clone(), (&context.config.cards, &context.data), context.output)?;
    let cards_at = cards.as_ref().map(cards::Cards::addresses).unwrap_or_default();
    let desk = told.desk();
    let addresses = (wire.addresses(), cards_at, webhooks::names(hooks));
    let served = actix_web::rt::System::new().block_on(async {
        // Before anyone is told whom to end: a signal without a handler ends the process out of order.
        let interrupted = interrupted()?;
        let log = log::Files::of(&context.data);
        let server = Listener::start(listen, metrics, move |config| {
            health.clone().configure(config);
            log.clone().configure(config);
            follow.configure(config);
        })?;
        let api = api::Api::start(
            session.engine.clone(),
            (options.clone(), desk),
            (&context.config, &context.data),
            context.output,
        )?;
        let watch = watch(context, session, &options)?;
        let listening = (server.address(), api.url());
        context.output.report(&ready(context, session, &options, (listening, addresses)));
        interrupted.await;
        // Nobody may ask once the engine closes; nothing may be taken in before it does.
        server.stop().await;
        api.stop().await;
        watch.stop();
        Ok(())
    });
    wire.stop();
    if let Some(cards) = cards {
        cards.stop();
    }
    if let Some(follower) = archived {
        follower.stop();
    }
    told.stop();
    served
}

fn watch(context: &Context, session: &Session, options: &IntakeOptions) -> Result<Watch, Fault> {
    let output = context.output;
    let interval = Duration::from_millis(context.config.inbox.poll_ms);
    let tell = move |round: Result<_, feiqian_files::FilesError>| match round {
        Ok(report) => output.report(&Intake(&report)),
        Err(fault) => output.fault(&fault),
    };
    Ok(Watch::start(session.engine.clone(), options.clone(), interval, tell)?)
}

/// Keeps up with the archive, if there is to be one.
fn keep_archive(context: &Context, session: &Session) -> Result<Option<Follower>, Fault> {
    let config = &context.config.archive;
    if config.directory.as_os_str().is_empty() {
        return Ok(None);
    }
    let directory = context.data.join(&config.directory);
    let (output, shown) = (context.output, directory.clone());
    let tell = move |round: Result<_, feiqian_archive::ArchiveError>| match round {
        Ok(exported) => output.report(&ExportReport::of(&shown, exported)),
        Err(fault) => output.fault(&fault),
    };
    let interval = Duration::from_secs(config.interval_s);
    let started = Follower::start(session.engine.clone(), &directory, interval, tell);
    started.map(Some).map_err(|fault| Fault::File(format!("directory in [archive]: {fault}")))
}

fn ready(
    context: &Context,
    session: &Session,
    options: &IntakeOptions,
    ((address, api), (wire, cards, webhooks)): ((SocketAddr, String), (String, String, String)),
) -> Ready {
    let recovered = session.engine.recovered();
    Ready {
        is_ready: true,
        data: context.data.display().to_string(),
        inbox: options.inbox.display().to_string(),
        outbox: options.work.outbox().display().to_string(),
        metrics: format!("http://{address}/metrics"),
        health: format!("http://{address}/health"),
        log: format!("http://{address}/log/checkpoint"),
        wire,
        api,
        cards,
        webhooks,
        recovered_frames: recovered.frames,
        recovered_entries: recovered.entries,
        torn_bytes: recovered.torn.map_or(0, |(_, _, bytes)| bytes),
    }
}

/// From now on SIGINT and SIGTERM end nothing by themselves; what is given ends with the first of them.
pub(super) fn interrupted() -> Result<impl Future<Output = ()>, Fault> {
    let fault = |error| Fault::File(format!("can't wait for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fault)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(fault)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
