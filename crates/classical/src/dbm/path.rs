//! Annealing paths on one half of a DBM: from independent units to the machine, and from mean field to the posterior.
//!
//! Layers are linear in their parameters, so a machine at `β` has interpolated layers and weights `βW`; here the layers may also stand in a field
//! `X_l` from outside, which is interpolated as well. With the layers of one half kept and those of the other summed out,
//!
//! `log f_β(x) = Σ_kept [X_l(β)·x_l − e_l^β(x_l)] + Σ_other Γ_l^β(X_l(β) + β field_l) + c(β)`.
//!
//! - **The machine's `Z`** ([`DbmPath::new`]): from base layers of the same kinds, without a field. For two hidden layers and `h¹` kept this is the path
//!   of Salakhutdinov and Hinton (2009, section 4), with base rates in the visible layer instead of a uniform start.
//! - **The posterior of one case** ([`DbmPath::posterior`]): the hidden layers alone, `log f_β(h) = (1−β) log q(h) − β E(v, h)`, from the mean-field
//!   distribution `q` to `p(h | v)`. `f_0` is normalised, so the path's log-normaliser is `−F(v)`, and what it exceeds `−F_q(v)` by
//!   is the gap of the variational bound.
//!
//! The transition redraws the other half and then the kept one; seen from the kept half it is reversible, as the Gibbs sweep of an RBM is.

mod parts;

pub use parts::State;

use gibbsian_core::error::{check_batch, check_shape};
use gibbsian_core::path::exchange_rows;
use gibbsian_core::{Error, Parametric, Path, Result, Space, Streams, Units};
use gibbsian_linalg::matmul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, CowArray, Ix2, aview1, concatenate, s};
use rand::Rng;

use self::parts::Ends;
use super::half::Half;
use super::layer::Layer;
use super::{Dbm, MeanField};
use crate::rbm::{check_kind, free_log_partition, interpolate};

/// A path on the states of one half of a machine's layers; see the module.
#[derive(Clone, Debug)]
pub struct DbmPath<'a, V, H> {
    layers: Vec<Ends<V, H>>,
    /// Between each layer of the path and the next.
    weights: Vec<ArrayView2<'a, f64>>,
    /// The layer of the machine that is the first of the path: 0, or 1 where the visible units are given.
    first: usize,
    half: Half,
    /// `c(β)` at both ends.
    constant: (f64, f64),
}

impl<'a, V: Units, H: Units> DbmPath<'a, V, H> {
    /// The path from independent base layers, the hidden ones from the bottom up, to the machine; the half with fewer units is kept.
    ///
    /// # Errors
    /// Another number of hidden layers, or a layer of another size than the machine's, or with other parameters, as categorical units of another alphabet have.
    pub fn new(dbm: &'a Dbm<V, H>, base_visible: V, base_hidden: Vec<H>) -> Result<Self> {
        if base_hidden.len() != dbm.depth() {
            return Err(Error::parameter(
                "base_hidden",
                format!("{} layers", base_hidden.len()),
                format!("one for each of {} hidden layers", dbm.depth()),
            ));
        }
        let base =
            std::iter::once(Layer::Visible(base_visible)).chain(base_hidden.into_iter().map(Layer::Hidden));
        let mut layers = Vec::with_capacity(dbm.layers.len());
        for (l, (start, end)) in base.zip(&dbm.layers).enumerate() {
            let name = if l == 0 { "base_visible" } else { "base_hidden" };
            check_shape(name, &start.params(), &[end.n_params()])?;
            check_kind(name, &start, end)?;
            let none = Array1::zeros(end.n_units());
            layers.push(Ends {
                // What no parameter says, as the number of trials of a binomial unit, is the machine's.
                start: interpolate(&start, end, 0.0),
                end: end.clone(),
                start_field: none.clone(),
                end_field: none,
            });
        }
        let weights = dbm.weights.iter().map(|w| w.view()).collect();
        let mut path = DbmPath {
            layers,
            weights,
            first: 0,
            half: Half::Odd,
            constant: (0.0, 0.0),
        };
        path.keep_fewer();
        Ok(path)
    }

