//! Whether a machine with unbounded units has a normaliser.
//!
//! What is said of two layers holds of the two halves of a deep machine, whose layers are coupled across as well and not within: its layers are put side by side, and a matrix of blocks has their
//! weights. Then the question is about the whole form and not about pairs of layers, which may all have an integral where the chain has none.
//!
//! Far out the energy of unbounded units is `½ Σ γ_i v_i² + ½ Σ γ_j h_j² − v'Wh`, the other units only add linear terms to it. `exp(−E)` can be integrated if this
//! form is positive in every direction that the units can go, which without couplings it is. A layer without unbounded units makes the machine normalisable
//! whatever the other one is.
//!
//! - Where all unbounded units are alike on both sides, as Gaussian ones are, all directions are open, and the machine is normalisable exactly if the
//!   largest singular value of `W_ij/√(γ_i γ_j)` is below one.
//! - For one-sided units that is enough but not needed; couplings that no direction can profit from are left out of it. Otherwise the question is whether a matrix is
//!   strictly copositive, which is NP-hard (Murty and Kabadi 1987). Directions are then searched from single units by alternating maximisation, which for all sides
//!   open is power iteration: a machine is refused if a bad one is found, and taken if none is.

use gibbsian_core::{Error, Result, Units};
use gibbsian_linalg::{Cholesky, matmul};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

/// Requires `exp(−E)` to be integrable as far as that can be decided.
pub(crate) fn check_normalisable<V: Units, H: Units>(
    visible: &V,
    hidden: &H,
    weights: ArrayView2<f64>,
) -> Result<()> {
    let (visible, hidden) = (Tails::of(visible), Tails::of(hidden));
    if visible.units.is_empty() || hidden.units.is_empty() {
        return Ok(());
    }
    let weights = weights
        .select(Axis(0), &visible.units)
        .select(Axis(1), &hidden.units);
    decide(&visible, &hidden, &weights)
}

/// Requires `exp(−E)` of layers in a row to be integrable, of which `weights[l]` couples layer `l` to the next.
pub(crate) fn check_normalisable_chain<U: Units>(layers: &[U], weights: &[Array2<f64>]) -> Result<()> {
    let tails: Vec<Tails> = layers.iter().map(Tails::of).collect();
    let mut halves = [Tails::none(), Tails::none()];
    // Where the unbounded units of each layer begin in its half.
    let mut first = Vec::with_capacity(layers.len());
    for (l, tails) in tails.iter().enumerate() {
        first.push(halves[l % 2].curvatures.len());
        halves[l % 2].append(tails);
    }
    let [even, odd] = &halves;
    if even.units.is_empty() || odd.units.is_empty() {
        return Ok(());
    }
    let mut across = Array2::zeros((even.units.len(), odd.units.len()));
    for (l, w) in weights.iter().enumerate() {
        let w = w
            .select(Axis(0), &tails[l].units)
            .select(Axis(1), &tails[l + 1].units);
        let w = if l % 2 == 0 { w.view() } else { w.t() };
        let (row, column) = if l % 2 == 0 {
            (first[l], first[l + 1])
        } else {
            (first[l + 1], first[l])
        };
        let (n_rows, n_columns) = w.dim();
        across
            .slice_mut(s![row..row + n_rows, column..column + n_columns])
            .assign(&w);
    }
    decide(even, odd, &across)
}

/// Decides for unbounded units on both sides.
fn decide(visible: &Tails, hidden: &Tails, weights: &Array2<f64>) -> Result<()> {
    if visible.bounds(hidden, weights) {
        return Ok(());
    }
    let strength = strongest(visible, hidden, weights);
    let decided = visible.symmetric() && hidden.symmetric();
    if strength >= 1.0 || decided {
        return Err(Error::parameter(
            "weights",
            format!("a coupling of unbounded units of strength {strength}"),
            "of a strength v'Wh/√(v'Γv h'Γh) below 1, or exp(−E) has no integral; scale the weights down, raise the precisions, or \
             take bounded hidden units such as Bernoulli",
        ));
    }
    Ok(())
}

/// The unbounded units of a layer and their curvatures.
struct Tails {
    units: Vec<usize>,
    curvatures: Vec<[f64; 2]>,
}

