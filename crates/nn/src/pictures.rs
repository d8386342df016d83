//! Layers of networks on pictures, and the U-Net.

use gibbsian_grad::{Geometry, Image, Var};

use crate::init::Init;
use crate::layers::Activation;
use crate::net::Net;

/// A node that is a picture, and its sizes; the channels of a pixel lie side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The node.
    pub node: Var,
    /// Its sizes.
    pub image: Image,
}

impl Picture {
    /// A node as a picture, such as a model's points.
    pub fn new(node: Var, height: usize, width: usize, channels: usize) -> Self {
        let image = Image {
            height,
            width,
            channels,
        };
        Picture { node, image }
    }

    fn with(self, node: Var, channels: usize) -> Self {
        let image = Image {
            channels,
            ..self.image
        };
        Picture { node, image }
    }
}

/// Sizes of a U-Net.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UNet {
    /// Channels at every resolution, from the finest; each resolution has half the pixels of the last, either way.
    pub channels: Vec<usize>,
    /// Groups of a normalisation, where there are so many channels.
    pub groups: usize,
    /// The nonlinearity.
    pub activation: Activation,
}

impl UNet {
    /// These channels at every resolution, from the finest, normalised in eight groups, with sigmoid-weighted units.
    pub fn new(channels: Vec<usize>) -> Self {
        UNet {
            channels,
            groups: 8,
            activation: Activation::Silu,
        }
    }
}

