//! The HTTP transport: a versioned JSON API under `/v1` for participants, operator and auditors, and a stream of events.
//!
//! Reading order: [`routes`] (every route with its roles, its request and its answers: the one table that is
//! served, described and tested), `front.rs` (what happens to every request before its handler), `instruct.rs` (from JSON
//! to records), then the handlers, each of which unpacks, calls the engine and answers. Holds sockets and no rule of
//! clearing; knows who is asking by [`Identify`] alone. [`scanner`] has strangers' pictures read elsewhere. [`webhooks`] sends the same events to those who would rather be told.
#![forbid(unsafe_code)]

pub mod options;
mod certificate;
pub mod limits;
mod meter;
mod api;
mod caller;
mod problem;
mod query;
mod model;
pub mod routes;
mod front;
mod number;
mod instruct;
mod usage;
mod codes;
pub mod scanner;
mod outcome;
mod handlers;
mod feed;
pub mod webhooks;
pub mod openapi;
mod page;
mod server;

pub use caller::Identify;
pub use codes::CodeKey;
pub use options::HttpOptions;
pub use scanner::Scanner;
pub use server::{House, HttpServerFault, Server};
