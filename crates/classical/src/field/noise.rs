//! What noise does to a label: the law of an observation given the label that it came from.
//!
//! Fields need `−log p(x_i | y_i)` for every label, constants included, so that energies of different noise levels can be compared.

use std::f64::consts::TAU;

use gibbsian_core::error::{check_each, check_positive};
use gibbsian_core::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::check_labels;
use crate::choose::choose;

/// Independent noise on every site.
pub trait Noise {
    /// Writes `−log p(x | y = label)` of one observation for each label into `out`.
    ///
    /// # Errors
    /// An observation that this noise cannot give, with its `site` in the name.
    fn energies_into(&self, site: usize, x: f64, labels: &[f64], out: &mut [f64]) -> Result<()>;

    /// Draws an observation of every label in a state.
    ///
    /// # Errors
    /// A value that is no label of this noise.
    fn corrupt(&self, y: ArrayView1<f64>, rng: &mut dyn Rng) -> Result<Array1<f64>>;
}

/// A label is seen as another one: the discrete memoryless channel of Shannon (1948).
///
/// ```
/// use gibbsian_classical::field::{FlipNoise, Noise};
/// // One pixel in ten is seen as the other colour.
/// let noise = FlipNoise::symmetric(vec![0.0, 1.0], 0.1)?;
/// let mut energies = [0.0; 2];
/// noise.energies_into(0, 1.0, &[0.0, 1.0], &mut energies)?;
/// assert_eq!(energies, [-0.1_f64.ln(), -0.9_f64.ln()]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FlipNoise {
    labels: Vec<f64>,
    /// `p[a, c]`, the probability that label `a` is seen as label `c`.
    p: Array2<f64>,
}

impl FlipNoise {
    /// The noise by which label `a` is seen as label `c` with probability `p[a, c]`, `(q, q)`.
    ///
    /// # Errors
    /// Labels that are not finite and distinct, another shape, a probability outside `(0, 1)` (what can never be seen would have an infinite energy), or a row whose sum is
    /// not one to rounding.
    pub fn new(labels: Vec<f64>, p: Array2<f64>) -> Result<Self> {
        check_labels(&labels)?;
        let q = labels.len();
        if p.shape() != [q, q] {
            return Err(Error::shape("p", p.shape(), format!("[{q}, {q}]")));
        }
        check_each("p", p.view(), "in (0, 1)", |p| p > 0.0 && p < 1.0)?;
        for (a, row) in p.rows().into_iter().enumerate() {
            if (row.sum() - 1.0).abs() > q as f64 * f64::EPSILON {
                return Err(Error::parameter(
                    format!("the sum of p[{a}, ..]"),
                    row.sum(),
                    "one",
                ));
            }
        }
        Ok(FlipNoise { labels, p })
    }

    /// The noise that replaces a label with probability `flip` by one of the others, all alike.
    ///
    /// # Errors
    /// Those of [`FlipNoise::new`].
    pub fn symmetric(labels: Vec<f64>, flip: f64) -> Result<Self> {
        let q = labels.len();
        let p = Array2::from_shape_fn((q, q), |(a, c)| {
            if a == c {
                1.0 - flip
            } else {
                flip / (q as f64 - 1.0)
            }
        });
        FlipNoise::new(labels, p)
    }

    /// The noise of two labels that flips the first with probability `flips[0]` and the second with `flips[1]`.
    ///
    /// # Errors
    /// Those of [`FlipNoise::new`].
    pub fn binary(labels: [f64; 2], [first, second]: [f64; 2]) -> Result<Self> {
        let p = ndarray::array![[1.0 - first, first], [second, 1.0 - second]];
        FlipNoise::new(labels.to_vec(), p)
    }

    /// The labels.
    pub fn labels(&self) -> &[f64] {
        &self.labels
    }

    /// The probabilities, a row for each true label.
    pub fn probabilities(&self) -> ArrayView2<'_, f64> {
        self.p.view()
    }

    fn number(&self, name: String, value: f64) -> Result<usize> {
        let number = self.labels.iter().position(|label| *label == value);
        number.ok_or_else(|| Error::parameter(name, value, format!("one of the labels {:?}", self.labels)))
    }
}

impl Noise for FlipNoise {
    fn energies_into(&self, site: usize, x: f64, labels: &[f64], out: &mut [f64]) -> Result<()> {
        if labels != self.labels {
            let requirement = format!("{:?}, the alphabet of the field", labels);
            return Err(Error::parameter(
                "the labels of the noise",
                format!("{:?}", self.labels),
                requirement,
            ));
        }
        let c = self.number(format!("x[{site}]"), x)?;
        for (e, p) in out.iter_mut().zip(self.p.column(c)) {
            *e = -p.ln();
        }
        Ok(())
    }

    fn corrupt(&self, y: ArrayView1<f64>, rng: &mut dyn Rng) -> Result<Array1<f64>> {
        y.iter()
            .enumerate()
            .map(|(i, &label)| {
                let a = self.number(format!("y[{i}]"), label)?;
                Ok(self.labels[choose(self.p.row(a).as_slice().expect("rows are slices"), rng.random())])
            })
            .collect()
    }
}

/// Labels are grey levels and are seen with normal noise added: `−log p(x | y) = (x − y)²/2σ² + ½ log 2πσ²`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussianNoise {
    deviation: f64,
}

impl GaussianNoise {
    /// The noise of this standard deviation.
    ///
    /// # Errors
    /// A deviation that is not positive and finite.
    pub fn new(deviation: f64) -> Result<Self> {
        check_positive("deviation", deviation)?;
        Ok(GaussianNoise { deviation })
    }
}

impl Noise for GaussianNoise {
    fn energies_into(&self, site: usize, x: f64, labels: &[f64], out: &mut [f64]) -> Result<()> {
        if !x.is_finite() {
            return Err(Error::parameter(format!("x[{site}]"), x, "finite"));
        }
        let sigma = self.deviation;
        for (e, label) in out.iter_mut().zip(labels) {
            let z = (x - label) / sigma;
            *e = 0.5 * z * z + 0.5 * TAU.ln() + sigma.ln();
        }
        Ok(())
    }

    fn corrupt(&self, y: ArrayView1<f64>, rng: &mut dyn Rng) -> Result<Array1<f64>> {
        check_each("y", y, "finite", f64::is_finite)?;
        Ok(y.mapv(|y| y + self.deviation * rng.sample::<f64, _>(StandardNormal)))
    }
}
