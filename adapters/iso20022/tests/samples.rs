//! Everything that needs whole messages: the shared samples, hostile inputs, our own fixtures, and round trips.
//!
//! One binary, so that it links once. Shared data lies beside the repository (`../shared/data`, or where
//! `FEIQIAN_DATA` says); where it is absent, the tests that need it say so in one line and pass.

#[path = "samples/after.rs"]
mod after;
#[path = "samples/after_written.rs"]
mod after_written;
#[path = "samples/agreement.rs"]
mod agreement;
#[path = "samples/confirmations.rs"]
mod confirmations;
#[path = "samples/data.rs"]
mod data;
#[path = "samples/domain.rs"]
mod domain;
#[path = "samples/facts.rs"]
mod facts;
#[path = "samples/fixtures.rs"]
mod fixtures;
#[path = "samples/hostile.rs"]
mod hostile;
#[path = "samples/limits.rs"]
mod limits;
#[path = "samples/mutations.rs"]
mod mutations;
#[path = "samples/profiles.rs"]
mod profiles;
#[path = "samples/round_trip.rs"]
mod round_trip;
#[path = "samples/said.rs"]
mod said;
#[path = "samples/schemas.rs"]
mod schemas;
#[path = "samples/statements.rs"]
mod statements;
