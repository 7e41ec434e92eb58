//! An engine with an issuer and an acquirer, the card port on it, and a terminal's side that speaks over a socket.
//! Restarts at will; whatever hangs is a failure.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use feiqian_cards::enrolment::{self, enrolments};
use feiqian_cards::{Envelope, Framing, Institution, Link, Server, ServerOptions, Vault};
use feiqian_core::batch::Batch;
use feiqian_core::command::{Command, Entry};
use feiqian_core::outcome::Outcome;
use feiqian_core::transfer::Record;
use feiqian_iso8583::framing::LengthHeader;
use feiqian_iso8583::{Builder, Message, Mti, Pan, Spec};
use feiqian_runtime::options::EngineOptions;
use feiqian_runtime::pipeline::Engine;
use feiqian_tests::world::{Eyes, bic, currency, entry, genesis, operator_key};
use tokio::runtime::Runtime;

/// Far above what any test takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Test card numbers: of the issuer's hosted account, of its clearing account, and of nobody.
pub(crate) const CARD: &str = "6250947000000014";
pub(crate) const CARD_ON_BOOKS: &str = "6250941006528599";
pub(crate) const STRANGER: &str = "4761340000000019";
/// Clearing accounts of issuer A and acquirer B, and A's hosted account.
pub(crate) const ISSUER: u64 = 0;
pub(crate) const ACQUIRER: u64 = 1;
pub(crate) const HOLDER: u64 = 2;
/// Clearing account of acquirer C, who speaks on a link of its own.
pub(crate) const OTHER_ACQUIRER: u64 = 3;
/// What the hosted account begins with, minor units.
pub(crate) const FUNDS: u64 = 1_000_000;
/// Field 32 of B.
pub(crate) const INSTITUTION: &str = "1050000";
/// TEST KEY: tokens and ids are derived from it.
pub(crate) const SECRET: [u8; 32] = *b"TEST KEY: card tokens, no money.";

pub(crate) fn new_id() -> u128 {
    static LAST: AtomicU64 = AtomicU64::new(1_000);
    LAST.fetch_add(1, Ordering::Relaxed).into()
}

/// The link that most tests speak on: UnionPay's fields behind two bytes of length.
pub(crate) fn plain_link() -> Link {
    Link {
        name: "plain".to_owned(),
        listen: "127.0.0.1:0".parse().expect("an address"),
        framing: Framing { length: LengthHeader::Binary2, envelope: Envelope::Bare },
        spec: Arc::new(Spec::built_in("unionpay").expect("built in").clone()),
        institutions: vec![Institution { code: INSTITUTION.parse().expect("digits"), participant: bic("B") }],
        mac: None,
        needs_sign_on: false,
        takes_file_actions: false,
    }
}

pub(crate) struct House {
    engine: Option<Engine>,
    server: Option<Server>,
    runtime: Runtime,
    links: Vec<Link>,
    options: ServerOptions,
    engine_options: EngineOptions,
    pub(crate) faults: Arc<Mutex<Vec<String>>>,
}

