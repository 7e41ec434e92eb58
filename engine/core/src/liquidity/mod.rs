//! Liquidity: payments that wait for funds, for headroom under a cap, or for their time, and which of them can be
//! released with the money that there is.
//!
//! A payment that its debtor's participant has marked so is queued where it can't be cleared at once ([`queue`]). It is
//! cleared later by a release, an entry of the engine's own that the rules check like any other ([`group`]), so every
//! movement of money has a sequence, a row and a leaf. Which releases are asked for, [`plan`] says with [`resolve`]: a
//! function of the state after a block, which every bank can compute again.

pub mod queue;
pub mod group;
pub mod resolve;
pub mod plan;
mod admit;
pub mod gridlock;
mod queues;
mod tree;
mod offset;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
