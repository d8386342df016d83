//! Score matching of rows that count by weights: draws do not depend on the weights, so losses are linear in them.

use crate::two_bumps::TwoBumps;
use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_core::{Directions, NoiseLadder, Objective, Parametric, Seed};
use gibbsian_objectives::{
    DenoisingInTime, DenoisingScoreMatching, EquilibriumMatching, FiniteDifferenceSlicedScoreMatching,
    FiniteDifferenceVarianceReducedSlicedScoreMatching, FlowMatching, GeneralisedScoreMatching,
    GradientDecay, HalfLine, ImplicitScoreMatching, MultiLevelDenoising, SlicedScoreMatching, StandardNoise,
    StraightPath, VarianceReducedSlicedScoreMatching,
};
use ndarray::{Array1, Array2, array};

fn model() -> TwoBumps {
    TwoBumps::new(array![1.2, -0.7])
}

fn data() -> Array2<f64> {
    array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7], [0.4, -1.9]]
}

fn all() -> Vec<(&'static str, Box<dyn Objective<TwoBumps>>)> {
    let signs = Directions::Rademacher;
    let ladder = NoiseLadder::geometric(2.0, 0.5, 3).unwrap();
    let process = OrnsteinUhlenbeck::new(3.0).unwrap();
    vec![
        ("implicit", Box::new(ImplicitScoreMatching)),
        ("generalised", Box::new(GeneralisedScoreMatching::new(HalfLine))),
        ("sliced", Box::new(SlicedScoreMatching::new(signs, 2).unwrap())),
        (
            "reduced",
            Box::new(VarianceReducedSlicedScoreMatching::new(signs, 2).unwrap()),
        ),
        (
            "differences of energies",
            Box::new(FiniteDifferenceSlicedScoreMatching::new(signs, 2, 0.1).unwrap()),
        ),
        (
            "differences of scores",
            Box::new(FiniteDifferenceVarianceReducedSlicedScoreMatching::new(signs, 2, 0.1).unwrap()),
        ),
        ("denoising", Box::new(DenoisingScoreMatching::new(0.7).unwrap())),
        ("levels", Box::new(MultiLevelDenoising::new(ladder))),
        ("in time", Box::new(DenoisingInTime::new(process, 0.1).unwrap())),
        (
            "equilibrium",
            Box::new(EquilibriumMatching::new(
                StandardNoise { dim: 2 },
                GradientDecay::linear(),
            )),
        ),
        (
            "flow",
            Box::new(FlowMatching::new(StraightPath::default(), StandardNoise { dim: 2 }).unwrap()),
        ),
    ]
}

/// Loss followed by gradient, always with the same draws.
fn value(objective: &mut dyn Objective<TwoBumps>, x: &Array2<f64>, w: Option<&Array1<f64>>) -> Array1<f64> {
    let mut all = Array1::from_elem(model().n_params() + 1, f64::NAN);
    let rng = &mut Seed::new(1).rng();
    let grad = all.slice_mut(ndarray::s![1..]);
    let loss = match w {
        None => objective.loss_and_grad_into(&model(), x.view(), rng, grad),
        Some(w) => objective.weighted_loss_and_grad_into(&model(), x.view(), w.view(), rng, grad),
    };
    all[0] = loss.unwrap();
    all
}

#[test]
fn equal_weights_are_no_weights_and_losses_are_linear_in_them() {
    for (name, mut objective) in all() {
        let plain = value(&mut *objective, &data(), None);
        let ones = value(&mut *objective, &data(), Some(&array![1.0, 1.0, 1.0, 1.0]));
        assert!((&ones - &plain).iter().all(|e| e.abs() < 1e-14), "{name}");
        // Each row alone, at the weight that makes it the mean.
        let mut sum = Array1::zeros(plain.len());
        let w = array![0.5, 2.0, 0.0, 1.5];
        for b in 0..4 {
            let mut alone = Array1::zeros(4);
            alone[b] = 4.0;
            sum += &(value(&mut *objective, &data(), Some(&alone)) * (w[b] / 4.0));
        }
        let found = value(&mut *objective, &data(), Some(&w));
        // Rounding of differences of energies is of order 1e-16/ε².
        assert!(
            (&found - &sum).iter().all(|e| e.abs() < 1e-12),
            "{name}: {found} and {sum}"
        );
    }
}

#[test]
fn a_row_without_weight_has_no_say() {
    let mut moved = data();
    moved[[2, 0]] = 5.0;
    let w = array![1.0, 2.0, 0.0, 1.0];
    for (name, mut objective) in all() {
        let (found, expected) = (
            value(&mut *objective, &moved, Some(&w)),
            value(&mut *objective, &data(), Some(&w)),
        );
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn bad_weights_are_refused() {
    for (name, mut objective) in all() {
        for (w, named) in [
            (array![1.0, 1.0], "`weights` has shape [2]"),
            (array![1.0, 1.0, -1.0, 1.0], "`weights[2]` is -1"),
            (array![1.0, 1.0, 1.0, f64::NAN], "`weights[3]` is NaN"),
        ] {
            let e = objective
                .weighted_loss_and_grad_into(
                    &model(),
                    data().view(),
                    w.view(),
                    &mut Seed::new(1).rng(),
                    Array1::zeros(2).view_mut(),
                )
                .unwrap_err()
                .to_string();
            assert!(e.contains(named), "{name}: {e}");
        }
    }
}
