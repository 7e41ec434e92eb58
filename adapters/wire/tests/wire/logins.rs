//! Who is let in, and how the others are told.

use std::time::Duration;

use feiqian_wire::client::{Client, ClientError, Credentials};
use feiqian_wire::layout::Kind;
use feiqian_wire::refusal::Refusal;
use feiqian_wire::{Server, ServerOptions};
use tokio::io::AsyncWriteExt as _;

use crate::house::{A1, B1, bic, credentials, in_house, key, outcomes, pay, refused};

#[test]
fn i7_only_the_holder_of_the_registered_key_gets_in() {
    in_house(
        ServerOptions::default(),
        |_| {},
        |house| async move {
            let mut other = house.client('A').await;
            let attempts = [
                (Credentials { bic: bic('A'), key: key('B') }, Refusal::LoginSignature),
                (Credentials { bic: bic('Z'), key: key('A') }, Refusal::UnknownParticipant),
                (credentials('C'), Refusal::NoKey),
            ];
            for (credentials, expected) in attempts {
                for address in [&house.tcp, &house.unix] {
                    assert_eq!(refused(Client::connect(address, &credentials).await), expected);
                }
            }
            assert!(outcomes(other.submit(&[pay(A1, 13, 1)]).await.expect("undisturbed")).rows.len() == 1);
            assert_eq!(other.terms().participant, 0);
        },
    );
}

#[test]
fn i7_a_session_ends_when_its_key_is_replaced_and_no_other_does() {
    in_house(
        ServerOptions::default(),
        |_| {},
        |house| async move {
            let (mut old, mut other) = (house.client('A').await, house.client('B').await);
            assert!(outcomes(old.submit(&[pay(A1, 13, 1)]).await.expect("as registered")).rows.len() == 1);
            house.replace_key('A', 'Q').await;
            let refusal = old.submit(&[pay(A1, 13, 1)]).await.expect_err("its key is no longer the bank's");
            assert!(matches!(refusal, ClientError::Ended(Refusal::KeyChanged)), "{refusal}");
            assert_eq!(
                refused(Client::connect(&house.tcp, &credentials('A')).await),
                Refusal::LoginSignature
            );
            let new = Credentials { bic: bic('A'), key: key('Q') };
            let mut new = Client::connect(&house.tcp, &new).await.expect("it lets the new key in");
            let signed = new.submit_signed(&[pay(A1, 13, 1)]).await.expect("and takes its signature");
            assert_eq!(outcomes(signed).rows.len(), 1);
            assert!(outcomes(other.submit(&[pay(B1, 13, 1)]).await.expect("undisturbed")).rows.len() == 1);
        },
    );
}

#[test]
fn i7_a_login_that_was_overheard_serves_no_other_connection() {
    in_house(
        ServerOptions::default(),
        |_| {},
        |house| async move {
            let mut first = house.raw().await;
            let overheard = first.login('A', &key('A'));
            first.send(&overheard).await;
            assert_eq!(first.receive().await.expect("an answer").0, Kind::Welcome);
            let mut second = house.raw().await;
            second.send(&overheard).await;
            let (kind, refusal, text) = second.refusal().await;
            assert_eq!((kind, refusal), (Kind::Refused, Refusal::LoginSignature), "{text}");
        },
    );
}

