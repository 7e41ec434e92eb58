//! Liquidity: which queued payments can be released with the money that there is. The rules alone: what is
//! queued, and when a resolution runs, is the ledger's.

pub mod resolve;
pub mod gridlock;
mod queues;
mod tree;
mod offset;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
