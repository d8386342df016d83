//! Laws of exponential families.
//!
//! The chain of evidence starts at the density, which [`super::density`] holds to its draws: `log p = ⟨η, T⟩ + log h − A` ties statistics and
//! log-partition to it, differences of `A` give the mean parameters, differences of those the Fisher information, and draws must have
//! both as the moments of `T`. Steps in `η_k` are taken in units of `1/√I_kk`: the ellipsoid of that size belongs to the
//! domain of the usual families, whose log-partitions are self-concordant, so that no step has to be chosen by hand.
//!
//! What is inverted, `with_mean`, loses digits by the condition of the Fisher information. Natural parameters that come back are therefore
//! held to the rounding of the mean parameters times `I⁻¹`.

use gibbsian_core::{ContinuousFamily, ExponentialFamily, Seed};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, s};

use super::family_draws;
use crate::agreement::{Agreement, close, identical};
use crate::batch::row_map;
use crate::derivatives::{Entries, along_coordinate};
use crate::differences::{Precision, derivative};
use crate::targets::Gaussian;
use crate::verdict::{Failure, Verdict, require};

/// Checks [`ExponentialFamily`] at the probes `x` `(B, D)`, generic points of the support.
///
/// - statistics and base measure are functions of the rows; `log p = ⟨η, T⟩ + log h − A`;
/// - `with_natural` and `with_mean` undo `natural_parameters` and `mean_parameters`, and give whole members or refuse;
/// - `∇A` are the mean parameters and `∇²A` is the Fisher information, by differences; it is symmetric and positive definite;
/// - draws have these as mean and covariance of `T`; entropy and divergence are the means of `−log p` and `log p/q`;
/// - `KL(p, p) = 0`, and the divergence to another member is positive and the Bregman divergence of `A`;
/// - estimates have the mean statistics of the data, are likelier than their neighbours, and take a weight for a repetition;
/// - bad parameters, data and weights are refused.
///
/// # Errors
/// The first law that does not hold.
pub fn exponential_family<F: ExponentialFamily>(
    member: &F,
    x: ArrayView2<f64>,
    precision: Precision,
    seed: Seed,
) -> Verdict {
    let s = member.n_statistics();
    let (natural, mean, fisher) = (
        member.natural_parameters(),
        member.mean_parameters(),
        member.fisher_information(),
    );
    require(
        s > 0 && natural.len() == s && mean.len() == s && fisher.dim() == (s, s),
        "there is a parameter for each statistic",
        format_args!("{s} statistics, η {natural}, ∇A {mean}, Fisher information {fisher}"),
    )?;
    rows(member, x, precision)?;
    linear(member, x, precision)?;
    information(member, precision)?;
    let scales = Scales::new(member, precision)?;
    round_trips(member, &scales)?;
    moments(member, precision)?;
    divergences(member, &scales, precision)?;
    family_draws::moments(member, &scales, precision, seed)?;
    family_draws::estimates(member, &scales, precision, seed)?;
    family_draws::refusals(member, x, seed)
}

