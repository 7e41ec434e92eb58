//! The server: listeners, their sessions, and an orderly end. Everything is bounded by [`ServerOptions`];
//! what is over a bound is refused at once, and nothing waits for ever.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use feiqian_runtime::pipeline::Engine;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::address::Address;
use crate::layout::BATCH_TRANSFERS;
use crate::stream::{ReadHalf, WriteHalf, of_tcp, of_unix};

mod meter;
mod places;
mod questions;
mod reader;
mod session;
mod writer;

use meter::Meter;
use places::Places;

/// After an accept failed for want of file handles or memory: others must end first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What a session needs at the most to give its last replies once the server stops.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// The bounds of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerOptions {
    /// Sessions at once; each costs a buffer of 64 KiB, and what its requests in flight hold.
    pub sessions_max: usize,
    /// Sessions of one participant at once, so that none takes the places of all.
    pub sessions_per_participant_max: usize,
    /// Connections that have not logged in at once; one more, and the oldest of them goes.
    pub logins_max: usize,
    /// Requests of a session without a reply; the server reads no further ones.
    pub requests_in_flight_max: u32,
    /// Records of a session without an outcome; the server reads no further ones. At least a full batch.
    pub transfers_in_flight_max: u32,
    /// From the connection to a complete login.
    pub login_timeout: Duration,
    /// From one whole message to the next, while the server waits for one.
    pub idle_timeout: Duration,
    /// For the client to take replies that are written.
    pub write_timeout: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            sessions_max: 256,
            sessions_per_participant_max: 32,
            logins_max: 64,
            requests_in_flight_max: 1_024,
            transfers_in_flight_max: 16 * BATCH_TRANSFERS,
            login_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
        }
    }
}

/// Why a server can't start.
#[derive(Debug, thiserror::Error)]
pub enum ServerFault {
    /// The address can't be listened on.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// Which.
        address: Address,
        /// Why.
        source: io::Error,
    },
    /// The engine has no genesis to tell the chain by.
    #[error("the engine's journal has not begun")]
    NoChain,
}

/// What all sessions share.
#[derive(Debug)]
struct Shared {
    engine: Engine,
    chain_id: [u8; 16],
    options: ServerOptions,
    places: Arc<Places>,
    meter: Meter,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<Address>,
    stop: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
}

impl Server {
    /// Listens, on the current tokio runtime. Port 0 takes a free one; a socket file that nobody listens on is
    /// replaced.
    ///
    /// # Errors
    /// [`ServerFault`] for the first address that can't be listened on; none is then.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(engine: Engine, addresses: &[Address], options: ServerOptions) -> Result<Self, ServerFault> {
        let chain =
            engine.directory().registry(|registry| registry.genesis().map(|genesis| genesis.chain_id));
        let shared = Arc::new(Shared {
            engine,
            chain_id: chain.ok_or(ServerFault::NoChain)?,
            options,
            places: Places::new(&options),
            meter: Meter::new(),
        });
        let listeners: Result<Vec<_>, _> = addresses.iter().map(Listener::bind).collect();
        let listeners = listeners?;
        let addresses = listeners.iter().zip(addresses).map(|(listener, asked)| listener.address(asked));
        let (addresses, (stop, stopped)) = (addresses.collect(), watch::channel(false));
        let listeners = listeners
            .into_iter()
            .map(|listener| tokio::spawn(accept(listener, Arc::clone(&shared), stopped.clone())));
        Ok(Self { addresses, stop, listeners: listeners.collect() })
    }

    /// Where it listens, with the ports that were taken.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Ends all sessions in order: each gets the replies to what it has submitted, then a word of the end.
    /// To be called while the engine runs.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for listener in self.listeners {
            // A listener's task ends by itself; a panic has been reported where it happened.
            drop(listener.await);
        }
    }
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            let _ = fs::remove_file(path);
        }
    }
}

impl Listener {
    fn bind(address: &Address) -> Result<Self, ServerFault> {
        let bound = match address {
            Address::Tcp(address) => std::net::TcpListener::bind(address).and_then(|listener| {
                listener.set_nonblocking(true)?;
                TcpListener::from_std(listener).map(Self::Tcp)
            }),
            Address::Unix(path) => bind_unix(path).map(|listener| Self::Unix(listener, path.clone())),
        };
        bound.map_err(|source| ServerFault::Listen { address: address.clone(), source })
    }

    fn address(&self, asked: &Address) -> Address {
        match self {
            Self::Tcp(listener) => listener.local_addr().map_or_else(|_| asked.clone(), Address::Tcp),
            Self::Unix(..) => asked.clone(),
        }
    }

    async fn accept(&self) -> io::Result<(ReadHalf, WriteHalf)> {
        match self {
            Self::Tcp(listener) => of_tcp(listener.accept().await?.0),
            Self::Unix(listener, _) => Ok(of_unix(listener.accept().await?.0)),
        }
    }
}

/// Replaces what a killed server left, and nothing that lives or is no socket. For owner and group: who else
/// is on this machine has no business here, login or not.
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

async fn accept(listener: Listener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut sessions = JoinSet::new();
    let ends = stop.clone();
    loop {
        tokio::select! {
            () = told(&mut stop) => break,
            Some(_) = sessions.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((read, write)) => {
                    let session = session::run(Arc::clone(&shared), read, write, ends.clone());
                    sessions.spawn(session);
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    drop(listener);
    let all = async { while sessions.join_next().await.is_some() {} };
    // Who has not taken its replies by then is cut off when the set is dropped.
    let _ = tokio::time::timeout(STOP_PATIENCE, all).await;
}

/// Waits until the server stops, or is dropped.
async fn told(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}
