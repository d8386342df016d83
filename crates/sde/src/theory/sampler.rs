//! The sampler of the theorem on normal data, in closed form.
//!
//! The score of `N(m, diag(v))` under noise is affine, so is a step of the sampler, and all laws stay normal with independent coordinates. A sampler without errors would have mean
//! `m_t = e^{−t} m` and variance `v_t = 1 + (v − 1) e^{−2t}` at every time; what is followed is by how much the sampler misses them, `a` and `w`, because its own mean and variance
//! would lose the digits of the difference. With `E = eʰ − 1`, a score `ŝ = (1 + c) s + δ` and the gain `κ = eʰ − 2 (1 + c) E / v_{t_k}` of a step,
//!
//! `a' = κ a + 2 E δ`,
//!
//! `w' = κ² w + E² (4 (1 + c)²/v_{t_k} − 2) − 4 c E eʰ`.
//!
//! For `m_{t_{k+1}} = eʰ m_{t_k}` and `v_{t_{k+1}} = e²ʰ v_{t_k} − (e²ʰ − 1)`, while the step multiplies by `κ` and adds noise of variance `e²ʰ − 1`; so `w' = κ² w + (κ² − e²ʰ) v_{t_k} + 2 (e²ʰ − 1)`.
//!
//! Without score error a step adds `O(h²)` to the variance and `G` has `O(h²)` a step as well, but the square of the first is what the divergence at the end sees: `KL(q‖p*) = O(h²)` where `G = O(h)`.

use gibbsian_core::error::{Error, Result};
use ndarray::{Array1, Zip};

use super::girsanov::lag;
use super::{DiagonalNormal, ErrorBudget, GirsanovSum, Initialisation, ScoreError, check_backwards, steps};
use crate::grid::TimeGrid;

/// The exponential integrator of the reverse Ornstein–Uhlenbeck process of normal data, with the exact score or one with a known error.
#[derive(Clone, Debug, PartialEq)]
pub struct NormalSampler {
    data: DiagonalNormal,
    grid: TimeGrid,
    error: ScoreError,
}

impl NormalSampler {
    /// The sampler of `data` along `grid`, from `T` down to the time where it stops.
    ///
    /// # Errors
    /// A grid that does not go down to a time that is not negative.
    pub fn new(data: DiagonalNormal, grid: TimeGrid) -> Result<Self> {
        check_backwards(&grid)?;
        let error = ScoreError::none(data.dim());
        Ok(NormalSampler { data, grid, error })
    }

    /// The same sampler with a wrong score.
    ///
    /// # Errors
    /// A shift of another dimension than the data's.
    pub fn with_error(self, error: ScoreError) -> Result<Self> {
        if error.shift().len() != self.data.dim() {
            return Err(Error::shape(
                "shift",
                error.shift().shape(),
                format!("({})", self.data.dim()),
            ));
        }
        Ok(NormalSampler { error, ..self })
    }

    /// The law `q` that the sampler aims at: that of the data at the end of the grid.
    pub fn target(&self) -> DiagonalNormal {
        self.data.noised(self.grid.last())
    }

    /// The law `p` of the output when the sampler starts from `γ`.
    ///
    /// # Errors
    /// Steps so long that the law leaves the finite numbers.
    pub fn output(&self) -> Result<DiagonalNormal> {
        let start = self.data.noised(self.grid.first());
        let missed = (-&start.mean(), 1.0 - &start.variance());
        self.output_of(missed)
    }

    /// The law `p*` of the output when the sampler starts from `q_T`.
    ///
    /// # Errors
    /// Those of [`NormalSampler::output`].
    pub fn output_from_noised(&self) -> Result<DiagonalNormal> {
        let none = Array1::zeros(self.data.dim());
        self.output_of((none.clone(), none))
    }

    /// The law of the output when the start misses `q_T` by this in mean and variance.
    fn output_of(&self, (mut a, mut w): (Array1<f64>, Array1<f64>)) -> Result<DiagonalNormal> {
        let c = self.error.scale();
        for (late, early) in steps(&self.grid) {
            let e = (late - early).exp_m1();
            let noised = self.data.noised(late);
            Zip::from(&mut a)
                .and(&mut w)
                .and(noised.variance())
                .and(self.error.shift())
                .for_each(|a, w, v, delta| {
                    let kappa = 1.0 + e - 2.0 * (1.0 + c) * e / v;
                    *a = kappa * *a + 2.0 * e * delta;
                    *w = kappa * kappa * *w + e * e * (4.0 * (1.0 + c) * (1.0 + c) / v - 2.0)
                        - 4.0 * c * e * (1.0 + e);
                });
        }
        let target = self.target();
        DiagonalNormal::new(&target.mean() + &a, &target.variance() + &w)
            .map_err(|error| error.within("the output"))
    }

    /// The Girsanov sum, with `J_t = Σ_i 1/v_{t,i}` integrated exactly.
    pub fn girsanov(&self) -> GirsanovSum {
        let c = self.error.scale();
        let shift: f64 = self.error.shift().iter().map(|d| d * d).sum();
        let mut sum = GirsanovSum::default();
        for (late, early) in steps(&self.grid) {
            let h = late - early;
            let (start, end) = (self.data.noised(late), self.data.noised(early));
            // ∫ dt/v_t = ½ log((e^{2t} + v − 1) taken between the ends) = h + ½ log(v_late/v_early), and ∫ (2α − 1) dt = h − 2 lag.
            Zip::from(start.variance())
                .and(end.variance())
                .for_each(|v_late, v_early| {
                    let growth = 0.5 * ((v_late - v_early) / v_early).ln_1p();
                    sum.discretisation += h + growth - (h - 2.0 * lag(h)) / v_late;
                });
            // e = c s + δ and E s = 0.
            let j = start.fisher_information();
            sum.score += h * (c * c * j + shift);
            sum.cross += 2.0 * lag(h) * c * j;
        }
        sum
    }

    /// What the start costs: that of `q` with the duration of the grid.
    pub fn initialisation(&self) -> Result<Initialisation> {
        Initialisation::of_normal(&self.target(), self.grid.first() - self.grid.last())
    }

    /// The Lipschitz constant of all scores between the ends of the grid, `max 1/v_t`.
    pub fn lipschitz(&self) -> f64 {
        // v_t is monotone in t.
        let (start, end) = (self.data.noised(self.grid.first()), self.target());
        let smallest = start
            .variance()
            .iter()
            .chain(end.variance())
            .fold(f64::INFINITY, |smallest, &v| smallest.min(v));
        1.0 / smallest
    }

    /// The error, the bound, and every step between.
    ///
    /// # Errors
    /// Those of [`NormalSampler::output`].
    pub fn budget(&self) -> Result<ErrorBudget> {
        let (q, p, from_noised) = (self.target(), self.output()?, self.output_from_noised()?);
        Ok(ErrorBudget {
            initialisation: self.initialisation()?,
            girsanov: self.girsanov(),
            total_variation: q.total_variation(&p),
            total_variation_from_noised: q.total_variation(&from_noised),
            total_variation_of_starts: from_noised.total_variation(&p),
            kl: q.kl(&p),
            kl_from_noised: q.kl(&from_noised),
        })
    }
}
