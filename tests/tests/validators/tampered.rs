//! Operators that cheat, one way each: found at the first block that is false, with evidence whose judge needs nothing
//! but the key where the operator has signed both things itself, and the journal before it where it has not.

use feiqian_core::block::leaf_hashes;
use feiqian_core::outcome::OutcomeRow;
use feiqian_core::state::History as _;
use feiqian_proof::Hash;
use feiqian_proof::groups::GROUP_LEAVES;
use feiqian_proof::hash::Domain;
use feiqian_proof::header::BlockHeader;
use feiqian_proof::log::LogHead;
use feiqian_proof::signature::PublicKey;
use feiqian_proof::tree::root_of;
use feiqian_runtime::follow::{
    Evidence, EvidenceError, Finding, FollowFault, ServedChain, ServedFrames, Source, SourceFault, Verdict,
    judge,
};
use feiqian_runtime::history::JournalHistory;
use feiqian_runtime::stores::{OutcomeStore, StoredBlock};
use feiqian_tests::sim_storage::SimStorage;
use feiqian_tests::world::operator_key;
use zerocopy::FromBytes as _;

use crate::house::{
    Cheating, Operator, Served, checkpoint_head, disk, follow, follower, found, groups_with, identity,
    signed, signed_checkpoint,
};

fn header_of(block: &StoredBlock) -> BlockHeader {
    BlockHeader::decode(&block.header).expect("a header")
}

/// The finding's evidence, through its file.
pub(crate) fn evidence_of(finding: &Finding) -> Evidence {
    let bytes = finding.evidence.encode();
    for end in [0, 7, 8, 40, bytes.len() - 1] {
        assert_eq!(Evidence::decode(&bytes[..end]), Err(EvidenceError::Form), "cut at {end}");
    }
    let evidence = Evidence::decode(&bytes).expect("evidence");
    assert_eq!(evidence, finding.evidence);
    evidence
}

fn convicts(verdict: &Result<Verdict, EvidenceError>, words: &str) {
    match verdict {
        Ok(Verdict::Convicts(what)) => assert!(what.contains(words), "{what}"),
        other => panic!("it does not convict: {other:?}"),
    }
}

/// An operator that serves its true journal and blocks up to `height`, and there another header of its own.
pub(crate) fn false_at(
    operator: &Operator,
    at: u64,
    change: impl Fn(BlockHeader) -> BlockHeader,
) -> impl FnMut(u64, StoredBlock) -> StoredBlock {
    let falsified = signed(&change(header_of(&operator.blocks().read(at).expect("stored"))));
    move |height, block| if height == at { falsified } else { block }
}

#[test]
fn a_bit_in_a_balance_is_found_at_its_block_and_convicts() {
    // The same journal executed on a state that differs in one bit of one amount.
    let operator = Operator::told();
    let mut tampered = Operator::begun();
    let groups = groups_with(|number, batches| {
        if number == 0 {
            let amount = &mut batches[0].records[0].amount;
            *amount = (amount.get() ^ 1).into();
        }
    });
    tampered.run(&groups);
    let other = header_of(&tampered.blocks().read(1).expect("stored")).accounts;
    let change = false_at(&operator, 1, |header| BlockHeader { accounts: other, ..header });
    let (finding, follower) = found(&mut Cheating { served: operator.serve(), change });
    assert_eq!((finding.height, finding.sequence), (1, 1));
    assert!(finding.what.contains("accounts root") && finding.what.contains("sequence 1"), "{finding}");
    assert_eq!(follower.replica().height(), 0, "nothing is kept of it");
    let evidence = evidence_of(&finding);
    let key = PublicKey::of(&operator_key());
    assert!(matches!(judge(&evidence, &key, None::<SimStorage>), Ok(Verdict::Undecided(_))));
    convicts(&judge(&evidence, &key, Some(operator.storage.clone())), "accounts root");
}

type Falsify = fn(&mut BlockHeader, Hash);

