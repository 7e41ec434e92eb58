//! The API's listener, told who is who.

use std::sync::Arc;

use feiqian_core::bic::Bic;
use feiqian_http::{HttpServerFault, Server};
use feiqian_identity::Identities;
use feiqian_runtime::pipeline::Engine;

use crate::config::ApiConfig;
use crate::fault::Fault;

/// Listens; call it inside an actix system. Until somebody is named in a file of identities, nobody is answered.
pub(super) fn start(engine: Engine, operator: Bic, config: &ApiConfig) -> Result<Server, Fault> {
    let identities = Arc::new(Identities::nobody());
    Server::start(engine, operator, identities, config.options()).map_err(|fault| match fault {
        HttpServerFault::Listen { .. } => {
            Fault::Usage(format!("{fault}; choose another address under [api]"))
        }
        HttpServerFault::Journal(fault) => Fault::from(fault),
    })
}
