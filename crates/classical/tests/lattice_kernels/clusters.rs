//! Swendsen–Wang and Wolff.

use gibbsian_classical::clusters::{Hybrid, LocalSweep};
use gibbsian_classical::ising::kaufman;
use gibbsian_classical::{Boundary, Graph, Ising, Potts, SwendsenWang, Wolff};
use gibbsian_core::{Discrete, Energy, Kernel, Seed, StepInfo};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::conformance::{self, Balance};
use gibbsian_testkit::stats::{FALSE_ALARM, binomial, family, mean};
use ndarray::{Array1, Array2, Axis};

use crate::models::{frustrated, small};

#[test]
fn cluster_kernels_have_the_laws_of_their_matrices() {
    for (k, (name, model)) in small().into_iter().enumerate() {
        let seed = Seed::new(11).nth(k as u64);
        let swendsen_wang =
            conformance::transition_law(&SwendsenWang, &model, Balance::Detailed, seed.child("all"));
        swendsen_wang.map_err(|f| f.within(name)).unwrap();
        let wolff = conformance::transition_law(&Wolff, &model, Balance::Detailed, seed.child("one"));
        wolff.map_err(|f| f.within(name)).unwrap();
    }
}

#[test]
fn cluster_kernels_keep_the_contract_of_kernels() {
    let graph = Graph::lattice(&[3, 4], Boundary::Periodic).unwrap();
    let (model, other) = (
        frustrated(graph.clone(), 1),
        Ising::uniform(graph, 0.5, 0.0).unwrap(),
    );
    let mut x = Array2::zeros((5, 12));
    model.states_into(1234, x.view_mut());
    conformance::kernel(&SwendsenWang, &model, &other, x.view(), Seed::new(1)).unwrap();
    conformance::kernel(&Wolff, &model, &other, x.view(), Seed::new(2)).unwrap();

    let mut state = Wolff.init(&model, x.clone()).unwrap();
    let mut copy = Wolff.init(&model, x.mapv(|v| -v)).unwrap();
    conformance::snapshot(&state, &mut copy).unwrap();
    // A symbol that the model has not is refused.
    let mut record = gibbsian_core::Record::new();
    record.put("symbols", &[5, 12], gibbsian_core::Values::U8(vec![2; 60]));
    let refused = gibbsian_core::Snapshot::restore(&mut copy, &record).unwrap_err();
    assert!(refused.to_string().contains("symbol 2"));
    // Both kernels continue the same chains, from a snapshot too.
    let mut rng = Seed::new(3).rng();
    SwendsenWang.step(&model, &mut state, &mut rng);
    let mut rng = Seed::new(3).rng();
    SwendsenWang.step(&model, &mut copy, &mut rng);
    assert_eq!(state.states(), copy.states());
}

