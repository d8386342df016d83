//! Gaussian mixtures, clean and noised, against 50-digit references.

use crate::common::mixtures::of_table;
use crate::common::reference::{Set, each_set};
use gibbsian_core::process::{
    LinearGaussian, OrnsteinUhlenbeck, SubVariancePreserving, VarianceExploding, VariancePreserving,
};
use gibbsian_core::{Density, ScoreJvp, TimeScoreJvp};
use gibbsian_densities::NoisedMixture;
use ndarray::{Array2, aview1};

#[test]
fn every_shape_of_covariance() {
    each_set("gaussian_mixture", |set| {
        let mixture = of_table(&set.parameters());
        let x = set.x();
        let log_density = mixture.log_density(x.view());
        set.compare(
            "log-density",
            log_density.view(),
            &set.log_density,
            &set.log_density_terms,
        );
        let (mut score, mut jvp) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        mixture.score_jvp_into(x.view(), set.v().view(), score.view_mut(), jvp.view_mut());
        set.compare_rows("score", &score, &set.score, &set.score_terms);
        set.compare_rows("Hessian-vector product", &jvp, &set.jvp, &set.jvp_terms);
        let divergence = mixture.divergence(x.view());
        set.compare(
            "divergence",
            divergence.view(),
            &set.divergence,
            &set.divergence_terms,
        );
    });
}

#[test]
fn under_every_process() {
    each_set("noised_mixture", |set| {
        let numbers = set.parameters().vector("process_parameters");
        match set.parameters().word("process") {
            "ve" => noised(set, VarianceExploding::new(numbers[0], numbers[1]).unwrap()),
            "vp" => noised(set, VariancePreserving::new(numbers[0], numbers[1]).unwrap()),
            "sub-vp" => noised(set, SubVariancePreserving::new(numbers[0], numbers[1]).unwrap()),
            "ou" => noised(set, OrnsteinUhlenbeck::new(numbers[0]).unwrap()),
            other => panic!("no process is called {other}"),
        }
    });
}

fn noised<P: LinearGaussian>(set: &Set, process: P) {
    let noised = NoisedMixture::new(of_table(&set.parameters()), process).unwrap();
    let (x, t) = (set.x(), aview1(&set.t));
    let log_density = noised.log_density_at(x.view(), t);
    set.compare(
        "log-density",
        log_density.view(),
        &set.log_density,
        &set.log_density_terms,
    );
    set.compare_rows(
        "score",
        &noised.score_at(x.view(), t),
        &set.score,
        &set.score_terms,
    );
    let (mut score, mut jvp) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
    noised.score_jvp_at_into(x.view(), t, set.v().view(), score.view_mut(), jvp.view_mut());
    set.compare_rows("score with products", &score, &set.score, &set.score_terms);
    set.compare_rows("Hessian-vector product", &jvp, &set.jvp, &set.jvp_terms);
    let divergence = noised.divergence_at(x.view(), t);
    set.compare(
        "divergence",
        divergence.view(),
        &set.divergence,
        &set.divergence_terms,
    );
    let denoised = noised.denoise(x.view(), t);
    set.compare_rows("denoised", &denoised, &set.denoised, &set.denoised_terms);
}
