//! Slice sampling: exact laws in one dimension, exact starts in several, bounded supports, and what is counted.

use std::sync::atomic::{AtomicU64, Ordering};

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::{Density, Energy, Kernel, Seed, Space, StepInfo};
use gibbsian_samplers::{HitAndRunSlice, Metric, Slice, SliceInfo};
use gibbsian_testkit::audit::exact_start;
use gibbsian_testkit::conformance::{self, Balance};
use gibbsian_testkit::quadrature::Support;
use gibbsian_testkit::stats::{FALSE_ALARM, kolmogorov_smirnov};
use gibbsian_testkit::targets::{Gaussian, Mixture};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, array};
use rand::{Rng, RngExt};
use rand_distr::Exp1;

fn gaussian(shift: f64) -> Gaussian {
    let precision = array![[2.0, 0.0, 0.0], [0.5, 1.5, 0.0], [-0.25, 0.75, 1.0]];
    Gaussian::new(array![0.5, -1.0, 0.25] + shift, precision).unwrap()
}

/// Two humps that overlap and one that is narrow, in two dimensions.
fn mixture() -> Mixture {
    Mixture::new(
        array![0.3, 0.5, 0.2],
        array![[-1.0, 0.5], [1.5, 0.25], [0.0, -2.0]],
        array![0.5, 1.0, 0.25],
    )
    .unwrap()
}

/// `E(x) = Σ_i rate_i x_i` where all coordinates are positive, and `beyond` where one is not.
struct Exponentials {
    rates: Array1<f64>,
    beyond: f64,
    n_evaluated: AtomicU64,
}

fn exponentials(rates: Array1<f64>, beyond: f64) -> Exponentials {
    Exponentials {
        rates,
        beyond,
        n_evaluated: AtomicU64::new(0),
    }
}

impl Space for Exponentials {
    fn dim(&self) -> usize {
        self.rates.len()
    }
}

impl Energy for Exponentials {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.n_evaluated.fetch_add(x.nrows() as u64, Ordering::Relaxed);
        for (x, e) in x.rows().into_iter().zip(&mut out) {
            let inside = x.iter().all(|x| *x >= 0.0);
            *e = if inside { x.dot(&self.rates) } else { self.beyond };
        }
    }
}

impl Density for Exponentials {
    fn log_z(&self) -> f64 {
        -self.rates.iter().map(|r| r.ln()).sum::<f64>()
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        Array2::from_shape_fn((n, self.dim()), |(_, i)| {
            rng.sample::<f64, _>(Exp1) / self.rates[i]
        })
    }
}

/// The chains of `n` independent first steps from `x`.
fn first_steps<T: Energy>(kernel: &Slice, target: &T, x: f64, n: usize, seed: Seed) -> Vec<f64> {
    let mut state = kernel.init(target, Array2::from_elem((n, 1), x)).unwrap();
    kernel.step(target, &mut state, &mut seed.rng());
    state.x.into_raw_vec_and_offset().0
}

/// `∫_from^∞ e^{−(e − from)} f(e) de`.
fn expected(from: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (nodes, weights) = Support::HalfLine.rule(1.0 / 64.0);
    let terms = nodes
        .iter()
        .zip(&weights)
        .map(|(e, w)| w * (-e).exp() * f(from + e));
    terms.filter(|t| t.is_finite()).sum()
}

#[test]
fn a_step_on_one_hump_has_the_law_that_integration_gives() {
    // With one hump and nothing that stops it, stepping out finds an interval around the whole slice, and shrinking draws uniformly from the slice. For the
    // standard normal it is (−r, r), r² = 2(x²/2 + e), e ~ Exp(1), hence P(x' ≤ t | x) = E[(t + r)/2r], cut to [0, 1]; for t > |x| the levels with r < t are below
    // e_0 = (t² − x²)/2 and give one.
    let normal = Gaussian::new(array![0.0], array![[1.0]]).unwrap();
    let cdf = |x: f64, t: f64| {
        let share = |e: f64| 0.5 + 0.5 * t / (x * x + 2.0 * e).sqrt();
        if t.abs() <= x.abs() {
            return expected(0.0, share);
        }
        let e_0 = 0.5 * (t * t - x * x);
        let below = if t > 0.0 { -(-e_0).exp_m1() } else { 0.0 };
        below + (-e_0).exp() * expected(e_0, share)
    };
    for (case, (width, x)) in [(0.4, 1.3), (3.0, -0.2), (40.0, 2.5)].into_iter().enumerate() {
        let kernel = Slice::new(width).unwrap().with_limit(1000).unwrap();
        let sample = first_steps(&kernel, &normal, x, 1 << 16, Seed::new(1).nth(case as u64));
        kolmogorov_smirnov(&format!("width {width} from {x}"), &sample, |t| cdf(x, t)).assert(FALSE_ALARM);
    }
    // E(x) = 2x on the positive numbers: the slice is [0, x + e/2), P(x' ≤ t | x) = E[t / (x + e/2)] for t ≤ x, and beyond one where e < e_0 = 2(t − x).
    let target = exponentials(array![2.0], f64::INFINITY);
    let cdf = |x: f64, t: f64| {
        let e_0 = f64::max(0.0, 2.0 * (t - x));
        -(-e_0).exp_m1() + (-e_0).exp() * expected(e_0, |e| t / (x + 0.5 * e))
    };
    for (case, (width, x)) in [(0.3, 0.7), (10.0, 0.01)].into_iter().enumerate() {
        let kernel = Slice::new(width).unwrap().with_limit(1000).unwrap();
        let sample = first_steps(&kernel, &target, x, 1 << 16, Seed::new(2).nth(case as u64));
        kolmogorov_smirnov(&format!("width {width} from {x}"), &sample, |t| cdf(x, t)).assert(FALSE_ALARM);
    }
}

