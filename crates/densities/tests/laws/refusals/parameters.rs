//! Natural and mean parameters of every family, and parameters of every trainable model, one entry at a time.

use gibbsian_core::{Density, ExponentialFamily, ParametricMut, Seed};
use gibbsian_densities::*;
use ndarray::{Array2, array};

use crate::refusals::support::{HOSTILE, check, name_of, named, sound, verdict};

/// Natural and mean parameters with one hostile entry: a member with finite parameters, and sound draws if they are promised, or a named error.
fn member<F: ExponentialFamily>(member: &F, draws: impl Fn(&F) -> bool) {
    let type_name = name_of::<F>();
    for k in 0..member.n_statistics() {
        for v in HOSTILE {
            let place = |of: &str| format!("{type_name}, {of}[{k}] = {v:e}");
            let (mut natural, mut mean) = (member.natural_parameters(), member.mean_parameters());
            (natural[k], mean[k]) = (v, v);
            let found = [
                ("natural", member.with_natural(natural.view())),
                ("mean", member.with_mean(mean.view())),
            ];
            for (of, found) in found {
                match found {
                    Ok(other) => {
                        if draws(&other) {
                            sound(&place(of), &other);
                        }
                        let parameters = (other.natural_parameters(), other.mean_parameters());
                        let finite = v.is_finite()
                            && other.log_partition().is_finite()
                            && parameters.0.iter().chain(&parameters.1).all(|p| p.is_finite());
                        check(finite, || {
                            let (natural, mean) = &parameters;
                            format!(
                                "{}: A = {}, η = {natural}, ∇A = {mean}",
                                place(of),
                                other.log_partition()
                            )
                        });
                    }
                    Err(error) => named(&place(of), &error, "", v),
                }
            }
        }
    }
    for wrong in [member.n_statistics() - 1, member.n_statistics() + 1] {
        let parameters = ndarray::Array1::zeros(wrong);
        for error in [
            member.with_natural(parameters.view()).err(),
            member.with_mean(parameters.view()).err(),
        ] {
            let message = error.expect("a wrong number of parameters").to_string();
            assert!(message.contains("has shape"), "{message}");
        }
    }
}

#[test]
fn families_in_natural_and_mean_parameters() {
    member(&Normal::new(1.0, 2.0).unwrap(), |_| true);
    member(&Exponential::new(2.0).unwrap(), |_| true);
    member(&Gamma::new(2.0, 3.0).unwrap(), |_| true);
    member(&Beta::new(2.0, 3.0).unwrap(), |_| true);
    member(&Poisson::new(3.0).unwrap(), |_| true);
    member(&Binomial::new(5, 0.3).unwrap(), |_| true);
    member(&Bernoulli::new(0.3).unwrap(), |_| true);
    member(&Categorical::new(array![0.25, 0.5, 0.25]).unwrap(), |_| true);
    member(&Dirichlet::new(array![1.0, 2.0, 0.5]).unwrap(), |_| true);
    // Draws with degrees of freedom near p − 1 are singular to rounding.
    let wishart = Wishart::new(4.0, array![[2.0, 0.5], [0.5, 1.0]]).unwrap();
    member(&wishart, |w| w.degrees_of_freedom() > 1.5);
    member(
        &MultivariateNormal::from_covariance(array![0.5, 1.0], array![[2.0, 0.5], [0.5, 1.0]]).unwrap(),
        |_| true,
    );
    verdict();
}

/// Parameters with one hostile entry: a sound model, or a named error and the model as it was. Entries above `most` move draws so far away that
/// rounding hides where they are.
fn model<M: ParametricMut + Density + Clone>(model: &M, most: f64) {
    let type_name = name_of::<M>();
    for k in 0..model.n_params() {
        for v in HOSTILE {
            let place = format!("{type_name}, {} = {v:e}", model.layout().locate(k));
            let (mut other, mut params) = (model.clone(), model.params());
            params[k] = v;
            match other.set_params(params.view()) {
                Ok(()) if v.abs() <= most => sound(&place, &other),
                Ok(()) => check(v.is_finite(), || format!("{place} was taken")),
                Err(error) => {
                    named(&place, &error, "", v);
                    check(other.params() == model.params(), || {
                        format!("{place} has left a trace")
                    });
                }
            }
        }
    }
}

#[test]
fn trainable_models() {
    model(&Natural::new(Normal::new(1.0, 2.0).unwrap()), f64::MAX);
    model(&Natural::new(Gamma::new(2.0, 3.0).unwrap()), f64::MAX);
    model(
        &MultivariateNormal::from_covariance(array![0.5, 1.0], array![[2.0, 0.5], [0.5, 1.0]]).unwrap(),
        f64::MAX,
    );
    model(
        &LinearGaussianChain::new(array![[0.0, 0.0], [0.5, 0.0]], array![1.0, 0.0], array![1.0, 2.0])
            .unwrap(),
        f64::MAX,
    );
    model(&Nade::random(3, 2, 0.5, Seed::new(1)).unwrap(), f64::MAX);
    let options = CouplingOptions {
        n_layers: 2,
        n_hidden: 2,
        largest_log_scale: 1.0,
    };
    let base = LinearGaussianChain::new(Array2::zeros((2, 2)), array![0.0, 0.0], array![1.0, 1.0]).unwrap();
    model(&CouplingFlow::new(base, options, Seed::new(1)).unwrap(), 1e155);
    verdict();
}
