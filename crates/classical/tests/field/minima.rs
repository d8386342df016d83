//! Lowest energies: cuts against enumeration, elimination and their own bound; the methods that only look nearby against what they promise.

use gibbsian_classical::field::{
    ConditionalModes, MaxProduct, log_z_by_elimination, lowest_by_cut, lowest_by_elimination,
    lowest_by_expansion,
};
use gibbsian_classical::{Boundary, Graph, PairwiseField};
use gibbsian_core::{Discrete, DiscreteEnergy, Energy, Seed};
use gibbsian_testkit::audit::Audit;
use ndarray::{Array1, Array2, Array3, Axis};
use rand::RngExt;

use crate::{lowest, normals, open, ragged, submodular, tree};

/// `E(y)` of one state.
fn energy(field: &PairwiseField, y: &Array1<f64>) -> f64 {
    field.energy(y.view().insert_axis(Axis(0)))[0]
}

#[test]
fn a_cut_is_the_lowest_energy() {
    let complete = Graph::complete(9).unwrap();
    let torus = Graph::lattice(&[3, 4], Boundary::Periodic).unwrap();
    let triangular = Graph::triangular(3, 4, Boundary::Open).unwrap();
    for seed in 0..60 {
        let graph = [&complete, &torus, &triangular, &open(&[12]), &open(&[3, 3])][seed % 5].clone();
        // From weak coupling, where sites decide alone, to strong.
        let scale = [0.3, 1.0, 4.0][seed % 3];
        let field = submodular(graph, scale, seed as u64);
        let energies = field.energy(field.states().unwrap().view());
        let (least, ties) = lowest(&energies, 0.0);
        let cut = lowest_by_cut(&field).unwrap();
        let size: f64 = field.unary().iter().chain(&field.tables()).map(|e| e.abs()).sum();
        let rounding = 1e-14 * size;
        assert_eq!(cut.labels, field.states().unwrap().row(ties[0]), "field {seed}");
        assert_eq!(cut.energy, energy(&field, &cut.labels));
        assert!(
            (cut.energy - least).abs() <= rounding,
            "field {seed}: {} {least}",
            cut.energy
        );
        assert!(
            (cut.lower_bound - least).abs() <= rounding,
            "field {seed}: {cut:?}"
        );
        assert_eq!(cut.n_undecided, 0, "field {seed}: random numbers do not tie");
    }
}

/// Small whole numbers are exact in doubles, halves too, so ties are ties.
#[test]
fn ties_are_counted_and_the_smallest_state_is_taken() {
    let mut n_tied = 0;
    for seed in 0..200 {
        let graph = open(&[[3, 3], [2, 4], [1, 8]][seed % 3]);
        let mut rng = Seed::new(100 + seed as u64).rng();
        let unary = Array2::from_shape_simple_fn((graph.n_sites(), 2), || f64::from(rng.random_range(0..4)));
        let field =
            PairwiseField::potts(graph, vec![0.0, 1.0], unary, [0.0, 0.5, 1.0, 2.0][seed % 4]).unwrap();
        let states = field.states().unwrap();
        let (least, ties) = lowest(&field.energy(states.view()), 0.0);
        let tied = states.select(Axis(0), &ties);
        let cut = lowest_by_cut(&field).unwrap();
        assert_eq!((cut.energy, cut.lower_bound), (least, least), "field {seed}");
        // Lowest states form a lattice: the site-wise minimum of them is one of them.
        let smallest = tied.map_axis(Axis(0), |c| c.iter().copied().fold(1.0, f64::min));
        let undecided = tied
            .columns()
            .into_iter()
            .filter(|c| c.iter().any(|v| *v != c[0]))
            .count();
        assert_eq!(cut.labels, smallest, "field {seed}");
        assert_eq!(cut.n_undecided, undecided, "field {seed}");
        n_tied += usize::from(ties.len() > 1);
    }
    assert!(n_tied > 50, "only {n_tied} fields had ties");
}

