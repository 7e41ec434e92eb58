//! The command line of single payments: `feiqian pay`, `post`, `cards`, `fx` and `queue`. Parses and nothing else.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use feiqian_core::liquidity::resolve::Priority;

/// `feiqian pay`.
#[derive(Debug, Args)]
pub struct PayArgs {
    /// The account that pays: a handle (12), an alias (IBAN:DE89…), an IBAN, or BIC/CURRENCY for a clearing account
    pub from: String,
    /// The account that is paid
    pub to: String,
    /// In the account's currency, with a point: 12.50
    pub amount: String,
    /// The transfer's id [default: a random one]
    #[arg(long, value_name = "UETR")]
    pub uetr: Option<String>,
    /// Its purpose code, such as SALA
    #[arg(long, value_name = "CODE")]
    pub purpose: Option<String>,
    /// Reserve the amount only: post or void it later
    #[arg(long, conflicts_with_all = ["queue", "priority", "after"])]
    pub hold: bool,
    /// Let it wait where it can't be cleared at once
    #[arg(long)]
    pub queue: bool,
    /// Let it wait, in this class: urgent and high ones go out in order
    #[arg(long, value_name = "CLASS", value_parser = parse_priority)]
    pub priority: Option<Priority>,
    /// Clear it not before so many seconds from now
    #[arg(long, value_name = "SECONDS")]
    pub after: Option<u32>,
    /// Give it up, or let the hold expire, so many seconds from now
    #[arg(long, value_name = "SECONDS")]
    pub until: Option<u32>,
}

/// `feiqian post`.
#[derive(Debug, Args)]
pub struct PostArgs {
    /// The hold
    pub uetr: String,
    /// A part of it [default: all]
    pub amount: Option<String>,
    /// Keep what is left held
    #[arg(long)]
    pub keep: bool,
}

/// Whose word a command is, and the key that says so.
#[derive(Debug, Args)]
pub struct SignerArgs {
    /// The participant
    #[arg(long = "as", value_name = "BIC")]
    pub bic: String,
    /// Its secret key
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// With the TEST KEY of a bank of the demo
    #[arg(long, conflicts_with = "key")]
    pub test_key: bool,
}

/// Steps of cards.
#[derive(Debug, Subcommand)]
pub enum CardsStep {
    /// Let cards stand for an account, in each currency for one: card numbers from standard input, one on a line; only
    /// their tokens are kept. Cards that were enrolled before may be named by their tokens
    Enrol {
        /// The account: a handle, an alias, an IBAN, or BIC/CURRENCY for a customer on the issuer's own books
        account: String,
    },
    /// Let cards stand for an account no more, or for none: card numbers or tokens from standard input, one on a line.
    /// What they have paid or hold can still be completed and taken back
    Withdraw {
        /// The account, named as for enrol; all of each card's where it is left out
        account: Option<String>,
    },
}

/// Steps of foreign exchange.
#[derive(Debug, Subcommand)]
pub enum FxStep {
    /// Show the rates in force
    Rates,
    /// Publish a firm two-way rate, in the place of the last one for the pair
    Publish {
        /// Base and quote currency: EUR/USD is the price of a euro in dollars
        pair: String,
        /// The provider buys a unit of the base currency for so much
        bid: String,
        /// And sells it for so much
        ask: String,
        /// So much of the base currency may be locked
        #[arg(long, value_name = "AMOUNT")]
        size: String,
        /// It holds for so many seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        valid: u32,
        #[command(flatten)]
        signer: SignerArgs,
    },
    /// Withdraw a rate; quotes that are locked stay
    Withdraw {
        /// Base and quote currency
        pair: String,
        #[command(flatten)]
        signer: SignerArgs,
    },
    /// Lock a rate: what is paid and what is got, fixed to the minor unit
    Quote {
        /// What is paid and what is got: EUR/USD pays euros
        pair: String,
        /// Whose rate
        #[arg(long, value_name = "BIC")]
        provider: String,
        /// Pay just so much
        #[arg(long, value_name = "AMOUNT", conflicts_with = "get")]
        pay: Option<String>,
        /// Get just so much
        #[arg(long, value_name = "AMOUNT")]
        get: Option<String>,
        /// It is locked for so many seconds, at most as long as the rate holds
        #[arg(long, value_name = "SECONDS", default_value_t = 30)]
        valid: u32,
        #[command(flatten)]
        signer: SignerArgs,
    },
    /// Trade on a quote: both legs clear, or none
    Trade {
        /// The quote
        #[arg(value_name = "QUOTE")]
        quote: String,
        /// The account that pays
        #[arg(long, value_name = "ACCOUNT")]
        from: String,
        /// The account that is paid
        #[arg(long, value_name = "ACCOUNT")]
        to: String,
    },
}

/// Steps about payments that wait.
#[derive(Debug, Subcommand)]
pub enum QueueStep {
    /// Show all that wait, each account's in the order in which they go out
    List,
    /// Release what can be released, alone or at once
    Resolve,
    /// Take a payment out of the queue
    Revoke {
        /// The payment
        #[arg(value_name = "UETR")]
        uetr: String,
    },
    /// Give a payment another class, place and times
    Amend(AmendArgs),
}

/// `feiqian queue amend`.
#[derive(Debug, Args)]
pub struct AmendArgs {
    /// The payment
    pub uetr: String,
    /// Its class: urgent, high or normal
    #[arg(long, value_name = "CLASS", default_value = "normal", value_parser = parse_priority)]
    pub priority: Priority,
    /// Before all others of its class
    #[arg(long, conflicts_with = "last")]
    pub first: bool,
    /// Behind all others of its class
    #[arg(long)]
    pub last: bool,
    /// Clear it not before so many seconds from now
    #[arg(long, value_name = "SECONDS")]
    pub after: Option<u32>,
    /// Give it up so many seconds from now
    #[arg(long, value_name = "SECONDS")]
    pub until: Option<u32>,
}

pub(crate) fn parse_priority(text: &str) -> Result<Priority, String> {
    let all = [Priority::Urgent, Priority::High, Priority::Normal];
    all.into_iter().find(|class| class.name() == text).ok_or_else(|| "urgent, high or normal".to_owned())
}
