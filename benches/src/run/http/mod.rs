//! The load generator over the JSON API: batches of one as single requests, larger ones as bulks in which each transfer
//! stands on its own; a connection that stays for each session, and one request at a time on it.
//!
//! ```text
//!  session ── request ── connection ── answer
//!                            │
//!                          house, where the server is the load's own
//! ```

pub(super) mod answer;
pub(super) mod connection;
pub(super) mod house;
pub(super) mod request;
pub(super) mod session;
