//! Card authorisations over 64 connections: an engine with enrolled cards, the card port on it, and acquirers that keep
//! some requests in flight each. Server and generator share a process, as they share the cores. Every answer is checked, and
//! at the end what the accounts have reserved.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use feiqian_cards::{Envelope, Framing, Institution, Link, Server, ServerOptions, Vault};
use feiqian_core::command::Command;
use feiqian_iso8583::framing::LengthHeader;
use feiqian_iso8583::spec::UNIONPAY;
use feiqian_iso8583::{Builder, Message, Mti, Pan};
use feiqian_runtime::options::EngineOptions;
use feiqian_runtime::pipeline::Engine;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::chain::{CHAIN_ID, approved, test_officer_keys, test_operator_key};
use crate::founding::{command, found};
use crate::workload::Workload;
use crate::workload::layout::{Layout, bic};

/// Connections of the load.
pub const CONNECTIONS: u64 = 64;
/// Requests of a connection without an answer.
const WINDOW: u64 = 16;
/// Cards, each of another hosted account.
const CARDS: u64 = 1_000;
/// Field 32 of the first participant; the others follow.
const FIRST_INSTITUTION: u64 = 1_050_000;
/// Minor units of every authorisation.
const AMOUNT: u64 = 12_34;
/// TEST KEY of the tokens.
const SECRET: [u8; 32] = *b"TEST KEY: card tokens of a load.";

/// What a run gave.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CardsReport {
    /// Authorisations a second, from the first byte sent to the last answer read.
    pub per_second: f64,
    /// From a request's write to its answer's check.
    pub p50_ms: f64,
    /// The same.
    pub p99_ms: f64,
}

/// A test card number with its check digit.
fn card(number: u64) -> String {
    let front = format!("625094{number:09}");
    let with = |digit: u8| format!("{front}{digit}");
    let is_right = |text: &String| Pan::new(text.bytes()).is_some_and(|pan| pan.has_check_digit());
    (0..10).map(with).find(is_right).unwrap_or_default()
}

/// The fields of an authorisation as UnionPay's switches send it, 20 of them.
#[must_use]
pub fn authorisation(stan: u32, institution: u64) -> Vec<u8> {
    let builder = Builder::new(&UNIONPAY, Mti::new(100).expect("an MTI"))
        .text(2, &card(0))
        .number(3, 0)
        .number(4, AMOUNT)
        .text(7, "0316091500")
        .number(11, stan.into())
        .text(12, "171500")
        .text(13, "0316")
        .text(14, "3012")
        .text(18, "5411")
        .text(22, "021")
        .text(25, "00")
        .text(32, &institution.to_string())
        .text(33, "00010344")
        .text(37, "171500000123")
        .text(41, "12345678")
        .text(42, "123456789012345")
        .text(43, "TEST MERCHANT                 SHANGHAI")
        .text(49, "978")
        .text(60, "000005000100")
        .text(61, "01000000");
    builder.encode().expect("it fits")
}

/// Authorises `count` times on a fresh directory; 64 connections share them.
///
/// # Errors
/// What went wrong, or did not hold, in words.
pub fn run(folder: &Path, count: u64) -> Result<CardsReport, String> {
    let data = folder.join("cards");
    let _ = std::fs::remove_dir_all(&data);
    std::fs::create_dir_all(&data).map_err(|fault| fault.to_string())?;
    let workload = Workload { currencies: 1, ..Workload::plain(10_000) };
    let layout = Layout::fresh(&workload);
    let options = EngineOptions::new(data.clone());
    let engine = Engine::create(&options, test_operator_key(), &Layout::genesis());
    let engine = engine.map_err(|fault| fault.to_string())?;
    found(&engine, &layout)?;
    let accounts = enrol(&engine, &layout)?;
    let report = measure(&engine, &workload, count);
    let held = reserved(&engine, &accounts);
    engine.shutdown();
    drop(engine);
    let _ = std::fs::remove_dir_all(&data);
    let report = report?;
    match held? == count * AMOUNT {
        true => Ok(report),
        false => Err("what is reserved is not what was authorised".to_owned()),
    }
}

