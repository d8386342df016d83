//! A normalising flow of affine coupling layers: RealNVP (Dinh, Sohl-Dickstein and Bengio 2017).
//!
//! An invertible map `f`, the composition of coupling layers, takes a point `x` to `z = f(x)`, which has the density `base`:
//!
//! `log p(x) = log p_base(f(x)) + log|det ∂f/∂x|`
//!
//! (equation 3 there). Each layer multiplies and shifts half of the coordinates by functions of the other half, so that its determinant is a sum
//! and its inverse is explicit. Density and draws are both exact and cost one pass each; an autoregressive flow has one of the two.
//!
//! Layers change the odd and the even coordinates in turn, a checkerboard mask in one dimension. Log-scales are bounded, `s = S tanh(r / S)`: an
//! unbounded exponential diverges early in training, and with the bound `log|det|` is at most `S` times the number of changes.
//!
//! Derivatives are the backward pass written out in the submodule `layer`, over plain numbers for the score and the gradient, and over numbers with a derivative for
//! Jacobian-vector products and for the gradient of the score, and over numbers with two for the third derivatives that exact score matching takes. Those need the base's, so they are there for a base with a [`SecondScoreJvp`].

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, Result, check_count, check_positive};
use gibbsian_core::{Density, Energy, Layout, Parametric, ParametricMut, Seed, Space, parallel};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, s};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::rows::{contiguous, without_density};

mod derivatives;
mod layer;
mod number;
mod second;

use layer::{Coupling, Trace};
use number::Number;

pub use second::SecondScoreJvp;

/// The shape of a [`CouplingFlow`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CouplingOptions {
    /// The number of layers; two change every coordinate once.
    pub n_layers: usize,
    /// The number of hidden units of the network of each layer.
    pub n_hidden: usize,
    /// The bound `S` of the logarithm of the factor by which a layer changes a coordinate.
    pub largest_log_scale: f64,
}

impl Default for CouplingOptions {
    fn default() -> Self {
        CouplingOptions {
            n_layers: 6,
            n_hidden: 32,
            largest_log_scale: 2.0,
        }
    }
}

/// A flow of affine coupling layers over the density `base`; the energy is `−log p`.
///
/// The parameters are those of the layers; the base is fixed.
///
/// ```
/// use gibbsian_core::{Density, Seed};
/// use gibbsian_densities::{CouplingFlow, CouplingOptions, LinearGaussianChain};
/// use ndarray::{Array1, Array2};
///
/// let base = LinearGaussianChain::new(Array2::zeros((3, 3)), Array1::zeros(3), Array1::ones(3))?;
/// let flow = CouplingFlow::new(base, CouplingOptions::default(), Seed::new(1))?;
///
/// let x = flow.sample(5, &mut Seed::new(2).rng());
/// let (z, log_det) = flow.to_base(x.view());
/// assert_eq!(flow.log_density(x.view()), flow.base().log_density(z.view()) + log_det);
/// assert!((flow.from_base(z.view()) - x).iter().all(|d| d.abs() < 1e-12));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CouplingFlow<B> {
    base: B,
    layers: Vec<Coupling>,
    /// The parameters of each layer, flat.
    params: Vec<Vec<f64>>,
}

/// The deviation of the initial output weights, relative to that which keeps the size of outputs at one: a flow starts near the identity.
const INITIAL_OUTPUT: f64 = 0.1;

impl<B: Space> CouplingFlow<B> {
    /// A flow near the identity, with normal weights and without biases.
    ///
    /// # Errors
    /// A base of fewer than two dimensions, no layers or hidden units, or a bound that is not positive.
    pub fn new(base: B, options: CouplingOptions, seed: Seed) -> Result<Self> {
        if base.dim() < 2 {
            return Err(Error::parameter(
                "the dimension of the base",
                base.dim(),
                "at least 2, as one half of the coordinates moves the other",
            ));
        }
        check_count("n_layers", options.n_layers)?;
        check_count("n_hidden", options.n_hidden)?;
        check_positive("largest_log_scale", options.largest_log_scale)?;
        let layers: Vec<Coupling> = (0..options.n_layers)
            .map(|index| Coupling::new(index, base.dim(), options.n_hidden, options.largest_log_scale))
            .collect();
        let params = layers.iter().enumerate().map(|(l, layer)| {
            let layout = layer.layout();
            let mut params = vec![0.0; layout.n_params()];
            for (name, size) in [("hidden_weights", 1.0), ("output_weights", INITIAL_OUTPUT)] {
                let mut rng = seed.nth(l as u64).child(name).rng();
                if let Some(weights) = layout.find(name) {
                    let scale = size / (weights.shape[1] as f64).sqrt();
                    for weight in &mut params[weights.range.clone()] {
                        let z: f64 = rng.sample(StandardNormal);
                        *weight = scale * z;
                    }
                }
            }
            params
        });
        Ok(CouplingFlow {
            base,
            params: params.collect(),
            layers,
        })
    }

    /// The density of `z`.
    pub fn base(&self) -> &B {
        &self.base
    }

