//! The load generator: sends a workload to a server over many sessions, at full speed or at a given rate, measures,
//! and checks that all that was acknowledged is there, as it was answered.
//!
//! ```text
//!  run ─┬─ server      its own process, unless one is named
//!       ├─ place       addresses of both protocols, and the keys of whom it speaks for
//!       ├─ driver      threads with sessions ── pacer, where a rate is given
//!       │              └ http: those over the JSON API
//!       ├─ series      answered transfers and bytes on disk over time
//!       ├─ verify      the journal read back, or the server asked
//!       └─ report      JSON, and a page with plots
//! ```

pub mod disk;
pub mod driver;
pub(crate) mod http;
mod load;
pub mod pacer;
pub mod place;
mod plot;
pub mod report;
pub mod scratch;
mod series;
mod session;
pub mod server;
mod usage;
pub mod verify;
mod asked;

pub use load::{Driven, LoadFault, LoadOptions, Target, drive_noting, own_credentials, run};
pub use place::{Keys, Place};