impl Drop for House {
    fn drop(&mut self) {
        self.close();
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(self.data());
        }
    }
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(vec![plain_link()], ServerOptions::default())
    }

    pub(crate) fn with(links: Vec<Link>, options: ServerOptions) -> Self {
        Self::with_engine(links, options, |_| {})
    }

    pub(crate) fn with_engine(
        links: Vec<Link>,
        options: ServerOptions,
        change: impl FnOnce(&mut EngineOptions),
    ) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("cards-{}-{number}", std::process::id());
        let data = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&data);
        let mut engine_options = EngineOptions { segment_bytes: 8 << 20, ..EngineOptions::new(data) };
        change(&mut engine_options);
        let engine = Some(furnished(&engine_options));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let faults = Arc::default();
        let runtime = runtime.expect("a runtime");
        let mut house = Self { engine, server: None, runtime, links, options, engine_options, faults };
        house.serve();
        house
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.engine_options.data.clone()
    }

    fn serve(&mut self) {
        let faults = Arc::clone(&self.faults);
        let tell = move |_: &str, _: SocketAddr, fault: &feiqian_cards::SessionFault| {
            faults.lock().expect("held shortly").push(format!("{fault} {fault:?}"));
        };
        let inside = self.runtime.enter();
        let vault = Vault::new(&SECRET);
        let started = Server::start(self.engine().clone(), vault, self.links.clone(), self.options, tell);
        drop(inside);
        self.server = Some(started.expect("it listens"));
    }

    fn close(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop());
        }
        if let Some(engine) = self.engine.take() {
            engine.shutdown();
        }
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("it runs")
    }

    /// Ends server and engine, and starts both again on what the journal has.
    pub(crate) fn restart(&mut self) {
        self.close();
        self.engine = Some(Engine::open(&self.engine_options, operator_key()).expect("it opens"));
        self.serve();
    }

    /// As of the next restart.
    pub(crate) fn set_hold_timeout(&mut self, seconds: u32) {
        self.options.hold_timeout_s = seconds;
    }

    pub(crate) fn address(&self, link: &str) -> SocketAddr {
        let addresses = self.server.as_ref().expect("it serves").addresses();
        addresses.iter().find(|(name, _)| name == link).expect("such a link").1
    }

    pub(crate) fn terminal(&self) -> Terminal {
        self.terminal_on("plain")
    }

    pub(crate) fn terminal_on(&self, link: &str) -> Terminal {
        let found = self.links.iter().find(|at| at.name == link).expect("such a link");
        Terminal::connect(self.address(link), found.framing.length, Arc::clone(&found.spec))
    }

    /// Balance and reserved amount of an account.
    pub(crate) fn account(&self, account: u64) -> (i128, u64) {
        self.engine().seal().expect("room");
        let cell = self.engine().ask(move |sealer| sealer.mirror().account(account).copied());
        cell.map_or((0, 0), |cell| (cell.balance, cell.reserved))
    }

    /// Pays from one account to another, for its owner.
    pub(crate) fn pay(&self, participant: u32, debtor: u64, creditor: u64, amount: u64) {
        pay(self.engine(), participant, Record::new(new_id(), debtor, creditor, amount, 156));
    }

    /// Gives issuer and acquirer clearing accounts in another currency, and a customer a hosted one with the usual funds;
    /// gives the three, as issuer's, acquirer's and customer's.
    pub(crate) fn open_in(&self, code: &str) -> [u64; 3] {
        let currency = currency(code);
        let accounts = || self.engine().directory().registry(|registry| registry.accounts().len() as u64);
        let mut opened = [0; 3];
        for (bank, opened) in ["A", "B"].iter().zip(&mut opened) {
            *opened = accounts();
            self.order(Command::OpenPosition { bic: bic(bank), currency, cap: 1 << 60 });
        }
        opened[2] = accounts();
        self.order(Command::OpenAccounts { bic: bic("A"), currency, count: 1, credit_line: 0 });
        let record = Record::new(new_id(), opened[0], opened[2], FUNDS, currency.numeric());
        pay(self.engine(), 0, record);
        opened
    }

    /// Enrols a card for a further account, as the command line does.
    pub(crate) fn enrol(&self, card: &str, account: u64) {
        let alias = alias_of(card);
        let number = enrolments(self.engine().directory(), &alias).count();
        let alias = enrolment::name(&alias, u32::try_from(number).expect("few"));
        self.order(Command::RegisterAlias { alias, account });
    }

    /// Ends a card's enrolment for an account.
    pub(crate) fn withdraw(&self, card: &str, account: u64) {
        let alias = alias_of(card);
        let all = enrolments(self.engine().directory(), &alias);
        let found = all.filter(|at| at.is_in_force && at.account == account).last().expect("in force");
        let alias = enrolment::end_name(&alias, found.number);
        self.order(Command::RegisterAlias { alias, account });
    }

    /// Runs a command of the operator.
    pub(crate) fn order(&self, command: Command) {
        order(self.engine(), command);
    }

    /// Waits until a session has ended with a fault, and gives what was told of it.
    pub(crate) fn fault(&self) -> String {
        let begun = std::time::Instant::now();
        loop {
            if let Some(fault) = self.faults.lock().expect("held shortly").pop() {
                return fault;
            }
            assert!(begun.elapsed() < PATIENCE, "no fault was told");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn alias_of(card: &str) -> String {
    Vault::new(&SECRET).alias(&Pan::new(card.bytes()).expect("digits"))
}

fn order(engine: &Engine, command: Command) {
    let ticket = engine.command(&entry(new_id(), command, Eyes::Four)).expect("room");
    let row = ticket.wait().expect("it runs").row;
    assert_eq!(row.outcome(), Some(Outcome::Cleared), "{:?}", row.reason());
}

fn pay(engine: &Engine, participant: u32, record: Record) {
    let ticket = engine.submit(Batch::new(participant, vec![record])).expect("room");
    assert_eq!(ticket.wait().expect("it runs").rows[0].outcome(), Some(Outcome::Cleared));
}

fn furnished(options: &EngineOptions) -> Engine {
    let first = Entry::new(new_id(), Command::Genesis(genesis(7)));
    let engine = Engine::create(options, operator_key(), &first).expect("an empty directory");
    for bank in ["A", "B"] {
        order(
            &engine,
            Command::RegisterParticipant { bic: bic(bank), name: format!("Bank {bank}"), key: None },
        );
    }
    for bank in ["A", "B"] {
        order(&engine, Command::OpenPosition { bic: bic(bank), currency: currency("CNY"), cap: 1 << 60 });
    }
    let hosted = Command::OpenAccounts { bic: bic("A"), currency: currency("CNY"), count: 1, credit_line: 0 };
    order(&engine, hosted);
    order(&engine, Command::RegisterParticipant { bic: bic("C"), name: "Bank C".to_owned(), key: None });
    order(&engine, Command::OpenPosition { bic: bic("C"), currency: currency("CNY"), cap: 1 << 60 });
    for (card, account) in [(CARD, HOLDER), (CARD_ON_BOOKS, ISSUER)] {
        order(&engine, Command::RegisterAlias { alias: alias_of(card), account });
    }
    pay(&engine, 0, Record::new(new_id(), ISSUER, HOLDER, FUNDS, 156));
    engine
}

/// The other side of the line.
pub(crate) struct Terminal {
    pub(crate) stream: TcpStream,
    length: LengthHeader,
    spec: Arc<Spec>,
}

/// Fields by number with their text, and the MTI.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) mti: u16,
    pub(crate) fields: Vec<(u8, String)>,
    /// Bytes behind the length.
    pub(crate) frame: Vec<u8>,
}

impl Heard {
    pub(crate) fn field(&self, number: u8) -> &str {
        self.fields.iter().find(|(at, _)| *at == number).map_or("", |(_, text)| text)
    }

    /// MTI and response code.
    pub(crate) fn answer(&self) -> (u16, &str) {
        (self.mti, self.field(39))
    }
}

impl Terminal {
    pub(crate) fn connect(address: SocketAddr, length: LengthHeader, spec: Arc<Spec>) -> Self {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        Self { stream, length, spec }
    }

    pub(crate) fn spec(&self) -> Arc<Spec> {
        Arc::clone(&self.spec)
    }

    /// Sends a frame of these bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let mut frame = Vec::new();
        self.length.write(bytes.len(), &mut frame).expect("short");
        frame.extend(bytes);
        self.stream.write_all(&frame).expect("sent");
    }

    /// The next frame's bytes; none at the end.
    pub(crate) fn receive(&mut self) -> Option<Vec<u8>> {
        let mut header = vec![0; self.length.bytes()];
        self.stream.read_exact(&mut header).ok()?;
        let bytes = match self.length {
            LengthHeader::Ascii4 => String::from_utf8(header).expect("digits").parse().expect("a number"),
            _ => header.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
        };
        let mut frame = vec![0; bytes];
        self.stream.read_exact(&mut frame).expect("a whole frame");
        Some(frame)
    }

    /// Reads a frame that has so many bytes before its message.
    pub(crate) fn hear(&mut self, skipped: usize) -> Heard {
        let frame = self.receive().expect("an answer");
        let message = Message::decode(&self.spec, &frame[skipped..]).expect("a message");
        let fields = message.fields().map(|field| (field.number, field.text())).collect();
        Heard { mti: message.mti().number(), fields, frame }
    }

    /// Asks with a message and hears the answer.
    pub(crate) fn ask(&mut self, request: &Request) -> Heard {
        self.send(&request.bytes(&self.spec));
        self.hear(0)
    }
}

