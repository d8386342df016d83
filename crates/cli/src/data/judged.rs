//! Rows of a file that are to be judged, and what is odd about them.

use std::path::Path;

use super::bits::other_than_bits;
use super::prepare::{View, listed, select};
use super::{Binarise, DataFile, DataKeys, Missing, Rows, Transform};
use crate::failure::{Failure, Result};

/// Rows of another file as a model with this transform sees them, and what is odd about them; columns are found by their names.
pub(crate) fn read_test(
    path: &Path,
    keys: &DataKeys,
    transform: &Transform,
    names: &[String],
) -> Result<(View, Vec<String>)> {
    let file = DataFile::read(path, keys.header, keys.array.as_deref())?;
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
    let selected = select(file, &keys, &mut Vec::new())?;
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
    let all: Vec<usize> = (0..selected.n_rows()).collect();
    if all.is_empty() {
        return Err(Failure::refused(
            format!("{} has no row that can be judged", path.display()),
            "give a file with rows that have an entry in every column of the model",
        ));
    }
    let mut warnings = oddities(&selected, transform);
    warnings.extend(odd_header);
    Ok((transform.view(&selected.rows, &all, names, false)?.0, warnings))
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
    let is_scaled = *transform != Transform::unscaled(x.ncols(), transform.binarise, transform.threshold);
    if transform.binarise == Binarise::Stochastic && is_scaled {
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
