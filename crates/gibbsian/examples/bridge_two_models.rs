//! Which of two machines has the larger normaliser: bridge sampling between them, and MBAR along a path.
//!
//! With draws `x ~ p_0`, `y ~ p_1` and works `w(x) = log f_1(x) − log f_0(x)` the ratio `r = log Z_1/Z_0` solves `Σ_x σ(w(x) − r) = Σ_y σ(r − w(y))` for equally many of both: Bennett's acceptance ratio (1976), the
//! least error that these draws can give. MBAR (Shirts and Chodera 2008) is the same for the draws of many densities at once.
//!
//! `cargo run -p gibbsian --example bridge_two_models`
//!
//! prints one-sided importance sampling, the bridge, and MBAR, each with its error, beside exact values.

#![allow(clippy::print_stdout)]

use gibbsian::classical::{Bernoulli, RbmPath};
use gibbsian::ndarray::Array1;
use gibbsian::partition::{ExactDistribution, Reach, RungSampling, Works, bennett, mbar, sample_rungs};
use gibbsian::prelude::*;

/// Compares two machines by draws of both, and one with independent units by draws along the way.
pub fn main() -> Result<()> {
    let seed = Seed::new(1);
    let machine = |name, bias| {
        let visible = Bernoulli::new(Array1::from_elem(10, bias))?;
        Rbm::random(visible, Bernoulli::unbiased(6), 0.5, seed.child(name))
    };
    let (first, second) = (machine("first", 0.0)?, machine("second", 0.5)?);
    let exact = second.log_z()? - first.log_z()?;

    let n = 4_000;
    let works = |from: &Rbm, to: &Rbm, name| -> Result<Vec<f64>> {
        let x = ExactDistribution::new(from)?.sample(n, &mut seed.child(name).rng());
        Ok((from.energy(x.view()) - to.energy(x.view())).to_vec())
    };
    let (forward, reverse) = (
        works(&first, &second, "forward")?,
        works(&second, &first, "reverse")?,
    );
    let one_sided = (forward.iter().map(|w| w.exp()).sum::<f64>() / n as f64).ln();
    let bridge = bennett(&Works::independent(forward, reverse)?, 0.99)?;
    println!("exact log Z₂/Z₁ {exact:.4}\none-sided       {one_sided:.4}\nbridge          {bridge}");
    assert!(bridge.reliability.is_trusted() && bridge.interval.contains(exact));
    assert!((bridge.log_z - exact).abs() < 5.0 * bridge.standard_error);

    // From independent units to the second machine, all rungs judged together.
    let path = RbmPath::new(&second, Bernoulli::unbiased(10), Bernoulli::unbiased(6))?;
    let sampling = RungSampling {
        n_draws: 20,
        reach: Reach::All,
        ..RungSampling::new()
    };
    let draws = sample_rungs(
        &path,
        &Ladder::linear(8)?,
        &sampling,
        &mut seed.child("rungs").rng(),
    )?;
    let all = mbar(&draws, 0.99)?;
    println!(
        "exact log Z₂    {:.4}\nMBAR            {}",
        second.log_z()?,
        all.estimate
    );
    assert!((all.estimate.log_z - second.log_z()?).abs() < 5.0 * all.estimate.standard_error);
    assert!(all.estimate.standard_error < 0.1);
    Ok(())
}
