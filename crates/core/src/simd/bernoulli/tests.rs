use super::*;
use crate::Streams;
use crate::simd::sigmoid_f32_in_place;

fn rng(key: u64) -> LaneRng {
    LaneRng::new(Streams::from_key(key), 0)
}

/// Logits over all magnitudes of both signs, with ±∞ and NaN among them.
fn logits(n: usize) -> Vec<f32> {
    (0..n)
        .map(|i| match i % 29 {
            7 => f32::INFINITY,
            11 => f32::NEG_INFINITY,
            13 => f32::NAN,
            _ => (i as f32 * 0.618).fract() * 40.0 - 20.0,
        })
        .collect()
}

fn bits(masks: &[u64], n: usize) -> Vec<bool> {
    (0..n).map(|i| masks[i / 64] >> (i % 64) & 1 == 1).collect()
}

#[test]
fn exactly_the_words_below_the_law_set_the_unit() {
    // With T = law · 2³⁰, the words whose top 30 bits are T − 1 and T are the last to set the unit and the first not to.
    for level in Executable::all() {
        for x in logits(2000) {
            let mut p = [x];
            sigmoid_f32_in_place(&mut p);
            let t = (bernoulli_law(p[0]) * f64::from(GRID)) as u64;
            let candidates = [0, 4 * t.saturating_sub(1) + 3, 4 * t, u64::from(u32::MAX)];
            let words = candidates.map(|word| word.min(u64::from(u32::MAX)) as u32);
            let mut masks = [0];
            draw(level, &words, &[x; 4], &mut masks);
            let expected = words.map(|word| u64::from(word >> 2) < t);
            assert_eq!(bits(&masks, 4), expected, "x = {x}, T = {t}");
        }
    }
}

#[test]
fn the_law_is_the_probability_on_its_grid() {
    assert_eq!(bernoulli_law(0.0), 0.0);
    assert_eq!(bernoulli_law(1.0), 1.0);
    assert_eq!(bernoulli_law(f32::NAN), 0.0);
    assert_eq!(bernoulli_law(-1.0), 0.0);
    assert_eq!(bernoulli_law(f32::INFINITY), 1.0);
    assert_eq!(bernoulli_law(2.0_f32.powi(-30)), 2.0_f64.powi(-30));
    let mut p = 1.0_f32;
    while p > f32::MIN_POSITIVE {
        let defect = f64::from(p) - bernoulli_law(p);
        if p >= 2.0_f32.powi(-7) {
            assert_eq!(defect, 0.0, "p = {p}");
        } else {
            assert!((0.0..2.0_f64.powi(-30)).contains(&defect), "p = {p}");
        }
        p *= 0.997;
    }
}

#[test]
fn all_entry_points_draw_the_same_units_from_one_word_each_at_every_length() {
    for n in (0..=200).chain([511, 512, 513, 1300]) {
        let x = logits(n);
        let mut p = x.clone();
        sigmoid_f32_in_place(&mut p);
        let mut words = vec![0; n];
        let mut after = rng(3);
        after.fill_u32(&mut words);
        let expected: Vec<bool> = words
            .iter()
            .zip(&p)
            .map(|(&word, &p)| f64::from(word >> 2) < bernoulli_law(p) * f64::from(GRID))
            .collect();
        let same = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());

        let mut masks = vec![u64::MAX; n.div_ceil(64)];
        let mut used = rng(3);
        sample_masks(&mut used, &x, &mut masks);
        assert_eq!(bits(&masks, n), expected);
        assert_eq!(used, after);
        if n % 64 != 0 {
            assert_eq!(masks[n / 64] >> (n % 64), 0);
        }

        let (mut again, mut y) = (vec![0; masks.len()], x.clone());
        let mut used = rng(3);
        sample_masks_with_probabilities(&mut used, &mut y, &mut again);
        assert!(again == masks && same(&y, &p));
        assert_eq!(used, after);

        let as_numbers: Vec<f32> = expected.iter().map(|&set| f32::from(u8::from(set))).collect();
        let mut samples = vec![-1.0; n];
        let mut used = rng(3);
        sample_units(&mut used, &x, &mut samples);
        assert_eq!(samples, as_numbers);
        assert_eq!(used, after);

        let (mut samples, mut y) = (vec![-1.0; n], x.clone());
        sample_units_with_probabilities(&mut rng(3), &mut y, &mut samples);
        assert!(samples == as_numbers && same(&y, &p));
    }
}

#[test]
fn all_levels_give_the_same_bits() {
    let x = logits(1000);
    let mut words = vec![0; x.len()];
    rng(5).fill_u32(&mut words);
    let n_masks = x.len().div_ceil(64);
    let results: Vec<_> = Executable::all()
        .map(|level| {
            let (mut masks, mut again, mut p) = (vec![0; n_masks], vec![0; n_masks], x.clone());
            draw(level, &words, &x, &mut masks);
            draw_in_place(level, &words, &mut p, &mut again);
            let mut units = vec![0.0; x.len()];
            unpack(level, &masks, &mut units);
            let p: Vec<u32> = p.iter().map(|p| p.to_bits()).collect();
            let units: Vec<u32> = units.iter().map(|u| u.to_bits()).collect();
            assert_eq!(masks, again);
            (masks, p, units)
        })
        .collect();
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn certain_units_are_always_and_impossible_ones_never_set() {
    let x: Vec<f32> = (0..64_000)
        .map(|i| if i % 2 == 0 { 20.0 } else { -30.0 })
        .collect();
    let mut masks = vec![0; 1000];
    sample_masks(&mut rng(8), &x, &mut masks);
    assert!(masks.iter().all(|&mask| mask == 0x5555_5555_5555_5555));
}

#[test]
fn frequencies_follow_the_law() {
    // Pearson's statistic of 64 independent units over many draws is chi-square with 64 degrees of freedom.
    const DRAWS: usize = 100_000;
    /// Quantile of chi-square with 64 degrees of freedom at 1 − α, α = 10⁻⁶.
    const CHI_SQUARE_64_AT_1E_6: f64 = 132.787;
    let x: [f32; 64] = std::array::from_fn(|i| (i as f32 - 31.5) * 0.2);
    let mut p = x;
    sigmoid_f32_in_place(&mut p);
    let mut rng = rng(11);
    let mut counts = [0_u32; 64];
    let mut mask = [0];
    for _ in 0..DRAWS {
        sample_masks(&mut rng, &x, &mut mask);
        for (i, count) in counts.iter_mut().enumerate() {
            *count += (mask[0] >> i & 1) as u32;
        }
    }
    let n = DRAWS as f64;
    let statistic: f64 = (counts.iter().zip(p))
        .map(|(&count, p)| {
            let p = bernoulli_law(p);
            (f64::from(count) - n * p).powi(2) / (n * p * (1.0 - p))
        })
        .sum();
    assert!(statistic < CHI_SQUARE_64_AT_1E_6, "chi-square {statistic}");
}

#[test]
#[should_panic(expected = "`masks` has 2 words for 64 `logits`")]
fn a_wrong_number_of_masks_is_refused() {
    sample_masks(&mut rng(0), &[0.0; 64], &mut [0; 2]);
}

#[test]
#[should_panic(expected = "`samples` has 3 elements for 2 `logits`")]
fn a_wrong_number_of_samples_is_refused() {
    sample_units(&mut rng(0), &[0.0; 2], &mut [0.0; 3]);
}
