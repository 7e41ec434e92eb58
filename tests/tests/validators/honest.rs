//! An honest operator: its validators have every frame and root of it, and what they sign counts.

use feiqian_proof::cosignature::{time_of, witness_key};
use feiqian_proof::note::Note;
use feiqian_proof::policy::{WitnessGroups, WitnessPolicy};
use feiqian_proof::signature::PublicKey;
use feiqian_runtime::audit::audit;
use feiqian_runtime::follow::{ServedFrames, Source, SourceFault};
use feiqian_runtime::machine::Machine;
use feiqian_runtime::stores::StoredBlock;
use feiqian_tests::world::operator_key;

use crate::house::{
    COPY_SEGMENT_BYTES, NOW, Operator, Served, checkpoint_head, disk, follow, follower, groups, lengths,
    validator_key,
};

#[test]
fn a_validator_has_every_frame_and_root_and_its_directory_is_a_whole_one() {
    let operator = Operator::told();
    let storage = disk(3);
    let mut validator = follower(&storage).expect("an empty disk");
    let turn = follow(&mut validator, &mut operator.serve()).expect("an honest operator");
    let last = operator.blocks().last();
    assert_eq!((turn.blocks, turn.signed), (last, Some(last)));
    let (ours, theirs) = (validator.replica().reader(), operator.machine.journal().reader());
    let all = |reader: &feiqian_runtime::journal::JournalReader<_>| reader.stored_from(1, usize::MAX);
    assert_eq!(all(&ours), all(&theirs), "a copy to the byte");
    for height in 1..=last {
        assert_eq!(validator.replica().blocks().read(height), operator.blocks().read(height));
    }
    validator.close().expect("a good disk");
    let report = audit(storage.clone()).expect("no difference");
    assert_eq!((report.blocks, report.rows_missing), (last, 0));
    let options = lengths(COPY_SEGMENT_BYTES);
    let (machine, report) = Machine::recover(storage, options, operator_key()).expect("a data directory");
    assert_eq!(report.torn, None);
    assert_eq!(machine.journal().head(), operator.machine.journal().head());
}

#[test]
fn what_a_validator_signs_makes_a_block_witnessed() {
    let operator = Operator::told();
    let storage = disk(3);
    let mut validator = follower(&storage).expect("an empty disk");
    let mut served = operator.serve();
    follow(&mut validator, &mut served).expect("an honest operator");
    let key = witness_key("bank-a.example/validator", PublicKey::of(&validator_key())).expect("a name");
    let groups = WitnessGroups::from([("banks".to_owned(), vec![key.clone()])]);
    let policy = WitnessPolicy::parse("banks 1 of 1", &groups).expect("a policy");
    let log = operator.machine.open_log(Some(policy)).expect("opened");
    let handed_in = served.handed_in.borrow();
    let cosigned = handed_in.last().expect("it was handed in");
    let note = Note::parse(cosigned).expect("a note");
    assert!(note.signatures.iter().any(|line| time_of(&key, note.text(), line) == Some(NOW)));
    assert_eq!(log.take(cosigned), Ok(operator.blocks().last()));
    assert_eq!(log.witnessed(), operator.blocks().last());
}

#[test]
fn four_validators_that_follow_as_the_journal_grows_agree_at_every_height() {
    let mut operator = Operator::begun();
    let disks = [disk(3), disk(4), disk(5), disk(6)];
    let mut validators = disks.each_ref().map(|storage| follower(storage).expect("an empty disk"));
    let mut signed = 0;
    for group in groups() {
        operator.run(&[group]);
        let mut served = operator.serve();
        for validator in &mut validators {
            follow(validator, &mut served).expect("an honest operator");
        }
        let height = operator.blocks().last();
        let heads: Vec<_> = served.handed_in.borrow().iter().map(|note| checkpoint_head(note)).collect();
        assert!(heads.iter().all(|head| *head == heads[0]), "equal roots");
        let is_new = height > signed;
        assert_eq!(heads.len(), if is_new { validators.len() } else { 0 }, "each signs each size once");
        signed = height;
        assert!(validators.iter().all(|validator| validator.replica().height() == height));
    }
    assert!(signed > 3);
}

/// Serves its newest checkpoint, and blocks up to the last but one: as it is for a validator that is always a little behind.
struct Ahead(Served);

impl Source for Ahead {
    fn frames(&mut self, sequence: u64) -> Result<ServedFrames, SourceFault> {
        self.0.frames(sequence)
    }
    fn blocks(&mut self, height: u64) -> Result<Vec<StoredBlock>, SourceFault> {
        let last = self.0.blocks.last().saturating_sub(1);
        let blocks = self.0.blocks(height)?.into_iter().zip(height..);
        Ok(blocks.filter(|(_, height)| *height <= last).map(|(block, _)| block).collect())
    }
    fn checkpoint(&mut self) -> Result<Option<Vec<u8>>, SourceFault> {
        self.0.checkpoint()
    }
    fn hand_in(&mut self, cosigned: &[u8]) -> Result<(), SourceFault> {
        self.0.hand_in(cosigned)
    }
}

#[test]
fn a_validator_that_is_always_behind_the_newest_checkpoint_cosigns_those_that_it_has_replayed() {
    let (mut operator, storage) = (Operator::begun(), disk(3));
    let mut validator = follower(&storage).expect("an empty disk");
    for group in groups() {
        operator.run(&[group]);
        follow(&mut validator, &mut Ahead(operator.serve())).expect("an honest operator");
    }
    let last = operator.blocks().last();
    assert_eq!(validator.replica().height(), last - 1);
    let signed = validator.witness().expect("it has one").signed();
    assert!(signed + 2 >= last, "{signed} of {last}");
}
