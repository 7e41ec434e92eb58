//! The command line of `fraud`. Parses and nothing else.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Whose word a step is: a bank's under its own key, or the officers'.
#[derive(Debug, Args)]
pub struct WordArgs {
    /// The bank whose word it is [default: the officers']
    #[arg(long = "as", value_name = "BIC")]
    pub bic: Option<String>,
    /// Its secret key
    #[arg(long, value_name = "FILE", requires = "bic")]
    pub key: Option<PathBuf>,
    /// With the TEST KEY of a bank of the demo
    #[arg(long, conflicts_with = "key", requires = "bic")]
    pub test_key: bool,
    /// An officer's key file [default: those in the data directory's keys/]
    #[arg(long = "officer-key", value_name = "FILE", conflicts_with = "bic")]
    pub officer_keys: Vec<PathBuf>,
}

/// Steps of a fraud case that officers order or propose.
#[derive(Debug, Subcommand)]
pub enum FraudOrder {
    /// Trace, and hold what is left on each account
    Hold {
        /// The case, or the beginning of its id
        case: String,
    },
    /// Free what is held
    Release {
        /// The case, or the beginning of its id
        case: String,
        /// On this account [default: all, and the case ends]
        account: Option<String>,
    },
    /// Send back what is held to the account that paid
    Return {
        /// The case, or the beginning of its id
        case: String,
        /// The account
        account: String,
        /// How much [default: all that is held]
        amount: Option<String>,
    },
}

/// Steps of a fraud case.
#[derive(Debug, Subcommand)]
pub enum FraudStep {
    /// Report a transfer that has cleared, for the bank of the account that paid; gives the case's id
    Report {
        /// The transfer
        #[arg(value_name = "UETR")]
        uetr: String,
        /// In dispute [default: what was paid and has not come back]
        #[arg(long, value_name = "AMOUNT")]
        amount: Option<String>,
        /// Follow the money over so many hops, at most 5
        #[arg(long, default_value_t = 5, value_name = "N")]
        hops: u8,
        /// Seconds until all that is held is free again, at most 30 days
        #[arg(long, default_value_t = 7 * 86_400, value_name = "SECONDS")]
        seconds: u32,
        #[command(flatten)]
        word: WordArgs,
    },
    /// Show where the money of a case is; changes nothing
    Trace {
        /// The case, or the beginning of its id
        case: String,
    },
    /// Trace, and hold what is left on each account: one officer's word, two where less is asked of one than before
    Hold {
        /// The case, or the beginning of its id
        case: String,
        /// An officer's key file [default: those in the data directory's keys/]
        #[arg(long = "officer-key", value_name = "FILE")]
        officer_keys: Vec<PathBuf>,
    },
    /// Free what is held: for the bank that has the account or that reported, or two officers
    Release {
        /// The case, or the beginning of its id
        case: String,
        /// On this account [default: all, and the case ends]
        account: Option<String>,
        #[command(flatten)]
        word: WordArgs,
    },
    /// Send back what is held to the account that paid: for the bank that has the account, or two officers
    Return {
        /// The case, or the beginning of its id
        case: String,
        /// The account
        account: String,
        /// How much [default: all that is held]
        amount: Option<String>,
        #[command(flatten)]
        word: WordArgs,
    },
    /// List the cases that run, and what is held for them where
    List,
}
