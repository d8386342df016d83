//! A certificate for a machine: its test log-probability enclosed from both sides.
//!
//! `ℓ = ⟨log f(x)⟩_test − log Z`. Annealed importance sampling finds `log Z` too low in expectation, so `ℓ` too high; RAISE scores the annealing model, in expectation too low. Where the two
//! ends meet within the tolerance the number is certified, otherwise the verdict says what to do. The lower end speaks about the annealing model: on a ladder that is too short it is another model than the target, and a look at
//! the sign of the gap is part of the reading.
//!
//! `cargo run -p gibbsian --example certify_rbm`
//!
//! trains a machine on bars and stripes, prints the certificate, and beside it the exact value, which a machine this small still has.

#![allow(clippy::print_stdout)]

use gibbsian::classical::{Bernoulli, BinaryRbmPath, FusedContrastiveDivergence, FusedOptions};
use gibbsian::data::bars_and_stripes;
use gibbsian::ndarray::Axis;
use gibbsian::partition::{Certificate, CertificateVerdict, Pilot, ais, raise};
use gibbsian::prelude::*;

/// Trains, certifies, and compares with enumeration.
pub fn main() -> Result<()> {
    let (seed, patterns) = (Seed::new(1), bars_and_stripes(3)?);
    let x = patterns.points();
    let start = Rbm::random(
        Bernoulli::unbiased(9),
        Bernoulli::unbiased(12),
        0.01,
        seed.child("weights"),
    )?;
    let mut machine = BinaryRbm::from(&start);
    let mut step = FusedContrastiveDivergence::new(FusedOptions::default())?;
    for t in 0..5_000 {
        step.train_step(&mut machine, x, 0.1, &mut seed.child("step").nth(t).rng())?;
    }

    // The path starts at independent pixels with the means of the data; a pilot run says where its temperatures should lie.
    let base = Bernoulli::matching_means(x.mean_axis(Axis(0)).unwrap_or_default().view(), x.nrows(), 1.0)?;
    let path = BinaryRbmPath::new(&machine, &base)?;
    let pilot = Pilot::run(&path, &Ladder::linear(100)?, 100, &mut seed.child("pilot").rng())?;
    let ladder = pilot.ladder(2_000)?;
    let forward = ais(&path, &ladder, 500, &mut seed.child("ais").rng())?;
    let test = patterns.sample(100, &mut seed.child("test").rng());
    let raised = raise(&path, &ladder, test.view(), 5, &mut seed.child("raise").rng())?;
    let certificate = Certificate::new(&forward, &raised, 0.99, 0.25)?;
    println!("{}", forward.estimate(0.99)?);
    println!("{certificate}");

    let log_z = machine.log_z()?;
    let exact = -machine.energy(test.view()).mean().unwrap_or(f64::NAN) - log_z;
    println!(
        "exact {exact:.4} nats; independent pixels reach −6.24, the law itself {:.4}",
        -patterns.entropy()
    );
    assert!(matches!(
        certificate.verdict,
        CertificateVerdict::Certified { .. }
    ));
    assert!(certificate.bounds.contains(exact));
    assert!(forward.estimate(0.99)?.interval.contains(log_z));
    Ok(())
}
