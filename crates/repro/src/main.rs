//! `gibbsian-repro`: the program behind `cargo xtask reproduce`.

use std::process::ExitCode;

use gibbsian_repro::console::Console;
use gibbsian_repro::{command, registry};

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    ExitCode::from(command::main(
        arguments,
        registry::EXPERIMENTS,
        &Console::standard(),
    ))
}
