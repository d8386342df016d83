//! Contrast with noise where the supports of model, data and noise differ, and what is refused.

use crate::common::{call, data};
use gibbsian_core::{
    Density, Energy, EnergyPullback, Layout, Objective, Parametric, ParametricMut, Result, Seed, Space,
};
use gibbsian_objectives::{NoiseContrastiveEstimation, RankingNoiseContrastiveEstimation};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::Gaussian;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, array};

fn planar_noise() -> Gaussian {
    Gaussian::new(array![0.0, -0.5], array![[0.5, 0.1], [0.1, 0.4]]).unwrap()
}

/// `E(x) = λ x − log λ` on `x ≥ 0`, a normalised law, whose derivative outside is no number.
struct HalfLine(f64);

impl Space for HalfLine {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for HalfLine {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        let energy = |x: f64| {
            if x < 0.0 {
                f64::INFINITY
            } else {
                self.0 * x - self.0.ln()
            }
        };
        out.assign(&x.column(0).mapv(energy));
    }
}

impl Parametric for HalfLine {
    fn layout(&self) -> Layout {
        Layout::new().with("rate", &[])
    }

    fn params(&self) -> Array1<f64> {
        array![self.0]
    }
}

impl ParametricMut for HalfLine {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.0 = params[0];
        Ok(())
    }
}

impl EnergyPullback for HalfLine {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let mut w = Array1::zeros(x.nrows());
        weigh(self.energy(x).view(), w.view_mut());
        for (x, w) in x.column(0).iter().zip(w) {
            grad[0] += w * if *x < 0.0 { f64::NAN } else { x - 1.0 / self.0 };
        }
    }
}

#[test]
fn noise_outside_the_support_is_told_for_sure_and_has_no_gradient() {
    let x = array![[0.3], [1.2], [0.7]];
    let noise = || Gaussian::new(array![0.0], array![[1.0]]).unwrap();
    const DOUBLE: Precision = Precision::DOUBLE;
    let nce = || NoiseContrastiveEstimation::new(noise(), 5).unwrap();
    conformance::objective_gradient(nce, &mut HalfLine(1.5), x.view(), DOUBLE, Seed::new(8)).unwrap();
    let ranking = || RankingNoiseContrastiveEstimation::new(noise(), 5).unwrap();
    conformance::objective_gradient(ranking, &mut HalfLine(1.5), x.view(), DOUBLE, Seed::new(8)).unwrap();
}

#[test]
fn bad_input_is_refused_by_name() {
    let refusal = |outcome: Result<NoiseContrastiveEstimation<Gaussian>>| outcome.unwrap_err().to_string();
    assert_eq!(
        refusal(NoiseContrastiveEstimation::new(planar_noise(), 0)),
        "`n_noise_per_case` is 0, but must be at least 1"
    );
    // Noise of another dimension.
    let mut objective = NoiseContrastiveEstimation::new(planar_noise(), 1).unwrap();
    let error = call(&mut objective, data().view(), &mut Seed::new(1).rng()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`dim of the noise` is 2, but must be that of the model, 3"
    );
    // Data where the noise has no density.
    struct Positive(Gaussian);
    impl Space for Positive {
        fn dim(&self) -> usize {
            1
        }
    }
    impl Energy for Positive {
        fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
            self.0.energy_into(x, out.view_mut());
            out.zip_mut_with(&x.column(0), |e, x| {
                *e = if *x < 0.0 { f64::INFINITY } else { *e }
            });
        }
    }
    impl Density for Positive {
        fn log_z(&self) -> f64 {
            self.0.log_z() - 2.0_f64.ln()
        }
        fn sample(&self, n: usize, rng: &mut dyn rand::Rng) -> Array2<f64> {
            self.0.sample(n, rng).mapv(f64::abs)
        }
    }
    let line = || Gaussian::new(array![0.0], array![[1.0]]).unwrap();
    let mut objective = RankingNoiseContrastiveEstimation::new(Positive(line()), 1).unwrap();
    let mut grad = Array1::zeros(2);
    let x = array![[0.5], [-0.5]];
    let error = objective
        .loss_and_grad_into(&line(), x.view(), &mut Seed::new(1).rng(), grad.view_mut())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`log-density of the noise at row 1 of data and noise` is -inf, but must be finite: the noise must be possible wherever the data are"
    );
}
