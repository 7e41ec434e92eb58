//! The metrics: one table of names, units and labels, handles made once, recorded per frame or block. Counts
//! of things that happened, never the truth about money.

use std::time::Duration;

use feiqian_core::outcome::{Outcome, OutcomeRow, RejectReason};
use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

use crate::journal::{Durable, Frame};

/// Above the numbers of all reasons.
const REASONS: usize = 128;
const _: () = assert!(matches!(RejectReason::ALL.last(), Some(last) if (last.number() as usize) < REASONS));

/// A metric's name, kind, unit and meaning.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// Ends in `_total`, `_seconds` or `_bytes` where it has a unit.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// What one is.
    pub unit: Unit,
    /// Its labels, comma-separated; never an id.
    pub labels: &'static str,
    /// For people.
    pub meaning: &'static str,
}

macro_rules! table {
    ($($constant:ident = $name:literal, $kind:literal, $unit:ident, $labels:literal, $meaning:literal;)*) => {
        $(const $constant: &str = $name;)*
        /// Every metric.
        pub const METRICS: &[Description] = &[$(Description {
            name: $name, kind: $kind, unit: Unit::$unit, labels: $labels, meaning: $meaning,
        },)*];
    };
}

table! {
    ENTRIES = "feiqian_entries_total", "counter", Count, "outcome,reason", "Entries executed, by outcome and reason";
    EXPIRED = "feiqian_holds_expired_total", "counter", Count, "", "Holds that their deadline ended";
    IN_FLIGHT = "feiqian_in_flight_transfers", "gauge", Count, "", "Transfers admitted and not yet answered";
    BUSY = "feiqian_busy_total", "counter", Count, "bound", "Submissions refused because a bound was reached";
    FRAME_ENTRIES = "feiqian_frame_entries", "histogram", Count, "", "Entries in a frame";
    GROUP_FRAMES = "feiqian_journal_group_frames", "histogram", Count, "", "Frames that one sync made durable";
    JOURNAL_SYNC = "feiqian_journal_sync_seconds", "histogram", Seconds, "", "Write and sync of one group";
    JOURNAL_BYTES = "feiqian_journal_written_bytes_total", "counter", Bytes, "", "Bytes of frames made durable";
    APPLY = "feiqian_shard_apply_seconds", "histogram", Seconds, "", "Execution of one frame by one shard";
    SEAL = "feiqian_block_seal_seconds", "histogram", Seconds, "", "Hashing and storing of one block";
    BLOCK_HEIGHT = "feiqian_block_height", "gauge", Count, "", "Height of the last sealed block";
    BLOCK_TIME = "feiqian_block_timestamp_seconds", "gauge", Seconds, "", "Frame time of the last sealed block since 1970; now less this is its age";
    POSITION = "feiqian_position_minor", "gauge", Count, "participant,currency", "Net position in the open cycle, minor units, as of the last block";
    CAP_USE = "feiqian_net_debit_cap_use_ratio", "gauge", Count, "participant,currency", "Used part of the net debit cap, as of the last block";
    CROSSINGS = "feiqian_cap_threshold_crossings_total", "counter", Count, "participant,currency,threshold", "Blocks after which the use of a net debit cap had crossed a threshold upwards; thresholds in hundredths of a per cent";
    LOG_SIZE = "feiqian_log_size", "gauge", Count, "", "Blocks in the newest signed checkpoint of the log";
    WITNESSED = "feiqian_witnessed_height", "gauge", Count, "", "Height of the last block that is WITNESSED by the policy; 0 without one";
    COSIGNATURES = "feiqian_cosignatures_total", "counter", Count, "outcome", "Cosigned checkpoints that witnesses handed in, taken or refused";
    FORKS = "feiqian_witness_forks_total", "counter", Count, "", "Cosignatures over another root than the log's: somebody was shown another log";
    TORN = "feiqian_journal_torn_tails_total", "counter", Count, "", "Unacknowledged tails cut at start";
    REPLAYED = "feiqian_recovery_frames_total", "counter", Count, "", "Frames replayed at start";
    QUEUED = "feiqian_queued_payments", "gauge", Count, "", "Payments that wait, as of the last block";
    RESOLUTION = "feiqian_liquidity_resolution_seconds", "histogram", Seconds, "", "One resolution of the queue";
    RELEASED = "feiqian_released_minor_total", "counter", Count, "", "Minor units that payments moved which had waited";
    TURNOVER = "feiqian_liquidity_turnover_ratio", "gauge", Count, "currency", "Value cleared between participants in the open cycle over the sum of each position's deepest debt in it, as of the blocks' ends since the start; 0 where nobody has owed anything";
    OLD_IDS = "feiqian_old_ids", "gauge", Count, "", "Ids in stored runs: all but the newest";
    OLD_ID_MEMORY = "feiqian_old_ids_memory_bytes", "gauge", Bytes, "", "Memory held for ids in stored runs: filters over all ids, and of each run the way to its entries";
    SNAPSHOTS = "feiqian_snapshots_total", "counter", Count, "", "Snapshots written";
}

