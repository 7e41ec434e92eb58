//! The webhooks on threads of their own: to whom the configuration names, and to whom participants have registered. Signed with the operator's key: its public
//! half is what every participant has.

use std::path::Path;
use std::sync::Arc;

use feiqian_http::webhooks::{Tell, Told, WebhookOptions, Webhooks};
use feiqian_runtime::pipeline::Engine;

use crate::fault::Fault;
use crate::keys::{operator_key_path, read_secret};
use crate::output::Output;

/// What the operator is to know of a target goes to standard error.
pub(super) fn start(
    engine: &Engine,
    (options, data): (&WebhookOptions, &Path),
    output: Output,
) -> Result<Webhooks, Fault> {
    let key = read_secret(&operator_key_path(data))?;
    let tell: Tell = Arc::new(move |told: &Told| output.fault(told));
    Webhooks::start(engine, &key, options, &tell).map_err(|fault| Fault::from(&fault))
}

/// Names of those who are told.
pub(super) fn names(options: &WebhookOptions) -> String {
    let names: Vec<_> = options.targets.iter().map(|target| target.name()).collect();
    names.join(", ")
}
