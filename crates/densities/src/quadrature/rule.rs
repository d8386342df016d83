//! The 10-point Gauss rule inside the 21-point Kronrod rule (Kronrod 1965), and what a cell's values say.

/// The number of nodes.
pub(crate) const N: usize = 21;

/// The positive nodes on `[−1, 1]` from the middle outwards; odd positions belong to the Gauss rule.
const NODES: [f64; 11] = [
    0.0,
    0.148_874_338_981_631_21,
    0.294_392_862_701_460_2,
    0.433_395_394_129_247_2,
    0.562_757_134_668_604_7,
    0.679_409_568_299_024_4,
    0.780_817_726_586_416_9,
    0.865_063_366_688_984_5,
    0.930_157_491_355_708_2,
    0.973_906_528_517_171_7,
    0.995_657_163_025_808_1,
];

const KRONROD: [f64; 11] = [
    0.149_445_554_002_916_9,
    0.147_739_104_901_338_48,
    0.142_775_938_577_060_09,
    0.134_709_217_311_473_34,
    0.123_491_976_262_065_84,
    0.109_387_158_802_297_64,
    0.093_125_454_583_697_61,
    0.075_039_674_810_919_96,
    0.054_755_896_574_351_995,
    0.032_558_162_307_964_725,
    0.011_694_638_867_371_874,
];

const GAUSS: [f64; 5] = [
    0.295_524_224_714_752_87,
    0.269_266_719_309_996_35,
    0.219_086_362_515_982_04,
    0.149_451_349_150_580_6,
    0.066_671_344_308_688_14,
];

/// The position of node `i`, of both signs, among the positive nodes.
const fn fold(i: usize) -> usize {
    i.abs_diff(N / 2)
}

/// Node `i`; nodes rise.
pub(crate) fn node(i: usize) -> f64 {
    if i < N / 2 {
        -NODES[fold(i)]
    } else {
        NODES[fold(i)]
    }
}

/// The weight of node `i` in the Kronrod rule.
pub(crate) fn kronrod(i: usize) -> f64 {
    KRONROD[fold(i)]
}

fn gauss(i: usize) -> f64 {
    let k = fold(i);
    if k % 2 == 1 { GAUSS[k / 2] } else { 0.0 }
}

/// What the values at the nodes of a cell say of its integral.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged<const D: usize> {
    /// The integral.
    pub(super) value: f64,
    /// The integral of the absolute value.
    pub(super) magnitude: f64,
    /// The estimated error that halving along each axis could remove.
    pub(super) error: [f64; D],
    /// The integral over the other axes of the total variation along each axis.
    pub(super) variation: [f64; D],
}

/// Integrates a cell of this volume from the values at its `21^D` nodes, the last axis running fastest.
pub(super) fn judge<const D: usize>(values: &[f64], volume: f64) -> Judged<D> {
    // Weights belong to [−1, 1], of length two.
    let scale = volume / f64::from(1 << D);
    let all = sums::<D>(values, |v| v);
    let [value, magnitude, ..] = all;
    let mean = value / f64::from(1 << D);
    // QUADPACK's measure of how much the function varies within the cell.
    let [_, spread, ..] = sums::<D>(values, |v| v - mean);
    // QUADPACK takes the first of the two, which is far below the difference where that is small: the Kronrod rule that is used is better than
    // the Gauss rule. On ridges across a cell of the plane it is not, and then the estimate was too low.
    let judge = |other: f64| {
        let difference = (value - other).abs();
        let expected = spread * (200.0 * difference / spread).powf(1.5).min(1.0);
        scale
            * if spread > 0.0 {
                expected.max(difference)
            } else {
                difference
            }
    };
    let mut error: [f64; D] = std::array::from_fn(|axis| judge(all[2 + axis]));
    if D == 2 {
        // A diagonal ridge is seen at the diagonal nodes only, where Gauss weights are twice the Kronrod weights at every other node: the
        // rules that mix both agree with the Kronrod rule by accident. The Gauss rule along both axes does not.
        let excess = judge(all[4]) - error.iter().sum::<f64>();
        error = error.map(|e| e + 0.5 * excess.max(0.0));
    }
    Judged {
        value: value * scale,
        magnitude: magnitude * scale,
        error,
        variation: variations::<D>(values),
    }
}

/// The total variation along each axis, integrated over the other, on `[−1, 1]^D`.
fn variations<const D: usize>(values: &[f64]) -> [f64; D] {
    let steps = |line: &mut dyn Iterator<Item = f64>| {
        let mut last = None;
        let mut total = 0.0;
        for v in line {
            total += last.map_or(0.0, |last: f64| (v - last).abs());
            last = Some(v);
        }
        total
    };
    if D == 1 {
        return [steps(&mut values.iter().copied()); D];
    }
    std::array::from_fn(|axis| {
        (0..N)
            .map(|k| {
                let line = (0..N).map(|i| {
                    if axis == 0 {
                        values[i * N + k]
                    } else {
                        values[k * N + i]
                    }
                });
                kronrod(k) * steps(&mut line.into_iter())
            })
            .sum()
    })
}

/// The sums by Kronrod weights of `f(v)` and `|f(v)|`, and of `f(v)` with Gauss weights along the first, the second and both axes.
fn sums<const D: usize>(values: &[f64], f: impl Fn(f64) -> f64) -> [f64; 5] {
    if D == 1 {
        let [kronrod, magnitude, gauss] = line_sums(values, f);
        return [kronrod, magnitude, gauss, 0.0, 0.0];
    }
    let mut total = [0.0; 5];
    for (i, row) in values.chunks_exact(N).enumerate() {
        let inner = line_sums(row, &f);
        total[0] += kronrod(i) * inner[0];
        total[1] += kronrod(i) * inner[1];
        total[2] += gauss(i) * inner[0];
        total[3] += kronrod(i) * inner[2];
        total[4] += gauss(i) * inner[2];
    }
    total
}

/// The same on a line.
fn line_sums(values: &[f64], f: impl Fn(f64) -> f64) -> [f64; 3] {
    let mut total = [0.0; 3];
    for (i, &v) in values.iter().enumerate() {
        let v = f(v);
        total[0] += kronrod(i) * v;
        total[1] += kronrod(i) * v.abs();
        total[2] += gauss(i) * v;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_have_their_degrees() {
        // Kronrod: 3n + 1 = 31 for n = 10; Gauss: 2n − 1 = 19. One degree more, rounded up to even, fails.
        for k in 0..=32 {
            let exact = if k % 2 == 0 { 2.0 / f64::from(k + 1) } else { 0.0 };
            let by = |w: fn(usize) -> f64| (0..N).map(|i| w(i) * node(i).powi(k)).sum::<f64>();
            assert_eq!(
                (by(kronrod) - exact).abs() < 2e-15,
                k <= 31,
                "Kronrod at degree {k}"
            );
            assert_eq!(
                (by(gauss) - exact).abs() < 2e-15,
                k < 20 || k % 2 == 1,
                "Gauss at degree {k}"
            );
        }
    }

    #[test]
    fn the_axis_that_varies_is_the_one_to_halve() {
        let values: Vec<f64> = (0..N * N).map(|k| (node(k / N) * 40.0).cos() + 1.0).collect();
        let judged = judge::<2>(&values, 4.0);
        assert!(judged.error[0] > 0.1 && judged.error[1] < 1e-12, "{judged:?}");
        assert!((judged.magnitude - judged.value).abs() < 1e-15);
    }
}
