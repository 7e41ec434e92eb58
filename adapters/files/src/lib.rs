//! The file transport: an inbox of ISO 20022 files becomes batches, the outcomes become answers in an outbox.
//!
//! Reading order: [`intake`] (what happens to a file, step by step), [`resolve`] (whose accounts a payment means),
//! [`status`] (what an outcome is in ISO codes), [`after`] (what comes after a payment), `inquiries` (what asks and moves
//! nothing), [`usage`] (what is asked of whose messages), then [`csv`] (payments as tables), [`handed`] (a message
//! that comes over a connection) and [`mailbox`] (what it is not answered by), [`settlement`] (what a closed cycle sends). Knows directories and no rule of clearing: what the engine can decide is left to it.
#![forbid(unsafe_code)]

pub mod intake;
pub mod resolve;
pub mod status;
pub mod after;
mod inquiries;
pub mod csv;
pub mod profile;
pub mod usage;
mod clearing;
mod answer;
pub mod details;
pub mod settlement;
pub mod reconcile;
pub mod agents;
pub mod watch;
pub mod report;
pub mod inbox;
pub mod layout;
pub mod handed;
pub mod mailbox;
mod source;
pub mod store;
pub mod timestamp;
pub mod limits;
pub mod error;

pub use error::FilesError;
pub use intake::{Disposal, IntakeOptions, import, intake};
pub use layout::WorkDir;
pub use report::{Disposition, FileReport, IntakeReport};
