//! A path that is kept, and can be looked at as coarsely as one likes.

use gibbsian_core::error::{Error, Result, check_count};
use gibbsian_core::parallel::{BLOCK_ROWS, for_each_block};
use gibbsian_core::simd::LaneRng;
use gibbsian_core::{Seed, Streams};
use ndarray::{Array2, Array3, ArrayViewMut2, Axis, Zip, s};

use super::fresh::fill;
use super::levy::{Series, draw_into, n_normals, n_pairs};
use super::{BrownianBlock, BrownianMotion};
use crate::grid::TimeGrid;

/// Paths of `B × M` Brownian motions on a fine grid: increments and areas of its intervals, from which those of any union of neighbours follow exactly.
///
/// Areas compose because integrals do: with `I = ∫ (W_u − W_s) du = h (½ W + H)` over each part,
/// `I_{s,u} = I_{s,m} + I_{m,u} + (u − m) (W_m − W_s)`.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_sde::{BrownianMotion, StoredPath, TimeGrid};
/// use ndarray::Array2;
///
/// let path = StoredPath::draw(TimeGrid::uniform(0.0, 1.0, 4)?, (3, 2), Seed::new(1))?;
/// let mut block = path.block(0, 0);
/// let (mut half, mut rest, mut whole) = (Array2::zeros((3, 2)), Array2::zeros((3, 2)), Array2::zeros((3, 2)));
/// block.increment_into(0.0, 0.5, half.view_mut());
/// block.increment_into(0.5, 1.0, rest.view_mut());
/// block.increment_into(0.0, 1.0, whole.view_mut());
/// assert!((half + rest - whole).iter().all(|e| e.abs() < 1e-15));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct StoredPath {
    grid: TimeGrid,
    /// `(B, n, M)`: each row's path lies together.
    increments: Array3<f64>,
    areas: Array3<f64>,
    /// `(B, n, M (M − 1)/2)`, if they are kept.
    levy: Option<Array3<f64>>,
    seed: Seed,
}

impl StoredPath {
    /// Draws the path on `grid` for `shape = (B, M)`.
    ///
    /// # Errors
    /// No rows or no motions.
    pub fn draw(grid: TimeGrid, shape: (usize, usize), seed: Seed) -> Result<Self> {
        let (n_rows, noise_dim) = shape;
        check_count("n_rows", n_rows)?;
        check_count("noise_dim", noise_dim)?;
        let lengths: Vec<f64> = steps(&grid).map(|(from, to)| (to - from).abs()).collect();
        let draw = |name: &str, share: f64| {
            let streams = Streams::from_key(seed.child(name).value());
            let mut out = Array3::zeros((n_rows, grid.n_steps(), noise_dim));
            let mut flat = out
                .view_mut()
                .into_shape_with_order((n_rows, grid.n_steps() * noise_dim))
                .expect("standard layout");
            for_each_block(flat.view_mut(), |block, mut rows| {
                fill(&mut LaneRng::new(streams, block), &mut rows, 1.0);
            });
            for (mut slice, length) in out.axis_iter_mut(Axis(1)).zip(&lengths) {
                slice *= (length * share).sqrt();
            }
            out
        };
        Ok(StoredPath {
            increments: draw("increments", 1.0),
            areas: draw("areas", 1.0 / 12.0),
            levy: None,
            grid,
            seed,
        })
    }

    /// The same path with the Lévy areas of its intervals, drawn with `n_terms` terms of their series given what the path has already: then those of any union of neighbours follow exactly too.
    ///
    /// # Errors
    /// A single motion, which has none.
    pub fn with_levy_areas(self, n_terms: usize) -> Result<Self> {
        let (n_rows, n_steps, motions) = self.increments.dim();
        if motions < 2 {
            return Err(Error::parameter("noise_dim", motions, "at least 2, for pairs"));
        }
        let pairs = n_pairs(motions);
        let series: Vec<Series> = steps(&self.grid)
            .map(|(from, to)| Series::new((to - from).abs(), n_terms))
            .collect();
        let streams = Streams::from_key(self.seed.child("levy").value());
        let mut levy = Array3::zeros((n_rows, n_steps, pairs));
        let mut flat = levy
            .view_mut()
            .into_shape_with_order((n_rows, n_steps * pairs))
            .expect("standard layout");
        for_each_block(flat.view_mut(), |block, mut rows| {
            let mut rng = LaneRng::new(streams, block);
            let first = block * BLOCK_ROWS;
            let part = s![first..first + rows.nrows(), .., ..];
            let (w, area) = (self.increments.slice(part), self.areas.slice(part));
            let mut z = Array2::zeros((rows.nrows(), n_normals(motions, n_terms)));
            for (k, series) in series.iter().enumerate() {
                fill(&mut rng, &mut z.view_mut(), 1.0);
                let out = rows.slice_mut(s![.., k * pairs..(k + 1) * pairs]);
                series.write_all(
                    w.index_axis(Axis(1), k),
                    area.index_axis(Axis(1), k),
                    z.view(),
                    out,
                );
            }
        });
        Ok(StoredPath {
            levy: Some(levy),
            ..self
        })
    }

    /// The grid.
    pub fn grid(&self) -> &TimeGrid {
        &self.grid
    }

