//! Writes a plot as SVG.
//!
//! The layout is fixed: title, legend, the field with its axes, the label of x. Widths of texts are estimated, since no font
//! can be measured, and what would be too wide is broken into lines; text and axes are in `currentColor`.

use std::fmt::Write;

use gibbsian_core::error::{Error, Result};

use crate::axis::Placed;
use crate::legend::Legend;
use crate::plot::{Plot, Shape};
use crate::text;
use crate::{heat, marks};

/// The width of every plot; it scales with the page.
pub(crate) const WIDTH: f64 = 520.0;
/// The height of the field unless both axes share a unit.
const FIELD_HEIGHT: f64 = 270.0;
/// The size of the letters, what a letter takes on average, and the distance of lines.
const LETTER: f64 = 12.0;
const LETTER_WIDTH: f64 = 6.6;
const LINE: f64 = 15.0;
/// The same of the title, which is bold.
const TITLE_LETTER: f64 = 14.0;
const TITLE_LETTER_WIDTH: f64 = 7.9;
const TITLE_LINE: f64 = 18.0;
/// The space for a colour bar and its numbers.
const COLOUR_BAR: f64 = 78.0;

/// The field inside the axes, in pixels.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

/// The plot as SVG, with its width and height.
pub(crate) fn render(plot: &Plot) -> Result<(String, (u32, u32))> {
    if plot.marks.is_empty() && plot.heat_map.is_none() {
        return Err(Error::parameter("plot", "without a mark", "given one or more"));
    }
    let x = plot.x.lay(abscissae(plot), 0.0, 1.0)?;
    let y = plot.y.lay(ordinates(plot), 1.0, 0.0)?;
    let y_ticks = y.ticks(5);

    let title = text::wrap(&plot.title, ((WIDTH - 16.0) / TITLE_LETTER_WIDTH) as usize);
    let title_height = TITLE_LINE * title.len() as f64;
    let label_width = widest(y_ticks.iter().map(|(_, label)| label.as_str()));
    let y_label = text::wrap(&plot.y.label, (FIELD_HEIGHT / LETTER_WIDTH) as usize);
    let left = 34.0 + label_width + LINE * (y_label.len().saturating_sub(1)) as f64;
    let legend = Legend::of(&plot.marks, WIDTH - left - 4.0);
    let mut field = Field {
        left,
        right: WIDTH - if plot.heat_map.is_some() { COLOUR_BAR } else { 18.0 },
        top: 20.0 + title_height + legend.height(),
        bottom: 0.0,
    };
    let mut height = FIELD_HEIGHT;
    if plot.equal_aspect {
        height = (field.right - field.left) * y.span() / x.span();
        if height > WIDTH {
            field.right = field.left + (field.right - field.left) * WIDTH / height;
            height = WIDTH;
        }
    }
    field.bottom = field.top + height;
    let (x, y) = (x.over(field.left, field.right), y.over(field.bottom, field.top));
    let x_ticks = x.ticks(((field.right - field.left) / 70.0).clamp(2.0, 7.0) as usize);
    let x_label = text::wrap(
        &plot.x.label,
        ((field.right - field.left) / LETTER_WIDTH) as usize,
    );
    let total = field.bottom + 33.0 + LINE * x_label.len() as f64;

    let mut svg = String::new();
    open(&mut svg, plot, &title, total);
    legend.draw(&mut svg, field.left, 22.0 + title_height);
    let colours = plot
        .heat_map
        .as_ref()
        .map(|map| heat::draw(&mut svg, map, &x, &y, field))
        .transpose()?;
    axes(&mut svg, plot, &x, &y, &x_ticks, &y_ticks, field);
    for (i, line) in x_label.iter().enumerate() {
        let below = field.bottom + 38.0 + LINE * i as f64;
        text_at(&mut svg, (field.left + field.right) / 2.0, below, "middle", line);
    }
    for (i, line) in y_label.iter().enumerate() {
        let middle = (field.top + field.bottom) / 2.0;
        text_upwards(&mut svg, 16.0 + LINE * i as f64, middle, line);
    }
    // A nested `svg` cuts off what leaves the field, and needs no identifier that could clash on a page.
    let (w, h) = (field.right - field.left, field.bottom - field.top);
    put(
        &mut svg,
        format_args!(
            "<svg x=\"{l:.2}\" y=\"{t:.2}\" width=\"{w:.2}\" height=\"{h:.2}\" viewBox=\"{l:.2} {t:.2} {w:.2} {h:.2}\">\n",
            l = field.left,
            t = field.top
        ),
    );
    let company = marks::Company {
        is_over_picture: plot.heat_map.is_some(),
        n_series: plot.n_series(),
    };
    // Bands lie under all lines.
    for is_under in [true, false] {
        for mark in plot
            .marks
            .iter()
            .filter(|m| matches!(m.shape, Shape::Band(_)) == is_under)
        {
            marks::draw(&mut svg, mark, &x, &y, field, company);
        }
    }
    svg.push_str("</svg>\n");
    if let Some((low, high)) = colours {
        heat::colour_bar(&mut svg, plot.heat_map.as_ref(), low, high, field)?;
    }
    svg.push_str("</svg>\n");
    Ok((svg, (WIDTH as u32, total.ceil() as u32)))
}

