//! What sessions are for: batches in, outcomes out, in order, and answers about one's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use feiqian_core::account::UNLIMITED;
use feiqian_core::batch::Payload;
use feiqian_core::batch_signature::verify_batch;
use feiqian_core::currency::Currency;
use feiqian_core::outcome::{Outcome, RejectReason};
use feiqian_core::transfer::Record;
use feiqian_proof::kinds::{Proof, SignedBatchProof};
use feiqian_proof::signature::{PublicKey, Signature};
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::prover::Prover;
use feiqian_tests::world::CHAIN_ID;
use feiqian_wire::ServerOptions;
use feiqian_wire::client::{BusyReason, Client, ClientError, Credentials, Outcomes, Verdict};
use feiqian_wire::refusal::Refusal;

use crate::house::{A1, B1, CLEARING, FUNDS, House, bic, credentials, in_house, key, outcomes, pay};

/// The rows of a reply are those that the engine keeps, for every record.
async fn check_against_engine(house: &House, records: Vec<Vec<Record>>, replies: Vec<Outcomes>) {
    let engine = house.engine.clone();
    let check = move || {
        for (records, outcomes) in records.iter().zip(&replies) {
            assert_eq!(outcomes.rows.len(), records.len());
            let numbered = (outcomes.first_sequence..).zip(records.iter().zip(outcomes.rows.iter()));
            // The first and last of long ones: reading a row reads its frame.
            let step = (records.len() / 16).max(1);
            for (sequence, (record, row)) in numbered.step_by(step) {
                let (entry, kept) = engine.entry(sequence).expect("readable").expect("journaled");
                assert_eq!(entry.record, *record);
                assert_eq!(entry.timestamp, outcomes.timestamp);
                assert_eq!((kept.outcome(), kept.reason()), (Some(row.outcome), row.reason));
                assert_eq!(kept.amount.get(), row.detail.unwrap_or(record.amount.get()));
            }
        }
    };
    tokio::task::spawn_blocking(check).await.expect("checked");
}

/// Batches of all lengths; some records are refused.
fn mixed_batches() -> Vec<Vec<Record>> {
    let lengths =
        [1, 1, 2, 3, 100, 127, 128, 511, 512, 513, 1_023, 1_024, 1_025, 4_000, 8_190, 1, 8_190, 8_189, 7];
    let record = |number: usize| match number % 500 {
        7 => pay(A1, B1, FUNDS * 2),
        11 => pay(B1, A1, 1),
        _ => pay(CLEARING[0], B1 + number as u64 % 10, 1),
    };
    let mut batches: Vec<Vec<Record>> =
        lengths.iter().map(|length| (0..*length).map(record).collect()).collect();
    let again = batches[2][0];
    batches.push(vec![again, Record { amount: 9.into(), ..again }]);
    batches
}

#[test]
fn i1_pipelined_batches_of_all_lengths_are_answered_in_order_as_the_engine_decided() {
    in_house(
        ServerOptions::default(),
        |_| {},
        |house| async move {
            for (address, is_signed) in [(&house.tcp, false), (&house.unix, false), (&house.tcp, true)] {
                let client = Client::connect(address, &credentials('A')).await.expect("let in");
                let (mut sender, mut receiver) = client.split();
                let batches = mixed_batches();
                let sent = batches.clone();
                let sending = tokio::spawn(async move {
                    for (batch, number) in sent.iter().zip(1..) {
                        let request = sender.send_as(77 + u128::from(number), batch, is_signed).await;
                        assert_eq!(request.expect("sent"), number);
                    }
                    sender.flush().await.expect("sent");
                    sender
                });
                let mut replies = Vec::new();
                for number in 1..=batches.len() as u64 {
                    let reply = receiver.receive().await.expect("a reply");
                    assert_eq!(reply.request, number);
                    replies.push(outcomes(reply.verdict));
                }
                let last: Vec<_> = replies[replies.len() - 1].rows.iter().collect();
                assert_eq!(
                    (last[0].outcome, last[0].detail),
                    (Outcome::Duplicate, Some(replies[2].first_sequence))
                );
                assert_eq!(last[1].reason, Some(RejectReason::IdReused));
                assert!(replies[0].rows.are_all_as_submitted() && !replies[14].rows.are_all_as_submitted());
                check_against_engine(&house, batches, replies).await;
                let mut whole = Client::join(sending.await.expect("sent"), receiver);
                assert!(whole.balance(A1).await.expect("answered").is_some());
            }
        },
    );
}

