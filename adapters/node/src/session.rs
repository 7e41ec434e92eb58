//! An engine on a data directory for the time of one command, with the keys and names that commands need. Turns
//! command entries into answers; decides nothing that the engine decides.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use feiqian_core::authority::ProposalCommand;
use feiqian_core::bic::Bic;
use feiqian_core::command::{APPROVAL_CONTEXT, Approval, Command, Entry, Genesis, OfficerNumber};
use feiqian_core::exchange::decide::PARTICIPANT_SIGNER;
use feiqian_core::fees::FeeCommand;
use feiqian_core::outcome::{Outcome, RejectReason};
use feiqian_core::uetr::Uetr;
use feiqian_files::{IntakeOptions, WorkDir};
use feiqian_proof::signature::{SigningKey, sign_message};
use feiqian_runtime::admission::{Busy, CommandOutcome};
use feiqian_runtime::pipeline::Engine;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::fault::Fault;
use crate::keys::{KeySet, Officers, operator_key_path, random, read_secret};
use crate::orders::words_of_default;

/// In a validator's directory: it follows, and leads nothing.
const COPY_FILE: &str = "validator/signed";
/// In a validator's directory that has taken over.
pub(crate) const PROMOTED_FILE: &str = "validator/promoted";
/// Who runs the clearing house: written once by `init`, read by all that sends messages.
pub(crate) const OPERATOR_FILE: &str = "operator.toml";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorText {
    bic: String,
}

/// An open engine with its surroundings.
#[derive(Debug)]
pub struct Session {
    /// The engine.
    pub engine: Engine,
    /// The data directory.
    pub data: PathBuf,
    /// The first entry of the journal.
    pub genesis: Genesis,
    officers: Officers,
}

impl Session {
    /// Opens a data directory and recovers what is in it.
    ///
    /// # Errors
    /// [`Fault::Data`] if there is none, another process has it, its key is missing, or it is damaged.
    pub fn open(data: &Path, config: &Config, officer_keys: &[PathBuf]) -> Result<Self, Fault> {
        check_is_there(data)?;
        check_leads(data)?;
        let key = read_secret(&operator_key_path(data))?;
        let opened = Engine::open(&config.engine_options(data), key);
        let engine = opened.map_err(|error| Fault::open(data, &error))?;
        Self::around(engine, data, officer_keys)
    }

    /// Begins a chain in a directory: keys, operator, genesis.
    ///
    /// # Errors
    /// [`Fault::Data`] if it holds one already; [`Fault::File`] where a file can't be written.
    pub fn create(data: &Path, config: &Config, operator: Bic, start: &Start) -> Result<Self, Fault> {
        std::fs::create_dir_all(data).map_err(|error| Fault::file(data, "make the folder", &error))?;
        if data.join(feiqian_runtime::identity::IDENTITY_FILE).exists() {
            let way = "it holds a journal already; choose another --data, or remove it";
            return Err(Fault::Data(format!("data directory {}: {way}", data.display())));
        }
        start.keys.write(data)?;
        write_operator(data, operator)?;
        let entry = Entry::new(start.entry_id, Command::Genesis(start.genesis.clone()));
        let options = config.engine_options(data);
        let created = Engine::create(&options, start.keys.operator.clone(), &entry);
        let engine = created.map_err(|error| Fault::open(data, &error))?;
        Self::around(engine, data, &[])
    }

    fn around(engine: Engine, data: &Path, officer_keys: &[PathBuf]) -> Result<Self, Fault> {
        let genesis = engine.archive().genesis()?;
        let in_office = engine.directory().registry(|registry| registry.authority().officers().to_vec());
        let loaded = Officers::load(data, officer_keys, &in_office);
        let officers = loaded.inspect_err(|_| engine.shutdown())?;
        Ok(Self { engine, data: data.to_owned(), genesis, officers })
    }

    /// Seals what is open, snapshots, and lets go of the directory.
    pub fn close(&self) {
        self.engine.shutdown();
    }

    /// Runs a command under a new id, approved by the officers whose keys are at hand.
    ///
    /// # Errors
    /// [`Fault::Refused`] with the reason, and what to do about it where that is known.
    pub fn command(&self, command: Command) -> Result<CommandOutcome, Fault> {
        let id = Uetr::from_digest(random()?).bits();
        self.run(&self.officers.approve(Entry::new(id, command), &self.genesis.chain_id))
    }

    /// Runs a command under a new id as the word of a participant, signed with its own key; gives the entry's id.
    ///
    /// # Errors
    /// [`Fault::Refused`] as for other commands.
    pub fn command_of_participant(&self, command: Command, key: &SigningKey) -> Result<u128, Fault> {
        self.say(command, Some(key)).map(|(id, _)| id)
    }

