//! Bridges find the ratio of normalisers, with an error that is what they say and a verdict where there is no bridge.

use crate::common::{ALPHA, NormalPath, TinyIsing, TinyRbm, assert_covers};
use gibbsian_core::{Path, Seed};
use gibbsian_partition::{
    Estimate, ExactDistribution, Ladder, Reach, Reliability, RungDraws, RungSampling, Works, ais, bennett,
    exact_log_z, geometric_bridge, ladder_bridge, mbar, meng_wong, reverse_ais, sample_rungs,
};
use gibbsian_testkit::stats::{binomial, mean, z_test};
use ndarray::Array2;
use rand::Rng;

const SEED: Seed = Seed::new(20_261_101);

/// The works between the ends of a path at `x ~ f_from`.
fn works<P: Path>(path: &P, x: &Array2<f64>, from: f64, to: f64) -> Vec<f64> {
    let mut out = vec![0.0; x.nrows()];
    path.work(&mut path.place(x.view()).unwrap(), from, to, &mut out);
    out
}

fn normal(precision: f64, mean: f64) -> NormalPath {
    NormalPath {
        precision,
        mean,
        rho: 0.5,
    }
}

/// Works of `sizes` independent draws at the ends of a path between normals.
fn normal_works(path: &NormalPath, sizes: [usize; 2], rng: &mut dyn Rng) -> Works {
    let forward = works(path, &path.draws(0.0, sizes[0], rng), 0.0, 1.0);
    let reverse = works(path, &path.draws(1.0, sizes[1], rng), 1.0, 0.0);
    Works::independent(forward, reverse).unwrap()
}

