//! A server in a process of its own, for loads: this program, started again with a hidden argument, on a directory
//! of its own, with TEST KEYS. Prints one JSON line when it is ready; then obeys lines on its standard input, and
//! ends when that closes, so that it never outlives who started it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use feiqian_core::command as core;
use feiqian_runtime::options::EngineOptions;
use feiqian_runtime::pipeline::Engine;
use feiqian_wire::address::NoAddress;
use feiqian_wire::{Address, Server, ServerOptions};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use super::http::house;
use super::usage::Usage;
use crate::chain::{CHAIN_ID, approved, test_officer_keys, test_operator_key};
use crate::founding::{command, found};
use crate::workload::layout::Layout;
use crate::workload::{Door, Workload};

/// What a server is started with.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ServerSpec {
    /// The data directory: fresh with a workload, else one that is there.
    pub data: PathBuf,
    /// Whose accounts are to be opened and funded; none to go on with a directory.
    pub workload: Option<Workload>,
    /// Where to listen; port 0 for any free one. Loopback or a Unix socket; for the JSON API, which a workload names as its
    /// door, loopback.
    pub listen: String,
    /// Sessions at the most.
    pub sessions_max: usize,
    /// Shards; none for the default.
    pub shards: Option<usize>,
    /// Whether leaves are hashed and blocks sealed.
    pub is_sealing: bool,
    /// Blocks between two snapshots; none for the default.
    pub snapshot_blocks: Option<u64>,
}

impl ServerSpec {
    /// On any free port of loopback, with the engine's defaults.
    #[must_use]
    pub fn new(data: PathBuf, workload: Workload) -> Self {
        Self {
            data,
            workload: Some(workload),
            listen: "127.0.0.1:0".to_owned(),
            sessions_max: 1_100,
            shards: None,
            is_sealing: true,
            snapshot_blocks: None,
        }
    }

    fn options(&self) -> EngineOptions {
        let mut options = EngineOptions::new(self.data.clone());
        options.shards = self.shards.unwrap_or(options.shards);
        options.is_sealing = self.is_sealing;
        options.snapshot_blocks = self.snapshot_blocks.unwrap_or(options.snapshot_blocks);
        options
    }
}

/// The line of a server that is ready.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ready {
    /// Yes.
    pub is_ready: bool,
    /// Where it listens.
    pub address: String,
    /// The first sequence of what comes.
    pub next_sequence: u64,
}

/// The line of a cycle that was closed, or why it was not.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Closed {
    elapsed_ms: f64,
    fault: Option<String>,
}

/// What asks a server to close the open cycle.
const CLOSE: &str = "close";

/// The server's own process: founds or opens, serves, obeys, ends. `spec` is a [`ServerSpec`] in JSON.
///
/// # Errors
/// What went wrong, in words.
pub fn serve(spec: &str) -> Result<(), String> {
    let spec: ServerSpec = serde_json::from_str(spec).map_err(|fault| fault.to_string())?;
    let (options, key) = (spec.options(), test_operator_key());
    let engine = match &spec.workload {
        Some(workload) => {
            std::fs::create_dir_all(&spec.data).map_err(|fault| fault.to_string())?;
            let engine =
                Engine::create(&options, key, &Layout::genesis()).map_err(|fault| fault.to_string())?;
            found(&engine, &Layout::fresh(workload))?;
            engine
        }
        None => Engine::open(&options, key).map_err(|fault| fault.to_string())?,
    };
    let http = spec.workload.as_ref().filter(|workload| workload.door == Door::Http);
    let served = match http {
        Some(workload) => actix_web::rt::System::new().block_on(async {
            let api = house::serve(&engine, &spec.data, (&spec.listen, workload.participants))?;
            let ended = obeying(&engine, format!("http://{}", api.address())).await;
            api.stop().await;
            ended
        }),
        None => {
            // As `feiqian serve` does: this kind takes one system call to be woken for many sessions, the other one each.
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            runtime.map_err(|fault| fault.to_string())?.block_on(listen(&engine, &spec))
        }
    };
    engine.shutdown();
    served
}

/// Speaks the bulk protocol.
async fn listen(engine: &Engine, spec: &ServerSpec) -> Result<(), String> {
    let address: Address = spec.listen.parse().map_err(|fault: NoAddress| fault.to_string())?;
    let options = ServerOptions { sessions_max: spec.sessions_max, ..ServerOptions::default() };
    let server = Server::start(engine.clone(), &[address], options).map_err(|fault| fault.to_string())?;
    let address = server.addresses().first().map(ToString::to_string).unwrap_or_default();
    let ended = obeying(engine, address).await;
    server.stop().await;
    ended
}

