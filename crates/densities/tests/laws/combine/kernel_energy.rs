//! Kernel exponential families: their derivatives, and score matching in closed form against families that hold the truth.

use gibbsian_core::{Density, Energy, ParametricMut, Score, ScoreJvp, Seed, Space};
use gibbsian_densities::quadrature::{Domain, QuadratureOptions, numeric_log_z};
use gibbsian_densities::{KernelEnergy, KernelPenalty, MultivariateNormal, Normal};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, array};

use crate::combine::support::normals;

const NONE: KernelPenalty = KernelPenalty {
    smoothness: 0.0,
    ridge: 0.0,
};

fn base() -> MultivariateNormal {
    MultivariateNormal::from_covariance(array![0.3, -0.2], array![[1.5, 0.4], [0.4, 0.8]]).unwrap()
}

/// Bends that are not small.
fn bent() -> KernelEnergy<MultivariateNormal> {
    let mut energy = KernelEnergy::new(base(), normals((7, 2), Seed::new(5)), 0.9).unwrap();
    energy
        .set_params(array![1.5, -2.0, 0.7, 1.0, -0.4, 2.5, -1.2].view())
        .unwrap();
    energy
}

#[test]
fn conforms() {
    let (mut energy, x) = (bent(), normals((6, 2), Seed::new(2)));
    assert_eq!(energy.dim(), 2);
    conformance::energy(&energy, x.view(), Precision::DOUBLE).unwrap();
    conformance::score(&energy, x.view(), Precision::DOUBLE).unwrap();
    conformance::potential(&energy, x.view(), Precision::DOUBLE).unwrap();
    conformance::score_jvp(&energy, x.view(), Precision::DOUBLE).unwrap();
    conformance::parametric(&mut energy).unwrap();
    conformance::energy_pullback(&mut energy, x.view(), Precision::DOUBLE).unwrap();
    conformance::score_pullback(&mut energy, x.view(), Precision::DOUBLE).unwrap();
    conformance::score_jvp_pullback(&mut energy, x.view(), Precision::DOUBLE).unwrap();
}

#[test]
fn without_weights_it_is_its_base() {
    let (energy, x) = (
        KernelEnergy::new(base(), normals((3, 2), Seed::new(1)), 0.5).unwrap(),
        normals((50, 2), Seed::new(2)),
    );
    assert_eq!(energy.energy(x.view()), base().energy(x.view()));
    assert_eq!(energy.score(x.view()), base().score(x.view()));
    assert_eq!(energy.divergence(x.view()), base().divergence(x.view()));
}

/// The points of a grid weighted by the density are the population up to the trapezoidal rule's error, which for analytic densities that vanish at the ends is below rounding. Rounding is multiplied by the condition of the
/// system, some 1e4 for three kernels a deviation apart.
#[test]
fn the_population_of_a_member_is_fitted_by_that_member() {
    let centres = array![[-1.5], [0.0], [1.5]];
    let mut truth = KernelEnergy::new(Normal::new(0.2, 2.0).unwrap(), centres, 1.0).unwrap();
    let weights = array![1.2, -0.8, 2.0];
    truth.set_params(weights.view()).unwrap();
    let grid = Array2::from_shape_fn((4_001, 1), |(i, _)| -20.0 + 0.01 * i as f64);
    let mass = truth.energy(grid.view()).mapv(|e| (-e).exp());
    let blank = KernelEnergy::new(Normal::new(0.2, 2.0).unwrap(), truth.centres().to_owned(), 1.0).unwrap();
    let found = blank.fit_weighted(grid.view(), mass.view(), NONE).unwrap();
    let error = (&found.weights() - &weights).mapv(f64::abs).sum();
    assert!(error < 1e-9, "{error}");
    // Whatever the weights were before.
    let again = truth
        .fit_weighted(grid.view(), (&mass * 3.0).view(), NONE)
        .unwrap();
    assert!((&again.weights() - &weights).mapv(f64::abs).sum() < 1e-9);
}

/// `½⟨‖s‖²⟩ + ⟨tr ∂s⟩` and the penalty, written down once more.
fn objective(energy: &KernelEnergy<MultivariateNormal>, x: &Array2<f64>, penalty: KernelPenalty) -> f64 {
    let score = energy.score(x.view());
    let n = x.nrows() as f64;
    let fit = (0.5 * (&score * &score).sum() + energy.divergence(x.view()).sum()) / n;
    let (z, alpha) = (energy.centres(), energy.weights());
    let mut norm = 0.0;
    for (a, z_a) in alpha.iter().zip(z.rows()) {
        for (b, z_b) in alpha.iter().zip(z.rows()) {
            let square: f64 = (&z_a - &z_b).iter().map(|d| d * d).sum();
            norm += a * b * (-square / (2.0 * 0.9 * 0.9)).exp();
        }
    }
    fit + 0.5 * penalty.smoothness * norm + 0.5 * penalty.ridge * alpha.dot(&alpha)
}

