use super::*;
use crate::Streams;

fn rng(key: u64) -> LaneRng {
    LaneRng::new(Streams::from_key(key), 0)
}

/// Disjoint classes with bits here and there, a quarter of them in none.
fn classes(n: usize) -> [Vec<u64>; 3] {
    let mut words = vec![0; 4 * n];
    rng(99).fill_u32(&mut words);
    let word = |k: usize| u64::from(words[2 * k]) << 32 | u64::from(words[2 * k + 1]);
    let pair = |k: usize| (word(k), word(n + k));
    [
        (0..n).map(|k| pair(k).0 & pair(k).1).collect(),
        (0..n).map(|k| pair(k).0 & !pair(k).1).collect(),
        (0..n).map(|k| !pair(k).0 & pair(k).1).collect(),
    ]
}

fn draw(level: Executable, rng: &mut LaneRng, classes: &[Vec<u64>; 3], thresholds: [u64; 3]) -> Vec<u64> {
    let mut out = vec![u64::MAX; classes[0].len()];
    rng.fill_below_at(level, classes.each_ref().map(Vec::as_slice), thresholds, &mut out);
    out
}

/// The bits of one step of the stream.
fn step(rng: &mut LaneRng) -> Vec<bool> {
    let mut words = [0; 16];
    rng.fill_u32(&mut words);
    let bits = words
        .iter()
        .flat_map(|word| (0..32).map(move |k| word >> k & 1 == 1));
    bits.collect()
}

/// Bit `k` of line `line`, where it has one.
fn bit(words: &[u64], line: usize, k: usize) -> bool {
    let word = words.get(8 * line + k / 64);
    word.is_some_and(|word| word >> (k % 64) & 1 == 1)
}

/// The documented procedure with whole integers: digits are collected, and compared as numbers when there are enough to tell.
fn reference(rng: &mut LaneRng, classes: &[Vec<u64>; 3], thresholds: [u64; 3]) -> Vec<u64> {
    let n = classes[0].len();
    let mut out = vec![0; n];
    for group in 0..n.div_ceil(GROUP_WORDS) {
        let lines = GROUP * group..GROUP * (group + 1);
        let threshold = |line: usize, k: usize| {
            let class = (0..3).find(|&c| bit(&classes[c], line, k));
            class.map(|c| thresholds[c])
        };
        // The first digits of each integer, and how many there are.
        let mut integers = vec![[(0u64, 0); 512]; GROUP];
        let decided = |(digits, n): (u64, u32), threshold: u64| n == 64 || digits != threshold >> (64 - n);
        for _ in 0..OWN_DIGITS {
            for integers in &mut integers {
                for (integer, digit) in integers.iter_mut().zip(step(rng)) {
                    *integer = (2 * integer.0 + u64::from(digit), integer.1 + 1);
                }
            }
        }
        loop {
            // The first undecided line of each place.
            let first_undecided = |k: usize| {
                let undecided = |line: &usize| {
                    threshold(*line, k).is_some_and(|t| !decided(integers[line - lines.start][k], t))
                };
                lines.clone().find(undecided).map(|line| (line, k))
            };
            let mut sharing: Vec<(usize, usize)> = (0..512).filter_map(first_undecided).collect();
            if sharing.is_empty() {
                break;
            }
            while !sharing.is_empty() {
                let digits = step(rng);
                sharing.retain(|&(line, k)| {
                    let integer = &mut integers[line - lines.start][k];
                    *integer = (2 * integer.0 + u64::from(digits[k]), integer.1 + 1);
                    !decided(*integer, threshold(line, k).unwrap())
                });
            }
        }
        for line in lines.clone() {
            for k in 0..512 {
                let (digits, n) = integers[line - lines.start][k];
                if threshold(line, k).is_some_and(|t| digits < t >> (64 - n)) {
                    out[8 * line + k / 64] |= 1 << (k % 64);
                }
            }
        }
    }
    out
}

