//! Bad parameters are refused with their name, their value and the requirement.

use gibbsian_densities::{Laplace, StudentT, TruncatedNormal};

const INF: f64 = f64::INFINITY;

fn message<T>(result: gibbsian_core::Result<T>) -> String {
    match result {
        Ok(_) => panic!("accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn numbers_that_are_not_in_their_domain() {
    for bad in [f64::NAN, INF, -INF, 0.0, -1.0] {
        let requirement = "but must be finite and greater than zero";
        assert_eq!(
            message(StudentT::new(0.0, bad, 1.0)),
            format!("`scale` is {bad}, {requirement}")
        );
        assert_eq!(
            message(StudentT::new(0.0, 1.0, bad)),
            format!(
                "`degrees_of_freedom` is {bad}, {requirement}; 1 is the Cauchy distribution, and for ever larger ones \
                 take the normal"
            )
        );
        assert_eq!(
            message(Laplace::new(0.0, bad)),
            format!("`scale` is {bad}, {requirement}")
        );
        assert_eq!(
            message(TruncatedNormal::new(0.0, bad, 0.0, 1.0)),
            format!(
                "`deviation` is {bad}, {requirement}; a point mass has no density, take a small value above zero"
            )
        );
    }
    assert!(message(StudentT::new(0.0, 1.0, 1e-310)).ends_with("but must be at least 4.5e-308"));
    for bad in [f64::NAN, INF, -INF] {
        let requirement = "but must be finite";
        assert_eq!(
            message(StudentT::new(bad, 1.0, 1.0)),
            format!("`location` is {bad}, {requirement}")
        );
        assert_eq!(
            message(Laplace::new(bad, 1.0)),
            format!("`location` is {bad}, {requirement}")
        );
        assert_eq!(
            message(TruncatedNormal::new(bad, 1.0, 0.0, 1.0)),
            format!("`mean` is {bad}, {requirement}")
        );
    }
}

#[test]
fn intervals_that_hold_nothing() {
    assert_eq!(
        message(TruncatedNormal::new(0.0, 1.0, f64::NAN, 1.0)),
        "`lower` is NaN, but must be a number or an infinity"
    );
    for (lower, upper) in [
        (1.0, 1.0),
        (2.0, 1.0),
        (0.0, f64::NAN),
        (INF, INF),
        (-INF, -INF),
        (0.0, -INF),
    ] {
        assert_eq!(
            message(TruncatedNormal::new(0.0, 1.0, lower, upper)),
            format!("`upper` is {upper}, but must be greater than {lower}, the lower end")
        );
    }
    // 10³¹⁰ deviations away, and 10⁻³³⁰ of one wide.
    assert_eq!(
        message(TruncatedNormal::new(0.0, 1e-10, 1e300, INF)),
        format!(
            "`[lower, upper]` is [{}, inf], but must be an interval that deviations of 0.0000000001 can measure from 0",
            1e300
        )
    );
    assert!(message(TruncatedNormal::new(0.0, 1e20, 0.0, 1e-310)).contains("deviations of"));
    assert!(message(TruncatedNormal::new(0.0, 1.0, -INF, -1e308)).contains("deviations of"));
}
