//! Writes a plot as SVG.
//!
//! The layout is fixed: title, legend, the field with its axes, the label of x. Widths of texts are estimated, since no font
//! can be measured; text and axes are in `currentColor`.

use std::fmt::Write;

use super::axis::Placed;
use super::colour::SERIES;
use super::images;
use super::plot::{HeatMap, Mark, Plot, Shape};
use crate::text;

/// The width of every plot; it scales with the page.
const WIDTH: f64 = 520.0;
/// The height of the field unless both axes share a unit.
const FIELD_HEIGHT: f64 = 270.0;
/// The size of the letters, and what a letter takes on average.
const LETTER: f64 = 12.0;
const LETTER_WIDTH: f64 = 6.6;
/// The space for a colour bar and its numbers.
const COLOUR_BAR: f64 = 78.0;
/// Lines with so few points also get dots.
const FEW_POINTS: usize = 30;

/// The field inside the axes, in pixels.
#[derive(Clone, Copy)]
struct Field {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

/// The plot as SVG, with its width and height.
pub(super) fn render(plot: &Plot) -> Result<(String, (u32, u32)), String> {
    if plot.marks.is_empty() && plot.heat_map.is_none() {
        return Err("a plot without a mark shows nothing".into());
    }
    let x = plot.x.lay(abscissae(plot), 0.0, 1.0)?;
    let y = plot.y.lay(ordinates(plot), 1.0, 0.0)?;
    let y_ticks = y.ticks(5);

    let legend = Legend::of(&plot.marks);
    let label_width = widest(y_ticks.iter().map(|(_, label)| label.as_str()));
    let mut field = Field {
        left: 34.0 + label_width,
        right: WIDTH - if plot.heat_map.is_some() { COLOUR_BAR } else { 18.0 },
        top: 38.0 + legend.height(),
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
    let total = field.bottom + 48.0;

    let mut svg = String::new();
    open(&mut svg, plot, total);
    legend.draw(&mut svg, field.left, 40.0);
    let heat = plot
        .heat_map
        .as_ref()
        .map(|map| draw_heat_map(&mut svg, map, &x, &y, field))
        .transpose()?;
    axes(&mut svg, plot, &x, &y, &x_ticks, &y_ticks, field);
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
    // Bands lie under all lines.
    for is_under in [true, false] {
        for mark in plot
            .marks
            .iter()
            .filter(|m| matches!(m.shape, Shape::Band(_)) == is_under)
        {
            draw(&mut svg, mark, &x, &y, field);
        }
    }
    svg.push_str("</svg>\n");
    if let Some((low, high)) = heat {
        colour_bar(&mut svg, plot.heat_map.as_ref(), low, high, field)?;
    }
    svg.push_str("</svg>\n");
    Ok((svg, (WIDTH as u32, total.ceil() as u32)))
}

/// Appends formatted text; writing to a string cannot fail.
fn put(svg: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = svg.write_fmt(text);
}

fn open(svg: &mut String, plot: &Plot, total: f64) {
    let title = text::escape(&plot.title);
    put(
        svg,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" role=\"img\" aria-label=\"{title}\" width=\"{WIDTH}\" \
             height=\"{h}\" viewBox=\"0 0 {WIDTH} {h}\" font-family=\"system-ui, sans-serif\" font-size=\"{LETTER}\" \
             fill=\"currentColor\">\n\
             <style>.plot{{color:#1d232b;background:#fff}}@media(prefers-color-scheme:dark){{\
             .plot{{color:#d9dee5;background:#14181d}}}}@media print{{.plot{{color:#000;background:#fff}}}}</style>\n\
             <text x=\"{x}\" y=\"20\" text-anchor=\"middle\" font-size=\"14\" font-weight=\"600\">{title}</text>\n",
            h = total.ceil(),
            x = WIDTH / 2.0
        ),
    );
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
    text_at(svg, (left + right) / 2.0, bottom + 38.0, "middle", &plot.x.label);
    text_upwards(svg, 16.0, (top + bottom) / 2.0, &plot.y.label);
}

fn text_at(svg: &mut String, x: f64, y: f64, anchor: &str, label: &str) {
    put(
        svg,
        format_args!(
            "<text x=\"{x:.2}\" y=\"{y:.2}\" text-anchor=\"{anchor}\">{}</text>\n",
            text::escape(label)
        ),
    );
}

fn text_upwards(svg: &mut String, x: f64, y: f64, label: &str) {
    put(
        svg,
        format_args!(
            "<text transform=\"translate({x:.2} {y:.2}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
            text::escape(label)
        ),
    );
}

fn widest<'a>(labels: impl Iterator<Item = &'a str>) -> f64 {
    labels.map(|label| label.chars().count()).max().unwrap_or(0) as f64 * LETTER_WIDTH
}

