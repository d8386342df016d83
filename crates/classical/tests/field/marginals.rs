//! Marginals and `log Z`: what is exact against enumeration, what is a bound as a bound, what is sampled within its error.

use gibbsian_classical::field::{BeliefPropagation, GibbsMarginals, MeanField, log_z_by_elimination};
use gibbsian_classical::{Boundary, Graph, PairwiseField};
use gibbsian_core::{Discrete, Seed};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::differences::{Precision, derivative};
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use gibbsian_testkit::threads;
use ndarray::{Array1, Array2, Array3, Axis, array};

use crate::{exact_marginals, open, ragged, tree};

#[test]
fn belief_propagation_is_exact_on_trees() {
    for seed in 0..20 {
        let labels = [&[0.0, 1.0][..], &[0.0, 1.0, 2.0]][seed % 2];
        let field = ragged(tree(9, 50 + seed as u64), labels, 1.2, 900 + seed as u64);
        let audit = Audit::new(&field).unwrap();
        let beliefs = BeliefPropagation::default().run(&field);
        assert!(
            beliefs.convergence.converged,
            "tree {seed}: {:?}",
            beliefs.convergence
        );
        let exact = exact_marginals(&field, &audit);
        close("marginals", &beliefs.marginals.probabilities, &exact, 1e-12).unwrap();
        let size = audit.log_z.abs().max(1.0);
        assert!(
            (beliefs.log_z() - audit.log_z).abs() < 1e-12 * size,
            "tree {seed}"
        );
        for (bond, &[i, j]) in field.graph().bonds().iter().enumerate() {
            let mut pair = Array2::zeros((labels.len(), labels.len()));
            for (state, p) in audit.states.rows().into_iter().zip(&audit.pi) {
                pair[[state[i] as usize, state[j] as usize]] += p;
            }
            close("pairs", &beliefs.pair(&field, bond), &pair, 1e-12).unwrap();
        }
    }
}

#[test]
fn a_tree_numbered_from_its_root_takes_two_rounds_and_one_to_see_it() {
    let graph = Graph::new(7, vec![[0, 1], [0, 2], [1, 3], [1, 4], [2, 5], [2, 6]]).unwrap();
    let beliefs = BeliefPropagation::default().run(&ragged(graph, &[0.0, 1.0], 1.0, 7));
    // Messages towards the root are right at the end of the first round, those away from it in the second, and the third changes nothing.
    assert!(beliefs.convergence.n_rounds <= 3, "{:?}", beliefs.convergence);
}

#[test]
fn damping_changes_the_way_and_not_the_end() {
    let field = ragged(open(&[4, 4]), &[0.0, 1.0], 0.4, 20);
    let plain = BeliefPropagation::new(0.0, 1e-13, 1000).unwrap().run(&field);
    let damped = BeliefPropagation::new(0.6, 1e-13, 1000).unwrap().run(&field);
    assert!(plain.convergence.converged && damped.convergence.converged);
    assert!(damped.convergence.n_rounds > plain.convergence.n_rounds);
    let (a, b) = (&plain.marginals.probabilities, &damped.marginals.probabilities);
    close("beliefs", a, b, 1e-11).unwrap();
}

/// At a fixed point `F` is stationary in the messages, so `∂F/∂U_i(a) = b_i(a)` and `∂F/∂V(a, b)` is the belief of the bond, with loops as well as without.
#[test]
fn beliefs_are_derivatives_of_the_free_energy() {
    let field = ragged(
        Graph::triangular(3, 3, Boundary::Open).unwrap(),
        &[0.0, 1.0, 2.0],
        0.3,
        21,
    );
    let run = |field: &PairwiseField| {
        let beliefs = BeliefPropagation::new(0.0, 1e-14, 10_000).unwrap().run(field);
        assert!(beliefs.convergence.residual < 1e-13);
        beliefs
    };
    let beliefs = run(&field);
    let slope_is = |at: &dyn Fn(f64) -> f64, from: f64, belief: f64| {
        let slope = derivative(&mut |step| Ok(array![at(step)]), from.abs(), Precision::DOUBLE).unwrap()[0];
        let tolerance = slope.error() + Precision::DOUBLE.relative;
        assert!(
            slope.error() < 1e-9 && (slope.value - belief).abs() < tolerance,
            "{slope:?} {belief}"
        );
    };
    for (site, label) in [(0, 0), (4, 1), (8, 2), (5, 0)] {
        let at = |step: f64| {
            let mut unary = field.unary().to_owned();
            unary[[site, label]] += step;
            run(&field.with_unary(unary).unwrap()).free_energy
        };
        slope_is(
            &at,
            field.unary()[[site, label]],
            beliefs.marginals.probabilities[[site, label]],
        );
    }
    for (bond, a, b) in [(0, 0, 1), (7, 2, 2), (11, 1, 0)] {
        let at = |step: f64| {
            let mut tables = field.tables().to_owned();
            tables[[field.table_of_bond()[bond], a, b]] += step;
            run(&field.with_potentials(field.unary().to_owned(), tables).unwrap()).free_energy
        };
        slope_is(
            &at,
            field.tables()[[field.table_of_bond()[bond], a, b]],
            beliefs.pair(&field, bond)[[a, b]],
        );
    }
}

