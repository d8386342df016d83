//! Kernels on finite spaces, on machines whose states can be listed: free energies are no quadratic forms, so that estimates by gradients are wrong there and what corrects
//! them shows.

use gibbsian_classical::{Bernoulli, BinaryRbm, BinaryRbmPath, Rbm, RbmPath, Spin};
use gibbsian_core::{Discrete, DiscreteEnergy, Energy, Path, RelaxedEnergy, Seed, Snapshot};
use gibbsian_samplers::{
    Balancing, Dmala, Dula, GibbsWithGradients, Ladder, LocallyInformed, Metropolis, Overlap,
    ParallelTempering,
};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::audit::law::leaves_invariant;
use gibbsian_testkit::conformance::{self, Balance};
use gibbsian_testkit::stats::{FALSE_ALARM, chi_square};
use ndarray::{Array1, Array2, array};

fn weights() -> Array2<f64> {
    array![
        [1.7, -2.4, 0.9],
        [-1.8, 1.3, 2.2],
        [0.6, 1.1, -1.5],
        [2.1, -0.7, 0.4]
    ]
}

fn bernoulli() -> Rbm {
    let visible = Bernoulli::new(array![0.3, -0.8, 0.5, -1.1]).unwrap();
    Rbm::new(
        visible,
        Bernoulli::new(array![-0.4, 0.6, 0.2]).unwrap(),
        weights(),
    )
    .unwrap()
}

fn spins() -> Rbm<Spin, Bernoulli> {
    let visible = Spin::new(array![0.3, -0.2, 0.1, -0.4]).unwrap();
    let hidden = Bernoulli::new(array![-0.4, 0.6, 0.2]).unwrap();
    Rbm::new(visible, hidden, weights() * 0.7).unwrap()
}

/// All kernels that follow gradients or differences.
fn follow_gradients<T: RelaxedEnergy>(target: &T, seed: Seed) {
    let detailed = Balance::Detailed;
    conformance::transition_law(&GibbsWithGradients, target, detailed, seed.nth(0)).unwrap();
    for (k, step_size) in [0.3, 2.0].into_iter().enumerate() {
        let kernel = Dmala::new(step_size).unwrap();
        conformance::transition_law(&kernel, target, detailed, seed.nth(1 + k as u64)).unwrap();
    }
}

fn follow_differences<T: DiscreteEnergy>(target: &T, seed: Seed) {
    for (k, balancing) in [Balancing::Root, Balancing::Barker].into_iter().enumerate() {
        let kernel = LocallyInformed { balancing };
        conformance::transition_law(&kernel, target, Balance::Detailed, seed.nth(k as u64)).unwrap();
    }
    conformance::transition_law(&Metropolis, target, Balance::Global, seed.nth(2)).unwrap();
}

#[test]
fn kernels_leave_the_free_energies_of_machines_invariant() {
    follow_gradients(&bernoulli(), Seed::new(1));
    follow_differences(&bernoulli(), Seed::new(2));
    follow_gradients(&spins(), Seed::new(3));
    follow_differences(&spins(), Seed::new(4));
    // The fused machine's energies are off by single precision, and its kernels leave the law of just these energies invariant; its fast flips are not their
    // differences to the last bit, so that kernels on differences are left out.
    follow_gradients(&BinaryRbm::from(&bernoulli()), Seed::new(5));
}

#[test]
fn the_unadjusted_sampler_is_biased_where_no_theorem_says_how() {
    use gibbsian_core::TransitionLaw;
    let target = bernoulli();
    let audit = Audit::new(&target).unwrap();
    let drift = |step_size: f64| {
        let p = Dula::new(step_size)
            .unwrap()
            .transition_matrix(&target, audit.states.view());
        (audit.pi.dot(&p) - &audit.pi).mapv(f64::abs).sum()
    };
    assert!(drift(2.0) > 0.05, "{}", drift(2.0));
    let p = Dmala::new(2.0)
        .unwrap()
        .transition_matrix(&target, audit.states.view());
    leaves_invariant(audit.pi.view(), p.view()).unwrap();
}

