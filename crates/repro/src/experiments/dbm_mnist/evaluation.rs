//! What a trained machine is worth: partition functions, bounds, the tightness of the bound.

use gibbsian_classical::dbm::{BinaryDbm, BinaryDbmPath, Half, MeanField};
use gibbsian_classical::{Bernoulli, BinaryRbm, BinaryRbmPath, Dbm, DbmPath, Dbn, Rbm};
use gibbsian_core::{Energy, Path};
use gibbsian_partition::{ForwardAis, Ladder, Pilot, ais};
use ndarray::{ArrayView2, s};

use crate::{Context, Result};

/// Chains of forward annealing.
const N_CHAINS: usize = 100;
/// Confidence of what is noted.
const LEVEL: f64 = 0.95;

/// Annealing with temperatures placed where a pilot run found the work.
fn anneal<P: Path>(ctx: &Context, name: &str, path: &P) -> Result<ForwardAis> {
    ctx.progress(0, 1, &format!("annealing {name}"));
    let seed = ctx.seed().child("annealing").child(name);
    let pilot = Pilot::run(
        path,
        &Ladder::linear(300)?,
        N_CHAINS / 2,
        &mut seed.child("pilot").rng(),
    )?;
    let ladder = pilot.ladder(ctx.pick(3_000, 20_000))?;
    Ok(ais(path, &ladder, N_CHAINS, &mut seed.rng())?)
}

/// `log Z` with its standard error, and both said in words.
#[derive(Clone, Debug)]
pub(super) struct LogZ {
    pub(super) value: f64,
    pub(super) error: f64,
    /// Whether its chains agree well enough to be believed.
    pub(super) is_trusted: bool,
    pub(super) text: String,
}

impl LogZ {
    fn of(forward: &ForwardAis) -> Result<Self> {
        let estimate = forward.estimate(LEVEL)?;
        Ok(LogZ {
            value: forward.log_z(),
            error: estimate.standard_error,
            is_trusted: estimate.reliability.is_trusted(),
            text: estimate.to_string(),
        })
    }
}

/// `log Z` of a deep machine with one half kept.
pub(super) fn log_z(
    ctx: &Context,
    name: &str,
    machine: &BinaryDbm,
    base: &Bernoulli,
    half: Half,
) -> Result<LogZ> {
    let path = BinaryDbmPath::new(machine, base)?.keeping(half);
    LogZ::of(&anneal(ctx, &format!("{name} {half:?}"), &path)?)
}

/// A deep machine seen by its test cases.
pub(super) struct Bound {
    pub(super) log_z: LogZ,
    pub(super) mean_field: MeanField,
    /// `−F_q(v) − log Z`, mean over the cases.
    pub(super) mean: f64,
}

impl Bound {
    pub(super) fn of(
        ctx: &Context,
        name: &str,
        machine: &BinaryDbm,
        base: &Bernoulli,
        test: ArrayView2<f64>,
    ) -> Result<Self> {
        let log_z = log_z(ctx, name, machine, base, Half::Odd)?;
        ctx.progress(0, 1, &format!("mean field of {name}"));
        let mean_field = machine.mean_field(test, 1e-4, 100)?;
        let free_energy = Dbm::from(machine).variational_free_energy(test, &mean_field);
        Ok(Bound {
            mean: -free_energy.mean().unwrap_or(f64::NAN) - log_z.value,
            log_z,
            mean_field,
        })
    }

    /// The mean, or NaN, with which no claim holds, where `log Z` is not to be trusted: a partition function that is missed by far would make any bound look good.
    pub(super) fn trusted_mean(&self) -> f64 {
        if self.log_z.is_trusted {
            self.mean
        } else {
            f64::NAN
        }
    }
}

/// The gap between `log p(v)` and the bound on some cases, by annealing from mean field to the posterior of each: mean and standard error.
///
/// The estimates of `log p(v)` are themselves low in expectation, so that the mean gap is too, by about half the variance of a log-weight.
pub(super) fn tightness(
    ctx: &Context,
    machine: &BinaryDbm,
    bound: &Bound,
    test: ArrayView2<f64>,
    n_cases: usize,
) -> Result<(f64, f64)> {
    let dbm = Dbm::from(machine);
    let ladder = Ladder::linear(ctx.pick(100, 1_000))?;
    let mut gaps = Vec::with_capacity(n_cases);
    for case in 0..n_cases {
        ctx.progress(case, n_cases, "annealing to posteriors");
        let q = bound.mean_field.select(&[case]);
        let path = DbmPath::posterior(&dbm, test.row(case), &q)?;
        let mut rng = ctx.seed().child("posterior").nth(case as u64).rng();
        let log_p = ais(&path, &ladder, N_CHAINS, &mut rng)?.log_z();
        let v = test.slice(s![case..case + 1, ..]);
        gaps.push(log_p + dbm.variational_free_energy(v, &q)[0]);
    }
    let n = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / n;
    let variance = gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Ok((mean, (variance / n).sqrt()))
}

/// The mean test log-probability of a restricted machine.
pub(super) fn restricted(
    ctx: &Context,
    machine: &BinaryRbm,
    base: &Bernoulli,
    test: ArrayView2<f64>,
) -> Result<f64> {
    let log_z = anneal(ctx, "RBM", &BinaryRbmPath::new(machine, base)?)?.log_z();
    Ok(-machine.energy(test).mean().unwrap_or(f64::NAN) - log_z)
}

/// The mean bound of a deep belief network of two machines on some cases, with its standard error from the draws of the recognition distribution.
pub(super) fn network(
    ctx: &Context,
    bottom: &BinaryRbm,
    top: &BinaryRbm,
    test: ArrayView2<f64>,
) -> Result<(f64, f64)> {
    let dbn = Dbn::new(Rbm::from(bottom), vec![Rbm::from(top)])?;
    let features = dbn.features(test)?.swap_remove(0);
    let means = features.mean_axis(ndarray::Axis(0)).ok_or("no test digits")?;
    let base = Bernoulli::matching_means(means.view(), features.nrows(), 1.0)?;
    let log_z = anneal(ctx, "DBN", &BinaryRbmPath::new(top, &base)?)?.log_z();
    ctx.progress(0, 1, "recognition passes of the network");
    let bound = dbn.bound(test, 20, &mut ctx.seed().child("recognition").rng())?;
    let n = test.nrows() as f64;
    let error = bound.standard_error.mapv(|e| e * e).sum().sqrt() / n;
    Ok((bound.bound.sum() / n - log_z, error))
}
