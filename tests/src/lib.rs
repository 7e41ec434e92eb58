//! The harness: world, oracle, faulty storage, stories.
