//! How far an experiment has come, and the run it belongs to: a bar on a terminal, a line now and then in a pipe.
//!
//! The time left of a stage is extrapolated from the steps done since the stage was first heard of, so a training that resumes
//! at step 30 of 50 is not credited with the 30. Stages may run side by side; a terminal then shows one of them until it ends. The time left of the run is
//! that of its [`Schedule`]; on a terminal it counts down between reports as well. Both are shown to people only and enter nothing that is written.

use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::console::Console;
use crate::schedule::Schedule;

/// In a pipe, a line is printed when the stage changes, and otherwise this often at most.
const BETWEEN_LINES: Duration = Duration::from_secs(5);
/// On a terminal, the line is drawn again this often.
const BETWEEN_DRAWINGS: Duration = Duration::from_millis(500);
/// A stage that has been silent for so long leaves the bar to another.
const SILENCE: Duration = Duration::from_secs(2);

/// The progress of one experiment.
pub struct Progress {
    experiment: &'static str,
    display: Display,
    stages: Mutex<Stages>,
}

/// All stages that were heard of.
#[derive(Default)]
struct Stages {
    known: Vec<Stage>,
    /// The one on the bar.
    shown: usize,
}

enum Display {
    Bar(ProgressBar),
    Lines(Arc<Console>),
}

struct Stage {
    what: String,
    first_step: u64,
    step: u64,
    n_steps: u64,
    started: Instant,
    heard: Instant,
    last_line: Instant,
}

impl Stages {
    /// Notes a report: the place of its stage, and whether that is new. A stage that goes back begins again.
    fn hear(&mut self, step: u64, n_steps: u64, what: &str, now: Instant) -> (usize, bool) {
        let place = self.known.iter().position(|s| s.what == what);
        if let Some(place) = place.filter(|&place| step >= self.known[place].step) {
            let stage = &mut self.known[place];
            (stage.step, stage.n_steps, stage.heard) = (step, n_steps, now);
            return (place, false);
        }
        let stage = Stage {
            what: what.to_string(),
            first_step: step,
            step,
            n_steps,
            started: now,
            heard: now,
            last_line: now,
        };
        let place = place.unwrap_or(self.known.len());
        match self.known.get_mut(place) {
            Some(known) => *known = stage,
            None => self.known.push(stage),
        }
        (place, true)
    }

    /// Whether the bar is for the stage at this place: for the newest one, until that ends or falls silent.
    fn has_bar(&mut self, place: usize, is_new: bool, now: Instant) -> bool {
        let shown = &self.known[self.shown];
        if is_new || shown.step >= shown.n_steps || now - shown.heard > SILENCE {
            self.shown = place;
        }
        self.shown == place
    }
}

