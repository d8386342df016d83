//! Bugs in parameter vectors, snapshots and objectives.

use gibbsian_core::{
    Error, Layout, Objective, Parametric, ParametricMut, Record, Result, Seed, Snapshot, TrainStep, Values,
    error,
};
use gibbsian_testkit::conformance;
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, array};
use rand::Rng;

use super::{DOUBLE, caught};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    None,
    RoundTrip,
    Ignores,
    SameNames,
    ShortLayout,
    TakesNan,
    TakesNanHalfway,
    TakesShort,
    Anonymous,
    UpdatesHalfway,
    ForgetsUpdates,
    UpdatesAnother,
    RestoreNothing,
    RestoreRounded,
    RestoreHalf,
    RestoreMissing,
    AddedGradient,
    WrongGradient,
    TakesNanBatch,
    NamelessNanBatch,
    StepsFirst,
    TakesNanRate,
    StandsStill,
}

/// Two parameters, `a` and `b`, with bugs in every operation on them.
#[derive(Clone)]
struct Model {
    params: Array1<f64>,
    bug: Bug,
}

fn model(bug: Bug) -> Model {
    Model {
        params: array![0.3, -1.7],
        bug,
    }
}

impl Parametric for Model {
    fn layout(&self) -> Layout {
        match self.bug {
            Bug::SameNames => Layout::new().with("a", &[1]).with("a", &[1]),
            Bug::ShortLayout => Layout::new().with("a", &[1]),
            _ => Layout::new().with("a", &[1]).with("b", &[1]),
        }
    }

    fn params(&self) -> Array1<f64> {
        self.params.clone()
    }
}

impl ParametricMut for Model {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        match self.bug {
            Bug::RoundTrip => self.params = params.mapv(|p| f64::from(p as f32)),
            Bug::Ignores => {}
            Bug::TakesNan if params.len() == 2 => self.params.assign(&params),
            Bug::TakesShort if params.len() < 2 => self.params[0] = params[0],
            Bug::TakesNanHalfway if params.len() == 2 => {
                self.params[0] = params[0];
                self.layout().check(params)?;
                self.params[1] = params[1];
            }
            Bug::Anonymous if params.iter().any(|p| !p.is_finite()) => {
                return Err(Error::parameter("something", "bad", "good"));
            }
            _ => {
                self.layout().check(params)?;
                self.params.assign(&params);
            }
        }
        Ok(())
    }

    fn update_params(&mut self, change: &mut dyn FnMut(ArrayViewMut1<f64>) -> Result<()>) -> Result<()> {
        let mut params = self.params();
        match self.bug {
            Bug::UpdatesHalfway => return change(self.params.view_mut()),
            Bug::UpdatesAnother => params[1] = 0.0,
            _ => {}
        }
        change(params.view_mut())?;
        match self.bug {
            Bug::ForgetsUpdates => Ok(()),
            _ => self.set_params(params.view()),
        }
    }
}

#[test]
fn parameter_vectors() {
    conformance::parametric(&mut model(Bug::None)).unwrap();
    for (bug, reason) in [
        (Bug::RoundTrip, "set_params(params) changes no bit"),
        (Bug::Ignores, "params returns what set_params was given"),
        (Bug::SameNames, "`a` is empty or stands twice"),
        (Bug::ShortLayout, "the layout covers the parameters"),
        (Bug::TakesNan, "bad parameters are refused"),
        (Bug::TakesNanHalfway, "a refusal leaves the model unchanged"),
        (Bug::TakesShort, "bad parameters are refused"),
        (Bug::Anonymous, "a refusal names the parameter"),
        (Bug::UpdatesHalfway, "a refusal of the caller changes nothing"),
        (Bug::ForgetsUpdates, "the parameters become what an update left"),
        (Bug::UpdatesAnother, "an update begins with the parameters"),
    ] {
        caught(conformance::parametric(&mut model(bug)), reason);
    }
}

impl Snapshot for Model {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        record.put("a", &[1], Values::F64(vec![self.params[0]]));
        record.put("b", &[1], Values::F64(vec![self.params[1]]));
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        match self.bug {
            Bug::RestoreNothing => {
                record.f64s("a", &[1])?;
                record.f64s("b", &[1])?;
            }
            Bug::RestoreHalf => {
                self.params[0] = record.f64s("a", &[1])?[0];
                self.params[1] = record.f64s("b", &[1])?[0];
            }
            Bug::RestoreMissing => {
                let b = record.f64s("b", &[1]).map_or(0.0, |b| b[0]);
                self.params = array![record.f64s("a", &[1])?[0], b];
            }
            _ => {
                let (a, b) = (record.f64s("a", &[1])?[0], record.f64s("b", &[1])?[0]);
                let rounded = self.bug == Bug::RestoreRounded;
                self.params = array![a, if rounded { f64::from(b as f32) } else { b }];
            }
        }
        Ok(())
    }
}

