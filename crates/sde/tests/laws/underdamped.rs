//! Langevin diffusion of positions and velocities: closed forms, exact mixtures, and the way back.

use gibbsian_core::process::{Clock, FunctionClock, SteadyClock};
use gibbsian_core::{At, Energy, Score};
use gibbsian_sde::{EulerMaruyama, LinearSde, PhaseMixture, Reversed, Sde, TimeGrid, UnderdampedLangevin};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::line::order;
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, array};

use crate::affine::law_at_end;
use crate::linear::{covariance_is_of_the_noise, integrated, largest};

const MASS: f64 = 0.25;

fn rising() -> impl Clock + Copy {
    FunctionClock::new(1.0, |t| (t * (1.0 + 3.0 * t), 1.0 + 6.0 * t)).unwrap()
}

/// Critically damped, swinging, and creeping.
fn three_frictions<C: Clock + Copy>(clock: C) -> [UnderdampedLangevin<C>; 3] {
    [
        UnderdampedLangevin::critically_damped(1, MASS, clock).unwrap(),
        UnderdampedLangevin::new(1, MASS, 0.3, clock).unwrap(),
        UnderdampedLangevin::new(1, MASS, 4.0, clock).unwrap(),
    ]
}

/// The same equation with matrices.
fn matrices<C: Clock + Copy>(process: &UnderdampedLangevin<C>) -> LinearSde<C> {
    let (mass, friction) = (process.mass(), process.friction());
    let drift = array![[0.0, 1.0 / mass], [-1.0, -friction / mass]];
    let noise = array![[0.0], [(2.0 * friction).sqrt()]];
    LinearSde::new(drift, noise, *process.clock()).unwrap()
}

fn matrix(a: [[f64; 2]; 2]) -> Array2<f64> {
    Array2::from_shape_fn((2, 2), |(i, j)| a[i][j])
}

#[test]
fn transitions_solve_the_equations_of_the_moments() {
    for process in three_frictions(rising()) {
        let equation = matrices(&process);
        let (drift, noise) = (equation.drift().to_owned(), equation.noise().to_owned());
        for (s, t) in [(0.0, 1.0), (0.3, 0.5)] {
            let found = process.transition(s, t);
            let (gain, covariance) = integrated(&drift, &noise, process.clock(), (s, t), 20_000);
            // (‖βA‖ h)⁴ ≈ (120/20000)⁴, with a factor of 1/120 in the error of a step.
            assert!(largest(&(matrix(found.gain) - gain)) < 1e-10);
            assert!(largest(&(matrix(found.covariance) - covariance)) < 1e-10);
        }
    }
}

#[test]
fn the_closed_form_keeps_its_digits_from_the_shortest_to_the_longest_times() {
    let clock = SteadyClock::new(1.0, 100.0).unwrap();
    let process = UnderdampedLangevin::critically_damped(1, MASS, clock).unwrap();
    let equation = matrices(&process);
    for t in [1e-12, 1e-6, 1e-3, 0.1, 0.4, 0.499, 0.501, 0.6, 1.0, 3.0] {
        let (found, expected) = (process.transition(0.0, t), equation.transition(0.0, t));
        for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            // 1 − τ vanishes at τ = 1; everything else is of the size of its terms.
            let (gain, covariance) = (expected.gain[[i, j]], expected.covariance[[i, j]]);
            assert!(
                (found.gain[i][j] - gain).abs() < 4e-15 * (1.0 + gain.abs()),
                "Φ{i}{j} at {t}"
            );
            // Σ_xv vanishes at late times, where the recursion has it as a difference of numbers of the size of the deviations' product.
            let size = (expected.covariance[[i, i]] * expected.covariance[[j, j]]).sqrt();
            assert!(
                (found.covariance[i][j] - covariance).abs() < 1e-13 * size,
                "Σ{i}{j} at {t}: {:e} instead of {covariance:e}",
                found.covariance[i][j]
            );
        }
    }
    // Leading order: 2Γ/M² t³/3, Γ/M t² and 2Γ t, with Γ = 2√M.
    let (t, friction) = (1e-9, 1.0);
    let early = process.transition(0.0, t).covariance;
    for (found, leading) in [
        (early[0][0], 2.0 * friction / (MASS * MASS) * t * t * t / 3.0),
        (early[0][1], friction / MASS * t * t),
        (early[1][1], 2.0 * friction * t),
    ] {
        assert!(
            (found / leading - 1.0).abs() < 1e-7,
            "{found:e} instead of {leading:e}"
        );
    }
    let late = process.transition(0.0, 100.0).covariance;
    assert_eq!(late[0][0], 1.0);
    assert_eq!(late[1][1], MASS);
}

