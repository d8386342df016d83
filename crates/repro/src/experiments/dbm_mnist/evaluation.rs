//! What a trained machine is worth: partition functions, bounds, the tightness of the bound.

use gibbsian_classical::dbm::{BinaryDbm, BinaryDbmPath, Half, MeanField};
use gibbsian_classical::{Bernoulli, BinaryRbm, BinaryRbmPath, Dbm, DbmPath, Dbn};
use gibbsian_core::{Blocks, Energy, Path};
use gibbsian_partition::{ForwardAis, Ladder, LogWeights, Pilot, ReverseAis, RoundTrip, ais, reverse_ais};
use ndarray::{Array2, ArrayView2, s};

use crate::{Context, Result};

/// Chains of forward annealing.
const N_CHAINS: usize = 100;
/// Confidence of what is noted.
const LEVEL: f64 = 0.95;
/// By how much annealing there and back may differ before neither is believed, in nats.
const MOST_APART: f64 = 3.0;

/// Forward annealing, made once in a run.
fn annealed<P: Path>(ctx: &Context, name: &str, path: &P) -> Result<ForwardAis> {
    let weights = ctx.numbers(&format!("annealing {name}"), || {
        Ok(anneal(ctx, name, path, n_temperatures(ctx))?
            .0
            .log_weights()
            .values()
            .to_vec())
    })?;
    Ok(ForwardAis::from_log_weights(LogWeights::new(weights)?))
}

/// Annealing with so many temperatures, placed where a pilot run found the work; and these.
fn anneal<P: Path>(
    ctx: &Context,
    name: &str,
    path: &P,
    n_temperatures: usize,
) -> Result<(ForwardAis, Ladder)> {
    ctx.progress(0, 1, &format!("annealing {name}"));
    let seed = ctx.seed().child("annealing").child(name);
    let pilot = Pilot::run(
        path,
        &Ladder::linear(300)?,
        N_CHAINS / 2,
        &mut seed.child("pilot").rng(),
    )?;
    let ladder = pilot.ladder(n_temperatures)?;
    Ok((ais(path, &ladder, N_CHAINS, &mut seed.rng())?, ladder))
}

fn n_temperatures(ctx: &Context) -> usize {
    ctx.pick(2_000, 20_000)
}

/// Annealing there and back, the first layer and every other one kept, made once in a run.
///
/// It starts at independent units with the means of these chains in every layer: hidden units that were half on at the start would lead it through states that the machine does not have. The chains are
/// no exact draws, so that the way back bounds nothing.
fn there_and_back(
    ctx: &Context,
    name: &str,
    machine: &BinaryDbm,
    states: ArrayView2<f64>,
    n_temperatures: usize,
) -> Result<(ForwardAis, RoundTrip)> {
    let path = BinaryDbmPath::matching(machine, states)?.keeping(Half::Odd);
    let both = ctx.numbers(&format!("annealing {name} there and back, means matched"), || {
        let (there, ladder) = anneal(ctx, &format!("{name} {:?}", Half::Odd), &path, n_temperatures)?;
        ctx.progress(0, 1, &format!("annealing {name} back"));
        let kept = Half::Odd.of(states, &machine.sizes())?;
        let mut rng = ctx.seed().child("annealing").child(name).child("back").rng();
        let back = reverse_ais(&path, &ladder, kept.view(), &mut rng)?;
        Ok([there.log_weights().values(), back.log_weights().values()].concat())
    })?;
    let (there, back) = both.split_at(N_CHAINS);
    let there = ForwardAis::from_log_weights(LogWeights::new(there.to_vec())?);
    let back = ReverseAis::from_log_weights(LogWeights::new(back.to_vec())?);
    let trip = RoundTrip::new(&there, &back, MOST_APART)?;
    Ok((there, trip))
}

/// `log Z` of the weights of a full run, there and back.
pub(super) fn again(ctx: &Context, machine: &BinaryDbm, test: ArrayView2<f64>) -> Result<RoundTrip> {
    let name = "weights of the full run";
    let states = chains(ctx, name, machine, test);
    Ok(there_and_back(ctx, name, machine, states.view(), 1_000)?.1)
}

/// Where chains of all layers are that ran from digits.
fn chains(ctx: &Context, name: &str, machine: &BinaryDbm, digits: ArrayView2<f64>) -> Array2<f64> {
    let n_sweeps = ctx.pick(500, 3_000);
    let sizes = machine.sizes();
    let mut rng = ctx.seed().child("annealing back").child(name).rng();
    let mut x = Array2::zeros((N_CHAINS, sizes.iter().sum()));
    x.slice_mut(s![.., ..sizes[0]])
        .assign(&digits.slice(s![..N_CHAINS, ..]));
    let joint = machine.joint();
    for sweep in 0..n_sweeps {
        ctx.progress(sweep, n_sweeps, &format!("chains of {name} from digits"));
        for block in 0..2 {
            joint.resample(x.view_mut(), block, None, &mut rng);
        }
    }
    x
}

