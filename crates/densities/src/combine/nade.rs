//! The neural autoregressive distribution estimator (Larochelle and Murray 2011; Uria, Côté, Gregor, Murray and Larochelle 2016).
//!
//! The chain rule over binary coordinates, each conditional a network with one hidden layer, and all networks sharing their weights:
//!
//! - `a_i = c + Σ_{j<i} x_j W_j`, `h_i = σ(a_i)`,
//! - `p(x_i = 1 | x_<i) = σ(b_i + V_i·h_i)`
//!
//! (Uria et al., equations 2 and 3). Since `a_{i+1} = a_i + x_i W_i`, all conditionals of a row cost O(D H) together (their algorithm 1),
//! where a restricted Boltzmann machine of the same size has a normaliser that nobody can compute. The sum over `i` of
//! the logarithms is `log p(x)`; `log Z = 0`.
//!
//! **Layout.** Rows of the batch are taken in blocks, and within a block the coordinates are the outer loop: `W_i` and `V_i` are read once for
//! the whole block. Where `x_i = 0` the hidden units do not change and are not recomputed, which on sparse data saves most of the
//! sigmoids, the costly part. They are computed a vector at a time ([`kernels`]).

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Result, check_count, check_finite, check_shape};
use gibbsian_core::{
    Density, Discrete, DiscreteEnergy, Energy, Layout, Parametric, ParametricMut, Seed, Space, Streams,
};
use gibbsian_core::{math, parallel};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::rows::{add_scaled, contiguous};

mod kernels;
mod pullback;

/// A neural autoregressive distribution on `{0, 1}^D` with `H` hidden units; the energy is `−log p`.
///
/// Points that are not in `{0, 1}^D` have log-density −∞.
///
/// ```
/// use gibbsian_core::{Density, Discrete, Seed};
/// use gibbsian_densities::Nade;
///
/// let nade = Nade::random(10, 4, 0.5, Seed::new(1))?;
/// let mass = nade.log_density(nade.states()?.view()).mapv(f64::exp).sum();
/// assert!((mass - 1.0).abs() < 1e-14);
/// assert_eq!(nade.sample(3, &mut Seed::new(2).rng()).dim(), (3, 10));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Nade {
    /// `W` and `V`, `(D, H)`, in standard layout.
    input_weights: Array2<f64>,
    output_weights: Array2<f64>,
    visible_bias: Array1<f64>,
    hidden_bias: Array1<f64>,
}

impl Nade {
    /// The model with `input_weights` `W` `(D, H)`, whose row `i` is what `x_i = 1` adds to the hidden activations, `output_weights` `V` `(D, H)`,
    /// `visible_bias` `b` `(D)` and `hidden_bias` `c` `(H)`.
    ///
    /// The last row of `W` has no effect: no coordinate follows. It is kept, as in the papers.
    ///
    /// # Errors
    /// No coordinates or hidden units, shapes that do not fit, or entries that are not finite.
    pub fn new(
        input_weights: Array2<f64>,
        output_weights: Array2<f64>,
        visible_bias: Array1<f64>,
        hidden_bias: Array1<f64>,
    ) -> Result<Self> {
        let (n_visible, n_hidden) = (visible_bias.len(), hidden_bias.len());
        check_count("the number of coordinates", n_visible)?;
        check_count("the number of hidden units", n_hidden)?;
        check_shape("input_weights", &input_weights, &[n_visible, n_hidden])?;
        check_shape("output_weights", &output_weights, &[n_visible, n_hidden])?;
        check_finite("input_weights", &input_weights)?;
        check_finite("output_weights", &output_weights)?;
        check_finite("visible_bias", &visible_bias)?;
        check_finite("hidden_bias", &hidden_bias)?;
        Ok(Nade {
            input_weights: input_weights.as_standard_layout().into_owned(),
            output_weights: output_weights.as_standard_layout().into_owned(),
            visible_bias,
            hidden_bias,
        })
    }

