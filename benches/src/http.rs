//! Single transfers over HTTP: an engine with accounts, the JSON API on it, and banks that send one transfer after the other
//! over connections that stay. Server and generator share a process, as they share the cores. Every answer is checked, and
//! at the end every balance.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use actix_web::rt::System;
use feiqian_core::account::AccountHandle;
use feiqian_core::uetr::Uetr;
use feiqian_files::{IntakeOptions, WorkDir};
use feiqian_http::{CodeKey, House, HttpOptions, Server};
use feiqian_identity::Identities;
use feiqian_identity::api_key::ApiKey;
use feiqian_runtime::options::EngineOptions;
use feiqian_runtime::pipeline::Engine;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::chain::test_operator_key;
use crate::founding::found;
use crate::generator::Numbers;
use crate::workload::Workload;
use crate::workload::layout::{FUNDS, Layout, bic};

/// Connections of the load, each with one request at a time.
pub const CONNECTIONS: u64 = 256;
/// Minor units of every transfer.
const AMOUNT: u64 = 7;
/// As it stands in a request, where it is replaced for each.
const ID: &str = "00000000-0000-4000-8000-000000000000";

/// What a run gave.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct HttpReport {
    /// Transfers a second, from the first byte sent to the last answer read.
    pub per_second: f64,
    /// From a request's write to its answer's check.
    pub p50_ms: f64,
    /// The same.
    pub p99_ms: f64,
}

/// Who pays whom over one connection: each from an account of its own.
#[derive(Clone, Copy, Debug)]
struct Lane {
    participant: u32,
    debtor: AccountHandle,
    creditor: AccountHandle,
    share: u64,
    seed: u64,
}

/// Pays `count` times on a fresh directory; all connections share them.
///
/// # Errors
/// What went wrong, or did not hold, in words.
pub fn run(folder: &Path, count: u64) -> Result<HttpReport, String> {
    let data = folder.join("http");
    let _ = std::fs::remove_dir_all(&data);
    std::fs::create_dir_all(&data).map_err(|fault| fault.to_string())?;
    let workload = Workload { currencies: 1, ..Workload::plain(10_000) };
    let layout = Layout::fresh(&workload);
    let engine = Engine::create(&EngineOptions::new(data.clone()), test_operator_key(), &Layout::genesis());
    let engine = engine.map_err(|fault| fault.to_string())?;
    found(&engine, &layout)?;
    let lanes = lanes(&layout, count);
    let work = WorkDir::create(data.join("work")).map_err(|fault| fault.to_string())?;
    let report = measure(&engine, IntakeOptions::new(work, bic(0)), &lanes);
    let held = report.and_then(|report| check(&engine, &lanes).map(|()| report));
    engine.shutdown();
    drop(engine);
    let _ = std::fs::remove_dir_all(&data);
    held
}

/// Each participant pays the next one.
fn lanes(layout: &Layout, count: u64) -> Vec<Lane> {
    let participants = layout.ranges.len() as u64;
    let account = |participant: u64, number: u64| {
        let range = layout.ranges[(participant % participants) as usize][0];
        range.first + number / participants
    };
    let lane = |number: u64| Lane {
        participant: (number % participants) as u32,
        debtor: account(number, number),
        creditor: account(number + 1, number),
        share: count / CONNECTIONS + u64::from(number < count % CONNECTIONS),
        seed: number,
    };
    (0..CONNECTIONS).map(lane).collect()
}

/// TEST KEY of a participant's caller.
fn test_api_key(participant: u32) -> ApiKey {
    let mut secret = *b"TEST KEY: API of a load's bank .";
    secret[31] = participant as u8;
    ApiKey::new([participant as u8; 8], secret)
}

fn identities(lanes: &[Lane]) -> Result<Identities, String> {
    let participants = lanes.iter().map(|lane| lane.participant).max().map_or(0, |last| last + 1);
    let caller = |participant| {
        let key = test_api_key(participant);
        format!(
            "[[caller]]\nname = \"load-{participant}\"\nparticipant = \"{}\"\nroles = [\"submitter\"]\n\
             [[caller.api_key]]\nid = \"{}\"\nhash = \"{}\"\nroles = [\"submitter\"]\n\
             expires = 2100-01-01T00:00:00Z\n",
            bic(participant),
            key.id(),
            key.hash()
        )
    };
    let text: String = (0..participants).map(caller).collect();
    Identities::parse(&text, 0).map_err(|fault| fault.to_string())
}

