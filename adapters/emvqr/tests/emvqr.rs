//! Everything that needs whole payloads: the shared vectors, our own fixtures, hostile inputs, properties, pictures.
//!
//! One binary, so that it links once. Shared data lies beside the repository (`../shared/data`, or where
//! `FEIQIAN_DATA` says); where it is absent, the tests that need it say so in one line and pass.

#[path = "emvqr/cost.rs"]
mod cost;
#[path = "emvqr/data.rs"]
mod data;
#[path = "emvqr/fixtures.rs"]
mod fixtures;
#[path = "emvqr/hostile.rs"]
mod hostile;
#[path = "emvqr/masking.rs"]
mod masking;
#[path = "emvqr/mutations.rs"]
mod mutations;
#[cfg(feature = "pictures")]
#[path = "emvqr/pictures.rs"]
mod pictures;
#[path = "emvqr/properties.rs"]
mod properties;
#[path = "emvqr/vectors.rs"]
mod vectors;
