//! Integrals of functions on a line and in the plane.

use std::f64::consts::PI;

use gibbsian_densities::quadrature::{Domain, Interval, QuadratureOptions, integrate, integrate_line};

use crate::quadrature::{hold, plane};

#[test]
fn the_error_is_no_larger_than_its_estimate_on_a_line() {
    let mut n = 0;
    for relative in [1e-4, 1e-8, 1e-12] {
        let settings = QuadratureOptions {
            relative,
            ..QuadratureOptions::default()
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
        let settings = QuadratureOptions {
            relative,
            ..QuadratureOptions::default()
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
fn a_narrow_peak_that_is_announced_is_found() {
    let f = |x: f64| (-0.5 * ((x - 0.123) / 1e-7).powi(2)).exp();
    let unit = Interval::closed(0.0, 1.0).unwrap();
    let domain = Domain::interval(unit).with_peak(&[0.123], 1e-7).unwrap();
    let settings = QuadratureOptions {
        relative: 1e-9,
        ..QuadratureOptions::default()
    };
    let found = integrate(|x, mut out| out.assign(&x.column(0).mapv(f)), &domain, settings).unwrap();
    let exact = 1e-7 * (2.0 * PI).sqrt();
    assert!((found.value / exact - 1.0).abs() < 1e-9, "{found:?}");
}

#[test]
fn results_are_pinned() {
    // Γ(3/2): the same bits and the same work every time.
    let f = |x: f64| x.sqrt() * (-x).exp();
    let found = integrate_line(f, Interval::above(0.0).unwrap(), QuadratureOptions::default()).unwrap();
    assert_eq!((found.value, found.n_evaluations), (0.886_226_925_452_758, 462));
}
