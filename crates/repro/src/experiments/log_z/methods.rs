//! The other estimates of the same machines, each judged as annealing is: is its interval right as often as it says, and is it narrow?
//!
//! Eight temperatures above the base serve everything that needs draws at the rungs. Chains climb them with 16 transitions before the first record and two from
//! one record to the next: the slowest mode of block Gibbs sampling of these machines, from the spectrum of its matrix, decays by `e` in half a
//! transition at the smallest weights and in less than ten for nine of ten machines at the largest.

use gibbsian_classical::{Bernoulli, RbmPath};
use gibbsian_core::Seed;
use gibbsian_partition::{
    Comparison, ComparisonVerdict, Estimate, ForwardAis, Ladder, Quadrature, Reach, ReverseAis, RungSampling,
    Smc, Works, bennett, importance, ladder_bridge, mbar, sample_rungs, smc, stepping_stone, thermodynamic,
};

use super::LEVEL;
use crate::{Check, Claim, Provenance, Result};

const N_RUNGS: usize = 8;
const N_DRAWS: usize = 6_000;
const N_ISLANDS: usize = 64;
const N_PARTICLES: usize = 8;
const SMC_STEPS: usize = 12;

const SAMPLING: RungSampling = RungSampling {
    n_chains: 30,
    n_warmup: 16,
    n_draws: 4,
    thin: 2,
    reach: Reach::All,
};

/// The claims on one method.
macro_rules! method {
    ($coverage:ident, $width:ident, $name:literal, $source:literal, $reason:literal) => {
        pub(super) const $coverage: Claim = Claim {
            claim: concat!(
                "95 % intervals from ",
                $name,
                " contain log Z for 92.7 to 97.3 % of the machines"
            ),
            source: $source,
            provenance: Provenance::MonteCarlo,
            quick: Some(Check::between(0.927, 0.973)),
            full: Check::between(0.927, 0.973),
            reason: concat!(
                "0.95 plus or minus 3.3 binomial standard errors of 1,000 machines, and at full scale room for the order of one over the number of \
                 independent units; ",
                $reason
            ),
        };

        pub(super) const $width: Claim = Claim {
            claim: concat!(
                "the median width of the intervals from ",
                $name,
                " is at most half a nat"
            ),
            source: $source,
            provenance: Provenance::MonteCarlo,
            quick: Some(Check::at_most(0.5)),
            full: Check::at_most(0.5),
            reason: "a wider interval could not tell two trained machines apart",
        };
    };
}

method!(
    REVERSE_COVERAGE,
    REVERSE_WIDTH,
    "reverse annealing",
    "Burda, Grosse and Salakhutdinov (2015)",
    "its weights are skewed as those of the forward run are"
);
method!(
    JOINED_COVERAGE,
    JOINED_WIDTH,
    "the bridge between both directions of annealing",
    "Bennett (1976), Crooks (2000)",
    "200 chains, whose logistic weights are bounded"
);
method!(
    SIMPLE_COVERAGE,
    SIMPLE_WIDTH,
    "importance sampling",
    "importance sampling from independent fair units",
    "there are 1,024 states, so that 6,000 draws meet each about six times, and no weight is unseen"
);
method!(
    SMC_COVERAGE,
    SMC_WIDTH,
    "sequential Monte Carlo",
    "Del Moral, Doucet and Jasra (2006)",
    "64 islands are independent unbiased weights like those of annealing, and less skewed"
);
method!(
    BRIDGE_COVERAGE,
    BRIDGE_WIDTH,
    "bridges between neighbouring temperatures",
    "Bennett (1976); Meng and Wong (1996)",
    "Student's law of 29 degrees of freedom for 30 chains"
);
method!(
    MBAR_COVERAGE,
    MBAR_WIDTH,
    "all temperatures at once",
    "Shirts and Chodera (2008)",
    "Student's law of 29 degrees of freedom for 30 chains"
);
method!(
    INTEGRAL_COVERAGE,
    INTEGRAL_WIDTH,
    "thermodynamic integration",
    "Gelman and Meng (1998), by Simpson's rule on eight steps",
    "30 chains; the allowance for the error of the rule is a fraction of the Monte Carlo error on steps of an eighth"
);
method!(
    STONE_COVERAGE,
    STONE_WIDTH,
    "stepping stones",
    "Xie, Lewis, Fan, Kuo and Chen (2011)",
    "30 chains; the skewness of one step's weights is that of a moderate log-normal"
);

