//! One connection from its first byte to its last: frames are read and begun in order, and answered as they are decided.
//!
//! ```text
//!  socket ─▶ frames ─▶ Desk::begin ─▶ a task a request ─▶ bounded channel ─▶ writer ─▶ socket
//! ```
//! Whatever ends it ends it alone. Errors tell places and numbers, never bytes of a message.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use feiqian_iso8583::{Builder, Error, FrameError, Message};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};

use crate::envelope::Cover;
use crate::flow::{Begun, Desk, Due, Heard, Standing};
use crate::link::Link;
use crate::meter::Meter;
use crate::reply::{self, Answer, Return, Unwritable};
use crate::server::ServerOptions;

/// So many bytes of answers are written without waiting for more.
const WRITE_BYTES: usize = 64 * 1024;
/// What is read at a time, at the least.
const READ_BYTES: usize = 16 * 1024;
/// How long a client that is cut off may take to read its last answers.
const LINGER: Duration = Duration::from_secs(1);

/// What a link's sessions share.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) link: Link,
    pub(crate) desk: Arc<Desk>,
    pub(crate) options: ServerOptions,
    pub(crate) places: Arc<Semaphore>,
    /// Reconciliations that the link may have under way: one.
    pub(crate) reconciling: Arc<Semaphore>,
    pub(crate) meter: Arc<Meter>,
}

