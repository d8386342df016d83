//! Clusters of two replicas at once.

use gibbsian_classical::{Boundary, Graph, Ising, ReplicaClusters};
use gibbsian_core::{Kernel, Seed, TransitionLaw};
use gibbsian_testkit::audit::law::{detailed_balance, stochastic};
use gibbsian_testkit::audit::{Audit, kernel_as_drawn};
use gibbsian_testkit::conformance;
use gibbsian_testkit::stats::FALSE_ALARM;
use ndarray::{Array1, Array2, array};

use crate::models::frustrated;

#[test]
fn both_replicas_together_are_in_detailed_balance() {
    for (k, model) in [
        frustrated(Graph::complete(3).unwrap(), 1),
        frustrated(Graph::lattice(&[4], Boundary::Open).unwrap(), 3),
        // Strong couplings, so that a missed factor of two in the exponent is a large error; and no fields.
        Ising::new(
            Graph::new(4, vec![[0, 1], [1, 2], [2, 3], [3, 0]]).unwrap(),
            array![0.8, 0.3, 0.5, -0.6],
            Array1::zeros(4),
        )
        .unwrap(),
    ]
    .into_iter()
    .enumerate()
    {
        let pair = model.two_replicas().unwrap();
        let audit = Audit::new(&pair).unwrap();
        let p = ReplicaClusters.transition_matrix(&pair, audit.states.view());
        stochastic(p.view()).unwrap();
        detailed_balance(audit.pi.view(), p.view()).unwrap();
        // Every pair of states is reached in one step: no bond may be open.
        assert!(p.iter().all(|p| *p > 0.0));
        let seed = Seed::new(41).nth(k as u64);
        kernel_as_drawn(&ReplicaClusters, &pair, &audit, 2048, seed)
            .unwrap()
            .assert(FALSE_ALARM);
    }
}

/// What is satisfied in both replicas with certainty is one blue cluster, and what strong fields hold does not move.
#[test]
fn clusters_of_certain_bonds_are_the_lattice() {
    let graph = Graph::lattice(&[8, 8], Boundary::Periodic).unwrap();
    let pair = |coupling: f64, field: f64| {
        let model = Ising::uniform(graph.clone(), coupling, field).unwrap();
        model.two_replicas().unwrap()
    };
    let up = Array2::ones((70, 128));
    let step = |model: &Ising, x: &Array2<f64>| {
        let mut chains = ReplicaClusters.init(model, x.clone()).unwrap();
        let report = ReplicaClusters.step(model, &mut chains, &mut Seed::new(2).rng());
        (chains, report)
    };
    let (chains, report) = step(&pair(50.0, 0.0), &up);
    assert!(report.0.iter().all(|p| (p.n_clusters, p.largest) == (1, 64)));
    for x in chains.rows() {
        // Both replicas stay ordered; each sign of each of them occurs.
        assert!((0..64).all(|i| x[i] == x[0] && x[64 + i] == x[64]));
    }
    let signs = |x: f64, y: f64| chains.rows().into_iter().any(|row| row[0] == x && row[64] == y);
    assert!(signs(1.0, 1.0) && signs(-1.0, 1.0) && signs(1.0, -1.0) && signs(-1.0, -1.0));

    let (chains, _) = step(&pair(0.3, 50.0), &up);
    assert_eq!(chains, up);
    // Satisfied in the second replica alone, strong fields hold the overlap: both turn, or none.
    let mut half = up.clone();
    half.slice_mut(ndarray::s![.., ..64]).fill(-1.0);
    let (chains, report) = step(&pair(0.0, 50.0), &half);
    assert!(
        chains
            .rows()
            .into_iter()
            .all(|x| (0..64).all(|i| x[i] == -x[64 + i]))
    );
    assert!(report.0.iter().all(|p| (p.n_clusters, p.largest) == (64, 1)));
}

#[test]
fn the_kernel_obeys_the_laws_of_its_trait() {
    let graph = Graph::lattice(&[6, 6], Boundary::Periodic).unwrap();
    let [pair, other] = [4, 5].map(|seed| frustrated(graph.clone(), seed).two_replicas().unwrap());
    let x = Array2::from_shape_fn(
        (7, 72),
        |(b, i)| if (b * 31 + i * i * 17) % 5 < 2 { -1.0 } else { 1.0 },
    );
    conformance::kernel(&ReplicaClusters, &pair, &other, x.view(), Seed::new(1)).unwrap();
    let ring = Ising::uniform(Graph::lattice(&[6], Boundary::Periodic).unwrap(), 0.3, 0.0).unwrap();
    let refused = ReplicaClusters.init(&ring, Array2::ones((1, 6))).unwrap_err();
    assert!(refused.to_string().contains("other bonds"), "{refused}");
}