/// Checks [`ContinuousFamily`] at the probes `x` `(B, D)`: first and second derivatives of the statistics and the gradient of the base
/// measure by differences, and that the score is `Σ_s η_s ∇T_s + ∇log h`.
///
/// The differences move one coordinate at a time by [`Precision::step`] relative to the larger of one and the size of the probes, and the family
/// must be smooth that far.
///
/// # Errors
/// The first law that does not hold.
pub fn continuous_family<F: ContinuousFamily>(
    member: &F,
    x: ArrayView2<f64>,
    precision: Precision,
) -> Verdict {
    let ((n, d), s) = (x.dim(), member.n_statistics());
    let jacobian = |x: ArrayView2<f64>| {
        let mut out = Array3::from_elem((x.nrows(), s, d), f64::NAN);
        member.statistics_jacobian_into(x, out.view_mut());
        out
    };
    let mut second = Array3::from_elem((n, s, d), f64::NAN);
    member.statistics_second_into(x, second.view_mut());
    let mut base_gradient = Array2::from_elem((n, d), f64::NAN);
    member.log_base_gradient_into(x, base_gradient.view_mut());
    let first = jacobian(x);

    let mut entries = [
        "the Jacobian of the statistics is their derivative",
        "the second derivatives of the statistics are derivatives of the first",
        "the gradient of the base measure is its derivative",
    ]
    .map(|law| Entries::new(law, precision));
    for i in 0..d {
        let all = along_coordinate(x, i, precision, &|x| {
            let parts = [
                member.statistics(x).into_flat(),
                jacobian(x).slice(s![.., .., i]).iter().copied().collect(),
                member.log_base_measure(x),
            ];
            parts.into_iter().flatten().collect()
        })?;
        for b in 0..n {
            for k in 0..s {
                let name = || format!("row {b}, statistic {k}, coordinate {i}");
                entries[0].push(name, first[[b, k, i]], all[b * s + k]);
                entries[1].push(name, second[[b, k, i]], all[n * s + b * s + k]);
            }
            let name = || format!("row {b}, coordinate {i}");
            entries[2].push(name, base_gradient[[b, i]], all[2 * n * s + b]);
        }
    }
    for entries in entries {
        entries.finish()?;
    }

    let (natural, score) = (member.natural_parameters(), member.score(x));
    let mut agreement = Agreement::new("the score is Σ η ∇T + ∇log h");
    for ((b, i), &found) in score.indexed_iter() {
        let terms = &natural * &first.slice(s![b, .., i]);
        let expected = terms.sum() + base_gradient[[b, i]];
        let size = terms.mapv(f64::abs).sum() + base_gradient[[b, i]].abs();
        let name = || format!("row {b}, coordinate {i}");
        agreement.entry(name, found, expected, precision.agreement() * size);
    }
    agreement.verdict()
}

/// The sizes that errors and steps in the parameters are measured by.
pub(super) struct Scales {
    /// `1/√I_kk`, the step in `η_k` that changes the density by a standard deviation of its statistic.
    pub(super) step: Array1<f64>,
    /// By how much mean parameters differ that agree up to rounding.
    pub(super) mean: Array1<f64>,
    /// By how much natural parameters differ whose mean parameters do.
    pub(super) natural: Array1<f64>,
}

impl Scales {
    fn new<F: ExponentialFamily>(member: &F, precision: Precision) -> Result<Self, Failure> {
        let (natural, mean) = (member.natural_parameters(), member.mean_parameters());
        let fisher = member.fisher_information();
        let law = "the Fisher information is positive definite";
        // The normal law of that precision, which is that of the estimate from much data, knows the inverse.
        let estimate =
            Gaussian::new(natural.clone(), fisher.clone()).map_err(|e| Failure::refused(law, &e))?;
        let relative = precision.agreement();
        // Statistics vary by √I_kk, and rounding is no smaller than that of such a variation.
        let mean = Array1::from_shape_fn(mean.len(), |k| {
            relative * mean[k].abs().max(fisher[[k, k]].sqrt())
        });
        Ok(Scales {
            step: fisher.diag().mapv(|i| 1.0 / i.sqrt()),
            natural: natural.mapv(|n| relative * n.abs()) + estimate.covariance().mapv(f64::abs).dot(&mean),
            mean,
        })
    }

    /// Requires two members to have the same parameters up to rounding.
    pub(super) fn same<F: ExponentialFamily>(&self, law: &str, found: &F, expected: &F) -> Verdict {
        self.same_mean(law, found, expected.mean_parameters().view())?;
        let mut agreement = Agreement::new(law);
        let pairs = found
            .natural_parameters()
            .into_iter()
            .zip(expected.natural_parameters());
        for (k, (found, expected)) in pairs.enumerate() {
            agreement.entry(
                || format!("natural parameter {k}"),
                found,
                expected,
                self.natural[k],
            );
        }
        agreement.verdict()
    }

