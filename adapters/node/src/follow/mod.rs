//! The transport of following: what validators ask an operator, or each other, over HTTP, and how it is known who asks.
//! `README.md` beside this file gives every request to the byte. What is done with the answers is the runtime's `follow`.

mod callers;
mod client;
mod request;
mod server;

pub use callers::Callers;
pub use client::{Client, SourceState};
pub use server::{Cosigning, FollowServer};

/// Where all requests begin.
pub const PREFIX: &str = "/follow/v1";
/// Bytes of frames, of a snapshot or of a segment in one answer; one frame that is longer comes alone.
pub const CHUNK_BYTES_MAX: usize = 4 << 20;
/// Blocks in one answer: 384 bytes each.
pub const BLOCKS_MAX: u64 = 4_096;
/// Outcome rows in one answer: a group of transfers, 32 bytes each.
pub const ROWS_MAX: usize = 256;
/// Milliseconds that a request for frames may wait for some.
pub const WAIT_MS_MAX: u64 = 1_000;
/// Bytes of a block in an answer: header and signature.
const BLOCK_BYTES: usize = 384;
