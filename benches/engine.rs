//! Micro-benchmarks of the engine's stages, each alone, with its result checked: `cargo bench -p benches`.
//!
//! Figures count transfers a second. Frames are made just before they are used, outside of the measured time,
//! as they come from the network in the caches. `RESULTS.md` keeps figures with their conditions.

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::cards::authorisation;
use benches::chain::{ChainMaker, Made, NoRepetition, test_operator_key};
use benches::core_loop::{self, FRAME};
use benches::generator::Numbers;
use benches::load::Load;
use benches::workload::layout::Layout;
use benches::workload::maker::{MadeBatch, Maker, Shape};
use benches::workload::{Distribution, Workload};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use feiqian_core::block::Sealer;
use feiqian_core::frame::FrameKind;
use feiqian_core::hold::{Hold, HoldTable, Holds};
use feiqian_core::ids::{IdFilter, IdIndex, RUN_ENTRIES};
use feiqian_core::liquidity::gridlock::gridlock;
use feiqian_core::liquidity::resolve::{Bounds, resolve};
use feiqian_core::state::State;
use feiqian_iso8583::spec::{Spec, UNIONPAY};
use feiqian_iso8583::{Builder, Message};
use feiqian_proof::hash::{Domain, hash_many};
use feiqian_proof::tree::root_of;
use feiqian_runtime::history::prefetch;
use feiqian_runtime::journal::{Journal, JournalOptions, SequencedFrame, Spare};
use feiqian_runtime::options::EngineOptions;
use feiqian_runtime::replay::replay;
use feiqian_runtime::storage::files::FileStorage;

fn plain_loop(c: &mut Criterion) {
    const FRAMES: usize = 244;
    let mut group = c.benchmark_group("plain core loop, 2,000,000 transfers");
    group.throughput(Throughput::Elements((FRAMES * FRAME) as u64));
    for accounts in [10_000, 1_000_000] {
        group.bench_function(BenchmarkId::new("accounts", accounts), |b| {
            b.iter_custom(|runs| {
                (0..runs).map(|_| core_loop::run(accounts, FRAMES, NoRepetition(prefetch))).sum()
            });
        });
    }
    group.finish();
}

/// What the load generator itself costs: full batches into a buffer that is used again.
fn making(c: &mut Criterion) {
    let mut group = c.benchmark_group("making batches, 1,000,000 accounts");
    group.throughput(Throughput::Elements(FRAME as u64));
    let plain = Workload::plain(1_000_000);
    let kinds = [
        ("plain", plain.clone()),
        ("zipf", Workload { distribution: Distribution::Zipf(0.99), ..plain.clone() }),
        ("all kinds", Workload { two_phase_share: 0.3, chain_share: 0.1, reject_share: 0.05, ..plain }),
    ];
    for (name, workload) in kinds {
        let layout = Layout::fresh(&workload);
        let mut maker = Maker::new(&Shape::new(workload, layout), 0, 2);
        let mut made = MadeBatch::default();
        // Here too, where only other benchmarks are asked for.
        maker.fill(FRAME, &mut made);
        assert_eq!(made.records.len(), FRAME);
        group.bench_function(name, |b| b.iter(|| maker.fill(FRAME, &mut made)));
    }
    group.finish();
}

/// Taking ids that were never there, in an index that has a million behind its filter.
fn id_index(c: &mut Criterion) {
    const HELD: u64 = 1_000_000;
    let mut group = c.benchmark_group("id index, 1,000,000 ids behind the filter");
    group.throughput(Throughput::Elements(FRAME as u64));
    group.bench_function("new ids", |b| {
        let mut numbers = Numbers::new(3);
        b.iter_custom(|frames| {
            let index = IdIndex::new(0x5EED).with_runs_of(RUN_ENTRIES);
            // Room for what it takes: growing is not measured here.
            let room =
                usize::try_from(HELD + frames * FRAME as u64).expect("a benchmark's ids lie in memory");
            let mut filter = IdFilter::for_ids(room);
            (0..HELD).for_each(|_| filter.insert(index.hash(numbers.id())));
            let mut index = index.behind(HELD + 1, filter);
            let mut elapsed = Duration::ZERO;
            for first in (0..frames).map(|frame| HELD + 1 + frame * FRAME as u64) {
                let ids: Vec<u128> = (0..FRAME).map(|_| numbers.id()).collect();
                let begun = Instant::now();
                let taken = ids
                    .iter()
                    .zip(first..)
                    .filter(|(id, at)| index.take_unseen(index.hash(**id), *at))
                    .count();
                elapsed += begun.elapsed();
                assert!(taken * 100 > FRAME * 99, "the filter errs once in a thousand");
                if let Some(full) = index.take_full(first + FRAME as u64) {
                    drop(full.table.sorted());
                    let end = full.range.1;
                    drop(full);
                    for table in index.stored(end).into_iter().filter_map(Arc::into_inner) {
                        index.offer_spare(table.emptied());
                    }
                }
            }
            elapsed
        });
    });
    group.finish();
}