#[test]
fn exact_draws_stay_exact() {
    // Widths from far too small, where the limit stops nearly every interval, to far too large.
    for (case, (width, limit)) in [(0.2, 1), (0.5, 2), (0.5, 3), (1.0, 7), (2.0, 100), (30.0, 100)]
        .into_iter()
        .enumerate()
    {
        let seed = Seed::new(3).nth(case as u64);
        let sweep = Slice::new(width).unwrap().with_limit(limit).unwrap();
        exact_start(&sweep, &mixture(), Balance::Global, 20_000, 3, seed.nth(0)).unwrap();
        let line = HitAndRunSlice::new(width).unwrap().with_limit(limit).unwrap();
        exact_start(&line, &mixture(), Balance::Detailed, 20_000, 4, seed.nth(1)).unwrap();
    }
    // One coordinate, a single line: reversible.
    let humps = Mixture::new(array![0.4, 0.6], array![[-1.5], [1.5]], array![0.5, 0.8]).unwrap();
    for limit in [1, 2, 3, 100] {
        let kernel = Slice::new(0.8).unwrap().with_limit(limit).unwrap();
        exact_start(
            &kernel,
            &humps,
            Balance::Detailed,
            20_000,
            2,
            Seed::new(4).nth(limit as u64),
        )
        .unwrap();
    }
}

#[test]
fn bounded_supports_and_other_coordinates_stay_exact() {
    let target = exponentials(array![1.0, 3.0, 0.5], f64::INFINITY);
    let widths = array![1.0, 0.2, 5.0];
    let kernel = Slice::with_widths(widths.clone()).unwrap();
    exact_start(&kernel, &target, Balance::Global, 20_000, 3, Seed::new(5)).unwrap();
    let metric = Metric::diagonal(widths.mapv(|w| w * w)).unwrap();
    let kernel = HitAndRunSlice::new(1.5).unwrap().with_metric(metric);
    exact_start(&kernel, &target, Balance::Detailed, 20_000, 5, Seed::new(6)).unwrap();
    let covariance = array![[1.0, 0.6, 0.2], [0.6, 2.0, -0.5], [0.2, -0.5, 1.5]];
    let metric = Metric::dense(covariance.view()).unwrap();
    let kernel = Slice::new(2.0).unwrap().with_metric(metric);
    exact_start(&kernel, &gaussian(0.0), Balance::Global, 20_000, 2, Seed::new(7)).unwrap();
}

#[test]
fn steps_keep_the_promises_of_kernels() {
    let x = array![
        [0.3, 1.2, -0.4],
        [-2.0, 0.1, 0.9],
        [1.1, -0.7, 2.5],
        [0.2, 0.6, -1.3]
    ];
    let (target, other) = (gaussian(0.0), gaussian(2.0));
    let sweep = Slice::new(1.0).unwrap();
    conformance::kernel(&sweep, &target, &other, x.view(), Seed::new(8)).unwrap();
    let line = HitAndRunSlice::new(1.0).unwrap();
    conformance::kernel(&line, &target, &other, x.view(), Seed::new(9)).unwrap();
}

#[test]
fn everything_is_counted() {
    let target = exponentials(array![1.0, 2.0], f64::INFINITY);
    let kernel = Slice::new(0.5).unwrap().with_limit(4).unwrap();
    let x = target.sample(1000, &mut Seed::new(10).rng());
    let mut state = kernel.init(&target, x).unwrap();
    let before = target.n_evaluated.load(Ordering::Relaxed);
    let info = kernel.step(&target, &mut state, &mut Seed::new(11).rng());
    assert_eq!(
        info.evaluations,
        target.n_evaluated.load(Ordering::Relaxed) - before
    );
    assert_eq!((info.updates, info.undefined), (2000, 0));
    // Each side that has steps is evaluated once more than it grows, unless the limit stops it; each update ends with one point in the slice.
    assert!(
        info.limited > 0 && info.expansions > info.limited && info.shrinkages > 0,
        "{info:?}"
    );
    let at_ends = info.evaluations - info.updates - info.shrinkages;
    assert!(
        at_ends >= info.expansions && at_ends <= info.expansions + 2 * info.updates,
        "{info:?}"
    );
    let acceptance = info.acceptance();
    assert_eq!(acceptance.accepted, 2000);
    assert_eq!(acceptance.fraction(), 2000.0 / (2000 + info.shrinkages) as f64);
    // The remembered energies are those of the points.
    assert_eq!(state.energy, target.energy(state.x.view()));
    // An interval of one width asks for nothing before it shrinks.
    let info = kernel
        .with_limit(1)
        .unwrap()
        .step(&target, &mut state, &mut Seed::new(12).rng());
    assert_eq!(
        (info.evaluations, info.expansions, info.limited),
        (info.updates + info.shrinkages, 0, 0)
    );
}

