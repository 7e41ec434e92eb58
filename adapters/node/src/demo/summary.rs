//! The demo's end: one object for programs, one page for people. Adds nothing to what the steps found.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use feiqian_files::agents::AgentLine;
use feiqian_files::settlement::SettlementReport;
use feiqian_files::{Disposition, IntakeReport};
use feiqian_runtime::audit::audit;
use feiqian_runtime::storage::files::FileStorage;
use serde::Serialize;
use serde::ser::SerializeMap as _;

use super::checks::Checks;
use super::day::Day;
use super::default::Unpaid;
use super::load::LoadResult;
use crate::commands::replay::ReplayLine;
use crate::founding::Founded;
use crate::output::{Output, grouped};

/// The receipt that was made.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ReceiptLine {
    pub(super) uetr: String,
    pub(super) file: String,
    pub(super) bytes: u64,
    pub(super) block: u64,
}

/// What the steps found.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    pub(super) data: String,
    pub(super) work: String,
    pub(super) founded: Founded,
    pub(super) agents: Vec<AgentLine>,
    pub(super) intake: IntakeReport,
    pub(super) load: LoadResult,
    pub(super) day: Day,
    pub(super) settlement: SettlementReport,
    pub(super) unpaid: Option<Unpaid>,
    pub(super) receipt: Option<ReceiptLine>,
    pub(super) replays: Vec<ReplayLine>,
    pub(super) blocks: u64,
    pub(super) checks: Checks,
    pub(super) elapsed_seconds: f64,
}

impl Summary {
    /// Audits the directory once the engine has let go of it.
    pub(super) fn audit(&mut self, data: &Path, output: Output) {
        let audited = match FileStorage::open(data) {
            Ok(storage) => audit(storage).map(drop).map_err(|fault| fault.to_string()),
            Err(fault) => Err(fault.to_string()),
        };
        if let Err(fault) = &audited {
            output.say(format_args!("audit: {fault}"));
        }
        self.checks.add("audit_finds_no_difference", audited.is_ok());
    }

    fn latencies(&self) -> [(&'static str, f64); 3] {
        [("p50", 50), ("p99", 99), ("max", 100)].map(|(name, percent)| (name, self.load.latency_ms(percent)))
    }
}

impl Serialize for Summary {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("is_good", &self.checks.failed().is_empty())?;
        map.serialize_entry("checks", &self.checks)?;
        map.serialize_entry("data", &self.data)?;
        map.serialize_entry("work", &self.work)?;
        map.serialize_entry("founded", &self.founded)?;
        map.serialize_entry("agents", &self.agents)?;
        map.serialize_entry("intake", &self.intake)?;
        map.serialize_entry("load", &self.load)?;
        map.serialize_entry("transfers_per_second", &self.load.transfers_per_second())?;
        map.serialize_entry("batch_latency_ms", &self.latencies().into_iter().collect::<BTreeMap<_, _>>())?;
        map.serialize_entry("disk_bytes_per_transfer", &self.load.disk_bytes_per_transfer())?;
        map.serialize_entry("day", &self.day)?;
        map.serialize_entry("settlement", &self.settlement)?;
        map.serialize_entry("unpaid", &self.unpaid)?;
        map.serialize_entry("receipt", &self.receipt)?;
        map.serialize_entry("replays", &self.replays)?;
        map.serialize_entry("blocks", &self.blocks)?;
        map.serialize_entry("elapsed_seconds", &self.elapsed_seconds)?;
        map.end()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n10 summary")?;
        self.files(f)?;
        self.cleared(f)?;
        let obligations = self.settlement.obligations.len();
        let statements = self.settlement.statements.len();
        writeln!(
            f,
            "   settlement   {obligations} obligations (pacs.009), {statements} statements (camt.053)"
        )?;
        if let Some(unpaid) = &self.unpaid {
            writeln!(f, "   default      {}", unpaid.summary())?;
        }
        writeln!(f, "   blocks       {}, each signed and chained", grouped(self.blocks))?;
        writeln!(f, "   files in     {}", self.work)?;
        for (name, holds) in self.checks.iter() {
            writeln!(f, "   {}  {}", if *holds { "ok  " } else { "FAIL" }, name.replace('_', " "))?;
        }
        let word = if self.checks.failed().is_empty() { "all checks hold" } else { "SOME CHECKS FAIL" };
        writeln!(f, "   {word}, {:.1} s", self.elapsed_seconds)
    }
}

impl Summary {
    fn files(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let intake = &self.intake;
        let [answered, rejected, noted] =
            [Disposition::Answered, Disposition::Rejected, Disposition::Noted].map(|kind| intake.count(kind));
        writeln!(f, "   files        {answered} answered, {rejected} unreadable, {noted} noted")?;
        let [accepted, repeated] =
            [intake.sum(|file| file.accepted), intake.sum(|file| file.duplicates)].map(grouped);
        let codes: Vec<_> =
            intake.rejected().iter().map(|(code, count)| format!("{code} {}", grouped(*count))).collect();
        let codes = if codes.is_empty() { "none".to_owned() } else { codes.join(", ") };
        writeln!(f, "   payments     {accepted} cleared (repeated {repeated}), rejected: {codes}")
    }

    fn cleared(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let load = &self.load;
        let outcomes: Vec<_> =
            load.outcomes.iter().map(|(name, count)| format!("{name} {}", grouped(*count))).collect();
        writeln!(f, "   load         {} transfers: {}", grouped(load.transfers), outcomes.join(", "))?;
        let latencies = self.latencies().map(|(name, ms)| format!("{name} {ms:.1}")).join(", ");
        writeln!(f, "   speed        {} transfers/s", grouped(load.transfers_per_second()))?;
        writeln!(f, "   latency      {latencies} ms from a batch's submission to its durable outcome")?;
        writeln!(f, "   disk         {} bytes a transfer", load.disk_bytes_per_transfer())
    }
}
