//! The loops for covariances that are multiples of the identity, against those for diagonal ones.

use gibbsian_core::process::VariancePreserving;
use gibbsian_core::{Seed, TimePotential, TimeScoreJvp};
use gibbsian_densities::{Covariances, GaussianMixture, NoisedMixture};
use gibbsian_testkit::agreement::Agreement;
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2};
use rand::RngExt;

use crate::noised::rounding;

/// Components and dimensions of every remainder of a tile, panels that are full and one that is not, neighbours of one level and of different ones, and components that have no share in any point.
#[test]
fn multiples_of_the_identity_agree_with_diagonal_matrices() -> Verdict {
    for n_components in 1..=9 {
        for dim in 1..=6 {
            let seed = Seed::new(13).nth((10 * n_components + dim) as u64);
            let mut rng = seed.rng();
            let weights = Array1::from_elem(n_components, 1.0 / n_components as f64);
            let means = Array2::from_shape_fn((n_components, dim), |(k, _)| {
                // Every third component is hundreds of deviations away from the others at small times.
                400.0 * f64::from(u8::from(k % 3 == 2)) + 2.0 * rng.random::<f64>()
            });
            for equal in [true, false] {
                let variances =
                    Array1::from_shape_fn(n_components, |k| if equal { 0.3 } else { 0.2 + 0.1 * k as f64 });
                let make = |covariances| {
                    let mixture = GaussianMixture::new(weights.clone(), means.clone(), covariances).unwrap();
                    NoisedMixture::new(mixture, VariancePreserving::new(0.1, 20.0).unwrap()).unwrap()
                };
                let spherical = make(Covariances::Spherical(variances.clone()));
                let diagonal = make(Covariances::Diagonal(Array2::from_shape_fn(
                    (n_components, dim),
                    |(k, _)| variances[k],
                )));
                for t in [
                    Array1::from_elem(70, 0.2),
                    Array1::from_shape_fn(70, |b| 0.01 + 0.9 * ((b / 3) as f64 / 30.0) % 0.9),
                ] {
                    let x = spherical
                        .sample_joint(t.view(), &mut seed.child("points").rng())
                        .1;
                    let outputs = |model: &NoisedMixture<VariancePreserving>| {
                        let (mut energy, mut score) = (Array1::zeros(70), Array2::zeros((70, dim)));
                        model.energy_and_score_at_into(
                            x.view(),
                            t.view(),
                            energy.view_mut(),
                            score.view_mut(),
                        );
                        let mut divergence = Array1::zeros(70);
                        let mut again = Array2::zeros((70, dim));
                        model.score_and_divergence_at_into(
                            x.view(),
                            t.view(),
                            again.view_mut(),
                            divergence.view_mut(),
                        );
                        // Without the log-density, what the components have in common is left out.
                        (energy, score, again, divergence)
                    };
                    let ((energy, score, again, divergence), expected) =
                        (outputs(&spherical), outputs(&diagonal));
                    let mut agreement = Agreement::new("isotropic and diagonal");
                    for b in 0..70 {
                        let at = format!(
                            "K = {n_components}, D = {dim}, equal: {equal}, row {b} at {}",
                            t[b]
                        );
                        // A precision is at most 1/0.2; what cancels are coordinates of a few hundred, and their squares.
                        let size = 5.0 * x.row(b).fold(10.0_f64, |m, x| m.max(x.abs()));
                        agreement.entry(
                            || format!("energy, {at}"),
                            energy[b],
                            expected.0[b],
                            rounding(size * size),
                        );
                        for (name, found) in [("score", &score), ("score alone", &again)] {
                            for i in 0..dim {
                                let (a, e) = (found[(b, i)], expected.1[(b, i)]);
                                agreement.entry(|| format!("{name} {i}, {at}"), a, e, rounding(size * size));
                            }
                        }
                        let (a, e) = (divergence[b], expected.3[b]);
                        agreement.entry(|| format!("divergence, {at}"), a, e, rounding(size.powi(3)));
                    }
                    agreement.verdict()?;
                }
            }
        }
    }
    Ok(())
}
