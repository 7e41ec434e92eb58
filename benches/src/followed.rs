//! An operator and the validators that follow it, each a process of the program `feiqian` with a directory of its own: what
//! only that program serves. Loopback alone; whatever happens, no process outlives this.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use feiqian_core::bic::Bic;
use feiqian_proof::signature::PublicKey;
use feiqian_runtime::storage::files::FileStorage;
use feiqian_runtime::stores::BlockStore;
use feiqian_wire::client::Credentials;
use serde_json::Value;

use crate::run::Place;
use crate::workload::layout::test_participant_key;

/// Validators of the house, all of whom must cosign.
pub const VALIDATORS: usize = 4;
/// Banks that send.
const BANKS: u32 = 8;
/// Hosted accounts of each.
const ACCOUNTS: u32 = 1_250;
/// How long a process may take to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running program; killed when dropped.
#[derive(Debug)]
struct Process {
    child: Child,
    ready: Value,
    /// Held open, so that it can print.
    _lines: BufReader<ChildStdout>,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts what says with its first line that it is ready.
    fn start(mut command: Command) -> Result<Self, String> {
        let mut child = command.stdout(Stdio::piped()).spawn().map_err(|fault| fault.to_string())?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut line = String::new();
        lines.read_line(&mut line).map_err(|fault| fault.to_string())?;
        let ready = serde_json::from_str(&line).unwrap_or_default();
        let process = Self { child, ready, _lines: lines };
        match process.ready["is_ready"] == true {
            true => Ok(process),
            false => Err(format!("{command:?} says {line:?}")),
        }
    }

    fn told(&self, name: &str) -> Result<&str, String> {
        self.ready[name].as_str().ok_or_else(|| format!("{name} is missing: {}", self.ready))
    }

    /// Ends it in order.
    fn stop(mut self) -> Result<(), String> {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        asked.map_err(|fault| format!("kill: {fault}"))?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match self.child.try_wait().map_err(|fault| fault.to_string())? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("a process ended with {status}")),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        Err("a process does not end".to_owned())
    }
}

/// An operator with its validators.
#[derive(Debug)]
pub struct Followed {
    folder: PathBuf,
    operator: Process,
    validators: Vec<Process>,
}

/// How far everybody is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sizes {
    /// Blocks in the operator's newest checkpoint.
    pub sealed: u64,
    /// Blocks that are WITNESSED.
    pub witnessed: u64,
    /// The height of the slowest validator.
    pub slowest: u64,
}

impl Followed {
    /// Founds a house in a folder and starts all processes.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub fn start(feiqian: &Path, folder: &Path) -> Result<Self, String> {
        let keys: Result<Vec<String>, String> =
            (0..VALIDATORS).map(|at| made_key(feiqian, folder, at)).collect();
        write(&folder.join("feiqian.toml"), &configuration(&keys?))?;
        write(&folder.join("participants.toml"), &participants())?;
        ask(with(feiqian, folder, "operator", &["init", "--participants", "participants.toml"]))?;
        let operator = Process::start(with(feiqian, folder, "operator", &["serve"]))?;
        let from = operator.told("metrics")?.trim_end_matches("/metrics").to_owned();
        let validator = |at| {
            let (key, name) = (format!("v{at}.key"), validator_name(at));
            let arguments = [
                ["validate", "--from", &from, "--key", &key, "--name"],
                [&name, "--operator", "operator/keys/operator.pub", "--listen", "127.0.0.1:0", "--json"],
            ];
            Process::start(with(feiqian, folder, &format!("v{at}"), &arguments.concat()))
        };
        let validators = (0..VALIDATORS).map(validator).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { folder: folder.to_owned(), operator, validators })
    }

    /// Where the bulk protocol is spoken.
    ///
    /// # Errors
    /// If the operator does not say.
    pub fn place(&self) -> Result<Place, String> {
        self.operator.told("wire")?.split(", ").next().unwrap_or_default().parse()
    }

    /// The banks, with TEST KEYS.
    #[must_use]
    pub fn banks() -> Vec<Credentials> {
        (0..BANKS).map(|at| Credentials { bic: bank(at), key: test_participant_key(at) }).collect()
    }

    /// How far everybody is now.
    ///
    /// # Errors
    /// If one does not answer.
    pub fn sizes(&self) -> Result<Sizes, String> {
        let (sealed, witnessed) = (size_of(&self.log("checkpoint")?), size_of(&self.log("witnessed")?));
        let heights = self.validators.iter().map(|validator| {
            let health = fetched(validator.told("health")?)?;
            let health: Value =
                serde_json::from_str(&health).map_err(|fault| format!("{health:?}: {fault}"))?;
            health["height"].as_u64().ok_or_else(|| format!("a validator says {health}"))
        });
        let heights = heights.collect::<Result<Vec<_>, _>>()?;
        Ok(Sizes { sealed, witnessed, slowest: heights.into_iter().min().unwrap_or(0) })
    }

    /// Validators that have cosigned what is WITNESSED.
    ///
    /// # Errors
    /// If the operator does not answer.
    pub fn cosigned(&self) -> Result<usize, String> {
        let note = self.log("witnessed")?;
        let has = |at: &usize| note.contains(&format!("— {} ", validator_name(*at)));
        Ok((0..VALIDATORS).filter(has).count())
    }

    fn log(&self, name: &str) -> Result<String, String> {
        let url = self.operator.told("metrics")?.replace("/metrics", &format!("/log/{name}"));
        // Before the first one there is none.
        Ok(fetched(&url).unwrap_or_default())
    }

    /// Ends all processes in order, and compares every block up to `height`, by all of its roots, with each validator's.
    ///
    /// # Errors
    /// The first that differs; a process that does not end well.
    pub fn stop_and_compare(self, height: u64) -> Result<(), String> {
        for process in self.validators.into_iter().chain([self.operator]) {
            process.stop()?;
        }
        let blocks = |name: &str| {
            let storage = FileStorage::open(&self.folder.join(name)).map_err(|fault| fault.to_string())?;
            BlockStore::open(storage).map(|(blocks, _)| blocks).map_err(|fault| format!("{name}: {fault}"))
        };
        let operator = blocks("operator")?;
        for at in 0..VALIDATORS {
            let own = blocks(&format!("v{at}"))?;
            for height in 1..=height {
                let [theirs, made] =
                    [&operator, &own].map(|store| store.read(height).map(|block| block.header));
                if theirs.map_err(|fault| fault.to_string())? != made.map_err(|fault| fault.to_string())? {
                    return Err(format!("validator {at} has another block {height}"));
                }
            }
        }
        Ok(())
    }
}

