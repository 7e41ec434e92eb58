//! One connection from its first byte to its last: login, then a reader and a writer side by side, both in the one task
//! of the session: what the one hands to the other wakes nobody.
//!
//! ```text
//!  socket ─▶ reader ─▶ Engine::submit ─▶ (request, ticket) ─▶ bounded channel ─▶ writer ─▶ socket
//! ```
//! Whatever ends it ends it alone.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use feiqian_core::bic::Bic;
use feiqian_core::participant::ParticipantHandle;
use feiqian_proof::signature::PublicKey;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;
use zerocopy::{FromBytes as _, IntoBytes as _};

use super::places::Place;
use super::reader::Reader;
use super::writer::{Reply, Writer};
use super::{Shared, told};
use crate::layout::{
    BATCH_TRANSFERS, HEADER_BYTES, Header, HelloBody, Kind, LoginBody, WelcomeBody, message,
};
use crate::login;
use crate::refusal::Refusal;
use crate::stream::{ReadHalf, Source, WriteHalf};

/// Read buffer of a session: some 340 requests of one transfer.
const BUFFER_BYTES: usize = 64 * 1024;
/// How long the last word may take to be read before the connection is cut: a connection that is closed with
/// unread bytes is reset, and the reset would overtake it.
const LINGER: Duration = Duration::from_secs(1);

/// Who is logged in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) participant: ParticipantHandle,
    pub(super) key: PublicKey,
    /// As of the login, all participants' together.
    pub(super) key_changes: u64,
}

/// Serves a connection until it ends.
pub(super) async fn run(
    shared: Arc<Shared>,
    read: ReadHalf,
    mut write: WriteHalf,
    mut stop: watch::Receiver<bool>,
) {
    let mut source = Source::new(read, BUFFER_BYTES);
    let waiting = shared.places.wait();
    let limit = shared.options.login_timeout;
    let greeted = tokio::select! {
        greeted = timeout(limit, greet(&shared, &mut source, &mut write)) => {
            greeted.unwrap_or(Err(Some(Refusal::LoginTimeout)))
        }
        () = waiting.turned_out() => Err(Some(Refusal::LoginsFull)),
        () = told(&mut stop) => Err(Some(Refusal::Closing)),
    };
    drop(waiting);
    match greeted {
        // The place comes back when this arm ends.
        Ok((peer, _place)) => {
            shared.meter.sessions.increment(1.0);
            serve(&shared, source, write, peer, stop).await;
            shared.meter.sessions.decrement(1.0);
        }
        Err(Some(refusal)) => {
            shared.meter.refusals.increment(1);
            let last = refuse(Kind::Refused, refusal);
            let goodbye = async {
                if write.write_all(&last).await.is_ok() && write.shutdown().await.is_ok() {
                    source.drain().await;
                }
            };
            let _ = timeout(LINGER, goodbye).await;
        }
        Err(None) => {}
    }
}

/// The last message of a connection.
pub(super) fn refuse(kind: Kind, refusal: Refusal) -> Vec<u8> {
    let header = Header { count: refusal.number().into(), ..Header::new(kind, 0) };
    message(header, refusal.to_string().as_bytes())
}

/// Hello, login, welcome. None if the connection failed: there is nobody to tell.
async fn greet(
    shared: &Shared,
    source: &mut Source,
    write: &mut WriteHalf,
) -> Result<(Peer, Place), Option<Refusal>> {
    let mut challenge = [0; 32];
    getrandom::fill(&mut challenge).map_err(|_| None)?;
    let batch_transfers_max = BATCH_TRANSFERS.into();
    let hello = HelloBody { chain_id: shared.chain_id, challenge, batch_transfers_max, zeros: [0; 12] };
    let bytes = message(Header::new(Kind::Hello, 0), hello.as_bytes());
    write.write_all(&bytes).await.map_err(|_| None)?;
    let login = read_login(source).await?;
    let peer = admit(shared, &hello, &login)?;
    let place = shared.places.take(peer.participant)?;
    let options = &shared.options;
    let idle = u32::try_from(options.idle_timeout.as_millis()).unwrap_or(u32::MAX);
    let welcome = WelcomeBody {
        participant: peer.participant.into(),
        batch_transfers_max,
        requests_in_flight_max: options.requests_in_flight_max.into(),
        transfers_in_flight_max: options.transfers_in_flight_max.into(),
        idle_timeout_ms: idle.into(),
        zeros: [0; 12],
    };
    let bytes = message(Header::new(Kind::Welcome, 0), welcome.as_bytes());
    write.write_all(&bytes).await.map_err(|_| None)?;
    Ok((peer, place))
}

