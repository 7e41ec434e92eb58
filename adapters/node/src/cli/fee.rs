//! The command line of `feiqian fee`, and of tariffs in orders and proposals. Parses and nothing else.

use clap::{Args, Subcommand, ValueEnum};

use super::OfficerArgs;
use crate::orders::instant;

/// Which side of a payment bears a fee.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum BearerWord {
    /// The debtor's bank, beside what it pays.
    Debtor,
    /// The creditor's bank, out of what it gets: interchange.
    Creditor,
}

/// A tariff as it is said.
#[derive(Debug, Args)]
pub struct TariffArgs {
    /// Its number; one in force with it is replaced
    pub number: u32,
    /// In which currency
    pub currency: String,
    /// Who bears the fee
    #[arg(long, value_enum, default_value = "debtor")]
    pub bearer: BearerWord,
    /// Only for what this participant pays
    #[arg(long, value_name = "BIC")]
    pub debtor: Option<String>,
    /// Only for what this participant is paid
    #[arg(long, value_name = "BIC")]
    pub creditor: Option<String>,
    /// Only for this purpose code
    #[arg(long, value_name = "CODE")]
    pub purpose: Option<String>,
    /// From an amount on: a flat part, and so much per mille of the amount; at least and at most so much. Several, the
    /// first from 0
    #[arg(long = "tier", required = true, value_name = "FROM:FLAT:PER-MILLE[:LEAST[:MOST]]")]
    pub tiers: Vec<String>,
    /// Who gets it: debtor or creditor for their banks, or an account; of several each its share
    #[arg(long = "to", required = true, value_name = "WHO[=SHARE]")]
    pub beneficiaries: Vec<String>,
    /// In force from then on, a minute ahead or more, such as 2026-12-01T00:00Z; absent, at once
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub from: Option<u64>,
}

/// Steps about fees.
#[derive(Debug, Subcommand)]
pub enum FeeStep {
    /// Show the tariffs in force, and what is announced
    List,
    /// Say what a payment would owe, and to whom
    Quote {
        /// The account that pays
        from: String,
        /// The account that is paid
        to: String,
        /// In the account's currency, with a point: 12.50
        amount: String,
        /// Its purpose code
        #[arg(long, value_name = "CODE")]
        purpose: Option<String>,
    },
    /// Put a tariff in force; two officers sign
    Tariff {
        #[command(flatten)]
        tariff: TariffArgs,
        #[command(flatten)]
        officers: OfficerArgs,
    },
    /// End a tariff; two officers sign
    End {
        /// Which one
        number: u32,
        /// From then on, a minute ahead or more; absent, at once
        #[arg(long, value_name = "TIME", value_parser = instant)]
        from: Option<u64>,
        #[command(flatten)]
        officers: OfficerArgs,
    },
}
