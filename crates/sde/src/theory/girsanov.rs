//! The Girsanov sum: the divergence between the paths of the exact reverse process and those of the sampler.
//!
//! Two diffusions with the same start, the same diffusion coefficient `g` and drifts `b`, `b̂` have `KL = ½ E ∫ ‖b − b̂‖² / g² dt`, the expectation over paths of the first. The drifts differ by
//! `g² (s − ŝ)`, so that
//!
//! `G = Σ_k ∫ ½ g_t² E‖ŝ(X_{t_k}, t_k) − s(X_t, t)‖² dt`,  `t_{k+1} ≤ t ≤ t_k`,
//!
//! and `½ g² = 1` for the Ornstein–Uhlenbeck process. The paths of the exact reverse process are those of the forward one, so that no reverse equation has to be solved.
//! (Without Novikov's condition `G` is still not less than the divergence, by an approximation; Chen et al. 2023.)
//!
//! **In closed form.** Along the forward process, `s(x, t_k) = E[s(X_t, t) | X_{t_k} = x] / α` with `α = e^{−(t_k − t)}`: differentiate `q_{t_k}(x) = ∫ q_t(y) N(x; α y, σ² I) dy` under the integral,
//! where `∇_x N = −∇_y N / α`, and integrate by parts. So with the Fisher information `J_t = E‖s(X_t, t)‖²` the expectation of `s(X_{t_k}, t_k) · s(X_t, t)` is `α J_{t_k}`, and
//!
//! `E‖s(X_{t_k}, t_k) − s(X_t, t)‖² = J_t + (1 − 2α) J_{t_k}`,
//!
//! whatever the data. An error `e` of the score at `t_k` adds `E‖e‖² + 2 (1 − α) E[e · s(X_{t_k}, t_k)]`. (Conforti, Durmus and Gentiloni Silveri 2023 bound the sum by the
//! Fisher information of the data.) [`GirsanovSum`] takes these moments; [`Girsanov`] estimates the sum from paths, for any process and any score.

use gibbsian_core::error::{Error, Result, check_batch, check_count, check_finite, check_positive};
use gibbsian_core::parallel::{block_rows, map_blocks_mut};
use gibbsian_core::simd::{LaneRng, fill_standard_normal};
use gibbsian_core::{LinearGaussian, Streams, TimeScore};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, s};
use rand::Rng;

use super::{Estimate, Inequality, check_backwards, steps};
use crate::grid::TimeGrid;

/// The rule of Gauss and Legendre with three points on `[0, 1]`, exact for polynomials of degree five: points and weights.
const RULE: [(f64, f64); 3] = [
    (0.112_701_665_379_258_3, 5.0 / 18.0),
    (0.5, 8.0 / 18.0),
    (0.887_298_334_620_741_7, 5.0 / 18.0),
];

/// What a score error contributes at one time: `E‖e‖²` and `E[e · s]`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScoreMoments {
    /// `E‖e‖²`.
    pub squared: f64,
    /// `E[e · s]`.
    pub along_score: f64,
}

/// The Girsanov sum `G` and its parts: `E‖ŝ_k − s_t‖² = E‖s_k − s_t‖² + E‖ŝ_k − s_k‖² + 2 E[(ŝ_k − s_k) · (s_k − s_t)]`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct GirsanovSum {
    /// What is left with the exact score.
    pub discretisation: f64,
    /// What is left without discretisation, `Σ_k h_k E‖ŝ − s‖²`.
    pub score: f64,
    /// The product of both, of either sign.
    pub cross: f64,
}

impl GirsanovSum {
    /// The sum of the reverse Ornstein–Uhlenbeck process, from the Fisher information `J_t` of the data under noise and the moments of the score error at `t`.
    ///
    /// `J` is integrated over every step by a rule of three points, which leaves a relative error of the sixth order in the step.
    ///
    /// # Errors
    /// A grid that does not go down to a time that is not negative; what the moments refuse; a moment that is not finite, with its time.
    pub fn of_moments(
        grid: &TimeGrid,
        fisher_information: impl Fn(f64) -> Result<f64>,
        score_error: impl Fn(f64) -> Result<ScoreMoments>,
    ) -> Result<Self> {
        check_backwards(grid)?;
        let mut sum = GirsanovSum::default();
        for (late, early) in steps(grid) {
            let h = late - early;
            let (j, error) = (fisher_information(late)?, score_error(late)?);
            for (node, weight) in RULE {
                let t = early + node * h;
                let alpha = (t - late).exp();
                sum.discretisation += weight * h * (fisher_information(t)? + (1.0 - 2.0 * alpha) * j);
            }
            sum.score += h * error.squared;
            sum.cross += 2.0 * lag(h) * error.along_score;
            if !sum.total().is_finite() {
                return Err(Error::non_finite(
                    "the Girsanov sum",
                    sum.total(),
                    format!("between times {late} and {early}"),
                ));
            }
        }
        Ok(sum)
    }

