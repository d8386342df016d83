//! Every argument that has no meaning is refused by name.

use crate::common::normals;
use gibbsian_core::{Result, Seed};
use gibbsian_metrics::*;
use gibbsian_testkit::targets::Gaussian;
use ndarray::{Array1, Array2, ArrayView2, array};

/// Requires an error whose text contains a word.
#[track_caller]
fn refused<T>(found: Result<T>, word: &str) {
    match found {
        Ok(_) => panic!("accepted, though {word} is wrong"),
        Err(error) => assert!(error.to_string().contains(word), "{error}"),
    }
}

fn rng() -> gibbsian_core::StreamRng {
    Seed::new(5).rng()
}

type Distance = Box<dyn Fn(ArrayView2<f64>, ArrayView2<f64>) -> Result<f64>>;

/// Every distance between two samples, as one type.
fn distances() -> Vec<Distance> {
    let gaussian = || GaussianKernel::new(1.0).unwrap();
    vec![
        Box::new(move |x, y| Ok(mmd(x, y, &gaussian())?.unbiased)),
        Box::new(move |x, y| Ok(mmd_test(x, y, &gaussian(), 5, &mut rng())?.p_value)),
        Box::new(|x, y| Ok(kernel_inception_distance(x, y, 1, 2, &mut rng())?.value)),
        Box::new(|x, y| Ok(energy_distance(x, y)?.value)),
        Box::new(|x, y| Ok(sliced_wasserstein(x, y, 2.0, 3, &mut rng())?.value)),
        Box::new(frechet_distance_of_samples),
        Box::new(|x, y| Ok(adversarial_accuracy(x, y)?.accuracy())),
        Box::new(|x, y| knn_kl_divergence(x, y, 1)),
        Box::new(|x, y| knn_jensen_shannon(x, y, 1)),
        Box::new(|x, y| Ok(classifier_test(x, y, &NearestNeighbours::new(1)?, 2, 3, &mut rng())?.accuracy)),
        Box::new(median_distance),
    ]
}

#[test]
fn points_that_are_missing_do_not_fit_or_are_not_finite() {
    let (x, y) = (normals(8, 2, Seed::new(1)), normals(9, 2, Seed::new(2)));
    for (i, distance) in distances().iter().enumerate() {
        assert!(distance(x.view(), y.view()).unwrap().is_finite(), "{i}");
        refused(
            distance(Array2::zeros((0, 2)).view(), y.view()),
            "`x` has shape [0, 2]",
        );
        refused(
            distance(x.view(), Array2::zeros((0, 2)).view()),
            "`y` has shape [0, 2]",
        );
        refused(
            distance(Array2::zeros((8, 0)).view(), y.view()),
            "`x` has shape [8, 0]",
        );
        refused(
            distance(x.view(), Array2::zeros((9, 3)).view()),
            "`y` has shape [9, 3]",
        );
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e151] {
            let mut wrong = x.clone();
            wrong[[3, 1]] = bad;
            refused(distance(wrong.view(), y.view()), "`x[3, 1]`");
            refused(distance(y.view(), wrong.view()), "`y[3, 1]`");
        }
    }
}

#[test]
fn too_few_points() {
    let (one, many) = (array![[0.5, 1.0]], normals(9, 2, Seed::new(2)));
    // A single point has a direction to project on and a distance to others, but no variance and no neighbour of its own.
    let accepts_one = [4, 10];
    for (i, distance) in distances().iter().enumerate() {
        if !accepts_one.contains(&i) {
            assert!(distance(one.view(), many.view()).is_err(), "{i}");
        }
    }
}

