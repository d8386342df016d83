//! Matrix-valued Ornstein–Uhlenbeck processes: transitions against the equations of the moments, composition, stationary laws, exact draws.

use gibbsian_core::Seed;
use gibbsian_core::process::{Clock, FunctionClock, LinearGaussian, SteadyClock, VariancePreserving};
use gibbsian_sde::{AdditiveSde, EulerMaruyama, LinearSde, Sde, TimeGrid};
use gibbsian_testkit::stats::line::order;
use gibbsian_testkit::threads::same_on_any_number;
use ndarray::{Array1, Array2, Axis, array};

use crate::affine::law_at_end;

/// The rate rises from 0.5.
fn rising() -> impl Clock + Copy {
    FunctionClock::new(1.0, |t| (t * (0.5 + 1.5 * t), 0.5 + 3.0 * t)).unwrap()
}

/// Three coordinates, two noises, no symmetry.
fn three<C: Clock>(clock: C) -> LinearSde<C> {
    let drift = array![[-1.0, 2.0, 0.0], [-2.0, -0.5, 0.3], [0.7, 0.0, -0.2]];
    let noise = array![[1.0, 0.0], [0.0, 0.0], [0.4, 0.9]];
    LinearSde::new(drift, noise, clock).unwrap()
}

/// `Φ' = β A Φ` and `Σ' = β (A Σ + Σ Aᵀ + Q)` by the classical method of order four.
pub fn integrated(
    drift: &Array2<f64>,
    noise: &Array2<f64>,
    clock: &impl Clock,
    (from, to): (f64, f64),
    n_steps: usize,
) -> (Array2<f64>, Array2<f64>) {
    type Pair = (Array2<f64>, Array2<f64>);
    let fed = noise.dot(&noise.t());
    let slope = |t: f64, (gain, covariance): &Pair| -> Pair {
        let (moved, rate) = (drift.dot(covariance), clock.rate(t));
        (drift.dot(gain) * rate, (&moved + &moved.t() + &fed) * rate)
    };
    let ahead = |(a, b): &Pair, (c, d): &Pair, h: f64| (a + c * h, b + d * h);
    let h = (to - from) / n_steps as f64;
    let mut now = (Array2::eye(drift.nrows()), Array2::zeros(drift.raw_dim()));
    for i in 0..n_steps {
        let t = from + i as f64 * h;
        let k1 = slope(t, &now);
        let k2 = slope(t + 0.5 * h, &ahead(&now, &k1, 0.5 * h));
        let k3 = slope(t + 0.5 * h, &ahead(&now, &k2, 0.5 * h));
        let k4 = slope(t + h, &ahead(&now, &k3, h));
        for (k, weight) in [(k1, 1.0), (k2, 2.0), (k3, 2.0), (k4, 1.0)] {
            now = ahead(&now, &k, weight * h / 6.0);
        }
    }
    now
}

pub fn largest(a: &Array2<f64>) -> f64 {
    a.iter().fold(
        0.0,
        |m: f64, a| if a.abs() > m || a.is_nan() { a.abs() } else { m },
    )
}

#[test]
fn transitions_solve_the_equations_of_the_moments() {
    let equation = three(rising());
    let (drift, noise) = (equation.drift().to_owned(), equation.noise().to_owned());
    for (s, t) in [(0.0, 1.0), (0.2, 0.9), (0.3, 0.31)] {
        let found = equation.transition(s, t);
        let (gain, covariance) = integrated(&drift, &noise, equation.clock(), (s, t), 4000);
        // The method's error is that of (‖βA‖ h)⁴ ≈ (10/4000)⁴.
        assert!(largest(&(&found.gain - &gain)) < 1e-10, "{s} to {t}");
        assert!(largest(&(&found.covariance - &covariance)) < 1e-10, "{s} to {t}");
    }
}

fn table(text: &str) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = text
        .split(';')
        .map(|row| row.split(',').map(|x| x.parse().unwrap()).collect())
        .collect();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

