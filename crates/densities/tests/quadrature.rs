//! Adaptive integrals against closed forms, and the honesty of their error estimates.

use std::f64::consts::PI;

use gibbsian_core::{Energy, Space};
use gibbsian_densities::quadrature::{
    Domain, Integral, Interval, Settings, expectation, integrate, integrate_line, numeric_log_z,
};
use ndarray::{ArrayView2, ArrayViewMut1};

fn plane(
    f: impl Fn(f64, f64) -> f64,
    domain: &Domain,
    settings: Settings,
) -> gibbsian_core::Result<Integral> {
    integrate(
        |x, mut out| {
            for (out, x) in out.iter_mut().zip(x.rows()) {
                *out = f(x[0], x[1]);
            }
        },
        domain,
        settings,
    )
}

/// An energy given by a function of a point.
struct Field<F>(usize, F);

impl<F: Fn(&[f64]) -> f64 + Sync> Space for Field<F> {
    fn dim(&self) -> usize {
        self.0
    }
}
impl<F: Fn(&[f64]) -> f64 + Sync> Energy for Field<F> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (out, x) in out.iter_mut().zip(x.rows()) {
            *out = (self.1)(&x.to_vec());
        }
    }
}

/// Panics unless the integral is within its own error, and the error within what was asked for.
fn hold(what: &str, found: gibbsian_core::Result<Integral>, exact: f64, size: f64, relative: f64) {
    let found = found.unwrap_or_else(|e| panic!("{what}: {e}"));
    let error = (found.value - exact).abs();
    assert!(
        error <= found.error && found.error <= relative * size,
        "{what}: {} instead of {exact}, off by {error:e}, estimated {:e}",
        found.value,
        found.error
    );
}

#[test]
fn the_error_is_no_larger_than_its_estimate_on_a_line() {
    let mut n = 0;
    for relative in [1e-4, 1e-8, 1e-12] {
        let settings = Settings {
            relative,
            ..Settings::default()
        };
        let mut check = |what: String, f: &dyn Fn(f64) -> f64, over: Interval, exact: f64, size: f64| {
            hold(&what, integrate_line(f, over, settings), exact, size, relative);
            n += 1;
        };
        let unit = Interval::closed(0.0, 1.0).unwrap();
        for k in 1..=12 {
            let k = f64::from(k);
            // Power laws and logarithms at an end.
            let a = -0.98 + 0.17 * k;
            let open = Interval::open(0.0, 1.0).unwrap();
            check(
                format!("x^{a}"),
                &|x| x.powf(a),
                open,
                1.0 / (1.0 + a),
                1.0 / (1.0 + a),
            );
            let exact = -(1.0 + a).powi(-2);
            check(
                format!("x^{a} log x"),
                &|x| x.powf(a) * x.ln(),
                open,
                exact,
                -exact,
            );
            // Oscillations.
            let omega = k * k;
            let exact = ((omega + 1.0).sin() - 1f64.sin()) / omega;
            check(
                format!("cos({omega} x + 1)"),
                &|x| (omega * x + 1.0).cos(),
                unit,
                exact,
                1.0,
            );
            // Rational peaks inside, and on the line.
            let (c, w) = (0.37, 3f64.powf(k / 2.0));
            let exact = ((w * (1.0 - c)).atan() + (w * c).atan()) / w;
            let peak = |x: f64| 1.0 / (1.0 + (w * (x - c)).powi(2));
            check(format!("peak of width 1/{w}"), &peak, unit, exact, exact);
            check(
                format!("peak of width 1/{w} on the line"),
                &peak,
                Interval::line(),
                PI / w,
                PI / w,
            );
            // Kinks and steps.
            let exact = (2.0 - (-k * c).exp() - (-k * (1.0 - c)).exp()) / k;
            check(
                format!("exp(−{k} |x − c|)"),
                &|x| (-k * (x - c).abs()).exp(),
                unit,
                exact,
                exact,
            );
            let step = 0.5 + 0.031 * k;
            check(
                format!("step at {step}"),
                &|x| f64::from(u8::from(x < step)),
                unit,
                step,
                step,
            );
            // Normals around points of the line, and half of them.
            let (mu, sigma) = (k - 5.5, 0.2 * k);
            let z = sigma * (2.0 * PI).sqrt();
            let normal = move |x: f64| (-0.5 * ((x - mu) / sigma).powi(2)).exp();
            check(format!("N({mu}, {sigma})"), &normal, Interval::line(), z, z);
            check(
                format!("half of N({mu}, {sigma})"),
                &normal,
                Interval::above(mu).unwrap(),
                z / 2.0,
                z / 2.0,
            );
            check(
                format!("half of N({mu}, {sigma})"),
                &normal,
                Interval::below(mu).unwrap(),
                z / 2.0,
                z / 2.0,
            );
            // Gamma integrals with half-integer shapes: Γ(k + ½) = √π Π (j − ½).
            let exact = (1..=k as i32).fold(PI.sqrt(), |g, j| g * (f64::from(j) - 0.5));
            let half_line = Interval::above(0.0).unwrap();
            check(
                format!("Γ({k} + ½)"),
                &|x| ((k - 0.5) * x.ln() - x).exp(),
                half_line,
                exact,
                exact,
            );
            // Heavy tails.
            let p = 1.0 + 0.2 * k;
            check(
                format!("(1 + x)^−{p}"),
                &|x| (1.0 + x).powf(-p),
                half_line,
                5.0 / k,
                5.0 / k,
            );
        }
    }
    assert!(n >= 400, "{n}");
}

