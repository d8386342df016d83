//! Antisymmetric parts and errors.
//!
//! `J = S + A` with `S = (J + Jᵀ)/2`, `A = (J − Jᵀ)/2`. The Jacobian `H` of the true score is symmetric, so `A` is what is left of `J − H` after projection on the antisymmetric matrices: `‖A‖ ≤ ‖J − H‖` at
//! every point. The antisymmetric part is an error that shows without knowing the truth.

use gibbsian_core::{Density, ScoreJvp};
use gibbsian_densities::GaussianMixture;
use ndarray::{Array2, ArrayView2};

use super::Twins;
use crate::networks::square_errors;
use crate::statistics::{larger, mean_and_error, smaller};
use crate::{Axis, Check, Claim, ColourMap, Context, HeatMap, Plot, Provenance, Result, Table, measured};

pub(super) const SYMMETRIC: Claim = Claim {
    claim: "the Jacobian of the score of a network energy is symmetric: the largest antisymmetric part, relative to the mean square of the symmetric one",
    source: "equality of mixed second derivatives",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "rounding of derivatives in double precision, column by column at draws of the noisy law, all networks",
};

pub(super) const ANTISYMMETRIC: Claim = Claim {
    claim: "that of a free network is not: the root mean square of the antisymmetric part over that of the symmetric one, the least of all networks",
    source: "nothing in the loss asks for symmetry but the data",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(1e-9)),
    full: Check::at_least(1e-9),
    reason: "no theory gives the number; a thousand times the bound for energies, so that it cannot be the arithmetic's",
};

pub(super) const PROJECTION: Claim = Claim {
    claim: "the antisymmetric part of a free network is at most the error of its Jacobian: the largest ratio at any point",
    source: "the true Jacobian is symmetric, and the symmetric and antisymmetric matrices are orthogonal",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1.0).within(1e-9)),
    full: Check::at_most(1.0).within(1e-9),
    reason: "a theorem, up to rounding",
};

pub(super) const ERRORS: Claim = Claim {
    claim: "a free score and an energy are about equally good: the mean logarithm of the ratio of their squared errors to the true score, energy over free",
    source: "Salimans and Ho (2021) found little difference on images; the file `linear.rs` for linear scores",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(0.0).within(std::f64::consts::LN_2)),
    full: Check::value(0.0).within(std::f64::consts::LN_2),
    reason: "linear scores have a ratio of three quarters where noise makes the error, and functions of equal capacity one where bias does; networks are no pair of equal capacity, and a factor \
             of two either way is left to them, set before the first run. The note gives the standard error",
};

pub(super) fn measure(ctx: &mut Context, twins: &[Twins], noisy: &GaussianMixture) -> Result<()> {
    let n = ctx.pick(2_000, 20_000);
    let x = noisy.sample(n, &mut ctx.seed().child("points").rng());
    let truth = Jacobian::of(noisy, x.view());
    let mut table = Table::new(["run", "model", "mean_square_error", "antisymmetric_share"]);
    let (mut rounding, mut least, mut projection) = (0.0_f64, f64::INFINITY, 0.0_f64);
    let (mut logs, mut shares) = (Vec::new(), Vec::new());
    for (run, Twins { free, energy }) in twins.iter().enumerate() {
        let (of_free, of_energy) = (Jacobian::of(free, x.view()), Jacobian::of(energy, x.view()));
        rounding = larger(
            rounding,
            of_energy.largest_antisymmetric() / of_energy.mean_symmetric(),
        );
        least = smaller(least, of_free.share());
        projection = larger(projection, of_free.largest_projection(&truth));
        shares.push(of_free.share_of_error(&truth));
        let errors = [
            square_errors(free, noisy, x.view()).mean().unwrap_or(f64::NAN),
            square_errors(energy, noisy, x.view()).mean().unwrap_or(f64::NAN),
        ];
        logs.push((errors[1] / errors[0]).ln());
        for (model, error, share) in [
            ("free", errors[0], of_free.share()),
            ("energy", errors[1], of_energy.share()),
        ] {
            table.row([run.into(), model.into(), error.into(), share.into()])?;
        }
    }
    ctx.measure(&SYMMETRIC, rounding)?;
    ctx.measure(&ANTISYMMETRIC, least)?;
    ctx.measure(&PROJECTION, projection)?;
    let (mean, error) = mean_and_error(logs.iter().copied());
    ctx.measure(&ERRORS, measured(mean).with_error(error))?;
    let (share, share_error) = mean_and_error(shares.iter().copied());
    ctx.note(format!(
        "Of the squared error of the Jacobian of a free network {share:.3} ± {share_error:.3} is antisymmetric. It would be a quarter, were errors without any preference, as those of linear scores are; \
         a network that smooths a gradient errs by a gradient.",
    ));
    ctx.note(format!(
        "The squared error of the energies is {:.2} times that of the free scores ({:.2} to {:.2}, one standard error of the logarithm over {} pairs).",
        mean.exp(),
        (mean - error).exp(),
        (mean + error).exp(),
        logs.len()
    ));
    ctx.table(
        "networks",
        "Errors to the true score and the share of the antisymmetric part of the Jacobian.",
        &table,
    )?;
    picture(ctx, &twins[0], noisy)
}

