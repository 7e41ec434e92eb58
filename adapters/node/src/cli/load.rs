//! The command line of `feiqian load`. Parses and nothing else.

use std::path::PathBuf;

use benches::workload::Distribution;
use clap::Args;

/// `feiqian load`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// A server's address: 127.0.0.1:9471, unix:/path, or of its JSON API http://127.0.0.1:9472 [default: a server
    /// process of its own, in --data or a fresh directory that is removed when all checks have passed]
    #[arg(long, value_name = "ADDRESS")]
    pub connect: Option<String>,
    /// Over the JSON API instead of the bulk protocol: one request at a time on each session's connection, batches of
    /// more than one as bulks in which each transfer stands on its own
    #[arg(long)]
    pub http: bool,
    /// With --connect: a folder with the key of each participant, BIC.key, or over HTTP with its API key, BIC.api-key
    /// [default: the TEST KEYS of load servers, and, but over HTTP, of the demo's banks]
    #[arg(long, value_name = "DIR", requires = "connect")]
    pub keys: Option<PathBuf>,
    /// Accounts of its own server, over all participants
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub accounts: u64,
    /// Transfers in all
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    pub transfers: u64,
    /// Transfers in a batch, 1 to 8,190
    #[arg(long, default_value_t = 8_190, value_name = "N")]
    pub batch: usize,
    /// Sessions, 1 to 1,000
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub sessions: u64,
    /// Open loop: so many transfers a second, latency from when each batch was due [default: full speed]
    #[arg(long, value_name = "N")]
    pub rate: Option<u64>,
    /// Unanswered batches of a session at the most [default: what the engine takes, shared among sessions; over HTTP 1]
    #[arg(long, value_name = "N")]
    pub window: Option<u64>,
    /// Which accounts: uniform, zipf[:EXPONENT], hot[:ACCOUNTS], clearing
    #[arg(long, default_value = "uniform", value_name = "HOW")]
    #[arg(value_parser = crate::commands::load::parse_distribution)]
    pub distribution: Distribution,
    /// Share of transfers that go to another participant, 0 to 1
    #[arg(long, default_value_t = 0.875, value_name = "SHARE")]
    pub cross: f64,
    /// Share of holds and of the posts and voids that finish them; some are left to expire. Over HTTP with --batch 1
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub two_phase: f64,
    /// Share of transfers in chains; not over HTTP
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub chains: f64,
    /// Share of transfers that must be rejected, for a dozen reasons, or are sent twice; over HTTP for those that the
    /// API leaves to the engine
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub rejections: f64,
    /// Participants of its own server, 2 to 64
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub participants: u32,
    /// Currencies of its own server, 1 to 8
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub currencies: u32,
    /// Ascending UETRs instead of random ones
    #[arg(long)]
    pub ordered: bool,
    /// The same seed makes the same load [default: 1; with --connect a random one]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Shards of its own server [default: half of the cores]
    #[arg(long, value_name = "N")]
    pub shards: Option<usize>,
    /// Threads of the load generator
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub threads: usize,
    /// Where report.json and plot.html go, in a folder of each run's own
    #[arg(long, default_value = "target/load", value_name = "DIR")]
    pub out: PathBuf,
}
