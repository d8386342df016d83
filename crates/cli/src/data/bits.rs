//! Zeros and ones, which binary units take and nothing else.

use ndarray::{Array1, ArrayView2};

use super::file::Rows;
use super::prepare::View;
use super::select::listed;
use crate::failure::{Failure, Result};

/// Rows that are looked at together.
const ROWS_AT_ONCE: usize = 1024;

/// The first entry that is neither 0 nor 1, by row and column.
pub(crate) fn other_than_bits(x: ArrayView2<f64>) -> Option<((usize, usize), f64)> {
    (x.indexed_iter().find(|(_, v)| **v != 0.0 && **v != 1.0)).map(|(place, v)| (place, *v))
}

/// Requires zeros and ones of what training sees; `what` says which rows these are.
pub(crate) fn refuse_other_in_training(view: &View, names: &[String], what: &str) -> Result<()> {
    let rows: Vec<usize> = (0..view.n_points()).collect();
    for rows in rows.chunks(ROWS_AT_ONCE) {
        let x = view.rows(rows, gibbsian_core::Streams::from_key(0));
        let Some(((row, column), value)) = other_than_bits(x.view()) else {
            continue;
        };
        let cure = if (0.0..=1.0).contains(&value) {
            "set data.binarise = \"stochastic\" (numbers are probabilities) or \"threshold\" (above data.threshold is 1)"
        } else {
            "set data.scale = \"unit\" (or \"unit-together\" for pictures) with data.binarise = \"stochastic\", or data.binarise = \"threshold\" with data.threshold; \
             for real-valued data use kind = \"score\" or \"energy\""
        };
        return Err(Failure::refused(
            format!(
                "column {:?} has {value} in {what} row {}, but binary units are 0 or 1",
                names[column],
                rows[row] + 1
            ),
            cure,
        ));
    }
    Ok(())
}

/// Requires zeros and ones of rows that are to be judged; `numbers` are their places in the file.
pub(crate) fn refuse_other_in_test(x: ArrayView2<f64>, numbers: &[usize], names: &[String]) -> Result<()> {
    let Some(((row, column), value)) = other_than_bits(x) else {
        return Ok(());
    };
    Err(Failure::refused(
        format!(
            "column {:?} has {value} in row {} of the rows to judge, but binary units are 0 or 1",
            names[column],
            numbers[row] + 1
        ),
        "give rows of the two numbers that the model was trained on; for it to binarise others, train with data.binarise",
    ))
}

/// A warning of columns that vary and are all zeros or all ones to the model: a threshold that parts none of their numbers has lost them. Pictures have such pixels.
pub(super) fn levelled(rows: &Rows, names: &[String], means: &Array1<f64>) -> Option<String> {
    let Rows::Table(values) = rows else {
        return None;
    };
    let lost: Vec<String> = (values.columns().into_iter().zip(means).zip(names))
        .filter(|((column, mean), _)| {
            (**mean == 0.0 || **mean == 1.0) && column.iter().any(|x| *x != column[0])
        })
        .map(|(_, name)| name.clone())
        .collect();
    (!lost.is_empty()).then(|| {
        format!(
            "warning: {} of {} columns vary and are constant after data.threshold: {}; set data.scale = \"unit\", which puts the threshold into every column's own range, or another data.threshold",
            lost.len(),
            names.len(),
            listed(&lost)
        )
    })
}
