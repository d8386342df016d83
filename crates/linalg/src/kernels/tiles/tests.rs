use super::product::multiply;
use super::unit::Unit;
use super::*;
use crate::kernels::{Line, PANEL};
use gibbsian_core::simd::Level;
use rayon::prelude::*;

const BOTH: [Digits; 2] = [Digits::Two, Digits::Three];

/// Numbers that fill the interval (−1, 1) evenly, times `scale` and a power of two a column.
fn panel_lines(n: usize, scale: f32) -> Vec<Line> {
    (0..n)
        .map(|i| {
            Line(std::array::from_fn(|j| {
                let x = ((i * PANEL + j) as f32 * 0.618_034).fract() * 2.0 - 1.0;
                x * scale * (2.0_f32).powi(j as i32 % 7 - 3)
            }))
        })
        .collect()
}

fn pack(digits: Digits, lines: &[Line]) -> TilePanel {
    let mut panel = TilePanel::default();
    panel.pack(digits, lines.len().div_ceil(PANEL), |k| {
        (&lines[k * PANEL..lines.len().min((k + 1) * PANEL)], 1.0)
    });
    panel
}

/// The largest magnitude of a column.
fn largest(lines: &[Line], j: usize) -> f64 {
    lines
        .iter()
        .fold(0.0, |most, line| f64::max(most, line.0[j].abs().into()))
}