/// Appends formatted text; writing to a string cannot fail.
pub(crate) fn put(svg: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = svg.write_fmt(text);
}

fn open(svg: &mut String, plot: &Plot, title: &[String], total: f64) {
    let whole = text::escape(&plot.title);
    put(
        svg,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" role=\"img\" aria-label=\"{whole}\" width=\"{WIDTH}\" \
             height=\"{h}\" viewBox=\"0 0 {WIDTH} {h}\" font-family=\"system-ui, sans-serif\" font-size=\"{LETTER}\" \
             fill=\"currentColor\">\n<title>{whole}</title>\n\
             <style>.plot{{color:#1d232b;background:#fff}}@media(prefers-color-scheme:dark){{\
             .plot{{color:#d9dee5;background:#14181d}}}}@media print{{.plot{{color:#000;background:#fff}}}}</style>\n",
            h = total.ceil(),
        ),
    );
    for (i, line) in title.iter().enumerate() {
        put(
            svg,
            format_args!(
                "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" font-size=\"{TITLE_LETTER}\" font-weight=\"600\">{}</text>\n",
                text::escape(line),
                x = WIDTH / 2.0,
                y = 20.0 + TITLE_LINE * i as f64,
            ),
        );
    }
}

/// Every number that x must have room for.
fn abscissae(plot: &Plot) -> impl Iterator<Item = f64> {
    let heat = plot.heat_map.iter().flat_map(|h| [h.x.0, h.x.1]);
    let marks = plot.marks.iter().flat_map(|mark| -> Vec<f64> {
        match &mark.shape {
            Shape::Line { points, .. } | Shape::Points(points) => points.iter().map(|p| p.0).collect(),
            Shape::Band(points) | Shape::Bars(points) => points.iter().map(|p| p.0).collect(),
            Shape::Histogram(columns) => columns.iter().flat_map(|c| [c.0, c.1]).collect(),
            Shape::Arrows(arrows) => arrows.iter().map(|a| a[0]).collect(),
            Shape::Contours(lines) => lines.iter().flatten().map(|p| p.0).collect(),
            Shape::Vertical(x) => vec![*x],
            Shape::Horizontal(_) => Vec::new(),
        }
    });
    heat.chain(marks)
}

