//! The special functions against 50-digit references, and at the ends of their domains.

use gibbsian_core::special::*;

const INF: f64 = f64::INFINITY;
type Function = fn(f64) -> f64;

const OF_ONE: [(&str, Function); 22] = [
    ("ln_gamma", ln_gamma),
    ("digamma", digamma),
    ("trigamma", trigamma),
    ("stirling_error", stirling_error),
    ("mills_ratio", mills_ratio),
    ("log_mills_ratio", log_mills_ratio),
    ("half_line_cumulant_1", |z| half_line_cumulants(z)[0]),
    ("half_line_cumulant_2", |z| half_line_cumulants(z)[1]),
    ("half_line_cumulant_3", |z| half_line_cumulants(z)[2]),
    ("erfcx", erfcx),
    ("log_erfc", log_erfc),
    ("normal_cdf", normal_cdf),
    ("normal_log_cdf", normal_log_cdf),
    ("normal_quantile", normal_quantile),
    ("ln_bessel_i0", ln_bessel_i0),
    ("ln_bessel_i0_scaled", ln_bessel_i0_scaled),
    ("ln_bessel_i1", ln_bessel_i1),
    ("bessel_ratio", bessel_ratio),
    ("bessel_ratio_complement", bessel_ratio_complement),
    ("bessel_ratio_derivative", bessel_ratio_derivative),
    ("inverse_bessel_ratio", inverse_bessel_ratio),
    ("inverse_bessel_ratio_complement", inverse_bessel_ratio_complement),
];

fn value(name: &str, x: &[f64]) -> f64 {
    if let Some((_, f)) = OF_ONE.iter().find(|(n, _)| *n == name) {
        return f(x[0]);
    }
    match name {
        "ln_factorial" => ln_factorial(x[0] as u64),
        "deviance" => deviance(x[0], x[1]),
        "ln_beta" => ln_beta(x[0], x[1]),
        "ln_multivariate_gamma" => ln_multivariate_gamma(x[0] as usize, x[1]),
        "normal_interval_ratio" => normal_interval_ratio(x[0], x[1]),
        "normal_interval_ratio_from" => normal_interval_ratio_from(x[0], x[1]),
        "log_normal_interval" => log_normal_interval(x[0], x[1]),
        "normal_quantile_between" => normal_quantile_between(x[0], x[1], x[2]),
        "normal_quantile_from" => normal_quantile_from(x[0], x[1], x[2], x[3]),
        _ => panic!("no function {name}"),
    }
}

#[test]
fn functions_agree_with_fifty_digit_values() {
    let mut worst = std::collections::BTreeMap::new();
    let references = include_str!("reference/special.tsv").lines();
    for line in references.chain(include_str!("reference/half_line.tsv").lines()) {
        let [name, arguments, exact, terms] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let x: Vec<f64> = arguments.split(',').map(|x| x.parse().unwrap()).collect();
        let (exact, terms): (f64, f64) = (exact.parse().unwrap(), terms.parse().unwrap());
        let found = value(name, &x);
        let scale = exact.abs().max(terms);
        // Parsing has rounded the reference by up to half a unit.
        let rounding = if found == exact {
            0.0
        } else {
            0.25 * f64::EPSILON * exact.abs()
        };
        let error = ((found - exact).abs() + rounding) / (scale * f64::EPSILON).max(f64::from_bits(1));
        let entry: &mut (usize, f64, String) = worst.entry(name).or_default();
        entry.0 += 1;
        if error.is_nan() || error > entry.1 {
            (entry.1, entry.2) = (error, format!("({x:?}) = {found:e}, not {exact:e}"));
        }
    }
    let failures: Vec<_> = worst
        .iter()
        .filter(|(_, (_, error, _))| error.is_nan() || *error > 4.0)
        .collect();
    assert!(failures.is_empty(), "{failures:#?}\n{worst:#?}");
    assert_eq!(worst.len(), OF_ONE.len() + 9);
    for (name, (n, _, _)) in &worst {
        assert!(*n >= 20, "{name} has only {n} references");
    }
}

