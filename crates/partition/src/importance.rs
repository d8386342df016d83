//! Simple importance sampling: `Z` as a mean over draws from one base density.
//!
//! `Z = E_{x ~ p_0}[exp(−E(x)) / p_0(x)]`, unbiased, without a ladder and without Markov chains; annealed importance sampling on two rungs. Its
//! relative variance is the `χ²` divergence of the target from the base, which is exponential in the dimension as soon as the two differ in a
//! fixed fraction of the coordinates: it is here for small problems, for bases that are nearly the target, and as the
//! baseline that the other methods are for. The verdict tells when the weights are those of a base that misses the target, and the
//! lower bound holds even then.

use gibbsian_core::error::check_count;
use gibbsian_core::{Density, Energy, Error, Path, Result};
use rand::Rng;

use crate::Ladder;
use crate::ais::{ForwardAis, ais};
use crate::anneal::{BATCH_CHAINS, check_start, check_weights, map_batches};
use crate::weights::LogWeights;

/// Weighs `n_draws` exact draws of the base of a path by the target: `w = Z_0 f_1(x) / f_0(x)`, `E w = Z`.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_partition::{exact_log_z, importance};
/// # use gibbsian_testkit::targets::{Pairwise, Tempered};
/// # use ndarray::{Array1, Array2};
/// // Four spins that pull each other along, and the path to them from independent ones.
/// let target = Pairwise::new(Array1::from_elem(4, 0.2), Array2::from_elem((4, 4), 0.3))?;
/// let path = Tempered::new(Array1::zeros(4), target.clone())?;
/// let exact = exact_log_z(&target)?;
/// let run = importance(&path, 10_000, &mut Seed::new(1).rng())?;
/// assert!(run.estimate(0.999)?.interval.contains(exact));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// No draw; a weight that became NaN or `+∞`; weights that all vanish.
pub fn importance<P: Path>(path: &P, n_draws: usize, rng: &mut dyn Rng) -> Result<ForwardAis> {
    check_count("n_draws", n_draws)?;
    ais(path, &Ladder::linear(1)?, n_draws, rng)
}

/// Weighs `n_draws` draws of a density by an energy on the same space: `w = exp(−E(x)) / p(x)`, `E w = Z = ∫ exp(−E)`.
///
/// The base must be positive wherever the target is, or `Z` is that of the part it covers.
///
/// ```
/// use gibbsian_core::{FnEnergy, Seed};
/// use gibbsian_partition::importance_between;
/// # use gibbsian_testkit::targets::Gaussian;
/// # use ndarray::array;
///
/// // `Gaussian` is a normal density by its mean and precision, wider here than the target: Z = ∫ exp(−x²/2) dx = √2π.
/// let base = Gaussian::new(array![0.0], array![[0.5]])?;
/// let target = FnEnergy::new(1, |x| 0.5 * x.dot(&x))?;
/// let run = importance_between(&base, &target, 10_000, &mut Seed::new(1).rng())?;
/// let exact = 0.5 * std::f64::consts::TAU.ln();
/// assert!(run.estimate(0.999)?.interval.contains(exact));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// Spaces of different dimensions, no draw, a base whose `log Z` is not finite; a weight that became NaN or `+∞`, named by its draw; weights that all
/// vanish.
pub fn importance_between<B: Density, T: Energy>(
    base: &B,
    target: &T,
    n_draws: usize,
    rng: &mut dyn Rng,
) -> Result<ForwardAis> {
    check_count("n_draws", n_draws)?;
    check_start(base.log_z())?;
    if base.dim() != target.dim() {
        return Err(Error::parameter(
            "target",
            format!("of dimension {}", target.dim()),
            format!("of the dimension of the base, {}", base.dim()),
        ));
    }
    let batches = map_batches(n_draws, BATCH_CHAINS, rng, |draws, mut rng| {
        let x = base.sample(draws.len(), &mut rng);
        let log_weights = (-target.energy(x.view()) - base.log_density(x.view())).to_vec();
        check_weights(&log_weights, draws.start, 0.0, 1.0)?;
        Ok(log_weights)
    })?;
    let weights = LogWeights::new(batches.concat())?;
    Ok(ForwardAis::from_log_weights(weights))
}
