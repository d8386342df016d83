//! Messages and elimination against enumeration.

use gibbsian_classical::FactorGraph;
use gibbsian_classical::factor_graph::{
    FactorBeliefs, MaxProduct, SumProduct, log_z_by_elimination, lowest_by_elimination, sample_by_elimination,
};
use gibbsian_classical::field::{self, BeliefPropagation};
use gibbsian_classical::{Boundary, Graph, PairwiseField};
use gibbsian_core::{Discrete, Energy, Seed};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::stats::{FALSE_ALARM, chi_square, family};
use gibbsian_testkit::threads;
use ndarray::{Array1, Array2, ArrayD, Axis, Dimension, IxDyn, array};

use crate::graphs::{factor_marginals, graph, loops, trees};

fn variable_marginal(g: &FactorGraph, variable: usize) -> Array1<f64> {
    let audit = Audit::new(g).unwrap();
    let alphabet = g.alphabet(variable);
    let mut p = Array1::zeros(alphabet.len());
    for (x, pi) in audit.states.rows().into_iter().zip(&audit.pi) {
        p[alphabet.iter().position(|s| *s == x[variable]).unwrap()] += pi;
    }
    p
}

#[test]
fn messages_are_exact_on_trees() {
    for g in trees() {
        for method in [SumProduct::default(), SumProduct::new(0.5, 1e-13, 1000).unwrap()] {
            let beliefs = method.run(&g);
            assert!(beliefs.convergence.converged, "{:?}", beliefs.convergence);
            let log_z = Audit::new(&g).unwrap().log_z;
            // Messages within 1e-13 of each other after halving are within 2e-13 of their limit; a handful of them makes a belief.
            close("log Z", &array![beliefs.log_z()], &array![log_z], 1e-12).unwrap();
            for variable in 0..g.n_variables() {
                let expected = variable_marginal(&g, variable);
                close(
                    "variables",
                    &beliefs.marginal(variable).to_owned(),
                    &expected,
                    1e-12,
                )
                .unwrap();
            }
            for (a, expected) in factor_marginals(&g).iter().enumerate() {
                close("factors", beliefs.factor(a), expected, 1e-12).unwrap();
            }
        }
    }
}

/// Factors in the order of a chain: one round brings all news, the second finds nothing to do.
#[test]
fn a_chain_of_triples_in_order_takes_a_round() {
    // Joined in single variables, so that the factor graph is a tree.
    let factors: Vec<Vec<usize>> = (0..20).map(|i| vec![2 * i, 2 * i + 1, 2 * i + 2]).collect();
    let factors: Vec<&[usize]> = factors.iter().map(|f| &f[..]).collect();
    let g = graph(&[2; 41], &factors, 1.0, 9);
    let beliefs = SumProduct::default().run(&g);
    assert_eq!(
        (beliefs.convergence.converged, beliefs.convergence.n_rounds),
        (true, 2)
    );
    let log_z = log_z_by_elimination(&g).unwrap();
    close("log Z", &array![beliefs.log_z()], &array![log_z], 1e-13).unwrap();
}

/// At a fixed point the beliefs of factors and of their variables agree, and the free energy does not change to first order when messages do.
#[test]
fn fixed_points_on_loops_fit_together() {
    let consistent = |g: &FactorGraph, beliefs: &FactorBeliefs| {
        for a in 0..g.n_factors() {
            for (position, &variable) in g.variables(a).iter().enumerate() {
                let mut b = beliefs.factor(a).clone();
                for axis in (0..b.ndim()).rev().filter(|axis| *axis != position) {
                    b = b.sum_axis(Axis(axis));
                }
                let expected = beliefs.marginal(variable).to_owned().into_dyn();
                close("marginals of factors", &b, &expected, 1e-10).unwrap();
            }
        }
    };
    for g in loops() {
        let beliefs = SumProduct::new(0.3, 1e-12, 10_000).unwrap().run(&g);
        assert!(beliefs.convergence.converged, "{:?}", beliefs.convergence);
        consistent(&g, &beliefs);
        let plain = SumProduct::new(0.0, 1e-12, 10_000).unwrap().run(&g);
        close(
            "free energies",
            &array![plain.log_z()],
            &array![beliefs.log_z()],
            1e-10,
        )
        .unwrap();
    }
}

