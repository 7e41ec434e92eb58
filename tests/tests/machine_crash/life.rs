//! What the outside knows of a machine, and one life of its process: open, compare, go on with the story
//! until it ends, or the power does.
//!
//! Nothing is compared with what the machine under test has said of itself, except where the promise is that
//! it does not change its word.

use feiqian_core::outcome::{OutcomeRow, ROW_BYTES};
use feiqian_proof::Hash;
use feiqian_proof::header::BlockHeader;
use feiqian_proof::signature::{PublicKey, verify_header};
use feiqian_runtime::book::SealedBlock;
use feiqian_runtime::identity::IdentityFault;
use feiqian_runtime::journal::SequencedFrame;
use feiqian_runtime::machine::{Machine, MachineFault, MachineOptions, OpenError, RecoveryReport, Step};
use feiqian_runtime::storage::frozen::Frozen;
use feiqian_runtime::stores::{BlockStore, OutcomeStore, StoredBlock};
use feiqian_tests::picture::Picture;
use feiqian_tests::sim_storage::{Plan, SimStorage};
use feiqian_tests::story::{Chapter, Group, Story, last_sequence};
use feiqian_tests::world::operator_key;
use zerocopy::FromBytes as _;

pub(crate) type Sim = Machine<SimStorage>;

/// The story as it goes where nothing goes wrong.
pub(crate) struct Reference {
    pub(crate) story: Story,
    pub(crate) rows: Vec<OutcomeRow>,
    pub(crate) blocks: Vec<SealedBlock>,
    pub(crate) state: Picture,
    pub(crate) mirror: Picture,
    /// Operations on the storage.
    pub(crate) operations: u64,
}

/// A disk with what its plan has in store for it.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    pub(crate) storage: SimStorage,
    plan: Plan,
}

impl Disk {
    pub(crate) fn new(seed: u64, plan: Plan) -> Self {
        Self { storage: SimStorage::new(seed, plan), plan }
    }

    /// As it is found after the power has gone, or after the process alone was killed.
    pub(crate) fn after(&self, is_kill: bool, plan: Plan) -> Self {
        let storage = if is_kill { self.storage.kill(plan) } else { self.storage.power_cut(plan) };
        Self { storage, plan }
    }

    /// Whether the planned fault has come.
    pub(crate) fn has_failed(&self) -> bool {
        let at = self.plan.cut_at.or(self.plan.fail_at.map(|(at, _)| at));
        at.is_some_and(|at| self.storage.operations() >= at)
    }
}

/// When a group counts as answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    /// When `run` has returned, as it must be.
    AfterRun,
    /// Before it is even called: the planted fault.
    BeforeRun,
}

/// What the outside was told.
#[derive(Clone, Default)]
pub(crate) struct Known {
    /// Answers by sequence.
    pub(crate) rows: Vec<OutcomeRow>,
    /// Signed blocks by height.
    pub(crate) blocks: Vec<SealedBlock>,
    /// Chapters that are over.
    pub(crate) chapters: usize,
    /// What is submitted and not answered reaches up to here.
    pub(crate) submitted: u64,
}

/// How a life ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// The story is told.
    Told,
    /// By the plan's fault.
    Stopped,
}

/// What depends on where frames stand in groups and segments is set aside. A recovery may keep the beginning
/// of a group, so that the rest comes in a group of its own: its frames then carry another durable mark, count
/// of followers and perhaps segment, hence another hash, and the header names that hash and its predecessor.
pub(crate) fn without_place(header: &BlockHeader) -> BlockHeader {
    BlockHeader { journal_head: Hash::default(), previous: Hash::default(), ..*header }
}

/// Segments of that length, and runs of ids so short that a story stores and merges many.
pub(crate) fn lengths(segment_bytes: u32) -> MachineOptions {
    MachineOptions { segment_bytes, id_run_entries: 12, has_threads: false }
}

/// Tells the story on a good disk.
pub(crate) fn reference(story: Story, segment_bytes: u32) -> Reference {
    let storage = SimStorage::new(1, Plan::default());
    let (genesis, timestamp) = Story::genesis();
    let created =
        Machine::create(storage.clone(), lengths(segment_bytes), operator_key(), (&genesis, timestamp));
    let mut machine = created.expect("an empty disk");
    let mut known = Known { rows: stored_rows(&storage, 1).expect("of the genesis"), ..Known::default() };
    for chapter in story.chapters.iter().skip(1) {
        match chapter {
            Chapter::Group(group) => {
                let steps = machine.run(group.frames.clone()).expect("a good disk");
                known.learn(&steps);
            }
            Chapter::Snapshot => assert!(machine.snapshot().expect("a good disk").is_some()),
        }
    }
    let state = Picture::of_state(machine.state());
    let mirror = Picture::of_mirror(machine.book().sealer().mirror());
    let operations = storage.operations();
    Reference { story, rows: known.rows, blocks: known.blocks, state, mirror, operations }
}