#[test]
fn snapshots() {
    for (bug, reason) in [
        (Bug::None, ""),
        (Bug::RestoreNothing, "a restored state saves the same bits"),
        (Bug::RestoreRounded, "a restored state saves the same bits"),
        (Bug::RestoreHalf, "a refused record leaves the state unchanged"),
        (Bug::RestoreMissing, "a record that does not fit is refused"),
    ] {
        let mut other = model(bug);
        other.params = array![2.5, 0.1];
        let verdict = conformance::snapshot(&model(bug), &mut other);
        if bug == Bug::None {
            verdict.unwrap();
        } else {
            caught(verdict, reason);
        }
    }
}

/// `½ Σ_b |x_b − (a, b)|² / B`.
struct Squares(Bug);

impl Objective<Model> for Squares {
    fn loss_and_grad_into(
        &mut self,
        model: &Model,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        error::check_batch("x", &x, 2)?;
        match self.0 {
            Bug::TakesNanBatch => {}
            Bug::NamelessNanBatch => {
                error::check_loss(x.sum(), "somewhere")?;
            }
            _ => error::check_finite("x", &x)?,
        }
        let residual = &model.params - &x;
        if self.0 != Bug::AddedGradient {
            grad.fill(0.0);
        }
        grad += &(residual.sum_axis(ndarray::Axis(0)) / x.nrows() as f64);
        if self.0 == Bug::WrongGradient {
            grad[1] *= 0.999_999;
        }
        Ok(0.5 * residual.mapv(|r| r * r).sum() / x.nrows() as f64)
    }
}

#[test]
fn objectives() {
    let (seed, x) = (Seed::new(1), array![[0.5, 1.0], [2.0, -0.3], [0.1, 0.7]]);
    conformance::objective(|| Squares(Bug::None), &model(Bug::None), x.view(), seed).unwrap();
    let verdict = |bug| conformance::objective(move || Squares(bug), &model(Bug::None), x.view(), seed);
    caught(verdict(Bug::AddedGradient), "the gradient is overwritten");
    caught(verdict(Bug::TakesNanBatch), "one with NaN was taken");
    caught(verdict(Bug::NamelessNanBatch), "is named with its row");
    let gradient = |bug| {
        conformance::objective_gradient(
            move || Squares(bug),
            &mut model(Bug::None),
            x.view(),
            DOUBLE,
            seed,
        )
    };
    gradient(Bug::None).unwrap();
    caught(gradient(Bug::WrongGradient), "b[0]");
}

/// Gradient descent on [`Squares`].
struct Descent(Bug);

impl TrainStep<Model> for Descent {
    fn train_step(
        &mut self,
        model: &mut Model,
        x: ArrayView2<f64>,
        learning_rate: f64,
        rng: &mut dyn Rng,
    ) -> Result<f64> {
        if self.0 == Bug::StepsFirst {
            model.params -= 0.125;
        }
        let mut grad = Array1::zeros(2);
        let loss = Squares(Bug::None).loss_and_grad_into(model, x, rng, grad.view_mut())?;
        let moved = &model.params - &(grad * learning_rate);
        match self.0 {
            Bug::TakesNanRate => model.params = moved,
            Bug::StandsStill => {}
            _ => model.set_params(moved.view())?,
        }
        Ok(loss)
    }
}

#[test]
fn training_steps() {
    let (seed, x) = (Seed::new(1), array![[0.5, 1.0], [2.0, -0.3], [0.1, 0.7]]);
    let check = |bug| conformance::train_step(move || Descent(bug), &model(Bug::None), x.view(), 0.1, seed);
    check(Bug::None).unwrap();
    for (bug, reason) in [
        (Bug::StepsFirst, "a refused step leaves the model unchanged"),
        (Bug::TakesNanRate, "a learning rate of NaN was taken"),
        (Bug::StandsStill, "a step changes the parameters"),
    ] {
        caught(check(bug), reason);
    }
}