#[test]
fn options_of_distances() {
    let (x, y) = (normals(8, 2, Seed::new(1)), normals(9, 2, Seed::new(2)));
    let (x, y) = (x.view(), y.view());
    let kernel = GaussianKernel::new(1.0).unwrap();
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(GaussianKernel::new(bad), "bandwidth");
        refused(InverseMultiquadric::new(bad, -0.5), "c_squared");
        refused(PolynomialKernel::new(3, bad, 1.0), "scale");
        refused(QuadraticLogistic::new(bad), "ridge");
    }
    // Second derivatives overflow.
    refused(GaussianKernel::new(1e-76), "bandwidth");
    refused(InverseMultiquadric::new(1e-101, -0.99), "c_squared");
    let finite = |kernel: &dyn RadialKernel| kernel.profile(0.0).second.is_finite();
    assert!(finite(&GaussianKernel::new(1e-75).unwrap()));
    assert!(finite(&InverseMultiquadric::new(1e-100, -0.99).unwrap()));
    for bad in [0.0, -1.0, 0.5, f64::NAN] {
        refused(InverseMultiquadric::new(1.0, bad), "beta");
    }
    refused(PolynomialKernel::new(0, 1.0, 1.0), "degree");
    refused(PolynomialKernel::new(65, 1.0, 1.0), "degree");
    refused(PolynomialKernel::new(2, 1.0, -1.0), "offset");
    refused(PolynomialKernel::cubic(0), "dim");
    refused(mmd_test(x, y, &kernel, 0, &mut rng()), "n_permutations");
    refused(kernel_inception_distance(x, y, 0, 3, &mut rng()), "n_subsets");
    refused(kernel_inception_distance(x, y, 1, 1, &mut rng()), "subset_size");
    refused(kernel_inception_distance(x, y, 1, 9, &mut rng()), "subset_size");
    for order in [0.5, f64::NAN, f64::INFINITY] {
        refused(sliced_wasserstein(x, y, order, 3, &mut rng()), "order");
        refused(wasserstein(x.column(0), y.column(0), order), "order");
    }
    refused(sliced_wasserstein(x, y, 1.0, 0, &mut rng()), "n_directions");
    refused(wasserstein(Array1::zeros(0).view(), y.column(0), 1.0), "`x`");
    refused(wasserstein(x.column(0), array![f64::NAN].view(), 1.0), "`y[0]`");
    for k in [0, 8, 100] {
        refused(knn_kl_divergence(x, y, k), "`k`");
        refused(knn_jensen_shannon(x, y, k), "`k`");
    }
    refused(
        median_distance(Array2::zeros((3, 1)).view(), Array2::zeros((3, 1)).view()),
        "median",
    );
    // Chains that refuse a move repeat a point.
    let repeated = array![[0.0], [0.0], [1.0], [2.0]];
    refused(
        knn_kl_divergence(repeated.view(), array![[5.0], [6.0]].view(), 1),
        "repeated 1 times at point 0",
    );
    refused(
        knn_kl_divergence(array![[5.0], [1.0]].view(), repeated.view(), 1),
        "`y` is repeated 1 times at point 1",
    );
    refused(
        knn_jensen_shannon(array![[5.0], [6.0]].view(), repeated.view(), 1),
        "`y`",
    );
    assert!(knn_kl_divergence(repeated.view(), array![[5.0], [6.0]].view(), 2).is_ok());
}

/// A classifier that says the same whatever it is asked.
struct Fixed(Vec<f64>);

impl Classifier for Fixed {
    fn probabilities(&self, _: ArrayView2<f64>, _: &[bool], _: ArrayView2<f64>) -> Result<Vec<f64>> {
        Ok(self.0.clone())
    }
}

#[test]
fn options_of_classifiers() {
    let (x, y) = (normals(8, 2, Seed::new(1)), normals(9, 2, Seed::new(2)));
    let (x, y) = (x.view(), y.view());
    refused(NearestNeighbours::new(0), "`k`");
    let nearest = NearestNeighbours::new(1).unwrap();
    refused(classifier_test(x, y, &nearest, 1, 9, &mut rng()), "n_folds");
    refused(classifier_test(x, y, &nearest, 9, 9, &mut rng()), "`x`");
    refused(
        classifier_test(x, y, &nearest, 2, 0, &mut rng()),
        "n_permutations",
    );
    refused(
        classifier_test(x, y, &NearestNeighbours::new(50).unwrap(), 2, 9, &mut rng()),
        "`k`",
    );
    for (answers, fault) in [
        (vec![0.5; 3], "(8), one a row"),
        (vec![1.5; 8], "1.5"),
        (vec![f64::NAN; 8], "NaN"),
    ] {
        let test = classifier_test(x, x, &Fixed(answers), 2, 9, &mut rng());
        refused(test, fault);
    }
    // A coordinate that never moves and points that can be separated are no obstacle.
    let flat = Array2::from_shape_fn((10, 2), |(i, d)| if d == 0 { 1.0 } else { i as f64 });
    let found = classifier_test(
        flat.view(),
        (&flat + 20.0).view(),
        &QuadraticLogistic::new(1e-6).unwrap(),
        2,
        9,
        &mut rng(),
    )
    .unwrap();
    assert_eq!(found.accuracy, 1.0);
}

#[test]
fn moments() {
    let (mean, covariance) = (array![0.0, 0.0], Array2::<f64>::eye(2));
    let of = |a: &Array1<f64>, s: &Array2<f64>, b: &Array1<f64>, t: &Array2<f64>| {
        frechet_distance(a.view(), s.view(), b.view(), t.view())
    };
    refused(of(&array![0.0], &covariance, &mean, &covariance), "mean_y");
    let nothing = Array2::zeros((0, 0));
    refused(of(&array![], &nothing, &array![], &nothing), "covariance_x");
    refused(of(&mean, &Array2::eye(3), &mean, &covariance), "covariance_x");
    refused(of(&mean, &covariance, &mean, &Array2::eye(3)), "covariance_y");
    refused(
        of(&mean, &array![[1.0, 0.5], [0.0, 1.0]], &mean, &covariance),
        "covariance_x",
    );
    refused(
        of(&mean, &(&covariance * f64::NAN), &mean, &covariance),
        "covariance_x",
    );
    refused(
        of(&array![f64::NAN, 0.0], &covariance, &mean, &covariance),
        "mean_x",
    );
    refused(
        of(&mean, &covariance, &array![0.0, f64::INFINITY], &covariance),
        "mean_y",
    );
}

