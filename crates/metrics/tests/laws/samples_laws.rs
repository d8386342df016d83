//! Distances between samples against closed forms, the null laws of tests, and the same bits on any number of threads.

use crate::common::{close, normals};
use gibbsian_core::Seed;
use gibbsian_core::special::normal_cdf;
use gibbsian_metrics::*;
use gibbsian_testkit::stats::{FALSE_ALARM, mean, z_test};
use gibbsian_testkit::targets::Gaussian;
use gibbsian_testkit::threads::same_on_any_number;
use ndarray::{Array1, Array2, Axis, array};
use rand::RngExt;

const SEED: Seed = Seed::new(11);

#[test]
fn the_discrepancy_of_a_shift_has_a_closed_form() {
    // Under N(μ, I) the score difference is the constant −μ, so that KSD² = |μ|² E k(x, x′) = |μ|² (h²/(h² + 2))^{D/2}.
    let (shift, h) = (array![0.6, -0.3, 0.2], 1.4f64);
    let exact = shift.dot(&shift) * (h * h / (h * h + 2.0)).powf(1.5);
    let model = Gaussian::new(Array1::zeros(3), Array2::eye(3)).unwrap();
    let kernel = GaussianKernel::new(h).unwrap();
    let found = |i| {
        let x = normals(60, 3, SEED.child("shift").nth(i)) + &shift;
        kernel_stein_discrepancy_from(&model, x.view(), &kernel).unwrap()
    };
    let u: Vec<f64> = (0..300).map(|i| found(i).u_statistic).collect();
    mean("U", &u, exact).assert(FALSE_ALARM);
    // V = (1 − 1/n) U + E u(x, x)/n, u(x, x) = |s|² φ(0) − 2 D φ′(0), E|s|² = D + |μ|².
    let own = 3.0 + shift.dot(&shift) + 3.0 / (h * h);
    let v: Vec<f64> = (0..300).map(|i| found(i).v_statistic).collect();
    mean("V", &v, exact * 59.0 / 60.0 + own / 60.0).assert(FALSE_ALARM);
}

#[test]
fn discrepancies_between_normals_have_closed_forms() {
    // x − y is normal with variance v = σ₁² + σ₂²: E k = (h²/(h² + v))^{D/2} exp(−|μ|²/2(h² + v)).
    let (h, sd, dim) = (1.1f64, 1.5f64, 2);
    let shift = array![0.8, 0.1];
    let expected = |v: f64, square: f64| {
        (h * h / (h * h + v)).powf(dim as f64 / 2.0) * (-square / (2.0 * (h * h + v))).exp()
    };
    let exact =
        expected(2.0, 0.0) + expected(2.0 * sd * sd, 0.0) - 2.0 * expected(1.0 + sd * sd, shift.dot(&shift));
    let kernel = GaussianKernel::new(h).unwrap();
    let found: Vec<f64> = (0..300)
        .map(|i| {
            let seed = SEED.child("mmd").nth(i);
            let (x, y) = (
                normals(40, dim, seed.nth(0)),
                sd * normals(30, dim, seed.nth(1)) + &shift,
            );
            mmd(x.view(), y.view(), &kernel).unwrap().unbiased
        })
        .collect();
    mean("MMD²", &found, exact).assert(FALSE_ALARM);
}

#[test]
fn the_kernel_inception_distance_is_the_cubic_mmd() {
    let (x, y) = (normals(50, 4, SEED.nth(2)), normals(50, 4, SEED.nth(3)) * 1.2);
    let whole = mmd(x.view(), y.view(), &PolynomialKernel::cubic(4).unwrap())
        .unwrap()
        .unbiased;
    let rng = || SEED.child("kid").rng();
    let all = kernel_inception_distance(x.view(), y.view(), 1, 50, &mut rng()).unwrap();
    close("all rows", all.value, whole, 1e-11);
    assert!(all.standard_error.is_nan());
    // Subsets without replacement average to the whole.
    let parts = kernel_inception_distance(x.view(), y.view(), 2000, 20, &mut rng()).unwrap();
    z_test("subsets", parts.value, whole, parts.standard_error).assert(FALSE_ALARM);
}

