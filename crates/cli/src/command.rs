//! From the arguments of the process to its exit code.

use std::ffi::OsString;
use std::sync::Arc;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::commands;
use crate::console::Console;
use crate::failure::{Failure, Result};
use crate::progress::Progress;

/// Runs the program with these arguments, the first of which follows the program's name, and returns the exit code: 0 fine, 1 the work failed or was not certified, 2 wrong usage.
pub fn main(arguments: impl IntoIterator<Item = OsString>, console: &Arc<Console>) -> u8 {
    let arguments = std::iter::once(OsString::from("gibbsian")).chain(arguments);
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(answer) => {
            // Help and version are answers, and everything else is a refusal.
            let text = answer.render();
            let text = text.to_string();
            if answer.use_stderr() {
                console.notice(text.trim_end());
            } else {
                console.say(text.trim_end());
            }
            return u8::try_from(answer.exit_code()).unwrap_or(2);
        }
    };
    match run(arguments, console) {
        Ok(()) => 0,
        Err(failure) => {
            console.notice(format!("error: {failure}"));
            failure.exit_code()
        }
    }
}

fn run(arguments: Arguments, console: &Arc<Console>) -> Result<()> {
    let Some(n) = arguments.threads else {
        return dispatch(arguments, console);
    };
    if n == 0 {
        return Err(Failure::key(
            "--threads",
            n,
            "at least 1",
            "leave it out to use all processors",
        ));
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(n)
        .build()
        .map_err(|why| Failure::Failed(format!("cannot make {n} threads: {why}")))?;
    pool.install(|| dispatch(arguments, console))
}

fn dispatch(arguments: Arguments, console: &Arc<Console>) -> Result<()> {
    let progress = Progress::new(console, arguments.quiet);
    let outcome = match &arguments.command {
        Command::New(arguments) => commands::new::run(arguments, console),
        Command::Train(arguments) => commands::train::run(arguments, console, &progress),
        Command::Sample(arguments) => commands::sample::run(arguments, console, &progress),
        Command::Evaluate(arguments) => commands::evaluate::run(arguments, console, &progress),
        Command::Show(arguments) => commands::show::run(arguments, console),
    };
    progress.finish();
    outcome
}
