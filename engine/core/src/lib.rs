//! feiqian-core: the rules of clearing, as a pure function `apply(state, frame) -> outcomes`.
//!
//! No clock, file, thread, socket, randomness, log or async: everything that decides comes in with the
//! frame. Reading order: the nouns ([`money`], [`bic`], [`account`], [`transfer`], [`outcome`]), then
//! [`state`], whose `apply` is the plain loop that every other execution must equal.
#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::float_arithmetic,
    clippy::iter_over_hash_type,
    clippy::as_conversions,
    clippy::arithmetic_side_effects
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod money;
pub mod currency;
pub mod bic;
pub mod iban;
pub mod uetr;
pub mod account;
pub mod participant;
pub mod streams;
pub mod model;
pub mod transfer;
pub mod outcome;
pub mod limits;
pub mod codec;
pub mod secrets;
pub mod command;
pub mod authority;
pub mod registry;
pub mod batch;
pub mod batch_signature;
pub mod frame;
pub mod ids;
pub mod identify;
pub mod hold;
pub mod liquidity;
pub mod returns;
pub mod calendar;
pub mod schedule;
pub mod paid;
pub mod postings;
pub mod fraud;
pub mod exchange;
pub mod fees;
pub mod controls;
pub mod default;
pub mod claim;
pub mod overlay;
pub mod delta;
pub mod ledger;
pub mod state;
pub mod suppose;
pub mod shard;
pub mod mirror;
pub mod block;
pub mod snapshot;
mod changed;
mod marks;
mod number;
mod tables;
