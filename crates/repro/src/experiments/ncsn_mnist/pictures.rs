//! The digits, small and large, with their judge.

use gibbsian_core::Seed;
use gibbsian_data::{Images, LabelledImages, LabelledTable, Labels, Mnist};
use ndarray::{Array2, ArrayView2};
use rand::seq::SliceRandom;

use crate::Result;
use crate::judge::{Judge, Judgement};

/// Digits with pixels from 0 to 1.
pub(super) struct Pictures {
    pub(super) side: usize,
    pub(super) train: Array2<f64>,
    pub(super) test: Array2<f64>,
    pub(super) test_labels: Vec<u8>,
    judge: Judge,
    judged: LabelledImages,
}

/// Small digits that are held out.
const N_TEST: usize = 400;

impl Pictures {
    /// 1,797 digits of 8 × 8 pixels; which are held out is drawn.
    pub(super) fn small(seed: Seed) -> Result<Self> {
        let table = LabelledTable::digits(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/tables"))?;
        let mut order: Vec<usize> = (0..table.features().nrows()).collect();
        order.shuffle(&mut seed.rng());
        let (test, train) = order.split_at(N_TEST);
        let labelled = |rows: &[usize]| -> Result<LabelledImages> {
            let pixel = |row: &usize, i: usize| (table.features()[[*row, i]] * 255.0 / 16.0).round() as u8;
            let pixels = rows.iter().flat_map(|row| (0..64).map(move |i| (row, i)));
            let pixels = pixels.map(|(row, i)| pixel(row, i)).collect();
            let labels = rows.iter().map(|row| table.labels().as_slice()[*row]).collect();
            let images = Images::new(rows.len(), 8, 8, pixels)?;
            Ok(LabelledImages::new(images, Labels::new(labels, 10)?)?)
        };
        let (train, test) = (labelled(train)?, labelled(test)?);
        let judge = Judge::of_small(&train)?;
        Ok(Pictures::new(&train, test, judge))
    }

    /// MNIST.
    pub(super) fn large() -> Result<Self> {
        let digits = Mnist::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/mnist"))?;
        let judge = Judge::new(&digits.train)?;
        Ok(Pictures::new(&digits.train, digits.test, judge))
    }

    fn new(train: &LabelledImages, test: LabelledImages, judge: Judge) -> Self {
        Pictures {
            side: test.images().height(),
            train: grey(train.images()),
            test: grey(test.images()),
            test_labels: test.labels().as_slice().to_vec(),
            judge,
            judged: test,
        }
    }

    pub(super) fn dim(&self) -> usize {
        self.train.ncols()
    }

    /// What the judge says of pictures.
    pub(super) fn judge(&self, pictures: ArrayView2<f64>) -> Vec<Judgement> {
        self.judge.judge(pictures, self.side, self.side)
    }

    /// The judge's accuracy on the test digits.
    pub(super) fn accuracy(&self) -> Result<f64> {
        self.judge.accuracy(&self.judged)
    }
}

fn grey(images: &Images) -> Array2<f64> {
    Array2::from_shape_fn((images.n(), images.dim()), |(b, i)| {
        f64::from(images.pixels(b)[i]) / 255.0
    })
}
