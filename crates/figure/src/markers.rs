//! Marks at single points, one shape a series, so that series can be told apart in grey.

use crate::svg::put;

/// The shape of a series' points; after the last one the shapes come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    Disc,
    Square,
    TriangleUp,
    Diamond,
    TriangleDown,
    Cross,
}

const MARKERS: [Marker; 6] = [
    Marker::Disc,
    Marker::Square,
    Marker::TriangleUp,
    Marker::Diamond,
    Marker::TriangleDown,
    Marker::Cross,
];

impl Marker {
    /// The shape of the series of this number.
    pub(crate) fn of(series: usize) -> Self {
        MARKERS[series % MARKERS.len()]
    }

    /// Draws a marker at every point; `radius` is that of the disc, and the others look as large. A `rim` of another colour sets them off from a picture.
    pub(crate) fn draw(
        self,
        svg: &mut String,
        points: &[(f64, f64)],
        radius: f64,
        colour: &str,
        opacity: f64,
        rim: Option<&str>,
    ) {
        let mut path = String::new();
        for (x, y) in points {
            self.outline(&mut path, *x, *y, radius);
        }
        if path.is_empty() {
            return;
        }
        let faint = if opacity < 1.0 {
            format!(" opacity=\"{opacity}\"")
        } else {
            String::new()
        };
        match self {
            // Strokes of no length: with round ends they are discs, at a tenth of the bytes of circles.
            Marker::Disc => {
                let mut layer = |colour: &str, width: f64| {
                    put(
                        svg,
                        format_args!(
                            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width:.1}\" stroke-linecap=\"round\"{faint}/>\n"
                        ),
                    );
                };
                if let Some(rim) = rim {
                    layer(rim, 2.0 * radius + 2.0);
                }
                layer(colour, 2.0 * radius);
            }
            Marker::Cross => {
                let mut layer = |colour: &str, width: f64| {
                    put(
                        svg,
                        format_args!(
                            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width:.1}\"{faint}/>\n"
                        ),
                    );
                };
                if let Some(rim) = rim {
                    layer(rim, 0.7 * radius + 2.0);
                }
                layer(colour, 0.7 * radius);
            }
            _ => {
                let rim = rim.map_or(String::new(), |rim| {
                    format!(" stroke=\"{rim}\" stroke-width=\"2\" paint-order=\"stroke\"")
                });
                put(
                    svg,
                    format_args!("<path d=\"{path}\" fill=\"{colour}\"{rim}{faint}/>\n"),
                );
            }
        }
    }

    fn outline(self, path: &mut String, x: f64, y: f64, r: f64) {
        match self {
            Marker::Disc => put(path, format_args!("M{x:.2} {y:.2}h0")),
            Marker::Square => {
                let a = 0.9 * r;
                let side = 2.0 * a;
                put(
                    path,
                    format_args!("M{:.2} {:.2}h{side:.1}v{side:.1}h-{side:.1}Z", x - a, y - a),
                );
            }
            Marker::TriangleUp => put(
                path,
                format_args!(
                    "M{x:.2} {:.2}l{a:.1} {b:.1}h-{c:.1}Z",
                    y - 1.3 * r,
                    a = 1.2 * r,
                    b = 2.1 * r,
                    c = 2.4 * r
                ),
            ),
            Marker::TriangleDown => put(
                path,
                format_args!(
                    "M{x:.2} {:.2}l{a:.1} -{b:.1}h-{c:.1}Z",
                    y + 1.3 * r,
                    a = 1.2 * r,
                    b = 2.1 * r,
                    c = 2.4 * r
                ),
            ),
            Marker::Diamond => {
                let a = 1.3 * r;
                put(
                    path,
                    format_args!(
                        "M{x:.2} {:.2}l{a:.1} {a:.1}l-{a:.1} {a:.1}l-{a:.1} -{a:.1}Z",
                        y - a
                    ),
                );
            }
            Marker::Cross => {
                let side = 2.0 * r;
                put(
                    path,
                    format_args!(
                        "M{:.2} {:.2}l{side:.1} {side:.1}m0 -{side:.1}l-{side:.1} {side:.1}",
                        x - r,
                        y - r
                    ),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_series_have_six_shapes_and_then_they_come_again() {
        let drawn = |series: usize| {
            let mut svg = String::new();
            Marker::of(series).draw(&mut svg, &[(10.0, 20.0)], 3.0, "#000", 1.0, None);
            svg
        };
        let shapes: Vec<String> = (0..6).map(drawn).collect();
        for (i, a) in shapes.iter().enumerate() {
            assert!(shapes[..i].iter().all(|b| a != b), "{a}");
        }
        assert_eq!(drawn(7), shapes[1]);
    }

    #[test]
    fn nothing_is_drawn_for_no_point() {
        let mut svg = String::new();
        Marker::Disc.draw(&mut svg, &[], 3.0, "#000", 1.0, None);
        assert_eq!(svg, "");
    }
}