impl Progress {
    /// Progress of the experiment of this id within a run, shown as fits the console.
    pub fn new(experiment: &'static str, schedule: &Arc<Schedule>, console: &Arc<Console>) -> Self {
        let display = if console.is_terminal() {
            let bar = ProgressBar::new(1);
            let n = schedule.n_experiments();
            bar.set_prefix(format!("{experiment} ({} of {n})", schedule.place()));
            let schedule = Arc::clone(schedule);
            // The template is a constant, so the fallback is never taken; a plain bar would do as well.
            bar.set_style(
                ProgressStyle::with_template("{prefix} [{bar:20}] {run}{wide_msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_bar())
                    .progress_chars("=> ")
                    .with_key("run", move |_: &ProgressState, line: &mut dyn Write| {
                        // A line that cannot be drawn is nothing to stop for.
                        let _ = write!(line, "{}", run_left(&schedule));
                    }),
            );
            bar.enable_steady_tick(BETWEEN_DRAWINGS);
            Display::Bar(bar)
        } else {
            Display::Lines(Arc::clone(console))
        };
        Progress {
            experiment,
            display,
            stages: Mutex::default(),
        }
    }

    /// Says that `step` of `n_steps` of a stage are done.
    pub fn report(&self, step: u64, n_steps: u64, what: &str) {
        let now = Instant::now();
        let mut stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        let (place, is_new) = stages.hear(step, n_steps, what, now);
        let stage = &stages.known[place];
        let left = time_left(stage.first_step, step, n_steps, now - stage.started)
            .map_or(String::new(), |left| format!(", about {} left", in_words(left)));
        match &self.display {
            Display::Bar(bar) => {
                if stages.has_bar(place, is_new, now) {
                    bar.set_length(n_steps);
                    bar.set_message(format!("; {what}, {step} of {n_steps}{left}"));
                    bar.set_position(step);
                }
            }
            Display::Lines(console) => {
                if is_new || now - stage.last_line >= BETWEEN_LINES {
                    stages.known[place].last_line = now;
                    console.notice(format!("{}: {what}, {step} of {n_steps}{left}", self.experiment));
                }
            }
        }
    }

    /// Says a line above the bar.
    pub fn say(&self, line: impl std::fmt::Display) {
        let line = format!("{}: {line}", self.experiment);
        match &self.display {
            Display::Bar(bar) => bar.println(line),
            Display::Lines(console) => console.notice(line),
        }
    }

    /// Takes the bar off the screen.
    pub fn finish(&self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }
}

/// The time that a run still takes, or that nobody knows.
pub(crate) fn run_left(schedule: &Schedule) -> String {
    match schedule.left() {
        Some(left) => format!("about {} left in all", in_words(left)),
        None => "nobody knows how long".into(),
    }
}

/// Extrapolates linearly; `None` until something has been done in a noticeable time.
fn time_left(first_step: u64, step: u64, n_steps: u64, elapsed: Duration) -> Option<Duration> {
    let done = step.checked_sub(first_step).filter(|&done| done > 0)?;
    let left = n_steps.checked_sub(step).filter(|&left| left > 0)?;
    if elapsed < Duration::from_millis(500) {
        return None;
    }
    Duration::try_from_secs_f64(elapsed.as_secs_f64() * left as f64 / done as f64).ok()
}

/// A duration in a fitting unit.
pub(crate) fn in_words(duration: Duration) -> String {
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
    use std::io;

    /// A stream that can be read while it is written.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_pipe_gets_a_line_per_stage_and_not_per_step() {
        let err = Shared::default();
        let schedule = Arc::new(Schedule::new(vec![Some(1.0)]));
        let progress = Progress::new("toy", &schedule, &Console::piped(io::sink(), err.clone()));
        for what in ["training", "sampling"] {
            for step in 0..1000 {
                progress.report(step, 1000, what);
            }
        }
        let text = String::from_utf8(err.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "toy: training, 0 of 1000\ntoy: sampling, 0 of 1000\n");
    }

    /// Reports that alternate are of two stages; one that goes back begins again.
    #[test]
    fn stages_side_by_side_have_a_line_each() {
        let err = Shared::default();
        let schedule = Arc::new(Schedule::new(vec![Some(1.0)]));
        let progress = Progress::new("toy", &schedule, &Console::piped(io::sink(), err.clone()));
        for step in 0..100 {
            progress.report(step, 100, "first");
            progress.report(step, 100, "second");
        }
        progress.report(0, 100, "first");
        let text = String::from_utf8(err.0.lock().unwrap().clone()).unwrap();
        let lines = "toy: first, 0 of 100\ntoy: second, 0 of 100\ntoy: first, 0 of 100\n";
        assert_eq!(text, lines);
    }

    #[test]
    fn the_bar_stays_with_the_newest_stage_until_that_ends() {
        let (mut stages, now) = (Stages::default(), Instant::now());
        let mut report = |step, what, seconds| {
            let now = now + Duration::from_secs(seconds);
            let (place, is_new) = stages.hear(step, 10, what, now);
            stages.has_bar(place, is_new, now)
        };
        assert!(report(0, "first", 0));
        assert!(report(0, "second", 0));
        assert!(!report(1, "first", 1));
        assert!(report(10, "second", 1));
        assert!(report(2, "first", 1));
        assert!(report(0, "third", 1));
        assert!(!report(3, "first", 3));
        assert!(report(4, "first", 4), "nothing of the third for three seconds");
    }

    #[test]
    fn the_time_left_counts_only_the_steps_of_this_run() {
        let seconds = Duration::from_secs;
        assert_eq!(time_left(0, 10, 40, seconds(5)), Some(seconds(15)));
        assert_eq!(time_left(30, 40, 50, seconds(5)), Some(seconds(5)));
        assert_eq!(time_left(30, 30, 50, seconds(5)), None);
        assert_eq!(time_left(0, 50, 50, seconds(5)), None);
        assert_eq!(time_left(0, 60, 50, seconds(5)), None);
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
