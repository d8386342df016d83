//! The path from free spins to a model: `log f_β(x) = β Σ_⟨ij⟩ J_ij x_i x_j + Σ_i h_i x_i`.
//!
//! The fields stay as they are and the couplings are switched on, so at `β = 0` spins are independent, `log Z₀ = Σ_i log 2cosh h_i`, and the start knows
//! already what the fields say. Without fields it is the path in the inverse temperature. The transition at `β` redraws the colours there and back, which
//! is reversible as [`Path`] requires.

use gibbsian_core::math::log_2cosh;
use gibbsian_core::path::exchange_rows;
use gibbsian_core::{Discrete, Path, Result, Space, Streams, Units};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, CowArray, Ix2};
use rand::Rng;

use super::Ising;
use crate::Spin;

/// The path from free spins in the fields of a model to the model.
///
/// ```
/// use gibbsian_classical::{Boundary, Graph, Ising, IsingPath};
/// use gibbsian_core::Path;
///
/// let model = Ising::uniform(Graph::lattice(&[3, 3], Boundary::Open)?, 0.4, 0.0)?;
/// let path = IsingPath::new(&model);
/// assert!((path.log_z_start() - 9.0 * 2f64.ln()).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct IsingPath<'a> {
    model: &'a Ising,
    free: Spin,
}

impl<'a> IsingPath<'a> {
    /// The path to this model.
    pub fn new(model: &'a Ising) -> Self {
        let free = Spin::new(model.fields.clone()).expect("fields are finite");
        IsingPath { model, free }
    }

    /// **Adds** `scale · Σ_⟨ij⟩ J_ij x_i x_j` of each row to `out`.
    fn add_interaction(&self, x: &Array2<f64>, scale: f64, out: &mut [f64]) {
        for (x, out) in x.rows().into_iter().zip(out) {
            *out += scale * self.model.interaction(x);
        }
    }
}

impl Space for IsingPath<'_> {
    fn dim(&self) -> usize {
        self.model.dim()
    }
}

impl Path for IsingPath<'_> {
    type State = Array2<f64>;

    fn start(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let no_field = Array2::zeros((n, self.dim()));
        self.free.sample(no_field.view(), Streams::draw(rng))
    }

    fn log_z_start(&self) -> f64 {
        self.model.fields.iter().copied().map(log_2cosh).sum()
    }

    fn place(&self, x: ArrayView2<f64>) -> Result<Array2<f64>> {
        self.model.check_states("x", x)?;
        Ok(x.to_owned())
    }

    fn positions<'s>(&self, x: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        x.view().into()
    }

    fn log_start(&self, x: &Array2<f64>, out: &mut [f64]) {
        for (x, out) in x.rows().into_iter().zip(out) {
            *out += x.dot(&self.model.fields);
        }
    }

    fn work(&self, x: &mut Array2<f64>, from: f64, to: f64, log_weights: &mut [f64]) {
        self.add_interaction(x, to - from, log_weights);
    }

    fn slope(&self, x: &Array2<f64>, _beta: f64, out: &mut [f64]) {
        self.add_interaction(x, 1.0, out);
    }

    fn transition(&self, x: &mut Array2<f64>, beta: f64, rng: &mut dyn Rng) {
        let streams = Streams::draw(rng);
        let n = self.model.colours().len();
        for (visit, colour) in (0..n).chain((0..n.saturating_sub(1)).rev()).enumerate() {
            self.model
                .redraw(beta, colour, x.view_mut(), None, streams.part(visit as u64));
        }
    }

    fn select(&self, x: &Array2<f64>, rows: &[usize]) -> Array2<f64> {
        x.select(Axis(0), rows)
    }

    fn exchange(&self, a: &mut Array2<f64>, b: &mut Array2<f64>, swap: &[bool]) {
        exchange_rows(a, b, swap);
    }
}

impl Ising {
    /// `Σ_⟨ij⟩ J_ij x_i x_j`.
    pub(super) fn interaction(&self, x: ArrayView1<f64>) -> f64 {
        let bonds = self.graph.bonds().iter().zip(&self.couplings);
        bonds.map(|(&[i, j], coupling)| coupling * x[i] * x[j]).sum()
    }
}
