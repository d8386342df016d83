//! Sums in place of expectations: finite sets of directions with the fourth moments of each law.
//!
//! The variance of a quadratic form is a moment of the fourth order. A law may therefore be replaced by any set of points that has the same moments up to the fourth:
//!
//! - normal coordinates by the Gauss–Hermite rule with three nodes in each, `0` with the weight ⅔ and `±√3` with ⅙, which is exact to the fifth order;
//! - signs by all `2^D` of them;
//! - the uniform law on a sphere by a spherical design (Delsarte, Goethals and Seidel 1977): two points on a line, the hexagon in the plane, the icosahedron, the 24-cell and the 240 roots of `E₈`
//!   are exact to the fifth order at least.
//!
//! Points `x` of a normal law are replaced in the same way, since `Var_v` is of the fourth order in them too.

use gibbsian_core::{Directions, Objective, Parametric, ScoreJvp, ScoreJvpPullback, Seed};
use gibbsian_densities::MultivariateNormal;
use gibbsian_nn::{Activation, NeuralScore, Precision};
use gibbsian_objectives::{ImplicitScoreMatching, SlicedScoreMatching, VarianceReducedSlicedScoreMatching};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, array};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::normals::Normal;
use super::{LAWS, conditional, jacobians, slices};
use crate::statistics::{larger, smaller};
use crate::{Check, Claim, Context, Provenance, Result};

pub(super) const CONDITIONAL: Claim = Claim {
    claim: "the variance along directions at given points, by sums over finite sets, is the closed form: the largest difference over the second moment, of normal laws and networks in 1 to 8 dimensions",
    source: "Avron and Toledo (2011) for Gaussian directions and signs; E u_i²u_j² = (1 + 2δ_ij)/(D(D + 2)) on the unit sphere",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-12)),
    full: Check::value(0.0).within(1e-12),
    reason: "the sums have at most 6,561 terms, whose rounding adds up to 6,561 u = 7e-13 at the very worst",
};

pub(super) const UNBIASED: Claim = Claim {
    claim: "the mean of either form over directions is implicit score matching: the largest difference over the root of the second moment",
    source: "Hutchinson (1990); E vvᵀ = I, which on the sphere asks for the radius √D",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-12)),
    full: Check::value(0.0).within(1e-12),
    reason: "as above",
};

pub(super) const AVERAGED: Claim = Claim {
    claim: "over the points of a normal law the variances have the closed forms in T = tr Λ, P = tr Λ² and Q = Σ Λ_ii²: the largest relative difference",
    source: "E ssᵀ = Λ, E ‖s‖⁴ = T² + 2P, E s_i⁴ = 3 Λ_ii²",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-11)),
    full: Check::value(0.0).within(1e-11),
    reason: "rounding of 6,561 terms at most, times the condition numbers up to 100 of the precisions, which solving for the points costs",
};

pub(super) const EXCESS: Claim = Claim {
    claim: "with Gaussian directions the plain form exceeds the other by 2 sᵀJs + ½ ‖s‖⁴ at every point: the largest difference over the plain variance and the terms",
    source: "‖S + ½ ssᵀ‖² − ‖S‖² = sᵀSs + ¼ ‖s‖⁴",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-13)),
    full: Check::value(0.0).within(1e-13),
    reason: "sums of at most 64 squares, 64 u = 7e-15, twice",
};

