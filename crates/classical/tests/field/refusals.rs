//! Everything that is refused is refused by name.

use gibbsian_classical::field::{
    BeliefPropagation, ConditionalModes, Denoiser, FlipNoise, GaussianNoise, GibbsMarginals, MaxProduct,
    MeanField, NoisyLearner, TiedField, fit_likelihood, fit_pseudo_likelihood, log_z_by_elimination,
    lowest_by_cut, lowest_by_expansion,
};
use gibbsian_classical::{Graph, PairwiseField};
use gibbsian_core::{Result, Seed};
use ndarray::{Array1, Array2, Array3, array};

use crate::{open, ragged};

#[track_caller]
fn refused<T>(result: Result<T>, words: &[&str]) {
    let Err(e) = result else {
        panic!("accepted, but {words:?}")
    };
    let message = e.to_string();
    assert!(words.iter().all(|w| message.contains(w)), "{message}");
}

fn pair(labels: Vec<f64>, unary: Array2<f64>) -> Result<PairwiseField> {
    PairwiseField::potts(open(&[2]), labels, unary, 1.0)
}

#[test]
fn fields() {
    let zeros = |n: usize, q: usize| Array2::<f64>::zeros((n, q));
    refused(pair(vec![0.0], zeros(2, 1)), &["labels", "at least 2"]);
    refused(pair(vec![0.0, 0.0], zeros(2, 2)), &["labels[1]", "different"]);
    refused(pair(vec![0.0, f64::NAN], zeros(2, 2)), &["labels[1]", "finite"]);
    refused(pair(vec![0.0, 1.0], zeros(3, 2)), &["unary", "[3, 2]", "[2, 2]"]);
    refused(pair(vec![0.0, 1.0], zeros(2, 3)), &["unary", "[2, 3]", "[2, 2]"]);
    refused(
        pair(vec![0.0, 1.0], array![[0.0, 0.0], [f64::INFINITY, 0.0]]),
        &["unary[1, 0]"],
    );
    let new = |tables: Array3<f64>, of: Vec<usize>| {
        PairwiseField::new(open(&[3]), vec![0.0, 1.0], Array2::zeros((3, 2)), tables, of)
    };
    refused(
        new(Array3::zeros((1, 2, 3)), vec![0, 0]),
        &["tables", "[1, 2, 3]", "(any, 2, 2)"],
    );
    refused(
        new(Array3::zeros((1, 3, 3)), vec![0, 0]),
        &["tables", "(any, 2, 2)"],
    );
    refused(
        new(Array3::from_elem((1, 2, 2), f64::NAN), vec![0, 0]),
        &["tables[0, 0, 0]"],
    );
    refused(new(Array3::zeros((1, 2, 2)), vec![0]), &["table_of_bond", "[2]"]);
    refused(
        new(Array3::zeros((1, 2, 2)), vec![0, 1]),
        &["table_of_bond[1]", "below"],
    );
    let field = ragged(open(&[3]), &[0.0, 1.0], 1.0, 1);
    refused(field.with_unary(Array2::zeros((2, 2))), &["unary"]);
    refused(
        field.with_potentials(Array2::zeros((3, 2)), Array3::zeros((1, 2, 2))),
        &["tables", "[2, 2, 2]"],
    );
    refused(field.label_numbers("y", array![0.0, 1.0].view()), &["`y`", "[3]"]);
    refused(
        field.label_numbers("y", array![0.0, 0.5, f64::NAN].view()),
        &["`y[1]`", "0.5", "[0.0, 1.0]"],
    );
    refused(
        ragged(open(&[3]), &[0.0, 1.0, 2.0], 1.0, 1).to_ising(),
        &["number of labels", "3"],
    );
}