/// Every number that y must have room for.
fn ordinates(plot: &Plot) -> impl Iterator<Item = f64> {
    let heat = plot.heat_map.iter().flat_map(|h| [h.y.0, h.y.1]);
    let marks = plot.marks.iter().flat_map(|mark| -> Vec<f64> {
        match &mark.shape {
            Shape::Line { points, .. } | Shape::Points(points) => points.iter().map(|p| p.1).collect(),
            Shape::Band(points) | Shape::Bars(points) => points.iter().flat_map(|p| [p.1, p.2]).collect(),
            Shape::Histogram(columns) => columns.iter().map(|c| c.2).chain([0.0]).collect(),
            Shape::Arrows(arrows) => arrows.iter().map(|a| a[1]).collect(),
            Shape::Contours(lines) => lines.iter().flatten().map(|p| p.1).collect(),
            Shape::Horizontal(y) => vec![*y],
            Shape::Vertical(_) => Vec::new(),
        }
    });
    heat.chain(marks)
}

fn axes(
    svg: &mut String,
    plot: &Plot,
    x: &Placed,
    y: &Placed,
    x_ticks: &[(f64, String)],
    y_ticks: &[(f64, String)],
    field: Field,
) {
    let Field {
        left,
        right,
        top,
        bottom,
    } = field;
    svg.push_str("<g stroke=\"currentColor\" stroke-opacity=\"0.15\">\n");
    // Under a heat map a grid would only be dirt.
    let reach = if plot.heat_map.is_some() {
        (bottom, left)
    } else {
        (top, right)
    };
    for at in x_ticks.iter().filter_map(|(value, _)| x.at(*value)) {
        put(
            svg,
            format_args!("<path d=\"M{at:.2} {:.2}V{:.2}\"/>\n", bottom + 4.0, reach.0),
        );
    }
    for at in y_ticks.iter().filter_map(|(value, _)| y.at(*value)) {
        put(
            svg,
            format_args!("<path d=\"M{:.2} {at:.2}H{:.2}\"/>\n", left - 4.0, reach.1),
        );
    }
    svg.push_str("</g>\n");
    put(
        svg,
        format_args!(
            "<path d=\"M{left:.2} {top:.2}V{bottom:.2}H{right:.2}\" fill=\"none\" stroke=\"currentColor\"/>\n"
        ),
    );
    for (value, label) in x_ticks {
        if let Some(at) = x.at(*value) {
            text_at(svg, at, bottom + 18.0, "middle", label);
        }
    }
    for (value, label) in y_ticks {
        if let Some(at) = y.at(*value) {
            text_at(svg, left - 8.0, at + 4.0, "end", label);
        }
    }
}

/// A text at a place.
pub(crate) fn text_at(svg: &mut String, x: f64, y: f64, anchor: &str, label: &str) {
    put(
        svg,
        format_args!(
            "<text x=\"{x:.2}\" y=\"{y:.2}\" text-anchor=\"{anchor}\">{}</text>\n",
            text::escape(label)
        ),
    );
}

/// A text read from below.
pub(crate) fn text_upwards(svg: &mut String, x: f64, y: f64, label: &str) {
    put(
        svg,
        format_args!(
            "<text transform=\"translate({x:.2} {y:.2}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
            text::escape(label)
        ),
    );
}

