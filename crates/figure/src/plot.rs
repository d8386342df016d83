//! What a plot shows: marks over two axes.

use gibbsian_core::error::Result;
use ndarray::ArrayView2;

use crate::axis::Axis;
use crate::colour::ColourMap;
use crate::contours::contour_lines;
use crate::svg;

/// A plot under construction.
///
/// Series differ in colour, in the shape of their markers and, where they are dashed, in their dashes. Data are iterators of points. Marks that are not finite, or not positive on a logarithmic axis, leave a gap. An empty label
/// keeps a mark out of the legend.
///
/// ```
/// use gibbsian_figure::{Axis, Plot};
/// let k = [1.0, 2.0, 4.0, 8.0];
/// let plot = Plot::new("Bias of CD-k", Axis::log("Gibbs steps k"), Axis::log("bias (nat)"))
///     .points("CD-k", k.iter().map(|&k| (k, 0.5 / k)))
///     .error_bars(k.iter().map(|&k| (k, 0.4 / k, 0.6 / k)))
///     .theory("1/(2k)", k.iter().map(|&k| (k, 0.5 / k)))
///     .horizontal("exact", 0.1);
/// assert!(plot.render()?.0.starts_with("<svg"));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Plot {
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) heat_map: Option<HeatMap>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) equal_aspect: bool,
}

/// One mark, with the number of the series whose colour it has.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) label: String,
    pub(crate) series: usize,
    pub(crate) shape: Shape,
}

#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Line {
        points: Vec<(f64, f64)>,
        is_dashed: bool,
    },
    Points(Vec<(f64, f64)>),
    /// `(x, low, high)`.
    Band(Vec<(f64, f64, f64)>),
    /// `(x, low, high)`.
    Bars(Vec<(f64, f64, f64)>),
    /// `(left, right, height)`.
    Histogram(Vec<(f64, f64, f64)>),
    /// `(x, y, dx, dy)`.
    Arrows(Vec<[f64; 4]>),
    /// Lines of equal height, each with its points.
    Contours(Vec<Vec<(f64, f64)>>),
    Horizontal(f64),
    Vertical(f64),
}

/// A picture of numbers on a grid, drawn under the other marks.
#[derive(Clone, Debug)]
pub struct HeatMap {
    pub(crate) label: String,
    pub(crate) n_rows: usize,
    pub(crate) n_columns: usize,
    pub(crate) values: Vec<f64>,
    pub(crate) x: (f64, f64),
    pub(crate) y: (f64, f64),
    pub(crate) map: ColourMap,
    pub(crate) range: Option<(f64, f64)>,
}

impl HeatMap {
    /// `values[i, j]` fills a cell: row `i` counts upwards over `y = (low, high)`, column `j` to the right over `x`.
    ///
    /// The label names the quantity beside the colour bar.
    pub fn new(label: impl Into<String>, values: ArrayView2<f64>, x: (f64, f64), y: (f64, f64)) -> Self {
        HeatMap {
            label: label.into(),
            n_rows: values.nrows(),
            n_columns: values.ncols(),
            values: values.iter().copied().collect(),
            x,
            y,
            map: ColourMap::Viridis,
            range: None,
        }
    }

    /// Draws in these colours instead of viridis.
    pub fn colours(self, map: ColourMap) -> Self {
        HeatMap { map, ..self }
    }

    /// Gives the ends of the colour map to these numbers instead of the extremes of the data.
    pub fn range(self, low: f64, high: f64) -> Self {
        HeatMap {
            range: Some((low, high)),
            ..self
        }
    }
}

