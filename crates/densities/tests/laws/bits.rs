//! The bits of normal densities, mixtures and estimates depend on the numbers alone: not on the width of vectors, the number of threads, or
//! how rows lie in memory.

use gibbsian_core::simd::Level;
use gibbsian_core::{Density, Score, Seed};
use gibbsian_densities::{
    CovarianceForm, Covariances, ExpectationMaximisation, GaussianMixture, MultivariateNormal,
};
use gibbsian_testkit::threads;
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, ShapeBuilder, s};

/// Dimensions on both sides of every tile's width.
const DIMS: [usize; 7] = [1, 2, 5, 8, 11, 16, 19];
/// Rows for more than a task and a tile that is not full.
const N_ROWS: usize = 1500 + 7;

fn covariance(dim: usize, k: usize) -> Array2<f64> {
    Array2::from_shape_fn((dim, dim), |(i, j)| {
        let decay = 0.5_f64.powi(i.abs_diff(j) as i32);
        decay / (k + 1) as f64 + if i == j { 0.4 } else { 0.0 }
    })
}

fn normal(dim: usize) -> MultivariateNormal {
    MultivariateNormal::from_covariance(Array1::linspace(-1.0, 1.0, dim), covariance(dim, 0)).unwrap()
}

/// Components far enough apart that some responsibilities count as zero.
fn mixture(dim: usize) -> GaussianMixture {
    let covariances: Vec<_> = (0..3).map(|k| covariance(dim, k)).collect();
    let views: Vec<_> = covariances.iter().map(|c| c.view()).collect();
    let covariances: Array3<f64> = ndarray::stack(Axis(0), &views).unwrap();
    let means = Array2::from_shape_fn((3, dim), |(k, d)| 12.0 * k as f64 + (d as f64).sin());
    GaussianMixture::new(
        Array1::from(vec![0.5, 0.3, 0.2]),
        means,
        Covariances::Full(covariances),
    )
    .unwrap()
}

/// Log-densities and scores of a density, one after the other.
fn values(density: &(impl Density + Score), x: ArrayView2<f64>) -> Vec<f64> {
    let mut all = density.log_density(x).to_vec();
    all.extend(density.score(x));
    all
}

/// Everything that runs in vectors.
fn everything() -> Array1<f64> {
    let mut all = Vec::new();
    for dim in DIMS {
        let (normal, mixture) = (normal(dim), mixture(dim));
        let x = mixture.sample(N_ROWS, &mut Seed::new(1).nth(dim as u64).rng());
        all.extend(values(&normal, x.view()));
        all.extend(values(&mixture, x.view()));
        all.extend(normal.sample(40, &mut Seed::new(2).rng()));
        for form in [CovarianceForm::Full, CovarianceForm::Diagonal] {
            let settings = ExpectationMaximisation {
                max_iterations: 2,
                ..ExpectationMaximisation::new(3, form)
            };
            let fit = settings.fit_from(x.view(), &mixture).unwrap();
            all.extend(fit.log_likelihoods);
            all.extend((0..3).flat_map(|k| fit.mixture.component_covariance(k)));
        }
    }
    all.into()
}

#[test]
fn threads_and_vector_widths_leave_the_bits_alone() -> Verdict {
    threads::same_on_any_number("densities", everything)?;
    let bits = || everything().mapv(f64::to_bits);
    let widest = bits();
    for level in Level::ALL {
        Level::limit(level);
        assert_eq!(bits(), widest, "{level:?}");
    }
    Ok(())
}

#[test]
fn rows_may_lie_in_memory_as_they_like() {
    for dim in DIMS {
        let (normal, mixture) = (normal(dim), mixture(dim));
        let x = mixture.sample(N_ROWS, &mut Seed::new(3).rng());
        let mut by_columns = Array2::zeros((N_ROWS, dim).f());
        by_columns.assign(&x);
        assert_eq!(values(&normal, by_columns.view()), values(&normal, x.view()));
        assert_eq!(values(&mixture, by_columns.view()), values(&mixture, x.view()));
        // A score that is written into every other column of a wider array.
        let mut wide = Array2::zeros((N_ROWS, 2 * dim));
        mixture.score_into(x.view(), wide.slice_mut(s![.., ..;2]));
        assert_eq!(wide.slice(s![.., ..;2]), mixture.score(x.view()));
    }
}
