//! The graph as a model: the laws of its traits, the definition, and the pairwise field that it can be.

use gibbsian_classical::{Boundary, FactorGraph, Graph, PairwiseField};
use gibbsian_core::{BlockLaw, Discrete, Energy, EnergyPullback, Parametric, ParametricMut, Seed, Snapshot};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::conformance::{self, Balance, Redraw};
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::Sweep;
use ndarray::{Array1, Array2, ArrayD, IxDyn, array};

use crate::graphs::{factor_marginals, graph, loops, trees};

const DOUBLE: Precision = Precision::DOUBLE;

#[test]
fn factor_graphs_obey_the_laws_of_their_traits() {
    for (k, mut g) in loops().into_iter().chain(trees().into_iter().skip(1)).enumerate() {
        let seed = Seed::new(100 + k as u64);
        let states = g.states().unwrap();
        conformance::parametric(&mut g).unwrap();
        conformance::energy(&g, states.view(), DOUBLE).unwrap();
        conformance::discrete_energy(&g, states.view(), DOUBLE).unwrap();
        conformance::energy_pullback(&mut g, states.view(), DOUBLE).unwrap();
        let mut other = g.clone();
        other.set_params((g.params() * -0.7 + 0.1).view()).unwrap();
        conformance::snapshot(&g, &mut other).unwrap();
        other.restore(&g.snapshot()).unwrap();
        assert_eq!(other.energy(states.view()), g.energy(states.view()));
        // A variable of one symbol is redrawn and never changes.
        if (0..g.n_variables()).all(|i| g.alphabet(i).len() > 1) {
            conformance::blocks(&g, states.view(), seed.child("blocks")).unwrap();
        }
        conformance::block_law(&g, Redraw::Conditional, seed.child("law")).unwrap();
        conformance::transition_law(&Sweep::Forward, &g, Balance::Global, seed.child("sweep")).unwrap();
    }
}

#[test]
fn flips_of_bits_have_gradients() {
    let g = &loops()[2];
    conformance::flips_pullback(g, g.states().unwrap().view(), DOUBLE).unwrap();
}

/// Axes belong to variables in the order of the list, not in rising order.
#[test]
fn the_energy_is_the_sum_of_the_entries() {
    let first = ArrayD::from_shape_fn(IxDyn(&[3, 2, 2]), |i| (100 * i[0] + 10 * i[1] + i[2]) as f64);
    let second = array![0.25, 0.5].into_dyn();
    let alphabets = vec![vec![0.0, 1.0], vec![5.0, 6.0], vec![-1.0, 0.0, 1.0]];
    let g = FactorGraph::new(alphabets, vec![(vec![2, 0, 1], first), (vec![1], second)]).unwrap();
    let x = array![[1.0, 5.0, 1.0], [0.0, 6.0, -1.0], [1.0, 6.0, 0.0]];
    assert_eq!(g.energy(x.view()), array![210.25, 1.5, 111.5]);
    // Five is no symbol of the first variable, and NaN is not a number.
    let outside = g.energy(array![[5.0, 5.0, 1.0], [0.0, f64::NAN, 9.0]].view());
    assert_eq!(outside[0], f64::INFINITY);
    assert!(outside[1].is_nan());
    assert_eq!(g.table(0).shape(), [3, 2, 2]);
    assert_eq!(g.layout().locate(7), "tables.0[1, 1, 1]");
    assert_eq!(
        (g.variables(0), g.factors_of(1).collect::<Vec<_>>()),
        (&[2, 0, 1][..], vec![0, 1])
    );
}

/// No block has two variables of one factor, and a chain of triples needs no more than three blocks.
#[test]
fn variables_of_a_factor_are_in_different_blocks() {
    let factors: Vec<Vec<usize>> = (0..10).map(|i| vec![i, i + 1, i + 2]).collect();
    let factors: Vec<&[usize]> = factors.iter().map(|f| &f[..]).collect();
    let g = graph(&[2; 12], &factors, 1.0, 8);
    assert_eq!(gibbsian_core::Blocks::n_blocks(&g), 3);
}

/// `∂ log Z / ∂E_a(s) = −p(x_∂a = s)`.
#[test]
fn the_gradient_of_log_z_is_minus_the_probability_of_an_entry() {
    for g in loops() {
        let audit = Audit::new(&g).unwrap();
        let mut found = Array1::zeros(g.n_params());
        g.energy_pullback_into(audit.states.view(), audit.pi.view(), found.view_mut());
        let expected: Vec<f64> = factor_marginals(&g).into_iter().flatten().collect();
        close("expected indicators", &found, &Array1::from(expected), 1e-14).unwrap();
    }
}

#[test]
fn a_pairwise_field_is_a_factor_graph() {
    let unary = array![
        [0.3, -0.2, 0.9],
        [0.0, 1.1, -0.4],
        [0.7, 0.1, 0.2],
        [-0.5, 0.4, 0.0]
    ];
    let table = array![[0.1, 0.8, -0.6], [1.2, 0.0, 0.5], [0.3, -0.9, 0.2]];
    let lattice = Graph::lattice(&[2, 2], Boundary::Open).unwrap();
    let field = PairwiseField::shared(lattice, vec![-1.0, 0.5, 2.0], unary, table).unwrap();
    let g = FactorGraph::from(&field);
    let states = field.states().unwrap();
    close(
        "energies",
        &g.energy(states.view()),
        &field.energy(states.view()),
        1e-14,
    )
    .unwrap();
    for block in 0..2 {
        let (found, expected) = (
            g.block_matrix(block, states.view()),
            field.block_matrix(block, states.view()),
        );
        close("laws of blocks", &found, &expected, 1e-14).unwrap();
    }
    // Rings of two sites have two bonds between them, which are two factors.
    let ring = Graph::lattice(&[2], Boundary::Periodic).unwrap();
    let field = PairwiseField::potts(ring, vec![0.0, 1.0], Array2::zeros((2, 2)), 0.7).unwrap();
    let g = FactorGraph::from(&field);
    assert_eq!((g.n_factors(), g.energy(array![[1.0, 1.0]].view())[0]), (4, -1.4));
}
