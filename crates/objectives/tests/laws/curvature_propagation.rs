//! Score matching by curvature propagation against the implicit form that it estimates.

use gibbsian_core::score::JvpCotangent;
use gibbsian_core::{
    CurvatureSketch, Directions, DivergenceCotangent, Layout, Objective, Parametric, ParametricMut, Result,
    Score, ScoreJvp, ScoreJvpPullback, ScorePullback, Seed, Space,
};
use gibbsian_objectives::{CurvaturePropagationScoreMatching, ImplicitScoreMatching};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, mean};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, array, s};
use rand::distr::weighted::WeightedIndex;
use rand_distr::{Distribution, StandardNormal};

/// `E = ½ ‖x‖² − Σ_j log(1 + e^{w_j·x})`, the free energy of Gaussian units under binary ones: `s = −x + Σ_j σ_j w_j`, `J = −I + Σ_j σ'_j w_j w_jᵀ`.
///
/// Its sketch has a number of noise for each square and each unit: `l = −v + Σ_j σ'_j v_j w_j`, `r = v + Σ_j v_j w_j`.
#[derive(Clone)]
struct Units {
    w: Array2<f64>,
}

impl Units {
    fn new() -> Self {
        Units {
            w: array![[1.2, -0.4], [0.3, 0.9], [-1.0, 0.8]],
        }
    }

    /// `σ'` and `σ''` of every unit.
    fn slopes(&self, x: ArrayView1<f64>) -> (Array1<f64>, Array1<f64>) {
        let sigma = self.w.dot(&x).mapv(|a| 1.0 / (1.0 + (-a).exp()));
        let first = sigma.mapv(|s| s * (1.0 - s));
        let second = &first * &sigma.mapv(|s| 1.0 - 2.0 * s);
        (first, second)
    }

    /// `l` and `r`.
    fn sides(&self, x: ArrayView1<f64>, noise: ArrayView1<f64>) -> (Array1<f64>, Array1<f64>) {
        let (of_x, of_units) = (noise.slice(s![..2]), noise.slice(s![2..]));
        let (first, _) = self.slopes(x);
        let left = (&first * &of_units).dot(&self.w) - of_x;
        (left, of_units.dot(&self.w) + of_x)
    }
}

impl Space for Units {
    fn dim(&self) -> usize {
        2
    }
}

impl Parametric for Units {
    fn layout(&self) -> Layout {
        Layout::new().with("w", &[3, 2])
    }

    fn params(&self) -> Array1<f64> {
        self.w.iter().copied().collect()
    }
}

impl ParametricMut for Units {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.w.iter_mut().zip(params).for_each(|(w, p)| *w = *p);
        Ok(())
    }
}

impl Score for Units {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        let sigma = x.dot(&self.w.t()).mapv(|a| 1.0 / (1.0 + (-a).exp()));
        out.assign(&(sigma.dot(&self.w) - x));
    }
}

impl ScoreJvp for Units {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.score_into(x, score);
        for ((x, v), mut out) in x.rows().into_iter().zip(v.rows()).zip(jvp.rows_mut()) {
            let (first, _) = self.slopes(x);
            out.assign(&((first * self.w.dot(&v)).dot(&self.w) - v));
        }
    }
}

impl ScorePullback for Units {
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let mut u = Array2::zeros(x.raw_dim());
        cotangent(self.score(x).view(), u.view_mut());
        for (x, u) in x.rows().into_iter().zip(u.rows()) {
            let (first, _) = self.slopes(x);
            for j in 0..3 {
                let w = self.w.row(j);
                let sigma = 1.0 / (1.0 + (-w.dot(&x)).exp());
                let mut grad = grad.slice_mut(s![2 * j..2 * j + 2]);
                grad.scaled_add(sigma, &u);
                grad.scaled_add(first[j] * w.dot(&u), &x);
            }
        }
    }
}

