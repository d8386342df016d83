//! What to watch while an energy-based model is trained: mean energies, and the gap between training and held-out data.
//!
//! The likelihood of such a model is out of reach during training, and the surrogate losses of contrastive divergence
//! say little. Hinton (2012, section 6) therefore compares the mean free energy of training data with that of
//! held-out data: `log Z` is the same for both and cancels, so
//! `⟨E⟩_held-out − ⟨E⟩_train = ⟨log p⟩_train − ⟨log p⟩_held-out` exactly. The level of each mean means nothing,
//! because `Z` changes as training goes on; the gap does, and overfitting shows as its growth.

use gibbsian_core::{Dataset, Energy, Error, Result, Streams};
use ndarray::{Array1, Array2, s};

/// The number of rows whose energies are taken together: large enough for fast matrix products, small enough for the
/// caches.
const BATCH_ROWS: usize = 512;

/// The mean energy of a data set.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct MeanEnergy {
    /// `⟨E⟩ = Σ_i E(x_i) / N`.
    pub mean: f64,
    /// `√(s² / N)`, where `s²` has the denominator `N − 1`; infinite for a single point, about whose spread nothing
    /// is known.
    pub standard_error: f64,
    /// `N`.
    pub n_points: usize,
}

/// How much better a model likes its training data than data it has not seen.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct EnergyGap {
    /// `⟨E⟩_held-out − ⟨E⟩_train`, in nats: the difference of the mean log-probabilities, training minus held-out.
    pub gap: f64,
    /// Its standard error `√(SE²_train + SE²_held-out)`, as the two sets are independent samples.
    pub standard_error: f64,
    /// The training data.
    pub train: MeanEnergy,
    /// The held-out data.
    pub held_out: MeanEnergy,
}

/// The energies of all points, `(N)`; a random view of the data draws from `streams`, a part for every block of 512
/// points.
///
/// # Errors
/// Data of another dimension than the model's, or an energy that is not finite, with the number of its point.
pub fn energies<M: Energy + ?Sized>(model: &M, data: &dyn Dataset, streams: Streams) -> Result<Array1<f64>> {
    let (n_points, dim) = (data.n_points(), data.dim());
    if dim != model.dim() || n_points == 0 {
        let required = format!("(at least 1, {})", model.dim());
        return Err(Error::shape("data", &[n_points, dim], required));
    }
    let mut energies = Array1::zeros(n_points);
    let mut rows = Array2::zeros((BATCH_ROWS.min(n_points), dim));
    let indices: Vec<usize> = (0..n_points).collect();
    for (block, indices) in indices.chunks(BATCH_ROWS).enumerate() {
        let mut x = rows.slice_mut(s![..indices.len(), ..]);
        data.rows_into(indices, streams.part(block as u64), x.view_mut());
        let start = block * BATCH_ROWS;
        model.energy_into(x.view(), energies.slice_mut(s![start..start + indices.len()]));
    }
    match energies.iter().position(|e| !e.is_finite()) {
        None => Ok(energies),
        Some(i) => Err(Error::non_finite(
            format!("energy of point {i}"),
            energies[i],
            "in the evaluation",
        )),
    }
}

/// The mean energy of a data set with its standard error.
///
/// # Errors
/// Those of [`energies`].
pub fn mean_energy<M: Energy + ?Sized>(
    model: &M,
    data: &dyn Dataset,
    streams: Streams,
) -> Result<MeanEnergy> {
    let energies = energies(model, data, streams)?;
    let n = energies.len() as f64;
    let mean = energies.iter().sum::<f64>() / n;
    let squares: f64 = energies.iter().map(|e| (e - mean) * (e - mean)).sum();
    let standard_error = if energies.len() > 1 {
        (squares / (n - 1.0) / n).sqrt()
    } else {
        f64::INFINITY
    };
    Ok(MeanEnergy {
        mean,
        standard_error,
        n_points: energies.len(),
    })
}

/// The energy gap between held-out and training data, for a model with hidden units the gap of free energies.
///
/// For a cheap watch on a large training set give a part of it, always the same (Hinton 2012).
///
/// # Errors
/// Those of [`energies`].
///
/// ```
/// use gibbsian_core::dataset::Matrix;
/// use gibbsian_core::{Energy, Space, Streams};
/// use gibbsian_train::energy_gap;
/// use ndarray::{array, ArrayView2, ArrayViewMut1};
///
/// struct Standard;
/// impl Space for Standard {
///     fn dim(&self) -> usize {
///         1
///     }
/// }
/// impl Energy for Standard {
///     fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
///         out.assign(&x.column(0).mapv(|x| 0.5 * x * x));
///     }
/// }
///
/// let train = Matrix::new(array![[0.0], [2.0]])?;
/// let held_out = Matrix::new(array![[2.0], [4.0]])?;
/// let gap = energy_gap(&Standard, &train, &held_out, Streams::from_key(0))?;
/// assert_eq!(gap.gap, 5.0 - 1.0);
/// assert_eq!(gap.standard_error, 10.0_f64.sqrt());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn energy_gap<M: Energy + ?Sized>(
    model: &M,
    train: &dyn Dataset,
    held_out: &dyn Dataset,
    streams: Streams,
) -> Result<EnergyGap> {
    // Parts of parts never coincide with the parts that blocks draw from.
    let train = mean_energy(model, train, streams.part(0))?;
    let held_out = mean_energy(model, held_out, streams.part(1))?;
    Ok(EnergyGap {
        gap: held_out.mean - train.mean,
        standard_error: train.standard_error.hypot(held_out.standard_error),
        train,
        held_out,
    })
}
