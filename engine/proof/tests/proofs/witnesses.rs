//! What witnesses are asked, what they refuse, and which cosignatures make a block WITNESSED.

use std::collections::BTreeMap;

use feiqian_proof::checkpoint::{Checkpoint, log_key};
use feiqian_proof::consistency::consistency_path;
use feiqian_proof::cosignature::{cosign, witness_key};
use feiqian_proof::cosignature_book::{CosignatureBook, CosignatureRefusal, OPEN_SIZES_MAX};
use feiqian_proof::hash::Hash;
use feiqian_proof::log::{LogHead, empty_root, leaf_hash, node_hash};
use feiqian_proof::note::{Note, VerifierKey};
use feiqian_proof::policy::{PolicyError, WitnessGroups, WitnessPolicy};
use feiqian_proof::signature::{PublicKey, SigningKey};
use feiqian_proof::tiles::Edge;
use feiqian_proof::witness::{AddCheckpoint, WitnessRefusal, judge};

const ORIGIN: &str = "feiqian/00000000000000000000000000000001";

fn secret(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

fn name(number: u8) -> String {
    format!("bank{number}.example/witness")
}

fn witness(number: u8) -> VerifierKey {
    witness_key(&name(number), PublicKey::of(&secret(number))).expect("a name")
}

fn groups(rows: &[(&str, &[u8])]) -> WitnessGroups {
    rows.iter()
        .map(|(group, numbers)| ((*group).to_owned(), numbers.iter().copied().map(witness).collect()))
        .collect()
}

/// Heads of a log whose entry `i` is `i` in text, of sizes 0 to `size`.
fn heads(size: u64) -> Vec<LogHead> {
    let mut edge = Edge::default();
    let mut heads = vec![LogHead { size: 0, root: empty_root() }];
    for entry in 0..size {
        edge.push(leaf_hash(entry.to_string().as_bytes()));
        heads.push(LogHead { size: entry + 1, root: edge.root() });
    }
    heads
}

fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|entry| leaf_hash(entry.to_string().as_bytes())).collect()
}

/// A checkpoint signed by the operator, whose key is number 0, and cosigned by these witnesses.
fn cosigned(head: LogHead, witnesses: &[u8]) -> Vec<u8> {
    let checkpoint = Checkpoint::new(ORIGIN, head);
    let mut lines = vec![checkpoint.sign(&secret(0)).expect("signs")];
    for number in witnesses {
        lines.push(cosign(&secret(*number), &name(*number), 5, &checkpoint.to_string()).expect("a name"));
    }
    Note::new(checkpoint.to_string(), lines).expect("a text").to_string().into_bytes()
}

#[test]
fn a_policy_is_met_by_enough_of_each_group() {
    let groups = groups(&[("banks", &[1, 2, 3]), ("network", &[9])]);
    let text = "banks 2 of 3 and network 1 of 1";
    let policy = WitnessPolicy::parse(text, &groups).expect("a policy");
    assert_eq!(policy.to_string(), text);
    let rows: [(&[u8], bool); 9] = [
        (&[1, 2, 9], true),
        (&[3, 9, 1], true),
        (&[1, 2, 3, 9], true),
        (&[], false),
        (&[9], false),
        (&[1, 9], false),
        (&[1, 2, 3], false),
        // One bank that signs twice is one bank; strangers are none.
        (&[1, 1, 9], false),
        (&[1, 8, 9], false),
    ];
    for (signers, is_met) in rows {
        let keys: Vec<VerifierKey> = signers.iter().copied().map(witness).collect();
        assert_eq!(policy.is_met(&keys.iter().collect::<Vec<_>>()), is_met, "{signers:?}");
        let note = Note::parse(&cosigned(heads(3)[3], signers)).expect("a note");
        assert_eq!(policy.is_met_by(&note), is_met, "{signers:?} as lines");
    }
}

