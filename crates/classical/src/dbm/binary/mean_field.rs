//! Mean field in single precision: the sweeps of [`Dbm::mean_field`], a panel of 64 units a task.

use gibbsian_core::error::{check_batch, check_each, check_non_negative};
use gibbsian_core::{Result, simd};
use gibbsian_linalg::kernels::tiles::{self, TileRows};
use gibbsian_linalg::kernels::{Line, PANEL, panels};
use gibbsian_linalg::matmul_here_into;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

#[cfg(doc)]
use super::Dbm;
use super::tiled::Products;
use super::{BinaryDbm, MeanField};
use crate::larger::larger;
use crate::rbm::binary::batch::{Form, Operands, VisibleBatch};

/// Numbers of a hidden layer for `n` cases, twice: by panels for what is done with units, by rows for products.
#[derive(Clone, Debug, Default)]
pub(super) struct Dense {
    /// `panels[p][b]`: the 64 units of panel `p` of case `b`.
    pub(super) panels: Vec<Line>,
    /// The same, case by case.
    rows: Vec<f32>,
    /// The same as bytes, in the form of tiles only.
    tiles: TileRows,
    form: Form,
}

impl Dense {
    pub(super) fn resize(&mut self, n: usize, n_units: usize, form: Form) {
        self.form = form;
        self.panels.resize(panels(n_units) * n, Line::ZERO);
        self.rows.resize(panels(n_units) * n * PANEL, 0.0);
    }

    /// One panel's units of `n` cases.
    pub(super) fn panel(&self, p: usize, n: usize) -> &[Line] {
        &self.panels[p * n..(p + 1) * n]
    }

    /// The cases as rows, with zeros beyond the last unit.
    pub(super) fn rows(&self, n: usize) -> ArrayView2<'_, f32> {
        ArrayView2::from_shape((n, self.rows.len() / n), &self.rows).expect("whole rows")
    }

    /// Computes every panel with `compute(p, units)` in parallel and takes it into the rows; returns the largest change of a number, or NaN if one is none.
    pub(super) fn fill(&mut self, n: usize, compute: impl Fn(usize, &mut [Line]) + Sync) -> f32 {
        let width = self.rows.len() / n;
        let mut rows = ArrayViewMut2::from_shape((n, width), &mut self.rows).expect("whole rows");
        let panels = rows
            .axis_chunks_iter_mut(Axis(1), PANEL)
            .into_par_iter()
            .zip(self.panels.par_chunks_mut(n));
        if self.form == Form::Tiles {
            self.tiles.reset_means(n, width / PANEL);
            let panels = panels.zip(self.tiles.blocks_mut()).enumerate();
            let changes = panels.map(|(p, ((rows, units), mut block))| {
                compute(p, units);
                block.set_means(0, units);
                take(rows, units)
            });
            changes.reduce(|| 0.0, larger)
        } else {
            let changes = panels.enumerate().map(|(p, (rows, units))| {
                compute(p, units);
                take(rows, units)
            });
            changes.reduce(|| 0.0, larger)
        }
    }
}

/// Takes the units of a panel into its part of the rows; returns the largest change of a number.
fn take(mut rows: ArrayViewMut2<f32>, units: &[Line]) -> f32 {
    // One maximum a column, which processors take side by side.
    let mut largest = [0.0_f32; PANEL];
    for (mut row, line) in rows.rows_mut().into_iter().zip(units) {
        let row = row.as_slice_mut().expect("a part of a row is contiguous");
        for ((old, new), largest) in row.iter_mut().zip(&line.0).zip(&mut largest) {
            let change = (new - *old).abs();
            *largest = larger(*largest, change);
            *old = *new;
        }
    }
    largest.into_iter().fold(0.0, larger)
}

/// Mean field of some cases.
#[derive(Clone, Debug, Default)]
pub(super) struct DenseMeans {
    pub(super) n: usize,
    /// Hidden layer `l` is number `l − 1`.
    pub(super) layers: Vec<Dense>,
    /// `v'W₁`, which does not change.
    from_visible: Vec<Line>,
    pub(super) n_sweeps: usize,
    last_change: f32,
}

