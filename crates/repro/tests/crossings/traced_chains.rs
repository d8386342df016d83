//! `R̂` of the negative chains while an energy learns, on chains whose `R̂` is known.

use gibbsian_core::dataset::Matrix;
use gibbsian_core::{
    Directions, Energy, EnergyPullback, Kernel, Layout, Parametric, ParametricMut, Result, Seed, Space,
};
use gibbsian_data::{LastBatch, Minibatches};
use gibbsian_metrics::{r_hat, r_hat_split};
use gibbsian_objectives::{PersistentContrastiveDivergence, Traced};
use gibbsian_train::{Constant, Decay, Descent, EachEpoch, GO_ON, GuardOptions, Guarded, Sgd, Trainer};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, CowArray, Ix2, array};
use rand::Rng;

/// `E(x) = x + θ`: the energy of a chain is where it is, up to a parameter whose gradient cancels between the phases.
#[derive(Clone, Debug)]
struct Line(f64);

impl Space for Line {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for Line {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.assign(&x.column(0).mapv(|x| x + self.0));
    }
}

impl Parametric for Line {
    fn layout(&self) -> Layout {
        Layout::new().with("offset", &[1])
    }

    fn params(&self) -> Array1<f64> {
        array![self.0]
    }
}

impl ParametricMut for Line {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.0 = params[0];
        Ok(())
    }
}

impl EnergyPullback for Line {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weights: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let mut w = Array1::zeros(x.nrows());
        weights(self.energy(x).view(), w.view_mut());
        grad[0] += w.sum();
    }
}

/// Chains that stay in modes of their own: independent normal draws of unit variance around these means.
#[derive(Clone, Debug)]
struct Modes([f64; 4]);

impl Kernel<Line> for Modes {
    type State = Array2<f64>;
    type Info = ();

    fn init(&self, _: &Line, x: Array2<f64>) -> Result<Array2<f64>> {
        Ok(x)
    }

    fn refresh(&self, _: &Line, _: &mut Array2<f64>) {}

    fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn step(&self, _: &Line, state: &mut Array2<f64>, rng: &mut dyn Rng) {
        *state = Directions::Gaussian.draw((4, 1), rng);
        for (mut chain, mode) in state.rows_mut().into_iter().zip(self.0) {
            chain[0] += mode;
        }
    }
}

const WINDOW: usize = 2_000;

/// `R̂` of the last updates of a guarded run, as a monitor sees it after every epoch of 500 updates; none before the window is full.
fn watched(modes: [f64; 4]) -> Vec<f64> {
    let mut model = Line(0.0);
    let chains = PersistentContrastiveDivergence::new(Modes(modes), 1, Array2::zeros((4, 1))).unwrap();
    let objective = Traced::new(chains, WINDOW).unwrap();
    let traces = objective.traces();
    let descent = Descent::new(objective, Sgd::new(&model.layout(), Decay::NONE).unwrap());
    let mut step = Guarded::new(descent, &model, (), GuardOptions::default()).unwrap();
    let mut seen = Vec::new();
    let mut watch = EachEpoch::new(|_: &Line, _, _| {
        let draws = traces.draws(WINDOW);
        if draws.nrows() > 0 {
            assert_eq!(traces.slots(WINDOW), [0, 1, 2, 3]);
            seen.push(r_hat_split(draws.view())?);
            // The rank-normalised form agrees on which side of its threshold it is, with room.
            assert_eq!(r_hat(draws.view())? > 1.05, seen[seen.len() - 1] > 1.05);
        }
        Ok(GO_ON)
    });
    let data = Matrix::new(Array2::zeros((500, 1))).unwrap();
    let mut order = Minibatches::new(500, 1, LastBatch::Keep, Seed::new(1)).unwrap();
    let trainer = Trainer::new(6, Constant::new(0.1).unwrap(), Seed::new(2)).unwrap();
    trainer
        .fit(&mut model, &mut step, &data, &mut order, &mut watch)
        .unwrap();
    assert_eq!(traces.n_updates(), 3_000);
    seen
}

/// Halved, the chains are eight sequences of `n` independent draws around means `m`, so that `R̂² = (n − 1)/n + Var(means)/W` with `W = 1`.
///
/// `Var(m)` has the standard error `2 √(Σ m²/n)/7` beside the `1/n` of the draws' own, and `W` of `8n` draws the relative one `√(2/8n)`; six of both are granted.
#[test]
fn chains_in_modes_of_their_own_are_seen_in_the_monitor() {
    let modes = [-1.5, -0.5, 0.5, 1.5];
    let n = (WINDOW / 2) as f64;
    let squares: f64 = 2.0 * modes.iter().map(|m| m * m).sum::<f64>();
    let variance = squares / 7.0;
    let truth = (1.0 + variance).sqrt();
    let error = 2.0 * (squares / n).sqrt() / 7.0 + variance * (2.0 / (8.0 * n)).sqrt();
    let seen = watched(modes);
    assert_eq!(seen.len(), 3, "the window is full after the fourth epoch");
    for r_hat in seen {
        assert!(
            (r_hat - truth).abs() <= 6.0 * error / (2.0 * truth),
            "{r_hat} {truth}"
        );
    }
}

/// Eight means of `n` draws have a variance of `χ²₇/(7n)` beside one, and `R̂² − 1` is that minus `1/n`; a `χ²₇` above 50 has a probability below 10⁻⁷.
#[test]
fn chains_that_agree_have_none() {
    let n = (WINDOW / 2) as f64;
    for r_hat in watched([0.7; 4]) {
        assert!((r_hat * r_hat - 1.0).abs() <= 50.0 / (7.0 * n), "{r_hat}");
    }
}
