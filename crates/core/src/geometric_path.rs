//! The geometric path between a density and an energy.
//!
//! [`Interpolated`] is `(1 − β) E_0 + β E_1`: the geometric mean of two densities. It is an energy, and has what the models it holds have, scores
//! and potentials, alphabets and the costs of changing a site; so every kernel that moves on the models moves on it.
//!
//! A term of weight zero is not evaluated, so that `0 · ∞` never arises where the target ends before the base does; a weight above zero
//! keeps the support of its model.
//!
//! [`GeometricPath`] makes a [`Path`] of a base with exact draws, any energy, and any **reversible** kernel that moves on their interpolation:
//! `log f_β(x) = −(1 − β) E_0(x) − β E_1(x)` (Gelman and Meng 1998, "Simulating normalizing constants", section 4.1).

use ndarray::{
    Array, Array1, Array2, ArrayView2, ArrayViewMut, ArrayViewMut1, ArrayViewMut2, Axis, CowArray, Dimension,
    Ix2,
};
use rand::Rng;

use crate::discrete::{Discrete, DiscreteEnergy, RelaxedEnergy};
use crate::energy::{Density, Energy, Space};
use crate::error::{Error, Result, check_count, check_points, check_within};
use crate::kernel::Kernel;
use crate::path::{Path, exchange_rows};
use crate::score::{Potential, Score};
use crate::snapshot::{Record, Snapshot, Values};

/// The energy `(1 − β) E_0(x) + β E_1(x)` between two energies on one space.
#[derive(Clone, Copy, Debug)]
pub struct Interpolated<B, T> {
    base: B,
    target: T,
    beta: f64,
}

impl<B: Space, T: Space> Interpolated<B, T> {
    /// The interpolation at `beta` in [0, 1]; base and target are owned or references.
    ///
    /// # Errors
    /// Spaces of different dimensions, or a `beta` outside [0, 1].
    pub fn new(base: B, target: T, beta: f64) -> Result<Self> {
        check_within("beta", beta, 0.0, 1.0)?;
        if base.dim() != target.dim() {
            return Err(Error::parameter(
                "target",
                format!("of dimension {}", target.dim()),
                format!("of the dimension of the base, {}", base.dim()),
            ));
        }
        Ok(Interpolated { base, target, beta })
    }

    /// Where between the two, 0 at the base.
    pub fn beta(&self) -> f64 {
        self.beta
    }

    /// Writes the combination of what `base` and `target` write; a term of weight zero is not asked for.
    fn combine_into<D: Dimension>(
        &self,
        mut out: ArrayViewMut<f64, D>,
        base: impl Fn(ArrayViewMut<f64, D>),
        target: impl Fn(ArrayViewMut<f64, D>),
    ) {
        if self.beta == 0.0 {
            base(out);
        } else if self.beta == 1.0 {
            target(out);
        } else {
            let mut other = Array::zeros(out.raw_dim());
            base(out.view_mut());
            target(other.view_mut());
            let beta = self.beta;
            out.zip_mut_with(&other, |a, b| *a = (1.0 - beta) * *a + beta * b);
        }
    }
}

impl<B: Space, T: Space> Space for Interpolated<B, T> {
    fn dim(&self) -> usize {
        self.target.dim()
    }
}

impl<B: Energy, T: Energy> Energy for Interpolated<B, T> {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.combine_into(
            out,
            |out| self.base.energy_into(x, out),
            |out| self.target.energy_into(x, out),
        );
    }
}

impl<B: Score, T: Score> Score for Interpolated<B, T> {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.combine_into(
            out,
            |out| self.base.score_into(x, out),
            |out| self.target.score_into(x, out),
        );
    }
}

