//! The card port over real sockets, on a real engine.

mod house;
mod flows;
mod reversals;
mod reductions;
mod reductions_1993;
mod enrolments;
mod cut_overs;
mod restarts;
mod links;
mod hostile;
mod canaries;
