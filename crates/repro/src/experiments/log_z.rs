//! Estimates of a partition function by every method of the library, held to enumeration on thousands of machines.
//!
//! Annealed importance sampling (Neal 2001) gives positive weights whose mean is exactly `Z`, so `log Ẑ` is a lower bound on `log Z` in
//! expectation; run backwards from exact draws of the target it gives an upper bound (Burda, Grosse and Salakhutdinov 2015). A number is worth
//! what its error bar is worth, so the question asked here is not whether the estimates are close but whether the intervals are
//! right as often as they say, on restricted Boltzmann machines small enough to enumerate and rugged enough to be unpleasant.
//!
//! Every machine has 10 visible and 8 hidden units, biases of standard deviation ½, and weights of one of four standard deviations. The ladder is short on
//! purpose: 50 temperatures leave weights that scatter, so that an interval of zero width or a wrong one would show. The methods that are not annealing
//! have effort of the same order and a file of their own.

mod methods;

use gibbsian_classical::{Bernoulli, Rbm, RbmPath};
use gibbsian_core::Seed;
use gibbsian_partition::{ExactDistribution, Interval, Ladder, ais, raise, reverse_ais};
use ndarray::Array1;
use rand::RngExt;
use rand_distr::StandardNormal;
use rayon::prelude::*;

use methods::{Estimates, METHODS};

use crate::statistics::mean_and_error;
use crate::{Axis, Check, Claim, Context, Experiment, Plot, Provenance, Result, Table, measured};

const N_VISIBLE: usize = 10;
const N_HIDDEN: usize = 8;
const WEIGHT_SCALES: [f64; 4] = [0.3, 0.8, 1.3, 1.8];
const N_TEMPERATURES: usize = 50;
const N_CHAINS: usize = 100;
const N_TEST_CASES: usize = 8;
const CHAINS_A_CASE: usize = 12;
const LEVEL: f64 = 0.95;

const COVERAGE: Claim = Claim {
    claim: "95 % intervals from forward annealing contain log Z for 92.7 to 97.3 % of the machines",
    source: "enumeration of 2^8 hidden states; Neal (2001) for the estimate",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::between(0.927, 0.973)),
    full: Check::between(0.927, 0.973),
    reason: "0.95 plus or minus 4 binomial standard errors of 1,500 machines; the same at full scale, where the binomial error is a third of that \
             but the intervals are accurate to the order of one over 100 chains only. Intervals that are too narrow fall below, \
             intervals padded until nothing can go wrong rise above",
};

const WIDTH: Claim = Claim {
    claim: "the median width of these intervals is at most half a nat",
    source: "the interval of the estimate of Neal (2001)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(0.5)),
    full: Check::at_most(0.5),
    reason: "a wider interval could not tell two trained machines apart",
};

const UNBIASED: Claim = Claim {
    claim: "the mean of the forward estimate of Z over the exact Z is one",
    source: "Neal (2001)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(1.0).within_standard_errors(5.0)),
    full: Check::value(1.0).within_standard_errors(5.0),
    reason: "five standard errors over machines: a false alarm in 1.7 million",
};

const REVERSE_UNBIASED: Claim = Claim {
    claim: "the mean of the exact Z over the reverse estimate of Z is one when chains start from exact draws",
    source: "Burda, Grosse and Salakhutdinov (2015)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(1.0).within_standard_errors(5.0)),
    full: Check::value(1.0).within_standard_errors(5.0),
    reason: "five standard errors over machines",
};

const LOWER_BOUND: Claim = Claim {
    claim: "the rigorous 95 % lower bound from forward annealing lies above log Z for at most 5 % of the machines",
    source: "Waudby-Smith and Ramdas (2024): betting against the mean of non-negative weights",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(0.05)),
    full: Check::at_most(0.05),
    reason: "the theorem bounds the probability of a miss by 5 %; betting against the mean is conservative, so that the share lies far below it, and a share above would be a fault",
};

const ORDER: Claim = Claim {
    claim: "forward annealing underestimates and reverse annealing overestimates log Z on average: the mean of reverse minus forward is positive",
    source: "Jensen's inequality for both estimates; Grosse, Ghahramani and Adams (2015)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.0)),
    full: Check::at_least(0.0),
    reason: "the expected gap is about the sum of both relative variances over twice the number of chains, many standard errors above zero",
};

