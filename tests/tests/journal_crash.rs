//! I1 and I9 for the journal: a story of appends is cut off at every operation, every operation of it fails
//! once in each way, and every byte of a small journal is damaged. After each, all that was acknowledged is
//! there or the start is refused, and nothing is there that was never submitted.
//!
//! `FEIQIAN_CRASHES` sets the number of power cuts and kills. A failure prints its seed and its operation.

use std::convert::Infallible;

use feiqian_core::frame::{FrameKind, Head};
use feiqian_runtime::journal::{
    Durable, Frame, Journal, JournalOptions, Recovered, RecoveryFault, RecoveryRefusal, SequencedFrame,
    Spare, Tail,
};
use feiqian_tests::sim_storage::{Dice, Failure, Plan, SimStorage};

const CHAIN: [u8; 16] = *b"journal crash 01";
const CRASHES_DEFAULT: u64 = 5_000;

type Opened = Result<(Journal<SimStorage>, Recovered, Vec<Frame>), RecoveryFault<Infallible>>;

fn options(segment_bytes: u32) -> JournalOptions {
    JournalOptions { segment_bytes, ..JournalOptions::new(CHAIN) }
}

fn recover(storage: &SimStorage, segment_bytes: u32, acknowledged: u64, from: Option<Head>) -> Opened {
    recover_seeing(storage, segment_bytes, acknowledged, from, &mut 0)
}

/// Like `recover`; `seen` rises to the last frame that was handed out, also where it ends in a fault.
fn recover_seeing(
    storage: &SimStorage,
    segment_bytes: u32,
    acknowledged: u64,
    from: Option<Head>,
    seen: &mut u64,
) -> Opened {
    let mut frames = Vec::new();
    let visit = |frame: Durable<Frame>| -> Result<(), Infallible> {
        *seen = (*seen).max(frame.header.last_sequence());
        frames.push(frame.into_inner());
        Ok(())
    };
    let (journal, recovered) =
        Journal::recover(storage.clone(), options(segment_bytes), acknowledged, from, visit)?;
    Ok((journal, recovered, frames))
}

/// A group of frames that continues `head`.
fn group(head: &Head, dice: &mut Dice) -> Vec<SequencedFrame> {
    let (mut sequence, mut timestamp) = (head.sequence, head.timestamp);
    let frames = 1 + dice.below(4);
    let frame = |_| {
        let count = 1 + dice.below(20);
        let payload: Vec<u8> = (0..128 * dice.below(24)).map(|_| dice.roll().to_le_bytes()[0]).collect();
        timestamp += dice.below(3);
        let first_sequence = sequence + 1;
        sequence += count;
        SequencedFrame {
            kind: if dice.once_in(4) { FrameKind::Command } else { FrameKind::Transfers },
            epoch: head.epoch.max(1) + u32::from(dice.once_in(9)),
            first_sequence,
            count: u32::try_from(count).expect("small"),
            timestamp,
            payload,
        }
    };
    let mut group: Vec<SequencedFrame> = (0..frames).map(frame).collect();
    group.sort_by_key(|frame| frame.first_sequence);
    let mut epoch = head.epoch;
    for frame in &mut group {
        epoch = epoch.max(frame.epoch);
        frame.epoch = epoch;
    }
    group
}

fn is_same(frame: &Frame, submitted: &SequencedFrame) -> bool {
    let header = &frame.header;
    (header.kind, header.epoch, header.first_sequence, header.count, header.timestamp)
        == (submitted.kind, submitted.epoch, submitted.first_sequence, submitted.count, submitted.timestamp)
        && frame.payload == submitted.payload
}

/// What the outside knows: the answers that it got, and what it is still waiting for.
#[derive(Clone, Default)]
struct Client {
    acknowledged: Vec<Frame>,
    in_flight: Vec<SequencedFrame>,
    /// The last frame that a recovery handed out: blocks made of it may be on disk, and vouch for it.
    seen: u64,
}

impl Client {
    fn sequence(&self) -> u64 {
        self.acknowledged.last().map_or(0, |frame| frame.header.last_sequence())
    }

