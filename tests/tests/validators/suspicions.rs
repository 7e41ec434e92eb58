//! What nobody has signed: one bad answer is asked again, the same again and again is found, and a finding stays until
//! somebody has looked.

use feiqian_proof::header::BlockHeader;
use feiqian_runtime::follow::{
    Alarm, FollowFault, SUSPICION_ANSWERS, ServedFrames, Source, SourceFault, Verdict, judge,
};
use feiqian_runtime::storage::Storage as _;
use feiqian_runtime::stores::StoredBlock;
use feiqian_tests::sim_storage::{Plan, SimStorage};

use crate::house::{Cheating, NOW, Operator, Served, disk, follow, follower, found, identity, insist};
use crate::tampered::{evidence_of, false_at};

/// Says of every sequence that its journal ends before.
struct Refusing(Served);

impl Source for Refusing {
    fn frames(&mut self, sequence: u64) -> Result<ServedFrames, SourceFault> {
        Err(SourceFault::EndsBefore(sequence))
    }
    fn blocks(&mut self, height: u64) -> Result<Vec<StoredBlock>, SourceFault> {
        self.0.blocks(height)
    }
    fn checkpoint(&mut self) -> Result<Option<Vec<u8>>, SourceFault> {
        self.0.checkpoint()
    }
    fn hand_in(&mut self, cosigned: &[u8]) -> Result<(), SourceFault> {
        self.0.hand_in(cosigned)
    }
}

/// As a relaying host could change them: without the operator's signature nothing of it is the operator's doing.
#[test]
fn one_bad_answer_of_any_kind_is_asked_again_and_accuses_nobody() {
    let (operator, mut shorter) = (Operator::told(), Operator::begun());
    let groups = crate::house::groups();
    shorter.run(&groups[..groups.len() / 2]);
    let mut validator = follower(&disk(4)).expect("an empty disk");
    let mut honest = operator.serve();
    // A new validator that is told that there is not even the first frame.
    let mut empty = Refusing(operator.serve());
    for asked in 0..2 * u64::from(SUSPICION_ANSWERS) {
        let refused = validator.turn(&mut empty, NOW + 10 * asked);
        assert!(matches!(refused, Err(FollowFault::Source(_))), "{refused:?}");
    }
    let mut bits = 0;
    let flipped = |_, mut block: StoredBlock| {
        bits += 1;
        block.signature[bits % 64] ^= 1;
        block
    };
    let refused = follow(&mut validator, &mut Cheating { served: operator.serve(), change: flipped });
    assert!(matches!(refused, Err(FollowFault::Source(SourceFault::Unproven(_)))), "{refused:?}");
    follow(&mut validator, &mut honest).expect("an honest operator");
    let older = Served { checkpoint: shorter.serve().checkpoint, ..operator.serve() };
    for mut source in [shorter.serve(), older] {
        let refused = validator.turn(&mut source, NOW);
        assert!(matches!(refused, Err(FollowFault::Source(SourceFault::Unproven(_)))), "{refused:?}");
        follow(&mut validator, &mut honest).expect("an honest operator");
    }
    assert_eq!(validator.replica().height(), operator.blocks().last());
}

#[test]
fn an_alarm_outlives_the_process_and_no_evidence_is_overwritten() {
    let operator = Operator::told();
    let storage = disk(4);
    assert_eq!(Alarm::standing(&storage), Ok(None));
    let find = |change: u64| {
        let change =
            false_at(&operator, 2, move |header| BlockHeader { cycle: header.cycle + change, ..header });
        found(&mut Cheating { served: operator.serve(), change }).0
    };
    let (first, second) = (find(1), find(2));
    let raised =
        [&first, &second, &first].map(|finding| Alarm::raise(&storage, finding).expect("a good disk"));
    let names = raised.each_ref().map(|alarm| alarm.evidence.as_str());
    assert_eq!(names, ["evidence-2.fqe", "evidence-2-2.fqe", "evidence-2.fqe"]);
    assert_eq!(storage.content("evidence-2.fqe"), Some(first.evidence.encode()));
    assert_eq!(storage.content("evidence-2-2.fqe"), Some(second.evidence.encode()));
    let storage = storage.power_cut(Plan::default());
    assert_eq!(Alarm::standing(&storage).expect("read").as_ref(), Some(&raised[2]));
    assert_eq!(Alarm::clear(&storage), Ok(Some("validator/alarm-1.seen".to_owned())));
    assert_eq!(Alarm::standing(&storage), Ok(None));
    storage.write_atomically("validator/alarm", b"rubbish").expect("written");
    let standing = Alarm::standing(&storage).expect("read").expect("one that can't be read is one");
    assert!(standing.what.contains("can't be read"));
    assert_eq!(Alarm::clear(&storage), Ok(Some("validator/alarm-2.seen".to_owned())));
}

#[test]
fn a_log_that_was_cut_is_found_and_no_smaller_size_is_signed() {
    let operator = Operator::told();
    let mut shorter = Operator::begun();
    let groups = crate::house::groups();
    shorter.run(&groups[..groups.len() / 2]);
    let mut validator = follower(&disk(4)).expect("an empty disk");
    follow(&mut validator, &mut operator.serve()).expect("honest so far");
    let signed = validator.witness().expect("one").signed();
    // The checkpoint alone, and the journal with it.
    for source in [Served { checkpoint: shorter.serve().checkpoint, ..operator.serve() }, shorter.serve()] {
        let mut source = source;
        let error = insist(&mut validator, &mut source);
        let Err(FollowFault::Found(finding)) = error else { panic!("{error:?}") };
        assert!(finding.what.contains("set back") || finding.what.contains("cut"), "{finding}");
        assert!(source.handed_in.borrow().is_empty());
        assert_eq!(validator.witness().expect("one").signed(), signed);
        let verdict = judge(&evidence_of(&finding), &identity().operator, None::<SimStorage>);
        assert!(matches!(verdict, Ok(Verdict::Undecided(_))), "a shorter log is no crime by itself");
    }
}

#[test]
fn a_copy_that_is_behind_is_waited_for_and_accuses_nobody() {
    let operator = Operator::told();
    let mut shorter = Operator::begun();
    let groups = crate::house::groups();
    shorter.run(&groups[..groups.len() / 2]);
    let mut validator = follower(&disk(4)).expect("an empty disk").relayed();
    let mut copy = Served { is_signing: false, ..operator.serve() };
    follow(&mut validator, &mut copy).expect("an honest operator's copy");
    let mut behind = Served { is_signing: false, ..shorter.serve() };
    let refused = follow(&mut validator, &mut behind);
    assert!(matches!(refused, Err(FollowFault::Source(_))), "{refused:?}");
    let mut behind = Served { checkpoint: shorter.serve().checkpoint, ..copy };
    follow(&mut validator, &mut behind).expect("an older checkpoint says nothing");
}

#[test]
fn a_block_that_the_operator_did_not_sign_stops_the_validator_once_it_is_served_again_and_again() {
    let operator = Operator::told();
    let change = |height, mut block: StoredBlock| {
        if height == 2 {
            block.signature[5] ^= 1;
        }
        block
    };
    let mut validator = follower(&disk(4)).expect("an empty disk");
    let error = insist(&mut validator, &mut Cheating { served: operator.serve(), change });
    let Err(FollowFault::Found(finding)) = error else { panic!("{error:?}") };
    assert!(finding.what.contains("not signed by the operator's key"), "{finding}");
    assert_eq!(validator.replica().height(), 1);
}
