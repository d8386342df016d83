//! Any energy as a prior.

use gibbsian_core::{Energy, Score};
use gibbsian_sde::{LinearObservation, PosteriorEnergy};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::{Gaussian, Mixture};
use ndarray::{Array1, array};

use super::{observed, probes, score_at, two_modes};
use crate::common::normals::Clean;

#[test]
fn it_has_every_derivative_that_the_prior_has() {
    let x = probes(5, 3);
    for observation in [
        observed(3, 0.3),
        LinearObservation::of_coordinates(3, vec![2, 0], array![0.5, -0.3], 0.2).unwrap(),
    ] {
        let precision = array![[2.0, 0.3, 0.0], [0.3, 1.0, 0.1], [0.0, 0.1, 1.5]];
        let prior = Gaussian::new(array![0.5, -1.0, 0.2], precision).unwrap();
        let posterior = PosteriorEnergy::new(prior, observation).unwrap();
        conformance::energy(&posterior, x.view(), Precision::DOUBLE).unwrap();
        conformance::score(&posterior, x.view(), Precision::DOUBLE).unwrap();
        conformance::potential(&posterior, x.view(), Precision::DOUBLE).unwrap();
        conformance::score_jvp(&posterior, x.view(), Precision::DOUBLE).unwrap();
    }
}

#[test]
fn it_is_the_posterior_with_its_normaliser() {
    for dim in [1, 2, 8] {
        let (prior, observation) = (two_modes(dim), observed(dim, 0.3));
        let (exact, log_evidence) = prior.posterior(&observation);
        let x = probes(9, dim);
        let posterior = PosteriorEnergy::new(Clean(&prior), observation.clone()).unwrap();
        let offset = posterior.energy(x.view()) - Clean(&exact).energy(x.view());
        assert!(
            offset.iter().all(|o| (o + log_evidence).abs() < 1e-11),
            "{offset}"
        );

        let kit = Mixture::new(prior.weights.clone(), prior.means.clone(), array![0.5, 0.7]).unwrap();
        let score = PosteriorEnergy::new(kit, observation).unwrap().score(x.view());
        let expected = score_at(&exact, &x, &Array1::zeros(9));
        assert!(super::difference(&score, &expected) < 1e-12);
    }
}

#[test]
fn what_the_prior_excludes_stays_excluded() {
    struct HalfLine;
    impl gibbsian_core::Space for HalfLine {
        fn dim(&self) -> usize {
            1
        }
    }
    impl Energy for HalfLine {
        fn energy_into(&self, x: ndarray::ArrayView2<f64>, mut out: ndarray::ArrayViewMut1<f64>) {
            out.assign(&x.column(0).mapv(|x| if x < 0.0 { f64::INFINITY } else { x }));
        }
    }
    let observation = LinearObservation::new(array![[2.0]], array![1.0], 1.0).unwrap();
    let energy = PosteriorEnergy::new(HalfLine, observation)
        .unwrap()
        .energy(array![[-0.5], [0.5], [f64::NAN]].view());
    assert_eq!(energy[0], f64::INFINITY);
    assert_eq!(energy[1], 0.5 + 0.5 * std::f64::consts::TAU.ln());
    assert!(energy[2].is_nan());
}
