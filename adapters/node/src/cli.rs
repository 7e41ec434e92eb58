//! The command line, as `feiqian --help` shows it. Parses and nothing else.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};
use feiqian_files::settlement::StatementMessage;

use crate::fault::EXIT_CODES;
use crate::orders::Order;

mod keys;
mod fee;
mod fraud;
mod limit;
mod load;
mod pay;
mod prove;
mod webhooks;

pub use fee::{BearerWord, FeeStep, TariffArgs};
pub use fraud::{FraudOrder, FraudStep, WordArgs};
pub use keys::{CertificateArgs, KeysStep};
pub use limit::{LimitArgs, LimitStep, Period, Place};
pub use load::LoadArgs;
pub(crate) use pay::parse_priority;
pub use pay::{AmendArgs, CardsStep, FxStep, PayArgs, PostArgs, QueueStep, SignerArgs};
pub use prove::{ProofForm, ProveArgs, ProveWhat};
pub use webhooks::WebhooksStep;

/// Feiqian clears and settles payments between banks, and proves to each what it did.
#[derive(Debug, Parser)]
#[command(name = "feiqian", version, after_help = EXIT_CODES, propagate_version = true)]
pub struct Cli {
    /// The data directory [default: node.data of the configuration; for demo a fresh one under target/]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The configuration [default: config/feiqian.toml, or what stands in it by default]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print results as JSON, one object on one line
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the whole job once: take an inbox in, clear a generated load, settle, prove, replay, check
    #[command(after_help = EXIT_CODES)]
    Demo(DemoArgs),
    /// Generate load over the bulk protocol, measure it, and check everything that was acknowledged
    #[command(after_help = EXIT_CODES)]
    Load(LoadArgs),
    /// The load generator's own server; started by `load`
    #[command(hide = true)]
    LoadServer {
        /// What it is started with, as JSON
        spec: String,
    },
    /// Reads one picture of a QR code from standard input; started by `serve`
    #[cfg(feature = "scan")]
    #[command(hide = true)]
    ScanPicture,
    /// Begin a data directory: keys, genesis, participants and accounts
    Init {
        /// Who takes part; config/demo/participants.toml is an example
        #[arg(long, value_name = "FILE")]
        participants: PathBuf,
        /// Go on with a directory whose initialisation was cut off, or add what the file has more
        #[arg(long)]
        resume: bool,
        #[command(flatten)]
        officers: OfficerArgs,
    },
    /// Run the engine until interrupted: the inbox watched, /metrics and /health on loopback
    Serve {
        /// The inbox to watch; files are moved out of it [default: inbox/ of the data directory's files]
        #[arg(long, value_name = "DIR")]
        inbox: Option<PathBuf>,
        /// Loopback address and port of /metrics and /health [default: http.listen of the configuration]
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<SocketAddr>,
    },
    /// Take single ISO 20022 files in, and leave them where they are
    Import {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Write sealed blocks as Parquet files, for DuckDB and others; goes on where it ended
    Export {
        /// The archive's directory, its own; made if it is not there
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        /// Begin a new archive with this block [default: 1]
        #[arg(long, value_name = "N")]
        from_block: Option<u64>,
    },
    /// List accounts with their balances
    Accounts {
        /// Only this participant's
        #[arg(long, value_name = "BIC")]
        participant: Option<String>,
        /// List so many at the most
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: usize,
    },
    /// Show transfers by their UETR: parties, outcome, block
    Transfer {
        /// One or more ids
        #[arg(required = true, value_name = "UETR")]
        uetrs: Vec<String>,
    },
    /// Submit one transfer for the participant that owns the debtor account
    Pay(PayArgs),
    /// Post a pending hold, in full or in part
    Post(PostArgs),
    /// Give a pending hold back
    Void {
        /// The hold
        #[arg(value_name = "UETR")]
        uetr: String,
    },
    /// Send back what a payment brought, in full or in part, for the participant that it was paid to
    Return {
        /// The payment
        #[arg(value_name = "UETR")]
        uetr: String,
        /// How much [default: what has not come back yet]
        #[arg(value_name = "AMOUNT")]
        amount: Option<String>,
    },
    /// Publish firm exchange rates, lock quotes, trade on them: payment versus payment
    Fx {
        /// The step
        #[command(subcommand)]
        step: FxStep,
    },
    /// Make certificates, API keys and signing keys of those who call
    Keys {
        /// The step
        #[command(subcommand)]
        step: KeysStep,
    },
    /// Cards and the accounts that they stand for
    Cards {
        /// The step
        #[command(subcommand)]
        step: CardsStep,
    },
    /// Show, set and end tariffs, and quote what a payment owes: fees and interchange
    Fee {
        /// The step
        #[command(subcommand)]
        step: FeeStep,
    },
    /// Report a transfer as fraud, trace its money, hold what is left, release or return it
    Fraud {
        /// The step
        #[command(subcommand)]
        step: FraudStep,
    },
    /// Show the recalls that came by files and what was answered; beside a running `serve` too
    Recalls,
    /// Show the requests to pay that came by files and what was answered; beside a running `serve` too
    Requests,
    /// Show who is told of events and how far, and tell again; beside a running `serve` too
    Webhooks {
        /// The step
        #[command(subcommand)]
        step: WebhooksStep,
    },
    /// Show, amend, revoke or resolve the payments that wait
    Queue {
        /// The step
        #[command(subcommand)]
        step: QueueStep,
    },
    /// Show one account: balance and history
    Account {
        /// A handle (12), an alias (IBAN:DE89…), an IBAN, or BIC/CURRENCY for a clearing account
        #[arg(value_name = "ID")]
        id: String,
        /// Postings to show, newest first
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
    },
    /// Show the positions of the open cycle, and what is left of the caps
    Positions {
        /// The net positions of this closed cycle instead
        #[arg(long, value_name = "N")]
        cycle: Option<u64>,
    },
    /// Close, settle or fail a settlement cycle
    Cycle {
        /// The step
        #[command(subcommand)]
        step: CycleStep,
    },
    /// Order a risky command at once: two officers sign it, or one alone what only stops or lowers
    Order {
        #[command(flatten)]
        officers: OfficerArgs,
        /// What is ordered
        #[command(subcommand)]
        order: Order,
    },
    /// Propose a risky command, as one officer, for another to approve
    Propose {
        #[command(flatten)]
        by: OneOfficer,
        /// Seconds until the proposal is gone
        #[arg(long, default_value_t = 86_400, value_name = "SECONDS")]
        expires: u32,
        /// What is proposed
        #[command(subcommand)]
        order: Order,
    },
    /// Approve what another officer has proposed: it is done at once, or waits where loosenings are delayed
    Approve {
        /// Its id, or the beginning of it
        #[arg(value_name = "PROPOSAL")]
        proposal: String,
        #[command(flatten)]
        by: OneOfficer,
    },
    /// Take a proposal back, your own or another officer's, approved or not
    Withdraw {
        /// Its id, or the beginning of it
        #[arg(value_name = "PROPOSAL")]
        proposal: String,
        #[command(flatten)]
        by: OneOfficer,
    },
    /// List what is proposed: by whom, what it does, and until or from when
    Proposals,
    /// Write statements of a cycle: of a participant's positions, or of an account with all its postings
    Statement(StatementArgs),
    /// Hold an account statement that someone else has made (camt.053) against ours; fails where they differ
    Reconcile(ReconcileArgs),
    /// Show and set limits: cover, sender limits, velocity, reservations, thresholds
    Limit {
        /// The step
        #[command(subcommand)]
        step: LimitStep,
    },
    /// Show a sealed block
    Block {
        /// Its height, from 1
        #[arg(value_name = "HEIGHT")]
        height: u64,
        /// Show the seed of its salts: for an auditor of this block alone, whom it opens all transfers and positions of it
        #[arg(long)]
        seed: bool,
        /// From the files of a served log in this folder, which may be a copy, and its signed checkpoint; opens no engine
        #[arg(long, value_name = "DIR", conflicts_with = "seed")]
        log: Option<PathBuf>,
        /// With --log: the operator's public key: 64 hexadecimal digits, a file with them, or its verifier key
        /// name+id+base64 [default: the folder's `key`, which proves nothing about who wrote the folder]
        #[arg(long, value_name = "KEY", requires = "log")]
        key: Option<String>,
    },
    /// Write the receipt of a transfer: a file that proves offline what became of it
    Receipt {
        /// The transfer
        #[arg(value_name = "UETR")]
        uetr: String,
        /// Leave the payment's details out: the receipt names them by their digest alone
        #[arg(long)]
        without_details: bool,
        /// How it is written, and where
        #[command(flatten)]
        form: ProofForm,
    },
    /// Make a proof about any sealed block: a position, all transfers of a participant, a balance, an obligation, a signed
    /// batch, or that a block is an ancestor
    Prove(ProveArgs),
    /// Verify a receipt or another proof offline, from the file and the operator's public key alone
    Verify {
        /// The receipt or proof, binary or JSON
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The operator's public key: 64 hexadecimal digits, or a file with them
        #[arg(long, value_name = "KEY")]
        key: String,
        /// The witnesses' policy, as [witnesses] of the configuration has it; fails unless the file's cosignatures meet it
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        /// The chain that it must be of, 32 hexadecimal digits [default: whichever it says]
        #[arg(long, value_name = "HEX")]
        chain: Option<String>,
    },
    /// Check the log of blocks from its files alone: signature, witnesses, a block in it, an older one extended
    Checkpoint(CheckpointArgs),
    /// Replay the journal and compare every root, row, signature and snapshot; changes nothing
    Audit(AuditArgs),
    /// Follow an operator: replay its every frame, compare every block, cosign its checkpoints; a warm copy besides
    #[command(after_help = EXIT_CODES)]
    Validate(ValidateArgs),
    /// Make a validator's key, where there is none, and print what operators count its cosignatures by
    ValidatorKey {
        /// The key's file
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The validator's name, such as bank-a.example/validator
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// Judge a file of evidence that a validator wrote, under the operator's public key alone where that is enough
    VerifyEvidence {
        /// The evidence
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The operator's public key: 64 hexadecimal digits, or a file with them
        #[arg(long, value_name = "KEY")]
        key: String,
    },
    /// Make a validator's directory, or a restored one, the operator's: begins the next epoch, so that all who follow
    /// refuse what the lost operator may still write
    Takeover {
        /// The operator's secret key [default: keys/operator.key of the data directory]
        #[arg(long, value_name = "FILE")]
        operator_key: Option<PathBuf>,
        /// The operator's BIC, where operator.toml is not there
        #[arg(long, value_name = "BIC")]
        operator: Option<String>,
        /// Lead on from frames behind the last block too that were taken from a copy (`validate --relayed`): you have looked
        /// at them, and vouch for them
        #[arg(long)]
        accept_unsigned: bool,
    },
    /// Fetch damaged or missing journal segments from a validator; each is checked by the chain of hashes first
    Repair {
        /// The validator's address, http://HOST:PORT
        #[arg(long, value_name = "URL")]
        from: String,
        /// Who asks [default: the operator, by the log's origin]
        #[arg(long, value_name = "NAME", requires = "key")]
        name: Option<String>,
        /// That one's key [default: keys/operator.key of the data directory]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Replay the journal from nothing at a number of shards and compare the block roots; changes nothing
    Replay {
        /// 1 to 64; several, separated by commas, one after the other
        #[arg(long, value_delimiter = ',', default_value = "1", value_name = "N")]
        #[arg(value_parser = clap::value_parser!(u64).range(1..=64))]
        shards: Vec<u64>,
    },
    /// Replay the journal with other caps, other liquidity or one bank less, and compare with what was; changes nothing
    #[command(name = "whatif")]
    WhatIf(WhatIfArgs),
}

/// `feiqian statement`.
#[derive(Debug, Args)]
pub struct StatementArgs {
    /// A participant's BIC, or an account: a handle, an alias, an IBAN, BIC/CURRENCY
    #[arg(value_name = "ID")]
    pub id: String,
    /// camt.053 for a closed cycle; camt.052 and camt.054, without balances, for the open one too
    #[arg(long, default_value = "camt.053", value_name = "MESSAGE")]
    #[arg(value_parser = crate::commands::statement::parse_message)]
    pub message: StatementMessage,
    /// The cycle [default: the last one that closed; for camt.052 and camt.054 the open one]
    #[arg(long, value_name = "N")]
    pub cycle: Option<u64>,
    /// The folder to write into [default: settlement/ of the data directory's files]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// `feiqian reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// The statement: camt.053, or camt.052 or camt.054
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What it is a statement of: a participant's BIC for its position, or an account's handle, alias, IBAN, BIC/CURRENCY
    #[arg(long, value_name = "ID")]
    pub account: String,
    /// The cycle that it covers [default: the last one that closed]
    #[arg(long, value_name = "N")]
    pub cycle: Option<u64>,
}

/// `feiqian whatif`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("question").required(true))]
pub struct WhatIfArgs {
    /// Other net debit caps: CSV (BIC,CURRENCY,CAP) or TOML ([[cap]] with bic, currency, net_debit_cap)
    #[arg(long, value_name = "FILE", group = "question")]
    pub caps: Option<PathBuf>,
    /// Leave this bank out: what it submits, pays or is paid, is not submitted
    #[arg(long, value_name = "BIC", group = "question")]
    pub without: Option<String>,
    /// All net debit caps and credit lines so many per cent larger or smaller: +10%, -25%
    #[arg(long, value_name = "PERCENT", group = "question", allow_hyphen_values = true)]
    pub liquidity: Option<String>,
    /// Put the question from the opening of this cycle on [default: from the journal's beginning]
    #[arg(long, value_name = "N")]
    pub from_cycle: Option<u64>,
    /// Draw the comparison: SVG files, into this folder
    #[arg(long, value_name = "DIR")]
    pub plots: Option<PathBuf>,
}

/// `feiqian checkpoint`.
#[derive(Debug, Args)]
pub struct CheckpointArgs {
    /// The folder of the log's files; a copy does [default: log/ of the data directory]
    #[arg(long, value_name = "DIR")]
    pub log: Option<PathBuf>,
    /// The checkpoint [default: with --policy the folder's `witnessed`, else its `checkpoint`]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The operator's public key: 64 hexadecimal digits, a file with them, or its verifier key name+id+base64
    /// [default: the folder's `key`, which proves nothing about who wrote the folder]
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// The witnesses' policy, as [witnesses] of the configuration has it; fails unless it is met
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Prove that this block is in the log
    #[arg(long, value_name = "HEIGHT")]
    pub block: Option<u64>,
    /// Prove that the log extends the one of this older checkpoint
    #[arg(long, value_name = "FILE")]
    pub extends: Option<PathBuf>,
    /// Write that proof, which `feiqian verify` checks anywhere, into this file
    #[arg(short, long, value_name = "FILE", requires = "extends")]
    pub output: Option<PathBuf>,
}

/// `feiqian demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Take this directory's files in; they are left there [default: config/demo/inbox]
    #[arg(long, value_name = "DIR")]
    pub inbox: Option<PathBuf>,
    /// Register every bank that the inbox names; for trying foreign samples
    #[arg(long)]
    pub register_agents: bool,
    /// Who takes part [default: config/demo/participants.toml]
    #[arg(long, value_name = "FILE")]
    pub participants: Option<PathBuf>,
    /// Transfers of the generated load [default: demo.transfers of the configuration]
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub transfers: Option<u64>,
}

/// `feiqian audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// From this bank's own files instead, without a data directory
    #[arg(long, value_name = "BIC", requires = "files")]
    pub participant: Option<String>,
    /// The folder with them: receipts and other proofs, and the log's checkpoints
    #[arg(long, value_name = "DIR", requires = "key")]
    pub files: Option<PathBuf>,
    /// The operator's public key: 64 hexadecimal digits, or a file with them
    #[arg(long, value_name = "KEY", requires = "files")]
    pub key: Option<String>,
    /// All accounts of the bank, by their numbers: its lists must then add up exactly [default: those that the folder's
    /// proofs of balances tell]
    #[arg(long = "accounts", value_name = "NUMBER,…", value_delimiter = ',', requires = "files")]
    pub accounts: Vec<u64>,
}

/// `feiqian validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// The operator's address, http://HOST:PORT
    #[arg(long, value_name = "URL")]
    pub from: String,
    /// The validator's key, as `validator-key` makes it
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// The validator's name, as the operator's configuration has it
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// The operator's public key: 64 hexadecimal digits, or a file with them. From elsewhere than --from
    #[arg(long, value_name = "KEY")]
    pub operator: String,
    /// The source is another validator: frames come without the operator's signature, so evidence about them is weaker
    #[arg(long)]
    pub relayed: bool,
    /// Loopback address and port of /metrics, /health and of /follow for others
    #[arg(long, default_value = "127.0.0.1:9490", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// In an empty directory: begin behind the operator's newest snapshot that this trusted block, HEIGHT:HASH,
    /// vouches for
    #[arg(long, value_name = "HEIGHT:HASH", conflicts_with = "trust_checkpoint")]
    pub trust: Option<String>,
    /// The same from a checkpoint of the operator's that you trust: a file
    #[arg(long, value_name = "FILE")]
    pub trust_checkpoint: Option<PathBuf>,
    /// Clear the alarm that stands here and follow on: somebody has looked at its evidence
    #[arg(long)]
    pub alarm_seen: bool,
}

