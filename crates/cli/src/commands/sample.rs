//! `gibbsian sample`.

use std::sync::Arc;

use gibbsian_core::Seed;

use crate::arguments::SampleArguments;
use crate::console::Console;
use crate::failure::{Failure, Result};
use crate::figures;
use crate::folder::Run;
use crate::kinds::Wants;
use crate::output::Format;
use crate::progress::Progress;

/// Draws and writes them in the units of the data.
pub(crate) fn run(arguments: &SampleArguments, console: &Arc<Console>, progress: &Progress) -> Result<()> {
    let format = Format::of(&arguments.out)?;
    if arguments.n == 0 {
        return Err(Failure::key("--n", 0, "at least 1", "give --n 1000"));
    }
    let run = Run::open(&arguments.run, &arguments.set)?;
    if let Some(figure) = &arguments.figure {
        figures::check_draws(figure, run.summary.picture)?;
    }
    let seed = Seed::new(arguments.seed.unwrap_or(run.summary.seed)).child("sample");
    let draws = run.model.sample(arguments.n, seed, progress)?;
    // As rows that the model sees as what it drew, so that they can be judged and put beside the data.
    let rows = match run.configuration.kind.wants() {
        Wants::Binary => run.transform.written(draws.rows.view()),
        Wants::Real => run.transform.back(draws.rows.view()),
    };
    format.write(&arguments.out, run.summary.names(), rows.view())?;
    if let Some(figure) = &arguments.figure {
        let shown = draws
            .means
            .as_ref()
            .filter(|_| run.summary.picture.is_some())
            .unwrap_or(&rows);
        figures::write_draws(figure, &run.summary.columns, run.summary.picture, shown.view())?;
    }
    progress.finish();
    console.say(format!("{} draws of a {}", rows.nrows(), run.summary.model));
    for note in &draws.notes {
        console.say(format!("  {note}"));
    }
    for warning in &draws.warnings {
        console.notice(format!("warning: {warning}"));
    }
    let files: Vec<String> = [Some(&arguments.out), arguments.figure.as_ref()]
        .into_iter()
        .flatten()
        .map(|f| f.display().to_string())
        .collect();
    console.say(format!("in {}", files.join(", ")));
    Ok(())
}