/// An operator that decided otherwise than its journal says, and keeps the rows that it signed.
struct Deciding {
    served: Served,
    block: StoredBlock,
    groups: Vec<Hash>,
    rows: Vec<u8>,
    first_sequence: u64,
}

impl Source for Deciding {
    fn frames(&mut self, sequence: u64) -> Result<ServedFrames, SourceFault> {
        self.served.frames(sequence)
    }
    fn blocks(&mut self, height: u64) -> Result<Vec<StoredBlock>, SourceFault> {
        let blocks = self.served.blocks(height)?.into_iter().zip(height..);
        Ok(blocks.map(|(block, height)| if height == 1 { self.block } else { block }).collect())
    }
    fn groups(&mut self, _: u64) -> Result<Vec<Hash>, SourceFault> {
        Ok(self.groups.clone())
    }
    fn rows(&mut self, sequence: u64, count: usize) -> Result<Vec<u8>, SourceFault> {
        let at = usize::try_from(sequence - self.first_sequence).expect("in the block") * 32;
        Ok(self.rows[at..at + count * 32].to_vec())
    }
    fn checkpoint(&mut self) -> Result<Option<Vec<u8>>, SourceFault> {
        self.served.checkpoint()
    }
    fn hand_in(&mut self, cosigned: &[u8]) -> Result<(), SourceFault> {
        self.served.hand_in(cosigned)
    }
}

#[test]
fn the_first_entry_that_was_decided_otherwise_is_named_by_the_operators_own_roots() {
    let operator = Operator::told();
    let truth = header_of(&operator.blocks().read(1).expect("stored"));
    let count = usize::try_from(truth.count).expect("few");
    assert!(count > 6);
    let rows =
        OutcomeStore::open(operator.storage.clone()).and_then(|rows| rows.read(1, count)).expect("rows");
    let seed = operator.machine.state().registry().block_seed(1);
    let decide = |rows: &[u8]| {
        let (rows, mut leaves) = (<[OutcomeRow]>::ref_from_bytes(rows).expect("rows"), Vec::new());
        for frame in operator.machine.journal().reader().frames_from(1) {
            let frame = frame.expect("readable");
            let at = leaves.len();
            if at == count {
                break;
            }
            let taken = at..at + usize::try_from(frame.header.count).expect("few");
            let mut records = Vec::new();
            let first = frame.header.first_sequence;
            for sequence in first..=frame.header.last_sequence() {
                let history = JournalHistory::new(operator.machine.journal().reader());
                records.push(history.record(sequence).expect("a record"));
            }
            leaf_hashes(&seed, (first, frame.header.timestamp), (&records, &rows[taken]), &mut leaves);
        }
        leaves
    };
    let groups = |leaves: &[Hash]| -> Vec<Hash> {
        leaves.chunks(GROUP_LEAVES).map(|group| root_of(Domain::TransferNode, group)).collect()
    };
    let root = |leaves: &[Hash]| root_of(Domain::TransferNode, &groups(leaves));
    assert_eq!(root(&decide(&rows)), truth.transfers.hash, "the test makes the leaves that the engine makes");
    for index in [0, 3, count - 1] {
        let mut rows = rows.clone();
        for row in rows.chunks_mut(32).skip(index) {
            row[0] ^= 3;
        }
        let leaves = decide(&rows);
        let mut header = truth;
        header.transfers.hash = root(&leaves);
        let source = || Deciding {
            served: operator.serve(),
            block: signed(&header),
            groups: groups(&leaves),
            rows: rows.clone(),
            first_sequence: 1,
        };
        let (finding, _) = found(&mut source());
        assert_eq!(finding.sequence, index as u64 + 1, "{finding}");
        let named = format!("that differs is sequence {}", index + 1);
        assert!(finding.what.contains("transfers root") && finding.what.ends_with(&named), "{finding}");
        convicts(
            &judge(&evidence_of(&finding), &identity().operator, Some(operator.storage.clone())),
            "transfers root",
        );
        // Rows and groups that do not lead to what was signed say nothing.
        let (finding, _) = found(&mut Deciding { rows: vec![7; rows.len()], ..source() });
        assert_eq!(finding.sequence, 1);
        let (finding, _) = found(&mut Deciding { groups: vec![Hash([7; 32])], ..source() });
        assert_eq!(finding.sequence, 1);
        assert!(finding.what.contains("can differ"), "{finding}");
    }
}

