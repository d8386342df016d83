//! Negation: where it has a normaliser, why, and what it is.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Density, Discrete, Energy, Score, ScoreJvp, Seed};
use gibbsian_densities::quadrature::{Domain, Interval, QuadratureOptions, numeric_log_z};
use gibbsian_densities::{AndNot, Capped, Criterion, MultivariateNormal, Nade, Normal, UniformBox};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Axis, array};

use crate::combine::support::{Exponential, no_states, normals};

fn near() -> MultivariateNormal {
    MultivariateNormal::from_covariance(array![0.3, -0.5], array![[1.0, 0.3], [0.3, 0.6]]).unwrap()
}

fn not() -> MultivariateNormal {
    MultivariateNormal::from_covariance(array![1.0, 0.0], array![[2.0, -0.4], [-0.4, 1.5]]).unwrap()
}

#[test]
fn the_quotient_of_normals_has_one_normaliser_by_two_criteria() {
    let closed = AndNot::of_normals(near(), not(), 0.7).unwrap();
    let whole = Domain::whole(2).unwrap();
    let integrated = AndNot::integrated(near(), not(), 0.7, whole, QuadratureOptions::default()).unwrap();
    let Criterion::Integrated { error } = *integrated.criterion() else {
        panic!("{:?}", integrated.criterion());
    };
    assert!(error < 1e-10);
    assert!((integrated.log_z().unwrap() - closed.log_z().unwrap()).abs() <= error + 1e-13);
    assert_eq!(closed.criterion(), &Criterion::DefinitePrecision);
    assert_eq!(closed.alpha(), 0.7);

    let x = normals((20, 2), Seed::new(1));
    let (law, _) = MultivariateNormal::product(&[(&near(), 1.0), (&not(), -0.7)]).unwrap();
    let log_p = -closed.energy(x.view()) - closed.log_z().unwrap();
    for (found, expected) in log_p.iter().zip(&law.log_density(x.view())) {
        assert!((found - expected).abs() <= 1e-12, "{found} {expected}");
    }
    conformance::energy(&closed, x.view(), Precision::DOUBLE).unwrap();
    conformance::score(&closed, x.view(), Precision::DOUBLE).unwrap();
    conformance::potential(&closed, x.view(), Precision::DOUBLE).unwrap();
    conformance::score_jvp(&closed, x.view(), Precision::DOUBLE).unwrap();
}

#[test]
fn a_quotient_that_nothing_confines_is_refused_by_every_criterion_that_decides() {
    let whole = || Domain::whole(2).unwrap();
    let wide = || MultivariateNormal::isotropic(array![0.0, 0.0], 4.0).unwrap();
    // One direction is enough: here the precision of the second coordinate goes below zero.
    let flat =
        || MultivariateNormal::from_covariance(array![0.0, 0.0], array![[8.0, 0.0], [0.0, 2.0]]).unwrap();
    for (b, alpha) in [(near(), 1.0), (flat(), 1.0), (wide(), 1.0)] {
        let refused = AndNot::of_normals(wide(), b.clone(), alpha)
            .unwrap_err()
            .to_string();
        assert!(refused.contains("the precision of the product"), "{refused}");
        assert!(AndNot::integrated(wide(), b, alpha, whole(), QuadratureOptions::default()).is_err());
    }
    // The same in one dimension, and with a negated support that is too small.
    let line = || Domain::whole(1).unwrap();
    let standard = || Normal::new(0.0, 1.0).unwrap();
    assert!(AndNot::integrated(standard(), standard(), 1.0, line(), QuadratureOptions::default()).is_err());
    assert!(AndNot::integrated(standard(), standard(), 0.5, line(), QuadratureOptions::default()).is_ok());
    let outside = AndNot::integrated(
        standard(),
        Exponential(1.0),
        1.0,
        line(),
        QuadratureOptions::default(),
    );
    assert!(outside.is_err());
}

