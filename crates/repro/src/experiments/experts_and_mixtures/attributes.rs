//! Attributes of a picture of a digit, by a rule that looks at pixels only.
//!
//! A picture is first made binary at one half. A **loop** is a hole: a connected piece of the background, over edges and not corners, of at least four pixels, that does not touch the border.
//! The **slant** is the shear `−μ₁₁/μ₀₂` of the ink's second moments, with rows counted downwards: positive leans to the right. The **thickness** is the width of a long stroke with
//! the same area and outline, `2 A/P`, where `P` counts the edges between ink and background.

use ndarray::ArrayView1;

/// The side of a picture.
pub(super) const SIDE: usize = 28;

/// Pieces of background below this size are accidents of the pen or of a pixel.
const SMALLEST_HOLE: usize = 4;

/// What is measured of one picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Measures {
    pub(super) has_loop: bool,
    pub(super) slant: f64,
    pub(super) thickness: f64,
}

impl Measures {
    /// Of a picture of `28 × 28` pixels from 0 to 1, row after row.
    pub(super) fn of(picture: ArrayView1<f64>) -> Self {
        let ink: Vec<bool> = picture.iter().map(|p| *p >= 0.5).collect();
        Measures {
            has_loop: has_loop(&ink),
            slant: slant(&ink),
            thickness: thickness(&ink),
        }
    }
}

/// The pixels beside a pixel.
fn neighbours(k: usize) -> impl Iterator<Item = Option<usize>> {
    let (row, column) = (k / SIDE, k % SIDE);
    [
        (row > 0).then(|| k - SIDE),
        (row + 1 < SIDE).then(|| k + SIDE),
        (column > 0).then(|| k - 1),
        (column + 1 < SIDE).then(|| k + 1),
    ]
    .into_iter()
}

fn has_loop(ink: &[bool]) -> bool {
    let mut seen = ink.to_vec();
    for start in 0..ink.len() {
        if seen[start] {
            continue;
        }
        seen[start] = true;
        let (mut piece, mut next, mut enclosed) = (vec![start], 0, true);
        while next < piece.len() {
            for neighbour in neighbours(piece[next]) {
                match neighbour {
                    None => enclosed = false,
                    Some(k) if !seen[k] => {
                        seen[k] = true;
                        piece.push(k);
                    }
                    Some(_) => {}
                }
            }
            next += 1;
        }
        if enclosed && piece.len() >= SMALLEST_HOLE {
            return true;
        }
    }
    false
}

fn slant(ink: &[bool]) -> f64 {
    let pixels = || {
        (0..ink.len())
            .filter(|&k| ink[k])
            .map(|k| ((k / SIDE) as f64, (k % SIDE) as f64))
    };
    let n = pixels().count() as f64;
    let (y, x) = pixels().fold((0.0, 0.0), |(y, x), p| (y + p.0 / n, x + p.1 / n));
    let (xy, yy) = pixels().fold((0.0, 0.0), |(xy, yy), p| {
        (xy + (p.1 - x) * (p.0 - y), yy + (p.0 - y) * (p.0 - y))
    });
    -xy / yy
}

fn thickness(ink: &[bool]) -> f64 {
    let area = ink.iter().filter(|on| **on).count() as f64;
    let edges = |k: usize| neighbours(k).filter(|n| n.is_none_or(|n| !ink[n])).count();
    let outline: usize = (0..ink.len()).filter(|&k| ink[k]).map(edges).sum();
    2.0 * area / outline as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array1;

    fn picture(on: impl Fn(usize, usize) -> bool) -> Measures {
        let pixels = (0..SIDE * SIDE).map(|k| f64::from(u8::from(on(k / SIDE, k % SIDE))));
        Measures::of(pixels.collect::<Array1<f64>>().view())
    }

    #[test]
    fn a_ring_has_a_loop_and_a_cut_ring_has_none() {
        let ring = |y: usize, x: usize| {
            (8..20).contains(&y) && (8..20).contains(&x) && !((10..18).contains(&y) && (10..18).contains(&x))
        };
        assert!(picture(ring).has_loop);
        assert!(!picture(|y, x| ring(y, x) && !(y < 12 && x == 14)).has_loop);
        // A hole of three pixels is an accident, and background that touches the border is no hole.
        assert!(
            !picture(|y, x| (8..14).contains(&y)
                && (8..14).contains(&x)
                && !(y == 10 && (9..12).contains(&x)))
            .has_loop
        );
        assert!(!picture(|_, x| x == 5 || x == 9).has_loop);
    }

    #[test]
    fn strokes_have_their_slant_and_width() {
        // A bar three pixels wide and twenty high, upright and sheared by a half to the right.
        let upright = picture(|y, x| (4..24).contains(&y) && (12..15).contains(&x));
        assert_eq!(upright.slant, 0.0);
        assert!((upright.thickness - 2.0 * 60.0 / 46.0).abs() < 1e-12);
        let sheared = picture(|y, x| (4..24).contains(&y) && (x + y / 2 >= 20) && (x + y / 2 < 23));
        assert!((sheared.slant - 0.5).abs() < 0.02, "{}", sheared.slant);
        let thick = picture(|y, x| (4..24).contains(&y) && (11..17).contains(&x));
        assert!(thick.thickness > upright.thickness);
    }
}
