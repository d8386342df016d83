//! A mixture of normal data under the Langevin diffusion, exact at every time.

use std::f64::consts::PI;

use gibbsian_core::error::{Error, Result, check_each, check_finite, check_positive, check_shape};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::process::Clock;
use gibbsian_core::{Space, TimeEnergy, TimePotential, TimeScore};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use super::UnderdampedLangevin;

/// Data `Σ_k w_k N(μ_k, ς_k² I)` with velocities `N(0, ν I)` at the start, under an [`UnderdampedLangevin`] diffusion: a mixture in phase space at every time, with its score.
///
/// For each component the pairs `(x_i, v_i)` are independent and normal with mean `Φ (μ_ki, 0)` and covariance `Φ diag(ς_k², ν) Φᵀ + Σ`. A small `ν`, for the authors `0.04 M`, lets the
/// score in the velocities begin smooth.
///
/// ```
/// use gibbsian_core::process::SteadyClock;
/// use gibbsian_core::{At, Score};
/// use gibbsian_sde::{PhaseMixture, UnderdampedLangevin};
/// use ndarray::array;
///
/// let process = UnderdampedLangevin::critically_damped(1, 0.25, SteadyClock::new(4.0, 5.0)?)?;
/// let data = PhaseMixture::new(process, array![1.0, 1.0], array![[-2.0], [2.0]], array![0.1, 0.1], 0.01)?;
/// // In the end positions are N(0, 1) and velocities N(0, M).
/// let score = At::new(&data, array![5.0].view()).score(array![[1.0, 1.0]].view());
/// assert!((score - array![[-1.0, -4.0]]).iter().all(|e| e.abs() < 1e-6));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PhaseMixture<C> {
    process: UnderdampedLangevin<C>,
    log_weights: Array1<f64>,
    means: Array2<f64>,
    variances: Array1<f64>,
    velocity_variance: f64,
}

/// The pairs of one component at one time.
#[derive(Clone, Copy)]
struct Pair {
    /// What the mean of the data is multiplied by for positions and velocities.
    gain: [f64; 2],
    /// The inverse of the covariance: `xx`, `xv`, `vv`.
    precision: [f64; 3],
    log_det: f64,
}

impl<C: Clock> PhaseMixture<C> {
    /// Data with weights `(K)`, which are normalised, means `(K, D)` and standard deviations `(K)`; velocities of variance `velocity_variance`.
    ///
    /// # Errors
    /// Shapes that do not fit each other or the process; means that are not finite; weights, deviations or a variance that are not positive.
    pub fn new(
        process: UnderdampedLangevin<C>,
        weights: Array1<f64>,
        means: Array2<f64>,
        deviations: Array1<f64>,
        velocity_variance: f64,
    ) -> Result<Self> {
        if weights.is_empty() {
            return Err(Error::shape("weights", weights.shape(), "(at least 1)"));
        }
        for (name, values) in [("weights", &weights), ("deviations", &deviations)] {
            check_each(name, values.view(), "finite and greater than zero", |v| {
                v.is_finite() && v > 0.0
            })?;
        }
        check_shape("deviations", &deviations, &[weights.len()])?;
        check_shape("means", &means, &[weights.len(), process.position_dim()])?;
        check_finite("means", &means)?;
        check_positive("velocity_variance", velocity_variance)?;
        let total = weights.sum().ln();
        Ok(PhaseMixture {
            process,
            log_weights: weights.mapv(|w| w.ln() - total),
            means,
            variances: deviations.mapv(|s| s * s),
            velocity_variance,
        })
    }

    /// The process.
    pub fn process(&self) -> &UnderdampedLangevin<C> {
        &self.process
    }

    fn pairs(&self, t: f64) -> Vec<Pair> {
        let transition = self.process.transition(0.0, t);
        let pair = |&variance: &f64| {
            let [[xx, xv], [_, vv]] = transition.covariance_from(variance, self.velocity_variance);
            let det = xx * vv - xv * xv;
            Pair {
                gain: [transition.gain[0][0], transition.gain[1][0]],
                precision: [vv / det, -xv / det, xx / det],
                log_det: det.ln(),
            }
        };
        self.variances.iter().map(pair).collect()
    }

    /// The logarithms of the terms of the density at one point.
    fn log_terms(&self, pairs: &[Pair], point: ArrayView1<f64>) -> Vec<f64> {
        let d = self.process.position_dim();
        let terms = pairs.iter().enumerate().map(|(k, pair)| {
            let squared: f64 = (0..d)
                .map(|i| {
                    let (x, v) = pair.centred(self.means[[k, i]], point[i], point[d + i]);
                    let [xx, xv, vv] = pair.precision;
                    x * (xx * x + 2.0 * xv * v) + vv * v * v
                })
                .sum();
            self.log_weights[k] - 0.5 * squared - d as f64 * (0.5 * pair.log_det + (2.0 * PI).ln())
        });
        terms.collect()
    }

    /// Calls `f` with every row and the components at its time, which are made once for a run of equal times.
    fn for_each_row(&self, t: ArrayView1<f64>, mut f: impl FnMut(usize, &[Pair])) {
        let mut last: Option<(f64, Vec<Pair>)> = None;
        for (b, &t) in t.iter().enumerate() {
            let pairs = match last.take() {
                Some((time, pairs)) if time == t => pairs,
                _ => self.pairs(t),
            };
            f(b, &pairs);
            last = Some((t, pairs));
        }
    }
}

impl Pair {
    fn centred(&self, mean: f64, position: f64, velocity: f64) -> (f64, f64) {
        (position - self.gain[0] * mean, velocity - self.gain[1] * mean)
    }
}

impl<C: Clock> Space for PhaseMixture<C> {
    fn dim(&self) -> usize {
        self.process.dim()
    }
}

impl<C: Clock> TimeEnergy for PhaseMixture<C> {
    /// `−log p_t(x, v)`, normalised.
    fn energy_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut1<f64>) {
        self.for_each_row(t, |b, pairs| {
            out[b] = -log_sum_exp(&self.log_terms(pairs, x.row(b)));
        });
    }
}

impl<C: Clock> TimeScore for PhaseMixture<C> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        let d = self.process.position_dim();
        out.fill(0.0);
        self.for_each_row(t, |b, pairs| {
            let terms = self.log_terms(pairs, x.row(b));
            let total = log_sum_exp(&terms);
            for (k, pair) in pairs.iter().enumerate() {
                let responsibility = (terms[k] - total).exp();
                let [xx, xv, vv] = pair.precision;
                for i in 0..d {
                    let (position, velocity) = pair.centred(self.means[[k, i]], x[[b, i]], x[[b, d + i]]);
                    out[[b, i]] -= responsibility * (xx * position + xv * velocity);
                    out[[b, d + i]] -= responsibility * (xv * position + vv * velocity);
                }
            }
        });
    }
}

impl<C: Clock> TimePotential for PhaseMixture<C> {}