/// How a session ended other than by its client's closing between two messages.
#[derive(Debug, thiserror::Error)]
pub enum SessionFault {
    /// The bytes are no frame.
    #[error("no frame: {0}")]
    Frame(#[from] FrameError),
    /// The frame holds no message of the link's table.
    #[error("no message: {0}")]
    Message(#[from] Error),
    /// An answer can't be written by the link's table.
    #[error("the answer can't be written: {0}")]
    Answer(#[from] Unwritable),
    /// The connection ended within a frame.
    #[error("the connection ended within a frame")]
    Truncated,
    /// No message came in time.
    #[error("no message within {0:?}")]
    Idle(Duration),
    /// The client takes no answers.
    #[error("the client takes no answers")]
    NotRead,
    /// Too many sessions.
    #[error("too many sessions")]
    Full,
}

/// Serves a connection until it ends.
pub(crate) async fn run(
    post: Arc<Post>,
    stream: TcpStream,
    stop: watch::Receiver<bool>,
) -> Result<(), SessionFault> {
    let Ok(_place) = Arc::clone(&post.places).try_acquire_owned() else {
        return Err(SessionFault::Full);
    };
    // Small answers must not wait for the ones behind them. Where it fails the connection has ended already.
    let _ = stream.set_nodelay(true);
    let (read, write) = stream.into_split();
    post.meter.sessions.increment(1.0);
    let (answers, queue) = mpsc::channel(post.options.requests_in_flight_max);
    let writer = tokio::spawn(write_all(write, queue, post.options.write_timeout));
    let mut reader = Reader::new(Arc::clone(&post), read, answers);
    let ended = reader.run(stop).await;
    reader.settle().await;
    let Reader { read, answers, .. } = reader;
    drop(answers);
    let written = writer.await.unwrap_or(Err(SessionFault::NotRead));
    post.meter.sessions.decrement(1.0);
    linger(read).await;
    ended.and(written)
}

/// A connection closed with unread bytes, after a fault or a stop, is reset, and the reset would overtake the last answers.
async fn linger(mut read: OwnedReadHalf) {
    let mut rest = [0; 1_024];
    let _ = timeout(LINGER, async { while matches!(read.read(&mut rest).await, Ok(1..)) {} }).await;
}

async fn write_all(
    mut write: OwnedWriteHalf,
    mut queue: mpsc::Receiver<Vec<u8>>,
    patience: Duration,
) -> Result<(), SessionFault> {
    let mut out = Vec::with_capacity(WRITE_BYTES);
    while let Some(first) = queue.recv().await {
        out.extend(first);
        // A batch's other answers are about to come.
        tokio::task::yield_now().await;
        while out.len() < WRITE_BYTES
            && let Ok(next) = queue.try_recv()
        {
            out.extend(next);
        }
        let written = timeout(patience, write.write_all(&out)).await;
        out.clear();
        if !matches!(written, Ok(Ok(()))) {
            return Err(SessionFault::NotRead);
        }
    }
    let _ = timeout(patience, write.shutdown()).await;
    Ok(())
}

struct Reader {
    post: Arc<Post>,
    read: OwnedReadHalf,
    answers: mpsc::Sender<Vec<u8>>,
    /// Requests that may still be in flight; each gives its place back with its answer.
    room: Arc<Semaphore>,
    standing: Standing,
    received: Vec<u8>,
    /// Bytes of `received` that were taken.
    taken: usize,
    has_spoken: bool,
    /// Whether a frame was taken since it was last asked.
    has_taken: bool,
}

impl Reader {
    fn new(post: Arc<Post>, read: OwnedReadHalf, answers: mpsc::Sender<Vec<u8>>) -> Self {
        let standing = Standing { is_signed_on: false, keys: post.link.mac };
        let room = Arc::new(Semaphore::new(post.options.requests_in_flight_max));
        Self {
            post,
            read,
            answers,
            room,
            standing,
            received: Vec::new(),
            taken: 0,
            has_spoken: false,
            has_taken: false,
        }
    }

    async fn run(&mut self, mut stop: watch::Receiver<bool>) -> Result<(), SessionFault> {
        let (answers, mut since) = (self.answers.clone(), Instant::now());
        loop {
            while let Some((cover, message)) = self.next()? {
                tokio::select! {
                    biased;
                    begun = self.begin(cover, &message) => if !begun? { return Ok(()) },
                    () = told(&mut stop) => return Ok(()),
                }
            }
            // From whole message to whole message: bytes that trickle in gain no time.
            if std::mem::take(&mut self.has_taken) {
                since = Instant::now();
            }
            let options = self.post.options;
            let patience = if self.has_spoken { options.idle_timeout } else { options.login_timeout };
            tokio::select! {
                read = timeout_at(since + patience, self.fill()) => match read {
                    Ok(true) => {}
                    Ok(false) if self.taken == self.received.len() => return Ok(()),
                    Ok(false) => return Err(SessionFault::Truncated),
                    Err(_) => return Err(SessionFault::Idle(patience)),
                },
                // The writer says why.
                () = answers.closed() => return Ok(()),
                () = told(&mut stop) => return Ok(()),
            }
        }
    }

    /// The next whole message of what was received, with its frame's cover.
    fn next(&mut self) -> Result<Option<(Cover, Vec<u8>)>, SessionFault> {
        let (framing, max) = (self.post.link.framing, self.post.options.message_bytes_max);
        loop {
            let received = self.received.get(self.taken..).unwrap_or_default();
            let Some(frame) = framing.take(received, max)? else { return Ok(None) };
            let message = frame.message.map(|(cover, at)| (cover, received[at].to_vec()));
            self.taken += frame.bytes;
            (self.has_spoken, self.has_taken) = (true, true);
            if message.is_some() {
                return Ok(message);
            }
        }
    }

    /// Reads what is there; false at the end of the stream.
    async fn fill(&mut self) -> bool {
        self.received.drain(..self.taken);
        self.taken = 0;
        let bound = self.post.link.framing.bytes_max(self.post.options.message_bytes_max).max(READ_BYTES);
        let room = (bound * 2).saturating_sub(self.received.len());
        self.received.reserve(room);
        let mut limited = (&mut self.read).take(u64::try_from(room).unwrap_or(u64::MAX));
        matches!(limited.read_buf(&mut self.received).await, Ok(1..))
    }

    /// Begins a message, when there is room for it; false where answers can't be written any more.
    async fn begin(&mut self, cover: Cover, bytes: &[u8]) -> Result<bool, SessionFault> {
        let Ok(place) = Arc::clone(&self.room).acquire_owned().await else { return Ok(false) };
        let post = &self.post;
        let message = Message::decode(&post.link.spec, bytes)?;
        post.meter.requests.increment(1);
        let Some(response) = Builder::response_to(&message) else { return Ok(true) };
        let heard =
            Heard { link: &post.link, message: &message, now: seconds(), reconciling: &post.reconciling };
        let begun = post.desk.begin(heard, &mut self.standing);
        // A changed key is already that of its own answer.
        let back = Return { cover, keys: self.standing.keys, repeated: response.into_draft() };
        match begun {
            Begun::Answered(answer) => {
                let frame = written(post, back, &answer)?;
                Ok(self.answers.send(frame).await.is_ok())
            }
            Begun::Due(due) => {
                let owed = Owed { post: Arc::clone(post), back, _place: place };
                tokio::spawn(owed.answer(due, self.answers.clone()));
                Ok(!self.answers.is_closed())
            }
        }
    }

    /// Waits until all that was begun is answered.
    async fn settle(&self) {
        let all = u32::try_from(self.post.options.requests_in_flight_max).unwrap_or(u32::MAX);
        drop(self.room.acquire_many(all).await);
    }
}

/// A request that waits for the engine.
struct Owed {
    post: Arc<Post>,
    back: Return,
    _place: OwnedSemaphorePermit,
}

impl Owed {
    async fn answer(self, due: Due, answers: mpsc::Sender<Vec<u8>>) {
        let Some(answer) = Arc::clone(&self.post.desk).finish(due).await else { return };
        match written(&self.post, self.back, &answer) {
            // Where nobody takes it any more, the client asks again or reverses.
            Ok(frame) => drop(answers.send(frame).await),
            // A table that can't say what was decided: the client reverses, for it hears nothing.
            Err(_) => self.post.meter.faults.increment(1),
        }
    }
}

fn written(post: &Post, back: Return, answer: &Answer) -> Result<Vec<u8>, Unwritable> {
    if !answer.code.is_granted() {
        post.meter.declined.increment(1);
    }
    if answer.code == crate::code::Code::Unavailable {
        post.meter.busy.increment(1);
    }
    reply::frame(&post.link, back, answer)
}

/// Seconds since 1970.
fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Waits until the server stops, or is dropped.
pub(crate) async fn told(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// Who was on a session that ended with a fault.
pub(crate) type Told = dyn Fn(&str, SocketAddr, &SessionFault) + Send + Sync;