    /// The model with normal weights of standard deviation `scale` and without biases.
    ///
    /// # Errors
    /// No coordinates or hidden units, or a scale that is negative or not finite.
    pub fn random(n_visible: usize, n_hidden: usize, scale: f64, seed: Seed) -> Result<Self> {
        gibbsian_core::error::check_non_negative("scale", scale)?;
        let weights = |name: &str| {
            let mut rng = seed.child(name).rng();
            Array2::from_shape_fn((n_visible, n_hidden), |_| {
                let z: f64 = rng.sample(StandardNormal);
                scale * z
            })
        };
        Self::new(
            weights("input_weights"),
            weights("output_weights"),
            Array1::zeros(n_visible),
            Array1::zeros(n_hidden),
        )
    }

    /// The number of hidden units `H`.
    pub fn n_hidden(&self) -> usize {
        self.hidden_bias.len()
    }

    /// Writes `p(x_i = 1 | x_<i)` of every row of `x` `(B, D)` into `out` `(B, D)`; NaN from an entry on that is neither 0 nor 1.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn conditionals_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        assert!(
            x.ncols() == self.dim() && x.dim() == out.dim(),
            "x has shape {:?} and out has shape {:?}, but both must be (B, {})",
            x.shape(),
            out.shape(),
            self.dim(),
        );
        parallel::for_each_block(out, |block, mut out| {
            let x = contiguous(x, parallel::block_rows(block, x.nrows()));
            self.walk(&mut x.clone(), |b, i, logit, x_i| {
                out[[b, i]] = math::sigmoid(logit);
                x_i
            });
        });
    }

    /// `p(x_i = 1 | x_<i)` of all rows, in a new array.
    pub fn conditionals(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros(x.raw_dim());
        self.conditionals_into(x, out.view_mut());
        out
    }

    /// Goes through the coordinates of a block of rows `x` in order: `visit(b, i, logit, x_bi)` sees the logit of `p(x_i = 1 | x_<i)` and what
    /// `x_bi` is, and says what it shall be.
    fn walk(&self, x: &mut Array2<f64>, mut visit: impl FnMut(usize, usize, f64, f64) -> f64) {
        let mut hidden = Hidden::new(x.nrows(), &self.hidden_bias);
        for i in 0..self.dim() {
            for b in 0..x.nrows() {
                let value = visit(b, i, self.logit(i, hidden.units(b)), x[[b, i]]);
                x[[b, i]] = value;
                if value != 0.0 && i + 1 < self.dim() {
                    hidden.add(b, symbol(value), self.input_row(i));
                }
            }
        }
    }

    /// `b_i + V_i·h`.
    fn logit(&self, i: usize, hidden: &[f64]) -> f64 {
        self.visible_bias[i] + kernels::product(self.output_row(i), hidden)
    }

    fn input_row(&self, i: usize) -> &[f64] {
        self.input_weights
            .row(i)
            .to_slice()
            .expect("weights are in standard layout")
    }

    fn output_row(&self, i: usize) -> &[f64] {
        self.output_weights
            .row(i)
            .to_slice()
            .expect("weights are in standard layout")
    }
}

/// `x` if it is 0 or 1, and NaN otherwise.
fn symbol(x: f64) -> f64 {
    if x == 0.0 || x == 1.0 { x } else { f64::NAN }
}

/// The hidden layer of each row of a block.
struct Hidden {
    n_hidden: usize,
    activations: Vec<f64>,
    units: Vec<f64>,
}

impl Hidden {
    /// The layer before the first coordinate: `a = c`.
    fn new(n_rows: usize, bias: &Array1<f64>) -> Self {
        let mut units = vec![0.0; bias.len()];
        kernels::sigmoids(&bias.to_vec(), &mut units);
        Hidden {
            n_hidden: bias.len(),
            activations: bias.to_vec().repeat(n_rows),
            units: units.repeat(n_rows),
        }
    }

