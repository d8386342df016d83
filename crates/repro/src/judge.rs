//! An independent judge of pictures of digits: which digit, how surely, and how far from the nearest training picture.
//!
//! Samples must not be judged by the model that made them. Nearest neighbours among the training pictures know nothing of any model, need no
//! training that could go wrong, and say at once whether a sample is a copy. Pictures are averaged over 2 × 2 pixels first, which forgives a shift
//! by a pixel and lifts the accuracy on MNIST's test set from 96.9 % to above 97 %; the accuracy is measured wherever a verdict rests on it.

use gibbsian_core::parallel::map_indices;
use gibbsian_data::{Images, LabelledImages};
use gibbsian_linalg::matmul_into;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

use crate::Result;

/// Neighbours that vote.
const NEIGHBOURS: usize = 10;
/// Pictures compared at once; a block of distances to 60,000 references stays at 30 MB.
const AT_ONCE: usize = 128;

/// Nearest neighbours among labelled pictures.
pub struct Judge {
    /// Averaged pictures, one a row.
    references: Array2<f32>,
    squared_norms: Array1<f32>,
    labels: Vec<u8>,
    /// The side of the squares that are averaged.
    by: usize,
}

/// What the judge says of one picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// The digit.
    pub class: u8,
    /// The winning share of the votes of the ten nearest references, each weighing the inverse of its squared distance; in (0, 1].
    pub confidence: f64,
    /// The distance to the nearest reference, in units of pixels that are fully on.
    pub distance: f64,
}

impl Judge {
    /// The judge that knows these pictures, whose sides must be even.
    pub fn new(known: &LabelledImages) -> Result<Self> {
        Judge::averaging(known, 2)
    }

    /// The judge of pictures that are small enough to be compared as they are.
    pub fn of_small(known: &LabelledImages) -> Result<Self> {
        Judge::averaging(known, 1)
    }

    fn averaging(known: &LabelledImages, by: usize) -> Result<Self> {
        let references = averaged(known.images(), by)?;
        Ok(Judge {
            squared_norms: squared_norms(references.view()),
            references,
            labels: known.labels().as_slice().to_vec(),
            by,
        })
    }

    /// The accuracy on labelled pictures.
    pub fn accuracy(&self, test: &LabelledImages) -> Result<f64> {
        let judgements = self.judge_averaged(averaged(test.images(), self.by)?.view());
        let labels = test.labels().as_slice();
        let right = judgements
            .iter()
            .zip(labels)
            .filter(|(j, label)| j.class == **label)
            .count();
        Ok(right as f64 / labels.len() as f64)
    }

    /// Judges pictures of `height × width` pixels from 0 to 1, one a row.
    pub fn judge(&self, pictures: ArrayView2<f64>, height: usize, width: usize) -> Vec<Judgement> {
        let n = height * width / (self.by * self.by);
        let averaged = Array2::from_shape_fn((pictures.nrows(), n), |(b, k)| {
            let pixel = |i: usize| pictures[[b, i]] as f32;
            average(k, width, self.by, pixel)
        });
        self.judge_averaged(averaged.view())
    }

    fn judge_averaged(&self, pictures: ArrayView2<f32>) -> Vec<Judgement> {
        let mut judgements = Vec::with_capacity(pictures.nrows());
        let mut room = Array2::zeros((AT_ONCE.min(pictures.nrows()), self.labels.len()));
        for block in pictures.axis_chunks_iter(Axis(0), AT_ONCE) {
            // |a − r|² = |a|² − 2 a·r + |r|².
            let mut products = room.slice_mut(s![..block.nrows(), ..]);
            matmul_into(-2.0, block, self.references.t(), 0.0, products.view_mut());
            let norms = squared_norms(block);
            judgements.extend(map_indices(block.nrows(), |b| {
                self.vote(products.row(b), norms[b])
            }));
        }
        judgements
    }