    /// Requires a member to have these mean parameters up to rounding.
    pub(super) fn same_mean<F: ExponentialFamily>(
        &self,
        law: &str,
        found: &F,
        expected: ArrayView1<f64>,
    ) -> Verdict {
        let mut agreement = Agreement::new(law);
        for (k, (found, expected)) in found.mean_parameters().into_iter().zip(expected).enumerate() {
            agreement.entry(|| format!("mean parameter {k}"), found, *expected, self.mean[k]);
        }
        agreement.verdict()
    }
}

/// The member of these natural parameters, where the law needs it to exist.
pub(super) fn member_at<F: ExponentialFamily>(
    law: &str,
    member: &F,
    natural: &Array1<f64>,
) -> Result<F, Failure> {
    let refused = |e| Failure::refused(law, &e).within(format_args!("η = {natural}"));
    member.with_natural(natural.view()).map_err(refused)
}

/// Statistics and base measure are functions of the rows.
fn rows<F: ExponentialFamily>(member: &F, x: ArrayView2<f64>, precision: Precision) -> Verdict {
    let s = member.n_statistics();
    // Laid side by side, because the base measure alone may be a constant that does not see NaN.
    let both = |x: ArrayView2<f64>, mut out: ndarray::ArrayViewMut2<f64>| {
        member.statistics_into(x, out.slice_mut(s![.., ..s]));
        member.log_base_measure_into(x, out.column_mut(s));
    };
    row_map(x, s + 1, &both, precision).map_err(|f| f.within("statistics and base measure"))?;
    let mut into = Array2::zeros((x.nrows(), s + 1));
    both(x, into.view_mut());
    identical(
        "statistics and statistics_into agree",
        &member.statistics(x),
        &into.slice(s![.., ..s]).to_owned(),
    )?;
    identical(
        "log_base_measure and log_base_measure_into agree",
        &member.log_base_measure(x),
        &into.column(s).to_owned(),
    )
}

/// `log p = ⟨η, T⟩ + log h − A`.
fn linear<F: ExponentialFamily>(member: &F, x: ArrayView2<f64>, precision: Precision) -> Verdict {
    let (natural, log_partition) = (member.natural_parameters(), member.log_partition());
    let (statistics, log_base) = (member.statistics(x), member.log_base_measure(x));
    let log_p = member.log_density(x);
    let mut agreement = Agreement::new("log p = ⟨η, T⟩ + log h − A");
    for (b, &found) in log_p.iter().enumerate() {
        let terms = &natural * &statistics.row(b);
        let size = terms.mapv(f64::abs).sum() + log_base[b].abs() + log_partition.abs();
        let expected = terms.sum() + log_base[b] - log_partition;
        agreement.entry(
            || format!("row {b}"),
            found,
            expected,
            precision.agreement() * size,
        );
    }
    agreement.verdict()
}

/// The Fisher information is symmetric; that it is positive definite is found when it is inverted.
fn information<F: ExponentialFamily>(member: &F, precision: Precision) -> Verdict {
    let fisher = member.fisher_information();
    let law = "the Fisher information is symmetric";
    close(law, &fisher, &fisher.t(), precision.agreement())
}

fn round_trips<F: ExponentialFamily>(member: &F, scales: &Scales) -> Verdict {
    let (s, natural, mean) = (
        member.n_statistics(),
        member.natural_parameters(),
        member.mean_parameters(),
    );
    let law = "with_natural undoes natural_parameters";
    scales.same(law, &member_at(law, member, &natural)?, member)?;
    let law = "with_mean undoes mean_parameters";
    let back = member
        .with_mean(mean.view())
        .map_err(|e| Failure::refused(law, &e))?;
    scales.same(law, &back, member)?;
    require(
        back.dim() == member.dim() && back.n_statistics() == s,
        "another member has the space of the family",
        format_args!("dimension {} instead of {}", back.dim(), member.dim()),
    )?;
    // Far members exist whole or not at all.
    for factor in [-1.0, 0.0, 0.5, 3.0] {
        let wanted = &natural * factor;
        if let Ok(other) = member.with_natural(wanted.view()) {
            let law = "a member that is given has the natural parameters that were asked for, and a finite log-partition";
            let (found, log_partition) = (other.natural_parameters(), other.log_partition());
            require(
                log_partition.is_finite() && other.mean_parameters().iter().all(|m| m.is_finite()),
                law,
                format_args!(
                    "η = {wanted}: A = {log_partition}, ∇A = {}",
                    other.mean_parameters()
                ),
            )?;
            close(law, &found, &wanted, 1e-9)?;
        }
    }
    Ok(())
}

