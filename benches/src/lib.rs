//! Workloads: seeded, reproducible loads for benchmarks, the demo and load tests. Owns how a load looks and
//! how its result is checked; measures nothing itself.

pub mod generator;
pub mod chain;
