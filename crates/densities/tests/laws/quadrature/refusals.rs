//! What has no integral, and what is refused.

use gibbsian_densities::quadrature::{Domain, Interval, QuadratureOptions, integrate_line, numeric_log_z};

use crate::quadrature::Field;

#[test]
fn what_is_not_integrable_is_an_error() {
    let line = Domain::whole(1).unwrap();
    let settings = QuadratureOptions::default();
    for (what, energy) in [
        ("constant", (|_| 0.0) as fn(&[f64]) -> f64),
        ("1/|x| at infinity", |x| (1.0 + x[0].abs()).ln()),
        ("a bounded energy", |x| x[0].tanh()),
        ("growth", |x| -x[0].abs().sqrt()),
    ] {
        let message = numeric_log_z(&Field(1, energy), &line, settings)
            .unwrap_err()
            .to_string();
        assert!(
            message.starts_with("`the mass ") && message.contains("the integral does not converge"),
            "{what}: {message}"
        );
    }
    let planar = Field(2, |x: &[f64]| (1.0 + x[0] * x[0] + x[1] * x[1]).ln());
    let message = numeric_log_z(&planar, &Domain::whole(2).unwrap(), settings)
        .unwrap_err()
        .to_string();
    assert!(message.contains("does not converge"), "{message}");
    // 1/|x| inside.
    let message = integrate_line(
        |x| 1.0 / (x - 0.1).abs(),
        Interval::closed(0.0, 1.0).unwrap(),
        settings,
    )
    .unwrap_err()
    .to_string();
    assert!(
        message.contains("singular near x = [0.1") || message.contains("singular near x = [0.09999"),
        "{message}"
    );
}

#[test]
fn refusals_name_what_was_wrong() {
    let unit = Interval::closed(0.0, 1.0).unwrap();
    let message = |f: fn(f64) -> f64, settings: QuadratureOptions| {
        integrate_line(f, unit, settings).unwrap_err().to_string()
    };
    let settings = QuadratureOptions::default();
    assert!(message(|x| (x - 2.0).sqrt(), settings).starts_with("`the integrand` became NaN at x = ["));
    let few = QuadratureOptions {
        max_evaluations: 200,
        ..settings
    };
    let text = message(|x| (300.0 * x).sin(), few);
    assert!(
        text.starts_with("`max_evaluations` is 200, but must be enough for an error of"),
        "{text}"
    );
    let impossible = QuadratureOptions {
        relative: 1e-16,
        ..settings
    };
    let text = message(|x| x.exp(), impossible);
    assert!(
        text.starts_with("`the tolerance` is") && text.contains("the size of rounding errors"),
        "{text}"
    );
    let text = message(
        |x| x,
        QuadratureOptions {
            relative: f64::NAN,
            ..settings
        },
    );
    assert_eq!(text, "`relative` is NaN, but must be finite and at least zero");
    let text = message(
        |x| x,
        QuadratureOptions {
            max_evaluations: 0,
            ..settings
        },
    );
    assert_eq!(text, "`max_evaluations` is 0, but must be at least 1");
    assert_eq!(
        Interval::closed(0.0, f64::INFINITY).unwrap_err().to_string(),
        "`upper` is inf, but must be finite and greater than lower = 0"
    );
    assert!(Interval::above(f64::NAN).is_err() && Interval::line_around(0.0, 0.0).is_err());
    assert_eq!(
        Domain::whole(3).unwrap_err().to_string(),
        "`dim` is 3, but must be 1 or 2"
    );
    let outside = Domain::interval(unit)
        .with_peak(&[2.0], 0.1)
        .unwrap_err()
        .to_string();
    assert_eq!(outside, "`at[0]` is 2, but must be inside the domain");
    let nan = Field(1, |x: &[f64]| if x[0] > 1.0 { f64::NAN } else { x[0] * x[0] });
    let text = numeric_log_z(&nan, &Domain::whole(1).unwrap(), settings)
        .unwrap_err()
        .to_string();
    assert!(text.starts_with("`the energy` became NaN at x = ["), "{text}");
    let nowhere = Field(1, |_: &[f64]| f64::INFINITY);
    let text = numeric_log_z(&nowhere, &Domain::whole(1).unwrap(), settings)
        .unwrap_err()
        .to_string();
    assert!(text.contains("infinite on a grid"), "{text}");
    let text = numeric_log_z(&nowhere, &Domain::whole(2).unwrap(), settings)
        .unwrap_err()
        .to_string();
    assert!(text.contains("the dimension of the energy"), "{text}");
}
