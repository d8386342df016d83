//! Centring: the same machines in coordinates in which units are measured from offsets (Montavon and Müller 2012; Melchior, Fischer and Wiskott 2016).
//!
//! With offsets `μ` of the visible and `λ` of the hidden units, the energy
//!
//! `E_c(v, h) = −b_c'(v − μ) − c_c'(h − λ) − (v − μ)'W(h − λ)`
//!
//! (and whatever else the energies of the layers have) is, multiplied out, the energy of the machine with the same `W` and the biases
//!
//! `b = b_c − Wλ`,  `c = c_c − W'μ`,
//!
//! plus `b_c·μ + c_c·λ − μ'Wλ`, which does not depend on `v` and `h`. So nothing is gained in what can be expressed: the law is the same
//! ([`CentredRbm`], [`Centring::centred`], [`Centring::normal`]). What changes is the direction of steepest descent. Let `∇W`, `∇b`, `∇c` be the gradient of *any* loss in the
//! ordinary parameters. By the chain rule the gradient in the centred ones is
//!
//! `∇W_c = ∇W − ∇b λ' − μ ∇c'`,  `∇b_c = ∇b`,  `∇c_c = ∇c`,
//!
//! and a step along it, `ΔW = −η ∇W_c`, `Δb_c = −η ∇b`, `Δc_c = −η ∇c`, is in ordinary parameters, because `b` and `c` are linear in the centred ones,
//!
//! `Δb = −η (∇b − ∇W_c λ)`,  `Δc = −η (∇c − ∇W_c' μ)`.
//!
//! Both together are one linear map of the ordinary gradient ([`Centring::direction`]), `J J'` with `J` the Jacobian of the change of coordinates; it is symmetric and positive
//! definite, so a direction of descent stays one. That makes centring a wrapper ([`Centred`]) of every objective, exact or sampled.
//!
//! With the offsets halfway between the means of data and model the map is the *enhanced gradient* of Cho, Raiko and Ilin (2011): then `−∇W_c = Cov_data(v, h) − Cov_model(v, h)`.
//!
//! If the offsets move with the units when these are renamed (`v → 1 − v`, `μ → 1 − μ`), descent commutes with the renaming, and a machine learns the negative of
//! a picture as well as the picture. The ordinary gradient does not.
//!
//! The layers need a bias on every unit ([`Biased`]). Other parameters of a layer, such as the widths of Gaussian units, keep their ordinary
//! gradient: the offsets do not occur in what they multiply.

mod machine;
mod objective;
mod standardised;

pub use machine::CentredRbm;
pub use objective::{Centred, Offset, Offsets};
pub use standardised::{Standardisation, Standardised};

use std::ops::Range;

use gibbsian_core::error::{check_batch, check_each, check_finite, check_shape};
use gibbsian_core::{Parametric, Result, Space};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, Zip, s};

use super::{BinaryRbm, Rbm};
use crate::units::Biased;

/// The offsets `μ` of the visible and `λ` of the hidden units.
///
/// ```
/// use gibbsian_classical::{Bernoulli, Centring, Rbm};
/// use ndarray::array;
///
/// let rbm = Rbm::new(
///     Bernoulli::new(array![0.5, 0.0])?,
///     Bernoulli::new(array![-1.0])?,
///     array![[2.0], [4.0]],
/// )?;
/// let centring = Centring::new(array![0.5, 0.25], array![0.5])?;
/// let centred = centring.centred(&rbm)?;
/// assert_eq!(centred.visible().bias(), array![1.5, 2.0]); // b + Wλ
/// assert_eq!(centred.hidden().bias(), array![1.0]); // c + W'μ
/// assert_eq!(centring.normal(&centred)?, rbm);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Centring {
    visible: Array1<f64>,
    hidden: Array1<f64>,
}

impl Centring {
    /// These offsets.
    ///
    /// # Errors
    /// An offset that is not finite.
    pub fn new(visible: Array1<f64>, hidden: Array1<f64>) -> Result<Self> {
        check_finite("visible", &visible)?;
        check_finite("hidden", &hidden)?;
        Ok(Centring { visible, hidden })
    }

