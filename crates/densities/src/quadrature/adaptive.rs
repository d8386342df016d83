//! The global adaptive strategy: halve the cells that matter until what is left does not.

use gibbsian_core::error::{Error, Result};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, s};

use super::domain::Peak;
use super::interval::Axis;
use super::rule::{self, N};
use super::{Integral, QuadratureOptions, sum};

/// What is integrated: points `(B, D)` of the domain, the volume elements `dx/dt` there, and the products of value and element to be written.
pub(super) type Integrand<'a> = dyn FnMut(ArrayView2<f64>, &[f64], ArrayViewMut1<f64>) -> Result<()> + 'a;

/// The rounding to expect of the values of an integrand and their sums, in units of `∫|f|`: 50 ε, as in QUADPACK.
pub(super) const ROUNDING: f64 = 50.0 * f64::EPSILON;

/// Cells narrower than this part of the range of `t` are not halved: they hold a singularity.
const NARROWEST: f64 = 1e-14;

/// At how many points at once the integrand is evaluated.
const BATCH: usize = 1 << 15;

/// The integral over the cells between the ends of the axes, the first ones small around the peaks. `rounding` is the relative error to expect of values.
pub(super) fn integrate(
    axes: &[Axis],
    peaks: &[Peak],
    rounding: f64,
    settings: QuadratureOptions,
    integrand: &mut Integrand,
) -> Result<Integral> {
    match *axes {
        [axis] => Work::<1>::new([axis], rounding, settings).run(peaks, integrand),
        [first, second] => Work::<2>::new([first, second], rounding, settings).run(peaks, integrand),
        _ => Err(Error::parameter("the number of dimensions", axes.len(), "1 or 2")),
    }
}

#[derive(Clone, Copy, Debug)]
struct Cell<const D: usize> {
    lower: [f64; D],
    upper: [f64; D],
    /// Along which axes the cell may be halved; a strip at an open end keeps its width.
    divisible: [bool; D],
    value: f64,
    magnitude: f64,
    error: [f64; D],
    /// What the rounding of points and values can change.
    rounding: f64,
}

impl<const D: usize> Cell<D> {
    /// A cell whose mass bounds that of what lies beyond an end.
    fn is_strip(&self) -> bool {
        self.divisible.contains(&false)
    }

    /// The error that halving can remove.
    fn removable(&self) -> f64 {
        (0..D).filter(|&d| self.divisible[d]).map(|d| self.error[d]).sum()
    }

    fn worst_axis(&self) -> Option<usize> {
        (0..D)
            .filter(|&d| self.divisible[d])
            .max_by(|&a, &b| self.error[a].total_cmp(&self.error[b]))
    }

    fn halves(&self, axis: usize) -> [Self; 2] {
        let middle = 0.5 * (self.lower[axis] + self.upper[axis]);
        let (mut below, mut above) = (*self, *self);
        below.upper[axis] = middle;
        above.lower[axis] = middle;
        [below, above]
    }
}

struct Work<const D: usize> {
    axes: [Axis; D],
    rounding: f64,
    settings: QuadratureOptions,
    cells: Vec<Cell<D>>,
    n_evaluations: usize,
}

/// The sums over all cells.
struct Totals {
    value: f64,
    magnitude: f64,
    removable: f64,
    /// What may lie beyond the ends.
    beyond: f64,
    rounding: f64,
}

impl<const D: usize> Work<D> {
    fn new(axes: [Axis; D], rounding: f64, settings: QuadratureOptions) -> Self {
        Work {
            axes,
            rounding,
            settings,
            cells: Vec::new(),
            n_evaluations: 0,
        }
    }

    fn run(mut self, peaks: &[Peak], integrand: &mut Integrand) -> Result<Integral> {
        self.start();
        for peak in peaks {
            self.surround(peak);
        }
        let mut fresh: Vec<usize> = (0..self.cells.len()).collect();
        loop {
            self.evaluate(&fresh, integrand)?;
            let totals = self.totals();
            let tolerance = self
                .settings
                .absolute
                .max(self.settings.relative * totals.magnitude);
            let fixed = totals.beyond + totals.rounding;
            let error = totals.removable + fixed;
            if !error.is_finite() {
                return Err(Error::non_finite(
                    "the error of the integral",
                    error,
                    "because its parts overflow",
                ));
            }
            if error <= tolerance {
                return Ok(Integral {
                    value: totals.value,
                    error,
                    n_evaluations: self.n_evaluations,
                });
            }
            // Where the fixed part alone exceeds the tolerance the rest is made small enough to be sure of it.
            let goal = 0.5 * (tolerance - fixed).max(0.5 * tolerance);
            let chosen = self.worst_cells(goal);
            if chosen.is_empty() {
                return Err(self.failure(&totals, tolerance));
            }
            fresh = self.halve(&chosen);
            if self.n_evaluations + fresh.len() * N.pow(D as u32) > self.settings.max_evaluations {
                return Err(Error::parameter(
                    "max_evaluations",
                    self.settings.max_evaluations,
                    format!("enough for an error of {tolerance:e}: it is {error:e} so far"),
                ));
            }
        }
    }

