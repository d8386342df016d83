//! What networks on pictures are made of, beside convolutions.
//!
//! A picture is a row with the channels of a pixel side by side. Pools, enlargements, normalisation and everything that is the same for all pixels are sums over axes and repetitions along them
//! ([`Axis`]), so they need no derivatives of their own.

use crate::axis::Axis;
use crate::graph::{Graph, Var};

/// Sizes of a picture.
///
/// ```
/// use gibbsian_grad::{Graph, Image, Plan, Workspace};
/// use ndarray::Array2;
///
/// let image = Image { height: 2, width: 2, channels: 3 };
/// assert_eq!((image.pixels(), image.len()), (4, 12));
/// let mut g = Graph::new();
/// let x = g.input(image.len());
/// let mean = g.pixel_mean(x, image);
/// let picture = Array2::from_shape_fn((1, 12), |(_, i)| (i % 3) as f64);
/// let out = Plan::new(&g, &[mean]).evaluate(&mut Workspace::<f64>::new(), &[], &[picture.view()]);
/// assert_eq!(out[0], ndarray::array![[0.0, 1.0, 2.0]]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Image {
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pixels from left to right.
    pub width: usize,
    /// Numbers of a pixel.
    pub channels: usize,
}

impl Image {
    /// The number of pixels.
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Numbers in all.
    pub fn len(&self) -> usize {
        self.pixels() * self.channels
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The axis of the pixels.
    fn over_pixels(&self) -> Axis {
        Axis {
            outer: 1,
            n: self.pixels(),
            inner: self.channels,
        }
    }

    /// The axes of a square's rows and columns, in a picture of so many times as many pixels either way.
    fn squares(&self, by: usize) -> (Axis, Axis) {
        let rows = Axis {
            outer: self.height,
            n: by,
            inner: by * self.width * self.channels,
        };
        let columns = Axis {
            outer: self.pixels(),
            n: by,
            inner: self.channels,
        };
        (rows, columns)
    }
}

impl Graph {
    /// A number a channel, for all pixels.
    pub fn for_all_pixels(&mut self, x: Var, image: Image) -> Var {
        self.repeat_along(x, image.over_pixels())
    }

    /// The sum of every channel over the pixels.
    pub fn pixel_sum(&mut self, x: Var, image: Image) -> Var {
        self.sum_over(x, image.over_pixels())
    }

    /// The mean of every channel over the pixels.
    pub fn pixel_mean(&mut self, x: Var, image: Image) -> Var {
        let sum = self.pixel_sum(x, image);
        self.scale(1.0 / image.pixels() as f64, sum)
    }

    /// `x + b`, with a number a channel.
    pub fn add_channels(&mut self, x: Var, b: Var, image: Image) -> Var {
        let repeated = self.for_all_pixels(b, image);
        self.add(x, repeated)
    }

    /// `x a`, with a number a channel.
    pub fn mul_channels(&mut self, x: Var, a: Var, image: Image) -> Var {
        let repeated = self.for_all_pixels(a, image);
        self.mul(x, repeated)
    }

    /// The mean of every square of `by × by` pixels.
    ///
    /// # Panics
    /// When the squares do not tile the picture.
    pub fn mean_pool(&mut self, x: Var, image: Image, by: usize) -> Var {
        let small = Image {
            height: image.height / by,
            width: image.width / by,
            channels: image.channels,
        };
        assert!(
            small.height * by == image.height && small.width * by == image.width,
            "squares of {by} pixels do not tile {image:?}"
        );
        let (rows, columns) = small.squares(by);
        let sum = self.sum_over(x, rows);
        let sum = self.sum_over(sum, columns);
        self.scale(1.0 / (by * by) as f64, sum)
    }

    /// Every pixel as a square of `by × by`.
    pub fn enlarge(&mut self, x: Var, image: Image, by: usize) -> Var {
        let (rows, columns) = image.squares(by);
        let wide = self.repeat_along(x, columns);
        self.repeat_along(wide, rows)
    }

    /// The channels of one picture and then those of another, of as many pixels.
    pub fn join_channels(&mut self, a: Var, b: Var, pixels: usize) -> Var {
        self.join(a, b, pixels)
    }

    /// Group normalisation `y = a (x − m) / √(v + ε) + b`, with the mean `m` and variance `v` over the pixels and channels of each of `groups` equal groups of channels, and a gain `a` and a shift `b` for
    /// every channel (Wu and He 2018, equations 1 to 6). Gain and shift are nodes, of parameters or of anything else.
    ///
    /// # Panics
    /// When the channels are not a multiple of the groups.
    pub fn group_norm(
        &mut self,
        x: Var,
        image: Image,
        groups: usize,
        epsilon: f64,
        gain: Var,
        shift: Var,
    ) -> Var {
        assert!(
            image.channels.is_multiple_of(groups),
            "{} channels in {groups} groups",
            image.channels
        );
        let members = Axis {
            outer: groups,
            n: image.channels / groups,
            inner: 1,
        };
        let count = (image.pixels() * members.n) as f64;
        let sums = self.pixel_sum(x, image);
        let sums = self.sum_over(sums, members);
        let mean = self.scale(-1.0 / count, sums);
        let mean = self.repeat_along(mean, members);
        let centred = self.add_channels(x, mean, image);

        let squares = self.square(centred);
        let squares = self.pixel_sum(squares, image);
        let squares = self.sum_over(squares, members);
        let variance = self.scale(1.0 / count, squares);
        let epsilon = self.constant(groups, epsilon);
        let variance = self.add(variance, epsilon);
        let deviation = self.sqrt(variance);
        let precision = self.recip(deviation);
        let factor = self.repeat_along(precision, members);
        // One pass over the picture for both.
        let factor = self.mul(factor, gain);
        let scaled = self.mul_channels(centred, factor, image);
        self.add_channels(scaled, shift, image)
    }
}