impl Known {
    fn learn(&mut self, steps: &[Step]) {
        for step in steps {
            self.rows.extend(&step.rows);
            self.blocks.extend(step.sealed);
        }
    }

    /// The planted fault: the client is told what is about to be executed.
    fn learn_early(&mut self, group: &Group, reference: &Reference) {
        let end = usize::try_from(group.last_sequence()).expect("small");
        self.rows.extend(&reference.rows[self.rows.len()..end]);
    }
}

/// One life: opens, compares what is there with what is known, tells the rest.
pub(crate) fn live(
    disk: &Disk,
    segment_bytes: u32,
    reference: &Reference,
    known: &mut Known,
    answer: Answer,
) -> Result<End, String> {
    let storage = &disk.storage;
    let (mut machine, report) = match open(storage, segment_bytes) {
        Ok(opened) => opened,
        Err(_) if disk.has_failed() => return Ok(End::Stopped),
        Err(fault) => return Err(format!("refused: {fault}")),
    };
    if !report.bad_snapshots.is_empty() {
        return Err(format!("a crash made a snapshot bad: {:?}", report.bad_snapshots));
    }
    check(&machine, storage, reference, known)?;
    let mut at = known.chapters;
    while let Some(chapter) = reference.story.chapters.get(at) {
        let is_told = match chapter {
            Chapter::Group(group) => tell_group(&mut machine, disk, group, reference, known, answer)?,
            Chapter::Snapshot => tell_snapshot(&machine, disk)?,
        };
        if !is_told {
            return Ok(End::Stopped);
        }
        at += 1;
        known.chapters = at;
    }
    if storage.is_down() {
        return Ok(End::Stopped);
    }
    check_end(&machine, storage, reference, known)?;
    Ok(End::Told)
}

/// As an operator does it: opened if it is a directory, created if not. A creation that was cut off before its
/// first entry leaves a directory whose journal is empty: the genesis is then the first group.
fn open(storage: &SimStorage, segment_bytes: u32) -> Result<(Sim, RecoveryReport), OpenError> {
    let opened = Machine::recover(storage.clone(), lengths(segment_bytes), operator_key());
    let Err(OpenError::Identity(IdentityFault::Missing)) = opened else { return opened };
    let (genesis, timestamp) = Story::genesis();
    let machine =
        Machine::create(storage.clone(), lengths(segment_bytes), operator_key(), (&genesis, timestamp))?;
    Ok((machine, RecoveryReport::default()))
}

/// False: the life is over.
fn tell_group(
    machine: &mut Sim,
    disk: &Disk,
    group: &Group,
    reference: &Reference,
    known: &mut Known,
    answer: Answer,
) -> Result<bool, String> {
    let head = machine.journal().head().sequence;
    let rest: Vec<SequencedFrame> =
        group.frames.iter().filter(|frame| last_sequence(frame) > head).cloned().collect();
    if rest.is_empty() {
        return Ok(true);
    }
    known.submitted = group.last_sequence();
    if answer == Answer::BeforeRun {
        known.learn_early(group, reference);
    }
    let Some(steps) = submit(machine, disk, &rest)? else { return Ok(false) };
    if answer == Answer::AfterRun {
        known.learn(&steps);
    }
    if known.rows != reference.rows[..known.rows.len()] {
        return Err(format!("other rows up to sequence {}", known.rows.len()));
    }
    Ok(true)
}

/// None: it failed, as planned, and the machine takes nothing more.
fn submit(machine: &mut Sim, disk: &Disk, group: &[SequencedFrame]) -> Result<Option<Vec<Step>>, String> {
    let had_failed = disk.has_failed();
    match machine.run(group.to_vec()) {
        Ok(_) if disk.has_failed() && !had_failed => {
            Err("a group was answered although an operation failed".into())
        }
        Ok(steps) => Ok(Some(steps)),
        Err(fault) if !disk.has_failed() => Err(format!("a group failed on a good disk: {fault}")),
        Err(MachineFault::Journal(fault)) if !fault.is_final() && !disk.storage.is_down() => {
            // Refused for want of room and nothing written: the same group may come again.
            let again = machine.run(group.to_vec());
            again.map(Some).map_err(|fault| format!("a refused group is refused again: {fault}"))
        }
        Err(fault) => match machine.run(group.to_vec()) {
            Ok(_) => Err(format!("it goes on after {fault}")),
            Err(_) => Ok(None),
        },
    }
}

fn tell_snapshot(machine: &Sim, disk: &Disk) -> Result<bool, String> {
    let had_failed = disk.has_failed();
    match machine.snapshot() {
        Ok(_) if disk.has_failed() && !had_failed => Err("a snapshot counts although it failed".into()),
        Ok(_) => Ok(true),
        Err(_) if disk.has_failed() => Ok(false),
        Err(fault) => Err(format!("a snapshot failed on a good disk: {fault}")),
    }
}

