//! Random changes to proofs of all kinds, none of which a verifier may accept.
//!
//! 200,000 by default; `FEIQIAN_MUTATIONS=10000000 cargo test --release -p feiqian-proof mutations` runs more.

use std::collections::HashSet;
use std::thread;

use feiqian_proof::hash::Hash;
use feiqian_proof::kinds::{LogInclusionProof, Proof, ProofKind};

use crate::kinds::{encode, is_accepted, markets, proofs};
use crate::sample::Random;

const MUTATIONS: u64 = 200_000;
const THREADS: u64 = 2;

fn count() -> u64 {
    let text = std::env::var("FEIQIAN_MUTATIONS");
    text.map_or(MUTATIONS, |text| text.parse().expect("FEIQIAN_MUTATIONS is a number"))
}

#[test]
fn mutations_of_all_kinds_are_all_refused() {
    let proofs = proofs();
    let files: Vec<_> = proofs.iter().map(encode).collect();
    assert!(files.iter().all(|file| is_accepted(file)));
    let right: HashSet<_> = files.iter().cloned().chain(also_right(&proofs)).collect();
    thread::scope(|scope| {
        for share in 0..THREADS {
            let (proofs, files, right) = (&proofs, &files, &right);
            scope.spawn(move || {
                let (mut tried, mut seed) = (0, share << 56);
                while tried < count() / THREADS {
                    let (what, mutant) = mutate(&mut Random(seed), proofs, files);
                    // A splice can make another right proof, or the same one: those are no forgeries.
                    if !right.contains(&mutant) {
                        assert!(!is_accepted(&mutant), "{what}: seed {seed}");
                        tried += 1;
                    }
                    seed += 1;
                }
            });
        }
    });
}

/// Right proofs that a splice of these can make: of another position of the same block, or saying less: details not
/// disclosed, a cycle's end not shown, fewer ancestors, fewer cosignatures.
fn also_right(proofs: &[Proof]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let markets = markets();
    let positions = markets.iter().flat_map(|market| {
        let of = |slot| {
            [Proof::Position(market.position(slot, true)), Proof::Completeness(market.completeness(slot))]
        };
        (0..market.slots()).flat_map(of)
    });
    for mut proof in proofs.iter().cloned().chain(positions) {
        all.push(encode(&proof));
        match &mut proof {
            Proof::Receipt(receipt) => receipt.details.clear(),
            Proof::SignedBatch(batch) => batch.receipt.details.clear(),
            Proof::FormerKey(proof) => proof.batch.receipt.details.clear(),
            Proof::LogInclusion(logged) => {
                all.extend(also_logged(logged, proofs));
                logged.cosignatures.clear();
            }
            Proof::Position(position) => position.closing = None,
            Proof::Consistency(chain) => drop(chain.headers.remove(0)),
            _ => continue,
        }
        all.push(encode(&proof));
    }
    assert!(all.iter().all(|file| is_accepted(file)));
    all
}

/// The same log with a cosignature less, or about another proof of the same block.
fn also_logged(logged: &LogInclusionProof, proofs: &[Proof]) -> Vec<Vec<u8>> {
    let block = logged.block().expect("of a block");
    let fewer = (0..logged.cosignatures.len()).map(|at| {
        let mut logged = logged.clone();
        logged.cosignatures.remove(at);
        logged
    });
    let others = proofs.iter().filter_map(|other| match other {
        Proof::LogInclusion(other) if other.block() == Ok(block) => Some(other.proof.clone()),
        _ => None,
    });
    let others = others.map(|proof| LogInclusionProof { proof, ..logged.clone() });
    fewer.chain(others).map(|logged| encode(&Proof::LogInclusion(logged))).collect()
}

fn mutate(random: &mut Random, proofs: &[Proof], files: &[Vec<u8>]) -> (&'static str, Vec<u8>) {
    let at = random.below(files.len());
    if random.below(4) == 0 {
        let other = &proofs[random.below(proofs.len())];
        return mutate_parts(random, proofs[at].clone(), other);
    }
    let mut bytes = files[at].clone();
    let other = &files[random.below(files.len())];
    (mutate_bytes(random, &mut bytes, other), bytes)
}

