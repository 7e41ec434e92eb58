//! The configuration: `config/feiqian.toml`, every key with its unit, default and reason. An unknown key or a
//! value out of range is refused with the file, the line and the key; nothing is guessed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use feiqian_core::limits::{BATCH_TRANSFERS_MAX, SHARDS_MAX};
use feiqian_files::after::time_limits::RecallLimits;
use feiqian_files::profile::Deadlines;
use feiqian_iso20022::Limits;
use feiqian_runtime::journal::SEGMENT_BYTES_MAX;
use feiqian_runtime::options::EngineOptions;
use feiqian_wire::{Address, ServerOptions};
use serde::Deserialize;

use crate::fault::Fault;
use crate::follow::Callers;
use crate::witnesses::WitnessConfig;

pub mod api;
pub mod cards;
pub mod messages;
pub mod webhooks;

pub use api::ApiConfig;
use cards::CardsConfig;
pub use messages::MessagesConfig;
use webhooks::WebhooksConfig;

/// Where the configuration is looked for unless `--config` says otherwise.
pub const CONFIG_FILE: &str = "config/feiqian.toml";
/// A group that the journal syncs at once, 4 MiB and a frame of 2 MiB more with their headers, must fit one
/// segment: with smaller ones the journal could only stop under load.
const SEGMENT_BYTES_MIN: u32 = 8 << 20;

/// All keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the node keeps what it knows.
    pub node: NodeConfig,
    /// The engine.
    pub engine: EngineConfig,
    /// The file transport.
    pub inbox: InboxConfig,
    /// What is asked of messages.
    pub messages: MessagesConfig,
    /// Metrics and health.
    pub http: HttpConfig,
    /// The bulk protocol.
    pub wire: WireConfig,
    /// The card port.
    pub cards: CardsConfig,
    /// The JSON API.
    pub api: ApiConfig,
    /// Who is told of events.
    pub webhooks: WebhooksConfig,
    /// The archive for analysis.
    pub archive: ArchiveConfig,
    /// Whose cosignatures make a block WITNESSED.
    pub witnesses: WitnessConfig,
    /// Who may follow.
    pub follow: Callers,
    /// The demo's generated load.
    pub demo: DemoConfig,
}

/// `[node]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodeConfig {
    /// The data directory; `--data` goes before it.
    pub data: PathBuf,
}

/// `[engine]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    /// Shard actors; 0 for half of the cores.
    pub shards: usize,
    /// Milliseconds.
    pub seal_interval_ms: u64,
    /// Entries.
    pub seal_entries_max: u64,
    /// Transfers.
    pub in_flight_transfers_max: usize,
    /// Transfers.
    pub participant_in_flight_transfers_max: usize,
    /// Bytes.
    pub segment_bytes: u32,
    /// Blocks.
    pub snapshot_blocks: u64,
}

/// `[inbox]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InboxConfig {
    /// The work directory, relative to the data directory.
    pub directory: PathBuf,
    /// Milliseconds.
    pub poll_ms: u64,
    /// Bytes.
    pub file_bytes_max: u64,
    /// Bytes.
    pub transaction_bytes_max: u64,
    /// Transactions.
    pub file_transactions_max: u64,
    /// Seconds.
    pub instant_deadline_s: u32,
    /// Seconds; 0 for as long as it takes.
    pub queued_wait_s: u32,
    /// Business days.
    pub recall_business_days: u64,
    /// Months.
    pub recall_months: u64,
    /// Business days.
    pub recall_answer_business_days: u64,
}

/// `[http]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Loopback address and port.
    pub listen: SocketAddr,
    /// Milliseconds.
    pub health_timeout_ms: u64,
}

/// `[wire]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WireConfig {
    /// Loopback address and port.
    pub listen: SocketAddr,
    /// Path of a Unix socket; empty for none.
    pub unix: PathBuf,
    /// Sessions.
    pub sessions_max: usize,
    /// Sessions of one participant.
    pub sessions_per_participant_max: usize,
    /// Connections.
    pub logins_max: usize,
    /// Requests.
    pub session_requests_in_flight_max: u32,
    /// Transfers.
    pub session_transfers_in_flight_max: u32,
    /// Milliseconds.
    pub login_timeout_ms: u64,
    /// Milliseconds.
    pub idle_timeout_ms: u64,
    /// Milliseconds.
    pub write_timeout_ms: u64,
    /// Threads.
    pub worker_threads: usize,
}