/// A message in the making: its MTI and fields.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) mti: u16,
    pub(crate) fields: Vec<(u8, String)>,
}

impl Request {
    /// A message that names itself: trace number, the present time, the acquirer.
    pub(crate) fn new(mti: u16) -> Self {
        static STAN: AtomicU32 = AtomicU32::new(1);
        let stan = STAN.fetch_add(1, Ordering::Relaxed);
        let fields = vec![(7, now_text()), (11, format!("{stan:06}")), (32, INSTITUTION.to_owned())];
        Self { mti, fields }
    }

    /// A payment by card.
    pub(crate) fn of_card(mti: u16, card: &str, code: &str, amount: u64) -> Self {
        Self::new(mti)
            .with(2, card)
            .with(3, code)
            .with(4, &format!("{amount:012}"))
            .with(37, "930612000123")
            .with(41, "12345678")
            .with(42, "123456789012345")
            .with(49, "156")
    }

    pub(crate) fn with(mut self, number: u8, text: &str) -> Self {
        self.fields.retain(|(at, _)| *at != number);
        self.fields.push((number, text.to_owned()));
        self
    }

    pub(crate) fn without(mut self, number: u8) -> Self {
        self.fields.retain(|(at, _)| *at != number);
        self
    }

    pub(crate) fn field(&self, number: u8) -> &str {
        self.fields.iter().find(|(at, _)| *at == number).map_or("", |(_, text)| text)
    }