#[test]
fn thousands_of_single_transfers_in_one_session_are_each_answered() {
    in_house(
        ServerOptions::default(),
        |_| {},
        |house| async move {
            let (mut sender, mut receiver) = house.client('A').await.split();
            const COUNT: u64 = 20_000;
            let sending = tokio::spawn(async move {
                for _ in 0..COUNT {
                    sender.send(&[pay(CLEARING[0], B1, 3)]).await.expect("sent");
                }
                sender.flush().await.expect("sent");
            });
            for request in 1..=COUNT {
                let reply = receiver.receive().await.expect("a reply");
                assert_eq!(reply.request, request);
                assert!(outcomes(reply.verdict).rows.are_all_as_submitted());
            }
            sending.await.expect("all sent");
            house.seal().await;
            let balance = house.client('B').await.balance(B1).await.expect("answered").expect("its own");
            assert_eq!(balance.balance, i128::from(COUNT * 3));
        },
    );
}

#[test]
fn i6_busy_is_answered_in_order_and_what_was_busy_can_be_sent_again() {
    let change = |options: &mut feiqian_runtime::options::EngineOptions| {
        options.participant_in_flight_transfers_max = 16;
        options.in_flight_transfers_max = 16;
    };
    in_house(ServerOptions::default(), change, |house| async move {
        let (mut sender, mut receiver) = house.client('A').await.split();
        let is_enough = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_enough);
        let sending = tokio::spawn(async move {
            let mut sent = Vec::new();
            while !told.load(Ordering::Relaxed) {
                let records = vec![pay(CLEARING[0], B1, 1); 1];
                let records = [records, (0..7).map(|_| pay(CLEARING[0], B1, 1)).collect()].concat();
                sender.send(&records).await.expect("sent");
                sent.push(records);
                if sent.len() % 50 == 0 {
                    sender.flush().await.expect("sent");
                }
            }
            sender.flush().await.expect("sent");
            (sender, sent)
        });
        let (mut busy, mut taken, mut number) = (Vec::new(), 0_u64, 0);
        let mut all = None;
        let mut sending = Some(sending);
        loop {
            number += 1;
            let reply = receiver.receive().await.expect("a reply");
            assert_eq!(reply.request, number, "in order");
            match reply.verdict {
                Verdict::Busy(reason) => {
                    assert_eq!(reason, BusyReason::Participant);
                    busy.push(number);
                }
                Verdict::Outcomes(_) => taken += 1,
            }
            if busy.len() > 20 && taken > 20 && sending.is_some() {
                is_enough.store(true, Ordering::Relaxed);
                all = Some(sending.take().expect("once").await.expect("sent"));
            }
            if all.as_ref().is_some_and(|(_, sent)| sent.len() as u64 == number) {
                break;
            }
        }
        let (sender, sent) = all.expect("all sent");
        let mut client = Client::join(sender, receiver);
        for request in &busy[..5] {
            let records = &sent[usize::try_from(request - 1).expect("small")];
            assert!(outcomes(client.submit(records).await.expect("a reply")).rows.are_all_as_submitted());
        }
        house.seal().await;
        let balance = house.client('B').await.balance(B1).await.expect("answered").expect("its own");
        assert_eq!(balance.balance, i128::from((taken + 5) * 8), "what was busy had no effect");
    });
}

#[test]
fn i7_a_participant_debits_and_asks_about_its_own_alone() {
    in_house(
        ServerOptions::default(),
        |_| {},
        |house| async move {
            let (mut a, mut b) = (house.client('A').await, house.client('B').await);
            let rows = outcomes(b.submit(&[pay(A1, B1, 5)]).await.expect("a reply")).rows;
            assert_eq!(rows.get(0).and_then(|row| row.reason), Some(RejectReason::NotOwner));
            let own = pay(A1, A1 + 1, 5);
            let shared = pay(A1, B1, 7);
            assert!(outcomes(a.submit(&[own, shared]).await.expect("a reply")).rows.are_all_as_submitted());
            house.seal().await;
            assert_eq!(b.balance(A1).await.expect("answered"), None);
            assert_eq!(b.balance(999_999).await.expect("answered"), None);
            let balance = a.balance(A1).await.expect("answered").expect("its own");
            assert_eq!((balance.balance, balance.reserved), (i128::from(FUNDS) - 12, 0));
            let eur = Currency::from_code("EUR").expect("a currency");
            let usd = Currency::from_code("USD").expect("a currency");
            let position = a.position(eur).await.expect("answered").expect("it has one");
            assert_eq!((position.position, position.cap), (-7, 1 << 60));
            assert!(position.cap != UNLIMITED && position.block > 0);
            assert_eq!(b.position(eur).await.expect("answered").map(|position| position.position), Some(7));
            assert_eq!(a.position(usd).await.expect("answered"), None);
            let found = b.transfer(shared.uetr.get()).await.expect("answered").expect("it is party to it");
            assert_eq!((found.outcome, found.detail, found.record), (Outcome::Cleared, 7, shared));
            assert_eq!(b.transfer(own.uetr.get()).await.expect("answered"), None);
            assert!(a.transfer(own.uetr.get()).await.expect("answered").is_some());
            assert_eq!(a.transfer(12_345_678).await.expect("answered"), None);
        },
    );
}

