//! Properties of the plain loop over random stories, held to the oracle.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use feiqian_core::account::{AccountKind, AccountState};
use feiqian_core::authority::ProposalCommand;
use feiqian_core::batch::Batch;
use feiqian_core::claim::ENGINE;
use feiqian_core::command::{APPROVAL_CONTEXT, Command, Entry};
use feiqian_core::outcome::{Outcome, OutcomeRow, RejectReason};
use feiqian_core::participant::{Participant, ParticipantState};
use feiqian_core::schedule::ScheduleCommand;
use feiqian_core::state::State;
use feiqian_core::transfer::{Record, flags};
use feiqian_proof::signature::{PublicKey, verify_message};
use feiqian_tests::dice::Dice;
use feiqian_tests::generator::story;
use feiqian_tests::oracle::{Oracle, Planted};
use feiqian_tests::picture::Picture;
use feiqian_tests::world::{CHAIN_ID, Content, Eyes, Past, World, entry, genesis};

use crate::serial::{Applied, Serial, apply_both};
use crate::stories::each;

/// Reads a story with both, and gives the first difference.
fn compare(world: &World, mut oracle: Oracle) -> Result<Vec<Applied>, String> {
    let mut serial = Serial::default();
    world.frames().iter().map(|frame| apply_both(&mut serial, &mut oracle, world, frame)).collect()
}

#[test]
fn i5_the_plain_loop_equals_the_oracle() {
    each(300, |seed| {
        let world = story(seed);
        compare(&world, Oracle::default()).unwrap_or_else(|difference| panic!("{difference}"));
    });
}

#[test]
fn a_planted_fault_is_found() {
    for planted in Planted::ALL {
        let found = (1..=1_000).find(|seed| compare(&story(*seed), Oracle::wrong(planted)).is_err());
        assert!(found.is_some(), "nobody noticed {planted:?}");
    }
}

#[test]
fn stories_reach_every_outcome_and_reason_that_they_can() {
    let mut seen: BTreeMap<(u8, u8), u64> = BTreeMap::new();
    for seed in 1..=1_000 {
        let (_, applied) = Serial::of(&story(seed));
        for row in applied.iter().flat_map(|applied| &applied.rows) {
            *seen.entry((row.outcome, row.reason)).or_default() += 1;
        }
    }
    assert!(seen.contains_key(&(Outcome::Queued.number(), RejectReason::QueuedAhead.number())), "{seen:?}");
    // Genesis stands right in every story, bounds of billions are for tables, and who is behind others waits.
    let unreached = [RejectReason::GenesisMisplaced, RejectReason::TooManyHolds, RejectReason::QueuedAhead];
    for reason in RejectReason::ALL.iter().filter(|reason| !unreached.contains(reason)) {
        let count = seen.get(&(Outcome::Rejected.number(), reason.number()));
        assert!(count.is_some(), "no story is refused with {reason:?}: {seen:?}");
    }
    for outcome in Outcome::ALL {
        let count: u64 = seen.iter().filter(|((at, _), _)| *at == outcome.number()).map(|(_, n)| n).sum();
        assert!(count > 200, "{outcome:?}: {count}");
    }
}

#[test]
fn i2_debits_equal_credits_after_every_frame() {
    each(100, |seed| {
        let world = story(seed);
        let mut serial = Serial::default();
        for frame in world.frames() {
            serial.apply(&world, frame);
            let picture = Picture::of_state(&serial.state);
            let mut of_currency: BTreeMap<u16, (i128, i128)> = BTreeMap::new();
            let mut of_slot = vec![0; picture.slots.len()];
            for (terms, cell) in &picture.accounts {
                of_currency.entry(terms.currency).or_default().0 += cell.balance;
                of_slot[terms.slot as usize] += cell.balance;
            }
            for ((terms, cell), balances) in picture.slots.iter().zip(of_slot) {
                let said = cell.position + cell.closed.iter().map(|(_, net)| net).sum::<i128>();
                assert_eq!(balances, said, "{terms:?}");
                of_currency.entry(terms.currency.numeric()).or_default().1 += said;
            }
            assert!(of_currency.values().all(|sums| *sums == (0, 0)), "{of_currency:?}");
        }
    });
}