/// The colour of a series; lines of reference are drawn like the axes.
fn colour(mark: &Mark) -> &'static str {
    match mark.shape {
        Shape::Horizontal(_) | Shape::Vertical(_) => "currentColor",
        _ => SERIES[mark.series % SERIES.len()],
    }
}

/// The dashes of a series: after the last colour, the colours come again with dashes.
fn dashes(mark: &Mark) -> &'static str {
    match (&mark.shape, mark.series / SERIES.len()) {
        (Shape::Horizontal(_) | Shape::Vertical(_), _) => " stroke-dasharray=\"2 3\"",
        (Shape::Line { is_dashed: true, .. }, _) => " stroke-dasharray=\"7 4\"",
        (_, 0) => "",
        (_, 1) => " stroke-dasharray=\"10 3 2 3\"",
        (..) => " stroke-dasharray=\"1 3\"",
    }
}

fn draw(svg: &mut String, mark: &Mark, x: &Placed, y: &Placed, field: Field) {
    let colour = colour(mark);
    let dashes = dashes(mark);
    match &mark.shape {
        Shape::Line { points, is_dashed } => {
            stroke(svg, &polyline(points, x, y), colour, 1.8, dashes);
            if points.len() <= FEW_POINTS && !is_dashed {
                stroke(svg, &dots(points, x, y), colour, 5.0, " stroke-linecap=\"round\"");
            }
        }
        Shape::Points(points) => {
            let width = if points.len() > 500 { 2.5 } else { 5.0 };
            stroke(
                svg,
                &dots(points, x, y),
                colour,
                width,
                " stroke-linecap=\"round\" stroke-opacity=\"0.75\"",
            );
        }
        Shape::Band(points) => {
            let corners = |end: fn(&(f64, f64, f64)) -> f64| {
                (points.iter())
                    .filter_map(|p| Some((x.at(p.0)?, y.at(p.1).and(y.at(p.2)).and(y.at(end(p)))?)))
                    .collect::<Vec<_>>()
            };
            let (low, high) = (corners(|p| p.1), corners(|p| p.2));
            let outline: Vec<(f64, f64)> = low.into_iter().chain(high.into_iter().rev()).collect();
            fill(svg, &path_through(&outline), colour, 0.2);
        }
        Shape::Bars(points) => {
            let mut path = String::new();
            for (at, low, high) in points {
                if let (Some(at), Some(low), Some(high)) = (x.at(*at), y.at(*low), y.at(*high)) {
                    put(&mut path, format_args!("M{at:.2} {low:.2}V{high:.2}"));
                    for end in [low, high] {
                        put(&mut path, format_args!("M{:.2} {end:.2}h6", at - 3.0));
                    }
                }
            }
            stroke(svg, &path, colour, 1.2, "");
        }
        Shape::Histogram(columns) => {
            let mut path = String::new();
            // On a logarithmic axis zero is infinitely far below, so the columns end at the lower edge.
            let base = y.at(0.0).unwrap_or(field.bottom);
            for (left, right, height) in columns {
                if let (Some(left), Some(right), Some(height)) = (x.at(*left), x.at(*right), y.at(*height)) {
                    put(
                        &mut path,
                        format_args!("M{left:.2} {base:.2}V{height:.2}H{right:.2}V{base:.2}Z"),
                    );
                }
            }
            fill(svg, &path, colour, 0.3);
            stroke(svg, &path, colour, 1.0, dashes);
        }
        Shape::Arrows(arrows) => {
            stroke(
                svg,
                &arrow_path(arrows, x, y, field),
                colour,
                1.2,
                " stroke-linejoin=\"round\"",
            );
        }
        Shape::Horizontal(at) => {
            if let Some(at) = y.at(*at) {
                stroke(
                    svg,
                    &format!("M{:.2} {at:.2}H{:.2}", field.left, field.right),
                    colour,
                    1.4,
                    dashes,
                );
            }
        }
        Shape::Vertical(at) => {
            if let Some(at) = x.at(*at) {
                stroke(
                    svg,
                    &format!("M{at:.2} {:.2}V{:.2}", field.bottom, field.top),
                    colour,
                    1.4,
                    dashes,
                );
            }
        }
    }
}

fn stroke(svg: &mut String, path: &str, colour: &str, width: f64, more: &str) {
    if !path.is_empty() {
        put(
            svg,
            format_args!(
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"{more}/>\n"
            ),
        );
    }
}

