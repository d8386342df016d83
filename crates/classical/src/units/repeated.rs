//! One small layer at many places, with the same parameters at all of them: `e(x) = Σ_p e_U(x_p)`.
//!
//! The channels of a pixel are a small layer, and in a convolutional machine a bias belongs to a channel and not to a pixel (Lee, Grosse, Ranganath and Ng 2009). What holds of
//! the small layer holds at every place, so a batch of `B` rows is one of `B P` rows for it, and derivatives in its parameters are sums over places.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{check_batch, check_count};
use gibbsian_core::{
    ContinuousUnits, FiniteUnits, Layout, Parametric, ParametricMut, ResponsiveUnits, Result, SmoothUnits,
    Streams, Units,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, CowArray, Ix2, s};

/// A layer of `N` columns at each of `P` places, which share its parameters; place `p` has the columns `pN..(p+1)N`.
///
/// ```
/// use gibbsian_classical::{Bernoulli, Repeated};
/// use gibbsian_core::{Parametric, Units};
/// use ndarray::{Array2, array};
///
/// // Two channels at three places.
/// let units = Repeated::new(Bernoulli::new(array![0.0, 3.0_f64.ln()])?, 3)?;
/// assert_eq!((units.n_units(), units.n_params()), (6, 2));
/// let mean = units.mean(Array2::zeros((1, 6)).view());
/// assert!((mean - array![[0.5, 0.75, 0.5, 0.75, 0.5, 0.75]]).iter().all(|d| d.abs() < 1e-15));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Repeated<U> {
    units: U,
    n_places: usize,
}

impl<U: Units> Repeated<U> {
    /// The layer `units` at each of `n_places` places.
    ///
    /// # Errors
    /// No places.
    pub fn new(units: U, n_places: usize) -> Result<Self> {
        check_count("n_places", n_places)?;
        Ok(Repeated { units, n_places })
    }

    /// The layer at one place.
    pub fn units(&self) -> &U {
        &self.units
    }

    /// The number of places `P`.
    pub fn n_places(&self) -> usize {
        self.n_places
    }

    /// `(B P, N)`: a row a place.
    fn places<'x>(&self, x: &'x ArrayView2<f64>) -> CowArray<'x, f64, Ix2> {
        x.to_shape((x.nrows() * self.n_places, self.units.n_units()))
            .expect("rows have the columns of all places")
    }

    /// The weight of each row at each of its places.
    fn weights_at_places(&self, w: ArrayView1<f64>) -> Array1<f64> {
        w.iter()
            .flat_map(|w| std::iter::repeat_n(*w, self.n_places))
            .collect()
    }

    /// Writes the sums over the places of each row.
    fn sum_places(&self, of_places: &Array1<f64>, mut out: ArrayViewMut1<f64>) {
        let rows = of_places.exact_chunks(self.n_places);
        for (out, places) in out.iter_mut().zip(rows) {
            *out = places.sum();
        }
    }

    /// Writes rows of places into rows of all places.
    fn join(of_places: Array2<f64>, mut out: ArrayViewMut2<f64>) {
        let joined = of_places.to_shape(out.raw_dim());
        out.assign(&joined.expect("rows have the columns of all places"));
    }

    /// An array for what the layer says of the rows at all places.
    fn space(&self, x: ArrayView2<f64>) -> Array2<f64> {
        Array2::zeros((x.nrows() * self.n_places, self.units.n_units()))
    }

    /// The unit of the small layer that a column belongs to.
    fn unit(&self, column: usize) -> usize {
        column % self.units.n_units()
    }
}

impl<U: Units> Parametric for Repeated<U> {
    /// The tensors of the layer at one place.
    fn layout(&self) -> Layout {
        self.units.layout()
    }

    fn params(&self) -> Array1<f64> {
        self.units.params()
    }
}

impl<U: Units> ParametricMut for Repeated<U> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.units.set_params(params)
    }
}

impl<U: Units> Units for Repeated<U> {
    fn n_units(&self) -> usize {
        self.n_places * self.units.n_units()
    }

    fn admits(&self, unit: usize, value: f64) -> bool {
        self.units.admits(self.unit(unit), value)
    }

    fn check_rows(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
        check_batch(name, &x, self.n_units())?;
        let n = self.units.n_units();
        for place in 0..self.n_places {
            self.units
                .check_rows(name, x.slice(s![.., place * n..(place + 1) * n]))
                .map_err(|e| e.within(&format!("places[{place}]")))?;
        }
        Ok(())
    }