#[test]
fn the_mean_size_of_a_cluster_is_the_susceptibility() {
    let model = Ising::uniform(Graph::lattice(&[3, 3], Boundary::Periodic).unwrap(), 0.35, 0.0).unwrap();
    let audit = Audit::new(&model).unwrap();
    let squared = audit.states.sum_axis(Axis(1)).mapv(|m| m * m / 9.0);
    let susceptibility = squared.dot(&audit.pi);
    // Chains are independent of each other, and sixty steps on nine spins forget the start.
    let n_chains = 20_000;
    let sizes = |sizes: &mut dyn FnMut(&mut gibbsian_core::StreamRng) -> Vec<f64>| {
        let mut rng = Seed::new(8).rng();
        let mut last = Vec::new();
        for _ in 0..60 {
            last = sizes(&mut rng);
        }
        last
    };
    let x = Array2::ones((n_chains, 9));
    let mut state = SwendsenWang.init(&model, x.clone()).unwrap();
    let all = sizes(&mut |rng| {
        let partitions = SwendsenWang.step(&model, &mut state, rng);
        (0..n_chains).map(|b| partitions.statistic(0, b)).collect()
    });
    let mut state = Wolff.init(&model, x).unwrap();
    let one = sizes(&mut |rng| {
        let turns = Wolff.step(&model, &mut state, rng);
        (0..n_chains).map(|b| turns.statistic(0, b)).collect()
    });
    let tests = [
        mean("Σ n² / N of Swendsen and Wang", &all, susceptibility),
        mean("n of Wolff", &one, susceptibility),
    ];
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn mean_energies_on_periodic_square_lattices_are_exact() {
    let mut tests = Vec::new();
    // Rows of whole words, columns that are a power of two, and neither; on an even torus the sign of the coupling is a matter of notation.
    for (rows, columns, coupling) in [
        (3, 64, 0.44),
        (64, 64, 0.44),
        (4, 128, -0.4),
        (6, 6, 0.4),
        (6, 16, 0.5),
    ] {
        let graph = Graph::lattice(&[rows, columns], Boundary::Periodic).unwrap();
        let model = Ising::uniform(graph, coupling, 0.0).unwrap();
        let expected = kaufman(rows, columns, coupling.abs(), coupling.abs())
            .unwrap()
            .mean_energy;
        let n_chains = 100;
        let x = Array2::ones((n_chains, rows * columns));
        let mut state = SwendsenWang.init(&model, x).unwrap();
        let mut rng = Seed::new(21).rng();
        // Chains are independent. A few sweeps of all clusters forget the start, and some turns of one follow them.
        for _ in 0..40 {
            SwendsenWang.step(&model, &mut state, &mut rng);
        }
        let mut energies = [Array1::<f64>::zeros(n_chains), Array1::zeros(n_chains)];
        for _ in 0..20 {
            SwendsenWang.step(&model, &mut state, &mut rng);
            energies[0] += &model.energy(state.states().view());
        }
        for _ in 0..60 {
            Wolff.step(&model, &mut state, &mut rng);
            energies[1] += &model.energy(state.states().view());
        }
        for (energies, n) in energies.into_iter().zip([20.0, 60.0]) {
            let name = format!("{n} steps on {rows} by {columns} sites");
            tests.push(mean(&name, (energies / n).as_slice().unwrap(), expected));
        }
    }
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn sweeps_between_clusters_keep_the_law() {
    for (k, (name, model)) in small().into_iter().enumerate().skip(6).take(2) {
        let seed = Seed::new(41).nth(k as u64);
        let sweep = conformance::transition_law(&LocalSweep, &model, Balance::Global, seed.child("sweep"));
        sweep.map_err(|f| f.within(name)).unwrap();
        let hybrid = Hybrid::new(Wolff, 2, 1).unwrap();
        let hybrid = conformance::transition_law(&hybrid, &model, Balance::Global, seed.child("one"));
        hybrid.map_err(|f| f.within(name)).unwrap();
        let hybrid = Hybrid::new(SwendsenWang, 1, 2).unwrap();
        let hybrid = conformance::transition_law(&hybrid, &model, Balance::Global, seed.child("all"));
        hybrid.map_err(|f| f.within(name)).unwrap();
    }
    let graph = Graph::lattice(&[2, 2], Boundary::Open).unwrap();
    let fields = crate::models::uniform(12, -0.8, 0.8, 3).into_shape_with_order((4, 3));
    let couplings = crate::models::uniform(4, -1.0, 1.0, 4);
    let colours = Potts::new(graph, couplings, fields.unwrap()).unwrap();
    let hybrid = Hybrid::new(Wolff, 1, 1).unwrap();
    conformance::transition_law(&LocalSweep, &colours, Balance::Global, Seed::new(5)).unwrap();
    conformance::transition_law(&hybrid, &colours, Balance::Global, Seed::new(6)).unwrap();

    let graph = Graph::lattice(&[3, 4], Boundary::Periodic).unwrap();
    let (model, other) = (
        frustrated(graph.clone(), 1),
        Ising::uniform(graph, 0.5, 0.0).unwrap(),
    );
    let mut x = Array2::zeros((5, 12));
    model.states_into(1234, x.view_mut());
    conformance::kernel(&LocalSweep, &model, &other, x.view(), Seed::new(7)).unwrap();
    conformance::kernel(&hybrid, &model, &other, x.view(), Seed::new(8)).unwrap();
    assert!(Hybrid::new(Wolff, 0, 1).is_err() && Hybrid::new(Wolff, 1, 0).is_err());
}

#[test]
fn chains_on_whole_words_keep_the_contract_and_share_nothing() {
    let torus = |coupling: f64| {
        let graph = Graph::lattice(&[3, 64], Boundary::Periodic).unwrap();
        Ising::uniform(graph, coupling, 0.0).unwrap()
    };
    // Without couplings every site is a cluster, and its turn a fair coin.
    let free = torus(0.0);
    let x = Array2::ones((70, 192));
    let mut state = SwendsenWang.init(&free, x.clone()).unwrap();
    SwendsenWang.step(&free, &mut state, &mut Seed::new(5).rng());
    let y = state.states();
    let equal = |a: usize, b: usize| (0..192).filter(|&i| y[[a, i]] == y[[b, i]]).count() as u64;
    let beside = (0..70).map(|b| (0..128).filter(|&i| y[[b, i]] == y[[b, i + 64]]).count() as u64);
    let tests = [
        binomial("coins of chains of one block", equal(0, 1), 192, 0.5),
        binomial("coins of chains of two blocks", equal(0, 32), 192, 0.5),
        binomial("coins a word apart", beside.sum(), 70 * 128, 0.5),
    ];
    family(&tests, FALSE_ALARM).unwrap();
    // With them, bonds of different blocks are different.
    let model = torus(0.4);
    let mut state = SwendsenWang.init(&model, x.clone()).unwrap();
    let partitions = SwendsenWang.step(&model, &mut state, &mut Seed::new(5).rng());
    let sizes = |first: usize| partitions.0[first..first + 6].to_vec();
    assert!(sizes(0) != sizes(32) && sizes(32) != sizes(64));
    conformance::kernel(
        &SwendsenWang,
        &model,
        &torus(0.2),
        x.slice(ndarray::s![..5, ..]),
        Seed::new(1),
    )
    .unwrap();
}