#[test]
fn unequal_alphabets() {
    let field = ragged(open(&[2]), &[0.0, 1.0], 1.0, 1);
    let three = FlipNoise::symmetric(vec![0.0, 1.0, 2.0], 0.1).unwrap();
    let spins = FlipNoise::symmetric(vec![-1.0, 1.0], 0.1).unwrap();
    for noise in [three, spins] {
        let denoiser = Denoiser::new(field.clone(), noise);
        refused(
            denoiser.posterior(array![1.0, 1.0].view()),
            &["labels of the noise", "[0.0, 1.0]"],
        );
        refused(denoiser.joint(), &["labels of the noise", "[0.0, 1.0]"]);
    }
    let denoiser = Denoiser::new(field.clone(), FlipNoise::symmetric(vec![0.0, 1.0], 0.1).unwrap());
    refused(
        denoiser.posterior(array![1.0, -1.0].view()),
        &["x[1]", "-1", "[0.0, 1.0]"],
    );
    refused(denoiser.posterior(array![1.0].view()), &["`x`", "[1]", "[2]"]);
    let grey = Denoiser::new(field.clone(), GaussianNoise::new(1.0).unwrap());
    refused(grey.posterior(array![0.3, f64::NAN].view()), &["x[1]", "NaN"]);
    let other = ragged(open(&[2]), &[-1.0, 1.0], 1.0, 1);
    let features = vec![("slope".to_owned(), other)];
    refused(
        TiedField::new(field, features, array![1.0].view()),
        &["slope", "labels"],
    );
}

#[test]
fn noise() {
    let new = |p| FlipNoise::new(vec![0.0, 1.0], p);
    refused(new(Array2::zeros((2, 3))), &["`p`", "[2, 2]"]);
    refused(new(array![[1.0, 0.0], [0.5, 0.5]]), &["p[0, 0]", "(0, 1)"]);
    refused(new(array![[0.6, 0.5], [0.5, 0.5]]), &["sum of p[0, ..]", "one"]);
    refused(FlipNoise::symmetric(vec![0.0, 1.0], f64::NAN), &["p[0, 0]"]);
    refused(FlipNoise::binary([0.0, 0.0], [0.1, 0.1]), &["labels[1]"]);
    refused(GaussianNoise::new(0.0), &["deviation"]);
    let y = array![0.0, 2.0];
    let noise = FlipNoise::symmetric(vec![0.0, 1.0], 0.1).unwrap();
    let corrupt =
        |noise: &dyn gibbsian_classical::field::Noise| noise.corrupt(y.view(), &mut Seed::new(0).rng());
    refused(corrupt(&noise), &["y[1]", "2"]);
    assert!(corrupt(&GaussianNoise::new(1.0).unwrap()).is_ok());
}

#[test]
fn frustration() {
    let mut field = ragged(open(&[2, 2]), &[0.0, 1.0], 0.1, 1);
    let tables = Array3::from_shape_fn(
        (4, 2, 2),
        |(t, a, b)| if (a == b) == (t == 2) { 1.0 } else { 0.0 },
    );
    field = field.with_potentials(field.unary().to_owned(), tables).unwrap();
    // Bond 2 of the square joins sites 1 and 3; three bonds cost more where labels differ, this one where they agree.
    let [i, j] = field.graph().bonds()[2];
    refused(
        lowest_by_cut(&field),
        &[&format!("bond 2 ({i}, {j})"), "-2", "frustrated", "submodular"],
    );
    let three = ragged(open(&[2]), &[0.0, 1.0, 2.0], 1.0, 1);
    refused(lowest_by_cut(&three), &["number of labels", "3", "two"]);
    // The square of a distance is no metric: 2² > 1² + 1².
    let squares = Array2::from_shape_fn((3, 3), |(a, b)| (a.abs_diff(b) as f64).powi(2));
    let field =
        PairwiseField::shared(open(&[2]), vec![0.0, 1.0, 2.0], Array2::zeros((2, 3)), squares).unwrap();
    refused(
        lowest_by_expansion(&field, array![0.0, 0.0].view(), 5),
        &[
            "V(0, 2) + V(1, 1) of tables[0]",
            "V(0, 1) + V(1, 2) = 2",
            "metric",
        ],
    );
}

