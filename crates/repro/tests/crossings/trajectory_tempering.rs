//! Parallel tempering through machines that were saved while one was trained: swaps leave the product of their laws as it is, and chains cross where Gibbs chains do not.

use gibbsian_classical::{Bernoulli, Rbm, RbmStart, RbmTrajectory};
use gibbsian_core::{Blocks, Discrete, ParametricMut, Path, Seed};
use gibbsian_samplers::{Overlap, ParallelTempering};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::audit::law::{detailed_balance, leaves_invariant, stochastic};
use gibbsian_testkit::stats::{FALSE_ALARM, binomial, family};
use ndarray::{Array1, Array2, array};

fn start(n_visible: usize, n_hidden: usize) -> RbmStart<Bernoulli, Bernoulli> {
    RbmStart {
        visible: Bernoulli::unbiased(n_visible),
        hidden: Bernoulli::unbiased(n_hidden),
    }
}

fn machine(visible: Array1<f64>, hidden: Array1<f64>, weights: Array2<f64>) -> Rbm {
    Rbm::new(
        Bernoulli::new(visible).unwrap(),
        Bernoulli::new(hidden).unwrap(),
        weights,
    )
    .unwrap()
}

/// Independent layers and two machines on two visible units: 64 joint states of three rungs.
#[test]
fn swaps_leave_the_product_of_the_machines_invariant() {
    let saved = vec![
        machine(array![0.3, -0.6], array![0.2], array![[0.9], [-1.4]]),
        machine(array![-0.8, 0.5], array![-0.7], array![[2.1], [1.6]]),
    ];
    let path = RbmTrajectory::new(start(2, 1), saved.clone()).unwrap();
    let sampler = ParallelTempering::new(path.ladder().clone());
    let states = saved[0].states().unwrap();
    let uniform = Array1::from_elem(4, 0.25);
    let laws = [uniform]
        .into_iter()
        .chain(saved.iter().map(|m| Audit::new(m).unwrap().pi));
    // The first rung changes fastest.
    let product = laws.fold(Array1::ones(1), |law, rung| {
        rung.iter().flat_map(|p| law.iter().map(move |q| p * q)).collect()
    });
    for parity in [0, 1] {
        let swaps = sampler.swap_matrix(&path, parity, states.view()).unwrap();
        stochastic(swaps.view()).unwrap();
        leaves_invariant(product.view(), swaps.view()).unwrap();
        detailed_balance(product.view(), swaps.view()).unwrap();
        assert!(swaps != Array2::eye(64));
    }
}

/// Six visible units that two hidden units hold together, on or off, and the machines on the way there.
fn saved() -> Vec<Rbm> {
    (1..=10)
        .map(|k| {
            let mut last = machine(
                Array1::from_elem(6, -6.0),
                Array1::from_elem(2, -18.0),
                Array2::from_elem((6, 2), 6.0),
            );
            let params = gibbsian_core::Parametric::params(&last) * (f64::from(k) / 10.0);
            last.set_params(params.view()).unwrap();
            last
        })
        .collect()
}

#[test]
fn replicas_cross_to_a_mode_that_gibbs_chains_never_see() {
    const N_SETS: usize = 1000;
    let saved = saved();
    let path = RbmTrajectory::new(start(6, 2), saved.clone()).unwrap();
    let sampler = ParallelTempering::new(path.ladder().clone());
    let mut rng = Seed::new(1).rng();
    let mut replicas = sampler.place(&path, Array2::ones((N_SETS, 6))).unwrap();
    let report = sampler.run(&path, &mut replicas, 400, &mut rng);
    assert_eq!(report.overlap(), Overlap::Sound);
    // Every set has turned over many times, so that its state is a draw of the last machine.
    assert!(replicas.round_trips().iter().all(|n| *n >= 3));
    let off = |x: Array2<f64>| x.rows().into_iter().filter(|x| x.sum() < 3.0).count();
    let audit = Audit::new(&saved[9]).unwrap();
    let states = audit.states.rows().into_iter().zip(&audit.pi);
    let p: f64 = states.filter(|(x, _)| x.sum() < 3.0).map(|(_, p)| p).sum();
    assert!((p - 0.5).abs() < 1e-6);
    let crossed = off(replicas.positions().to_owned()) as u64;
    family(
        &[binomial("sets in the other mode", crossed, N_SETS as u64, p)],
        FALSE_ALARM,
    )
    .unwrap();
    let mut gibbs = Array2::ones((N_SETS, 6));
    for _ in 0..400 {
        saved[9].resample(gibbs.view_mut(), 0, None, &mut rng);
    }
    assert!(off(gibbs) < N_SETS / 20);
    assert!((path.log_z_start() - 8.0 * 2.0_f64.ln()).abs() < 1e-14);
}