#[test]
fn limits_and_nan() {
    let limits: [(Function, f64, f64); 41] = [
        (ln_gamma, 0.0, INF),
        (ln_gamma, 1.0, 0.0),
        (ln_gamma, INF, INF),
        (digamma, 0.0, -INF),
        (digamma, INF, INF),
        (trigamma, 0.0, INF),
        (trigamma, INF, 0.0),
        (stirling_error, 0.0, INF),
        (stirling_error, INF, 0.0),
        (mills_ratio, -INF, INF),
        (mills_ratio, INF, 0.0),
        (log_mills_ratio, -INF, INF),
        (log_mills_ratio, INF, -INF),
        (|z| half_line_cumulants(z)[0], -INF, 0.0),
        (|z| half_line_cumulants(z)[0], INF, INF),
        (|z| half_line_cumulants(z)[1], -INF, 0.0),
        (|z| half_line_cumulants(z)[1], INF, 1.0),
        (|z| half_line_cumulants(z)[2], -INF, 0.0),
        (|z| half_line_cumulants(z)[2], INF, 0.0),
        (erfcx, -INF, INF),
        (erfcx, INF, 0.0),
        (log_erfc, -INF, std::f64::consts::LN_2),
        (log_erfc, 0.0, 0.0),
        (log_erfc, INF, -INF),
        (normal_cdf, -INF, 0.0),
        (normal_cdf, INF, 1.0),
        (normal_log_cdf, -INF, -INF),
        (normal_log_cdf, INF, 0.0),
        (normal_quantile, 0.0, -INF),
        (normal_quantile, 1.0, INF),
        (ln_bessel_i0, 0.0, 0.0),
        (ln_bessel_i0, INF, INF),
        (ln_bessel_i0_scaled, INF, -INF),
        (ln_bessel_i1, 0.0, -INF),
        (ln_bessel_i1, INF, INF),
        (bessel_ratio, INF, 1.0),
        (bessel_ratio_complement, INF, 0.0),
        (bessel_ratio_derivative, 0.0, 0.5),
        (inverse_bessel_ratio, 1.0, INF),
        (inverse_bessel_ratio_complement, 0.0, INF),
        (inverse_bessel_ratio_complement, 1.0, 0.0),
    ];
    for (k, (f, x, limit)) in limits.into_iter().enumerate() {
        assert_eq!(f(x), limit, "limit {k} at {x}");
    }
    for (name, f) in OF_ONE {
        assert!(f(f64::NAN).is_nan(), "{name}");
    }
    let undefined = [
        ln_gamma,
        digamma,
        trigamma,
        stirling_error,
        normal_quantile,
        ln_bessel_i0,
        ln_bessel_i0_scaled,
        ln_bessel_i1,
        bessel_ratio,
        bessel_ratio_complement,
        bessel_ratio_derivative,
        inverse_bessel_ratio,
        inverse_bessel_ratio_complement,
    ];
    for (k, f) in undefined.into_iter().enumerate() {
        for x in [-1e-3, -2.5, -30.0, -INF] {
            assert!(f(x).is_nan(), "function {k} at {x}: {}", f(x));
        }
    }
    assert_eq!((ln_factorial(0), ln_factorial(1)), (0.0, 0.0));
}

#[test]
fn limits_and_nan_of_several_arguments() {
    assert_eq!(deviance(0.0, 2.5), 2.5);
    assert_eq!(deviance(2.5, 2.5), 0.0);
    assert_eq!(deviance(0.0, 0.0), 0.0);
    assert_eq!(deviance(2.5, 0.0), INF);
    assert_eq!(deviance(INF, 1.0), INF);
    assert_eq!(deviance(1.0, INF), INF);
    assert_eq!(ln_beta(2.0, INF), -INF);
    assert_eq!(log_normal_interval(1.0, 1.0), -INF);
    assert_eq!(log_normal_interval(-INF, INF), 0.0);
    assert_eq!(normal_interval_ratio(INF, INF), 0.0);
    assert_eq!(normal_quantile_between(0.0, 1.0, 2.0), 1.0);
    assert_eq!(normal_quantile_between(1.0, 1.0, INF), INF);
    assert_eq!(normal_interval_ratio_from(3.0, 0.0), 0.0);
    assert_eq!(normal_quantile_from(0.0, 1.0, 3.0, INF), 0.0);
    assert_eq!(normal_quantile_from(1.0, 0.0, 3.0, INF), INF);
    for (name, x) in [
        ("deviance", vec![-1.0, 1.0]),
        ("deviance", vec![1.0, -1.0]),
        ("deviance", vec![f64::NAN, 1.0]),
        ("deviance", vec![1.0, f64::NAN]),
        ("ln_beta", vec![0.0, 1.0]),
        ("ln_beta", vec![1.0, f64::NAN]),
        ("ln_beta", vec![f64::NAN, 1.0]),
        ("ln_multivariate_gamma", vec![3.0, 1.0]),
        ("ln_multivariate_gamma", vec![3.0, f64::NAN]),
        ("log_normal_interval", vec![2.0, 1.0]),
        ("log_normal_interval", vec![f64::NAN, 1.0]),
        ("log_normal_interval", vec![1.0, f64::NAN]),
        ("normal_interval_ratio", vec![2.0, 1.0]),
        ("normal_quantile_between", vec![0.5, 2.0, 1.0]),
        ("normal_quantile_between", vec![1.5, 1.0, 2.0]),
        ("normal_quantile_between", vec![f64::NAN, 1.0, 2.0]),
        ("normal_interval_ratio_from", vec![-1.0, 1.0]),
        ("normal_interval_ratio_from", vec![1.0, -1.0]),
        ("normal_interval_ratio_from", vec![f64::NAN, 1.0]),
        ("normal_quantile_from", vec![0.5, 0.5, -1.0, 1.0]),
        ("normal_quantile_from", vec![1.5, 0.5, 1.0, 1.0]),
        ("normal_quantile_from", vec![f64::NAN, 0.5, 1.0, 1.0]),
    ] {
        assert!(value(name, &x).is_nan(), "{name}({x:?}) = {}", value(name, &x));
    }
}
