//! The server: a listener for each link, their sessions, and an orderly end. Everything is bounded by [`ServerOptions`];
//! what is over a bound is refused at once, and nothing waits for ever.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use feiqian_runtime::pipeline::Engine;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::flow::Desk;
use crate::gate::Gate;
use crate::link::Link;
use crate::meter::Meter;
use crate::session::{self, Post, SessionFault, Told, told};
use crate::vault::Vault;

/// After an accept failed for want of file handles or memory: others must end first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What a session needs at the most to give its last answers once the server stops.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// The bounds of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerOptions {
    /// Connections at once, of all links together.
    pub sessions_max: usize,
    /// Requests of a session without an answer; the server reads no further ones.
    pub requests_in_flight_max: usize,
    /// Bytes of one message behind its headers, at most 16,384.
    pub message_bytes_max: usize,
    /// From the connection to the first whole message.
    pub login_timeout: Duration,
    /// From one whole message to the next, while the server waits for one.
    pub idle_timeout: Duration,
    /// For the client to take answers that are written.
    pub write_timeout: Duration,
    /// Seconds that an authorisation holds its amount, by the frame's time.
    pub hold_timeout_s: u32,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            sessions_max: 256,
            requests_in_flight_max: 256,
            message_bytes_max: 4_096,
            login_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(300),
            write_timeout: Duration::from_secs(10),
            hold_timeout_s: 7 * 86_400,
        }
    }
}

/// A link that can't be listened on.
#[derive(Debug, thiserror::Error)]
#[error("link {link}: can't listen on {address}: {source}")]
pub struct ServerFault {
    /// Its name.
    pub link: String,
    /// Its address.
    pub address: SocketAddr,
    /// Why.
    pub source: io::Error,
}

/// A running server.
pub struct Server {
    addresses: Vec<(String, SocketAddr)>,
    stop: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
    gathering: JoinHandle<()>,
}

impl fmt::Debug for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Server").field("addresses", &self.addresses).finish()
    }
}

impl Server {
    /// Listens for all links, on the current tokio runtime. Port 0 takes a free one. `tell` is told of each session that
    /// ends with a fault: link, peer and what it was.
    ///
    /// # Errors
    /// [`ServerFault`] for the first link that can't be listened on; none is then.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(
        engine: Engine,
        vault: Vault,
        links: Vec<Link>,
        options: ServerOptions,
        tell: impl Fn(&str, SocketAddr, &SessionFault) + Send + Sync + 'static,
    ) -> Result<Self, ServerFault> {
        let bound: Result<Vec<_>, _> = links.iter().map(bind).collect();
        let bound = bound?;
        let (gate, gathering) = Gate::start(engine.clone());
        let desk = Arc::new(Desk::new(engine, vault, gate, options.hold_timeout_s));
        let (places, meter) = (Arc::new(Semaphore::new(options.sessions_max)), Arc::new(Meter::new()));
        let (tell, (stop, stopped)): (Arc<Told>, _) = (Arc::new(tell), watch::channel(false));
        let (mut addresses, mut listeners) = (Vec::new(), Vec::new());
        for (link, listener) in links.into_iter().zip(bound) {
            addresses.push((link.name.clone(), listener.local_addr().unwrap_or(link.listen)));
            let (desk, places, meter) = (Arc::clone(&desk), Arc::clone(&places), Arc::clone(&meter));
            let reconciling = Arc::new(Semaphore::new(1));
            let post = Arc::new(Post { link, desk, options, places, reconciling, meter });
            listeners.push(tokio::spawn(accept(listener, post, stopped.clone(), Arc::clone(&tell))));
        }
        Ok(Self { addresses, stop, listeners, gathering })
    }

    /// Where each link listens, with the ports that were taken.
    #[must_use]
    pub fn addresses(&self) -> &[(String, SocketAddr)] {
        &self.addresses
    }

    /// Ends all sessions in order: each gets the answers to what it has sent. To be called while the engine runs.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for listener in self.listeners {
            // A listener's task ends by itself; a panic has been reported where it happened.
            drop(listener.await);
        }
        // A request that still waits holds the gate open, and the engine's end answers it.
        let _ = tokio::time::timeout(STOP_PATIENCE, self.gathering).await;
    }
}

fn bind(link: &Link) -> Result<TcpListener, ServerFault> {
    let bound = std::net::TcpListener::bind(link.listen).and_then(|listener| {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    });
    bound.map_err(|source| ServerFault { link: link.name.clone(), address: link.listen, source })
}

async fn accept(listener: TcpListener, post: Arc<Post>, mut stop: watch::Receiver<bool>, tell: Arc<Told>) {
    let mut sessions = JoinSet::new();
    let ends = stop.clone();
    loop {
        tokio::select! {
            () = told(&mut stop) => break,
            Some(_) = sessions.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let (post, ends, tell) = (Arc::clone(&post), ends.clone(), Arc::clone(&tell));
                    sessions.spawn(async move {
                        if let Err(fault) = session::run(Arc::clone(&post), stream, ends).await {
                            post.meter.faults.increment(1);
                            tell(&post.link.name, peer, &fault);
                        }
                    });
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    drop(listener);
    let all = async { while sessions.join_next().await.is_some() {} };
    // Who has not taken its answers by then is cut off when the set is dropped.
    let _ = tokio::time::timeout(STOP_PATIENCE, all).await;
}
