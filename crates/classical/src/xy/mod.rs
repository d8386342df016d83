//! The XY model: spins in the plane on any graph.
//!
//! A spin is an angle `θ_i`, a unit vector `s_i = (cos θ_i, sin θ_i)`, and
//!
//! `E(θ) = −Σ_⟨ij⟩ J_ij cos(θ_i − θ_j) − Σ_i h_i · s_i`,
//!
//! every bond of the graph counted once, with fields that are vectors. Angles are real numbers and differences of 2π are none: a density on the torus of angles, `∫ exp(−E) dθ` over
//! `[−π, π)` for each spin. The score is `∂ log p/∂θ_i = Σ_j J_ij sin(θ_j − θ_i) + h_i × s_i` with the sign that turns a spin towards its local field, so Langevin and Hamiltonian kernels
//! move it too.
//!
//! Everything local follows from the local field `g_i = h_i + Σ_j J_ij s_j`: given its neighbours a spin has the von Mises density `∝ exp(g_i · s_i)`. [`XyMetropolis`] turns one spin after the other by
//! a random angle, [`OverRelaxation`] reflects each at its local field, which costs no energy and moves far, and [`XyWolff`] reflects clusters.
//!
//! Spins with finitely many directions are a field of labels, [`PairwiseField::clock`](crate::PairwiseField::clock).

mod exact;
mod metropolis;
mod over_relaxation;
mod wolff;

pub use metropolis::XyMetropolis;
pub use over_relaxation::OverRelaxation;
pub use wolff::XyWolff;

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{check_finite, check_points, check_shape};
use gibbsian_core::{
    Energy, EnergyPullback, Layout, Parametric, ParametricMut, Potential, Record, Result, Score, ScoreJvp,
    Snapshot, Space,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, Zip, concatenate};
use std::f64::consts::PI;

use crate::graph::Graph;

/// Angles on a graph, with a coupling on every bond and a field vector on every site.
///
/// ```
/// use gibbsian_classical::{Boundary, Graph, Xy};
/// use gibbsian_core::Energy;
/// use ndarray::array;
/// use std::f64::consts::PI;
///
/// let chain = Xy::uniform(Graph::lattice(&[3], Boundary::Open)?, 2.0, [0.0, 0.5])?;
/// let e = chain.energy(array![[0.0, 0.0, PI / 2.0]].view());
/// assert!((e[0] + 2.5).abs() < 1e-15);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Xy {
    graph: Graph,
    couplings: Array1<f64>,
    /// A row for each site.
    fields: Array2<f64>,
}

impl Xy {
    /// The model with a coupling `J` for every bond, in the order of [`Graph::bonds`], and fields `(N, 2)`.
    ///
    /// # Errors
    /// Another number of couplings than bonds or of fields than sites, or a number that is not finite.
    pub fn new(graph: Graph, couplings: Array1<f64>, fields: Array2<f64>) -> Result<Self> {
        check_shape("couplings", &couplings, &[graph.n_bonds()])?;
        check_shape("fields", &fields, &[graph.n_sites(), 2])?;
        check_finite("couplings", &couplings)?;
        check_finite("fields", &fields)?;
        Ok(Xy {
            graph,
            couplings,
            fields,
        })
    }

    /// The model with the same coupling on every bond and the same field on every site.
    ///
    /// # Errors
    /// A number that is not finite.
    pub fn uniform(graph: Graph, coupling: f64, field: [f64; 2]) -> Result<Self> {
        let couplings = Array1::from_elem(graph.n_bonds(), coupling);
        let fields = Array2::from_shape_fn((graph.n_sites(), 2), |(_, k)| field[k]);
        Xy::new(graph, couplings, fields)
    }

    /// The model at inverse temperature `β`: couplings `βJ` and fields `βh`.
    ///
    /// # Errors
    /// A `β` that is not finite, or so large that a number overflows.
    pub fn at(&self, beta: f64) -> Result<Self> {
        Xy::new(self.graph.clone(), &self.couplings * beta, &self.fields * beta)
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The couplings `J`, one a bond.
    pub fn couplings(&self) -> ArrayView1<'_, f64> {
        self.couplings.view()
    }

    /// The fields `h` `(N, 2)`.
    pub fn fields(&self) -> ArrayView2<'_, f64> {
        self.fields.view()
    }

    /// `g_i = h_i + Σ_j J_ij s_j`, what the neighbours of site `i` and the field there say to it.
    pub fn local_field(&self, theta: ArrayView1<f64>, site: usize) -> [f64; 2] {
        let mut g = [self.fields[[site, 0]], self.fields[[site, 1]]];
        for neighbour in self.graph.neighbours(site) {
            let (sin, cos) = theta[neighbour.site].sin_cos();
            let coupling = self.couplings[neighbour.bond];
            g[0] += coupling * cos;
            g[1] += coupling * sin;
        }
        g
    }
}