#[test]
fn the_stationary_law_has_unit_positions_and_velocities_of_the_mass() {
    for process in three_frictions(rising()) {
        let stationary = matrices(&process).stationary_covariance().unwrap();
        let expected = Array2::from_diag(&array![1.0, MASS]);
        assert!(largest(&(&stationary - &expected)) < 1e-14, "{stationary}");
        let kept = process.transition(0.1, 0.7).covariance_from(1.0, MASS);
        // An exponential is off by the rounding of its exponent, ‖A‖ b, with ‖A‖ = (1 + Γ)/M.
        let exponent = (1.0 + process.friction()) / MASS * process.clock().elapsed(0.1, 0.7);
        let allowed = 4.0 * f64::EPSILON * (1.0 + exponent);
        assert!(largest(&(matrix(kept) - expected)) < allowed);
    }
}

#[test]
fn the_equation_is_the_one_with_matrices() {
    for process in three_frictions(rising()) {
        let equation = matrices(&process);
        covariance_is_of_the_noise(&process, 0.4);
        let (x, t) = (array![[0.3, -1.0], [2.0, 0.7]], array![0.2, 0.9]);
        let (mut found, mut expected) = (Array2::zeros((2, 2)), Array2::zeros((2, 2)));
        process.drift_into(x.view(), t.view(), found.view_mut());
        equation.drift_into(x.view(), t.view(), expected.view_mut());
        assert!(largest(&(&found - &expected)) < 1e-13);
        let w = array![[0.5], [-1.5]];
        process.diffuse_into(x.view(), t.view(), w.view(), found.view_mut());
        equation.diffuse_into(x.view(), t.view(), w.view(), expected.view_mut());
        assert!(largest(&(&found - &expected)) < 1e-14);
    }
    // Pairs do not mix, and positions come first.
    let process = UnderdampedLangevin::critically_damped(2, MASS, rising()).unwrap();
    let mut out = Array2::zeros((1, 4));
    let x = array![[1.0, 0.0, 0.0, 2.0]];
    process.drift_into(x.view(), array![0.0].view(), out.view_mut());
    assert_eq!(out, array![[0.0, 8.0, -1.0, -8.0]]);
    process.diffuse_into(
        x.view(),
        array![0.0].view(),
        array![[1.0, -2.0]].view(),
        out.view_mut(),
    );
    let size = 2.0_f64.sqrt();
    assert_eq!(out, array![[0.0, 0.0, size, -2.0 * size]]);
    covariance_is_of_the_noise(&process, 0.9);
}

/// Two modes in two dimensions, with velocities.
pub fn mixture() -> PhaseMixture<impl Clock + Copy> {
    let process = UnderdampedLangevin::critically_damped(2, MASS, rising()).unwrap();
    let means = array![[-1.0, 0.5], [1.5, 0.0]];
    PhaseMixture::new(process, array![1.0, 3.0], means, array![0.5, 0.3], 0.04 * MASS).unwrap()
}

