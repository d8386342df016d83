//! Greedy pretraining: machines with copies, and what a stack makes.

use gibbsian_classical::dbm::{GreedyStack, Replicated, TossedFeatures};
use gibbsian_classical::{Bernoulli, BinaryRbm, Dbm, FusedOptions, Rbm};
use gibbsian_core::dataset::{Dataset, Matrix};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, Energy, Seed, Space, Streams, Units};
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

/// The mean of many tosses of all rows is `p`, within five standard errors in every entry.
fn tosses_have_means(features: &impl Dataset, p: &Array2<f64>) {
    const N: usize = 4_000;
    let all: Vec<usize> = (0..p.nrows()).collect();
    let mut sum = Array2::<f64>::zeros(p.raw_dim());
    for k in 0..N {
        sum += &features.rows(&all, Streams::from_key(k as u64));
    }
    for (sum, p) in sum.iter().zip(p) {
        let error = (p * (1.0 - p) / N as f64).sqrt();
        assert!((sum / N as f64 - p).abs() < 5.0 * error, "{} {p}", sum / N as f64);
    }
}

/// The mean of many tosses is `E[h | v]`; a block of rows has the stream of its number, whatever comes behind it.
#[test]
fn features_are_tossed_by_their_probabilities() {
    let machines = [rbm(4, 3, 0.8, 80), rbm(3, 2, 1.5, 81)].map(|rbm| BinaryRbm::from(&rbm));
    let rows = Matrix::new(states_of(&Bernoulli::unbiased(4))).unwrap();
    let features = TossedFeatures::new(&rows, &machines[..1]).unwrap();
    assert_eq!((features.dim(), features.n_points()), (3, 16));
    tosses_have_means(
        &features,
        &machines[0].hidden_mean(states_of(&Bernoulli::unbiased(4)).view()),
    );

    let all: Vec<usize> = (0..16).collect();
    let through = TossedFeatures::new(&rows, &machines).unwrap();
    let indices: Vec<usize> = (0..70).map(|b| b % 16).collect();
    let streams = Streams::from_key(5);
    let x = through.rows(&indices, streams);
    assert!(x.iter().all(|x| *x == 0.0 || *x == 1.0) && x.ncols() == 2);
    assert_eq!(through.rows(&indices[..32], streams), x.slice(s![..32, ..]));
    assert_ne!(through.rows(&indices[..6], streams), x.slice(s![64.., ..]));
    // Through none, the rows as they are.
    assert_eq!(
        TossedFeatures::new(&rows, &[]).unwrap().rows(&all, streams),
        rows.rows(&all, streams)
    );
    let refused = TossedFeatures::new(&rows, &machines[1..])
        .unwrap_err()
        .to_string();
    assert!(refused.contains("below[0]") && refused.contains('4'), "{refused}");
}

/// Every layer learns with the copies of Salakhutdinov and Hinton, and hears those below it as often as they are there.
#[test]
fn a_greedy_stack_has_the_copies_of_every_layer() {
    for (hidden, copies) in [
        (vec![3], vec![(1, 1)]),
        (vec![3, 2], vec![(2, 1), (1, 2)]),
        (vec![3, 2, 4], vec![(2, 1), (2, 2), (1, 2)]),
    ] {
        let mut stack = GreedyStack::new(Bernoulli::unbiased(4), &hidden).unwrap();
        let rows = Matrix::new(states_of(&Bernoulli::unbiased(4))).unwrap();
        let mut machines: Vec<Rbm> = Vec::new();
        for (l, &n_copies) in copies.iter().enumerate() {
            assert_eq!(stack.next_layer(), Some(l + 1));
            assert!(stack.compose().is_err());
            let n_below = stack.features(&rows).unwrap().dim();
            let start = stack.start(0.01, Seed::new(3)).unwrap();
            assert_eq!((start.n_visible(), start.n_hidden()), (n_below, hidden[l]));
            // The step is that of the copies: one step from the same machine with the same numbers.
            let step = stack.contrastive_divergence(FusedOptions::default()).unwrap();
            let expected = gibbsian_classical::FusedContrastiveDivergence::with_copies(
                FusedOptions::default(),
                n_copies.0,
                n_copies.1,
            );
            let after = |mut step: gibbsian_classical::FusedContrastiveDivergence| {
                let mut machine = BinaryRbm::from(&rbm(n_below, hidden[l], 1.0, 90));
                let v = states_of(&Bernoulli::unbiased(n_below));
                let mut rng = Seed::new(4).rng();
                gibbsian_core::TrainStep::train_step(&mut step, &mut machine, v.view(), 0.1, &mut rng)
                    .unwrap();
                Rbm::from(&machine)
            };
            assert_eq!(after(step), after(expected.unwrap()));
            let machine = BinaryRbm::from(&rbm(n_below, hidden[l], 0.9, 82 + l as u64));
            machines.push(Rbm::from(&machine));
            stack.push(&machine).unwrap();
        }
        assert_eq!(stack.next_layer(), None);
        assert!(stack.start(0.01, Seed::new(3)).is_err());
        assert_eq!(
            stack.compose().unwrap(),
            Dbm::from_stack(&machines[0], &machines[1..]).unwrap()
        );
    }
    // What the second layer is given is what the first says of two copies of the data, on average.
    let mut stack = GreedyStack::new(Bernoulli::unbiased(4), &[3, 2]).unwrap();
    let machine = BinaryRbm::from(&rbm(4, 3, 0.9, 83));
    stack.push(&machine).unwrap();
    let v = states_of(&Bernoulli::unbiased(4));
    let p = Replicated::new(Rbm::from(&machine), 2, 1)
        .unwrap()
        .features(v.view());
    let rows = Matrix::new(v).unwrap();
    tosses_have_means(&stack.features(&rows).unwrap(), &p);
    assert!(GreedyStack::new(Bernoulli::unbiased(4), &[]).is_err());
    assert!(GreedyStack::new(Bernoulli::unbiased(4), &[3, 0]).is_err());
    let mut stack = GreedyStack::new(Bernoulli::unbiased(4), &[3]).unwrap();
    let refused = stack
        .push(&BinaryRbm::from(&rbm(3, 3, 1.0, 1)))
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("machine") && refused.contains("(4, 3)"),
        "{refused}"
    );
    let rows = Matrix::new(states_of(&Bernoulli::unbiased(3))).unwrap();
    assert!(stack.features(&rows).is_err());
}