impl ScoreJvpPullback for Units {
    fn score_jvp_pullback_with(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        mut grad: ArrayViewMut1<f64>,
    ) {
        let [mut score, mut jvp, mut u, mut t] = [(); 4].map(|()| Array2::zeros(x.raw_dim()));
        self.score_jvp_into(x, v, score.view_mut(), jvp.view_mut());
        cotangent(score.view(), jvp.view(), u.view_mut(), t.view_mut());
        self.score_pullback_into(x, u.view(), grad.view_mut());
        for ((x, v), t) in x.rows().into_iter().zip(v.rows()).zip(t.rows()) {
            // Σ_j σ'_j (w_j·v)(w_j·t).
            let (first, second) = self.slopes(x);
            for j in 0..3 {
                let w = self.w.row(j);
                let (along_v, along_t) = (w.dot(&v), w.dot(&t));
                let mut grad = grad.slice_mut(s![2 * j..2 * j + 2]);
                grad.scaled_add(second[j] * along_v * along_t, &x);
                grad.scaled_add(first[j] * along_t, &v);
                grad.scaled_add(first[j] * along_v, &t);
            }
        }
    }
}

impl CurvatureSketch for Units {
    fn n_noise(&self) -> usize {
        5
    }

    fn jacobian_diagonal_sketch_into(
        &self,
        x: ArrayView2<f64>,
        noise: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        for b in 0..x.nrows() {
            let (left, right) = self.sides(x.row(b), noise.row(b));
            out.row_mut(b).assign(&(left * right));
        }
    }

    fn divergence_sketch_pullback_with(
        &self,
        x: ArrayView2<f64>,
        noise: ArrayView2<f64>,
        cotangent: &mut DivergenceCotangent<'_>,
        mut grad: ArrayViewMut1<f64>,
    ) {
        let (mut u, mut c) = (Array2::zeros(x.raw_dim()), Array1::zeros(x.nrows()));
        let mut diagonal = Array2::zeros(x.raw_dim());
        self.jacobian_diagonal_sketch_into(x, noise, diagonal.view_mut());
        let divergence = diagonal.sum_axis(ndarray::Axis(1));
        cotangent(
            self.score(x).view(),
            divergence.view(),
            u.view_mut(),
            c.view_mut(),
        );
        self.score_pullback_into(x, u.view(), grad.view_mut());
        for (b, x) in x.rows().into_iter().enumerate() {
            let (left, right) = self.sides(x, noise.row(b));
            let (first, second) = self.slopes(x);
            for j in 0..3 {
                let v = noise[[b, 2 + j]];
                let mut grad = grad.slice_mut(s![2 * j..2 * j + 2]);
                grad.scaled_add(c[b] * v, &left);
                grad.scaled_add(c[b] * first[j] * v, &right);
                grad.scaled_add(c[b] * second[j] * v * self.w.row(j).dot(&right), &x);
            }
        }
    }
}

fn data() -> Array2<f64> {
    array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7], [0.4, -1.9]]
}

#[test]
fn the_objective_obeys_the_laws_of_objectives() {
    let mut model = Units::new();
    const DOUBLE: Precision = Precision::DOUBLE;
    conformance::score_jvp_pullback(&mut model, data().view(), DOUBLE).unwrap();
    for law in [Directions::Gaussian, Directions::Rademacher, Directions::Sphere] {
        for n in [1, 3] {
            let make = || CurvaturePropagationScoreMatching::new(law, n).unwrap();
            conformance::objective(make, &model, data().view(), Seed::new(1)).unwrap();
            conformance::objective_gradient(make, &mut model, data().view(), DOUBLE, Seed::new(2)).unwrap();
        }
    }
}