async fn read_login(source: &mut Source) -> Result<LoginBody, Option<Refusal>> {
    let ended = |source: &Source| (!source.buffered().is_empty()).then_some(Refusal::Truncated);
    if !source.need(HEADER_BYTES).await.map_err(|_| None)? {
        return Err(ended(source));
    }
    let bytes = source.buffered().first_chunk().ok_or(None)?;
    let (kind, header) = Header::read(bytes)?;
    if kind != Kind::Login {
        return Err(Some(Refusal::Kind));
    }
    if header.body_bytes() != size_of::<LoginBody>() {
        return Err(Some(Refusal::Length));
    }
    if header != (Header { length: header.length, ..Header::new(Kind::Login, 0) }) {
        return Err(Some(Refusal::Reserved));
    }
    source.consume(HEADER_BYTES);
    if !source.need(size_of::<LoginBody>()).await.map_err(|_| None)? {
        return Err(Some(Refusal::Truncated));
    }
    let (body, _) = LoginBody::read_from_prefix(source.buffered()).map_err(|_| None)?;
    source.consume(size_of::<LoginBody>());
    if body.zeros != [0; 5] { Err(Some(Refusal::Reserved)) } else { Ok(body) }
}

fn admit(shared: &Shared, hello: &HelloBody, body: &LoginBody) -> Result<Peer, Refusal> {
    let bic = Bic::from_bytes(body.bic).map_err(|_| Refusal::UnknownParticipant)?;
    // Before the key is read: if it is replaced meanwhile, the count is another.
    let key_changes = shared.engine.directory().key_changes();
    let found = shared.engine.directory().registry(|registry| {
        let handle = registry.participant_of(bic)?;
        let participant = registry.participants().get(handle as usize)?;
        Some((handle, participant.key))
    });
    let (participant, key) = found.ok_or(Refusal::UnknownParticipant)?;
    let key = key.ok_or(Refusal::NoKey)?;
    if login::verify(hello, bic, &key, body) {
        Ok(Peer { participant, key, key_changes })
    } else {
        Err(Refusal::LoginSignature)
    }
}

async fn serve(
    shared: &Arc<Shared>,
    source: Source,
    write: WriteHalf,
    peer: Peer,
    stop: watch::Receiver<bool>,
) {
    let options = &shared.options;
    let (replies, queue) = mpsc::channel(options.requests_in_flight_max as usize);
    let room = Arc::new(Semaphore::new(options.transfers_in_flight_max as usize));
    let mut writer = pin!(Writer::new(write, queue, Arc::clone(&room), options.write_timeout).run());
    let mut reader = Reader::new(Arc::clone(shared), source, peer, replies, room);
    let ended = tokio::select! {
        // In this order: what the reader may put in is bounded by what the writer has taken out.
        biased;
        () = &mut writer => return,
        ended = reader.run(stop) => ended,
    };
    let (mut source, replies) = reader.into_parts();
    let is_refused = ended.is_err();
    let last = async {
        if let Err(refusal) = ended {
            shared.meter.refusals.increment(1);
            // Behind all replies that are due. An error: the writer has ended, and with it the connection.
            let _ = replies.send(Reply::Last(refusal)).await;
        }
        drop(replies);
    };
    tokio::join!(last, writer);
    if is_refused {
        let _ = timeout(LINGER, source.drain()).await;
    }
}
