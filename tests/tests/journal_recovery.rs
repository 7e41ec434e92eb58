//! The recovery table of the journal, row by row: what is found at start, what it means, what is done. Damage
//! is made by hand here; `journal_crash.rs` makes it by chance.

#[path = "journal_recovery/parts.rs"]
mod parts;

use std::convert::Infallible;

use feiqian_core::frame::{FrameHeader, FrameKind, Head};
use feiqian_runtime::journal::{
    Durable, Frame, Journal, JournalFault, JournalOptions, JournalReader, ReadFault, Recovered,
    RecoveryFault, Refusal, SequencedFrame, Spare, Tail,
};
use feiqian_runtime::storage::Storage;
use feiqian_runtime::storage::files::FileStorage;
use feiqian_tests::sim_storage::{Plan, SimStorage};

const CHAIN: [u8; 16] = *b"journal recover1";
const SEGMENT_BYTES: u32 = 40_960;
const FIRST: &str = "journal/0000000001.fqj";
const SECOND: &str = "journal/0000000002.fqj";

type Opened<S> = Result<(Journal<S>, Recovered, Vec<Frame>), RecoveryFault<Infallible>>;

fn open<S: Storage>(storage: &S, acknowledged: u64, from: Option<Head>) -> Opened<S> {
    let options = JournalOptions { segment_bytes: SEGMENT_BYTES, ..JournalOptions::new(CHAIN) };
    let mut frames = Vec::new();
    let visit = |frame: Durable<Frame>| -> Result<(), Infallible> {
        frames.push(frame.into_inner());
        Ok(())
    };
    let (journal, recovered) = Journal::recover(storage.clone(), options, acknowledged, from, visit)?;
    Ok((journal, recovered, frames))
}

fn refused(storage: &SimStorage, acknowledged: u64, from: Option<Head>) -> Option<(String, u64, Refusal)> {
    match open(storage, acknowledged, from) {
        Err(RecoveryFault::Refused(refusal)) => Some((refusal.file, refusal.offset, refusal.what)),
        _ => None,
    }
}

fn frame(first_sequence: u64, count: u32, payload_bytes: usize) -> SequencedFrame {
    let payload = (0..payload_bytes).map(|at| u8::try_from(at % 251).expect("small")).collect();
    let timestamp = 1_000 + first_sequence;
    SequencedFrame { kind: FrameKind::Transfers, epoch: 1, first_sequence, count, timestamp, payload }
}

/// Two groups in one segment: sequences 1 and 2 to 4 (three frames of 1,024 bytes from offset 8192 on).
fn two_groups() -> (SimStorage, Journal<SimStorage>) {
    let storage = SimStorage::new(1, Plan::default());
    let (mut journal, ..) = open(&storage, 0, None).expect("an empty disk");
    journal.append(vec![frame(1, 1, 128)]).expect("room");
    journal.append((2..=4).map(|sequence| frame(sequence, 1, 768)).collect()).expect("room");
    (storage, journal)
}

#[test]
fn a_clean_end_goes_on_where_it_stopped() {
    let (storage, journal) = two_groups();
    journal.close().expect("closed");
    let (mut journal, recovered, frames) = open(&storage, 4, None).expect("clean");
    assert_eq!((recovered.tail, recovered.frames, recovered.head.sequence), (Tail::Clean, 4, 4));
    assert_eq!(frames.iter().map(|f| f.header.durable).collect::<Vec<_>>(), [0, 1, 1, 1]);
    assert_eq!(frames.iter().map(|f| f.header.group_behind).collect::<Vec<_>>(), [0, 2, 1, 0]);
    journal.append(vec![frame(5, 7, 0)]).expect("room");
    assert_eq!(open(&storage, 11, None).expect("clean").1.head.sequence, 11);
}

#[test]
fn a_valid_frame_behind_a_torn_one_of_its_own_group_proves_nothing_and_is_cut() {
    let (storage, _) = two_groups();
    storage.damage(FIRST, |bytes| bytes[8192 + 1024 + 300] ^= 1);
    let (mut journal, recovered, frames) = open(&storage, 0, None).expect("torn, not damaged");
    let Tail::Torn { segment: 1, offset, bytes } = recovered.tail else { panic!("{:?}", recovered.tail) };
    assert_eq!((offset, frames.len()), (8192 + 1024, 2));
    assert!(bytes > 1024);
    assert_eq!(recovered.head.sequence, 2, "the group's good beginning is kept");
    journal.append(vec![frame(3, 1, 256)]).expect("room");
    let (_, recovered, frames) = open(&storage, 3, None).expect("clean again");
    assert_eq!((recovered.tail, frames.len()), (Tail::Clean, 3));
}