/// The same fixed point as the messages of the pairwise field, whose entropies are counted in another way.
#[test]
fn a_pairwise_field_has_the_same_beliefs() {
    let unary = Array2::from_shape_fn((9, 2), |(i, a)| 0.3 * ((3 * i + 5 * a) % 7) as f64 - 0.9);
    let lattice = Graph::lattice(&[3, 3], Boundary::Open).unwrap();
    let field = PairwiseField::potts(lattice, vec![-1.0, 1.0], unary, 0.6).unwrap();
    let expected = BeliefPropagation::new(0.0, 1e-13, 10_000).unwrap().run(&field);
    let found = SumProduct::new(0.0, 1e-13, 10_000)
        .unwrap()
        .run(&FactorGraph::from(&field));
    assert!(expected.convergence.converged && found.convergence.converged);
    close("log Z", &array![found.log_z()], &array![expected.log_z()], 1e-11).unwrap();
    for (site, p) in expected.marginals.probabilities.rows().into_iter().enumerate() {
        close("beliefs", &found.marginal(site).to_owned(), &p.to_owned(), 1e-11).unwrap();
    }
    for bond in 0..field.graph().n_bonds() {
        let pair = expected.pair(&field, bond).into_dyn();
        close("pairs", found.factor(9 + bond), &pair, 1e-11).unwrap();
    }
}

#[test]
fn elimination_is_enumeration() {
    for g in trees().into_iter().chain(loops()) {
        let audit = Audit::new(&g).unwrap();
        close(
            "log Z",
            &array![log_z_by_elimination(&g).unwrap()],
            &array![audit.log_z],
            1e-13,
        )
        .unwrap();
        let energies = g.energy(audit.states.view());
        let lowest = energies.iter().copied().fold(f64::INFINITY, f64::min);
        let (x, energy) = lowest_by_elimination(&g).unwrap();
        assert_eq!(energy, lowest);
        assert_eq!(g.energy(x.view().insert_axis(Axis(0)))[0], lowest);
    }
}

#[test]
fn max_product_finds_the_lowest_energy_of_trees() {
    for damping in [0.0, 0.4] {
        let method = MaxProduct::new(damping, 1e-12, 1000).unwrap();
        for g in trees() {
            let found = method.run(&g);
            assert!(found.convergence.converged);
            let lowest = g.energy(g.states().unwrap().view());
            let lowest = lowest.iter().copied().fold(f64::INFINITY, f64::min);
            assert_eq!(found.energy, lowest);
            assert_eq!(g.energy(found.labels.view().insert_axis(Axis(0)))[0], lowest);
        }
    }
    // Two states are lowest, and every variable by itself has both symbols: what is read off must be one state and not half of each.
    let agree = |_: usize| array![[0.0, 1.0], [1.0, 0.0]].into_dyn();
    let factors = vec![(vec![2, 0], agree(0)), (vec![1, 2], agree(1))];
    let tied = FactorGraph::new(vec![vec![0.0, 1.0]; 3], factors).unwrap();
    let found = MaxProduct::new(0.0, 1e-12, 100).unwrap().run(&tied);
    assert_eq!((found.energy, found.labels), (0.0, Array1::<f64>::zeros(3)));
}

