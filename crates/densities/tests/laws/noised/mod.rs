//! Laws of Gaussian mixtures under a forward process.

mod empirical;
mod isotropic;
mod posterior;
mod values;

use crate::common::mixtures::shapes;
use gibbsian_core::process::{
    OrnsteinUhlenbeck, SubVariancePreserving, VarianceExploding, VariancePreserving,
};
use gibbsian_core::{LinearGaussian, Seed};
use gibbsian_densities::NoisedMixture;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::verdict::Verdict;
use ndarray::{ArrayView1, ArrayView2, array};

/// A process of any kind.
type Process = Box<dyn LinearGaussian>;

fn processes() -> Vec<(&'static str, Process)> {
    vec![
        ("VE", Box::new(VarianceExploding::new(0.01, 50.0).unwrap())),
        ("VE to 10⁴", Box::new(VarianceExploding::new(0.01, 1e4).unwrap())),
        ("VP", Box::new(VariancePreserving::new(0.1, 20.0).unwrap())),
        ("sub-VP", Box::new(SubVariancePreserving::new(0.1, 20.0).unwrap())),
        ("OU", Box::new(OrnsteinUhlenbeck::new(4.0).unwrap())),
    ]
}

/// Every shape under every process, with probes at times of their own, from next to nothing to the horizon.
fn each(
    check: impl Fn(&NoisedMixture<&dyn LinearGaussian>, ArrayView2<f64>, ArrayView1<f64>) -> Verdict,
) -> Verdict {
    for (process_name, process) in processes() {
        for (shape, mixture) in shapes() {
            let noised = NoisedMixture::new(mixture, process.as_ref()).unwrap();
            let t = array![1e-6, 1e-3, 0.1, 0.4, 0.7, 1.0] * process.horizon();
            let x = noised
                .sample_joint(t.view(), &mut Seed::new(11).child(shape).rng())
                .1;
            check(&noised, x.view(), t.view())
                .map_err(|f| f.within(format_args!("{shape} under {process_name}")))?;
        }
    }
    Ok(())
}

/// The largest size of a number that two routes to the same values have in common, as an absolute tolerance.
fn rounding(scale: f64) -> f64 {
    Precision::DOUBLE.agreement() * scale
}
