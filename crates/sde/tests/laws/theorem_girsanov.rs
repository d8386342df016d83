//! The Girsanov sum: closed forms against the joint law, quadrature and paths.

use gibbsian_core::process::{LinearGaussian, OrnsteinUhlenbeck, VariancePreserving};
use gibbsian_core::{At, Density, Score, Seed, Space, TimeScore};
use gibbsian_sde::theory::{
    DiagonalNormal, Estimate, Girsanov, GirsanovSum, NormalSampler, PerturbedScore, ScoreError, ScoreMoments,
    lipschitz_bound,
};
use gibbsian_sde::{FreshNoise, TimeGrid};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::{Mixture, Noised};
use gibbsian_testkit::threads::same_on_any_number;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, array};

use crate::theorem_plane::fisher_information;

/// The score of a normal law under the Ornstein–Uhlenbeck process.
struct NormalScore(DiagonalNormal);

impl Space for NormalScore {
    fn dim(&self) -> usize {
        self.0.dim()
    }
}

impl TimeScore for NormalScore {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        let law = self.0.noised(t[0]);
        out.assign(&((&law.mean() - &x) / law.variance()));
    }
}

/// Means and variances that differ between coordinates, on both sides of the stationary ones.
fn uneven(dim: usize) -> DiagonalNormal {
    let wave = |i: usize| (i as f64).sin();
    DiagonalNormal::new(
        Array1::from_shape_fn(dim, |i| 0.5 + wave(i)),
        Array1::from_shape_fn(dim, |i| (1.2 * wave(i + 1)).exp()),
    )
    .unwrap()
}

fn draws(law: &DiagonalNormal, n: usize) -> Array2<f64> {
    let z = FreshNoise::new(Seed::new(2)).normal((n, law.dim()));
    z * law.variance().mapv(f64::sqrt) + law.mean()
}

#[track_caller]
fn agree(name: &str, estimate: Estimate, exact: f64, quadrature: f64) {
    let error = (estimate.value - exact).abs();
    assert!(
        error <= 5.0 * estimate.standard_error + quadrature * exact,
        "{name}: {estimate:?} instead of {exact}"
    );
}

#[test]
fn the_closed_form_is_that_of_the_joint_normal_law() {
    let grid = TimeGrid::new(array![1.5, 1.0, 0.4, 0.3, 0.05]).unwrap();
    for v in [0.05, 0.7, 1.0, 6.0] {
        let data = DiagonalNormal::new(array![2.0], array![v]).unwrap();
        let found = NormalSampler::new(data.clone(), grid.clone()).unwrap().girsanov();
        let mut expected = 0.0;
        for pair in grid.times().windows(2) {
            let (late, h) = (pair[0], pair[0] - pair[1]);
            let v_late = data.noised(late).variance()[0];
            // The middle rule: an error of h³ f''/(24 n²) with f'' ≤ 8/v_t³ here below 1e-7 of the sum.
            let n = 20_000;
            for i in 0..n {
                let t = pair[1] + h * (f64::from(i) + 0.5) / f64::from(n);
                let v_t = data.noised(t).variance()[0];
                // Var(X_late/v_late − X_t/v_t), with covariance e^{−(late − t)} v_t.
                let covariance = (t - late).exp() * v_t;
                let variance = 1.0 / v_late + 1.0 / v_t - 2.0 * covariance / (v_late * v_t);
                expected += variance * h / f64::from(n);
            }
        }
        assert!(
            (found.discretisation / expected - 1.0).abs() < 1e-7,
            "{v}: {found:?} {expected}"
        );
        assert_eq!((found.score, found.cross), (0.0, 0.0));
    }
}

#[test]
fn moments_by_quadrature_give_the_closed_form() {
    let data = uneven(5);
    let error = ScoreError::new(-0.1, array![0.1, 0.0, -0.2, 0.0, 0.3]).unwrap();
    for grid in [
        TimeGrid::uniform(3.0, 0.0, 60).unwrap(),
        TimeGrid::exponentially_decaying(3.0, 1e-3, 60).unwrap(),
    ] {
        let exact = NormalSampler::new(data.clone(), grid.clone())
            .unwrap()
            .with_error(error.clone())
            .unwrap()
            .girsanov();
        let fisher = |t: f64| data.noised(t).fisher_information();
        let moments = |t| {
            Ok(ScoreMoments {
                squared: 0.01 * fisher(t) + 0.14,
                along_score: -0.1 * fisher(t),
            })
        };
        let found = GirsanovSum::of_moments(&grid, |t| Ok(fisher(t)), moments).unwrap();
        for (found, exact) in [
            (found.discretisation, exact.discretisation),
            (found.score, exact.score),
            (found.cross, exact.cross),
        ] {
            assert!((found / exact - 1.0).abs() < 1e-6, "{found} {exact}");
        }
        assert!(found.minkowski().holds() && found.cross < 0.0);
    }
}

