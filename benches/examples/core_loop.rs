use feiqian_benches::chain::*;
use feiqian_core::{ids::IdIndex, state::State};
use std::time::Instant;
fn main() {
    let accounts: u32 = std::env::args().nth(1).map_or(1_000_000, |a| a.parse().expect("n"));
    let (mut maker, setup) = ChainMaker::set_up(7, accounts);
    let n: usize = std::env::args().nth(2).map_or(4_000_000, |a| a.parse().expect("n"));
    let mut state = State::default();
    let mut rows = Vec::new();
    for (i, f) in setup.iter().enumerate() {
        if i == 1 { state.replace_ids(IdIndex::with_capacity(0x5EED, n + n / 2)); }
        rows.clear();
        state.apply(&f.view(), &NoRepetition, &mut rows).expect("setup");
        assert!(rows.iter().all(|r| r.outcome == 1), "{:?} at {}", rows.iter().find(|r| r.outcome != 1), f.first_sequence);
    }
    let mut cleared = 0usize;
    let mut e = std::time::Duration::ZERO;
    for _ in 0..n / 8190 {
        let f = maker.transfers(8190);
        rows.clear();
        let t = Instant::now();
        state.apply(&f.view(), &NoRepetition, &mut rows).expect("frame");
        e += t.elapsed();
        cleared += rows.iter().filter(|r| r.outcome == 1).count();
    }
    println!("core: {accounts} accounts: {:.2} M/s cleared {} of {}", n as f64 / e.as_secs_f64() / 1e6, cleared, n);
}
