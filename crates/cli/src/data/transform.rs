//! From the numbers of a file to those that a model sees, and back.

use std::sync::Arc;

use gibbsian_core::dataset::Matrix;
use gibbsian_data::{Images, Means, StochasticBinarised, Threshold};
use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::file::Rows;
use super::prepare::View;
use super::view::Tossed;
use super::{Binarise, DataKeys, Scale};
use crate::failure::{Failure, OrRefuse, Result};

/// `z = (x − offset) / scale`, and then perhaps a coin or a threshold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Transform {
    /// What is subtracted from each column.
    pub offset: Array1<f64>,
    /// What each column is then divided by.
    pub scale: Array1<f64>,
    /// What happens after that.
    pub binarise: Binarise,
    /// Numbers above it become 1.
    pub threshold: f64,
}

impl Transform {
    /// What the keys say, with the numbers that the rows `kept` give.
    pub(crate) fn fitted(rows: &Rows, kept: &[usize], names: &[String], keys: &DataKeys) -> Result<Self> {
        let d = names.len();
        let as_it_is = Transform {
            offset: Array1::zeros(d),
            scale: Array1::ones(d),
            binarise: keys.binarise,
            threshold: keys.threshold,
        };
        // Bytes of pictures come as numbers in [0, 1] already.
        let standardised_pictures;
        let values = match (rows, keys.scale) {
            (_, Scale::None) | (Rows::Pictures(_), Scale::Unit | Scale::UnitTogether) => return Ok(as_it_is),
            (Rows::Table(values), _) => values,
            (Rows::Pictures(images), Scale::Standardise) => {
                standardised_pictures = fractions(images);
                &standardised_pictures
            }
        };
        let train = values.select(Axis(0), kept);
        let (offset, scale) = match keys.scale {
            Scale::Standardise => (
                train.sum_axis(Axis(0)) / kept.len() as f64,
                train.std_axis(Axis(0), 0.0),
            ),
            _ => {
                let fold =
                    |f: fn(f64, f64) -> f64, start: f64| train.fold_axis(Axis(0), start, |a, b| f(*a, *b));
                let (mut low, mut high) = (fold(f64::min, f64::INFINITY), fold(f64::max, f64::NEG_INFINITY));
                if keys.scale == Scale::UnitTogether {
                    let (least, greatest) = (
                        low.fold(f64::INFINITY, |a, b| a.min(*b)),
                        high.fold(f64::NEG_INFINITY, |a, b| a.max(*b)),
                    );
                    low.fill(least);
                    high.fill(greatest);
                }
                (low.clone(), high - low)
            }
        };
        for (i, s) in scale.iter().enumerate() {
            // A spread below the rounding of the numbers is none.
            if !s.is_finite() || *s <= 1e-12 * offset[i].abs() {
                return Err(Failure::refused(
                    format!(
                        "column {:?} is constant in the training rows and cannot be scaled by data.scale = \"{}\"",
                        names[i], keys.scale
                    ),
                    format!(
                        "leave it out with data.drop = [{:?}], or set data.scale = \"unit-together\" for pictures",
                        names[i]
                    ),
                ));
            }
        }
        Ok(Transform {
            offset,
            scale,
            ..as_it_is
        })
    }

    /// The numbers that a model sees, before coins are tossed.
    pub(crate) fn apply(&self, x: ArrayView2<f64>) -> Array2<f64> {
        (&x - &self.offset) / &self.scale
    }

    /// Back to the numbers of the file.
    pub(crate) fn back(&self, z: ArrayView2<f64>) -> Array2<f64> {
        &z * &self.scale + &self.offset
    }

    /// `Σ log scale`, which a log-density loses on the way back.
    pub(crate) fn log_volume(&self) -> f64 {
        self.scale.iter().map(|s| s.ln()).sum()
    }

    /// Some rows as the model sees them, with their means; numbers outside `[0, 1]` are refused where coins need them inside, unless they are of rows that the scale was not fitted to.
    pub(crate) fn view(
        &self,
        rows: &Rows,
        indices: &[usize],
        names: &[String],
        is_training: bool,
    ) -> Result<(View, Array1<f64>)> {
        let is_scaled = self.scale.iter().any(|s| *s != 1.0) || self.offset.iter().any(|o| *o != 0.0);
        let mut z = match rows {
            Rows::Pictures(images) if !is_scaled => return self.view_of_pictures(images, indices),
            Rows::Pictures(images) => self.apply(fractions(images).select(Axis(0), indices).view()),
            Rows::Table(values) => self.apply(values.select(Axis(0), indices).view()),
        };
        match self.binarise {
            Binarise::None => {}
            Binarise::Threshold => z.mapv_inplace(|z| f64::from(u8::from(z > self.threshold))),
            Binarise::Stochastic => {
                if is_scaled && !is_training {
                    z.mapv_inplace(|z| z.clamp(0.0, 1.0));
                }
                if let Some(((row, column), value)) =
                    z.indexed_iter().find(|(_, z)| !(0.0..=1.0).contains(*z))
                {
                    return Err(Failure::refused(
                        format!(
                            "column {:?} has {value} in row {}, but data.binarise = \"stochastic\" needs probabilities in [0, 1]",
                            names[column],
                            indices[row] + 1
                        ),
                        "set data.scale = \"unit\" (each column to [0, 1]) or \"unit-together\" (pictures), or data.binarise = \"threshold\"",
                    ));
                }
            }
        }
        let means = z.sum_axis(Axis(0)) / z.nrows() as f64;
        let view: View = match self.binarise {
            Binarise::Stochastic => Arc::new(Tossed::new(z)),
            _ => Arc::new(Matrix::new(z).or_refuse("see the data with `gibbsian show`")?),
        };
        Ok((view, means))
    }

    fn view_of_pictures(&self, images: &Images, indices: &[usize]) -> Result<(View, Array1<f64>)> {
        let images = images.select(indices).or_refuse("check data.path")?;
        let mut means = images.means();
        let view: View = match self.binarise {
            Binarise::None => Arc::new(Means::new(images)),
            Binarise::Stochastic => Arc::new(StochasticBinarised::new(images)),
            Binarise::Threshold => {
                let level = (self.threshold * 255.0).floor().clamp(0.0, 255.0) as u8;
                means = Array1::zeros(images.dim());
                for picture in images.as_bytes().chunks(images.dim()) {
                    means
                        .iter_mut()
                        .zip(picture)
                        .for_each(|(m, p)| *m += f64::from(u8::from(*p > level)));
                }
                means /= images.n() as f64;
                Arc::new(Threshold::new(images, level))
            }
        };
        Ok((view, means))
    }
}

/// Pixels divided by 255.
fn fractions(images: &Images) -> Array2<f64> {
    Array2::from_shape_fn((images.n(), images.dim()), |(b, i)| {
        f64::from(images.pixels(b)[i]) / 255.0
    })
}
