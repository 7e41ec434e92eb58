//! Work whose instructions `.ci/instructions` counts: a measure that no other process on the machine disturbs. What
//! is counted stands in functions of its own, by whose names the counter is switched on and off.

use std::hint::black_box;

use feiqian_core::batch::{Batch, Payload};
use feiqian_core::transfer::Record;
use feiqian_proof::hash::{Domain, Hash, hash_many};

use crate::chain::Made;
use crate::core_loop::{CoreLoop, FRAME};

/// Does so many frames of one kind of work: `core_loop`, `record_check` or `leaf_hashing`.
///
/// # Errors
/// For any other kind.
pub fn run(kind: &str, frames: usize) -> Result<(), String> {
    let (mut state, mut maker) = CoreLoop::ready(8_000);
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

#[inline(never)]
fn counted_core_loop(state: &mut CoreLoop, frame: &Made) {
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