    /// Compares a recovered journal with what is known, and takes over what it has.
    fn check(&mut self, frames: Vec<Frame>) -> Result<(), String> {
        let known = self.acknowledged.len();
        if frames.len() < known || frames[..known] != self.acknowledged[..] {
            return Err(format!("{known} frames were acknowledged, {} are there, or others", frames.len()));
        }
        let unknown = &frames[known..];
        let is_submitted = |(frame, submitted): (&Frame, &SequencedFrame)| is_same(frame, submitted);
        if unknown.len() > self.in_flight.len() || !unknown.iter().zip(&self.in_flight).all(is_submitted) {
            return Err("a frame is there that was never submitted".to_owned());
        }
        let mut head = Head::genesis(CHAIN);
        for frame in &frames {
            frame.header.follows(&head).map_err(|reason| format!("the chain is broken: {reason}"))?;
            frame.header.check_payload(&frame.payload).map_err(|error| error.to_string())?;
            head = frame.header.head(frame.hash);
        }
        self.acknowledged = frames;
        self.in_flight.clear();
        Ok(())
    }
}

/// One life of a process: recovers, checks, appends until the end of the story or of the power.
fn live(
    storage: &SimStorage,
    client: &mut Client,
    segment_bytes: u32,
    dice: &mut Dice,
) -> Result<(), String> {
    let vouched = if dice.once_in(2) { client.sequence().max(client.seen) } else { 0 };
    let snapshot = dice.below(client.acknowledged.len() as u64 * 3 + 1);
    let snapshot = usize::try_from(snapshot).ok().and_then(|at| client.acknowledged.get(at));
    let from = snapshot.map(|frame| frame.header.head(frame.hash));
    let (mut journal, recovered, mut frames) =
        match recover_seeing(storage, segment_bytes, vouched, from, &mut client.seen) {
            Ok(opened) => opened,
            Err(RecoveryFault::Storage(fault)) => {
                let was_planned = storage.is_down() || fault.cause == FAULT_OF_PLAN;
                return if was_planned { Ok(()) } else { Err(format!("recovery failed: {fault}")) };
            }
            Err(fault) => return Err(format!("refused: {fault}")),
        };
    if recovered.head.sequence != journal.reader().durable() {
        return Err("the reader's head is another".to_owned());
    }
    if from.is_some() {
        let wanted = from.map_or(0, |head| head.sequence);
        frames.splice(
            ..0,
            client.acknowledged.iter().take_while(|f| f.header.last_sequence() <= wanted).cloned(),
        );
    }
    client.check(frames)?;
    for _ in 0..4 + dice.below(8) {
        if step(&mut journal, client, dice)? {
            return Ok(());
        }
    }
    if storage.is_down() {
        return Ok(());
    }
    let reread: Result<Vec<_>, _> = journal.reader().frames_from(1).collect();
    let reread = reread.map_err(|fault| format!("reading: {fault}"))?;
    if !reread.iter().map(|frame| &**frame).eq(&client.acknowledged) {
        return Err("the reader gives other frames".to_owned());
    }
    if dice.once_in(2) {
        let _ = journal.close();
    }
    Ok(())
}

const FAULT_OF_PLAN: feiqian_runtime::storage::Cause = feiqian_runtime::storage::Cause::Errno(5);

/// Appends once; true if this life is over.
fn step(journal: &mut Journal<SimStorage>, client: &mut Client, dice: &mut Dice) -> Result<bool, String> {
    let how = if dice.once_in(2) { Spare::Filled } else { Spare::Reserved };
    if dice.once_in(5)
        && journal.wants_spare()
        && let Ok(spare) = journal.preparer().prepare(how)
    {
        journal.offer_spare(spare).map_err(|_| "a wanted spare was given back".to_owned())?;
    }
    if dice.once_in(4) && journal.mark().is_err() {
        return Ok(true);
    }
    let group = group(journal.head(), dice);
    match journal.append(group.clone()) {
        Ok(frames) => {
            let is_all = frames.len() == group.len() && frames.iter().zip(&group).all(|(f, s)| is_same(f, s));
            client.acknowledged.extend(frames.into_iter().map(Durable::into_inner));
            if is_all { Ok(false) } else { Err("append gave back other frames".to_owned()) }
        }
        Err(fault) if fault.is_final() => {
            client.in_flight = group;
            let refused = journal.append(Vec::<SequencedFrame>::new());
            if refused.is_ok() { Err("a poisoned journal goes on".to_owned()) } else { Ok(true) }
        }
        // Nothing was written: the same head takes another group.
        Err(_) => Ok(false),
    }
}

