//! Pictures of binary units of which at most one is on in every block: probabilistic max-pooling.
//!
//! Blocks of `c × c'` neighbouring units of one channel are categorical with one value more, that none of them is on: `e(x) = −Σ_k b_k Σ_{y,x} x_{yxk}` and, with the sum over the
//! units of a block,
//!
//! `Γ(I) = Σ_blocks log(1 + Σ exp(b_k + I_{yxk}))`,  `p(x_{yxk} = 1) = exp(b_k + I_{yxk}) / (1 + Σ exp(b_k + I))`.
//!
//! A *pooling unit* is on where one unit of its block is, so that it is a function of the layer and has a law of its own, `p(no unit) = 1 / (1 + Σ exp(b_k + I))` (Lee, Grosse,
//! Ranganath and Ng 2009, section 3.3). A bias belongs to a channel, as in [`Repeated`](super::Repeated).

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{check_batch, check_count, check_finite};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::{
    Error, FiniteUnits, Layout, Parametric, ParametricMut, ResponsiveUnits, Result, Streams, Units,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::RngExt;

use crate::choose::choose;

/// Binary units of a picture with `K` channels, at most one of which is on in every block of a channel.
///
/// Column `(y w + x) K + k` is the unit of channel `k` at `(y, x)`; pooling units are numbered alike in the smaller picture of blocks. Columns of probabilities that
/// sum to one or less in each block count as data, because the energy is linear in them; everywhere else the energy is +∞.
///
/// ```
/// use gibbsian_classical::MaxPooled;
/// use gibbsian_core::{FiniteUnits, Units};
/// use ndarray::{Array2, array};
///
/// // One channel of 2 × 4 units in two blocks: five states each.
/// let units = MaxPooled::new([2, 4], [2, 2], array![0.0])?;
/// assert_eq!((units.n_units(), units.n_pooled(), units.n_states()), (8, 2, Some(25)));
/// let pooled = units.pooled_mean(Array2::zeros((1, 8)).view());
/// assert!((pooled - array![[0.8, 0.8]]).iter().all(|d| d.abs() < 1e-15));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MaxPooled {
    bias: Array1<f64>,
    shape: [usize; 2],
    block: [usize; 2],
}

/// By how much probabilities of one block may sum to more than one.
const ROUNDING: f64 = 1e-9;

impl MaxPooled {
    /// The units of a picture of this `shape` `[h, w]` in blocks of `block` `[c, c']`, with one bias a channel.
    ///
    /// # Errors
    /// No channels, a bias that is not finite, or blocks that do not tile the picture.
    pub fn new(shape: [usize; 2], block: [usize; 2], bias: Array1<f64>) -> Result<Self> {
        check_count("the number of channels", bias.len())?;
        check_finite("bias", &bias)?;
        for axis in 0..2 {
            if block[axis] == 0 || shape[axis] == 0 || !shape[axis].is_multiple_of(block[axis]) {
                return Err(Error::parameter(
                    format!("block[{axis}]"),
                    block[axis],
                    format!(
                        "a divisor of the {} units in this direction; a picture of another size has another number of units",
                        shape[axis]
                    ),
                ));
            }
        }
        Ok(MaxPooled { bias, shape, block })
    }

