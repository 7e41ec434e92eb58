//! The load generator: sends a workload to a server over many sessions, at full speed or at a given rate, measures,
//! and checks that all that was acknowledged is there, as it was answered.
//!
//! ```text
//!  run ─┬─ server      its own process, unless one is named
//!       ├─ driver      threads with sessions ── pacer, where a rate is given
//!       ├─ series      answered transfers and bytes on disk over time
//!       ├─ verify      the journal read back, or the server asked
//!       └─ report      JSON, and a page with plots
//! ```

pub mod disk;
pub mod driver;
mod load;
pub mod pacer;
mod plot;
pub mod report;
pub mod scratch;
mod series;
mod session;
pub mod server;
mod usage;
pub mod verify;
mod asked;

pub use load::{Driven, Keys, LoadFault, LoadOptions, Target, drive_noting, own_credentials, run};
