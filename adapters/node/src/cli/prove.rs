//! The command line of `feiqian prove`. Parses and nothing else.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to prove, and where to.
#[derive(Clone, Debug, Args)]
pub struct ProveArgs {
    /// What
    #[command(subcommand)]
    pub what: ProveWhat,
    /// The block [default: the last one; for a settlement the last that ended a cycle]
    #[arg(long, global = true, value_name = "HEIGHT")]
    pub block: Option<u64>,
    /// How it is written, and where
    #[command(flatten)]
    pub form: ProofForm,
}

/// How a proof is written.
#[derive(Clone, Debug, Args)]
pub struct ProofForm {
    /// Write the JSON form
    #[arg(long, global = true)]
    pub text: bool,
    /// With the path from the block to a checkpoint of the log, and the witnesses' cosignatures of that
    #[arg(long, global = true)]
    pub checkpoint: bool,
    /// Where to [default: named after what it proves]
    #[arg(short, long, global = true, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What a proof is about.
#[derive(Clone, Debug, Subcommand)]
pub enum ProveWhat {
    /// A participant's position in a currency
    Position {
        /// The participant's BIC
        participant: String,
        /// The currency's code
        currency: String,
    },
    /// All transfers of a participant in a currency in the block, or that there were none
    Completeness {
        /// The participant's BIC
        participant: String,
        /// The currency's code
        currency: String,
    },
    /// An account after the block
    Balance {
        /// Its handle or an alias
        account: String,
    },
    /// That the block has an older one among its ancestors
    Consistency {
        /// The older block's height
        old: u64,
        /// By the log: that the log up to the block begins with the log up to the older one, any distance apart
        #[arg(long)]
        log: bool,
    },
    /// What one participant pays another for the cycle that the block ended
    Settlement {
        /// The currency's code
        currency: String,
        /// The BIC of who pays
        debtor: String,
        /// The BIC of who is paid
        creditor: String,
    },
    /// That the submitter signed the batch that holds a transfer
    Batch {
        /// The transfer
        uetr: String,
    },
}
