//! Payments that wait: for funds, for headroom under a cap, or for their time. A payment that its debtor's participant
//! has marked so is queued where it can't be cleared at once, and cleared later by a release, an entry of the engine's
//! own that the core checks like any other: so every movement of money has a sequence, a row and a leaf.

pub mod queue;
pub mod group;