#[test]
fn every_root_of_a_later_block_is_held_against_the_replay() {
    let operator = Operator::told();
    let wrong = Hash([7; 32]);
    let changes: [(&str, Falsify); 6] = [
        ("transfers root", |header, hash| header.transfers.hash = hash),
        ("accounts root", |header, hash| header.accounts.hash = hash),
        ("positions root", |header, hash| header.positions.hash = hash),
        ("config root", |header, hash| header.config.hash = hash),
        ("totals", |header, hash| header.totals = hash),
        ("timestamp", |header, _| header.timestamp += 1),
    ];
    for (field, falsify) in changes {
        let change = false_at(&operator, 3, |mut header| {
            falsify(&mut header, wrong);
            header
        });
        let (finding, follower) = found(&mut Cheating { served: operator.serve(), change });
        assert_eq!(finding.height, 3, "{field}");
        assert!(finding.what.contains(field), "{finding}");
        assert_eq!(follower.replica().height(), 2, "{field}");
        let verdict = judge(&evidence_of(&finding), &identity().operator, Some(operator.storage.clone()));
        convicts(&verdict, field);
    }
}

#[test]
fn a_true_block_can_not_be_made_to_look_false() {
    let operator = Operator::told();
    let change = false_at(&operator, 2, |header| BlockHeader { cycle: header.cycle + 1, ..header });
    let (finding, _) = found(&mut Cheating { served: operator.serve(), change });
    let Evidence::Block { identity, own, frames, served, .. } = evidence_of(&finding) else {
        panic!("a block")
    };
    let truth = Box::new(operator.blocks().read(2).expect("stored"));
    let accusing =
        Evidence::Block { identity, signed: truth, own, frames: frames.clone(), served: served.clone() };
    let data = || Some(operator.storage.clone());
    assert!(matches!(judge(&accusing, &identity.operator, data()), Ok(Verdict::Refuted(_))));
    // Unsigned, and with another key than the operator's.
    let mut forged = operator.blocks().read(2).expect("stored");
    forged.header[200] ^= 1;
    let accusing = Evidence::Block {
        identity,
        signed: Box::new(forged),
        own: Box::new(header_of(&forged)),
        frames,
        served,
    };
    assert_eq!(judge(&accusing, &identity.operator, data()), Err(EvidenceError::NotSigned));
    let stranger = PublicKey::of(&feiqian_proof::signature::SigningKey::from_bytes(&[3; 32]));
    assert!(matches!(judge(&accusing, &stranger, data()), Err(EvidenceError::Operator(_))));
}

/// Serves the journal of one operator and the blocks of another.
fn mixed(journal: &Operator, blocks: &Operator) -> Served {
    Served { reader: journal.machine.journal().reader(), ..blocks.serve() }
}