#[test]
fn the_same_is_refused_once_a_mark_a_later_group_or_a_block_vouches_for_the_group() {
    let damage = |storage: &SimStorage| storage.damage(FIRST, |bytes| bytes[8192 + 1024 + 300] ^= 1);
    let (storage, journal) = two_groups();
    journal.close().expect("closed");
    damage(&storage);
    let place = |found: Option<(String, u64, Refusal)>| found.map(|(file, offset, _)| (file, offset));
    let expected = Some((FIRST.to_owned(), 8192 + 1024));
    assert_eq!(place(refused(&storage, 0, None)), expected, "a mark behind");

    let (storage, mut journal) = two_groups();
    journal.append(vec![frame(5, 1, 0)]).expect("room");
    damage(&storage);
    assert_eq!(place(refused(&storage, 0, None)), expected, "a later group behind");

    let (storage, _) = two_groups();
    damage(&storage);
    for acknowledged in 2..=4 {
        assert_eq!(place(refused(&storage, acknowledged, None)), expected, "a block at {acknowledged}");
    }
    assert!(open(&storage, 1, None).is_ok(), "which vouches for the group before only");
}

#[test]
fn damaged_padding_is_refused_where_a_group_lies_behind_and_healed_where_none_does() {
    let (storage, _) = two_groups();
    let between = storage.copy();
    between.damage(FIRST, |bytes| bytes[4096 + 384 + 10] ^= 1);
    let place = refused(&between, 0, None).map(|(file, offset, _)| (file, offset));
    assert_eq!(place, Some((FIRST.to_owned(), 4096 + 384)), "cutting would lose the second group");
    storage.damage(FIRST, |bytes| bytes[8192 + 3 * 1024 + 10] ^= 1);
    let (_, recovered, frames) = open(&storage, 4, None).expect("no frame is hurt, so nothing is lost");
    assert_eq!(frames.len(), 4);
    assert_eq!(recovered.tail, Tail::Torn { segment: 1, offset: 8192 + 3 * 1024, bytes: 1 });
}

#[test]
fn a_journal_that_ends_before_what_was_acknowledged_is_refused() {
    let (storage, _) = two_groups();
    let (file, offset, what) = refused(&storage, 5, None).expect("frame 5 is gone");
    assert_eq!((file.as_str(), offset), (FIRST, 12_288));
    assert_eq!(what, Refusal::EndsBefore { acknowledged: 5 });
    storage.lose(FIRST);
    assert!(matches!(refused(&storage, 1, None), Some((_, 0, Refusal::EndsBefore { acknowledged: 1 }))));
    assert!(open(&storage, 0, None).is_ok(), "nothing vouches for anything: an empty journal");
}

/// Groups of a block each, over three segments; the heads after each.
fn three_segments() -> (SimStorage, Vec<Head>) {
    let storage = SimStorage::new(1, Plan::default());
    let (mut journal, ..) = open(&storage, 0, None).expect("an empty disk");
    let mut heads = vec![*journal.head()];
    for sequence in 1..=20 {
        journal.append(vec![frame(sequence, 1, 3_072)]).expect("room");
        heads.push(*journal.head());
    }
    assert_eq!(storage.files().len(), 3);
    (storage, heads)
}

#[test]
fn a_missing_segment_is_refused_by_name() {
    let (storage, _) = three_segments();
    storage.lose(SECOND);
    assert_eq!(refused(&storage, 0, None), Some((SECOND.to_owned(), 0, Refusal::SegmentMissing)));
}

