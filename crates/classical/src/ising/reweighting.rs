//! Reweighting: what a run at one temperature says about its neighbours (Ferrenberg and Swendsen 1988, "New Monte Carlo technique for studying phase transitions").
//!
//! A draw from `exp(−β₀E)/Z` has the weight `w = e^{−δE}` in the law at `β₀ + δ`, so that
//!
//! `⟨O⟩ = Σ w O / Σ w`,  `log Z_{β₀+δ} − log Z_{β₀} = log (Σ w / n)`.
//!
//! No histogram is kept: that of the energy was a way to store draws. The weights are even enough while `δ² Var E` is of the order of one, and the number of draws that they leave, `(Σ w)²/Σ w²`
//! (Kish 1965), says when they are not; a run has no draws of energies that it never met, and no error bar shows that.
//!
//! Heat capacities, susceptibilities and cumulants are functions of several means. Their errors come from the jackknife over chains, which are independent whatever the correlations within
//! (Quenouille 1956): with `f_{−c}` the value without chain `c`, `se² = (C − 1)/C Σ_c (f_{−c} − f̄)²`, where a ratio of sums is such a function too.
//!
//! Runs at several temperatures are put together by the multistate Bennett ratio, which is the multi-histogram method (Ferrenberg and Swendsen 1989) without bins; it is among the estimators of
//! partition functions and asks for the path of the model, [`IsingPath`](super::IsingPath).

use gibbsian_core::error::{check_finite, check_shape};
use gibbsian_core::{Error, Result};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayView3, s};

/// The draws of a run at one temperature: their energies and what was observed of them.
///
/// ```
/// use gibbsian_classical::ising::{Reweighting, SpinMeans};
/// use gibbsian_classical::{Boundary, Graph, Ising};
/// use gibbsian_core::{Discrete, Energy};
/// use ndarray::s;
///
/// // Every state once is an exact run of free spins, as two chains.
/// let model = Ising::uniform(Graph::lattice(&[2, 3], Boundary::Open)?, 0.4, 0.1)?;
/// let x = model.states()?;
/// let energies = model.energy(x.view()).into_shape_with_order((2, 32)).unwrap();
/// let observed = model.observe(x.view()).into_shape_with_order((2, 32, 5)).unwrap();
/// let run = Reweighting::new(energies.view(), observed.view())?;
/// let here = run.at(1.0)?;
/// assert!((here.means[0] - model.enumerate()?.mean_energy).abs() < 1e-13);
/// let (heat_capacity, _error) = run.function(1.0, |means| SpinMeans::of(means).energy_variance())?;
/// assert!((heat_capacity - model.enumerate()?.energy_variance).abs() < 1e-12);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reweighting<'a> {
    energies: ArrayView2<'a, f64>,
    observables: ArrayView3<'a, f64>,
}

/// A run at another temperature than its own.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reweighted {
    /// The means of the observables `(K)`.
    pub means: Array1<f64>,
    /// Their standard errors `(K)`.
    pub standard_errors: Array1<f64>,
    /// `log Z` less that of the run's own temperature.
    pub log_z_ratio: f64,
    /// Its standard error.
    pub log_z_ratio_standard_error: f64,
    /// `(Σ w)²/Σ w²`, between one and the number of draws.
    pub effective_sample_size: f64,
}

impl<'a> Reweighting<'a> {
    /// The draws of at least two chains: `energies` `(C, n)` in the units in which temperatures are counted, and `observables` `(C, n, K)`.
    ///
    /// # Errors
    /// Fewer than two chains or no draws; another number of observables than of energies; a number that is not finite.
    pub fn new(energies: ArrayView2<'a, f64>, observables: ArrayView3<'a, f64>) -> Result<Self> {
        let (n_chains, n_draws) = energies.dim();
        if n_chains < 2 || n_draws == 0 {
            let requirement = "at least two chains of at least one draw: errors are those between chains";
            return Err(Error::shape("energies", energies.shape(), requirement));
        }
        check_shape(
            "observables",
            &observables,
            &[n_chains, n_draws, observables.dim().2],
        )?;
        check_finite("energies", &energies)?;
        check_finite("observables", &observables)?;
        Ok(Reweighting {
            energies,
            observables,
        })
    }

