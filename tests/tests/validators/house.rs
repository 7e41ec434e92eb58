//! An operator on a simulated disk, what it serves, and followers of it.

use std::cell::RefCell;
use std::rc::Rc;

use feiqian_core::batch::{Batch, Payload, PayloadBuilder};
use feiqian_core::frame::FrameKind;
use feiqian_proof::checkpoint::{Checkpoint, log_key};
use feiqian_proof::header::BlockHeader;
use feiqian_proof::log::{LogHead, origin_of};
use feiqian_proof::note::Note;
use feiqian_proof::signature::{PublicKey, SigningKey, sign_header};
use feiqian_runtime::follow::{
    Finding, FollowFault, Follower, Replica, ServedFrames, Source, SourceFault, Turn, Witness, sign_served,
};
use feiqian_runtime::identity::Identity;
use feiqian_runtime::journal::{JournalReader, ReadFault, SequencedFrame};
use feiqian_runtime::machine::{Machine, MachineOptions};
use feiqian_runtime::stores::{BlockStore, CHECKPOINT_FILE, LogStore, StoredBlock};
use feiqian_tests::sim_storage::{Plan, SimStorage};
use feiqian_tests::story::Story;
use feiqian_tests::world::{CHAIN_ID, operator_key};

/// Several segments to a story.
pub(crate) const SEGMENT_BYTES: u32 = 32_768;
/// Those of a copy are a little longer: it may have more marks.
pub(crate) const COPY_SEGMENT_BYTES: u32 = SEGMENT_BYTES + 65_536;
pub(crate) const NOW: u64 = 1_760_000_000;

pub(crate) const fn lengths(segment_bytes: u32) -> MachineOptions {
    MachineOptions { segment_bytes, id_run_entries: 12, has_threads: false }
}

pub(crate) fn identity() -> Identity {
    Identity { chain_id: CHAIN_ID, operator: PublicKey::of(&operator_key()) }
}

/// A running operator.
pub(crate) struct Operator {
    pub(crate) storage: SimStorage,
    pub(crate) machine: Machine<SimStorage>,
    pub(crate) log: LogStore<SimStorage>,
}

impl Operator {
    pub(crate) fn begun() -> Self {
        let storage = SimStorage::new(1, Plan::default());
        let (genesis, timestamp) = Story::genesis();
        let created =
            Machine::create(storage.clone(), lengths(SEGMENT_BYTES), operator_key(), (&genesis, timestamp));
        Self::of(storage, created.expect("an empty disk"))
    }

    pub(crate) fn of(storage: SimStorage, machine: Machine<SimStorage>) -> Self {
        let log = machine.open_log(None).expect("opened");
        Self { storage, machine, log }
    }

    /// Runs groups, and publishes the log.
    pub(crate) fn run(&mut self, groups: &[Vec<SequencedFrame>]) {
        for group in groups {
            self.machine.run(group.clone()).expect("a good disk");
        }
        self.log.follow().expect("a good disk");
    }

    /// Told the whole story.
    pub(crate) fn told() -> Self {
        let mut operator = Self::begun();
        operator.run(&groups());
        operator
    }

    pub(crate) fn blocks(&self) -> BlockStore<SimStorage> {
        self.machine.book().blocks().clone()
    }

    pub(crate) fn serve(&self) -> Served {
        Served {
            reader: self.machine.journal().reader(),
            blocks: self.blocks(),
            checkpoint: self.storage.content(CHECKPOINT_FILE),
            chunk_bytes: 3_000,
            is_signing: true,
            handed_in: Rc::default(),
        }
    }
}

/// The story's groups behind its genesis.
pub(crate) fn groups() -> Vec<Vec<SequencedFrame>> {
    Story::told().groups().skip(1).map(|group| group.frames.clone()).collect()
}

/// The story with other batches: `change` is given the number of each frame of transfers, from 0. A frame without any
/// batch left is dropped, and sequences close up.
pub(crate) fn groups_with(mut change: impl FnMut(usize, &mut Vec<Batch>)) -> Vec<Vec<SequencedFrame>> {
    let (mut next, mut number, mut changed) = (2, 0, Vec::new());
    for group in groups() {
        let mut frames = Vec::new();
        for frame in group {
            let mut frame = frame;
            if frame.kind == FrameKind::Transfers {
                let payload = Payload::parse(&frame.payload, frame.count).expect("a payload");
                let mut batches: Vec<Batch> = payload
                    .by_batch()
                    .map(|(_, batch, records)| Batch::new(batch.participant.get(), records.to_vec()))
                    .collect();
                change(number, &mut batches);
                number += 1;
                batches.retain(|batch| !batch.records.is_empty());
                if batches.is_empty() {
                    continue;
                }
                let mut builder = PayloadBuilder::default();
                batches.into_iter().for_each(|batch| builder.push(batch));
                (frame.payload, frame.count) = builder.finish();
            }
            frame.first_sequence = next;
            next += u64::from(frame.count);
            frames.push(frame);
        }
        changed.push(frames);
    }
    changed
}

/// What an operator serves, truly; in short pieces, so that groups are cut.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) reader: JournalReader<SimStorage>,
    pub(crate) blocks: BlockStore<SimStorage>,
    pub(crate) checkpoint: Option<Vec<u8>>,
    pub(crate) chunk_bytes: usize,
    /// Whether it signs for what it serves.
    pub(crate) is_signing: bool,
    pub(crate) handed_in: Rc<RefCell<Vec<Vec<u8>>>>,
}

