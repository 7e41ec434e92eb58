//! A clearing house for tests: a real engine in a directory that is removed afterwards, with the demo's banks.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use feiqian_core::batch::Batch;
use feiqian_core::bic::Bic;
use feiqian_core::command::{APPROVAL_CONTEXT, Approval, Command, Entry, Genesis};
use feiqian_core::currency::Currency;
use feiqian_core::money::Amount;
use feiqian_core::outcome::Outcome;
use feiqian_core::transfer::Record;
use feiqian_files::agents::AgentToRegister;
use feiqian_files::{IntakeOptions, WorkDir};
use feiqian_proof::signature::{PublicKey, SigningKey, sign_message};
use feiqian_runtime::admission::CommandOutcome;
use feiqian_runtime::machine::OpenError;
use feiqian_runtime::options::EngineOptions;
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::storage::files::OpenFault;

use crate::shared;

static NEXT: AtomicU64 = AtomicU64::new(1);
const CHAIN: [u8; 16] = *b"files test chain";
/// 2026-03-16T08:30:00Z: answers are dated so.
const NOW: u64 = 1_773_649_800_000_000_000;

pub(crate) struct House {
    /// None only while it is opened again.
    running: Option<Engine>,
    pub(crate) options: IntakeOptions,
    root: PathBuf,
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(engine) = &self.running {
            engine.shutdown();
        }
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn next_id() -> u128 {
    (1 << 100) + u128::from(NEXT.fetch_add(1, Ordering::Relaxed))
}

fn options(root: &Path) -> EngineOptions {
    EngineOptions {
        shards: 2,
        seal_interval: Duration::from_millis(20),
        segment_bytes: 4 << 20,
        ..EngineOptions::new(root.join("data"))
    }
}

pub(crate) fn bic(text: &str) -> Bic {
    Bic::parse(text).expect("a BIC")
}

pub(crate) fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("a currency")
}

