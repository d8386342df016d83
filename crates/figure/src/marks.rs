//! Marks as paths of SVG.

use crate::axis::Placed;
use crate::colour::SERIES;
use crate::markers::Marker;
use crate::plot::{Mark, Shape};
use crate::svg::{Field, put};

/// Lines with so few points get a marker at every one.
const FEW_POINTS: usize = 30;
/// Lines with more, beside others, get about so many on their way.
const N_SIGNPOSTS: usize = 7;
/// The size of the markers on lines.
const RADIUS: f64 = 3.0;

/// What a mark is drawn beside.
#[derive(Clone, Copy)]
pub(crate) struct Company {
    /// Over a picture, lines and dots get a white rim, since no colour is far from all of its.
    pub(crate) is_over_picture: bool,
    /// The number of series that have a colour; of several, each has its own markers.
    pub(crate) n_series: usize,
}

/// Draws one mark into the field.
pub(crate) fn draw(svg: &mut String, mark: &Mark, x: &Placed, y: &Placed, field: Field, company: Company) {
    let Company {
        is_over_picture,
        n_series,
    } = company;
    let rim = is_over_picture.then_some("#fff");
    let marker = Marker::of(mark.series);
    let colour = colour(mark);
    let dashes = dashes(mark);
    let line = |svg: &mut String, path: &str, width: f64, more: &str| {
        if is_over_picture {
            stroke(svg, path, "#fff", width + 2.0, more);
        }
        stroke(svg, path, colour, width, more);
    };
    match &mark.shape {
        Shape::Line { points, is_dashed } => {
            line(svg, &polyline(points, x, y), 1.8, dashes);
            let marked: Vec<(f64, f64)> = match points.len() {
                _ if *is_dashed => Vec::new(),
                0..=FEW_POINTS => places(points, x, y),
                _ if n_series > 1 => signposts(&places(points, x, y), mark.series, field),
                _ => Vec::new(),
            };
            marker.draw(svg, &marked, RADIUS, colour, 1.0, rim);
        }
        Shape::Points(points) => {
            let radius = if points.len() > 500 { 1.3 } else { RADIUS };
            marker.draw(svg, &places(points, x, y), radius, colour, 0.75, rim);
        }
        Shape::Band(points) => {
            // A point without a place is a gap as in a line: what stands on either side of it are two areas.
            let placed = |p: &(f64, f64, f64)| Some((x.at(p.0)?, foot(p.1, y, field)?, y.at(p.2)?));
            let mut path = String::new();
            for piece in points.split(|p| placed(p).is_none()) {
                let corners: Vec<_> = piece.iter().filter_map(placed).collect();
                let low = corners.iter().map(|c| (c.0, c.1));
                let high = corners.iter().rev().map(|c| (c.0, c.2));
                path += &path_through(&low.chain(high).collect::<Vec<_>>());
            }
            fill(svg, &path, colour, 0.2);
        }
        Shape::Bars(points) => {
            let mut path = String::new();
            for (at, low, high) in points {
                if let (Some(at), Some(foot), Some(high)) = (x.at(*at), foot(*low, y, field), y.at(*high)) {
                    put(&mut path, format_args!("M{at:.2} {foot:.2}V{high:.2}"));
                    // A bar that leaves the field has no end there.
                    for end in [y.at(*low), Some(high)].into_iter().flatten() {
                        put(&mut path, format_args!("M{:.2} {end:.2}h6", at - 3.0));
                    }
                }
            }
            line(svg, &path, 1.2, "");
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
            line(
                svg,
                &arrow_path(arrows, x, y, field),
                1.2,
                " stroke-linejoin=\"round\"",
            );
        }
        Shape::Contours(lines) => {
            let path: String = lines.iter().map(|points| polyline(points, x, y)).collect();
            stroke(svg, &path, colour, 0.8, " stroke-opacity=\"0.5\"");
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

/// The colour of a series; lines of reference are drawn like the axes.
pub(crate) fn colour(mark: &Mark) -> &'static str {
    match mark.shape {
        Shape::Horizontal(_) | Shape::Vertical(_) | Shape::Contours(_) => "currentColor",
        _ => SERIES[mark.series % SERIES.len()],
    }
}

/// The dashes of a series: dashed lines and lines of reference take turns, and after the last colour the colours come again with dashes.
pub(crate) fn dashes(mark: &Mark) -> &'static str {
    match (&mark.shape, mark.series / SERIES.len()) {
        (Shape::Horizontal(_) | Shape::Vertical(_), _) => match mark.series % 3 {
            0 => " stroke-dasharray=\"2 3\"",
            1 => " stroke-dasharray=\"9 3\"",
            _ => " stroke-dasharray=\"8 3 2 3\"",
        },
        (Shape::Line { is_dashed: true, .. }, _) => match mark.series % 3 {
            0 => " stroke-dasharray=\"7 4\"",
            1 => " stroke-dasharray=\"9 3 2 3\"",
            _ => " stroke-dasharray=\"4 3\"",
        },
        (_, 0) => "",
        (_, 1) => " stroke-dasharray=\"10 3 2 3\"",
        (..) => " stroke-dasharray=\"1 3\"",
    }
}

/// A path as a line.
pub(crate) fn stroke(svg: &mut String, path: &str, colour: &str, width: f64, more: &str) {
    if !path.is_empty() {
        put(
            svg,
            format_args!(
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"{more}/>\n"
            ),
        );
    }
}

/// A path as an area.
pub(crate) fn fill(svg: &mut String, path: &str, colour: &str, opacity: f64) {
    if !path.is_empty() {
        put(
            svg,
            format_args!("<path d=\"{path}\" fill=\"{colour}\" fill-opacity=\"{opacity}\"/>\n"),
        );
    }
}

/// Straight pieces between neighbours; a point without a place is a gap.
/// Where the lower end of a bar or a band is: on a logarithmic axis what is not positive is infinitely far below, and leaves the field.
fn foot(low: f64, y: &Placed, field: Field) -> Option<f64> {
    y.at(low)
        .or((low.is_finite() && low <= 0.0).then_some(field.bottom))
}

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

/// Where the points are, in pixels; one without a place is left out.
fn places(points: &[(f64, f64)], x: &Placed, y: &Placed) -> Vec<(f64, f64)> {
    (points.iter())
        .filter_map(|(px, py)| Some((x.at(*px)?, y.at(*py)?)))
        .collect()
}

/// A few points of a long line where it is in the field, at other places for every series, so that the markers of lines that lie on one another do not.
fn signposts(places: &[(f64, f64)], series: usize, field: Field) -> Vec<(f64, f64)> {
    let is_seen = |(x, y): &(f64, f64)| {
        (field.left..=field.right).contains(x) && (field.top..=field.bottom).contains(y)
    };
    let seen: Vec<(f64, f64)> = places.iter().copied().filter(is_seen).collect();
    let shift = (0.5 + 0.382 * series as f64).fract();
    (0..N_SIGNPOSTS)
        .filter_map(|i| {
            let share = (i as f64 + shift) / N_SIGNPOSTS as f64;
            seen.get((share * seen.len() as f64) as usize).copied()
        })
        .collect()
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
        let length = dx.hypot(dy);
        // Too short to be seen, or not a number.
        if length.is_nan() || length < 0.5 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signposts_stand_in_the_field_and_not_on_those_of_others() {
        let field = Field {
            left: 100.0,
            right: 200.0,
            top: 0.0,
            bottom: 50.0,
        };
        let line: Vec<(f64, f64)> = (0..1000).map(|i| (f64::from(i), 25.0)).collect();
        let of = |series| signposts(&line, series, field);
        assert_eq!(of(0).len(), N_SIGNPOSTS);
        assert!(of(0).iter().all(|(x, _)| (100.0..=200.0).contains(x)));
        for series in 1..4 {
            for (x, _) in of(series) {
                assert!(
                    of(0).iter().all(|(other, _)| (x - other).abs() > 1.5),
                    "series {series} at {x}"
                );
            }
        }
        assert!(signposts(&line[..50], 0, field).is_empty());
    }
}