impl Tails {
    fn of<U: Units>(layer: &U) -> Self {
        let unbounded = (0..layer.n_units()).map(|unit| (unit, layer.tails(unit)));
        let (units, curvatures) = unbounded.filter(|(_, [a, b])| a.min(*b).is_finite()).unzip();
        Tails { units, curvatures }
    }

    fn none() -> Self {
        Tails {
            units: Vec::new(),
            curvatures: Vec::new(),
        }
    }

    /// Those of another layer beside these; the numbers of units stay those in their layers.
    fn append(&mut self, other: &Tails) {
        self.units.extend(&other.units);
        self.curvatures.extend(&other.curvatures);
    }

    fn symmetric(&self) -> bool {
        self.curvatures.iter().all(|[a, b]| a == b)
    }

    /// The curvature towards the side of `direction`.
    fn curvature(&self, i: usize, direction: f64) -> f64 {
        self.curvatures[i][usize::from(direction > 0.0)]
    }

    /// Whether `Σ γ_i v_i² + Σ γ_j h_j² − 2 v'Wh` with the least curvatures, and without couplings that only raise it, is positive definite.
    fn bounds(&self, other: &Tails, weights: &Array2<f64>) -> bool {
        let least = |c: [f64; 2]| c[0].min(c[1]).sqrt();
        let scaled = Array2::from_shape_fn(weights.raw_dim(), |(i, j)| {
            let w = weights[[i, j]];
            // Some pair of directions with v w h > 0.
            let open =
                |s: f64| self.curvature(i, s).is_finite() && other.curvature(j, s * w.signum()).is_finite();
            if open(1.0) || open(-1.0) {
                w / (least(self.curvatures[i]) * least(other.curvatures[j]))
            } else {
                0.0
            }
        });
        let scaled = if scaled.nrows() < scaled.ncols() {
            scaled.t()
        } else {
            scaled.view()
        };
        let gram = matmul(scaled.t(), scaled);
        Cholesky::new("I − A'A", (Array2::eye(gram.nrows()) - gram).view()).is_ok()
    }

    /// The direction that gains most from a field: `v_i = f_i/γ_i` where that side is open, and the gain `Σ f_i²/γ_i`.
    fn respond(&self, field: ArrayView1<f64>) -> (Array1<f64>, f64) {
        let v: Array1<f64> = field
            .iter()
            .enumerate()
            .map(|(i, f)| f / self.curvature(i, *f))
            .collect();
        let gain = v.dot(&field);
        (v, gain)
    }
}

/// The largest `v'Wh/√(v'Γv h'Γh)` that alternating maximisation finds from single units of the hidden layer.
fn strongest(visible: &Tails, hidden: &Tails, weights: &Array2<f64>) -> f64 {
    const N_STARTS: usize = 16;
    const N_ITERATIONS: usize = 100;
    let mut starts: Vec<(f64, usize, f64)> = (0..hidden.units.len())
        .flat_map(|j| [(j, 1.0), (j, -1.0)])
        .filter(|(j, sign)| hidden.curvature(*j, *sign).is_finite())
        .map(|(j, sign)| {
            let (_, gain) = visible.respond((&weights.column(j) * sign).view());
            (gain / hidden.curvature(j, sign), j, sign)
        })
        .collect();
    starts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut best: f64 = 0.0;
    for (_, j, sign) in starts.into_iter().take(N_STARTS) {
        let mut h = Array1::zeros(hidden.units.len());
        h[j] = sign;
        for _ in 0..N_ITERATIONS {
            let quadratic: f64 = h
                .iter()
                .enumerate()
                .map(|(j, h)| hidden.curvature_or_zero(j, *h) * h * h)
                .sum();
            let (v, gain) = visible.respond(weights.dot(&h).view());
            if gain <= 0.0 {
                break;
            }
            // max_v v'Wh/√(v'Γv) = √gain.
            best = best.max((gain / quadratic).sqrt());
            h = hidden.respond(v.dot(weights).view()).0;
            h /= h
                .iter()
                .fold(f64::MIN_POSITIVE, |largest, h| largest.max(h.abs()));
        }
    }
    best
}

impl Tails {
    /// The curvature where `direction` is not zero; a closed side has none to go with.
    fn curvature_or_zero(&self, i: usize, direction: f64) -> f64 {
        if direction == 0.0 {
            0.0
        } else {
            self.curvature(i, direction)
        }
    }
}
