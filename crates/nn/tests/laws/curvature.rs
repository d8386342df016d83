//! Sketched curvature against exact Jacobians, without drawing anything.

use crate::conformance::{moved, points};
use gibbsian_core::{
    CurvatureSketch, Directions, Energy, EnergyPullback, Parametric, ParametricMut, Score, ScoreJvp, Seed,
};
use gibbsian_nn::{Activation, CurvatureEnergy, Net, NeuralEnergy, Precision};
use gibbsian_testkit::differences::Precision as Probes;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use gibbsian_testkit::{conformance, derivatives};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};

type Forward = fn(&mut Net<'_>, gibbsian_grad::Var) -> gibbsian_grad::Var;

fn shallow(net: &mut Net<'_>, x: gibbsian_grad::Var) -> gibbsian_grad::Var {
    let e = net.mlp("energy", x, &[4], 1, Activation::Softplus);
    net.confined(e, x, 2.0)
}

fn deep(net: &mut Net<'_>, x: gibbsian_grad::Var) -> gibbsian_grad::Var {
    let e = net.mlp("energy", x, &[6, 5], 1, Activation::Silu);
    net.confined(e, x, 2.0)
}

fn normalised(net: &mut Net<'_>, x: gibbsian_grad::Var) -> gibbsian_grad::Var {
    let h = net.dense("in", x, 6);
    let h = net.layer_norm("norm", h);
    let f = net.residual("block", h, 5, Activation::Tanh);
    net.half_square(f)
}

const ALL: [Forward; 3] = [shallow, deep, normalised];

fn energy(forward: Forward) -> CurvatureEnergy {
    let energy = CurvatureEnergy::new(3, forward, &mut Seed::new(1).rng()).unwrap();
    moved(energy.with_precision(Precision::Double))
}

/// The exact diagonal of the Jacobian of every row.
fn diagonals(energy: &CurvatureEnergy, x: ArrayView2<f64>) -> Array2<f64> {
    let mut out = Array2::zeros(x.raw_dim());
    for i in 0..x.ncols() {
        let [mut e, mut score, mut jvp] = [(); 3].map(|()| Array2::zeros(x.raw_dim()));
        e.column_mut(i).fill(1.0);
        energy.score_jvp_into(x, e.view(), score.view_mut(), jvp.view_mut());
        out.column_mut(i).assign(&jvp.column(i));
    }
    out
}

fn sketched(energy: &CurvatureEnergy, x: ArrayView2<f64>, noise: ArrayView2<f64>) -> Array2<f64> {
    let mut out = Array2::zeros(x.raw_dim());
    energy.jacobian_diagonal_sketch_into(x, noise, out.view_mut());
    out
}

/// A sketch is a quadratic form in the noise, whose mean is the sum over units of it: no draw is needed to see that there is no bias.
#[test]
fn sketches_have_the_diagonal_for_their_mean() {
    for forward in ALL {
        let energy = energy(forward);
        let x = points(4, 3);
        let mut sum = Array2::<f64>::zeros(x.raw_dim());
        for k in 0..energy.n_noise() {
            let mut unit = Array2::zeros((4, energy.n_noise()));
            unit.column_mut(k).fill(1.0);
            sum += &sketched(&energy, x.view(), unit.view());
        }
        let expected = diagonals(&energy, x.view());
        let error = (&sum - &expected).iter().fold(0.0_f64, |m, e| m.max(e.abs()));
        assert!(error < 1e-12, "{sum} instead of {expected}");
    }
}

#[test]
fn drawn_sketches_have_the_divergence_for_their_mean() {
    const N: usize = 20_000;
    for directions in [Directions::Gaussian, Directions::Rademacher, Directions::Sphere] {
        let energy = energy(deep);
        let one = points(1, 3);
        let x = one.broadcast((N, 3)).unwrap();
        let noise = directions.draw((N, energy.n_noise()), &mut Seed::new(5).rng());
        let found = sketched(&energy, x, noise.view());
        let expected = diagonals(&energy, one.view());
        let tests: Vec<_> = (0..3)
            .map(|i| {
                mean(
                    &format!("{directions:?} {i}"),
                    &found.column(i).to_vec(),
                    expected[[0, i]],
                )
            })
            .collect();
        family(&tests, FALSE_ALARM).unwrap();
    }
}

/// One hidden layer `Σ_j a_j φ(w_j·x + b_j)` without a well: the estimate of the trace is `−vᵀAv` with `A_jk = m_j w_j·w_k`, `m_j = a_j φ''`, so its variance for signs is that of a quadratic form; and `‖H‖² = Σ_jk m_j m_k (w_j·w_k)²`.
#[test]
fn the_variance_of_one_layer_is_that_of_its_quadratic_form() {
    const N: usize = 20_000;
    let forward: Forward = |net, x| net.mlp("energy", x, &[4], 1, Activation::Softplus);
    let energy = energy(forward);
    let params = energy.params();
    let block = |from: usize, shape: (usize, usize)| {
        let numbers = params.slice(ndarray::s![from..from + shape.0 * shape.1]).to_vec();
        Array2::from_shape_vec(shape, numbers).unwrap()
    };
    let (w, b, a) = (block(0, (3, 4)), block(12, (1, 4)), block(16, (4, 1)));
    let one = points(1, 3);
    let slope = (one.dot(&w) + &b).mapv(|h| 1.0 / (1.0 + (-h).exp()));
    let m = slope.mapv(|s| s * (1.0 - s)) * a.t();
    let form = w.t().dot(&w) * m.t();
    let variance = Directions::Rademacher
        .quadratic_form_variance(form.view())
        .unwrap();
    let noise = Directions::Rademacher.draw((N, 4), &mut Seed::new(6).rng());
    let x = one.broadcast((N, 3)).unwrap();
    let found = sketched(&energy, x, noise.view()).sum_axis(Axis(1));
    let trace = -form.diag().sum();
    let squares: Vec<f64> = found.iter().map(|d| (d - trace).powi(2)).collect();
    family(
        &[
            mean("trace", &found.to_vec(), trace),
            mean("variance", &squares, variance),
        ],
        FALSE_ALARM,
    )
    .unwrap();
    assert_eq!(energy.n_noise(), 4);
}

/// The energy `Σ_b u·s + c (l·r)` of fixed noise, through whose parameter gradient the pullback is seen.
#[test]
fn pullbacks_are_the_derivatives_of_sketches() {
    for forward in ALL {
        let mut energy = energy(forward);
        let x = points(4, 3);
        let noise = Directions::Gaussian.draw((4, energy.n_noise()), &mut Seed::new(7).rng());
        let u = points(4, 3) * 0.7;
        let c = Array1::from(vec![0.3, -1.0, 0.5, 0.9]);
        let value = |model: &CurvatureEnergy| {
            let divergence = sketched(model, x.view(), noise.view()).sum_axis(Axis(1));
            ndarray::arr1(&[(&model.score(x.view()) * &u).sum() + divergence.dot(&c)])
        };
        let mut grad = Array1::zeros(energy.n_params());
        let expected = sketched(&energy, x.view(), noise.view()).sum_axis(Axis(1));
        let mut cotangent = |s: ArrayView2<f64>,
                             divergence: ArrayView1<f64>,
                             mut u_out: ArrayViewMut2<f64>,
                             mut c_out: ArrayViewMut1<f64>| {
            assert!((&s - &energy.score(x.view())).iter().all(|e| e.abs() < 1e-13));
            assert!((&divergence - &expected).iter().all(|e| e.abs() < 1e-12));
            u_out.assign(&u);
            c_out.assign(&c);
        };
        energy.divergence_sketch_pullback_with(x.view(), noise.view(), &mut cotangent, grad.view_mut());
        derivatives::parameter_gradient(
            "the pullback is the derivative of score and sketch",
            &mut energy,
            grad.view(),
            &value,
            Probes::DOUBLE,
        )
        .unwrap();
    }
}

/// In all else it is the network that it is made of.
#[test]
fn all_else_is_the_energy_of_the_same_network() {
    let mut curved = energy(deep);
    let plain = NeuralEnergy::new(3, deep, &mut Seed::new(1).rng()).unwrap();
    let mut plain = plain.with_precision(Precision::Double);
    plain.set_params(curved.params().view()).unwrap();
    let x = points(5, 3);
    assert_eq!(curved.energy(x.view()), plain.energy(x.view()));
    assert_eq!(curved.score(x.view()), plain.score(x.view()));
    assert_eq!(curved.divergence(x.view()), plain.divergence(x.view()));
    let [mut a, mut b] = [(); 2].map(|()| Array1::zeros(plain.n_params()));
    curved.energy_pullback_into(x.view(), Array1::ones(5).view(), a.view_mut());
    plain.energy_pullback_into(x.view(), Array1::ones(5).view(), b.view_mut());
    assert_eq!(a, b);
    conformance::score_jvp_pullback(&mut curved, x.view(), Probes::DOUBLE).unwrap();
}

#[test]
fn a_network_of_rectifiers_is_refused() {
    let forward: Forward = |net, x| net.mlp("energy", x, &[4], 1, Activation::Relu);
    let e = CurvatureEnergy::new(3, forward, &mut Seed::new(1).rng()).unwrap_err();
    assert!(e.to_string().contains("`network` is without curvature"), "{e}");
}

/// Second derivatives of a perceptron of softplus units by backpropagating diagonals alone, as Kingma and LeCun (2010) do: `d ← (W∘W) d` through weights, `d ← φ'² d + φ'' g` through units.
fn approximate_diagonal(params: ArrayView1<f64>, widths: &[usize], x: ArrayView1<f64>) -> Array1<f64> {
    let (mut first, mut layers, mut h) = (0, Vec::new(), x.to_owned());
    for pair in widths.windows(2) {
        let (n, m) = (pair[0], pair[1]);
        let w = params.slice(ndarray::s![first..first + n * m]).to_vec();
        let w = Array2::from_shape_vec((n, m), w).unwrap();
        let b = params.slice(ndarray::s![first + n * m..first + n * m + m]);
        first += n * m + m;
        let a = h.dot(&w) + b;
        h = a.mapv(|a| a.exp().ln_1p());
        layers.push((w, a.mapv(|a| 1.0 / (1.0 + (-a).exp()))));
    }
    // The last layer has no unit.
    let (mut g, mut d) = (Array1::<f64>::ones(1), Array1::<f64>::zeros(1));
    for (k, (w, slope)) in layers.iter().enumerate().rev() {
        if k + 1 < layers.len() {
            d = slope * slope * &d + slope * &slope.mapv(|s| 1.0 - s) * &g;
            g = slope * &g;
        }
        (d, g) = (w.mapv(|w| w * w).dot(&d), w.dot(&g));
    }
    d
}

/// Diagonals alone are exact for one layer of units and biased for two, where sketches are not.
#[test]
fn backpropagated_diagonals_are_biased_where_sketches_are_not() {
    let x = points(1, 3);
    let of = |hidden: &'static [usize]| {
        let energy = CurvatureEnergy::new(
            3,
            |net, x| net.mlp("energy", x, hidden, 1, Activation::Softplus),
            &mut Seed::new(1).rng(),
        );
        let mut energy = energy.unwrap().with_precision(Precision::Double);
        let params = energy.params() * 2.0;
        energy.set_params(params.view()).unwrap();
        let widths: Vec<usize> = [3].into_iter().chain(hidden.iter().copied()).chain([1]).collect();
        let exact = -diagonals(&energy, x.view());
        let approximate = approximate_diagonal(params.view(), &widths, x.row(0));
        let mut mean = Array1::<f64>::zeros(3);
        for k in 0..energy.n_noise() {
            let mut unit = Array2::zeros((1, energy.n_noise()));
            unit[[0, k]] = 1.0;
            mean -= &sketched(&energy, x.view(), unit.view()).row(0);
        }
        let error = |found: &Array1<f64>| {
            (found - &exact.row(0))
                .iter()
                .fold(0.0_f64, |m, e| m.max(e.abs()))
        };
        (error(&approximate), error(&mean))
    };
    let (one, two) = (of(&[5]), of(&[6, 5]));
    assert!(one.0 < 1e-12 && one.1 < 1e-12, "{one:?}");
    assert!(two.0 > 1e-2 && two.1 < 1e-12, "{two:?}");
}
