//! How levels and times are shared out over the rows of a batch.

use crate::noise_levels::{ROWS, ladder};
use gibbsian_core::process::{
    OrnsteinUhlenbeck, SubVariancePreserving, VarianceExploding, VariancePreserving,
};
use gibbsian_core::{
    Layout, LinearGaussian, Objective, Parametric, Seed, Space, TimeScore, TimeScorePullback,
};
use gibbsian_objectives::{DenoisingInTime, MultiLevelDenoising, RowUniforms, TimeLaw};
use gibbsian_testkit::stats::{FALSE_ALARM, chi_square, family, kolmogorov_smirnov};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

/// Records the times that it is asked for.
struct Spy(std::sync::Mutex<Vec<f64>>);

impl Space for Spy {
    fn dim(&self) -> usize {
        1
    }
}

impl Parametric for Spy {
    fn layout(&self) -> Layout {
        Layout::new()
    }

    fn params(&self) -> Array1<f64> {
        Array1::zeros(0)
    }
}

impl TimeScore for Spy {
    fn score_at_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&x);
    }
}

impl TimeScorePullback for Spy {
    fn score_pullback_at_with(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        _: ArrayViewMut1<f64>,
    ) {
        *self.0.lock().unwrap() = t.to_vec();
        cotangent(x, Array2::zeros(x.dim()).view_mut());
    }
}

fn times_of(objective: &mut impl Objective<Spy>, n_rows: usize, seed: Seed) -> Vec<f64> {
    let spy = Spy(Default::default());
    objective
        .loss_and_grad_into(
            &spy,
            Array2::zeros((n_rows, 1)).view(),
            &mut seed.rng(),
            Array1::zeros(0).view_mut(),
        )
        .unwrap();
    spy.0.into_inner().unwrap()
}

/// The levels of a minibatch, as indices.
fn levels_of(rows: RowUniforms, n_rows: usize, seed: Seed) -> Vec<usize> {
    let mut objective = MultiLevelDenoising::new(ladder()).with_rows(rows);
    let index = |sigma: f64| ladder().levels().iter().position(|&s| s == sigma).unwrap();
    times_of(&mut objective, n_rows, seed)
        .into_iter()
        .map(index)
        .collect()
}

#[test]
fn levels_are_shared_out_as_said_and_evenly_for_each_row() {
    for rows in ROWS {
        // Every row by itself has all levels with equal probability, over the calls.
        let mut counts = [[0; 5]; 3];
        for call in 0..5_000 {
            let levels = levels_of(rows, 7, Seed::new(10).nth(call));
            for (counts, row) in counts.iter_mut().zip([0, 3, 6]) {
                counts[levels[row]] += 1;
            }
        }
        let tests = counts.map(|c| chi_square(&format!("{rows:?}"), &c, &[0.2; 5]));
        family(&tests, FALSE_ALARM).unwrap();
    }
    for call in 0..100 {
        let mut stratified = levels_of(RowUniforms::Stratified, 35, Seed::new(11).nth(call));
        stratified.sort_unstable();
        let even: Vec<usize> = (0..35).map(|k| k / 7).collect();
        assert_eq!(stratified, even, "five levels, seven rows each");
        let antithetic = levels_of(RowUniforms::Antithetic, 35, Seed::new(12).nth(call));
        for pair in antithetic.chunks_exact(2) {
            assert_eq!(pair[0] + pair[1], 4);
        }
    }
}

/// Times have the distribution function of their law.
#[test]
fn times_are_uniform_in_time_or_in_the_log_signal_to_noise_ratio() {
    fn check<P: LinearGaussian + Clone>(process: P, seed: Seed) {
        const T_MIN: f64 = 1e-3;
        let horizon = process.horizon();
        let objective = |law| {
            DenoisingInTime::new(process.clone(), T_MIN)
                .unwrap()
                .with_times(law)
        };
        let uniform = times_of(&mut objective(TimeLaw::Uniform), 20_000, seed.child("uniform"));
        let in_ratio = times_of(
            &mut objective(TimeLaw::UniformLogSnr),
            20_000,
            seed.child("ratio"),
        );
        let (most, least) = (process.log_snr(T_MIN), process.log_snr(horizon));
        family(
            &[
                kolmogorov_smirnov("uniform", &uniform, |t| (t - T_MIN) / (horizon - T_MIN)),
                kolmogorov_smirnov("log-SNR", &in_ratio, |t| {
                    (most - process.log_snr(t)) / (most - least)
                }),
            ],
            FALSE_ALARM,
        )
        .unwrap();
        assert!(
            uniform
                .iter()
                .chain(&in_ratio)
                .all(|t| (T_MIN..=horizon).contains(t))
        );
    }
    check(VarianceExploding::new(0.1, 10.0).unwrap(), Seed::new(13));
    check(VariancePreserving::new(0.1, 20.0).unwrap(), Seed::new(14));
    check(SubVariancePreserving::new(0.1, 20.0).unwrap(), Seed::new(15));
    check(OrnsteinUhlenbeck::new(3.0).unwrap(), Seed::new(16));
}
