//! Targets and tests that the kernels of continuous spaces share.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::{Acceptance, Density, Energy, Kernel, Potential, Score, Seed, Space};
use gibbsian_samplers::Metric;
use gibbsian_testkit::stats::{self, Test};
use gibbsian_testkit::targets::{Gaussian, Mixture};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// A correlated normal target on three coordinates.
pub fn correlated() -> Gaussian {
    Gaussian::new(
        array![1.0, -2.0, 0.5],
        array![[2.0, 0.0, 0.0], [-0.8, 1.0, 0.0], [0.3, 0.2, 1.5]],
    )
    .unwrap()
}

/// The same kind of target with other parameters.
pub fn other() -> Gaussian {
    Gaussian::new(
        array![0.0, 0.5, -0.5],
        array![[1.0, 0.0, 0.0], [0.1, 0.7, 0.0], [-0.2, 0.3, 0.9]],
    )
    .unwrap()
}

/// Metrics of each kind for three coordinates.
pub fn metrics() -> [Metric; 3] {
    [
        Metric::Identity,
        Metric::diagonal(array![0.5, 1.5, 0.8]).unwrap(),
        Metric::dense(array![[0.8, 0.5, -0.1], [0.5, 1.4, -0.2], [-0.1, -0.2, 0.7]].view()).unwrap(),
    ]
}

/// `N(0, I)`, coordinate by coordinate.
pub struct Standard(pub usize);

impl Space for Standard {
    fn dim(&self) -> usize {
        self.0
    }
}

impl Energy for Standard {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.0, x, &out);
        for (x, e) in x.rows().into_iter().zip(&mut out) {
            *e = 0.5 * x.dot(&x);
        }
    }
}

impl Score for Standard {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.zip_mut_with(&x, |s, x| *s = -x);
    }
}

impl Potential for Standard {}

impl Density for Standard {
    fn log_z(&self) -> f64 {
        0.5 * self.0 as f64 * std::f64::consts::TAU.ln()
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        Array2::from_shape_simple_fn((n, self.0), || rng.sample(StandardNormal))
    }
}

/// Two modes of different weight and width in the plane.
pub fn two_modes() -> Mixture {
    Mixture::new(
        array![0.7, 0.3],
        array![[-1.0, 0.5], [1.5, -0.5]],
        array![0.8, 0.5],
    )
    .unwrap()
}

/// A standard normal density cut off at `|x| = 2`, on one coordinate. Beyond, the energy is `beyond` and the score NaN.
pub struct Cut {
    pub beyond: f64,
}

impl Space for Cut {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for Cut {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(1, x, &out);
        for (x, e) in x.iter().zip(&mut out) {
            *e = if x.abs() <= 2.0 { 0.5 * x * x } else { self.beyond };
        }
    }
}

impl Score for Cut {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (x, s) in x.iter().zip(&mut out) {
            *s = if x.abs() <= 2.0 { -x } else { f64::NAN };
        }
    }
}

impl Potential for Cut {}

/// `E = x⁴/4` on one coordinate: no step of an unadjusted scheme is stable far from the origin.
pub struct Quartic;

impl Space for Quartic {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for Quartic {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (x, e) in x.iter().zip(&mut out) {
            *e = 0.25 * x.powi(4);
        }
    }
}

impl Score for Quartic {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&x.mapv(|x| -x.powi(3)));
    }
}

impl Potential for Quartic {}

/// Positions after `n_steps` from the rows of `x`, and everything that was counted.
pub fn run<T, K>(
    kernel: &K,
    target: &T,
    x: Array2<f64>,
    n_steps: usize,
    seed: Seed,
) -> (Array2<f64>, Acceptance)
where
    K: Kernel<T, Info = Acceptance>,
{
    let mut state = kernel.init(target, x).unwrap();
    let mut rng = seed.rng();
    let total = (0..n_steps)
        .map(|_| kernel.step(target, &mut state, &mut rng))
        .sum();
    (kernel.positions(&state).into_owned(), total)
}

/// Tests of the means and the covariances of independent rows of a normal law. A product of two centred coordinates has
/// variance `C_ii C_jj + C_ij²`.
pub fn normal_moments(
    name: &str,
    x: &Array2<f64>,
    mean: &Array1<f64>,
    covariance: &Array2<f64>,
) -> Vec<Test> {
    let n = x.nrows() as f64;
    let centred = x - mean;
    let second = centred.t().dot(&centred) / n;
    let mut tests = Vec::new();
    for i in 0..mean.len() {
        let error = (covariance[[i, i]] / n).sqrt();
        let found = centred.column(i).sum() / n;
        tests.push(stats::z_test(&format!("{name}: mean {i}"), found, 0.0, error));
        for j in 0..=i {
            let c = covariance[[i, j]];
            let error = ((covariance[[i, i]] * covariance[[j, j]] + c * c) / n).sqrt();
            tests.push(stats::z_test(
                &format!("{name}: covariance {i}, {j}"),
                second[[i, j]],
                c,
                error,
            ));
        }
    }
    tests
}

/// The symmetric 3 × 3 or smaller inverse, by Gauss–Jordan elimination without pivoting.
pub fn inverse(a: &Array2<f64>) -> Array2<f64> {
    let n = a.nrows();
    let (mut a, mut b) = (a.clone(), Array2::eye(n));
    for k in 0..n {
        let pivot = a[[k, k]];
        a.row_mut(k).mapv_inplace(|v| v / pivot);
        b.row_mut(k).mapv_inplace(|v| v / pivot);
        for i in (0..n).filter(|&i| i != k) {
            let factor = a[[i, k]];
            let (a_k, b_k) = (a.row(k).to_owned(), b.row(k).to_owned());
            a.row_mut(i).scaled_add(-factor, &a_k);
            b.row_mut(i).scaled_add(-factor, &b_k);
        }
    }
    b
}
