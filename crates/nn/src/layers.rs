//! Layers of networks without spatial structure.

use std::f64::consts::PI;

use gibbsian_core::Seed;
use gibbsian_grad::Var;
use rand::RngExt;
use rand_distr::StandardNormal;

use crate::init::Init;
use crate::net::Net;

/// A nonlinearity between layers.
///
/// Score matching differentiates a network twice in `x` and once more in its parameters, and an energy once more than a score: use a smooth one there. The second derivative of [`Activation::Relu`] is zero
/// wherever it exists, so implicit and sliced score matching of an energy that is made with it would not see the trace at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// `x σ(x)` (Elfwing, Uchibe and Doya 2018).
    Silu,
    /// `tanh x`.
    Tanh,
    /// `log(1 + eˣ)`.
    Softplus,
    /// `max(x, 0)`: not smooth.
    Relu,
    /// `sin x` (Sitzmann, Martel, Bergman, Lindell and Wetzstein 2020).
    Sine,
}

impl Net<'_> {
    /// `x W + b` with weights from [`Init::LeCun`] and a bias from `U(−1/√n, 1/√n)`, `n` the columns of `x`; the parameters are `name.weights` `(n, width)` and `name.bias` `(width)`.
    ///
    /// The biases are not zero because with few inputs all the kinks of the first layer would pass through the origin.
    pub fn dense(&mut self, name: &str, x: Var, width: usize) -> Var {
        self.dense_from(name, x, width, Init::LeCun)
    }

    /// [`Net::dense`] with weights from another law; the bias is zero where the weights are.
    pub fn dense_from(&mut self, name: &str, x: Var, width: usize, init: Init) -> Var {
        let n = self.width(x);
        let bias = match init {
            Init::Zeros => Init::Zeros,
            _ => Init::Uniform {
                bound: (n as f64).sqrt().recip(),
            },
        };
        let w = self.matrix(&format!("{name}.weights"), (n, width), init);
        let b = self.row(&format!("{name}.bias"), width, bias);
        self.affine(x, w, b)
    }

    /// The activation of every number.
    pub fn activate(&mut self, activation: Activation, x: Var) -> Var {
        match activation {
            Activation::Silu => self.silu(x),
            Activation::Tanh => self.tanh(x),
            Activation::Softplus => self.softplus(x),
            Activation::Relu => self.relu(x),
            Activation::Sine => self.sin(x),
        }
    }

    /// Dense layers with an activation after each but the last: a multilayer perceptron; the layers are `name.0`, `name.1`, ….
    pub fn mlp(&mut self, name: &str, x: Var, hidden: &[usize], width: usize, activation: Activation) -> Var {
        let mut x = x;
        for (k, &n) in hidden.iter().enumerate() {
            x = self.dense(&format!("{name}.{k}"), x, n);
            x = self.activate(activation, x);
        }
        self.dense(&format!("{name}.{}", hidden.len()), x, width)
    }

    /// `x + f(x)` with two dense layers, each after an activation (He, Zhang, Ren and Sun 2016, figure 4e). The second begins at zero, so that the block begins as the identity.
    pub fn residual(&mut self, name: &str, x: Var, hidden: usize, activation: Activation) -> Var {
        let width = self.width(x);
        let h = self.activate(activation, x);
        let h = self.dense(&format!("{name}.0"), h, hidden);
        let h = self.activate(activation, h);
        let h = self.dense_from(&format!("{name}.1"), h, width, Init::Zeros);
        self.add(x, h)
    }

    /// Layer normalisation of every row, `γ (x − mean) / √(var + 1e-5) + β` (Ba, Kiros and Hinton 2016), with gains `name.gain` and shifts `name.shift`.
    pub fn layer_norm(&mut self, name: &str, x: Var) -> Var {
        let n = self.width(x);
        let mean = self.total(x);
        let mean = self.scale(1.0 / n as f64, mean);
        let mean = self.spread(mean, n);
        let centred = self.sub(x, mean);
        let power = self.dot(centred, centred);
        let variance = self.scale(1.0 / n as f64, power);
        let floor = self.constant(1, 1e-5);
        let variance = self.add(variance, floor);
        let sd = self.sqrt(variance);
        let inverse = self.recip(sd);
        let inverse = self.spread(inverse, n);
        let normal = self.mul(centred, inverse);
        let gain = self.row(&format!("{name}.gain"), n, Init::Constant(1.0));
        let shift = self.row(&format!("{name}.shift"), n, Init::Zeros);
        let (gain, shift) = (self.lift(gain), self.lift(shift));
        let scaled = self.mul(gain, normal);
        self.add(scaled, shift)
    }

    /// `[sin ω_k t, cos ω_k t]` at frequencies that fall geometrically from 1 to `1/longest`, `width` columns (Vaswani et al. 2017, section 3.5, for a real `t`).
    /// A `longest` that is not positive and finite is refused when the model is made.
    ///
    /// # Panics
    /// When `t` is not one column or `width` is odd.
    pub fn sinusoidal_embedding(&mut self, t: Var, width: usize, longest: f64) -> Var {
        assert!(width.is_multiple_of(2), "a sine and a cosine for every frequency");
        self.require("longest", longest, longest > 0.0 && longest.is_finite());
        let half = width / 2;
        let frequencies: Vec<f64> = (0..half)
            .map(|k| longest.powf(-(k as f64) / (half.max(2) - 1) as f64))
            .collect();
        self.waves(t, &frequencies)
    }

    /// `[sin 2π ω_k t, cos 2π ω_k t]` at frequencies from `N(0, scale²)` that are drawn once and never trained, `width` columns (Tancik et al. 2020; Song et al. 2021, appendix C).
    ///
    /// The frequencies are no parameters, so they come from a seed of their own: a model that is built again for stored weights needs the same. A `scale` that is not positive and finite is refused when the model is made.
    ///
    /// # Panics
    /// When `t` is not one column or `width` is odd.
    pub fn fourier_embedding(&mut self, t: Var, width: usize, scale: f64, seed: Seed) -> Var {
        assert!(width.is_multiple_of(2), "a sine and a cosine for every frequency");
        self.require("scale", scale, scale > 0.0 && scale.is_finite());
        let mut rng = seed.rng();
        let frequencies: Vec<f64> = (0..width / 2)
            .map(|_| 2.0 * PI * scale * rng.sample::<f64, _>(StandardNormal))
            .collect();
        self.waves(t, &frequencies)
    }

    fn waves(&mut self, t: Var, frequencies: &[f64]) -> Var {
        let n = frequencies.len();
        let (t, frequencies) = (self.spread(t, n), self.constant_row(frequencies));
        let angles = self.mul(t, frequencies);
        let (sines, cosines) = (self.sin(angles), self.cos(angles));
        self.concat(&[sines, cosines])
    }

    /// `c x`, with one number `c` a row.
    pub fn times(&mut self, x: Var, c: Var) -> Var {
        let width = self.width(x);
        let c = self.spread(c, width);
        self.mul(x, c)
    }

    /// `−f/σ`: the score that predicts the noise `f` at the level `σ`, one number a row (Song and Ermon 2019; Ho, Jain and Abbeel 2020).
    pub fn noise_to_score(&mut self, f: Var, sigma: Var) -> Var {
        let inverse = self.recip(sigma);
        let inverse = self.scale(-1.0, inverse);
        self.times(f, inverse)
    }

    /// `½ ‖f‖²`, an energy that is never negative.
    pub fn half_square(&mut self, f: Var) -> Var {
        let power = self.dot(f, f);
        self.scale(0.5, power)
    }

    /// `½ ‖x − f(x)‖²`, the energy whose score is a denoiser's direction where the autoencoder `f` is well trained (Salimans and Ho 2021, section 2).
    pub fn reconstruction_energy(&mut self, x: Var, f: Var) -> Var {
        let residual = self.sub(x, f);
        self.half_square(residual)
    }

    /// `e + ‖x‖² / (2 σ²)`, `σ = deviation`: an energy times a Gaussian, which is normalisable whenever the rest is bounded from below (Nijkamp, Hill, Zhu and Wu 2019). A `deviation` that is not positive and finite is refused
    /// when the model is made.
    pub fn confined(&mut self, energy: Var, x: Var, deviation: f64) -> Var {
        self.require("deviation", deviation, deviation > 0.0 && deviation.is_finite());
        let half = self.half_square(x);
        let well = self.scale(deviation.powi(-2), half);
        self.add(energy, well)
    }
}
