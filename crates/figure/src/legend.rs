//! The legend above the field.

use crate::marks::{colour, dashes, fill, stroke};
use crate::plot::{Mark, Shape};
use crate::svg::{WIDTH, text_at, widest};

/// The labelled marks, in rows that fit the width.
pub(crate) struct Legend<'a> {
    rows: Vec<Vec<&'a Mark>>,
}

impl<'a> Legend<'a> {
    const ROW: f64 = 18.0;
    const SAMPLE: f64 = 26.0;

    pub(crate) fn of(marks: &'a [Mark]) -> Self {
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

    pub(crate) fn height(&self) -> f64 {
        Self::ROW * self.rows.len() as f64
    }

    pub(crate) fn draw(&self, svg: &mut String, left: f64, top: f64) {
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
