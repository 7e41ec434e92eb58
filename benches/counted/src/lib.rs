//! Loads that need nothing but the rules: numbers and transfers ([`generator`]), a chain of frames ([`chain`]) and the
//! plain loop over it ([`core_loop`]). The benchmarks make theirs of these; the program beside them is what
//! `.ci/instructions` counts.
//!
//! Depends on core and proof alone, so that a change's instructions are counted within a minute, release build and all.

#![expect(clippy::cast_possible_truncation, reason = "64-bit machines, and numbers that are made below 2^32")]

pub mod generator;
pub mod chain;
pub mod core_loop;
