use gibbsian_core::{Density, Discrete, DiscreteEnergy, Energy, Seed, Space};
use gibbsian_densities::{
    Bernoulli, Beta, Categorical, Dirichlet, Exponential, Gamma, MultivariateNormal, Nade, Normal,
    PowerFamily, Tempered, Wishart,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::{Precision, derivative};
use gibbsian_testkit::quadrature::Support;
use gibbsian_testkit::stats::{FALSE_ALARM, chi_square};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Axis, array};
use proptest::prelude::*;

/// `∫ p^β`, and the mean and variance of `−log p` under `p_β`, by quadrature or summation over `x` with weights `w`.
fn cumulants(p: &impl Density, beta: f64, (x, w): (Vec<f64>, Vec<f64>)) -> [f64; 3] {
    let log_p = p.log_density(Array1::from(x).insert_axis(Axis(1)).view());
    let integral = |f: &dyn Fn(f64) -> f64| -> f64 {
        let inside = log_p.iter().zip(&w).filter(|(l, _)| l.is_finite());
        inside.map(|(&l, w)| w * (beta * l).exp() * f(-l)).sum()
    };
    let z = integral(&|_| 1.0);
    let mean = integral(&|e| e) / z;
    [z.ln(), mean, integral(&|e| (e - mean) * (e - mean)) / z]
}

/// Holds the powers of `p` to their definition at the points `x`, and `log Z` to the integral and the cumulants.
fn check_powers<F: PowerFamily>(p: &F, betas: &[f64], rule: (Vec<f64>, Vec<f64>), x: Array2<f64>) {
    for &beta in betas {
        let [expected, mean, variance] = cumulants(p, beta, rule.clone());
        let log_z = p.log_z_at(beta).unwrap();
        assert!(
            (log_z - expected).abs() < 1e-9 * (1.0 + expected.abs()),
            "β = {beta}: {log_z}, {expected}"
        );
        let power = beta * &p.log_density(x.view()) - log_z;
        let difference = p.tempered(beta).unwrap().log_density(x.view()) - &power;
        let worst = difference
            .iter()
            .zip(&power)
            .all(|(d, l)| d.abs() < 1e-12 * (1.0 + l.abs()));
        assert!(worst, "β = {beta}: {difference}");
        // d log Z/dβ = −⟨E⟩ and d² log Z/dβ² = Var E.
        let step = Precision::DOUBLE.with_step(0.02);
        let slope = |beta: f64| {
            let mut g = |t: f64| Ok(array![p.log_z_at(beta + t).unwrap()]);
            derivative(&mut g, 0.0, step).unwrap()[0].value
        };
        assert!(
            (slope(beta) + mean).abs() < 1e-8 * (1.0 + mean.abs()),
            "{} {mean}",
            slope(beta)
        );
        let mut g = |t: f64| Ok(array![slope(beta + t)]);
        let curvature = derivative(&mut g, 0.0, step).unwrap()[0].value;
        assert!(
            (curvature - variance).abs() < 1e-6 * (1.0 + variance),
            "{curvature} {variance}"
        );
    }
}

#[test]
fn powers_of_a_member_are_members() {
    let (h, x) = (1.0 / 64.0, array![[0.2], [0.9], [0.01]]);
    check_powers(
        &Normal::new(0.7, 1.3).unwrap(),
        &[0.25, 1.0, 3.0],
        Support::Line.rule(h),
        x.clone(),
    );
    check_powers(
        &Exponential::new(2.5).unwrap(),
        &[0.25, 2.0],
        Support::HalfLine.rule(h),
        x.clone(),
    );
    check_powers(
        &Gamma::new(3.0, 0.5).unwrap(),
        &[0.25, 2.0],
        Support::HalfLine.rule(h),
        x.clone(),
    );
    check_powers(
        &Gamma::new(0.6, 2.0).unwrap(),
        &[0.5, 1.1],
        Support::HalfLine.rule(h),
        x.clone(),
    );
    check_powers(
        &Beta::new(2.0, 3.0).unwrap(),
        &[0.25, 4.0],
        Support::Interval(0.0, 1.0).rule(h),
        x,
    );
    let symbols = |n: usize| ((0..n).map(|k| k as f64).collect::<Vec<_>>(), vec![1.0; n]);
    check_powers(
        &Bernoulli::new(0.3).unwrap(),
        &[0.25, 4.0],
        symbols(2),
        array![[0.0], [1.0]],
    );
    let categorical = Categorical::new(array![0.2, 0.5, 0.3]).unwrap();
    check_powers(
        &categorical,
        &[0.25, 4.0],
        symbols(3),
        array![[0.0], [1.0], [2.0]],
    );
}