#[test]
fn names_and_own_accounts_are_found() {
    in_house(
        ServerOptions::default(),
        |_| {},
        |house| async move {
            let mut b = house.client('B').await;
            assert_eq!(b.resolve("OTHR:ALICE").await.expect("answered").map(|name| name.account), Some(A1));
            assert_eq!(b.resolve("OTHR:NOBODY").await.expect("answered"), None);
            let accounts = b.accounts().await.expect("answered");
            let found: Vec<_> =
                accounts.iter().map(|range| (range.first, range.count, range.is_clearing)).collect();
            assert_eq!(found, [(CLEARING[1], 1, true), (B1, 10, false)]);
        },
    );
}

#[test]
fn a_signed_batch_is_journaled_with_a_signature_that_verifies_from_the_journal_alone() {
    in_house(
        ServerOptions::default(),
        |_| {},
        |house| async move {
            for length in [1, 3_000] {
                let (mut sender, mut receiver) = house.client('A').await.split();
                let records: Vec<_> = (0..length).map(|_| pay(CLEARING[0], B1, 1)).collect();
                sender.send_as(0xFEED, &records, true).await.expect("sent");
                sender.flush().await.expect("sent");
                let found = outcomes(receiver.receive().await.expect("a reply").verdict);
                let frame = house.engine.archive().journal.frame_at(found.first_sequence).expect("journaled");
                let payload = Payload::parse(&frame.payload, frame.header.count).expect("well formed");
                let (_, entry, journaled) = payload
                    .by_batch()
                    .find(|(_, entry, _)| entry.batch_id.get() == 0xFEED)
                    .expect("it is there");
                assert_eq!((entry.is_signed.get(), journaled), (1, records.as_slice()));
                let (public, named) = (PublicKey::of(&key('A')), (&CHAIN_ID, 0xFEED));
                assert!(verify_batch(&public, named, journaled, &Signature(entry.signature)));
                assert!(!verify_batch(&public, (&CHAIN_ID, 0xBEEF), journaled, &Signature(entry.signature)));
                let (engine, sequence) = (house.engine.clone(), found.first_sequence + length / 2);
                let proven = tokio::task::spawn_blocking(move || prove_signed(&engine, sequence));
                proven.await.expect("proven");
            }
        },
    );
}

/// I8: from a block alone it follows that the participant itself signed the batch that holds the transfer.
fn prove_signed(engine: &Engine, sequence: u64) {
    engine.seal().expect("sealed");
    let archive = engine.archive().clone();
    let block = archive.block_of(sequence).expect("readable").expect("sealed").header.height;
    let operator = archive.genesis().expect("readable").operator_key;
    let made = Prover::at(archive, block).and_then(|prover| prover.signed_batch(sequence)).expect("made");
    let Proof::SignedBatch(mut proof) = made else { panic!("its key is in force after the block") };
    let bytes = proof.encode().expect("a proof");
    let read = SignedBatchProof::decode(&bytes).expect("well formed");
    assert!(read.verify(&operator, Some(&CHAIN_ID)).is_ok());
    let signer = read.participant.participant().expect("a participant").key;
    assert_eq!(signer, Some(*PublicKey::of(&key('A')).as_bytes()));
    proof.signature.0[5] ^= 1;
    assert!(proof.verify(&operator, Some(&CHAIN_ID)).is_err());
}