    /// The first cells: a grid whose outermost lines are the strips.
    fn start(&mut self) {
        let n_pieces = if D == 1 { 12 } else { 8 };
        let lines: [Vec<f64>; D] = std::array::from_fn(|d| self.axes[d].boundaries(n_pieces));
        let counts: [usize; D] = std::array::from_fn(|d| lines[d].len() - 1);
        for k in 0..counts.iter().product() {
            let mut rest = k;
            let position: [usize; D] = std::array::from_fn(|d| {
                let i = rest % counts[d];
                rest /= counts[d];
                i
            });
            self.cells.push(Cell {
                lower: std::array::from_fn(|d| lines[d][position[d]]),
                upper: std::array::from_fn(|d| lines[d][position[d] + 1]),
                divisible: std::array::from_fn(|d| {
                    let strips = self.axes[d].strips;
                    let in_strip = (strips.0 > 0.0 && position[d] == 0)
                        || (strips.1 > 0.0 && position[d] + 1 == counts[d]);
                    !in_strip
                }),
                value: 0.0,
                magnitude: 0.0,
                error: [0.0; D],
                rounding: 0.0,
            });
        }
    }

    /// Halves the cells that a peak reaches into until they are at most eight widths wide, of which the rule sees about ±4 standard deviations well.
    ///
    /// A peak near the boundary of two cells reaches into both; in the wider one it would be invisible.
    fn surround(&mut self, peak: &Peak) {
        let mut place = 0;
        while place < self.cells.len() {
            let cell = self.cells[place];
            let reached = (0..D).all(|d| {
                cell.lower[d] <= peak.at[d] + peak.widths[d] && peak.at[d] - peak.widths[d] <= cell.upper[d]
            });
            let excess = |d: usize| (cell.upper[d] - cell.lower[d]) / (8.0 * peak.widths[d]);
            let widest = (0..D)
                .filter(|&d| reached && cell.divisible[d] && self.width_allows(&cell, d) && excess(d) > 1.0)
                .max_by(|&a, &b| excess(a).total_cmp(&excess(b)));
            match widest {
                Some(axis) => {
                    let [below, above] = cell.halves(axis);
                    self.cells[place] = below;
                    self.cells.push(above);
                }
                None => place += 1,
            }
        }
    }

    fn width_allows(&self, cell: &Cell<D>, axis: usize) -> bool {
        let (lower, upper) = self.axes[axis].range;
        cell.upper[axis] - cell.lower[axis] > NARROWEST * (upper - lower)
    }