impl Source for Served {
    fn frames(&mut self, sequence: u64) -> Result<ServedFrames, SourceFault> {
        match self.reader.stored_with_head(sequence, self.chunk_bytes) {
            Ok((bytes, head)) => {
                let signature = head.map(|head| sign_served(&operator_key(), &head));
                Ok(ServedFrames { bytes, signature: signature.filter(|_| self.is_signing) })
            }
            Err(ReadFault::NotThere(sequence)) => Err(SourceFault::EndsBefore(sequence)),
            Err(fault) => Err(SourceFault::Unreachable(fault.to_string())),
        }
    }

    fn blocks(&mut self, height: u64) -> Result<Vec<StoredBlock>, SourceFault> {
        let last = self.blocks.last().min(height + 2);
        Ok((height..=last).map(|height| self.blocks.read(height).expect("stored")).collect())
    }

    fn checkpoint(&mut self) -> Result<Option<Vec<u8>>, SourceFault> {
        Ok(self.checkpoint.clone())
    }

    fn hand_in(&mut self, cosigned: &[u8]) -> Result<(), SourceFault> {
        self.handed_in.borrow_mut().push(cosigned.to_vec());
        Ok(())
    }
}

/// A source with other blocks: what a cheating operator has signed instead.
pub(crate) struct Cheating<F> {
    pub(crate) served: Served,
    pub(crate) change: F,
}

impl<F: FnMut(u64, StoredBlock) -> StoredBlock> Source for Cheating<F> {
    fn frames(&mut self, sequence: u64) -> Result<ServedFrames, SourceFault> {
        self.served.frames(sequence)
    }
    fn blocks(&mut self, height: u64) -> Result<Vec<StoredBlock>, SourceFault> {
        let blocks = self.served.blocks(height)?.into_iter().zip(height..);
        Ok(blocks.map(|(block, height)| (self.change)(height, block)).collect())
    }
    fn checkpoint(&mut self) -> Result<Option<Vec<u8>>, SourceFault> {
        self.served.checkpoint()
    }
    fn hand_in(&mut self, cosigned: &[u8]) -> Result<(), SourceFault> {
        self.served.hand_in(cosigned)
    }
}

/// A header that the operator signs, whatever is in it.
pub(crate) fn signed(header: &BlockHeader) -> StoredBlock {
    StoredBlock { header: header.encode(), signature: sign_header(&operator_key(), &header.hash()).0 }
}

/// A checkpoint that the operator signs, whatever is in it.
pub(crate) fn signed_checkpoint(head: LogHead) -> Vec<u8> {
    let checkpoint = Checkpoint::new(&origin_of(&CHAIN_ID), head);
    let line = checkpoint.sign(&operator_key()).expect("an origin");
    Note::new(checkpoint.to_string(), vec![line]).expect("a note").to_string().into_bytes()
}

pub(crate) fn checkpoint_head(note: &[u8]) -> LogHead {
    let key = log_key(&origin_of(&CHAIN_ID), identity().operator).expect("a name");
    Checkpoint::open(note, &key).expect("the operator's").0.head
}

/// TEST KEY, NEVER FOR REAL MONEY: a validator's.
pub(crate) fn validator_key() -> SigningKey {
    SigningKey::from_bytes(&[0x77; 32])
}

pub(crate) fn follower(storage: &SimStorage) -> Result<Follower<SimStorage>, FollowFault> {
    let (replica, _) = Replica::open(storage.clone(), lengths(COPY_SEGMENT_BYTES), identity())?;
    let witness = Witness::open(storage.clone(), &replica, ("bank-a.example/validator", validator_key()))?;
    Ok(Follower::new(replica, Some(witness), 2))
}

/// Turns until there is nothing to do.
pub(crate) fn follow(
    follower: &mut Follower<SimStorage>,
    source: &mut impl Source,
) -> Result<Turn, FollowFault> {
    let mut all = Turn::default();
    loop {
        let before = follower.replica().next_sequence();
        let turn = follower.turn(source, NOW)?;
        all.frames += turn.frames;
        all.blocks += turn.blocks;
        all.signed = turn.signed.or(all.signed);
        all.snapshot = turn.snapshot.or(all.snapshot);
        if turn.is_idle() && follower.replica().next_sequence() == before {
            return Ok(all);
        }
    }
}

/// Turns as [`follow`], and asks a source that says what nobody has signed again, five seconds later each time.
pub(crate) fn insist(
    follower: &mut Follower<SimStorage>,
    source: &mut impl Source,
) -> Result<Turn, FollowFault> {
    for asked in 0..100 {
        match follower.turn(source, NOW + 5 * asked) {
            Ok(turn) if turn.is_idle() => return Ok(turn),
            Ok(_) | Err(FollowFault::Source(SourceFault::Unproven(_))) => {}
            other => return other,
        }
    }
    Err(SourceFault::Unreachable("it was asked a hundred times".to_owned()).into())
}

/// Follows a cheat from an empty disk until it is found.
pub(crate) fn found(source: &mut impl Source) -> (Box<Finding>, Follower<SimStorage>) {
    let storage = SimStorage::new(2, Plan::default());
    let mut follower = follower(&storage).expect("an empty disk");
    match follow(&mut follower, source) {
        Err(FollowFault::Found(finding)) => (finding, follower),
        other => panic!("not found: {other:?}"),
    }
}

pub(crate) fn disk(seed: u64) -> SimStorage {
    SimStorage::new(seed, Plan::default())
}