#[test]
fn i6_who_is_slow_to_log_in_is_cut_off_and_nobody_else() {
    let options = ServerOptions { login_timeout: Duration::from_millis(300), ..ServerOptions::default() };
    in_house(
        options,
        |_| {},
        |house| async move {
            let mut other = house.client('B').await;
            let mut slow = house.raw().await;
            let login = slow.login('A', &key('A'));
            for byte in login.chunks(8).take(10) {
                if slow.stream.write_all(byte).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let (kind, refusal, _) = slow.refusal().await;
            assert_eq!((kind, refusal), (Kind::Refused, Refusal::LoginTimeout));
            let mut silent = house.raw().await;
            assert_eq!(silent.refusal().await.1, Refusal::LoginTimeout);
            assert!(other.submit(&[pay(13, A1, 1)]).await.is_ok());
        },
    );
}

#[test]
fn i6_sessions_are_bounded_and_a_place_comes_back() {
    let options = ServerOptions { sessions_max: 2, ..ServerOptions::default() };
    in_house(
        options,
        |_| {},
        |house| async move {
            let (first, _second) = (house.client('A').await, house.client('B').await);
            assert_eq!(refused(Client::connect(&house.tcp, &credentials('A')).await), Refusal::SessionsFull);
            drop(first);
            while Client::connect(&house.tcp, &credentials('A')).await.is_err() {
                tokio::task::yield_now().await;
            }
        },
    );
}

#[test]
fn i6_one_participant_cannot_take_the_places_of_the_others() {
    in_house(
        ServerOptions { sessions_max: 16, sessions_per_participant_max: 4, ..ServerOptions::default() },
        |_| {},
        |house| async move {
            let mut own = Vec::new();
            for _ in 0..4 {
                own.push(house.client('A').await);
            }
            for _ in 0..20 {
                let more = Client::connect(&house.tcp, &credentials('A')).await;
                assert_eq!(refused(more), Refusal::ParticipantSessionsFull);
            }
            let mut other = house.client('B').await;
            assert!(outcomes(other.submit(&[pay(B1, 13, 1)]).await.expect("undisturbed")).rows.len() == 1);
            own.pop();
            while Client::connect(&house.tcp, &credentials('A')).await.is_err() {
                tokio::task::yield_now().await;
            }
        },
    );
}

#[test]
fn i6_who_does_not_log_in_makes_room_for_who_does_and_takes_no_session() {
    in_house(
        ServerOptions { sessions_max: 2, logins_max: 3, ..ServerOptions::default() },
        |_| {},
        |house| async move {
            let mut silent = Vec::new();
            for _ in 0..10 {
                silent.push(house.raw().await);
            }
            let mut client = house.client('A').await;
            assert!(outcomes(client.submit(&[pay(A1, 13, 1)]).await.expect("let in")).rows.len() == 1);
            let (kind, refusal, _) = silent[0].refusal().await;
            assert_eq!((kind, refusal), (Kind::Refused, Refusal::LoginsFull));
            // The last ones are still welcome.
            let last = silent.last_mut().expect("ten");
            let login = last.login('B', &key('B'));
            last.send(&login).await;
            assert_eq!(last.receive().await.expect("an answer").0, Kind::Welcome);
        },
    );
}

#[test]
fn before_the_login_nothing_else_is_taken() {
    in_house(
        ServerOptions::default(),
        |_| {},
        |house| async move {
            let good = house.raw().await.login('A', &key('A'));
            let change = |at: usize, to: u8| {
                let mut bytes = good.clone();
                bytes[at] = to;
                bytes
            };
            let rows = [
                (crate::house::batch(1, &[pay(A1, 13, 1)]), Refusal::Kind),
                (change(0, b'X'), Refusal::Magic),
                (change(4, 2), Refusal::Version),
                (change(6, 77), Refusal::Kind),
                (change(7, 1), Refusal::Flags),
                (change(8, 81), Refusal::Length),
                (change(16, 1), Refusal::Reserved),
                (change(63, 1), Refusal::Reserved),
                (change(64 + 12, 1), Refusal::Reserved),
                (
                    b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: a browser that is lost\r\n\r\n"
                        .to_vec(),
                    Refusal::Magic,
                ),
            ];
            for (bytes, expected) in rows {
                let mut raw = house.raw().await;
                raw.send(&bytes).await;
                let (kind, refusal, text) = raw.refusal().await;
                assert_eq!((kind, refusal), (Kind::Refused, expected), "{text}");
            }
            let mut raw = house.raw().await;
            raw.send(&good[..100]).await;
            raw.stream.shutdown().await.expect("half closed");
            assert_eq!(raw.refusal().await.1, Refusal::Truncated);
        },
    );
}

#[test]
fn a_socket_file_that_a_killed_server_left_is_replaced_and_a_living_one_is_not() {
    in_house(
        ServerOptions::default(),
        |_| {},
        |house| async move {
            assert!(house.socket_is_there());
            let again = Server::start(
                house.engine.clone(),
                std::slice::from_ref(&house.unix),
                ServerOptions::default(),
            );
            assert!(again.is_err(), "somebody listens there");
            let stale = std::env::temp_dir().join(format!("feiqian-wire-stale-{}.sock", std::process::id()));
            drop(std::os::unix::net::UnixListener::bind(&stale).expect("bound"));
            let address = feiqian_wire::Address::Unix(stale.clone());
            let server =
                Server::start(house.engine.clone(), std::slice::from_ref(&address), ServerOptions::default());
            let server = server.expect("the file is replaced");
            assert!(Client::connect(&address, &credentials('A')).await.is_ok());
            server.stop().await;
            assert!(!stale.exists());
        },
    );
}