const RAISE: Claim = Claim {
    claim: "RAISE is conservative, by at most a tenth of a nat: its mean log-probability of exact draws minus the exact one",
    source: "Burda, Grosse and Salakhutdinov (2015): E log p̂ ≤ log p_ann, and draws from p have Σ p log p_ann ≤ Σ p log p",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::between(-0.1, 0.0)),
    full: Check::between(-0.1, 0.0),
    reason: "both inequalities are strict for a ladder this short; a step at the wrong temperature or a work of the wrong sign costs \
             more than the tenth, which is the half of a typical interval",
};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "log-z",
    title: "Partition functions with honest error bars",
    question: "Are the error bars of an estimated partition function right as often as they say?",
    mathematics: r"Unbiased weights give a bound in expectation by Jensen's inequality. Annealing forward from a base with known $Z_0$, and backward from exact draws of the target,
        $$\mathbb{E} \, \hat{Z} = Z \; \Rightarrow \; \mathbb{E} \log \hat{Z} \le \log Z , \qquad \mathbb{E} \, \hat{Z}_{\text{back}}^{-1} = Z^{-1} \; \Rightarrow \; \mathbb{E} \log \hat{Z}_{\text{back}} \ge \log Z .$$
        Thermodynamic integration adds up a mean along the path $f_\beta = f_0^{1 - \beta} f_1^\beta$, and a bridge compares two neighbours by a function $\alpha$ of the states:
        $$\log \frac{Z_1}{Z_0} = \int_0^1 \left\langle \log \frac{f_1}{f_0} \right\rangle_\beta \mathrm{d}\beta , \qquad \frac{Z_1}{Z_0} = \frac{\langle \alpha f_1 \rangle_0}{\langle \alpha f_0 \rangle_1} .$$
        A 95 % interval is honest if it contains $\log Z$ in 95 % of the cases; here $\log Z$ is enumerated.",
    shows: "Nine estimates of log Z and RAISE against enumeration, on restricted Boltzmann machines of four degrees of ruggedness.\n\nAn \
            interval is judged by how often it is right. Those of annealing, its reverse, importance sampling and sequential Monte \
            Carlo come from independent unbiased weights, those of bridges, thermodynamic integration and stepping stones from the \
            differences between chains. Forward estimates are bounds in expectation from below, reverse ones from above.",
    source: "Neal (2001); Burda, Grosse and Salakhutdinov (2015); Meng and Wong (1996); Shirts and Chodera (2008); Gelman and Meng (1998); Xie et \
             al. (2011); Del Moral, Doucet and Jasra (2006)",
    budget_seconds: 30,
    claims: &[
        COVERAGE,
        WIDTH,
        UNBIASED,
        REVERSE_UNBIASED,
        LOWER_BOUND,
        ORDER,
        RAISE,
        methods::REVERSE_COVERAGE,
        methods::REVERSE_WIDTH,
        methods::JOINED_COVERAGE,
        methods::JOINED_WIDTH,
        methods::SIMPLE_COVERAGE,
        methods::SIMPLE_WIDTH,
        methods::SMC_COVERAGE,
        methods::SMC_WIDTH,
        methods::BRIDGE_COVERAGE,
        methods::BRIDGE_WIDTH,
        methods::MBAR_COVERAGE,
        methods::MBAR_WIDTH,
        methods::INTEGRAL_COVERAGE,
        methods::INTEGRAL_WIDTH,
        methods::STONE_COVERAGE,
        methods::STONE_WIDTH,
        methods::SMC_UNBIASED,
        methods::BRACKET,
        methods::CONTRADICTIONS,
    ],
    run,
};

/// What was found for one machine.
struct Trial {
    weight_scale: f64,
    log_z: f64,
    interval: Interval,
    forward: f64,
    reverse: f64,
    bound: f64,
    raise: f64,
    exact_log_p: f64,
    /// By the other methods, for the first machines.
    others: Option<Estimates>,
}

