//! Postings by hand: a transfer that the operator's officers order, to correct what no participant can. The command
//! orders one exact transfer and moves nothing; the engine then submits that transfer as an entry of its own, which the
//! shards decide like any other. So it has a row and a leaf, stands in statements and histories, and is conserved.
//!
//! **What is asked of it**: what a transfer is asked: currency, funds and credit line, net debit cap. **What is
//! waived**: who owns the debtor account, since two officers stand in the owner's place; the states of accounts and
//! participants but closed, since what is frozen is what most often has to be put right; and the limits that
//! participants set themselves and velocity, since those bound a payer's own orders. Nets with others still count it.

pub mod book;
pub mod carried;
pub mod command;
pub mod decide;

pub use book::{Order, OrderNumber, Orders, brought_back_by};
pub use carried::{Carried, CarriedBy};
pub use command::PostingCommand;