#[test]
fn no_neighbour_of_a_fit_has_a_lower_objective() {
    let x = normals((300, 2), Seed::new(3)) * 1.3;
    for penalty in [
        KernelPenalty {
            smoothness: 0.02,
            ridge: 0.0,
        },
        KernelPenalty {
            smoothness: 0.0,
            ridge: 0.1,
        },
        KernelPenalty {
            smoothness: 0.01,
            ridge: 0.01,
        },
    ] {
        let fit = bent().fit(x.view(), penalty).unwrap();
        let at = objective(&fit, &x, penalty);
        let h = 1e-3;
        for m in 0..7 {
            let moved = |h: f64| {
                let mut other = fit.clone();
                let mut weights = fit.weights().to_owned();
                weights[m] += h;
                other.set_params(weights.view()).unwrap();
                objective(&other, &x, penalty)
            };
            let (up, down) = (moved(h), moved(-h));
            assert!(up > at && down > at, "{m}: {down} {at} {up}");
            // The objective is quadratic, so its central difference is exact up to rounding.
            assert!((up - down).abs() / (2.0 * h) < 1e-9, "{m}: {}", up - down);
        }
    }
}

/// Integrated by parts once, the objective is half the Fisher divergence to the data's law; a rich family follows a law outside of it closer and closer.
#[test]
fn more_kernels_come_nearer_to_two_humps() {
    let humps = gibbsian_densities::GaussianMixture::new(
        array![0.5, 0.5],
        array![[-1.5], [1.5]],
        gibbsian_densities::Covariances::Spherical(array![0.3, 0.3]),
    )
    .unwrap();
    let grid = Array2::from_shape_fn((2_401, 1), |(i, _)| -12.0 + 0.01 * i as f64);
    let mass = humps.log_density(grid.view()).mapv(f64::exp);
    let total = mass.sum();
    let divergences: Vec<f64> = [3, 5, 9, 17]
        .map(|n| {
            let centres = Array1::linspace(-3.0, 3.0, n).insert_axis(ndarray::Axis(1));
            let blank = KernelEnergy::new(Normal::new(0.0, 2.0).unwrap(), centres, 0.8).unwrap();
            let penalty = KernelPenalty {
                smoothness: 0.0,
                ridge: 1e-10,
            };
            let fit = blank.fit_weighted(grid.view(), mass.view(), penalty).unwrap();
            let gap = fit.score(grid.view()) - humps.score(grid.view());
            (&gap.column(0).mapv(|g| g * g) * &mass).sum() / total
        })
        .to_vec();
    assert!(divergences.windows(2).all(|d| d[1] < d[0]), "{divergences:?}");
    // A density all the same: it has an integral.
    let fit = KernelEnergy::new(Normal::new(0.0, 2.0).unwrap(), array![[0.0]], 0.8).unwrap();
    let fit = fit.fit_weighted(grid.view(), mass.view(), NONE).unwrap();
    assert!(numeric_log_z(&fit, &Domain::whole(1).unwrap(), QuadratureOptions::default()).is_ok());
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let centres = normals((3, 2), Seed::new(1));
    let refusal = |e: gibbsian_core::Error| e.to_string();
    let e = KernelEnergy::new(base(), Array2::zeros((0, 2)), 1.0).unwrap_err();
    assert!(refusal(e).contains("centres"));
    let e = KernelEnergy::new(base(), normals((3, 1), Seed::new(1)), 1.0).unwrap_err();
    assert!(refusal(e).contains("centres"));
    let e = KernelEnergy::new(base(), centres.clone(), 0.0).unwrap_err();
    assert_eq!(
        refusal(e),
        "`bandwidth` is 0, but must be finite and greater than zero"
    );
    let energy = KernelEnergy::new(base(), centres, 1.0).unwrap();
    let x = normals((10, 2), Seed::new(2));
    let ridge = KernelPenalty {
        smoothness: 0.0,
        ridge: -1.0,
    };
    assert!(refusal(energy.fit(x.view(), ridge).unwrap_err()).contains("ridge"));
    assert!(refusal(energy.fit(Array2::zeros((0, 2)).view(), NONE).unwrap_err()).contains('x'));
    let mut broken = x.clone();
    broken[[3, 1]] = f64::NAN;
    assert!(refusal(energy.fit(broken.view(), NONE).unwrap_err()).contains("x[3, 1]"));
    let e = energy
        .fit_weighted(x.view(), Array1::zeros(10).view(), NONE)
        .unwrap_err();
    assert!(refusal(e).contains("the sum of weights"));
    // Two centres at one place.
    let twice = KernelEnergy::new(base(), array![[0.0, 0.0], [0.0, 0.0]], 1.0).unwrap();
    let e = twice.fit(x.view(), NONE).unwrap_err();
    assert!(refusal(e).contains("the system of score matching"));
    assert!(
        twice
            .fit(
                x.view(),
                KernelPenalty {
                    smoothness: 0.0,
                    ridge: 1e-6
                }
            )
            .is_ok()
    );
}
