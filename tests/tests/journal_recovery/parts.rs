//! Single entries read by the parts of their frames: the same as by whole frames, whatever the frame's version; and what
//! is damaged is found by its own part, never told wrongly, and hurts no other.

use std::convert::Infallible;

use feiqian_core::batch::{Batch, PayloadBuilder, command_payload};
use feiqian_core::frame::{FRAME_HEADER_BYTES, FrameHeader, FrameKind, Head};
use feiqian_core::transfer::Record;
use feiqian_proof::hash::{Domain, Hash, keyed};
use feiqian_runtime::history::{JournaledEntry, entry_in, entry_of, record_in};
use feiqian_runtime::journal::{
    Durable, Frame, Journal, JournalOptions, JournalReader, ReadFault, SequencedFrame, StoredFrame,
};
use feiqian_runtime::storage::Storage;
use feiqian_tests::sim_storage::{Plan, SimStorage};

const CHAIN: [u8; 16] = *b"journal parts 01";
const SEGMENT_BYTES: u32 = 1 << 20;
const FIRST: &str = "journal/0000000001.fqj";
const UNIT: usize = 128;

fn open<S: Storage>(storage: &S, chain_id: [u8; 16], segment_bytes: u32) -> (Journal<S>, Vec<Frame>) {
    let options = JournalOptions { segment_bytes, ..JournalOptions::new(chain_id) };
    let mut frames = Vec::new();
    let visit = |frame: Durable<Frame>| -> Result<(), Infallible> {
        frames.push(frame.into_inner());
        Ok(())
    };
    let (journal, _) = Journal::recover(storage.clone(), options, 0, None, visit).expect("a clean journal");
    (journal, frames)
}

fn sequenced(kind: FrameKind, first_sequence: u64, count: u32, payload: Vec<u8>) -> SequencedFrame {
    SequencedFrame { kind, epoch: 1, first_sequence, count, timestamp: 1_000 + first_sequence, payload }
}

/// Transfers in batches of these sizes; every seventh has details.
fn transfers(first_sequence: u64, batches: &[usize]) -> SequencedFrame {
    let mut builder = PayloadBuilder::default();
    for (participant, size) in (3..).zip(batches) {
        let from = first_sequence + builder.count() as u64;
        let record = |at| Record::new(u128::from(at) << 70 | 0xFACE, at, at + 7, 100 + at, 978);
        let mut batch = Batch::new(participant, (from..).take(*size).map(record).collect());
        let details = |at: u32| (at, vec![at.to_le_bytes()[0] | 1; at as usize % 90]);
        batch.details = (0..u32::try_from(*size).expect("small")).step_by(7).map(details).collect();
        builder.push(batch);
    }
    let (payload, count) = builder.finish();
    sequenced(FrameKind::Transfers, first_sequence, count, payload)
}

/// Transfers whose records have no zeros to leave out.
fn incompressible(first_sequence: u64, count: usize) -> SequencedFrame {
    let mut builder = PayloadBuilder::default();
    let record = |at: usize| {
        let mut bytes = [0xEE; UNIT];
        bytes[..8].copy_from_slice(&(at as u64 | 0xAB00_0000_0000_0000).to_le_bytes());
        zerocopy::FromBytes::read_from_bytes(&bytes).expect("any bytes are a record")
    };
    builder.push(Batch::new(9, (0..count).map(record).collect()));
    let (payload, count) = builder.finish();
    sequenced(FrameKind::Transfers, first_sequence, count, payload)
}

/// Frames of one part and of many, of one batch and of more than the first part holds, packed and not, and a command.
fn frames() -> Vec<Vec<SequencedFrame>> {
    let mut next = 1;
    let mut groups = vec![Vec::new()];
    let mut push = |make: &dyn Fn(u64) -> SequencedFrame, is_new_group: bool| {
        if is_new_group {
            groups.push(Vec::new());
        }
        let frame = make(next);
        next += u64::from(frame.count);
        groups.last_mut().expect("there is one").push(frame);
    };
    push(&|first| sequenced(FrameKind::Command, first, 1, command_payload(&[5; 400])), false);
    push(&|first| transfers(first, &[1]), true);
    push(&|first| transfers(first, &[3, 2]), false);
    push(&|first| transfers(first, &[1; 60]), false);
    push(&|first| transfers(first, &[40; 20]), true);
    push(&|first| transfers(first, &[8_190]), true);
    push(&|first| incompressible(first, 700), true);
    push(&|first| transfers(first, &[250]), true);
    groups
}

fn journal(groups: Vec<Vec<SequencedFrame>>) -> (SimStorage, Journal<SimStorage>) {
    let storage = SimStorage::new(1, Plan::default());
    let (mut journal, _) = open(&storage, CHAIN, SEGMENT_BYTES);
    for group in groups {
        journal.append(group).expect("room");
    }
    (storage, journal)
}

fn by_parts(reader: &JournalReader<SimStorage>, sequence: u64) -> Result<Option<JournaledEntry>, ReadFault> {
    entry_in(&mut reader.parted_at(sequence)?, sequence)
}