/// After a start: everything that was answered is there, the same; nothing that was never submitted is.
/// What is there is known from now on: the start has made it durable.
fn check(
    machine: &Sim,
    storage: &SimStorage,
    reference: &Reference,
    known: &mut Known,
) -> Result<(), String> {
    let head = machine.journal().head().sequence;
    let answered = known.rows.len() as u64;
    if head < answered {
        return Err(format!("{answered} entries were answered, {head} are there"));
    }
    if head > known.submitted.max(1) {
        return Err(format!("{} entries were submitted, {head} are there", known.submitted));
    }
    check_frames(machine, reference, head)?;
    let rows = stored_rows(storage, head)?;
    if rows != reference.rows[..rows.len()] || !rows.starts_with(&known.rows) {
        return Err("the rows of answered entries are others".into());
    }
    let blocks = stored_blocks(storage)?;
    let wanted = reference.blocks.iter().filter(|block| last_of(&block.header) <= head).count();
    if blocks.len() != wanted || !blocks.starts_with(&known.blocks) {
        return Err(format!("{} of {wanted} blocks are there, or others than before", blocks.len()));
    }
    check_blocks(&blocks, reference)?;
    (known.rows, known.blocks, known.submitted) = (rows, blocks, head);
    Ok(())
}

fn check_frames(machine: &Sim, reference: &Reference, head: u64) -> Result<(), String> {
    let mut told = reference.story.frames();
    for frame in machine.journal().reader().frames_from(1) {
        let frame = frame.map_err(|fault| format!("the journal can't be read: {fault}"))?;
        let header = &frame.header;
        let is_told = told.next().is_some_and(|told| {
            (header.kind, header.first_sequence, header.count, header.timestamp)
                == (told.kind, told.first_sequence, told.count, told.timestamp)
                && frame.payload == told.payload
        });
        if !is_told {
            return Err(format!("the frame at sequence {} was never submitted", header.first_sequence));
        }
    }
    match told.next() {
        Some(next) if next.first_sequence != head + 1 => Err("frames are missing".into()),
        _ => Ok(()),
    }
}

/// Every field but the places of frames is the reference's, each header follows on the one before, and the
/// operator has signed it.
fn check_blocks(blocks: &[SealedBlock], reference: &Reference) -> Result<(), String> {
    let mut previous = Hash::default();
    for (block, wanted) in blocks.iter().zip(&reference.blocks) {
        let (header, height) = (&block.header, wanted.header.height);
        if without_place(header) != without_place(&wanted.header) {
            return Err(format!("block {height} differs from the unbroken story's"));
        }
        let is_signed = verify_header(&PublicKey::of(&operator_key()), &header.hash(), &block.signature);
        if header.previous != previous || !is_signed {
            return Err(format!("block {height} is not signed, or follows on another"));
        }
        previous = header.hash();
    }
    Ok(())
}

fn check_end(
    machine: &Sim,
    storage: &SimStorage,
    reference: &Reference,
    known: &mut Known,
) -> Result<(), String> {
    check(machine, storage, reference, known)?;
    if known.rows.len() != reference.rows.len() || known.blocks.len() != reference.blocks.len() {
        return Err("the story is not whole".into());
    }
    let is_state = Picture::of_state(machine.state()) == reference.state;
    if !is_state || Picture::of_mirror(machine.book().sealer().mirror()) != reference.mirror {
        return Err("the final state is another".into());
    }
    Ok(())
}

pub(crate) fn last_of(header: &BlockHeader) -> u64 {
    header.first_sequence + header.count - 1
}

/// The rows on the disk, read as another process would, without touching anything.
pub(crate) fn stored_rows(storage: &SimStorage, count: u64) -> Result<Vec<OutcomeRow>, String> {
    let outcomes = OutcomeStore::open(Frozen(storage.clone())).map_err(|fault| fault.to_string())?;
    let count = usize::try_from(count).expect("small");
    if count == 0 {
        return Ok(Vec::new());
    }
    let bytes = outcomes.read(1, count).map_err(|fault| format!("rows: {fault}"))?;
    let row = |bytes: &[u8]| OutcomeRow::read_from_bytes(bytes).expect("32 bytes");
    Ok(bytes.chunks_exact(ROW_BYTES).map(row).collect())
}

/// The blocks on the disk.
pub(crate) fn stored_blocks(storage: &SimStorage) -> Result<Vec<SealedBlock>, String> {
    let (blocks, _) = BlockStore::open(Frozen(storage.clone())).map_err(|fault| fault.to_string())?;
    let read = |height| {
        let StoredBlock { header, signature } = blocks.read(height).map_err(|fault| fault.to_string())?;
        let header = BlockHeader::decode(&header).map_err(|fault| fault.to_string())?;
        Ok(SealedBlock { header, signature: feiqian_proof::signature::Signature(signature) })
    };
    (1..=blocks.last()).map(read).collect()
}