/// Steps of the holds between two looks at the time.
const STEPS_A_TURN: u64 = 4_096;

/// Two-phase transfers as holds alone: each begins, and later ends in another order than it began.
fn holds(c: &mut Criterion) {
    const STEPS: u64 = 524_288;
    let mut group = c.benchmark_group("holds, one insert and one remove");
    group.throughput(Throughput::Elements(STEPS));
    for pending in [8_192_u64, 1_048_576] {
        let mut number = 0;
        let mut holds = Holds::new(0x5EED);
        let mut mirror = HoldTable::new(0x5EED);
        let mut run = |steps: u64| {
            let mut elapsed = [Duration::ZERO; 2];
            for _ in 0..steps / STEPS_A_TURN {
                let begun = Instant::now();
                for _ in 0..STEPS_A_TURN / 16 {
                    // Of each 64 neighbours the last ends first: ends come near the beginnings' order.
                    let ended = |number: u64| number.checked_sub(pending).map(|ended| hold_id(ended ^ 63));
                    let next = number + 1..=number + 16;
                    // Stands for the plain loop's prefetches.
                    holds.touch(next.clone().map(hold_id).chain(next.clone().filter_map(ended)));
                    for number in next {
                        holds.insert(hold_id(number), hold_of(number));
                        if let Some(ended) = ended(number) {
                            black_box(holds.remove(ended));
                        }
                    }
                    number += 16;
                }
                assert_eq!(holds.expire_next(hold_of(number).deadline - 604_799_000_000_000), None);
                elapsed[0] += begun.elapsed();
                if number % 65_536 == 0 {
                    let changed = holds.take_changed();
                    let begun = Instant::now();
                    absorb(&mut mirror, &changed);
                    elapsed[1] += begun.elapsed();
                }
            }
            elapsed
        };
        run(pending.next_multiple_of(65_536) + 65_536);
        for (at, place) in ["pending", "the mirror, pending"].into_iter().enumerate() {
            group.bench_function(BenchmarkId::new(place, pending), |b| {
                b.iter_custom(|runs| (0..runs).map(|_| run(STEPS)[at]).sum());
            });
        }
        assert!(holds.len() as u64 <= pending + 64 && mirror.len() as u64 <= pending + 65_536);
    }
    group.finish();
}

/// As the batcher's mirror does.
fn absorb(mirror: &mut HoldTable, changes: &[(u128, Option<Hold>)]) {
    for changes in changes.chunks(32) {
        mirror.touch(changes.iter().map(|(id, _)| *id));
        for (id, hold) in changes {
            match hold {
                Some(hold) => mirror.insert(*id, *hold),
                None => mirror.remove(*id),
            };
        }
    }
}

/// Spread over all bits, as UETRs are.
fn hold_id(number: u64) -> u128 {
    u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
}

/// A week's hold: 750,000 begin in a second, 2,457 in a frame.
fn hold_of(number: u64) -> Hold {
    let deadline = 604_800_000_000_000 + number / 2_457 * 3_276_000;
    Hold {
        debtor: number % 999,
        creditor: number % 998,
        amount: 100,
        sequence: number,
        deadline,
        purpose: [0; 4],
    }
}

fn sealing(c: &mut Criterion) {
    let (mut maker, set_up) = ChainMaker::set_up(7, 10_000);
    let mut state = State::default();
    let mut sealer = Sealer::default();
    let mut height = 0;
    let mut step = |state: &mut State, sealer: &mut Sealer, frame: &Made| {
        let mut rows = Vec::new();
        let applied =
            state.apply(&frame.view(), &NoRepetition(prefetch), &mut rows).expect("the frame is the next");
        let begun = Instant::now();
        let header = sealer.absorb(&frame.view(), &rows, applied.delta.as_ref()).expect("a good frame");
        height = header.map_or(height, |header| header.height);
        (begun.elapsed(), height)
    };
    for frame in &set_up {
        step(&mut state, &mut sealer, frame);
    }
    let mut group = c.benchmark_group("block sealing, 32 frames a block, 10,000 accounts");
    group.throughput(Throughput::Elements(32 * FRAME as u64));
    group.bench_function("leaves, sub-trees, accounts, header", |b| {
        b.iter_custom(|blocks| {
            let mut elapsed = Duration::ZERO;
            for _ in 0..blocks {
                for _ in 0..32 {
                    elapsed += step(&mut state, &mut sealer, &maker.transfers(FRAME)).0;
                }
                let open = state.registry().open_block();
                let (last, sealed) = step(&mut state, &mut sealer, &maker.seal(open));
                assert_eq!(sealed, open, "the block is sealed");
                elapsed += last;
            }
            elapsed
        });
    });
    group.finish();
}