#[test]
fn with_loops_beliefs_are_near_the_marginals_where_coupling_is_weak() {
    let field = ragged(open(&[3, 3]), &[0.0, 1.0], 0.2, 22);
    let audit = Audit::new(&field).unwrap();
    let beliefs = BeliefPropagation::default().run(&field);
    // The shortest loop has four bonds, each with correlations of about J = 0.1 at most: an error of the order of J⁴.
    let exact = exact_marginals(&field, &audit);
    close("marginals", &beliefs.marginals.probabilities, &exact, 1e-3).unwrap();
    assert!((beliefs.log_z() - audit.log_z).abs() < 1e-3);
}

#[test]
fn a_run_that_does_not_converge_says_so() {
    let field = ragged(open(&[6, 6]), &[0.0, 1.0], 5.0, 23);
    let beliefs = BeliefPropagation::new(0.0, 1e-12, 2).unwrap().run(&field);
    assert!(!beliefs.convergence.converged);
    assert_eq!(beliefs.convergence.n_rounds, 2);
    assert!(beliefs.convergence.residual > 1e-12);
    let solution = MeanField::new(1e-12, 2).unwrap().run(&field).unwrap();
    assert!(!solution.convergence.converged && solution.convergence.residual > 1e-12);
}

#[test]
fn the_bound_of_mean_field_rises_and_stays_below_log_z() {
    for seed in 0..12 {
        let labels = [&[0.0, 1.0][..], &[0.0, 1.0, 2.0]][seed % 2];
        let field = ragged(open(&[5, 4]), labels, [0.3, 1.0, 2.5][seed % 3], 30 + seed as u64);
        let log_z = log_z_by_elimination(&field).unwrap();
        let solution = MeanField::new(1e-12, 10_000).unwrap().run(&field).unwrap();
        assert!(solution.convergence.converged);
        for pair in solution.bounds.windows(2) {
            assert!(pair[1] >= pair[0] - 1e-13 * log_z.abs(), "{:?}", solution.bounds);
        }
        assert!(solution.bound() < log_z);
        let p = &solution.marginals.probabilities;
        close("laws", &p.sum_axis(Axis(1)), &Array1::ones(20), 1e-14).unwrap();
        // The bound is −⟨E⟩ + H, and at the end each law is the best given the others.
        let mut bound: f64 = p
            .iter()
            .zip(field.unary())
            .map(|(p, u)| -p * u - p * p.ln())
            .sum();
        for (bond, &[i, j]) in field.graph().bonds().iter().enumerate() {
            bound -= p.row(i).dot(&field.table(bond).dot(&p.row(j)));
        }
        assert!((solution.bound() - bound).abs() < 1e-12 * log_z.abs());
        for site in 0..20 {
            let mut e = field.unary().row(site).to_owned();
            for n in field.graph().neighbours(site) {
                let v = field.table(n.bond);
                let first = field.graph().bonds()[n.bond][0] == site;
                e += &if first {
                    v.dot(&p.row(n.site))
                } else {
                    v.t().dot(&p.row(n.site))
                };
            }
            let law = e.mapv(|e| (-e).exp());
            close(
                "self-consistency",
                &p.row(site),
                &(&law / law.sum()).view(),
                1e-10,
            )
            .unwrap();
        }
    }
}

#[test]
fn mean_field_is_exact_without_bonds() {
    let field = ragged(Graph::new(5, vec![]).unwrap(), &[0.0, 1.0, 2.0], 1.0, 45);
    let audit = Audit::new(&field).unwrap();
    let solution = MeanField::default().run(&field).unwrap();
    assert!((solution.bound() - audit.log_z).abs() < 1e-14 * audit.log_z.abs());
    close(
        "marginals",
        &solution.marginals.probabilities,
        &exact_marginals(&field, &audit),
        1e-14,
    )
    .unwrap();
}

