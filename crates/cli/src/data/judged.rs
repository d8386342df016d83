//! Rows of a file that are to be judged, and what is odd about them.

use std::path::Path;

use super::bits::other_than_bits;
use super::prepare::View;
use super::select::{listed, select};
use super::{Binarise, DataFile, DataKeys, Missing, Rows, Transform};
use crate::failure::{Failure, Result};
use crate::folder::Summary;

/// Rows of a file that are to be judged.
pub(crate) struct Judged {
    /// These, as the model sees them.
    pub view: View,
    /// Their places in the file, from 0.
    pub numbers: Vec<usize>,
    /// What is odd about them.
    pub warnings: Vec<String>,
}

/// Rows of another file as a model with this transform sees them, and what is odd about them; columns are found by their names.
pub(crate) fn read_test(
    path: &Path,
    keys: &DataKeys,
    transform: &Transform,
    summary: &Summary,
) -> Result<Judged> {
    let names = summary.columns.as_slice();
    let file = read_with_names(path, keys, summary)?;
    // Test files often lack what training left out, and then have just the columns of the model.
    let mut keys = keys.clone();
    keys.drop.retain(|name| file.names.contains(name));
    keys.label = keys.label.filter(|name| file.names.contains(name));
    if file.names.len() == names.len() {
        (keys.columns, keys.label) = (None, None);
        keys.drop.clear();
    }
    match file.rows {
        // Whether columns should be modelled was asked before training: all that are left are named, and none is suspected again.
        Rows::Table(_) => {
            keys.columns.get_or_insert_with(|| file.names.clone());
        }
        // Pixels are never missing, whatever is to be done about it elsewhere.
        Rows::Pictures(_) => keys.missing = Missing::Refuse,
    }
    let odd_header = file.odd_header();
    let mut notes = Vec::new();
    let (selected, numbers) = select(file, &keys, &mut notes)?;
    if selected.names.len() != names.len() || (selected.is_named && selected.names != names) {
        return Err(Failure::refused(
            format!(
                "{} has the columns {}, but the model has {}",
                path.display(),
                listed(&selected.names),
                listed(names)
            ),
            "give data with the columns that the model was trained on, in the same order",
        ));
    }
    refuse_other_units(&selected, transform, summary.bytes)?;
    let all: Vec<usize> = (0..selected.n_rows()).collect();
    if all.is_empty() {
        return Err(Failure::refused(
            format!("{} has no row that can be judged", path.display()),
            "give a file with rows that have an entry in every column of the model",
        ));
    }
    let mut warnings: Vec<String> = (notes.iter())
        .map(|note| format!("{}: {note}", path.display()))
        .collect();
    warnings.extend(oddities(&selected, transform));
    warnings.extend(odd_header);
    let (view, _) = transform.view(&selected.rows, &all, &numbers, names, false)?;
    Ok(Judged {
        view,
        numbers,
        warnings,
    })
}

/// Reads a file for a model whose columns may have names: then a text has them as well, even where they are numbers such as years, which would be taken for a row.
fn read_with_names(path: &Path, keys: &DataKeys, summary: &Summary) -> Result<DataFile> {
    let read = |header| DataFile::read(path, header, keys.array.as_deref());
    if !summary.named {
        return read(keys.header);
    }
    let with_header = read(Some(true));
    let has_ours = |file: &DataFile| summary.columns.iter().all(|name| file.names.contains(name));
    // Arrays have no names, and are taken by the order of their columns.
    if with_header
        .as_ref()
        .is_ok_and(|file| !file.is_named || has_ours(file))
    {
        return with_header;
    }
    let without = read(None)?;
    if without.is_named {
        return Ok(without);
    }
    Err(Failure::refused(
        format!(
            "the first line of {} is a row of numbers, but the columns of the model have names and are found by them: {}",
            path.display(),
            listed(&summary.columns)
        ),
        "write the names of the columns as the first line, as in the data that the model was trained on",
    ))
}

/// Refuses bytes of pictures for a model of plain numbers and the reverse, where the numbers say that they are not in the same units; older runs do not say which they are of.
fn refuse_other_units(file: &DataFile, transform: &Transform, of_bytes: Option<bool>) -> Result<()> {
    match (&file.rows, of_bytes) {
        (Rows::Table(x), Some(true)) => {
            let is_byte = |v: &f64| v.is_nan() || (v.fract() == 0.0 && (0.0..=255.0).contains(v));
            let largest = x.iter().copied().fold(0.0, f64::max);
            if largest > 1.0 && x.iter().all(is_byte) {
                return Err(Failure::refused(
                    format!(
                        "{} has whole numbers of up to {largest}, but the model was trained on pictures of bytes, which are divided by 255",
                        file.path.display()
                    ),
                    "divide the numbers by 255, or save them as pictures of bytes: numpy.save(\"x.npy\", x.reshape(-1, height, width).astype(numpy.uint8))",
                ));
            }
        }
        (Rows::Pictures(_), Some(false)) if transform.is_beyond_fractions() => {
            return Err(Failure::refused(
                format!(
                    "{} has pictures of bytes, which are divided by 255, but the model was trained on numbers outside of [0, 1]",
                    file.path.display()
                ),
                "save them in the units of the training data, as rows of numbers: numpy.save(\"x.npy\", x.reshape(len(x), -1))",
            ));
        }
        _ => {}
    }
    Ok(())
}

/// What speaks for it that the numbers of a file are not those that a transform was made for.
fn oddities(file: &DataFile, transform: &Transform) -> Vec<String> {
    let Rows::Table(x) = &file.rows else {
        return Vec::new();
    };
    let mut warnings = Vec::new();
    let ends: Vec<[f64; 2]> = (0..x.ncols()).map(|column| transform.ends(column)).collect();
    if transform.binarise != Binarise::None
        && ends.iter().all(|ends| *ends != [0.0, 1.0])
        && other_than_bits(x.view()).is_none()
    {
        let [zero, one] = ends[0];
        warnings.push(format!(
            "{} has nothing but zeros and ones, but the numbers that stand for them in the model's data are others ({zero} and {one} in column {:?}), and these rows are scaled like those; \
             draws of `gibbsian sample` are in the units of the data",
            file.path.display(),
            file.names[0]
        ));
    }
    if transform.binarise == Binarise::Stochastic && transform.is_scaled() {
        let z = transform.apply(x.view());
        let outside = z.iter().filter(|z| !(-1e-9..=1.0 + 1e-9).contains(*z)).count();
        if outside > 0 {
            warnings.push(format!(
                "{outside} of {} numbers of {} are outside of the range of the training data, and are taken for its ends",
                z.len(),
                file.path.display()
            ));
        }
    }
    warnings
}
