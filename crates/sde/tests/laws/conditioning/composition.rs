//! Products of noised densities: what adding scores gives, and what it does not.

use gibbsian_core::{LinearGaussian, Seed, Space, TimeEnergy, TimePotential, TimeScore};
use gibbsian_sde::{
    BrownianBlock, EulerMaruyama, FixedSteps, FreshNoise, MetropolisCorrected, NaiveProduct, ReverseSde,
    Solver, Step, TimeGrid,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{family, mean};
use gibbsian_testkit::targets::{Mixture, Noised};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, array};

use super::inpainting::Steady;
use super::{correlated, difference, probes, process, score_at, times, two_modes};
use crate::common::normals::Normals;

#[test]
fn a_product_of_normals_is_too_narrow_by_the_known_amount() {
    // n factors N(μ_i, v): precision n/(α²v + σ²) instead of n/(α²v + nσ²), the same mean αμ̄.
    let (n, v) = (3, 0.5);
    let parts: Vec<_> = (0..n)
        .map(|i| {
            Normals::isotropic(
                array![1.0],
                array![[0.4 * f64::from(i)]],
                &[f64::sqrt(v)],
                process(),
            )
        })
        .collect();
    let exact = parts[1..]
        .iter()
        .fold(parts[0].clone(), |product, part| product.product(part));
    let product = NaiveProduct::new(Array1::ones(n as usize), parts).unwrap();
    let (x, t) = (probes(12, 1), times(12));
    let (naive, noised) = (score_at(&product, &x, &t), score_at(&exact, &x, &t));
    for (b, &t) in t.iter().enumerate() {
        let (alpha, variance) = (process().alpha(t), process().variance(t));
        let count = f64::from(n);
        let pull = alpha * 0.4 - x[[b, 0]];
        let wrong = count / (alpha * alpha * v + variance) * pull;
        let right = count / (alpha * alpha * v + count * variance) * pull;
        assert!((naive[[b, 0]] - wrong).abs() < 1e-12 * wrong.abs().max(1.0));
        assert!((noised[[b, 0]] - right).abs() < 1e-12 * right.abs().max(1.0));
    }
}

#[test]
fn sums_of_scores_are_right_without_noise_only() {
    for dim in [1, 2, 8] {
        let parts = vec![two_modes(dim), correlated(dim)];
        let exact = parts[0].product(&parts[1]);
        let product = NaiveProduct::new(array![1.0, 1.0], parts).unwrap();
        let x = probes(9, dim);
        let at = |model: &dyn TimeScore, t: f64| score_at(model, &x, &Array1::from_elem(9, t));
        assert!(difference(&at(&product, 0.0), &at(&exact, 0.0)) < 1e-11);
        assert!(difference(&at(&product, 0.5), &at(&exact, 0.5)) > 0.05);
    }
}

#[test]
fn sums_are_energies_and_scores() {
    let (x, t) = (probes(5, 3), times(5));
    let product = NaiveProduct::new(array![0.7, -0.2], vec![two_modes(3), correlated(3)]).unwrap();
    conformance::time_energy(&product, x.view(), t.view(), Precision::DOUBLE).unwrap();
    conformance::time_potential(&product, x.view(), t.view(), Precision::DOUBLE).unwrap();
    conformance::time_score(&product, x.view(), t.view(), Precision::DOUBLE).unwrap();
    conformance::time_score_jvp(&product, x.view(), t.view(), Precision::DOUBLE).unwrap();
}

/// Two standard normal experts around −0.6 and 1.4: the product is N(0.4, ½).
fn two_experts() -> NaiveProduct<Noised<gibbsian_core::process::OrnsteinUhlenbeck>> {
    let expert = |mean: f64| {
        let data = Mixture::new(array![1.0], array![[mean]], array![1.0]).unwrap();
        Noised::new(data, process())
    };
    NaiveProduct::new(array![1.0, 1.0], vec![expert(-0.6), expert(1.4)]).unwrap()
}

