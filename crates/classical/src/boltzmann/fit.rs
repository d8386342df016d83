//! Exact maximum likelihood, with or without hidden units and missing entries, by Newton's method.
//!
//! As `log p(known) = log Σ_{s ∋ known} exp(θ·T(s)) − log Z`, the mean log-likelihood has the derivatives
//!
//! - `g = ⟨T⟩_clamped − ⟨T⟩_free`, co-occurrences with the known units clamped less those of the free machine, and
//! - `H = ⟨Cov(T | known)⟩_data − Cov(T)_free`.
//!
//! All of them are moments of tables of the `2^N` states: `⟨T_A T_B⟩` is the probability that all units in `A ∪ B` are on, a sum over supersets. A step is
//! a few passes over a table and the solution of a system of `N(N+1)/2` equations. Where every unit is known in every case the first term of `H`
//! vanishes, the likelihood is concave, and iterative scaling would do as well but in many more passes; elsewhere `−H` need not be positive definite, and
//! a multiple of the unit matrix is added until it is and the step goes up (Levenberg 1944). Without a ridge the maximum lies at infinity when
//! the moments of the data lie on the boundary of what laws can have, for example when two units are never on together.

use gibbsian_core::error::{check_count, check_non_negative, check_positive, check_shape};
use gibbsian_core::{Error, Parametric, ParametricMut, Result};
use gibbsian_linalg::Cholesky;
use ndarray::{Array1, Array2, ArrayView2, Axis, s};

use super::{BoltzmannMachine, Observations, pairs, tables};
use crate::larger::larger;

/// The largest machine that is fitted by tables: 8 MiB each.
const MAX_UNITS: usize = 20;

/// The longest Newton step, in the largest component, that is taken for the end. On the way to a maximum at infinity the gradient vanishes and the steps
/// have a length of about one.
const NEAR: f64 = 1e-3;

/// How an exact fit ends, and what holds it back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExactFit {
    /// `λ ≥ 0`: the fit maximises the mean log-likelihood less `½ λ |θ|²`.
    pub ridge: f64,
    /// The largest component of the gradient that counts as zero.
    pub tolerance: f64,
    /// The most steps that are taken.
    pub max_steps: usize,
}

impl Default for ExactFit {
    /// No ridge, a gradient below `10⁻¹³`, and at most 200 steps.
    fn default() -> Self {
        ExactFit {
            ridge: 0.0,
            tolerance: 1e-13,
            max_steps: 200,
        }
    }
}

/// A machine at a maximum of its likelihood.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fitted {
    /// The machine.
    pub machine: BoltzmannMachine,
    /// `⟨log p(known)⟩` in nats a case.
    pub log_likelihood: f64,
    /// `⟨s_i s_j⟩` `(N, N)` with the known units clamped, averaged over the cases; means on the diagonal.
    pub clamped: Array2<f64>,
    /// `⟨s_i s_j⟩` `(N, N)` of the machine running free.
    pub free: Array2<f64>,
    /// How many steps were taken.
    pub n_steps: usize,
}

impl ExactFit {
    /// Climbs from `start` to a maximum of the likelihood of `cases`, whose units are the first of the machine; the others are hidden.
    ///
    /// With hidden units the maximum is a local one and depends on the start. A start whose hidden units are coupled to nothing is a saddle, and refused.
    ///
    /// ```
    /// use gibbsian_classical::{BoltzmannMachine, ExactFit, Observations};
    /// use ndarray::array;
    ///
    /// // Two units that agree three times out of four.
    /// let cases = Observations::complete(array![[0.0, 0.0], [1.0, 1.0], [1.0, 1.0], [0.0, 1.0]].view())?;
    /// let start = BoltzmannMachine::independent(array![0.0, 0.0])?;
    /// // Nothing is on alone in the first unit: without a ridge w₀₁ would run away.
    /// assert!(ExactFit::default().maximise(&start, &cases).is_err());
    /// let fitted = ExactFit { ridge: 0.01, ..ExactFit::default() }.maximise(&start, &cases)?;
    /// assert!(fitted.machine.weights()[[0, 1]] > 1.0);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// More than 20 units, fewer units than the cases have, options outside their domain, a gradient that does not vanish, a maximum that lies at infinity,
    /// or a point without slope that is no strict maximum.
    pub fn maximise(&self, start: &BoltzmannMachine, cases: &Observations) -> Result<Fitted> {
        check_non_negative("ridge", self.ridge)?;
        check_positive("tolerance", self.tolerance)?;
        check_count("max_steps", self.max_steps)?;
        let n = start.n_units();
        check_units(n, cases.n_units())?;
        let mut here = self.at(start.clone(), cases);
        let mut damping = 0.0;
        for n_steps in 0..=self.max_steps {
            if here.steepest() <= self.tolerance && here.distance()? <= NEAR {
                return Ok(here.fitted(n_steps));
            }
            let Some(next) = self.step(&here, cases, &mut damping)? else {
                break;
            };
            here = next;
        }
        if here.steepest() <= self.tolerance {
            let requirement = format!("at most {NEAR:e}; a maximum at infinity needs a ridge");
            return Err(Error::parameter(
                "the distance to the maximum",
                here.distance()?,
                requirement,
            ));
        }
        let requirement = format!(
            "at most {:e}, which may take more steps or a ridge",
            self.tolerance
        );
        Err(Error::parameter("the gradient", here.steepest(), requirement))
    }