/// Where messages settle on a loop, without ties, no change of one variable is for the better; and a pairwise field has the same state.
#[test]
fn max_product_is_no_worse_than_its_neighbours_on_loops() {
    let mut n_settled = 0;
    for seed in 0..40 {
        let factors: [&[usize]; 5] = [&[0, 1, 2], &[2, 3, 4], &[4, 0, 1], &[3], &[1, 3]];
        let g = graph(&[2, 2, 3, 2, 2], &factors, 0.8, 100 + seed);
        let found = MaxProduct::new(0.5, 1e-12, 10_000).unwrap().run(&g);
        if !(found.convergence.converged && found.is_unique) {
            continue;
        }
        n_settled += 1;
        let x = found.labels.view().insert_axis(Axis(0)).to_owned();
        for site in 0..g.n_variables() {
            let mut deltas = Array2::zeros((1, g.alphabet(site).len()));
            gibbsian_core::DiscreteEnergy::site_deltas_into(&g, x.view(), site, deltas.view_mut());
            assert!(deltas.iter().all(|d| *d >= -1e-9), "seed {seed}: {deltas}");
        }
    }
    assert!(n_settled >= 10, "{n_settled}");
    let unary = Array2::from_shape_fn((9, 2), |(i, a)| 0.3 * ((3 * i + 5 * a) % 7) as f64 - 0.9);
    let lattice = Graph::lattice(&[3, 3], Boundary::Open).unwrap();
    let field = PairwiseField::potts(lattice, vec![-1.0, 1.0], unary, 0.6).unwrap();
    let expected = field::MaxProduct::new(0.3, 1e-12, 10_000).unwrap().run(&field);
    let found = MaxProduct::new(0.3, 1e-12, 10_000)
        .unwrap()
        .run(&FactorGraph::from(&field));
    assert!(expected.convergence.converged && found.convergence.converged);
    assert_eq!(found.labels, expected.labels);
}

#[test]
fn draws_by_elimination_have_the_law() {
    let mut tests = Vec::new();
    for (k, g) in trees().into_iter().chain(loops()).enumerate() {
        let audit = Audit::new(&g).unwrap();
        let x = sample_by_elimination(&g, 1 << 15, &mut Seed::new(20).nth(k as u64).rng()).unwrap();
        g.check_states("x", x.view()).unwrap();
        let mut counts = vec![0; audit.pi.len()];
        for x in x.rows() {
            // Variable 0 changes fastest in the list of states.
            let symbols = g.symbol_numbers("x", x).unwrap();
            let digits = symbols.iter().enumerate().rev();
            counts[digits.fold(0, |n, (i, s)| n * g.alphabet(i).len() + s)] += 1;
        }
        tests.push(chi_square(
            &format!("draws of graph {k}"),
            &counts,
            &audit.pi.to_vec(),
        ));
    }
    family(&tests, FALSE_ALARM).unwrap();
    threads::same_on_any_number("draws", || {
        let x = sample_by_elimination(&loops()[1], 100, &mut Seed::new(21).rng());
        x.unwrap().into_flat()
    })
    .unwrap();
}

/// A chain has no wider tables than its factors, however long it is and however it is numbered.
#[test]
fn a_long_tree_is_narrow_and_quick() {
    const N: usize = 20_000;
    let far = |i: usize| (7919 * i) % N;
    let table = |i: usize| array![[0.0, 0.1 * (i % 7) as f64], [1.0, -0.3]].into_dyn();
    let factors = (1..N).map(|i| (vec![far(i - 1), far(i)], table(i))).collect();
    let g = FactorGraph::new(vec![vec![0.0, 1.0]; N], factors).unwrap();
    // The transfer matrices in a row.
    let (mut message, mut log_z) = ([1.0, 1.0], 0.0);
    for i in 1..N {
        let t = table(i).mapv(|e| (-e).exp());
        let next = [0, 1].map(|b| message[0] * t[[0, b]] + message[1] * t[[1, b]]);
        let total: f64 = next.iter().sum();
        log_z += total.ln();
        message = next.map(|m| m / total);
    }
    let found = log_z_by_elimination(&g).unwrap();
    assert!((found / log_z - 1.0).abs() < 1e-12, "{found} instead of {log_z}");
    assert_eq!(
        sample_by_elimination(&g, 2, &mut Seed::new(1).rng())
            .unwrap()
            .dim(),
        (2, N)
    );
}

