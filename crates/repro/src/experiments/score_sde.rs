//! Diffusion by stochastic differential equations (Song, Sohl-Dickstein, Kingma, Kumar, Ermon and Poole 2021), with scores that are known and one that is learnt.
//!
//! Data from three normal laws in the plane are noised by four processes: variance exploding, variance preserving, sub-variance preserving, Ornstein–Uhlenbeck. Noised mixtures are
//! mixtures, so that the score at every time is known, and so is what every method should find.
//!
//! - `likelihood` compares log-densities by the probability flow with the exact ones, and the normal prior's share of their error with what it must be.
//! - `samples` draws by the reverse equation in both conventions of time, by the flow, and by predictor and corrector.
//! - `chain` shows a step of DDPM to be a step of the reverse equation, up to the second order in `β`.
//! - `trained` learns scores for two processes and compares samplers at equal numbers of evaluations.

mod chain;
mod likelihood;
mod samples;
mod trained;

use gibbsian_core::LinearGaussian;
use gibbsian_core::process::{
    OrnsteinUhlenbeck, SubVariancePreserving, VarianceExploding, VariancePreserving,
};
use gibbsian_densities::{Covariances, GaussianMixture, NoisedMixture};
use ndarray::array;

use crate::{Context, Experiment, Result};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "score-sde",
    title: "Diffusion by stochastic differential equations",
    question: "How does one get from noise back to data, and what is the probability of a datum on the way?",
    mathematics: r"Data at $t = 0$ are noised by $\mathrm{d}X = f(X, t) \, \mathrm{d}t + g(t) \, \mathrm{d}B$ and have the score $s_t$ at time $t$. In its own clock $Y_t = X_{T - t}$ the reverse process is
        $$\mathrm{d}Y = \left[ g(T - t)^2 \, s_{T - t}(Y) - f(Y, T - t) \right] \mathrm{d}t + g(T - t) \, \mathrm{d}B ,$$
        and the probability flow has the same law at every time without noise:
        $$\frac{\mathrm{d}x}{\mathrm{d}t} = f - \tfrac{1}{2} g^2 s_t , \qquad \log p_0(x_0) = \log p_T(x_T) + \int_0^T \nabla \cdot \left( f - \tfrac{1}{2} g^2 s_t \right) \mathrm{d}t .$$",
    shows: "A forward process takes data to noise; its reverse, which needs the score at every time, takes noise to data. Four processes, three ways back, one likelihood.\n\nOn noised mixtures \
            all scores are known. The probability flow then gives log-densities that are right to the solver's tolerance; the reverse equation, the flow, and a predictor with a \
            corrector draw from the same law; the two ways to write time agree to the last bit; and a step of DDPM differs from a step of the reverse equation by (3x/8 + s/2) β².",
    source: "Song et al. (2021); Ho, Jain and Abbeel (2020)",
    budget_seconds: 30,
    claims: &[
        likelihood::TRUTH,
        likelihood::ORDER,
        likelihood::PRIOR,
        likelihood::ESTIMATE,
        likelihood::BOUND,
        samples::CONVENTIONS,
        samples::FLOW,
        samples::REVERSE,
        samples::CORRECTED,
        chain::ORDER,
        chain::CONSTANT,
        trained::GIBBS,
        trained::CLOSE,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    ctx.progress(0, 4, "likelihoods");
    likelihood::measure(ctx)?;
    ctx.progress(1, 4, "samples");
    samples::measure(ctx)?;
    ctx.progress(2, 4, "the chain");
    chain::measure(ctx)?;
    ctx.progress(3, 4, "learning");
    trained::measure(ctx)
}

/// Where solutions end: there is no score of data without noise that a network could learn.
const START: f64 = 1e-3;

/// A forward process with its name.
struct Case {
    name: &'static str,
    process: Box<dyn LinearGaussian + Send>,
}

impl Case {
    fn noised(&self) -> Result<NoisedMixture<&(dyn LinearGaussian + Send)>> {
        Ok(NoisedMixture::new(data()?, self.process.as_ref())?)
    }
}

/// The four processes of the paper and of the theory.
fn cases() -> Result<[Case; 4]> {
    fn case(name: &'static str, process: impl LinearGaussian + Send + 'static) -> Case {
        Case {
            name,
            process: Box::new(process),
        }
    }
    Ok([
        case("VE", VarianceExploding::new(0.01, 20.0)?),
        case("VP", VariancePreserving::new(0.1, 20.0)?),
        case("sub-VP", SubVariancePreserving::new(0.1, 20.0)?),
        case("OU", OrnsteinUhlenbeck::new(5.0)?),
    ])
}

/// Three normal laws in the plane.
fn data() -> Result<GaussianMixture> {
    Ok(GaussianMixture::new(
        array![0.2, 0.3, 0.5],
        array![[-2.0, -1.0], [2.0, -1.0], [0.0, 2.0]],
        Covariances::Spherical(array![0.16, 0.09, 0.25]),
    )?)
}