/// The same angle in `[−π, π)`, or `π` where rounding makes it so.
fn wrap(theta: f64) -> f64 {
    theta - 2.0 * PI * (theta / (2.0 * PI)).round()
}

/// What all kernels here require of their chains.
fn check_angles(model: &Xy, x: &Array2<f64>) -> Result<()> {
    check_points("x", x, model.dim())
}

impl Space for Xy {
    fn dim(&self) -> usize {
        self.graph.n_sites()
    }
}

impl Energy for Xy {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        for (theta, e) in x.rows().into_iter().zip(&mut out) {
            let mut sum = 0.0;
            for (&[i, j], coupling) in self.graph.bonds().iter().zip(&self.couplings) {
                sum += coupling * (theta[i] - theta[j]).cos();
            }
            for (theta, h) in theta.iter().zip(self.fields.rows()) {
                let (sin, cos) = theta.sin_cos();
                sum += h[0] * cos + h[1] * sin;
            }
            *e = -sum;
        }
    }
}

impl Score for Xy {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        let no_direction = Array2::zeros(x.raw_dim());
        let mut unused = Array2::zeros(x.raw_dim());
        self.score_jvp_into(x, no_direction.view(), out.view_mut(), unused.view_mut());
    }
}

impl Potential for Xy {}

impl ScoreJvp for Xy {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        assert_eq!(x.ncols(), self.dim(), "x has shape {:?}", x.shape());
        Zip::from(x.rows())
            .and(v.rows())
            .and(score.rows_mut())
            .and(jvp.rows_mut())
            .for_each(|theta, v, mut score, mut jvp| {
                for i in 0..theta.len() {
                    let (sin, cos) = theta[i].sin_cos();
                    let h = self.fields.row(i);
                    score[i] = h[1] * cos - h[0] * sin;
                    jvp[i] = -(h[0] * cos + h[1] * sin) * v[i];
                }
                for (&[i, j], coupling) in self.graph.bonds().iter().zip(&self.couplings) {
                    let (sin, cos) = (theta[j] - theta[i]).sin_cos();
                    score[i] += coupling * sin;
                    score[j] -= coupling * sin;
                    let turn = coupling * cos * (v[j] - v[i]);
                    jvp[i] += turn;
                    jvp[j] -= turn;
                }
            });
    }

    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (theta, out) in x.rows().into_iter().zip(&mut out) {
            let mut sum = 0.0;
            for (&[i, j], coupling) in self.graph.bonds().iter().zip(&self.couplings) {
                sum += 2.0 * coupling * (theta[i] - theta[j]).cos();
            }
            for (theta, h) in theta.iter().zip(self.fields.rows()) {
                let (sin, cos) = theta.sin_cos();
                sum += h[0] * cos + h[1] * sin;
            }
            *out = -sum;
        }
    }
}

impl Parametric for Xy {
    /// `couplings`, one a bond, then `fields`, a row for each site.
    fn layout(&self) -> Layout {
        Layout::new()
            .with("couplings", &[self.graph.n_bonds()])
            .with("fields", self.fields.shape())
    }

    fn params(&self) -> Array1<f64> {
        concatenate![Axis(0), self.couplings, self.fields.flatten()]
    }
}

impl ParametricMut for Xy {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let (couplings, fields) = params.split_at(Axis(0), self.couplings.len());
        self.couplings.assign(&couplings);
        for (field, value) in self.fields.iter_mut().zip(fields) {
            *field = *value;
        }
        Ok(())
    }
}

impl Snapshot for Xy {
    /// `couplings` and `fields`; the graph is not part of it.
    fn snapshot(&self) -> Record {
        Record::of_params(self)
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let params = record.params(&self.layout())?;
        self.set_params(params.view())
    }
}

impl EnergyPullback for Xy {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let mut w = Array1::zeros(x.nrows());
        weigh(self.energy(x).view(), w.view_mut());
        let (mut couplings, mut fields) = grad.split_at(Axis(0), self.couplings.len());
        for (theta, w) in x.rows().into_iter().zip(&w) {
            for (&[i, j], grad) in self.graph.bonds().iter().zip(&mut couplings) {
                *grad -= w * (theta[i] - theta[j]).cos();
            }
            for (site, theta) in theta.iter().enumerate() {
                let (sin, cos) = theta.sin_cos();
                fields[2 * site] -= w * cos;
                fields[2 * site + 1] -= w * sin;
            }
        }
    }
}
