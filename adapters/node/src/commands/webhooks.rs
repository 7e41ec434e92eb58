//! `feiqian webhooks`: how far each target was told, and telling again. Reads and asks by files and opens no engine, so that it
//! answers beside a running `serve` as well as without one: the place itself is written by `serve` alone.

use std::fmt;
use std::path::{Path, PathBuf};

use feiqian_http::webhooks::book::{Registration, folder, registrations};
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
            return write!(
                f,
                "nobody is told: no [[webhooks.target]] is in the configuration, and nobody has registered"
            );
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
    let directory = WebhooksConfig::directory(&context.data);
    let targets = context.config.webhooks.options(&context.data)?.targets;
    let registered = registrations(&directory).map_err(|fault| Fault::File(fault.to_string()))?;
    let own = targets.iter().map(|target| Known::of(target, &directory));
    let all: Vec<Known> =
        own.chain(registered.iter().map(|one| Known::registered(one, &directory))).collect();
    match step {
        WebhooksStep::List => list(context, &all),
        WebhooksStep::Replay { name, from } => replay(context, &all, (name, *from)),
    }
}

/// One that is told, by the configuration or because its participant has registered it.
struct Known {
    /// Of one that was registered its participant's BIC, a slash and its name.
    name: String,
    participant: String,
    host: String,
    /// Where its place is kept, and the name of that.
    place: (PathBuf, String),
}

impl Known {
    fn of(target: &Target, directory: &Path) -> Self {
        Self {
            name: target.name().to_owned(),
            participant: target.participant().to_string(),
            host: target.host().to_owned(),
            place: (directory.to_owned(), target.name().to_owned()),
        }
    }

    fn registered(one: &Registration, directory: &Path) -> Self {
        Self {
            name: format!("{}/{}", one.participant, one.name),
            participant: one.participant.clone(),
            host: one.host(),
            place: (folder(directory), one.number.to_string()),
        }
    }

    fn line(&self) -> Result<TargetLine, Fault> {
        let place = read_place(&self.place.0, &self.place.1);
        let place = place.map_err(|fault| Fault::File(fault.to_string()))?;
        Ok(TargetLine {
            name: self.name.clone(),
            participant: self.participant.clone(),
            host: self.host.clone(),
            state: place.map_or("new", |place| if place.is_stopped { "stopped" } else { "told" }),
            delivered: place.map_or(0, |place| place.delivered),
            next: place.map(|place| place.done + 1),
        })
    }
}

fn list(context: &Context, all: &[Known]) -> Result<(), Fault> {
    let webhooks = all.iter().map(Known::line).collect::<Result<_, Fault>>()?;
    context.output.report(&TargetsReport { webhooks });
    Ok(())
}

fn replay(context: &Context, all: &[Known], (name, from): (&str, u64)) -> Result<(), Fault> {
    let absent = || Fault::Absent(format!("there is no webhook {name}: see `feiqian webhooks list`"));
    let (directory, file) = &all.iter().find(|known| known.name == name).ok_or_else(absent)?.place;
    ask_replay(directory, file, from).map_err(|fault| match fault {
        PlaceFault::Ahead { .. } => Fault::Usage(format!("--from: {fault}")),
        _ => Fault::File(fault.to_string()),
    })?;
    context.output.report(&Asked { webhook: name, replay_from: from });
    Ok(())
}
