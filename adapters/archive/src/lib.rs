//! Sealed blocks as Parquet files: what was cleared, read with SQL and without asking the engine.
//!
//! Reading order: [`schema`] (the tables, column by column), [`export`] (block after block, part after part),
//! `directory` (how a part becomes visible as a whole and once). Follows the journal as any reader does, behind the
//! newest block and never on the way of a transfer; decides nothing, and knows no salt, no key and no payment's details.
#![forbid(unsafe_code)]

pub mod schema;
pub mod export;
pub mod follower;
mod reading;
mod tables;
mod columns;
mod part;
mod sink;
mod directory;
pub mod limits;
pub mod error;

pub use error::ArchiveError;
pub use export::{ExportOptions, Exported, export, export_until};
pub use follower::Follower;