#[test]
fn gibbs_marginals_are_those_of_enumeration() {
    let field = ragged(open(&[2, 3]), &[0.0, 1.0, 2.0], 0.6, 46);
    let exact = exact_marginals(&field, &Audit::new(&field).unwrap());
    let sampler = GibbsMarginals::new(2, 50, 400).unwrap();
    let seed = Seed::new(47);
    let runs: Vec<_> = (0..60)
        .map(|k| sampler.run(&field, &mut seed.nth(k).rng()))
        .collect();
    let mut tests = Vec::new();
    for ((site, label), p) in exact.indexed_iter() {
        let sample: Vec<f64> = runs
            .iter()
            .map(|r| r.marginals.probabilities[[site, label]])
            .collect();
        tests.push(mean(&format!("p(y_{site} = {label})"), &sample, *p));
    }
    family(&tests, FALSE_ALARM).unwrap();
    // The variance of 60 runs has a relative deviation of √(2/59) and the mean of 60 squared errors from two chains one of √(2/60): their ratio one of 0.26; averaged over sites it
    // has less.
    let variance = |(site, label): (usize, usize)| {
        let sample: Vec<f64> = runs
            .iter()
            .map(|r| r.marginals.probabilities[[site, label]])
            .collect();
        let m = sample.iter().sum::<f64>() / 60.0;
        sample.iter().map(|x| (x - m) * (x - m)).sum::<f64>() / 59.0
    };
    let claimed = |k: (usize, usize)| runs.iter().map(|r| r.standard_errors[k].powi(2)).sum::<f64>() / 60.0;
    let keys: Vec<_> = exact.indexed_iter().map(|(k, _)| k).collect();
    let ratio =
        keys.iter().map(|k| claimed(*k)).sum::<f64>() / keys.iter().map(|k| variance(*k)).sum::<f64>();
    // A factor has that deviation in its logarithm, where errors of zero are as far away as infinite ones.
    assert!(ratio.ln().abs() < 5.0 * 0.26, "{ratio}");
    // What a chain stands at is a state.
    field.check_states("states", runs[0].states.view()).unwrap();
    threads::same_on_any_number("marginals", || {
        let run = sampler.run(&field, &mut seed.rng());
        run.marginals.probabilities.into_flat()
    })
    .unwrap();
}

#[test]
fn the_likeliest_labels_have_the_fewest_expected_errors() {
    let field = ragged(open(&[2, 3]), &[0.0, 1.0, 2.0], 0.9, 48);
    let audit = Audit::new(&field).unwrap();
    // Belief propagation's type of marginals, with exact numbers in it.
    let mut marginals = BeliefPropagation::default().run(&field).marginals;
    marginals.probabilities = exact_marginals(&field, &audit);
    let wrong = |y: ndarray::ArrayView1<f64>| {
        let per_state = audit
            .states
            .rows()
            .into_iter()
            .zip(&audit.pi)
            .map(|(truth, p)| p * y.iter().zip(truth).filter(|(a, b)| a != b).count() as f64 / 6.0);
        per_state.sum::<f64>()
    };
    let best = marginals.likeliest();
    for y in audit.states.rows() {
        assert!((marginals.expected_error(y) - wrong(y)).abs() < 1e-13);
        assert!(wrong(best.view()) <= wrong(y) + 1e-13);
    }
    assert_eq!(marginals.expected_error(Array1::from_elem(6, 0.5).view()), 1.0);
    let mean: Array1<f64> = audit.states.t().dot(&audit.pi);
    close("means", &marginals.means(), &mean, 1e-13).unwrap();
}

/// Unary energies near the largest number: differences of sums of them are `∞ − ∞`, and no search that met one has converged.
#[test]
fn messages_and_means_that_are_no_numbers_have_not_converged() {
    let huge = 1.7e308;
    let chain = Graph::lattice(&[3], Boundary::Open).unwrap();
    let unary = array![[huge, -huge], [huge, -huge], [huge, -huge]];
    let field = PairwiseField::potts(chain.clone(), vec![0.0, 1.0], unary, 1.0).unwrap();
    let beliefs = BeliefPropagation::default().run(&field);
    let known = beliefs.marginals.probabilities.iter().all(|p| p.is_finite());
    assert_eq!(beliefs.convergence.converged, known, "{:?}", beliefs.convergence);

    let tables = Array3::from_elem((2, 2, 2), huge);
    let unary = Array2::from_elem((3, 2), huge);
    let field = PairwiseField::new(chain, vec![0.0, 1.0], unary, tables, vec![0, 1]).unwrap();
    let found = MeanField::default().run(&field).unwrap();
    assert!(!found.convergence.converged, "{:?}", found.convergence);
    assert!(found.convergence.residual.is_nan(), "{:?}", found.convergence);
}
