//! `gibbsian train`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gibbsian_core::{Seed, Streams};
use ndarray::{ArrayView1, Axis};

use crate::arguments::TrainArguments;
use crate::check;
use crate::config::Configuration;
use crate::console::Console;
use crate::data::prepare::spread_rows;
use crate::data::{DataKeys, Prepared, Scale, bits};
use crate::failure::{Failure, Result, shell_word, toml_text};
use crate::figures;
use crate::folder::{Folder, Run, Summary};
use crate::kinds::Wants;
use crate::kinds::fit::{Job, deadline};
use crate::memory;
use crate::progress::Progress;

/// Fantasies that are drawn for the figure.
const N_FANTASIES: usize = 100;
/// Rows that are looked at to refuse constants.
const N_LOOKED_AT: usize = 100_000;

/// Trains and leaves the folder of the run.
pub(crate) fn run(arguments: &TrainArguments, console: &Arc<Console>, progress: &Progress) -> Result<()> {
    if let Some(limit) = arguments.time_limit {
        let cure = "give seconds, such as --time-limit 3600, or leave it out";
        check::non_negative("--time-limit", limit, cure)?;
    }
    let configuration = Configuration::read(&arguments.config, &arguments.set)?;
    let folder = Folder::new(match &arguments.out {
        Some(out) => out.clone(),
        None => PathBuf::from(arguments.config.file_stem().unwrap_or_default()),
    });
    if folder.path().is_file() {
        return Err(Failure::key(
            "--out",
            folder.path().display(),
            "a folder",
            "give another one; a file has this name",
        ));
    }
    if folder.is_begun() && !arguments.resume {
        return Err(Failure::refused(
            format!("{} has a run already", folder.path().display()),
            "give --resume to go on with it, or another folder with --out",
        ));
    }
    refuse_another_kind(&folder, configuration.kind.name())?;
    let seed_value = arguments.seed.unwrap_or(configuration.seed);
    let seed = Seed::new(seed_value);
    let kind = &configuration.kind;

    let beside = arguments.config.parent().unwrap_or(Path::new(""));
    let path = configuration.data_path(beside);
    let place = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
    refuse_unwritable(&place)?;
    let data = Prepared::read(&path, &configuration.data, seed)?;
    for note in &data.notes {
        console.notice(note);
    }
    match kind.wants() {
        Wants::Binary => {
            bits::refuse_other_in_training(&data.train, &data.names, "training")?;
            if let Some(held_out) = &data.held_out {
                bits::refuse_other_in_training(held_out, &data.names, "held-out")?;
            }
        }
        Wants::Real => refuse_without_density(&data, &configuration.data, console)?,
    }
    memory::check(
        kind.bytes(data.dim()),
        arguments.memory,
        &format!("training this {} on {} columns", kind.name(), data.dim()),
    )?;

    folder.make()?;
    // The copy is read from where it lies.
    let copy = configuration.text_elsewhere(&place);
    if !folder.is_begun() {
        folder.write("config.toml", copy.as_bytes())?;
    }
    let recipe = format!(
        "{} {}\n{:?}\ndata {}",
        kind.name(),
        kind.recipe(),
        Shown::of(&configuration),
        data.fingerprint
    );
    let job = Job {
        data: &data,
        seed: seed.child("training"),
        folder: &folder,
        recipe: &recipe,
        progress,
        deadline: deadline(arguments.time_limit),
    };
    let trained = kind.train(&job).map_err(Failure::of_training)?;
    for line in &trained.notices {
        console.notice(line);
    }
    if !trained.completed {
        progress.finish();
        console.say(format!(
            "stopped after {} steps; `{}` goes on",
            trained.steps,
            resuming(arguments, &folder)
        ));
        return Ok(());
    }

    let model = kind.restore(&data.means, data.train.n_points(), &trained.weights)?;
    let mut summary = Summary {
        version: env!("CARGO_PKG_VERSION").into(),
        kind: kind.name().into(),
        model: model.describe(),
        seed: seed_value,
        recipe,
        data: place,
        data_fingerprint: data.fingerprint.clone(),
        columns: data.names.clone(),
        named: data.is_named,
        bytes: Some(data.is_of_bytes),
        picture: data.picture,
        rows: (
            data.train.n_points(),
            data.held_out.as_ref().map_or(0, |h| h.n_points()),
        ),
        steps: trained.steps,
        completed: trained.completed,
        last: last_of(&folder.file("log.csv")),
        figures: Vec::new(),
    };
    // Sections that training does not depend on may have changed since the run was begun.
    folder.write("config.toml", copy.as_bytes())?;
    folder.write_weights(&summary, trained.weights, &data.transform, &data.means)?;
    let curves = figures::learning_curves(&folder.file("log.csv"), data.held_out.is_some());
    for (name, svg) in curves.unwrap_or_default() {
        folder.write(&name, svg.as_bytes())?;
        summary.figures.push(name);
    }
    write_summary(&folder, &summary)?;
    if let Some(size) = data.picture {
        if let Some(filters) = model.filters() {
            folder.write("filters.png", &figures::filters(filters.view(), size)?)?;
            summary.figures.push("filters.png".into());
        }
        progress.begin("drawing pictures");
        let draws = model.sample(N_FANTASIES, seed.child("fantasies"), progress)?;
        let shown = draws.means.as_ref().unwrap_or(&draws.rows);
        folder.write("fantasies.png", &figures::pictures(shown.view(), size)?)?;
        summary.figures.push("fantasies.png".into());
        write_summary(&folder, &summary)?;
    }
    // What was written must be readable before anybody is told so.
    Run::open(folder.path(), &[])?;
    progress.finish();
    say(console, &summary, &folder);
    Ok(())
}