#[test]
fn policies_that_say_nothing_or_too_much_are_refused() {
    let all = groups(&[("banks", &[1, 2, 3]), ("network", &[9])]);
    let twice = |name: &str| PolicyError::Twice(name.to_owned());
    let rows = [
        ("", PolicyError::Form(1)),
        ("banks 2 of 3 and", PolicyError::Form(1)),
        ("banks 0 of 3 and network 1 of 1", PolicyError::Form(1)),
        ("banks 4 of 3 and network 1 of 1", PolicyError::Form(1)),
        ("banks 02 of 3 and network 1 of 1", PolicyError::Form(1)),
        ("banks 2 of 3 or network 1 of 1", PolicyError::Form(1)),
        ("banks 2 of 3 and network 1  of 1", PolicyError::Form(2)),
        ("Banks 2 of 3 and network 1 of 1", PolicyError::Form(1)),
        ("banks 2 of 3", PolicyError::Unused("network".to_owned())),
        ("banks 2 of 3 and network 1 of 1 and banks 1 of 3", twice("banks")),
        ("banks 2 of 3 and cards 1 of 1", PolicyError::Unknown("cards".to_owned())),
        ("banks 2 of 4 and network 1 of 1", PolicyError::Keys("banks".to_owned(), 3)),
    ];
    for (text, error) in rows {
        assert_eq!(WitnessPolicy::parse(text, &all), Err(error), "{text}");
    }
    let shared = groups(&[("banks", &[1, 2]), ("network", &[2])]);
    assert_eq!(
        WitnessPolicy::parse("banks 1 of 2 and network 1 of 1", &shared),
        Err(PolicyError::Key(witness(2).to_string()))
    );
    // The same key under another name would count twice as well.
    let renamed = witness_key("other.example", PublicKey::of(&secret(1))).expect("a name");
    let shared = BTreeMap::from([("banks".to_owned(), vec![witness(1), renamed.clone()])]);
    assert_eq!(WitnessPolicy::parse("banks 1 of 2", &shared), Err(PolicyError::Key(renamed.to_string())));
    let operator = log_key(ORIGIN, PublicKey::of(&secret(0))).expect("a name");
    let wrong = BTreeMap::from([("banks".to_owned(), vec![operator.clone()])]);
    assert_eq!(WitnessPolicy::parse("banks 1 of 1", &wrong), Err(PolicyError::Kind(operator.to_string())));
}

fn book() -> CosignatureBook {
    let groups = groups(&[("banks", &[1, 2, 3]), ("network", &[9])]);
    let policy = WitnessPolicy::parse("banks 2 of 3 and network 1 of 1", &groups).expect("a policy");
    CosignatureBook::new(ORIGIN, policy)
}

#[test]
fn the_witnessed_size_is_the_largest_that_meets_the_policy() {
    let (mut book, heads) = (book(), heads(6));
    let root_at = |size: u64| heads.get(usize::try_from(size).expect("small")).map(|head| head.root);
    let rows: [(usize, &[u8], u64); 7] = [
        (2, &[1], 0),
        (3, &[1, 2], 0),
        (2, &[9], 0),
        // At 2 only now, although 3 has two banks as well.
        (2, &[3], 2),
        (5, &[1, 2, 3, 9], 5),
        (6, &[9], 5),
        (5, &[9], 5),
    ];
    for (size, witnesses, witnessed) in rows {
        assert_eq!(book.take(&cosigned(heads[size], witnesses), root_at), Ok(size as u64));
        assert_eq!(book.witnessed(), witnessed, "after {size} by {witnesses:?}");
    }
    assert_eq!(book.lines(5).len(), 4);
    assert_eq!(book.take(&cosigned(heads[4], &[1]), root_at), Err(CosignatureRefusal::Old(4)));
    let mut note = Note::parse(&cosigned(heads[5], &[])).expect("a note");
    note.signatures.extend(book.lines(5));
    assert!(book.policy().is_met_by(&note));
}

#[test]
fn the_book_takes_only_what_witnesses_signed_of_this_log() {
    let (mut book, heads) = (book(), heads(4));
    let root_at = |size: u64| heads.get(usize::try_from(size).expect("small")).map(|head| head.root);
    let ahead = LogHead { size: 5, root: heads[4].root };
    assert_eq!(book.take(&cosigned(ahead, &[1]), root_at), Err(CosignatureRefusal::Ahead(5)));
    let fork = LogHead { size: 3, root: heads[4].root };
    let witness = name(1);
    assert_eq!(book.take(&cosigned(fork, &[1]), root_at), Err(CosignatureRefusal::Fork { size: 3, witness }));
    assert_eq!(book.take(&cosigned(heads[3], &[]), root_at), Err(CosignatureRefusal::Unknown));
    assert_eq!(book.take(&cosigned(heads[3], &[7]), root_at), Err(CosignatureRefusal::Unknown));
    let mut note = Note::parse(&cosigned(heads[3], &[1, 2])).expect("a note");
    note.signatures[2].bytes[20] ^= 1;
    let forged = note.to_string().into_bytes();
    assert_eq!(book.take(&forged, root_at), Err(CosignatureRefusal::Forged(name(2))));
    let other = Checkpoint::new("feiqian/other", heads[3]);
    let line = cosign(&secret(1), &name(1), 5, &other.to_string()).expect("a name");
    let other = Note::new(other.to_string(), vec![line]).expect("a text").to_string();
    let refused = book.take(other.as_bytes(), root_at);
    assert_eq!(refused, Err(CosignatureRefusal::Origin("feiqian/other".to_owned())));
    assert!(matches!(book.take(b"", root_at), Err(CosignatureRefusal::Note(_))));
    assert_eq!(book.witnessed(), 0);
    assert!((0..6).all(|size| book.lines(size).is_empty()), "a refusal leaves no trace");
}