    /// `z = f(x)` `(B, D)` and `log|det ∂f/∂x|` `(B)` of the rows of `x` `(B, D)`.
    ///
    /// # Panics
    /// When `x` has not `D` columns.
    pub fn to_base(&self, x: ArrayView2<f64>) -> (Array2<f64>, Array1<f64>) {
        let dim = self.dim();
        let mut both = Array2::zeros((x.nrows(), dim + 1));
        self.map_blocks(x, both.view_mut(), |pass, _, x, mut out| {
            let log_det = pass.forward(self, x);
            out.slice_mut(s![..dim]).assign(&ArrayView1::from(&pass.z));
            out[dim] = log_det;
        });
        (both.slice(s![.., ..dim]).to_owned(), both.column(dim).to_owned())
    }

    /// `x = f⁻¹(z)` of the rows of `z` `(B, D)`.
    ///
    /// # Panics
    /// When `z` has not `D` columns.
    pub fn from_base(&self, z: ArrayView2<f64>) -> Array2<f64> {
        let mut x = Array2::zeros(z.raw_dim());
        self.map_blocks(z, x.view_mut(), |pass: &mut Pass<f64>, _, z, mut out| {
            pass.z.copy_from_slice(z);
            for ((layer, params), trace) in self.layers.iter().zip(&self.params).zip(&mut pass.traces).rev() {
                layer.inverse(params, &mut pass.z, trace);
            }
            out.assign(&ArrayView1::from(&pass.z));
        });
        x
    }

    /// Calls `f(pass, b, x_b, out_b)` for all rows, a pass a block.
    fn map_blocks<T: Number>(
        &self,
        x: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
        f: impl Fn(&mut Pass<T>, usize, &[f64], ArrayViewMut1<f64>) + Sync + Send,
    ) {
        assert!(
            x.ncols() == self.dim() && out.nrows() == x.nrows(),
            "x has shape {:?} and out has shape {:?}, but a space of dimension {} needs (B, {2}) and B rows",
            x.shape(),
            out.shape(),
            self.dim(),
        );
        parallel::for_each_block(out, |block, mut out| {
            let range = parallel::block_rows(block, x.nrows());
            let rows = contiguous(x, range.clone());
            let mut pass = Pass::new(self);
            for ((b, x), out) in range.zip(rows.rows()).zip(out.rows_mut()) {
                f(&mut pass, b, x.to_slice().expect("rows are contiguous"), out);
            }
        });
    }
}

/// One row on its way through the layers and back.
struct Pass<T> {
    z: Vec<T>,
    traces: Vec<Trace<T>>,
}

impl<T: Number> Pass<T> {
    fn new<B: Space>(flow: &CouplingFlow<B>) -> Self {
        Pass {
            z: vec![T::constant(0.0); flow.dim()],
            traces: flow.layers.iter().map(Trace::new).collect(),
        }
    }

    /// Puts `f(x)` into `z` and returns `log|det|`.
    fn forward<B>(&mut self, flow: &CouplingFlow<B>, x: &[T]) -> T {
        self.z.copy_from_slice(x);
        let mut log_det = T::constant(0.0);
        for ((layer, params), trace) in flow.layers.iter().zip(&flow.params).zip(&mut self.traces) {
            log_det = log_det + layer.forward(params, &mut self.z, trace);
        }
        log_det
    }

    /// Turns the gradient `g` in `z` into that in `x`, of a number that depends on `log|det|` with the factor `det` too, and adds the gradient in the
    /// parameters, if it is wanted.
    fn backward<B>(&self, flow: &CouplingFlow<B>, g: &mut [T], det: T, mut grad: Option<&mut [T]>) {
        let mut end = flow.params.iter().map(Vec::len).sum::<usize>();
        for ((layer, params), trace) in flow.layers.iter().zip(&flow.params).zip(&self.traces).rev() {
            let start = end - params.len();
            let own = grad.as_deref_mut().map(|grad| &mut grad[start..end]);
            layer.backward(params, trace, g, det, own);
            end = start;
        }
    }
}

impl<B: Space> Space for CouplingFlow<B> {
    fn dim(&self) -> usize {
        self.base.dim()
    }
}

impl<B: Density> Energy for CouplingFlow<B> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.log_density_into(x, out.view_mut());
        out.mapv_inplace(|l| -l);
    }
}

impl<B: Density> Density for CouplingFlow<B> {
    fn log_z(&self) -> f64 {
        0.0
    }

    fn log_density_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        let (z, log_det) = self.to_base(x);
        self.base.log_density_into(z.view(), out.view_mut());
        // As an energy, so that what overflows becomes +∞.
        out.zip_mut_with(&log_det, |log_p, l| *log_p = -(*log_p + l));
        without_density(x, out.view_mut());
        out.mapv_inplace(|e| -e);
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        self.from_base(self.base.sample(n, rng).view())
    }
}

impl<B: Space> Parametric for CouplingFlow<B> {
    fn layout(&self) -> Layout {
        let parts = self.layers.iter().enumerate();
        parts.fold(Layout::new(), |layout, (l, layer)| {
            layout.with_part(&format!("layers.{l}"), &layer.layout())
        })
    }

    fn params(&self) -> Array1<f64> {
        self.params.concat().into()
    }
}

impl<B: Space> ParametricMut for CouplingFlow<B> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.params
            .iter_mut()
            .flatten()
            .zip(params)
            .for_each(|(own, &new)| *own = new);
        Ok(())
    }
}
