//! An engine with three banks, a server on it, and raw connections for what the client library never sends.
//! Whatever hangs is a failure.

use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use feiqian_core::authority::AuthorityCommand;
use feiqian_core::bic::Bic;
use feiqian_core::command::{Command, Entry};
use feiqian_core::currency::Currency;
use feiqian_core::outcome::Outcome;
use feiqian_core::transfer::Record;
use feiqian_proof::signature::{PublicKey, SigningKey};
use feiqian_runtime::options::EngineOptions;
use feiqian_runtime::pipeline::Engine;
use feiqian_tests::world::{Eyes, entry, genesis, operator_key};
use feiqian_wire::client::{Client, ClientError, Credentials, Outcomes, Verdict};
use feiqian_wire::layout::{HEADER_BYTES, Header, HelloBody, Kind, message};
use feiqian_wire::refusal::Refusal;
use feiqian_wire::{Address, Server, ServerOptions, login};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use zerocopy::{FromBytes as _, IntoBytes as _};

/// Far above what any test takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);
pub(crate) const EUR: u16 = 978;
/// Clearing accounts of A, B and C, then ten hosted accounts of A and ten of B.
pub(crate) const CLEARING: [u64; 3] = [0, 1, 2];
pub(crate) const A1: u64 = 3;
pub(crate) const B1: u64 = 13;
/// What A1 begins with, minor units.
pub(crate) const FUNDS: u64 = 1_000_000;

/// TEST KEY: the bank's, one letter.
pub(crate) fn key(bank: char) -> SigningKey {
    SigningKey::from_bytes(&[u8::try_from(bank).expect("a letter"); 32])
}

pub(crate) fn bic(bank: char) -> Bic {
    Bic::parse(&format!("BNK{bank}XXAA")).expect("a BIC")
}

pub(crate) fn credentials(bank: char) -> Credentials {
    Credentials { bic: bic(bank), key: key(bank) }
}

/// No id comes twice in one test program.
pub(crate) fn new_id() -> u128 {
    static LAST: AtomicU64 = AtomicU64::new(1_000);
    LAST.fetch_add(1, Ordering::Relaxed).into()
}

pub(crate) fn pay(debtor: u64, creditor: u64, amount: u64) -> Record {
    Record::new(new_id(), debtor, creditor, amount, EUR)
}

pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) tcp: Address,
    pub(crate) unix: Address,
    data: PathBuf,
}

/// Runs a test on a house, then ends server and engine in order.
pub(crate) fn in_house<F: Future<Output = ()>>(
    options: ServerOptions,
    change: impl FnOnce(&mut EngineOptions),
    test: impl FnOnce(House) -> F,
) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let data =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("wire-{}-{number}", std::process::id()));
    let _ = std::fs::remove_dir_all(&data);
    let mut engine_options = EngineOptions { segment_bytes: 8 << 20, ..EngineOptions::new(data.clone()) };
    change(&mut engine_options);
    let engine = furnished(&engine_options);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        let socket = Address::Unix(data.join("wire.sock"));
        let asked = ["127.0.0.1:0".parse().expect("an address"), socket];
        let server = Server::start(engine.clone(), &asked, options).expect("it listens");
        let [tcp, unix] = server.addresses() else { panic!("two addresses") };
        let (tcp, unix) = (tcp.clone(), unix.clone());
        let house = House { engine: engine.clone(), tcp, unix, data: data.clone() };
        tokio::time::timeout(PATIENCE, test(house)).await.expect("it hangs");
        tokio::time::timeout(PATIENCE, server.stop()).await.expect("the server's end hangs");
    });
    engine.shutdown();
    drop(engine);
    let _ = std::fs::remove_dir_all(&data);
}

fn furnished(options: &EngineOptions) -> Engine {
    let first = Entry::new(new_id(), Command::Genesis(genesis(7)));
    let engine = Engine::create(options, operator_key(), &first).expect("an empty directory");
    let currency = Currency::from_code("EUR").expect("a currency");
    let run = |command| {
        let ticket = engine.command(&entry(new_id(), command, Eyes::Four)).expect("room");
        let row = ticket.wait().expect("it runs").row;
        assert_eq!(row.outcome(), Some(Outcome::Cleared), "{:?}", row.reason());
    };
    for bank in ['A', 'B', 'C'] {
        let key = (bank != 'C').then(|| PublicKey::of(&key(bank)));
        run(Command::RegisterParticipant { bic: bic(bank), name: format!("Bank {bank}"), key });
    }
    for bank in ['A', 'B', 'C'] {
        run(Command::OpenPosition { bic: bic(bank), currency, cap: 1 << 60 });
    }
    for bank in ['A', 'B'] {
        run(Command::OpenAccounts { bic: bic(bank), currency, count: 10, credit_line: 0 });
    }
    run(Command::RegisterAlias { alias: "OTHR:ALICE".into(), account: A1 });
    run(Command::RegisterAlias { alias: "OTHR:BOB".into(), account: B1 });
    let funding = vec![pay(CLEARING[0], A1, FUNDS)];
    let ticket = engine.submit(feiqian_core::batch::Batch::new(0, funding)).expect("room");
    assert_eq!(ticket.wait().expect("it runs").rows[0].outcome(), Some(Outcome::Cleared));
    engine
}