    fn range(&self) -> &'static str {
        self.units.range()
    }

    fn free_units(&self, free: ArrayView1<bool>) -> Array1<bool> {
        free.axis_chunks_iter(Axis(0), self.units.n_units())
            .flat_map(|free| self.units.free_units(free))
            .collect()
    }

    fn tails(&self, unit: usize) -> [f64; 2] {
        self.units.tails(self.unit(unit))
    }

    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.n_units(), x, &out);
        let mut of_places = Array1::zeros(x.nrows() * self.n_places);
        self.units
            .energy_into(self.places(&x).view(), of_places.view_mut());
        self.sum_places(&of_places, out);
    }

    fn log_partition_into(&self, field: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.n_units(), field, &out);
        let mut of_places = Array1::zeros(field.nrows() * self.n_places);
        self.units
            .log_partition_into(self.places(&field).view(), of_places.view_mut());
        self.sum_places(&of_places, out);
    }

    fn mean_into(&self, field: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        let mut of_places = self.space(field);
        self.units
            .mean_into(self.places(&field).view(), of_places.view_mut());
        Self::join(of_places, out);
    }

    fn sample_into(&self, field: ArrayView2<f64>, streams: Streams, out: ArrayViewMut2<f64>) {
        let mut of_places = self.space(field);
        self.units
            .sample_into(self.places(&field).view(), streams, of_places.view_mut());
        Self::join(of_places, out);
    }

    fn energy_pullback_into(&self, x: ArrayView2<f64>, w: ArrayView1<f64>, grad: ArrayViewMut1<f64>) {
        let w = self.weights_at_places(w);
        self.units
            .energy_pullback_into(self.places(&x).view(), w.view(), grad);
    }

    fn log_partition_pullback_into(
        &self,
        field: ArrayView2<f64>,
        w: ArrayView1<f64>,
        grad: ArrayViewMut1<f64>,
    ) {
        let w = self.weights_at_places(w);
        self.units
            .log_partition_pullback_into(self.places(&field).view(), w.view(), grad);
    }
}

impl<U: FiniteUnits> FiniteUnits for Repeated<U> {
    fn alphabet(&self, unit: usize) -> &[f64] {
        self.units.alphabet(self.unit(unit))
    }

    fn n_states(&self) -> Option<u64> {
        self.units
            .n_states()?
            .checked_pow(u32::try_from(self.n_places).ok()?)
    }

    /// The state at place 0 changes fastest.
    fn states_into(&self, first: u64, mut out: ArrayViewMut2<f64>) {
        // More states than can be numbered are never past.
        let n_states = self.units.n_states().unwrap_or(u64::MAX);
        for (k, mut row) in out.axis_chunks_iter_mut(Axis(0), 1).enumerate() {
            let mut rest = first + k as u64;
            for place in row.axis_chunks_iter_mut(Axis(1), self.units.n_units()) {
                self.units.states_into(rest % n_states, place);
                rest /= n_states;
            }
        }
    }
}

impl<U: SmoothUnits> SmoothUnits for Repeated<U> {
    fn energy_gradient_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        let mut of_places = self.space(x);
        self.units
            .energy_gradient_into(self.places(&x).view(), of_places.view_mut());
        Self::join(of_places, out);
    }
}

impl<U: ContinuousUnits> ContinuousUnits for Repeated<U> {
    fn energy_curvature_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        let mut of_places = self.space(x);
        self.units
            .energy_curvature_into(self.places(&x).view(), of_places.view_mut());
        Self::join(of_places, out);
    }

    fn energy_gradient_pullback_into(
        &self,
        x: ArrayView2<f64>,
        u: ArrayView2<f64>,
        w: ArrayView2<f64>,
        grad: ArrayViewMut1<f64>,
    ) {
        let (x, u, w) = (self.places(&x), self.places(&u), self.places(&w));
        self.units
            .energy_gradient_pullback_into(x.view(), u.view(), w.view(), grad);
    }
}

impl<U: ResponsiveUnits> ResponsiveUnits for Repeated<U> {
    fn response_into(&self, field: ArrayView2<f64>, direction: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        let mut of_places = self.space(field);
        let (field, direction) = (self.places(&field), self.places(&direction));
        self.units
            .response_into(field.view(), direction.view(), of_places.view_mut());
        Self::join(of_places, out);
    }

    fn mean_pullback_into(&self, field: ArrayView2<f64>, a: ArrayView2<f64>, grad: ArrayViewMut1<f64>) {
        self.units
            .mean_pullback_into(self.places(&field).view(), self.places(&a).view(), grad);
    }

    fn response_pullback_into(
        &self,
        field: ArrayView2<f64>,
        a: ArrayView2<f64>,
        direction: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
        grad: ArrayViewMut1<f64>,
    ) {
        let mut of_places = self.space(field);
        let (field, a, direction) = (self.places(&field), self.places(&a), self.places(&direction));
        self.units.response_pullback_into(
            field.view(),
            a.view(),
            direction.view(),
            of_places.view_mut(),
            grad,
        );
        Self::join(of_places, out);
    }
}
