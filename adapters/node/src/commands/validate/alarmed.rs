//! A validator whose alarm stands: it follows and signs nothing, shows the alarm in its metric and `/health`, and says it
//! again when it ends. Only `--alarm-seen` clears it.

use std::net::SocketAddr;
use std::sync::Arc;

use feiqian_runtime::follow::Alarm;
use feiqian_runtime::storage::files::FileStorage;

use super::standing::Standing;
use crate::commands::Context;
use crate::commands::listener::{Listener, Metrics};
use crate::commands::serve::interrupted;
use crate::fault::Fault;

/// The alarm that stands in the directory; if somebody has looked at it, it is cleared first.
pub(super) fn standing(
    context: &Context,
    storage: &FileStorage,
    is_seen: bool,
) -> Result<Option<Alarm>, Fault> {
    let fault = |error: &dyn std::fmt::Display| Fault::Data(format!("{}: {error}", context.data.display()));
    if is_seen && let Some(kept) = Alarm::clear(storage).map_err(|error| fault(&error))? {
        context.output.say(format!("the alarm is cleared, and kept as {kept}"));
    }
    Alarm::standing(storage).map_err(|error| fault(&error))
}

/// Shows the alarm until a signal comes.
pub(super) fn stand(
    context: &Context,
    alarm: &Alarm,
    (listen, metrics): (SocketAddr, Metrics),
) -> Result<(), Fault> {
    let standing = Arc::new(Standing::default());
    standing.set_alarm();
    actix_web::rt::System::new().block_on(async {
        let interrupted = interrupted()?;
        let shown = Arc::clone(&standing);
        let listener = Listener::start(listen, metrics, move |config| Arc::clone(&shown).configure(config))?;
        context.output.report(&super::drive::told(alarm, &context.data, Some(listener.address())));
        interrupted.await;
        listener.stop().await;
        Err(super::drive::first_difference(alarm, &context.data))
    })
}