#[test]
fn the_reverse_process_of_a_sum_ends_with_another_variance() {
    // s = 2(αμ̄ − x): the reverse process dY = [Y + 2s] dτ + √2 dB = [−3Y + 4αμ̄] dτ + √2 dB ends near N(μ̄, 1/3), and its scheme of step
    // h near 2/(3(2 − 3h)) instead of ½.
    let n_steps = 100;
    let h = 5.0 / f64::from(n_steps);
    let (mut m, mut v) = (0.0, 1.0);
    for k in 0..n_steps {
        let alpha = process().alpha(5.0 - h * f64::from(k));
        m += h * (-3.0 * m + 4.0 * alpha * 0.4);
        v = (1.0 - 3.0 * h).powi(2) * v + 2.0 * h;
    }
    assert!((v - 2.0 / (3.0 * (2.0 - 3.0 * h))).abs() < 1e-12 && (v - 0.5).abs() > 0.1);
    let noise = FreshNoise::new(Seed::new(4));
    let x = FixedSteps::new(TimeGrid::uniform(5.0, 0.0, n_steps as usize).unwrap())
        .solve(
            &EulerMaruyama,
            &ReverseSde::new(process(), two_experts()),
            noise.normal((4000, 1)),
            &noise,
        )
        .unwrap();
    family(&moments("the sum", &x, m, v), 1e-6).unwrap();
    // What theory asks for is ruled out.
    assert!(family(&moments("the product", &x, 0.4, 0.5), 1e-6).is_err());
}

#[test]
fn corrections_at_each_level_end_at_the_product() {
    let noise = FreshNoise::new(Seed::new(5));
    let corrected = MetropolisCorrected::new(EulerMaruyama, 4, 0.3, 1.0).unwrap();
    let x = FixedSteps::new(TimeGrid::uniform(5.0, 0.0, 30).unwrap())
        .solve(
            &corrected,
            &ReverseSde::new(process(), two_experts()),
            noise.normal((2500, 1)),
            &noise,
        )
        .unwrap();
    family(&moments("the product", &x, 0.4, 0.5), 1e-6).unwrap();
}

fn moments(name: &str, x: &Array2<f64>, m: f64, v: f64) -> Vec<gibbsian_testkit::stats::Test> {
    let column = x.column(0);
    let squares = column.mapv(|x| (x - m).powi(2));
    vec![
        mean(&format!("{name}: mean"), &column.to_vec(), m),
        mean(&format!("{name}: variance"), &squares.to_vec(), v),
    ]
}

#[test]
fn a_correction_is_a_step_of_the_adjusted_langevin_algorithm() {
    // Standard normal data stay so under this process: s = −x.
    let data = Mixture::new(array![1.0], array![[0.0]], array![1.0]).unwrap();
    let reverse = ReverseSde::new(process(), Noised::new(data, process()));
    let (t, z, ratio, data_variance) = (0.1, -0.5, 2.0, 0.7);
    let corrected = MetropolisCorrected::new(Still, 1, ratio, data_variance).unwrap();
    let found = FixedSteps::new(TimeGrid::new(array![0.2, t]).unwrap())
        .solve(&corrected, &reverse, array![[0.1], [-1.5]], &Steady(z))
        .unwrap();
    let delta = ratio * (process().alpha(t).powi(2) * data_variance + process().variance(t));
    for (x, found) in [0.1, -1.5].into_iter().zip(&found) {
        let moved = x - delta * x + (2.0 * delta).sqrt() * z;
        let q = |to: f64, from: f64| -(to - from + delta * from).powi(2) / (4.0 * delta);
        let log_ratio = 0.5 * x * x - 0.5 * moved * moved + q(x, moved) - q(moved, x);
        // Both numbers of the chance are z.
        let expected = if log_ratio > -z * z { moved } else { x };
        assert!((found - expected).abs() < 1e-14);
        // The first stays, the second moves.
        assert_eq!(expected == x, x > 0.0);
    }
}

/// A solver that stays where it is.
struct Still;

impl<E: ?Sized> Solver<E> for Still {
    type Memory = ();

    fn noise_dim(&self, _: &E) -> usize {
        1
    }

    fn step(&self, _: &E, _: &Step, _: ArrayViewMut2<f64>, _: &mut dyn BrownianBlock, (): &mut ()) {}
}

