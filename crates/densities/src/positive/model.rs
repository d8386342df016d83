//! A function and a map, as a model.

use gibbsian_core::error::Result;
use gibbsian_core::{
    Energy, EnergyPullback, Layout, Parametric, ParametricMut, Potential, Score, ScoreJvp, Space,
};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, Zip};

use super::maps::PositiveMap;

/// The unnormalised density `g(x) = φ(f(x))`, with `f = −E` of an energy and a [`PositiveMap`] `φ`.
///
/// Its energy is `−log g`, its score `s = (log φ)'(f) ∇f`, and with the relative curvature `κ = (log φ)''/((log φ)')²` of the map
/// `J v = (log φ)'(f) ∇²f v + κ (s·v) s`. With the parameters of `f` it can be trained as any other energy.
///
/// **Zeros.** Where a square or an absolute value has `f = 0`, the energy is +∞ and the score infinite, or NaN if `∇f` is zero too. On either side
/// the energy is finite and the score points away from the zero. Where `f` underflows to zero so does `g`.
///
/// ```
/// use gibbsian_core::{Energy, Score};
/// use gibbsian_densities::positive::{Exp, Positive, Softplus, Square};
/// use gibbsian_densities::QuadraticEnergy;
/// use ndarray::array;
///
/// // f(x) = 4 − x².
/// let f = QuadraticEnergy::new(array![[2.0]], array![0.0], -4.0)?;
/// let x = array![[1.0]];
/// assert_eq!(Positive::new(&f, Exp).energy(x.view()), array![-3.0]);
/// assert_eq!(Positive::new(&f, Square).energy(x.view()), array![-2.0 * 3f64.ln()]);
/// assert_eq!(Positive::new(&f, Square).score(x.view()), array![[2.0 / 3.0 * -2.0]]);
/// // The logarithm of softplus(−10⁴) is −10⁴, although exp(−10⁴) is zero in doubles.
/// assert_eq!(Positive::new(&f, Softplus).energy(array![[100.0]].view()), array![9996.0]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Positive<F, P> {
    function: F,
    map: P,
}

impl<F, P> Positive<F, P> {
    /// The model `φ(f)` with `f = −E` of the energy `function`.
    pub fn new(function: F, map: P) -> Self {
        Positive { function, map }
    }

    /// The energy whose negative is `f`.
    pub fn function(&self) -> &F {
        &self.function
    }
}

impl<F: Score + Energy, P: PositiveMap> Positive<F, P> {
    /// Turns gradients `∇f` `(B, D)` into scores, given the energies of `f` `(B)`.
    fn scale(&self, energies: &Array1<f64>, mut gradients: ArrayViewMut2<f64>) {
        for (mut row, e) in gradients.rows_mut().into_iter().zip(energies) {
            row *= self.map.log_slope(-e);
        }
    }
}

impl<F: Space, P: PositiveMap> Space for Positive<F, P> {
    fn dim(&self) -> usize {
        self.function.dim()
    }
}

impl<F: Energy, P: PositiveMap> Energy for Positive<F, P> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.function.energy_into(x, out.view_mut());
        out.mapv_inplace(|e| -self.map.log_value(-e));
    }
}

impl<F: Energy + Score, P: PositiveMap> Score for Positive<F, P> {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.function.score_into(x, out.view_mut());
        self.scale(&self.function.energy(x), out);
    }
}

impl<F: Energy + Score, P: PositiveMap> Potential for Positive<F, P> {}

impl<F: Energy + ScoreJvp, P: PositiveMap> ScoreJvp for Positive<F, P> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.function
            .score_jvp_into(x, v, score.view_mut(), jvp.view_mut());
        let energies = self.function.energy(x);
        self.scale(&energies, score.view_mut());
        self.scale(&energies, jvp.view_mut());
        Zip::from(jvp.rows_mut())
            .and(score.rows())
            .and(v.rows())
            .and(&energies)
            .for_each(|mut jvp, s, v, e| {
                jvp.scaled_add(self.map.relative_curvature(-e) * s.dot(&v), &s);
            });
    }

    /// `(log φ)'(f) Δf + κ |s|²`.
    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.function.divergence_into(x, out.view_mut());
        let energies = self.function.energy(x);
        self.scale(&energies, out.view_mut().insert_axis(Axis(1)));
        let scores = self.score(x);
        Zip::from(&mut out)
            .and(scores.rows())
            .and(&energies)
            .for_each(|out, s, e| *out += self.map.relative_curvature(-e) * s.dot(&s));
    }
}

impl<F: Parametric, P> Parametric for Positive<F, P> {
    fn layout(&self) -> Layout {
        self.function.layout()
    }

    fn params(&self) -> Array1<f64> {
        self.function.params()
    }
}

impl<F: ParametricMut, P> ParametricMut for Positive<F, P> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.function.set_params(params)
    }
}

impl<F: EnergyPullback, P: PositiveMap> EnergyPullback for Positive<F, P> {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        // ∂(−log φ(f))/∂θ = (log φ)'(f) ∂(−f)/∂θ: the weights of the function are those of the model times the slope.
        self.function.energy_pullback_with(
            x,
            &mut |energies, mut w| {
                weigh(energies.mapv(|e| -self.map.log_value(-e)).view(), w.view_mut());
                w.zip_mut_with(&energies, |w, e| *w *= self.map.log_slope(-e));
            },
            grad,
        );
    }
}
