//! The JSON API of a load's own server: a caller with a TEST KEY for each participant, and nothing else that a bank would
//! ask for. Loopback alone.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use feiqian_files::{IntakeOptions, WorkDir};
use feiqian_http::{CodeKey, House, HttpOptions, Server};
use feiqian_identity::Identities;
use feiqian_runtime::pipeline::Engine;

use crate::workload::layout::{bic, test_api_key};

/// Serves an engine whose directory is `data` at `listen`; call it inside an actix system.
///
/// # Errors
/// What went wrong, in words.
pub(in super::super) fn serve(
    engine: &Engine,
    data: &Path,
    (listen, participants): (&str, u32),
) -> Result<Server, String> {
    let listen: SocketAddr =
        listen.parse().map_err(|_| format!("{listen:?} is no address of the JSON API"))?;
    let work = WorkDir::create(data.join("work")).map_err(|fault| fault.to_string())?;
    let house = House {
        files: IntakeOptions::new(work, bic(0)),
        codes: CodeKey::new(b"TEST KEY: codes of a load's own."),
        scanner: None,
        webhooks: None,
    };
    let options = HttpOptions { listen, ..HttpOptions::default() };
    Server::start(engine.clone(), house, Arc::new(identities(participants)?), options)
        .map_err(|fault| fault.to_string())
}

fn identities(participants: u32) -> Result<Identities, String> {
    let caller = |participant| {
        let key = test_api_key(participant);
        format!(
            "[[caller]]\nname = \"load-{participant}\"\nparticipant = \"{}\"\nroles = [\"submitter\"]\n\
             [[caller.api_key]]\nid = \"{}\"\nhash = \"{}\"\nroles = [\"submitter\"]\n\
             expires = 2100-01-01T00:00:00Z\n",
            bic(participant),
            key.id(),
            key.hash()
        )
    };
    let text: String = (0..participants).map(caller).collect();
    Identities::parse(&text, 0).map_err(|fault| fault.to_string())
}