/// Every entry of every frame, by parts, equals what the whole frame says.
fn check_all(reader: &JournalReader<SimStorage>) -> u64 {
    let mut entries = 0;
    for frame in reader.frames_from(1) {
        let frame = frame.expect("readable");
        let (first, last) = (frame.header.first_sequence, frame.header.last_sequence());
        let mut held = reader.parted_at(first).expect("readable");
        assert_eq!((held.header, held.hash), (frame.header, frame.hash));
        assert_eq!(held.units_between(0, usize::MAX).as_deref(), Ok(&frame.payload[..]));
        for sequence in first..=last {
            let wanted = entry_of(&frame, sequence);
            assert_eq!(record_in(&mut held, sequence), Ok(wanted.as_ref().map(|entry| entry.record)));
            if sequence % 97 == 0 || sequence < first + 3 || sequence + 3 > last {
                assert_eq!(by_parts(reader, sequence), Ok(wanted), "sequence {sequence}");
            }
            entries += 1;
        }
        assert_eq!(record_in(&mut held, last + 1), Ok(None));
    }
    entries
}

#[test]
fn an_entry_read_by_its_part_is_the_one_of_the_whole_frame() {
    let (_, journal) = journal(frames());
    let reader = journal.reader();
    assert_eq!(check_all(&reader), reader.durable());
    let parts: Vec<usize> =
        reader.frames_from(1).map(|frame| frame.expect("readable").header.division().count()).collect();
    assert_eq!(parts, [1, 1, 1, 1, 5, 10, 4, 2]);
    let beyond = reader.durable() + 1;
    assert_eq!(by_parts(&reader, 0), Err(ReadFault::NotThere(0)));
    assert_eq!(by_parts(&reader, beyond), Err(ReadFault::NotThere(beyond)));
}

/// Where the stored bytes of a frame's parts lie in the segment.
fn places(image: &[u8], at: usize) -> (FrameHeader, Vec<std::ops::Range<usize>>) {
    let header: &[u8; FRAME_HEADER_BYTES] = image[at..].first_chunk().expect("a header");
    let (header, _) = FrameHeader::decode(header).expect("a frame");
    let of_part = |part| {
        let bytes = header.part_bytes(part);
        let from = at + FRAME_HEADER_BYTES;
        from + bytes.start as usize..from + bytes.end as usize
    };
    (header, (0..header.division().count()).map(of_part).collect())
}

#[test]
fn damage_is_found_by_its_own_part_and_leaves_the_others_readable() {
    for frame in [transfers(1, &[8_190]), incompressible(1, 700), transfers(1, &[90])] {
        let (storage, journal) = journal(vec![vec![frame]]);
        let reader = journal.reader();
        let whole = reader.frame_at(1).expect("readable");
        let (header, parts) = places(&storage.content(FIRST).expect("written"), 4_096);
        let holder = |sequence: u64| {
            let division = header.division();
            division.part_of(usize::try_from(sequence).expect("small") + 1).expect("a record's part")
        };
        for (part, bytes) in parts.iter().enumerate() {
            for at in [bytes.start, bytes.start + 1, bytes.start.midpoint(bytes.end), bytes.end - 1] {
                storage.damage(FIRST, |image| image[at] ^= 0x10);
                for sequence in (1..=header.last_sequence()).step_by(31) {
                    let mut frame = reader.parted_at(sequence).expect("the header is whole");
                    let found = record_in(&mut frame, sequence);
                    // The preamble, in the first part, says where records stand.
                    if part == 0 || holder(sequence) == part {
                        let offset = bytes.start as u64;
                        let is_named = matches!(&found, Err(ReadFault::Damaged { file, offset: at, .. })
                            if file == FIRST && *at == offset);
                        assert!(is_named, "byte {at}, sequence {sequence}: {found:?}");
                    } else {
                        let wanted = entry_of(&whole, sequence).map(|entry| entry.record);
                        assert_eq!(found, Ok(wanted), "byte {at}, sequence {sequence}");
                    }
                }
                assert!(reader.frame_at(1).is_err(), "a whole frame is checked as a whole");
                storage.damage(FIRST, |image| image[at] ^= 0x10);
            }
        }
        for at in 4_096..4_096 + FRAME_HEADER_BYTES {
            storage.damage(FIRST, |image| image[at] ^= 0x10);
            assert!(matches!(by_parts(&reader, 5), Err(ReadFault::Damaged { .. })), "header byte {at}");
            storage.damage(FIRST, |image| image[at] ^= 0x10);
        }
        assert!(by_parts(&reader, 5).is_ok());
    }
}

/// A frame as an engine stored it that knew no parts, behind another one.
fn before_parts(bytes: &[u8], previous: Hash) -> (StoredFrame, usize) {
    let (frame, length) = StoredFrame::read(bytes).expect("a frame");
    let payload_hash = keyed(Domain::Payload, &bytes[FRAME_HEADER_BYTES..length]);
    let header = FrameHeader { parts: None, payload_hash, previous, ..frame.header };
    let older = [&header.encode().0[..], &bytes[FRAME_HEADER_BYTES..length]].concat();
    (StoredFrame::read(&older).expect("a frame of an older version").0, length)
}

