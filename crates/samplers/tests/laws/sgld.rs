//! Stochastic gradient Langevin dynamics against the law that it really has for the mean of a normal law.

use crate::common::Standard;
use gibbsian_core::{
    Acceptance, DatumScores, Kernel, Minibatch, Score, Seed, Snapshot, Space, StochasticScore,
};
use gibbsian_samplers::{Sgld, StepSchedule};
use gibbsian_testkit::conformance;
use gibbsian_testkit::stats::{self, FALSE_ALARM, Test};
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};
use rand::Rng;

/// `x ~ N(0, I/λ)`, `yᵢ | x ~ N(x, σ² I)`: a normal posterior of precision `Λ = λ + N/σ²` and mean `m = Σ yᵢ / (σ² Λ)`.
struct NormalMean {
    data: Array2<f64>,
    prior_precision: f64,
    variance: f64,
}

fn model(scale: f64) -> NormalMean {
    NormalMean {
        data: Array2::from_shape_fn((20, 2), |(i, j)| {
            scale * ((7 * i + 3 * j) % 11) as f64 / 5.0 - 0.4
        }),
        prior_precision: 0.5,
        variance: 1.5,
    }
}

impl NormalMean {
    fn precision(&self) -> f64 {
        self.prior_precision + self.data.nrows() as f64 / self.variance
    }

    fn mean(&self) -> Array1<f64> {
        self.data.sum_axis(ndarray::Axis(0)) / (self.variance * self.precision())
    }

    /// `V = N (N − n)/n · S²/σ⁴` for each coordinate: the noise of an estimate from `n` data, the same at every point.
    fn noise(&self, n: f64) -> Array1<f64> {
        let n_data = self.data.nrows() as f64;
        self.data.var_axis(ndarray::Axis(0), 1.0) * (n_data * (n_data - n) / n / self.variance.powi(2))
    }
}

impl Space for NormalMean {
    fn dim(&self) -> usize {
        self.data.ncols()
    }
}

impl DatumScores for NormalMean {
    fn n_data(&self) -> usize {
        self.data.nrows()
    }

    fn prior_score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&(-self.prior_precision * &x));
    }

    fn add_datum_scores(
        &self,
        x: ArrayView1<f64>,
        chosen: &[usize],
        weight: f64,
        mut out: ArrayViewMut1<f64>,
    ) {
        for &i in chosen {
            out.scaled_add(weight / self.variance, &(&self.data.row(i) - &x));
        }
    }
}

fn constant(step_size: f64) -> Sgld {
    Sgld::new(StepSchedule::constant(step_size).unwrap())
}

#[test]
fn it_is_a_kernel() -> Verdict {
    let model = |scale| Minibatch::new(model(scale), 3).unwrap();
    let x = array![[0.1, 0.2], [-1.0, 0.5], [2.0, -0.7]];
    conformance::kernel(&constant(0.01), &model(1.0), &model(-2.0), x.view(), Seed::new(2))
}

/// Each row has a minibatch of its own: estimates are right on average, have the variance of draws without replacement, and are independent.
#[test]
fn estimates_are_unbiased_and_have_the_noise_of_a_draw_without_replacement() -> Verdict {
    const N: usize = 200_000;
    let model = Minibatch::new(model(1.0), 4).unwrap();
    let x = Array2::from_shape_fn((N, 2), |(_, j)| [0.3, -0.8][j]);
    let estimates = model.score_estimate(x.view(), &mut Seed::new(3).rng());
    let exact = model.score(x.slice(ndarray::s![..1, ..]));
    let noise = model.model().noise(4.0);
    let mut tests = Vec::new();
    for j in 0..2 {
        let residuals: Vec<f64> = estimates.column(j).iter().map(|s| s - exact[[0, j]]).collect();
        tests.push(stats::mean(&format!("estimate {j}"), &residuals, 0.0));
        let squares: Vec<f64> = residuals.iter().map(|r| r * r).collect();
        tests.push(stats::mean(&format!("noise {j}"), &squares, noise[j]));
        let products: Vec<f64> = residuals.windows(2).map(|r| r[0] * r[1]).collect();
        tests.push(stats::mean(&format!("neighbouring rows {j}"), &products, 0.0));
    }
    stats::family(&tests, FALSE_ALARM)
}