#[test]
fn powers_of_members_on_several_numbers() {
    /// `p_β` is a density, so that `β log p − log p_β` is `log Z_β` wherever it is taken.
    fn check<F: PowerFamily>(p: &F, betas: &[f64]) {
        let x = p.sample(20, &mut Seed::new(95).rng());
        for &beta in betas {
            let (power, log_z) = (p.tempered(beta).unwrap(), p.log_z_at(beta).unwrap());
            let found = beta * p.log_density(x.view()) - power.log_density(x.view());
            assert!(
                found
                    .iter()
                    .all(|f| (f - log_z).abs() <= 1e-12 * (1.0 + log_z.abs())),
                "β = {beta}: {found} {log_z}"
            );
        }
    }
    let covariance = array![[2.0, 0.5], [0.5, 1.0]];
    let normal = MultivariateNormal::from_covariance(array![0.5, -1.0], covariance.clone()).unwrap();
    check(&normal, &[0.25, 1.0, 3.0]);
    assert!((normal.power(0.3).unwrap().1 - normal.log_z_at(0.3).unwrap()).abs() < 1e-14);
    check(&Dirichlet::new(array![0.5, 3.0, 2.0]).unwrap(), &[0.25, 1.0, 1.9]);
    check(&Wishart::new(3.5, covariance).unwrap(), &[0.5, 1.0, 3.0]);
    // |X|^(½(ν − p − 1)) with ν < p + 1 has a pole at singular matrices, whose powers lose their integral.
    assert!(Wishart::new(1.5, Array2::eye(2)).unwrap().tempered(5.0).is_err());
    assert!(Dirichlet::new(array![0.2, 0.3]).unwrap().tempered(2.0).is_err());
}

#[test]
fn base_measures_are_what_they_are_said_to_be() {
    fn check<F: PowerFamily>(p: &F) {
        let x = p.sample(100, &mut Seed::new(120).rng());
        let expected = p.statistics(x.view()).dot(&p.base_coefficients());
        let difference = p.log_base_measure(x.view()) - expected;
        assert!(difference.iter().all(|d| d.abs() < 1e-14), "{difference}");
    }
    check(&Normal::new(0.7, 1.3).unwrap());
    check(&Exponential::new(2.5).unwrap());
    check(&Gamma::new(3.0, 0.5).unwrap());
    check(&Beta::new(2.0, 3.0).unwrap());
    check(&Bernoulli::new(0.3).unwrap());
    check(&Categorical::new(array![0.2, 0.5, 0.3]).unwrap());
}

#[test]
fn powers_that_are_no_densities_are_refused() {
    let refuse = |shape, beta| {
        Gamma::new(shape, 1.0)
            .unwrap()
            .tempered(beta)
            .unwrap_err()
            .to_string()
    };
    for (beta, said) in [
        (0.0, "0"),
        (-1.0, "-1"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
    ] {
        assert_eq!(
            refuse(2.0, beta),
            format!("`beta` is {said}, but must be finite and greater than zero")
        );
    }
    let message = refuse(0.2, 2.0);
    assert!(
        message.starts_with("`beta` is 2, but must be such that the power is integrable: "),
        "{message}"
    );
    assert!(Gamma::new(0.2, 1.0).unwrap().log_z_at(2.0).is_err());
}

/// A finite energy with a forbidden state.
struct Forbidden(Nade);

impl Space for Forbidden {
    fn dim(&self) -> usize {
        self.0.dim()
    }
}

impl Energy for Forbidden {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.0.energy_into(x, out.view_mut());
        for (e, x) in out.iter_mut().zip(x.rows()) {
            if x.iter().all(|&x| x == 0.0) {
                *e = f64::INFINITY;
            }
        }
    }
}