/// Lines as a matrix with a line a row.
pub(super) fn matrix(lines: &[Line]) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((lines.len(), PANEL), Line::flatten(lines)).expect("64 numbers a line")
}

/// The same, to be written.
pub(super) fn matrix_mut(lines: &mut [Line]) -> ArrayViewMut2<'_, f32> {
    ArrayViewMut2::from_shape((lines.len(), PANEL), Line::flatten_mut(lines)).expect("64 numbers a line")
}

impl Products<'_> {
    /// Sweeps until no mean changes by more than the tolerance, or `max_sweeps` of them.
    pub(super) fn sweep_means(
        self,
        v: &VisibleBatch,
        tolerance: f64,
        max_sweeps: usize,
        means: &mut DenseMeans,
    ) {
        let (n, depth, machine) = (v.n, self.machine.depth(), self.machine);
        means.n = n;
        means.layers.resize_with(depth, Dense::default);
        for l in 1..=depth {
            means.layers[l - 1].resize(n, machine.n_units(l), self.form());
        }
        means
            .from_visible
            .resize(panels(machine.n_units(1)) * n, Line::ZERO);
        (means.from_visible.par_chunks_mut(n))
            .enumerate()
            .for_each(|(p, lines)| {
                let tiles = self.tiled.map(|tiled| &tiled.couplings[0].up[p]);
                Operands::of(tiles.zip(v.tiles()), machine.couplings[0].up(p), v.rows()).product_into(
                    &Line::ZERO,
                    1.0,
                    lines,
                );
            });
        for l in 1..=depth {
            // The missing input from above is made up by another of that from below.
            let scale = if l < depth { 2.0 } else { 1.0 };
            self.update_layer(means, l, scale, false);
        }
        means.n_sweeps = 0;
        means.last_change = f32::INFINITY;
        while means.n_sweeps < max_sweeps && f64::from(means.last_change) > tolerance {
            means.last_change = 0.0;
            for l in (1..=depth).step_by(2).chain((2..=depth).step_by(2)) {
                let change = self.update_layer(means, l, 1.0, true);
                means.last_change = larger(means.last_change, change);
            }
            means.n_sweeps += 1;
        }
    }

    /// Sets the means of layer `l` from its neighbours, with the input from below scaled; returns the largest change of a mean.
    fn update_layer(self, means: &mut DenseMeans, l: usize, scale: f32, with_above: bool) -> f32 {
        let mut layer = std::mem::take(&mut means.layers[l - 1]);
        let change = layer.fill(means.n, |p, units| {
            self.panel_logits(means, l, p, scale, with_above, units);
            simd::sigmoid_f32_in_place(Line::flatten_mut(units));
        });
        means.layers[l - 1] = layer;
        change
    }

    /// Writes `b + scale · (input from below) + (input from above)` of panel `p` of layer `l`.
    fn panel_logits(
        self,
        means: &DenseMeans,
        l: usize,
        p: usize,
        scale: f32,
        with_above: bool,
        units: &mut [Line],
    ) {
        let (n, machine, bias) = (means.n, self.machine, &self.machine.biases[l][p]);
        if l == 1 {
            let from_visible = &means.from_visible[p * n..(p + 1) * n];
            for (units, field) in units.iter_mut().zip(from_visible) {
                for (k, unit) in units.0.iter_mut().enumerate() {
                    *unit = bias.0[k] + scale * field.0[k];
                }
            }
        } else {
            let below = &means.layers[l - 2];
            match self.tiled {
                Some(tiled) => {
                    tiles::product(&below.tiles, &tiled.couplings[l - 1].up[p], bias, scale, units);
                }
                None => {
                    units.fill(*bias);
                    let weights = matrix(machine.couplings[l - 1].up(p));
                    matmul_here_into(scale, below.rows(n), weights, 1.0, matrix_mut(units));
                }
            }
        }
        if with_above && l < machine.depth() {
            let above = &means.layers[l];
            match self.tiled {
                Some(tiled) => tiles::add_product(&above.tiles, &tiled.couplings[l].down[p], 1.0, units),
                None => {
                    let weights = matrix(machine.couplings[l].down(p));
                    matmul_here_into(1.0, above.rows(n), weights, 1.0, matrix_mut(units));
                }
            }
        }
    }
}

