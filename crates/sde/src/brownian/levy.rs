//! Lévy areas of a step, as a series.
//!
//! With the bridge `B = W − (s/h) ΔW` of a step `[0, h]` as a Fourier series with coefficients `a_jr, b_jr ~ N(0, v_r)`, `v_r = h/(2π² r²)`, of cosine and sine (Kloeden, Platen and Wright 1992),
//!
//! `A_jk = ½ ∫ (W_j dW_k − W_k dW_j) = H_j ΔW_k − H_k ΔW_j + π Σ_r r (a_jr b_kr − a_kr b_jr)`,
//!
//! because the mean of the bridge is the space-time area `H_j = −Σ_r a_jr`. A motion knows `ΔW` and `H`, so the `a_jr` are drawn given their sum: with `a'_jr` and the rest `T'_j = Σ_{r>p} a'_jr` drawn
//! freely, `a_jr = a'_jr + (v_r/(h/12)) (−H_j − Σ_r a'_jr)`, and the same for `T_j`, whose variance is `V = Σ_{r>p} v_r`.
//!
//! **The rest** of the series, `r > p`, is normal in the limit of many terms. Given all that has been drawn, the `a_jr` of the rest have the mean `(v_r/V) T_j` and what they miss in variance is `v_r²/V`; so the rest has
//! the covariance of
//!
//! `T_j β_k − T_k β_j + s n_jk`,  `Var β = π² Σ r² v_r³/V² = (h/2) ζ₄/ζ₂²`,  `s² = 2π² Σ r² (v_r² − v_r³/V) = (h²/2π²)(ζ₂ − ζ₄/ζ₂)`,
//!
//! with standard normal `n_jk` and the sums `ζ_q = Σ_{r>p} r^{−q}`, and is drawn as that: the device of Wiktorsson (2001), who conditions on `ΔW`. Without any term, `p = 0`, `A_jk` has given `ΔW` and `H` its mean and its
//! variance `h²/20 + (h/5)(H_j² + H_k²)` exactly. In general what is left of the error, in the best coupling, is of root mean square `O(h/p)`,
//! against `O(h/√p)` without the rest (Wiktorsson 2001, for his form of it).

use std::f64::consts::PI;

use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use super::BrownianBlock;

/// The number of pairs `j < k` of `noise_dim` motions.
pub(crate) fn n_pairs(noise_dim: usize) -> usize {
    noise_dim * noise_dim.saturating_sub(1) / 2
}

/// How many standard normal numbers a row takes: `a'` `(p, M)`, `T'` `(M)`, `b` `(p, M)`, `β` `(M)`, and one a pair.
pub(super) fn n_normals(noise_dim: usize, n_terms: usize) -> usize {
    2 * (n_terms + 1) * noise_dim + n_pairs(noise_dim)
}

/// The numbers of a series with `p` terms, for steps of a length.
pub(super) struct Series {
    length: f64,
    n_terms: usize,
    /// `√V`.
    rest: f64,
    /// The standard deviations of `β` and of what is left.
    beta: f64,
    left: f64,
}

impl Series {
    pub(super) fn new(length: f64, n_terms: usize) -> Self {
        // From the smallest terms up; what follows the first thousand is an integral up to a relative error below 10⁻⁶.
        let sum = |q: i32, whole: f64| {
            let head: f64 = (1..=n_terms).rev().map(|r| (r as f64).powi(-q)).sum();
            let far = (n_terms as f64 + 0.5).powi(1 - q) / f64::from(q - 1);
            if n_terms < 1000 { whole - head } else { far }
        };
        let (z_2, z_4) = (sum(2, PI.powi(2) / 6.0), sum(4, PI.powi(4) / 90.0));
        let unit = length / (2.0 * PI * PI);
        Series {
            length,
            n_terms,
            rest: (unit * z_2).sqrt(),
            beta: (0.5 * length * z_4).sqrt() / z_2,
            left: unit * (2.0 * PI * PI * (z_2 - z_4 / z_2)).sqrt(),
        }
    }

    /// Writes the areas of one row's pairs; `coefficients` is room for two `(p + 1, M)`.
    fn write(
        &self,
        w: ArrayView1<f64>,
        area: ArrayView1<f64>,
        z: ArrayView1<f64>,
        coefficients: &mut [Array2<f64>; 2],
        mut out: ArrayViewMut1<f64>,
    ) {
        let (p, motions) = (self.n_terms, w.len());
        let deviation = |r: usize| {
            if r == p {
                self.rest
            } else {
                (self.length / 2.0).sqrt() / (PI * (r + 1) as f64)
            }
        };
        // `a` with the rest `T` as its last row, `b` with `β`.
        let [a, b] = coefficients;
        for j in 0..motions {
            for r in 0..=p {
                a[[r, j]] = deviation(r) * z[r * motions + j];
                let scale = if r == p { self.beta } else { deviation(r) };
                b[[r, j]] = scale * z[(p + 1 + r) * motions + j];
            }
            let missing = -area[j] - a.column(j).sum();
            for r in 0..=p {
                a[[r, j]] += deviation(r).powi(2) / (self.length / 12.0) * missing;
            }
        }
        let mut pair = 0;
        for j in 0..motions {
            for k in j + 1..motions {
                let mut sum = area[j] * w[k] - area[k] * w[j];
                for r in 0..=p {
                    let factor = if r == p { 1.0 } else { PI * (r + 1) as f64 };
                    sum += factor * (a[[r, j]] * b[[r, k]] - a[[r, k]] * b[[r, j]]);
                }
                out[pair] = sum + self.left * z[2 * (p + 1) * motions + pair];
                pair += 1;
            }
        }
    }

    /// The same for all rows.
    pub(super) fn write_all(
        &self,
        w: ArrayView2<f64>,
        area: ArrayView2<f64>,
        z: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        let shape = (self.n_terms + 1, w.ncols());
        let mut coefficients = [Array2::zeros(shape), Array2::zeros(shape)];
        for (b, out) in out.rows_mut().into_iter().enumerate() {
            self.write(w.row(b), area.row(b), z.row(b), &mut coefficients, out);
        }
    }
}

/// The increment over a step from a motion, and areas drawn from their law given it and the space-time area.
pub(super) fn draw_into(
    block: &mut (impl BrownianBlock + ?Sized),
    (from, to): (f64, f64),
    n_terms: usize,
    mut increment: ArrayViewMut2<f64>,
    levy: ArrayViewMut2<f64>,
) {
    let (rows, motions) = increment.dim();
    let mut area = Array2::zeros((rows, motions));
    block.increment_and_area_into(from, to, increment.view_mut(), area.view_mut());
    let mut z = Array2::zeros((rows, n_normals(motions, n_terms)));
    block.independent_into(z.view_mut());
    Series::new((to - from).abs(), n_terms).write_all(increment.view(), area.view(), z.view(), levy);
}