#[test]
fn paths_give_the_closed_form_in_any_dimension() {
    let process = OrnsteinUhlenbeck::new(2.0).unwrap();
    let grid = TimeGrid::uniform(2.0, 0.0, 16).unwrap();
    for (dim, n) in [(1, 4000), (10, 600), (100, 100), (1000, 40)] {
        let data = uneven(dim);
        let shift = Array1::from_shape_fn(dim, |i| 0.3 * (2.0 * i as f64).cos());
        for scale in [0.0, 0.2, -0.1] {
            let error = ScoreError::new(scale, shift.clone()).unwrap();
            let exact = NormalSampler::new(data.clone(), grid.clone())
                .unwrap()
                .with_error(error.clone())
                .unwrap()
                .girsanov();
            let model = PerturbedScore::new(NormalScore(data.clone()), error).unwrap();
            let girsanov = Girsanov {
                process: &process,
                exact: &NormalScore(data.clone()),
                model: &model,
            };
            let found = girsanov
                .estimate(&grid, draws(&data, n).view(), &mut Seed::new(3).rng())
                .unwrap();
            agree("total", found.total, exact.total(), 1e-4);
            agree("discretisation", found.discretisation, exact.discretisation, 1e-4);
            agree("score", found.score, exact.score, 1e-12);
            assert!(found.total.standard_error < 0.05 * exact.total());
        }
    }
}

#[test]
fn paths_give_the_fisher_information_form_on_a_mixture_in_the_plane() {
    let process = OrnsteinUhlenbeck::new(2.0).unwrap();
    let mixture = Mixture::new(
        array![0.3, 0.7],
        array![[-1.5, 0.0], [1.0, 1.0]],
        array![0.6, 0.4],
    )
    .unwrap();
    let noised = Noised::new(mixture.clone(), process);
    let grid = TimeGrid::exponentially_decaying(2.0, 0.02, 12).unwrap();
    let fisher = |t: f64| Ok(fisher_information(&noised.marginal(t)));
    let exact = GirsanovSum::of_moments(&grid, fisher, |_| Ok(ScoreMoments::default())).unwrap();
    let found = Girsanov {
        process: &process,
        exact: &noised,
        model: &noised,
    }
    .estimate(
        &grid,
        mixture.sample(3000, &mut Seed::new(5).rng()).view(),
        &mut Seed::new(6).rng(),
    )
    .unwrap();
    agree("total", found.total, exact.total(), 1e-4);
    assert!(found.total.standard_error < 0.03 * exact.total());
    assert_eq!((found.total, found.score.value), (found.discretisation, 0.0));
}

const PINNED: f64 = 0.273_090_224_051_734_8;

#[test]
fn another_clock_gives_the_same_sum() {
    // With the rate 2 the variance-preserving process is that of Ornstein and Uhlenbeck.
    let (vp, ou) = (
        VariancePreserving::new(2.0, 2.0).unwrap(),
        OrnsteinUhlenbeck::new(1.0).unwrap(),
    );
    let score = NormalScore(uneven(3));
    let grid = TimeGrid::uniform(1.0, 0.1, 5).unwrap();
    let x = draws(&uneven(3), 50);
    let run = |process: &dyn LinearGaussian, grid: &TimeGrid| {
        Girsanov {
            process,
            exact: &score,
            model: &score,
        }
        .estimate(grid, x.view(), &mut Seed::new(1).rng())
        .unwrap()
    };
    let (a, b) = (run(&vp, &grid), run(&ou, &grid));
    assert!((a.total.value / b.total.value - 1.0).abs() < 1e-12, "{a:?} {b:?}");
    // Pinned: a change here is a change of results.
    assert!((b.total.value / PINNED - 1.0).abs() < 1e-12, "{}", b.total.value);
}

#[test]
fn estimates_do_not_depend_on_the_number_of_threads() {
    let process = OrnsteinUhlenbeck::new(1.0).unwrap();
    let score = NormalScore(uneven(3));
    let x = draws(&uneven(3), 100);
    let grid = TimeGrid::uniform(1.0, 0.0, 4).unwrap();
    same_on_any_number("the Girsanov sum", || {
        let g = Girsanov {
            process: &process,
            exact: &score,
            model: &score,
        }
        .estimate(&grid, x.view(), &mut Seed::new(1).rng())
        .unwrap();
        array![g.total.value, g.total.standard_error]
    })
    .unwrap();
}