/// Tests of the mean and the variance of each coordinate, by the moments of the draws.
fn moments(name: &str, x: &Array2<f64>, mean: &Array1<f64>, variance: &Array1<f64>) -> Vec<Test> {
    let mut tests = Vec::new();
    for j in 0..x.ncols() {
        let centred: Vec<f64> = x.column(j).iter().map(|x| x - mean[j]).collect();
        tests.push(stats::mean(&format!("{name}: mean {j}"), &centred, 0.0));
        let squares: Vec<f64> = centred.iter().map(|c| c * c).collect();
        tests.push(stats::mean(
            &format!("{name}: variance {j}"),
            &squares,
            variance[j],
        ));
    }
    tests
}

/// `m' = m + (1 − εΛ)(m − …)` and `v' = (1 − εΛ)² v + 2ε + ε² V`, for constant and for falling steps.
#[test]
fn the_law_is_that_of_the_recursion_of_moments() -> Verdict {
    const N_CHAINS: usize = 100_000;
    let schedules = [
        StepSchedule::constant(0.02).unwrap(),
        StepSchedule::polynomial(0.1, 3.0, 0.7).unwrap(),
    ];
    let target = Minibatch::new(model(1.0), 2).unwrap();
    let (precision, centre, noise) = (
        target.model().precision(),
        target.model().mean(),
        target.model().noise(2.0),
    );
    let mut tests = Vec::new();
    for (k, schedule) in schedules.into_iter().enumerate() {
        let kernel = Sgld::new(schedule);
        let mut state = kernel.init(&target, Array2::ones((N_CHAINS, 2))).unwrap();
        let mut rng = Seed::new(4).nth(k as u64).rng();
        let (mut mean, mut variance) = (Array1::ones(2), Array1::zeros(2));
        for t in 0..30 {
            kernel.step(&target, &mut state, &mut rng);
            let epsilon = schedule.step_size(t);
            let a = 1.0 - epsilon * precision;
            mean = &centre + a * (&mean - &centre);
            variance = a * a * variance + 2.0 * epsilon + epsilon * epsilon * &noise;
            if [0, 1, 5, 29].contains(&t) {
                let name = format!("schedule {k}, step {t}");
                tests.extend(moments(&name, &state.working.walkers.x, &mean, &variance));
            }
        }
    }
    stats::family(&tests, FALSE_ALARM)
}

/// With a constant step the variance ends at `(2 + εV)/(Λ (2 − εΛ))`, which is neither the posterior's nor that of unadjusted Langevin sampling.
#[test]
fn the_law_of_a_constant_step_is_its_own() {
    const N_CHAINS: usize = 100_000;
    let target = Minibatch::new(model(1.0), 2).unwrap();
    let (precision, mean, noise) = (
        target.model().precision(),
        target.model().mean(),
        target.model().noise(2.0),
    );
    let epsilon = 0.02;
    let kernel = constant(epsilon);
    let mut state = kernel.init(&target, Array2::zeros((N_CHAINS, 2))).unwrap();
    let mut rng = Seed::new(5).rng();
    // (1 − εΛ)²ᵏ < 1e-8 after 40 steps.
    for _ in 0..40 {
        kernel.step(&target, &mut state, &mut rng);
    }
    let x = &state.working.walkers.x;
    let own = noise.mapv(|v| (2.0 + epsilon * v) / (precision * (2.0 - epsilon * precision)));
    stats::family(&moments("own law", x, &mean, &own), FALSE_ALARM).unwrap();
    let langevin = Array1::from_elem(2, 2.0 / (precision * (2.0 - epsilon * precision)));
    let posterior = Array1::from_elem(2, 1.0 / precision);
    for other in [langevin, posterior] {
        assert!(stats::family(&moments("another", x, &mean, &other), FALSE_ALARM).is_err());
    }
}