#[test]
fn transitions_agree_with_forty_digit_values() {
    let lines = include_str!("../reference/linear.tsv").lines();
    assert!(lines.clone().count() > 25);
    for line in lines {
        let [drift, noise, time, gain, covariance] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let (drift, t) = (table(drift), time.parse::<f64>().unwrap());
        let (gain, covariance) = (table(gain), table(covariance));
        // What a rounding of the entries of A does to the exponential, several times.
        let exponent = t * drift
            .map_axis(Axis(0), |column| column.mapv(f64::abs).sum())
            .fold(0.0, |m: f64, s| m.max(*s));
        let allowed = 4.0 * f64::EPSILON * (1.0 + exponent);
        let clock = SteadyClock::new(1.0, 100.0).unwrap();
        let found = LinearSde::new(drift, table(noise), clock)
            .unwrap()
            .transition(0.0, t);
        for ((i, j), &expected) in covariance.indexed_iter() {
            // Every variance to its own size, however small beside the others.
            let size = (covariance[[i, i]] * covariance[[j, j]]).sqrt();
            let error = (found.covariance[[i, j]] - expected).abs() / size;
            assert!(
                error <= allowed,
                "Σ[{i}, {j}] after {t}: {:.1} times",
                error / allowed
            );
            let error = (found.gain[[i, j]] - gain[[i, j]]).abs() / largest(&gain);
            assert!(
                error <= allowed,
                "Φ[{i}, {j}] after {t}: {:.1} times",
                error / allowed
            );
        }
    }
}

#[test]
fn transitions_compose() {
    let equation = three(rising());
    let times = [0.0, 1e-4, 0.1, 0.35, 0.8, 1.0];
    for (i, &s) in times.iter().enumerate() {
        for (j, &u) in times.iter().enumerate().skip(i) {
            for &t in &times[j..] {
                let (first, second) = (equation.transition(s, u), equation.transition(u, t));
                let whole = equation.transition(s, t);
                let (_, covariance) = second.moments(Array1::zeros(3).view(), first.covariance.view());
                let gain = second.gain.dot(&first.gain);
                let scale = largest(&whole.covariance);
                assert!(largest(&(gain - &whole.gain)) < 1e-14 * 4.0, "{s}, {u}, {t}");
                assert!(
                    largest(&(covariance - &whole.covariance)) <= 1e-13 * scale,
                    "{s}, {u}, {t}"
                );
            }
        }
    }
}

#[test]
fn one_coordinate_is_the_variance_preserving_process() {
    let clock = FunctionClock::new(1.0, |t| (t * (0.1 + 9.95 * t), 0.1 + 19.9 * t)).unwrap();
    let equation = LinearSde::new(array![[-0.5]], array![[1.0]], clock).unwrap();
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    for (s, t) in [(0.0, 1e-9), (0.0, 0.01), (0.0, 0.3), (0.0, 1.0), (0.2, 0.7)] {
        let (found, expected) = (equation.transition(s, t), process.transition(s, t));
        let (alpha, variance) = (found.gain[[0, 0]], found.covariance[[0, 0]]);
        assert!((alpha / expected.alpha - 1.0).abs() < 1e-14, "{s} to {t}");
        assert!((variance / expected.variance - 1.0).abs() < 1e-14, "{s} to {t}");
    }
    let stationary = equation.stationary_covariance().unwrap()[[0, 0]];
    assert!((stationary - 1.0).abs() < 4.0 * f64::EPSILON);
}

#[test]
fn long_times_neither_overflow_nor_lose_the_stationary_law() {
    let stationary = three(rising()).stationary_covariance().unwrap();
    let equation = three(SteadyClock::new(1.0, 1e6).unwrap());
    let (drift, noise) = (equation.drift(), equation.noise());
    let moved = drift.dot(&stationary);
    let residual = &moved + &moved.t() + noise.dot(&noise.t());
    assert!(largest(&residual) < 1e-14 * 10.0, "{residual}");
    let late = equation.transition(0.0, 1e6);
    assert!(largest(&(&late.covariance - &stationary)) < 1e-14 * largest(&stationary) * 10.0);
    assert!(largest(&late.gain) < 1e-300);
    // What is stationary stays.
    let step = equation.transition(0.0, 0.3);
    let (_, after) = step.moments(Array1::zeros(3).view(), stationary.view());
    assert!(largest(&(after - &stationary)) < 1e-14 * 10.0);
}