    /// A step uphill, or none if there is none up to rounding.
    fn step(&self, here: &Point, cases: &Observations, damping: &mut f64) -> Result<Option<Point>> {
        // Beyond this damping a step changes nothing.
        const TOO_MUCH: f64 = 1e12;
        let scale = here.curvature.diag().iter().fold(0.0f64, |m, c| m.max(c.abs()));
        while *damping < TOO_MUCH {
            let mut curvature = here.curvature.clone();
            curvature.diag_mut().mapv_inplace(|c| c + *damping * scale);
            if let Ok(factor) = Cholesky::new("minus the curvature", curvature.view()) {
                let params = here.machine.params() + factor.solve_vector(here.gradient.view());
                let mut machine = here.machine.clone();
                if machine.set_params(params.view()).is_ok() {
                    let next = self.at(machine, cases);
                    // Near the top a gain is below the rounding of the objective, and the gradient decides.
                    let rounding = 16.0 * f64::EPSILON * here.objective.abs();
                    let gain = next.objective - here.objective;
                    if gain > rounding || (gain >= -rounding && next.steepest() < here.steepest()) {
                        *damping = if *damping > 1e-9 { *damping / 10.0 } else { 0.0 };
                        return Ok(Some(next));
                    }
                }
            }
            *damping = (*damping * 10.0).max(1e-6);
        }
        Ok(None)
    }

    /// Everything about one machine.
    fn at(&self, machine: BoltzmannMachine, cases: &Observations) -> Point {
        let n = machine.n_units();
        let log_weights = tables::log_weights(machine.weights.view(), machine.bias.view());
        let mut free = log_weights.clone();
        let (top, total) = tables::exponentials(&mut free);
        let log_z = top + total.ln();
        for p in &mut free {
            *p /= total;
        }
        let clamped = Clamped::new(&log_weights, cases, n);
        tables::superset_sums(&mut free);

        let sets = tables::statistic_sets(n);
        let params = machine.params();
        let mut gradient: Array1<f64> = sets.iter().map(|&a| clamped.moments[a] - free[a]).collect();
        gradient.scaled_add(-self.ridge, &params);
        let mut curvature = Array2::from_shape_fn((sets.len(), sets.len()), |(i, j)| {
            let (a, b) = (sets[i], sets[j]);
            (free[a | b] - free[a] * free[b]) - clamped.moments[a | b]
        });
        curvature += &clamped.conditional_squares;
        curvature.diag_mut().mapv_inplace(|c| c + self.ridge);
        let log_likelihood = clamped.log_weight - log_z;
        let matrix = |moments: &[f64]| Array2::from_shape_fn((n, n), |(i, j)| moments[1 << i | 1 << j]);
        Point {
            objective: log_likelihood - 0.5 * self.ridge * params.dot(&params),
            log_likelihood,
            clamped: matrix(&clamped.moments),
            free: matrix(&free),
            machine,
            gradient,
            curvature,
        }
    }
}

/// A machine, its objective, and the first two derivatives.
struct Point {
    machine: BoltzmannMachine,
    objective: f64,
    log_likelihood: f64,
    clamped: Array2<f64>,
    free: Array2<f64>,
    gradient: Array1<f64>,
    /// Minus the second derivative.
    curvature: Array2<f64>,
}

impl Point {
    fn steepest(&self) -> f64 {
        self.gradient.iter().fold(0.0, |m, g| larger(m, g.abs()))
    }

    /// The largest component of the Newton step that is left.
    fn distance(&self) -> Result<f64> {
        let factor = Cholesky::new(
            "minus the curvature at a point without slope",
            self.curvature.view(),
        )?;
        let step = factor.solve_vector(self.gradient.view());
        Ok(step.iter().fold(0.0, |m, s| larger(m, s.abs())))
    }

    fn fitted(self, n_steps: usize) -> Fitted {
        Fitted {
            machine: self.machine,
            log_likelihood: self.log_likelihood,
            clamped: self.clamped,
            free: self.free,
            n_steps,
        }
    }
}