fn bank(at: u32) -> Bic {
    Bic::parse(&format!("VALDXX{at:02}")).expect("a BIC of eight characters")
}

fn validator_name(at: usize) -> String {
    format!("bank{at}.example/v")
}

fn configuration(keys: &[String]) -> String {
    format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[wire]\nlisten = \"127.0.0.1:0\"\nunix = \"wire.sock\"\n[api]\n\
         listen = \"127.0.0.1:0\"\n[witnesses]\npolicy = \"banks {VALIDATORS} of {VALIDATORS}\"\n\
         [witnesses.groups]\nbanks = {keys:?}\n"
    )
}

fn participants() -> String {
    let participant = |Credentials { bic, key }: Credentials| {
        format!(
            "[[participant]]\nbic = \"{bic}\"\nname = \"Load bank {bic}\"\nkey = \"{}\"\n[[participant.position]]\n\
             currency = \"EUR\"\nhosted_accounts = {ACCOUNTS}\nhosted_funding = \"9000000000.00\"\n",
            PublicKey::of(&key)
        )
    };
    let banks: String = Followed::banks().into_iter().map(participant).collect();
    format!("[operator]\nbic = \"CLRHXXAAXXX\"\n{banks}")
}

/// Makes a validator's key; gives its verifier key.
fn made_key(feiqian: &Path, folder: &Path, at: usize) -> Result<String, String> {
    let (key, name) = (format!("v{at}.key"), validator_name(at));
    let mut command = Command::new(feiqian);
    command.current_dir(folder).args(["--json", "validator-key", "--key", &key, "--name", &name]);
    let made = ask(command)?;
    made["verifier_key"].as_str().map(str::to_owned).ok_or_else(|| format!("no key: {made}"))
}

fn with(feiqian: &Path, folder: &Path, data: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(feiqian);
    command.current_dir(folder).args(["--json", "--config", "feiqian.toml", "--data", data]).args(arguments);
    command
}

/// What a command that ends says.
fn ask(mut command: Command) -> Result<Value, String> {
    let output = command.output().map_err(|fault| format!("{command:?}: {fault}"))?;
    match output.status.success() {
        true => serde_json::from_slice(&output.stdout).map_err(|fault| format!("{command:?}: {fault}")),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|fault| format!("{}: {fault}", path.display()))
}

/// The body of a good answer.
fn fetched(url: &str) -> Result<String, String> {
    let (address, path) = url.trim_start_matches("http://").split_once('/').ok_or_else(|| url.to_owned())?;
    let text = |fault: std::io::Error| format!("{url}: {fault}");
    let mut stream = TcpStream::connect(address).map_err(text)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
    let request = format!("GET /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(text)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(text)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| format!("{url}: no answer"))?;
    match head.starts_with("HTTP/1.1 200") {
        true => Ok(body.to_owned()),
        false => Err(format!("{url}: {head}")),
    }
}

/// The size that a checkpoint states; zero for none.
fn size_of(checkpoint: &str) -> u64 {
    checkpoint.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or(0)
}
