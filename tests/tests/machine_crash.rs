//! I1 and I9 for the whole machine: one story is cut off at every operation on the storage and inside every
//! write, every operation of it fails once in each way, and every byte of a closed directory is damaged.
//! After each, all that was answered is there, the same, and the rest of the story ends where it always ends;
//! or the start is refused.
//!
//! `FEIQIAN_CRASHES` sets the number of power cuts. A failure prints its seed and its operation.

#[path = "machine_crash/flips.rs"]
mod flips;
#[path = "machine_crash/life.rs"]
mod life;
#[path = "machine_crash/stores.rs"]
mod stores;

use feiqian_core::outcome::Outcome;
use feiqian_tests::sim_storage::{Dice, Failure, Plan};
use feiqian_tests::story::Story;
use feiqian_tests::world::Expected;

use life::{Answer, Disk, End, Known, Reference, live, reference};

const POWER_CUTS_DEFAULT: u64 = 1_500;
/// Several segments to a story, and room for its longest group.
const SEGMENT_BYTES: u32 = 32_768;
/// Lives after the first; the last one has a good disk.
const LIVES: u64 = 3;

/// Tells the story with the power going at `cut_at`, then in lives that are cut off anywhere or killed, the
/// last of which tells it to its end. Gives the number of power cuts.
fn tell(seed: u64, cut_at: u64, lies: bool, reference: &Reference, answer: Answer) -> Result<u64, String> {
    let mut dice = Dice::new(seed ^ (cut_at << 24));
    let mut disk = Disk::new(dice.roll(), Plan { cut_at: Some(cut_at), lies, ..Plan::default() });
    let mut known = Known::default();
    let told = |what: Result<End, String>, life: u64| what.map_err(|what| format!("life {life}: {what}"));
    told(live(&disk, SEGMENT_BYTES, reference, &mut known, answer), 0)?;
    let mut power_cuts = 0;
    for life in 1..=LIVES {
        // A start that has nothing left to do takes some 30 operations; the story the more.
        let next = 1 + if dice.once_in(2) { dice.below(40) } else { dice.below(reference.operations) };
        let plan = Plan { cut_at: (life < LIVES).then_some(next), lies, ..Plan::default() };
        let is_kill = life > 1 && dice.once_in(4);
        power_cuts += u64::from(!is_kill);
        disk = disk.after(is_kill, plan);
        let end = told(live(&disk, SEGMENT_BYTES, reference, &mut known, answer), life)?;
        if life == LIVES && end != End::Told {
            return Err("the last life did not end the story".into());
        }
    }
    Ok(power_cuts)
}

/// Cuts the story at every operation, again and again until there were enough power cuts; the first that goes
/// wrong ends it.
fn crash_everywhere(wanted: u64, lies: bool, answer: Answer) -> Result<u64, String> {
    let reference = reference(Story::told(), SEGMENT_BYTES);
    let mut power_cuts = 0;
    for seed in 1.. {
        for cut_at in 1..=reference.operations {
            power_cuts += tell(seed, cut_at, lies, &reference, answer)
                .map_err(|what| format!("seed {seed}, operation {cut_at}: {what}"))?;
        }
        if power_cuts >= wanted {
            break;
        }
    }
    Ok(power_cuts)
}

fn power_cuts_wanted() -> u64 {
    let wanted = std::env::var("FEIQIAN_CRASHES").ok().and_then(|text| text.parse().ok());
    wanted.unwrap_or(POWER_CUTS_DEFAULT)
}

#[test]
fn the_story_goes_as_it_is_written() {
    for (story, wanted) in [(Story::told(), 8), (Story::short(), 3)] {
        let expected = story.expected();
        let reference = reference(story, 65_536);
        for (at, (row, expected)) in reference.rows.iter().zip(&expected).enumerate() {
            assert_eq!(&Expected::of(row), expected, "sequence {}", at + 1);
        }
        assert_eq!((reference.rows.len(), reference.blocks.len()), (expected.len(), wanted));
    }
}

#[test]
fn i3_what_is_submitted_again_is_answered_with_its_original() {
    let reference = reference(Story::told(), SEGMENT_BYTES);
    let entries = reference.story.entries;
    for at in 0..entries {
        let (first, again) = (&reference.rows[at], &reference.rows[entries + at]);
        let original = first.original().unwrap_or(at as u64 + 1);
        let is_reused = first.reason() == Some(feiqian_core::outcome::RejectReason::IdReused);
        assert_eq!(again.original(), (!is_reused).then_some(original), "sequence {}", at + 1);
        assert_eq!(again.outcome() == Some(Outcome::Rejected), is_reused);
    }
}

#[test]
fn i1_i9_no_crash_loses_or_changes_what_was_answered() {
    let wanted = power_cuts_wanted();
    let power_cuts =
        crash_everywhere(wanted, false, Answer::AfterRun).unwrap_or_else(|what| panic!("{what}"));
    assert!(power_cuts >= wanted);
}

#[test]
fn i9_every_operation_may_fail_in_every_way() {
    let reference = reference(Story::told(), SEGMENT_BYTES);
    for at in 1..=reference.operations {
        for (failure, number) in [Failure::Device, Failure::NoSpace, Failure::ShortWrite].into_iter().zip(0..)
        {
            let told = tell_failing(at << 2 | number, (at, failure), &reference);
            assert_eq!(told, Ok(()), "operation {at}, {failure:?}");
        }
    }
}

/// The fault in the first life, and once more at the same place while it starts again.
fn tell_failing(seed: u64, fail_at: (u64, Failure), reference: &Reference) -> Result<(), String> {
    let mut dice = Dice::new(seed);
    let plan = Plan { fail_at: Some(fail_at), ..Plan::default() };
    let mut known = Known::default();
    let first = Disk::new(seed, plan);
    live(&first, SEGMENT_BYTES, reference, &mut known, Answer::AfterRun)?;
    let early = Plan { fail_at: Some((1 + fail_at.0 % 40, fail_at.1)), ..plan };
    let second = first.after(dice.once_in(2), early);
    live(&second, SEGMENT_BYTES, reference, &mut known, Answer::AfterRun)?;
    let third = second.after(dice.once_in(2), Plan::default());
    match live(&third, SEGMENT_BYTES, reference, &mut known, Answer::AfterRun)? {
        End::Told => Ok(()),
        End::Stopped => Err("a good disk stopped".into()),
    }
}

#[test]
fn a_storage_whose_sync_does_nothing_is_caught() {
    let caught = crash_everywhere(POWER_CUTS_DEFAULT, true, Answer::AfterRun);
    assert!(caught.is_err(), "the planted fault was not found");
}

#[test]
fn a_machine_that_answers_before_it_has_appended_is_caught() {
    let caught = crash_everywhere(POWER_CUTS_DEFAULT, false, Answer::BeforeRun);
    let what = caught.expect_err("the planted fault was not found");
    assert!(what.contains("entries were answered"), "{what}");
}