/// The clamped phase.
struct Clamped {
    /// `⟨Π_{i ∈ A} s_i⟩` for every set `A` of units.
    moments: Vec<f64>,
    /// `⟨E[T | known] E[T | known]'⟩` over the cases.
    conditional_squares: Array2<f64>,
    /// `⟨log Σ_{s ∋ known} exp(θ·T(s))⟩`.
    log_weight: f64,
}

impl Clamped {
    fn new(log_weights: &[f64], cases: &Observations, n: usize) -> Self {
        let mut law = vec![0.0; log_weights.len()];
        let mut means = Array2::zeros((cases.n_distinct(), n * (n + 1) / 2));
        let mut shares = Vec::with_capacity(cases.n_distinct());
        let mut log_weight = 0.0;
        for ((values, known, share), mut mean) in cases.shares().zip(means.rows_mut()) {
            let missing: Vec<usize> = (0..n).filter(|i| known >> i & 1 == 0).collect();
            let completions = || subsets((log_weights.len() - 1) & !known).map(|missing| values | missing);
            let mut p: Vec<f64> = completions().map(|s| log_weights[s]).collect();
            let (top, total) = tables::exponentials(&mut p);
            log_weight += share * (top + total.ln());
            for (state, p) in completions().zip(&mut p) {
                *p /= total;
                law[state] += share * *p;
            }
            // Subsets come in the order of a table over the missing units, whose moments are those of the case; known units are constants.
            let second = tables::second_moments(&p, missing.len());
            let place = |i: usize| missing.binary_search(&i).ok();
            let value = |i: usize| (values >> i & 1) as f64;
            for (mean, (i, j)) in mean.iter_mut().zip(pairs(n).chain((0..n).map(|i| (i, i)))) {
                *mean = match (place(i), place(j)) {
                    (Some(a), Some(b)) => second[[a, b]],
                    (Some(a), None) => second[[a, a]] * value(j),
                    (None, Some(b)) => value(i) * second[[b, b]],
                    (None, None) => value(i) * value(j),
                };
            }
            shares.push(share);
        }
        tables::superset_sums(&mut law);
        let weighted = &means * &Array1::from(shares).insert_axis(Axis(1));
        Clamped {
            moments: law,
            conditional_squares: weighted.t().dot(&means),
            log_weight,
        }
    }
}

impl BoltzmannMachine {
    /// `log p(known)` `(B)` of cases `(B, V)` of which the entries with `known` are 0 or 1: the other entries, and the units after the first `V`, are
    /// summed out.
    ///
    /// The difference of two of these is a conditional log-probability: of a unit given others, known with it and without.
    ///
    /// # Errors
    /// More than 20 units, fewer units than the cases have, `known` of another shape than `x`, and what [`Observations::new`] refuses.
    pub fn log_probability(&self, x: ArrayView2<f64>, known: ArrayView2<bool>) -> Result<Array1<f64>> {
        let n = self.n_units();
        check_units(n, x.ncols())?;
        check_shape("known", &known, x.shape())?;
        // Each case by itself, so that they stay in order.
        let cases: Vec<Observations> = (0..x.nrows())
            .map(|b| Observations::new(x.slice(s![b..=b, ..]), known.slice(s![b..=b, ..])))
            .collect::<Result<_>>()?;
        let log_weights = tables::log_weights(self.weights.view(), self.bias.view());
        let (top, total) = tables::exponentials(&mut log_weights.clone());
        let log_z = top + total.ln();
        let of_case = |(values, known, _): (usize, usize, f64)| {
            let completions = subsets((log_weights.len() - 1) & !known).map(|missing| values | missing);
            let mut p: Vec<f64> = completions.map(|s| log_weights[s]).collect();
            let (top, total) = tables::exponentials(&mut p);
            top + total.ln() - log_z
        };
        Ok(cases.iter().flat_map(Observations::shares).map(of_case).collect())
    }
}

/// Requires a machine that has tables and at least the units of a case.
fn check_units(n: usize, n_known: usize) -> Result<()> {
    if (n_known..=MAX_UNITS).contains(&n) {
        Ok(())
    } else {
        let requirement = format!("between the {n_known} units of a case and {MAX_UNITS} to be enumerated");
        Err(Error::parameter("n_units", n, requirement))
    }
}

/// All subsets of a set of bits, the empty one first.
fn subsets(set: usize) -> impl Iterator<Item = usize> {
    // Subtracting the set carries through the bits outside it.
    let next = move |subset: &usize| Some(subset.wrapping_sub(set) & set).filter(|next| *next != 0);
    std::iter::successors(Some(0), next)
}