impl BinaryDbm {
    /// Mean field for the rows of `v` `(B, V)`, with one sweep after the last that [`Dbm::mean_field`] would make. The fields and means are widened, so that
    /// [`Dbm::variational_free_energy`] of the widened machine takes them: any fields give a bound, those of single precision too. A mean that is NaN never converges.
    ///
    /// # Errors
    /// Rows of another shape or with values outside `[0, 1]`, or a tolerance that is negative or not finite.
    pub fn mean_field(&self, v: ArrayView2<f64>, tolerance: f64, max_sweeps: usize) -> Result<MeanField> {
        check_batch("v", &v, self.n_visible())?;
        check_each("v", v, "in [0, 1]", |v| (0.0..=1.0).contains(&v))?;
        check_non_negative("tolerance", tolerance)?;
        let (mut batch, mut means) = (VisibleBatch::default(), DenseMeans::default());
        batch.read(v, Form::Lists);
        let products = self.by_lists();
        products.sweep_means(&batch, tolerance, max_sweeps, &mut means);
        // One more sweep, whose fields are kept.
        let mut fields = vec![Array2::zeros((0, 0)); self.depth()];
        means.last_change = 0.0;
        for l in (1..=self.depth()).step_by(2).chain((2..=self.depth()).step_by(2)) {
            let mut layer = std::mem::take(&mut means.layers[l - 1]);
            let mut logits = vec![Line::ZERO; layer.panels.len()];
            (logits.par_chunks_mut(means.n))
                .enumerate()
                .for_each(|(p, lines)| products.panel_logits(&means, l, p, 1.0, true, lines));
            let bias = self.bias(l);
            fields[l - 1] = Array2::from_shape_fn((means.n, bias.len()), |(b, j)| {
                let logit = logits[j / PANEL * means.n + b].0[j % PANEL];
                f64::from(logit) - f64::from(bias[j])
            });
            let change = layer.fill(means.n, |p, units| {
                units.copy_from_slice(&logits[p * means.n..(p + 1) * means.n]);
                simd::sigmoid_f32_in_place(Line::flatten_mut(units));
            });
            means.last_change = larger(means.last_change, change);
            means.layers[l - 1] = layer;
        }
        let biases = (1..=self.depth()).map(|l| self.bias(l));
        let exact = fields.iter().zip(biases).map(|(field, bias)| {
            let mut mean = field.clone();
            for ((_, j), x) in mean.indexed_iter_mut() {
                *x = gibbsian_core::math::sigmoid(*x + f64::from(bias[j]));
            }
            mean
        });
        let exact = exact.collect();
        let last_change = f64::from(means.last_change);
        let converged = last_change <= tolerance;
        Ok(MeanField::new(
            fields,
            exact,
            means.n_sweeps,
            last_change,
            converged,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{Dense, Form, Line};

    #[test]
    fn a_change_that_is_no_number_is_not_hidden_by_others() {
        // In the first panel and in the last, before and after units that change.
        for (panel, case, unit) in [(0, 0, 0), (0, 1, 63), (1, 0, 5), (1, 1, 1)] {
            let mut dense = Dense::default();
            dense.resize(2, 70, Form::Lists);
            let change = dense.fill(2, |p, units| {
                units.fill(Line([0.5; 64]));
                if p == panel {
                    units[case].0[unit] = f32::NAN;
                }
            });
            assert!(
                change.is_nan(),
                "panel {panel}, case {case}, unit {unit}: {change}"
            );
        }
    }
}