impl<B: Potential, T: Potential> Potential for Interpolated<B, T> {
    fn energy_and_score_into(
        &self,
        x: ArrayView2<f64>,
        mut energy: ArrayViewMut1<f64>,
        mut score: ArrayViewMut2<f64>,
    ) {
        if self.beta == 0.0 {
            return self.base.energy_and_score_into(x, energy, score);
        }
        self.target
            .energy_and_score_into(x, energy.view_mut(), score.view_mut());
        if self.beta == 1.0 {
            return;
        }
        let mut base_energy = Array1::zeros(energy.raw_dim());
        let mut base_score = Array2::zeros(score.raw_dim());
        self.base
            .energy_and_score_into(x, base_energy.view_mut(), base_score.view_mut());
        let beta = self.beta;
        energy.zip_mut_with(&base_energy, |e, e_0| *e = (1.0 - beta) * e_0 + beta * *e);
        score.zip_mut_with(&base_score, |s, s_0| *s = (1.0 - beta) * s_0 + beta * *s);
    }
}

impl<B: Discrete, T: Discrete> Discrete for Interpolated<B, T> {
    /// That of the target; the base is asked about these symbols too.
    fn alphabet(&self, site: usize) -> &[f64] {
        self.target.alphabet(site)
    }

    fn check_states(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
        self.target.check_states(name, x)
    }

    fn n_states(&self) -> Option<u64> {
        self.target.n_states()
    }

    fn states_into(&self, first: u64, out: ArrayViewMut2<f64>) {
        self.target.states_into(first, out);
    }

    fn states(&self) -> Result<Array2<f64>> {
        self.target.states()
    }
}

impl<B: DiscreteEnergy, T: DiscreteEnergy> DiscreteEnergy for Interpolated<B, T> {
    fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, out: ArrayViewMut2<f64>) {
        self.combine_into(
            out,
            |out| self.base.site_deltas_into(x, site, out),
            |out| self.target.site_deltas_into(x, site, out),
        );
    }

    fn flip_deltas_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.combine_into(
            out,
            |out| self.base.flip_deltas_into(x, out),
            |out| self.target.flip_deltas_into(x, out),
        );
    }
}

impl<B: RelaxedEnergy, T: RelaxedEnergy> RelaxedEnergy for Interpolated<B, T> {
    fn relaxed_score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.combine_into(
            out,
            |out| self.base.relaxed_score_into(x, out),
            |out| self.target.relaxed_score_into(x, out),
        );
    }
}

/// The path `log f_β = −(1 − β) E_0 − β E_1` from a density to an energy, moved by a kernel.
///
/// Hand references over: `GeometricPath::new(&base, &target, kernel, 1)`; the models are copied into every interpolation.
#[derive(Clone, Debug)]
pub struct GeometricPath<B, T, K> {
    base: B,
    target: T,
    kernel: K,
    n_steps: usize,
}

/// The chains of a [`GeometricPath`], and the temperature for which their kernel has cached what it caches.
#[derive(Clone, Debug)]
pub struct GeometricState<S> {
    chains: S,
    beta: f64,
}

impl<S: Snapshot> Snapshot for GeometricState<S> {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        record.put_part("chains", self.chains.snapshot());
        record.put("beta", &[], Values::F64(vec![self.beta]));
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let beta = record.f64s("beta", &[])?[0];
        check_within("beta", beta, 0.0, 1.0)?;
        self.chains.restore(&record.part("chains"))?;
        self.beta = beta;
        Ok(())
    }
}

