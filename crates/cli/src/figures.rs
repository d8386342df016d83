//! Figures that training and sampling leave.

use std::path::Path;

use gibbsian_checkpoint::write_atomically;
use gibbsian_figure::{Axis, ColourMap, ImageGrid, Plot};
use ndarray::{Array2, ArrayView2, s};

use crate::failure::{Failure, Result};

/// Pictures in a figure, and in a row of it.
const N_SHOWN: usize = 100;
const IN_A_ROW: usize = 20;
/// Small pictures are magnified to about this many screen pixels.
const SIDE: usize = 48;

/// What a column of the log is on an axis. Where no rows are held out, monitors look at rows of training.
fn axis_of(column: &str, is_held_out: bool) -> String {
    let text = match column {
        "pseudo_log_likelihood" => "pseudo-log-likelihood of held-out rows (nats a row)",
        "free_energy_gap" => "free energy of held-out minus training rows (nats)",
        "energy_gap" => "energy of held-out minus training rows (nats)",
        "acceptance" => "mean acceptance probability of the chains' steps",
        "phase_gap" => "energy of data minus chains, one minibatch (nats)",
        "chains_r_hat" => "R-hat of the chains' energies at their last visits",
        "noise_error" => "squared error of the predicted noise, held-out rows",
        "reconstruction_error" => "reconstruction error of held-out rows (units a row)",
        _ => "mean loss of the epoch",
    };
    if is_held_out {
        text.to_owned()
    } else {
        text.replace("held-out rows", "training rows")
    }
}

/// A training log: the names of its columns, and its rows. A monitor that has nothing to say yet is NaN, which the strict reader of tables refuses.
pub(crate) fn read_log(log: &Path) -> Result<(Vec<String>, Vec<Vec<f64>>)> {
    let misread = |what: &str| Failure::Failed(format!("{}: {what}", log.display()));
    let text = std::fs::read_to_string(log).map_err(|e| misread(&e.to_string()))?;
    let mut lines = text.lines();
    let head = lines.next().ok_or_else(|| misread("no line of names"))?;
    let names: Vec<String> = head.split(',').map(str::to_owned).collect();
    let mut rows = Vec::new();
    for line in lines {
        let row: Vec<f64> = line.split(',').flat_map(str::parse).collect();
        if row.len() != names.len() {
            return Err(misread(&format!("a row of other columns, {line:?}")));
        }
        rows.push(row);
    }
    Ok((names, rows))
}

/// A figure of each monitor of a log, as pairs of file name and text, from where it begins to say something; monitors that are not finite from there on are left out. `is_held_out` says whether rows were.
pub(crate) fn learning_curves(log: &Path, is_held_out: bool) -> Result<Vec<(String, String)>> {
    let (names, rows) = read_log(log)?;
    let Some(epoch) = names.iter().position(|n| n == "epoch") else {
        return Ok(Vec::new());
    };
    let mut figures = Vec::new();
    for (k, name) in names.iter().enumerate() {
        if ["step", "epoch", "learning_rate"].contains(&name.as_str()) {
            continue;
        }
        let points = rows.iter().map(|row| (row[epoch] + 1.0, row[k]));
        let points: Vec<(f64, f64)> = points.skip_while(|(_, value)| value.is_nan()).collect();
        if points.is_empty() {
            continue;
        }
        let title = match name.as_str() {
            "free_energy_gap" | "energy_gap" => "Overfitting monitor: a gap that grows",
            "phase_gap" => "Energy gap of the phases: around zero where chains are at rest",
            "chains_r_hat" => "Agreement of the chains: R-hat near one where they are one sample",
            "loss" => "Training loss: a monitor, no likelihood",
            _ => "Learning curve",
        };
        let plot = Plot::new(
            title,
            Axis::linear("epoch"),
            Axis::linear(axis_of(name, is_held_out)),
        )
        .line("", points);
        let file = if name == "loss" {
            "loss.svg".to_owned()
        } else {
            format!("{}.svg", name.replace('_', "-"))
        };
        if let Ok((svg, _)) = plot.render() {
            figures.push((file, svg));
        }
    }
    Ok(figures)
}

