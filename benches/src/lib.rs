//! Workloads: seeded, reproducible loads for benchmarks, the demo and load tests. Owns how a load looks and
//! how its result is checked; measures nothing itself.

#![expect(clippy::cast_possible_truncation, reason = "64-bit machines, and numbers that are made below 2^32")]

pub mod generator;
pub mod chain;
pub mod founding;
pub mod load;
pub mod core_loop;
pub mod workload;
pub mod run;
pub mod tables;
