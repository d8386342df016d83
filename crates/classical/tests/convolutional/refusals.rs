//! What convolutional machines and their layers refuse, by name.

use gibbsian_classical::{Bernoulli, Boundary, ConvolutionalRbm, Gaussian, MaxPooled, Repeated};
use gibbsian_core::{Parametric, ParametricMut, Seed, Units};
use ndarray::{Array1, Array4, array};

fn binary(shape: [usize; 2], filters: (usize, usize, usize, usize)) -> Result<ConvolutionalRbm, String> {
    let (b, c) = (Array1::zeros(filters.2), Array1::zeros(filters.3));
    ConvolutionalRbm::binary(shape, b, c, Array4::zeros(filters), Boundary::Open).map_err(|e| e.to_string())
}

#[test]
fn filters_that_do_not_fit_are_refused() {
    for filters in [
        (4, 1, 1, 1),
        (1, 3, 1, 1),
        (0, 1, 1, 1),
        (1, 1, 0, 1),
        (1, 1, 1, 0),
    ] {
        let refusal = binary([3, 2], filters).unwrap_err();
        assert!(refusal.starts_with("`filters` has shape"), "{refusal}");
        assert!(
            refusal.contains("(1..=3, 1..=2, at least 1, at least 1)"),
            "{refusal}"
        );
    }
    assert!(binary([3, 2], (3, 2, 1, 1)).is_ok());
    let mut bad = Array4::zeros((1, 1, 1, 2));
    bad[[0, 0, 0, 1]] = f64::NAN;
    let refusal = ConvolutionalRbm::binary([2, 2], array![0.0], array![0.0, 0.0], bad, Boundary::Open);
    assert!(
        refusal
            .unwrap_err()
            .to_string()
            .starts_with("`filters[0, 0, 0, 1]` is NaN")
    );
}

#[test]
fn layers_of_another_size_are_refused() {
    let bits = |n| Repeated::new(Bernoulli::unbiased(1), n).unwrap();
    let make = |v, h| {
        ConvolutionalRbm::new(
            [2, 3],
            bits(v),
            bits(h),
            Array4::zeros((1, 2, 1, 1)),
            Boundary::Open,
        )
        .map(|_| ())
        .map_err(|e| e.to_string())
    };
    assert!(make(6, 4).is_ok());
    let refusal = make(5, 4).unwrap_err();
    assert!(
        refusal.contains("`visible`") && refusal.contains("of 6 units, 2 × 3 places of 1 channels"),
        "{refusal}"
    );
    let refusal = make(6, 6).unwrap_err();
    assert!(
        refusal.contains("`hidden`") && refusal.contains("of 4 units, 2 × 2 places of 1 filters"),
        "{refusal}"
    );
}

/// Two Gaussian layers: pixels see four hidden units each, and weights of a quarter of the precision are the limit on a torus.
#[test]
fn a_coupling_without_a_normaliser_is_refused_and_changes_nothing() {
    let gaussian = || Repeated::new(Gaussian::standard(1), 9).unwrap();
    let make = |w: f64| {
        let filters = Array4::from_elem((2, 2, 1, 1), w);
        ConvolutionalRbm::new([3, 3], gaussian(), gaussian(), filters, Boundary::Periodic)
    };
    assert!(make(0.26).is_err());
    let mut machine = make(0.24).unwrap();
    let before = machine.params();
    let mut params = before.clone();
    params.iter_mut().take(4).for_each(|w| *w = 0.26);
    assert!(machine.set_params(params.view()).is_err());
    assert_eq!(machine.params(), before);
    params[2] = f64::NAN;
    let refusal = machine.set_params(params.view()).unwrap_err().to_string();
    assert!(refusal.contains("`filters[1, 0, 0, 0]` is NaN"), "{refusal}");
}

#[test]
fn layers_refuse_what_they_cannot_be_and_rows_that_are_no_states() {
    assert!(Repeated::new(Bernoulli::unbiased(1), 0).is_err());
    let refusal = MaxPooled::new([4, 6], [2, 4], array![0.0])
        .unwrap_err()
        .to_string();
    assert!(
        refusal.contains("`block[1]` is 4") && refusal.contains("divisor of the 6"),
        "{refusal}"
    );
    assert!(MaxPooled::new([4, 6], [0, 2], array![0.0]).is_err());
    assert!(MaxPooled::new([4, 6], [2, 2], Array1::zeros(0)).is_err());
    assert!(MaxPooled::new([4, 6], [2, 2], array![f64::NAN]).is_err());
    let pooled = MaxPooled::new([1, 4], [1, 2], array![0.0]).unwrap();
    let refusal = pooled
        .check_rows("h", array![[0.0, 1.0, 1.0, 1.0]].view())
        .unwrap_err()
        .to_string();
    assert!(refusal.contains("`h[0, [2, 3]]` is [1.0, 1.0]"), "{refusal}");
    assert!(
        pooled
            .check_rows("h", array![[0.5, 0.4, 0.0, 0.0]].view())
            .is_ok()
    );
    let bits = Repeated::new(Bernoulli::unbiased(2), 2).unwrap();
    let refusal = bits
        .check_rows("v", array![[0.0, 1.0, 0.0, 2.0]].view())
        .unwrap_err()
        .to_string();
    assert!(refusal.starts_with("`places[1].v[0, 1]` is 2"), "{refusal}");
}

#[test]
fn a_random_machine_needs_a_scale_and_is_its_seed() {
    let make = |scale, seed| {
        let visible = Repeated::new(Bernoulli::unbiased(2), 12).unwrap();
        let hidden = Repeated::new(Bernoulli::unbiased(3), 6).unwrap();
        ConvolutionalRbm::random(
            [3, 4],
            visible,
            hidden,
            [2, 2, 2, 3],
            Boundary::Open,
            scale,
            Seed::new(seed),
        )
    };
    assert!(make(0.0, 1).is_err());
    assert_eq!(make(0.1, 1).unwrap(), make(0.1, 1).unwrap());
    assert_ne!(make(0.1, 1).unwrap(), make(0.1, 2).unwrap());
}
