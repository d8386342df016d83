//! An energy that rises no further than a cap.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, Result};
use gibbsian_core::{Discrete, DiscreteEnergy, Energy, Potential, Score, ScoreJvp, Space};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2};

/// `min(E(x), cap)`: a density with a floor, `max(exp(−E(x)), exp(−cap))`.
///
/// It has no normaliser on an unbounded space; it is what can always be negated, [`AndNot::capped`](super::AndNot::capped). Where the cap is reached the score is zero, and at
/// the kink it is that of `E`.
#[derive(Clone, Debug)]
pub struct Capped<E> {
    energy: E,
    cap: f64,
}

impl<E: Energy> Capped<E> {
    /// The energy with this cap.
    ///
    /// # Errors
    /// A cap that is not finite.
    pub fn new(energy: E, cap: f64) -> Result<Self> {
        if cap.is_finite() {
            Ok(Capped { energy, cap })
        } else {
            Err(Error::parameter("cap", cap, "finite"))
        }
    }

    /// The energy without the cap.
    pub fn model(&self) -> &E {
        &self.energy
    }

    /// The cap.
    pub fn cap(&self) -> f64 {
        self.cap
    }

    /// Which rows are above the cap, where nothing changes any more.
    fn above(&self, x: ArrayView2<f64>) -> Array1<bool> {
        self.energy.energy(x).mapv(|e| e > self.cap)
    }
}

/// Writes zeros into the rows where it is flat.
fn flatten(above: &Array1<bool>, mut out: ArrayViewMut2<f64>) {
    for (mut row, _) in out.rows_mut().into_iter().zip(above).filter(|(_, above)| **above) {
        row.fill(0.0);
    }
}

impl<E: Space> Space for Capped<E> {
    fn dim(&self) -> usize {
        self.energy.dim()
    }
}

impl<E: Energy> Energy for Capped<E> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.energy.energy_into(x, out.view_mut());
        // A comparison that NaN fails, so that NaN stays.
        out.mapv_inplace(|e| if e > self.cap { self.cap } else { e });
    }
}

impl<E: Energy + Score> Score for Capped<E> {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.energy.score_into(x, out.view_mut());
        flatten(&self.above(x), out);
    }
}

impl<E: Energy + Score> Potential for Capped<E> {}

impl<E: Energy + ScoreJvp> ScoreJvp for Capped<E> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.energy.score_jvp_into(x, v, score.view_mut(), jvp.view_mut());
        let above = self.above(x);
        flatten(&above, score);
        // Nothing changes in any direction, but a direction that is NaN is none.
        for ((mut row, v), _) in
            (jvp.rows_mut().into_iter().zip(v.rows()).zip(&above)).filter(|(_, above)| **above)
        {
            row.zip_mut_with(&v, |out, v| *out = 0.0 * v);
        }
    }

    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.energy.divergence_into(x, out.view_mut());
        flatten(&self.above(x), out.insert_axis(ndarray::Axis(1)));
    }
}

impl<E: Discrete> Discrete for Capped<E> {
    fn alphabet(&self, site: usize) -> &[f64] {
        self.energy.alphabet(site)
    }

    fn check_states(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
        self.energy.check_states(name, x)
    }

    fn n_states(&self) -> Option<u64> {
        self.energy.n_states()
    }

    fn states_into(&self, first: u64, out: ArrayViewMut2<f64>) {
        self.energy.states_into(first, out);
    }

    fn states(&self) -> Result<Array2<f64>> {
        self.energy.states()
    }
}

impl<E: Energy + Discrete> DiscreteEnergy for Capped<E> {}