/// Averaged over all vectors of signs, loss and gradient are those of implicit score matching.
#[test]
fn over_all_signs_it_is_implicit_score_matching() {
    let (model, x) = (Units::new(), data());
    let mut expected = Array1::zeros(6);
    let rng = &mut Seed::new(1).rng();
    let loss = ImplicitScoreMatching
        .loss_and_grad_into(&model, x.view(), rng, expected.view_mut())
        .unwrap();
    let (mut mean_loss, mut mean_grad, mut spread) = (0.0, Array1::<f64>::zeros(6), 0.0_f64);
    for word in 0..32 {
        let signs = Array2::from_shape_fn((4, 5), |(_, k)| if word >> k & 1 == 0 { 1.0 } else { -1.0 });
        let mut grad = Array1::zeros(6);
        let value = CurvaturePropagationScoreMatching::along(&model, x.view(), signs.view(), grad.view_mut())
            .unwrap();
        mean_loss += value / 32.0;
        mean_grad.scaled_add(1.0 / 32.0, &grad);
        spread = spread.max((value - loss).abs());
    }
    assert!((mean_loss - loss).abs() < 1e-13, "{mean_loss} {loss}");
    assert!((&mean_grad - &expected).iter().all(|e| e.abs() < 1e-13));
    assert!(spread > 0.1, "{spread}");
}

/// The draws are those of the law, a row its own.
#[test]
fn losses_have_the_mean_of_implicit_score_matching() {
    let (model, x) = (Units::new(), data());
    let mut grad = Array1::zeros(6);
    let rng = &mut Seed::new(1).rng();
    let expected = ImplicitScoreMatching
        .loss_and_grad_into(&model, x.view(), rng, grad.view_mut())
        .unwrap();
    for law in [Directions::Gaussian, Directions::Rademacher, Directions::Sphere] {
        let mut objective = CurvaturePropagationScoreMatching::new(law, 2).unwrap();
        let losses: Vec<f64> = (0..4_000)
            .map(|k| {
                let rng = &mut Seed::new(3).nth(k).rng();
                objective
                    .loss_and_grad_into(&model, x.view(), rng, grad.view_mut())
                    .unwrap()
            })
            .collect();
        mean(&format!("{law:?}"), &losses, expected).assert(FALSE_ALARM);
    }
}

/// The law is a mixture of normal laws, one for each set of units: means `Σ_j w_j` and weights `exp(½ ‖Σ_j w_j‖²)`.
#[test]
fn weights_of_units_are_recovered() {
    // Their modes are apart, so that data know the weights one by one.
    let truth = Units {
        w: array![[2.2, 0.2], [-0.8, 1.9], [-1.1, -1.5]],
    };
    let means: Vec<Array1<f64>> = (0..8)
        .map(|set| {
            (0..3)
                .filter(|j| set >> j & 1 == 1)
                .fold(Array1::zeros(2), |m, j| m + truth.w.row(j))
        })
        .collect();
    let weights: Vec<f64> = means.iter().map(|m| (0.5 * m.dot(m)).exp()).collect();
    let which = WeightedIndex::new(weights).unwrap();
    let rng = &mut Seed::new(4).rng();
    let mut x = Array2::from_shape_simple_fn((crate::recovery::N, 2), || StandardNormal.sample(rng));
    x.rows_mut()
        .into_iter()
        .for_each(|mut row| row += &means[which.sample(rng)]);
    let mut model = Units { w: &truth.w * 0.95 };
    let objective = CurvaturePropagationScoreMatching::new(Directions::Rademacher, 2).unwrap();
    crate::recovery::recovers("curvature", objective, &mut model, x.view(), &truth.params());
}

#[test]
fn noise_of_another_width_and_no_sketch_are_refused() {
    let none = CurvaturePropagationScoreMatching::new(Directions::Gaussian, 0).unwrap_err();
    assert!(none.to_string().contains("`n_sketches` is 0"), "{none}");
    let noise = Array2::zeros((4, 4));
    let mut grad = Array1::zeros(6);
    let e =
        CurvaturePropagationScoreMatching::along(&Units::new(), data().view(), noise.view(), grad.view_mut());
    assert!(e.unwrap_err().to_string().contains("`noise` has shape [4, 4]"));
}
