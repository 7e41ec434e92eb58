//! What a session may not send: each has its name, ends that session, and disturbs no other.

use std::time::Duration;

use feiqian_core::transfer::flags as record_flags;
use feiqian_wire::ServerOptions;
use feiqian_wire::layout::{Header, Kind, flags, message};
use feiqian_wire::refusal::Refusal;
use tokio::io::AsyncWriteExt as _;
use zerocopy::IntoBytes as _;

use crate::house::{A1, batch, in_house, pay};

/// Messages that break one rule each, as the second request of a session.
fn bad() -> Vec<(Vec<u8>, Refusal)> {
    let one = [pay(A1, 13, 1)];
    let head = |change: &dyn Fn(&mut Header)| {
        let mut header = Header { count: 1.into(), length: 128.into(), ..Header::new(Kind::Batch, 2) };
        change(&mut header);
        [header.as_bytes(), one.as_bytes()].concat()
    };
    let mut command = one;
    command[0].flags = record_flags::COMMAND.into();
    vec![
        (head(&|h| h.magic[3] = 0), Refusal::Magic),
        (head(&|h| h.version = 2.into()), Refusal::Version),
        (head(&|h| h.kind = 9), Refusal::Kind),
        (head(&|h| h.kind = Kind::Outcome.number()), Refusal::Kind),
        (head(&|h| h.kind = Kind::Login.number()), Refusal::Kind),
        (head(&|h| h.flags = 1 << 7), Refusal::Flags),
        (head(&|h| h.length = 0.into()), Refusal::Length),
        (head(&|h| h.length = 129.into()), Refusal::Length),
        (head(&|h| h.length = u32::MAX.into()), Refusal::Length),
        (head(&|h| h.count = 0.into()), Refusal::Count),
        (head(&|h| (h.count, h.length) = (8_191.into(), (8_191 * 128).into())), Refusal::Count),
        (head(&|h| h.count = u32::MAX.into()), Refusal::Count),
        (head(&|h| h.zeros[23] = 1), Refusal::Reserved),
        (head(&|h| h.request = 1.into()), Refusal::RequestNumber),
        (head(&|h| h.request = 3.into()), Refusal::RequestNumber),
        (head(&|h| h.request = 0.into()), Refusal::RequestNumber),
        (batch(2, &command), Refusal::RecordFlag),
        (
            message(
                Header { count: 1.into(), flags: flags::SIGNED, ..Header::new(Kind::Batch, 2) },
                &[7; 192],
            ),
            Refusal::BatchSignature,
        ),
        (message(Header::new(Kind::ResolveAlias, 2), &[]), Refusal::Length),
        (message(Header::new(Kind::ResolveAlias, 2), &[b'x'; 65]), Refusal::Length),
        (message(Header::new(Kind::Ping, 2), &[1]), Refusal::Length),
        (
            message(Header { id: (1_u128 << 64).into(), ..Header::new(Kind::AskBalance, 2) }, &[]),
            Refusal::Reserved,
        ),
        (message(Header { count: 1.into(), ..Header::new(Kind::AskTransfer, 2) }, &[]), Refusal::Count),
    ]
}

#[test]
fn each_broken_rule_ends_its_session_with_its_name_behind_the_replies_that_are_due() {
    in_house(
        ServerOptions::default(),
        |_| {},
        |house| async move {
            let mut other = house.client('B').await;
            for (bytes, expected) in bad() {
                let mut raw = house.raw_session('A').await;
                let first = batch(1, &[pay(A1, 13, 1)]);
                raw.send(&[first, bytes].concat()).await;
                let (kind, header, _) = raw.receive().await.expect("the first is answered");
                assert_eq!((kind, header.request.get()), (Kind::Outcome, 1), "{expected:?}");
                let (kind, refusal, text) = raw.refusal().await;
                assert_eq!((kind, refusal), (Kind::Error, expected), "{text}");
                assert_eq!(text, expected.to_string());
                assert!(other.submit(&[pay(13, A1, 1)]).await.is_ok(), "another session goes on");
            }
        },
    );
}

#[test]
fn a_signature_of_other_records_is_refused_in_a_long_batch_too() {
    in_house(
        ServerOptions::default(),
        |_| {},
        |house| async move {
            let records = vec![pay(A1, 13, 1); 2_000];
            let header = Header { count: 2_000.into(), flags: flags::SIGNED, ..Header::new(Kind::Batch, 1) };
            let before = house.engine.archive().journal.durable();
            let mut raw = house.raw_session('A').await;
            raw.send(&message(header, &[&[9; 64], records.as_bytes()].concat())).await;
            assert_eq!(raw.refusal().await.1, Refusal::BatchSignature);
            assert!(house.engine.archive().journal.durable() <= before + 1, "nothing of it is journaled");
        },
    );
}

#[test]
fn a_message_that_is_cut_is_not_taken_wherever_it_is_cut() {
    in_house(
        ServerOptions::default(),
        |_| {},
        |house| async move {
            let small = batch(1, &[pay(A1, 13, 1)]);
            let long = batch(1, &vec![pay(A1, 13, 1); 1_000]);
            let cuts = [
                (&small, 1),
                (&small, 63),
                (&small, 64),
                (&small, 191),
                (&long, 64),
                (&long, 70_000),
                (&long, 128_063),
            ];
            for (bytes, at) in cuts {
                let mut raw = house.raw_session('A').await;
                raw.send(&bytes[..at]).await;
                raw.stream.shutdown().await.expect("half closed");
                let (kind, refusal, _) = raw.refusal().await;
                assert_eq!((kind, refusal), (Kind::Error, Refusal::Truncated), "cut at {at}");
            }
        },
    );
}

#[test]
fn i6_a_session_without_whole_messages_is_ended_and_pings_keep_one() {
    let options = ServerOptions { idle_timeout: Duration::from_millis(400), ..ServerOptions::default() };
    in_house(
        options,
        |_| {},
        |house| async move {
            let mut slow = house.raw_session('A').await;
            let (mut sender, mut receiver) = house.client('B').await.split();
            let bytes = batch(1, &[pay(A1, 13, 1)]);
            for piece in bytes.chunks(12) {
                sender.ping().await.expect("the other session lives");
                let _ = slow.stream.write_all(piece).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            assert_eq!(slow.refusal().await.1, Refusal::Idle);
            let request = sender.send(&[pay(13, A1, 1)]).await.expect("buffered");
            sender.flush().await.expect("it still lives");
            assert_eq!(receiver.receive().await.expect("answered").request, request);
        },
    );
}