#[test]
fn a_journal_of_before_parts_goes_on_with_them_and_is_read_as_one() {
    let (_, written) = journal(frames());
    let stored = written.reader().stored_from(1, usize::MAX).expect("readable");
    let storage = SimStorage::new(2, Plan::default());
    let (mut older, _) = open(&storage, CHAIN, SEGMENT_BYTES);
    let (mut at, mut group, mut versions) = (0, Vec::new(), Vec::new());
    let mut previous = Head::genesis(CHAIN).hash;
    while at < stored.len() {
        let (frame, length) = before_parts(&stored[at..], previous);
        (previous, at) = (frame.hash, at + length);
        versions.push(frame.header.encode().0[8]);
        let is_last = frame.header.group_behind == 0;
        group.push(frame);
        if is_last {
            older.append_copies(std::mem::take(&mut group)).expect("the same frames");
        }
    }
    assert_eq!(versions, [1, 2, 2, 2, 2, 2, 1, 2], "as they were written before");
    let last = older.head().sequence;
    older.append(vec![transfers(last + 1, &[5, 600])]).expect("room in the same segment");
    assert_eq!(check_all(&older.reader()), last + 605);
    older.close().expect("closed");
    let (mut again, frames) = open(&storage, CHAIN, SEGMENT_BYTES);
    assert_eq!(frames.len(), 9);
    again.append(vec![transfers(last + 606, &[300])]).expect("room");
    assert_eq!(check_all(&again.reader()), last + 905);
    assert_eq!(storage.files().len(), 1, "all in one segment");
}

#[test]
fn small_frames_far_from_an_indexed_one_are_found_too() {
    let storage = SimStorage::new(1, Plan::default());
    let (mut journal, _) = open(&storage, CHAIN, SEGMENT_BYTES);
    for at in 0..400 {
        journal.append(vec![transfers(1 + 3 * at, &[1, 2])]).expect("room");
    }
    assert!(storage.files().len() > 1, "over several segments");
    assert_eq!(check_all(&journal.reader()), 1_200);
}

/// A golden beginning of a segment in a storage of its own, and its bytes.
fn golden(name: &str, segment_bytes: u32) -> (SimStorage, Vec<u8>) {
    let path = format!("{}/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    let golden = std::fs::read(path).expect("the golden journal is in the repository");
    let storage = SimStorage::new(2, Plan::default());
    storage.damage(FIRST, |bytes| {
        *bytes = golden.clone();
        bytes.resize(segment_bytes as usize, 0);
    });
    (storage, golden)
}

/// A journal that an engine wrote before there were parts.
#[test]
fn the_golden_journal_of_version_2_opens_and_goes_on() {
    let segment_bytes = 64 << 20;
    let (storage, golden) = golden("journal-v2.fqj", segment_bytes);
    let (header, _) = places(&golden, 4_096);
    let (mut journal, frames) = open(&storage, header.chain_id, segment_bytes);
    let versions: Vec<u8> = frames.iter().map(|frame| frame.header.encode().0[8]).collect();
    assert!(versions.contains(&2) && versions.iter().all(|version| *version < 3), "{versions:?}");
    let before = check_all(&journal.reader());
    let last = frames.last().expect("some");
    let next = SequencedFrame {
        epoch: last.header.epoch,
        timestamp: last.header.timestamp,
        ..transfers(before + 1, &[2])
    };
    journal.append(vec![next]).expect("room");
    assert_eq!(check_all(&journal.reader()), before + 2);
}

/// What is written today is the same to the byte for ever.
#[test]
fn the_golden_journal_of_version_3_opens_and_is_written_alike() {
    let segment_bytes = 40_960;
    let storage = SimStorage::new(1, Plan::default());
    let (mut journal, _) = open(&storage, CHAIN, segment_bytes);
    journal.append(vec![transfers(1, &[1])]).expect("room");
    journal.append(vec![transfers(2, &[2]), transfers(4, &[1; 3]), incompressible(7, 2)]).expect("room");
    journal.append(vec![transfers(9, &[300])]).expect("room");
    journal.close().expect("closed");
    let written = storage.content(FIRST).expect("written");
    let end = written.iter().rposition(|byte| *byte != 0).expect("written").next_multiple_of(4_096);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/journal-v3.fqj");
    if std::env::var_os("FEIQIAN_WRITE_GOLDEN").is_some() {
        std::fs::write(path, &written[..end]).expect("written");
    }
    let (storage, golden) = golden("journal-v3.fqj", segment_bytes);
    assert!(written.starts_with(&golden) && written[golden.len()..].iter().all(|byte| *byte == 0));
    let (journal, frames) = open(&storage, CHAIN, segment_bytes);
    assert_eq!(
        frames.iter().map(|frame| frame.header.division().count()).collect::<Vec<_>>(),
        [1, 1, 1, 1, 3]
    );
    assert_eq!(check_all(&journal.reader()), 308);
}
