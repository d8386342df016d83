//! Single precision against double, and the same bits on any number of threads.

use gibbsian_core::{DivergenceCotangent, EnergyPullback, Parametric, ScoreJvp, ScoreJvpPullback, Seed};
use gibbsian_nn::{Activation, NeuralEnergy, Precision};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::conformance::{moved, points};

fn energy() -> NeuralEnergy {
    let forward = |net: &mut gibbsian_nn::Net<'_>, x| net.mlp("f", x, &[64, 64], 1, Activation::Silu);
    moved(NeuralEnergy::new(3, forward, &mut Seed::new(1).rng()).unwrap())
}

/// Values, products and gradients of a batch, one after another.
fn everything(energy: &NeuralEnergy, x: ArrayView2<f64>) -> Vec<Array1<f64>> {
    let v = x.mapv(|x| (3.0 * x).cos());
    let (mut score, mut jvp) = (Array2::zeros(x.dim()), Array2::zeros(x.dim()));
    energy.score_jvp_into(x, v.view(), score.view_mut(), jvp.view_mut());
    let mut of_energy = Array1::zeros(energy.n_params());
    energy.energy_pullback_with(
        x,
        &mut |e, mut w| w.assign(&e.mapv(f64::sin)),
        of_energy.view_mut(),
    );
    let mut of_divergence = Array1::zeros(energy.n_params());
    let cotangent: &mut DivergenceCotangent<'_> =
        &mut |s: ArrayView2<f64>,
              _: ArrayView1<f64>,
              mut u: ArrayViewMut2<f64>,
              mut c: ArrayViewMut1<f64>| {
            u.assign(&s);
            c.fill(1.0);
        };
    energy.divergence_pullback_with(x, cotangent, of_divergence.view_mut());
    vec![
        score.flatten().to_owned(),
        jvp.flatten().to_owned(),
        energy.divergence(x),
        of_energy,
        of_divergence,
    ]
}

/// Each sum of `n` terms errs by at most about `n ε` of the sum of its absolute terms; 64 columns, a few layers, and derivatives that multiply by a few.
#[test]
fn single_precision_errs_as_its_unit_roundoff_says() {
    let x = points(130, 3);
    let single = everything(&energy(), x.view());
    let double = everything(&energy().with_precision(Precision::Double), x.view());
    for (k, (single, double)) in single.iter().zip(&double).enumerate() {
        let scale = double.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        let error = (single - double).iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        assert!(
            error < 64.0 * f64::from(f32::EPSILON) * scale,
            "{k}: {error} of {scale}"
        );
        assert!(error > 0.0, "{k}: the precisions compute the same");
    }
}

#[test]
fn one_thread_and_three_give_the_same_bits() {
    let (energy, x) = (energy(), points(200, 3));
    let on = |n: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        pool.install(|| everything(&energy, x.view()))
    };
    assert_eq!(on(1), on(3));
}
