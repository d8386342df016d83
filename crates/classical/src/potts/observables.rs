//! What is measured of colours, and what follows from its means.
//!
//! Let `ρ_a` be the share of the sites that have the colour `a`. The shares are a point in a simplex, whose centre is disorder and whose corners are the ordered states, and the order
//! parameter is the distance from the centre in units of that of a corner,
//!
//! `m² = (q Σ_a ρ_a² − 1) / (q − 1)`.
//!
//! Of two colours this is the magnetisation of Ising spins, `m = |ρ_1 − ρ_0|`. The other definition in use, `(q max_a ρ_a − 1) / (q − 1)`, is the same where one colour is frequent and the others
//! are equally rare, as in the ordered phase of a large lattice (Wu 1982, "The Potts model", section I.D); this one has the square that pairs of sites know,
//! `⟨m²⟩ = (q Σ_ij P(x_i = x_j) / N² − 1) / (q − 1)`, and treats all directions away from disorder alike.

use gibbsian_core::Energy;
use ndarray::{Array2, ArrayView1, ArrayView2};

use super::{Potts, colour};

/// The number of quantities that [`Potts::observe`] writes for a state.
pub const N_COLOUR_OBSERVABLES: usize = 5;

/// Means of the energy `E` and of the order parameter `m`, and of their powers.
///
/// ```
/// use gibbsian_classical::potts::ColourMeans;
/// use gibbsian_classical::{Boundary, Graph, Potts};
/// use ndarray::{Axis, array};
///
/// let ring = Potts::uniform(Graph::lattice(&[3], Boundary::Periodic)?, 3, 1.0)?;
/// // All of one colour, and one of each.
/// let observed = ring.observe(array![[2.0, 2.0, 2.0], [0.0, 1.0, 2.0]].view());
/// let means = ColourMeans::of(observed.mean_axis(Axis(0)).unwrap().view());
/// assert_eq!((means.energy, means.order), (-1.5, 0.5));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColourMeans {
    /// `⟨E⟩`, in units of the temperature.
    pub energy: f64,
    /// `⟨E²⟩`.
    pub energy_squared: f64,
    /// `⟨m⟩`.
    pub order: f64,
    /// `⟨m²⟩`.
    pub order_squared: f64,
    /// `⟨m⁴⟩`.
    pub order_fourth: f64,
}

impl ColourMeans {
    /// The means in the order of [`Potts::observe`].
    ///
    /// # Panics
    /// When there are not five.
    pub fn of(means: ArrayView1<f64>) -> Self {
        assert_eq!(means.len(), N_COLOUR_OBSERVABLES, "the number of means");
        ColourMeans {
            energy: means[0],
            energy_squared: means[1],
            order: means[2],
            order_squared: means[3],
            order_fourth: means[4],
        }
    }

    /// `Var E = ⟨E²⟩ − ⟨E⟩²`: the heat capacity in units of `k_B`.
    pub fn energy_variance(&self) -> f64 {
        self.energy_squared - self.energy * self.energy
    }

    /// `N (⟨m²⟩ − ⟨m⟩²)`, the susceptibility of the order parameter in one phase; where there is no order, it is `N ⟨m²⟩`.
    pub fn susceptibility(&self, n_sites: usize) -> f64 {
        n_sites as f64 * (self.order_squared - self.order * self.order)
    }

    /// Binder's cumulant `1 − (q − 1) ⟨m⁴⟩ / (q + 1) ⟨m²⟩²`: 0 where the shares are normal, `2/(q + 1)` where `m` has one magnitude.
    ///
    /// A normal vector of `q − 1` components has `⟨m⁴⟩/⟨m²⟩² = (q + 1)/(q − 1)`. Of two colours this is
    /// [`SpinMeans::binder_cumulant`](crate::ising::SpinMeans::binder_cumulant).
    pub fn binder_cumulant(&self, n_colours: usize) -> f64 {
        let q = n_colours as f64;
        1.0 - (q - 1.0) / (q + 1.0) * self.order_fourth / (self.order_squared * self.order_squared)
    }
}

impl Potts {
    /// `E`, `E²`, `m`, `m²` and `m⁴` of every row, `(B, 5)`.
    ///
    /// Means of the columns over chains are what [`ColourMeans`] are made of. A row with a value that is no colour has the energy that [`Energy`] says, and NaN for its order.
    pub fn observe(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros((x.nrows(), N_COLOUR_OBSERVABLES));
        let energies = self.energy(x);
        for ((x, energy), mut out) in x.rows().into_iter().zip(energies).zip(out.rows_mut()) {
            let squared = self.order_squared(x);
            let values = [
                energy,
                energy * energy,
                squared.sqrt(),
                squared,
                squared * squared,
            ];
            out.assign(&ArrayView1::from(&values));
        }
        out
    }

    fn order_squared(&self, x: ArrayView1<f64>) -> f64 {
        let mut counts = vec![0usize; self.n_colours()];
        for &value in x {
            match colour(value, self.n_colours()) {
                Some(colour) => counts[colour] += 1,
                None => return f64::NAN,
            }
        }
        // (q Σ ρ² − 1)/(q − 1) = Σ (qρ − 1)² / q(q − 1), a sum of squares that is zero where all shares are equal.
        let (n, q) = (x.len() as f64, self.n_colours() as f64);
        let away = counts.iter().map(|&c| (q * c as f64 / n - 1.0).powi(2));
        away.sum::<f64>() / (q * (q - 1.0))
    }
}
