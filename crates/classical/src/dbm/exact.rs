//! Exact sums over a small machine: every other layer enumerated, the layers between summed out analytically.
//!
//! With the even layers given the odd ones are independent, so `Z = Σ_even exp(−Σ_even e_l + Σ_odd Γ_l(field))`, and the same with the roles
//! exchanged. The half with fewer states decides: the cost is exponential in the smaller half only. With `v` given, the same sums
//! over the hidden layers give `F(v) = −log Σ_h exp(−E(v, h))`.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::parallel::map_blocks;
use gibbsian_core::{Error, FiniteUnits, Result, Units};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis};

use super::Dbm;

/// The largest number of states that is enumerated: 2³².
const MAX_STATES: u64 = 1 << 32;

/// How many states are handled at once.
const STATES_AT_ONCE: u64 = 256;

/// Writes states from a number on into rows.
type Fill<'a> = Box<dyn Fn(u64, ArrayViewMut2<f64>) + Sync + 'a>;

/// A layer whose states are listed.
struct Listed<'a> {
    layer: usize,
    n_units: usize,
    n_states: u64,
    fill: Fill<'a>,
}

impl<'a> Listed<'a> {
    /// The states of layer `l`, or `None` when there are more than 2⁶⁴.
    fn new<U: FiniteUnits>(layer: usize, units: &'a U) -> Option<Self> {
        Some(Listed {
            layer,
            n_units: units.n_units(),
            n_states: units.n_states()?,
            fill: Box::new(|first, out| units.states_into(first, out)),
        })
    }
}

/// The number of joint states of some layers, or `None` when it exceeds the limit.
fn count(listed: Option<&Vec<Listed>>) -> Option<u64> {
    listed?
        .iter()
        .try_fold(1u64, |n, layer| n.checked_mul(layer.n_states))
        .filter(|n| *n <= MAX_STATES)
}

impl<V: Units, H: Units> Dbm<V, H> {
    /// The energy of the layers that are known, with the others summed out; no two neighbours may be unknown.
    pub(super) fn partial_energy(&self, known: &[Option<ArrayView2<f64>>]) -> Array1<f64> {
        let n = known.iter().flatten().next().map_or(0, |x| x.nrows());
        let (mut energy, mut part) = (Array1::zeros(n), Array1::zeros(n));
        for (l, layer) in self.layers.iter().enumerate() {
            let Some(x) = known[l] else {
                let mut field = Array2::zeros((n, layer.n_units()));
                if let Some(Some(below)) = l.checked_sub(1).map(|k| known[k]) {
                    field += &below.dot(&self.weights[l - 1]);
                }
                if let Some(Some(above)) = known.get(l + 1) {
                    field += &above.dot(&self.weights[l].t());
                }
                layer.log_partition_into(field.view(), part.view_mut());
                energy -= &part;
                continue;
            };
            layer.energy_into(x, part.view_mut());
            energy += &part;
            if let Some(Some(above)) = known.get(l + 1) {
                energy -= &(x.dot(&self.weights[l]) * above).sum_axis(Axis(1));
            }
        }
        energy
    }

    /// `log Σ exp(−E)` over the states of the listed layers, with `v` given or else listed or summed out.
    fn log_sum(&self, listed: &[Listed], n_states: u64, v: Option<ArrayView2<f64>>) -> f64 {
        let n_batches = n_states.div_ceil(STATES_AT_ONCE) as usize;
        let partial = map_blocks(n_batches, |_, batches| {
            let sums: Vec<f64> = batches
                .map(|batch| {
                    let first = batch as u64 * STATES_AT_ONCE;
                    let n = STATES_AT_ONCE.min(n_states - first) as usize;
                    let mut states: Vec<Option<Array2<f64>>> = vec![None; self.layers.len()];
                    if let Some(v) = v {
                        states[0] = Some(v.broadcast((n, v.ncols())).expect("one row").to_owned());
                    }
                    let mut repeat = 1;
                    for listed in listed {
                        let mut x = Array2::zeros((n, listed.n_units));
                        for (k, row) in x.axis_chunks_iter_mut(Axis(0), 1).enumerate() {
                            (listed.fill)((first + k as u64) / repeat % listed.n_states, row);
                        }
                        repeat *= listed.n_states;
                        states[listed.layer] = Some(x);
                    }
                    let known: Vec<_> = states.iter().map(|x| x.as_ref().map(|x| x.view())).collect();
                    log_sum_exp(&self.partial_energy(&known).mapv_into(|e| -e).to_vec())
                })
                .collect();
            log_sum_exp(&sums)
        });
        log_sum_exp(&partial)
    }

    /// The hidden layers of a parity, those of `1, 3, …` or of `2, 4, …`, to be listed.
    fn list_hidden(&self, parity: usize) -> Option<Vec<Listed<'_>>>
    where
        H: FiniteUnits,
    {
        (1..=self.depth())
            .filter(|l| l % 2 == parity)
            .map(|l| Listed::new(l, self.hidden(l)))
            .collect()
    }
}

impl<V: Units, H: FiniteUnits> Dbm<V, H> {
    /// `F(v) = −log Σ_h exp(−E(v, h))` of every row `(B, V)`, exact up to rounding, by enumeration of the odd or the even hidden layers,
    /// whichever have fewer states. `log p(v) = −F(v) − log Z`.
    ///
    /// # Errors
    /// Rows that the visible layer cannot take, or more than 2³² states in both halves.
    pub fn free_energy(&self, v: ArrayView2<f64>) -> Result<Array1<f64>> {
        self.check_visible(v)?;
        let halves = [self.list_hidden(0), self.list_hidden(1)];
        let (listed, n) = smaller(&halves)?;
        let rows = v.axis_chunks_iter(Axis(0), 1);
        Ok(rows.map(|v| -self.log_sum(listed, n, Some(v))).collect())
    }

    /// `log Z`, exact up to rounding, by enumeration of the odd layers; the visible units may be of any kind.
    ///
    /// # Errors
    /// The odd layers have more than 2³² states.
    pub fn log_z_over_odd(&self) -> Result<f64> {
        let halves = [None, self.list_hidden(1)];
        let (listed, n) = smaller(&halves)?;
        Ok(self.log_sum(listed, n, None))
    }
}

impl<V: FiniteUnits, H: FiniteUnits> Dbm<V, H> {
    /// `log Z`, exact up to rounding, by enumeration of the even or the odd layers, whichever have fewer states.
    ///
    /// # Errors
    /// Both halves have more than 2³² states.
    pub fn log_z(&self) -> Result<f64> {
        let even = Listed::new(0, self.visible())
            .zip(self.list_hidden(0))
            .map(|(visible, hidden)| std::iter::once(visible).chain(hidden).collect());
        let halves = [even, self.list_hidden(1)];
        let (listed, n) = smaller(&halves)?;
        Ok(self.log_sum(listed, n, None))
    }
}

/// The half with fewer states, and their number.
fn smaller<'h, 'a>(halves: &'h [Option<Vec<Listed<'a>>>; 2]) -> Result<(&'h [Listed<'a>], u64)> {
    let counted = halves
        .iter()
        .filter_map(|half| Some((half.as_deref()?, count(half.as_ref())?)));
    counted.min_by_key(|(_, n)| *n).ok_or_else(|| {
        Error::parameter(
            "layers",
            "a machine too large to be enumerated",
            "such that the odd or the even layers have at most 2^32 states",
        )
    })
}