/// What must be answered where the entry at `sequence` comes again, by the first use of its id.
fn repetition(world: &World, sequence: usize) -> OutcomeRow {
    let record = world.records()[sequence - 1];
    let first = world.records().iter().position(|other| other.uetr == record.uetr).expect("itself");
    match record.uetr.get() {
        0 => OutcomeRow::rejected(RejectReason::MissingId),
        _ if world.records()[first] == record => OutcomeRow::duplicate(first as u64 + 1),
        _ => OutcomeRow::rejected(RejectReason::IdReused),
    }
}

#[test]
fn i3_whatever_is_journaled_again_answers_its_original_after_a_restart_too() {
    each(60, |seed| {
        let world = story(seed);
        let (serial, _) = Serial::of(&world);
        let mirror = serial.sealer.mirror();
        let restored = State::restored(mirror, crate::sharded::ids_of(&world), world.next_sequence());
        for state in [serial.state.clone(), restored] {
            let mut serial = Serial { state, sealer: serial.sealer.clone() };
            let mut longer = world.clone();
            let before = Picture::of_state(&serial.state);
            for frame in world.frames() {
                if let Content::Command(bytes) = &frame.content
                    && Entry::decode(bytes).is_err()
                {
                    continue;
                }
                let again = longer.push_again(frame).clone();
                let rows = serial.apply(&longer, &again).rows;
                for (row, sequence) in rows.iter().zip(usize::try_from(frame.first_sequence).expect("few")..)
                {
                    assert_eq!(*row, repetition(&world, sequence), "sequence {sequence}");
                }
            }
            assert_eq!(Picture::of_state(&serial.state), before);
        }
    });
}

#[test]
fn i4_a_replay_gives_the_same_rows_blocks_and_state_whatever_keys_the_index() {
    each(60, |seed| {
        let world = story(seed);
        let ((first, rows), (second, rows_again)) = (Serial::of(&world), Serial::of(&world));
        assert_eq!(rows, rows_again);
        assert_eq!(Picture::of_state(&first.state), Picture::of_state(&second.state));
        let Content::Command(old) = &world.frames()[0].content else { panic!("genesis is a command") };
        let id = Entry::decode(old).expect("genesis").id;
        let new = entry(id, Command::Genesis(genesis(u128::from(seed) << 64)), Eyes::None).encode();
        let mut rekeyed = World::default();
        for frame in world.frames() {
            rekeyed.wait(Duration::from_nanos(frame.timestamp - rekeyed.now()));
            match &frame.content {
                Content::Command(bytes) if bytes == old => rekeyed.push_bytes(new.clone()),
                _ => rekeyed.push_again(frame),
            };
        }
        let (other, rows_rekeyed) = Serial::of(&rekeyed);
        let plain = |all: &[Applied]| all.iter().map(|applied| applied.rows.clone()).collect::<Vec<_>>();
        assert_eq!(plain(&rows), plain(&rows_rekeyed));
        assert_eq!(Picture::of_state(&first.state), Picture::of_state(&other.state));
    });
}

#[test]
fn i4_when_the_changes_of_a_block_are_copied_makes_no_difference() {
    each(100, |seed| {
        let (world, mut dice) = (story(seed), Dice::new(seed));
        let (mut at_once, mut later) = (State::default(), State::default());
        later.copy_later();
        let (mut wanted, mut copied) = (Vec::new(), Vec::new());
        for frame in world.frames() {
            if matches!(frame.content, Content::Command(_)) {
                // It may seal the next block.
                copied.extend(later.copy_changed(1));
            }
            let past = Past { world: &world, before: frame.first_sequence };
            let apply = |state: &mut State| state.apply(&frame.view(), &past, &mut Vec::new());
            wanted.extend(apply(&mut at_once).expect("the world makes whole frames").delta);
            let applied = apply(&mut later).expect("the world makes whole frames");
            assert_eq!(applied.delta, None, "it comes later");
            if dice.once_in(4) {
                copied.extend(later.copy_changed(3));
            }
        }
        copied.extend(later.copy_changed(1));
        assert!(!later.is_copying());
        assert_eq!(copied, wanted);
    });
}