    /// The same message, marked as a repetition.
    pub(crate) fn repeated(&self) -> Self {
        Self { mti: self.mti + 1, ..self.clone() }
    }

    /// Field 90 of a message that refers to this one.
    pub(crate) fn elements(&self) -> String {
        let acquirer: u64 = self.field(32).parse().unwrap_or(0);
        format!("{:04}{}{}{acquirer:011}{:011}", self.mti, self.field(11), self.field(7), 0)
    }

    /// A message that refers to this one, with its card and amount.
    pub(crate) fn followed_by(&self, mti: u16, code: &str) -> Self {
        let amount = self.field(4).parse().unwrap_or(0);
        Self::of_card(mti, self.field(2), code, amount).with(90, &self.elements())
    }

    pub(crate) fn bytes(&self, spec: &Spec) -> Vec<u8> {
        self.builder(spec).encode().expect("it fits")
    }

    pub(crate) fn builder<'s>(&self, spec: &'s Spec) -> Builder<'s> {
        let builder = Builder::new(spec, Mti::new(self.mti).expect("four digits"));
        self.fields.iter().fold(builder, |builder, (number, text)| builder.text(*number, text))
    }
}

/// MMDDhhmmss of now, UTC.
pub(crate) fn now_text() -> String {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let day = i32::try_from(now / 86_400).expect("days");
    let date = feiqian_core::calendar::Date::of_days(day).expect("a date");
    let (hour, minute, second) = (now / 3_600 % 24, now / 60 % 60, now % 60);
    format!("{:02}{:02}{hour:02}{minute:02}{second:02}", date.month, date.day)
}