/// Says that it is ready, and obeys until standard input closes or a signal comes.
async fn obeying(engine: &Engine, address: String) -> Result<(), String> {
    let mut terminated = signal(SignalKind::terminate()).map_err(|fault| fault.to_string())?;
    let next_sequence = engine.archive().journal.durable() + 1;
    tell(&Ready { is_ready: true, address, next_sequence });
    let (ended, end) = tokio::sync::oneshot::channel();
    let obedient = engine.clone();
    // Blocks on standard input, and at the end of the process goes with it.
    std::thread::spawn(move || {
        obey(&obedient);
        let _ = ended.send(());
    });
    tokio::select! {
        _ = end => {}
        _ = terminated.recv() => {}
    }
    Ok(())
}

/// Reads lines until there are no more.
fn obey(engine: &Engine) {
    for line in std::io::stdin().lock().lines() {
        match line {
            Ok(line) if line.trim() == CLOSE => tell(&close_cycle(engine)),
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

fn close_cycle(engine: &Engine) -> Closed {
    let cycle = engine.directory().registry(feiqian_core::registry::Registry::open_cycle);
    // Of all commands of a load's server only these are not founding ones: cycles count from one, ids from here.
    let id = 0xC105_E000_0000_0000_u128 + u128::from(cycle);
    let entry = approved(id, core::Command::CloseCycle { cycle }, &CHAIN_ID, &test_officer_keys());
    let begun = Instant::now();
    let fault = command(engine, &entry).err();
    Closed { elapsed_ms: begun.elapsed().as_secs_f64() * 1e3, fault }
}

fn tell(line: &impl Serialize) {
    let text = serde_json::to_string(line).unwrap_or_default();
    let mut out = std::io::stdout().lock();
    // Nobody is left to tell if it is closed; standard input is then too.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// How this program is started as a server: its file, and what stands before the specification.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerProgram {
    /// The executable.
    pub file: PathBuf,
    /// The hidden command.
    pub arguments: Vec<String>,
}

/// A server's process, as who started it sees it. Killed when dropped.
#[derive(Debug)]
pub struct OwnServer {
    child: Child,
    input: Option<ChildStdin>,
    lines: BufReader<ChildStdout>,
    /// What it said when it was ready.
    pub ready: Ready,
}

impl OwnServer {
    /// Starts a server and waits until it is ready.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(program: &ServerProgram, spec: &ServerSpec) -> Result<Self, String> {
        let text = serde_json::to_string(spec).map_err(|fault| fault.to_string())?;
        let mut command = Command::new(&program.file);
        command.args(&program.arguments).arg(text).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|fault| format!("{}: {fault}", program.file.display()))?;
        let input = child.stdin.take();
        let lines = child.stdout.take().map(BufReader::new).ok_or("the server has no standard output")?;
        let nothing = Ready { is_ready: false, address: String::new(), next_sequence: 0 };
        let mut server = Self { child, input, lines, ready: nothing };
        server.ready = server.line()?;
        Ok(server)
    }

    fn line<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, String> {
        let mut line = String::new();
        self.lines.read_line(&mut line).map_err(|fault| fault.to_string())?;
        serde_json::from_str(&line).map_err(|_| format!("the server has ended or says {line:?}"))
    }

    /// What the process has used so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage::of(self.child.id()).unwrap_or_default()
    }

    /// Has it close the open cycle; gives the milliseconds that took, from the command to its outcome.
    ///
    /// # Errors
    /// If it does not.
    pub fn close_cycle(&mut self) -> Result<f64, String> {
        let input = self.input.as_mut().ok_or("the server is stopping")?;
        writeln!(input, "{CLOSE}").and_then(|()| input.flush()).map_err(|fault| fault.to_string())?;
        let closed: Closed = self.line()?;
        closed.fault.map_or(Ok(closed.elapsed_ms), Err)
    }

    /// Ends it in order: all that was admitted is answered, sealed, and a snapshot taken.
    ///
    /// # Errors
    /// If it ends otherwise.
    pub fn stop(mut self) -> Result<(), String> {
        drop(self.input.take());
        let status = self.child.wait().map_err(|fault| fault.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}")) }
    }

    /// Ends it at once, with SIGKILL.
    ///
    /// # Errors
    /// If it can't be.
    pub fn kill(mut self) -> Result<(), String> {
        self.child.kill().and_then(|()| self.child.wait()).map(drop).map_err(|fault| fault.to_string())
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