/// The curl of the first free network over the density.
fn picture(ctx: &mut Context, twins: &Twins, noisy: &GaussianMixture) -> Result<()> {
    const N: usize = 81;
    let range = (-3.5, 3.5);
    let at = |k: usize| range.0 + (range.1 - range.0) * (k as f64 + 0.5) / N as f64;
    let grid = Array2::from_shape_fn((N * N, 2), |(b, i)| at(if i == 0 { b % N } else { b / N }));
    let curl = Jacobian::of(&twins.free, grid.view()).curl();
    let curl = Array2::from_shape_vec((N, N), curl)?;
    let log_density = noisy.log_density(grid.view()).into_shape_with_order((N, N))?;
    let highest = curl.iter().fold(0.0, |highest, c| larger(highest, c.abs()));
    let map = HeatMap::new("∂s₂/∂x₁ − ∂s₁/∂x₂", curl.view(), range, range)
        .colours(ColourMap::Diverging)
        .range(-highest, highest);
    let plot = Plot::new(
        "The curl of a free network",
        Axis::linear("x₁"),
        Axis::linear("x₂"),
    )
    .heat_map(map)
    .contours("density", log_density.view(), range, range, &[-6.0, -4.0, -3.0])
    .equal_aspect();
    ctx.plot(
        "curl",
        "Where the field of a network that was trained as a score is no gradient; contours of the log-density of the noisy data at −3, −4 and −6.",
        &plot,
    )
}

/// The Jacobians of a score in the plane at some points, by columns.
pub(super) struct Jacobian {
    columns: [Array2<f64>; 2],
}

impl Jacobian {
    pub(super) fn of(model: &dyn ScoreJvp, x: ArrayView2<f64>) -> Self {
        let columns = [0, 1].map(|axis| {
            let direction = Array2::from_shape_fn(x.dim(), |(_, i)| f64::from(u8::from(i == axis)));
            let (mut score, mut jvp) = (Array2::zeros(x.dim()), Array2::zeros(x.dim()));
            model.score_jvp_into(x, direction.view(), score.view_mut(), jvp.view_mut());
            jvp
        });
        Jacobian { columns }
    }

    /// `∂s₂/∂x₁ − ∂s₁/∂x₂` of every point.
    pub(super) fn curl(&self) -> Vec<f64> {
        self.entries().map(|[_, upper, lower, _]| lower - upper).collect()
    }

    /// The entries `[J₁₁, J₁₂, J₂₁, J₂₂]` of every point.
    pub(super) fn entries(&self) -> impl Iterator<Item = [f64; 4]> + '_ {
        let [first, second] = &self.columns;
        let pairs = first.rows().into_iter().zip(second.rows());
        pairs.map(|(first, second)| [first[0], second[0], first[1], second[1]])
    }

    /// `√ mean ‖S‖²`.
    fn mean_symmetric(&self) -> f64 {
        let squares = self
            .entries()
            .map(|[a, b, c, d]| a * a + d * d + 0.5 * (b + c).powi(2));
        (squares.sum::<f64>() / self.columns[0].nrows() as f64).sqrt()
    }

    /// The largest `‖A‖ = |J₁₂ − J₂₁|/√2`.
    fn largest_antisymmetric(&self) -> f64 {
        self.entries().fold(0.0, |worst, [_, b, c, _]| {
            larger(worst, (b - c).abs() / 2.0_f64.sqrt())
        })
    }

    /// `√(mean ‖A‖² / mean ‖S‖²)`.
    fn share(&self) -> f64 {
        let squares = self.entries().map(|[_, b, c, _]| 0.5 * (b - c).powi(2));
        (squares.sum::<f64>() / self.columns[0].nrows() as f64).sqrt() / self.mean_symmetric()
    }

    /// `‖A‖²` and `‖J − H‖²` of every point.
    fn errors<'a>(&'a self, truth: &'a Jacobian) -> impl Iterator<Item = (f64, f64)> + 'a {
        self.entries().zip(truth.entries()).map(|(j, h)| {
            let error = j.iter().zip(h).map(|(j, h)| (j - h).powi(2)).sum();
            (0.5 * (j[1] - j[2]).powi(2), error)
        })
    }

    /// The largest `‖A‖/‖J − H‖`.
    fn largest_projection(&self, truth: &Jacobian) -> f64 {
        let ratios = self.errors(truth).map(|(a, error)| (a / error).sqrt());
        ratios.fold(0.0, larger)
    }

    /// `mean ‖A‖² / mean ‖J − H‖²`.
    fn share_of_error(&self, truth: &Jacobian) -> f64 {
        let (a, error) =
            (self.errors(truth)).fold((0.0, 0.0), |sums, (a, error)| (sums.0 + a, sums.1 + error));
        a / error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::conservative_score::rotation::{OMEGA, Rotating};
    use ndarray::array;

    /// `s = −x + ω R x` has `J = −I + ω R`: symmetric part `−I`, antisymmetric part `ω R`.
    #[test]
    fn a_rotation_has_a_constant_curl() {
        let x = array![[0.3, -1.0], [2.0, 0.5]];
        let j = Jacobian::of(&Rotating, x.view());
        assert_eq!(j.curl(), [2.0 * OMEGA; 2]);
        assert_eq!(j.mean_symmetric(), 2.0_f64.sqrt());
        assert!((j.largest_antisymmetric() - OMEGA * 2.0_f64.sqrt()).abs() < 1e-15);
        assert!((j.share() - OMEGA).abs() < 1e-15);
    }
}
