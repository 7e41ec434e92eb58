//! The program's entry: parses, runs one command, turns its fault into a line and an exit code. Nothing else.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser as _;
use feiqian_node::cli::Cli;
use feiqian_node::commands;
use feiqian_node::output::Output;
use feiqian_runtime::memory::LongBlocks;

#[global_allocator]
static MEMORY: LongBlocks = LongBlocks;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output { is_json: cli.json };
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            output.fault(&fault);
            ExitCode::from(fault.exit_code())
        }
    }
}