#[test]
fn nothing_of_a_segment_with_a_successor_is_ever_cut() {
    let (storage, _) = three_segments();
    for at in [0, 4096, 5_000, 32_768 + 3_400, 36_864, 40_959] {
        let damaged = storage.copy();
        damaged.damage(SECOND, |bytes| bytes[at] ^= 0x40);
        assert!(refused(&damaged, 0, None).is_some_and(|(file, ..)| file == SECOND), "byte {at}");
    }
    for wiped in [4096, 20_480, 32_768, 36_864] {
        let damaged = storage.copy();
        damaged.damage(SECOND, |bytes| bytes[wiped..].fill(0));
        assert!(refused(&damaged, 0, None).is_some_and(|(file, ..)| file == SECOND), "zeros from {wiped}");
    }
    let damaged = storage.copy();
    damaged.damage(SECOND, |bytes| bytes.truncate(20_480));
    assert!(refused(&damaged, 0, None).is_some());
}

#[test]
fn what_is_read_ahead_is_what_is_read_up_to_the_first_fault() {
    let options = JournalOptions { segment_bytes: SEGMENT_BYTES, ..JournalOptions::new(CHAIN) };
    let ahead = |storage: &SimStorage, wanted: u64| {
        let mut seen = Vec::new();
        let visit = |frame: Durable<Frame>, _: &JournalReader<SimStorage>| {
            let sequence = frame.header.first_sequence;
            seen.push(frame.into_inner());
            if sequence < wanted { Ok(()) } else { Err(sequence) }
        };
        let recovered = Journal::recover_ahead(storage.clone(), options, 0, None, visit);
        (recovered.map(|(_, recovered)| recovered), seen)
    };
    let (storage, _) = three_segments();
    let (_, recovered, frames) = open(&storage.copy(), 0, None).expect("clean");
    let (read, seen) = ahead(&storage.copy(), u64::MAX);
    assert_eq!((read.expect("clean"), &seen), (recovered, &frames));

    // A fault of the visitor comes before damage behind it, and damage after all frames before it.
    storage.damage(SECOND, |bytes| bytes[20_000] ^= 1);
    let (read, seen) = ahead(&storage, 3);
    assert!(matches!(read, Err(RecoveryFault::Stopped(3))), "{read:?}");
    assert_eq!(seen, frames[..3]);
    let (read, seen) = ahead(&storage, u64::MAX);
    let Err(RecoveryFault::Refused(refusal)) = read else { panic!("{read:?}") };
    assert_eq!(refusal.file, SECOND);
    assert!(!seen.is_empty() && seen.len() < frames.len() && seen == frames[..seen.len()]);
}

#[test]
fn an_empty_last_segment_is_a_clean_end() {
    let (storage, heads) = three_segments();
    let third = "journal/0000000003.fqj";
    storage.damage(third, |bytes| bytes.fill(0));
    let (mut journal, recovered, frames) = open(&storage, 0, None).expect("it may have been made just now");
    assert_eq!(recovered.tail, Tail::Clean);
    assert_eq!(recovered.head, heads[frames.len()]);
    let next = recovered.head.sequence + 1;
    journal.append(vec![frame(next, 1, 0)]).expect("room");
    assert_eq!(open(&storage, next, None).expect("clean").1.head.sequence, next);
}

#[test]
fn a_recycled_segments_older_frames_are_a_clean_end() {
    let (storage, heads) = three_segments();
    let third = "journal/0000000003.fqj";
    let old = storage.content(FIRST).expect("written");
    storage.damage(third, |bytes| bytes.copy_from_slice(&old));
    let (_, recovered, frames) = open(&storage, 0, None).expect("nothing of this segment's own is there");
    assert_eq!((recovered.tail, recovered.head), (Tail::Clean, heads[frames.len()]));
    assert!(storage.content(third).expect("there").iter().all(|byte| *byte == 0));

    let (storage, heads) = three_segments();
    let end = 4096 * (1 + 20 - 2 * 8);
    storage
        .damage(third, |bytes| bytes[end..].copy_from_slice(&old[4096..4096 + SEGMENT_BYTES as usize - end]));
    let (_, recovered, _) = open(&storage, 20, None).expect("leftovers behind the last group");
    assert_eq!((recovered.tail, recovered.head), (Tail::Clean, heads[20]));
}