    fn evaluate(&mut self, fresh: &[usize], integrand: &mut Integrand) -> Result<()> {
        let n_nodes = N.pow(D as u32);
        for places in fresh.chunks(BATCH.div_ceil(n_nodes)) {
            let mut points = Array2::zeros((places.len() * n_nodes, D));
            let mut elements = Vec::with_capacity(places.len() * n_nodes);
            for (block, &place) in places.iter().enumerate() {
                let cell = &self.cells[place];
                let lines: [[(f64, f64); N]; D] =
                    std::array::from_fn(|d| self.axes[d].nodes(cell.lower[d], cell.upper[d]));
                let mut rows = points.slice_mut(s![block * n_nodes..(block + 1) * n_nodes, ..]);
                for (k, mut row) in rows.rows_mut().into_iter().enumerate() {
                    let mut element = 1.0;
                    let mut rest = k;
                    for d in (0..D).rev() {
                        let (x, dx) = lines[d][rest % N];
                        row[d] = x;
                        element *= dx;
                        rest /= N;
                    }
                    elements.push(element);
                }
            }
            let mut values = Array1::zeros(elements.len());
            integrand(points.view(), &elements, values.view_mut())?;
            let values = values.into_raw_vec_and_offset().0;
            for (&place, values) in places.iter().zip(values.chunks_exact(n_nodes)) {
                let cell = &mut self.cells[place];
                let width: [f64; D] = std::array::from_fn(|d| cell.upper[d] - cell.lower[d]);
                let volume: f64 = width.iter().product();
                let judged = rule::judge::<D>(values, volume);
                // Points are rounded by up to ε|x|/2, and the integral then moves by that times the variation of the integrand.
                cell.rounding = self.rounding * judged.magnitude;
                cell.rounding += (0..D)
                    .map(|d| {
                        let (first, last) =
                            (self.axes[d].at(cell.lower[d]).0, self.axes[d].at(cell.upper[d]).0);
                        let part = first.abs().max(last.abs()) / (last - first) * f64::EPSILON / 2.0;
                        // The other axes are [−1, 1] in the variation.
                        part * judged.variation[d] * volume / f64::from(1 << (D - 1))
                    })
                    .sum::<f64>();
                cell.value = judged.value;
                cell.magnitude = judged.magnitude;
                // Halving does not remove rounding, which is counted already.
                cell.error = judged.error.map(|e| if e > cell.rounding { e } else { 0.0 });
            }
            self.n_evaluations += elements.len();
        }
        Ok(())
    }

    fn totals(&self) -> Totals {
        Totals {
            value: sum(self.cells.iter().map(|c| c.value)),
            magnitude: sum(self.cells.iter().map(|c| c.magnitude)),
            removable: sum(self.cells.iter().map(Cell::removable)),
            beyond: sum(self.cells.iter().filter(|c| c.is_strip()).map(|c| c.magnitude)),
            rounding: sum(self.cells.iter().map(|c| c.rounding)),
        }
    }

    /// The fewest cells without which the removable error is at most `goal`, of those that can be halved, the worst first.
    fn worst_cells(&self, goal: f64) -> Vec<(usize, usize)> {
        let mut order: Vec<(f64, usize)> = self
            .cells
            .iter()
            .enumerate()
            .map(|(place, cell)| (cell.removable(), place))
            .filter(|(error, _)| *error > 0.0)
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        // What remains when the first so many are taken.
        let mut remaining: Vec<f64> = Vec::with_capacity(order.len());
        let mut rest = 0.0;
        for (error, _) in order.iter().rev() {
            rest += error;
            remaining.push(rest);
        }
        remaining.reverse();
        order
            .iter()
            .zip(remaining)
            .take_while(|(_, remaining)| *remaining > goal)
            .filter_map(|(&(_, place), _)| {
                let axis = self.cells[place].worst_axis()?;
                self.width_allows(&self.cells[place], axis)
                    .then_some((place, axis))
            })
            .collect()
    }

    /// Halves the chosen cells along the chosen axes and says where the halves are.
    fn halve(&mut self, chosen: &[(usize, usize)]) -> Vec<usize> {
        let mut fresh = Vec::with_capacity(2 * chosen.len());
        for &(place, axis) in chosen {
            let [below, above] = self.cells[place].halves(axis);
            self.cells[place] = below;
            fresh.push(place);
            fresh.push(self.cells.len());
            self.cells.push(above);
        }
        fresh
    }

    /// Why no further halving can help.
    fn failure(&self, totals: &Totals, tolerance: f64) -> Error {
        if totals.beyond > 0.5 * tolerance && totals.beyond >= totals.removable.max(totals.rounding) {
            return Error::parameter(
                "the mass next to the ends of the domain",
                format!("{:e} of {:e}", totals.beyond, totals.magnitude),
                format!("at most {tolerance:e}; the integral does not converge there, or too slowly"),
            );
        }
        if totals.rounding >= totals.removable {
            return Error::parameter(
                "the tolerance",
                format!("{tolerance:e}"),
                format!(
                    "at least {:e}, the size of rounding errors",
                    totals.rounding + totals.beyond
                ),
            );
        }
        let worst = self
            .cells
            .iter()
            .max_by(|a, b| a.removable().total_cmp(&b.removable()));
        let place: Vec<f64> = worst.map_or(Vec::new(), |cell| {
            (0..D).map(|d| self.axes[d].at(cell.lower[d]).0).collect()
        });
        Error::parameter(
            "the error of the integral",
            format!("{:e}", totals.removable),
            format!("at most {tolerance:e}; the integrand is singular near x = {place:?}, or noisy"),
        )
    }
}
