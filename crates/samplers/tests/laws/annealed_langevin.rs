//! Annealed Langevin dynamics against the exact law of its linear recursion, and under the wrong reading of its step.

use crate::common::normal_moments;
use gibbsian_core::{Seed, Space, TimeScore};
use gibbsian_samplers::{AnnealedLangevin, NoiseLadder};
use gibbsian_testkit::stats::{self, FALSE_ALARM};
use gibbsian_testkit::targets::HeatedGaussian;
use gibbsian_testkit::threads;
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, array};

const DEVIATION: f64 = 0.5;

/// `N(μ, ¼ I)`, noised.
fn model() -> HeatedGaussian {
    HeatedGaussian::new(array![0.7, -0.3], f64::ln(DEVIATION)).unwrap()
}

fn ladder() -> NoiseLadder {
    NoiseLadder::geometric(3.0, 0.3, 6).unwrap()
}

/// Algorithm 1 as its authors print it, on the moments of a normal law from a point: `α = ε σ²/σ_L²`, `x' = x + ½ α s + √α z`, with
/// `s = (μ − x)/(a² + σ²)`.
fn moments_of_algorithm_1(epsilon: f64, n_steps: usize, start: f64, mean: f64) -> (f64, f64) {
    let (mut m, mut v) = (start, 0.0);
    for &sigma in ladder().levels() {
        let alpha = epsilon * (sigma / 0.3).powi(2);
        let a = 1.0 - 0.5 * alpha / (DEVIATION * DEVIATION + sigma * sigma);
        for _ in 0..n_steps {
            m = mean + a * (m - mean);
            v = a * a * v + alpha;
        }
    }
    (m, v)
}

#[test]
fn the_law_is_that_of_the_printed_algorithm_and_not_of_the_wrong_reading() {
    const N_CHAINS: usize = 200_000;
    let (epsilon, n_steps) = (0.08, 5);
    let start = Array2::from_elem((N_CHAINS, 2), 4.0);
    let annealed = AnnealedLangevin::song_ermon(ladder(), epsilon, n_steps).unwrap();
    let sample = annealed.sample(&model(), start, &mut Seed::new(1).rng()).unwrap();
    let law = |epsilon: f64| {
        let (m_0, v) = moments_of_algorithm_1(epsilon, n_steps, 4.0, 0.7);
        let (m_1, _) = moments_of_algorithm_1(epsilon, n_steps, 4.0, -0.3);
        stats::family(
            &normal_moments("law", &sample.x, &array![m_0, m_1], &(v * Array2::eye(2))),
            FALSE_ALARM,
        )
    };
    law(epsilon).unwrap();
    // Taking α for our step doubles it.
    assert!(law(2.0 * epsilon).is_err());
    for (report, sigma) in sample.levels.iter().zip(ladder().levels()) {
        assert_eq!(report.noise_level, *sigma);
        let expected = 0.5 * epsilon * sigma * sigma / 0.09;
        assert!((report.step_size / expected - 1.0).abs() < 1e-14, "{report:?}");
        assert_eq!(report.undefined, 0);
    }
    assert_eq!(sample.denoising_undefined, 0);
    // In our own convention the same is said with half the number.
    let ours = AnnealedLangevin::new(ladder(), 0.5 * epsilon, n_steps).unwrap();
    assert_eq!(annealed, ours);
}

/// The last move takes `x` to the mean of the noiseless point, `μ + a²/(a² + σ²) (x − μ)`.
#[test]
fn denoising_is_the_posterior_mean() -> Verdict {
    let start = Array2::from_elem((1000, 2), 2.0);
    let plain = AnnealedLangevin::new(ladder(), 0.04, 5).unwrap();
    let denoised = plain.clone().with_denoising();
    let draw = |annealed: &AnnealedLangevin| {
        let sample = annealed.sample(&model(), start.clone(), &mut Seed::new(2).rng());
        sample.unwrap().x
    };
    let mean = array![0.7, -0.3];
    let expected = &mean + &(0.25 / (0.25 + 0.09) * (draw(&plain) - &mean));
    let difference = draw(&denoised) - expected;
    assert!(difference.iter().all(|d| d.abs() < 1e-14));
    Ok(())
}

/// At the end of a long level `σ²|s|²/D` is `σ²/(a² + σ²)` up to the bias of the step, and far from it where chains have had no time.
#[test]
fn the_score_energy_tells_whether_a_level_was_reached() {
    const N_CHAINS: usize = 50_000;
    let level = |n_steps: usize| {
        let annealed = AnnealedLangevin::new(NoiseLadder::new(array![1.0]).unwrap(), 0.05, n_steps).unwrap();
        let start = Array2::from_elem((N_CHAINS, 2), 20.0);
        let sample = annealed.sample(&model(), start, &mut Seed::new(3).rng()).unwrap();
        sample.levels[0].score_energy
    };
    let variance = 1.25;
    let stationary = variance / (1.0 - 0.05 / (2.0 * variance));
    let exact = stationary / (variance * variance);
    // The mean of 2 N squares of relative deviation √2.
    let deviation = exact / (N_CHAINS as f64).sqrt();
    assert!(
        (level(400) - exact).abs() < 5.0 * deviation,
        "{} and {exact}",
        level(400)
    );
    assert!(level(5) > 50.0);
}