    /// The activations of row `b`.
    fn activations(&mut self, b: usize) -> &mut [f64] {
        &mut self.activations[b * self.n_hidden..(b + 1) * self.n_hidden]
    }

    /// `h` of row `b`.
    fn units(&self, b: usize) -> &[f64] {
        &self.units[b * self.n_hidden..(b + 1) * self.n_hidden]
    }

    /// `a ← a + factor · weights` and `h ← σ(a)` in row `b`.
    fn add(&mut self, b: usize, factor: f64, weights: &[f64]) {
        add_scaled(factor, weights, self.activations(b));
        self.update(b);
    }

    /// `h ← σ(a)` in row `b`.
    fn update(&mut self, b: usize) {
        let row = b * self.n_hidden..(b + 1) * self.n_hidden;
        kernels::sigmoids(&self.activations[row.clone()], &mut self.units[row]);
    }
}

impl Space for Nade {
    fn dim(&self) -> usize {
        self.visible_bias.len()
    }
}

impl Energy for Nade {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        parallel::for_each_block(out.insert_axis(Axis(1)), |block, mut out| {
            let mut x = contiguous(x, parallel::block_rows(block, x.nrows()));
            out.fill(0.0);
            // Where an entry is no symbol the row is outside, but NaN anywhere in it still wins.
            let outside: Vec<f64> = x.rows().into_iter().map(outside).collect();
            x.mapv_inplace(|x| if x == 1.0 { 1.0 } else { 0.0 });
            self.walk(&mut x, |b, _, logit, x_i| {
                // −log σ(t) for a one, −log σ(−t) for a zero.
                out[[b, 0]] += math::softplus(if x_i == 1.0 { -logit } else { logit });
                x_i
            });
            for (out, outside) in out.iter_mut().zip(outside) {
                *out += outside;
            }
        });
    }
}

/// What the energy of a row has added to it for entries that are neither 0 nor 1: +∞, or NaN if one is NaN.
fn outside(row: ArrayView1<f64>) -> f64 {
    row.iter().fold(0.0, |sum, &x| {
        sum + if x.is_nan() {
            f64::NAN
        } else if x == 0.0 || x == 1.0 {
            0.0
        } else {
            f64::INFINITY
        }
    })
}

impl Density for Nade {
    fn log_z(&self) -> f64 {
        0.0
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let streams = Streams::draw(rng);
        let mut out = Array2::zeros((n, self.dim()));
        parallel::for_each_block(out.view_mut(), |block, mut out| {
            let mut rng = streams.block(block);
            let mut x = Array2::zeros(out.raw_dim());
            self.walk(&mut x, |_, _, logit, _| {
                let u: f64 = rng.random();
                if u < math::sigmoid(logit) { 1.0 } else { 0.0 }
            });
            out.assign(&x);
        });
        out
    }
}

impl Discrete for Nade {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &[0.0, 1.0]
    }
}

impl DiscreteEnergy for Nade {}

impl Parametric for Nade {
    fn layout(&self) -> Layout {
        let (n_visible, n_hidden) = self.input_weights.dim();
        Layout::new()
            .with("input_weights", &[n_visible, n_hidden])
            .with("output_weights", &[n_visible, n_hidden])
            .with("visible_bias", &[n_visible])
            .with("hidden_bias", &[n_hidden])
    }

    fn params(&self) -> Array1<f64> {
        let weights = self.input_weights.iter().chain(&self.output_weights);
        weights
            .chain(&self.visible_bias)
            .chain(&self.hidden_bias)
            .copied()
            .collect()
    }
}

impl ParametricMut for Nade {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let weights = self.input_weights.iter_mut().chain(&mut self.output_weights);
        let all = weights.chain(&mut self.visible_bias).chain(&mut self.hidden_bias);
        all.zip(params).for_each(|(own, &new)| *own = new);
        Ok(())
    }
}