    /// The path over the hidden layers of one case `v`, from its mean-field distribution, the only row of `q`, to `p(h | v)`; the half with
    /// fewer units is kept, where both have any.
    ///
    /// # Errors
    /// Visible units that the machine cannot take, or a mean field of another machine or of several rows.
    pub fn posterior(dbm: &'a Dbm<V, H>, v: ArrayView1<'_, f64>, q: &MeanField) -> Result<Self> {
        let v = v.insert_axis(Axis(0));
        dbm.check_visible(v)?;
        if q.depth() != dbm.depth() {
            return Err(Error::parameter(
                "q",
                format!("a mean field of {} layers", q.depth()),
                format!("one of {} layers", dbm.depth()),
            ));
        }
        let mut layers = Vec::with_capacity(dbm.depth());
        let mut constant = (0.0, 0.0);
        for l in 1..=dbm.depth() {
            let units = dbm.layers[l].clone();
            check_shape("q", &q.fields(l), &[1, units.n_units()])?;
            // log q_l(x) = J_l·x − e_l(x) − Γ_l(J_l).
            let mut gamma = Array1::zeros(1);
            units.log_partition_into(q.fields(l), gamma.view_mut());
            constant.0 -= gamma[0];
            let end_field = match l {
                1 => v.dot(&dbm.weights[0]).remove_axis(Axis(0)),
                _ => Array1::zeros(units.n_units()),
            };
            layers.push(Ends {
                start: units.clone(),
                end: units,
                start_field: q.fields(l).row(0).to_owned(),
                end_field,
            });
        }
        let mut energy = Array1::zeros(1);
        dbm.layers[0].energy_into(v, energy.view_mut());
        constant.1 = -energy[0];
        let mut path = DbmPath {
            layers,
            weights: dbm.weights[1..].iter().map(|w| w.view()).collect(),
            first: 1,
            half: Half::Odd,
            constant,
        };
        path.keep_fewer();
        Ok(path)
    }

    /// The path with this half kept and the other summed out.
    ///
    /// # Errors
    /// The path has no layers of this half, as that of a posterior under one hidden layer has no even ones.
    pub fn keeping(self, half: Half) -> Result<Self> {
        let path = DbmPath { half, ..self };
        if path.kept().next().is_none() {
            return Err(Error::parameter(
                "half",
                format!("{half:?}"),
                "a half that has layers",
            ));
        }
        Ok(path)
    }

    /// The half whose states the chains are.
    pub fn half(&self) -> Half {
        self.half
    }

    fn keep_fewer(&mut self) {
        let mut units = [Half::Even, Half::Odd].map(|half| {
            self.half = half;
            self.kept().map(|l| self.layers[l].end.n_units()).sum::<usize>()
        });
        // A half without layers has no states to walk on.
        units
            .iter_mut()
            .filter(|n| **n == 0)
            .for_each(|n| *n = usize::MAX);
        self.half = if units[0] < units[1] {
            Half::Even
        } else {
            Half::Odd
        };
    }

    fn is_kept(&self, l: usize) -> bool {
        self.half.has(self.first + l)
    }

    fn kept(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.layers.len()).filter(|l| self.is_kept(*l))
    }

    /// What the neighbours of layer `l`, all of the other half, send to it.
    fn field(&self, l: usize, x: &[Array2<f64>]) -> Array2<f64> {
        let below = l
            .checked_sub(1)
            .map(|k| matmul(x[k].view(), self.weights[k].view()));
        let above = self.weights.get(l).map(|w| matmul(x[l + 1].view(), w.t()));
        match (below, above) {
            (Some(below), Some(above)) => below + above,
            (below, above) => below.or(above).unwrap_or_else(|| {
                // The only layer of a path: it gets nothing.
                let rows = x.iter().map(|x| x.nrows()).max().unwrap_or(0);
                Array2::zeros((rows, self.layers[l].end.n_units()))
            }),
        }
    }

    /// Chains at these states of the kept layers.
    fn state(&self, mut x: Vec<Array2<f64>>) -> State {
        for l in 0..self.layers.len() {
            if !self.is_kept(l) {
                x[l] = self.field(l, &x);
            }
        }
        State { x }
    }

    /// **Adds** `sign · log f_β` to `out`.
    fn add_log_density(&self, state: &State, beta: f64, sign: f64, out: &mut [f64]) {
        let constant = (1.0 - beta) * self.constant.0 + beta * self.constant.1;
        let mut total = Array1::from_elem(out.len(), constant);
        let mut part = Array1::zeros(out.len());
        for (l, ends) in self.layers.iter().enumerate() {
            let (units, outside) = (ends.units(beta), ends.field(beta));
            if self.is_kept(l) {
                units.energy_into(state.x[l].view(), part.view_mut());
                total -= &part;
                total += &state.x[l].dot(&outside);
            } else {
                units.log_partition_into((&state.x[l] * beta + outside).view(), part.view_mut());
                total += &part;
            }
        }
        for (out, total) in out.iter_mut().zip(&total) {
            *out += sign * total;
        }
    }
}

impl<V: Units, H: Units> Space for DbmPath<'_, V, H> {
    fn dim(&self) -> usize {
        self.kept().map(|l| self.layers[l].end.n_units()).sum()
    }
}

