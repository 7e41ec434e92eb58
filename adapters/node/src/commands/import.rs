//! `feiqian import`: takes single files in and prints what became of each. Also how intakes are shown elsewhere.

use std::fmt;
use std::path::PathBuf;

use feiqian_files::report::{FileReport, IntakeReport};
use feiqian_files::{Disposition, import as take_in};
use serde::Serialize;

use super::Context;
use crate::fault::Fault;

/// An intake as it is printed.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Intake<'a>(pub &'a IntakeReport);

impl fmt::Display for Intake<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.files.iter().map(|file| file.name.chars().count()).max().unwrap_or(0).min(48);
        for file in &self.0.files {
            let what = file.message_type.as_deref().unwrap_or("-");
            writeln!(f, "  {:<width$}  {what:<16}  {}", file.name, sentence(file))?;
        }
        if self.0.skipped + self.0.left > 0 {
            writeln!(f, "  {} other files skipped, {} left for the next run", self.0.skipped, self.0.left)?;
        }
        if self.0.decided > 0 {
            writeln!(f, "  payments that had waited, now answered for good: {}", self.0.decided)?;
        }
        if self.0.overdue > 0 {
            writeln!(f, "  recalls that are overdue: {}", self.0.overdue)?;
        }
        if self.0.expired > 0 {
            writeln!(f, "  requests to pay that have expired: {}", self.0.expired)?;
        }
        Ok(())
    }
}

/// What a file was answered by, as its name says; `usual` where it says nothing else.
fn kind_of_answer(file: &FileReport, usual: &'static str) -> &'static str {
    let name = file.answer.as_deref().unwrap_or_default();
    let kinds = ["camt.029", "pain.002", "pain.014", "acmt.024", "admi.002", "admi.011", "camt.004"];
    let kind = kinds.into_iter().find(|kind| name.ends_with(&format!(".{kind}.xml")));
    let is_table = name.ends_with(".result.csv");
    kind.unwrap_or(if is_table { "result" } else { usual })
}

fn sentence(file: &FileReport) -> String {
    let reason = file.reason.as_deref().unwrap_or_default();
    match file.disposition {
        Disposition::Rejected => format!("rejected, {}: {reason}", kind_of_answer(file, "admi.002")),
        Disposition::Noted if file.forwarded > 0 => format!("noted, {} passed on", file.forwarded),
        Disposition::Noted => "noted, nothing to answer".to_owned(),
        Disposition::Left => format!("left: {reason}"),
        Disposition::Answered => {
            let kind = kind_of_answer(file, "pacs.002");
            let status = file.status.as_deref().map_or_else(String::new, |status| format!(" {status}"));
            let mut parts = vec![format!("{kind}{status}")];
            let counts =
                [(file.accepted, "cleared"), (file.pending, "pending"), (file.duplicates, "repeated")];
            parts
                .extend(counts.iter().filter(|(count, _)| *count > 0).map(|(n, word)| format!("{n} {word}")));
            if file.forwarded > 0 {
                parts.push(format!("{} passed on", file.forwarded));
            }
            parts.extend(file.rejected.iter().map(|(code, count)| format!("{count} {code}")));
            parts.join(", ")
        }
    }
}

pub(super) fn import(context: &Context, files: &[PathBuf]) -> Result<(), Fault> {
    let report = context.with_session(&[], |session| {
        let options = session.intake_options(&context.config)?;
        let report = take_in(&session.engine, &options, files)?;
        context.output.say(format_args!("answers in {}", options.work.outbox().display()));
        Ok(report)
    })?;
    context.output.report(&Intake(&report));
    match report.files.iter().find(|file| file.disposition == Disposition::Left) {
        Some(file) => {
            let reason = file.reason.as_deref().unwrap_or("no reason given");
            Err(Fault::File(format!("{}: not worked on: {reason}", file.name)))
        }
        None => Ok(()),
    }
}
