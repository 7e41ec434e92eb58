//! The card port: ISO 8583 over TCP, as a card switch meets it, in front of the engine (README.md beside this crate says
//! which field becomes what).
//!
//! Reading order: [`link`] (who speaks on which port, and how), `envelope` (frames), `session` (one connection), `flow`
//! (what each message asks of the engine), `gate` (how requests of all sessions become batches), `vault` (tokens and ids),
//! [`enrolment`] (which accounts a card stands for).
//! Decides nothing: whether a payment is good the engine says, and what an earlier message became the journal says. Keeps
//! no card number beyond its answer, and of what authenticates a cardholder it reads not even a byte.
#![forbid(unsafe_code)]

pub mod link;
pub mod vault;
pub mod enrolment;
pub mod code;
mod envelope;
mod named;
mod reply;
mod security;
mod gate;
mod flow;
mod meter;
mod session;
pub mod server;

pub use envelope::{Envelope, Framing};
pub use link::{Institution, Link};
pub use security::{Algorithm, MacKeys};
pub use server::{Server, ServerFault, ServerOptions};
pub use session::SessionFault;
pub use vault::Vault;

/// For the fuzz target: the frames that received bytes begin with, as a session would take them; gives how many.
#[doc(hidden)]
#[must_use]
pub fn frames_of(framing: Framing, received: &[u8], max: usize) -> usize {
    let (mut rest, mut frames) = (received, 0);
    while let Ok(Some(taken)) = framing.take(rest, max) {
        assert!(taken.bytes > 0 && taken.bytes <= rest.len(), "a frame is within what was received");
        frames += 1;
        rest = &rest[taken.bytes..];
    }
    frames
}
