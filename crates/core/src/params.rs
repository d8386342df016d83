//! Parameters as one flat vector with named parts.
//!
//! Optimisers, checkpoints, gradient checks and error messages need to see the parameters of any model alike. A model says
//! how its tensors lie in one flat `f64` vector ([`Layout`]), gives a copy ([`Parametric::params`]), and takes a new one
//! ([`ParametricMut::set_params`]), which is where non-finite parameters are stopped. Reading and writing are apart so that
//! a shared reference, or an adapter around one, can be a model too.

use std::ops::Range;

use ndarray::{Array1, ArrayView1, ArrayViewMut1};
use rayon::prelude::*;

use crate::error::{Error, Result};

/// One named tensor inside the flat parameter vector, stored in row-major order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// The field's name for it: `weights`, `visible.bias`.
    pub name: String,
    /// Its shape; the product of the entries is the length of `range`.
    pub shape: Vec<usize>,
    /// Where it lies in the flat vector.
    pub range: Range<usize>,
}

/// How the tensors of a model lie in its flat parameter vector, without gaps and in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    tensors: Vec<Tensor>,
}

impl Layout {
    /// The layout without parameters.
    pub fn new() -> Self {
        Layout::default()
    }

    /// Appends a tensor.
    pub fn with(mut self, name: impl Into<String>, shape: &[usize]) -> Self {
        let start = self.n_params();
        self.tensors.push(Tensor {
            name: name.into(),
            shape: shape.to_vec(),
            range: start..start + shape.iter().product::<usize>(),
        });
        self
    }

    /// Appends the tensors of a part under `prefix`, as `prefix.name`.
    pub fn with_part(mut self, prefix: &str, part: &Layout) -> Self {
        for t in &part.tensors {
            self = self.with(format!("{prefix}.{}", t.name), &t.shape);
        }
        self
    }

    /// The tensors in order.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The length of the flat vector.
    pub fn n_params(&self) -> usize {
        self.tensors.last().map_or(0, |t| t.range.end)
    }

    /// The tensor of this name.
    pub fn find(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|t| t.name == name)
    }

    /// The name of one entry of the flat vector, for example `weights[3, 7]`.
    pub fn locate(&self, index: usize) -> String {
        let Some(t) = self.tensors.iter().find(|t| t.range.contains(&index)) else {
            return format!("parameter {index}");
        };
        let mut flat = index - t.range.start;
        let mut position = vec![0; t.shape.len()];
        for (p, &n) in position.iter_mut().zip(&t.shape).rev() {
            *p = flat % n;
            flat /= n;
        }
        format!("{}{position:?}", t.name)
    }

    /// Requires the right length and finite entries, and names the first entry that is not.
    pub fn check(&self, params: ArrayView1<f64>) -> Result<()> {
        if params.len() != self.n_params() {
            return Err(Error::shape(
                "params",
                params.shape(),
                format!("[{}]", self.n_params()),
            ));
        }
        match first_non_finite(params) {
            None => Ok(()),
            Some(i) => Err(Error::parameter(self.locate(i), params[i], "finite")),
        }
    }
}

/// Numbers that one thread looks through.
const CHUNK: usize = 1 << 16;

/// The place of the first number that is not finite: a pass without branches over all, and a search where that found one.
pub fn first_non_finite(values: ArrayView1<f64>) -> Option<usize> {
    let spoils = |any: bool, v: &f64| any | !v.is_finite();
    let any = match values.as_slice() {
        Some(values) if values.len() > CHUNK => {
            let chunks = values.par_chunks(CHUNK);
            chunks.any(|chunk| chunk.iter().fold(false, spoils))
        }
        _ => values.iter().fold(false, spoils),
    };
    any.then(|| values.iter().position(|v| !v.is_finite())).flatten()
}

/// A model with parameters `θ`.
pub trait Parametric {
    /// The names, shapes and places of the parameters.
    fn layout(&self) -> Layout;

    /// A copy of all parameters as one flat vector.
    fn params(&self) -> Array1<f64>;

    /// The number of parameters.
    fn n_params(&self) -> usize {
        self.layout().n_params()
    }
}

/// A model whose parameters can be replaced.
pub trait ParametricMut: Parametric {
    /// Replaces all parameters.
    ///
    /// # Errors
    /// A wrong length, or an entry that is not finite or not allowed, named as [`Layout::locate`] does; the model is then
    /// unchanged.
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()>;

    /// Has all parameters changed by `change`, which is given them: what an optimiser does in every step.
    ///
    /// The provided form copies them and sets the copy; a model of millions of parameters overrides it with memory that it keeps.
    ///
    /// # Errors
    /// Those of `change` and of [`ParametricMut::set_params`]; the model is then unchanged.
    fn update_params(&mut self, change: &mut dyn FnMut(ArrayViewMut1<f64>) -> Result<()>) -> Result<()> {
        let mut params = self.params();
        change(params.view_mut())?;
        self.set_params(params.view())
    }
}

impl<M: Parametric + ?Sized> Parametric for &M {
    fn layout(&self) -> Layout {
        (**self).layout()
    }

    fn params(&self) -> Array1<f64> {
        (**self).params()
    }
}

impl<M: ParametricMut + ?Sized> ParametricMut for &mut M {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        (**self).set_params(params)
    }

    fn update_params(&mut self, change: &mut dyn FnMut(ArrayViewMut1<f64>) -> Result<()>) -> Result<()> {
        (**self).update_params(change)
    }
}

impl<M: Parametric + ?Sized> Parametric for &mut M {
    fn layout(&self) -> Layout {
        (**self).layout()
    }

    fn params(&self) -> Array1<f64> {
        (**self).params()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, array};

    #[test]
    fn tensors_lie_in_order_without_gaps_and_entries_have_names() {
        let bias = Layout::new().with("bias", &[2]);
        let layout = Layout::new().with("weights", &[2, 3]).with_part("hidden", &bias);
        assert_eq!(layout.n_params(), 8);
        assert_eq!(layout.tensors()[1].range, 6..8);
        assert_eq!(layout.locate(5), "weights[1, 2]");
        assert_eq!(layout.locate(7), "hidden.bias[1]");
        assert!(layout.find("hidden.bias").is_some());
    }

    #[test]
    fn a_bad_vector_is_refused_by_name() {
        let layout = Layout::new().with("weights", &[2, 2]);
        assert!(layout.check(Array1::zeros(3).view()).is_err());
        let e = layout.check(array![0.0, 0.0, f64::NAN, 0.0].view()).unwrap_err();
        assert_eq!(e.to_string(), "`weights[1, 0]` is NaN, but must be finite");
    }
}