fn mutate_bytes(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) -> &'static str {
    let at = random.below(bytes.len());
    match random.below(12) {
        0..3 => {
            bytes[at] ^= 1 << random.below(8);
            "bit flipped"
        }
        3 => {
            bytes[at] = random.byte();
            "byte set"
        }
        4 => {
            bytes.truncate(at);
            "cut"
        }
        5 => {
            bytes.extend((0..=random.below(200)).map(|_| random.byte()));
            "extended"
        }
        6 => {
            let end = (at + 1 + random.below(192)).min(bytes.len());
            bytes.drain(at..end);
            "piece removed"
        }
        7 => {
            let end = (at + (16 << random.below(4))).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
            "piece doubled"
        }
        8 => {
            let width = 8 << random.below(5);
            let (a, b) = (at, random.below(bytes.len()));
            let (a, b) = (a.min(b), a.max(b));
            if a + width <= b && b + width <= bytes.len() {
                let (left, right) = bytes.split_at_mut(b);
                left[a..a + width].swap_with_slice(&mut right[..width]);
            }
            "pieces swapped"
        }
        9 => {
            let end = (at + (1 << random.below(9))).min(bytes.len()).min(other.len());
            if at < end {
                bytes[at..end].copy_from_slice(&other[at..end]);
            }
            "piece of another"
        }
        10 => {
            let kind = ProofKind::ALL[random.below(ProofKind::ALL.len())];
            bytes[..8].copy_from_slice(kind.magic());
            "magic of another"
        }
        _ => {
            if let Some(word) = bytes.get_mut(at..at + 8) {
                let number = u64::from_le_bytes(word.try_into().expect("eight bytes"));
                let step = if random.below(2) == 0 { 1 } else { u64::MAX };
                word.copy_from_slice(&number.wrapping_add(step).to_le_bytes());
            }
            "number one off"
        }
    }
}

/// The paths of a proof.
fn paths(proof: &mut Proof) -> Vec<&mut Vec<Hash>> {
    match proof {
        Proof::Receipt(receipt) => vec![&mut receipt.path],
        Proof::Position(position) => {
            let closing = position.closing.as_mut().map(|entry| &mut entry.path);
            [Some(&mut position.path), closing].into_iter().flatten().collect()
        }
        Proof::Completeness(proof) => vec![&mut proof.position.path],
        Proof::Balance(proof) => vec![&mut proof.path],
        Proof::Consistency(_) => Vec::new(),
        Proof::LogConsistency(proof) => vec![&mut proof.path],
        Proof::Settlement(proof) => vec![&mut proof.closing.path],
        Proof::SignedBatch(proof) => vec![&mut proof.receipt.path, &mut proof.participant.path],
        Proof::FormerKey(proof) => {
            vec![&mut proof.batch.receipt.path, &mut proof.batch.participant.path]
        }
        Proof::LogInclusion(proof) => {
            let mut all = paths(&mut proof.proof);
            all.push(&mut proof.path);
            all
        }
    }
}

/// Drops, doubles or swaps an item of a list.
fn shuffle<T: Clone>(random: &mut Random, items: &mut Vec<T>) {
    if items.is_empty() {
        return;
    }
    let (at, other) = (random.below(items.len()), random.below(items.len()));
    match random.below(3) {
        0 => drop(items.remove(at)),
        1 => items.insert(other, items[at].clone()),
        _ => items.swap(at, other),
    }
}

fn mutate_parts(random: &mut Random, mut proof: Proof, other: &Proof) -> (&'static str, Vec<u8>) {
    let what = if random.below(2) == 0 {
        let mut other = other.clone();
        let others = paths(&mut other);
        let foreign = others.into_iter().flat_map(|path| path.clone()).next();
        let mut own = paths(&mut proof);
        if own.is_empty() {
            "nothing"
        } else {
            let chosen = random.below(own.len());
            let path = &mut *own[chosen];
            match foreign {
                Some(node) if random.below(2) == 0 => path.insert(random.below(path.len() + 1), node),
                _ => shuffle(random, path),
            }
            "path changed"
        }
    } else {
        match (&mut proof, other) {
            (Proof::Completeness(proof), Proof::Completeness(other)) if random.below(2) == 0 => {
                proof.transfers.clone_from(&other.transfers);
            }
            (Proof::Completeness(proof), _) => shuffle(random, &mut proof.transfers),
            (Proof::Consistency(proof), _) => shuffle(random, &mut proof.headers),
            (Proof::Settlement(proof), _) => shuffle(random, &mut proof.positions),
            (Proof::SignedBatch(proof), _) => shuffle(random, &mut proof.records),
            (Proof::FormerKey(proof), _) => shuffle(random, &mut proof.batch.records),
            (Proof::LogInclusion(proof), Proof::LogInclusion(other)) if random.below(2) == 0 => {
                proof.checkpoint = other.checkpoint;
            }
            (Proof::LogInclusion(proof), Proof::LogInclusion(other)) => proof.proof = other.proof.clone(),
            (Proof::LogInclusion(proof), _) => shuffle(random, &mut proof.cosignatures),
            (Proof::Position(proof), Proof::Position(other)) => proof.block = other.block,
            (Proof::Position(proof), _) => proof.closing = None,
            (Proof::Balance(proof), Proof::Balance(other)) => proof.leaf = other.leaf,
            (Proof::Receipt(proof), Proof::Receipt(other)) => proof.record = other.record,
            (Proof::LogConsistency(proof), _) => proof.old = proof.new,
            (Proof::Balance(proof), _) => proof.leaf.balance += 1,
            (Proof::Receipt(proof), _) => proof.index += 1,
        }
        "part changed"
    };
    // What can't be written can't be sent: then a cut file stands for it.
    (what, proof.encode().unwrap_or_default())
}