/// The operator has signed for what it served, and for blocks over something else: its key convicts it. Where it has not
/// signed for what it serves, nothing is taken from it; from a copy it is, and convicts nobody.
fn found_as_other_frames(changed: &Operator) {
    let honest = Operator::told();
    let mut source = Served { chunk_bytes: 20_000, ..mixed(changed, &honest) };
    let (finding, follower) = found(&mut source);
    assert_eq!(finding.height, 1);
    assert_eq!(follower.replica().height(), 0);
    let evidence = evidence_of(&finding);
    convicts(&judge(&evidence, &identity().operator, None::<SimStorage>), "having served another one");
    let Evidence::Block { identity, signed, own, frames, served: Some(served) } = evidence else {
        panic!("a block, with what was served")
    };
    let with = |change: &dyn Fn(&mut ServedChain)| {
        let mut served = served.clone();
        change(&mut served);
        let (signed, own, frames) = (signed.clone(), own.clone(), frames.clone());
        let evidence = Evidence::Block { identity, signed, own, frames, served: Some(served) };
        judge(&evidence, &identity.operator, None::<SimStorage>)
    };
    assert_eq!(with(&|served| served.statement.signature.0[7] ^= 1), Err(EvidenceError::NotSigned));
    let shorter = with(&|served| served.headers.truncate(served.headers.len().saturating_sub(256)));
    assert!(matches!(shorter, Err(EvidenceError::Frames(_))), "{shorter:?}");

    let mut source = Served { is_signing: false, ..source };
    let mut validator = follower_of_nothing();
    let refused = follow(&mut validator, &mut source);
    assert!(matches!(refused, Err(FollowFault::Source(_))), "{refused:?}");
    let error = follow(&mut validator.relayed(), &mut source);
    let Err(FollowFault::Found(finding)) = error else { panic!("{error:?}") };
    let verdict = judge(&evidence_of(&finding), &identity.operator, Some(honest.storage.clone()));
    assert!(matches!(verdict, Ok(Verdict::Undecided(_))), "{verdict:?}");
}

fn follower_of_nothing() -> feiqian_runtime::follow::Follower<SimStorage> {
    follower(&disk(5)).expect("an empty disk")
}

#[test]
fn a_transfer_that_is_dropped_from_the_journal_is_found_at_its_block() {
    let mut dropped = Operator::begun();
    dropped.run(&groups_with(|number, batches| {
        if number == 1 {
            batches[0].records.remove(0);
        }
    }));
    found_as_other_frames(&dropped);
}

#[test]
fn transfers_in_swapped_order_are_found_at_their_block() {
    let mut swapped = Operator::begun();
    swapped.run(&groups_with(|number, batches| {
        if number == 0 {
            batches[0].records.swap(0, 1);
        }
    }));
    found_as_other_frames(&swapped);
}

#[test]
fn a_transfer_dropped_from_the_block_but_not_from_its_journal_convicts() {
    let operator = Operator::told();
    let change = false_at(&operator, 1, |mut header| {
        header.count -= 1;
        header.transfers.size -= 1;
        header.transfers.hash = Hash([9; 32]);
        header
    });
    let (finding, _) = found(&mut Cheating { served: operator.serve(), change });
    assert_eq!(finding.height, 1);
    let verdict = judge(&evidence_of(&finding), &identity().operator, Some(operator.storage.clone()));
    convicts(&verdict, "count");
}

#[test]
fn two_journals_that_the_operator_signed_for_convict_it_and_nothing_is_written() {
    let operator = Operator::told();
    let mut other = Operator::begun();
    other.run(&groups_with(|number, batches| {
        if number == 0 {
            batches[0].records[0].amount = 499.into();
        }
    }));
    let mut validator = follower(&disk(4)).expect("an empty disk");
    let mut served = operator.serve();
    while validator.replica().height() < 2 {
        validator.turn(&mut served, 0).expect("an honest operator so far");
    }
    let before = validator.replica().reader().durable();
    let mut served = Served { reader: other.machine.journal().reader(), ..served };
    let error = follow(&mut validator, &mut served).expect_err("another journal");
    let FollowFault::Found(finding) = error else { panic!("{error}") };
    assert!(finding.what.contains("continues another one"), "{finding}");
    assert!(finding.sequence >= before);
    assert_eq!(validator.replica().reader().durable(), before);
    let evidence = evidence_of(&finding);
    let judged = |evidence: &Evidence| judge(evidence, &identity().operator, None::<SimStorage>);
    convicts(&judged(&evidence), "two journals of epoch 1");
    let bytes = evidence.encode();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        let judged = Evidence::decode(&flipped).and_then(|evidence| judged(&evidence));
        assert!(!matches!(judged, Ok(Verdict::Convicts(_))), "byte {at} flipped: {judged:?}");
    }
    let Evidence::Journals { identity, chains } = evidence else { panic!("two journals") };
    let once = Evidence::Journals { identity, chains: Box::new([chains[0].clone(), chains[0].clone()]) };
    assert_eq!(judged(&once), Err(EvidenceError::NoTwoJournals));
}

