//! The bulk protocol (README.md beside this crate documents every byte): batches of 128-byte records over TCP
//! and Unix sockets, server and client. Moves bytes between sockets and the engine; holds no rule of clearing.

pub mod address;
pub mod layout;
pub mod refusal;
pub mod login;
mod stream;
pub mod server;
pub mod client;

pub use address::Address;
pub use server::{Server, ServerOptions};
