//! A probability flow together with the integral of its divergence.

use gibbsian_core::{LinearGaussian, Space, TimeScoreJvp};
use ndarray::{Array3, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::adaptive::Field;
use crate::equation::{Ode, for_each_run};
use crate::probability_flow::ProbabilityFlow;
use crate::time_domain::TimeDomain;

/// Rows `(x, ℓ)` with `dx/dt = f x − ½ g² s` and `dℓ/dt = D f − ½ g² div s`.
pub(super) struct Augmented<'a, P, M> {
    pub(super) flow: &'a ProbabilityFlow<P, M>,
    /// `(n, B, D)`, where the divergence is estimated.
    pub(super) probes: Option<&'a Array3<f64>>,
}

/// Arrays without the integral, as models want them.
#[derive(Default)]
pub(super) struct Scratch {
    x: Vec<f64>,
    score: Vec<f64>,
    divergence: Vec<f64>,
    v: Vec<f64>,
    jvp: Vec<f64>,
}

impl<P: LinearGaussian, M: TimeScoreJvp> Field for Augmented<'_, P, M> {
    type Scratch = Scratch;

    fn width(&self) -> usize {
        self.flow.dim() + 1
    }

    fn time_domain(&self) -> TimeDomain {
        self.flow.time_domain()
    }

    /// Beside many coordinates the one that is asked for would hardly count.
    fn n_together(&self) -> usize {
        self.flow.dim()
    }

    fn velocity_into(
        &self,
        rows: &[usize],
        t: ArrayView1<f64>,
        x: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
        scratch: &mut Scratch,
    ) {
        let (n, dim) = (rows.len(), self.flow.dim());
        let x = x.as_slice().expect("a block in standard layout");
        scratch.take(x, n, dim);
        self.evaluate(rows, t, scratch);
        let process = self.flow.process();
        let coefficients = |t| (process.drift_rate(t), 0.5 * process.diffusion_squared(t));
        let out = out.as_slice_mut().expect("a block in standard layout");
        for_each_run(t, coefficients, |rows, (rate, weight)| {
            for b in rows {
                let x = &x[b * (dim + 1)..][..dim];
                let score = &scratch.score[b * dim..][..dim];
                let out = &mut out[b * (dim + 1)..][..=dim];
                for ((out, x), score) in out.iter_mut().zip(x).zip(score) {
                    *out = rate * x - weight * score;
                }
                out[dim] = rate * dim as f64 - weight * scratch.divergence[b];
            }
        });
    }
}

impl<P: LinearGaussian, M: TimeScoreJvp> Augmented<'_, P, M> {
    /// Scores and divergences of the points that were taken.
    fn evaluate(&self, rows: &[usize], t: ArrayView1<f64>, scratch: &mut Scratch) {
        let (n, dim) = (rows.len(), self.flow.dim());
        let shape = "as many numbers as points have coordinates";
        let size = n * dim;
        let x = ArrayView2::from_shape((n, dim), &scratch.x[..size]).expect(shape);
        let mut score = ArrayViewMut2::from_shape((n, dim), &mut scratch.score[..size]).expect(shape);
        let Some(probes) = self.probes else {
            let divergence = ArrayViewMut1::from(&mut scratch.divergence[..n]);
            self.flow
                .model()
                .score_and_divergence_at_into(x, t, score, divergence);
            return;
        };
        scratch.v.resize(size, 0.0);
        scratch.jvp.resize(size, 0.0);
        scratch.divergence.fill(0.0);
        let share = 1.0 / probes.dim().0 as f64;
        for probe in probes.outer_iter() {
            for (v, &row) in scratch.v.chunks_exact_mut(dim).zip(rows) {
                for (v, probe) in v.iter_mut().zip(probe.row(row)) {
                    *v = *probe;
                }
            }
            let v = ArrayView2::from_shape((n, dim), &scratch.v[..size]).expect(shape);
            let mut jvp = ArrayViewMut2::from_shape((n, dim), &mut scratch.jvp[..size]).expect(shape);
            self.flow
                .model()
                .score_jvp_at_into(x, t, v, score.view_mut(), jvp.view_mut());
            for (b, divergence) in scratch.divergence.iter_mut().take(n).enumerate() {
                *divergence += share * v.row(b).dot(&jvp.row(b));
            }
        }
    }
}

impl Scratch {
    /// Copies the points out of rows that have one number more.
    fn take(&mut self, rows: &[f64], n: usize, dim: usize) {
        let size = n * dim;
        if self.x.len() < size {
            self.x.resize(size, 0.0);
            self.score.resize(size, 0.0);
            self.divergence.resize(n, 0.0);
        }
        for (x, row) in self.x.chunks_exact_mut(dim).zip(rows.chunks_exact(dim + 1)) {
            x.copy_from_slice(&row[..dim]);
        }
    }
}
