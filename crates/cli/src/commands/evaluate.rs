//! `gibbsian evaluate`.

use std::sync::Arc;

use gibbsian_core::Seed;
use ndarray::{Array2, ArrayView1};
use serde_json::json;

use crate::arguments::EvaluateArguments;
use crate::console::Console;
use crate::data::judged::{Judged, read_test};
use crate::data::prepare::{fixed_rows, spread_rows};
use crate::data::{Prepared, bits};
use crate::failure::{Failure, Result};
use crate::folder::Run;
use crate::kinds::{Verdict, Wants};
use crate::output::Format;
use crate::progress::Progress;

/// Judges and says so.
pub(crate) fn run(arguments: &EvaluateArguments, console: &Arc<Console>, progress: &Progress) -> Result<()> {
    let format = arguments.out.as_ref().map(|out| Format::of(out)).transpose()?;
    let run = Run::open(&arguments.run, &arguments.set)?;
    let (given, of_what) = rows(arguments, &run)?;
    for warning in &given.warnings {
        console.notice(format!("warning: {warning}"));
    }
    let seed = Seed::new(arguments.seed.unwrap_or(run.summary.seed)).child("evaluation");
    let x = fixed_rows(&given.view, usize::MAX, seed)?;
    if run.configuration.kind.wants() == Wants::Binary {
        bits::refuse_other_in_test(x.view(), &given.numbers, &run.summary.columns)?;
    }
    let mut found = run.model.evaluate(x.view(), seed, progress)?;
    progress.finish();

    // Densities come back to the units of the data, and probabilities have none.
    let log_volume = run.transform.log_volume();
    let is_density = found.quantity == "log-density";
    if is_density {
        found.rows -= log_volume;
        found.interval = found
            .interval
            .map(|(low, high)| (low - log_volume, high - log_volume));
    }
    // Of more rows than are judged, these are; counted from 1, as the file has them.
    let judged = spread_rows(x.nrows(), found.rows.len());
    let numbered = || judged.iter().map(|row| given.numbers[*row] + 1).zip(&found.rows);
    if let Some((row, value)) = numbered().find(|(_, value)| !value.is_finite()) {
        return Err(Failure::Failed(format!(
            "the {} of row {row} is {value}",
            found.quantity
        )));
    }
    let (mean, error) = mean_and_error(found.rows.view());
    let dim = run.summary.columns.len() as f64;
    let bits = mean / dim / std::f64::consts::LN_2;

    console.say(format!(
        "{}, judged on {} rows {of_what}",
        run.summary.model,
        found.rows.len()
    ));
    let (spread, of_spread) = match error {
        Some(error) => (format!(" ± {error:.4}"), "± is one standard error over rows"),
        None => (String::new(), "one row has no standard error"),
    };
    console.say(format!(
        "mean {}: {mean:.4}{spread} nats a row ({:.4} nats, {bits:.4} bits a column); {of_spread}",
        found.quantity,
        mean / dim
    ));
    if let Some((low, high)) = found.interval {
        console.say(format!(
            "  for these rows in [{low:.4}, {high:.4}] by the interval of log Z"
        ));
    }
    for note in &found.notes {
        console.say(format!("  {note}"));
    }
    if is_density && log_volume != 0.0 {
        console.say(format!(
            "  densities are in the units of the data; of scaled data they are {:+.4} nats",
            log_volume
        ));
    }
    let shift = if is_density { log_volume } else { 0.0 };
    let mut bounds = None;
    let (word, why, is_certified) = match &found.verdict {
        Verdict::Certified(why) => ("certified", why.clone(), true),
        Verdict::NotCertified(why) => ("not certified", why.clone(), false),
        Verdict::Enclosed {
            n_cases,
            bounds: (low, high),
        } => {
            let (low, high) = (low - shift, high - shift);
            bounds = Some([low, high]);
            let of_all = match found.rows.len() {
                n if n > *n_cases => format!(" of {n}"),
                _ => String::new(),
            };
            let why = format!(
                "the mean over {n_cases}{of_all} rows lies in [{low:.4}, {high:.4}], {:.4} nats wide",
                high - low
            );
            ("certified", why, true)
        }
    };
    console.say(format!("{word}: {why}"));

    let answer = json!({
        "quantity": found.quantity,
        "rows": found.rows.len(),
        "of": of_what,
        "mean": mean,
        "standard_error": error,
        "bits_a_column": bits,
        "interval": found.interval.map(|(low, high)| [low, high]),
        "certified": is_certified,
        "bounds": bounds,
        "verdict": why,
        "log_volume": log_volume,
        "details": found.details,
    });
    let text = serde_json::to_string_pretty(&answer).map_err(|e| Failure::Failed(e.to_string()))?;
    run.folder
        .write("evaluation.json", format!("{text}\n").as_bytes())?;
    if let (Some(out), Some(format)) = (&arguments.out, format) {
        let values = numbered().flat_map(|(row, value)| [row as f64, *value]);
        let mut table = Array2::zeros((judged.len(), 2));
        table
            .iter_mut()
            .zip(values)
            .for_each(|(place, value)| *place = value);
        let names = ["row".to_owned(), found.quantity.replace(['-', ' '], "_")];
        format.write(out, Some(&names), table.view())?;
    }
    if arguments.require_certificate && !is_certified {
        return Err(Failure::Failed(format!("a certificate was required: {why}")));
    }
    Ok(())
}

/// The rows to judge, and where they are from.
fn rows(arguments: &EvaluateArguments, run: &Run) -> Result<(Judged, String)> {
    let keys = &run.configuration.data;
    if let Some(path) = &arguments.data {
        let judged = read_test(path, keys, &run.transform, &run.summary)?;
        return Ok((judged, format!("of {}", path.display())));
    }
    let path = &run.summary.data;
    let data = Prepared::read(path, keys, Seed::new(run.summary.seed))?;
    if data.fingerprint != run.summary.data_fingerprint {
        return Err(Failure::refused(
            format!(
                "{} has changed since training, so the rows that were held out are not known",
                path.display()
            ),
            "give the rows to judge with --data FILE, or train again",
        ));
    }
    match data.held_out {
        Some(view) => {
            // These are numbered among themselves.
            let judged = Judged {
                numbers: (0..view.n_points()).collect(),
                view,
                warnings: Vec::new(),
            };
            Ok((judged, format!("held out of {}", path.display())))
        }
        None => Err(Failure::refused(
            format!(
                "no rows were held out of training (data.hold_out = {})",
                keys.hold_out
            ),
            "give rows to judge with --data FILE; the training rows themselves would flatter the model",
        )),
    }
}

/// The mean of some values, and its standard error where there is more than one.
fn mean_and_error(values: ArrayView1<f64>) -> (f64, Option<f64>) {
    let n = values.len() as f64;
    let error = (values.len() > 1).then(|| values.std(1.0) / n.sqrt());
    (values.sum() / n, error)
}
