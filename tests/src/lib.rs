//! The harness: world, oracle, faulty storage, stories.

pub mod dice;
pub mod sim_storage;
pub mod generator;
pub mod oracle;
pub mod picture;
pub mod world;
pub mod story;
