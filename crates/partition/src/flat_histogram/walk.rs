//! A chain of single-site moves with weights that are a function of the energy.

use gibbsian_core::{DiscreteEnergy, Error, Result, StreamRng};
use ndarray::{Array2, s};
use rand::RngExt;

/// A state and its energy.
#[derive(Clone, Debug)]
pub(super) struct Walker {
    x: Array2<f64>,
    pub energy: f64,
    deltas: Array2<f64>,
    /// Moves since the energy was last computed from the state.
    age: u32,
}

impl Walker {
    /// A walker at a uniformly drawn state.
    pub fn start<M: DiscreteEnergy + ?Sized>(model: &M, rng: &mut StreamRng) -> Result<Self> {
        let most = (0..model.dim()).map(|site| model.alphabet(site).len()).max();
        let x = Array2::from_shape_fn((1, model.dim()), |(_, site)| {
            let alphabet = model.alphabet(site);
            alphabet[rng.random_range(0..alphabet.len())]
        });
        let energy = model.energy(x.view())[0];
        if !energy.is_finite() {
            return Err(Error::non_finite(
                "energy",
                energy,
                format!("at the state {}", x.row(0)),
            ));
        }
        Ok(Walker {
            x,
            energy,
            deltas: Array2::zeros((1, most.unwrap_or(0))),
            age: 0,
        })
    }

    /// One move: a uniform symbol at a uniform site, taken with probability `min(1, g(E)/g(E'))`.
    pub fn advance<M: DiscreteEnergy + ?Sized>(
        &mut self,
        model: &M,
        log_g: impl Fn(f64) -> f64,
        rng: &mut StreamRng,
    ) -> Result<()> {
        /// Rounding of sums of differences is wiped off this often.
        const MOST_AGE: u32 = 10_000;
        let site = rng.random_range(0..model.dim());
        let alphabet = model.alphabet(site);
        let k = rng.random_range(0..alphabet.len());
        let mut deltas = self.deltas.slice_mut(s![.., ..alphabet.len()]);
        model.site_deltas_into(self.x.view(), site, deltas.view_mut());
        let delta = deltas[[0, k]];
        if !delta.is_finite() {
            return Err(Error::non_finite(
                format!("energy difference at site {site}"),
                delta,
                format!("on the way to the symbol {}", alphabet[k]),
            ));
        }
        let proposed = self.energy + delta;
        if rng.random::<f64>().ln() < log_g(self.energy) - log_g(proposed) {
            self.x[[0, site]] = alphabet[k];
            self.energy = proposed;
        }
        self.age += 1;
        if self.age == MOST_AGE {
            self.age = 0;
            self.energy = model.energy(self.x.view())[0];
        }
        Ok(())
    }
}