    /// Runs a command under a new id as the word of a participant, whose key is given, or else of the officers whose keys
    /// are at hand; gives the entry's id and sequence.
    ///
    /// # Errors
    /// [`Fault::Refused`] as for other commands.
    pub fn say(&self, command: Command, key: Option<&SigningKey>) -> Result<(u128, u64), Fault> {
        let mut entry = Entry::new(Uetr::from_digest(random()?).bits(), command);
        match key {
            Some(key) => {
                let signature =
                    sign_message(key, APPROVAL_CONTEXT, &entry.signed_bytes(&self.genesis.chain_id));
                entry.approvals = vec![Approval { officer: PARTICIPANT_SIGNER, signature }];
            }
            None => entry = self.officers.approve(entry, &self.genesis.chain_id),
        }
        self.run(&entry).map(|outcome| (entry.id, outcome.sequence))
    }

    /// Runs a step of a proposal, signed by one officer: the one named, or the only one whose key is at hand. Gives the
    /// entry's id, which names what it proposes, and its outcome.
    ///
    /// # Errors
    /// [`Fault::Usage`] where nobody can sign alone; [`Fault::Refused`] as for other commands.
    pub fn step(
        &self,
        step: ProposalCommand,
        officer: Option<OfficerNumber>,
    ) -> Result<(u128, CommandOutcome), Fault> {
        let id = Uetr::from_digest(random()?).bits();
        let entry = Entry::new(id, Command::Proposal(step));
        let outcome = self.run(&self.officers.sign_alone(entry, &self.genesis.chain_id, officer)?)?;
        Ok((id, outcome))
    }

