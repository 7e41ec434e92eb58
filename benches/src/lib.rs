//! Loads: what they look like and what must come of them ([`workload`]), how they are sent, measured and checked
//! ([`run`]), and the tables that are made of them ([`tables`]). A figure whose result does not hold is not printed.
//!
//! [`chain`] and [`load`] make loads without a socket, for micro-benchmarks of single stages.

#![expect(clippy::cast_possible_truncation, reason = "64-bit machines, and numbers that are made below 2^32")]

pub use counted::{chain, core_loop, generator};

pub mod founding;
pub mod load;
pub mod cards;
pub mod messages;
pub mod workload;
pub mod run;
pub mod followed;
pub mod tables;