    /// `μ`.
    pub fn visible(&self) -> ArrayView1<'_, f64> {
        self.visible.view()
    }

    /// `λ`.
    pub fn hidden(&self) -> ArrayView1<'_, f64> {
        self.hidden.view()
    }

    /// The centred parameters `(W, b + Wλ, c + W'μ)` of a machine, held in a machine; see [`CentredRbm`] for their meaning.
    ///
    /// # Errors
    /// Another number of units than there are offsets, or a bias that would not be finite.
    pub fn centred<V: Biased, H: Biased>(&self, normal: &Rbm<V, H>) -> Result<Rbm<V, H>> {
        self.shifted(normal, 1.0)
    }

    /// The machine that has these centred parameters: `(W, b_c − Wλ, c_c − W'μ)`.
    ///
    /// # Errors
    /// Those of [`Centring::centred`].
    pub fn normal<V: Biased, H: Biased>(&self, centred: &Rbm<V, H>) -> Result<Rbm<V, H>> {
        self.shifted(centred, -1.0)
    }

    fn shifted<V: Biased, H: Biased>(&self, from: &Rbm<V, H>, sign: f64) -> Result<Rbm<V, H>> {
        self.check(from)?;
        let mut shifted = from.clone();
        let received = from.weights().dot(&self.hidden) * sign;
        let sent = from.weights().t().dot(&self.visible) * sign;
        shifted.visible.shift(received.view());
        shifted.hidden.shift(sent.view());
        // A shift does not look at what it adds.
        shifted.layout().check(shifted.params().view())?;
        Ok(shifted)
    }

    /// Turns the ordinary gradient of a loss, laid out as the machine's parameters, into the direction of the centred one:
    /// `∇W_c = ∇W − ∇b λ' − μ ∇c'`, `∇b − ∇W_c λ`, `∇c − ∇W_c' μ`.
    ///
    /// # Errors
    /// Another number of units than there are offsets.
    ///
    /// # Panics
    /// When `grad` does not have one entry a parameter.
    pub fn direction<M: Centrable>(&self, machine: &M, grad: ArrayViewMut1<f64>) -> Result<()> {
        self.direction_between(machine, grad, |_| {})
    }

    /// `J D J'` of the gradient, with `J` the Jacobian of the centred coordinates and `D` what `between` does to the gradient there.
    fn direction_between<M: Centrable>(
        &self,
        machine: &M,
        mut grad: ArrayViewMut1<f64>,
        between: impl FnOnce(&mut Parts<'_>),
    ) -> Result<()> {
        self.check(machine)?;
        assert_eq!(
            grad.len(),
            machine.n_params(),
            "entries of the gradient against parameters"
        );
        // A copy, because a view with strides cannot be cut into the rows of a matrix.
        let mut direction = grad.to_owned();
        let mut parts = Parts::of(machine, direction.view_mut());
        Zip::from(parts.weights.rows_mut())
            .and(&parts.visible_bias)
            .and(&self.visible)
            .for_each(|row, b, mu| {
                Zip::from(row)
                    .and(&self.hidden)
                    .and(&parts.hidden_bias)
                    .for_each(|w, lambda, c| *w -= b * lambda + mu * c);
            });
        between(&mut parts);
        parts.visible_bias -= &parts.weights.dot(&self.hidden);
        parts.hidden_bias -= &parts.weights.t().dot(&self.visible);
        grad.assign(&direction);
        Ok(())
    }

    fn check<M: Centrable>(&self, machine: &M) -> Result<()> {
        check_shape("offsets.visible", &self.visible, &[machine.dim()])?;
        check_shape("offsets.hidden", &self.hidden, &[machine.n_hidden()])
    }
}

/// What a flat vector, laid out as a machine's parameters, has of weights and biases.
struct Parts<'a> {
    weights: ArrayViewMut2<'a, f64>,
    visible_bias: ArrayViewMut1<'a, f64>,
    hidden_bias: ArrayViewMut1<'a, f64>,
}

