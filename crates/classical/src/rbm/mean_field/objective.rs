//! Maximum likelihood with the mean-field estimate of `log Z`.

use gibbsian_core::error::{check_batch, check_loss, check_probabilities};
use gibbsian_core::{EnergyPullback, Error, Objective, Record, Result, Snapshot, Space};
use ndarray::{Array2, ArrayView2, ArrayViewMut1, Axis, Zip};
use rand::Rng;

use super::{MeanField, Powers};
use crate::rbm::Rbm;

/// The negative mean log-likelihood `⟨F⟩_data + log Z` with the mean-field estimate of `log Z`, averaged over several solutions (Gabrié, Tramel and Krzakala 2015).
///
/// The data phase is exact, because hidden units can be summed out. Solutions persist from one minibatch to the next, where they go on from; with few sweeps an update and no tolerance they
/// play the part of persistent chains. With a tolerance the gradient is the derivative of the loss, and an update whose sweeps run out before it is refused, because at means that solve no
/// equation it is the derivative of nothing; the solutions stay then.
#[derive(Clone, Debug)]
pub struct MeanFieldLikelihood {
    theory: MeanField,
    visible: Array2<f64>,
    /// Empty before the first minibatch.
    hidden: Array2<f64>,
}

impl MeanFieldLikelihood {
    /// Solutions that start at the visible means `start` `(P, V)`.
    ///
    /// # Errors
    /// Settings outside their domains, no rows, or a mean outside `[0, 1]`.
    pub fn new(theory: MeanField, start: Array2<f64>) -> Result<Self> {
        theory.check()?;
        check_batch("start", &start, start.ncols())?;
        check_probabilities("start", &start)?;
        Ok(MeanFieldLikelihood {
            theory,
            hidden: Array2::zeros((start.nrows(), 0)),
            visible: start,
        })
    }

    /// The visible means of the solutions, `(P, V)`.
    pub fn visible(&self) -> ArrayView2<'_, f64> {
        self.visible.view()
    }
}

impl Objective<Rbm> for MeanFieldLikelihood {
    fn loss_and_grad_into(
        &mut self,
        model: &Rbm,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        model.check_visible(x)?;
        let means = if self.hidden.is_empty() {
            self.theory.solve(model, self.visible.view())?
        } else {
            self.theory
                .go_on(model, self.visible.view(), self.hidden.view())?
        };
        // A residual of NaN is neither.
        let settled = means.residual <= self.theory.tolerance;
        let as_asked = self.theory.tolerance == 0.0 && means.residual.is_finite();
        if !settled && !as_asked {
            let requirement = format!(
                "at most the tolerance {:e} after {} sweeps; raise max_sweeps or the damping, keep the weights smaller, or train without a tolerance",
                self.theory.tolerance, means.n_sweeps
            );
            return Err(Error::parameter(
                "the residual of the means",
                means.residual,
                requirement,
            ));
        }
        let log_z = self.theory.log_z(model, &means)?.sum() / means.visible.nrows() as f64;
        let (n, mut energy) = (x.nrows() as f64, 0.0);
        grad.fill(0.0);
        model.energy_pullback_with(
            x,
            &mut |energies, mut w| {
                energy = energies.sum() / n;
                w.fill(1.0 / n);
            },
            grad.view_mut(),
        );
        let slope = Powers::of(model.weights(), self.theory.order)
            .coupling_slope(means.visible.view(), means.hidden.view());
        let n_points = means.visible.nrows() as f64;
        let (of_visible, of_hidden) = (
            means.visible.sum_axis(Axis(0)) / n_points,
            means.hidden.sum_axis(Axis(0)) / n_points,
        );
        let (weights, biases) = grad.split_at(Axis(0), slope.len());
        let (mut visible, mut hidden) = biases.split_at(Axis(0), model.dim());
        Zip::from(weights).and(&slope.flatten()).for_each(|g, s| *g += s);
        visible += &of_visible;
        hidden += &of_hidden;
        (self.visible, self.hidden) = (means.visible, means.hidden);
        let loss = energy + log_z;
        check_loss(loss, "in the mean-field likelihood")
    }
}

impl Snapshot for MeanFieldLikelihood {
    /// The means of both layers; those of the hidden units are empty before the first minibatch.
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        for (name, means) in [("visible", &self.visible), ("hidden", &self.hidden)] {
            let values = gibbsian_core::Values::F64(means.iter().copied().collect());
            record.put(name, means.shape(), values);
        }
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let n_points = self.visible.nrows();
        // Before the first minibatch any number of hidden units fits.
        let n_hidden = match record.shape("hidden") {
            Some(&[_, n]) if self.hidden.is_empty() => n,
            _ => self.hidden.ncols(),
        };
        let read = |name: &str, n_units: usize| {
            let values = record.f64s(name, &[n_points, n_units])?.to_vec();
            let means = Array2::from_shape_vec((n_points, n_units), values);
            means.map_err(|e| Error::format(format!("snapshot entry `{name}`"), e, "a matrix of means"))
        };
        let (visible, hidden) = (read("visible", self.visible.ncols())?, read("hidden", n_hidden)?);
        (self.visible, self.hidden) = (visible, hidden);
        Ok(())
    }
}