fn fill(svg: &mut String, path: &str, colour: &str, opacity: f64) {
    if !path.is_empty() {
        put(
            svg,
            format_args!("<path d=\"{path}\" fill=\"{colour}\" fill-opacity=\"{opacity}\"/>\n"),
        );
    }
}

/// Straight pieces between neighbours; a point without a place is a gap.
fn polyline(points: &[(f64, f64)], x: &Placed, y: &Placed) -> String {
    let mut path = String::new();
    let mut pen = 'M';
    for (px, py) in points {
        match (x.at(*px), y.at(*py)) {
            (Some(px), Some(py)) => {
                put(&mut path, format_args!("{pen}{px:.2} {py:.2}"));
                pen = 'L';
            }
            _ => pen = 'M',
        }
    }
    path
}

/// Strokes of no length: with round ends they are dots, at a tenth of the bytes of circles.
fn dots(points: &[(f64, f64)], x: &Placed, y: &Placed) -> String {
    let mut path = String::new();
    for (px, py) in points {
        if let (Some(px), Some(py)) = (x.at(*px), y.at(*py)) {
            put(&mut path, format_args!("M{px:.2} {py:.2}h0"));
        }
    }
    path
}

fn path_through(corners: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (i, (x, y)) in corners.iter().enumerate() {
        put(
            &mut path,
            format_args!("{}{x:.2} {y:.2}", if i == 0 { 'M' } else { 'L' }),
        );
    }
    if !path.is_empty() {
        path.push('Z');
    }
    path
}

fn arrow_path(arrows: &[[f64; 4]], x: &Placed, y: &Placed, field: Field) -> String {
    // A unit of x and a unit of y may differ in pixels; an arrow follows both.
    let unit_x = (field.right - field.left) / x.span();
    let unit_y = (field.top - field.bottom) / y.span();
    let in_pixels = |a: &[f64; 4]| (a[2] * unit_x, a[3] * unit_y);
    let longest = (arrows.iter().map(in_pixels))
        .map(|(dx, dy)| dx.hypot(dy))
        .filter(|length| length.is_finite())
        .fold(0.0, f64::max);
    let area = (field.right - field.left) * (field.bottom - field.top);
    let room = 0.9 * (area / arrows.len().max(1) as f64).sqrt();
    let mut path = String::new();
    for arrow in arrows {
        let (Some(px), Some(py)) = (x.at(arrow[0]), y.at(arrow[1])) else {
            continue;
        };
        let (dx, dy) = in_pixels(arrow);
        let (dx, dy) = (dx / longest * room, dy / longest * room);
        // Too short to be seen, or not a number.
        if !(dx.hypot(dy) > 0.5) {
            continue;
        }
        let (tip_x, tip_y) = (px + dx, py + dy);
        // The head is a third of the arrow, opened by half a right angle.
        let (hx, hy) = (0.3 * dx, 0.3 * dy);
        put(
            &mut path,
            format_args!(
                "M{px:.2} {py:.2}L{tip_x:.2} {tip_y:.2}M{:.2} {:.2}L{tip_x:.2} {tip_y:.2}L{:.2} {:.2}",
                tip_x - hx + 0.5 * hy,
                tip_y - hy - 0.5 * hx,
                tip_x - hx - 0.5 * hy,
                tip_y - hy + 0.5 * hx
            ),
        );
    }
    path
}

/// Draws the cells and answers with the numbers at the ends of the colour map.
fn draw_heat_map(
    svg: &mut String,
    map: &HeatMap,
    x: &Placed,
    y: &Placed,
    field: Field,
) -> Result<(f64, f64), String> {
    if map.values.is_empty() {
        return Err("a heat map needs a cell".into());
    }
    let (low, high) = map.range.unwrap_or_else(|| {
        (map.values.iter().filter(|v| v.is_finite()))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| {
                (l.min(v), h.max(v))
            })
    });
    if !(low <= high && (high - low).is_finite()) {
        return Err(format!("colours cannot range from {low} to {high}"));
    }
    // Equal numbers everywhere are drawn in the middle colour.
    let (low, high) = if low < high {
        (low, high)
    } else {
        (low - 0.5, high + 0.5)
    };
    // The first row of the grid is the lowest, the first row of a picture the highest.
    let rgb: Vec<u8> = (map.values.chunks(map.n_columns).rev().flatten())
        .flat_map(|&value| map.map.at((value - low) / (high - low)))
        .collect();
    let png = images::encode(map.n_columns as u32, map.n_rows as u32, &rgb)?;
    let corners = (x.at(map.x.0), x.at(map.x.1), y.at(map.y.0), y.at(map.y.1));
    let (Some(left), Some(right), Some(bottom), Some(top)) = corners else {
        return Err("a heat map's corners have no place on the axes".into());
    };
    put(
        svg,
        format_args!(
            "<svg x=\"{fl:.2}\" y=\"{ft:.2}\" width=\"{fw:.2}\" height=\"{fh:.2}\" viewBox=\"{fl:.2} {ft:.2} {fw:.2} {fh:.2}\">\
             <image x=\"{left:.2}\" y=\"{top:.2}\" width=\"{w:.2}\" height=\"{h:.2}\" preserveAspectRatio=\"none\" \
             style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{}\"/></svg>\n",
            text::base64(&png),
            fl = field.left,
            ft = field.top,
            fw = field.right - field.left,
            fh = field.bottom - field.top,
            w = right - left,
            h = bottom - top,
        ),
    );
    Ok((low, high))
}

