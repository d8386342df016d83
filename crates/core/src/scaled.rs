//! A model at another inverse temperature.
//!
//! `E_β(x) = β E(x)`: annealing cools a target by raising `β`, and everything that a kernel may ask of an energy follows by one multiplication. What does not follow
//! is a conditional law or a normaliser, so a scaled model is not [`Blocks`](crate::Blocks) and no [`Density`](crate::Density).

use ndarray::{Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::discrete::{Discrete, DiscreteEnergy, RelaxedEnergy};
use crate::energy::{Energy, Space};
use crate::error::{Result, check_positive};
use crate::score::{Potential, Score, ScoreJvp};

/// The energy `β E(x)`, the score `β s(x)`.
///
/// Points outside the support stay there: `β` is positive. `T` may be a reference.
///
/// ```
/// use gibbsian_core::{Energy, Scaled, Space};
/// # use ndarray::{ArrayView2, ArrayViewMut1, array};
/// # struct Half;
/// # impl Space for Half { fn dim(&self) -> usize { 1 } }
/// # impl Energy for Half {
/// #     fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
/// #         out.assign(&x.column(0).mapv(|x| if x < 0.0 { f64::INFINITY } else { x }));
/// #     }
/// # }
/// // `E(x) = x` on the positive numbers.
/// let target = Half;
/// let cold = Scaled::new(&target, 4.0)?;
/// assert_eq!(cold.energy(array![[0.5], [-1.0]].view()), array![2.0, f64::INFINITY]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaled<T> {
    target: T,
    beta: f64,
}

impl<T> Scaled<T> {
    /// The model at inverse temperature `β`.
    ///
    /// # Errors
    /// A `beta` that is not positive and finite: at zero every point of the support would be as likely as another, and points outside would not be told from it.
    pub fn new(target: T, beta: f64) -> Result<Self> {
        check_positive("beta", beta)?;
        Ok(Scaled { target, beta })
    }

    /// The model that is scaled.
    pub fn target(&self) -> &T {
        &self.target
    }

    /// The inverse temperature.
    pub fn beta(&self) -> f64 {
        self.beta
    }

    /// Changes the inverse temperature; kernels must [`refresh`](crate::Kernel::refresh) what they remember.
    ///
    /// # Errors
    /// Those of [`Scaled::new`]; the model is then unchanged.
    pub fn set_beta(&mut self, beta: f64) -> Result<()> {
        self.beta = check_positive("beta", beta)?;
        Ok(())
    }
}

impl<T: Space> Space for Scaled<T> {
    fn dim(&self) -> usize {
        self.target.dim()
    }
}

impl<T: Energy> Energy for Scaled<T> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.target.energy_into(x, out.view_mut());
        out *= self.beta;
    }
}

impl<T: Score> Score for Scaled<T> {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.target.score_into(x, out.view_mut());
        out *= self.beta;
    }
}

impl<T: Potential> Potential for Scaled<T> {
    fn energy_and_score_into(
        &self,
        x: ArrayView2<f64>,
        mut energy: ArrayViewMut1<f64>,
        mut score: ArrayViewMut2<f64>,
    ) {
        self.target
            .energy_and_score_into(x, energy.view_mut(), score.view_mut());
        energy *= self.beta;
        score *= self.beta;
    }
}

impl<T: ScoreJvp> ScoreJvp for Scaled<T> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.target.score_jvp_into(x, v, score.view_mut(), jvp.view_mut());
        score *= self.beta;
        jvp *= self.beta;
    }

    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.target.divergence_into(x, out.view_mut());
        out *= self.beta;
    }
}

impl<T: Discrete> Discrete for Scaled<T> {
    fn alphabet(&self, site: usize) -> &[f64] {
        self.target.alphabet(site)
    }

    fn check_states(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
        self.target.check_states(name, x)
    }

    fn n_states(&self) -> Option<u64> {
        self.target.n_states()
    }

    fn states_into(&self, first: u64, out: ArrayViewMut2<f64>) {
        self.target.states_into(first, out);
    }

    fn states(&self) -> Result<Array2<f64>> {
        self.target.states()
    }
}

impl<T: DiscreteEnergy> DiscreteEnergy for Scaled<T> {
    fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, mut out: ArrayViewMut2<f64>) {
        self.target.site_deltas_into(x, site, out.view_mut());
        out *= self.beta;
    }

    fn flip_deltas_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.target.flip_deltas_into(x, out.view_mut());
        out *= self.beta;
    }
}

impl<T: RelaxedEnergy> RelaxedEnergy for Scaled<T> {
    fn relaxed_score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.target.relaxed_score_into(x, out.view_mut());
        out *= self.beta;
    }

    fn energy_and_relaxed_score_into(
        &self,
        x: ArrayView2<f64>,
        mut energy: ArrayViewMut1<f64>,
        mut score: ArrayViewMut2<f64>,
    ) {
        self.target
            .energy_and_relaxed_score_into(x, energy.view_mut(), score.view_mut());
        energy *= self.beta;
        score *= self.beta;
    }
}
