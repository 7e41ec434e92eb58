//! An engine with three banks, the API on it, and a client that sends what it is told. Whatever hangs is a failure.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix_web::rt::System;
use feiqian_core::bic::Bic;
use feiqian_core::command::{Command, Entry};
use feiqian_core::currency::Currency;
use feiqian_core::outcome::Outcome;
use feiqian_core::transfer::Record;
use feiqian_files::{IntakeOptions, WorkDir};
use feiqian_http::scanner::Scanner;
use feiqian_http::webhooks::{Tell, Told, WebhookOptions, Webhooks};
use feiqian_http::{CodeKey, House as Behind, HttpOptions, Identify, Server};
use feiqian_identity::{Caller, Presented, Role, Roles, Unidentified};
use feiqian_iso20022::profile::Profile;
use feiqian_proof::signature::{PublicKey, SigningKey};
use feiqian_runtime::options::EngineOptions;
use feiqian_runtime::pipeline::Engine;
use feiqian_tests::world::{Eyes, entry, genesis, operator_key};
use serde_json::Value;

/// Far above what any step takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Reads pictures for tests: what stands behind the first 33 bytes. The program's own way is tested with the program.
const STAND_IN: &str =
    r#"text=$(tail -c +34); [ -n "$text" ] && printf 'code\n%s' "$text" || printf 'none\n'"#;
/// Clearing accounts of A, B and C, then hosted accounts of A and of B.
pub(crate) const A: &str = "BNKAXXAAXXX/EUR";
pub(crate) const B: &str = "BNKBXXAAXXX/EUR";
pub(crate) const C: &str = "BNKCXXAAXXX/EUR";
pub(crate) const ALICE: &str = "OTHR:ALICE";
pub(crate) const BOB: &str = "OTHR:BOB";

/// TEST KEY: the bank's, one letter.
pub(crate) fn key(bank: char) -> SigningKey {
    SigningKey::from_bytes(&[u8::try_from(bank).expect("a letter"); 32])
}

pub(crate) fn bic(bank: char) -> Bic {
    Bic::parse(&format!("BNK{bank}XXAA")).expect("a BIC")
}

/// No id comes twice in one test program.
pub(crate) fn new_id() -> u128 {
    static LAST: AtomicU64 = AtomicU64::new(1_000);
    LAST.fetch_add(1, Ordering::Relaxed).into()
}

/// An id as text that no other test has.
pub(crate) fn uetr() -> String {
    format!("00000000-0000-4000-8000-{:012x}", new_id())
}

/// Whoever says a name is taken for it: `a` acts for bank A in all of a participant's roles, `a-viewer` in one of them,
/// `auditor` for nobody.
#[derive(Debug)]
struct Names;

impl Identify for Names {
    fn identify(&self, presented: &Presented<'_>, _: u64) -> Result<Caller, Unidentified> {
        let said = (presented.headers)("authorization").and_then(|bytes| std::str::from_utf8(bytes).ok());
        let Some(name) = said.and_then(|text| text.strip_prefix("Bearer ")) else { return nobody(presented) };
        let (bank, role) = name.split_once('-').unwrap_or((name, ""));
        let roles = match (bank, role) {
            ("auditor", _) => Roles::of(&[Role::Auditor]),
            ("operator", _) => Roles::of(&[Role::Operator]),
            ("validator", _) => Roles::of(&[Role::Validator]),
            (_, "viewer") => Roles::of(&[Role::Viewer]),
            (_, "approver") => Roles::of(&[Role::Approver]),
            (_, "auditor") => Roles::of(&[Role::Auditor]),
            (_, "submitter") => Roles::of(&[Role::Submitter]),
            _ => Roles::of(&[Role::Submitter, Role::Approver, Role::Viewer]),
        };
        let participant = match bank {
            "a" | "b" | "c" | "z" => Some(bic(bank.to_uppercase().chars().next().expect("a letter"))),
            "auditor" | "operator" | "validator" => None,
            _ => return nobody(presented),
        };
        Ok(Caller { name: name.into(), participant, roles })
    }
}

fn nobody(presented: &Presented<'_>) -> Result<Caller, Unidentified> {
    feiqian_identity::Identities::nobody().identify(presented, 0)
}

/// What ends a server, and its thread.
type Serving = (tokio::sync::oneshot::Sender<()>, std::thread::JoinHandle<()>);

pub(crate) struct House {
    /// None only while it is opened again.
    engine: Option<Engine>,
    pub(crate) address: SocketAddr,
    options: HttpOptions,
    /// Who is told, and where participants may register.
    hooks: Option<WebhookOptions>,
    files: IntakeOptions,
    data: PathBuf,
    serving: Option<Serving>,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// With other bounds.
    pub(crate) fn with(change: impl FnOnce(&mut HttpOptions)) -> Self {
        Self::furnish(change, |_| None)
    }

    /// Where participants may register webhooks, by the directory of its data.
    pub(crate) fn telling(hooks: impl FnOnce(&std::path::Path) -> WebhookOptions) -> Self {
        Self::furnish(|_| {}, |data| Some(hooks(data)))
    }

