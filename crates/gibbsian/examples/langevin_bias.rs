//! The bias of unadjusted Langevin sampling, and its cure.
//!
//! `x' = x + ε s(x) + √(2ε) z` has an invariant law of its own: on a normal density of precision `λ` it is normal with variance `1/(λ(1 − ελ/2))`, however long the chain. Taking each move with the
//! probability of Metropolis and Hastings makes the target invariant (MALA).
//!
//! `cargo run -p gibbsian --example langevin_bias`
//!
//! prints the variances of both samplers along a wide and a narrow direction, with standard errors, beside the biased and the true values.

#![allow(clippy::print_stdout)]

use gibbsian::densities::MultivariateNormal;
use gibbsian::ndarray::{Array1, Axis, array};
use gibbsian::prelude::*;
use gibbsian::samplers::{Mala, UnadjustedLangevin};

const N_CHAINS: usize = 256;

/// Samples with and without correction; chains are independent, so errors come from their spread.
pub fn main() -> Result<()> {
    let target = MultivariateNormal::diagonal(array![0.0, 0.0], array![1.0, 0.25])?;
    let step_size = 0.2;
    let (biased, error_u) = variances(UnadjustedLangevin::new(step_size)?, &target)?;
    let (adjusted, error_m) = variances(Mala::new(step_size)?, &target)?;
    for (i, precision) in [1.0, 4.0].into_iter().enumerate() {
        let of_scheme = 1.0 / (precision * (1.0 - step_size * precision / 2.0));
        println!(
            "true {:.4}: unadjusted {:.4} ± {:.4} (its own law {of_scheme:.4}), adjusted {:.4} ± {:.4}",
            1.0 / precision,
            biased[i],
            error_u[i],
            adjusted[i],
            error_m[i],
        );
        assert!((biased[i] - of_scheme).abs() < 5.0 * error_u[i]);
        assert!((adjusted[i] - 1.0 / precision).abs() < 5.0 * error_m[i]);
        // The bias is no noise.
        assert!(biased[i] - 1.0 / precision > 10.0 * error_u[i]);
    }
    Ok(())
}

/// Mean squares of both coordinates (the means are zero) and their standard errors.
fn variances<K: Kernel<MultivariateNormal>>(
    kernel: K,
    target: &MultivariateNormal,
) -> Result<(Array1<f64>, Array1<f64>)> {
    let start = target.sample(N_CHAINS, &mut Seed::new(1).rng());
    let sampling = Sampling {
        n_warmup: 100,
        ..Sampling::new(1_000, Seed::new(2))
    };
    let run = sampling.run(kernel, target, start)?;
    let squares = run.draws.mapv(|x| x * x).mean_axis(Axis(1)).unwrap_or_default();
    let mean = squares.mean_axis(Axis(0)).unwrap_or_default();
    let error = squares.std_axis(Axis(0), 1.0) / (N_CHAINS as f64).sqrt();
    Ok((mean, error))
}