#[test]
fn transport_on_the_line_and_along_directions() {
    let x = normals(200, 3, SEED.nth(4));
    let shift = array![1.0, -2.0, 0.5];
    for order in [1.0, 2.0, 3.5] {
        let column = x.column(0);
        close(
            "shift",
            wasserstein(column, (&column + 0.7).view(), order).unwrap(),
            0.7,
            1e-12,
        );
        // Stretching moves each point by its distance from zero.
        let moved = column.iter().map(|v| v.abs().powf(order)).sum::<f64>() / 200.0;
        close(
            "stretch",
            wasserstein(column, (&column * 2.0).view(), order).unwrap(),
            moved.powf(1.0 / order),
            1e-12,
        );
        for unit in [2f64.powi(1000), 2f64.powi(-1000)] {
            let (x, y) = (&column * unit, &column * (2.0 * unit));
            close(
                "unit",
                wasserstein(x.view(), y.view(), order).unwrap(),
                unit * moved.powf(1.0 / order),
                1e-12,
            );
        }
        // Repeating every point changes nothing.
        let twice: Array1<f64> = column.iter().flat_map(|&v| [v, v]).collect();
        assert!(wasserstein(column, twice.view(), order).unwrap() < 1e-15);
    }
    // Along θ a shift is (θ·μ)², whose mean is |μ|²/D.
    let found = sliced_wasserstein(
        x.view(),
        (&x + &shift).view(),
        2.0,
        4000,
        &mut SEED.child("sliced").rng(),
    )
    .unwrap();
    z_test(
        "sliced",
        found.value,
        (shift.dot(&shift) / 3.0).sqrt(),
        found.standard_error,
    )
    .assert(FALSE_ALARM);
    let norm = shift.dot(&shift).sqrt();
    assert!(found.largest <= norm * (1.0 + 1e-12) && found.largest > 0.95 * norm);
    // (θ·μ)²/|μ|² is Beta(½, (D − 1)/2), with variance 4/45 in three dimensions.
    let error = 0.5 / found.value * norm * norm * (4.0f64 / 45.0).sqrt() / 4000f64.sqrt();
    close("its error", found.standard_error, error, 0.05);
    // The unit of length is the unit of the distance, where powers would overflow or vanish too.
    let of = |unit: f64| {
        let y = (&x + &shift) * unit;
        sliced_wasserstein((&x * unit).view(), y.view(), 3.0, 20, &mut SEED.rng()).unwrap()
    };
    for unit in [2f64.powi(400), 2f64.powi(-400)] {
        let (found, expected) = (of(unit), of(1.0));
        close("unit", found.value, unit * expected.value, 1e-12);
        close("its largest", found.largest, unit * expected.largest, 1e-12);
        close(
            "its error",
            found.standard_error / unit,
            expected.standard_error,
            1e-9,
        );
    }
    // Unequal sizes of the same law come near.
    let y = normals(300, 3, SEED.nth(5));
    assert!(
        sliced_wasserstein(x.view(), y.view(), 1.0, 50, &mut SEED.rng())
            .unwrap()
            .value
            < 0.2
    );
}

#[test]
fn frechet_distances_of_covariances_that_commute_and_of_singular_ones() {
    let zero = Array1::zeros(2);
    let rotate = |a: f64, b: f64| {
        let (c, s) = (0.6, 0.8);
        array![
            [c * c * a + s * s * b, c * s * (a - b)],
            [c * s * (a - b), s * s * a + c * c * b]
        ]
    };
    let distance = |a: &Array2<f64>, b: &Array2<f64>| {
        frechet_distance(zero.view(), a.view(), zero.view(), b.view()).unwrap()
    };
    // Σ (σ₁ − σ₂)² along common axes.
    close(
        "commuting",
        distance(&rotate(4.0, 9.0), &rotate(1.0, 16.0)),
        2.0,
        1e-13,
    );
    assert!(distance(&rotate(4.0, 9.0), &rotate(4.0, 9.0)) < 1e-14);
    // Eigenvalues 1 and −1 beside a point mass: the second counts as zero.
    let indefinite = array![[0.0, 1.0], [1.0, 0.0]];
    close(
        "indefinite",
        distance(&indefinite, &Array2::zeros((2, 2))),
        1.0,
        1e-14,
    );
    // To a point mass: the trace. Between two lines that cross: roots of rank one.
    close(
        "a point",
        distance(&rotate(4.0, 9.0), &Array2::zeros((2, 2))),
        13.0,
        1e-14,
    );
    let (along, across) = (array![[1.0, 0.0], [0.0, 0.0]], array![[0.25, 0.25], [0.25, 0.25]]);
    // tr (Σ₁^½ Σ₂ Σ₁^½)^½ = ½ for the two projections.
    close("lines", distance(&along, &across), 1.0 + 0.5 - 2.0 * 0.5, 1e-14);
    // Stretching about the mean: (2 − 1)² tr Σ, with fewer points than dimensions without the loss of a root of rounding.
    let few = normals(5, 9, SEED.nth(12));
    let centre = few.mean_axis(Axis(0)).unwrap();
    let trace = (&few - &centre).mapv(|v| v * v).sum() / 4.0;
    let stretched = 2.0 * &few - &centre;
    close(
        "few points",
        frechet_distance_of_samples(few.view(), stretched.view()).unwrap(),
        trace,
        1e-13,
    );
    let covariance = (&few - &centre).t().dot(&(&few - &centre)) / 4.0;
    let of_moments = frechet_distance(
        centre.view(),
        covariance.view(),
        centre.view(),
        (4.0 * &covariance).view(),
    )
    .unwrap();
    close("of rank four", of_moments, trace, 1e-12);
    // Deviations 1 and 10⁻⁹ along one axis each, and the other way round: 2 (1 − 10⁻⁹)², of whose cross terms a covariance knows nothing.
    let (u, v) = (array![1.0, -1.0, 0.0], array![1.0, 1.0, -2.0] / 3f64.sqrt());
    let flat = ndarray::stack![Axis(1), u, 1e-9 * &v, 0.0 * &v];
    let turned = ndarray::stack![Axis(1), 1e-9 * &u, v, 0.0 * &u];
    let found = frechet_distance_of_samples(flat.view(), turned.view()).unwrap();
    assert!((found - 2.0 * (1.0 - 1e-9f64).powi(2)).abs() < 1e-14, "{found}");
    // Samples of N(0, I) and of N(μ, 4 I): |μ|² + D, up to a bias of D/N and errors of 1/√N.
    let (x, y) = (
        normals(20_000, 2, SEED.nth(6)),
        2.0 * normals(20_000, 2, SEED.nth(7)) + 1.0,
    );
    assert!(
        (frechet_distance_of_samples(x.view(), y.view()).unwrap() - 4.0).abs() < 5.0 * 6.0 / 20_000f64.sqrt()
    );
}