/// `∇A` and `∇²A` by differences.
fn moments<F: ExponentialFamily>(member: &F, precision: Precision) -> Verdict {
    let (natural, mean, fisher) = (
        member.natural_parameters(),
        member.mean_parameters(),
        member.fisher_information(),
    );
    let mut first = Entries::new(
        "the mean parameters are the gradient of the log-partition",
        precision,
    );
    let mut second = Entries::new(
        "the Fisher information is the Hessian of the log-partition",
        precision,
    );
    for k in 0..natural.len() {
        let unit = 1.0 / fisher[[k, k]].sqrt();
        let mut along = |t: f64| {
            let mut moved = natural.clone();
            moved[k] += t * unit;
            let other = member_at("differences in the natural parameters", member, &moved)?;
            Ok([other.log_partition()]
                .into_iter()
                .chain(other.mean_parameters())
                .collect())
        };
        // The argument is rounded in proportion to η_k; the step stays a fraction of the unit.
        let magnitude = (natural[k] / unit).abs();
        let step = precision.with_step(precision.step / magnitude.max(1.0));
        let mut slopes = derivative(&mut along, magnitude, step)?
            .into_iter()
            .map(|mut slope| {
                slope.value /= unit;
                slope.truncation /= unit;
                slope.rounding /= unit;
                slope
            });
        if let Some(slope) = slopes.next() {
            first.push(|| format!("statistic {k}"), mean[k], slope);
        }
        for (j, slope) in slopes.enumerate() {
            second.push(|| format!("statistics {j} and {k}"), fisher[[j, k]], slope);
        }
    }
    first.finish()?;
    second.finish().map(|_| ())
}

/// A member a quarter of a standard deviation away.
pub(super) fn neighbour<F: ExponentialFamily>(member: &F, scales: &Scales) -> Result<F, Failure> {
    let s = member.n_statistics() as f64;
    let signs = Array1::from_shape_fn(member.n_statistics(), |k| if k % 3 == 1 { -1.0 } else { 1.0 });
    let moved = member.natural_parameters() + &scales.step * &signs * (0.25 / s);
    member_at("a nearby member exists", member, &moved)
}

/// `KL(p, q) = A(η') − A(η) − ⟨η' − η, ∇A(η)⟩`, positive, and zero for `p` itself.
fn divergences<F: ExponentialFamily>(member: &F, scales: &Scales, precision: Precision) -> Verdict {
    let other = neighbour(member, scales)?;
    for (p, q) in [(member, &other), (&other, member)] {
        let difference = q.natural_parameters() - p.natural_parameters();
        let terms = &difference * &p.mean_parameters();
        let (from, to) = (p.log_partition(), q.log_partition());
        let sensitivity = scales
            .natural
            .dot(&(p.mean_parameters() - q.mean_parameters()).mapv(f64::abs));
        let tolerance =
            precision.agreement() * (from.abs() + to.abs() + terms.mapv(f64::abs).sum()) + sensitivity;
        let found = p.kl_divergence(q);
        let mut agreement = Agreement::new("the divergence is the Bregman divergence of the log-partition");
        agreement.entry(|| "KL".to_owned(), found, to - from - terms.sum(), tolerance);
        agreement.verdict()?;
        require(
            found > 0.0,
            "the divergence to another member is positive",
            format_args!("{found:e}"),
        )?;
        let own = p.kl_divergence(p);
        require(
            own.abs() <= tolerance,
            "the divergence of a member from itself is zero",
            format_args!("{own:e}"),
        )?;
    }
    Ok(())
}
