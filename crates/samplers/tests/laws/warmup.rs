//! Warm-up: what is tuned comes out as theory has it, on any number of threads, and however often it is interrupted.

use gibbsian_core::{Acceptance, Density, Energy, Potential, Score, Seed, Snapshot, Space, StepInfo};
use gibbsian_samplers::{Chains, Hmc, Jitter, Metric, MetricForm, Nuts, Schedule, Tunable, Warmup};
use gibbsian_testkit::conformance;
use gibbsian_testkit::targets::Gaussian;
use gibbsian_testkit::threads;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};

/// Three scales, two of them correlated.
fn target() -> Gaussian {
    let covariance = array![[25.0, 0.0, 0.0], [0.0, 1.0, 0.09], [0.0, 0.09, 0.01]];
    let inverse = gibbsian_linalg::Cholesky::new("covariance", covariance.view())
        .unwrap()
        .inverse();
    Gaussian::new(array![3.0, 0.0, -1.0], (&inverse + &inverse.t()) * 0.5).unwrap()
}

fn chains<'t, K, T>(kernel: K, target: &'t T, n: usize) -> Chains<'t, K, T>
where
    K: gibbsian_core::Kernel<T> + Tunable,
    T: Potential,
{
    // Far from everything the target likes.
    let x = Array2::from_shape_fn((n, target.dim()), |(b, i)| ((7 * b + 3 * i) % 11) as f64 - 5.0);
    Chains::new(kernel, target, x, Seed::new(9)).unwrap()
}

/// The matrix `L Lᵀ`.
fn covariance(metric: &Metric, dim: usize) -> Array2<f64> {
    let mut columns = Array2::eye(dim);
    metric.apply_transposed(columns.view_mut());
    metric.apply(columns.view_mut());
    columns
}

