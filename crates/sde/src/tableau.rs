//! Embedded pairs of explicit Runge–Kutta methods, as tables of coefficients.
//!
//! A step of `s` stages, `k_i = u(x + h Σ_j a_ij k_j, t + c_i h)`, gives a point `x + h Σ b_i k_i` and, for nothing more, the difference `h Σ e_i k_i` from what a
//! method of lower order makes of the same stages: the estimate of its error. All pairs here are advanced by the higher order ("local extrapolation"), and their
//! last stage is taken at the new point, so that it is the first of the next step ("first same as last"): a step costs `s − 1` evaluations.
//!
//! Between its ends a step is interpolated by Hermite's cubic, and where the pair has coefficients for it by a quartic,
//!
//! `x(t + θh) = x + θ (Δ + (1 − θ) [(h k_1 − Δ) + θ (2Δ − h k_1 − h k_s) + θ (1 − θ) h Σ d_i k_i])`,  `Δ = x' − x`,
//!
//! which keeps points and slopes at the ends: a dense solution is continuously differentiable (Hairer, Nørsett and Wanner 1993, section II.6).

use gibbsian_core::error::Result;
use ndarray::{ArrayViewMut2, Zip};

use crate::brownian::BrownianBlock;
use crate::equation::Ode;
use crate::grid::TimeGrid;
use crate::schemes::Working;
use crate::solver::{Solver, Step};

/// The most stages that a pair may have.
pub(crate) const MAX_STAGES: usize = 7;

/// An explicit pair of Runge–Kutta methods whose last stage is the first of the next step.
///
/// As a [`Solver`] it makes fixed steps of its higher order; [`AdaptiveRungeKutta`](crate::AdaptiveRungeKutta) makes steps that fit a tolerance.
///
/// | pair | orders | evaluations a step | dense output |
/// |---|---|---|---|
/// | [`BOGACKI_SHAMPINE`](Self::BOGACKI_SHAMPINE) | 3(2) | 3 | order 3 |
/// | [`DORMAND_PRINCE`](Self::DORMAND_PRINCE) | 5(4) | 6 | order 4 |
/// | [`TSITOURAS`](Self::TSITOURAS) | 5(4) | 6 | order 4 |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EmbeddedPair {
    name: &'static str,
    order: u32,
    error_order: u32,
    /// `c`.
    nodes: &'static [f64],
    /// The rows of `a` below the first; the last of them are the weights `b`.
    rows: &'static [&'static [f64]],
    /// `e`.
    error: &'static [f64],
    /// `d`, or nothing.
    dense: &'static [f64],
}

impl EmbeddedPair {
    /// Bogacki and Shampine (1989), orders 3 and 2: for tolerances of a percent.
    pub const BOGACKI_SHAMPINE: Self = EmbeddedPair {
        name: "Bogacki–Shampine 3(2)",
        order: 3,
        error_order: 2,
        nodes: &[0.0, 0.5, 0.75, 1.0],
        rows: &[&[0.5], &[0.0, 0.75], &[2.0 / 9.0, 1.0 / 3.0, 4.0 / 9.0]],
        error: &[-5.0 / 72.0, 1.0 / 12.0, 1.0 / 9.0, -1.0 / 8.0],
        dense: &[],
    };

    /// Dormand and Prince (1980), orders 5 and 4, with the dense output of Hairer, Nørsett and Wanner (1993, section II.6).
    pub const DORMAND_PRINCE: Self = EmbeddedPair {
        name: "Dormand–Prince 5(4)",
        order: 5,
        error_order: 4,
        nodes: &[0.0, 1.0 / 5.0, 3.0 / 10.0, 4.0 / 5.0, 8.0 / 9.0, 1.0, 1.0],
        rows: &[
            &[1.0 / 5.0],
            &[3.0 / 40.0, 9.0 / 40.0],
            &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
            &[
                19372.0 / 6561.0,
                -25360.0 / 2187.0,
                64448.0 / 6561.0,
                -212.0 / 729.0,
            ],
            &[
                9017.0 / 3168.0,
                -355.0 / 33.0,
                46732.0 / 5247.0,
                49.0 / 176.0,
                -5103.0 / 18656.0,
            ],
            &[
                35.0 / 384.0,
                0.0,
                500.0 / 1113.0,
                125.0 / 192.0,
                -2187.0 / 6784.0,
                11.0 / 84.0,
            ],
        ],
        error: &[
            71.0 / 57600.0,
            0.0,
            -71.0 / 16695.0,
            71.0 / 1920.0,
            -17253.0 / 339_200.0,
            22.0 / 525.0,
            -1.0 / 40.0,
        ],
        dense: &[
            -12_715_105_075.0 / 11_282_082_432.0,
            0.0,
            87_487_479_700.0 / 32_700_410_799.0,
            -10_690_763_975.0 / 1_880_347_072.0,
            701_980_252_875.0 / 199_316_789_632.0,
            -1_453_857_185.0 / 822_651_844.0,
            69_997_945.0 / 29_380_423.0,
        ],
    };