/// Tells the whole story of a seed, cut at an operation, and the lives after it.
fn tell(seed: u64, plan: Plan, lives: u64) -> Result<(u64, u64), String> {
    let mut dice = Dice::new(seed);
    let segment_bytes = 4096 * u32::try_from(4 + dice.below(8)).expect("small");
    let mut storage = SimStorage::new(seed ^ plan.cut_at.unwrap_or(0) << 20, plan);
    let mut client = Client::default();
    live(&storage, &mut client, segment_bytes, &mut dice)?;
    let operations = storage.operations();
    let mut after = Dice::new(seed ^ (plan.cut_at.unwrap_or(0) << 32));
    for life in 0..lives {
        let cut_at = (life + 1 < lives).then(|| 1 + after.below(40));
        let next = Plan { cut_at, lies: plan.lies, ..Plan::default() };
        storage = if after.once_in(4) { storage.kill(next) } else { storage.power_cut(next) };
        live(&storage, &mut client, segment_bytes, &mut after)
            .map_err(|what| format!("life {life}: {what}"))?;
    }
    Ok((operations, lives))
}

/// Stories cut at every operation until there were enough crashes; the first one that goes wrong.
fn crash_everywhere(crashes_min: u64, lies: bool) -> Result<u64, String> {
    let mut crashes = 0;
    let mut seed = 0;
    while crashes < crashes_min {
        seed += 1;
        let (operations, _) = tell(seed, Plan { lies, ..Plan::default() }, 1)
            .map_err(|what| format!("seed {seed}, not cut: {what}"))?;
        for cut_at in 1..=operations {
            let plan = Plan { cut_at: Some(cut_at), lies, ..Plan::default() };
            let (_, lives) =
                tell(seed, plan, 4).map_err(|what| format!("seed {seed}, operation {cut_at}: {what}"))?;
            crashes += lives;
        }
    }
    Ok(crashes)
}

fn crashes_wanted() -> u64 {
    std::env::var("FEIQIAN_CRASHES").ok().and_then(|text| text.parse().ok()).unwrap_or(CRASHES_DEFAULT)
}

#[test]
fn i9_no_crash_loses_what_was_acknowledged_or_invents_a_frame() {
    let crashes = crash_everywhere(crashes_wanted(), false).unwrap_or_else(|what| panic!("{what}"));
    assert!(crashes >= crashes_wanted());
}

#[test]
fn a_storage_whose_sync_does_nothing_is_caught() {
    let caught = crash_everywhere(CRASHES_DEFAULT, true);
    assert!(caught.is_err(), "the planted fault was not found");
}

#[test]
fn i9_every_operation_may_fail_in_every_way() {
    for seed in 1..=12 {
        let (operations, _) = tell(seed, Plan::default(), 1).expect("nothing fails");
        for at in 1..=operations {
            for failure in [Failure::Device, Failure::NoSpace, Failure::ShortWrite] {
                let plan = Plan { fail_at: Some((at, failure)), ..Plan::default() };
                let told = tell_failing(seed, plan);
                assert_eq!(told, Ok(()), "seed {seed}, operation {at}, {failure:?}");
            }
        }
    }
}

/// Like [`tell`], but the fault may also come while recovering, with any errno.
fn tell_failing(seed: u64, plan: Plan) -> Result<(), String> {
    let mut dice = Dice::new(seed);
    let segment_bytes = 4096 * u32::try_from(4 + dice.below(8)).expect("small");
    let first = SimStorage::new(seed, plan);
    let mut client = Client::default();
    let told = live(&first, &mut client, segment_bytes, &mut dice);
    if told.as_ref().is_err_and(|what| !what.starts_with("recovery failed")) {
        return told;
    }
    let second = if dice.once_in(2) { first.kill(plan) } else { first.power_cut(plan) };
    let told = live(&second, &mut client, segment_bytes, &mut dice);
    if told.as_ref().is_err_and(|what| !what.starts_with("recovery failed")) {
        return told;
    }
    let third = second.power_cut(Plan::default());
    live(&third, &mut client, segment_bytes, &mut dice)
}

#[test]
fn a_full_disk_refuses_a_group_and_takes_it_when_there_is_room_again() {
    let mut refusals = 0;
    for at in 1..40 {
        let plan = Plan { fail_at: Some((at, Failure::NoSpace)), ..Plan::default() };
        let storage = SimStorage::new(at, plan);
        let Ok((mut journal, ..)) = recover(&storage, 12_288, 0, None) else { continue };
        let mut dice = Dice::new(3);
        for _ in 0..6 {
            let mut offered = group(journal.head(), &mut dice);
            offered.truncate(1);
            offered[0].payload.truncate(1024);
            match journal.append(offered.clone()) {
                Ok(_) => {}
                Err(fault) if fault.is_final() => break,
                Err(_) => {
                    refusals += 1;
                    let head = journal.head().sequence;
                    assert!(journal.append(offered).is_ok() && journal.head().sequence > head, "{at}");
                }
            }
        }
    }
    assert!(refusals > 10, "{refusals}");
}

