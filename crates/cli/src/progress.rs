//! How far a command has come: a bar on a terminal, a line now and then in a pipe.
//!
//! The time left is extrapolated from what this process did in the present stage, so that a training resumed at step 30 of 50 is not credited with the 30.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::console::Console;

/// In a pipe a line is written when a stage begins, and otherwise this often at most.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// The progress of one command.
pub(crate) struct Progress {
    display: Display,
    stage: Mutex<Option<Stage>>,
}

enum Display {
    Nothing,
    Bar(ProgressBar),
    Lines(Arc<Console>),
}

struct Stage {
    what: String,
    first: u64,
    started: Instant,
    last_line: Instant,
}

impl Progress {
    /// Shown as fits the console, or not at all.
    pub(crate) fn new(console: &Arc<Console>, quiet: bool) -> Self {
        let display = if quiet {
            Display::Nothing
        } else if console.is_terminal() {
            let bar = ProgressBar::new(0);
            // The template is a constant, so the fallback is never taken; a plain bar would do as well.
            bar.set_style(
                ProgressStyle::with_template("[{bar:30}] {pos}/{len} {msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_bar())
                    .progress_chars("=> "),
            );
            Display::Bar(bar)
        } else {
            Display::Lines(Arc::clone(console))
        };
        Progress {
            display,
            stage: Mutex::new(None),
        }
    }

    /// Says that `done` of `all` of a stage are done, with a remark where there is one.
    pub(crate) fn report(&self, done: u64, all: u64, what: &str, remark: &str) {
        let now = Instant::now();
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = stage.as_ref().is_none_or(|s| s.what != what || done < s.first);
        if is_new {
            *stage = Some(Stage {
                what: what.to_string(),
                first: done,
                started: now,
                last_line: now,
            });
        }
        let Some(stage) = stage.as_mut() else { return };
        let left = time_left(stage.first, done, all, now - stage.started)
            .map_or(String::new(), |left| format!(", about {} left", in_words(left)));
        match &self.display {
            Display::Nothing => {}
            Display::Bar(bar) => {
                bar.set_length(all);
                bar.set_message(format!("{what}{remark}{left}"));
                bar.set_position(done);
            }
            Display::Lines(console) => {
                if is_new || now - stage.last_line >= BETWEEN_LINES {
                    stage.last_line = now;
                    console.notice(format!("{what}: {done} of {all}{remark}{left}"));
                }
            }
        }
    }

    /// Begins a stage of which nobody knows how long it takes.
    pub(crate) fn begin(&self, what: &str) {
        match &self.display {
            Display::Nothing => {}
            Display::Bar(bar) => {
                bar.set_length(1);
                bar.set_position(0);
                bar.set_message(what.to_owned());
            }
            Display::Lines(console) => console.notice(format!("{what} ...")),
        }
    }

    /// Takes the bar off the screen.
    pub(crate) fn finish(&self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }
}

/// Extrapolates linearly; `None` until something has been done in a noticeable time.
fn time_left(first: u64, done: u64, all: u64, elapsed: Duration) -> Option<Duration> {
    let made = done.checked_sub(first).filter(|&made| made > 0)?;
    let left = all.checked_sub(done).filter(|&left| left > 0)?;
    if elapsed < Duration::from_millis(500) {
        return None;
    }
    Duration::try_from_secs_f64(elapsed.as_secs_f64() * left as f64 / made as f64).ok()
}

fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().ceil() as u64;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_counts_only_what_this_process_did() {
        let seconds = Duration::from_secs;
        assert_eq!(time_left(0, 10, 40, seconds(5)), Some(seconds(15)));
        assert_eq!(time_left(30, 40, 50, seconds(5)), Some(seconds(5)));
        assert_eq!(time_left(30, 30, 50, seconds(5)), None);
        assert_eq!(time_left(0, 50, 50, seconds(5)), None);
    }

    #[test]
    fn durations_are_said_in_a_fitting_unit() {
        let words = |s| in_words(Duration::from_secs_f64(s));
        assert_eq!(
            [words(0.2), words(119.0), words(125.0), words(9000.0)],
            ["1 s", "119 s", "3 min", "2.5 h"]
        );
    }
}
