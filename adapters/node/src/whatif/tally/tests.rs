//! What is counted over frames of many entries is what is counted entry by entry: peaks within a frame are found, with
//! holds that begin, end or expire in it.

use feiqian_core::batch::{Batch, Payload, PayloadBuilder, command_payload};
use feiqian_core::bic::Bic;
use feiqian_core::claim::ENGINE;
use feiqian_core::command::{APPROVAL_CONTEXT, Approval, Command, Entry, Genesis};
use feiqian_core::frame::FrameKind;
use feiqian_core::ids::SequenceRange;
use feiqian_core::state::{FrameView, History};
use feiqian_proof::Hash;
use feiqian_proof::signature::{PublicKey, SigningKey, sign_message};

use super::*;

const CHAIN: [u8; 16] = *b"what if, a test!";
const CAP: u64 = 300;
const SECOND: u64 = 1_000_000_000;

/// No id comes twice here.
struct NoHistory;

impl History for NoHistory {
    fn record(&self, _sequence: u64) -> Option<Record> {
        None
    }
    fn stored_ids(&self, _hash: u64, _range: SequenceRange) -> Option<Vec<u64>> {
        None
    }
}

#[derive(Default)]
struct House {
    state: State,
    tally: Tally,
    commands: u128,
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

impl House {
    /// Three banks with the clearing accounts 0, 1 and 2.
    fn founded() -> Self {
        let mut house = Self::default();
        let officers = vec![(1, PublicKey::of(&key(1))), (2, PublicKey::of(&key(2)))];
        let operator_key = PublicKey::of(&key(3));
        house.command(Command::Genesis(Genesis {
            chain_id: CHAIN,
            id_key: 0x0123_4567_89ab_cdef_0fed_cba9_8765_4321,
            salt_secret: [9; 32],
            operator_key,
            officers,
        }));
        let currency = Currency::from_code("EUR").expect("there");
        for code in ["BNKAXXAA", "BNKBXXAA", "BNKCXXAA"] {
            let bic = Bic::parse(code).expect("a BIC");
            house.command(Command::RegisterParticipant { bic, name: code.into(), key: None });
            house.command(Command::OpenPosition { bic, currency, cap: CAP });
        }
        house
    }

    fn command(&mut self, command: Command) {
        self.commands += 1;
        let mut entry = Entry::new((1 << 100) + self.commands, command);
        let bytes = entry.signed_bytes(&CHAIN);
        entry.approvals = [1_u8, 2]
            .map(|officer| Approval {
                officer: officer.into(),
                signature: sign_message(&key(officer), APPROVAL_CONTEXT, &bytes),
            })
            .to_vec();
        let payload = command_payload(&entry.encode());
        let rows = self.apply(FrameKind::Command, (&payload, 1), 0);
        assert_eq!(rows[0].outcome(), Some(Outcome::Cleared), "{entry:?}");
    }

    fn apply(&mut self, kind: FrameKind, (payload, count): (&[u8], u32), timestamp: u64) -> Vec<OutcomeRow> {
        let parsed = match kind {
            FrameKind::Transfers => Some(Payload::parse(payload, count).expect("well formed")),
            FrameKind::Command => None,
        };
        let records = parsed.as_ref().map_or(&[][..], |parsed| parsed.records);
        let held = held_before(&self.state, records);
        let first_sequence = self.state.next_sequence();
        let view = FrameView { kind, first_sequence, count, timestamp, hash: Hash([0; 32]), payload };
        let mut rows = Vec::new();
        let applied = self.state.apply(&view, &NoHistory, &mut rows).expect("applied");
        let decided = parsed.as_ref().map(|_| Decided { records, rows: &rows, held: &held });
        self.tally.take(&self.state, timestamp, decided, applied.delta.as_ref());
        rows
    }

    fn transfers(&mut self, records: &[Record], timestamp: u64) -> Vec<OutcomeRow> {
        let mut builder = PayloadBuilder::default();
        for record in records {
            let submitter = u32::try_from(record.debtor.get()).expect("small");
            builder.push(Batch::new(submitter, vec![*record]));
        }
        let (payload, count) = builder.finish();
        self.apply(FrameKind::Transfers, (&payload, count), timestamp)
    }