/// Beyond enumeration: a lattice numbered at random, whose narrow frontier min-fill has to find again.
#[test]
fn a_shuffled_strip_is_eliminated_as_in_its_own_order() {
    let (rows, columns) = (4, 30);
    let unary = Array2::from_shape_fn((rows * columns, 2), |(i, a)| {
        0.25 * ((7 * i + 3 * a) % 9) as f64 - 1.0
    });
    let table = array![[0.1, 0.8], [1.2, -0.3]];
    // Numbered along the strip for the field's elimination.
    let lattice = Graph::lattice(&[columns, rows], Boundary::Open).unwrap();
    let field = PairwiseField::shared(lattice, vec![0.0, 1.0], unary, table).unwrap();
    let plain = FactorGraph::from(&field);
    // 53 has no factor in common with 120.
    let place = |i: usize| (53 * i + 7) % (rows * columns);
    let factors = (0..plain.n_factors())
        .map(|a| {
            let variables = plain.variables(a).iter().map(|i| place(*i)).collect();
            (variables, plain.table(a).to_owned())
        })
        .collect();
    let shuffled = FactorGraph::new(vec![vec![0.0, 1.0]; rows * columns], factors).unwrap();
    let expected = field::log_z_by_elimination(&field).unwrap();
    let found = log_z_by_elimination(&shuffled).unwrap();
    assert!(
        (found / expected - 1.0).abs() < 1e-13,
        "{found} instead of {expected}"
    );
    let (lowest, energy) = lowest_by_elimination(&shuffled).unwrap();
    let (of_field, of_field_energy) = field::lowest_by_elimination(&field).unwrap();
    assert!((energy - of_field_energy).abs() < 1e-11);
    let back: Array1<f64> = (0..rows * columns).map(|i| lowest[place(i)]).collect();
    assert!((field.energy(back.view().insert_axis(Axis(0)))[0] - energy).abs() < 1e-11);
    assert_eq!(of_field.len(), back.len());
}

/// A code: every parity holds in the likeliest word, and elimination finds it where messages do.
#[test]
fn parity_checks_correct_a_flipped_bit() {
    // The Hamming code of seven bits; all zeros were sent, the third came as a one.
    let checks: [&[usize]; 3] = [&[0, 2, 4, 6], &[1, 2, 5, 6], &[3, 4, 5, 6]];
    let received = [0, 0, 1, 0, 0, 0, 0];
    let odd = |i: IxDyn| {
        if i.as_array_view().sum() % 2 == 1 {
            60.0
        } else {
            0.0
        }
    };
    let mut factors: Vec<(Vec<usize>, ArrayD<f64>)> = checks
        .iter()
        .map(|check| (check.to_vec(), ArrayD::from_shape_fn(IxDyn(&[2; 4]), odd)))
        .collect();
    for (bit, seen) in received.into_iter().enumerate() {
        let energy = |sent: usize| if sent == seen { 0.0 } else { (0.9_f64 / 0.1).ln() };
        factors.push((vec![bit], array![energy(0), energy(1)].into_dyn()));
    }
    let g = FactorGraph::new(vec![vec![0.0, 1.0]; 7], factors).unwrap();
    let (word, energy) = lowest_by_elimination(&g).unwrap();
    assert_eq!(word, Array1::<f64>::zeros(7));
    assert!((energy - 9.0_f64.ln()).abs() < 1e-14);
    // Sixteen code words, by the number of bits in which they differ from what was received.
    let audit = Audit::new(&g).unwrap();
    assert!((log_z_by_elimination(&g).unwrap() - audit.log_z).abs() < 1e-13);
}