    /// The number of the grid's time `t`.
    fn index(&self, t: f64) -> Option<usize> {
        let times = self.grid.times();
        let rises = self.grid.last() > self.grid.first();
        let index = times
            .as_slice()
            .expect("times in standard layout")
            .partition_point(|&time| if rises { time < t } else { time > t });
        (times.get(index) == Some(&t)).then_some(index)
    }

    /// The numbers of the two times, the earlier in the grid's order first, and whether they were exchanged for that.
    ///
    /// # Panics
    /// When the grid has not both; [`BrownianMotion::check`] says so first.
    fn interval(&self, from: f64, to: f64) -> (usize, usize, bool) {
        let find = |t| {
            self.index(t)
                .unwrap_or_else(|| panic!("the path has no time {t}"))
        };
        let (i, j) = (find(from), find(to));
        (i.min(j), i.max(j), j < i)
    }
}

fn steps(grid: &TimeGrid) -> impl Iterator<Item = (f64, f64)> + '_ {
    grid.times()
        .into_iter()
        .copied()
        .zip(grid.times().into_iter().copied().skip(1))
}

impl BrownianMotion for StoredPath {
    fn check(&self, grid: &TimeGrid, n_rows: usize, noise_dim: usize) -> Result<()> {
        let (rows, _, motions) = self.increments.dim();
        // A scheme without noise of the equation asks for none, and may be given any path.
        if noise_dim > 0 && (rows, motions) != (n_rows, noise_dim) {
            return Err(Error::shape(
                "path",
                &[rows, motions],
                format!("({n_rows}, {noise_dim})"),
            ));
        }
        match grid.times().iter().position(|&t| self.index(t).is_none()) {
            None => Ok(()),
            Some(i) => Err(Error::parameter(
                format!("times[{i}]"),
                grid.times()[i],
                "a time of the stored path",
            )),
        }
    }

    fn block(&self, block: usize, first_row: usize) -> Box<dyn BrownianBlock + '_> {
        let streams = Streams::from_key(self.seed.child("independent").value());
        Box::new(Block {
            path: self,
            first_row,
            independent: LaneRng::new(streams, block),
        })
    }
}

struct Block<'p> {
    path: &'p StoredPath,
    first_row: usize,
    independent: LaneRng,
}

impl BrownianBlock for Block<'_> {
    fn increment_into(&mut self, from: f64, to: f64, mut increment: ArrayViewMut2<f64>) {
        let (first, last, exchanged) = self.path.interval(from, to);
        let rows = self.first_row..self.first_row + increment.nrows();
        let parts = self.path.increments.slice(s![rows, first..last, ..]);
        increment.assign(&parts.sum_axis(Axis(1)));
        if exchanged {
            increment.mapv_inplace(|w| -w);
        }
    }

    fn increment_and_area_into(
        &mut self,
        from: f64,
        to: f64,
        mut increment: ArrayViewMut2<f64>,
        mut area: ArrayViewMut2<f64>,
    ) {
        let (first, last, exchanged) = self.path.interval(from, to);
        let rows = self.first_row..self.first_row + increment.nrows();
        increment.fill(0.0);
        area.fill(0.0);
        // `area` is the integral until the end.
        let times = self.path.grid.times();
        for k in first..last {
            let h = (times[k + 1] - times[k]).abs();
            Zip::from(&mut area)
                .and(&mut increment)
                .and(self.path.increments.slice(s![rows.clone(), k, ..]))
                .and(self.path.areas.slice(s![rows.clone(), k, ..]))
                .for_each(|integral, total, &w, &area| {
                    *integral += h * (0.5 * w + area + *total);
                    *total += w;
                });
        }
        let h = (to - from).abs();
        Zip::from(&mut area)
            .and(&increment)
            .for_each(|area, w| *area = *area / h - 0.5 * w);
        if exchanged {
            // The path above its chord is the same from both ends.
            increment.mapv_inplace(|w| -w);
        }
    }

    /// Those that are kept, composed; new draws where none are.
    fn increment_and_levy_area_into(
        &mut self,
        from: f64,
        to: f64,
        n_terms: usize,
        mut increment: ArrayViewMut2<f64>,
        mut levy: ArrayViewMut2<f64>,
    ) {
        let Some(kept) = &self.path.levy else {
            return draw_into(self, (from, to), n_terms, increment, levy);
        };
        let (first, last, exchanged) = self.path.interval(from, to);
        increment.fill(0.0);
        levy.fill(0.0);
        for (b, (mut total, mut levy)) in
            (self.first_row..).zip(increment.rows_mut().into_iter().zip(levy.rows_mut()))
        {
            for n in first..last {
                let w = self.path.increments.slice(s![b, n, ..]);
                let mut pair = 0;
                for j in 0..w.len() {
                    for k in j + 1..w.len() {
                        levy[pair] += kept[[b, n, pair]] + 0.5 * (total[j] * w[k] - total[k] * w[j]);
                        pair += 1;
                    }
                }
                total += &w;
            }
        }
        if exchanged {
            // What is swept one way is unswept the other way.
            increment.mapv_inplace(|w| -w);
            levy.mapv_inplace(|a| -a);
        }
    }

    fn independent_into(&mut self, mut z: ArrayViewMut2<f64>) {
        fill(&mut self.independent, &mut z, 1.0);
    }
}