    /// A release of a payment that waits, by the engine.
    fn release(&mut self, records: &[Record], timestamp: u64) -> Vec<OutcomeRow> {
        let mut builder = PayloadBuilder::default();
        builder.push(Batch::new(ENGINE, records.to_vec()));
        let (payload, count) = builder.finish();
        self.apply(FrameKind::Transfers, (&payload, count), timestamp)
    }

    fn peaks(&self) -> Vec<i128> {
        self.tally.slots.iter().map(|tally| tally.peak_use).collect()
    }
}

fn record(id: u128, (debtor, creditor): (u64, u64), amount: u64, flags: u16) -> Record {
    Record { flags: flags.into(), ..Record::new(id, debtor, creditor, amount, 978) }
}

#[test]
fn a_peak_within_a_frame_is_found() {
    let mut house = House::founded();
    let post = Record { related: 2.into(), ..record(5, (0, 1), 10, flags::POST) };
    let records = [
        record(1, (0, 1), 30, 0),
        record(2, (0, 1), 50, flags::HOLD),
        record(3, (1, 0), 20, 0),
        record(4, (0, 2), 40, flags::HOLD),
        post,
    ];
    let rows = house.transfers(&records, SECOND);
    assert!(rows.iter().all(|row| row.reason().is_none()), "{rows:?}");
    assert_eq!(house.tally.uses, [60, -20, 0], "30 + 10 - 20 and a hold of 40");
    assert_eq!(house.peaks(), [100, 0, 0], "30, 80, 60, 100, 60");
    let void = Record { related: 4.into(), ..record(6, (0, 2), 0, flags::VOID) };
    house.transfers(&[void, record(7, (0, 2), 75, 0)], 2 * SECOND);
    assert_eq!((house.tally.uses[0], house.peaks()), (95, vec![100, 0, 0]));
    house.transfers(&[record(8, (0, 2), 6, 0)], 3 * SECOND);
    assert_eq!(house.peaks(), [101, 0, 0]);
}

#[test]
fn a_payment_that_waits_counts_as_waiting_until_it_is_released() {
    let mut house = House::founded();
    house.transfers(&[record(1, (0, 1), 290, 0), record(2, (0, 2), 50, flags::QUEUE)], SECOND);
    let own = |house: &House| house.tally.slots[0].clone();
    assert_eq!(own(&house).outcomes["queued"], Sums { count: 1, value: 50 });
    assert!(own(&house).reasons.is_empty(), "it is not rejected");
    let release = |id: u128| Record { related: 2.into(), ..record(id, (0, 2), 50, flags::RELEASE) };
    // Too early: an attempt of the engine is no payment.
    assert!(house.release(&[release(3)], 2 * SECOND)[0].reason().is_some());
    assert_eq!((own(&house).outcomes.get("rejected"), house.peaks()[0]), (None, 290));
    house.transfers(&[record(4, (1, 0), 45, 0)], 3 * SECOND);
    assert_eq!(house.release(&[release(5)], 4 * SECOND)[0].outcome(), Some(Outcome::Cleared));
    let tally = own(&house);
    assert_eq!(tally.waits, Waits { released: 1, total: 3 * u128::from(SECOND), longest: 3 * SECOND });
    assert_eq!((tally.outcomes["cleared"].count, tally.peak_use), (2, 295));
    assert!(house.tally.waiting.is_empty());
}

#[test]
fn of_payments_that_go_out_at_once_only_what_remains_is_used() {
    let mut house = House::founded();
    house.transfers(&[record(1, (0, 1), 280, 0), record(2, (1, 0), 280 * 2 + 10, 0)], SECOND);
    let queued = [record(3, (0, 1), 900, flags::QUEUE), record(4, (1, 0), 880, flags::QUEUE)];
    let rows = house.transfers(&queued, 2 * SECOND);
    assert!(rows.iter().all(|row| row.outcome() == Some(Outcome::Queued)), "{rows:?}");
    let before = house.peaks();
    let of = |id: u128, queued: &Record, flags: u16| {
        let sides = (queued.debtor.get(), queued.creditor.get());
        Record { related: queued.uetr, ..record(id, sides, queued.amount.get(), flags) }
    };
    let set = [of(5, &queued[0], flags::RELEASE | flags::LINKED), of(6, &queued[1], flags::RELEASE)];
    let rows = house.release(&set, 3 * SECOND);
    assert!(rows.iter().all(|row| row.outcome() == Some(Outcome::Cleared)), "{rows:?}");
    assert_eq!(house.peaks(), before, "no position stood 900 below in between");
}

/// A frame's records: transfers and holds among three banks, posts and voids of holds of any time, some expiring.
fn story(random: &mut impl FnMut(u64) -> u64, next: &mut u128, holds: &mut Vec<Record>) -> Vec<Record> {
    let count = 1 + random(12);
    let mut records = Vec::new();
    for _ in 0..count {
        *next += 1;
        let debtor = random(3);
        let sides = (debtor, (debtor + 1 + random(2)) % 3);
        let amount = 1 + random(90);
        let of_hold = |random: &mut dyn FnMut(u64) -> u64, holds: &[Record]| {
            let length = u64::try_from(holds.len()).unwrap_or(0);
            usize::try_from(random(length)).ok().and_then(|at| holds.get(at).copied())
        };
        let made = match (random(5), of_hold(random, holds)) {
            (0, Some(hold)) => {
                let part = 1 + hold.amount.get() / 3;
                let keep = if random(2) == 0 { flags::KEEP } else { 0 };
                let sides = (hold.debtor.get(), hold.creditor.get());
                Record { related: hold.uetr, ..record(*next, sides, part, flags::POST | keep) }
            }
            (1, Some(hold)) => Record {
                related: hold.uetr,
                ..record(*next, (hold.debtor.get(), hold.creditor.get()), 0, flags::VOID)
            },
            (2, _) => {
                let timeout = u32::try_from(random(4)).unwrap_or(0);
                let hold = Record { timeout: timeout.into(), ..record(*next, sides, amount, flags::HOLD) };
                holds.push(hold);
                hold
            }
            _ => record(*next, sides, amount, 0),
        };
        records.push(made);
    }
    records
}

#[test]
fn frames_of_many_count_as_frames_of_one() {
    for seed in 1..=20_u64 {
        let mut dice = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut random = |below: u64| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            dice.checked_rem(below).unwrap_or(0)
        };
        let (mut many, mut one) = (House::founded(), House::founded());
        let (mut next, mut holds) = (0, Vec::new());
        for second in 1..=60 {
            let records = story(&mut random, &mut next, &mut holds);
            let rows = many.transfers(&records, second * SECOND);
            let alone: Vec<_> =
                records.iter().flat_map(|record| one.transfers(&[*record], second * SECOND)).collect();
            assert_eq!(rows, alone, "seed {seed}");
            assert_eq!(many.tally.slots, one.tally.slots, "seed {seed}, second {second}: {records:?}");
        }
        assert_eq!(many.tally.uses, one.tally.uses);
        let most = many.peaks().into_iter().max().expect("some");
        assert!(most > i128::from(CAP) / 2 && most <= i128::from(CAP), "seed {seed}: {most}");
        let kinds: Vec<_> = many.tally.slots.iter().flat_map(|tally| tally.outcomes.keys()).collect();
        for kind in ["cleared", "held", "voided", "rejected"] {
            assert!(kinds.contains(&&kind), "seed {seed}: nothing was {kind}");
        }
    }
}

#[test]
fn a_curve_keeps_its_ends_and_stays_short() {
    let mut curve = Curve::default();
    for at in 0..100_000 {
        curve.cleared += 1;
        curve.note(at, 0);
    }
    let moments = curve.moments();
    assert!(moments.len() <= MOMENTS_MAX && moments.len() > MOMENTS_MAX / 4);
    assert_eq!((moments[0].timestamp, moments[moments.len() - 1].cleared), (0, 100_000));
    assert!(moments.windows(2).all(|pair| pair[0].timestamp < pair[1].timestamp));
}