#[test]
fn a_snapshot_saves_the_reading_and_must_be_of_this_chain() {
    let (storage, heads) = three_segments();
    for (at, head) in heads.iter().enumerate().skip(1) {
        let (journal, recovered, frames) = open(&storage, 0, Some(*head)).expect("on the chain");
        assert_eq!((frames.len(), recovered.frames), (20 - at, 20 - at as u64));
        assert_eq!(frames.first().map_or(21, |f| f.header.first_sequence), at as u64 + 1);
        for sequence in [1, 7, 8, 9, 15, 16, 20] {
            let read = journal.reader().frame_at(sequence).expect("also what lies before the snapshot");
            assert_eq!(read.header.first_sequence, sequence);
        }
        let mut other = *head;
        other.hash.0[0] ^= 1;
        let what = refused(&storage, 0, Some(other)).map(|(.., what)| what);
        assert_eq!(what, Some(Refusal::SnapshotElsewhere), "after frame {at}");
    }
    let mut beyond = heads[20];
    beyond.sequence = 21;
    let what = refused(&storage, 0, Some(beyond)).map(|(.., what)| what);
    assert_eq!(what, Some(Refusal::EndsBefore { acknowledged: 21 }));
}

#[test]
fn another_chains_segment_is_refused() {
    let (storage, _) = two_groups();
    let options = JournalOptions { segment_bytes: SEGMENT_BYTES, ..JournalOptions::new([9; 16]) };
    let visit = |_: Durable<Frame>| -> Result<(), Infallible> { panic!("nothing of it may be executed") };
    let opened = Journal::recover(storage, options, 0, None, visit);
    assert!(matches!(opened, Err(RecoveryFault::Refused(_))));
}

#[test]
fn a_well_formed_frame_that_does_not_follow_is_void() {
    let (storage, _) = two_groups();
    let other = SimStorage::new(1, Plan::default());
    let (mut journal, ..) = open(&other, 0, None).expect("an empty disk");
    journal.append(vec![frame(1, 1, 256)]).expect("room");
    journal.append((2..=4).map(|sequence| frame(sequence, 1, 768)).collect()).expect("room");
    let foreign = other.content(FIRST).expect("written")[8192..12_288].to_vec();

    let grafted = storage.copy();
    grafted.damage(FIRST, |bytes| bytes[8192..12_288].copy_from_slice(&foreign));
    let (_, recovered, frames) = open(&grafted, 1, None).expect("the other history is cut");
    assert_eq!((frames.len(), recovered.head.sequence), (1, 1));

    let doubled = storage.copy();
    doubled.damage(FIRST, |bytes| bytes.copy_within(8192..12_288, 12_288));
    let (_, recovered, frames) = open(&doubled, 4, None).expect("the repetition is cut");
    assert_eq!((frames.len(), recovered.head.sequence), (4, 4));
    assert!(matches!(recovered.tail, Tail::Torn { offset: 12_288, .. }));
}

#[test]
fn a_group_out_of_order_leaves_no_trace() {
    let (storage, mut journal) = two_groups();
    let before = storage.operations();
    let is_not_next = |fault: Option<JournalFault>| matches!(fault, Some(JournalFault::NotNext(_)));
    assert!(is_not_next(journal.append(vec![frame(6, 1, 0)]).err()), "a gap");
    assert!(is_not_next(journal.append(vec![frame(4, 1, 0)]).err()), "again");
    let late = SequencedFrame { timestamp: 5, ..frame(5, 1, 0) };
    assert!(is_not_next(journal.append(vec![late]).err()), "time runs back");
    let old = SequencedFrame { epoch: 0, ..frame(5, 1, 0) };
    assert!(is_not_next(journal.append(vec![old]).err()), "a replaced leader");
    for malformed in [frame(5, 0, 0), frame(5, 1, 100)] {
        assert!(matches!(journal.append(vec![malformed]), Err(JournalFault::Malformed(_))));
    }
    let long = vec![frame(5, 1, 36_864)];
    assert!(matches!(journal.append(long), Err(JournalFault::TooLarge { bytes_max: 32_768, .. })));
    assert_eq!(storage.operations(), before);
    assert!(journal.append(vec![frame(5, 1, 32_512)]).is_ok(), "the longest group fits a segment of its own");
}

