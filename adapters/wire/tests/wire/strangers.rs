//! Bytes that nobody meant: the server goes on, and other sessions with it.

use feiqian_tests::dice::Dice;
use feiqian_wire::ServerOptions;
use feiqian_wire::client::Client;
use feiqian_wire::layout::{Header, Kind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use zerocopy::IntoBytes as _;

use crate::house::{A1, batch, credentials, in_house, outcomes, pay};

/// Good messages with some bits turned, cut short, or followed by noise.
fn noise(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = Vec::new();
    for request in 1..=1 + dice.below(4) {
        match dice.below(6) {
            0 => {
                let random: Vec<u8> = (0..dice.below(300)).map(|_| dice.roll().to_le_bytes()[0]).collect();
                bytes.extend_from_slice(&random);
            }
            1 => {
                let kinds = Kind::ALL;
                let kind = kinds[usize::try_from(dice.below(kinds.len() as u64)).expect("small")];
                let id = u128::from(dice.roll() >> dice.below(64)).into();
                let header = Header { id, ..Header::new(kind, request) };
                bytes.extend_from_slice(header.as_bytes());
            }
            _ => {
                let records: Vec<_> = (0..=dice.below(3)).map(|_| pay(A1, 13, dice.below(9))).collect();
                bytes.extend_from_slice(&batch(request, &records));
            }
        }
    }
    for _ in 0..dice.below(3) {
        if let Some(byte) = usize::try_from(dice.roll()).ok().map(|at| at % bytes.len().max(1)) {
            if let Some(byte) = bytes.get_mut(byte) {
                *byte ^= 1 << dice.below(8);
            }
        }
    }
    if dice.once_in(3) {
        bytes.truncate(usize::try_from(dice.below(bytes.len() as u64 + 1)).expect("small"));
    }
    bytes
}

#[test]
fn no_bytes_stop_the_server_and_other_sessions_go_on() {
    in_house(
        ServerOptions::default(),
        |_| {},
        |house| async move {
            let mut other = house.client('B').await;
            for seed in 0..400 {
                let mut dice = Dice::new(seed);
                let mut raw = if dice.once_in(4) { house.raw().await } else { house.raw_session('A').await };
                // The server may have closed it within: then the rest can't be sent.
                let _ = raw.stream.write_all(&noise(&mut dice)).await;
                let _ = raw.stream.shutdown().await;
                let mut answers = Vec::new();
                let ended = raw.stream.read_to_end(&mut answers).await;
                assert!(ended.is_ok() || answers.is_empty(), "seed {seed}: the last word is not lost");
                if seed % 20 == 0 {
                    let rows = outcomes(other.submit(&[pay(13, A1, 1)]).await.expect("undisturbed")).rows;
                    assert_eq!(rows.len(), 1, "seed {seed}");
                }
            }
            assert!(Client::connect(&house.unix, &credentials('A')).await.is_ok());
        },
    );
}
