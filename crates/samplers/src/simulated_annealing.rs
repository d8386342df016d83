//! Simulated annealing (Kirkpatrick, Gelatt and Vecchi 1983; Geman and Geman 1984): the lowest energy by slow cooling.
//!
//! A kernel walks on `p_β ∝ exp(−βE)` while `β` rises. At each `β` it leaves `p_β` invariant, and `p_β` gathers on the lowest states as `β → ∞`; the chain
//! follows if the cooling is slow enough. How slow is known on finite spaces: with single-site Gibbs sampling of `N` sites and
//! `β_k ≤ log k/(N Δ)`, `Δ` the largest minus the smallest energy, the law at step `k` tends to the uniform law on the lowest states (Geman and Geman 1984,
//! theorem B); the smallest constant that serves in place of `NΔ` is the depth of the deepest valley that is not the lowest (Hajek 1988). Such schedules
//! take exponentially many steps and are for proofs; a geometric one is what is used, and it promises nothing. What is kept is therefore the best state
//! that each chain ever visited, not its last.

use gibbsian_core::error::{check_count, check_each, check_positive};
use gibbsian_core::{Acceptance, Energy, Error, Kernel, Result, Scaled, StepInfo};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rand::Rng;

/// The inverse temperatures of the steps, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Cooling {
    betas: Array1<f64>,
}

impl Cooling {
    /// Step `k` at inverse temperature `betas[k]`; it may rise and fall.
    ///
    /// # Errors
    /// No steps, or a `beta` that is not positive and finite.
    pub fn new(betas: Array1<f64>) -> Result<Self> {
        check_count("n_steps", betas.len())?;
        check_each("betas", betas.view(), "finite and greater than zero", |beta| {
            beta.is_finite() && beta > 0.0
        })?;
        Ok(Cooling { betas })
    }

    /// From `first` to `last` by equal factors: `β_k = first (last/first)^{k/(n − 1)}`.
    ///
    /// # Errors
    /// No steps, or an end that is not positive and finite.
    pub fn geometric(first: f64, last: f64, n_steps: usize) -> Result<Self> {
        check_positive("first", first)?;
        check_positive("last", last)?;
        let (low, high) = (first.ln(), last.ln());
        Cooling::new(Cooling::between(n_steps, |t| (low * (1.0 - t) + high * t).exp()))
    }

    /// From `first` to `last` by equal steps: `β_k = first + (last − first) k/(n − 1)`.
    ///
    /// # Errors
    /// No steps, or an end that is not positive and finite.
    pub fn linear(first: f64, last: f64, n_steps: usize) -> Result<Self> {
        check_positive("first", first)?;
        check_positive("last", last)?;
        Cooling::new(Cooling::between(n_steps, |t| first * (1.0 - t) + last * t))
    }

    /// `β_k = log(k + 1)/constant`, `k = 1, 2, …`, which reaches the lowest states with probability one in the limit if the constant is large enough.
    ///
    /// Geman and Geman's constant is [`Cooling::geman_geman_constant`]. Theirs counts updates of single sites, so a kernel that sweeps over all sites in a step
    /// cools more slowly than it must.
    ///
    /// # Errors
    /// No steps, or a constant that is not positive and finite.
    pub fn logarithmic(constant: f64, n_steps: usize) -> Result<Self> {
        check_positive("constant", constant)?;
        Cooling::new((1..=n_steps).map(|k| (k as f64).ln_1p() / constant).collect())
    }

    /// `N Δ` for `N` sites and energies in a range of length `Δ` (Geman and Geman 1984, theorem B).
    ///
    /// # Errors
    /// No sites, or a range that is not positive and finite.
    pub fn geman_geman_constant(n_sites: usize, energy_range: f64) -> Result<f64> {
        check_count("n_sites", n_sites)?;
        check_positive("energy_range", energy_range)?;
        Ok(n_sites as f64 * energy_range)
    }

    /// The inverse temperature of each step.
    pub fn betas(&self) -> ArrayView1<'_, f64> {
        self.betas.view()
    }

    fn between(n_steps: usize, beta: impl Fn(f64) -> f64) -> Array1<f64> {
        let last = n_steps.saturating_sub(1).max(1) as f64;
        (0..n_steps).map(|k| beta(k as f64 / last)).collect()
    }
}