/// Bits with about a third of ones.
fn mask(row: usize, block: usize) -> u64 {
    let word = (row as u64 * 131 + block as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    word & (word.rotate_left(29) | word.rotate_left(11))
}

fn bits(n: usize, n_blocks: usize) -> TileRows {
    let mut rows = TileRows::default();
    rows.reset_bits(n, n_blocks);
    rows.blocks_mut().enumerate().for_each(|(k, mut block)| {
        let masks: Vec<u64> = (0..n).map(|row| mask(row, k)).collect();
        // In two parts, as different writers would.
        block.set_bits(n / 2, &masks[n / 2..]);
        block.set_bits(0, &masks[..n / 2]);
    });
    rows
}

#[test]
fn a_product_of_bits_is_the_sum_of_the_rows_that_are_on() {
    for (n, n_lines) in [(1, 1), (16, 64), (33, 70), (100, 784)] {
        let (lines, n_blocks) = (panel_lines(n_lines, 3.0), n_lines.div_ceil(PANEL));
        let start = Line(std::array::from_fn(|j| {
            if j == 5 {
                f32::NEG_INFINITY
            } else {
                j as f32 - 20.0
            }
        }));
        for digits in BOTH {
            let mut out = vec![Line::ZERO; n];
            product(&bits(n, n_blocks), &pack(digits, &lines), &start, 0.5, &mut out);
            for (row, out) in out.iter().enumerate() {
                for j in 0..PANEL {
                    let on = (0..n_lines).filter(|i| mask(row, i / PANEL) >> (i % PANEL) & 1 == 1);
                    let on: Vec<f64> = on.map(|i| f64::from(lines[i].0[j])).collect();
                    let sum: f64 = on.iter().sum();
                    let expected = f64::from(start.0[j]) + 0.5 * sum;
                    if expected.is_infinite() {
                        assert_eq!(out.0[j], f32::NEG_INFINITY);
                        continue;
                    }
                    // Half a step of the grid a bit, halved by the scale, and the roundings of the scale, the step and the last additions.
                    let grid = 0.25 * on.len() as f64 * largest(&lines, j) / f64::from(digits.limit());
                    let magnitudes = expected.abs() + on.iter().map(|x| x.abs()).sum::<f64>();
                    let rounding = 4.0 * f64::from(f32::EPSILON) * magnitudes;
                    let error = (f64::from(out.0[j]) - expected).abs();
                    assert!(
                        error <= grid + rounding,
                        "{digits:?}, {n} x {n_lines}, row {row}, column {j}: {error:e}"
                    );
                }
            }
        }
    }
}

/// Means of all sizes, with both ends among them.
fn means(n: usize, n_units: usize) -> Vec<Vec<Line>> {
    let mean = |row: usize, i: usize| match (row + i) % 11 {
        _ if i >= n_units => 0.0,
        0 => 0.0,
        1 => 1.0,
        _ => ((row * 577 + i) as f32 * 0.618_034).fract(),
    };
    (0..n_units.div_ceil(PANEL))
        .map(|k| {
            (0..n)
                .map(|row| Line(std::array::from_fn(|i| mean(row, k * PANEL + i))))
                .collect()
        })
        .collect()
}

fn tiled(means: &[Vec<Line>]) -> TileRows {
    let mut rows = TileRows::default();
    rows.reset_means(means[0].len(), means.len());
    rows.blocks_mut()
        .zip(means.par_iter())
        .for_each(|(mut block, lines)| block.set_means(0, lines));
    rows
}

#[test]
fn a_product_of_means_is_off_by_two_grids_and_the_digits_left_out() {
    let (n, n_units) = (37, 500);
    let (lines, means) = (panel_lines(n_units, 2.0), means(n, n_units));
    let mut out = vec![Line::ZERO; n];
    product(
        &tiled(&means),
        &pack(Digits::Two, &lines),
        &Line::ZERO,
        1.0,
        &mut out,
    );
    for (row, out) in out.iter().enumerate() {
        for j in 0..PANEL {
            let terms = lines.iter().enumerate();
            let sum: f64 = terms
                .map(|(i, line)| f64::from(means[i / PANEL][row].0[i % PANEL]) * f64::from(line.0[j]))
                .sum();
            // A term errs by half a step of either grid, and by 255 · 128 steps of both.
            let term = largest(&lines, j)
                * (0.5 / 65_535.0 + 0.5 / 32_639.0 + 255.0 * 128.0 / (65_535.0 * 32_639.0));
            let error = (f64::from(out.0[j]) - sum).abs();
            assert!(error <= n_units as f64 * term, "row {row}, column {j}: {error:e}");
            // Digits are balanced, so that errors have no preferred sign and add up like a random walk.
            assert!(
                error <= 5.0 * (n_units as f64).sqrt() * term,
                "row {row}, column {j}: {error:e}"
            );
        }
    }
}

#[test]
fn the_unit_and_vectors_of_bytes_compute_what_plain_integers_do() {
    let lines = panel_lines(200, 1.0);
    // Of 1 to 32 rows a tile has 1 to 16, of 45 rows in four tiles 12.
    for n in (1..=32).chain([45]) {
        let cases = [
            (bits(n, 4), Digits::Two),
            (bits(n, 4), Digits::Three),
            (tiled(&means(n, 200)), Digits::Two),
        ];
        for (rows, digits) in cases {
            let panel = pack(digits, &lines);
            let tile_rows = rows.tile_rows();
            for (pair, first) in (0..n).step_by(2 * tile_rows).enumerate() {
                let product = |unit: &Unit| {
                    let mut out = vec![Line::ZERO; (n - first).min(2 * tile_rows)];
                    multiply(unit, &rows, pair, &panel, Some(&Line::ZERO), 1.0, &mut out);
                    out
                };
                let plain = product(&Unit::plain(tile_rows));
                let others = [
                    Some(Unit::new(tile_rows, digits as usize)),
                    Unit::of_bytes(tile_rows),
                ];
                for unit in others.into_iter().flatten() {
                    assert_eq!(product(&unit), plain, "{digits:?}, {n} rows");
                }
            }
        }
    }
}

/// The largest digits that there are, everywhere: nothing saturates on the way to the sums.
#[test]
fn the_largest_digits_add_up() {
    let lines = vec![Line(std::array::from_fn(|j| [1.0, -1.0][j % 2])); 13 * PANEL];
    let rows = tiled(&vec![vec![Line([1.0; PANEL]); 20]; 13]);
    let panel = pack(Digits::Two, &lines);
    let product = |unit: &Unit| {
        let mut out = vec![Line::ZERO; 20];
        multiply(unit, &rows, 0, &panel, Some(&Line::ZERO), 1.0, &mut out);
        out
    };
    let plain = product(&Unit::plain(rows.tile_rows()));
    assert!((plain[0].0[0] - 832.0).abs() < 0.1 && (plain[19].0[63] + 832.0).abs() < 0.1);
    if let Some(bytes) = Unit::of_bytes(rows.tile_rows()) {
        assert_eq!(product(&bytes), plain);
    }
}

#[test]
fn every_vector_width_gives_the_same_digits_and_sums() {
    let (lines, means) = (panel_lines(150, 1.0), means(40, 150));
    let run = |level| {
        Level::limit(level);
        let mut out = vec![Line::ZERO; 120];
        let (two, rest) = out.split_at_mut(40);
        let (three, of_means) = rest.split_at_mut(40);
        product(&bits(40, 3), &pack(Digits::Two, &lines), &lines[0], 0.3, two);
        product(&bits(40, 3), &pack(Digits::Three, &lines), &lines[0], 0.3, three);
        of_means.copy_from_slice(&lines[..40]);
        add_product(&tiled(&means), &pack(Digits::Two, &lines), 0.3, of_means);
        out
    };
    let all = Level::ALL.map(run);
    assert!(all.iter().all(|out| *out == all[0]));
}

#[test]
fn a_product_can_be_added() {
    let (lines, rows) = (panel_lines(64, 1.0), bits(20, 1));
    let panel = pack(Digits::Three, &lines);
    let mut out = vec![Line::ZERO; 20];
    product(&rows, &panel, &lines[3], 0.5, &mut out);
    let mut added = vec![lines[3]; 20];
    add_product(&rows, &panel, 0.5, &mut added);
    assert_eq!(out, added);
}

#[test]
fn rows_in_pairs_are_the_rows_of_the_product() {
    let panel = pack(Digits::Two, &panel_lines(64, 1.0));
    let rows = bits(70, 1);
    let mut out = vec![Line::ZERO; 70];
    product(&rows, &panel, &Line::ZERO, 1.0, &mut out);
    let mut seen = 0;
    for_each_pair(&rows, &panel, |first, lines| {
        assert_eq!(first, seen);
        assert_eq!(lines, &out[first..first + lines.len()]);
        seen += lines.len();
    });
    assert_eq!(seen, 70);
}

#[test]
fn blocks_carry_factors_and_extreme_columns_keep_their_digits() {
    let mut lines = panel_lines(64, 1.0);
    for line in &mut lines {
        line.0[0] = 0.0;
        line.0[1] *= 1e37;
        line.0[2] *= 1e-30;
        line.0[3] = f32::MAX;
        line.0[4] = f32::MIN_POSITIVE / 8.0;
    }
    for digits in BOTH {
        let mut panel = TilePanel::default();
        panel.pack(digits, 2, |k| (&lines, [0.5, -0.25][k]));
        let mut rows = TileRows::default();
        rows.reset_bits(1, 2);
        rows.blocks_mut().for_each(|mut block| block.set_bits(0, &[1]));
        let mut out = [Line::ZERO];
        product(&rows, &panel, &Line::ZERO, 1.0, &mut out);
        for j in [0, 1, 2, 3, 7, 63] {
            let expected = 0.25 * f64::from(lines[0].0[j]);
            // Half a step for each of two bits, of columns that are halved.
            let tolerance =
                largest(&lines, j) * (0.5 / f64::from(digits.limit()) + 4.0 * f64::from(f32::EPSILON));
            let error = (f64::from(out[0].0[j]) - expected).abs();
            assert!(error <= tolerance, "{digits:?}, column {j}: {error:e}");
        }
        assert!(out[0].0[4].abs() <= f32::MIN_POSITIVE);
    }
}

#[test]
fn copies_are_counted() {
    let lines = panel_lines(64, 1.0);
    let panel = pack(Digits::Three, &lines);
    let counted = |masks: &[u64], n: usize| {
        let mut rows = TileRows::default();
        rows.reset_bits(n, 1);
        rows.blocks_mut().for_each(|mut block| {
            block.set_bits(0, &masks[..n]);
            masks[n..].chunks(n).for_each(|copy| block.add_bits(0, copy));
        });
        let mut out = vec![Line::ZERO; n];
        product(&rows, &panel, &Line::ZERO, 1.0, &mut out);
        out
    };
    let twice = counted(&[0b011, 0b100, 0b110, 0b100], 2);
    let once = counted(&[0b011, 0b100, 0b110], 3);
    for j in 0..PANEL {
        let tolerance = 4.0 * f32::EPSILON * largest(&lines, j) as f32;
        assert!((twice[0].0[j] - (once[0].0[j] + once[2].0[j])).abs() <= tolerance);
        assert!((twice[1].0[j] - 2.0 * once[1].0[j]).abs() <= tolerance);
    }
}

#[test]
fn threads_share_nothing_but_the_permission() {
    let panel = pack(Digits::Three, &panel_lines(784, 1.0));
    let rows = bits(100, 13);
    let run = |_| {
        let mut out = vec![Line::ZERO; 100];
        product(&rows, &panel, &Line::ZERO, 1.0, &mut out);
        out
    };
    let alone = run(0);
    assert!((0..200).into_par_iter().map(run).all(|out| out == alone));
}

#[test]
#[should_panic(expected = "columns of the rows against rows of the panel")]
fn operands_must_fit() {
    let panel = pack(Digits::Two, &panel_lines(64, 1.0));
    product(&bits(1, 2), &panel, &Line::ZERO, 1.0, &mut [Line::ZERO]);
}

#[test]
fn digits_have_a_shape() {
    // Column 0 in steps of 1/32639: 127 · 256 + 127, and 3; column 1 is its negative.
    let mut lines = vec![Line::ZERO; 2];
    lines[0].0[0] = 1.0;
    lines[0].0[1] = -1.0;
    lines[1].0[0] = 3.0 / 32_639.0;
    lines[1].0[1] = -3.0 / 32_639.0;
    let panel = pack(Digits::Two, &lines);
    let digits = |i: usize, j: usize| [0, 1].map(|d| panel.tiles(0)[d].0[4 * j + i] as i8);
    assert_eq!([digits(0, 0), digits(1, 0)], [[127, 127], [0, 3]]);
    assert_eq!([digits(0, 1), digits(1, 1)], [[-127, -127], [0, -3]]);
}