#[test]
fn neighbour_divergences_of_uniform_laws() {
    // Inside p there is no bias but at its two ends, where about k of N points have a neighbourhood cut by half at most.
    let (n, k) = (1000, 3);
    let uniform = |low: f64, high: f64, seed: Seed| {
        let mut rng = seed.rng();
        Array2::from_shape_simple_fn((n, 1), || rng.random_range(low..high))
    };
    let found: Vec<f64> = (0..40)
        .map(|i| {
            let seed = SEED.child("uniform").nth(i);
            knn_kl_divergence(
                uniform(0.0, 1.0, seed.nth(0)).view(),
                uniform(-1.0, 2.0, seed.nth(1)).view(),
                k,
            )
            .unwrap()
        })
        .collect();
    let average = found.iter().sum::<f64>() / 40.0;
    let error = (found.iter().map(|v| (v - average).powi(2)).sum::<f64>() / 39.0 / 40.0).sqrt();
    let ends = 2.0 * k as f64 * 2f64.ln() / n as f64;
    assert!(
        (average - 3f64.ln()).abs() < 5.0 * error + ends,
        "{average} ± {error}"
    );
    // Laws that do not meet are ln 2 apart; one law is not apart.
    let far = knn_jensen_shannon(
        uniform(0.0, 1.0, SEED.nth(0)).view(),
        uniform(5.0, 6.0, SEED.nth(1)).view(),
        k,
    )
    .unwrap();
    close("far", far, (1999.0f64 / 999.0).ln(), 1e-12);
    // Var log ρ_k = ψ′(k) = 0.39: the mean over N points of the difference of two such, correlated, is within this.
    let same = knn_jensen_shannon(
        uniform(0.0, 1.0, SEED.nth(0)).view(),
        uniform(0.0, 1.0, SEED.nth(1)).view(),
        k,
    )
    .unwrap();
    assert!(same.abs() < 5.0 * (2.0 * 0.39f64 / n as f64).sqrt(), "{same}");
}

#[test]
fn neighbours_recognise_by_chance_and_copies_not_at_all() {
    let chance: Vec<f64> = (0..200)
        .map(|i| {
            let seed = SEED.child("adversarial").nth(i);
            let (x, y) = (normals(20, 2, seed.nth(0)), normals(30, 2, seed.nth(1)));
            adversarial_accuracy(x.view(), y.view()).unwrap().of_x
        })
        .collect();
    // The nearest of N − 1 + M equally likely points is one of the N − 1.
    mean("chance", &chance, 19.0 / 49.0).assert(FALSE_ALARM);
    // A tie recognises nobody: 0 is as far from 1 as from −1.
    let tied = adversarial_accuracy(array![[0.0], [1.0]].view(), array![[-1.0], [5.0]].view()).unwrap();
    assert_eq!(tied.of_x, 0.5);
    let x = normals(50, 2, SEED.nth(0));
    let copied = &x + &(1e-6 * normals(50, 2, SEED.nth(1)));
    assert_eq!(
        adversarial_accuracy(x.view(), copied.view()).unwrap().accuracy(),
        0.0
    );
}