/// The same transfers at the same times, in other batches and frames; chains stay whole.
fn rebatched(world: &World, dice: &mut Dice) -> World {
    let mut other = World::default();
    for frame in world.frames() {
        other.wait(Duration::from_nanos(frame.timestamp - other.now()));
        let Content::Transfers(batches) = &frame.content else {
            other.push_again(frame);
            continue;
        };
        let mut pieces: Vec<Batch> = Vec::new();
        let mut is_open = true;
        for batch in batches {
            let mut is_first = true;
            for record in &batch.records {
                // Two batches become one only where the first leaves no chain open.
                let may_join = pieces.last().is_some_and(|last| last.participant == batch.participant);
                let must_join = !is_first && is_open;
                match pieces.last_mut() {
                    Some(last) if must_join || (may_join && !is_open && !dice.once_in(4)) => {
                        last.records.push(*record);
                    }
                    _ => pieces.push(Batch::new(batch.participant, vec![*record])),
                }
                (is_open, is_first) = (record.is_linked(), false);
            }
        }
        while !pieces.is_empty() {
            let count = usize::try_from(1 + dice.below(pieces.len() as u64)).expect("few");
            other.push_transfers(pieces.drain(..count).collect());
        }
    }
    other
}

#[test]
fn i5_any_split_into_batches_and_frames_gives_equal_outcomes() {
    each(100, |seed| {
        let world = story(seed);
        let other = rebatched(&world, &mut Dice::new(seed));
        assert_eq!(world.records(), other.records());
        let ((first, applied), (second, applied_other)) = (Serial::of(&world), Serial::of(&other));
        let flat = |all: Vec<Applied>| all.into_iter().flat_map(|at| at.rows).collect::<Vec<_>>();
        assert_eq!(flat(applied), flat(applied_other));
        assert_eq!(Picture::of_state(&first.state), Picture::of_state(&second.state));
    });
}

/// The officers of before the entry whose signatures under it are right.
fn signers(entry: &Entry, before: &Picture) -> BTreeSet<PublicKey> {
    let bytes = entry.signed_bytes(&CHAIN_ID);
    let valid = entry.approvals.iter().filter_map(|approval| {
        let (_, key) = before.officers.iter().find(|(number, _)| *number == approval.officer)?;
        verify_message(key, APPROVAL_CONTEXT, &bytes, &approval.signature).then_some(*key)
    });
    valid.collect()
}

/// Whether somebody may do more, or the officers or cycles are others.
fn is_wider(before: &Picture, after: &Picture) -> bool {
    let may = |state: AccountState| (state.may_send(), state.may_receive());
    let is_active = |at: &Participant| at.state == ParticipantState::Active;
    before.participants.len() < after.participants.len()
        || before.slots.len() < after.slots.len()
        || before.officers != after.officers
        || before.delay > after.delay
        || before.cycles.len() < after.cycles.len()
        || before.slots.iter().zip(&after.slots).any(|((a, _), (b, _))| a.cap < b.cap)
        || before
            .participants
            .iter()
            .zip(&after.participants)
            .any(|(a, b)| (is_active(b) && !is_active(a)) || a.key != b.key)
        || before.accounts.iter().zip(&after.accounts).any(|((a, _), (b, _))| {
            let ((sent, received), (sends, receives)) = (may(a.state), may(b.state));
            a.credit_line < b.credit_line || (sends && !sent) || (receives && !received)
        })
}

/// Two different keys have signed the entry, or its proposal and its approval.
fn is_seen_by_two(entry: &Entry, before: &Picture, proposed: &BTreeMap<u128, BTreeSet<PublicKey>>) -> bool {
    let mut keys = signers(entry, before);
    if let Command::Proposal(
        ProposalCommand::Approve { proposal, .. } | ProposalCommand::Enact { proposal },
    ) = &entry.command
    {
        keys.extend(proposed.get(proposal).into_iter().flatten());
    }
    keys.len() >= 2
}

