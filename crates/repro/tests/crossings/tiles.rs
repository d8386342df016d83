//! Machines that multiply in tiles: exact answers, and copies against the machine with copies.

use gibbsian_classical::dbm::Replicated;
use gibbsian_classical::{
    Arithmetic, Bernoulli, BinaryRbm, BinaryRbmPath, FusedContrastiveDivergence, FusedOptions, Rbm,
};
use gibbsian_core::{Objective, Parametric, Seed, TrainStep};
use gibbsian_objectives::ContrastiveDivergence;
use gibbsian_partition::{Ladder, ais};
use gibbsian_samplers::Gibbs;
use ndarray::{Array1, Array2, ArrayView1, Axis, concatenate, s};
use rand::RngExt;

#[test]
fn annealing_in_tiles_estimates_the_exact_partition_function() {
    // Ten hidden units are coupled; the others are free, so that the sum over all states is known.
    let (n_visible, n_hidden, coupled) = (70, 80, 10);
    let mut rng = Seed::new(7).rng();
    let mut weights =
        Array2::from_shape_simple_fn((n_visible, coupled), || 0.6 * (rng.random::<f64>() - 0.5));
    let hidden = Array1::from_shape_fn(n_hidden, |j| 0.1 * (j % 9) as f64 - 0.4);
    let visible = Array1::from_shape_fn(n_visible, |i| 0.05 * (i % 11) as f64 - 0.2);
    let layer = |bias: ArrayView1<f64>| Bernoulli::new(bias.to_owned()).unwrap();
    let small = Rbm::new(
        layer(visible.view()),
        layer(hidden.slice(s![..coupled])),
        weights.clone(),
    );
    let free: f64 = hidden.iter().skip(coupled).map(|c| c.exp().ln_1p()).sum();
    let exact = small.unwrap().log_z().unwrap() + free;
    let none = Array2::zeros((n_visible, n_hidden - coupled));
    weights = concatenate![Axis(1), weights, none];
    let whole = Rbm::new(layer(visible.view()), layer(hidden.view()), weights).unwrap();
    let machine = BinaryRbm::from(&whole);
    let base = Bernoulli::unbiased(n_visible);
    let path = BinaryRbmPath::new(&machine, &base)
        .unwrap()
        .with_arithmetic(Arithmetic::Tiles);
    let run = ais(&path, &Ladder::linear(300).unwrap(), 400, &mut Seed::new(1).rng()).unwrap();
    let estimate = run.estimate(0.95).unwrap();
    assert!(estimate.standard_error < 0.05, "{estimate}");
    let error = (run.log_z() - exact).abs();
    assert!(error < 5.0 * estimate.standard_error, "{estimate}, exact {exact}");
}

#[test]
fn copies_have_the_gradient_of_the_replicated_machine() {
    // Mean gradients over many steps from one machine, by the fused step and by the objective on the machine with copies.
    const REPEATS: usize = 4_000;
    const RATE: f64 = 1e-3;
    let mut rng = Seed::new(11).rng();
    let rbm = Rbm::random(Bernoulli::unbiased(6), Bernoulli::unbiased(5), 0.8, Seed::new(2)).unwrap();
    let rbm = Rbm::from(&BinaryRbm::from(&rbm));
    let x = Array2::from_shape_simple_fn((30, 6), || f64::from(u8::from(rng.random::<f64>() < 0.4)));
    for (n_visible, n_hidden) in [(2, 1), (1, 2), (2, 3)] {
        let replicated = Replicated::new(rbm.clone(), n_visible, n_hidden).unwrap();
        let mut objective = ContrastiveDivergence::new(Gibbs, 1).unwrap();
        let data = replicated.copies(x.view());
        let expected: Vec<Array1<f64>> = (0..REPEATS)
            .map(|_| {
                let mut gradient = Array1::zeros(replicated.n_params());
                objective
                    .loss_and_grad_into(&replicated, data.view(), &mut rng, gradient.view_mut())
                    .unwrap();
                gradient
            })
            .collect();
        for arithmetic in [Arithmetic::Lists, Arithmetic::Tiles] {
            let settings = FusedOptions {
                arithmetic,
                ..FusedOptions::default()
            };
            let mut step = FusedContrastiveDivergence::with_copies(settings, n_visible, n_hidden).unwrap();
            let found: Vec<Array1<f64>> = (0..REPEATS)
                .map(|_| {
                    let mut machine = BinaryRbm::from(&rbm);
                    step.train_step(&mut machine, x.view(), RATE, &mut rng).unwrap();
                    (rbm.params() - machine.params()) / RATE
                })
                .collect();
            for k in 0..rbm.params().len() {
                let (a, error_a) = mean_and_error(expected.iter().map(|g| g[k]));
                let (b, error_b) = mean_and_error(found.iter().map(|g| g[k]));
                // Single precision keeps some 1e-7 / RATE of a gradient; two digits 1e-4 of the largest.
                let tolerance = 6.0 * error_a.hypot(error_b) + 1e-3;
                assert!(
                    (a - b).abs() < tolerance,
                    "{n_visible}, {n_hidden}, {arithmetic:?}, {k}: {a} and {b}"
                );
            }
        }
    }
    let refused = FusedContrastiveDivergence::with_copies(FusedOptions::default(), 0, 1).unwrap_err();
    assert!(refused.to_string().contains("n_visible"), "{refused}");
    let refused = FusedContrastiveDivergence::with_copies(FusedOptions::default(), 1, 256).unwrap_err();
    assert!(refused.to_string().contains("n_hidden"), "{refused}");
}

fn mean_and_error(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let values: Vec<f64> = values.collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}
