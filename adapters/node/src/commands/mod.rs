//! The commands, one file each: open, ask, print, close. Each prints one report, or fails with one fault.

use std::path::PathBuf;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::fault::Fault;
use crate::output::Output;
use crate::session::Session;

mod accounts;
mod audit;
mod block;
mod cards;
mod checkpoint;
pub mod cycle;
pub(crate) mod cycle_default;
mod cycle_report;
mod evidence;
mod export;
mod fee;
pub(crate) mod fraud;
pub(crate) mod fx;
pub mod import;
mod init;
mod keys;
mod limit;
mod listener;
pub mod load;
pub(crate) mod pay;
mod positions;
mod posting;
mod proof_file;
mod proposals;
mod prove;
mod queue;
mod recalls;
mod requests;
pub mod receipt;
mod reconcile;
mod repair;
pub mod replay;
#[cfg(feature = "scan")]
mod scan_picture;
mod serve;
pub mod statement;
mod takeover;
mod transfer;
mod validate;
mod validator_key;
pub mod verify;
mod verify_kinds;
mod webhooks;
mod whatif;

/// What every command is given.
#[derive(Clone, Debug)]
pub struct Context {
    /// The configuration.
    pub config: Config,
    /// The data directory.
    pub data: PathBuf,
    /// Where results go.
    pub output: Output,
}

impl Context {
    /// Opens the data directory, puts in force what is due, seals what a crash left open, runs `work`, and closes it whatever came of that.
    fn with_session<T>(
        &self,
        officer_keys: &[PathBuf],
        work: impl FnOnce(&Session) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let session = Session::open(&self.data, &self.config, officer_keys)?;
        let sealed = session.enact_due().and_then(|()| session.engine.seal().map_err(Fault::from));
        let result = sealed.and_then(|_| work(&session));
        session.close();
        result
    }
}

/// Runs the command.
///
/// # Errors
/// The command's [`Fault`].
pub fn run(cli: Cli) -> Result<(), Fault> {
    #[cfg(feature = "scan")]
    if matches!(cli.command, Command::ScanPicture) {
        return scan_picture::scan_picture();
    }
    let output = Output { is_json: cli.json };
    let config = Config::load(cli.config.as_deref())?;
    let command = match cli.command {
        Command::Demo(arguments) => return crate::demo::run(&config, cli.data, &arguments, output),
        Command::Load(arguments) => return load::load(cli.data, &arguments, output),
        Command::LoadServer { spec } => return load::serve(&spec),
        Command::Verify { file, key, policy, chain } => {
            return verify::verify(output, &file, (&key, chain.as_deref()), policy.as_deref());
        }
        Command::Audit(arguments) if arguments.files.is_some() => {
            return audit::files::audit_files(output, &arguments);
        }
        Command::ValidatorKey { key, name } => return validator_key::validator_key(output, &key, &name),
        Command::Keys { step } => return keys::step(output, &step),
        Command::VerifyEvidence { file, key } => {
            return evidence::verify_evidence(output, (&file, &key), cli.data.as_deref());
        }
        command => command,
    };
    let data = cli.data.unwrap_or_else(|| config.node.data.clone());
    dispatch(&Context { config, data, output }, command)
}

fn dispatch(context: &Context, command: Command) -> Result<(), Fault> {
    match command {
        Command::Init { participants, resume, officers } => {
            init::init(context, &participants, resume, &officers.keys)
        }
        Command::Serve { inbox, listen } => serve::serve(context, inbox, listen),
        Command::Import { files } => import::import(context, &files),
        Command::Export { to, from_block } => export::export(context, &to, from_block),
        Command::Accounts { participant, limit } => accounts::list(context, participant.as_deref(), limit),
        Command::Transfer { uetrs } => transfer::show(context, &uetrs),
        Command::Account { id, limit } => accounts::show(context, &id, limit),
        Command::Pay(arguments) => pay::pay(context, &arguments),
        Command::Post(arguments) => pay::post(context, &arguments),
        Command::Void { uetr } => pay::void(context, &uetr),
        Command::Return { uetr, amount } => pay::give_back(context, &uetr, amount.as_deref()),
        Command::Fx { step } => fx::step(context, &step),
        Command::Cards { step } => cards::step(context, &step),
        Command::Fee { step } => fee::step(context, &step),
        Command::Fraud { step } => fraud::step(context, &step),
        Command::Recalls => recalls::list(context),
        Command::Requests => requests::list(context),
        Command::Webhooks { step } => webhooks::step(context, &step),
        Command::Queue { step } => queue::step(context, &step),
        Command::Positions { cycle } => positions::positions(context, cycle),
        Command::Cycle { step } => cycle::step(context, &step),
        Command::Order { officers, order } => proposals::order(context, &officers.keys, &order),
        Command::Propose { by, expires, order } => proposals::propose(context, &by, expires, &order),
        Command::Approve { proposal, by } => proposals::approve(context, &proposal, &by),
        Command::Withdraw { proposal, by } => proposals::withdraw(context, &proposal, &by),
        Command::Proposals => proposals::list(context),
        Command::Statement(arguments) => statement::statement(context, arguments),
        Command::Reconcile(arguments) => reconcile::reconcile(context, &arguments),
        Command::Limit { step } => limit::step(context, &step),
        Command::Block { height, log: Some(log), key, .. } => {
            block::block_in_log(context.output, height, (log, key.as_deref()))
        }
        Command::Block { height, seed, .. } => block::block(context, height, seed),
        Command::Receipt { uetr, without_details, form } => {
            receipt::receipt(context, (&uetr, !without_details), &form)
        }
        Command::Prove(arguments) => prove::prove(context, &arguments),
        Command::Checkpoint(arguments) => checkpoint::checkpoint(context, &arguments),
        Command::Audit(_) => audit::audit(context),
        Command::Validate(arguments) => validate::validate(context, &arguments),
        Command::Takeover { operator_key, operator, accept_unsigned } => {
            takeover::takeover(context, operator_key.as_deref(), operator.as_deref(), accept_unsigned)
        }
        Command::Repair { from, name, key } => {
            repair::repair(context, &from, (name.as_deref(), key.as_deref()))
        }
        Command::Replay { shards } => replay::replay(context, &shards),
        Command::WhatIf(arguments) => whatif::whatif(context, &arguments),
        // Taken by `run`: they have no data directory, or one of their own.
        Command::Demo(_)
        | Command::Load(_)
        | Command::LoadServer { .. }
        | Command::Verify { .. }
        | Command::ValidatorKey { .. }
        | Command::VerifyEvidence { .. }
        | Command::Keys { .. } => Ok(()),
        #[cfg(feature = "scan")]
        Command::ScanPicture => Ok(()),
    }
}