#[test]
fn a_fork_convicts_with_the_key_alone() {
    let mut operator = Operator::begun();
    let groups = crate::house::groups();
    let half = groups.len() / 2;
    operator.run(&groups[..half]);
    let mut validator = follower(&disk(4)).expect("an empty disk");
    follow(&mut validator, &mut operator.serve()).expect("honest so far");
    let height = validator.replica().height();
    assert!(height > 1);
    operator.run(&groups[half..]);
    let change =
        false_at(&operator, height, |header| BlockHeader { timestamp: header.timestamp + 1, ..header });
    let error = follow(&mut validator, &mut Cheating { served: operator.serve(), change });
    let Err(FollowFault::Found(finding)) = error else { panic!("{error:?}") };
    assert_eq!(finding.height, height);
    let evidence = evidence_of(&finding);
    convicts(&judge(&evidence, &identity().operator, None::<SimStorage>), "two headers of height");
    convicts(&judge(&evidence, &identity().operator, None::<SimStorage>), "in epoch 1");
    let bytes = evidence.encode();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        let judged = Evidence::decode(&flipped)
            .and_then(|evidence| judge(&evidence, &identity().operator, None::<SimStorage>));
        assert!(!matches!(judged, Ok(Verdict::Convicts(_))), "byte {at} flipped: {judged:?}");
    }
    let Evidence::Fork { identity, blocks, seals } = evidence else { panic!("a fork") };
    assert!(seals.iter().all(|seal| seal.len() == 256), "the frames that seal them are at hand");
    let alone = Evidence::Fork { identity, blocks: blocks.clone(), seals: Box::default() };
    assert_eq!(Evidence::decode(&alone.encode()), Ok(alone.clone()));
    convicts(&judge(&alone, &identity.operator, None::<SimStorage>), "unless one is of a later epoch");
    convicts(&judge(&alone, &identity.operator, Some(operator.storage.clone())), "in epoch 1");
    let twice = Evidence::Fork { identity, blocks: Box::new([blocks[0], blocks[0]]), seals: Box::default() };
    assert_eq!(judge(&twice, &identity.operator, None::<SimStorage>), Err(EvidenceError::NoFork));
}

#[test]
fn a_fork_that_shows_in_the_checkpoint_alone_is_found() {
    let operator = Operator::told();
    let mut served = operator.serve();
    let mut validator = follower(&disk(4)).expect("an empty disk");
    let head = checkpoint_head(served.checkpoint.as_ref().expect("there is one"));
    served.checkpoint = Some(signed_checkpoint(LogHead { root: Hash([1; 32]), ..head }));
    let error = follow(&mut validator, &mut served);
    let Err(FollowFault::Found(finding)) = error else { panic!("{error:?}") };
    assert_eq!(validator.witness().expect("one").signed(), 0, "nothing was signed");
    let evidence = evidence_of(&finding);
    assert!(matches!(judge(&evidence, &identity().operator, None::<SimStorage>), Ok(Verdict::Undecided(_))));
    convicts(&judge(&evidence, &identity().operator, Some(operator.storage.clone())), "with another");
    let truth =
        Evidence::Checkpoint { identity: identity(), note: signed_checkpoint(head), own: Hash([1; 32]) };
    let verdict = judge(&truth, &identity().operator, Some(operator.storage.clone()));
    assert!(matches!(verdict, Ok(Verdict::Refuted(_))));
}