#[test]
fn stein_discrepancies() {
    let x = normals(6, 2, Seed::new(1));
    let kernel = InverseMultiquadric::default();
    let scores = -&x;
    refused(
        kernel_stein_discrepancy(x.view(), scores.slice(ndarray::s![..5, ..]), &kernel),
        "scores",
    );
    refused(
        kernel_stein_discrepancy(x.view(), (&scores * f64::NAN).view(), &kernel),
        "scores[0, 0]",
    );
    refused(
        kernel_stein_discrepancy((&x * f64::INFINITY).view(), scores.view(), &kernel),
        "x[0, 0]",
    );
    let one = Array2::zeros((1, 2));
    refused(kernel_stein_discrepancy(one.view(), one.view(), &kernel), "`x`");
    refused(
        kernel_stein_test(x.view(), scores.view(), &kernel, 0, 0.5, &mut rng()),
        "n_bootstrap",
    );
    for flip in [-0.1, 0.0, 1.1, f64::NAN] {
        refused(
            kernel_stein_test(x.view(), scores.view(), &kernel, 9, flip, &mut rng()),
            "flip_probability",
        );
    }
    let model = Gaussian::new(Array1::zeros(3), Array2::eye(3)).unwrap();
    refused(kernel_stein_discrepancy_from(&model, x.view(), &kernel), "`x`");
}

#[test]
fn grids_and_masses() {
    refused(Grid::new(&[], &[], &[]), "lengths");
    refused(Grid::new(&[0.0], &[1.0, 2.0], &[1]), "lengths");
    refused(Grid::new(&[0.0, 1.0], &[1.0, 1.0], &[1, 1]), "upper[1]");
    refused(Grid::new(&[f64::NAN], &[1.0], &[1]), "upper[0]");
    refused(
        Grid::new(&[0.0; 2], &[1.0; 2], &[(1 << 16) + 1, 1 << 16]),
        "n_bins",
    );
    assert!(Grid::new(&[0.0; 2], &[1.0; 2], &[1 << 16, 1 << 16]).is_ok());
    refused(Grid::new(&[0.0], &[f64::INFINITY], &[1]), "upper[0]");
    refused(Grid::new(&[0.0], &[1.0], &[0]), "n_bins[0]");
    refused(Grid::new(&[0.0; 3], &[1.0; 3], &[usize::MAX; 3]), "n_bins");
    let grid = Grid::new(&[0.0], &[1.0], &[2]).unwrap();
    refused(grid.counts(array![[0.0, 1.0]].view()), "`x`");
    refused(grid.counts(array![[f64::NAN]].view()), "x[0, 0]");
    let masses = array![0.25, 0.75];
    refused(total_variation(&[1, 2, 3], masses.view(), 1.0), "masses");
    refused(
        total_variation(&[1, 2], array![0.5, 0.6].view(), 1.0),
        "sum of masses",
    );
    refused(
        total_variation(&[1, 2], array![-0.5, 1.5].view(), 1.0),
        "masses[0]",
    );
    refused(
        total_variation(&[1, 2], array![f64::NAN, 1.0].view(), 1.0),
        "masses[0]",
    );
    refused(total_variation(&[0, 0], masses.view(), 1.0), "sum of counts");
    for draws in [0.0, 4.0, f64::NAN] {
        refused(
            total_variation(&[1, 2], masses.view(), draws),
            "effective_sample_size",
        );
    }
}

#[test]
fn class_probabilities() {
    let good = array![[0.5, 0.5], [1.0, 0.0]];
    assert!(inception_score(good.view(), 2).is_ok());
    refused(inception_score(good.view(), 0), "n_splits");
    refused(inception_score(good.view(), 3), "probabilities");
    refused(
        inception_score(array![[0.5, 0.6]].view(), 1),
        "sum of probabilities[0]",
    );
    refused(
        inception_score(array![[1.5, -0.5]].view(), 1),
        "probabilities[0, 0]",
    );
    refused(
        inception_score(array![[f64::NAN, 1.0]].view(), 1),
        "probabilities[0, 0]",
    );
    refused(inception_score(Array2::zeros((2, 0)).view(), 1), "probabilities");
}