#[test]
fn the_error_is_no_larger_than_its_estimate_in_the_plane() {
    let mut n = 0;
    for relative in [1e-4, 1e-7, 1e-11] {
        let settings = Settings {
            relative,
            ..Settings::default()
        };
        let unit = Interval::closed(0.0, 1.0).unwrap();
        let square = Domain::rectangle(unit, unit);
        let whole = Domain::whole(2).unwrap();
        let mut check = |what: &str, f: &dyn Fn(f64, f64) -> f64, over: &Domain, exact: f64, size: f64| {
            hold(what, plane(f, over, settings), exact, size, relative);
            n += 1;
        };
        // The families of Genz (1984), with random difficulty replaced by a grid of it, and normals.
        for k in 1..=6 {
            let (a, b) = (1.5 * f64::from(k), 7.0 - f64::from(k));
            let exact = (a.cos() + b.cos() - (a + b).cos() - 1.0) / (a * b);
            check("oscillatory", &|x, y| (a * x + b * y).cos(), &square, exact, 1.0);
            let line = |a: f64, c: f64| a * ((a * (1.0 - c)).atan() + (a * c).atan());
            let exact = line(a, 0.3) * line(b, 0.6);
            let peak =
                |x: f64, y: f64| 1.0 / ((a.powi(-2) + (x - 0.3).powi(2)) * (b.powi(-2) + (y - 0.6).powi(2)));
            check("product peak", &peak, &square, exact, exact);
            let exact = 0.5 / (a * b) * (1.0 - 1.0 / (1.0 + a) - 1.0 / (1.0 + b) + 1.0 / (1.0 + a + b));
            check(
                "corner peak",
                &|x, y| (1.0 + a * x + b * y).powi(-3),
                &square,
                2.0 * exact / 2.0,
                exact,
            );
            let line = |a: f64, c: f64| (2.0 - (-a * c).exp() - (-a * (1.0 - c)).exp()) / a;
            let exact = line(a, 0.25) * line(b, 0.5);
            let kinks = |x: f64, y: f64| (-a * (x - 0.25).abs() - b * (y - 0.5).abs()).exp();
            check("C0 at halves", &kinks, &square, exact, exact);
            let rho = 0.15 * f64::from(k);
            let exact = 2.0 * PI * (1.0 - rho * rho).sqrt();
            let normal = |x: f64, y: f64| {
                (-0.5 * (x * x - 2.0 * rho * x * (y - 1.0) + (y - 1.0).powi(2)) / (1.0 - rho * rho)).exp()
            };
            check("correlated normal", &normal, &whole, exact, exact);
            let nu = 0.5 * f64::from(k);
            // Student t without its constant: 2π ∫ r (1 + r²/ν)^−(ν/2 + 1) dr = 2π.
            let student = |x: f64, y: f64| (1.0 + (x * x + y * y) / nu).powf(-0.5 * nu - 1.0);
            check("Student", &student, &whole, 2.0 * PI, 2.0 * PI);
        }
    }
    assert!(n >= 100, "{n}");
}

#[test]
fn log_z_of_normals_of_any_size_anywhere() {
    for (mu, sigma) in [
        (0.0, 1.0),
        (1e3, 1e-3),
        (-1e6, 1.0),
        (3.0, 1e8),
        (1e-5, 1e-9),
        (0.0, 1e-8),
    ] {
        for offset in [0.0, 1e5, -1e5] {
            let energy = Field(1, move |x: &[f64]| 0.5 * ((x[0] - mu) / sigma).powi(2) + offset);
            // Doubles near μ are ε|μ| apart, and the energy changes by no less than that allows.
            let settings = Settings {
                relative: 1e-13_f64.max(10.0 * f64::EPSILON * (mu / sigma).abs()),
                ..Settings::default()
            };
            let found = numeric_log_z(&energy, &Domain::whole(1).unwrap(), settings).unwrap();
            let exact = (sigma * (2.0 * PI).sqrt()).ln() - offset;
            let error = (found.log_z - exact).abs();
            assert!(
                error <= found.error && found.error < 1e-8,
                "{mu} {sigma} {offset}: {error:e}, {found:?}"
            );
        }
    }
}