fn colour_bar(
    svg: &mut String,
    map: Option<&HeatMap>,
    low: f64,
    high: f64,
    field: Field,
) -> Result<(), String> {
    let Some(map) = map else { return Ok(()) };
    let rgb: Vec<u8> = (0..64)
        .rev()
        .flat_map(|i| map.map.at(f64::from(i) / 63.0))
        .collect();
    let png = images::encode(1, 64, &rgb)?;
    let left = field.right + 12.0;
    put(
        svg,
        format_args!(
            "<image x=\"{left:.2}\" y=\"{:.2}\" width=\"10\" height=\"{:.2}\" preserveAspectRatio=\"none\" \
             href=\"data:image/png;base64,{}\"/>\n",
            field.top,
            field.bottom - field.top,
            text::base64(&png)
        ),
    );
    let scale = super::Axis::linear("")
        .range(low, high)
        .lay(std::iter::empty(), field.bottom, field.top)?;
    for (value, label) in scale.ticks(4) {
        if let Some(at) = scale.at(value) {
            text_at(svg, left + 14.0, at + 4.0, "start", &label);
        }
    }
    text_upwards(svg, WIDTH - 4.0, (field.top + field.bottom) / 2.0, &map.label);
    Ok(())
}

/// The labelled marks, in rows that fit the width.
struct Legend<'a> {
    rows: Vec<Vec<&'a Mark>>,
}

impl<'a> Legend<'a> {
    const ROW: f64 = 18.0;
    const SAMPLE: f64 = 26.0;

    fn of(marks: &'a [Mark]) -> Self {
        let mut rows: Vec<Vec<&Mark>> = Vec::new();
        let mut used = f64::INFINITY;
        for mark in marks.iter().filter(|mark| !mark.label.is_empty()) {
            let width = Self::width(mark);
            if used + width > WIDTH - 60.0 {
                rows.push(Vec::new());
                used = 0.0;
            }
            used += width;
            if let Some(row) = rows.last_mut() {
                row.push(mark);
            }
        }
        Legend { rows }
    }

    fn width(mark: &Mark) -> f64 {
        Self::SAMPLE + widest([mark.label.as_str()].into_iter()) + 18.0
    }

    fn height(&self) -> f64 {
        Self::ROW * self.rows.len() as f64
    }

    fn draw(&self, svg: &mut String, left: f64, top: f64) {
        for (i, row) in self.rows.iter().enumerate() {
            let y = top + Self::ROW * i as f64;
            let mut x = left;
            for mark in row {
                let colour = colour(mark);
                match mark.shape {
                    Shape::Points(_) => {
                        let dot = format!("M{:.2} {:.2}h0", x + 10.0, y - 4.0);
                        stroke(svg, &dot, colour, 6.0, " stroke-linecap=\"round\"");
                    }
                    Shape::Histogram(_) => {
                        let square = format!("M{:.2} {:.2}h12v-10h-12Z", x + 4.0, y + 1.0);
                        fill(svg, &square, colour, 0.5);
                    }
                    _ => stroke(
                        svg,
                        &format!("M{x:.2} {:.2}h20", y - 4.0),
                        colour,
                        2.0,
                        dashes(mark),
                    ),
                }
                text_at(svg, x + Self::SAMPLE, y, "start", &mark.label);
                x += Self::width(mark);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Axis, ColourMap};
    use ndarray::Array2;

    fn plot() -> Plot {
        Plot::new("<T>", Axis::linear("x & y"), Axis::log("\"y\""))
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
        for tag in ["svg", "g", "text", "style"] {
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
            .line("b", points);
        let series: Vec<usize> = plot.marks.iter().map(|m| m.series).collect();
        assert_eq!(series, [0, 0, 0, 1]);
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