/// I8: a batch stays provable where its key is replaced in the same block, by the configuration of the block before.
#[test]
fn a_signed_batch_is_proven_by_the_key_of_the_block_before_where_it_is_replaced_in_its_own() {
    in_house(
        ServerOptions::default(),
        |_| {},
        |house| async move {
            // A block may end between the batch and the command: then the key is still in force after the batch's.
            for (old, new) in [('A', 'Q'), ('Q', 'A')].into_iter().cycle().take(40) {
                let credentials = Credentials { bic: bic('A'), key: key(old) };
                let mut client = Client::connect(&house.tcp, &credentials).await.expect("let in");
                house.seal().await;
                let records: Vec<_> = (0..3).map(|_| pay(CLEARING[0], B1, 1)).collect();
                let found = outcomes(client.submit_signed(&records).await.expect("taken"));
                house.replace_key('A', new).await;
                let (engine, sequence) = (house.engine.clone(), found.first_sequence + 1);
                let proven = tokio::task::spawn_blocking(move || is_by_former_key(&engine, sequence, old));
                if proven.await.expect("proven") {
                    return;
                }
            }
            panic!("no batch and key's replacement came into one block");
        },
    );
}

/// Proves the transfer's batch; whether that took the key of the block before.
fn is_by_former_key(engine: &Engine, sequence: u64, signer: char) -> bool {
    engine.seal().expect("sealed");
    let archive = engine.archive().clone();
    let block = archive.block_of(sequence).expect("readable").expect("sealed").header.height;
    let operator = archive.genesis().expect("readable").operator_key;
    let proof = Prover::at(archive, block).and_then(|prover| prover.signed_batch(sequence)).expect("made");
    let read = Proof::decode(&proof.encode().expect("a proof")).expect("well formed");
    assert!(read.verify(&operator, Some(&CHAIN_ID)).is_ok());
    let Proof::FormerKey(proof) = read else { return false };
    let key = proof.batch.participant.participant().expect("a participant").key;
    assert_eq!(key, Some(*PublicKey::of(&self::key(signer)).as_bytes()));
    assert!(proof.batch.verify(&operator, Some(&CHAIN_ID)).is_err(), "the block's own entry has another key");
    true
}

#[test]
fn a_batch_over_its_bound_is_refused_by_the_client_and_the_session_goes_on() {
    in_house(
        ServerOptions::default(),
        |_| {},
        |house| async move {
            let mut client = house.client('A').await;
            for length in [0, 8_191] {
                let error = client.submit(&vec![pay(A1, B1, 1); length]).await.expect_err("refused");
                assert!(matches!(error, ClientError::BatchLength(found) if found == length), "{error}");
            }
            assert!(client.submit(&[pay(A1, B1, 1)]).await.is_ok());
        },
    );
}

#[test]
fn i6_who_takes_no_replies_is_cut_off_and_holds_up_nobody() {
    let options = ServerOptions { write_timeout: Duration::from_millis(300), ..ServerOptions::default() };
    in_house(
        options,
        |_| {},
        |house| async move {
            let client = Client::connect(&house.unix, &credentials('A')).await.expect("let in");
            let (mut sender, receiver) = client.split();
            let refused: Vec<_> = (0..8_190).map(|_| pay(B1, A1, 1)).collect();
            let sending = tokio::spawn(async move {
                for _ in 0..10_000 {
                    if sender.send(&refused).await.is_err() {
                        return true;
                    }
                }
                false
            });
            let mut other = house.client('B').await;
            let mut rounds = 0;
            while !sending.is_finished() {
                assert!(other.submit(&[pay(B1, A1, 1)]).await.is_ok());
                rounds += 1;
            }
            assert!(sending.await.expect("no panic") && rounds > 0, "the server closes the connection");
            drop(receiver);
        },
    );
}

#[test]
fn i1_a_server_that_stops_gives_the_replies_that_are_due_and_says_so() {
    in_house(
        ServerOptions::default(),
        |_| {},
        |house| async move {
            let address = "127.0.0.1:0".parse().expect("an address");
            let server =
                feiqian_wire::Server::start(house.engine.clone(), &[address], ServerOptions::default());
            let server = server.expect("it listens");
            let client = Client::connect(&server.addresses()[0], &credentials('A')).await.expect("let in");
            let (mut sender, mut receiver) = client.split();
            for _ in 0..50 {
                sender.send(&[pay(CLEARING[0], B1, 1)]).await.expect("sent");
            }
            sender.flush().await.expect("sent");
            assert!(receiver.receive().await.is_ok());
            server.stop().await;
            // All were in one write, so all were submitted before the reader looked up.
            for _ in 1..50 {
                assert!(receiver.receive().await.is_ok());
            }
            let error = receiver.receive().await.expect_err("the end");
            assert!(matches!(error, ClientError::Ended(Refusal::Closing)), "{error}");
        },
    );
}