    /// `G`.
    pub fn total(&self) -> f64 {
        self.discretisation + self.score + self.cross
    }

    /// `√G ≤ √(discretisation) + √(score)`, since `√G` is a norm; so is `G ≤ 2 (discretisation + score)`, which is weaker.
    pub fn minkowski(&self) -> Inequality {
        Inequality {
            name: "Minkowski",
            smaller: self.total().sqrt(),
            larger: self.discretisation.sqrt() + self.score.sqrt(),
        }
    }
}

/// `∫ (1 − α) dt = h − (1 − e^{−h})` over a step.
pub(super) fn lag(h: f64) -> f64 {
    h + (-h).exp_m1()
}

/// What the discretisation's part of `G` cannot exceed when all scores are `L`-Lipschitz: `d L² Σ h_k² + ⅓ d L Σ h_k³`.
///
/// The theorem's `(L² d h + L² m₂² h²) T` with constants, and without the second moment `m₂`. With `u = t_k − t`, from the equation of the heat flow
///
/// `dJ/dt = 2 J − 2 E‖∇s‖²_F`,
///
/// two consequences: `J_t − J_{t_k} = 2 ∫ E‖∇s‖²_F − 2 ∫ J` over `[t, t_k]`, and `e^{−2t} J_t` falls, so that the last term is at least `(1 − α²) J_{t_k}`. Then
///
/// `J_t + (1 − 2α) J_{t_k} ≤ 2 u L² d + [2 (1 − α) − (1 − α²)] J_{t_k} = 2 u L² d + (1 − α)² J_{t_k} ≤ 2 u L² d + u² L d`,
///
/// by `‖∇s‖²_F ≤ L² d` and `J = −E tr ∇s ≤ L d`. For standard normal data, where `L = 1`, the true value is `d Σ (h_k² − ⅓ h_k³ + …)`: the leading constant is the best possible.
///
/// # Errors
/// A grid that does not go down to a time that is not negative; no dimensions; a constant that is not positive.
pub fn lipschitz_bound(grid: &TimeGrid, dim: usize, lipschitz: f64) -> Result<f64> {
    check_backwards(grid)?;
    check_count("dim", dim)?;
    check_positive("lipschitz", lipschitz)?;
    Ok(steps(grid)
        .map(|(late, early)| {
            let h = late - early;
            dim as f64 * lipschitz * h * h * (lipschitz + h / 3.0)
        })
        .sum())
}

/// The Girsanov sum estimated from paths of the forward process.
///
/// ```
/// use gibbsian_core::process::OrnsteinUhlenbeck;
/// use gibbsian_core::{Density, Seed};
/// use gibbsian_sde::TimeGrid;
/// use gibbsian_sde::theory::Girsanov;
/// # use gibbsian_testkit::targets::{Mixture, Noised};
/// use ndarray::array;
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
/// let process = OrnsteinUhlenbeck::new(2.0)?;
/// let data = Mixture::new(array![0.5, 0.5], array![[-1.0, 0.0], [1.0, 0.0]], array![0.5, 0.5])?;
/// let score = Noised::new(data.clone(), process);
/// let mut rng = Seed::new(1).rng();
///
/// let girsanov = Girsanov { process: &process, exact: &score, model: &score };
/// let g = girsanov.estimate(&TimeGrid::uniform(2.0, 0.0, 10)?, data.sample(500, &mut rng).view(), &mut rng)?;
/// assert!(g.total.standard_error < 0.1 * g.total.value && g.score.value == 0.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Girsanov<'a, P: ?Sized, S: ?Sized, M: ?Sized> {
    /// The forward process.
    pub process: &'a P,
    /// The score of the data under noise.
    pub exact: &'a S,
    /// The score that the sampler uses.
    pub model: &'a M,
}

/// The estimates of `G` and of its two squares; their difference is the product.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct GirsanovEstimate {
    /// `G`.
    pub total: Estimate,
    /// `Σ_k ∫ ½ g² E‖s_k − s_t‖² dt`.
    pub discretisation: Estimate,
    /// `Σ_k ∫ ½ g² E‖ŝ_k − s_k‖² dt`.
    pub score: Estimate,
}

