//! Hostile coordinates at every density: NaN stays NaN, what is outside has no density, and nothing panics.

use gibbsian_core::{Density, Score, ScoreJvp, Seed};
use gibbsian_densities::*;
use ndarray::{Array2, Array3, ArrayView1, array};

use crate::refusals::support::{HOSTILE, check, name_of, verdict};

/// A row with one hostile coordinate for each coordinate and number, and one with all of them.
fn rows(generic: ArrayView1<f64>) -> Array2<f64> {
    let d = generic.len();
    let mut all = Array2::zeros(((d + 1) * HOSTILE.len(), d));
    for (k, mut row) in all.rows_mut().into_iter().enumerate() {
        row.assign(&generic);
        let (place, v) = (k / HOSTILE.len(), HOSTILE[k % HOSTILE.len()]);
        if place == d {
            row.fill(v);
        } else {
            row[place] = v;
        }
    }
    all
}

/// `log p` and `E` are NaN where `x` is, and nowhere else; both are infinite outside, and agree inside.
fn values<D: Density>(density: &D, generic: ArrayView1<f64>) {
    values_of(&name_of::<D>(), density, generic);
}

fn values_of(name: &str, density: &dyn Density, generic: ArrayView1<f64>) {
    let x = rows(generic);
    let (log_p, energy) = (density.log_density(x.view()), density.energy(x.view()));
    for (b, row) in x.rows().into_iter().enumerate() {
        let place = format!("{} at {row:e}: log p = {}, E = {}", name, log_p[b], energy[b]);
        if row.iter().any(|x| x.is_nan()) {
            check(log_p[b].is_nan() && energy[b].is_nan(), || place.clone());
            continue;
        }
        check(!log_p[b].is_nan() && !energy[b].is_nan(), || place.clone());
        let difference = log_p[b] + energy[b] + density.log_z();
        let size = energy[b].abs() + density.log_z().abs();
        let agree = if log_p[b].is_finite() && energy[b].is_finite() {
            difference.abs() <= 1e-11 * size.max(1.0)
        } else {
            // One of them may overflow before the other.
            log_p[b].signum() != energy[b].signum()
        };
        check(agree, || place.clone());
    }
}

/// A score is NaN where `x` is, and not where the density is finite, but for the ends of a support.
fn scores<D: Density + Score>(density: &D, generic: ArrayView1<f64>) {
    values(density, generic);
    scores_of(&name_of::<D>(), density, density, generic);
}

fn scores_of(name: &str, density: &dyn Density, of_score: &dyn Score, generic: ArrayView1<f64>) {
    let x = rows(generic);
    let (log_p, score) = (density.log_density(x.view()), of_score.score(x.view()));
    for (b, row) in x.rows().into_iter().enumerate() {
        let place = format!("{} at {row:e}: log p = {}, s = {}", name, log_p[b], score.row(b));
        if row.iter().any(|x| x.is_nan()) {
            check(score.row(b).iter().any(|s| s.is_nan()), || place.clone());
        } else if log_p[b].is_finite() && !row.iter().any(|x| *x == 0.0 || *x == 1.0) {
            check(score.row(b).iter().all(|s| !s.is_nan()), || place.clone());
        }
    }
}

/// Likewise for products with the Jacobian and divergences.
fn derivatives<D: Density + ScoreJvp>(density: &D, generic: ArrayView1<f64>) {
    scores(density, generic);
    derivatives_of(&name_of::<D>(), density, generic);
}

fn derivatives_of(name: &str, density: &dyn ScoreJvp, generic: ArrayView1<f64>) {
    let x = rows(generic);
    let (score, divergence) = (density.score(x.view()), density.divergence(x.view()));
    let (mut s, mut jvp) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
    let v = Array2::from_elem(x.raw_dim(), 0.5);
    density.score_jvp_into(x.view(), v.view(), s.view_mut(), jvp.view_mut());
    for (b, row) in x.rows().into_iter().enumerate() {
        let place = format!(
            "{} at {row:e}: s = {}, J v = {}, tr J = {}",
            name,
            score.row(b),
            jvp.row(b),
            divergence[b]
        );
        check(
            score
                .row(b)
                .iter()
                .zip(s.row(b))
                .all(|(a, b)| a == b || (a.is_nan() && b.is_nan())),
            || place.clone(),
        );
        if row.iter().any(|x| x.is_nan()) {
            check(divergence[b].is_nan(), || place.clone());
        } else if score.row(b).iter().all(|s| s.abs() < 1e100) {
            check(
                !divergence[b].is_nan() && jvp.row(b).iter().all(|j| !j.is_nan()),
                || place.clone(),
            );
        }
    }
}

#[test]
fn densities_of_one_number() {
    let x = array![0.25];
    derivatives(&Normal::new(1.0, 2.0).unwrap(), x.view());
    for rate in [1e-3, 1.0, 40.0] {
        derivatives(&Exponential::new(rate).unwrap(), x.view());
    }
    for shape in [1e-20, 0.5, 1.0, 2.0, 1e8] {
        derivatives(&Gamma::new(shape, 3.0).unwrap(), x.view());
        derivatives(&Beta::new(shape, 3.0).unwrap(), x.view());
        derivatives(&Beta::new(0.5, shape).unwrap(), x.view());
    }
    for rate in [1e-20, 3.0, 1e20] {
        values(&Poisson::new(rate).unwrap(), x.view());
    }
    for trials in [1, 12, 1 << 53] {
        values(&Binomial::new(trials, 0.3).unwrap(), x.view());
    }
    values(&Bernoulli::new(0.3).unwrap(), x.view());
    values(&Categorical::new(array![0.25, 0.5, 0.25]).unwrap(), x.view());
    verdict();
}