/// Replica sets on `path` from the state at which the target is least likely, and the law of the last rung after a number of steps.
fn tempered_law<P: Path>(path: &P, audit: &Audit, seed: Seed) -> gibbsian_testkit::stats::Test {
    const N_SETS: usize = 1 << 13;
    let least = (0..audit.pi.len())
        .min_by(|a, b| audit.pi[*a].total_cmp(&audit.pi[*b]))
        .unwrap();
    let x = Array2::from_shape_fn((N_SETS, path.dim()), |(_, i)| audit.states[[least, i]]);
    let sampler = ParallelTempering::new(Ladder::linear(3).unwrap());
    let mut replicas = sampler.place(path, x).unwrap();
    // Block Gibbs sampling of so small a machine, and exact draws below, have forgotten the start after fifty steps.
    let report = sampler.run(path, &mut replicas, 50, &mut seed.rng());
    assert_eq!(report.overlap(), Overlap::Sound);
    let mut counts = vec![0; audit.pi.len()];
    for row in replicas.positions().rows() {
        counts[audit.states.rows().into_iter().position(|s| s == row).unwrap()] += 1;
    }
    chi_square(
        "the last rung has the law of the machine",
        &counts,
        &audit.pi.to_vec(),
    )
}

#[test]
fn parallel_tempering_runs_along_the_paths_of_machines() {
    let rbm = bernoulli();
    let audit = Audit::new(&rbm).unwrap();
    let path = RbmPath::new(&rbm, Bernoulli::unbiased(4), Bernoulli::unbiased(3)).unwrap();
    tempered_law(&path, &audit, Seed::new(6)).assert(FALSE_ALARM);
    let fused = BinaryRbm::from(&rbm);
    let path = BinaryRbmPath::new(&fused, &Bernoulli::unbiased(4)).unwrap();
    let audit = Audit::new(&fused).unwrap();
    tempered_law(&path, &audit, Seed::new(7)).assert(FALSE_ALARM);
    let machine = spins();
    let path = RbmPath::new(&machine, Spin::unbiased(4), Bernoulli::unbiased(3)).unwrap();
    tempered_law(&path, &Audit::new(&machine).unwrap(), Seed::new(8)).assert(FALSE_ALARM);
}

#[test]
fn replica_sets_of_a_machine_are_a_kernel_and_come_back() {
    let (rbm, other) = (bernoulli(), {
        let visible = Bernoulli::new(array![-0.3, 0.8, 0.5, 0.1]).unwrap();
        Rbm::new(visible, Bernoulli::unbiased(3), -weights()).unwrap()
    });
    let path = |rbm| RbmPath::new(rbm, Bernoulli::unbiased(4), Bernoulli::unbiased(3)).unwrap();
    let (path, other) = (path(&rbm), path(&other));
    let x = rbm.states().unwrap();
    let sampler = ParallelTempering::new(Ladder::new(vec![0.0, 0.3, 0.7, 1.0]).unwrap());
    conformance::kernel(&sampler, &path, &other, x.view(), Seed::new(9)).unwrap();
    let mut rng = Seed::new(10).rng();
    let mut replicas = sampler.start(&path, 40, &mut rng).unwrap();
    sampler.run(&path, &mut replicas, 5, &mut rng);
    let mut copy = sampler.start(&path, 40, &mut rng).unwrap();
    copy.restore(&replicas.snapshot()).unwrap();
    for replicas in [&mut copy, &mut replicas] {
        sampler.run(&path, replicas, 5, &mut Seed::new(11).rng());
    }
    assert_eq!(copy.snapshot(), replicas.snapshot());
}

#[test]
fn estimates_by_gradients_are_near_the_differences_of_a_machine() {
    // What the samplers above rely on for their speed, by the error of a tangent: F is concave in the field of each hidden unit with curvature at most ¼, so a
    // flip of unit i is overestimated by at most Σ_j W_ij²/8 and never underestimated.
    let rbm = bernoulli();
    let states = rbm.states().unwrap();
    let mut exact = Array2::zeros(states.raw_dim());
    rbm.flip_deltas_into(states.view(), exact.view_mut());
    let score = rbm.relaxed_score(states.view());
    let bounds: Array1<f64> = weights().rows().into_iter().map(|w| w.dot(&w) / 8.0).collect();
    for ((b, i), exact) in exact.indexed_iter() {
        let estimate = -score[[b, i]] * (1.0 - 2.0 * states[[b, i]]);
        let error = estimate - exact;
        assert!(
            (-1e-14..=bounds[i] + 1e-14).contains(&error),
            "row {b}, unit {i}: {error} outside [0, {}]",
            bounds[i]
        );
    }
    assert!(rbm.energy(states.view()).iter().all(|e| e.is_finite()));
}
