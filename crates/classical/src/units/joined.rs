//! Two layers side by side as one: `e(x) = e_A(a) + e_B(b)` for `x = (a, b)`.
//!
//! Units of different kinds can see the same hidden layer then, as pictures beside labels (Larochelle and Bengio 2008) or words (Srivastava and Salakhutdinov 2012, "Multimodal
//! learning with deep Boltzmann machines"). Three kinds are a joined layer joined with a third.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::check_batch;
use gibbsian_core::{
    ContinuousUnits, FiniteUnits, Layout, Parametric, ParametricMut, ResponsiveUnits, Result, SmoothUnits,
    Streams, Units,
};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, concatenate};

use super::Shift;

/// The layer of the units of `A` followed by those of `B`.
///
/// ```
/// use gibbsian_classical::{Bernoulli, Joined, Softmax};
/// use gibbsian_core::{FiniteUnits, Units};
///
/// let units = Joined::new(Bernoulli::unbiased(4), Softmax::unbiased(1, 3)?);
/// assert_eq!((units.n_units(), units.n_states()), (7, Some(16 * 3)));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// A machine of two modalities, here measurements and a word, fills in either given the other: the columns that are known are held, the others redrawn.
///
/// ```
/// use gibbsian_classical::{Bernoulli, Gaussian, Joined, Rbm, Softmax};
/// use gibbsian_core::{Blocks, Seed, Units};
/// use ndarray::{array, s};
///
/// let visible = Joined::new(Gaussian::standard(2), Softmax::unbiased(1, 3)?);
/// let weights = array![[0.8, 0.0], [0.0, 0.8], [4.0, -4.0], [-4.0, 4.0], [-4.0, -4.0]];
/// let rbm = Rbm::new(visible, Bernoulli::unbiased(2), weights)?;
/// // Measurements that only the first hidden unit explains, and a word that it does not speak.
/// let mut x = array![[9.0, -9.0, 0.0, 0.0, 1.0]];
/// let word = array![false, false, true, true, true];
/// rbm.resample(x.view_mut(), 0, Some(word.view()), &mut Seed::new(1).rng());
/// assert_eq!(x.slice(s![0, ..2]), array![9.0, -9.0]);
/// assert!(rbm.visible().check_rows("x", x.view()).is_ok());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Joined<A, B> {
    first: A,
    second: B,
}

impl<A, B> Joined<A, B> {
    /// The two layers side by side.
    pub fn new(first: A, second: B) -> Self {
        Joined { first, second }
    }

    /// Both layers.
    pub fn into_parts(self) -> (A, B) {
        (self.first, self.second)
    }

    /// The layer that comes first.
    pub fn first(&self) -> &A {
        &self.first
    }

    /// The layer that comes second.
    pub fn second(&self) -> &B {
        &self.second
    }
}

impl<A: Units, B: Units> Joined<A, B> {
    /// The columns of the first and of the second layer.
    pub fn split<'x>(&self, x: ArrayView2<'x, f64>) -> (ArrayView2<'x, f64>, ArrayView2<'x, f64>) {
        x.split_at(Axis(1), self.first.n_units())
    }

    fn split_mut<'x>(&self, x: ArrayViewMut2<'x, f64>) -> (ArrayViewMut2<'x, f64>, ArrayViewMut2<'x, f64>) {
        x.split_at(Axis(1), self.first.n_units())
    }

    fn split_params<'x>(
        &self,
        x: ArrayViewMut1<'x, f64>,
    ) -> (ArrayViewMut1<'x, f64>, ArrayViewMut1<'x, f64>) {
        x.split_at(Axis(0), self.first.n_params())
    }

    /// Which layer a unit belongs to, and its number there.
    fn place(&self, unit: usize) -> Result<usize, usize> {
        unit.checked_sub(self.first.n_units()).ok_or(unit)
    }
}

