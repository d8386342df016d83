//! Digits, small and large, with their judge: what models of pictures learn from and are judged by.

use gibbsian_core::Seed;
use gibbsian_data::{Images, LabelledImages, LabelledTable, Labels, Mnist};
use ndarray::{Array2, ArrayView2};
use rand::seq::{SliceRandom, index};

use crate::Result;
use crate::judge::{Judge, Judgement};

/// Digits with pixels from 0 to 1, one a row.
pub struct Pictures {
    /// The number of pixels of a side.
    pub side: usize,
    /// What is learnt from.
    pub train: Array2<f64>,
    /// What is held out.
    pub test: Array2<f64>,
    /// Which digits those are.
    pub test_labels: Vec<u8>,
    judge: Judge,
    judged: LabelledImages,
}

/// Small digits that are held out.
const N_TEST: usize = 400;

impl Pictures {
    /// 1,797 digits of 8 × 8 pixels (Alpaydin and Kaynak 1998), of which 400 are held out; which ones is drawn.
    pub fn small(seed: Seed) -> Result<Self> {
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

    /// MNIST (LeCun and Cortes), 60,000 and 10,000 digits of 28 × 28 pixels.
    pub fn large() -> Result<Self> {
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

    /// The number of pixels.
    pub fn dim(&self) -> usize {
        self.train.ncols()
    }

    /// The numbers of so many held-out digits, drawn without replacement: the first of MNIST's were written by neater hands than the others.
    pub fn some_held_out(&self, n: usize, seed: Seed) -> Vec<usize> {
        index::sample(&mut seed.rng(), self.test.nrows(), n).into_vec()
    }

    /// The numbers of so many digits that are learnt from, drawn without replacement: the order of MNIST's is not one of chance.
    pub fn some_learnt(&self, n: usize, seed: Seed) -> Vec<usize> {
        index::sample(&mut seed.rng(), self.train.nrows(), n).into_vec()
    }

    /// What the judge says of pictures.
    pub fn judge(&self, pictures: ArrayView2<f64>) -> Judged {
        Judged(self.judge.judge(pictures, self.side, self.side))
    }

    /// The judge's accuracy on the test digits.
    pub fn accuracy(&self) -> Result<f64> {
        self.judge.accuracy(&self.judged)
    }
}

/// What the judge says of some pictures.
pub struct Judged(pub Vec<Judgement>);

impl Judged {
    /// Its mean confidence.
    pub fn confidence(&self) -> f64 {
        self.0.iter().map(|j| j.confidence).sum::<f64>() / self.0.len() as f64
    }

    /// The share that it takes for the digits that they are.
    pub fn accuracy(&self, labels: &[u8]) -> f64 {
        let pairs = self.0.iter().zip(labels);
        pairs.filter(|(said, label)| said.class == **label).count() as f64 / self.0.len() as f64
    }

    /// The share of pictures that it takes for this digit.
    pub fn share(&self, class: u8) -> f64 {
        self.0.iter().filter(|j| j.class == class).count() as f64 / self.0.len() as f64
    }

    /// The number of digits that it takes at least this share of the pictures for.
    pub fn n_classes(&self, share: f64) -> usize {
        (0..10).filter(|class| self.share(*class) >= share).count()
    }

    /// The median distance to the nearest training digit.
    pub fn distance(&self) -> f64 {
        let mut distances: Vec<f64> = self.0.iter().map(|j| j.distance).collect();
        distances.sort_by(f64::total_cmp);
        distances[distances.len() / 2]
    }
}

fn grey(images: &Images) -> Array2<f64> {
    Array2::from_shape_fn((images.n(), images.dim()), |(b, i)| {
        f64::from(images.pixels(b)[i]) / 255.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judgements_are_summed_up() {
        let judgement = |class, confidence, distance| Judgement {
            class,
            confidence,
            distance,
        };
        let judged = Judged(vec![
            judgement(3, 1.0, 0.5),
            judgement(3, 0.5, 4.0),
            judgement(7, 0.75, 1.0),
            judgement(3, 0.75, 2.0),
        ]);
        assert_eq!(judged.confidence(), 0.75);
        assert_eq!(
            (judged.share(3), judged.share(7), judged.share(0)),
            (0.75, 0.25, 0.0)
        );
        assert_eq!((judged.n_classes(0.25), judged.n_classes(0.3)), (2, 1));
        assert_eq!(judged.distance(), 2.0);
        assert_eq!(judged.accuracy(&[3, 3, 7, 0]), 0.75);
    }
}