impl<V: Units, H: Units> Path for DbmPath<'_, V, H> {
    type State = State;

    fn start(&self, n: usize, rng: &mut dyn Rng) -> State {
        let streams = Streams::draw(rng);
        let mut x = vec![Array2::zeros((n, 0)); self.layers.len()];
        for l in self.kept() {
            let ends = &self.layers[l];
            let field = ends
                .start_field
                .broadcast((n, ends.start_field.len()))
                .expect("one row");
            x[l] = ends.start.sample(field, streams.part(l as u64));
        }
        self.state(x)
    }

    fn log_z_start(&self) -> f64 {
        let layers = self.layers.iter().map(|ends| {
            if ends.start_field.iter().all(|f| *f == 0.0) {
                return free_log_partition(&ends.start);
            }
            let mut gamma = Array1::zeros(1);
            let field = ends.start_field.view().insert_axis(Axis(0));
            ends.start.log_partition_into(field, gamma.view_mut());
            gamma[0]
        });
        self.constant.0 + layers.sum::<f64>()
    }

    fn place(&self, x: ArrayView2<f64>) -> Result<State> {
        check_batch("x", &x, self.dim())?;
        let mut parts = vec![Array2::zeros((x.nrows(), 0)); self.layers.len()];
        let mut first = 0;
        for l in self.kept() {
            let units = &self.layers[l].end;
            let part = x.slice(s![.., first..first + units.n_units()]);
            units.check_rows("x", part)?;
            parts[l] = part.to_owned();
            first += units.n_units();
        }
        Ok(self.state(parts))
    }

    fn positions<'s>(&self, state: &'s State) -> CowArray<'s, f64, Ix2> {
        let kept: Vec<_> = self.kept().map(|l| state.x[l].view()).collect();
        match kept[..] {
            [only] => only.into(),
            _ => concatenate(Axis(1), &kept)
                .expect("as many rows in every layer")
                .into(),
        }
    }

    fn log_start(&self, state: &State, out: &mut [f64]) {
        self.add_log_density(state, 0.0, 1.0, out);
    }

    fn work(&self, state: &mut State, from: f64, to: f64, log_weights: &mut [f64]) {
        self.add_log_density(state, to, 1.0, log_weights);
        self.add_log_density(state, from, -1.0, log_weights);
    }

    // The outer fields move by `X¹ − X⁰`, the parameters by `θ¹ − θ⁰` and the inner fields by themselves a unit of `β`; energies are linear in `θ`,
    // and `∂Γ/∂I` are the means.
    fn slope(&self, state: &State, beta: f64, out: &mut [f64]) {
        let mut total = Array1::from_elem(out.len(), self.constant.1 - self.constant.0);
        for (l, ends) in self.layers.iter().enumerate() {
            let outside = &ends.end_field - &ends.start_field;
            if self.is_kept(l) {
                let mut part = Array1::zeros(out.len());
                ends.start.energy_into(state.x[l].view(), part.view_mut());
                total += &part;
                ends.end.energy_into(state.x[l].view(), part.view_mut());
                total -= &part;
                total += &state.x[l].dot(&outside);
                continue;
            }
            let units = ends.units(beta);
            let field = &state.x[l] * beta + ends.field(beta);
            total += &(units.mean(field.view()) * (&state.x[l] + &outside)).sum_axis(Axis(1));
            let direction = ends.end.params() - ends.start.params();
            let mut gradient = Array1::zeros(direction.len());
            for (b, total) in total.iter_mut().enumerate() {
                gradient.fill(0.0);
                let row = field.slice(s![b..b + 1, ..]);
                units.log_partition_pullback_into(row, aview1(&[1.0]), gradient.view_mut());
                *total += gradient.dot(&direction);
            }
        }
        for (out, total) in out.iter_mut().zip(&total) {
            *out += total;
        }
    }

    fn transition(&self, state: &mut State, beta: f64, rng: &mut dyn Rng) {
        let streams = Streams::draw(rng);
        let mut x = vec![Array2::zeros((state.x[0].nrows(), 0)); self.layers.len()];
        for (l, ends) in self.layers.iter().enumerate() {
            if !self.is_kept(l) {
                let field = &state.x[l] * beta + ends.field(beta);
                x[l] = ends.units(beta).sample(field.view(), streams.part(l as u64));
            }
        }
        for l in self.kept() {
            let ends = &self.layers[l];
            let field = self.field(l, &x) * beta + ends.field(beta);
            x[l] = ends.units(beta).sample(field.view(), streams.part(l as u64));
        }
        *state = self.state(x);
    }

    fn select(&self, state: &State, rows: &[usize]) -> State {
        State {
            x: state.x.iter().map(|x| x.select(Axis(0), rows)).collect(),
        }
    }

    fn exchange(&self, a: &mut State, b: &mut State, swap: &[bool]) {
        for (a, b) in a.x.iter_mut().zip(&mut b.x) {
            exchange_rows(a, b, swap);
        }
    }
}