impl<A: Shift + Units, B: Shift> Shift for Joined<A, B> {
    fn shift(&mut self, field: ArrayView1<f64>) {
        let (first, second) = field.split_at(Axis(0), self.first.n_units());
        self.first.shift(first);
        self.second.shift(second);
    }
}

impl<A: Units, B: Units> Parametric for Joined<A, B> {
    /// The tensors of the `first` layer, then those of the `second`.
    fn layout(&self) -> Layout {
        Layout::new()
            .with_part("first", &self.first.layout())
            .with_part("second", &self.second.layout())
    }

    fn params(&self) -> Array1<f64> {
        concatenate![Axis(0), self.first.params(), self.second.params()]
    }
}

impl<A: Units, B: Units> ParametricMut for Joined<A, B> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let (first, second) = params.split_at(Axis(0), self.first.n_params());
        let (mut new_first, mut new_second) = (self.first.clone(), self.second.clone());
        new_first.set_params(first).map_err(|e| e.within("first"))?;
        new_second.set_params(second).map_err(|e| e.within("second"))?;
        (self.first, self.second) = (new_first, new_second);
        Ok(())
    }
}

impl<A: Units, B: Units> Units for Joined<A, B> {
    fn n_units(&self) -> usize {
        self.first.n_units() + self.second.n_units()
    }

    fn admits(&self, unit: usize, value: f64) -> bool {
        match self.place(unit) {
            Err(unit) => self.first.admits(unit, value),
            Ok(unit) => self.second.admits(unit, value),
        }
    }

    fn check_rows(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
        check_batch(name, &x, self.n_units())?;
        let (first, second) = self.split(x);
        self.first
            .check_rows(name, first)
            .map_err(|e| e.within("first"))?;
        self.second
            .check_rows(name, second)
            .map_err(|e| e.within("second"))
    }

    fn free_units(&self, free: ArrayView1<bool>) -> Array1<bool> {
        let (first, second) = free.split_at(Axis(0), self.first.n_units());
        concatenate![
            Axis(0),
            self.first.free_units(first),
            self.second.free_units(second)
        ]
    }

    fn tails(&self, unit: usize) -> [f64; 2] {
        match self.place(unit) {
            Err(unit) => self.first.tails(unit),
            Ok(unit) => self.second.tails(unit),
        }
    }

    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.n_units(), x, &out);
        let (first, second) = self.split(x);
        let mut other = Array1::zeros(out.len());
        self.first.energy_into(first, out.view_mut());
        self.second.energy_into(second, other.view_mut());
        out += &other;
    }

    fn log_partition_into(&self, field: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.n_units(), field, &out);
        let (first, second) = self.split(field);
        let mut other = Array1::zeros(out.len());
        self.first.log_partition_into(first, out.view_mut());
        self.second.log_partition_into(second, other.view_mut());
        out += &other;
    }

    fn mean_into(&self, field: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        let ((first, second), (out_first, out_second)) = (self.split(field), self.split_mut(out));
        self.first.mean_into(first, out_first);
        self.second.mean_into(second, out_second);
    }

    fn sample_into(&self, field: ArrayView2<f64>, streams: Streams, out: ArrayViewMut2<f64>) {
        let ((first, second), (out_first, out_second)) = (self.split(field), self.split_mut(out));
        self.first.sample_into(first, streams.part(0), out_first);
        self.second.sample_into(second, streams.part(1), out_second);
    }

    fn energy_pullback_into(&self, x: ArrayView2<f64>, w: ArrayView1<f64>, grad: ArrayViewMut1<f64>) {
        let ((first, second), (grad_first, grad_second)) = (self.split(x), self.split_params(grad));
        self.first.energy_pullback_into(first, w, grad_first);
        self.second.energy_pullback_into(second, w, grad_second);
    }

    fn log_partition_pullback_into(
        &self,
        field: ArrayView2<f64>,
        w: ArrayView1<f64>,
        grad: ArrayViewMut1<f64>,
    ) {
        let ((first, second), (grad_first, grad_second)) = (self.split(field), self.split_params(grad));
        self.first.log_partition_pullback_into(first, w, grad_first);
        self.second.log_partition_pullback_into(second, w, grad_second);
    }
}