/// The mean acceptance probability over some steps.
fn acceptance<K, T>(chains: &mut Chains<'_, K, T>, n_steps: u64) -> f64
where
    K: gibbsian_core::Kernel<T>,
    T: Sync,
{
    let mut blocks = vec![Acceptance::default(); chains.n_blocks()];
    chains.observe(n_steps, &mut blocks, |sum, step| {
        *sum = *sum + step.info.acceptance()
    });
    blocks.into_iter().sum::<Acceptance>().rate()
}

fn finds_scales_and_acceptance<K: gibbsian_core::Kernel<Gaussian> + Tunable>(kernel: K) {
    let target = target();
    let exact = target.covariance();
    for form in [MetricForm::Diagonal, MetricForm::Dense] {
        let mut chains = chains(kernel.clone(), &target, 40);
        let mut warmup = Warmup::new(Schedule::new(400).unwrap(), form, &chains).unwrap();
        warmup.run(&mut chains).unwrap();
        assert!(warmup.is_over());
        let found = covariance(chains.kernel().metric(), 3);
        // The last window has 40 × 200 points; a variance estimated from an eighth as many independent ones has a relative deviation of 4.5 %.
        for i in 0..3 {
            let ratio = found[[i, i]] / exact[[i, i]];
            assert!((ratio - 1.0).abs() < 0.25, "{form:?} variance {i}: {ratio}");
        }
        let correlation = found[[1, 2]] / (found[[1, 1]] * found[[2, 2]]).sqrt();
        match form {
            MetricForm::Dense => assert!((correlation - 0.9).abs() < 0.05, "{correlation}"),
            MetricForm::Diagonal => assert_eq!(correlation, 0.0),
        }
        // The step size is an average over the fifty steps of the last part, the first of which tried sizes ten times too long: a tenth off in its logarithm.
        let rate = acceptance(&mut chains, 200);
        let aim = chains.kernel().target_acceptance();
        assert!((rate - aim).abs() < 0.1, "{form:?}: {rate} instead of {aim}");
    }
}

#[test]
fn nuts_finds_scales_and_acceptance() {
    finds_scales_and_acceptance(Nuts::new(17.0).unwrap());
}

#[test]
fn hmc_finds_scales_and_acceptance() {
    // With a fixed number of steps the acceptance is no monotone function of their size: after whole periods it is one.
    let kernel = Hmc::new(1e-4, 8).unwrap();
    finds_scales_and_acceptance(kernel.with_jitter(Jitter::NumberOfSteps).unwrap());
}

#[test]
fn tuning_does_not_depend_on_threads() {
    let target = target();
    threads::same_on_any_number("tuned kernels and chains have the same bits", || {
        let mut chains = chains(Nuts::new(1.0).unwrap(), &target, 70);
        let mut warmup = Warmup::new(Schedule::new(60).unwrap(), MetricForm::Dense, &chains).unwrap();
        warmup.run(&mut chains).unwrap();
        let mut all = covariance(chains.kernel().metric(), 3).into_flat().to_vec();
        all.push(chains.kernel().step_size());
        all.extend(chains.positions().iter());
        Array1::from(all)
    })
    .unwrap();
}

#[test]
fn an_interrupted_warm_up_goes_on_as_if_nothing_had_happened() {
    let target = target();
    let start = || {
        let chains = chains(Nuts::new(1.0).unwrap(), &target, 20);
        let warmup = Warmup::new(Schedule::new(80).unwrap(), MetricForm::Diagonal, &chains).unwrap();
        (chains, warmup)
    };
    let (mut chains, mut warmup) = start();
    warmup.run(&mut chains).unwrap();
    // In the first search, within the window, at its end and after it.
    for n_steps in [1, 40, 72, 79, 84] {
        let (mut first, mut tuner) = start();
        tuner.advance(&mut first, n_steps).unwrap();
        let (mut second, mut other) = start();
        second.restore(&first.snapshot()).unwrap();
        other.restore(&tuner.snapshot()).unwrap();
        other.run(&mut second).unwrap();
        assert_eq!(second.kernel(), chains.kernel(), "after {n_steps}");
        assert_eq!(second.positions(), chains.positions(), "after {n_steps}");
    }
    let (mut first, mut tuner) = start();
    tuner.advance(&mut first, 40).unwrap();
    conformance::snapshot(&tuner, &mut start().1).unwrap();
}

/// The same energy everywhere.
struct Flat;

impl Space for Flat {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for Flat {
    fn energy_into(&self, _: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.fill(0.0);
    }
}

impl Score for Flat {
    fn score_into(&self, _: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.fill(0.0);
    }
}

impl Potential for Flat {}

#[test]
fn a_target_that_accepts_every_step_size_is_refused() {
    let mut chains = chains(Nuts::new(1.0).unwrap(), &Flat, 8);
    let mut warmup = Warmup::new(Schedule::new(80).unwrap(), MetricForm::Diagonal, &chains).unwrap();
    let refusal = warmup.run(&mut chains).unwrap_err();
    assert!(refusal.to_string().contains("step_size"), "{refusal}");
    assert!(Schedule::new(0).is_err());
}

#[test]
fn windows_are_stans() {
    let ends = |n| Schedule::new(n).unwrap().window_ends().to_vec();
    assert_eq!(ends(1000), [100, 150, 250, 450, 950]);
    assert_eq!(ends(500), [100, 150, 250, 450]);
    assert_eq!(ends(499), [100, 150, 449]);
    assert_eq!(ends(150), [100]);
    assert_eq!(ends(100), [90]);
    assert!(ends(19).is_empty());
    for n in [20, 100, 149, 150, 151, 175, 226, 1000, 4321] {
        let schedule = Schedule::new(n).unwrap();
        let in_window: Vec<u64> = (0..n as u64).filter(|&t| schedule.is_in_window(t)).collect();
        let ends: Vec<u64> = (0..n as u64)
            .filter(|&t| schedule.ends_with(t))
            .map(|t| t + 1)
            .collect();
        assert_eq!(ends, schedule.window_ends());
        assert_eq!(in_window.last().map(|t| t + 1), ends.last().copied());
        assert_eq!(
            in_window.len() as u64,
            in_window.last().unwrap() + 1 - in_window[0]
        );
    }
}

#[test]
fn tuned_chains_draw_from_the_target() {
    let target = target();
    let mut chains = chains(Nuts::new(1.0).unwrap(), &target, 40);
    Warmup::new(Schedule::new(200).unwrap(), MetricForm::Dense, &chains)
        .unwrap()
        .run(&mut chains)
        .unwrap();
    let mut energies = vec![Vec::new(); chains.n_blocks()];
    let (log_z, dim) = (target.log_z(), 3.0);
    assert!(log_z.is_finite());
    chains.observe(500, &mut energies, |all, step| all.extend(target.energy(step.x)));
    let all = energies.concat();
    // The energy has mean D/2 and variance D/2; a fifth of the steps count as independent.
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let error = (0.5 * dim / (0.2 * all.len() as f64)).sqrt();
    assert!((mean - 0.5 * dim).abs() < 5.0 * error, "{mean}");
}