fn hashing(c: &mut Criterion) {
    let mut group = c.benchmark_group("hashing");
    let leaves = vec![[7_u8; 192]; FRAME];
    group.throughput(Throughput::Elements(FRAME as u64));
    group.bench_function("transfer leaves", |b| {
        let mut hashes = Vec::with_capacity(FRAME);
        b.iter(|| {
            hashes.clear();
            hash_many(Domain::TransferLeaf, black_box(&leaves), &mut hashes);
        });
    });
    let mut hashes = Vec::new();
    hash_many(Domain::TransferLeaf, &leaves, &mut hashes);
    group.bench_function("tree over leaves", |b| {
        b.iter(|| root_of(Domain::TransferNode, black_box(&hashes)));
    });
    group.finish();
}

/// A directory of this run's own, under the target directory: on the disk that is measured.
fn directory(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        std::fs::remove_dir_all(&path).expect("an earlier run's directory can be removed");
    }
    path
}

fn journal(c: &mut Criterion) {
    let storage = FileStorage::open(&directory("bench-journal")).expect("a fresh directory");
    let options = JournalOptions::new([1; 16]);
    let (mut journal, _) =
        Journal::recover(storage, options, 0, None, |_| Ok::<_, ()>(())).expect("a fresh journal");
    let (mut maker, _) = ChainMaker::set_up(7, 8_000);
    let mut next = 1;
    let mut group = c.benchmark_group("journal: one group, one sync");
    for frames in [1_usize, 4] {
        group.throughput(Throughput::Elements((frames * FRAME) as u64));
        group.bench_function(BenchmarkId::new("frames of 8,190", frames), |b| {
            b.iter_custom(|groups| {
                let mut elapsed = Duration::ZERO;
                for _ in 0..groups {
                    let group: Vec<_> = (0..frames)
                        .map(|_| {
                            let made = maker.transfers(FRAME);
                            let first_sequence = next;
                            next += FRAME as u64;
                            sequenced(made, first_sequence)
                        })
                        .collect();
                    if journal.wants_spare() {
                        let spare = journal.preparer().prepare(Spare::Filled).expect("room for a segment");
                        journal.offer_spare(spare).expect("a spare is wanted");
                    }
                    let begun = Instant::now();
                    let durable = journal.append(group).expect("the group is durable");
                    elapsed += begun.elapsed();
                    assert_eq!(durable.len(), frames);
                }
                elapsed
            });
        });
    }
    group.finish();
}

fn sequenced(made: Made, first_sequence: u64) -> SequencedFrame {
    SequencedFrame {
        kind: FrameKind::Transfers,
        epoch: 1,
        first_sequence,
        count: made.count,
        timestamp: made.timestamp,
        payload: made.payload,
    }
}

/// The whole pipeline in one process: batches in, durable outcomes out, blocks sealed.
fn pipeline(c: &mut Criterion) {
    const TRANSFERS: usize = 1_000_000;
    let mut group = c.benchmark_group("pipeline, 1,000,000 transfers, 10,000 accounts");
    group.throughput(Throughput::Elements(TRANSFERS as u64));
    for shards in [1, 2] {
        let mut options = EngineOptions::new(directory(&format!("bench-pipeline-{shards}")));
        options.shards = shards;
        let mut load = Load::begin(&options, &test_operator_key(), 10_000);
        group.bench_function(BenchmarkId::new("durable and sealed, shards", shards), |b| {
            b.iter_custom(|runs| (0..runs).map(|_| load.run(TRANSFERS).elapsed).sum());
        });
        load.engine().shutdown();
    }
    group.finish();
}