/// The methods in the order of [`estimates`], with their claims.
pub(super) const METHODS: [(&str, Claim, Claim); 8] = [
    ("reverse annealing", REVERSE_COVERAGE, REVERSE_WIDTH),
    ("annealing, bridged", JOINED_COVERAGE, JOINED_WIDTH),
    ("importance sampling", SIMPLE_COVERAGE, SIMPLE_WIDTH),
    ("sequential Monte Carlo", SMC_COVERAGE, SMC_WIDTH),
    ("bridges", BRIDGE_COVERAGE, BRIDGE_WIDTH),
    ("all temperatures", MBAR_COVERAGE, MBAR_WIDTH),
    ("integration", INTEGRAL_COVERAGE, INTEGRAL_WIDTH),
    ("stepping stones", STONE_COVERAGE, STONE_WIDTH),
];

pub(super) const SMC_UNBIASED: Claim = Claim {
    claim: "the mean of the estimate of Z by sequential Monte Carlo over the exact Z is one",
    source: "Del Moral, Doucet and Jasra (2006)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(1.0).within_standard_errors(5.0)),
    full: Check::value(1.0).within_standard_errors(5.0),
    reason: "five standard errors over machines: a false alarm in 1.7 million",
};

pub(super) const BRACKET: Claim = Claim {
    claim: "the bracket of thermodynamic integration contains log Z for at least 95 % of the machines",
    source: "the inequality of Gibbs and Bogoliubov at every step, for any path and any ladder",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.95)),
    full: Check::at_least(0.95),
    reason: "each end leaves 2.5 % to chance where the steps cost nothing, and every step costs its relative entropy",
};

pub(super) const CONTRADICTIONS: Claim = Claim {
    claim: "two trusted methods contradict each other, by five joint standard errors, for at most 1 % of the machines",
    source: "all methods of this experiment on one machine",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(0.01)),
    full: Check::at_most(0.01),
    reason: "36 pairs and brackets, each beyond five errors with probability below 1e-4 by Student's law of 29 degrees of freedom: 0.4 %, and no allowance for a \
             method that is wrong",
};

/// What the methods say of one machine.
pub(super) struct Estimates {
    /// In the order of [`METHODS`].
    pub(super) all: Vec<Estimate>,
    pub(super) bracketed: bool,
    pub(super) contradicts: bool,
}

/// Runs everything that is not annealing, and joins the two annealing runs that there are.
pub(super) fn estimates(
    path: &RbmPath<Bernoulli, Bernoulli>,
    log_z: f64,
    forward: &ForwardAis,
    reverse: &ReverseAis,
    seed: Seed,
) -> Result<Estimates> {
    let works = Works::independent(
        forward.log_weights().values().to_vec(),
        reverse.log_weights().values().to_vec(),
    )?;
    let islands = smc(
        path,
        &Ladder::linear(SMC_STEPS)?,
        &Smc::new(N_PARTICLES),
        N_ISLANDS,
        &mut seed.child("smc").rng(),
    )?;
    let ladder = Ladder::linear(N_RUNGS)?;
    let draws = sample_rungs(path, &ladder, &SAMPLING, &mut seed.child("rungs").rng())?;
    let integral = thermodynamic(&draws, Quadrature::Simpson, LEVEL)?;
    let simple = importance(path, N_DRAWS, &mut seed.child("importance").rng())?;
    let all = vec![
        reverse.estimate(LEVEL)?,
        bennett(&works, LEVEL)?,
        simple.estimate(LEVEL)?,
        islands.unbiased().estimate(LEVEL)?,
        ladder_bridge(&draws, LEVEL)?,
        mbar(&draws, LEVEL)?.estimate,
        integral.estimate,
        stepping_stone(&draws, LEVEL)?,
    ];
    let mut comparison = Comparison::new()
        .with("forward annealing", forward.estimate(LEVEL)?)
        .with_bracket("rectangles", integral.bounds);
    for ((name, ..), estimate) in METHODS.iter().zip(&all) {
        comparison = comparison.with(*name, *estimate);
    }
    Ok(Estimates {
        all,
        bracketed: integral.bounds.contains(log_z),
        contradicts: matches!(comparison.verdict(), ComparisonVerdict::Disagree { .. }),
    })
}
