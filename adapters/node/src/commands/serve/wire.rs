//! The bulk protocol's server on threads of its own, so that neither a scrape nor a file holds up a session.

use feiqian_runtime::pipeline::Engine;
use feiqian_wire::Server;
use tokio::runtime::{Builder, Runtime};

use crate::config::WireConfig;
use crate::fault::Fault;

/// The running server.
#[derive(Debug)]
pub(super) struct Wire {
    server: Server,
    runtime: Runtime,
}

impl Wire {
    pub(super) fn start(engine: Engine, config: &WireConfig) -> Result<Self, Fault> {
        let built = Builder::new_multi_thread()
            .worker_threads(config.worker_threads)
            .thread_name("wire")
            .enable_all()
            .build();
        let runtime = built.map_err(|error| Fault::File(format!("threads can't be started: {error}")))?;
        let inside = runtime.enter();
        let started = Server::start(engine, &config.addresses(), config.options());
        drop(inside);
        let way = "choose another address under [wire] of the configuration";
        let server = started.map_err(|fault| Fault::Usage(format!("{fault}; {way}")))?;
        Ok(Self { server, runtime })
    }

    /// Where it listens, separated by commas.
    pub(super) fn addresses(&self) -> String {
        let texts: Vec<_> = self.server.addresses().iter().map(ToString::to_string).collect();
        texts.join(", ")
    }

    /// Gives all sessions what they are due and ends them; to be called while the engine runs, outside of any
    /// runtime.
    pub(super) fn stop(self) {
        self.runtime.block_on(self.server.stop());
    }
}
