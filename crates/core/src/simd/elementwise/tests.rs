use super::*;

type Kernel = fn(Executable, &[f32], &mut [f32]);
type InPlace = fn(Executable, &mut [f32]);

struct Case {
    name: &'static str,
    kernel: Kernel,
    in_place: InPlace,
    reference: fn(f64) -> f64,
    /// The promised relative error in units of 2⁻²⁴.
    bound: f64,
}

const CASES: [Case; 4] = [
    Case {
        name: "exp",
        kernel: exp_into,
        in_place: exp_in_place,
        reference: f64::exp,
        bound: 1.5,
    },
    Case {
        name: "sigmoid",
        kernel: sigmoid_into,
        in_place: sigmoid_in_place,
        reference: |x| {
            if x < 0.0 {
                x.exp() / (1.0 + x.exp())
            } else {
                1.0 / (1.0 + (-x).exp())
            }
        },
        bound: 3.5,
    },
    Case {
        name: "softplus",
        kernel: softplus_into,
        in_place: softplus_in_place,
        reference: |x| x.max(0.0) + (-x.abs()).exp().ln_1p(),
        bound: 4.0,
    },
    Case {
        name: "tanh",
        kernel: tanh_into,
        in_place: tanh_in_place,
        reference: f64::tanh,
        bound: 3.5,
    },
];

/// Every 1009th bit pattern of `f32`: all exponents, both signs, subnormals and NaNs.
fn sweep() -> Vec<f32> {
    (0..=u32::MAX).step_by(1009).map(f32::from_bits).collect()
}

#[test]
fn the_promised_accuracy_holds_over_the_whole_range() {
    let x = sweep();
    let mut y = vec![0.0; x.len()];
    for case in CASES {
        (case.kernel)(Executable::current(), &x, &mut y);
        for (&x, &y) in x.iter().zip(&y) {
            let exact = (case.reference)(f64::from(x));
            if x.is_nan() {
                assert!(y.is_nan(), "{}({x}) = {y}", case.name);
            } else if (exact as f32).is_infinite() {
                assert_eq!(y, exact as f32, "{}({x})", case.name);
            } else if exact.abs() >= f64::from(f32::MIN_POSITIVE) {
                let error = (f64::from(y) - exact).abs() / exact.abs() * 2.0_f64.powi(24);
                assert!(
                    error <= case.bound,
                    "{}({x}) = {y}, error {error} x 2^-24",
                    case.name
                );
            } else {
                // Subnormal results are spaced by 2^-149.
                let error = (f64::from(y) - exact).abs() * 2.0_f64.powi(149);
                assert!(error <= 1.5, "{}({x}) = {y}, error {error} x 2^-149", case.name);
            }
        }
    }
}

#[test]
fn all_levels_and_both_forms_give_the_same_bits() {
    let x: Vec<f32> = sweep().into_iter().step_by(7).collect();
    let bits = |y: &[f32]| y.iter().map(|y| y.to_bits()).collect::<Vec<_>>();
    for case in CASES {
        // One element at a time at the portable level: the scalar code.
        let mut expected = vec![0.0; x.len()];
        let portable = Executable::all().next().unwrap();
        for (x, y) in x.chunks(1).zip(expected.chunks_mut(1)) {
            (case.kernel)(portable, x, y);
        }
        for level in Executable::all() {
            let mut y = vec![0.0; x.len()];
            (case.kernel)(level, &x, &mut y);
            assert_eq!(bits(&y), bits(&expected), "{} at {level:?}", case.name);
            let mut y = x.clone();
            (case.in_place)(level, &mut y);
            assert_eq!(bits(&y), bits(&expected), "{} in place at {level:?}", case.name);
        }
    }
}

#[test]
fn every_length_and_alignment_is_covered_and_nothing_beyond() {
    let x: Vec<f32> = (0..210).map(|i| (i as f32 - 100.0) * 0.17).collect();
    for case in CASES {
        let mut expected = x.clone();
        (case.in_place)(Executable::current(), &mut expected);
        for level in Executable::all() {
            for length in 0..=200 {
                let start = length % 7;
                let end = start + length;
                let mut y = vec![-7.0; x.len()];
                (case.kernel)(level, &x[start..end], &mut y[start..end]);
                assert_eq!(y[start..end], expected[start..end], "{} of {length}", case.name);
                assert!(y[..start].iter().chain(&y[end..]).all(|&y| y == -7.0));
            }
        }
    }
}

#[test]
fn special_values_are_exact() {
    let (inf, tiny) = (f32::INFINITY, f32::from_bits(1));
    let x = [-inf, inf, 0.0, -0.0, tiny, -tiny, 200.0, -200.0];
    let expected = [
        [0.0, inf, 1.0, 1.0, 1.0, 1.0, inf, 0.0],
        [0.0, 1.0, 0.5, 0.5, 0.5, 0.5, 1.0, 0.0],
        [
            0.0,
            inf,
            std::f32::consts::LN_2,
            std::f32::consts::LN_2,
            std::f32::consts::LN_2,
            std::f32::consts::LN_2,
            200.0,
            0.0,
        ],
        [-1.0, 1.0, 0.0, -0.0, tiny, -tiny, 1.0, -1.0],
    ];
    for (case, expected) in CASES.iter().zip(expected) {
        let mut y = x;
        (case.in_place)(Executable::current(), &mut y);
        assert_eq!(
            y.map(f32::to_bits),
            expected.map(f32::to_bits),
            "{}: {y:?}",
            case.name
        );
    }
}

#[test]
fn probabilities_stay_in_the_unit_interval_and_tanh_is_odd() {
    let x: Vec<f32> = sweep().into_iter().filter(|x| !x.is_nan()).collect();
    let mut p = vec![0.0; x.len()];
    sigmoid_f32(&x, &mut p);
    assert!(p.iter().all(|p| (0.0..=1.0).contains(p)));
    let (mut plus, mut minus) = (x.clone(), x.iter().map(|x| -x).collect::<Vec<_>>());
    tanh_f32_in_place(&mut plus);
    tanh_f32_in_place(&mut minus);
    assert!(
        plus.iter()
            .zip(&minus)
            .all(|(plus, minus)| plus.to_bits() == (-minus).to_bits())
    );
}

#[test]
#[should_panic(expected = "3 elements for 2")]
fn slices_of_different_lengths_are_refused() {
    exp_f32(&[0.0; 2], &mut [0.0; 3]);
}
