//! The program `gibbsian`.

use std::process::ExitCode;

use gibbsian_cli::console::Console;

fn main() -> ExitCode {
    ExitCode::from(gibbsian_cli::main(
        std::env::args_os().skip(1),
        &Console::standard(),
    ))
}