/// Gives every card an account, spread over all participants.
fn enrol(engine: &Engine, layout: &Layout) -> Result<Vec<u64>, String> {
    let (vault, officers) = (Vault::new(&SECRET), test_officer_keys());
    let ranges: Vec<_> = layout.ranges.iter().flatten().collect();
    let mut accounts = Vec::new();
    for number in 0..CARDS {
        let range = ranges[number as usize % ranges.len()];
        let account = range.first + number / ranges.len() as u64;
        let pan = Pan::new(card(number).bytes()).ok_or("no card number")?;
        let alias = Command::RegisterAlias { alias: vault.alias(&pan), account };
        // Beside the ids of all other commands of a load.
        command(engine, &approved(0xCA4D_0000_u128 + u128::from(number), alias, &CHAIN_ID, &officers))?;
        accounts.push(account);
    }
    Ok(accounts)
}

fn reserved(engine: &Engine, accounts: &[u64]) -> Result<u64, String> {
    engine.seal().map_err(|busy| busy.to_string())?;
    let accounts = accounts.to_vec();
    let of = move |sealer: &feiqian_core::block::Sealer| {
        accounts.iter().filter_map(|at| sealer.mirror().account(*at)).map(|cell| cell.reserved).sum()
    };
    Ok(engine.ask(of))
}

fn measure(engine: &Engine, workload: &Workload, count: u64) -> Result<CardsReport, String> {
    let participants = u64::from(workload.participants);
    let institution = |at| Institution { code: FIRST_INSTITUTION + at, participant: bic(at as u32) };
    let link = Link {
        name: "load".to_owned(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        framing: Framing { length: LengthHeader::Binary2, envelope: Envelope::Bare },
        spec: Arc::new(UNIONPAY.clone()),
        institutions: (0..participants).map(institution).collect(),
        mac: None,
        needs_sign_on: false,
        takes_file_actions: false,
    };
    let serving = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let serving = serving.map_err(|fault| fault.to_string())?;
    let inside = serving.enter();
    let tell = |_: &str, _, _: &_| {};
    let options = ServerOptions::default();
    let server = Server::start(engine.clone(), Vault::new(&SECRET), vec![link], options, tell);
    let server = server.map_err(|fault| fault.to_string())?;
    drop(inside);
    let address = server.addresses().first().ok_or("no address")?.1;
    let report = drive(address, participants, count);
    serving.block_on(server.stop());
    report
}

/// All connections on one thread.
fn drive(address: SocketAddr, participants: u64, count: u64) -> Result<CardsReport, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|fault| fault.to_string())?;
    runtime.block_on(async {
        let begun = Instant::now();
        let each = |number: u64| {
            let share = count / CONNECTIONS + u64::from(number < count % CONNECTIONS);
            let institution = FIRST_INSTITUTION + number % participants;
            tokio::spawn(Acquirer::run(address, (number, institution), share))
        };
        let connections: Vec<_> = (0..CONNECTIONS).map(each).collect();
        let mut latencies = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
        for connection in connections {
            latencies.extend(connection.await.map_err(|fault| fault.to_string())??);
        }
        let per_second = count as f64 / begun.elapsed().as_secs_f64();
        latencies.sort_unstable();
        let at = |percent: usize| {
            let index = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
            f64::from(latencies.get(index).copied().unwrap_or(0)) / 1e3
        };
        Ok(CardsReport { per_second, p50_ms: at(50), p99_ms: at(99) })
    })
}

/// One connection's side.
struct Acquirer {
    stream: TcpStream,
    /// A whole frame, patched for each request: card, trace number.
    frame: Vec<u8>,
    card_at: usize,
    trace_at: usize,
    first_trace: u64,
    /// When each request was sent; none before, and once it is answered.
    sent: Vec<Option<Instant>>,
    next: usize,
    answered: usize,
    latencies: Vec<u32>,
    cards: Vec<String>,
}

