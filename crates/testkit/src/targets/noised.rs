//! A mixture of isotropic normal distributions under a linear-Gaussian process.
//!
//! `X_t = α_t X_0 + σ_t z` of data `Σ_k w_k N(μ_k, ς_k² I)` has the density `Σ_k w_k N(α μ_k, (α² ς_k² + σ²) I)`: at every time another [`Mixture`], whose
//! score and Jacobian it lends. With one component it is the normal distribution, under which every linear method has a closed form.

use gibbsian_core::{
    Energy, LinearGaussian, Score, ScoreJvp, Space, TimeEnergy, TimePotential, TimeScore, TimeScoreJvp,
};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, Slice};

use super::Mixture;

/// A [`Mixture`] at every time of a process.
#[derive(Clone, Debug)]
pub struct Noised<P> {
    mixture: Mixture,
    process: P,
}

impl<P: LinearGaussian> Noised<P> {
    /// `mixture` under `process`.
    pub fn new(mixture: Mixture, process: P) -> Self {
        Noised { mixture, process }
    }

    /// The density at time `t`; at times outside the process it has no meaning.
    pub fn marginal(&self, t: f64) -> Mixture {
        self.mixture
            .noised(self.process.alpha(t), self.process.variance(t))
    }

    /// Calls `f` with the marginal of each run of equal times and the rows that have it.
    fn for_each_time(&self, t: ArrayView1<f64>, mut f: impl FnMut(&Mixture, Slice)) {
        let mut start = 0;
        for end in 1..=t.len() {
            if end == t.len() || t[end] != t[start] {
                f(&self.marginal(t[start]), Slice::from(start..end));
                start = end;
            }
        }
    }
}

impl<P: LinearGaussian> Space for Noised<P> {
    fn dim(&self) -> usize {
        self.mixture.dim()
    }
}

impl<P: LinearGaussian> TimeEnergy for Noised<P> {
    fn energy_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut1<f64>) {
        self.for_each_time(t, |mixture, rows| {
            mixture.energy_into(x.slice_axis(Axis(0), rows), out.slice_axis_mut(Axis(0), rows));
        });
    }
}

impl<P: LinearGaussian> TimeScore for Noised<P> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        self.for_each_time(t, |mixture, rows| {
            mixture.score_into(x.slice_axis(Axis(0), rows), out.slice_axis_mut(Axis(0), rows));
        });
    }
}

impl<P: LinearGaussian> TimePotential for Noised<P> {}

impl<P: LinearGaussian> TimeScoreJvp for Noised<P> {
    fn score_jvp_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.for_each_time(t, |mixture, rows| {
            mixture.score_jvp_into(
                x.slice_axis(Axis(0), rows),
                v.slice_axis(Axis(0), rows),
                score.slice_axis_mut(Axis(0), rows),
                jvp.slice_axis_mut(Axis(0), rows),
            );
        });
    }

    fn divergence_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut1<f64>) {
        self.for_each_time(t, |mixture, rows| {
            mixture.divergence_into(x.slice_axis(Axis(0), rows), out.slice_axis_mut(Axis(0), rows));
        });
    }

    fn score_and_divergence_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        mut score: ArrayViewMut2<f64>,
        mut divergence: ArrayViewMut1<f64>,
    ) {
        self.for_each_time(t, |mixture, rows| {
            mixture.score_and_divergence_into(
                x.slice_axis(Axis(0), rows),
                score.slice_axis_mut(Axis(0), rows),
                divergence.slice_axis_mut(Axis(0), rows),
            );
        });
    }
}
