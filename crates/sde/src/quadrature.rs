//! Integrals of functions of time over a step, to rounding.
//!
//! The pair of Gauss's rule with 7 nodes and Kronrod's with 15 that contain them (Kronrod 1965; QUADPACK's `qk15`, Piessens et al. 1983). The difference
//! of the two is the error of the weaker; that of the stronger is about its square, so that rules which agree to 1e-10 leave nothing to do. Otherwise the
//! step is halved, for a schedule that bends much in it or has a kink. Nodes lie inside: the ends, where a schedule may be singular, are never asked for.

/// Non-negative nodes, weights of Kronrod's rule, and those of Gauss's rule or 0, rounded from 22 digits; the middle is first.
const RULE: [(f64, f64, f64); 8] = [
    (0.0, 0.209_482_141_084_727_82, 0.417_959_183_673_469_4),
    (0.207_784_955_007_898_48, 0.204_432_940_075_298_89, 0.0),
    (
        0.405_845_151_377_397_2,
        0.190_350_578_064_785_42,
        0.381_830_050_505_118_9,
    ),
    (0.586_087_235_467_691_1, 0.169_004_726_639_267_9, 0.0),
    (
        0.741_531_185_599_394_5,
        0.140_653_259_715_525_92,
        0.279_705_391_489_276_64,
    ),
    (0.864_864_423_359_769_1, 0.104_790_010_322_250_19, 0.0),
    (
        0.949_107_912_342_758_5,
        0.063_092_092_629_978_56,
        0.129_484_966_168_869_7,
    ),
    (0.991_455_371_120_812_6, 0.022_935_322_010_529_224, 0.0),
];

/// Where a function jumps, panels around it are halved until they are as small as rounding allows.
const DEEPEST: usize = 45;

/// The most panels: what one jump needs and as much again, so that a function which is rough everywhere does not cost `2^DEEPEST` of them.
const MOST_PANELS: usize = 4 * DEEPEST;

/// `∫ f_k` from `from` to `to` for several functions at once. The first decides whether the step is halved.
pub(crate) fn integrate<const N: usize>(from: f64, to: f64, f: &impl Fn(f64) -> [f64; N]) -> [f64; N] {
    panel(from, to, f, DEEPEST, &mut { MOST_PANELS })
}

fn panel<const N: usize>(
    from: f64,
    to: f64,
    f: &impl Fn(f64) -> [f64; N],
    deeper: usize,
    panels_left: &mut usize,
) -> [f64; N] {
    const AGREEMENT: f64 = 1e-10;
    let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
    let (mut kronrod, mut gauss) = ([0.0; N], 0.0);
    let mut add = |node: f64, weight: f64, gauss_weight: f64| {
        let values = f(middle + half * node);
        for (sum, value) in kronrod.iter_mut().zip(values) {
            *sum += half * weight * value;
        }
        gauss += half * gauss_weight * values[0];
    };
    for (k, &(node, weight, gauss_weight)) in RULE.iter().enumerate() {
        add(node, weight, gauss_weight);
        if k > 0 {
            add(-node, weight, gauss_weight);
        }
    }
    // NaN does not disagree, so that it is not looked for in ever smaller panels.
    let disagree = (kronrod[0] - gauss).abs() > AGREEMENT * kronrod[0].abs();
    if !disagree || deeper == 0 || *panels_left < 2 {
        return kronrod;
    }
    *panels_left -= 2;
    let mut sum = panel(from, middle, f, deeper - 1, panels_left);
    for (sum, part) in sum.iter_mut().zip(panel(middle, to, f, deeper - 1, panels_left)) {
        *sum += part;
    }
    sum
}