pub(super) const LINE: Claim = Claim {
    claim: "in one dimension signs and the sphere have no variance: the spread of a hundred losses of the library's objectives on the same points",
    source: "v = ±1, and v² = 1",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0)),
    full: Check::value(0.0),
    reason: "changing a sign changes no digit",
};

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("finite");
    let [mut in_variance, mut in_mean, mut in_average, mut in_excess] = [0.0_f64; 4];
    for (number, dim) in [1, 2, 3, 4, 8].into_iter().enumerate() {
        let seed = seed.nth(number as u64);
        let normal = Normal::new("", random_precision(dim, &mut seed.child("precision").rng()))?;
        let network = network(dim, seed.child("network"))?;
        let mut rng = seed.child("points").rng();
        let x = Array2::from_shape_simple_fn((3, dim), || rng.sample::<f64, _>(StandardNormal));
        for (law, _) in LAWS {
            let rule = Rule::new(law, dim)?;
            for (v, m) in [
                rule.errors(&normal.model, x.view())?,
                rule.errors(&network, x.view())?,
            ] {
                in_variance = larger(in_variance, v);
                in_mean = larger(in_mean, m);
            }
            in_average = larger(in_average, averaged(&normal, law)?);
        }
        in_excess = larger(in_excess, excess(&normal.model, x.view())?);
        in_excess = larger(in_excess, excess(&network, x.view())?);
    }
    ctx.measure(&CONDITIONAL, in_variance)?;
    ctx.measure(&UNBIASED, in_mean)?;
    ctx.measure(&AVERAGED, in_average)?;
    ctx.measure(&EXCESS, in_excess)?;
    ctx.measure(&LINE, spread_on_a_line(seed.child("line"))?)
}

/// Directions with weights that sum to one, in place of a law.
pub(super) struct Rule {
    law: Directions,
    directions: Array2<f64>,
    weights: Array1<f64>,
}

impl Rule {
    /// A finite set with the fourth moments of the law, in 1, 2, 3, 4 or 8 dimensions.
    pub(super) fn new(law: Directions, dim: usize) -> Result<Self> {
        Ok(match law {
            Directions::Gaussian => {
                // Coordinate i has the node `digit`, of −√3, 0 and √3.
                let digit = |b: usize, i: usize| b / 3_usize.pow(i as u32) % 3;
                let n = 3_usize.pow(dim as u32);
                Rule {
                    law,
                    directions: Array2::from_shape_fn((n, dim), |(b, i)| {
                        3.0_f64.sqrt() * (digit(b, i) as f64 - 1.0)
                    }),
                    weights: Array1::from_shape_fn(n, |b| {
                        (0..dim)
                            .map(|i| if digit(b, i) == 1 { 2.0 / 3.0 } else { 1.0 / 6.0 })
                            .product()
                    }),
                }
            }
            Directions::Rademacher => Rule::of_equals(law, signs(dim), 1.0),
            Directions::Sphere => {
                let points = design(dim)?;
                let radius = points.row(0).dot(&points.row(0)).sqrt();
                Rule::of_equals(law, points, (dim as f64).sqrt() / radius)
            }
        })
    }

    fn of_equals(law: Directions, points: Array2<f64>, scale: f64) -> Self {
        let n = points.nrows();
        Rule {
            law,
            directions: points * scale,
            weights: Array1::from_elem(n, 1.0 / n as f64),
        }
    }

    /// The largest errors at the points `x` of the variance, over the second moment, and of the mean, over its root.
    pub(super) fn errors<M: ScoreJvpPullback>(&self, model: &M, x: ArrayView2<f64>) -> Result<(f64, f64)> {
        let [mut in_variance, mut in_mean] = [0.0_f64; 2];
        for (row, expected) in x.rows().into_iter().zip(conditional(model, x, self.law)?) {
            let mean = implicit(model, row)?;
            for (values, expected) in self.values(model, row).into_iter().zip(expected) {
                let average = self.weights.dot(&values);
                let variance = self.weights.dot(&(&values - average).mapv(|d| d * d));
                let second = self.weights.dot(&(&values * &values));
                in_variance = larger(in_variance, (variance - expected).abs() / second);
                in_mean = larger(in_mean, (average - mean).abs() / second.sqrt());
            }
        }
        Ok((in_variance, in_mean))
    }

    /// Both forms at one point along all directions.
    fn values(&self, model: &impl ScoreJvp, x: ArrayView1<f64>) -> [Array1<f64>; 2] {
        let x = x
            .broadcast(self.directions.raw_dim())
            .expect("a row as often as there are directions");
        slices(model, x, self.directions.view())
    }
}

/// All vectors of signs.
fn signs(dim: usize) -> Array2<f64> {
    Array2::from_shape_fn((1 << dim, dim), |(b, i)| if b >> i & 1 == 1 { 1.0 } else { -1.0 })
}