/// Refuses a folder with the run of another kind of model, whose files would stay beside those of this one.
fn refuse_another_kind(folder: &Folder, kind: &str) -> Result<()> {
    match folder.kind() {
        Some(begun) if begun != kind => Err(Failure::key(
            "kind",
            format!("{kind:?}"),
            format!("{begun:?}, as that of the run in {}", folder.path().display()),
            "give the configuration that the run was begun with, or another folder with --out",
        )),
        _ => Ok(()),
    }
}

/// Refuses a path of the data that run.json could not keep at the end.
fn refuse_unwritable(path: &Path) -> Result<()> {
    if path.to_str().is_some() {
        return Ok(());
    }
    Err(Failure::key(
        "data.path",
        path.display(),
        "a path in UTF-8 from the root on, as run.json keeps it",
        "rename the folder or the file whose name is not",
    ))
}

/// The command that goes on with a run as it was begun.
fn resuming(arguments: &TrainArguments, folder: &Folder) -> String {
    let shown = |path: &Path| shell_word(&path.display().to_string());
    let mut command = format!(
        "gibbsian train {} --out {}",
        shown(&arguments.config),
        shown(folder.path())
    );
    if let Some(seed) = arguments.seed {
        command += &format!(" --seed {seed}");
    }
    for assignment in &arguments.set {
        command += &format!(" --set {}", shell_word(assignment));
    }
    if let Some(gib) = arguments.memory {
        command += &format!(" --memory {gib}");
    }
    command + " --resume"
}

/// What of the configuration the data as the model sees them depend on.
#[derive(Debug)]
#[allow(
    dead_code,
    reason = "shown by its derived form, which is a part of the recipe"
)]
struct Shown<'a> {
    columns: &'a Option<Vec<String>>,
    drop: &'a [String],
    label: &'a Option<String>,
    missing: crate::data::Missing,
    scale: Scale,
    binarise: crate::data::Binarise,
    threshold: f64,
    hold_out: f64,
}