/// One resolution of 10,000 payments that wait, of 100 banks with so many thousandths of what they want to pay.
fn resolution(c: &mut Criterion) {
    let mut group = c.benchmark_group("resolution of 10,000 waiting payments, 100 banks");
    group.throughput(Throughput::Elements(10_000));
    for permille in [20, 5] {
        let (waiting, funds) = gridlock(7, 100, 10_000, permille);
        group.bench_function(BenchmarkId::new("liquidity, per mille", permille), |b| {
            b.iter(|| black_box(resolve(&waiting, 0, &funds, Bounds::default())));
        });
        let released: usize = resolve(&waiting, 0, &funds, Bounds::default()).iter().map(Vec::len).sum();
        assert!(released > 9_000, "{released} released");
    }
    group.finish();
}

/// Execution at several numbers of shards, with sealing, from a journal.
fn sharded(c: &mut Criterion) {
    let options = EngineOptions::new(directory("bench-replay"));
    let mut load = Load::begin(&options, &test_operator_key(), 10_000);
    load.run(500_000);
    load.engine().shutdown();
    let journal = &load.engine().archive().journal;
    let expected = replay(journal, 1).expect("the journal replays");
    let mut group = c.benchmark_group("replay of 500,000 transfers, with sealing");
    group.throughput(Throughput::Elements(expected.entries));
    for shards in [1, 2, 8] {
        group.bench_function(BenchmarkId::new("shards", shards), |b| {
            b.iter_custom(|runs| {
                let run = |_| {
                    let report = replay(journal, shards).expect("the journal replays");
                    assert_eq!(report.blocks, expected.blocks, "the same roots at any shard count");
                    report.elapsed
                };
                (0..runs).map(run).sum()
            });
        });
    }
    group.finish();
}

/// Reading an authorisation of 20 fields as UnionPay's switches send it.
fn card_messages(c: &mut Criterion) {
    let message = authorisation(123, 1_050_000);
    let mut group = c.benchmark_group("card messages");
    // Here too, where only other benchmarks are asked for.
    assert_eq!(Message::decode(&UNIONPAY, &message).expect("a message").fields().count(), 20);
    group.throughput(Throughput::Elements(1));
    group.bench_function("decode, 20 fields", |b| {
        b.iter(|| {
            let decoded = Message::decode(&UNIONPAY, black_box(&message)).expect("a message");
            black_box(&decoded);
            assert_eq!(decoded.mti().number(), 100);
        });
    });
    for (name, spec) in writings() {
        let written = written_by(&spec, &message);
        group.bench_function(format!("decode, 20 fields, {name}"), |b| {
            b.iter(|| {
                let decoded = Message::decode(&spec, black_box(&written)).expect("a message");
                black_box(&decoded);
                assert_eq!(decoded.mti().number(), 100);
            });
        });
    }
    let request = Message::decode(&UNIONPAY, &message).expect("a message");
    group.bench_function("answer, 16 fields", |b| {
        b.iter(|| {
            let answer = Builder::response_to(black_box(&request)).expect("a request");
            answer.text(38, "123456").text(39, "00").encode().expect("it fits")
        });
    });
    group.finish();
}

/// The ways of writing beside UnionPay's own, which is ASCII with a binary bitmap.
fn writings() -> [(&'static str, Spec); 4] {
    let table = |keys: &str| {
        let text = format!("name = \"bench\"\nbase = \"unionpay\"\n{keys}");
        Spec::from_toml(&text).expect("a table")
    };
    let all = |way: &str| format!("mti = \"{way}\"\ndigits = \"{way}\"\nlengths = \"{way}\"\n");
    [
        ("hex bitmap", table("bitmap = \"hex\"")),
        ("BCD", table(&all("bcd"))),
        ("EBCDIC", table(&format!("{}text = \"ebcdic\"", all("ebcdic")))),
        ("EBCDIC, hex bitmap", table(&format!("{}text = \"ebcdic\"\nbitmap = \"hex\"", all("ebcdic")))),
    ]
}

/// A message of UnionPay's by another table: the same fields, which are read again before they are measured.
fn written_by(spec: &Spec, message: &[u8]) -> Vec<u8> {
    let read = Message::decode(&UNIONPAY, message).expect("a message");
    let builder = Builder::new(spec, read.mti());
    let builder = read.fields().fold(builder, |builder, field| builder.text(field.number, &field.text()));
    let written = builder.encode().expect("it fits");
    let again = Message::decode(spec, &written).expect("a message");
    assert!(read.fields().map(|field| field.text()).eq(again.fields().map(|field| field.text())));
    written
}

/// Short runs: the load is made outside of the measured time and takes as long again.
fn short() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! { name = benches; config = short(); targets = plain_loop, making, id_index, holds, sealing, hashing, resolution, journal, pipeline, sharded, card_messages }
criterion_main!(benches);