impl Discrete for Forbidden {
    fn alphabet(&self, site: usize) -> &[f64] {
        self.0.alphabet(site)
    }
}

impl DiscreteEnergy for Forbidden {}

fn nade() -> Nade {
    Nade::random(5, 4, 1.2, Seed::new(121)).unwrap()
}

#[test]
fn finite_densities_conform_at_every_temperature() {
    for beta in [0.3, 1.0, 2.5] {
        let tempered = Tempered::new(nade(), beta).unwrap();
        let states = tempered.states().unwrap();
        conformance::energy(&tempered, states.view(), Precision::DOUBLE).unwrap();
        conformance::discrete_energy(&tempered, states.view(), Precision::DOUBLE).unwrap();
        let p = tempered.log_density(states.view()).mapv(f64::exp);
        assert!((p.sum() - 1.0).abs() < 1e-14);
        let mut counts = vec![0; 32];
        for row in tempered.sample(50_000, &mut Seed::new(122).rng()).rows() {
            counts[row.iter().rev().fold(0, |n, &x| 2 * n + x as usize)] += 1;
        }
        chi_square("states", &counts, p.as_slice().unwrap()).assert(FALSE_ALARM);
    }
}

#[test]
fn a_forbidden_state_is_never_drawn() {
    let tempered = Tempered::new(Forbidden(nade()), 0.5).unwrap();
    let x = tempered.sample(5000, &mut Seed::new(123).rng());
    assert!(x.rows().into_iter().all(|row| row.sum() > 0.0));
    assert!(tempered.mean_energy().is_finite() && tempered.energy_variance().is_finite());
    assert_eq!(
        tempered.log_density(Array2::zeros((1, 5)).view())[0],
        f64::NEG_INFINITY
    );
}

#[test]
fn draws_are_pinned() {
    let x = Tempered::new(nade(), 0.7)
        .unwrap()
        .sample(40, &mut Seed::new(124).rng());
    let words: Vec<u64> = [0, 1, 32, 39]
        .map(|b| x.row(b).iter().fold(0, |w, &x| 2 * w + x as u64))
        .to_vec();
    assert_eq!(words, PINNED);
}

const PINNED: [u64; 4] = [16, 0, 24, 2];

#[test]
fn what_cannot_be_enumerated_is_refused() {
    let refuse = |n, beta| {
        Tempered::new(Nade::random(n, 1, 1.0, Seed::new(1)).unwrap(), beta)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refuse(3, 0.0),
        "`beta` is 0, but must be finite and greater than zero"
    );
    assert_eq!(
        refuse(21, 1.0),
        "`n_states` is 2097152, but must be at most 2^20 to be enumerated"
    );
    assert_eq!(
        refuse(70, 1.0),
        "`n_states` is above 2^64, but must be at most 2^20 to be enumerated"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The cumulants of the energy are the derivatives of log Z.
    #[test]
    fn log_z_generates_the_cumulants_of_the_energy(seed in 0u64..1 << 40, beta in 0.2f64..3.0) {
        let nade = Nade::random(4, 3, 1.0, Seed::new(seed)).unwrap();
        let at = |beta: f64| Tempered::new(&nade, beta).unwrap();
        let mut g = |t: f64| Ok(array![at(beta + t).log_z(), at(beta + t).mean_energy()]);
        let slopes = derivative(&mut g, 0.0, Precision::DOUBLE).unwrap();
        let here = at(beta);
        prop_assert!((slopes[0].value + here.mean_energy()).abs() <= 1e-9 * (1.0 + here.mean_energy()));
        prop_assert!((slopes[1].value + here.energy_variance()).abs() <= 1e-8 * (1.0 + here.energy_variance()));
    }
}