#[test]
fn a_reader_follows_the_writer_and_finds_every_sequence() {
    let (_, mut journal) = two_groups();
    let reader = journal.reader();
    let mut walk = reader.frames_from(2);
    assert_eq!(
        walk.by_ref().map(|f| f.expect("readable").header.first_sequence).collect::<Vec<_>>(),
        [2, 3, 4]
    );
    assert!(walk.next().is_none());
    for first in (5..400).step_by(5) {
        journal.append(vec![frame(first, 5, 1_280)]).expect("room");
        let next = walk.next().expect("durable").expect("readable");
        assert_eq!(next.header.first_sequence, first);
    }
    for sequence in 5..400 {
        let found = reader.frame_at(sequence).expect("durable");
        assert!((found.header.first_sequence..=found.header.last_sequence()).contains(&sequence));
    }
    assert_eq!(reader.frame_at(0), Err(ReadFault::NotThere(0)));
    assert_eq!(reader.frame_at(400), Err(ReadFault::NotThere(400)));
}

#[test]
fn a_reader_names_the_place_of_damage() {
    let (storage, mut journal) = two_groups();
    journal.append(vec![frame(5, 1, 128)]).expect("room");
    storage.damage(FIRST, |bytes| bytes[8192 + 300] ^= 1);
    let reader = journal.reader();
    assert!(matches!(reader.frame_at(2), Err(ReadFault::Damaged { offset: 8192, sequence: 2, .. })));
    assert!(reader.frame_at(1).is_ok() && reader.frame_at(5).is_ok());
    assert_eq!(reader.frames_from(1).count(), 2, "a walk ends with its first fault");
}

#[test]
fn files_on_disk_recover_like_the_simulated_ones() {
    let directory = std::env::temp_dir().join(format!("feiqian-journal-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    let storage = FileStorage::open(&directory).expect("a fresh directory");
    let (mut journal, ..) = open(&storage, 0, None).expect("empty");
    let spare = journal.preparer().prepare(Spare::Filled).expect("room on disk");
    assert!(journal.offer_spare(spare).is_ok() && !journal.wants_spare());
    for sequence in 1..=20 {
        journal.append(vec![frame(sequence, 1, 3_072)]).expect("room");
    }
    let reread = journal.reader().frames_from(1).collect::<Result<Vec<_>, _>>().expect("readable");
    assert_eq!(reread.len(), 20);
    drop(journal);
    let path = directory.join("journal/0000000003.fqj");
    let mut bytes = std::fs::read(&path).expect("the third segment");
    let end = 4096 * (1 + 20 - 2 * 8);
    bytes[end - 4096 + 500] ^= 1;
    std::fs::write(&path, bytes).expect("damaged");
    let (_, recovered, frames) = open(&storage, 0, None).expect("torn");
    assert_eq!(frames.len(), 19);
    assert!(matches!(recovered.tail, Tail::Torn { segment: 3, .. }));
    assert_eq!(open(&storage, 19, None).expect("clean").1.tail, Tail::Clean);
    let _ = std::fs::remove_dir_all(&directory);
}

/// A journal of format version 1 is opened for ever, and what is written today goes on behind it.
#[test]
fn the_golden_journal_of_version_1_opens_and_goes_on() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/journal-v1.fqj");
    let golden = std::fs::read(path).expect("the golden journal is in the repository");
    let header: &[u8; 256] = golden[8192..].first_chunk().expect("a frame");
    assert_eq!(header[8], 1, "the version");
    let (header, _) = FrameHeader::decode(header).expect("a frame header");
    assert_eq!((header.first_sequence, header.durable, header.group_behind), (2, 1, 2));
    let opened = SimStorage::new(2, Plan::default());
    opened.damage(FIRST, |bytes| {
        *bytes = golden;
        bytes.resize(SEGMENT_BYTES as usize, 0);
    });
    let (mut journal, _, frames) = open(&opened, 4, None).expect("opens");
    let written: Vec<_> = [frame(1, 1, 128)].into_iter().chain((2..=4).map(|at| frame(at, 1, 768))).collect();
    assert!(frames.iter().zip(&written).all(|(found, written)| found.payload == written.payload));
    assert_eq!(frames.len(), 4);
    journal.append(vec![frame(5, 1, 768)]).expect("room in the same segment");
    assert_eq!(open(&opened, 5, None).expect("opens").2.len(), 5);
}