impl Acquirer {
    /// Sends `share` authorisations, some in flight, and checks every answer; gives microseconds each.
    async fn run(
        address: SocketAddr,
        (number, institution): (u64, u64),
        share: u64,
    ) -> Result<Vec<u32>, String> {
        let share = usize::try_from(share).map_err(|fault| fault.to_string())?;
        let first_trace = number * (share as u64 + 1);
        if first_trace + share as u64 > 999_999 {
            return Err("a trace number has six digits".to_owned());
        }
        let stream = TcpStream::connect(address).await.map_err(|fault| fault.to_string())?;
        stream.set_nodelay(true).map_err(|fault| fault.to_string())?;
        let message = authorisation(0, institution);
        let decoded = Message::decode(&UNIONPAY, &message).map_err(|fault| fault.to_string())?;
        let at = |field| decoded.field(field).map_or(0, |field| field.offset() + 2);
        let mut frame = Vec::new();
        LengthHeader::Binary2.write(message.len(), &mut frame).map_err(|fault| fault.to_string())?;
        let (card_at, trace_at) = (at(2), at(11));
        frame.extend(&message);
        let cards = (0..CARDS).map(card).collect();
        let sent = vec![None; share];
        let latencies = Vec::with_capacity(share);
        let (next, answered) = (0, 0);
        let mut own =
            Self { stream, frame, card_at, trace_at, first_trace, sent, next, answered, latencies, cards };
        own.drive(share).await?;
        Ok(own.latencies)
    }

    async fn drive(&mut self, share: usize) -> Result<(), String> {
        let (mut out, mut received) = (Vec::new(), Vec::with_capacity(64 * 1024));
        while self.answered < share {
            while self.next < share && self.next - self.answered < WINDOW as usize {
                self.write(&mut out);
            }
            self.stream.write_all(&out).await.map_err(|fault| fault.to_string())?;
            out.clear();
            if self.stream.read_buf(&mut received).await.map_err(|fault| fault.to_string())? == 0 {
                return Err("the port has closed the connection".to_owned());
            }
            let mut rest = &received[..];
            while let Some((message, behind)) =
                LengthHeader::Binary2.split(rest, 4_096).map_err(|fault| fault.to_string())?
            {
                self.check(message)?;
                rest = behind;
            }
            let taken = received.len() - rest.len();
            received.drain(..taken);
        }
        Ok(())
    }

    fn write(&mut self, out: &mut Vec<u8>) {
        let trace = self.first_trace + self.next as u64;
        let card = &self.cards[(trace % CARDS) as usize];
        self.frame[self.card_at..self.card_at + 16].copy_from_slice(card.as_bytes());
        self.frame[self.trace_at..self.trace_at + 6].copy_from_slice(format!("{trace:06}").as_bytes());
        out.extend(&self.frame);
        self.sent[self.next] = Some(Instant::now());
        self.next += 1;
    }

    fn check(&mut self, message: &[u8]) -> Result<(), String> {
        let answer = Message::decode(&UNIONPAY, message).map_err(|fault| fault.to_string())?;
        let code = answer.response_code().map(|code| String::from_utf8_lossy(&code).into_owned());
        if answer.mti().number() != 110 || code.as_deref() != Some("00") || answer.field(38).is_none() {
            return Err(format!("not approved: {} {code:?}", answer.mti()));
        }
        let trace =
            answer.stan().ok().flatten().map(u64::from).and_then(|at| at.checked_sub(self.first_trace));
        let sent = trace.and_then(|at| self.sent.get_mut(usize::try_from(at).ok()?)?.take());
        let sent = sent.ok_or("an answer to what was not asked, or a second one")?;
        self.latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        self.answered += 1;
        Ok(())
    }
}