/// Points of a sphere over which polynomials of the fifth degree have the average that they have over the sphere.
fn design(dim: usize) -> Result<Array2<f64>> {
    let points: Vec<Vec<f64>> = match dim {
        1 => vec![vec![1.0], vec![-1.0]],
        2 => (0..6)
            .map(|k| (std::f64::consts::FRAC_PI_3 * f64::from(k)).sin_cos())
            .map(|(y, x)| vec![x, y])
            .collect(),
        3 => {
            let golden = 0.5 * (1.0 + 5.0_f64.sqrt());
            let corners = signs(2);
            let turned = |i: usize| {
                corners.rows().into_iter().map(move |s| {
                    let mut x = vec![0.0; 3];
                    (x[i], x[(i + 1) % 3]) = (s[0], s[1] * golden);
                    x
                })
            };
            (0..3).flat_map(turned).collect()
        }
        4 => pairs(4),
        8 => {
            let halves = signs(8);
            let even = halves.rows().into_iter().filter(|s| s.product() > 0.0);
            pairs(8)
                .into_iter()
                .chain(even.map(|s| (&s * 0.5).to_vec()))
                .collect()
        }
        _ => return Err(format!("no spherical design for {dim} dimensions").into()),
    };
    Ok(Array2::from_shape_vec((points.len(), dim), points.concat())?)
}

/// All `±e_i ± e_j`: in four dimensions the 24-cell.
fn pairs(dim: usize) -> Vec<Vec<f64>> {
    let mut points = Vec::new();
    for i in 0..dim {
        for j in 0..i {
            for s in signs(2).rows() {
                let mut x = vec![0.0; dim];
                (x[i], x[j]) = (s[0], s[1]);
                points.push(x);
            }
        }
    }
    points
}

/// A precision with a condition number of at most 100.
fn random_precision(dim: usize, rng: &mut dyn Rng) -> Array2<f64> {
    let root = Array2::from_shape_simple_fn((dim, dim), || rng.sample::<f64, _>(StandardNormal));
    let product = root.dot(&root.t()) / dim as f64;
    // No eigenvalue is above the trace.
    let floor = product.diag().sum() / 99.0;
    product + floor * Array2::<f64>::eye(dim)
}

/// A network that is a score of nothing, in double precision.
fn network(dim: usize, seed: Seed) -> Result<NeuralScore> {
    let forward = |net: &mut gibbsian_nn::Net<'_>, x| net.mlp("score", x, &[8], dim, Activation::Tanh);
    Ok(NeuralScore::new(dim, forward, &mut seed.rng())?.with_precision(Precision::Double))
}

/// `tr J + ½ ‖s‖²` at one point, by the library's objective.
fn implicit<M: ScoreJvpPullback>(model: &M, x: ArrayView1<f64>) -> Result<f64> {
    let mut grad = Array1::zeros(model.n_params());
    let rows = x.insert_axis(Axis(0));
    // It draws nothing.
    let rng = &mut Seed::new(0).rng();
    Ok(ImplicitScoreMatching.loss_and_grad_into(model, rows, rng, grad.view_mut())?)
}

/// The largest relative difference of the expected variances of both forms over the points of the normal law.
fn averaged(normal: &Normal, law: Directions) -> Result<f64> {
    let dim = normal.precision.nrows();
    let rule = Rule::new(Directions::Gaussian, dim)?;
    let x = rule.directions.dot(&normal.model.cholesky().t());
    let variances = conditional(&normal.model, x.view(), law)?;
    let expected = normal.expected(law);
    let mut worst = 0.0_f64;
    for (form, expected) in expected.into_iter().enumerate() {
        let found: f64 = rule
            .weights
            .iter()
            .zip(&variances)
            .map(|(w, v)| w * v[form])
            .sum();
        // On a line the variances are zero for two laws, and so is what rounding leaves of them, relative to T².
        worst = larger(
            worst,
            (found - expected).abs() / expected.max(normal.trace * normal.trace),
        );
    }
    Ok(worst)
}

