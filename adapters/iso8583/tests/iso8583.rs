//! The shared vectors, our own fixtures, hostile inputs, mutations, and properties.
//!
//! One binary, so that it links once. Shared data lies beside the repository (`../shared/data`, or where
//! `FEIQIAN_DATA` says); where it is absent, the tests that need it say so in one line and pass.

#[path = "iso8583/data.rs"]
mod data;
#[path = "iso8583/fixtures.rs"]
mod fixtures;
#[path = "iso8583/properties.rs"]
mod properties;
#[path = "iso8583/vectors.rs"]
mod vectors;
