//! `gibbsian show`.

use std::path::Path;
use std::sync::Arc;

use gibbsian_checkpoint::Checkpoint;
use gibbsian_core::Values;

use crate::arguments::ShowArguments;
use crate::config::Configuration;
use crate::console::Console;
use crate::data::survey::{self, Column};
use crate::data::{DataFile, Rows};
use crate::failure::{OrRefuse, Result, shell_word};
use crate::folder::Run;

/// Columns that are listed.
const MOST_COLUMNS: usize = 40;

/// Says what it is.
pub(crate) fn run(arguments: &ShowArguments, console: &Arc<Console>) -> Result<()> {
    let path = &arguments.file;
    match path.extension().and_then(|e| e.to_str()) {
        _ if path.is_dir() => run_folder(path, console),
        Some("toml") => configuration(path, console),
        Some("safetensors") => weights(path, console),
        _ => data(path, console),
    }
}

fn data(path: &Path, console: &Console) -> Result<()> {
    let file = DataFile::read(path, None, None)?;
    let columns = survey::columns(&file);
    console.say(format!(
        "{}: {} rows of {} columns; {}",
        path.display(),
        file.n_rows(),
        file.names.len(),
        file.account
    ));
    if let Some(warning) = file.odd_header() {
        console.notice(format!("warning: {warning}"));
    }
    if let Some((height, width)) = file.picture {
        console.say(format!("pictures of {height} x {width} pixels"));
    }
    console.say(format!(
        "{:<24} {:>12} {:>12} {:>12} {:>8} {:>8}  what",
        "column", "least", "mean", "greatest", "distinct", "missing"
    ));
    for column in columns.iter().take(MOST_COLUMNS) {
        let distinct = if column.n_distinct >= survey::MOST_DISTINCT {
            format!("{}+", survey::MOST_DISTINCT)
        } else {
            column.n_distinct.to_string()
        };
        let name: String = column.name.chars().take(24).collect();
        console.say(format!(
            "{name:<24} {:>12} {:>12} {:>12} {distinct:>8} {:>8}  {}",
            short(column.range.0),
            short(column.mean),
            short(column.range.1),
            column.n_missing,
            what(column, file.is_named, columns.len())
        ));
    }
    if columns.len() > MOST_COLUMNS {
        console.say(format!("... and {} more", columns.len() - MOST_COLUMNS));
    }
    say_all(&file, &columns, console);
    Ok(())
}

/// What the columns are together, and what to do next.
fn say_all(file: &DataFile, columns: &[Column], console: &Console) {
    let label = survey::probable_label(columns).filter(|_| matches!(file.rows, Rows::Table(_)));
    let features: Vec<&Column> = columns
        .iter()
        .filter(|c| label.is_none_or(|l| l.name != c.name))
        .collect();
    let all = |test: fn(&Column) -> bool| features.iter().all(|c| test(c));
    let is_of_bytes = matches!(file.rows, Rows::Pictures(_));
    let (what, kind) = if all(Column::is_binary) {
        ("binary: fit for rbm and dbm as they are", "rbm")
    } else if all(|c| c.range.0 >= 0.0 && c.range.1 <= 1.0) {
        (
            "in [0, 1]: for rbm and dbm set data.binarise; for score and energy as they are",
            if is_of_bytes { "rbm" } else { "score" },
        )
    } else if !is_of_bytes && all(|c| c.is_whole && c.n_distinct <= 3) {
        (
            "few whole numbers: for rbm and dbm set data.binarise = \"threshold\" and data.threshold, which `gibbsian new` finds",
            "rbm",
        )
    } else {
        (
            "real: for score and energy set data.scale = \"standardise\"; for rbm and dbm set data.scale and data.binarise",
            "score",
        )
    };
    let n_missing: usize = columns.iter().map(|c| c.n_missing).sum();
    let of_missing = if n_missing > 0 {
        format!("; {n_missing} entries are missing, see data.missing")
    } else {
        String::new()
    };
    console.say(format!(
        "all numbers{}: {what}{of_missing}",
        label.map_or(String::new(), |l| format!(" but {:?}", l.name))
    ));
    console.say(format!(
        "next: gibbsian new {kind} --data {} > run.toml",
        shell_word(&file.path.display().to_string())
    ));
}