#[test]
fn total_variation_of_perfect_draws_averages_to_its_floor() {
    let grid = Grid::new(&[-2.0, -2.0], &[2.0, 2.0], &[4, 5]).unwrap();
    let inside: Vec<f64> = (0..grid.n_cells())
        .map(|c| {
            let (low, high) = grid.cell(c);
            (0..2).map(|d| normal_cdf(high[d]) - normal_cdf(low[d])).product()
        })
        .collect();
    let outside = 1.0 - inside.iter().sum::<f64>();
    let masses: Array1<f64> = inside.into_iter().chain([outside]).collect();
    let of = |x: &Array2<f64>| {
        let counts = grid.counts(x.view()).unwrap();
        total_variation(&counts, masses.view(), x.nrows() as f64).unwrap()
    };
    let found: Vec<TotalVariation> = (0..300)
        .map(|i| of(&normals(150, 2, SEED.child("tv").nth(i))))
        .collect();
    let values: Vec<f64> = found.iter().map(|f| f.value).collect();
    mean("floor", &values, found[0].floor).assert(FALSE_ALARM);
    // McDiarmid's bound is one, and far from sharp.
    assert!(found.iter().filter(|f| f.p_value_bound < 0.1).count() <= 30);
    let wrong = of(&(normals(20_000, 2, SEED.nth(0)) * 1.3));
    assert!(
        wrong.p_value_bound < 1e-6 && wrong.value > 2.0 * wrong.floor,
        "{wrong:?}"
    );
    // Counts of a chain are worth fewer draws, and the floor is higher.
    let counts = grid.counts(normals(150, 2, SEED).view()).unwrap();
    assert!(total_variation(&counts, masses.view(), 30.5).unwrap().floor > 2.0 * found[0].floor);
}

#[test]
fn cells_hold_their_lower_ends_and_the_last_one_both() {
    let grid = Grid::new(&[0.0, 0.0], &[1.0, 3.0], &[10, 3]).unwrap();
    assert_eq!(grid.n_cells(), 30);
    let x = array![
        [0.3, 0.0],
        [0.7, 1.0],
        [1.0, 3.0],
        [1.1, 0.0],
        [f64::INFINITY, 0.0],
        [0.05, 2.9]
    ];
    let counts = grid.counts(x.view()).unwrap();
    let mut expected = vec![0; 31];
    for cell in [9, 7 * 3 + 1, 29, 30, 30, 2] {
        expected[cell] += 1;
    }
    assert_eq!(counts, expected);
    // Every edge belongs to the cell that begins with it and the number before it to the one before, however tenths are rounded.
    for (low, high) in [(0.0, 1.0), (-0.1, 2.7), (0.3, 0.8)] {
        for n in [3, 10, 49] {
            let grid = Grid::new(&[low], &[high], &[n]).unwrap();
            for c in 0..n {
                let edge = grid.cell(c).0[0];
                let counts = grid.counts(array![[edge], [edge.next_down()]].view()).unwrap();
                let before = if c == 0 { n } else { c - 1 };
                assert_eq!((counts[c], counts[before]), (1, 1), "{low} {high} {n} {c}");
            }
        }
    }
}

#[test]
fn results_have_the_same_bits_on_any_number_of_threads() {
    let (x, y) = (normals(77, 3, SEED.nth(0)), normals(90, 3, SEED.nth(1)) * 1.1);
    let (x, y) = (x.view(), y.view());
    let kernel = InverseMultiquadric::default();
    let scores = -&x;
    same_on_any_number("distances", || {
        let mut rng = SEED.child("threads").rng();
        let mmd = mmd_test(x, y, &kernel, 20, &mut rng).unwrap();
        let stein = kernel_stein_test(x, scores.view(), &kernel, 20, 0.3, &mut rng).unwrap();
        let sliced = sliced_wasserstein(x, y, 1.5, 70, &mut rng).unwrap();
        let kid = kernel_inception_distance(x, y, 5, 40, &mut rng).unwrap();
        let classifier = classifier_test(x, y, &QuadraticLogistic::default(), 3, 9, &mut rng).unwrap();
        let energy = energy_distance(x, y).unwrap();
        let numbers = [
            mmd.mmd.biased,
            mmd.p_value,
            stein.discrepancy.v_statistic,
            stein.p_value,
            sliced.value,
            sliced.standard_error,
            sliced.largest,
            kid.value,
            kid.standard_error,
            classifier.accuracy,
            classifier.null_standard_error,
            energy.value,
            energy.coefficient,
            kernel_stein_discrepancy(x, scores.view(), &kernel)
                .unwrap()
                .u_statistic,
            frechet_distance_of_samples(x, y).unwrap(),
            knn_kl_divergence(x, y, 2).unwrap(),
            knn_jensen_shannon(x, y, 2).unwrap(),
            adversarial_accuracy(x, y).unwrap().accuracy(),
        ];
        mmd.null.into_iter().chain(stein.null).chain(numbers).collect()
    })
    .unwrap();
}
