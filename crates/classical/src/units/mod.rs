//! Kinds of units; each is one file that implements [`gibbsian_core::Units`].
//!
//! Bounded kinds: [`Bernoulli`], [`Spin`], [`Softmax`], [`Binomial`], whose parameters are biases. Real ones: [`Gaussian`], [`Rectified`], [`DoubleRectified`],
//! which have precisions as well. [`Joined`] puts two layers side by side, [`Layer`] is any of them.

mod bias_only;
mod biased;
mod separate;

mod bernoulli;
mod binomial;
mod double_rectified;
mod gaussian;
mod joined;
mod layer;
mod rectified;
mod softmax;
mod spin;

pub use bernoulli::Bernoulli;
pub use biased::{Biased, Mirrored, Shift};
pub use binomial::Binomial;
pub use double_rectified::DoubleRectified;
pub use gaussian::Gaussian;
pub use joined::Joined;
pub use layer::{FiniteLayer, Layer};
pub use rectified::Rectified;
pub use softmax::Softmax;
pub(crate) use softmax::arg_max;
pub use spin::Spin;