    /// The vote of the nearest references, from `−2 a·r` of all of them.
    fn vote(&self, products: ArrayView1<f32>, norm: f32) -> Judgement {
        let mut nearest: Vec<(f32, u8)> = Vec::with_capacity(NEIGHBOURS + 1);
        let mut worst = f32::INFINITY;
        for ((product, reference), label) in products.iter().zip(&self.squared_norms).zip(&self.labels) {
            let distance = (norm + product + reference).max(0.0);
            if distance < worst || nearest.len() < NEIGHBOURS {
                let place = nearest.partition_point(|n| n.0 <= distance);
                nearest.insert(place, (distance, *label));
                nearest.truncate(NEIGHBOURS);
                worst = nearest[nearest.len() - 1].0;
            }
        }
        let mut votes = [0.0; 256];
        for (distance, label) in &nearest {
            votes[*label as usize] += 1.0 / f64::from(distance.max(1e-6));
        }
        let class = (0..=u8::MAX)
            .max_by(|a, b| votes[*a as usize].total_cmp(&votes[*b as usize]))
            .unwrap_or(0);
        Judgement {
            class,
            confidence: votes[class as usize] / votes.iter().sum::<f64>(),
            // An averaged pixel stands for its square.
            distance: self.by as f64 * f64::from(nearest[0].0).sqrt(),
        }
    }
}

/// Pictures averaged over squares, from 0 to 1.
fn averaged(images: &Images, by: usize) -> Result<Array2<f32>> {
    let (height, width) = (images.height(), images.width());
    if height % by + width % by > 0 {
        return Err(format!(
            "pictures of {height} × {width} pixels, but both sides must be multiples of {by}"
        )
        .into());
    }
    let shape = (images.n(), height * width / (by * by));
    Ok(Array2::from_shape_fn(shape, |(b, k)| {
        let pixels = images.pixels(b);
        average(k, width, by, |i| f32::from(pixels[i]) / 255.0)
    }))
}

/// The mean of the pixels behind averaged pixel `k`.
fn average(k: usize, width: usize, by: usize, pixel: impl Fn(usize) -> f32) -> f32 {
    let (row, column) = (k / (width / by), k % (width / by));
    let corner = by * (row * width + column);
    let square = (0..by).flat_map(|i| (0..by).map(move |j| corner + i * width + j));
    square.map(pixel).sum::<f32>() / (by * by) as f32
}

fn squared_norms(rows: ArrayView2<f32>) -> Array1<f32> {
    rows.rows().into_iter().map(|row| row.dot(&row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_data::Labels;

    fn halves() -> LabelledImages {
        // Twelve pictures of 2 × 4 pixels: ink left is class 0, ink right class 1.
        let pixels = (0..12).flat_map(|n| {
            let left = if n % 2 == 0 { 255 } else { n as u8 };
            let right = if n % 2 == 0 { n as u8 } else { 255 };
            [left, left, right, right, left, left, right, right]
        });
        let images = Images::new(12, 2, 4, pixels.collect()).unwrap();
        let labels = Labels::new((0..12).map(|n| n % 2).collect(), 10).unwrap();
        LabelledImages::new(images, labels).unwrap()
    }

    #[test]
    fn the_nearest_reference_decides() {
        let judge = Judge::new(&halves()).unwrap();
        assert_eq!(judge.accuracy(&halves()).unwrap(), 1.0);
        let picture = ndarray::array![
            [1.0, 1.0, 0.1, 0.0, 1.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.9]
        ];
        let said = judge.judge(picture.view(), 2, 4);
        assert_eq!((said[0].class, said[1].class), (0, 1));
        assert!(said[0].confidence > 0.9 && said[1].confidence > 0.9, "{said:?}");
        // The averaged picture is (1, 0.025); the nearest reference is (1, 6/255), and an averaged pixel stands for four.
        assert!(
            (said[0].distance - 2.0 * (0.025 - 6.0 / 255.0)).abs() < 1e-4,
            "{said:?}"
        );
    }
}