    fn furnish(
        change: impl FnOnce(&mut HttpOptions),
        hooks: impl FnOnce(&std::path::Path) -> Option<WebhookOptions>,
    ) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("http-{}-{number}", std::process::id());
        let data = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&data);
        let engine = furnished(&engine_options(&data));
        let mut options = HttpOptions { listen: ([127, 0, 0, 1], 0).into(), ..HttpOptions::default() };
        change(&mut options);
        let hooks = hooks(&data);
        let work = WorkDir::create(data.join("work")).expect("folders");
        let files = IntakeOptions::new(work, bic('Z'));
        let (address, serving) = serve(engine.clone(), options.clone(), (hooks.clone(), files.clone()));
        Self { engine: Some(engine), address, options, hooks, files, data, serving: Some(serving) }
    }

    /// Ends server and engine in order, and opens both again.
    pub(crate) fn restart(&mut self) {
        self.close();
        self.engine = None;
        let engine = opened(&engine_options(&self.data));
        let behind = (self.hooks.clone(), self.files.clone());
        let (address, serving) = serve(engine.clone(), self.options.clone(), behind);
        self.engine = Some(engine);
        (self.address, self.serving) = (address, Some(serving));
    }

    /// Another profile of the house's, from the next restart on.
    pub(crate) fn set_usage(&mut self, profile: Option<Profile>) {
        self.options.usage.house = profile;
    }

    /// Other webhooks from the next restart on.
    pub(crate) fn set_hooks(&mut self, change: impl FnOnce(&mut WebhookOptions)) {
        self.hooks.as_mut().map(change).expect("it tells");
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("it runs")
    }

    /// How messages are taken in.
    pub(crate) fn files(&self) -> &IntakeOptions {
        &self.files
    }

    /// The directory of its data.
    pub(crate) fn data(&self) -> &std::path::Path {
        &self.data
    }

    fn close(&mut self) {
        if let Some((end, thread)) = self.serving.take() {
            drop(end);
            thread.join().expect("the server ends");
        }
        self.engine().shutdown();
    }

    /// Seals, so that questions see all that was answered.
    pub(crate) fn seal(&self) {
        self.engine().seal().expect("room");
    }

    /// A command of two officers, which must be put in force.
    pub(crate) fn order(&self, command: Command) {
        run(self.engine(), command);
    }

    pub(crate) fn get(&self, who: &str, path: &str) -> Answer {
        self.send("GET", path, &[("authorization", &format!("Bearer {who}"))], b"")
    }

    pub(crate) fn post(&self, who: &str, path: &str, body: &Value) -> Answer {
        let heads = [("authorization", format!("Bearer {who}")), ("content-type", "application/json".into())];
        let heads: Vec<_> = heads.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.send("POST", path, &heads, body.to_string().as_bytes())
    }

    pub(crate) fn delete(&self, who: &str, path: &str) -> Answer {
        self.send("DELETE", path, &[("authorization", &format!("Bearer {who}"))], b"")
    }

    pub(crate) fn send(&self, method: &str, path: &str, heads: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = self.open(method, path, heads, Some(body));
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("answered");
        Answer::read(&bytes)
    }

    /// A connection on which a request has been sent.
    pub(crate) fn open(
        &self,
        method: &str,
        path: &str,
        heads: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        for (name, value) in heads {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body.filter(|body| !body.is_empty()) {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).expect("sent");
        // A server that refuses early closes before it has read all.
        let _ = stream.write_all(body.unwrap_or_default());
        stream
    }

    /// The events of a stream: id and data of each, as they come.
    pub(crate) fn events(&self, who: &str, after: Option<u64>) -> Events {
        let mut heads = vec![("authorization", format!("Bearer {who}"))];
        heads.extend(after.map(|sequence| ("last-event-id", sequence.to_string())));
        let heads: Vec<_> = heads.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut lines = BufReader::new(self.open("GET", "/v1/events", &heads, None));
        let mut line = String::new();
        lines.read_line(&mut line).expect("a status");
        assert!(line.contains(" 200 "), "{line}");
        Events { lines, id: None }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.close();
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.data);
        }
    }
}

fn engine_options(data: &std::path::Path) -> EngineOptions {
    EngineOptions {
        segment_bytes: 8 << 20,
        seal_interval: Duration::from_millis(20),
        ..EngineOptions::new(data.to_owned())
    }
}

fn serve(
    engine: Engine,
    options: HttpOptions,
    (hooks, files): (Option<WebhookOptions>, IntakeOptions),
) -> (SocketAddr, Serving) {
    let (tell, told) = std::sync::mpsc::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        System::new().block_on(async {
            let tells: Tell = Arc::new(|_: &Told| {});
            let hooks = hooks.map(|hooks| Webhooks::start(&engine, &operator_key(), &hooks, &tells));
            let hooks = hooks.transpose().expect("they start");
            let behind = Behind {
                files,
                scanner: Some(Scanner {
                    program: "/bin/sh".into(),
                    arguments: vec!["-c".into(), STAND_IN.into()],
                    time_max: PATIENCE,
                }),
                codes: CodeKey::new(b"TEST KEY: codes, not for real..."),
                webhooks: hooks.as_ref().map(Webhooks::desk),
            };
            let server = Server::start(engine, behind, Arc::new(Names), options).expect("it listens");
            tell.send(server.address()).expect("told");
            let _ = ended.await;
            server.stop().await;
            if let Some(hooks) = hooks {
                hooks.stop();
            }
        });
    });
    (told.recv_timeout(PATIENCE).expect("it starts"), (end, thread))
}