    /// The biases `b` `(K)`.
    pub fn bias(&self) -> ArrayView1<'_, f64> {
        self.bias.view()
    }

    /// The height and the width of the picture.
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// The height and the width of a block.
    pub fn block(&self) -> [usize; 2] {
        self.block
    }

    /// The number of pooling units, blocks of all channels.
    pub fn n_pooled(&self) -> usize {
        self.n_units() / self.size()
    }

    /// The probability in the field `(B, N)` that each pooling unit is on, `(B, n_pooled)`.
    pub fn pooled_mean(&self, field: ArrayView2<f64>) -> Array2<f64> {
        self.pooled(self.mean(field).view())
    }

    /// The pooling units of rows of the layer: the sum over each block.
    ///
    /// # Panics
    /// When the rows do not have a column a unit.
    pub fn pooled(&self, x: ArrayView2<f64>) -> Array2<f64> {
        assert_eq!(x.ncols(), self.n_units(), "one column a unit");
        Array2::from_shape_fn((x.nrows(), self.n_pooled()), |(b, pool)| {
            self.columns(pool).map(|column| x[[b, column]]).sum()
        })
    }

    /// The number of units of a block.
    fn size(&self) -> usize {
        self.block[0] * self.block[1]
    }

    /// The channel of a pooling unit or of a column.
    fn channel(&self, number: usize) -> usize {
        number % self.bias.len()
    }

    /// The columns of the units of one block.
    fn columns(&self, pool: usize) -> impl Iterator<Item = usize> {
        let ([_, width], [height_of_block, width_of_block]) = (self.shape, self.block);
        let (n_channels, across) = (self.bias.len(), width / width_of_block);
        let (place, channel) = (pool / n_channels, pool % n_channels);
        let (top, left) = (place / across * height_of_block, place % across * width_of_block);
        (0..height_of_block * width_of_block).map(move |unit| {
            let (y, x) = (top + unit / width_of_block, left + unit % width_of_block);
            (y * width + x) * n_channels + channel
        })
    }

    /// `log p` of none of a block's units, and of each of them, but for the normaliser.
    fn terms(&self, field: ArrayView1<f64>, pool: usize, terms: &mut Vec<f64>) {
        let bias = self.bias[self.channel(pool)];
        terms.clear();
        terms.push(0.0);
        terms.extend(self.columns(pool).map(|column| bias + field[column]));
    }

    /// Calls `each` with every block of a row and the probabilities of none of its units and of each of them.
    fn for_each_law(&self, field: ArrayView1<f64>, mut each: impl FnMut(usize, &[f64])) {
        let mut p = Vec::with_capacity(self.size() + 1);
        for pool in 0..self.n_pooled() {
            self.terms(field, pool, &mut p);
            let log_total = log_sum_exp(&p);
            p.iter_mut().for_each(|t| *t = (*t - log_total).exp());
            each(pool, &p);
        }
    }

    /// Whether numbers can be the probabilities of the units of a block.
    fn is_law(&self, x: ArrayView1<f64>, pool: usize) -> bool {
        let within = |x: f64| (0.0..=1.0).contains(&x);
        self.columns(pool).all(|column| within(x[column]))
            && self.columns(pool).map(|column| x[column]).sum::<f64>() <= 1.0 + ROUNDING
    }

    /// **Adds** the sums over all places of `w x`, channel by channel.
    fn add_channels(&self, w: f64, x: ArrayView1<f64>, grad: &mut ArrayViewMut1<f64>) {
        for (column, x) in x.iter().enumerate() {
            grad[self.channel(column)] += w * x;
        }
    }
}

impl Parametric for MaxPooled {
    fn layout(&self) -> Layout {
        Layout::new().with("bias", self.bias.shape())
    }

    fn params(&self) -> Array1<f64> {
        self.bias.clone()
    }
}

impl ParametricMut for MaxPooled {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.bias.assign(&params);
        Ok(())
    }
}

impl Units for MaxPooled {
    fn n_units(&self) -> usize {
        self.shape[0] * self.shape[1] * self.bias.len()
    }

    fn admits(&self, _unit: usize, value: f64) -> bool {
        (0.0..=1.0).contains(&value)
    }

    fn check_rows(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
        check_batch(name, &x, self.n_units())?;
        for (b, x) in x.rows().into_iter().enumerate() {
            if let Some(pool) = (0..self.n_pooled()).find(|pool| !self.is_law(x, *pool)) {
                let columns: Vec<usize> = self.columns(pool).collect();
                let values: Vec<f64> = columns.iter().map(|column| x[*column]).collect();
                return Err(Error::parameter(
                    format!("{name}[{b}, {columns:?}]"),
                    format!("{values:?}"),
                    "one 1 at most and otherwise 0, or probabilities that sum to one or less",
                ));
            }
        }
        Ok(())
    }