/// The estimated width of the widest text, in pixels.
pub(crate) fn widest<'a>(labels: impl Iterator<Item = &'a str>) -> f64 {
    labels.map(|label| label.chars().count()).max().unwrap_or(0) as f64 * LETTER_WIDTH
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Axis, ColourMap, HeatMap};
    use ndarray::Array2;

    fn plot() -> Plot {
        Plot::new("<T>", Axis::linear("x & y"), Axis::log("\"y\""))
    }

    #[test]
    fn contours_are_drawn_like_axes_and_take_no_colour() {
        let values = Array2::from_shape_fn((4, 4), |(i, j)| (i * j) as f64);
        let (svg, _) = Plot::new("t", Axis::linear("x"), Axis::linear("y"))
            .contours("levels", values.view(), (0.0, 1.0), (0.0, 1.0), &[0.5, 3.5])
            .line("first", [(0.2, 0.2), (0.8, 0.8)])
            .render()
            .unwrap();
        let line = svg.lines().find(|l| l.contains("stroke-width=\"0.8\"")).unwrap();
        assert!(line.contains("currentColor") && line.matches('M').count() == 2);
        assert!(svg.contains("#0072B2") && svg.contains(">levels</text>"));
    }

    #[test]
    fn texts_are_escaped_and_gaps_stay_gaps() {
        let points = [
            (0.0, 1.0),
            (1.0, f64::NAN),
            (2.0, 10.0),
            (3.0, 100.0),
            (4.0, -1.0),
        ];
        let (svg, _) = plot().line("<a>", points).render().unwrap();
        assert!(svg.contains("&lt;T&gt;") && svg.contains("x &amp; y") && svg.contains("&lt;a&gt;"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        let line = svg.lines().find(|l| l.contains("stroke-width=\"1.8\"")).unwrap();
        assert_eq!((line.matches('M').count(), line.matches('L').count()), (2, 1));
    }

    #[test]
    fn tags_are_balanced_for_every_mark() {
        let field = Array2::from_shape_fn((3, 4), |(i, j)| (i * j) as f64);
        let plot = Plot::new("all", Axis::linear("x"), Axis::linear("y"))
            .heat_map(HeatMap::new("p", field.view(), (0.0, 4.0), (0.0, 3.0)).colours(ColourMap::Diverging))
            .line("l", [(0.0, 0.0), (4.0, 3.0)])
            .band([(0.0, -0.1, 0.1), (4.0, 2.0, 4.0)])
            .error_bars([(1.0, 0.0, 1.0)])
            .dashed("d", [(0.0, 1.0), (4.0, 1.0)])
            .points("p", [(2.0, 2.0)])
            .histogram("h", &[0.5, 0.6, 1.5], 0.0, 2.0, 2)
            .arrows(
                "a",
                [
                    [1.0, 1.0, 1.0, 0.0],
                    [2.0, 1.0, 0.0, -1.0],
                    [1.0, 2.0, f64::NAN, 0.0],
                ],
            )
            .horizontal("y0", 1.0)
            .vertical("x0", 1.0)
            .equal_aspect();
        let (svg, _) = plot.render().unwrap();
        for tag in ["svg", "g", "text", "style", "title"] {
            let opened = svg.matches(&format!("<{tag}>")).count() + svg.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, svg.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        assert_eq!(
            svg.matches("<path").count() + svg.matches("<image").count(),
            svg.matches("/>").count()
        );
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        assert_eq!(plot.render().unwrap().0, svg);
    }

    #[test]
    fn a_histogram_is_a_density() {
        let plot = plot().histogram("h", &[0.0, 0.4, 1.0, f64::NAN], 0.0, 1.0, 2);
        let Shape::Histogram(columns) = &plot.marks[0].shape else {
            panic!("not a histogram")
        };
        assert_eq!(columns, &[(0.0, 0.5, 1.0), (0.5, 1.0, 0.5)]);
    }

    #[test]
    fn companions_share_the_colour_and_references_take_none() {
        let points = [(0.0, 1.0), (1.0, 2.0)];
        let plot = plot()
            .horizontal("r", 1.0)
            .line("a", points)
            .band([(0.0, 1.0, 2.0)])
            .theory("a in theory", points)
            .line("b", points);
        let series: Vec<usize> = plot.marks.iter().map(|m| m.series).collect();
        assert_eq!(series, [0, 0, 0, 0, 1]);
        // A second line of reference is told from the first, and takes no colour from what comes after it.
        let plot = plot.vertical("r", 0.5).line("c", points);
        let series: Vec<usize> = plot.marks.iter().map(|m| m.series).collect();
        assert_eq!(series[5..], [1, 2]);
    }

    #[test]
    fn nothing_to_draw_is_an_error() {
        assert!(plot().render().is_err());
        assert!(plot().line("a", [(0.0, -1.0)]).render().is_err());
        let empty = Array2::zeros((0, 0));
        let map = HeatMap::new("", empty.view(), (0.0, 1.0), (0.0, 1.0));
        assert!(
            Plot::new("", Axis::linear(""), Axis::linear(""))
                .heat_map(map)
                .render()
                .is_err()
        );
    }
}