    /// The means and their errors at an inverse temperature that is larger by `delta`: at `(1 + delta)` of the couplings and fields where the run's energies are those of its own model.
    ///
    /// Observables are what they were; an energy in units of the temperature is to be multiplied by `1 + delta`.
    ///
    /// # Errors
    /// A `delta` that is not finite.
    pub fn at(&self, delta: f64) -> Result<Reweighted> {
        let chains = self.sums(delta)?;
        let n_observables = self.observables.dim().2;
        let mut means = Array1::zeros(n_observables);
        let mut standard_errors = Array1::zeros(n_observables);
        for k in 0..n_observables {
            (means[k], standard_errors[k]) = jackknife(&chains, |total| total.sums[1 + k] / total.sums[0]);
        }
        let (n_chains, n_draws) = self.energies.dim();
        // The mean of the weights of the other chains when one is left out, up to a factor that is the same for all.
        let (log_sum, log_z_ratio_standard_error) =
            jackknife(&chains, |total| total.log_scale + total.sums[0].ln());
        Ok(Reweighted {
            means,
            standard_errors,
            log_z_ratio: log_sum - ((n_chains * n_draws) as f64).ln(),
            log_z_ratio_standard_error,
            effective_sample_size: self.effective_sample_size(delta),
        })
    }

    /// A function of the means of the observables at an inverse temperature that is larger by `delta`, and its standard error.
    ///
    /// # Errors
    /// A `delta` that is not finite.
    pub fn function(&self, delta: f64, f: impl Fn(ArrayView1<f64>) -> f64) -> Result<(f64, f64)> {
        let chains = self.sums(delta)?;
        Ok(jackknife(&chains, |total| {
            f(total.sums.slice(s![1..]).mapv(|sum| sum / total.sums[0]).view())
        }))
    }

    /// The sums of every chain.
    fn sums(&self, delta: f64) -> Result<Vec<Sums>> {
        if !delta.is_finite() {
            return Err(Error::parameter("delta", delta, "finite"));
        }
        let of_chain = |(c, energies): (usize, ArrayView1<f64>)| {
            let mut chain = Sums::none(1 + self.observables.dim().2);
            chain.log_scale = largest(energies.iter().map(|e| -delta * e));
            for (t, energy) in energies.iter().enumerate() {
                let w = (-delta * energy - chain.log_scale).exp();
                chain.sums[0] += w;
                chain
                    .sums
                    .slice_mut(s![1..])
                    .scaled_add(w, &self.observables.slice(s![c, t, ..]));
            }
            chain
        };
        Ok(self
            .energies
            .rows()
            .into_iter()
            .enumerate()
            .map(of_chain)
            .collect())
    }

    fn effective_sample_size(&self, delta: f64) -> f64 {
        let log_scale = largest(self.energies.iter().map(|e| -delta * e));
        let w = self.energies.mapv(|e| (-delta * e - log_scale).exp());
        w.sum().powi(2) / w.mapv(|w| w * w).sum()
    }
}

fn largest(log_weights: impl Iterator<Item = f64>) -> f64 {
    log_weights.fold(f64::NEG_INFINITY, f64::max)
}

/// Weighted sums, in weights relative to the largest among them, which neither overflow nor vanish all.
#[derive(Clone, Debug)]
struct Sums {
    /// The logarithm of what the weights are divided by.
    log_scale: f64,
    /// `Σ w` and `Σ w O`, `(1 + K)`.
    sums: Array1<f64>,
}

impl Sums {
    /// Those of no draws.
    fn none(n: usize) -> Self {
        Sums {
            log_scale: f64::NEG_INFINITY,
            sums: Array1::zeros(n),
        }
    }

    /// Those of the draws of both, of which at least one has some.
    fn with(&self, other: &Sums) -> Sums {
        let log_scale = self.log_scale.max(other.log_scale);
        let part = |of: &Sums| &of.sums * (of.log_scale - log_scale).exp();
        Sums {
            log_scale,
            sums: part(self) + part(other),
        }
    }
}

/// A function of the sums of all chains, and its standard error by leaving out one chain after the other.
fn jackknife(chains: &[Sums], f: impl Fn(&Sums) -> f64) -> (f64, f64) {
    // Those of the chains before each one, and of it and all after it. The sum of all less that of one chain would be rounding where this one has nearly all the weight.
    let none = Sums::none(chains[0].sums.len());
    let mut before = vec![none.clone()];
    let mut from = vec![none];
    for (first, last) in chains.iter().zip(chains.iter().rev()) {
        before.push(before[before.len() - 1].with(first));
        from.push(last.with(&from[from.len() - 1]));
    }
    from.reverse();
    let n = chains.len();
    let without: Array1<f64> = (0..n).map(|c| f(&before[c].with(&from[c + 1]))).collect();
    let mean = without.sum() / n as f64;
    let squares = without.mapv(|value| (value - mean).powi(2)).sum();
    (f(&before[n]), ((n as f64 - 1.0) / n as f64 * squares).sqrt())
}
