//! A network that sliced score matching has trained, at points of its data.
//!
//! Its Jacobian is no multiple of anything and not symmetric, since nothing makes the network a gradient; the closed forms need the symmetric part only. On the data the score is small and the log-density
//! concave, which is where the plain form can be the better one.

use gibbsian_core::{Density, Directions, Parametric, Score, Seed, TrainStep};
use gibbsian_densities::{Covariances, GaussianMixture};
use gibbsian_nn::{Activation, NeuralScore, Precision};
use gibbsian_objectives::SlicedScoreMatching;
use gibbsian_train::{Adam, AdamOptions, Cosine, Decay, Descent, Schedule};
use ndarray::{Array2, ArrayView2, Axis, array, s};

use super::finite::Rule;
use super::{FORMS, LAWS, conditional, jacobians, slices};
use crate::statistics::{larger, mean_and_error};
use crate::{Check, Claim, Context, Provenance, Result, Table};

pub(super) const LEARNT: Claim = Claim {
    claim: "the network has learnt: E ‖s − ∇log p‖² over E ‖∇log p‖², on points that it has not seen",
    source: "the score of the mixture that made the data",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(0.25)),
    full: Check::at_most(0.25),
    reason: "set before the run: a score of zero has one, and a small network in a second need not be near nothing",
};

pub(super) const ENUMERATED: Claim = Claim {
    claim: "a trained network at points of its data: the variance over finite sets of directions is the closed form of its exact Jacobian, the largest difference over the second moment",
    source: "Avron and Toledo (2011); the 24-cell is exact to the fifth order",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-12)),
    full: Check::value(0.0).within(1e-12),
    reason: "the network computes in double precision, and at most 81 terms are added up",
};

pub(super) const DRAWN: Claim = Claim {
    claim: "the same with directions that are drawn: the largest of 72 differences in standard errors",
    source: "the same",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.0)),
    full: Check::at_most(5.0),
    reason: "five standard errors, 72 times: a false alarm in twenty thousand, and a few times that for the tails of squares",
};

const DIM: usize = 4;

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("trained");
    let truth = GaussianMixture::new(
        array![0.4, 0.6],
        array![[1.0, 0.5, 0.0, -0.5], [-1.0, 0.0, 0.5, 0.5]],
        Covariances::Diagonal(array![[0.5, 1.0, 0.4, 0.8], [0.8, 0.5, 1.0, 0.5]]),
    )?;
    let data = truth.sample(4_000, &mut seed.child("data").rng());
    let network = train(ctx, data.view(), seed)?;

    let fresh = truth.sample(4_000, &mut seed.child("fresh").rng());
    let expected = truth.score(fresh.view());
    let error = network.score(fresh.view()) - &expected;
    let square = |a: &Array2<f64>| a.iter().map(|a| a * a).sum::<f64>();
    ctx.measure(&LEARNT, square(&error) / square(&expected))?;

    let x = data.slice(s![..12, ..]);
    let n = ctx.pick(10_000, 200_000);
    let [mut enumerated, mut drawn] = [0.0_f64; 2];
    let mut table = Table::new([
        "point",
        "directions",
        "form",
        "closed_form",
        "measured",
        "standard_error",
    ]);
    for (law, name) in LAWS {
        enumerated = larger(enumerated, Rule::new(law, DIM)?.errors(&network, x)?.0);
        for (b, closed) in conditional(&network, x, law)?.into_iter().enumerate() {
            let found = observed(
                &network,
                x.row(b).insert_axis(Axis(0)),
                law,
                n,
                seed.child(name).nth(b as u64),
            );
            for ((form, closed), (mean, error)) in FORMS.into_iter().zip(closed).zip(found) {
                drawn = larger(drawn, (mean - closed).abs() / error);
                table.row([
                    b.into(),
                    name.into(),
                    form.into(),
                    closed.into(),
                    mean.into(),
                    error.into(),
                ])?;
            }
        }
    }
    ctx.measure(&ENUMERATED, enumerated)?;
    ctx.measure(&DRAWN, drawn)?;
    asymmetry(ctx, &network, data.slice(s![..1_000, ..]))?;
    ctx.table(
        "trained",
        "Variance over directions at points of the data, of a network that was trained on them.",
        &table,
    )
}

/// A perceptron with two layers of 32 units after a short training, in double precision.
fn train(ctx: &Context, data: ArrayView2<f64>, seed: Seed) -> Result<NeuralScore> {
    let forward = |net: &mut gibbsian_nn::Net<'_>, x| net.mlp("score", x, &[32, 32], DIM, Activation::Silu);
    let mut network = NeuralScore::new(DIM, forward, &mut seed.child("weights").rng())?;
    let objective = SlicedScoreMatching::new(Directions::Rademacher, 1)?;
    let adam = Adam::new(&network.layout(), AdamOptions::default(), Decay::NONE)?;
    let mut descent = Descent::new(objective, adam);
    let n_steps = ctx.pick(600, 6_000);
    let rate = Cosine::new(5e-3, 0.0, n_steps)?;
    let n_batches = (data.nrows() / 200) as u64;
    for t in 0..n_steps {
        let first = 200 * (t % n_batches) as usize;
        let batch = data.slice(s![first..first + 200, ..]);
        let mut rng = seed.child("step").nth(t).rng();
        descent.train_step(&mut network, batch, rate.value(t), &mut rng)?;
    }
    Ok(network.with_precision(Precision::Double))
}

/// The variances of both forms at one point from `n` pairs of directions, each with its error.
fn observed(
    network: &NeuralScore,
    x: ArrayView2<f64>,
    law: Directions,
    n: usize,
    seed: Seed,
) -> [(f64, f64); 2] {
    let x = x.broadcast((n, DIM)).expect("a row many times");
    let values = |name: &str| {
        let v = law.draw((n, DIM), &mut seed.child(name).rng());
        slices(network, x, v.view())
    };
    let (one, other) = (values("one"), values("other"));
    [0, 1].map(|form| {
        let halves = (&one[form] - &other[form]).mapv(|d| 0.5 * d * d);
        mean_and_error(halves.iter().copied())
    })
}

/// Says how far from symmetric the Jacobian is, and which form is the better one where.
fn asymmetry(ctx: &mut Context, network: &NeuralScore, x: ArrayView2<f64>) -> Result<()> {
    let (mut odd, mut all) = (0.0, 0.0);
    for jacobian in jacobians(network, x).outer_iter() {
        let difference = &jacobian - &jacobian.t();
        odd += 0.25 * difference.iter().map(|d| d * d).sum::<f64>();
        all += jacobian.iter().map(|d| d * d).sum::<f64>();
    }
    let mut shares = Vec::new();
    for (law, name) in LAWS {
        let variances = conditional(network, x, law)?;
        let worse = variances
            .iter()
            .filter(|[plain, reduced]| reduced > plain)
            .count();
        let mean = |form: usize| variances.iter().map(|v| v[form]).sum::<f64>() / variances.len() as f64;
        shares.push(format!(
            "{name} {:.1} % ({:.3} plain, {:.3} reduced on average)",
            100.0 * worse as f64 / variances.len() as f64,
            mean(0),
            mean(1)
        ));
    }
    ctx.note(format!(
        "The trained network: {:.2} % of the squares of its Jacobian is antisymmetric. Points of its data where the reduced form varies more: {}.",
        100.0 * odd / all,
        shares.join("; ")
    ));
    Ok(())
}