impl<A: FiniteUnits, B: FiniteUnits> FiniteUnits for Joined<A, B> {
    fn alphabet(&self, unit: usize) -> &[f64] {
        match self.place(unit) {
            Err(unit) => self.first.alphabet(unit),
            Ok(unit) => self.second.alphabet(unit),
        }
    }

    fn n_states(&self) -> Option<u64> {
        self.first.n_states()?.checked_mul(self.second.n_states()?)
    }

    /// The state of the first layer changes fastest.
    fn states_into(&self, first: u64, mut out: ArrayViewMut2<f64>) {
        // More states than can be numbered are never past.
        let n_first = self.first.n_states().unwrap_or(u64::MAX);
        for (k, row) in out.axis_chunks_iter_mut(Axis(0), 1).enumerate() {
            let number = first + k as u64;
            let (a, b) = self.split_mut(row);
            self.first.states_into(number % n_first, a);
            self.second.states_into(number / n_first, b);
        }
    }
}

impl<A: SmoothUnits, B: SmoothUnits> SmoothUnits for Joined<A, B> {
    fn energy_gradient_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        let ((first, second), (out_first, out_second)) = (self.split(x), self.split_mut(out));
        self.first.energy_gradient_into(first, out_first);
        self.second.energy_gradient_into(second, out_second);
    }
}

impl<A: ContinuousUnits, B: ContinuousUnits> ContinuousUnits for Joined<A, B> {
    fn energy_curvature_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        let ((first, second), (out_first, out_second)) = (self.split(x), self.split_mut(out));
        self.first.energy_curvature_into(first, out_first);
        self.second.energy_curvature_into(second, out_second);
    }

    fn energy_gradient_pullback_into(
        &self,
        x: ArrayView2<f64>,
        u: ArrayView2<f64>,
        w: ArrayView2<f64>,
        grad: ArrayViewMut1<f64>,
    ) {
        let ((x_first, x_second), (u_first, u_second)) = (self.split(x), self.split(u));
        let ((w_first, w_second), (grad_first, grad_second)) = (self.split(w), self.split_params(grad));
        self.first
            .energy_gradient_pullback_into(x_first, u_first, w_first, grad_first);
        self.second
            .energy_gradient_pullback_into(x_second, u_second, w_second, grad_second);
    }
}

impl<A: ResponsiveUnits, B: ResponsiveUnits> ResponsiveUnits for Joined<A, B> {
    fn response_into(&self, field: ArrayView2<f64>, direction: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        let ((first, second), (d_first, d_second)) = (self.split(field), self.split(direction));
        let (out_first, out_second) = self.split_mut(out);
        self.first.response_into(first, d_first, out_first);
        self.second.response_into(second, d_second, out_second);
    }

    fn mean_pullback_into(&self, field: ArrayView2<f64>, a: ArrayView2<f64>, grad: ArrayViewMut1<f64>) {
        let ((first, second), (a_first, a_second)) = (self.split(field), self.split(a));
        let (grad_first, grad_second) = self.split_params(grad);
        self.first.mean_pullback_into(first, a_first, grad_first);
        self.second.mean_pullback_into(second, a_second, grad_second);
    }

    fn response_pullback_into(
        &self,
        field: ArrayView2<f64>,
        a: ArrayView2<f64>,
        direction: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
        grad: ArrayViewMut1<f64>,
    ) {
        let ((first, second), (a_first, a_second)) = (self.split(field), self.split(a));
        let ((d_first, d_second), (out_first, out_second)) = (self.split(direction), self.split_mut(out));
        let (grad_first, grad_second) = self.split_params(grad);
        self.first
            .response_pullback_into(first, a_first, d_first, out_first, grad_first);
        self.second
            .response_pullback_into(second, a_second, d_second, out_second, grad_second);
    }
}