/// `log Z` with its standard error, and both said in words.
#[derive(Clone, Debug)]
pub(super) struct LogZ {
    pub(super) value: f64,
    pub(super) error: f64,
    pub(super) text: String,
}

impl LogZ {
    fn of(forward: &ForwardAis) -> Result<Self> {
        let estimate = forward.estimate(LEVEL)?;
        Ok(LogZ {
            value: forward.log_z(),
            error: estimate.standard_error,
            text: estimate.to_string(),
        })
    }
}

/// A deep machine seen by its test cases.
pub(super) struct Bound {
    pub(super) log_z: LogZ,
    /// `log Z` by annealing there, and back from where chains are that started at digits.
    pub(super) trip: RoundTrip,
    /// Where those chains are.
    states: Array2<f64>,
    pub(super) mean_field: MeanField,
    /// `−F_q(v) − log Z`, mean over the cases.
    pub(super) mean: f64,
}

impl Bound {
    pub(super) fn of(ctx: &Context, name: &str, machine: &BinaryDbm, test: ArrayView2<f64>) -> Result<Self> {
        let states = chains(ctx, name, machine, test);
        let (there, trip) = there_and_back(ctx, name, machine, states.view(), n_temperatures(ctx))?;
        let log_z = LogZ::of(&there)?;
        ctx.progress(0, 1, &format!("mean field of {name}"));
        let mean_field = machine.mean_field(test, 1e-4, 100)?;
        let free_energy = Dbm::from(machine).variational_free_energy(test, &mean_field);
        Ok(Bound {
            mean: -free_energy.mean().unwrap_or(f64::NAN) - log_z.value,
            log_z,
            trip,
            states,
            mean_field,
        })
    }

    /// The mean with the larger of both partition functions; NaN, with which no claim holds, where they do not meet: one that is missed by far would make any bound look good.
    pub(super) fn cautious_mean(&self) -> f64 {
        self.mean + self.log_z.value - self.trip.log_z().unwrap_or(f64::NAN)
    }

    /// `log Z` with the other half kept.
    pub(super) fn other_half(&self, ctx: &Context, name: &str, machine: &BinaryDbm) -> Result<LogZ> {
        let path = BinaryDbmPath::matching(machine, self.states.view())?.keeping(Half::Even);
        LogZ::of(&annealed(
            ctx,
            &format!("{name} {:?}, means matched", Half::Even),
            &path,
        )?)
    }

    /// What is noted of it.
    pub(super) fn text(&self) -> String {
        format!(
            "{:.2} nats ({}; annealed back from digits {:.2})",
            self.mean, self.log_z.text, self.trip.back
        )
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
    let gap = |case: usize| {
        let q = bound.mean_field.select(&[case]);
        let path = DbmPath::posterior(&dbm, test.row(case), &q)?;
        let mut rng = ctx.seed().child("posterior").nth(case as u64).rng();
        let log_p = ais(&path, &ladder, N_CHAINS, &mut rng)?.log_z();
        let v = test.slice(s![case..case + 1, ..]);
        Ok(log_p + dbm.variational_free_energy(v, &q)[0])
    };
    let gaps = ctx.numbers("gaps", || {
        (0..n_cases)
            .map(|case| {
                ctx.progress(case, n_cases, "annealing to posteriors");
                gap(case)
            })
            .collect()
    })?;
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
    let log_z = annealed(ctx, "RBM", &BinaryRbmPath::new(machine, base)?)?.log_z();
    Ok(-machine.energy(test).mean().unwrap_or(f64::NAN) - log_z)
}

/// The mean bound of a deep belief network of two machines on some cases.
pub(super) fn network(ctx: &Context, network: &Dbn, test: ArrayView2<f64>) -> Result<f64> {
    let features = network.features(test)?.swap_remove(0);
    let means = features.mean_axis(ndarray::Axis(0)).ok_or("no test digits")?;
    let base = Bernoulli::matching_means(means.view(), features.nrows(), 1.0)?;
    let top = BinaryRbm::from(network.upper().last().ok_or("a network of one machine")?);
    let log_z = annealed(ctx, "DBN", &BinaryRbmPath::new(&top, &base)?)?.log_z();
    ctx.progress(0, 1, "recognition passes of the network");
    let bound = network.bound(test, ctx.pick(5, 20), &mut ctx.seed().child("recognition").rng())?;
    Ok(bound.bound.sum() / test.nrows() as f64 - log_z)
}
