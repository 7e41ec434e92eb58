//! The program `feiqian`: command line, configuration, wiring, metrics exporter. It opens engines and prints what
//! they say; no rule of clearing, no format of a message and no stage of the machine is here.
//!
//! Reading order: [`cli`] (what can be asked), [`commands`] (one file each), [`session`] (an engine on a data
//! directory), [`founding`] (participants put in force), [`demo`] (the whole job in eight steps).
#![forbid(unsafe_code)]

pub mod cli;
pub mod commands;
pub mod demo;
pub mod session;
mod tariffs;
pub mod founding;
pub mod participants;
pub mod config;
pub mod keys;
pub mod witnesses;
pub mod follow;
pub mod whatif;
pub mod names;
pub mod orders;
pub mod output;
pub mod fault;