#[test]
fn two_scales_far_apart() {
    // Weights ¼ and ¾, standard deviations 10⁻³ and 1, a thousand apart.
    let normal = |x: f64, mu: f64, sigma: f64| -0.5 * ((x - mu) / sigma).powi(2) - sigma.ln();
    let log_p = move |x: f64| {
        gibbsian_core::math::log_add_exp(
            normal(x, 0.0, 1e-3) + 0.25f64.ln(),
            normal(x, 1000.0, 1.0) + 0.75f64.ln(),
        )
    };
    let energy = Field(1, move |x: &[f64]| -log_p(x[0]));
    let line = Domain::whole(1).unwrap();
    let settings = Settings {
        relative: 1e-12,
        ..Settings::default()
    };
    let found = numeric_log_z(&energy, &line, settings).unwrap();
    assert!((found.log_z - 0.5 * (2.0 * PI).ln()).abs() < 1e-12, "{found:?}");
    let mean = expectation(&energy, |x, mut out| out.assign(&x.column(0)), &line, settings).unwrap();
    assert!(
        (mean.value - 750.0).abs() < 1e-12 * 750.0 && mean.error < 1e-9,
        "{mean:?}"
    );

    let planar = Field(2, move |x: &[f64]| -log_p(x[0]) - normal(x[1], -40.0, 0.01));
    let found = numeric_log_z(&planar, &Domain::whole(2).unwrap(), settings).unwrap();
    assert!((found.log_z - (2.0 * PI).ln()).abs() < 1e-12, "{found:?}");
}

#[test]
fn singular_energies() {
    // Gamma of shape 1/100: the energy falls to −∞ at zero. Γ(1/100) = 99.4325851191506037135…
    let energy = Field(1, |x: &[f64]| 0.99 * x[0].ln() + x[0]);
    let domain = Domain::interval(Interval::above(0.0).unwrap());
    let found = numeric_log_z(
        &energy,
        &domain,
        Settings {
            relative: 1e-12,
            ..Settings::default()
        },
    );
    // What lies below 10⁻²⁸⁰ is a part of 10⁻³ of it: that is said, not hidden.
    let message = found.unwrap_err().to_string();
    assert!(
        message.contains("does not converge there, or too slowly"),
        "{message}"
    );
    // Shape 1/5: Γ(1/5) = 4.590843711998803.
    let energy = Field(1, |x: &[f64]| 0.8 * x[0].ln() + x[0]);
    let found = numeric_log_z(&energy, &domain, Settings::default()).unwrap();
    assert!(
        (found.log_z - 4.590_843_711_998_803_f64.ln()).abs() < 1e-13,
        "{found:?}"
    );
}

#[test]
fn what_is_not_integrable_is_an_error() {
    let line = Domain::whole(1).unwrap();
    let settings = Settings::default();
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
    let message =
        |f: fn(f64) -> f64, settings: Settings| integrate_line(f, unit, settings).unwrap_err().to_string();
    let settings = Settings::default();
    assert!(message(|x| (x - 2.0).sqrt(), settings).starts_with("`the integrand` became NaN at x = ["));
    let few = Settings {
        max_evaluations: 200,
        ..settings
    };
    let text = message(|x| (300.0 * x).sin(), few);
    assert!(
        text.starts_with("`max_evaluations` is 200, but must be enough for an error of"),
        "{text}"
    );
    let impossible = Settings {
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
        Settings {
            relative: f64::NAN,
            ..settings
        },
    );
    assert_eq!(text, "`relative` is NaN, but must be finite and at least zero");
    let text = message(
        |x| x,
        Settings {
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
        "`n_dimensions` is 3, but must be 1 or 2"
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

#[test]
fn a_narrow_peak_that_is_announced_is_found() {
    let f = |x: f64| (-0.5 * ((x - 0.123) / 1e-7).powi(2)).exp();
    let unit = Interval::closed(0.0, 1.0).unwrap();
    let domain = Domain::interval(unit).with_peak(&[0.123], 1e-7).unwrap();
    let settings = Settings {
        relative: 1e-9,
        ..Settings::default()
    };
    let found = integrate(|x, mut out| out.assign(&x.column(0).mapv(f)), &domain, settings).unwrap();
    let exact = 1e-7 * (2.0 * PI).sqrt();
    assert!((found.value / exact - 1.0).abs() < 1e-9, "{found:?}");
}

#[test]
fn results_are_pinned() {
    // Γ(3/2): the same bits and the same work every time.
    let f = |x: f64| x.sqrt() * (-x).exp();
    let found = integrate_line(f, Interval::above(0.0).unwrap(), Settings::default()).unwrap();
    assert_eq!((found.value, found.n_evaluations), (0.886_226_925_452_758, 462));
}
