//! What is measured of spins, and what follows from its means.
//!
//! Heat capacity, susceptibility and Binder's cumulant are functions of several means, so a run keeps the quantities of which means are taken, and the functions are applied
//! to means of all draws, of bins or of jackknife blocks alike.

use gibbsian_core::Energy;
use ndarray::{Array2, ArrayView1, ArrayView2};

use super::Ising;

/// The number of quantities that [`Ising::observe`] writes for a state.
pub const N_OBSERVABLES: usize = 5;

/// Means of the energy `E` and of the magnetisation `m = Σ_i x_i / N`, and of their powers.
///
/// ```
/// use gibbsian_classical::ising::SpinMeans;
/// use gibbsian_classical::{Boundary, Graph, Ising};
/// use ndarray::{Axis, array};
///
/// let pair = Ising::uniform(Graph::lattice(&[2], Boundary::Open)?, 0.5, 0.0)?;
/// let observed = pair.observe(array![[1.0, 1.0], [1.0, -1.0]].view());
/// let means = SpinMeans::of(observed.mean_axis(Axis(0)).unwrap().view());
/// assert_eq!((means.energy, means.energy_variance()), (0.0, 0.25));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpinMeans {
    /// `⟨E⟩`, in units of the temperature.
    pub energy: f64,
    /// `⟨E²⟩`.
    pub energy_squared: f64,
    /// `⟨|m|⟩`.
    pub magnetisation: f64,
    /// `⟨m²⟩`.
    pub magnetisation_squared: f64,
    /// `⟨m⁴⟩`.
    pub magnetisation_fourth: f64,
}

impl SpinMeans {
    /// The means in the order of [`Ising::observe`].
    ///
    /// # Panics
    /// When there are not five.
    pub fn of(means: ArrayView1<f64>) -> Self {
        assert_eq!(means.len(), N_OBSERVABLES, "the number of means");
        SpinMeans {
            energy: means[0],
            energy_squared: means[1],
            magnetisation: means[2],
            magnetisation_squared: means[3],
            magnetisation_fourth: means[4],
        }
    }

    /// `Var E = ⟨E²⟩ − ⟨E⟩²`: the heat capacity in units of `k_B`.
    pub fn energy_variance(&self) -> f64 {
        self.energy_squared - self.energy * self.energy
    }

    /// `N (⟨m²⟩ − ⟨|m|⟩²)`, the susceptibility in units of the inverse temperature, `∂m/∂h` in one phase.
    ///
    /// Above the critical temperature, where there is one phase, `∂m/∂h` is `N ⟨m²⟩`, larger by the factor `1/(1 − 2/π)` in the limit.
    pub fn susceptibility(&self, n_sites: usize) -> f64 {
        n_sites as f64 * (self.magnetisation_squared - self.magnetisation * self.magnetisation)
    }

    /// Binder's cumulant `1 − ⟨m⁴⟩ / 3⟨m²⟩²`: 0 for normal `m`, 2/3 for `m` of one magnitude (Binder 1981).
    pub fn binder_cumulant(&self) -> f64 {
        1.0 - self.magnetisation_fourth / (3.0 * self.magnetisation_squared * self.magnetisation_squared)
    }
}

impl Ising {
    /// `E`, `E²`, `|m|`, `m²` and `m⁴` of every row, `(B, 5)`.
    pub fn observe(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros((x.nrows(), N_OBSERVABLES));
        let energies = self.energy(x);
        for ((x, energy), mut out) in x.rows().into_iter().zip(energies).zip(out.rows_mut()) {
            let m = x.sum() / x.len() as f64;
            let values = [energy, energy * energy, m.abs(), m * m, m.powi(4)];
            out.assign(&ArrayView1::from(&values));
        }
        out
    }
}