impl House {
    /// An engine without banks.
    pub(crate) fn empty(name: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("feiqian-files-{name}-{}-{number}", std::process::id()));
        let officers = vec![(1, PublicKey::of(&key(2))), (2, PublicKey::of(&key(3)))];
        let genesis = Genesis {
            chain_id: CHAIN,
            id_key: 7,
            salt_secret: [9; 32],
            operator_key: PublicKey::of(&key(1)),
            officers,
        };
        std::fs::create_dir_all(root.join("data")).expect("a folder");
        let entry = Entry::new(next_id(), Command::Genesis(genesis));
        let engine = Engine::create(&options(&root), key(1), &entry).expect("a new engine");
        let work = WorkDir::create(root.join("work")).expect("folders");
        let options = IntakeOptions { clock: || NOW, ..IntakeOptions::new(work, bic("CLRHXXAAXXX")) };
        Self { running: Some(engine), options, root }
    }

    /// The demo's house.
    pub(crate) fn demo(name: &str) -> Self {
        let house = Self::empty(name);
        let text = std::fs::read_to_string(shared::demo().join("participants.toml")).expect("there");
        let table: toml::Table = text.parse().expect("TOML");
        for participant in array(&table, "participant") {
            house.participant(participant);
        }
        house
    }

    /// A file put into the inbox.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.options.inbox.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, bytes).expect("written");
    }

    /// Shuts the engine down and opens it again on what it wrote.
    pub(crate) fn restart(&mut self) {
        if let Some(engine) = self.running.take() {
            engine.shutdown();
        }
        // The arbiters' threads hold the directory for a moment after the engine has stopped.
        let until = Instant::now() + Duration::from_secs(20);
        let opened = loop {
            match Engine::open(&options(&self.root), key(1)) {
                Err(OpenError::Directory(OpenFault::InUse { .. })) if Instant::now() < until => {
                    std::thread::yield_now();
                }
                opened => break opened,
            }
        };
        self.running = Some(opened.expect("recovered"));
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.running.as_ref().expect("only a restart takes it")
    }

    pub(crate) fn command(&self, command: Command) -> CommandOutcome {
        let mut entry = Entry::new(next_id(), command);
        let bytes = entry.signed_bytes(&CHAIN);
        entry.approvals = [1_u8, 2]
            .map(|officer| Approval {
                officer: officer.into(),
                signature: sign_message(&key(officer + 1), APPROVAL_CONTEXT, &bytes),
            })
            .to_vec();
        let outcome = self.engine().command(&entry).expect("admitted").wait().expect("answered");
        assert_eq!(outcome.row.outcome(), Some(Outcome::Cleared), "{entry:?}: {:?}", outcome.row.reason());
        outcome
    }

    pub(crate) fn register(&self, agents: &[AgentToRegister]) {
        for agent in agents {
            let bic = agent.bic;
            self.command(Command::RegisterParticipant { bic, name: agent.name.clone(), key: None });
            for currency in &agent.currencies {
                self.command(Command::OpenPosition { bic, currency: *currency, cap: u64::MAX });
            }
            for alias in &agent.aliases {
                let first = agent.currencies.first().expect("at least one");
                self.alias(alias, self.clearing_account(bic, *first));
            }
        }
    }

    fn alias(&self, alias: &str, account: u64) {
        self.command(Command::RegisterAlias { alias: alias.to_owned(), account });
    }

    fn clearing_account(&self, bic: Bic, currency: Currency) -> u64 {
        let directory = self.engine().directory();
        let participant = directory.participant(bic).expect("registered");
        directory.clearing_account(participant, currency).expect("open")
    }

    fn participant(&self, table: &toml::Table) {
        let bic = bic(text(table, "bic"));
        self.command(Command::RegisterParticipant { bic, name: text(table, "name").to_owned(), key: None });
        for position in array(table, "position") {
            let currency = currency(text(position, "currency"));
            let cap = minor(position, "net_debit_cap", currency);
            self.command(Command::OpenPosition { bic, currency, cap });
            for alias in aliases(position) {
                self.alias(alias, self.clearing_account(bic, currency));
            }
        }
        for account in array(table, "account") {
            self.account(bic, account);
        }
    }

    fn account(&self, bic: Bic, table: &toml::Table) {
        let currency = currency(text(table, "currency"));
        let credit_line = minor(table, "credit_line", currency);
        let opened = self.command(Command::OpenAccounts { bic, currency, count: 1, credit_line });
        let account = opened.first_account.expect("opened");
        for alias in aliases(table) {
            self.alias(alias, account);
        }
        let funding = minor(table, "funding", currency);
        if funding > 0 {
            let from = self.clearing_account(bic, currency);
            let participant = self.engine().directory().participant(bic).expect("registered");
            let record = Record::new(next_id(), from, account, funding, currency.numeric());
            let ticket = self.engine().submit(Batch::new(participant, vec![record])).expect("admitted");
            assert_eq!(ticket.wait().expect("answered").rows[0].outcome(), Some(Outcome::Cleared));
        }
    }
}

fn array<'a>(table: &'a toml::Table, key: &str) -> impl Iterator<Item = &'a toml::Table> {
    table.get(key).and_then(toml::Value::as_array).into_iter().flatten().filter_map(toml::Value::as_table)
}

fn text<'a>(table: &'a toml::Table, key: &str) -> &'a str {
    table.get(key).and_then(toml::Value::as_str).unwrap_or_else(|| panic!("{key} is missing"))
}

fn aliases(table: &toml::Table) -> impl Iterator<Item = &str> {
    let aliases = table.get("alias").and_then(toml::Value::as_array);
    aliases.into_iter().flatten().filter_map(toml::Value::as_str)
}

fn minor(table: &toml::Table, key: &str, currency: Currency) -> u64 {
    let text = table.get(key).and_then(toml::Value::as_str).unwrap_or("0");
    Amount::from_decimal(text, currency).map_or(0, Amount::minor)
}