/// A closed journal of several segments, and its frames.
fn small_journal(segment_bytes: u32) -> (SimStorage, Vec<Frame>) {
    let storage = SimStorage::new(5, Plan::default());
    let mut dice = Dice::new(11);
    let (mut journal, ..) = recover(&storage, segment_bytes, 0, None).expect("an empty disk");
    let mut frames = Vec::new();
    for _ in 0..4 {
        let mut next = group(journal.head(), &mut dice);
        for frame in &mut next {
            frame.payload.truncate(640);
        }
        frames.extend(journal.append(next).expect("room").into_iter().map(Durable::into_inner));
    }
    journal.close().expect("closed");
    (storage, frames)
}

#[test]
fn i9_a_bit_flipped_anywhere_in_a_closed_journal_is_found() {
    let (storage, frames) = small_journal(20_480);
    let files: Vec<String> = storage.files().into_iter().filter(|name| name.ends_with(".fqj")).collect();
    assert!(files.len() >= 2, "{files:?}");
    let (mut refused, mut cut) = (0, 0);
    for file in &files {
        let length = storage.content(file).expect("listed").len();
        for at in 0..length {
            let damaged = storage.copy();
            damaged.damage(file, |bytes| bytes[at] ^= 1 << (at % 8));
            match recover(&damaged, 20_480, 0, None) {
                Err(RecoveryFault::Refused(refusal)) => {
                    assert_eq!(&refusal.file, file, "{refusal}");
                    assert!(refusal.offset <= at as u64, "{refusal} for byte {at}");
                    refused += 1;
                }
                Ok((_, recovered, found)) => {
                    assert!(recovered.tail != Tail::Clean, "{file} byte {at} went unnoticed");
                    assert_eq!(found, frames, "{file} byte {at}: a closed journal loses nothing");
                    cut += 1;
                }
                Err(fault) => panic!("{file} byte {at}: {fault}"),
            }
        }
    }
    assert!(refused > 4_000 && cut > 4_000, "{refused} {cut}");
}

#[test]
fn i9_a_bit_flipped_in_an_unmarked_tail_is_cut_or_refused_and_never_believed() {
    let storage = SimStorage::new(6, Plan::default());
    let mut dice = Dice::new(12);
    let (mut journal, ..) = recover(&storage, 65_536, 0, None).expect("an empty disk");
    let mut frames = Vec::new();
    for _ in 0..3 {
        let next = group(journal.head(), &mut dice);
        frames.extend(journal.append(next).expect("room").into_iter().map(Durable::into_inner));
    }
    let acknowledged = frames.last().expect("appended").header.last_sequence();
    drop(journal);
    let file = "journal/0000000001.fqj";
    let length = storage.content(file).expect("written").iter().rposition(|byte| *byte != 0).expect("frames");
    for at in 0..=length {
        let damaged = storage.copy();
        damaged.damage(file, |bytes| bytes[at] ^= 1 << (at % 8));
        match recover(&damaged, 65_536, 0, None) {
            Err(RecoveryFault::Refused(_)) => {}
            Ok((_, recovered, found)) => {
                assert!(recovered.tail != Tail::Clean && frames.starts_with(&found), "byte {at}");
            }
            Err(fault) => panic!("byte {at}: {fault}"),
        }
        // What blocks vouch for is never cut, marked or not.
        let damaged = storage.copy();
        damaged.damage(file, |bytes| bytes[at] ^= 1 << (at % 8));
        if let Ok((_, _, found)) = recover(&damaged, 65_536, acknowledged, None) {
            assert_eq!(found, frames, "byte {at}");
        }
    }
}

#[test]
fn a_refused_journal_is_left_as_it_was_found() {
    let (storage, _) = small_journal(20_480);
    storage.damage("journal/0000000001.fqj", |bytes| bytes[4100] ^= 1);
    let before = storage.content("journal/0000000001.fqj");
    let refusal: RecoveryRefusal = match recover(&storage, 20_480, 0, None) {
        Err(RecoveryFault::Refused(refusal)) => refusal,
        _ => panic!("it must be refused"),
    };
    assert_eq!((refusal.offset, refusal.sequence), (4096, 1));
    assert_eq!(storage.content("journal/0000000001.fqj"), before);
    assert!(
        refusal.to_string().starts_with("journal/0000000001.fqj at offset 4096, sequence 1: "),
        "{refusal}"
    );
}