impl<'a> Parts<'a> {
    /// The parts of a contiguous vector.
    fn of<M: Centrable>(machine: &M, flat: ArrayViewMut1<'a, f64>) -> Self {
        let (n_visible, n_hidden) = (machine.dim(), machine.n_hidden());
        let [at_visible, at_hidden] = machine.bias_ranges();
        let (weights, rest) = flat.split_at(Axis(0), n_visible * n_hidden);
        // Visible parameters come before hidden ones.
        let (visible, hidden) = rest.split_at(Axis(0), at_visible.end - n_visible * n_hidden);
        let (visible_start, hidden_start) = (visible.len() - n_visible, at_hidden.start - at_visible.end);
        Parts {
            weights: weights
                .into_shape_with_order((n_visible, n_hidden))
                .expect("contiguous parameters can be cut into rows"),
            visible_bias: visible.slice_move(s![visible_start..]),
            hidden_bias: hidden.slice_move(s![hidden_start..hidden_start + n_hidden]),
        }
    }
}

/// A machine of two layers with a bias on every unit, whose gradient can be centred: either form of the restricted Boltzmann machine.
pub trait Centrable: Space + Parametric {
    /// The number of hidden units.
    fn n_hidden(&self) -> usize;

    /// Where the visible and the hidden biases lie in the flat parameters, which begin with the weights, visible × hidden.
    fn bias_ranges(&self) -> [Range<usize>; 2];

    /// `E[h | v]`, one row a case.
    fn hidden_means(&self, v: ArrayView2<f64>) -> Array2<f64>;

    /// `Var(h_j | v)`, one row a case.
    fn hidden_variances(&self, v: ArrayView2<f64>) -> Array2<f64>;

    /// Requires rows that the visible units can take.
    ///
    /// # Errors
    /// An empty batch, a wrong number of columns, or a value that the visible units do not admit, such as NaN.
    fn check_cases(&self, v: ArrayView2<f64>) -> Result<()>;
}

impl<V: Biased, H: Biased> Centrable for Rbm<V, H> {
    fn n_hidden(&self) -> usize {
        self.hidden().n_units()
    }

    fn bias_ranges(&self) -> [Range<usize>; 2] {
        let shift = |range: Range<usize>, by: usize| range.start + by..range.end + by;
        let visible = self.weights().len();
        let hidden = visible + self.visible().n_params();
        [
            shift(self.visible().bias_range(), visible),
            shift(self.hidden().bias_range(), hidden),
        ]
    }

    fn hidden_means(&self, v: ArrayView2<f64>) -> Array2<f64> {
        self.hidden_mean(v)
    }

    fn hidden_variances(&self, v: ArrayView2<f64>) -> Array2<f64> {
        self.hidden().variance(v.dot(&self.weights()).view())
    }

    fn check_cases(&self, v: ArrayView2<f64>) -> Result<()> {
        self.check_visible(v)
    }
}

impl Centrable for BinaryRbm {
    fn n_hidden(&self) -> usize {
        BinaryRbm::n_hidden(self)
    }

    fn bias_ranges(&self) -> [Range<usize>; 2] {
        let (n_visible, n_hidden) = (self.n_visible(), BinaryRbm::n_hidden(self));
        let visible = n_visible * n_hidden;
        let hidden = visible + n_visible;
        [visible..hidden, hidden..hidden + n_hidden]
    }

    fn hidden_means(&self, v: ArrayView2<f64>) -> Array2<f64> {
        self.hidden_mean(v)
    }

    fn hidden_variances(&self, v: ArrayView2<f64>) -> Array2<f64> {
        self.hidden_mean(v).mapv(|p| p * (1.0 - p))
    }

    fn check_cases(&self, v: ArrayView2<f64>) -> Result<()> {
        check_batch("x", &v, self.n_visible())?;
        check_each("x", v, "in [0, 1]", |v| (0.0..=1.0).contains(&v))
    }
}
