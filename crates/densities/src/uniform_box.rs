//! The uniform density on a box.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, Result, check_finite, check_shape};
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::{Density, Energy, Potential, Score, ScoreJvp, Space, Streams};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Zip};
use rand::{Rng, RngExt};

/// The uniform density on the box `Π_i [l_i, u_i]` in `D` dimensions: `log p(x) = −Σ_i log(u_i − l_i)` inside.
///
/// The box is closed: its faces belong to it, and draws may lie on them. The energy is 0 inside and +∞ outside; the score is 0 inside, faces included, and
/// NaN outside, where there is no density to differentiate. It does not see the walls: a Langevin sampler needs to be told of them.
///
/// ```
/// use gibbsian_core::{Density, Energy, Seed};
/// use gibbsian_densities::UniformBox;
/// use ndarray::array;
///
/// let uniform = UniformBox::new(array![0.0, -1.0], array![2.0, 1.0])?;
/// let x = array![[1.0, 0.5], [2.0, 1.0], [2.5, 0.0]];
/// assert_eq!(uniform.log_density(x.view()), array![-4.0_f64.ln(), -4.0_f64.ln(), f64::NEG_INFINITY]);
/// assert_eq!(uniform.variance(), array![1.0 / 3.0, 1.0 / 3.0]);
/// let draws = uniform.sample(10, &mut Seed::new(1).rng());
/// assert!(uniform.energy(draws.view()).iter().all(|e| *e == 0.0));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct UniformBox {
    lower: Array1<f64>,
    upper: Array1<f64>,
}

impl UniformBox {
    /// The uniform density between the corners `lower` `(D)` and `upper` `(D)`.
    ///
    /// # Errors
    /// No coordinates, lengths that differ, an entry that is not finite, an upper one that is not greater than the lower, or a width that overflows.
    pub fn new(lower: Array1<f64>, upper: Array1<f64>) -> Result<Self> {
        if lower.is_empty() {
            return Err(Error::shape("lower", lower.shape(), "(at least 1)"));
        }
        check_finite("lower", &lower)?;
        check_shape("upper", &upper, &[lower.len()])?;
        check_finite("upper", &upper)?;
        for (i, (l, u)) in lower.iter().zip(&upper).enumerate() {
            let requirement = if u <= l {
                format!("greater than lower[{i}] = {l}")
            } else if (u - l).is_infinite() {
                format!("at a finite distance of lower[{i}] = {l}")
            } else {
                continue;
            };
            return Err(Error::parameter(format!("upper[{i}]"), u, requirement));
        }
        Ok(UniformBox { lower, upper })
    }

    /// The uniform density on `[−half_width, half_width]` in each of `dim` coordinates.
    ///
    /// # Errors
    /// `dim = 0`, or a half width that is not finite and greater than zero or twice of which overflows.
    pub fn centred(dim: usize, half_width: f64) -> Result<Self> {
        gibbsian_core::error::check_positive("half_width", half_width)?;
        UniformBox::new(
            Array1::from_elem(dim, -half_width),
            Array1::from_elem(dim, half_width),
        )
    }

    /// The lower corner `l` `(D)`.
    pub fn lower(&self) -> ArrayView1<'_, f64> {
        self.lower.view()
    }

    /// The upper corner `u` `(D)`.
    pub fn upper(&self) -> ArrayView1<'_, f64> {
        self.upper.view()
    }

    /// The means `½ (l + u)` `(D)`.
    pub fn mean(&self) -> Array1<f64> {
        // Halves first: the sum may overflow.
        0.5 * &self.lower + 0.5 * &self.upper
    }

    /// The variances `(u − l)²/12` `(D)` of the coordinates, which are independent.
    pub fn variance(&self) -> Array1<f64> {
        self.widths().mapv(|w| w * w / 12.0)
    }

    fn widths(&self) -> Array1<f64> {
        &self.upper - &self.lower
    }

    /// 0 inside, +∞ outside, NaN for a row with NaN.
    fn energy_of(&self, x: ArrayView1<f64>) -> f64 {
        let mut energy = 0.0;
        for ((x, l), u) in x.iter().zip(&self.lower).zip(&self.upper) {
            if x.is_nan() {
                return f64::NAN;
            }
            if x < l || x > u {
                energy = f64::INFINITY;
            }
        }
        energy
    }

    /// The zero of the score and its derivatives, NaN for rows that are not in the box.
    fn zero_of(&self, x: ArrayView1<f64>) -> f64 {
        0.0 * self.energy_of(x)
    }

    fn fill_zeros(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        let dim = self.dim();
        assert!(
            x.ncols() == dim && out.dim() == x.dim(),
            "x has shape {:?} and the output has shape {:?}, but a space of dimension {dim} needs (B, {dim}) for both",
            x.shape(),
            out.shape(),
        );
        Zip::from(out.rows_mut())
            .and(x.rows())
            .for_each(|mut out, x| out.fill(self.zero_of(x)));
    }
}

impl Space for UniformBox {
    fn dim(&self) -> usize {
        self.lower.len()
    }
}

impl Energy for UniformBox {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        Zip::from(out)
            .and(x.rows())
            .for_each(|out, x| *out = self.energy_of(x));
    }
}

impl Density for UniformBox {
    /// `Σ_i log(u_i − l_i)`.
    fn log_z(&self) -> f64 {
        self.widths().mapv(f64::ln).sum()
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let streams = Streams::draw(rng);
        let widths = self.widths();
        let mut out = Array2::zeros((n, self.dim()));
        for_each_block(out.view_mut(), |block, mut rows| {
            let mut rng = streams.block(block);
            for mut row in rows.rows_mut() {
                for (i, x) in row.iter_mut().enumerate() {
                    // The sum may round past the end.
                    *x = (self.lower[i] + widths[i] * rng.random::<f64>()).min(self.upper[i]);
                }
            }
        });
        out
    }
}

impl Score for UniformBox {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.fill_zeros(x, out);
    }
}

impl Potential for UniformBox {}

impl ScoreJvp for UniformBox {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.fill_zeros(x, score);
        self.fill_zeros(x, jvp.view_mut());
        // Zero times the direction, so that what is not finite in it shows.
        jvp *= &v;
    }

    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        Zip::from(&mut out)
            .and(x.rows())
            .for_each(|out, x| *out = self.zero_of(x));
    }
}
