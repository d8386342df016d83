//! Blocks of rows that go through the steps together, against each of them alone.

use gibbsian_core::Seed;
use gibbsian_core::process::VariancePreserving;
use gibbsian_sde::brownian::BrownianBlock;
use gibbsian_sde::{
    BrownianMotion, EulerMaruyama, FixedSteps, FreshNoise, LangevinStep, PredictorCorrector,
    ReverseDiffusion, ReverseSde, Solver, Sra1, TimeGrid,
};
use gibbsian_testkit::targets::{Mixture, Noised};
use ndarray::{Array2, array, s};

/// A motion whose first block is another one's block of this number.
struct From<'m>(&'m FreshNoise, usize);

impl BrownianMotion for From<'_> {
    fn check(&self, grid: &TimeGrid, n_rows: usize, noise_dim: usize) -> gibbsian_core::Result<()> {
        self.0.check(grid, n_rows, noise_dim)
    }

    fn block(&self, block: usize, first_row: usize) -> Box<dyn BrownianBlock + '_> {
        self.0.block(self.1 + block, first_row)
    }
}

type Reverse = ReverseSde<VariancePreserving, Noised<VariancePreserving>>;

/// Bits and trajectories of `n_rows` rows, and of the blocks one after another.
fn same_bits<S: Solver<Reverse>>(name: &str, solver: &S, n_rows: usize) {
    let process = VariancePreserving::new(0.1, 20.0).unwrap();
    let data = Mixture::new(
        array![0.4, 0.6],
        array![[-1.0, 0.5, 0.0], [2.0, 0.0, 1.0]],
        array![0.5, 0.3],
    )
    .unwrap();
    let reverse = ReverseSde::new(process, Noised::new(data, process));
    let steps = FixedSteps::new(TimeGrid::uniform(1.0, 0.1, 7).unwrap());
    let noise = FreshNoise::new(Seed::new(5));
    let start = noise.normal((n_rows, 3));
    let whole = steps.solve(solver, &reverse, start.clone(), &noise).unwrap();
    let path = steps.trajectory(solver, &reverse, start.clone(), &noise).unwrap();
    assert_eq!(path.slice(s![.., -1, ..]), whole, "{name}");
    for first in (0..n_rows).step_by(steps.rows_per_block) {
        let rows = first..n_rows.min(first + steps.rows_per_block);
        let alone: Array2<f64> = start.slice(s![rows.clone(), ..]).to_owned();
        let shifted = From(&noise, first / steps.rows_per_block);
        let alone = steps.solve(solver, &reverse, alone, &shifted).unwrap();
        assert_eq!(
            alone,
            whole.slice(s![rows.clone(), ..]),
            "{name}, {n_rows} rows: {rows:?}"
        );
    }
}

/// From one block to eight together, with a last task and a last block that are not full: increments, areas, and noise beside the motion.
#[test]
fn blocks_that_are_solved_together_are_those_that_are_solved_alone() {
    for n_rows in [20, 15 * 32 + 7, 33 * 32, 47 * 32 + 1, 140 * 32 + 11] {
        same_bits("Euler–Maruyama", &EulerMaruyama, n_rows);
        same_bits("SRA1", &Sra1, n_rows);
        let corrected = PredictorCorrector::new(ReverseDiffusion, LangevinStep::NoiseLevel(0.1));
        same_bits("predictor and corrector", &corrected, n_rows);
    }
}
