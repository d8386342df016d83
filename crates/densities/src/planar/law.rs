//! What the targets of the plane share: a law is `log p` with its first two derivatives at a point, and a draw.
//!
//! Points are treated one by one. A point with a NaN has NaN everywhere; one that is infinite, or so far away that `log p` overflows, has
//! log-density −∞ and no derivatives, which is NaN.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{StreamRng, Streams, parallel};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, s};
use rand::Rng;

/// `log p` at a point, its gradient and its Hessian.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jet {
    pub(super) value: f64,
    pub(super) gradient: [f64; 2],
    /// The entries xx, xy, yy.
    pub(super) hessian: [f64; 3],
}

impl Jet {
    /// A point where only the value is defined.
    pub(super) fn without_derivatives(value: f64) -> Self {
        Jet {
            value,
            gradient: [f64::NAN; 2],
            hessian: [f64::NAN; 3],
        }
    }

    /// The Hessian times a vector.
    pub(super) fn product(&self, v: [f64; 2]) -> [f64; 2] {
        let [xx, xy, yy] = self.hessian;
        [xx * v[0] + xy * v[1], xy * v[0] + yy * v[1]]
    }
}

/// Room for the parts of a sum of densities.
#[derive(Default)]
pub(super) struct Parts {
    jets: Vec<Jet>,
    values: Vec<f64>,
}

impl Parts {
    /// `log Σ p_k` from `log p_k`.
    pub(super) fn log_sum(&mut self, values: impl Iterator<Item = f64>) -> f64 {
        self.values.clear();
        self.values.extend(values);
        log_sum_exp(&self.values)
    }

    /// The jet of `log Σ p_k` from those of `log p_k`.
    ///
    /// With `r_k = p_k / p`: the gradient is `g = Σ r_k g_k` and the Hessian `Σ r_k [H_k + (g_k − g)(g_k − g)ᵀ]`, which does not cancel where one part dominates.
    pub(super) fn sum(&mut self, parts: impl Iterator<Item = Jet>) -> Jet {
        self.jets.clear();
        self.jets.extend(parts);
        self.values.clear();
        self.values.extend(self.jets.iter().map(|part| part.value));
        let value = log_sum_exp(&self.values);
        if value == f64::NEG_INFINITY {
            return Jet::without_derivatives(value);
        }
        // The rounding of `value` is common to all, and is divided out.
        for share in &mut self.values {
            *share = (*share - value).exp();
        }
        let total: f64 = self.values.iter().sum();
        let mut gradient = [0.0; 2];
        for (share, part) in self.values.iter_mut().zip(&self.jets) {
            *share /= total;
            // A part without a share has no say, though its derivatives may be infinite.
            if *share > 0.0 {
                for (sum, g) in gradient.iter_mut().zip(part.gradient) {
                    *sum += *share * g;
                }
            }
        }
        let mut hessian = [0.0; 3];
        for (share, part) in self
            .values
            .iter()
            .zip(&self.jets)
            .filter(|(share, _)| **share > 0.0)
        {
            let [dx, dy] = [0, 1].map(|i| part.gradient[i] - gradient[i]);
            let spread = [dx * dx, dx * dy, dy * dy];
            for ((sum, h), d) in hessian.iter_mut().zip(part.hessian).zip(spread) {
                *sum += share * (h + d);
            }
        }
        Jet {
            value,
            gradient,
            hessian,
        }
    }
}

/// A density in the plane.
pub(super) trait Law: Sync {
    /// What the evaluation of a point needs room for.
    type Scratch: Default;

    /// `log p` and its derivatives at a finite point.
    fn jet(&self, x: [f64; 2], scratch: &mut Self::Scratch) -> Jet;

    /// `log p` at a finite point.
    fn value(&self, x: [f64; 2], scratch: &mut Self::Scratch) -> f64;

    /// One draw.
    fn draw(&self, rng: &mut StreamRng) -> [f64; 2];
}

/// `log p` of a row of any length where it does not depend on the law: NaN for a NaN, −∞ for a point at infinity.
pub(super) fn nowhere(x: ArrayView1<f64>) -> Option<f64> {
    if x.iter().any(|v| v.is_nan()) {
        Some(f64::NAN)
    } else if x.iter().any(|v| v.is_infinite()) {
        Some(f64::NEG_INFINITY)
    } else {
        None
    }
}

pub(super) fn log_density_into<L: Law>(law: &L, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
    assert_energy_shapes(2, x, &out);
    parallel::for_each_block(out.insert_axis(Axis(1)), |block, mut out| {
        let mut scratch = L::Scratch::default();
        let rows = parallel::block_rows(block, x.nrows());
        for (out, x) in out.iter_mut().zip(x.slice(s![rows, ..]).rows()) {
            *out = nowhere(x).unwrap_or_else(|| law.value([x[0], x[1]], &mut scratch));
        }
    });
}

/// Calls `write(row, jet, out_row)` for every row of `x`.
fn each_jet<L: Law>(
    law: &L,
    x: ArrayView2<f64>,
    out: ArrayViewMut2<f64>,
    write: impl Fn(usize, Jet, ArrayViewMut1<f64>) + Sync + Send,
) {
    assert!(
        x.ncols() == 2 && out.nrows() == x.nrows(),
        "x has shape {:?} and the output {:?}, but a space of dimension 2 needs (B, 2) and B rows",
        x.shape(),
        out.shape(),
    );
    parallel::for_each_block(out, |block, mut out| {
        let mut scratch = L::Scratch::default();
        let rows = parallel::block_rows(block, x.nrows());
        for (row, out) in rows.zip(out.rows_mut()) {
            let x = x.row(row);
            let jet = match nowhere(x) {
                Some(value) => Jet::without_derivatives(value),
                None => law.jet([x[0], x[1]], &mut scratch),
            };
            write(row, jet, out);
        }
    });
}

