//! Classifier guidance: a model of the class of a noisy point.
//!
//! `∇ log p_t(x) + w ∇ log p_t(y | x)` (Dhariwal and Nichol 2021, section 4; Song et al. 2021, equation 14). With `w = 1` and a
//! classifier that is exact at every noise level this is the conditional score, by Bayes's rule. Other weights aim at
//! `p_t(x) p_t(y | x)^w`, which is **not** the noised form of `p_0(x) p_0(y | x)^w`, so the reverse process ends up elsewhere: a picture
//! more typical of its class, and no draw from any law that could be written down.

use gibbsian_core::error::{Error, Result, check_finite};
use gibbsian_core::{Space, TimeScore, TimeScoreJvp};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};

/// The score `s + w c` of a prior's score `s` and the gradient `c = ∇ log p_t(y | x)` of a classifier.
///
/// ```
/// use gibbsian_core::{At, Score};
/// use gibbsian_sde::ClassifierGuidance;
/// # use gibbsian_testkit::targets::HeatedGaussian;
/// use ndarray::array;
///
/// // `HeatedGaussian` is a normal density at every noise level, by its mean and the logarithm of its deviation.
/// // Both are gradients of log-densities in x; here of normals, for the sake of numbers.
/// let (prior, classifier) = (HeatedGaussian::new(array![0.0], 0.0)?, HeatedGaussian::new(array![4.0], 0.0)?);
/// let guided = ClassifierGuidance::new(prior, classifier, 2.0)?;
/// assert_eq!(At::new(&guided, array![0.0].view()).score(array![[1.0]].view()), array![[-1.0 + 2.0 * 3.0]]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassifierGuidance<S, C> {
    prior: S,
    classifier: C,
    weight: f64,
}

impl<S: Space, C: Space> ClassifierGuidance<S, C> {
    /// The score of `prior` plus `weight` times that of `classifier`.
    ///
    /// # Errors
    /// Different dimensions, a weight that is not finite.
    pub fn new(prior: S, classifier: C, weight: f64) -> Result<Self> {
        check_finite("weight", &ndarray::arr0(weight))?;
        check_same_dim("the dimension of the classifier", &classifier, &prior)?;
        Ok(ClassifierGuidance {
            prior,
            classifier,
            weight,
        })
    }
}

/// Requires the dimension of the first of several parts.
pub(super) fn check_same_dim(name: &'static str, part: &dyn Space, first: &dyn Space) -> Result<()> {
    if part.dim() == first.dim() {
        Ok(())
    } else {
        let requirement = format!("{}, that of the score it is combined with", first.dim());
        Err(Error::parameter(name, part.dim(), requirement))
    }
}

impl<S: Space, C: Space> Space for ClassifierGuidance<S, C> {
    fn dim(&self) -> usize {
        self.prior.dim()
    }
}

impl<S: TimeScore, C: TimeScore> TimeScore for ClassifierGuidance<S, C> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        let mut classifier = Array2::zeros(x.raw_dim());
        self.prior.score_at_into(x, t, out.view_mut());
        self.classifier.score_at_into(x, t, classifier.view_mut());
        out.scaled_add(self.weight, &classifier);
    }
}

impl<S: TimeScoreJvp, C: TimeScoreJvp> TimeScoreJvp for ClassifierGuidance<S, C> {
    fn score_jvp_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        let (mut more, mut more_jvp) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        self.prior
            .score_jvp_at_into(x, t, v, score.view_mut(), jvp.view_mut());
        self.classifier
            .score_jvp_at_into(x, t, v, more.view_mut(), more_jvp.view_mut());
        score.scaled_add(self.weight, &more);
        jvp.scaled_add(self.weight, &more_jvp);
    }
}