impl<B, T, K> GeometricPath<B, T, K>
where
    B: Density + Clone,
    T: Energy + Clone,
    K: Kernel<Interpolated<B, T>>,
{
    /// The path whose transition is `n_steps` steps of `kernel`, which must be reversible (a sweep in one direction is not, nor is an unadjusted
    /// sampler); its settings serve all temperatures.
    ///
    /// # Errors
    /// Spaces of different dimensions, a base whose `log Z` is not finite, or no step.
    pub fn new(base: B, target: T, kernel: K, n_steps: usize) -> Result<Self> {
        let between = Interpolated::new(base, target, 0.0)?;
        check_count("n_steps", n_steps)?;
        let log_z = between.base.log_z();
        if !log_z.is_finite() {
            return Err(Error::parameter(
                "base",
                format!("of log Z {log_z}"),
                "normalised",
            ));
        }
        Ok(GeometricPath {
            base: between.base,
            target: between.target,
            kernel,
            n_steps,
        })
    }

    /// The interpolation at `beta`, which the path's own callers keep within [0, 1].
    fn at(&self, beta: f64) -> Interpolated<B, T> {
        Interpolated {
            base: self.base.clone(),
            target: self.target.clone(),
            beta,
        }
    }

    /// Chains at these points for `beta`; for the base where one of them has no density there, as replicas have none that did not come down yet.
    fn chains_at(&self, beta: f64, x: Array2<f64>) -> GeometricState<K::State> {
        if let Ok(chains) = self.kernel.init(&self.at(beta), x.clone()) {
            return GeometricState { chains, beta };
        }
        let chains = self.kernel.init(&self.at(0.0), x);
        GeometricState {
            chains: chains.expect("chains have a density at their temperature or were drawn from the base"),
            beta: 0.0,
        }
    }

    /// **Adds** `scale · (E_0 − E_1)` of every chain to `out`.
    fn add_gap(&self, state: &GeometricState<K::State>, scale: f64, out: &mut [f64]) {
        let x = self.kernel.positions(&state.chains);
        let (base, target) = (self.base.energy(x.view()), self.target.energy(x.view()));
        for ((out, e_0), e_1) in out.iter_mut().zip(&base).zip(&target) {
            *out += scale * (e_0 - e_1);
        }
    }
}

impl<B: Space, T: Space, K: Sync> Space for GeometricPath<B, T, K> {
    fn dim(&self) -> usize {
        self.target.dim()
    }
}

impl<B, T, K> Path for GeometricPath<B, T, K>
where
    B: Density + Clone,
    T: Energy + Clone,
    K: Kernel<Interpolated<B, T>>,
{
    type State = GeometricState<K::State>;

    fn start(&self, n: usize, rng: &mut dyn Rng) -> Self::State {
        let x = self.base.sample(n, rng);
        let chains = self.kernel.init(&self.at(0.0), x);
        GeometricState {
            chains: chains.expect("a kernel starts at draws from its target"),
            beta: 0.0,
        }
    }

    fn log_z_start(&self) -> f64 {
        self.base.log_z()
    }

    fn place(&self, x: ArrayView2<f64>) -> Result<Self::State> {
        check_points("x", &x, self.dim())?;
        Ok(GeometricState {
            chains: self.kernel.init(&self.at(0.0), x.to_owned())?,
            beta: 0.0,
        })
    }

    fn positions<'s>(&self, state: &'s Self::State) -> CowArray<'s, f64, Ix2> {
        self.kernel.positions(&state.chains)
    }

    fn log_start(&self, state: &Self::State, out: &mut [f64]) {
        let energy = self.base.energy(self.kernel.positions(&state.chains).view());
        for (out, e) in out.iter_mut().zip(&energy) {
            *out -= e;
        }
    }

    fn work(&self, state: &mut Self::State, from: f64, to: f64, log_weights: &mut [f64]) {
        // No step does no work, also outside the support of the target.
        if from != to {
            self.add_gap(state, to - from, log_weights);
        }
    }

    fn slope(&self, state: &Self::State, _beta: f64, out: &mut [f64]) {
        self.add_gap(state, 1.0, out);
    }

    fn select(&self, state: &Self::State, rows: &[usize]) -> Self::State {
        self.chains_at(state.beta, self.positions(state).select(Axis(0), rows))
    }

    fn refresh(&self, state: &mut Self::State) {
        *state = self.chains_at(state.beta, self.positions(state).into_owned());
    }

    fn exchange(&self, a: &mut Self::State, b: &mut Self::State, swap: &[bool]) {
        let (mut x_a, mut x_b) = (self.positions(a).into_owned(), self.positions(b).into_owned());
        exchange_rows(&mut x_a, &mut x_b, swap);
        *a = self.chains_at(a.beta, x_a);
        *b = self.chains_at(b.beta, x_b);
    }

    fn transition(&self, state: &mut Self::State, beta: f64, rng: &mut dyn Rng) {
        let between = self.at(beta);
        if state.beta != beta {
            self.kernel.refresh(&between, &mut state.chains);
            state.beta = beta;
        }
        for _ in 0..self.n_steps {
            self.kernel.step(&between, &mut state.chains, rng);
        }
    }
}