    fn free_units(&self, free: ArrayView1<bool>) -> Array1<bool> {
        let mut out = free.to_owned();
        for pool in 0..self.n_pooled() {
            let all = self.columns(pool).all(|column| free[column]);
            self.columns(pool).for_each(|column| out[column] = all);
        }
        out
    }

    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.n_units(), x, &out);
        for (x, e) in x.rows().into_iter().zip(&mut out) {
            *e = if x.iter().any(|x| x.is_nan()) {
                f64::NAN
            } else if (0..self.n_pooled()).all(|pool| self.is_law(x, pool)) {
                -x.iter()
                    .enumerate()
                    .map(|(column, x)| self.bias[self.channel(column)] * x)
                    .sum::<f64>()
            } else {
                f64::INFINITY
            };
        }
    }

    fn log_partition_into(&self, field: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.n_units(), field, &out);
        let mut terms = Vec::with_capacity(self.size() + 1);
        for (field, gamma) in field.rows().into_iter().zip(&mut out) {
            *gamma = 0.0;
            for pool in 0..self.n_pooled() {
                self.terms(field, pool, &mut terms);
                *gamma += log_sum_exp(&terms);
            }
        }
    }

    fn mean_into(&self, field: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (field, mut out) in field.rows().into_iter().zip(out.rows_mut()) {
            self.for_each_law(field, |pool, p| {
                for (column, p) in self.columns(pool).zip(&p[1..]) {
                    out[column] = *p;
                }
            });
        }
    }

    fn sample_into(&self, field: ArrayView2<f64>, streams: Streams, mut out: ArrayViewMut2<f64>) {
        out.assign(&field);
        for_each_block(out, |block, mut rows| {
            let mut rng = streams.block(block);
            for mut row in rows.rows_mut() {
                let field = row.to_owned();
                row.fill(0.0);
                self.for_each_law(field.view(), |pool, p| {
                    // Cell 0 is that none is on.
                    let cell = choose(p, rng.random());
                    if let Some(column) = cell.checked_sub(1).and_then(|unit| self.columns(pool).nth(unit)) {
                        row[column] = 1.0;
                    }
                });
            }
        });
    }

    fn energy_pullback_into(&self, x: ArrayView2<f64>, w: ArrayView1<f64>, mut grad: ArrayViewMut1<f64>) {
        for (x, w) in x.rows().into_iter().zip(&w) {
            self.add_channels(-w, x, &mut grad);
        }
    }

    fn log_partition_pullback_into(
        &self,
        field: ArrayView2<f64>,
        w: ArrayView1<f64>,
        mut grad: ArrayViewMut1<f64>,
    ) {
        for (mean, w) in self.mean(field).rows().into_iter().zip(&w) {
            self.add_channels(*w, mean, &mut grad);
        }
    }
}

impl FiniteUnits for MaxPooled {
    fn alphabet(&self, _unit: usize) -> &[f64] {
        &[0.0, 1.0]
    }

    /// One more than the units of a block, to the power of the number of blocks.
    fn n_states(&self) -> Option<u64> {
        (self.size() as u64 + 1).checked_pow(u32::try_from(self.n_pooled()).ok()?)
    }

    /// The first block changes fastest, from no unit to its last.
    fn states_into(&self, first: u64, mut out: ArrayViewMut2<f64>) {
        out.fill(0.0);
        let n = self.size() as u64 + 1;
        for (k, mut row) in out.rows_mut().into_iter().enumerate() {
            let mut rest = first + k as u64;
            for pool in 0..self.n_pooled() {
                let on = (rest % n).checked_sub(1);
                if let Some(column) = on.and_then(|unit| self.columns(pool).nth(unit as usize)) {
                    row[column] = 1.0;
                }
                rest /= n;
            }
        }
    }
}

impl ResponsiveUnits for MaxPooled {
    // Cov(x) d = p ∘ (d − p·d), block by block.
    fn response_into(&self, field: ArrayView2<f64>, direction: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for ((field, d), mut out) in field.rows().into_iter().zip(direction.rows()).zip(out.rows_mut()) {
            self.for_each_law(field, |pool, p| {
                let mean: f64 = self.columns(pool).zip(&p[1..]).map(|(i, p)| p * d[i]).sum();
                for (i, p) in self.columns(pool).zip(&p[1..]) {
                    out[i] = p * (d[i] - mean);
                }
            });
        }
    }

    fn mean_pullback_into(&self, field: ArrayView2<f64>, a: ArrayView2<f64>, mut grad: ArrayViewMut1<f64>) {
        // A bias acts as a field does, and covariances are symmetric.
        let mut out = Array2::zeros(field.raw_dim());
        self.response_into(field, a, out.view_mut());
        for out in out.rows() {
            self.add_channels(1.0, out, &mut grad);
        }
    }

    // The third cumulant, p ∘ (A D − E A D) with centred A and D, which are −E a and −E d where no unit is on.
    fn response_pullback_into(
        &self,
        field: ArrayView2<f64>,
        a: ArrayView2<f64>,
        direction: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
        mut grad: ArrayViewMut1<f64>,
    ) {
        for (b, mut out) in out.rows_mut().into_iter().enumerate() {
            let (a, d) = (a.row(b), direction.row(b));
            self.for_each_law(field.row(b), |pool, p| {
                let mean = |x: ArrayView1<f64>| -> f64 {
                    self.columns(pool).zip(&p[1..]).map(|(i, p)| p * x[i]).sum()
                };
                let (mean_a, mean_d) = (mean(a), mean(d));
                let product = |i: usize| (a[i] - mean_a) * (d[i] - mean_d);
                let covariance = p[0] * mean_a * mean_d
                    + self
                        .columns(pool)
                        .zip(&p[1..])
                        .map(|(i, p)| p * product(i))
                        .sum::<f64>();
                for (i, p) in self.columns(pool).zip(&p[1..]) {
                    out[i] = p * (product(i) - covariance);
                }
            });
            self.add_channels(1.0, out.view(), &mut grad);
        }
    }
}