impl Plot {
    /// A plot without marks.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Plot {
            title: title.into(),
            x,
            y,
            heat_map: None,
            marks: Vec::new(),
            equal_aspect: false,
        }
    }

    /// A new series as a line. Few points are marked each, in the shape of the series; many are marked here and there if there are other series.
    pub fn line(self, label: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let points = points.into_iter().collect();
        self.series(
            label,
            Shape::Line {
                points,
                is_dashed: false,
            },
        )
    }

    /// A new series as a dashed line, for what is no measurement.
    pub fn dashed(self, label: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let points = points.into_iter().collect();
        self.series(
            label,
            Shape::Line {
                points,
                is_dashed: true,
            },
        )
    }

    /// A dashed line in the colour of the last series, for what theory says of it; an empty label keeps it out of the legend.
    pub fn theory(mut self, label: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self = self.companion(Shape::Line {
            points: points.into_iter().collect(),
            is_dashed: true,
        });
        if let Some(mark) = self.marks.last_mut() {
            mark.label = label.into();
        }
        self
    }

    /// A new series as dots.
    pub fn points(self, label: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.series(label, Shape::Points(points.into_iter().collect()))
    }

    /// A shaded band `(x, low, high)` in the colour of the last series; a point without a place is a gap.
    pub fn band(self, points: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        self.companion(Shape::Band(points.into_iter().collect()))
    }

    /// Error bars `(x, low, high)` in the colour of the last series.
    pub fn error_bars(self, points: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        self.companion(Shape::Bars(points.into_iter().collect()))
    }

    /// A new series as columns `(left, right, height)` over zero.
    pub fn columns(
        self,
        label: impl Into<String>,
        columns: impl IntoIterator<Item = (f64, f64, f64)>,
    ) -> Self {
        self.series(label, Shape::Histogram(columns.into_iter().collect()))
    }

    /// A new series as the histogram of a sample, a density: its area over `n_bins` equal bins is the fraction of all values
    /// that lie in `[low, high]`.
    pub fn histogram(
        self,
        label: impl Into<String>,
        values: &[f64],
        low: f64,
        high: f64,
        n_bins: usize,
    ) -> Self {
        let width = (high - low) / n_bins as f64;
        let mut counts = vec![0_usize; n_bins];
        for &value in values {
            // The last bin owns both of its ends; NaN lies in no bin.
            if (low..=high).contains(&value) && n_bins > 0 {
                counts[(((value - low) / width) as usize).min(n_bins - 1)] += 1;
            }
        }
        let columns = counts.iter().enumerate().map(|(i, &count)| {
            let left = low + i as f64 * width;
            (left, left + width, count as f64 / (values.len() as f64 * width))
        });
        self.columns(label, columns.collect::<Vec<_>>())
    }

    /// A new series as arrows `(x, y, dx, dy)`, all scaled by the factor that keeps the longest from its neighbours.
    pub fn arrows(self, label: impl Into<String>, arrows: impl IntoIterator<Item = [f64; 4]>) -> Self {
        self.series(label, Shape::Arrows(arrows.into_iter().collect()))
    }

    /// Thin lines along which a function has these values, in the colour of the axes.
    ///
    /// `values[i, j]` belongs to the middle of a cell, as in a [`HeatMap`]: row `i` counts upwards over `y = (low, high)`, column `j` to the right
    /// over `x`. Cells with a corner that is not finite have no line.
    pub fn contours(
        self,
        label: impl Into<String>,
        values: ArrayView2<f64>,
        x: (f64, f64),
        y: (f64, f64),
        levels: &[f64],
    ) -> Self {
        let lines = levels
            .iter()
            .flat_map(|&level| contour_lines(values, x, y, level));
        self.series(label, Shape::Contours(lines.collect()))
    }

    /// A horizontal line of reference.
    pub fn horizontal(self, label: impl Into<String>, y: f64) -> Self {
        self.series(label, Shape::Horizontal(y))
    }

    /// A vertical line of reference.
    pub fn vertical(self, label: impl Into<String>, x: f64) -> Self {
        self.series(label, Shape::Vertical(x))
    }

    /// A heat map under the marks, with a colour bar. It needs linear axes.
    pub fn heat_map(self, heat_map: HeatMap) -> Self {
        Plot {
            heat_map: Some(heat_map),
            ..self
        }
    }

    /// Makes a unit of x as long as a unit of y.
    pub fn equal_aspect(self) -> Self {
        Plot {
            equal_aspect: true,
            ..self
        }
    }

    /// The plot as SVG, with its width and height in pixels.
    ///
    /// # Errors
    /// There is no mark, no datum with a place on an axis, or a range that is empty or not finite.
    pub fn render(&self) -> Result<(String, (u32, u32))> {
        svg::render(self)
    }

    /// The number of series that have a colour.
    pub(crate) fn n_series(&self) -> usize {
        let is_coloured = |shape: &Shape| {
            !matches!(
                shape,
                Shape::Horizontal(_) | Shape::Vertical(_) | Shape::Contours(_)
            )
        };
        (self.marks.iter())
            .filter(|mark| is_coloured(&mark.shape))
            .map(|mark| mark.series + 1)
            .max()
            .unwrap_or(0)
    }

    fn series(mut self, label: impl Into<String>, shape: Shape) -> Self {
        // Lines of reference have no colour of their own; they are counted by themselves, for their dashes.
        let series = match shape {
            Shape::Horizontal(_) | Shape::Vertical(_) => (self.marks.iter())
                .filter(|mark| matches!(mark.shape, Shape::Horizontal(_) | Shape::Vertical(_)))
                .count(),
            _ => self.n_series(),
        };
        self.marks.push(Mark {
            label: label.into(),
            series,
            shape,
        });
        self
    }

    fn companion(mut self, shape: Shape) -> Self {
        let series = self.marks.last().map_or(0, |mark| mark.series);
        self.marks.push(Mark {
            label: String::new(),
            series,
            shape,
        });
        self
    }
}