fn measure(engine: &Engine, files: IntakeOptions, lanes: &[Lane]) -> Result<HttpReport, String> {
    let options = HttpOptions { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..HttpOptions::default() };
    let identities = Arc::new(identities(lanes)?);
    let (engine, (tell, told)) = (engine.clone(), std::sync::mpsc::channel());
    let (end, ended) = oneshot::channel::<()>();
    let serving = std::thread::spawn(move || {
        System::new().block_on(async {
            let started = Server::start(
                engine,
                House {
                    files,
                    codes: CodeKey::new(b"TEST KEY: codes of a benchmark.."),
                    scanner: None,
                    webhooks: None,
                },
                identities,
                options,
            );
            let _ = tell.send(started.as_ref().map(Server::address).map_err(ToString::to_string));
            if let Ok(server) = started {
                let _ = ended.await;
                server.stop().await;
            }
        });
    });
    let address = told.recv().map_err(|fault| fault.to_string())?;
    let report = address.and_then(|address| drive(address, lanes));
    drop(end);
    serving.join().map_err(|_| "the server has failed")?;
    report
}

/// All connections on one thread.
fn drive(address: SocketAddr, lanes: &[Lane]) -> Result<HttpReport, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|fault| fault.to_string())?.block_on(async {
        let begun = Instant::now();
        let connections: Vec<_> = lanes.iter().map(|lane| tokio::spawn(pay(address, *lane))).collect();
        let mut latencies = Vec::new();
        for connection in connections {
            latencies.extend(connection.await.map_err(|fault| fault.to_string())??);
        }
        let per_second = latencies.len() as f64 / begun.elapsed().as_secs_f64();
        latencies.sort_unstable();
        let at = |percent: usize| {
            let index = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
            f64::from(latencies.get(index).copied().unwrap_or(0)) / 1e3
        };
        Ok(HttpReport { per_second, p50_ms: at(50), p99_ms: at(99) })
    })
}

/// One connection's side: a request, its answer, the next; gives microseconds each.
async fn pay(address: SocketAddr, lane: Lane) -> Result<Vec<u32>, String> {
    let mut stream = TcpStream::connect(address).await.map_err(|fault| fault.to_string())?;
    stream.set_nodelay(true).map_err(|fault| fault.to_string())?;
    let mut request = request(&lane);
    let at = find(&request, ID.as_bytes()).ok_or("the request has no id")?;
    let mut numbers = Numbers::new(lane.seed);
    let (mut received, mut latencies) = (Vec::with_capacity(4_096), Vec::new());
    for _ in 0..lane.share {
        let id = Uetr::new(numbers.id()).map(|id| id.to_string()).ok_or("no id")?;
        request[at..at + ID.len()].copy_from_slice(id.as_bytes());
        let sent = Instant::now();
        stream.write_all(&request).await.map_err(|fault| fault.to_string())?;
        received.clear();
        while !is_whole(&received) {
            if stream.read_buf(&mut received).await.map_err(|fault| fault.to_string())? == 0 {
                return Err("the server has closed a connection".to_owned());
            }
        }
        let is_cleared = received.starts_with(b"HTTP/1.1 201 ")
            && find(&received, id.as_bytes()).is_some()
            && find(&received, b"\"state\":\"CLEARED\"").is_some();
        if !is_cleared {
            return Err(format!("not cleared: {}", String::from_utf8_lossy(&received)));
        }
        latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(latencies)
}

fn request(lane: &Lane) -> Vec<u8> {
    let Lane { debtor, creditor, .. } = lane;
    let body = format!(
        "{{\"uetr\":\"{ID}\",\"debtor\":\"{debtor}\",\"creditor\":\"{creditor}\",\
         \"amount\":{{\"amount\":\"0.0{AMOUNT}\",\"currency\":\"EUR\"}}}}"
    );
    let key = test_api_key(lane.participant).reveal();
    let head = format!(
        "POST /v1/transfers HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head, body].concat().into_bytes()
}

/// Whether an answer has come with all of its body.
fn is_whole(received: &[u8]) -> bool {
    let Some(end) = find(received, b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&received[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    received.len() >= end + 4 + length.unwrap_or(0_usize)
}

fn find(within: &[u8], sought: &[u8]) -> Option<usize> {
    within.windows(sought.len()).position(|window| window == sought)
}

/// Every account has lost what it has paid and gained what it was paid.
fn check(engine: &Engine, lanes: &[Lane]) -> Result<(), String> {
    engine.seal().map_err(|busy| busy.to_string())?;
    let mut expected: BTreeMap<AccountHandle, i128> = BTreeMap::new();
    for lane in lanes {
        let moved = i128::from(lane.share * AMOUNT);
        *expected.entry(lane.debtor).or_insert(FUNDS.into()) -= moved;
        *expected.entry(lane.creditor).or_insert(FUNDS.into()) += moved;
    }
    let handles: Vec<_> = expected.keys().copied().collect();
    let balances: Vec<_> = engine.ask(move |sealer| {
        handles.iter().map(|at| sealer.mirror().account(*at).map(|cell| cell.balance)).collect()
    });
    match expected.values().copied().map(Some).eq(balances) {
        true => Ok(()),
        false => Err("a balance is not what was paid".to_owned()),
    }
}
