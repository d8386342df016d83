//! Guidance by classifiers, and without them.

use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_core::{Space, TimeEnergy, TimeScore};
use gibbsian_sde::{ClassifierFreeGuidance, ClassifierGuidance};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2};

use super::{difference, probes, score_at, times, two_modes};
use crate::common::normals::Normals;

/// The exact classifier of a mixture's components: `∇ log r_k = Σ_j r_j (s_k − s_j)`, from their densities alone.
struct Class {
    prior: Normals<OrnsteinUhlenbeck>,
    class: usize,
}

impl Space for Class {
    fn dim(&self) -> usize {
        self.prior.dim()
    }
}

impl TimeScore for Class {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        let n_classes = self.prior.weights.len();
        let parts: Vec<(Array1<f64>, Array2<f64>)> = (0..n_classes)
            .map(|k| {
                let component = self.prior.component(k);
                let mut energy = Array1::zeros(x.nrows());
                component.energy_at_into(x, t, energy.view_mut());
                (energy, score_at(&component, &x.to_owned(), &t.to_owned()))
            })
            .collect();
        for b in 0..x.nrows() {
            let densities = Array1::from_shape_fn(n_classes, |k| {
                self.prior.weights[k] * (parts[self.class].0[b] - parts[k].0[b]).exp()
            });
            let r = &densities / densities.sum();
            out.row_mut(b).fill(0.0);
            for (r, (_, score)) in r.iter().zip(&parts) {
                let apart = &parts[self.class].1.row(b) - &score.row(b);
                out.row_mut(b).scaled_add(*r, &apart);
            }
        }
    }
}

#[test]
fn an_exact_classifier_gives_the_score_of_its_class() {
    for dim in [1, 2, 8] {
        let prior = two_modes(dim);
        let (x, t) = (probes(12, dim), times(12));
        for class in [0, 1] {
            let classifier = || Class {
                prior: prior.clone(),
                class,
            };
            let exact = score_at(&prior.component(class), &x, &t);
            let guided = ClassifierGuidance::new(prior.clone(), classifier(), 1.0).unwrap();
            assert!(difference(&score_at(&guided, &x, &t), &exact) < 1e-12);

            // (1 + w) s_c − w s is guidance of weight 1 + w by the classifier that the two imply.
            let free = ClassifierFreeGuidance::new(prior.component(class), prior.clone(), 2.0).unwrap();
            let guided = ClassifierGuidance::new(prior.clone(), classifier(), 3.0).unwrap();
            assert!(difference(&score_at(&free, &x, &t), &score_at(&guided, &x, &t)) < 1e-12);
            let none = ClassifierFreeGuidance::new(prior.component(class), prior.clone(), 0.0).unwrap();
            assert_eq!(score_at(&none, &x, &t), exact);
        }
    }
}

#[test]
fn combinations_are_scores() {
    let (x, t) = (probes(5, 3), times(5));
    let (prior, weight) = (two_modes(3), 0.7);
    let classifier = Class {
        prior: prior.clone(),
        class: 1,
    };
    let guided = ClassifierGuidance::new(prior.clone(), classifier, weight).unwrap();
    conformance::time_score(&guided, x.view(), t.view(), Precision::DOUBLE).unwrap();
    let guided = ClassifierGuidance::new(prior.clone(), prior.component(0), weight).unwrap();
    conformance::time_score_jvp(&guided, x.view(), t.view(), Precision::DOUBLE).unwrap();
    let free = ClassifierFreeGuidance::new(prior.component(1), prior, weight).unwrap();
    conformance::time_score_jvp(&free, x.view(), t.view(), Precision::DOUBLE).unwrap();
}