impl<P, S, M> Girsanov<'_, P, S, M>
where
    P: LinearGaussian + ?Sized,
    S: TimeScore + ?Sized,
    M: TimeScore + ?Sized,
{
    /// Estimates `G` along `grid`, one path for every row of `data` `(B, D)`, which are independent draws of the data.
    ///
    /// A path meets every step at its ends and at three points between, with the exact transitions of the process; the integral over the step is by the rule of Gauss and Legendre,
    /// whose relative error is of the sixth order in the step and not part of the standard error.
    ///
    /// # Errors
    /// Shapes that do not fit, fewer than two rows, data that are not finite, a grid that does not go down within the process, and a score that is not finite, with the step and
    /// the time.
    pub fn estimate(
        &self,
        grid: &TimeGrid,
        data: ArrayView2<f64>,
        rng: &mut dyn Rng,
    ) -> Result<GirsanovEstimate> {
        check_backwards(grid)?;
        self.process.check_times(grid.times())?;
        check_batch("data", &data, self.exact.dim())?;
        check_finite("data", &data)?;
        if self.model.dim() != self.exact.dim() {
            return Err(Error::parameter(
                "model",
                format!("a score on {} dimensions", self.model.dim()),
                format!("on {}, as the exact score", self.exact.dim()),
            ));
        }
        // Columns: total, discretisation, score.
        let mut paths = Array2::zeros((data.nrows(), 3));
        let streams = Streams::draw(rng);
        map_blocks_mut(paths.view_mut(), |block, sums| {
            let rows = data.slice(s![block_rows(block, data.nrows()), ..]);
            self.follow(grid, rows.to_owned(), LaneRng::new(streams, block), sums)
        })
        .into_iter()
        .collect::<Result<()>>()?;
        Ok(GirsanovEstimate {
            total: Estimate::of(paths.column(0))?,
            discretisation: Estimate::of(paths.column(1))?,
            score: Estimate::of(paths.column(2))?,
        })
    }

    /// Follows a block of paths from the data upwards in time and adds up what each of them sees.
    fn follow(
        &self,
        grid: &TimeGrid,
        x: Array2<f64>,
        rng: LaneRng,
        mut sums: ArrayViewMut2<f64>,
    ) -> Result<()> {
        let shape = x.raw_dim();
        let mut walk = Walk {
            noise: Array2::zeros(shape),
            now: 0.0,
            times: Array1::zeros(x.nrows()),
            x,
            rng,
        };
        let mut inner: [Array2<f64>; 3] = std::array::from_fn(|_| Array2::zeros(shape));
        let (mut exact, mut model) = (Array2::zeros(shape), Array2::zeros(shape));
        walk.to(self.process, grid.last());
        for (k, (late, early)) in steps(grid).enumerate().rev() {
            let mut weights = [0.0; 3];
            for (((node, share), weight), score) in RULE.iter().zip(&mut weights).zip(&mut inner) {
                let t = early + node * (late - early);
                *weight = share * (late - early) * 0.5 * self.process.diffusion_squared(t);
                walk.to(self.process, t);
                self.exact
                    .score_at_into(walk.x.view(), walk.times.view(), score.view_mut());
            }
            walk.to(self.process, late);
            self.exact
                .score_at_into(walk.x.view(), walk.times.view(), exact.view_mut());
            self.model
                .score_at_into(walk.x.view(), walk.times.view(), model.view_mut());
            for (b, mut sums) in sums.rows_mut().into_iter().enumerate() {
                for (weight, score) in weights.iter().zip(&inner) {
                    sums[0] += weight * squared_distance(model.row(b), score.row(b));
                    sums[1] += weight * squared_distance(exact.row(b), score.row(b));
                }
                sums[2] += weights.iter().sum::<f64>() * squared_distance(model.row(b), exact.row(b));
                if !sums.iter().all(|s| s.is_finite()) {
                    return Err(Error::non_finite(
                        "the score",
                        sums[0] + sums[1] + sums[2],
                        format!("in step {} from time {late} to {early}", k + 1),
                    ));
                }
            }
        }
        Ok(())
    }
}

/// A block of forward paths.
struct Walk {
    x: Array2<f64>,
    noise: Array2<f64>,
    times: Array1<f64>,
    now: f64,
    rng: LaneRng,
}

impl Walk {
    /// Goes on to the time `t`.
    fn to<P: LinearGaussian + ?Sized>(&mut self, process: &P, t: f64) {
        if t > self.now {
            let law = process.transition(self.now, t).with_root();
            let deviation = law.variance.sqrt();
            fill_standard_normal(&mut self.rng, self.noise.as_slice_mut().expect("standard layout"));
            self.x
                .zip_mut_with(&self.noise, |x, z| *x = law.alpha * *x + deviation * z);
        }
        self.now = t;
        self.times.fill(t);
    }
}

fn squared_distance(a: ArrayView1<f64>, b: ArrayView1<f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