#[test]
fn on_a_bounded_domain_only_a_pole_is_in_the_way() {
    let domain = || Domain::interval(Interval::closed(-1.0, 2.0).unwrap());
    let flat = UniformBox::new(array![-1.0], array![2.0]).unwrap();
    let narrow = Normal::new(0.0, 0.5).unwrap();
    // ∫ exp(+ x²/(2·0.25)) over the interval is finite, and large.
    let bounded = AndNot::integrated(&flat, &narrow, 1.0, domain(), QuadratureOptions::default()).unwrap();
    let direct = |x: f64| {
        let points = array![[x]];
        -bounded.energy(points.view())[0] - 2.0 * x * x
    };
    let constant = direct(0.0);
    for x in [-0.9, 0.4, 1.7] {
        assert!((direct(x) - constant).abs() <= 1e-12);
    }
    assert!(bounded.log_z().unwrap() > 2.0 * 4.0 - 3.0);
    // Outside of the domain there is nothing.
    assert_eq!(
        bounded.energy(array![[2.5], [-3.0]].view()),
        array![f64::INFINITY, f64::INFINITY]
    );
    assert!(bounded.energy(array![[f64::NAN]].view())[0].is_nan());
    // Nor is there a slope, although both factors go on.
    let inside = AndNot::integrated(
        Normal::new(0.0, 1.0).unwrap(),
        &narrow,
        0.1,
        domain(),
        QuadratureOptions::default(),
    )
    .unwrap();
    let (x, v) = (array![[0.5], [2.5]], array![[1.0], [1.0]]);
    let (mut score, mut jvp) = (x.clone(), x.clone());
    inside.score_jvp_into(x.view(), v.view(), score.view_mut(), jvp.view_mut());
    for (what, values) in [
        ("score", inside.score(x.view())),
        ("score beside its product", score),
        ("product", jvp),
        ("divergence", inside.divergence(x.view()).insert_axis(Axis(1))),
    ] {
        assert!(
            values[[0, 0]].is_finite() && values[[1, 0]].is_nan(),
            "{what}: {values}"
        );
    }
    // Negating a law that lives on a part of it only.
    assert!(
        AndNot::integrated(
            &flat,
            Exponential(1.0),
            1.0,
            domain(),
            QuadratureOptions::default()
        )
        .is_err()
    );
}

#[test]
fn a_cap_makes_any_negation_integrable() {
    // α and the variances are such that the plain quotient has no integral.
    let a = MultivariateNormal::isotropic(array![0.0, 0.0], 4.0).unwrap();
    let capped = AndNot::capped(a.clone(), near(), 2.0, 5.0).unwrap();
    assert_eq!(capped.criterion(), &Criterion::Capped { cap: 5.0 });
    assert_eq!(capped.log_z(), None);
    let found = numeric_log_z(
        &capped,
        &Domain::whole(2).unwrap(),
        QuadratureOptions {
            // The kink is not a smooth place.
            relative: 1e-5,
            ..QuadratureOptions::default()
        },
    )
    .unwrap();
    // exp(−E) ≤ exp(2 · 5) exp(−E_A).
    assert!(found.log_z < 10.0 + a.log_z());
    // Below the cap it is the plain quotient, above it the energy of A and a constant.
    let x = array![[0.5, -0.2], [40.0, 0.0]];
    let expected = a.energy(x.view()) - 2.0 * near().energy(x.view());
    assert_eq!(capped.energy(x.view())[0], expected[0]);
    assert_eq!(capped.energy(x.view())[1], a.energy(x.view())[1] - 10.0);
    let score = capped.score(x.view());
    assert_eq!(score.row(1), a.score(x.view()).row(1));
    // Probes on either side of the kink at E = 1, each further from it than differences reach.
    let sides = array![
        [0.3, -0.5],
        [0.35, -0.4],
        [0.2, -0.55],
        [9.0, 1.0],
        [-7.0, 3.0],
        [5.0, -8.0]
    ];
    let sharp = Precision::DOUBLE.with_step(0.03);
    let low = Capped::new(near(), 1.0).unwrap();
    assert_eq!(low.cap(), 1.0);
    conformance::energy(&low, sides.view(), sharp).unwrap();
    conformance::score(&low, sides.view(), sharp).unwrap();
    conformance::potential(&low, sides.view(), sharp).unwrap();
    conformance::score_jvp(&low, sides.view(), sharp).unwrap();
}

