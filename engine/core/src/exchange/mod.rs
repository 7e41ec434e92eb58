//! Foreign exchange: firm two-way rates of participants, quotes that lock one, and trades, whose two legs clear as one
//! chain or not at all (payment versus payment).
//!
//! A rate is published by its provider and holds for a time and up to a size. A quote locks it: two amounts, fixed to the
//! minor unit. A trade is a chain of two records that name the quote; the quote is the provider's word for the leg that
//! it pays, so the requester submits both.

pub mod command;
pub mod positions;
pub mod price;
pub mod book;
pub mod decide;
pub mod trades;
