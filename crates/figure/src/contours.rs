//! Lines of equal height on a grid.
//!
//! Every square of four neighbouring numbers is cut by a line where the level lies between two corners, at the place that linear interpolation gives; where both
//! diagonals qualify, the mean of the corners decides. The pieces of neighbouring squares meet on the edges between them and are joined, so that
//! a closed line is drawn in one go and a figure stays small.

use std::collections::BTreeMap;

use ndarray::ArrayView2;

/// An edge of the grid: from `(row, column)` upwards or to the right.
type Edge = (usize, usize, bool);

/// The lines on which the numbers of the grid pass `level`; a closed one ends where it began.
///
/// `values[i, j]` belongs to the middle of a cell: row `i` counts upwards over `y`, column `j` to the right over `x`.
pub(crate) fn contour_lines(
    values: ArrayView2<f64>,
    x: (f64, f64),
    y: (f64, f64),
    level: f64,
) -> Vec<Vec<(f64, f64)>> {
    let mut neighbours: BTreeMap<Edge, Vec<Edge>> = BTreeMap::new();
    for (i, j) in ndarray::indices((values.nrows().saturating_sub(1), values.ncols().saturating_sub(1))) {
        for (from, to) in pieces(values, i, j, level) {
            neighbours.entry(from).or_default().push(to);
            neighbours.entry(to).or_default().push(from);
        }
    }
    let (n_rows, n_columns) = values.dim();
    let place = |(i, j, is_upwards): Edge| {
        let (here, there) = if is_upwards {
            (values[[i, j]], values[[i + 1, j]])
        } else {
            (values[[i, j]], values[[i, j + 1]])
        };
        let part = (level - here) / (there - here);
        let (row, column) = if is_upwards {
            (i as f64 + part, j as f64)
        } else {
            (i as f64, j as f64 + part)
        };
        let over = |(low, high): (f64, f64), at: f64, n: usize| low + (high - low) * (at + 0.5) / n as f64;
        (over(x, column, n_columns), over(y, row, n_rows))
    };
    // Open lines from their ends first; what is left is closed.
    let ends = neighbours.iter().filter(|(_, others)| others.len() == 1);
    let starts: Vec<Edge> = ends
        .map(|(edge, _)| *edge)
        .chain(neighbours.keys().copied())
        .collect();
    let mut lines = Vec::new();
    for start in starts {
        let mut line = vec![place(start)];
        let mut here = start;
        while let Some(next) = neighbours.get_mut(&here).and_then(Vec::pop) {
            if let Some(back) = neighbours.get_mut(&next) {
                back.retain(|edge| *edge != here);
            }
            line.push(place(next));
            here = next;
        }
        if line.len() > 1 {
            lines.push(line);
        }
    }
    lines
}

/// The lines through the square above and to the right of `(i, j)`, each from edge to edge.
fn pieces(values: ArrayView2<f64>, i: usize, j: usize, level: f64) -> Vec<(Edge, Edge)> {
    let corners = [
        values[[i, j]],
        values[[i, j + 1]],
        values[[i + 1, j + 1]],
        values[[i + 1, j]],
    ];
    if corners.iter().any(|v| !v.is_finite()) {
        return Vec::new();
    }
    let above = corners.map(|v| v >= level);
    // Edge k leads from corner k to the next one, counterclockwise.
    let edges = [(i, j, false), (i, j + 1, true), (i + 1, j, false), (i, j, true)];
    let crossed: Vec<usize> = (0..4).filter(|&k| above[k] != above[(k + 1) % 4]).collect();
    match crossed[..] {
        [a, b] => vec![(edges[a], edges[b])],
        [_, _, _, _] => {
            // A saddle: the corners that are not with the middle are cut off, each by the edges beside it.
            let middle = corners.iter().sum::<f64>() / 4.0 >= level;
            (0..4)
                .filter(|&k| above[k] != middle)
                .map(|k| (edges[(k + 3) % 4], edges[k]))
                .collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn a_circle_is_one_closed_line() {
        let n = 41;
        let at = |k: usize| -2.0 + 4.0 * (k as f64 + 0.5) / n as f64;
        let cone = Array2::from_shape_fn((n, n), |(i, j)| at(i).hypot(at(j)));
        let lines = contour_lines(cone.view(), (-2.0, 2.0), (-2.0, 2.0), 1.0);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].first(), lines[0].last());
        assert!(lines[0].iter().all(|(x, y)| (x.hypot(*y) - 1.0).abs() < 0.01));
    }

    #[test]
    fn a_plane_has_one_open_line_that_is_exact() {
        let plane = Array2::from_shape_fn((3, 4), |(i, j)| (i + j) as f64);
        let lines = contour_lines(plane.view(), (0.0, 4.0), (10.0, 13.0), 1.5);
        // x + y = 1.5 in steps of the grid, and cells' middles are half a step further in both.
        assert_eq!(lines.len(), 1);
        assert!(lines[0].iter().all(|(x, y)| (x + y - 12.5).abs() < 1e-12));
        let ends = [lines[0][0], lines[0][lines[0].len() - 1]];
        assert!(ends.contains(&(0.5, 12.0)) && ends.contains(&(2.0, 10.5)));
    }

    #[test]
    fn a_saddle_is_cut_by_the_mean_of_its_corners() {
        let saddle = array![[1.0, 0.0], [0.0, 1.0]];
        // The middle is above 0.4 and below 0.6: the line cuts off the low corners, then the high ones.
        for (level, corner) in [(0.4, (1.5, 0.5)), (0.6, (0.5, 0.5))] {
            let lines = contour_lines(saddle.view(), (0.0, 2.0), (0.0, 2.0), level);
            assert_eq!(lines.len(), 2);
            let near = |line: &Vec<(f64, f64)>| {
                line.iter()
                    .all(|(x, y)| (x - corner.0).abs() + (y - corner.1).abs() < 0.5)
            };
            assert_eq!(
                lines.iter().filter(|line| near(line)).count(),
                1,
                "{level}: {lines:?}"
            );
        }
    }

    #[test]
    fn nothing_is_drawn_without_a_crossing_or_without_numbers() {
        let flat = Array2::from_elem((3, 3), 1.0);
        assert!(contour_lines(flat.view(), (0.0, 1.0), (0.0, 1.0), 2.0).is_empty());
        let holes = array![[0.0, f64::NAN], [2.0, f64::NEG_INFINITY]];
        assert!(contour_lines(holes.view(), (0.0, 1.0), (0.0, 1.0), 1.0).is_empty());
        assert!(contour_lines(Array2::zeros((0, 3)).view(), (0.0, 1.0), (0.0, 1.0), 1.0).is_empty());
    }
}
