use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, check_shape};
use gibbsian_core::{
    Density, Discrete, DiscreteEnergy, Energy, ExponentialFamily, Result, Seed, Space, Streams, parallel,
};
use gibbsian_densities::{ConstantBase, Nade, Tempered};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::{Precision, derivative};
use gibbsian_testkit::quadrature::Support;
use gibbsian_testkit::stats::{FALSE_ALARM, chi_square};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, array};
use proptest::prelude::*;
use rand::{Rng, RngExt};

/// `p(x) = α x^(α−1)` on (0, 1), as a family whose base measure is a constant other than one: `T = log x`, `η = α − 1`, `h = 2` and
/// `A = log 2 − log α`.
#[derive(Clone, Debug)]
struct Power(f64);

impl Space for Power {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for Power {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(1, x, &out);
        out.zip_mut_with(&x.column(0), |e, &x| {
            *e = if x <= 0.0 || x >= 1.0 {
                f64::INFINITY
            } else {
                (1.0 - self.0) * x.ln()
            };
        });
    }
}

impl Density for Power {
    fn log_z(&self) -> f64 {
        -self.0.ln()
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let streams = Streams::draw(rng);
        let mut out = Array2::zeros((n, 1));
        parallel::for_each_block(out.view_mut(), |block, mut rows| {
            let mut rng = streams.block(block);
            rows.mapv_inplace(|_| rng.random::<f64>().powf(1.0 / self.0));
        });
        out
    }
}

impl ExponentialFamily for Power {
    fn n_statistics(&self) -> usize {
        1
    }

    fn statistics_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.zip_mut_with(&x, |t, x| *t = x.ln());
    }

    fn log_base_measure_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.zip_mut_with(&x.column(0), |l, &x| {
            *l = if x <= 0.0 || x >= 1.0 {
                f64::NEG_INFINITY
            } else {
                2.0_f64.ln()
            };
        });
    }

    fn natural_parameters(&self) -> Array1<f64> {
        array![self.0 - 1.0]
    }

    fn mean_parameters(&self) -> Array1<f64> {
        array![-1.0 / self.0]
    }

    fn log_partition(&self) -> f64 {
        2.0_f64.ln() - self.0.ln()
    }

    fn fisher_information(&self) -> Array2<f64> {
        array![[self.0.powi(-2)]]
    }

    fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self> {
        check_shape("natural", &natural, &[1])?;
        if natural[0] > -1.0 {
            Ok(Power(natural[0] + 1.0))
        } else {
            Err(Error::parameter("natural[0]", natural[0], "greater than -1"))
        }
    }

    fn with_mean(&self, mean: ArrayView1<f64>) -> Result<Self> {
        Ok(Power(-1.0 / mean[0]))
    }

    fn entropy(&self) -> f64 {
        1.0 - 1.0 / self.0 - self.0.ln()
    }
}

impl ConstantBase for Power {
    fn log_base(&self) -> f64 {
        2.0_f64.ln()
    }
}

/// `∫ p^β` and the moments of `−log p` under `p_β`, by quadrature.
fn by_quadrature(p: &Power, beta: f64) -> (f64, f64, f64) {
    let (x, w) = Support::Interval(0.0, 1.0).rule(1.0 / 64.0);
    let log_p = p.log_density(Array1::from(x).insert_axis(Axis(1)).view());
    let integral = |f: &dyn Fn(f64) -> f64| -> f64 {
        let inside = log_p.iter().zip(&w).filter(|(l, _)| l.is_finite());
        inside.map(|(&l, w)| w * (beta * l).exp() * f(-l)).sum()
    };
    let z = integral(&|_| 1.0);
    let mean = integral(&|e| e) / z;
    (z, mean, integral(&|e| (e - mean) * (e - mean)) / z)
}

#[test]
fn powers_of_a_member_are_members() {
    for (alpha, beta) in [(3.0, 0.25), (3.0, 2.0), (1.5, 7.0), (0.6, 0.5), (0.8, 1.2)] {
        let p = Power(alpha);
        let (z, mean, variance) = by_quadrature(&p, beta);
        let log_z = p.log_z_at(beta).unwrap();
        assert!(
            (log_z - z.ln()).abs() < 1e-9,
            "{alpha} {beta}: {log_z} {}",
            z.ln()
        );
        // p_β = p^β / Z_β, at any point of the support.
        let x = array![[0.2], [0.9]];
        let expected = beta * &p.log_density(x.view()) - log_z;
        let difference = p.tempered(beta).unwrap().log_density(x.view()) - expected;
        assert!(difference.iter().all(|d| d.abs() < 1e-14), "{difference}");
        // d log Z/dβ = −⟨E⟩ and d² log Z/dβ² = Var E.
        let slope = |beta: f64| {
            let mut g = |t: f64| Ok(array![p.log_z_at(beta + t).unwrap()]);
            derivative(&mut g, 0.0, Precision::DOUBLE.with_step(0.02)).unwrap()[0].value
        };
        assert!((slope(beta) + mean).abs() < 1e-8);
        let mut g = |t: f64| Ok(array![slope(beta + t)]);
        let curvature = derivative(&mut g, 0.0, Precision::DOUBLE.with_step(0.02)).unwrap()[0].value;
        assert!(
            (curvature - variance).abs() < 1e-6 * (1.0 + variance),
            "{curvature} {variance}"
        );
    }
}

#[test]
fn a_base_measure_that_is_said_to_be_constant_is() {
    let p = Power(2.0);
    let log_h = p.log_base_measure(p.sample(100, &mut Seed::new(120).rng()).view());
    assert!(log_h.iter().all(|&l| l == p.log_base()));
}

#[test]
fn powers_that_are_no_densities_are_refused() {
    let refuse = |alpha, beta| Power(alpha).tempered(beta).unwrap_err().to_string();
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
    // x^(−0.8) is integrable at zero, its square is not.
    assert_eq!(
        refuse(0.2, 2.0),
        "`beta` is 2, but must be such that the power is integrable: `natural[0]` is -1.6, but must be greater than -1"
    );
    assert!(Power(0.2).log_z_at(2.0).is_err());
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
