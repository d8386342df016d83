//! Greedy pretraining: machines with copies, and what a stack makes.

use gibbsian_classical::Dbm;
use gibbsian_classical::dbm::Replicated;
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, Energy, Seed, Units};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, Axis, s};

use crate::machines::{product, rbm, states_of};

#[test]
fn copies_are_a_model_by_themselves() {
    for (m, n) in [(1, 1), (2, 1), (1, 2), (2, 2)] {
        let rbm = rbm(2, 2, 1.0, 70);
        let model = Replicated::new(rbm.clone(), m, n).unwrap();
        let x = model.states().unwrap();
        // The definition: copies of both layers, all visible ones coupled to all hidden ones.
        let h = states_of(rbm.hidden());
        let hidden = product(&vec![h; n]);
        let energy: Array1<f64> = x
            .rows()
            .into_iter()
            .map(|x| {
                let terms: Vec<f64> = hidden
                    .rows()
                    .into_iter()
                    .map(|h| {
                        let mut e = 0.0;
                        for v in x.axis_chunks_iter(Axis(0), 2) {
                            e -= v.dot(&rbm.visible().bias());
                            for h in h.axis_chunks_iter(Axis(0), 2) {
                                e -= v.dot(&rbm.weights().dot(&h));
                            }
                        }
                        for h in h.axis_chunks_iter(Axis(0), 2) {
                            e -= h.dot(&rbm.hidden().bias());
                        }
                        -e
                    })
                    .collect();
                -log_sum_exp(&terms)
            })
            .collect();
        let tolerance = Precision::DOUBLE.agreement();
        close("free energy", &model.energy(x.view()), &energy, tolerance).unwrap();
        conformance::energy(&model, x.view(), Precision::DOUBLE).unwrap();
        conformance::discrete(&model).unwrap();
        conformance::energy_pullback(&mut model.clone(), x.view(), Precision::DOUBLE).unwrap();
        conformance::parametric(&mut model.clone()).unwrap();
        conformance::blocks(&model, x.view(), Seed::new(71)).unwrap();
        draws_leave_it_invariant(&model, &x);
        let v = states_of(rbm.visible());
        let field = v.dot(&rbm.weights()) * m as f64;
        close(
            "features",
            &model.features(v.view()),
            &rbm.hidden().mean(field.view()),
            tolerance,
        )
        .unwrap();
        assert_eq!(model.copies(v.view()).slice(s![.., ..2]), v);
        assert_eq!(model.copies(v.view()).ncols(), 2 * m);
    }
    assert!(Replicated::new(rbm(2, 2, 1.0, 1), 0, 1).is_err());
    assert!(Replicated::new(rbm(2, 2, 1.0, 1), 1, 0).is_err());
}

/// Exact draws, redrawn once, are counted: chi-square over all states at a level of one in a million.
fn draws_leave_it_invariant(model: &Replicated, x: &Array2<f64>) {
    use gibbsian_core::Blocks;
    use gibbsian_testkit::stats::{FALSE_ALARM, chi_square, family};
    let log_p = model.energy(x.view()).mapv(|e| -e);
    let log_z = log_sum_exp(&log_p.to_vec());
    let p: Vec<f64> = log_p.iter().map(|l| (l - log_z).exp()).collect();
    const N: usize = 40_000;
    let mut rng = Seed::new(72).rng();
    let mut rows = Vec::with_capacity(N);
    for _ in 0..N {
        let mut u = rand::RngExt::random::<f64>(&mut rng);
        let mut k = 0;
        while k + 1 < p.len() && u >= p[k] {
            u -= p[k];
            k += 1;
        }
        rows.push(k);
    }
    let mut chains = x.select(Axis(0), &rows);
    model.resample(chains.view_mut(), 0, None, &mut rng);
    let mut counts = vec![0u64; p.len()];
    for row in chains.rows() {
        let number = row.iter().rev().fold(0, |n, bit| 2 * n + *bit as usize);
        counts[number] += 1;
    }
    family(&[chi_square("redrawn", &counts, &p)], FALSE_ALARM).unwrap();
}

#[test]
fn a_stack_makes_a_machine_whose_fields_are_means_of_its_parts() {
    let (bottom, middle, top) = (rbm(4, 3, 0.8, 73), rbm(3, 2, 0.8, 74), rbm(2, 3, 0.8, 75));
    let dbm = Dbm::from_stack(&bottom, &[middle.clone(), top.clone()]).unwrap();
    assert_eq!(dbm.sizes(), [4, 3, 2, 3]);
    assert_eq!(dbm.weights(2), middle.weights());
    let mean = (&bottom.hidden().bias() + &middle.visible().bias()) / 2.0;
    close("biases", &dbm.hidden(1).bias().to_owned(), &mean, 1e-15).unwrap();
    assert_eq!(dbm.hidden(3), top.hidden());
    assert_eq!(dbm.visible(), bottom.visible());
    // The field of a hidden unit is the mean of those with doubled input in the two machines.
    let (v, h2) = (states_of(bottom.visible()), states_of(middle.hidden()));
    let below = v.row(9).dot(&bottom.weights()) * 2.0 + bottom.hidden().bias();
    let above = middle.weights().dot(&h2.row(1)) * 2.0 + middle.visible().bias();
    let field = v.row(9).dot(&dbm.weights(1)) + dbm.weights(2).dot(&h2.row(1)) + dbm.hidden(1).bias();
    close("field", &field, &((below + above) / 2.0), 1e-15).unwrap();
    assert!(Dbm::from_stack(&bottom, &[top]).is_err());
}
