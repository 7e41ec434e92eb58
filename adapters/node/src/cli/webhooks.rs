//! The command line of `feiqian webhooks`. Parses and nothing else.

use clap::Subcommand;

/// Steps about webhooks.
#[derive(Debug, Subcommand)]
pub enum WebhooksStep {
    /// Show who is told, and how far
    List,
    /// Tell everything from a sequence on again; also what sets a target going that was stopped
    Replay {
        /// The target's name; of one that a participant has registered, BIC/NAME
        #[arg(value_name = "NAME")]
        name: String,
        /// The sequence of the first event; at the most what `list` says is next
        #[arg(long, value_name = "SEQUENCE")]
        from: u64,
    },
}
