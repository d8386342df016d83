//! Grids of times, by the equations they are of.

use gibbsian_core::process::{
    ElucidatedNoise, LinearGaussian, OrnsteinUhlenbeck, SubVariancePreserving, VarianceExploding,
    VariancePreserving,
};
use gibbsian_sde::TimeGrid;

/// `(a^{1/ρ} + i/(N − 1) (b^{1/ρ} − a^{1/ρ}))^ρ` for `a = 80`, `b = 0.002`, `ρ = 7` and `N = 18`, the levels of noise of the source.
const LEVELS: [(usize, f64); 5] = [
    (1, 57.585_984_721_248_16),
    (5, 12.910_082_380_757_32),
    (9, 1.923_339_837_040_051_8),
    (16, 0.007_528_019_962_784_078),
    (17, 0.002),
];

#[test]
fn levels_of_karras_are_those_of_equation_5() {
    // Where time is the level of noise.
    let process = ElucidatedNoise::new(80.0).unwrap();
    let grid = TimeGrid::karras(&process, 80.0, 0.002, 7.0, 17).unwrap();
    assert_eq!(grid.n_steps(), 17);
    for (i, level) in LEVELS {
        let found = grid.times()[i];
        assert!(
            (found / level - 1.0).abs() < 1e-13,
            "{i}: {found} instead of {level}"
        );
    }
    // And in the clock of another process, where it is the ratio of noise to signal.
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    let grid = TimeGrid::karras(&process, 80.0, 0.002, 7.0, 17).unwrap();
    for (i, level) in LEVELS {
        let t = grid.times()[i];
        let found = process.sigma(t) / process.alpha(t);
        assert!(
            (found / level - 1.0).abs() < 1e-12,
            "{i}: {found} instead of {level}"
        );
    }
}

/// The ratio at the horizon, computed from its parts, may miss its logarithm in the last bits.
#[test]
fn levels_of_karras_may_begin_at_the_horizon() {
    fn begins_there(process: &dyn LinearGaussian) {
        let horizon = process.horizon();
        let ratio = process.sigma(horizon) / process.alpha(horizon);
        let grid = TimeGrid::karras(process, ratio, 0.1, 7.0, 10).unwrap();
        assert!((grid.first() / horizon - 1.0).abs() < 1e-12, "{}", grid.first());
        assert!(TimeGrid::karras(process, 1.000_001 * ratio, 0.1, 7.0, 10).is_err());
    }
    for k in 0..40 {
        let x = 1.0 + 0.37 * f64::from(k);
        begins_there(&VariancePreserving::new(0.1, x).unwrap());
        begins_there(&SubVariancePreserving::new(0.1, x).unwrap());
        begins_there(&VarianceExploding::new(0.01, x).unwrap());
        begins_there(&OrnsteinUhlenbeck::new(0.2 * x).unwrap());
        begins_there(&ElucidatedNoise::new(x).unwrap());
    }
}

#[test]
fn equal_steps_in_log_snr_are_equal() {
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    let grid = TimeGrid::uniform_in_log_snr(&process, 1.0, 1e-3, 10).unwrap();
    assert_eq!((grid.first(), grid.last()), (1.0, 1e-3));
    let (first, last) = (process.log_snr(1.0), process.log_snr(1e-3));
    for (i, &t) in grid.times().iter().enumerate() {
        let expected = first + 0.1 * i as f64 * (last - first);
        assert!((process.log_snr(t) - expected).abs() < 1e-12 * (last - first));
    }
}

#[test]
fn levels_that_rise_and_times_that_are_not_of_the_process_are_refused() {
    let process = OrnsteinUhlenbeck::new(4.0).unwrap();
    let refused = |grid: gibbsian_core::Result<TimeGrid>| grid.unwrap_err().to_string();
    let in_log_snr = |from, to| refused(TimeGrid::uniform_in_log_snr(&process, from, to, 10));
    let karras = |max, min| refused(TimeGrid::karras(&process, max, min, 7.0, 10));
    assert_eq!(
        in_log_snr(1e-3, 1.0),
        "`to` is 1, but must be less than from, 0.001: the way is from noise to data; exchange the two"
    );
    assert_eq!(in_log_snr(5.0, 1.0), "`from` is 5, but must be in [0, 4]");
    assert_eq!(
        in_log_snr(1.0, 0.0),
        "`to` is 0, but must be finite and greater than zero"
    );
    assert_eq!(
        karras(0.1, 10.0),
        "`ratio_min` is 10, but must be less than ratio_max, 0.1: the way is from noise to data; exchange the two"
    );
    assert!(karras(1.0, 1.0).starts_with("`ratio_min` is 1, but must be less than"));
    assert!(karras(1.0, 0.0).starts_with("`ratio_min` is 0, but must be finite"));
    assert!(karras(f64::NAN, 0.1).starts_with("`ratio_min` is 0.1, but must be less than ratio_max, NaN"));
}
