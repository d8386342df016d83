//! Cases of which some units are known and the others are not.
//!
//! A missing entry is no value of its own: the case has the probability of what is known of it, `p(known) = Σ_missing p(known, missing)`. Hidden units
//! are entries that are missing in every case.

use std::collections::BTreeMap;

use gibbsian_core::error::check_shape;
use gibbsian_core::{Error, Result};
use ndarray::{Array2, ArrayView2};

/// The largest number of units that a case can have.
const MAX_UNITS: usize = 64;

/// Cases with clamped and unknown units; equal ones are kept once and counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observations {
    n_units: usize,
    /// Of each distinct case the known values and which units are known, as bits, and how often it occurs.
    cases: Vec<(u64, u64, usize)>,
    n_cases: usize,
}

impl Observations {
    /// Cases `(B, V)` of zeros and ones, all of them known.
    ///
    /// # Errors
    /// No cases, more than 64 units, or an entry that is not 0 or 1.
    pub fn complete(x: ArrayView2<f64>) -> Result<Self> {
        Self::new(x, Array2::from_elem(x.raw_dim(), true).view())
    }

    /// Cases `(B, V)` of which the entries with `known` are 0 or 1, and the others are not looked at.
    ///
    /// # Errors
    /// No cases, more than 64 units, `known` of another shape, or a known entry that is not 0 or 1.
    pub fn new(x: ArrayView2<f64>, known: ArrayView2<bool>) -> Result<Self> {
        let n_units = x.ncols();
        if x.nrows() == 0 || n_units == 0 || n_units > MAX_UNITS {
            return Err(Error::shape("x", x.shape(), "(at least 1, 1 to 64)"));
        }
        check_shape("known", &known, x.shape())?;
        let mut counts = BTreeMap::new();
        for (b, (row, row_known)) in x.rows().into_iter().zip(known.rows()).enumerate() {
            let (mut values, mut mask) = (0u64, 0u64);
            for (i, (&value, _)) in row
                .iter()
                .zip(row_known)
                .enumerate()
                .filter(|(_, (_, known))| **known)
            {
                mask |= 1 << i;
                match value {
                    0.0 => {}
                    1.0 => values |= 1 << i,
                    _ => {
                        return Err(Error::parameter(
                            format!("x[{b}, {i}]"),
                            value,
                            "0 or 1 where it is known",
                        ));
                    }
                }
            }
            *counts.entry((values, mask)).or_insert(0) += 1;
        }
        Ok(Observations {
            n_units,
            cases: counts
                .into_iter()
                .map(|((values, mask), n)| (values, mask, n))
                .collect(),
            n_cases: x.nrows(),
        })
    }

    /// The number of units `V` of a case.
    pub fn n_units(&self) -> usize {
        self.n_units
    }

    /// The number of cases, equal ones counted.
    pub fn n_cases(&self) -> usize {
        self.n_cases
    }

    /// The number of distinct cases.
    pub fn n_distinct(&self) -> usize {
        self.cases.len()
    }

    /// The known values and the units known of each distinct case, as bits, and its share of all cases.
    pub(super) fn shares(&self) -> impl Iterator<Item = (usize, usize, f64)> {
        let n = self.n_cases as f64;
        self.cases
            .iter()
            .map(move |&(values, mask, count)| (values as usize, mask as usize, count as f64 / n))
    }
}
