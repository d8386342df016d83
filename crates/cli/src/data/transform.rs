//! From the numbers of a file to those that a model sees, and back.

use std::sync::Arc;

use gibbsian_core::dataset::Matrix;
use gibbsian_data::{Images, Means, StochasticBinarised, Threshold};
use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::file::Rows;
use super::prepare::View;
use super::view::Tossed;
use super::{Binarise, DataKeys, Scale};
use crate::failure::{Failure, OrRefuse, Result, toml_text};

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
        let as_it_is = Transform::unscaled(d, keys.binarise, keys.threshold);
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
            // The sum of huge numbers is infinite before their spread is.
            if !s.is_finite() || !offset[i].is_finite() {
                return Err(Failure::refused(
                    format!(
                        "column {:?} has numbers so large that their spread is beyond all numbers, and cannot be scaled by data.scale = \"{}\"",
                        names[i], keys.scale
                    ),
                    format!(
                        "give the column in larger units, or leave it out with data.drop = [{}]",
                        toml_text(&names[i])
                    ),
                ));
            }
            // A spread below the rounding of the numbers is none.
            if *s <= 1e-12 * offset[i].abs() {
                return Err(Failure::refused(
                    format!(
                        "column {:?} is constant in the training rows and cannot be scaled by data.scale = \"{}\"",
                        names[i], keys.scale
                    ),
                    format!(
                        "leave it out with data.drop = [{}], or set data.scale = \"unit-together\" for pictures",
                        toml_text(&names[i])
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

    /// Numbers as they are, and then perhaps a coin or a threshold.
    pub(crate) fn unscaled(dim: usize, binarise: Binarise, threshold: f64) -> Self {
        Transform {
            offset: Array1::zeros(dim),
            scale: Array1::ones(dim),
            binarise,
            threshold,
        }
    }

    /// The numbers that a model sees, before coins are tossed.
    pub(crate) fn apply(&self, x: ArrayView2<f64>) -> Array2<f64> {
        (&x - &self.offset) / &self.scale
    }

    /// Zeros and ones as numbers of the file that the model sees as just these: the ends of the scale, or numbers on either side of a threshold that does not part these.
    pub(crate) fn written(&self, bits: ArrayView2<f64>) -> Array2<f64> {
        let ends: Vec<[f64; 2]> = (0..self.offset.len()).map(|column| self.ends(column)).collect();
        Array2::from_shape_fn(bits.dim(), |(b, i)| ends[i][usize::from(bits[[b, i]] > 0.5)])
    }

    /// The numbers of a column of the file that stand for 0 and for 1.
    pub(crate) fn ends(&self, column: usize) -> [f64; 2] {
        let scaled = match self.binarise {
            Binarise::Threshold if !(0.0..1.0).contains(&self.threshold) => [
                self.threshold - 0.5,
                (self.threshold + 0.5).max(self.threshold.next_up()),
            ],
            _ => [0.0, 1.0],
        };
        scaled.map(|z| self.number(column, z))
    }

    /// The number of a column that is scaled to `z`, to the last bit where there is one: the rounded number or a neighbour of it.
    fn number(&self, column: usize, z: f64) -> f64 {
        const NEIGHBOURS: usize = 16;
        let (offset, scale) = (self.offset[column], self.scale[column]);
        let x = z * scale + offset;
        let (mut below, mut above) = (x, x);
        for _ in 0..NEIGHBOURS {
            if let Some(exact) = [below, above].into_iter().find(|x| (x - offset) / scale == z) {
                return exact;
            }
            (below, above) = (below.next_down(), above.next_up());
        }
        x
    }

    /// Back to the numbers of the file.
    pub(crate) fn back(&self, z: ArrayView2<f64>) -> Array2<f64> {
        &z * &self.scale + &self.offset
    }

    /// `Σ log scale`, which a log-density loses on the way back.
    pub(crate) fn log_volume(&self) -> f64 {
        self.scale.iter().map(|s| s.ln()).sum()
    }

    /// Whether numbers are scaled at all.
    pub(crate) fn is_scaled(&self) -> bool {
        self.scale.iter().any(|s| *s != 1.0) || self.offset.iter().any(|o| *o != 0.0)
    }

    /// Whether numbers that it was made for lie outside of [0, 1], where fractions of bytes are.
    pub(crate) fn is_beyond_fractions(&self) -> bool {
        if !self.is_scaled() {
            return self.binarise == Binarise::Threshold && !(0.0..1.0).contains(&self.threshold);
        }
        // Of numbers in [0, 1] a mean, a least or a greatest one is in [0, 1] too, and the mean plus a deviation is at most (1 + √2)/2.
        let largest = 0.5 * (1.0 + std::f64::consts::SQRT_2) + 1e-9;
        (self.offset.iter().zip(&self.scale)).any(|(o, s)| !(0.0..=1.0).contains(o) || o + s > largest)
    }

    /// Some rows as the model sees them, with their means; numbers outside `[0, 1]` are refused where coins need them inside, unless they are of rows that the scale was not fitted to.
    /// `numbers` are the places of all rows in their file, for messages.
    pub(crate) fn view(
        &self,
        rows: &Rows,
        indices: &[usize],
        numbers: &[usize],
        names: &[String],
        is_training: bool,
    ) -> Result<(View, Array1<f64>)> {
        let is_scaled = self.is_scaled();
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
                            numbers[indices[row]] + 1
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
                // No level of grey stands for a threshold on one side of all pixels.
                if !(0.0..1.0).contains(&self.threshold) {
                    return Err(Failure::key(
                        "data.threshold",
                        self.threshold,
                        "at least 0 and below 1 for pictures of bytes, whose numbers are bytes divided by 255",
                        "set data.threshold = 0.5",
                    ));
                }
                let level = (self.threshold * 255.0).floor() as u8;
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

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::Seed;
    use ndarray::array;
    use rand::RngExt;

    /// What the keys make of a column between two numbers.
    fn unit(low: f64, high: f64, binarise: Binarise, threshold: f64) -> Transform {
        Transform {
            offset: array![low],
            scale: array![high - low],
            binarise,
            threshold,
        }
    }

    #[test]
    fn bits_are_written_as_numbers_that_are_scaled_to_just_these() {
        let mut rng = Seed::new(1).rng();
        let bits = array![[0.0], [1.0]];
        for _ in 0..20_000 {
            let mut number = || (rng.random::<f64>() - 0.5) * 10_f64.powi(rng.random_range(-9..9));
            let (low, width) = (number(), number().abs());
            // Narrower columns are refused as constant.
            if width <= 1e-11 * low.abs() {
                continue;
            }
            let transform = unit(low, low + width, Binarise::Stochastic, 0.5);
            let written = transform.written(bits.view());
            assert_eq!(transform.apply(written.view()), bits, "{low:e} {width:e}");
        }
    }

    #[test]
    fn a_threshold_beyond_the_scale_parts_what_is_written() {
        for threshold in [-3.0, -1e-300, 0.0, 0.3, 1.0, 1.5, 1e17] {
            let transform = unit(2.0, 6.0, Binarise::Threshold, threshold);
            let z = transform.apply(transform.written(array![[0.0], [1.0]].view()).view());
            assert!(
                z[[0, 0]] <= threshold && z[[1, 0]] > threshold,
                "{threshold}: {z}"
            );
        }
        let votes = Transform::unscaled(1, Binarise::Threshold, 0.5);
        assert_eq!(votes.ends(0), [0.0, 1.0]);
    }
}