#[test]
fn the_three_bridges_cover_as_often_as_they_say_and_the_optimal_one_errs_least() {
    let path = normal(2.5, 1.2);
    let truth = path.log_z() - path.log_z_start();
    let n = 2_000;
    let mut rng = SEED.child("normals").rng();
    let mut estimates: [Vec<Estimate>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..n {
        // Unequal sizes, where a missing log s_1/s_0 would show.
        let works = normal_works(&path, [120, 300], &mut rng);
        let optimal = bennett(&works, 0.95).unwrap();
        let iterated = meng_wong(&works, 0.0, 10_000, 0.95).unwrap();
        assert!((optimal.log_z - iterated.log_z).abs() < 1e-11);
        assert!((optimal.standard_error - iterated.standard_error).abs() < 1e-11);
        estimates[0].push(optimal);
        estimates[1].push(geometric_bridge(&works, 0.95).unwrap());
    }
    let mut variances = [0.0; 2];
    for ((name, estimates), variance) in ["optimal", "geometric"]
        .into_iter()
        .zip(&estimates)
        .zip(&mut variances)
    {
        let errors: Vec<f64> = estimates.iter().map(|e| e.log_z - truth).collect();
        *variance = errors.iter().map(|e| e * e).sum::<f64>() / n as f64;
        let stated: f64 = estimates.iter().map(|e| e.standard_error.powi(2)).sum::<f64>() / n as f64;
        // A sample variance of n normal errors scatters by √(2/n), here 3 %; at 5 deviations 16 %.
        assert!(
            (stated / *variance - 1.0).abs() < 0.16,
            "{name}: {stated} for {variance}"
        );
        let covered = estimates.iter().filter(|e| e.interval.contains(truth)).count();
        assert_covers(name, covered, n);
        let narrow = |e: &&Estimate| (e.log_z - truth).abs() < 0.6745 * e.standard_error;
        let half = estimates.iter().filter(narrow).count();
        binomial(&format!("{name} at 50 %"), half as u64, n as u64, 0.5).assert(ALPHA);
        assert!(estimates.iter().all(|e| e.reliability.is_trusted()), "{name}");
    }
    assert!(variances[0] < variances[1], "{variances:?}");
}

#[test]
fn effective_sizes_widen_the_error_and_weigh_the_sides() {
    let path = normal(2.0, 0.8);
    let truth = path.log_z() - path.log_z_start();
    let mut rng = SEED.child("repeated").rng();
    // Every forward draw four times over, as a chain that moves at every fourth step.
    let repeat = |w: &[f64]| w.iter().flat_map(|w| [*w; 4]).collect::<Vec<f64>>();
    let n = 2_000;
    let mut covered = 0;
    for _ in 0..n {
        let forward = works(&path, &path.draws(0.0, 150, &mut rng), 0.0, 1.0);
        let reverse = works(&path, &path.draws(1.0, 250, &mut rng), 1.0, 0.0);
        let repeated = Works::correlated(repeat(&forward), reverse.clone(), [150.0, 250.0]).unwrap();
        let estimate = bennett(&repeated, 0.95).unwrap();
        let independent = bennett(&Works::independent(forward, reverse).unwrap(), 0.95).unwrap();
        assert!((estimate.log_z - independent.log_z).abs() < 1e-11);
        assert!((estimate.standard_error / independent.standard_error - 1.0).abs() < 0.01);
        covered += usize::from(estimate.interval.contains(truth));
    }
    assert_covers("repeated draws", covered, n);
}

#[test]
fn densities_far_apart_are_never_bridged_with_confidence() {
    let mut rng = SEED.child("apart").rng();
    for distance in [6.0, 10.0, 20.0, 60.0] {
        let path = normal(1.0, distance);
        let truth = path.log_z() - path.log_z_start();
        let works = normal_works(&path, [500, 500], &mut rng);
        for estimate in [bennett(&works, 0.95), geometric_bridge(&works, 0.95)] {
            let estimate = estimate.unwrap();
            assert!(
                matches!(estimate.reliability, Reliability::NoOverlap { .. }),
                "{distance}: {estimate}"
            );
            assert!(estimate.interval.contains(truth), "{distance}: {estimate}");
        }
        // Two rungs of the same path, by chains that would have to cross.
        let ladder = Ladder::linear(1).unwrap();
        let exact = path.rung_draws(&ladder, 300, &mut rng);
        let draws = RungDraws::from_exact_draws(&path, &ladder, &exact, Reach::All).unwrap();
        let estimate = ladder_bridge(&draws, 0.95).unwrap();
        assert!(
            matches!(estimate.reliability, Reliability::NoOverlap { .. }),
            "{estimate}"
        );
        assert!(estimate.interval.contains(truth), "{distance}: {estimate}");
        // Where nothing overlaps at all the equations of all rungs together have no unique solution, which is an error.
        match mbar(&draws, 0.95) {
            Ok(all) => assert!(
                matches!(all.estimate.reliability, Reliability::NoOverlap { .. })
                    && all.estimate.interval.contains(truth),
                "{}",
                all.estimate
            ),
            Err(error) => assert!(error.to_string().contains("overlap of the rungs"), "{error}"),
        }
    }
    // Enough rungs between mend it.
    let path = normal(1.0, 10.0);
    let ladder = Ladder::linear(10).unwrap();
    let exact = path.rung_draws(&ladder, 500, &mut rng);
    let draws = RungDraws::from_exact_draws(&path, &ladder, &exact, Reach::Neighbours).unwrap();
    let estimate = ladder_bridge(&draws, 0.999_999).unwrap();
    assert!(estimate.reliability.is_trusted(), "{estimate}");
    assert!(estimate.interval.contains(path.log_z()), "{estimate}");
}

#[test]
fn annealing_in_both_directions_is_bridged_to_log_z() {
    let rbm = TinyRbm::random(8, 6, 1.0, SEED.child("rbm"));
    let exact = ExactDistribution::new(&rbm).unwrap();
    let ladder = Ladder::linear(5).unwrap();
    let n = 1_000;
    let (mut covered, mut bridged, mut forward_only) = (0, 0.0, 0.0);
    for i in 0..n {
        let seed = SEED.child("annealing").nth(i);
        let forward = ais(&rbm, &ladder, 60, &mut seed.child("forward").rng()).unwrap();
        let draws = exact.sample(60, &mut seed.child("draws").rng());
        let reverse = reverse_ais(&rbm, &ladder, draws.view(), &mut seed.child("reverse").rng()).unwrap();
        let works = Works::independent(
            forward.log_weights().values().to_vec(),
            reverse.log_weights().values().to_vec(),
        );
        let estimate = bennett(&works.unwrap(), 0.95).unwrap();
        covered += usize::from(estimate.interval.contains(exact.log_z()));
        bridged += (estimate.log_z - exact.log_z()).powi(2);
        forward_only += (forward.log_z() - exact.log_z()).powi(2);
    }
    assert_covers("bridged annealing", covered, n as usize);
    assert!(bridged < forward_only, "{bridged} against {forward_only}");
}

#[test]
fn all_rungs_together_are_the_bridge_when_there_are_two() {
    let path = normal(3.0, 0.6);
    let ladder = Ladder::linear(1).unwrap();
    let exact = path.rung_draws(&ladder, 400, &mut SEED.child("two").rng());
    let draws = RungDraws::from_exact_draws(&path, &ladder, &exact, Reach::All).unwrap();
    let (two, all) = (ladder_bridge(&draws, 0.95).unwrap(), mbar(&draws, 0.95).unwrap());
    assert!((two.log_z - all.estimate.log_z).abs() < 1e-10);
    assert!((two.standard_error - all.estimate.standard_error).abs() < 1e-10);
}

#[test]
fn all_rungs_together_cover_and_err_less_than_the_neighbours() {
    let path = normal(4.0, 1.5);
    let ladder = Ladder::linear(4).unwrap();
    let mut rng = SEED.child("all").rng();
    let repeats = 1_500;
    let (mut covered, mut errors, mut neighbours) = (0, vec![vec![]; 5], 0.0);
    let mut stated = Array2::<f64>::zeros((5, 5));
    let mut closed = Array2::<f64>::zeros((5, 5));
    let n = 100;
    for _ in 0..repeats {
        let exact = path.rung_draws(&ladder, n, &mut rng);
        let draws = RungDraws::from_exact_draws(&path, &ladder, &exact, Reach::All).unwrap();
        let all = mbar(&draws, 0.95).unwrap();
        covered += usize::from(all.estimate.interval.contains(path.log_z()));
        assert!(
            all.overlap()
                .rows()
                .into_iter()
                .all(|row| (row.sum() - 1.0).abs() < 1e-9)
        );
        for (k, errors) in errors.iter_mut().enumerate() {
            let precision = 1.0 + 3.0 * ladder.betas()[k];
            let beta = ladder.betas()[k];
            // ∫ exp(−½[(1−β) x² + β a (x−m)²]) = √(2π/a_β) exp(−½ β a (1−β) m² / a_β).
            let log_z = 0.5 * (std::f64::consts::TAU / precision).ln()
                - 0.5 * beta * 4.0 * (1.0 - beta) * 1.5 * 1.5 / precision;
            errors.push(all.log_z[k] - log_z);
        }
        neighbours += (ladder_bridge(&draws, 0.95).unwrap().log_z - path.log_z()).powi(2);
        stated += &all.covariance();
        closed += &closed_form(all.overlap().to_owned(), n);
    }
    assert_covers("all rungs", covered, repeats);
    let product = |k: usize, l: usize| -> f64 {
        errors[k].iter().zip(&errors[l]).map(|(a, b)| a * b).sum::<f64>() / repeats as f64
    };
    for k in 1..5 {
        mean(&format!("log Z at rung {k}"), &errors[k], -0.5 * product(k, k)).assert(1e-9);
        for l in 1..=k {
            let (found, scale) = (product(k, l), (product(k, k) * product(l, l)).sqrt());
            // Five deviations of a sample covariance: √(2/1500) · 5 = 18 %.
            assert!(
                (stated[[k, l]] / repeats as f64 - found).abs() < 0.18 * scale,
                "{k} {l}"
            );
            // The sandwich and the closed form agree to order 1/n in each repetition.
            assert!(
                (stated[[k, l]] - closed[[k, l]]).abs() / repeats as f64 <= 0.05 * scale,
                "{k} {l}"
            );
        }
    }
    assert!(product(4, 4) < neighbours / repeats as f64);
}

/// `H⁻¹ − diag(1/N) − 1/N` (Shirts and Chodera 2008) from the overlap matrix, as `H = N (I − O)` without the base.
fn closed_form(overlap: Array2<f64>, n: usize) -> Array2<f64> {
    let size = overlap.nrows() - 1;
    let mut a = Array2::from_shape_fn((size, 2 * size), |(k, l)| {
        if l < size {
            n as f64 * (f64::from(u8::from(k == l)) - overlap[[k + 1, l + 1]])
        } else {
            f64::from(u8::from(k + size == l))
        }
    });
    // Gauss and Jordan; the matrix is diagonally dominant.
    for k in 0..size {
        let pivot = a.row(k).mapv(|v| v / a[[k, k]]);
        a.row_mut(k).assign(&pivot);
        for l in (0..size).filter(|l| *l != k) {
            let factor = a[[l, k]];
            a.row_mut(l).scaled_add(-factor, &pivot);
        }
    }
    Array2::from_shape_fn((size + 1, size + 1), |(k, l)| {
        if k == 0 || l == 0 {
            return 0.0;
        }
        a[[k - 1, size + l - 1]] - (1.0 + f64::from(u8::from(k == l))) / n as f64
    })
}

#[test]
fn chains_that_climb_give_intervals_that_cover_on_a_thousand_models() {
    let n = 1_000;
    let ladder = Ladder::linear(4).unwrap();
    let sampling = RungSampling {
        n_chains: 40,
        n_warmup: 6,
        n_draws: 5,
        thin: 1,
        reach: Reach::All,
    };
    let (mut neighbours, mut all, mut efficient) = (0, 0, 0);
    for i in 0..n {
        let seed = SEED.child("models").nth(i);
        let scale = 0.3 + 0.7 * i as f64 / n as f64;
        let ising = TinyIsing::random(6, scale, seed.child("parameters"));
        let truth = exact_log_z(&ising).unwrap();
        let draws = sample_rungs(&ising, &ladder, &sampling, &mut seed.child("draws").rng()).unwrap();
        let bridge = ladder_bridge(&draws, 0.95).unwrap();
        neighbours += usize::from(bridge.interval.contains(truth));
        all += usize::from(mbar(&draws, 0.95).unwrap().estimate.interval.contains(truth));
        efficient += usize::from(bridge.effective_sample_size < 199.0);
    }
    assert_covers("bridges between neighbours", neighbours, n as usize);
    assert_covers("all rungs", all, n as usize);
    assert!(
        efficient > 300,
        "correlated draws are worth less than their number"
    );
}

#[test]
fn chains_that_have_not_arrived_are_noticed() {
    // An autoregressive chain of correlation 0.99 takes hundreds of steps for a move of the mean that the rungs need.
    let path = NormalPath {
        precision: 1.0,
        mean: 4.0,
        rho: 0.99,
    };
    let sampling = RungSampling {
        n_chains: 100,
        n_warmup: 0,
        n_draws: 20,
        thin: 1,
        reach: Reach::Neighbours,
    };
    let ladder = Ladder::linear(8).unwrap();
    let draws = sample_rungs(&path, &ladder, &sampling, &mut SEED.child("slow").rng()).unwrap();
    let estimate = ladder_bridge(&draws, 0.95).unwrap();
    assert!(
        matches!(estimate.reliability, Reliability::Drifting { .. }),
        "{estimate}"
    );
    let patient = RungSampling {
        n_warmup: 600,
        thin: 5,
        ..sampling
    };
    let draws = sample_rungs(&path, &ladder, &patient, &mut SEED.child("patient").rng()).unwrap();
    let estimate = ladder_bridge(&draws, 0.95).unwrap();
    assert!(estimate.reliability.is_trusted(), "{estimate}");
    z_test(
        "patient chains",
        estimate.log_z,
        path.log_z(),
        estimate.standard_error,
    )
    .assert(ALPHA);
}

#[test]
fn works_that_say_nothing_are_refused_by_name() {
    let refused = |forward: &[f64], reverse: &[f64]| {
        Works::independent(forward.to_vec(), reverse.to_vec())
            .unwrap_err()
            .to_string()
    };
    assert!(refused(&[], &[0.0, 0.0]).contains("`forward` is 0 works"));
    assert!(refused(&[0.0, 1.0], &[0.0]).contains("`reverse` is 1 works"));
    assert!(refused(&[0.0, f64::NAN], &[0.0, 0.0]).contains("`forward[1]` became NaN"));
    assert!(refused(&[0.0, 0.0], &[f64::INFINITY, 0.0]).contains("`reverse[0]` became inf"));
    assert!(refused(&[f64::NEG_INFINITY; 2], &[0.0, 0.0]).contains("do not overlap"));
    let fits = || (vec![0.1, -0.1, 0.2], vec![0.0, 0.1]);
    let sizes = |a: f64, b: f64| {
        Works::correlated(fits().0, fits().1, [a, b])
            .unwrap_err()
            .to_string()
    };
    assert!(sizes(0.0, 1.0).contains("`n_effective` is 0"));
    assert!(sizes(3.5, 1.0).contains("at most the number of draws, 3"));
    assert!(sizes(2.0, f64::NAN).contains("`n_effective` is NaN"));
    let works = Works::independent(fits().0, fits().1).unwrap();
    for level in [0.0, 1.0, -0.5, f64::NAN] {
        assert!(
            bennett(&works, level)
                .unwrap_err()
                .to_string()
                .contains("`level`")
        );
        assert!(geometric_bridge(&works, level).is_err() && meng_wong(&works, 0.0, 100, level).is_err());
    }
    assert!(
        meng_wong(&works, f64::NAN, 100, 0.95)
            .unwrap_err()
            .to_string()
            .contains("`log_z` became NaN")
    );
    assert!(
        meng_wong(&works, 50.0, 1, 0.95)
            .unwrap_err()
            .to_string()
            .contains("without convergence")
    );
}