/// Keys that approve risky commands.
#[derive(Debug, Args)]
pub struct OfficerArgs {
    /// An officer's key file; give two [default: those in the data directory's keys/]
    #[arg(long = "officer-key", value_name = "FILE")]
    pub keys: Vec<PathBuf>,
}

/// Who acts alone.
#[derive(Debug, Args)]
pub struct OneOfficer {
    /// The officer's number; its key is keys/officer-N.key of the data directory
    #[arg(long, value_name = "N")]
    pub officer: Option<u16>,
    /// The officer's key file
    #[arg(long = "officer-key", value_name = "FILE")]
    pub key: Option<PathBuf>,
}

/// Steps of a cycle.
#[derive(Debug, Subcommand)]
pub enum CycleStep {
    /// Show all cycles and where they stand
    List,
    /// Explains why no cycle has to be opened
    Open,
    /// Give a currency cycles of its own, from the next closing of the general cycle on
    Split {
        /// The currency's code
        currency: String,
        #[command(flatten)]
        officers: OfficerArgs,
    },
    /// Close the open cycle, write its pacs.009 and camt.053 files, and mark it instructed
    Close(CycleArgs),
    /// Write a closed or failed cycle's files again, and mark it instructed
    Instruct(CycleArgs),
    /// All obligations of an instructed cycle are paid: book them to the clearing accounts
    Settle(CycleArgs),
    /// Not all obligations of an instructed cycle are paid
    Fail(CycleArgs),
    /// Show a closed cycle's settlement report: debits, credits and nets, by participant and counterparty
    Report {
        /// The cycle
        #[arg(value_name = "N")]
        cycle: u64,
    },
    /// Take a participant that can't pay out of a closed cycle: what it and the others owed each other is booked back
    Recast {
        /// Who failed
        #[arg(long, value_name = "BIC")]
        without: String,
        #[command(flatten)]
        cycle: CycleArgs,
    },
    /// Cover what a participant owes of a closed cycle: by its collateral, the default fund, then the others
    Waterfall {
        /// Who failed
        #[arg(long, value_name = "BIC")]
        of: String,
        /// In which currency
        #[arg(long)]
        currency: String,
        #[command(flatten)]
        cycle: CycleArgs,
    },
    /// Draw a new secret for the salts of transfers and positions, from the next cycle on
    RotateSalts(OfficerArgs),
}