#[test]
fn bits_are_comparisons_of_integers_that_share_no_digits() {
    for (n, thresholds) in [
        (100, [u64::MAX / 3, u64::MAX / 7, 1 << 63]),
        (32, [0, u64::MAX, 1]),
        (7, [12_345_678_901_234_567_890, 1 << 50, (1 << 63) + 1]),
    ] {
        let classes = classes(n);
        let expected = reference(&mut rng(4), &classes, thresholds);
        for level in Executable::all() {
            let mut stream = rng(4);
            // A step that was begun is not continued.
            stream.word();
            let mut from_start = rng(4);
            step(&mut from_start);
            let after_word = reference(&mut from_start, &classes, thresholds);
            assert_eq!(draw(level, &mut stream, &classes, thresholds), after_word);
            let mut stream = rng(4);
            assert_eq!(draw(level, &mut stream, &classes, thresholds), expected);
            // The stream stands where the comparisons left it.
            let mut reference_stream = rng(4);
            reference(&mut reference_stream, &classes, thresholds);
            assert_eq!(stream.word(), reference_stream.word());
        }
    }
}

#[test]
fn nothing_is_below_zero_and_the_empty_class() {
    let none = [vec![0; 50], vec![0; 50], vec![0; 50]];
    for level in Executable::all() {
        assert_eq!(draw(level, &mut rng(1), &none, [u64::MAX; 3]), vec![0; 50]);
        assert_eq!(draw(level, &mut rng(1), &classes(50), [0; 3]), vec![0; 50]);
    }
}

#[test]
fn each_class_has_its_probability_and_bits_that_shared_digits_are_independent() {
    let thresholds = [u64::MAX / 6, u64::MAX / 34, u64::MAX / 10 * 7];
    let n = 32 * 4000;
    let classes = classes(n);
    let bits = draw(Executable::current(), &mut rng(2), &classes, thresholds);
    let probability = thresholds.map(|t| t as f64 / 2f64.powi(64));
    for c in 0..3 {
        let members: u32 = classes[c].iter().map(|word| word.count_ones()).sum();
        let set: u32 = classes[c]
            .iter()
            .zip(&bits)
            .map(|(class, bits)| (class & bits).count_ones())
            .sum();
        let (members, set) = (f64::from(members), f64::from(set));
        let deviation = (members * probability[c] * (1.0 - probability[c])).sqrt();
        // A false alarm in 10⁹.
        assert!(
            (set - members * probability[c]).abs() < 6.0 * deviation,
            "class {c}: {set} of {members}"
        );
    }
    // Pairs in the same place of two lines of a group, in neighbouring places of a line, and in one line and the next group.
    for (a, b, rotation) in [(0, 1, 0), (0, 3, 0), (1, 2, 0), (0, 0, 1), (3, 4, 0)] {
        let (mut pairs, mut both) = ([[0.0; 3]; 3], [[0.0; 3]; 3]);
        for g in (0..n - GROUP_WORDS).step_by(GROUP_WORDS) {
            for k in 0..8 {
                let (first, second) = (g + 8 * a + k, g + 8 * b + k);
                for c in 0..3 {
                    for d in 0..3 {
                        let pair = classes[c][first] & classes[d][second].rotate_left(rotation);
                        let set = pair & bits[first] & bits[second].rotate_left(rotation);
                        pairs[c][d] += f64::from(pair.count_ones());
                        both[c][d] += f64::from(set.count_ones());
                    }
                }
            }
        }
        for c in 0..3 {
            for d in 0..3 {
                let p = probability[c] * probability[d];
                let deviation = (pairs[c][d] * p * (1.0 - p)).sqrt();
                let found = both[c][d] - pairs[c][d] * p;
                assert!(
                    found.abs() < 6.0 * deviation,
                    "lines {a} and {b}, classes {c} and {d}: {found} off"
                );
            }
        }
    }
}

#[test]
#[should_panic(expected = "words of a class")]
fn classes_and_bits_are_of_one_length() {
    rng(0).fill_below([&[0; 3]], [0], &mut [0; 4]);
}