#[test]
fn settings_and_starts() {
    let field = ragged(open(&[2]), &[0.0, 1.0], 1.0, 1);
    refused(ConditionalModes::new(0), &["max_sweeps"]);
    refused(
        ConditionalModes::default().run(&field, array![0.0, 2.0].view()),
        &["start[1]"],
    );
    let smooth = PairwiseField::potts(open(&[2]), vec![0.0, 1.0], Array2::zeros((2, 2)), 1.0).unwrap();
    refused(
        lowest_by_expansion(&smooth, array![0.0, 2.0].view(), 1),
        &["start[1]"],
    );
    refused(
        lowest_by_expansion(&smooth, array![0.0, 1.0].view(), 0),
        &["max_rounds"],
    );
    refused(MeanField::new(0.0, 1), &["tolerance"]);
    refused(MeanField::new(1e-6, 0), &["max_sweeps"]);
    let run = |q: Array2<f64>| MeanField::default().run_from(&field, q.view());
    refused(run(Array2::zeros((2, 3))), &["start", "[2, 2]"]);
    refused(run(array![[0.5, 0.5], [1.5, -0.5]]), &["start[1, 0]"]);
    refused(run(array![[0.5, 0.5], [0.5, 0.6]]), &["sum of start[1, ..]"]);
    for damping in [-0.1, 1.0, f64::NAN] {
        refused(BeliefPropagation::new(damping, 1e-6, 10), &["damping", "[0, 1)"]);
        refused(MaxProduct::new(damping, 1e-6, 10), &["damping", "[0, 1)"]);
    }
    refused(BeliefPropagation::new(0.0, f64::NAN, 10), &["tolerance"]);
    refused(BeliefPropagation::new(0.0, 1.0, 0), &["max_rounds"]);
    refused(GibbsMarginals::new(1, 0, 1), &["n_chains", "at least 2"]);
    refused(GibbsMarginals::new(2, 0, 0), &["n_sweeps"]);
    let wide = Graph::complete(23).unwrap();
    refused(
        log_z_by_elimination(&ragged(wide, &[0.0, 1.0], 0.1, 1)),
        &["site 22", "2^23"],
    );
}

#[test]
fn learning() {
    let prior = || TiedField::smooth(open(&[2, 2]), vec![0.0, 1.0], 0.5, array![0.0].view()).unwrap();
    // On a square of one colour, every site has two neighbours of its own label: coupling and bias are one thing.
    let constant = Array2::<f64>::zeros((3, 4));
    refused(
        fit_pseudo_likelihood(&mut prior(), constant.view(), 1e-9, 200),
        &["`y`", "maximum"],
    );
    refused(
        fit_likelihood(&mut prior(), constant.view(), 1e-300, 20),
        &["`y`", "maximum"],
    );
    let y = array![[0.0, 1.0, 0.0, 2.0]];
    refused(
        fit_pseudo_likelihood(&mut prior(), y.view(), 1e-9, 5),
        &["y[0, 3]"],
    );
    refused(fit_likelihood(&mut prior(), y.view(), 1e-9, 5), &["y[0, 3]"]);
    let y = array![[0.0, 1.0, 0.0, 1.0]];
    refused(fit_likelihood(&mut prior(), y.view(), 0.0, 5), &["tolerance"]);
    refused(fit_likelihood(&mut prior(), y.view(), 1e-9, 0), &["max_steps"]);
    refused(
        TiedField::smooth(open(&[2]), vec![0.0, 1.0], f64::NAN, array![0.0].view()),
        &["coupling"],
    );
    refused(
        TiedField::smooth(open(&[2]), vec![0.0, 1.0], 0.0, Array1::zeros(2).view()),
        &["params", "[2]"],
    );
    refused(NoisyLearner::new(3, 1), &["n_rounds", "at least 4"]);
    refused(NoisyLearner::new(4, 0), &["n_sweeps"]);
    let learn = |x: Array1<f64>, start| {
        NoisyLearner::new(4, 1)
            .unwrap()
            .run(&mut prior(), x.view(), start, &mut Seed::new(1).rng())
    };
    // Below half of ε the probability of no flip rounds to one.
    for start in [0.0, 1e-17, 1.0] {
        refused(learn(array![0.0, 1.0, 0.0, 1.0], start), &["`start`"]);
    }
    refused(learn(array![0.0, 1.0, 0.0, 3.0], 0.1), &["x[3]"]);
}