pub(super) fn score_into<L: Law>(law: &L, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
    assert_rows(x, &out);
    each_jet(law, x, out, |_, jet, mut out| {
        [out[0], out[1]] = jet.gradient;
    });
}

/// From one jet a row.
pub(super) fn energy_and_score_into<L: Law>(
    law: &L,
    x: ArrayView2<f64>,
    mut energy: ArrayViewMut1<f64>,
    mut score: ArrayViewMut2<f64>,
) {
    assert_energy_shapes(2, x, &energy);
    assert_rows(x, &score);
    let blocks = energy
        .axis_chunks_iter_mut(Axis(0), parallel::BLOCK_ROWS)
        .zip(score.axis_chunks_iter_mut(Axis(0), parallel::BLOCK_ROWS))
        .zip(x.axis_chunks_iter(Axis(0), parallel::BLOCK_ROWS))
        .collect();
    parallel::map_each(blocks, |_, ((mut energy, mut score), x)| {
        let mut scratch = L::Scratch::default();
        for ((energy, mut score), x) in energy.iter_mut().zip(score.rows_mut()).zip(x.rows()) {
            let jet = match nowhere(x) {
                Some(value) => Jet::without_derivatives(value),
                None => law.jet([x[0], x[1]], &mut scratch),
            };
            *energy = -jet.value;
            [score[0], score[1]] = jet.gradient;
        }
    });
}

pub(super) fn score_jvp_into<L: Law>(
    law: &L,
    x: ArrayView2<f64>,
    v: ArrayView2<f64>,
    mut score: ArrayViewMut2<f64>,
    mut jvp: ArrayViewMut2<f64>,
) {
    assert_rows(x, &score);
    assert_rows(v, &jvp);
    let mut both = Array2::zeros((x.nrows(), 4));
    each_jet(law, x, both.view_mut(), |row, jet, mut out| {
        [out[0], out[1]] = jet.gradient;
        [out[2], out[3]] = jet.product([v[[row, 0]], v[[row, 1]]]);
    });
    score.assign(&both.slice(s![.., ..2]));
    jvp.assign(&both.slice(s![.., 2..]));
}

pub(super) fn divergence_into<L: Law>(law: &L, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
    assert_energy_shapes(2, x, &out);
    each_jet(law, x, out.insert_axis(Axis(1)), |_, jet, mut out| {
        out[0] = jet.hessian[0] + jet.hessian[2];
    });
}

pub(super) fn sample<L: Law>(law: &L, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
    let streams = Streams::draw(rng);
    let mut x = Array2::zeros((n, 2));
    parallel::for_each_block(x.view_mut(), |block, mut rows| {
        let mut rng = streams.block(block);
        for mut row in rows.rows_mut() {
            [row[0], row[1]] = law.draw(&mut rng);
        }
    });
    x
}

#[track_caller]
fn assert_rows(x: ArrayView2<f64>, out: &ArrayViewMut2<f64>) {
    assert!(
        x.ncols() == 2 && out.dim() == x.dim(),
        "x has shape {:?} and the output {:?}, but a space of dimension 2 needs (B, 2) for both",
        x.shape(),
        out.shape(),
    );
}

/// The traits of a density with a smooth logarithm, from its law. The energy is `−log p`, so that `log Z` is zero.
macro_rules! smooth_density {
    ($type:ty) => {
        impl gibbsian_core::Space for $type {
            fn dim(&self) -> usize {
                2
            }
        }

        impl gibbsian_core::Energy for $type {
            fn energy_into(&self, x: ndarray::ArrayView2<f64>, mut out: ndarray::ArrayViewMut1<f64>) {
                $crate::planar::law::log_density_into(self, x, out.view_mut());
                out.mapv_inplace(|log_density| -log_density);
            }
        }

        impl gibbsian_core::Density for $type {
            /// Zero, exactly: the energy is that of the normalised density.
            fn log_z(&self) -> f64 {
                0.0
            }

            fn sample(&self, n: usize, rng: &mut dyn rand::Rng) -> ndarray::Array2<f64> {
                $crate::planar::law::sample(self, n, rng)
            }

            fn log_density_into(&self, x: ndarray::ArrayView2<f64>, out: ndarray::ArrayViewMut1<f64>) {
                $crate::planar::law::log_density_into(self, x, out);
            }
        }

        impl gibbsian_core::Potential for $type {
            fn energy_and_score_into(
                &self,
                x: ndarray::ArrayView2<f64>,
                energy: ndarray::ArrayViewMut1<f64>,
                score: ndarray::ArrayViewMut2<f64>,
            ) {
                $crate::planar::law::energy_and_score_into(self, x, energy, score);
            }
        }

        impl gibbsian_core::Score for $type {
            fn score_into(&self, x: ndarray::ArrayView2<f64>, out: ndarray::ArrayViewMut2<f64>) {
                $crate::planar::law::score_into(self, x, out);
            }
        }

        impl gibbsian_core::ScoreJvp for $type {
            fn score_jvp_into(
                &self,
                x: ndarray::ArrayView2<f64>,
                v: ndarray::ArrayView2<f64>,
                score: ndarray::ArrayViewMut2<f64>,
                jvp: ndarray::ArrayViewMut2<f64>,
            ) {
                $crate::planar::law::score_jvp_into(self, x, v, score, jvp);
            }

            fn divergence_into(&self, x: ndarray::ArrayView2<f64>, out: ndarray::ArrayViewMut1<f64>) {
                $crate::planar::law::divergence_into(self, x, out);
            }
        }
    };
}
pub(super) use smooth_density;