/// Handles, made once.
pub struct Meter {
    outcomes: Vec<(Outcome, Counter)>,
    rejected: Vec<(RejectReason, Counter)>,
    expired: Counter,
    frame_entries: Histogram,
    group_frames: Histogram,
    journal_sync: Histogram,
    journal_bytes: Counter,
    apply: Histogram,
    seal: Histogram,
    block_height: Gauge,
    block_time: Gauge,
    in_flight: Gauge,
    busy: [Counter; 2],
    log_size: Gauge,
    witnessed: Gauge,
    cosignatures: [Counter; 2],
    forks: Counter,
    torn: Counter,
    replayed: Counter,
    queued: Gauge,
    resolution: Histogram,
    released: Counter,
    old_ids: Gauge,
    old_id_memory: Gauge,
    snapshots: Counter,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meter")
    }
}

impl Meter {
    /// Registers all metrics with the recorder that is installed, if one is.
    #[must_use]
    pub fn new() -> Self {
        for metric in METRICS {
            match metric.kind {
                "counter" => describe_counter!(metric.name, metric.unit, metric.meaning),
                "gauge" => describe_gauge!(metric.name, metric.unit, metric.meaning),
                _ => describe_histogram!(metric.name, metric.unit, metric.meaning),
            }
        }
        let entries = |outcome: Outcome, reason: &'static str| counter!(ENTRIES, "outcome" => outcome.name(), "reason" => reason);
        let accepted = Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Rejected);
        let rejected = RejectReason::ALL.iter();
        Self {
            outcomes: accepted.map(|outcome| (outcome, entries(outcome, ""))).collect(),
            rejected: rejected.map(|reason| (*reason, entries(Outcome::Rejected, reason.name()))).collect(),
            expired: counter!(EXPIRED),
            frame_entries: histogram!(FRAME_ENTRIES),
            group_frames: histogram!(GROUP_FRAMES),
            journal_sync: histogram!(JOURNAL_SYNC),
            journal_bytes: counter!(JOURNAL_BYTES),
            apply: histogram!(APPLY),
            seal: histogram!(SEAL),
            block_height: gauge!(BLOCK_HEIGHT),
            block_time: gauge!(BLOCK_TIME),
            in_flight: gauge!(IN_FLIGHT),
            busy: [counter!(BUSY, "bound" => "participant"), counter!(BUSY, "bound" => "engine")],
            log_size: gauge!(LOG_SIZE),
            witnessed: gauge!(WITNESSED),
            cosignatures: ["taken", "refused"].map(|outcome| counter!(COSIGNATURES, "outcome" => outcome)),
            forks: counter!(FORKS),
            torn: counter!(TORN),
            replayed: counter!(REPLAYED),
            queued: gauge!(QUEUED),
            resolution: histogram!(RESOLUTION),
            released: counter!(RELEASED),
            old_ids: gauge!(OLD_IDS),
            old_id_memory: gauge!(OLD_ID_MEMORY),
            snapshots: counter!(SNAPSHOTS),
        }
    }

    /// Counts the outcomes of a frame.
    pub(crate) fn record_frame(&self, frame: &Durable<Frame>, rows: &[OutcomeRow], expired: u32) {
        let mut counts = [[0_u64; REASONS]; 8];
        for row in rows {
            counts[usize::from(row.outcome & 7)][usize::from(row.reason) % REASONS] += 1;
        }
        let add = |counter: &Counter, count: u64| {
            if count > 0 {
                counter.increment(count);
            }
        };
        for (outcome, counter) in &self.outcomes {
            // What waits says for what; all others bring no reason.
            let reasons = &counts[usize::from(outcome.number())];
            add(counter, reasons.iter().sum());
        }
        for (reason, counter) in &self.rejected {
            add(counter, counts[usize::from(Outcome::Rejected.number())][usize::from(reason.number())]);
        }
        add(&self.expired, expired.into());
        self.frame_entries.record(frame.header.count);
    }

    pub(crate) fn record_apply(&self, elapsed: Duration) {
        self.apply.record(elapsed);
    }

    pub(crate) fn record_group(&self, frames: usize, bytes: u64, elapsed: Duration) {
        self.group_frames.record(frames as f64);
        self.journal_bytes.increment(bytes);
        self.journal_sync.record(elapsed);
    }

    pub(crate) fn record_block(&self, height: u64, timestamp: u64, elapsed: Duration) {
        self.block_height.set(height as f64);
        self.block_time.set(Duration::from_nanos(timestamp).as_secs_f64());
        self.seal.record(elapsed);
    }

    pub(crate) fn record_log(&self, size: u64, witnessed: u64) {
        self.log_size.set(size as f64);
        self.witnessed.set(witnessed as f64);
    }

    pub(crate) fn record_cosignatures(&self, is_taken: bool, is_fork: bool) {
        self.cosignatures[usize::from(!is_taken)].increment(1);
        self.forks.increment(u64::from(is_fork));
    }

    pub(crate) fn record_position(
        &self,
        participant: &str,
        currency: &'static str,
        position: i128,
        cap_use: f64,
    ) {
        let labels = [("participant", participant.to_owned()), ("currency", currency.to_owned())];
        gauge!(POSITION, &labels).set(position as f64);
        gauge!(CAP_USE, &labels).set(cap_use);
    }

    pub(crate) fn record_turnover(&self, currency: &'static str, ratio: f64) {
        gauge!(TURNOVER, "currency" => currency).set(ratio);
    }

    pub(crate) fn record_crossing(&self, participant: &str, currency: &'static str, threshold: u16) {
        let labels = [
            ("participant", participant.to_owned()),
            ("currency", currency.to_owned()),
            ("threshold", threshold.to_string()),
        ];
        counter!(CROSSINGS, &labels).increment(1);
    }

    pub(crate) fn record_in_flight(&self, transfers: usize) {
        self.in_flight.set(transfers as f64);
    }

    pub(crate) fn record_busy(&self, is_engine: bool) {
        self.busy[usize::from(is_engine)].increment(1);
    }

    pub(crate) fn record_recovery(&self, frames: u64, is_torn: bool) {
        self.replayed.increment(frames);
        self.torn.increment(u64::from(is_torn));
    }

    pub(crate) fn record_queue(&self, waiting: usize) {
        self.queued.set(waiting as f64);
    }

    pub(crate) fn record_resolution(&self, elapsed: Duration) {
        self.resolution.record(elapsed);
    }

    pub(crate) fn record_released(&self, minor: u64) {
        self.released.increment(minor);
    }

    pub(crate) fn record_old_ids(&self, ids: usize, bytes: usize) {
        self.old_ids.set(ids as f64);
        self.old_id_memory.set(bytes as f64);
    }

    pub(crate) fn record_snapshot(&self) {
        self.snapshots.increment(1);
    }
}

impl Default for Meter {
    fn default() -> Self {
        Self::new()
    }
}