/// `[archive]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArchiveConfig {
    /// Path, relative to the data directory; empty for none.
    pub directory: PathBuf,
    /// Seconds.
    pub interval_s: u64,
}

/// `[demo]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DemoConfig {
    /// Transfers.
    pub transfers: u64,
    /// Seed of the load's generator.
    pub seed: u64,
    /// Batches.
    pub batches_in_flight: usize,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self { data: PathBuf::from("data") }
    }
}

impl Default for EngineConfig {
    fn default() -> Self {
        let options = EngineOptions::new(PathBuf::new());
        Self {
            shards: 0,
            seal_interval_ms: 250,
            seal_entries_max: options.seal_entries_max,
            in_flight_transfers_max: options.in_flight_transfers_max,
            participant_in_flight_transfers_max: options.participant_in_flight_transfers_max,
            segment_bytes: options.segment_bytes,
            snapshot_blocks: options.snapshot_blocks,
        }
    }
}

impl Default for InboxConfig {
    fn default() -> Self {
        let (limits, deadlines, recalls) = (Limits::default(), Deadlines::default(), RecallLimits::default());
        Self {
            directory: PathBuf::from("files"),
            poll_ms: 100,
            file_bytes_max: limits.file_bytes_max,
            transaction_bytes_max: limits.transaction_bytes_max,
            file_transactions_max: limits.transactions_max,
            instant_deadline_s: deadlines.instant_s,
            queued_wait_s: deadlines.queued_s,
            recall_business_days: recalls.business_days,
            recall_months: recalls.months,
            recall_answer_business_days: recalls.answer_business_days,
        }
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 9470)), health_timeout_ms: 2_000 }
    }
}

impl Default for WireConfig {
    fn default() -> Self {
        let options = ServerOptions::default();
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9471)),
            unix: PathBuf::new(),
            sessions_max: options.sessions_max,
            sessions_per_participant_max: options.sessions_per_participant_max,
            logins_max: options.logins_max,
            session_requests_in_flight_max: options.requests_in_flight_max,
            session_transfers_in_flight_max: options.transfers_in_flight_max,
            login_timeout_ms: 5_000,
            idle_timeout_ms: 60_000,
            write_timeout_ms: 30_000,
            worker_threads: 1,
        }
    }
}

impl Default for ArchiveConfig {
    fn default() -> Self {
        Self { directory: PathBuf::new(), interval_s: 60 }
    }
}

impl Default for DemoConfig {
    fn default() -> Self {
        Self { transfers: 1_000_000, seed: 1, batches_in_flight: 16 }
    }
}

/// Section, key, whether its value is good, and what it must be.
type Rule = (&'static str, &'static str, bool, String);