#[test]
fn a_restored_chain_goes_on_with_the_right_step_bit_for_bit() {
    let kernel = Sgld::new(StepSchedule::polynomial(0.05, 1.0, 0.55).unwrap());
    let target = Minibatch::new(model(1.0), 3).unwrap();
    let step = |state: &mut _, k: u64| kernel.step(&target, state, &mut Seed::new(6).nth(k).rng());
    let mut state = kernel.init(&target, Array2::zeros((40, 2))).unwrap();
    for k in 0..5 {
        step(&mut state, k);
    }
    let mut copy = kernel.init(&target, Array2::ones((40, 2))).unwrap();
    copy.restore(&state.snapshot()).unwrap();
    assert_eq!(copy.n_steps, 5);
    for k in 5..9 {
        step(&mut state, k);
        step(&mut copy, k);
    }
    assert_eq!(state.working.walkers, copy.working.walkers);
    assert_eq!((state.n_steps, copy.n_steps), (9, 9));
}

/// An exact score as an estimate, which is NaN beyond `|x| = 2`.
struct Guarded;

impl Space for Guarded {
    fn dim(&self) -> usize {
        1
    }
}

impl StochasticScore for Guarded {
    fn score_estimate_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>, _: &mut dyn Rng) {
        Standard(1).score_into(x, out.view_mut());
        out.zip_mut_with(&x, |s, x| *s = if x.abs() > 2.0 { f64::NAN } else { *s });
    }
}

#[test]
fn chains_without_an_estimate_stay_and_are_counted_at_every_step() {
    let kernel = constant(0.9);
    let mut state = kernel.init(&Guarded, Array2::zeros((70, 1))).unwrap();
    let mut rng = Seed::new(7).rng();
    let mut n_lost = 0;
    for _ in 0..20 {
        let before = state.working.walkers.x.clone();
        let count: Acceptance = kernel.step(&Guarded, &mut state, &mut rng);
        let lost = before.iter().filter(|x| x.abs() > 2.0).count() as u64;
        assert_eq!((count.undefined, count.accepted), (lost, 70 - lost));
        for (before, after) in before.iter().zip(&state.working.walkers.x) {
            assert_eq!(before == after, before.abs() > 2.0);
        }
        n_lost = lost;
    }
    assert!(n_lost > 10);
}

#[test]
fn bad_input_is_refused_by_name() {
    let refused = |schedule: gibbsian_core::Result<StepSchedule>, name: &str| {
        let refusal = schedule.unwrap_err().to_string();
        assert!(refusal.contains(&format!("`{name}` is")), "{refusal}");
    };
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(StepSchedule::constant(bad), "step_size");
        refused(StepSchedule::polynomial(bad, 1.0, 1.0), "scale");
        refused(StepSchedule::polynomial(1.0, bad, 1.0), "offset");
    }
    for bad in [0.5, 0.3, 1.01, f64::NAN] {
        refused(StepSchedule::polynomial(1.0, 1.0, bad), "exponent");
    }
    let refusal = constant(0.1).init(&Guarded, array![[0.0], [3.0]]).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "`x[1, ..]` is [3], but must be a point with a finite estimate of the score"
    );
}

#[test]
fn draws_are_pinned() {
    // Golden draws: a change here changes every seeded result and belongs into the changelog.
    let kernel = Sgld::new(StepSchedule::polynomial(0.05, 1.0, 0.6).unwrap());
    let target = Minibatch::new(model(1.0), 3).unwrap();
    let mut state = kernel.init(&target, Array2::zeros((34, 2))).unwrap();
    let mut rng = Seed::new(8).rng();
    for _ in 0..3 {
        kernel.step(&target, &mut state, &mut rng);
    }
    let x = &state.working.walkers.x;
    assert_eq!([x[[0, 0]], x[[33, 1]]], PINNED);
}

const PINNED: [f64; 2] = [0.3207924686522946, 0.5001658655102662];