/// The largest error of the excess of the plain form with Gaussian directions.
fn excess(model: &impl ScoreJvp, x: ArrayView2<f64>) -> Result<f64> {
    let (score, jacobian) = (model.score(x), jacobians(model, x));
    let mut worst = 0.0_f64;
    for (b, [plain, reduced]) in conditional(model, x, Directions::Gaussian)?
        .into_iter()
        .enumerate()
    {
        let s = score.row(b);
        let square = s.dot(&s);
        let curved = 2.0 * s.dot(&jacobian.index_axis(Axis(0), b).dot(&s));
        let quartic = 0.5 * square * square;
        let error = (plain - reduced - (curved + quartic)).abs();
        worst = larger(worst, error / (plain + reduced + curved.abs() + quartic));
    }
    Ok(worst)
}

/// The largest difference between losses along a hundred sets of directions.
fn spread_on_a_line(seed: Seed) -> Result<f64> {
    let normal = MultivariateNormal::from_precision(array![0.3], array![[1.7]])?;
    let network = network(1, seed.child("network"))?;
    let mut rng = seed.child("points").rng();
    let x = Array2::from_shape_simple_fn((50, 1), || rng.sample::<f64, _>(StandardNormal));
    let mut worst = 0.0_f64;
    for law in [Directions::Rademacher, Directions::Sphere] {
        let mut plain = SlicedScoreMatching::new(law, 3)?;
        let mut reduced = VarianceReducedSlicedScoreMatching::new(law, 3)?;
        worst = larger(worst, spread(&mut plain, &normal, x.view(), seed)?);
        worst = larger(worst, spread(&mut reduced, &normal, x.view(), seed)?);
        worst = larger(worst, spread(&mut plain, &network, x.view(), seed)?);
        worst = larger(worst, spread(&mut reduced, &network, x.view(), seed)?);
    }
    Ok(worst)
}

fn spread<M: Parametric>(
    objective: &mut dyn Objective<M>,
    model: &M,
    x: ArrayView2<f64>,
    seed: Seed,
) -> Result<f64> {
    let mut grad = Array1::zeros(model.n_params());
    let [mut least, mut most] = [f64::INFINITY, f64::NEG_INFINITY];
    for k in 0..100 {
        let rng = &mut seed.child("directions").nth(k).rng();
        let loss = objective.loss_and_grad_into(model, x, rng, grad.view_mut())?;
        (least, most) = (smaller(least, loss), larger(most, loss));
    }
    Ok(most - least)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `E v_i v_j v_k v_l` is `δδ + δδ + δδ` for normal coordinates, the same times `D/(D + 2)` on the sphere, and without twice the diagonal for signs.
    #[test]
    fn rules_have_the_fourth_moments_of_their_laws() {
        let delta = |i: usize, j: usize| f64::from(u8::from(i == j));
        for dim in [1, 2, 3, 4, 8] {
            for (law, name) in LAWS {
                let rule = Rule::new(law, dim).unwrap();
                let moment = |places: &[usize]| -> f64 {
                    let terms = rule.directions.rows().into_iter().zip(&rule.weights);
                    terms
                        .map(|(v, w)| w * places.iter().map(|&i| v[i]).product::<f64>())
                        .sum()
                };
                let i = 0;
                for (j, k) in [(0, 0), (0, dim - 1), (dim - 1, dim - 1)] {
                    for l in 0..dim {
                        let pairs =
                            delta(i, j) * delta(k, l) + delta(i, k) * delta(j, l) + delta(i, l) * delta(j, k);
                        let all = delta(i, j) * delta(j, k) * delta(k, l);
                        let expected = match law {
                            Directions::Gaussian => pairs,
                            Directions::Rademacher => pairs - 2.0 * all,
                            Directions::Sphere => pairs * dim as f64 / (dim as f64 + 2.0),
                        };
                        let found = moment(&[i, j, k, l]);
                        assert!(
                            (found - expected).abs() < 1e-13,
                            "{name}, {dim}: {found} for {expected}"
                        );
                    }
                    assert!((moment(&[j, k]) - delta(j, k)).abs() < 1e-13, "{name}, {dim}");
                    assert!(
                        moment(&[i, j, k]).abs() < 1e-13 && moment(&[j]).abs() < 1e-13,
                        "{name}, {dim}"
                    );
                }
            }
        }
    }
}
