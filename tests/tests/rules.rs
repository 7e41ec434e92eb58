//! The rules of clearing, held to the oracle: tables of each rule and each reason, and properties over random
//! stories, serial and sharded, named after the invariants that they test.
//!
//! `FEIQIAN_STORIES` sets how many stories each property reads; a failing one prints its seed.

#[path = "rules/board.rs"]
mod board;
#[path = "rules/chains.rs"]
mod chains;
#[path = "rules/commands.rs"]
mod commands;
#[path = "rules/corners.rs"]
mod corners;
#[path = "rules/default.rs"]
mod default;
#[path = "rules/cut_offs.rs"]
mod cut_offs;
#[path = "rules/cycles.rs"]
mod cycles;
#[path = "rules/limits.rs"]
mod limits;
#[path = "rules/liquidity.rs"]
mod liquidity;
#[path = "rules/exchange.rs"]
mod exchange;
#[path = "rules/fees.rs"]
mod fees;
#[path = "rules/fraud.rs"]
mod fraud;
#[path = "rules/four_eyes.rs"]
mod four_eyes;
#[path = "rules/models.rs"]
mod models;
#[path = "rules/postings.rs"]
mod postings;
#[path = "rules/properties.rs"]
mod properties;
#[path = "rules/returns.rs"]
mod returns;
#[path = "rules/schedule.rs"]
mod schedule;
#[path = "rules/serial.rs"]
mod serial;
#[path = "rules/sharded.rs"]
mod sharded;
#[path = "rules/stories.rs"]
mod stories;
#[path = "rules/transfers.rs"]
mod transfers;
#[path = "rules/trial.rs"]
mod trial;
#[path = "rules/two_phase.rs"]
mod two_phase;
