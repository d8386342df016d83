//! A kernel Stein discrepancy tells a wrong sampler from a right one, without draws of the target and without its normaliser.
//!
//! `E_p[s(x) f(x) + ∇f(x)] = 0` holds for draws of `p` alone. The largest violation over functions of a kernel's space has a closed form in pairs of points and their scores, and a wild bootstrap says how large it is by
//! chance (Liu, Lee and Jordan 2016; Chwialkowski, Strathmann and Gretton 2016).
//!
//! `cargo run -p gibbsian --example stein_discrepancy`
//!
//! prints discrepancies and p-values of Langevin chains with a long step, unadjusted and adjusted.

#![allow(clippy::print_stdout)]

use gibbsian::densities::planar::eight_gaussians;
use gibbsian::metrics::{InverseMultiquadric, SteinTest, kernel_stein_test};
use gibbsian::ndarray::ArrayView2;
use gibbsian::prelude::*;
use gibbsian::samplers::{Chains, Mala, UnadjustedLangevin};

/// One draw from each of many chains, so that points are independent; the alarm is at one in a hundred.
pub fn main() -> Result<()> {
    let target = eight_gaussians(2.0, 0.5)?;
    let start = target.sample(600, &mut Seed::new(1).rng());
    let judge = |x: ArrayView2<f64>| -> Result<SteinTest> {
        let scores = target.score(x);
        kernel_stein_test(
            x,
            scores.view(),
            &InverseMultiquadric::default(),
            999,
            0.5,
            &mut Seed::new(3).rng(),
        )
    };

    let mut unadjusted = Chains::new(
        UnadjustedLangevin::new(0.2)?,
        &target,
        start.clone(),
        Seed::new(2),
    )?;
    unadjusted.advance(100);
    let wrong = judge(unadjusted.positions().view())?;
    let mut adjusted = Chains::new(Mala::new(0.2)?, &target, start, Seed::new(2))?;
    adjusted.advance(100);
    let right = judge(adjusted.positions().view())?;
    for (name, found) in [("unadjusted", &wrong), ("adjusted", &right)] {
        println!(
            "{name:10} KSD {:.4}, p = {:.3}",
            found.discrepancy.value(),
            found.p_value
        );
    }
    assert!(wrong.p_value < 0.01 && right.p_value > 0.01);
    assert!(wrong.discrepancy.value() > right.discrepancy.value());
    Ok(())
}