#[test]
fn on_finite_spaces_the_sum_decides() {
    let nade = |seed| Nade::random(4, 3, 1.5, Seed::new(seed)).unwrap();
    let (a, b) = (nade(1), nade(2));
    let model = AndNot::enumerated(&a, &b, 2.5).unwrap();
    let states = a.states().unwrap();
    let terms = a.log_density(states.view()) - 2.5 * b.log_density(states.view());
    assert!((model.log_z().unwrap() - log_sum_exp(&terms.to_vec())).abs() <= 1e-13);
    let total: f64 = model
        .energy(states.view())
        .mapv(|e| (-e - model.log_z().unwrap()).exp())
        .sum();
    assert!((total - 1.0).abs() <= 1e-13);
    conformance::discrete_energy(&model, states.view(), Precision::DOUBLE).unwrap();
    // Other alphabets are other spaces.
    let spins =
        gibbsian_testkit::targets::Pairwise::new(Array1::zeros(4), ndarray::Array2::zeros((4, 4))).unwrap();
    let refused = AndNot::enumerated(&a, &spins, 1.0).unwrap_err().to_string();
    assert!(refused.contains("the alphabet of site 0"), "{refused}");
    // A certificate is not a proof of that: there are no states, whatever asks for them.
    let certified = AndNot::certified(&a, &spins, 1.0, "finitely many states").unwrap();
    no_states(&certified, states.view());
    assert!(certified.check_alphabets().is_err());
    let same = AndNot::certified(&a, &b, 2.5, "finitely many states").unwrap();
    same.check_alphabets().unwrap();
    assert_eq!(same.states().unwrap(), states);
}

/// Zero weight on states of odd parity.
#[derive(Clone, Copy, Debug)]
struct Even;

impl gibbsian_core::Space for Even {
    fn dim(&self) -> usize {
        4
    }
}

impl Discrete for Even {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &[0.0, 1.0]
    }
}

impl Energy for Even {
    fn energy_into(&self, x: ndarray::ArrayView2<f64>, mut out: ndarray::ArrayViewMut1<f64>) {
        for (e, x) in out.iter_mut().zip(x.rows()) {
            *e = if x.sum() % 2.0 == 0.0 { 0.0 } else { f64::INFINITY };
        }
    }
}

#[test]
fn a_negated_model_may_not_exclude_what_the_other_has() {
    let nade = Nade::random(4, 3, 1.0, Seed::new(1)).unwrap();
    let refused = AndNot::enumerated(&nade, Even, 1.0).unwrap_err().to_string();
    assert!(refused.starts_with("`log_z` is inf"), "{refused}");
    // Where both exclude a state the positive one rules, and with a cap nothing is excluded.
    let both = AndNot::enumerated(Even, Even, 0.5).unwrap();
    assert!((both.log_z().unwrap() - 8f64.ln()).abs() <= 1e-14);
    let capped = AndNot::enumerated(&nade, Capped::new(Even, 3.0).unwrap(), 1.0).unwrap();
    assert!(capped.log_z().unwrap() < 3.0 && capped.log_z().unwrap() > 0.0);
}

#[test]
fn a_certificate_needs_a_reason_and_gives_no_number() {
    let model = AndNot::certified(near(), not(), 0.7, "P_A - 0.7 P_B is positive definite").unwrap();
    assert_eq!(model.log_z(), None);
    assert!(matches!(model.criterion(), Criterion::Certified { reason } if reason.contains("definite")));
    let refused = |alpha, reason: &str| {
        AndNot::certified(near(), not(), alpha, reason)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused(0.7, " "),
        "`reason` is empty, but must be what the proof rests on"
    );
    for alpha in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(refused(alpha, "x").starts_with("`alpha` is"));
        assert!(AndNot::of_normals(near(), not(), alpha).is_err());
        assert!(AndNot::capped(near(), not(), alpha, 1.0).is_err());
    }
    assert!(AndNot::capped(near(), not(), 1.0, f64::INFINITY).is_err());
    let other = MultivariateNormal::standard(3).unwrap();
    assert!(
        AndNot::certified(near(), other, 1.0, "x")
            .unwrap_err()
            .to_string()
            .contains("the dimension")
    );
}