fn what(column: &Column, is_named: bool, n_columns: usize) -> String {
    let mut words = Vec::new();
    if let (true, Some((line, text))) = (column.n_words > 0, &column.first_defect) {
        words.push(format!(
            "{} words, the first {text:?} in line {line}",
            column.n_words
        ));
    }
    if column.is_label() {
        words.push("a label by its name".into());
    }
    if column.is_counter(is_named) && n_columns > 1 {
        words.push("numbers the rows".into());
    }
    if column.is_constant() {
        words.push("constant".into());
    } else if column.is_binary() {
        words.push("binary".into());
    } else if column.is_whole {
        words.push("whole numbers".into());
    }
    words.join(", ")
}

fn short(value: f64) -> String {
    if value == 0.0 || (1e-3..1e6).contains(&value.abs()) {
        format!("{value:.4}")
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned()
    } else {
        format!("{value:.3e}")
    }
}

fn configuration(path: &Path, console: &Console) -> Result<()> {
    let configuration = Configuration::read(path, &[])?;
    console.say(format!(
        "{}: a configuration of kind {:?}, seed {}",
        path.display(),
        configuration.kind.name(),
        configuration.seed
    ));
    console.say(format!("  {}", configuration.kind.recipe()));
    let data = configuration.data_path(path.parent().unwrap_or(Path::new("")));
    let there = if data.exists() { "" } else { ", which is not there" };
    console.say(format!("  data: {}{there}", data.display()));
    Ok(())
}

fn weights(path: &Path, console: &Console) -> Result<()> {
    let checkpoint = Checkpoint::read(path)
        .or_refuse("give a file that this program wrote: weights.safetensors of a run")?;
    console.say(format!(
        "{}: after {} steps, seed {}, recipe {}",
        path.display(),
        checkpoint.step,
        checkpoint.seed,
        &checkpoint.recipe[..12.min(checkpoint.recipe.len())]
    ));
    for (name, shape, values) in checkpoint.record.entries() {
        let kind = match values {
            Values::F64(_) => "f64",
            Values::F32(_) => "f32",
            Values::U64(_) => "u64",
            Values::U8(_) => "u8",
        };
        console.say(format!("  {name:<32} {kind} {shape:?}"));
    }
    Ok(())
}

fn run_folder(path: &Path, console: &Console) -> Result<()> {
    let run = Run::open(path, &[])?;
    let summary = &run.summary;
    console.say(format!("{}: a {}", path.display(), summary.model));
    console.say(format!(
        "  trained with {} steps on {} rows of {}, {} held out",
        summary.steps,
        summary.rows.0,
        summary.data.display(),
        summary.rows.1
    ));
    console.say(format!(
        "  {} columns, seed {}",
        summary.columns.len(),
        summary.seed
    ));
    for (name, value) in summary
        .last
        .iter()
        .filter(|(name, _)| !["step", "epoch", "learning_rate"].contains(&name.as_str()))
    {
        console.say(format!(
            "  {}: {:.4}",
            name.replace('_', " "),
            value.as_f64().unwrap_or(f64::NAN)
        ));
    }
    console.say(format!("  figures: {}", summary.figures.join(", ")));
    let evaluation = std::fs::read_to_string(run.folder.file("evaluation.json"))
        .ok()
        .and_then(|t| serde_json::from_str::<serde_json::Value>(&t).ok());
    match evaluation {
        Some(e) => console.say(format!(
            "  last evaluation: mean {} {:.4}{} nats, {}",
            e["quantity"].as_str().unwrap_or_default(),
            e["mean"].as_f64().unwrap_or(f64::NAN),
            (e["standard_error"].as_f64()).map_or(String::new(), |error| format!(" ± {error:.4}")),
            e["verdict"].as_str().unwrap_or_default()
        )),
        None => console.say("  not evaluated yet"),
    }
    Ok(())
}
