//! How far trajectories go, what is said of them, and what is refused.

use gibbsian_core::{Density, Kernel, Seed, StepInfo};
use gibbsian_samplers::{Hmc, Jitter, Metric, Nuts, Transition};
use gibbsian_testkit::conformance;
use gibbsian_testkit::targets::Gaussian;
use ndarray::{Array1, Array2, array};

use crate::hamiltonian::targets::{Walled, correlated, two_modes};

fn standard(dim: usize) -> Gaussian {
    Gaussian::new(Array1::zeros(dim), Array2::eye(dim)).unwrap()
}

fn draws<T: Density>(target: &T, n: usize) -> Array2<f64> {
    target.sample(n, &mut Seed::new(7).rng())
}

#[test]
fn they_are_kernels() {
    let (target, other) = (
        correlated(),
        Gaussian::new(array![0.0, 1.0], array![[2.0, 0.0], [0.0, 1.0]]).unwrap(),
    );
    let x = draws(&target, 5);
    let dense = Metric::dense(array![[2.0, -0.7], [-0.7, 0.4]].view()).unwrap();
    let seed = Seed::new(5);
    let hmc = Hmc::new(0.3, 4).unwrap();
    let nuts = Nuts::new(0.4).unwrap();
    conformance::kernel(&hmc, &target, &other, x.view(), seed).unwrap();
    conformance::kernel(
        &hmc.clone().with_metric(dense.clone()),
        &target,
        &other,
        x.view(),
        seed,
    )
    .unwrap();
    let jittered = hmc.with_jitter(Jitter::NumberOfSteps).unwrap();
    conformance::kernel(&jittered, &target, &other, x.view(), seed).unwrap();
    conformance::kernel(&nuts, &target, &other, x.view(), seed).unwrap();
    conformance::kernel(&nuts.clone().with_metric(dense), &target, &other, x.view(), seed).unwrap();
    for kernel in [nuts.clone(), Nuts::new(0.2).unwrap()] {
        let state = |n| {
            let mut state = kernel.init(&target, x.clone()).unwrap();
            for _ in 0..n {
                kernel.step(&target, &mut state, &mut Seed::new(n).rng());
            }
            state
        };
        conformance::snapshot(&state(2), &mut state(1)).unwrap();
    }
}

#[test]
fn trajectories_of_an_oscillator_end_after_half_a_period() {
    // In a standard normal law of any dimension every coordinate has the period 2π. A tree of 2ʲ points that spans more than half a period, `2ʲ ε > π`, has
    // opposite momenta somewhere in it, and one of less than a quarter, `2ʲ ε < π/2`, has none that point against each other.
    for step_size in [0.05, 0.11, 0.3] {
        let target = standard(20);
        let kernel = Nuts::new(step_size).unwrap();
        let mut state = kernel.init(&target, draws(&target, 64)).unwrap();
        let mut rng = Seed::new(14).rng();
        for _ in 0..20 {
            for chain in kernel.step(&target, &mut state, &mut rng).0 {
                let n_points = f64::from(1 << chain.tree_depth) * step_size;
                assert!(
                    f64::from(chain.n_steps + 1) * step_size > 0.5 * std::f64::consts::PI,
                    "{chain:?}"
                );
                assert!(n_points < 2.0 * std::f64::consts::PI, "{chain:?}");
                assert!(!chain.reached_max_treedepth && !chain.diverging, "{chain:?}");
            }
        }
    }
}

#[test]
fn steps_that_divide_the_period_do_not_go_round() {
    // The trap that the conditions at the joints are for: with a quarter of a period a step, sums of momenta over complete subtrees vanish or nearly do.
    let target = standard(50);
    let step_size = 2.0 * (std::f64::consts::PI / 8.0).sin();
    let kernel = Nuts::new(step_size).unwrap();
    let mut state = kernel.init(&target, draws(&target, 256)).unwrap();
    let info = kernel.step(&target, &mut state, &mut Seed::new(15).rng());
    for chain in &info.0 {
        assert!(chain.n_steps <= 7, "{chain:?}");
    }
}

#[test]
fn statistics_belong_to_the_points() {
    let target = correlated();
    let x = draws(&target, 40);
    let kernel = Nuts::new(0.3).unwrap();
    let mut state = kernel.init(&target, x).unwrap();
    let mut rng = Seed::new(3).rng();
    for _ in 0..5 {
        let before = state.walkers.x.clone();
        let info = kernel.step(&target, &mut state, &mut rng);
        let after = state.walkers.x.clone();
        let energies = gibbsian_core::Energy::energy(&target, after.view());
        let names = <Nuts as Kernel<Gaussian>>::Info::STATISTICS;
        let statistic =
            |name: &str, chain| info.statistic(names.iter().position(|n| *n == name).unwrap(), chain);
        for (b, chain) in info.0.iter().enumerate() {
            assert_eq!(chain.moved, before.row(b) != after.row(b));
            assert!((statistic("lp", b) + energies[b]).abs() < 1e-12);
            assert!(statistic("energy", b) >= energies[b] - 1e-12);
            assert!((0.0..=1.0).contains(&statistic("acceptance_rate", b)));
            // A doubling that is given up takes part of its steps.
            let full = f64::from((1 << chain.tree_depth) - 1);
            assert!(
                (full..=2.0 * full + 1.0).contains(&statistic("n_steps", b)),
                "{chain:?}"
            );
            assert_eq!(statistic("tree_depth", b), f64::from(chain.tree_depth));
            assert_eq!(
                (statistic("diverging", b), statistic("reached_max_treedepth", b)),
                (0.0, 0.0)
            );
        }
        let acceptance = info.acceptance();
        assert_eq!((acceptance.proposed, acceptance.undefined), (40, 0));
        assert_eq!(
            acceptance.accepted,
            info.0.iter().filter(|chain| chain.moved).count() as u64
        );
    }
    let shallow = Nuts::new(0.01).unwrap().with_max_depth(1).unwrap();
    let info = shallow.step(&target, &mut state, &mut rng);
    assert!(
        info.0
            .iter()
            .all(|chain| chain.reached_max_treedepth && chain.n_steps == 1)
    );
}