impl Config {
    /// Reads `--config FILE`, or [`CONFIG_FILE`] where it is there, or takes the defaults.
    ///
    /// # Errors
    /// [`Fault::Usage`] naming file, line and key; [`Fault::File`] where a named file can't be read.
    pub fn load(path: Option<&Path>) -> Result<Self, Fault> {
        let file = path.unwrap_or(Path::new(CONFIG_FILE));
        match std::fs::read_to_string(file) {
            Ok(text) => Self::parse(file, &text),
            Err(error) if path.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self::default())
            }
            Err(error) => Err(Fault::file(file, "read the configuration", &error)),
        }
    }

    /// Reads the text of `file`.
    ///
    /// # Errors
    /// [`Fault::Usage`].
    pub fn parse(file: &Path, text: &str) -> Result<Self, Fault> {
        let config: Self = toml::from_str(text)
            .map_err(|error| Fault::Usage(format!("{}: {}", file.display(), error.to_string().trim_end())))?;
        let rules = config.engine.rules().into_iter().chain(config.wire.rules());
        let rules = rules.chain(config.cards.rules()).chain(config.api.rules());
        let rules = rules.chain(config.webhooks.rules()).chain(config.messages.rules());
        let rules = rules.chain(config.other_rules());
        for (section, key, is_good, rule) in rules {
            if !is_good {
                let place = format!("{}:{}", file.display(), line_of(text, section, key));
                return Err(Fault::Usage(format!("{place}: {key} in [{section}] must be {rule}")));
            }
        }
        Ok(config)
    }

    fn other_rules(&self) -> Vec<Rule> {
        let (inbox, http, demo) = (&self.inbox, &self.http, &self.demo);
        let is_load = (1..=100_000_000).contains(&demo.transfers);
        let is_in_flight = (1..=1_024).contains(&demo.batches_in_flight);
        vec![
            ("inbox", "poll_ms", is_milliseconds(inbox.poll_ms), one_to_minute()),
            ("inbox", "file_bytes_max", inbox.file_bytes_max > 0, at_least_one()),
            ("inbox", "transaction_bytes_max", inbox.transaction_bytes_max > 0, at_least_one()),
            ("inbox", "file_transactions_max", inbox.file_transactions_max > 0, at_least_one()),
            (
                "inbox",
                "instant_deadline_s",
                (1..=3_600).contains(&inbox.instant_deadline_s),
                "1 to 3600 seconds".to_owned(),
            ),
            ("inbox", "recall_business_days", inbox.recall_business_days <= DAYS_MAX, days_rule()),
            (
                "inbox",
                "recall_months",
                inbox.recall_months <= MONTHS_MAX,
                format!("0 to {MONTHS_MAX} months"),
            ),
            (
                "inbox",
                "recall_answer_business_days",
                inbox.recall_answer_business_days <= DAYS_MAX,
                days_rule(),
            ),
            ("http", "listen", http.listen.ip().is_loopback(), loopback_rule()),
            ("http", "health_timeout_ms", is_milliseconds(http.health_timeout_ms), one_to_minute()),
            (
                "archive",
                "interval_s",
                (1..=86_400).contains(&self.archive.interval_s),
                "1 to 86400 seconds".to_owned(),
            ),
            ("demo", "transfers", is_load, "1 to 100000000".to_owned()),
            ("demo", "batches_in_flight", is_in_flight, "1 to 1024".to_owned()),
        ]
    }

    /// The engine's options on a data directory.
    #[must_use]
    pub fn engine_options(&self, data: &Path) -> EngineOptions {
        let defaults = EngineOptions::new(data.to_owned());
        let engine = &self.engine;
        EngineOptions {
            shards: if engine.shards == 0 { defaults.shards } else { engine.shards },
            seal_interval: Duration::from_millis(engine.seal_interval_ms),
            seal_entries_max: engine.seal_entries_max,
            in_flight_transfers_max: engine.in_flight_transfers_max,
            participant_in_flight_transfers_max: engine.participant_in_flight_transfers_max,
            segment_bytes: engine.segment_bytes,
            snapshot_blocks: engine.snapshot_blocks,
            witnesses: self.witnesses.0.clone(),
            ..defaults
        }
    }

    /// All who may follow: those of `[follow]`, and those whose cosignatures count.
    ///
    /// # Errors
    /// [`Fault::Usage`] where two keys have one name.
    pub fn callers(&self) -> Result<Callers, Fault> {
        let mut callers = self.follow.clone();
        for key in self.witnesses.0.iter().flat_map(feiqian_proof::policy::WitnessPolicy::keys) {
            callers.add(key.clone()).map_err(Fault::Usage)?;
        }
        Ok(callers)
    }

    /// The bounds of one file of the inbox.
    #[must_use]
    pub fn file_limits(&self) -> Limits {
        Limits {
            file_bytes_max: self.inbox.file_bytes_max,
            transaction_bytes_max: self.inbox.transaction_bytes_max,
            transactions_max: self.inbox.file_transactions_max,
        }
    }
}

impl InboxConfig {
    /// How long payments wait that may.
    #[must_use]
    pub fn deadlines(&self) -> Deadlines {
        Deadlines { instant_s: self.instant_deadline_s, queued_s: self.queued_wait_s }
    }

    /// How long payments may be recalled.
    #[must_use]
    pub fn recall_limits(&self) -> RecallLimits {
        RecallLimits {
            business_days: self.recall_business_days,
            months: self.recall_months,
            answer_business_days: self.recall_answer_business_days,
        }
    }
}