#[test]
fn elimination_is_enumeration() {
    for (k, graph) in [
        open(&[3, 3]),
        open(&[4, 2]),
        Graph::triangular(3, 3, Boundary::Open).unwrap(),
        Graph::lattice(&[3, 3], Boundary::Periodic).unwrap(),
        Graph::lattice(&[2, 2], Boundary::Periodic).unwrap(),
        Graph::new(5, vec![[3, 1]]).unwrap(),
        tree(9, 3),
    ]
    .into_iter()
    .enumerate()
    {
        for (labels, scale) in [(&[0.0, 1.0][..], 1.0), (&[0.0, 1.0, 2.0], 2.0)] {
            let field = ragged(graph.clone(), labels, scale, 200 + k as u64);
            let audit = Audit::new(&field).unwrap();
            let log_z = log_z_by_elimination(&field).unwrap();
            assert!(
                (log_z - audit.log_z).abs() < 1e-12 * audit.log_z.abs().max(1.0),
                "graph {k}"
            );
            let (y, e) = lowest_by_elimination(&field).unwrap();
            let (least, ties) = lowest(&field.energy(audit.states.view()), 0.0);
            assert_eq!(y, audit.states.row(ties[0]), "graph {k}");
            assert!((e - least).abs() < 1e-12, "graph {k}");
        }
    }
}

#[test]
fn cuts_of_long_strips_are_those_of_elimination() {
    for (seed, scale) in [(0, 0.2), (1, 0.5), (2, 1.0), (3, 3.0), (4, 0.7), (5, 1.5)] {
        let field = submodular(open(&[70, 6]), scale, 300 + seed);
        let (y, e) = lowest_by_elimination(&field).unwrap();
        let cut = lowest_by_cut(&field).unwrap();
        assert_eq!(cut.labels, y);
        assert!((cut.lower_bound - e).abs() < 1e-12 * e.abs());
    }
}

/// No oracle knows the lowest energy of a large picture, but the flow proves it.
#[test]
fn cuts_of_large_pictures_prove_themselves() {
    for (coupling, noise) in [(0.3, 1.0), (1.0, 1.0), (3.0, 2.0)] {
        let mut rng = Seed::new(400).rng();
        let graph = open(&[150, 120]);
        let unary = normals((graph.n_sites(), 2), noise, &mut rng);
        let field = PairwiseField::potts(graph, vec![0.0, 1.0], unary, coupling).unwrap();
        let cut = lowest_by_cut(&field).unwrap();
        let gap = cut.energy - cut.lower_bound;
        // Some 10⁵ terms of order one, each rounded.
        assert!(gap.abs() < 1e-11 * cut.energy.abs(), "{gap:e}");
        assert_eq!(cut.n_undecided, 0);
        assert_no_better_neighbour(&field, &cut.labels);
    }
}

/// No change of one site lowers the energy.
fn assert_no_better_neighbour(field: &PairwiseField, y: &Array1<f64>) {
    let row = y.view().insert_axis(Axis(0));
    let mut deltas = Array2::zeros((1, field.n_labels()));
    for site in 0..y.len() {
        field.site_deltas_into(row, site, deltas.view_mut());
        assert!(deltas.iter().all(|d| *d >= 0.0), "site {site}: {deltas}");
    }
}

#[test]
fn conditional_modes_end_where_no_site_wants_to_change() {
    for seed in 0..20 {
        let field = ragged(
            open(&[6, 5]),
            &[[0.0, 1.0, 2.0], [-1.0, 0.0, 1.0]][seed % 2],
            1.5,
            500 + seed as u64,
        );
        let labels = field.labels().to_vec();
        let mut rng = Seed::new(seed as u64).rng();
        let start = Array1::from_shape_simple_fn(30, || labels[rng.random_range(0..3)]);
        let found = ConditionalModes::default().run(&field, start.view()).unwrap();
        assert!(found.convergence.converged && found.convergence.residual == 0.0);
        assert_no_better_neighbour(&field, &found.labels);
        assert!((found.energy - energy(&field, &found.labels)).abs() < 1e-12);
        // Sweep after sweep the energy falls, and a run cut short says so.
        let mut before = energy(&field, &start);
        for n_sweeps in 1..found.convergence.n_rounds {
            let short = ConditionalModes::new(n_sweeps)
                .unwrap()
                .run(&field, start.view())
                .unwrap();
            assert!(short.energy < before && !short.convergence.converged);
            before = short.energy;
        }
    }
}

