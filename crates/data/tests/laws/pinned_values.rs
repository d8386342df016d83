//! Golden values: a change here changes results of every seeded run and belongs into the changelog.
//!
//! They were computed by a second implementation, in a language with unbounded integers, so no width of `usize` entered.

use gibbsian_core::dataset::{BatchOrder, Dataset};
use gibbsian_core::{Seed, Streams};
use gibbsian_data::{
    Images, LastBatch, Minibatches, Shuffle, StochasticBinarised, bars_and_stripes, hold_out,
    labelled_shifter,
};

/// FNV-1a over little-endian 64-bit words, to pin a long sequence by one number.
fn digest(words: impl IntoIterator<Item = u64>) -> u64 {
    let bytes = words.into_iter().flat_map(u64::to_le_bytes);
    bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

#[test]
fn orders_are_pinned() {
    let shuffle = Shuffle::new(10, Seed::new(0)).unwrap();
    assert_eq!(shuffle.order(0), [2, 9, 6, 7, 4, 1, 5, 8, 0, 3]);
    assert_eq!(shuffle.order(1), [2, 1, 4, 7, 6, 9, 0, 3, 8, 5]);
    let large = Shuffle::new(60_000, Seed::new(0)).unwrap().order(3);
    assert_eq!(
        digest(large.iter().map(|&i| i as u64)),
        12_867_928_728_048_775_821
    );
    let mut order = Minibatches::new(10, 4, LastBatch::Drop, Seed::new(1)).unwrap();
    assert_eq!(order.batch(3), [8, 9, 3, 4]);
    assert_eq!(hold_out(10, 3, Seed::new(2)).unwrap().held_out, [0, 1, 9]);
}

#[test]
fn tosses_are_pinned() {
    let images = Images::new(1, 4, 5, (0..20).map(|i| 13 * i).collect()).unwrap();
    let view = StochasticBinarised::new(images);
    let row: Vec<u8> = view
        .rows(&[0], Streams::from_key(0))
        .iter()
        .map(|&x| x as u8)
        .collect();
    assert_eq!(row, [0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1]);
    // A hundred rows reach into the fourth block and past several redrawn bytes.
    let batch = view.rows(&[0; 100], Streams::draw(&mut Seed::new(5).rng()));
    assert_eq!(
        digest(batch.iter().map(|&x| x as u64)),
        12_239_974_205_771_533_701
    );
}

#[test]
fn draws_of_patterns_are_pinned() {
    let x = bars_and_stripes(4).unwrap().sample(100, &mut Seed::new(0).rng());
    assert_eq!(digest(x.iter().map(|&x| x as u64)), 2_011_359_927_447_357_733);
    let x = labelled_shifter(8).unwrap().sample(100, &mut Seed::new(0).rng());
    assert_eq!(digest(x.iter().map(|&x| x as u64)), 14_693_952_045_795_781_381);
}