#[test]
fn draws_have_the_law_of_the_transition() {
    let equation = three(rising());
    let transition = equation.transition(0.1, 0.6);
    let start = array![0.3, -1.0, 2.0];
    let n = 40_000;
    let x = Array2::from_shape_fn((n, 3), |(_, j)| start[j]);
    let mut rng = Seed::new(5).rng();
    let y = transition.sample(x.view(), &mut rng);
    let (mean, covariance) = transition.moments(start.view(), Array2::zeros((3, 3)).view());
    let centred = &y - &mean;
    let found = centred.t().dot(&centred) / n as f64;
    let root_n = (n as f64).sqrt();
    for i in 0..3 {
        let error = centred.column(i).mean().unwrap();
        assert!(error.abs() < 5.0 * covariance[[i, i]].sqrt() / root_n, "mean {i}");
        for j in 0..3 {
            let spread = (covariance[[i, i]] * covariance[[j, j]] + covariance[[i, j]].powi(2)).sqrt();
            let error = found[[i, j]] - covariance[[i, j]];
            assert!(
                error.abs() < 5.0 * spread / root_n,
                "covariance {i}, {j}: {error}"
            );
        }
    }
    same_on_any_number("draws of a transition", || {
        transition
            .sample(x.slice(ndarray::s![..100, ..]), &mut Seed::new(6).rng())
            .into_iter()
            .collect()
    })
    .unwrap();
}

#[test]
fn a_coordinate_without_noise_is_drawn_where_it_must_be() {
    // The first coordinate never hears of the noise, and the other two hear the same: the covariance has rank one.
    let drift = array![[-2.0, 0.0, 0.0], [1.0, -1.0, 0.0], [0.0, 0.0, -1.0]];
    let noise = array![[0.0], [0.3], [0.9]];
    let equation = LinearSde::new(drift, noise, SteadyClock::new(1.0, 1.0).unwrap()).unwrap();
    let transition = equation.transition(0.0, 1.0);
    let x = array![[0.0, 0.0, 0.0], [3.0, 0.0, 0.0]];
    let y = transition.sample(x.view(), &mut Seed::new(1).rng());
    let mean = x.dot(&transition.gain.t());
    for (y, mean) in y.rows().into_iter().zip(mean.rows()) {
        assert_eq!(y[0], mean[0]);
        let (second, third) = (y[1] - mean[1], y[2] - mean[2]);
        assert!((3.0 * second - third).abs() < 1e-15 * 4.0 && third.abs() > 1e-3);
    }
}

#[test]
fn the_scheme_of_euler_and_maruyama_approaches_the_transition_with_order_one() {
    let equation = three(rising());
    let start = || (array![0.3, -1.0, 2.0], Array2::zeros((3, 3)));
    let exact = equation
        .transition(0.0, 1.0)
        .moments(start().0.view(), start().1.view());
    let sizes = [512, 1024, 2048, 4096];
    let (mut means, mut covariances) = (Vec::new(), Vec::new());
    for n_steps in sizes {
        let grid = TimeGrid::uniform(0.0, 1.0, n_steps).unwrap();
        let (mean, covariance) = law_at_end(&EulerMaruyama, &equation, &grid, start());
        means.push((mean - &exact.0).fold(0.0, |m: f64, e| m.max(e.abs())));
        covariances.push(largest(&(covariance - &exact.1)));
    }
    let steps = sizes.map(|n| 1.0 / n as f64);
    order(&steps, &means)
        .within("order of the mean", 1.0, 0.01)
        .unwrap();
    order(&steps, &covariances)
        .within("order of the covariance", 1.0, 0.01)
        .unwrap();
}