impl House {
    pub(crate) async fn client(&self, bank: char) -> Client {
        Client::connect(&self.tcp, &credentials(bank)).await.expect("it lets the bank in")
    }

    /// Two officers give a bank the key of another name.
    pub(crate) async fn replace_key(&self, bank: char, name: char) {
        let engine = self.engine.clone();
        let key = PublicKey::of(&key(name));
        let command = Command::Authority(AuthorityCommand::SetParticipantKey { bic: bic(bank), key });
        let run = move || {
            let ticket = engine.command(&entry(new_id(), command, Eyes::Four)).expect("room");
            assert_eq!(ticket.wait().expect("it runs").row.reason(), None);
        };
        tokio::task::spawn_blocking(run).await.expect("run");
    }

    /// Seals, so that questions see all that was answered.
    pub(crate) async fn seal(&self) {
        let engine = self.engine.clone();
        tokio::task::spawn_blocking(move || engine.seal().expect("room")).await.expect("sealed");
    }

    pub(crate) fn socket_is_there(&self) -> bool {
        self.data.join("wire.sock").exists()
    }

    pub(crate) async fn raw(&self) -> Raw {
        let Address::Tcp(address) = self.tcp else { panic!("TCP") };
        let mut raw = Raw { stream: TcpStream::connect(address).await.expect("it listens"), hello: None };
        let (kind, _, body) = raw.receive().await.expect("a hello");
        if kind == Kind::Hello {
            raw.hello = Some(HelloBody::read_from_bytes(&body).expect("64 bytes"));
        }
        raw
    }

    /// A raw connection on which a bank is logged in.
    pub(crate) async fn raw_session(&self, bank: char) -> Raw {
        let mut raw = self.raw().await;
        raw.send(&raw.login(bank, &key(bank))).await;
        assert_eq!(raw.receive().await.expect("an answer").0, Kind::Welcome);
        raw
    }
}

/// A connection that sends what it is told.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    pub(crate) hello: Option<HelloBody>,
}

impl Raw {
    pub(crate) fn login(&self, bank: char, key: &SigningKey) -> Vec<u8> {
        let hello = self.hello.as_ref().expect("a hello");
        message(Header::new(Kind::Login, 0), login::answer(hello, bic(bank), key).as_bytes())
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("sent");
    }

    /// The next message; none at the end of the stream.
    pub(crate) async fn receive(&mut self) -> Option<(Kind, Header, Vec<u8>)> {
        let mut bytes = [0; HEADER_BYTES];
        self.stream.read_exact(&mut bytes).await.ok()?;
        let (kind, header) = Header::read(&bytes).expect("the server's messages are good");
        let mut body = vec![0; header.body_bytes()];
        self.stream.read_exact(&mut body).await.expect("a whole message");
        Some((kind, header, body))
    }

    /// The refusal that ends the connection, behind what is still owed.
    pub(crate) async fn refusal(&mut self) -> (Kind, Refusal, String) {
        let mut owed = 0;
        loop {
            let (kind, header, body) = self.receive().await.expect("a refusal before the end");
            if matches!(kind, Kind::Refused | Kind::Error) {
                let refusal = Refusal::from_number(header.count.get()).expect("a known code");
                assert!(self.receive().await.is_none(), "the connection is closed behind it");
                return (kind, refusal, String::from_utf8(body).expect("UTF-8"));
            }
            owed += 1;
            assert!(owed < 10_000, "no end");
        }
    }
}

/// A batch's message.
pub(crate) fn batch(request: u64, records: &[Record]) -> Vec<u8> {
    let count = u32::try_from(records.len()).expect("few");
    message(Header { count: count.into(), ..Header::new(Kind::Batch, request) }, records.as_bytes())
}

pub(crate) fn outcomes(verdict: Verdict) -> Outcomes {
    match verdict {
        Verdict::Outcomes(outcomes) => outcomes,
        Verdict::Busy(reason) => panic!("busy: {reason}"),
    }
}

pub(crate) fn refused(result: Result<Client, ClientError>) -> Refusal {
    match result.expect_err("refused") {
        ClientError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    }
}
