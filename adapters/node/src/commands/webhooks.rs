//! `feiqian webhooks`: how far each target was told, and telling again. Reads and asks by files and opens no engine, so that it
//! answers beside a running `serve` as well as without one: the place itself is written by `serve` alone.

use std::fmt;

use feiqian_http::webhooks::place::{PlaceFault, ask_replay, read_place};
use feiqian_http::webhooks::target::Target;
use serde::Serialize;

use super::Context;
use crate::cli::WebhooksStep;
use crate::config::webhooks::WebhooksConfig;
use crate::fault::Fault;
use crate::output::Table;
use crate::session::check_is_there;

#[derive(Serialize)]
struct TargetLine {
    name: String,
    participant: String,
    host: String,
    /// `new`, `told` or `stopped`.
    state: &'static str,
    /// Sequence of the last event that was told; 0 before the first.
    delivered: u64,
    /// Where it goes on; none before its first start.
    next: Option<u64>,
}

#[derive(Serialize)]
struct TargetsReport {
    webhooks: Vec<TargetLine>,
}

impl fmt::Display for TargetsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.webhooks.is_empty() {
            return write!(f, "nobody is told: there is no [[webhooks.target]] in the configuration");
        }
        let mut table = Table::new(&["name", "participant", "host", "state", ">delivered", ">next"]);
        for line in &self.webhooks {
            table.row(vec![
                line.name.clone(),
                line.participant.clone(),
                line.host.clone(),
                line.state.to_owned(),
                line.delivered.to_string(),
                line.next.map(|next| next.to_string()).unwrap_or_default(),
            ]);
        }
        write!(f, "{table}")
    }
}

#[derive(Serialize)]
struct Asked<'a> {
    webhook: &'a str,
    replay_from: u64,
}

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { webhook, replay_from } = self;
        write!(f, "{webhook} is told everything from {replay_from} on again, by a running serve or the next")
    }
}

pub(super) fn step(context: &Context, step: &WebhooksStep) -> Result<(), Fault> {
    check_is_there(&context.data)?;
    let targets = context.config.webhooks.options(&context.data)?.targets;
    match step {
        WebhooksStep::List => list(context, &targets),
        WebhooksStep::Replay { name, from } => replay(context, &targets, (name, *from)),
    }
}

fn list(context: &Context, targets: &[Target]) -> Result<(), Fault> {
    let directory = WebhooksConfig::directory(&context.data);
    let line = |target: &Target| {
        let place = read_place(&directory, target.name()).map_err(|fault| Fault::File(fault.to_string()))?;
        Ok(TargetLine {
            name: target.name().to_owned(),
            participant: target.participant().to_string(),
            host: target.host().to_owned(),
            state: place.map_or("new", |place| if place.is_stopped { "stopped" } else { "told" }),
            delivered: place.map_or(0, |place| place.delivered),
            next: place.map(|place| place.done + 1),
        })
    };
    let webhooks = targets.iter().map(line).collect::<Result<_, Fault>>()?;
    context.output.report(&TargetsReport { webhooks });
    Ok(())
}

fn replay(context: &Context, targets: &[Target], (name, from): (&str, u64)) -> Result<(), Fault> {
    if !targets.iter().any(|target| target.name() == name) {
        return Err(Fault::Absent(format!("there is no webhook {name}: see `feiqian webhooks list`")));
    }
    ask_replay(&WebhooksConfig::directory(&context.data), name, from).map_err(|fault| match fault {
        PlaceFault::Ahead { .. } => Fault::Usage(format!("--from: {fault}")),
        _ => Fault::File(fault.to_string()),
    })?;
    context.output.report(&Asked { webhook: name, replay_from: from });
    Ok(())
}