#[test]
fn the_score_of_a_mixture_is_that_of_its_energy() -> Verdict {
    let mixture = mixture();
    let x = array![
        [0.3, -0.2, 0.1, 0.0],
        [1.5, 0.1, -0.2, 0.3],
        [-3.0, 2.0, 1.0, -1.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.2, 0.1, 0.5, -0.4],
    ];
    let t = array![0.0, 0.05, 0.4, 1.0, 0.4];
    conformance::time_energy(&mixture, x.view(), t.view(), Precision::DOUBLE)?;
    conformance::time_score(&mixture, x.view(), t.view(), Precision::DOUBLE)?;
    conformance::time_potential(&mixture, x.view(), t.view(), Precision::DOUBLE)
}

#[test]
fn a_mixture_is_the_mixture_of_its_moved_components() {
    // One component at a time, against the normal law whose moments solve their equations.
    let process = UnderdampedLangevin::critically_damped(1, MASS, rising()).unwrap();
    let (mean, deviation, start) = (1.2, 0.4, 0.01);
    let single = PhaseMixture::new(process, array![2.0], array![[mean]], array![deviation], start).unwrap();
    let equation = matrices(&process);
    let t = 0.37;
    let (gain, fed) = integrated(
        &equation.drift().to_owned(),
        &equation.noise().to_owned(),
        process.clock(),
        (0.0, t),
        20_000,
    );
    let covariance = gain
        .dot(&Array2::from_diag(&array![deviation * deviation, start]))
        .dot(&gain.t())
        + fed;
    let centre = gain.dot(&array![mean, 0.0]);
    let det = covariance[[0, 0]] * covariance[[1, 1]] - covariance[[0, 1]].powi(2);
    let x = array![[0.4, -0.3], [1.0, 0.2]];
    let times = Array1::from_elem(2, t);
    let model = At::new(&single, times.view());
    let energy = model.energy(x.view());
    let score = model.score(x.view());
    for (b, point) in x.rows().into_iter().enumerate() {
        let (p, v) = (point[0] - centre[0], point[1] - centre[1]);
        let (xx, xv, vv) = (
            covariance[[1, 1]] / det,
            -covariance[[0, 1]] / det,
            covariance[[0, 0]] / det,
        );
        let expected = 0.5 * (xx * p * p + 2.0 * xv * p * v + vv * v * v)
            + 0.5 * det.ln()
            + (2.0 * std::f64::consts::PI).ln();
        assert!(
            (energy[b] - expected).abs() < 1e-8,
            "{} instead of {expected}",
            energy[b]
        );
        assert!((score[[b, 0]] + xx * p + xv * v).abs() < 1e-7);
        assert!((score[[b, 1]] + xv * p + vv * v).abs() < 1e-7);
    }
    // Two equal halves are the whole.
    let halves = PhaseMixture::new(
        process,
        array![0.7, 0.1],
        array![[mean], [mean]],
        array![deviation, deviation],
        start,
    )
    .unwrap();
    let again = At::new(&halves, times.view()).energy(x.view());
    assert!((again - energy).iter().all(|e| e.abs() < 1e-14));
}

#[test]
fn transitions_compose() {
    for process in three_frictions(rising()) {
        for (s, u, t) in [(0.0, 0.2, 1.0), (0.1, 0.1001, 0.5), (0.0, 1e-6, 2e-6)] {
            let (first, second, whole) = (
                process.transition(s, u),
                process.transition(u, t),
                process.transition(s, t),
            );
            let (gain, carried) = (matrix(second.gain), matrix(first.covariance));
            let covariance = gain.dot(&carried).dot(&gain.t()) + matrix(second.covariance);
            let expected = matrix(whole.covariance);
            let allowed = 8.0 * f64::EPSILON * (1.0 + (1.0 + process.friction()) / MASS * 4.0);
            for ((i, j), &found) in covariance.indexed_iter() {
                let size = (expected[[i, i]] * expected[[j, j]]).sqrt();
                assert!(
                    (found - expected[[i, j]]).abs() <= allowed * size,
                    "Σ{i}{j} at {s}, {u}, {t}"
                );
            }
            let error = gain.dot(&matrix(first.gain)) - matrix(whole.gain);
            assert!(
                largest(&error) <= allowed * largest(&matrix(whole.gain)),
                "Φ at {s}, {u}, {t}"
            );
        }
    }
}

