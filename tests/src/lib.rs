//! The harness: world, oracle, faulty storage, stories.

pub mod sim_storage;
