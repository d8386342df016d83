//! Log-densities and scores against 50-digit references.

use gibbsian_densities::{Laplace, StudentT, TruncatedNormal};

use crate::common::reference::log_density_and_score;

#[test]
fn student_t() {
    log_density_and_score("student_t", |p| {
        StudentT::new(
            p.number("location"),
            p.number("scale"),
            p.number("degrees_of_freedom"),
        )
        .unwrap()
    });
}

#[test]
fn laplace() {
    log_density_and_score("laplace", |p| {
        Laplace::new(p.number("location"), p.number("scale")).unwrap()
    });
}

#[test]
fn truncated_normal() {
    log_density_and_score("truncated_normal", |p| {
        let end = |name, infinity| if p.has(name) { p.number(name) } else { infinity };
        TruncatedNormal::new(
            p.number("mean"),
            p.number("deviation"),
            end("lower", f64::NEG_INFINITY),
            end("upper", f64::INFINITY),
        )
        .unwrap()
    });
}