#[test]
fn conditional_modes_keep_the_label_in_a_tie() {
    // A pixel between two colours.
    let field = PairwiseField::potts(open(&[3]), vec![0.0, 1.0], Array2::zeros((3, 2)), 1.0).unwrap();
    for middle in [0.0, 1.0] {
        let start = ndarray::array![0.0, middle, 1.0];
        let strong = field
            .with_unary(ndarray::array![[0.0, 9.0], [0.0, 0.0], [9.0, 0.0]])
            .unwrap();
        let found = ConditionalModes::default().run(&strong, start.view()).unwrap();
        assert_eq!(found.labels, start);
        assert_eq!(found.convergence.n_rounds, 1);
    }
}

#[test]
fn max_product_is_exact_on_trees() {
    for seed in 0..20 {
        let labels = [&[0.0, 1.0][..], &[0.0, 1.0, 2.0]][seed % 2];
        let field = ragged(tree(9, seed as u64), labels, 1.0, 600 + seed as u64);
        let found = MaxProduct::new(0.0, 1e-12, 100).unwrap().run(&field);
        let states = field.states().unwrap();
        let (least, ties) = lowest(&field.energy(states.view()), 0.0);
        assert!(found.convergence.converged);
        assert_eq!(found.labels, states.row(ties[0]), "tree {seed}");
        assert!((found.energy - least).abs() < 1e-12);
    }
}

/// `V(a, b) = min(|a − b|, 2)` times a weight, and two random metrics.
fn metrics(q: usize, seed: u64) -> Array3<f64> {
    let mut rng = Seed::new(seed).child("metric").rng();
    // Numbers between one and two obey every triangle inequality.
    let mut some = || {
        let half = Array2::from_shape_simple_fn((q, q), || 1.0 + rng.random::<f64>());
        Array2::from_shape_fn(
            (q, q),
            |(a, b)| if a == b { 0.0 } else { half[[a.min(b), a.max(b)]] },
        )
    };
    let (first, second) = (some(), some());
    let truncated = Array2::from_shape_fn((q, q), |(a, b)| 0.8 * a.abs_diff(b).min(2) as f64);
    ndarray::stack![Axis(0), truncated, first, second]
}

#[test]
fn expansions_end_where_no_expansion_helps_and_keep_their_bound() {
    let (graph, q) = (open(&[2, 4]), 3);
    let mut n_lowest = 0;
    for seed in 0..12 {
        let mut rng = Seed::new(700 + seed).rng();
        let unary = normals((8, q), 1.5, &mut rng).mapv(f64::abs);
        let table_of_bond = (0..graph.n_bonds()).map(|b| b % 3).collect();
        let labels = vec![0.0, 1.0, 2.0];
        let field =
            PairwiseField::new(graph.clone(), labels, unary, metrics(q, seed), table_of_bond).unwrap();
        let start = Array1::from_elem(8, f64::from(seed as u32 % 3));
        let found = lowest_by_expansion(&field, start.view(), 100).unwrap();
        assert!(found.convergence.converged);
        let states = field.states().unwrap();
        let energies = field.energy(states.view());
        let (least, _) = lowest(&energies, 0.0);
        // No distance is more than twice another in any of the tables.
        assert!(found.energy <= 4.0 * least + 1e-12);
        n_lowest += usize::from(found.energy <= least + 1e-12);
        for (state, e) in states.rows().into_iter().zip(&energies) {
            for alpha in [0.0, 1.0, 2.0] {
                let is_expansion = state
                    .iter()
                    .zip(&found.labels)
                    .all(|(new, old)| new == old || *new == alpha);
                assert!(!is_expansion || *e >= found.energy - 1e-12, "field {seed}");
            }
        }
    }
    assert!(
        n_lowest >= 6,
        "expansions found the lowest state in {n_lowest} of 12 fields"
    );
}

#[test]
fn two_labels_need_one_expansion() {
    for seed in 0..10 {
        let mut rng = Seed::new(800 + seed).rng();
        let unary = normals((60, 2), 1.0, &mut rng);
        let field = PairwiseField::potts(open(&[10, 6]), vec![0.0, 1.0], unary, 0.7).unwrap();
        let cut = lowest_by_cut(&field).unwrap();
        let expanded = lowest_by_expansion(&field, Array1::zeros(60).view(), 10).unwrap();
        // From all zero, one expansion of the other label reaches every state.
        assert_eq!(expanded.labels, cut.labels);
    }
}