    /// Puts approved proposals in force whose time has come, as `serve` does while it runs.
    ///
    /// # Errors
    /// [`Fault::Refused`] where the engine is closing.
    pub fn enact_due(&self) -> Result<(), Fault> {
        let now = now();
        let due: Vec<u128> = self
            .engine
            .directory()
            .registry(|registry| registry.due_proposals(now).map(|proposal| proposal.id).collect());
        for proposal in due {
            let id = Uetr::from_digest(random()?).bits();
            let entry = Entry::new(id, Command::Proposal(ProposalCommand::Enact { proposal }));
            match self.run(&entry) {
                // The engine was first; or what is due no longer fits, and stays proposed.
                Ok(_) | Err(Fault::Refused(_)) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    fn run(&self, entry: &Entry) -> Result<CommandOutcome, Fault> {
        let ticket = loop {
            match self.engine.command(entry) {
                Err(Busy::Engine) => std::thread::yield_now(),
                other => break other?,
            }
        };
        let outcome = ticket.wait().ok_or(Busy::Closing)?;
        match (outcome.row.outcome(), outcome.row.reason()) {
            (Some(Outcome::Cleared), _) => Ok(outcome),
            (_, Some(reason)) => Err(Fault::Refused(refusal(&entry.command, reason))),
            _ => Err(Fault::Refused("the command was journaled before".to_owned())),
        }
    }

    /// How files are taken in here.
    ///
    /// # Errors
    /// [`Fault::File`] for folders that can't be made, [`Fault::Data`] where the operator is not known.
    pub fn intake_options(&self, config: &Config) -> Result<IntakeOptions, Fault> {
        let work = WorkDir::create(self.data.join(&config.inbox.directory))?;
        let options = IntakeOptions::new(work, read_operator(&self.data)?);
        Ok(IntakeOptions {
            limits: config.file_limits(),
            deadlines: config.inbox.deadlines(),
            recalls: config.inbox.recall_limits(),
            usage: config.messages.usage(),
            ..options
        })
    }
}

/// Nanoseconds since 1970, by the machine's clock: what a frame that is made now would have.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// What a new chain begins with.
#[derive(Debug)]
pub struct Start {
    keys: KeySet,
    genesis: Genesis,
    entry_id: u128,
}

impl Start {
    /// All of it from the operating system's randomness.
    ///
    /// # Errors
    /// [`Fault::File`] if there is none.
    pub fn random() -> Result<Self, Fault> {
        let id_key = u128::from_le_bytes(random()?);
        Ok(Self::new(KeySet::random()?, random()?, (id_key, random()?), Uetr::from_digest(random()?).bits()))
    }

    /// What everyone knows, so that demos are alike. Never for money.
    #[must_use]
    pub fn test() -> Self {
        let entry_id = Uetr::from_digest(*b"TEST: genesis id").bits();
        Self::new(KeySet::test(), *b"TEST: demo chain", (7, [7; 32]), entry_id)
    }

    fn new(
        keys: KeySet,
        chain_id: [u8; 16],
        (id_key, salt_secret): (u128, [u8; 32]),
        entry_id: u128,
    ) -> Self {
        let operator_key = feiqian_proof::signature::PublicKey::of(&keys.operator);
        let officers = keys.officer_terms();
        Self { genesis: Genesis { chain_id, id_key, salt_secret, operator_key, officers }, keys, entry_id }
    }
}

/// A validator's copy leads only after a takeover: two that lead in one epoch would fork the chain.
fn check_leads(data: &Path) -> Result<(), Fault> {
    if !data.join(COPY_FILE).exists() || data.join(PROMOTED_FILE).exists() {
        return Ok(());
    }
    let way =
        "this is a validator's copy; where the operator is lost, `feiqian takeover` makes it the operator's";
    Err(Fault::Data(format!("{}: {way}", data.display())))
}

/// Whether `data` is a data directory; opening would make one.
///
/// # Errors
/// [`Fault::Data`] with the way out.
pub fn check_is_there(data: &Path) -> Result<(), Fault> {
    if data.join(feiqian_runtime::identity::IDENTITY_FILE).exists() {
        return Ok(());
    }
    let is_address = data.to_str().is_some_and(|text| text.contains("://"));
    let is_served_log = data.join("checkpoint").is_file() && data.join("tile").is_dir();
    let way = if is_address {
        "an address; this command reads a directory with a journal in it, which `feiqian validate --from URL` makes of an \
         operator's. Over the API ask for GET /v1/transfers/UETR, …/receipt, and the proofs beside"
    } else if is_served_log {
        "the files of a served log: checkpoints, headers of blocks and hashes, and no journal. `feiqian checkpoint --log DIR` \
         checks them, `feiqian block HEIGHT --log DIR` shows a block of them; receipts and proofs are made where the journal \
         is, in the operator's or a validator's data directory, or over the API"
    } else {
        "no data directory; name one with --data DIR, or begin one with `feiqian init`"
    };
    Err(Fault::Data(format!("{}: {way}", data.display())))
}

/// Writes down who runs the clearing house.
///
/// # Errors
/// [`Fault::File`] naming the file.
pub fn write_operator(data: &Path, operator: Bic) -> Result<(), Fault> {
    let path = data.join(OPERATOR_FILE);
    let text = format!("# Who runs this clearing house: the sender of all answers.\nbic = \"{operator}\"\n");
    std::fs::write(&path, text).map_err(|error| Fault::file(&path, "write the operator's BIC", &error))
}

fn read_operator(data: &Path) -> Result<Bic, Fault> {
    let path = data.join(OPERATOR_FILE);
    let fault = |what: &dyn std::fmt::Display| Fault::Data(format!("{}: {what}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| fault(&error))?;
    let text: OperatorText = toml::from_str(&text).map_err(|error| fault(&error))?;
    Bic::parse(&text.bic).map_err(|error| fault(&format!("bic {:?} {error}", text.bic)))
}

fn refusal(command: &Command, reason: RejectReason) -> String {
    let way = match reason {
        RejectReason::FourEyesRequired if matches!(command, Command::Proposal(_)) => {
            ": nobody approves an own proposal, and only officers propose"
        }
        RejectReason::FourEyesRequired => {
            ": it takes the keys of two officers; name them with --officer-key FILE --officer-key FILE"
        }
        RejectReason::LimitReached if matches!(command, Command::CloseCycle { .. }) => {
            ": as many cycles as may be, of all streams together, are closed and not settled; settle one first"
        }
        RejectReason::CycleState | RejectReason::UnknownCycle => ": see `feiqian cycle list`",
        RejectReason::ParticipantFailed => ": see `feiqian cycle list`; order paid, recast, or cover",
        RejectReason::ProposalRequired => {
            ": loosenings are delayed here; one officer proposes it (`feiqian propose`), another approves it"
        }
        RejectReason::UnknownCase | RejectReason::BadCase => {
            ": see `feiqian fraud list` and `feiqian fraud trace CASE`"
        }
        RejectReason::UnknownProposal => ": see `feiqian proposals`",
        RejectReason::BadTariff | RejectReason::UnknownTariff => {
            ": see `feiqian fee list`, `feiqian fee tariff --help`"
        }
        _ => "",
    };
    format!("the engine refused to {}: {}{way}", name_of(command), reason.name())
}

fn name_of(command: &Command) -> String {
    match command {
        Command::RegisterParticipant { bic, .. } => format!("register {bic}"),
        Command::OpenPosition { bic, currency, .. } => format!("open {bic}'s position in {currency}"),
        Command::OpenAccounts { bic, currency, .. } => format!("open accounts of {bic} in {currency}"),
        Command::RegisterAlias { alias, .. } => format!("register the alias {alias}"),
        Command::CloseCycle { cycle } => format!("close cycle {cycle}"),
        Command::InstructCycle { cycle } => format!("instruct cycle {cycle}"),
        Command::SettleCycle { cycle } => format!("settle cycle {cycle}"),
        Command::FailCycle { cycle } => format!("fail cycle {cycle}"),
        Command::Fraud(_) => "take that step of a fraud case".to_owned(),
        Command::Posting(_) => "take the order of a posting".to_owned(),
        Command::Fee(FeeCommand::SetTariff { number, .. }) => format!("put tariff {number} in force"),
        Command::Fee(FeeCommand::EndTariff { number }) => format!("end tariff {number}"),
        Command::Fee(FeeCommand::Announce(change)) => format!("announce that of tariff {}", change.number),
        Command::Default(command) => words_of_default(command),
        Command::Proposal(step) => match step {
            ProposalCommand::Propose { .. } => "take the proposal".to_owned(),
            ProposalCommand::Approve { .. } => "approve it".to_owned(),
            ProposalCommand::Withdraw { .. } => "withdraw it".to_owned(),
            ProposalCommand::Enact { .. } => "put it in force".to_owned(),
        },
        _ => "run the command".to_owned(),
    }
}
