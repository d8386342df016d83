//! The two pictures, in black and white.

use std::path::Path;

use gibbsian_classical::field::{FlipNoise, Noise};
use gibbsian_classical::{Boundary, Graph};
use gibbsian_core::Seed;
use gibbsian_data::read_png;
use ndarray::{Array1, Array2};

use crate::Result;

/// A picture of ink, 1, on paper, 0, and what noise made of it.
pub(super) struct Noisy {
    pub(super) name: &'static str,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) clean: Array1<f64>,
    pub(super) noisy: Array1<f64>,
}

impl Noisy {
    /// Pixels of the horse are ink where they are darker than the middle; one in `1/flip` is then flipped.
    pub(super) fn horse(flip: f64, seed: Seed) -> Result<Self> {
        let grey = grey("horse")?;
        Noisy::of(
            "horse",
            grey.mapv(|g| if g < 128.0 { 1.0 } else { 0.0 }),
            flip,
            seed,
        )
    }

    /// Paper in a photograph is not equally bright everywhere: pixels of the text are ink where they are 20 levels darker than the mean of the 21 × 21 pixels around them.
    pub(super) fn text(flip: f64, seed: Seed) -> Result<Self> {
        const RADIUS: usize = 10;
        let grey = grey("text")?;
        let (height, width) = grey.dim();
        let ink = Array2::from_shape_fn((height, width), |(r, c)| {
            // Beyond the edge lies what is at the edge.
            let at = |k: usize, middle: usize, n: usize| (middle + k).saturating_sub(RADIUS).min(n - 1);
            let side = 2 * RADIUS + 1;
            let mut sum = 0.0;
            for i in 0..side {
                for j in 0..side {
                    sum += grey[[at(i, r, height), at(j, c, width)]];
                }
            }
            let mean = sum / (side * side) as f64;
            if grey[[r, c]] < mean - 20.0 { 1.0 } else { 0.0 }
        });
        Noisy::of("text", ink, flip, seed)
    }

    fn of(name: &'static str, ink: Array2<f64>, flip: f64, seed: Seed) -> Result<Self> {
        let (height, width) = ink.dim();
        let clean = ink.into_flat();
        let noise = FlipNoise::symmetric(vec![0.0, 1.0], flip)?;
        let noisy = noise.corrupt(clean.view(), &mut seed.child(name).rng())?;
        Ok(Noisy {
            name,
            height,
            width,
            clean,
            noisy,
        })
    }

    /// The middle of the picture, 128 × 160 pixels.
    pub(super) fn window(&self) -> Noisy {
        const SIZE: [usize; 2] = [128, 160];
        let (top, left) = ((self.height - SIZE[0]) / 2, (self.width - SIZE[1]) / 2);
        let cut = |y: &Array1<f64>| {
            Array1::from_shape_fn(SIZE[0] * SIZE[1], |k| {
                y[(top + k / SIZE[1]) * self.width + left + k % SIZE[1]]
            })
        };
        Noisy {
            name: self.name,
            height: SIZE[0],
            width: SIZE[1],
            clean: cut(&self.clean),
            noisy: cut(&self.noisy),
        }
    }

    pub(super) fn graph(&self) -> Result<Graph> {
        Ok(Graph::lattice(&[self.height, self.width], Boundary::Open)?)
    }

    /// The share of the pixels that are wrong in a restoration.
    pub(super) fn error(&self, y: &Array1<f64>) -> f64 {
        let wrong = y.iter().zip(&self.clean).filter(|(a, b)| a != b).count();
        wrong as f64 / self.clean.len() as f64
    }

    /// The share of the clean pixels that at least two neighbours contradict.
    pub(super) fn contradicted(&self) -> Result<f64> {
        let graph = self.graph()?;
        let contradicted = (0..self.clean.len()).filter(|&i| {
            let others = graph.neighbours(i).iter();
            others.filter(|n| self.clean[n.site] != self.clean[i]).count() >= 2
        });
        Ok(contradicted.count() as f64 / self.clean.len() as f64)
    }
}

/// The grey levels of a picture that comes with the project, 0 to 255.
pub(super) fn grey(name: &str) -> Result<Array2<f64>> {
    let file = format!("{name}.png");
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../data/images")
        .join(file);
    Ok(read_png(path)?.picture(0).mapv(f64::from))
}
