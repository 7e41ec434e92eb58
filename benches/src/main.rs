//! `cargo run --release -p benches`: makes all tables of RESULTS.md, in one run, every result checked.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints tables")]

use std::process::ExitCode;

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