/// Weights as pictures, blue inhibits and orange excites.
pub(crate) fn filters(filters: ArrayView2<f64>, (height, width): (usize, usize)) -> Result<Vec<u8>> {
    let shown = filters.slice(s![..filters.nrows().min(N_SHOWN), ..]);
    let largest = shown.iter().fold(f64::MIN_POSITIVE, |m, w| m.max(w.abs()));
    grid(shown, height, width)
        .colours(ColourMap::Diverging, -largest, largest)
        .render()
        .map(|(png, _)| png)
        .map_err(|e| Failure::Failed(e.to_string()))
}

/// Rows as pictures, ink on paper, from the least to the greatest number.
pub(crate) fn pictures(rows: ArrayView2<f64>, (height, width): (usize, usize)) -> Result<Vec<u8>> {
    let shown = rows.slice(s![..rows.nrows().min(N_SHOWN), ..]);
    let (low, high) = shown
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
            (l.min(*v), h.max(*v))
        });
    let (low, high) = if low >= 0.0 && high <= 1.0 {
        (0.0, 1.0)
    } else {
        (low, high.max(low + 1e-9))
    };
    grid(shown, height, width)
        .colours(ColourMap::Ink, low, high)
        .render()
        .map(|(png, _)| png)
        .map_err(|e| Failure::Failed(e.to_string()))
}

fn grid(rows: ArrayView2<f64>, height: usize, width: usize) -> ImageGrid {
    let by = (SIDE / height.max(width).max(1)).clamp(1, 8);
    ImageGrid::new(rows, height, width)
        .columns(IN_A_ROW)
        .magnified(by)
}

/// The first two columns of draws as points, or the only one as a histogram.
pub(crate) fn points(names: &[String], rows: ArrayView2<f64>) -> Result<String> {
    let rows: Array2<f64> = rows.slice(s![..rows.nrows().min(5_000), ..]).to_owned();
    let plot = match names {
        [only] => {
            let values = rows.column(0).to_vec();
            let (low, high) = values
                .iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
                    (l.min(*v), h.max(*v))
                });
            Plot::new("Draws", Axis::linear(only.as_str()), Axis::linear("density"))
                .histogram("", &values, low, high, 50)
        }
        [x, y, ..] => Plot::new("Draws", Axis::linear(x.as_str()), Axis::linear(y.as_str()))
            .points("", rows.rows().into_iter().map(|row| (row[0], row[1]))),
        [] => return Err(Failure::Failed("no columns to show".into())),
    };
    plot.render()
        .map(|(svg, _)| svg)
        .map_err(|e| Failure::Failed(e.to_string()))
}

/// Requires a file whose extension suits what is drawn: pictures as PNG, points as SVG.
pub(crate) fn check_draws(path: &Path, picture: Option<(usize, usize)>) -> Result<()> {
    match (path.extension().and_then(|e| e.to_str()), picture) {
        (Some("svg"), _) | (Some("png"), Some(_)) => Ok(()),
        (Some("png"), None) => Err(Failure::key(
            "--figure",
            path.display(),
            "a file that ends in .svg, as the rows are no pictures",
            "give --figure draws.svg, or set data.picture = [height, width] and train again",
        )),
        _ => Err(Failure::key(
            "--figure",
            path.display(),
            "a file whose name ends in .png or .svg",
            "give --figure draws.png for pictures and --figure draws.svg for points",
        )),
    }
}

/// Writes the figure that the extension says.
pub(crate) fn write_draws(
    path: &Path,
    names: &[String],
    picture: Option<(usize, usize)>,
    rows: ArrayView2<f64>,
) -> Result<()> {
    check_draws(path, picture)?;
    let bytes = match picture {
        Some(size) if path.extension().is_some_and(|e| e == "png") => pictures(rows, size)?,
        _ => points(names, rows)?.into_bytes(),
    };
    write_atomically(path, &bytes).map_err(|e| Failure::Failed(e.to_string()))
}