    /// Tsitouras (2011), orders 5 and 4, with smaller errors than Dormand and Prince's for the same work.
    pub const TSITOURAS: Self = EmbeddedPair {
        name: "Tsitouras 5(4)",
        order: 5,
        error_order: 4,
        nodes: &[0.0, 0.161, 0.327, 0.9, 0.980_025_540_904_509_7, 1.0, 1.0],
        rows: &[
            &[0.161],
            &[-0.008_480_655_492_356_989, 0.335_480_655_492_357],
            &[
                2.897_153_057_105_493_5,
                -6.359_448_489_975_075,
                4.362_295_432_869_581_5,
            ],
            &[
                5.325_864_828_439_257,
                -11.748_883_564_062_828,
                7.495_539_342_889_836_5,
                -0.092_495_066_361_755_25,
            ],
            &[
                5.861_455_442_946_42,
                -12.920_969_317_847_11,
                8.159_367_898_576_159,
                -0.071_584_973_281_401,
                -0.028_269_050_394_068_383,
            ],
            &[
                0.096_460_766_818_065_23,
                0.01,
                0.479_889_650_414_499_6,
                1.379_008_574_103_742,
                -3.290_069_515_436_081,
                2.324_710_524_099_774,
            ],
        ],
        error: &[
            -0.001_780_011_052_225_777,
            -0.000_816_434_459_656_746_9,
            0.007_880_878_010_261_995,
            -0.144_711_007_173_262_9,
            0.582_357_165_452_555_2,
            -0.458_082_105_929_186_97,
            1.0 / 66.0,
        ],
        dense: &[
            -1.053_088_497_729_021_6,
            0.1017,
            2.490_627_285_651_253,
            -16.548_102_889_244_902,
            47.379_521_962_819_28,
            -34.870_657_861_496_61,
            2.5,
        ],
    };

    /// What the pair is called.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The order of the points.
    pub fn order(&self) -> u32 {
        self.order
    }

    /// The order of the method that the error is estimated by.
    pub fn error_order(&self) -> u32 {
        self.error_order
    }

    /// The number of stages `s`; a step costs one evaluation less.
    pub fn n_stages(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn node(&self, stage: usize) -> f64 {
        self.nodes[stage]
    }

    /// `a_ij` of a stage after the first.
    pub(crate) fn row(&self, stage: usize) -> &'static [f64] {
        self.rows[stage - 1]
    }

    pub(crate) fn error(&self) -> &'static [f64] {
        self.error
    }

    pub(crate) fn dense(&self) -> &'static [f64] {
        self.dense
    }
}

impl<E: Ode + ?Sized> Solver<E> for EmbeddedPair {
    /// The arrays, and the times of the stages.
    type Memory = [Working; MAX_STAGES];

    fn noise_dim(&self, _: &E) -> usize {
        0
    }

    fn check(&self, equation: &E, grid: &TimeGrid) -> Result<()> {
        equation.time_domain().check_grid(grid)
    }

    fn step(
        &self,
        equation: &E,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        _: &mut dyn BrownianBlock,
        memory: &mut Self::Memory,
    ) {
        let (shape, n, h) = (x.dim(), x.nrows(), step.size());
        let [arrays, times @ ..] = memory;
        let (mut arrays, start) = arrays.take([shape; MAX_STAGES], n, step.from);
        let (at, stages) = arrays.split_first_mut().expect("at least one array");
        // Somebody may have moved the points since the last step, so its last stage is not relied upon; and the last stage of this one is not needed.
        equation.velocity_into(x.view(), start, stages[0].view_mut());
        for i in 1..self.n_stages() {
            let (before, this) = stages.split_at_mut(i);
            at.fill(0.0);
            for (a, k) in self.row(i).iter().zip(before) {
                at.scaled_add(*a, k);
            }
            Zip::from(&mut *at).and(&x).for_each(|at, x| *at = x + h * *at);
            if let Some(k) = this.first_mut().filter(|_| i + 1 < self.n_stages()) {
                let (_, t) = times[i - 1].take([], n, step.from + self.node(i) * h);
                equation.velocity_into(at.view(), t, k.view_mut());
            }
        }
        x.assign(at);
    }
}