#[test]
fn members_by_their_natural_parameters() {
    let x = array![0.25];
    derivatives(&Natural::new(Normal::new(1.0, 2.0).unwrap()), x.view());
    derivatives(&Natural::new(Exponential::new(2.0).unwrap()), x.view());
    derivatives(&Natural::new(Gamma::new(0.5, 2.0).unwrap()), x.view());
    derivatives(&Natural::new(Beta::new(0.5, 2.0).unwrap()), x.view());
    // Shapes of one have a finite density at the ends, where statistics are infinite.
    derivatives(&Natural::new(Gamma::new(1.0, 2.0).unwrap()), x.view());
    derivatives(&Natural::new(Beta::new(1.0, 1.0).unwrap()), x.view());
    values(&Natural::new(Poisson::new(2.0).unwrap()), x.view());
    values(&Natural::new(Binomial::new(5, 0.4).unwrap()), x.view());
    values(&Natural::new(Bernoulli::new(0.3).unwrap()), x.view());
    values(
        &Natural::new(Categorical::new(array![0.25, 0.5, 0.25]).unwrap()),
        x.view(),
    );
    values(
        &Natural::new(Dirichlet::new(array![0.5, 2.0, 1.0]).unwrap()),
        array![0.25, 0.5, 0.25].view(),
    );
    scores(
        &Natural::new(Wishart::new(4.0, Array2::eye(2)).unwrap()),
        array![2.0, 0.5, 1.0].view(),
    );
    scores(
        &Natural::new(MultivariateNormal::standard(2).unwrap()),
        array![2.0, 0.5].view(),
    );
    verdict();
}

#[test]
fn densities_of_several_numbers() {
    for concentrations in [array![0.5, 2.0, 1.0], array![1e8, 1.0, 1e-20]] {
        scores(
            &Dirichlet::new(concentrations).unwrap(),
            array![0.25, 0.5, 0.25].view(),
        );
    }
    for degrees in [1.5, 3.0, 40.0] {
        scores(
            &Wishart::new(degrees, array![[2.0, 0.5], [0.5, 1.0]]).unwrap(),
            array![2.0, 0.5, 1.0].view(),
        );
    }
    let (mean, covariance) = (array![0.5, -1.0], array![[2.0, 0.5], [0.5, 1.0]]);
    let x = array![1.0, 2.0];
    let by_covariance = MultivariateNormal::from_covariance(mean.clone(), covariance.clone()).unwrap();
    derivatives(&by_covariance, x.view());
    derivatives(
        &MultivariateNormal::from_precision(mean.clone(), covariance).unwrap(),
        x.view(),
    );
    derivatives(
        &MultivariateNormal::diagonal(mean, array![1e-6, 2.0]).unwrap(),
        x.view(),
    );
    verdict();
}

#[test]
fn combinations() {
    let x = array![1.0, 0.5];
    let chain =
        LinearGaussianChain::new(array![[0.0, 0.0], [0.5, 0.0]], array![1.0, 0.0], array![1.0, 2.0]).unwrap();
    derivatives(&chain, x.view());
    derivatives(
        &Affine::new(&chain, array![[2.0, 1.0], [0.5, -1.0]], array![1.0, 0.0]).unwrap(),
        x.view(),
    );
    derivatives(
        &Mixture::new(array![0.5, 0.5], vec![&chain, &chain]).unwrap(),
        x.view(),
    );
    let parts: Vec<Box<dyn SmoothDensity>> = vec![
        Box::new(Gamma::new(0.5, 1.0).unwrap()),
        Box::new(Exponential::new(1.0).unwrap()),
    ];
    derivatives(&Independent::new(parts).unwrap(), x.view());
    let flow = CouplingFlow::new(chain, CouplingOptions::default(), Seed::new(1)).unwrap();
    derivatives(&flow, x.view());
    values(
        &Nade::random(3, 2, 1.0, Seed::new(1)).unwrap(),
        array![1.0, 0.0, 1.0].view(),
    );
    let tempered = Tempered::new(Nade::random(3, 2, 1.0, Seed::new(1)).unwrap(), 0.5).unwrap();
    values(&tempered, array![1.0, 0.0, 1.0].view());
    verdict();
}

#[test]
fn gaussian_mixtures() {
    let (weights, means) = (array![0.5, 0.5], array![[0.0, 1.0], [2.0, -1.0]]);
    for covariances in [
        Covariances::Spherical(array![1.0, 0.5]),
        Covariances::Diagonal(array![[1.0, 2.0], [0.5, 1.0]]),
        Covariances::Tied(array![[2.0, 0.5], [0.5, 1.0]]),
        Covariances::Full(Array3::from_shape_fn((2, 2, 2), |(k, i, j)| {
            if i == j { 1.0 + k as f64 } else { 0.5 }
        })),
    ] {
        let mixture = GaussianMixture::new(weights.clone(), means.clone(), covariances).unwrap();
        derivatives(&mixture, array![0.5, 0.25].view());
    }
    verdict();
}