#[test]
fn corrections_leave_the_density_of_their_level_as_it_is() {
    // Steps long enough that without the accept step the variance would be far off.
    let data = Mixture::new(
        array![0.3, 0.7],
        array![[-1.5, 0.0], [1.0, 0.5]],
        array![0.5, 0.4],
    )
    .unwrap();
    let model = Noised::new(data, process());
    let start = gibbsian_core::Density::sample(&model.marginal(0.1), 6000, &mut Seed::new(6).rng());
    let corrected = MetropolisCorrected::new(Still, 10, 0.6, 0.4).unwrap();
    let x = FixedSteps::new(TimeGrid::new(array![0.2, 0.1]).unwrap())
        .solve(
            &corrected,
            &ReverseSde::new(process(), model.clone()),
            start.clone(),
            &FreshNoise::new(Seed::new(7)),
        )
        .unwrap();
    assert!(
        x.rows()
            .into_iter()
            .zip(start.rows())
            .filter(|(x, y)| x != y)
            .count()
            > 3000
    );
    let exact = Normals::isotropic(
        array![0.3, 0.7],
        array![[-1.5, 0.0], [1.0, 0.5]],
        &[0.5, 0.4],
        process(),
    );
    let (alpha, variance) = (process().alpha(0.1), process().variance(0.1));
    let mut tests = Vec::new();
    for i in 0..2 {
        let m = alpha * exact.mean()[i];
        let second: f64 = (0..2)
            .map(|k| {
                let spread = alpha * alpha * exact.covariances[k][[i, i]] + variance;
                exact.weights[k] * (spread + (alpha * exact.means[[k, i]]).powi(2))
            })
            .sum();
        let column = x.index_axis(Axis(1), i);
        tests.push(mean("mean", &column.to_vec(), m));
        tests.push(mean("square", &column.mapv(|x| x * x).to_vec(), second));
    }
    family(&tests, 1e-6).unwrap();
}

/// A standard normal law up to one, and from there on these numbers as energy and score.
struct Cut {
    energy: f64,
    score: f64,
}

impl Space for Cut {
    fn dim(&self) -> usize {
        1
    }
}

impl TimeEnergy for Cut {
    fn energy_at_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut1<f64>) {
        let energy = |x: f64| if x > 1.0 { self.energy } else { 0.5 * x * x };
        out.assign(&x.column(0).mapv(energy));
    }
}

impl TimeScore for Cut {
    fn score_at_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&x.mapv(|x| if x > 1.0 { self.score } else { -x }));
    }
}

impl TimePotential for Cut {}

#[test]
fn corrections_reject_what_is_outside_the_support_and_report_what_is_no_number() {
    let corrected = MetropolisCorrected::new(Still, 40, 0.5, 1.0).unwrap();
    let solve = |energy: f64, score: f64| {
        let noise = FreshNoise::new(Seed::new(8));
        FixedSteps::new(TimeGrid::new(array![0.2, 0.1]).unwrap()).solve(
            &corrected,
            &ReverseSde::new(process(), Cut { energy, score }),
            Array2::zeros((2000, 1)),
            &noise,
        )
    };
    // The support ends at one, and there is no score beyond: the law is the normal one below, with mean −φ(1)/Φ(1).
    let x = solve(f64::INFINITY, f64::NAN).unwrap();
    assert!(x.iter().all(|&x| x <= 1.0));
    let expected = -(-0.5_f64).exp() / std::f64::consts::TAU.sqrt() / 0.841_344_746_068_542_9;
    family(&[mean("below one", &x.column(0).to_vec(), expected)], 1e-6).unwrap();
    // An energy or a score that is NaN is no reason to stay.
    for (energy, score) in [(f64::NAN, -1.0), (f64::NAN, f64::NAN), (0.5, f64::NAN)] {
        let message = solve(energy, score).unwrap_err().to_string();
        assert!(
            message.starts_with("`x[")
                && message.contains("` became NaN in step 1 of 1, from time 0.2 to 0.1"),
            "{message}"
        );
    }
}