/// `G Gᵀ v` as the equation says it, and by its own products `G e_j`.
pub fn covariance_is_of_the_noise(equation: &(impl AdditiveSde + ?Sized), t: f64) {
    let (d, m) = (equation.dim(), equation.noise_dim());
    let times = Array1::from_elem(m, t);
    let mut columns = Array2::zeros((m, d));
    let x = Array2::zeros((m, d));
    equation.diffuse_into(x.view(), times.view(), Array2::eye(m).view(), columns.view_mut());
    let expected = columns.t().dot(&columns);
    let times = Array1::from_elem(d, t);
    let mut found = Array2::zeros((d, d));
    equation.covariance_product_into(times.view(), Array2::eye(d).view(), found.view_mut());
    assert!(largest(&(found - &expected)) < 1e-14 * (1.0 + largest(&expected)));
}

#[test]
fn rows_have_times_of_their_own() {
    let equation = three(rising());
    covariance_is_of_the_noise(&equation, 0.4);
    let x = array![[1.0, 2.0, -1.0], [1.0, 2.0, -1.0], [0.0, 1.0, 0.0]];
    let t = array![0.0, 1.0, 1.0];
    let mut drift = Array2::zeros((3, 3));
    equation.drift_into(x.view(), t.view(), drift.view_mut());
    for (b, rate) in [0.5, 3.5, 3.5].into_iter().enumerate() {
        let expected = equation.drift().dot(&x.row(b)) * rate;
        let error = &drift.row(b) - &expected;
        assert!(error.iter().all(|e| e.abs() < 1e-14), "row {b}");
    }
}

#[test]
fn what_is_no_equation_or_has_no_stationary_law_is_refused() {
    let clock = SteadyClock::new(1.0, 1.0).unwrap();
    let refused =
        |drift: Array2<f64>, noise: Array2<f64>| LinearSde::new(drift, noise, clock).unwrap_err().to_string();
    assert_eq!(
        refused(Array2::zeros((2, 3)), Array2::zeros((2, 1))),
        "`drift` has shape [2, 3], but must have shape (D, D): a square matrix"
    );
    assert_eq!(
        refused(Array2::eye(2), Array2::zeros((3, 1))),
        "`noise` has shape [3, 1], but must have shape (2, at least 1)"
    );
    assert!(refused(Array2::zeros((0, 0)), Array2::zeros((0, 1))).contains("`drift`"));
    assert!(refused(Array2::eye(2), Array2::zeros((2, 0))).contains("`noise`"));
    assert_eq!(
        refused(array![[0.0, f64::NAN], [0.0, 0.0]], Array2::eye(2)),
        "`drift[0, 1]` is NaN, but must be finite"
    );
    assert_eq!(
        refused(Array2::eye(1), array![[f64::INFINITY]]),
        "`noise[0, 0]` is inf, but must be finite"
    );
    for drift in [
        array![[0.0, 0.0], [0.0, 0.0]],
        // Growing, neutral, turning without friction, and one direction that stays.
        array![[1e-3, 0.0], [0.0, -1.0]],
        array![[0.0, 0.0], [0.0, -1.0]],
        array![[0.0, 1.0], [-1.0, 0.0]],
        array![[0.0, 1.0], [0.0, -1.0]],
        array![[1e300, 0.0], [0.0, 1e300]],
    ] {
        let equation = LinearSde::new(drift.clone(), Array2::eye(2), clock).unwrap();
        let error = equation.stationary_covariance().unwrap_err().to_string();
        assert_eq!(
            error,
            "`drift` is a matrix under which X does not forget where it started, but must be stable: the real \
             parts of its eigenvalues negative",
            "{drift}"
        );
    }
    // Slow is not unstable.
    let slow = LinearSde::new(array![[-1e-6, 0.0], [0.0, -1.0]], Array2::eye(2), clock).unwrap();
    let stationary = slow.stationary_covariance().unwrap();
    assert!((stationary[[0, 0]] / 0.5e6 - 1.0).abs() < 1e-9);
}