fn run(ctx: &mut Context) -> Result<()> {
    let n_machines = ctx.pick(1_500, 10_000);
    let n_compared = ctx.pick(1_000, 10_000);
    let ladder = Ladder::linear(N_TEMPERATURES)?;
    let seed = ctx.seed().child("machines");
    let mut trials = Vec::with_capacity(n_machines);
    let at_once = 100;
    for first in (0..n_machines).step_by(at_once) {
        ctx.progress(first, n_machines, "annealing machines");
        let some: Result<Vec<Trial>> = (first..n_machines.min(first + at_once))
            .into_par_iter()
            .map(|m| trial(m, &ladder, m < n_compared, seed))
            .collect();
        trials.extend(some?);
    }

    let n = n_machines as f64;
    let covered = trials.iter().filter(|t| t.interval.contains(t.log_z)).count() as f64;
    ctx.measure(&COVERAGE, covered / n)?;
    ctx.measure(&WIDTH, median(trials.iter().map(|t| t.interval.width())))?;
    let (mean, error) = mean_and_error(trials.iter().map(|t| (t.forward - t.log_z).exp()));
    ctx.measure(&UNBIASED, measured(mean).with_error(error))?;
    let (mean, error) = mean_and_error(trials.iter().map(|t| (t.log_z - t.reverse).exp()));
    ctx.measure(&REVERSE_UNBIASED, measured(mean).with_error(error))?;
    let violated = trials.iter().filter(|t| t.bound > t.log_z).count() as f64;
    ctx.measure(&LOWER_BOUND, violated / n)?;
    let (mean, error) = mean_and_error(trials.iter().map(|t| t.reverse - t.forward));
    ctx.measure(&ORDER, measured(mean).with_error(error))?;
    let (mean, error) = mean_and_error(trials.iter().map(|t| t.raise - t.exact_log_p));
    ctx.measure(&RAISE, measured(mean).with_error(error))?;

    compare(ctx, &trials)?;
    show(ctx, &trials)
}

/// The middle of some numbers.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The share of some trials for which something holds.
fn share<'t>(
    trials: impl Iterator<Item = (&'t Trial, &'t Estimates)>,
    holds: impl Fn(&Trial, &Estimates) -> bool,
) -> f64 {
    let (mut n, mut count) = (0.0, 0.0);
    for (trial, estimates) in trials {
        n += 1.0;
        count += f64::from(u8::from(holds(trial, estimates)));
    }
    count / n
}

/// Coverage and width of every other method.
fn compare(ctx: &mut Context, trials: &[Trial]) -> Result<()> {
    let compared = || trials.iter().filter_map(|t| Some((t, t.others.as_ref()?)));
    let mut table = Table::new(["method", "weight_scale", "coverage", "median_width", "trusted"]);
    let mut coverages = Vec::new();
    for (i, (name, coverage, width)) in METHODS.into_iter().enumerate() {
        let covers = |t: &Trial, e: &Estimates| e.all[i].interval.contains(t.log_z);
        let covered = share(compared(), covers);
        ctx.measure(&coverage, covered)?;
        ctx.measure(&width, median(compared().map(|(_, e)| e.all[i].interval.width())))?;
        coverages.push((i as f64, covered));
        for scale in WEIGHT_SCALES {
            let group = || compared().filter(|(t, _)| t.weight_scale == scale);
            table.row([
                name.into(),
                scale.into(),
                share(group(), covers).into(),
                median(group().map(|(_, e)| e.all[i].interval.width())).into(),
                share(group(), |_, e| e.all[i].reliability.is_trusted()).into(),
            ])?;
        }
    }
    let smc = METHODS
        .iter()
        .position(|(name, ..)| *name == "sequential Monte Carlo");
    let smc = smc.ok_or("sequential Monte Carlo is one of the methods")?;
    let ratios = compared().map(|(t, e)| (e.all[smc].log_z - t.log_z).exp());
    let (mean, error) = mean_and_error(ratios);
    ctx.measure(&methods::SMC_UNBIASED, measured(mean).with_error(error))?;
    ctx.measure(&methods::BRACKET, share(compared(), |_, e| e.bracketed))?;
    ctx.measure(&methods::CONTRADICTIONS, share(compared(), |_, e| e.contradicts))?;
    ctx.table(
        "methods",
        "Coverage of 95 % intervals, their median width in nats, and the share that the verdict trusts, by method and weight scale.",
        &table,
    )?;
    let mut plot = Plot::new(
        "How often 95 % intervals are right",
        Axis::linear("method, in the order of the legend").range(-0.5, METHODS.len() as f64 - 0.5),
        Axis::linear("share of machines whose log Z is inside").range(0.9, 1.0),
    )
    .horizontal("", 0.95);
    let n_machines = compared().count() as f64;
    for ((name, ..), (at, covered)) in METHODS.into_iter().zip(coverages) {
        let error = (covered * (1.0 - covered) / n_machines).sqrt();
        plot = plot.points(format!("{at} {name}"), [(at, covered)]).error_bars([(
            at,
            covered - 2.0 * error,
            covered + 2.0 * error,
        )]);
    }
    let caption = "Bars are two standard errors, from a binomial law; the line is at 95 %.";
    ctx.plot("coverage", caption, &plot)
}