/// Opens a directory again, once the last thread of a server that has ended has let go of it.
fn opened(options: &EngineOptions) -> Engine {
    let begun = Instant::now();
    loop {
        match Engine::open(options, operator_key()) {
            Ok(engine) => return engine,
            Err(fault) => assert!(begun.elapsed() < PATIENCE, "it does not open again: {fault}"),
        }
    }
}

fn run(engine: &Engine, command: Command) {
    let ticket = engine.command(&entry(new_id(), command, Eyes::Four)).expect("room");
    let row = ticket.wait().expect("it runs").row;
    assert_eq!(row.outcome(), Some(Outcome::Cleared), "{:?}", row.reason());
}

fn furnished(options: &EngineOptions) -> Engine {
    let first = Entry::new(new_id(), Command::Genesis(genesis(7)));
    let engine = Engine::create(options, operator_key(), &first).expect("an empty directory");
    let currency = |code| Currency::from_code(code).expect("a currency");
    for bank in ['A', 'B', 'C'] {
        let key = Some(PublicKey::of(&key(bank)));
        run(&engine, Command::RegisterParticipant { bic: bic(bank), name: format!("Bank {bank}"), key });
    }
    for bank in ['A', 'B', 'C'] {
        let cap = 1 << 60;
        run(&engine, Command::OpenPosition { bic: bic(bank), currency: currency("EUR"), cap });
    }
    for bank in ['A', 'B'] {
        let (bic, currency) = (bic(bank), currency("EUR"));
        run(&engine, Command::OpenAccounts { bic, currency, count: 10, credit_line: 0 });
    }
    run(&engine, Command::RegisterAlias { alias: ALICE.into(), account: 3 });
    run(&engine, Command::RegisterAlias { alias: BOB.into(), account: 13 });
    let funding = vec![Record::new(new_id(), 0, 3, 1_000_000, 978)];
    let ticket = engine.submit(feiqian_core::batch::Batch::new(0, funding)).expect("room");
    assert_eq!(ticket.wait().expect("it runs").rows[0].outcome(), Some(Outcome::Cleared));
    engine
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) heads: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let split = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let split = split.unwrap_or_else(|| panic!("no head: {:?}", String::from_utf8_lossy(bytes)));
        let head = std::str::from_utf8(&bytes[..split]).expect("ASCII");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let heads = lines.filter_map(|line| line.split_once(": "));
        Self {
            status: status.expect("a status"),
            heads: heads.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
            body: bytes[split + 4..].to_vec(),
        }
    }

    pub(crate) fn head(&self, name: &str) -> Option<&str> {
        self.heads.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&self.body)))
    }

    /// The JSON of an answer with a status.
    pub(crate) fn with(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// The problem of an answer: its kind, its ISO code and the place that it names, a JSON pointer as it is, all else with
    /// what it is.
    pub(crate) fn problem(&self, status: u16) -> (String, Value, Value) {
        let json = self.with(status);
        assert_eq!(self.head("content-type"), Some("application/problem+json"));
        assert_eq!(json["status"], status);
        let kind = json["type"].as_str().and_then(|urn| urn.strip_prefix("urn:feiqian:problem:"));
        let place = &json["errors"][0];
        let named = ["parameter", "header"]
            .into_iter()
            .find_map(|kind| place[kind].as_str().map(|name| Value::from(format!("{kind} {name}"))));
        assert!(named.is_none() || place["pointer"].is_null(), "a place is said once: {place}");
        (
            kind.expect("a URN").to_owned(),
            json["reason"].clone(),
            named.unwrap_or_else(|| place["pointer"].clone()),
        )
    }
}

/// An open stream of events.
pub(crate) struct Events {
    lines: BufReader<TcpStream>,
    id: Option<u64>,
}

impl Events {
    /// The next event: its id and its data.
    pub(crate) fn next(&mut self) -> (u64, Value) {
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).expect("an event in time") > 0, "the stream has ended");
            if let Some(id) = line.trim_end().strip_prefix("id: ") {
                self.id = id.parse().ok();
            } else if let Some(data) = line.trim_end().strip_prefix("data: ") {
                let json = serde_json::from_str(data).expect("JSON");
                return (self.id.take().expect("an id"), json);
            }
        }
    }
}

/// A payment in EUR.
pub(crate) fn payment(id: &str, debtor: &str, creditor: &str, amount: &str) -> Value {
    serde_json::json!({
        "uetr": id,
        "debtor": debtor,
        "creditor": creditor,
        "amount": { "amount": amount, "currency": "EUR" },
    })
}
