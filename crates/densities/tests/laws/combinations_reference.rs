//! Products over blocks, powers and members in natural parameters against 50-digit references.

use crate::common::reference::{Parameters, compare, log_density, log_density_and_score};
use gibbsian_core::{Density, ExponentialFamily, ParametricMut, Result, Score};
use gibbsian_densities::*;
use ndarray::{Array1, ArrayView1, Axis, s};

/// A density with a score, of whichever type.
trait Scored: Density + Score {}

impl<T: Density + Score> Scored for T {}

/// A normal on the plane from two numbers of its mean and four of its covariance.
fn plane(values: ArrayView1<f64>) -> MultivariateNormal {
    let covariance = values.slice(s![2..]).into_shape_with_order((2, 2)).unwrap();
    MultivariateNormal::from_covariance(values.slice(s![..2]).to_owned(), covariance.to_owned()).unwrap()
}

#[test]
fn independent() {
    log_density_and_score("independent", |p: &Parameters| {
        let values = p.vector("values");
        let (scalars, block) = values.view().split_at(Axis(0), values.len().saturating_sub(6));
        let mut scalars = if p.word("parts").contains("normals") {
            scalars.to_vec()
        } else {
            values.to_vec()
        }
        .into_iter();
        let mut next = || scalars.next().unwrap();
        let part = |name| -> Box<dyn SmoothDensity> {
            match name {
                "normal" => Box::new(Normal::new(next(), next()).unwrap()),
                "exponential" => Box::new(Exponential::new(next()).unwrap()),
                "gamma" => Box::new(Gamma::new(next(), next()).unwrap()),
                "beta" => Box::new(Beta::new(next(), next()).unwrap()),
                "normals" => Box::new(plane(block)),
                _ => panic!("no part is called {name}"),
            }
        };
        Independent::new(p.word("parts").split(' ').map(part).collect()).unwrap()
    });
}

#[test]
fn powers_that_are_members() {
    fn power<F: PowerFamily + Score + 'static>(p: &Parameters, member: Result<F>) -> Box<dyn Scored> {
        let (member, beta) = (member.unwrap(), p.number("beta"));
        let place = format!("log Z of {} {}, β = {beta}", p.word("family"), p.vector("values"));
        let log_z = member.log_z_at(beta).unwrap();
        compare(&place, log_z, p.word("log_z_at"), p.number("log_z_at_terms"));
        Box::new(member.tempered(beta).unwrap())
    }
    log_density_and_score("tempered", |p| {
        let v = p.vector("values");
        match p.word("family") {
            "normal" => power(p, Normal::new(v[0], v[1])),
            "exponential" => power(p, Exponential::new(v[0])),
            "gamma" => power(p, Gamma::new(v[0], v[1])),
            "beta" => power(p, Beta::new(v[0], v[1])),
            "dirichlet" => power(p, Dirichlet::new(v)),
            "normals" => power(p, Ok(plane(v.view()))),
            name => panic!("no family is called {name}"),
        }
    });
}

#[test]
fn powers_by_enumeration() {
    log_density("tempered_finite", |p| {
        let logits = p.vector("logits");
        let mut rest = logits.view();
        let sites = p.vector("sizes").into_iter().map(|size| {
            let (site, others) = rest.split_at(Axis(0), size as usize);
            rest = others;
            Categorical::from_logits(site.to_owned()).unwrap()
        });
        let product = Independent::new(sites.collect()).unwrap();
        Tempered::new(product, p.number("beta")).unwrap()
    });
}

/// The member of the family of `start` that has these natural parameters.
fn natural<F: ExponentialFamily>(start: Result<F>, parameters: &Array1<f64>) -> Natural<F> {
    let mut model = Natural::new(start.unwrap());
    model.set_params(parameters.view()).unwrap();
    model
}

#[test]
fn natural_parameters() {
    log_density_and_score("natural", |p| -> Box<dyn Scored> {
        let eta = p.vector("natural");
        match p.word("family") {
            "normal" => Box::new(natural(Ok(Normal::standard()), &eta)),
            "exponential" => Box::new(natural(Exponential::new(1.0), &eta)),
            "gamma" => Box::new(natural(Gamma::new(1.0, 1.0), &eta)),
            "beta" => Box::new(natural(Beta::new(1.0, 1.0), &eta)),
            name => panic!("no family is called {name}"),
        }
    });
}

#[test]
fn natural_parameters_of_counts() {
    log_density("natural_counts", |p| -> Box<dyn Density> {
        let eta = p.vector("natural");
        match p.word("family") {
            "poisson" => Box::new(natural(Poisson::new(1.0), &eta)),
            "bernoulli" => Box::new(natural(Bernoulli::new(0.5), &eta)),
            "categorical" => {
                let start = Categorical::from_logits(Array1::zeros(eta.len() + 1));
                Box::new(natural(start, &eta))
            }
            name => panic!("no family is called {name}"),
        }
    });
}
