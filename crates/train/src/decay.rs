//! Weight decay: the penalties `λ₂/2 Σ w²` and `λ₁ Σ |w|` on weights, not on biases.
//!
//! Their derivatives `λ₂ w + λ₁ sign(w)` are added to the gradient before the optimiser sees it, as in Hinton (2012,
//! section 10); they are thus multiplied by the learning rate and enter the momentum. At `w = 0` the derivative of
//! `|w|` is taken as zero, so an exactly zero weight stays zero unless the data move it; other weights hover around
//! zero by at most one step instead of stopping there, which a proximal step would achieve at the price of a
//! different algorithm for each optimiser. Decay that bypasses the optimiser (Loshchilov and Hutter 2019) is the
//! same thing for plain descent, and another for adaptive ones, which would divide it by the size of the gradient:
//! [`crate::AdamW`] has it.
//!
//! What is a weight? Biases are few, cannot overfit much, and must be free to become large: a unit that is rarely on
//! needs a large negative bias (Hinton 2012, section 10). A bias is a vector, a weight connects things and therefore
//! has two indices or more, so the rule is: tensors of rank two or higher decay, vectors and scalars do not.

use std::ops::Range;

use gibbsian_core::error::check_non_negative;
use gibbsian_core::{Layout, Result};

/// The strengths of the two penalties.
///
/// ```
/// use gibbsian_train::Decay;
/// let ridge = Decay { l2: 2e-4, ..Decay::NONE };
/// assert_eq!(ridge.l1, 0.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Decay {
    /// `λ₂` of `λ₂/2 Σ w²`. Hinton (2012) recommends to start from 1e-4.
    pub l2: f64,
    /// `λ₁` of `λ₁ Σ |w|`.
    pub l1: f64,
}

impl Decay {
    /// No decay.
    pub const NONE: Decay = Decay { l2: 0.0, l1: 0.0 };

    /// The gradient `g` of one parameter of value `w`, with the penalties' share.
    #[inline]
    pub(crate) fn penalise(self, g: f64, w: f64) -> f64 {
        let sign = if w == 0.0 { 0.0 } else { w.signum() };
        g + self.l2 * w + self.l1 * sign
    }
}

/// The flat parameter vector cut into stretches with one decay each.
#[derive(Clone, Debug)]
pub(crate) struct Stretches {
    stretches: Vec<(Range<usize>, Decay)>,
    n_params: usize,
}

impl Stretches {
    /// One stretch for every run of neighbouring tensors that decay alike.
    pub(crate) fn new(layout: &Layout, decay: Decay) -> Result<Self> {
        check_non_negative("decay.l2", decay.l2)?;
        check_non_negative("decay.l1", decay.l1)?;
        let mut stretches: Vec<(Range<usize>, Decay)> = Vec::new();
        for tensor in layout.tensors() {
            let own = if tensor.shape.len() >= 2 {
                decay
            } else {
                Decay::NONE
            };
            match stretches.last_mut() {
                Some((range, last)) if *last == own => range.end = tensor.range.end,
                _ => stretches.push((tensor.range.clone(), own)),
            }
        }
        Ok(Stretches {
            stretches,
            n_params: layout.n_params(),
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Range<usize>, Decay)> + '_ {
        self.stretches.iter().cloned()
    }

    pub(crate) fn n_params(&self) -> usize {
        self.n_params
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tensors_of_rank_two_and_higher_decay() {
        let layout = Layout::new()
            .with("weights", &[2, 3])
            .with("kernel", &[1, 1, 3, 3])
            .with("bias", &[4])
            .with("scale", &[])
            .with("more", &[1, 2]);
        let decay = Decay { l2: 0.1, l1: 0.2 };
        let stretches: Vec<_> = Stretches::new(&layout, decay).unwrap().iter().collect();
        assert_eq!(
            stretches,
            [(0..15, decay), (15..20, Decay::NONE), (20..22, decay)]
        );
    }

    #[test]
    fn the_penalty_is_a_derivative_and_zero_stays_zero() {
        let decay = Decay { l2: 0.5, l1: 0.25 };
        assert_eq!(decay.penalise(1.0, -2.0), 1.0 - 1.0 - 0.25);
        assert_eq!(decay.penalise(0.0, 0.0), 0.0);
        assert_eq!(decay.penalise(0.0, -0.0), 0.0);
    }

    #[test]
    fn negative_strengths_are_refused() {
        let layout = Layout::new().with("weights", &[2, 3]);
        for bad in [-1e-9, f64::NAN, f64::INFINITY] {
            assert!(Stretches::new(&layout, Decay { l2: bad, l1: 0.0 }).is_err());
            let e = Stretches::new(&layout, Decay { l2: 0.0, l1: bad }).unwrap_err();
            assert!(e.to_string().contains("decay.l1"), "{e}");
        }
    }
}
