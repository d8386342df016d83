//! Laws of layers that have fewer states than their alphabets have combinations, by listing the states.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::parallel::BLOCK_ROWS;
use gibbsian_core::{FiniteUnits, Seed, Streams, Units};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::agreement::Agreement;
use crate::differences::Precision;
use crate::stats::{FALSE_ALARM, chi_square, family};
use crate::verdict::{Failure, Verdict, require};

/// The states of a layer.
pub(super) struct Grouped {
    states: Array2<f64>,
}

impl Grouped {
    /// Lists the states, and requires them to be admitted and all other combinations of symbols to be neither admitted nor possible.
    pub(super) fn new<U: FiniteUnits>(layer: &U) -> Result<Self, Failure> {
        const MOST_COMBINATIONS: u64 = 1 << 12;
        let n_units = layer.n_units();
        let combinations =
            (0..n_units).try_fold(1u64, |n, unit| n.checked_mul(layer.alphabet(unit).len() as u64));
        let (n_states, combinations) = match (layer.n_states(), combinations) {
            (Some(n), Some(m)) if n < m && m <= MOST_COMBINATIONS => (n as usize, m as usize),
            (n, m) => {
                return Err(Failure::new(
                    "the states are fewer than the combinations of symbols, and those few enough to be listed",
                    format_args!("{n:?} states and {m:?} combinations"),
                ));
            }
        };
        let mut states = Array2::from_elem((n_states, n_units), f64::NAN);
        layer.states_into(0, states.view_mut());
        if let Err(refusal) = layer.check_rows("states", states.view()) {
            return Err(Failure::new("states are admitted", refusal));
        }
        let grouped = Grouped { states };
        let energy = |row: ArrayView2<f64>| {
            let mut out = Array1::zeros(1);
            layer.energy_into(row, out.view_mut());
            out[0]
        };
        let mut found = 0;
        for k in 0..combinations {
            let mut rest = k;
            let mut row = Array2::zeros((1, n_units));
            for (unit, value) in row.iter_mut().enumerate() {
                let alphabet = layer.alphabet(unit);
                *value = alphabet[rest % alphabet.len()];
                rest /= alphabet.len();
            }
            let (is_state, energy) = (grouped.index(row.row(0)).is_some(), energy(row.view()));
            found += usize::from(is_state);
            require(
                is_state == energy.is_finite() && (is_state || energy == f64::INFINITY),
                "states have finite energies and what is no state has +∞",
                format_args!("{energy} at {row}"),
            )?;
            require(
                is_state == layer.check_rows("x", row.view()).is_ok(),
                "states are admitted and nothing else is",
                format_args!("{row}"),
            )?;
        }
        require(
            found == n_states,
            "the states are distinct combinations of symbols",
            format_args!("{found} of {n_states} are"),
        )?;
        Ok(grouped)
    }

    fn index(&self, row: ArrayView1<f64>) -> Option<usize> {
        self.states.rows().into_iter().position(|s| s == row)
    }

    fn log_law<U: Units>(&self, layer: &U, field: ArrayView1<f64>) -> Array1<f64> {
        let fields = Array2::from_shape_fn(self.states.raw_dim(), |(_, i)| field[i]);
        layer.log_law(fields.view(), self.states.view())
    }

    pub(super) fn normalised<U: Units>(
        &self,
        layer: &U,
        field: ArrayView2<f64>,
        precision: Precision,
    ) -> Verdict {
        let mut agreement = Agreement::new("the law of the layer is normalised");
        for (b, field) in field.rows().into_iter().enumerate() {
            let log_law = self.log_law(layer, field);
            let scale = log_law.iter().fold(1.0f64, |scale, l| scale.max(l.abs()));
            agreement.entry(
                || format!("log of the total probability in field {b}"),
                log_sum_exp(&log_law.to_vec()),
                0.0,
                precision.agreement() * scale,
            );
        }
        agreement.verdict()
    }

    /// Whatever is clamped, a state that takes its free units from another state is a state.
    pub(super) fn clamped<U: Units>(&self, layer: &U) -> Verdict {
        let n = self.states.ncols();
        let masks = (0..n).map(|k| (0..n).map(|i| i != k).collect::<Array1<bool>>());
        let parities = (0..2).map(|parity| (0..n).map(|i| i % 2 == parity).collect());
        for mask in masks.chain(parities) {
            let free = layer.free_units(mask.view());
            require(
                (0..n).all(|i| mask[i] || !free[i]),
                "clamped units are not free",
                format_args!("{free} beside {mask}"),
            )?;
            for (old, new) in self.states.rows().into_iter().flat_map(|a| {
                let others = self.states.rows().into_iter();
                others.map(move |b| (a, b))
            }) {
                let merged: Array1<f64> = (0..n).map(|i| if free[i] { new[i] } else { old[i] }).collect();
                require(
                    self.index(merged.view()).is_some(),
                    "a state with free units of another state is a state",
                    format_args!("{merged} is none"),
                )?;
            }
        }
        let all = Array1::from_elem(n, true);
        require(
            layer.free_units(all.view()) == all,
            "without clamped units all are free",
            "some are not",
        )
    }

    /// Draws against the law of the states, and neighbouring blocks of rows against each other.
    pub(super) fn drawn<U: Units>(
        &self,
        layer: &U,
        field: ArrayView2<f64>,
        n_draws: usize,
        seed: Seed,
    ) -> Verdict {
        let n = self.states.nrows();
        let (mut tests, mut joint_tests) = (Vec::new(), Vec::new());
        for (b, field) in field.rows().into_iter().enumerate() {
            let streams = Streams::draw(&mut seed.child("drawn").nth(b as u64).rng());
            let fields = Array2::from_shape_fn((n_draws, field.len()), |(_, i)| field[i]);
            let x = layer.sample(fields.view(), streams);
            // The last cell, of probability zero, takes what is no state.
            let cells: Vec<usize> = x
                .rows()
                .into_iter()
                .map(|row| self.index(row).unwrap_or(n))
                .collect();
            let p: Vec<f64> = self
                .log_law(layer, field)
                .mapv(f64::exp)
                .into_iter()
                .chain([0.0])
                .collect();
            let mut counts = vec![0; n + 1];
            cells.iter().for_each(|cell| counts[*cell] += 1);
            tests.push(chi_square(&format!("draws of states in field {b}"), &counts, &p));

            let mut pairs = vec![0; (n + 1) * (n + 1)];
            for blocks in cells.chunks_exact(2 * BLOCK_ROWS) {
                for k in 0..BLOCK_ROWS {
                    pairs[blocks[k] * (n + 1) + blocks[k + BLOCK_ROWS]] += 1;
                }
            }
            let joint: Vec<f64> = p.iter().flat_map(|a| p.iter().map(move |b| a * b)).collect();
            let name = format!("independence of neighbouring blocks of rows in field {b}");
            joint_tests.push(chi_square(&name, &pairs, &joint));
        }
        family(&tests, FALSE_ALARM)?;
        family(&joint_tests, FALSE_ALARM)
    }
}