#[test]
fn hmc_takes_the_steps_it_says() {
    let target = two_modes();
    let kernel = Hmc::new(0.2, 6).unwrap();
    let n_steps = |kernel: &Hmc| {
        let mut state = kernel.init(&target, draws(&target, 300)).unwrap();
        let info = kernel.step(&target, &mut state, &mut Seed::new(1).rng());
        let counts = |n| info.0.iter().filter(|chain| chain.n_steps == n).count();
        (0..8).map(counts).collect::<Vec<usize>>()
    };
    assert_eq!(n_steps(&kernel)[6], 300);
    let jittered = n_steps(&kernel.with_jitter(Jitter::NumberOfSteps).unwrap());
    assert_eq!((jittered[0], jittered[7]), (0, 0));
    // Fifty each with a standard deviation of 6.5.
    assert!(
        jittered[1..7].iter().all(|n| (10..90).contains(n)),
        "{jittered:?}"
    );
}

/// One step from the middle of a walled target, by both kernels.
fn one_step(energy: f64, score: f64, step_size: f64) -> Vec<Transition> {
    let target = Walled {
        wall: 2.0,
        energy,
        score,
    };
    let x = Array2::from_shape_fn((40, 1), |(b, _)| 0.04 * b as f64 - 0.8);
    let mut rng = Seed::new(4).rng();
    let nuts = Nuts::new(step_size).unwrap();
    let mut state = nuts.init(&target, x.clone()).unwrap();
    let mut chains = nuts.step(&target, &mut state, &mut rng).0;
    let mut after: Vec<f64> = state.walkers.x.iter().copied().collect();
    let hmc = Hmc::new(step_size, 3).unwrap();
    let mut state = hmc.init(&target, x.clone()).unwrap();
    chains.extend(hmc.step(&target, &mut state, &mut rng).0);
    after.extend(state.walkers.x.iter());
    for (chain, (before, after)) in chains.iter().zip(x.iter().chain(&x).zip(&after)) {
        assert_eq!(chain.moved, before != after);
        assert!(after.abs() < 2.0, "{chain:?} at {after}");
    }
    chains
}

#[test]
fn what_is_no_energy_is_refused_and_counted() {
    // Whole steps beyond the wall: everything proposed is refused.
    for (energy, score, undefined) in [
        (f64::NAN, 0.0, true),
        (f64::NEG_INFINITY, 0.0, true),
        (1.0, f64::NAN, true),
        (1.0, f64::INFINITY, false),
        (f64::INFINITY, f64::NAN, false),
        (f64::INFINITY, 0.0, false),
        (5000.0, 0.0, false),
    ] {
        let chains = one_step(energy, score, 1.9);
        let met = chains.iter().filter(|chain| chain.diverging).count();
        for chain in &chains {
            assert_eq!(
                chain.undefined,
                undefined && chain.diverging,
                "{energy} {score}: {chain:?}"
            );
        }
        assert!(met > 20, "{met} for {energy} {score}");
    }
}

#[test]
fn far_below_the_start_weights_do_not_overflow() {
    // From an energy of 5000 the first steps lead down by more than the logarithm of the largest double.
    let target = standard(2);
    let kernel = Nuts::new(0.3).unwrap();
    let mut state = kernel.init(&target, Array2::from_elem((16, 2), 70.0)).unwrap();
    let info = kernel.step(&target, &mut state, &mut Seed::new(6).rng());
    assert!(
        info.0
            .iter()
            .all(|chain| chain.moved && chain.energy.is_finite() && !chain.diverging)
    );
}

#[test]
fn bad_settings_and_starts_are_refused() {
    for bad in [0.0, -0.1, f64::NAN, f64::INFINITY] {
        for refusal in [Hmc::new(bad, 1).map(|_| ()), Nuts::new(bad).map(|_| ())] {
            assert!(refusal.unwrap_err().to_string().contains("step_size"));
        }
    }
    assert!(Hmc::new(0.1, 0).unwrap_err().to_string().contains("n_steps"));
    for max_depth in [0, 31] {
        let refusal = Nuts::new(0.1).unwrap().with_max_depth(max_depth).unwrap_err();
        assert!(refusal.to_string().contains("max_depth"), "{refusal}");
    }
    for fraction in [-0.1, 1.0, f64::NAN] {
        let jitter = Jitter::StepSize { fraction };
        assert!(Hmc::new(0.1, 1).unwrap().with_jitter(jitter).is_err());
    }
    let target = standard(2);
    let metric = Metric::diagonal(array![1.0, 2.0, 3.0]).unwrap();
    let nuts = Nuts::new(0.1).unwrap();
    let refusal = nuts
        .clone()
        .with_metric(metric)
        .init(&target, Array2::zeros((1, 2)))
        .unwrap_err();
    assert!(refusal.to_string().contains("metric"), "{refusal}");
    assert!(nuts.init(&target, Array2::zeros((0, 2))).is_err());
    let walled = Walled {
        wall: 1.0,
        energy: f64::INFINITY,
        score: f64::NAN,
    };
    let refusal = nuts.init(&walled, array![[0.0], [3.0]]).unwrap_err();
    assert!(refusal.to_string().contains("x[1, ..]"), "{refusal}");
}