/// One machine by every method.
fn trial(m: usize, ladder: &Ladder, compared: bool, seed: Seed) -> Result<Trial> {
    let seed = seed.nth(m as u64);
    let weight_scale = WEIGHT_SCALES[m % WEIGHT_SCALES.len()];
    let mut rng = seed.child("biases").rng();
    let mut layer = |n: usize| {
        Bernoulli::new(Array1::from_shape_simple_fn(n, || {
            0.5 * rng.sample::<f64, _>(StandardNormal)
        }))
    };
    let machine = Rbm::random(layer(N_VISIBLE)?, layer(N_HIDDEN)?, weight_scale, seed)?;
    let log_z = machine.log_z()?;
    let path = RbmPath::new(
        &machine,
        Bernoulli::unbiased(N_VISIBLE),
        Bernoulli::unbiased(N_HIDDEN),
    )?;

    let forward = ais(&path, ladder, N_CHAINS, &mut seed.child("forward").rng())?;
    let estimate = forward.estimate(LEVEL)?;

    let exact = ExactDistribution::new(&machine)?;
    let draws = exact.sample(N_CHAINS, &mut seed.child("draws").rng());
    let reverse = reverse_ais(&path, ladder, draws.view(), &mut seed.child("reverse").rng())?;

    let cases = exact.sample(N_TEST_CASES, &mut seed.child("cases").rng());
    let raised = raise(
        &path,
        ladder,
        cases.view(),
        CHAINS_A_CASE,
        &mut seed.child("raise").rng(),
    )?;
    let exact_log_p = raised.log_targets().iter().map(|f| f - log_z).sum::<f64>() / N_TEST_CASES as f64;

    let others = if compared {
        Some(methods::estimates(&path, log_z, &forward, &reverse, seed)?)
    } else {
        None
    };

    Ok(Trial {
        weight_scale,
        log_z,
        interval: estimate.interval,
        forward: forward.log_z(),
        reverse: reverse.log_z(),
        bound: forward.lower_bound(LEVEL)?.value,
        raise: raised.mean(),
        exact_log_p,
        others,
    })
}

fn show(ctx: &mut Context, trials: &[Trial]) -> Result<()> {
    let few = &trials[..60];
    let error = |f: fn(&Trial) -> f64| {
        few.iter()
            .enumerate()
            .map(move |(m, t)| (m as f64, f(t) - t.log_z))
            .collect::<Vec<_>>()
    };
    let bars: Vec<(f64, f64, f64)> = few
        .iter()
        .enumerate()
        .map(|(m, t)| (m as f64, t.interval.lower - t.log_z, t.interval.upper - t.log_z))
        .collect();
    let plot = Plot::new(
        "Annealed estimates of log Z against enumeration",
        Axis::linear("machine"),
        Axis::linear("estimate − exact log Z (nats)"),
    )
    .points("forward, with 95 % interval", error(|t| t.forward))
    .error_bars(bars)
    .points("reverse, from exact draws", error(|t| t.reverse))
    .horizontal("exact", 0.0);
    ctx.plot(
        "intervals",
        "Sixty machines, weights of standard deviation 0.3, 0.8, 1.3, 1.8 in turn; about three intervals should miss zero.",
        &plot,
    )?;

    let mut table = Table::new([
        "weight_scale",
        "machines",
        "coverage",
        "median_width",
        "mean_raise_shortfall",
    ]);
    for scale in WEIGHT_SCALES {
        let group: Vec<&Trial> = trials.iter().filter(|t| t.weight_scale == scale).collect();
        let n = group.len() as f64;
        let covered = group.iter().filter(|t| t.interval.contains(t.log_z)).count() as f64;
        let shortfall = group.iter().map(|t| t.raise - t.exact_log_p).sum::<f64>() / n;
        table.row([
            scale.into(),
            (group.len() as i64).into(),
            (covered / n).into(),
            median(group.iter().map(|t| t.interval.width())).into(),
            shortfall.into(),
        ])?;
    }
    ctx.table(
        "by-scale",
        "Coverage, width and RAISE's shortfall for each weight scale.",
        &table,
    )
}