#[test]
fn i7_nothing_moves_but_by_its_owner_and_no_limit_but_by_two() {
    each(60, |seed| {
        let world = story(seed);
        let mut serial = Serial::default();
        let mut proposed: BTreeMap<u128, BTreeSet<PublicKey>> = BTreeMap::new();
        for frame in world.frames() {
            let before = Picture::of_state(&serial.state);
            let before_registry = serial.state.registry().clone();
            let applied = serial.apply(&world, frame);
            match &frame.content {
                Content::Command(bytes) => {
                    let is_cleared = applied.rows[0].outcome() == Some(Outcome::Cleared);
                    let entry = Entry::decode(bytes).ok().filter(|_| is_cleared);
                    let Some(entry) = entry.filter(|_| frame.first_sequence > 1) else { continue };
                    let after = Picture::of_state(&serial.state);
                    let is_seen = is_seen_by_two(&entry, &before, &proposed);
                    let scheduled = match &entry.command {
                        Command::Schedule(ScheduleCommand::CloseScheduled { cycle }) => Some(*cycle),
                        _ => None,
                    };
                    let closes = scheduled.is_some();
                    let cut_off = scheduled.and_then(|cycle| before_registry.cut_off_of(cycle));
                    let cut_off = cut_off.is_some_and(|at| at <= frame.timestamp);
                    assert!(!closes || cut_off, "{entry:?}");
                    assert!(!is_wider(&before, &after) || is_seen || closes, "{entry:?}");
                    let is_own_limit = matches!(entry.command, Command::Limit(_));
                    let is_signed = is_seen || !signers(&entry, &before).is_empty();
                    assert!(is_own_limit || !entry.command.is_risky() || is_signed);
                    let keys = signers(&entry, &before);
                    match &entry.command {
                        Command::Proposal(ProposalCommand::Propose { .. }) => {
                            proposed.insert(entry.id, keys);
                        }
                        Command::Proposal(ProposalCommand::Approve { proposal, .. }) => {
                            proposed.entry(*proposal).or_default().extend(keys);
                        }
                        _ => {}
                    }
                }
                Content::Transfers(batches) => {
                    let records = batches.iter().flat_map(|batch| {
                        batch.records.iter().map(move |record| (batch.participant, record))
                    });
                    for ((submitter, record), row) in records.zip(&applied.rows) {
                        assert!(is_fenced(&before, submitter, record, row), "{submitter} {record:?} {row:?}");
                    }
                    let after = Picture::of_state(&serial.state);
                    assert_eq!(before.participants, after.participants);
                    assert!(before.slots.iter().zip(&after.slots).all(|((a, _), (b, _))| a == b));
                    assert!(before.accounts.iter().zip(&after.accounts).all(|((a, _), (b, _))| a == b));
                }
            }
        }
    });
}

/// Whether the debtor's owner has given its word for this debit: by a quote that it locked for the submitter.
fn is_quoted(picture: &Picture, submitter: u32, record: &Record) -> bool {
    let quote = picture.quotes.iter().find(|(id, _)| *id == record.related.get());
    quote.is_some_and(|(_, quote)| {
        (quote.requester, quote.target_account, quote.target_amount)
            == (submitter, record.debtor.get(), record.amount.get())
    })
}

/// Whether a tariff, in force or announced, lets the account of a participant be debited for its part of a fee.
fn is_tariffed(picture: &Picture, record: &Record) -> bool {
    let (terms, _) = &picture.accounts[usize::try_from(record.debtor.get()).expect("known")];
    let announced = picture.announced.iter().filter_map(|(_, _, after)| after.as_ref());
    let mut tariffs = picture.tariffs.values().chain(announced);
    terms.kind == AccountKind::Clearing
        && tariffs.any(|tariff| tariff.scope.currency.numeric() == terms.currency)
}

fn is_fenced(picture: &Picture, submitter: u32, record: &Record, row: &OutcomeRow) -> bool {
    let owner = |handle: u64| {
        let slot = picture.accounts[usize::try_from(handle).expect("known")].0.slot;
        picture.slots[slot as usize].0.participant
    };
    match row.outcome() {
        // What its owner has made wait, in this frame or before, the engine releases.
        Some(Outcome::Cleared) if record.flags.get() & flags::RELEASE != 0 => submitter == ENGINE,
        // What two officers have ordered, the engine carries out.
        Some(Outcome::Cleared) if record.flags.get() & flags::ORDERED != 0 => {
            let ordered =
                picture.orders.iter().map(|(number, order)| order.record(*number, record.uetr.get()));
            submitter == ENGINE && ordered.into_iter().any(|ordered| ordered == *record)
        }
        Some(Outcome::Cleared | Outcome::Held | Outcome::Voided | Outcome::Queued) => {
            let bits = record.flags.get();
            let is_finishing = bits & (flags::POST | flags::VOID) != 0 && bits & flags::QUEUE == 0;
            submitter == owner(record.debtor.get())
                || (is_finishing && submitter == owner(record.creditor.get()))
                || (bits & flags::QUOTE != 0 && is_quoted(picture, submitter, record))
                || (bits & flags::FEE != 0 && is_tariffed(picture, record))
        }
        _ => true,
    }
}
