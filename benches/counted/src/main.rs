//! Work whose instructions `.ci/instructions` counts: a measure that no other process on the machine disturbs. What
//! is counted stands in functions of its own, by whose names the counter is switched on and off.
#![expect(clippy::print_stderr, reason = "a program that says what it was asked wrongly")]

use std::hint::black_box;
use std::process::ExitCode;

use counted::chain::{Made, NoRepetition};
use counted::core_loop::{CoreLoop, FRAME};
use feiqian_core::batch::{Batch, Payload};
use feiqian_core::state::History;
use feiqian_core::transfer::Record;
use feiqian_proof::hash::{Domain, Hash, hash_many};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [kind, frames] => frames.parse().map_err(|_| usage()).and_then(|frames| run(kind, frames)),
        _ => Err(usage()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("counted: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    "counted KIND FRAMES".to_owned()
}

/// Does so many frames of one kind of work: `core_loop`, `record_check` or `leaf_hashing`.
fn run(kind: &str, frames: usize) -> Result<(), String> {
    let (mut state, mut maker) = CoreLoop::ready(8_000, NoRepetition(ask_ahead));
    for _ in 0..frames {
        let frame = maker.transfers(FRAME);
        match kind {
            "core_loop" => counted_core_loop(&mut state, &frame),
            "record_check" => counted_record_check(&batch_of(&frame)),
            "leaf_hashing" => counted_leaf_hashing(&vec![[7; 192]; FRAME], &mut Vec::with_capacity(FRAME)),
            _ => return Err(format!("{kind} is no kind of work")),
        }
    }
    Ok(())
}

fn batch_of(frame: &Made) -> Batch {
    let payload = Payload::parse(&frame.payload, frame.count).expect("a made frame is whole");
    Batch::new(0, payload.records.to_vec())
}

/// In place of the engine's prefetch: what asks still works out the address, and it is stored, not fetched. That is 28
/// instructions a transfer more than the prefetch takes.
#[inline]
fn ask_ahead(at: *const u8) {
    black_box(at);
}

#[inline(never)]
fn counted_core_loop(state: &mut CoreLoop<impl History>, frame: &Made) {
    state.apply(frame);
}

/// What admission and every examination ask of a record by itself.
#[inline(never)]
fn counted_record_check(batch: &Batch) {
    let plain = |record: &&Record| black_box(record.is_clean() && record.is_plain(record.currency.get()));
    assert!(batch.is_within_limits() && batch.records.iter().filter(plain).count() == FRAME);
}

#[inline(never)]
fn counted_leaf_hashing(leaves: &[[u8; 192]], hashes: &mut Vec<Hash>) {
    hash_many(Domain::TransferLeaf, black_box(leaves), hashes);
}
