//! Fraud: a bank reports a cleared transfer, the money is followed over several hops, what is left of it is held, and it
//! is released or returned, at the latest by the clock.
//!
//! 1. **Report** ([`FraudCommand::Report`]): the bank of the account that paid, or an officer, names a transfer that has
//!    cleared, the amount in dispute, how many hops are followed and until when. That is a case.
//! 2. **Trace** ([`trace`]): a pure function over postings, made outside of the rules, since they have no history.
//! 3. **Hold** ([`FraudCommand::Hold`]): an officer submits the trace, with the transfers that justify each account. The
//!    rules check its form and sums, and lay a [`Held`] amount on each account: what is asked, or what is left. Whoever
//!    has the journal can trace again; an audit and a validator do. A later trace of a case goes on where the earlier one
//!    has ended, and takes its place; where it asks less of an account, it takes two officers, as a release does.
//! 4. **Release** or **return**, by the bank that has the account, by two officers, or (release) by the bank that
//!    reported. A return orders a posting ([`crate::postings`]) from the account to the one that paid, out of what is
//!    held and never more; one at a time of each account, and a few in a day. It counts as come back of the reported
//!    transfer, as a return of the bank's own does, so that by both ways no more comes back than was paid. What is still
//!    held at the case's deadline is free again with the first frame of that time.
//!
//! What takes two officers may be proposed by one and approved by another ([`crate::authority`]).
//!
//! What is held is in the account's reserved sum, so that nothing on the way of a transfer knows of it. It bounds the
//! account, not the bank: a return is checked against the bank's cap when it is made, and waits for that like any posting.

pub mod cases;
pub mod command;
pub mod decide;
pub mod held;
pub mod trace;

pub use cases::{Ask, Case, Cases};
pub use command::{FraudCommand, Traced};
pub use held::{Held, HeldKey, Helds};