/// Which cycle, and by whom.
#[derive(Debug, Args)]
pub struct CycleArgs {
    /// The cycle [default: the only one in the right state]
    #[arg(long, value_name = "N")]
    pub cycle: Option<u64>,
    #[command(flatten)]
    pub officers: OfficerArgs,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_of_the_documentation_parses() {
        let lines = [
            "feiqian demo",
            "feiqian demo --inbox x --register-agents --data y --json --transfers 20000",
            "feiqian load",
            "feiqian load --accounts 100 --transfers 20000 --batch 100 --sessions 4 --rate 50000 --json",
            "feiqian load --connect 127.0.0.1:9471 --keys k --distribution zipf:1.1 --two-phase 0.3",
            "feiqian --data d init --participants p.toml",
            "feiqian block 7 --seed",
            "feiqian cycle rotate-salts --officer-key a --officer-key b",
            "feiqian init --participants p.toml --resume --officer-key a --officer-key b",
            "feiqian serve --listen 127.0.0.1:0 --inbox i",
            "feiqian import a.xml b.xml",
            "feiqian accounts --participant BNKAXXAA",
            "feiqian transfer dfcd3679-e024-4e98-804a-e04346230aa6",
            "feiqian pay BNKAXXAA/EUR IBAN:DE89370400440532013000 12.50 --priority urgent --after 5 --until 60",
            "feiqian pay 1 2 3 --hold --until 60",
            "feiqian post dfcd3679-e024-4e98-804a-e04346230aa6 5.00 --keep",
            "feiqian void dfcd3679-e024-4e98-804a-e04346230aa6",
            "feiqian return dfcd3679-e024-4e98-804a-e04346230aa6 5.00",
            "feiqian fx rates",
            "feiqian fx publish EUR/USD 1.08 1.10 --size 1000000.00 --as BNKBXXAAXXX --test-key",
            "feiqian fx quote EUR/USD --provider BNKBXXAAXXX --pay 500.00 --as BNKEXXAAXXX --key k",
            "feiqian fx trade dfcd3679-e024-4e98-804a-e04346230aa6 --from BNKEXXAAXXX/EUR --to BNKEXXAAXXX/USD",
            "feiqian fx withdraw EUR/USD --as BNKBXXAAXXX --test-key",
            "feiqian fee list",
            "feiqian fee quote BNKAXXAA/EUR BNKBXXAA/EUR 12.50 --purpose SALA",
            "feiqian fee tariff 1 EUR --tier 0:0.10:1.5 --tier 100.00:0:1:0.05:9.00 --to BNKCXXAA/EUR --officer-key a",
            "feiqian fee tariff 2 EUR --bearer creditor --debtor BNKAXXAA --creditor BNKBXXAA --tier 0:0:3 --to debtor=3 --to 7=1",
            "feiqian fee end 1",
            "feiqian propose tariff 1 EUR --tier 0:0.10:0 --to BNKCXXAA/EUR",
            "feiqian order end-tariff 1",
            "feiqian queue list",
            "feiqian queue resolve",
            "feiqian queue amend dfcd3679-e024-4e98-804a-e04346230aa6 --priority high --first",
            "feiqian queue revoke dfcd3679-e024-4e98-804a-e04346230aa6",
            "feiqian account IBAN:DE89370400440532013000",
            "feiqian positions --cycle 1",
            "feiqian cycle open",
            "feiqian cycle split USD --officer-key a --officer-key b",
            "feiqian propose split USD",
            "feiqian cycle close --officer-key a --officer-key b",
            "feiqian cycle settle --cycle 1",
            "feiqian cycle fail",
            "feiqian cycle report 1",
            "feiqian statement BNKAXXAA --cycle 1",
            "feiqian reconcile theirs.xml --account BNKAXXAA --cycle 1",
            "feiqian statement BNKAXXAA/EUR -o statements --message camt.052",
            "feiqian limit list",
            "feiqian limit cover BNKAXXAA/EUR 1000 --officer-key a --officer-key b",
            "feiqian limit cap BNKAXXAA/EUR 500.00 --percent 92.5",
            "feiqian limit bilateral BNKAXXAA/EUR BNKBXXBB 100",
            "feiqian limit multilateral BNKAXXAA/EUR none",
            "feiqian limit velocity IBAN:X --amount 100 --count 5 --period 1d",
            "feiqian limit reserve BNKAXXAA/EUR urgent 100",
            "feiqian limit thresholds BNKAXXAA/EUR 75 90",
            "feiqian block 1",
            "feiqian receipt dfcd3679-e024-4e98-804a-e04346230aa6 -o r",
            "feiqian verify r --key 00",
            "feiqian audit --data d",
            "feiqian audit --participant BNKAXXAA --files d --key 00",
            "feiqian validate --from http://127.0.0.1:9470 --data d --key k --name n --operator 00 --trust 7:00",
            "feiqian validator-key --key k --name bank-a.example/validator",
            "feiqian verify-evidence f --key 00 --data d",
            "feiqian takeover --data d --operator-key k --operator OPERXXAA",
            "feiqian repair --data d --from http://127.0.0.1:9480",
            "feiqian replay --shards 8 --json",
            "feiqian order --officer-key a --officer-key b cap BNKAXXAA EUR none",
            "feiqian propose --officer 1 --expires 60 cap BNKAXXAA EUR 2000.00",
            "feiqian propose --officer-key f account IBAN:DE89370400440532013000 frozen",
            "feiqian propose cycle settle 1",
            "feiqian propose fraud return 7f 8 250.00",
            "feiqian propose fraud release 7f",
            "feiqian order fraud hold 7f",
            "feiqian propose register BNKZXXAA Z --key 00",
            "feiqian propose position BNKZXXAA EUR none",
            "feiqian propose accounts BNKZXXAA EUR 5 --credit-line 10.00",
            "feiqian approve 7f --officer 2",
            "feiqian withdraw 7f --officer 2",
            "feiqian proposals --json",
            "feiqian replay --shards 1,2,3,8",
            "feiqian whatif --liquidity -25% --plots p",
            "feiqian whatif --without BNKAXXAA --from-cycle 2 --json",
            "feiqian whatif --data d --caps caps.csv",
        ];
        for line in lines {
            assert!(parse(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        for line in ["feiqian", "feiqian import", "feiqian replay --shards 0", "feiqian replay --shards 65"] {
            assert!(parse(line).is_err(), "{line}");
        }
        for line in
            ["feiqian verify f", "feiqian block x", "feiqian demo --transfers 0", "feiqian load --keys k"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
        for line in ["feiqian whatif", "feiqian whatif --without BNKAXXAA --liquidity +10%"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_help_documents_the_exit_codes() {
        assert!(Cli::command().render_long_help().to_string().contains(EXIT_CODES));
    }
}
