//! The built program from outside: its commands, its exit codes, its answers on disk, and what is left of it after
//! a SIGKILL. Knows nothing of the inside; one binary, so that it links once.

mod after;
mod api;
mod archive;
mod books;
mod bulk;
mod callers;
mod cards;
mod clearing;
mod credentials;
mod demo;
mod directory;
mod exchange;
mod eyes;
mod fees;
mod flips;
mod fraud;
mod house;
mod kills;
mod liar;
mod loads;
mod models;
mod own_files;
mod posting;
mod log;
mod proofs;
#[path = "../../../http/tests/http/receiver.rs"]
#[allow(dead_code, reason = "the tests of the API ask more of it")]
mod receiver;
mod requests;
mod serving;
mod validators;
mod webhooks;
mod whatif;
