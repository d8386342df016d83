//! The two streams that the program writes to.
//!
//! Results go to standard output and everything else, progress and errors, to standard error, so that results can be piped. All of it goes through a [`Console`], so that tests can
//! read it. A stream that was closed at the other end is no reason to stop: what counts is in files.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Standard output and standard error, or stand-ins for them.
pub struct Console {
    out: Mutex<Box<dyn Write + Send>>,
    err: Mutex<Box<dyn Write + Send>>,
    is_terminal: bool,
}

impl Console {
    /// The process's own streams.
    pub fn standard() -> Arc<Self> {
        Arc::new(Console {
            out: Mutex::new(Box::new(io::stdout())),
            err: Mutex::new(Box::new(io::stderr())),
            is_terminal: io::stderr().is_terminal(),
        })
    }

    /// Streams into which a program without a terminal writes.
    pub fn piped(out: impl Write + Send + 'static, err: impl Write + Send + 'static) -> Arc<Self> {
        Arc::new(Console {
            out: Mutex::new(Box::new(out)),
            err: Mutex::new(Box::new(err)),
            is_terminal: false,
        })
    }

    /// Whether a progress bar has a place to be drawn.
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// A line of the result, to standard output.
    pub fn say(&self, line: impl Display) {
        write_line(&self.out, line);
    }

    /// A notice or an error, to standard error.
    pub fn notice(&self, line: impl Display) {
        write_line(&self.err, line);
    }
}

fn write_line(stream: &Mutex<Box<dyn Write + Send>>, line: impl Display) {
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = writeln!(stream, "{line}").and_then(|()| stream.flush());
}
