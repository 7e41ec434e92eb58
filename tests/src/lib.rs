//! The harness: world, oracle, faulty storage, stories.

pub mod dice;
pub mod sim_storage;
