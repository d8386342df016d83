//! Score, Jacobian-vector product and parameter gradients of a flow, all by one backward pass over one kind of number or the other.

use gibbsian_core::{Density, EnergyPullback, Potential, Score, ScoreJvp, ScorePullback, Space};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, s};

use super::number::{Dual, Number};
use super::{CouplingFlow, Pass};
use crate::combine::rows::{add_gradients, contiguous};

impl<B: Score> Score for CouplingFlow<B> {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        let base_score = self.base.score(self.to_base(x).0.view());
        self.map_blocks(x, out, |pass, b, x, mut out| {
            pass.forward(self, x);
            let mut g = base_score.row(b).to_vec();
            pass.backward(self, &mut g, 1.0, None);
            out.assign(&ArrayView1::from(&g));
        });
    }
}

impl<B: Density + Score> Potential for CouplingFlow<B> {}

impl<B: ScoreJvp> CouplingFlow<B> {
    /// `z`, its derivative along `v`, and the base's score and Jacobian-vector product there.
    fn base_jvp(&self, x: ArrayView2<f64>, v: ArrayView2<f64>) -> (Array2<f64>, Array2<f64>) {
        let dim = self.dim();
        let mut both = Array2::zeros((x.nrows(), 2 * dim));
        self.map_blocks(x, both.view_mut(), |pass, b, x, mut out| {
            pass.forward(self, &dual_row(ArrayView1::from(x), v.row(b)));
            for (i, z) in pass.z.iter().enumerate() {
                (out[i], out[dim + i]) = (z.value, z.tangent);
            }
        });
        let (mut score, mut jvp) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        self.base.score_jvp_into(
            both.slice(s![.., ..dim]),
            both.slice(s![.., dim..]),
            score.view_mut(),
            jvp.view_mut(),
        );
        (score, jvp)
    }
}

impl<B: ScoreJvp> ScoreJvp for CouplingFlow<B> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        let dim = self.dim();
        let (base_score, base_jvp) = self.base_jvp(x, v);
        let mut both = Array2::zeros((x.nrows(), 2 * dim));
        self.map_blocks(x, both.view_mut(), |pass, b, x, mut out| {
            pass.forward(self, &dual_row(ArrayView1::from(x), v.row(b)));
            let mut g = dual_row(base_score.row(b), base_jvp.row(b));
            pass.backward(self, &mut g, Dual::constant(1.0), None);
            for (i, g) in g.into_iter().enumerate() {
                (out[i], out[dim + i]) = (g.value, g.tangent);
            }
        });
        score.assign(&both.slice(s![.., ..dim]));
        jvp.assign(&both.slice(s![.., dim..]));
    }
}

impl<B: Density + Score> EnergyPullback for CouplingFlow<B> {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let (z, log_det) = self.to_base(x);
        let energy = -(self.base.log_density(z.view()) + log_det);
        let mut weights = Array1::zeros(x.nrows());
        weigh(energy.view(), weights.view_mut());
        // The base's score, weighed, starts the backward pass of −w log p.
        let start = self.base.score(z.view()) * -&weights.view().insert_axis(Axis(1));
        self.add_gradients(
            x,
            grad,
            |g: f64| g,
            |pass, b, x, gradient| {
                pass.forward(self, x);
                pass.backward(self, &mut start.row(b).to_vec(), -weights[b], Some(gradient));
            },
        );
    }
}

impl<B: Density + ScoreJvp> ScorePullback for CouplingFlow<B> {
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let (score, mut u) = (self.score(x), Array2::zeros(x.raw_dim()));
        cotangent(score.view(), u.view_mut());
        // u·s(x) is the derivative of log p along u, and its gradient that of the gradient of log p.
        let (base_score, base_jvp) = self.base_jvp(x, u.view());
        self.add_gradients(
            x,
            grad,
            |g: Dual| g.tangent,
            |pass, b, x, gradient| {
                pass.forward(self, &dual_row(ArrayView1::from(x), u.row(b)));
                let mut g = dual_row(base_score.row(b), base_jvp.row(b));
                pass.backward(self, &mut g, Dual::constant(1.0), Some(gradient));
            },
        );
    }
}

impl<B: Space> CouplingFlow<B> {
    /// Adds to `grad` what `f(pass, b, x_b, gradient)` adds for all rows, `extract` of each entry.
    pub(super) fn add_gradients<T: Number>(
        &self,
        x: ArrayView2<f64>,
        grad: ArrayViewMut1<f64>,
        extract: impl Fn(T) -> f64 + Sync + Send,
        f: impl Fn(&mut Pass<T>, usize, &[f64], &mut [T]) + Sync + Send,
    ) {
        add_gradients(x.nrows(), grad, |range, sums| {
            let rows = contiguous(x, range.clone());
            let mut pass = Pass::new(self);
            let mut gradient = vec![T::constant(0.0); sums.len()];
            for (b, x) in range.zip(rows.rows()) {
                f(
                    &mut pass,
                    b,
                    x.to_slice().expect("rows are contiguous"),
                    &mut gradient,
                );
            }
            sums.iter_mut()
                .zip(gradient)
                .for_each(|(sum, g)| *sum += extract(g));
        });
    }
}

/// `x + ε v`.
fn dual_row(x: ArrayView1<f64>, v: ArrayView1<f64>) -> Vec<Dual> {
    x.iter().zip(v).map(|(&x, &v)| Dual::new(x, v)).collect()
}
