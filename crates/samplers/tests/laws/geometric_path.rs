//! Interpolated energies keep the promises of what they hold, and a kernel between two of them is a path.

use gibbsian_core::{
    Density, Discrete, Energy, GeometricPath, Interpolated, Kernel, Path, Potential, Score, Seed, Space,
};
use gibbsian_samplers::Hmc;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, mean};
use gibbsian_testkit::targets::{Gaussian, Mixture, Pairwise};
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};

const DOUBLE: Precision = Precision::DOUBLE;

fn base() -> Gaussian {
    Gaussian::new(array![0.3, -0.2], array![[0.8, 0.0], [0.1, 1.2]]).unwrap()
}

fn target() -> Mixture {
    Mixture::new(
        array![0.7, 0.3],
        array![[-1.0, 0.5], [1.2, -0.8]],
        array![0.7, 0.5],
    )
    .unwrap()
}

fn points() -> Array2<f64> {
    array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7], [0.2, 0.6]]
}

fn spins(scale: f64) -> Pairwise {
    let couplings = array![[0.0, 0.0, 0.0], [0.9, 0.0, 0.0], [-0.6, 0.4, 0.0]];
    Pairwise::new(array![0.3, -0.6, 0.5], couplings * scale).unwrap()
}

/// The unit square: zero inside, infinite outside.
struct Square;

impl Space for Square {
    fn dim(&self) -> usize {
        2
    }
}

impl Energy for Square {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (e, x) in out.iter_mut().zip(x.rows()) {
            *e = if x.iter().all(|v| (0.0..1.0).contains(v)) {
                0.0
            } else {
                f64::INFINITY
            };
        }
    }
}

impl Score for Square {
    fn score_into(&self, _x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.fill(f64::NAN);
    }
}

impl Potential for Square {}

#[test]
fn continuous_ones_keep_their_promises() -> Verdict {
    let (base, target, x) = (base(), target(), points());
    for beta in [0.0, 0.3, 1.0] {
        let between = Interpolated::new(&base, &target, beta).unwrap();
        conformance::energy(&between, x.view(), DOUBLE)?;
        conformance::potential(&between, x.view(), DOUBLE)?;
        let expected = base.energy(x.view()) * (1.0 - beta) + target.energy(x.view()) * beta;
        assert!(
            (between.energy(x.view()) - expected)
                .iter()
                .all(|d| d.abs() < 1e-14)
        );
    }
    Ok(())
}

#[test]
fn discrete_ones_keep_their_promises() -> Verdict {
    let (base, target) = (spins(0.0), spins(1.0));
    let states = target.states().unwrap();
    for beta in [0.0, 0.4, 1.0] {
        let between = Interpolated::new(&base, &target, beta).unwrap();
        conformance::discrete(&between)?;
        conformance::discrete_energy(&between, states.view(), DOUBLE)?;
        conformance::relaxed_energy(&between, states.view(), DOUBLE)?;
    }
    Ok(())
}

#[test]
fn supports_are_kept_and_terms_of_weight_zero_are_not_asked_for() {
    let base = base();
    let x = array![[0.5, 0.5], [2.0, 0.5]];
    let at = |beta| Interpolated::new(&base, Square, beta).unwrap();
    assert_eq!(at(0.0).energy(x.view()), base.energy(x.view()));
    assert_eq!(at(0.0).score(x.view()), base.score(x.view()));
    assert_eq!(at(0.5).energy(x.view())[1], f64::INFINITY);
    assert_eq!(at(0.5).energy(x.view())[0], 0.5 * base.energy(x.view())[0]);
    let reverse = Interpolated::new(Square, &base, 1.0).unwrap();
    assert_eq!(reverse.energy(x.view()), base.energy(x.view()));
    let (mut energy, mut score) = (Array1::zeros(2), Array2::zeros((2, 2)));
    reverse.energy_and_score_into(x.view(), energy.view_mut(), score.view_mut());
    assert_eq!((energy, score), (base.energy(x.view()), base.score(x.view())));
    let nan = array![[f64::NAN, 0.0]];
    assert!(at(0.5).energy(nan.view())[0].is_nan());
}

fn path<'a>(base: &'a Gaussian, target: &'a Mixture) -> GeometricPath<&'a Gaussian, &'a Mixture, Hmc> {
    GeometricPath::new(base, target, Hmc::new(0.4, 3).unwrap(), 2).unwrap()
}

#[test]
fn a_kernel_between_two_densities_is_a_path() -> Verdict {
    let (base, target) = (base(), target());
    conformance::path(&path(&base, &target), points().view(), DOUBLE, Seed::new(1))
}

#[test]
fn annealing_along_it_is_unbiased_and_leaves_each_temperature_invariant() {
    let (base, target) = (base(), target());
    let path = path(&base, &target);
    let mut rng = Seed::new(2).rng();
    let n = 20_000;
    let mut state = path.start(n, &mut rng);
    let mut log_weights = vec![path.log_z_start(); n];
    for k in 0..4 {
        let (from, to) = (f64::from(k) / 4.0, f64::from(k + 1) / 4.0);
        path.work(&mut state, from, to, &mut log_weights);
        path.transition(&mut state, to, &mut rng);
    }
    let ratios: Vec<f64> = log_weights.iter().map(|l| (l - target.log_z()).exp()).collect();
    mean("Ẑ/Z", &ratios, 1.0).assert(FALSE_ALARM);
    // Exact draws at the end stay there: the cache of the kernel is that of the right temperature.
    let mut state = path.place(target.sample(n, &mut rng).view()).unwrap();
    path.transition(&mut state, 1.0, &mut rng);
    let moved = path.positions(&state).into_owned();
    for (axis, expected) in [(0, 0.3 * 1.2 - 0.7), (1, 0.7 * 0.5 - 0.3 * 0.8)] {
        mean("the mean at the target", &moved.column(axis).to_vec(), expected).assert(FALSE_ALARM);
    }
    let squares: Vec<f64> = moved.column(0).iter().map(|v| v * v).collect();
    let expected = 0.7 * (1.0 + 0.49) + 0.3 * (1.44 + 0.25);
    mean("the second moment at the target", &squares, expected).assert(FALSE_ALARM);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let (base, target) = (base(), target());
    let line = Gaussian::new(array![0.0], array![[1.0]]).unwrap();
    for beta in [-0.1, 1.1, f64::NAN] {
        let error = Interpolated::new(&base, &target, beta).unwrap_err().to_string();
        assert!(error.contains("`beta`"), "{error}");
    }
    let kernel = || Hmc::new(0.4, 3).unwrap();
    let error = GeometricPath::new(&line, &target, kernel(), 1)
        .unwrap_err()
        .to_string();
    assert!(error.contains("dimension of the base, 1"), "{error}");
    let error = GeometricPath::new(&base, &target, kernel(), 0)
        .unwrap_err()
        .to_string();
    assert!(error.contains("`n_steps` is 0"), "{error}");
    let path = path(&base, &target);
    assert!(path.place(array![[0.0, f64::NAN]].view()).is_err());
    assert!(path.place(array![[0.0]].view()).is_err());
    assert!(
        kernel()
            .init(&Interpolated::new(&base, &target, 0.5).unwrap(), points())
            .is_ok()
    );
}