impl<'a> Shown<'a> {
    fn of(configuration: &'a Configuration) -> Self {
        let data = &configuration.data;
        Shown {
            columns: &data.columns,
            drop: &data.drop,
            label: &data.label,
            missing: data.missing,
            scale: data.scale,
            binarise: data.binarise,
            threshold: data.threshold,
            hold_out: data.hold_out,
        }
    }
}

/// Refuses columns without a density, which are constants and those of two numbers unless these are asked for by name: real-valued models learn how numbers scatter.
fn refuse_without_density(data: &Prepared, keys: &DataKeys, console: &Console) -> Result<()> {
    let n = data.train.n_points();
    let rows = spread_rows(n, n.min(N_LOOKED_AT));
    let x = data.train.rows(&rows, Streams::from_key(0));
    let all = if rows.len() < n {
        format!("{} training rows that were looked at", rows.len())
    } else {
        "training rows".to_owned()
    };
    let other = |c: ArrayView1<f64>| c.iter().copied().find(|v| *v != c[0]);
    if let Some(i) = x.axis_iter(Axis(1)).position(|c| other(c).is_none()) {
        return Err(Failure::refused(
            format!(
                "column {:?} is {} in all {all}, and what is constant has no density",
                data.names[i],
                data.transform.back(x.view())[[0, i]]
            ),
            format!("leave it out with data.drop = [{}]", toml_text(&data.names[i])),
        ));
    }
    let has_two = |c: ArrayView1<f64>| other(c).is_some_and(|o| c.iter().all(|v| *v == c[0] || *v == o));
    let of_two: Vec<usize> = (0..x.ncols()).filter(|i| has_two(x.column(*i))).collect();
    if let (Some(&i), None) = (of_two.first(), &keys.columns) {
        let what = format!(
            "column {:?} has two numbers only in the {all}, and what jumps between them has no density",
            data.names[i]
        );
        if data.picture.is_none() {
            return Err(Failure::refused(
                what,
                format!(
                    "leave it out with data.drop = [{}], or use kind = \"rbm\" where all columns are such; to model it all the same, name it in data.columns",
                    toml_text(&data.names[i])
                ),
            ));
        }
        console.notice(format!("warning: {what} ({} such pixels)", of_two.len()));
    }
    let widest = x.axis_iter(Axis(1)).map(|c| c.std(0.0)).fold(0.0, f64::max);
    let largest = x.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    if keys.scale == Scale::None && (largest > 20.0 || widest > 5.0) {
        return Err(Failure::key(
            "data.scale",
            format!("\"none\" for numbers of up to {largest:.0} in magnitude"),
            "\"standardise\", \"unit\" or \"unit-together\" where numbers are not of order one: networks and their noise are made for those",
            "set data.scale = \"standardise\"; draws and densities come back in the units of the data",
        ));
    }
    Ok(())
}

/// The last row of the log.
fn last_of(log: &Path) -> serde_json::Map<String, serde_json::Value> {
    let Ok((names, mut rows)) = figures::read_log(log) else {
        return serde_json::Map::new();
    };
    let last = rows.pop().unwrap_or_default();
    // What is no number has no place in JSON and becomes null.
    names
        .into_iter()
        .zip(last.into_iter().map(|v| serde_json::json!(v)))
        .collect()
}

fn write_summary(folder: &Folder, summary: &Summary) -> Result<()> {
    let text = serde_json::to_string_pretty(summary).map_err(|e| Failure::Failed(e.to_string()))?;
    folder.write("run.json", format!("{text}\n").as_bytes())?;
    Ok(())
}

fn say(console: &Console, summary: &Summary, folder: &Folder) {
    console.say(format!("trained a {}: {} steps", summary.model, summary.steps));
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
    let figures = summary.figures.join(", ");
    console.say(format!(
        "in {}: run.json, weights.safetensors, log.csv, {figures}",
        folder.path().display()
    ));
    console.say(format!(
        "next: gibbsian evaluate {}",
        shell_word(&folder.path().display().to_string())
    ));
}