impl EngineConfig {
    fn rules(&self) -> Vec<Rule> {
        let own = self.participant_in_flight_transfers_max;
        let own_rule = format!("at least one full batch of {BATCH_TRANSFERS_MAX}");
        let is_over_own = self.in_flight_transfers_max >= own;
        let is_segment = (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&self.segment_bytes)
            && self.segment_bytes.is_multiple_of(4_096);
        let segment_rule = format!("a multiple of 4096 from {SEGMENT_BYTES_MIN} to {SEGMENT_BYTES_MAX}");
        let over_own = "at least participant_in_flight_transfers_max".to_owned();
        vec![
            ("engine", "shards", self.shards <= SHARDS_MAX, format!("0 to {SHARDS_MAX}")),
            ("engine", "seal_interval_ms", is_milliseconds(self.seal_interval_ms), one_to_minute()),
            ("engine", "seal_entries_max", self.seal_entries_max > 0, at_least_one()),
            ("engine", "participant_in_flight_transfers_max", own >= BATCH_TRANSFERS_MAX, own_rule),
            ("engine", "in_flight_transfers_max", is_over_own, over_own),
            ("engine", "segment_bytes", is_segment, segment_rule),
            ("engine", "snapshot_blocks", self.snapshot_blocks > 0, at_least_one()),
        ]
    }
}

impl WireConfig {
    fn rules(&self) -> Vec<Rule> {
        let is_full = self.session_transfers_in_flight_max as usize >= BATCH_TRANSFERS_MAX;
        let requests = self.session_requests_in_flight_max;
        let count = |value: usize, max: usize| ((1..=max).contains(&value), format!("1 to {max}"));
        let (is_sessions, sessions_rule) = count(self.sessions_max, 65_536);
        let (is_own, own_rule) = count(self.sessions_per_participant_max, 65_536);
        let (is_logins, logins_rule) = count(self.logins_max, 65_536);
        let (is_requests, requests_rule) = count(requests as usize, 65_536);
        let (is_threads, threads_rule) = count(self.worker_threads, 256);
        let full_rule = format!("at least one full batch of {BATCH_TRANSFERS_MAX}");
        vec![
            ("wire", "listen", self.listen.ip().is_loopback(), plain_rule()),
            ("wire", "sessions_max", is_sessions, sessions_rule),
            ("wire", "sessions_per_participant_max", is_own, own_rule),
            ("wire", "logins_max", is_logins, logins_rule),
            ("wire", "session_requests_in_flight_max", is_requests, requests_rule),
            ("wire", "session_transfers_in_flight_max", is_full, full_rule),
            ("wire", "login_timeout_ms", is_milliseconds(self.login_timeout_ms), one_to_minute()),
            ("wire", "idle_timeout_ms", (1..=3_600_000).contains(&self.idle_timeout_ms), one_to_hour()),
            ("wire", "write_timeout_ms", is_milliseconds(self.write_timeout_ms), one_to_minute()),
            ("wire", "worker_threads", is_threads, threads_rule),
        ]
    }

    /// Where the server listens: the TCP address, and the Unix socket if there is one.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        let unix = (!self.unix.as_os_str().is_empty()).then(|| Address::Unix(self.unix.clone()));
        std::iter::once(Address::Tcp(self.listen)).chain(unix).collect()
    }

    /// The bounds of the server.
    #[must_use]
    pub fn options(&self) -> ServerOptions {
        ServerOptions {
            sessions_max: self.sessions_max,
            sessions_per_participant_max: self.sessions_per_participant_max,
            logins_max: self.logins_max,
            requests_in_flight_max: self.session_requests_in_flight_max,
            transfers_in_flight_max: self.session_transfers_in_flight_max,
            login_timeout: Duration::from_millis(self.login_timeout_ms),
            idle_timeout: Duration::from_millis(self.idle_timeout_ms),
            write_timeout: Duration::from_millis(self.write_timeout_ms),
        }
    }
}

/// Why only loopback: the bulk protocol knows who is asking, but everyone on the way could read along.
#[must_use]
pub fn plain_rule() -> String {
    "a loopback address such as 127.0.0.1:9471, for the protocol is authenticated but not encrypted; put a \
     tunnel before it to reach it from elsewhere"
        .to_owned()
}

/// A recall after more than that is a matter for courts.
const DAYS_MAX: u64 = 1_000;
const MONTHS_MAX: u64 = 120;

fn days_rule() -> String {
    format!("0 to {DAYS_MAX} business days")
}

fn one_to_hour() -> String {
    "1 to 3600000 milliseconds".to_owned()
}

/// Why only loopback: neither metrics nor health ask who is asking.
#[must_use]
pub fn loopback_rule() -> String {
    "a loopback address such as 127.0.0.1:9470, for nobody is asked who they are there; put a proxy before it \
     to reach it from elsewhere"
        .to_owned()
}