#[test]
fn i6_the_book_is_bounded() {
    let mut book = book();
    let root = leaf_hash(b"any");
    let most = OPEN_SIZES_MAX as u64;
    for size in 1..=most + 10 {
        assert_eq!(book.take(&cosigned(LogHead { size, root }, &[1]), |_| Some(root)), Ok(size));
    }
    assert_eq!((book.lines(10).len(), book.lines(11).len()), (0, 1));
    let old = book.take(&cosigned(LogHead { size: 10, root }, &[1]), |_| Some(root));
    assert_eq!(old, Err(CosignatureRefusal::Old(10)));
}

/// c2sp.org/tlog-witness, the example request.
const REQUEST: &str = concat!(
    "old 20852014\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\njrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n",
    "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\n",
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n",
    "\u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo",
    "+zyWE+xeMcTOAYQ8=\n\u{2014} example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49",
    "/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n"
);

#[test]
fn the_request_of_the_specification_is_read_and_written_to_the_byte() {
    let request = AddCheckpoint::parse(REQUEST.as_bytes()).expect("a request");
    assert_eq!((request.old_size, request.path.len()), (20_852_014, 4));
    assert_eq!(request.encode(), REQUEST.as_bytes());
    let refused = [
        REQUEST.replace("old 2", "old 02"),
        REQUEST.replace("old 2", "Old 2"),
        REQUEST.replace("old 20852014", "old"),
        REQUEST.replace("kaw=\n", "kaw\n"),
        REQUEST.replace("j/0=\n\n", "j/0=\n"),
        format!("old 1\n{}\n", "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n".repeat(64)),
        String::new(),
    ];
    for body in refused {
        let answer = AddCheckpoint::parse(body.as_bytes());
        let is_judged = answer.and_then(|request| judge(&request, &[], |_| None).map(drop));
        assert_eq!(is_judged, Err(WitnessRefusal::Malformed), "{body}");
    }
    // The log is unknown here, so nothing further is looked at.
    assert_eq!(judge(&request, &[], |_| None).map(drop), Err(WitnessRefusal::UnknownOrigin));
}

#[test]
fn a_witness_cosigns_what_extends_its_last_and_nothing_else() {
    let (heads, leaves) = (heads(20), leaves(20));
    let logs = [log_key(ORIGIN, PublicKey::of(&secret(0))).expect("a name")];
    let at = |size: u64| usize::try_from(size).expect("small");
    let request = |old: u64, new: u64| AddCheckpoint {
        old_size: old,
        path: match old {
            0 => Vec::new(),
            _ => consistency_path(&node_hash, &leaves[..at(new)], at(old)),
        },
        checkpoint: cosigned(heads[at(new)], &[]),
    };
    let judged = |request: &AddCheckpoint, last: u64| {
        judge(request, &logs, |origin| (origin == ORIGIN && last > 0).then(|| heads[at(last)]))
            .map(|(checkpoint, _)| checkpoint.head)
    };
    for new in 1..=20 {
        for old in 0..=new {
            assert_eq!(judged(&request(old, new), old), Ok(heads[at(new)]), "{old} to {new}");
        }
    }
    assert_eq!(judged(&request(5, 9), 6), Err(WitnessRefusal::Conflict(6)));
    assert_eq!(judged(&request(0, 9), 6), Err(WitnessRefusal::Conflict(6)));
    let smaller = AddCheckpoint { old_size: 9, ..request(0, 5) };
    assert_eq!(judged(&smaller, 9), Err(WitnessRefusal::Malformed));
    let mut cut = request(5, 9);
    cut.path.pop();
    assert_eq!(judged(&cut, 5), Err(WitnessRefusal::Inconsistent));
    let padded = AddCheckpoint { path: vec![heads[1].root], ..request(0, 5) };
    assert_eq!(judged(&padded, 0), Err(WitnessRefusal::Inconsistent));
    let other = LogHead { size: 5, root: heads[4].root };
    let forked = AddCheckpoint { checkpoint: cosigned(other, &[]), ..request(5, 5) };
    assert_eq!(judged(&forked, 5), Err(WitnessRefusal::Conflict(5)));
    let grown = AddCheckpoint { checkpoint: cosigned(LogHead { size: 9, ..other }, &[]), ..request(5, 9) };
    assert_eq!(judged(&grown, 5), Err(WitnessRefusal::Inconsistent));
    let stranger = [log_key(ORIGIN, PublicKey::of(&secret(4))).expect("a name")];
    let refused = judge(&request(5, 9), &stranger, |_| Some(heads[5])).map(drop);
    assert_eq!(refused, Err(WitnessRefusal::NotSigned));
    let statuses = [
        WitnessRefusal::Malformed,
        WitnessRefusal::NotSigned,
        WitnessRefusal::UnknownOrigin,
        WitnessRefusal::Conflict(1),
        WitnessRefusal::Inconsistent,
    ];
    assert_eq!(statuses.map(|refusal| refusal.status()), [400, 403, 404, 409, 422]);
}