#[test]
fn the_way_back_recovers_normal_data_with_order_one() {
    let clock = SteadyClock::new(4.0, 1.0).unwrap();
    let process = UnderdampedLangevin::critically_damped(1, MASS, clock).unwrap();
    let (mean, deviation, velocity_variance) = (0.8, 0.6, 0.1);
    let score = PhaseMixture::new(
        process,
        array![1.0],
        array![[mean]],
        array![deviation],
        velocity_variance,
    )
    .unwrap();
    let all = process.transition(0.0, 1.0);
    let start = || {
        (
            array![all.gain[0][0] * mean, all.gain[1][0] * mean],
            matrix(all.covariance_from(deviation * deviation, velocity_variance)),
        )
    };
    let exact = Array2::from_diag(&array![deviation * deviation, velocity_variance]);
    for stochasticity in [1.0, 0.0, 0.5] {
        let reverse = Reversed::new(process, score.clone())
            .unwrap()
            .with_stochasticity(stochasticity)
            .unwrap();
        covariance_is_of_the_noise(&reverse, 0.6);
        let sizes = [2048, 4096, 8192];
        let (mut means, mut covariances) = (Vec::new(), Vec::new());
        for n_steps in sizes {
            let grid = TimeGrid::uniform(1.0, 0.0, n_steps).unwrap();
            let (found, covariance) = law_at_end(&EulerMaruyama, &reverse, &grid, start());
            means.push((found - array![mean, 0.0]).fold(0.0, |m: f64, e| m.max(e.abs())));
            covariances.push(largest(&(covariance - &exact)));
        }
        let steps = sizes.map(|n| 1.0 / n as f64);
        order(&steps, &means)
            .within("order of the mean", 1.0, 0.01)
            .unwrap();
        order(&steps, &covariances)
            .within("order of the covariance", 1.0, 0.01)
            .unwrap();
        assert!(covariances[2] < 0.01, "{}", covariances[2]);
    }
}

#[test]
fn what_is_no_langevin_diffusion_is_refused() {
    let clock = SteadyClock::new(1.0, 1.0).unwrap();
    let message = |e: gibbsian_core::Error| e.to_string();
    assert_eq!(
        message(UnderdampedLangevin::new(0, 1.0, 1.0, clock).unwrap_err()),
        "`position_dim` is 0, but must be at least 1"
    );
    assert_eq!(
        message(UnderdampedLangevin::critically_damped(1, -1.0, clock).unwrap_err()),
        "`mass` is -1, but must be finite and greater than zero"
    );
    assert_eq!(
        message(UnderdampedLangevin::new(1, 1.0, f64::NAN, clock).unwrap_err()),
        "`friction` is NaN, but must be finite and greater than zero"
    );
    let process = UnderdampedLangevin::critically_damped(2, 1.0, clock).unwrap();
    let refused = |weights: Array1<f64>, means: Array2<f64>, deviations: Array1<f64>, variance: f64| {
        message(PhaseMixture::new(process, weights, means, deviations, variance).unwrap_err())
    };
    let (one, two) = (array![1.0], array![[0.0, 0.0]]);
    assert_eq!(
        refused(one.clone(), array![[0.0]], one.clone(), 1.0),
        "`means` has shape [1, 1], but must have shape [1, 2]"
    );
    assert!(refused(Array1::zeros(0), Array2::zeros((0, 2)), Array1::zeros(0), 1.0).contains("`weights`"));
    assert!(refused(array![-1.0], two.clone(), one.clone(), 1.0).contains("`weights[0]` is -1"));
    assert!(refused(one.clone(), two.clone(), array![0.0], 1.0).contains("`deviations[0]` is 0"));
    assert!(refused(one.clone(), array![[0.0, f64::NAN]], one.clone(), 1.0).contains("`means[0, 1]`"));
    assert!(refused(one.clone(), two, one, 0.0).contains("`velocity_variance` is 0"));
}