impl Net<'_> {
    /// A convolution by an odd `kernel` that keeps the size, with a bias a channel; the parameters are `name.weights` `(kernel² · in, channels)` and `name.bias` `(channels)`.
    pub fn conv2d(&mut self, name: &str, x: Picture, channels: usize, kernel: usize, init: Init) -> Picture {
        self.strided_conv2d(name, x, channels, kernel, 1, init)
    }

    /// The same at every `stride`-th pixel, either way: `(size − kernel + 2p) / stride + 1` pixels remain, with `p = ⌊(kernel − 1)/2⌋` zeros on every side. So 4 × 4 taps and a stride of two halve an even size.
    ///
    /// # Panics
    /// When the stride is zero, or the kernel larger than the picture with its border.
    pub fn strided_conv2d(
        &mut self,
        name: &str,
        x: Picture,
        channels: usize,
        kernel: usize,
        stride: usize,
        init: Init,
    ) -> Picture {
        let Image {
            height,
            width,
            channels: in_channels,
        } = x.image;
        let geometry = Geometry {
            stride,
            padding: kernel.saturating_sub(1) / 2,
            ..Geometry::same(in_channels, channels, height, width, kernel)
        };
        geometry.check();
        let w = self.matrix(&format!("{name}.weights"), geometry.weights(), init);
        let b = self.row(&format!("{name}.bias"), channels, Init::Zeros);
        let node = self.conv(x.node, w, geometry);
        let y = Picture::new(node, geometry.out_height(), geometry.out_width(), channels);
        let b = self.lift(b);
        self.shifted(y, b)
    }

    /// A number a channel added to all pixels.
    fn shifted(&mut self, x: Picture, by: Var) -> Picture {
        let node = self.add_channels(x.node, by, x.image);
        x.with(node, x.image.channels)
    }

    /// Group normalisation with gains `name.gain` and shifts `name.shift` a channel, `ε = 1e-5` (Wu and He 2018); in as many groups as divide the channels, at most `groups`.
    pub fn group_norm2d(&mut self, name: &str, x: Picture, groups: usize) -> Picture {
        let n = x.image.channels;
        let groups = (1..=groups.min(n))
            .rev()
            .find(|g| n.is_multiple_of(*g))
            .unwrap_or(1);
        let gain = self.row(&format!("{name}.gain"), n, Init::Constant(1.0));
        let shift = self.row(&format!("{name}.shift"), n, Init::Zeros);
        let (gain, shift) = (self.lift(gain), self.lift(shift));
        let node = self.group_norm(x.node, x.image, groups, 1e-5, gain, shift);
        x.with(node, n)
    }

    /// The means of squares of `by × by` pixels.
    pub fn pooled(&mut self, x: Picture, by: usize) -> Picture {
        let node = self.mean_pool(x.node, x.image, by);
        let Image {
            height,
            width,
            channels,
        } = x.image;
        Picture::new(node, height / by, width / by, channels)
    }

    /// Every pixel as a square of `by × by`.
    pub fn enlarged(&mut self, x: Picture, by: usize) -> Picture {
        let node = self.enlarge(x.node, x.image, by);
        let Image {
            height,
            width,
            channels,
        } = x.image;
        Picture::new(node, height * by, width * by, channels)
    }

    /// The channels of one picture and then those of another of the same size.
    pub fn joined(&mut self, a: Picture, b: Picture) -> Picture {
        let node = self.join_channels(a.node, b.node, a.image.pixels());
        a.with(node, a.image.channels + b.image.channels)
    }

    /// A residual block: `x + f(x)` with normalisation, activation and a 3 × 3 convolution, twice (He, Zhang, Ren and Sun 2016, figure 4e); where the channels change, `x` goes through a 1 × 1 convolution. An `embedding`
    /// of a time, if there is one, is added to all pixels between the convolutions through a dense layer (Ho, Jain and Abbeel 2020, appendix B). The second convolution begins at zero.
    pub fn residual2d(
        &mut self,
        name: &str,
        x: Picture,
        channels: usize,
        embedding: Option<Var>,
        sizes: &UNet,
    ) -> Picture {
        let mut h = self.group_norm2d(&format!("{name}.norm0"), x, sizes.groups);
        h.node = self.activate(sizes.activation, h.node);
        h = self.conv2d(&format!("{name}.conv0"), h, channels, 3, Init::LeCun);
        if let Some(embedding) = embedding {
            let shift = self.dense(&format!("{name}.embedding"), embedding, channels);
            h = self.shifted(h, shift);
        }
        h = self.group_norm2d(&format!("{name}.norm1"), h, sizes.groups);
        h.node = self.activate(sizes.activation, h.node);
        h = self.conv2d(&format!("{name}.conv1"), h, channels, 3, Init::Zeros);
        let skip = match x.image.channels == channels {
            true => x,
            false => self.conv2d(&format!("{name}.skip"), x, channels, 1, Init::LeCun),
        };
        let sum = self.add(skip.node, h.node);
        h.with(sum, channels)
    }

    /// A U-Net (Ronneberger, Fischer and Brox 2015) of residual blocks: one at every resolution on the way down, two at the coarsest, one on the way up, which also sees what the way down had at its
    /// resolution; at the end a normalisation, an activation and a 3 × 3 convolution to as many channels as `x` has, which begins at zero.
    ///
    /// # Panics
    /// When there are no resolutions, or a picture cannot be halved so often.
    pub fn unet(&mut self, name: &str, x: Picture, embedding: Option<Var>, sizes: &UNet) -> Picture {
        let (coarsest, finer) = sizes.channels.split_last().expect("a resolution");
        let mut skips = Vec::new();
        let mut h = x;
        for (k, &channels) in finer.iter().enumerate() {
            h = self.residual2d(&format!("{name}.down{k}"), h, channels, embedding, sizes);
            skips.push(h);
            h = self.pooled(h, 2);
        }
        for k in 0..2 {
            h = self.residual2d(&format!("{name}.middle{k}"), h, *coarsest, embedding, sizes);
        }
        for (k, skip) in skips.into_iter().enumerate().rev() {
            h = self.enlarged(h, 2);
            h = self.joined(h, skip);
            h = self.residual2d(&format!("{name}.up{k}"), h, finer[k], embedding, sizes);
        }
        h = self.group_norm2d(&format!("{name}.norm"), h, sizes.groups);
        h.node = self.activate(sizes.activation, h.node);
        self.conv2d(&format!("{name}.out"), h, x.image.channels, 3, Init::Zeros)
    }
}