/// Annealing of the chains of a kernel.
///
/// ```
/// use gibbsian_core::{Discrete, DiscreteEnergy, Energy, Seed, Space};
/// use gibbsian_samplers::{Cooling, Metropolis, SimulatedAnnealing};
/// use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1};
///
/// /// Numbers to be divided into two groups of equal sums: `E(x) = |Σ a_i x_i|`, `x_i = ±1`.
/// struct Partition([f64; 8]);
/// # impl Space for Partition { fn dim(&self) -> usize { 8 } }
/// # impl Discrete for Partition { fn alphabet(&self, _: usize) -> &[f64] { &[-1.0, 1.0] } }
/// impl Energy for Partition {
///     fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
///         out.assign(&x.dot(&Array1::from(self.0.to_vec())).mapv(f64::abs));
///     }
/// }
/// # impl DiscreteEnergy for Partition {}
///
/// let target = Partition([31.0, 19.0, 17.0, 13.0, 11.0, 7.0, 5.0, 1.0]);
/// let annealing = SimulatedAnnealing::new(Metropolis, Cooling::geometric(0.01, 2.0, 100)?);
/// let found = annealing.run(&target, Array2::ones((10, 8)), &mut Seed::new(1).rng())?;
/// // 31 + 19 + 1 + 1 = 52: the numbers add up to 104.
/// assert_eq!(found.best().1, 0.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedAnnealing<K> {
    kernel: K,
    cooling: Cooling,
}

/// What annealing found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Annealed {
    /// Where the chains ended, `(B, D)`.
    pub x: Array2<f64>,
    /// The best point that each chain was at after any step or at the start, `(B, D)`.
    pub best_x: Array2<f64>,
    /// Its energy `E`, not scaled, `(B)`.
    pub best_energy: Array1<f64>,
    /// What each step did, over all chains. Where acceptance has fallen to nothing long before the end, the chains froze and the rest of the steps was wasted.
    pub acceptance: Vec<Acceptance>,
}

impl Annealed {
    /// The best point of all chains and its energy.
    pub fn best(&self) -> (ArrayView1<'_, f64>, f64) {
        let best = (0..self.best_energy.len())
            .min_by(|a, b| self.best_energy[*a].total_cmp(&self.best_energy[*b]))
            .expect("there is at least one chain");
        (self.best_x.row(best), self.best_energy[best])
    }
}

impl<K> SimulatedAnnealing<K> {
    /// Annealing of this kernel's chains on this schedule.
    pub fn new(kernel: K, cooling: Cooling) -> Self {
        SimulatedAnnealing { kernel, cooling }
    }

    /// The schedule.
    pub fn cooling(&self) -> &Cooling {
        &self.cooling
    }

    /// Cools chains that start at the rows of `x`, one step of the kernel at each inverse temperature of the schedule.
    ///
    /// Kernels that remember energies are [refreshed](Kernel::refresh) before every step, and the energies of all chains are taken after it: two evaluations a step beside
    /// the kernel's own.
    ///
    /// # Errors
    /// Rows from which the kernel cannot start, or without a finite energy.
    pub fn run<'t, T>(&self, target: &'t T, x: Array2<f64>, rng: &mut dyn Rng) -> Result<Annealed>
    where
        T: Energy + ?Sized,
        K: Kernel<Scaled<&'t T>>,
    {
        let mut scaled = Scaled::new(target, self.cooling.betas[0])?;
        let mut state = self.kernel.init(&scaled, x)?;
        let best_x = self.kernel.positions(&state).into_owned();
        let mut best = Best {
            energy: target.energy(best_x.view()),
            x: best_x,
        };
        if let Some(b) = best.energy.iter().position(|e| !e.is_finite()) {
            return Err(Error::parameter(
                format!("x[{b}, ..]"),
                best.x.row(b),
                "a point of finite energy",
            ));
        }
        let mut acceptance = Vec::with_capacity(self.cooling.betas.len());
        for &beta in &self.cooling.betas {
            scaled.set_beta(beta)?;
            self.kernel.refresh(&scaled, &mut state);
            let info = self.kernel.step(&scaled, &mut state, rng);
            acceptance.push(info.acceptance());
            let x = self.kernel.positions(&state);
            best.see(x.view(), target.energy(x.view()).view());
        }
        Ok(Annealed {
            x: self.kernel.positions(&state).into_owned(),
            best_x: best.x,
            best_energy: best.energy,
            acceptance,
        })
    }
}

/// The best points so far.
struct Best {
    x: Array2<f64>,
    energy: Array1<f64>,
}

impl Best {
    fn see(&mut self, x: ArrayView2<f64>, energy: ArrayView1<f64>) {
        for (b, energy) in energy.iter().enumerate() {
            // NaN is below nothing, and −∞ is no energy.
            if *energy < self.energy[b] && energy.is_finite() {
                self.energy[b] = *energy;
                self.x.row_mut(b).assign(&x.row(b));
            }
        }
    }
}
