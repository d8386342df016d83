//! Houdayer's move of two replicas.

use gibbsian_classical::{Boundary, Graph, Houdayer, Ising};
use gibbsian_core::{Discrete, Energy, Kernel, Seed, TransitionLaw};
use gibbsian_testkit::audit::law::{detailed_balance, stochastic};
use gibbsian_testkit::audit::{Audit, kernel_as_drawn};
use gibbsian_testkit::conformance::{self, Balance};
use gibbsian_testkit::stats::FALSE_ALARM;
use gibbsian_testkit::targets::Sweep;
use ndarray::{Array1, Array2, s};

use crate::models::frustrated;

#[test]
fn both_replicas_together_are_in_detailed_balance() {
    for (k, model) in [
        frustrated(Graph::complete(4).unwrap(), 1),
        frustrated(Graph::lattice(&[2, 2], Boundary::Periodic).unwrap(), 2),
        // Sets of sites that differ fall apart on a chain.
        frustrated(Graph::lattice(&[5], Boundary::Open).unwrap(), 3),
    ]
    .into_iter()
    .enumerate()
    {
        let pair = model.two_replicas().unwrap();
        let audit = Audit::new(&pair).unwrap();
        let p = Houdayer.transition_matrix(&pair, audit.states.view());
        stochastic(p.view()).unwrap();
        detailed_balance(audit.pi.view(), p.view()).unwrap();
        let seed = Seed::new(31).nth(k as u64);
        let drawn = kernel_as_drawn(&Houdayer, &pair, &audit, 2048, seed);
        drawn.unwrap().assert(FALSE_ALARM);
        // It is no identity, and with sweeps between it reaches every state.
        let sweep = Sweep::Forward.transition_matrix(&pair, audit.states.view());
        audit.invariant(p.dot(&sweep).view()).unwrap();
        assert!((0..p.nrows()).any(|i| p[[i, i]] < 1.0));
    }
}

#[test]
fn replicas_are_the_model_twice() {
    let model = frustrated(Graph::triangular(2, 3, Boundary::Open).unwrap(), 7);
    let pair = model.two_replicas().unwrap();
    let one = model.states().unwrap();
    let energies = model.energy(one.view());
    for (i, j) in [(0, 5), (17, 40), (63, 3)] {
        let both = ndarray::concatenate![ndarray::Axis(0), one.row(i), one.row(j)];
        let both = both.insert_axis(ndarray::Axis(0));
        assert!((pair.energy(both.view())[0] - energies[i] - energies[j]).abs() < 1e-13);
    }
    assert!((pair.log_z().unwrap() - 2.0 * model.log_z().unwrap()).abs() < 1e-12);
    conformance::transition_law(
        &Sweep::Forward,
        &frustrated(Graph::complete(3).unwrap(), 2).two_replicas().unwrap(),
        Balance::Global,
        Seed::new(3),
    )
    .unwrap();
}

#[test]
fn the_sum_of_the_energies_and_every_sum_of_two_spins_stay() {
    let graph = Graph::lattice(&[8, 8], Boundary::Periodic).unwrap();
    let (model, other) = (frustrated(graph.clone(), 4), frustrated(graph, 5));
    let (pair, other) = (model.two_replicas().unwrap(), other.two_replicas().unwrap());
    let mut x = Array2::from_elem((7, 128), 1.0);
    for ((b, site), x) in x.indexed_iter_mut() {
        if (b * 31 + site * site * 17) % 5 < 2 {
            *x = -1.0;
        }
    }
    conformance::kernel(&Houdayer, &pair, &other, x.view(), Seed::new(1)).unwrap();
    let mut chains = Houdayer.init(&pair, x.clone()).unwrap();
    let turns = Houdayer.step(&pair, &mut chains, &mut Seed::new(2).rng());
    let (before, after) = (pair.energy(x.view()), pair.energy(chains.view()));
    for (b, turn) in turns.0.iter().enumerate() {
        assert!((before[b] - after[b]).abs() < 1e-12);
        let sum = |x: &Array2<f64>| &x.slice(s![b, ..64]) + &x.slice(s![b, 64..]);
        assert_eq!(sum(&x), sum(&chains));
        let changed = (0..64).filter(|&i| x[[b, i]] != chains[[b, i]]).count();
        assert_eq!(changed as u64, turn.size);
    }
    // Equal replicas have nothing to exchange.
    let mut chains = Houdayer.init(&pair, Array2::ones((1, 128))).unwrap();
    let turns = Houdayer.step(&pair, &mut chains, &mut Seed::new(2).rng());
    assert_eq!((turns.0[0].size, chains.sum()), (0, 128.0));
}

#[test]
fn models_that_are_no_two_replicas_are_refused() {
    let refuse = |model: &Ising| {
        let x = Array2::ones((1, model.graph().n_sites()));
        Houdayer.init(model, x).unwrap_err().to_string()
    };
    let ring = |n: usize| Graph::lattice(&[n], Boundary::Periodic).unwrap();
    assert!(refuse(&Ising::uniform(ring(5), 0.3, 0.0).unwrap()).contains("5 spins"));
    assert!(refuse(&Ising::uniform(ring(6), 0.3, 0.0).unwrap()).contains("other bonds"));
    let two = Graph::new(4, vec![[0, 1], [2, 3]]).unwrap();
    let mut couplings = Array1::from_elem(2, 0.5);
    couplings[1] = 0.6;
    let unequal = Ising::new(two.clone(), couplings, Array1::zeros(4)).unwrap();
    assert!(refuse(&unequal).contains("`couplings[1]` is 0.6"));
    let mut fields = Array1::zeros(4);
    fields[1] = -0.2;
    let unequal = Ising::new(two, Array1::ones(2), fields).unwrap();
    assert!(refuse(&unequal).contains("`fields[3]` is 0"));
}
