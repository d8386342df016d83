//! Kinds of units; each is one file that implements [`gibbsian_core::Units`].
//!
//! Bounded kinds: [`Bernoulli`], [`Spin`], [`Softmax`], [`Binomial`], whose parameters are biases. Real ones: [`Gaussian`], [`Rectified`], [`DoubleRectified`],
//! which have precisions as well. [`Joined`] puts two layers side by side, [`Layer`] is any of these. Not so [`Repeated`], one layer at many places with shared parameters, and
//! [`MaxPooled`], pictures of binary units of which one is on in a block at most.

mod bias_only;
mod biased;
mod free;
mod separate;

mod bernoulli;
mod binomial;
mod double_rectified;
mod gaussian;
mod joined;
mod layer;
mod max_pooled;
mod rectified;
mod repeated;
mod softmax;
mod spin;

pub use bernoulli::Bernoulli;
pub use biased::{Biased, Mirrored, Shift};
pub use binomial::Binomial;
pub use double_rectified::DoubleRectified;
pub(crate) use free::assign_free;
pub use gaussian::Gaussian;
pub use joined::Joined;
pub use layer::{FiniteLayer, Layer};
pub use max_pooled::MaxPooled;
pub use rectified::Rectified;
pub use repeated::Repeated;
pub use softmax::Softmax;
pub(crate) use softmax::arg_max;
pub use spin::Spin;
