//! The legend above the field.

use crate::markers::Marker;
use crate::marks::{colour, dashes, fill, stroke};
use crate::plot::{Mark, Shape};
use crate::svg::{text_at, widest};
use crate::text;

/// The labelled marks, in rows that fit the width.
pub(crate) struct Legend<'a> {
    rows: Vec<Vec<Entry<'a>>>,
}

struct Entry<'a> {
    mark: &'a Mark,
    /// The label; one that is too wide for a row by itself has several lines.
    lines: Vec<String>,
    width: f64,
}

impl<'a> Legend<'a> {
    const ROW: f64 = 18.0;
    const LINE: f64 = 15.0;
    const SAMPLE: f64 = 26.0;
    const GAP: f64 = 18.0;
    /// What a letter takes at most on average.
    const LETTER: f64 = 6.6;

    /// The legend of the labelled marks in rows that are at most this wide.
    pub(crate) fn of(marks: &'a [Mark], widest_row: f64) -> Self {
        let mut rows: Vec<Vec<Entry<'a>>> = Vec::new();
        let mut used = f64::INFINITY;
        for mark in marks.iter().filter(|mark| !mark.label.is_empty()) {
            let lines = text::wrap(&mark.label, ((widest_row - Self::SAMPLE) / Self::LETTER) as usize);
            let width = Self::SAMPLE + widest(lines.iter().map(String::as_str)) + Self::GAP;
            if used + width - Self::GAP > widest_row {
                rows.push(Vec::new());
                used = 0.0;
            }
            used += width;
            if let Some(row) = rows.last_mut() {
                row.push(Entry { mark, lines, width });
            }
        }
        Legend { rows }
    }

    pub(crate) fn height(&self) -> f64 {
        self.rows.iter().map(|row| Self::row_height(row)).sum()
    }

    fn row_height(row: &[Entry<'_>]) -> f64 {
        let n_lines = row.iter().map(|entry| entry.lines.len()).max().unwrap_or(0);
        Self::ROW + Self::LINE * n_lines.saturating_sub(1) as f64
    }

    pub(crate) fn draw(&self, svg: &mut String, left: f64, top: f64) {
        let mut y = top;
        for row in &self.rows {
            let mut x = left;
            for Entry { mark, lines, width } in row {
                sample(svg, mark, x, y);
                for (i, line) in lines.iter().enumerate() {
                    text_at(svg, x + Self::SAMPLE, y + Self::LINE * i as f64, "start", line);
                }
                x += width;
            }
            y += Self::row_height(row);
        }
    }
}

/// A piece of the mark, as it looks in the field.
fn sample(svg: &mut String, mark: &Mark, x: f64, y: f64) {
    let colour = colour(mark);
    let middle = [(x + 10.0, y - 4.0)];
    let marker = Marker::of(mark.series);
    match mark.shape {
        Shape::Points(_) => marker.draw(svg, &middle, 3.2, colour, 1.0, None),
        Shape::Histogram(_) => {
            let square = format!("M{:.2} {:.2}h12v-10h-12Z", x + 4.0, y + 1.0);
            fill(svg, &square, colour, 0.5);
        }
        _ => {
            stroke(
                svg,
                &format!("M{x:.2} {:.2}h20", y - 4.0),
                colour,
                2.0,
                dashes(mark),
            );
            if matches!(mark.shape, Shape::Line { is_dashed: false, .. }) {
                marker.draw(svg, &middle, 3.0, colour, 1.0, None);
            }
        }
    }
}