#[test]
fn energies_that_are_none_are_walls_and_reported() {
    for beyond in [f64::NAN, f64::NEG_INFINITY] {
        let (broken, sound) = (
            exponentials(array![1.0, 2.0], beyond),
            exponentials(array![1.0, 2.0], f64::INFINITY),
        );
        let kernel = Slice::new(1.0).unwrap();
        let x = sound.sample(200, &mut Seed::new(13).rng());
        let mut state = kernel.init(&broken, x.clone()).unwrap();
        let info = kernel.step(&broken, &mut state, &mut Seed::new(14).rng());
        assert!(info.undefined > 0 && info.acceptance().undefined == info.undefined);
        // The same walk as along a wall of +∞.
        let mut walled = kernel.init(&sound, x).unwrap();
        let counted = kernel.step(&sound, &mut walled, &mut Seed::new(14).rng());
        assert_eq!(state, walled);
        assert_eq!(counted, SliceInfo { undefined: 0, ..info });
    }
}

/// A single point with a density, at 1.
struct Needle;

impl Space for Needle {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for Needle {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.assign(&x.column(0).mapv(|x| if x == 1.0 { 0.0 } else { f64::INFINITY }));
    }
}

#[test]
fn a_slice_that_is_a_point_ends_the_search() {
    let kernel = Slice::new(1.0).unwrap();
    let mut state = kernel.init(&Needle, Array2::ones((100, 1))).unwrap();
    let info = kernel.step(&Needle, &mut state, &mut Seed::new(15).rng());
    assert_eq!(state.x, Array2::<f64>::ones((100, 1)));
    // An interval loses at least a factor of about two a draw on average; 2⁻⁵³ of its width is reached soon.
    assert!(info.shrinkages < 100 * 200, "{info:?}");
}

#[test]
fn bad_input_is_refused_by_name() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let refusal = Slice::new(bad).unwrap_err().to_string();
        assert!(refusal.starts_with("`width` is"), "{refusal}");
        assert!(HitAndRunSlice::new(bad).is_err());
        let refusal = Slice::with_widths(array![1.0, bad]).unwrap_err().to_string();
        assert!(refusal.starts_with("`widths[1]` is"), "{refusal}");
    }
    let kernel = Slice::new(1.0).unwrap();
    assert_eq!(
        kernel.clone().with_limit(0).unwrap_err().to_string(),
        "`limit` is 0, but must be at least 1"
    );
    let target = exponentials(array![1.0, 2.0], f64::INFINITY);
    let refuse = |x: Array2<f64>| kernel.init(&target, x).unwrap_err().to_string();
    assert_eq!(
        refuse(array![[1.0, 1.0], [1.0, -1.0]]),
        "`x[1, ..]` is [1, -1], but must be a point of finite energy; start inside the support, for example from draws of the base or from data"
    );
    assert!(refuse(Array2::zeros((0, 2))).contains("at least 1"));
    let narrow = Slice::with_widths(array![1.0]).unwrap();
    let refusal = narrow.init(&target, array![[1.0, 1.0]]).unwrap_err().to_string();
    assert!(
        refusal.contains("dimension 1") && refusal.contains("dimension 2"),
        "{refusal}"
    );
}

#[test]
fn steps_are_pinned() {
    // Golden draws: a change here changes every seeded result and belongs into the changelog.
    let x = Array2::from_shape_fn((34, 3), |(b, i)| (b as f64 - i as f64) / 34.0);
    let (sweep, line) = (Slice::new(1.0).unwrap(), HitAndRunSlice::new(1.0).unwrap());
    let target = gaussian(0.0);
    let mut swept = sweep.init(&target, x.clone()).unwrap();
    let mut moved = line.init(&target, x).unwrap();
    let mut rng = Seed::new(16).child("pinned").rng();
    for _ in 0..3 {
        sweep.step(&target, &mut swept, &mut rng);
        line.step(&target, &mut moved, &mut rng);
    }
    // The last row belongs to a second block.
    let found = [
        swept.x[[0, 0]],
        swept.x[[33, 2]],
        moved.x[[0, 0]],
        moved.x[[33, 2]],
    ];
    assert!(
        found
            .iter()
            .zip(PINNED)
            .all(|(found, pinned)| (found - pinned).abs() < 1e-12),
        "{found:?}"
    );
}

const PINNED: [f64; 4] = [
    0.9164084655626998,
    1.1770849658023566,
    0.4385987363946462,
    -1.4195429626128335,
];
