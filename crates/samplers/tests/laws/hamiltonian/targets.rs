//! Targets with exact draws and known distribution functions, and targets that are broken.

use gibbsian_core::{Density, Energy, Potential, Score, Seed, Space};
use gibbsian_testkit::targets::{Gaussian, Mixture};
use ndarray::{Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};
use rand::{Rng, RngExt};

/// The logistic law, `p(x) = e^{−x}/(1 + e^{−x})²`: tails much heavier than a normal's.
pub struct Logistic;

impl Logistic {
    pub fn cdf(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }
}

impl Space for Logistic {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for Logistic {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (x, e) in x.iter().zip(&mut out) {
            *e = x.abs() + 2.0 * (-x.abs()).exp().ln_1p();
        }
    }
}

impl Score for Logistic {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (x, s) in x.iter().zip(&mut out) {
            *s = -(0.5 * x).tanh();
        }
    }
}

impl Potential for Logistic {}

impl Density for Logistic {
    fn log_z(&self) -> f64 {
        0.0
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        Array2::from_shape_simple_fn((n, 1), || {
            let u: f64 = rng.random();
            (u / (1.0 - u)).ln()
        })
    }
}

/// Two correlated coordinates of different scales.
pub fn correlated() -> Gaussian {
    Gaussian::new(array![1.0, -2.0], array![[1.5, 2.4], [2.4, 6.0]]).unwrap()
}

/// Two modes.
pub fn two_modes() -> Mixture {
    let means = array![[-1.3, 0.0], [1.1, 0.8]];
    Mixture::new(array![0.3, 0.7], means, array![0.6, 0.8]).unwrap()
}

/// The standard normal law where `|x| < wall`; beyond it the energy and the score are what they are told to be.
pub struct Walled {
    pub wall: f64,
    pub energy: f64,
    pub score: f64,
}

impl Space for Walled {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for Walled {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (x, e) in x.iter().zip(&mut out) {
            *e = if x.abs() < self.wall {
                0.5 * x * x
            } else {
                self.energy
            };
        }
    }
}

impl Score for Walled {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (x, s) in x.iter().zip(&mut out) {
            *s = if x.abs() < self.wall { -x } else { self.score };
        }
    }
}

impl Potential for Walled {}

/// Independent draws, by inversion of nothing: those that fall outside are drawn again.
pub fn inside(wall: f64, n: usize, seed: Seed) -> Array2<f64> {
    let mut rng = seed.rng();
    Array2::from_shape_simple_fn((n, 1), || {
        loop {
            let x: f64 = rng.sample(rand_distr::StandardNormal);
            if x.abs() < wall {
                break x;
            }
        }
    })
}