const fn is_milliseconds(value: u64) -> bool {
    value >= 1 && value <= 60_000
}

fn one_to_minute() -> String {
    "1 to 60000 milliseconds".to_owned()
}

fn at_least_one() -> String {
    "at least 1".to_owned()
}

/// The line of a key, counted from 1; of its section, or 1, where a default breaks a rule.
fn line_of(text: &str, section: &str, key: &str) -> usize {
    let mut found = 1;
    let mut is_inside = false;
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        if line.starts_with('[') {
            is_inside = line == format!("[{section}]");
            if is_inside {
                found = number;
            }
        } else if is_inside && line.split('=').next().map(str::trim) == Some(key) {
            return number;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/feiqian.toml");
        std::fs::read_to_string(path).expect("the configuration is shipped")
    }

    fn refusal(text: &str) -> String {
        Config::parse(Path::new("some.toml"), text).expect_err("refused").to_string()
    }

    #[test]
    fn the_shipped_file_says_the_defaults_and_names_every_key() {
        let text = shipped();
        let defaults = Config::default();
        assert_eq!(Config::parse(Path::new("feiqian.toml"), &text).expect("good"), defaults);
        let rules = defaults.engine.rules().into_iter().chain(defaults.wire.rules());
        let cards = defaults.cards.rules().into_iter().filter(|(section, ..)| *section == "cards");
        let rules = rules.chain(cards).chain(defaults.api.rules()).chain(defaults.webhooks.rules());
        let rules = rules.chain(defaults.messages.rules());
        for (section, key, ..) in rules.chain(defaults.other_rules()) {
            let line = text.lines().nth(line_of(&text, section, key) - 1).expect("there");
            assert!(line.starts_with(&format!("{key} = ")), "{section}.{key}: {line}");
        }
    }

    #[test]
    fn every_key_of_the_shipped_file_has_its_reason_above_it() {
        let text = shipped();
        let lines: Vec<&str> = text.lines().collect();
        for pair in lines.windows(2) {
            if pair[1].contains(" = ") && !pair[1].starts_with('#') {
                assert!(pair[0].starts_with('#'), "{}", pair[1]);
            }
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_name_and_line() {
        let text = refusal("[engine]\nshards = 2\nshard_count = 3\n");
        assert!(
            text.contains("some.toml") && text.contains("line 3") && text.contains("shard_count"),
            "{text}"
        );
        let text = refusal("[motor]\n");
        assert!(text.contains("motor") && text.contains("line 1"), "{text}");
    }

    #[test]
    fn a_value_of_another_kind_is_refused_with_its_line() {
        let text = refusal("[engine]\n\nseal_interval_ms = \"soon\"\n");
        assert!(text.contains("line 3") && text.contains("seal_interval_ms"), "{text}");
    }

    #[test]
    fn a_value_out_of_range_is_refused_with_its_line_and_rule() {
        let rows = [
            ("[engine]\nshards = 65\n", "some.toml:2: shards"),
            ("[engine]\nsegment_bytes = 8388609\n", "some.toml:2: segment_bytes"),
            ("[engine]\nsegment_bytes = 4194304\n", "some.toml:2: segment_bytes"),
            ("[engine]\nseal_interval_ms = 0\n", "some.toml:2: seal_interval_ms"),
            ("[engine]\nparticipant_in_flight_transfers_max = 9\n", "some.toml:2: participant_in_flight"),
            ("\n[http]\nlisten = \"0.0.0.0:9470\"\n", "some.toml:3: listen in [http] must be a loopback"),
            ("[wire]\nlisten = \"192.0.2.1:9471\"\n", "some.toml:2: listen in [wire] must be a loopback"),
            ("[wire]\nsession_transfers_in_flight_max = 8189\n", "some.toml:2: session_transfers"),
            ("[wire]\nidle_timeout_ms = 0\n", "some.toml:2: idle_timeout_ms"),
            ("[wire]\nworker_threads = 0\n", "some.toml:2: worker_threads"),
            ("[webhooks]\nrequest_timeout_ms = 0\n", "some.toml:2: request_timeout_ms"),
            ("[archive]\ninterval_s = 0\n", "some.toml:2: interval_s"),
            ("[demo]\n# how many\n  transfers = 0\n", "some.toml:3: transfers"),
        ];
        for (text, expected) in rows {
            assert!(refusal(text).starts_with(expected), "{}", refusal(text));
        }
    }
}
