//! Neal's funnel: a coordinate that sets the scale of all others.
//!
//! `v ~ N(0, σ²)` and `x_i | v ~ N(0, e^v)` (Neal 2003, section 8). The normaliser does not depend on `v`, because `log p(x | v)` carries its own `−½ v`; that
//! is also what makes the neck narrow. All terms are written with `y_i = x_i e^{−v/2}`, which neither overflows nor cancels in the neck.

use std::f64::consts::TAU;

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, Result, check_positive};
use gibbsian_core::{Density, Energy, Potential, Score, ScoreJvp, Space, Streams, parallel};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::law::nowhere;

/// The funnel in `D` dimensions: the first coordinate `v` is `N(0, σ²)`, each of the others `N(0, e^v)` given `v`.
///
/// `log p = −v²/(2σ²) − ½ (D − 1) v − ½ e^{−v} Σ x_i² − log σ − ½ D log 2π`. The default is the funnel of the plane with `σ = 3`; Neal's has ten dimensions.
///
/// A point with a NaN has NaN everywhere; one that is infinite has log-density −∞ and score NaN. Where `e^{−v/2}` overflows, at `v < −1419`, only the axis has a density.
///
/// ```
/// use gibbsian_core::{Density, Score};
/// use gibbsian_densities::planar::Funnel;
/// use ndarray::array;
///
/// let funnel = Funnel::new(10, 3.0)?;
/// assert_eq!(funnel.sample(5, &mut gibbsian_core::Seed::new(1).rng()).dim(), (5, 10));
/// // In the plane: at v = 0 both coordinates are as in normals of deviation 3 and 1.
/// let score = Funnel::default().score(array![[0.0, 2.0]].view());
/// assert_eq!(score, array![[1.5, -2.0]]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Funnel {
    dim: usize,
    deviation: f64,
}

impl Funnel {
    /// The funnel in `dim` dimensions whose first coordinate has this standard deviation.
    ///
    /// # Errors
    /// Fewer than two dimensions, or a deviation that is not positive.
    pub fn new(dim: usize, deviation: f64) -> Result<Self> {
        if dim < 2 {
            return Err(Error::parameter("dim", dim, "at least 2"));
        }
        check_positive("deviation", deviation)?;
        Ok(Funnel { dim, deviation })
    }

    /// The standard deviation `σ` of the first coordinate.
    pub fn deviation(&self) -> f64 {
        self.deviation
    }

    /// `D − 1`.
    fn n_others(&self) -> f64 {
        (self.dim - 1) as f64
    }

    fn log_density_at(&self, x: ArrayView1<f64>) -> f64 {
        if let Some(value) = nowhere(x) {
            return value;
        }
        let row = Row::new(x);
        let u = row.v / self.deviation;
        let squares = u * u + row.scaled().map(|y| y * y).sum::<f64>();
        -0.5 * squares
            - 0.5 * self.n_others() * row.v
            - self.deviation.ln()
            - 0.5 * self.dim as f64 * TAU.ln()
    }

    fn score_at(&self, x: ArrayView1<f64>, mut out: ArrayViewMut1<f64>) {
        if nowhere(x).is_some() {
            out.fill(f64::NAN);
            return;
        }
        let row = Row::new(x);
        let squares: f64 = row.scaled().map(|y| y * y).sum();
        out[0] = 0.5 * squares - row.v / (self.deviation * self.deviation) - 0.5 * self.n_others();
        for (out, y) in out.iter_mut().skip(1).zip(row.scaled()) {
            *out = -row.times(y);
        }
    }
}

/// A row with `e^{−v/2}`.
struct Row<'a> {
    v: f64,
    factor: f64,
    others: ArrayView1<'a, f64>,
}

impl<'a> Row<'a> {
    fn new(x: ArrayView1<'a, f64>) -> Self {
        let (first, others) = x.split_at(Axis(0), 1);
        Row {
            v: first[0],
            factor: (-0.5 * first[0]).exp(),
            others,
        }
    }

    /// `e^{−v/2}` times a number, and zero times what has overflowed is zero.
    fn times(&self, y: f64) -> f64 {
        if y == 0.0 { y } else { self.factor * y }
    }

    /// `y_i = x_i e^{−v/2}`.
    fn scaled(&self) -> impl Iterator<Item = f64> + '_ {
        self.others.iter().map(|&x| self.times(x))
    }
}

impl Default for Funnel {
    fn default() -> Self {
        Funnel {
            dim: 2,
            deviation: 3.0,
        }
    }
}

impl Space for Funnel {
    fn dim(&self) -> usize {
        self.dim
    }
}

impl Energy for Funnel {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.log_density_into(x, out.view_mut());
        out.mapv_inplace(|log_density| -log_density);
    }
}

impl Density for Funnel {
    /// Zero, exactly: the energy is that of the normalised density.
    fn log_z(&self) -> f64 {
        0.0
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let streams = Streams::draw(rng);
        let mut x = Array2::zeros((n, self.dim));
        parallel::for_each_block(x.view_mut(), |block, mut rows| {
            let mut rng = streams.block(block);
            for mut row in rows.rows_mut() {
                row.mapv_inplace(|_| rng.sample(StandardNormal));
                row[0] *= self.deviation;
                let scale = (0.5 * row[0]).exp();
                row.iter_mut().skip(1).for_each(|x| *x *= scale);
            }
        });
        x
    }

    fn log_density_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim, x, &out);
        for (out, x) in out.iter_mut().zip(x.rows()) {
            *out = self.log_density_at(x);
        }
    }
}

impl Score for Funnel {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        assert_rows(self.dim, x, &out);
        for (out, x) in out.rows_mut().into_iter().zip(x.rows()) {
            self.score_at(x, out);
        }
    }
}

impl Potential for Funnel {}

impl ScoreJvp for Funnel {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.score_into(x, score);
        assert_rows(self.dim, v, &jvp);
        for ((mut jvp, x), direction) in jvp.rows_mut().into_iter().zip(x.rows()).zip(v.rows()) {
            if nowhere(x).is_some() {
                jvp.fill(f64::NAN);
                continue;
            }
            let row = Row::new(x);
            let dv = direction[0];
            // dy = e^{−v/2} dx − ½ y dv; the scores are ½ Σ y² + … and −e^{−v/2} y.
            let mut sum = 0.0;
            let others = direction.iter().skip(1);
            for ((jvp, y), &dx) in jvp.iter_mut().skip(1).zip(row.scaled()).zip(others) {
                let moved = row.times(dx);
                sum += y * (moved - 0.5 * y * dv);
                *jvp = row.times(y * dv - moved);
            }
            jvp[0] = sum - dv / (self.deviation * self.deviation);
        }
    }

    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim, x, &out);
        for (out, x) in out.iter_mut().zip(x.rows()) {
            *out = if nowhere(x).is_some() {
                f64::NAN
            } else {
                let row = Row::new(x);
                let squares: f64 = row.scaled().map(|y| y * y).sum();
                -1.0 / (self.deviation * self.deviation)
                    - 0.5 * squares
                    - self.n_others() * row.factor * row.factor
            };
        }
    }
}

#[track_caller]
fn assert_rows(dim: usize, x: ArrayView2<f64>, out: &ArrayViewMut2<f64>) {
    assert!(
        x.ncols() == dim && out.dim() == x.dim(),
        "x has shape {:?} and the output {:?}, but a space of dimension {dim} needs (B, {dim}) for both",
        x.shape(),
        out.shape(),
    );
}
