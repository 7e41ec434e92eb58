//! The card port on threads of its own, where the configuration has a link.

use std::path::Path;

use feiqian_cards::{Server, Vault};
use feiqian_runtime::pipeline::Engine;
use tokio::runtime::{Builder, Runtime};

use crate::config::cards::CardsConfig;
use crate::fault::Fault;
use crate::keys::read_or_make;
use crate::output::Output;

/// The running port.
#[derive(Debug)]
pub(super) struct Cards {
    server: Server,
    runtime: Runtime,
}

impl Cards {
    /// None where nobody is to speak on it.
    pub(super) fn start(
        engine: Engine,
        (config, data): (&CardsConfig, &Path),
        output: Output,
    ) -> Result<Option<Self>, Fault> {
        if config.link.is_empty() {
            return Ok(None);
        }
        let links = config.links(data)?;
        let vault = Vault::new(&read_or_make(&data.join(&config.token_key))?.to_bytes());
        let built = Builder::new_multi_thread()
            .worker_threads(config.worker_threads)
            .max_blocking_threads(LOOKUP_THREADS)
            .thread_name("cards")
            .enable_all()
            .build();
        let runtime = built.map_err(|error| Fault::File(format!("threads can't be started: {error}")))?;
        let inside = runtime.enter();
        let tell = move |link: &str, peer, fault: &_| {
            output.fault(&format_args!("card link {link}, {peer}: {fault}"));
        };
        let started = Server::start(engine, vault, links, config.options(), tell);
        drop(inside);
        let server = started.map_err(|fault| Fault::Usage(format!("{fault}; choose another address")))?;
        Ok(Some(Self { server, runtime }))
    }

    /// Where it listens, link by link.
    pub(super) fn addresses(&self) -> String {
        let texts: Vec<_> = self.server.addresses().iter().map(|(name, at)| format!("{name} {at}")).collect();
        texts.join(", ")
    }

    /// Gives all sessions what they are due and ends them; to be called while the engine runs, outside of any
    /// runtime.
    pub(super) fn stop(self) {
        self.runtime.block_on(self.server.stop());
    }
}

/// Threads that read the journal for reversals, repetitions and totals. Requests in flight bound what waits for them.
const LOOKUP_THREADS: usize = 4;