#[test]
fn lipschitz_scores_bound_the_sum_and_the_constant_is_sharp() {
    for dim in [1, 10, 1000] {
        for v in [0.05, 0.5, 1.0, 3.0] {
            let data = DiagonalNormal::isotropic(dim, 1.0, v).unwrap();
            for n in [4, 40, 400] {
                let grid = TimeGrid::uniform(2.0, 0.0, n).unwrap();
                let sampler = NormalSampler::new(data.clone(), grid.clone()).unwrap();
                let bound = lipschitz_bound(&grid, dim, sampler.lipschitz()).unwrap();
                let sum = sampler.girsanov().discretisation;
                assert!(sum <= bound, "{dim} {v} {n}: {sum} {bound}");
                if v == 1.0 {
                    // h² − ⅓ h³ + … against h² + ⅓ h³.
                    let h = 2.0 / n as f64;
                    assert!((sum / bound - (1.0 - 2.0 * h / 3.0)).abs() < 0.4 * h * h + 1e-9);
                }
            }
        }
    }
}

#[test]
fn a_perturbed_score_is_a_score_of_its_rows() {
    let process = OrnsteinUhlenbeck::new(2.0).unwrap();
    let mixture = Mixture::new(
        array![0.3, 0.7],
        array![[-1.5, 0.0], [1.0, 1.0]],
        array![0.6, 0.4],
    )
    .unwrap();
    let exact = Noised::new(mixture, process);
    let error = ScoreError::new(-0.2, array![0.1, 0.3]).unwrap();
    let model = PerturbedScore::new(exact.clone(), error).unwrap();
    let (x, t) = (
        array![[0.2, 1.0], [-1.0, 0.5], [2.0, -2.0]],
        array![0.1, 0.7, 1.5],
    );
    conformance::time_score(&model, x.view(), t.view(), Precision::DOUBLE).unwrap();
    let scores = |model: &dyn TimeScore| At::new(model, t.view()).score(x.view());
    let expected = 0.8 * scores(&exact) + array![0.1, 0.3];
    assert!((scores(&model) - expected).iter().all(|e| e.abs() < 1e-15));
}

#[test]
fn what_is_wrong_is_named_with_step_and_time() {
    /// A score that fails below a time.
    struct Failing;
    impl Space for Failing {
        fn dim(&self) -> usize {
            3
        }
    }
    impl TimeScore for Failing {
        fn score_at_into(&self, _: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
            out.fill(if t[0] > 0.6 { 0.0 } else { f64::NAN });
        }
    }
    let process = OrnsteinUhlenbeck::new(1.0).unwrap();
    let (score, x) = (NormalScore(uneven(3)), draws(&uneven(3), 4));
    let girsanov = Girsanov {
        process: &process,
        exact: &score,
        model: &Failing,
    };
    let mut rng = Seed::new(1).rng();
    let mut error = |from: f64, to: f64, x: ArrayView2<f64>| {
        let grid = TimeGrid::uniform(from, to, 4).unwrap();
        girsanov.estimate(&grid, x, &mut rng).unwrap_err().to_string()
    };
    let text = error(1.0, 0.0, x.view());
    assert!(text.contains("in step 4 from time 0.25 to 0"), "{text}");
    let text = error(1.0, 0.25, x.view());
    assert!(text.contains("in step 4 from time 0.4375 to 0.25"), "{text}");
    assert!(error(0.0, 1.0, x.view()).contains("less than the first time, 0"));
    assert!(error(1.5, 0.0, x.view()).contains("in [0, 1]"));
    assert!(error(1.0, 0.0, Array2::zeros((4, 2)).view()).contains("`data`"));
    assert!(error(1.0, 0.0, Array2::from_elem((4, 3), f64::INFINITY).view()).contains("`data[0, 0]`"));
    assert!(error(1.0, 0.9, Array2::zeros((1, 3)).view()).contains("at least 2"));

    let grid = TimeGrid::uniform(1.0, 0.0, 4).unwrap();
    let broken = |t: f64| Ok(if t < 0.5 { f64::NAN } else { 1.0 });
    let error = GirsanovSum::of_moments(&grid, broken, |_| Ok(ScoreMoments::default())).unwrap_err();
    assert!(
        error.to_string().contains("between times 0.5 and 0.25"),
        "{error}"
    );
    assert!(lipschitz_bound(&grid, 0, 1.0).is_err() && lipschitz_bound(&grid, 1, 0.0).is_err());
    assert!(ScoreError::new(f64::NAN, array![0.0]).is_err());
    let shift = ScoreError::none(2);
    assert!(PerturbedScore::new(NormalScore(uneven(3)), shift.clone()).is_err());
    let sampler = NormalSampler::new(uneven(3), grid).unwrap();
    assert!(sampler.with_error(shift).is_err());
}
