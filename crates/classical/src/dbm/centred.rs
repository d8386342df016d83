//! The centred gradient, which trains a deep machine without pretraining (Montavon and Müller 2012).
//!
//! With offsets `μ_l` the energy `−Σ_l (x_{l−1} − μ_{l−1})'W_l(x_l − μ_l) − Σ_l b̃_l'x_l` describes the same machines as the plain one, with
//! `b̃_l = b_l + W_l'μ_{l−1} + W_{l+1}μ_{l+1}`. Only the direction of steepest descent differs. In the plain parameters it reads
//!
//! `∇̃W_l = ∇W_l − μ_{l−1}(∇b_l)' − ∇b_{l−1} μ_l'`,  `∇̃b_l = ∇b_l − ∇̃W_l'μ_{l−1} − ∇̃W_{l+1}μ_{l+1}`,
//!
//! the gradients of the centred energy and what they mean for the plain biases. Steps along it do not depend on whether a unit is coded as `x` or
//! `1 − x`, and the first modes that are learnt are no longer those of all units being on. Offsets follow the means of the positive phase; because they are
//! no part of the model, moving them changes nothing else.

use gibbsian_core::error::{check_finite, check_shape, check_within};
use gibbsian_core::{Error, Objective, Record, Result, Snapshot, Units, Values};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis};
use rand::Rng;

use super::Dbm;
use super::objective::VariationalPersistent;

/// [`VariationalPersistent`] along the centred gradient, for layers whose parameters are one bias a unit.
///
/// The loss is that of the plain objective.
#[derive(Clone, Debug)]
pub struct CentredVariational {
    plain: VariationalPersistent,
    offsets: Vec<Array1<f64>>,
    rate: f64,
}

impl CentredVariational {
    /// Offsets that start at the means of the data and at the means of hidden layers that receive nothing, and go the way `rate` towards the means of
    /// each positive phase.
    ///
    /// # Errors
    /// Means of another number than the visible units or not finite, or a rate outside `[0, 1]`.
    pub fn new(
        plain: VariationalPersistent,
        dbm: &Dbm,
        data_means: ArrayView1<f64>,
        rate: f64,
    ) -> Result<Self> {
        check_shape("data_means", &data_means, &[dbm.visible().n_units()])?;
        check_finite("data_means", &data_means)?;
        check_within("rate", rate, 0.0, 1.0)?;
        let mut offsets = vec![data_means.to_owned()];
        for l in 1..=dbm.depth() {
            let nothing = Array2::zeros((1, dbm.hidden(l).n_units()));
            offsets.push(dbm.hidden(l).mean(nothing.view()).remove_axis(Axis(0)));
        }
        Ok(CentredVariational { plain, offsets, rate })
    }

    /// The offsets of all layers, the visible one first.
    pub fn offsets(&self) -> &[Array1<f64>] {
        &self.offsets
    }

    /// The plain objective with its chains.
    pub fn plain(&self) -> &VariationalPersistent {
        &self.plain
    }
}

impl Objective<Dbm> for CentredVariational {
    fn loss_and_grad_into(
        &mut self,
        dbm: &Dbm,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let sizes = dbm.sizes();
        if !self.offsets.iter().map(Array1::len).eq(sizes.iter().copied()) {
            let found: Vec<usize> = self.offsets.iter().map(Array1::len).collect();
            return Err(Error::shape("offsets", &found, format!("{sizes:?}")));
        }
        let loss = self.plain.loss_and_grad_into(dbm, x, rng, grad.view_mut())?;
        for (offset, mean) in self.offsets.iter_mut().zip(self.plain.data_means()) {
            offset.zip_mut_with(mean, |o, m| *o += self.rate * (m - *o));
        }
        centre(&sizes, &self.offsets, grad);
        Ok(loss)
    }
}

/// Turns the plain gradient of a machine of layers of these sizes into the centred one.
fn centre(sizes: &[usize], offsets: &[Array1<f64>], mut grad: ArrayViewMut1<f64>) {
    let n_weights: usize = sizes.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let (mut weights, mut biases) = grad.view_mut().split_at(Axis(0), n_weights);
    let plain = biases.to_owned();
    let (mut first_weight, mut first_unit) = (0, 0);
    for l in 1..sizes.len() {
        let (lower, upper) = (sizes[l - 1], sizes[l]);
        let below = first_unit..first_unit + lower;
        let above = below.end..below.end + upper;
        for i in 0..lower {
            let row = first_weight + i * upper;
            for j in 0..upper {
                let (mu, lambda) = (offsets[l - 1][i], offsets[l][j]);
                let w = &mut weights[row + j];
                *w -= mu * plain[above.start + j] + plain[below.start + i] * lambda;
                biases[below.start + i] -= *w * lambda;
                biases[above.start + j] -= *w * mu;
            }
        }
        first_weight += lower * upper;
        first_unit += lower;
    }
}

/// The chains and the offsets.
impl Snapshot for CentredVariational {
    fn snapshot(&self) -> Record {
        let mut record = self.plain.snapshot();
        for (l, offset) in self.offsets.iter().enumerate() {
            record.put(
                format!("offset.{l}"),
                offset.shape(),
                Values::F64(offset.to_vec()),
            );
        }
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let mut offsets = self.offsets.clone();
        for (l, offset) in offsets.iter_mut().enumerate() {
            let name = format!("offset.{l}");
            let values = ArrayView1::from(record.f64s(&name, offset.shape())?);
            check_finite(&name, &values)?;
            offset.assign(&values);
        }
        self.plain.restore(record)?;
        self.offsets = offsets;
        Ok(())
    }
}
