use feiqian_benches::{chain::*, generator::*};
use feiqian_core::{batch::Batch, bic::Bic, command::Command, currency::Currency, transfer::Record};
use feiqian_runtime::{options::EngineOptions, pipeline::Engine};
use std::time::{Duration, Instant};
fn main() {
    let n: usize = std::env::args().nth(1).map_or(1_000_000, |a| a.parse().expect("n"));
    let accounts: u32 = std::env::args().nth(2).map_or(10_000, |a| a.parse().expect("a"));
    let shards: usize = std::env::args().nth(3).map_or(1, |a| a.parse().expect("s"));
    let dir = std::path::PathBuf::from("/tmp/eng/data");
    let _ = std::fs::remove_dir_all(&dir);
    let mut options = EngineOptions::new(dir);
    options.shards = shards;
    let mut numbers = Numbers::new(9);
    let engine = Engine::create(&options, test_operator_key(), &genesis(&mut numbers)).expect("create");
    let eur = Currency::from_code("EUR").expect("c");
    let each = accounts / 8;
    let mut own = Vec::new();
    for p in 0..8u32 {
        let bic = Bic::parse(&format!("BNK{}XX0{p}", (b'A' + p as u8) as char)).expect("bic");
        for c in [Command::RegisterParticipant { bic, name: "x".into(), key: None }, Command::OpenPosition { bic, currency: eur, cap: 1 << 58 }, Command::OpenAccounts { bic, currency: eur, count: each, credit_line: 0 }] {
            let e = approved(numbers.id(), c, b"feiqian-load-001", &test_officer_keys());
            let o = engine.command(&e).expect("c").wait().expect("o");
            assert_eq!(o.row.outcome, 1);
            if let Some(first) = o.first_account { own.push((p, first)); }
        }
    }
    let ranges: Vec<Vec<u64>> = (0..8).map(|p| { let first = own[p * 2 + 1].1; (first..first + u64::from(each)).collect() }).collect();
    let all: Vec<u64> = ranges.iter().flatten().copied().collect();
    for p in 0..8usize {
        for chunk in ranges[p].chunks(8190) {
            let recs: Vec<Record> = chunk.iter().map(|a| Record::new(numbers.id(), own[p * 2].1, *a, 100_000_000, 978)).collect();
            let o = engine.submit(Batch::new(p as u32, recs)).expect("s").wait().expect("w");
            assert!(o.rows.iter().all(|r| r.outcome == 1));
        }
    }
    let loads: Vec<Accounts> = ranges.iter().map(|r| Accounts { own: r.clone(), all: all.clone(), currency: 978 }).collect();
    let batches: Vec<Batch> = (0..n / 8190).map(|i| { let p = i % 8; Batch::new(p as u32, (0..8190).map(|_| loads[p].transfer(&mut numbers)).collect()) }).collect();
    let total = batches.len() * 8190;
    let t = Instant::now();
    let mut tickets = std::collections::VecDeque::new();
    let mut cleared = 0;
    let mut lat = Vec::new();
    for b in batches {
        let tk = engine.submit(b).expect("busy");
        tickets.push_back((Instant::now(), tk));
        if tickets.len() >= 12 { let (t0, tk) = tickets.pop_front().expect("t"); let o = tk.wait().expect("o"); lat.push(t0.elapsed()); cleared += o.rows.iter().filter(|r| r.outcome == 1).count(); }
    }
    for (t0, tk) in tickets { let o = tk.wait().expect("o"); lat.push(t0.elapsed()); cleared += o.rows.iter().filter(|r| r.outcome == 1).count(); }
    let e = t.elapsed();
    engine.seal().expect("seal");
    let e2 = t.elapsed();
    lat.sort();
    println!("engine: {shards} shards {accounts} accounts: {:.2} M/s (sealed {:.2} M/s) cleared {cleared} of {total}; p50 {:?} p99 {:?}", total as f64 / e.as_secs_f64() / 1e6, total as f64 / e2.as_secs_f64() / 1e6, lat[lat.len() / 2], lat[lat.len() * 99 / 100]);
    let t = Instant::now();
    engine.shutdown();
    println!("shutdown {:?}", t.elapsed());
    let _ = Duration::ZERO;
}
