//! `cargo run --release -p benches`: makes all tables of RESULTS.md, in one run, every result checked.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints tables")]

use std::process::ExitCode;

use benches::instructions;
use benches::run::server;
use benches::tables::{Settings, make};
use feiqian_runtime::memory::LongBlocks;

#[global_allocator]
static MEMORY: LongBlocks = LongBlocks;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Hidden: the server's own process, started by this program.
    if let [command, spec] = arguments.as_slice()
        && command == "load-server"
    {
        return ended(server::serve(spec));
    }
    // Hidden: the work that .ci/instructions counts.
    if let [command, kind, frames] = arguments.as_slice()
        && command == "instructions"
    {
        let frames = frames.parse().map_err(|_| "instructions KIND FRAMES".to_owned());
        return ended(frames.and_then(|frames| instructions::run(kind, frames)));
    }
    let settings = match Settings::parse(&arguments) {
        Ok(settings) => settings,
        Err(text) => return ended(Err(text)),
    };
    let result = make(&settings, &mut |line| eprintln!("{line}"));
    ended(result.and_then(|tables| {
        println!("{}", tables.markdown());
        tables.write()
    }))
}

fn ended(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("benches: {fault}");
            ExitCode::FAILURE
        }
    }
}