#[test]
fn chains_do_not_depend_on_the_number_of_threads() -> Verdict {
    let annealed = AnnealedLangevin::new(ladder(), 0.04, 3).unwrap().with_denoising();
    threads::same_on_any_number("annealed chains have the same bits", || {
        let start = Array2::from_elem((101, 2), 1.0);
        let sample = annealed.sample(&model(), start, &mut Seed::new(4).rng()).unwrap();
        sample.x.into_flat()
    })
}

/// `N(0, 1)` at every level, but the score is NaN beyond `|x| = 2`.
struct Guarded;

impl Space for Guarded {
    fn dim(&self) -> usize {
        1
    }
}

impl TimeScore for Guarded {
    fn score_at_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        out.zip_mut_with(&x, |s, x| *s = if x.abs() > 2.0 { f64::NAN } else { -x });
    }
}

#[test]
fn chains_without_a_score_stay_and_are_counted() {
    let annealed = AnnealedLangevin::new(NoiseLadder::new(array![2.0, 1.0]).unwrap(), 0.2, 10).unwrap();
    let start = || Array2::zeros((100, 1));
    let sample = annealed
        .clone()
        .with_denoising()
        .sample(&Guarded, start(), &mut Seed::new(5).rng());
    let sample = sample.unwrap();
    let lost = sample.x.iter().filter(|x| x.abs() > 2.0).count() as u64;
    assert!(lost > 10 && sample.x.iter().all(|x| x.is_finite()));
    // Who is lost stays lost: all ten moves of the second level, but for those lost in it.
    assert!(sample.levels[1].undefined >= sample.levels[0].undefined);
    assert!(sample.levels[1].undefined <= 10 * lost);
    assert_eq!(sample.denoising_undefined, lost);

    let refusal = annealed
        .sample(&Guarded, array![[0.0], [3.0]], &mut Seed::new(5).rng())
        .unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "`x[1, ..]` is [3], but must be a point with a finite score at the largest level"
    );
}

#[test]
fn bad_input_is_refused_by_name() {
    let refused = |result: gibbsian_core::Result<NoiseLadder>, name: &str| {
        let refusal = result.unwrap_err().to_string();
        assert!(refusal.contains(&format!("`{name}` ")), "{refusal}");
    };
    refused(NoiseLadder::new(array![]), "levels");
    refused(NoiseLadder::new(array![1.0, 0.5, 0.5]), "levels[2]");
    refused(NoiseLadder::new(array![1.0, 2.0]), "levels[1]");
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(NoiseLadder::new(array![1.0, bad]), "levels[1]");
        refused(NoiseLadder::geometric(bad, 0.1, 3), "largest");
        refused(NoiseLadder::geometric(1.0, bad, 3), "smallest");
        let refusal = AnnealedLangevin::new(ladder(), bad, 3).unwrap_err().to_string();
        assert!(refusal.contains("`step_size` is"), "{refusal}");
        let refusal = AnnealedLangevin::song_ermon(ladder(), bad, 3)
            .unwrap_err()
            .to_string();
        assert!(refusal.contains("`epsilon` is"), "{refusal}");
    }
    refused(NoiseLadder::geometric(1.0, 2.0, 3), "smallest");
    refused(NoiseLadder::geometric(2.0, 1.0, 1), "n_levels");
    let refusal = AnnealedLangevin::new(ladder(), 0.1, 0).unwrap_err().to_string();
    assert!(refusal.contains("`n_steps` is 0"), "{refusal}");
    let wide = NoiseLadder::new(array![1e200, 1e-200]).unwrap();
    let refusal = AnnealedLangevin::new(wide, 0.1, 1).unwrap_err().to_string();
    assert!(refusal.contains("`the largest step` is inf"), "{refusal}");
    let annealed = AnnealedLangevin::new(ladder(), 0.1, 1).unwrap();
    assert!(
        annealed
            .sample(&model(), Array2::zeros((0, 2)), &mut Seed::new(6).rng())
            .is_err()
    );
}

#[test]
fn a_geometric_ladder_falls_by_one_factor() {
    let ladder = NoiseLadder::geometric(50.0, 0.01, 232).unwrap();
    let levels = ladder.levels();
    assert_eq!((levels[0], levels[231]), (50.0, 0.01));
    let factor = (0.01_f64 / 50.0).powf(1.0 / 231.0);
    let ratios: Array1<f64> = levels.iter().skip(1).zip(levels).map(|(b, a)| b / a).collect();
    assert!(ratios.iter().all(|r| (r / factor - 1.0).abs() < 1e-13));
}

#[test]
fn draws_are_pinned() {
    // Golden draws: a change here changes every seeded result and belongs into the changelog.
    let annealed = AnnealedLangevin::new(ladder(), 0.04, 3).unwrap();
    let sample = annealed
        .sample(&model(), Array2::ones((34, 2)), &mut Seed::new(7).rng())
        .unwrap();
    assert_eq!([sample.x[[0, 0]], sample.x[[33, 1]]], PINNED);
}

const PINNED: [f64; 2] = [0.4844888737351029, -0.8072138737161234];
